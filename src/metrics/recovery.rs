//! What each fault did to connections, and how long it took until they were back.

use crate::stats::Estimate;
use crate::stats::series::{Batch, ratio_interval};

/// A fault in one replication: from its moment until the next fault's or the end of the run.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FaultTally {
    /// Connections open just before.
    pub before: u64,
    /// Connections that it dropped.
    pub dropped: u64,
    /// Attempts refused.
    pub refused: u64,
    /// Attempts given up while they waited for their handshake.
    pub timed_out: u64,
    /// Messages lost inside the servers that stopped.
    pub messages_lost: u64,
    /// Most connections accepted in a tenth of a second.
    pub peak_accepted: u64,
    /// Most attempts in a tenth of a second.
    pub peak_attempts: u64,
    /// Seconds from its moment until 99 % of those dropped were back; `None` for not within the run.
    pub back_seconds: Option<f64>,
}

/// A tenth of a second is what peaks are counted in.
pub const PEAK_SECONDS: f64 = 0.1;

/// A fault over all replications.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultMetrics {
    /// When, in seconds from the start of the run.
    pub at_seconds: f64,
    /// What broke, in words.
    pub what: String,
    /// Connections open just before.
    pub before: Estimate,
    /// Connections that it dropped.
    pub dropped: Estimate,
    /// The largest rate of accepted connections over a tenth of a second.
    pub peak_accept_rate: Estimate,
    /// The largest rate of attempts over a tenth of a second.
    pub peak_attempt_rate: Estimate,
    /// Attempts refused.
    pub refused: Estimate,
    /// Attempts given up while they waited for their handshake.
    pub timed_out: Estimate,
    /// Messages lost inside the servers that stopped.
    pub messages_lost: Estimate,
    /// Seconds until 99 % of those dropped were back; `None` where that was not within the run in every replication.
    pub back_seconds: Option<Estimate>,
}

/// Each fault over all replications; `faults` are when and what.
pub fn recoveries(faults: &[(f64, String)], replications: &[&[FaultTally]]) -> Vec<FaultMetrics> {
    let summarise = |(number, (at_seconds, what)): (usize, &(f64, String))| {
        let tallies: Vec<FaultTally> = replications.iter().filter_map(|tallies| tallies.get(number)).copied().collect();
        let mean = |figure: &dyn Fn(&FaultTally) -> f64| over(&tallies.iter().map(figure).collect::<Vec<_>>());
        let back: Option<Vec<f64>> = tallies.iter().map(|tally| tally.back_seconds).collect();
        FaultMetrics {
            at_seconds: *at_seconds,
            what: what.clone(),
            before: mean(&|tally| tally.before as f64),
            dropped: mean(&|tally| tally.dropped as f64),
            peak_accept_rate: mean(&|tally| tally.peak_accepted as f64 / PEAK_SECONDS),
            peak_attempt_rate: mean(&|tally| tally.peak_attempts as f64 / PEAK_SECONDS),
            refused: mean(&|tally| tally.refused as f64),
            timed_out: mean(&|tally| tally.timed_out as f64),
            messages_lost: mean(&|tally| tally.messages_lost as f64),
            back_seconds: back.map(|back| over(&back)),
        }
    };
    faults.iter().enumerate().map(summarise).collect()
}

/// The mean over replications, with its interval where there are enough of them.
pub(super) fn over(figures: &[f64]) -> Estimate {
    let batches: Vec<Vec<Batch>> = figures.iter().map(|figure| vec![Batch { sum: *figure, weight: 1.0 }]).collect();
    let mean = figures.iter().sum::<f64>() / figures.len().max(1) as f64;
    ratio_interval(&batches).unwrap_or(Estimate::unbounded(mean)).clamped(0.0, f64::INFINITY)
}
