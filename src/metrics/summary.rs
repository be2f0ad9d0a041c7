//! From raw sums to figures with intervals.
//!
//! What a batch is depends on what was left to chance. Where every server is simulated, batches are slices of time: they
//! vary as the whole system does over time. Where a sample of the servers is, batches are groups of servers over the whole
//! time measured, since servers vary too.

use super::recovery::{FaultTally, recoveries};
use super::scaling::{ScalingTally, scalings};
use super::tally::{Flow, LatencySlice, Slices, Station, StationSlice, Tally};
use super::{
    BackendPoint, CacheMetrics, ConnectionMetrics, Conservation, Flows, LatencyMetrics, RunMetrics, SeriesPoint,
    ServerMetrics, Setup, SlowMetrics, StationMetrics, Unsteady,
};
use crate::stats::series::{Batch, mser, quantile_interval, ratio_interval};
use crate::stats::{Estimate, Histogram};
use crate::units::time::PICOSECONDS;

/// One replication's raw sums.
#[derive(Debug, Clone)]
pub struct Replication {
    /// Sums of groups of servers, with the number of servers in each. One group where all servers are simulated.
    pub groups: Vec<(Tally, u64)>,
    /// Sums of the broker's nodes that were simulated, and their number.
    pub relay: Option<(Tally, u64)>,
    /// Sums of the backend's nodes and of the caches before them.
    pub backend: Option<Tally>,
    /// Whether everything is accounted for.
    pub conservation: Conservation,
    /// How differently its servers fared.
    pub servers: ServerMetrics,
    /// What each fault did.
    pub faults: Vec<FaultTally>,
    /// What the autoscaler did, if there is one.
    pub scaling: Option<ScalingTally>,
}

/// What is to be known about a run besides its sums.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Facts {
    /// `every-message` or `sampled`.
    pub mode: &'static str,
    /// Why.
    pub reason: String,
    /// Servers of the fleet.
    pub servers: u64,
    /// Servers simulated.
    pub servers_simulated: u64,
    /// Cores of a server.
    pub cores: u32,
    /// Which stations there are.
    pub stations: [bool; 4],
    /// The broker, if messages go to users of other servers by one.
    pub broker: Option<BrokerFacts>,
    /// The backend, if messages read.
    pub backend: Option<BackendFacts>,
    /// Deliveries of a message, where it goes to other users.
    pub deliveries: Option<f64>,
    /// Share of the connections with a slow downlink, where there are any.
    pub slow_share: Option<f64>,
    /// Added to each latency.
    pub fixed_latency_seconds: f64,
    /// Log bytes of a message.
    pub log_bytes: f64,
    /// Memory of a server, in bytes.
    pub memory_bytes: f64,
    /// Warm-up asked for, if any.
    pub warm_up_seconds: Option<f64>,
    /// How long the stations take to forget that they started empty, by theory.
    pub settling_seconds: f64,
    /// Whether the number of connections has to settle first.
    pub connections_settle: bool,
    /// Whether slices of a replication say little anew: periodic messages repeat one pattern, and sessions about as long as
    /// the run hardly change it.
    pub slices_alike: bool,
    /// Connections that there should be, where they last and so have a fixed number.
    pub connections_due: Option<f64>,
    /// Time over which they come, evenly, in seconds.
    pub ramp_seconds: f64,
    /// Why there is no steady state.
    pub unsteady: Vec<Unsteady>,
    /// Whether users wait only so long or send again.
    pub users_retry: bool,
    /// Whether the load stays the same, so that there is a steady state to wait for and slices of time are alike.
    pub steady: bool,
    /// When each fault begins, and what it is.
    pub faults: Vec<(f64, String)>,
    /// With an autoscaler: servers of a fixed fleet that carries the peak.
    pub fixed_servers: Option<u64>,
    /// Notes to pass on.
    pub warnings: Vec<String>,
}

/// What is to be known about the broker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BrokerFacts {
    /// Nodes there are.
    pub nodes: u64,
    /// Cores of a node.
    pub cores: u32,
    /// Which stations it has: lines in and out, cores, disk, by [`Station`].
    pub stations: [bool; 4],
    /// Whether servers gather batches for it.
    pub lingers: bool,
}

