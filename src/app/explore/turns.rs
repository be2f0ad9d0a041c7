//! Whose turn it is: of the requests of one page for one thing, the latest counts, and those before it are given up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The requests that are being answered, by what they are for.
#[derive(Debug, Default)]
pub struct Turns(Mutex<HashMap<String, Turn>>);

/// Whether a request is still wanted.
#[derive(Debug, Clone, Default)]
pub struct Turn(Arc<AtomicBool>);

/// A turn that is over when this is dropped.
#[derive(Debug)]
pub struct Ticket {
    turns: Arc<Turns>,
    key: String,
    turn: Turn,
}

impl Turns {
    /// The next turn, which ends the one before it.
    pub fn take(self: &Arc<Self>, key: String) -> Ticket {
        let turn = Turn::default();
        let before = self.map().insert(key.clone(), turn.clone());
        if let Some(before) = before {
            before.end();
        }
        Ticket { turns: Arc::clone(self), key, turn }
    }

    /// Ends all turns.
    pub fn end(&self) {
        self.map().values().for_each(Turn::end);
    }

    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<String, Turn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Whether nobody wants it any more.
    pub fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Ticket {
    /// To look at from elsewhere.
    pub fn turn(&self) -> Turn {
        self.turn.clone()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.turn.end();
        let mut map = self.turns.map();
        if map.get(&self.key).is_some_and(|turn| Arc::ptr_eq(&turn.0, &self.turn.0)) {
            map.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_request_ends_the_earlier_one_of_the_same_thing() {
        let turns = Arc::new(Turns::default());
        let (first, other) = (turns.take("page a".into()), turns.take("page b".into()));
        let second = turns.take("page a".into());
        assert!(first.turn().is_over() && !second.turn().is_over() && !other.turn().is_over());
        // The earlier one's end is not the later one's.
        drop(first);
        assert!(!second.turn().is_over() && turns.map().len() == 2);
        let turn = second.turn();
        drop(second);
        assert!(turn.is_over() && turns.map().len() == 1);
        turns.end();
        assert!(other.turn().is_over());
    }
}
