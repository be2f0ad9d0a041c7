//! How a run is made: every message or a sample, how many servers, in how many parts.

use crate::model::balancer::silence;
use crate::model::latency::latency;
use crate::model::resource::slots_per_server;
use crate::model::{Model, ResourceKind};
use crate::scenario::{BalancedUnit, Fault, FaultKind, Mode, Scenario, Start};

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

/// The way one run is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// `every-message` or `sampled`.
    pub mode: &'static str,
    /// Why.
    pub reason: String,
    /// Servers of the fleet.
    pub servers: u64,
    /// Servers simulated.
    pub simulated: u64,
    /// Nodes of the balancer.
    pub balancers: u64,
    /// Nodes of the log store.
    pub log_nodes: u64,
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
    /// A queue that would outgrow the clock.
    #[error(
        "{0} is offered {1:.3e} times what it can do: in {2:.3e} s its queue would grow past what the simulation's clock can hold; shorten `duration` or lighten the load"
    )]
    Overload(&'static str, f64, f64),
    /// More servers than anybody has.
    #[error("{} servers are too many to simulate; `plimsoll estimate` shows what asks for them", crate::units::display::whole(*.0 as f64))]
    TooManyServers(u64),
    /// More than a run can hold.
    #[error(
        "{0:.3e} messages a replication are too many to simulate one by one; use `mode: sampled` or a shorter `duration`"
    )]
    TooMany(f64),
}

