//! What others see of a connection: its queue of frames to send, and the signals that its task looks at when woken.
//!
//! Any thread may offer a frame or a signal; only the connection's own task takes frames out and writes them.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use bytes::{Buf as _, Bytes};

use crate::scenario::SlowConsumer;

/// Frames wait in the queue.
pub const QUEUED: u8 = 1;
/// A heartbeat is due.
pub const PING: u8 = 2;
/// The server ends.
pub const GOING_AWAY: u8 = 4;
/// Cut it: it takes in too little.
pub const TOO_SLOW: u8 = 8;
/// Cut it: nothing came from it for too long.
pub const SILENT: u8 = 16;

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// Its request isn't complete.
    Request = 0,
    /// It is a WebSocket.
    Open = 1,
    /// A close frame or a page was sent; the other side ends it.
    Ending = 2,
}

/// One connection, as others see it.
#[derive(Debug)]
pub struct Peer {
    waker: OnceLock<Waker>,
    signals: AtomicU8,
    stage: AtomicU8,
    /// When it got to where it stands, when something came from it last, and when something went to it; in ms.
    since: AtomicU32,
    heard: AtomicU32,
    spoken: AtomicU32,
    /// Whether messages to it are compressed.
    deflate: AtomicBool,
    /// How often the caretaker has looked at it.
    pub visits: AtomicU32,
    /// Its places in the lists it is on.
    pub places: [AtomicUsize; 2],
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Bytes>,
    /// Of the frames, and of those taken out that are not written yet.
    bytes: usize,
    closed: bool,
}

/// What became of a frame that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It will be sent.
    Taken,
    /// The queue was full, so the connection doesn't get it.
    Dropped,
    /// The queue was full, so the connection is cut.
    Cut,
    /// The connection is no longer there.
    Gone,
}

impl Peer {
    /// A connection that was made now (in ms).
    pub fn new(now: u32) -> Self {
        Self {
            waker: OnceLock::new(),
            signals: AtomicU8::new(0),
            stage: AtomicU8::new(Stage::Request as u8),
            since: AtomicU32::new(now),
            heard: AtomicU32::new(now),
            spoken: AtomicU32::new(now),
            deflate: AtomicBool::new(false),
            visits: AtomicU32::new(0),
            places: [const { AtomicUsize::new(0) }; 2],
            queue: Mutex::default(),
        }
    }

    /// Its task, which a signal wakes. A task has the same waker all its life.
    pub fn watch(&self, waker: &Waker) {
        self.waker.get_or_init(|| waker.clone());
    }

    /// Tells its task something.
    pub fn signal(&self, what: u8) {
        if self.signals.fetch_or(what, AcqRel) & what == 0
            && let Some(waker) = self.waker.get()
        {
            waker.wake_by_ref();
        }
    }

    /// All that it was told.
    pub fn signals(&self) -> u8 {
        if self.signals.load(Relaxed) == 0 { 0 } else { self.signals.swap(0, AcqRel) }
    }

    /// Where it stands.
    pub fn stage(&self) -> Stage {
        match self.stage.load(Relaxed) {
            0 => Stage::Request,
            1 => Stage::Open,
            _ => Stage::Ending,
        }
    }

    /// Puts it there, now (in ms).
    pub fn enter(&self, stage: Stage, now: u32) {
        self.stage.store(stage as u8, Relaxed);
        self.since.store(now, Relaxed);
    }

    /// Messages to it are compressed from now on.
    pub fn agree_on_deflate(&self) {
        self.deflate.store(true, Relaxed);
    }

    /// Whether messages to it are compressed.
    pub fn deflates(&self) -> bool {
        self.deflate.load(Relaxed)
    }

    /// Something came from it now.
    pub fn heard(&self, now: u32) {
        self.heard.store(now, Relaxed);
    }

    /// Something went to it now.
    pub fn spoken(&self, now: u32) {
        self.spoken.store(now, Relaxed);
    }

    /// How long it stands where it stands, in ms; the clock may have gone round.
    pub fn stands_for(&self, now: u32) -> u32 {
        now.wrapping_sub(self.since.load(Relaxed))
    }

