//! The task behind a link: it holds the session, sends what was published, and comes back when the broker was lost.
//!
//! Each time it wakes it first tells the broker what changed in the channels wanted, then sends all that was published
//! meanwhile. So letters are sent in batches as large as the broker makes them by being busy. While the broker is away
//! nothing is kept: letters are counted and dropped, as they would be by a broker without memory.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::address::BrokerAddress;
use super::backoff::Backoff;
use super::channel::{Channel, Namespace};
use super::counters::Counters;
use super::letter::{HEADER, Letter, Outgoing};
use super::mailbox::Mailbox;
use super::registry::Registry;
use super::session::{Line, Reason, Session};

/// Most letters and channels in one call of a session.
const CHUNK: usize = 512;

/// What the link's handles, its task and its sessions share.
#[derive(Debug)]
pub(super) struct Shared {
    pub server: u64,
    pub namespace: Namespace,
    pub registry: Registry,
    pub outgoing: Mailbox<Outgoing>,
    pub arriving: Mailbox<Letter>,
    pub counters: Counters,
    pub progress: watch::Sender<Progress>,
}

/// How far the link's task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// The broker is not there.
    Away,
    /// The broker knows the channels wanted up to this change.
    Knows(u64),
    /// The link was closed.
    Closed,
}

/// What happened to the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// The broker is gone, for this reason. Serving goes on without it.
    Lost(String),
    /// The broker is back, and knows all channels again.
    Back,
}

impl fmt::Display for LinkEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(reason) => write!(f, "the broker is lost, servers are on their own: {reason}"),
            Self::Back => f.write_str("the broker is back"),
        }
    }
}

/// Is told what happens, by the link's task; must not block.
pub(super) type Listener = Box<dyn Fn(LinkEvent) + Send + Sync>;

/// How a session came to its end.
enum Ended {
    Lost(Reason),
    Closed,
}

/// The task.
pub(super) struct Supervisor {
    pub shared: Arc<Shared>,
    pub address: BrokerAddress,
    pub patience: Duration,
    pub listener: Option<Listener>,
}

impl Supervisor {
    /// Opens a session within the time that this link waits for anything.
    pub async fn connect(&self) -> Result<(Session, Arc<Line>), Reason> {
        let line = Line::new(&self.shared);
        match timeout(self.patience, Session::open(&self.address, &line)).await {
            Ok(session) => Ok((session?, line)),
            Err(_) => Err(no_answer(self.patience)),
        }
    }

    /// Runs until the link is closed.
    pub async fn run(self, mut session: Session, mut line: Arc<Line>) {
        let mut backoff = Backoff::new(self.shared.server);
        let mut first = true;
        loop {
            let ended = self.serve(&mut session, &line, first, &mut backoff).await;
            line.close();
            self.away();
            let Ended::Lost(reason) = ended else { break };
            self.shared.counters.down.add(1);
            self.tell(LinkEvent::Lost(reason));
            drop(session);
            let Some(next) = self.reconnect(&mut backoff).await else { break };
            (session, line) = next;
            first = false;
        }
        self.shared.arriving.close();
        self.shared.progress.send_replace(Progress::Closed);
    }

    /// Serves the link with one session.
    async fn serve(&self, session: &mut Session, line: &Line, first: bool, backoff: &mut Backoff) -> Ended {
        let lost = line.lost();
        tokio::pin!(lost);
        let mut alarm = interval(self.patience / 2);
        alarm.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.shared.registry.forget();
        let mut known = HashSet::new();
        let mut batch = Vec::new();
        let mut back = first;
        loop {
            let open = tokio::select! {
                biased;
                reason = &mut lost => return Ended::Lost(reason),
                open = self.work(session, &mut known, &mut batch) => match open {
                    Ok(open) => open,
                    Err(reason) => return Ended::Lost(reason),
                },
            };
            if !open {
                // Else what was written last might still be on its way when the connection is cut.
                let last = self.within(session.ping()).await;
                return last.map_or_else(Ended::Lost, |()| Ended::Closed);
            }
            if !back {
                back = true;
                backoff.reset();
                self.tell(LinkEvent::Back);
            }
            tokio::select! {
                biased;
                reason = &mut lost => return Ended::Lost(reason),
                () = self.shared.outgoing.filled() => {}
                _ = alarm.tick() => if let Err(reason) = self.within(session.ping()).await {
                    return Ended::Lost(reason);
                },
            }
        }
    }

