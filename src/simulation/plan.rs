//! How a run is made: every message or a sample, how many servers, in how many parts.

use super::directory::Extent;
use super::exchange::Pace;
use super::relay::Elsewhere;
use super::steady::unsteady;
use crate::metrics::Unsteady;
use crate::model::backend::caches;
use crate::model::balancer::silence;
use crate::model::broker::batches;
use crate::model::latency::latency;
use crate::model::resource::slots_per_server;
use crate::model::slow;
use crate::model::{Fleet, Model, Reads, ResourceKind, Spread, shard_servers};
use crate::scenario::{Arrivals, BalancedUnit, FanOut, Fault, FaultKind, Mode, ProfileOf, Scenario, Start};

/// Up to so many messages (in all replications), `auto` simulates every one: a second or two of work.
const EVERY_MESSAGE_UP_TO: f64 = 50e6;
/// With faults, which no sample of servers shows, up to so many: a minute's work.
const EVERY_MESSAGE_WITH_FAULTS: f64 = 1e9;
/// A sample is of at least so many messages (in all replications) …
const SAMPLE_MESSAGES: f64 = 10e6;
/// … and of at least so many servers.
const SAMPLE_SERVERS: u64 = 64;
/// … and of at most so many.
const LARGEST_SAMPLE: u64 = 20_000;
/// More servers than this are a slip, or no simulation's business.
const MOST_SERVERS: u64 = 10_000_000;
/// The clock ends after 213 days; work that is offered in one run must stay well below that.
const LONGEST_BACKLOG_SECONDS: f64 = 40.0 * 86_400.0;
/// A run is measured after so many relaxation times: e⁻⁴ is 2 % of the way from empty.
const SETTLING: f64 = 4.0;
/// Slices of a run where every message is simulated: batches for intervals, points of the series.
const SLICES: usize = 64;
/// Slices where servers are sampled: batches are groups of servers then.
const SLICES_OF_SAMPLE: usize = 32;
/// From so many replications on each is a batch of its own, and fewer slices keep memory small.
const MANY_REPLICATIONS: u64 = 30;
const SLICES_OF_MANY: usize = 16;
/// A run is worked on in up to so many parts, whatever the number of threads; in a sample, each is a batch.
const PARTS: u64 = 32;
/// Objects that all simulated caches may hold together: some 60 bytes each.
const MOST_COPIES: f64 = 10e6;
/// Where messages cross between servers, each takes several times as long.
const EVERY_CROSSING_UP_TO: f64 = 15e6;
const SAMPLE_CROSSINGS: f64 = 4e6;

/// Nodes that stand for all, next to this share of the servers: as many for each shard, and so that each stands for a whole
/// number of them, since servers gather batches for each.
fn nodes_simulated(nodes: u64, shards: u64, share: f64) -> u64 {
    if share >= 1.0 || nodes < shards {
        return (nodes as f64 * share).ceil().max(nodes.min(shards) as f64) as u64;
    }
    let each = nodes as f64 / shards as f64;
    let stands_for = (each / (each * share).ceil()).floor().max(1.0);
    (each / stands_for).ceil() as u64 * shards
}

/// Why servers are not alike, so that some can't stand for all.
fn unlike(scenario: &Scenario) -> Option<&'static str> {
    match &scenario.workload.fan_out {
        _ if scenario.backend.is_some() => Some("where all of them share a backend"),
        FanOut::Broadcast => Some("where each message goes to all of them"),
        FanOut::Room(room) if room.zipf > 0.0 => Some("where popular rooms make some of them busier than others"),
        _ if scenario.broker.as_ref().is_some_and(|broker| broker.floods) => Some("where each gets every message"),
        _ if scenario.broker.as_ref().is_some_and(|b| b.partitions.is_some() && b.publishes_for_each()) => {
            Some("where several share a partition")
        }
        _ => None,
    }
}

