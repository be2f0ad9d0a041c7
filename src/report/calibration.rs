//! Fits to measurements: for a terminal, and as JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::show::{interval, share};
use super::terminal::table;
use super::{SCHEMA_VERSION, VERSION};
use crate::stats::regression::LEVEL;
use crate::units::display;
use crate::units::parse::Quantity;
use crate::validate::fit::{Figure, Fit, Fits, Row};
use crate::validate::read::Table;

/// Half the width of the plot of errors, in characters.
const PLOT: usize = 10;
/// Most points whose errors are shown; of more, the worst are.
const SHOWN: usize = 24;
/// Ends of the plot's scale.
const SCALES: [f64; 9] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 10.0];

/// What there is to show of a calibration.
#[derive(Debug)]
pub struct Calibrated<'a> {
    /// The files it was made from, and what was in them.
    pub sources: &'a [(String, Table)],
    /// How it was measured.
    pub notes: &'a [String],
    /// What was found.
    pub fits: &'a Fits,
    /// The file that was written.
    pub file: Option<&'a str>,
}

/// For a terminal.
pub fn terminal(view: &Calibrated<'_>) -> String {
    let mut out = format!("calibrate{:>91}\n", format!("plimsoll {VERSION}"));
    for (name, found) in view.sources {
        let _ = writeln!(out, "{name}: {}, {}", found.format, points(found.points.len()));
        for note in &found.notes {
            let _ = writeln!(out, "  {note}");
        }
    }
    for note in view.notes {
        let _ = writeln!(out, "{note}");
    }
    for fit in &view.fits.fits {
        out += &fitted(fit);
    }
    if !view.fits.left_out.is_empty() {
        out += "\nNot fitted\n";
        for left_out in &view.fits.left_out {
            let _ = writeln!(out, "  {}: {}", left_out.title, left_out.reason);
        }
    }
    out += "\n";
    if !view.fits.range.is_empty() {
        let header = ["measured from … to, of one server", "", ""].map(str::to_owned);
        let rows = view.fits.range.iter().map(|range| {
            vec![range.name.replace('_', " "), figure(range.low, range.quantity), figure(range.high, range.quantity)]
        });
        out += &table(&header, rows, |_| false);
    }
    let file = match view.file {
        Some(file) => format!("\nWrote {file}. A scenario uses it with the line `calibration: {file}`.\n"),
        None if view.fits.figures().next().is_some() => {
            "\n--out calibration.yaml writes the figures with a key down, for scenarios to use.\n".to_owned()
        }
        None => "\nNone of these figures is one of a scenario.\n".to_owned(),
    };
    out += &file;
    out + &format!("Intervals hold the figure with {} %, if the formula is right.\n", LEVEL * 100.0)
}

fn fitted(fit: &Fit) -> String {
    let mut out = format!("\n{}\n  {}\n\n", fit.title, fit.formula);
    let header = ["figure", "", "scenario key"].map(str::to_owned);
    let rows = fit.figures.iter().map(|found| {
        let key = if found.is_key { found.name.to_owned() } else { String::new() };
        vec![name(found), interval(&found.estimate, |value| figure(value, found.quantity)), key]
    });
    out += &table(&header, rows, |_| true);
    out += "\n";
    out += &errors(fit);
    let explained = fit.explained.map_or_else(String::new, |r2| format!(", R² {r2:.4}"));
    let _ = writeln!(out, "{}{explained}, typical error {}", points(fit.rows.len()), share(fit.typical_error));
    for note in &fit.notes {
        let _ = writeln!(out, "Note: {note}.");
    }
    out
}

/// Measured against fitted, and a plot of how far they are apart.
fn errors(fit: &Fit) -> String {
    let mut rows: Vec<&Row> = fit.rows.iter().collect();
    let mut more = String::new();
    if rows.len() > SHOWN {
        rows.sort_by(|a, b| b.error().abs().total_cmp(&a.error().abs()));
        more = format!("… and {} with smaller errors\n", rows.len() - SHOWN);
        rows.truncate(SHOWN);
    }
    rows.sort_by(|a, b| a.load.total_cmp(&b.load));
    let most = rows.iter().map(|row| row.error().abs()).fold(0.0, f64::max);
    let scale = SCALES.into_iter().find(|scale| most <= *scale).unwrap_or(most);
    let end = share(scale);
    let left = format!("-{end}");
    let axis = format!("{left}{:>width$}", format!("+{end}"), width = 2 * PLOT + 1 - left.chars().count());
    let header = [fit.load.name, fit.result.name, "fitted", "error", &axis].map(str::to_owned);
    let cells = rows.into_iter().map(|row| {
        vec![
            figure(row.load, fit.load.quantity),
            figure(row.measured, fit.result.quantity),
            figure(row.fitted, fit.result.quantity),
            signed(row.error()),
            plotted(row.error() / scale),
        ]
    });
    table(&header, cells, |column| column == 4) + &more
}

