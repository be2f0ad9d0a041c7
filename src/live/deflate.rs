//! Compression of messages (permessage-deflate, RFC 7692), each by itself: what is kept from message to message would be
//! hundreds of KB a connection. So both sides are held to `no_context_takeover`, and a thread of the server's or the driver's
//! has one of each for all of its connections.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What every compressed message would end with, and is not sent (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// Room that is made at a time, in bytes.
const STEP: usize = 16 << 10;

/// Why a message is not unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpackable {
    /// It would be larger than it may be.
    TooLarge,
    /// No compressor made it.
    Unreadable,
}

/// A thread's compressor and decompressor, and their latest results.
#[derive(Debug)]
pub struct Deflate {
    compress: Compress,
    decompress: Decompress,
    /// The latest message packed.
    pub packed: Vec<u8>,
    /// The latest message unpacked.
    pub plain: Vec<u8>,
}

impl Deflate {
    /// Ones that have seen nothing.
    pub fn new() -> Self {
        Self {
            // The fastest: chat is short, and a server has many to send it to.
            compress: Compress::new(Compression::fast(), false),
            decompress: Decompress::new(false),
            packed: Vec::new(),
            plain: Vec::new(),
        }
    }

    /// Packs a message.
    pub fn pack(&mut self, message: &[u8]) {
        self.compress.reset();
        self.packed.clear();
        loop {
            // More than a message can become: where the compressor runs out of room at the end of a block, it takes the
            // next call for no more than to give out that block, and says nothing of what it still has.
            self.packed.reserve(message.len() + message.len() / 10 + 256);
            let (rest, before) = (&message[self.compress.total_in() as usize..], self.packed.len());
            // It fails only when it is used wrongly; then nothing is added, and the end is the same.
            let done = self.compress.compress_vec(rest, &mut self.packed, FlushCompress::Sync);
            let taken = self.compress.total_in() as usize == message.len();
            if done.is_err() || self.packed.len() == before || taken && self.packed.ends_with(&TAIL) {
                break;
            }
        }
        if self.packed.ends_with(&TAIL) {
            self.packed.truncate(self.packed.len() - TAIL.len());
        }
        if self.packed.is_empty() {
            // An empty block (RFC 7692, section 7.2.3.6).
            self.packed.push(0);
        }
    }

    /// Unpacks a message of at most `largest` bytes.
    ///
    /// # Errors
    /// When it is larger, or not what a compressor makes.
    pub fn unpack(&mut self, message: &[u8], largest: usize) -> Result<(), Unpackable> {
        self.decompress.reset(false);
        self.plain.clear();
        let mut before = 0;
        for part in [message, &TAIL] {
            loop {
                self.plain.reserve(STEP.max(message.len()));
                let (taken, given) = (self.decompress.total_in(), self.decompress.total_out());
                let status = self
                    .decompress
                    .decompress_vec(&part[(taken - before) as usize..], &mut self.plain, FlushDecompress::Sync)
                    .map_err(|_| Unpackable::Unreadable)?;
                if self.plain.len() > largest {
                    return Err(Unpackable::TooLarge);
                }
                if status == Status::StreamEnd {
                    // A final block ends the message, whatever follows it (RFC 7692, section 7.2.3.4).
                    return Ok(());
                }
                let all = (self.decompress.total_in() - before) as usize == part.len();
                if all && self.plain.len() < self.plain.capacity() {
                    break;
                }
                if (taken, given) == (self.decompress.total_in(), self.decompress.total_out()) {
                    return Err(Unpackable::Unreadable);
                }
            }
            before = self.decompress.total_in();
        }
        Ok(())
    }

    /// Gives back the room that a large message took.
    pub fn shrink(&mut self) {
        self.packed.truncate(0);
        self.plain.truncate(0);
        self.packed.shrink_to(4 * STEP);
        self.plain.shrink_to(4 * STEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_again_message_by_message() {
        let mut deflate = Deflate::new();
        let zeros = vec![0; 300_000];
        let noise: Vec<u8> = (0..100_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for message in [&b""[..], b"x", b"hello hello hello", &zeros, &noise, &noise[..STEP], b"", b"bye"] {
            deflate.pack(message);
            let packed = deflate.packed.clone();
            deflate.unpack(&packed, 300_000).unwrap();
            assert!(deflate.plain == message, "{}", message.len());
        }
        deflate.pack(&zeros);
        assert!(deflate.packed.len() < 3_000);
        let packed = deflate.packed.clone();
        assert_eq!(deflate.unpack(&packed, 299_999), Err(Unpackable::TooLarge));
        deflate.shrink();
        assert!(deflate.plain.capacity() <= 4 * STEP);
    }

    /// Of messages that compress little, of all lengths around the block that the compressor gives out.
    #[test]
    fn nothing_is_lost_at_the_end_of_a_block() {
        let mut state = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Seven and a half bits a byte, so that it is worth packing.
            ((state >> 16) % 181) as u8
        })
        .take(140_000)
        .collect();
        for length in (1_000..140_000).step_by(1_000) {
            let mut deflate = Deflate::new();
            deflate.pack(&noise[..length]);
            let packed = deflate.packed.clone();
            let unpacked = deflate.unpack(&packed, length);
            assert!(unpacked.is_ok() && deflate.plain == noise[..length], "{length} bytes");
        }
    }

    /// The examples of RFC 7692, section 7.2.3.
    #[test]
    fn messages_of_other_compressors_are_unpacked() {
        let mut deflate = Deflate::new();
        for packed in [
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
            &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
            &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
        ] {
            deflate.unpack(packed, 100).unwrap();
            assert_eq!(deflate.plain, b"Hello");
        }
        deflate.unpack(&[0], 100).unwrap();
        assert!(deflate.plain.is_empty());
        for wrong in [&[0xff; 8][..], &[0x06], &[0x00, 0x05, 0x00, 0xfa, 0xfe]] {
            assert_eq!(deflate.unpack(wrong, 100), Err(Unpackable::Unreadable), "{wrong:?}");
        }
    }
}
