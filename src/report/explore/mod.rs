//! What the what-if page shows: its own files, what can be turned on it, and the words for each figure. The page lays out
//! what comes from here and works nothing out itself.

mod figures;
pub mod levers;
pub mod page;

pub use figures::{FIGURES, closed, difference};

use serde_json::{Value, json};

use super::show::{count_whole, counted, interval, share, short_users, whole_interval};
use super::terminal::{at_users, promise};
use super::{View, json as full};
use crate::analysis::advice::advice;
use crate::analysis::price::Price;
use crate::analysis::slo::{Objective, Verdict, overall};
use crate::analysis::{Assessment, ResourceAssessment};
use crate::diagnostic::{Diagnostics, visible};
use crate::metrics::RunMetrics;
use crate::stats::Estimate;
use crate::units::display::{count, ratio, seconds};
use crate::units::{Ratio, Seconds};

/// Resources whose advice is told.
const ADVICE: usize = 3;

/// The closed form of a scenario, as the page shows it; `result` is what `estimate --format json` prints.
pub fn answer(view: &View<'_>, price: Option<&Price>) -> Value {
    let assessment = view.assessment;
    json!({
        "name": assessment.scenario.name,
        "hash": view.hash,
        "seed": assessment.scenario.simulation.seed,
        "first": first(assessment),
        "figures": figures::closed(view, price).into_json(),
        "resources": assessment.resources.iter().map(|one| resource(assessment, one)).collect::<Vec<_>>(),
        "advice": assessment.resources.iter().take(ADVICE).map(|one| {
            let advice = advice(one.kind);
            json!({ "resource": one.kind.name(), "solution": advice.solution, "trade_offs": advice.trade_offs })
        }).collect::<Vec<_>>(),
        "assumed": assessment.assumed.iter().map(|one| {
            json!({ "path": one.path, "value": one.value, "source": one.source })
        }).collect::<Vec<_>>(),
        "note": format!(
            "Intervals of the closed form hold 90 % of {} worlds drawn from what is uncertain.{}",
            assessment.worlds,
            price.map_or_else(String::new, |price| {
                format!(" The price is that on the cheapest machines of the {} catalogue.", price.catalogue)
            })
        ),
        "result": full::result(view),
    })
}

/// What gives way first, and when.
fn first(assessment: &Assessment) -> Value {
    let Some(first) = assessment.resources.first() else { return Value::Null };
    let servers = counted(&count(assessment.model.fleet.servers as f64), "server");
    let when = first
        .users_at_target
        .map_or_else(|| "only by its limit".to_owned(), |users| format!("{} on {servers}", at_users(&users)));
    json!({ "resource": first.kind.name(), "when": when })
}

fn resource(assessment: &Assessment, resource: &ResourceAssessment) -> Value {
    let users = |found: Option<Estimate>| found.map_or_else(|| "never".to_owned(), |u| interval(&u, short_users));
    // Past what is planned for, or past what there is.
    let now = assessment.model.load.users;
    let reached = |found: Option<Estimate>| found.is_some_and(|users| now > users.value * (1.0 + 1e-9));
    let state = if reached(resource.users_at_limit) {
        "over"
    } else if reached(resource.users_at_target) {
        "tight"
    } else {
        "fine"
    };
    json!({
        "resource": resource.kind.name(),
        "used": interval(&resource.utilisation, share),
        "share": resource.utilisation.value,
        "state": state,
        "at_target": users(resource.users_at_target),
        "at_limit": users(resource.users_at_limit),
        "units": counted(&whole_interval(&resource.units_required), "unit"),
    })
}

/// A simulation, as the page shows it; `result` is what `simulate --format json` prints.
pub fn simulation(view: &View<'_>, metrics: &RunMetrics) -> Value {
    let setup = &metrics.setup;
    let how = format!(
        "Simulated {} of {}, {} ({}): {} messages in {} of {}, the first {} of each left out. Its intervals are 95 % intervals of sampling.",
        count(setup.servers_simulated as f64),
        counted(&count(setup.servers as f64), "server"),
        setup.mode,
        setup.reason,
        count(metrics.messages as f64),
        counted(&count(setup.replications as f64), "replication"),
        seconds(Seconds::new(setup.duration_seconds)),
        seconds(Seconds::new(setup.warm_up_seconds)),
    );
    json!({
        "hash": view.hash,
        "figures": figures::simulated(view, metrics).into_json(),
        "verdict": (!view.objectives.is_empty()).then(|| json!({
            "word": word(overall(view.objectives)),
            "text": promise(view, metrics),
        })),
        "objectives": view.objectives.iter().map(objective).collect::<Vec<_>>(),
        "how": how,
        "warnings": metrics.warnings,
        "result": full::result(view),
    })
}

fn objective(objective: &Objective) -> Value {
    let show = |figure: f64| {
        if objective.name == "dropped" {
            ratio(Ratio::new(figure.max(0.0)))
        } else {
            seconds(Seconds::new(figure.max(0.0)))
        }
    };
    json!({
        "name": objective.name,
        "limit": show(objective.limit),
        "found": objective.found.map_or_else(|| "nothing delivered".to_owned(), |found| interval(&found, show)),
        "verdict": word(objective.verdict),
        "sure": objective.sure,
    })
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::NotMet => "not met",
        Verdict::Undecided => "undecided",
    }
}

/// How far a simulation is.
pub fn progress(done: u64, expected: u64) -> Value {
    let share = if expected == 0 { 0.0 } else { (done as f64 / expected as f64).min(1.0) };
    json!({
        "share": share,
        "text": format!("{:.0} % of {} messages", share * 100.0, count_whole(expected as f64)),
    })
}

/// What is wrong, each with the key that it was set for where it came from there.
pub fn errors(errors: &Diagnostics) -> Value {
    errors
        .iter()
        .map(|one| json!({ "path": set_path(one), "message": visible(one.message()), "text": one.to_string() }))
        .collect()
}

/// The key of an assignment that a mistake is in.
fn set_path(error: &crate::diagnostic::Diagnostic) -> Option<String> {
    let source = error.place()?.source();
    if source.is_file {
        return None;
    }
    let assignment = source.text.strip_prefix("--set ")?;
    Some(assignment.split_once('=').map_or(assignment, |(path, _)| path).to_owned())
}
