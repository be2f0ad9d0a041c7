//! Closed forms of queueing theory: what the model computes with, and what the simulation is held against.
//!
//! Symbols, everywhere: λ arrival rate \[1/s\], s = E\[S\] mean service time \[s\], μ = 1/s service rate \[1/s\], c servers,
//! a = λs offered load \[erlang\], ρ = a/c. Waits are times in queue before service, residences include the service;
//! both are means over all customers that are let in, in seconds.
//!
//! Every function takes plain `f64` in s and 1/s, and gives [`QueueError`] instead of a NaN: for a figure that is none,
//! and for a queue that would grow without end.

pub mod batch;
pub mod brownian;
pub mod erlang;
pub mod finite;
pub mod jsq;
pub mod modulated;
pub mod multi;
pub mod renewal;
pub mod single;
pub mod unreliable;
pub mod wakeups;

pub use batch::{BatchSize, mxg1};
pub use brownian::BoundedWork;
pub use erlang::{Impatient, erlang_a, erlang_a_bounded, erlang_b, erlang_c};
pub use finite::{PoissonNumber, lost_calls, mg_infinity, mmck, mmck_delayed};
pub use jsq::shortest_of_two;
pub use modulated::{mmpp_m1, stationary};
pub use multi::{MultiServer, mgc_allen_cunneen};
pub use renewal::{RenewalQueue, dm1, erlang_arrivals, gm1};
pub use single::{
    ExceptionalFirst, Moments, md1, mg1, mg1_exceptional_first, mg1_ps, mm1, mm1_number_asymptotic_variance,
};
pub use unreliable::{mm1_breakdowns, mm1_retrial};
pub use wakeups::{Woken, mgc_wakeups, mgc_wakeups_ps, mm1k_wakeup, share_that_pays, sleep};

/// Why a queue has no figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// A rate, time or number that is negative, not finite, or zero or too large where it must not be.
    #[error("a rate, time or number of the queue is out of range")]
    Figure,
    /// At least as much comes as can be served: the queue grows without end.
    #[error("more comes than can be served: the queue grows without end")]
    Unstable,
}

/// The figures of a queue in its steady state. Little's law holds between them: `queue_length = throughput × wait` and
/// `number = throughput × residence`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Queue {
    /// Mean time in queue before service \[s\]; under processor sharing, what the sharing adds to the service.
    pub wait: f64,
    /// Mean time from arrival to departure \[s\].
    pub residence: f64,
    /// Mean number waiting.
    pub queue_length: f64,
    /// Mean number waiting or in service.
    pub number: f64,
    /// Share of the time that a server is busy.
    pub utilisation: f64,
    /// Share of the arrivals that is turned away.
    pub loss: f64,
    /// Customers let in, and served, per second.
    pub throughput: f64,
}

impl Queue {
    /// Where nothing is lost: λ, the mean wait, the mean time in service and the servers say it all.
    pub(super) fn from_wait(arrival_rate: f64, wait: f64, service: f64, servers: f64) -> Result<Self, QueueError> {
        let residence = wait + service;
        if !residence.is_finite() || !(arrival_rate * residence).is_finite() {
            return Err(QueueError::Figure);
        }
        Ok(Self {
            wait,
            residence,
            queue_length: arrival_rate * wait,
            number: arrival_rate * residence,
            utilisation: arrival_rate * service / servers,
            loss: 0.0,
            throughput: arrival_rate,
        })
    }
}

/// A rate that may be zero.
fn rate(figure: f64) -> Result<f64, QueueError> {
    if figure >= 0.0 && figure.is_finite() { Ok(figure) } else { Err(QueueError::Figure) }
}

/// A figure that must be more than zero.
fn positive(figure: f64) -> Result<f64, QueueError> {
    if figure > 0.0 && figure.is_finite() { Ok(figure) } else { Err(QueueError::Figure) }
}

/// Utilisation, where it is below 1.
fn stable(utilisation: f64) -> Result<f64, QueueError> {
    if utilisation.is_nan() {
        Err(QueueError::Figure)
    } else if utilisation < 1.0 {
        Ok(utilisation)
    } else {
        Err(QueueError::Unstable)
    }
}

#[cfg(test)]
mod tests;
