//! What all threads of a run look at.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::ClientConfig;

use super::DriveError;
use super::audience::Audience;
use super::ledger::Ledger;
use super::plan::Plan;
use super::socket::{self, MOST_SOURCES};
use super::target::Server;
use super::tls;
use crate::stats::Histogram;

/// Most connections from the address that the kernel chooses, of its some 28,000 ports.
const FROM_ONE: u32 = 10_000;
/// Connections from each address where there are more. The kernel looks for a free port one by one: of 100,000 connections
/// from 4 addresses each took 0.4 ms, from 50 it took 0.03 ms.
const PER_SOURCE: u32 = 2_000;
/// Attempts to connect that are under way at the same time, in all: fewer than servers let wait.
const HANDSHAKES: u32 = 512;
/// Descriptors of a thread that are no connections.
const RESERVED: u64 = 64;

/// What all threads look at.
#[derive(Debug)]
pub struct Shared<'a> {
    /// What is to be done.
    pub plan: &'a Plan,
    /// Who gets messages.
    pub audience: Audience,
    /// Who got them, where that is not the sender.
    pub ledger: Option<Ledger>,
    /// How wss:// is trusted, where a server has it.
    pub tls: Option<Arc<ClientConfig>>,
    /// How many threads there are.
    pub workers: u32,
    /// Whether they ask again and again instead of sleeping.
    pub spin: bool,
    /// Attempts to connect that a thread may have under way.
    pub handshakes: usize,
    /// Threads all of whose connections have had their first attempt.
    pub settled: AtomicUsize,
    /// When sending begins, in ns; 0 is not yet known.
    pub start: AtomicU64,
    /// Whether the counters were looked at for the last time: connections stay open until then, for to close them is traffic too.
    pub looked: AtomicBool,
    /// Whether all is to end.
    pub stop: AtomicBool,
    /// How far each thread is.
    pub pulses: Vec<Pulse>,
    servers: Vec<Server>,
    sources: u32,
    descriptors: u64,
    reached: AtomicBool,
}

/// How far a thread is.
#[derive(Debug, Default)]
pub struct Pulse {
    open: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    recent: Mutex<Recent>,
}

/// What came since it was last looked at.
#[derive(Debug, Default)]
pub struct Recent {
    /// Latency in ns.
    pub latency: Histogram,
    /// The longest that a message was sent after its time, in ns.
    pub lateness: u64,
}

impl<'a> Shared<'a> {
    /// Finds the servers, and how many threads and local addresses it takes.
    ///
    /// # Errors
    /// When a server has no address, or there are too few descriptors or ports.
    pub fn new(plan: &'a Plan) -> Result<Self, DriveError> {
        let servers = plan.targets.iter().map(super::target::Target::resolve).collect::<Result<Vec<_>, _>>()?;
        let descriptors = descriptors();
        let room = descriptors.saturating_sub(RESERVED).max(1);
        let needed = u64::from(plan.connections).div_ceil(room).max(1) as u32;
        let workers = plan.threads.unwrap_or(needed).min(plan.connections.max(1));
        let local = servers.iter().all(|server| server.address.ip().is_loopback());
        let secure = servers.iter().any(|server| server.target.secure);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut cpus = plan.cpus.clone();
        cpus.sort_unstable();
        cpus.dedup();
        // Where nobody said which cores are the driver's, one is left for the others.
        let own = if cpus.is_empty() { cores - 1 } else { cpus.len() };
        let audience = Audience::of(&plan.fan_out, plan.connections, plan.seed);
        let shared = Self {
            ledger: audience.is_shared().then(|| Ledger::new(workers as usize)),
            tls: if secure { Some(tls::config(local || plan.insecure)?) } else { None },
            sources: sources(plan, &servers)?,
            spin: workers as usize <= own,
            handshakes: (HANDSHAKES / workers).max(8) as usize,
            settled: AtomicUsize::new(0),
            start: AtomicU64::new(0),
            looked: AtomicBool::new(plan.watch.is_empty()),
            stop: AtomicBool::new(false),
            pulses: (0..workers).map(|_| Pulse::default()).collect(),
            reached: AtomicBool::new(false),
            plan,
            audience,
            workers,
            servers,
            descriptors,
        };
        if workers < needed { Err(shared.too_few_descriptors()) } else { Ok(shared) }
    }

    /// The users of a thread.
    pub fn users(&self, worker: u32) -> Range<u32> {
        let first =
            |worker: u32| (u64::from(self.plan.connections) * u64::from(worker) / u64::from(self.workers)) as u32;
        first(worker)..first(worker + 1)
    }

