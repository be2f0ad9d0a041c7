//! Periodic events of many connections, each at a phase of its own, without a timer for each.
//!
//! All have the same period, so the next event of the one that just fired comes after those of all others: a queue keeps
//! them in order. Phases at the start are uniform; they are drawn one after the other, in order of time, as the first
//! period unfolds (of m uniform points on (u, 1) the smallest is 1 − (1 − u)·V^(1/m) with V uniform: order statistics).

use std::collections::VecDeque;

use super::demand::to_span;
use crate::random::Stream;
use crate::units::{SimTime, Span};

/// The periodic events of the connections of one server.
#[derive(Debug, Clone)]
pub struct Ring {
    period: Span,
    end: SimTime,
    stream: Stream,
    /// Connections of the start whose first event is still to be drawn, how many of them belong to each core, and where
    /// in the first period the last one drawn was.
    fresh: u64,
    fresh_by_core: Vec<u64>,
    phase: f64,
    /// The first of the fresh, once drawn.
    next_fresh: Option<SimTime>,
    /// Those that have fired, by the time of their next event.
    queue: VecDeque<Entry>,
    /// Entries of the queue whose connections are gone.
    dead: u64,
    /// Connections whose next event lies past the end of the run.
    spent: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    at: SimTime,
    core: u32,
    alive: bool,
}

impl Ring {
    /// `connections` connections at uniform phases, dealt out to `cores` cores as evenly as can be.
    pub fn new(period: Span, end: SimTime, connections: u64, cores: u32, stream: Stream) -> Self {
        let share = |core: u64| connections / u64::from(cores) + u64::from(core < connections % u64::from(cores));
        let mut ring = Self {
            period,
            end,
            stream,
            fresh: connections,
            fresh_by_core: (0..u64::from(cores)).map(share).collect(),
            phase: 0.0,
            next_fresh: None,
            queue: VecDeque::new(),
            dead: 0,
            spent: 0,
        };
        ring.draw_fresh();
        ring
    }

    fn draw_fresh(&mut self) {
        self.next_fresh = (self.fresh > 0).then(|| {
            let step = self.stream.exp1() / self.fresh as f64;
            self.phase = 1.0 - (1.0 - self.phase) * (-step).exp();
            SimTime(to_span(self.phase * self.period.0 as f64).0)
        });
    }

    /// When the next event is.
    #[inline]
    pub fn next(&self) -> SimTime {
        let queued = self.queue.front().map_or(SimTime::NEVER, |entry| entry.at);
        self.next_fresh.map_or(queued, |fresh| fresh.min(queued))
    }

    /// Takes the next event: when, and the core of its connection.
    pub fn fire(&mut self) -> (SimTime, usize) {
        let at = self.next();
        let core = if self.next_fresh == Some(at) {
            self.fresh -= 1;
            let core = self.take_core();
            self.draw_fresh();
            core
        } else {
            self.queue.pop_front().map_or(0, |entry| entry.core)
        };
        self.enqueue(at.0.saturating_add(self.period.0), core);
        self.skip_dead();
        (at, core as usize)
    }

    /// A connection opens now; its first event comes one period later.
    pub fn join(&mut self, now: SimTime, core: usize) {
        self.enqueue(now.0.saturating_add(self.period.0), core as u32);
    }

    /// A connection closes: any of them with equal chance, since which one it is makes no difference here.
    pub fn leave(&mut self) {
        let queued = self.queue.len() as u64 - self.dead;
        let mut chosen = self.stream.below((self.fresh + queued + self.spent).max(1));
        if chosen < self.fresh {
            // The fresh are alike: without one of them the next is again the first of the rest.
            self.fresh -= 1;
            self.take_core();
            let drawn = self.next_fresh.take();
            if self.fresh > 0 {
                let stays = self.stream.below(self.fresh + 1) > 0;
                self.next_fresh = if stays { drawn } else { None };
                if !stays {
                    self.draw_fresh();
                }
            }
            return;
        }
        chosen -= self.fresh;
        if chosen < self.spent {
            self.spent -= 1;
            return;
        }
        if queued > 0 {
            let mut place = self.stream.below(self.queue.len() as u64) as usize;
            while !self.queue[place].alive {
                place = self.stream.below(self.queue.len() as u64) as usize;
            }
            self.queue[place].alive = false;
            self.dead += 1;
            self.skip_dead();
        }
    }

    /// All connections are gone.
    pub fn clear(&mut self) {
        self.fresh = 0;
        self.fresh_by_core.fill(0);
        self.next_fresh = None;
        self.queue.clear();
        self.dead = 0;
        self.spent = 0;
    }

    fn take_core(&mut self) -> u32 {
        let total: u64 = self.fresh_by_core.iter().sum();
        let mut chosen = self.stream.below(total.max(1));
        for (core, left) in self.fresh_by_core.iter_mut().enumerate() {
            if chosen < *left {
                *left -= 1;
                return core as u32;
            }
            chosen -= *left;
        }
        0
    }

    fn enqueue(&mut self, at: u64, core: u32) {
        let at = SimTime(at);
        if at > self.end {
            self.spent += 1;
        } else {
            self.queue.push_back(Entry { at, core, alive: true });
        }
    }

    fn skip_dead(&mut self) {
        while self.queue.front().is_some_and(|entry| !entry.alive) {
            self.queue.pop_front();
            self.dead -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    fn ring(connections: u64, end: u64) -> Ring {
        Ring::new(Span(1_000), SimTime(end), connections, 4, Stream::named(3, 0, 0, Purpose::Heartbeats))
    }

    #[test]
    fn every_connection_fires_once_a_period() {
        let mut ring = ring(100, 10_000);
        let mut times = Vec::new();
        while ring.next() <= SimTime(10_000) {
            times.push(ring.fire());
        }
        assert_eq!(times.len(), 1_000);
        assert!(times.is_sorted_by_key(|event| event.0));
        for i in 100..1_000 {
            assert_eq!(times[i].0.0, times[i - 100].0.0 + 1_000, "the same phase, a period later");
            assert_eq!(times[i].1, times[i - 100].1, "on the same core");
        }
        for core in 0..4 {
            assert_eq!(times[..100].iter().filter(|event| event.1 == core).count(), 25);
        }
    }

    #[test]
    fn phases_are_uniform() {
        let mut sum = 0.0;
        let mut ring = ring(10_000, 1_000);
        for _ in 0..10_000 {
            sum += ring.fire().0.0 as f64;
        }
        assert!((sum / 10_000.0 - 500.0).abs() < 5.0 * 289.0 / 100.0);
    }

    #[test]
    fn those_who_left_fire_no_more() {
        let mut ring = ring(100, 100_000);
        for _ in 0..150 {
            ring.fire();
        }
        for _ in 0..60 {
            ring.leave();
        }
        ring.join(SimTime(1_500), 0);
        let from = ring.next();
        let mut fired = 0;
        while ring.next() < SimTime(from.0 + 10_000) {
            ring.fire();
            fired += 1;
        }
        assert_eq!(fired, 410);
    }
}
