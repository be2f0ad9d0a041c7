//! Systems that queueing theory has figures for, as plain scenarios, each with the figures that its simulation must find.

#![allow(clippy::unwrap_used, reason = "the cases' own figures are right")]

use plimsoll::metrics::{RunMetrics, StationMetrics};
use plimsoll::model::Model;
use plimsoll::model::balancer::cuts_per_second;
use plimsoll::scenario::Document;
use plimsoll::simulation::{Unwatched, simulate};
use plimsoll::stats::Estimate;
use plimsoll::stats::queueing::{
    BatchSize, Moments, MultiServer, dm1, erlang_a, erlang_arrivals, lost_calls, md1, mg_infinity, mg1,
    mg1_exceptional_first, mg1_ps, mm1, mm1_breakdowns, mm1_number_asymptotic_variance, mm1_retrial, mmck, mmpp_m1,
    mxg1, shortest_of_two,
};

/// A system and what is known of it.
pub struct Case {
    /// The field's name for it.
    pub name: &'static str,
    scenario: String,
    /// What a run must find.
    pub figures: Vec<Figure>,
}

/// One figure of a system.
pub struct Figure {
    /// What it is.
    pub name: &'static str,
    /// What theory says.
    pub theory: f64,
    /// The half-width of a 95 % interval that the run's length allows, where theory has that too.
    pub asymptotic: Option<f64>,
    read: fn(&RunMetrics) -> Option<Estimate>,
}

/// How one run's interval fared.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// The figure found.
    pub value: f64,
    /// Half its interval.
    pub half_width: f64,
    /// Whether the interval holds what theory says.
    pub covered: bool,
}

impl Case {
    /// Runs the scenario as the program does, with this seed; an outcome for each figure.
    ///
    /// # Panics
    /// When the scenario is wrong or has none of the figures: then so is the case.
    pub fn run(&self, seed: u64) -> Vec<Outcome> {
        let no_files = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let mut document = Document::parse(self.name, self.scenario.as_bytes(), &no_files)
            .unwrap_or_else(|errors| panic!("{}: {errors}", self.name));
        let set = document.set_path("seed", "simulation.seed", &seed.to_string());
        let scenario = set.and_then(|()| document.resolve()).unwrap_or_else(|errors| panic!("{}: {errors}", self.name));
        let metrics = simulate(&scenario, &Model::of(&scenario), &Unwatched)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        self.figures
            .iter()
            .map(|figure| {
                let found = (figure.read)(&metrics).unwrap_or_else(|| panic!("{}: no {}", self.name, figure.name));
                Outcome { value: found.value, half_width: found.half_width(), covered: found.contains(figure.theory) }
            })
            .collect()
    }
}

fn cpu(metrics: &RunMetrics) -> Option<&StationMetrics> {
    metrics.stations.iter().find(|station| station.name == "server.cpu")
}

const fn figure(name: &'static str, theory: f64, read: fn(&RunMetrics) -> Option<Estimate>) -> Figure {
    Figure { name, theory, asymptotic: None, read }
}

const fn wait(theory: f64) -> Figure {
    figure("wait (s)", theory, |m| cpu(m)?.wait_seconds)
}

const fn residence(theory: f64) -> Figure {
    figure("residence (s)", theory, |m| cpu(m)?.residence_seconds)
}

const fn utilisation(theory: f64) -> Figure {
    figure("utilisation", theory, |m| Some(cpu(m)?.utilisation))
}

const fn queue_length(theory: f64) -> Figure {
    figure("queue length", theory, |m| Some(cpu(m)?.queue_length))
}

const fn loss(theory: f64) -> Figure {
    figure("loss", theory, |m| Some(m.dropped_share))
}

fn percentiles(quantile: impl Fn(f64) -> f64) -> [Figure; 3] {
    [
        figure("p50 (s)", quantile(0.5), |m| Some(m.latency?.p50)),
        figure("p90 (s)", quantile(0.9), |m| Some(m.latency?.p90)),
        figure("p99 (s)", quantile(0.99), |m| Some(m.latency?.p99)),
    ]
}

/// Seconds of one replication, and how many there are.
const SECONDS: f64 = 50.0;
const REPLICATIONS: f64 = 4.0;

