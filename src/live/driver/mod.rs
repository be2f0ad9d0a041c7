//! The driver: real connections to a WebSocket server, with the load of a scenario's users on them.
//!
//! A `plan` is the users' part of a scenario. The load is open: a `schedule` says when each message is meant to be sent, and
//! latency runs from that moment, so a server that stands still can't hold back the messages that would show it
//! (coordinated omission). Each thread (`worker`) has a stretch of the connections, a descriptor table of its own where one
//! is too small, and its own `tally`; `result` adds these up. What makes the driver itself the limit is measured and said:
//! such a result is not the server's.

mod audience;
mod connection;
mod frame;
mod ledger;
mod letters;
mod plan;
mod result;
mod schedule;
mod shared;
mod socket;
mod tally;
mod target;
mod tls;
mod upgrade;
mod watched;
mod worker;

use std::io;
use std::num::NonZeroU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub use plan::{Options, Pace, Plan};
pub use result::{Deliveries, DriveResult, DriverFigures, Limited, Messages, Quantiles};
use shared::Shared;
use socket::now;
pub use tally::Connections;
use watched::Watcher;
pub use watched::{Moments, Watched};
use worker::{Outcome, Worker};

/// Why a server can't be driven.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The name of a host has no address.
    #[error("the address of `{0}` can't be found: {1}")]
    Host(String, String),
    /// Nobody listens.
    #[error("there is no server at {0}: {1} (is it running, and is that its port?)")]
    Unreachable(String, String),
    /// What answers is something else.
    #[error("{0} is no WebSocket server: {1}")]
    NotWebSocket(String, String),
    /// It breaks the protocol.
    #[error("the server doesn't keep to the WebSocket protocol: {0}")]
    Protocol(&'static str),
    /// Encryption can't be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(String),
    /// More connections than descriptors.
    #[error(
        "too few file descriptors: {connections} connections on {threads} threads need {needed} on each, and there are {have} (raise `ulimit -n`, or leave out `--threads`: each thread has a table of its own)"
    )]
    Descriptors {
        /// Connections asked for.
        connections: u32,
        /// Threads that share them.
        threads: u32,
        /// Descriptors that a thread needs.
        needed: u64,
        /// Descriptors that it may have.
        have: u64,
    },
    /// More connections than ports.
    #[error("there are no local ports left for {0}: use more `--sources`, or more servers")]
    Ports(String),
    /// Local addresses are only known of this machine.
    #[error("`--sources` is for servers on 127.0.0.0/8 only")]
    Sources,
    /// A core that is not there.
    #[error("core {0} can't be used: {1}")]
    Core(usize, io::Error),
    /// The kernel refuses what the driver needs.
    #[error("the driver can't go on: {0}")]
    Poll(io::Error),
    /// A process to watch that is not there, or no longer.
    #[error("process {0} can't be watched: there is none of this number, or it ended during the run")]
    Process(u32),
    /// No `/proc` as Linux has it.
    #[error("the machine's counters can't be read: watching processes needs Linux's /proc/net and /proc/stat")]
    Counters,
    /// Stopped before anything was measured.
    #[error("interrupted before anything was measured")]
    Interrupted,
}