/// The way one run is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// `every-message` or `sampled`.
    pub mode: &'static str,
    /// Why.
    pub reason: String,
    /// Servers of the fleet.
    pub servers: u64,
    /// Of them, those that are there at the start: with an autoscaler, not all.
    pub initial: u64,
    /// Servers that carry the peak where their number is fixed, spare ones included.
    pub fixed: u64,
    /// Servers simulated.
    pub simulated: u64,
    /// Nodes of the balancer.
    pub balancers: u64,
    /// Nodes of the log store.
    pub log_nodes: u64,
    /// Servers and nodes by shard, in the fleet and simulated.
    pub extent: Extent,
    /// Nodes of the broker; 0 where nothing crosses between servers.
    pub broker_nodes: u64,
    /// Nodes of the backend; 0 where nothing is read.
    pub backend_nodes: u64,
    /// Deliveries of a message, where it goes to other users.
    pub deliveries: Option<f64>,
    /// What servers that are not simulated send to the nodes that are.
    pub background: Elsewhere,
    /// How servers and broker go forward together.
    pub pace: Pace,
    /// Slices of its time.
    pub slices: usize,
    /// Parts it is worked on in.
    pub parts: u64,
    /// Whether connections come and go, so that the front door has to run along.
    pub connections_change: bool,
    /// How long the stations take to settle, by theory, in seconds.
    pub settling_seconds: f64,
    /// Whether their number has to settle first: it starts in its steady state unless slots or memory run out.
    pub connections_settle: bool,
    /// Whether memory can fill, so that servers may have to drop connections.
    pub memory_can_fill: bool,
    /// Connections a server takes.
    pub slots: u64,
    /// Messages expected, in all replications asked for.
    pub messages: f64,
    /// Why there will be no steady state to see.
    pub unsteady: Vec<Unsteady>,
    /// What the reader should know.
    pub warnings: Vec<String>,
}

/// Why a scenario can't be simulated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// `mode: sampled` with messages balanced one by one.
    #[error(
        "a sample of servers can't be simulated where messages are balanced one by one: each server's next message depends on all of them; use `mode: every-message`"
    )]
    RoutedSample,
    /// `mode: sampled` where servers are not alike.
    #[error(
        "a sample of servers can't be simulated {0}; use `mode: every-message`, and a shorter `duration` if that takes long"
    )]
    UnlikeSample(&'static str),
    /// More rooms than have numbers.
    #[error("{0:.3e} rooms are too many to simulate")]
    TooManyRooms(f64),
    /// `mode: sampled` with an autoscaler.
    #[error(
        "a sample of servers can't be simulated where an autoscaler adds and removes some: which there are depends on all of them; use `mode: every-message`"
    )]
    ScaledSample,
    /// More messages than `auto` simulates one by one where an autoscaler needs all of them.
    #[error(
        "with an `autoscaler` every message of up to {} servers has to be simulated, here about {}; use a shorter `duration`, fewer `replications` or a lower message rate, or ask for `mode: every-message` and wait",
        crate::units::display::count(*.0 as f64),
        crate::units::display::count(*.1)
    )]
    ScaledTooMany(u64, f64),
    /// `mode: sampled` with faults.
    #[error(
        "a sample of servers doesn't show what `faults` do to the others, which take over their users; use `mode: every-message`"
    )]
    FaultySample,
    /// More messages than `auto` simulates one by one where there is nothing else.
    #[error(
        "with `faults` every message of all {} servers has to be simulated, here about {}; use a shorter `duration`, fewer `replications` or a lower message rate, or ask for `mode: every-message` and wait",
        crate::units::display::count(*.0 as f64),
        crate::units::display::count(*.1)
    )]
    FaultsTooMany(u64, f64),
    /// More servers to break than there are.
    #[error("a fault of {0} servers needs more than the {1} there are")]
    FaultOfMore(u64, u64),
    /// More nodes of the broker to break than there are.
    #[error("a fault of {0} nodes of the broker needs more than the {1} there are")]
    FaultOfMoreNodes(u64, u64),
    /// A queue that would outgrow the clock.
    #[error(
        "{0} is offered {1:.3e} times what it can do: in {2:.3e} s its queue would grow past what the simulation's clock can hold; shorten `duration` or lighten the load"
    )]
    Overload(&'static str, f64, f64),
    /// More servers than anybody has.
    #[error("{} servers are too many to simulate; `plimsoll estimate` shows what asks for them", crate::units::display::whole(*.0 as f64))]
    TooManyServers(u64),
    /// Caches larger than memory should hold.
    #[error(
        "caches that hold {} objects in all are too large to simulate, where 10,000,000 are the most; make `size` smaller, or share one cache; `plimsoll estimate` has the hit ratio of any size", crate::units::display::whole(*.0)
    )]
    TooManyCopies(f64),
    /// More than a run can hold.
    #[error(
        "{0:.3e} messages a replication are too many to simulate one by one; use `mode: sampled` or a shorter `duration`"
    )]
    TooMany(f64),
}

