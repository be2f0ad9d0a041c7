//! What k6 writes: `handleSummary`'s data, `--summary-export`, `--out csv=`.
//!
//! A summary is one load point, the samples of a CSV one a whole interval. k6 does not measure the answer's latency on a
//! WebSocket by itself: it is taken from a trend of times whose name has `latency`, `rtt` or `round_trip` in it. In
//! `--summary-export` a threshold's `false` means that it was *not* crossed; in `handleSummary`, `ok: true` does.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::timeline::{Kind, Timeline};
use super::{Column, Format, LoadPoint, Table, number};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, Source, quoted};
use crate::validate::calendar;

/// Counters by the second, of a WebSocket and, where there are none, of HTTP.
const RATES: [(&str, Column); 4] = [
    ("ws_msgs_sent", Column::Offered),
    ("ws_msgs_received", Column::Throughput),
    ("ws_sessions", Column::Connects),
    ("http_reqs", Column::Throughput),
];
/// Names of statistics of a trend.
const STATISTICS: [(&str, Column); 7] = [
    ("avg", Column::LatencyMean),
    ("med", Column::LatencyP50),
    ("p(50)", Column::LatencyP50),
    ("p(90)", Column::LatencyP90),
    ("p(95)", Column::LatencyP95),
    ("p(99)", Column::LatencyP99),
    ("p(99.9)", Column::LatencyP999),
];
/// k6 tells times in milliseconds.
const MILLISECONDS: f64 = 1e3;

pub(super) fn is_summary(value: &Value) -> bool {
    value.get("metrics").is_some_and(Value::is_object) && value.pointer("/state/testRunDurationMs").is_some()
}

pub(super) fn is_export(value: &Value) -> bool {
    value.get("metrics").is_some_and(Value::is_object) && value.get("root_group").is_some() && !is_summary(value)
}

pub(super) fn summary(name: &str, value: &Value) -> Result<Table, Diagnostics> {
    let metrics = metrics(value);
    let duration = value.pointer("/state/testRunDurationMs").and_then(number).map(|ms| ms / MILLISECONDS);
    let is_time = |metric: &Value| metric["type"] == "trend" && metric["contains"] == "time";
    let mut table = one(name, Format::K6Summary, &metrics, |metric| &metric["values"], is_time)?;
    if let (Some(point), Some(duration)) = (table.points.first_mut(), duration) {
        point.set(Column::Duration, duration);
    }
    table.notes.extend(missed(&metrics, |threshold| threshold["ok"] == false));
    Ok(table)
}

pub(super) fn export(name: &str, value: &Value) -> Result<Table, Diagnostics> {
    let metrics = metrics(value);
    let mut table = one(name, Format::K6Export, &metrics, |metric| metric, |metric| metric.get("med").is_some())?;
    table.notes.extend(missed(&metrics, |threshold| *threshold == true));
    Ok(table)
}

fn metrics(value: &Value) -> Map<String, Value> {
    value["metrics"].as_object().cloned().unwrap_or_default()
}

/// The one load point of a summary. `values` finds a metric's statistics.
fn one(
    name: &str,
    format: Format,
    metrics: &Map<String, Value>,
    values: impl Fn(&Value) -> &Value,
    is_time: impl Fn(&Value) -> bool,
) -> Result<Table, Diagnostics> {
    let mut point = LoadPoint::default();
    for (metric, column) in RATES {
        let rate = metrics.get(metric).and_then(|metric| number(&values(metric)["rate"]));
        if let (Some(rate), None) = (rate, point.get(column)) {
            point.set(column, rate);
        }
    }
    point.get(Column::Throughput).ok_or_else(|| nothing(name))?;
    if let Some(most) = metrics.get("vus").and_then(|vus| number(&values(vus)["max"])) {
        point.set(Column::Concurrency, most);
    }
    // What k6 counts as sent on a WebSocket is payload; what it received has the handshake's answer in it.
    let sent = metrics.get("data_sent").and_then(|data| number(&values(data)["rate"]));
    if let (Some(bytes), Some(offered)) = (sent, point.get(Column::Offered).filter(|offered| *offered > 0.0)) {
        point.set(Column::MessageSize, bytes / offered);
    }
    let mut notes = Vec::new();
    match metrics.iter().find(|(name, metric)| is_latency(name) && is_time(metric)) {
        Some((name, metric)) => {
            notes.push(format!("latency is what `{name}` says"));
            for (statistic, column) in STATISTICS {
                if let Some(time) = number(&values(metric)[statistic]) {
                    point.set(column, time / MILLISECONDS);
                }
            }
        }
        None => notes.push(NO_LATENCY.to_owned()),
    }
    Ok(Table { format, points: vec![point], notes })
}