impl Plan {
    /// The plan for this scenario on the servers its closed form is for.
    ///
    /// # Errors
    /// When what is asked for is impossible.
    pub fn of(scenario: &Scenario, model: &Model) -> Result<Self, PlanError> {
        let servers = model.servers;
        if servers > MOST_SERVERS {
            return Err(PlanError::TooManyServers(servers));
        }
        let settings = &scenario.simulation;
        let per_replication = model.load.messages_in_per_second * settings.duration.get();
        let messages = per_replication * settings.replications as f64;
        let routed = scenario.balancer.unit == BalancedUnit::Message;
        let faulty = !scenario.faults.is_empty();
        if let Some(count) = most_broken(scenario).filter(|count| *count > servers) {
            return Err(PlanError::FaultOfMore(count, servers));
        }
        let per_server = messages / servers as f64;
        let sample =
            SAMPLE_SERVERS.max((SAMPLE_MESSAGES / per_server.max(1e-9)).ceil() as u64).min(LARGEST_SAMPLE).min(servers);
        let people = |figure: f64| crate::units::display::count(figure);
        let (simulated, reason) = match settings.mode {
            Mode::EveryMessage => (servers, "asked for".to_owned()),
            Mode::Sampled if routed => return Err(PlanError::RoutedSample),
            Mode::Sampled if faulty => return Err(PlanError::FaultySample),
            Mode::Sampled if sample == servers => {
                (servers, format!("a sample was asked for, but all {} servers fit in it", people(servers as f64)))
            }
            Mode::Sampled => (sample, "asked for".to_owned()),
            Mode::Auto if faulty && (messages > EVERY_MESSAGE_WITH_FAULTS || servers > LARGEST_SAMPLE) => {
                return Err(PlanError::FaultsTooMany(servers, messages));
            }
            Mode::Auto if faulty => (servers, "faults reach all servers".to_owned()),
            Mode::Auto if routed => (servers, "messages are balanced one by one, so all servers are needed".to_owned()),
            Mode::Auto if (messages <= EVERY_MESSAGE_UP_TO && servers <= LARGEST_SAMPLE) || sample == servers => {
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
        };
        if simulated == servers && per_replication > 1e13 {
            return Err(PlanError::TooMany(per_replication));
        }
        let slots = slots_per_server(scenario).unwrap_or(u64::from(u32::MAX));
        let fullest = model.load.connections / servers as f64
            * crate::model::imbalance(scenario, model.load.connections, servers);
        let stuffed = fullest > slots as f64 && !routed || model.load.connections > slots as f64 * servers as f64;
        let memory = scenario.servers.memory.get();
        let held = (fullest * servers as f64 / servers_left(scenario, servers) as f64).min(slots as f64)
            * scenario.servers.memory_per_connection.get();
        // A queue that grows without end fills any memory; a stable one holds next to nothing.
        let overloaded = [ResourceKind::Cpu, ResourceKind::NicOut]
            .iter()
            .any(|kind| model.admitted_utilisation(scenario, *kind) > 0.98);
        let unbounded = scenario.servers.queue_limit.is_none() && scenario.servers.patience.is_none();
        let memory_can_fill = held > 0.95 * memory || overloaded && unbounded;
        let connections_change = scenario.workload.session.is_some()
            || settings.start != Start::Steady
            || stuffed
            || memory_can_fill
            || faulty
            || silence(scenario).is_some()
            // Near the limit an uneven spread may overfill one.
            || fullest > 0.9 * slots as f64;
        let mut warnings = Vec::new();
        overloads(scenario, model, unbounded, &mut warnings)?;
        warnings.extend(late_heartbeats(scenario));
        let slowest = latency(scenario, model).stations.iter().map(|s| s.relaxation_seconds).fold(0.0, f64::max);
        let mode = if simulated == servers { "every-message" } else { "sampled" };
        Ok(Self {
            mode,
            reason,
            servers,
            simulated,
            balancers: model.balancers,
            log_nodes: model.log_nodes.max(1),
            slices: match settings.replications {
                MANY_REPLICATIONS.. => SLICES_OF_MANY,
                _ if simulated == servers => SLICES,
                _ => SLICES_OF_SAMPLE,
            },
            parts: simulated.min(PARTS),
            connections_change,
            settling_seconds: SETTLING * slowest,
            connections_settle: settings.start != Start::Steady || stuffed || memory_can_fill,
            memory_can_fill,
            slots,
            messages: messages * simulated as f64 / servers as f64,
            warnings,
        })
    }
}

/// The most servers that one fault names.
fn most_broken(scenario: &Scenario) -> Option<u64> {
    let broken = |fault: &Fault| match fault.kind {
        FaultKind::Crash { servers } | FaultKind::Slow { servers, .. } => Some(servers),
        FaultKind::Lose { .. } | FaultKind::Deploy(_) => None,
    };
    scenario.faults.iter().filter_map(broken).max()
}

/// Servers that are left if all faults come together; one at least.
fn servers_left(scenario: &Scenario, servers: u64) -> u64 {
    let lost = |fault: &Fault| match fault.kind {
        FaultKind::Crash { servers } => servers,
        FaultKind::Slow { .. } => 0,
        // Batches overlap where draining and restarting take longer than the time between two of them.
        FaultKind::Deploy(deploy) => {
            let together = ((deploy.drain.get() + deploy.restart.get()) / deploy.every.get()).ceil();
            (deploy.batch as f64 * together.max(1.0)) as u64
        }
        FaultKind::Lose { .. } => scenario.zones.as_ref().map_or(0, |zones| zones.lost_with_largest(1, servers)),
    };
    let lost = scenario.faults.iter().map(lost).fold(0, u64::saturating_add);
    servers.saturating_sub(lost).max(1)
}

/// Notes what is offered more than it can do, and refuses what would outgrow the clock.
fn overloads(scenario: &Scenario, model: &Model, unbounded: bool, warnings: &mut Vec<String>) -> Result<(), PlanError> {
    for kind in [ResourceKind::Cpu, ResourceKind::NicIn, ResourceKind::NicOut, ResourceKind::LogWrite] {
        let offered = model.admitted_utilisation(scenario, kind);
        let bounded = kind == ResourceKind::Cpu && !unbounded;
        let duration = scenario.simulation.duration.get();
        if offered * duration > LONGEST_BACKLOG_SECONDS {
            return Err(PlanError::Overload(kind.name(), offered, duration));
        }
        if offered >= 1.0 && !bounded {
            warnings.push(format!(
                "{} is offered {:.0} % of what it can do: its queue grows as long as the run lasts, so waits and latency say more about the duration than about the system",
                kind.name(),
                offered * 100.0
            ));
        }
    }
    Ok(())
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
