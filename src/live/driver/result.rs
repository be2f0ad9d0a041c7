//! What a run came to: the threads' tallies added up, with intervals, and whether the driver was the limit.
//!
//! Intervals hold 95 % and come from 20 equal parts of the time measured (batch means; `stats::series`).

use std::sync::atomic::Ordering;

use hdrhistogram::Histogram as Hdr;
use serde::{Deserialize, Serialize};

use super::DriveError;
use super::audience::{Audience, deliveries, mark};
use super::plan::Pace;
use super::shared::Shared;
use super::tally::{self, Connections, Slice, Tally, Work};
use super::watched::Watched;
use super::worker::Outcome;
use crate::metrics::{LatencyMetrics, Observation};
use crate::stats::series::{Batch, LEVEL, quantile_interval, ratio_interval};
use crate::stats::{Estimate, Histogram};

/// A driver whose 99th percentile of lateness is above this has not sent at the times it should, in ns.
const LATENESS_BOUND: f64 = 1e6;
/// A driver that had nothing to do for less than this share of the time can't have done more.
const IDLE_BOUND: f64 = 0.02;
const SECOND: f64 = 1e9;

/// What a run came to. Its JSON is what `plimsoll drive --format json` prints below `live`, and can be read again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DriveResult {
    /// What the intervals are.
    pub intervals: Intervals,
    /// Seconds measured.
    #[serde(rename = "duration_seconds")]
    pub seconds: f64,
    /// Whether it ran its whole time.
    pub complete: bool,
    /// Messages that were to be sent a second.
    pub offered_per_second: Estimate,
    /// Messages a second that the servers took in and were done with, as far as the driver can see: those answered, or
    /// (where nobody answers) sent.
    pub messages_in_per_second: Estimate,
    /// Messages received a second.
    pub messages_out_per_second: Estimate,
    /// Messages sent a second.
    pub sent_per_second: Estimate,
    /// Payload sent, in bytes a second.
    pub ingress_bytes_per_second: f64,
    /// Payload received, in bytes a second.
    pub egress_bytes_per_second: f64,
    /// From the intended time to the receipt.
    #[serde(rename = "latency_seconds")]
    pub latency: Option<LatencyMetrics>,
    /// What became of the messages that were to be sent in the time measured.
    pub messages: Messages,
    /// Who got them, where that is not the sender.
    pub deliveries: Option<Deliveries>,
    /// Those that there were.
    pub connections: Connections,
    /// Attempts turned away with 503, in the whole run.
    pub refused_connections: u64,
    /// From the first attempt until every connection had had one, in seconds.
    pub connect_all_seconds: f64,
    /// From an attempt to the open connection.
    #[serde(rename = "connect_seconds")]
    pub connect: Option<Quantiles>,
    /// Pings answered, in the whole run.
    pub pings_answered: u64,
    /// The driver itself.
    pub driver: DriverFigures,
    /// Whether the result is the driver's and not the server's.
    pub driver_limited: bool,
    /// Why.
    pub driver_limited_by: Option<Limited>,
    /// What was seen of the servers' processes, where it was asked for.
    pub watched: Option<Watched>,
    /// Latency in ns, for percentile files.
    #[serde(skip, default = "tally::histogram")]
    pub histogram: Hdr<u64>,
    /// The intended times, in order, in seconds from the start of what was measured; empty unless asked for.
    #[serde(skip)]
    pub times: Vec<f64>,
}

/// What intervals are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    /// How often they hold the figure.
    pub level: f64,
    /// Of what: `sampling`.
    pub kind: String,
}

/// What became of the messages that were to be sent in the time measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Messages {
    /// All of them.
    pub offered: u64,
    /// Those that were sent.
    pub sent: u64,
    /// Those whose user had no connection (or whose connection took in nothing for too long).
    pub unsent: u64,
    /// Those answered; `None` where nobody answers.
    pub answered: Option<u64>,
    /// Those sent and not answered; likewise.
    pub unanswered: Option<u64>,
    /// Answers past the scenario's timeout.
    pub timed_out: u64,
    /// Answers that are not what was sent.
    pub altered: u64,
    /// Messages that came where, or as often as, they should not.
    pub unexpected: u64,
}