/// How often a message is sent at most, on average.
fn attempts(scenario: &Scenario) -> f64 {
    let Some(retry) = &scenario.workload.retry else { return 1.0 };
    let pause = retry.delay.mean() + scenario.workload.timeout.map_or(0.0, crate::units::Seconds::get);
    let most = scenario.simulation.duration.get() / pause;
    1.0 + retry.limit.map_or(most, |limit| most.min(limit as f64))
}

/// A note where the file states a rate and the arrivals have another.
fn rate_that_differs(scenario: &Scenario) -> Option<String> {
    let (stated, rate) = (scenario.workload.stated_rate?, scenario.workload.message_rate);
    let differs = (stated.get() / rate.get() - 1.0).abs() > 0.01;
    differs.then(|| {
        let (stated, rate) = (crate::units::display::rate(stated), crate::units::display::rate(rate));
        format!("`message.rate` says {stated} a user, but the arrivals come to {rate}, which is what counts")
    })
}

impl Plan {
    /// The plan for this scenario on the servers its closed form is for.
    ///
    /// # Errors
    /// When what is asked for is impossible.
    pub fn of(scenario: &Scenario, model: &Model) -> Result<Self, PlanError> {
        // With an autoscaler there may be as many as it allows, and what can go wrong is judged by that.
        let grown = scenario.autoscaler.map(|rule| Model::on(scenario, Fleet { servers: rule.most, ..model.fleet }));
        let initial =
            scenario.autoscaler.map_or(model.fleet.servers, |rule| model.fleet.servers.clamp(rule.least, rule.most));
        let fixed = model.required.fleet.servers + model.required.spare;
        let model = grown.as_ref().unwrap_or(model);
        let servers = model.fleet.servers;
        possible(scenario, model)?;
        let settings = &scenario.simulation;
        let work = Work::of(scenario, model);
        let (simulated, reason) = work.sample(scenario, servers)?;
        if simulated == servers && work.per_replication > 1e13 {
            return Err(PlanError::TooMany(work.per_replication));
        }
        let reach = Reach::of(scenario, model, &work, simulated);
        let simulated = reach.simulated;
        let events = model.admitted.messages_in_per_second * work.jobs * simulated as f64 / servers as f64;
        let comings = Comings::of(scenario, model);
        let mut warnings = Vec::new();
        overloads(scenario, model, &mut warnings)?;
        warnings.extend(first_rush(scenario, model));
        warnings.extend(late_heartbeats(scenario));
        warnings.extend(rate_that_differs(scenario));
        warnings.extend(never_looks(scenario));
        warnings.extend(beyond_calibration(scenario, model));
        warnings.extend(slow_clients_apart(scenario));
        let stations = latency(scenario, model).stations;
        let slowest = stations.iter().map(|s| s.relaxation_seconds).fold(0.0, f64::max);
        let (unsteady, notes) = unsteady(scenario, model, &stations, (SETTLING * slowest, SETTLING));
        warnings.extend(notes);
        Ok(Self {
            mode: if simulated == servers { "every-message" } else { "sampled" },
            reason,
            servers,
            initial,
            fixed,
            simulated,
            balancers: model.fleet.balancers,
            log_nodes: model.fleet.log_nodes.max(1),
            extent: reach.extent,
            broker_nodes: reach.broker_nodes,
            backend_nodes: model.fleet.backend_nodes,
            deliveries: scenario.workload.fan_out.crosses().then_some(work.spread.deliveries),
            background: reach.background,
            pace: Pace::of(scenario, events, simulated),
            slices: match settings.replications {
                MANY_REPLICATIONS.. => SLICES_OF_MANY,
                _ if simulated == servers => SLICES,
                _ => SLICES_OF_SAMPLE,
            },
            parts: simulated.min(PARTS),
            connections_change: comings.change,
            settling_seconds: SETTLING * slowest,
            connections_settle: comings.settle,
            memory_can_fill: comings.memory_can_fill,
            slots: comings.slots,
            messages: work.messages * simulated as f64 / servers as f64,
            unsteady,
            warnings,
        })
    }
}

