//! How figures are put into words, with their intervals.

use crate::stats::Estimate;
use crate::units::Ratio;
use crate::units::display::{count, ratio};

/// A figure with its interval, where it has one: `3.87 ms (3.80 to 3.95 ms)`.
pub fn interval(figure: &Estimate, show: impl Fn(f64) -> String) -> String {
    let value = show(figure.value);
    if !figure.low.is_finite() || !figure.high.is_finite() {
        return format!("{value} (interval unknown)");
    }
    let (low, high) = (show(figure.low), show(figure.high));
    if low == high && low == value {
        return value;
    }
    // A unit that all three share is said with the value and the upper end only.
    let unit = unit_of(&value);
    let low =
        if unit_of(&low) == unit && unit_of(&high) == unit { low[..low.len() - unit.len()].trim_end() } else { &low };
    format!("{value} ({low} to {high})")
}

/// From one figure to another, a unit that both share said once: `10.0 to 40.0 ms`.
pub fn span(low: f64, high: f64, show: impl Fn(f64) -> String) -> String {
    let (low, high) = (show(low), show(high));
    let unit = unit_of(&high);
    let low = if unit_of(&low) == unit { low[..low.len() - unit.len()].trim_end() } else { &low };
    format!("{low} to {high}")
}

/// What follows the last digit.
fn unit_of(shown: &str) -> &str {
    shown.rfind(|c: char| c.is_ascii_digit()).map_or(shown, |last| &shown[last + 1..])
}

/// A whole number with its interval: `3 (2 to 4)`.
pub fn whole_interval(figure: &Estimate) -> String {
    interval(figure, count_whole)
}

/// A share, to two digits.
pub fn share(figure: f64) -> String {
    let percent = figure.max(0.0) * 100.0;
    match percent {
        p if (9.95..1_000.0).contains(&p) => format!("{p:.0} %"),
        p if (0.995..9.95).contains(&p) => format!("{p:.1} %"),
        p if (0.01..0.995).contains(&p) => format!("{p:.2} %"),
        _ => ratio(Ratio::new(figure.max(0.0))),
    }
}

/// A latency: four digits, since most of it may be the network's constant share.
pub fn fine(figure: f64) -> String {
    let figure = figure.max(0.0);
    let (scale, unit) = match figure {
        f if f >= 1.0 => (1.0, "s"),
        f if f >= 1e-3 => (1e-3, "ms"),
        f if f >= 1e-6 => (1e-6, "us"),
        _ => (1e-9, "ns"),
    };
    let shown = figure / scale;
    let places = if shown >= 1000.0 {
        0
    } else if shown >= 100.0 {
        1
    } else if shown >= 10.0 {
        2
    } else {
        3
    };
    format!("{shown:.places$} {unit}")
}

/// So many users: `1 user`, `10,000 users`.
pub fn users(figure: f64) -> String {
    counted(&count(figure), "user")
}

/// A number and what it is of, which has an s unless there is one: `1 node`, `3 (2 to 4) nodes`.
pub fn counted(number: &str, what: &str) -> String {
    format!("{number} {what}{}", if number == "1" { "" } else { "s" })
}

/// Users, with three digits from a hundred thousand on.
pub fn short_users(figure: f64) -> String {
    if (99_999.5..999_500.0).contains(&figure) { format!("{:.0} k", figure / 1e3) } else { count_whole(figure) }
}

/// A whole number.
pub fn count_whole(figure: f64) -> String {
    count(figure.round())
}

/// A mean number, however small.
pub fn count_small(figure: f64) -> String {
    if figure == 0.0 {
        "0".to_owned()
    } else if figure < 0.001 {
        format!("{figure:.1e}")
    } else {
        count(figure)
    }
}

/// Like `count`, with the M or bn close by, for a narrow column.
pub fn short_count(figure: f64) -> String {
    count(figure).replace(" M", "M").replace(" bn", "bn")
}
