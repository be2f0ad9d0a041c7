//! What a serving thread has for itself and lends to the connection that it serves just now: buffers, counters, work.
//!
//! Connections have no buffers of their own: bytes are read into the thread's, and answers gathered in the thread's, so
//! that ten thousand idle connections hold ten thousand small tasks and nothing else.

use std::cell::RefCell;
use std::sync::Arc;

use super::counters::Counters;
use super::log::Batch;
use super::shared::Shared;
use super::work::Work;
use crate::live::deflate::Deflate;
use crate::random::{Purpose, Stream};

/// Bytes read at a time.
const READ: usize = 64 << 10;

/// What a thread has.
#[derive(Debug)]
pub struct Core {
    /// What is read from a socket.
    pub input: Vec<u8>,
    /// What is to be written to it; empty between connections.
    pub output: Vec<u8>,
    /// What the thread counts.
    pub counters: Arc<Counters>,
    /// Records for the log, if one is written.
    pub batch: Option<Arc<Batch>>,
    /// A letter to other servers, while it is put together.
    pub letter: Vec<u8>,
    /// What packs and unpacks messages, if any are compressed.
    pub deflate: Option<Box<Deflate>>,
    /// What a message costs, if that is stated.
    pub work: Option<Work>,
}

thread_local! {
    static CORE: RefCell<Option<Core>> = const { RefCell::new(None) };
}

/// Makes this thread one that serves; `number` tells it from the server's others.
pub fn enter(shared: &Shared, number: u64) {
    let (counters, batch) = shared.enlist();
    let settings = &shared.settings;
    let entity = u64::from(settings.worker.0) << 32 | number;
    let stream = Stream::named(settings.seed, 0, entity, Purpose::Service);
    let work = settings.work.clone().map(|seconds| Work::new(seconds, stream));
    let deflate = settings.deflate.then(|| Box::new(Deflate::new()));
    let (input, output, letter) = (vec![0; READ], Vec::with_capacity(READ), Vec::new());
    let core = Core { input, output, counters, batch, letter, deflate, work };
    CORE.with(|place| *place.borrow_mut() = Some(core));
}

/// Lends what this thread has.
///
/// # Panics
/// When the thread has not [entered](enter), or has lent it already: bugs of ours.
pub fn with<T>(act: impl FnOnce(&mut Core) -> T) -> T {
    CORE.with(|core| act(core.borrow_mut().as_mut().expect("a serving thread")))
}
