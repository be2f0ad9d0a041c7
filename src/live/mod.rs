//! The live mode: a real WebSocket server under real load, on the same scenario as the model.
//!
//! `payload` is what driver and server agree on, `frame` and `deflate` how both put it on the wire, `link` how servers reach each other's members, `probe` what the machine
//! says of processes and of itself. Nothing here knows the simulation: both yield a
//! [`metrics::Observation`](crate::metrics::Observation), which is compared above.

mod deflate;
pub mod driver;
mod frame;
pub mod link;
pub mod payload;
pub mod probe;
pub mod server;
