//! `plimsoll line`.

use super::progress::Progress;
use super::simulate::threads;
use super::{Failure, input, interrupt, output};
use crate::analysis::line::{Of, line};
use crate::cli::{Format, Line, LineOf};
use crate::report::line::{LineView, json, terminal};

/// Finds the load line, and shows it.
pub fn run(options: &Line) -> Result<(), Failure> {
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
    match options.output.format {
        Format::Terminal => output::print(&terminal(&view))?,
        Format::Json => output::print_json(&json(&view))?,
    }
    if found.line.is_none() { Err(Failure::Negative) } else { Ok(()) }
}
