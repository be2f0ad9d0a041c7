//! One server, Poisson arrivals: M/M/1, M/D/1, M/G/1, the wake-up of a sleeping server, processor sharing.

use super::{Queue, QueueError, positive, rate, stable};

/// The first two moments of a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// E\[S\] \[s\].
    pub mean: f64,
    /// E\[S²\] \[s²\].
    pub square: f64,
}

impl Moments {
    /// Of a time that is always the same.
    pub const fn constant(time: f64) -> Self {
        Self { mean: time, square: time * time }
    }

    /// Of an exponential time.
    pub const fn exponential(mean: f64) -> Self {
        Self { mean, square: 2.0 * mean * mean }
    }

    /// Of a time with this mean and coefficient of variation (standard deviation over mean).
    pub const fn with_cv(mean: f64, cv: f64) -> Self {
        Self { mean, square: mean * mean * (1.0 + cv * cv) }
    }

    /// Of this time and a constant one more.
    #[must_use]
    pub const fn plus(self, constant: f64) -> Self {
        Self { mean: self.mean + constant, square: self.square + 2.0 * constant * self.mean + constant * constant }
    }

    /// E\[S²\] − E\[S\]².
    pub const fn variance(self) -> f64 {
        (self.square - self.mean * self.mean).max(0.0)
    }

    /// Both moments are figures, and no variance is negative (but for rounding).
    pub(super) fn checked(self) -> Result<Self, QueueError> {
        rate(self.mean)?;
        rate(self.square)?;
        if self.square < self.mean * self.mean * (1.0 - 1e-9) {
            return Err(QueueError::Figure);
        }
        Ok(self)
    }
}

/// M/M/1: mean wait ρs/(1 − ρ) (A. K. Erlang; Kleinrock, "Queueing Systems I", 1975, eq. 3.27).
///
/// # Errors
/// When a figure is out of range or λs ≥ 1.
///
/// ```
/// # use plimsoll::stats::queueing::mm1;
/// let queue = mm1(0.8, 1.0)?;
/// assert!((queue.wait - 4.0).abs() < 1e-12 && (queue.number - 4.0).abs() < 1e-12);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn mm1(arrival_rate: f64, service: f64) -> Result<Queue, QueueError> {
    mg1(arrival_rate, Moments::exponential(service))
}

/// M/D/1: service always the same; mean wait ρs/(2(1 − ρ)), half of M/M/1's.
///
/// # Errors
/// When a figure is out of range or λs ≥ 1.
pub fn md1(arrival_rate: f64, service: f64) -> Result<Queue, QueueError> {
    mg1(arrival_rate, Moments::constant(service))
}

/// M/G/1, first in, first out: mean wait λE\[S²\]/(2(1 − ρ)) with ρ = λE\[S\] (Pollaczek 1930, Khintchine 1932).
///
/// # Errors
/// When a figure is out of range or ρ ≥ 1.
///
/// ```
/// # use plimsoll::stats::queueing::{Moments, mg1};
/// // Deterministic service at ρ = 0.9: 0.9/(2 × 0.1) services.
/// assert!((mg1(0.9, Moments::constant(1.0))?.wait - 4.5).abs() < 1e-12);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn mg1(arrival_rate: f64, service: Moments) -> Result<Queue, QueueError> {
    let (lambda, service) = (rate(arrival_rate)?, service.checked()?);
    let utilisation = stable(lambda * service.mean)?;
    Queue::from_wait(lambda, lambda * service.square / (2.0 * (1.0 - utilisation)), service.mean, 1.0)
}

/// A single server whose first service in each busy period differs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExceptionalFirst {
    /// Share of the arrivals that find the server idle, which is the share of the time it is idle.
    pub idle: f64,
    /// Mean time in service per customer, the first ones' included \[s\].
    pub service: f64,
    /// λE\[S\]: what saturates. `queue.utilisation`, the share of the time that the server is busy, is more.
    pub load: f64,
    /// The usual figures; the residence is the wait and `service`.
    pub queue: Queue,
}

