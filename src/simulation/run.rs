//! A whole run: its replications, in parallel, until they are enough.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::broken::Broken;
use super::cell::{Cell, Change, Coming, Setting};
use super::delays::Delays;
use super::demand::Demands;
use super::directory::Directory;
use super::door::{Door, FleetCourse};
use super::exchange::{Exchange, Inbox, Pace, Row, Site};
use super::outages::Outages;
use super::outlet::Between;
use super::placement::{spread, spread_over_shards};
use super::plan::{Plan, PlanError};
use super::reads::{Ask, Reads};
use super::recorder::Recorder;
use super::server::ServerTotals;
use crate::metrics::recovery::FaultTally;
use crate::metrics::scaling::ScalingTally;
use crate::metrics::summary::{BackendFacts, BrokerFacts, Facts, Replication, summarise};
use crate::metrics::tally::{Slices, Tally};
use crate::metrics::{Conservation, RunMetrics, ServerMetrics};
use crate::model::Model;
use crate::random::Distribution;
use crate::scenario::{Arrivals, BalancedUnit, FanOut, Fault, FaultKind, ProfileOf, Scenario, Start, Ways, Workload};
use crate::units::display::{seconds, whole};
use crate::units::time::PICOSECONDS;
use crate::units::{SimTime, Span};

/// With a precision to reach, at most this many times the replications asked for.
const MOST_ROUNDS: u64 = 40;
/// Sessions longer than this share of a replication tie its slices together.
const LONG_SESSIONS: f64 = 0.1;
/// Where servers may drop connections, the front door hears of it this often, in seconds.
const FEEDBACK_SECONDS: f64 = 0.1;

/// Of what has reads to make, about so much is held at a time.
const READS_A_STEP: f64 = 2e5;

/// Between two looks at whether to stop, a server takes in about so many messages.
const MESSAGES_A_STEP: f64 = 1e6;

/// So many servers are brought into the cache at a time.
const GLANCED: usize = 16;

/// Follows a run, and may end it.
pub trait Watch: Sync {
    /// So many more messages will be simulated.
    fn expect(&self, messages: u64);
    /// So many messages were.
    fn did(&self, messages: u64);
    /// Whether to give up.
    fn stop(&self) -> bool;
}

/// Nobody watches.
#[derive(Debug, Clone, Copy)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn expect(&self, _messages: u64) {}
    fn did(&self, _messages: u64) {}
    fn stop(&self) -> bool {
        false
    }
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SimulationError {
    /// What is asked for is impossible.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// It was told to stop.
    #[error("interrupted")]
    Interrupted,
    /// A bug of ours.
    #[error("the simulation lost count ({0:?}); please report this with the scenario and the seed")]
    Conservation(Box<Conservation>),
}

/// Simulates a scenario on the servers its closed form is for.
///
/// # Errors
/// When it can't be simulated as asked, or was told to stop.
pub fn simulate(scenario: &Scenario, model: &Model, watch: &dyn Watch) -> Result<RunMetrics, SimulationError> {
    repeat(scenario, &Plan::of(scenario, model)?, watch).map(|(metrics, _)| metrics)
}

/// The same, and what each replication shows by itself, so that two runs with one seed can be compared one by one.
///
/// # Errors
/// As [`simulate`].
pub fn simulate_each(
    scenario: &Scenario,
    model: &Model,
    watch: &dyn Watch,
) -> Result<(RunMetrics, Vec<RunMetrics>), SimulationError> {
    let plan = Plan::of(scenario, model)?;
    let (metrics, replications) = repeat(scenario, &plan, watch)?;
    let alone = |one| summarise(std::slice::from_ref(one), facts(scenario, &plan, &[]));
    Ok((metrics, replications.iter().map(alone).collect()))
}

