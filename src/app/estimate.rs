//! `plimsoll estimate`.

use super::{Failure, input, output, verbose};
use crate::analysis::assess;
use crate::cli::{Estimate, Format};
use crate::report::{View, json, terminal};

/// Computes the closed form and shows it.
pub fn run(options: &Estimate) -> Result<(), Failure> {
    let document = input::document(&options.input)?;
    let assessment = assess(&document)?;
    verbose::done(|| format!("computed the closed form, in {} worlds", assessment.worlds));
    let hash = document.hash();
    let view = View { assessment: &assessment, metrics: None, objectives: &[], hash: &hash };
    match options.output.format {
        Format::Terminal => output::print(&terminal::estimate(&view)),
        Format::Json => output::print_json(&json::result(&view)),
    }
}
