//! Intervals against processes whose truth is known.

use super::*;
use crate::random::{Purpose, Stream};

/// A source of output whose long-run mean is known.
#[derive(Debug, Clone, Copy)]
enum Process {
    /// First-order autoregression with mean 5 and exponential innovations (skewed, so harder than normal ones).
    Autoregressive { phi: f64 },
    /// Waits of an M/M/1 of mean service 1, by Lindley's recursion, started in equilibrium.
    Waits { rho: f64 },
}

impl Process {
    fn truth(self) -> f64 {
        match self {
            Self::Autoregressive { .. } => 5.0,
            Self::Waits { rho } => rho / (1.0 - rho),
        }
    }

    /// lim n·Var(mean of n). For M/M/1 waits ρ(2 + 5ρ − 4ρ² + ρ³)/(1 − ρ)⁴ at μ = 1 (Daley 1968).
    fn asymptotic_variance(self) -> f64 {
        match self {
            Self::Autoregressive { phi } => 1.0 / (1.0 - phi).powi(2),
            Self::Waits { rho } => rho * (2.0 + 5.0 * rho - 4.0 * rho * rho + rho.powi(3)) / (1.0 - rho).powi(4),
        }
    }

    fn start(self, stream: &mut Stream) -> f64 {
        match self {
            Self::Autoregressive { .. } => 5.0,
            Self::Waits { rho } if stream.unit() < rho => stream.exp1() / (1.0 - rho),
            Self::Waits { .. } => 0.0,
        }
    }

    fn next(self, last: f64, stream: &mut Stream) -> f64 {
        match self {
            Self::Autoregressive { phi } => 5.0 + phi * (last - 5.0) + stream.exp1() - 1.0,
            Self::Waits { rho } => (last + stream.exp1() - stream.exp1() / rho).max(0.0),
        }
    }

    /// Batches of equal length in time, so that each has another number of customers (M/M/1 only).
    fn run_timed(self, seed: u64, replications: u64, batches: usize, seconds: f64) -> Vec<Vec<Batch>> {
        let Self::Waits { rho } = self else { return Vec::new() };
        (0..replications)
            .map(|replication| {
                let mut stream = Stream::named(seed, replication, 0, Purpose::Service);
                let mut found = vec![Batch::default(); batches];
                let (mut wait, mut now) = (self.start(&mut stream), 0.0);
                loop {
                    let gap = stream.exp1() / rho;
                    wait = (wait + stream.exp1() - gap).max(0.0);
                    now += gap;
                    let Some(batch) = found.get_mut((now / seconds) as usize) else { break };
                    *batch = batch.plus(Batch { sum: wait, weight: 1.0 });
                }
                found
            })
            .collect()
    }

    /// The values themselves, in millionths, by batch.
    fn run_histograms(self, seed: u64, replications: u64, batches: usize, length: usize) -> Vec<Vec<Histogram>> {
        (0..replications)
            .map(|replication| {
                let mut stream = Stream::named(seed, replication, 0, Purpose::Service);
                let mut state = self.start(&mut stream);
                let mut batch = || {
                    let mut histogram = Histogram::new();
                    for _ in 0..length {
                        histogram.record((state * 1e6) as u64);
                        state = self.next(state, &mut stream);
                    }
                    histogram
                };
                (0..batches).map(|_| batch()).collect()
            })
            .collect()
    }

    fn run(self, seed: u64, replications: u64, batches: usize, length: usize) -> Vec<Vec<Batch>> {
        (0..replications)
            .map(|replication| {
                let mut stream = Stream::named(seed, replication, 0, Purpose::Service);
                let mut state = self.start(&mut stream);
                let mut batch = || {
                    let mut sum = 0.0;
                    for _ in 0..length {
                        sum += state;
                        state = self.next(state, &mut stream);
                    }
                    Batch { sum, weight: length as f64 }
                };
                (0..batches).map(|_| batch()).collect()
            })
            .collect()
    }
}

/// How intervals fared over many seeds.
#[derive(Debug, Default)]
struct Fared {
    seeds: f64,
    /// Intervals that lie below the truth.
    below: f64,
    /// Intervals that lie above the truth.
    above: f64,
    /// Sum of the half-widths.
    width: f64,
}

impl Fared {
    fn over(seeds: u64, truth: f64, mut interval: impl FnMut(u64) -> Estimate) -> Self {
        let mut fared = Self::default();
        for seed in 0..seeds {
            let found = interval(seed);
            fared.seeds += 1.0;
            fared.below += f64::from(u8::from(found.high < truth));
            fared.above += f64::from(u8::from(found.low > truth));
            fared.width += found.half_width();
        }
        fared
    }

