//! Lists of connections that get the same messages: the members of a room, a user's connections, all.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::peer::Peer;
use crate::live::link::Channel as Address;

/// A list of connections. One can be on two lists, in different [`Place`]s.
#[derive(Debug)]
pub struct Channel {
    /// What other servers know it as.
    pub address: Address,
    place: usize,
    members: Mutex<Vec<Arc<Peer>>>,
}

/// Which of a connection's two lists a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
enum Place {
    /// That of all connections.
    Everyone = 0,
    /// That of a room or a user.
    Group = 1,
}

impl Channel {
    /// One without members.
    pub fn new(address: Address) -> Self {
        let place = if address == Address::Everyone { Place::Everyone } else { Place::Group };
        Self { address, place: place as usize, members: Mutex::default() }
    }

    /// Puts a connection on the list.
    pub fn join(&self, peer: Arc<Peer>) {
        let mut members = self.members();
        peer.places[self.place].store(members.len(), Relaxed);
        members.push(peer);
    }

    /// Takes a connection off the list that it is on.
    pub fn leave(&self, peer: &Peer) {
        let mut members = self.members();
        let at = peer.places[self.place].load(Relaxed);
        members.swap_remove(at);
        if let Some(moved) = members.get(at) {
            moved.places[self.place].store(at, Relaxed);
        }
        if members.is_empty() {
            *members = Vec::new();
        }
    }

    /// Those on the list now. The list stays as it is as long as this is held.
    pub fn members(&self) -> MutexGuard<'_, Vec<Arc<Peer>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The channels of rooms, or of users, by number. An empty one is kept: its members come back.
#[derive(Debug)]
pub struct Directory {
    address: fn(u64) -> Address,
    channels: Mutex<HashMap<u32, Arc<Channel>>>,
}

impl Directory {
    /// An empty one of channels that other servers know by these addresses.
    pub fn new(address: fn(u64) -> Address) -> Self {
        Self { address, channels: Mutex::default() }
    }

    /// The channel of this number, made if it isn't there.
    pub fn open(&self, number: u32) -> Arc<Channel> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let address = (self.address)(u64::from(number));
        Arc::clone(channels.entry(number).or_insert_with(|| Arc::new(Channel::new(address))))
    }

    /// The channel of this number, if somebody was ever in it.
    pub fn find(&self, number: u32) -> Option<Arc<Channel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_is_the_one_who_left() {
        let directory = Directory::new(Address::Room);
        let channel = directory.open(3);
        let peers: Vec<_> = (0..5).map(|at| Arc::new(Peer::new(at))).collect();
        for peer in &peers {
            channel.join(Arc::clone(peer));
        }
        for gone in [0, 4, 2] {
            channel.leave(&peers[gone]);
            assert!(channel.members().iter().all(|member| !Arc::ptr_eq(member, &peers[gone])), "{gone}");
        }
        assert_eq!(directory.find(3).map(|channel| channel.members().len()), Some(2));
        assert!(directory.find(4).is_none());
    }
}
