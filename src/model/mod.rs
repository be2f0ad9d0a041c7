//! The closed form: a scenario's load, the demand it puts on every resource, and the servers that takes.
//!
//! [`Model::of`] computes it for one world in some microseconds. Nothing here is random and nothing is simulated.

pub mod autoscaler;
pub mod backend;
pub mod balancer;
pub mod broker;
pub mod compression;
pub mod fanout;
pub mod latency;
pub mod load;
pub mod resource;
pub mod slow;
pub mod storage;
pub mod wire;

use crate::scenario::{Policy, Scenario};
pub use backend::Reads;
pub use fanout::Spread;
pub use load::Load;
pub use resource::{Demand, Resource, ResourceKind, Tier};

/// The closed form of one world.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// What users ask of the service.
    pub load: Load,
    /// What of it gets in: users who find no slot publish nothing.
    pub admitted: Load,
    /// The servers and nodes that all figures below are for: those the scenario has, or those required.
    pub fleet: Fleet,
    /// What is required.
    pub required: Required,
    /// Every resource there is, in a fixed order.
    pub resources: Vec<Resource>,
}

/// How many there are of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fleet {
    /// Servers.
    pub servers: u64,
    /// Nodes of the balancer; 0 where they aren't planned.
    pub balancers: u64,
    /// Nodes of the broker; 0 where there is none.
    pub broker_nodes: u64,
    /// Nodes of the backend; 0 where there is none.
    pub backend_nodes: u64,
    /// Nodes of the log store (where it has tiers, of the hot one); 0 where nothing is logged.
    pub log_nodes: u64,
    /// Nodes of its warm tier; 0 where there is none.
    pub warm_log_nodes: u64,
    /// Origins; 0 where there is no CDN.
    pub origins: u64,
}

impl Fleet {
    /// Units of a tier.
    pub const fn units(&self, tier: Tier) -> u64 {
        match tier {
            Tier::Server => self.servers,
            Tier::Balancer => self.balancers,
            Tier::Broker => self.broker_nodes,
            Tier::Backend => self.backend_nodes,
            Tier::LogStore => self.log_nodes,
            Tier::WarmLogStore => self.warm_log_nodes,
            Tier::Origin => self.origins,
        }
    }

    fn units_mut(&mut self, tier: Tier) -> &mut u64 {
        match tier {
            Tier::Server => &mut self.servers,
            Tier::Balancer => &mut self.balancers,
            Tier::Broker => &mut self.broker_nodes,
            Tier::Backend => &mut self.backend_nodes,
            Tier::LogStore => &mut self.log_nodes,
            Tier::WarmLogStore => &mut self.warm_log_nodes,
            Tier::Origin => &mut self.origins,
        }
    }
}

/// What is required, by the closed form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Required {
    /// What carries the load.
    pub fleet: Fleet,
    /// Servers on top of those: N+k (k for each shard, since shards can't help each other), and [`Self::zone_spare`].
    pub spare: u64,
    /// Of the spare, the servers that are there so that zones can be lost; they take their share of the load.
    pub zone_spare: u64,
}

impl Model {
    /// The closed form of this scenario, on the servers and nodes it has or, where it leaves that open, on those required.
    pub fn of(scenario: &Scenario) -> Self {
        let load = Load::of(scenario);
        let required = Required::of(scenario, &load);
        // The headroom of zones is at work like all others; what is spare beyond it (N+k) stands by.
        let servers = scenario.servers.count.unwrap_or(required.fleet.servers + required.zone_spare);
        let balancers = scenario.balancer.count.unwrap_or(required.fleet.balancers);
        let nodes = scenario.broker.as_ref().and_then(|broker| broker.nodes);
        let broker_nodes =
            if required.fleet.broker_nodes == 0 { 0 } else { nodes.unwrap_or(required.fleet.broker_nodes) };
        let backend_nodes =
            scenario.backend.as_ref().and_then(|backend| backend.nodes).unwrap_or(required.fleet.backend_nodes);
        Self::build(
            scenario,
            &load,
            required,
            Fleet { servers, balancers, broker_nodes, backend_nodes, ..required.fleet },
        )
    }

    /// The closed form of this scenario on this fleet.
    pub fn on(scenario: &Scenario, fleet: Fleet) -> Self {
        let load = Load::of(scenario);
        Self::build(scenario, &load, Required::of(scenario, &load), fleet)
    }

    fn build(scenario: &Scenario, load: &Load, required: Required, fleet: Fleet) -> Self {
        let slots =
            resource::slots_per_server(scenario).map_or(f64::INFINITY, |slots| slots as f64 * fleet.servers as f64);
        let admitted = load.scaled((slots / load.connections).min(1.0));
        let demand = Demand::on(scenario, &fleet);
        let resources = ResourceKind::all(scenario).into_iter().map(|kind| Resource::of(&demand, load, kind));
        let ports = scenario.balancer.planned.then(|| balancer::ports(scenario, load, fleet.servers, fleet.balancers));
        let resources = resources.chain(ports).collect();
        Self { load: *load, admitted, fleet, required, resources }
    }