/// Replications until they are enough, and what they show together.
fn repeat(
    scenario: &Scenario,
    plan: &Plan,
    watch: &dyn Watch,
) -> Result<(RunMetrics, Vec<Replication>), SimulationError> {
    watch.expect(plan.messages as u64);
    let settings = &scenario.simulation;
    let mut replications: Vec<Replication> = Vec::new();
    let mut warnings = plan.warnings.clone();
    loop {
        let first = replications.len() as u64;
        let more: Result<Vec<Replication>, SimulationError> = (first..first + settings.replications)
            .into_par_iter()
            .map(|number| replicate(scenario, plan, number, watch))
            .collect();
        replications.extend(more?);
        let metrics = summarise(&replications, facts(scenario, plan, &warnings));
        let Some(precision) = settings.precision else { return Ok((metrics, replications)) };
        let reached = metrics.latency.is_none_or(|latency| {
            let fixed = fixed_latency(scenario);
            latency.mean.half_width() <= precision.get() * (latency.mean.value - fixed)
        });
        let rounds = replications.len() as u64 / settings.replications;
        if reached {
            return Ok((metrics, replications));
        }
        if rounds >= MOST_ROUNDS {
            warnings.push(format!(
                "the precision asked for was not reached in {} replications; a longer `duration` helps",
                replications.len()
            ));
            let metrics = summarise(&replications, facts(scenario, plan, &warnings));
            return Ok((metrics, replications));
        }
        watch.expect(plan.messages as u64);
    }
}

fn facts(scenario: &Scenario, plan: &Plan, warnings: &[String]) -> Facts {
    let network = scenario.servers.network.is_some();
    Facts {
        mode: plan.mode,
        reason: plan.reason.clone(),
        servers: plan.servers,
        servers_simulated: plan.simulated,
        cores: scenario.servers.cores,
        stations: [network, true, network, scenario.logs.is_some()],
        broker: scenario.broker.as_ref().filter(|_| plan.broker_nodes > 0).map(|broker| BrokerFacts {
            nodes: plan.broker_nodes,
            cores: broker.cores,
            stations: [broker.network.is_some(), true, broker.network.is_some(), broker.disk_write.is_some()],
            lingers: broker.linger.get() > 0.0,
        }),
        backend: scenario.backend.as_ref().map(|backend| BackendFacts {
            nodes: plan.backend_nodes,
            cores: backend.cores,
            cached: scenario.cache.is_some(),
            expires: scenario.cache.as_ref().is_some_and(|cache| cache.ttl.is_some()),
            cold: scenario.cache.as_ref().is_some_and(|cache| cache.cold),
        }),
        deliveries: plan.deliveries,
        slow_share: scenario.workload.slow_clients.map(|slow| slow.share.get()),
        fixed_latency_seconds: fixed_latency(scenario),
        log_bytes: scenario.logs.map_or(0.0, |logs| logs.bytes_per_message.get() / logs.compression),
        memory_bytes: scenario.servers.memory.get(),
        warm_up_seconds: scenario.simulation.warm_up.map(crate::units::Seconds::get),
        settling_seconds: plan.settling_seconds,
        connections_settle: plan.connections_settle,
        slices_alike: slices_alike(scenario),
        connections_due: connections_due(scenario),
        ramp_seconds: if let Start::Ramp(time) = scenario.simulation.start { time.get() } else { 0.0 },
        unsteady: plan.unsteady.clone(),
        users_retry: retrying(scenario),
        steady: scenario.workload.profile.is_none() && scenario.autoscaler.is_none(),
        fixed_servers: scenario.autoscaler.map(|_| plan.fixed),
        faults: scenario.faults.iter().map(|fault| (fault.at.get(), in_words(scenario, fault))).collect(),
        warnings: warnings.to_vec(),
    }
}

/// Connections that there should be, where that is a fixed number.
fn connections_due(scenario: &Scenario) -> Option<f64> {
    let Workload { session, profile, connections_per_user, .. } = &scenario.workload;
    let moves = profile.as_ref().is_some_and(|profile| profile.of == ProfileOf::Users);
    (session.is_none() && !moves).then_some(scenario.users as f64 * *connections_per_user as f64)
}

/// Whether slices of a replication depend on each other too much to be batches.
fn slices_alike(scenario: &Scenario) -> bool {
    let slow = |length: &Distribution| length.mean() > LONG_SESSIONS * scenario.simulation.duration.get();
    // The messages of one connection alone have no pattern but their period.
    let pattern = scenario.users * scenario.workload.connections_per_user > 1;
    pattern && scenario.workload.arrivals == Arrivals::Periodic || scenario.workload.session.as_ref().is_some_and(slow)
}

/// Whether users wait only so long, or send again.
fn retrying(scenario: &Scenario) -> bool {
    scenario.workload.timeout.is_some() || scenario.workload.retry.is_some()
}

