//! The closed form over many worlds: each uncertain input takes a figure from its interval, and so does every output.
//!
//! Worlds are a Latin hypercube (McKay, Beckman and Conover 1979): of n worlds, each input has exactly one in each n-th of
//! its distribution, at its middle, in an order of its own that depends on the seed and the input's path alone. So adding
//! an input moves no other, and the interval of an output that depends on one input only is that input's own.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostics;
use crate::model::latency::{LatencyForm, latency};
use crate::model::{Model, ResourceKind};
use crate::random::{Purpose, Stream, hash_bytes};
use crate::scenario::{Document, Scenario, UncertainInput};
use crate::stats::Estimate;

/// Worlds that a scenario with uncertain figures is computed in.
const WORLDS: usize = 200;
/// The share of worlds inside an interval.
pub const LEVEL: f64 = 0.9;

/// The closed form of a scenario, with intervals from what is uncertain in it.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// The world in which every uncertain figure is at its median.
    pub scenario: Scenario,
    /// The closed form of that world.
    pub model: Model,
    /// Its latency.
    pub latency: LatencyForm,
    /// What is uncertain.
    pub uncertain: Vec<UncertainInput>,
    /// How many worlds were computed.
    pub worlds: usize,
    /// Servers required.
    pub servers_required: Estimate,
    /// Servers on top of those, the headroom of zones included.
    pub spare: Estimate,
    /// The headroom of zones.
    pub zone_spare: Estimate,
    /// Balancer nodes required.
    pub balancers_required: Estimate,
    /// Log nodes required.
    pub log_nodes_required: Estimate,
    /// The resources in the order in which they give way.
    pub resources: Vec<ResourceAssessment>,
    /// The load: its figures in a fixed order, by the names that JSON has for them.
    pub load: Vec<(&'static str, Estimate)>,
}

/// One resource over all worlds, on the servers of the median world.
#[derive(Debug, Clone, Copy)]
pub struct ResourceAssessment {
    /// Which.
    pub kind: ResourceKind,
    /// Demand over what there is (of connection slots: over the comfortable ones).
    pub utilisation: Estimate,
    /// Units required.
    pub units_required: Estimate,
    /// Users at which the plan is reached; `None` for never.
    pub users_at_target: Option<Estimate>,
    /// Users at which the limit is reached; `None` for never.
    pub users_at_limit: Option<Estimate>,
}

/// Computes a scenario in all its worlds.
///
/// # Errors
/// All that is wrong with the scenario.
pub fn assess(document: &Document) -> Result<Assessment, Diagnostics> {
    let scenario = document.resolve()?;
    let model = Model::of(&scenario);
    let uncertain = document.uncertain();
    let mut worlds = Vec::new();
    if !uncertain.is_empty() {
        let orders: BTreeMap<&str, Vec<f64>> = uncertain
            .iter()
            .map(|input| (input.path.as_str(), quantiles(scenario.simulation.seed, &input.path)))
            .collect();
        for world in 0..WORLDS {
            let scenario =
                document.resolve_world(&|path| orders.get(path).map_or(0.5, |quantiles| quantiles[world]))?;
            let required = Model::of(&scenario).required;
            let model = Model::on(&scenario, model.servers, model.balancers, model.log_nodes);
            worlds.push((required, model));
        }
    }
    let over = |value: f64, figure: &dyn Fn(&(crate::model::Required, Model)) -> f64| {
        spread(value, worlds.iter().map(figure).collect())
    };
    let resources = model
        .saturation_order()
        .into_iter()
        .map(|resource| {
            let kind = resource.kind;
            let of = |world: &(crate::model::Required, Model), figure: &dyn Fn(&crate::model::Resource) -> f64| {
                world.1.resource(kind).map_or(f64::NAN, figure)
            };
            // A resource that never gives way does so in no world: whether it has a limit is no matter of degree.
            let users = |value: Option<f64>, figure: &dyn Fn(&crate::model::Resource) -> Option<f64>| {
                value.map(|value| over(value, &|world| of(world, &|r| figure(r).unwrap_or(f64::INFINITY))))
            };
            ResourceAssessment {
                kind,
                utilisation: over(resource.utilisation, &|world| of(world, &|r| r.utilisation)),
                units_required: over(resource.units_required as f64, &|world| of(world, &|r| r.units_required as f64)),
                users_at_target: users(resource.users_at_target, &|r| r.users_at_target),
                users_at_limit: users(resource.users_at_limit, &|r| r.users_at_limit),
            }
        })
        .collect();
    Ok(Assessment {
        servers_required: over(model.required.servers as f64, &|world| world.0.servers as f64),
        spare: over(model.required.spare as f64, &|world| world.0.spare as f64),
        zone_spare: over(model.required.zone_spare as f64, &|world| world.0.zone_spare as f64),
        balancers_required: over(model.required.balancers as f64, &|world| world.0.balancers as f64),
        log_nodes_required: over(model.required.log_nodes as f64, &|world| world.0.log_nodes as f64),
        load: load_figures(&model)
            .into_iter()
            .enumerate()
            .map(|(i, (name, value))| (name, over(value, &|world| load_figures(&world.1)[i].1)))
            .collect(),
        resources,
        latency: latency(&scenario, &model),
        worlds: worlds.len().max(1),
        scenario,
        model,
        uncertain,
    })
}

