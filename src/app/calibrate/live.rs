//! Figures of this program's own server on this machine, measured.
//!
//! A [`Load`] changes one thing at a time: messages a second at few connections (what a wake-up and a message cost), their
//! size, the number of connections (cache, memory), rooms, work of the application's, heartbeats, connects. Fits find the prices behind them
//! together. What the driver sees of latency on top of the model's response time is the way between them, `latency.client`.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::app::Failure;
use crate::app::progress::Progress;
use crate::app::rig::{Ran, Rig, Run, Variant};
use crate::live::probe;
use crate::model::Model;
use crate::scenario::{Dispatch, Encoding, Scenario};
use crate::simulation::simulate;
use crate::units::parse::Quantity;
use crate::validate::calibration::{self, Calibration};
use crate::validate::fit::{self, Axis, Figure, Fit, Fits, Row};
use crate::validate::read::{Column, LoadPoint};
use crate::validate::repeats;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Some twenty seconds.
    Quick,
    /// Some three minutes.
    Thorough,
}

/// One thing that is measured.
#[derive(Debug, Clone, Copy)]
struct Load {
    connections: u64,
    per_second: f64,
    bytes: f64,
    room: Option<u64>,
    heartbeats_per_second: f64,
    connects_per_second: f64,
    /// Seconds of CPU time that each message takes besides, as the application's own work.
    work: f64,
    /// Whether each connection sends as soon as it is answered, so that the server is always busy.
    closed: bool,
}

impl Load {
    const fn echo(connections: u64, per_second: f64, bytes: f64) -> Self {
        Self {
            connections,
            per_second,
            bytes,
            room: None,
            heartbeats_per_second: 0.0,
            connects_per_second: 0.0,
            work: 0.0,
            closed: false,
        }
    }

    /// As fast as the server can.
    const fn full(connections: u64, bytes: f64) -> Self {
        Self { closed: true, ..Self::echo(connections, 1e4, bytes) }
    }

    /// As fast as the server can with so much work a message.
    const fn working(work: f64) -> Self {
        Self { work, ..Self::full(100, BYTES) }
    }

    /// The scenario of it.
    fn variant(&self, base: &Variant) -> Variant {
        let rate = |total: f64| self.connections as f64 / total;
        let mut variant = base
            .clone()
            .with("users", self.connections)
            .with("workload.message.rate", format!("{}/s", self.per_second / self.connections as f64))
            .with("workload.message.size", format!("{} B", self.bytes));
        if let Some(room) = self.room {
            variant = variant.with("workload.fan_out", format!("{{room: {room}}}"));
        }
        if self.work > 0.0 {
            variant = variant.with("servers.cpu.per_message", format!("{} s", self.work));
        }
        if self.heartbeats_per_second > 0.0 {
            variant = variant.with("workload.heartbeat", format!("{{every: {} s}}", rate(self.heartbeats_per_second)));
        }
        if self.connects_per_second > 0.0 {
            let length = rate(self.connects_per_second);
            variant = variant.with("workload.session", format!("{{length: {{exponential: {length} s}}}}"));
        }
        variant
    }
}

/// Bytes of a message where not its size is the question.
const BYTES: f64 = 1_000.0;
/// Connections on which, as good as always, nothing is sent.
const REST: Load = Load::echo(100, 1e-3, BYTES);

impl Effort {
    fn loads(self) -> Vec<Load> {
        let few = |rate: f64| Load::echo(100, rate, BYTES);
        let room = |members: u64, rate: f64| Load { room: Some(members), ..few(rate) };
        let mut loads = vec![few(200.0), few(500.0), few(2e3), few(5e3), few(1e4), few(2e4), few(4e4), few(6e4)];
        loads.extend([Load::full(100, BYTES), Load::full(100, 16e3), Load::full(4_000, BYTES)]);
        loads.extend([Load::echo(100, 1e4, 64.0), Load::echo(100, 5e3, 16e3)]);
        loads.extend([
            Load::echo(1_000, 2e4, BYTES),
            Load::echo(2_000, 5e3, BYTES),
            Load::echo(8_000, 1e4, BYTES),
            room(10, 2e3),
        ]);
        loads.extend([100e-6, 300e-6, 1e-3].map(Load::working));
        if self == Self::Quick {
            return loads;
        }
        loads.extend([50e-6, 200e-6, 500e-6, 2e-3].map(Load::working));
        loads.extend([few(30.0), few(60.0), few(100.0), few(300.0), few(1e3), few(3e3), few(7e3), few(3e4), few(8e4)]);
        loads.extend([Load::echo(100, 3e4, 64.0), Load::echo(100, 1e3, 16e3), Load::echo(100, 1.2e4, 16e3)]);
        loads.extend([Load::echo(5_000, 3e4, BYTES), Load::echo(10_000, 2e4, BYTES), Load::echo(10_000, 2e3, BYTES)]);
        loads.extend([room(10, 200.0), room(50, 500.0)]);
        let idle = Load::echo(2_000, 500.0, BYTES);
        loads.extend([2e3, 1e4].map(|heartbeats_per_second| Load { heartbeats_per_second, ..idle }));
        let short = Load::echo(500, 500.0, BYTES);
        loads.extend([200.0, 1e3].map(|connects_per_second| Load { connects_per_second, ..short }));
        loads
    }

