//! A [`Draft`] and a world's figures become a [`Scenario`].
//!
//! Each figure was checked when it was read. Here is checked what figures can't be together.

use super::draft::{Draft, World};
use super::faults;
use super::types::{
    Accept, Arrivals, Backoff, BalancedUnit, Balancer, BatchSize, Cpu, Discipline, Dispatch, Failures, FanOut, Latency,
    Link, LinkKind, Logs, Mode, Policy, Protocol, Reconnect, Scenario, Servers, Simulation, Slo, Start, Workload,
};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::random::Distribution;
use crate::units::display::whole;
use crate::units::{BitRate, ByteRate, Bytes, Rate, Ratio, Seconds};

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
    let comfortable = world.count("servers.connections.comfortable");
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
    errors.extend(faults::contradictions(draft, &world));
    if errors.is_empty() { None } else { Some(Diagnostics::new(errors)) }
}

/// The scenario of a world.
pub(super) fn scenario(world: &World, default_name: &str) -> Scenario {
    Scenario {
        name: world.text("name").unwrap_or(default_name).to_owned(),
        users: world.whole("users"),
        workload: workload(world),
        protocol: Protocol { tls: world.word("protocol.tls") == Some("true") },
        link: Link {
            kind: if world.word("link.kind") == Some("loopback") { LinkKind::Loopback } else { LinkKind::Ethernet },
            mtu: Bytes::new(world.count("link.mtu")),
        },
        latency: Latency { client: world.distribution("latency.client"), server: world.distribution("latency.server") },
        servers: servers(world),
        balancer: balancer(world),
        zones: faults::zones(world),
        logs: world.is_section("logs").then(|| logs(world)),
        slo: slo(world),
        faults: faults::faults(world),
        simulation: simulation(world),
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
}

fn workload(world: &World) -> Workload {
    let arrivals = "workload.message.arrivals";
    let arrivals = match world.word(arrivals) {
        Some("periodic") => Arrivals::Periodic,
        _ if !world.is_section(arrivals) => Arrivals::Poisson,
        _ => Arrivals::Batch(match world.figure("workload.message.arrivals.batch.size") {
            Some(size) => BatchSize::Fixed(size as u64),
            None => BatchSize::Geometric(world.count("workload.message.arrivals.batch.size.geometric")),
        }),
    };
    Workload {
        connections_per_user: world.whole("workload.connections_per_user"),
        message_rate: Rate::new(world.count("workload.message.rate")),
        message_size: world.distribution("workload.message.size"),
        arrivals,
        fan_out: if world.word("workload.fan_out") == Some("none") { FanOut::None } else { FanOut::Echo },
        heartbeat: world.is_section("workload.heartbeat").then(|| world.seconds("workload.heartbeat.every")),
        session: world.is_section("workload.session").then(|| world.distribution("workload.session.length")),
        reconnect: world.is_section("workload.reconnect").then(|| reconnect(world)),
        connect_timeout: world.figure("workload.connect_timeout").map(Seconds::new),
    }
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
        // The middle is within the limit; the end of an interval may not be, and then the limit holds.
        comfortable_connections: limit.map_or(comfortable, |limit| comfortable.min(limit)),
        connection_limit: limit.map(|limit| limit as u64),
        accept: world.is_section("servers.accept").then(|| Accept {
            rate: Rate::new(world.count("servers.accept.rate")),
            backlog: world.whole("servers.accept.backlog"),
        }),
        cpu: Cpu {
            per_wakeup: world.distribution("servers.cpu.per_wakeup"),
            per_message: world.distribution("servers.cpu.per_message"),
            per_kb: world.distribution("servers.cpu.per_kb"),
            per_delivery: world.distribution("servers.cpu.per_delivery"),
            per_connect: world.distribution("servers.cpu.per_connect"),
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
        memory_per_connection: Bytes::new(world.count("servers.memory_per_connection")),
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
    Logs {
        bytes_per_message: Bytes::new(world.count("logs.bytes_per_message")),
        replication: world.whole("logs.replication"),
        compression: world.figure("logs.compression").unwrap_or(1.0),
        retention: world.seconds("logs.retention"),
        disk_write: ByteRate::new(world.count("logs.disk_write")),
        disk: Bytes::new(world.count("logs.disk")),
    }
}

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
