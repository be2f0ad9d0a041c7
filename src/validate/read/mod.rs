//! Readers of what people have: files of measurements become [`LoadPoint`]s.
//!
//! The format is told by the contents, never by a file's name. A reader takes what it understands and says in a note
//! what it left out; what can't be right is an error with its place. Nothing is opened here: texts come in.

mod artillery;
mod columns;
mod csv;
mod k6;
mod prometheus;
mod timeline;

use std::fmt::{self, Display};
use std::sync::Arc;

use serde_json::Value;

pub use columns::{Column, LoadPoint, Together};
pub use csv::csv_of;

use crate::diagnostic::{Diagnostic, Diagnostics, Place, Source};

/// Formats that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with our own column names.
    Csv,
    /// The data that k6 gives to `handleSummary`.
    K6Summary,
    /// k6's `--summary-export`.
    K6Export,
    /// k6's `--out csv=`.
    K6Csv,
    /// Artillery 2's `--output`.
    Artillery,
    /// A result of Prometheus' `/api/v1/query_range`.
    Prometheus,
}

impl Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Csv => "CSV",
            Self::K6Summary => "k6 summary",
            Self::K6Export => "k6 summary export",
            Self::K6Csv => "k6 CSV",
            Self::Artillery => "Artillery report",
            Self::Prometheus => "Prometheus range query",
        })
    }
}

/// What stands in one file.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its format.
    pub format: Format,
    /// What was measured, in the order of the file.
    pub points: Vec<LoadPoint>,
    /// What a person should know about how it was read.
    pub notes: Vec<String>,
}

/// What can be read, for those whose file can't.
const UNDERSTOOD: &str = "these are read:\n\
    - CSV whose first line names its columns, such as `throughput_per_second,cpu_utilisation`\n\
    - k6: the data of `handleSummary` in JSON, `--summary-export=FILE`, `--out csv=FILE`\n\
    - Artillery 2: `--output FILE`\n\
    - Prometheus: the JSON of `/api/v1/query_range`";

/// Reads a file of measurements. `column` says what the series of a Prometheus result are, which otherwise have to be
/// named like columns.
///
/// # Errors
/// When the file is none of those that are understood, or something in it can't be right.
pub fn read(name: &str, text: &str, column: Option<Column>) -> Result<Table, Diagnostics> {
    // What spreadsheets put before UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source::file(name, text);
    let table = if text.trim_start().starts_with(['{', '[']) { json(&source, column) } else { lines(&source, column) }?;
    if table.points.is_empty() {
        let error = Diagnostic::new(format!("`{name}` holds no measurement"));
        return Err(error.help("it must have at least one row, interval or sample of what is measured").into());
    }
    Ok(table)
}

/// The points of all files: those of Prometheus are joined where their times are the same, all others stand for
/// themselves.
pub fn together(tables: &[Table]) -> Vec<LoadPoint> {
    let (series, others): (Vec<&Table>, Vec<&Table>) =
        tables.iter().partition(|table| table.format == Format::Prometheus);
    others.into_iter().flat_map(|table| table.points.iter().copied()).chain(prometheus::joined(&series)).collect()
}

fn json(source: &Arc<Source>, column: Option<Column>) -> Result<Table, Diagnostics> {
    let value: Value = serde_json::from_str(&source.text).map_err(|error| not_json(source, &error))?;
    if prometheus::is_one(&value) {
        return prometheus::table(&source.name, &value, column);
    }
    unnamed(&source.name, column)?;
    if k6::is_summary(&value) {
        return k6::summary(&source.name, &value);
    }
    if k6::is_export(&value) {
        return k6::export(&source.name, &value);
    }
    if artillery::is_one(&value) {
        return artillery::table(&source.name, &value);
    }
    Err(unknown(&source.name))
}

fn lines(source: &Arc<Source>, column: Option<Column>) -> Result<Table, Diagnostics> {
    unnamed(&source.name, column)?;
    if source.text.starts_with("metric_name,timestamp,metric_value") {
        return k6::samples(source);
    }
    let first = source.text.lines().find(|line| !csv::is_comment(line)).unwrap_or_default();
    let cells = first.split(',').map(|cell| cell.trim().trim_matches('"'));
    if cells.clone().any(|cell| Column::named(cell).is_some()) || csv::looks_like_a_header(first) {
        return csv::table(source);
    }
    Err(unknown(&source.name))
}

/// A column's name goes with the series of Prometheus only.
fn unnamed(name: &str, column: Option<Column>) -> Result<(), Diagnostics> {
    column.map_or(Ok(()), |column| {
        let error = Diagnostic::new(format!("`{name}` is no result of a Prometheus range query"));
        Err(error.help(format!("leave out `{}=` before the file's name", column.name())).into())
    })
}

fn unknown(name: &str) -> Diagnostics {
    Diagnostic::new(format!("`{name}` is in no format that is understood")).help(UNDERSTOOD).into()
}

fn not_json(source: &Arc<Source>, error: &serde_json::Error) -> Diagnostics {
    let start: usize = source.text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = start + error.column().saturating_sub(1);
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let help = "it begins like JSON, but isn't; was it cut off?";
    Diagnostic::at(&Place::new(source, at, at + 1), format!("the file is not JSON: {message}")).help(help).into()
}

/// A finite number, which must be there.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests;