/// What a fault is.
fn in_words(scenario: &Scenario, fault: &Fault) -> String {
    match fault.kind {
        FaultKind::Crash { servers: 1 } => "1 server crashes".to_owned(),
        FaultKind::Crash { servers } => format!("{} servers crash", whole(servers as f64)),
        FaultKind::Slow { servers, factor } => {
            let s = if servers == 1 { "" } else { "s" };
            format!("{} server{s} slow, x {factor}", whole(servers as f64))
        }
        FaultKind::Deploy(_) => "deploy".to_owned(),
        FaultKind::LoseBroker { nodes } => format!("{} lost", counted(nodes, "broker node")),
        FaultKind::Network { of, latency } => {
            let whom = if of == Ways::Client { "clients" } else { "servers" };
            format!("{} more to {whom}", seconds(latency))
        }
        FaultKind::Lose { zone } => {
            let name = scenario.zones.as_ref().and_then(|zones| zones.names.get(zone));
            format!("{} is lost", name.map_or("a zone", String::as_str))
        }
    }
}

fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", whole(number as f64), if number == 1 { "" } else { "s" })
}

/// The part of each latency that is always the same: the network, where it is constant.
fn fixed_latency(scenario: &Scenario) -> f64 {
    let ways = if scenario.workload.fan_out == FanOut::None { 1.0 } else { 2.0 };
    scenario.latency.client.constant().map_or(0.0, |once| once * ways)
}

/// One part of a replication: some cells, one after the other or side by side, and their sums.
struct Part {
    cells: Vec<Cell>,
    first: usize,
    recorder: Recorder,
    totals: Vec<ServerTotals>,
    inbox: Option<Inbox>,
}

impl Part {
    fn new(first: usize, slices: Slices, scenario: &Scenario) -> Self {
        let mut recorder = Recorder::new(slices, &scenario.workload.fan_out);
        if scenario.workload.slow_clients.is_some() {
            recorder = recorder.with_slow_clients();
        }
        Self { cells: Vec::new(), first, recorder, totals: Vec::new(), inbox: None }
    }
}

fn replicate(scenario: &Scenario, plan: &Plan, number: u64, watch: &dyn Watch) -> Result<Replication, SimulationError> {
    let seed = scenario.simulation.seed;
    let end = SimTime::from_seconds(scenario.simulation.duration.get());
    let slices = Slices::new(end, plan.slices);
    let routed = scenario.balancer.unit == BalancedUnit::Message;
    // One cell a server; or one in all, where messages are balanced one by one.
    let cells = if routed { 1 } else { plan.simulated as usize };
    let slots = if routed { plan.slots.saturating_mul(plan.servers) } else { plan.slots };
    let share = plan.simulated as f64 / plan.servers as f64;
    let outages = Outages::of(scenario, cells, number);
    let (mut door, counts) = if plan.connections_change {
        let servers = (cells, if scenario.autoscaler.is_some() { plan.initial as usize } else { cells });
        let (door, counts) = Door::new(scenario, servers, slots, share, plan.balancers, outages.clone(), number);
        (Some(door), counts)
    } else {
        let connections = scenario.users * scenario.workload.connections_per_user;
        (None, if routed { vec![connections] } else { settled(scenario, connections, plan, number) })
    };
    let opened: u64 = counts.iter().sum();
    let between = scenario
        .workload
        .fan_out
        .crosses()
        .then(|| Between::new(scenario, Directory::new(scenario, &plan.extent, &counts, seed, number)));
    let setting = Arc::new(Setting {
        scenario: scenario.clone(),
        demands: Demands::of(scenario, plan.initial, plan.log_nodes),
        slices,
        seed,
        replication: number,
        fleet: plan.servers,
        delays: Delays::of(scenario),
        broken: Broken::of(scenario, plan.broker_nodes as usize, number),
        between,
    });
    let make = |server: usize| {
        if routed {
            Cell::of_all(&setting, plan.servers as usize, counts[server])
        } else {
            let mut cell = Cell::of_server(&setting, server as u64, counts[server]);
            cell.expect(outages.of_server(server), outages.slow(server));
            cell
        }
    };
    let sites = match &setting.between {
        Some(between) if plan.pace.apart > Span::ZERO => between.directory.sites(),
        _ => std::iter::once(0..cells).collect(),
    };
    let parts = (plan.parts as usize / sites.len()).max(1);
    let sites: Vec<Vec<Range<usize>>> = sites.into_iter().map(|site| divide(site, parts)).collect();
    let ranges = sites.concat();
    let mut reads = Reads::new(&setting, if routed { plan.servers } else { plan.simulated }, plan.backend_nodes);
    if door.is_none() && plan.broker_nodes == 0 && reads.is_none() {
        let parts = ranges
            .into_par_iter()
            .map(|range| run_alone(range, &make, &setting, watch))
            .collect::<Result<Vec<Part>, SimulationError>>()?;
        return gather(parts, (None, None), plan, scenario, opened, &outages, (Vec::new(), None));
    }
    let mut exchange = (plan.broker_nodes > 0).then(|| Exchange::new(&setting, &sites, plan.pace, plan.background));
    let mut parts: Vec<Part> = ranges
        .into_iter()
        .map(|range| {
            let mut part = Part::new(range.start, slices, scenario);
            if let Some(exchange) = &exchange {
                part.inbox = Some(Inbox::new(range.start, range.len(), plan.pace));
                part.recorder.outbox = exchange.outbox();
            }
            part.cells = range.map(&make).collect();
            part
        })
        .collect();
    run_together(&mut parts, door.as_mut(), (exchange.as_mut(), reads.as_mut()), &setting, plan, watch)?;
    let followed = door.map_or_else(|| (Vec::new(), None), |door| door.finish(end));
    gather(parts, (exchange, reads), plan, scenario, opened, &outages, followed)
}

