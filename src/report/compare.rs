//! `compare`: what a change gives and what it takes, figure by figure.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::show::{fine, interval, share};
use super::terminal::{table, title_of, wrapped};
use super::{View, json as common};
use crate::analysis::assessment::LEVEL;
use crate::analysis::compare::figures::quantity;
use crate::analysis::compare::threshold::{Outcome, Threshold};
use crate::analysis::compare::{Comparison, Difference, Kind, Meaning, Side};
use crate::scenario::Catalogue;
use crate::stats::Estimate;
use crate::units::display;
use crate::units::parse::Quantity;

/// Figures that are shown however little they differ.
pub(super) const HEADLINES: [&str; 11] = [
    "required.servers",
    "fleet.servers",
    "bottleneck.utilisation",
    "load.ingress_wire_bytes_per_second",
    "load.egress_wire_bytes_per_second",
    "load.log_bytes_per_hour",
    "busy.server.cpu",
    "latency_seconds.p50",
    "latency_seconds.p99",
    "dropped_share",
    "price_per_hour",
];
/// Figures a sentence has room for, on either side.
const MOST_SAID: usize = 5;

/// A comparison, and what was asked of it.
#[derive(Debug)]
pub struct CompareView<'a> {
    /// The comparison.
    pub comparison: &'a Comparison,
    /// How the thresholds fare.
    pub judged: &'a [Judged<'a>],
    /// The catalogue that prices are from.
    pub catalogue: Option<&'a Catalogue>,
}

/// How one threshold fares with one variant.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// Which.
    pub threshold: &'a Threshold,
    /// The number of the variant.
    pub variant: usize,
    /// How it fares.
    pub outcome: Outcome,
}

/// For a terminal.
pub fn terminal(view: &CompareView<'_>) -> String {
    let sides = &view.comparison.sides;
    let Some(first) = sides.first() else { return String::new() };
    let mut out = title_of(&first.assessment.scenario, &first.hash, "compare");
    for (number, side) in sides.iter().enumerate().skip(1) {
        out += &one(view, first, side, number);
    }
    out.extend(prices(view).map(|said| wrapped(&said)));
    let settings = &first.assessment.scenario.simulation;
    let uncertain = sides.iter().any(|side| !side.assessment.uncertain.is_empty());
    let worlds = if uncertain { "; of figures without latency, loss and busy, of 90 % of the worlds" } else { "" };
    out += &wrapped(&format!(
        "All have the same seed, so the same users. Intervals are of the difference, pair by pair: of {} replications, 95 %{worlds}.",
        settings.replications
    ));
    for judged in view.judged {
        out += &wrapped(&fared(judged, &sides[judged.variant].name));
    }
    out
}

/// Where the prices are from, if there are any.
pub(super) fn prices(view: &CompareView<'_>) -> Option<String> {
    let Catalogue { currency, name, .. } = view.catalogue?;
    Some(format!("Prices are {currency} of servers alone, on the cheapest machine of the catalogue {name} for each."))
}

/// How a variant of this name fares with a threshold.
pub(super) fn fared(judged: &Judged<'_>, name: &str) -> String {
    let said = match judged.outcome {
        Outcome::Kept => "keeps to it",
        Outcome::Passed => "is beyond it",
        Outcome::Unclear => "may be beyond it: the interval holds the limit",
    };
    format!("--fail-on {}: {name} {said}.", judged.threshold.text)
}

/// What stands in the way of simulated figures.
pub(super) fn unsettled(first: &Side, side: &Side) -> Vec<String> {
    let mut out = Vec::new();
    for (name, side) in [("before", first), ("after", side)] {
        match &side.metrics {
            Err(why) => out.push(format!("Not simulated {name}: {why}.")),
            Ok(metrics) if !metrics.unsteady.is_empty() => {
                let why: Vec<&str> = metrics.unsteady.iter().map(|why| why.name()).collect();
                out.push(format!(
                    "No steady state {name} ({}), so the simulated figures depend on how long it lasted.",
                    why.join(", ")
                ));
            }
            Ok(_) => {}
        }
    }
    out
}