    /// How the messages that get in reach their recipients.
    pub fn spread(&self, scenario: &Scenario) -> Spread {
        self.spread_of(scenario, &self.admitted)
    }

    /// How the messages of this load would reach their recipients.
    pub fn spread_of(&self, scenario: &Scenario, load: &Load) -> Spread {
        Spread::of(scenario, load.connections, self.fleet.servers)
    }

    /// Utilisation of a resource by the load that gets in.
    pub fn admitted_utilisation(&self, scenario: &Scenario, kind: ResourceKind) -> f64 {
        let Some(resource) = self.resource(kind) else { return 0.0 };
        let Some(capacity) = resource.capacity else { return 0.0 };
        let mut demand = Demand::on(scenario, &self.fleet).of(kind, &self.admitted);
        if kind == ResourceKind::Cpu {
            // Those who find no slot publish nothing, but come again and again.
            let units = resource.units as f64;
            demand +=
                resource::retries_per_second(scenario, &self.load, units) * resource::connect_cpu_seconds(scenario);
        }
        demand / (capacity * resource.units as f64)
    }

    /// The resource of this kind, if there is one.
    pub fn resource(&self, kind: ResourceKind) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.kind == kind)
    }

    /// The resources in the order in which they give way as users grow: by users at target, then at limit.
    ///
    /// Balancer, log store and origin have just the nodes they take, so they are often full to the last percent by rounding
    /// alone; what is within a percent of them counts as giving way first.
    pub fn saturation_order(&self) -> Vec<&Resource> {
        let mut order: Vec<&Resource> = self.resources.iter().collect();
        let key = |users: Option<f64>| users.unwrap_or(f64::INFINITY);
        order.sort_by(|a, b| {
            let slack = |r: &Resource| if r.kind.tier() == Tier::Server { 1.0 } else { 1.01 };
            let target = (key(a.users_at_target) * slack(a)).total_cmp(&(key(b.users_at_target) * slack(b)));
            target.then(key(a.users_at_limit).total_cmp(&key(b.users_at_limit)))
        });
        order
    }
}

impl Required {
    /// The fewest units on which nothing is past what is planned for. Demand depends on their number where the load is
    /// spread unevenly or copied to each, so each tier is a fixed point: start with one and go up until the number
    /// suffices for itself. A broker's demand depends on the servers, so it comes after them.
    fn of(scenario: &Scenario, load: &Load) -> Self {
        let shards = scenario.sharding.as_ref().map_or(1, |sharding| sharding.shards);
        let mut fleet = Fleet {
            servers: shards,
            balancers: 0,
            broker_nodes: 0,
            backend_nodes: 0,
            log_nodes: 0,
            warm_log_nodes: 0,
            origins: 0,
        };
        let mut zone_spare = 0;
        let mut demand = Demand::on(scenario, &fleet);
        for tier in [Tier::Server, Tier::Broker, Tier::Backend, Tier::LogStore, Tier::WarmLogStore, Tier::Origin] {
            let kinds: Vec<_> = ResourceKind::all(scenario).into_iter().filter(|kind| kind.tier() == tier).collect();
            if kinds.is_empty() {
                continue;
            }
            let least = match (tier, &scenario.broker) {
                (Tier::Broker, Some(broker)) => broker.replication.max(nodes_for_regions(scenario)),
                _ => 1,
            };
            // On fewer servers than connections have slots on, who is left out knocks again and again. That is not what is
            // planned for, and would be more work than any number of servers that does suffice has.
            let least = match tier {
                Tier::Server => units_for(&demand, load, ResourceKind::Connections).max(least),
                _ => least,
            };
            *fleet.units_mut(tier) = fleet.units(tier).max(least);
            // Broker and backend have the servers that there are to be behind; the rest is for what is required.
            let mut on = fleet;
            if matches!(tier, Tier::Broker | Tier::Backend) {
                on.servers = scenario.servers.count.unwrap_or(fleet.servers + zone_spare);
            }
            // Unevenness grows like the root of the logarithm of the number: a few steps settle it. What no number
            // suffices for (a channel too hot for one node) stops growing when all else fits.
            for _ in 0..100 {
                let units = on.units(tier);
                demand = demand.moved(&on);
                let needed = match tier {
                    Tier::Broker => broker_nodes_for(&demand, load, &kinds),
                    _ => kinds.iter().map(|kind| units_for(&demand, load, *kind)).max().unwrap_or(1),
                };
                if needed <= units {
                    break;
                }
                *on.units_mut(tier) = needed;
            }
            *fleet.units_mut(tier) = on.units(tier);
            if tier == Tier::Server {
                zone_spare = scenario.zones.as_ref().map_or(0, |zones| zones.headroom(fleet.servers));
            }
        }
        let servers = scenario.servers.count.unwrap_or(fleet.servers + zone_spare);
        fleet.balancers = balancer::nodes_required(scenario, load, servers);
        Self { fleet, spare: scenario.servers.spare * shards + zone_spare, zone_spare }
    }
}

