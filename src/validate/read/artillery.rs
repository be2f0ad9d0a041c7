//! Artillery 2's `--output`: a load point for each intermediate period that is whole.
//!
//! Artillery counts what was sent on a WebSocket (`websocket.messages_sent`), not what was answered, and has no latency
//! of messages of its own: a custom histogram whose name has `latency`, `rtt` or `round_trip` in it is taken, else the
//! `*.response_time` of HTTP or Socket.IO. Its times are in ms.

use serde_json::{Map, Value};

use super::{Column, Format, LoadPoint, Table, number};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// Periods are of 10 s; those at the ends cover less of it, and are left out where they cover less than this, in s.
const WHOLE: f64 = 8.0;
const MILLISECONDS: f64 = 1e3;
/// Counters of messages, the first that is there.
const MESSAGES: [&str; 3] = ["websocket.messages_sent", "socketio.emit", "http.requests"];
const STATISTICS: [(&str, Column); 6] = [
    ("mean", Column::LatencyMean),
    ("p50", Column::LatencyP50),
    ("p90", Column::LatencyP90),
    ("p95", Column::LatencyP95),
    ("p99", Column::LatencyP99),
    ("p999", Column::LatencyP999),
];

pub(super) fn is_one(value: &Value) -> bool {
    value.pointer("/aggregate/counters").is_some() && value.get("intermediate").is_some_and(Value::is_array)
}

pub(super) fn table(name: &str, value: &Value) -> Result<Table, Diagnostics> {
    let aggregate = &value["aggregate"];
    let counters = aggregate["counters"].as_object().cloned().unwrap_or_default();
    let Some(counter) = MESSAGES.into_iter().find(|counter| counters.contains_key(*counter)) else {
        return Err(no_messages(name, &counters));
    };
    let histograms = aggregate.get("summaries").or_else(|| aggregate.get("histograms"));
    let latency = histograms.and_then(Value::as_object).and_then(latency);
    let periods = value["intermediate"].as_array().cloned().unwrap_or_default();
    let whole: Vec<&Value> = periods.iter().filter(|period| seconds(period) >= WHOLE).collect();
    let mut notes = vec![match &latency {
        Some(histogram) => format!("latency is what `{histogram}` says"),
        None => "Artillery measured no latency of messages".to_owned(),
    }];
    if counter == MESSAGES[0] {
        notes.push("Artillery counts the messages it sent, not the answers: taken as answered".to_owned());
    }
    // A short run has no whole period: what it did altogether is one point.
    let points: Vec<LoadPoint> = if whole.is_empty() {
        notes.push("no whole period of 10 s: the run is one load point".to_owned());
        vec![point(aggregate, counter, latency.as_deref())]
    } else {
        notes.push(format!("{} of {} periods are whole; the others are left out", whole.len(), periods.len()));
        whole.into_iter().map(|period| point(period, counter, latency.as_deref())).collect()
    };
    notes.extend(failures(&counters));
    Ok(Table { format: Format::Artillery, points, notes })
}

fn point(period: &Value, counter: &str, latency: Option<&str>) -> LoadPoint {
    let length = seconds(period);
    let mut point = LoadPoint::default().with(Column::Duration, length);
    if let Some(start) = number(&period["firstCounterAt"]) {
        point.set(Column::Time, start / MILLISECONDS);
    }
    let rate = |name: &str| number(&period["counters"][name]).filter(|_| length > 0.0).map(|count| count / length);
    if let Some(rate) = rate(counter) {
        point.set(Column::Offered, rate);
        point.set(Column::Throughput, rate);
    }
    if let (Some(rate), true) = (rate("vusers.created"), counter != "http.requests") {
        point.set(Column::Connects, rate);
    }
    if let Some(histogram) = latency {
        let values = period.get("summaries").or_else(|| period.get("histograms")).map(|all| &all[histogram]);
        for (statistic, column) in STATISTICS {
            if let Some(time) = values.and_then(|values| number(&values[statistic])) {
                point.set(column, time / MILLISECONDS);
            }
        }
    }
    point
}

/// How long a period was measured.
fn seconds(period: &Value) -> f64 {
    let at = |name: &str| number(&period[name]);
    match (at("firstMetricAt").or_else(|| at("firstCounterAt")), at("lastMetricAt").or_else(|| at("lastCounterAt"))) {
        (Some(first), Some(last)) => ((last - first) / MILLISECONDS).max(0.0),
        _ => 0.0,
    }
}

fn latency(histograms: &Map<String, Value>) -> Option<String> {
    let find = |words: &[&str]| {
        let fits = |name: &&String| words.iter().any(|word| name.to_ascii_lowercase().contains(word));
        histograms.keys().find(fits).cloned()
    };
    find(&["latency", "rtt", "round_trip"]).or_else(|| find(&["response_time"]))
}

fn failures(counters: &Map<String, Value>) -> Option<String> {
    let failed = counters.get("vusers.failed").and_then(number).filter(|failed| *failed > 0.0)?;
    Some(format!("{failed} of Artillery's virtual users failed"))
}

fn no_messages(name: &str, counters: &Map<String, Value>) -> Diagnostics {
    let error = Diagnostic::new(format!("`{name}` counts no messages"));
    let help = format!("Artillery must have counted one of {}", crate::diagnostic::alternatives(MESSAGES));
    let failed = failures(counters).map(|failed| format!("\n{failed}: was the server there?"));
    error.help(help + &failed.unwrap_or_default()).into()
}
