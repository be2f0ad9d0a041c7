//! Trials at several loads become points with verdicts, and a verdict on the whole.
//!
//! The signed error of a metric is (predicted − measured)/measured. Where the simulator has also replayed the measured
//! run's own arrivals, it falls into two parts that add up to it: what the replay is off (the service model's error, since
//! the arrivals are the same) and what the prediction is off the replay (the workload model's).
//!
//! Random arrivals come out a little more or less than their rate says, in a measured run as in a simulated one, and all
//! that is counted with them. That is no error of anybody, so what is counted is brought to the point's load first, as long
//! as the system keeps up: figure × load/offered.

use super::judge::{Reason, Verdict, judge, signed_error};
use super::metric::{Allowances, Metric};
use super::noise::Noise;
use crate::metrics::{Observation, RunMetrics, Unsteady};
use crate::model::Model;
use crate::scenario::Scenario;
use crate::stats::Estimate;

/// A system that gets through less than this share of what it is offered is saturated.
const CARRIED: f64 = 0.98;
/// Deliveries that are as many as messages, to this share, are no metric of their own.
const SAME: f64 = 0.01;

/// The load of a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Messages offered a second.
    pub messages_per_second: f64,
    /// Connections, where they are known.
    pub connections: Option<f64>,
    /// Utilisation of the servers' cores that the model sees in it, wake-ups left out.
    pub utilisation: Option<f64>,
}

/// One side of a trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Side {
    /// Its figures.
    pub seen: Observation,
    /// Whether the system can't keep up.
    pub saturated: bool,
}

impl Side {
    /// What was measured: saturated where clearly less got through than was offered.
    pub fn measured(seen: Observation) -> Self {
        let saturated = match (seen.offered_per_second, seen.messages_in_per_second) {
            (Some(offered), Some(done)) => done.value < CARRIED * offered.value,
            _ => false,
        };
        Self { seen, saturated }
    }

    /// What a simulation predicts.
    pub fn simulated(metrics: &RunMetrics, scenario: &Scenario, model: &Model) -> Self {
        let seen = Observation::of_simulation(metrics, scenario, model);
        let saturated = metrics.unsteady.contains(&Unsteady::Overloaded) || Self::measured(seen).saturated;
        Self { seen, saturated }
    }
}

/// One load, predicted and measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The load.
    pub load: Load,
    /// The simulator on arrivals of its own.
    pub predicted: Side,
    /// The simulator on the arrivals of the measured run, where those were recorded.
    pub replayed: Option<Side>,
    /// The system.
    pub measured: Side,
    /// What disturbed the measurement.
    pub noise: Noise,
    /// Whether it is a load that the model's calibration, if it has one, was made for.
    pub calibrated: bool,
    /// Runs, or rows of a history, that the measurement is the mean of.
    pub samples: usize,
}

impl Trial {
    /// Whether the model's calibration, if it has one, was made for the load of one of its servers.
    pub fn is_calibrated(scenario: &Scenario, model: &Model) -> bool {
        let (load, servers) = (&model.load, model.fleet.servers as f64);
        scenario.calibration.as_ref().is_none_or(|calibration| {
            let (messages, connections) = (load.messages_in_per_second / servers, load.connections / servers);
            calibration.beyond(messages, connections, load.message_bytes).is_empty()
        })
    }
}

/// A metric at a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Which.
    pub metric: Metric,
    /// What the model says.
    pub predicted: Estimate,
    /// What was measured.
    pub measured: Estimate,
    /// How far the prediction is off, as a share of what was measured; `None` where that is nothing.
    pub error: Option<f64>,
    /// The part of it that is there with the measured run's arrivals too.
    pub service_error: Option<f64>,
    /// The rest of it.
    pub workload_error: Option<f64>,
    /// How far off it may be, as a share of what was measured.
    pub tolerance: f64,
    /// Whether it holds.
    pub verdict: Verdict,
    /// Why it is neither pass nor failure.
    pub reason: Option<Reason>,
}

/// A load with all its metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The load.
    pub load: Load,
    /// Whether the model sees it saturated.
    pub predicted_saturated: bool,
    /// Whether it was.
    pub measured_saturated: bool,
    /// Runs, or rows of a history, that the measurement is the mean of.
    pub samples: usize,
    /// The metrics that both sides have.
    pub metrics: Vec<Comparison>,
    /// What disturbed the measurement.
    pub noise: Noise,
    /// What of that is too much.
    pub excesses: Vec<String>,
    /// What all its metrics say together.
    pub verdict: Verdict,
}