/// Where messages go to others: what became of those that were to be sent in the time measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliveries {
    /// That came.
    pub received: u64,
    /// That should have come. `None` where connections came and went meanwhile: then nobody knows.
    pub expected: Option<u64>,
    /// That didn't come; likewise.
    pub missing: Option<u64>,
    /// That came more than once; likewise.
    pub duplicate: Option<u64>,
}

/// How well the driver did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriverFigures {
    /// Threads that drove.
    pub threads: u32,
    /// Whether they kept asking instead of sleeping.
    pub spinning: bool,
    /// From the intended time to the sending; `None` where messages have no times, as in a closed loop.
    #[serde(rename = "lateness_seconds")]
    pub lateness: Option<Quantiles>,
    /// Share of the messages sent more than a millisecond late.
    pub late_share: Option<f64>,
    /// Time of a core that it took, as a share of the time measured, on average over threads; asking again and again counts.
    pub cpu_share: f64,
    /// Share of the time of the busiest thread in which there was nothing to do.
    pub idle_share: f64,
    /// Rounds in which there was nothing to do.
    pub idle_polls: u64,
}

/// What made the driver the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limited {
    /// It sent too late.
    Late,
    /// It was always busy.
    Busy,
}

impl Limited {
    /// In words.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Late => "1 % of the messages or more were sent over 1 ms after their time",
            Self::Busy => "a thread of the driver had nothing to do for less than 2 % of the time",
        }
    }
}

/// Quantiles in seconds, of all that there was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Half are less.
    pub p50: f64,
    /// 99 % are less.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Quantiles {
    fn of(histogram: &Histogram) -> Option<Self> {
        let quantile = |p| histogram.quantile(p).map(|ns| ns / SECOND);
        Some(Self { p50: quantile(0.5)?, p99: quantile(0.99)?, max: quantile(1.0)? })
    }
}

impl DriveResult {
    /// What can be held against a simulation, where the servers have so many cores together. CPU, memory, and bytes on the
    /// wire are known where the processes were watched; the wire's are those of the whole loopback interface.
    pub fn observation(&self, server_cores: f64) -> Observation {
        let (start, end) = (self.connections.at_start as f64, self.connections.at_end as f64);
        let lost = self.messages.answered.map(|answered| self.messages.offered.saturating_sub(answered));
        let watched = self.watched.as_ref().filter(|watched| watched.duration_seconds > 0.0);
        let rate = |watched: &Watched, figure: f64| Estimate::exact(figure / watched.duration_seconds);
        Observation {
            seconds: self.seconds,
            connections: Estimate::new(f64::midpoint(start, end), start.min(end), start.max(end)),
            offered_per_second: Some(self.offered_per_second),
            messages_in_per_second: Some(self.messages_in_per_second),
            messages_out_per_second: Some(self.messages_out_per_second),
            latency: self.latency,
            cpu_busy: watched
                .filter(|_| server_cores > 0.0)
                .map(|watched| rate(watched, watched.cpu_seconds / server_cores)),
            memory_per_connection_bytes: self.memory_per_connection(),
            wire_bytes_per_second: watched.map(|watched| rate(watched, watched.loopback_bytes as f64)),
            refused_connections: Some(Estimate::exact(self.refused_connections as f64)),
            dropped_share: lost.map(|lost| Estimate::exact(lost as f64 / self.messages.offered.max(1) as f64)),
            ..Observation::default()
        }
    }

    /// CPU time of the processes watched for each message that they were done with, in seconds.
    pub fn cpu_per_message(&self) -> Option<f64> {
        let watched = self.watched.as_ref()?;
        let messages = self.messages_in_per_second.value * watched.duration_seconds;
        (messages > 0.0).then(|| watched.cpu_seconds / messages)
    }

