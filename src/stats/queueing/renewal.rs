//! One exponential server, arrivals that are not Poisson: G/M/1, D/M/1, and what round-robin makes of Poisson.

use super::{Queue, QueueError, positive, stable};

/// G/M/1 in its steady state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RenewalQueue {
    /// σ: the share of the customers that must wait; an arrival finds n with probability (1 − σ)σⁿ.
    pub delayed: f64,
    /// μ(1 − σ) \[1/s\]: residences are exponential at this rate, and so are the waits of those that wait.
    pub decay: f64,
    /// The usual figures.
    pub queue: Queue,
}

/// G/M/1: independent times between arrivals of any distribution A, exponential service at rate μ = 1/s.
///
/// σ is the root in (0, 1) of σ = A*(μ(1 − σ)), with A* the Laplace–Stieltjes transform of A; mean wait σ/(μ(1 − σ)),
/// P(wait > t) = σe^(−μ(1 − σ)t) (Kendall 1953; Kleinrock, "Queueing Systems I", 1975, section 6.4).
///
/// `complement` is θ ↦ 1 − A*(θ), θ in 1/s, which `exp_m1` and its like give exactly where A* is near 1.
///
/// # Errors
/// When a figure is out of range or λs ≥ 1.
pub fn gm1(arrival_rate: f64, service: f64, complement: impl Fn(f64) -> f64) -> Result<RenewalQueue, QueueError> {
    let (lambda, service) = (positive(arrival_rate)?, positive(service)?);
    stable(lambda * service)?;
    // For x = 1 − σ: 1 − A*(μx) = x. The left side is concave, starts at 0 with slope 1/ρ > 1 and stays below 1, so it
    // exceeds x up to the root and nowhere above it.
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..1_100 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if complement(middle / service) > middle {
            low = middle;
        } else {
            high = middle;
        }
    }
    let delayed = 1.0 - high;
    let queue = Queue::from_wait(lambda, service * delayed / high, service, 1.0)?;
    Ok(RenewalQueue { delayed, decay: high / service, queue })
}

/// D/M/1: arrivals at equal distances 1/λ. A*(θ) = e^(−θ/λ).
///
/// # Errors
/// When a figure is out of range or λs ≥ 1.
///
/// ```
/// # use plimsoll::stats::queueing::dm1;
/// // σ = e^(−2(1 − σ)) at ρ = 1/2.
/// assert!((dm1(0.5, 1.0)?.delayed - 0.203_188).abs() < 1e-6);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn dm1(arrival_rate: f64, service: f64) -> Result<RenewalQueue, QueueError> {
    let lambda = positive(arrival_rate)?;
    gm1(lambda, service, |theta| -(-theta / lambda).exp_m1())
}

/// `E_k`/M/1: Erlang-k times between arrivals of mean 1/λ. A*(θ) = (1 + θ/(kλ))^(−k). It is what one of k servers sees
/// when Poisson arrivals of rate kλ are dealt out round-robin.
///
/// # Errors
/// When a figure is out of range, k is zero, or λs ≥ 1.
///
/// ```
/// # use plimsoll::stats::queueing::erlang_arrivals;
/// // k = 1 is M/M/1.
/// assert!((erlang_arrivals(0.5, 1.0, 1)?.queue.wait - 1.0).abs() < 1e-9);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn erlang_arrivals(arrival_rate: f64, service: f64, k: u64) -> Result<RenewalQueue, QueueError> {
    let (lambda, k) = (positive(arrival_rate)?, positive(k as f64)?);
    gm1(lambda, service, |theta| -(-k * (theta / (k * lambda)).ln_1p()).exp_m1())
}
