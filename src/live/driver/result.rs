//! What a run came to: the threads' tallies added up, with intervals, and whether the driver was the limit.
//!
//! Intervals hold 95 % and come from 20 equal parts of the time measured (batch means; `stats::series`).

use std::sync::atomic::Ordering;

use hdrhistogram::Histogram as Hdr;

use super::DriveError;
use super::audience::{Audience, deliveries, mark};
use super::plan::Pace;
use super::shared::Shared;
use super::tally::{Connections, Slice, Tally, Work};
use super::worker::Outcome;
use crate::metrics::{LatencyMetrics, Observation};
use crate::stats::series::{Batch, quantile_interval, ratio_interval};
use crate::stats::{Estimate, Histogram};

/// A driver whose 99th percentile of lateness is above this has not sent at the times it should, in ns.
const LATENESS_BOUND: f64 = 1e6;
/// A driver that had nothing to do for less than this share of the time can't have done more.
const IDLE_BOUND: f64 = 0.02;
const SECOND: f64 = 1e9;

/// What a run came to.
#[derive(Debug, Clone)]
pub struct DriveResult {
    /// Seconds measured.
    pub seconds: f64,
    /// Whether it was stopped before its time.
    pub interrupted: bool,
    /// Connections asked for.
    pub wanted: u64,
    /// Those that there were.
    pub connections: Connections,
    /// From the first attempt to the last open connection, in seconds.
    pub connect_all_seconds: f64,
    /// From an attempt to the open connection.
    pub connect: Option<Quantiles>,
    /// Messages that were to be sent a second.
    pub offered_per_second: Estimate,
    /// Messages sent a second.
    pub sent_per_second: Estimate,
    /// Messages received a second.
    pub received_per_second: Estimate,
    /// From the intended time to the receipt.
    pub latency: Option<LatencyMetrics>,
    /// Messages that were to be sent in the time measured.
    pub offered: u64,
    /// Of them, those that were sent.
    pub sent: u64,
    /// Of them, those whose user had no connection (or whose connection took in nothing for too long).
    pub unsent: u64,
    /// Of them, those answered; `None` where nobody answers.
    pub answered: Option<u64>,
    /// Answers past the scenario's timeout.
    pub timed_out: u64,
    /// Answers that are not what was sent.
    pub altered: u64,
    /// Messages that came where, or as often as, they should not.
    pub unexpected: u64,
    /// Who got them, where that is not the sender.
    pub deliveries: Option<Deliveries>,
    /// Payload sent, in bytes a second.
    pub sent_bytes_per_second: f64,
    /// Payload received, in bytes a second.
    pub received_bytes_per_second: f64,
    /// Pings answered.
    pub pings: u64,
    /// The driver itself.
    pub driver: DriverFigures,
    /// Latency in ns, for percentile files.
    pub histogram: Hdr<u64>,
    /// The intended times, in order, in seconds from the start of what was measured; empty unless asked for.
    pub times: Vec<f64>,
}

/// Where messages go to others: what became of those that were to be sent in the time measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq)]
pub struct DriverFigures {
    /// Threads that drove.
    pub threads: u32,
    /// Whether they kept asking instead of sleeping.
    pub spinning: bool,
    /// From the intended time to the sending; `None` where messages have no times, as in a closed loop.
    pub lateness: Option<Quantiles>,
    /// Share of the messages sent more than a millisecond late.
    pub late_share: Option<f64>,
    /// Time of a core that it took, as a share of the time measured, on average over threads; asking again and again counts.
    pub cpu_share: f64,
    /// Share of the time of the busiest thread in which there was nothing to do.
    pub idle_share: f64,
    /// Rounds in which there was nothing to do.
    pub idle_polls: u64,
    /// Why the result is the driver's and not the server's; `None` where it is the server's.
    pub limited: Option<Limited>,
}

/// What made the driver the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
#[derive(Debug, Clone, Copy, PartialEq)]
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
    /// What can be held against a simulation. The server's own figures are not the driver's to know.
    pub fn observation(&self) -> Observation {
        let open = self.connections.at_start.min(self.connections.at_end) as f64;
        let most = self.connections.at_start.max(self.connections.at_end) as f64;
        let lost = match (self.answered, self.deliveries) {
            (Some(answered), _) => Some(self.offered.saturating_sub(answered)),
            _ => None,
        };
        Observation {
            seconds: self.seconds,
            connections: Estimate::new(f64::midpoint(open, most), open, most),
            offered_per_second: Some(self.offered_per_second),
            messages_in_per_second: Some(self.served_per_second()),
            messages_out_per_second: Some(self.received_per_second),
            latency: self.latency,
            refused_connections: Some(Estimate::exact(self.connections.refused as f64)),
            dropped_share: lost.map(|lost| Estimate::exact(lost as f64 / self.offered.max(1) as f64)),
            ..Observation::default()
        }
    }

    /// Messages a second that the servers took in and were done with, as far as the driver can see: those answered, else
    /// those sent.
    pub fn served_per_second(&self) -> Estimate {
        if self.answered.is_some() { self.received_per_second } else { self.sent_per_second }
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
    Ok(DriveResult {
        seconds,
        interrupted: stopped && seconds < planned,
        wanted: u64::from(plan.connections),
        connect_all_seconds: settled_at.saturating_sub(began) as f64 / SECOND,
        connect: Quantiles::of(&tally.connect),
        offered_per_second: rate(|slice| slice.offered),
        sent_per_second: rate(|slice| slice.sent),
        received_per_second: rate(|slice| slice.received).clamped(0.0, f64::INFINITY),
        latency: latency(slices),
        offered,
        sent: offered - tally.unsent,
        unsent: tally.unsent,
        answered: (shared.audience == Audience::Echo).then_some(tally.answered),
        timed_out: tally.timed_out,
        altered: tally.altered,
        unexpected: tally.unexpected,
        deliveries,
        sent_bytes_per_second: tally.bytes.0 as f64 / seconds,
        received_bytes_per_second: tally.bytes.1 as f64 / seconds,
        pings: tally.pings,
        driver: driver(shared, &tally, idle_share),
        connections: tally.connections,
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

fn driver(shared: &Shared<'_>, tally: &Tally, idle_share: f64) -> DriverFigures {
    let is_open = matches!(shared.plan.pace, Pace::Open { .. });
    let lateness = Quantiles::of(&tally.lateness).filter(|_| is_open);
    let is_late = lateness.is_some_and(|lateness| lateness.p99 * SECOND > LATENESS_BOUND);
    let Work { total, cpu, idle_polls, .. } = tally.work;
    DriverFigures {
        threads: shared.workers,
        spinning: shared.spin,
        late_share: lateness.map(|_| tally.late as f64 / tally.lateness.count().max(1) as f64),
        lateness,
        cpu_share: if total == 0 { 0.0 } else { cpu as f64 / total as f64 },
        idle_share,
        idle_polls,
        limited: match (is_late, idle_share < IDLE_BOUND) {
            (true, _) => Some(Limited::Late),
            (false, true) => Some(Limited::Busy),
            (false, false) => None,
        },
    }
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
