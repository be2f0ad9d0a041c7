//! The file that a sweep writes its points to as they finish: JSON, one line each, after a line that says of which sweep.
//!
//! A line is written at once and never changed, so whatever ends the program, what was finished is there; at most the last
//! line is a part of one, and is cut off when the sweep goes on.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Failure;
use super::grid::{Grid, Part};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::report::VERSION;
use crate::report::sweep::{Finished, Row};

/// The first line: which sweep this is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Header {
    /// Says what the file is.
    plimsoll_sweep: String,
    /// The scenario's name.
    scenario: String,
    /// The scenario's hash, before anything is varied.
    hash: String,
    seed: u64,
    /// Closed form only.
    estimate: bool,
    /// What is varied.
    pub grid: Grid,
    /// Of a sweep in parts: which one this is.
    pub part: Part,
}

/// A line: a point that is finished.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    point: usize,
    vary: Value,
    result: Value,
    row: Row,
}

/// What a file holds.
#[derive(Debug)]
pub struct Content {
    /// Its first line.
    pub header: Header,
    /// Its points, by number.
    pub points: Vec<(usize, Finished)>,
    /// Bytes up to where the last whole line ends.
    length: usize,
}

/// The file, open to be written to.
#[derive(Debug)]
pub struct Ledger {
    path: String,
    /// Nothing once writing has failed: more would go behind half a line.
    state: Mutex<Result<File, Option<anyhow::Error>>>,
}

impl Header {
    /// Of a sweep of this scenario.
    pub fn new(scenario: &str, hash: String, seed: u64, estimate: bool, grid: Grid, part: Part) -> Self {
        Self { plimsoll_sweep: VERSION.to_owned(), scenario: scenario.to_owned(), hash, seed, estimate, grid, part }
    }

    /// What makes another sweep's points no points of this one, told as `other` and then this.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let kind = |estimate: bool| if estimate { "estimates" } else { "simulations" }.to_owned();
        let figures = [
            ("program version", other.plimsoll_sweep.clone(), self.plimsoll_sweep.clone()),
            ("scenario", other.scenario.clone(), self.scenario.clone()),
            ("scenario hash", other.hash.clone(), self.hash.clone()),
            ("seed", other.seed.to_string(), self.seed.to_string()),
            ("points are", kind(other.estimate), kind(self.estimate)),
            ("varied", other.grid.to_string(), self.grid.to_string()),
        ];
        figures
            .into_iter()
            .filter(|(_, there, here)| there != here)
            .map(|(what, there, here)| format!("{what} {there} there, {here} here"))
            .collect()
    }
}

/// What is in a file. Half a last line counts as not there; everything else that is wrong is an error.
pub fn read(path: &str) -> Result<Option<Content>, Failure> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(anyhow::Error::from(error).context(format!("`{path}` can't be read")).into()),
    };
    let wrong = |line: usize| {
        let error = Diagnostic::new(format!("line {line} of `{path}` is not what `plimsoll sweep --out` writes"));
        Failure::from(Diagnostics::from(
            error.help("check that this is the right file, and that nothing else wrote to it"),
        ))
    };
    let length = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let mut lines = text[..length].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate();
    // Not even the first line was finished.
    let Some((_, first)) = lines.next() else {
        return if text.is_empty() || text.starts_with(b"{\"plimsoll_sweep\"") { Ok(None) } else { Err(wrong(1)) };
    };
    let header: Header = serde_json::from_slice(first).map_err(|_| wrong(1))?;
    let mut points: Vec<(usize, Finished)> = Vec::new();
    let mut seen = vec![false; header.grid.len().ok_or_else(|| wrong(1))?];
    for (number, line) in lines {
        let Line { point, result, row, .. } = serde_json::from_slice(line).map_err(|_| wrong(number + 1))?;
        match seen.get_mut(point) {
            Some(seen) if !*seen && header.part.has(point) => *seen = true,
            _ => return Err(wrong(number + 1)),
        }
        points.push((point, Finished { vary: header.grid.at(point), result, row }));
    }
    Ok(Some(Content { header, points, length }))
}

impl Ledger {
    /// Starts a file, or goes on with one: then what it holds comes with it.
    pub fn open(path: &str, header: &Header, resume: bool) -> Result<(Self, Vec<(usize, Finished)>), Failure> {
        let exists = fs::metadata(path).ok();
        // A device or a pipe holds nothing to go on with.
        let plain = exists.as_ref().is_none_or(fs::Metadata::is_file);
        if exists.as_ref().is_some_and(fs::Metadata::is_dir) {
            let error = Diagnostic::new(format!("`{path}` is a folder")).help("name a file in it");
            return Err(Diagnostics::from(error).into());
        }
        if exists.is_some() && plain && !resume {
            let error = Diagnostic::new(format!("there is already a file `{path}`"));
            return Err(Diagnostics::from(error.help("go on with it (`--resume`), or choose another name")).into());
        }
        let cant = || format!("`{path}` can't be written");
        let mut open = OpenOptions::new();
        open.create(plain).append(plain).write(true);
        let mut file = open.open(path).with_context(cant)?;
        if plain && matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            let error = Diagnostic::new(format!("another run is writing to `{path}`"));
            return Err(Diagnostics::from(error.help("wait until it ends, or choose another name")).into());
        }
        let content = if plain { read(path)? } else { None };
        let Some(content) = content else {
            if plain {
                file.set_len(0).with_context(cant)?;
            }
            let line = serde_json::to_string(header).context("the sweep can't be put into JSON")?;
            file.write_all((line + "\n").as_bytes()).with_context(cant)?;
            return Ok((Self { path: path.to_owned(), state: Mutex::new(Ok(file)) }, Vec::new()));
        };
        let mut differences = header.differences(&content.header);
        if content.header.part != header.part {
            differences.push(format!("{} there, {} here", content.header.part, header.part));
        }
        if !differences.is_empty() {
            let error = Diagnostic::new(format!("`{path}` is of another sweep: {}", differences.join("; ")));
            return Err(Diagnostics::from(error.help("repeat what it was begun with, or choose another name")).into());
        }
        file.set_len(content.length as u64).with_context(cant)?;
        Ok((Self { path: path.to_owned(), state: Mutex::new(Ok(file)) }, content.points))
    }

    /// Adds a point.
    pub fn add(&self, point: usize, finished: &Finished) {
        let line = Line { point, vary: finished.varied(), result: finished.result.clone(), row: finished.row.clone() };
        let written = serde_json::to_string(&line).map_err(io::Error::from);
        let mut state = self.state();
        if let Ok(file) = &mut *state
            && let Err(error) = written.and_then(|line| file.write_all((line + "\n").as_bytes()))
        {
            *state = Err(Some(anyhow::Error::from(error).context(format!("`{}` can't be written", self.path))));
        }
    }

    /// Whether writing has failed.
    pub fn failed(&self) -> bool {
        self.state().is_err()
    }

    /// Why writing failed, if it did.
    pub fn close(self) -> Result<(), Failure> {
        match self.state.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Err(Some(error)) => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, Result<File, Option<anyhow::Error>>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether there is anything at this path.
pub fn is_there(path: &str) -> bool {
    Path::new(path).exists()
}
