//! The page of a sweep: curves over what was varied, a row a point.

use serde_json::Value as Json;

use super::{axis, chart, clean, flow, number, percent, sentence, time};
use crate::report::document::{Block, Case, Cell, Column, Origin, Outcome, Page, Said, Section, Table, Tone};
use crate::report::plots::{Bar, Bars, Colour, Drawing, Lines, Part, Scale, Series};
use crate::report::sweep::{Extent, Finished};
use crate::units::ByteRate;
use crate::units::display::byte_rate_hourly;
use crate::units::parse::{self, Quantity};

/// More lines than this are not told apart.
const MOST_LINES: usize = 6;

/// A figure of a point: its name for people and for programs, how it is shown, where it is.
struct Figure {
    title: &'static str,
    name: &'static str,
    show: fn(f64) -> String,
    at: fn(&Json) -> Option<f64>,
}

const FIGURES: [Figure; 10] = [
    Figure { title: "connections", name: "connections", show: number, at: |r| value(r, "/load/connections") },
    Figure { title: "servers required", name: "servers_required", show: number, at: |r| value(r, "/required/servers") },
    Figure {
        title: "messages/s in",
        name: "messages_in_per_second",
        show: number,
        at: |r| value(r, "/load/messages_in_per_second"),
    },
    Figure {
        title: "payload in",
        name: "ingress_bytes_per_second",
        show: flow,
        at: |r| value(r, "/load/ingress_bytes_per_second"),
    },
    Figure {
        title: "payload out",
        name: "egress_bytes_per_second",
        show: flow,
        at: |r| value(r, "/load/egress_bytes_per_second"),
    },
    Figure { title: "logs", name: "log_bytes_per_hour", show: hourly, at: |r| value(r, "/load/log_bytes_per_hour") },
    Figure {
        title: "p50",
        name: "latency_p50_seconds",
        show: time,
        at: |r| value(r, "/simulation/latency_seconds/p50"),
    },
    Figure {
        title: "p99",
        name: "latency_p99_seconds",
        show: time,
        at: |r| value(r, "/simulation/latency_seconds/p99"),
    },
    Figure {
        title: "mean, closed form",
        name: "latency_mean_closed_form_seconds",
        show: time,
        at: |r| r.pointer("/closed_form/latency_seconds/mean").and_then(Json::as_f64),
    },
    Figure { title: "CPU busy", name: "cpu_busy", show: percent, at: busy },
];

fn hourly(figure: f64) -> String {
    byte_rate_hourly(ByteRate::new(figure / 3_600.0))
}

fn value(result: &Json, pointer: &str) -> Option<f64> {
    result.pointer(pointer)?.get("value")?.as_f64()
}

fn busy(result: &Json) -> Option<f64> {
    let stations = result.pointer("/simulation/stations").or_else(|| result.pointer("/closed_form/stations"))?;
    let cpu = stations.as_array()?.iter().find(|station| station["name"] == "server.cpu")?;
    let busy = &cpu["busy"];
    busy.get("value").unwrap_or(busy).as_f64()
}

fn bottleneck(result: &Json) -> &str {
    result.pointer("/bottlenecks/0/resource").and_then(Json::as_str).unwrap_or("")
}

/// The page.
pub fn sweep(points: &[Finished], extent: Extent, origin: Option<Origin>) -> Page {
    let first = points.first().map_or(&Json::Null, |point| &point.result);
    let said = |pointer: &str| first.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
    let mut charts = charts(points);
    let mut sections = Vec::new();
    if !charts.is_empty() {
        sections.push(Section { title: "Curves", blocks: std::mem::take(&mut charts) });
    }
    sections.push(Section { title: "Points", blocks: vec![Block::Table(table(points))] });
    Page {
        name: clean(said("/scenario/name")),
        what: "sweep",
        hash: said("/scenario/hash").to_owned(),
        seed: first["seed"].as_u64().unwrap_or_default(),
        verdict: verdict(points, extent),
        figures: Vec::new(),
        sections,
        data: Some(table(points)),
        cases: cases(points),
        origin,
    }
}