impl Point {
    /// Whether both sides are saturated, so that latency isn't judged.
    pub const fn saturated(&self) -> bool {
        self.predicted_saturated && self.measured_saturated
    }
}

/// How far off a metric is over all points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanError {
    /// Which.
    pub metric: Metric,
    /// The mean of the errors without their signs.
    pub mean_absolute: f64,
    /// The mean with signs: whether the model is off to one side.
    pub mean_signed: f64,
    /// Points that it is the mean of.
    pub points: usize,
}

/// The model held against all that was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// Load by load.
    pub points: Vec<Point>,
    /// The most messages that get through, where both sides were saturated somewhere.
    pub saturation: Option<Comparison>,
    /// How far off each metric is over all points that it was judged at.
    pub mean_errors: Vec<MeanError>,
    /// What all of it says.
    pub verdict: Verdict,
}

/// Judges every metric of every trial.
pub fn compare(trials: &[Trial], allowances: &Allowances) -> Validation {
    let points: Vec<Point> = trials.iter().map(|trial| point(trial, allowances)).collect();
    let saturation = saturation(trials, allowances);
    let mean_errors = mean_errors(&points);
    let all = points.iter().map(|point| point.verdict).chain(saturation.map(|comparison| comparison.verdict));
    let verdict = Verdict::overall(all);
    Validation { points, saturation, mean_errors, verdict }
}

fn point(trial: &Trial, allowances: &Allowances) -> Point {
    let excesses = trial.noise.excesses();
    let mut metrics: Vec<Comparison> = Metric::ALL
        .into_iter()
        .filter(|metric| is_asked(*metric, trial))
        .filter_map(|metric| {
            let (predicted, measured) = (predicted_at_load(metric, trial)?, measured_at_load(metric, trial)?);
            let replayed = trial.replayed.as_ref().and_then(|side| brought(metric, side, trial));
            Some(comparison(metric, &predicted, &measured, replayed.as_ref(), allowances))
        })
        .collect();
    let both = trial.predicted.saturated && trial.measured.saturated;
    let unknown = metrics.iter().find(|found| found.metric == Metric::Throughput).and_then(|found| found.reason);
    for comparison in &mut metrics {
        if both && comparison.metric.is_latency() {
            (comparison.verdict, comparison.reason) = (Verdict::NotJudged, Some(Reason::Saturated));
        } else if !excesses.is_empty() {
            (comparison.verdict, comparison.reason) = (Verdict::Inconclusive, Some(Reason::Noise));
        } else if is_explained(comparison, &trial.noise) {
            (comparison.verdict, comparison.reason) = (Verdict::Inconclusive, Some(Reason::Waited));
        } else if both && unknown.is_some() && comparison.metric.is_counted() && comparison.verdict == Verdict::Fail {
            // Past saturation bytes follow from what gets through, and what that is, is not known.
            (comparison.verdict, comparison.reason) = (Verdict::Inconclusive, unknown);
        } else if !trial.calibrated && comparison.metric.is_time() && comparison.verdict == Verdict::Fail {
            (comparison.verdict, comparison.reason) = (Verdict::Inconclusive, Some(Reason::Uncalibrated));
        }
    }
    Point {
        load: trial.load,
        predicted_saturated: trial.predicted.saturated,
        measured_saturated: trial.measured.saturated,
        verdict: Verdict::overall(metrics.iter().map(|comparison| comparison.verdict)),
        samples: trial.samples,
        metrics,
        noise: trial.noise,
        excesses,
    }
}

/// Whether a percentile is measured larger than predicted, and other programs kept the server from its core for a share of
/// the time that is no longer small beside what lies above the percentile: who comes meanwhile waits for them.
fn is_explained(found: &Comparison, noise: &Noise) -> bool {
    let above = match found.metric {
        Metric::P50 => 0.5,
        Metric::P90 => 0.1,
        Metric::P99 => 0.01,
        _ => return false,
    };
    let waited = noise.waited_share.unwrap_or(0.0);
    found.verdict == Verdict::Fail && found.predicted.value < found.measured.value && waited > above / 2.0
}

