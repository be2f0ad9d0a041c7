//! What a driver saw, for a terminal and as JSON, and its latency as a percentile file.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::show::{count_whole, fine, interval, share};
use super::{SCHEMA_VERSION, VERSION};
use crate::live::driver::{DriveResult, Quantiles};
use crate::metrics::LatencyMetrics;
use crate::units::display::{byte_rate, rate};
use crate::units::{ByteRate, Rate};

/// A result, and what it is of.
#[derive(Debug)]
pub struct DriveView<'a> {
    /// The scenario's name.
    pub name: &'a str,
    /// The scenario's hash.
    pub hash: &'a str,
    /// The seed.
    pub seed: u64,
    /// What was driven, as typed.
    pub urls: &'a [String],
    /// The result.
    pub result: &'a DriveResult,
}

/// JSON.
pub fn json(view: &DriveView<'_>) -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "program": { "name": "plimsoll", "version": VERSION },
        "scenario": { "name": view.name, "hash": view.hash },
        "seed": view.seed,
        "live": live(view),
    })
}

fn live(view: &DriveView<'_>) -> Value {
    let result = view.result;
    let connections = &result.connections;
    let driver = &result.driver;
    let quantiles = |q: Option<Quantiles>| q.map(|q| json!({ "p50": q.p50, "p99": q.p99, "max": q.max }));
    let mut out = Map::new();
    let mut add = |name: &str, value: Value| out.insert(name.to_owned(), value);
    add("urls", json!(view.urls));
    add("intervals", json!({ "level": crate::stats::series::LEVEL, "kind": "sampling" }));
    add("complete", json!(!result.interrupted));
    add("duration_seconds", json!(result.seconds));
    add("offered_per_second", json!(result.offered_per_second));
    add("messages_in_per_second", json!(result.served_per_second()));
    add("messages_out_per_second", json!(result.received_per_second));
    add("sent_per_second", json!(result.sent_per_second));
    add("ingress_bytes_per_second", json!(result.sent_bytes_per_second));
    add("egress_bytes_per_second", json!(result.received_bytes_per_second));
    add("latency_seconds", json!(result.latency.as_ref().map(latency)));
    add(
        "messages",
        json!({
            "offered": result.offered,
            "sent": result.sent,
            "unsent": result.unsent,
            "answered": result.answered,
            "unanswered": result.answered.map(|answered| result.sent - answered),
            "timed_out": result.timed_out,
            "altered": result.altered,
            "unexpected": result.unexpected,
        }),
    );
    let deliveries = result.deliveries.map(|deliveries| {
        json!({
            "received": deliveries.received,
            "expected": deliveries.expected,
            "missing": deliveries.missing,
            "duplicate": deliveries.duplicate,
        })
    });
    add("deliveries", json!(deliveries));
    add(
        "connections",
        json!({
            "wanted": result.wanted,
            "at_start": connections.at_start,
            "at_end": connections.at_end,
            "attempts": connections.attempts,
            "opened": connections.opened,
            "failed": connections.failed,
            "lost": connections.lost,
            "sessions_ended": connections.ended,
            "pings_answered": result.pings,
        }),
    );
    add("refused_connections", json!(connections.refused));
    add("connect_all_seconds", json!(result.connect_all_seconds));
    add("connect_seconds", json!(quantiles(result.connect)));
    add(
        "driver",
        json!({
            "threads": driver.threads,
            "spinning": driver.spinning,
            "lateness_seconds": quantiles(driver.lateness),
            "late_share": driver.late_share,
            "cpu_share": driver.cpu_share,
            "idle_share": driver.idle_share,
            "idle_polls": driver.idle_polls,
        }),
    );
    add("driver_limited", json!(driver.limited.is_some()));
    add("driver_limited_by", json!(driver.limited.map(|limited| limited.reason())));
    Value::Object(out)
}

fn latency(latency: &LatencyMetrics) -> Value {
    json!({
        "mean": latency.mean,
        "p50": latency.p50,
        "p90": latency.p90,
        "p95": latency.p95,
        "p99": latency.p99,
        "p999": latency.p999,
        "max": latency.max,
    })
}

/// For a terminal.
pub fn terminal(view: &DriveView<'_>) -> String {
    let result = view.result;
    let mut out = format!(
        "{}: driven for {} at {}\nseed {} | scenario {} | plimsoll {VERSION}\n\n",
        super::terminal::cut(view.name, 40),
        fine(result.seconds),
        view.urls.join(", "),
        view.seed,
        view.hash
    );
    let per_second = |figure: &crate::stats::Estimate| interval(figure, |value| rate(Rate::new(value.max(0.0))));
    let mut line = |what: &str, figure: String| {
        let _ = writeln!(out, "{what:<19}{figure}");
    };
    line("Connections", connections(result));
    line("Connected within", connected(result));
    line("Offered", per_second(&result.offered_per_second));
    line(
        "In",
        format!(
            "{}, {} of payload",
            per_second(&result.sent_per_second),
            byte_rate(ByteRate::new(result.sent_bytes_per_second))
        ),
    );
    line(
        "Out",
        format!(
            "{}, {} of payload",
            per_second(&result.received_per_second),
            byte_rate(ByteRate::new(result.received_bytes_per_second))
        ),
    );
    match &result.latency {
        Some(latency) => {
            for (name, figure) in [
                ("Latency mean", latency.mean),
                ("Latency p50", latency.p50),
                ("Latency p90", latency.p90),
                ("Latency p99", latency.p99),
                ("Latency p99.9", latency.p999),
                ("Latency max", latency.max),
            ] {
                line(name, interval(&figure, fine));
            }
        }
        None => line("Latency", "nothing was answered".to_owned()),
    }
    line("Messages", messages(result));
    if let Some(deliveries) = &result.deliveries {
        line("Deliveries", self::deliveries(deliveries));
    }
    line("Driver", driver(result));
    if let Some(limited) = result.driver.limited {
        out += "\n";
        out += &super::terminal::wrapped(&format!(
            "THE DRIVER WAS THE LIMIT, so these are not the server's figures: {}.",
            limited.reason()
        ));
    }
    out
}

