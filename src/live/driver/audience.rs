//! Who is meant by a message: the rooms, their members and their popularity. Everybody in the system is numbered from 0, and
//! each room has a stretch of those numbers.

use std::ops::Range;

use crate::random::{Purpose, Stream, mix};
use crate::scenario::{FanOut, Room};

/// Who gets messages.
#[derive(Debug, Clone, PartialEq)]
pub enum Audience {
    /// The sender.
    Echo,
    /// Nobody.
    Nobody,
    /// One other user.
    Direct,
    /// All members of the sender's room.
    Rooms(Rooms),
    /// All.
    Everybody,
}

/// The rooms.
#[derive(Debug, Clone, PartialEq)]
pub struct Rooms {
    /// The first member of each, and where the last one ends.
    starts: Vec<u32>,
    /// The exponent of their popularity.
    pub zipf: f64,
}

impl Audience {
    /// That of a scenario with so many users.
    pub fn of(fan_out: &FanOut, users: u32, seed: u64) -> Self {
        match fan_out {
            FanOut::Echo => Self::Echo,
            FanOut::None => Self::Nobody,
            FanOut::Direct => Self::Direct,
            FanOut::Room(room) => Self::Rooms(Rooms::new(room, users, seed)),
            FanOut::Broadcast => Self::Everybody,
        }
    }

    /// Whether messages come to others than their sender, and so have to be accounted for between connections.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Direct | Self::Rooms(_) | Self::Everybody)
    }

    /// Users who get a message of this one; for direct messages that is up to each message.
    pub fn of_sender(&self, sender: u32, users: u32) -> Range<u32> {
        match self {
            Self::Echo | Self::Direct => sender..sender + 1,
            Self::Nobody => 0..0,
            Self::Rooms(rooms) => rooms.members(rooms.of(sender)),
            Self::Everybody => 0..users,
        }
    }

    /// How a connection says whose it is.
    pub fn introduce(&self, user: u32) -> String {
        match self {
            Self::Direct => format!("user={user}"),
            Self::Rooms(rooms) => format!("user={user}&room={}", rooms.of(user)),
            Self::Echo | Self::Nobody | Self::Everybody => String::new(),
        }
    }
}

impl Rooms {
    /// As many as it takes for everybody to be in one; the last has who is left.
    fn new(room: &Room, users: u32, seed: u64) -> Self {
        let mut stream = Stream::named(seed, 0, 0, Purpose::Rooms);
        let mut starts = vec![0];
        let mut next = 0;
        while next < users {
            let size = room.size.sample(&mut stream).round().max(1.0) as u32;
            next = next.saturating_add(size).min(users);
            starts.push(next);
        }
        Self { starts, zipf: room.zipf }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// The room of a user.
    pub fn of(&self, user: u32) -> usize {
        self.starts.partition_point(|start| *start <= user) - 1
    }

    /// The members of a room.
    pub fn members(&self, room: usize) -> Range<u32> {
        self.starts[room]..self.starts[room + 1]
    }
}

/// What a delivery to this user adds to a message's sum: one delivery, and some bits that tell users apart, so that one
/// delivery too many doesn't hide one that is missing.
pub fn mark(user: u32) -> u64 {
    (1 << 40) + (mix(u64::from(user)) & 0xf_ffff)
}

/// Deliveries in a sum of marks (fewer than 2^20 of them, so that the bits below don't run over).
pub fn deliveries(sum: u64) -> u64 {
    sum >> 40
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Distribution;

    #[test]
    fn everybody_is_in_one_room() {
        let room = Room { size: Distribution::uniform(1.0, 20.0).unwrap(), zipf: 0.0 };
        let rooms = Rooms::new(&room, 1_000, 1);
        assert_eq!(rooms.starts.last(), Some(&1_000));
        for user in 0..1_000 {
            assert!(rooms.members(rooms.of(user)).contains(&user));
        }
        assert_eq!((0..rooms.count()).map(|room| rooms.members(room).len()).sum::<usize>(), 1_000);
        assert_eq!(rooms, Rooms::new(&room, 1_000, 1));
    }

    #[test]
    fn marks_count_and_tell_users_apart() {
        let sum: u64 = (0..1_000).map(mark).sum();
        assert_eq!(deliveries(sum), 1_000);
        assert_ne!(sum, (1..1_001).map(mark).sum::<u64>());
    }
}
