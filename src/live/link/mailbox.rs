//! A queue with a limit in bytes, from many senders to one receiver, who takes all there is at once.
//!
//! Taking everything is what makes batches: what came while the receiver was busy is handled in one go. The limit is in
//! bytes and not in letters since memory is what has to be bounded.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What an item takes besides its contents.
const OVERHEAD: usize = 64;

/// Why an item was not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Past the limit.
    Full,
    /// Nobody receives any more.
    Closed,
}

/// The queue.
#[derive(Debug)]
pub(super) struct Mailbox<T> {
    queue: Mutex<Queue<T>>,
    filled: Notify,
    limit: usize,
}

#[derive(Debug)]
struct Queue<T> {
    items: Vec<T>,
    bytes: usize,
    closed: bool,
}

impl<T> Mailbox<T> {
    /// A queue for this many bytes.
    pub fn new(limit: usize) -> Self {
        let queue = Queue { items: Vec::new(), bytes: 0, closed: false };
        Self { queue: Mutex::new(queue), filled: Notify::new(), limit }
    }

    /// Puts in an item of this many bytes. An empty queue takes an item of any size.
    pub fn put(&self, item: T, bytes: usize) -> Result<(), Refused> {
        let mut queue = self.lock();
        if queue.closed {
            return Err(Refused::Closed);
        }
        let needed = bytes + OVERHEAD;
        if !queue.items.is_empty() && queue.bytes + needed > self.limit {
            return Err(Refused::Full);
        }
        let was_empty = queue.items.is_empty();
        queue.items.push(item);
        queue.bytes += needed;
        drop(queue);
        if was_empty {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Puts in a small item, limit or not.
    pub fn put_always(&self, item: T) -> Result<(), Refused> {
        let mut queue = self.lock();
        if queue.closed {
            return Err(Refused::Closed);
        }
        queue.items.push(item);
        queue.bytes += OVERHEAD;
        drop(queue);
        self.filled.notify_one();
        Ok(())
    }

    /// Moves all items to `out`, which must be empty; says whether more can come.
    pub fn take(&self, out: &mut Vec<T>) -> bool {
        debug_assert!(out.is_empty(), "the two are swapped, so that no memory is allocated");
        let mut queue = self.lock();
        std::mem::swap(&mut queue.items, out);
        queue.bytes = 0;
        !queue.closed
    }

    /// Waits until there is something to take, or nothing will come any more. It may return early.
    pub async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Takes nothing in from now on. What is inside can still be taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    /// Makes [`filled`](Self::filled) return.
    pub fn wake(&self) {
        self.filled.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        // Whoever panicked while holding the lock left a whole queue: nothing in there can fail half-way.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_kept_and_order_too() {
        let mailbox = Mailbox::new(3 * (OVERHEAD + 10));
        for n in 0..3 {
            assert_eq!(mailbox.put(n, 10), Ok(()));
        }
        assert_eq!(mailbox.put(3, 10), Err(Refused::Full));
        let mut out = Vec::new();
        assert!(mailbox.take(&mut out));
        assert_eq!(out, [0, 1, 2]);
        assert_eq!(mailbox.put(4, 1_000_000), Ok(()), "else it could never be sent");
        assert_eq!(mailbox.put(5, 0), Err(Refused::Full));
    }

    #[test]
    fn what_is_inside_outlives_the_close() {
        let mailbox = Mailbox::new(1_000);
        assert_eq!(mailbox.put('a', 1), Ok(()));
        mailbox.close();
        assert_eq!(mailbox.put('b', 1), Err(Refused::Closed));
        let mut out = Vec::new();
        assert!(!mailbox.take(&mut out));
        assert_eq!(out, ['a']);
    }
}
