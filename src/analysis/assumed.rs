//! What a scenario leaves to defaults, where that matters for the answer: the assumptions that an estimate stands on.

use crate::scenario::keys::{self, Default};
use crate::scenario::{Document, Scenario};

/// A default that the answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assumed {
    /// The key.
    pub path: &'static str,
    /// What it is, as a scenario has it.
    pub value: &'static str,
    /// Where that comes from.
    pub source: &'static str,
}

/// The keys that decide about servers, bytes and latency of nearly every scenario, in the order of its arithmetic.
const DECISIVE: [&str; 16] = [
    "workload.connections_per_user",
    "workload.message.size",
    "workload.message.arrivals",
    "workload.fan_out",
    "workload.heartbeat",
    "workload.session",
    "workload.profile",
    "servers.connections.comfortable",
    "servers.memory_per_connection",
    "servers.cores",
    "servers.cpu.per_message",
    "servers.network",
    "servers.target_utilisation",
    "servers.spare",
    "logs.bytes_per_message",
    "logs.retention",
];

/// Those of them that are not given.
pub fn assumed(document: &Document, scenario: &Scenario) -> Vec<Assumed> {
    DECISIVE
        .into_iter()
        .filter(|path| !document.is_given(path) && (scenario.logs.is_some() || !path.starts_with("logs.")))
        .filter_map(|path| {
            let key = keys::find(path)?;
            let Default::Yaml(value) = key.default else { return None };
            Some(Assumed { path, value, source: key.source })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_default_and_a_source() {
        for path in DECISIVE {
            let key = keys::find(path).unwrap_or_else(|| panic!("no key {path}"));
            assert!(matches!(key.default, Default::Yaml(text) if text != "{}"), "{path}: {:?}", key.default);
            assert!(!key.source.is_empty(), "{path}");
        }
    }
}
