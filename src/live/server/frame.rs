//! WebSocket frames from the server's side (RFC 6455, section 5): what comes must be masked, what is sent is not.

use crate::live::deflate::Unpackable;
use crate::live::frame::{self, Control, Data, FrameHeader, OpCode};

/// How a message is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
}

/// Why a connection is closed by the server: a code of RFC 6455, section 7.4.1, and words for the log of the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The code.
    pub code: u16,
    /// The words.
    pub reason: &'static str,
}

impl Fault {
    /// The other side broke the protocol.
    pub const fn protocol(reason: &'static str) -> Self {
        Self { code: 1002, reason }
    }

    /// The other side sent what it may not contain.
    pub const fn data(reason: &'static str) -> Self {
        Self { code: 1007, reason }
    }

    /// The other side sent a compressed message that is none.
    pub const fn unpackable(reason: Unpackable) -> Self {
        match reason {
            Unpackable::TooLarge => Self::size("a message that is too large"),
            Unpackable::Unreadable => Self::data("a compressed message that can't be unpacked"),
        }
    }

    /// The other side sent too much.
    pub const fn size(reason: &'static str) -> Self {
        Self { code: 1009, reason }
    }
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A whole frame: its header, where its payload starts and where it ends.
    Frame(FrameHeader, usize, usize),
    /// A part of one; so many bytes are needed to go on.
    Part(usize),
}

/// The frame that some bytes begin with.
///
/// # Errors
/// When no client may send it.
pub fn next(bytes: &[u8], largest: usize) -> Result<Next, Fault> {
    let Some(frame::Head { header, start, length }) = frame::head(bytes).ok_or(Fault::protocol("a reserved opcode"))?
    else {
        return Ok(Next::Part(bytes.len() + 1));
    };
    if header.mask.is_none() {
        return Err(Fault::protocol("a frame without a mask"));
    }
    if header.rsv2 || header.rsv3 {
        return Err(Fault::protocol("a reserved bit"));
    }
    match header.opcode {
        OpCode::Control(_) if header.rsv1 => return Err(Fault::protocol("a reserved bit")),
        OpCode::Control(_) if !header.is_final => return Err(Fault::protocol("a control frame in parts")),
        OpCode::Control(_) if length > 125 => return Err(Fault::protocol("a control frame of more than 125 bytes")),
        _ => {}
    }
    let end = usize::try_from(length).ok().filter(|length| *length <= largest).map(|length| start + length);
    match end {
        None => Err(Fault::size("a message that is too large")),
        Some(end) if end > bytes.len() => Ok(Next::Part(end)),
        Some(end) => Ok(Next::Frame(header, start, end)),
    }
}

/// Appends a server's frame of a message.
pub fn write_message(out: &mut Vec<u8>, kind: Kind, compressed: bool, payload: &[u8]) {
    let data = match kind {
        Kind::Text => Data::Text,
        Kind::Binary => Data::Binary,
    };
    write(out, OpCode::Data(data), compressed, payload);
}

/// Appends a ping.
pub fn write_ping(out: &mut Vec<u8>) {
    write(out, OpCode::Control(Control::Ping), false, &[]);
}

/// Appends the answer to a ping.
pub fn write_pong(out: &mut Vec<u8>, payload: &[u8]) {
    write(out, OpCode::Control(Control::Pong), false, payload);
}

/// Appends a close frame, with a code if there is one to give.
pub fn write_close(out: &mut Vec<u8>, code: Option<u16>, reason: &str) {
    let mut payload = Vec::new();
    if let Some(code) = code {
        payload.extend(code.to_be_bytes());
        payload.extend(reason.as_bytes());
    }
    write(out, OpCode::Control(Control::Close), false, &payload);
}

fn write(out: &mut Vec<u8>, opcode: OpCode, compressed: bool, payload: &[u8]) {
    frame::write_head(out, opcode, compressed, None, payload.len());
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_found_once_it_is_whole() {
        let mut frame = vec![0x81, 0x80 | 3, 1, 2, 3, 4, b'a', b'b', b'c', 0x89];
        for length in 0..frame.len() - 1 {
            let Ok(Next::Part(need)) = next(&frame[..length], 100) else { panic!("{length}") };
            assert!(need > length && need <= 9, "{length} {need}");
        }
        let Ok(Next::Frame(header, 6, 9)) = next(&frame, 100) else { panic!() };
        assert_eq!((header.opcode, header.mask), (OpCode::Data(Data::Text), Some([1, 2, 3, 4])));
        assert_eq!(next(&frame, 2), Err(Fault::size("a message that is too large")));
        frame[1] = 3;
        assert_eq!(next(&frame, 100), Err(Fault::protocol("a frame without a mask")));
    }
}
