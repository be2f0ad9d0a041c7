//! `plan`: how many servers, how sure that is, on which machines, and why not on the others.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::show::{counted, fine, interval, share, whole_interval};
use super::terminal::{table, title_of, wrapped};
use super::{json as common, json::head_of};
use crate::analysis::plan::{Edge, LeastRegret, Offer, Plan, Sizing, Unmet, Why};
use crate::analysis::slo::Objective;
use crate::analysis::trial::TOLERATED_LOSS;
use crate::scenario::{Catalogue, Machine, Scenario};
use crate::stats::Estimate;
use crate::units::display::{bit_rate, bytes, count};

/// Hours of a month: a twelfth of a year.
pub(super) const HOURS_A_MONTH: f64 = 730.0;

/// A plan, and what it was made of.
#[derive(Debug)]
pub struct PlanView<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The catalogue, if one was asked.
    pub catalogue: Option<&'a Catalogue>,
    /// The scenario's hash.
    pub hash: &'a str,
}

impl PlanView<'_> {
    pub(super) fn currency(&self) -> &str {
        self.catalogue.map_or("", |catalogue| &catalogue.currency)
    }

    pub(super) fn worlds(&self) -> String {
        counted(&count(self.plan.worlds as f64), if self.plan.uncertain { "world" } else { "replication" })
    }
}

/// For a terminal.
pub fn terminal(view: &PlanView<'_>) -> String {
    let plan = view.plan;
    let mut out = title_of(&plan.scenario, view.hash, "plan");
    let _ = writeln!(out, "{}\n", promise(&plan.scenario));
    match &plan.own {
        Ok(sizing) => out += &own(view, sizing),
        Err(unmet) => {
            out += &wrapped(&sentence(&no_number(unmet.tried, unmet.trial.limited_by, &unmet.trial.objectives)));
        }
    }
    out.push('\n');
    if let Some(catalogue) = view.catalogue {
        out += &market(view, catalogue);
    }
    if !plan.sensitivity.is_empty() {
        out += "\n";
        out += &super::sensitivity::table(&plan.sensitivity, view.currency());
    }
    let kind = if plan.uncertain {
        "Each world draws what is uncertain anew, with a replication of its own"
    } else {
        "Nothing in the scenario is uncertain, so that is chance alone"
    };
    out += &wrapped(&format!(
        "{kind}. Servers are counted by simulation, from what the closed form asks for (target utilisation, comfortable connections) upwards; what is around them, by the closed form."
    ));
    out
}

fn own(view: &PlanView<'_>, sizing: &Sizing) -> String {
    let servers = &view.plan.scenario.servers;
    let network = servers.network.map_or_else(|| "unlimited network".to_owned(), bit_rate);
    let mut lines = vec![
        (
            "Servers",
            format!(
                "{} of {} cores, {}, {network}",
                whole_interval(&sizing.servers),
                servers.cores,
                bytes(servers.memory)
            ),
        ),
        ("Spare, on top", spare(sizing)),
    ];
    let around = around(sizing);
    if !around.is_empty() {
        lines.push(("Around them", around.join(", ")));
    }
    lines.push(("First to give way", sizing.bottleneck.to_owned()));
    let found: Vec<String> = sizing.trial.objectives.iter().map(found).collect();
    lines.push(("Simulated", found.join("; ")));
    let mut out = String::new();
    for (what, figure) in lines {
        let _ = writeln!(out, "{what:<19}{figure}");
    }
    out.push('\n');
    let header = ["servers".to_owned(), format!("keep the SLO, of {}", view.worlds()), "stands in the way".to_owned()];
    let rows = sizing
        .edge
        .iter()
        .map(|edge| vec![count(edge.servers as f64), share(edge.share_met), in_the_way(edge).unwrap_or_default()]);
    out += &table(&header, rows, |column| column == 2);
    if sizing.more_do_worse {
        out +=
            &wrapped("More servers than these did worse in some trial: what each has to do grows with their number.");
    }
    out
}

