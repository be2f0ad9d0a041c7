//! The load line: the most that a fleet as it stands carries within its SLO, by simulation.
//!
//! All trials share the seed, so that more users are more of the same. The line is bracketed by growing and shrinking the
//! load, and the bracket halved to a hundredth. Around it several replications are run at a few loads each: where the worst
//! figure of a replication crosses its limit is that replication's line, and how these differ is the interval. It is never
//! narrower than the distance between the last load that was kept up with and the first that was not.

use rayon::prelude::*;

use super::assessment::{spread, worlds};
use super::plan::PlanError;
use super::trial::{Effort, Trial};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Fleet, Model, Resource, Tier};
use crate::random::hash_bytes;
use crate::scenario::{Arrivals, Document, Scenario};
use crate::simulation::{SimulationError, Watch};
use crate::stats::{Estimate, paired_half_width};
use crate::units::Rate;

/// A bracket is halved until its ends differ by this factor …
const FINE: f64 = 1.002;
/// … and in one of many worlds by this.
const COARSE: f64 = 1.02;
/// Loads outside the bracket are apart by this factor.
const APART: f64 = 1.01;
/// The first step of the search, as a factor, and the largest.
const FIRST_STEP: f64 = 1.1;
const LARGEST_STEP: f64 = 4.0;
/// More users than this are not tried.
const MOST_USERS: f64 = 1e11;
/// Replications around the line at least.
const REPLICATIONS: u64 = 10;
/// Loads beyond the bracket that are tried on either side, so that each replication finds its line.
const MOST_WIDER: i32 = 5;
/// Worlds that a scenario with uncertain figures is searched in.
const WORLDS: usize = 20;
/// Where the curve is shown, as shares of the line.
const SHARES: [f64; 11] = [0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.15, 1.3];

/// What is made more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Users, each of whom does what they do.
    Users,
    /// Messages of the same users.
    Messages,
}

