//! Intervals for what a simulation puts out, whose figures depend on those before them.
//!
//! [`mser`] says how much of the beginning to leave out. [`ratio_interval`] makes a 95 % interval of the batches of
//! several replications, and [`quantile_interval`] one for a quantile. The batches must be consecutive and of equal
//! length (in time or in number) within a replication, and the replications independent.
//!
//! How an interval comes about, step by step:
//!
//! 1. A mean is a ratio of sums, R = Σ num / Σ den: waits over customers, for example, where the customers of a batch
//!    vary. Its error is, to first order, that of the residuals r = num − R·den (the delta method; Crane and Iglehart,
//!    "Simulating stable stochastic systems III: regenerative processes and discrete-event simulations", Operations
//!    Research 23, 1975).
//! 2. Where the residuals of neighbours depend on each other strongly, neighbours are merged in pairs: longer batches
//!    depend less (Fishman, "Grouping observations in digital simulation", Management Science 24, 1978).
//! 3. What dependence is left is taken as that of a first-order autoregression with coefficient φ, whose long-run
//!    variance is (1 + φ)/(1 − φ) times its variance; φ is corrected for its small-sample bias (Marriott and Pope,
//!    "Bias in the estimation of autocorrelations", Biometrika 41, 1954), and the factor is never below 1.
//! 4. Means of few batches from a queue are skewed, so Student's t is bent by the skewness (Johnson 1978, as in Willink,
//!    "A confidence interval and test for the mean of an asymmetric distribution", Communications in Statistics 34,
//!    2005).
//!
//! Steps 3 and 4 together are those of Tafazzoli, Wilson, Lada and Steiger, "Performance of Skart", INFORMS Journal on
//! Computing 23, 2011; here the budget is fixed and the replications are pooled.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::{Estimate, Histogram};

/// The level of every interval here.
pub const LEVEL: f64 = 0.95;

/// The normal distribution's 97.5 % point.
const NORMAL: f64 = 1.959_964;
/// Merging stops before fewer batches than this are left in all.
const FEWEST_BATCHES: usize = 20;
/// The same where each replication would become one batch.
const FEWEST_REPLICATIONS: usize = 10;
/// Neighbours are merged while they correlate more than this.
const STRONG: f64 = 0.2;
/// Values beyond a quantile, for that side of its interval to be more than a guess.
const FEWEST_BEYOND: f64 = 10.0;
/// From so many replications on, each is one batch: independent beyond doubt.
const MANY_REPLICATIONS: usize = 30;

/// The sums of a batch: of what is averaged, and of what it is averaged over.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Batch {
    /// Sum of the figure: of waits, of busy time, …
    pub sum: f64,
    /// What to divide by: the number of waits, the length of the batch, …; 1 where `sum` is a mean already.
    pub weight: f64,
}

impl Batch {
    fn usable(self) -> bool {
        self.sum.is_finite() && self.weight.is_finite() && self.weight >= 0.0
    }

    fn plus(self, other: Self) -> Self {
        Self { sum: self.sum + other.sum, weight: self.weight + other.weight }
    }
}

/// How many figures at the beginning of a series to leave out as warm-up, at most half of them.
///
/// Minimises over d the marginal standard error z(d) = Σ (yᵢ − ȳ)² / (n − d)² over i ≥ d, where ȳ is the mean of
/// what is kept (White, "An effective truncation heuristic for bias reduction in simulation output", Simulation 69,
/// 1997). Given means of batches of five figures, this is MSER-5; batches of any length do.
///
/// The smallest d wins a tie, so a constant series loses nothing. An answer of half the series says that the run was
/// too short to tell. A series with a figure that is not finite is left whole.
///
/// ```
/// # use plimsoll::stats::series::mser;
/// let filling = [0.0, 4.0, 7.0, 9.0, 10.0, 10.1, 10.0, 9.9, 10.0, 10.1, 9.9, 10.0];
/// assert_eq!(mser(&filling), 4);
/// ```
pub fn mser(series: &[f64]) -> usize {
    if series.iter().any(|figure| !figure.is_finite()) {
        return 0;
    }
    let furthest = series.len() / 2;
    let (mut best, mut least) = (0, f64::INFINITY);
    let (mut mean, mut squares) = (0.0, 0.0);
    // From the end towards the beginning, so that each figure is added once (Welford 1962: no cancellation).
    for (d, &figure) in series.iter().enumerate().rev() {
        let kept = (series.len() - d) as f64;
        let off = figure - mean;
        mean += off / kept;
        squares += off * (figure - mean);
        let z = squares / (kept * kept);
        if d <= furthest && z <= least {
            (best, least) = (d, z);
        }
    }
    best
}

