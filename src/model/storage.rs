//! Where logs are kept: how much there is in each tier at the end of its time, and the nodes that takes.
//!
//! A tier that keeps logs for T hours holds, once it is full, log bytes an hour / compression × T × replication. What
//! moves from one tier to the next takes bandwidth too; that is not counted.

use super::{Fleet, Load};
use crate::scenario::{LogTier, Logs, Scenario};

/// One tier of the log store, full.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeptLogs {
    /// `hot`, `warm` or `archive`.
    pub tier: &'static str,
    /// How long logs stay, how often they are there and how small they are.
    pub kept: LogTier,
    /// What there is of them, copies included.
    pub bytes: f64,
    /// Nodes it takes; `None` for object storage.
    pub nodes: Option<u64>,
}

/// The tiers of the log store, in the order in which logs go through them; the fleet is what they require.
pub fn kept_logs(scenario: &Scenario, load: &Load, required: &Fleet) -> Vec<KeptLogs> {
    let Some(logs) = scenario.logs else { return Vec::new() };
    let hot = LogTier { keep: logs.hot, replication: logs.replication, compression: logs.compression, disk: logs.disk };
    let tier = |tier, kept, nodes| KeptLogs { tier, kept, bytes: bytes(&logs, load, &kept), nodes };
    let mut tiers = vec![tier("hot", hot, Some(required.log_nodes))];
    tiers.extend(logs.warm.map(|warm| tier("warm", warm, Some(required.warm_log_nodes))));
    tiers.extend(logs.archive.map(|archive| tier("archive", archive, None)));
    tiers
}

/// What a tier holds once it is full, in bytes, copies included.
pub fn bytes(logs: &Logs, load: &Load, tier: &LogTier) -> f64 {
    // The load's figure is after the hot tier's compression.
    let per_hour = load.log_bytes_per_hour * (logs.compression / tier.compression);
    per_hour * (tier.keep.get() / 3_600.0) * tier.replication as f64
}
