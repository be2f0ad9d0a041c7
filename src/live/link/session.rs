//! One connection to a broker, of whichever kind, from its opening to its loss.
//!
//! A session is used by the link's task alone. What arrives it puts on its [`Line`], which is also where it says that
//! the broker is gone. A session that was given up may still have tasks that run: its line is closed, so that nothing
//! of an old connection arrives beside a new one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::sync::watch;

use super::address::BrokerAddress;
use super::channel::Channel;
use super::letter::{self, Letter, Outgoing};
use super::supervisor::Shared;
use super::{embedded, nats, redis};

/// Why a broker can't be used (any more), in words for a person.
pub(super) type Reason = String;

/// What links a session's own tasks with the link.
#[derive(Debug)]
pub(super) struct Line {
    shared: Arc<Shared>,
    open: AtomicBool,
    lost: watch::Sender<Option<Reason>>,
}

impl Line {
    pub fn new(shared: &Arc<Shared>) -> Arc<Self> {
        let (lost, _) = watch::channel(None);
        Arc::new(Self { shared: Arc::clone(shared), open: AtomicBool::new(true), lost })
    }

    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// What came on the channel of this name.
    pub fn arrive(&self, name: &[u8], envelope: &Bytes) {
        if !self.open.load(Ordering::Acquire) {
            return;
        }
        let counters = &self.shared.counters;
        let Some((channel, (server, bytes))) = self.shared.namespace.channel(name).zip(letter::open(envelope)) else {
            counters.unreadable.add(1);
            return;
        };
        if server == self.shared.server {
            counters.own.add(1);
            return;
        }
        let size = bytes.len();
        if self.shared.arriving.put(Letter { channel, bytes }, size).is_ok() {
            counters.received.add(1);
            counters.received_bytes.add(size);
        } else {
            counters.dropped_arriving.add(1);
        }
    }

    /// The broker is gone. Only the first reason counts.
    pub fn lose(&self, reason: impl Into<Reason>) {
        self.lost.send_if_modified(|lost| {
            let first = lost.is_none();
            if first {
                *lost = Some(reason.into());
            }
            first
        });
    }

    /// Waits until the broker is gone.
    pub async fn lost(&self) -> Reason {
        let mut lost = self.lost.subscribe();
        let reason = lost.wait_for(Option::is_some).await;
        reason.ok().and_then(|reason| reason.clone()).unwrap_or_default()
    }

    /// Nothing arrives here from now on.
    pub fn close(&self) {
        self.open.store(false, Ordering::Release);
    }
}

/// A connection to a broker.
#[derive(Debug)]
pub(super) enum Session {
    Embedded(embedded::Session),
    Redis(redis::Session),
    Nats(nats::Session),
}

impl Session {
    /// Connects. The embedded broker must have been started: its address is then a [`BrokerAddress::Plimsoll`].
    pub async fn open(address: &BrokerAddress, line: &Arc<Line>) -> Result<Self, Reason> {
        match address {
            BrokerAddress::Embedded => Err("it has not been started".to_owned()),
            BrokerAddress::Plimsoll(endpoint) => embedded::Session::open(endpoint, line).await.map(Self::Embedded),
            BrokerAddress::Redis(endpoint) => redis::Session::open(endpoint, line).await.map(Self::Redis),
            BrokerAddress::Nats(endpoint) => nats::Session::open(endpoint, line).await.map(Self::Nats),
        }
    }

    /// Once this is done, every letter published to these channels arrives.
    pub async fn subscribe(&mut self, channels: &[Channel]) -> Result<(), Reason> {
        match self {
            Self::Embedded(session) => session.subscribe(channels).await,
            Self::Redis(session) => session.subscribe(channels).await,
            Self::Nats(session) => session.subscribe(channels).await,
        }
    }

    /// Once this is done, no letter that is published to these channels from now on arrives.
    pub async fn unsubscribe(&mut self, channels: &[Channel]) -> Result<(), Reason> {
        match self {
            Self::Embedded(session) => session.unsubscribe(channels).await,
            Self::Redis(session) => session.unsubscribe(channels).await,
            Self::Nats(session) => session.unsubscribe(channels).await,
        }
    }

    /// Hands letters to the broker in this order; says how many of them are too large for it.
    pub async fn publish(&mut self, letters: &[Outgoing]) -> Result<usize, Reason> {
        match self {
            Self::Embedded(session) => session.publish(letters).await,
            Self::Redis(session) => session.publish(letters).await,
            Self::Nats(session) => session.publish(letters).await,
        }
    }

    /// Waits for a sign of life. What was published before has then reached the broker.
    pub async fn ping(&mut self) -> Result<(), Reason> {
        match self {
            Self::Embedded(session) => session.ping().await,
            Self::Redis(session) => session.ping().await,
            Self::Nats(session) => session.ping().await,
        }
    }
}
