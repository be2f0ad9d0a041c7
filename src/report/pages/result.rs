//! The page of `estimate` and `simulate`.

use std::fmt::Write as _;

use super::{charts, clean, flat, flow, load, number, over_time, percent, sentence, time, topology};
use crate::analysis::advice::advice;
use crate::analysis::curve::Curve;
use crate::analysis::price::Price;
use crate::analysis::slo::{Verdict, overall};
use crate::metrics::RunMetrics;
use crate::report::document::{Block, Cell, Column, Headline, Origin, Page, Said, Section, Table, Tone};
use crate::report::plan::money;
use crate::report::show::{count_whole, counted, fine, interval, share, users, whole_interval};
use crate::report::steps::{self, Step, short};
use crate::report::{View, interview, json};
use crate::units::display::{byte_rate_hourly, bytes, count, rate};
use crate::units::{ByteRate, Bytes, Rate};

/// Bottlenecks told in full.
const ADVICE: usize = 3;

/// What a page needs besides the view.
#[derive(Debug)]
pub struct Extra {
    /// Load and latency in closed form.
    pub curve: Option<Curve>,
    /// What the servers cost.
    pub price: Option<Price>,
    /// How to make it again.
    pub origin: Origin,
}

/// The page.
pub fn result(view: &View<'_>, extra: Extra) -> Page {
    let scenario = &view.assessment.scenario;
    let Extra { curve, price, origin } = extra;
    let mut sections = vec![Section { title: "Topology", blocks: vec![topology::block(view.assessment)] }];
    sections.extend(promises(view));
    sections.push(gives_way(view));
    sections.push(latency(view, curve.as_ref()));
    sections.extend(view.metrics.and_then(history));
    let blocks = vec![Block::Table(load::load(view))];
    sections.push(Section { title: "Load", blocks });
    sections.extend(sureness(view));
    sections.push(arithmetic(view));
    sections.extend(view.metrics.map(|metrics| ran(view, metrics)));
    Page {
        name: clean(&scenario.name),
        what: if view.metrics.is_some() { "simulated" } else { "estimated" },
        hash: view.hash.to_owned(),
        seed: scenario.simulation.seed,
        verdict: verdict(view),
        figures: figures(view, price.as_ref()),
        sections,
        data: Some(flat::table(&json::result(view))),
        cases: load::cases(view.objectives),
        origin: Some(origin),
    }
}

fn verdict(view: &View<'_>) -> Vec<Said> {
    let mut out = vec![answer(view)];
    if let Some(metrics) = view.metrics {
        out.extend(promise(view));
        if metrics.unserved_share.value > 0.0 {
            let text =
                format!("{} of those who want a connection have none.", interval(&metrics.unserved_share, share));
            out.push(Said { tone: Tone::Bad, text, note: String::new() });
        }
        for warning in &metrics.warnings {
            out.push(Said { tone: Tone::Warn, text: sentence(&line_long(warning)), note: String::new() });
        }
    }
    out
}

fn line_long(text: &str) -> String {
    crate::report::terminal::cut(text, 1_000)
}

/// What carries these users, and what gives way first.
fn answer(view: &View<'_>) -> Said {
    let assessment = view.assessment;
    let required = counted(&whole_interval(&assessment.servers_required), "server");
    let spare = if assessment.spare.high > 0.0 {
        format!(" and {} to spare", whole_interval(&assessment.spare))
    } else {
        String::new()
    };
    let today = assessment.model.load.users;
    let mut text = format!("{} {} {required}{spare}", users(today), if today > 1.0 { "take" } else { "takes" });
    let mut tone = Tone::Plain;
    if let Some(given) = assessment.scenario.servers.count {
        let _ = write!(text, "; the scenario has {}", count(given as f64));
        let enough = given as f64 >= assessment.servers_required.value;
        tone = if enough { Tone::Good } else { Tone::Bad };
    }
    let note = assessment.resources.first().map_or_else(String::new, |first| {
        let at = first.users_at_target.map_or_else(
            || "only by its limit".to_owned(),
            |at| format!("at {}", counted(&interval(&at, count_whole), "user")),
        );
        let servers = counted(&count(assessment.model.fleet.servers as f64), "server");
        let next =
            assessment.resources.get(1).map_or_else(String::new, |next| format!(" Next is {}.", short(next.kind)));
        format!("On {servers}, {} ({}) gives way first, {at}.{next}", short(first.kind), first.kind.name())
    });
    Said { tone, text: text + ".", note }
}

