//! One view of a result goes in, bytes come out. Nothing is computed here.

pub mod drive;
pub mod calibration;
pub mod compare;
pub mod check;
pub mod csv;
pub mod document;
pub mod html;
pub mod explore;
mod interview;
pub mod json;
pub mod junit;
pub mod line;
pub mod markdown;
pub mod pages;
pub mod paint;
pub mod plan;
pub mod plots;
pub mod schema;
mod sensitivity;
mod show;
pub mod steps;
pub mod sweep;
pub mod terminal;
pub mod validation;
pub mod width;

use crate::analysis::Assessment;
use crate::analysis::slo::Objective;
use crate::metrics::RunMetrics;

/// All there is to show of one scenario.
#[derive(Debug)]
pub struct View<'a> {
    /// The closed form.
    pub assessment: &'a Assessment,
    /// The simulation, where there was one.
    pub metrics: Option<&'a RunMetrics>,
    /// What was promised, and whether it is kept.
    pub objectives: &'a [Objective],
    /// The scenario's hash.
    pub hash: &'a str,
}

/// The version of the JSON's names and meanings.
pub const SCHEMA_VERSION: u32 = 1;

/// The program's own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
