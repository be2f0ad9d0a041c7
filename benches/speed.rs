//! How fast the simulation is, as ratios in one run: machines differ and drift, ratios hold.
//!
//! `cargo bench --bench speed` prints a table. One M/M/4 station (arrival rate 3.2, service rate 1, first come first served;
//! Erlang C's mean wait is 0.74554) goes through the same path as any scenario, beside a bare event loop on a binary heap
//! and a bare Kiefer-Wolfowitz recursion, which have no statistics, no distributions to choose from and no time line. SimPy
//! runs too where `python3` (or the interpreter that `PYTHON` names) has it. Then the shipped scenarios, as whole processes.

#![allow(missing_docs, clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use plimsoll::model::Model;
use plimsoll::random::{Purpose, Stream};
use plimsoll::scenario::{Document, Scenario};
use plimsoll::simulation::{Unwatched, simulate};

/// Erlang C: c = 4, λ = 3.2, μ = 1.
const MEAN_WAIT: f64 = 0.745_540_6;
const CUSTOMERS: u64 = 10_000_000;
const SEEDS: u64 = 5;

fn main() {
    // `cargo test --benches` only wants to know that it runs.
    let quick = std::env::args().any(|arg| arg == "--test");
    let customers = if quick { 100_000 } else { CUSTOMERS };
    println!("## One M/M/4 station, {customers} customers, one thread\n");
    println!("| program | customers/s | of the bare recursion | mean wait | off Erlang C |\n|---|---|---|---|---|");
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread can be had");
    let recursion = median(&|seed| kiefer_wolfowitz(customers, seed), customers);
    let heap = median(&|seed| event_heap(customers, seed), customers);
    let ours = one.install(|| median(&|seed| plimsoll(customers, seed), customers));
    row("bare recursion", recursion, recursion.0);
    row("plimsoll", ours, recursion.0);
    row("bare event heap", heap, recursion.0);
    if let Some(simpy) = simpy(if quick { 2_000 } else { 100_000 }) {
        row("SimPy", simpy, recursion.0);
    }
    if !quick {
        whole_processes();
    }
}

fn row(name: &str, (rate, wait): (f64, f64), recursion: f64) {
    let off = (wait / MEAN_WAIT - 1.0) * 100.0;
    println!("| {name} | {:.2} M | {:.3} | {wait:.5} | {off:+.2} % |", rate / 1e6, rate / recursion);
}

