//! `plimsoll merge`: the files of a sweep's parts become its result.

use super::grid::{Grid, Part};
use super::ledger::{self, Content, Header};
use super::{Failure, show, verdict};
use crate::cli::Merge;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::report::sweep::{Extent, Finished};

/// So many points are named in an error.
const NAMED: usize = 5;

/// Reads all the files and shows the sweep that they are parts of, as one run of it would.
pub fn run(options: &Merge) -> Result<(), Failure> {
    let mut all: Option<(Header, &str)> = None;
    let mut found: Vec<Option<(Finished, &str)>> = Vec::new();
    let mut errors: Vec<Diagnostic> = Vec::new();
    let mut twice: Vec<(usize, String)> = Vec::new();
    for path in &options.files {
        let Some(Content { header, points, .. }) = ledger::read(path)? else {
            errors.push(nothing(path));
            continue;
        };
        match &all {
            None => {
                found = (0..header.grid.len().unwrap_or(0)).map(|_| None).collect();
                all = Some((header, path));
            }
            Some((first, of)) => {
                let differences = first.differences(&header);
                if !differences.is_empty() {
                    let message = format!("`{path}` and `{of}` are of different sweeps: {}", differences.join("; "));
                    let message =
                        message.replace(" there", &format!(" in `{path}`")).replace(" here", &format!(" in `{of}`"));
                    errors.push(Diagnostic::new(message).help("merge what one sweep wrote"));
                    continue;
                }
            }
        }
        let Some((header, _)) = &all else { continue };
        for (number, point) in points {
            match &found[number] {
                Some((_, other)) => {
                    twice.push((number, format!("{} in `{other}` and `{path}`", header.grid.named(number))));
                }
                None => found[number] = Some((point, path)),
            }
        }
    }
    if !twice.is_empty() {
        twice.sort();
        let twice: Vec<String> = twice.into_iter().map(|(_, named)| named).collect();
        let error = Diagnostic::new(format!("there twice: point {}", listed(&twice)));
        errors.push(error.help("give each part once"));
    }
    if let Some((header, _)) = &all {
        errors.extend(missing(&header.grid, &found));
    }
    if !errors.is_empty() {
        return Err(Diagnostics::new(errors).into());
    }
    let finished: Vec<Finished> = found.into_iter().flatten().map(|(point, _)| point).collect();
    show(&finished, Extent { planned: finished.len(), part: Part::of(None).shown() }, &options.output, None)?;
    verdict(&finished, options.fail_on)
}

fn nothing(path: &str) -> Diagnostic {
    let message = if ledger::is_there(path) {
        format!("there is nothing in `{path}` yet")
    } else {
        format!("there is no file `{path}`")
    };
    Diagnostic::new(message).help("a part is written by `plimsoll sweep … --partition 1/4 --out FILE`")
}

fn missing(grid: &Grid, found: &[Option<(Finished, &str)>]) -> Option<Diagnostic> {
    let missing: Vec<String> =
        found.iter().enumerate().filter(|(_, point)| point.is_none()).map(|(number, _)| grid.named(number)).collect();
    (!missing.is_empty()).then(|| {
        Diagnostic::new(format!("{} of {} points missing: point {}", missing.len(), found.len(), listed(&missing)))
            .help("give all parts; one that was cut short is finished by its command with `--resume`")
    })
}

fn listed(names: &[String]) -> String {
    let shown = names[..names.len().min(NAMED)].join(", ");
    if names.len() > NAMED { format!("{shown}, and {} more", names.len() - NAMED) } else { shown }
}
