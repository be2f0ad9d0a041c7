//! Which server an attempt goes to: the balancer's policy among the servers that are up.

use crate::engine::LeastLoaded;
use crate::random::Stream;
use crate::scenario::Policy;
use crate::simulation::placement::ring_shares;

/// The balancer's choice. It counts what it sent to each server and has not seen the end of, and knows at once which
/// servers take no connections.
#[derive(Debug)]
pub struct Choice {
    rule: Rule,
    index: LeastLoaded,
}

#[derive(Debug)]
enum Rule {
    Random,
    RoundRobin(usize),
    Least,
    /// Upper ends of the servers' shares of (0, 1).
    Hash(Vec<f64>),
}

impl Choice {
    /// Among this many servers, all of them up.
    pub fn new(policy: Policy, servers: usize, seed: u64) -> Self {
        let rule = match policy {
            Policy::Random => Rule::Random,
            Policy::RoundRobin => Rule::RoundRobin(0),
            Policy::LeastConnections => Rule::Least,
            Policy::ConsistentHash { virtual_nodes } => {
                let mut sum = 0.0;
                let ends = ring_shares(servers, virtual_nodes, seed).into_iter().map(|share| {
                    sum += share;
                    sum
                });
                Rule::Hash(ends.collect())
            }
        };
        Self { rule, index: LeastLoaded::new(servers) }
    }

    /// Whether a user always comes back to the same server.
    pub const fn is_by_user(&self) -> bool {
        matches!(self.rule, Rule::Hash(_))
    }

    /// The server of the next attempt; none where all are down. `home` is the user's own, where it has one: while that is
    /// down, the user falls on the arcs of the others, of each in proportion to its share of the ring.
    pub fn pick(&mut self, home: Option<u32>, stream: &mut Stream) -> Option<usize> {
        if self.index.available() == 0 {
            return None;
        }
        if let Some(home) = home.map(|home| home as usize)
            && self.index.is_available(home)
        {
            return Some(home);
        }
        let servers = self.servers();
        if let Rule::Least = self.rule {
            return Some(self.index.least(|n| stream.below(n)));
        }
        // Of all servers, until one is up.
        loop {
            let server = match &mut self.rule {
                Rule::RoundRobin(next) => {
                    let server = *next;
                    *next = (server + 1) % servers;
                    server
                }
                Rule::Hash(ends) => {
                    let draw = stream.unit();
                    ends.partition_point(|end| *end <= draw).min(servers - 1)
                }
                Rule::Random | Rule::Least => stream.below(servers as u64) as usize,
            };
            if self.index.is_available(server) {
                return Some(server);
            }
        }
    }

    /// How many servers there are, up or down.
    pub fn servers(&self) -> usize {
        self.index.places()
    }

    /// A server takes no more connections.
    pub fn retire(&mut self, server: usize) {
        self.index.retire(server);
    }

    /// A server takes connections again.
    pub fn restore(&mut self, server: usize) {
        self.index.restore(server);
    }

    /// What was sent to a server and has not ended.
    pub fn count(&self, server: usize) -> u64 {
        u64::from(self.index.count(server))
    }

    /// The same, of all servers.
    pub fn total(&self) -> u64 {
        self.index.total()
    }

    /// The most that any server has had.
    pub fn most(&self) -> u64 {
        u64::from(self.index.most())
    }

    /// One more at a server.
    pub fn add(&mut self, server: usize) {
        self.index.add(server);
    }

    /// One fewer at a server.
    pub fn remove(&mut self, server: usize) {
        self.index.remove(server);
    }
}
