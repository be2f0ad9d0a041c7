//! `plimsoll validate`.
//!
//! A run is: read and check everything, make the files that reports go to, get the trials, judge them, show them. Here
//! trials come of a server that is run on this machine (`live`), or of a load history (`--measured`).

mod live;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rayon::prelude::*;

use super::calibrate::sources;
use super::progress::Progress;
use super::reports::Repeat;
use super::{Failure, input, interrupt, output, reports, simulate};
use crate::cli::{ReportFormat, Validate};
use crate::diagnostic::{Diagnostic, Diagnostics, option_figure};
use crate::model::Model;
use crate::report::validation::{View, json, junit, markdown, terminal};
use crate::report::{csv, pages};
use crate::scenario::{Document, Scenario};
use crate::simulation::SimulationError;
use crate::units::display::count;
use crate::units::parse::Quantity;
use crate::validate::drift::{Baseline, Drifts, drift};
use crate::validate::history::{self, Asked, Bin, Row};
use crate::validate::metric::Allowances;
use crate::validate::read::{self, Table};
use crate::validate::{Trial, Validation, Verdict, compare};

/// Trials, and what is to be said about them.
struct Tried {
    trials: Vec<Trial>,
    /// How far off the model may be.
    allowances: Allowances,
    /// Trials that there were to be.
    planned: usize,
    source: String,
    sample: &'static str,
    notes: Vec<String>,
    /// Why there are fewer than planned.
    stopped: Option<SimulationError>,
}

/// Holds the model against measurements and shows how it fared.
pub fn run(options: &Validate) -> Result<(), Failure> {
    let document = input::document(&options.input)?;
    let scenario = document.resolve()?;
    let baseline = options.baseline.as_deref().map(baseline).transpose()?;
    let threshold = option_figure("--drift", &options.drift, Quantity::Ratio).map_err(Diagnostics::from)?;
    let history = match options.measured[..] {
        [] => None,
        _ => Some(History::read(&options.measured, &document, &scenario)?),
    };
    simulate::threads(options.threads)?;
    let files = Files::create(options)?;
    interrupt::listen();
    let tried = match history {
        Some(history) => history.tried(options.quiet, &scenario),
        None => live::tried(options, &document, &scenario)?,
    };
    if let Some(error) = tried.stopped.as_ref().filter(|_| tried.trials.is_empty()) {
        return Err(error.clone().into());
    }
    let validation = compare(&tried.trials, &tried.allowances);
    let drifts = match &baseline {
        Some(baseline) => Some(drifted(options, &validation, baseline, threshold)?),
        None => None,
    };
    let verdict = drifts.as_ref().map_or(validation.verdict, |drifts| drifts.verdict.max(validation.verdict));
    let hash = document.hash();
    let view = View {
        name: &scenario.name,
        hash: &hash,
        seed: scenario.simulation.seed,
        source: &tried.source,
        sample: tried.sample,
        validation: &validation,
        drifts: drifts.as_ref(),
        planned: tried.planned,
        notes: &tried.notes,
        verdict,
    };
    let text = rendered(&view, options.format)?;
    if options.format == ReportFormat::Terminal {
        output::print(&text)?;
    } else {
        output::print_plain(&text)?;
    }
    files.write(&view)?;
    report(options, &document, &view)?;
    match (tried.stopped, verdict) {
        (Some(error), _) => Err(error.into()),
        (None, Verdict::Fail) => Err(Failure::Negative),
        (None, Verdict::Inconclusive | Verdict::NotJudged) => Err(Failure::Inconclusive),
        (None, Verdict::Pass) => Ok(()),
    }
}

/// A load history, and the scenario at each of its loads.
struct History {
    source: String,
    asked: Vec<(Bin, Asked)>,
    notes: Vec<String>,
}

impl History {
    fn read(files: &[String], document: &Document, scenario: &Scenario) -> Result<Self, Failure> {
        let tables: Vec<Table> = sources(files)?.into_iter().map(|(_, table)| table).collect();
        let rows = history::rows(&read::together(&tables), scenario);
        let mut notes: Vec<String> = tables.into_iter().flat_map(|table| table.notes).collect();
        let bins = history::bins(&rows);
        useful(&rows, &bins.bins)?;
        if bins.idle > 0 {
            notes.push(format!("{} without a load are left out", rows_of(bins.idle)));
        }
        if bins.memory_left_out {
            notes.push(
                "memory is left out: its rows have to be of different numbers of connections, to tell what each takes"
                    .to_owned(),
            );
        }
        let fleet = Model::of(scenario).fleet;
        if scenario.servers.count.is_none() && bins.bins.iter().any(|bin| bin.servers.is_none()) {
            notes.push(format!(
                "the scenario leaves the number of servers open: taken to be {}, as its own load requires",
                count(fleet.servers as f64)
            ));
        }
        let mut asked = Vec::new();
        let mut errors: Vec<Diagnostics> = Vec::new();
        for bin in bins.bins {
            match history::at(document, scenario, fleet, &bin) {
                Ok(there) => asked.push((bin, there)),
                // What is wrong at one load is wrong at the others too.
                Err(wrong) if errors.contains(&wrong) => {}
                Err(wrong) => errors.push(wrong),
            }
        }
        if !errors.is_empty() {
            return Err(Diagnostics::from_iter(errors).into());
        }
        let source = format!("{}, {}", files.join(", "), rows_of(rows.len()));
        Ok(Self { source, asked, notes })
    }

