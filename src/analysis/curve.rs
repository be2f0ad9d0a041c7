//! Load and latency in closed form, from little load up to what the fleet can carry at all, and the knee of that curve.
//!
//! The knee is where load × (1 / time in the system) is largest: L. Kleinrock's power (Power and deterministic rules of
//! thumb for probabilistic problems in computer communications, ICC 1979). The network's share of the latency does not
//! depend on the load, and is left out of that time. Of an M/M/1 queue the knee is at half its capacity.

use super::Assessment;
use crate::model::latency::latency;
use crate::model::{Model, ResourceKind};
use crate::scenario::Scenario;

/// Loads that the curve is computed at.
const STEPS: i32 = 48;
/// The largest of them, as a share of the limit.
const LAST: f64 = 0.99;
/// More users than this say nothing.
const MOST_USERS: f64 = 1e12;

/// The curve, in the median world, on the fleet of the scenario (or, where it leaves that open, the one required).
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// From little load to nearly the limit.
    pub points: Vec<CurvePoint>,
    /// The knee, where there is one below the limit.
    pub knee: Option<CurvePoint>,
    /// The users at the first limit of what latency depends on, and what is limited.
    pub limit: (f64, &'static str),
    /// The users at which there are no more connection slots; latency is that of a fleet that had enough.
    pub slots: Option<f64>,
}

/// A load and its latency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// Users.
    pub users: f64,
    /// Use of what reaches its limit first, as a share of that limit.
    pub utilisation: f64,
    /// Mean latency, in seconds.
    pub mean_seconds: f64,
    /// Of it, what the network does not add.
    pub inside_seconds: f64,
}

/// What makes messages wait when it is full.
const WAITED_FOR: [ResourceKind; 8] = [
    ResourceKind::Cpu,
    ResourceKind::NicIn,
    ResourceKind::NicOut,
    ResourceKind::BrokerCpu,
    ResourceKind::BrokerNicIn,
    ResourceKind::BrokerNicOut,
    ResourceKind::BrokerDisk,
    ResourceKind::BackendCpu,
];

/// The curve of a scenario; `None` where nothing that messages wait for is limited.
pub fn curve(assessment: &Assessment) -> Option<Curve> {
    let at_limit = |kind| assessment.model.resource(kind).and_then(|resource| resource.users_at_limit);
    let limit = WAITED_FOR
        .into_iter()
        .filter_map(|kind| Some((at_limit(kind)?, kind.name())))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|limit| limit.0 >= 2.0 && limit.0 < MOST_USERS)?;
    let slots = at_limit(ResourceKind::Connections);
    let mut points = Vec::new();
    let mut powers = Vec::new();
    for step in 1..=STEPS {
        // Closer together towards the limit, where the curve bends.
        let share = LAST * (1.0 - (1.0 - f64::from(step) / f64::from(STEPS)).powf(1.5));
        let users = (limit.0 * share).round().max(1.0);
        let (scenario, model) = grown(assessment, users);
        let form = latency(&scenario, &model);
        let Some(mean_seconds) = form.mean_seconds else { break };
        let inside_seconds = (mean_seconds - form.network_seconds).max(f64::MIN_POSITIVE);
        points.push(CurvePoint { users, utilisation: users / limit.0, mean_seconds, inside_seconds });
        powers.push(users / inside_seconds);
    }
    let best = (0..powers.len()).max_by(|a, b| powers[*a].total_cmp(&powers[*b]))?;
    // Where power still grows at the end there is no knee: the limit comes first.
    let knee = (best + 1 < points.len()).then(|| points[best]);
    Some(Curve { points, knee, limit, slots })
}

fn grown(assessment: &Assessment, users: f64) -> (Scenario, Model) {
    let mut scenario = assessment.scenario.clone();
    scenario.users = users as u64;
    scenario.servers.connection_limit = None;
    let model = Model::on(&scenario, assessment.model.fleet);
    (scenario, model)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::assess;
    use crate::scenario::Document;

    fn of(text: &str) -> Curve {
        let document =
            Document::parse("x.yaml", text.as_bytes(), &|_| Err(std::io::ErrorKind::NotFound.into())).unwrap();
        curve(&assess(&document).unwrap()).unwrap()
    }

    #[test]
    fn the_knee_of_an_mm1_queue_is_at_half_its_capacity() {
        let curve = of("
name: mm1
users: 100
workload: {message: {rate: 1/s, size: 1 KB}, fan_out: none}
protocol: {tls: false}
latency: {client: 20 ms, server: 0 s}
servers:
  count: 1
  cores: 1
  network: unlimited
  connections: {comfortable: 1_000_000, limit: 1_000_000}
  memory: 1 TiB
  cpu: {overhead: 0 s, per_wakeup: 0 s, per_message: {exponential: 1 ms}, per_kb: 0 s, per_delivery: 0 s, per_cache_miss: 0 s, per_heartbeat: 0 s}
");
        assert_eq!(curve.limit.1, "server.cpu");
        let knee = curve.knee.unwrap();
        assert!((knee.utilisation - 0.5).abs() < 0.03, "{knee:?}");
        let half =
            curve.points.iter().min_by(|a, b| (a.utilisation - 0.5).abs().total_cmp(&(b.utilisation - 0.5).abs()));
        let half = half.unwrap();
        let expected = 0.02 + 0.001 / (1.0 - half.utilisation);
        assert!((half.mean_seconds - expected).abs() < 0.02 * expected, "{half:?} {expected}");
    }
}
