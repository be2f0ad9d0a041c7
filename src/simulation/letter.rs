//! What travels between servers: a letter from a server to a node of the broker, and a copy of it to a server.

use crate::units::SimTime;

/// A message on its way from a server to a node of the broker.
#[derive(Debug, Clone, Copy)]
pub struct Letter {
    /// When it reaches the node.
    pub at: SimTime,
    /// Its latency counts from here, as in a job of a server.
    pub origin: u64,
    /// The node.
    pub node: u32,
    /// The server it comes from; `NOBODY` in what stands for servers that are not simulated.
    pub from: u32,
    /// Whom it is for.
    pub to: Address,
    /// Payload.
    pub bytes: u32,
    /// Whether it is one of a batch, and not the first.
    pub follows: bool,
}

/// The sender of a letter from a server that is not simulated.
pub const NOBODY: u32 = u32::MAX;

/// Whom a letter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// So many users of this server.
    Server(u32, u32),
    /// The members of a room on other servers than the sender's.
    Room(u32),
    /// All users of all other servers.
    Everyone,
    /// This many servers that are not simulated.
    Elsewhere(u32),
}

/// A copy of a message on its way to a server.
#[derive(Debug, Clone, Copy, Default)]
pub struct Delivery {
    /// When it reaches the server.
    pub at: SimTime,
    /// Its latency counts from here, as in a job of a server.
    pub origin: u64,
    /// The server.
    pub server: u32,
    /// Its recipients there.
    pub recipients: u32,
    /// Payload.
    pub bytes: u32,
}

/// In [`Delivery::recipients`]: all users of the server.
pub const ALL: u32 = u32::MAX;
