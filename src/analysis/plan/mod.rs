//! What it takes to keep the SLO: the fewest servers and what they need around them, on which machines, at what price, and
//! how sure that is.
//!
//! Servers are counted by simulation, in the world of the medians. How sure the count is comes from worlds: where figures
//! are uncertain, each world draws them anew (a Latin hypercube) and is a replication of its own; where none is, the worlds
//! are the replications.

mod machines;
mod regret;
mod search;

use rayon::prelude::*;

use super::assessment::{spread, worlds};
use super::price::Pricing;
use super::sensitivity::simulated::{TailError, tails};
use super::sensitivity::{self, Sensitivity};
use super::trial::{Effort, Trial};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Fleet, Model};
use crate::random::hash_bytes;
use crate::scenario::{Catalogue, Document, Machine, Scenario};
use crate::simulation::{SimulationError, Watch};
use crate::stats::Estimate;
use machines::Market;
pub use machines::{Offer, Why};
pub use regret::LeastRegret;
use search::{Efforts, Found, Search, few, fleet};

/// Worlds that a scenario with uncertain figures is simulated in …
const WORLDS: usize = 40;
/// … or fewer, where one is much to simulate: so many messages in all of them, …
const MESSAGES_OF_WORLDS: f64 = 6e7;
/// … but at least so many worlds.
const FEWEST_WORLDS: usize = 10;
/// Replications that say how sure a count is where nothing is uncertain.
const REPLICATIONS: u64 = 20;
/// Moves of the edge by more replications.
const MOST_MOVES: usize = 8;

/// What it takes.
#[derive(Debug)]
pub struct Plan {
    /// The world of the medians.
    pub scenario: Scenario,
    /// How many worlds or replications say how sure a count is.
    pub worlds: usize,
    /// Whether they differ in what is uncertain, and not by chance alone.
    pub uncertain: bool,
    /// On the scenario's own machine.
    pub own: Result<Sizing, Unmet>,
    /// On those of the catalogue, the cheapest first.
    pub offers: Vec<Offer>,
    /// Those of the catalogue that are not among them, and why.
    pub rejected: Vec<(Machine, Why)>,
    /// What is to be regretted least over all worlds; nothing where nothing is uncertain.
    pub least_regret: Option<LeastRegret>,
    /// What each uncertain input moves, the weightiest first: the servers of the plan, the price of the cheapest, and the tail of
    /// latency on its servers. Empty where there is no plan on the scenario's own machine.
    pub sensitivity: Vec<Sensitivity>,
}

/// The fewest servers of one machine that keep the SLO.
#[derive(Debug)]
pub struct Sizing {
    /// How many; the interval is over the worlds.
    pub servers: Estimate,
    /// Servers on top: N+k, and the headroom of zones.
    pub spare: u64,
    /// Of those, the headroom of zones.
    pub zone_spare: u64,
    /// What is around so many servers.
    pub fleet: Fleet,
    /// Partitions of the broker, where it has any.
    pub partitions: Option<u64>,
    /// How many worlds keep the SLO on some numbers of servers, from few to many.
    pub edge: Vec<Edge>,
    /// Whether servers past the edge were seen to do worse.
    pub more_do_worse: bool,
    /// What gives way first as users grow.
    pub bottleneck: &'static str,
    /// The run on so many servers.
    pub trial: Trial,
}

/// A number of servers near the fewest.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// How many.
    pub servers: u64,
    /// Share of the worlds in which they keep the SLO.
    pub share_met: f64,
    /// What stands in the way in the world of the medians, where something does.
    pub limited_by: Option<&'static str>,
    /// Whether the closed form says so: a target or the comfortable connections are passed.
    pub past_target: bool,
}

