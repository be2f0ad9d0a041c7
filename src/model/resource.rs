//! Each resource: what is asked of it, what one unit gives, how full it is, how many units that takes, and at how many
//! users it gives way.

use super::{Load, balancer, imbalance};
use crate::scenario::{Failures, Reconnect, Scenario};

/// Which tier a resource belongs to: what one adds to have more of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Servers.
    Server,
    /// Nodes of the balancer.
    Balancer,
    /// Nodes of the log store.
    LogStore,
}

/// A resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceKind {
    /// Connection slots of the servers.
    Connections,
    /// Memory of the servers.
    Memory,
    /// Cores of the servers.
    Cpu,
    /// Network cards of the servers, receiving.
    NicIn,
    /// Network cards of the servers, sending.
    NicOut,
    /// Handshakes that the servers complete.
    Accepts,
    /// Connections that pass through the balancer.
    BalancerConnections,
    /// Network cards of the balancer, each way.
    BalancerNetwork,
    /// Connection attempts at the balancer.
    BalancerHandshakes,
    /// Ports between the balancer and the fullest server.
    BalancerPorts,
    /// Connection tables of the balancer.
    BalancerConntrack,
    /// Write bandwidth of the log store's disks.
    LogWrite,
    /// Room on the log store's disks.
    LogCapacity,
}

impl ResourceKind {
    /// The resources that this scenario has (an unlimited one is none), but for the balancer's ports, which depend on two
    /// tiers.
    pub fn all(scenario: &Scenario) -> Vec<Self> {
        let mut all = vec![Self::Connections, Self::Memory, Self::Cpu];
        if scenario.servers.network.is_some() {
            all.extend([Self::NicIn, Self::NicOut]);
        }
        if scenario.servers.accept.is_some() {
            all.push(Self::Accepts);
        }
        if scenario.balancer.planned {
            all.extend(balancer::kinds(scenario));
        }
        if scenario.logs.is_some() {
            all.extend([Self::LogWrite, Self::LogCapacity]);
        }
        all
    }

    /// Its name in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connections => "server.connections",
            Self::Memory => "server.memory",
            Self::Cpu => "server.cpu",
            Self::NicIn => "server.nic_in",
            Self::NicOut => "server.nic_out",
            Self::Accepts => "server.accepts",
            Self::BalancerConnections => "balancer.connections",
            Self::BalancerNetwork => "balancer.network",
            Self::BalancerHandshakes => "balancer.handshakes",
            Self::BalancerPorts => "balancer.ports",
            Self::BalancerConntrack => "balancer.conntrack",
            Self::LogWrite => "log_store.write",
            Self::LogCapacity => "log_store.capacity",
        }
    }

    /// What one adds to have more of it.
    pub const fn tier(self) -> Tier {
        match self {
            Self::BalancerConnections
            | Self::BalancerNetwork
            | Self::BalancerHandshakes
            | Self::BalancerPorts
            | Self::BalancerConntrack => Tier::Balancer,
            Self::LogWrite | Self::LogCapacity => Tier::LogStore,
            _ => Tier::Server,
        }
    }

    /// What the whole load asks of it, when `units` servers share it: of the fullest of them, times their number.
    /// Connections, bytes, cores, bytes per second.
    pub fn demand(self, scenario: &Scenario, load: &Load, units: u64) -> f64 {
        let uneven = if self.tier() == Tier::Server { imbalance(scenario, load.connections, units) } else { 1.0 };
        let even = match self {
            Self::Connections => load.connections,
            Self::Memory => load.connections * scenario.servers.memory_per_connection.get(),
            Self::Cpu => cpu_load(scenario, load, units as f64),
            Self::NicIn => load.ingress_wire_bytes_per_second,
            Self::NicOut => load.egress_wire_bytes_per_second,
            // Those who come again and again for want of slots are no reason for more servers: the slots are.
            Self::Accepts => load.connects_per_second,
            Self::BalancerConnections
            | Self::BalancerNetwork
            | Self::BalancerHandshakes
            | Self::BalancerPorts
            | Self::BalancerConntrack => balancer::demand(self, scenario, load),
            Self::LogWrite => load.log_bytes_per_hour / 3_600.0 * replication(scenario),
            Self::LogCapacity => {
                let hours = scenario.logs.map_or(0.0, |logs| logs.retention.get() / 3_600.0);
                load.log_bytes_per_hour * hours * replication(scenario)
            }
        };
        even * uneven
    }

    /// What one unit gives at the most; `None` where there is no limit.
    pub fn capacity(self, scenario: &Scenario) -> Option<f64> {
        let servers = &scenario.servers;
        match self {
            Self::Connections => servers.connection_limit.map(|limit| limit as f64),
            Self::Memory => Some(servers.memory.get()),
            // What breakdowns leave of them.
            Self::Cpu => Some(f64::from(servers.cores) * servers.failures.as_ref().map_or(1.0, Failures::availability)),
            Self::NicIn | Self::NicOut => servers.network.map(|line| line.bytes_per_second().get()),
            Self::Accepts => servers.accept.map(|accept| accept.rate.get()),
            Self::BalancerConnections
            | Self::BalancerNetwork
            | Self::BalancerHandshakes
            | Self::BalancerPorts
            | Self::BalancerConntrack => balancer::capacity(self, scenario),
            Self::LogWrite => scenario.logs.map(|logs| logs.disk_write.get()),
            Self::LogCapacity => scenario.logs.map(|logs| logs.disk.get()),
        }
    }

    /// What to plan for of one unit: the comfortable connections; of everything else the target share.
    pub fn planned_capacity(self, scenario: &Scenario) -> f64 {
        if self == Self::Connections {
            return scenario.servers.comfortable_connections;
        }
        self.capacity(scenario).map_or(f64::INFINITY, |all| all * scenario.servers.target_utilisation.get())
    }
}

