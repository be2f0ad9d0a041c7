//! Whether a fleet carries a load within its SLO, by as much simulation as it takes to tell.
//!
//! A short run settles what is clear. What is not is run as long and as often as the scenario says. All trials of one
//! scenario share its seed, so that two fleets meet the same users (common random numbers).

use super::slo::{Objective, Verdict, judge, overall};
use crate::metrics::{RunMetrics, StationMetrics, Unsteady};
use crate::model::latency::latency;
use crate::model::{Fleet, Model, ResourceKind};
use crate::scenario::{Arrivals, Scenario, Start};
use crate::simulation::plan::{Plan, PlanError};
use crate::simulation::{SimulationError, Watch, simulate_each};
use crate::units::{Ratio, Seconds};

/// Share of messages that may be lost where the scenario promises nothing.
pub const TOLERATED_LOSS: f64 = 0.001;
/// A figure so far from its limit, as a share, is clear.
const CLEAR: f64 = 0.1;
/// A run is shortened to no less than this, in seconds …
const SHORTEST_SECONDS: f64 = 0.5;
/// … and to no less than so many times the time that its stations take to settle.
const SETTLINGS: f64 = 20.0;

/// How much to simulate.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Replications.
    pub replications: u64,
    /// Messages in all of them, where the run may be shortened.
    pub messages: f64,
}

/// One fleet, tried out.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The fleet.
    pub fleet: Fleet,
    /// What is promised and what was found; empty where the load can't even be simulated.
    pub objectives: Vec<Objective>,
    /// All of it together.
    pub verdict: Verdict,
    /// The largest figure over its limit: more than 1 is too much.
    pub worst: f64,
    /// The same, replication by replication.
    pub each: Vec<f64>,
    /// The 99th percentile of latency, replication by replication, in seconds; NaN where nothing was delivered.
    pub p99_of_each: Vec<f64>,
    /// What stands in the way most: a resource or `network`.
    pub limited_by: &'static str,
    /// The run; `None` where the load is too much even to simulate.
    pub metrics: Option<RunMetrics>,
}

impl Trial {
    /// Simulates a scenario on a fleet.
    ///
    /// # Errors
    /// When it can't be simulated, for other reasons than too much load.
    pub fn of(scenario: &Scenario, fleet: Fleet, effort: Effort, watch: &dyn Watch) -> Result<Self, SimulationError> {
        let scenario = match shortened(scenario, fleet, effort) {
            Ok(scenario) => scenario,
            Err(PlanError::Overload(name, ..)) => return Ok(Self::hopeless(fleet, name)),
            // A fault needs servers to break.
            Err(PlanError::FaultOfMore(..)) => return Ok(Self::hopeless(fleet, "faults")),
            Err(error) => return Err(error.into()),
        };
        let model = Model::on(&scenario, fleet);
        let (metrics, each) = simulate_each(&scenario, &model, watch)?;
        let objectives = promised(&scenario, &metrics);
        let verdict = match overall(&objectives) {
            _ if metrics.unsteady.contains(&Unsteady::Overloaded) => Verdict::NotMet,
            verdict => verdict,
        };
        let p99_of_each = each.iter().map(|alone| alone.latency.map_or(f64::NAN, |all| all.p99.value)).collect();
        let each = each.iter().map(|alone| worst(&promised(&scenario, alone), alone)).collect();
        Ok(Self {
            fleet,
            verdict,
            worst: worst(&objectives, &metrics),
            each,
            p99_of_each,
            limited_by: limited_by(&scenario, &model, &metrics, &objectives),
            objectives,
            metrics: Some(metrics),
        })
    }

    /// A fleet of which nothing is known.
    pub fn untried(fleet: Fleet) -> Self {
        Self::hopeless(fleet, "server.cpu")
    }

    fn hopeless(fleet: Fleet, limited_by: &'static str) -> Self {
        Self {
            fleet,
            objectives: Vec::new(),
            verdict: Verdict::NotMet,
            worst: f64::INFINITY,
            each: Vec::new(),
            p99_of_each: Vec::new(),
            limited_by,
            metrics: None,
        }
    }

    /// Whether the fleet carries the load within its SLO.
    pub fn met(&self) -> bool {
        self.verdict == Verdict::Met
    }

    /// Whether more simulation would hardly change the verdict.
    pub fn is_clear(&self) -> bool {
        match self.verdict {
            Verdict::Met => self.worst <= 1.0 - CLEAR && self.objectives.iter().all(|objective| objective.sure),
            Verdict::NotMet => {
                let overloaded = |metrics: &RunMetrics| metrics.unsteady.contains(&Unsteady::Overloaded);
                self.metrics.as_ref().is_none_or(overloaded)
                    || self.objectives.iter().any(|o| o.sure && over_limit(o) >= 1.0 + CLEAR)
            }
            Verdict::Undecided => false,
        }
    }

    /// Share of the replications that keep to the SLO.
    pub fn share_met(&self) -> f64 {
        self.each.iter().filter(|worst| **worst <= 1.0).count() as f64 / self.each.len().max(1) as f64
    }
}