/// One kind of server with exponential or other service of mean 1 ms, fed by `users` users.
struct System {
    users: u64,
    rate: f64,
    arrivals: &'static str,
    service: &'static str,
    servers: &'static str,
    wakeup: &'static str,
    rest: &'static str,
}

const PLAIN: System = System {
    users: 10,
    rate: 80.0,
    arrivals: "poisson",
    service: "{exponential: 1 ms}",
    servers: "count: 1, cores: 1, network: unlimited",
    wakeup: "0 s",
    rest: "",
};

impl System {
    fn scenario(&self) -> String {
        let Self { users, rate, arrivals, service, servers, wakeup, rest } = self;
        format!(
            "users: {users}\n\
             workload: {{message: {{rate: {rate}/s, arrivals: {arrivals}}}, fan_out: none}}\n\
             latency: {{client: 0 s}}\n\
             servers: {{{servers}, cpu: {{per_message: {service}, per_kb: 0 s, per_wakeup: {wakeup}}}}}\n\
             logs: none\n\
             simulation: {{duration: {SECONDS} s, replications: {REPLICATIONS}, mode: every-message}}\n\
             {rest}\n"
        )
    }

    fn case(self, name: &'static str, figures: impl IntoIterator<Item = Figure>) -> Case {
        Case { name, scenario: self.scenario(), figures: figures.into_iter().collect() }
    }
}

/// All cases. Service takes 1 ms on average throughout.
///
/// # Panics
/// When a formula refuses its figures: then so is the case.
pub fn all() -> Vec<Case> {
    let s = 1e-3;
    let mut cases = single(s);
    cases.extend(several(s));
    cases.extend(others(s));
    cases.extend(backends(s));
    cases.extend(crossing());
    cases
}

/// Two servers whose users only write to users of the other one, by a broker: a network of queues. With exponential
/// service of one mean at each station it is Jackson's (1957): each station is M/M/c by itself.
fn crossing() -> Vec<Case> {
    let (rate, s, b) = (1_000.0, 0.3e-3, 0.2e-3);
    let chain = |name, cores: u64, hop: f64| {
        let server = mm1(2.0 * rate, s).unwrap();
        let broker = MultiServer::new(2.0 * rate, b, cores).unwrap().queue();
        Case {
            name,
            scenario: format!(
                "users: 2_000\n\
                 workload: {{message: {{rate: 1/s, size: 1 B}}, fan_out: direct}}\n\
                 sharding: {{shards: 2, locality: 0 %}}\n\
                 latency: {{client: 0 s, server: {hop} s}}\n\
                 servers: {{count: 2, cores: 1, network: unlimited, cpu: {{per_message: {{exponential: 300 us}}, \
                 per_receive: {{exponential: 300 us}}, per_publish: 0 s, per_delivery: 0 s, per_kb: 0 s, per_wakeup: 0 s}}}}\n\
                 broker: {{nodes: 1, cores: {cores}, per_publish: {{exponential: 200 us}}}}\n\
                 logs: none\n\
                 simulation: {{duration: {SECONDS} s, replications: {REPLICATIONS}, mode: every-message}}\n"
            ),
            figures: vec![
                wait(server.wait),
                figure("broker's wait (s)", broker.wait, |m| broker_cpu(m)?.wait_seconds),
                figure("broker's utilisation", 2.0 * rate * b / cores as f64, |m| Some(broker_cpu(m)?.utilisation)),
                figure("latency (s)", 2.0 * server.residence + broker.residence + 2.0 * hop, |m| Some(m.latency?.mean)),
            ],
        }
    };
    vec![
        chain("M/M/1 -> M/M/1 -> M/M/1, no delay between", 1, 0.0),
        chain("M/M/1 -> M/M/1 -> M/M/1, 1 ms between", 1, 1e-3),
        chain("M/M/1 -> M/M/3 -> M/M/1", 3, 1e-3),
    ]
}

fn broker_cpu(metrics: &RunMetrics) -> Option<&StationMetrics> {
    metrics.stations.iter().find(|station| station.name == "broker.cpu")
}

