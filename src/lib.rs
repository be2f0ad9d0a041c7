//! Plimsoll finds the load line of a real-time system.
//!
//! Data flows one way, and a module imports only from those above it in this list; a test holds that.

// Tests compare figures that must be exact.
#![cfg_attr(test, allow(clippy::float_cmp))]

pub mod units;
pub mod stats;
pub mod random;
pub mod diagnostic;
pub mod scenario;
pub mod model;
pub mod engine;
pub mod metrics;
pub mod simulation;
pub mod live;
pub mod analysis;
pub mod report;
pub mod cli;
pub mod app;
