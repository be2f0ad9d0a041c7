//! Accepting: a server completes handshakes one after the other, at a limited rate, and holds a limited number of attempts
//! that wait for theirs.

use std::collections::VecDeque;

use crate::scenario::Accept;
use crate::units::{SimTime, Span};

/// An attempt that waits for its handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// How many attempts its user had made before.
    pub tries: u32,
    /// Whether the user was connected before, or tried to be.
    pub returning: bool,
    /// The server that the user always goes to, if there is one.
    pub home: Option<u32>,
    /// When the attempt began.
    pub since: SimTime,
    /// Whether the user will have given up when the handshake is done.
    pub wasted: bool,
}

/// What happens to an attempt that reaches its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Too many wait already.
    Full,
    /// Its handshake will be done at this moment.
    At(SimTime),
}

/// The queues of attempts, one at each server.
#[derive(Debug)]
pub struct Acceptors {
    service: Span,
    backlog: u64,
    lanes: Vec<Lane>,
}

#[derive(Debug, Clone, Default)]
struct Lane {
    /// When all that is here will be done.
    free: SimTime,
    /// When the first will be done; `NEVER` where nobody waits.
    next: SimTime,
    queue: VecDeque<Waiting>,
}

impl Acceptors {
    /// Nobody waits at any of these servers.
    pub fn new(accept: Accept, servers: usize) -> Self {
        let lane = Lane { next: SimTime::NEVER, ..Lane::default() };
        Self {
            // At the rate of a handshake a picosecond there is no limit any more.
            service: Span(Span::from_seconds(1.0 / accept.rate.get()).0.max(1)),
            backlog: accept.backlog,
            lanes: vec![lane; servers],
        }
    }

    /// What an attempt that comes now will meet: the first is in service, up to `backlog` more wait.
    pub fn admits(&self, server: usize, now: SimTime) -> Admission {
        let lane = &self.lanes[server];
        if lane.queue.len() as u64 > self.backlog {
            return Admission::Full;
        }
        Admission::At(lane.free.max(now) + self.service)
    }

    /// Takes in an attempt that [`Self::admits`]. If its handshake is the server's next, the answer says when it is done.
    pub fn enter(&mut self, server: usize, now: SimTime, waiting: Waiting) -> Option<SimTime> {
        let lane = &mut self.lanes[server];
        lane.free = lane.free.max(now) + self.service;
        lane.queue.push_back(waiting);
        if lane.queue.len() > 1 {
            return None;
        }
        lane.next = lane.free;
        Some(lane.free)
    }

    /// The attempt whose handshake is done now, if one is, and when the next will be.
    pub fn done(&mut self, server: usize, now: SimTime) -> Option<(Waiting, Option<SimTime>)> {
        let lane = &mut self.lanes[server];
        if lane.next != now {
            // Of before a crash.
            return None;
        }
        let first = lane.queue.pop_front()?;
        // Who waits is served without a gap.
        lane.next = if lane.queue.is_empty() { SimTime::NEVER } else { now + self.service };
        Some((first, (lane.next != SimTime::NEVER).then_some(lane.next)))
    }

    /// The server stops: who waited, in order.
    pub fn clear(&mut self, server: usize) -> VecDeque<Waiting> {
        let lane = &mut self.lanes[server];
        lane.free = SimTime::ZERO;
        lane.next = SimTime::NEVER;
        std::mem::take(&mut lane.queue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Rate;

    const SOMEBODY: Waiting = Waiting { tries: 0, returning: false, home: None, since: SimTime::ZERO, wasted: false };
    const SECOND: u64 = 1_000_000_000_000;

    #[test]
    fn one_after_the_other_and_no_more_than_the_backlog() {
        let mut acceptors = Acceptors::new(Accept { rate: Rate::new(2.0), backlog: 2 }, 1);
        let mut events = Vec::new();
        for expected in [SECOND / 2, SECOND, 3 * SECOND / 2] {
            assert_eq!(acceptors.admits(0, SimTime(0)), Admission::At(SimTime(expected)));
            events.extend(acceptors.enter(0, SimTime(0), SOMEBODY));
        }
        assert_eq!(acceptors.admits(0, SimTime(0)), Admission::Full);
        assert_eq!(events, [SimTime(SECOND / 2)]);
        let next = SimTime(SECOND);
        assert_eq!(acceptors.done(0, SimTime(SECOND / 2)), Some((SOMEBODY, Some(next))));
        assert_eq!(acceptors.admits(0, SimTime(SECOND / 2)), Admission::At(SimTime(2 * SECOND)));
        assert_eq!(acceptors.clear(0).len(), 2);
        assert_eq!(acceptors.done(0, next), None);
        assert_eq!(acceptors.admits(0, next), Admission::At(SimTime(3 * SECOND / 2)));
    }
}
