//! Balancing by message: which server of a cell takes the next one.

use crate::engine::{Calendar, LeastLoaded};
use crate::random::{Purpose, Stream};
use crate::scenario::{Discipline, Policy, Scenario};
use crate::simulation::placement::ring_shares;
use crate::units::SimTime;

/// Picks a server for each message.
#[derive(Debug)]
pub struct Router {
    stream: Stream,
    choice: Choice,
}

#[derive(Debug)]
enum Choice {
    Random {
        servers: u64,
    },
    RoundRobin {
        servers: usize,
        next: usize,
    },
    Least {
        index: LeastLoaded,
        leaving: Calendar<usize>,
    },
    /// The fewest messages, counted at each message: where the cores are shared, nobody knows beforehand when one leaves.
    LeastCounted {
        servers: usize,
    },
    /// Upper ends of the servers' shares of (0, 1).
    Hash {
        ends: Vec<f64>,
    },
}

impl Router {
    /// A router over this many servers.
    pub fn new(scenario: &Scenario, servers: usize, seed: u64, replication: u64) -> Self {
        let choice = match scenario.balancer.policy {
            Policy::Random => Choice::Random { servers: servers as u64 },
            Policy::RoundRobin => Choice::RoundRobin { servers, next: 0 },
            Policy::LeastConnections if scenario.servers.discipline == Discipline::ProcessorSharing => {
                Choice::LeastCounted { servers }
            }
            Policy::LeastConnections => {
                Choice::Least { index: LeastLoaded::new(servers), leaving: Calendar::default() }
            }
            Policy::ConsistentHash { virtual_nodes } => {
                let mut sum = 0.0;
                let ends = ring_shares(servers, virtual_nodes, seed).into_iter().map(|share| {
                    sum += share;
                    sum
                });
                Choice::Hash { ends: ends.collect() }
            }
        };
        Self { stream: Stream::named(seed, replication, 0, Purpose::Routing), choice }
    }

    /// The server for a message that comes now; `inside` counts a server's messages.
    pub fn pick(&mut self, now: SimTime, mut inside: impl FnMut(usize) -> usize) -> usize {
        let stream = &mut self.stream;
        match &mut self.choice {
            Choice::Random { servers } => stream.below(*servers) as usize,
            Choice::RoundRobin { servers, next } => {
                let server = *next;
                *next = (server + 1) % *servers;
                server
            }
            Choice::Least { index, leaving } => {
                while let Some((_, server)) = leaving.pop_until(now) {
                    index.remove(server);
                }
                index.least(|n| stream.below(n))
            }
            Choice::LeastCounted { servers } => {
                let counts: Vec<usize> = (0..*servers).map(&mut inside).collect();
                let least = counts.iter().min().copied().unwrap_or(0);
                let tied = counts.iter().filter(|count| **count == least).count();
                let chosen = stream.below(tied as u64) as usize;
                counts.iter().enumerate().filter(|(_, count)| **count == least).nth(chosen).map_or(0, |(i, _)| i)
            }
            Choice::Hash { ends } => {
                let draw = stream.unit();
                ends.partition_point(|end| *end <= draw).min(ends.len() - 1)
            }
        }
    }

    /// The message that was sent to this server leaves its CPU then.
    pub fn sent(&mut self, server: usize, leaves: SimTime) {
        if let Choice::Least { index, leaving } = &mut self.choice {
            index.add(server);
            leaving.schedule(leaves, server);
        }
    }
}