    /// The thread of a user.
    pub fn worker_of(&self, user: u32) -> usize {
        (((u64::from(user) + 1) * u64::from(self.workers) - 1) / u64::from(self.plan.connections)) as usize
    }

    /// How many get a message of this user.
    pub fn audience_of(&self, sender: u32) -> u32 {
        self.audience.of_sender(sender, self.plan.connections).len() as u32
    }

    /// The server of a user.
    pub fn server(&self, user: u32) -> &Server {
        &self.servers[user as usize % self.servers.len()]
    }

    /// The local address of a user; `None` is any.
    pub fn source(&self, user: u32) -> Option<Ipv4Addr> {
        (self.sources > 0).then(|| socket::source(user / self.servers.len() as u32 % self.sources))
    }

    /// A WebSocket server has answered.
    pub fn reach(&self) {
        self.reached.store(true, Ordering::Relaxed);
    }

    /// Whether no WebSocket server has answered yet.
    pub fn has_nobody(&self) -> bool {
        !self.reached.load(Ordering::Relaxed)
    }

    /// That there are too few descriptors.
    pub fn too_few_descriptors(&self) -> DriveError {
        DriveError::Descriptors {
            connections: self.plan.connections,
            threads: self.workers,
            needed: u64::from(self.plan.connections.div_ceil(self.workers)) + RESERVED,
            have: self.descriptors,
        }
    }
}

impl Pulse {
    /// Shows how far the thread is.
    pub fn show(&self, open: u64, sent: u64, received: u64, recent: &mut Recent) {
        self.open.store(open, Ordering::Relaxed);
        self.sent.store(sent, Ordering::Relaxed);
        self.received.store(received, Ordering::Relaxed);
        let mut shown = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        shown.latency.merge(&recent.latency);
        shown.lateness = shown.lateness.max(recent.lateness);
        recent.latency.clear();
        recent.lateness = 0;
    }

    /// Open connections, messages sent and received in all.
    pub fn counts(&self) -> (u64, u64, u64) {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (load(&self.open), load(&self.sent), load(&self.received))
    }

    /// What came since this was last asked.
    pub fn take_recent(&self) -> Recent {
        std::mem::take(&mut self.recent.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Local addresses to connect from; 0 leaves it to the kernel.
fn sources(plan: &Plan, servers: &[Server]) -> Result<u32, DriveError> {
    let local = servers.iter().all(|server| server.address.is_ipv4() && server.address.ip().is_loopback());
    match plan.sources {
        Some(0) => Ok(0),
        Some(_) if !local => Err(DriveError::Sources),
        Some(sources) => Ok(sources.min(MOST_SOURCES)),
        None if !local => Ok(0),
        None => {
            let each = plan.connections.div_ceil(servers.len() as u32);
            Ok(if each > FROM_ONE { each.div_ceil(PER_SOURCE).min(MOST_SOURCES) } else { 0 })
        }
    }
}

/// Descriptors that a thread may have, as many as this process may allow itself.
fn descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // Where that isn't allowed, it stays as it is.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::driver::plan::tests::plan;

    #[test]
    fn each_user_has_one_thread() {
        for (connections, threads) in [(1, 1), (10, 3), (1_000, 7), (52, 52)] {
            let plan = Plan { connections, threads: Some(threads), ..plan() };
            let shared = Shared::new(&plan).unwrap();
            let mut next = 0;
            for worker in 0..threads {
                let users = shared.users(worker);
                assert_eq!(users.start, next);
                next = users.end;
                assert!(users.clone().all(|user| shared.worker_of(user) == worker as usize), "{users:?}");
            }
            assert_eq!(next, connections);
        }
    }

    #[test]
    fn many_connections_take_many_addresses() {
        let many = Plan { connections: 1_000_000, threads: None, ..plan() };
        let shared = Shared::new(&many).unwrap();
        assert_eq!(shared.sources, 500);
        assert!(u64::from(shared.workers) >= 1_000_000 / descriptors());
        let mut addresses: Vec<_> = (0..500).map(|user| shared.source(user).unwrap()).collect();
        addresses.dedup();
        assert!(addresses.len() == 500 && addresses.iter().all(Ipv4Addr::is_loopback));
        let few = Plan { threads: Some(1), ..many };
        assert!(matches!(Shared::new(&few), Err(DriveError::Descriptors { .. })) || descriptors() > 1_000_000);
    }
}
