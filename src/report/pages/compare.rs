//! The page of a comparison: what each variant gives and takes.

use super::{axis, chart, clean, sentence};
use crate::analysis::compare::threshold::Outcome as Fared;
use crate::analysis::compare::{Difference, Meaning, Side};
use crate::report::compare::{self, CompareView, HEADLINES, difference_of, label, shown_as, signed};
use crate::report::document::{Block, Case, Cell, Column, Origin, Outcome, Page, Said, Section, Table, Tone};
use crate::report::plots::{Bar, Bars, Colour, Drawing, Part, Scale};

/// Figures in a chart.
const MOST_BARS: usize = 14;

/// The page.
pub fn compare(view: &CompareView<'_>, origin: Origin) -> Page {
    let sides = &view.comparison.sides;
    let first = &sides[0];
    let scenario = &first.assessment.scenario;
    let variants = || sides.iter().enumerate().skip(1);
    let mut blocks = Vec::new();
    for (number, side) in variants() {
        blocks.extend(changes(view, side, number));
    }
    let tables = variants().map(|(number, side)| {
        let title = format!("{} against {}", called(&side.name), called(&first.name));
        Block::Folded(title, vec![Block::Table(table(view, number, &format!("differences-{number}")))])
    });
    let mut figures: Vec<Block> = tables.collect();
    figures.extend(compare::prices(view).map(|said| Block::Text(clean(&said))));
    let mut sections = vec![Section { title: "All figures", blocks: figures }];
    if !blocks.is_empty() {
        sections.insert(0, Section { title: "What changes", blocks });
    }
    Page {
        name: clean(&scenario.name),
        what: "compared",
        hash: first.hash.clone(),
        seed: scenario.simulation.seed,
        verdict: judged(view).chain(variants().map(|(number, side)| said(view, first, side, number))).collect(),
        figures: Vec::new(),
        sections,
        data: Some(all(view)),
        cases: cases(view),
        origin: Some(origin),
    }
}

/// How the thresholds fare, where there are any: that is what was asked.
fn judged<'a>(view: &'a CompareView<'_>) -> impl Iterator<Item = Said> + 'a {
    view.judged.iter().map(|judged| {
        let tone = match judged.outcome {
            Fared::Kept => Tone::Good,
            Fared::Passed => Tone::Bad,
            Fared::Unclear => Tone::Warn,
        };
        let text = clean(&compare::fared(judged, &called(&view.comparison.sides[judged.variant].name)));
        Said { tone, text, note: String::new() }
    })
}

/// A variant is called by its changes, or its file: of that, the name counts and not where it is.
fn called(name: &str) -> String {
    clean(if name.contains('=') { name } else { name.rsplit('/').next().unwrap_or(name) })
}

fn of<'a>(view: &CompareView<'a>, number: usize) -> Vec<&'a Difference> {
    view.comparison.differences.iter().filter(|difference| difference.variant == number).collect()
}

fn said(view: &CompareView<'_>, first: &Side, side: &Side, number: usize) -> Said {
    let differences = of(view, number);
    let (before, after) = (compare::bottleneck(first), compare::bottleneck(side));
    let way = if before == after {
        format!("First to give way in both: {after}.")
    } else {
        format!("First to give way: {after} instead of {before}.")
    };
    Said {
        tone: Tone::Plain,
        text: format!(
            "{}: {}",
            called(&side.name),
            compare::sentence(&differences).replace("more above", "more below")
        ),
        note: [vec![way], compare::unsettled(first, side)].concat().join(" "),
    }
}