/// What is to be known about the backend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BackendFacts {
    /// Nodes there are.
    pub nodes: u64,
    /// Cores of a node.
    pub cores: u32,
    /// Whether there is a cache before it.
    pub cached: bool,
    /// Whether copies in it get too old.
    pub expires: bool,
    /// Whether it begins empty: then each replication takes the same course, and is one batch.
    pub cold: bool,
}

/// Sums of one batch.
#[derive(Debug, Clone, Default)]
struct Part {
    stations: [StationSlice; 4],
    latency_count: u64,
    latency_sum: u128,
    histogram: Histogram,
    /// Of the deliveries to slow connections alone.
    slow: LatencySlice,
    flow: Flow,
    /// Seconds × servers.
    server_seconds: f64,
    /// The same, weighted with the share of the users who have come by then.
    ramped_seconds: f64,
}

/// With fewer replications than this, slices are batches even where they are alike: two say too little of how they vary.
const FEWEST_WHOLE: usize = 3;

/// Names of the stations, by [`Station`].
pub const STATION_NAMES: [&str; 4] = ["server.nic_in", "server.cpu", "server.nic_out", "log_store.write"];

/// Names of the broker's stations, by [`Station`].
pub const BROKER_STATION_NAMES: [&str; 4] = ["broker.nic_in", "broker.cpu", "broker.nic_out", "broker.disk"];

/// The figures of a run.
///
/// # Panics
/// When there is no replication: a bug of ours.
pub fn summarise(replications: &[Replication], facts: Facts) -> RunMetrics {
    let slices = replications[0].groups[0].0.slices;
    let warm_up = warm_up_slices(replications, &facts, slices);
    let whole = facts.slices_alike && replications.len() >= FEWEST_WHOLE;
    let batches: Vec<Vec<Part>> = replications
        .iter()
        .flat_map(|r| batches(r, &facts, slices, warm_up))
        .map(|run| if whole { together(&run) } else { run })
        .collect();
    let measured = (slices.end().0 - slices.start_of(warm_up).0) as f64 / PICOSECONDS;
    let fleet = facts.servers as f64;

    // A rate of the whole fleet: something per server and second, times the servers.
    let per_second = |figure: &dyn Fn(&Part) -> f64| {
        interval(&batches, figure, &|part| part.server_seconds)
            .map_or(Estimate::exact(0.0), |e| at_least_zero(e.scaled(fleet)))
    };
    let count = |figure: &dyn Fn(&Part) -> f64| per_second(figure).scaled(measured);
    let share = |estimate: Estimate| estimate.clamped(0.0, 1.0);

    let mut stations: Vec<StationMetrics> = Station::ALL
        .into_iter()
        .filter(|station| facts.stations[*station as usize])
        .map(|station| {
            let capacity = if station == Station::Cpu { f64::from(facts.cores) } else { 1.0 };
            station_metrics(&batches, station, STATION_NAMES[station as usize], fleet, capacity)
        })
        .collect();
    if let Some(broker) = facts.broker {
        if broker.lingers {
            stations.push(linger(&batches, fleet));
        }
        stations.extend(broker_stations(replications, broker, slices, warm_up, whole));
    }
    let (backend, cache) =
        facts.backend.map(|backend| backend_metrics(replications, backend, slices, warm_up, whole)).unzip();
    stations.extend(backend);

    let little_error = little_error(&batches, &facts);
    // Where messages go to others, what is lost is counted in deliveries; elsewhere each message is one.
    let per_message = facts.deliveries;
    let dropped =
        |p: &Part| lost(&p.flow, facts.users_retry) as f64 * per_message.unwrap_or(1.0) + p.flow.lost_deliveries as f64;
    let due = |p: &Part| match per_message {
        Some(_) => p.flow.messages_out as f64 + dropped(p),
        None => (p.flow.messages_in - p.flow.retried) as f64,
    };
    let log_bytes = facts.log_bytes;
    RunMetrics {
        messages: replications.iter().map(|r| r.conservation.arrived).sum(),
        events: events(replications),
        latency: latency(&batches, facts.fixed_latency_seconds, &|p| (p.latency_count, p.latency_sum, &p.histogram)),
        percentiles: percentiles(&batches, facts.fixed_latency_seconds),
        stations,
        cache: cache.flatten(),
        flows: Flows {
            messages_in: per_second(&|p| p.flow.messages_in as f64),
            messages_out: per_second(&|p| p.flow.messages_out as f64),
            goodput: per_second(&|p| p.latency_count as f64),
            ingress_bytes: per_second(&|p| p.flow.bytes_in as f64),
            egress_bytes: per_second(&|p| p.flow.bytes_out as f64),
            published: per_second(&|p| p.flow.published as f64),
            copies: per_second(&|p| p.flow.copies as f64),
            heartbeats: per_second(&|p| p.flow.heartbeats as f64),
            log_bytes_per_hour: per_second(&|p| p.stations[Station::Log as usize].visits as f64 * log_bytes * 3_600.0),
        },
        dropped_messages: at_least_zero(count(&dropped)),
        dropped_share: interval(&batches, &dropped, &due).map_or(Estimate::exact(0.0), share),
        unserved_share: unserved(&batches, &facts),
        timed_out_messages: at_least_zero(count(&|p| p.flow.unanswered as f64)),
        retried_messages: at_least_zero(count(&|p| p.flow.retried as f64)),
        slow_clients: facts.slow_share.map(|share| slow_clients(&batches, &facts, share, measured)),
        connections: ConnectionMetrics {
            open: per_second(&|p| p.flow.connections as f64 / PICOSECONDS),
            accepted: at_least_zero(count(&|p| p.flow.accepted as f64)),
            refused: at_least_zero(count(&|p| p.flow.refused as f64)),
            timed_out: at_least_zero(count(&|p| p.flow.timed_out as f64)),
            dropped: at_least_zero(count(&|p| (p.flow.shed + p.flow.cut) as f64)),
            cut: at_least_zero(count(&|p| p.flow.cut as f64)),
            ended: at_least_zero(count(&|p| p.flow.ended as f64)),
            memory_utilisation: interval(&batches, &|p| p.flow.memory as f64, &|p| {
                p.flow.memory_samples as f64 * facts.memory_bytes
            })
            .map_or(Estimate::exact(0.0), at_least_zero),
        },
        servers: replications[replications.len() - 1].servers,
        conservation: replications.iter().fold(Conservation::default(), |sum, r| sum.plus(r.conservation)),
        little_error,
        recovery: recoveries(&facts.faults, &replications.iter().map(|r| r.faults.as_slice()).collect::<Vec<_>>()),
        scaling: facts.fixed_servers.map(|fixed| {
            let tallies: Vec<ScalingTally> = replications.iter().filter_map(|r| r.scaling).collect();
            scalings(&tallies, fixed, slices.end().as_seconds())
        }),
        series: series(replications, &facts, slices),
        unsteady: facts.unsteady.clone(),
        warnings: facts.warnings.clone(),
        setup: Setup {
            mode: facts.mode,
            reason: facts.reason,
            servers: facts.servers,
            servers_simulated: facts.servers_simulated,
            replications: replications.len() as u64,
            duration_seconds: slices.end().as_seconds(),
            warm_up_seconds: slices.start_of(warm_up).as_seconds(),
        },
    }
}

