//! Simulations behind the page: each streams how far it is, and then its result, as server-sent events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde_json::{Value, json};
use tokio::task::{JoinHandle, spawn_blocking};

use super::Site;
use super::turns::{Ticket, Turn};
use crate::analysis::assess;
use crate::app::simulate::Outcome;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::report::explore as page;
use crate::simulation::{SimulationError, Watch};

/// How often a page hears how far it is.
const TICK: Duration = Duration::from_millis(150);
/// Simulations at once: both variants of a page. They share all cores.
pub const AT_ONCE: usize = 2;
/// How far the threads of simulations stand back (`nice`): they have the cores when nobody else wants them.
const NICE: i32 = 19;

/// Threads for simulations, one for each core. They make way for closed forms, which somebody waits for with a finger on
/// the slider, and for the rest of the machine.
pub fn pool() -> anyhow::Result<ThreadPool> {
    // Linux counts niceness by thread. A system that refuses it only answers more slowly.
    let stand_back = |_| {
        let _ = rustix::process::nice(NICE);
    };
    ThreadPoolBuilder::new().start_handler(stand_back).build().context("the threads can't be started")
}

/// Starts a simulation whose events come out of the body.
pub fn stream(site: &Arc<Site>, ticket: Ticket, sets: Vec<String>) -> Channel<Bytes> {
    let (sender, body) = Channel::new(4);
    tokio::spawn(follow(Arc::clone(site), ticket, sets, sender));
    body
}

/// Follows a simulation to its end, or until nobody listens.
async fn follow(site: Arc<Site>, ticket: Ticket, sets: Vec<String>, mut sender: Sender<Bytes>) {
    let watcher = Arc::new(Watcher { turn: ticket.turn(), expected: AtomicU64::new(0), done: AtomicU64::new(0) });
    let Some(seat) = wait(&site, &watcher, &mut sender).await else { return };
    let run = spawn_blocking({
        let (site, watcher) = (Arc::clone(&site), Arc::clone(&watcher));
        move || {
            let done = simulated(&site, &sets, &watcher);
            drop(seat);
            done
        }
    });
    if let Some((event, data)) = ended(run, &watcher, &mut sender).await {
        let _ = sender.send_data(encoded(event, &data)).await;
    }
}

/// A seat among those that run. `None` where nobody waits any more.
async fn wait(site: &Site, watcher: &Watcher, sender: &mut Sender<Bytes>) -> Option<tokio::sync::OwnedSemaphorePermit> {
    loop {
        let seat = Arc::clone(&site.simulating).acquire_owned();
        if let Ok(seat) = tokio::time::timeout(TICK, seat).await {
            return seat.ok();
        }
        tell(watcher, sender).await?;
    }
}

/// What came out of a run. `None` where nobody waits any more.
async fn ended(
    mut run: JoinHandle<(&'static str, Value)>,
    watcher: &Watcher,
    sender: &mut Sender<Bytes>,
) -> Option<(&'static str, Value)> {
    loop {
        if let Ok(done) = tokio::time::timeout(TICK, &mut run).await {
            return done.ok();
        }
        tell(watcher, sender).await?;
    }
}

/// Says how far it is. `None` where nobody hears it.
async fn tell(watcher: &Watcher, sender: &mut Sender<Bytes>) -> Option<()> {
    if watcher.stop() {
        let _ = sender.send_data(encoded("overtaken", &json!({}))).await;
        return None;
    }
    let (done, expected) = (watcher.done.load(Ordering::Relaxed), watcher.expected.load(Ordering::Relaxed));
    sender.send_data(encoded("progress", &page::progress(done, expected))).await.ok()
}

fn simulated(site: &Site, sets: &[String], watcher: &Watcher) -> (&'static str, Value) {
    let wrong = |errors: &Diagnostics| ("errors", json!({ "errors": page::errors(errors) }));
    let (document, assessment) = match site.base.document(sets).and_then(|document| Ok((assess(&document)?, document)))
    {
        Ok((assessment, document)) => (document, assessment),
        Err(errors) => return wrong(&errors),
    };
    match site.pool.install(|| Outcome::of(&document, assessment, watcher)) {
        Ok(outcome) => ("result", page::simulation(&outcome.view(), &outcome.metrics)),
        Err(SimulationError::Interrupted) => ("overtaken", json!({})),
        Err(error) => wrong(&Diagnostic::new(error.to_string()).into()),
    }
}

/// An event as `text/event-stream` has it. JSON has no line breaks.
fn encoded(event: &str, data: &Value) -> Bytes {
    format!("event: {event}\ndata: {data}\n\n").into()
}

/// Counts, and stops where nobody wants the result.
#[derive(Debug)]
struct Watcher {
    turn: Turn,
    expected: AtomicU64,
    done: AtomicU64,
}

impl Watch for Watcher {
    fn expect(&self, messages: u64) {
        self.expected.fetch_add(messages, Ordering::Relaxed);
    }

    fn did(&self, messages: u64) {
        self.done.fetch_add(messages, Ordering::Relaxed);
    }

    fn stop(&self) -> bool {
        self.turn.is_over()
    }
}
