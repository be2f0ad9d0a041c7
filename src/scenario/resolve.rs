//! A [`Draft`] and a world's figures become a [`Scenario`].
//!
//! Each figure was checked when it was read. Here is checked what figures can't be together.

use super::autoscaler;
use super::backend;
use super::broker;
use super::course;
use super::draft::{Draft, World};
use super::faults;
use super::slow;
use super::types::{
    Accept, Arrivals, Backoff, BalancedUnit, Balancer, BatchSize, Cdn, Cpu, Deflate, Discipline, Dispatch, Encoding,
    Failures, FanOut, Latency, Link, LinkKind, LogTier, Logs, Mode, Policy, Protocol, Reconnect, Room, Scenario,
    Servers, Sharding, Simulation, Slo, Start, Tls, Workload,
};
use super::validation::validation;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::random::Distribution;
use crate::units::display::{seconds, whole};
use crate::units::{BitRate, ByteRate, Bytes, Rate, Ratio, Seconds};

/// The largest payload, in bytes: a run counts each message's in 32 bits.
const LARGEST_MESSAGE: f64 = 4e9;

/// What can't be together in a file, judged at the middle of what is uncertain.
pub(super) fn contradictions(draft: &Draft) -> Option<Diagnostics> {
    let world = World::new(draft, &|_| 0.5);
    let mut errors = Vec::new();
    // The first of these paths that the file gives is where an error is shown: a default is never the one to change.
    let mut conflict = |paths: &[&str], message: String, help: &str| {
        let error = match paths.iter().find_map(|path| draft.place(path)) {
            Some(place) => Diagnostic::at(place, message),
            None => Diagnostic::new(message),
        };
        errors.push(error.help(help));
    };
    // A limit below the default makes the limit the default: then that many are comfortable.
    // Of an uncertain one, the upper end: it would be cut off at the limit, and so not be what was asked for.
    let comfortable = draft.upper_end("servers.connections.comfortable");
    if let Some(limit) = world.figure("servers.connections.limit")
        && limit < comfortable
        && draft.place("servers.connections.comfortable").is_some()
    {
        conflict(
            &["servers.connections.limit", "servers.connections.comfortable"],
            format!("`limit` ({}) is less than `comfortable` ({})", whole(limit), whole(comfortable)),
            "a server refuses connections past its limit, so it can't be comfortable with more",
        );
    }
    let queue_patience = world.random("servers.queue.patience").is_some();
    let patience = world.random("servers.patience").is_some();
    if queue_patience && draft.place("servers.patience").is_some() {
        conflict(&["servers.patience"], "`patience` is given twice".to_owned(), "keep `servers.patience` only");
    }
    if (queue_patience || patience) && world.word("servers.discipline") == Some("ps") {
        conflict(
            &["servers.discipline"],
            "`discipline: ps` can't be together with `patience`".to_owned(),
            "with `ps` every message is served at once, so none waits and gives up; use `fifo`",
        );
    }
    if world.word("servers.discipline") == Some("ps") && world.word("servers.dispatch") == Some("per-core") {
        conflict(
            &["servers.dispatch", "servers.discipline"],
            "`dispatch: per-core` can't be together with `discipline: ps`".to_owned(),
            "with `ps` all cores are shared by all messages; use `shared`",
        );
    }
    if world.random("workload.session.length").is_some_and(|length| length.mean() <= 0.0) {
        conflict(
            &["workload.session.length"],
            "a session can't be over as it begins".to_owned(),
            "give it a length, such as `20 min`, or write `session: none`",
        );
    }
    payloads_and_stores(draft, &world, &mut conflict);
    if draft.place("balancer.virtual_nodes").is_some() && world.word("balancer.policy") != Some("consistent-hash") {
        conflict(
            &["balancer.virtual_nodes"],
            "`virtual_nodes` has no meaning without `policy: consistent-hash`".to_owned(),
            "leave it out, or set the policy",
        );
    }
    let duration = world.count("simulation.duration");
    if world.figure("simulation.warm_up").is_some_and(|warm_up| warm_up >= duration) {
        conflict(
            &["simulation.warm_up", "simulation.duration"],
            "`warm_up` must be shorter than `duration`".to_owned(),
            "the warm-up is a part of the duration, left out of the results",
        );
    }
    let backoff = "workload.reconnect.backoff";
    if let (Some(base), Some(cap)) =
        (world.figure("workload.reconnect.backoff.exponential"), world.figure("workload.reconnect.backoff.cap"))
        && world.is_section(backoff)
        && cap < base
    {
        conflict(
            &["workload.reconnect.backoff.cap", "workload.reconnect.backoff.exponential"],
            "`cap` is less than the first wait".to_owned(),
            "the cap is the longest wait",
        );
    }
    broker::contradictions(&world, &mut conflict);
    backend::contradictions(draft, &world, broker::fan_out(&world), &mut conflict);
    course::contradictions(draft, &world, &mut conflict);
    autoscaler::contradictions(draft, &world, &mut conflict);
    slow::contradictions(draft, &world, &mut conflict);
    errors.extend(faults::contradictions(draft, &world));
    if errors.is_empty() { None } else { Some(Diagnostics::new(errors)) }
}

