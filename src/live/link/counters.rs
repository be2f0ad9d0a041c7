//! What a link counts while it runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::Serialize;

/// The counters of a link, which grow while it runs.
#[derive(Debug, Default)]
pub(super) struct Counters {
    up: AtomicBool,
    pub published: Counter,
    pub published_bytes: Counter,
    pub received: Counter,
    pub received_bytes: Counter,
    pub own: Counter,
    pub unreadable: Counter,
    pub dropped_down: Counter,
    pub dropped_full: Counter,
    pub dropped_too_large: Counter,
    pub dropped_arriving: Counter,
    pub dropped_by_broker: Counter,
    pub down: Counter,
    pub attempts: Counter,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a link had counted at one moment. All of it grows while the link lives, but for `up` and `channels`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LinkCounters {
    /// Whether the broker is there.
    pub up: bool,
    /// Channels that the server wants letters of.
    pub channels: u64,
    /// Letters handed to the broker.
    pub published: u64,
    /// Their bytes, without what a broker's protocol adds.
    pub published_bytes: u64,
    /// Letters of other servers that arrived.
    pub received: u64,
    /// Their bytes, counted likewise.
    pub received_bytes: u64,
    /// Letters of one's own that the broker sent back, and that were skipped.
    pub own: u64,
    /// What arrived and was no letter: something else uses the same channels.
    pub unreadable: u64,
    /// Letters that were not published since the broker was not there, or didn't confirm them before it went.
    pub dropped_down: u64,
    /// Letters that were not published since the broker took them too slowly.
    pub dropped_full: u64,
    /// Letters that were not published since they are larger than the broker takes.
    pub dropped_too_large: u64,
    /// Letters that arrived faster than the server took them.
    pub dropped_arriving: u64,
    /// Letters that the embedded broker dropped since this server took them too slowly.
    pub dropped_by_broker: u64,
    /// How often the broker was lost.
    pub down: u64,
    /// Attempts to reach it again.
    pub attempts: u64,
}

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows. OpenMetrics wants `_total` after its name.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// One figure for a page of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkMetric {
    /// Its name, without `_total`.
    pub name: &'static str,
    /// How it behaves.
    pub kind: MetricKind,
    /// What it means.
    pub help: &'static str,
    /// Its value now.
    pub value: u64,
}

impl Counters {
    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    pub fn set_up(&self, up: bool) {
        self.up.store(up, Ordering::Release);
    }

    pub fn read(&self, channels: usize) -> LinkCounters {
        LinkCounters {
            up: self.is_up(),
            channels: channels as u64,
            published: self.published.get(),
            published_bytes: self.published_bytes.get(),
            received: self.received.get(),
            received_bytes: self.received_bytes.get(),
            own: self.own.get(),
            unreadable: self.unreadable.get(),
            dropped_down: self.dropped_down.get(),
            dropped_full: self.dropped_full.get(),
            dropped_too_large: self.dropped_too_large.get(),
            dropped_arriving: self.dropped_arriving.get(),
            dropped_by_broker: self.dropped_by_broker.get(),
            down: self.down.get(),
            attempts: self.attempts.get(),
        }
    }
}

impl LinkCounters {
    /// Letters that didn't get through, as far as this server knows.
    pub fn dropped(&self) -> u64 {
        self.dropped_down + self.dropped_full + self.dropped_too_large + self.dropped_arriving + self.dropped_by_broker
    }

    /// The figures of a page of metrics.
    pub fn metrics(&self) -> [LinkMetric; 14] {
        let gauge = |name, help, value| LinkMetric { name, kind: MetricKind::Gauge, help, value };
        let counter = |name, help, value| LinkMetric { name, kind: MetricKind::Counter, help, value };
        [
            gauge("link_up", "Whether the broker between the servers is there", u64::from(self.up)),
            gauge("link_channels", "Channels that this server wants letters of", self.channels),
            counter("link_published", "Letters handed to the broker", self.published),
            counter("link_published_bytes", "Bytes of the letters handed to the broker", self.published_bytes),
            counter("link_received", "Letters of other servers that arrived", self.received),
            counter("link_received_bytes", "Bytes of the letters that arrived", self.received_bytes),
            counter("link_own", "Own letters that the broker sent back; they are skipped", self.own),
            counter("link_unreadable", "What arrived and was no letter", self.unreadable),
            counter("link_dropped_down", "Letters dropped while the broker was not there", self.dropped_down),
            counter("link_dropped_full", "Letters dropped since the broker took them too slowly", self.dropped_full),
            counter("link_dropped_too_large", "Letters larger than the broker takes", self.dropped_too_large),
            counter(
                "link_dropped_arriving",
                "Letters dropped since this server took them too slowly",
                self.dropped_arriving + self.dropped_by_broker,
            ),
            counter("link_down", "Times the broker was lost", self.down),
            counter("link_attempts", "Attempts to reach the broker again", self.attempts),
        ]
    }
}
