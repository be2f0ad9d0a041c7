//! What is sent between servers.
//!
//! Through a broker goes an envelope: 8 bytes that say which server published it, then the contents. A broker hands a
//! letter to every subscriber, the publisher included; by the 8 bytes each server knows its own and skips them.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::channel::Channel;

/// A message that another server published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Whom it is for.
    pub channel: Channel,
    /// What it says.
    pub bytes: Bytes,
}

/// A letter on its way to the broker.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub channel: Channel,
    pub envelope: Bytes,
}

/// Bytes of the sender's id.
pub(super) const HEADER: usize = size_of::<u64>();

/// Puts a letter into an envelope.
pub(super) fn envelope(server: u64, contents: &[u8]) -> Bytes {
    let mut envelope = BytesMut::with_capacity(HEADER + contents.len());
    envelope.put_u64(server);
    envelope.put_slice(contents);
    envelope.freeze()
}

/// The server that published it, and the contents; none if it is too short to be an envelope.
pub(super) fn open(envelope: &Bytes) -> Option<(u64, Bytes)> {
    let server = u64::from_be_bytes(*envelope.first_chunk()?);
    Some((server, envelope.slice(HEADER..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        for contents in [&b""[..], b"hello", &[0xFF; 1_000]] {
            assert_eq!(open(&envelope(7, contents)), Some((7, Bytes::copy_from_slice(contents))));
        }
        assert_eq!(open(&Bytes::from_static(b"1234567")), None);
    }
}