/// M/G/1 whose service is `first` for a customer that finds the server idle and `service` for any other, as of a server
/// that must wake up first (P. D. Welch, "On a generalized M/G/1 queuing process in which the first customer of each
/// busy period receives exceptional service", Operations Research 12, 1964).
///
/// With ρ = λE\[S\] and ρ₀ = λE\[S₀\]: P(idle) = (1 − ρ)/(1 − ρ + ρ₀); service per customer = E\[S\] + (E\[S₀\] − E\[S\])·P(idle);
/// E\[wait\] = λE\[S²\]/(2(1 − ρ)) + λ(E\[S₀²\] − E\[S²\])/(2(1 − ρ + ρ₀)). With S₀ = S + w the last denominator is
/// 2(1 + λw).
///
/// # Errors
/// When a figure is out of range or ρ ≥ 1. The first service may be of any length.
///
/// ```
/// # use plimsoll::stats::queueing::{Moments, mg1_exceptional_first};
/// // 9 µs a message and 44 µs a wake-up at 20,000/s: 28 µs of CPU a message.
/// let service = Moments::constant(9e-6);
/// let found = mg1_exceptional_first(20_000.0, service, service.plus(44e-6))?;
/// assert!((found.service - 28.19e-6).abs() < 1e-8);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn mg1_exceptional_first(
    arrival_rate: f64,
    service: Moments,
    first: Moments,
) -> Result<ExceptionalFirst, QueueError> {
    let (lambda, service, first) = (rate(arrival_rate)?, service.checked()?, first.checked()?);
    let load = stable(lambda * service.mean)?;
    let denominator = 1.0 - load + lambda * first.mean;
    let idle = (1.0 - load) / denominator;
    let mean = service.mean + (first.mean - service.mean) * idle;
    // A short first service can't make the wait negative; rounding could.
    let wait = (lambda * service.square / (2.0 * (1.0 - load))
        + lambda * (first.square - service.square) / (2.0 * denominator))
        .max(0.0);
    Ok(ExceptionalFirst { idle, service: mean, load, queue: Queue::from_wait(lambda, wait, mean, 1.0)? })
}

/// M/G/1 under processor sharing: residence s/(1 − ρ), whatever the distribution of the service (Sakata, Noguchi and
/// Oizumi 1971; Kleinrock, "Queueing Systems II", 1976, eq. 4.17). For exponential service and c servers, the mean is
/// that of [`MultiServer`](super::MultiServer).
///
/// # Errors
/// When a figure is out of range or λs ≥ 1.
///
/// ```
/// # use plimsoll::stats::queueing::mg1_ps;
/// assert!((mg1_ps(0.75, 1.0)?.residence - 4.0).abs() < 1e-12);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn mg1_ps(arrival_rate: f64, service: f64) -> Result<Queue, QueueError> {
    let (lambda, service) = (rate(arrival_rate)?, rate(service)?);
    let utilisation = stable(lambda * service)?;
    Queue::from_wait(lambda, service * utilisation / (1.0 - utilisation), service, 1.0)
}

/// The asymptotic variance of the time-average number in an M/M/1: lim t·Var(average over t) = 2ρ(1 + ρ)/(μ(1 − ρ)⁴)
/// \[s\] (Whitt, "Planning queueing simulations", Management Science 35, 1989). So an average over t seconds has a standard
/// error of the root of it over t.
///
/// # Errors
/// When a figure is out of range or λs ≥ 1.
///
/// ```
/// # use plimsoll::stats::queueing::mm1_number_asymptotic_variance;
/// assert!((mm1_number_asymptotic_variance(0.5, 1.0)? - 24.0).abs() < 1e-12);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn mm1_number_asymptotic_variance(arrival_rate: f64, service: f64) -> Result<f64, QueueError> {
    let (lambda, service) = (rate(arrival_rate)?, positive(service)?);
    let rho = stable(lambda * service)?;
    rate(2.0 * rho * (1.0 + rho) * service / (1.0 - rho).powi(4))
}