fn single(s: f64) -> Vec<Case> {
    let mm1_figures = |lambda: f64| {
        let queue = mm1(lambda, s).unwrap();
        let variance = mm1_number_asymptotic_variance(lambda, s).unwrap();
        let number = Figure {
            asymptotic: Some(1.96 * (variance / (SECONDS * REPLICATIONS)).sqrt()),
            ..figure("number in system", queue.number, |m| Some(cpu(m)?.number))
        };
        let mut figures =
            vec![number, wait(queue.wait), utilisation(queue.utilisation), queue_length(queue.queue_length)];
        // Residence in M/M/1 is exponential.
        figures.extend(percentiles(|p| -(1.0 - p).ln() * queue.residence));
        figures
    };
    let general = |square: f64| {
        let queue = mg1(800.0, Moments { mean: s, square }).unwrap();
        [wait(queue.wait), queue_length(queue.queue_length), utilisation(queue.utilisation)]
    };
    let batches = |size: BatchSize, mean: f64| wait(mxg1(600.0 / mean, size, Moments::exponential(s)).unwrap().wait);
    let woken = |service: Moments, first: Moments| {
        let found = mg1_exceptional_first(500.0, service, first).unwrap();
        let busy = figure("busy", found.queue.utilisation, |m| Some(cpu(m)?.busy));
        [wait(found.queue.wait), residence(found.queue.residence), busy, utilisation(found.load)]
    };
    let (w, exponential) = (0.5e-3, Moments::exponential(s));
    // The idle time I that a Poisson arrival ends is exponential with mean 2 ms, so e^(-I/2 ms) is uniform: sleep takes a
    // uniform share of 1 ms.
    let d = 1e-3;
    let (wake, wake_square) = (w + d / 2.0, w * w + w * d + d * d / 3.0);
    let asleep = Moments { mean: s + wake, square: exponential.square + 2.0 * s * wake + wake_square };
    // Works for 20 ms and stands still for 5 ms, on average.
    let broken = mm1_breakdowns(500.0, s, 50.0, 200.0).unwrap();
    vec![
        System {
            rate: 50.0,
            servers: "count: 1, cores: 1, network: unlimited, \
                      failures: {every: {exponential: 20 ms}, for: {exponential: 5 ms}}",
            ..PLAIN
        }
        .case(
            "M/M/1 with breakdowns",
            [
                wait(broken.wait),
                residence(broken.residence),
                utilisation(broken.utilisation),
                queue_length(broken.queue_length),
            ],
        ),
        System { rate: 50.0, wakeup: "500 us, per_sleep: 1 ms, sleep_after: 2 ms", ..PLAIN }
            .case("M/M/1 with a core that sleeps", woken(exponential, asleep)),
        System { rate: 50.0, wakeup: "500 us, per_cold: 200 us, cold_after: 1 ms", ..PLAIN }
            .case("M/M/1 with caches that go cold", woken(exponential.plus(0.1e-3), exponential.plus(w))),
        System { rate: 50.0, service: "1 ms", wakeup: "500 us, per_cold: 200 us, cold_after: 1 ms", ..PLAIN }.case(
            "M/D/1 with caches that go cold",
            woken(Moments::constant(s + 0.2e-3 * (1.0 - (-1.0_f64).exp())), Moments::constant(s + w)),
        ),
        System { rate: 50.0, ..PLAIN }.case("M/M/1, ρ = 0.5", mm1_figures(500.0)),
        PLAIN.case("M/M/1, ρ = 0.8", mm1_figures(800.0)),
        System { service: "1 ms", ..PLAIN }.case("M/D/1", [wait(md1(800.0, s).unwrap().wait)]),
        System { service: "{gamma: {mean: 1 ms, cv: 0.707106781}}", ..PLAIN }
            .case("M/G/1, gamma, scv 0.5", general(1.5 * s * s)),
        System { service: "{gamma: {mean: 1 ms, cv: 2}}", ..PLAIN }.case("M/G/1, gamma, scv 4", general(5.0 * s * s)),
        System { service: "{lognormal: {mean: 1 ms, cv: 0.707106781}}", ..PLAIN }
            .case("M/G/1, lognormal, scv 0.5", general(1.5 * s * s)),
        System { service: "{erlang: {mean: 1 ms, k: 2}}", ..PLAIN }.case("M/E2/1", general(1.5 * s * s)),
        System { service: "{uniform: {low: 0 s, high: 2 ms}}", ..PLAIN }.case("M/U/1", general(4.0 / 3.0 * s * s)),
        System { users: 1, rate: 800.0, arrivals: "periodic", ..PLAIN }
            .case("D/M/1", [wait(dm1(800.0, s).unwrap().queue.wait), utilisation(0.8)]),
        System { rate: 60.0, arrivals: "{batch: {size: 4}}", ..PLAIN }
            .case("M^X/M/1, batches of 4", [batches(BatchSize::Fixed(4), 4.0)]),
        System { rate: 60.0, arrivals: "{batch: {size: {geometric: 2}}}", ..PLAIN }
            .case("M^X/M/1, geometric batches", [batches(BatchSize::Geometric { mean: 2.0 }, 2.0)]),
        System { users: 1, rate: 800.0, arrivals: "{mmpp: {rates: [1_400/s, 200/s], switch: [50/s, 50/s]}}", ..PLAIN }
            .case("MMPP/M/1", [wait(mmpp_m1(&[1_400.0, 200.0], &[50.0, 50.0], s).unwrap().wait), utilisation(0.8)]),
        System { rate: 50.0, wakeup: "500 us", ..PLAIN }
            .case("M/M/1 with a wake-up", woken(exponential, exponential.plus(w))),
        System { rate: 50.0, service: "1 ms", wakeup: "500 us", ..PLAIN }
            .case("M/D/1 with a wake-up", woken(Moments::constant(s), Moments::constant(s + w))),
        System { servers: "count: 1, cores: 1, network: unlimited, discipline: ps", ..PLAIN }
            .case("M/M/1-PS", [residence(mg1_ps(800.0, s).unwrap().residence), utilisation(0.8)]),
        System { service: "1 ms", servers: "count: 1, cores: 1, network: unlimited, discipline: ps", ..PLAIN }
            .case("M/D/1-PS", [residence(mg1_ps(800.0, s).unwrap().residence)]),
    ]
}

