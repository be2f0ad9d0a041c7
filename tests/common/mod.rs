//! Running the program as a person does.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod outcome;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How the program ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Ended {
    /// Fails unless all went well.
    #[track_caller]
    pub fn well(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", self.stdout, self.stderr))
    }
}

/// The program, which doesn't see the terminal of whoever runs the tests.
pub fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    program.stdin(Stdio::null());
    for name in ["COLUMNS", "LINES", "CLICOLOR_FORCE", "NO_COLOR", "RUST_BACKTRACE"] {
        program.env_remove(name);
    }
    program
}

/// Runs the program in a folder.
pub fn run_in<S: AsRef<std::ffi::OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = S>) -> Ended {
    let start = now();
    let output = program().current_dir(folder).args(arguments).output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        took: start.elapsed(),
    }
}

/// Runs the program where the project is, so that `scenarios/…` is found.
pub fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ended {
    run_in(home(), arguments)
}

/// The clock on the wall, to see that the program ends at all.
pub fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "no result depends on it")]
    Instant::now()
}

/// The project's folder.
pub fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A new, empty folder.
pub fn folder() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}-{}-{number}", env!("CARGO_CRATE_NAME"), std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // Left by an earlier run with the same process id.
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A scenario file of this text in a folder of its own.
pub fn scenario(text: &str) -> PathBuf {
    let file = folder().join("x.yaml");
    fs::write(&file, text).unwrap();
    file
}

/// The shipped scenarios, from the project's folder: `scenarios/chat-10k.yaml` and so on.
pub fn shipped() -> Vec<String> {
    let mut files: Vec<String> = fs::read_dir(home().join("scenarios"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| format!("scenarios/{}", path.file_name().unwrap().to_string_lossy()))
        .collect();
    files.sort();
    assert!(files.len() > 1, "{files:?}");
    files
}

/// README.md and all of docs/, from the project's folder.
pub fn documents() -> Vec<String> {
    let mut documents: Vec<String> = fs::read_dir(home().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| format!("docs/{}", path.file_name().unwrap().to_string_lossy()))
        .collect();
    documents.push("README.md".to_owned());
    documents.sort();
    assert!(documents.len() > 10, "{documents:?}");
    documents
}