/// A resource under the load of one world.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resource {
    /// Which.
    pub kind: ResourceKind,
    /// What the load asks of all units: connections, bytes, cores, bytes per second.
    pub demand: f64,
    /// What one unit gives at the most; `None` for no limit.
    pub capacity: Option<f64>,
    /// What to plan for of one unit.
    pub planned: f64,
    /// Units there are.
    pub units: u64,
    /// Units that the plan takes.
    pub units_required: u64,
    /// Demand over what the units give (of connection slots: over the comfortable ones).
    pub utilisation: f64,
    /// Users at which the plan is reached; `None` for never.
    pub users_at_target: Option<f64>,
    /// Users at which the limit is reached; `None` for never.
    pub users_at_limit: Option<f64>,
}

impl Resource {
    /// This resource, of which there are so many units.
    pub fn of(scenario: &Scenario, load: &Load, kind: ResourceKind, units: u64) -> Self {
        let demand = kind.demand(scenario, load, units);
        let capacity = kind.capacity(scenario);
        let planned = kind.planned_capacity(scenario);
        let full = if kind == ResourceKind::Connections { planned } else { capacity.unwrap_or(f64::INFINITY) };
        let at = |level: f64| users_at(scenario, load, kind, units, level * units as f64);
        Self {
            kind,
            demand,
            capacity,
            planned,
            units,
            units_required: units_required(demand, planned),
            utilisation: demand / (full * units as f64),
            users_at_target: at(planned),
            users_at_limit: capacity.and_then(at),
        }
    }
}

/// ⌈demand / planned⌉, at least 1. What rounding adds to an exact quotient must not cost a unit.
pub fn units_required(demand: f64, planned: f64) -> u64 {
    ((demand / planned) * (1.0 - 1e-12)).ceil().max(1.0) as u64
}

/// The users at which this demand is reached, when the number of units stays; `None` for never.
fn users_at(scenario: &Scenario, load: &Load, kind: ResourceKind, units: u64, level: f64) -> Option<f64> {
    let demand_at = |users: f64| kind.demand(scenario, &load.scaled(users / load.users), units);
    let first = demand_at(load.users);
    if first <= 0.0 || !level.is_finite() {
        return None;
    }
    // Most demands are proportional to the users: then one step is exact. Those that are not grow a little faster (the
    // cache) or slower (the spread), so the secant closes in quickly.
    let mut users = load.users * level / first;
    for _ in 0..60 {
        let demand = demand_at(users);
        let off = level / demand;
        if (off - 1.0).abs() < 1e-12 {
            break;
        }
        users *= off;
    }
    users.is_finite().then_some(users)
}

/// CPU load in cores: what saturates, so without wake-ups, which vanish as a server gets busy.
fn cpu_load(scenario: &Scenario, load: &Load, servers: f64) -> f64 {
    let cpu = &scenario.servers.cpu;
    load.messages_in_per_second * message_cpu_seconds(scenario, load, servers)
        + load.heartbeats_per_second * cpu.per_heartbeat.mean()
        + (load.connects_per_second + retries_per_second(scenario, load, servers)) * cpu.per_connect.mean()
}

/// CPU seconds of one message, wake-up left out: per message + per KB × KB + per miss × share of misses.
pub fn message_cpu_seconds(scenario: &Scenario, load: &Load, servers: f64) -> f64 {
    let cpu = &scenario.servers.cpu;
    cpu.per_message.mean()
        + cpu.per_kb.mean() * load.message_bytes / 1_000.0
        + cpu.per_cache_miss.mean() * cache_miss_share(scenario, load.connections / servers)
}

/// Share of the messages whose connection's state is not in the cache of its server: with C connections that are equally
/// likely to be next and room for K, 1 − K/C (the independent reference model: the K most recent are any K of C).
pub fn cache_miss_share(scenario: &Scenario, connections_per_server: f64) -> f64 {
    let cached = scenario.servers.comfortable_connections;
    if connections_per_server <= cached { 0.0 } else { 1.0 - cached / connections_per_server }
}

/// Attempts per second of those who find no slot, where all slots are taken for good: each tries again after its longest
/// delay (half of it on average, with jitter) and a round trip.
pub fn retries_per_second(scenario: &Scenario, load: &Load, servers: f64) -> f64 {
    let Some(Reconnect { backoff, jitter }) = scenario.workload.reconnect else { return 0.0 };
    let workload = &scenario.workload;
    let slots = slots_per_server(scenario).map_or(f64::INFINITY, |slots| slots as f64 * servers);
    if workload.session.is_some() || load.connections <= slots {
        return 0.0;
    }
    let longest = backoff.longest().get();
    let delay = longest * if jitter { 0.5 } else { 1.0 };
    let round_trip = (2.0 * scenario.latency.client.mean()).max(crate::scenario::SHORTEST_ROUND_TRIP_SECONDS);
    (load.connections - slots) / (delay + round_trip)
}

/// Connections a server takes: its limit, or what its memory holds.
pub fn slots_per_server(scenario: &Scenario) -> Option<u64> {
    let servers = &scenario.servers;
    let each = servers.memory_per_connection.get();
    let by_memory = (each > 0.0).then(|| (servers.memory.get() / each) as u64);
    match (servers.connection_limit, by_memory) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn replication(scenario: &Scenario) -> f64 {
    scenario.logs.map_or(1.0, |logs| logs.replication as f64)
}
