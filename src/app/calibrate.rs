//! `plimsoll calibrate`.

use std::fs;
use std::time::SystemTime;

use anyhow::Context as _;

use super::{Failure, input, output};
use crate::cli::{Calibrate, Format, Spread};
use crate::diagnostic::{Diagnostic, Diagnostics, option_figure};
use crate::report::calibration::{Calibrated, json, terminal};
use crate::units::parse::Quantity;
use crate::validate::calendar::rfc3339;
use crate::validate::calibration::{Calibration, Made};
use crate::validate::fit::{Fits, Machine, all};
use crate::validate::read::{self, Column, Table};

/// Connections that scenarios take to be comfortable: the median of their default, 3,000 to 5,000.
const COMFORTABLE: f64 = 3_873.0;

/// Fits figures to what was measured, shows them and writes them down.
pub fn run(options: &Calibrate) -> Result<(), Failure> {
    let machine = machine(options)?;
    let sources = sources(&options.from)?;
    let tables: Vec<Table> = sources.iter().map(|(_, table)| table.clone()).collect();
    let fits = all(&read::together(&tables), &machine);
    if fits.fits.is_empty() {
        return Err(nothing(&fits).into());
    }
    let calibration = Calibration::of(made(&options.from), &fits);
    let file = match (&options.out, &calibration) {
        (Some(file), Some(calibration)) => {
            fs::write(file, calibration.yaml()).with_context(|| format!("`{file}` can't be written"))?;
            Some(file.as_str())
        }
        _ => None,
    };
    let view = Calibrated { sources: &sources, fits: &fits, file };
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

fn made(from: &[String]) -> Made {
    #[expect(clippy::disallowed_methods, reason = "this is app/, where wall time belongs")]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let files: Vec<String> = from.iter().map(|file| format!("--from {file}")).collect();
    Made {
        date: rfc3339(i64::try_from(now).unwrap_or(0)),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: format!("plimsoll calibrate {}", files.join(" ")),
        // Whoever measured knows the machine; the one that this runs on may be another.
        machine: None,
    }
}

fn nothing(fits: &Fits) -> Diagnostics {
    let reasons: Vec<String> = fits.left_out.iter().map(|left| format!("{}: {}", left.title, left.reason)).collect();
    Diagnostic::new("these measurements are not enough to fit anything").help(reasons.join("\n")).into()
}
