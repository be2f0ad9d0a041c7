//! A `plimsoll serve` as a child process.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::app::Failure;

/// A server that doesn't end within this after SIGTERM is killed.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often is looked whether it has.
const STEP: Duration = Duration::from_millis(2);

/// A server of this program's, which ends with this value.
#[derive(Debug)]
pub struct Server {
    child: Child,
    output: BufReader<ChildStdout>,
    /// Where it listens.
    pub urls: Vec<String>,
    /// The processes that serve.
    pub pids: Vec<u32>,
}

impl Server {
    /// Starts one with these arguments of `serve` and waits until it listens.
    pub fn start(arguments: &[String]) -> Result<Self, Failure> {
        let program = std::env::current_exe().context("this program's own file can't be found")?;
        let mut child = Command::new(program)
            .arg("serve")
            .args(arguments)
            .args(["--format", "json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("the server can't be started")?;
        let output = child.stdout.take().context("the server has no output")?;
        let mut server = Self { child, output: BufReader::new(output), urls: Vec::new(), pids: Vec::new() };
        let mut line = String::new();
        server.output.read_line(&mut line).context("the server can't be heard")?;
        let Ok(ready) = serde_json::from_str::<Value>(&line) else { return Err(server.failure()) };
        let list = |name: &str| ready[name].as_array().cloned().unwrap_or_default();
        server.urls = list("listening").iter().filter_map(|url| url.as_str().map(str::to_owned)).collect();
        server.pids = list("pids").iter().filter_map(|pid| u32::try_from(pid.as_u64()?).ok()).collect();
        Ok(server)
    }

    /// What it says of why it didn't start.
    fn failure(&mut self) -> Failure {
        let mut said = String::new();
        if let Some(errors) = &mut self.child.stderr {
            // What can't be read can't be told.
            let _ = errors.read_to_string(&mut said);
        }
        let said = said.trim().trim_start_matches("error: ");
        anyhow!("the server can't be started: {}", if said.is_empty() { "it says nothing of why" } else { said }).into()
    }

    /// Asks it to end, and gives back what it counted.
    pub fn end(mut self) -> Result<Value, Failure> {
        self.signal(Signal::TERM);
        let mut rest = String::new();
        let mut waited = Duration::ZERO;
        while self.child.try_wait().context("the server can't be waited for")?.is_none() {
            waited += STEP;
            if waited > PATIENCE {
                return Err(anyhow!("the server doesn't end within {} s", PATIENCE.as_secs()).into());
            }
            std::thread::sleep(STEP);
        }
        self.output.read_to_string(&mut rest).context("the server's totals can't be read")?;
        let last = rest.lines().last().unwrap_or_default();
        serde_json::from_str(last).context("the server doesn't say what it counted").map_err(Failure::from)
    }

    fn signal(&self, signal: Signal) {
        // One that is gone needs none.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}
