//! The arithmetic of an estimate, each step with its numbers.

use std::fmt::Write as _;

use super::View;
use super::show::{interval, users, whole_interval};
use crate::analysis::assessment::LogTierAssessment;
use crate::model::compression::cpu_seconds_per_kb;
use crate::model::resource::{
    OWN_DESCRIPTORS, cache_miss_share, connect_cpu_seconds, message_cpu_seconds, retries_per_second, slots_per_server,
};
use crate::model::{Reads, ResourceKind, Tier};
use crate::scenario::{Encoding, FanOut, LinkKind, Scenario};
use crate::units::display::{byte_rate, byte_rate_hourly, bytes, count, rate, ratio, seconds};
use crate::units::{ByteRate, Bytes, Rate, Ratio, Seconds};

/// One step: what is found, the arithmetic, the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is found.
    pub what: String,
    /// How, with the numbers.
    pub how: String,
    /// The result.
    pub result: String,
}

fn step(what: &str, how: String, result: String) -> Step {
    Step { what: what.to_owned(), how, result }
}

/// The steps from users to load.
pub fn load_steps(view: &View<'_>) -> Vec<Step> {
    let scenario = &view.assessment.scenario;
    let load = &view.assessment.model.load;
    let workload = &scenario.workload;
    let flow = |figure: f64| byte_rate(ByteRate::new(figure));
    let size_shown = bytes(Bytes::new(load.message_bytes));
    let per_second = |figure: f64| rate(Rate::new(figure));
    let mut steps = Vec::new();
    if let Encoding::Binary { size } = scenario.protocol.encoding {
        let json = bytes(Bytes::new(load.message_bytes / size.get()));
        steps.push(step(
            "payload of a message",
            format!("{json} as JSON x {} (binary)", ratio(size)),
            size_shown.clone(),
        ));
    }
    steps.extend([
        step(
            "connections",
            format!("{} x {}", users(load.users), workload.connections_per_user),
            count(load.connections),
        ),
        step(
            "messages in",
            format!("{} x {}", users(load.users), rate(workload.message_rate)),
            per_second(load.messages_in_per_second),
        ),
        step(
            "messages out",
            format!(
                "{} x {} (fan-out)",
                per_second(load.messages_in_per_second),
                match &workload.fan_out {
                    FanOut::Echo => "1, an echo".to_owned(),
                    FanOut::None => "0, nobody".to_owned(),
                    FanOut::Direct => "1, one other user".to_owned(),
                    FanOut::Room(room) => format!("{}, the members of a room", count(room.size.mean())),
                    FanOut::Broadcast => format!("{}, everyone", count(load.connections)),
                }
            ),
            per_second(load.messages_out_per_second),
        ),
        step(
            "payload in",
            format!("{} x {size_shown}", per_second(load.messages_in_per_second)),
            flow(load.ingress_bytes_per_second),
        ),
        step(
            "payload out",
            format!("{} x {size_shown}", per_second(load.messages_out_per_second)),
            flow(load.egress_bytes_per_second),
        ),
    ]);
    if scenario.protocol.compression.is_some() {
        steps.push(step(
            "payload of a frame",
            format!(
                "{size_shown} / {:.2} (deflate)",
                if load.carried_bytes > 0.0 { load.message_bytes / load.carried_bytes } else { 1.0 }
            ),
            bytes(Bytes::new(load.carried_bytes)),
        ));
    }
    if let Some(spread) = view.assessment.crossing() {
        let servers = view.assessment.model.fleet.servers as f64;
        let messages = per_second(load.messages_in_per_second);
        steps.push(step(
            "to the broker",
            format!("{messages} x {} (not all for users of the same server)", count(spread.publishes)),
            per_second(load.messages_in_per_second * spread.publishes),
        ));
        steps.push(step(
            "copies from it",
            format!("{messages} x {} of {} servers with a recipient", count(spread.copies), count(servers)),
            per_second(load.messages_in_per_second * spread.copies),
        ));
    }
    if load.heartbeats_per_second > 0.0 {
        let every = workload.heartbeat.map_or_else(String::new, seconds);
        steps.push(step(
            "heartbeats",
            format!("{} connections / {every}", count(load.connections)),
            per_second(load.heartbeats_per_second),
        ));
    }
    steps.extend(read_steps(view));
    steps.extend(wire_steps(view));
    steps.extend(store_steps(view));
    steps
}

