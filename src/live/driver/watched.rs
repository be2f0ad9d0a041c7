//! What the servers' processes and the machine did while it was measured: looked at by the thread that looks after the
//! others, so that nothing is sent later for it. Each look has its own moment, and figures are over the time between.

use serde::{Deserialize, Serialize};

use super::DriveError;
use super::plan::Plan;
use super::socket::now;
use crate::live::probe::{Loopback, Sockets, Threads, Ticks, Usage, kernel_bytes};

/// What processes and machine did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// The processes.
    pub pids: Vec<u32>,
    /// Seconds from the look at the start of what was measured to the one at its end.
    pub duration_seconds: f64,
    /// Time that their threads ran meanwhile.
    pub cpu_seconds: f64,
    /// Time that their threads waited for a core which others had.
    pub waited_seconds: f64,
    /// How often their threads were put on a core meanwhile.
    pub context_switches: u64,
    /// Their memory, in bytes (resident, not shared with files).
    pub memory_bytes: Moments,
    /// Bytes over the loopback interface meanwhile, whoever sent them.
    pub loopback_bytes: u64,
    /// Packets, likewise.
    pub loopback_packets: u64,
    /// Clock ticks that the machine's host took meanwhile, over all cores.
    pub steal_ticks: u64,
    /// The same as a share of all ticks.
    pub steal_share: f64,
    /// Memory that the kernel holds in TCP's buffers, on the whole machine and so at both ends, in bytes.
    pub socket_buffer_bytes: Moments,
    /// Memory that the kernel holds for its own objects, sockets among them, likewise.
    pub kernel_bytes: Moments,
}

/// A figure at four moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moments {
    /// Before the driver connected.
    pub unconnected: u64,
    /// When every connection had its first attempt, and nothing had been sent.
    pub connected: u64,
    /// At the start of what was measured.
    pub at_start: u64,
    /// At its end.
    pub at_end: u64,
}

/// Takes the looks.
#[derive(Debug)]
pub struct Watcher<'a> {
    plan: &'a Plan,
    unconnected: Option<Look>,
    connected: Option<Look>,
    at_start: Option<Look>,
    at_end: Option<Look>,
}

#[derive(Debug)]
struct Look {
    at: u64,
    threads: Threads,
    memory_bytes: u64,
    loopback: Loopback,
    ticks: Ticks,
    sockets: Sockets,
    kernel_bytes: u64,
}

impl<'a> Watcher<'a> {
    /// Looks for the first time, before anything is connected.
    ///
    /// # Errors
    /// When a process isn't there.
    pub fn new(plan: &'a Plan) -> Result<Self, DriveError> {
        let mut watcher = Self { plan, unconnected: None, connected: None, at_start: None, at_end: None };
        if !plan.watch.is_empty() {
            watcher.unconnected = Some(watcher.look()?);
        }
        Ok(watcher)
    }

    /// Looks where it is time: `is_ready` once all have had their first attempt to connect, `start` when sending begins (0:
    /// not yet known), `is_over` when no more comes.
    ///
    /// # Errors
    /// When a process has ended.
    pub fn follow(&mut self, is_ready: bool, start: u64, is_over: bool) -> Result<(), DriveError> {
        if self.unconnected.is_none() {
            return Ok(());
        }
        if is_ready && self.connected.is_none() {
            self.connected = Some(self.look()?);
        }
        if start == 0 {
            return Ok(());
        }
        let (from, until) = self.plan.window(start);
        if self.at_start.is_none() && now() >= from {
            self.at_start = Some(self.look()?);
        } else if self.at_start.is_some() && self.at_end.is_none() && (is_over || now() >= until) {
            self.at_end = Some(self.look()?);
        }
        Ok(())
    }

    /// Whether all looks were taken.
    pub const fn is_done(&self) -> bool {
        self.unconnected.is_none() || self.at_end.is_some()
    }

    /// The next moment to look at, in ns.
    pub fn next(&self, start: u64) -> Option<u64> {
        let (from, until) = self.plan.window(start);
        match (&self.at_start, &self.at_end) {
            _ if start == 0 || self.unconnected.is_none() => None,
            (None, _) => Some(from),
            (_, None) => Some(until),
            _ => None,
        }
    }

    /// What came of it; `None` where nothing was to be watched, or it ended too early.
    pub fn watched(&self) -> Option<Watched> {
        let (unconnected, connected) = (self.unconnected.as_ref()?, self.connected.as_ref()?);
        let (start, end) = (self.at_start.as_ref()?, self.at_end.as_ref()?);
        let moments = |figure: fn(&Look) -> u64| Moments {
            unconnected: figure(unconnected),
            connected: figure(connected),
            at_start: figure(start),
            at_end: figure(end),
        };
        let did = end.threads.since(&start.threads);
        Some(Watched {
            pids: self.plan.watch.clone(),
            duration_seconds: (end.at - start.at) as f64 / 1e9,
            cpu_seconds: did.ran,
            waited_seconds: did.waited,
            context_switches: did.switches,
            memory_bytes: moments(|look| look.memory_bytes),
            loopback_bytes: end.loopback.bytes.saturating_sub(start.loopback.bytes),
            loopback_packets: end.loopback.packets.saturating_sub(start.loopback.packets),
            steal_ticks: end.ticks.steal.saturating_sub(start.ticks.steal),
            steal_share: end.ticks.steal_share_since(start.ticks),
            socket_buffer_bytes: moments(|look| look.sockets.buffer_bytes),
            kernel_bytes: moments(|look| look.kernel_bytes),
        })
    }

    fn look(&self) -> Result<Look, DriveError> {
        let pids = &self.plan.watch;
        let before = now();
        let Some(threads) = Threads::of_all(pids) else { return Err(self.lost()) };
        // The CPU time is what must fit its moment best.
        let at = u64::midpoint(before, now());
        let Some(usage) = Usage::of_all(pids) else { return Err(self.lost()) };
        let (loopback, ticks, sockets) = (Loopback::now(), Ticks::now(), Sockets::now());
        let (Some(loopback), Some(ticks), Some(sockets), Some(kernel_bytes)) =
            (loopback, ticks, sockets, kernel_bytes())
        else {
            return Err(DriveError::Counters);
        };
        Ok(Look { at, threads, memory_bytes: usage.memory_bytes, loopback, ticks, sockets, kernel_bytes })
    }

    /// That a process is not there.
    fn lost(&self) -> DriveError {
        let pids = &self.plan.watch;
        let lost = pids.iter().find(|pid| Usage::of(**pid).is_none()).or(pids.first());
        DriveError::Process(lost.copied().unwrap_or_default())
    }
}
