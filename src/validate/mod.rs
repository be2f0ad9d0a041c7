//! The model held against what was measured: metric by metric, with an error, a tolerance and a verdict.
//!
//! Everything here is computed from [`Observation`](crate::metrics::Observation)s of both sides; who made them, and how
//! they are shown, is not known here. A [`Trial`](compare::Trial) is one load with what was predicted and measured at it;
//! [`compare`](compare::compare) judges them all. [`history`] makes trials of a load history that people already have,
//! [`repeats`] makes one observation of several runs at the same load, and [`drift`] holds a result against an earlier one.

mod calendar;
pub mod compare;
pub mod drift;
pub mod history;
pub mod judge;
pub mod metric;
pub mod noise;
pub mod read;
pub mod repeats;

pub use compare::{Comparison, Point, Trial, Validation, compare};
pub use judge::Verdict;
pub use metric::Metric;
pub use noise::Noise;
