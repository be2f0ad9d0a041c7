//! A graded estimate: a table and a few words for a terminal, verdicts in JSON.

use serde_json::{Value, json};

use super::show::interval;
use super::steps::short;
use super::terminal::{indented, table, title, wrapped};
use super::{SCHEMA_VERSION, VERSION};
use crate::analysis::Assessment;
use crate::analysis::assessment::LEVEL;
use crate::analysis::check::{Counted, LeftOut, Quantity, Slip, Verdict};
use crate::stats::Estimate;
use crate::units::display::{byte_rate, byte_rate_hourly, bytes, count, rate};
use crate::units::{ByteRate, Bytes, Rate};

/// The verdicts for a terminal.
pub fn terminal(assessment: &Assessment, hash: &str, verdicts: &[Verdict]) -> String {
    let scenario = &assessment.scenario;
    let mut out = title(&scenario.name, "an estimate checked", scenario.simulation.seed, hash);
    let header = ["figure", "given", "the model's", "verdict"].map(str::to_owned);
    let rows = verdicts.iter().map(|verdict| {
        let show = |figure: f64| shown(verdict.quantity, figure);
        vec![
            name(verdict.quantity).to_owned(),
            show(verdict.given),
            interval(&verdict.model, show),
            if verdict.within { "right".to_owned() } else { format!("WRONG: {}", off(verdict)) },
        ]
    });
    out.push('\n');
    out += &table(&header, rows, |column| column == 3);
    for verdict in verdicts {
        let words = if verdict.within { beside(assessment, verdict) } else { vec![explained(assessment, verdict)] };
        if !words.is_empty() {
            out += &wrapped(&format!("{}: {}", name(verdict.quantity), counted_words(verdict)));
            for line in words {
                out += &indented(&format!("- {line}"), 2);
            }
        }
    }
    out
}

/// The verdicts in JSON.
pub fn json(assessment: &Assessment, hash: &str, verdicts: &[Verdict]) -> Value {
    let scenario = &assessment.scenario;
    let all: Vec<Value> = verdicts
        .iter()
        .map(|verdict| {
            let left_out: Vec<Value> = verdict
                .left_out
                .iter()
                .map(|left| json!({ "counted": counted_name(left.what), "figure": left.figure }))
                .collect();
            json!({
                "quantity": name(verdict.quantity),
                "unit": unit(verdict.quantity),
                "given": Estimate::exact(verdict.given),
                "model": verdict.model,
                "counted": counted_name(verdict.counted),
                "within": verdict.within,
                "likely_slip": verdict.slip.map(slip_name),
                "explanation": (!verdict.within).then(|| explained(assessment, verdict)),
                "left_out": left_out,
            })
        })
        .collect();
    json!({
        "schema_version": SCHEMA_VERSION,
        "program": { "name": "plimsoll", "version": VERSION },
        "scenario": { "name": scenario.name, "hash": hash },
        "seed": scenario.simulation.seed,
        "intervals": { "level": LEVEL, "kind": "parameter" },
        "right": verdicts.iter().all(|verdict| verdict.within),
        "verdicts": all,
    })
}

pub(super) const fn name(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Servers => "servers",
        Quantity::Connections => "connections",
        Quantity::Messages => "messages",
        Quantity::Deliveries => "deliveries",
        Quantity::Bandwidth => "bandwidth",
        Quantity::Egress => "egress",
        Quantity::Network => "network",
        Quantity::Storage => "storage",
        Quantity::Kept => "storage_kept",
    }
}

pub(super) const fn unit(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Servers => "servers",
        Quantity::Connections => "connections",
        Quantity::Messages | Quantity::Deliveries => "messages_per_second",
        Quantity::Bandwidth | Quantity::Egress | Quantity::Network | Quantity::Storage => "bytes_per_second",
        Quantity::Kept => "bytes",
    }
}

pub(super) fn shown(quantity: Quantity, figure: f64) -> String {
    match quantity {
        Quantity::Servers | Quantity::Connections => count(figure),
        Quantity::Messages | Quantity::Deliveries => rate(Rate::new(figure)),
        Quantity::Bandwidth | Quantity::Egress | Quantity::Network => byte_rate(ByteRate::new(figure)),
        Quantity::Storage => byte_rate_hourly(ByteRate::new(figure)),
        Quantity::Kept => bytes(Bytes::new(figure)),
    }
}

/// How far off, in one direction.
pub(super) fn off(verdict: &Verdict) -> String {
    let (given, model) = (verdict.given, verdict.model.value);
    if given <= 0.0 || model <= 0.0 {
        return "one of the two is nothing".to_owned();
    }
    let (times, way) = if given > model { (given / model, "high") } else { (model / given, "low") };
    if times < 1.995 {
        format!("{:.1} % too {way}", (given / model - 1.0).abs() * 100.0)
    } else {
        format!("{} times too {way}", count(times))
    }
}

const fn counted_name(counted: Counted) -> &'static str {
    match counted {
        Counted::All => "all",
        Counted::Required => "required",
        Counted::WithSpare => "required_and_spare",
        Counted::PayloadIn => "payload_in",
        Counted::PayloadOut => "payload_out",
        Counted::Payload => "payload_in_and_out",
        Counted::WireIn => "wire_in",
        Counted::WireOut => "wire_out",
        Counted::Wire => "wire_in_and_out",
        Counted::Once => "one_copy",
        Counted::Copies => "all_copies",
    }
}