fn connections(result: &DriveResult) -> String {
    let connections = &result.connections;
    let count = |n: u64| count_whole(n as f64);
    let mut out = format!("{} of {} open", count(connections.at_start), count(result.wanted));
    if connections.at_end != connections.at_start {
        let _ = write!(out, ", {} at the end", count(connections.at_end));
    }
    for (n, what) in [
        (connections.refused, "attempts refused"),
        (connections.failed, "attempts failed"),
        (connections.lost, "lost"),
        (connections.ended, "sessions ended"),
    ] {
        if n > 0 {
            let _ = write!(out, "; {} {what}", count(n));
        }
    }
    out
}

fn connected(result: &DriveResult) -> String {
    let each = result.connect.map_or_else(String::new, |connect| {
        format!(", each within {} (p50; p99 {})", fine(connect.p50), fine(connect.p99))
    });
    fine(result.connect_all_seconds) + &each
}

fn messages(result: &DriveResult) -> String {
    let count = |n: u64| count_whole(n as f64);
    let mut out = format!("{} sent", count(result.sent));
    if let Some(answered) = result.answered {
        let _ = write!(out, ", {} answered", count(answered));
    }
    for (n, what) in [
        (result.unsent, "not sent for want of a connection"),
        (result.answered.map_or(0, |answered| result.sent - answered), "without an answer"),
        (result.timed_out, "answered too late (timeout)"),
        (result.altered, "answers not as sent"),
        (result.unexpected, "came unexpected"),
    ] {
        if n > 0 {
            let _ = write!(out, "; {} {what}", count(n));
        }
    }
    out
}

fn deliveries(deliveries: &crate::live::driver::Deliveries) -> String {
    let count = |n: u64| count_whole(n as f64);
    let received = count(deliveries.received);
    match (deliveries.expected, deliveries.missing, deliveries.duplicate) {
        (Some(expected), Some(missing), Some(duplicate)) => {
            format!("{received} of {}: {} missing, {} duplicate", count(expected), count(missing), count(duplicate))
        }
        _ => format!("{received} (connections came and went, so nobody knows how many there should be)"),
    }
}

fn driver(result: &DriveResult) -> String {
    let driver = &result.driver;
    let lateness = driver.lateness.map_or_else(
        || "a closed loop".to_owned(),
        |lateness| {
            format!(
                "sent {} late (p50; p99 {}, max {}), {} more than 1 ms",
                fine(lateness.p50),
                fine(lateness.p99),
                fine(lateness.max),
                share(driver.late_share.unwrap_or(0.0))
            )
        },
    );
    format!("{lateness}; idle {} of the time", share(driver.idle_share))
}

/// The latency distribution as other tools plot it (`.hgrm`): milliseconds, percentile, count, 1/(1 − percentile).
pub fn hgrm(result: &DriveResult) -> String {
    const MILLISECOND: f64 = 1e6;
    /// Lines for each halving of what is left above.
    const TICKS: u32 = 5;
    let histogram = &result.histogram;
    let mut out = format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    for step in histogram.iter_quantiles(TICKS) {
        let value = step.value_iterated_to() as f64 / MILLISECOND;
        let quantile = step.quantile_iterated_to();
        let count = histogram.count_between(0, step.value_iterated_to());
        let _ = write!(out, "{value:>12.3} {quantile:>2.12} {count:>10}");
        let _ = if quantile < 1.0 { writeln!(out, " {:>14.2}", 1.0 / (1.0 - quantile)) } else { writeln!(out) };
    }
    let _ = writeln!(
        out,
        "#[Mean    = {:>12.3}, StdDeviation   = {:>12.3}]",
        histogram.mean() / MILLISECOND,
        histogram.stdev() / MILLISECOND
    );
    let _ = writeln!(
        out,
        "#[Max     = {:>12.3}, Total count    = {:>12}]",
        histogram.max() as f64 / MILLISECOND,
        histogram.len()
    );
    let _ = writeln!(
        out,
        "#[Buckets = {:>12}, SubBuckets     = {:>12}]",
        histogram.buckets(),
        histogram.distinct_values() / usize::from(histogram.buckets()).max(1)
    );
    out
}
