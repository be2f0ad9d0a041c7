//! What the embedded broker and its clients say to each other.
//!
//! A frame is a length (4 bytes, of all that follows), a kind (1 byte) and what the kind says. Numbers are big-endian.
//!
//! | kind | from | contents |
//! |---|---|---|
//! | 1 hello | client, first | `plimsoll`, version (1 byte) |
//! | 2 subscribe, 3 unsubscribe | client | name of the channel |
//! | 4 letter | client, and on to others as it came | length of the name (2 bytes), name, envelope |
//! | 5 ping | client | |
//! | 6 pong | broker | letters that it dropped for this client so far (8 bytes) |
//! | 7 welcome | broker, to a hello | as the hello |

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

/// Most bytes of a frame after its length.
pub const LARGEST: usize = 64 << 20;
/// What a hello says.
const HELLO: &[u8] = b"plimsoll\x01";
const LENGTH: usize = size_of::<u32>();

/// A frame, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    Hello,
    Subscribe(Bytes),
    Unsubscribe(Bytes),
    /// The whole frame too, to be handed on.
    Letter {
        name: Bytes,
        envelope: Bytes,
        whole: Bytes,
    },
    Ping,
    Pong {
        dropped: u64,
    },
    Welcome,
}

/// Whoever sent this doesn't speak the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it speaks another protocol than the embedded broker, or another version of it")]
pub struct Foreign;

/// Writes frames.
pub trait Write {
    fn hello(&mut self);
    fn subscribe(&mut self, name: &str);
    fn unsubscribe(&mut self, name: &str);
    /// Says whether it was small enough.
    fn letter(&mut self, name: &str, envelope: &[u8]) -> bool;
    fn ping(&mut self);
    fn pong(&mut self, dropped: u64);
    fn welcome(&mut self);
}

impl Write for BytesMut {
    fn hello(&mut self) {
        plain(self, 1, HELLO);
    }

    fn subscribe(&mut self, name: &str) {
        plain(self, 2, name.as_bytes());
    }

    fn unsubscribe(&mut self, name: &str) {
        plain(self, 3, name.as_bytes());
    }

    fn letter(&mut self, name: &str, envelope: &[u8]) -> bool {
        let (Ok(of_name), length) = (u16::try_from(name.len()), 3 + name.len() + envelope.len()) else { return false };
        let Some(length) = u32::try_from(length).ok().filter(|length| *length as usize <= LARGEST) else {
            return false;
        };
        self.put_u32(length);
        self.put_u8(4);
        self.put_u16(of_name);
        self.put_slice(name.as_bytes());
        self.put_slice(envelope);
        true
    }

    fn ping(&mut self) {
        plain(self, 5, &[]);
    }

    fn pong(&mut self, dropped: u64) {
        plain(self, 6, &dropped.to_be_bytes());
    }

    fn welcome(&mut self) {
        plain(self, 7, HELLO);
    }
}

/// A frame whose contents are short.
fn plain(out: &mut BytesMut, kind: u8, contents: &[u8]) {
    out.put_u32(1 + contents.len() as u32);
    out.put_u8(kind);
    out.put_slice(contents);
}

/// Takes the next whole frame off the front of what was read; none if it isn't all there.
pub fn next(read: &mut BytesMut) -> Result<Option<Frame>, Foreign> {
    let Some(length) = read.first_chunk().map(|length| u32::from_be_bytes(*length) as usize) else {
        return Ok(None);
    };
    if length == 0 || length > LARGEST {
        return Err(Foreign);
    }
    if read.len() < LENGTH + length {
        return Ok(None);
    }
    let whole = read.split_to(LENGTH + length).freeze();
    let mut contents = whole.slice(LENGTH..);
    match (contents.get_u8(), contents.len()) {
        (1, _) if contents == HELLO => Ok(Some(Frame::Hello)),
        (2, 1..) => Ok(Some(Frame::Subscribe(contents))),
        (3, 1..) => Ok(Some(Frame::Unsubscribe(contents))),
        (4, 2..) => {
            let length = usize::from(contents.get_u16());
            if length > contents.len() {
                return Err(Foreign);
            }
            let name = contents.split_to(length);
            Ok(Some(Frame::Letter { name, envelope: contents, whole }))
        }
        (5, 0) => Ok(Some(Frame::Ping)),
        (6, 8) => Ok(Some(Frame::Pong { dropped: contents.get_u64() })),
        (7, _) if contents == HELLO => Ok(Some(Frame::Welcome)),
        _ => Err(Foreign),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_any_cut() {
        let mut all = BytesMut::new();
        all.hello();
        all.subscribe("a.room.1");
        all.unsubscribe("b");
        assert!(all.letter("a.room.1", b"contents"));
        assert!(all.letter("x", b""));
        all.ping();
        all.pong(9);
        all.welcome();
        for step in 1..all.len() {
            let (mut read, mut frames) = (BytesMut::new(), Vec::new());
            for part in all.chunks(step) {
                read.extend_from_slice(part);
                while let Some(frame) = next(&mut read).unwrap() {
                    frames.push(frame);
                }
            }
            assert!(read.is_empty());
            assert_eq!(frames.len(), 8);
            assert_eq!(frames[0], Frame::Hello);
            assert_eq!(frames[1], Frame::Subscribe(Bytes::from_static(b"a.room.1")));
            assert_eq!(frames[2], Frame::Unsubscribe(Bytes::from_static(b"b")));
            let Frame::Letter { name, envelope, whole } = &frames[3] else { panic!("{frames:?}") };
            assert_eq!((&name[..], &envelope[..]), (&b"a.room.1"[..], &b"contents"[..]));
            assert_eq!(next(&mut BytesMut::from(&whole[..])).unwrap().as_ref(), Some(&frames[3]));
            assert_eq!(frames[5..], [Frame::Ping, Frame::Pong { dropped: 9 }, Frame::Welcome]);
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for bytes in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"\0\0\0\0",
            b"\0\0\0\x01\x09",
            b"\0\0\0\x01\x02",
            b"\0\0\0\x02\x05x",
            b"\0\0\0\x04\x04\0\x05x",
            b"\0\0\0\x0a\x01plimsoll\x02",
        ] {
            assert_eq!(next(&mut BytesMut::from(bytes)), Err(Foreign), "{bytes:?}");
        }
    }
}
