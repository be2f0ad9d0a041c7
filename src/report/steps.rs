//! The arithmetic of an estimate, each step with its numbers.

use std::fmt::Write as _;

use super::View;
use super::show::whole_interval;
use crate::model::resource::{cache_miss_share, message_cpu_seconds, retries_per_second, slots_per_server};
use crate::model::{ResourceKind, Tier};
use crate::scenario::{LinkKind, Scenario};
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
    let size = bytes(Bytes::new(load.message_bytes));
    let per_second = |figure: f64| rate(Rate::new(figure));
    let mut steps = vec![
        step(
            "connections",
            format!("{} users x {}", count(load.users), workload.connections_per_user),
            count(load.connections),
        ),
        step(
            "messages in",
            format!("{} users x {}", count(load.users), rate(workload.message_rate)),
            per_second(load.messages_in_per_second),
        ),
        step(
            "messages out",
            format!(
                "{} x {} (fan-out)",
                per_second(load.messages_in_per_second),
                if load.messages_out_per_second > 0.0 { "1, an echo" } else { "0, nobody" }
            ),
            per_second(load.messages_out_per_second),
        ),
        step(
            "payload in",
            format!("{} x {size}", per_second(load.messages_in_per_second)),
            flow(load.ingress_bytes_per_second),
        ),
        step(
            "payload out",
            format!("{} x {size}", per_second(load.messages_out_per_second)),
            flow(load.egress_bytes_per_second),
        ),
    ];
    if load.heartbeats_per_second > 0.0 {
        let every = workload.heartbeat.map_or_else(String::new, seconds);
        steps.push(step(
            "heartbeats",
            format!("{} connections / {every}", count(load.connections)),
            per_second(load.heartbeats_per_second),
        ));
    }
    let link = match scenario.link.kind {
        LinkKind::Ethernet => "Ethernet",
        LinkKind::Loopback => "loopback",
    };
    let layers = format!("{}TCP/IP, {link}, ACKs", if scenario.protocol.tls { "TLS, " } else { "" });
    for (what, wire, beat, sum) in [
        ("wire in", load.message_wire_bytes.0, load.heartbeat_wire_bytes.0, load.ingress_wire_bytes_per_second),
        ("wire out", load.message_wire_bytes.1, load.heartbeat_wire_bytes.1, load.egress_wire_bytes_per_second),
    ] {
        let beats = if load.heartbeats_per_second > 0.0 {
            format!(" + {} x {}", per_second(load.heartbeats_per_second), bytes(Bytes::new(beat)))
        } else {
            String::new()
        };
        steps.push(step(
            what,
            format!("{} x {:.0} B ({layers}){beats}", per_second(load.messages_in_per_second), wire),
            flow(sum),
        ));
    }
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
        let kept = load.log_bytes_per_hour * logs.retention.get() / 3_600.0 * logs.replication as f64;
        steps.push(step(
            "logs kept",
            format!(
                "{} x {} x {} {}",
                byte_rate_hourly(ByteRate::new(load.log_bytes_per_hour / 3_600.0)),
                seconds(logs.retention),
                logs.replication,
                if logs.replication == 1 { "copy" } else { "copies" }
            ),
            bytes(Bytes::new(kept)),
        ));
    }
    steps
}

/// The steps from load to what each resource takes.
pub fn resource_steps(view: &View<'_>) -> Vec<Step> {
    let assessment = view.assessment;
    let scenario = &assessment.scenario;
    let model = &assessment.model;
    let mut steps = vec![cpu_step(scenario, view)];
    for resource in &model.resources {
        let show = |figure: f64| shown(resource.kind, figure);
        let required = assessment.resources.iter().find(|a| a.kind == resource.kind);
        let what = match resource.kind.tier() {
            Tier::Server => "servers for ",
            Tier::Balancer => "balancers for ",
            Tier::LogStore => "log nodes for ",
        };
        let planned = if resource.kind == ResourceKind::Connections {
            format!("{} comfortable", show(resource.planned))
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
    let servers = model.servers as f64;
    let mut how = format!("{} + {} a KB", time(cpu.per_message.mean()), time(cpu.per_kb.mean()));
    let miss = cache_miss_share(scenario, model.load.connections / servers);
    if miss > 0.0 {
        let _ = write!(how, " + {} x {} (cache misses)", time(cpu.per_cache_miss.mean()), ratio(Ratio::new(miss)));
    }
    let retries = retries_per_second(scenario, &model.load, servers);
    if retries > 0.0 {
        let slots = slots_per_server(scenario).unwrap_or(0);
        let _ = write!(
            how,
            "; {} attempts refused past {} slots, {} each",
            rate(Rate::new(retries)),
            count(slots as f64 * servers),
            time(cpu.per_connect.mean())
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
        ResourceKind::Accepts => "handshakes",
        ResourceKind::BalancerConnections => "balancer slots",
        ResourceKind::BalancerNetwork => "balancer network",
        ResourceKind::BalancerHandshakes => "balancer handshakes",
        ResourceKind::BalancerPorts => "ports of a server",
        ResourceKind::BalancerConntrack => "connection table",
        ResourceKind::LogWrite => "log writes",
        ResourceKind::LogCapacity => "log storage",
    }
}

/// A resource's demand or capacity with its unit.
pub fn shown(kind: ResourceKind, figure: f64) -> String {
    match kind {
        ResourceKind::Connections
        | ResourceKind::BalancerConnections
        | ResourceKind::BalancerPorts
        | ResourceKind::BalancerConntrack => count(figure.round()),
        ResourceKind::Accepts | ResourceKind::BalancerHandshakes => rate(Rate::new(figure)),
        ResourceKind::Memory | ResourceKind::LogCapacity => bytes(Bytes::new(figure)),
        ResourceKind::Cpu => format!("{} cores", count(figure)),
        ResourceKind::NicIn | ResourceKind::NicOut | ResourceKind::BalancerNetwork | ResourceKind::LogWrite => {
            byte_rate(ByteRate::new(figure))
        }
    }
}