fn promise(view: &View<'_>) -> Option<Said> {
    if view.objectives.is_empty() {
        return None;
    }
    let (tone, text) = match overall(view.objectives) {
        Verdict::Met => (Tone::Good, "The objectives are met."),
        Verdict::NotMet => (Tone::Bad, "The objectives are not met."),
        Verdict::Undecided => (Tone::Warn, "Whether the objectives are met is undecided: the run is no steady state."),
    };
    let found: Vec<String> = view.objectives.iter().map(crate::report::plan::found).collect();
    Some(Said { tone, text: text.to_owned(), note: format!("Found: {}.", found.join("; ")) })
}

fn figures(view: &View<'_>, price: Option<&Price>) -> Vec<Headline> {
    let assessment = view.assessment;
    let load = &assessment.model.load;
    let each = &assessment.scenario.workload;
    let mut out = vec![Headline {
        what: "Users",
        figure: number(load.users),
        note: format!("{} of {} each", rate(each.message_rate), bytes(Bytes::new(load.message_bytes))),
    }];
    if let Some(first) = assessment.resources.first() {
        let figure = first.users_at_target.map_or_else(|| "no bound".to_owned(), |at| count_whole(at.value));
        let range = first
            .users_at_target
            .filter(|at| at.low < at.high)
            .map_or_else(String::new, |at| format!(", between {} and {}", count_whole(at.low), count_whole(at.high)));
        let servers = counted(&count(assessment.model.fleet.servers as f64), "server");
        out.push(Headline { what: "Carried as planned", figure, note: format!("users on {servers}{range}") });
        let note = format!("{} used", interval(&first.utilisation, share));
        out.push(Headline { what: "Bottleneck", figure: short(first.kind).to_owned(), note });
    }
    out.push(Headline {
        what: "Servers required",
        figure: whole_interval(&assessment.servers_required),
        note: format!("{} to spare on top", whole_interval(&assessment.spare)),
    });
    if let Some(price) = price {
        out.push(Headline {
            what: "Cost of the servers",
            figure: format!("{} {}/hour", interval(&price.per_hour, money), clean(&price.currency)),
            note: format!("at least, on {} of the catalogue {}", clean(&price.machine), clean(&price.catalogue)),
        });
    }
    match view.metrics.and_then(|metrics| metrics.latency) {
        Some(latency) => out.push(Headline {
            what: "Latency p99",
            figure: time(latency.p99.value),
            note: format!("p50 {}, p99.9 {}", time(latency.p50.value), time(latency.p999.value)),
        }),
        None => out.push(Headline {
            what: "Mean latency",
            figure: assessment.latency.mean_seconds.map_or_else(|| "without end".to_owned(), time),
            note: format!("{} of it network", time(assessment.latency.network_seconds)),
        }),
    }
    out.push(Headline {
        what: "Traffic, payload",
        figure: flow(load.ingress_bytes_per_second),
        note: format!("in; {} out", flow(load.egress_bytes_per_second)),
    });
    if load.log_bytes_per_hour > 0.0 {
        out.push(Headline {
            what: "Logs",
            figure: byte_rate_hourly(ByteRate::new(load.log_bytes_per_hour / 3_600.0)),
            note: format!("{} kept", bytes(Bytes::new(assessment.log_bytes_kept.value))),
        });
    } else {
        out.push(Headline {
            what: "Messages",
            figure: rate(Rate::new(load.messages_in_per_second)),
            note: format!("in; {} out", rate(Rate::new(load.messages_out_per_second))),
        });
    }
    out
}

fn promises(view: &View<'_>) -> Option<Section> {
    (!view.objectives.is_empty())
        .then(|| Section { title: "Objectives", blocks: vec![Block::Table(load::objectives(view.objectives))] })
}

fn gives_way(view: &View<'_>) -> Section {
    let assessment = view.assessment;
    let mut blocks: Vec<Block> = charts::saturation(assessment).into_iter().collect();
    blocks.push(Block::Table(load::resources(assessment)));
    let columns = vec![
        Column::text("bottleneck", "resource"),
        Column::text("solution", "solution"),
        Column::text("trade-offs", "trade_offs"),
    ];
    let mut table = Table::new("solutions", columns);
    table.rows = assessment
        .resources
        .iter()
        .take(ADVICE)
        .map(|one| {
            let advice = advice(one.kind);
            vec![Cell::text(one.kind.name()), Cell::text(advice.solution), Cell::text(advice.trade_offs.join("; "))]
        })
        .collect();
    blocks.push(Block::Table(table));
    let grown: Vec<String> =
        assessment.growth.iter().map(|grown| interview::at(grown, &assessment.model.fleet)).collect();
    if !grown.is_empty() {
        blocks.push(Block::Text("With more users:".to_owned()));
        blocks.push(Block::List(grown));
    }
    Section { title: "What gives way", blocks }
}

