//! Writes messages as frames, from texts made beforehand: nothing is allocated for a message.

use super::frame;
use crate::live::deflate::Deflate;
use crate::live::frame::{Data, OpCode, mask};
use crate::live::payload::{self, Form, Header};
use crate::random::{Distribution, Purpose, Stream};

/// Different texts.
const VARIANTS: u64 = 16;
/// How long they are made; what is longer repeats them.
const PREPARED: usize = 64 << 10;
/// The largest message, whatever the scenario's distribution draws.
const LARGEST: usize = 16 << 20;
/// The messages of a worker.
#[derive(Debug)]
pub struct Letters {
    form: Form,
    size: Distribution,
    /// Texts with room for a header, and without.
    prepared: Vec<Vec<u8>>,
    small: Vec<u8>,
    sizes: Stream,
    keys: Stream,
    turn: usize,
    plain: Vec<u8>,
}

impl Letters {
    /// Messages of these sizes; the seed and the worker rule the sizes, and what frames are masked with.
    pub fn new(form: Form, size: Distribution, seed: u64, worker: u64) -> Self {
        let length = size.upper_end().map_or(PREPARED, |most| (most as usize + 1).min(PREPARED)).max(form.least());
        Self {
            form,
            size,
            prepared: (0..VARIANTS).map(|variant| payload::blank(form, length, variant)).collect(),
            small: payload::blank(form, form.least() - 1, 0),
            sizes: Stream::named(seed, 0, worker, Purpose::Size),
            keys: Stream::named(seed, 1, worker, Purpose::Size),
            turn: 0,
            plain: Vec::new(),
        }
    }

    /// A key for a frame that is no message.
    pub fn key(&mut self) -> [u8; 4] {
        (self.keys.bits() as u32).to_ne_bytes()
    }

    /// Appends the frame of a message, compressed if there is what does it, and says how many bytes its payload has before
    /// that.
    pub fn write(&mut self, out: &mut Vec<u8>, header: Header, deflate: Option<&mut Deflate>) -> usize {
        let size = (self.size.sample(&mut self.sizes).round() as usize).min(LARGEST);
        self.turn = (self.turn + 1) % self.prepared.len();
        let (opcode, key) = (self.opcode(), self.key());
        if let Some(deflate) = deflate {
            let mut plain = std::mem::take(&mut self.plain);
            plain.clear();
            self.text(&mut plain, size);
            header.write(self.form, &mut plain);
            deflate.pack(&plain);
            self.plain = plain;
            let start = frame::begin(out, opcode, true, key, deflate.packed.len());
            out.extend_from_slice(&deflate.packed);
            mask(&mut out[start..], key);
        } else {
            let start = frame::begin(out, opcode, false, key, size);
            self.text(out, size);
            header.write(self.form, &mut out[start..]);
            mask(&mut out[start..], key);
        }
        size
    }

    fn opcode(&self) -> OpCode {
        OpCode::Data(match self.form {
            Form::Text => Data::Text,
            Form::Binary => Data::Binary,
        })
    }

    /// Appends a text of this size.
    fn text(&self, out: &mut Vec<u8>, size: usize) {
        if size < self.form.least() {
            out.extend_from_slice(&self.small[..size]);
            return;
        }
        let end = match self.form {
            Form::Text => payload::CLOSE,
            Form::Binary => &[],
        };
        let text = &self.prepared[self.turn];
        let text = &text[..text.len() - end.len()];
        let mut left = size - end.len();
        let first = left.min(text.len());
        out.extend_from_slice(&text[..first]);
        left -= first;
        // The words again, from behind the header on.
        let words = &text[self.form.least().min(text.len())..];
        while left > 0 {
            let more = left.min(words.len().max(1));
            if words.is_empty() {
                out.push(b' ');
            } else {
                out.extend_from_slice(&words[..more]);
            }
            left -= more;
        }
        out.extend_from_slice(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server makes of a frame: without its header, unmasked.
    fn payload(frame: &[u8]) -> Vec<u8> {
        let header = match frame[1] & 127 {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        let key = &frame[header..header + 4];
        frame[header + 4..].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
    }

    const HEADER: Header = Header { intended_ns: 5, sender: 1, sequence: 2, recipient: 3 };

    #[test]
    fn messages_have_their_size_and_their_header_and_text_is_json() {
        for form in [Form::Text, Form::Binary] {
            for size in [0, 1, 23, 24, 50, 100, 1_000, 70_000, 200_000] {
                let mut letters = Letters::new(form, Distribution::Constant(f64::from(size)), 1, 0);
                let mut out = Vec::new();
                assert_eq!(letters.write(&mut out, HEADER, None), size as usize);
                let message = payload(&out);
                assert_eq!(message.len(), size as usize);
                let has_header = message.len() >= form.least();
                assert_eq!(Header::read(&message), has_header.then_some(HEADER), "{form:?} {size}");
                if has_header && form == Form::Text {
                    serde_json::from_slice::<serde_json::Value>(&message).unwrap();
                }
            }
        }
    }

    #[test]
    fn what_is_compressed_comes_back_and_is_smaller() {
        for size in [100, 1_000, 50_000] {
            let mut letters = Letters::new(Form::Text, Distribution::Constant(f64::from(size)), 1, 0);
            let mut out = Vec::new();
            let mut deflate = Deflate::new();
            letters.write(&mut out, HEADER, Some(&mut deflate));
            assert_eq!(out[0], 0xc1, "the first reserved bit says that it is compressed");
            let packed = payload(&out);
            assert!(packed.len() < size as usize + 10 && (size < 1_000 || packed.len() * 4 < size as usize * 3));
            deflate.unpack(&packed, size as usize).unwrap();
            let plain = &deflate.plain;
            assert_eq!((plain.len(), Header::read(plain)), (size as usize, Some(HEADER)));
        }
    }
}