/// What a right figure counts, or why a wrong one is.
pub(super) fn counted_words(verdict: &Verdict) -> &'static str {
    if !verdict.within {
        return "likely slip";
    }
    match verdict.counted {
        Counted::All | Counted::Wire => "right",
        Counted::Required => "right for what carries the load; besides",
        Counted::WithSpare => "right with the spare ones",
        Counted::PayloadIn => "right as the payload that comes in; besides",
        Counted::PayloadOut => "right as the payload that goes out; besides",
        Counted::Payload => "right as the payload both ways; besides",
        Counted::WireIn => "right as what comes in on the wire; besides",
        Counted::WireOut => "right as what goes out on the wire; besides",
        Counted::Once => "right for one copy; besides",
        Counted::Copies => "right with all copies",
    }
}

/// What a right figure leaves out.
pub(super) fn beside(assessment: &Assessment, verdict: &Verdict) -> Vec<String> {
    verdict.left_out.iter().map(|left| left_out(assessment, verdict, left)).collect()
}

fn left_out(assessment: &Assessment, verdict: &Verdict, left: &LeftOut) -> String {
    let figure = interval(&left.figure, |figure| shown(verdict.quantity, figure));
    let load = &assessment.model.load;
    match left.what {
        Counted::WithSpare if left.figure == verdict.model => {
            "nothing is spare: one server that fails leaves too few (`servers.spare`)".to_owned()
        }
        Counted::WithSpare => format!("{figure} with the spare ones"),
        Counted::PayloadIn => format!("payload in: {figure}"),
        Counted::PayloadOut => format!(
            "payload out: {figure}, as each message goes to {} (fan-out)",
            count(load.messages_out_per_second / load.messages_in_per_second)
        ),
        Counted::WireIn => format!("on the wire in: {figure}, with headers, acknowledgements, heartbeats"),
        Counted::WireOut => format!("on the wire out: {figure}, with headers, acknowledgements, heartbeats"),
        Counted::Wire => format!("on the wire: {figure}, with headers, acknowledgements, heartbeats"),
        Counted::Copies => format!("{figure} with all copies"),
        Counted::All | Counted::Required | Counted::Payload | Counted::Once => figure,
    }
}

const fn slip_name(slip: Slip) -> &'static str {
    match slip {
        Slip::FanOut => "fan_out_forgotten",
        Slip::BitsForBytes => "bits_for_bytes",
        Slip::MeanForPeak => "mean_for_peak",
        Slip::OneDirection => "one_direction_only",
        Slip::NoHeadroom => "no_headroom",
        Slip::LimitForComfortable => "limit_for_comfortable",
        Slip::Bottleneck(_) => "bottleneck_missed",
        Slip::WireOverhead => "wire_overhead_forgotten",
        Slip::BinaryForDecimal => "binary_for_decimal",
        Slip::Replication => "replication_forgotten",
        Slip::Heartbeats => "heartbeats_forgotten",
        Slip::UserForConnection => "user_for_connection",
        Slip::TimeUnit => "time_unit",
    }
}

/// A wrong figure's slip in words.
pub(super) fn explained(assessment: &Assessment, verdict: &Verdict) -> String {
    let scenario = &assessment.scenario;
    let load = &assessment.model.load;
    let Some(slip) = verdict.slip else {
        return "none that is known: go through `plimsoll estimate` step by step".to_owned();
    };
    match slip {
        Slip::FanOut => format!(
            "the fan-out was forgotten: each message goes to {} users, so what goes out is that many times what comes in",
            count(load.messages_out_per_second / load.messages_in_per_second)
        ),
        Slip::BitsForBytes => "bits taken for bytes, or bytes for bits: there are 8 bits in a byte".to_owned(),
        Slip::MeanForPeak => format!(
            "the mean in place of the peak: at the peak there is {} times as much, and that must be carried",
            count(load.peak_to_mean)
        ),
        Slip::OneDirection => "one direction only: what comes in and what goes out both count".to_owned(),
        Slip::NoHeadroom => format!(
            "no headroom: servers filled to the last percent, where {} % is planned for",
            count(scenario.servers.target_utilisation.get() * 100.0)
        ),
        Slip::LimitForComfortable => format!(
            "as many connections on a server as it takes at most, where {} are comfortable",
            count(scenario.servers.comfortable_connections.round())
        ),
        Slip::Bottleneck(kind) => format!(
            "enough for {}, but {} gives way first",
            short(kind),
            assessment.resources.first().map_or("another resource", |first| short(first.kind))
        ),
        Slip::WireOverhead => {
            "the wire's overhead was left out: frames, TLS, TCP/IP, Ethernet and acknowledgements come on top of the payload".to_owned()
        }
        Slip::BinaryForDecimal => {
            "1,024 for 1,000 or the other way round: KB, MB, GB are decimal; KiB, MiB, GiB are binary".to_owned()
        }
        Slip::Replication => "replication was forgotten: each copy takes the whole amount again".to_owned(),
        Slip::Heartbeats => format!(
            "heartbeats were forgotten: there are {} of them",
            rate(Rate::new(load.heartbeats_per_second))
        ),
        Slip::UserForConnection => format!(
            "per user what is per connection, or the other way round: each user holds {} connections, and the message rate is a user's",
            scenario.workload.connections_per_user
        ),
        Slip::TimeUnit => "seconds, minutes, hours or days mixed up: there are 3,600 s in an hour, 24 hours in a day".to_owned(),
    }
}