fn one(view: &CompareView<'_>, first: &Side, side: &Side, number: usize) -> String {
    let mut out = format!("\n{}\nagainst {}\n\n", side.name, first.name);
    let differences: Vec<&Difference> =
        view.comparison.differences.iter().filter(|difference| difference.variant == number).collect();
    let shown = differences.iter().filter(|difference| {
        HEADLINES.contains(&difference.figure.as_str())
            || difference.meaning() != Meaning::Nothing
            || difference.from.is_some() != difference.to.is_some()
    });
    let header = ["figure", "before", "after", "difference", ""].map(str::to_owned);
    let rows = shown.map(|difference| {
        vec![
            label(&difference.figure),
            shown_as(&difference.figure, difference.from.as_ref()),
            shown_as(&difference.figure, difference.to.as_ref()),
            difference
                .difference
                .map_or_else(|| "none".to_owned(), |by| signed(&by, &|by| difference_of(&difference.figure, by))),
            difference.relative.filter(|by| by.value != 0.0).map_or_else(String::new, |by| percent(by.value)),
        ]
    });
    out += &table(&header, rows, |_| false);
    let (before, after) = (bottleneck(first), bottleneck(side));
    if before != after {
        let _ = writeln!(out, "First to give way: {after} instead of {before}");
    }
    out += &wrapped(&sentence(&differences));
    out.extend(unsettled(first, side).iter().map(|said| wrapped(said)));
    out
}

pub(super) fn bottleneck(side: &Side) -> &'static str {
    side.assessment.resources.first().map_or("nothing", |first| first.kind.name())
}

/// Benefit and price, in words.
pub(super) fn sentence(differences: &[&Difference]) -> String {
    let said = |meaning: Meaning| {
        let mut found: Vec<&&Difference> = differences.iter().filter(|found| found.meaning() == meaning).collect();
        // By how many times the figure changes: to a tenth is as much as to ten times.
        let size = |found: &Difference| {
            let share = found.relative.map_or(f64::INFINITY, |relative| relative.value);
            (1.0 + share).max(0.0).ln().abs()
        };
        found.sort_by(|a, b| {
            let headline = |found: &Difference| !HEADLINES.contains(&found.figure.as_str());
            headline(a).cmp(&headline(b)).then(size(b).total_cmp(&size(a)))
        });
        let more = found.len().saturating_sub(MOST_SAID);
        let mut parts: Vec<String> = found.into_iter().take(MOST_SAID).map(|found| change(found)).collect();
        if more > 0 {
            parts.push(format!("and {more} more above"));
        }
        parts.join(", ")
    };
    let (benefit, price) = (said(Meaning::Benefit), said(Meaning::Price));
    match (benefit.is_empty(), price.is_empty()) {
        (true, true) => "Nothing gets surely better or worse by 1 % or more.".to_owned(),
        (false, true) => format!("Benefit: {benefit}. It costs nothing that these figures show."),
        (true, false) => format!("Price: {price}. It gives nothing that these figures show."),
        (false, false) => format!("Benefit: {benefit}. Price: {price}."),
    }
}

fn change(difference: &Difference) -> String {
    let name = label(&difference.figure);
    match (difference.relative, difference.difference) {
        (Some(by), _) if by.value.is_finite() => format!("{name} {}", percent(by.value)),
        (_, Some(by)) => format!("{name} {}", plus(by.value, &|by| difference_of(&difference.figure, by))),
        _ => name,
    }
}

/// A figure's name, for a person.
pub(super) fn label(figure: &str) -> String {
    let plain = match figure {
        "required.servers" => "servers required",
        "fleet.servers" => "servers there are",
        "bottleneck.utilisation" => "use of the bottleneck",
        "bottleneck.users_at_target" => "users it carries as planned",
        "load.ingress_bytes_per_second" => "payload in",
        "load.egress_bytes_per_second" => "payload out",
        "load.ingress_wire_bytes_per_second" => "traffic in",
        "load.egress_wire_bytes_per_second" => "traffic out",
        "load.log_bytes_per_hour" => "logs an hour",
        "dropped_share" => "dropped",
        "busy.server.cpu" => "CPU busy",
        "messages_out_per_second" => "messages delivered",
        "price_per_hour" => "price an hour of those required",
        _ => "",
    };
    if !plain.is_empty() {
        return plain.to_owned();
    }
    if let Some(resource) = figure.strip_prefix("utilisation.") {
        return format!("use of {resource}");
    }
    if let Some(quantile) = figure.strip_prefix("latency_seconds.") {
        return format!("latency {quantile}");
    }
    let name = figure.split_once('.').map_or(figure, |(_, name)| name);
    name.trim_end_matches("_per_second").replace('_', " ")
}

