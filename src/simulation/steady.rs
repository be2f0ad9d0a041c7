//! Whether a run will show a steady state, and why not: an objective that is met in one that doesn't is not met for good.

use crate::metrics::Unsteady;
use crate::model::latency::StationForm;
use crate::model::{Model, ResourceKind};
use crate::scenario::{Scenario, Start};
use crate::units::Seconds;
use crate::units::display::seconds;

/// A station with more load than this settles ever more slowly than its relaxation time, which stays that of this load.
const NEARLY_FULL: f64 = 0.95;
/// Stations with a queue that may grow without end.
const QUEUES: [ResourceKind; 8] = [
    ResourceKind::Cpu,
    ResourceKind::NicIn,
    ResourceKind::NicOut,
    ResourceKind::BrokerCpu,
    ResourceKind::BrokerNicIn,
    ResourceKind::BrokerNicOut,
    ResourceKind::BrokerDisk,
    ResourceKind::LogWrite,
];

/// Why there will be no steady state, and what to say of it where nothing else does. `settling_seconds` is the time that the
/// slowest of the stations takes to settle at a load of up to [`NEARLY_FULL`], in `relaxations` of its own.
///
/// Load that moves with a profile is not meant to be steady; then only a ramp that outlasts the run is told.
pub fn unsteady(
    scenario: &Scenario,
    model: &Model,
    stations: &[StationForm],
    (settling_seconds, relaxations): (f64, f64),
) -> (Vec<Unsteady>, Vec<String>) {
    let (mut found, mut notes) = (Vec::new(), Vec::new());
    let settings = &scenario.simulation;
    let duration = settings.duration.get();
    if scenario.workload.profile.is_none() {
        let loads = QUEUES.map(|kind| (kind, unbounded_load(scenario, model, kind)));
        let settling = loads
            .iter()
            .filter(|(_, load)| (NEARLY_FULL..1.0).contains(load))
            .filter_map(|(kind, load)| {
                let station = stations.iter().find(|station| station.name == kind.name())?;
                Some(relaxations * station.relaxation_seconds * ((1.0 - NEARLY_FULL) / (1.0 - load)).powi(2))
            })
            .fold(settling_seconds, f64::max);
        // What is asked to be left out may be all of the run; by itself at most half of it is.
        let left_out = duration * if settings.warm_up.is_none() { 0.5 } else { 1.0 };
        if loads.iter().any(|(_, load)| *load >= 1.0) {
            found.push(Unsteady::Overloaded);
        } else if settling > left_out {
            found.push(Unsteady::Unsettled);
            notes.push(format!(
                "the queues take about {} to settle, too long for a run of {}: waits and latency are still those of its start; a longer `duration` helps",
                seconds(Seconds::new(settling)),
                seconds(settings.duration)
            ));
        }
    }
    if let Start::Ramp(ramp) = settings.start
        && ramp.get() >= duration
    {
        found.push(Unsteady::Ramping);
        notes.push(format!(
            "users come over {}, but the run lasts {}: it ends before all of them are there",
            seconds(ramp),
            seconds(settings.duration)
        ));
    }
    (found, notes)
}

/// What a station is offered of what it can do; nothing where its queue has a limit or its customers' patience has.
fn unbounded_load(scenario: &Scenario, model: &Model, kind: ResourceKind) -> f64 {
    let servers = &scenario.servers;
    if kind == ResourceKind::Cpu && (servers.queue_limit.is_some() || servers.patience.is_some()) {
        return 0.0;
    }
    model.admitted_utilisation(scenario, kind)
}