/// So many servers in up to so many parts.
fn divide(servers: Range<usize>, parts: usize) -> Vec<Range<usize>> {
    let (first, count) = (servers.start, servers.len());
    let parts = parts.min(count);
    (0..parts).map(|part| first + part * count / parts..first + (part + 1) * count / parts).collect()
}

/// Connections of each simulated server where they stay, as the balancer's policy has spread them over all.
fn settled(scenario: &Scenario, connections: u64, plan: &Plan, number: u64) -> Vec<u64> {
    let seed = scenario.simulation.seed;
    if scenario.sharding.is_none() {
        let all = spread(scenario, connections, plan.servers as usize, seed, number);
        return all.into_iter().take(plan.simulated as usize).collect();
    }
    let all = spread_over_shards(scenario, connections, &plan.extent.fleet, seed, number);
    all.into_iter().zip(&plan.extent.simulated).flat_map(|(shard, n)| shard.into_iter().take(*n as usize)).collect()
}

/// Cells that don't depend on each other: each runs from start to end and is forgotten, so memory holds but a few.
fn run_alone(
    range: Range<usize>,
    make: &(dyn Fn(usize) -> Cell + Sync),
    setting: &Setting,
    watch: &dyn Watch,
) -> Result<Part, SimulationError> {
    let slices = setting.slices;
    let mut part = Part::new(range.start, slices, &setting.scenario);
    let mut open = 0;
    for server in range {
        let mut cell = make(server);
        for slice in 0..slices.count() {
            part.recorder.open(slice);
            let (from, to) = (slices.start_of(slice), slices.end_of(slice));
            // A long slice of a busy server is gone through in steps, so that nobody who asks to stop waits for its end.
            let steps =
                (to.since(from).as_seconds() * cell.messages_per_second() / MESSAGES_A_STEP).ceil().max(1.0) as u64;
            for step in 1..=steps {
                if watch.stop() {
                    return Err(SimulationError::Interrupted);
                }
                let until = if step == steps { to } else { from + Span(to.since(from).0 / steps * step) };
                let before = cell.messages_in();
                cell.advance(until, Coming::default(), setting, &mut part.recorder);
                watch.did(cell.messages_in() - before);
            }
            sample_memory(&cell, &mut part.recorder);
            part.recorder.close();
        }
        part.totals.extend(cell.finish(&mut part.recorder));
        open += cell.connections();
        part.recorder.pending_at_end += cell.pending();
    }
    part.recorder.open_at_end = open;
    Ok(part)
}

fn sample_memory(cell: &Cell, recorder: &mut Recorder) {
    recorder.flow.memory += cell.memory() as u128;
    recorder.flow.memory_samples += cell.servers() as u64;
    let (waiting, slow) = cell.waiting_for_slow();
    recorder.flow.slow_waiting += waiting as u128;
    recorder.flow.slow_samples += slow;
}

