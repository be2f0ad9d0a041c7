//! A YAML file becomes a [`Scenario`].
//!
//! The way of a file: its text is a tree of located values (`tree`), into which the command line's changes go
//! (`paths`); the tree is read by the table of keys (`keys`, `read`, `data`, `lists`) into a `draft`, and that becomes one
//! [`Scenario`] for each world (`resolve`). [`Document`] is all of this from outside. What is wrong is told as
//! [`Diagnostics`](crate::diagnostic::Diagnostics), all of it at once.

mod autoscaler;
mod backend;
mod belief;
mod broker;
mod calibration;
mod catalogue;
mod course;
mod data;
mod document;
mod draft;
mod faults;
mod items;
pub mod keys;
mod lists;
mod paths;
mod profile;
mod range;
mod read;
mod resolve;
mod schema;
mod shape;
mod slow;
mod template;
mod tree;
mod types;
mod validation;
mod yaml;

pub use autoscaler::{Autoscaler, ScaledBy, Step};
pub use belief::Belief;
pub use calibration::Calibration;
pub use catalogue::{Catalogue, Machine};
pub use document::Document;
pub use draft::UncertainInput;
pub use faults::{Deploy, Fault, FaultKind, Ways, Zones};
pub use paths::{Axis, parse_vary, parse_with};
pub use profile::{Curve, Profile, ProfileOf};
pub use schema::schema;
pub use template::{Template, template};
pub use types::*;
pub use validation::{Tolerances, Validation};
pub use yaml::Given;

#[cfg(test)]
mod tests;
