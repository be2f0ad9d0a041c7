//! Values that are lists or come from a table in a file: `[0.2/s, 1.4/s]`, `[{at: 60 s, share: 10 %}]`, `{trace: file.csv}`.
//!
//! A table has a row a line, its columns between commas. Each value has its unit (`60 s, 10 %`), or the first line has the
//! units (`s, %`) and the others have plain numbers. Blank lines and lines that start with `#` say nothing.

use std::sync::Arc;

use super::data::{LARGEST, SHOWN};
use super::draft::{Entry, Input};
use super::keys::{Figure, Key};
use super::read::Reader;
use super::tree::{Node, Value};
use crate::diagnostic::{Diagnostic, Place, Source, alternatives, quoted};
use crate::units::parse;

/// A column of a table, or a key of each row of a list.
pub type Column = (&'static str, Figure);

impl Reader<'_> {
    /// A list of figures.
    pub fn figures(&mut self, key: &Key, node: &Node, figure: &Figure, example: &str) -> Option<Entry> {
        let items = self.items(key, node, example)?;
        let inputs: Vec<Option<Input>> =
            items.iter().map(|item| self.figure(key.name(), key.path, item, figure)).collect();
        let inputs: Option<Vec<Input>> = inputs.into_iter().collect();
        Some(Entry::Figures(inputs?.into_iter().map(|input| self.draft.middle(input)).collect()))
    }

    /// A list of rows, the first figure of each later than the one before.
    pub fn rows(&mut self, key: &Key, node: &Node, columns: &[Column], example: &str) -> Option<Entry> {
        let items = self.items(key, node, example)?;
        let mut figures: Vec<f64> = Vec::new();
        let mut last = None;
        let mut whole = true;
        for item in items {
            let Some(row) = self.row(key, item, columns, example) else {
                whole = false;
                continue;
            };
            if last.is_some_and(|last| row[0] <= last) {
                whole = false;
                self.error(
                    Diagnostic::at(&item.place, format!("`{}` of `{}` must grow", columns[0].0, key.name()))
                        .label("not later than the one before")
                        .help("write them in order of time"),
                );
            }
            last = Some(row[0]);
            figures.extend(row);
        }
        whole.then(|| Entry::Figures(figures.into()))
    }

    fn items<'a>(&mut self, key: &Key, node: &'a Node, example: &str) -> Option<&'a [Node]> {
        match &node.value {
            Value::Seq(items) if !items.is_empty() => Some(items),
            _ => {
                let message = format!("`{}` must be a list with something in it", key.name());
                self.error(Diagnostic::at(&node.place, message).help(format!("write it like `{example}`")));
                None
            }
        }
    }

    fn row(&mut self, key: &Key, node: &Node, columns: &[Column], example: &str) -> Option<Vec<f64>> {
        let Value::Map(entries) = &node.value else {
            let message = format!("each of `{}` is a section", key.name());
            self.error(Diagnostic::at(&node.place, message).help(format!("write it like `{example}`")));
            return None;
        };
        let mut whole = true;
        for (name, _) in entries {
            if !columns.iter().any(|column| column.0 == name.text) {
                whole = false;
                let names = alternatives(columns.iter().map(|column| column.0)).replace(" or ", " and ");
                self.error(
                    Diagnostic::at(&name.place, format!("`{}` has no {}", key.name(), quoted(&name.text)))
                        .help(format!("there are {names}")),
                );
            }
        }
        let mut row = Vec::new();
        for (name, figure) in columns {
            match node.get(name) {
                Some(value) => match self.figure(name, key.path, value, figure) {
                    Some(Input::Exact(value)) => row.push(value),
                    _ => whole = false,
                },
                None if whole => {
                    whole = false;
                    self.error(
                        Diagnostic::at(&node.place, format!("`{name}` is missing"))
                            .help(format!("write it like `{example}`")),
                    );
                }
                None => {}
            }
        }
        whole.then_some(row)
    }

    /// A table of a file, in order of time by its first column.
    pub fn table(&mut self, key: &Key, node: &Node, columns: &[Column]) -> Option<Entry> {
        let header = columns.iter().map(|column| column.0).collect::<Vec<_>>().join(",");
        let Value::Scalar { text, .. } = &node.value else {
            self.error(
                Diagnostic::at(&node.place, format!("`{}` needs the name of a file", key.name()))
                    .help(format!("write it like `{}: file.csv`, with `{header}` in each line", key.name())),
            );
            return None;
        };
        let figures = self.read(text, &node.place, |source| table(source, columns))?;
        Some(Entry::Figures(figures.into()))
    }
}