/// A 95 % interval for Σ sum / Σ weight in the long run, from consecutive batches of equal length, per replication.
///
/// `None` where there is no weight at all or a sum overflows. With fewer than two batches that have weight nothing is
/// known of the error and both ends are infinite. Batches that are not finite, or have a negative weight, are left out.
pub fn ratio_interval(replications: &[Vec<Batch>]) -> Option<Estimate> {
    let mut runs: Vec<Vec<Batch>> = replications
        .iter()
        .map(|run| run.iter().copied().filter(|batch| batch.usable()).collect::<Vec<_>>())
        .filter(|run| run.iter().any(|batch| batch.weight > 0.0))
        .collect();
    let total = runs.iter().flatten().fold(Batch::default(), |total, batch| total.plus(*batch));
    let ratio = total.sum / total.weight;
    if !ratio.is_finite() {
        return None;
    }
    if runs.iter().flatten().filter(|batch| batch.weight > 0.0).count() < 2 {
        return Some(Estimate::unbounded(ratio));
    }
    if runs.len() >= MANY_REPLICATIONS {
        for run in &mut runs {
            *run = vec![run.iter().fold(Batch::default(), |total, batch| total.plus(*batch))];
        }
    }
    let (down, up) = Spread::of(runs, ratio).deviations(total.weight);
    Estimate::new(ratio, ratio - down, ratio + up)
}

/// A 95 % interval for the p-quantile of the values that all replications saw, given also as one histogram for each of
/// the consecutive batches of equal length, per replication.
///
/// With F̂ the share of all values up to the sample's quantile, its error h comes from the batches by [`ratio_interval`],
/// and is at least that of as many independent values. On the scale of log-odds, where a share near 0 or 1 is no longer
/// lopsided, that is r = h/(p(1 − p)) (the delta method). The interval is from Q(1/(1 + e^(r − l))) to
/// Q(1/(1 + e^(−r − l))) with l = ln(p/(1 − p)) and Q the pooled quantile: for an exponential tail, as far up as down.
/// Where fewer than ten values lie beyond the quantile, the interval ends at the extreme that was seen.
///
/// `None` where nothing was counted or p is not within 0..=1.
pub fn quantile_interval(pooled: &Histogram, batches: &[Vec<&Histogram>], p: f64) -> Option<Estimate> {
    if !(0.0..=1.0).contains(&p) {
        return None;
    }
    let value = pooled.quantile(p)?;
    let variance = p * (1.0 - p);
    if variance == 0.0 {
        return Some(Estimate::exact(value));
    }
    let of_batch = |histogram: &&Histogram| {
        let weight = histogram.count() as f64;
        Batch { sum: histogram.fraction_at_most(value).unwrap_or(0.0) * weight, weight }
    };
    let shares: Vec<Vec<Batch>> = batches.iter().map(|run| run.iter().map(of_batch).collect()).collect();
    let independent = NORMAL * (variance / pooled.count() as f64).sqrt();
    let error = ratio_interval(&shares).map_or(f64::INFINITY, |share| share.half_width()).max(independent);
    let odds = (p / (1.0 - p)).ln();
    let at = |log_odds: f64| pooled.quantile(1.0 / (1.0 + (-log_odds).exp()));
    let count = pooled.count() as f64;
    let low = if p * count < FEWEST_BEYOND { pooled.min()? as f64 } else { at(odds - error / variance)? };
    let high = if (1.0 - p) * count < FEWEST_BEYOND { pooled.max()? as f64 } else { at(odds + error / variance)? };
    Estimate::new(value, low.min(value), high.max(value))
}

/// What is known of the error of a sum of residuals.
struct Spread {
    /// Residuals there are.
    n: f64,
    /// Variance of the sum per unit of weight, with the dependence of neighbours.
    variance: f64,
    /// Degrees of freedom of that variance.
    freedom: f64,
    /// Skewness of the sum's distribution.
    skewness: f64,
}

impl Spread {
    fn of(mut runs: Vec<Vec<Batch>>, ratio: f64) -> Self {
        loop {
            let moments = Moments::of(&runs, ratio);
            let longer: Vec<Vec<Batch>> = runs.iter().map(|run| merged_in_pairs(run)).collect();
            let left: usize = longer.iter().map(Vec::len).sum();
            // Whole replications are independent, so fewer of them will do.
            let fewest = if left == longer.len() { FEWEST_REPLICATIONS } else { FEWEST_BATCHES };
            if moments.correlation <= STRONG || left < fewest || longer.iter().any(Vec::is_empty) {
                return Self::from_moments(&moments);
            }
            runs = longer;
        }
    }

