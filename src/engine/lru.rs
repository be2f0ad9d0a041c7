//! A cache that keeps what was asked for last.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::random::mix;

/// No slot.
const NONE: u32 = u32::MAX;

/// At most so many objects, each with a stamp; the one that nobody has asked for the longest makes room. A look or a
/// change takes the same time however many there are: a table finds an object's slot, and slots are linked in order.
#[derive(Debug, Clone)]
pub struct Lru {
    place: HashMap<u64, u32, BuildHasherDefault<Mixed>>,
    slots: Vec<Slot>,
    size: usize,
    newest: u32,
    oldest: u32,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    object: u64,
    stamp: i64,
    newer: u32,
    older: u32,
}

impl Lru {
    /// An empty cache for so many objects.
    ///
    /// # Panics
    /// When there is room for none, or for more than slots have numbers: a bug of ours.
    pub fn new(size: usize) -> Self {
        assert!(size > 0 && size < NONE as usize, "room for at least one object");
        Self { place: HashMap::default(), slots: Vec::new(), size, newest: NONE, oldest: NONE }
    }

    /// Objects inside.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Forgets everything, as a restart does.
    pub fn clear(&mut self) {
        self.place.clear();
        self.slots.clear();
        (self.newest, self.oldest) = (NONE, NONE);
    }

    /// Asks for an object: its stamp, if it is inside. It is then the one asked for last.
    pub fn get(&mut self, object: u64) -> Option<i64> {
        let slot = *self.place.get(&object)?;
        self.unlink(slot);
        self.link(slot);
        Some(self.slots[slot as usize].stamp)
    }

    /// Puts an object in (or stamps it anew) as the one asked for last; the oldest leaves where there is no room.
    pub fn put(&mut self, object: u64, stamp: i64) {
        if let Some(&slot) = self.place.get(&object) {
            self.slots[slot as usize].stamp = stamp;
            self.unlink(slot);
            self.link(slot);
            return;
        }
        let entry = Slot { object, stamp, newer: NONE, older: NONE };
        let slot = if self.slots.len() < self.size {
            self.slots.push(entry);
            self.slots.len() as u32 - 1
        } else {
            let oldest = self.oldest;
            self.unlink(oldest);
            self.place.remove(&self.slots[oldest as usize].object);
            self.slots[oldest as usize] = entry;
            oldest
        };
        self.place.insert(object, slot);
        self.link(slot);
    }

    /// Takes a slot out of the order.
    fn unlink(&mut self, slot: u32) {
        let Slot { newer, older, .. } = self.slots[slot as usize];
        match self.slots.get_mut(newer as usize) {
            Some(other) => other.older = older,
            None => self.newest = older,
        }
        match self.slots.get_mut(older as usize) {
            Some(other) => other.newer = newer,
            None => self.oldest = newer,
        }
    }

    /// Puts a slot in front.
    fn link(&mut self, slot: u32) {
        let second = std::mem::replace(&mut self.newest, slot);
        let entry = &mut self.slots[slot as usize];
        (entry.newer, entry.older) = (NONE, second);
        match self.slots.get_mut(second as usize) {
            Some(other) => other.newer = slot,
            None => self.oldest = slot,
        }
    }
}

/// A hash that is the same everywhere, of one number.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = mix(self.0 ^ number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream, Zipf};
    use crate::stats::cache::LruForm;

    #[test]
    fn the_longest_unasked_makes_room() {
        let mut cache = Lru::new(3);
        for object in 1..=3 {
            cache.put(object, object.cast_signed() * 10);
        }
        assert_eq!(cache.get(1), Some(10));
        cache.put(4, 40);
        assert_eq!((cache.get(2), cache.get(3), cache.get(1), cache.get(4)), (None, Some(30), Some(10), Some(40)));
        cache.put(3, 31);
        cache.put(5, 50);
        cache.put(6, 60);
        assert_eq!((cache.get(3), cache.get(4), cache.len()), (Some(31), None, 3));
        cache.clear();
        assert_eq!((cache.get(3), cache.is_empty()), (None, true));
        cache.put(7, 70);
        assert_eq!(cache.get(7), Some(70));
    }

    /// Against a plain list, step by step.
    #[test]
    fn it_does_as_a_plain_list() {
        let mut stream = Stream::named(3, 0, 0, Purpose::Objects);
        for size in [1, 2, 7] {
            let (mut cache, mut list) = (Lru::new(size), Vec::new());
            for step in 0..20_000 {
                let object = stream.below(12);
                let found = list.iter().position(|(other, _)| *other == object).map(|place| list.remove(place));
                assert_eq!(cache.get(object), found.map(|(_, stamp)| stamp));
                let entry = found.unwrap_or((object, step));
                list.insert(0, entry);
                cache.put(object, entry.1);
                list.truncate(size);
                assert_eq!(cache.len(), list.len());
            }
        }
    }

    /// Hits, their ages and what is stale of `requests` requests at 1,000 a second, after as many to fill the cache.
    fn simulated(objects: f64, s: f64, size: usize, ttl: Option<f64>, requests: u32) -> (f64, f64) {
        let mut stream = Stream::named(5, 0, size as u64, Purpose::Objects);
        let (zipf, mut cache) = (Zipf::new(objects, s), Lru::new(size));
        let (mut hits, mut ages, mut now) = (0_u32, 0.0, 0.0);
        let oldest = ttl.unwrap_or(f64::INFINITY);
        for request in 0..2 * requests {
            now += stream.exp1() / 1_000.0;
            let object = zipf.sample(&mut stream);
            let age = cache.get(object).map(|stamp| now - stamp as f64 / 1e6).filter(|age| *age <= oldest);
            match age {
                Some(age) if request >= requests => (hits, ages) = (hits + 1, ages + age),
                Some(_) => {}
                None => cache.put(object, (now * 1e6) as i64),
            }
        }
        (f64::from(hits) / f64::from(requests), ages / f64::from(hits.max(1)))
    }

    /// Che's approximation is within half a percent, where more than a handful of objects fit; sampling is half of that.
    #[test]
    fn che_agrees_with_a_real_cache() {
        for (objects, size, s) in
            [(100.0, 10, 0.8), (1_000.0, 50, 0.0), (1_000.0, 300, 0.9), (10_000.0, 100, 1.2), (100_000.0, 5_000, 0.9)]
        {
            let right = LruForm::new(objects, s, size as f64).served(1_000.0, None, 0.0).hit_ratio;
            let (found, _) = simulated(objects, s, size, None, 400_000);
            assert!((found - right).abs() < 0.005, "{objects} {size} {s}: {found}, Che has {right}");
        }
    }

    #[test]
    fn so_it_does_where_copies_get_old() {
        for (objects, size, s, ttl) in [
            (1_000.0, 1_000, 0.9, 0.5),
            (1_000.0, 1_000, 0.9, 10.0),
            (1_000.0, 200, 0.9, 0.1),
            (1_000.0, 200, 0.9, 2.0),
            (10_000.0, 500, 0.8, 5.0),
        ] {
            let right = LruForm::new(objects, s, size as f64).served(1_000.0, Some(ttl), 0.0);
            let (found, age) = simulated(objects, s, size, Some(ttl), 400_000);
            let (hit_ratio, mean_age) = (right.hit_ratio, right.mean_age.unwrap());
            assert!((found - hit_ratio).abs() < 0.01, "{objects} {size} {ttl}: {found}, the form has {hit_ratio}");
            assert!((age - mean_age).abs() < 0.03 * ttl, "{objects} {size} {ttl}: {age}, the form has {mean_age}");
        }
    }
}