/// The same, of messages, static files and logs.
fn payloads_and_stores(draft: &Draft, world: &World, conflict: &mut dyn FnMut(&[&str], String, &str)) {
    if world
        .random("workload.message.size")
        .is_some_and(|size| size.upper_end().unwrap_or(size.mean()) > LARGEST_MESSAGE)
    {
        conflict(
            &["workload.message.size"],
            "a message can have at most 4 GB of payload".to_owned(),
            "send what is larger in parts: `rate` times as many messages of a part's size",
        );
    }
    if world.word(TAKEOVER) == Some("false") && draft.place(DEFLATE_MEMORY).is_some() {
        conflict(
            &[DEFLATE_MEMORY],
            "`memory_per_connection` has no meaning without `context_takeover`".to_owned(),
            "leave it out: contexts that are not kept between messages take nothing of a connection",
        );
    }
    if world.is_section("cdn") && !world.is_section("workload.session") {
        conflict(
            &["cdn"],
            "`cdn` needs `workload.session`: static files are loaded as a session begins".to_owned(),
            "say how long sessions last, such as `workload: {session: {length: 20 min}}`",
        );
    }
    if let Some(tiers) = world.tiers()
        && let Some(retention) = draft.place("logs.retention").and(world.figure("logs.retention"))
        && (tiers - retention).abs() > 1e-9 * retention
    {
        let (sum, given) = (seconds(Seconds::new(tiers)), seconds(Seconds::new(retention)));
        conflict(
            &["logs.retention"],
            format!("`retention` is {given}, but logs spend {sum} in their tiers"),
            "leave `retention` out: with tiers, it is the sum of their `for`",
        );
    }
}

/// The scenario of a world.
pub(super) fn scenario(world: &World, default_name: &str) -> Scenario {
    Scenario {
        name: world.text("name").unwrap_or(default_name).to_owned(),
        users: world.whole("users"),
        workload: workload(world),
        protocol: protocol(world),
        link: Link {
            kind: if world.word("link.kind") == Some("loopback") { LinkKind::Loopback } else { LinkKind::Ethernet },
            mtu: Bytes::new(world.count("link.mtu")),
        },
        latency: Latency { client: world.distribution("latency.client"), server: world.distribution("latency.server") },
        servers: servers(world),
        balancer: balancer(world),
        backend: backend::backend(world),
        cache: backend::cache(world),
        cdn: world.is_section("cdn").then(|| Cdn {
            bytes_per_session: Bytes::new(world.count("cdn.bytes_per_session")),
            hit_ratio: Ratio::new(world.count("cdn.hit_ratio")),
            origin_network: BitRate::new(world.count("cdn.origin_network")),
        }),
        sharding: sharding(world),
        broker: broker::broker(world),
        zones: faults::zones(world),
        logs: world.is_section("logs").then(|| logs(world)),
        slo: slo(world),
        faults: faults::faults(world),
        autoscaler: autoscaler::autoscaler(world),
        calibration: world.calibration().cloned(),
        simulation: simulation(world),
        validation: validation(world),
    }
}

/// Readings of keys that are known to be there: the reader puts in every default, and no [`Draft`] with an error gets
/// here. A key that is missing all the same is a bug of ours, which a debug build reports.
impl World<'_> {
    fn count(&self, path: &str) -> f64 {
        let figure = self.figure(path);
        debug_assert!(figure.is_some(), "{path} has no figure");
        figure.unwrap_or(0.0)
    }

    fn whole(&self, path: &str) -> u64 {
        self.count(path).round() as u64
    }

    fn distribution(&self, path: &str) -> Distribution {
        let distribution = self.random(path);
        debug_assert!(distribution.is_some(), "{path} has no distribution");
        distribution.unwrap_or(Distribution::ZERO)
    }

    fn seconds(&self, path: &str) -> Seconds {
        Seconds::new(self.count(path))
    }

    /// How long logs are in all their tiers, in seconds, where they have any.
    fn tiers(&self) -> Option<f64> {
        let times = ["logs.tiers.hot.for", "logs.tiers.warm.for", "logs.tiers.archive.for"];
        let has_tiers = self.is_section("logs") && self.is_section("logs.tiers");
        has_tiers.then(|| times.iter().filter_map(|path| self.figure(path)).sum())
    }
}

