//! What each uncertain input does to the 99th percentile of latency, by simulation.
//!
//! The input is put at its 5th and at its 95th percentile while all others stay at their median, on a fleet that stays too.
//! Both sides have the same seed (common random numbers), and the difference is made replication by replication, so that what
//! chance does to both alike cancels; its interval is Student's t of the pairs (Law 2015, section 10.2.1).

use rayon::prelude::*;

use crate::analysis::trial::{Effort, Trial};
use crate::diagnostic::Diagnostics;
use crate::metrics::Unsteady;
use crate::model::Fleet;
use crate::scenario::{Document, Scenario};
use crate::simulation::{SimulationError, Watch};
use crate::stats::{Estimate, paired_half_width};

/// Pairs of replications.
const REPLICATIONS: u64 = 8;
/// Messages in all replications of one side, where the run may be shortened.
const MESSAGES: f64 = 1e6;

/// What one input does to the tail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tail {
    /// With the input at its 5th percentile, in seconds; `None` where that overloads the fleet, or nothing is delivered.
    pub at_low: Option<Estimate>,
    /// With the input at its 95th percentile.
    pub at_high: Option<Estimate>,
    /// The latter less the former, where both exist.
    pub difference: Option<Estimate>,
    /// What can be said.
    pub finding: Finding,
    /// The share of the squares of all differences that can be told; `None` where one side of some input is overloaded, since
    /// nothing is like that.
    pub share: Option<f64>,
}

/// What can be said of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It is one: the interval is on one side of zero.
    Moves,
    /// The interval holds zero.
    TooSmallToTell,
    /// All replications are the same on both sides.
    Nothing,
    /// The fleet carries the load on one side only.
    Overloads,
    /// On neither side.
    AlwaysOverloaded,
}

impl Tail {
    /// Whether the tail moves by less than a hundredth.
    pub fn is_slight(&self) -> bool {
        let (Some(difference), Some(low)) = (self.difference, self.at_low) else { return false };
        difference.value.abs() < 0.01 * low.value
    }
}

impl Finding {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Moves => "moves",
            Self::TooSmallToTell => "too small to tell",
            Self::Nothing => "none",
            Self::Overloads => "overloads",
            Self::AlwaysOverloaded => "always overloaded",
        }
    }
}

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// A figure far out contradicts another.
    #[error(transparent)]
    Wrong(#[from] Diagnostics),
    /// It can't be simulated.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
}

/// What each of these inputs does to the tail on this fleet; those that the scenario does not have do nothing.
///
/// # Errors
/// When one side can't be simulated for other reasons than too much load, or the simulation was told to stop.
pub fn tails(document: &Document, paths: &[&str], fleet: Fleet, watch: &dyn Watch) -> Result<Vec<Tail>, TailError> {
    let median = document.resolve()?;
    let crossing = if median.workload.fan_out.crosses() { 4.0 } else { 1.0 };
    let replications = median.simulation.replications.max(REPLICATIONS);
    let effort = Effort { replications, messages: MESSAGES / crossing };
    let mut sides: Vec<Scenario> = Vec::new();
    for path in paths {
        for q in [0.05, 0.95] {
            sides.push(document.resolve_world(&|other| if other == *path { q } else { 0.5 })?);
        }
    }
    let simulated: Vec<Option<Side>> = sides
        .par_iter()
        .map(|scenario| {
            // What does not reach the scenario, such as a price, needs no simulation.
            if *scenario == median {
                return Ok(None);
            }
            let trial = Trial::of(scenario, fleet, effort, watch)?;
            Ok(Some(Side::of(&trial)))
        })
        .collect::<Result<_, SimulationError>>()?;
    let mut tails: Vec<Tail> = simulated
        .chunks(2)
        .map(|sides| match sides {
            [Some(low), Some(high)] => between(low, high),
            _ => Tail { at_low: None, at_high: None, difference: None, finding: Finding::Nothing, share: None },
        })
        .collect();
    share(&mut tails);
    Ok(tails)
}