    /// Memory of the processes watched for each open connection, in bytes, without what they took before: on average over
    /// start and end of what was measured, between the least and the most at these and when all were connected.
    pub fn memory_per_connection(&self) -> Option<Estimate> {
        let memory = self.watched.as_ref()?.memory_bytes;
        let of =
            |bytes: u64, open: u64| (open > 0).then(|| bytes.saturating_sub(memory.unconnected) as f64 / open as f64);
        let (start, end) = (self.connections.at_start, self.connections.at_end);
        let all = [of(memory.connected, start)?, of(memory.at_start, start)?, of(memory.at_end, end)?];
        let (low, high) = (all.iter().copied().fold(f64::INFINITY, f64::min), all.iter().copied().fold(0.0, f64::max));
        Estimate::new(f64::midpoint(all[1], all[2]), low, high)
    }
}

/// Adds up what the threads counted.
///
/// # Errors
/// When nothing was measured.
pub fn of(shared: &Shared<'_>, outcomes: Vec<Outcome>, began: u64, stopped: bool) -> Result<DriveResult, DriveError> {
    let plan = shared.plan;
    let measured = outcomes.iter().map(|outcome| outcome.measured).min().unwrap_or(0);
    if measured == 0 {
        return Err(DriveError::Interrupted);
    }
    let deliveries = deliveries_of(shared, &outcomes);
    let settled_at = outcomes.iter().map(|outcome| outcome.settled_at).max().unwrap_or(began);
    let idle_share = outcomes.iter().map(|outcome| outcome.tally.work.idle_share()).fold(1.0, f64::min);
    let mut tally = Tally::default();
    for outcome in outcomes {
        tally.add(outcome.tally);
    }
    let seconds = measured as f64 / SECOND;
    let planned = plan.duration;
    // A run that was cut short has fewer parts.
    let parts = ((seconds / planned * tally.slices.len() as f64).round() as usize).clamp(1, tally.slices.len());
    let slices = &tally.slices[..parts];
    let length = planned / tally.slices.len() as f64;
    let rate = |count: fn(&Slice) -> u64| {
        let batches = slices.iter().map(|slice| Batch { sum: count(slice) as f64, weight: length }).collect();
        ratio_interval(&[batches]).unwrap_or(Estimate::exact(0.0))
    };
    let offered: u64 = tally.slices.iter().map(|slice| slice.offered).sum();
    tally.times.sort_by(f64::total_cmp);
    let answered = (shared.audience == Audience::Echo).then_some(tally.answered);
    let sent = offered - tally.unsent;
    let sent_per_second = rate(|slice| slice.sent);
    let messages_out_per_second = rate(|slice| slice.received);
    let (driver, limited) = driver(shared, &tally, idle_share);
    Ok(DriveResult {
        intervals: Intervals { level: LEVEL, kind: "sampling".to_owned() },
        seconds,
        complete: !stopped || seconds >= planned,
        offered_per_second: rate(|slice| slice.offered),
        messages_in_per_second: if answered.is_some() { messages_out_per_second } else { sent_per_second },
        messages_out_per_second,
        sent_per_second,
        ingress_bytes_per_second: tally.bytes.0 as f64 / seconds,
        egress_bytes_per_second: tally.bytes.1 as f64 / seconds,
        latency: latency(slices),
        messages: Messages {
            offered,
            sent,
            unsent: tally.unsent,
            answered,
            unanswered: answered.map(|answered| sent.saturating_sub(answered)),
            timed_out: tally.timed_out,
            altered: tally.altered,
            unexpected: tally.unexpected,
        },
        deliveries,
        connections: Connections { wanted: u64::from(plan.connections), ..tally.connections },
        refused_connections: tally.connections.refused,
        connect_all_seconds: settled_at.saturating_sub(began) as f64 / SECOND,
        connect: Quantiles::of(&tally.connect),
        pings_answered: tally.pings,
        driver,
        driver_limited: limited.is_some(),
        driver_limited_by: limited,
        watched: None,
        histogram: tally.latency,
        times: tally.times,
    })
}

