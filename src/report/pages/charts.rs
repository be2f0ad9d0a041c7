//! Charts of a result: what gives way first, latency against load, its distribution, where it is spent, what moves the
//! answer.

use super::topology::state;
use super::{axis, chart, number, percent, time};
use crate::analysis::curve::Curve;
use crate::analysis::sensitivity::simulated::Finding;
use crate::analysis::sensitivity::{Effect, Sensitivity};
use crate::analysis::{Assessment, ResourceAssessment};
use crate::metrics::RunMetrics;
use crate::report::document::{Block, Cell, Column, Table};
use crate::report::plan::money;
use crate::report::plots::{Bar, Bars, Colour, Drawing, Lines, Mark, Part, Scale, Series};
use crate::report::show::{count_whole, short_users};
use crate::report::steps::short;
use crate::stats::Estimate;

/// What gives way at how many users.
pub fn saturation(assessment: &Assessment) -> Option<Block> {
    let reached: Vec<&ResourceAssessment> =
        assessment.resources.iter().filter(|one| one.users_at_target.or(one.users_at_limit).is_some()).collect();
    if reached.is_empty() {
        return None;
    }
    let rows = reached.iter().map(|one| saturating(assessment, one)).collect();
    let bars = Bars {
        axis: axis("users", Scale::Log, number),
        rows,
        legend: vec![
            ("as planned".to_owned(), Colour::Good),
            ("past plan at this load".to_owned(), Colour::Warn),
            ("up to the limit".to_owned(), Colour::Rule),
        ],
        mark: Some((assessment.model.load.users, format!("today: {} users", number(assessment.model.load.users)))),
    };
    let note = "Users at which each resource reaches what is planned for, on these servers, and its limit: from the top, \
                what gives way first, second, third.";
    let columns = vec![
        Column::text("resource", "resource"),
        Column::number("users at target", "users_at_target"),
        Column::number("users at limit", "users_at_limit"),
    ];
    let mut table = Table::new("saturation", columns);
    table.rows = reached
        .iter()
        .map(|one| {
            let users = |at: Option<Estimate>| Cell::maybe(at.map(|at| at.value), short_users, "never");
            vec![Cell::text(one.kind.name()), users(one.users_at_target), users(one.users_at_limit)]
        })
        .collect();
    Some(Block::Chart(chart("saturation", "Saturation order", note, Drawing::Bars(bars)), table))
}

fn saturating(assessment: &Assessment, one: &ResourceAssessment) -> Bar {
    let at = |at: Option<Estimate>| at.map(|at| at.value.max(1.0));
    let mut parts = Vec::new();
    if let Some(target) = at(one.users_at_target) {
        let text = format!("{} users as planned", count_whole(target));
        parts.push(Part { from: None, to: target, colour: state(assessment, one), text });
    }
    if let Some(limit) = at(one.users_at_limit).filter(|limit| at(one.users_at_target).is_none_or(|at| *limit > at)) {
        let text = format!("{} users at the limit", count_whole(limit));
        parts.push(Part { from: at(one.users_at_target), to: limit, colour: Colour::Rule, text });
    }
    let figure = at(one.users_at_target.or(one.users_at_limit)).map_or_else(String::new, short_users);
    Bar { label: short(one.kind).to_owned(), parts, figure }
}

/// Latency against load, with the knee.
pub fn load_latency(assessment: &Assessment, curve: &Curve) -> Block {
    let points = curve.points.iter().map(|point| (point.users, Some(point.inside_seconds))).collect();
    let series = vec![Series { name: "inside".to_owned(), points, colour: Colour::First, dots: false }];
    let mut marks: Vec<Mark> = curve
        .knee
        .map(|knee| Mark::At(knee.users, knee.inside_seconds, format!("knee: {} users", number(knee.users))))
        .into_iter()
        .collect();
    let own = assessment.model.load.users;
    if own <= curve.limit.0 * 1.05 {
        marks.push(Mark::X(own, format!("today: {}", number(own)), Colour::Ink));
    }
    if let Some(slots) = curve.slots.filter(|slots| *slots < curve.limit.0) {
        marks.push(Mark::X(slots, format!("no more slots: {}", number(slots.floor())), Colour::Bad));
    }
    let label = format!("mean latency on top of the network's {}", time(assessment.latency.network_seconds));
    let lines = Lines { x: axis("users", Scale::Linear, number), y: axis(&label, Scale::Log, time), series, marks };
    let limit = format!(
        "Closed form, up to the limit of {} at {} users, as if there were slots for all connections.",
        curve.limit.1,
        number(curve.limit.0.floor())
    );
    let bend = if curve.knee.is_some() { " Past the knee, latency grows faster than what is carried." } else { "" };
    let note = limit + bend;
    let columns = vec![
        Column::number("users", "users"),
        Column::number("of the limit", "share_of_limit"),
        Column::number("mean latency", "latency_mean_seconds"),
        Column::number("without the network", "inside_mean_seconds"),
    ];
    let mut table = Table::new("load-latency", columns);
    table.rows = curve
        .points
        .iter()
        .map(|point| {
            vec![
                Cell::number(number(point.users), point.users),
                Cell::number(percent(point.utilisation), point.utilisation),
                Cell::number(time(point.mean_seconds), point.mean_seconds),
                Cell::number(time(point.inside_seconds), point.inside_seconds),
            ]
        })
        .collect();
    Block::Chart(chart("load-latency", "Load and latency", &note, Drawing::Lines(lines)), table)
}

