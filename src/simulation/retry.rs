//! Users who wait for an answer, give up on it, and send again.
//!
//! Each message that a user wants answered has a slot here from its first sending until it is answered in time or given
//! up. What a server serves is one attempt at it, known by the slot and a stamp; an answer whose stamp is no longer the
//! slot's comes too late. All times are those of the cell: a delay of the network that is always the same is left out of
//! them, and added where two clocks meet.

use crate::engine::Calendar;
use crate::random::{Purpose, Stream};
use crate::scenario::{Retry, Scenario};
use crate::units::{SimTime, Span};

/// The messages of a cell that are not answered yet.
#[derive(Debug)]
pub struct Retries {
    timeout: Option<Span>,
    retry: Option<Retry>,
    /// There and back, where that is always the same.
    fixed_round_trip: Span,
    slots: Vec<Slot>,
    free: Vec<u32>,
    calendar: Calendar<Event>,
    stream: Stream,
}

/// One message: what is to be known at its answer.
#[derive(Debug, Clone, Copy)]
struct Slot {
    /// When it was first sent: latency runs from here. Modulo 2⁶⁴, as it may be before the run began.
    first_sent: u64,
    /// How long the attempt now under way travels there …
    way_there: Span,
    /// … and its answer back, on top of what is fixed.
    way_back: Span,
    /// The last moment at which the server may answer it.
    deadline: SimTime,
    /// The server it went to.
    server: u32,
    core: u32,
    /// Attempts that failed.
    failed: u32,
    stamp: u32,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    /// The user of this attempt has waited long enough.
    TimeOut { slot: u32, stamp: u32 },
    /// A message is given up: the user hears that the last attempt failed.
    GiveUp { slot: u32 },
    /// The next attempt reaches the service.
    Again { slot: u32 },
}

/// What comes due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Look whether this server has answered by now; then ask [`Retries::time_out`].
    TimeOut { slot: u32, stamp: u32, server: usize },
    /// An attempt reaches the service.
    Again { slot: u32, sent: u64, core: u32 },
    /// A message is lost.
    GiveUp,
}

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// The first, and in time: its latency in picoseconds.
    InTime(u64),
    /// Too late: nobody waits for it.
    Late,
}

impl Retries {
    /// Those of a cell; `None` where nobody waits or sends again.
    pub fn of(scenario: &Scenario, seed: u64, replication: u64, cell: u64) -> Option<Self> {
        let workload = &scenario.workload;
        if workload.timeout.is_none() && workload.retry.is_none() {
            return None;
        }
        let fixed = scenario.latency.client.constant().unwrap_or(0.0);
        Some(Self {
            timeout: workload.timeout.map(|timeout| Span::from_seconds(timeout.get())),
            retry: workload.retry.clone(),
            fixed_round_trip: Span::from_seconds(2.0 * fixed),
            slots: Vec::new(),
            free: Vec::new(),
            calendar: Calendar::default(),
            stream: Stream::named(seed, replication, cell, Purpose::Retries),
        })
    }

    /// When something is due next.
    pub fn next(&self) -> SimTime {
        self.calendar.next_time().unwrap_or(SimTime::NEVER)
    }

    /// Messages neither answered nor given up.
    pub fn pending(&self) -> u64 {
        (self.slots.len() - self.free.len()) as u64
    }

    /// A user sends a message for the first time, at this moment of its clock.
    pub fn begin(&mut self, sent: u64, core: u32) -> u32 {
        let new = Slot {
            first_sent: sent,
            way_there: Span::ZERO,
            way_back: Span::ZERO,
            deadline: SimTime::NEVER,
            server: 0,
            core,
            failed: 0,
            stamp: 0,
        };
        if let Some(slot) = self.free.pop() {
            let stamp = self.slots[slot as usize].stamp;
            self.slots[slot as usize] = Slot { stamp, ..new };
            return slot;
        }
        self.slots.push(new);
        (self.slots.len() - 1) as u32
    }

