//! Latency in closed form, station by station, to stand beside the simulated one.
//!
//! Each station is taken as if its arrivals were Poisson (the superposition of many users nearly is). Which formula a
//! figure comes from is said with it, and whether that formula is exact for the station as described.

use super::broker::{Batches, batches};
use super::compression::{cpu_seconds_per_kb, delivery_cpu_seconds_per_kb};
use super::resource::{cache_miss_share, connect_cpu_seconds, retries_per_second};
use super::slow::SlowForm;
use super::wire::{Exchange, Wire};
use super::{Fleet, Load, Model, Reads, Spread};
use crate::random::Distribution;
use crate::scenario::{Arrivals, Backend, Broker, Cpu, Discipline, Dispatch, Failures, FanOut, Policy, Scenario};
use crate::scenario::{BalancedUnit, BatchSize};
use crate::stats::queueing::{self, Moments, QueueError};

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
    /// The network's part, in seconds: to the service and back (without fan-out only there), and between its machines.
    pub network_seconds: f64,
    /// The sum; `None` where a queue grows without end.
    pub mean_seconds: Option<f64>,
    /// Of slow connections; nothing where there are none.
    pub slow: Option<SlowForm>,
}

impl LatencyForm {
    /// The mean of those with a slow downlink; `None` where there are none, or a queue grows without end.
    pub fn slow_mean_seconds(&self) -> Option<f64> {
        let (slow, mean) = (self.slow?, self.mean_seconds?);
        Some(mean + (1.0 - slow.share_of_delivered()) * slow.residence_seconds())
    }
}

/// Latency of this scenario on the fleet that the model is for: the mean over all deliveries.
pub fn latency(scenario: &Scenario, model: &Model) -> LatencyForm {
    let servers = model.fleet.servers as f64;
    let load = &model.admitted;
    let spread = model.spread(scenario);
    let mut stations = Vec::new();
    let fan_out = &scenario.workload.fan_out;
    let answers = *fan_out != FanOut::None;
    let crosses = fan_out.crosses();
    // Of the deliveries, the share that comes over the broker; each of those passes the servers twice.
    let deliveries = spread.local() + spread.remote();
    let remote = if deliveries > 0.0 { spread.remote() / deliveries } else { 0.0 };
    let retries = retries_per_second(scenario, &model.load, servers);
    let mut mean = Some(0.0);
    let mut pass = |form: StationForm, seconds: Option<f64>| {
        mean = mean.zip(seconds).map(|(sum, more)| sum + more);
        stations.push(form);
    };
    let offered = Offered::of(scenario, load, &spread, retries, servers);
    let line = scenario.servers.network.map(|line| line.bytes_per_second().get());
    if let Some(line) = line {
        let copy = Wire::of(scenario).mean_backplane(&scenario.workload.message_size).bytes / line;
        let message = load.message_wire.ingress.bytes / line;
        let copies = load.messages_in_per_second * spread.copies / servers;
        let form = line_station("server.nic_in", scenario, load, &spread, servers, (true, line, copies, copy));
        let seconds = form.wait_seconds.map(|wait| wait + message + remote * (wait + copy));
        pass(form, seconds);
    }
    let cpu = cpu_station(scenario, &offered);
    let second = if crosses { 1.0 } else { 0.0 };
    let seconds = cpu.wait_seconds.map(|wait| {
        let first = wait + offered.own(offered.message.mean, &cpu);
        let copy = scenario.servers.cpu.per_receive.mean() + offered.half_done(&spread.per_copy);
        first
            + second * (wait + remote * offered.own(copy, &cpu) + (1.0 - remote) * offered.half_done(&spread.per_local))
    });
    pass(cpu, seconds);
    if let Some(line) = line
        && answers
    {
        let publishes = load.messages_in_per_second * spread.publishes / servers;
        let bytes = Wire::of(scenario).mean_backplane(&scenario.workload.message_size).bytes;
        let form =
            line_station("server.nic_out", scenario, load, &spread, servers, (false, line, publishes, bytes / line));
        let out = if crosses { load.delivery_wire.egress.bytes } else { load.message_wire.egress.bytes } / line;
        let seconds = form.wait_seconds.map(|wait| wait + out + remote * (wait + bytes / line));
        pass(form, seconds);
    }
    let slow = SlowForm::of(scenario, load).filter(|_| answers);
    if let Some(slow) = slow {
        let seconds = slow.share_of_delivered() * slow.residence_seconds();
        pass(downlink_station(&slow), Some(seconds));
    }
    if spread.publishes > 0.0 {
        for form in broker_stations(scenario, load, &spread, &model.fleet) {
            let seconds = form.residence_seconds.map(|seconds| remote * seconds);
            pass(form, seconds);
        }
    }
    let reads = Reads::of(scenario, load, model.fleet.servers);
    if let (Some(reads), Some(backend)) = (reads, &scenario.backend) {
        let form = backend_station(backend, reads.queries_per_second, model.fleet.backend_nodes);
        let queries = reads.per_message * (1.0 - reads.hit_ratio());
        // What nobody asks holds nobody up.
        let seconds = if queries > 0.0 { form.residence_seconds.map(|seconds| queries * seconds) } else { Some(0.0) };
        pass(form, seconds);
    }
    let hop = scenario.latency.server.mean();
    let far = scenario.sharding.as_ref().and_then(|s| s.latency.as_ref()).map_or(hop, Distribution::mean);
    // A message goes to a node of its recipient's shard. With fewer nodes than shards, that may be elsewhere.
    let shards = scenario.sharding.as_ref().map_or(1.0, |sharding| sharding.shards as f64);
    let has_node = (model.fleet.broker_nodes as f64 / shards).min(1.0);
    let back = (1.0 - has_node) / (shards - 1.0).max(1.0);
    let there = (1.0 - spread.crossing) * (1.0 - has_node) + spread.crossing * (1.0 - back);
    let hops = 2.0 * hop + (there + 1.0 - has_node) * (far - hop);
    let replicas = scenario.broker.as_ref().is_some_and(|broker| broker.replication > 1);
    let network_seconds = scenario.latency.client.mean() * if answers { 2.0 } else { 1.0 }
        + remote * (hops + if replicas { 2.0 * hop } else { 0.0 })
        + reads.map_or(0.0, |reads| reads.network_seconds(scenario));
    LatencyForm { stations, network_seconds, mean_seconds: mean.map(|mean: f64| mean + network_seconds), slow }
}