const NO_LATENCY: &str =
    "k6 measured no latency of messages: give your script a Trend with `latency` or `rtt` in its name";

fn is_latency(metric: &str) -> bool {
    let metric = metric.to_ascii_lowercase();
    ["latency", "rtt", "round_trip"].iter().any(|word| metric.contains(word)) || metric == "http_req_duration"
}

/// Thresholds that were not kept.
fn missed(metrics: &Map<String, Value>, is_missed: impl Fn(&Value) -> bool) -> Vec<String> {
    let of = |metric: &Value| metric["thresholds"].as_object().cloned().unwrap_or_default();
    metrics
        .iter()
        .flat_map(|(name, metric)| of(metric).into_iter().map(move |(threshold, kept)| (name, threshold, kept)))
        .filter(|(_, _, kept)| is_missed(kept))
        .map(|(name, threshold, _)| format!("k6's threshold `{name}: {threshold}` was not met"))
        .collect()
}

fn nothing(name: &str) -> Diagnostics {
    let help = "it needs the metric `ws_msgs_received` (or `http_reqs`), which k6 writes when something was answered";
    Diagnostic::new(format!("`{name}` counts no messages")).help(help).into()
}

/// `--out csv=`: a line a sample.
pub(super) fn samples(source: &Arc<Source>) -> Result<Table, Diagnostics> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source.text.as_bytes());
    let mut timeline = Timeline::default();
    let mut latency: Option<String> = None;
    let mut websocket = false;
    let mut seen = false;
    for record in reader.records() {
        let wrong = |at: Option<&csv::Position>| {
            let at = at.map_or(0, |at| at.byte() as usize);
            let end = at + source.text[at..].find('\n').unwrap_or(source.text.len() - at);
            let help = "a line is `metric_name,timestamp,metric_value,…`; was the file cut off?";
            Diagnostics::from(Diagnostic::at(&Place::new(source, at, end), "this is no sample of k6").help(help))
        };
        let record = record.map_err(|error| wrong(error.position()))?;
        let cell = |index| record.get(index).unwrap_or_default();
        let value = cell(2).parse::<f64>().ok().filter(|value| value.is_finite());
        let (Some(at), Some(value)) = (moment(cell(1)), value) else { return Err(wrong(record.position())) };
        let metric = cell(0);
        websocket |= metric.starts_with("ws_");
        if let Some((_, column)) = RATES.iter().find(|(name, _)| *name == metric) {
            seen |= *column == Column::Throughput;
            timeline.note(at, Kind::Counter(*column), value);
        } else if metric == "vus" {
            timeline.note(at, Kind::Gauge(Column::Concurrency), value);
        } else if is_latency(metric) && latency.as_deref().is_none_or(|latency| latency == metric) {
            latency = Some(metric.to_owned());
            timeline.note(at, Kind::Latency, value / MILLISECONDS);
        }
    }
    if !seen {
        return Err(nothing(&source.name));
    }
    let mut notes = vec![match latency {
        Some(metric) => format!("latency is what {} says", quoted(&metric)),
        None => NO_LATENCY.to_owned(),
    }];
    let points = timeline.points();
    if points.is_empty() {
        let help = "k6's CSV is read by whole seconds, without the first and the last: run it for 3 s or longer";
        return Err(Diagnostic::new(format!("`{}` covers no whole second", source.name)).help(help).into());
    }
    if websocket {
        notes.push("the first and the last second are left out: the run covers only a part of them".to_owned());
    }
    Ok(Table { format: Format::K6Csv, points, notes })
}

/// A timestamp: Unix time in s, ms, µs or ns, or RFC 3339 (`K6_CSV_TIME_FORMAT`).
fn moment(text: &str) -> Option<f64> {
    match text.parse::<f64>() {
        // Seconds since 1970 have ten digits until the year 2286.
        Ok(number) if number >= 0.0 && number.is_finite() => {
            let thousands = [1e0, 1e3, 1e6, 1e9].into_iter().find(|over| number / over < 1e11)?;
            Some(number / thousands)
        }
        Ok(_) => None,
        Err(_) => calendar::unix_seconds(text),
    }
}