/// What no simulation can do.
fn possible(scenario: &Scenario, model: &Model) -> Result<(), PlanError> {
    let servers = model.fleet.servers;
    if servers > MOST_SERVERS {
        return Err(PlanError::TooManyServers(servers));
    }
    if let FanOut::Room(room) = &scenario.workload.fan_out {
        let rooms = crate::model::fanout::rooms(room, model.load.connections);
        if rooms > f64::from(u32::MAX) {
            return Err(PlanError::TooManyRooms(rooms));
        }
    }
    let held = |cache: &crate::scenario::Cache| cache.size.min(cache.objects) as f64 * caches(scenario, servers) as f64;
    let copies = scenario.cache.as_ref().map_or(0.0, held);
    if copies > MOST_COPIES {
        return Err(PlanError::TooManyCopies(copies));
    }
    let nodes = if scenario.workload.fan_out.crosses() { model.fleet.broker_nodes } else { 0 };
    if let Some(count) = most_nodes_broken(scenario).filter(|count| *count > nodes) {
        return Err(PlanError::FaultOfMoreNodes(count, nodes));
    }
    most_broken(scenario)
        .filter(|count| *count > servers)
        .map_or(Ok(()), |count| Err(PlanError::FaultOfMore(count, servers)))
}

/// How much there is to simulate.
struct Work {
    spread: Spread,
    /// Of one message: a message that goes to other users is as much work again for each server it reaches.
    jobs: f64,
    per_replication: f64,
    /// In all replications.
    messages: f64,
    shards: u64,
}

impl Work {
    fn of(scenario: &Scenario, model: &Model) -> Self {
        let settings = &scenario.simulation;
        let spread = model.spread(scenario);
        let jobs = 1.0 + spread.copies + spread.local_jobs;
        let duration = settings.duration.get();
        let mean_share = scenario.workload.profile.as_ref().map_or(1.0, |profile| profile.curve.mean(duration));
        let per_replication = model.load.messages_in_per_second * mean_share * duration * jobs;
        Self {
            spread,
            jobs,
            per_replication,
            messages: per_replication * settings.replications as f64,
            shards: scenario.sharding.as_ref().map_or(1, |sharding| sharding.shards),
        }
    }

