//! The domain's processes on the engine.
pub mod cell;
pub mod demand;
pub mod door;
pub mod placement;
pub mod recorder;
pub mod ring;
pub mod router;
pub mod server;
