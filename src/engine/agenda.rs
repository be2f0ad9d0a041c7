//! Things to come, by time, for who takes them in order in large portions: cheaper than a heap where many are far away.

use crate::units::{SimTime, Span};

/// So many buckets are kept; what lies past them waits in a list of its own.
const BUCKETS: usize = 4_096;

/// Things with a time, in buckets of equal width.
#[derive(Debug, Clone)]
pub struct Agenda<T> {
    width: u64,
    /// The number of the first bucket: its time over the width.
    base: u64,
    buckets: std::collections::VecDeque<Vec<(SimTime, T)>>,
    later: Vec<(SimTime, T)>,
    len: usize,
    /// A portion not yet in order, and the order: kept for their room.
    unsorted: Vec<(SimTime, T)>,
    order: Vec<u64>,
}

impl<T: Copy> Agenda<T> {
    /// Nothing to come; portions are taken about so far apart.
    pub fn new(width: Span) -> Self {
        Self {
            width: width.0.max(1),
            base: 0,
            buckets: std::collections::VecDeque::new(),
            later: Vec::new(),
            len: 0,
            unsorted: Vec::new(),
            order: Vec::new(),
        }
    }

    /// Adds something to come, not before the moment up to which all was taken.
    pub fn add(&mut self, at: SimTime, thing: T) {
        self.len += 1;
        self.put(at, thing);
    }

    fn put(&mut self, at: SimTime, thing: T) {
        let bucket = (at.0 / self.width).saturating_sub(self.base) as usize;
        if bucket >= BUCKETS {
            self.later.push((at, thing));
            return;
        }
        if bucket >= self.buckets.len() {
            self.buckets.resize_with(bucket + 1, Vec::new);
        }
        self.buckets[bucket].push((at, thing));
    }

    /// Moves all that comes by this moment into `portion`, sorted by time; what is of the same time in the order in which
    /// it was added.
    pub fn take(&mut self, until: SimTime, portion: &mut Vec<(SimTime, T)>) {
        let mut unsorted = std::mem::take(&mut self.unsorted);
        self.take_unsorted(until, &mut unsorted);
        let first = unsorted.iter().map(|entry| entry.0).min().unwrap_or(until);
        if until.since(first).0 >> 32 == 0 && unsorted.len() as u64 >> 32 == 0 {
            // A time and a place fit into one word: words are sorted much faster than entries.
            self.order.clear();
            let word = |(i, entry): (usize, &(SimTime, T))| entry.0.since(first).0 << 32 | i as u64;
            self.order.extend(unsorted.iter().enumerate().map(word));
            self.order.sort_unstable();
            portion.clear();
            portion.extend(self.order.iter().map(|word| unsorted[(word & 0xFFFF_FFFF) as usize]));
        } else {
            unsorted.sort_by_key(|entry| entry.0);
            std::mem::swap(portion, &mut unsorted);
        }
        self.unsorted = unsorted;
    }

    /// The same in any order, but for what is of the same time.
    pub fn take_unsorted(&mut self, until: SimTime, portion: &mut Vec<(SimTime, T)>) {
        portion.clear();
        let last = until.0 / self.width;
        while self.base < last {
            match self.buckets.pop_front() {
                Some(mut bucket) => {
                    portion.append(&mut bucket);
                    if self.buckets.capacity() > self.buckets.len() {
                        // Its room is used again.
                        self.buckets.push_back(bucket);
                    }
                    self.base += 1;
                }
                None => self.base = last,
            }
            if !self.later.is_empty() && self.base.is_multiple_of(BUCKETS as u64 / 2) {
                self.sort_in();
            }
        }
        if !self.later.is_empty() && self.buckets.iter().all(Vec::is_empty) {
            self.sort_in();
        }
        if let Some(bucket) = self.buckets.front_mut() {
            bucket.retain(|entry| {
                let due = entry.0 <= until;
                if due {
                    portion.push(*entry);
                }
                !due
            });
        }
        self.len -= portion.len();
    }

    fn sort_in(&mut self) {
        for (at, thing) in std::mem::take(&mut self.later) {
            self.put(at, thing);
        }
    }

    /// The time of the first.
    pub fn next_time(&self) -> SimTime {
        let first = self.buckets.iter().find(|bucket| !bucket.is_empty());
        let earliest = |entries: &[(SimTime, T)]| entries.iter().map(|entry| entry.0).min().unwrap_or(SimTime::NEVER);
        first.map_or_else(|| earliest(&self.later), |bucket| earliest(bucket).min(earliest(&self.later)))
    }

    /// How many are to come.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is to come.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn everything_comes_out_once_and_in_order() {
        let mut stream = Stream::named(3, 0, 0, Purpose::Routing);
        let mut agenda = Agenda::new(Span(7));
        let (mut now, mut number, mut seen, mut portion) = (0_u64, 0_u32, 0, Vec::new());
        for _ in 0..3_000 {
            for _ in 0..stream.below(4) {
                // Some far beyond the buckets.
                let ahead = if stream.below(20) == 0 { stream.below(200_000) } else { stream.below(50) };
                agenda.add(SimTime(now + 1 + ahead), number);
                number += 1;
            }
            now += stream.below(30);
            agenda.take(SimTime(now), &mut portion);
            assert!(portion.is_sorted_by_key(|entry| entry.0));
            assert!(portion.iter().all(|entry| entry.0.0 <= now));
            assert!(agenda.next_time().0 > now);
            seen += portion.len();
        }
        assert_eq!(seen + agenda.len(), number as usize);
    }
}