/// A slow connection's downlink: only the slow share of the deliveries passes it.
fn downlink_station(slow: &SlowForm) -> StationForm {
    StationForm {
        name: "user.downlink",
        method: slow.method,
        exact: slow.exact,
        wait_seconds: Some(slow.wait_seconds),
        residence_seconds: Some(slow.residence_seconds()),
        busy: slow.utilisation.min(1.0),
        loss: slow.dropped_share,
        // Where it starts from is drawn from this form; what is off in it goes as fast as its work does.
        relaxation_seconds: 0.0,
    }
}

/// The broker's stations, by node: what a server waits to fill a batch, then the node's line in, its cores, its line out.
fn broker_stations(scenario: &Scenario, load: &Load, spread: &Spread, fleet: &Fleet) -> Vec<StationForm> {
    let Some(broker) = &scenario.broker else { return Vec::new() };
    let nodes = fleet.broker_nodes.max(1) as f64;
    let published = load.messages_in_per_second * spread.publishes;
    let Batches { size: batch, wait } = batches(scenario, load, spread, fleet);
    let bytes = Wire::of(scenario).mean_backplane(&scenario.workload.message_size).bytes;
    // Of the busiest node, whose messages are most: one channel is of one node.
    let hot = if broker.publishes_for_each() { 0.0 } else { spread.hot_channel };
    let rate = published / nodes * (1.0 + hot * (nodes - 1.0)) / batch;
    let copies = if spread.publishes > 0.0 { spread.copies / spread.publishes } else { 0.0 };
    let replicas = broker.replication as f64;
    let mut forms = Vec::new();
    if broker.linger.get() > 0.0 {
        forms.push(StationForm {
            name: "broker.linger",
            method: "batch of 1 + Poisson",
            exact: false,
            wait_seconds: Some(wait),
            residence_seconds: Some(wait),
            busy: 0.0,
            loss: 0.0,
            relaxation_seconds: 0.0,
        });
    }
    let line = |name, seconds: f64| {
        let service = Moments::constant(seconds);
        plain_station(name, "M/D/1", rate, service, queueing::mg1(rate, service).map(|q| q.wait), 1.0)
    };
    if let Some(network) = broker.network {
        forms.push(line("broker.nic_in", bytes * batch * replicas / network.bytes_per_second().get()));
    }
    let records = |figure: &Distribution, n: f64| Moments {
        mean: n * figure.mean(),
        square: n * figure.variance() + (n * figure.mean()).powi(2),
    };
    let service = sum(
        sum(moments(&broker.per_batch), records(&broker.per_publish, batch * replicas)),
        records(&broker.per_delivery, batch * copies),
    );
    forms.push(broker_cpu(broker, rate, service));
    if let Some(network) = broker.network {
        let seconds = bytes * batch * (copies + replicas - 1.0) / network.bytes_per_second().get();
        forms.push(line("broker.nic_out", seconds));
    }
    forms
}

