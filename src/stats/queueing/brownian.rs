//! Work that waits before one server and has a bound, taken as a Brownian motion: one formula below, at and above
//! saturation.

use super::{Moments, QueueError, positive, rate};

/// Nearer to saturation than this (in 2·drift·bound/variance), the formulas lose digits, and change by less.
const NEAR_SATURATION: f64 = 1e-3;
/// Further below it than this, the bound is never reached.
const FAR_BELOW: f64 = -300.0;

/// The work (in seconds of service) that waits before one server, between 0 and a bound B.
///
/// Work comes in lots of mean m and mean square q at a rate λ, so it drifts by μ = λm − 1 a second and spreads by
/// σ² = λq. As a Brownian motion between two reflecting barriers it has the density a·e^(ax)/(e^(aB) − 1) with a = 2μ/σ²
/// (J. M. Harrison, "Brownian Motion and Stochastic Flow Systems", 1985, section 5.6). Without a bound its mean is
/// λq/(2(1 − λm)), which is Pollaczek and Khinchine's and exact for Poisson arrivals; with one it is the better the more
/// lots fit below it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoundedWork {
    load: f64,
    bound: f64,
    variance: f64,
    /// 2·drift·bound/variance: below 0 under saturation, above it past saturation.
    z: f64,
}

impl BoundedWork {
    /// Lots of this size \[s\] at this rate \[1/s\], and room for so much of them \[s\].
    ///
    /// # Errors
    /// When a figure is out of range.
    pub fn new(arrival_rate: f64, lot: Moments, bound: f64) -> Result<Self, QueueError> {
        let (load, variance) = (rate(arrival_rate)? * positive(lot.mean)?, arrival_rate * positive(lot.square)?);
        let z = 2.0 * (load - 1.0) * positive(bound)? / variance.max(f64::MIN_POSITIVE);
        let z = if z.abs() < NEAR_SATURATION { NEAR_SATURATION.copysign(z) } else { z };
        Ok(Self { load, bound, variance, z: z.max(-1e300) })
    }

    /// Mean work where what finds no room is turned away \[s\]: B·(1/(1 − e^(−z)) − 1/z), z = aB.
    ///
    /// ```
    /// # use plimsoll::stats::queueing::{BoundedWork, Moments};
    /// // M/D/1 at ρ = 0.8, and much room: ρ/(2(1 − ρ)) = 2 services.
    /// let work = BoundedWork::new(0.8, Moments::constant(1.0), 1_000.0)?;
    /// assert!((work.mean() - 2.0).abs() < 1e-9);
    /// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
    /// ```
    pub fn mean(&self) -> f64 {
        self.bound * (1.0 / (1.0 - (-self.z).exp()) - 1.0 / self.z)
    }

    /// Share of the work turned away: the push at the upper barrier, μ/(1 − e^(−z)), over the load; 1 − 1/load far above
    /// saturation.
    pub fn loss(&self) -> f64 {
        let drift = self.z * self.variance / (2.0 * self.bound);
        if self.load > 0.0 { (drift / (1.0 - (-self.z).exp()) / self.load).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Mean time from empty until the bound is reached \[s\]: (2B²/(σ²z))·(1 − (1 − e^(−z))/z).
    pub fn time_to_fill(&self) -> f64 {
        if self.z < FAR_BELOW {
            return f64::INFINITY;
        }
        let z = self.z;
        2.0 * self.bound * self.bound / (self.variance * z) * (1.0 - (1.0 - (-z).exp()) / z)
    }

    /// Mean work \[s\] where it starts from empty whenever it reaches the bound: the density is in proportion to
    /// 1 − e^(−a(B − x)).
    pub fn mean_restarted(&self) -> f64 {
        let z = self.z;
        if z < FAR_BELOW {
            return -self.bound / z;
        }
        let part = (1.0 - (-z).exp()) / z;
        self.bound * (0.5 - (1.0 - part) / z) / (1.0 - part)
    }

    /// The work that is not exceeded with this chance, where what finds no room is turned away \[s\].
    pub fn quantile(&self, p: f64) -> f64 {
        let z = self.z;
        if z > 0.0 {
            (self.bound * (1.0 + (p + (1.0 - p) * (-z).exp()).ln() / z)).clamp(0.0, self.bound)
        } else {
            (self.bound * (1.0 - p * (1.0 - z.exp())).ln() / z).clamp(0.0, self.bound)
        }
    }

    /// The same, where it starts from empty whenever it reaches the bound.
    pub fn quantile_restarted(&self, p: f64) -> f64 {
        let z = self.z;
        if z < FAR_BELOW {
            return self.quantile(p);
        }
        // F of a share y of the bound, up to a constant factor.
        let mass = |y: f64| y - ((-z * (1.0 - y)).exp() - (-z).exp()) / z;
        let (whole, mut low, mut high) = (mass(1.0), 0.0, 1.0);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            *(if mass(middle) / whole < p { &mut low } else { &mut high }) = middle;
        }
        self.bound * low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(load: f64, bound: f64) -> BoundedWork {
        BoundedWork::new(load, Moments::constant(1.0), bound).unwrap()
    }

    #[test]
    fn a_full_buffer_turns_away_what_is_too_much() {
        let over = work(2.0, 500.0);
        assert!((over.loss() - 0.5).abs() < 1e-9);
        assert!((over.mean() - 499.0).abs() < 1e-6);
        assert!((work(1.0, 100.0).mean() - 50.0).abs() < 0.1);
        assert!(work(0.5, 100.0).loss() < 1e-12);
    }

    #[test]
    fn a_buffer_above_saturation_fills_as_fast_as_it_is_overfed() {
        assert!((work(2.0, 500.0).time_to_fill() / 500.0 - 1.0).abs() < 0.01);
        assert!((work(2.0, 500.0).mean_restarted() / 250.0 - 1.0).abs() < 0.01);
        assert!((work(0.8, 1_000.0).mean_restarted() - 2.0).abs() < 1e-9);
        assert!(work(0.5, 1_000.0).time_to_fill().is_infinite());
    }

    #[test]
    fn quantiles_have_the_means() {
        for (load, bound) in [(0.7, 5.0), (0.999, 40.0), (1.0, 10.0), (1.3, 20.0), (0.5, 1_000.0)] {
            let work = work(load, bound);
            let over = |quantile: &dyn Fn(f64) -> f64| {
                (0..10_000).map(|i| quantile((f64::from(i) + 0.5) / 10_000.0)).sum::<f64>() / 10_000.0
            };
            let [plain, restarted] = [over(&|p| work.quantile(p)), over(&|p| work.quantile_restarted(p))];
            assert!((plain / work.mean() - 1.0).abs() < 0.01, "{load} {bound}: {plain} {}", work.mean());
            assert!((restarted / work.mean_restarted() - 1.0).abs() < 0.01, "{load} {bound}: {restarted}");
        }
    }

    #[test]
    fn nothing_that_is_no_figure_gets_in() {
        assert!(BoundedWork::new(f64::NAN, Moments::constant(1.0), 1.0).is_err());
        assert!(BoundedWork::new(1.0, Moments::constant(0.0), 1.0).is_err());
        assert!(BoundedWork::new(1.0, Moments::constant(1.0), 0.0).is_err());
        assert!(work(1e-9, 1.0).mean().is_finite() && work(0.0, 1.0).mean().abs() < 1e-12);
    }
}