/// One side of an input.
#[derive(Debug)]
enum Side {
    Overloaded,
    /// The 99th percentile, and that of each replication.
    Carried(Option<Estimate>, Vec<f64>),
}

impl Side {
    fn of(trial: &Trial) -> Self {
        match &trial.metrics {
            Some(metrics) if !metrics.unsteady.contains(&Unsteady::Overloaded) => {
                Self::Carried(metrics.latency.map(|latency| latency.p99), trial.p99_of_each.clone())
            }
            _ => Self::Overloaded,
        }
    }

    fn p99(&self) -> Option<Estimate> {
        match self {
            Self::Overloaded => None,
            Self::Carried(p99, _) => *p99,
        }
    }
}

fn between(low: &Side, high: &Side) -> Tail {
    let (mut difference, finding) = match (low, high) {
        (Side::Carried(_, low), Side::Carried(_, high)) => {
            let pairs: Vec<f64> = high.iter().zip(low).map(|(high, low)| high - low).collect();
            let value = pairs.iter().sum::<f64>() / pairs.len().max(1) as f64;
            let half = paired_half_width(&pairs);
            let finding = match value.abs() {
                _ if pairs.iter().all(|pair| *pair == 0.0) => Finding::Nothing,
                size if size > half => Finding::Moves,
                _ => Finding::TooSmallToTell,
            };
            (Some(Estimate { value, low: value - half, high: value + half }), finding)
        }
        (Side::Overloaded, Side::Overloaded) => (None, Finding::AlwaysOverloaded),
        _ => (None, Finding::Overloads),
    };
    // Nothing was delivered, or there is one pair only.
    difference = difference.filter(|difference| difference.value.is_finite() && difference.high.is_finite());
    Tail { at_low: low.p99(), at_high: high.p99(), difference, finding, share: None }
}

fn share(tails: &mut [Tail]) {
    let overloaded = |tail: &Tail| matches!(tail.finding, Finding::Overloads | Finding::AlwaysOverloaded);
    if tails.iter().any(overloaded) {
        return;
    }
    let square = |tail: &Tail| match (tail.finding, tail.difference) {
        (Finding::Moves, Some(difference)) => difference.value.powi(2),
        _ => 0.0,
    };
    let sum: f64 = tails.iter().map(square).sum();
    if sum > 0.0 {
        for tail in tails {
            tail.share = Some(square(tail) / sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(each: &[f64]) -> Side {
        Side::Carried(Some(Estimate::exact(each[0])), each.to_vec())
    }

    #[test]
    fn what_both_sides_share_cancels() {
        // Replications differ by far more than the sides do, but alike.
        let tail = between(&carried(&[1.0, 5.0, 9.0]), &carried(&[1.1, 5.1, 9.1]));
        assert_eq!(tail.finding, Finding::Moves);
        assert!((tail.difference.unwrap().value - 0.1).abs() < 1e-12);
        let noise = between(&carried(&[1.0, 5.0, 9.0]), &carried(&[2.0, 4.0, 9.5]));
        assert_eq!(noise.finding, Finding::TooSmallToTell);
        assert_eq!(between(&carried(&[1.0, 5.0]), &carried(&[1.0, 5.0])).finding, Finding::Nothing);
        assert_eq!(between(&carried(&[1.0, 5.0]), &Side::Overloaded).finding, Finding::Overloads);
    }

    #[test]
    fn shares_are_of_what_can_be_told() {
        let mut tails = [
            between(&carried(&[1.0, 2.0, 3.0]), &carried(&[4.0, 5.0, 6.001])),
            between(&carried(&[1.0, 2.0, 3.0]), &carried(&[2.0, 3.0, 4.001])),
            between(&carried(&[1.0, 5.0, 9.0]), &carried(&[2.0, 4.0, 9.5])),
        ];
        share(&mut tails);
        let shares = tails.map(|tail| (tail.share.unwrap() * 100.0).round());
        assert_eq!(shares, [90.0, 10.0, 0.0]);
        let mut tails = [tails[0], between(&Side::Overloaded, &carried(&[1.0]))];
        tails[0].share = None;
        share(&mut tails);
        assert_eq!(tails[0].share, None);
    }
}