fn broker_cpu(broker: &Broker, rate: f64, service: Moments) -> StationForm {
    let wakeup = moments(&broker.per_wakeup);
    let cores = u64::from(broker.cores);
    let markov = matches!(broker.per_publish, Distribution::Exponential { .. })
        && wakeup.mean + broker.per_batch.mean() + broker.per_delivery.mean() == 0.0
        && broker.replication == 1;
    let (method, wait, woken, busy) = if cores == 1 {
        let found = queueing::mg1_exceptional_first(rate, service, sum(service, wakeup));
        let method = if markov { "M/M/1" } else { "M/G/1 with exceptional first service (Welch)" };
        let paid = found.as_ref().map_or(0.0, |w| w.idle);
        let busy = found.as_ref().map_or(1.0, |w| w.queue.utilisation);
        (method, found.map(|w| w.queue.wait), service.mean + paid * wakeup.mean, busy)
    } else {
        let found = queueing::mgc_wakeups(rate, service, wakeup, cores);
        let method = if markov { "M/M/c (Erlang C)" } else { "M/G/c (Allen-Cunneen, with wake-ups)" };
        let paid = found.as_ref().map_or(0.0, |w| w.paid);
        let busy = found.as_ref().map_or(1.0, |w| w.busy);
        (method, found.map(|w| w.wait), service.mean + paid * wakeup.mean, busy)
    };
    let form = plain_station("broker.cpu", method, rate, service, wait, cores as f64);
    StationForm { residence_seconds: form.wait_seconds.map(|wait| wait + woken), busy: busy.min(1.0), ..form }
}

/// The backend: one queue before all cores of all its nodes, since any can answer any query.
fn backend_station(backend: &Backend, rate: f64, nodes: u64) -> StationForm {
    let (service, cores) = (moments(&backend.per_query), nodes.max(1) * u64::from(backend.cores));
    let method = match (&backend.per_query, cores) {
        (Distribution::Exponential { .. }, 1) => "M/M/1",
        (Distribution::Exponential { .. }, _) => "M/M/c (Erlang C)",
        (_, 1) => "M/G/1",
        _ => "M/G/c (Allen-Cunneen)",
    };
    let cv2 = if service.mean > 0.0 { (service.square / service.mean.powi(2) - 1.0).max(0.0) } else { 0.0 };
    let wait = queueing::mgc_allen_cunneen(rate, service.mean, cores, 1.0, cv2).map(|queue| queue.wait);
    plain_station("backend.cpu", method, rate, service, wait, cores as f64)
}