/// The figures that surely change, and by how much.
fn changes(view: &CompareView<'_>, side: &Side, number: usize) -> Option<Block> {
    let mut changed: Vec<(&Difference, f64)> = of(view, number)
        .into_iter()
        .filter(|one| one.meaning() != Meaning::Nothing)
        .filter_map(|one| Some((one, one.relative?.value)))
        .filter(|(_, by)| by.is_finite())
        .collect();
    let size = |by: f64| (1.0 + by).max(1e-9).ln().abs();
    changed.sort_by(|a, b| {
        let other = |one: &Difference| !HEADLINES.contains(&one.figure.as_str());
        other(a.0).cmp(&other(b.0)).then(size(b.1).total_cmp(&size(a.1)))
    });
    changed.truncate(MOST_BARS);
    if changed.is_empty() {
        return None;
    }
    let rows = changed
        .iter()
        .map(|(one, by)| {
            let colour = match one.meaning() {
                Meaning::Benefit => Colour::Good,
                Meaning::Price => Colour::Bad,
                Meaning::Different | Meaning::Nothing => Colour::First,
            };
            let text = one
                .difference
                .map_or_else(String::new, |found| signed(&found, &|found| difference_of(&one.figure, found)));
            let part = Part { from: Some(1.0_f64.min(1.0 + by)), to: (1.0 + by).max(1.0), colour, text };
            Bar { label: label(&one.figure), parts: vec![part], figure: compare::percent(*by) }
        })
        .collect();
    let bars = Bars {
        axis: axis("times what it was", Scale::Log, |times| format!("x {}", super::number(times))),
        rows,
        legend: vec![
            ("better".to_owned(), Colour::Good),
            ("worse".to_owned(), Colour::Bad),
            ("different".to_owned(), Colour::First),
        ],
        mark: Some((1.0, "as before".to_owned())),
    };
    let note = "What surely changes by 1 % or more: the whole interval of the difference is on one side.";
    let drawing = Drawing::Bars(bars);
    Some(Block::Chart(chart(&format!("changes-{number}"), &called(&side.name), note, drawing), Table::default()))
}

fn columns() -> Vec<Column> {
    vec![
        Column::text("figure", "figure"),
        Column::number("before", "from"),
        Column::number("after", "to"),
        Column::number("difference", "difference"),
        Column::number("share", "relative"),
        Column::text("means", "meaning"),
    ]
}

fn table(view: &CompareView<'_>, number: usize, file: &str) -> Table {
    let mut table = Table::new(file, columns());
    table.rows = of(view, number).into_iter().map(row).collect();
    table
}

fn row(one: &Difference) -> Vec<Cell> {
    let shown = |found: Option<&crate::stats::Estimate>| Cell {
        shown: shown_as(&one.figure, found),
        ..Cell::maybe(found.map(|f| f.value), |_| String::new(), "none")
    };
    let by = one.difference.map_or_else(
        || Cell::maybe(None, |_| String::new(), "none"),
        |by| Cell::number(signed(&by, &|by| difference_of(&one.figure, by)), by.value),
    );
    let share = Cell::maybe(one.relative.map(|by| by.value), compare::percent, "");
    let means = match one.meaning() {
        Meaning::Benefit => "better",
        Meaning::Price => "worse",
        Meaning::Different => "different",
        Meaning::Nothing => "no sure difference",
    };
    vec![
        Cell::text(one.figure.as_str()),
        shown(one.from.as_ref()),
        shown(one.to.as_ref()),
        by,
        share,
        Cell::text(means),
    ]
}

/// All differences of all variants, for programs.
fn all(view: &CompareView<'_>) -> Table {
    let mut columns = columns();
    columns.insert(0, Column::text("variant", "variant"));
    let mut table = Table::new("differences", columns);
    table.rows = view
        .comparison
        .differences
        .iter()
        .map(|one| {
            let mut cells = row(one);
            cells.insert(0, Cell::text(called(&view.comparison.sides[one.variant].name)));
            cells
        })
        .collect();
    table
}

fn cases(view: &CompareView<'_>) -> Vec<Case> {
    view.judged
        .iter()
        .map(|judged| {
            let (outcome, says) = match judged.outcome {
                Fared::Kept => (Outcome::Passed, "it keeps to the limit"),
                Fared::Passed => (Outcome::Failed, "it is beyond the limit"),
                Fared::Unclear => (Outcome::Unclear, "it may be beyond the limit: the interval holds it"),
            };
            let name = called(&view.comparison.sides[judged.variant].name);
            Case { name: format!("{name}: {}", clean(&judged.threshold.text)), says: sentence(says), outcome }
        })
        .collect()
}