fn verdict(points: &[Finished], extent: Extent) -> Vec<Said> {
    let range = |figure: &Figure| {
        let found: Vec<f64> = points.iter().filter_map(|point| (figure.at)(&point.result)).collect();
        let low = found.iter().copied().fold(f64::INFINITY, f64::min);
        let high = found.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (low <= high).then(|| {
            let (low, high) = ((figure.show)(low), (figure.show)(high));
            if low == high {
                format!("{} {low}", figure.title)
            } else {
                format!("{} from {low} to {high}", figure.title)
            }
        })
    };
    let parts: Vec<String> = [1, 7, 4].iter().filter_map(|number| range(&FIGURES[*number])).collect();
    let mut names: Vec<&str> =
        points.iter().map(|point| bottleneck(&point.result)).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    let note = if names.is_empty() { String::new() } else { format!("First to give way: {}.", names.join(", ")) };
    let text = format!("{} points: {}.", points.len(), parts.join(", "));
    let mut out = vec![Said { tone: Tone::Plain, text, note }];
    let bad: Vec<String> = points.iter().filter(|point| slo(point) == Some("not met")).map(at).collect();
    if !bad.is_empty() {
        out.push(Said {
            tone: Tone::Bad,
            text: format!("The objectives are not met at {}.", clean(&bad.join("; "))),
            note: String::new(),
        });
    }
    if points.len() < extent.planned {
        let text = format!("Interrupted: {} of {} points were finished.", points.len(), extent.planned);
        out.push(Said { tone: Tone::Warn, text, note: String::new() });
    }
    out
}

fn slo(point: &Finished) -> Option<&str> {
    point.result.pointer("/slo/verdict").and_then(Json::as_str)
}

fn at(point: &Finished) -> String {
    let named: Vec<String> = point.vary.iter().map(|(path, value)| format!("{path}={value}")).collect();
    named.join(", ")
}

fn cases(points: &[Finished]) -> Vec<Case> {
    points
        .iter()
        .filter_map(|point| {
            let outcome = match slo(point)? {
                "met" => Outcome::Passed,
                "not met" => Outcome::Failed,
                _ => Outcome::Unclear,
            };
            let all = point.result.pointer("/slo/objectives")?.as_array()?;
            let says: Vec<String> = all
                .iter()
                .map(|one| {
                    let word = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
                    let found = one.pointer("/found/value").and_then(Json::as_f64);
                    let found = found.map_or_else(|| "nothing".to_owned(), |found| found.to_string());
                    format!("{} {found}, at most {}: {}", word("objective"), one["limit"], word("verdict"))
                })
                .collect();
            Some(Case { name: at(point), says: sentence(&says.join("; ")), outcome })
        })
        .collect()
}

fn table(points: &[Finished]) -> Table {
    let vary = points.first().map_or(&[][..], |point| &point.vary);
    let mut columns: Vec<Column> =
        vary.iter().map(|(path, _)| Column::text(path.rsplit('.').next().unwrap_or(path), path)).collect();
    let there: Vec<&Figure> =
        FIGURES.iter().filter(|figure| points.iter().any(|point| (figure.at)(&point.result).is_some())).collect();
    columns.extend(there.iter().map(|figure| Column::number(figure.title, figure.name)));
    columns.push(Column::text("gives way first", "bottleneck"));
    columns.push(Column::text("objectives", "slo"));
    let mut table = Table::new("points", columns);
    table.rows = points
        .iter()
        .map(|point| {
            let mut row: Vec<Cell> = point
                .vary
                .iter()
                .map(|(_, value)| {
                    numeric(value).map_or_else(|| Cell::text(clean(value)), |n| Cell::number(clean(value), n))
                })
                .collect();
            row.extend(there.iter().map(|figure| Cell::maybe((figure.at)(&point.result), figure.show, "-")));
            row.push(Cell::text(bottleneck(&point.result)));
            row.push(Cell::text(slo(point).unwrap_or("none")));
            row
        })
        .collect();
    table
}

