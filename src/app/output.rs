//! Standard output and standard error.

use std::io::{self, Write};

use anyhow::Context as _;

use super::Failure;

/// Writes a result to standard output.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::ClosedPipe),
        Err(error) => Err(anyhow::Error::from(error).context("the result can't be written").into()),
    }
}

/// Writes JSON to standard output.
pub fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).context("the result can't be put into JSON")?;
    print(&(text + "\n"))
}

/// Writes a message to standard error. If nobody reads that either, there is no one to tell.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