    /// How many of the servers are simulated, and why.
    fn sample(&self, scenario: &Scenario, servers: u64) -> Result<(u64, String), PlanError> {
        let messages = self.messages;
        let routed = scenario.balancer.unit == BalancedUnit::Message;
        let faulty = !scenario.faults.is_empty();
        let scaled = scenario.autoscaler.is_some();
        let unlike = unlike(scenario);
        let (few, enough) = if scenario.workload.fan_out.crosses() {
            (EVERY_CROSSING_UP_TO, SAMPLE_CROSSINGS)
        } else {
            (EVERY_MESSAGE_UP_TO, SAMPLE_MESSAGES)
        };
        let sample = SAMPLE_SERVERS
            .max((enough / (messages / servers as f64).max(1e-9)).ceil() as u64)
            .max(self.shards)
            .min(LARGEST_SAMPLE.max(self.shards))
            .min(servers);
        let people = |figure: f64| crate::units::display::count(figure);
        Ok(match scenario.simulation.mode {
            Mode::EveryMessage => (servers, "asked for".to_owned()),
            Mode::Sampled if routed => return Err(PlanError::RoutedSample),
            Mode::Sampled if scaled => return Err(PlanError::ScaledSample),
            Mode::Sampled if faulty => return Err(PlanError::FaultySample),
            Mode::Sampled if let Some(why) = unlike => return Err(PlanError::UnlikeSample(why)),
            Mode::Sampled if sample == servers => {
                (servers, format!("a sample was asked for, but all {} servers fit in it", people(servers as f64)))
            }
            Mode::Sampled => (sample, "asked for".to_owned()),
            Mode::Auto if scaled && (messages > EVERY_MESSAGE_WITH_FAULTS || servers > LARGEST_SAMPLE) => {
                return Err(PlanError::ScaledTooMany(servers, messages));
            }
            Mode::Auto if scaled => (servers, "an autoscaler looks at all servers".to_owned()),
            Mode::Auto if faulty && (messages > EVERY_MESSAGE_WITH_FAULTS || servers > LARGEST_SAMPLE) => {
                return Err(PlanError::FaultsTooMany(servers, messages));
            }
            Mode::Auto if faulty => (servers, "faults reach all servers".to_owned()),
            Mode::Auto if routed => (servers, "messages are balanced one by one, so all servers are needed".to_owned()),
            Mode::Auto if let Some(why) = unlike => (servers, format!("servers can't be sampled {why}")),
            Mode::Auto if (messages <= few && servers <= LARGEST_SAMPLE) || sample == servers => {
                (servers, format!("about {} messages are few enough", people(messages)))
            }
            Mode::Auto => (
                sample,
                format!(
                    "about {} messages on {} servers are too many for a quick answer",
                    people(messages),
                    people(servers as f64)
                ),
            ),
        })
    }
}

/// The servers and nodes that are simulated, and what comes from the others.
struct Reach {
    simulated: u64,
    extent: Extent,
    broker_nodes: u64,
    background: Elsewhere,
}

impl Reach {
    fn of(scenario: &Scenario, model: &Model, work: &Work, simulated: u64) -> Self {
        let servers = model.fleet.servers;
        let fleet = shard_servers(scenario, servers);
        let crosses = scenario.workload.fan_out.crosses();
        // A sample has its part of each shard, in proportion.
        let sampled: Vec<u64> = if simulated == servers {
            fleet.clone()
        } else {
            fleet.iter().map(|all| ((all * simulated) as f64 / servers as f64).round().max(1.0) as u64).collect()
        };
        let simulated = if crosses || work.shards > 1 { sampled.iter().sum() } else { simulated };
        let broker_nodes = if crosses { model.fleet.broker_nodes } else { 0 };
        let nodes = nodes_simulated(broker_nodes, work.shards, simulated as f64 / servers as f64);
        let background = if simulated == servers || nodes == 0 {
            Elsewhere::default()
        } else {
            let spread = &work.spread;
            let published = model.admitted.messages_in_per_second * spread.publishes;
            let share = nodes as f64 / broker_nodes as f64 - simulated as f64 / servers as f64;
            let batch = batches(scenario, &model.admitted, spread, &model.fleet).size;
            let copies = spread.copies / spread.publishes;
            Elsewhere { batches_per_second: published * share.max(0.0) / batch, batch, copies }
        };
        let extent = Extent { simulated: sampled, fleet, nodes: nodes.max(1), fleet_nodes: broker_nodes.max(1) };
        Self { simulated, extent, broker_nodes, background }
    }
}

/// Whether and why connections come and go.
struct Comings {
    change: bool,
    settle: bool,
    memory_can_fill: bool,
    slots: u64,
}

/// Whether any number of messages may wait for a server's CPU.
fn unbounded(scenario: &Scenario) -> bool {
    scenario.servers.queue_limit.is_none() && scenario.servers.patience.is_none()
}

