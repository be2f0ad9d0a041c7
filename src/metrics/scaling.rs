//! What an autoscaler did, and what its servers cost beside a fixed fleet.

use super::recovery::over;
use crate::stats::Estimate;

/// An autoscaler in one replication.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScalingTally {
    /// Looks that asked for more servers.
    pub scale_outs: u64,
    /// Looks that removed servers.
    pub scale_ins: u64,
    /// The most servers that were up at once.
    pub most: u64,
    /// Server-time from asking for each server until it is gone, in seconds.
    pub server_seconds: f64,
}

/// An autoscaler over all replications, each from its start to its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScalingMetrics {
    /// Looks that asked for more servers.
    pub scale_outs: Estimate,
    /// Looks that removed servers.
    pub scale_ins: Estimate,
    /// The most servers that were up at once.
    pub most: Estimate,
    /// Server-time from asking for each server until it is gone, in seconds.
    pub server_seconds: Estimate,
    /// Servers of a fixed fleet that carries the peak, spare ones included, by the closed form.
    pub fixed_servers: u64,
    /// Their server-time, in seconds.
    pub fixed_server_seconds: f64,
}

/// The figures over replications of this length.
pub fn scalings(tallies: &[ScalingTally], fixed_servers: u64, duration_seconds: f64) -> ScalingMetrics {
    let mean = |figure: &dyn Fn(&ScalingTally) -> f64| over(&tallies.iter().map(figure).collect::<Vec<_>>());
    ScalingMetrics {
        scale_outs: mean(&|tally| tally.scale_outs as f64),
        scale_ins: mean(&|tally| tally.scale_ins as f64),
        most: mean(&|tally| tally.most as f64),
        server_seconds: mean(&|tally| tally.server_seconds),
        fixed_servers,
        fixed_server_seconds: fixed_servers as f64 * duration_seconds,
    }
}
