//! A real server and its driver on this machine, for `calibrate` and `validate`.
//!
//! The server is a `plimsoll serve` of its own, a process on the first cores; the driver runs in this process, on the core
//! after them. A [`Variant`] is a scenario with changes, which server, driver and model all read in the same way. A
//! [`Run`] of it is started from nothing, measured and ended, so that no run depends on an earlier one.

mod cores;
mod server;

use std::fs;
use std::io::{IsTerminal as _, stderr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use super::{Failure, input, interrupt};
use crate::cli::Input;
use crate::live::driver::{DriveError, DriveResult, Options, Plan, Progress, Watch, Watched, drive};
use crate::live::probe::Loopback;
use crate::metrics::Observation;
use crate::scenario::{Document, Scenario};
use crate::stats::Estimate;
use crate::validate::Noise;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

pub use cores::Cores;
use server::Server;

/// Seconds that the driver waits at most for what is still to come.
const DRAIN: f64 = 3.0;

/// A scenario with changes.
#[derive(Debug, Clone)]
pub struct Variant {
    file: String,
    users: Option<String>,
    seed: Option<String>,
    set: Vec<String>,
}

impl Variant {
    /// The scenario that the command line names.
    pub fn of(input: &Input) -> Self {
        Self {
            file: input.scenario.clone(),
            users: input.users.clone(),
            seed: input.seed.clone(),
            set: input.set.clone(),
        }
    }

    /// The scenario of a file.
    pub fn file(path: &Path) -> Self {
        Self { file: path.display().to_string(), users: None, seed: None, set: Vec::new() }
    }

    /// The same with another value of a key.
    #[must_use]
    pub fn with(mut self, path: &str, value: impl std::fmt::Display) -> Self {
        match path {
            "users" => self.users = Some(value.to_string()),
            "simulation.seed" => self.seed = Some(value.to_string()),
            _ => self.set.push(format!("{path}={value}")),
        }
        self
    }

    /// What it comes to.
    pub fn resolve(&self) -> Result<(Document, Scenario), Failure> {
        let (scenario, users, set, seed) = (self.file.clone(), self.users.clone(), self.set.clone(), self.seed.clone());
        let document = input::document(&Input { scenario, users, set, seed })?;
        let scenario = document.resolve()?;
        Ok((document, scenario))
    }

    /// As arguments of a command.
    fn arguments(&self) -> Vec<String> {
        let mut all = vec![self.file.clone()];
        let mut option = |name: &str, value: &str| all.extend([name.to_owned(), value.to_owned()]);
        if let Some(users) = &self.users {
            option("--users", users);
        }
        if let Some(seed) = &self.seed {
            option("--seed", seed);
        }
        for set in &self.set {
            option("--set", set);
        }
        all
    }
}

/// How a variant is run.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Seconds of load before what is measured.
    pub warm_up: f64,
    /// Seconds measured.
    pub seconds: f64,
    /// Seed of the driver's random streams.
    pub seed: u64,
    /// Whether the intended times are kept.
    pub record: bool,
    /// A closed loop with so many messages of a connection under way, instead of the scenario's rate.
    pub in_flight: Option<u32>,
    /// Whether it takes several processes, on all cores: server and driver then have none of their own.
    pub crowd: bool,
}

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    /// What driver and machine saw of the server, in the time measured.
    pub seen: Observation,
    /// What disturbed it.
    pub noise: Noise,
    /// The driver's result.
    pub drove: DriveResult,
    /// Cores of CPU time that the server took in the time measured.
    pub cores_busy: f64,
    /// Memory of the server's processes with all connections open and nothing sent yet, in bytes.
    pub memory_bytes: f64,
    /// Memory that the kernel holds for the server's ends of the connections, in bytes: half of what both ends take. Not where
    /// there are few.
    pub kernel_bytes: Option<f64>,
    /// What other programs sent over loopback shortly before and after, as a share of all. The wire's bytes are left out
    /// where it is more than [`FOREIGN`].
    pub foreign_share: f64,
    /// Connection attempts a second, in the time measured.
    pub connects_per_second: f64,
}

/// The machine, set up to run servers.
#[derive(Debug)]
pub struct Rig {
    cores: Cores,
    folder: PathBuf,
    line: ProgressBar,
}

