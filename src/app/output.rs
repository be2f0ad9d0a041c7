//! Standard output and standard error: what goes there, how wide, and in which colour.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};

use anstream::ColorChoice;
use anyhow::Context as _;
use clap::ValueEnum as _;

use super::Failure;
use crate::cli::Color;
use crate::report::{paint, width};

/// Looks where the output goes: colour there, and how wide it is.
pub fn set_up(color: Color) {
    match color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    }
    .write_global();
    if let Some(columns) = width() {
        width::set_width(columns);
    }
}

/// What a person wants of colour, for help and usage errors.
pub fn clap_choice(color: Color) -> clap::ColorChoice {
    match color {
        Color::Auto => clap::ColorChoice::Auto,
        Color::Always => clap::ColorChoice::Always,
        Color::Never => clap::ColorChoice::Never,
    }
}

/// What the command line says of colour, before it is known to be right: usage errors and help have colour too.
pub fn color_of(arguments: impl Iterator<Item = OsString>) -> Color {
    let words: Vec<String> = arguments.map(|word| word.to_string_lossy().into_owned()).collect();
    let said = words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix("--color") {
        Some("") => words.get(at + 1).map(String::as_str),
        Some(value) => value.strip_prefix('='),
        None => None,
    });
    said.and_then(|word| Color::from_str(word, false).ok()).unwrap_or(Color::Auto)
}

/// How wide the terminal is that standard output goes to, if it goes to one.
fn width() -> Option<u16> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    terminal_size::terminal_size_of(out).map(|(columns, _)| columns.0).filter(|columns| *columns > 0)
}

/// Writes a report for people to standard output.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    let fitted = width().map(|columns| width::fit(text, columns));
    let painted = paint::report(fitted.as_deref().unwrap_or(text));
    written(out.write_all(painted.as_bytes()).and_then(|()| out.flush()))
}

/// Writes what is not for people alone to standard output, as it is.
pub fn print_plain(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

fn written(done: io::Result<()>) -> Result<(), Failure> {
    match done {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::ClosedPipe),
        Err(error) => Err(anyhow::Error::from(error).context("the result can't be written").into()),
    }
}

/// Writes JSON to standard output.
pub fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).context("the result can't be put into JSON")?;
    print_plain(&(text + "\n"))
}

/// Writes a message to standard error. If nobody reads that either, there is no one to tell.
pub fn complain(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{}", paint::message(text));
}
