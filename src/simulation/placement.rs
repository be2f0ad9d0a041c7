//! Where connections are at the start of a run, and how evenly a hash ring spreads them.

use crate::random::{Purpose, Stream, mix};
use crate::scenario::{Policy, Scenario};

/// The share of all keys that each server's arcs of a consistent-hash ring cover: each server has `virtual_nodes` points
/// at hashes of its number, and each point the arc before it (Karger et al. 1997).
pub fn ring_shares(servers: usize, virtual_nodes: u32, seed: u64) -> Vec<f64> {
    let mut points: Vec<(u64, u32)> = (0..servers as u32)
        .flat_map(|server| {
            (0..virtual_nodes).map(move |node| (mix(mix(mix(seed) ^ u64::from(server)) ^ u64::from(node)), server))
        })
        .collect();
    points.sort_unstable();
    let mut shares = vec![0.0; servers];
    let mut before = points.last().map_or(0, |last| last.0);
    for (point, server) in points {
        // The first arc goes around the end of the circle: wrapping is meant.
        shares[server as usize] += point.wrapping_sub(before) as f64 / 18_446_744_073_709_551_616.0;
        before = point;
    }
    if servers == 1 {
        shares[0] = 1.0;
    }
    shares
}

/// How many of these connections each server has, shard by shard.
pub fn spread_over_shards(
    scenario: &Scenario,
    connections: u64,
    servers: &[u64],
    seed: u64,
    replication: u64,
) -> Vec<Vec<u64>> {
    let shares = scenario.sharding.as_ref().map_or_else(|| vec![1.0], crate::scenario::Sharding::shares);
    let (mut end, mut before) = (0.0, 0);
    shares
        .iter()
        .zip(servers)
        .enumerate()
        .map(|(shard, (share, servers))| {
            end += share;
            let upto = if shard + 1 == shares.len() { connections } else { (connections as f64 * end).round() as u64 };
            let own = upto - before;
            before = upto;
            spread_as(scenario, own, *servers as usize, seed, (replication, shard as u64))
        })
        .collect()
}

/// How many of these connections each server has, as the balancer's policy spreads them.
pub fn spread(scenario: &Scenario, connections: u64, servers: usize, seed: u64, replication: u64) -> Vec<u64> {
    spread_as(scenario, connections, servers, seed, (replication, 0))
}

fn spread_as(
    scenario: &Scenario,
    connections: u64,
    servers: usize,
    seed: u64,
    (replication, shard): (u64, u64),
) -> Vec<u64> {
    let mut stream = Stream::named(seed, replication, shard, Purpose::Placement);
    match scenario.balancer.policy {
        Policy::RoundRobin | Policy::LeastConnections => {
            let (each, rest) = (connections / servers as u64, connections % servers as u64);
            (0..servers as u64).map(|server| each + u64::from(server < rest)).collect()
        }
        Policy::Random => multinomial(&mut stream, connections, &vec![1.0 / servers as f64; servers]),
        Policy::ConsistentHash { virtual_nodes } => {
            // Each shard has a ring of its own.
            let ring = if shard == 0 { seed } else { mix(seed ^ shard) };
            multinomial(&mut stream, connections, &ring_shares(servers, virtual_nodes, ring))
        }
    }
}

/// n things thrown at places of these shares, by conditional binomials.
fn multinomial(stream: &mut Stream, n: u64, shares: &[f64]) -> Vec<u64> {
    let (mut left, mut share_left) = (n, 1.0);
    let last = shares.len() - 1;
    shares
        .iter()
        .enumerate()
        .map(|(i, share)| {
            let p = if share_left > 0.0 { (share / share_left).clamp(0.0, 1.0) } else { 0.0 };
            let count = if i == last { left } else { stream.binomial(left, p) };
            left -= count;
            share_left -= share;
            count
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ring_shares_add_up_and_vary_as_they_should() {
        let shares = ring_shares(1_000, 100, 5);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        // A share is a sum of 100 nearly exponential arcs: its relative deviation is 1/√100.
        let variance = shares.iter().map(|s| (s * 1_000.0 - 1.0).powi(2)).sum::<f64>() / 1_000.0;
        assert!((variance.sqrt() - 0.1).abs() < 0.01, "{}", variance.sqrt());
    }

    #[test]
    fn everybody_is_placed() {
        let mut stream = Stream::named(1, 0, 0, Purpose::Placement);
        let counts = multinomial(&mut stream, 1_000_000, &ring_shares(37, 10, 1));
        assert_eq!(counts.iter().sum::<u64>(), 1_000_000);
    }
}
