//! What breaks next: ten and a hundred times the users, on the fleet of today and on the one that they take.

use crate::model::{Fleet, Model, ResourceKind};
use crate::scenario::Scenario;

/// So many times the users.
pub const FACTORS: [u64; 2] = [10, 100];

/// A service that has grown, in the median world.
#[derive(Debug, Clone, PartialEq)]
pub struct Growth {
    /// How many times the users there are.
    pub factor: u64,
    /// Users then.
    pub users: f64,
    /// On the fleet of today: what is past its target, the first to get there first, and how full it would be.
    pub breaks: Vec<(ResourceKind, f64)>,
    /// What it takes then.
    pub required: Fleet,
    /// What gives way first on that.
    pub next: Option<ResourceKind>,
}

/// The service grown by each of [`FACTORS`]; `today` is its closed form as it is.
pub fn growth(scenario: &Scenario, today: &Model) -> Vec<Growth> {
    FACTORS
        .into_iter()
        .map(|factor| {
            let mut grown = scenario.clone();
            grown.users = scenario.users.saturating_mul(factor);
            let users = grown.users as f64;
            let on_today = Model::on(&grown, today.fleet);
            let past = on_today
                .saturation_order()
                .into_iter()
                .filter(|resource| resource.users_at_target.is_some_and(|at| at < users * (1.0 - 1e-9)));
            let breaks = past.map(|resource| (resource.kind, resource.utilisation)).collect();
            // What the scenario fixes is fixed no longer: the question is what it takes.
            grown.servers.count = None;
            grown.balancer.count = None;
            if let Some(broker) = &mut grown.broker {
                broker.nodes = None;
            }
            if let Some(backend) = &mut grown.backend {
                backend.nodes = None;
            }
            let then = Model::of(&grown);
            let next = then.saturation_order().first().map(|resource| resource.kind);
            Growth { factor, users, breaks, required: then.required.fleet, next }
        })
        .collect()
}