fn plain_station(
    name: &'static str,
    method: &'static str,
    rate: f64,
    service: Moments,
    wait: Result<f64, QueueError>,
    servers: f64,
) -> StationForm {
    let wait = wait.ok();
    StationForm {
        name,
        method,
        exact: false,
        wait_seconds: wait,
        residence_seconds: wait.map(|wait| wait + service.mean),
        busy: (rate * service.mean / servers).min(1.0),
        loss: 0.0,
        relaxation_seconds: relaxation(rate, service, servers),
    }
}

/// A line: M/G/1 (Pollaczek and Khintchine), with messages, heartbeats, copies for users (as many at once as a job hands
/// out) and what comes from the broker or goes to it. The last argument: whether it receives, its bytes a second, how many
/// messages of the broker there are a second, and how long each takes.
fn line_station(
    name: &'static str,
    scenario: &Scenario,
    load: &Load,
    spread: &Spread,
    servers: f64,
    (inwards, line, backplane, seconds): (bool, f64, f64, f64),
) -> StationForm {
    let direction = |exchange: Exchange| if inwards { exchange.ingress.bytes } else { exchange.egress.bytes } / line;
    let (message, copy) = (direction(load.message_wire), direction(load.delivery_wire));
    let (messages, beats) = (load.messages_in_per_second / servers, load.heartbeats_per_second / servers);
    let size = &scenario.workload.message_size;
    let cv2 = if load.message_bytes > 0.0 { size.variance() / load.message_bytes.powi(2) } else { 0.0 };
    // The bytes on the wire vary as the payload does; what comes on top of it hardly.
    let varied = |mean: f64| {
        let share = if mean > 0.0 { (load.carried_bytes / (mean * line).max(1.0)).min(1.0) } else { 0.0 };
        Moments { mean, square: mean * mean * (1.0 + cv2 * share * share) }
    };
    let handed =
        |jobs: f64, k: Moments| (messages * jobs, Moments { mean: k.mean * copy, square: k.square * copy * copy });
    // Acknowledgements of copies are too small to wait for each other.
    let ((remote, over), (local, own)) = if inwards {
        ((0.0, varied(0.0)), (0.0, varied(0.0)))
    } else {
        (handed(spread.addressed, spread.per_copy), handed(spread.local_jobs, spread.per_local))
    };
    let users = mix(messages, varied(message), beats, Moments::constant(direction(load.heartbeat_wire)));
    let copies = mix(remote, over, local, own);
    let others = mix(remote + local, copies, backplane, varied(seconds));
    let rate = messages + beats + remote + local + backplane;
    let mixed = mix(messages + beats, users, remote + local + backplane, others);
    let queue = queueing::mg1(rate, mixed);
    StationForm {
        name,
        method: if size.constant().is_some() && beats + remote + local + backplane == 0.0 { "M/D/1" } else { "M/G/1" },
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
    let kb = sum(moments(&cpu.per_kb), Moments::constant(cpu_seconds_per_kb(scenario)));
    let payload = Moments { mean: kb.mean * size.mean / 1e3, square: kb.square * size.square / 1e6 };
    let share = cache_miss_share(scenario, load.connections / servers);
    let miss = moments(&cpu.per_cache_miss);
    let missed = Moments { mean: share * miss.mean, square: share * miss.square };
    sum(
        sum(sum(sum(moments(&cpu.per_message), Moments::constant(cpu.program_seconds())), payload), missed),
        lookups(scenario),
    )
}

/// The moments of the CPU time that looking a message's reads up takes.
fn lookups(scenario: &Scenario) -> Moments {
    let (Some(backend), Some(cache)) = (&scenario.backend, &scenario.cache) else { return Moments::constant(0.0) };
    let (n, look) = (backend.queries_per_message, &cache.lookup_cpu);
    // A part of a read is a chance f of one more: the number's variance is f(1 − f).
    let part = n.fract();
    let variance = n * look.variance() + part * (1.0 - part) * look.mean().powi(2);
    Moments { mean: n * look.mean(), square: variance + (n * look.mean()).powi(2) }
}

/// What comes to a queue of a server's cores.
struct Offered {
    /// Customers a second.
    rate: f64,
    /// CPU time of a message, wake-up left out.
    message: Moments,
    /// CPU time of any customer: messages, heartbeats, connection attempts, copies, deliveries.
    service: Moments,
    /// Time between two of the copies that one job hands out.
    pace: f64,
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
    fn of(scenario: &Scenario, load: &Load, spread: &Spread, retries: f64, servers: f64) -> Self {
        let cpu = &scenario.servers.cpu;
        let per_core = scenario.servers.dispatch == Dispatch::PerCore;
        let share = servers * if per_core { f64::from(scenario.servers.cores) } else { 1.0 };
        let messages = load.messages_in_per_second / share;
        let connects = load.connects_per_second + retries;
        let others = (load.heartbeats_per_second + connects) / share;
        let other_mean = if others > 0.0 {
            (load.heartbeats_per_second * cpu.per_heartbeat.mean() + connects * connect_cpu_seconds(scenario))
                / (load.heartbeats_per_second + connects)
        } else {
            0.0
        };
        let published = moments(&cpu.per_publish);
        let message = message_service(scenario, load, servers);
        let message = match spread.publishes {
            0.0 => message,
            // All of a message's publishes are done in one go.
            n => sum(message, Moments { mean: n * published.mean, square: n * published.square * n.max(1.0) }),
        };
        let rate = messages + others + messages * (spread.copies + spread.local_jobs);
        let wakeup = woken(cpu, rate, if per_core { 1 } else { u64::from(scenario.servers.cores) });
        // Copies from the broker, and what a server hands to its own users, are jobs of their own.
        let deflating = delivery_cpu_seconds_per_kb(scenario) / 1e3;
        let size = moments(&scenario.workload.message_size);
        let deflated = Moments { mean: deflating * size.mean, square: deflating * deflating * size.square };
        let delivery = sum(moments(&cpu.per_delivery), deflated);
        let deliveries = |k: Moments| Moments {
            mean: k.mean * delivery.mean,
            square: k.mean * (delivery.square - delivery.mean.powi(2)) + k.square * delivery.mean.powi(2),
        };
        let receive = moments(&cpu.per_receive);
        let addressed = if spread.copies > 0.0 { spread.addressed / spread.copies } else { 0.0 };
        let full = sum(receive, deliveries(spread.per_copy));
        let copy = mix(addressed, full, 1.0 - addressed, receive);
        let (copies, locals) = (messages * spread.copies, messages * spread.local_jobs);
        let local = deliveries(spread.per_local);
        let service = mix(messages, message, others, Moments::constant(other_mean));
        let service = mix(messages + others, service, copies + locals, mix(copies, copy, locals, local));
        // Servers alike: connections spread evenly, or each message thrown at any of them.
        let even = matches!(scenario.balancer.policy, Policy::RoundRobin | Policy::LeastConnections);
        let alone = servers < 2.0
            || match scenario.balancer.unit {
                BalancedUnit::Connection => even,
                BalancedUnit::Message => scenario.balancer.policy == Policy::Random,
            };
        // … and each queue with as many connections: they are dealt out in turn, to servers and to cores of their own.
        let queues = match scenario.balancer.unit {
            BalancedUnit::Connection => share,
            BalancedUnit::Message => share / servers,
        };
        let alone = alone && load.connections % queues == 0.0;
        Self {
            rate: messages + others + copies + locals,
            message,
            service,
            // As fast as the CPU writes copies, or as the line sends them.
            pace: delivery.mean.max(
                scenario.servers.network.map_or(0.0, |n| load.delivery_wire.egress.bytes / n.bytes_per_second().get()),
            ),
            wakeup,
            cores: if per_core { 1 } else { u64::from(scenario.servers.cores) },
            plain: matches!(scenario.workload.arrivals, Arrivals::Poisson | Arrivals::Batch(_))
                && scenario.workload.retry.is_none()
                && alone
                && others == 0.0
                && copies + locals == 0.0
                && scenario.servers.network.is_none(),
            exponential: matches!(cpu.per_message, Distribution::Exponential { .. })
                && cpu.program_seconds() + cpu.per_kb.mean() + cpu_seconds_per_kb(scenario) == 0.0
                && wakeup.mean == 0.0
                && scenario.cache.is_none()
                && cache_miss_share(scenario, load.connections / servers) == 0.0,
        }
    }

    /// A job's own time in service: what it needs, and the wake-up that a mean job pays.
    fn own(&self, needs: f64, cpu: &StationForm) -> f64 {
        let mean = cpu.residence_seconds.zip(cpu.wait_seconds).map_or(0.0, |(all, wait)| all - wait);
        needs + (mean - self.message.mean).max(0.0)
    }

    /// How long a recipient waits, on average, within a job that serves k of them one after the other: of all recipients,
    /// the one in the middle, E\[k(k + 1)/2\]/E\[k\] deliveries from the start.
    fn half_done(&self, k: &Moments) -> f64 {
        if k.mean > 0.0 { self.pace * (k.square + k.mean) / (2.0 * k.mean) } else { 0.0 }
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
fn cpu_station(scenario: &Scenario, offered: &Offered) -> StationForm {
    let (method, exact, found) = match &scenario.servers.failures {
        None => formula(scenario, offered),
        Some(failures) => with_breakdowns(scenario, offered, failures),
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
            + scenario.servers.failures.as_ref().map_or(0.0, |f| forgetting_seconds(offered, f)),
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
    let &Offered { rate, message, service, wakeup, cores, plain, exponential, .. } = offered;
    let single = scenario.workload.arrivals == Arrivals::Poisson;
    let (poisson, markov) = (plain && single, plain && single && exponential);
    let plainly = |wait, busy, loss| Found { wait, service: message.mean, busy, loss };
    let servers = &scenario.servers;
    if servers.queue_limit.is_some() || servers.patience.is_some() {
        return bounded(scenario, offered, markov);
    }
    let serving = |found: queueing::Woken| Found {
        wait: found.wait,
        service: message.mean + found.paid * wakeup.mean,
        busy: found.busy,
        loss: 0.0,
    };
    if servers.discipline == Discipline::ProcessorSharing {
        if cores == 1 && wakeup.mean == 0.0 {
            // Sharing stretches a service in proportion to its length.
            let found = queueing::mg1_ps(rate, service.mean);
            let found = found.map(|q| plainly(message.mean * (1.0 / (1.0 - q.utilisation) - 1.0), q.utilisation, 0.0));
            return ("M/G/1-PS", poisson, found);
        }
        let method = if wakeup.mean > 0.0 { "M/M/c-PS with wake-ups" } else { "M/M/c-PS" };
        return (method, markov, queueing::mgc_wakeups_ps(rate, service, wakeup, cores).map(serving));
    }
    if let (Arrivals::Batch(size), 1, true) = (&scenario.workload.arrivals, cores, wakeup.mean == 0.0) {
        let (size, mean) = match *size {
            BatchSize::Fixed(n) => (queueing::BatchSize::Fixed(n), n as f64),
            BatchSize::Geometric(mean) => (queueing::BatchSize::Geometric { mean }, mean),
        };
        // Random delays pull a batch apart; where they do so by more than its service takes, its messages come singly.
        let apart = scenario.latency.client.variance().sqrt();
        if apart <= mean * service.mean {
            let found = queueing::mxg1(rate / mean, size, service);
            return ("M^X/G/1", plain && apart == 0.0, found.map(|q| plainly(q.wait, q.utilisation, 0.0)));
        }
    }
    if let Arrivals::Mmpp { rates, switch } = &scenario.workload.arrivals
        && scenario.users * scenario.workload.connections_per_user == 1
        && (cores, wakeup.mean) == (1, 0.0)
    {
        let found = queueing::mmpp_m1(rates, switch, service.mean);
        return ("MMPP/M/1", false, found.map(|q| plainly(q.wait, q.utilisation, 0.0)));
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
    let method = if exponential { "M/M/c (Erlang C)" } else { "M/G/c (Allen-Cunneen, with wake-ups)" };
    (method, markov, queueing::mgc_wakeups(rate, service, wakeup, cores).map(serving))
}

/// The formula for a queue with a limit, with patience, or with both: M/M/c/K, M/M/c+M, M/M/c/K+M. A wake-up is counted as
/// service of all customers alike: with the share p of them that pays, the service is E\[S\] + p·E\[w\]. Only for one core
/// with a limit is it a stage of its own.
fn bounded(scenario: &Scenario, offered: &Offered, markov: bool) -> (&'static str, bool, Result<Found, QueueError>) {
    let &Offered { rate, message, service, wakeup, cores, .. } = offered;
    let servers = &scenario.servers;
    let room = servers.queue_limit.map(|room| room.max(cores));
    let patience = servers.patience.as_ref().map(Distribution::mean);
    // Who has no patience at all finds a core idle or leaves: there is nobody in the queue.
    let room = if patience == Some(0.0) { Some(cores) } else { room };
    if let (Some(room), None, 1, true) = (room, patience, cores, wakeup.mean > 0.0) {
        let found = queueing::mm1k_wakeup(rate, service.mean, wakeup.mean, room).map(|(q, paid)| Found {
            wait: q.wait,
            service: message.mean + paid * wakeup.mean,
            busy: q.utilisation,
            loss: q.loss,
        });
        return ("M/M/1/K with a wake-up", false, found);
    }
    // Wait, busy time and loss, and the share of those served who find an idle core.
    let with_service = |mean: f64| match (room, patience.filter(|mean| *mean > 0.0)) {
        (room, Some(patience)) => {
            let room = room.unwrap_or(u64::MAX);
            queueing::erlang_a_bounded(rate, 1.0 / mean, cores, 1.0 / patience, room).map(|q| {
                let (lost, paid) = (q.abandoned + q.blocked, 1.0 - q.delayed);
                // Its wait is of all who come in; the simulation's is of those served.
                let wait = if q.blocked < 1.0 { q.wait / (1.0 - q.blocked) } else { 0.0 };
                (wait, q.utilisation, lost, if lost < 1.0 { (paid / (1.0 - lost)).min(1.0) } else { 1.0 })
            })
        }
        (room, None) => queueing::mmck_delayed(rate, mean, cores, room.unwrap_or(cores))
            .map(|(q, delayed)| (q.wait, q.utilisation, q.loss, 1.0 - delayed)),
    };
    let paid = if wakeup.mean > 0.0 {
        queueing::share_that_pays(|paid| with_service(service.mean + paid * wakeup.mean).map_or(0.0, |found| found.3))
    } else {
        0.0
    };
    let found = with_service(service.mean + paid * wakeup.mean).map(|(wait, busy, loss, _)| Found {
        wait,
        service: message.mean + paid * wakeup.mean,
        busy,
        loss,
    });
    // Shared or in order, the number inside is the same, and so are loss and mean time.
    let exact = markov && patience.is_none() && servers.queue_limit.is_some_and(|room| room >= cores);
    let method = match (room.is_some(), patience.is_some_and(|mean| mean > 0.0)) {
        (true, false) => "M/M/c/K",
        (false, _) => "M/M/c+M (Erlang A)",
        (true, true) => "M/M/c/K+M",
    };
    (method, exact, found)
}

/// The wake-up of a job that finds a core idle, sleep included, where jobs come at this rate to so many cores.
///
/// After an idle time I, sleep is A(1 − e^(−I/τ)). Of one core the idle time that a Poisson arrival ends is exponential,
/// whatever was before; of c idle cores the one that has rested for longest serves, which is since the c-th arrival before:
/// I is Erlang's, and E\[e^(−kI/τ)\] = (λτ/(λτ + k))^c. Cores that are busy are left out of that, so with several it is too
/// high under load, when sleep is rare anyway.
fn woken(cpu: &Cpu, rate: f64, cores: u64) -> Moments {
    let awake = moments(&cpu.wakeup());
    if cpu.per_sleep.get() == 0.0 {
        return awake;
    }
    sum(awake, queueing::sleep(rate, cores, cpu.sleep_after.get(), cpu.per_sleep.get()))
}
