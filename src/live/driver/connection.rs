//! One connection of the driver, and what is on its way.

use std::collections::VecDeque;

use super::socket::Socket;
use crate::live::frame::OpCode;

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// Not there: waiting for its turn, for another attempt, or for nothing more.
    #[default]
    Away,
    /// TCP is being connected.
    Connecting,
    /// The upgrade was asked for.
    Upgrading,
    /// Messages go.
    Open,
    /// It was closed by us; the server hasn't answered that.
    Closing,
}

/// A connection. There may be a million of them, so what they rarely need they don't have.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is true or false whatever the others are")]
pub struct Connection {
    /// How far it is.
    pub state: State,
    /// Its socket, unless it is away.
    pub socket: Option<Socket>,
    /// Whether messages are compressed.
    pub deflate: bool,
    /// Whether the kernel takes no more at the moment.
    pub blocked: bool,
    /// Whether its first attempt is over.
    pub settled: bool,
    /// Whether its user's session is over, so that another user comes in its place.
    pub ended: bool,
    /// Failed attempts since it was last open.
    pub attempts: u32,
    /// Raised whenever it closes, so that timers of its former lives are told apart.
    pub life: u32,
    /// When the attempt began, in ns.
    pub since: u64,
    /// Its room, where there are rooms.
    pub room: u32,
    /// Bytes of a frame (or an answer to the upgrade) that isn't all there.
    pub partial: Vec<u8>,
    /// Bytes to be sent.
    pub out: Vec<u8>,
    /// The beginning of a message in several frames: what it is, whether compressed.
    pub fragments: Option<Box<(OpCode, bool, Vec<u8>)>>,
    /// The next message's number.
    pub sequence: u32,
    /// The number of the first message in `waiting`.
    pub first_waiting: u32,
    /// Intended times of the messages that were not answered yet, in order.
    pub waiting: VecDeque<u64>,
}

impl Connection {
    /// Takes the intended time of an answered message, by its number if that is known, else by its turn; and how many
    /// before it will never be answered. `None` where no such message waits.
    pub fn answered(&mut self, sequence: Option<u32>) -> Option<(u64, usize)> {
        let skipped = sequence.map_or(0, |sequence| sequence.wrapping_sub(self.first_waiting) as usize);
        if skipped >= self.waiting.len() {
            return None;
        }
        self.waiting.drain(..skipped);
        self.first_waiting = self.first_waiting.wrapping_add(skipped as u32 + 1);
        self.waiting.pop_front().map(|intended| (intended, skipped))
    }

    /// Closes the socket and forgets what was under way; how many messages that were.
    pub fn close(&mut self) -> usize {
        self.socket = None;
        self.state = State::Away;
        self.blocked = false;
        self.life = self.life.wrapping_add(1);
        self.partial = Vec::new();
        self.out = Vec::new();
        self.fragments = None;
        let lost = self.waiting.len();
        self.waiting.clear();
        self.first_waiting = self.sequence;
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_find_their_messages() {
        let mut connection =
            Connection { sequence: 13, first_waiting: 10, waiting: [100, 101, 102].into(), ..Connection::default() };
        assert_eq!(connection.answered(Some(9)), None, "answered already");
        assert_eq!(connection.answered(Some(13)), None, "never sent");
        assert_eq!(connection.answered(None), Some((100, 0)));
        assert_eq!(connection.answered(Some(12)), Some((102, 1)), "11 was left out");
        assert_eq!(connection.answered(None), None);
        connection.waiting.push_back(103);
        assert_eq!(connection.answered(Some(13)), Some((103, 0)));
        assert_eq!(connection.close(), 0);
    }
}
