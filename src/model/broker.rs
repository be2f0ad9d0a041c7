//! What the messages between servers ask of the broker.

use super::fanout::Spread;
use super::wire::Wire;
use super::Load;
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

/// The demand on a broker of so many nodes behind so many servers.
///
/// With r replicas each node follows r − 1 others for each that it leads, so what is published is taken in, kept and (but
/// for the first) sent on r times. A batch is what a server gathers for one node while it lingers: 1 + λL messages, where
/// λ is what one server publishes to one node; but not more than its bytes allow.
pub fn broker_demand(scenario: &Scenario, load: &Load, servers: u64, nodes: u64) -> BrokerDemand {
    let Some(broker) = &scenario.broker else {
        return BrokerDemand { cpu: 0.0, nic_in: 0.0, nic_out: 0.0, disk: 0.0, partitions: 0.0, hot: 0.0 };
    };
    let spread = Spread::of(scenario, load.connections, servers);
    let (published, copies) = (spread.publishes * load.messages_in_per_second, spread.copies * load.messages_in_per_second);
    let bytes = Wire::of(scenario).mean_backplane(&scenario.workload.message_size).bytes;
    let replicas = broker.replication as f64;
    let batch = batch_size(scenario, published, servers, nodes);
    let partitions = broker.partitions.map_or(servers as f64, |partitions| partitions as f64);
    BrokerDemand {
        // Followers fetch many batches at once: they cost by the message, not by the batch.
        cpu: published * (broker.per_publish.mean() * replicas + broker.per_batch.mean() / batch)
            + copies * broker.per_delivery.mean(),
        nic_in: published * bytes * replicas,
        nic_out: copies * bytes + published * bytes * (replicas - 1.0),
        disk: published * bytes * replicas,
        partitions: partitions * replicas,
        hot: if broker.publishes_for_each() { 0.0 } else { spread.hot_channel },
    }
}

/// Messages of a batch, on average.
pub fn batch_size(scenario: &Scenario, published: f64, servers: u64, nodes: u64) -> f64 {
    let Some(broker) = &scenario.broker else { return 1.0 };
    let each = published / (servers as f64 * nodes.max(1) as f64);
    let most = (broker.batch.get() / scenario.workload.message_size.mean().max(1.0)).max(1.0);
    (1.0 + each * broker.linger.get()).min(most)
}