/// What messages read, and what of it the cache answers.
fn read_steps(view: &View<'_>) -> Vec<Step> {
    let scenario = &view.assessment.scenario;
    let load = &view.assessment.model.load;
    let servers = view.assessment.model.fleet.servers;
    let Some(reads) = Reads::of(scenario, load, servers) else { return Vec::new() };
    let per_second = |figure: f64| rate(Rate::new(figure));
    let mut steps = vec![step(
        "reads",
        format!("{} x {}", per_second(load.messages_in_per_second), count(reads.per_message)),
        per_second(reads.reads_per_second),
    )];
    if let (Some(served), Some(cache)) = (reads.served, &scenario.cache) {
        let hits = ratio(Ratio::new(served.hit_ratio));
        let room = cache.size.min(cache.objects);
        let ttl = cache.ttl.map_or_else(String::new, |ttl| format!(", at most {} old", seconds(ttl)));
        steps.push(step(
            "hits",
            format!(
                "{} of {} objects in each cache (LRU, Zipf {}{ttl}; Che)",
                count(room as f64),
                count(cache.objects as f64),
                cache.zipf
            ),
            hits.clone(),
        ));
        steps.push(step(
            "queries to the backend",
            format!("{} x (1 - {hits})", per_second(reads.reads_per_second)),
            per_second(reads.queries_per_second),
        ));
        steps.push(step(
            if cache.shared { "memory of the shared cache" } else { "memory of a server's cache" },
            format!("{} x {}", count(room as f64), bytes(cache.object_size)),
            bytes(cache.bytes()),
        ));
    }
    steps
}

/// What goes over the wire.
fn wire_steps(view: &View<'_>) -> Vec<Step> {
    let scenario = &view.assessment.scenario;
    let load = &view.assessment.model.load;
    let flow = |figure: f64| byte_rate(ByteRate::new(figure));
    let per_second = |figure: f64| rate(Rate::new(figure));
    let mut steps = Vec::new();
    let link = match scenario.link.kind {
        LinkKind::Ethernet => "Ethernet",
        LinkKind::Loopback => "loopback",
    };
    let layers = format!("{}TCP/IP, {link}, ACKs", if scenario.protocol.tls.is_some() { "TLS, " } else { "" });
    let (message, copy) = (load.message_wire, load.delivery_wire);
    let (beat, handshake) = (load.heartbeat_wire, load.handshake_wire);
    for (what, wire, copy, beat, handshake, sum) in [
        (
            "wire in",
            message.ingress.bytes,
            copy.ingress.bytes,
            beat.ingress.bytes,
            handshake.ingress.bytes,
            load.ingress_wire_bytes_per_second,
        ),
        (
            "wire out",
            message.egress.bytes,
            copy.egress.bytes,
            beat.egress.bytes,
            handshake.egress.bytes,
            load.egress_wire_bytes_per_second,
        ),
    ] {
        let copies = if copy > 0.0 {
            // Of an acknowledgement, a tenth of a byte is a tenth of a percent.
            let digits = usize::from(copy < 100.0);
            format!(" + {} x {copy:.digits$} B (copies to others)", per_second(load.messages_out_per_second))
        } else {
            String::new()
        };
        let handshakes = if load.connects_per_second > 0.0 && handshake > 0.0 {
            format!(" + {} x {} (handshakes)", per_second(load.connects_per_second), bytes(Bytes::new(handshake)))
        } else {
            String::new()
        };
        let beats = if load.heartbeats_per_second > 0.0 {
            format!(" + {} x {}", per_second(load.heartbeats_per_second), bytes(Bytes::new(beat)))
        } else {
            String::new()
        };
        steps.push(step(
            what,
            format!(
                "{} x {:.0} B ({layers}){copies}{beats}{handshakes}",
                per_second(load.messages_in_per_second),
                wire
            ),
            flow(sum),
        ));
    }
    steps
}

