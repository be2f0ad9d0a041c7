//! `plimsoll estimate`.

use super::reports::Repeat;
use super::{Failure, input, reports, verbose};
use crate::analysis::assess_priced;
use crate::cli::Estimate;
use crate::report::View;

/// Computes the closed form and shows it.
pub fn run(options: &Estimate) -> Result<(), Failure> {
    let document = input::document(&options.input)?;
    let catalogue = input::catalogue(options.shapes.as_deref(), None)?;
    let assessment = assess_priced(&document, catalogue.as_ref())?;
    verbose::done(|| format!("computed the closed form, in {} worlds", assessment.worlds));
    let hash = document.hash();
    let view = View { assessment: &assessment, metrics: None, objectives: &[], hash: &hash };
    let repeat = Repeat::new("estimate", &options.input).file("--shapes", options.shapes.as_ref());
    reports::show_view(&options.output, &view, &document, &repeat)
}
