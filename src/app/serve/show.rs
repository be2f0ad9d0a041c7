//! What a server prints: one line when it listens, and its totals at the end.

use std::fmt::Write as _;

use anyhow::Context as _;
use serde_json::json;

use crate::app::{Failure, output};
use crate::cli::Format;
use crate::live::link::{LinkCounters, LinkEvent, MetricKind};
use crate::live::server::Totals;

/// Says that it listens.
pub fn listening(format: Format, urls: &[String], pids: &[u32]) -> Result<(), Failure> {
    match format {
        Format::Terminal => {
            let lines: Vec<String> = urls.iter().map(|url| format!("listening on {url}\n")).collect();
            output::print_plain(&lines.concat())
        }
        Format::Json => output::print_plain(&format!("{}\n", json!({"listening": urls, "pids": pids}))),
    }
}

/// Says to the parent that the broker is lost or back.
pub fn link_event(event: &LinkEvent) -> Result<(), Failure> {
    let what = if matches!(event, LinkEvent::Back) { "back" } else { "lost" };
    output::print_plain(&format!("{}\n", json!({"broker": what, "said": event.to_string()})))
}

/// Says what it did.
pub fn totals(format: Format, totals: &Totals) -> Result<(), Failure> {
    match format {
        Format::Terminal => {
            let mut text = String::from("served:\n");
            for (field, _, meaning, count) in totals.counts() {
                // Writing to a string does not fail. What didn't happen is not worth a line.
                if count > 0 || matches!(field, "accepted" | "messages_in" | "messages_out") {
                    let _ = writeln!(text, "  {count:>12}  {meaning}");
                }
            }
            let link = totals.link.iter().flat_map(LinkCounters::metrics);
            for metric in link.filter(|metric| metric.kind == MetricKind::Counter && metric.value > 0) {
                let _ = writeln!(text, "  {:>12}  {}.", metric.value, metric.help);
            }
            let _ = writeln!(text, "  {:>12.3}  Seconds of CPU time.", totals.cpu_seconds);
            output::print_plain(&text)
        }
        Format::Json => {
            let totals = serde_json::to_value(totals).context("the totals can't be put into JSON")?;
            output::print_plain(&format!("{}\n", json!({"totals": totals})))
        }
    }
}
