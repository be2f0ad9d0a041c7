//! The page of a plan: how many servers, on which machines, and why not on others.

use super::{axis, chart, clean, number, percent, sentence};
use crate::analysis::plan::Sizing;
use crate::report::document::{Block, Cell, Column, Headline, Origin, Page, Said, Section, Table, Tone};
use crate::report::plan::{
    HOURS_A_MONTH, PlanView, around, found, in_the_way, least_regret, money, no_number, promise, rejection, spare,
};
use crate::report::plots::{Bar, Bars, Colour, Drawing, Lines, Part, Scale, Series};
use crate::report::show::{counted, share, whole_interval};
use crate::units::display::count;

/// The page.
pub fn plan(view: &PlanView<'_>, origin: Origin) -> Page {
    let plan = view.plan;
    let mut sections = Vec::new();
    if let Ok(sizing) = &plan.own {
        sections.push(own(view, sizing));
    }
    sections.extend(market(view));
    Page {
        name: clean(&plan.scenario.name),
        what: "planned",
        hash: view.hash.to_owned(),
        seed: plan.scenario.simulation.seed,
        verdict: verdict(view),
        figures: figures(view),
        sections,
        data: Some(offers(view)),
        cases: Vec::new(),
        origin: Some(origin),
    }
}

fn verdict(view: &PlanView<'_>) -> Vec<Said> {
    let plan = view.plan;
    let note = promise(&plan.scenario) + ".";
    let mut out = vec![match &plan.own {
        Ok(sizing) => {
            let servers = counted(&whole_interval(&sizing.servers), "server");
            let keep = if servers == "1 server" { "keeps" } else { "keep" };
            let text = format!("{servers} {keep} what is promised; {} gives way first.", sizing.bottleneck);
            Said { tone: Tone::Good, text, note }
        }
        Err(unmet) => {
            let text = sentence(&no_number(unmet.tried, unmet.trial.limited_by, &unmet.trial.objectives));
            Said { tone: Tone::Bad, text, note }
        }
    }];
    if let Some(offer) = plan.offers.first() {
        let text = format!(
            "The cheapest machines: {} of {}, {} {}/hour.",
            counted(&count(offer.sizing.fleet.servers as f64), "server"),
            clean(&offer.machine.name),
            money(offer.price_per_hour),
            clean(view.currency())
        );
        out.push(Said { tone: Tone::Plain, text, note: String::new() });
    }
    out
}

fn figures(view: &PlanView<'_>) -> Vec<Headline> {
    let mut out = vec![Headline {
        what: "Users",
        figure: number(view.plan.scenario.users as f64),
        note: "at the peak".to_owned(),
    }];
    if let Ok(sizing) = &view.plan.own {
        let note = format!("{} to spare on top", spare(sizing));
        out.push(Headline { what: "Servers", figure: whole_interval(&sizing.servers), note });
        let around = around(sizing);
        if !around.is_empty() {
            out.push(Headline { what: "Around them", figure: around[0].clone(), note: around[1..].join(", ") });
        }
        out.push(Headline { what: "Bottleneck", figure: sizing.bottleneck.to_owned(), note: String::new() });
    }
    if let Some(offer) = view.plan.offers.first() {
        let currency = clean(view.currency());
        out.push(Headline {
            what: "Cost of the servers",
            figure: format!("{} {currency}/hour", money(offer.price_per_hour)),
            note: format!(
                "{} {currency}/month on {}",
                money(offer.price_per_hour * HOURS_A_MONTH),
                clean(&offer.machine.name)
            ),
        });
    }
    out
}