/// No number of servers keeps the SLO.
#[derive(Debug)]
pub struct Unmet {
    /// The most that were tried.
    pub tried: u64,
    /// The run on them.
    pub trial: Trial,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The scenario is wrong.
    #[error(transparent)]
    Wrong(#[from] Diagnostics),
    /// It can't be simulated.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
}

impl From<TailError> for PlanError {
    fn from(error: TailError) -> Self {
        match error {
            TailError::Wrong(errors) => Self::Wrong(errors),
            TailError::Simulation(error) => Self::Simulation(error),
        }
    }
}

/// Plans a scenario on its own machine and on those of a catalogue.
///
/// # Errors
/// When the scenario is wrong, can't be simulated, or the simulation was told to stop.
pub fn plan(document: &Document, catalogue: Option<&Catalogue>, watch: &dyn Watch) -> Result<Plan, PlanError> {
    let open = open(document)?;
    let scenario = open.resolve()?;
    let uncertain = !open.uncertain().is_empty();
    let mut worlds = (REPLICATIONS.max(scenario.simulation.replications)) as usize;
    let mut search = Search::new(scenario.clone(), Efforts::of(&scenario), watch);
    let own = match search.fewest(true)? {
        Found::NoNumber(tried) => Err(unmet(&search, tried)),
        Found::Servers(edge) if uncertain => {
            let needs = needs(&open, &search, edge, watch)?;
            worlds = needs.len();
            Ok(sizing(&search, edge, &Worlds::Many(needs)))
        }
        Found::Servers(edge) => match certify(&mut search, edge)? {
            Some(edge) => Ok(sizing(&search, edge, &Worlds::Replications)),
            None => Err(unmet(&search, edge)),
        },
    };
    let market = catalogue.map(|catalogue| machines::market(&open, catalogue, watch)).transpose()?.unwrap_or_default();
    let uncertain_prices = market.offers.iter().any(|offer| offer.machine.uncertain_price.is_some());
    let least_regret = if uncertain || uncertain_prices { regret::least(&open, &market.offers)? } else { None };
    let sensitivity = match &own {
        Ok(sizing) => moves(&open, sizing, &market.offers, watch)?,
        Err(_) => Vec::new(),
    };
    let Market { offers, rejected } = market;
    Ok(Plan { scenario, worlds, uncertain, own, offers, rejected, least_regret, sensitivity })
}

/// What each uncertain input moves: by the closed form, raised as much as simulation raised it, and the tail by simulation.
fn moves(open: &Document, sizing: &Sizing, offers: &[Offer], watch: &dyn Watch) -> Result<Vec<Sensitivity>, PlanError> {
    let fleet = sizing.fleet;
    let raise = |servers: u64, document: &Document| -> Result<f64, Diagnostics> {
        let closed = Model::of(&document.resolve()?).required.fleet.servers;
        Ok(servers as f64 / closed.max(1) as f64)
    };
    let mut pricing = Pricing::default();
    for offer in offers {
        let raise = raise(offer.sizing.fleet.servers, &offer.machine.applied(open)?)?;
        pricing.add(open, &offer.machine, raise)?;
    }
    let pricing = Some(&pricing).filter(|_| !offers.is_empty());
    let mut all = sensitivity::closed(open, fleet, raise(fleet.servers, open)?, pricing)?;
    let paths: Vec<&str> = all.iter().map(|one| one.path.as_str()).collect();
    let tails = tails(open, &paths, fleet, watch)?;
    for (one, tail) in all.iter_mut().zip(tails) {
        one.tail = Some(tail);
    }
    Ok(all)
}

/// The scenario with the number of its servers open.
fn open(document: &Document) -> Result<Document, Diagnostics> {
    if document.resolve()?.autoscaler.is_some() {
        return Err(Diagnostic::new("`plan` sizes a fleet that stays as it is, and here is an `autoscaler`")
            .help("leave it out with `--set autoscaler=none`; its `most` is then what the plan says, spare included")
            .into());
    }
    let mut open = document.clone();
    open.set_path("plan", "servers.count", "auto")?;
    open.resolve()?;
    Ok(open)
}

/// What a number of servers is judged by.
enum Worlds {
    /// The fewest in each world; nothing where no number suffices.
    Many(Vec<Option<u64>>),
    /// The replications of the trials.
    Replications,
}

fn unmet(search: &Search<'_>, tried: u64) -> Unmet {
    // The number was tried, or it would not have been given up.
    let trial = search.trial(tried).cloned().unwrap_or_else(|| Trial::untried(search.fleet(tried)));
    Unmet { tried, trial }
}

/// Enough replications at the edge to say how sure it is; they may move it.
fn certify(search: &mut Search<'_>, mut edge: u64) -> Result<Option<u64>, SimulationError> {
    let scenario = search.scenario();
    let replications = REPLICATIONS.max(scenario.simulation.replications);
    let effort = Effort { replications, messages: 1e7 / few(scenario) };
    let least = search.least();
    let mut step = 1;
    for _ in 0..MOST_MOVES {
        if search.again(edge, effort)?.met() {
            // Down as long as one fewer does as well.
            while edge > least && search.again(edge - 1, effort)?.met() {
                edge -= 1;
            }
            return Ok(Some(edge));
        }
        edge += step;
        step *= 2;
    }
    Ok(None)
}

/// The fewest servers in each of many worlds.
fn needs(
    document: &Document,
    search: &Search<'_>,
    edge: u64,
    watch: &dyn Watch,
) -> Result<Vec<Option<u64>>, PlanError> {
    let scenario = search.scenario();
    let seed = scenario.simulation.seed;
    let one = Efforts::of_a_world(scenario).quick;
    // What one trial takes, by what it took: a short run can't be shortened at will.
    let took = Trial::of(scenario, search.fleet(edge), one, watch)?.metrics.map_or(0, |metrics| metrics.events.max(1));
    let dear = if scenario.workload.fan_out.crosses() { 12.0 } else { 1.0 };
    let count = ((MESSAGES_OF_WORLDS / dear / took as f64) as usize).clamp(FEWEST_WORLDS, WORLDS);
    worlds(document, seed, count)?
        .into_par_iter()
        .enumerate()
        .map(|(world, mut scenario)| {
            // Each world is a replication of its own; the same for every number of servers.
            scenario.simulation.seed = hash_bytes(format!("{seed} {world}").as_bytes());
            let efforts = Efforts::of_a_world(&scenario);
            match Search::new(scenario, efforts, watch).fewest(false)? {
                Found::Servers(servers) => Ok(Some(servers)),
                Found::NoNumber(_) => Ok(None),
            }
        })
        .collect()
}

fn sizing(search: &Search<'_>, edge: u64, worlds: &Worlds) -> Sizing {
    let scenario = search.scenario();
    let shards = scenario.sharding.as_ref().map_or(1, |sharding| sharding.shards);
    let zone_spare = scenario.zones.as_ref().map_or(0, |zones| zones.headroom(edge));
    let around = search.fleet(edge);
    let model = Model::on(scenario, around);
    let tried = |servers: u64| search.trial(servers);
    let least = search.least();
    let mut counts: Vec<u64> = (edge.saturating_sub(1).max(1)..=edge + 1).collect();
    if let Worlds::Many(needs) = worlds {
        let interval = over_worlds(edge, needs);
        counts.extend([interval.low, interval.high].iter().filter(|end| end.is_finite()).map(|end| *end as u64));
        counts.sort_unstable();
        counts.dedup();
    }
    let edges: Vec<Edge> = counts
        .into_iter()
        .filter_map(|servers| {
            let past_target = servers < least && !search.within_targets(servers);
            let trial = tried(servers);
            let share_met = match worlds {
                Worlds::Many(needs) => {
                    needs.iter().filter(|need| need.is_some_and(|need| need <= servers)).count() as f64
                        / needs.len() as f64
                }
                Worlds::Replications if past_target => 0.0,
                Worlds::Replications => trial?.share_met(),
            };
            let limited_by = match trial {
                _ if past_target => past(scenario, servers),
                Some(trial) if !trial.met() => Some(trial.limited_by),
                _ => None,
            };
            Some(Edge { servers, share_met, limited_by, past_target })
        })
        .collect();
    let servers = match worlds {
        Worlds::Many(needs) => over_worlds(edge, needs),
        Worlds::Replications => by_replications(edge, &edges),
    };
    let partitions = scenario.broker.as_ref().filter(|_| around.broker_nodes > 0).and_then(|broker| {
        let partitioned = broker.partitions_per_node.is_some() || broker.partitions.is_some();
        partitioned.then(|| broker.partitions.unwrap_or(edge))
    });
    Sizing {
        servers,
        spare: scenario.servers.spare * shards + zone_spare,
        zone_spare,
        fleet: Fleet { servers: edge, ..around },
        partitions,
        edge: edges,
        more_do_worse: (edge + 1..=edge + 2).filter_map(tried).any(|trial| !trial.met()),
        bottleneck: model.saturation_order().first().map_or("server.connections", |first| first.kind.name()),
        trial: tried(edge).cloned().unwrap_or_else(|| Trial::untried(around)),
    }
}

/// The fewest, with the interval of what the worlds need.
fn over_worlds(edge: u64, needs: &[Option<u64>]) -> Estimate {
    spread(edge as f64, needs.iter().map(|need| need.map_or(f64::INFINITY, |need| need as f64)).collect())
}

/// What servers are past the target of, first.
fn past(scenario: &Scenario, servers: u64) -> Option<&'static str> {
    let model = Model::on(scenario, fleet(scenario, servers));
    let over = model.saturation_order().into_iter().find(|resource| resource.units_required > servers);
    over.map(|resource| resource.kind.name())
}

/// One more or fewer, where the replications don't agree.
fn by_replications(edge: u64, edges: &[Edge]) -> Estimate {
    let share = |servers: u64| edges.iter().find(|edge| edge.servers == servers).map(|edge| edge.share_met);
    let fewer = edge.checked_sub(1).and_then(share).is_some_and(|share| share > 0.025);
    let more = share(edge).is_some_and(|share| share < 0.975);
    let value = edge as f64;
    Estimate { value, low: value - f64::from(u8::from(fewer)), high: value + f64::from(u8::from(more)) }
}
