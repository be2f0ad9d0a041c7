//! The drawing of the tiers: who talks to whom, how many of each, and what of each is used most.

use super::{chart, flow, number, per_second};
use crate::analysis::{Assessment, ResourceAssessment};
use crate::model::Tier;
use crate::report::document::{Block, Cell, Column, Table};
use crate::report::plots::{Chart, Colour, Drawing, Link, TierBox, Topology};
use crate::report::show::{counted, share, users};
use crate::report::steps::short;
use crate::units::ByteRate;
use crate::units::display::{byte_rate_hourly, bytes, count};

/// The drawing, with the figures of all resources beside it.
pub fn block(assessment: &Assessment) -> Block {
    Block::Chart(drawing(assessment), table(assessment))
}

fn drawing(assessment: &Assessment) -> Chart {
    let mut columns = vec![vec![clients(assessment)]];
    let fleet = &assessment.model.fleet;
    let load = &assessment.model.load;
    let mut links = Vec::new();
    let messages = vec![
        format!("{} in", per_second(load.messages_in_per_second)),
        format!("{} out", per_second(load.messages_out_per_second)),
    ];
    let mut front = Vec::new();
    if fleet.balancers > 0 || fleet.servers > 1 {
        let planned = fleet.balancers > 0;
        let size = if planned { counted(&count(fleet.balancers as f64), "node") } else { "not sized".to_owned() };
        front.push(tier(assessment, "Load balancer", size, Tier::Balancer));
    }
    let balanced = !front.is_empty();
    if fleet.origins > 0 {
        front.push(tier(assessment, "CDN and origin", counted(&count(fleet.origins as f64), "origin"), Tier::Origin));
        links.push(Link { from: (0, 0), to: (1, front.len() - 1), texts: vec![flow(load.static_bytes_per_second)] });
    }
    if !front.is_empty() {
        columns.push(front);
    }
    let servers = columns.len();
    columns.push(vec![tier(assessment, "Servers", counted(&count(fleet.servers as f64), "server"), Tier::Server)]);
    if balanced {
        links.push(Link { from: (0, 0), to: (1, 0), texts: messages });
        links.push(Link { from: (1, 0), to: (servers, 0), texts: vec![connections(assessment), "each".to_owned()] });
    } else {
        links.push(Link { from: (0, 0), to: (servers, 0), texts: messages });
    }
    let mut behind = Vec::new();
    for (one, texts) in stores(assessment) {
        links.push(Link { from: (servers, 0), to: (servers + 1, behind.len()), texts });
        behind.push(one);
    }
    if !behind.is_empty() {
        columns.push(behind);
    }
    let note =
        "Each box shows the resource of its tier that gives way first, and how full it is of what is planned for.";
    chart("topology", "Who talks to whom", note, Drawing::Topology(Topology { columns, links }))
}

fn connections(assessment: &Assessment) -> String {
    let each = assessment.model.load.connections / assessment.model.fleet.servers as f64;
    format!("{} conn.", number(each.round()))
}

fn clients(assessment: &Assessment) -> TierBox {
    let load = &assessment.model.load;
    let size = counted(&count(load.connections), "connection");
    TierBox { name: users(load.users), details: format!("{}\n{size}", users(load.users)), size, used: None }
}

/// What is behind the servers, and what flows there.
fn stores(assessment: &Assessment) -> Vec<(TierBox, Vec<String>)> {
    let fleet = &assessment.model.fleet;
    let load = &assessment.model.load;
    let nodes = |nodes: u64| counted(&count(nodes as f64), "node");
    let mut found = Vec::new();
    if fleet.broker_nodes > 0 {
        let figure = |name: &str| assessment.load_figure(name).map_or(0.0, |figure| figure.value);
        let texts = vec![
            format!("{} in", per_second(figure("published_per_second"))),
            format!("{} out", per_second(figure("copies_per_second"))),
        ];
        found.push((tier(assessment, "Broker", nodes(fleet.broker_nodes), Tier::Broker), texts));
    }
    if let Some(reads) = assessment.reads() {
        let texts = vec![per_second(reads.queries_per_second), "queries".to_owned()];
        let cached = reads.served.map_or_else(String::new, |served| format!(", {} cached", share(served.hit_ratio)));
        let size = nodes(fleet.backend_nodes) + &cached;
        found.push((tier(assessment, "Backend", size, Tier::Backend), texts));
    }
    if fleet.log_nodes > 0 {
        let texts = vec![byte_rate_hourly(ByteRate::new(load.log_bytes_per_hour / 3_600.0)).replace("hour", "h")];
        let kept = bytes(crate::units::Bytes::new(assessment.log_bytes_kept.value));
        let size = format!("{}, {kept}", nodes(fleet.log_nodes));
        found.push((tier(assessment, "Log store", size, Tier::LogStore), texts));
    }
    found
}

fn tier(assessment: &Assessment, name: &str, size: String, tier: Tier) -> TierBox {
    let all: Vec<&ResourceAssessment> = assessment.resources.iter().filter(|one| one.kind.tier() == tier).collect();
    let says = |one: &ResourceAssessment| format!("{} {}", short(one.kind), share(one.utilisation.value));
    let details: Vec<String> = all.iter().map(|one| says(one)).collect();
    let used = all.first().map(|one| (says(one), one.utilisation.value, state(assessment, one)));
    TierBox { name: name.to_owned(), details: format!("{name}, {size}\n{}", details.join("\n")), size, used }
}

/// Well, past what is planned for, or past what is possible.
pub fn state(assessment: &Assessment, resource: &ResourceAssessment) -> Colour {
    let users = assessment.model.load.users;
    let past = |at: Option<crate::stats::Estimate>| at.is_some_and(|at| users > at.value * (1.0 + 1e-9));
    if past(resource.users_at_limit) {
        Colour::Bad
    } else if past(resource.users_at_target) {
        Colour::Warn
    } else {
        Colour::Good
    }
}

fn table(assessment: &Assessment) -> Table {
    let columns =
        vec![Column::text("tier", "tier"), Column::text("resource", "resource"), Column::number("used", "utilisation")];
    let mut table = Table::new("utilisation", columns);
    table.rows = assessment
        .resources
        .iter()
        .map(|one| {
            let name = one.kind.name();
            vec![
                Cell::text(name.split('.').next().unwrap_or(name)),
                Cell::text(name),
                Cell::number(share(one.utilisation.value), one.utilisation.value),
            ]
        })
        .collect();
    table
}