/// The prediction at the trial's load. Of the interval, what is there because the simulated arrivals are random is left
/// out: with relative half-widths h of the figure and g of what was offered, √(h² − g²) is left.
fn predicted_at_load(metric: Metric, trial: &Trial) -> Option<Estimate> {
    let figure = metric.of(&trial.predicted.seen)?;
    let Some((factor, offered)) = to_load(metric, &trial.predicted, trial.load.messages_per_second) else {
        return Some(figure);
    };
    let (h, g) = (figure.relative_half_width(), offered.relative_half_width());
    let half = (h * h - g * g).max(0.0).sqrt() * figure.value.abs();
    let left = Estimate::new(figure.value, figure.value - half, figure.value + half);
    Some(left.unwrap_or(figure).scaled(factor))
}

/// The measurement at the trial's load. Its interval has left that out already, where it comes from several runs.
fn measured_at_load(metric: Metric, trial: &Trial) -> Option<Estimate> {
    brought(metric, &trial.measured, trial)
}

/// A side's figure at the trial's load.
fn brought(metric: Metric, side: &Side, trial: &Trial) -> Option<Estimate> {
    let figure = metric.of(&side.seen)?;
    let to_load = to_load(metric, side, trial.load.messages_per_second);
    Some(to_load.map_or(figure, |(factor, _)| figure.scaled(factor)))
}

/// The factor that brings what is counted to a load, and what was offered; `None` where there is none.
fn to_load(metric: Metric, side: &Side, load: f64) -> Option<(f64, Estimate)> {
    if !metric.is_counted() || side.saturated {
        return None;
    }
    let offered = side.seen.offered_per_second.filter(|offered| offered.value > 0.0)?;
    Some((load / offered.value, offered))
}

/// Whether a metric says anything: deliveries that are as many as messages don't, nor do refusals where there are none.
fn is_asked(metric: Metric, trial: &Trial) -> bool {
    let sides = [&trial.predicted.seen, &trial.measured.seen];
    match metric {
        Metric::Deliveries => !sides.iter().all(|seen| {
            let both = seen.messages_in_per_second.zip(seen.messages_out_per_second);
            both.is_some_and(|(taken, out)| (out.value - taken.value).abs() <= SAME * taken.value)
        }),
        Metric::Refused => sides.iter().any(|seen| seen.refused_connections.is_some_and(|refused| refused.value > 0.0)),
        _ => true,
    }
}

fn comparison(
    metric: Metric,
    predicted: &Estimate,
    measured: &Estimate,
    replayed: Option<&Estimate>,
    allowances: &Allowances,
) -> Comparison {
    let (verdict, reason) = judge(predicted, measured, allowances.around(metric, measured.value));
    let error = signed_error(predicted.value, measured.value);
    let service_error = replayed.and_then(|replayed| signed_error(replayed.value, measured.value));
    Comparison {
        metric,
        predicted: *predicted,
        measured: *measured,
        error,
        service_error,
        workload_error: error.zip(service_error).map(|(error, service)| error - service),
        tolerance: allowances.tolerance(metric),
        verdict,
        reason,
    }
}

/// The most that got through where the system was saturated, against the most that the model lets through where it sees
/// it saturated.
fn saturation(trials: &[Trial], allowances: &Allowances) -> Option<Comparison> {
    let most = |side: fn(&Trial) -> &Side| {
        let saturated = trials.iter().map(side).filter(|side| side.saturated);
        saturated.filter_map(|side| Metric::Throughput.of(&side.seen)).max_by(|a, b| a.value.total_cmp(&b.value))
    };
    let (predicted, measured) = (most(|trial| &trial.predicted)?, most(|trial| &trial.measured)?);
    let mut found = comparison(Metric::Saturation, &predicted, &measured, None, allowances);
    let disturbed = |trial: &Trial| trial.measured.saturated && !trial.noise.excesses().is_empty();
    if trials.iter().any(disturbed) {
        (found.verdict, found.reason) = (Verdict::Inconclusive, Some(Reason::Noise));
    }
    Some(found)
}

fn mean_errors(points: &[Point]) -> Vec<MeanError> {
    let of = |metric: Metric| {
        let judged = points.iter().flat_map(|point| &point.metrics);
        let judged = judged.filter(|c| c.metric == metric && c.verdict != Verdict::NotJudged);
        let errors: Vec<f64> = judged.filter_map(|comparison| comparison.error).collect();
        let n = errors.len() as f64;
        (!errors.is_empty()).then(|| MeanError {
            metric,
            mean_absolute: errors.iter().map(|error| error.abs()).sum::<f64>() / n,
            mean_signed: errors.iter().sum::<f64>() / n,
            points: errors.len(),
        })
    };
    Metric::ALL.into_iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests;
