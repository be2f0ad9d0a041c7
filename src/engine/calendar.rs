//! The event calendar, for what is irregular.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::units::SimTime;

/// Events in order of time; those of the same time in the order in which they were scheduled.
#[derive(Debug, Clone)]
pub struct Calendar<E> {
    heap: BinaryHeap<Entry<E>>,
    sequence: u64,
}

#[derive(Debug, Clone)]
struct Entry<E> {
    time: SimTime,
    sequence: u64,
    event: E,
}

impl<E> Default for Calendar<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), sequence: 0 }
    }
}

impl<E> Calendar<E> {
    /// Adds an event.
    pub fn schedule(&mut self, time: SimTime, event: E) {
        self.heap.push(Entry { time, sequence: self.sequence, event });
        self.sequence += 1;
    }

    /// When the next event is.
    pub fn next_time(&self) -> Option<SimTime> {
        self.heap.peek().map(|entry| entry.time)
    }

    /// Takes out the next event, if it is not later than `until`.
    pub fn pop_until(&mut self, until: SimTime) -> Option<(SimTime, E)> {
        if self.next_time()? > until {
            return None;
        }
        self.heap.pop().map(|entry| (entry.time, entry.event))
    }

    /// How many events are pending.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.sequence == other.sequence
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.time, other.sequence).cmp(&(self.time, self.sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_then_order_of_scheduling() {
        let mut calendar = Calendar::default();
        calendar.schedule(SimTime(5), "late");
        calendar.schedule(SimTime(3), "first");
        calendar.schedule(SimTime(3), "second");
        assert_eq!(calendar.pop_until(SimTime(3)), Some((SimTime(3), "first")));
        assert_eq!(calendar.pop_until(SimTime(3)), Some((SimTime(3), "second")));
        assert_eq!(calendar.pop_until(SimTime(4)), None);
        assert_eq!(calendar.len(), 1);
    }
}
