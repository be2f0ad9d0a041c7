//! `plimsoll drive`.

use std::fmt::Write as _;
use std::fs;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{Failure, input, interrupt, output};
use crate::cli::{Drive, Format};
use crate::diagnostic::{Diagnostic, Diagnostics, option_figure};
use crate::live::driver::{DriveError, DriveResult, Options, Plan, Progress, Watch, drive};
use crate::report::drive::{DriveReport, Driven, hgrm, terminal};
use crate::units::display::count;
use crate::units::parse::Quantity;

/// Drives a server and shows what came of it.
pub fn run(options: &Drive) -> Result<(), Failure> {
    let document = input::document(&options.input)?;
    let scenario = document.resolve()?;
    let plan = Plan::of(&scenario, &settings(options)?)?;
    // A file that can't be written is better known before the run than after it.
    for file in [&options.hgrm, &options.record].into_iter().flatten() {
        write(file, "")?;
    }
    interrupt::listen();
    let looker = Looker::new(options.output.quiet);
    let result = drive(&plan, &looker);
    looker.finish();
    let result = result.map_err(|error| match error {
        DriveError::Interrupted => Failure::Interrupted,
        error => Failure::Runtime(error.into()),
    })?;
    if let Some(file) = &options.hgrm {
        write(file, &hgrm(&result))?;
    }
    if let Some(file) = &options.record {
        write(file, &record(&result))?;
    }
    let driven = Driven { name: scenario.name.clone(), hash: document.hash() };
    let report = DriveReport::new(driven, plan.seed, options.url.clone(), result);
    match options.output.format {
        Format::Terminal => output::print(&terminal(&report))?,
        Format::Json => {
            output::print_json(&serde_json::to_value(&report).context("the result can't be put into JSON")?)?;
        }
    }
    if report.live.complete { Ok(()) } else { Err(Failure::Interrupted) }
}

const DAY: f64 = 86_400.0;

/// What the command line says of how to drive.
fn settings(options: &Drive) -> Result<Options, Diagnostics> {
    let mut errors = Vec::new();
    let mut figure = |option: &str, text: &str, quantity: Quantity, least: f64, most: f64| {
        let value = option_figure(option, text, quantity).and_then(|value| {
            let fits = (least..=most).contains(&value);
            if fits { Ok(value) } else { Err(Diagnostic::new(format!("`{option} {text}` is out of range"))) }
        });
        value.unwrap_or_else(|error| {
            errors.push(error);
            least
        })
    };
    let settings = Options {
        urls: options.url.clone(),
        duration: figure("--duration", &options.duration, Quantity::Time, 0.01, DAY),
        warm_up: figure("--warm-up", &options.warm_up, Quantity::Time, 0.0, DAY),
        drain: figure("--drain", &options.drain, Quantity::Time, 0.0, DAY),
        ramp: options.ramp.as_ref().map(|ramp| figure("--ramp", ramp, Quantity::Rate, 1e-3, 1e9)),
        in_flight: options.in_flight,
        threads: match options.threads.as_str() {
            "auto" => None,
            text => Some(figure("--threads", text, Quantity::Count, 1.0, 1_024.0) as u32),
        },
        cpus: options.cpus.clone(),
        sources: options.sources,
        insecure: options.insecure,
        record: options.record.is_some(),
        watch: options.watch_pid.clone(),
    };
    if errors.is_empty() { Ok(settings) } else { Err(Diagnostics::new(errors)) }
}

/// The intended times in the form of a scenario's trace.
fn record(result: &DriveResult) -> String {
    let mut out = String::from("# intended times of the messages, from the start of what was measured\ns\n");
    for time in &result.times {
        let _ = writeln!(out, "{time:.9}");
    }
    out
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    Ok(fs::write(file, text).with_context(|| format!("`{}` can't be written", PathBuf::from(file).display()))?)
}

/// A line on the terminal that says how far it is; passes Ctrl-C on.
struct Looker {
    wanted: bool,
}

impl Looker {
    fn new(quiet: bool) -> Self {
        Self { wanted: !quiet && stderr().is_terminal() }
    }

    /// Takes the line away.
    fn finish(&self) {
        if self.wanted {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

impl Watch for Looker {
    fn progress(&self, progress: &Progress) {
        if !self.wanted {
            return;
        }
        let open = format!("{} of {} connected", count(progress.open as f64), count(progress.wanted as f64));
        let line = match progress.running {
            None => open,
            Some(seconds) => format!(
                "{seconds:.0} s  {open}  {}/s out  {}/s in  p99 {:.2} ms  late {:.2} ms",
                count(progress.sent_per_second.round()),
                count(progress.received_per_second.round()),
                progress.p99.unwrap_or(0.0) * 1e3,
                progress.lateness * 1e3
            ),
        };
        let _ = write!(stderr(), "\r\x1b[K{line}");
    }

    fn stop(&self) -> bool {
        interrupt::asked()
    }
}
