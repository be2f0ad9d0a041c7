//! One exponential server that customers retry at, or that breaks down.

use super::{Queue, QueueError, positive, rate, stable};

/// M/M/1 with retrials: who finds the server busy goes away and tries again after exponential times at rate θ, each for
/// itself (linear retrials). `wait` is the mean time in orbit, `queue_length` the mean number there.
///
/// Mean number in orbit ρ²/(1 − ρ) + λρ/(θ(1 − ρ)): M/M/1's queue, and what is lost between departure and retrial
/// (Falin, "A survey of retrial queues", Queueing Systems 7, 1990).
///
/// # Errors
/// When a figure is out of range (θ must be more than zero) or λs ≥ 1.
///
/// ```
/// # use plimsoll::stats::queueing::mm1_retrial;
/// assert!((mm1_retrial(0.5, 1.0, 0.25)?.queue_length - 2.5).abs() < 1e-12);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn mm1_retrial(arrival_rate: f64, service: f64, retrial_rate: f64) -> Result<Queue, QueueError> {
    let (lambda, service, theta) = (rate(arrival_rate)?, rate(service)?, positive(retrial_rate)?);
    let rho = stable(lambda * service)?;
    Queue::from_wait(lambda, (rho * service + rho / theta) / (1.0 - rho), service, 1.0)
}

/// M/M/1 whose server breaks down at rate α whether busy or not, is repaired at rate β, and then resumes.
///
/// Mean number λ((α + β)² + αμ)/((α + β)(βμ − λ(α + β))) (White and Christie, "Queuing with preemptive priorities or with
/// breakdown", Operations Research 6, 1958). Stable where λ < μβ/(α + β). An interrupted service counts as wait while the
/// server is down, and `utilisation` is the share of the time the server works.
///
/// # Errors
/// When a figure is out of range (s and β must be more than zero) or the queue is unstable.
///
/// ```
/// # use plimsoll::stats::queueing::mm1_breakdowns;
/// // Without breakdowns, M/M/1.
/// assert!((mm1_breakdowns(0.8, 1.0, 0.0, 1.0)?.number - 4.0).abs() < 1e-12);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn mm1_breakdowns(
    arrival_rate: f64,
    service: f64,
    breakdown_rate: f64,
    repair_rate: f64,
) -> Result<Queue, QueueError> {
    let (lambda, service) = (rate(arrival_rate)?, positive(service)?);
    let (alpha, beta) = (rate(breakdown_rate)?, positive(repair_rate)?);
    let (mu, both) = (1.0 / service, alpha + beta);
    stable(lambda * service * both / beta)?;
    let residence = (both * both + alpha * mu) / (both * (beta * mu - lambda * both));
    Queue::from_wait(lambda, (residence - service).max(0.0), service, 1.0)
}
