//! What an autoscaler asks for when the load has stayed the same for long.

use super::latency::latency;
use super::{Fleet, Model};
use crate::scenario::{Autoscaler, ScaledBy, Scenario};

/// The fewest servers, of those that the autoscaler keeps, on which the peak takes no more than its target of each; `None`
/// where not even the most of them suffice.
///
/// Of connections, that is ⌈N/(comfortable × target)⌉ for N connections. Of the CPU there is no such formula, since
/// wake-ups make its busy time concave in the rate; it falls as servers are added, so the number is found by halving.
pub fn wanted(scenario: &Scenario, model: &Model, rule: &Autoscaler) -> Option<u64> {
    let target = rule.target.get();
    let suffices = |servers: u64| match rule.of {
        ScaledBy::Connections => {
            model.load.connections <= servers as f64 * scenario.servers.comfortable_connections * target
        }
        ScaledBy::Cpu => {
            let model = Model::on(scenario, Fleet { servers, ..model.fleet });
            latency(scenario, &model).stations.iter().all(|form| form.name != "server.cpu" || form.busy <= target)
        }
    };
    if !suffices(rule.most) {
        return None;
    }
    // `low` doesn't suffice, or is less than what is kept; `high` does.
    let (mut low, mut high) = (rule.least - 1, rule.most);
    while high - low > 1 {
        let middle = u64::midpoint(low, high);
        if suffices(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}