/// Cells behind one front door, or with a broker between them: all go forward together, from one window of time to the
/// next.
fn run_together(
    parts: &mut [Part],
    mut door: Option<&mut Door>,
    (mut exchange, mut reads): (Option<&mut Exchange>, Option<&mut Reads>),
    setting: &Setting,
    plan: &Plan,
    watch: &dyn Watch,
) -> Result<(), SimulationError> {
    let slices = setting.slices;
    let cells: usize = parts.iter().map(|part| part.cells.len()).sum();
    let mut changes: Vec<Vec<(SimTime, Change)>> = vec![Vec::new(); cells];
    let mut answers: Vec<Vec<Ask>> = vec![Vec::new(); parts.len()];
    let pace = exchange.as_ref().map(|exchange| exchange.pace());
    let parallel = pace.is_none_or(|pace| pace.parallel || pace.step == Span::ZERO);
    // What all share makes them wait for each other at each step.
    let alone = door.is_none() && reads.is_none();
    let steps = pace.filter(|_| alone).map_or(1, |pace| pace.steps_apart()) as usize;
    let mut stretch = Vec::new();
    for slice in 0..slices.count() {
        let (from, to) = (slices.start_of(slice), slices.end_of(slice));
        let drops = plan.memory_can_fill || setting.scenario.cuts_slow_clients();
        let windows = windows(parts, to.since(from), drops, pace, reads.is_some());
        let mut opens = Some(slice);
        let mut window = 0;
        while window < windows {
            let planned = end_of_window(from, to, window + 1, windows);
            // The autoscaler looks at the end of a window.
            let look = door.as_ref().and_then(|door| door.next_look()).filter(|look| *look <= planned);
            let until = look.unwrap_or(planned);
            window += u64::from(until == planned);
            stretch.push(Window { until, opens: opens.take(), closes: window == windows });
            if stretch.len() < steps && until < slices.end() {
                continue;
            }
            if let Some(door) = door.as_deref_mut() {
                changes.iter_mut().for_each(Vec::clear);
                door.advance(until, |server, time, change| changes[server].push((time, change)));
            }
            if let Some(exchange) = exchange.as_deref_mut()
                && exchange.pace().step == Span::ZERO
            {
                if let Some(slice) = stretch.first_mut().and_then(|window: &mut Window| window.opens.take()) {
                    for part in parts.iter_mut() {
                        part.recorder.turn_to(slice);
                    }
                    exchange.sites().iter_mut().for_each(|site| site.turn_to(slice));
                }
                exchange.advance_singly(&mut rows(parts), &mut changes, setting, until);
            }
            let there = if window == windows { those_there(door.as_deref(), cells) } else { Vec::new() };
            let this = Stretch {
                windows: &stretch,
                changes: if door.is_none() { &[] } else { &changes },
                there: &there,
                memory_can_fill: plan.memory_can_fill,
                parallel,
            };
            let shed = this.advance(parts, exchange.as_deref_mut(), setting, watch);
            stretch.clear();
            if watch.stop() {
                return Err(SimulationError::Interrupted);
            }
            make_reads(reads.as_deref_mut(), parts, &mut answers, until);
            for (server, count) in shed {
                if let Some(door) = door.as_deref_mut() {
                    door.shed(server, count, until);
                }
            }
            if let (Some(now), Some(door)) = (look, door.as_deref_mut()) {
                door.look(now, &times_at_work(parts));
            }
        }
    }
    if let Some(exchange) = exchange {
        exchange.sites().iter_mut().for_each(Site::close);
    }
    parts.par_iter_mut().for_each(|part| {
        part.recorder.close();
        for cell in &mut part.cells {
            part.totals.extend(cell.finish(&mut part.recorder));
            part.recorder.open_at_end += cell.connections();
            part.recorder.pending_at_end += cell.pending();
        }
    });
    Ok(())
}

/// Some time in which no cell needs to know what the others do.
struct Window {
    until: SimTime,
    /// The slice that begins with it.
    opens: Option<usize>,
    /// Whether a slice ends with it.
    closes: bool,
}

