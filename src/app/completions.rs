//! `plimsoll completions`.

use clap::CommandFactory as _;

use super::{Failure, output};
use crate::cli::{Cli, Completions};

/// Prints the completions of a shell.
pub fn run(options: &Completions) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "plimsoll", &mut text);
    output::print_plain(&String::from_utf8_lossy(&text))
}