    const fn seconds(self) -> f64 {
        match self {
            Self::Quick => 0.8,
            Self::Thorough => 3.0,
        }
    }

    const fn warm_up(self) -> f64 {
        match self {
            Self::Quick => 0.2,
            Self::Thorough => 0.5,
        }
    }

    /// How a load is run.
    fn run(self, load: &Load, seed: u64) -> Run {
        Run {
            warm_up: self.warm_up(),
            seconds: self.seconds(),
            seed,
            record: false,
            in_flight: load.closed.then_some(1),
            crowd: false,
        }
    }
}

/// What was measured and what is behind it.
pub struct Measured {
    /// A line for each load.
    pub points: Vec<LoadPoint>,
    /// The figures.
    pub fits: Fits,
    /// What disturbed the measurements.
    pub excesses: Vec<String>,
}

impl Measured {
    /// The calibration, made by this command; nothing where no figure was found.
    pub fn calibration(&self, command: &str) -> Option<Calibration> {
        let here = probe::Machine::here();
        let machine = calibration::Machine {
            cpu: here.processor,
            cores: here.cores,
            memory: here.memory_bytes as f64,
            kernel: here.kernel,
        };
        Calibration::of(super::made(command.to_owned(), Some(machine)), &self.fits)
    }
}

/// Measures a server like the scenario's: its cores, how they share work, how messages are framed.
pub fn measure(rig: &Rig, like: &Scenario, effort: Effort) -> Result<Measured, Failure> {
    let file = rig.folder().join("calibration.yaml");
    fs::write(&file, base(like, rig)).with_context(|| format!("`{}` can't be written", file.display()))?;
    let base = Variant::file(&file);
    let (mut points, mut excesses) = (Vec::new(), Vec::new());
    let loads = effort.loads();
    // What the server takes when nobody sends anything is no message's.
    rig.say("calibration: at rest");
    let at_rest = rig.run(&REST.variant(&base), effort.run(&REST, 0))?.cores_busy;
    for (number, load) in loads.iter().enumerate() {
        rig.say(&format!("calibration: {} of {}", number + 1, loads.len()));
        let mut ran = rig.run(&load.variant(&base), effort.run(load, 1 + number as u64))?;
        ran.cores_busy -= at_rest;
        if !load.closed {
            excesses.extend(ran.noise.excesses());
        }
        // Else it is not the server that was measured.
        if !ran.noise.driver_limited || rig.is_cramped() {
            points.push((*load, load.point(&ran, rig)));
        }
    }
    excesses.sort();
    excesses.dedup();
    let machine = fit::Machine {
        cores: f64::from(rig.server_cores()),
        shared: like.servers.dispatch == Dispatch::Shared,
        comfortable: like.servers.comfortable_connections,
    };
    let lines: Vec<LoadPoint> = points.iter().map(|(_, point)| *point).collect();
    let fits = fit::all(&lines, &machine);
    let mut measured = Measured { points: lines, fits, excesses };
    if let Some(interim) = measured.calibration("") {
        let file = rig.folder().join("interim.yaml");
        fs::write(&file, interim.yaml()).with_context(|| format!("`{}` can't be written", file.display()))?;
        measured.fits.fits.extend(client_delay(&points, &base, &file)?);
    }
    Ok(measured)
}

