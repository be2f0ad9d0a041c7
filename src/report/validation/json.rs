//! JSON, with the names that `--baseline` reads again. Figures are `{value, low, high}`; null where one does not exist.

use serde_json::{Map, Value, json};

use super::View;
use crate::report::{SCHEMA_VERSION, VERSION};
use crate::validate::compare::{Comparison, Load, Point};
use crate::validate::drift::{Drift, Drifts};
use crate::validate::judge::Reason;
use crate::validate::noise::{MOST_DRIVER_LATE, MOST_REPEAT_SPREAD, MOST_STEAL, MOST_WAITED};

/// The whole result.
pub fn report(view: &View<'_>) -> Value {
    let validation = view.validation;
    let mean_errors: Map<String, Value> = validation
        .mean_errors
        .iter()
        .map(|mean| {
            let errors = json!({
                "mean_absolute_error": mean.mean_absolute,
                "mean_signed_error": mean.mean_signed,
                "points": mean.points,
            });
            (mean.metric.name().to_owned(), errors)
        })
        .collect();
    let absolute: Map<String, Value> = validation
        .mean_errors
        .iter()
        .map(|mean| (mean.metric.name().to_owned(), json!(mean.mean_absolute * 100.0)))
        .collect();
    json!({
        "schema_version": SCHEMA_VERSION,
        "program": { "name": "plimsoll", "version": VERSION },
        "scenario": { "name": view.name, "hash": view.hash },
        "seed": view.seed,
        "measured": view.source,
        "complete": view.complete(),
        "intervals": { "level": 0.95, "kind": "sampling" },
        "noise_bounds": {
            "steal_share": MOST_STEAL,
            "waited_share": MOST_WAITED,
            "driver_late_share": MOST_DRIVER_LATE,
            "repeat_spread": MOST_REPEAT_SPREAD,
        },
        "points": validation.points.iter().map(point).collect::<Vec<_>>(),
        "saturation": validation.saturation.as_ref().map(comparison),
        "mean_absolute_percentage_error": absolute,
        "mean_errors": mean_errors,
        "drift": view.drifts.map(drifts),
        "notes": view.notes,
        "verdict": view.verdict.name(),
    })
}

fn load(load: &Load) -> Value {
    json!({
        "messages_per_second": load.messages_per_second,
        "connections": load.connections,
        "cpu_utilisation": load.utilisation,
    })
}

fn point(point: &Point) -> Value {
    json!({
        "load": load(&point.load),
        "samples": point.samples,
        "saturated": point.saturated(),
        "predicted_saturated": point.predicted_saturated,
        "measured_saturated": point.measured_saturated,
        "metrics": point.metrics.iter().map(comparison).collect::<Vec<_>>(),
        "noise": {
            "steal_share": point.noise.steal_share,
            "waited_share": point.noise.waited_share,
            "driver_late_share": point.noise.driver_late_share,
            "driver_limited": point.noise.driver_limited,
            "repeat_spread": point.noise.repeat_spread,
            "excesses": point.excesses,
        },
        "verdict": point.verdict.name(),
    })
}

fn comparison(found: &Comparison) -> Value {
    json!({
        "name": found.metric.name(),
        "predicted": found.predicted,
        "measured": found.measured,
        "error": found.error,
        "service_error": found.service_error,
        "workload_error": found.workload_error,
        "tolerance": found.tolerance,
        "verdict": found.verdict.name(),
        "reason": found.reason.map(Reason::words),
    })
}

fn drifts(drifts: &Drifts) -> Value {
    json!({
        "threshold": drifts.threshold,
        "metrics": drifts.drifts.iter().map(drift).collect::<Vec<_>>(),
        "unmatched_points": drifts.unmatched,
        "verdict": drifts.verdict.name(),
    })
}

fn drift(drift: &Drift) -> Value {
    json!({
        "load": load(&drift.load),
        "earlier_messages_per_second": drift.earlier_load,
        "name": drift.metric.name(),
        "compared": if drift.same_load { "figures" } else { "errors" },
        "measured_drift": drift.measured,
        "predicted_drift": drift.predicted,
        "error_drift": drift.error,
        "verdict": drift.verdict.name(),
    })
}
