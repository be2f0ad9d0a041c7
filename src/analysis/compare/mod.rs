//! Variants of a scenario side by side: what a change gives, what it takes, and how sure that is.
//!
//! All variants share the seed, so that they meet the same users (common random numbers), and every difference is made
//! pair by pair: of the closed form in each world of what is uncertain, of the simulation in each replication. What varies
//! in both alike cancels.

pub mod figures;
pub mod threshold;

use super::assessment::{Assessment, WORLDS, assess, spread, worlds};
use super::price::{Prices, Pricing};
use super::slo::{Objective, judge};
use crate::diagnostic::Diagnostics;
use crate::metrics::RunMetrics;
use crate::model::Model;
use crate::scenario::{Catalogue, Document};
use crate::simulation::plan::PlanError;
use crate::simulation::{SimulationError, Watch, simulate_each};
use crate::stats::{Estimate, paired_half_width};
pub use figures::{Better, Kind, Reading};

/// Replications at least: an interval needs some.
const REPLICATIONS: u64 = 5;
/// A difference of less than this share is not worth a sentence.
const WORTH_SAYING: f64 = 0.01;

/// What is to be compared.
#[derive(Debug)]
pub struct Variant {
    /// What it is called.
    pub name: String,
    /// The whole scenario.
    pub document: Document,
}

/// A variant, computed and simulated.
#[derive(Debug)]
pub struct Side {
    /// What it is called.
    pub name: String,
    /// Its closed form.
    pub assessment: Assessment,
    /// The hash of its scenario.
    pub hash: String,
    /// Its simulation; without one, why not.
    pub metrics: Result<RunMetrics, String>,
    /// What was promised.
    pub objectives: Vec<Objective>,
    readings: Vec<Reading>,
}

/// One figure of a variant beside that of the first.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The number of the variant; 1 is the first that is compared with 0.
    pub variant: usize,
    /// The figure's name.
    pub figure: String,
    /// What its intervals are of.
    pub kind: Kind,
    /// What it is in the first.
    pub from: Option<Estimate>,
    /// What it is in the variant.
    pub to: Option<Estimate>,
    /// The variant's less the first's.
    pub difference: Option<Estimate>,
    /// That as a share of the first's; `None` too where that is nothing.
    pub relative: Option<Estimate>,
}

/// What a difference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The variant is better.
    Benefit,
    /// It is worse.
    Price,
    /// It is different, and that is what was asked for.
    Different,
    /// It is the same, or near, or may be.
    Nothing,
}

impl Difference {
    /// What it means; nothing unless the whole interval is on one side.
    pub fn meaning(&self) -> Meaning {
        let Some(difference) = self.difference else { return Meaning::Nothing };
        let little = self.relative.is_some_and(|relative| relative.value.abs() < WORTH_SAYING);
        let more = difference.low > 0.0;
        if little || !(more || difference.high < 0.0) {
            return Meaning::Nothing;
        }
        match figures::better(&self.figure) {
            Better::Neither => Meaning::Different,
            Better::Lower if more => Meaning::Price,
            Better::Higher if !more => Meaning::Price,
            Better::Lower | Better::Higher => Meaning::Benefit,
        }
    }
}

/// All variants and their differences from the first.
#[derive(Debug)]
pub struct Comparison {
    /// The variants; the first is what the others are compared with.
    pub sides: Vec<Side>,
    /// The differences, variant by variant.
    pub differences: Vec<Difference>,
}

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A scenario is wrong.
    #[error(transparent)]
    Wrong(#[from] Diagnostics),
    /// One can't be simulated.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
}

/// Computes all variants, so that what is wrong with any is known before the first is simulated.
///
/// # Errors
/// All that is wrong with any of them.
pub fn prepare(variants: Vec<Variant>, catalogue: Option<&Catalogue>) -> Result<Vec<Side>, Diagnostics> {
    let mut sides: Vec<Side> = Vec::new();
    let mut errors = Vec::new();
    let mut first = None;
    for mut variant in variants {
        let prepared = variant.document.resolve().and_then(|scenario| {
            let (seed, replications) = *first.get_or_insert_with(|| {
                let settings = &scenario.simulation;
                (settings.seed, settings.replications.max(REPLICATIONS))
            });
            let hash = variant.document.hash();
            variant.document.set_path("compare", "simulation.seed", &seed.to_string())?;
            let mut assessment = assess(&variant.document)?;
            let settings = &mut assessment.scenario.simulation;
            settings.replications = replications;
            settings.precision = None;
            let readings = closed_readings(&variant.document, &assessment, catalogue)?;
            let metrics = Err("not simulated".to_owned());
            Ok(Side { name: variant.name, assessment, hash, metrics, objectives: Vec::new(), readings })
        });
        match prepared {
            Ok(side) => sides.push(side),
            // Most of what is wrong with one is wrong with all.
            Err(wrong) if errors.contains(&wrong) => {}
            Err(wrong) => errors.push(wrong),
        }
    }
    if errors.is_empty() { Ok(sides) } else { Err(Diagnostics::from_iter(errors)) }
}

