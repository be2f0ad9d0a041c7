//! What the threads of a server process have in common: its settings, who is connected, how many may be.

use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Handle;

use super::channel::{Channel, Directory};
use super::counters::{Counters, Gauges, Totals, open_metrics};
use super::linked::Linked;
use super::log::{Batch, Log};
use super::settings::{Reach, Settings};
use super::tls::Tls;
use crate::live::link::Channel as Address;
use crate::live::probe::Usage;

/// What all threads of a server process know.
#[derive(Debug)]
pub struct Shared {
    /// What it is to do.
    pub settings: Settings,
    /// All connections, whatever they are.
    pub everyone: Channel,
    /// Rooms, or users, by number.
    pub groups: Directory,
    /// How many more connections there may be.
    pub places: Places,
    /// The log, if one is written.
    pub log: Option<Arc<Log>>,
    /// Encryption, if there is any.
    pub tls: Option<Tls>,
    /// The link to other servers, if there is one; it is there before the first connection.
    pub link: OnceLock<Linked>,
    cores: Mutex<Vec<Core>>,
    runtimes: Mutex<Vec<Handle>>,
}

/// What a thread leaves where all see it.
#[derive(Debug, Clone)]
struct Core {
    counters: Arc<Counters>,
    batch: Option<Arc<Batch>>,
}

impl Shared {
    /// Those of a server that isn't running yet.
    pub fn new(settings: Settings, log: Option<Log>, tls: Option<Tls>, common: Option<OwnedFd>) -> Self {
        let address = if settings.reach == Reach::User { Address::User } else { Address::Room };
        let places = Places { limit: settings.connection_limit, common, taken: AtomicU64::new(0) };
        Self {
            settings,
            everyone: Channel::new(Address::Everyone),
            groups: Directory::new(address),
            places,
            log: log.map(Arc::new),
            tls,
            link: OnceLock::new(),
            cores: Mutex::default(),
            runtimes: Mutex::default(),
        }
    }

    /// Makes a thread known: its counters, and where it gathers records for the log.
    pub fn enlist(&self) -> (Arc<Counters>, Option<Arc<Batch>>) {
        let log = self.log.as_ref().zip(self.settings.log.as_ref());
        let batch = log.map(|(log, settings)| Arc::new(Batch::new(Arc::clone(log), settings.bytes_per_message)));
        let core = Core { counters: Arc::default(), batch };
        self.cores.lock().unwrap_or_else(PoisonError::into_inner).push(core.clone());
        (core.counters, core.batch)
    }

    /// Makes a runtime known, whose busy time is shown.
    pub fn add_runtime(&self, handle: Handle) {
        self.runtimes.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
    }

    /// Hands to the log what the threads have gathered.
    pub fn flush_log(&self) {
        for core in self.cores() {
            if let Some(batch) = core.batch {
                batch.flush();
            }
        }
    }

    /// Takes leave of the broker, within some time: the runtimes still run.
    pub fn close_link(&self, patience: Duration) {
        let runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((link, runtime)) = self.link.get().zip(runtimes.first()) {
            let (done, closed) = mpsc::channel();
            let closing = link.close();
            runtime.spawn(async move {
                closing.await;
                // Nobody waits any more if it took too long.
                let _ = done.send(());
            });
            let _ = closed.recv_timeout(patience);
        }
    }

    /// What was counted until now.
    pub fn totals(&self) -> Totals {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let mut totals = Totals {
            connections: self.places.taken(),
            cpu_seconds: cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9,
            link: self.link.get().map(Linked::counters),
            ..Totals::default()
        };
        for core in self.cores() {
            totals.count(&core.counters);
        }
        totals
    }

    /// The page `/metrics`.
    pub fn metrics(&self) -> String {
        let runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        let busy = runtimes.iter().flat_map(|runtime| {
            let metrics = runtime.metrics();
            (0..metrics.num_workers()).map(move |worker| metrics.worker_total_busy_duration(worker))
        });
        let gauges = Gauges {
            worker: self.settings.worker,
            limit: self.settings.connection_limit,
            memory_bytes: Usage::of(std::process::id()).map(|usage| usage.memory_bytes),
            busy_seconds: busy.sum::<Duration>().as_secs_f64(),
            log: self.log.as_ref().map(|log| log.bytes()),
        };
        open_metrics(&self.totals(), &gauges)
    }

    fn cores(&self) -> Vec<Core> {
        self.cores.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Places for connections: the process's own, or those of several processes, which share a counting semaphore of the
/// kernel's (eventfd(2)).
#[derive(Debug)]
pub struct Places {
    limit: Option<u64>,
    common: Option<OwnedFd>,
    taken: AtomicU64,
}

impl Places {
    /// Takes one, if one is left.
    pub fn take(&self) -> bool {
        if let Some(common) = &self.common {
            let taken = rustix::io::read(common, &mut [0; 8]).is_ok();
            self.taken.fetch_add(u64::from(taken), AcqRel);
            return taken;
        }
        let more = |taken| Some(taken + 1).filter(|taken| self.limit.is_none_or(|limit| *taken <= limit));
        self.taken.fetch_update(AcqRel, Acquire, more).is_ok()
    }

    /// Gives one back.
    pub fn give_back(&self) {
        if let Some(common) = &self.common {
            // It can't fail: there is room for each that was taken.
            let _ = rustix::io::write(common, &1_u64.to_ne_bytes());
        }
        self.taken.fetch_sub(1, AcqRel);
    }

    /// How many are taken.
    pub fn taken(&self) -> u64 {
        self.taken.load(Relaxed)
    }
}

/// A clock for silence, in ms: cheap, right within some ms, and going round after 49 days.
pub fn now() -> u32 {
    let time = clock_gettime(ClockId::MonotonicCoarse);
    (time.tv_sec.unsigned_abs() * 1_000 + time.tv_nsec.unsigned_abs() / 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_run_out_and_come_back() {
        let places = Places { limit: Some(2), common: None, taken: AtomicU64::new(0) };
        assert_eq!([0; 3].map(|_| places.take()), [true, true, false]);
        places.give_back();
        assert!(places.take() && !places.take());
        assert_eq!(places.taken(), 2);
    }
}