/// The scenario of a server like this one, over loopback, with nothing on the way.
fn base(like: &Scenario, rig: &Rig) -> String {
    let encoding = match like.protocol.encoding {
        Encoding::Json => "json",
        Encoding::Binary { .. } => "binary",
    };
    let compression = if like.protocol.compression.is_some() { "deflate" } else { "none" };
    let dispatch = if like.servers.dispatch == Dispatch::Shared { "shared" } else { "per-core" };
    let (cores, comfortable) = (rig.server_cores(), like.servers.comfortable_connections);
    let logs = like
        .logs
        .map_or("none".to_owned(), |logs| format!("{{bytes_per_message: {} B}}", logs.bytes_per_message.get()));
    format!(
        "name: calibration\n\
         users: 100\n\
         workload: {{message: {{rate: 1/s}}, fan_out: echo, heartbeat: none, reconnect: none}}\n\
         protocol: {{tls: false, encoding: {encoding}, compression: {compression}}}\n\
         link: {{kind: loopback, mtu: 65536 B}}\n\
         servers:\n  count: 1\n  cores: {cores}\n  dispatch: {dispatch}\n  memory: 1 TB\n  network: unlimited\n  \
         packets: unlimited\n  descriptors: unlimited\n  \
         connections: {{comfortable: {comfortable}, limit: unlimited}}\n\
         logs: {logs}\n\
         simulation: {{mode: every-message, replications: 1}}\n"
    )
}

/// Cores busy up to which queues are short.
const LIGHT: f64 = 0.6;
/// Messages of a simulation that tells the model's part of a latency.
const MESSAGES: f64 = 100_000.0;

impl Load {
    /// The line of a run. Rates of what the driver doesn't count are those that the load asks for.
    fn point(&self, ran: &Ran, rig: &Rig) -> LoadPoint {
        let seen = &ran.seen;
        let messages = seen.messages_in_per_second.map_or(0.0, |rate| rate.value);
        let others = self.room.map_or(0, |room| room - 1) as f64;
        let mut point = LoadPoint::default()
            .with(Column::Duration, seen.seconds)
            .with(Column::Cores, f64::from(rig.server_cores()))
            .with(Column::Connections, seen.connections.map_or(0.0, |open| open.value))
            .with(Column::Throughput, messages)
            .with(Column::Delivered, messages * others)
            .with(Column::MessageSize, self.bytes)
            .with(Column::Work, self.work)
            .with(Column::Heartbeats, self.heartbeats_per_second)
            .with(Column::Connects, ran.connects_per_second)
            .with(Column::CoresBusy, ran.cores_busy)
            .with(Column::Memory, ran.memory_bytes);
        if let Some(bytes) = ran.kernel_bytes {
            point.set(Column::KernelMemory, bytes);
        }
        if let Some(latency) = &seen.latency {
            point.set(Column::LatencyMean, latency.mean.value);
            point.set(Column::LatencyP50, latency.p50.value);
            point.set(Column::LatencyP99, latency.p99.value);
        }
        point
    }
}

/// What the client's side of a latency is, each way: half of what the driver saw on top of the model's response time, at
/// loads where queues are short.
fn client_delay(points: &[(Load, LoadPoint)], base: &Variant, calibration: &Path) -> Result<Option<Fit>, Failure> {
    let mut found = Vec::new();
    for (load, point) in points {
        let light = point.get(Column::CoresBusy).is_some_and(|busy| busy < LIGHT);
        let plain = !load.closed && load.room.is_none() && load.heartbeats_per_second + load.connects_per_second == 0.0;
        let Some(seen) = point.get(Column::LatencyP50).filter(|_| light && plain) else { continue };
        let variant = load
            .variant(base)
            .with("calibration", calibration.display())
            .with("latency.client", "0 s")
            .with("simulation.duration", format!("{} s", MESSAGES / load.per_second));
        let (_, scenario) = variant.resolve()?;
        let metrics = simulate(&scenario, &Model::of(&scenario), &Progress::new(true))?;
        if let Some(latency) = metrics.latency {
            found.push((load.per_second, seen, latency.p50.value));
        }
    }
    let delays: Vec<f64> = found.iter().map(|(_, seen, model)| (seen - model) / 2.0).collect();
    let Some(delay) = repeats::mean(&delays).map(|delay| delay.clamped(0.0, f64::INFINITY)) else { return Ok(None) };
    let row = |&(load, measured, model): &(f64, f64, f64)| Row { load, measured, fitted: model + 2.0 * delay.value };
    let rows: Vec<Row> = found.iter().map(row).collect();
    let squares: f64 = rows.iter().map(|row| row.error().powi(2)).sum();
    Ok(Some(Fit {
        name: "client_delay",
        title: "Delay between driver and server",
        formula: "median latency = the model's + 2 × delay",
        figures: vec![Figure { name: "latency.client", is_key: true, quantity: Quantity::Time, estimate: delay }],
        load: Axis { name: "messages/s", quantity: Quantity::Rate },
        result: Axis { name: "median latency", quantity: Quantity::Time },
        explained: None,
        typical_error: (squares / (rows.len() as f64 - 1.0).max(1.0)).sqrt(),
        rows,
        notes: Vec::new(),
    }))
}