impl Comings {
    fn of(scenario: &Scenario, model: &Model) -> Self {
        let servers = model.fleet.servers;
        let connections = model.load.connections;
        let routed = scenario.balancer.unit == BalancedUnit::Message;
        let slots = slots_per_server(scenario).unwrap_or(u64::from(u32::MAX));
        let fullest = connections / servers as f64 * crate::model::imbalance(scenario, connections, servers);
        let stuffed = fullest > slots as f64 && !routed || connections > slots as f64 * servers as f64;
        let memory = scenario.servers.memory.get();
        let held = (fullest * servers as f64 / servers_left(scenario, servers) as f64).min(slots as f64)
            * (scenario.servers.memory_per_connection.get() + slow::memory_per_connection(scenario))
            + scenario.cache.as_ref().map_or(0.0, crate::scenario::Cache::server_bytes);
        // A queue that grows without end fills any memory; a stable one holds next to nothing.
        let overloaded = [ResourceKind::Cpu, ResourceKind::NicOut]
            .iter()
            .any(|kind| model.admitted_utilisation(scenario, *kind) > 0.98);
        let scaled = scenario.autoscaler.is_some();
        // While an autoscaler waits for servers, those that there are may be overloaded.
        let memory_can_fill = held > 0.95 * memory || (overloaded || scaled) && unbounded(scenario);
        let moves = scenario.workload.profile.as_ref().is_some_and(|profile| profile.of == ProfileOf::Users);
        let starts = scenario.simulation.start != Start::Steady;
        Self {
            change: scenario.workload.session.is_some()
                || starts
                || moves
                || stuffed
                || memory_can_fill
                || scenario.cuts_slow_clients()
                || !scenario.faults.is_empty()
                || scaled
                || silence(scenario).is_some()
                // Near the limit an uneven spread may overfill one.
                || fullest > 0.9 * slots as f64,
            settle: starts || stuffed || memory_can_fill,
            memory_can_fill,
            slots,
        }
    }
}

/// A word about a cache that starts cold, where the backend can't answer everything by itself.
fn first_rush(scenario: &Scenario, model: &Model) -> Option<String> {
    let (backend, reads) = (scenario.backend.as_ref()?, Reads::of(scenario, &model.admitted, model.fleet.servers)?);
    let capacity = model.fleet.backend_nodes as f64 * f64::from(backend.cores);
    let rush = reads.reads_per_second * backend.per_query.mean() / capacity;
    let cold = scenario.cache.as_ref().is_some_and(|cache| cache.cold);
    (cold && rush >= 1.0).then(|| {
        format!(
            "the caches start empty and the backend is offered {:.0} % of what it can do until they have filled; the figures hold that rush, as far as it is past the warm-up",
            rush * 100.0
        )
    })
}

/// The most servers that one fault names.
fn most_broken(scenario: &Scenario) -> Option<u64> {
    let broken = |fault: &Fault| match fault.kind {
        FaultKind::Crash { servers } | FaultKind::Slow { servers, .. } => Some(servers),
        FaultKind::Lose { .. } | FaultKind::Deploy(_) | FaultKind::Network { .. } | FaultKind::LoseBroker { .. } => {
            None
        }
    };
    scenario.faults.iter().filter_map(broken).max()
}

/// The most nodes of the broker that one fault names.
fn most_nodes_broken(scenario: &Scenario) -> Option<u64> {
    let broken = |fault: &Fault| match fault.kind {
        FaultKind::LoseBroker { nodes } => Some(nodes),
        _ => None,
    };
    scenario.faults.iter().filter_map(broken).max()
}

/// Servers that are left if all faults come together; one at least.
fn servers_left(scenario: &Scenario, servers: u64) -> u64 {
    let lost = |fault: &Fault| match fault.kind {
        FaultKind::Crash { servers } => servers,
        FaultKind::Slow { .. } | FaultKind::Network { .. } | FaultKind::LoseBroker { .. } => 0,
        // Batches overlap where draining and restarting take longer than the time between two of them.
        FaultKind::Deploy(deploy) => {
            let together = ((deploy.drain.get() + deploy.restart.get()) / deploy.every.get()).ceil();
            (deploy.batch as f64 * together.max(1.0)) as u64
        }
        FaultKind::Lose { .. } => scenario.zones.as_ref().map_or(0, |zones| zones.lost_with_largest(1, servers)),
    };
    if let Some(rule) = scenario.autoscaler {
        return rule.least;
    }
    let lost = scenario.faults.iter().map(lost).fold(0, u64::saturating_add);
    servers.saturating_sub(lost).max(1)
}

