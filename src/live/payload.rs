//! What stands in a message: a header that says when it was meant to be sent, by whom and to whom; then filling.
//!
//! A binary message starts with 24 bytes: `PLM1`, and in little-endian order the intended time (ns, `u64`), sender,
//! sequence number and recipient (`u32` each). A text message is JSON whose first field has the same 24 bytes in
//! hexadecimal. The filling is words, so that messages compress about as chat does. A message that is too small for a
//! header has none.

/// Bytes of the header.
const HEADER: usize = 24;
const MAGIC: [u8; 4] = *b"PLM1";
/// What stands before the header in a text message, between it and the filling, and at the end.
const OPEN: &[u8] = br#"{"id":""#;
const BETWEEN: &[u8] = br#"","text":""#;
const CLOSE: &[u8] = br#""}"#;
/// The common words of a chat, for the filling. None has a letter that JSON would escape.
const WORDS: [&str; 96] = [
    "the", "you", "and", "that", "was", "for", "are", "with", "they", "this", "have", "from", "one", "had", "word",
    "but", "not", "what", "all", "were", "when", "your", "can", "said", "there", "use", "each", "which", "she", "how",
    "their", "will", "other", "about", "out", "many", "then", "them", "these", "some", "her", "would", "make", "like",
    "him", "into", "time", "has", "look", "two", "more", "write", "see", "number", "way", "could", "people", "than",
    "first", "water", "been", "call", "who", "oil", "its", "now", "find", "long", "down", "day", "did", "get", "come",
    "made", "may", "part", "ok", "thanks", "lol", "tomorrow", "meeting", "train", "dinner", "weekend", "really",
    "maybe", "sorry", "great", "where", "home", "phone", "late", "coffee", "morning", "tonight", "friday",
];

/// How a message is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A text frame with JSON in it.
    Text,
    /// A binary frame.
    Binary,
}

impl Form {
    /// The smallest message that has a header, in bytes.
    pub const fn least(self) -> usize {
        match self {
            Self::Text => OPEN.len() + 2 * HEADER + BETWEEN.len() + CLOSE.len(),
            Self::Binary => HEADER,
        }
    }
}

/// What driver and server know of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// When it was meant to be sent, in ns on the clock of the driver's machine.
    pub intended_ns: u64,
    /// The user who sends it.
    pub sender: u32,
    /// Which of the sender's messages it is, from 0.
    pub sequence: u32,
    /// The user it is for, where it is for one.
    pub recipient: u32,
}

impl Header {
    fn bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..12].copy_from_slice(&self.intended_ns.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.sender.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[20..].copy_from_slice(&self.recipient.to_le_bytes());
        bytes
    }

    fn of(bytes: &[u8; HEADER]) -> Option<Self> {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        (bytes[..4] == MAGIC).then(|| Self {
            intended_ns: u64::from(word(4)) | u64::from(word(8)) << 32,
            sender: word(12),
            sequence: word(16),
            recipient: word(20),
        })
    }

    /// The header of a message, if it has one.
    pub fn read(message: &[u8]) -> Option<Self> {
        if let Some(bytes) = message.first_chunk::<HEADER>()
            && let Some(header) = Self::of(bytes)
        {
            return Some(header);
        }
        let digits = message.strip_prefix(OPEN)?.first_chunk::<{ 2 * HEADER }>()?;
        let mut bytes = [0; HEADER];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Self::of(&bytes)
    }

    /// Writes the header into a message made by [`blank`]; nothing where the message is too small for one.
    pub fn write(self, form: Form, message: &mut [u8]) {
        if message.len() < form.least() {
            return;
        }
        match form {
            Form::Binary => message[..HEADER].copy_from_slice(&self.bytes()),
            Form::Text => {
                let digits = &mut message[OPEN.len()..OPEN.len() + 2 * HEADER];
                for (pair, byte) in digits.chunks_exact_mut(2).zip(self.bytes()) {
                    pair.copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
                }
            }
        }
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

/// A message of this many bytes whose header is still to be written; `variant` chooses the words.
pub fn blank(form: Form, size: usize, variant: u64) -> Vec<u8> {
    let mut message = Vec::with_capacity(size + 16);
    let (head, tail): (&[&[u8]], &[u8]) = match form {
        _ if size < form.least() => (&[], &[]),
        Form::Binary => (&[&[0; HEADER]], &[]),
        Form::Text => (&[OPEN, &[b'0'; 2 * HEADER], BETWEEN], CLOSE),
    };
    message.extend(head.iter().copied().flatten());
    let end = size - tail.len();
    // A linear congruential sequence (Knuth's constants): words in no order that a compressor would find.
    let mut state = variant.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while message.len() < end {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        message.extend(WORDS[(state >> 33) as usize % WORDS.len()].as_bytes());
        message.push(b' ');
    }
    message.truncate(end);
    message.extend(tail);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header { intended_ns: 0x0123_4567_89ab_cdef, sender: 7, sequence: u32::MAX, recipient: 9 };

    #[test]
    fn a_header_comes_back_from_a_message_of_exactly_the_size_asked_for() {
        for form in [Form::Text, Form::Binary] {
            for size in [form.least(), form.least() + 1, 1_000, 65_536] {
                let mut message = blank(form, size, 3);
                HEADER.write(form, &mut message);
                assert_eq!(message.len(), size);
                assert_eq!(Header::read(&message), Some(HEADER), "{form:?} {size}");
            }
        }
    }

    #[test]
    fn what_is_too_small_has_no_header_and_what_is_foreign_neither() {
        for form in [Form::Text, Form::Binary] {
            for size in [0, 1, form.least() - 1] {
                let mut message = blank(form, size, 3);
                HEADER.write(form, &mut message);
                assert_eq!((message.len(), Header::read(&message)), (size, None), "{form:?} {size}");
            }
        }
        assert_eq!(Header::read(&[b'x'; 100]), None);
        assert_eq!(Header::read(br#"{"id":"not hexadecimal at all, and long enough to be one","text":""}"#), None);
    }

    #[test]
    fn text_is_json() {
        let mut message = blank(Form::Text, 400, 5);
        HEADER.write(Form::Text, &mut message);
        let json: serde_json::Value = serde_json::from_slice(&message).unwrap();
        assert!(json["text"].as_str().is_some_and(|text| text.len() > 200 && text.contains(' ')), "{json}");
    }
}
