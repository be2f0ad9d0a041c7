//! WebSocket frames from the client's side (RFC 6455, section 5): what is sent is masked, what comes must not be.

use super::DriveError;

/// The largest frame that is taken in; more is an error of the server's.
const LARGEST: u64 = 64 << 20;

/// What a frame is (section 11.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// More of a message.
    Continuation,
    /// UTF-8.
    Text,
    /// Bytes.
    Binary,
    /// The end of the connection.
    Close,
    /// To be answered with a pong.
    Ping,
    /// The answer.
    Pong,
}

impl Opcode {
    const ALL: [(u8, Self); 6] = [
        (0, Self::Continuation),
        (1, Self::Text),
        (2, Self::Binary),
        (8, Self::Close),
        (9, Self::Ping),
        (10, Self::Pong),
    ];

    fn of(code: u8) -> Option<Self> {
        Self::ALL.iter().find(|(number, _)| *number == code).map(|(_, opcode)| *opcode)
    }

    fn code(self) -> u8 {
        Self::ALL.iter().find(|(_, opcode)| *opcode == self).map_or(0, |(number, _)| *number)
    }
}

/// A frame whose header has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Whether a message ends with it.
    pub last: bool,
    /// Whether the message that begins with it is compressed.
    pub compressed: bool,
    /// What it is.
    pub opcode: Opcode,
    /// Bytes of its header.
    pub header: usize,
    /// Bytes of its payload.
    pub length: usize,
}

/// The frame that begins here; `None` where too little is there to tell how long it is.
///
/// # Errors
/// When it is none that a server may send.
pub fn read(bytes: &[u8]) -> Result<Option<Frame>, DriveError> {
    let (Some(&first), Some(&second)) = (bytes.first(), bytes.get(1)) else { return Ok(None) };
    let (header, length) = match second & 127 {
        126 => match bytes.get(2..4) {
            Some(more) => (4, more.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))),
            None => return Ok(None),
        },
        127 => match bytes.get(2..10) {
            Some(more) => (10, more.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))),
            None => return Ok(None),
        },
        length => (2, u64::from(length)),
    };
    let opcode = Opcode::of(first & 15).filter(|_| second & 128 == 0 && first & 0x30 == 0 && length <= LARGEST);
    let opcode = opcode.ok_or(DriveError::Protocol("it sent a frame that a server may not send"))?;
    Ok(Some(Frame { last: first & 128 != 0, compressed: first & 64 != 0, opcode, header, length: length as usize }))
}

/// Appends a frame with this payload.
pub fn write(out: &mut Vec<u8>, opcode: Opcode, key: u32, payload: &[u8]) {
    let start = begin(out, opcode, false, key, payload.len());
    out.extend_from_slice(payload);
    mask(&mut out[start..], key);
}

/// Appends the header of a frame, and says where its payload begins; that is to be appended and then masked.
pub fn begin(out: &mut Vec<u8>, opcode: Opcode, compressed: bool, key: u32, length: usize) -> usize {
    out.push(128 | if compressed { 64 } else { 0 } | opcode.code());
    match length {
        0..=125 => out.push(128 | length as u8),
        126..=65_535 => {
            out.push(0x80 | 0x7E);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(128 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&key.to_ne_bytes());
    out.len()
}

/// Masks a payload: byte i becomes its exclusive or with byte i mod 4 of the key (section 5.3).
pub fn mask(payload: &mut [u8], key: u32) {
    let wide = u64::from(key) | u64::from(key) << 32;
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.to_ne_bytes().iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What we write, a server reads: unmasked with the key of the frame, it is what went in, for each form of length.
    #[test]
    fn a_frame_is_as_the_rfc_says() {
        for length in [0, 1, 7, 125, 126, 65_535, 65_536] {
            let payload: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let mut out = Vec::new();
            write(&mut out, Opcode::Text, 0x9abc_def1, &payload);
            assert_eq!(out[0], 0x81);
            let header = match length {
                0..=125 => 2,
                126..=65_535 => 4,
                _ => 10,
            };
            assert_eq!(out.len(), header + 4 + length, "{length}");
            let key = &out[header..header + 4];
            let plain: Vec<u8> =
                out[header + 4..].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            assert_eq!(plain, payload, "{length}");
            // The same without a mask is what a server sends.
            let mut answer = out[..header].to_vec();
            answer[1] &= 127;
            let frame = read(&answer).unwrap().unwrap();
            assert_eq!((frame.header, frame.length, frame.last), (header, length, true));
            for cut in 0..header {
                assert_eq!(read(&answer[..cut]).unwrap(), None, "{length} {cut}");
            }
        }
    }

    #[test]
    fn what_a_server_may_not_send_is_an_error() {
        for bytes in [[0x81, 0x80], [0x83, 0x00], [0xb1, 0x00]] {
            assert!(read(&bytes).is_err(), "{bytes:?}");
        }
        assert!(read(&[0x82, 127, 1, 0, 0, 0, 0, 0, 0, 0]).is_err(), "72 PB");
    }
}
