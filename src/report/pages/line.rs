//! The page of a load line: what the fleet carries, and the curve up to it and past it.

use super::{axis, chart, clean, number, percent, sentence, time};
use crate::analysis::line::Point;
use crate::metrics::RunMetrics;
use crate::report::document::{Block, Cell, Column, Headline, Origin, Page, Said, Section, Table, Tone};
use crate::report::line::{LineView, broken, cpu};
use crate::report::plan::promise;
use crate::report::plots::{Colour, Drawing, Lines, Mark, Scale, Series};
use crate::report::show::{counted, fine, interval, share};
use crate::units::display::count;

/// A line of a chart: its name, and its figure in a run.
type Track = (&'static str, fn(&RunMetrics) -> Option<f64>);

/// The page.
pub fn line(view: &LineView<'_>, origin: Origin) -> Page {
    let found = view.line;
    let mut blocks = Vec::new();
    if found.points.len() > 1 {
        blocks.push(latency(view));
        blocks.push(use_of(view));
    }
    if !found.points.is_empty() {
        blocks.push(Block::Table(table(view)));
    }
    let sections = if blocks.is_empty() { Vec::new() } else { vec![Section { title: "Load and latency", blocks }] };
    Page {
        name: clean(&found.scenario.name),
        what: "load line",
        hash: view.hash.to_owned(),
        seed: found.scenario.simulation.seed,
        verdict: verdict(view),
        figures: figures(view),
        sections,
        data: Some(table(view)),
        cases: Vec::new(),
        origin: Some(origin),
    }
}

fn verdict(view: &LineView<'_>) -> Vec<Said> {
    let found = view.line;
    let servers = counted(&count(found.fleet.servers as f64), "server");
    let carry = if found.fleet.servers == 1 { "carries" } else { "carry" };
    let note = promise(&found.scenario) + ".";
    let Some(carried) = &found.line else {
        let beyond = found.beyond.as_ref();
        let text = format!(
            "{servers} {carry} not even {}; {} is in the way.",
            beyond.map_or_else(String::new, |beyond| view.amount(beyond.load)),
            view.gives_way().unwrap_or("the SLO")
        );
        return vec![Said { tone: Tone::Bad, text, note }];
    };
    let own = view.line.own;
    let enough = carried.value >= own;
    let more = if found.open { "more than " } else { "" };
    let text = format!("{servers} {carry} {more}{} {}.", interval(carried, |load| view.load(load)), view.what());
    let gives = view.gives_way().map_or_else(String::new, |way| format!(" There, {way} gives way."));
    let tone = if enough { Tone::Good } else { Tone::Bad };
    let own = format!("The scenario's own {} are {} of it.{gives}", view.amount(own), share(own / carried.value));
    vec![Said { tone, text, note: format!("{own} {note}") }]
}

fn figures(view: &LineView<'_>) -> Vec<Headline> {
    let found = view.line;
    let mut out = Vec::new();
    if let Some(carried) = &found.line {
        let note = format!("{}, within the SLO", view.what());
        out.push(Headline { what: "Load line", figure: interval(carried, |load| view.load(load)), note });
    }
    let note = if found.fleet_given { "as the scenario has" } else { "as its own load requires" };
    out.push(Headline { what: "Servers", figure: count(found.fleet.servers as f64), note: note.to_owned() });
    if let Some(way) = view.gives_way() {
        let note = found.beyond.as_ref().map_or_else(String::new, broken);
        out.push(Headline { what: "Gives way there", figure: way.to_owned(), note });
    }
    if let Some((most, resource)) = found.closed_form {
        let note = format!("users until {resource} is at its limit");
        out.push(Headline { what: "Closed form", figure: count(most.floor()), note });
    }
    out
}

fn of(point: &Point, figure: fn(&RunMetrics) -> Option<f64>) -> Option<f64> {
    point.trial.metrics.as_ref().and_then(figure)
}

fn latency(view: &LineView<'_>) -> Block {
    let tracks: [Track; 3] = [
        ("p50", |m| Some(m.latency?.p50.value)),
        ("p99", |m| Some(m.latency?.p99.value)),
        ("p99.9", |m| Some(m.latency?.p999.value)),
    ];
    let mut marks: Vec<Mark> = view
        .line
        .scenario
        .slo
        .latency
        .iter()
        .map(|(_, limit)| Mark::Y(limit.get(), format!("at most {}", fine(limit.get()))))
        .collect();
    marks.extend(
        view.line
            .line
            .map(|carried| Mark::X(carried.value, format!("load line: {}", number(carried.value)), Colour::Ink)),
    );
    let lines = Lines {
        x: axis(view.what(), Scale::Linear, number),
        y: axis("latency", Scale::Log, time),
        series: series(view, &tracks),
        marks,
    };
    let note = "Simulated, on this fleet. A line ends where a queue grows as long as it lasts.";
    Block::Chart(chart("load-latency", "Load and latency", note, Drawing::Lines(lines)), Table::default())
}

fn use_of(view: &LineView<'_>) -> Block {
    let tracks: [Track; 3] = [
        ("CPU busy", |m| Some(cpu(m)?.1)),
        ("CPU load", |m| Some(cpu(m)?.0)),
        ("not served or lost", |m| Some(m.undelivered_share().value)),
    ];
    let marks = view
        .line
        .line
        .map(|carried| Mark::X(carried.value, format!("load line: {}", number(carried.value)), Colour::Ink));
    let lines = Lines {
        x: axis(view.what(), Scale::Linear, number),
        y: axis("share", Scale::Linear, percent),
        series: series(view, &tracks),
        marks: marks.into_iter().collect(),
    };
    Block::Chart(chart("load-use", "Load and use", "", Drawing::Lines(lines)), Table::default())
}

fn series(view: &LineView<'_>, tracks: &[Track]) -> Vec<Series> {
    let track = |(number, (name, pick)): (usize, &Track)| Series {
        name: (*name).to_owned(),
        points: view.line.points.iter().map(|point| (point.load, of(point, *pick))).collect(),
        colour: Colour::series(number),
        dots: true,
    };
    tracks.iter().enumerate().map(track).collect()
}

fn table(view: &LineView<'_>) -> Table {
    let columns = vec![
        Column::number(view.what(), if view.what() == "users" { "users" } else { "messages_in_per_second" }),
        Column::number("of the line", "share_of_line"),
        Column::text("SLO", "slo"),
        Column::number("p50", "latency_p50_seconds"),
        Column::number("p99", "latency_p99_seconds"),
        Column::number("p99.9", "latency_p999_seconds"),
        Column::number("CPU busy", "cpu_busy"),
        Column::number("not served or lost", "dropped_share"),
        Column::text("what is not kept", "not_kept"),
    ];
    let mut table = Table::new("points", columns);
    let line = view.line.line.map(|line| line.value);
    table.rows = view
        .line
        .points
        .iter()
        .map(|point| {
            let seconds = |pick| Cell::maybe(of(point, pick), fine, "overloaded");
            let met = point.trial.met();
            vec![
                Cell::number(view.load(point.load), point.load),
                Cell::maybe(line.map(|line| point.load / line), share, ""),
                Cell::text(if met { "met" } else { "not met" }),
                seconds(|m| Some(m.latency?.p50.value)),
                seconds(|m| Some(m.latency?.p99.value)),
                seconds(|m| Some(m.latency?.p999.value)),
                Cell::maybe(of(point, |m| Some(cpu(m)?.1)), share, ""),
                Cell::maybe(of(point, |m| Some(m.undelivered_share().value)), share, ""),
                Cell::text(if met { String::new() } else { sentence(&broken(point)) }),
            ]
        })
        .collect();
    table
}
