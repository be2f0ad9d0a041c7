//! The closed form over many worlds: each uncertain input takes a figure from its interval, and so does every output.
//!
//! Worlds are a Latin hypercube (McKay, Beckman and Conover 1979): of n worlds, each input has exactly one in each n-th of
//! its distribution, at its middle, in an order of its own that depends on the seed and the input's path alone. So adding
//! an input moves no other, and the interval of an output that depends on one input only is that input's own.

use std::collections::BTreeMap;

use super::assumed::{Assumed, assumed};
use super::growth::{Growth, growth};
use super::price::{Price, Pricing};
use super::sensitivity::{self, Sensitivity};
use crate::diagnostic::Diagnostics;
use crate::model::autoscaler::wanted;
use crate::model::latency::{LatencyForm, latency};
use crate::model::storage::{KeptLogs, kept_logs};
use crate::model::wire::Wire;
use crate::model::{Model, Reads, Required, ResourceKind, Spread};
use crate::random::{Purpose, Stream, hash_bytes};
use crate::scenario::{Catalogue, Document, LogTier, Scenario, UncertainInput};
use crate::stats::Estimate;

/// Worlds that a scenario with uncertain figures is computed in.
///
/// The middle of the tenth of 190 equal parts is the 5th percentile to the last digit: so the ends of an interval that
/// follows from one input alone are those that the input was given.
pub(super) const WORLDS: usize = 190;
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
    /// What each of it moves, the weightiest first.
    pub sensitivity: Vec<Sensitivity>,
    /// What the servers required cost an hour, where machines have prices.
    pub price: Option<Price>,
    /// Defaults that the answer depends on.
    pub assumed: Vec<Assumed>,
    /// What breaks when there are many times the users.
    pub growth: Vec<Growth>,
    /// How many worlds were computed.
    pub worlds: usize,
    /// Servers required.
    pub servers_required: Estimate,
    /// Broker nodes required.
    pub broker_nodes_required: Estimate,
    /// Backend nodes required.
    pub backend_nodes_required: Estimate,
    /// Servers on top of those, the headroom of zones included.
    pub spare: Estimate,
    /// The headroom of zones.
    pub zone_spare: Estimate,
    /// With an autoscaler: the servers that it asks for when the peak lasts; `None` where the most it may have are too few.
    pub servers_scaled_to: Option<u64>,
    /// Balancer nodes required.
    pub balancers_required: Estimate,
    /// Log nodes required.
    pub log_nodes_required: Estimate,
    /// What the whole log store holds when it is full, copies included.
    pub log_bytes_kept: Estimate,
    /// The tiers of the log store, full; none where nothing is logged.
    pub logs_kept: Vec<LogTierAssessment>,
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

/// One tier of the log store over all worlds.
#[derive(Debug, Clone, Copy)]
pub struct LogTierAssessment {
    /// `hot`, `warm` or `archive`.
    pub tier: &'static str,
    /// How long logs stay, how often they are there and how small they are, in the median world.
    pub kept: LogTier,
    /// What it holds once it is full, copies included.
    pub bytes: Estimate,
    /// Nodes required; `None` for object storage.
    pub nodes: Option<Estimate>,
}

