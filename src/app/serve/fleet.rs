//! Several processes: the workers of one server, which share its port, and several servers, each on a port of its own.
//!
//! The parent starts this program again for each of them with the same arguments and its [`Part`], serves nothing itself,
//! and adds up what they report. A child ends when the parent does, however that ends. The workers of a server draw on one
//! connection limit, a counting semaphore of the kernel's that each has as its standard input.

use std::io::{BufRead as _, BufReader, Lines};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, anyhow};
use rustix::event::{EventfdFlags, eventfd};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use super::bulletin::Bulletin;
use super::links::{self, Embedded};
use super::{Signals, place, show};
use crate::app::Failure;
use crate::cli::{Part, Serve};
use crate::live::server::Totals;
use crate::scenario::Scenario;

/// How many processes, and what they have in common.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Servers, each with an address of its own.
    pub servers: u32,
    /// Processes of each.
    pub workers: u32,
    /// Connections that each server takes.
    pub limit: Option<u64>,
    /// Where the first server listens. The next have the next ports, unless any free one will do.
    pub address: SocketAddr,
}

/// Starts them all, waits for a signal, and ends them all.
pub fn run(
    options: &Serve,
    scenario: &Scenario,
    plan: &Plan,
    url: impl Fn(SocketAddr) -> String,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop")?;
    let mut signals = runtime.block_on(async { Signals::listen() })?;
    let mut ended = runtime.block_on(async { signal(SignalKind::child()) }).context("signals can't be listened to")?;
    links::check(options, scenario, &runtime)?;
    // It runs until all others have ended.
    let broker = Embedded::start(options, scenario)?;
    let mut fleet = Fleet::default();
    fleet.link = broker.as_ref().map(Embedded::argument);
    let mut urls = Vec::new();
    for server in 0..plan.servers {
        let mut wanted = plan.address;
        if wanted.port() > 0 {
            let port = u32::from(wanted.port()) + server;
            wanted.set_port(u16::try_from(port).map_err(|_| anyhow!("there is no port {port} for server {server}"))?);
        }
        let (held, address) = place::hold(wanted)?;
        // The port stays ours until the end, whatever becomes of the workers.
        fleet.ports.push(held);
        urls.push(url(address));
        let slots = plan.limit.map(slots).transpose()?;
        for worker in 0..plan.workers {
            let part = Part { server, worker, workers: plan.workers, limited: slots.is_some(), address };
            fleet.start(&part, slots.as_ref())?;
        }
    }
    fleet.ready()?;
    show::listening(options.format, &urls, &fleet.pids())?;
    let failed = runtime.block_on(std::future::poll_fn(|context| {
        // A child that ends by itself has failed, unless a signal to all of us ended it too.
        let child = ended.poll_recv(context).is_ready() && fleet.any_ended();
        match signals.poll(context) {
            std::task::Poll::Pending if child => std::task::Poll::Ready(true),
            other => other.map(|()| false),
        }
    }));
    let totals = fleet.end()?;
    if failed {
        return Err(anyhow!("a serving process ended by itself; the others were ended too").into());
    }
    show::totals(options.format, &totals)
}

/// As many slots as there may be connections.
fn slots(limit: u64) -> Result<OwnedFd, Failure> {
    let first = u32::try_from(limit).unwrap_or(u32::MAX);
    let slots = eventfd(first, EventfdFlags::SEMAPHORE | EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)
        .map_err(std::io::Error::from)
        .context("no semaphore for the connection limit")?;
    let rest = limit - u64::from(first);
    if rest > 0 {
        rustix::io::write(&slots, &rest.to_ne_bytes()).map_err(std::io::Error::from).context("the connection limit")?;
    }
    Ok(slots)
}

/// What a process says.
enum Voice {
    /// It will say that it listens.
    Ready(Lines<BufReader<ChildStdout>>),
    /// What it says from then on is heard by a thread.
    Heard(JoinHandle<Totals>),
    /// It has said all.
    Silent,
}

