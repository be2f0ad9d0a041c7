//! `plimsoll sweep`.

mod grid;
mod ledger;
pub mod merge;

use std::collections::HashSet;

use rayon::prelude::*;
use serde_json::Value;

use self::grid::{Grid, Part};
use self::ledger::{Header, Ledger};
use super::progress::Progress;
use super::reports::Repeat;
use super::simulate::{Outcome, promised, threads};
use super::{Failure, input, interrupt, output, reports};
use crate::analysis::assess;
use crate::cli::{FailOn, Partition, Shown, Sweep};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::report::document::Origin;
use crate::report::sweep::{self as report, Extent, Finished};
use crate::report::{View, pages};
use crate::scenario::{Axis, Document, parse_vary};
use crate::simulation::{SimulationError, Watch};
use crate::units::display;

/// More points than this are taken for a slip.
const MOST_POINTS: usize = 100_000;

/// An error is told apart from so many others.
const MOST_COMPARED: usize = 100;

/// Simulates a scenario at every point and shows one row a point.
pub fn run(options: &Sweep) -> Result<(), Failure> {
    if options.estimate && options.run.fail_on.is_some() {
        let error = Diagnostic::new("`--fail-on slo` needs a simulation").help("leave out `--estimate`");
        return Err(Diagnostics::from(error).into());
    }
    let document = input::document(&options.input)?;
    let grid = Grid::new(axes(options, &document)?);
    let part = Part::of(options.partition);
    let numbers = points(&grid, part)?;
    threads(options.run.threads)?;
    // Everything that is wrong with any point is said before the first is simulated.
    check(options, &document, &grid, &numbers)?;
    let (ledger, mut finished) = match &options.out {
        Some(path) => {
            let first = at(&document, &grid, 0)?.resolve()?;
            let seed = first.simulation.seed;
            let header = Header::new(&first.name, document.hash(), seed, options.estimate, grid.clone(), part);
            let (ledger, finished) = Ledger::open(path, &header, options.resume)?;
            (Some(ledger), finished)
        }
        None => (None, Vec::new()),
    };
    interrupt::listen();
    let known: HashSet<usize> = finished.iter().map(|(number, _)| *number).collect();
    let missing: Vec<usize> = numbers.iter().copied().filter(|number| !known.contains(number)).collect();
    let progress = Progress::of_points(missing.len(), options.output.quiet);
    let watch = Watcher { progress: &progress, ledger: ledger.as_ref() };
    let outcomes: Vec<(usize, Result<Finished, Failure>)> =
        missing.into_par_iter().map(|number| (number, point(options, &document, &grid, number, &watch))).collect();
    progress.finish();
    let mut failed = None;
    for (number, outcome) in outcomes {
        match outcome {
            Ok(point) => finished.push((number, point)),
            Err(failure) => failed = failed.or(Some(failure)),
        }
    }
    finished.sort_by_key(|(number, _)| *number);
    let finished: Vec<Finished> = finished.into_iter().map(|(_, point)| point).collect();
    let origin = repeat(options).origin(&[&document]);
    show(&finished, Extent { planned: numbers.len(), part: part.shown() }, &options.output, Some(&origin))?;
    if let Some(ledger) = ledger {
        ledger.close()?;
    }
    match failed {
        Some(failure) => Err(failure),
        None => verdict(&finished, options.run.fail_on),
    }
}

/// Passes on how far it is, and stops when there is no use in going on.
#[derive(Debug)]
struct Watcher<'a> {
    progress: &'a Progress,
    ledger: Option<&'a Ledger>,
}

impl Watch for Watcher<'_> {
    fn expect(&self, messages: u64) {
        self.progress.expect(messages);
    }

    fn did(&self, messages: u64) {
        self.progress.did(messages);
    }

    fn stop(&self) -> bool {
        self.progress.stop() || self.ledger.is_some_and(Ledger::failed)
    }
}

fn axes(options: &Sweep, document: &Document) -> Result<Vec<Axis>, Failure> {
    if options.vary.is_empty() {
        let axes = document.sweep()?;
        if axes.is_empty() {
            let error = Diagnostic::new("there is nothing to vary")
                .help("give `--vary users=100,10k,1M`, or a `sweep:` in the scenario");
            return Err(Diagnostics::from(error).into());
        }
        return Ok(axes);
    }
    let mut axes = Vec::new();
    let mut errors = Vec::new();
    for text in &options.vary {
        match parse_vary(text) {
            Ok(Axis { path, .. }) if axes.iter().any(|axis: &Axis| axis.path == path) => {
                let error = Diagnostic::new(format!("`{path}` is varied twice"));
                errors.push(error.help(format!("give all its values at once: `--vary {path}=…,…`")).into());
            }
            Ok(axis) => axes.push(axis),
            Err(wrong) => errors.push(wrong),
        }
    }
    if errors.is_empty() { Ok(axes) } else { Err(Diagnostics::from_iter(errors).into()) }
}

