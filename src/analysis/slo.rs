//! Whether a run keeps what was promised.

use crate::metrics::{RunMetrics, Unsteady};
use crate::scenario::Slo;
use crate::stats::Estimate;

/// What can be said of an objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The figure keeps to the limit.
    Met,
    /// It doesn't.
    NotMet,
    /// It does in this run, which is no steady state: a longer one may not.
    Undecided,
}

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
    pub verdict: Verdict,
    /// Whether the whole interval is on that side.
    pub sure: bool,
}

impl Objective {
    /// Whether the figure keeps to the limit, in a run that is a steady state.
    pub fn met(&self) -> bool {
        self.verdict == Verdict::Met
    }
}

/// All of an SLO together: not met if any objective isn't, or else undecided if any is.
pub fn overall(objectives: &[Objective]) -> Verdict {
    let any = |verdict| objectives.iter().any(|objective| objective.verdict == verdict);
    if any(Verdict::NotMet) {
        Verdict::NotMet
    } else if any(Verdict::Undecided) {
        Verdict::Undecided
    } else {
        Verdict::Met
    }
}

/// All objectives of an SLO, in its order. `dropped` counts the messages of users without a connection, too: they send
/// none, but they were promised that they could.
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
    // A queue that grows without end only gets worse; what has not settled may go either way.
    let steady = metrics.unsteady.is_empty();
    let lasting = metrics.unsteady.iter().all(|why| *why == Unsteady::Overloaded);
    let objective = |name: String, limit: f64, found: Option<Estimate>| {
        let within = found.is_some_and(|found| found.value <= limit);
        let (verdict, sure) = match (within, steady) {
            (true, true) => (Verdict::Met, found.is_some_and(|found| found.high <= limit)),
            (true, false) => (Verdict::Undecided, false),
            (false, _) => (Verdict::NotMet, lasting && found.is_some_and(|found| found.low > limit)),
        };
        Objective { name, limit, found, verdict, sure }
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
        objectives.push(objective("dropped".to_owned(), limit.get(), Some(metrics.undelivered_share())));
    }
    objectives
}
