//! `plimsoll plan`.

use super::progress::Progress;
use super::simulate::threads;
use super::{Failure, input, interrupt, output};
use crate::analysis::plan::{PlanError, plan};
use crate::cli::{Format, Plan};
use crate::report::plan::{PlanView, json, terminal};
use crate::scenario::Catalogue;

/// Finds what it takes, and shows it.
pub fn run(options: &Plan) -> Result<(), Failure> {
    let document = input::document(&options.input)?;
    let catalogue = match options.shapes.as_deref() {
        None => Some(Catalogue::example()?),
        Some("none") => None,
        Some(file) => Some(Catalogue::parse(file, &input::bytes(file)?)?),
    };
    threads(options.threads)?;
    interrupt::listen();
    let progress = Progress::of_search(options.output.quiet);
    let planned = plan(&document, catalogue.as_ref(), &progress);
    progress.finish();
    let planned = planned?;
    let hash = document.hash();
    let view = PlanView { plan: &planned, catalogue: catalogue.as_ref(), hash: &hash };
    match options.output.format {
        Format::Terminal => output::print(&terminal(&view))?,
        Format::Json => output::print_json(&json(&view))?,
    }
    if planned.own.is_err() && planned.offers.is_empty() { Err(Failure::Negative) } else { Ok(()) }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Wrong(errors) => errors.into(),
            PlanError::Simulation(error) => error.into(),
        }
    }
}
