//! What a server is to do, taken from a scenario.

use std::time::Duration;

use super::log::LogSettings;
use crate::random::Distribution;
use crate::scenario::{Dispatch, FanOut, Scenario, SlowConsumer};
use crate::units::Seconds;

/// Who gets a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The sender.
    Sender,
    /// Nobody.
    Nobody,
    /// The user that it names.
    User,
    /// All in the sender's room.
    Room,
    /// All.
    Everyone,
}

/// What a server process is to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Who gets a message.
    pub reach: Reach,
    /// Work for each message, in seconds of CPU time, if any is stated.
    pub work: Option<Distribution>,
    /// Seed of the work.
    pub seed: u64,
    /// Connections past which it refuses.
    pub connection_limit: Option<u64>,
    /// Time between two pings of a connection.
    pub heartbeat: Option<Duration>,
    /// Silence both ways after which a connection is cut.
    pub idle_timeout: Option<Duration>,
    /// Bytes kept for a connection that takes in too little.
    pub send_buffer: usize,
    /// What happens past that.
    pub slow_consumer: SlowConsumer,
    /// Whether messages are compressed with clients that offer it.
    pub deflate: bool,
    /// Threads that serve.
    pub threads: usize,
    /// Whether a message is served by whichever thread is free; else each thread has its own connections.
    pub shared: bool,
    /// Where the log goes, if one is written.
    pub log: Option<LogSettings>,
    /// Which process of the server this is, from 0, and of how many.
    pub worker: (u32, u32),
}

impl Settings {
    /// Those of a server that has one process and writes no log. `states_work` is whether the scenario itself says what
    /// a message costs; the default cost is what a server like this one has anyway.
    pub fn of(scenario: &Scenario, states_work: bool) -> Self {
        let servers = &scenario.servers;
        Self {
            reach: match scenario.workload.fan_out {
                FanOut::Echo => Reach::Sender,
                FanOut::None => Reach::Nobody,
                FanOut::Direct => Reach::User,
                FanOut::Room(_) => Reach::Room,
                FanOut::Broadcast => Reach::Everyone,
            },
            work: states_work.then(|| servers.cpu.per_message.clone()),
            seed: scenario.simulation.seed,
            connection_limit: servers.connection_limit,
            heartbeat: scenario.workload.heartbeat.map(duration),
            idle_timeout: scenario.balancer.idle_timeout.map(duration),
            send_buffer: servers.send_buffer.get() as usize,
            slow_consumer: servers.slow_consumer,
            deflate: scenario.protocol.compression.is_some(),
            threads: servers.cores as usize,
            shared: servers.dispatch == Dispatch::Shared,
            log: None,
            worker: (0, 1),
        }
    }
}

fn duration(seconds: Seconds) -> Duration {
    Duration::try_from_secs_f64(seconds.get()).unwrap_or(Duration::MAX)
}