/// Some windows that all sites go through without each other.
struct Stretch<'a> {
    windows: &'a [Window],
    /// What happens to the connections of each server; of none, where they stay.
    changes: &'a [Vec<(SimTime, Change)>],
    /// Which servers are there, so that their memory is looked at when a slice ends; none is named where all are.
    there: &'a [bool],
    memory_can_fill: bool,
    /// Whether several threads are worth it.
    parallel: bool,
}

impl Stretch<'_> {
    /// Lets cells and relays go forward, and says which servers have dropped how many connections.
    fn advance(
        &self,
        parts: &mut [Part],
        exchange: Option<&mut Exchange>,
        setting: &Setting,
        watch: &dyn Watch,
    ) -> Vec<(usize, u64)> {
        let Some(exchange) = exchange else { return self.advance_site(parts, None, setting, watch, self.parallel) };
        let sites = exchange.sites();
        // With more threads than sites, several work on one.
        let within = self.parallel && rayon::current_num_threads() > sites.len();
        let mut rest = &mut *parts;
        let each: Vec<(&mut Site, &mut [Part])> = sites
            .iter_mut()
            .map(|site| {
                let (parts, others) = std::mem::take(&mut rest).split_at_mut(site.parts());
                rest = others;
                (site, parts)
            })
            .collect();
        let advance = |(site, parts)| self.advance_site(parts, Some(site), setting, watch, within);
        let shed: Vec<Vec<(usize, u64)>> = if self.parallel {
            each.into_par_iter().map(advance).collect()
        } else {
            each.into_iter().map(advance).collect()
        };
        exchange.carry(&mut rows(parts));
        shed.concat()
    }

    fn advance_site(
        &self,
        parts: &mut [Part],
        mut site: Option<&mut Site>,
        setting: &Setting,
        watch: &dyn Watch,
        parallel: bool,
    ) -> Vec<(usize, u64)> {
        let mut shed = Vec::new();
        for window in self.windows {
            if watch.stop() {
                break;
            }
            if let (Some(slice), Some(site)) = (window.opens, site.as_deref_mut()) {
                site.turn_to(slice);
            }
            let here = site.as_deref();
            let advance = |(number, part): (usize, &mut Part)| {
                if let (Some(site), Some(inbox)) = (here, part.inbox.as_mut()) {
                    site.deliver(number, inbox, window.until);
                }
                self.advance_part(part, window, setting, watch)
            };
            let dropped: Vec<Vec<(usize, u64)>> = if parallel {
                parts.par_iter_mut().enumerate().map(advance).collect()
            } else {
                parts.iter_mut().enumerate().map(advance).collect()
            };
            shed.extend(dropped.into_iter().flatten());
            if let Some(site) = site.as_deref_mut() {
                let mut outboxes: Vec<_> = parts.iter_mut().map(|part| &mut part.recorder.outbox).collect();
                site.advance(&mut outboxes, window.until, parallel);
            }
        }
        shed
    }

    /// Lets the cells of one part go forward through a window.
    fn advance_part(
        &self,
        part: &mut Part,
        window: &Window,
        setting: &Setting,
        watch: &dyn Watch,
    ) -> Vec<(usize, u64)> {
        let Part { cells, first, recorder, inbox, .. } = part;
        if let Some(slice) = window.opens {
            recorder.turn_to(slice);
        }
        let mut shed = Vec::new();
        let mut messages = 0;
        for i in 0..cells.len() {
            if i.is_multiple_of(GLANCED) {
                glance(&cells[i..cells.len().min(i + GLANCED)]);
            }
            let cell = &mut cells[i];
            let number = *first + i;
            let before = cell.messages_in();
            let changes = self.changes.get(number).map_or(&[][..], Vec::as_slice);
            let copies = inbox.as_ref().map_or(&[][..], |inbox| inbox.of(i));
            cell.advance(window.until, Coming { changes, copies }, setting, recorder);
            messages += cell.messages_in() - before;
            let cut = cell.cut_slow(recorder);
            let excess = if self.memory_can_fill { cell.excess_connections() } else { 0 };
            let dropped = cut + cell.shed(excess, recorder);
            if dropped > 0 {
                shed.push((number, dropped));
            }
            if window.closes && self.there.get(number).is_none_or(|there| *there) {
                sample_memory(cell, recorder);
            }
        }
        watch.did(messages);
        shed
    }
}

