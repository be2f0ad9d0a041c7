//! WebSocket frames as bytes (RFC 6455, section 5.2), of either side: headers are read and written by `tungstenite`. What a
//! side may send, and must refuse, is its own.

use std::io::Cursor;

pub use tungstenite::protocol::frame::FrameHeader;
pub use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// The header that some bytes begin with.
#[derive(Debug)]
pub struct Head {
    /// The header.
    pub header: FrameHeader,
    /// Where the payload begins.
    pub start: usize,
    /// How long it says to be.
    pub length: u64,
}

/// The header that these bytes begin with; `Some(None)` where too little is there to tell, `None` where it is reserved.
#[expect(clippy::option_option, reason = "no header yet is no error")]
pub fn head(bytes: &[u8]) -> Option<Option<Head>> {
    let mut cursor = Cursor::new(bytes);
    let found = FrameHeader::parse(&mut cursor).ok()?;
    let opcode = found.as_ref().map(|(header, _)| header.opcode);
    if matches!(opcode, Some(OpCode::Data(Data::Reserved(_)) | OpCode::Control(Control::Reserved(_)))) {
        return None;
    }
    Some(found.map(|(header, length)| Head { header, start: cursor.position() as usize, length }))
}

/// Appends the header of a whole message, or of a control frame.
pub fn write_head(out: &mut Vec<u8>, opcode: OpCode, compressed: bool, mask: Option<[u8; 4]>, length: usize) {
    let header = FrameHeader { opcode, rsv1: compressed, mask, ..FrameHeader::default() };
    header.format(length as u64, out).expect("a vector takes everything");
}

/// Masks a payload, or undoes it: byte i becomes its exclusive or with byte i mod 4 of the key (section 5.3), eight at a
/// time.
pub fn mask(payload: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = payload.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {

    #[test]
    fn a_mask_is_undone_at_any_length() {
        for length in 0..40_u8 {
            let plain: Vec<u8> = (0..length).collect();
            let mask = [0x11, 0x22, 0xf3, 0x04];
            let mut masked: Vec<u8> = plain.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
            super::mask(&mut masked, mask);
            assert_eq!(masked, plain);
        }
    }
}