    /// Simulates the scenario at each load.
    fn tried(self, quiet: bool, scenario: &Scenario) -> Tried {
        let progress = Progress::new(quiet);
        let found: Vec<Result<(Trial, Vec<String>), SimulationError>> =
            self.asked.par_iter().map(|(bin, asked)| asked.trial(bin, &progress)).collect();
        progress.finish();
        let planned = found.len();
        let mut trials = Vec::new();
        let mut notes = self.notes;
        let mut stopped = None;
        for trial in found {
            match trial {
                Ok((trial, warnings)) => {
                    trials.push(trial);
                    notes.extend(warnings);
                }
                Err(error) => stopped = stopped.or(Some(error)),
            }
        }
        let mut said = HashSet::new();
        notes.retain(|note| said.insert(note.clone()));
        let allowances = Allowances::of(scenario);
        Tried { trials, allowances, planned, source: self.source, sample: "row", notes, stopped }
    }
}

fn rows_of(number: usize) -> String {
    format!("{} row{}", count(number as f64), if number == 1 { "" } else { "s" })
}

/// A history needs a load, and something else.
fn useful(rows: &[Row], bins: &[Bin]) -> Result<(), Failure> {
    let error = if bins.is_empty() {
        Diagnostic::new("no row of `--measured` has a load")
            .help("name a column `offered_per_second`, `throughput_per_second`, `connections` or `users`")
    } else if history::has_figures(rows) {
        return Ok(());
    } else {
        Diagnostic::new("`--measured` has a load, and nothing to hold the model against")
            .help("add columns such as `cpu_utilisation` or `latency_p99_seconds`")
    };
    Err(Diagnostics::from(error).into())
}

fn baseline(file: &str) -> Result<Baseline, Failure> {
    Baseline::parse(&input::measurements(file)?).map_err(|error| {
        let error = Diagnostic::new(format!("`{file}` can't be compared with: {error}"));
        Diagnostics::from(error.help("give what `plimsoll validate … --format json` printed earlier")).into()
    })
}

fn drifted(
    options: &Validate,
    validation: &Validation,
    baseline: &Baseline,
    threshold: f64,
) -> Result<Drifts, Failure> {
    drift(validation, baseline, threshold).map_err(|error| {
        let file = options.baseline.as_deref().unwrap_or_default();
        let error = Diagnostic::new(format!("`{file}` can't be compared with: {error}"));
        Diagnostics::from(error.help("compare results of the same loads")).into()
    })
}

fn rendered(view: &View<'_>, format: ReportFormat) -> Result<String, Failure> {
    Ok(match format {
        ReportFormat::Terminal => terminal::report(view),
        ReportFormat::Json => {
            let text = serde_json::to_string_pretty(&json::report(view));
            text.context("the result can't be put into JSON")? + "\n"
        }
        ReportFormat::Csv => csv::main(&pages::validation(view, None)),
        ReportFormat::Markdown => markdown::report(view),
        ReportFormat::Junit => junit::report(view),
    })
}

/// Writes the report where one is asked for. An interrupted run leaves the older one as it is.
fn report(options: &Validate, document: &Document, view: &View<'_>) -> Result<(), Failure> {
    if options.report.is_some() && !view.complete() {
        output::complain("not all loads were finished, so no report is written");
        return Ok(());
    }
    let measured: Vec<String> = options.measured.iter().map(|file| reports::file_name(file)).collect();
    let mut repeat = Repeat::new("validate", &options.input).option("--measured", &measured);
    let calibration = options.calibration.as_ref().map(|path| path.display().to_string());
    repeat = repeat.file("--calibration", calibration.as_ref()).file("--baseline", options.baseline.as_ref());
    if options.million {
        repeat = repeat.word("--million".to_owned());
    }
    let own = vec![
        ("report.md".to_owned(), markdown::report(view).into_bytes()),
        ("junit.xml".to_owned(), junit::report(view).into_bytes()),
    ];
    let page = || pages::validation(view, Some(repeat.origin(&[document])));
    reports::write(options.report.as_deref(), options.quiet, &page, &|| json::report(view), own)
}

/// Files that the result goes to besides standard output.
struct Files(Vec<(PathBuf, ReportFormat)>);

impl Files {
    /// Makes them before anything is simulated, so that one that can't be written is told at once.
    fn create(options: &Validate) -> Result<Self, Failure> {
        let files = [
            (&options.json, ReportFormat::Json),
            (&options.markdown, ReportFormat::Markdown),
            (&options.junit, ReportFormat::Junit),
        ];
        let files: Vec<(PathBuf, ReportFormat)> =
            files.into_iter().filter_map(|(path, format)| Some((path.clone()?, format))).collect();
        for (path, _) in &files {
            fs::OpenOptions::new().create(true).append(true).open(path).with_context(|| unwritable(path))?;
        }
        Ok(Self(files))
    }

    fn write(&self, view: &View<'_>) -> Result<(), Failure> {
        for (path, format) in &self.0 {
            fs::write(path, rendered(view, *format)?).with_context(|| unwritable(path))?;
        }
        Ok(())
    }
}

fn unwritable(path: &Path) -> String {
    format!("`{}` can't be written", path.display())
}
