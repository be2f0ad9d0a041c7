//! Quantities: numbers that know their unit.
//!
//! Two kinds live here. [`quantity`] has the real-valued quantities of the model (seconds, bytes, bits a second, …),
//! in SI base units, between which only the operators exist that mean something (`Bytes / BitRate = Seconds`).
//! [`time`] has the simulation's clock, in whole picoseconds. `parse` is the one strict parser of figures that a
//! person types, in YAML and on the command line; `display` is how they are shown again.
//!
//! This module imports nothing else of the crate.

pub mod display;
pub mod parse;
pub mod quantity;
pub mod time;
mod unit;

pub use quantity::{BitRate, ByteRate, Bytes, Rate, Ratio, Seconds};
pub use time::{SimTime, Span};