const RANDOM: &str = "balancer: {policy: random, unit: message}";
const ROUND_ROBIN: &str = "balancer: {policy: round-robin, unit: message}";
const LEAST: &str = "balancer: {policy: least-connections, unit: message}";

fn several(s: f64) -> Vec<Case> {
    let four = MultiServer::new(3_200.0, s, 4).unwrap();
    let queue = four.queue();
    let mut figures = vec![wait(queue.wait), utilisation(queue.utilisation), queue_length(queue.queue_length)];
    figures.extend(percentiles(|p| four.residence_quantile(p)));
    let full = mmck(1_800.0, s, 2, 5).unwrap();
    let impatient = erlang_a(2_200.0, 1_000.0, 2, 500.0).unwrap();
    let two = "count: 2, cores: 1, network: unlimited";
    let routed = |policy: &'static str, theory: f64| {
        System { rate: 160.0, servers: two, rest: policy, ..PLAIN }.case(
            match policy {
                RANDOM => "two servers, random",
                ROUND_ROBIN => "two servers, round robin",
                _ => "two servers, fewest messages",
            },
            [wait(theory), utilisation(0.8)],
        )
    };
    vec![
        System { rate: 320.0, servers: "count: 1, cores: 4, network: unlimited", ..PLAIN }.case("M/M/4", figures),
        System { rate: 320.0, servers: "count: 1, cores: 4, network: unlimited, discipline: ps", ..PLAIN }
            .case("M/M/4-PS", [residence(queue.residence)]),
        System {
            users: 8,
            rate: 400.0,
            servers: "count: 1, cores: 4, network: unlimited, dispatch: per-core",
            ..PLAIN
        }
        .case("four cores, each with its own connections", [wait(mm1(800.0, s).unwrap().wait)]),
        System { rate: 180.0, servers: "count: 1, cores: 2, network: unlimited, queue: {limit: 5}", ..PLAIN }.case(
            "M/M/2/5",
            [loss(full.loss), wait(full.wait), utilisation(full.utilisation), queue_length(full.queue_length)],
        ),
        System {
            rate: 220.0,
            servers: "count: 1, cores: 2, network: unlimited, patience: {exponential: 2 ms}",
            ..PLAIN
        }
        .case(
            "M/M/2+M (Erlang A)",
            [loss(impatient.abandoned), queue_length(impatient.queue_length), utilisation(impatient.utilisation)],
        ),
        routed(RANDOM, mm1(800.0, s).unwrap().wait),
        routed(ROUND_ROBIN, erlang_arrivals(800.0, s, 2).unwrap().queue.wait),
        routed(LEAST, shortest_of_two(1_600.0, s).unwrap().wait),
    ]
}

