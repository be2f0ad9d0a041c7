//! One thread of the driver: a loop over its own connections that never waits for any one of them.
//!
//! It sends what is due, takes in what has come, and looks after connections. With a core of its own it asks the kernel
//! again and again instead of sleeping, since to be woken takes longer than a fast server's answer; the time in which
//! there was nothing to do is counted apart from work. Each phase follows from the clock: connect, wait for the others, run
//! (warm-up, then measured), drain, close.

mod dial;
mod traffic;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::ops::Range;
use std::sync::atomic::Ordering;

use super::DriveError;
use super::audience::Audience;
use super::connection::{Connection, State};
use super::letters::Letters;
use super::plan::Pace;
use super::schedule::{Due, Schedule};
use super::shared::{Recent, Shared};
use super::socket::{Poller, Ready, now, thread_cpu};
use super::tally::{SLICES, Tally};
use super::upgrade::Key;
use crate::live::deflate::Deflate;
use crate::random::{Purpose, Stream};

/// Bytes read at once.
const SCRATCH: usize = 128 << 10;
/// Longest sleep of a thread that may sleep, in ns.
const LONGEST_SLEEP: u64 = 5_000_000;
/// How often a thread shows how far it is, in ns.
const SHOW_EVERY: u64 = 200_000_000;
/// How long servers have to answer the end of the connections, in ns.
const CLOSING: u64 = 1_000_000_000;
/// Without accounts of deliveries: nothing came for so long, so nothing more will, in ns.
const QUIET: u64 = 300_000_000;
const SECOND: f64 = 1e9;

/// What a worker hands back.
#[derive(Debug)]
pub struct Outcome {
    /// What it counted.
    pub tally: Tally,
    /// Where messages go to others: sender and recipient of each message that was measured, and the first one's number.
    pub sent: (u32, Vec<(u32, u32)>),
    /// Whether no connection came or went while messages were sent.
    pub steady: bool,
    /// When the first attempt of the last connection was over, in ns.
    pub settled_at: u64,
    /// ns of what was measured: less than planned where it was stopped.
    pub measured: u64,
}

/// A driver's thread.
pub struct Worker<'a> {
    shared: &'a Shared<'a>,
    number: u32,
    users: Range<u32>,
    poller: Poller,
    connections: Vec<Connection>,
    open: u32,
    /// Those whose first attempt isn't over.
    unsettled: usize,
    dialling: dial::Dialling,
    timers: BinaryHeap<Reverse<(u64, u32, u32, Timer)>>,
    key: Key,
    draws: Stream,
    letters: Letters,
    deflate: Deflate,
    scratch: Vec<u8>,
    /// Buffers that no connection needs at the moment.
    spare: Vec<Vec<u8>>,
    schedule: Schedule,
    next: Option<Due>,
    /// Messages about to be sent: connection and intended time.
    batch: Vec<(u32, u64)>,
    /// Bytes that the kernel hasn't taken yet.
    backlog: usize,
    /// Messages that are not answered yet.
    outstanding: usize,
    phase: Phase,
    times: Times,
    last_receipt: u64,
    show_at: u64,
    outcome: Outcome,
    /// Messages sent so far, where the ledger counts them.
    written: u32,
    /// Messages sent and received in all, and what is new, for whoever looks on.
    sent: u64,
    received: u64,
    recent: Recent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    Waiting,
    Running,
    Measuring,
    Draining,
    Closing,
}

/// Moments on the clock, in ns.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    start: u64,
    from: u64,
    until: u64,
    last: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Dial,
    EndSession,
}

impl Times {
    /// The part of the measured time that a moment falls in.
    #[inline]
    fn slice(&self, moment: u64) -> Option<usize> {
        (moment >= self.from && moment < self.until)
            .then(|| (u128::from(moment - self.from) * SLICES as u128 / u128::from(self.until - self.from)) as usize)
    }
}

