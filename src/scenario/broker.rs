//! The broker: figures of the usual kinds, and what a scenario says instead.

use super::draft::World;
use super::types::{Broker, BrokerKind};
use crate::random::Distribution;
use crate::units::display::whole;
use crate::units::{BitRate, ByteRate, Bytes, Seconds};

/// What a kind of broker is where the scenario says nothing else. `docs/model.md` has the sources.
struct Usual {
    cores: u32,
    network: Option<f64>,
    per_wakeup: f64,
    per_batch: f64,
    per_publish: f64,
    per_delivery: f64,
    linger: f64,
    batch: f64,
    replication: u64,
    disk_write: Option<f64>,
    partitions_per_node: Option<u64>,
    output_buffer: Option<f64>,
    max_wait: Option<f64>,
}

/// Nothing costs anything.
const OWN: Usual = Usual {
    cores: 1,
    network: None,
    per_wakeup: 0.0,
    per_batch: 0.0,
    per_publish: 0.0,
    per_delivery: 0.0,
    linger: 0.0,
    batch: 16_384.0,
    replication: 1,
    disk_write: None,
    partitions_per_node: None,
    output_buffer: None,
    max_wait: None,
};

const TEN_GIGABIT: Option<f64> = Some(10e9);

/// Measured with Redis 7 on one core, 1 KB: 12.5 us a publish alone, 1.4 us pipelined by 16, 1.05 us a delivery. The
/// output buffer is the default of `client-output-buffer-limit pubsub`.
const REDIS: Usual = Usual {
    network: TEN_GIGABIT,
    per_wakeup: 11.0e-6,
    per_publish: 1.4e-6,
    per_delivery: 1.05e-6,
    output_buffer: Some(32.0 * 1_048_576.0),
    ..OWN
};

/// Measured with NATS 2.9, 1 KB: 0.8 us a publish, 2.45 us for a delivery alone, 1.05 us one of ten. The output buffer is
/// the default of `max_pending`.
const NATS: Usual = Usual {
    cores: 4,
    network: TEN_GIGABIT,
    per_wakeup: 1.4e-6,
    per_publish: 0.8e-6,
    per_delivery: 1.05e-6,
    output_buffer: Some(67_108_864.0),
    ..OWN
};

/// `linger.ms`, `batch.size` and `delivery.timeout.ms` are defaults of Kafka 4.0, 4,000 partitions a node its makers'
/// advice; the CPU figures are assumptions.
const KAFKA: Usual = Usual {
    cores: 8,
    network: TEN_GIGABIT,
    per_batch: 50.0e-6,
    per_publish: 1.0e-6,
    per_delivery: 2.0e-6,
    linger: 5.0e-3,
    replication: 3,
    disk_write: Some(400e6),
    partitions_per_node: Some(4_000),
    max_wait: Some(120.0),
    ..OWN
};

/// The broker of a world, if it has one.
pub(super) fn broker(world: &World) -> Option<Broker> {
    let word = if world.is_section("broker") { world.word("broker.kind") } else { world.word("broker") };
    let (kind, usual) = match word {
        Some("redis") => (BrokerKind::Redis, REDIS),
        Some("kafka") => (BrokerKind::Kafka, KAFKA),
        Some("nats") => (BrokerKind::Nats, NATS),
        Some("own") => (BrokerKind::Own, OWN),
        _ => return None,
    };
    let time = |path, usual| world.random(path).unwrap_or(Distribution::Constant(usual));
    // A word (unlimited, none, auto) is no figure, and differs from what is not said.
    let or =
        |path: &str, usual: Option<f64>| if world.word(path).is_some() { None } else { world.figure(path).or(usual) };
    let figure = |path: &str, usual: f64| world.figure(path).unwrap_or(usual);
    Some(Broker {
        kind,
        nodes: world.figure("broker.nodes").map(|nodes| nodes as u64),
        cores: figure("broker.cores", f64::from(usual.cores)) as u32,
        network: or("broker.network", usual.network).map(BitRate::new),
        per_wakeup: time("broker.per_wakeup", usual.per_wakeup),
        per_batch: time("broker.per_batch", usual.per_batch),
        per_publish: time("broker.per_publish", usual.per_publish),
        per_delivery: time("broker.per_delivery", usual.per_delivery),
        linger: Seconds::new(figure("broker.linger", usual.linger)),
        batch: Bytes::new(figure("broker.batch", usual.batch)),
        replication: figure("broker.replication", usual.replication as f64) as u64,
        disk_write: or("broker.disk_write", usual.disk_write).map(ByteRate::new),
        partitions: world.figure("broker.partitions").map(|partitions| partitions as u64),
        partitions_per_node: or("broker.partitions_per_node", usual.partitions_per_node.map(|n| n as f64))
            .map(|partitions| partitions as u64),
        output_buffer: or("broker.output_buffer", usual.output_buffer).map(Bytes::new),
        max_wait: or("broker.max_wait", usual.max_wait).map(Seconds::new),
        resubscribe: Seconds::new(figure("broker.resubscribe", 1.0)),
        floods: world.word("broker.subscribers") == Some("all"),
    })
}

