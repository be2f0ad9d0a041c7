//! The live mode: the scenario played by real servers and real clients over real sockets.

pub mod link;