impl<'a> Worker<'a> {
    /// The worker of this number.
    ///
    /// # Errors
    /// When there is no descriptor left.
    pub fn new(shared: &'a Shared<'a>, number: u32) -> Result<Self, DriveError> {
        let plan = shared.plan;
        let users = shared.users(number);
        let mut connections: Vec<Connection> = users.clone().map(|_| Connection::default()).collect();
        if let Audience::Rooms(rooms) = &shared.audience {
            for (connection, user) in connections.iter_mut().zip(users.clone()) {
                connection.room = rooms.of(user) as u32;
            }
        }
        let (worker, workers) = (u64::from(number), u64::from(shared.workers));
        let mut draws = Stream::named(plan.seed, 0, worker, Purpose::Retries);
        let random = u128::from(draws.bits()) << 64 | u128::from(draws.bits());
        Ok(Self {
            shared,
            number,
            poller: Poller::new().map_err(DriveError::Poll)?,
            open: 0,
            unsettled: connections.len(),
            dialling: dial::Dialling::new(connections.len() as u32),
            timers: BinaryHeap::new(),
            key: Key::new(random.to_le_bytes()),
            draws,
            letters: Letters::new(plan.form, plan.size.clone(), plan.seed, worker),
            deflate: Deflate::new(),
            scratch: vec![0; SCRATCH],
            spare: Vec::new(),
            schedule: Schedule::new(plan, &shared.audience, users.clone(), worker, workers),
            next: None,
            batch: Vec::new(),
            backlog: 0,
            outstanding: 0,
            phase: Phase::Connecting,
            times: Times::default(),
            last_receipt: 0,
            show_at: 0,
            outcome: Outcome {
                tally: Tally::default(),
                sent: (0, Vec::new()),
                steady: true,
                settled_at: 0,
                measured: 0,
            },
            written: 0,
            sent: 0,
            received: 0,
            recent: Recent::default(),
            users,
            connections,
        })
    }

    /// Drives until all is done.
    ///
    /// # Errors
    /// When the server can't be driven.
    pub fn run(mut self) -> Result<Outcome, DriveError> {
        let mut ready: Vec<Ready> = Vec::new();
        let mut round = now();
        self.dialling.begin(round);
        let mut idle = false;
        loop {
            let before = std::mem::replace(&mut round, now());
            if idle {
                self.rest(before, round);
            }
            if !self.advance(round)? {
                return Ok(self.outcome);
            }
            let mut busy = self.send_due(round)?;
            busy |= self.dial(round)?;
            busy |= self.fire(round)?;
            let wait = if self.shared.spin || busy { 0 } else { self.pause(round) };
            self.poller.wait(wait, &mut ready).map_err(DriveError::Poll)?;
            if wait > 0 {
                let woken = now();
                self.rest(round, woken);
                round = woken;
                busy = true;
            }
            busy |= !ready.is_empty();
            for event in ready.drain(..) {
                let moment = self.handle(event)?;
                if self.is_due(moment) {
                    self.send_due(moment)?;
                }
            }
            idle = !busy;
        }
    }

    /// Goes on to the next phase when it is time; `false` when all is done.
    fn advance(&mut self, now: u64) -> Result<bool, DriveError> {
        if now >= self.show_at {
            self.show_at = now + SHOW_EVERY;
            self.show();
            if self.shared.stop.load(Ordering::Relaxed) && self.phase != Phase::Closing {
                self.stop(now)?;
            }
        }
        match self.phase {
            Phase::Connecting if self.unsettled == 0 => {
                self.outcome.settled_at = now;
                self.shared.settled.fetch_add(1, Ordering::Relaxed);
                self.phase = Phase::Waiting;
            }
            Phase::Waiting => {
                let start = self.shared.start.load(Ordering::Relaxed);
                if start != 0 && now >= start {
                    self.begin(start, now)?;
                }
            }
            Phase::Running if now >= self.times.from => {
                self.phase = Phase::Measuring;
                self.outcome.tally.connections.at_start = u64::from(self.open);
                self.outcome.tally.work.cpu = thread_cpu();
                self.outcome.tally.work.total = now;
            }
            Phase::Measuring if now >= self.times.until => self.measured(now),
            Phase::Draining if self.shared.looked.load(Ordering::Relaxed) && self.is_drained(now) => {
                self.close_all(now)?;
            }
            Phase::Closing if now >= self.times.last || self.open == 0 => {
                self.show();
                return Ok(false);
            }
            _ => {}
        }
        Ok(true)
    }

    fn begin(&mut self, start: u64, now: u64) -> Result<(), DriveError> {
        let plan = self.shared.plan;
        let (from, until) = plan.window(start);
        self.times = Times { start, from, until, last: until + (plan.drain * SECOND) as u64 };
        self.phase = Phase::Running;
        self.next = self.schedule.next();
        if let Pace::Closed { in_flight } = plan.pace {
            let mut moment = now;
            for number in 0..self.connections.len() as u32 {
                self.batch.extend((0..in_flight).map(|_| (number, moment)));
                moment = self.flush_batch()?;
            }
        }
        Ok(())
    }

