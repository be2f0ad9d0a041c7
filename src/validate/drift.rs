//! A result held against an earlier one: what has changed, and by more than may be?
//!
//! Points are matched by their load. At the same load the figures themselves are compared, measured with measured and
//! predicted with predicted. At a load nearby they differ for that alone; there the errors are compared, since the model
//! takes the load into account: a system that needs more CPU than it did shows as an error that has grown.

use serde_json::Value;

use super::compare::{Load, Validation};
use super::judge::{Verdict, judge, signed_error};
use super::metric::Metric;
use crate::stats::Estimate;

/// Loads within this share of each other are the same.
const SAME_LOAD: f64 = 0.01;
/// Loads further from each other than this share are not compared.
const NEAR_LOAD: f64 = 0.1;

/// Why an earlier result can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaselineError {
    /// It is no JSON.
    #[error("it is no JSON: {0}")]
    NoJson(String),
    /// It is some other JSON.
    #[error("it is no result of `plimsoll validate --format json`: {0}")]
    Other(&'static str),
    /// It has none of the loads.
    #[error("none of its loads is within 10 % of one of this result's")]
    NothingInCommon,
}

/// An earlier result.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    points: Vec<EarlierPoint>,
}

#[derive(Debug, Clone, PartialEq)]
struct EarlierPoint {
    messages_per_second: f64,
    connections: Option<f64>,
    metrics: Vec<Earlier>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Earlier {
    metric: Metric,
    predicted: Estimate,
    measured: Estimate,
    error: Option<f64>,
}

/// What has become of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// The load now.
    pub load: Load,
    /// The load then, in messages a second.
    pub earlier_load: f64,
    /// Which.
    pub metric: Metric,
    /// Whether the load is the same, so that figures are compared, not errors.
    pub same_load: bool,
    /// (measured now − measured then)/measured then; `None` at another load.
    pub measured: Option<f64>,
    /// The same of what the model says.
    pub predicted: Option<f64>,
    /// The signed error now less the one then.
    pub error: Option<f64>,
    /// Whether that is within the threshold.
    pub verdict: Verdict,
}

/// What has become of all metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct Drifts {
    /// How far anything may drift.
    pub threshold: f64,
    /// Metric by metric, load by load.
    pub drifts: Vec<Drift>,
    /// Points of this result that the earlier one has no load near.
    pub unmatched: usize,
    /// What all of them say.
    pub verdict: Verdict,
}

impl Baseline {
    /// Reads the JSON of an earlier result.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        let json: Value = serde_json::from_str(text).map_err(|error| BaselineError::NoJson(error.to_string()))?;
        let points = json.get("points").and_then(Value::as_array).ok_or(BaselineError::Other("it has no `points`"))?;
        let points: Option<Vec<EarlierPoint>> = points.iter().map(earlier_point).collect();
        Ok(Self { points: points.ok_or(BaselineError::Other("a point has no load or no metrics"))? })
    }

    fn nearest(&self, load: &Load) -> Option<&EarlierPoint> {
        let away = |point: &&EarlierPoint| distance(point, load);
        self.points.iter().min_by(|a, b| away(a).total_cmp(&away(b))).filter(|point| away(point) <= NEAR_LOAD)
    }
}

/// How far a load is from an earlier one, as a share.
fn distance(earlier: &EarlierPoint, load: &Load) -> f64 {
    let off = |was: f64, is: f64| (is - was).abs() / was.abs().max(f64::MIN_POSITIVE);
    let connections = earlier.connections.zip(load.connections).map_or(0.0, |(was, is)| off(was, is));
    off(earlier.messages_per_second, load.messages_per_second).max(connections)
}

fn earlier_point(point: &Value) -> Option<EarlierPoint> {
    let load = point.get("load")?;
    let metrics = point.get("metrics")?.as_array()?.iter().map(|metric| {
        let name = metric.get("name")?.as_str()?;
        let figures = (estimate(metric.get("predicted")?)?, estimate(metric.get("measured")?)?);
        Some((Metric::named(name), figures, metric.get("error")?.as_f64()))
    });
    let metrics: Option<Vec<_>> = metrics.collect();
    Some(EarlierPoint {
        messages_per_second: load.get("messages_per_second")?.as_f64()?,
        connections: load.get("connections").and_then(Value::as_f64),
        // A metric that another version knew is not compared.
        metrics: metrics?
            .into_iter()
            .filter_map(|(metric, (predicted, measured), error)| {
                Some(Earlier { metric: metric?, predicted, measured, error })
            })
            .collect(),
    })
}

/// An end that is not known is null.
fn estimate(json: &Value) -> Option<Estimate> {
    let end = |name: &str, unknown: f64| json.get(name).and_then(Value::as_f64).unwrap_or(unknown);
    Estimate::new(json.get("value")?.as_f64()?, end("low", f64::NEG_INFINITY), end("high", f64::INFINITY))
}

