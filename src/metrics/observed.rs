//! What can be seen of a running system from outside: the figures that a live run and a simulation have in common, so
//! that they can be held against each other one by one.

use super::{LatencyMetrics, RunMetrics};
use crate::model::Model;
use crate::scenario::Scenario;
use crate::stats::Estimate;

/// What was seen of a system over some time. What was not measured is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Observation {
    /// How long it was looked at, in seconds.
    pub seconds: f64,
    /// Connections open, on average.
    pub connections: Option<Estimate>,
    /// Messages that users published (or would have, had the driver been in time), a second.
    pub offered_per_second: Option<Estimate>,
    /// Messages that the servers took in and were done with, a second.
    pub messages_in_per_second: Option<Estimate>,
    /// Messages delivered to users, a second.
    pub messages_out_per_second: Option<Estimate>,
    /// From the intended publish to the recipient.
    pub latency: Option<LatencyMetrics>,
    /// Time that the servers' cores were at work, wake-ups included, as a share of all their cores.
    pub cpu_busy: Option<Estimate>,
    /// Memory of the server program for each open connection, in bytes: without what it takes when nobody is connected.
    pub memory_per_connection_bytes: Option<Estimate>,
    /// Bytes on the wire a second, both ways together, headers and acknowledgements included.
    pub wire_bytes_per_second: Option<Estimate>,
    /// Log bytes an hour, after compression and before replication.
    pub log_bytes_per_hour: Option<Estimate>,
    /// Connection attempts refused, in the whole run.
    pub refused_connections: Option<Estimate>,
    /// Messages that reached nobody, as a share of those published.
    pub dropped_share: Option<Estimate>,
}

impl Observation {
    /// What a simulation shows of it. The wire is the closed form's bytes for each message, delivery and heartbeat, times
    /// how many of each the simulation saw.
    pub fn of_simulation(metrics: &RunMetrics, scenario: &Scenario, model: &Model) -> Self {
        let (flows, load) = (&metrics.flows, &model.load);
        let both = |exchange: crate::model::wire::Exchange| exchange.ingress.bytes + exchange.egress.bytes;
        let rates = [
            (flows.messages_in, both(load.message_wire)),
            (flows.messages_out, both(load.delivery_wire)),
            (flows.heartbeats, both(load.heartbeat_wire)),
        ];
        let sum = |pick: fn(&Estimate) -> f64| rates.iter().map(|(rate, bytes)| pick(rate) * bytes).sum();
        let wire = Estimate { value: sum(|rate| rate.value), low: sum(|rate| rate.low), high: sum(|rate| rate.high) };
        Self {
            seconds: metrics.setup.duration_seconds - metrics.setup.warm_up_seconds,
            connections: Some(metrics.connections.open),
            offered_per_second: Some(flows.messages_in),
            messages_in_per_second: Some(flows.messages_in),
            messages_out_per_second: Some(flows.messages_out),
            latency: metrics.latency,
            cpu_busy: metrics.stations.iter().find(|station| station.name == "server.cpu").map(|station| station.busy),
            memory_per_connection_bytes: Some(Estimate::exact(scenario.servers.memory_per_connection.get())),
            wire_bytes_per_second: Some(wire),
            log_bytes_per_hour: scenario.logs.as_ref().map(|_| flows.log_bytes_per_hour),
            refused_connections: Some(metrics.connections.refused),
            dropped_share: Some(metrics.dropped_share),
        }
    }
}
