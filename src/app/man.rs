//! `plimsoll man`.

use std::fs;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_mangen::Man as Page;

use super::{Failure, output};
use crate::cli::{Cli, Man};

/// Prints the manual page of the program, or writes those of all commands to a folder.
pub fn run(options: &Man) -> Result<(), Failure> {
    let Some(folder) = &options.out else {
        let mut text = Vec::new();
        Page::new(Cli::command()).render(&mut text).context("the page can't be made")?;
        return output::print_plain(&String::from_utf8_lossy(&text));
    };
    let shown = folder.display();
    fs::create_dir_all(folder).with_context(|| format!("the folder `{shown}` can't be made"))?;
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("the pages can't be written to `{shown}`"))?;
    output::print(&format!("Wrote the pages to {shown}. Next: man {shown}/plimsoll.1\n"))
}
