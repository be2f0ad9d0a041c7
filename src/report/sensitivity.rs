//! Which uncertain input moves what: a table, and JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::plan::money;
use super::show::{count_whole, fine, short_users, span};
use super::terminal::spaced_table;
use crate::analysis::sensitivity::simulated::{Finding, Tail};
use crate::analysis::sensitivity::{Effect, Sensitivity};
use crate::units::Seconds;
use crate::units::display::seconds;

/// So many uncertain inputs are shown with what they move.
const MOST_INPUTS: usize = 10;

/// For a terminal; nothing where nothing is uncertain. Prices are in this currency. A column in which nothing shows is left
/// out, and so are means where the tail was simulated.
pub(super) fn table(all: &[Sensitivity], currency: &str) -> String {
    if all.is_empty() {
        return String::new();
    }
    let simulated = all.iter().any(|one| one.tail.is_some());
    let time = |figure: f64| seconds(Seconds::new(figure));
    let price = |one: &Sensitivity| one.price.as_ref().map_or_else(nothing, |price| cell(price, &money));
    let columns: [(String, Vec<String>); 5] = [
        ("servers".to_owned(), all.iter().map(|one| cell(&one.servers, &count_whole)).collect()),
        (format!("{currency}/hour"), all.iter().map(price).collect()),
        ("users at target".to_owned(), all.iter().map(|one| cell(&one.users, &short_users)).collect()),
        (
            "mean latency".to_owned(),
            all.iter().map(|one| if simulated { nothing() } else { latency(&one.latency, &time) }).collect(),
        ),
        ("p99, simulated".to_owned(), all.iter().map(|one| one.tail.as_ref().map_or_else(nothing, tail)).collect()),
    ];
    // The first column and the last that there can be stay, so that it is seen that they were looked at.
    let stays = |name: &str| name == "servers" || (name.starts_with("p99") && simulated);
    let shown: Vec<&(String, Vec<String>)> =
        columns.iter().filter(|(name, cells)| stays(name) || cells.iter().any(|cell| *cell != nothing())).collect();
    let header: Vec<String> = std::iter::once("what is uncertain moves".to_owned())
        .chain(shown.iter().map(|(name, _)| name.clone()))
        .collect();
    let rows = all.iter().enumerate().take(MOST_INPUTS).map(|(i, one)| {
        std::iter::once(one.path.clone()).chain(shown.iter().map(|(_, cells)| cells[i].clone())).collect()
    });
    let mut out = spaced_table(&header, rows, |_| false, 1);
    if all.len() > MOST_INPUTS {
        let _ = writeln!(out, "And {} more, which move less.\n", all.len() - MOST_INPUTS);
    }
    out
}

fn nothing() -> String {
    "-".to_owned()
}

fn cell(effect: &Effect, show: &dyn Fn(f64) -> String) -> String {
    let Some((share, (low, high))) = effect.share.zip(effect.at_low.zip(effect.at_high)) else {
        return nothing();
    };
    // What does not show does not matter.
    if show(low) == show(high) { nothing() } else { format!("{:.0} % ({})", share * 100.0, span(low, high, show)) }
}

/// A mean that may be without end on one side; then no share of it means anything.
fn latency(effect: &Effect, show: &dyn Fn(f64) -> String) -> String {
    match (effect.at_low, effect.at_high) {
        (Some(low), None) => format!("{} to without end", show(low)),
        (None, Some(high)) => format!("without end to {}", show(high)),
        (Some(low), Some(high)) if effect.share.is_none() && show(low) != show(high) => span(low, high, show),
        _ => cell(effect, show),
    }
}

fn tail(tail: &Tail) -> String {
    let ends = match (tail.at_low, tail.at_high) {
        (Some(low), Some(high)) => format!("{} to {}", fine(low.value), fine(high.value)),
        (None, Some(high)) => format!("overloaded to {}", fine(high.value)),
        (Some(low), None) => format!("{} to overloaded", fine(low.value)),
        (None, None) => "overloaded".to_owned(),
    };
    match (tail.finding, tail.share) {
        (Finding::Nothing, _) => nothing(),
        // It can be told, and is of no account.
        (Finding::Moves, _) if tail.is_slight() => "under 1 %".to_owned(),
        (Finding::TooSmallToTell, _) => "too small to tell".to_owned(),
        (Finding::Moves, Some(share)) => format!("{:.0} % ({ends})", share * 100.0),
        (Finding::Moves | Finding::Overloads | Finding::AlwaysOverloaded, _) => ends,
    }
}

/// For programs.
pub(super) fn json(all: &[Sensitivity]) -> Value {
    let effect = |effect: &Effect| json!({ "share": effect.share, "at_low": effect.at_low, "at_high": effect.at_high });
    all.iter()
        .map(|one| {
            let mut out = json!({
                "path": one.path,
                "servers": effect(&one.servers),
                "users_at_target": effect(&one.users),
                "latency_mean_seconds": effect(&one.latency),
            });
            if let Some(price) = &one.price {
                out["price_per_hour"] = effect(price);
            }
            if let Some(tail) = &one.tail {
                out["latency_p99_seconds"] = json!({
                    "share": tail.share,
                    "at_low": tail.at_low,
                    "at_high": tail.at_high,
                    "difference": tail.difference,
                    "finding": tail.finding.name(),
                });
            }
            out
        })
        .collect()
}
