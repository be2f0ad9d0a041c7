//! `plimsoll line`.

use super::progress::Progress;
use super::reports::{Repeat, Result};
use super::simulate::threads;
use super::{Failure, input, interrupt, reports};
use crate::analysis::line::{Of, line};
use crate::cli::{Line, LineOf};
use crate::report::line::{LineView, json, terminal};
use crate::report::pages;

/// Finds the load line, and shows it.
pub fn run(options: &Line) -> std::result::Result<(), Failure> {
    let document = input::document(&options.input)?;
    let of = match options.of {
        LineOf::Users => Of::Users,
        LineOf::Messages => Of::Messages,
    };
    threads(options.threads)?;
    interrupt::listen();
    let progress = Progress::of_search(options.output.quiet);
    let found = line(&document, of, &progress);
    progress.finish();
    let found = found?;
    let hash = document.hash();
    let view = LineView { line: &found, hash: &hash };
    let repeat = Repeat::new("line", &options.input);
    let repeat = match of {
        Of::Users => repeat,
        Of::Messages => repeat.option("--of", Some(&"messages".to_owned())),
    };
    let result = Result {
        terminal: &|| terminal(&view),
        json: &|| json(&view),
        page: &|| pages::line(&view, repeat.origin(&[&document])),
    };
    reports::show(&options.output, &result)?;
    if found.line.is_none() { Err(Failure::Negative) } else { Ok(()) }
}
