//! The closed form: a scenario's load, the demand it puts on every resource, and the servers that takes.
//!
//! [`Model::of`] computes it for one world in some microseconds. Nothing here is random and nothing is simulated.

pub mod balancer;
pub mod latency;
pub mod load;
pub mod resource;
pub mod wire;

use crate::scenario::{Policy, Scenario};
pub use load::Load;
pub use resource::{Resource, ResourceKind, Tier};

/// The closed form of one world.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// What users ask of the service.
    pub load: Load,
    /// What of it gets in: users who find no slot publish nothing.
    pub admitted: Load,
    /// The servers that all figures below are for: those the scenario has, or those required.
    pub servers: u64,
    /// The balancer nodes that all figures below are for: those the scenario has, or those required.
    pub balancers: u64,
    /// The log nodes that all figures below are for: those required.
    pub log_nodes: u64,
    /// What is required.
    pub required: Required,
    /// Every resource there is, in a fixed order.
    pub resources: Vec<Resource>,
}

/// What is required, by the closed form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Required {
    /// Servers that carry the load.
    pub servers: u64,
    /// Servers on top of those: N+k, and [`Self::zone_spare`].
    pub spare: u64,
    /// Of the spare, the servers that are there so that zones can be lost; they take their share of the load.
    pub zone_spare: u64,
    /// Nodes of the balancer; 0 where they aren't planned.
    pub balancers: u64,
    /// Nodes of the log store; 0 where nothing is logged.
    pub log_nodes: u64,
}

impl Model {
    /// The closed form of this scenario, on the servers it has or, where it leaves that open, on those required.
    pub fn of(scenario: &Scenario) -> Self {
        let load = Load::of(scenario);
        let required = Required::of(scenario, &load);
        // The headroom of zones is at work like all others; what is spare beyond it (N+k) stands by.
        let fleet = required.servers + required.zone_spare;
        let servers = scenario.servers.count.unwrap_or(fleet);
        let balancers = scenario.balancer.count.unwrap_or(required.balancers);
        Self::build(scenario, load, required, servers, balancers, required.log_nodes)
    }

    /// The closed form of this scenario on so many servers, balancer nodes and log nodes.
    pub fn on(scenario: &Scenario, servers: u64, balancers: u64, log_nodes: u64) -> Self {
        let load = Load::of(scenario);
        Self::build(scenario, load, Required::of(scenario, &load), servers, balancers, log_nodes)
    }

    fn build(
        scenario: &Scenario,
        load: Load,
        required: Required,
        servers: u64,
        balancers: u64,
        log_nodes: u64,
    ) -> Self {
        let slots = resource::slots_per_server(scenario).map_or(f64::INFINITY, |slots| slots as f64 * servers as f64);
        let admitted = load.scaled((slots / load.connections).min(1.0));
        let resources = ResourceKind::all(scenario)
            .into_iter()
            .map(|kind| {
                let units = match kind.tier() {
                    Tier::Server => servers,
                    Tier::Balancer => balancers,
                    Tier::LogStore => log_nodes,
                };
                Resource::of(scenario, &load, kind, units)
            })
            .chain(scenario.balancer.planned.then(|| balancer::ports(scenario, &load, servers, balancers)))
            .collect();
        Self { load, admitted, servers, balancers, log_nodes, required, resources }
    }

    /// Utilisation of a resource by the load that gets in.
    pub fn admitted_utilisation(&self, scenario: &Scenario, kind: ResourceKind) -> f64 {
        let Some(resource) = self.resource(kind) else { return 0.0 };
        let Some(capacity) = resource.capacity else { return 0.0 };
        let mut demand = kind.demand(scenario, &self.admitted, resource.units);
        if kind == ResourceKind::Cpu {
            // Those who find no slot publish nothing, but come again and again.
            let units = resource.units as f64;
            demand +=
                resource::retries_per_second(scenario, &self.load, units) * scenario.servers.cpu.per_connect.mean();
        }
        demand / (capacity * resource.units as f64)
    }

    /// The resource of this kind, if there is one.
    pub fn resource(&self, kind: ResourceKind) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.kind == kind)
    }

    /// The resources in the order in which they give way as users grow: by users at target, then at limit.
    ///
    /// Balancer and log store have just the nodes they take, so they are often full to the last percent by rounding alone;
    /// what is within a percent of them counts as giving way first.
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
    fn of(scenario: &Scenario, load: &Load) -> Self {
        let log_nodes = ResourceKind::all(scenario)
            .into_iter()
            .filter(|kind| kind.tier() == Tier::LogStore)
            .map(|kind| resource::units_required(kind.demand(scenario, load, 1), kind.planned_capacity(scenario)))
            .max()
            .unwrap_or(0);
        let servers = servers_required(scenario, load);
        let zone_spare = scenario.zones.as_ref().map_or(0, |zones| zones.headroom(servers));
        let fleet = scenario.servers.count.unwrap_or(servers + zone_spare);
        let balancers = balancer::nodes_required(scenario, load, fleet);
        Self { servers, spare: scenario.servers.spare + zone_spare, zone_spare, balancers, log_nodes }
    }
}

/// The fewest servers on which no resource is past what is planned for. Demand depends on their number where the policy
/// spreads unevenly, so it is a fixed point: start with an even spread and go up until the number suffices for itself.
fn servers_required(scenario: &Scenario, load: &Load) -> u64 {
    let needed = |servers: u64| {
        ResourceKind::all(scenario)
            .into_iter()
            .filter(|kind| kind.tier() == Tier::Server)
            .map(|kind| resource::units_required(kind.demand(scenario, load, servers), kind.planned_capacity(scenario)))
            .max()
            .unwrap_or(1)
    };
    let mut servers = needed(1).max(1);
    // Unevenness grows like the root of the logarithm of the number: a few steps settle it.
    for _ in 0..100 {
        let next = needed(servers);
        if next <= servers {
            break;
        }
        servers = next;
    }
    servers
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
    let n = servers as f64;
    let thrown = n / connections;
    let variance = match scenario.balancer.policy {
        Policy::RoundRobin | Policy::LeastConnections => return 1.0,
        Policy::Random => thrown,
        Policy::ConsistentHash { virtual_nodes } => 1.0 / f64::from(virtual_nodes) + thrown,
    };
    // Nobody gets more than everything.
    (1.0 + (variance * 2.0 * n.ln()).sqrt()).min(n)
}
