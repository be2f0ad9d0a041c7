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

    /// One of the places with the fewest; `pick(k)` chooses among k of them.
    pub fn least(&self, pick: impl FnOnce(u64) -> u64) -> usize {
        let level = &self.levels[self.least];
        let chosen = if level.len() == 1 { 0 } else { pick(level.len() as u64) as usize };
        level[chosen] as usize
    }

    /// One more at a place.
    pub fn add(&mut self, place: usize) {
        let from = self.count_of[place] as usize;
        if self.levels.len() == from + 1 {
            self.levels.push(Vec::new());
        }
        self.shift(place, from, from + 1);
        self.total += 1;
        self.most = self.most.max(from as u32 + 1);
        if from == self.least && self.levels[from].is_empty() {
            self.least += 1;
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
        self.least = self.least.min(from - 1);
    }

    fn shift(&mut self, place: usize, from: usize, to: usize) {
        let position = self.position[place] as usize;
        let level = &mut self.levels[from];
        level.swap_remove(position);
        if let Some(&moved) = level.get(position) {
            self.position[moved as usize] = position as u32;
        }
        self.position[place] = self.levels[to].len() as u32;
        self.levels[to].push(place as u32);
        self.count_of[place] = to as u32;
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
}
