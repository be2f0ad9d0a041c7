//! c servers, first come first served, without events: Kiefer and Wolfowitz's recursion, with wake-ups, a bounded room
//! and customers who lose patience.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Sleep, Visit};
use crate::units::{SimTime, Span};

/// A station of c cores. A customer is served by the core that is free first (one queue for all), or by the core it is
/// bound to (a queue a core).
#[derive(Debug, Clone)]
pub struct Cores {
    /// When each of the first four cores is free (`NEVER` for one that isn't there): most servers have no more, and a
    /// scan of exactly four needs no loop.
    first: [SimTime; 4],
    /// When each of the others is free, padded with `NEVER` to a multiple of four.
    others: Vec<[SimTime; 4]>,
    count: usize,
    /// What a wake-up takes on top after a longer sleep.
    sleep: Sleep,
    /// With a bounded room: when each customer inside leaves, for each queue; none without.
    inside: Vec<BinaryHeap<Reverse<SimTime>>>,
}

/// What one customer needs and accepts.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The core it is bound to; `None` takes the one that is free first.
    pub core: Option<usize>,
    /// Added to the service of one that finds its core idle.
    pub wakeup: Span,
    /// Most customers in the station, or at its core where each has a queue, this one included.
    pub room: u64,
    /// Longest wait before it leaves unserved.
    pub patience: Span,
}

/// What became of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It is (or will be) served.
    Served(Visit),
    /// No room: it was lost on arrival.
    Full,
    /// It leaves at this moment, unserved.
    Abandoned(SimTime),
}

impl Cores {
    /// This many idle cores. `bounded`: the queues whose number inside must be known: none, one for all cores, or one for
    /// each.
    ///
    /// # Panics
    /// When it is any other number: a bug of ours.
    pub fn new(count: u32, bounded: u32) -> Self {
        assert!([0, 1, count].contains(&bounded), "{bounded} queues of {count} cores");
        let count = count as usize;
        let four = |from: usize| std::array::from_fn(|i| if from + i < count { SimTime::ZERO } else { SimTime::NEVER });
        Self {
            first: four(0),
            others: (4..count).step_by(4).map(four).collect(),
            count,
            sleep: Sleep::NONE,
            inside: vec![BinaryHeap::new(); bounded as usize],
        }
    }

    /// The same, but the longer a core was idle, the longer it takes to wake.
    #[must_use]
    pub const fn sleeping(mut self, sleep: Sleep) -> Self {
        self.sleep = sleep;
        self
    }

    /// Serves a customer that needs nothing special: any core, unlimited room, endless patience.
    #[inline(always)]
    pub fn serve(&mut self, arrival: SimTime, demand: Span, wakeup: Span) -> Visit {
        let core = self.earliest();
        self.serve_on(core, arrival, demand, wakeup)
    }

    #[inline(always)]
    fn serve_on(&mut self, core: usize, arrival: SimTime, demand: Span, wakeup: Span) -> Visit {
        let sleep = self.sleep;
        let free = self.free_mut(core);
        let wakeup = if *free <= arrival { wakeup + sleep.after(arrival.since(*free)) } else { Span::ZERO };
        let start = (*free).max(arrival);
        let departure = start + demand + wakeup;
        *free = departure;
        Visit { arrival, start, departure, wakeup }
    }

    /// Serves, turns away or loses a customer. Since service is in order of arrival, its wait is known when it comes,
    /// and one whose patience is shorter never takes any core's time.
    #[inline]
    pub fn admit(&mut self, arrival: SimTime, demand: Span, rules: Rules) -> Admission {
        if rules.core.is_none() && self.inside.is_empty() {
            let core = self.earliest();
            if self.free_mut(core).since(arrival) > rules.patience {
                return Admission::Abandoned(arrival + rules.patience);
            }
            return Admission::Served(self.serve_on(core, arrival, demand, rules.wakeup));
        }
        self.admit_by(rules, arrival, demand)
    }

    #[inline(never)]
    fn admit_by(&mut self, rules: Rules, arrival: SimTime, demand: Span) -> Admission {
        let core = rules.core.unwrap_or_else(|| self.earliest());
        let queue = if self.inside.len() > 1 { core } else { 0 };
        if let Some(inside) = self.inside.get_mut(queue) {
            while inside.peek().is_some_and(|leaves| leaves.0 <= arrival) {
                inside.pop();
            }
            if inside.len() as u64 >= rules.room {
                return Admission::Full;
            }
        }
        let leaves = arrival + Span(rules.patience.0.min(u64::MAX - arrival.0));
        let admission = if *self.free_mut(core) > leaves {
            Admission::Abandoned(leaves)
        } else {
            Admission::Served(self.serve_on(core, arrival, demand, rules.wakeup))
        };
        if let Some(inside) = self.inside.get_mut(queue) {
            inside.push(Reverse(match admission {
                Admission::Served(visit) => visit.departure,
                _ => leaves,
            }));
        }
        admission
    }

