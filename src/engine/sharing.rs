//! c cores shared equally by all who are there (processor sharing), by virtual time.
//!
//! With n customers inside, each is served at rate min(1, c/n). Virtual time V runs at that rate, so a customer with
//! demand D that came at V leaves at V + D, whatever happens in between: a heap of virtual departures suffices
//! (the idea of virtual time in fair queueing: Parekh and Gallager 1993).

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::Sleep;
use crate::units::{SimTime, Span};

/// A station shared by its customers, each carrying a `T`.
#[derive(Debug, Clone)]
pub struct Sharing<T> {
    cores: f64,
    now: SimTime,
    /// Virtual picoseconds since the station was last empty.
    virtual_now: f64,
    heap: BinaryHeap<Job<T>>,
    sequence: u64,
    sleep: Sleep,
}

#[derive(Debug, Clone)]
struct Job<T> {
    virtual_departure: f64,
    sequence: u64,
    arrival: SimTime,
    demand: Span,
    wakeup: Span,
    cargo: T,
}

/// A customer that left.
#[derive(Debug, Clone, Copy)]
pub struct Departed<T> {
    /// When it came.
    pub arrival: SimTime,
    /// When it left.
    pub departure: SimTime,
    /// What it needed, wake-up included.
    pub service: Span,
    /// The wake-up it paid.
    pub wakeup: Span,
    /// What it carried.
    pub cargo: T,
}

impl<T> Sharing<T> {
    /// A station of this many cores.
    pub fn new(cores: u32) -> Self {
        let (cores, now, heap) = (f64::from(cores), SimTime::ZERO, BinaryHeap::new());
        Self { cores, now, virtual_now: 0.0, heap, sequence: 0, sleep: Sleep::NONE }
    }

    /// The same, but the longer all cores were idle, the longer it takes to wake one.
    #[must_use]
    pub fn sleeping(mut self, sleep: Sleep) -> Self {
        self.sleep = sleep;
        self
    }

    /// Customers inside.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nobody is inside.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Who is inside, in no particular order: arrival and cargo.
    pub fn inside(&self) -> impl Iterator<Item = (SimTime, &T)> {
        self.heap.iter().map(|job| (job.arrival, &job.cargo))
    }

    /// All who are inside are gone.
    pub fn clear(&mut self, now: SimTime) {
        self.heap.clear();
        self.virtual_now = 0.0;
        self.now = now;
    }

    /// Cores at work now.
    pub fn busy_cores(&self) -> f64 {
        (self.heap.len() as f64).min(self.cores)
    }

    /// The station's own clock: the last arrival or departure.
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// When the next customer leaves, if none comes before.
    pub fn next_departure(&self) -> Option<SimTime> {
        let first = self.heap.peek()?;
        let remaining = (first.virtual_departure - self.virtual_now).max(0.0) / self.rate();
        Some(self.now + Span(remaining.round() as u64))
    }

    /// Lets the next customer go; call it only for a moment not before [`Self::next_departure`].
    pub fn depart(&mut self) -> Option<Departed<T>> {
        let departure = self.next_departure()?;
        let job = self.heap.pop()?;
        self.now = departure;
        // An empty station starts anew, so rounding never adds up over more than a busy period.
        self.virtual_now = if self.heap.is_empty() { 0.0 } else { job.virtual_departure };
        Some(Departed {
            arrival: job.arrival,
            departure,
            service: Span(job.demand.0 + job.wakeup.0),
            wakeup: job.wakeup,
            cargo: job.cargo,
        })
    }

    /// Takes in a customer; all departures up to this moment must have been taken out before. It pays the wake-up where
    /// it finds a core idle.
    pub fn arrive(&mut self, arrival: SimTime, demand: Span, wakeup: Span, cargo: T) {
        if !self.heap.is_empty() {
            self.virtual_now += arrival.since(self.now).0 as f64 * self.rate();
        }
        let slept = if self.heap.is_empty() { self.sleep.after(arrival.since(self.now)) } else { Span::ZERO };
        self.now = arrival;
        let wakeup = if (self.heap.len() as f64) < self.cores { wakeup + slept } else { Span::ZERO };
        let virtual_departure = self.virtual_now + (demand.0 + wakeup.0) as f64;
        self.heap.push(Job { virtual_departure, sequence: self.sequence, arrival, demand, wakeup, cargo });
        self.sequence += 1;
    }

    fn rate(&self) -> f64 {
        (self.cores / self.heap.len() as f64).min(1.0)
    }
}

impl<T> PartialEq for Job<T> {
    fn eq(&self, other: &Self) -> bool {
        self.sequence == other.sequence
    }
}

impl<T> Eq for Job<T> {}

impl<T> PartialOrd for Job<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Job<T> {
    /// The first to leave is the greatest; of two that leave together, the first that came.
    fn cmp(&self, other: &Self) -> Ordering {
        other.virtual_departure.total_cmp(&self.virtual_departure).then_with(|| other.sequence.cmp(&self.sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_share_one_core() {
        let mut station = Sharing::new(1);
        station.arrive(SimTime(0), Span(10), Span::ZERO, 'a');
        station.arrive(SimTime(4), Span(3), Span::ZERO, 'b');
        // b needs 3 at half speed: it leaves at 10; a then has 3 of its 10 left.
        assert_eq!(station.next_departure(), Some(SimTime(10)));
        let first = station.depart().unwrap();
        assert_eq!((first.cargo, first.departure), ('b', SimTime(10)));
        let second = station.depart().unwrap();
        assert_eq!((second.cargo, second.departure), ('a', SimTime(13)));
        assert!(station.is_empty());
    }

    #[test]
    fn two_on_two_cores_do_not_meet() {
        let mut station = Sharing::new(2);
        station.arrive(SimTime(0), Span(10), Span(1), 'a');
        station.arrive(SimTime(4), Span(3), Span(1), 'b');
        assert_eq!(station.depart().unwrap().departure, SimTime(8));
        assert_eq!(station.depart().unwrap().departure, SimTime(11));
    }
}
