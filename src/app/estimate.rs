//! `plimsoll estimate`.

use super::{Failure, input, output};
use crate::analysis::assess_priced;
use crate::cli::{Estimate, Format};
use crate::report::{View, json, terminal};

/// Computes the closed form and shows it.
pub fn run(options: &Estimate) -> Result<(), Failure> {
    let document = input::document(&options.input)?;
    let catalogue = input::catalogue(options.shapes.as_deref(), None)?;
    let assessment = assess_priced(&document, catalogue.as_ref())?;
    let hash = document.hash();
    let view = View { assessment: &assessment, metrics: None, objectives: &[], hash: &hash };
    match options.output.format {
        Format::Terminal => output::print(&terminal::estimate(&view)),
        Format::Json => output::print_json(&json::result(&view)),
    }
}
