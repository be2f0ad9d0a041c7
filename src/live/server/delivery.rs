//! A message on its way to the members of a list: framed once for all who get it in the same form, offered to each.

use bytes::Bytes;

use super::core::Core;
use super::frame::{self, Kind};
use super::peer::{Offered, Peer};
use super::settings::Settings;

/// A message and the frames made of it so far.
#[derive(Debug)]
pub struct Delivery<'a> {
    kind: Kind,
    payload: &'a [u8],
    /// As it is, and compressed: each is made for the first who gets it so.
    frames: [Option<Bytes>; 2],
}

impl<'a> Delivery<'a> {
    /// A message that nobody has got yet.
    pub fn new(kind: Kind, payload: &'a [u8]) -> Self {
        Self { kind, payload, frames: [None, None] }
    }

    /// The frame that such a connection gets.
    pub fn frame(&mut self, to: &Peer, core: &mut Core) -> &Bytes {
        let deflates = to.deflates();
        let (kind, payload) = (self.kind, self.payload);
        self.frames[usize::from(deflates)].get_or_insert_with(|| framed(kind, deflates, payload, core))
    }

    /// Puts it into a connection's queue.
    pub fn offer(&mut self, to: &Peer, settings: &Settings, core: &mut Core) {
        let frame = self.frame(to, core).clone();
        match to.offer(frame, settings.send_buffer, settings.slow_consumer) {
            Offered::Taken => core.counters.messages_out.add(1),
            Offered::Dropped => core.counters.deliveries_dropped.add(1),
            Offered::Cut => {
                core.counters.deliveries_dropped.add(1);
                core.counters.slow_consumers_cut.add(1);
            }
            Offered::Gone => {}
        }
    }
}

/// A message as the frame that is sent.
fn framed(kind: Kind, deflates: bool, payload: &[u8], core: &mut Core) -> Bytes {
    let packed = core.deflate.as_mut().filter(|_| deflates).map(|deflate| {
        deflate.pack(payload);
        &deflate.packed[..]
    });
    let content = packed.unwrap_or(payload);
    let mut frame = Vec::with_capacity(content.len() + 10);
    frame::write_message(&mut frame, kind, packed.is_some(), content);
    frame.into()
}