/// A station's figures; there are `units` of it with `capacity` servers each.
fn station_metrics(
    batches: &[Vec<Part>],
    station: Station,
    name: &'static str,
    units: f64,
    capacity: f64,
) -> StationMetrics {
    let of = |part: &Part| part.stations[station as usize];
    let per_second = |figure: &dyn Fn(&Part) -> f64| {
        interval(batches, figure, &|part| part.server_seconds)
            .map_or(Estimate::exact(0.0), |e| at_least_zero(e.scaled(units)))
    };
    let share = |figure: &dyn Fn(&Part) -> f64| {
        let of_those_up = interval(batches, figure, &Part::seconds_up);
        let all = of_those_up.map_or(Estimate::exact(0.0), |e| at_least_zero(e.scaled(units)));
        all.scaled(1.0 / (capacity * units)).clamped(0.0, 1.0)
    };
    let busy = |part: &Part| seconds(of(part).busy);
    let wakeup = |part: &Part| of(part).wakeup as f64 / PICOSECONDS;
    let visits = |part: &Part| of(part).visits as f64;
    let wait = |part: &Part| (of(part).residence - of(part).service) as f64 / PICOSECONDS;
    StationMetrics {
        name,
        utilisation: share(&|p| (busy(p) - wakeup(p)).max(0.0)),
        busy: share(&busy),
        wait_seconds: interval(batches, &wait, &visits).map(at_least_zero),
        residence_seconds: interval(batches, &|p| of(p).residence as f64 / PICOSECONDS, &visits).map(at_least_zero),
        queue_length: per_second(&|p| seconds(of(p).number - of(p).busy).max(0.0)),
        number: per_second(&|p| seconds(of(p).number).max(0.0)),
        throughput_per_second: per_second(&visits),
    }
}