    /// Does all there is to do; says whether the link is still open.
    async fn work(
        &self,
        session: &mut Session,
        known: &mut HashSet<Channel>,
        batch: &mut Vec<Outgoing>,
    ) -> Result<bool, Reason> {
        let changes = self.shared.registry.changes(known);
        for channels in changes.subscribe.chunks(CHUNK) {
            self.within(session.subscribe(channels)).await?;
        }
        for channels in changes.unsubscribe.chunks(CHUNK) {
            self.within(session.unsubscribe(channels)).await?;
        }
        self.shared.counters.set_up(true);
        self.shared.progress.send_if_modified(|progress| {
            let before = std::mem::replace(progress, Progress::Knows(changes.generation));
            before != *progress
        });
        let open = self.shared.outgoing.take(batch);
        self.send(session, batch).await.map(|()| open)
    }

    /// Sends letters, and counts what became of them, also when the session is lost half-way.
    async fn send(&self, session: &mut Session, batch: &mut Vec<Outgoing>) -> Result<(), Reason> {
        let mut letters = Unsent { batch, confirmed: 0, counters: &self.shared.counters };
        while letters.confirmed < letters.batch.len() {
            let rest = &letters.batch[letters.confirmed..];
            let chunk = &rest[..rest.len().min(CHUNK)];
            let bytes: usize = chunk.iter().map(|letter| letter.envelope.len() - HEADER).sum();
            let too_large = self.within(session.publish(chunk)).await?;
            let count = chunk.len();
            letters.confirmed += count;
            self.shared.counters.published.add(count - too_large);
            self.shared.counters.published_bytes.add(bytes);
            self.shared.counters.dropped_too_large.add(too_large);
        }
        Ok(())
    }

    /// Tries until there is a session again; none if the link was closed meanwhile.
    async fn reconnect(&self, backoff: &mut Backoff) -> Option<(Session, Arc<Line>)> {
        loop {
            let pause = sleep(backoff.wait());
            tokio::pin!(pause);
            loop {
                // A letter that was published at the very moment of the loss.
                if !self.drop_outgoing() {
                    return None;
                }
                tokio::select! {
                    () = &mut pause => break,
                    () = self.shared.outgoing.filled() => {}
                }
            }
            self.shared.counters.attempts.add(1);
            if let Ok(next) = self.connect().await {
                return Some(next);
            }
        }
    }

    /// The broker is not there: what was to be sent is not.
    fn away(&self) {
        self.shared.counters.set_up(false);
        self.shared.progress.send_replace(Progress::Away);
        self.drop_outgoing();
    }

    /// Says whether the link is still open.
    fn drop_outgoing(&self) -> bool {
        let mut unsent = Vec::new();
        let open = self.shared.outgoing.take(&mut unsent);
        self.shared.counters.dropped_down.add(unsent.len());
        open
    }

    fn tell(&self, event: LinkEvent) {
        if let Some(listener) = &self.listener {
            listener(event);
        }
    }

    /// A broker that answers too late is none.
    async fn within<T>(&self, call: impl Future<Output = Result<T, Reason>>) -> Result<T, Reason> {
        timeout(self.patience, call).await.unwrap_or_else(|_| Err(no_answer(self.patience)))
    }
}

fn no_answer(patience: Duration) -> Reason {
    format!("no answer within {} s", patience.as_secs_f64())
}

/// What of a batch was not confirmed by the broker: dropped, if it ends so.
struct Unsent<'a> {
    batch: &'a mut Vec<Outgoing>,
    confirmed: usize,
    counters: &'a Counters,
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        self.counters.dropped_down.add(self.batch.len() - self.confirmed);
        self.batch.clear();
    }
}
