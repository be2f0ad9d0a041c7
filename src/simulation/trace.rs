//! Messages at the times of a file, which starts over at its end.
//!
//! The times are the whole service's. Whose message it is depends on its number alone, by a hash: so each cell finds its
//! own, and no cell has to know of the others.

use std::sync::Arc;

use crate::random::{Purpose, Stream};
use crate::units::SimTime;

/// A cell's share of a trace.
#[derive(Debug)]
pub struct Trace {
    times: Arc<[f64]>,
    period: f64,
    seed: u64,
    replication: u64,
    /// This cell's first server, how many it has, and all there are.
    part: (u64, u64, u64),
    /// The number of the next message of this cell, and when it is.
    number: u64,
    next: SimTime,
    /// When the run ends; nothing later is looked for.
    end: SimTime,
    /// The draw that gives its core.
    draw: u64,
}

impl Trace {
    /// The trace of a cell with so many servers (`part`: the first, how many, of how many in all).
    pub fn new(
        times: Arc<[f64]>,
        period: f64,
        seed: u64,
        replication: u64,
        part: (u64, u64, u64),
        end: SimTime,
    ) -> Self {
        let mut trace = Self { times, period, seed, replication, part, number: 0, next: SimTime::NEVER, end, draw: 0 };
        trace.look(0);
        trace
    }

    /// When the next message of this cell is.
    pub fn next(&self) -> SimTime {
        self.next
    }

    /// The next message of this cell, if not later than `last`: when, and the core of its connection.
    pub fn take(&mut self, last: SimTime, cores: u32) -> Option<(SimTime, u32)> {
        if self.next > last {
            return None;
        }
        let found = (self.next, (self.draw % u64::from(cores)) as u32);
        self.look(self.number + 1);
        Some(found)
    }

    /// Finds the first message from this number on that is this cell's.
    fn look(&mut self, from: u64) {
        let (first, count, all) = self.part;
        self.next = SimTime::NEVER;
        for number in from.. {
            let round = number / self.times.len() as u64;
            let time = self.times[(number % self.times.len() as u64) as usize];
            let at = SimTime::from_seconds(round as f64 * self.period + time);
            if at > self.end {
                return;
            }
            let mut stream = Stream::named(self.seed, self.replication, number, Purpose::Trace);
            let server = stream.below(all);
            if (first..first + count).contains(&server) {
                (self.number, self.next, self.draw) = (number, at, stream.bits());
                return;
            }
        }
    }
}