const TAKEOVER: &str = "protocol.compression.deflate.context_takeover";
const DEFLATE_MEMORY: &str = "protocol.compression.deflate.memory_per_connection";

fn protocol(world: &World) -> Protocol {
    let compressed = !matches!(world.word("protocol.compression"), Some("none"));
    let encrypted = !matches!(world.word("protocol.tls"), Some("false"));
    Protocol {
        encoding: match world.word("protocol.encoding") {
            Some("json") => Encoding::Json,
            _ => Encoding::Binary { size: Ratio::new(world.count("protocol.encoding.size")) },
        },
        compression: compressed.then(|| {
            let context_takeover = world.word(TAKEOVER) != Some("false");
            Deflate {
                ratio: world.figure("protocol.compression.deflate.ratio"),
                cpu_per_kb: world.seconds("protocol.compression.deflate.cpu_per_kb"),
                memory_per_connection: Bytes::new(if context_takeover { world.count(DEFLATE_MEMORY) } else { 0.0 }),
                context_takeover,
            }
        }),
        tls: encrypted.then(|| Tls {
            handshake_cpu: world.seconds("protocol.tls.handshake_cpu"),
            resumption: Ratio::new(world.count("protocol.tls.resumption")),
        }),
    }
}

fn workload(world: &World) -> Workload {
    let arrivals = "workload.message.arrivals";
    let arrivals = match world.word(arrivals) {
        Some("periodic") => Arrivals::Periodic,
        _ if !world.is_section(arrivals) => Arrivals::Poisson,
        _ if let Some(arrivals) = course::arrivals(world) => arrivals,
        _ => Arrivals::Batch(match world.figure("workload.message.arrivals.batch.size") {
            Some(size) => BatchSize::Fixed(size as u64),
            None => BatchSize::Geometric(world.count("workload.message.arrivals.batch.size.geometric")),
        }),
    };
    let own_rate = course::own_rate(&arrivals, world.whole("users"));
    Workload {
        connections_per_user: world.whole("workload.connections_per_user"),
        message_rate: own_rate.unwrap_or_else(|| Rate::new(world.count("workload.message.rate"))),
        stated_rate: own_rate.and_then(|_| world.figure("workload.message.rate")).map(Rate::new),
        message_size: match protocol(world).encoding {
            Encoding::Json => world.distribution("workload.message.size"),
            Encoding::Binary { size } => world.distribution("workload.message.size").scaled(size.get()),
        },
        arrivals,
        fan_out: fan_out(world),
        heartbeat: world.is_section("workload.heartbeat").then(|| world.seconds("workload.heartbeat.every")),
        session: world.is_section("workload.session").then(|| world.distribution("workload.session.length")),
        reconnect: world.is_section("workload.reconnect").then(|| reconnect(world)),
        timeout: world.figure("workload.timeout").map(Seconds::new),
        retry: course::retry(world),
        profile: course::profile(world),
        connect_timeout: world.figure("workload.connect_timeout").map(Seconds::new),
        slow_clients: slow::slow_clients(world),
    }
}

fn fan_out(world: &World) -> FanOut {
    let path = "workload.fan_out";
    match world.word(path) {
        Some("none") => FanOut::None,
        Some("direct") => FanOut::Direct,
        Some("broadcast") => FanOut::Broadcast,
        _ if world.is_section(path) => FanOut::Room(Room {
            size: world.distribution("workload.fan_out.room"),
            zipf: world.figure("workload.fan_out.popularity.zipf").unwrap_or(0.0),
        }),
        _ => FanOut::Echo,
    }
}

fn sharding(world: &World) -> Option<Sharding> {
    let far = || Some(world.distribution("latency.region"));
    if world.is_section("sharding") {
        let shards = world.whole("sharding.shards");
        let by_region = world.word("sharding.by") == Some("region");
        let usual = if by_region { 0.8 } else { 1.0 / shards as f64 };
        return Some(Sharding {
            shards,
            locality: Ratio::new(world.figure("sharding.locality").unwrap_or(usual)),
            skew: Ratio::new(world.count("sharding.skew")),
            latency: if by_region { far() } else { None },
        });
    }
    if world.is_section("regions") {
        return Some(Sharding {
            shards: world.whole("regions.count"),
            locality: Ratio::new(world.count("regions.locality")),
            skew: Ratio::new(world.count("regions.skew")),
            latency: far(),
        });
    }
    let regions = world.figure("regions")?;
    let (shards, locality) = (regions as u64, Ratio::new(0.8));
    Some(Sharding { shards, locality, skew: Ratio::ZERO, latency: far() })
}