/// Holds a result against an earlier one.
///
/// # Errors
/// When the two have no load in common.
pub fn drift(now: &Validation, then: &Baseline, threshold: f64) -> Result<Drifts, BaselineError> {
    let mut drifts = Vec::new();
    let mut unmatched = 0;
    for point in &now.points {
        let Some(earlier) = then.nearest(&point.load) else {
            unmatched += 1;
            continue;
        };
        let same_load = distance(earlier, &point.load) <= SAME_LOAD;
        let comparable = |found: &&super::Comparison| found.verdict != Verdict::NotJudged;
        for found in point.metrics.iter().filter(comparable) {
            let Some(was) = earlier.metrics.iter().find(|was| was.metric == found.metric) else { continue };
            let error = found.error.zip(was.error).map(|(is, was)| is - was);
            let moved = |is: &Estimate, was: &Estimate| judge(is, was, threshold * was.value.abs()).0;
            let verdict = if same_load {
                moved(&found.measured, &was.measured).max(moved(&found.predicted, &was.predicted))
            } else {
                error.map_or(Verdict::NotJudged, |error| {
                    let noisy = [&found.measured, &was.measured].iter().any(|figure| {
                        let half = figure.relative_half_width();
                        half.is_finite() && half > threshold
                    });
                    match (error.abs() > threshold, noisy) {
                        (_, true) => Verdict::Inconclusive,
                        (true, false) => Verdict::Fail,
                        (false, false) => Verdict::Pass,
                    }
                })
            };
            let relative = |is: &Estimate, was: &Estimate| signed_error(is.value, was.value).filter(|_| same_load);
            drifts.push(Drift {
                load: point.load,
                earlier_load: earlier.messages_per_second,
                metric: found.metric,
                same_load,
                measured: relative(&found.measured, &was.measured),
                predicted: relative(&found.predicted, &was.predicted),
                error,
                verdict,
            });
        }
    }
    if drifts.is_empty() {
        return Err(BaselineError::NothingInCommon);
    }
    let verdict = Verdict::overall(drifts.iter().map(|drift| drift.verdict));
    Ok(Drifts { threshold, drifts, unmatched, verdict })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::validate::Noise;
    use crate::validate::compare::{Comparison, Point};

    fn point(load: f64, predicted: f64, measured: f64) -> Point {
        Point {
            load: Load { messages_per_second: load, connections: None, utilisation: None },
            predicted_saturated: false,
            measured_saturated: false,
            samples: 3,
            metrics: vec![Comparison {
                metric: Metric::Cpu,
                predicted: Estimate::exact(predicted),
                measured: Estimate::exact(measured),
                error: signed_error(predicted, measured),
                service_error: None,
                workload_error: None,
                tolerance: 0.1,
                verdict: Verdict::Pass,
                reason: None,
            }],
            noise: Noise::default(),
            excesses: Vec::new(),
            verdict: Verdict::Pass,
        }
    }

    fn now(points: Vec<Point>) -> Validation {
        Validation { points, saturation: None, mean_errors: Vec::new(), verdict: Verdict::Pass }
    }

    fn then(load: f64, predicted: f64, measured: f64) -> Baseline {
        let figure = |value: f64| json!({"value": value, "low": value, "high": null});
        let error = signed_error(predicted, measured);
        let metrics = json!([
            {"name": "cpu_busy", "predicted": figure(predicted), "measured": figure(measured), "error": error},
            {"name": "of_another_version", "predicted": figure(1.0), "measured": figure(2.0), "error": null},
        ]);
        let json = json!({"points": [{"load": {"messages_per_second": load}, "metrics": metrics}]});
        Baseline::parse(&json.to_string()).unwrap()
    }

    #[test]
    fn at_the_same_load_figures_are_compared() {
        for (predicted, measured, verdict) in [
            (0.5, 0.5, Verdict::Pass),
            (0.5, 0.54, Verdict::Fail),
            (0.54, 0.5, Verdict::Fail),
            (0.51, 0.49, Verdict::Pass),
        ] {
            let found = drift(&now(vec![point(1_000.0, predicted, measured)]), &then(1_005.0, 0.5, 0.5), 0.05).unwrap();
            assert_eq!((found.verdict, found.drifts.len()), (verdict, 1), "{predicted}, {measured}");
            assert!(found.drifts[0].same_load && found.drifts[0].measured.is_some());
        }
    }

    #[test]
    fn at_a_load_nearby_errors_are_compared() {
        let later = |measured: f64| now(vec![point(1_050.0, 0.525, measured)]);
        let found = drift(&later(0.525), &then(1_000.0, 0.5, 0.5), 0.05).unwrap();
        assert_eq!((found.verdict, found.drifts[0].measured, found.drifts[0].error), (Verdict::Pass, None, Some(0.0)));
        // The system takes a tenth more than it did.
        assert_eq!(drift(&later(0.577_5), &then(1_000.0, 0.5, 0.5), 0.05).unwrap().verdict, Verdict::Fail);
    }

    #[test]
    fn what_has_no_match_is_counted_or_an_error() {
        let far = now(vec![point(1_000.0, 0.5, 0.5), point(5_000.0, 0.5, 0.5)]);
        assert_eq!(drift(&far, &then(1_000.0, 0.5, 0.5), 0.05).unwrap().unmatched, 1);
        assert_eq!(drift(&far, &then(300.0, 0.5, 0.5), 0.05), Err(BaselineError::NothingInCommon));
    }

    #[test]
    fn what_is_no_result_is_told() {
        for (text, says) in [
            ("{", "no JSON"),
            ("[1]", "no `points`"),
            (r#"{"points": [{}]}"#, "no load"),
            (r#"{"points": [{"load": {"messages_per_second": 1}, "metrics": [{}]}]}"#, "no metrics"),
        ] {
            let error = Baseline::parse(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
