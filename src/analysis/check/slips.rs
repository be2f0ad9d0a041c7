//! The mistakes that estimates are known for. Each is made on purpose, and the figure it gives compared.

use super::{CLOSE, Counted, Quantity, Slip, figure, is_rounded, is_within};
use crate::analysis::Assessment;
use crate::model::{Model, ResourceKind, Tier};
use crate::scenario::{FanOut, ProfileOf, Scenario};
use crate::stats::Estimate;
use crate::units::Ratio;

/// A profile whose peak is no more than this above its mean has no peak to forget.
const FLAT: f64 = 1.02;
/// How close a figure is that a constant factor explains: less than between 1,000 and 1,024.
const FACTOR: f64 = 0.005;

/// The slip that explains a figure which none of the readings does. What belongs to this very scenario comes before
/// factors that any figure may be off by.
pub(super) fn likely(
    assessment: &Assessment,
    quantity: Quantity,
    given: f64,
    readings: &[(Counted, Estimate)],
) -> Option<Slip> {
    let changed = changed(assessment).into_iter().filter(|(slip, _)| applies(*slip, quantity));
    for (slip, scenario) in changed {
        let model = Model::of(&scenario);
        for (counted, right) in readings {
            let wrong = figure(quantity, *counted, &scenario, &model);
            if explains(given, wrong, right) {
                return Some(slip);
            }
        }
    }
    let found = match quantity {
        Quantity::Network => network(assessment, given, readings),
        Quantity::Servers => {
            other_resource(assessment, given, readings).or_else(|| connection_limit(assessment, given, readings))
        }
        Quantity::Messages | Quantity::Deliveries => per_connection(assessment, given, readings),
        Quantity::Kept => replication(assessment, given, readings),
        _ => None,
    };
    found.or_else(|| by_a_factor(quantity, given, readings))
}

/// The scenario as it would be if a mistake were no mistake.
fn changed(assessment: &Assessment) -> Vec<(Slip, Scenario)> {
    let scenario = &assessment.scenario;
    let mut all = Vec::new();
    let mut with = |slip: Slip, change: &dyn Fn(&mut Scenario)| {
        let mut changed = scenario.clone();
        change(&mut changed);
        all.push((slip, changed));
    };
    if matches!(scenario.workload.fan_out, FanOut::Room(_) | FanOut::Broadcast) {
        with(Slip::FanOut, &|scenario| scenario.workload.fan_out = FanOut::Echo);
    }
    let peak = assessment.model.load.peak_to_mean;
    if let Some(profile) = scenario.workload.profile.as_ref().filter(|_| peak > FLAT) {
        let of = profile.of;
        with(Slip::MeanForPeak, &|scenario| match of {
            ProfileOf::Users => scenario.users = (scenario.users as f64 / peak).round().max(1.0) as u64,
            ProfileOf::Messages => scenario.workload.message_rate = scenario.workload.message_rate * (1.0 / peak),
        });
    }
    if scenario.workload.heartbeat.is_some() {
        with(Slip::Heartbeats, &|scenario| scenario.workload.heartbeat = None);
    }
    if scenario.workload.connections_per_user > 1 {
        with(Slip::UserForConnection, &|scenario| scenario.workload.connections_per_user = 1);
    }
    with(Slip::NoHeadroom, &|scenario| scenario.servers.target_utilisation = Ratio::new(1.0));
    all
}

/// Whether a slip can be made where this is estimated. What another quantity is about counts there and not here.
fn applies(slip: Slip, quantity: Quantity) -> bool {
    match slip {
        Slip::NoHeadroom => quantity == Quantity::Servers,
        Slip::Heartbeats => matches!(quantity, Quantity::Servers | Quantity::Network),
        _ => true,
    }
}

/// Whether a wrong figure, as uncertain as the right one, is the given one. A mistake that changes next to
/// nothing explains nothing.
fn explains(given: f64, wrong: f64, right: &Estimate) -> bool {
    if right.value <= 0.0 || (wrong / right.value - 1.0).abs() <= CLOSE {
        return false;
    }
    let factor = wrong / right.value;
    is_within(given, &Estimate { value: wrong, low: right.low * factor, high: right.high * factor })
}