/// What is logged and kept, and what static files take.
fn store_steps(view: &View<'_>) -> Vec<Step> {
    let scenario = &view.assessment.scenario;
    let load = &view.assessment.model.load;
    let flow = |figure: f64| byte_rate(ByteRate::new(figure));
    let per_second = |figure: f64| rate(Rate::new(figure));
    let mut steps = Vec::new();
    if let Some(logs) = scenario.logs {
        let packed =
            if logs.compression > 1.0 { format!(" / {:.1} (compression)", logs.compression) } else { String::new() };
        steps.push(step(
            "logs",
            format!(
                "{} x {}{packed} x 3,600 s",
                per_second(load.messages_in_per_second),
                bytes(logs.bytes_per_message)
            ),
            byte_rate_hourly(ByteRate::new(load.log_bytes_per_hour / 3_600.0)),
        ));
        steps.extend(view.assessment.logs_kept.iter().map(|tier| kept_step(view, tier)));
    }
    if let Some(cdn) = scenario.cdn {
        steps.extend([
            step(
                "static files",
                format!("{} sessions x {}", per_second(load.connects_per_second), bytes(cdn.bytes_per_session)),
                flow(load.static_bytes_per_second),
            ),
            step(
                "from the origin",
                format!("{} x (1 - {} hits)", flow(load.static_bytes_per_second), ratio(cdn.hit_ratio)),
                flow(load.origin_bytes_per_second),
            ),
            step(
                "saved by the CDN",
                format!("{} - {}", flow(load.static_bytes_per_second), flow(load.origin_bytes_per_second)),
                flow(load.static_bytes_per_second - load.origin_bytes_per_second),
            ),
        ]);
    }
    steps
}

/// What a tier of the log store holds once it is full.
fn kept_step(view: &View<'_>, tier: &LogTierAssessment) -> Step {
    let (scenario, load) = (&view.assessment.scenario, &view.assessment.model.load);
    let hot = scenario.logs.map_or(1.0, |logs| logs.compression);
    let kept = tier.kept;
    let again = if (kept.compression - hot).abs() > 1e-9 {
        format!(" x {} / {} (compression)", count(hot), count(kept.compression))
    } else {
        String::new()
    };
    let what =
        if view.assessment.logs_kept.len() > 1 { format!("logs kept, {}", tier.tier) } else { "logs kept".into() };
    step(
        &what,
        format!(
            "{}{again} x {} x {} {}",
            byte_rate_hourly(ByteRate::new(load.log_bytes_per_hour / 3_600.0)),
            seconds(kept.keep),
            kept.replication,
            if kept.replication == 1 { "copy" } else { "copies" }
        ),
        interval(&tier.bytes, |figure| bytes(Bytes::new(figure))),
    )
}

/// The steps from load to what each resource takes.
pub fn resource_steps(view: &View<'_>) -> Vec<Step> {
    let assessment = view.assessment;
    let scenario = &assessment.scenario;
    let model = &assessment.model;
    let mut steps = vec![cpu_step(scenario, view)];
    if let Some(deflate) = scenario.protocol.compression
        && deflate.context_takeover
    {
        let each = scenario.servers.memory_per_connection;
        let own = Bytes::new(each.get() - deflate.memory_per_connection.get());
        steps.push(step(
            "memory of a connection",
            format!("{} + {} (compression)", bytes(own), bytes(deflate.memory_per_connection)),
            bytes(each),
        ));
    }
    if let Some(slow) = assessment.latency.slow {
        let each = scenario.servers.memory_per_connection;
        steps.push(step(
            "waiting for slow clients",
            format!("{} of {} each", ratio(Ratio::new(slow.share)), bytes(Bytes::new(slow.waiting_bytes))),
            format!("{} a connection", bytes(Bytes::new(slow.memory_per_connection()))),
        ));
        steps.push(step(
            "memory of a connection",
            format!("{} + {} (slow clients)", bytes(each), bytes(Bytes::new(slow.memory_per_connection()))),
            bytes(Bytes::new(each.get() + slow.memory_per_connection())),
        ));
    }
    for resource in &model.resources {
        let show = |figure: f64| shown(resource.kind, figure);
        let required = assessment.resources.iter().find(|a| a.kind == resource.kind);
        let what = match resource.kind.tier() {
            Tier::Server => "servers for ",
            Tier::Broker => "broker nodes for ",
            Tier::Backend => "backend nodes for ",
            Tier::Balancer => "balancers for ",
            Tier::LogStore => "log nodes for ",
            Tier::WarmLogStore => "warm nodes for ",
            Tier::Origin => "origins for ",
        };
        let planned = if resource.kind == ResourceKind::Connections {
            format!("{} comfortable", show(resource.planned))
        } else if resource.kind == ResourceKind::Descriptors {
            let all = resource.capacity.map_or(0.0, |left| left + OWN_DESCRIPTORS as f64);
            format!("(({} - {OWN_DESCRIPTORS}) x {})", show(all), ratio(scenario.servers.target_utilisation))
        } else {
            format!(
                "({} x {})",
                resource.capacity.map_or_else(String::new, show),
                ratio(scenario.servers.target_utilisation)
            )
        };
        steps.push(step(
            &format!("{what}{}", short(resource.kind)),
            format!("{} / {planned}, rounded up", show(resource.demand)),
            required.map_or_else(String::new, |r| whole_interval(&r.units_required)),
        ));
    }
    steps
}

