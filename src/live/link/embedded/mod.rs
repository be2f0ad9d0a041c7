//! A broker of our own, so that several servers can be linked without installing one.
//!
//! It listens on TCP, and runs in the parent of the servers or alone (`plimsoll broker`), which also links servers on
//! several machines. It keeps nothing: what it can't hand on at once waits in bounded queues, and is dropped beyond.

mod broker;
mod frame;
mod session;

pub use broker::{BrokerCounters, EmbeddedBroker};
pub(super) use session::Session;
