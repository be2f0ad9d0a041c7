//! c servers, first come first served, without events: Kiefer and Wolfowitz's recursion, with wake-ups, a bounded room
//! and customers who lose patience.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Visit;
use crate::units::{SimTime, Span};

/// A station of c cores. A customer is served by the core that is free first (one queue for all), or by the core it is
/// bound to (a queue a core).
#[derive(Debug, Clone)]
pub struct Cores {
    /// When each core is free. Padded with `NEVER` to a multiple of four, so that the scan has no tail.
    free: Vec<SimTime>,
    count: usize,
    /// With a bounded room: when each customer inside leaves.
    inside: Option<BinaryHeap<Reverse<SimTime>>>,
}

/// What one customer needs and accepts.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The core it is bound to; `None` takes the one that is free first.
    pub core: Option<usize>,
    /// Added to the service of one that finds its core idle.
    pub wakeup: Span,
    /// Most customers in the station, this one included.
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
    /// This many idle cores. `bounded`: whether the number inside must be known.
    pub fn new(count: u32, bounded: bool) -> Self {
        let count = count as usize;
        let mut free = vec![SimTime::ZERO; count];
        free.resize(count.next_multiple_of(4), SimTime::NEVER);
        Self { free, count, inside: bounded.then(BinaryHeap::new) }
    }

    /// Serves a customer that needs nothing special: any core, unlimited room, endless patience.
    #[inline(always)]
    pub fn serve(&mut self, arrival: SimTime, demand: Span, wakeup: Span) -> Visit {
        let core = self.earliest();
        self.serve_on(core, arrival, demand, wakeup)
    }

    #[inline(always)]
    fn serve_on(&mut self, core: usize, arrival: SimTime, demand: Span, wakeup: Span) -> Visit {
        let free = &mut self.free[core];
        let wakeup = if *free <= arrival { wakeup } else { Span::ZERO };
        let start = (*free).max(arrival);
        let departure = start + demand + wakeup;
        *free = departure;
        Visit { arrival, start, departure, wakeup }
    }

    /// Serves, turns away or loses a customer. Since service is in order of arrival, its wait is known when it comes,
    /// and one whose patience is shorter never takes any core's time.
    pub fn admit(&mut self, arrival: SimTime, demand: Span, rules: Rules) -> Admission {
        if let Some(inside) = &mut self.inside {
            while inside.peek().is_some_and(|leaves| leaves.0 <= arrival) {
                inside.pop();
            }
            if inside.len() as u64 >= rules.room {
                return Admission::Full;
            }
        }
        let core = rules.core.unwrap_or_else(|| self.earliest());
        let leaves = arrival + Span(rules.patience.0.min(u64::MAX - arrival.0));
        let admission = if self.free[core] > leaves {
            Admission::Abandoned(leaves)
        } else {
            Admission::Served(self.serve_on(core, arrival, demand, rules.wakeup))
        };
        if let Some(inside) = &mut self.inside {
            inside.push(Reverse(match admission {
                Admission::Served(visit) => visit.departure,
                _ => leaves,
            }));
        }
        admission
    }

    /// The core that is free first; of several, the first.
    #[inline(always)]
    fn earliest(&self) -> usize {
        if self.count == 1 {
            return 0;
        }
        let mut best = 0;
        let mut when = SimTime::NEVER;
        for (group, cores) in self.free.chunks_exact(4).enumerate() {
            // A tournament of four: no branch that the data decide.
            let left = usize::from(cores[1] < cores[0]);
            let right = 2 + usize::from(cores[3] < cores[2]);
            let winner = if cores[right] < cores[left] { right } else { left };
            if cores[winner] < when {
                when = cores[winner];
                best = 4 * group + winner;
            }
        }
        best
    }

    /// Work of all cores not yet done at this moment.
    pub fn backlog(&self, now: SimTime) -> Span {
        Span(self.free[..self.count].iter().map(|free| free.since(now).0).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREELY: Rules = Rules { core: None, wakeup: Span::ZERO, room: u64::MAX, patience: Span(u64::MAX) };

    #[test]
    fn any_core_that_is_free_serves() {
        for count in [1, 2, 3, 4, 5, 9] {
            let mut cores = Cores::new(count, false);
            for _ in 0..count {
                assert_eq!(cores.serve(SimTime(5), Span(10), Span(2)).departure, SimTime(17));
            }
            let waits = cores.serve(SimTime(6), Span(10), Span(2));
            assert_eq!((waits.start, waits.departure, waits.wakeup), (SimTime(17), SimTime(27), Span::ZERO));
        }
    }

    #[test]
    fn a_full_room_turns_away() {
        let mut cores = Cores::new(1, true);
        let rules = Rules { room: 2, ..FREELY };
        assert!(matches!(cores.admit(SimTime(0), Span(10), rules), Admission::Served(_)));
        assert!(matches!(cores.admit(SimTime(1), Span(10), rules), Admission::Served(_)));
        assert_eq!(cores.admit(SimTime(2), Span(10), rules), Admission::Full);
        assert!(matches!(cores.admit(SimTime(10), Span(10), rules), Admission::Served(_)));
    }

    #[test]
    fn the_impatient_cost_nothing() {
        let mut cores = Cores::new(1, true);
        cores.admit(SimTime(0), Span(10), FREELY);
        let rules = Rules { patience: Span(4), ..FREELY };
        assert_eq!(cores.admit(SimTime(1), Span(10), rules), Admission::Abandoned(SimTime(5)));
        let next = cores.admit(SimTime(2), Span(3), FREELY);
        assert!(matches!(next, Admission::Served(visit) if visit.start == SimTime(10)));
    }
}
