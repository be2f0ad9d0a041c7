//! Who has the fewest: an index over counts that change by one.

/// Counts of n places, with the places of each count listed, so that one with the fewest is found at once.
#[derive(Debug, Clone)]
pub struct LeastLoaded {
    count_of: Vec<u32>,
    /// Where a place stands in the list of its count.
    position: Vec<u32>,
    /// The places of each count.
    levels: Vec<Vec<u32>>,
    least: usize,
    total: u64,
    most: u32,
    /// Places that are not to be chosen.
    retired: Vec<bool>,
    available: usize,
}

impl LeastLoaded {
    /// n places, all of count zero.
    ///
    /// # Panics
    /// When n does not fit 32 bits: a bug of ours, since scenarios have fewer servers.
    pub fn new(n: usize) -> Self {
        let places = u32::try_from(n).expect("places fit 32 bits");
        Self {
            count_of: vec![0; n],
            position: (0..places).collect(),
            levels: vec![(0..places).collect()],
            least: 0,
            total: 0,
            most: 0,
            retired: vec![false; n],
            available: n,
        }
    }

    /// The count of a place.
    pub fn count(&self, place: usize) -> u32 {
        self.count_of[place]
    }

    /// The sum of all counts.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The largest count that any place has had.
    pub fn most(&self) -> u32 {
        self.most
    }

    /// Places there are.
    pub fn places(&self) -> usize {
        self.count_of.len()
    }

    /// Places that may be chosen.
    pub fn available(&self) -> usize {
        self.available
    }

    /// Whether a place may be chosen.
    pub fn is_available(&self, place: usize) -> bool {
        !self.retired[place]
    }

    /// A place is not to be chosen from now on; its count goes on.
    pub fn retire(&mut self, place: usize) {
        if !self.retired[place] {
            self.unlist(place, self.count_of[place] as usize);
            self.retired[place] = true;
            self.available -= 1;
            self.look_up();
        }
    }

    /// A place may be chosen again.
    pub fn restore(&mut self, place: usize) {
        if self.retired[place] {
            let count = self.count_of[place] as usize;
            self.retired[place] = false;
            self.available += 1;
            self.list(place, count);
            self.least = self.least.min(count);
            self.look_up();
        }
    }

    /// One of the places with the fewest, where one is [available](Self::available); `pick(k)` chooses among k of them.
    pub fn least(&self, pick: impl FnOnce(u64) -> u64) -> usize {
        let level = &self.levels[self.least];
        let chosen = if level.len() == 1 { 0 } else { pick(level.len() as u64) as usize };
        level[chosen] as usize
    }

    /// One more at a place.
    pub fn add(&mut self, place: usize) {
        let from = self.count_of[place] as usize;
        self.shift(place, from, from + 1);
        self.total += 1;
        self.most = self.most.max(from as u32 + 1);
        if from == self.least {
            self.look_up();
        }
    }

    /// One fewer at a place.
    ///
    /// # Panics
    /// When the place has none: a bug of ours.
    pub fn remove(&mut self, place: usize) {
        let from = self.count_of[place] as usize;
        assert!(from > 0, "a place of count zero cannot lose one");
        self.shift(place, from, from - 1);
        self.total -= 1;
        if !self.retired[place] {
            self.least = self.least.min(from - 1);
        }
    }

    /// From a level that may have got empty, up to the next that isn't.
    fn look_up(&mut self) {
        while self.available > 0 && self.levels.get(self.least).is_some_and(Vec::is_empty) {
            self.least += 1;
        }
    }

    fn shift(&mut self, place: usize, from: usize, to: usize) {
        if !self.retired[place] {
            self.unlist(place, from);
            self.list(place, to);
        }
        self.count_of[place] = to as u32;
    }

    fn unlist(&mut self, place: usize, level: usize) {
        let position = self.position[place] as usize;
        let level = &mut self.levels[level];
        level.swap_remove(position);
        if let Some(&moved) = level.get(position) {
            self.position[moved as usize] = position as u32;
        }
    }

    fn list(&mut self, place: usize, level: usize) {
        if self.levels.len() <= level {
            self.levels.resize(level + 1, Vec::new());
        }
        self.position[place] = self.levels[level].len() as u32;
        self.levels[level].push(place as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn the_least_is_always_the_least() {
        let mut stream = Stream::named(1, 0, 0, Purpose::Routing);
        let mut index = LeastLoaded::new(7);
        let mut counts = [0_u32; 7];
        for _ in 0..10_000 {
            let place = stream.below(7) as usize;
            if stream.unit() < 0.45 && counts[place] > 0 {
                counts[place] -= 1;
                index.remove(place);
            } else {
                let place = index.least(|k| stream.below(k));
                counts[place] += 1;
                index.add(place);
            }
            let found = index.least(|k| stream.below(k));
            assert_eq!(Some(&counts[found]), counts.iter().min());
            assert!((0..7).all(|p| index.count(p) == counts[p]));
        }
    }

    #[test]
    fn the_retired_are_not_chosen() {
        let mut stream = Stream::named(2, 0, 0, Purpose::Routing);
        let mut index = LeastLoaded::new(5);
        let (mut counts, mut retired) = ([0_u32; 5], [false; 5]);
        for _ in 0..20_000 {
            let place = stream.below(5) as usize;
            match stream.below(6) {
                0 => {
                    index.retire(place);
                    retired[place] = true;
                }
                1 => {
                    index.restore(place);
                    retired[place] = false;
                }
                2 | 3 if counts[place] > 0 => {
                    counts[place] -= 1;
                    index.remove(place);
                }
                _ => {
                    counts[place] += 1;
                    index.add(place);
                }
            }
            let up = || (0..5).filter(|p| !retired[*p]);
            assert_eq!(index.available(), up().count());
            if index.available() > 0 {
                let found = index.least(|k| stream.below(k));
                assert!(!retired[found]);
                assert_eq!(Some(counts[found]), up().map(|p| counts[p]).min());
            }
            assert!((0..5).all(|p| index.count(p) == counts[p]));
        }
    }
}
