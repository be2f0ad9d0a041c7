//! The page of a graded estimate.

use super::{clean, sentence};
use crate::analysis::Assessment;
use crate::analysis::check::Verdict;
use crate::report::check::{beside, counted_words, explained, name, off, shown, unit};
use crate::report::document::{Block, Case, Cell, Column, Origin, Outcome, Page, Said, Section, Table, Tone};
use crate::report::show::interval;

/// The page.
pub fn check(assessment: &Assessment, hash: &str, verdicts: &[Verdict], origin: Origin) -> Page {
    let scenario = &assessment.scenario;
    let wrong = verdicts.iter().filter(|verdict| !verdict.within).count();
    let text = match wrong {
        0 => "Every figure is right.".to_owned(),
        1 => format!("1 of {} figures is wrong.", verdicts.len()),
        _ => format!("{wrong} of {} figures are wrong.", verdicts.len()),
    };
    let tone = if wrong == 0 { Tone::Good } else { Tone::Bad };
    let words: Vec<String> = verdicts.iter().flat_map(|verdict| said(assessment, verdict)).collect();
    let mut blocks = vec![Block::Table(table(verdicts))];
    if !words.is_empty() {
        blocks.push(Block::List(words));
    }
    Page {
        name: clean(&scenario.name),
        what: "an estimate checked",
        hash: hash.to_owned(),
        seed: scenario.simulation.seed,
        verdict: vec![Said { tone, text, note: String::new() }],
        figures: Vec::new(),
        sections: vec![Section { title: "Figures", blocks }],
        data: None,
        cases: verdicts.iter().map(|verdict| case(assessment, verdict)).collect(),
        origin: Some(origin),
    }
}

fn said(assessment: &Assessment, verdict: &Verdict) -> Vec<String> {
    let words = if verdict.within { beside(assessment, verdict) } else { vec![explained(assessment, verdict)] };
    words.iter().map(|word| format!("{}, {}: {word}", name(verdict.quantity), counted_words(verdict))).collect()
}

fn table(verdicts: &[Verdict]) -> Table {
    let columns = vec![
        Column::text("figure", "quantity"),
        Column::text("in", "unit"),
        Column::number("given", "given"),
        Column::number("the model's", "model"),
        Column::text("verdict", "verdict"),
    ];
    let mut table = Table::new("verdicts", columns);
    table.rows = verdicts
        .iter()
        .map(|verdict| {
            let show = |figure: f64| shown(verdict.quantity, figure);
            vec![
                Cell::text(name(verdict.quantity)),
                Cell::text(unit(verdict.quantity).replace('_', " ")),
                Cell::number(show(verdict.given), verdict.given),
                Cell::number(interval(&verdict.model, show), verdict.model.value),
                Cell::text(if verdict.within { "right".to_owned() } else { format!("wrong: {}", off(verdict)) }),
            ]
        })
        .collect();
    table
}

fn case(assessment: &Assessment, verdict: &Verdict) -> Case {
    let show = |figure: f64| shown(verdict.quantity, figure);
    let both = format!("given {}, the model's {}", show(verdict.given), interval(&verdict.model, show));
    let says = if verdict.within { both } else { format!("{both}; {}", explained(assessment, verdict)) };
    let outcome = if verdict.within { Outcome::Passed } else { Outcome::Failed };
    Case { name: name(verdict.quantity).to_owned(), says: sentence(&says), outcome }
}
