//! What a worker counts. All of it adds up over workers.

use hdrhistogram::Histogram as Hdr;
use serde::{Deserialize, Serialize};

use crate::stats::Histogram;

/// Equal parts of the time measured, whose differences say how sure a figure is.
pub const SLICES: usize = 20;
/// A message sent so many ns after its time was late.
pub const LATE: u64 = 1_000_000;

/// What happened in one part of the time measured.
#[derive(Debug, Clone, Default)]
pub struct Slice {
    /// Latency in ns of the messages that were to be sent in it, one for each delivery.
    pub latency: Histogram,
    /// Their sum.
    pub latency_sum: f64,
    /// Messages that were to be sent in it.
    pub offered: u64,
    /// Messages sent in it.
    pub sent: u64,
    /// Messages received in it.
    pub received: u64,
}

/// Everything a worker counts.
#[derive(Debug, Clone)]
pub struct Tally {
    /// The time measured, in parts.
    pub slices: Vec<Slice>,
    /// Latency in ns over all of it.
    pub latency: Hdr<u64>,
    /// From the attempt to the open connection, in ns, in the whole run.
    pub connect: Histogram,
    /// From the intended time to the sending, in ns.
    pub lateness: Histogram,
    /// Messages sent more than [`LATE`] after their time.
    pub late: u64,
    /// Messages whose user had no connection.
    pub unsent: u64,
    /// Of the messages sent, those answered.
    pub answered: u64,
    /// Answers past the scenario's timeout.
    pub timed_out: u64,
    /// Answers that are not what was sent.
    pub altered: u64,
    /// Messages that came where, or as often as, they should not.
    pub unexpected: u64,
    /// Payload sent and received, in bytes.
    pub bytes: (u64, u64),
    /// Pings answered, in the whole run.
    pub pings: u64,
    /// Connections, in the whole run.
    pub connections: Connections,
    /// What the driver's loop did while it was measured.
    pub work: Work,
    /// Intended times, in seconds from the start of what is measured.
    pub times: Vec<f64>,
}

/// Connections of a whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Connections {
    /// Asked for.
    pub wanted: u64,
    /// Attempts to connect.
    pub attempts: u64,
    /// Of them, those that led to an open connection.
    pub opened: u64,
    /// Turned away with 503.
    pub refused: u64,
    /// Failed in another way.
    pub failed: u64,
    /// Open ones that the server closed, or that broke.
    pub lost: u64,
    /// Sessions that came to their end.
    #[serde(rename = "sessions_ended")]
    pub ended: u64,
    /// Open when measuring began.
    pub at_start: u64,
    /// Open when it ended.
    pub at_end: u64,
}

/// What a driver's loop did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// ns it was measured.
    pub total: u64,
    /// Of them, those in which it found nothing to do.
    pub idle: u64,
    /// Rounds in which it found nothing to do.
    pub idle_polls: u64,
    /// ns that the thread ran.
    pub cpu: u64,
}

impl Work {
    /// Share of the time in which there was nothing to do.
    pub fn idle_share(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.idle as f64 / self.total as f64 }
    }
}

/// Significant digits of the latency histogram, as load tools have them.
const DIGITS: u8 = 3;
/// The longest latency it tells apart from longer ones, in ns: an hour.
const LONGEST: u64 = 3_600_000_000_000;

/// An empty latency histogram.
pub fn histogram() -> Hdr<u64> {
    Hdr::new_with_max(LONGEST, DIGITS).expect("three digits of an hour are possible")
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            slices: vec![Slice::default(); SLICES],
            latency: histogram(),
            connect: Histogram::new(),
            lateness: Histogram::new(),
            late: 0,
            unsent: 0,
            answered: 0,
            timed_out: 0,
            altered: 0,
            unexpected: 0,
            bytes: (0, 0),
            pings: 0,
            connections: Connections::default(),
            work: Work::default(),
            times: Vec::new(),
        }
    }
}

impl Tally {
    /// Counts a delivery's latency.
    #[inline]
    pub fn deliver(&mut self, slice: usize, latency: u64) {
        let slice = &mut self.slices[slice];
        slice.latency.record(latency);
        slice.latency_sum += latency as f64;
        self.latency.saturating_record(latency);
    }

    /// Adds what another worker has counted.
    pub fn add(&mut self, other: Self) {
        for (slice, more) in self.slices.iter_mut().zip(&other.slices) {
            slice.latency.merge(&more.latency);
            slice.latency_sum += more.latency_sum;
            slice.offered += more.offered;
            slice.sent += more.sent;
            slice.received += more.received;
        }
        self.latency.add(&other.latency).expect("they have the same bounds");
        self.connect.merge(&other.connect);
        self.lateness.merge(&other.lateness);
        let sums = [
            (&mut self.late, other.late),
            (&mut self.unsent, other.unsent),
            (&mut self.answered, other.answered),
            (&mut self.timed_out, other.timed_out),
            (&mut self.altered, other.altered),
            (&mut self.unexpected, other.unexpected),
            (&mut self.bytes.0, other.bytes.0),
            (&mut self.bytes.1, other.bytes.1),
            (&mut self.pings, other.pings),
            (&mut self.connections.attempts, other.connections.attempts),
            (&mut self.connections.opened, other.connections.opened),
            (&mut self.connections.refused, other.connections.refused),
            (&mut self.connections.failed, other.connections.failed),
            (&mut self.connections.lost, other.connections.lost),
            (&mut self.connections.ended, other.connections.ended),
            (&mut self.connections.at_start, other.connections.at_start),
            (&mut self.connections.at_end, other.connections.at_end),
            (&mut self.work.total, other.work.total),
            (&mut self.work.idle, other.work.idle),
            (&mut self.work.idle_polls, other.work.idle_polls),
            (&mut self.work.cpu, other.work.cpu),
        ];
        for (sum, more) in sums {
            *sum += more;
        }
        self.times.extend(other.times);
    }
}