/// An objective so many times above all latencies would press them flat.
const FAR: f64 = 3.0;

/// The distribution of latency.
pub fn percentiles(metrics: &RunMetrics, limits: Vec<(f64, String)>) -> Option<Block> {
    if metrics.percentiles.len() < 2 {
        return None;
    }
    let points = metrics.percentiles.iter().map(|(share, latency)| (*share, Some(*latency))).collect();
    let most = metrics.percentiles.iter().map(|(_, latency)| *latency).fold(0.0, f64::max);
    let far = limits.iter().any(|(limit, _)| *limit > most * FAR);
    let lines = Lines {
        x: axis("share of messages that are faster", Scale::Nines, nines),
        y: axis("latency", Scale::Log, time),
        series: vec![Series { name: "latency".to_owned(), points, colour: Colour::First, dots: false }],
        marks: limits
            .into_iter()
            .filter(|(limit, _)| *limit <= most * FAR)
            .map(|(limit, name)| Mark::Y(limit, name))
            .collect(),
    };
    let note =
        "Simulated. Each step to the right is another nine; the line ends where fewer than ten messages are slower.";
    let note = if far { format!("{note} An objective is far above.") } else { note.to_owned() };
    let columns = vec![Column::number("faster", "share"), Column::number("latency", "latency_seconds")];
    let mut table = Table::new("percentiles", columns);
    table.rows = metrics
        .percentiles
        .iter()
        .map(|(share, latency)| vec![Cell::number(nines(*share), *share), Cell::number(time(*latency), *latency)])
        .collect();
    Some(Block::Chart(chart("percentiles", "How latency is distributed", &note, Drawing::Lines(lines)), table))
}

/// A share near 1, with as many digits as it takes to tell it from 1.
fn nines(share: f64) -> String {
    let beyond = (1.0 - share) * 100.0;
    let places = if beyond >= 1.0 { 1 } else { (-beyond.log10()).ceil() as usize + 1 };
    let text = format!("{:.places$}", share * 100.0);
    format!("{} %", if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text })
}

/// Where a message's time goes, station by station.
pub fn stations(assessment: &Assessment, metrics: Option<&RunMetrics>) -> Option<Block> {
    let mut rows: Vec<(String, f64, f64)> = Vec::new();
    for form in &assessment.latency.stations {
        let found = metrics.and_then(|metrics| metrics.stations.iter().find(|station| station.name == form.name));
        if let Some((wait, all)) = found.and_then(|found| found.wait_seconds.zip(found.residence_seconds)) {
            rows.push((format!("{}, simulated", form.name), wait.value.max(0.0), all.value.max(0.0)));
        }
        if let Some((wait, all)) = form.wait_seconds.zip(form.residence_seconds) {
            rows.push((format!("{}, closed form", form.name), wait.max(0.0), all.max(0.0)));
        }
    }
    if rows.is_empty() {
        return None;
    }
    let bar = |(name, wait, all): &(String, f64, f64)| Bar {
        label: name.clone(),
        parts: vec![
            Part { from: Some(0.0), to: *wait, colour: Colour::Second, text: format!("wait {}", time(*wait)) },
            Part {
                from: Some(*wait),
                to: all.max(*wait),
                colour: Colour::First,
                text: format!("service {}", time((all - wait).max(0.0))),
            },
        ],
        figure: time(*all),
    };
    let bars = Bars {
        axis: axis("mean time a visit", Scale::Linear, time),
        rows: rows.iter().map(bar).collect(),
        legend: vec![("wait".to_owned(), Colour::Second), ("service".to_owned(), Colour::First)],
        mark: None,
    };
    let note = format!(
        "What each station adds. The network adds {}, whatever the load.",
        time(assessment.latency.network_seconds)
    );
    let columns = vec![
        Column::text("station", "station"),
        Column::number("wait", "wait_seconds"),
        Column::number("time", "residence_seconds"),
    ];
    let mut table = Table::new("stations", columns);
    table.rows = rows
        .iter()
        .map(|(name, wait, all)| {
            vec![Cell::text(name.as_str()), Cell::number(time(*wait), *wait), Cell::number(time(*all), *all)]
        })
        .collect();
    Some(Block::Chart(chart("stations", "Where the time goes", &note, Drawing::Bars(bars)), table))
}

