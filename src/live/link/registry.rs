//! Which channels a server wants, and what the broker has yet to be told.
//!
//! Members come and go on many threads, so what counts is the number of members a channel has and not the order in which
//! threads say so. The link's task takes the channels that changed and compares what is wanted with what the broker
//! knows: a channel that was left and joined again in between costs nothing.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::channel::Channel;

/// The channels wanted.
#[derive(Debug, Default)]
pub(super) struct Registry {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    members: HashMap<Channel, usize>,
    changed: HashSet<Channel>,
    generation: u64,
}

/// What the broker has to be told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Channels to subscribe to.
    pub subscribe: Vec<Channel>,
    /// Channels to unsubscribe from.
    pub unsubscribe: Vec<Channel>,
    /// All changes up to this one are in here.
    pub generation: u64,
}

impl Registry {
    /// One more member; whether it is the channel's first.
    pub fn join(&self, channel: Channel) -> bool {
        let mut state = self.lock();
        let members = state.members.entry(channel).or_insert(0);
        *members += 1;
        let first = *members == 1;
        if first {
            state.change(channel);
        }
        first
    }

    /// One member less; whether it was the channel's last.
    pub fn leave(&self, channel: Channel) -> bool {
        let mut state = self.lock();
        let Some(members) = state.members.get_mut(&channel) else {
            debug_assert!(false, "{channel:?} is left by someone who hadn't joined");
            return false;
        };
        *members -= 1;
        let last = *members == 0;
        if last {
            state.members.remove(&channel);
            state.change(channel);
        }
        last
    }

    /// The number of the last change.
    pub fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// How many channels are wanted.
    pub fn wanted(&self) -> usize {
        self.lock().members.len()
    }

    /// What changed since the last call, for a broker that knows these channels; they are brought up to date.
    pub fn changes(&self, known: &mut HashSet<Channel>) -> Changes {
        let mut state = self.lock();
        let changed = std::mem::take(&mut state.changed);
        let mut changes = Changes { generation: state.generation, ..Changes::default() };
        for channel in changed {
            if state.members.contains_key(&channel) {
                if known.insert(channel) {
                    changes.subscribe.push(channel);
                }
            } else if known.remove(&channel) {
                changes.unsubscribe.push(channel);
            }
        }
        changes
    }

    /// Forgets what the broker was told: a new one is to be told everything.
    pub fn forget(&self) {
        let mut state = self.lock();
        let all: Vec<Channel> = state.members.keys().copied().collect();
        state.changed.extend(all);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn change(&mut self, channel: Channel) {
        self.changed.insert(channel);
        self.generation += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Channel = Channel::Room(1);
    const B: Channel = Channel::Room(2);

    #[test]
    fn only_first_and_last_members_change_anything() {
        let registry = Registry::default();
        let mut known = HashSet::new();
        assert!(registry.join(A));
        assert!(!registry.join(A));
        assert_eq!(registry.changes(&mut known).subscribe, [A]);
        assert!(!registry.leave(A));
        assert_eq!(registry.changes(&mut known), Changes { generation: 1, ..Changes::default() });
        assert!(registry.leave(A));
        assert_eq!(registry.changes(&mut known).unsubscribe, [A]);
        assert_eq!((registry.wanted(), registry.generation(), known.len()), (0, 2, 0));
    }

    #[test]
    fn what_was_undone_is_not_told() {
        let registry = Registry::default();
        let mut known = HashSet::new();
        registry.join(A);
        registry.changes(&mut known);
        registry.leave(A);
        registry.join(A);
        registry.join(B);
        registry.leave(B);
        assert_eq!(registry.changes(&mut known), Changes { generation: 5, ..Changes::default() });
    }

    #[test]
    fn a_new_broker_is_told_everything() {
        let registry = Registry::default();
        let mut known = HashSet::new();
        registry.join(A);
        registry.join(B);
        registry.changes(&mut known);
        registry.leave(B);
        registry.forget();
        let changes = registry.changes(&mut HashSet::new());
        assert_eq!((changes.subscribe, changes.unsubscribe), (vec![A], vec![]));
    }
}
