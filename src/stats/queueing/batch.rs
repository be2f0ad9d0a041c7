//! Arrivals in batches: M^X/M/1 and M^X/G/1.

use super::{Moments, Queue, QueueError, positive, rate, stable};

/// How many messages come together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BatchSize {
    /// Always so many.
    Fixed(u64),
    /// 1, 2, 3, …, each next one with probability 1 − 1/mean.
    Geometric {
        /// The mean, at least 1.
        mean: f64,
    },
}

impl BatchSize {
    /// E\[X\].
    pub fn mean(self) -> f64 {
        match self {
            Self::Fixed(size) => size as f64,
            Self::Geometric { mean } => mean,
        }
    }

    /// E\[X²\]: m² for a fixed size, m(2m − 1) for a geometric one.
    pub fn square(self) -> f64 {
        match self {
            Self::Fixed(size) => (size as f64).powi(2),
            Self::Geometric { mean } => mean * (2.0 * mean - 1.0),
        }
    }
}

/// M^X/G/1, first in, first out: batches come at `batch_rate`, of messages that each need a service of these moments
/// (M^X/M/1 with [`Moments::exponential`]). The figures are per message.
///
/// A batch waits as one customer of M/G/1 does whose service is the batch's, with E\[B²\] = E\[X\]Var(S) + E\[X²\]E\[S\]²; a
/// message of it also waits for those in front of it in the batch, E\[X(X − 1)\]/(2E\[X\]) on average:
/// E\[wait\] = βE\[B²\]/(2(1 − ρ)) + E\[S\]·(E\[X²\]/E\[X\] − 1)/2 with batch rate β and ρ = βE\[X\]E\[S\] (Gaver 1959; Burke, "Delays in
/// single-server queues with batch input", Operations Research 23, 1975).
///
/// # Errors
/// When a figure is out of range, a batch is empty, or ρ ≥ 1.
///
/// ```
/// # use plimsoll::stats::queueing::{BatchSize, Moments, mxg1};
/// // M^X/M/1 with geometric batches of mean m: number ρm/(1 − ρ).
/// let queue = mxg1(0.25, BatchSize::Geometric { mean: 2.0 }, Moments::exponential(1.0))?;
/// assert!((queue.number - 2.0).abs() < 1e-12);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn mxg1(batch_rate: f64, size: BatchSize, service: Moments) -> Result<Queue, QueueError> {
    let (lambda, service) = (rate(batch_rate)?, service.checked()?);
    let (mean, square) = (positive(size.mean())?, positive(size.square())?);
    if mean < 1.0 {
        return Err(QueueError::Figure);
    }
    let utilisation = stable(lambda * mean * service.mean)?;
    let whole = mean * service.variance() + square * service.mean * service.mean;
    let before_batch = lambda * whole / (2.0 * (1.0 - utilisation));
    let within_batch = service.mean * (square / mean - 1.0) / 2.0;
    Queue::from_wait(lambda * mean, before_batch + within_batch, service.mean, 1.0)
}