/// Share of the users who should have a connection and have none: 1 − open / due; or, where sessions come and go, of the
/// attempts that were refused.
fn unserved(batches: &[Vec<Part>], facts: &Facts) -> Estimate {
    let Some(due) = facts.connections_due else {
        let failed = |p: &Part| (p.flow.refused + p.flow.timed_out) as f64;
        return interval(batches, &failed, &|p| p.flow.accepted as f64 + failed(p))
            .map_or(Estimate::exact(0.0), |share| share.clamped(0.0, 1.0));
    };
    let of_server = due / facts.servers as f64;
    let turned_away = batches
        .iter()
        .flatten()
        .any(|part| part.flow.refused + part.flow.timed_out + part.flow.shed + part.flow.cut > 0);
    if facts.ramp_seconds > 0.0 && !turned_away {
        // Users come at random moments of the ramp; that they come a little late is nobody's fault.
        return Estimate::exact(0.0);
    }
    let missing = |p: &Part| p.ramped_seconds * of_server - p.flow.connections as f64 / PICOSECONDS;
    let found = interval(batches, &missing, &|p| p.ramped_seconds * of_server);
    // What rounding leaves of nothing is nothing.
    let found = found.filter(|share| share.value > 1e-9);
    found.map_or(Estimate::exact(0.0), |share| share.clamped(0.0, 1.0))
}

/// What the broker's nodes did; `whole`: each replication is one batch.
fn broker_stations(
    replications: &[Replication],
    broker: BrokerFacts,
    slices: Slices,
    warm_up: usize,
    whole: bool,
) -> Vec<StationMetrics> {
    let relays: Vec<Vec<Part>> = replications
        .iter()
        .filter_map(|replication| replication.relay.as_ref())
        .map(|(tally, nodes)| in_time(tally, slices, *nodes, warm_up, 0.0))
        .map(|run| if whole { together(&run) } else { run })
        .collect();
    let there = Station::ALL.into_iter().filter(|station| broker.stations[*station as usize]);
    there
        .map(|station| {
            let capacity = if station == Station::Cpu { f64::from(broker.cores) } else { 1.0 };
            let name = BROKER_STATION_NAMES[station as usize];
            station_metrics(&relays, station, name, broker.nodes as f64, capacity)
        })
        .collect()
}

/// What the backend did, and the caches before it.
fn backend_metrics(
    replications: &[Replication],
    backend: BackendFacts,
    slices: Slices,
    warm_up: usize,
    whole: bool,
) -> (StationMetrics, Option<CacheMetrics>) {
    let whole = whole || backend.cold && replications.len() > 1;
    let all: Vec<Vec<Part>> = replications
        .iter()
        .filter_map(|replication| replication.backend.as_ref())
        .map(|tally| in_time(tally, slices, backend.nodes, warm_up, 0.0))
        .map(|run| if whole { together(&run) } else { run })
        .collect();
    let (nodes, cores) = (backend.nodes as f64, f64::from(backend.cores));
    let station = station_metrics(&all, Station::Cpu, "backend.cpu", nodes, cores);
    (station, backend.cached.then(|| cache_metrics(&all, backend.expires)))
}

/// What the caches did.
fn cache_metrics(batches: &[Vec<Part>], expires: bool) -> CacheMetrics {
    let (looks, hits) = (|p: &Part| p.flow.looks as f64, |p: &Part| p.flow.hits as f64);
    let share = |figure: &dyn Fn(&Part) -> f64| {
        interval(batches, figure, &looks).map_or(Estimate::exact(0.0), |e| e.clamped(0.0, 1.0))
    };
    let age = || interval(batches, &|p| p.flow.hit_age as f64 / PICOSECONDS, &hits).map(at_least_zero);
    CacheMetrics {
        hit_ratio: share(&hits),
        stale_share: share(&|p| p.flow.stale as f64),
        mean_age_seconds: if expires { age() } else { None },
    }
}

