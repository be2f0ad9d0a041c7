//! The figures that variants are compared by: what they are called, what they are of, and which way is better.

use crate::analysis::assessment::load_figures;
use crate::metrics::RunMetrics;
use crate::model::{Model, Required, ResourceKind};
use crate::scenario::Scenario;
use crate::stats::Estimate;
use crate::units::parse::Quantity;

/// What an interval is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Of the closed form: over the worlds of what is uncertain, 90 %.
    Parameter,
    /// Of the simulation: over pairs of replications, 95 %.
    Sampling,
}

/// Which way a figure is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Less of it.
    Lower,
    /// More of it.
    Higher,
    /// It is part of the question.
    Neither,
}

/// A figure of one variant.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Its name.
    pub name: String,
    /// What it is, with its own interval.
    pub value: Estimate,
    /// What it is in each world or replication.
    pub samples: Vec<f64>,
    /// What its interval is of.
    pub kind: Kind,
}

const REQUIRED: [&str; 8] = [
    "required.servers",
    "required.spare",
    "required.balancers",
    "required.broker_nodes",
    "required.backend_nodes",
    "required.log_nodes",
    "required.warm_log_nodes",
    "required.origins",
];
const LOAD: [&str; 17] = [
    "load.users",
    "load.connections",
    "load.messages_in_per_second",
    "load.messages_out_per_second",
    "load.ingress_bytes_per_second",
    "load.egress_bytes_per_second",
    "load.ingress_wire_bytes_per_second",
    "load.egress_wire_bytes_per_second",
    "load.packets_per_second",
    "load.heartbeats_per_second",
    "load.log_bytes_per_hour",
    "load.peak_to_mean",
    "load.published_per_second",
    "load.copies_per_second",
    "load.backplane_bytes_per_second",
    "load.static_bytes_per_second",
    "load.origin_bytes_per_second",
];
const SIMULATED: [&str; 9] = [
    "latency_seconds.mean",
    "latency_seconds.p50",
    "latency_seconds.p90",
    "latency_seconds.p95",
    "latency_seconds.p99",
    "latency_seconds.p999",
    "dropped_share",
    "messages_out_per_second",
    "busy.server.cpu",
];
/// Servers as there are: those required, or the fixed number that the scenario gives.
const FLEET: &str = "fleet.servers";
/// What the machines of a catalogue cost, of as many as are required.
pub const PRICE: &str = "price_per_hour";
const BOTTLENECK: [&str; 2] = ["bottleneck.utilisation", "bottleneck.users_at_target"];

/// All names that a figure can have.
pub fn names() -> Vec<String> {
    let fixed = REQUIRED.iter().chain(&[FLEET, PRICE]).chain(&BOTTLENECK).chain(&LOAD).chain(&SIMULATED);
    let resources = ResourceKind::EVERY.iter().map(|kind| format!("utilisation.{}", kind.name()));
    fixed.map(|name| (*name).to_owned()).chain(resources).collect()
}

/// What a figure is of.
pub fn quantity(name: &str) -> Quantity {
    match name {
        "dropped_share" | "bottleneck.utilisation" => Quantity::Ratio,
        "load.log_bytes_per_hour" => Quantity::Bytes,
        _ if name.starts_with("utilisation.") || name.starts_with("busy.") => Quantity::Ratio,
        _ if name.starts_with("latency_seconds.") => Quantity::Time,
        _ if name.ends_with("bytes_per_second") => Quantity::ByteRate,
        _ if name.ends_with("_per_second") => Quantity::Rate,
        _ => Quantity::Count,
    }
}

/// Which way a figure is better.
pub fn better(name: &str) -> Better {
    match name {
        "bottleneck.users_at_target" => Better::Higher,
        "load.users" | "load.connections" | "load.peak_to_mean" | "load.published_per_second" => Better::Neither,
        _ if name.contains("messages_") || name.contains("heartbeats") => Better::Neither,
        _ => Better::Lower,
    }
}

/// The figures of the closed form in one world.
pub fn closed(scenario: &Scenario, model: &Model, required: &Required) -> Vec<(String, f64)> {
    let fleet = &required.fleet;
    let units = [
        fleet.servers,
        required.spare,
        fleet.balancers,
        fleet.broker_nodes,
        fleet.backend_nodes,
        fleet.log_nodes,
        fleet.warm_log_nodes,
        fleet.origins,
    ];
    let mut out: Vec<(String, f64)> =
        REQUIRED.iter().zip(units).map(|(name, units)| ((*name).to_owned(), units as f64)).collect();
    out.push((FLEET.to_owned(), model.fleet.servers as f64));
    let order = model.saturation_order();
    if let Some(first) = order.first() {
        out.push((BOTTLENECK[0].to_owned(), first.utilisation));
        out.extend(first.users_at_target.map(|users| (BOTTLENECK[1].to_owned(), users)));
    }
    out.extend(load_figures(scenario, model).into_iter().map(|(name, figure)| (format!("load.{name}"), figure)));
    out.extend(order.iter().map(|resource| (format!("utilisation.{}", resource.kind.name()), resource.utilisation)));
    out
}

/// The figures of a run.
pub fn simulated(metrics: &RunMetrics) -> Vec<(&'static str, Estimate)> {
    let mut out = Vec::new();
    if let Some(latency) = metrics.latency {
        let all = [latency.mean, latency.p50, latency.p90, latency.p95, latency.p99, latency.p999];
        out.extend(SIMULATED.into_iter().zip(all));
    }
    out.push(("dropped_share", metrics.undelivered_share()));
    out.push(("messages_out_per_second", metrics.flows.messages_out));
    let cpu = metrics.stations.iter().find(|station| station.name == "server.cpu");
    out.extend(cpu.map(|cpu| ("busy.server.cpu", cpu.busy)));
    out
}