impl Rig {
    /// For servers of so many cores; fewer where the machine has no more, as the driver needs one for itself.
    pub fn new(cores: u32, quiet: bool) -> Result<Self, Failure> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("plimsoll-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("`{}` can't be made", folder.display()))?;
        let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if !quiet && stderr().is_terminal() {
            line.set_draw_target(ProgressDrawTarget::stderr());
        }
        if let Ok(style) = ProgressStyle::with_template("{elapsed}  {msg}") {
            line.set_style(style);
        }
        Ok(Self { cores: Cores::shared_out(cores)?, folder, line })
    }

    /// Says on a terminal what is being done.
    pub fn say(&self, what: &str) {
        self.line.set_message(what.to_owned());
        self.line.tick();
    }

    /// Cores that the server has.
    pub fn server_cores(&self) -> u32 {
        self.cores.server.len() as u32
    }

    /// Whether server and driver have to share a core, which makes all that is measured doubtful.
    pub fn is_cramped(&self) -> bool {
        self.cores.is_cramped()
    }

    /// A folder for files of this run, which goes with it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts a server, drives it and ends it.
    pub fn run(&self, variant: &Variant, how: Run) -> Result<Ran, Failure> {
        let (_, scenario) = variant.resolve()?;
        let logs = self.folder.join("log");
        // What the server draws is as independent from run to run as what the driver draws.
        let mut arguments = variant.clone().with("simulation.seed", how.seed).arguments();
        if how.crowd {
            arguments.extend(["--workers", "auto"].map(str::to_owned));
        } else {
            arguments.extend(["--cpus".to_owned(), Cores::list(&self.cores.server)]);
        }
        if scenario.logs.is_some() {
            let folder = logs.display().to_string();
            // All files are kept, for their bytes are counted at the end.
            arguments.extend(["--log-dir", &folder, "--log-keep", "60000"].map(str::to_owned));
        }
        let server = Server::start(&arguments)?;
        let before = foreign();
        let options = Options {
            urls: server.urls.clone(),
            duration: how.seconds,
            warm_up: how.warm_up,
            drain: DRAIN,
            cpus: if how.crowd { Vec::new() } else { vec![self.cores.driver] },
            watch: server.pids.clone(),
            record: how.record,
            in_flight: how.in_flight,
            ..Options::default()
        };
        let mut plan = Plan::of(&scenario, &options)?;
        plan.seed = how.seed;
        let drove = drive(&plan, &Looker).map_err(|error| match error {
            DriveError::Interrupted => Failure::Interrupted,
            error => Failure::Runtime(error.into()),
        })?;
        let served = server.end()?["totals"].take();
        let foreign = before.max(foreign());
        if !drove.complete {
            return Err(Failure::Interrupted);
        }
        let log_bytes = if scenario.logs.is_some() { Some(emptied(&logs)?) } else { None };
        let mean = scenario.servers.cpu.per_message.mean();
        Ok(self.ran(how, drove, &served, log_bytes, foreign, mean))
    }

    fn ran(
        &self,
        how: Run,
        drove: DriveResult,
        served: &Value,
        log_bytes: Option<u64>,
        foreign: f64,
        mean_work: f64,
    ) -> Ran {
        let watched = drove.watched.as_ref();
        let cores = f64::from(self.server_cores());
        let mut seen = drove.observation(cores);
        let cores_busy = watched.map_or(0.0, |watched| watched.cpu_seconds / watched.duration_seconds);
        // A server that is always busy is the limit, however late that makes the driver.
        let is_full = cores_busy >= FULL * cores;
        seen.memory_per_connection_bytes = watched.and_then(|watched| memory(&drove, watched));
        // Random work came out a little longer or shorter than it is on average.
        let messages = served["messages_in"].as_f64().unwrap_or(0.0);
        let work = served["work_seconds"].as_f64().unwrap_or(0.0);
        if work > 0.0 && messages > 0.0 {
            at_mean_work(&mut seen, work / messages - mean_work, cores, is_full);
        }
        if is_full && let Some(watched) = watched {
            // Other programs had its cores for a part of the time.
            let waited = watched.waited_seconds / (watched.duration_seconds * cores);
            more_done(&mut seen, 1.0 / (1.0 - waited.min(0.5)));
        }
        // The files hold warm-up and drain too: each message has as much of them as any other.
        let logged = Some(messages).filter(|messages| *messages > 0.0);
        let wire = seen.wire_bytes_per_second.map_or(0.0, |wire| wire.value);
        let foreign_share = if foreign > 0.0 { foreign / wire.max(foreign) } else { 0.0 };
        if foreign_share > FOREIGN {
            seen.wire_bytes_per_second = None;
        }
        let served = match drove.messages.answered {
            // Those that were to be sent in the time measured, and no others.
            Some(answered) if !is_full => Some(Estimate::exact(answered as f64 / drove.seconds)),
            _ => seen.messages_in_per_second,
        };
        seen.log_bytes_per_hour = log_bytes
            .zip(logged)
            .zip(served)
            .map(|((bytes, messages), rate)| rate.scaled(bytes as f64 / messages * SECONDS_PER_HOUR));
        let again = drove.connections.attempts.saturating_sub(drove.connections.wanted) as f64;
        Ran {
            noise: Noise {
                steal_share: watched.map(|watched| watched.steal_share),
                waited_share: watched.map(|watched| watched.waited_seconds / watched.duration_seconds),
                driver_late_share: drove.driver.late_share.filter(|_| !is_full),
                driver_limited: drove.driver_limited && !is_full || self.is_cramped(),
                repeat_spread: None,
            },
            cores_busy,
            memory_bytes: watched.map_or(0.0, |watched| watched.memory_bytes.connected as f64),
            kernel_bytes: watched.filter(|_| drove.connections.at_start as f64 >= MANY).map(|watched| {
                watched.kernel_bytes.connected.saturating_sub(watched.kernel_bytes.unconnected) as f64 / 2.0
            }),
            foreign_share,
            connects_per_second: again / (how.warm_up + how.seconds),
            seen,
            drove,
        }
    }
}