/// Median customers a second, and the mean over all seeds of what a run found.
fn median(run: &(dyn Fn(u64) -> f64 + Sync), customers: u64) -> (f64, f64) {
    let mut rates = Vec::new();
    let mut waits = 0.0;
    for seed in 0..SEEDS {
        let began = Instant::now();
        waits += run(seed);
        rates.push(customers as f64 / began.elapsed().as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    (rates[rates.len() / 2], waits / SEEDS as f64)
}

fn plimsoll(customers: u64, seed: u64) -> f64 {
    let text = format!(
        "{{name: mm4, users: 1, workload: {{message: {{rate: 3200/s}}, fan_out: none}}, latency: {{client: 0 s}}, \
         servers: {{count: 1, cores: 4, network: unlimited, cpu: {{per_wakeup: 0 s, per_message: {{exponential: 1 ms}}, per_kb: 0 s}}}}, \
         logs: none, simulation: {{duration: {} s, warm_up: 0 s, replications: 1, mode: every-message, seed: {seed}}}}}",
        customers as f64 / 3_200.0
    );
    let scenario = scenario(&text);
    let metrics = simulate(&scenario, &Model::of(&scenario), &Unwatched).expect("it can be simulated");
    metrics.stations[0].wait_seconds.expect("customers were served").value * 1_000.0
}

fn scenario(text: &str) -> Scenario {
    let no_files = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    Document::parse("bench", text.as_bytes(), &no_files).and_then(|document| document.resolve()).expect("it is right")
}

fn exponential(stream: &mut Stream, rate: f64) -> f64 {
    -stream.unit().ln() / rate
}

/// Arrivals and departures as events on a binary heap, those waiting in a queue.
fn event_heap(customers: u64, seed: u64) -> f64 {
    #[derive(PartialEq, PartialOrd)]
    struct Time(f64);
    impl Eq for Time {}
    #[allow(clippy::derive_ord_xor_partial_ord, reason = "no NaN comes up here")]
    impl Ord for Time {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            self.0.total_cmp(&other.0)
        }
    }
    let mut arrivals = Stream::named(seed, 0, 0, Purpose::Arrivals);
    let mut services = Stream::named(seed, 0, 0, Purpose::Service);
    let mut heap = BinaryHeap::new();
    let mut queue = VecDeque::new();
    let (mut busy, mut arrived, mut waited, mut sequence) = (0, 0, 0.0, 0_u64);
    heap.push(Reverse((Time(exponential(&mut arrivals, 3.2)), sequence, true)));
    while let Some(Reverse((Time(now), _, arrival))) = heap.pop() {
        let serve = if arrival {
            arrived += 1;
            if arrived < customers {
                sequence += 1;
                heap.push(Reverse((Time(now + exponential(&mut arrivals, 3.2)), sequence, true)));
            }
            if busy == 4 {
                queue.push_back(now);
                false
            } else {
                busy += 1;
                true
            }
        } else if let Some(came) = queue.pop_front() {
            waited += now - came;
            true
        } else {
            busy -= 1;
            false
        };
        if serve {
            sequence += 1;
            heap.push(Reverse((Time(now + exponential(&mut services, 1.0)), sequence, false)));
        }
    }
    waited / customers as f64
}

/// When each of the four is free, and nothing else: no events, no list.
fn kiefer_wolfowitz(customers: u64, seed: u64) -> f64 {
    let mut arrivals = Stream::named(seed, 0, 0, Purpose::Arrivals);
    let mut services = Stream::named(seed, 0, 0, Purpose::Service);
    let mut free = [0.0_f64; 4];
    let (mut now, mut waited) = (0.0, 0.0);
    for _ in 0..customers {
        now += exponential(&mut arrivals, 3.2);
        let mut first = 0;
        for i in 1..4 {
            if free[i] < free[first] {
                first = i;
            }
        }
        let start = free[first].max(now);
        waited += start - now;
        free[first] = start + exponential(&mut services, 1.0);
    }
    waited / customers as f64
}

fn simpy(customers: u64) -> Option<(f64, f64)> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/simpy_mm4.py");
    let out = Command::new(python).arg(script).arg(customers.to_string()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    let mut figures = text.split_whitespace().map(|figure| figure.parse::<f64>().ok());
    Some((figures.next()??, figures.next()??))
}

fn whole_processes() {
    let echo = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/echo-100m.yaml");
    let every = ["--set", "simulation.mode=every-message"];
    let seconds = |s: &str| ["--set".to_owned(), format!("simulation.duration={s}")];
    println!("\n## Whole processes (median of 3)\n");
    println!("| run | wall | peak memory | simulated s per wall s |\n|---|---|---|---|");
    let report = |name: &str, simulated: f64, arguments: &[&str]| {
        let (wall, peak) = whole_process(arguments);
        let speed = if simulated > 0.0 { format!("{:.2}", simulated / wall) } else { "-".to_owned() };
        println!("| {name} | {wall:.3} s | {:.0} MB | {speed} |", peak / 1e6);
        wall
    };
    let run = |duration: &str, threads: &str, name: &str, simulated: f64| {
        let duration = seconds(duration);
        let mut arguments = vec!["simulate", echo, "--quiet", "--threads", threads, &duration[0], &duration[1]];
        arguments.extend(every);
        report(name, simulated, &arguments)
    };
    run("10 s", "2", "echo-100m, every message, 10 s, 2 threads", 10.0);
    let one = run("1 s", "1", "echo-100m, every message, 1 s, 1 thread", 1.0);
    let two = run("1 s", "2", "echo-100m, every message, 1 s, 2 threads", 1.0);
    let twice = run("2 s", "2", "echo-100m, every message, 2 s, 2 threads", 2.0);
    let four = run("4 s", "2", "echo-100m, every message, 4 s, 2 threads", 4.0);
    report("echo-100m, sampled", 0.0, &["simulate", echo, "--quiet", "--set", "simulation.mode=sampled"]);
    let crossing = |file: &str, duration: &str, threads: &str, name: &str, simulated: f64| {
        let file = format!("{}/scenarios/{file}.yaml", env!("CARGO_MANIFEST_DIR"));
        let duration = seconds(duration);
        let mut arguments = vec!["simulate", &file, "--quiet", "--threads", threads, &duration[0], &duration[1]];
        arguments.extend(every);
        report(name, simulated, &arguments);
    };
    crossing("chat-100m-sharded", "1 s", "2", "chat-100m-sharded, every message, 1 s, 2 threads", 1.0);
    crossing("rooms-1m", "5 s", "2", "rooms-1m, every message, 5 s, 2 threads", 5.0);
    let chat = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/chat-10k.yaml");
    report("chat-10k, estimate", 0.0, &["estimate", chat]);
    report("chat-10k, simulate", 0.0, &["simulate", chat, "--quiet"]);
    let users = ["--estimate", "--quiet", "--vary", "users=100..100M log 1000"];
    report("chat-10k, a sweep of 1,000 estimates", 0.0, &[&["sweep", chat], &users[..]].concat());
    let rooms = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/rooms-1m.yaml");
    report("rooms-1m, the same", 0.0, &[&["sweep", rooms], &users[..]].concat());
    report("chat-10k, plan", 0.0, &["plan", chat, "--quiet"]);
    report("rooms-1m, plan", 0.0, &["plan", rooms, "--quiet"]);
    println!(
        "\n2 threads over 1: {:.2}. Twice the messages: {:.2} times the time; again twice: {:.2}.",
        one / two,
        twice / two,
        four / twice
    );
}

/// Median wall time of three runs, and the largest peak memory seen (from the kernel's accounting, where there is one).
fn whole_process(arguments: &[&str]) -> (f64, f64) {
    let mut walls = Vec::new();
    let mut peak: f64 = 0.0;
    for _ in 0..3 {
        let began = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            .args(arguments)
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        let status = format!("/proc/{}/status", child.id());
        while child.try_wait().expect("the program can be waited for").is_none() {
            let high = std::fs::read_to_string(&status).unwrap_or_default();
            let kilobytes = high
                .lines()
                .find_map(|line| line.strip_prefix("VmHWM:"))
                .and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
            peak = peak.max(kilobytes.unwrap_or(0.0) * 1024.0);
            std::thread::sleep(Duration::from_micros(500));
        }
        walls.push(began.elapsed().as_secs_f64());
    }
    walls.sort_by(f64::total_cmp);
    (walls[1], peak)
}