/// What servers wait to fill a batch for the broker.
fn linger(batches: &[Vec<Part>], fleet: f64) -> StationMetrics {
    let waited = |part: &Part| part.flow.linger_time as f64 / PICOSECONDS;
    let gathered = |part: &Part| part.flow.lingered as f64;
    let per_second = |figure: &dyn Fn(&Part) -> f64| {
        interval(batches, figure, &|part| part.server_seconds)
            .map_or(Estimate::exact(0.0), |e| at_least_zero(e.scaled(fleet)))
    };
    let wait = interval(batches, &waited, &gathered).map(at_least_zero);
    StationMetrics {
        name: "broker.linger",
        utilisation: Estimate::exact(0.0),
        busy: Estimate::exact(0.0),
        wait_seconds: wait,
        residence_seconds: wait,
        queue_length: per_second(&waited),
        number: per_second(&waited),
        throughput_per_second: per_second(&gathered),
    }
}

/// How those with a slow downlink fared, in so many seconds.
fn slow_clients(batches: &[Vec<Part>], facts: &Facts, share: f64, measured: f64) -> SlowMetrics {
    let lost = |p: &Part| p.flow.slow_lost as f64;
    let waiting = |p: &Part| p.flow.slow_waiting as f64;
    let figure = |sum: &dyn Fn(&Part) -> f64, weight: &dyn Fn(&Part) -> f64| {
        interval(batches, sum, weight).map_or(Estimate::exact(0.0), at_least_zero)
    };
    let count = |sum: &dyn Fn(&Part) -> f64| figure(sum, &|p| p.server_seconds).scaled(facts.servers as f64 * measured);
    SlowMetrics {
        share,
        utilisation: figure(&|p| p.flow.slow_offered as f64, &|p| p.flow.connections as f64 * share),
        waiting_bytes: figure(&waiting, &|p| p.flow.slow_samples as f64),
        memory_bytes: figure(&waiting, &|p| p.flow.memory_samples as f64),
        // Of those handed over, not of those that arrived: they may arrive long after.
        dropped_share: figure(&lost, &|p| p.flow.slow_deliveries as f64).clamped(0.0, 1.0),
        dropped_deliveries: count(&lost),
        cut: count(&|p| p.flow.slow_cut as f64),
        latency: latency(batches, facts.fixed_latency_seconds, &|p| (p.slow.count, p.slow.sum, &p.slow.histogram)),
    }
}

/// Messages lost: of users who send again or wait only so long, those that they gave up.
fn lost(flow: &Flow, users_retry: bool) -> u64 {
    if users_retry { flow.given_up } else { flow.blocked + flow.abandoned + flow.lost }
}

fn seconds(picoseconds: i128) -> f64 {
    picoseconds as f64 / PICOSECONDS
}

fn at_least_zero(estimate: Estimate) -> Estimate {
    estimate.clamped(0.0, f64::INFINITY)
}

/// The interval of a ratio; where there is too little for one, the figure alone, its ends unknown.
fn interval(batches: &[Vec<Part>], sum: &dyn Fn(&Part) -> f64, weight: &dyn Fn(&Part) -> f64) -> Option<Estimate> {
    let parts: Vec<Vec<Batch>> = batches
        .iter()
        .map(|run| run.iter().map(|part| Batch { sum: sum(part), weight: weight(part) }).collect())
        .collect();
    ratio_interval(&parts).or_else(|| {
        let total = parts.iter().flatten().fold((0.0, 0.0), |t, b| (t.0 + b.sum, t.1 + b.weight));
        (total.1 > 0.0).then(|| Estimate::unbounded(total.0 / total.1))
    })
}

/// Latency of some of the deliveries: `of` gives a part's number of them, the sum of their latencies, and all of those.
fn latency(batches: &[Vec<Part>], fixed: f64, of: &dyn Fn(&Part) -> (u64, u128, &Histogram)) -> Option<LatencyMetrics> {
    let mut pooled = Histogram::new();
    batches.iter().flatten().for_each(|part| pooled.merge(of(part).2));
    let histograms: Vec<Vec<&Histogram>> =
        batches.iter().map(|run| run.iter().map(|part| of(part).2).collect()).collect();
    let whole = |e: Estimate| Estimate { value: e.value + fixed, low: e.low + fixed, high: e.high + fixed };
    let quantile = |p: f64| quantile_interval(&pooled, &histograms, p).map(|e| whole(e.scaled(1.0 / PICOSECONDS)));
    let mean = interval(batches, &|p| of(p).1 as f64 / PICOSECONDS, &|p| of(p).0 as f64)?;
    Some(LatencyMetrics {
        mean: whole(at_least_zero(mean)),
        p50: quantile(0.5)?,
        p90: quantile(0.9)?,
        p95: quantile(0.95)?,
        p99: quantile(0.99)?,
        p999: quantile(0.999)?,
        max: Estimate::exact(pooled.max()? as f64 / PICOSECONDS + fixed),
    })
}

