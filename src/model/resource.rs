//! Each resource: what is asked of it, what one unit gives, how full it is, how many units that takes, and at how many
//! users it gives way.

use super::backend::{backend_cores, lookup_cpu_seconds};
use super::broker::{BrokerDemand, broker_demand};
use super::compression::{cpu_seconds_per_kb, delivery_cpu_seconds_per_kb};
use super::fanout::{Reach, Spread};
use super::slow::{self, SlowForm};
use super::{Fleet, Load, balancer, imbalance, shard_imbalance, storage};
use crate::scenario::{Failures, Reconnect, Scenario};

/// Which tier a resource belongs to: what one adds to have more of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Servers.
    Server,
    /// Nodes of the balancer.
    Balancer,
    /// Nodes of the broker.
    Broker,
    /// Nodes of the backend that messages read from.
    Backend,
    /// Nodes of the log store; where it has tiers, of the hot one.
    LogStore,
    /// Nodes of the log store's warm tier.
    WarmLogStore,
    /// Origins, which serve the static files that the CDN has not.
    Origin,
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
    /// Cores of the broker's nodes.
    BrokerCpu,
    /// Network cards of the broker's nodes, receiving.
    BrokerNicIn,
    /// Network cards of the broker's nodes, sending.
    BrokerNicOut,
    /// Write bandwidth of the broker's disks.
    BrokerDisk,
    /// Partitions that the broker's nodes can have.
    BrokerPartitions,
    /// Cores of the backend's nodes.
    BackendCpu,
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
    /// Room on the disks of its warm tier.
    LogWarmCapacity,
    /// Packets in and out of the servers.
    Packets,
    /// File descriptors of the servers.
    Descriptors,
    /// Network cards of the origins, sending.
    OriginNicOut,
}

/// Descriptors that a server keeps for itself: files, logs, listeners.
pub const OWN_DESCRIPTORS: u64 = 64;

impl ResourceKind {
    /// All kinds.
    pub const EVERY: [Self; 23] = [
        Self::Connections,
        Self::Memory,
        Self::Cpu,
        Self::NicIn,
        Self::NicOut,
        Self::BrokerCpu,
        Self::BrokerNicIn,
        Self::BrokerNicOut,
        Self::BrokerDisk,
        Self::BrokerPartitions,
        Self::BackendCpu,
        Self::Accepts,
        Self::BalancerConnections,
        Self::BalancerNetwork,
        Self::BalancerHandshakes,
        Self::BalancerPorts,
        Self::BalancerConntrack,
        Self::LogWrite,
        Self::LogCapacity,
        Self::LogWarmCapacity,
        Self::Packets,
        Self::Descriptors,
        Self::OriginNicOut,
    ];

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
        all.extend(scenario.servers.packets.map(|_| Self::Packets));
        all.extend(scenario.servers.descriptors.map(|_| Self::Descriptors));
        if let Some(broker) = scenario.broker.as_ref().filter(|_| scenario.workload.fan_out.crosses()) {
            all.push(Self::BrokerCpu);
            if broker.network.is_some() {
                all.extend([Self::BrokerNicIn, Self::BrokerNicOut]);
            }
            if broker.disk_write.is_some() {
                all.push(Self::BrokerDisk);
            }
            if broker.partitions_per_node.is_some() {
                all.push(Self::BrokerPartitions);
            }
        }
        all.extend(scenario.backend.as_ref().map(|_| Self::BackendCpu));
        if let Some(logs) = scenario.logs {
            all.extend([Self::LogWrite, Self::LogCapacity]);
            all.extend(logs.warm.map(|_| Self::LogWarmCapacity));
        }
        all.extend(scenario.cdn.map(|_| Self::OriginNicOut));
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
            Self::BrokerCpu => "broker.cpu",
            Self::BrokerNicIn => "broker.nic_in",
            Self::BrokerNicOut => "broker.nic_out",
            Self::BrokerDisk => "broker.disk",
            Self::BrokerPartitions => "broker.partitions",
            Self::BackendCpu => "backend.cpu",
            Self::Accepts => "server.accepts",
            Self::BalancerConnections => "balancer.connections",
            Self::BalancerNetwork => "balancer.network",
            Self::BalancerHandshakes => "balancer.handshakes",
            Self::BalancerPorts => "balancer.ports",
            Self::BalancerConntrack => "balancer.conntrack",
            Self::LogWrite => "log_store.write",
            Self::LogCapacity => "log_store.capacity",
            Self::LogWarmCapacity => "log_store.warm_capacity",
            Self::Packets => "server.packets",
            Self::Descriptors => "server.descriptors",
            Self::OriginNicOut => "origin.nic_out",
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
            Self::LogWarmCapacity => Tier::WarmLogStore,
            Self::OriginNicOut => Tier::Origin,
            Self::BackendCpu => Tier::Backend,
            Self::BrokerCpu | Self::BrokerNicIn | Self::BrokerNicOut | Self::BrokerDisk | Self::BrokerPartitions => {
                Tier::Broker
            }
            _ => Tier::Server,
        }
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
            Self::BrokerCpu => scenario.broker.as_ref().map(|broker| f64::from(broker.cores)),
            Self::BrokerNicIn | Self::BrokerNicOut => {
                scenario.broker.as_ref().and_then(|b| b.network).map(|line| line.bytes_per_second().get())
            }
            Self::BrokerDisk => scenario.broker.as_ref().and_then(|b| b.disk_write).map(crate::units::ByteRate::get),
            Self::BrokerPartitions => {
                scenario.broker.as_ref().and_then(|b| b.partitions_per_node).map(|partitions| partitions as f64)
            }
            Self::BackendCpu => scenario.backend.as_ref().map(|backend| f64::from(backend.cores)),
            Self::Accepts => servers.accept.map(|accept| accept.rate.get()),
            Self::BalancerConnections
            | Self::BalancerNetwork
            | Self::BalancerHandshakes
            | Self::BalancerPorts
            | Self::BalancerConntrack => balancer::capacity(self, scenario),
            Self::LogWrite => scenario.logs.map(|logs| logs.disk_write.get()),
            Self::LogCapacity => scenario.logs.map(|logs| logs.disk.get()),
            Self::LogWarmCapacity => scenario.logs.and_then(|logs| logs.warm).map(|warm| warm.disk.get()),
            Self::Packets => servers.packets.map(crate::units::Rate::get),
            Self::Descriptors => servers.descriptors.map(|all| all.saturating_sub(OWN_DESCRIPTORS) as f64),
            Self::OriginNicOut => scenario.cdn.map(|cdn| cdn.origin_network.bytes_per_second().get()),
        }
    }

    /// What to plan for of one unit: the comfortable connections, all the partitions; of everything else the target share.
    pub fn planned_capacity(self, scenario: &Scenario) -> f64 {
        if self == Self::BrokerPartitions {
            return self.capacity(scenario).unwrap_or(f64::INFINITY);
        }
        if self == Self::Connections {
            return scenario.servers.comfortable_connections;
        }
        self.capacity(scenario).map_or(f64::INFINITY, |all| all * scenario.servers.target_utilisation.get())
    }
}