/// Notes what is offered more than it can do, and refuses what would outgrow the clock.
fn overloads(scenario: &Scenario, model: &Model, warnings: &mut Vec<String>) -> Result<(), PlanError> {
    for kind in [
        ResourceKind::Cpu,
        ResourceKind::NicIn,
        ResourceKind::NicOut,
        ResourceKind::BrokerCpu,
        ResourceKind::BrokerNicIn,
        ResourceKind::BrokerNicOut,
        ResourceKind::BrokerDisk,
        ResourceKind::BackendCpu,
        ResourceKind::LogWrite,
    ] {
        let offered = model.admitted_utilisation(scenario, kind);
        let bounded = kind == ResourceKind::Cpu && !unbounded(scenario);
        let duration = scenario.simulation.duration.get();
        if offered * attempts(scenario) * duration > LONGEST_BACKLOG_SECONDS {
            return Err(PlanError::Overload(kind.name(), offered, duration));
        }
        if offered >= 1.0 && !bounded {
            let (name, percent) = (kind.name(), offered * 100.0);
            warnings.push(if scenario.workload.profile.is_some() {
                format!("at the peak {name} is offered {percent:.0} % of what it can do: its queue grows as long as the peak lasts")
            } else {
                format!("{name} is offered {percent:.0} % of what it can do: its queue grows as long as the run lasts, so waits and latency say more about the duration than about the system")
            });
        }
    }
    let packets = model.admitted_utilisation(scenario, ResourceKind::Packets);
    if packets >= 1.0 {
        warnings.push(format!(
            "server.packets is offered {:.0} % of what it can do, which the simulation does not slow down: a real server would lose packets here",
            packets * 100.0
        ));
    }
    Ok(())
}

/// A note, where the run is too short for the autoscaler.
fn never_looks(scenario: &Scenario) -> Option<String> {
    let rule = scenario.autoscaler?;
    let duration = scenario.simulation.duration;
    (rule.every >= duration).then(|| {
        format!(
            "the autoscaler looks every {}, and the run is over after {}: the number of servers never changes",
            crate::units::display::seconds(rule.every),
            crate::units::display::seconds(duration)
        )
    })
}

/// A note for each way in which the load is not one that the calibration was made for.
fn beyond_calibration(scenario: &Scenario, model: &Model) -> Vec<String> {
    let Some(calibration) = &scenario.calibration else { return Vec::new() };
    let servers = model.fleet.servers as f64;
    let admitted = &model.admitted;
    calibration.beyond(
        admitted.messages_in_per_second / servers,
        admitted.connections / servers,
        model.load.message_bytes,
    )
}

/// A note, where a user's own messages are not followed to its slow downlink.
fn slow_clients_apart(scenario: &Scenario) -> Option<String> {
    let apart = scenario.workload.slow_clients.is_some()
        && scenario.workload.fan_out == FanOut::Echo
        && scenario.workload.arrivals != Arrivals::Poisson;
    apart.then(|| {
        "which user an answer is for is drawn at random, so a slow connection gets its answers as a Poisson process, whatever `arrivals` says".to_owned()
    })
}

/// A note, where heartbeats are too rare for the balancer.
fn late_heartbeats(scenario: &Scenario) -> Option<String> {
    silence(scenario)?;
    let (every, timeout) = (scenario.workload.heartbeat?, scenario.balancer.idle_timeout?);
    Some(format!(
        "heartbeats every {} come too late for the balancer's idle timeout of {}: silent connections are cut, and their users come back",
        crate::units::display::seconds(every),
        crate::units::display::seconds(timeout)
    ))
}