/// The numbers of the points that are to be there in the end.
fn points(grid: &Grid, part: Part) -> Result<Vec<usize>, Failure> {
    let Some(count) = grid.len().filter(|count| *count <= MOST_POINTS) else {
        let most = display::whole(MOST_POINTS as f64);
        let error = Diagnostic::new(format!("the sweep has more than {most} points"))
            .help("vary fewer keys, or fewer values of each");
        return Err(Diagnostics::from(error).into());
    };
    Ok((0..count).filter(|number| part.has(*number)).collect())
}

/// The scenario of a point.
fn at(document: &Document, grid: &Grid, number: usize) -> Result<Document, Diagnostics> {
    let mut document = document.clone();
    grid.at(number).iter().try_for_each(|(path, value)| document.set_path("--vary", path, value))?;
    Ok(document)
}

fn check(options: &Sweep, document: &Document, grid: &Grid, numbers: &[usize]) -> Result<(), Failure> {
    let resolved: Vec<_> =
        numbers.par_iter().map(|number| at(document, grid, *number)?.resolve()).map(Result::err).collect();
    let mut errors: Vec<Diagnostics> = Vec::new();
    for wrong in resolved.into_iter().flatten() {
        // A value is as wrong at every other point that has it.
        if !errors.iter().take(MOST_COMPARED).any(|known| *known == wrong) {
            errors.push(wrong);
        }
    }
    if !errors.is_empty() {
        return Err(Diagnostics::from_iter(errors).into());
    }
    if options.run.fail_on.is_some() {
        for number in numbers {
            promised(&options.run, &at(document, grid, *number)?.resolve()?)?;
        }
    }
    Ok(())
}

/// One point: computed, simulated if asked for, and kept.
fn point(
    options: &Sweep,
    document: &Document,
    grid: &Grid,
    number: usize,
    watch: &Watcher<'_>,
) -> Result<Finished, Failure> {
    if watch.stop() {
        return Err(SimulationError::Interrupted.into());
    }
    watch.progress.begin();
    let document = at(document, grid, number)?;
    let assessment = assess(&document)?;
    let finished = if options.estimate {
        let hash = document.hash();
        let view = View { assessment: &assessment, metrics: None, objectives: &[], hash: &hash };
        Finished::of(grid.at(number), &view)
    } else {
        Finished::of(grid.at(number), &Outcome::of(&document, assessment, watch)?.view())
    };
    if let Some(ledger) = watch.ledger {
        ledger.add(number, &finished);
    }
    watch.progress.end();
    Ok(finished)
}

fn show(finished: &[Finished], extent: Extent, options: &Shown, origin: Option<&Origin>) -> Result<(), Failure> {
    let complete = finished.len() == extent.planned && !finished.is_empty();
    if options.report.is_some() && !complete {
        output::complain("the sweep is not whole, so no report is written");
    }
    let report = options.report.clone().filter(|_| complete);
    let options = Shown { report, ..*options };
    let result = reports::Result {
        terminal: &|| report::table(finished, extent),
        json: &|| report::document(finished, extent),
        page: &|| pages::sweep(finished, extent, origin.cloned()),
    };
    reports::show(&options, &result)
}

/// The command that makes the same sweep.
fn repeat(options: &Sweep) -> Repeat {
    let repeat = Repeat::new("sweep", &options.input).option("--vary", &options.vary);
    let repeat = if options.estimate { repeat.word("--estimate".to_owned()) } else { repeat };
    repeat.option("--partition", options.partition.map(|Partition { part, parts }| format!("{part}/{parts}")).as_ref())
}

/// One point that says no says it for all.
fn verdict(finished: &[Finished], fail_on: Option<FailOn>) -> Result<(), Failure> {
    let said = |verdict: &str| {
        finished.iter().any(|point| point.result.pointer("/slo/verdict").and_then(Value::as_str) == Some(verdict))
    };
    if fail_on != Some(FailOn::Slo) {
        Ok(())
    } else if said("not met") {
        Err(Failure::Negative)
    } else if said("undecided") {
        Err(Failure::Inconclusive)
    } else {
        Ok(())
    }
}