    fn coverage(&self) -> f64 {
        1.0 - (self.below + self.above) / self.seeds
    }

    fn mean_width(&self) -> f64 {
        self.width / self.seeds
    }
}

fn measure(process: Process, seeds: u64, (replications, batches, length): (u64, usize, usize)) -> Fared {
    Fared::over(seeds, process.truth(), |seed| {
        ratio_interval(&process.run(seed, replications, batches, length)).unwrap()
    })
}

/// 1.96·√(σ²/n).
fn asymptotic_width(process: Process, customers: f64) -> f64 {
    1.96 * (process.asymptotic_variance() / customers).sqrt()
}

fn measure_quantile(rho: f64, p: f64, seeds: u64, (replications, batches, length): (u64, usize, usize)) -> Fared {
    // P(wait > t) = ρ·exp(−(1 − ρ)t).
    let truth = 1e6 * (rho / (1.0 - p)).ln() / (1.0 - rho);
    Fared::over(seeds, truth, |seed| {
        let runs = Process::Waits { rho }.run_histograms(seed, replications, batches, length);
        let mut pooled = Histogram::new();
        runs.iter().flatten().for_each(|histogram| pooled.merge(histogram));
        let batches: Vec<Vec<&Histogram>> = runs.iter().map(|run| run.iter().collect()).collect();
        quantile_interval(&pooled, &batches, p).unwrap()
    })
}

#[test]
fn warm_up_ends_where_the_level_is_reached() {
    let mut stream = Stream::named(5, 0, 0, Purpose::Arrivals);
    let rising: Vec<f64> = (0..400).map(|i| 10.0 - 10.0 * (-f64::from(i) / 20.0).exp() + stream.unit()).collect();
    let found = mser(&rising);
    assert!((40..=140).contains(&found), "{found}");
    let steady: Vec<f64> = (0..400).map(|_| stream.unit()).collect();
    assert!(mser(&steady) < 100);
}

#[test]
fn warm_up_of_next_to_nothing() {
    assert_eq!(mser(&[]), 0);
    assert_eq!(mser(&[3.0]), 0);
    assert_eq!(mser(&[3.0; 50]), 0);
    assert_eq!(mser(&[0.1; 7]), 0);
    assert_eq!(mser(&[9.0, 9.0, 1.0, 1.0, 1.0, 1.0, 1.0]), 2);
    assert_eq!(mser(&[f64::NAN, 1.0, 1.0]), 0);
    // Still rising at the end: at most half.
    assert_eq!(mser(&(0..10).map(f64::from).collect::<Vec<_>>()), 5);
}

#[test]
fn an_interval_needs_two_batches_and_weight() {
    let one = |sum: f64| Batch { sum, weight: 1.0 };
    assert_eq!(ratio_interval(&[]), None);
    assert_eq!(ratio_interval(&[vec![Batch::default(); 5]]), None);
    assert_eq!(ratio_interval(&[vec![one(3.0)]]), Some(Estimate::unbounded(3.0)));
    assert_eq!(ratio_interval(&[vec![one(3.0), Batch::default(), one(f64::NAN)]]), Some(Estimate::unbounded(3.0)));
    assert_eq!(ratio_interval(&[vec![one(3.0); 8]]), Some(Estimate::exact(3.0)));
    // Two batches, one apart from the other: t of one degree of freedom is 12.706, times √(½/2).
    let found = ratio_interval(&[vec![one(1.0)], vec![one(2.0)]]).unwrap();
    assert!((found.half_width() - 12.706 * 0.5).abs() < 1e-2, "{found:?}");
    assert_eq!(ratio_interval(&[vec![one(f64::MAX); 4]]), None);
}

#[test]
fn of_independent_batches_it_is_students_interval() {
    // Alternating, so neighbours correlate negatively, which is not made use of; symmetric, so nothing is bent.
    let batches: Vec<Batch> = (0..40).map(|i| Batch { sum: f64::from(i % 2), weight: 1.0 }).collect();
    let found = ratio_interval(&[batches]).unwrap();
    // t(39) = 2.0227; s² = 40 × ¼/39.
    let expected = 2.0227 * (10.0 / 39.0 / 40.0_f64).sqrt();
    assert!((found.half_width() - expected).abs() < 1e-3 * expected, "{found:?}");
}

#[test]
fn units_do_not_matter() {
    let runs = Process::Waits { rho: 0.8 }.run(1, 3, 33, 100);
    let small: Vec<Vec<Batch>> = runs
        .iter()
        .map(|run| run.iter().map(|b| Batch { sum: b.sum * 1e-12, weight: b.weight * 1e3 }).collect())
        .collect();
    let (one, other) = (ratio_interval(&runs).unwrap(), ratio_interval(&small).unwrap());
    assert!((one.high * 1e-15 - other.high).abs() < 1e-9 * other.high, "{one:?}, {other:?}");
}

