//! A run over time: latency, use, connections and messages, with the faults marked.

use super::{axis, chart, clean, number, per_second, percent, time};
use crate::metrics::summary::STATION_NAMES;
use crate::metrics::{RunMetrics, SeriesPoint};
use crate::report::document::{Block, Cell, Column, Table};
use crate::report::plots::{Colour, Drawing, Lines, Mark, Scale, Series};

/// A line of a chart: its name for people and for programs, and its figure at a point of time.
type Track<'a> = (&'a str, &'a str, &'a dyn Fn(&SeriesPoint) -> Option<f64>);

/// What the stations' use is called, in the order of [`STATION_NAMES`].
const LOADS: [&str; 4] = ["network in", "CPU load", "network out", "log writes"];

/// The charts; none where nothing was kept over time.
pub fn blocks(metrics: &RunMetrics) -> Vec<Block> {
    if metrics.series.len() < 2 {
        return Vec::new();
    }
    let mut out = vec![track(
        metrics,
        ("time-latency", "Latency", "latency"),
        (Scale::Log, time),
        &[("p99", "latency_p99_seconds", &|p| p.latency_p99), ("mean", "latency_mean_seconds", &|p| p.latency)],
    )];
    let station = |number: usize| move |p: &SeriesPoint| p.utilisation[number];
    let stations: [_; 4] = std::array::from_fn(station);
    let busy = |p: &SeriesPoint| Some(p.cpu_busy);
    let memory = |p: &SeriesPoint| Some(p.memory);
    let backend = |p: &SeriesPoint| p.backend.map(|backend| backend.utilisation);
    let names: Vec<String> =
        STATION_NAMES.iter().map(|name| format!("{}_utilisation", name.replace('.', "_"))).collect();
    let mut used: Vec<Track<'_>> = vec![("CPU busy", "cpu_busy", &busy), ("memory", "memory_utilisation", &memory)];
    for (number, of) in stations.iter().enumerate() {
        // The load of the CPU stands beside its busy time.
        used.push((LOADS[number], &names[number], of));
    }
    used.push(("backend", "backend_utilisation", &backend));
    let highest = |of: &dyn Fn(&SeriesPoint) -> Option<f64>| metrics.series.iter().filter_map(of).fold(0.0, f64::max);
    let mut seen: Vec<Track<'_>> = used.into_iter().filter(|track| highest(track.2) > 0.0).collect();
    seen.sort_by(|a, b| highest(b.2).total_cmp(&highest(a.2)));
    seen.truncate(4);
    if !seen.is_empty() {
        out.push(track(metrics, ("time-use", "Use of the servers", "share"), (Scale::Linear, percent), &seen));
    }
    let connections = [("open", "connections", &(|p: &SeriesPoint| Some(p.connections)) as &dyn Fn(&_) -> _)];
    out.push(track(metrics, ("time-connections", "Connections", "connections"), (Scale::Linear, number), &connections));
    let attempts = |p: &SeriesPoint| Some(p.attempts);
    let refused = |p: &SeriesPoint| Some(p.refused);
    let accepted = |p: &SeriesPoint| Some(p.accepted);
    if highest(&attempts) > 0.0 {
        let tracks: [Track<'_>; 3] = [
            ("attempts", "attempts_per_second", &attempts),
            ("accepted", "accepted_per_second", &accepted),
            ("refused", "refused_per_second", &refused),
        ];
        let titles = ("time-attempts", "Connection attempts", "a second");
        out.push(track(metrics, titles, (Scale::Linear, per_second), &tracks));
    }
    let messages = |p: &SeriesPoint| Some(p.messages_in);
    let goodput = |p: &SeriesPoint| Some(p.goodput);
    let dropped = |p: &SeriesPoint| Some(p.dropped);
    let retried = |p: &SeriesPoint| Some(p.retried);
    let mut tracks: Vec<Track<'_>> =
        vec![("in", "messages_in_per_second", &messages), ("delivered", "goodput_per_second", &goodput)];
    if highest(&dropped) > 0.0 {
        tracks.push(("lost", "dropped_messages_per_second", &dropped));
    }
    if highest(&retried) > 0.0 {
        tracks.push(("sent again", "retried_messages_per_second", &retried));
    }
    out.push(track(metrics, ("time-messages", "Messages", "a second"), (Scale::Linear, per_second), &tracks));
    let servers = |p: &SeriesPoint| Some(p.servers);
    let down = |p: &SeriesPoint| Some(p.down_servers);
    if metrics.scaling.is_some() || highest(&down) > 0.0 {
        let tracks: [Track<'_>; 2] = [("servers", "servers", &servers), ("down", "down_servers", &down)];
        out.push(track(metrics, ("time-servers", "Servers", "servers"), (Scale::Linear, number), &tracks));
    }
    out
}

fn track(
    metrics: &RunMetrics,
    (file, title, label): (&str, &str, &str),
    (scale, show): (Scale, fn(f64) -> String),
    tracks: &[Track<'_>],
) -> Block {
    let series = tracks
        .iter()
        .enumerate()
        .map(|(number, (name, _, of))| Series {
            name: (*name).to_owned(),
            points: metrics.series.iter().map(|point| (point.until_seconds, of(point))).collect(),
            colour: Colour::series(number),
            dots: false,
        })
        .collect();
    let marks =
        metrics.recovery.iter().map(|fault| Mark::X(fault.at_seconds, clean(&fault.what), Colour::Bad)).collect();
    let lines = Lines { x: axis("time", Scale::Linear, time), y: axis(label, scale, show), series, marks };
    let mut columns = vec![Column::number("time", "until_seconds")];
    columns.extend(tracks.iter().map(|(title, name, _)| Column::number(title, name)));
    let mut table = Table::new(file, columns);
    table.rows = metrics
        .series
        .iter()
        .map(|point| {
            let mut row = vec![Cell::number(time(point.until_seconds), point.until_seconds)];
            row.extend(tracks.iter().map(|(_, _, of)| Cell::maybe(of(point), show, "-")));
            row
        })
        .collect();
    Block::Chart(chart(file, title, "", Drawing::Lines(lines)), table)
}
