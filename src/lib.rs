//! Plimsoll finds the load line of a real-time system.
//!
//! Data flows one way, and a module imports only from those above it in this list; a test holds that.

pub mod diagnostic;
pub mod random;
pub mod scenario;
pub mod units;
