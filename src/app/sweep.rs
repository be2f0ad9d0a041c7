//! `plimsoll sweep`.

use rayon::prelude::*;

use super::progress::Progress;
use super::simulate::{Outcome, promised, threads, verdict};
use super::{Failure, input, interrupt, output};
use crate::analysis::{Assessment, assess};
use crate::cli::{Format, Sweep};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::report::{Point, json, terminal};
use crate::scenario::{Axis, Document, parse_vary};
use crate::simulation::SimulationError;
use crate::units::display;

/// More points than this are taken for a slip.
const MOST_POINTS: usize = 100_000;

/// An error is told apart from so many others.
const MOST_COMPARED: usize = 100;

/// What is varied at a point: keys and values.
type Vary = Vec<(String, String)>;

/// A point before it is simulated.
struct Planned {
    vary: Vary,
    document: Document,
    assessment: Assessment,
}

/// Simulates a scenario at every point and shows one row a point.
pub fn run(options: &Sweep) -> Result<(), Failure> {
    let document = input::document(&options.input)?;
    let axes = axes(options, &document)?;
    // Everything that is wrong with any point is said before the first is simulated.
    let planned = plan(&document, &axes)?;
    for point in &planned {
        promised(&options.run, &point.assessment)?;
    }
    threads(options.run.threads)?;
    interrupt::listen();
    let progress = Progress::new(options.output.quiet);
    let count = planned.len();
    let outcomes: Vec<(Vary, Result<Outcome, SimulationError>)> = planned
        .into_par_iter()
        .map(|Planned { vary, document, assessment }| (vary, Outcome::of(&document, assessment, &progress)))
        .collect();
    progress.finish();
    let mut finished = Vec::new();
    let mut failed = None;
    for (vary, outcome) in outcomes {
        match outcome {
            Ok(outcome) => finished.push((vary, outcome)),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    let points: Vec<Point<'_>> = finished.iter().map(|(vary, outcome)| Point { vary, view: outcome.view() }).collect();
    match options.output.format {
        Format::Terminal => output::print(&terminal::sweep(&points, count))?,
        Format::Json => output::print_json(&json::sweep(&points, count))?,
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    let verdicts: Vec<_> = finished.iter().filter_map(|(_, outcome)| verdict(&options.run, outcome).err()).collect();
    // One point that says no says it for all.
    let said = verdicts.into_iter().reduce(|said, next| if matches!(said, Failure::Negative) { said } else { next });
    said.map_or(Ok(()), Err)
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

/// All combinations, the last axis varying fastest.
fn plan(document: &Document, axes: &[Axis]) -> Result<Vec<Planned>, Failure> {
    let count = axes.iter().map(|axis| axis.values.len()).try_fold(1_usize, usize::checked_mul);
    let Some(count) = count.filter(|count| *count <= MOST_POINTS) else {
        let most = display::whole(MOST_POINTS as f64);
        let error = Diagnostic::new(format!("the sweep has more than {most} points"))
            .help("vary fewer keys, or fewer values of each");
        return Err(Diagnostics::from(error).into());
    };
    let mut planned = Vec::new();
    let mut errors = Vec::new();
    for number in 0..count {
        let mut vary = Vec::new();
        let mut rest = number;
        for axis in axes.iter().rev() {
            vary.push((axis.path.clone(), axis.values[rest % axis.values.len()].clone()));
            rest /= axis.values.len();
        }
        vary.reverse();
        let mut document = document.clone();
        let set = vary.iter().try_for_each(|(path, value)| document.set_path("--vary", path, value));
        match set.and_then(|()| assess(&document)) {
            Ok(assessment) => planned.push(Planned { vary, document, assessment }),
            // A value is as wrong at every other point that has it.
            Err(wrong) if errors.iter().take(MOST_COMPARED).any(|known| *known == wrong) => {}
            Err(wrong) => errors.push(wrong),
        }
    }
    if errors.is_empty() { Ok(planned) } else { Err(Diagnostics::from_iter(errors).into()) }
}
