//! Customers that leave several servers out of order, put back in order of time.

use crate::units::SimTime;

/// A queue of (time, three words), kept in order of time; those of the same time in the order in which they came.
///
/// Nearly all come in order already, so it is a ring with insertion from the back. The cargo is plain words, written and
/// read one by one: a struct copied through memory would stall the loop that runs through here for every message.
#[derive(Debug, Clone)]
pub struct Reorder {
    slots: Vec<[u64; WORDS]>,
    head: usize,
    len: usize,
}

const WORDS: usize = 4;

impl Default for Reorder {
    fn default() -> Self {
        Self { slots: vec![[0; WORDS]; 8], head: 0, len: 0 }
    }
}

impl Reorder {
    /// Takes one in.
    #[inline(always)]
    pub fn push(&mut self, at: SimTime, cargo: [u64; 3]) {
        if self.len == self.slots.len() {
            self.grow();
        }
        let slots = &mut self.slots[..];
        // Never empty; said here so that the mask makes every index below a valid one without a check.
        if slots.is_empty() {
            return;
        }
        let mask = slots.len() - 1;
        let end = self.head + self.len;
        // Where there is none before, any place will do that is in the cache.
        let before = slots[end.saturating_sub(1) & mask][0];
        let slot = &mut slots[end & mask];
        slot[0] = at.0;
        slot[1] = cargo[0];
        slot[2] = cargo[1];
        slot[3] = cargo[2];
        self.len += 1;
        if self.len > 1 && before > at.0 {
            self.sink(end & mask);
        }
    }

    /// When the first is due; `NEVER` where there is none.
    pub fn next_time(&self) -> SimTime {
        if self.len == 0 { SimTime::NEVER } else { SimTime(self.slots[self.head & (self.slots.len() - 1)][0]) }
    }

    /// Touches what will be needed soon.
    #[inline(always)]
    pub fn glance(&self) -> u64 {
        let word = |place: usize| self.slots.get(place).map_or(0, |slot| slot[0]);
        // It begins at the front whenever it has been empty.
        word(self.head) ^ word(0) ^ word(2)
    }

    /// The first, if it is due.
    #[inline(always)]
    pub fn pop_until(&mut self, until: SimTime) -> Option<(SimTime, [u64; 3])> {
        let slots = &self.slots[..];
        if self.len == 0 || slots.is_empty() {
            return None;
        }
        let mask = slots.len() - 1;
        let slot = &slots[self.head & mask];
        if slot[0] > until.0 {
            return None;
        }
        let out = (SimTime(slot[0]), [slot[1], slot[2], slot[3]]);
        self.len -= 1;
        // A queue that is often empty stays in the same few lines of the cache.
        self.head = if self.len == 0 { 0 } else { (self.head + 1) & mask };
        Some(out)
    }

    #[inline(never)]
    fn sink(&mut self, mut place: usize) {
        let mask = self.slots.len() - 1;
        while place != self.head && self.slots[(place + mask) & mask][0] > self.slots[place][0] {
            let before = (place + mask) & mask;
            self.slots.swap(before, place);
            place = before;
        }
    }

    #[cold]
    fn grow(&mut self) {
        self.slots.rotate_left(self.head);
        self.head = 0;
        self.slots.resize(2 * self.slots.len(), [0; WORDS]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn what_comes_out_is_in_order() {
        let mut stream = Stream::named(1, 0, 0, Purpose::Service);
        let mut queue = Reorder::default();
        let (mut last, mut pushed, mut popped) = (0, 0, 0);
        for now in 0..20_000_u64 {
            queue.push(SimTime(now + stream.below(50)), [now, 0, 0]);
            pushed += 1;
            while let Some((at, _)) = queue.pop_until(SimTime(now)) {
                assert!(at.0 >= last);
                last = at.0;
                popped += 1;
            }
        }
        while queue.pop_until(SimTime::NEVER).is_some() {
            popped += 1;
        }
        assert_eq!(pushed, popped);
    }

    #[test]
    fn ties_keep_their_order() {
        let mut queue = Reorder::default();
        for i in 0..20 {
            queue.push(SimTime(if i % 2 == 0 { 5 } else { 3 }), [i, 0, 0]);
        }
        let order: Vec<u64> = std::iter::from_fn(|| queue.pop_until(SimTime(9))).map(|(_, cargo)| cargo[0]).collect();
        let expected: Vec<u64> = (0..20).filter(|i| i % 2 == 1).chain((0..20).filter(|i| i % 2 == 0)).collect();
        assert_eq!(order, expected);
    }
}