#[test]
fn nothing_makes_it_panic_or_lose_order() {
    let odd = [0.0, 1.0, -1.0, 1e-300, 1e300, f64::MAX, f64::INFINITY, f64::NAN, 3.5];
    let mut stream = Stream::named(9, 0, 0, Purpose::Worlds);
    for _ in 0..2_000 {
        let mut draw = || odd[stream.below(odd.len() as u64) as usize];
        let runs: Vec<Vec<Batch>> =
            (0..4).map(|n| (0..n * 9).map(|_| Batch { sum: draw(), weight: draw() }).collect()).collect();
        if let Some(found) = ratio_interval(&runs) {
            assert!(found.value.is_finite() && found.low <= found.value && found.value <= found.high, "{found:?}");
        }
        mser(&(0..9).map(|_| draw()).collect::<Vec<_>>());
    }
}

#[test]
fn students_quantile_for_any_number_of_batches() {
    // From the tables; of very many, the normal distribution's.
    for (n, t) in [(3, 4.3027), (11, 2.2281), (31, 2.0423), (1_001, 1.9623), (100_001, 1.9600), (2_000_001, 1.9600)] {
        let spread = Spread { n: f64::from(n), variance: 1.0, freedom: f64::from(n) - 1.0, skewness: 0.0 };
        let (down, up) = spread.deviations(1.0);
        assert!((down - t).abs() < 1e-3 && (up - t).abs() < 1e-3, "{n}: {down}, {up}, not {t}");
    }
}

/// Batches so short that intervals which took them to be independent would be far too narrow.
#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    for process in [Process::Autoregressive { phi: 0.9 }, Process::Waits { rho: 0.5 }] {
        let fared = measure(process, 150, (5, 64, 10));
        let width = fared.mean_width() / asymptotic_width(process, 5.0 * 64.0 * 10.0);

        assert!(
            (0.90..=0.99).contains(&fared.coverage()) && (0.9..1.5).contains(&width),
            "{process:?}: {fared:?}, width {width}"
        );
    }
    let fared = measure_quantile(0.5, 0.9, 60, (5, 20, 40));
    assert!((0.88..=1.0).contains(&fared.coverage()), "{fared:?}");
}

#[test]
fn a_quantile_beyond_the_data_has_the_extreme_for_its_end() {
    let mut histogram = Histogram::new();
    (0..100).for_each(|value| histogram.record(value));
    let found = quantile_interval(&histogram, &[vec![&histogram]], 0.5).unwrap();
    assert_eq!((found.low, found.high), (0.0, 99.0));
    let runs = [vec![&histogram; 10], vec![&histogram; 10]];
    let mut pooled = Histogram::new();
    runs.iter().flatten().for_each(|h| pooled.merge(h));
    let highest = quantile_interval(&pooled, &runs, 0.9999).unwrap();
    assert_eq!((highest.high, histogram.max()), (99.0, Some(99)));
    let middle = quantile_interval(&pooled, &runs, 0.5).unwrap();
    assert!(middle.low > 45.0 && middle.low < middle.value && middle.high < 55.0, "{middle:?}");
    assert_eq!(quantile_interval(&Histogram::new(), &[], 0.5), None);
    assert_eq!(quantile_interval(&pooled, &runs, f64::NAN), None);
}

#[test]
fn a_quantile_within_a_jump_is_exact() {
    // Six of ten don't wait.
    let mut histogram = Histogram::new();
    histogram.record_n(0, 600);
    (1..=400).for_each(|value| histogram.record(value * 1_000));
    let runs = [vec![&histogram; 12], vec![&histogram; 12]];
    let mut pooled = Histogram::new();
    runs.iter().flatten().for_each(|h| pooled.merge(h));
    assert_eq!(quantile_interval(&pooled, &runs, 0.3), Some(Estimate::exact(0.0)));
    let above = quantile_interval(&pooled, &runs, 0.7).unwrap();
    assert!(above.low > 80_000.0 && above.high < 120_000.0, "{above:?}");
}

/// Batches are slices of time here, so the number of customers in each is random too.
#[test]
fn slices_of_time_cover_as_batches_of_customers_do() {
    let process = Process::Waits { rho: 0.8 };
    let fared = Fared::over(100, process.truth(), |seed| {
        ratio_interval(&process.run_timed(seed, 5, 64, 937.0 / 0.8 / 10.0)).unwrap()
    });
    assert!((0.88..=0.99).contains(&fared.coverage()), "{}", fared.coverage());
}