impl Voice {
    /// Hears what it says while it serves.
    fn listen(&mut self, bulletin: &Arc<Bulletin>) -> Result<(), Failure> {
        let Self::Ready(lines) = std::mem::replace(self, Self::Silent) else { return Ok(()) };
        let bulletin = Arc::clone(bulletin);
        let hearing = thread::Builder::new().name("voice".to_owned()).stack_size(STACK);
        let thread = hearing.spawn(move || {
            let mut totals = Totals::default();
            for line in lines.map_while(Result::ok) {
                let Ok(mut said) = serde_json::from_str::<Value>(&line) else { continue };
                if !bulletin.hear(&said)
                    && let Ok(part) = serde_json::from_value(said["totals"].take())
                {
                    totals = part;
                }
            }
            totals
        });
        *self = Self::Heard(thread.context("a serving process can't be heard")?);
        Ok(())
    }

    /// Its totals, which it says when it ends.
    fn last(&mut self) -> Result<Totals, Failure> {
        match std::mem::replace(self, Self::Silent) {
            Self::Heard(thread) => Ok(thread.join().map_err(|_| anyhow!("a serving process can't be heard"))?),
            Self::Ready(_) | Self::Silent => Ok(Totals::default()),
        }
    }
}

/// Memory for a thread that hears a process, of which there may be many.
const STACK: usize = 128 << 10;

/// The processes. Dropping it ends them.
#[derive(Default)]
struct Fleet {
    children: Vec<(Child, Voice)>,
    bulletin: Arc<Bulletin>,
    /// What tells them where the embedded broker is.
    link: Option<String>,
    ports: Vec<OwnedFd>,
}

impl Fleet {
    fn start(&mut self, part: &Part, slots: Option<&OwnedFd>) -> Result<(), Failure> {
        let program = std::env::current_exe().context("this program can't be found")?;
        let stdin = match slots {
            Some(slots) => Stdio::from(slots.try_clone().context("the connection limit")?),
            None => Stdio::null(),
        };
        let mut child = Command::new(program)
            .args(std::env::args_os().skip(1))
            .arg(format!("--part={part}"))
            .args(&self.link)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .spawn()
            .context("a serving process can't be started")?;
        let output = child.stdout.take().context("a serving process has no output")?;
        self.children.push((child, Voice::Ready(BufReader::new(output).lines())));
        Ok(())
    }

    /// Waits until all listen.
    fn ready(&mut self) -> Result<(), Failure> {
        for (_, voice) in &mut self.children {
            let Voice::Ready(lines) = voice else { continue };
            if lines.next().transpose().context("a serving process can't be heard")?.is_none() {
                // It has said on standard error why.
                return Err(anyhow!("a serving process could not start").into());
            }
            voice.listen(&self.bulletin)?;
        }
        Ok(())
    }

    fn pids(&self) -> Vec<u32> {
        self.children.iter().map(|(child, _)| child.id()).collect()
    }

    fn any_ended(&mut self) -> bool {
        self.children.iter_mut().any(|(child, _)| matches!(child.try_wait(), Ok(Some(_))))
    }

    /// Ends all, and adds up what they say.
    fn end(mut self) -> Result<Totals, Failure> {
        self.terminate();
        let mut totals = Totals::default();
        for (child, voice) in &mut self.children {
            totals.add(&voice.last()?);
            child.wait().context("a serving process can't be waited for")?;
        }
        Ok(totals)
    }

    fn terminate(&mut self) {
        for (child, _) in &mut self.children {
            // One that was waited for has no number any more that could be signalled.
            if matches!(child.try_wait(), Ok(None))
                && let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw)
            {
                let _ = kill_process(pid, Signal::TERM);
            }
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.terminate();
        for (child, _) in &mut self.children {
            let _ = child.wait();
        }
    }
}