/// The load line of a fleet.
#[derive(Debug)]
pub struct Line {
    /// The world of the medians.
    pub scenario: Scenario,
    /// What is made more of.
    pub of: Of,
    /// The fleet.
    pub fleet: Fleet,
    /// Whether the scenario gives the number of servers; else they are those its own load requires.
    pub fleet_given: bool,
    /// The scenario's own load, in users or in messages a second.
    pub own: f64,
    /// The most that is carried; `None` where not even the least load is.
    pub line: Option<Estimate>,
    /// Whether more could be carried than was tried.
    pub open: bool,
    /// The users at the first limit of the closed form that a run meets, and what is limited; of messages none.
    pub closed_form: Option<(f64, &'static str)>,
    /// How many worlds the interval is over; 0 where nothing is uncertain and it is of replications.
    pub worlds: usize,
    /// The first load beyond the line.
    pub beyond: Option<Point>,
    /// The load-latency curve, from little load to too much.
    pub points: Vec<Point>,
}

/// A load, tried out.
#[derive(Debug, Clone)]
pub struct Point {
    /// Users, or messages a second.
    pub load: f64,
    /// The trial.
    pub trial: Trial,
}

/// Finds the load line of a scenario's fleet.
///
/// # Errors
/// When the scenario is wrong, can't be simulated, or the simulation was told to stop.
pub fn line(document: &Document, of: Of, watch: &dyn Watch) -> Result<Line, PlanError> {
    let scenario = document.resolve()?;
    if scenario.autoscaler.is_some() {
        let error = Diagnostic::new("`line` is of a fleet that stays as it is, and here is an `autoscaler`");
        return Err(Diagnostics::from(error.help("leave it out with `--set autoscaler=none`")).into());
    }
    let fleet = Model::of(&scenario).fleet;
    let fleet_given = scenario.servers.count.is_some();
    let search = Search { scenario: &scenario, of, fleet, watch };
    let own = search.own();
    let mut found = Line {
        fleet,
        fleet_given,
        of,
        own,
        line: None,
        open: false,
        closed_form: search.closed_form().filter(|_| of == Of::Users),
        worlds: 0,
        beyond: None,
        points: Vec::new(),
        scenario: scenario.clone(),
    };
    let bracket = search.bracket(search.start(), FINE)?;
    found.beyond.clone_from(&bracket.beyond);
    let Some(within) = bracket.within else { return Ok(found) };
    let Some(beyond) = bracket.beyond else {
        found.open = true;
        found.line = Some(Estimate { value: within, low: within, high: f64::INFINITY });
        found.points = search.curve(within)?;
        return Ok(found);
    };
    let mut line = search.settled(within, beyond.load)?;
    let in_worlds = worlds(document, scenario.simulation.seed, WORLDS)?;
    if !in_worlds.is_empty() {
        found.worlds = in_worlds.len();
        let lines: Result<Vec<f64>, PlanError> = in_worlds
            .into_par_iter()
            .enumerate()
            .map(|(world, mut scenario)| {
                // Each world is a replication of its own.
                scenario.simulation.seed = hash_bytes(format!("{} {world}", scenario.simulation.seed).as_bytes());
                let search = Search { scenario: &scenario, ..search };
                let bracket = search.bracket(line.value, COARSE)?;
                Ok(match (bracket.within, bracket.beyond) {
                    (Some(within), Some(beyond)) => (within * beyond.load).sqrt(),
                    (None, _) => 0.0,
                    (Some(_), None) => f64::INFINITY,
                })
            })
            .collect();
        let spread = spread(line.value, lines?);
        line = Estimate { value: line.value, low: spread.low.min(line.low), high: spread.high.max(line.high) };
    }
    found.line = Some(line);
    found.points = search.curve(line.value)?;
    Ok(found)
}

/// The load last kept up with, and the first that was not.
struct Bracket {
    within: Option<f64>,
    beyond: Option<Point>,
}

#[derive(Clone, Copy)]
struct Search<'a> {
    scenario: &'a Scenario,
    of: Of,
    fleet: Fleet,
    watch: &'a dyn Watch,
}

