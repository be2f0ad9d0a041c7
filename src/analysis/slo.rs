//! Whether a run keeps what was promised.

use crate::metrics::RunMetrics;
use crate::scenario::Slo;
use crate::stats::Estimate;

/// How one objective fared.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    /// `latency.p99`, `dropped`, ….
    pub name: String,
    /// The most that was allowed, in seconds or as a share.
    pub limit: f64,
    /// What was found; `None` where nothing was delivered.
    pub found: Option<Estimate>,
    /// Whether the figure keeps to the limit.
    pub met: bool,
    /// Whether the whole interval is on that side.
    pub sure: bool,
}

/// All objectives of an SLO, in its order.
pub fn judge(slo: &Slo, metrics: &RunMetrics) -> Vec<Objective> {
    let latency = |percentile: Option<f64>| {
        let all = metrics.latency?;
        let percent = percentile.map(|p| (p * 1000.0).round() as u64);
        Some(match percent {
            None => all.mean,
            Some(500) => all.p50,
            Some(900) => all.p90,
            Some(950) => all.p95,
            Some(990) => all.p99,
            Some(_) => all.p999,
        })
    };
    let objective = |name: String, limit: f64, found: Option<Estimate>| {
        let met = found.is_some_and(|found| found.value <= limit);
        let sure = found.is_some_and(|found| if met { found.high <= limit } else { found.low > limit });
        Objective { name, limit, found, met, sure }
    };
    let mut objectives: Vec<Objective> = slo
        .latency
        .iter()
        .map(|(percentile, limit)| {
            let name = percentile.map_or_else(
                || "latency.mean".to_owned(),
                |p| format!("latency.p{}", format!("{:.1}", p * 100.0).trim_end_matches(".0").replace('.', "")),
            );
            objective(name, limit.get(), latency(*percentile))
        })
        .collect();
    if let Some(limit) = slo.dropped {
        objectives.push(objective("dropped".to_owned(), limit.get(), Some(metrics.dropped_share)));
    }
    objectives
}
