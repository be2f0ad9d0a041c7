//! The domain's processes on the engine: users, connections, servers, network, storage.
//!
//! [`simulate`] turns a scenario into [`RunMetrics`](crate::metrics::RunMetrics). A `cell` is a server with its users;
//! cells run side by side, behind one front `door` where connections come and go.

mod arrivals;
pub mod cell;
pub mod demand;
mod door;
mod outages;
mod placement;
pub mod plan;
pub mod recorder;
mod ring;
mod router;
mod run;
mod server;

pub use run::{SimulationError, Unwatched, Watch, simulate};