/// Each region has a node of its own.
fn nodes_for_regions(scenario: &Scenario) -> u64 {
    scenario.sharding.as_ref().filter(|sharding| sharding.latency.is_some()).map_or(1, |sharding| sharding.shards)
}

/// Units that one resource takes when its demand is that on this fleet.
fn units_for(demand: &Demand, load: &Load, kind: ResourceKind) -> u64 {
    resource::units_required(demand.of(kind, load), kind.planned_capacity(demand.scenario()))
}

/// Nodes of the broker that all of its resources take when their demand is that on this fleet.
fn broker_nodes_for(demand: &Demand, load: &Load, kinds: &[ResourceKind]) -> u64 {
    let nodes = demand.fleet().broker_nodes;
    let all = demand.broker(load);
    let on_one = demand.moved(&Fleet { broker_nodes: 1, ..*demand.fleet() }).broker(load);
    let of = |kind: ResourceKind| {
        let planned = kind.planned_capacity(demand.scenario());
        let alone = on_one.of(kind, 1);
        if kind != ResourceKind::BrokerPartitions && alone * all.hot >= planned {
            return resource::units_required(alone * (1.0 - all.hot), planned) + u64::from(all.hot < 1.0);
        }
        resource::units_required(all.of(kind, nodes), planned)
    };
    kinds.iter().map(|kind| of(*kind)).max().unwrap_or(1)
}

/// How many servers each shard has: in proportion to its users where their number is open (by largest remainders, at least
/// one), evenly where it is given, since then nobody has looked.
pub fn shard_servers(scenario: &Scenario, servers: u64) -> Vec<u64> {
    let Some(sharding) = &scenario.sharding else { return vec![servers] };
    let shares = sharding.shares();
    let n = sharding.shards;
    if scenario.servers.count.is_some() || servers <= n {
        let (each, rest) = (servers.max(n) / n, servers.max(n) % n);
        return (0..n).map(|shard| each + u64::from(shard < rest)).collect();
    }
    let exact: Vec<f64> = shares.iter().map(|share| share * (servers - n) as f64).collect();
    let mut counts: Vec<u64> = exact.iter().map(|e| 1 + e.floor() as u64).collect();
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by(|&a, &b| (exact[b] - exact[b].floor()).total_cmp(&(exact[a] - exact[a].floor())).then(a.cmp(&b)));
    let left = servers - counts.iter().sum::<u64>();
    for shard in order.into_iter().take(left as usize) {
        counts[shard] += 1;
    }
    counts
}

/// How much more than the mean a server of the fullest shard gets.
pub fn shard_imbalance(scenario: &Scenario, servers: u64) -> f64 {
    let Some(sharding) = &scenario.sharding else { return 1.0 };
    let counts = shard_servers(scenario, servers);
    let n: u64 = counts.iter().sum();
    sharding.shares().iter().zip(counts).map(|(share, count)| share * n as f64 / count as f64).fold(1.0, f64::max)
}

/// How much more than the mean the fullest of `servers` servers gets, as the balancer's policy spreads connections.
///
/// The largest of n nearly normal shares with relative deviation s is about 1 + s·√(2 ln n) (extreme values: Cramér
/// 1946). Random: s² = n/N for N connections thrown at n servers. Consistent hashing: s² = 1/v for v virtual nodes, since
/// a share is a sum of v nearly exponential arcs, and the connections thrown on top. Round robin and least connections
/// spread evenly.
pub fn imbalance(scenario: &Scenario, connections: f64, servers: u64) -> f64 {
    if servers < 2 || connections <= 0.0 {
        return 1.0;
    }
    // Each shard spreads its own connections over its own servers.
    let shards = scenario.sharding.as_ref().map_or(1.0, |sharding| sharding.shards as f64);
    let n = (servers as f64 / shards).max(1.0);
    let thrown = n / (connections / shards);
    let variance = match scenario.balancer.policy {
        Policy::RoundRobin | Policy::LeastConnections => return 1.0,
        Policy::Random => thrown,
        Policy::ConsistentHash { virtual_nodes } => 1.0 / f64::from(virtual_nodes) + thrown,
    };
    // Nobody gets more than everything.
    (1.0 + (variance * 2.0 * n.ln()).sqrt()).min(n)
}