/// Touches what these cells will need for their next step, so that it comes into the cache for all of them at the same
/// time: each has little to do in a step, and would wait for memory more than it works.
fn glance(cells: &[Cell]) {
    for stage in 0..Cell::GLANCES {
        std::hint::black_box(cells.iter().fold(0, |all, cell| all ^ cell.glance(stage)));
    }
}

/// The parts, as the exchange sees them.
fn rows(parts: &mut [Part]) -> Vec<Row<'_>> {
    parts
        .iter_mut()
        .filter_map(|Part { cells, recorder, inbox, .. }| Some(Row { cells, recorder, inbox: inbox.as_mut()? }))
        .collect()
}

/// How many windows so much time is cut into: so that nobody who asks to stop waits long, memory is looked at, and nothing
/// that crosses between servers comes too late.
fn windows(parts: &[Part], time: Span, drops: bool, pace: Option<Pace>, reads: bool) -> u64 {
    let seconds = time.as_seconds();
    let busiest = parts.iter().flat_map(|part| &part.cells).map(Cell::messages_per_second).fold(0.0, f64::max);
    let steps = (seconds * busiest / MESSAGES_A_STEP).ceil().max(1.0);
    let feedback = if drops { (seconds / FEEDBACK_SECONDS).ceil() } else { 1.0 };
    let held = if reads { held_windows(parts, seconds) } else { 1.0 };
    let in_step = pace.filter(|pace| pace.step > Span::ZERO).map_or(1, |pace| time.0.div_ceil(pace.step.0));
    (steps.max(feedback).max(held) as u64).max(in_step)
}

/// Windows of this time, where what has left the cores is held until all have come as far.
fn held_windows(parts: &[Part], seconds: f64) -> f64 {
    let all: f64 = parts.iter().flat_map(|part| &part.cells).map(Cell::messages_per_second).sum();
    (seconds * all / READS_A_STEP).ceil()
}

/// Lets the reads go forward to where the cells are, and what has made its reads go out.
fn make_reads(reads: Option<&mut Reads>, parts: &mut [Part], answers: &mut [Vec<Ask>], until: SimTime) {
    let Some(reads) = reads else { return };
    for part in &mut *parts {
        reads.take(&mut part.recorder.asks);
    }
    // A part has its servers next to each other; one cell may have all.
    let routed = parts.iter().all(|part| part.cells.iter().any(|cell| cell.servers() > 1));
    let starts: Vec<usize> = parts.iter().map(|part| part.first).collect();
    reads.advance(until, |ask| {
        let part = if routed { 0 } else { starts.partition_point(|first| *first <= ask.server as usize) - 1 };
        answers[part].push(ask);
    });
    parts.par_iter_mut().zip(answers).for_each(|(part, answers)| {
        let Part { cells, first, recorder, .. } = part;
        for ask in answers.drain(..) {
            let server = ask.server as usize;
            let (cell, first) = if routed { (0, 0) } else { (server - *first, server) };
            cells[cell].answered(first, &ask, recorder);
        }
    });
}

/// When a window ends, of so many equal ones between two moments.
fn end_of_window(from: SimTime, to: SimTime, window: u64, windows: u64) -> SimTime {
    if window == windows {
        return to;
    }
    from + Span((u128::from(to.since(from).0) * u128::from(window) / u128::from(windows)) as u64)
}

/// Which servers are there; none is named where all are.
fn those_there(door: Option<&Door>, servers: usize) -> Vec<bool> {
    door.map_or_else(Vec::new, |door| (0..servers).map(|server| door.is_there(server)).collect())
}

/// The time that the cores of each server have worked up to now.
fn times_at_work(parts: &[Part]) -> Vec<u128> {
    parts.iter().flat_map(|part| &part.cells).map(Cell::busy).collect()
}

