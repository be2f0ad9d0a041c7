//! What a driver saw, for a terminal and as JSON, and its latency as a percentile file.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::show::{count_whole, fine, interval, share};
use super::{SCHEMA_VERSION, VERSION};
use crate::live::driver::{Deliveries, DriveResult, Watched};
use crate::units::display::{byte_rate, bytes, rate};
use crate::units::{ByteRate, Bytes, Rate};

/// A result, and what it is of: what is printed as JSON, and can be read again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DriveReport {
    /// The version of the names and meanings.
    pub schema_version: u32,
    /// The program.
    pub program: Program,
    /// The scenario.
    pub scenario: Driven,
    /// The seed.
    pub seed: u64,
    /// What was driven, as typed.
    pub urls: Vec<String>,
    /// The result.
    pub live: DriveResult,
}

/// What printed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The scenario of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Driven {
    /// Its name.
    pub name: String,
    /// Its hash.
    pub hash: String,
}

impl DriveReport {
    /// The report of a result.
    pub fn new(scenario: Driven, seed: u64, urls: Vec<String>, live: DriveResult) -> Self {
        let program = Program { name: "plimsoll".to_owned(), version: VERSION.to_owned() };
        Self { schema_version: SCHEMA_VERSION, program, scenario, seed, urls, live }
    }
}

/// For a terminal.
pub fn terminal(report: &DriveReport) -> String {
    let result = &report.live;
    let mut out = format!(
        "{}: driven for {} at {}\nseed {} | scenario {} | plimsoll {VERSION}\n\n",
        super::terminal::cut(&report.scenario.name, 40),
        fine(result.seconds),
        report.urls.join(", "),
        report.seed,
        report.scenario.hash
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
            byte_rate(ByteRate::new(result.ingress_bytes_per_second))
        ),
    );
    line(
        "Out",
        format!(
            "{}, {} of payload",
            per_second(&result.messages_out_per_second),
            byte_rate(ByteRate::new(result.egress_bytes_per_second))
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
    if let Some(watched) = &result.watched {
        line("Server processes", processes(result, watched));
    }
    line("Driver", driver(result));
    if let Some(limited) = result.driver_limited_by {
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
    let mut out = format!("{} of {} open", count(connections.at_start), count(connections.wanted));
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
    let messages = &result.messages;
    let count = |n: u64| count_whole(n as f64);
    let mut out = format!("{} sent", count(messages.sent));
    if let Some(answered) = messages.answered {
        let _ = write!(out, ", {} answered", count(answered));
    }
    for (n, what) in [
        (messages.unsent, "not sent for want of a connection"),
        (messages.unanswered.unwrap_or(0), "without an answer"),
        (messages.timed_out, "answered too late (timeout)"),
        (messages.altered, "answers not as sent"),
        (messages.unexpected, "came unexpected"),
    ] {
        if n > 0 {
            let _ = write!(out, "; {} {what}", count(n));
        }
    }
    out
}

fn processes(result: &DriveResult, watched: &Watched) -> String {
    let mut out = format!("{:.3} cores at work", watched.cpu_seconds / watched.duration_seconds);
    if let Some(each) = result.cpu_per_message() {
        let _ = write!(out, ", {} a message", fine(each));
    }
    let _ = write!(out, "; memory {}", bytes(Bytes::new(watched.memory_bytes.at_end as f64)));
    if let Some(each) = result.memory_per_connection() {
        let _ = write!(out, ", {} a connection", bytes(Bytes::new(each.value)));
    }
    out
}

fn deliveries(deliveries: &Deliveries) -> String {
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
