//! The page of a validation: how far off the model was, at which load, in which metric.

use super::{axis, chart, clean, number, sentence};
use crate::report::document::{Block, Cell, Column, Origin, Page, Said, Section, Table, Tone};
use crate::report::plots::{Drawing, Lines, Scale, Series};
use crate::report::show::share;
use crate::report::validation::{View, error, failures, load, signed, with_interval};
use crate::validate::Verdict;
use crate::validate::compare::Comparison;

/// Metrics in the chart of errors.
const MOST_METRICS: usize = 6;

/// The page.
pub fn validation(view: &View<'_>, origin: Option<Origin>) -> Page {
    let mut sections = Vec::new();
    let mut blocks: Vec<Block> = errors(view).into_iter().collect();
    blocks.push(Block::Table(means(view)));
    sections.push(Section { title: "How far off", blocks });
    sections.push(Section { title: "Each load", blocks: vec![Block::Table(table(view))] });
    if let Some(drifts) = view.drifts {
        sections.push(Section { title: "Against the earlier result", blocks: vec![Block::Table(drift(drifts))] });
    }
    if !view.notes.is_empty() {
        let notes = view.notes.iter().map(|note| sentence(&clean(note))).collect();
        sections.push(Section { title: "Notes", blocks: vec![Block::List(notes)] });
    }
    Page {
        name: clean(view.name),
        what: "validated",
        hash: view.hash.to_owned(),
        seed: view.seed,
        verdict: verdict(view),
        figures: Vec::new(),
        sections,
        data: Some(table(view)),
        // JUnit XML of a validation is made by `report::validation::junit`, a suite a load.
        cases: Vec::new(),
        origin,
    }
}

fn verdict(view: &View<'_>) -> Vec<Said> {
    let (tone, text) = match view.verdict {
        Verdict::Pass => (Tone::Good, "The model agrees with what was measured."),
        Verdict::Fail => (Tone::Bad, "The model does not agree with what was measured."),
        Verdict::Inconclusive | Verdict::NotJudged => (Tone::Warn, "What was measured can't tell."),
    };
    let failures = failures(view).join("; ");
    let note = if failures.is_empty() { String::new() } else { sentence(&failures) };
    let mut out = vec![Said { tone, text: text.to_owned(), note }];
    if !view.complete() {
        let text = format!("Interrupted: {} of {} loads were finished.", view.validation.points.len(), view.planned);
        out.push(Said { tone: Tone::Warn, text, note: String::new() });
    }
    out
}

/// The error of each metric over the load.
fn errors(view: &View<'_>) -> Option<Block> {
    let mut series: Vec<Series> = Vec::new();
    for point in &view.validation.points {
        for found in &point.metrics {
            let place = (point.load.messages_per_second, found.error);
            let name = found.metric.label();
            Series::add(&mut series, name, place);
        }
    }
    series.retain(|one| one.points.iter().any(|point| point.1.is_some()));
    series.truncate(MOST_METRICS);
    let loads = view.validation.points.len();
    if loads < 2 || series.is_empty() {
        return None;
    }
    for one in &mut series {
        one.points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let lines = Lines {
        x: axis("messages/s", Scale::Log, number),
        y: axis("error of the model", Scale::Linear, signed),
        series,
        marks: Vec::new(),
    };
    let note = "Predicted over measured, less 1.";
    Some(Block::Chart(chart("errors", "Error over load", note, Drawing::Lines(lines)), Table::default()))
}

fn means(view: &View<'_>) -> Table {
    let columns = vec![
        Column::text("metric", "metric"),
        Column::number("mean absolute error", "mean_absolute_error"),
        Column::number("mean error", "mean_signed_error"),
        Column::number("loads", "points"),
    ];
    let mut table = Table::new("mean-errors", columns);
    table.rows = view
        .validation
        .mean_errors
        .iter()
        .map(|mean| {
            vec![
                Cell::text(mean.metric.label()),
                Cell::number(share(mean.mean_absolute), mean.mean_absolute),
                Cell::number(signed(mean.mean_signed), mean.mean_signed),
                Cell::number(mean.points.to_string(), mean.points as f64),
            ]
        })
        .collect();
    table
}

fn table(view: &View<'_>) -> Table {
    let columns = vec![
        Column::text("load", "load"),
        Column::text("metric", "metric"),
        Column::number("predicted", "predicted"),
        Column::number("measured", "measured"),
        Column::number("error", "error"),
        Column::number("tolerance", "tolerance"),
        Column::text("verdict", "verdict"),
    ];
    let mut table = Table::new("metrics", columns);
    for point in &view.validation.points {
        table.rows.extend(point.metrics.iter().map(|found| row(load(point), found)));
    }
    table
        .rows
        .extend(view.validation.saturation.iter().map(|found| row("the most that gets through".to_owned(), found)));
    table
}

fn row(load: String, found: &Comparison) -> Vec<Cell> {
    vec![
        Cell::text(load),
        Cell::text(found.metric.label()),
        Cell::number(with_interval(found.metric, &found.predicted), found.predicted.value),
        Cell::number(with_interval(found.metric, &found.measured), found.measured.value),
        Cell { shown: error(found.error), ..Cell::maybe(found.error, |_| String::new(), "-") },
        Cell::number(share(found.tolerance), found.tolerance),
        Cell::text(found.verdict.name()),
    ]
}

fn drift(drifts: &crate::validate::drift::Drifts) -> Table {
    let columns = vec![
        Column::number("messages/s", "messages_per_second"),
        Column::text("metric", "metric"),
        Column::number("measured", "measured_drift"),
        Column::number("predicted", "predicted_drift"),
        Column::number("error", "error_drift"),
        Column::text("verdict", "verdict"),
    ];
    let mut table = Table::new("drift", columns);
    table.rows = drifts
        .drifts
        .iter()
        .map(|drift| {
            let by = |figure: Option<f64>| Cell { shown: error(figure), ..Cell::maybe(figure, |_| String::new(), "-") };
            let at = drift.load.messages_per_second;
            vec![
                Cell::number(number(at), at),
                Cell::text(drift.metric.label()),
                by(drift.measured),
                by(drift.predicted),
                by(drift.error),
                Cell::text(drift.verdict.name()),
            ]
        })
        .collect();
    table
}
