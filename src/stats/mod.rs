//! What is known of a figure, and how surely.
//!
//! [`Estimate`] is a figure with its interval; [`Histogram`] holds how often which value was seen; [`series`] makes
//! intervals of a simulation's correlated output and finds its warm-up; [`cache`] and [`queueing`] have the closed forms
//! that the model uses and that the simulation is held against; [`regression`] finds the figures behind measurements.
//!
//! Nothing here knows of scenarios or of chat: numbers go in, numbers come out. Of the rest of the crate this module
//! may import only `units`.

pub mod cache;
pub mod estimate;
pub mod histogram;
mod paired;
pub mod queueing;
pub mod regression;
pub mod series;

pub use estimate::Estimate;
pub use histogram::Histogram;
pub use paired::paired_half_width;