/// What is on the wire, both ways: the payload only, one way only, or both mistakes.
fn network(assessment: &Assessment, given: f64, readings: &[(Counted, Estimate)]) -> Option<Slip> {
    let (_, right) = readings.first()?;
    let of = |counted| figure(Quantity::Bandwidth, counted, &assessment.scenario, &assessment.model);
    let wrong = [
        (Slip::WireOverhead, Counted::Payload),
        (Slip::OneDirection, Counted::WireIn),
        (Slip::OneDirection, Counted::WireOut),
        (Slip::OneDirection, Counted::PayloadIn),
        (Slip::OneDirection, Counted::PayloadOut),
    ];
    wrong.into_iter().find(|(_, counted)| explains(given, of(*counted), right)).map(|(slip, _)| slip)
}

/// Servers that suffice for some resource but not for the one that gives way first.
fn other_resource(assessment: &Assessment, given: f64, readings: &[(Counted, Estimate)]) -> Option<Slip> {
    let (_, right) = readings.first()?;
    // What people size by, the most likely first.
    let order =
        [ResourceKind::NicIn, ResourceKind::NicOut, ResourceKind::Cpu, ResourceKind::Memory, ResourceKind::Connections];
    let units = |kind: ResourceKind| assessment.model.resource(kind).filter(|found| found.kind.tier() == Tier::Server);
    order
        .into_iter()
        .filter(|kind| units(*kind).is_some_and(|found| (found.units_required as f64) < right.low))
        .find(|kind| {
            let found = assessment.resources.iter().find(|resource| resource.kind == *kind);
            found.is_some_and(|resource| is_within(given, &resource.units_required))
        })
        .map(Slip::Bottleneck)
}

/// As many connections on a server as it takes, though it is not comfortable with them.
fn connection_limit(assessment: &Assessment, given: f64, readings: &[(Counted, Estimate)]) -> Option<Slip> {
    let (_, right) = readings.first()?;
    let mut scenario = assessment.scenario.clone();
    scenario.servers.comfortable_connections = scenario.servers.connection_limit? as f64;
    let wrong = Model::of(&scenario).required.fleet.servers as f64;
    explains(given, wrong, right).then_some(Slip::LimitForComfortable)
}

/// A user's rate taken for that of each of the user's connections, or shared out among them.
fn per_connection(assessment: &Assessment, given: f64, readings: &[(Counted, Estimate)]) -> Option<Slip> {
    let each = assessment.scenario.workload.connections_per_user as f64;
    let is = |factor: f64| readings.iter().any(|(_, right)| explains(given, right.value * factor, right));
    (is(each) || is(1.0 / each)).then_some(Slip::UserForConnection)
}

/// Each log byte once.
fn replication(assessment: &Assessment, given: f64, readings: &[(Counted, Estimate)]) -> Option<Slip> {
    let (_, right) = readings.first()?;
    let once: f64 = assessment.logs_kept.iter().map(|tier| tier.bytes.value / tier.kept.replication as f64).sum();
    explains(given, once, right).then_some(Slip::Replication)
}

/// A constant factor.
fn by_a_factor(quantity: Quantity, given: f64, readings: &[(Counted, Estimate)]) -> Option<Slip> {
    let bytes = matches!(
        quantity,
        Quantity::Bandwidth | Quantity::Egress | Quantity::Network | Quantity::Storage | Quantity::Kept
    );
    let per_time = bytes && quantity != Quantity::Kept || matches!(quantity, Quantity::Messages | Quantity::Deliveries);
    let mut factors: Vec<(Slip, f64)> = Vec::new();
    if bytes {
        factors.extend((1..=4).map(|power| (Slip::BinaryForDecimal, 1.024_f64.powi(power))));
        factors.push((Slip::BitsForBytes, 8.0));
    }
    if per_time {
        factors.extend([60.0, 3_600.0, 86_400.0, 24.0, 1_440.0].map(|factor| (Slip::TimeUnit, factor)));
    }
    // So many factors explain almost anything if what is on the wire counts as well; that is a figure of programs anyway.
    let by_hand = |counted: Counted| {
        quantity == Quantity::Network || !matches!(counted, Counted::WireIn | Counted::WireOut | Counted::Wire)
    };
    let is = |factor: f64| {
        readings.iter().filter(|(counted, _)| by_hand(*counted)).any(|(_, right)| {
            let near = |figure: f64| figure > 0.0 && (given / figure - 1.0).abs() < FACTOR;
            let inside = right.low * factor < right.high * factor * (1.0 - FACTOR)
                && (right.low * factor..=right.high * factor).contains(&given);
            near(right.value * factor) || inside || right.value > 0.0 && is_rounded(given, right.value * factor)
        })
    };
    factors.into_iter().find(|(_, factor)| is(*factor) || is(1.0 / factor)).map(|(slip, _)| slip)
}