impl Search<'_> {
    fn own(&self) -> f64 {
        let users = self.scenario.users as f64;
        match self.of {
            Of::Users => users,
            Of::Messages => users * self.scenario.workload.message_rate.get(),
        }
    }

    /// The first limit of the closed form, of what messages and their users meet.
    fn closed_form(&self) -> Option<(f64, &'static str)> {
        let met = |resource: &&Resource| matches!(resource.kind.tier(), Tier::Server | Tier::Broker | Tier::Backend);
        let model = Model::on(self.scenario, self.fleet);
        let limits = model.resources.iter().filter(met);
        let limits = limits.filter_map(|resource| Some((resource.users_at_limit?, resource.kind.name())));
        limits.min_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// Where the search starts.
    fn start(&self) -> f64 {
        match self.of {
            Of::Messages => self.own(),
            Of::Users => self.closed_form().map_or(self.own(), |first| first.0.max(1.0)),
        }
    }

    /// The scenario under another load.
    fn under(&self, load: f64) -> Scenario {
        let mut scenario = self.scenario.clone();
        let workload = &mut scenario.workload;
        match self.of {
            Of::Users => {
                scenario.users = (load.round() as u64).max(1);
                if matches!(workload.arrivals, Arrivals::Trace { .. }) {
                    // A trace has its messages, however many users send them.
                    let rate = workload.message_rate.get() * self.scenario.users as f64 / scenario.users as f64;
                    workload.message_rate = Rate::new(rate);
                }
            }
            Of::Messages => {
                let factor = load / self.own();
                workload.message_rate = Rate::new(workload.message_rate.get() * factor);
                match &mut workload.arrivals {
                    Arrivals::Mmpp { rates, .. } => rates.iter_mut().for_each(|rate| *rate *= factor),
                    Arrivals::Trace { times, period } => {
                        *times = times.iter().map(|time| time / factor).collect();
                        *period /= factor;
                    }
                    Arrivals::Poisson | Arrivals::Periodic | Arrivals::Batch(_) => {}
                }
            }
        }
        scenario
    }

    fn trial(&self, load: f64, replications: u64, messages: f64) -> Result<Point, SimulationError> {
        let few = if self.scenario.workload.fan_out.crosses() { 4.0 } else { 1.0 };
        let effort = Effort { replications, messages: messages / few };
        let trial = Trial::of(&self.under(load), self.fleet, effort, self.watch)?;
        Ok(Point { load, trial })
    }

    /// As much simulation as it takes to tell.
    fn told(&self, load: f64) -> Result<Point, SimulationError> {
        let quick = self.trial(load, 1, 5e5)?;
        if quick.trial.is_clear() { Ok(quick) } else { self.trial(load, 4, 4e6) }
    }

    /// The least load there is, and the most that is tried.
    fn ends(&self) -> (f64, f64) {
        match self.of {
            Of::Users => (1.0, MOST_USERS),
            Of::Messages => (self.own() * 1e-6, self.own() * 1e6),
        }
    }

    fn bracket(&self, start: f64, fine: f64) -> Result<Bracket, SimulationError> {
        let (least, most) = self.ends();
        let mut bracket = Bracket { within: None, beyond: None };
        let (mut load, mut step) = (start.clamp(least, most), FIRST_STEP);
        loop {
            let point = self.told(load)?;
            let met = point.trial.met();
            if met {
                bracket.within = Some(load);
            } else {
                bracket.beyond = Some(point);
            }
            load = match (bracket.within, &bracket.beyond) {
                (Some(within), Some(beyond)) => {
                    // Of users there is none between two neighbours.
                    let narrow = beyond.load / within <= fine || self.of == Of::Users && beyond.load - within <= 1.0;
                    if narrow {
                        return Ok(bracket);
                    }
                    (within * beyond.load).sqrt()
                }
                (Some(_), None) if load >= most => return Ok(bracket),
                (None, _) if load <= least => return Ok(bracket),
                (Some(within), None) => (within * step).min(most),
                (None, _) => (load / step).max(least),
            };
            if self.of == Of::Users {
                // Between two numbers that differ by more than one there is another.
                let (low, high) = (bracket.within, bracket.beyond.as_ref().map(|beyond| beyond.load - 1.0));
                load = load.round().max(low.map_or(1.0, |low| low + 1.0)).min(high.unwrap_or(most).max(1.0));
            }
            step = (step * step).min(LARGEST_STEP);
        }
    }

    /// The line of each replication around a bracket, and what they are together.
    fn settled(&self, within: f64, beyond: f64) -> Result<Estimate, SimulationError> {
        let replications = self.scenario.simulation.replications.max(REPLICATIONS);
        let whole = |load: f64| if self.of == Of::Users { load.floor() } else { load };
        let at = |step: i32| whole(if step < 0 { within } else { beyond } * APART.powi(step));
        let run = |load: f64| self.trial(load, replications, 1e7);
        let mut points = vec![run(within)?, run(beyond)?];
        let count = replications as usize;
        // Outwards, in steps that grow, until every replication has a load that it keeps up with, and one that it doesn't.
        let (mut lower, mut upper) = (0, 0);
        for wider in 0..=MOST_WIDER {
            let all = |point: &Point, kept: bool| {
                (0..count).all(|i| (figure(point, Some(i)) <= 1.0) == kept) && (figure(point, None) <= 1.0) == kept
            };
            let (low, high) = (all(&points[0], true), all(&points[points.len() - 1], false));
            if low && high {
                break;
            }
            if !low {
                lower -= 1 << wider;
                let load = at(lower);
                if load >= self.ends().0 && load < points[0].load {
                    points.insert(0, run(load)?);
                }
            }
            if !high {
                upper += 1 << wider;
                let load = at(upper);
                if load > points[points.len() - 1].load {
                    points.push(run(load)?);
                }
            }
        }
        let loads: Vec<f64> = points.iter().map(|point| point.load).collect();
        let figures = |i: Option<usize>| points.iter().map(|point| figure(point, i)).collect::<Vec<_>>();
        let lines: Vec<f64> = (0..count).map(|i| crossing(&loads, &figures(Some(i)))).collect();
        let pooled = figures(None);
        let value = crossing(&loads, &pooled);
        let half = paired_half_width(&lines);
        let kept = loads.iter().copied().filter(|load| *load <= value).fold(loads[0], f64::max);
        let first = loads.iter().copied().filter(|load| *load > value).fold(loads[loads.len() - 1], f64::min);
        // Where a replication's line lies beyond all that was tried, so may the true one.
        let (end, start) = (loads[loads.len() - 1], loads[0]);
        let low = if lines.iter().any(|line| *line <= start) { 0.0 } else { kept.min(value - half).max(0.0) };
        let high = if lines.iter().any(|line| *line >= end) { f64::INFINITY } else { first.max(value + half) };
        Ok(Estimate { value: whole(value), low: whole(low), high })
    }

    fn curve(&self, line: f64) -> Result<Vec<Point>, PlanError> {
        let mut loads: Vec<f64> = SHARES.iter().map(|share| share * line).collect();
        if self.of == Of::Users {
            for load in &mut loads {
                *load = load.round().max(1.0);
            }
            loads.dedup();
        }
        loads.into_par_iter().map(|load| Ok(self.trial(load, 4, 2e6)?)).collect()
    }
}

