//! Latency in closed form, station by station, to stand beside the simulated one.
//!
//! Each station is taken as if its arrivals were Poisson (the superposition of many users nearly is). Which formula a
//! figure comes from is said with it, and whether that formula is exact for the station as described.

use super::resource::{cache_miss_share, retries_per_second};
use super::{Load, Model};
use crate::random::Distribution;
use crate::scenario::{Arrivals, Discipline, Dispatch, Failures, FanOut, Policy, Scenario};
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
    /// How fast it forgets where it started: 2E\[S\](1 + cv²)/(c(1 − ρ)²) seconds, within which the distance to the steady
    /// state falls to 1/e (for M/M/1 in heavy traffic the inverse of μ(1 − √ρ)²: Morse 1955; cv² by the diffusion
    /// approximation, Newell 1971). Past ρ = 0.95 that of 0.95: what never settles has no such time.
    pub relaxation_seconds: f64,
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
        relaxation_seconds: relaxation(rate, mixed, 1.0),
    }
}

fn relaxation(rate: f64, service: Moments, servers: f64) -> f64 {
    if service.mean <= 0.0 {
        return 0.0;
    }
    let utilisation = (rate * service.mean / servers).min(0.95);
    2.0 * service.square / service.mean / (servers * (1.0 - utilisation).powi(2))
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

/// What comes to a queue of a server's cores.
struct Offered {
    /// Customers a second.
    rate: f64,
    /// CPU time of a message, wake-up left out.
    message: Moments,
    /// CPU time of any customer: messages, heartbeats, connection attempts.
    service: Moments,
    /// What waking up takes.
    wakeup: Moments,
    /// Cores behind the queue.
    cores: u64,
    /// Whether only messages come, straight from the users, at times of a Poisson process (or in batches at such times).
    plain: bool,
    /// Whether service is exponential.
    exponential: bool,
}

impl Offered {
    fn of(scenario: &Scenario, load: &Load, retries: f64, servers: f64) -> Self {
        let cpu = &scenario.servers.cpu;
        let per_core = scenario.servers.dispatch == Dispatch::PerCore;
        let share = servers * if per_core { f64::from(scenario.servers.cores) } else { 1.0 };
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
        let wakeup = moments(&cpu.per_wakeup);
        // Servers alike: connections spread evenly, or each message thrown at any of them.
        let even = matches!(scenario.balancer.policy, Policy::RoundRobin | Policy::LeastConnections);
        let alone = servers < 2.0
            || match scenario.balancer.unit {
                BalancedUnit::Connection => even,
                BalancedUnit::Message => scenario.balancer.policy == Policy::Random,
            };
        Self {
            rate: messages + others,
            message,
            service: mix(messages, message, others, Moments::constant(other_mean)),
            wakeup,
            cores: if per_core { 1 } else { u64::from(scenario.servers.cores) },
            plain: scenario.workload.arrivals != Arrivals::Periodic
                && alone
                && others == 0.0
                && scenario.servers.network.is_none(),
            exponential: matches!(cpu.per_message, Distribution::Exponential { .. })
                && cpu.per_kb.mean() == 0.0
                && wakeup.mean == 0.0
                && cache_miss_share(scenario, load.connections / servers) == 0.0,
        }
    }
}

/// What a formula gives.
struct Found {
    wait: f64,
    /// A message's time in service, wake-up included.
    service: f64,
    busy: f64,
    loss: f64,
}

/// The cores of a server.
fn cpu_station(scenario: &Scenario, load: &Load, retries: f64, servers: f64) -> StationForm {
    let offered = Offered::of(scenario, load, retries, servers);
    let (method, exact, found) = match &scenario.servers.failures {
        None => formula(scenario, &offered),
        Some(failures) => with_breakdowns(scenario, &offered, failures),
    };
    let found = found.ok();
    StationForm {
        name: "server.cpu",
        method,
        exact,
        wait_seconds: found.as_ref().map(|found| found.wait),
        residence_seconds: found.as_ref().map(|found| found.wait + found.service),
        busy: found.as_ref().map_or(1.0, |found| found.busy.min(1.0)),
        loss: found.as_ref().map_or(0.0, |found| found.loss),
        relaxation_seconds: relaxation(offered.rate, sum(offered.service, offered.wakeup), offered.cores as f64)
            + scenario.servers.failures.as_ref().map_or(0.0, |f| forgetting_seconds(&offered, f)),
    }
}

/// The formula for a server whose CPU breaks down, all its cores at once.
///
/// With one core, Poisson messages and all times exponential it is M/M/1 with breakdowns (White and Christie 1958).
/// Otherwise, with availability A, the standstill L and the time between two of them T: the formula without breakdowns for
/// a service of S/A, and on top (1 − A)·E\[L²\]/(2E\[L\])·f, for the standstill that is met and the queue it leaves. Where
/// T is constant and the queue drains within it, f = 1/(1 − ρ) (a fluid's mean level); where T is exponential, further
/// breakdowns meet the queue as it drains, and f = 1/(1 − ρ/A), which makes the whole of it White and Christie's. In
/// between, f goes with the squared coefficient of variation of T.
fn with_breakdowns(
    scenario: &Scenario,
    offered: &Offered,
    failures: &Failures,
) -> (&'static str, bool, Result<Found, QueueError>) {
    let available = failures.availability();
    let Offered { rate, service, message, cores, plain, exponential, .. } = *offered;
    let memoryless = |time: &Distribution| matches!(time, Distribution::Exponential { .. });
    let markov = plain && exponential && scenario.workload.arrivals == Arrivals::Poisson;
    let bare = scenario.servers.queue_limit.is_none();
    if markov && bare && cores == 1 && memoryless(&failures.every) && memoryless(&failures.lasts) {
        let (breaks, repairs) = (1.0 / failures.every.mean(), 1.0 / failures.lasts.mean());
        let found = queueing::mm1_breakdowns(rate, service.mean, breaks, repairs);
        let found = found.map(|q| Found { wait: q.wait, service: message.mean, busy: q.utilisation, loss: 0.0 });
        return ("M/M/1 with breakdowns (White and Christie)", true, found);
    }
    let stretched = |s: Moments| Moments { mean: s.mean / available, square: s.square / available.powi(2) };
    let slower = Offered {
        message: stretched(message),
        service: stretched(service),
        wakeup: stretched(offered.wakeup),
        ..*offered
    };
    let queue_left = |service: f64| 1.0 / (1.0 - rate * service / cores as f64).max(0.05);
    let [once, again] = [service.mean, slower.service.mean].map(queue_left);
    let variation = (failures.every.variance() / failures.every.mean().powi(2)).min(1.0);
    let met = (1.0 - available) * failures.lasts.moment(2) / (2.0 * failures.lasts.mean());
    let (_, _, found) = formula(scenario, &slower);
    let found = found.map(|found| Found {
        // An interrupted service counts as wait while it is.
        wait: found.wait + found.service * (1.0 - available) + met * (once + variation * (again - once)),
        service: found.service * available,
        busy: found.busy * available,
        loss: found.loss,
    });
    ("as without breakdowns, stretched", false, found)
}

/// What breakdowns add to the time in which a station forgets where it started: a cycle of theirs, as often as the queue
/// takes to drain what one leaves.
fn forgetting_seconds(offered: &Offered, failures: &Failures) -> f64 {
    let load = (offered.rate * offered.service.mean / offered.cores as f64 / failures.availability()).min(0.95);
    failures.lasts.mean() / (1.0 - load).powi(2)
}

/// The formula that fits best, whether it is exact here, and what it gives.
fn formula(scenario: &Scenario, offered: &Offered) -> (&'static str, bool, Result<Found, QueueError>) {
    let &Offered { rate, message, service, wakeup, cores, plain, exponential } = offered;
    let single = scenario.workload.arrivals == Arrivals::Poisson;
    let (poisson, markov) = (plain && single, plain && single && exponential);
    let plainly = |wait, busy, loss| Found { wait, service: message.mean, busy, loss };
    let servers = &scenario.servers;
    if let Some(room) = servers.queue_limit {
        let found = queueing::mmck(rate, service.mean, cores, room.max(cores));
        // Shared or in order, the number inside is the same, and so are loss and mean time.
        let exact = markov && room >= cores && servers.patience.is_none() && servers.dispatch == Dispatch::Shared;
        return ("M/M/c/K", exact, found.map(|q| plainly(q.wait, q.utilisation, q.loss)));
    }
    if servers.discipline == Discipline::ProcessorSharing {
        if cores == 1 && wakeup.mean == 0.0 {
            // Sharing stretches a service in proportion to its length.
            let found = queueing::mg1_ps(rate, service.mean);
            let found = found.map(|q| plainly(message.mean * (1.0 / (1.0 - q.utilisation) - 1.0), q.utilisation, 0.0));
            return ("M/G/1-PS", poisson, found);
        }
        let (woken, busy) = with_wakeups(rate, service, wakeup, cores);
        let found = MultiServer::new(rate, woken.mean, cores).map(|m| plainly(m.queue().wait, busy, 0.0));
        return ("M/M/c-PS", markov, found);
    }
    if let Some(patience) = &servers.patience {
        let found = queueing::erlang_a(rate, 1.0 / service.mean, cores, 1.0 / patience.mean().max(1e-12));
        // Its wait is of all who come; the simulation's is of those served.
        return ("M/M/c+M (Erlang A)", false, found.map(|q| plainly(q.wait, q.utilisation, q.abandoned)));
    }
    if let (Arrivals::Batch(size), 1, true) = (&scenario.workload.arrivals, cores, wakeup.mean == 0.0) {
        let (size, mean) = match *size {
            BatchSize::Fixed(n) => (queueing::BatchSize::Fixed(n), n as f64),
            BatchSize::Geometric(mean) => (queueing::BatchSize::Geometric { mean }, mean),
        };
        let found = queueing::mxg1(rate / mean, size, service);
        return ("M^X/G/1", plain, found.map(|q| plainly(q.wait, q.utilisation, 0.0)));
    }
    if cores == 1 {
        let found = queueing::mg1_exceptional_first(rate, service, sum(service, wakeup)).map(|w| Found {
            wait: w.queue.wait,
            service: message.mean + wakeup.mean * w.idle,
            busy: w.queue.utilisation,
            loss: 0.0,
        });
        let method = if wakeup.mean > 0.0 { "M/G/1 with exceptional first service (Welch)" } else { "M/G/1" };
        return (method, poisson, found);
    }
    let (woken, busy) = with_wakeups(rate, service, wakeup, cores);
    let service = message.mean + (woken.mean - service.mean);
    let found =
        shared_wait(rate, offered.service.mean, woken, cores).map(|wait| Found { wait, service, busy, loss: 0.0 });
    let method = if exponential { "M/M/c (Erlang C)" } else { "M/G/c (Allen-Cunneen, with wake-ups)" };
    (method, markov, found)
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