fn latency(view: &View<'_>, curve: Option<&Curve>) -> Section {
    let assessment = view.assessment;
    let mut blocks = Vec::new();
    blocks.extend(curve.map(|curve| charts::load_latency(assessment, curve)));
    if let Some(metrics) = view.metrics {
        let limits = view
            .objectives
            .iter()
            .filter(|objective| objective.name.starts_with("latency"))
            .map(|objective| (objective.limit, format!("{} at most {}", objective.name, fine(objective.limit))));
        blocks.extend(charts::percentiles(metrics, limits.collect()));
    }
    blocks.extend(charts::stations(assessment, view.metrics));
    match view.metrics {
        Some(metrics) => match load::latency(assessment, metrics) {
            Some(table) => blocks.push(Block::Table(table)),
            None => blocks.push(Block::Text("No message was delivered.".to_owned())),
        },
        None => blocks.push(Block::Table(forms(view))),
    }
    Section { title: "Latency", blocks }
}

/// The closed form, station by station.
fn forms(view: &View<'_>) -> Table {
    let columns = vec![
        Column::text("station", "station"),
        Column::number("busy", "busy"),
        Column::number("wait", "wait_seconds"),
        Column::number("time", "residence_seconds"),
        Column::text("formula", "method"),
    ];
    let mut table = Table::new("latency", columns);
    table.rows = view
        .assessment
        .latency
        .stations
        .iter()
        .map(|form| {
            let seconds = |figure: Option<f64>| Cell::maybe(figure.map(|f| f.max(0.0)), time, "without end");
            vec![
                Cell::text(form.name),
                Cell::number(percent(form.busy), form.busy),
                seconds(form.wait_seconds),
                seconds(form.residence_seconds),
                Cell::text(form.method),
            ]
        })
        .collect();
    table
}

fn history(metrics: &RunMetrics) -> Option<Section> {
    let mut blocks = over_time::blocks(metrics);
    if !metrics.recovery.is_empty() {
        blocks.push(Block::Table(load::faults(metrics)));
    }
    (!blocks.is_empty()).then_some(Section { title: "Over time", blocks })
}

fn sureness(view: &View<'_>) -> Option<Section> {
    let assessment = view.assessment;
    let first = assessment.resources.first().and_then(|one| one.users_at_target);
    let medians = charts::Medians {
        servers: Some(assessment.servers_required.value),
        users: first.map(|users| users.value),
        mean_latency: assessment.latency.mean_seconds,
        price: assessment.price.as_ref().map(|price| price.per_hour.value),
        p99: view.metrics.and_then(|metrics| metrics.latency.as_ref()).map(|latency| latency.p99.value),
    };
    let mut blocks = charts::tornados(&assessment.sensitivity, medians);
    if !assessment.uncertain.is_empty() {
        blocks.push(Block::Table(load::uncertain(assessment)));
    }
    if !assessment.assumed.is_empty() {
        blocks.push(Block::Table(load::assumed(assessment)));
    }
    (!blocks.is_empty()).then_some(Section { title: "How sure", blocks })
}

fn arithmetic(view: &View<'_>) -> Section {
    let blocks = [
        ("From users to load", "arithmetic-load", steps::load_steps(view)),
        ("From load to servers", "arithmetic-servers", steps::resource_steps(view)),
    ]
    .into_iter()
    .map(|(title, file, steps)| Block::Folded(title.to_owned(), vec![Block::Table(step_table(file, steps))]))
    .collect();
    Section { title: "Arithmetic", blocks }
}

fn step_table(file: &str, steps: Vec<Step>) -> Table {
    let columns = vec![Column::text("what", "what"), Column::text("how", "how"), Column::text("result", "result")];
    let mut table = Table::new(file, columns);
    let row = |step: Step| vec![Cell::text(step.what), Cell::text(step.how), Cell::text(step.result)];
    table.rows = steps.into_iter().map(row).collect();
    table
}

fn ran(view: &View<'_>, metrics: &RunMetrics) -> Section {
    let setup = &metrics.setup;
    let text = format!(
        "Simulated {} of {}, {} ({}): {} messages in {} of {}, the first {} of each left out. Closed-form intervals hold 90 % of {} worlds drawn from what is uncertain; simulated ones are 95 % intervals of sampling.",
        count(setup.servers_simulated as f64),
        counted(&count(setup.servers as f64), "server"),
        setup.mode,
        setup.reason,
        count(metrics.messages as f64),
        counted(&count(setup.replications as f64), "replication"),
        time(setup.duration_seconds),
        time(setup.warm_up_seconds),
        view.assessment.worlds,
    );
    Section { title: "How it was found", blocks: vec![Block::Text(text)] }
}
