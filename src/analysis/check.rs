//! An estimate graded: each figure that somebody worked out, beside the model's, and the slip that explains a wrong one.
//!
//! A figure is right where it lies within the model's interval or 2 % of it, or is the model's figure rounded to two
//! digits. What a figure counts may differ from person to person: payload or what is on the wire, with spare or without.
//! Each such [`Counted`] is right as such; what it leaves out is told apart ([`LeftOut`]), not held against it.
//!
//! A slip is recognised by doing it: the closed form is computed once more with the mistake in it (`slips`).

mod slips;

use crate::model::{Model, ResourceKind};
use crate::scenario::Scenario;
use crate::stats::Estimate;

use super::Assessment;

/// Estimates are rounded: a right one is so close, as a share of the figure.
const CLOSE: f64 = 0.02;

/// What an estimate can be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Servers.
    Servers,
    /// Connections.
    Connections,
    /// Messages that users send, per second.
    Messages,
    /// Messages that users get, per second.
    Deliveries,
    /// A flow of bytes, whatever of it is counted.
    Bandwidth,
    /// What goes to users, bytes per second.
    Egress,
    /// All that the servers' networks carry for their clients: both directions, on the wire; bytes per second.
    Network,
    /// What is logged, bytes per second.
    Storage,
    /// What the log store holds in the end, in bytes.
    Kept,
}

/// What of it a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// There is only one way.
    All,
    /// Servers that carry the load.
    Required,
    /// Those and the spare ones.
    WithSpare,
    /// Payload that comes in.
    PayloadIn,
    /// Payload that goes out.
    PayloadOut,
    /// Payload both ways.
    Payload,
    /// All that comes in, headers and acknowledgements too.
    WireIn,
    /// All that goes out.
    WireOut,
    /// All that comes in and goes out.
    Wire,
    /// Log bytes, each once.
    Once,
    /// With each replica.
    Copies,
}

/// What explains a wrong figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slip {
    /// A message counted once, though several get it.
    FanOut,
    /// Bits taken for bytes, or bytes for bits.
    BitsForBytes,
    /// The mean of the profile in place of its peak.
    MeanForPeak,
    /// What comes in or what goes out, in place of both.
    OneDirection,
    /// Resources filled to the last percent, in place of what is planned for.
    NoHeadroom,
    /// As many connections on a server as it takes, in place of those it holds comfortably.
    LimitForComfortable,
    /// Enough for this resource, where another gives way first.
    Bottleneck(ResourceKind),
    /// Payload, in place of what is on the wire.
    WireOverhead,
    /// 1,024 for 1,000, or the other way round.
    BinaryForDecimal,
    /// One copy, where several are kept.
    Replication,
    /// No heartbeats.
    Heartbeats,
    /// Per user what is per connection, or the other way round.
    UserForConnection,
    /// An hour, a day, a minute or a second taken for another.
    TimeUnit,
}

/// Something that a right figure does not count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeftOut {
    /// What.
    pub what: Counted,
    /// How much there is of it.
    pub figure: Estimate,
}

/// How one figure fared.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// What it is of.
    pub quantity: Quantity,
    /// What was given.
    pub given: f64,
    /// The model's.
    pub model: Estimate,
    /// What the model's counts.
    pub counted: Counted,
    /// Whether the given one is right.
    pub within: bool,
    /// What explains a wrong one, if anything does.
    pub slip: Option<Slip>,
    /// What a right one leaves out.
    pub left_out: Vec<LeftOut>,
}

/// Grades figures; `None` for one of something that the scenario doesn't have (logs).
pub fn grade(assessment: &Assessment, given: &[(Quantity, f64)]) -> Vec<Option<Verdict>> {
    given.iter().map(|(quantity, figure)| one(assessment, *quantity, *figure)).collect()
}

fn one(assessment: &Assessment, quantity: Quantity, given: f64) -> Option<Verdict> {
    let readings = readings(assessment, quantity)?;
    let (counted, model) = *readings.first()?;
    let right = readings.iter().find(|(_, model)| is_within(given, model));
    let (counted, model) = right.copied().unwrap_or((counted, model));
    let slip = if right.is_some() { None } else { slips::likely(assessment, quantity, given, &readings) };
    let left_out = if right.is_some() { left_out(&readings, quantity, counted) } else { Vec::new() };
    Some(Verdict { quantity, given, model, counted, within: right.is_some(), slip, left_out })
}

