//! A sweep: a row a point for a terminal, all results in JSON.
//!
//! Its points may come from several runs of the program, so what is shown of each is made when the point is finished
//! ([`Finished::of`]) and can be kept in a file until then.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::show::{count_whole, fine, short_count};
use super::steps::short;
use super::terminal::{RECOVERY, fault_named, recovery_row, spaced_table, title, wrapped};
use super::{View, json};
use crate::metrics::{RunMetrics, ScalingMetrics, Unsteady};
use crate::stats::Estimate;
use crate::units::Bytes;
use crate::units::display::{bytes, count};
use crate::units::parse::{self, Quantity};

/// What was carried is shown where a larger share than this of what was offered was not.
const SHORTFALL: f64 = 0.000_5;

/// A point that is finished.
#[derive(Debug, Clone)]
pub struct Finished {
    /// What was varied: key and value, as typed.
    pub vary: Vec<(String, String)>,
    /// All of its result, as `simulate` or `estimate` gives it.
    pub result: Value,
    /// Its row in a terminal.
    pub row: Row,
}

/// What a terminal shows of a point.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    cells: Vec<String>,
    /// Faults, and what each did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recovery: Vec<(String, Vec<String>)>,
    /// Less was carried than was offered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    carried: bool,
    /// How many of the servers were simulated, if not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sampled: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Which points there are.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// How many were to be finished.
    pub planned: usize,
    /// Of a sweep in parts: which part, of how many.
    pub part: Option<(usize, usize)>,
}

impl Finished {
    /// A point with this result.
    pub fn of(vary: Vec<(String, String)>, view: &View<'_>) -> Self {
        let metrics = view.metrics;
        let row = Row {
            cells: cells(view),
            recovery: metrics.map_or_else(Vec::new, |metrics| {
                metrics.recovery.iter().map(|fault| (fault_named(fault), recovery_row(fault))).collect()
            }),
            carried: carried(view).is_some(),
            sampled: metrics.filter(|metrics| metrics.setup.mode == "sampled").map(|metrics| {
                let [part, all] = [metrics.setup.servers_simulated, metrics.setup.servers].map(|n| count(n as f64));
                format!("{part} of {all} servers")
            }),
            warnings: metrics.map_or_else(Vec::new, |metrics| metrics.warnings.clone()),
        };
        Self { vary, result: json::result(view), row }
    }

    /// What was varied, with plain numbers where the scenario reads them so.
    pub fn varied(&self) -> Value {
        Value::Object(self.vary.iter().map(|(path, value)| (path.clone(), typed(value))).collect())
    }

