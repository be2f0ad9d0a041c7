//! Latency in closed form, station by station, to stand beside the simulated one.
//!
//! Each station is taken as if its arrivals were Poisson (the superposition of many users nearly is). Which formula a
//! figure comes from is said with it, and whether that formula is exact for the station as described.

use super::resource::{cache_miss_share, retries_per_second};
use super::{Load, Model};
use crate::random::Distribution;
use crate::scenario::{Arrivals, Discipline, Dispatch, FanOut, Policy, Scenario};
use crate::scenario::{BalancedUnit, BatchSize};
use crate::stats::queueing::{self, Moments, MultiServer, QueueError};

/// A station's closed form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StationForm {
    /// Its name, as in the simulation.
    pub name: &'static str,
    /// The formula.
    pub method: &'static str,
    /// Whether the formula is exact for this station.
    pub exact: bool,
    /// Mean time in queue, in seconds; `None` where the queue grows without end.
    pub wait_seconds: Option<f64>,
    /// Mean time at the station, in seconds; likewise.
    pub residence_seconds: Option<f64>,
    /// Share of time at work, wake-ups included.
    pub busy: f64,
    /// Share of the customers lost.
    pub loss: f64,
}

/// The closed form of latency.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyForm {
    /// In the order in which a message meets them.
    pub stations: Vec<StationForm>,
    /// There and back on the network (without fan-out: only there), in seconds.
    pub network_seconds: f64,
    /// The sum; `None` where a queue grows without end.
    pub mean_seconds: Option<f64>,
}

/// Latency of this scenario on the servers that the model is for.
pub fn latency(scenario: &Scenario, model: &Model) -> LatencyForm {
    let servers = model.servers as f64;
    let load = &model.admitted;
    let mut stations = Vec::new();
    let echo = scenario.workload.fan_out == FanOut::Echo;
    let retries = retries_per_second(scenario, &model.load, servers);
    if let Some(line) = scenario.servers.network {
        let line = line.bytes_per_second().get();
        let (message, beat) = (load.message_wire_bytes, load.heartbeat_wire_bytes);
        stations.push(line_station("server.nic_in", scenario, load, servers, message.0 / line, beat.0 / line));
        stations.push(cpu_station(scenario, load, retries, servers));
        if echo {
            stations.push(line_station("server.nic_out", scenario, load, servers, message.1 / line, beat.1 / line));
        }
    } else {
        stations.push(cpu_station(scenario, load, retries, servers));
    }
    let network_seconds = scenario.latency.client.mean() * if echo { 2.0 } else { 1.0 };
    let total: Option<f64> = stations.iter().map(|station| station.residence_seconds).sum();
    LatencyForm { stations, network_seconds, mean_seconds: total.map(|total| total + network_seconds) }
}

/// A line: M/G/1 (Pollaczek and Khintchine), with messages and heartbeats mixed.
fn line_station(
    name: &'static str,
    scenario: &Scenario,
    load: &Load,
    servers: f64,
    message: f64,
    beat: f64,
) -> StationForm {
    let (messages, beats) = (load.messages_in_per_second / servers, load.heartbeats_per_second / servers);
    let rate = messages + beats;
    let size = &scenario.workload.message_size;
    let cv2 = if load.message_bytes > 0.0 { size.variance() / load.message_bytes.powi(2) } else { 0.0 };
    // The bytes on the wire vary as the payload does; what comes on top of it hardly.
    let payload_share =
        if message > 0.0 { (load.message_bytes / load.message_wire_bytes.0.max(1.0)).min(1.0) } else { 0.0 };
    let square = message * message * (1.0 + cv2 * payload_share * payload_share);
    let mixed = mix(messages, Moments { mean: message, square }, beats, Moments::constant(beat));
    let queue = queueing::mg1(rate, mixed);
    StationForm {
        name,
        method: if size.constant().is_some() && beats == 0.0 { "M/D/1" } else { "M/G/1" },
        exact: false,
        wait_seconds: queue.ok().map(|q| q.wait),
        // A message's own time on the line, not the mean over heartbeats too.
        residence_seconds: queue.ok().map(|q| q.wait + message),
        busy: (rate * mixed.mean).min(1.0),
        loss: 0.0,
    }
}