/// The worst figure over its limit, of all replications together or of one; what can't be simulated is far beyond.
fn figure(point: &Point, replication: Option<usize>) -> f64 {
    let trial = &point.trial;
    let found = match replication {
        None if trial.met() => trial.worst,
        None => trial.worst.max(1.001),
        Some(i) => trial.each.get(i).copied().unwrap_or(f64::INFINITY),
    };
    found.min(10.0)
}

/// Where figures that can only grow with the load, but for chance, pass 1: between two loads on a straight line; at an end
/// where they don't pass it in between. What falls is evened out first (isotonic regression: pool adjacent violators, Ayer
/// et al. 1955).
fn crossing(loads: &[f64], figures: &[f64]) -> f64 {
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for figure in figures {
        blocks.push((*figure, 1));
        while let [.., (before, n), (last, m)] = blocks[..]
            && before > last
        {
            blocks.truncate(blocks.len() - 2);
            blocks.push(((before * n as f64 + last * m as f64) / (n + m) as f64, n + m));
        }
    }
    let fitted: Vec<f64> = blocks.iter().flat_map(|(figure, n)| std::iter::repeat_n(*figure, *n)).collect();
    match fitted.iter().position(|figure| *figure > 1.0) {
        None => loads[loads.len() - 1],
        Some(0) => loads[0],
        Some(i) => {
            let share = (1.0 - fitted[i - 1]) / (fitted[i] - fitted[i - 1]);
            loads[i - 1] + share * (loads[i] - loads[i - 1])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossing_is_between_what_is_kept_and_what_is_not() {
        let loads = [1.0, 2.0, 3.0, 4.0];
        let close = |found: f64, right: f64| assert!((found - right).abs() < 1e-12, "{found} {right}");
        close(crossing(&loads, &[0.2, 0.5, 1.5, 9.0]), 2.5);
        // 1.1 and 0.9 are one figure of 1.0, which is still kept.
        close(crossing(&loads, &[0.2, 1.1, 0.9, 3.0]), 3.0);
        close(crossing(&loads, &[0.1; 4]), 4.0);
        close(crossing(&loads, &[2.0; 4]), 1.0);
    }
}