/// Eight to a nine, for as many messages as there are nanoseconds in three centuries.
const MOST_PERCENTILES: i32 = 8 * 19;

/// The distribution of latency at shares that come ever closer to 1, eight steps to another nine, while ten messages are
/// beyond.
fn percentiles(batches: &[Vec<Part>], fixed: f64) -> Vec<(f64, f64)> {
    let mut pooled = Histogram::new();
    batches.iter().flatten().for_each(|part| pooled.merge(&part.histogram));
    let count = pooled.count() as f64;
    (0..MOST_PERCENTILES)
        .map(|step| 10_f64.powf(-f64::from(step) / 8.0))
        .take_while(|beyond| beyond * count >= 10.0)
        .filter_map(|beyond| Some((1.0 - beyond, pooled.quantile(1.0 - beyond)? / PICOSECONDS + fixed)))
        .collect()
}

/// The batches of one replication: one sequence of slices in time, or each group of servers on its own.
fn batches(replication: &Replication, facts: &Facts, slices: Slices, warm_up: usize) -> Vec<Vec<Part>> {
    let kept = warm_up..slices.count();
    if facts.servers == facts.servers_simulated {
        let (tally, servers) = &replication.groups[0];
        let mut parts = in_time(tally, slices, *servers, warm_up, facts.ramp_seconds);
        // What the broker lost is lost by the servers.
        if let Some((relay, _)) = &replication.relay {
            for (part, flow) in parts.iter_mut().zip(&relay.flow[warm_up..]) {
                part.flow.lost_deliveries += flow.lost_deliveries;
            }
        }
        if facts.steady {
            return vec![parts];
        }
        // Slices differ as the load does, replications only by chance.
        return vec![together(&parts)];
    }
    replication
        .groups
        .iter()
        .map(|(tally, servers)| {
            let stations: [Vec<StationSlice>; 4] = std::array::from_fn(|s| tally.stations[s].slices(slices));
            let mut sum = Part::default();
            for i in kept.clone() {
                sum.add(&part(tally, &stations, slices, *servers, i, facts.ramp_seconds));
            }
            if let Some((relay, _)) = &replication.relay {
                let lost: u64 = relay.flow[kept.clone()].iter().map(|flow| flow.lost_deliveries).sum();
                sum.flow.lost_deliveries += lost * *servers / facts.servers_simulated;
            }
            vec![sum]
        })
        .collect()
}

/// One batch of all.
fn together(run: &[Part]) -> Vec<Part> {
    let mut sum = Part::default();
    for part in run {
        sum.add(part);
    }
    vec![sum]
}

/// One batch a slice.
fn in_time(tally: &Tally, slices: Slices, servers: u64, warm_up: usize, ramp: f64) -> Vec<Part> {
    let stations: [Vec<StationSlice>; 4] = std::array::from_fn(|s| tally.stations[s].slices(slices));
    (warm_up..slices.count()).map(|i| part(tally, &stations, slices, servers, i, ramp)).collect()
}

fn part(
    tally: &Tally,
    stations: &[Vec<StationSlice>; 4],
    slices: Slices,
    servers: u64,
    i: usize,
    ramp_seconds: f64,
) -> Part {
    let (from, to) = (slices.start_of(i).as_seconds(), slices.end_of(i).as_seconds());
    // ∫ min(1, t/T) dt up to t.
    let come = |t: f64| if t < ramp_seconds { t * t / (2.0 * ramp_seconds) } else { t - ramp_seconds / 2.0 };
    let LatencySlice { count, sum, histogram } = &tally.latency[i];
    Part {
        stations: std::array::from_fn(|s| stations[s][i]),
        latency_count: *count,
        latency_sum: *sum,
        histogram: histogram.clone(),
        slow: tally.slow.get(i).cloned().unwrap_or_default(),
        flow: tally.flow[i],
        server_seconds: slices.end_of(i).since(slices.start_of(i)).as_seconds() * servers as f64,
        ramped_seconds: (come(to) - come(from)) * servers as f64,
    }
}

impl Part {
    /// Seconds × servers that are up.
    fn seconds_up(&self) -> f64 {
        if self.flow.up > 0 { self.flow.up as f64 / PICOSECONDS } else { self.server_seconds }
    }