/// What is asked of the resources of a fleet, by any load: what depends on the fleet alone is worked out once.
#[derive(Debug, Clone, Copy)]
pub struct Demand<'a> {
    scenario: &'a Scenario,
    fleet: Fleet,
    reach: Reach<'a>,
    /// How much more than the mean a server of the fullest shard gets.
    fullest_shard: f64,
}

impl<'a> Demand<'a> {
    /// On this fleet.
    pub fn on(scenario: &'a Scenario, fleet: &Fleet) -> Self {
        Self {
            scenario,
            fleet: *fleet,
            reach: Reach::on(scenario, fleet.servers),
            fullest_shard: shard_imbalance(scenario, fleet.servers),
        }
    }

    /// The same on another fleet.
    #[must_use]
    pub fn moved(self, fleet: &Fleet) -> Self {
        if fleet.servers == self.fleet.servers {
            Self { fleet: *fleet, ..self }
        } else {
            let servers = fleet.servers;
            let fullest_shard = shard_imbalance(self.scenario, servers);
            Self { fleet: *fleet, reach: self.reach.moved(servers), fullest_shard, ..self }
        }
    }

    /// The fleet.
    pub const fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// The scenario.
    pub const fn scenario(&self) -> &'a Scenario {
        self.scenario
    }

    /// What the whole load asks of a resource: of the fullest unit, times their number. Connections, bytes, cores, bytes per
    /// second, partitions.
    pub fn of(&self, kind: ResourceKind, load: &Load) -> f64 {
        let (scenario, servers) = (self.scenario, self.fleet.servers);
        let even = match kind {
            ResourceKind::Connections | ResourceKind::Descriptors => load.connections,
            ResourceKind::Packets => load.packets_per_second,
            ResourceKind::OriginNicOut => load.origin_bytes_per_second,
            ResourceKind::Memory => {
                let slow = SlowForm::of(scenario, load).map_or(0.0, |form| form.memory_per_connection());
                load.connections * (scenario.servers.memory_per_connection.get() + slow)
            }
            ResourceKind::BackendCpu => backend_cores(scenario, load, servers),
            ResourceKind::Cpu => self.cpu(load),
            ResourceKind::NicIn | ResourceKind::NicOut => self.nic(load, kind == ResourceKind::NicIn),
            // Those who come again and again for want of slots are no reason for more servers: the slots are.
            ResourceKind::Accepts => load.connects_per_second,
            ResourceKind::BalancerConnections
            | ResourceKind::BalancerNetwork
            | ResourceKind::BalancerHandshakes
            | ResourceKind::BalancerPorts
            | ResourceKind::BalancerConntrack => balancer::demand(kind, scenario, load),
            ResourceKind::LogWrite => load.log_bytes_per_hour / 3_600.0 * replication(scenario),
            ResourceKind::LogCapacity => {
                let hours = scenario.logs.map_or(0.0, |logs| logs.hot.get() / 3_600.0);
                load.log_bytes_per_hour * hours * replication(scenario)
            }
            ResourceKind::LogWarmCapacity => {
                scenario.logs.and_then(|logs| logs.warm.map(|warm| storage::bytes(&logs, load, &warm))).unwrap_or(0.0)
            }
            _ => self.broker(load).of(kind, self.fleet.broker_nodes),
        };
        // Each server's cache is as large as the others'.
        let caches = match (kind, &scenario.cache) {
            (ResourceKind::Memory, Some(cache)) => cache.server_bytes() * servers as f64,
            _ => 0.0,
        };
        if kind.tier() == Tier::Server {
            even * imbalance(scenario, load.connections, servers) * self.fullest_shard + caches
        } else {
            even
        }
    }

    /// What all nodes of the broker are asked for.
    pub fn broker(&self, load: &Load) -> BrokerDemand {
        broker_demand(self.scenario, load, &self.reach.over_broker(load.connections), &self.fleet)
    }

    /// CPU load in cores: what saturates, so without wake-ups, which vanish as a server gets busy.
    fn cpu(&self, load: &Load) -> f64 {
        let cpu = &self.scenario.servers.cpu;
        let n = self.fleet.servers as f64;
        let spread = self.reach.spread(load.connections);
        let fan_out = fan_out_cpu_seconds(self.scenario, load, &spread) * spread.hot_server;
        load.messages_in_per_second * (message_cpu_seconds(self.scenario, load, n) + fan_out)
            + load.heartbeats_per_second * cpu.per_heartbeat.mean()
            + (load.connects_per_second + retries_per_second(self.scenario, load, n))
                * connect_cpu_seconds(self.scenario)
    }

    /// Bytes a second through the servers' network cards: users' traffic and the broker's.
    fn nic(&self, load: &Load, inwards: bool) -> f64 {
        let users = if inwards { load.ingress_wire_bytes_per_second } else { load.egress_wire_bytes_per_second };
        let spread = self.reach.spread(load.connections);
        if spread.copies == 0.0 {
            return users;
        }
        let copies = if inwards { spread.copies } else { spread.publishes };
        let backplane = copies * load.backplane_bytes * load.messages_in_per_second;
        // Only what is delivered is uneven for hot rooms.
        let delivered =
            if inwards { backplane } else { load.messages_out_per_second * load.delivery_wire.egress.bytes };
        users + backplane + delivered * (spread.hot_server - 1.0)
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
    /// This resource, of a fleet and under a load.
    pub fn of(demands: &Demand, load: &Load, kind: ResourceKind) -> Self {
        let scenario = demands.scenario;
        let units = demands.fleet.units(kind.tier());
        let demand = demands.of(kind, load);
        let capacity = kind.capacity(scenario);
        let planned = kind.planned_capacity(scenario);
        let full = if kind == ResourceKind::Connections { planned } else { capacity.unwrap_or(f64::INFINITY) };
        let twice = demands.of(kind, &load.scaled(2.0));
        let mut growth = Growth::of((load.users, demand), (2.0 * load.users, twice));
        let mut at = |level: f64| {
            let growth = growth.as_mut()?;
            growth.users_at(level * units as f64, |users| demands.of(kind, &load.scaled(users / load.users)))
        };
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

/// How a demand grows with the users, when the number of units stays.
#[derive(Debug, Clone, Copy)]
struct Growth {
    /// Users, and the demand of so many.
    known: (f64, f64),
    /// The power of the users that it is in proportion to about there.
    power: f64,
}

impl Growth {
    /// By the demand of two numbers of users. `None` for what does not grow with them (partitions) and so never gives way to
    /// them.
    fn of(one: (f64, f64), more: (f64, f64)) -> Option<Self> {
        let grows = one.1 > 0.0 && more.1 > one.1 * (1.0 + 1e-9);
        grows.then(|| Self { known: one, power: power(one, more) })
    }

    /// The users at which a level is reached; `None` for never. Found from what is known, which it then adds to.
    ///
    /// Most demands are a power of the users, or nearly: the secant of their logarithms is then exact, or closes in quickly.
    /// What jumps or bends (the cache, who is left out and knocks again) is kept between the ends known so far.
    fn users_at(&mut self, level: f64, demand_at: impl Fn(f64) -> f64) -> Option<f64> {
        if !level.is_finite() {
            return None;
        }
        let (mut below, mut above) = (0.0_f64, f64::INFINITY);
        let mut users = self.known.0 * (level / self.known.1).powf(1.0 / self.power);
        for _ in 0..60 {
            let demand = demand_at(users);
            let off = level / demand;
            if (off - 1.0).abs() < 1e-12 || !users.is_finite() {
                break;
            }
            (below, above) = if off > 1.0 { (below.max(users), above) } else { (below, above.min(users)) };
            // Two equal logarithms have no secant.
            if (users / self.known.0 - 1.0).abs() > 1e-15 {
                self.power = power(self.known, (users, demand));
            }
            self.known = (users, demand);
            users *= off.powf(1.0 / self.power);
            // Each step of the secant has 1.6 times the right digits of the one before: of seven, eleven.
            if (off - 1.0).abs() < 1e-7 {
                break;
            }
            if users <= below || users >= above {
                let between = below > 0.0 && above.is_finite();
                users = if between { (below * above).sqrt() } else { self.known.0 * off };
            }
        }
        users.is_finite().then_some(users)
    }
}

/// The slope between two points on logarithmic axes.
fn power(from: (f64, f64), to: (f64, f64)) -> f64 {
    ((to.1 / from.1).ln() / (to.0 / from.0).ln()).clamp(0.2, 100.0)
}

/// CPU seconds, of all servers together, for handing one message to its recipients: publishes, copies and deliveries.
pub fn fan_out_cpu_seconds(scenario: &Scenario, load: &Load, spread: &Spread) -> f64 {
    let cpu = &scenario.servers.cpu;
    spread.publishes * cpu.per_publish.mean()
        + spread.copies * cpu.per_receive.mean()
        + spread.deliveries
            * (cpu.per_delivery.mean() + delivery_cpu_seconds_per_kb(scenario) * load.message_bytes / 1_000.0)
}

/// What a TLS handshake that resumes a session costs, as a share of a full one.
pub const RESUMED_SHARE: f64 = 0.2;

/// CPU seconds of one connection attempt: the upgrade and, with TLS, the handshake, of which some may resume a session.
pub fn connect_cpu_seconds(scenario: &Scenario) -> f64 {
    let handshake = scenario
        .protocol
        .tls
        .map_or(0.0, |tls| tls.handshake_cpu.get() * (1.0 - tls.resumption.get() * (1.0 - RESUMED_SHARE)));
    scenario.servers.cpu.per_connect.mean() + handshake
}

/// CPU seconds of one message, wake-up left out: per message + per KB × KB + per miss × share of misses, where a KB costs
/// what compressing it costs, too.
pub fn message_cpu_seconds(scenario: &Scenario, load: &Load, servers: f64) -> f64 {
    let cpu = &scenario.servers.cpu;
    cpu.per_message.mean()
        + cpu.program_seconds()
        + (cpu.per_kb.mean() + cpu_seconds_per_kb(scenario)) * load.message_bytes / 1_000.0
        + cpu.per_cache_miss.mean() * cache_miss_share(scenario, load.connections / servers)
        + lookup_cpu_seconds(scenario)
}

/// Share of the messages whose connection's state is not in the cache of its server: with C connections that are equally
/// likely to be next and room for K, 1 − K/C (the independent reference model: the K most recent are any K of C).
pub fn cache_miss_share(scenario: &Scenario, connections_per_server: f64) -> f64 {
    let servers = &scenario.servers;
    let cached = servers.cpu.cached_connections.unwrap_or(servers.comfortable_connections);
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

/// Connections a server takes: its limit, or what its memory holds, or the descriptors it has left.
pub fn slots_per_server(scenario: &Scenario) -> Option<u64> {
    let servers = &scenario.servers;
    let each = servers.memory_per_connection.get() + slow::memory_per_connection(scenario);
    let cache = scenario.cache.as_ref().map_or(0.0, crate::scenario::Cache::server_bytes);
    let by_memory = (each > 0.0).then(|| ((servers.memory.get() - cache) / each) as u64);
    let by_descriptors = servers.descriptors.map(|all| all.saturating_sub(OWN_DESCRIPTORS));
    [servers.connection_limit, by_memory, by_descriptors].into_iter().flatten().min()
}

fn replication(scenario: &Scenario) -> f64 {
    scenario.logs.map_or(1.0, |logs| logs.replication as f64)
}