fn cpu_step(scenario: &Scenario, view: &View<'_>) -> Step {
    let model = &view.assessment.model;
    let cpu = &scenario.servers.cpu;
    let time = |figure: f64| seconds(Seconds::new(figure));
    let servers = model.fleet.servers as f64;
    let mut how = format!("{} + {} a KB", time(cpu.per_message.mean()), time(cpu.per_kb.mean()));
    if cpu.program_seconds() > 0.0 {
        how = format!("{} + {how}", time(cpu.program_seconds()));
    }
    let compression = cpu_seconds_per_kb(scenario);
    if compression > 0.0 {
        let _ = write!(how, " + {} a KB (compression)", time(compression));
    }
    let miss = cache_miss_share(scenario, model.load.connections / servers);
    if miss > 0.0 {
        let _ = write!(how, " + {} x {} (cache misses)", time(cpu.per_cache_miss.mean()), ratio(Ratio::new(miss)));
    }
    if let (Some(backend), Some(cache)) = (&scenario.backend, &scenario.cache) {
        let (n, look) = (backend.queries_per_message, cache.lookup_cpu.mean());
        let _ = write!(how, " + {} x {} (looks into the cache)", count(n), time(look));
    }
    let retries = retries_per_second(scenario, &model.load, servers);
    if retries > 0.0 {
        let slots = slots_per_server(scenario).unwrap_or(0);
        let _ = write!(
            how,
            "; {} attempts refused past {} slots, {} each",
            rate(Rate::new(retries)),
            count(slots as f64 * servers),
            time(connect_cpu_seconds(scenario))
        );
    }
    step("CPU of a message", how, time(message_cpu_seconds(scenario, &model.load, servers)))
}

/// A resource's name for people.
pub const fn short(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Connections => "connections",
        ResourceKind::Memory => "memory",
        ResourceKind::Cpu => "CPU",
        ResourceKind::NicIn => "network in",
        ResourceKind::NicOut => "network out",
        ResourceKind::BrokerCpu => "broker CPU",
        ResourceKind::BrokerNicIn => "broker network in",
        ResourceKind::BrokerNicOut => "broker network out",
        ResourceKind::BrokerDisk => "broker disk",
        ResourceKind::BrokerPartitions => "broker partitions",
        ResourceKind::BackendCpu => "backend CPU",
        ResourceKind::Accepts => "handshakes",
        ResourceKind::BalancerConnections => "balancer slots",
        ResourceKind::BalancerNetwork => "balancer network",
        ResourceKind::BalancerHandshakes => "balancer handshakes",
        ResourceKind::BalancerPorts => "ports of a server",
        ResourceKind::BalancerConntrack => "connection table",
        ResourceKind::LogWrite => "log writes",
        ResourceKind::LogCapacity => "log storage",
        ResourceKind::LogWarmCapacity => "warm logs",
        ResourceKind::Packets => "packets",
        ResourceKind::Descriptors => "descriptors",
        ResourceKind::OriginNicOut => "origin network",
    }
}

/// A resource's demand or capacity with its unit.
pub fn shown(kind: ResourceKind, figure: f64) -> String {
    match kind {
        ResourceKind::Connections
        | ResourceKind::Descriptors
        | ResourceKind::BrokerPartitions
        | ResourceKind::BalancerConnections
        | ResourceKind::BalancerPorts
        | ResourceKind::BalancerConntrack => count(figure.round()),
        ResourceKind::Packets | ResourceKind::Accepts | ResourceKind::BalancerHandshakes => rate(Rate::new(figure)),
        ResourceKind::Memory | ResourceKind::LogCapacity | ResourceKind::LogWarmCapacity => bytes(Bytes::new(figure)),
        ResourceKind::Cpu | ResourceKind::BrokerCpu | ResourceKind::BackendCpu => format!("{} cores", count(figure)),
        ResourceKind::NicIn
        | ResourceKind::NicOut
        | ResourceKind::BalancerNetwork
        | ResourceKind::LogWrite
        | ResourceKind::OriginNicOut
        | ResourceKind::BrokerNicIn
        | ResourceKind::BrokerNicOut
        | ResourceKind::BrokerDisk => byte_rate(ByteRate::new(figure)),
    }
}
