//! `line`: the most that a fleet carries, what gives way there, and how latency grows up to it and past it.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::json as common;
use super::plan::{found, promise, sentence};
use super::show::{counted, fine, interval, share, users};
use super::terminal::{table, title_of, wrapped};
use crate::analysis::assessment::LEVEL;
use crate::analysis::line::{Line, Of, Point};
use crate::metrics::{RunMetrics, Unsteady};
use crate::units::display::count;

/// Width of a bar.
const BAR: usize = 16;

/// A load line, and what it is of.
#[derive(Debug)]
pub struct LineView<'a> {
    /// The line.
    pub line: &'a Line,
    /// The scenario's hash.
    pub hash: &'a str,
}

impl LineView<'_> {
    pub(super) fn load(&self, load: f64) -> String {
        match self.line.of {
            Of::Users => count(load.round()),
            Of::Messages => count(load),
        }
    }

    pub(super) fn amount(&self, load: f64) -> String {
        match self.line.of {
            Of::Users => users(load),
            Of::Messages => format!("{} {}", self.load(load), self.what()),
        }
    }

    pub(super) fn what(&self) -> &'static str {
        match self.line.of {
            Of::Users => "users",
            Of::Messages => "messages/s",
        }
    }

    /// Where it ends: `p99` or what stands in the way.
    pub(super) fn gives_way(&self) -> Option<&'static str> {
        self.line.beyond.as_ref().map(|beyond| beyond.trial.limited_by)
    }
}

/// For a terminal.
pub fn terminal(view: &LineView<'_>) -> String {
    let line = view.line;
    let mut out = title_of(&line.scenario, view.hash, "load line");
    let _ = writeln!(out, "{}\n", promise(&line.scenario));
    let servers = counted(&count(line.fleet.servers as f64), "server");
    let fleet = if line.fleet_given {
        servers.clone()
    } else {
        format!("{servers}: `servers.count` is auto, so those that the scenario's own load requires")
    };
    let Some(found_line) = &line.line else {
        let beyond = line.beyond.as_ref();
        let why = beyond.map_or_else(String::new, broken);
        let text = format!(
            "the fleet ({servers}) carries not even {}: {why}; in the way is {}",
            beyond.map_or_else(String::new, |beyond| view.amount(beyond.load)),
            view.gives_way().unwrap_or("the SLO"),
        );
        return out + &wrapped(&sentence(&text));
    };
    let shown = if line.open {
        format!("more than {} {}, the most that is tried", view.load(found_line.value), view.what())
    } else {
        format!("{} {}", interval(found_line, |load| view.load(load)), view.what())
    };
    let own = format!("{}, {} of it", view.amount(line.own), share(line.own / found_line.value));
    let mut lines = vec![("Load line", shown), ("Fleet", fleet), ("The scenario's own", own)];
    if let Some(resource) = view.gives_way() {
        lines.push(("Gives way there", resource.to_owned()));
    }
    if let Some(beyond) = &line.beyond {
        lines.push(("Just beyond it", format!("at {}: {}", view.load(beyond.load), broken(beyond))));
    }
    if let Some((most, resource)) = line.closed_form {
        lines.push(("Closed form", format!("{} users until {resource} is at its limit", count(most.floor()))));
    }
    for (what, figure) in lines {
        let _ = writeln!(out, "{what:<20}{figure}");
    }
    out.push('\n');
    out += &curve(view, found_line.value);
    let settled = if line.worlds > 0 {
        format!(
            "The interval holds the lines of {} of {} worlds, each of which draws what is uncertain anew",
            share(LEVEL),
            line.worlds
        )
    } else {
        "The interval is that of 95 % over replications, each of which has its own line".to_owned()
    };
    out += &wrapped(&format!(
        "{settled}. It is of the SLO alone: what is planned for (target utilisation, comfortable connections) is often passed before."
    ));
    out
}

/// What of the promise is not kept.
pub(super) fn broken(point: &Point) -> String {
    let overloaded = |metrics: &RunMetrics| metrics.unsteady.contains(&Unsteady::Overloaded);
    if point.trial.metrics.as_ref().is_none_or(overloaded) {
        return "overloaded: a queue grows as long as it lasts".to_owned();
    }
    point.trial.objectives.iter().filter(|objective| !objective.met()).map(found).collect::<Vec<_>>().join("; ")
}

