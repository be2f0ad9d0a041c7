//! How often which value was seen, to within 1/128 of it, in a bounded space.
//!
//! Log-linear bins (the layout that HDR histograms made known): values below 256 have a bin each; above, each octave
//! `2^k..2^(k+1)` has 128 bins of equal width, so a bin is never wider than 1/128 of what lies in it. All of `u64` fits
//! into 7,424 bins. The space grows with the largest value seen, and a merge only adds counts, so the order of merges
//! doesn't matter.
//!
//! Rank convention: the quantile at p is the smallest x with F(x) ≥ p, where F rises linearly within a bin from the
//! bin's lowest to its highest value (of the outermost bins, from the smallest and to the largest value seen).
//! [`Histogram::quantile`] and [`Histogram::fraction_at_most`] share that F and so are inverse to each other, except
//! where F jumps (bins of one value).

/// Bins an octave has, as a power of two.
const BITS: u32 = 7;
/// Bins an octave has.
const PER_OCTAVE: usize = 1 << BITS;
/// Bins that all of `u64` needs.
const BINS: usize = PER_OCTAVE * (64 - BITS as usize) + PER_OCTAVE;

/// Counts of whole, non-negative values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    /// By bin; as long as the largest value seen needs it, in whole octaves.
    counts: Vec<u64>,
    /// The smallest value seen; `u64::MAX` where there is none.
    min: u64,
    /// The largest value seen; 0 where there is none.
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// One that has seen nothing, and takes no space yet.
    pub const fn new() -> Self {
        Self { counts: Vec::new(), min: u64::MAX, max: 0 }
    }

    /// The bin a value falls in: 0 to 7,423.
    #[inline]
    pub const fn index(value: u64) -> usize {
        // What must be shifted out so that the BITS + 1 leading bits are left: nothing for small values, which the OR
        // brings to the same leading bit, so that no branch is needed.
        let shift = (63 - BITS) - (value | 1 << BITS).leading_zeros();
        ((shift as usize) << BITS) + (value >> shift) as usize
    }

    /// The smallest and the largest value of a bin; past the last bin, those of the last one.
    pub const fn bounds(index: usize) -> (u64, u64) {
        let index = if index < BINS { index } else { BINS - 1 };
        if index < 2 * PER_OCTAVE {
            return (index as u64, index as u64);
        }
        let shift = (index >> BITS) - 1;
        let low = (index - (shift << BITS)) as u64;
        (low << shift, (low << shift) + ((1 << shift) - 1))
    }

    /// Counts a value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.record_n(value, 1);
    }

    /// Counts a value `n` times.
    #[inline]
    pub fn record_n(&mut self, value: u64, n: u64) {
        let index = Self::index(value);
        if let Some(count) = self.counts.get_mut(index) {
            *count += n;
        } else {
            self.record_beyond(index, n);
        }
        // Nothing seen must leave the extremes alone.
        if n > 0 {
            self.min = self.min.min(value);
            self.max = self.max.max(value);
        }
    }

    /// The rare case of a value larger than any before, kept out of the way of the hot path.
    #[cold]
    #[inline(never)]
    fn record_beyond(&mut self, index: usize, n: u64) {
        if n > 0 {
            self.counts.resize((index / PER_OCTAVE + 1) * PER_OCTAVE, 0);
            self.counts[index] = n;
        }
    }

    /// Adds all that another one has seen.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Forgets everything but keeps the space, for the next batch.
    pub fn clear(&mut self) {
        self.counts.clear();
        self.min = u64::MAX;
        self.max = 0;
    }

    /// How many values were counted. Added up when asked for, so that recording need not.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        // The smallest is at most the largest as soon as there is a value.
        self.min > self.max
    }

    /// The smallest value, exactly.
    pub fn min(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.min)
    }

    /// The largest value, exactly.
    pub fn max(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.max)
    }

    /// The smallest x with F(x) ≥ p (see the module on F); the extremes at p ≤ 0 and p ≥ 1; `None` where nothing was
    /// counted or p is NaN.
    ///
    /// It is at most 1/128 off the sample's own quantile, and lies within the smallest and largest value seen.
    pub fn quantile(&self, p: f64) -> Option<f64> {
        if self.is_empty() || p.is_nan() {
            return None;
        }
        if p <= 0.0 {
            return Some(self.min as f64);
        }
        let rank = p * self.count() as f64;
        let mut below = 0_u64;
        for (index, &count) in self.counts.iter().enumerate() {
            let upto = below + count;
            if count > 0 && upto as f64 >= rank {
                let (low, high) = self.support(index);
                let share = (rank - below as f64) / count as f64;
                return Some(low + (high - low) * share);
            }
            below = upto;
        }
        Some(self.max as f64)
    }

    /// F(value): the share of what was counted that is at most this large, with linear interpolation inside a bin.
    /// `None` where nothing was counted or the value is NaN.
    pub fn fraction_at_most(&self, value: f64) -> Option<f64> {
        if self.is_empty() || value.is_nan() {
            return None;
        }
        if value < self.min as f64 {
            return Some(0.0);
        }
        if value >= self.max as f64 {
            return Some(1.0);
        }
        // Between the whole numbers of two bins F is flat, hence the value's whole part decides on the bin.
        let index = Self::index(value as u64);
        let below: u64 = self.counts.iter().take(index).sum();
        let inside = self.counts.get(index).copied().unwrap_or(0);
        let (low, high) = self.support(index);
        let share = if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 1.0 };
        Some((below as f64 + inside as f64 * share) / self.count() as f64)
    }

    /// The bins that hold something, smallest first: (smallest value, largest value, count).
    pub fn bins(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        self.counts.iter().enumerate().filter(|&(_, &count)| count > 0).map(|(index, &count)| {
            let (low, high) = Self::bounds(index);
            (low, high, count)
        })
    }

    /// A bin's ends, drawn in to the extremes seen.
    fn support(&self, index: usize) -> (f64, f64) {
        let (low, high) = Self::bounds(index);
        (low.max(self.min) as f64, high.min(self.max) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Distribution, Purpose, Stream};

    const LEVELS: [f64; 9] = [0.001, 0.01, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0];

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::new();
        for &value in values {
            histogram.record(value);
        }
        histogram
    }

    #[test]
    fn bins_tile_all_of_u64() {
        let mut next = 0_u64;
        for index in 0..BINS {
            let (low, high) = Histogram::bounds(index);
            assert_eq!(low, next, "bin {index}");
            assert!(Histogram::index(low) == index && Histogram::index(high) == index, "bin {index}");
            assert!((high - low) as f64 <= low as f64 / 128.0, "bin {index}");
            next = high.wrapping_add(1);
        }
        assert_eq!(next, 0, "the last bin ends at u64::MAX");
        assert_eq!(Histogram::bounds(BINS), Histogram::bounds(BINS - 1));
    }

    #[test]
    fn quantiles_are_within_a_128th_of_the_sorted_sample() {
        let shapes = [
            Distribution::Constant(12_345_678.0),
            Distribution::exponential(1e9).unwrap(),
            Distribution::lognormal(1e6, 3.0).unwrap(),
            Distribution::uniform(0.0, 300.0).unwrap(),
            Distribution::uniform(1e15, 1.001e15).unwrap(),
            Distribution::hyperexponential(&[0.99, 0.01], &[1e3, 1e12]).unwrap(),
        ];
        for shape in shapes {
            let mut stream = Stream::named(3, 0, 0, Purpose::Size);
            let mut values: Vec<u64> = (0..20_000).map(|_| shape.sample(&mut stream) as u64).collect();
            let histogram = of(&values);
            values.sort_unstable();
            assert_eq!(histogram.count(), 20_000);
            for p in LEVELS {
                let exact = values[((p * 20_000.0).ceil() as usize).max(1) - 1] as f64;
                let found = histogram.quantile(p).unwrap();
                assert!((found - exact).abs() <= exact / 128.0 + 1e-9, "{shape:?} at {p}: {found}, not {exact}");
                let back = histogram.fraction_at_most(found).unwrap();
                assert!(back >= p - 1e-9, "{shape:?}: F(Q({p})) = {back}");
            }
        }
    }

    /// Where bins hold many different values, F and its inverse meet.
    #[test]
    fn the_distribution_function_inverts_the_quantile() {
        let shape = Distribution::exponential(1e9).unwrap();
        let mut stream = Stream::named(4, 0, 0, Purpose::Size);
        let values: Vec<u64> = (0..20_000).map(|_| shape.sample(&mut stream) as u64).collect();
        let histogram = of(&values);
        for p in [0.01, 0.2, 0.5, 0.77, 0.99] {
            let back = histogram.fraction_at_most(histogram.quantile(p).unwrap()).unwrap();
            assert!((back - p).abs() < 1e-9, "{back}, not {p}");
        }
        let mut last = 0.0;
        for step in 0..2_000 {
            let fraction = histogram.fraction_at_most(f64::from(step) * 7.3e6).unwrap();
            assert!(fraction >= last);
            last = fraction;
        }
    }

    #[test]
    fn extremes_and_nothing_are_no_trouble() {
        let mut empty = Histogram::default();
        empty.record_n(5, 0);
        assert_eq!(
            (empty.quantile(0.5), empty.fraction_at_most(1.0), empty.min(), empty.max()),
            (None, None, None, None)
        );
        assert_eq!(empty, Histogram::new());
        let ends = of(&[0, u64::MAX]);
        assert_eq!((ends.quantile(-1.0), ends.quantile(2.0)), (Some(0.0), Some(u64::MAX as f64)));
        assert_eq!(ends.quantile(0.5), Some(0.0));
        assert_eq!(ends.fraction_at_most(1e30), Some(1.0));
        assert_eq!((ends.fraction_at_most(-1.0), ends.fraction_at_most(f64::NAN)), (Some(0.0), None));
        let constant = of(&[777_777_777; 9]);
        for p in LEVELS {
            assert_eq!(constant.quantile(p), Some(777_777_777.0));
        }
    }

    #[test]
    fn a_merge_is_what_recording_everything_would_have_been() {
        let (small, large) = ([1, 2, 3, 500], [0, 70_000, u64::MAX / 3]);
        let mut merged = of(&small);
        merged.merge(&of(&large));
        let mut other_way = of(&large);
        other_way.merge(&of(&small));
        merged.merge(&Histogram::new());
        assert_eq!(merged, of(&[small.as_slice(), large.as_slice()].concat()));
        assert_eq!(merged, other_way);
        assert_eq!(merged.bins().map(|(_, _, count)| count).sum::<u64>(), 7);
        merged.clear();
        assert!(merged.is_empty() && merged == Histogram::new());
    }
}