    /// An attempt that was sent at `sent` reaches a server now: the number by which it is known there. Its user waits
    /// from its sending.
    pub fn attempt(&mut self, slot: u32, now: SimTime, sent: u64, way_back: Span, server: usize) -> u64 {
        let entry = &mut self.slots[slot as usize];
        entry.way_back = way_back;
        entry.server = server as u32;
        if let Some(timeout) = self.timeout {
            // As the user's clock has it; an attempt under way when the run begins may be late from the start.
            let waited = sent.wrapping_add(timeout.0).cast_signed().max(0).cast_unsigned();
            let travels = way_back.0 + self.fixed_round_trip.0;
            entry.deadline = SimTime(waited.saturating_sub(travels));
            let event = Event::TimeOut { slot, stamp: entry.stamp };
            self.calendar.schedule(SimTime(waited).max(now), event);
        }
        u64::from(slot) | u64::from(entry.stamp) << 32
    }

    /// What is due by this moment, if anything.
    pub fn take(&mut self, until: SimTime) -> Option<(SimTime, Due)> {
        loop {
            let (at, event) = self.calendar.pop_until(until)?;
            match event {
                Event::TimeOut { slot, stamp } if self.slots[slot as usize].stamp == stamp => {
                    let server = self.slots[slot as usize].server as usize;
                    return Some((at, Due::TimeOut { slot, stamp, server }));
                }
                // Answered or refused since.
                Event::TimeOut { .. } => {}
                Event::GiveUp { slot } => {
                    self.release(slot);
                    return Some((at, Due::GiveUp));
                }
                Event::Again { slot } => {
                    let Slot { way_there, core, .. } = self.slots[slot as usize];
                    return Some((at, Due::Again { slot, sent: at.0.wrapping_sub(way_there.0), core }));
                }
            }
        }
    }

    /// The server was done with an attempt at this moment.
    pub fn answer(&mut self, ticket: u64, at: SimTime) -> Answered {
        let (slot, stamp) = (ticket as u32, (ticket >> 32) as u32);
        let entry = self.slots[slot as usize];
        if entry.stamp != stamp || at > entry.deadline {
            return Answered::Late;
        }
        self.release(slot);
        Answered::InTime((at + entry.way_back).0.wrapping_sub(entry.first_sent))
    }

    /// The server refused an attempt at this moment, or lost it from its queue; its user hears of it, or has stopped
    /// waiting by then. `uplink` draws the way there of the next attempt.
    pub fn refused(&mut self, ticket: u64, at: SimTime, uplink: impl FnOnce() -> Span) {
        let (slot, stamp) = (ticket as u32, (ticket >> 32) as u32);
        let entry = self.slots[slot as usize];
        // Past the deadline the time-out comes first.
        if entry.stamp == stamp && at <= entry.deadline {
            self.fail(slot, at + entry.way_back + self.fixed_round_trip, uplink);
        }
    }

    /// An attempt has run out of time, unless it was answered or refused: whether it has.
    pub fn time_out(&mut self, slot: u32, stamp: u32, now: SimTime, uplink: impl FnOnce() -> Span) -> bool {
        let waits = self.slots[slot as usize].stamp == stamp;
        if waits {
            self.fail(slot, now, uplink);
        }
        waits
    }

    /// An attempt failed, as its user knows from this moment on.
    fn fail(&mut self, slot: u32, known: SimTime, uplink: impl FnOnce() -> Span) {
        let failed = self.slots[slot as usize].failed;
        let entry = &mut self.slots[slot as usize];
        entry.stamp = entry.stamp.wrapping_add(1);
        entry.failed = failed.saturating_add(1);
        match &self.retry {
            Some(retry) if retry.limit.is_none_or(|limit| u64::from(failed) < limit) => {
                let delay = retry.delay(failed, &mut self.stream);
                let way_there = uplink();
                self.slots[slot as usize].way_there = way_there;
                let at = known.0.saturating_add(Span::from_seconds(delay).0).saturating_add(way_there.0);
                self.calendar.schedule(SimTime(at), Event::Again { slot });
            }
            _ => self.calendar.schedule(known, Event::GiveUp { slot }),
        }
    }

    fn release(&mut self, slot: u32) {
        let entry = &mut self.slots[slot as usize];
        entry.stamp = entry.stamp.wrapping_add(1);
        self.free.push(slot);
    }
}

impl Retry {
    /// The delay before retry number `failed` (from 0), in seconds.
    fn delay(&self, failed: u32, stream: &mut Stream) -> f64 {
        let grown = self.backoff.powi(failed.min(1_000).cast_signed());
        let drawn = self.delay.sample(stream);
        // What is drawn longer than the cap stays; what is nothing does not grow, not even without bounds.
        if drawn > 0.0 { (drawn * grown).min(self.cap.get().max(drawn)) } else { 0.0 }
    }
}