    #[inline(always)]
    fn free_mut(&mut self, core: usize) -> &mut SimTime {
        if core < 4 { &mut self.first[core] } else { &mut self.others[core / 4 - 1][core % 4] }
    }

    /// The core that is free first; of several, one of them.
    #[inline(always)]
    fn earliest(&self) -> usize {
        let best = earliest_of_four(&self.first);
        if self.count <= 4 { best } else { self.earliest_of_all(best) }
    }

    fn earliest_of_all(&self, first: usize) -> usize {
        let (mut best, mut when) = (first, self.first[first]);
        for (group, four) in self.others.iter().enumerate() {
            let winner = earliest_of_four(four);
            if four[winner] < when {
                (best, when) = (4 * (group + 1) + winner, four[winner]);
            }
        }
        best
    }

    /// Touches what will be needed soon.
    #[inline(always)]
    pub fn glance(&self) -> u64 {
        self.first[0].0
    }

    /// All who are inside are gone; every core is idle.
    pub fn clear(&mut self) {
        *self = Self::new(self.count as u32, self.inside.len() as u32).sleeping(self.sleep);
    }

    /// Work of all cores not yet done at this moment.
    pub fn backlog(&self, now: SimTime) -> Span {
        let all = self.first.iter().chain(self.others.iter().flatten()).take(self.count);
        Span(all.map(|free| free.since(now).0).sum())
    }
}

/// A tournament: no branch that the data decide.
#[inline(always)]
fn earliest_of_four(free: &[SimTime; 4]) -> usize {
    let left = usize::from(free[1] < free[0]);
    let right = 2 + usize::from(free[3] < free[2]);
    if free[right] < free[left] { right } else { left }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREELY: Rules = Rules { core: None, wakeup: Span::ZERO, room: u64::MAX, patience: Span(u64::MAX) };

    #[test]
    fn any_core_that_is_free_serves() {
        for count in [1, 2, 3, 4, 5, 9] {
            let mut cores = Cores::new(count, 0);
            for _ in 0..count {
                assert_eq!(cores.serve(SimTime(5), Span(10), Span(2)).departure, SimTime(17));
            }
            let waits = cores.serve(SimTime(6), Span(10), Span(2));
            assert_eq!((waits.start, waits.departure, waits.wakeup), (SimTime(17), SimTime(27), Span::ZERO));
        }
    }

    #[test]
    fn a_core_that_slept_takes_longer_to_wake() {
        let mut cores = Cores::new(1, 0).sleeping(Sleep::new(Span(100), Span(30)));
        let mut wakeup = |at| cores.serve(SimTime(at), Span(10), Span(2)).wakeup;
        // Idle for 100, 82 and 160, and busy at last.
        assert_eq!([100, 212, 400, 401].map(&mut wakeup), [20, 18, 25, 0].map(Span));
    }

    #[test]
    fn a_full_room_turns_away() {
        let mut cores = Cores::new(1, 1);
        let rules = Rules { room: 2, ..FREELY };
        assert!(matches!(cores.admit(SimTime(0), Span(10), rules), Admission::Served(_)));
        assert!(matches!(cores.admit(SimTime(1), Span(10), rules), Admission::Served(_)));
        assert_eq!(cores.admit(SimTime(2), Span(10), rules), Admission::Full);
        assert!(matches!(cores.admit(SimTime(10), Span(10), rules), Admission::Served(_)));
    }

    #[test]
    fn a_queue_of_a_core_has_room_of_its_own() {
        let mut cores = Cores::new(2, 2);
        let on = |core| Rules { core: Some(core), room: 1, ..FREELY };
        assert!(matches!(cores.admit(SimTime(0), Span(10), on(0)), Admission::Served(_)));
        assert!(matches!(cores.admit(SimTime(1), Span(10), on(1)), Admission::Served(_)));
        assert_eq!(cores.admit(SimTime(2), Span(10), on(0)), Admission::Full);
        assert!(matches!(cores.admit(SimTime(10), Span(10), on(0)), Admission::Served(_)));
        assert_eq!(cores.admit(SimTime(10), Span(10), on(1)), Admission::Full);
    }

    #[test]
    fn the_impatient_cost_nothing() {
        let mut cores = Cores::new(1, 1);
        cores.admit(SimTime(0), Span(10), FREELY);
        let rules = Rules { patience: Span(4), ..FREELY };
        assert_eq!(cores.admit(SimTime(1), Span(10), rules), Admission::Abandoned(SimTime(5)));
        let next = cores.admit(SimTime(2), Span(3), FREELY);
        assert!(matches!(next, Admission::Served(visit) if visit.start == SimTime(10)));
    }
}