fn gather(
    mut parts: Vec<Part>,
    (exchange, reads): (Option<Exchange>, Option<Reads>),
    plan: &Plan,
    scenario: &Scenario,
    opened: u64,
    outages: &Outages,
    (mut faults, course): (Vec<FaultTally>, Option<FleetCourse>),
) -> Result<Replication, SimulationError> {
    let mut conservation = Conservation { connections_opened: opened, ..Conservation::default() };
    let mut relay = None;
    if let Some(exchange) = exchange {
        let end = exchange.finish();
        conservation.relayed = end.totals.relayed;
        conservation.relay_lost = end.totals.lost;
        conservation.handed_out = end.totals.copies;
        let coming = parts.iter().filter_map(|part| part.inbox.as_ref()).map(Inbox::coming).sum::<u64>();
        conservation.copies_on_the_way = end.copies + coming;
        conservation.in_post =
            end.letters + parts.iter_mut().flat_map(|part| &mut part.cells).map(Cell::gathering).sum::<u64>();
        for (fault, lost) in faults.iter_mut().zip(end.lost_by_fault) {
            fault.messages_lost += lost;
        }
        relay = end.tally.map(|tally| (tally, plan.extent.nodes));
    }
    let mut backend = None;
    if let Some(reads) = reads {
        let (tally, pending) = reads.finish();
        conservation.in_service += pending;
        backend = Some(tally);
    }
    let mut totals: Vec<ServerTotals> = Vec::new();
    let mut groups: Vec<(Tally, u64)> = Vec::new();
    for part in parts {
        let Part { recorder, totals: servers, .. } = part;
        conservation = conservation.plus(recorder.conservation());
        for (fault, lost) in faults.iter_mut().zip(&recorder.lost_by_fault) {
            fault.messages_lost += lost;
        }
        let tally = recorder.finish();
        let size = servers.len() as u64;
        totals.extend(servers);
        match groups.first_mut() {
            Some((sum, servers)) if plan.servers == plan.simulated => {
                sum.merge(&tally);
                *servers += size;
            }
            _ => groups.push((tally, size)),
        }
    }
    for (tally, _) in &groups {
        for flow in &tally.flow {
            conservation.arrived += flow.messages_in;
            conservation.published += flow.published;
            conservation.relay_lost += flow.relay_lost;
            conservation.received += flow.copies;
            conservation.copies_lost += flow.copies_cut;
            conservation.blocked += flow.blocked;
            conservation.abandoned += flow.abandoned;
            conservation.late += flow.late;
            if retrying(scenario) {
                conservation.intended += flow.messages_in - flow.retried;
                conservation.given_up += flow.given_up;
            }
            conservation.lost += flow.lost;
            conservation.connections_opened += flow.accepted;
            conservation.connections_closed += flow.ended + flow.shed + flow.cut;
        }
    }
    if !conservation.holds() {
        return Err(SimulationError::Conservation(Box::new(conservation)));
    }
    if let Some((tally, _)) = groups.first_mut() {
        let slices = tally.slices;
        for (i, flow) in tally.flow.iter_mut().enumerate() {
            flow.down = outages.down_between(slices.start_of(i), slices.end_of(i));
            if let Some(course) = &course {
                (flow.up, flow.paid) = course.between(slices.start_of(i), slices.end_of(i));
            }
        }
    }
    let scaling = course.map(|course| ScalingTally {
        scale_outs: course.scale_outs,
        scale_ins: course.scale_ins,
        most: course.most(),
        server_seconds: course.between(SimTime::ZERO, SimTime::from_seconds(scenario.simulation.duration.get())).1
            as f64
            / PICOSECONDS,
    });
    let seconds = scenario.simulation.duration.get();
    Ok(Replication {
        groups,
        relay,
        backend,
        conservation,
        faults,
        scaling,
        servers: compare(&totals, scenario.servers.cores, seconds),
    })
}

fn compare(totals: &[ServerTotals], cores: u32, seconds: f64) -> ServerMetrics {
    let n = totals.len() as f64;
    let mean = totals.iter().map(|server| server.messages as f64).sum::<f64>() / n;
    let squares: f64 = totals.iter().map(|server| (server.messages as f64 - mean).powi(2)).sum();
    // Of several that work the most, the first.
    let (worst, work) = totals
        .iter()
        .enumerate()
        .fold((0, 0), |(worst, most), (i, server)| if server.work > most { (i, server.work) } else { (worst, most) });
    ServerMetrics {
        messages_mean: mean,
        messages_variance_over_mean: (totals.len() > 1 && mean > 0.0).then(|| squares / (n - 1.0) / mean),
        worst: worst as u64,
        worst_cpu_utilisation: work as f64 / PICOSECONDS / (seconds * f64::from(cores)),
    }
}
