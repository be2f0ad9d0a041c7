//! The balancer tier: what passes through its nodes, and how many that takes.

use super::imbalance;
use super::load::Load;
use super::resource::{Resource, ResourceKind, retries_per_second, units_required};
use crate::scenario::{Arrivals, BatchSize, Scenario};

/// Cuts a second of one connection by an idle timeout τ, in seconds, where its messages come at random at rate r: it is
/// cut when τ passes without one. Of independent exponential gaps the first to be longer than τ ends it, so the mean time
/// between cuts is (e^(rτ) − 1)/r, and the rate is its inverse, r·e^(−rτ)/(1 − e^(−rτ)); 1/τ for r → 0.
///
/// ```
/// # use plimsoll::model::balancer::cuts_per_second;
/// // A message every 30 s against 60 s: (e² − 1)·30 s = 191.7 s.
/// assert!((1.0 / cuts_per_second(1.0 / 30.0, 60.0) - 191.67).abs() < 0.01);
/// ```
pub fn cuts_per_second(rate: f64, timeout: f64) -> f64 {
    if rate * timeout < 1e-9 { 1.0 / timeout } else { rate / (rate * timeout).exp_m1() }
}

/// How a connection falls silent for longer than the idle timeout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Silence {
    /// Messages come at random.
    Poisson {
        /// Messages (or batches) a second.
        rate: f64,
        /// The timeout, in seconds.
        timeout: f64,
    },
    /// Periodic messages, further apart than the timeout: it passes before the first.
    Always {
        /// The timeout, in seconds.
        timeout: f64,
    },
}

/// How connections of this scenario fall silent; `None` where they never do: there is no timeout, or heartbeats or
/// periodic messages come at least as often. Heartbeats that are rarer are taken to keep nothing open.
pub fn silence(scenario: &Scenario) -> Option<Silence> {
    let timeout = scenario.balancer.idle_timeout?.get();
    let workload = &scenario.workload;
    if workload.heartbeat.is_some_and(|every| every.get() <= timeout) {
        return None;
    }
    let rate = workload.message_rate.get() / workload.connections_per_user as f64;
    let poisson = |rate: f64| Some(Silence::Poisson { rate, timeout });
    match &workload.arrivals {
        Arrivals::Periodic if 1.0 / rate <= timeout => None,
        Arrivals::Periodic => Some(Silence::Always { timeout }),
        // Of users who are busy at times, and of those whose times come from a file, on average.
        Arrivals::Poisson | Arrivals::Mmpp { .. } | Arrivals::Trace { .. } => poisson(rate),
        Arrivals::Batch(BatchSize::Fixed(size)) => poisson(rate / *size as f64),
        Arrivals::Batch(BatchSize::Geometric(mean)) => poisson(rate / mean),
    }
}

/// Cuts a second of all connections.
pub fn idle_cuts_per_second(scenario: &Scenario) -> f64 {
    let connections = scenario.users as f64 * scenario.workload.connections_per_user as f64;
    match silence(scenario) {
        None => 0.0,
        Some(Silence::Poisson { rate, timeout }) => connections * cuts_per_second(rate, timeout),
        Some(Silence::Always { timeout }) => connections / timeout,
    }
}

/// The resources of the tier, but for the ports, which depend on two tiers.
pub(super) fn kinds(scenario: &Scenario) -> Vec<ResourceKind> {
    let balancer = &scenario.balancer;
    let mut kinds = vec![ResourceKind::BalancerConnections];
    kinds.extend(balancer.network.map(|_| ResourceKind::BalancerNetwork));
    kinds.extend(balancer.handshakes.map(|_| ResourceKind::BalancerHandshakes));
    kinds.extend(balancer.conntrack.map(|_| ResourceKind::BalancerConntrack));
    kinds
}

/// Nodes that the load takes, with so many servers behind them; 0 where they aren't planned.
pub(super) fn nodes_required(scenario: &Scenario, load: &Load, servers: u64) -> u64 {
    if !scenario.balancer.planned {
        return 0;
    }
    let nodes = kinds(scenario)
        .into_iter()
        .map(|kind| units_required(demand(kind, scenario, load), kind.planned_capacity(scenario)));
    nodes.max().unwrap_or(1).max(ports(scenario, load, servers, 1).units_required)
}

/// What is asked of the balancer's nodes; connections, handshakes and bytes per second.
pub(super) fn demand(kind: ResourceKind, scenario: &Scenario, load: &Load) -> f64 {
    match kind {
        // What comes from users goes on to servers, and the other way round: each direction of a card carries both.
        ResourceKind::BalancerNetwork => load.ingress_wire_bytes_per_second + load.egress_wire_bytes_per_second,
        ResourceKind::BalancerHandshakes => {
            let retries = scenario.servers.count.map_or(0.0, |n| retries_per_second(scenario, load, n as f64));
            load.connects_per_second + retries
        }
        _ => load.connections,
    }
}

/// What one node gives; `None` where there is no limit.
pub(super) fn capacity(kind: ResourceKind, scenario: &Scenario) -> Option<f64> {
    let balancer = &scenario.balancer;
    match kind {
        ResourceKind::BalancerNetwork => balancer.network.map(|line| line.bytes_per_second().get()),
        ResourceKind::BalancerHandshakes => balancer.handshakes.map(crate::units::Rate::get),
        ResourceKind::BalancerPorts => Some(balancer.ports as f64),
        ResourceKind::BalancerConntrack => balancer.conntrack.map(|entries| entries as f64),
        _ => Some(balancer.connections as f64),
    }
}

/// Ports between the balancer's nodes and one server: each connection of the fullest server takes one of some node's.
pub(super) fn ports(scenario: &Scenario, load: &Load, servers: u64, nodes: u64) -> Resource {
    let kind = ResourceKind::BalancerPorts;
    let demand = load.connections / servers as f64 * imbalance(scenario, load.connections, servers);
    let (capacity, planned) = (kind.capacity(scenario), kind.planned_capacity(scenario));
    // In proportion to the users, but for an uneven spread, which evens out a little as they grow.
    let at = |level: f64| (demand > 0.0).then(|| load.users * level * nodes as f64 / demand);
    Resource {
        kind,
        demand,
        capacity,
        planned,
        units: nodes,
        units_required: units_required(demand, planned),
        utilisation: capacity.map_or(0.0, |all| demand / (all * nodes as f64)),
        users_at_target: at(planned),
        users_at_limit: capacity.and_then(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    /// Against drawing the gaps of a connection one by one.
    #[test]
    fn connections_are_cut_as_often_as_gaps_are_long() {
        let mut stream = Stream::named(1, 0, 0, Purpose::Connections);
        for (rate, timeout) in [(0.5, 1.0), (0.03, 60.0), (1.0, 3.0)] {
            let (mut time, mut cuts) = (0.0, 0.0);
            for _ in 0..400_000 {
                let gap = stream.exp1() / rate;
                if gap > timeout {
                    // It opens again at once, with a gap of its own.
                    time += timeout;
                    cuts += 1.0;
                } else {
                    time += gap;
                }
            }
            let expected = cuts_per_second(rate, timeout);
            assert!((cuts / time / expected - 1.0).abs() < 0.02, "{rate} {timeout}: {} {expected}", cuts / time);
        }
        assert!((cuts_per_second(1e-15, 60.0) - 1.0 / 60.0).abs() < 1e-9);
    }
}