fn load_figures(model: &Model) -> [(&'static str, f64); 11] {
    let load = &model.load;
    [
        ("users", load.users),
        ("connections", load.connections),
        ("messages_in_per_second", load.messages_in_per_second),
        ("messages_out_per_second", load.messages_out_per_second),
        ("ingress_bytes_per_second", load.ingress_bytes_per_second),
        ("egress_bytes_per_second", load.egress_bytes_per_second),
        ("ingress_wire_bytes_per_second", load.ingress_wire_bytes_per_second),
        ("egress_wire_bytes_per_second", load.egress_wire_bytes_per_second),
        ("packets_per_second", load.packets_per_second),
        ("heartbeats_per_second", load.heartbeats_per_second),
        ("log_bytes_per_hour", load.log_bytes_per_hour),
    ]
}

/// The quantile of this input in each world.
fn quantiles(seed: u64, path: &str) -> Vec<f64> {
    let mut order: Vec<usize> = (0..WORLDS).collect();
    let mut stream = Stream::named(seed, 0, hash_bytes(path.as_bytes()), Purpose::Worlds);
    // Fisher and Yates's shuffle.
    for i in (1..WORLDS).rev() {
        order.swap(i, stream.below(i as u64 + 1) as usize);
    }
    order.into_iter().map(|place| (place as f64 + 0.5) / WORLDS as f64).collect()
}

/// The median world's figure with the interval that holds 90 % of the worlds. The ends are order statistics (the smallest
/// figure that at least 5 % of the worlds don't exceed, and its mirror image), never in between.
fn spread(value: f64, mut figures: Vec<f64>) -> Estimate {
    if figures.is_empty() {
        return Estimate::exact(value);
    }
    figures.sort_by(f64::total_cmp);
    let n = figures.len();
    let outside = ((1.0 - LEVEL) / 2.0 * n as f64).round() as usize;
    let (low, high) = (figures[outside.max(1) - 1], figures[n - outside.max(1)]);
    Estimate::new(value, low.min(value), high.max(value)).unwrap_or(Estimate::exact(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffled_input_has_every_quantile_once() {
        let mut found = quantiles(42, "servers.connections.comfortable");
        assert_ne!(found, quantiles(42, "servers.cores"));
        found.sort_by(f64::total_cmp);
        for (i, quantile) in found.iter().enumerate() {
            assert!((quantile - (i as f64 + 0.5) / WORLDS as f64).abs() < 1e-12);
        }
    }

    #[test]
    fn the_interval_leaves_a_twentieth_on_either_side() {
        let figures = (1..=200).map(f64::from).collect();
        assert_eq!(spread(100.0, figures), Estimate { value: 100.0, low: 10.0, high: 191.0 });
    }
}
