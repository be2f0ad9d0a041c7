//! What the messages between servers ask of the broker.

use super::fanout::Spread;
use super::{Fleet, Load, ResourceKind};
use crate::scenario::Scenario;

/// What all nodes of the broker together are asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BrokerDemand {
    /// Cores.
    pub cpu: f64,
    /// Bytes a second in.
    pub nic_in: f64,
    /// Bytes a second out.
    pub nic_out: f64,
    /// Bytes a second to disk.
    pub disk: f64,
    /// Partitions, replicas counted.
    pub partitions: f64,
    /// Share of all that is of one channel, and so of one node.
    pub hot: f64,
}

impl BrokerDemand {
    /// What is asked of a resource of so many nodes: of the busiest, times their number.
    pub fn of(&self, kind: ResourceKind, nodes: u64) -> f64 {
        // One channel is of one node: the busiest node has that one, and its share of the others.
        let uneven = 1.0 + self.hot * (nodes as f64 - 1.0).max(0.0);
        match kind {
            ResourceKind::BrokerCpu => self.cpu * uneven,
            ResourceKind::BrokerNicIn => self.nic_in * uneven,
            ResourceKind::BrokerNicOut => self.nic_out * uneven,
            ResourceKind::BrokerDisk => self.disk * uneven,
            _ => self.partitions,
        }
    }
}

/// The demand on a broker of so many nodes behind so many servers.
///
/// With r replicas each node follows r − 1 others for each that it leads, so what is published is taken in, kept and (but
/// for the first) sent on r times.
pub fn broker_demand(scenario: &Scenario, load: &Load, spread: &Spread, fleet: &Fleet) -> BrokerDemand {
    let Some(broker) = &scenario.broker else {
        return BrokerDemand { cpu: 0.0, nic_in: 0.0, nic_out: 0.0, disk: 0.0, partitions: 0.0, hot: 0.0 };
    };
    let (published, copies) =
        (spread.publishes * load.messages_in_per_second, spread.copies * load.messages_in_per_second);
    let bytes = load.backplane_bytes;
    let replicas = broker.replication as f64;
    let per_batch = broker.per_batch.mean();
    let batch_share = if per_batch > 0.0 { per_batch / batches(scenario, load, spread, fleet).size } else { 0.0 };
    let partitions = broker.partitions.map_or(fleet.servers as f64, |partitions| partitions as f64);
    BrokerDemand {
        // Followers fetch many batches at once: they cost by the message, not by the batch.
        cpu: published * (broker.per_publish.mean() * replicas + batch_share) + copies * broker.per_delivery.mean(),
        nic_in: published * bytes * replicas,
        nic_out: copies * bytes + published * bytes * (replicas - 1.0),
        disk: published * bytes * replicas,
        partitions: partitions * replicas,
        hot: if broker.publishes_for_each() { 0.0 } else { spread.hot_channel },
    }
}

/// What servers gather for the broker's nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Batches {
    /// Messages of a batch, on average over batches.
    pub size: f64,
    /// How long a message waits for its batch to be sent, on average, in seconds.
    pub wait: f64,
}

/// The batches of this load.
///
/// A message that is published h times has g = h/(n·q) of them for one of n nodes, if it has any, with chance
/// q = 1 − (1 − 1/n)^h. The first opens a batch and waits for all of the linger L; those of other messages, at rate a, join
/// it and wait for half of L on average: a batch has g(1 + aL), and the mean wait is L(1 + aL/2)/(1 + aL). Own shard and
/// others are told apart, since a server writes to its own more often.
pub fn batches(scenario: &Scenario, load: &Load, spread: &Spread, fleet: &Fleet) -> Batches {
    let Some(broker) = &scenario.broker else { return Batches { size: 1.0, wait: 0.0 } };
    let linger = broker.linger.get();
    let shards = scenario.sharding.as_ref().map_or(1.0, |sharding| sharding.shards as f64);
    let nodes = (fleet.broker_nodes.max(1) as f64 / shards).max(1.0);
    let copies = spread.publishes.max(1.0);
    let touched = 1.0 - (1.0 - 1.0 / nodes).powf(copies);
    let together = copies / (nodes * touched);
    let rate = load.messages_in_per_second * spread.publishes.min(1.0) / fleet.servers as f64 * touched;
    let most = (broker.batch.get() / scenario.workload.message_size.mean().max(1.0)).max(1.0);
    let of = |rate: f64| {
        let joined = (rate * linger).min((most / together - 1.0).max(0.0));
        let size = (together * (1.0 + joined)).min(most.max(together));
        // A batch that is full before its time does not wait for it.
        let waits = if rate > 0.0 {
            linger.min(joined / rate).max(if joined < rate * linger { 0.0 } else { linger })
        } else {
            linger
        };
        (size, waits * (1.0 + joined / 2.0) / (1.0 + joined))
    };
    let (own, others) = (1.0 - spread.crossing, spread.crossing);
    let (near, far) = (of(rate * own), of(rate * others / (shards - 1.0).max(1.0)));
    Batches { size: 1.0 / (own / near.0 + others / far.0), wait: own * near.1 + others * far.1 }
}
