//! The domain's processes on the engine.
pub mod cell;
pub mod demand;
pub mod recorder;
pub mod ring;
pub mod server;