    fn add(&mut self, other: &Self) {
        for (into, from) in self.stations.iter_mut().zip(&other.stations) {
            into.add(from);
        }
        self.latency_count += other.latency_count;
        self.latency_sum += other.latency_sum;
        self.histogram.merge(&other.histogram);
        self.slow.count += other.slow.count;
        self.slow.sum += other.slow.sum;
        self.slow.histogram.merge(&other.slow.histogram);
        self.flow.merge(&other.flow);
        self.server_seconds += other.server_seconds;
        self.ramped_seconds += other.ramped_seconds;
    }
}

/// Slices to leave out at the start: as asked for; otherwise as long as the stations take to settle by theory, and longer
/// where the run itself shows beyond doubt that it took longer.
///
/// Where a run is cut by what it shows alone (as MSER does), the cut falls where chance made the start look unlike the
/// rest: a long queue there is cut away, and the mean of what is left comes out too low, by several standard errors of
/// many runs. So what the run shows counts only where chance hardly does it.
fn warm_up_slices(replications: &[Replication], facts: &Facts, slices: Slices) -> usize {
    let of = |seconds: f64| (seconds / slices.end().as_seconds() * slices.count() as f64).ceil() as usize;
    if let Some(asked) = facts.warm_up_seconds {
        return of(asked).min(slices.count() - 1);
    }
    if !facts.steady {
        return 0;
    }
    // What comes before the first fault may settle; from then on nothing is steady, and all of it is to be seen.
    if let Some(first) = facts.faults.iter().map(|fault| fault.0).min_by(f64::total_cmp) {
        let fault = (first / slices.end().as_seconds() * slices.count() as f64).floor() as usize;
        return of(facts.settling_seconds).min(fault).min(slices.count() / 2);
    }
    let mut inside = vec![0.0; slices.count()];
    let mut connections = vec![0.0; slices.count()];
    for (tally, _) in replications.iter().flat_map(|r| &r.groups) {
        for station in [Station::NicIn, Station::Cpu, Station::NicOut] {
            for (sum, slice) in inside.iter_mut().zip(tally.stations[station as usize].slices(slices)) {
                *sum += seconds(slice.number);
            }
        }
        for (sum, flow) in connections.iter_mut().zip(&tally.flow) {
            *sum += flow.connections as f64;
        }
    }
    let settled = if facts.connections_settle { mser(&connections) } else { 0 };
    let seen = mser(&inside);
    let seen = if differs(&inside, seen) { seen } else { 0 };
    of(facts.settling_seconds).min(slices.count() / 2).max(seen).max(settled)
}

/// Whether the first `cut` figures are off the rest by more than chance does once in many thousand runs: five standard
/// errors, by the rest's own variance and the correlation of neighbours in it.
fn differs(series: &[f64], cut: usize) -> bool {
    let (start, rest) = series.split_at(cut);
    if start.is_empty() || rest.len() < 2 {
        return false;
    }
    let (n, m) = (start.len() as f64, rest.len() as f64);
    let mean = rest.iter().sum::<f64>() / m;
    let variance = rest.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (m - 1.0);
    let together: f64 = rest.windows(2).map(|w| (w[0] - mean) * (w[1] - mean)).sum::<f64>() / (m - 1.0);
    let correlation = if variance > 0.0 { (together / variance).clamp(0.0, 0.9) } else { 0.0 };
    let lasting = variance * (1.0 + correlation) / (1.0 - correlation);
    let off = (start.iter().sum::<f64>() / n - mean).abs();
    off > 5.0 * (lasting * (1.0 / n + 1.0 / m)).sqrt() && off > 1e-9 * mean.abs()
}