fn reconnect(world: &World) -> Reconnect {
    let path = "workload.reconnect.backoff";
    let backoff = if world.is_section(path) {
        let base = world.seconds("workload.reconnect.backoff.exponential");
        let cap = world.seconds("workload.reconnect.backoff.cap");
        // Uncertain figures, drawn one by one, may cross.
        Backoff::Exponential { base, cap: if cap < base { base } else { cap } }
    } else {
        Backoff::Constant(world.figure(path).map_or(Seconds::ZERO, Seconds::new))
    };
    Reconnect { backoff, jitter: world.word("workload.reconnect.jitter") == Some("full") }
}

fn servers(world: &World) -> Servers {
    let limit = world.figure("servers.connections.limit");
    let comfortable = world.count("servers.connections.comfortable");
    let contexts = protocol(world).compression.map_or(0.0, |deflate| deflate.memory_per_connection.get());
    let queue_patience = if world.is_section("servers.queue") { world.random("servers.queue.patience") } else { None };
    Servers {
        count: world.figure("servers.count").map(|count| count as u64),
        cores: world.whole("servers.cores") as u32,
        dispatch: if world.word("servers.dispatch") == Some("per-core") { Dispatch::PerCore } else { Dispatch::Shared },
        discipline: if world.word("servers.discipline") == Some("ps") {
            Discipline::ProcessorSharing
        } else {
            Discipline::Fifo
        },
        memory: Bytes::new(world.count("servers.memory")),
        network: world.figure("servers.network").map(BitRate::new),
        packets: world.figure("servers.packets").map(Rate::new),
        descriptors: world.figure("servers.descriptors").map(|most| most as u64),
        // The middle is within the limit; the end of an interval may not be, and then the limit holds.
        comfortable_connections: limit.map_or(comfortable, |limit| comfortable.min(limit)),
        connection_limit: limit.map(|limit| limit as u64),
        accept: world.is_section("servers.accept").then(|| Accept {
            rate: Rate::new(world.count("servers.accept.rate")),
            backlog: world.whole("servers.accept.backlog"),
        }),
        cpu: Cpu {
            per_wakeup: world.distribution("servers.cpu.per_wakeup"),
            per_sleep: world.seconds("servers.cpu.per_sleep"),
            sleep_after: world.seconds("servers.cpu.sleep_after"),
            cached_connections: world.figure("servers.cpu.cached_connections"),
            per_message: world.distribution("servers.cpu.per_message"),
            overhead: world.seconds("servers.cpu.overhead"),
            per_cold: world.seconds("servers.cpu.per_cold"),
            cold_after: world.seconds("servers.cpu.cold_after"),
            per_kb: world.distribution("servers.cpu.per_kb"),
            per_delivery: world.distribution("servers.cpu.per_delivery"),
            per_connect: world.distribution("servers.cpu.per_connect"),
            per_publish: world.distribution("servers.cpu.per_publish"),
            per_receive: world.distribution("servers.cpu.per_receive"),
            per_heartbeat: world.distribution("servers.cpu.per_heartbeat"),
            per_cache_miss: world.distribution("servers.cpu.per_cache_miss"),
        },
        queue_limit: if world.is_section("servers.queue") {
            world.figure("servers.queue.limit").map(|limit| limit as u64)
        } else {
            None
        },
        patience: queue_patience.or_else(|| world.random("servers.patience")),
        failures: world.is_section("servers.failures").then(|| Failures {
            every: world.distribution("servers.failures.every"),
            lasts: world.distribution("servers.failures.for"),
        }),
        memory_per_connection: Bytes::new(world.count("servers.memory_per_connection") + contexts),
        send_buffer: Bytes::new(world.count("servers.send_buffer")),
        slow_consumer: slow::slow_consumer(world),
        target_utilisation: Ratio::new(world.count("servers.target_utilisation")),
        spare: world.whole("servers.spare"),
    }
}

/// What a scenario that plans the balancer's nodes says one of.
const BALANCER_TIER: [&str; 6] = [
    "balancer.count",
    "balancer.connections",
    "balancer.network",
    "balancer.handshakes",
    "balancer.ports",
    "balancer.conntrack",
];