/// Inputs in a tornado.
const MOST_INPUTS: usize = 10;

/// The medians that a tornado's bars start from; nothing where there is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Medians {
    /// Servers required.
    pub servers: Option<f64>,
    /// Users carried as planned.
    pub users: Option<f64>,
    /// Mean latency of the closed form.
    pub mean_latency: Option<f64>,
    /// What the servers cost an hour.
    pub price: Option<f64>,
    /// The 99th percentile of latency, simulated.
    pub p99: Option<f64>,
}

/// What the uncertain inputs move: a tornado for each output that any of them moves.
pub fn tornados(inputs: &[Sensitivity], medians: Medians) -> Vec<Block> {
    let ends = |effect: Effect| effect.at_low.zip(effect.at_high);
    let tail = |one: &Sensitivity| {
        let tail = one.tail.as_ref().filter(|tail| tail.finding == Finding::Moves)?;
        Some((tail.at_low?.value, tail.at_high?.value))
    };
    [
        tornado(inputs, ("servers", "Servers required", number), medians.servers, |one| ends(one.servers)),
        tornado(inputs, ("price", "Price an hour", money), medians.price, |one| ends(one.price?)),
        tornado(inputs, ("users", "Users carried as planned", number), medians.users, |one| ends(one.users)),
        tornado(inputs, ("p99", "Latency p99, simulated", time), medians.p99, tail),
        tornado(inputs, ("latency", "Mean latency", time), medians.mean_latency, |one| ends(one.latency)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn tornado(
    inputs: &[Sensitivity],
    (file, title, show): (&str, &str, fn(f64) -> String),
    base: Option<f64>,
    ends: impl Fn(&Sensitivity) -> Option<(f64, f64)>,
) -> Option<Block> {
    let mut moved: Vec<(&str, f64, f64)> = inputs
        .iter()
        .filter_map(|one| ends(one).map(|(low, high)| (one.path.as_str(), low, high)))
        .filter(|(_, low, high)| *low > 0.0 && *high > 0.0 && show(*low) != show(*high))
        .collect();
    let wide = |(_, low, high): &(&str, f64, f64)| (low / high).ln().abs();
    moved.sort_by(|a, b| wide(b).total_cmp(&wide(a)));
    moved.truncate(MOST_INPUTS);
    let base = base.filter(|base| *base > 0.0)?;
    if moved.is_empty() {
        return None;
    }
    let bar = |(path, low, high): &(&str, f64, f64)| {
        let part = |to: f64, colour: Colour, which: &str| Part {
            from: Some(base.min(to)),
            to: base.max(to),
            colour,
            text: format!("{} at its {which} end", show(to)),
        };
        Bar {
            label: (*path).to_owned(),
            parts: vec![part(*low, Colour::Sixth, "low"), part(*high, Colour::Second, "high")],
            figure: format!("{} / {}", show(*low), show(*high)),
        }
    };
    let bars = Bars {
        axis: axis(&title.to_lowercase(), Scale::Log, show),
        rows: moved.iter().map(bar).collect(),
        legend: vec![
            ("input at its low end".to_owned(), Colour::Sixth),
            ("at its high end".to_owned(), Colour::Second),
        ],
        mark: Some((base, format!("median: {}", show(base)))),
    };
    let columns = vec![
        Column::text("input", "path"),
        Column::number("at its low end", "at_low"),
        Column::number("at its high end", "at_high"),
    ];
    let mut table = Table::new(&format!("sensitivity-{file}"), columns);
    table.rows = moved
        .iter()
        .map(|(path, low, high)| {
            vec![Cell::text(*path), Cell::number(show(*low), *low), Cell::number(show(*high), *high)]
        })
        .collect();
    let note = "Each uncertain input alone at the ends of its 90 % interval, all others at their medians.";
    Some(Block::Chart(chart(&format!("sensitivity-{file}"), title, note, Drawing::Bars(bars)), table))
}