    fn from_moments(moments: &Moments) -> Self {
        let n = moments.n;
        let factor = ((1.0 + moments.correlation) / (1.0 - moments.correlation)).max(1.0);
        // φ is estimated too: the logarithm of the long-run variance has a variance of about 2/n + 4·factor/n where that
        // of s² alone has 2/n, and a variance of 2/f is that of f degrees of freedom. A factor of 1 costs nothing, as a
        // smaller one is never used; between 1 and 2 it phases in.
        let freedom = if factor > 1.0 { (n - 1.0) / (1.0 + 2.0 * (factor - 1.0).min(1.0) * factor) } else { n - 1.0 };
        let variance = n * moments.variance * factor / moments.weight;
        Self { n, variance, freedom: freedom.max(1.0), skewness: moments.skewness }
    }

    /// How far below and above a ratio over this weight its expectation may lie, at [`LEVEL`].
    fn deviations(&self, weight: f64) -> (f64, f64) {
        let tail = f64::midpoint(1.0, LEVEL);
        let Ok(student) = StudentsT::new(0.0, 1.0, self.freedom) else {
            return (f64::INFINITY, f64::INFINITY);
        };
        let t = student.inverse_cdf(tail);
        let deviation = (self.variance / weight).sqrt();
        let bend = self.skewness / (6.0 * self.n.sqrt());
        (deviation * bent(t, bend), -deviation * bent(-t, bend))
    }
}

/// Johnson's and Willink's correction of a t for skewness: ((1 + 6a(t − a))^(1/3) − 1)/(2a), which is t at a = 0. The
/// sign of the result is kept to that of `t`: an interval holds its own middle.
fn bent(t: f64, a: f64) -> f64 {
    if a.abs() < 1e-6 {
        return t;
    }
    let bent = ((1.0 + 6.0 * a * (t - a)).cbrt() - 1.0) / (2.0 * a);
    if t > 0.0 { bent.max(0.0) } else { bent.min(0.0) }
}

fn merged_in_pairs(run: &[Batch]) -> Vec<Batch> {
    // Without a partner the oldest is the one to do without: it is the likeliest to hold a rest of warm-up.
    run[run.len() % 2..].chunks_exact(2).map(|pair| pair[0].plus(pair[1])).collect()
}

/// Moments of residuals, pooled over replications.
struct Moments {
    n: f64,
    /// Of the batches that are left, which merging can make a little less than all.
    weight: f64,
    variance: f64,
    /// Of neighbours, corrected for bias; below 1.
    correlation: f64,
    skewness: f64,
}

impl Moments {
    fn of(runs: &[Vec<Batch>], ratio: f64) -> Self {
        let n = runs.iter().map(Vec::len).sum::<usize>() as f64;
        let residual = |batch: &Batch| batch.sum - ratio * batch.weight;
        // Zero by construction, except where merging left batches over.
        let mean = runs.iter().flatten().map(residual).sum::<f64>() / n;
        let (mut squares, mut products, mut pairs) = (0.0, 0.0, 0.0);
        for run in runs {
            squares += run.iter().map(|batch| (residual(batch) - mean).powi(2)).sum::<f64>();
            for pair in run.windows(2) {
                products += (residual(&pair[0]) - mean) * (residual(&pair[1]) - mean);
                pairs += 1.0;
            }
        }
        let variance = squares / (n - 1.0).max(1.0);
        let raw = if pairs > 0.0 && squares > 0.0 { (products / pairs) / (squares / n) } else { 0.0 };
        // The mean that is taken off is the sample's own, which lowers the expectation by about (1 + 3φ)/n.
        let correlation = if pairs > 0.0 { (raw + (1.0 + 3.0 * raw) / n).clamp(-0.95, 0.95) } else { 0.0 };
        let deviation = variance.sqrt();
        let cubes: f64 = runs.iter().flatten().map(|batch| ((residual(batch) - mean) / deviation).powi(3)).sum();
        let skewness = if n > 2.0 && deviation > 0.0 { n * cubes / ((n - 1.0) * (n - 2.0)) } else { 0.0 };
        let weight = runs.iter().flatten().map(|batch| batch.weight).sum();
        Self { n, weight, variance, correlation, skewness }
    }
}

#[cfg(test)]
mod tests;
