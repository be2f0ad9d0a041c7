//! The rows of the page's table of figures, and their words.

use serde_json::{Map, Value, json};

use crate::analysis::Assessment;
use crate::analysis::price::Price;
use crate::metrics::{LatencyMetrics, RunMetrics};
use crate::report::View;
use crate::report::plan::money;
use crate::report::show::{count_whole, fine, interval, share, whole_interval};
use crate::report::terminal::spare;
use crate::stats::Estimate;
use crate::units::display::{byte_rate, byte_rate_hourly, bytes, count, rate};
use crate::units::{ByteRate, Bytes, Rate};

/// A row: the key that both variants and the simulation have it by, its group and its name.
pub type Row = (&'static str, &'static str, &'static str);

/// All rows there may be, in the order shown. A row that neither variant has is left out.
pub const FIGURES: &[Row] = &[
    ("servers", "Required", "servers"),
    ("servers_given", "Required", "servers in the scenario"),
    ("price", "Required", "servers' price, at least"),
    ("spare", "Required", "spare servers, on top"),
    ("autoscaled", "Required", "autoscaled to"),
    ("balancers", "Required", "balancer nodes"),
    ("broker_nodes", "Required", "broker nodes"),
    ("backend_nodes", "Required", "backend nodes"),
    ("log_nodes", "Required", "log nodes"),
    ("users", "Load", "users"),
    ("connections", "Load", "connections"),
    ("messages_in", "Load", "messages in"),
    ("messages_out", "Load", "messages out"),
    ("goodput", "Load", "goodput"),
    ("payload_in", "Load", "payload in"),
    ("payload_out", "Load", "payload out"),
    ("wire_in", "Load", "on the wire, in"),
    ("wire_out", "Load", "on the wire, out"),
    ("packets", "Load", "packets"),
    ("heartbeats", "Load", "heartbeats"),
    ("published", "Load", "to the broker"),
    ("copies", "Load", "copies from it"),
    ("backplane", "Load", "backplane"),
    ("reads", "Load", "reads"),
    ("queries", "Load", "of them, from the backend"),
    ("hit_ratio", "Load", "cache hits"),
    ("static", "Load", "static files"),
    ("origin", "Load", "of them, from the origin"),
    ("logs", "Load", "logs"),
    ("logs_kept", "Load", "logs kept"),
    ("mean", "Latency", "mean"),
    ("p50", "Latency", "p50"),
    ("p90", "Latency", "p90"),
    ("p95", "Latency", "p95"),
    ("p99", "Latency", "p99"),
    ("p999", "Latency", "p99.9"),
    ("network", "Latency", "of it, network"),
    ("dropped", "Losses", "messages lost"),
    ("unserved", "Losses", "not served"),
];

/// Figures in words, by their keys, with their values where they have one.
#[derive(Debug, Default)]
pub struct Shown(Vec<(&'static str, String, Option<f64>)>);

impl Shown {
    fn add(&mut self, key: &'static str, text: String, value: f64) {
        debug_assert!(FIGURES.iter().any(|row| row.0 == key), "{key}");
        self.0.push((key, text, Some(value)));
    }

    fn estimate(&mut self, key: &'static str, figure: &Estimate, show: impl Fn(f64) -> String) {
        self.add(key, interval(figure, show), figure.value);
    }

    fn text(&mut self, key: &'static str, text: String) {
        self.0.push((key, text, None));
    }

    /// The values, by key.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.0.iter().filter_map(|(key, _, value)| value.map(|value| (*key, value)))
    }

    pub(super) fn into_json(self) -> Value {
        Value::Object(self.0.into_iter().map(|(key, text, _)| (key.to_owned(), json!(text))).collect::<Map<_, _>>())
    }
}

fn flow(figure: f64) -> String {
    byte_rate(ByteRate::new(figure.max(0.0)))
}

fn hourly(figure: f64) -> String {
    byte_rate_hourly(ByteRate::new(figure.max(0.0) / 3_600.0))
}

fn events(figure: f64) -> String {
    rate(Rate::new(figure.max(0.0)))
}

fn amount(figure: f64) -> String {
    bytes(Bytes::new(figure.max(0.0)))
}

/// A row, its figure's name in the closed form's load, and how it is shown.
type Planned<'a> = (&'static str, &'static str, &'a dyn Fn(f64) -> String);

/// What the closed form says.
pub fn closed(view: &View<'_>, price: Option<&Price>) -> Shown {
    let assessment = view.assessment;
    let mut out = Shown::default();
    required(view, &mut out);
    if let Some(price) = price {
        out.add("price", format!("{} {}/hour", interval(&price.per_hour, money), price.currency), price.per_hour.value);
    }
    let load = |name: &str| assessment.load_figure(name).unwrap_or(Estimate::exact(0.0));
    let show: [Planned<'_>; 10] = [
        ("users", "users", &count_whole),
        ("connections", "connections", &count_whole),
        ("messages_in", "messages_in_per_second", &events),
        ("messages_out", "messages_out_per_second", &events),
        ("payload_in", "ingress_bytes_per_second", &flow),
        ("payload_out", "egress_bytes_per_second", &flow),
        ("wire_in", "ingress_wire_bytes_per_second", &flow),
        ("wire_out", "egress_wire_bytes_per_second", &flow),
        ("packets", "packets_per_second", &events),
        ("heartbeats", "heartbeats_per_second", &events),
    ];
    for (key, name, show) in show {
        out.estimate(key, &load(name), show);
    }
    let optional: [Planned<'_>; 5] = [
        ("published", "published_per_second", &events),
        ("copies", "copies_per_second", &events),
        ("backplane", "backplane_bytes_per_second", &flow),
        ("static", "static_bytes_per_second", &flow),
        ("origin", "origin_bytes_per_second", &flow),
    ];
    for (key, name, show) in optional {
        if let Some(figure) = assessment.load_figure(name) {
            out.estimate(key, &figure, show);
        }
    }
    if let Some(reads) = assessment.reads() {
        out.add("reads", events(reads.reads_per_second), reads.reads_per_second);
        out.add("queries", events(reads.queries_per_second), reads.queries_per_second);
        if let Some(served) = reads.served {
            out.add("hit_ratio", share(served.hit_ratio), served.hit_ratio);
        }
    }
    if assessment.scenario.logs.is_some() {
        out.estimate("logs", &load("log_bytes_per_hour"), hourly);
        out.estimate("logs_kept", &assessment.log_bytes_kept, amount);
    }
    let form = &assessment.latency;
    match form.mean_seconds {
        Some(mean) => out.add("mean", fine(mean), mean),
        None => out.text("mean", "without end".to_owned()),
    }
    out.add("network", fine(form.network_seconds), form.network_seconds);
    out
}

/// Nodes of each tier.
fn required(view: &View<'_>, out: &mut Shown) {
    let assessment: &Assessment = view.assessment;
    let nodes = |out: &mut Shown, key, figure: &Estimate| out.add(key, whole_interval(figure), figure.value);
    nodes(out, "servers", &assessment.servers_required);
    if let Some(given) = assessment.scenario.servers.count {
        out.add("servers_given", count(given as f64), given as f64);
    }
    if assessment.spare.value > 0.0 || assessment.spare.high > 0.0 {
        out.add("spare", spare(view), assessment.spare.value);
    }
    if assessment.scenario.autoscaler.is_some() {
        match assessment.servers_scaled_to {
            Some(servers) => out.add("autoscaled", count(servers as f64), servers as f64),
            None => out.text("autoscaled", "all it may have, and the peak takes more".to_owned()),
        }
    }
    for (key, figure) in [
        ("balancers", &assessment.balancers_required),
        ("broker_nodes", &assessment.broker_nodes_required),
        ("backend_nodes", &assessment.backend_nodes_required),
        ("log_nodes", &assessment.log_nodes_required),
    ] {
        if figure.high > 0.0 {
            nodes(out, key, figure);
        }
    }
}

/// What the simulation saw.
pub fn simulated(view: &View<'_>, metrics: &RunMetrics) -> Shown {
    let mut out = Shown::default();
    let flows = &metrics.flows;
    out.estimate("connections", &metrics.connections.open, count_whole);
    out.estimate("messages_in", &flows.messages_in, events);
    out.estimate("messages_out", &flows.messages_out, events);
    let workload = &view.assessment.scenario.workload;
    if workload.timeout.is_some() || workload.retry.is_some() {
        out.estimate("goodput", &flows.goodput, events);
    }
    out.estimate("payload_in", &flows.ingress_bytes, flow);
    out.estimate("payload_out", &flows.egress_bytes, flow);
    out.estimate("heartbeats", &flows.heartbeats, events);
    if view.assessment.crossing().is_some() {
        out.estimate("published", &flows.published, events);
        out.estimate("copies", &flows.copies, events);
    }
    if view.assessment.scenario.logs.is_some() {
        out.estimate("logs", &flows.log_bytes_per_hour, hourly);
    }
    if let Some(cache) = metrics.cache {
        out.estimate("hit_ratio", &cache.hit_ratio, share);
    }
    match &metrics.latency {
        Some(found) => latency(found, &mut out),
        None => out.text("mean", "nothing delivered".to_owned()),
    }
    out.estimate("dropped", &metrics.dropped_share, share);
    if metrics.unserved_share.value > 0.0 {
        out.estimate("unserved", &metrics.unserved_share, share);
    }
    out
}

fn latency(latency: &LatencyMetrics, out: &mut Shown) {
    for (key, figure) in [
        ("mean", &latency.mean),
        ("p50", &latency.p50),
        ("p90", &latency.p90),
        ("p95", &latency.p95),
        ("p99", &latency.p99),
        ("p999", &latency.p999),
    ] {
        out.estimate(key, figure, fine);
    }
}

/// How many times another figure it is, in words.
pub fn difference(times: f64) -> String {
    if !times.is_finite() {
        return String::new();
    }
    if (times - 1.0).abs() < 0.000_5 {
        return "same".to_owned();
    }
    let percent = (times - 1.0) * 100.0;
    match times {
        t if t >= 99.5 => format!("× {}", count_whole(t)),
        t if t >= 9.95 => format!("× {t:.0}"),
        t if t >= 2.0 => format!("× {t:.1}"),
        t if !(0.9..=1.1).contains(&t) => format!("{percent:+.0} %").replace('-', "−"),
        _ => format!("{percent:+.1} %").replace('-', "−"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_look_like_this() {
        let shown = [1.0, 1.000_1, 1.012, 1.25, 0.5, 0.001, 2.0, 12.4, 1_000.0, f64::INFINITY].map(difference);
        assert_eq!(shown, ["same", "same", "+1.2 %", "+25 %", "−50 %", "−100 %", "× 2.0", "× 12", "× 1,000", ""]);
    }

    #[test]
    fn keys_are_their_own() {
        for (index, row) in FIGURES.iter().enumerate() {
            assert!(FIGURES[..index].iter().all(|other| other.0 != row.0), "{}", row.0);
        }
    }
}