    fn at(&self) -> String {
        self.vary.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// The whole result of a sweep in JSON. `complete` is false where it was cut short.
pub fn document(points: &[Finished], extent: Extent) -> Value {
    let mut out = Map::new();
    for name in ["schema_version", "program", "scenario", "seed"] {
        if let Some(first) = points.first() {
            out.insert(name.into(), first.result[name].clone());
        }
    }
    if let Some((part, parts)) = extent.part {
        out.insert("partition".into(), json!({ "part": part, "parts": parts }));
    }
    out.insert("complete".into(), json!(points.len() == extent.planned));
    let points = points.iter().map(|point| json!({ "vary": point.varied(), "result": point.result })).collect();
    out.insert("points".into(), Value::Array(points));
    Value::Object(out)
}

/// A plain number where the text is one, as the scenario reads it; the text otherwise.
fn typed(value: &str) -> Value {
    match parse::exact(value, Quantity::Count) {
        Ok(number) if number.fract() == 0.0 && number < 9e15 => json!(number as u64),
        Ok(number) => json!(number),
        Err(_) => json!(value),
    }
}

/// One row a point.
pub fn table(points: &[Finished], extent: Extent) -> String {
    let Some(first) = points.first() else {
        let why = if extent.planned == 0 { "There are no points in this part" } else { "Nothing was finished" };
        return format!("{why}.\n");
    };
    let what = extent.part.map_or_else(|| "sweep".to_owned(), |(part, parts)| format!("sweep, part {part} of {parts}"));
    let said = |pointer: &str| first.result.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let seed = first.result["seed"].as_u64().unwrap_or_default();
    let mut out = title(said("/scenario/name"), &what, seed, said("/scenario/hash"));
    let keys = || first.vary.iter().map(|(path, _)| path.rsplit('.').next().unwrap_or(path).to_owned());
    let simulated = first.result.get("simulation").is_some();
    let mut header: Vec<String> = keys().collect();
    header.extend(["conns", "servers", "msg/s", "in /s", "out /s", "logs /h", "kept"].map(str::to_owned));
    header.extend([if simulated { "p99" } else { "mean" }, "CPU", "gives way"].map(str::to_owned));
    let values = |point: &Finished| point.vary.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>();
    let rows = points.iter().map(|point| [values(point), point.row.cells.clone()].concat());
    let last = header.len() - 1;
    out += &spaced_table(&header, rows, move |column| column == last, 1);
    out += &recoveries(points, keys().collect());
    if points.iter().any(|point| point.row.carried) {
        out += &wrapped(
            "*: what was carried in the simulation, less than what was offered: users are refused, messages are lost, or a queue grows without end.",
        );
    }
    let sampled: Vec<String> = points
        .iter()
        .filter_map(|point| point.row.sampled.as_ref().map(|servers| format!("{} ({servers})", point.at())))
        .collect();
    if !sampled.is_empty() {
        out += &wrapped(&format!("Sampled: {}.", sampled.join("; ")));
    }
    for point in points {
        for warning in &point.row.warnings {
            out += &wrapped(&format!("Note at {}: {warning}.", point.at()));
        }
    }
    if points.len() < extent.planned {
        let _ = writeln!(out, "Interrupted: {} of {} points were finished.", points.len(), extent.planned);
    }
    out
}

fn cells(view: &View<'_>) -> Vec<String> {
    let assessment = view.assessment;
    let load = &assessment.model.load;
    let amount = |figure: f64| bytes(Bytes::new(figure));
    let kept = if assessment.logs_kept.is_empty() { "-".to_owned() } else { amount(assessment.log_bytes_kept.value) };
    let latency = view
        .metrics
        .map_or(assessment.latency.mean_seconds, |metrics| metrics.latency.map(|latency| latency.p99.value));
    let busy = view.metrics.map_or_else(
        || assessment.latency.stations.iter().find(|form| form.name == "server.cpu").map(|form| form.busy),
        |metrics| metrics.stations.iter().find(|station| station.name == "server.cpu").map(|cpu| cpu.busy.value),
    );
    let first = assessment.resources.first();
    let carried = carried(view);
    let of = |offered: f64, simulated: &dyn Fn(&RunMetrics) -> Estimate| {
        carried.map_or(offered, |metrics| simulated(metrics).value.max(0.0))
    };
    let mark = if carried.is_some() { "*" } else { "" };
    vec![
        short_count(of(load.connections, &|m| m.connections.open).round()) + mark,
        view.metrics.map_or_else(
            || count(assessment.model.fleet.servers as f64),
            |metrics| metrics.scaling.map_or_else(|| count(metrics.setup.servers as f64), most_up),
        ),
        short_count(of(load.messages_in_per_second, &|m| m.flows.messages_in)),
        amount(of(load.ingress_bytes_per_second, &|m| m.flows.ingress_bytes)),
        amount(of(load.egress_bytes_per_second, &|m| m.flows.egress_bytes)),
        amount(of(load.log_bytes_per_hour, &|m| m.flows.log_bytes_per_hour)),
        kept,
        latency.map_or_else(|| "-".to_owned(), fine),
        busy.map_or_else(
            || "-".to_owned(),
            |busy| {
                let percent = busy * 100.0;
                if percent < 9.995 { format!("{percent:.2} %") } else { format!("{percent:.1} %") }
            },
        ),
        first.map_or_else(String::new, |resource| short(resource.kind).to_owned()),
    ]
}

/// The simulation, where less was carried than was offered.
fn carried<'a>(view: &View<'a>) -> Option<&'a RunMetrics> {
    view.metrics.filter(|metrics| {
        metrics.undelivered_share().value > SHORTFALL || metrics.unsteady.contains(&Unsteady::Overloaded)
    })
}

/// The most servers that an autoscaler had up.
fn most_up(scaling: ScalingMetrics) -> String {
    format!("<= {}", count_whole(scaling.most.value.ceil()))
}

/// What faults did at each point.
fn recoveries(points: &[Finished], keys: Vec<String>) -> String {
    // Where it is the same one everywhere, a line above says which.
    let several = points.iter().any(|point| point.row.recovery.len() > 1);
    let mut header = keys;
    header.extend(several.then(|| "fault".to_owned()));
    header.extend(RECOVERY.map(str::to_owned));
    let mut rows: Vec<Vec<String>> = Vec::new();
    for point in points {
        for (fault, cells) in &point.row.recovery {
            let mut row: Vec<String> = point.vary.iter().map(|(_, value)| value.clone()).collect();
            row.extend(several.then(|| fault.clone()));
            row.extend(cells.iter().cloned());
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let what = points.iter().flat_map(|point| &point.row.recovery).next().filter(|_| !several);
    let what = what.map_or_else(String::new, |(fault, _)| format!("Fault: {fault}.\n"));
    what + &spaced_table(&header, rows.into_iter(), |_| false, 1)
}
