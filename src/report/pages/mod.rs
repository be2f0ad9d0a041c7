//! From a view to a page: one file a command. What a page says is said here; how it looks is not.

mod charts;
mod check;
mod compare;
mod flat;
mod line;
mod load;
mod over_time;
mod plan;
mod result;
mod sweep;
mod topology;
mod validation;

pub use check::check;
pub use compare::compare;
pub use line::line;
pub use plan::plan;
pub use result::{Extra, result};
pub use sweep::sweep;
pub use validation::validation;

use super::plots::{Axis, Chart, Drawing, Scale};
use super::show::{fine, share};
use crate::units::display::{byte_rate, count};
use crate::units::{ByteRate, display};

/// `1.00 KB` without zeros that say nothing: `1 KB`.
fn short(shown: &str) -> String {
    let (figure, unit) = shown.split_once(' ').unwrap_or((shown, ""));
    let figure = if figure.contains('.') { figure.trim_end_matches('0').trim_end_matches('.') } else { figure };
    if unit.is_empty() { figure.to_owned() } else { format!("{figure} {unit}") }
}

fn time(figure: f64) -> String {
    if figure == 0.0 { "0 s".to_owned() } else { short(&fine(figure)) }
}

fn percent(figure: f64) -> String {
    if figure == 0.0 { "0 %".to_owned() } else { short(&share(figure)) }
}

fn number(figure: f64) -> String {
    count(if figure >= 100.0 { figure.round() } else { figure })
}

fn per_second(figure: f64) -> String {
    short(&display::rate(crate::units::Rate::new(figure.max(0.0))))
}

fn flow(figure: f64) -> String {
    byte_rate(ByteRate::new(figure.max(0.0)))
}

fn axis(label: &str, scale: Scale, show: fn(f64) -> String) -> Axis {
    Axis { label: label.to_owned(), scale, show }
}

fn chart(file: &str, title: &str, note: &str, drawing: Drawing) -> Chart {
    Chart { file: file.to_owned(), title: title.to_owned(), note: note.to_owned(), drawing }
}

/// A text without control characters, and not too long.
fn clean(text: &str) -> String {
    super::terminal::cut(text, 200)
}

/// The first letter large, and a full stop.
fn sentence(text: &str) -> String {
    super::plan::sentence(text)
}