/// A point between -1 and 1, on a line with its middle marked.
fn plotted(error: f64) -> String {
    let at = (PLOT as f64 * (1.0 + error.clamp(-1.0, 1.0))).round() as usize;
    let cell = |column: usize| {
        if column == at {
            '*'
        } else if column == PLOT {
            '|'
        } else {
            '.'
        }
    };
    (0..=2 * PLOT).map(cell).collect()
}

fn signed(error: f64) -> String {
    let shown = share(error.abs());
    if error == 0.0 { shown } else { format!("{}{shown}", if error < 0.0 { '-' } else { '+' }) }
}

/// A figure's last name, in words.
fn name(found: &Figure) -> String {
    found.name.rsplit('.').next().unwrap_or(found.name).replace('_', " ")
}

fn points(count: usize) -> String {
    super::show::counted(&display::whole(count as f64), "point")
}

/// A figure of any sign: those without load may come out below zero.
fn figure(value: f64, quantity: Quantity) -> String {
    let shown = if value.is_finite() { display::figure(value.abs(), quantity) } else { "any".to_owned() };
    if value < 0.0 { format!("-{shown}") } else { shown }
}

/// As JSON.
pub fn json(view: &Calibrated<'_>) -> Value {
    let sources: Vec<Value> = view
        .sources
        .iter()
        .map(|(name, found)| {
            json!({ "file": name, "format": found.format.to_string(), "points": found.points.len(), "notes": found.notes })
        })
        .collect();
    let figures: Map<String, Value> =
        view.fits.figures().map(|figure| (in_unit(figure.name, figure.quantity), json!(figure.estimate))).collect();
    let range: Map<String, Value> = view
        .fits
        .range
        .iter()
        .map(|range| (in_unit(range.name, range.quantity), json!([range.low, range.high])))
        .collect();
    let left_out: Vec<Value> =
        view.fits.left_out.iter().map(|left| json!({ "title": left.title, "reason": left.reason })).collect();
    json!({
        "schema_version": SCHEMA_VERSION,
        "sources": sources,
        "intervals": { "level": LEVEL, "kind": "parameter" },
        "figures": figures,
        "range": range,
        "fits": view.fits.fits.iter().map(fit_json).collect::<Vec<Value>>(),
        "left_out": left_out,
        "file": view.file,
    })
}

fn fit_json(fit: &Fit) -> Value {
    let figures: Map<String, Value> =
        fit.figures.iter().map(|figure| (in_unit(figure.name, figure.quantity), json!(figure.estimate))).collect();
    let rows: Vec<Value> = fit
        .rows
        .iter()
        .map(|row| json!({ "load": row.load, "measured": row.measured, "fitted": row.fitted, "error": row.error() }))
        .collect();
    json!({
        "name": fit.name,
        "title": fit.title,
        "formula": fit.formula,
        "figures": figures,
        "load": fit.load.name,
        "result": in_unit(&fit.result.name.replace(' ', "_"), fit.result.quantity),
        "points": rows,
        "r_squared": fit.explained,
        "typical_error": fit.typical_error,
        "notes": fit.notes,
    })
}

/// A name with its unit.
fn in_unit(name: &str, quantity: Quantity) -> String {
    let unit = match quantity {
        Quantity::Count | Quantity::Ratio => "",
        Quantity::Time => "_seconds",
        Quantity::Bytes => "_bytes",
        Quantity::BitRate => "_bits_per_second",
        Quantity::ByteRate => "_bytes_per_second",
        Quantity::Rate if name.ends_with("/s") => return name.replace("/s", "_per_second"),
        Quantity::Rate => "_per_second",
    };
    format!("{name}{unit}")
}