fn series(replications: &[Replication], facts: &Facts, slices: Slices) -> Vec<SeriesPoint> {
    let mut parts = vec![Part::default(); slices.count()];
    for (tally, servers) in replications.iter().flat_map(|r| &r.groups) {
        let stations: [Vec<StationSlice>; 4] = std::array::from_fn(|s| tally.stations[s].slices(slices));
        for (i, sum) in parts.iter_mut().enumerate() {
            sum.add(&part(tally, &stations, slices, *servers, i, 0.0));
        }
    }
    let backend = backend_series(replications, facts, slices);
    let fleet = facts.servers as f64;
    parts
        .iter()
        .enumerate()
        .map(|(i, part)| {
            let rate = |figure: f64| figure / part.server_seconds * fleet;
            let memory = part.flow.memory_samples as f64 * facts.memory_bytes;
            let inside: f64 = [Station::NicIn, Station::Cpu, Station::NicOut]
                .iter()
                .map(|s| seconds(part.stations[*s as usize].number))
                .sum();
            SeriesPoint {
                until_seconds: slices.end_of(i).as_seconds(),
                connections: rate(part.flow.connections as f64 / PICOSECONDS),
                messages_in: rate(part.flow.messages_in as f64),
                cpu_busy: seconds(part.stations[Station::Cpu as usize].busy)
                    / (part.seconds_up() * f64::from(facts.cores)),
                latency: (part.latency_count > 0).then(|| {
                    part.latency_sum as f64 / PICOSECONDS / part.latency_count as f64 + facts.fixed_latency_seconds
                }),
                latency_p99: part
                    .histogram
                    .quantile(0.99)
                    .map(|latency| latency / PICOSECONDS + facts.fixed_latency_seconds),
                utilisation: std::array::from_fn(|s| {
                    let sums = part.stations[s];
                    let capacity = if s == Station::Cpu as usize { f64::from(facts.cores) } else { 1.0 };
                    let work = seconds(sums.busy) - sums.wakeup as f64 / PICOSECONDS;
                    facts.stations[s].then(|| (work / (part.seconds_up() * capacity)).clamp(0.0, 1.0))
                }),
                inside: rate(inside),
                accepted: rate(part.flow.accepted as f64),
                attempts: rate((part.flow.accepted + part.flow.refused + part.flow.timed_out) as f64),
                refused: rate(part.flow.refused as f64),
                goodput: rate(part.latency_count as f64),
                retried: rate(part.flow.retried as f64),
                servers: rate(part.seconds_up()),
                down_servers: rate(part.flow.down as f64 / PICOSECONDS),
                dropped: rate(lost(&part.flow, facts.users_retry) as f64),
                memory: if memory > 0.0 { part.flow.memory as f64 / memory } else { 0.0 },
                backend: backend.as_ref().map(|points| points[i]),
            }
        })
        .collect()
}

/// The same of the backend and the caches, slice by slice.
fn backend_series(replications: &[Replication], facts: &Facts, slices: Slices) -> Option<Vec<BackendPoint>> {
    let backend = facts.backend?;
    let mut parts = vec![Part::default(); slices.count()];
    for tally in replications.iter().filter_map(|r| r.backend.as_ref()) {
        parts.iter_mut().zip(in_time(tally, slices, backend.nodes, 0, 0.0)).for_each(|(sum, part)| sum.add(&part));
    }
    let point = |part: &Part| {
        let station = part.stations[Station::Cpu as usize];
        let run_seconds = part.server_seconds / backend.nodes as f64;
        BackendPoint {
            utilisation: seconds(station.busy) / (part.server_seconds * f64::from(backend.cores)),
            queries: station.visits as f64 / run_seconds,
            inside: seconds(station.number) / run_seconds,
            hit_ratio: (part.flow.looks > 0).then(|| part.flow.hits as f64 / part.flow.looks as f64),
        }
    };
    Some(parts.iter().map(point).collect())
}

fn little_error(batches: &[Vec<Part>], facts: &Facts) -> f64 {
    let mut total = Part::default();
    batches.iter().flatten().for_each(|part| total.add(part));
    Station::ALL
        .iter()
        .filter(|station| facts.stations[**station as usize])
        .map(|station| total.stations[*station as usize])
        .filter(|sums| sums.number > 0)
        .map(|sums| (sums.number as f64 - sums.residence as f64).abs() / sums.number as f64)
        .fold(0.0, f64::max)
}

fn changes_of(flow: &Flow) -> u64 {
    flow.accepted + flow.refused + flow.timed_out + flow.ended + flow.shed + flow.cut
}

fn events(replications: &[Replication]) -> u64 {
    let tallies = || replications.iter().flat_map(|r| &r.groups).map(|group| &group.0);
    let visits: u64 = tallies()
        .flat_map(|tally| tally.stations.iter().flat_map(move |station| station.slices(tally.slices)))
        .map(|slice| slice.visits)
        .sum();
    let changes: u64 = tallies().flat_map(|tally| &tally.flow).map(changes_of).sum();
    visits + changes
}
