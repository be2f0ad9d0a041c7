//! `--format` and `--report`: a result is printed, and written down for others.
//!
//! What is printed comes first, so that nothing finished is lost to a full disk. A report is a folder: it is written beside
//! its place and moved there when it is whole, so that whoever looks finds the old one or the new one, never a half.

mod folder;
mod repeat;

use std::path::Path;

use anyhow::Context as _;
use rayon::prelude::*;
use serde_json::Value;

pub use self::repeat::{Repeat, scenario};
use super::{Failure, output};
use crate::analysis::curve::curve;
use crate::analysis::price::{Price, Pricing};
use crate::cli::{PageFormat, Shown};
use crate::report::document::Page;
use crate::report::markdown::Charts;
use crate::report::pages::{self, Extra};
use crate::report::{View, csv, html, json, junit, markdown, plots, terminal};
use crate::scenario::{Catalogue, Document};

/// A result in each of its forms, none of which is made before it is asked for.
pub struct Result<'a> {
    /// For a terminal.
    pub terminal: &'a dyn Fn() -> String,
    /// For programs.
    pub json: &'a dyn Fn() -> Value,
    /// For all others.
    pub page: &'a dyn Fn() -> Page,
}

/// Prints a result as asked for, and writes its report where one is asked for.
pub fn show(options: &Shown, result: &Result<'_>) -> std::result::Result<(), Failure> {
    match options.format {
        PageFormat::Terminal => output::print(&(result.terminal)())?,
        PageFormat::Json => output::print_json(&(result.json)())?,
        PageFormat::Csv => output::print_plain(&csv::main(&(result.page)()))?,
        PageFormat::Markdown => output::print_plain(&markdown::report(&(result.page)(), Charts::LeftOut))?,
    }
    write(options.report.as_deref(), options.quiet, result.page, result.json, Vec::new())
}

/// Writes the report where one is asked for. `own` are files in a form of their own, in place of those made of the page.
pub fn write(
    folder: Option<&Path>,
    quiet: bool,
    page: &dyn Fn() -> Page,
    json: &dyn Fn() -> Value,
    own: Vec<(String, Vec<u8>)>,
) -> std::result::Result<(), Failure> {
    let Some(folder) = folder else { return Ok(()) };
    let page = page();
    let mut files = files(&page, &json())?;
    files.retain(|(name, _)| own.iter().all(|(other, _)| other != name));
    files.extend(own);
    let written = folder::replace(folder, &page.name, files)?;
    if !quiet {
        output::complain(&format!("report written: {}", written.join("report.html").display()));
    }
    Ok(())
}

/// Shows what `estimate` and `simulate` found.
pub fn show_view(
    options: &Shown,
    view: &View<'_>,
    document: &Document,
    repeat: &Repeat,
) -> std::result::Result<(), Failure> {
    let terminal = || view.metrics.map_or_else(|| terminal::estimate(view), |found| terminal::simulation(view, found));
    let page = || {
        let price = view.assessment.price.clone().or_else(|| price(document, view.assessment.scenario.simulation.seed));
        let curve = curve(view.assessment);
        pages::result(view, Extra { curve, price, origin: repeat.origin(&[document]) })
    };
    show(options, &Result { terminal: &terminal, json: &|| json::result(view), page: &page })
}

/// What the servers cost on the example catalogue, which stands in where none was asked for.
fn price(document: &Document, seed: u64) -> Option<Price> {
    let example = Catalogue::example().ok()?;
    Price::of(&Pricing::of(document, &example), &example, seed).ok()?
}

/// All files of a report: names and contents.
fn files(page: &Page, json: &Value) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let text = serde_json::to_string_pretty(json).context("the result can't be put into JSON")? + "\n";
    let mut files = vec![
        ("report.html".to_owned(), html::report(page)?.into_bytes()),
        ("report.md".to_owned(), markdown::report(page, Charts::Beside).into_bytes()),
        ("report.json".to_owned(), text.into_bytes()),
    ];
    files.extend(junit::report(page).map(|text| ("junit.xml".to_owned(), text.into_bytes())));
    let tables = page.tables().into_iter().chain(&page.data).filter(|table| !table.rows.is_empty());
    files.extend(tables.map(|table| (format!("{}.csv", table.file), csv::table(table).into_bytes())));
    let scenarios = page.origin.iter().flat_map(|origin| &origin.scenarios);
    files.extend(scenarios.map(|(name, text)| (name.clone(), text.clone().into_bytes())));
    let drawn: Vec<_> = page
        .charts()
        .into_par_iter()
        .map(|chart| Ok((chart.file.clone(), plots::svg(chart)?.text, plots::png(chart)?)))
        .collect::<std::result::Result<_, plots::PlotError>>()?;
    for (name, svg, png) in drawn {
        files.push((format!("{name}.svg"), svg.into_bytes()));
        files.push((format!("{name}.png"), png));
    }
    Ok(files)
}

/// The last name of a path: a report says nothing of the machine it was made on.
pub fn file_name(path: &str) -> String {
    Path::new(path).file_name().map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned())
}
