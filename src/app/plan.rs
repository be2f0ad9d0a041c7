//! `plimsoll plan`.

use super::progress::Progress;
use super::reports::{Repeat, Result};
use super::simulate::threads;
use super::{Failure, input, interrupt, reports};
use crate::analysis::plan::{PlanError, plan};
use crate::cli::Plan;
use crate::report::pages;
use crate::report::plan::{PlanView, json, terminal};

/// Finds what it takes, and shows it.
pub fn run(options: &Plan) -> std::result::Result<(), Failure> {
    let document = input::document(&options.input)?;
    let catalogue = input::catalogue(options.shapes.as_deref(), Some("example"))?;
    threads(options.threads)?;
    interrupt::listen();
    let progress = Progress::of_search(options.output.quiet);
    let planned = plan(&document, catalogue.as_ref(), &progress);
    progress.finish();
    let planned = planned?;
    let hash = document.hash();
    let view = PlanView { plan: &planned, catalogue: catalogue.as_ref(), hash: &hash };
    let repeat = Repeat::new("plan", &options.input);
    let repeat = match options.shapes.as_ref() {
        Some(none) if none == "none" => repeat.option("--shapes", Some(none)),
        file => repeat.file("--shapes", file),
    };
    let result = Result {
        terminal: &|| terminal(&view),
        json: &|| json(&view),
        page: &|| pages::plan(&view, repeat.origin(&[&document])),
    };
    reports::show(&options.output, &result)?;
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