/// The figures that a quantity may mean, the usual one first; `None` where there is no such thing.
fn readings(assessment: &Assessment, quantity: Quantity) -> Option<Vec<(Counted, Estimate)>> {
    let load = |name: &str| assessment.load_figure(name).unwrap_or(Estimate::exact(0.0));
    let sum =
        |a: Estimate, b: Estimate| Estimate { value: a.value + b.value, low: a.low + b.low, high: a.high + b.high };
    let (payload_in, payload_out) = (load("ingress_bytes_per_second"), load("egress_bytes_per_second"));
    let (wire_in, wire_out) = (load("ingress_wire_bytes_per_second"), load("egress_wire_bytes_per_second"));
    let logs = assessment.scenario.logs;
    Some(match quantity {
        Quantity::Servers => vec![
            (Counted::Required, assessment.servers_required),
            (Counted::WithSpare, sum(assessment.servers_required, assessment.spare)),
        ],
        Quantity::Connections => vec![(Counted::All, load("connections"))],
        Quantity::Messages => vec![(Counted::All, load("messages_in_per_second"))],
        Quantity::Deliveries => vec![(Counted::All, load("messages_out_per_second"))],
        Quantity::Bandwidth => vec![
            (Counted::PayloadIn, payload_in),
            (Counted::PayloadOut, payload_out),
            (Counted::Payload, sum(payload_in, payload_out)),
            (Counted::WireIn, wire_in),
            (Counted::WireOut, wire_out),
            (Counted::Wire, sum(wire_in, wire_out)),
        ],
        Quantity::Egress => vec![(Counted::PayloadOut, payload_out), (Counted::WireOut, wire_out)],
        Quantity::Network => vec![(Counted::Wire, sum(wire_in, wire_out))],
        Quantity::Storage => {
            let once = load("log_bytes_per_hour").scaled(1.0 / 3_600.0);
            let copies = logs?.replication as f64;
            vec![(Counted::Once, once), (Counted::Copies, once.scaled(copies))]
        }
        Quantity::Kept => {
            logs?;
            vec![(Counted::Copies, assessment.log_bytes_kept)]
        }
    })
}

/// The readings that hold more than the one that was given.
fn left_out(readings: &[(Counted, Estimate)], quantity: Quantity, counted: Counted) -> Vec<LeftOut> {
    let of = |wanted: Counted| {
        readings
            .iter()
            .find(|(counted, _)| *counted == wanted)
            .map(|(what, figure)| LeftOut { what: *what, figure: *figure })
    };
    let wanted: &[Counted] = match (quantity, counted) {
        (Quantity::Servers, Counted::Required) => &[Counted::WithSpare],
        (Quantity::Bandwidth, Counted::PayloadIn) => &[Counted::PayloadOut, Counted::WireIn, Counted::WireOut],
        (Quantity::Bandwidth, Counted::PayloadOut) => &[Counted::PayloadIn, Counted::WireIn, Counted::WireOut],
        (Quantity::Bandwidth, Counted::Payload) => &[Counted::Wire],
        (Quantity::Bandwidth, Counted::WireOut) => &[Counted::WireIn],
        (Quantity::Bandwidth, Counted::WireIn) | (Quantity::Egress, Counted::PayloadOut) => &[Counted::WireOut],
        (Quantity::Storage, Counted::Once) => &[Counted::Copies],
        _ => &[],
    };
    let own = of(counted).map_or(0.0, |own| own.figure.value);
    let all = wanted.iter().filter_map(|wanted| of(*wanted));
    // One copy is all there is where one is kept; that nothing is spare is worth a word even so.
    all.filter(|left| left.what != Counted::Copies || left.figure.value > own).collect()
}

fn is_within(given: f64, model: &Estimate) -> bool {
    (model.low * (1.0 - CLOSE)..=model.high * (1.0 + CLOSE)).contains(&given) || is_rounded(given, model.value)
}

/// Whether one figure is the other rounded to two digits.
fn is_rounded(given: f64, figure: f64) -> bool {
    let rounded: f64 = format!("{figure:.1e}").parse().unwrap_or(figure);
    (given - rounded).abs() <= 1e-9 * rounded.abs()
}

/// A figure of a closed form, as a reading counts it.
fn figure(quantity: Quantity, counted: Counted, scenario: &Scenario, model: &Model) -> f64 {
    let load = &model.load;
    match (quantity, counted) {
        (Quantity::Servers, Counted::WithSpare) => (model.required.fleet.servers + model.required.spare) as f64,
        (Quantity::Servers, _) => model.required.fleet.servers as f64,
        (Quantity::Connections, _) => load.connections,
        (Quantity::Messages, _) => load.messages_in_per_second,
        (Quantity::Deliveries, _) => load.messages_out_per_second,
        (Quantity::Storage, Counted::Copies) => {
            load.log_bytes_per_hour / 3_600.0 * scenario.logs.map_or(1.0, |logs| logs.replication as f64)
        }
        (Quantity::Storage, _) => load.log_bytes_per_hour / 3_600.0,
        (Quantity::Kept, _) => {
            crate::model::storage::kept_logs(scenario, load, &model.required.fleet).iter().map(|tier| tier.bytes).sum()
        }
        (_, Counted::PayloadOut) => load.egress_bytes_per_second,
        (_, Counted::Payload) => load.ingress_bytes_per_second + load.egress_bytes_per_second,
        (_, Counted::WireIn) => load.ingress_wire_bytes_per_second,
        (_, Counted::WireOut) => load.egress_wire_bytes_per_second,
        (_, Counted::Wire) => load.ingress_wire_bytes_per_second + load.egress_wire_bytes_per_second,
        _ => load.ingress_bytes_per_second,
    }
}