/// What messages to users of other servers, shards and brokers can't be together with.
pub(super) fn contradictions(world: &World, conflict: &mut impl FnMut(&[&str], String, &str)) {
    crossing(world, conflict);
    shards(world, conflict);
}

/// What messages to other users are called in the scenario, where there are any.
pub(super) fn fan_out(world: &World) -> Option<&'static str> {
    match world.word("workload.fan_out") {
        Some(word @ ("direct" | "broadcast")) => Some(word),
        _ if world.is_section("workload.fan_out") => Some("room"),
        _ => None,
    }
}

fn crossing(world: &World, conflict: &mut impl FnMut(&[&str], String, &str)) {
    if let Some(fan_out) = fan_out(world) {
        let alone = world.figure("servers.count") == Some(1.0);
        if world.word("broker") == Some("none") && !alone {
            conflict(
                &["workload.fan_out", "servers.count"],
                format!("with `fan_out: {fan_out}` messages go to users on other servers, and there is no broker"),
                "name what carries them, such as `broker: redis`, `kafka` or `nats`; or have one server (`servers: {count: 1}`)",
            );
        }
        if world.word("balancer.unit") == Some("message") {
            conflict(
                &["balancer.unit"],
                format!("`unit: message` can't be together with `fan_out: {fan_out}`"),
                "a message that is to reach a user must go to the server of the user's connection: use `unit: connection`",
            );
        }
        if world.word("servers.discipline") == Some("ps") {
            conflict(
                &["servers.discipline"],
                format!("`discipline: ps` can't be together with `fan_out: {fan_out}`"),
                "use `fifo`",
            );
        }
    }
    if world.is_section("workload.fan_out")
        && world.random("workload.fan_out.room").is_some_and(|room| room.mean() < 1.0)
    {
        conflict(&["workload.fan_out.room"], "a room has at least one member".to_owned(), "such as `{room: 50}`");
    }
    let all = world.figure("users").unwrap_or(0.0) * world.figure("workload.connections_per_user").unwrap_or(1.0);
    if world.is_section("workload.fan_out")
        && world.random("workload.fan_out.room").is_some_and(|room| room.mean() > all)
    {
        conflict(
            &["workload.fan_out.room", "users"],
            format!("a room can't have more members than there are connections ({})", whole(all)),
            "for messages to everybody write `fan_out: broadcast`",
        );
    }
}

fn shards(world: &World, conflict: &mut impl FnMut(&[&str], String, &str)) {
    let (sharding, regions) = (world.is_section("sharding"), world.word("regions") != Some("none"));
    if sharding && regions {
        conflict(
            &["regions", "sharding"],
            "`regions` and `sharding` can't be together".to_owned(),
            "regions are shards that are far apart: keep `sharding: {by: region, shards: …}` alone",
        );
    }
    let shards =
        world.figure("sharding.shards").or_else(|| world.figure("regions.count")).or_else(|| world.figure("regions"));
    if let (Some(shards), Some(servers)) = (shards, world.figure("servers.count"))
        && servers < shards
    {
        conflict(
            &["servers.count", "sharding.shards", "regions", "regions.count"],
            format!("{} servers can't make {} shards", whole(servers), whole(shards)),
            "each shard needs a server at least",
        );
    }
    if shards.is_some_and(|shards| shards > 1.0) && world.word("balancer.unit") == Some("message") {
        conflict(
            &["balancer.unit"],
            "`unit: message` can't be together with shards or regions".to_owned(),
            "shards keep their users' connections: use `unit: connection`",
        );
    }
    let nodes = world.figure("broker.nodes");
    if let (Some(nodes), Some(broker)) = (nodes, broker(world))
        && broker.replication as f64 > nodes
    {
        conflict(
            &["broker.replication", "broker.nodes"],
            format!("{} replicas can't be kept on {} nodes", broker.replication, whole(nodes)),
            "a node keeps one replica of a message: have more nodes, or fewer replicas",
        );
    }
}
