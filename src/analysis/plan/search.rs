//! The fewest servers that carry one world's load, by simulation.
//!
//! The closed form says where to start: below it a server would be past its target utilisation or its comfortable
//! connections, so nothing there is tried. From there the search gallops up, bisects, and then looks at the neighbours of
//! the edge, since what servers have to do can grow with their number.

use std::collections::BTreeMap;

use super::super::trial::{Effort, Trial};
use crate::model::{Fleet, Model, Tier};
use crate::scenario::Scenario;
use crate::simulation::{SimulationError, Watch};

/// More than so many times the servers of the closed form are not tried.
const MOST_TIMES: u64 = 64;
/// Doubling the servers has to improve the worst figure by so much, or more of them don't help.
const IMPROVEMENT: f64 = 0.02;
/// Neighbours of the edge that are tried, on either side.
const NEIGHBOURS: u64 = 2;
/// How often more of the broker's nodes are tried where these are in the way.
const MOST_BROKER_STEPS: u32 = 12;

/// How much is simulated to settle a trial, and what is not clear by then.
#[derive(Debug, Clone, Copy)]
pub struct Efforts {
    /// What every trial gets.
    pub quick: Effort,
    /// What it gets where that is not clear.
    pub full: Effort,
}

impl Efforts {
    /// For the world of the medians: in the end as many replications as the scenario has.
    pub fn of(scenario: &Scenario) -> Self {
        let few = few(scenario);
        Self {
            quick: Effort { replications: 1, messages: 1e6 / few },
            full: Effort { replications: scenario.simulation.replications, messages: 5e6 / few },
        }
    }

    /// For one of many worlds, each of which is a replication too.
    pub fn of_a_world(scenario: &Scenario) -> Self {
        let few = few(scenario);
        Self {
            quick: Effort { replications: 1, messages: 3e5 / few },
            full: Effort { replications: 1, messages: 4e6 / few },
        }
    }
}

/// What crosses between servers takes several times as long.
pub fn few(scenario: &Scenario) -> f64 {
    if scenario.workload.fan_out.crosses() { 4.0 } else { 1.0 }
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The fewest servers.
    Servers(u64),
    /// More of them don't help: the most that were tried.
    NoNumber(u64),
}

/// A search in one world.
pub struct Search<'a> {
    scenario: Scenario,
    efforts: Efforts,
    watch: &'a dyn Watch,
    tried: BTreeMap<u64, Trial>,
    /// How many steps more nodes the broker has than the closed form gives it.
    broker_steps: u32,
}

impl<'a> Search<'a> {
    /// A search in a world whose number of servers is open.
    pub fn new(scenario: Scenario, efforts: Efforts, watch: &'a dyn Watch) -> Self {
        Self { scenario, efforts, watch, tried: BTreeMap::new(), broker_steps: 0 }
    }

    /// The fewest servers that the closed form allows.
    pub fn least(&self) -> u64 {
        let mut least = Model::of(&self.scenario).required.fleet.servers;
        while least > 1 && self.within_targets(least - 1) {
            least -= 1;
        }
        least
    }

    /// Whether so many servers keep to their targets, by the closed form.
    pub fn within_targets(&self, servers: u64) -> bool {
        let shards = self.scenario.sharding.as_ref().map_or(1, |sharding| sharding.shards);
        let model = Model::on(&self.scenario, fleet(&self.scenario, servers));
        let tier = model.resources.iter().filter(|resource| resource.kind.tier() == Tier::Server);
        servers >= shards && tier.map(|resource| resource.units_required).all(|required| required <= servers)
    }

    /// The fewest servers that keep the SLO, and none with fewer that does among the neighbours.
    pub fn fewest(&mut self, neighbours: bool) -> Result<Found, SimulationError> {
        let least = self.least();
        let edge = match self.first_from(least)? {
            Found::Servers(edge) if neighbours => self.settled(edge, least)?,
            found => return Ok(found),
        };
        Ok(Found::Servers(edge))
    }

