//! How a model fared against measurements: for a terminal, as JSON, as Markdown for a pull request, as `JUnit` XML.

pub mod json;
pub mod junit;
pub mod markdown;
pub mod terminal;

use std::fmt::Write as _;

use super::show::{count_whole, counted, fine, share};
use crate::stats::Estimate;
use crate::units::display::{byte_rate, byte_rate_hourly, bytes, count, rate};
use crate::units::{ByteRate, Bytes, Rate};
use crate::validate::compare::{Comparison, Point};
use crate::validate::drift::Drifts;
use crate::validate::metric::{Metric, Unit};
use crate::validate::{Validation, Verdict};

/// All there is to show of a validation.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The scenario's name.
    pub name: &'a str,
    /// Its hash.
    pub hash: &'a str,
    /// The seed of the simulations.
    pub seed: u64,
    /// What was measured, in words.
    pub source: &'a str,
    /// What a sample is: `run`, or `row`.
    pub sample: &'static str,
    /// What came of it.
    pub validation: &'a Validation,
    /// The same against an earlier result, if there is one.
    pub drifts: Option<&'a Drifts>,
    /// Points that there were to be; more than there are where it was cut short.
    pub planned: usize,
    /// What a reader should know.
    pub notes: &'a [String],
    /// What all of it says, drift included.
    pub verdict: Verdict,
}

impl View<'_> {
    /// Whether every point was finished.
    pub fn complete(&self) -> bool {
        self.validation.points.len() == self.planned
    }

    /// Whether any error is told apart by service and workload.
    fn has_parts(&self) -> bool {
        self.validation.points.iter().flat_map(|point| &point.metrics).any(|found| found.service_error.is_some())
    }
}

/// A smaller half-width, as a share, is not shown.
const SHOWN_HALF: f64 = 0.000_5;

/// A metric's figure with its unit.
fn figure(metric: Metric, value: f64) -> String {
    let positive = value.max(0.0);
    match metric.unit() {
        Unit::PerSecond => rate(Rate::new(positive)),
        Unit::Share => share(positive),
        Unit::Bytes => bytes(Bytes::new(positive)),
        Unit::BytesPerSecond => byte_rate(ByteRate::new(positive)),
        Unit::BytesPerHour => byte_rate_hourly(ByteRate::new(positive / 3_600.0)),
        Unit::Seconds => fine(positive),
        Unit::Count => count_whole(positive),
    }
}

/// The same with half its interval as a share: `3.870 ms ±2 %`.
pub(in crate::report) fn with_interval(metric: Metric, estimate: &Estimate) -> String {
    let shown = figure(metric, estimate.value);
    let half = estimate.relative_half_width();
    if half < SHOWN_HALF || !half.is_finite() { shown } else { format!("{shown} ±{}", share(half)) }
}

/// An error: `+12.3 %`.
pub(in crate::report) fn signed(error: f64) -> String {
    let percent = error * 100.0;
    let shown = if percent.abs() >= 999.5 { format!("{percent:+.0} %") } else { format!("{percent:+.1} %") };
    // Neither side is off by nothing.
    if shown == "-0.0 %" { "+0.0 %".to_owned() } else { shown }
}

pub(in crate::report) fn error(error: Option<f64>) -> String {
    error.map_or_else(|| "-".to_owned(), signed)
}

/// The load of a point: `1,003/s, 10,000 connections, CPU load 37 %`.
pub(in crate::report) fn load(point: &Point) -> String {
    let mut out = format!("{} messages/s", rate(Rate::new(point.load.messages_per_second)).trim_end_matches("/s"));
    if let Some(connections) = point.load.connections {
        let _ = write!(out, ", {}", counted(&count(connections.round()), "connection"));
    }
    if let Some(utilisation) = point.load.utilisation {
        let _ = write!(out, ", CPU load {}", share(utilisation));
    }
    out
}

/// What is special about a point: who sees it saturated, and what disturbed it.
fn remarks(point: &Point) -> Vec<String> {
    let saturated = match (point.predicted_saturated, point.measured_saturated) {
        (true, true) => Some("saturated: latency has no steady state, and is not judged"),
        (true, false) => Some("the model sees it saturated, the measurement does not"),
        (false, true) => Some("saturated, which the model does not see"),
        (false, false) => None,
    };
    let disturbed = point.excesses.iter().map(|excess| format!("disturbed: {excess}"));
    saturated.map(str::to_owned).into_iter().chain(disturbed).collect()
}

/// Why a comparison is inconclusive, where the point's remarks don't say it.
fn why(found: &Comparison) -> Option<&'static str> {
    use crate::validate::judge::Reason::{self, Scatter, ShortSimulation, Uncalibrated};
    found.reason.filter(|reason| matches!(reason, Scatter | ShortSimulation | Uncalibrated)).map(Reason::words)
}

/// What doesn't hold, each with where and by how much.
pub(in crate::report) fn failures(view: &View<'_>) -> Vec<String> {
    let at = |found: &Comparison, place: &str| {
        let error = found.error.map_or_else(
            || format!("{} predicted, none measured", figure(found.metric, found.predicted.value)),
            |error| format!("off by {}", signed(error)),
        );
        format!("{}{place}: {error} (within {} is asked)", found.metric.label(), share(found.tolerance))
    };
    let mut out = Vec::new();
    for point in &view.validation.points {
        let place = format!(" at {}", rate(Rate::new(point.load.messages_per_second)));
        out.extend(point.metrics.iter().filter(|found| found.verdict == Verdict::Fail).map(|found| at(found, &place)));
    }
    out.extend(view.validation.saturation.iter().filter(|found| found.verdict == Verdict::Fail).map(|f| at(f, "")));
    out
}
