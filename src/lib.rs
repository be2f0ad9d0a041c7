//! Plimsoll finds the load line of a real-time system.
//!
//! Data flows one way, and a module imports only from those above it in this list; a test holds that.

// In the order of the floor plan, not of the alphabet.
#[rustfmt::skip]
pub mod units;
#[rustfmt::skip]
pub mod stats;
#[rustfmt::skip]
pub mod random;
#[rustfmt::skip]
pub mod diagnostic;
#[rustfmt::skip]
pub mod scenario;
#[rustfmt::skip]
pub mod model;
#[rustfmt::skip]
pub mod engine;
#[rustfmt::skip]
pub mod metrics;
#[rustfmt::skip]
pub mod simulation;