    /// Gallops up from here, and bisects.
    fn first_from(&mut self, least: u64) -> Result<Found, SimulationError> {
        let mut step = (least / 16).max(1);
        let (mut below, mut at) = (None, least);
        let mut marks: Vec<(u64, f64)> = Vec::new();
        while !self.met(at)? {
            let worst = self.tried[&at].worst;
            marks.push((at, worst));
            let before = marks.iter().rev().find(|(servers, _)| servers * 2 <= at);
            let helps = before.is_none_or(|(_, then)| worst < then * (1.0 - IMPROVEMENT) || worst.is_infinite());
            if !helps || at >= least.saturating_mul(MOST_TIMES) {
                return Ok(Found::NoNumber(at));
            }
            below = Some(at);
            at = at.saturating_add(step);
            step = step.saturating_mul(2);
        }
        let Some(mut below) = below else { return Ok(Found::Servers(at)) };
        while at - below > 1 {
            let middle = below + (at - below) / 2;
            if self.met(middle)? {
                at = middle;
            } else {
                below = middle;
            }
        }
        Ok(Found::Servers(at))
    }

    /// The edge, once no neighbour below it does as well.
    fn settled(&mut self, mut edge: u64, least: u64) -> Result<u64, SimulationError> {
        'lower: loop {
            for below in (edge.saturating_sub(NEIGHBOURS).max(least)..edge).rev() {
                if self.met(below)? {
                    edge = below;
                    continue 'lower;
                }
            }
            break;
        }
        for above in edge + 1..=edge + NEIGHBOURS {
            self.met(above)?;
        }
        Ok(edge)
    }

    /// Whether so many servers keep the SLO. Where the broker is in the way and its nodes are open, it gets more.
    pub fn met(&mut self, servers: u64) -> Result<bool, SimulationError> {
        if let Some(trial) = self.tried.get(&servers) {
            return Ok(trial.met());
        }
        let open = self.scenario.broker.as_ref().is_some_and(|broker| broker.nodes.is_none());
        let start = self.broker_steps;
        let mut first = None;
        loop {
            let trial = self.simulate(servers)?;
            let in_the_way = open && trial.limited_by.starts_with("broker.") && trial.fleet.broker_nodes > 0;
            if trial.met() || !in_the_way || self.broker_steps - start >= MOST_BROKER_STEPS {
                let met = trial.met();
                if !met {
                    // More nodes did not help, so they are not what is missing.
                    self.broker_steps = start;
                }
                let kept = if met { trial } else { first.unwrap_or(trial) };
                self.tried.insert(servers, kept);
                return Ok(met);
            }
            self.broker_steps += 1;
            first.get_or_insert(trial);
        }
    }

    fn simulate(&self, servers: u64) -> Result<Trial, SimulationError> {
        let fleet = self.fleet(servers);
        let trial = Trial::of(&self.scenario, fleet, self.efforts.quick, self.watch)?;
        if trial.is_clear() { Ok(trial) } else { Trial::of(&self.scenario, fleet, self.efforts.full, self.watch) }
    }

    /// Simulates a number of servers again, with so much effort, and keeps that.
    pub fn again(&mut self, servers: u64, effort: Effort) -> Result<&Trial, SimulationError> {
        let trial = Trial::of(&self.scenario, self.fleet(servers), effort, self.watch)?;
        self.tried.insert(servers, trial);
        Ok(&self.tried[&servers])
    }

    /// A trial of so many servers, if there was one.
    pub fn trial(&self, servers: u64) -> Option<&Trial> {
        self.tried.get(&servers)
    }

    /// The world.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The fleet with so many servers.
    pub fn fleet(&self, servers: u64) -> Fleet {
        let mut fleet = fleet(&self.scenario, servers);
        for _ in 0..self.broker_steps {
            fleet.broker_nodes += (fleet.broker_nodes / 4).max(1);
        }
        fleet
    }
}

/// The fleet around so many servers by the closed form. Where zones or servers are lost in the run, the headroom for that
/// is at work as well.
pub fn fleet(scenario: &Scenario, servers: u64) -> Fleet {
    let headroom = scenario.zones.as_ref().map_or(0, |zones| zones.headroom(servers));
    let at_work = servers + if scenario.faults.is_empty() { 0 } else { headroom };
    let mut with = scenario.clone();
    with.servers.count = Some(at_work);
    Model::of(&with).fleet
}