fn latency(slices: &[Slice]) -> Option<LatencyMetrics> {
    let mut pooled = Histogram::new();
    for slice in slices {
        pooled.merge(&slice.latency);
    }
    let parts = [slices.iter().map(|slice| &slice.latency).collect::<Vec<_>>()];
    let quantile = |p| Some(quantile_interval(&pooled, &parts, p)?.scaled(1.0 / SECOND));
    let sums =
        slices.iter().map(|slice| Batch { sum: slice.latency_sum, weight: slice.latency.count() as f64 }).collect();
    Some(LatencyMetrics {
        mean: ratio_interval(&[sums])?.scaled(1.0 / SECOND).clamped(0.0, f64::INFINITY),
        p50: quantile(0.5)?,
        p90: quantile(0.9)?,
        p95: quantile(0.95)?,
        p99: quantile(0.99)?,
        p999: quantile(0.999)?,
        max: Estimate::exact(pooled.max()? as f64 / SECOND),
    })
}

fn driver(shared: &Shared<'_>, tally: &Tally, idle_share: f64) -> (DriverFigures, Option<Limited>) {
    let is_open = matches!(shared.plan.pace, Pace::Open { .. });
    let lateness = Quantiles::of(&tally.lateness).filter(|_| is_open);
    let is_late = lateness.is_some_and(|lateness| lateness.p99 * SECOND > LATENESS_BOUND);
    let Work { total, cpu, idle_polls, .. } = tally.work;
    let limited = match (is_late, idle_share < IDLE_BOUND) {
        (true, _) => Some(Limited::Late),
        (false, true) => Some(Limited::Busy),
        (false, false) => None,
    };
    let figures = DriverFigures {
        threads: shared.workers,
        spinning: shared.spin,
        late_share: lateness.map(|_| tally.late as f64 / tally.lateness.count().max(1) as f64),
        lateness,
        cpu_share: if total == 0 { 0.0 } else { cpu as f64 / total as f64 },
        idle_share,
        idle_polls,
    };
    (figures, limited)
}

/// Holds each message's sum of marks against those of the users who should have it.
fn deliveries_of(shared: &Shared<'_>, outcomes: &[Outcome]) -> Option<Deliveries> {
    let ledger = shared.ledger.as_ref()?;
    // Marks of the users before each, so that those of a stretch are a difference.
    let mut before = vec![0_u64];
    for user in 0..shared.plan.connections {
        before.push(before[user as usize].wrapping_add(mark(user)));
    }
    let mut found = Deliveries { received: 0, expected: Some(0), missing: Some(0), duplicate: Some(0) };
    let (mut expected, mut missing, mut duplicate) = (0, 0, 0);
    for (worker, outcome) in outcomes.iter().enumerate() {
        let (first, sent) = &outcome.sent;
        for (number, &(sender, recipient)) in (*first..).zip(sent) {
            let due = if shared.audience == Audience::Direct {
                mark(recipient)
            } else {
                let users = shared.audience.of_sender(sender, shared.plan.connections);
                before[users.end as usize].wrapping_sub(before[users.start as usize])
            };
            let sum = ledger.get(worker, number);
            let (wanted, came) = (deliveries(due), deliveries(sum));
            found.received += came;
            expected += wanted;
            missing += wanted.saturating_sub(came);
            duplicate += came.saturating_sub(wanted);
            if wanted == came && due != sum {
                // One too many somewhere hides one that is missing elsewhere.
                missing += 1;
                duplicate += 1;
            }
        }
    }
    let all_there = outcomes.iter().map(|outcome| outcome.tally.connections.at_start).sum::<u64>()
        == u64::from(shared.plan.connections);
    let is_known = all_there && outcomes.iter().all(|outcome| outcome.steady) && !shared.stop.load(Ordering::Relaxed);
    let known = |count| is_known.then_some(count);
    (found.expected, found.missing, found.duplicate) = (known(expected), known(missing), known(duplicate));
    Some(found)
}