pub(super) fn shown_as(figure: &str, found: Option<&Estimate>) -> String {
    found.map_or_else(|| "none".to_owned(), |found| amount(figure, found.value))
}

/// A figure without its sign.
fn amount(figure: &str, value: f64) -> String {
    match quantity(figure) {
        Quantity::Ratio => share(value),
        Quantity::Time => fine(value),
        Quantity::Count if figure == "price_per_hour" => super::plan::money(value),
        quantity => display::figure(value, quantity),
    }
}

/// A difference without its sign; of shares it is percentage points.
pub(super) fn difference_of(figure: &str, value: f64) -> String {
    let shown = amount(figure, value);
    if quantity(figure) == Quantity::Ratio { shown.replace('%', "pp") } else { shown }
}

fn plus(value: f64, show: &dyn Fn(f64) -> String) -> String {
    let shown = show(value.abs());
    match value {
        value if value > 0.0 => format!("+{shown}"),
        value if value < 0.0 => format!("-{shown}"),
        _ => shown,
    }
}

pub(super) fn signed(difference: &Estimate, show: &dyn Fn(f64) -> String) -> String {
    interval(difference, |value| plus(value, show))
}

pub(super) fn percent(by: f64) -> String {
    plus(by, &share)
}

/// For programs.
pub fn json(view: &CompareView<'_>) -> Value {
    let sides = &view.comparison.sides;
    let mut out = sides.first().map_or_else(Map::new, |first| common::head_of(&first.assessment.scenario, &first.hash));
    let variants = sides.iter().map(|side| {
        let view = View {
            assessment: &side.assessment,
            metrics: side.metrics.as_ref().ok(),
            objectives: &side.objectives,
            hash: &side.hash,
        };
        json!({ "name": side.name, "result": common::result(&view), "not_simulated": side.metrics.as_ref().err() })
    });
    out.insert("variants".into(), variants.collect());
    let differences = view.comparison.differences.iter().map(|difference| {
        let (level, kind) = match difference.kind {
            Kind::Parameter => (LEVEL, "parameter"),
            Kind::Sampling => (0.95, "sampling"),
        };
        json!({
            "variant": sides[difference.variant].name,
            "figure": difference.figure,
            "from": difference.from,
            "to": difference.to,
            "difference": difference.difference,
            "relative": difference.relative,
            "intervals": { "level": level, "kind": kind },
            "meaning": match difference.meaning() {
                Meaning::Benefit => "benefit",
                Meaning::Price => "price",
                Meaning::Different => "different",
                Meaning::Nothing => "nothing",
            },
        })
    });
    out.insert("differences".into(), differences.collect());
    let sentences = sides.iter().enumerate().skip(1).map(|(number, side)| {
        let differences: Vec<&Difference> =
            view.comparison.differences.iter().filter(|difference| difference.variant == number).collect();
        json!({ "variant": side.name, "sentence": sentence(&differences) })
    });
    out.insert("summary".into(), sentences.collect());
    let thresholds = view.judged.iter().map(|judged| {
        json!({
            "threshold": judged.threshold.text,
            "variant": sides[judged.variant].name,
            "outcome": match judged.outcome {
                Outcome::Kept => "kept",
                Outcome::Passed => "passed",
                Outcome::Unclear => "unclear",
            },
        })
    });
    out.insert("thresholds".into(), thresholds.collect());
    if let Some(catalogue) = view.catalogue {
        out.insert("catalogue".into(), json!({ "name": catalogue.name, "currency": catalogue.currency }));
    }
    Value::Object(out)
}