fn balancer(world: &World) -> Balancer {
    let policy = match world.word("balancer.policy") {
        Some("random") => Policy::Random,
        Some("round-robin") => Policy::RoundRobin,
        Some("consistent-hash") => {
            Policy::ConsistentHash { virtual_nodes: world.whole("balancer.virtual_nodes") as u32 }
        }
        _ => Policy::LeastConnections,
    };
    let unit = match world.word("balancer.unit") {
        Some("message") => BalancedUnit::Message,
        _ => BalancedUnit::Connection,
    };
    let count = |path: &str| world.figure(path).map(|count| count as u64);
    Balancer {
        policy,
        unit,
        planned: BALANCER_TIER.iter().any(|path| world.is_given(path)),
        count: count("balancer.count"),
        connections: world.whole("balancer.connections"),
        network: world.figure("balancer.network").map(BitRate::new),
        handshakes: world.figure("balancer.handshakes").map(Rate::new),
        ports: world.whole("balancer.ports"),
        conntrack: count("balancer.conntrack"),
        idle_timeout: world.figure("balancer.idle_timeout").map(Seconds::new),
    }
}

fn logs(world: &World) -> Logs {
    let disk = Bytes::new(world.count("logs.disk"));
    let whole_store = LogTier {
        keep: world.seconds("logs.retention"),
        replication: world.whole("logs.replication"),
        compression: world.figure("logs.compression").unwrap_or(1.0),
        disk,
    };
    let tiered = world.is_section("logs.tiers");
    let tier = |[path, keep, replication, compression]: [&str; 4], disk: Option<&str>| {
        (tiered && world.is_section(path)).then(|| LogTier {
            keep: world.seconds(keep),
            replication: world.figure(replication).map_or(whole_store.replication, |copies| copies as u64),
            compression: match world.word(compression) {
                Some(_) => 1.0,
                None => world.figure(compression).unwrap_or(whole_store.compression),
            },
            disk: disk.and_then(|disk| world.figure(disk)).map_or(whole_store.disk, Bytes::new),
        })
    };
    let hot = tier(HOT, Some("logs.tiers.hot.disk")).unwrap_or(whole_store);
    Logs {
        bytes_per_message: Bytes::new(world.count("logs.bytes_per_message")),
        replication: hot.replication,
        compression: hot.compression,
        retention: world.tiers().map_or(whole_store.keep, Seconds::new),
        hot: hot.keep,
        warm: tier(WARM, Some("logs.tiers.warm.disk")),
        archive: tier(ARCHIVE, None),
        disk_write: ByteRate::new(world.count("logs.disk_write")),
        disk: hot.disk,
    }
}

/// A tier and its keys.
const HOT: [&str; 4] =
    ["logs.tiers.hot", "logs.tiers.hot.for", "logs.tiers.hot.replication", "logs.tiers.hot.compression"];
const WARM: [&str; 4] =
    ["logs.tiers.warm", "logs.tiers.warm.for", "logs.tiers.warm.replication", "logs.tiers.warm.compression"];
const ARCHIVE: [&str; 4] = [
    "logs.tiers.archive",
    "logs.tiers.archive.for",
    "logs.tiers.archive.replication",
    "logs.tiers.archive.compression",
];

fn slo(world: &World) -> Slo {
    let objectives = [
        ("slo.latency.mean", None),
        ("slo.latency.p50", Some(0.5)),
        ("slo.latency.p90", Some(0.9)),
        ("slo.latency.p95", Some(0.95)),
        ("slo.latency.p99", Some(0.99)),
        ("slo.latency.p999", Some(0.999)),
    ];
    let latency = objectives
        .iter()
        .filter_map(|(path, percentile)| world.figure(path).map(|most| (*percentile, Seconds::new(most))))
        .collect();
    Slo { latency, dropped: world.figure("slo.dropped").map(Ratio::new) }
}

fn simulation(world: &World) -> Simulation {
    Simulation {
        duration: world.seconds("simulation.duration"),
        warm_up: world.figure("simulation.warm_up").map(Seconds::new),
        replications: world.whole("simulation.replications"),
        precision: world.figure("simulation.precision").map(Ratio::new),
        seed: world.whole("simulation.seed"),
        mode: match world.word("simulation.mode") {
            Some("every-message") => Mode::EveryMessage,
            Some("sampled") => Mode::Sampled,
            _ => Mode::Auto,
        },
        start: match world.word("simulation.start") {
            Some("empty") => Start::Empty,
            _ if world.is_section("simulation.start") => Start::Ramp(world.seconds("simulation.start.ramp")),
            _ => Start::Steady,
        },
    }
}
