//! What letters are addressed to, and what that is called at a broker.

use std::fmt::Write as _;

/// Most characters of a scenario's name in the names of channels.
const NAME: usize = 64;

/// Whom a letter is for. A server subscribes to the channels that members of its own belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// All users.
    Everyone,
    /// The members of a room.
    Room(u64),
    /// One user.
    User(u64),
}

/// Keeps systems apart that share a broker: the start of all their channels' names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace(String);

impl Namespace {
    /// The channels of the system of this name. Only letters, digits, `-` and `_` of it are kept, since the others mean
    /// something to brokers.
    pub fn new(system: &str) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
        let name: String = system.chars().take(NAME).map(plain).collect();
        Self(format!("plimsoll.{}.", if name.is_empty() { "-" } else { &name }))
    }

    /// What a channel is called: `plimsoll.chat.room.3`.
    pub fn name(&self, channel: Channel) -> String {
        let mut name = String::with_capacity(self.0.len() + 26);
        name.push_str(&self.0);
        // Writing to a `String` can't fail.
        let _ = match channel {
            Channel::Everyone => write!(name, "everyone"),
            Channel::Room(number) => write!(name, "room.{number}"),
            Channel::User(number) => write!(name, "user.{number}"),
        };
        name
    }

    /// The channel that is called so; none if it isn't one of this system's.
    pub fn channel(&self, name: &[u8]) -> Option<Channel> {
        let rest = std::str::from_utf8(name.strip_prefix(self.0.as_bytes())?).ok()?;
        match rest.split_once('.') {
            None if rest == "everyone" => Some(Channel::Everyone),
            Some(("room", number)) => number.parse().ok().map(Channel::Room),
            Some(("user", number)) => number.parse().ok().map(Channel::User),
            _ => None,
        }
    }

    /// A name beside those of the channels, for what is no letter.
    pub(super) fn beside(&self, what: &str) -> String {
        format!("{}{what}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_channels() {
        let here = Namespace::new("chat 10k.v2*");
        assert_eq!(here.name(Channel::Room(3)), "plimsoll.chat-10k-v2-.room.3");
        for channel in [Channel::Everyone, Channel::Room(0), Channel::User(u64::MAX)] {
            assert_eq!(here.channel(here.name(channel).as_bytes()), Some(channel));
            assert_eq!(Namespace::new("chat").channel(here.name(channel).as_bytes()), None);
        }
        for strange in ["room", "room.", "room.x", "rooms.1", "everyone.1", "", "ping"] {
            assert_eq!(here.channel(here.beside(strange).as_bytes()), None, "{strange}");
        }
    }

    #[test]
    fn any_name_makes_a_namespace() {
        assert_eq!(Namespace::new("").name(Channel::Everyone), "plimsoll.-.everyone");
        assert!(Namespace::new(&"é".repeat(500)).name(Channel::User(u64::MAX)).len() < 120);
    }
}