fn numeric(value: &str) -> Option<f64> {
    parse::exact(value, Quantity::Count).ok()
}

/// A chart for each figure that changes: over the first key that is a number, a line for each combination of the others; or
/// bars, where no key is one.
fn charts(points: &[Finished]) -> Vec<Block> {
    let Some(first) = points.first() else { return Vec::new() };
    let over = (0..first.vary.len()).find(|key| {
        let numbers: Option<Vec<f64>> = points.iter().map(|point| numeric(&point.vary[*key].1)).collect();
        numbers.is_some_and(|numbers| numbers.iter().any(|n| n.total_cmp(&numbers[0]).is_ne()))
    });
    [1, 7, 8, 9, 4, 5]
        .into_iter()
        .map(|number| &FIGURES[number])
        .filter(|figure| {
            let found: Vec<f64> = points.iter().filter_map(|point| (figure.at)(&point.result)).collect();
            found.len() > 1 && found.iter().any(|one| (figure.show)(*one) != (figure.show)(found[0]))
        })
        .map(|figure| over.map_or_else(|| bars(points, figure), |key| lines(points, key, figure)))
        .collect()
}

fn lines(points: &[Finished], key: usize, figure: &Figure) -> Block {
    let path = points[0].vary[key].0.as_str();
    let mut series: Vec<Series> = Vec::new();
    for point in points {
        let others: Vec<String> = point
            .vary
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != key)
            .map(|(_, (path, value))| format!("{} {value}", path.rsplit('.').next().unwrap_or(path)))
            .collect();
        let name = clean(&others.join(", "));
        let Some(x) = numeric(&point.vary[key].1) else { continue };
        let place = (x, (figure.at)(&point.result));
        Series::add(&mut series, &name, place);
    }
    for one in &mut series {
        one.points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let left_out = series.len().saturating_sub(MOST_LINES);
    series.truncate(MOST_LINES);
    let wide = |figures: &mut dyn Iterator<Item = f64>| {
        let (low, high) = figures.fold((f64::INFINITY, 0.0_f64), |(low, high), f| (low.min(f), high.max(f)));
        if low > 0.0 && high / low >= 8.0 { Scale::Log } else { Scale::Linear }
    };
    let across = wide(&mut series.iter().flat_map(|one| &one.points).map(|point| point.0));
    let up = wide(&mut series.iter().flat_map(|one| &one.points).filter_map(|point| point.1));
    let note = if left_out > 0 { format!("{left_out} more lines are in the table only.") } else { String::new() };
    let drawing = Drawing::Lines(Lines {
        x: axis(path, across, number),
        y: axis(figure.title, up, figure.show),
        series,
        marks: Vec::new(),
    });
    Block::Chart(chart(&file(figure), &title(figure), &note, drawing), Table::default())
}

fn bars(points: &[Finished], figure: &Figure) -> Block {
    let rows = points
        .iter()
        .take(40)
        .filter_map(|point| {
            let found = (figure.at)(&point.result)?;
            let shown = (figure.show)(found);
            let part = Part { from: Some(0.0), to: found, colour: Colour::First, text: shown.clone() };
            let label: Vec<&str> = point.vary.iter().map(|(_, value)| value.as_str()).collect();
            Some(Bar { label: clean(&label.join(", ")), parts: vec![part], figure: shown })
        })
        .collect();
    let bars = Bars { axis: axis(figure.title, Scale::Linear, figure.show), rows, legend: Vec::new(), mark: None };
    Block::Chart(chart(&file(figure), &title(figure), "", Drawing::Bars(bars)), Table::default())
}

fn file(figure: &Figure) -> String {
    format!("sweep-{}", figure.name.replace('_', "-"))
}

fn title(figure: &Figure) -> String {
    sentence(figure.title).trim_end_matches('.').to_owned()
}