fn mix(rate_a: f64, a: Moments, rate_b: f64, b: Moments) -> Moments {
    let total = rate_a + rate_b;
    if total <= 0.0 {
        return Moments::constant(0.0);
    }
    let (p, q) = (rate_a / total, rate_b / total);
    Moments { mean: p * a.mean + q * b.mean, square: p * a.square + q * b.square }
}

fn moments(distribution: &Distribution) -> Moments {
    Moments { mean: distribution.mean(), square: distribution.moment(2) }
}

/// Moments of the sum of independent times.
fn sum(a: Moments, b: Moments) -> Moments {
    Moments { mean: a.mean + b.mean, square: a.square + 2.0 * a.mean * b.mean + b.square }
}

/// The moments of one message's CPU time, wake-up left out.
fn message_service(scenario: &Scenario, load: &Load, servers: f64) -> Moments {
    let cpu = &scenario.servers.cpu;
    // Per KB × KB: the size and the price of a KB are independent.
    let size = moments(&scenario.workload.message_size);
    let kb = moments(&cpu.per_kb);
    let payload = Moments { mean: kb.mean * size.mean / 1e3, square: kb.square * size.square / 1e6 };
    let share = cache_miss_share(scenario, load.connections / servers);
    let miss = moments(&cpu.per_cache_miss);
    let missed = Moments { mean: share * miss.mean, square: share * miss.square };
    sum(sum(moments(&cpu.per_message), payload), missed)
}

/// The cores of a server.
fn cpu_station(scenario: &Scenario, load: &Load, retries: f64, servers: f64) -> StationForm {
    let cpu = &scenario.servers.cpu;
    let name = "server.cpu";
    let per_core = scenario.servers.dispatch == Dispatch::PerCore;
    let share = servers * if per_core { f64::from(scenario.servers.cores) } else { 1.0 };
    let cores = if per_core { 1 } else { u64::from(scenario.servers.cores) };
    let messages = load.messages_in_per_second / share;
    let connects = load.connects_per_second + retries;
    let others = (load.heartbeats_per_second + connects) / share;
    let other_mean = if others > 0.0 {
        (load.heartbeats_per_second * cpu.per_heartbeat.mean() + connects * cpu.per_connect.mean())
            / (load.heartbeats_per_second + connects)
    } else {
        0.0
    };
    let message = message_service(scenario, load, servers);
    let service = mix(messages, message, others, Moments::constant(other_mean));
    let rate = messages + others;
    let wakeup = moments(&cpu.per_wakeup);
    let poisson = scenario.workload.arrivals == Arrivals::Poisson
        && (scenario.balancer.unit == BalancedUnit::Connection
            || scenario.balancer.policy == Policy::Random
            || servers < 2.0);
    let plain = poisson && others == 0.0 && scenario.servers.network.is_none();
    let exponential = matches!(cpu.per_message, Distribution::Exponential { .. })
        && cpu.per_kb.mean() == 0.0
        && wakeup.mean == 0.0
        && cache_miss_share(scenario, load.connections / servers) == 0.0;
    let station = |method, exact, found: Result<(f64, f64, f64, f64), QueueError>| match found {
        Ok((wait, residence, busy, loss)) => StationForm {
            name,
            method,
            exact,
            wait_seconds: Some(wait),
            residence_seconds: Some(residence),
            busy: busy.min(1.0),
            loss,
        },
        Err(_) => {
            StationForm { name, method, exact, wait_seconds: None, residence_seconds: None, busy: 1.0, loss: 0.0 }
        }
    };
    if scenario.servers.discipline == Discipline::ProcessorSharing {
        return if cores == 1 && wakeup.mean == 0.0 {
            let found = queueing::mg1_ps(rate, service.mean);
            station(
                "M/G/1-PS",
                plain,
                found.map(|q| (q.wait, message.mean / (1.0 - q.utilisation), q.utilisation, 0.0)),
            )
        } else {
            let (service, busy) = with_wakeups(rate, service, wakeup, cores);
            let found = MultiServer::new(rate, service.mean, cores).map(|m| m.queue());
            station("M/M/c-PS", plain && exponential, found.map(|q| (q.wait, q.wait + message.mean, busy, 0.0)))
        };
    }
    if let Some(room) = scenario.servers.queue_limit {
        let found = queueing::mmck(rate, service.mean, cores, room.max(cores));
        let exact = plain && exponential && room >= cores && scenario.servers.patience.is_none();
        return station("M/M/c/K", exact, found.map(|q| (q.wait, q.wait + message.mean, q.utilisation, q.loss)));
    }
    if let Some(patience) = &scenario.servers.patience {
        let found = queueing::erlang_a(rate, 1.0 / service.mean, cores, 1.0 / patience.mean());
        let exact = plain && exponential && matches!(patience, Distribution::Exponential { .. });
        return station(
            "M/M/c+M (Erlang A)",
            exact,
            found.map(|q| (q.wait, q.wait + message.mean, q.utilisation, q.abandoned)),
        );
    }
    if let Arrivals::Batch(size) = scenario.workload.arrivals
        && cores == 1
        && wakeup.mean == 0.0
    {
        let (size, mean) = match size {
            BatchSize::Fixed(n) => (queueing::BatchSize::Fixed(n), n as f64),
            BatchSize::Geometric(mean) => (queueing::BatchSize::Geometric { mean }, mean),
        };
        let found = queueing::mxg1(rate / mean, size, service);
        let exact = others == 0.0 && scenario.servers.network.is_none();
        return station("M^X/G/1", exact, found.map(|q| (q.wait, q.wait + message.mean, q.utilisation, 0.0)));
    }
    if cores == 1 {
        let first = sum(service, wakeup);
        let found = queueing::mg1_exceptional_first(rate, service, first);
        let method = if wakeup.mean > 0.0 { "M/G/1 with exceptional first service (Welch)" } else { "M/G/1" };
        return station(
            method,
            plain,
            found.map(|w| (w.queue.wait, w.queue.wait + message.mean + wakeup.mean * w.idle, w.queue.utilisation, 0.0)),
        );
    }
    let (woken, busy) = with_wakeups(rate, service, wakeup, cores);
    let method = if exponential { "M/M/c (Erlang C)" } else { "M/G/c (Allen-Cunneen, with wake-ups)" };
    let woken_message = message.mean + (woken.mean - service.mean);
    let found = shared_wait(rate, service.mean, woken, cores);
    station(method, plain && exponential, found.map(|wait| (wait, wait + woken_message, busy, 0.0)))
}

