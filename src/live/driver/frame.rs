//! WebSocket frames from the client's side (RFC 6455, section 5): what is sent is masked, what comes must not be.

use super::DriveError;
use crate::live::frame::{self, Head, OpCode, mask};

/// The largest frame, and message, that is taken in; more is an error of the server's.
pub const LARGEST: usize = 64 << 20;

/// What is none that a server may send.
pub const WRONG: DriveError = DriveError::Protocol("it sent a frame that a server may not send");

/// A frame whose header has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Whether a message ends with it.
    pub last: bool,
    /// Whether the message that begins with it is compressed.
    pub compressed: bool,
    /// What it is.
    pub opcode: OpCode,
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
    let Some(Head { header, start, length }) = frame::head(bytes).ok_or(WRONG)? else { return Ok(None) };
    let length = usize::try_from(length).ok().filter(|length| *length <= LARGEST).ok_or(WRONG)?;
    if header.mask.is_some() || header.rsv2 || header.rsv3 {
        return Err(WRONG);
    }
    let (last, compressed, opcode) = (header.is_final, header.rsv1, header.opcode);
    Ok(Some(Frame { last, compressed, opcode, header: start, length }))
}

/// Appends a frame with this payload.
pub fn write(out: &mut Vec<u8>, opcode: OpCode, key: [u8; 4], payload: &[u8]) {
    let start = begin(out, opcode, false, key, payload.len());
    out.extend_from_slice(payload);
    mask(&mut out[start..], key);
}

/// Appends the header of a frame, and says where its payload begins; that is to be appended and then masked.
pub fn begin(out: &mut Vec<u8>, opcode: OpCode, compressed: bool, key: [u8; 4], length: usize) -> usize {
    frame::write_head(out, opcode, compressed, Some(key), length);
    out.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::frame::Data;

    /// What we write, a server reads: unmasked with the key of the frame, it is what went in, for each form of length.
    #[test]
    fn a_frame_is_as_the_rfc_says() {
        for length in [0, 1, 7, 125, 126, 65_535, 65_536] {
            let payload: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let mut out = Vec::new();
            write(&mut out, OpCode::Data(Data::Text), [0xf1, 0xde, 0xbc, 0x9a], &payload);
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
        for bytes in [&[0x81, 0x80, 1, 2, 3, 4][..], &[0x83, 0x00], &[0xb1, 0x00]] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
        assert!(read(&[0x82, 127, 1, 0, 0, 0, 0, 0, 0, 0]).is_err(), "72 PB");
    }
}
