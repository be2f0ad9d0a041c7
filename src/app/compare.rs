//! `plimsoll compare`.

use super::progress::Progress;
use super::reports::Repeat;
use super::simulate::threads;
use super::{Failure, input, interrupt, reports};
use crate::analysis::compare::threshold::{Outcome, Threshold};
use crate::analysis::compare::{Variant, compare, prepare};
use crate::cli::{Compare, Input};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::report::compare::{CompareView, Judged, json, terminal};
use crate::report::pages;
use crate::scenario::{Document, parse_with};

/// Compares variants, and shows how they differ.
pub fn run(options: &Compare) -> Result<(), Failure> {
    let catalogue = input::catalogue(options.shapes.as_deref(), None)?;
    let thresholds = thresholds(options)?;
    let variants = variants(options)?;
    let read: Vec<Document> = variants.iter().take(1 + options.others.len()).map(|one| one.document.clone()).collect();
    let sides = prepare(variants, catalogue.as_ref())?;
    threads(options.threads)?;
    interrupt::listen();
    let progress = Progress::new(options.output.quiet);
    let comparison = compare(sides, &progress);
    progress.finish();
    let comparison = comparison?;
    let judged: Vec<Judged<'_>> = thresholds
        .iter()
        .flat_map(|threshold| {
            let outcomes = threshold.outcomes(&comparison).into_iter();
            outcomes.map(move |(variant, outcome)| Judged { threshold, variant, outcome })
        })
        .collect();
    let view = CompareView { comparison: &comparison, judged: &judged, catalogue: catalogue.as_ref() };
    let result = reports::Result {
        terminal: &|| terminal(&view),
        json: &|| json(&view),
        page: &|| pages::compare(&view, repeat(options).origin(&read.iter().collect::<Vec<_>>())),
    };
    reports::show(&options.output, &result)?;
    let any = |outcome| judged.iter().any(|judged| judged.outcome == outcome);
    if any(Outcome::Passed) {
        Err(Failure::Negative)
    } else if any(Outcome::Unclear) {
        Err(Failure::Inconclusive)
    } else {
        Ok(())
    }
}

/// The command that makes the same comparison.
fn repeat(options: &Compare) -> Repeat {
    let repeat = (1..=options.others.len())
        .fold(Repeat::new("compare", &options.input), |repeat, number| repeat.word(reports::scenario(number)));
    let repeat = repeat.option("--with", &options.with).option("--fail-on", &options.fail_on);
    repeat.file("--shapes", options.shapes.as_ref())
}

fn thresholds(options: &Compare) -> Result<Vec<Threshold>, Failure> {
    let mut thresholds = Vec::new();
    let mut errors = Vec::new();
    for text in &options.fail_on {
        match Threshold::parse(text) {
            Ok(threshold) if threshold.is_of_price() && options.shapes.is_none() => {
                let error = Diagnostic::new("`--fail-on` asks for prices, and there is no catalogue of machines");
                errors.push(error.help("add `--shapes FILE`, or `--shapes example`").into());
            }
            Ok(threshold) => thresholds.push(threshold),
            Err(wrong) => errors.push(wrong),
        }
    }
    if errors.is_empty() { Ok(thresholds) } else { Err(Diagnostics::from_iter(errors).into()) }
}

/// The scenario as it is, other files, and what `--with` makes of the scenario.
fn variants(options: &Compare) -> Result<Vec<Variant>, Failure> {
    if options.with.is_empty() && options.others.is_empty() {
        let error = Diagnostic::new("there is nothing to compare with")
            .help("give a variant, such as `--with protocol.compression=deflate`, or another scenario file");
        return Err(Diagnostics::from(error).into());
    }
    let first = &options.input;
    let mut variants = vec![Variant { name: first.scenario.clone(), document: input::document(first)? }];
    for other in &options.others {
        let Input { users, set, seed, .. } = first;
        let input = Input { scenario: other.clone(), users: users.clone(), set: set.clone(), seed: seed.clone() };
        variants.push(Variant { name: other.clone(), document: input::document(&input)? });
    }
    for text in &options.with {
        let document = input::document_with(first, &parse_with(text)?)?;
        variants.push(Variant { name: text.trim().to_owned(), document });
    }
    Ok(variants)
}
