//! The discrete-event kernel: a calendar for what is irregular, stations by recursion for what is regular.
//!
//! It knows nothing of chat, users or servers: only of customers that arrive at stations with demands.
//!
//! # Contract
//! - Customers reach a first-come-first-served station in order of arrival time; a station then knows a customer's start
//!   and departure at once (Lindley 1952 for one server, Kiefer and Wolfowitz 1955 for several), without any event.
//! - What happens at the same time happens in the order in which it was asked for.
//! - Time is whole picoseconds, so sums are exact and the same everywhere.

mod agenda;
mod calendar;
mod cohorts;
mod cores;
mod least;
mod line;
mod lru;
mod pace;
mod reorder;
mod sharing;
mod sleep;

pub use agenda::Agenda;
pub use calendar::Calendar;
pub use cohorts::{Cohorts, Delay};
pub use cores::{Admission, Cores, Rules};
pub use least::LeastLoaded;
pub use line::Line;
pub use lru::Lru;
pub use pace::{Pace, Slow};
pub use reorder::Reorder;
pub use sharing::{Departed, Sharing};
pub use sleep::Sleep;

use crate::units::{SimTime, Span};

/// One customer's stay at a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// When the customer came.
    pub arrival: SimTime,
    /// When its service began.
    pub start: SimTime,
    /// When it left.
    pub departure: SimTime,
    /// The part of the service that only woke up an idle server.
    pub wakeup: Span,
}
