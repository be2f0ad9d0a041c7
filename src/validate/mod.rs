//! The model held against measurements, and what measurements say about it: pure computation.
//!
//! [`read`] turns the files that people have (CSV, load tools' summaries, Prometheus) into load points; [`fit`] finds
//! the figures behind them, with their intervals; [`calibration`] writes those down for scenarios to use. Files are
//! opened and written in `app/`, shown by `report/`.
//!
//! A [`Trial`] is one load with an [`Observation`](crate::metrics::Observation) of what was predicted and
//! one of what was measured at it; [`compare`](fn@compare) judges them all, metric by metric. [`history`] makes trials
//! of a load history, [`repeats`] makes one observation of several runs at the same load, and [`drift`] holds a result
//! against an earlier one.

pub mod calendar;
pub mod calibration;
pub mod compare;
pub mod drift;
pub mod fit;
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
