//! CSV with our column names: the way in for measurements of any origin.
//!
//! The first line names the columns. A cell is a plain number in the unit that the column's name ends with, or a figure
//! with a unit (`41 us`, `70 %`); an empty one was not measured. Lines that start with `#` say nothing.

use std::sync::Arc;

use super::{Column, Format, LoadPoint, Table};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, Source, alternatives, nearest, quoted};
use crate::units::parse;
use crate::validate::calendar;

/// A share that is written without its unit is at most so large: 70 is meant to be 70 %.
const MOST_SHARE: f64 = 1.5;

/// Points as CSV that [`read`](super::read()) takes: a column for each figure that any of them has.
pub fn csv_of(points: &[LoadPoint]) -> String {
    let has = |column: &Column| points.iter().any(|point| point.get(*column).is_some());
    let columns: Vec<Column> = Column::ALL.into_iter().filter(has).collect();
    let mut lines = vec![columns.iter().map(|column| column.name().to_owned()).collect::<Vec<_>>().join(",")];
    lines.extend(points.iter().map(|point| {
        let cell = |column: &Column| point.get(*column).map_or_else(String::new, |figure| figure.to_string());
        columns.iter().map(cell).collect::<Vec<_>>().join(",")
    }));
    lines.join("\n") + "\n"
}

pub(super) fn is_comment(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with('#')
}

/// Names, not figures, between commas.
pub(super) fn looks_like_a_header(line: &str) -> bool {
    let mut cells = line.split(',').map(str::trim);
    line.contains(',') && cells.all(|cell| cell.starts_with(|c: char| c.is_ascii_alphabetic() || c == '"'))
}

pub(super) fn table(source: &Arc<Source>) -> Result<Table, Diagnostics> {
    let mut reader = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(source.text.as_bytes());
    let header = reader.headers().map_err(|error| broken(source, &error))?.clone();
    let mut errors = Vec::new();
    let (columns, notes) = columns(source, &header, &mut errors);
    let mut points = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| broken(source, &error))?;
        let line = record.position().map_or(0, |at| at.byte() as usize);
        if record.len() != header.len() {
            let end = line + source.text[line..].find('\n').unwrap_or(source.text.len() - line);
            let message = format!("this line has {} cells, the header {}", record.len(), header.len());
            let help = "each line has as many commas as the first; an empty cell was not measured";
            errors.push(Diagnostic::at(&Place::new(source, line, end), message).help(help));
            continue;
        }
        let mut point = LoadPoint::default();
        let mut from = line;
        for (cell, column) in record.iter().zip(&columns) {
            // Cells stand in the order of the line.
            let at = from + source.text[from..].find(cell).unwrap_or(0);
            from = at + cell.len();
            if let (Some(column), false) = (column, cell.is_empty()) {
                match figure(*column, &Place::new(source, at, from)) {
                    Ok(value) => point.set(*column, value),
                    Err(error) => errors.push(error),
                }
            }
        }
        if !point.is_empty() {
            points.push(point);
        }
    }
    if errors.is_empty() { Ok(Table { format: Format::Csv, points, notes }) } else { Err(Diagnostics::new(errors)) }
}

/// The column of each cell. A name that is nearly one of ours is a mistake, any other is somebody else's.
fn columns(
    source: &Arc<Source>,
    header: &csv::StringRecord,
    errors: &mut Vec<Diagnostic>,
) -> (Vec<Option<Column>>, Vec<String>) {
    let names = || Column::ALL.map(Column::name);
    let mut found: Vec<Option<Column>> = Vec::new();
    let mut others = Vec::new();
    let mut from = header.position().map_or(0, |at| at.byte() as usize);
    for name in header {
        let at = from + source.text[from..].find(name).unwrap_or(0);
        from = at + name.len();
        let place = Place::new(source, at, from);
        let column = Column::named(name);
        if column.is_some() && found.contains(&column) {
            errors.push(Diagnostic::at(&place, format!("the column {} is there twice", quoted(name))));
        }
        if column.is_none() {
            match nearest(name, names()) {
                Some(near) => errors.push(
                    Diagnostic::at(&place, format!("there is no column {}", quoted(name)))
                        .help(format!("did you mean `{near}`?")),
                ),
                None => others.push(name),
            }
        }
        found.push(column);
    }
    if errors.is_empty() && found.iter().all(Option::is_none) {
        let help = format!("it can have these:\n{}", alternatives(names()));
        errors.push(Diagnostic::new(format!("`{}` has no column that is understood", source.name)).help(help));
    }
    let mut notes = Vec::new();
    if !others.is_empty() {
        let others: Vec<String> = others.into_iter().map(quoted).collect();
        notes.push(format!("not understood, and left out: {}", others.join(", ")));
    }
    (found, notes)
}

/// What a cell says, in base units.
fn figure(column: Column, place: &Place) -> Result<f64, Diagnostic> {
    let text = place.text();
    let name = format!("`{}`", column.name());
    if let Ok(plain) = text.parse::<f64>() {
        if plain < 0.0 || !plain.is_finite() {
            return Err(Diagnostic::at(place, format!("{name} must be a finite number that is not negative")));
        }
        if column == Column::CpuUtilisation && plain > MOST_SHARE {
            let help = format!("write `{plain} %`, or `{}`", plain / 100.0);
            return Err(Diagnostic::at(place, format!("{name} is a share of all cores"))
                .label("more than all")
                .help(help));
        }
        return whole(column, plain, place);
    }
    if let (Column::Time, Some(moment)) = (column, calendar::unix_seconds(text)) {
        return Ok(moment);
    }
    parse::exact(text, column.quantity()).map_err(|error| Diagnostic::figure(&name, place, &error))
}

fn whole(column: Column, plain: f64, place: &Place) -> Result<f64, Diagnostic> {
    if matches!(column, Column::Servers | Column::Cores) && plain <= 0.0 {
        return Err(Diagnostic::at(place, format!("`{}` must be more than zero", column.name())));
    }
    Ok(plain)
}

fn broken(source: &Arc<Source>, error: &csv::Error) -> Diagnostics {
    let at = error.position().map_or(0, |at| at.byte() as usize);
    Diagnostic::at(&Place::new(source, at, at + 1), format!("this is not CSV: {error}")).into()
}