fn others(s: f64) -> Vec<Case> {
    let line = |network: &str, cpu: &str| {
        format!(
            "users: 10\n\
             workload: {{message: {{rate: 80/s, size: 875 B}}, fan_out: echo}}\n\
             protocol: {{tls: false}}\n\
             latency: {{client: 0 s}}\n\
             servers: {{count: 1, cores: 1, network: {network}, \
             cpu: {{per_wakeup: 0 s, per_message: {cpu}, per_kb: 0 s}}}}\n\
             logs: none\n\
             simulation: {{duration: {SECONDS} s, replications: {REPLICATIONS}, mode: every-message}}\n"
        )
    };
    // 875 B of payload are 875 + 4 + 52 + 38 = 969 B on the wire; the user's mask adds 4 B on the way in, and the user's
    // acknowledgement 90 B where no other message of that user follows within 40 ms.
    let out = 969.0 * 8.0;
    let incoming = out + (4.0 + 90.0 * (-80.0_f64 * 0.040).exp()) * 8.0;
    let (slow, fast) = (9.69e6, 100e6);
    // Servers in a row that all take a constant time: a customer's waits add up to that at the slowest alone, wherever it
    // stands (Friedman, "Reduction methods for tandem queuing systems", Operations Research 13, 1965).
    let constant = vec![
        figure("wait on the first line (s)", md1(800.0, incoming / slow).unwrap().wait, |m| {
            m.stations.iter().find(|station| station.name == "server.nic_in")?.wait_seconds
        }),
        figure("latency (s)", incoming / slow + s + out / slow + md1(800.0, s).unwrap().wait, |m| {
            Some(m.latency?.mean)
        }),
    ];
    // An M/M/1's departures are Poisson (Burke 1956), so the line behind it is an M/D/1. (The line before it makes its
    // arrivals a little smoother than Poisson: at 8 % of that line, by less than a percent of the wait.)
    let burke = vec![figure("wait on the second line (s)", md1(800.0, out / fast).unwrap().wait, |m| {
        m.stations.iter().find(|station| station.name == "server.nic_out")?.wait_seconds
    })];
    let sessions = |length: &str| {
        format!(
            "users: 40\n\
             workload: {{message: {{rate: 1/s}}, session: {{length: {length}}}, fan_out: none, reconnect: none}}\n\
             latency: {{client: 0 s}}\n\
             servers: {{count: 1, network: unlimited, connections: {{comfortable: 30, limit: LIMIT}}}}\n\
             logs: none\n\
             simulation: {{duration: 2_000 s, replications: {REPLICATIONS}, mode: every-message}}\n"
        )
    };
    let open = |theory: f64| figure("open connections", theory, |m| Some(m.connections.open));
    let unlimited = mg_infinity(40.0 / 4.0, 4.0).unwrap();
    let limited = lost_calls(40.0 / 4.0, 4.0, 40).unwrap();
    let repeated = mm1_retrial(500.0, s, 500.0).unwrap();
    let retrial = format!(
        "users: 10\n\
         workload: {{message: {{rate: 50/s}}, fan_out: none, retry: {{delay: {{exponential: 2 ms}}, limit: unlimited}}}}\n\
         latency: {{client: 0 s}}\n\
         servers: {{count: 1, cores: 1, network: unlimited, queue: {{limit: 1}}, \
         cpu: {{per_wakeup: 0 s, per_message: {{exponential: 1 ms}}, per_kb: 0 s}}}}\n\
         logs: none\n\
         simulation: {{duration: {SECONDS} s, replications: {REPLICATIONS}, mode: every-message}}\n"
    );
    let cut = 1.0 / cuts_per_second(0.5, 3.0);
    let case = |name, scenario: String, figures: Vec<Figure>| Case { name, scenario, figures };
    vec![
        case("tandem line, CPU, line, all constant", line("9.69 Mbit/s", "1 ms"), constant),
        case("tandem M/M/1 CPU, line", line("100 Mbit/s", "{exponential: 1 ms}"), burke),
        case(
            "M/M/1 with retrials",
            retrial,
            vec![
                figure("latency (s)", repeated.residence, |m| Some(m.latency?.mean)),
                utilisation(repeated.utilisation),
                figure("goodput (1/s)", 500.0, |m| Some(m.flows.goodput)),
            ],
        ),
        case(
            "M/G/∞ connections, uniform sessions",
            sessions("{uniform: {low: 1 s, high: 7 s}}").replace("LIMIT", "unlimited"),
            vec![open(unlimited.mean)],
        ),
        case(
            "M/M/∞ connections",
            sessions("{exponential: 4 s}").replace("LIMIT", "unlimited"),
            vec![open(unlimited.mean)],
        ),
        case(
            "connections cut by an idle timeout",
            // A message every 2 s against a timeout of 3 s; then a second and the shortest round trip without one.
            "users: 40\n\
             workload: {message: {rate: 0.5/s}, fan_out: none, reconnect: {backoff: 1 s, jitter: none}}\n\
             latency: {client: 0 s}\n\
             servers: {count: 1, network: unlimited}\n\
             balancer: {idle_timeout: 3 s}\n\
             logs: none\n\
             simulation: {duration: 2_000 s, replications: 4, warm_up: 60 s, mode: every-message}\n"
                .to_owned(),
            vec![open(40.0 * cut / (cut + 1.001))],
        ),
        case(
            "M/G/40/40 connections (Erlang B)",
            sessions("{lognormal: {mean: 4 s, cv: 1.5}}").replace("LIMIT", "40"),
            vec![open(limited.number)],
        ),
    ]
}