/// Mean wait for c cores that share a queue, with wake-ups: C(c, λE\[S'\]) · (E\[S'²\]/(2E\[S'\])) / (c(1 − ρ)), where S' is
/// the service with the wake-ups that are paid, and ρ = λE\[S\]/c without them: while there is a queue, nobody pays.
///
/// Exact for one core (Welch 1964, in the form λE\[S'²\]/(2(1 − ρ))) and for M/M/c (Erlang C); without wake-ups it is
/// Allen and Cunneen's approximation.
fn shared_wait(rate: f64, service: f64, woken: Moments, cores: u64) -> Result<f64, QueueError> {
    let c = cores as f64;
    let load = rate * service / c;
    if load >= 1.0 {
        return Err(QueueError::Unstable);
    }
    if woken.mean <= 0.0 {
        return Ok(0.0);
    }
    let offered = rate * woken.mean;
    let all_busy = if offered >= c { 1.0 } else { queueing::erlang_c(cores, offered)? };
    Ok(all_busy * woken.square / (2.0 * woken.mean) / (c * (1.0 - load)))
}

/// Service with the wake-ups that a shared queue's customers pay, and the share of time that a core is then busy.
///
/// A customer pays when a core is idle: with chance 1 − C(c, a), where the offered load a itself counts what is paid. For
/// one core that fixed point is Welch's P(idle) = (1 − ρ)/(1 + λw); for several it is an approximation.
fn with_wakeups(rate: f64, service: Moments, wakeup: Moments, cores: u64) -> (Moments, f64) {
    let c = cores as f64;
    if rate <= 0.0 {
        return (sum(service, wakeup), 0.0);
    }
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..50 {
        let paid = f64::midpoint(low, high);
        let offered = rate * (service.mean + paid * wakeup.mean);
        // More paid means more load and fewer idle cores: the difference falls, so halving finds its zero.
        let idle = if offered >= c { 0.0 } else { 1.0 - queueing::erlang_c(cores, offered).unwrap_or(1.0) };
        if idle > paid {
            low = paid;
        } else {
            high = paid;
        }
    }
    let paid = f64::midpoint(low, high);
    let woken = Moments {
        mean: service.mean + paid * wakeup.mean,
        square: service.square + paid * (2.0 * service.mean * wakeup.mean + wakeup.square),
    };
    (woken, (rate * woken.mean / c).min(1.0))
}