    fn measured(&mut self, now: u64) {
        self.phase = Phase::Draining;
        self.outcome.tally.connections.at_end = u64::from(self.open);
        let work = &mut self.outcome.tally.work;
        work.cpu = thread_cpu().saturating_sub(work.cpu);
        work.total = now.saturating_sub(work.total);
        self.outcome.measured = self.times.until.saturating_sub(self.times.from);
    }

    /// Ends early: what was measured until now is what there is.
    fn stop(&mut self, now: u64) -> Result<(), DriveError> {
        self.next = None;
        if self.phase == Phase::Measuring {
            self.measured(now);
            self.outcome.measured = now - self.times.from;
        }
        self.close_all(now)
    }

    /// Whether all has come that will.
    fn is_drained(&self, now: u64) -> bool {
        if now >= self.times.last {
            return true;
        }
        if self.next.is_some() || self.backlog > 0 {
            return false;
        }
        match &self.shared.ledger {
            Some(ledger) if self.outcome.steady => ledger.is_even(),
            Some(_) => now > self.last_receipt.max(self.times.until) + QUIET,
            None => self.outstanding == 0,
        }
    }

    /// Says goodbye on every connection.
    fn close_all(&mut self, now: u64) -> Result<(), DriveError> {
        self.phase = Phase::Closing;
        self.times.last = now + CLOSING;
        self.dialling.give_up();
        self.timers.clear();
        for number in 0..self.connections.len() as u32 {
            match self.connections[number as usize].state {
                State::Open => self.say_goodbye(number)?,
                State::Connecting | State::Upgrading => self.drop_connection(number),
                State::Away | State::Closing => {}
            }
        }
        self.open = self.connections.iter().filter(|connection| connection.state == State::Closing).count() as u32;
        Ok(())
    }

    /// Time in which there was nothing to do.
    fn rest(&mut self, from: u64, until: u64) {
        if self.phase == Phase::Measuring {
            self.outcome.tally.work.idle += until - from;
            self.outcome.tally.work.idle_polls += 1;
        }
    }

    /// How long there is nothing to do but wait, in ns.
    fn pause(&self, now: u64) -> u64 {
        let due = self.next.map(|due| self.times.start + due.at);
        let timer = self.timers.peek().map(|Reverse((at, ..))| *at);
        let phase = match self.phase {
            Phase::Running => Some(self.times.from),
            Phase::Measuring => Some(self.times.until),
            _ => None,
        };
        let first = [due, timer, phase].into_iter().flatten().min().unwrap_or(u64::MAX);
        first.saturating_sub(now).min(LONGEST_SLEEP)
    }

    fn fire(&mut self, now: u64) -> Result<bool, DriveError> {
        let mut any = false;
        while let Some(&Reverse((at, number, life, timer))) = self.timers.peek()
            && at <= now
        {
            self.timers.pop();
            any = true;
            let connection = &self.connections[number as usize];
            if connection.life != life {
                continue;
            }
            match timer {
                Timer::Dial => self.dialling.enqueue(number),
                Timer::EndSession if connection.state == State::Open => {
                    self.outcome.tally.connections.ended += 1;
                    self.connections[number as usize].ended = true;
                    self.outcome.steady = false;
                    self.open -= 1;
                    self.say_goodbye(number)?;
                }
                Timer::EndSession => {}
            }
        }
        Ok(any)
    }

    /// Takes care of a socket that is ready; the moment when that was done.
    fn handle(&mut self, ready: Ready) -> Result<u64, DriveError> {
        let number = ready.number;
        if ready.write {
            match self.connections[number as usize].state {
                State::Connecting => self.connected(number)?,
                State::Upgrading | State::Open | State::Closing => self.flush(number)?,
                State::Away => {}
            }
        }
        if ready.read {
            return self.receive(number);
        }
        Ok(now())
    }

    fn show(&mut self) {
        let pulse = &self.shared.pulses[self.number as usize];
        pulse.show(u64::from(self.open), self.sent, self.received, &mut self.recent);
    }

    /// A socket's own error, or none where it was only not ready.
    fn is_pause(error: &io::Error) -> bool {
        matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
    }
}