const SECONDS_PER_HOUR: f64 = 3_600.0;

/// Share of its cores' time from which a server counts as always busy.
const FULL: f64 = 0.97;
/// Connections from which a server's memory is told from what its threads take when they begin to work.
const MANY: f64 = 1_000.0;

/// What would have been seen, had each message got `more` seconds less work. A server with time to spare is busy for less;
/// one that is always busy, and so is done with c/s messages a second where one takes s on c cores, gets more done.
fn at_mean_work(seen: &mut Observation, more: f64, cores: f64, is_full: bool) {
    let Some(rate) = seen.messages_in_per_second else { return };
    let share = rate.value * more / cores;
    if is_full {
        more_done(seen, 1.0 / (1.0 - share));
    } else {
        seen.cpu_busy = seen.cpu_busy.map(|busy| Estimate::exact(busy.value - share));
    }
}

/// What a server that is always busy gets done in this many times the time.
fn more_done(seen: &mut Observation, factor: f64) {
    for rate in [&mut seen.messages_in_per_second, &mut seen.messages_out_per_second] {
        *rate = rate.map(|rate| rate.scaled(factor));
    }
}

/// Memory of a connection on which nothing is under way.
fn memory(drove: &DriveResult, watched: &Watched) -> Option<Estimate> {
    let open = drove.connections.at_start as f64;
    let taken = watched.memory_bytes.connected.saturating_sub(watched.memory_bytes.unconnected) as f64;
    (open >= MANY).then(|| Estimate::exact(taken / open))
}

/// What other programs may send over loopback, as a share of all, before its counter says nothing of the server.
pub const FOREIGN: f64 = 0.005;
/// How long is looked for that.
const LOOK: Duration = Duration::from_millis(50);

/// Bytes a second over loopback while neither server nor driver sends.
fn foreign() -> f64 {
    let before = Loopback::now();
    std::thread::sleep(LOOK);
    let bytes = before.zip(Loopback::now()).map_or(0, |(before, now)| now.bytes.saturating_sub(before.bytes));
    bytes as f64 / LOOK.as_secs_f64()
}

/// Bytes of the files in a folder, which is emptied.
fn emptied(folder: &Path) -> Result<u64, Failure> {
    let wrong = || format!("the server's log in `{}` can't be read", folder.display());
    let mut bytes = 0;
    for file in fs::read_dir(folder).with_context(wrong)? {
        let file = file.with_context(wrong)?;
        bytes += file.metadata().with_context(wrong)?.len();
        fs::remove_file(file.path()).with_context(wrong)?;
    }
    Ok(bytes)
}

/// Passes Ctrl-C on.
struct Looker;

impl Watch for Looker {
    fn progress(&self, _: &Progress) {}

    fn stop(&self) -> bool {
        interrupt::asked()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.line.finish_and_clear();
        // What can't be removed is left to the system's own cleaning.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