    /// How long nothing has come from it.
    pub fn silent_for(&self, now: u32) -> u32 {
        now.wrapping_sub(self.heard.load(Relaxed))
    }

    /// How long nothing has gone either way.
    pub fn idle_for(&self, now: u32) -> u32 {
        self.silent_for(now).min(now.wrapping_sub(self.spoken.load(Relaxed)))
    }

    /// Offers it a frame. What it keeps at most is `limit` bytes, but one frame always has room.
    pub fn offer(&self, frame: Bytes, limit: usize, full: SlowConsumer) -> Offered {
        let mut queue = self.queue();
        if queue.closed {
            return Offered::Gone;
        }
        if queue.bytes > 0 && queue.bytes + frame.len() > limit {
            drop(queue);
            return match full {
                SlowConsumer::Drop => Offered::Dropped,
                SlowConsumer::Disconnect => {
                    self.close();
                    self.signal(TOO_SLOW);
                    Offered::Cut
                }
            };
        }
        queue.bytes += frame.len();
        queue.frames.push_back(frame);
        drop(queue);
        self.signal(QUEUED);
        Offered::Taken
    }

    /// Queues what the connection itself has to say, whatever the limit.
    pub fn keep(&self, frame: Bytes, first: bool) {
        let mut queue = self.queue();
        queue.bytes += frame.len();
        if first {
            queue.frames.push_front(frame);
        } else {
            queue.frames.push_back(frame);
        }
    }

    /// All frames that wait; their bytes still count until they are [written](Self::written).
    pub fn take(&self) -> VecDeque<Bytes> {
        std::mem::take(&mut self.queue().frames)
    }

    /// So many bytes of those taken were written, and the rest goes back in front.
    pub fn written(&self, bytes: usize, mut rest: VecDeque<Bytes>) {
        let mut left = bytes;
        while let Some(first) = rest.front_mut().filter(|_| left > 0) {
            let part = left.min(first.len());
            first.advance(part);
            left -= part;
            if first.is_empty() {
                rest.pop_front();
            }
        }
        let mut queue = self.queue();
        queue.bytes -= bytes;
        if !rest.is_empty() {
            rest.append(&mut queue.frames);
            queue.frames = rest;
        }
    }

    /// No more frames are taken, and those that wait are lost.
    pub fn close(&self) {
        let mut queue = self.queue();
        queue.closed = true;
        queue.frames = VecDeque::new();
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Bytes = Bytes::from_static(b"0123456789");

    #[test]
    fn a_full_queue_drops_or_cuts_but_one_frame_always_fits() {
        let peer = Peer::new(0);
        let offer = |full| peer.offer(FRAME, 25, full);
        assert_eq!([0; 3].map(|_| offer(SlowConsumer::Drop)), [Offered::Taken, Offered::Taken, Offered::Dropped]);
        assert_eq!(peer.signals(), QUEUED);
        // What was taken out to be written still counts.
        let frames = peer.take();
        assert_eq!((frames.len(), offer(SlowConsumer::Drop)), (2, Offered::Dropped));
        peer.written(13, frames);
        assert_eq!(offer(SlowConsumer::Drop), Offered::Taken);
        let left: Vec<Bytes> = peer.take().into();
        assert_eq!(left, [&b"3456789"[..], b"0123456789"]);
        peer.written(17, left.into());
        assert_eq!(peer.offer(FRAME, 1, SlowConsumer::Disconnect), Offered::Taken);
        assert_eq!(peer.offer(FRAME, 1, SlowConsumer::Disconnect), Offered::Cut);
        assert_eq!((peer.signals() & TOO_SLOW, offer(SlowConsumer::Drop)), (TOO_SLOW, Offered::Gone));
    }

    #[test]
    fn silence_is_told_across_the_end_of_the_clock() {
        let peer = Peer::new(u32::MAX - 9);
        peer.spoken(u32::MAX);
        assert_eq!((peer.silent_for(10), peer.idle_for(10)), (20, 11));
    }
}