/// Around the edge: with how many servers the SLO is kept how often.
fn own(view: &PlanView<'_>, sizing: &Sizing) -> Section {
    let points = sizing.edge.iter().map(|edge| (edge.servers as f64, Some(edge.share_met))).collect();
    let series = vec![Series { name: "kept".to_owned(), points, colour: Colour::First, dots: true }];
    let lines = Lines {
        x: axis("servers", Scale::Linear, number),
        y: axis("keep the SLO", Scale::Linear, percent),
        series,
        marks: Vec::new(),
    };
    let note = format!("Of {}, the share in which so many servers keep what is promised.", view.worlds());
    let columns = vec![
        Column::number("servers", "servers"),
        Column::number("keep the SLO", "share_met"),
        Column::text("stands in the way", "limited_by"),
    ];
    let mut table = Table::new("confidence", columns);
    table.rows = sizing
        .edge
        .iter()
        .map(|edge| {
            vec![
                Cell::number(count(edge.servers as f64), edge.servers as f64),
                Cell::number(share(edge.share_met), edge.share_met),
                Cell::text(in_the_way(edge).unwrap_or_default()),
            ]
        })
        .collect();
    let mut blocks = Vec::new();
    if sizing.edge.len() > 1 {
        blocks.push(Block::Chart(chart("confidence", "How sure", &note, Drawing::Lines(lines)), Table::default()));
    }
    blocks.push(Block::Table(table));
    blocks.push(Block::List(sizing.trial.objectives.iter().map(found).collect()));
    if sizing.more_do_worse {
        let text = "More servers than these did worse in some trial: what each has to do grows with their number.";
        blocks.push(Block::Text(text.to_owned()));
    }
    Section { title: "The scenario's own machines", blocks }
}

fn offers(view: &PlanView<'_>) -> Table {
    let currency = clean(view.currency());
    let columns = vec![
        Column::text("machine", "machine"),
        Column::text("what it is", "description"),
        Column::number("servers", "servers"),
        Column::number("spare", "spare"),
        Column::text("gives way first", "bottleneck"),
        Column::number(&format!("{currency}/hour"), "price_per_hour"),
        Column::number(&format!("{currency}/month"), "price_per_month"),
    ];
    let mut table = Table::new("machines", columns);
    if let Ok(sizing) = &view.plan.own {
        table.rows.push(vec![
            Cell::text("the scenario's own"),
            Cell::text(""),
            Cell::number(whole_interval(&sizing.servers), sizing.servers.value),
            Cell::number(spare(sizing), sizing.spare as f64),
            Cell::text(sizing.bottleneck),
            Cell::maybe(None, money, "not known"),
            Cell::maybe(None, money, "not known"),
        ]);
    }
    table.rows.extend(view.plan.offers.iter().map(|offer| {
        let month = offer.price_per_hour * HOURS_A_MONTH;
        vec![
            Cell::text(clean(&offer.machine.name)),
            Cell::text(clean(&offer.machine.describe())),
            Cell::number(count(offer.sizing.fleet.servers as f64), offer.sizing.fleet.servers as f64),
            Cell::number(count(offer.sizing.spare as f64), offer.sizing.spare as f64),
            Cell::text(offer.sizing.bottleneck),
            Cell::number(money(offer.price_per_hour), offer.price_per_hour),
            Cell::number(money(month), month),
        ]
    }));
    table
}

fn market(view: &PlanView<'_>) -> Option<Section> {
    let catalogue = view.catalogue?;
    let plan = view.plan;
    let mut blocks = Vec::new();
    if !plan.offers.is_empty() {
        let rows = plan
            .offers
            .iter()
            .map(|offer| {
                let shown = money(offer.price_per_hour);
                let to = offer.price_per_hour;
                let part = Part { from: Some(0.0), to, colour: Colour::First, text: format!("{shown} an hour") };
                Bar { label: clean(&offer.machine.name), parts: vec![part], figure: shown }
            })
            .collect();
        let label = format!("{} an hour, of all servers", clean(&catalogue.currency));
        let bars = Bars { axis: axis(&label, Scale::Linear, money), rows, legend: Vec::new(), mark: None };
        blocks.push(Block::Chart(chart("prices", "What the machines cost", "", Drawing::Bars(bars)), Table::default()));
    }
    blocks.push(Block::Table(offers(view)));
    if let Some(regret) = &plan.least_regret {
        blocks.push(Block::Text(sentence(&least_regret(regret, view.currency()))));
    }
    if !plan.rejected.is_empty() {
        let columns = vec![Column::text("not chosen", "machine"), Column::text("why", "reason")];
        let mut table = Table::new("rejected", columns);
        table.rows = plan
            .rejected
            .iter()
            .map(|(machine, why)| vec![Cell::text(clean(&machine.name)), Cell::text(rejection(view, why))])
            .collect();
        blocks.push(Block::Table(table));
    }
    let mut sources: Vec<String> = Vec::new();
    for machine in &catalogue.machines {
        let source = format!("{} ({})", machine.source, machine.date);
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    blocks.push(Block::Text(format!("Prices are of servers alone: {}.", sources.join("; "))));
    Some(Section { title: "Machines of the catalogue", blocks })
}
