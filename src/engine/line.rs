//! One server, first come first served, without events.

use super::Visit;
use crate::units::{SimTime, Span};

/// A single FIFO server by Lindley's recursion: start = max(arrival, when the server is free).
#[derive(Debug, Clone, Default)]
pub struct Line {
    free: SimTime,
}

impl Line {
    /// Serves a customer that comes now; arrivals must come in order of time.
    #[inline(always)]
    pub fn serve(&mut self, arrival: SimTime, demand: Span) -> Visit {
        let start = self.free.max(arrival);
        let departure = start + demand;
        self.free = departure;
        Visit { arrival, start, departure, wakeup: Span::ZERO }
    }

    /// When all that has come is done.
    pub fn free_at(&self) -> SimTime {
        self.free
    }

    /// Work not yet done at this moment.
    pub fn backlog(&self, now: SimTime) -> Span {
        self.free.since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_waits_for_the_first() {
        let mut line = Line::default();
        let first = line.serve(SimTime(10), Span(5));
        let second = line.serve(SimTime(12), Span(5));
        assert_eq!((first.start, first.departure), (SimTime(10), SimTime(15)));
        assert_eq!((second.start, second.departure), (SimTime(15), SimTime(20)));
        assert_eq!(line.backlog(SimTime(13)), Span(7));
    }
}