/// The figures of a file, row by row.
fn table(source: &Arc<Source>, columns: &[Column]) -> Result<Vec<f64>, Vec<Diagnostic>> {
    if source.text.len() > LARGEST {
        return Err(vec![Diagnostic::new(format!("{} is larger than 64 MiB", source.name))]);
    }
    let mut figures: Vec<f64> = Vec::new();
    let mut errors = Vec::new();
    let mut units: Option<Vec<&str>> = None;
    let mut first = true;
    let mut offset = 0;
    for raw in source.text.split_inclusive('\n') {
        let line = raw.trim();
        let start = offset + raw.len() - raw.trim_start().len();
        offset += raw.len();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = Place::new(source, start, start + line.len());
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        if std::mem::take(&mut first) && is_units(&cells, columns) {
            units = Some(cells);
            continue;
        }
        match row(&cells, columns, units.as_deref(), &place) {
            Ok(row) => {
                let last = figures.len().checked_sub(columns.len()).map(|last| figures[last]);
                if last.is_some_and(|last| row[0] < last) {
                    let message = format!("the {} goes backwards", columns[0].0);
                    errors.push(Diagnostic::at(&place, message).help("write the lines in order of time"));
                }
                figures.extend(row);
            }
            Err(e) => errors.push(e),
        }
        if errors.len() == SHOWN {
            break;
        }
    }
    if figures.is_empty() && errors.is_empty() {
        errors.push(Diagnostic::new(format!("{} has no values", source.name)));
    }
    if errors.is_empty() { Ok(figures) } else { Err(errors) }
}

/// Whether a line has just units, one a column.
fn is_units(cells: &[&str], columns: &[Column]) -> bool {
    let is_unit = |cell: &str, column: &Column| {
        !cell.starts_with(|c: char| c.is_ascii_digit()) && parse::exact(&format!("1 {cell}"), column.1.quantity).is_ok()
    };
    cells.len() == columns.len() && cells.iter().zip(columns).all(|(cell, column)| is_unit(cell, column))
}

fn row(cells: &[&str], columns: &[Column], units: Option<&[&str]>, place: &Place) -> Result<Vec<f64>, Diagnostic> {
    if cells.len() != columns.len() {
        let names = columns.iter().map(|column| column.0).collect::<Vec<_>>().join(",");
        return Err(Diagnostic::at(place, format!("a line needs {} values, not {}", columns.len(), cells.len()))
            .help(format!("write `{names}` in each line")));
    }
    let mut row = Vec::new();
    for (i, (cell, (name, figure))) in cells.iter().zip(columns).enumerate() {
        let value = match units {
            Some(units) => parse::exact(&format!("{cell} {}", units[i]), figure.quantity),
            None => parse::exact(cell, figure.quantity),
        };
        match value {
            Ok(value) if value >= figure.least && value <= figure.most => row.push(value),
            Ok(value) => {
                let bound = if value < figure.least { "small" } else { "large" };
                return Err(Diagnostic::at(place, format!("the {name} is too {bound}")));
            }
            Err(e) => return Err(Diagnostic::figure(&format!("the {name}"), place, &e)),
        }
    }
    Ok(row)
}
