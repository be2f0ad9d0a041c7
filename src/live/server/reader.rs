//! From bytes to messages: frames that arrive in pieces, messages that arrive in fragments, and what the protocol forbids
//! (RFC 6455, sections 5.4 to 5.6 and 8.1). It reads no socket.
//!
//! A connection that waits for its next message keeps nothing here: bytes are held only while a frame or a message is not
//! complete, and given back then.

use std::mem;
use std::str;

use tungstenite::protocol::frame::coding::CloseCode;

use super::frame::{self, Fault, Kind, Next};
use crate::live::frame::{Control, Data, FrameHeader, OpCode, mask};

/// The largest message taken in, in bytes.
pub const LARGEST_MESSAGE: usize = 64 << 20;

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A message, as it was sent: still compressed, if that is said.
    Message(Kind, bool, &'a [u8]),
    /// A ping with this payload.
    Ping(&'a [u8]),
    /// An answer to a ping.
    Pong,
    /// The other side closes, with this code if it gave one.
    Close(Option<u16>),
}

/// What a connection has of frames and messages that are not complete.
#[derive(Debug, Default)]
pub struct Reader {
    kept: Vec<u8>,
    /// It isn't worth to look before so many bytes are kept.
    need: usize,
    message: Option<Box<Assembly>>,
    /// Whether messages may be compressed.
    deflate: bool,
}

/// A message in fragments.
#[derive(Debug)]
struct Assembly {
    kind: Kind,
    compressed: bool,
    bytes: Vec<u8>,
    /// So many of them are known to be UTF-8.
    checked: usize,
}

impl Reader {
    /// One to which messages may come compressed, if that is agreed on.
    pub fn new(deflate: bool) -> Self {
        Self { deflate, ..Self::default() }
    }

    /// Takes in bytes, and gives each event in them to `act`, which says whether to go on.
    ///
    /// # Errors
    /// When the other side did what it may not, or `act` found so.
    pub fn feed(
        &mut self,
        bytes: &mut [u8],
        act: &mut impl FnMut(Event<'_>) -> Result<bool, Fault>,
    ) -> Result<(), Fault> {
        if self.kept.is_empty() {
            let used = self.frames(bytes, act)?;
            self.kept.extend_from_slice(&bytes[used..]);
        } else {
            self.kept.extend_from_slice(bytes);
            if self.kept.len() >= self.need {
                let mut kept = mem::take(&mut self.kept);
                let used = self.frames(&mut kept, act)?;
                if used < kept.len() {
                    kept.drain(..used);
                    self.kept = kept;
                }
            }
        }
        if !self.kept.is_empty() {
            // A large frame gets its room at once, but not on its word alone.
            self.kept.reserve_exact(self.need.saturating_sub(self.kept.len()).min(1 << 20));
        }
        Ok(())
    }

    /// Takes whole frames off the front, and says how many bytes they had.
    fn frames(
        &mut self,
        bytes: &mut [u8],
        act: &mut impl FnMut(Event<'_>) -> Result<bool, Fault>,
    ) -> Result<usize, Fault> {
        let mut at = 0;
        while at < bytes.len() {
            match frame::next(&bytes[at..], LARGEST_MESSAGE)? {
                Next::Part(need) => {
                    self.need = need;
                    return Ok(at);
                }
                Next::Frame(header, start, end) => {
                    let payload = &mut bytes[at + start..at + end];
                    mask(payload, header.mask.unwrap_or_default());
                    if !self.frame(&header, payload, act)? {
                        return Ok(bytes.len());
                    }
                    at += end;
                }
            }
        }
        Ok(at)
    }

    fn frame(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        act: &mut impl FnMut(Event<'_>) -> Result<bool, Fault>,
    ) -> Result<bool, Fault> {
        let kind = match header.opcode {
            OpCode::Data(Data::Text) => Some(Kind::Text),
            OpCode::Data(Data::Binary) => Some(Kind::Binary),
            OpCode::Data(_) => None,
            OpCode::Control(Control::Ping) => return act(Event::Ping(payload)),
            OpCode::Control(Control::Close) => return act(Event::Close(closing(payload)?)),
            OpCode::Control(_) => return act(Event::Pong),
        };
        if header.rsv1 && (kind.is_none() || !self.deflate) {
            return Err(Fault::protocol("a reserved bit"));
        }
        match (kind, &mut self.message) {
            (Some(_), Some(_)) => Err(Fault::protocol("a message inside another")),
            (None, None) => Err(Fault::protocol("a continuation of nothing")),
            (Some(kind), None) if header.is_final => {
                if kind == Kind::Text && !header.rsv1 && str::from_utf8(payload).is_err() {
                    return Err(NOT_UTF8);
                }
                act(Event::Message(kind, header.rsv1, payload))
            }
            (Some(kind), message) => {
                let begun = Assembly { kind, compressed: header.rsv1, bytes: Vec::new(), checked: 0 };
                message.insert(Box::new(begun)).add(payload, false)?;
                Ok(true)
            }
            (None, Some(message)) => {
                message.add(payload, header.is_final)?;
                if !header.is_final {
                    return Ok(true);
                }
                let Some(message) = self.message.take() else { return Ok(true) };
                act(Event::Message(message.kind, message.compressed, &message.bytes))
            }
        }
    }
}

/// Text must be UTF-8.
pub const NOT_UTF8: Fault = Fault::data("text that is not UTF-8");

impl Assembly {
    fn add(&mut self, payload: &[u8], last: bool) -> Result<(), Fault> {
        if self.bytes.len() + payload.len() > LARGEST_MESSAGE {
            return Err(Fault::size("a message that is too large"));
        }
        self.bytes.extend_from_slice(payload);
        if self.kind == Kind::Text && !self.compressed {
            match str::from_utf8(&self.bytes[self.checked..]) {
                Ok(_) => self.checked = self.bytes.len(),
                // A character may go on in the next fragment.
                Err(error) if error.error_len().is_none() && !last => self.checked += error.valid_up_to(),
                Err(_) => return Err(NOT_UTF8),
            }
        }
        Ok(())
    }
}

/// The code in a close frame's payload.
fn closing(payload: &[u8]) -> Result<Option<u16>, Fault> {
    match *payload {
        [] => Ok(None),
        [_] => Err(Fault::protocol("a close frame with half a code")),
        [high, low, ref reason @ ..] => {
            let code = u16::from_be_bytes([high, low]);
            if !CloseCode::from(code).is_allowed() {
                return Err(Fault::protocol("a close code that may not be sent"));
            }
            if str::from_utf8(reason).is_err() {
                return Err(NOT_UTF8);
            }
            Ok(Some(code))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client's frame, masked.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [9, 8, 7, 6];
        let mut frame = vec![first, 0x80 | payload.len() as u8];
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    /// What a reader makes of bytes that come `piece` at a time.
    fn read(bytes: &[u8], piece: usize) -> (Vec<String>, Option<u16>) {
        let mut reader = Reader::default();
        let mut seen = Vec::new();
        for piece in bytes.to_vec().chunks_mut(piece) {
            let done = reader.feed(piece, &mut |event| {
                seen.push(match event {
                    Event::Message(_, _, bytes) => String::from_utf8_lossy(bytes).into_owned(),
                    Event::Ping(_) => "ping".to_owned(),
                    Event::Pong => "pong".to_owned(),
                    Event::Close(code) => format!("close {code:?}"),
                });
                Ok(true)
            });
            if let Err(fault) = done {
                return (seen, Some(fault.code));
            }
        }
        assert!(reader.kept.is_empty() && reader.kept.capacity() == 0, "an idle connection keeps nothing");
        (seen, None)
    }

    #[test]
    fn pieces_and_fragments_make_the_same_messages() {
        let snow = "❄ ok".as_bytes();
        let mut bytes = frame(0x81, b"one");
        bytes.extend(frame(0x01, &snow[..2]));
        bytes.extend(frame(0x89, b"!"));
        bytes.extend(frame(0x00, &snow[2..3]));
        bytes.extend(frame(0x80, &snow[3..]));
        bytes.extend(frame(0x88, &[3, 232]));
        for piece in 1..=bytes.len() {
            let (seen, fault) = read(&bytes, piece);
            assert_eq!((seen.join(","), fault), ("one,ping,❄ ok,close Some(1000)".to_owned(), None), "{piece}");
        }
    }

    #[test]
    fn what_the_protocol_forbids_has_its_code() {
        let long_ping = [&[0x89, 0xfe, 0, 126, 0, 0, 0, 0][..], &[0; 126]].concat();
        for (bytes, code) in [
            (frame(0x81, &[0xff]), 1007),
            ([frame(0x01, &[0xe2]), frame(0x80, b"a")].concat(), 1007),
            ([frame(0x01, b"a"), frame(0x81, b"b")].concat(), 1002),
            (frame(0x80, b"a"), 1002),
            (frame(0xc1, b"a"), 1002),
            (frame(0xa1, b"a"), 1002),
            (frame(0x83, b"a"), 1002),
            (frame(0x8b, b"a"), 1002),
            (frame(0x09, b"a"), 1002),
            (long_ping, 1002),
            (frame(0x88, &[3]), 1002),
            (frame(0x88, &[3, 237]), 1002),
            (frame(0x88, &[3, 232, 0xff]), 1007),
            (vec![0x81, 1, b'a'], 1002),
            ([&[0x82, 0xff][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat(), 1009),
        ] {
            assert_eq!(read(&bytes, bytes.len()).1, Some(code), "{bytes:?}");
        }
    }
}