fn curve(view: &LineView<'_>, line: f64) -> String {
    let points = &view.line.points;
    let limit = view.line.scenario.slo.latency.iter().map(|(_, limit)| limit.get()).fold(f64::NAN, f64::max);
    let p99 = |point: &Point| point.trial.metrics.as_ref().and_then(|metrics| metrics.latency).map(|all| all.p99.value);
    let most = points.iter().filter_map(p99).fold(0.0, f64::max);
    // A whole bar is what is promised; past the line latency may grow without end.
    let scale = if limit.is_finite() { limit } else { most };
    let header = [view.what(), "of the line", "SLO", "p50", "p99", "CPU", "dropped", "p99"].map(str::to_owned);
    let rows = points.iter().map(|point| {
        let metrics = point.trial.metrics.as_ref();
        let latency = metrics.and_then(|metrics| metrics.latency);
        let none = || "overloaded".to_owned();
        vec![
            view.load(point.load),
            share(point.load / line),
            if point.trial.met() { "met" } else { "not met" }.to_owned(),
            latency.map_or_else(none, |latency| fine(latency.p50.value)),
            latency.map_or_else(none, |latency| fine(latency.p99.value)),
            metrics.and_then(cpu).map_or_else(String::new, |cpu| share(cpu.0)),
            metrics.map_or_else(String::new, |metrics| share(metrics.undelivered_share().value)),
            p99(point).map_or_else(String::new, |p99| bar(p99, scale)),
        ]
    });
    table(&header, rows, |column| column == 2 || column == 7)
}

fn bar(figure: f64, scale: f64) -> String {
    let length = figure / scale * BAR as f64;
    if length > BAR as f64 + 0.5 {
        format!("{}+", "█".repeat(BAR))
    } else {
        "█".repeat((length.round() as usize).max(1))
    }
}

/// Load and busy of the CPU.
pub(super) fn cpu(metrics: &RunMetrics) -> Option<(f64, f64)> {
    let station = metrics.stations.iter().find(|station| station.name == "server.cpu")?;
    Some((station.utilisation.value, station.busy.value))
}

/// For programs.
pub fn json(view: &LineView<'_>) -> Value {
    let line = view.line;
    let mut out = common::head_of(&line.scenario, view.hash);
    let (level, kind) = if line.worlds > 0 { (LEVEL, "parameter") } else { (0.95, "sampling") };
    let name = match line.of {
        Of::Users => "users",
        Of::Messages => "messages_in_per_second",
    };
    out.insert("intervals".into(), json!({ "level": level, "kind": kind }));
    out.insert("of".into(), json!(name));
    out.insert("line".into(), json!(line.line));
    out.insert("complete".into(), json!(!line.open));
    out.insert("own_load".into(), json!(line.own));
    out.insert("worlds".into(), json!(line.worlds));
    let servers_from = if line.fleet_given { "scenario" } else { "required" };
    let fleet = json!({
        "servers": line.fleet.servers,
        "servers_from": servers_from,
        "balancers": line.fleet.balancers,
        "broker_nodes": line.fleet.broker_nodes,
        "backend_nodes": line.fleet.backend_nodes,
        "log_nodes": line.fleet.log_nodes,
    });
    out.insert("fleet".into(), fleet);
    out.insert("gives_way".into(), json!(view.gives_way()));
    let closed = line.closed_form.map(|(users, resource)| json!({ "users_at_limit": users, "resource": resource }));
    out.insert("closed_form".into(), json!(closed));
    out.insert("beyond".into(), json!(line.beyond.as_ref().map(|beyond| point(line, beyond, name))));
    out.insert("points".into(), line.points.iter().map(|one| point(line, one, name)).collect());
    Value::Object(out)
}

fn point(line: &Line, point: &Point, name: &str) -> Value {
    let trial = &point.trial;
    let metrics = trial.metrics.as_ref();
    let mut out = Map::new();
    out.insert(name.into(), json!(point.load));
    out.insert("share_of_line".into(), json!(line.line.map(|line| point.load / line.value)));
    out.insert("met".into(), json!(trial.met()));
    out.insert("limited_by".into(), json!((!trial.met()).then_some(trial.limited_by)));
    let latency = metrics.and_then(|metrics| metrics.latency).map(|all| {
        json!({ "mean": all.mean, "p50": all.p50, "p90": all.p90, "p95": all.p95, "p99": all.p99, "p999": all.p999 })
    });
    out.insert("latency_seconds".into(), json!(latency));
    out.insert("dropped_share".into(), json!(metrics.map(RunMetrics::undelivered_share)));
    let both = metrics.and_then(cpu);
    out.insert("utilisation".into(), json!(both.map(|both| both.0)));
    out.insert("busy".into(), json!(both.map(|both| both.1)));
    out.insert("slo".into(), common::slo(&trial.objectives));
    Value::Object(out)
}
