//! The domain's processes on the engine: users, connections, servers, network, storage.
//!
//! [`simulate`] turns a scenario into [`RunMetrics`](crate::metrics::RunMetrics). A `cell` is a server with its users;
//! cells run side by side, behind one front `door` where connections come and go. Messages to users of other servers leave
//! a server by its `outlet`, which finds their recipients in the `directory`; an `exchange` carries them to the broker's
//! nodes, each in a `relay`, and copies back.

mod arrivals;
mod broken;
pub mod cell;
mod consumers;
mod delays;
pub mod demand;
pub mod directory;
mod door;
pub mod exchange;
pub mod letter;
mod modulated;
mod outages;
mod outlet;
mod placement;
pub mod plan;
pub mod reads;
mod recorder;
mod relay;
mod retry;
mod ring;
mod router;
mod run;
mod server;
mod steady;
mod tide;
mod trace;

pub use run::{SimulationError, Unwatched, Watch, simulate, simulate_each};