/// Simulates what was prepared, and compares.
///
/// # Errors
/// When one can't be simulated for other reasons than too much load, or the simulation was told to stop.
pub fn compare(mut sides: Vec<Side>, watch: &dyn Watch) -> Result<Comparison, SimulationError> {
    for side in &mut sides {
        let Assessment { scenario, model, .. } = &side.assessment;
        match simulate_each(scenario, model, watch) {
            Ok((metrics, each)) => {
                side.objectives = judge(&scenario.slo, &metrics);
                side.readings.extend(sampled_readings(&metrics, &each));
                side.metrics = Ok(metrics);
            }
            Err(SimulationError::Plan(error @ PlanError::Overload(..))) => side.metrics = Err(error.to_string()),
            Err(error) => return Err(error),
        }
    }
    let mut differences = Vec::new();
    if let Some((first, others)) = sides.split_first() {
        for (i, other) in others.iter().enumerate() {
            differences.extend(differences_between(first, other, i + 1));
        }
    }
    Ok(Comparison { sides, differences })
}

fn closed_readings(
    document: &Document,
    assessment: &Assessment,
    catalogue: Option<&Catalogue>,
) -> Result<Vec<Reading>, Diagnostics> {
    let Assessment { scenario, model, .. } = assessment;
    let seed = scenario.simulation.seed;
    let in_worlds: Vec<Vec<(String, f64)>> = worlds(document, seed, WORLDS)?
        .iter()
        .map(|world| figures::closed(world, &Model::on(world, model.fleet), &Model::of(world).required))
        .collect();
    let sample = |name: &str| {
        let found = |world: &Vec<(String, f64)>| world.iter().find(|(other, _)| other == name).map(|found| found.1);
        // What never gives way does so at infinity.
        in_worlds.iter().map(|world| found(world).unwrap_or(f64::INFINITY)).collect::<Vec<_>>()
    };
    let mut readings: Vec<Reading> = figures::closed(scenario, model, &model.required)
        .into_iter()
        .map(|(name, value)| {
            let samples = sample(&name);
            Reading { value: spread(value, samples.clone()), name, samples, kind: Kind::Parameter }
        })
        .collect();
    if let Some(catalogue) = catalogue {
        let pricing = Pricing::of(document, catalogue);
        if let Some(Prices { median, each: samples, .. }) = pricing.over_worlds(seed, WORLDS)? {
            let value = spread(median, samples.clone());
            readings.push(Reading { name: figures::PRICE.to_owned(), value, samples, kind: Kind::Parameter });
        }
    }
    Ok(readings)
}

fn sampled_readings(metrics: &RunMetrics, each: &[RunMetrics]) -> Vec<Reading> {
    let each: Vec<_> = each.iter().map(figures::simulated).collect();
    figures::simulated(metrics)
        .into_iter()
        .map(|(name, value)| {
            let alone = |run: &Vec<(&str, Estimate)>| run.iter().find(|(other, _)| *other == name).map(|f| f.1.value);
            let samples = each.iter().map(|run| alone(run).unwrap_or(f64::NAN)).collect();
            Reading { name: name.to_owned(), value, samples, kind: Kind::Sampling }
        })
        .collect()
}

/// A figure that either has: those of the first in its order, then what only the other has.
fn differences_between(first: &Side, other: &Side, variant: usize) -> Vec<Difference> {
    let find = |side: &'_ Side, name: &str| side.readings.iter().find(|reading| reading.name == name).cloned();
    let only_other = other.readings.iter().filter(|reading| find(first, &reading.name).is_none());
    first
        .readings
        .iter()
        .chain(only_other)
        .map(|Reading { name, kind, .. }| {
            let (from, to) = (find(first, name), find(other, name));
            let both = from.as_ref().zip(to.as_ref()).map(|(from, to)| subtracted(from, to));
            let (difference, relative) = both.unwrap_or((None, None));
            Difference {
                variant,
                figure: name.clone(),
                kind: *kind,
                from: from.map(|reading| reading.value),
                to: to.map(|reading| reading.value),
                difference,
                relative,
            }
        })
        .collect()
}

/// The difference of two figures, pair by pair, and as a share of the first.
fn subtracted(from: &Reading, to: &Reading) -> (Option<Estimate>, Option<Estimate>) {
    let value = to.value.value - from.value.value;
    let share = (from.value.value != 0.0).then(|| value / from.value.value.abs());
    match from.kind {
        Kind::Sampling => {
            let pairs: Vec<f64> = from.samples.iter().zip(&to.samples).map(|(from, to)| to - from).collect();
            let half = paired_half_width(&pairs);
            let half = if half.is_nan() { f64::INFINITY } else { half };
            let difference = Estimate { value, low: value - half, high: value + half };
            (Some(difference), share.map(|_| difference.scaled(1.0 / from.value.value.abs())))
        }
        Kind::Parameter => {
            // Where only one of the two is uncertain, the other is the same in all worlds.
            let count = from.samples.len().max(to.samples.len());
            let at = |reading: &Reading, i: usize| reading.samples.get(i).copied().unwrap_or(reading.value.value);
            let pairs = || (0..count).map(|i| (at(from, i), at(to, i)));
            let over = |value: f64, samples: Vec<f64>| {
                if samples.iter().all(|sample| sample.is_finite()) {
                    spread(value, samples)
                } else {
                    Estimate::unbounded(value)
                }
            };
            let difference = over(value, pairs().map(|(from, to)| to - from).collect());
            let relative = share.map(|share| over(share, pairs().map(|(from, to)| (to - from) / from.abs()).collect()));
            (Some(difference), relative)
        }
    }
}