/// Servers that take no time, before a backend that takes all of it.
fn backends(s: f64) -> Vec<Case> {
    let wait = |theory| figure("wait at the backend (s)", theory, |m| backend(m)?.wait_seconds);
    let load = |theory| figure("utilisation of the backend", theory, |m| Some(backend(m)?.utilisation));
    let one = mm1(800.0, s).unwrap();
    let mut single = vec![wait(one.wait), load(one.utilisation)];
    single.extend(percentiles(|p| -(1.0 - p).ln() * one.residence));
    let four = MultiServer::new(3_200.0, s, 4).unwrap();
    let mut pooled = vec![wait(four.queue().wait), load(four.queue().utilisation)];
    pooled.extend(percentiles(|p| four.residence_quantile(p)));
    let bare = System { service: "0 s", ..PLAIN };
    vec![
        System { rest: "backend: {per_query: {exponential: 1 ms}, cores: 1, nodes: 1, latency: 0 s}", ..bare }
            .case("M/M/1 backend", single),
        System {
            users: 20,
            rate: 160.0,
            servers: "count: 4, cores: 1, network: unlimited",
            rest: "backend: {per_query: {exponential: 1 ms}, cores: 2, nodes: 2, latency: 0 s}",
            ..bare
        }
        .case("M/M/4 backend of four servers", pooled),
        // Where all objects are read alike, each read is a hit by the same chance: a Poisson process thinned at random.
        System {
            rate: 160.0,
            rest: "backend: {per_query: {exponential: 1 ms}, cores: 1, nodes: 1, latency: 0 s}\n\
                   cache: {objects: 100_000, size: 50_000, popularity: uniform, lookup_cpu: 0 s}",
            ..System { service: "0 s", ..PLAIN }
        }
        .case("M/M/1 backend behind a cache that has half", [wait(one.wait), load(one.utilisation)]),
    ]
}

fn backend(metrics: &RunMetrics) -> Option<&StationMetrics> {
    metrics.stations.iter().find(|station| station.name == "backend.cpu")
}