fn market(view: &PlanView<'_>, catalogue: &Catalogue) -> String {
    let plan = view.plan;
    let mut out = wrapped(&format!("Machines of the catalogue {}, the cheapest first:", catalogue.name));
    let currency = view.currency();
    let header = ["machine", "", "servers", "spare", "gives way first"].map(str::to_owned);
    let mut header = header.to_vec();
    header.extend([format!("{currency}/hour"), format!("{currency}/month")]);
    let rows = plan.offers.iter().map(|offer| {
        vec![
            offer.machine.name.clone(),
            offer.machine.describe(),
            count(offer.sizing.fleet.servers as f64),
            count(offer.sizing.spare as f64),
            offer.sizing.bottleneck.to_owned(),
            interval(&offer.price, money),
            interval(&offer.price.scaled(HOURS_A_MONTH), money),
        ]
    });
    if plan.offers.is_empty() {
        out += "none of them\n\n";
    } else {
        out += &table(&header, rows, |column| column == 1 || column == 4);
    }
    if let Some(regret) = &plan.least_regret {
        out += &wrapped(&sentence(&least_regret(regret, currency)));
        out.push('\n');
    }
    if !plan.rejected.is_empty() {
        let header = ["not chosen", "why"].map(str::to_owned);
        let rows = plan.rejected.iter().map(|(machine, why)| vec![machine.name.clone(), rejection(view, why)]);
        out += &table(&header, rows, |_| true);
    }
    let mut sources: Vec<String> = Vec::new();
    for machine in &catalogue.machines {
        let source = format!("{} ({})", machine.source, machine.date);
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    out += &wrapped(&format!("Prices are of servers alone: {}.", sources.join("; ")));
    out
}

/// What is promised, in a sentence.
pub(super) fn promise(scenario: &Scenario) -> String {
    let slo = &scenario.slo;
    if slo.latency.is_empty() && slo.dropped.is_none() {
        return format!(
            "No `slo` is promised, so nothing may be overloaded, and {} lost at most",
            share(TOLERATED_LOSS)
        );
    }
    let mut parts: Vec<String> = slo
        .latency
        .iter()
        .map(|(percentile, limit)| {
            let name = percentile.map_or_else(|| "mean".to_owned(), |p| format!("p{}", trimmed(p * 100.0)));
            format!("latency {name} at most {}", fine(limit.get()))
        })
        .collect();
    parts.extend(slo.dropped.map(|limit| format!("dropped at most {}", share(limit.get()))));
    format!("SLO: {}", parts.join(", "))
}

fn trimmed(percent: f64) -> String {
    format!("{percent:.1}").trim_end_matches(".0").to_owned()
}

/// An objective, and what was found: `latency.p99 40.1 ms of 200 ms`.
pub(super) fn found(objective: &Objective) -> String {
    let show = |figure: f64| if objective.name.starts_with("latency") { fine(figure) } else { share(figure) };
    let found = objective.found.as_ref().map_or_else(|| "nothing delivered".to_owned(), |found| interval(found, show));
    format!("{} {found}, at most {}", objective.name, show(objective.limit))
}

pub(super) fn spare(sizing: &Sizing) -> String {
    let zones = if sizing.zone_spare > 0 {
        format!(", {} of them headroom of zones", count(sizing.zone_spare as f64))
    } else {
        String::new()
    };
    format!("{}{zones}", count(sizing.spare as f64))
}

pub(super) fn around(sizing: &Sizing) -> Vec<String> {
    let fleet = &sizing.fleet;
    [
        (fleet.balancers, "balancer"),
        (fleet.broker_nodes, "broker node"),
        (sizing.partitions.unwrap_or(0), "partition"),
        (fleet.backend_nodes, "backend node"),
        (fleet.log_nodes, "log node"),
        (fleet.warm_log_nodes, "warm log node"),
        (fleet.origins, "origin"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| counted(&count(number as f64), what))
    .collect()
}

pub(super) fn in_the_way(edge: &Edge) -> Option<String> {
    let what = edge.limited_by?;
    Some(if edge.past_target { format!("{what} is past what to plan for") } else { what.to_owned() })
}

pub(super) fn no_number(tried: u64, limited_by: &str, objectives: &[Objective]) -> String {
    let servers = counted(&count(tried as f64), "server");
    let figures: Vec<String> = objectives.iter().filter(|objective| !objective.met()).map(found).collect();
    let figures = if figures.is_empty() { String::new() } else { format!(" ({})", figures.join("; ")) };
    format!(
        "no number of servers keeps the SLO: with {servers} it is not kept{figures}, and more don't help; in the way is {limited_by}"
    )
}

pub(super) fn rejection(view: &PlanView<'_>, why: &Why) -> String {
    match why {
        Why::Dearer { servers, price_per_hour, bottleneck } => {
            let cheapest = view.plan.offers.first().map_or(*price_per_hour, |offer| offer.price_per_hour);
            format!(
                "price: {} at least are {} {}/hour, {} more than the cheapest; {bottleneck} asks for so many",
                counted(&count(*servers as f64), "server"),
                money(*price_per_hour),
                view.currency(),
                share(price_per_hour / cheapest - 1.0)
            )
        }
        Why::NoNumber { tried, limited_by } => no_number(*tried, limited_by, &[]),
        Why::Impossible(why) => format!("the scenario can't be on it: {why}"),
    }
}

fn chosen(offer: &Offer, rank: usize, currency: &str) -> String {
    let price = format!("{} {currency}/hour", money(offer.price_per_hour));
    if rank == 0 {
        format!("the cheapest of the catalogue: {price}")
    } else {
        format!("{price}; it is dearer than the one before it")
    }
}

pub(super) fn least_regret(regret: &LeastRegret, currency: &str) -> String {
    format!(
        "least regret: {} of {} for {} {currency}/hour, which suffice in {} of {} worlds; compared with the cheapest that would have done in each, they cost {} {currency}/hour too much on average",
        counted(&count(regret.servers as f64), "server"),
        regret.machine,
        money(regret.price_per_hour),
        share(regret.share_met),
        regret.worlds,
        money(regret.regret_per_hour)
    )
}

pub(super) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}

/// Money, to cents where it is little.
pub(super) fn money(amount: f64) -> String {
    if amount.abs() < 1.0 {
        format!("{amount:.3}")
    } else if amount.abs() < 100.0 {
        format!("{amount:.2}")
    } else {
        count(amount.round())
    }
}

/// For programs.
pub fn json(view: &PlanView<'_>) -> Value {
    let plan = view.plan;
    let currency = view.catalogue.map(|catalogue| catalogue.currency.as_str());
    let mut out = head_of(&plan.scenario, view.hash);
    let kind = if plan.uncertain { "parameter" } else { "sampling" };
    let level = if plan.uncertain { 0.9 } else { 0.95 };
    out.insert("intervals".into(), json!({ "level": level, "kind": kind }));
    out.insert("worlds".into(), json!(plan.worlds));
    let mut plans = Vec::new();
    let mut rejected = Vec::new();
    match &plan.own {
        Ok(sizing) => plans.push(planned(sizing, None, "the scenario's own machine, whose price is not known")),
        Err(unmet) => rejected.push(not_own(unmet)),
    }
    for (rank, offer) in plan.offers.iter().enumerate() {
        plans.push(planned(&offer.sizing, Some((offer, currency)), &chosen(offer, rank, view.currency())));
    }
    for (i, plan) in plans.iter_mut().enumerate() {
        plan.insert("rank".into(), json!(i + 1));
    }
    rejected.extend(plan.rejected.iter().map(|(machine, why)| not_chosen(view, machine, why)));
    out.insert("plans".into(), plans.into_iter().map(Value::Object).collect());
    out.insert("rejected".into(), Value::Array(rejected));
    out.insert(
        "least_regret".into(),
        plan.least_regret.as_ref().map_or(Value::Null, |regret| {
            json!({
                "shape": regret.machine,
                "servers": Estimate::exact(regret.servers as f64),
                "spare": Estimate::exact(regret.spare as f64),
                "price_per_hour": Estimate::exact(regret.price_per_hour),
                "regret_per_hour": Estimate::exact(regret.regret_per_hour),
                "share_met": Estimate::exact(regret.share_met),
                "worlds": regret.worlds,
                "reason": least_regret(regret, view.currency()),
            })
        }),
    );
    out.insert("sensitivity".into(), super::sensitivity::json(&plan.sensitivity));
    if let Some(catalogue) = view.catalogue {
        out.insert("catalogue".into(), json!({ "name": catalogue.name, "currency": catalogue.currency }));
    }
    Value::Object(out)
}

fn planned(sizing: &Sizing, offer: Option<(&Offer, Option<&str>)>, reason: &str) -> Map<String, Value> {
    let exact = |figure: u64| Estimate::exact(figure as f64);
    let fleet = &sizing.fleet;
    let price = offer.map(|(offer, _)| offer.price);
    let edge: Vec<Value> = sizing
        .edge
        .iter()
        .map(|edge| {
            json!({
                "servers": edge.servers,
                "share_met": Estimate::exact(edge.share_met),
                "limited_by": edge.limited_by,
                "past_target": edge.past_target,
            })
        })
        .collect();
    let mut out = Map::new();
    // Its value comes once all plans are there; its place is the first.
    out.insert("rank".into(), Value::Null);
    out.insert("shape".into(), json!(offer.map(|(offer, _)| &offer.machine.name)));
    out.insert("servers".into(), json!(sizing.servers));
    out.insert("spare".into(), json!(exact(sizing.spare)));
    out.insert("zone_spare".into(), json!(exact(sizing.zone_spare)));
    out.insert("balancers".into(), json!(exact(fleet.balancers)));
    out.insert("broker_nodes".into(), json!(exact(fleet.broker_nodes)));
    out.insert("partitions".into(), json!(sizing.partitions.map(exact)));
    out.insert("backend_nodes".into(), json!(exact(fleet.backend_nodes)));
    out.insert("log_nodes".into(), json!(exact(fleet.log_nodes)));
    out.insert("warm_log_nodes".into(), json!(exact(fleet.warm_log_nodes)));
    out.insert("origins".into(), json!(exact(fleet.origins)));
    out.insert("price_per_hour".into(), json!(price));
    out.insert("price_per_month".into(), json!(price.map(|price| price.scaled(HOURS_A_MONTH))));
    out.insert("currency".into(), json!(offer.and_then(|(_, currency)| currency)));
    if let Some((Offer { machine, .. }, _)) = offer {
        out.insert("source".into(), json!(machine.source));
        out.insert("date".into(), json!(machine.date));
    }
    out.insert("bottleneck".into(), json!(sizing.bottleneck));
    out.insert("confidence".into(), Value::Array(edge));
    out.insert("more_servers_do_worse".into(), json!(sizing.more_do_worse));
    out.insert("slo".into(), common::slo(&sizing.trial.objectives));
    out.insert("reason".into(), json!(reason));
    out
}

fn not_own(unmet: &Unmet) -> Value {
    json!({
        "shape": null,
        "servers": Estimate::exact(unmet.tried as f64),
        "price_per_hour": null,
        "bottleneck": unmet.trial.limited_by,
        "reason": no_number(unmet.tried, unmet.trial.limited_by, &unmet.trial.objectives),
    })
}

fn not_chosen(view: &PlanView<'_>, machine: &Machine, why: &Why) -> Value {
    let (servers, price, bottleneck) = match why {
        Why::Dearer { servers, price_per_hour, bottleneck } => {
            (Some(*servers), Some(*price_per_hour), Some(*bottleneck))
        }
        Why::NoNumber { tried, limited_by } => (Some(*tried), None, Some(*limited_by)),
        Why::Impossible(_) => (None, None, None),
    };
    json!({
        "shape": machine.name,
        "servers": servers.map(|servers| Estimate::exact(servers as f64)),
        "price_per_hour": price.map(Estimate::exact),
        "bottleneck": bottleneck,
        "reason": rejection(view, why),
    })
}
