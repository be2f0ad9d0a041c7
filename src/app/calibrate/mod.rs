//! `plimsoll calibrate`.

pub mod live;

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context as _;

use super::rig::{Rig, Variant};
use super::{Failure, input, interrupt, output};
use crate::cli::{Calibrate, Format, Spread};
use crate::diagnostic::{Diagnostic, Diagnostics, option_figure};
use crate::report::calibration::{Calibrated, json, terminal};
use crate::scenario::Document;
use crate::units::parse::Quantity;
use crate::validate::calendar::rfc3339;
use crate::validate::calibration::{self, Calibration, Made};
use crate::validate::fit::{Fits, Machine, all};
use crate::validate::read::{self, Column, Table};

/// Connections that scenarios take to be comfortable: the median of their default, 3,000 to 5,000.
const COMFORTABLE: f64 = 3_873.0;

/// Measures, or reads what was measured; fits figures to it, shows them and writes them down.
pub fn run(options: &Calibrate) -> Result<(), Failure> {
    spare(options.out.as_ref())?;
    if options.from.is_empty() { from_here(options) } else { from_files(options) }
}

fn from_files(options: &Calibrate) -> Result<(), Failure> {
    let machine = machine(options)?;
    let sources = sources(&options.from)?;
    let tables: Vec<Table> = sources.iter().map(|(_, table)| table.clone()).collect();
    let fits = all(&read::together(&tables), &machine);
    let files: Vec<String> = options.from.iter().map(|file| format!("--from {file}")).collect();
    // Whoever measured knows the machine; the one that this runs on may be another.
    let made = made(format!("plimsoll calibrate {}", files.join(" ")), None);
    show(options, &sources, &[], &fits, Calibration::of(made, &fits))
}

/// Measures this program's own server on this machine.
fn from_here(options: &Calibrate) -> Result<(), Failure> {
    let scenario = match &options.scenario {
        Some(file) => Variant::file(Path::new(file)).resolve()?.1,
        None => Document::parse("<built in>", BARE.as_bytes(), &|_| Err(io::ErrorKind::NotFound.into()))?.resolve()?,
    };
    // A file that can't be written is better known before three minutes than after.
    for file in [&options.out, &options.csv].into_iter().flatten() {
        // What is in it stays until there is something to put in its place.
        OpenOptions::new().create(true).append(true).open(file).with_context(|| unwritable(file))?;
    }
    interrupt::listen();
    let rig = Rig::new(scenario.servers.cores, options.output.quiet)?;
    let effort = if options.quick { live::Effort::Quick } else { live::Effort::Thorough };
    let measured = live::measure(&rig, &scenario, effort)?;
    if let Some(file) = &options.csv {
        write(file, &read::csv_of(&measured.points))?;
    }
    let mut notes = vec![format!(
        "measured on this machine: a server of {} core{}, the driver beside it",
        rig.server_cores(),
        if rig.server_cores() == 1 { "" } else { "s" }
    )];
    notes.extend(measured.excesses.iter().map(|excess| format!("disturbed: {excess}")));
    let command = format!("plimsoll calibrate{}", if options.quick { " --quick" } else { "" });
    show(options, &[], &notes, &measured.fits, measured.calibration(&command))
}

/// A server of one core.
const BARE: &str = "users: 100\nworkload: {message: {rate: 1/s}}\nservers: {cores: 1}\n";

fn show(
    options: &Calibrate,
    sources: &[(String, Table)],
    notes: &[String],
    fits: &Fits,
    calibration: Option<Calibration>,
) -> Result<(), Failure> {
    if fits.fits.is_empty() {
        return Err(nothing(fits).into());
    }
    let file = match (&options.out, calibration) {
        (Some(file), Some(calibration)) => {
            write(file, &calibration.yaml())?;
            Some(file.as_str())
        }
        _ => None,
    };
    let view = Calibrated { sources, notes, fits, file };
    match options.output.format {
        Format::Terminal => output::print(&terminal(&view))?,
        Format::Json => output::print_json(&json(&view))?,
    }
    if options.out.is_some() && file.is_none() {
        output::complain("nothing was written: none of the figures found is one of a scenario");
        return Err(Failure::Inconclusive);
    }
    Ok(())
}

fn write(file: &str, text: &str) -> Result<(), Failure> {
    Ok(fs::write(file, text).with_context(|| unwritable(file))?)
}

fn unwritable(file: &str) -> String {
    format!("`{file}` can't be written")
}

/// An older calibration may be written over, and nothing else: a scenario is easily named by mistake.
fn spare(out: Option<&String>) -> Result<(), Diagnostics> {
    let Some(file) = out else { return Ok(()) };
    let held = if Path::new(file).is_file() { fs::read_to_string(file).unwrap_or_default() } else { String::new() };
    let other = !held.is_empty() && !held.contains(calibration::MARK);
    if other {
        let error = Diagnostic::new(format!("there is already a file `{file}`, and it is no calibration"));
        return Err(error.help("choose another name for `--out`").into());
    }
    Ok(())
}

/// Files of measurements, each read: `FILE`, or `COLUMN=FILE` for a Prometheus result without names.
pub fn sources(from: &[String]) -> Result<Vec<(String, Table)>, Failure> {
    let mut sources = Vec::new();
    let mut errors: Vec<Diagnostics> = Vec::new();
    for argument in from {
        let (column, name) = named(argument);
        match read::read(name, &input::measurements(name)?, column) {
            Ok(table) => sources.push((name.to_owned(), table)),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(sources) } else { Err(Diagnostics::from_iter(errors).into()) }
}

/// `FILE`, or `COLUMN=FILE`.
fn named(argument: &str) -> (Option<Column>, &str) {
    match argument.split_once('=').map(|(column, file)| (Column::named(column), file)) {
        Some((Some(column), file)) => (Some(column), file),
        _ => (None, argument),
    }
}

fn machine(options: &Calibrate) -> Result<Machine, Diagnostics> {
    let comfortable = match &options.comfortable {
        Some(text) => option_figure("--comfortable", text, Quantity::Count)?,
        None => COMFORTABLE,
    };
    if comfortable < 1.0 {
        return Err(Diagnostic::new("`--comfortable` must be 1 or more").into());
    }
    Ok(Machine { cores: f64::from(options.cores), shared: options.dispatch == Spread::Shared, comfortable })
}

fn made(command: String, machine: Option<calibration::Machine>) -> Made {
    #[expect(clippy::disallowed_methods, reason = "this is app/, where wall time belongs")]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let date = rfc3339(i64::try_from(now).unwrap_or(0));
    Made { date, version: env!("CARGO_PKG_VERSION").to_owned(), command, machine }
}

fn nothing(fits: &Fits) -> Diagnostics {
    let reasons: Vec<String> = fits.left_out.iter().map(|left| format!("{}: {}", left.title, left.reason)).collect();
    Diagnostic::new("these measurements are not enough to fit anything").help(reasons.join("\n")).into()
}