/// The objectives of a run. Where the scenario has none, hardly a message may be lost.
fn promised(scenario: &Scenario, metrics: &RunMetrics) -> Vec<Objective> {
    let slo = &scenario.slo;
    if slo.latency.is_empty() && slo.dropped.is_none() {
        let mut slo = slo.clone();
        slo.dropped = Some(Ratio::new(TOLERATED_LOSS));
        return judge(&slo, metrics);
    }
    judge(slo, metrics)
}

/// The largest figure over its limit; of what is overloaded always more than 1.
fn worst(objectives: &[Objective], metrics: &RunMetrics) -> f64 {
    let least: f64 = if metrics.unsteady.contains(&Unsteady::Overloaded) { 1.001 } else { 0.0 };
    objectives.iter().map(over_limit).fold(least, f64::max)
}

fn over_limit(objective: &Objective) -> f64 {
    match objective.found {
        Some(found) if found.value <= 0.0 => 0.0,
        Some(found) => found.value / objective.limit,
        None => f64::INFINITY,
    }
}

/// What stands in the way of an objective most: for want of slots the resource that has the fewest, of time the network
/// where it alone takes too long, and else the station where a message spends the longest, in its queue and in service.
fn limited_by(scenario: &Scenario, model: &Model, metrics: &RunMetrics, objectives: &[Objective]) -> &'static str {
    let nearest = objectives.iter().max_by(|a, b| over_limit(a).total_cmp(&over_limit(b)));
    let fullest = |kinds: &dyn Fn(ResourceKind) -> bool, use_of: &dyn Fn(ResourceKind) -> f64| {
        let all = model.resources.iter().map(|resource| resource.kind).filter(|kind| kinds(*kind));
        all.max_by(|a, b| use_of(*a).total_cmp(&use_of(*b))).map(ResourceKind::name)
    };
    let slots = |kind| matches!(kind, ResourceKind::Connections | ResourceKind::Memory | ResourceKind::Descriptors);
    let offered = |kind: ResourceKind| {
        let resource = model.resource(kind);
        resource.map_or(0.0, |r| r.demand / (r.capacity.unwrap_or(f64::INFINITY) * r.units as f64))
    };
    let admitted = |kind: ResourceKind| model.admitted_utilisation(scenario, kind);
    if metrics.unserved_share.value > TOLERATED_LOSS {
        return fullest(&slots, &offered).unwrap_or("server.connections");
    }
    if metrics.unsteady.contains(&Unsteady::Overloaded) {
        return fullest(&|kind| !slots(kind), &admitted).unwrap_or("server.cpu");
    }
    if let Some(objective) = nearest.filter(|objective| objective.name != "dropped")
        && latency(scenario, model).network_seconds >= objective.limit
    {
        return "network";
    }
    let spent = |station: &StationMetrics| station.residence_seconds.map_or(0.0, |time| time.value);
    // Nobody waits for the log.
    let passed = metrics.stations.iter().filter(|station| station.name != "log_store.write" && spent(station) > 0.0);
    passed
        .max_by(|a, b| spent(a).total_cmp(&spent(b)))
        .map_or_else(|| fullest(&|kind| !slots(kind), &admitted).unwrap_or("server.cpu"), |station| station.name)
}

/// The scenario with so many replications and, where nothing in it takes its time, no longer than so many messages take.
fn shortened(scenario: &Scenario, fleet: Fleet, effort: Effort) -> Result<Scenario, PlanError> {
    let mut scenario = scenario.clone();
    let settings = &mut scenario.simulation;
    settings.replications = effort.replications;
    settings.precision = None;
    if !may_be_shortened(&scenario) {
        return Ok(scenario);
    }
    let model = Model::on(&scenario, fleet);
    let longest = scenario.simulation.duration.get();
    // What is simulated depends on the duration twice, since a long run is sampled: a few steps find it.
    for _ in 0..6 {
        let plan = Plan::of(&scenario, &model)?;
        let duration = scenario.simulation.duration.get();
        let shortest = SHORTEST_SECONDS.max(SETTLINGS * plan.settling_seconds).min(longest);
        if plan.messages <= 1.2 * effort.messages || duration <= shortest {
            break;
        }
        let next = (duration * effort.messages / plan.messages).max(shortest);
        scenario.simulation.duration = Seconds::new(next);
    }
    Ok(scenario)
}

/// Whether a shorter run shows the same: nothing happens at a time of its own, or lasts long.
fn may_be_shortened(scenario: &Scenario) -> bool {
    let workload = &scenario.workload;
    scenario.faults.is_empty()
        && workload.profile.is_none()
        && workload.session.is_none()
        && workload.timeout.is_none()
        && workload.retry.is_none()
        && workload.slow_clients.is_none()
        && matches!(workload.arrivals, Arrivals::Poisson | Arrivals::Batch(_))
        && scenario.cache.is_none()
        && scenario.servers.failures.is_none()
        && scenario.simulation.start == Start::Steady
        && scenario.simulation.warm_up.is_none()
}