/// What is required in a world, its closed form, the logs it keeps, and the figures of its load.
type World = (Required, Model, Vec<KeptLogs>, Vec<(&'static str, f64)>);

/// Computes a scenario in all its worlds.
///
/// # Errors
/// All that is wrong with the scenario.
pub fn assess(document: &Document) -> Result<Assessment, Diagnostics> {
    assess_priced(document, None)
}

/// The same, with the prices of a catalogue of machines.
///
/// # Errors
/// All that is wrong with the scenario.
pub fn assess_priced(document: &Document, catalogue: Option<&Catalogue>) -> Result<Assessment, Diagnostics> {
    let scenario = document.resolve()?;
    let model = Model::of(&scenario);
    let uncertain = document.uncertain();
    let worlds: Vec<World> = in_worlds(document, scenario.simulation.seed, WORLDS, |world| {
        let model = Model::on(&world, model.fleet);
        let required = model.required;
        let kept = kept_logs(&world, &model.load, &required.fleet);
        let load = load_figures(&world, &model);
        (required, model, kept, load)
    })?;
    let pricing = catalogue.map(|catalogue| Pricing::of(document, catalogue));
    let sensitivity = sensitivity::closed(document, model.fleet, 1.0, pricing.as_ref())?;
    let price = match pricing.as_ref().zip(catalogue) {
        Some((pricing, catalogue)) => Price::of(pricing, catalogue, scenario.simulation.seed)?,
        None => None,
    };
    let over = |value: f64, figure: &dyn Fn(&World) -> f64| spread(value, worlds.iter().map(figure).collect());
    let resources = model
        .saturation_order()
        .into_iter()
        .map(|resource| {
            let kind = resource.kind;
            let of = |world: &World, figure: &dyn Fn(&crate::model::Resource) -> f64| {
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
        servers_required: over(model.required.fleet.servers as f64, &|world| world.0.fleet.servers as f64),
        spare: over(model.required.spare as f64, &|world| world.0.spare as f64),
        zone_spare: over(model.required.zone_spare as f64, &|world| world.0.zone_spare as f64),
        balancers_required: over(model.required.fleet.balancers as f64, &|world| world.0.fleet.balancers as f64),
        broker_nodes_required: over(model.required.fleet.broker_nodes as f64, &|world| {
            world.0.fleet.broker_nodes as f64
        }),
        backend_nodes_required: over(model.required.fleet.backend_nodes as f64, &|world| {
            world.0.fleet.backend_nodes as f64
        }),
        log_nodes_required: over(model.required.fleet.log_nodes as f64, &|world| world.0.fleet.log_nodes as f64),
        log_bytes_kept: over(total(&kept_logs(&scenario, &model.load, &model.required.fleet)), &|world| {
            total(&world.2)
        }),
        logs_kept: kept_logs(&scenario, &model.load, &model.required.fleet)
            .into_iter()
            .enumerate()
            .map(|(i, tier)| LogTierAssessment {
                tier: tier.tier,
                kept: tier.kept,
                bytes: over(tier.bytes, &|world| world.2[i].bytes),
                nodes: tier.nodes.map(|nodes| over(nodes as f64, &|world| world.2[i].nodes.unwrap_or(0) as f64)),
            })
            .collect(),
        load: load_figures(&scenario, &model)
            .into_iter()
            .enumerate()
            .map(|(i, (name, value))| (name, over(value, &|world| world.3[i].1)))
            .collect(),
        resources,
        assumed: assumed(document, &scenario),
        growth: growth(&scenario, &model),
        servers_scaled_to: scenario.autoscaler.and_then(|rule| wanted(&scenario, &model, &rule)),
        latency: latency(&scenario, &model),
        worlds: worlds.len().max(1),
        scenario,
        model,
        uncertain,
        sensitivity,
        price,
    })
}

impl Assessment {
    /// A figure of the load, by its name in JSON.
    pub fn load_figure(&self, name: &str) -> Option<Estimate> {
        self.load.iter().find(|(other, _)| *other == name).map(|(_, figure)| *figure)
    }

    /// How messages reach users of other servers, where any do.
    pub fn crossing(&self) -> Option<Spread> {
        let spread = self.model.spread_of(&self.scenario, &self.model.load);
        (self.model.fleet.broker_nodes > 0).then_some(spread)
    }

    /// What messages read, of the load that gets in, where they read.
    pub fn reads(&self) -> Option<Reads> {
        Reads::of(&self.scenario, &self.model.admitted, self.model.fleet.servers)
    }
}

fn total(tiers: &[KeptLogs]) -> f64 {
    tiers.iter().map(|tier| tier.bytes).sum()
}

pub(super) fn load_figures(scenario: &Scenario, model: &Model) -> Vec<(&'static str, f64)> {
    let load = &model.load;
    let mut figures = vec![
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
        ("peak_to_mean", load.peak_to_mean),
    ];
    if model.fleet.broker_nodes > 0 {
        let (spread, each) =
            (model.spread_of(scenario, load), Wire::of(scenario).mean_backplane(&scenario.workload.message_size));
        let (published, copies) =
            (load.messages_in_per_second * spread.publishes, load.messages_in_per_second * spread.copies);
        figures.push(("published_per_second", published));
        figures.push(("copies_per_second", copies));
        figures.push(("backplane_bytes_per_second", (published + copies) * each.bytes));
    }
    if scenario.cdn.is_some() {
        figures.push(("static_bytes_per_second", load.static_bytes_per_second));
        figures.push(("origin_bytes_per_second", load.origin_bytes_per_second));
    }
    figures
}

/// So many worlds of a scenario; none where nothing in it is uncertain.
pub(super) fn worlds(document: &Document, seed: u64, count: usize) -> Result<Vec<Scenario>, Diagnostics> {
    in_worlds(document, seed, count, |world| world)
}

/// What is wanted of each of so many worlds, without keeping them all.
fn in_worlds<T>(
    document: &Document,
    seed: u64,
    count: usize,
    figures: impl Fn(Scenario) -> T,
) -> Result<Vec<T>, Diagnostics> {
    let uncertain = document.uncertain();
    let drawn = Hypercube::new(seed, count, uncertain.iter().map(|input| input.path.as_str()));
    let count = if uncertain.is_empty() { 0 } else { count };
    (0..count).map(|world| document.resolve_world(&|path| drawn.quantile(path, world)).map(&figures)).collect()
}

/// The quantiles that inputs have in each of so many worlds.
pub(super) struct Hypercube<'a> {
    orders: BTreeMap<&'a str, Vec<f64>>,
}

impl<'a> Hypercube<'a> {
    /// Of inputs with these paths.
    pub fn new(seed: u64, worlds: usize, paths: impl Iterator<Item = &'a str>) -> Self {
        Self { orders: paths.map(|path| (path, quantiles(seed, path, worlds))).collect() }
    }

    /// The quantile of an input in a world; of what is none the median.
    pub fn quantile(&self, path: &str, world: usize) -> f64 {
        self.orders.get(path).map_or(0.5, |quantiles| quantiles[world])
    }
}

/// The quantile of this input in each of so many worlds.
fn quantiles(seed: u64, path: &str, worlds: usize) -> Vec<f64> {
    let mut order: Vec<usize> = (0..worlds).collect();
    let mut stream = Stream::named(seed, 0, hash_bytes(path.as_bytes()), Purpose::Worlds);
    // Fisher and Yates's shuffle.
    for i in (1..worlds).rev() {
        order.swap(i, stream.below(i as u64 + 1) as usize);
    }
    order.into_iter().map(|place| (place as f64 + 0.5) / worlds as f64).collect()
}

/// The median world's figure with the interval that holds 90 % of the worlds. The ends are order statistics (the smallest
/// figure that at least 5 % of the worlds don't exceed, and its mirror image), never in between.
pub(super) fn spread(value: f64, mut figures: Vec<f64>) -> Estimate {
    if figures.is_empty() {
        return Estimate::exact(value);
    }
    figures.sort_by(f64::total_cmp);
    let n = figures.len();
    // A hair less, so that ten of 200 are not eleven by rounding.
    let outside = ((1.0 - LEVEL) / 2.0 * n as f64 - 1e-9).ceil() as usize;
    let (low, high) = (figures[outside.max(1) - 1], figures[n - outside.max(1)]);
    Estimate::new(value, low.min(value), high.max(value)).unwrap_or(Estimate::exact(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffled_input_has_every_quantile_once() {
        let mut found = quantiles(42, "servers.connections.comfortable", WORLDS);
        assert_ne!(found, quantiles(42, "servers.cores", WORLDS));
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