/// Who looks on while it runs.
pub trait Watch: Sync {
    /// About once a second.
    fn progress(&self, progress: &Progress);
    /// Whether to end early.
    fn stop(&self) -> bool;
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Progress {
    /// Open connections.
    pub open: u64,
    /// Connections asked for.
    pub wanted: u64,
    /// Messages sent a second, of late.
    pub sent_per_second: f64,
    /// Messages received a second, of late.
    pub received_per_second: f64,
    /// The 99th percentile of latency, of late, in seconds.
    pub p99: Option<f64>,
    /// The longest that a message was sent after its time, of late, in seconds.
    pub lateness: f64,
    /// Seconds since sending began; `None` while connections are made.
    pub running: Option<f64>,
}

/// All threads begin at this moment after the last of them is ready, in ns.
const RUN_UP: u64 = 20_000_000;
/// How often the threads are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often progress is told, in ns.
const TELL_EVERY: u64 = 1_000_000_000;

/// Drives the servers of a plan.
///
/// # Errors
/// When there is no WebSocket server, or this machine hasn't what it takes.
pub fn drive(plan: &Plan, watch: &dyn Watch) -> Result<DriveResult, DriveError> {
    let shared = Shared::new(plan)?;
    let mut watcher = Watcher::new(plan)?;
    let began = now();
    let (outcomes, looked) = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..shared.workers)
            .map(|number| {
                let shared = &shared;
                scope.spawn(move || {
                    let outcome = work(shared, number);
                    if outcome.is_err() {
                        shared.stop.store(true, Ordering::Relaxed);
                    }
                    outcome
                })
            })
            .collect();
        let mut teller = Teller::new();
        let mut looked = Ok(());
        while !threads.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            let next = watcher.next(shared.start.load(Ordering::Relaxed));
            let left = next.map_or(LOOK_EVERY, |next| Duration::from_nanos(next.saturating_sub(now())));
            std::thread::sleep(left.min(LOOK_EVERY));
            let is_ready = shared.settled.load(Ordering::Relaxed) == threads.len();
            let is_over = shared.stop.load(Ordering::Relaxed) || watch.stop();
            looked = looked.and_then(|()| watcher.follow(is_ready, shared.start.load(Ordering::Relaxed), is_over));
            if watcher.is_done() {
                shared.looked.store(true, Ordering::Relaxed);
            }
            if is_ready && shared.start.load(Ordering::Relaxed) == 0 {
                shared.start.store(now() + RUN_UP, Ordering::Relaxed);
            }
            if watch.stop() || looked.is_err() {
                shared.stop.store(true, Ordering::Relaxed);
            }
            teller.tell(&shared, watch);
        }
        // The end may have come between two looks.
        looked = looked.and_then(|()| watcher.follow(true, shared.start.load(Ordering::Relaxed), true));
        let outcomes =
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        (outcomes.collect::<Vec<_>>(), looked)
    });
    let outcomes = outcomes.into_iter().collect::<Result<Vec<Outcome>, _>>()?;
    // Ctrl-C may have ended the servers too.
    if !watch.stop() {
        looked?;
    }
    Ok(DriveResult { watched: watcher.watched(), ..result::of(&shared, outcomes, began, watch.stop())? })
}

/// One thread.
fn work(shared: &Shared<'_>, number: u32) -> Result<Outcome, DriveError> {
    if shared.workers > 1 {
        // A descriptor table of its own, before there is anything in it that would be shared: every socket of a thread is
        // made, used and closed by that thread. So descriptors are limited for each thread and not for all together.
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_FILES).map_err(|error| DriveError::Poll(error.into()))?;
    }
    if !shared.plan.cpus.is_empty() {
        let core = shared.plan.cpus[number as usize % shared.plan.cpus.len()];
        pin(core).map_err(|error| DriveError::Core(core, error))?;
    }
    if !shared.spin {
        // Else the kernel may let a thread sleep 50 us longer, to wake several at once; where it won't, it is late by that.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
    }
    Worker::new(shared, number)?.run()
}

/// Keeps this thread on one core.
fn pin(core: usize) -> io::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    if core >= rustix::thread::CpuSet::MAX_CPU {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    set.set(core);
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

/// Tells of the progress once a second.
struct Teller {
    last: u64,
    sent: u64,
    received: u64,
}

impl Teller {
    fn new() -> Self {
        Self { last: now(), sent: 0, received: 0 }
    }

    fn tell(&mut self, shared: &Shared<'_>, watch: &dyn Watch) {
        let moment = now();
        if moment < self.last + TELL_EVERY {
            return;
        }
        let (mut open, mut sent, mut received) = (0, 0, 0);
        let mut recent = shared::Recent::default();
        for pulse in &shared.pulses {
            let counts = pulse.counts();
            open += counts.0;
            sent += counts.1;
            received += counts.2;
            let more = pulse.take_recent();
            recent.latency.merge(&more.latency);
            recent.lateness = recent.lateness.max(more.lateness);
        }
        let seconds = (moment - self.last) as f64 / 1e9;
        let start = shared.start.load(Ordering::Relaxed);
        watch.progress(&Progress {
            open,
            wanted: u64::from(shared.plan.connections),
            sent_per_second: (sent - self.sent) as f64 / seconds,
            received_per_second: (received - self.received) as f64 / seconds,
            p99: recent.latency.quantile(0.99).map(|ns| ns / 1e9),
            lateness: recent.lateness as f64 / 1e9,
            running: (start != 0).then(|| moment.saturating_sub(start) as f64 / 1e9),
        });
        (self.last, self.sent, self.received) = (moment, sent, received);
    }
}
