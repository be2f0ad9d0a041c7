//! Reads: what of them the cache answers, and what is left for the backend.

use super::Load;
use crate::scenario::Scenario;
use crate::stats::cache::Served;

/// No cache is asked less often than this, in requests a second: so that no figure below is infinite.
const SELDOM: f64 = 1e-9;

/// What messages read, in the long run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reads {
    /// Reads of a message.
    pub per_message: f64,
    /// Reads a second, of all servers together.
    pub reads_per_second: f64,
    /// What the cache does for them; `None` without one.
    pub served: Option<Served>,
    /// What is left for the backend, a second.
    pub queries_per_second: f64,
}

impl Reads {
    /// The reads of this load on so many servers; `None` without a backend.
    ///
    /// A cache on each server sees 1/n of the requests. Its hit ratio is then that of a shared one of its size, unless
    /// copies get too old: those of a cache that is asked less often are older when they are asked for.
    pub fn of(scenario: &Scenario, load: &Load, servers: u64) -> Option<Self> {
        let backend = scenario.backend.as_ref()?;
        let reads = load.messages_in_per_second * backend.queries_per_message;
        let served = scenario.cache.as_ref().map(|cache| {
            let rate = if cache.shared { reads } else { reads / servers as f64 };
            cache.form.served(rate.max(SELDOM), cache.ttl.map(crate::units::Seconds::get), cache.writes.get())
        });
        Some(Self {
            per_message: backend.queries_per_message,
            reads_per_second: reads,
            served,
            queries_per_second: reads * (1.0 - served.map_or(0.0, |served| served.hit_ratio)),
        })
    }

    /// Share of the reads that the cache answers.
    pub fn hit_ratio(&self) -> f64 {
        self.served.map_or(0.0, |served| served.hit_ratio)
    }

    /// Network of a message's reads, in seconds: a round trip to a shared cache, and one to the backend for each miss.
    pub fn network_seconds(&self, scenario: &Scenario) -> f64 {
        let shared = scenario.cache.as_ref().is_some_and(|cache| cache.shared);
        let look = if shared { 2.0 * scenario.latency.server.mean() } else { 0.0 };
        let far = scenario.backend.as_ref().map_or(0.0, |backend| 2.0 * backend.latency.mean());
        self.per_message * (look + (1.0 - self.hit_ratio()) * far)
    }
}

/// Cores that the backend needs for the queries of this load.
pub fn backend_cores(scenario: &Scenario, load: &Load, servers: u64) -> f64 {
    let each = scenario.backend.as_ref().map_or(0.0, |backend| backend.per_query.mean());
    Reads::of(scenario, load, servers).map_or(0.0, |reads| reads.queries_per_second * each)
}

/// CPU seconds of a server for the looks of one message.
pub fn lookup_cpu_seconds(scenario: &Scenario) -> f64 {
    match (&scenario.backend, &scenario.cache) {
        (Some(backend), Some(cache)) => backend.queries_per_message * cache.lookup_cpu.mean(),
        _ => 0.0,
    }
}

/// Caches that there are: one, or one a server.
pub fn caches(scenario: &Scenario, servers: u64) -> u64 {
    scenario.cache.as_ref().map_or(0, |cache| if cache.shared { 1 } else { servers })
}
