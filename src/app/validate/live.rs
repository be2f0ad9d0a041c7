//! The model held against a real server on this machine.
//!
//! At each load three runs make a triangle. The model predicts first, on arrivals of its own. Then the server is measured,
//! several times. Then the model replays the arrivals of one of those measurements: what it is off there is the service
//! model's error, and the rest the workload's.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Tried;
use crate::app::calibrate;
use crate::app::progress::Progress;
use crate::app::rig::{FOREIGN, Ran, Rig, Run, Variant};
use crate::app::{Failure, output};
use crate::cli::Validate;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::metrics::Observation;
use crate::model::{Fleet, Model, ResourceKind};
use crate::scenario::{Arrivals, Document, Scenario};
use crate::simulation::{SimulationError, simulate};
use crate::stats::Estimate;
use crate::units::display::count;
use crate::units::{Rate, Seconds};
use crate::validate::compare::{Load, Side};
use crate::validate::metric::Allowances;
use crate::validate::repeats::{self, pooled};
use crate::validate::{Noise, Trial};

/// Most connections of a load point: descriptors of one process on each side, connected within seconds.
const MOST_CONNECTIONS: u64 = 10_000;
/// Utilisations past saturation: what gets through there is the saturation point.
const PAST: [f64; 2] = [1.1, 1.5];
/// Messages that a prediction is made of, at least.
const MESSAGES: f64 = 300_000.0;
/// Most connections at all: some 12 GB of memory, most of it the kernel's.
const MOST_HELD: u64 = 1_000_000;
/// Share of the connections that find a place, where the limit is tried.
const PLACES: f64 = 0.75;
/// Utilisation at which the limit is tried, and most connections there.
const LIGHT: f64 = 0.2;
const MOST_AT_LIMIT: u64 = 1_000;
/// Independent simulations of a load, and of its replay.
const REPLICATIONS: u64 = 5;
const REPLAYS: u64 = 3;
/// Seconds of load before what is measured.
const WARM_UP: f64 = 0.5;

/// Where one server of the scenario runs on this machine, and nothing else.
const HERE: [(&str, &str); 34] = [
    ("protocol.tls", "false"),
    ("balancer", "{policy: least-connections}"),
    ("sharding", "none"),
    ("regions", "none"),
    ("zones", "none"),
    ("broker", "none"),
    ("backend", "none"),
    ("cache", "none"),
    ("cdn", "none"),
    ("faults", "none"),
    ("autoscaler", "none"),
    ("workload.profile", "steady"),
    ("workload.session", "none"),
    ("workload.slow_clients", "none"),
    ("workload.timeout", "none"),
    ("workload.retry", "none"),
    ("servers.failures", "none"),
    ("servers.queue", "unlimited"),
    ("link", "{kind: loopback, mtu: 65536 B}"),
    ("servers.count", "1"),
    ("servers.spare", "0"),
    ("servers.discipline", "fifo"),
    ("servers.patience", "none"),
    ("servers.accept", "unlimited"),
    ("servers.network", "unlimited"),
    ("servers.packets", "unlimited"),
    ("servers.descriptors", "unlimited"),
    ("servers.memory", "1 TB"),
    ("workload.connections_per_user", "1"),
    ("workload.reconnect", "none"),
    ("latency.server", "0 s"),
    ("simulation.mode", "every-message"),
    ("simulation.start", "steady"),
    ("simulation.precision", "none"),
];

/// Holds the model against a server on this machine.
pub fn tried(options: &Validate, document: &Document, scenario: &Scenario) -> Result<Tried, Failure> {
    let rungs = rungs(document)?;
    let rig = Rig::new(scenario.servers.cores, options.quiet)?;
    let mut notes = notes(scenario, &rig);
    let calibration = calibration(options, &rig, scenario, &mut notes)?;
    let here = here(Variant::of(&options.input), scenario, &rig, &calibration)?;
    let points = match &rungs[..] {
        [] => points(&here, scenario)?,
        rungs => on_ladder(rungs, options, &here, &mut notes)?,
    };
    let (mut trials, mut foreign) = (Vec::new(), 0.0_f64);
    for (number, point) in points.iter().enumerate() {
        rig.say(&format!("load {} of {}", number + 1, points.len()));
        match point.trial(&rig, number as u64) {
            Ok((trial, share)) => {
                trials.push(trial);
                foreign = foreign.max(share);
            }
            // What was finished is shown.
            Err(Failure::Interrupted) if !trials.is_empty() => break,
            Err(failure) => return Err(failure),
        }
    }
    if foreign > FOREIGN {
        notes.push("wire bytes are left out where other programs sent over loopback meanwhile".to_owned());
    }
    let repeats = scenario.validation.repeats;
    let source = format!(
        "a server on this machine, {} of {} s at each load",
        if repeats == 1 { "a run".to_owned() } else { format!("{} runs", count(repeats as f64)) },
        count(scenario.validation.duration.get())
    );
    let stopped = (trials.len() < points.len()).then_some(SimulationError::Interrupted);
    let allowances = Allowances::of(&here.resolve()?.1);
    Ok(Tried { trials, allowances, planned: points.len(), source, sample: "run", notes, stopped })
}

/// The numbers of users of a scenario that is a ladder: that varies them and nothing else.
fn rungs(document: &Document) -> Result<Vec<String>, Diagnostics> {
    Ok(match document.sweep()?.as_slice() {
        [axis] if axis.path == "users" => axis.values.clone(),
        _ => Vec::new(),
    })
}

/// A point for each rung that this machine holds, at the rate of the scenario. Of the others it is said what they are.
fn on_ladder(
    rungs: &[String],
    options: &Validate,
    here: &Variant,
    notes: &mut Vec<String>,
) -> Result<Vec<Point>, Failure> {
    let mut points = Vec::new();
    for users in rungs {
        let rung = here
            .clone()
            .with("users", users)
            .with("servers.connections", "{comfortable: 1_000_000_000, limit: unlimited}");
        let (_, scenario) = rung.resolve()?;
        let many = scenario.users > MOST_CONNECTIONS;
        if scenario.users > MOST_HELD || many && !options.million {
            let (_, whole) = Variant::of(&options.input).with("users", users).resolve()?;
            notes.push(simulated_only(&whole)?);
            continue;
        }
        points.push(Point { crowd: many, ..Point::of(rung, false)? });
    }
    if points.is_empty() {
        let error = Diagnostic::new("no rung of the ladder fits on this machine");
        return Err(Diagnostics::from(error.help("`sweep: {users: …}` needs one of at most 10,000 users")).into());
    }
    Ok(points)
}

/// What the model says of a rung that is too high for this machine.
fn simulated_only(scenario: &Scenario) -> Result<String, Failure> {
    let model = Model::of(scenario);
    let metrics = simulate(scenario, &model, &Progress::new(true))?;
    let flag = if scenario.users <= MOST_HELD { " (`--million` holds them here)" } else { "" };
    let latency = metrics.latency.map_or_else(String::new, |latency| {
        format!(", latency p50 {:.2} ms, p99 {:.2} ms", latency.p50.value * 1e3, latency.p99.value * 1e3)
    });
    Ok(format!(
        "{} users are simulated only{flag}: {} servers, CPU load {:.1} %{latency}",
        count(scenario.users as f64),
        count(model.fleet.servers as f64),
        cpu(&model) * 100.0
    ))
}

/// What the scenario has and this machine hasn't.
fn notes(scenario: &Scenario, rig: &Rig) -> Vec<String> {
    let workload = &scenario.workload;
    let has = [
        (scenario.protocol.tls.is_some(), "TLS"),
        (scenario.balancer.planned, "the balancer"),
        (scenario.sharding.is_some(), "sharding"),
        (scenario.broker.is_some(), "the broker"),
        (scenario.backend.is_some(), "the backend"),
        (scenario.cache.is_some(), "the cache"),
        (scenario.cdn.is_some(), "the CDN"),
        (!scenario.faults.is_empty(), "faults"),
        (scenario.autoscaler.is_some(), "the autoscaler"),
        (workload.profile.is_some(), "the load's profile"),
        (
            workload.heartbeat.is_some_and(|every| every > scenario.validation.duration),
            "heartbeats (further apart than a run lasts)",
        ),
        (workload.session.is_some(), "sessions"),
        (workload.slow_clients.is_some(), "slow clients"),
        (workload.timeout.is_some(), "timeouts and retries"),
        (matches!(workload.arrivals, Arrivals::Mmpp { .. } | Arrivals::Trace { .. }), "the messages' own times"),
    ];
    let left_out: Vec<&str> = has.into_iter().filter(|(has, _)| *has).map(|(_, what)| what).collect();
    let mut notes = Vec::new();
    if !left_out.is_empty() {
        notes.push(format!("one server is measured, over loopback; left out: {}", left_out.join(", ")));
    }
    let (asked, had) = (scenario.servers.cores, rig.server_cores());
    if had < asked {
        notes.push(format!("the server has {had} of {asked} cores here, in the model too: the driver needs one"));
    }
    if rig.is_cramped() {
        notes.push("server and driver share the only core: nothing measured here is a verdict".to_owned());
    }
    notes
}

/// The scenario as one server on this machine, with what a calibration says of the machine.
fn here(own: Variant, scenario: &Scenario, rig: &Rig, calibration: &Path) -> Result<Variant, Failure> {
    let mut here = own.with("calibration", calibration.display());
    for (path, value) in HERE {
        here = here.with(path, value);
    }
    here = here.with("servers.cores", rig.server_cores()).with("latency.client", client_delay(rig, calibration)?);
    // The server's share of the users, as far as this machine holds them.
    let own_rate = matches!(scenario.workload.arrivals, Arrivals::Mmpp { .. } | Arrivals::Trace { .. });
    if own_rate {
        here = here.with("workload.message.arrivals", "poisson");
    }
    if scenario.workload.heartbeat.is_some_and(|every| every > scenario.validation.duration) {
        here = here.with("workload.heartbeat", "none");
    }
    if scenario.logs.is_some() {
        here = here.with("logs.compression", "none").with("logs.replication", 1);
    }
    let fleet = Model::of(scenario).fleet;
    let connections = scenario.users as f64 * scenario.workload.connections_per_user as f64;
    let each = (connections / fleet.servers as f64).round().max(1.0) as u64;
    let limit = scenario.servers.connection_limit.unwrap_or(u64::MAX);
    Ok(here.with("users", each.min(limit).min(MOST_CONNECTIONS)))
}

/// The delay on the way to the driver, by a calibration; none where it doesn't say.
fn client_delay(rig: &Rig, calibration: &Path) -> Result<String, Failure> {
    let bare = rig.folder().join("bare.yaml");
    fs::write(&bare, BARE).with_context(|| format!("`{}` can't be written", bare.display()))?;
    let (document, scenario) = Variant::file(&bare).with("calibration", calibration.display()).resolve()?;
    let delay = if document.is_given("latency.client") { scenario.latency.client.mean() } else { 0.0 };
    Ok(format!("{} ns", delay * 1e9))
}

/// The shortest scenario.
const BARE: &str = "users: 1\nworkload: {message: {rate: 1/s}}\n";

/// A load that is tried.
struct Point {
    variant: Variant,
    scenario: Scenario,
    model: Model,
    /// Whether the scenario's own limit of connections is tried.
    at_limit: bool,
    /// Whether there are so many connections that it takes several processes, on all cores.
    crowd: bool,
}

/// The loads: those that the scenario asks for, two past saturation, and one past the limit of connections.
fn points(here: &Variant, scenario: &Scenario) -> Result<Vec<Point>, Failure> {
    let asked = scenario.validation.loads.iter().map(|load| load.get());
    let mut points = Vec::new();
    for utilisation in asked.chain(PAST) {
        points.push(at(here, utilisation)?);
    }
    points.push(past_limit(here)?);
    Ok(points)
}

/// The load at which the model has the server's cores at this utilisation.
fn at(here: &Variant, utilisation: f64) -> Result<Point, Failure> {
    // Utilisation is a straight line in the rate: what heartbeats take, and what each message takes on top.
    let used = |rate: f64| -> Result<f64, Failure> {
        let (_, scenario) = with_rate(here, rate).resolve()?;
        Ok(cpu(&on_one(&scenario)))
    };
    let (low, high) = (used(1e-3)?, used(1.0 + 1e-3)?);
    let rate = (utilisation - low) / (high - low) + 1e-3;
    if !(rate.is_finite() && rate > 0.0) {
        let error =
            Diagnostic::new(format!("no rate of messages brings the servers' cores to {:.0} %", utilisation * 100.0));
        return Err(Diagnostics::from(error.help("give `validation.loads` that messages can make up")).into());
    }
    Point::of(with_rate(here, rate), false)
}

fn with_rate(here: &Variant, rate: f64) -> Variant {
    here.clone().with("workload.message.rate", format!("{rate}/s"))
}

/// The calibration that counts: the one that is named, else a quick one of now.
fn calibration(
    options: &Validate,
    rig: &Rig,
    scenario: &Scenario,
    notes: &mut Vec<String>,
) -> Result<PathBuf, Failure> {
    if let Some(file) = &options.calibration {
        return absolute(file);
    }
    if let Some(calibration) = &scenario.calibration {
        // It is looked for beside the scenario.
        let folder = Path::new(&options.input.scenario).parent().unwrap_or(Path::new(""));
        return absolute(&folder.join(&calibration.file));
    }
    let quick = calibrate::live::measure(rig, scenario, calibrate::live::Effort::Quick)?;
    notes.push(
        "no calibration is named, so a quick one was made first; a thorough one (`plimsoll calibrate`) knows more"
            .to_owned(),
    );
    // One of a kind says enough.
    let mut excesses = quick.excesses.clone();
    excesses.dedup_by(|a, b| a.split(':').next() == b.split(':').next());
    notes.extend(excesses.iter().map(|excess| format!("the calibration was disturbed: {excess}")));
    let Some(found) = quick.calibration("plimsoll validate") else {
        output::complain("the quick calibration found nothing: is the machine busy with something else?");
        return Err(Failure::Inconclusive);
    };
    let file = rig.folder().join("quick.yaml");
    fs::write(&file, found.yaml()).with_context(|| format!("`{}` can't be written", file.display()))?;
    Ok(file)
}

fn absolute(file: &Path) -> Result<PathBuf, Failure> {
    let found = fs::canonicalize(file).with_context(|| format!("the calibration `{}` can't be read", file.display()));
    Ok(found?)
}

fn counts_only(side: &Side) -> Side {
    Side { seen: Observation { latency: None, cpu_busy: None, ..side.seen }, saturated: side.saturated }
}

fn refused_only(side: &Side) -> Side {
    let Observation { seconds, connections, refused_connections, .. } = side.seen;
    Side { seen: Observation { seconds, connections, refused_connections, ..Observation::default() }, saturated: false }
}

/// One server more connections than it has places for, at a light load.
fn past_limit(here: &Variant) -> Result<Point, Failure> {
    let light = at(here, LIGHT)?;
    let connections = light.scenario.users.clamp(4, MOST_AT_LIMIT);
    let places = (connections as f64 * PLACES) as u64;
    let rate = light.scenario.workload.message_rate.get() * light.scenario.users as f64 / connections as f64;
    let variant = with_rate(here, rate)
        .with("users", connections)
        .with("servers.connections", format!("{{comfortable: {places}, limit: {places}}}"))
        // Who is refused at the start is counted too.
        .with("simulation.start", "empty")
        .with("simulation.warm_up", "0 s");
    Point::of(variant, true)
}

/// The model of one server.
fn on_one(scenario: &Scenario) -> Model {
    Model::on(scenario, Fleet { servers: 1, ..Model::of(scenario).fleet })
}

fn cpu(model: &Model) -> f64 {
    model.resource(ResourceKind::Cpu).map_or(0.0, |cpu| cpu.utilisation)
}

impl Point {
    fn of(variant: Variant, at_limit: bool) -> Result<Self, Failure> {
        let (_, scenario) = variant.resolve()?;
        let model = on_one(&scenario);
        let seconds = MESSAGES / REPLICATIONS as f64 / model.load.messages_in_per_second;
        let seconds = seconds.clamp(2.0, 600.0);
        let variant = variant.with("simulation.duration", format!("{seconds} s"));
        let variant = variant.with("simulation.replications", REPLICATIONS);
        let (_, scenario) = variant.resolve()?;
        Ok(Self { model: on_one(&scenario), scenario, variant, at_limit, crowd: false })
    }

    /// Predicts, measures, replays; and says how much of what went over loopback was others'.
    fn trial(&self, rig: &Rig, number: u64) -> Result<(Trial, f64), Failure> {
        let predicted = self.predicted()?;
        let asked = &self.scenario.validation;
        let repeats = if self.at_limit || self.crowd { 1 } else { asked.repeats };
        let mut runs = Vec::new();
        for repeat in 0..repeats {
            let how = Run {
                warm_up: WARM_UP,
                seconds: asked.duration.get(),
                seed: self.scenario.simulation.seed + 1_000 * (number + 1) + repeat,
                record: repeat == 0,
                in_flight: None,
                crowd: self.crowd,
            };
            runs.push(rig.run(&self.variant, how)?);
        }
        let seen: Vec<Observation> = runs.iter().map(|run| run.seen).collect();
        let mut noise = runs.iter().fold(repeats::noise(&seen), |worst, run| worst.worse(&run.noise));
        let mut measured = Side::measured(pooled(&seen).unwrap_or_default());
        let mut predicted = predicted;
        if self.at_limit {
            // Who is refused sends nothing, so the other figures are those of another load.
            (predicted, measured) = (refused_only(&predicted), refused_only(&measured));
        } else {
            // Nobody is past the limit elsewhere.
            measured.seen.refused_connections = None;
        }
        if self.crowd {
            // Server and driver have all cores in common, so times tell of both; what is counted is the server's.
            (predicted, measured) = (counts_only(&predicted), counts_only(&measured));
            noise = Noise { steal_share: noise.steal_share, ..Noise::default() };
        }
        let replayed = match runs.first() {
            Some(first) if !measured.saturated && !self.at_limit && !self.crowd => self.replayed(first)?,
            _ => None,
        };
        let load = &self.model.load;
        let foreign = runs.iter().map(|run| run.foreign_share).fold(0.0, f64::max);
        let trial = Trial {
            load: Load {
                messages_per_second: load.messages_in_per_second,
                connections: Some(load.connections),
                utilisation: Some(cpu(&self.model)),
            },
            predicted,
            replayed,
            measured,
            noise,
            calibrated: Trial::is_calibrated(&self.scenario, &self.model),
            samples: runs.len(),
        };
        Ok((trial, foreign))
    }

    fn predicted(&self) -> Result<Side, Failure> {
        let progress = Progress::new(true);
        let metrics = simulate(&self.scenario, &self.model, &progress)?;
        let mut side = Side::simulated(&metrics, &self.scenario, &self.model);
        // The same connections are refused in each replication: no chance is in that.
        side.seen.refused_connections =
            side.seen.refused_connections.map(|refused| Estimate::exact(refused.value.round()));
        Ok(side)
    }

    /// The model on the arrivals of a run: over and over, the first round being its warm-up.
    fn replayed(&self, run: &Ran) -> Result<Option<Side>, Failure> {
        let (times, period) = (&run.drove.times, run.drove.seconds);
        if times.len() < 2 {
            return Ok(None);
        }
        let mut scenario = self.scenario.clone();
        scenario.workload.message_rate = Rate::new(times.len() as f64 / period / scenario.users as f64);
        scenario.workload.arrivals = Arrivals::Trace { times: times.as_slice().into(), period };
        scenario.simulation.duration = Seconds::new(2.0 * period);
        scenario.simulation.warm_up = Some(Seconds::new(period));
        scenario.simulation.replications = REPLAYS;
        let model = on_one(&scenario);
        let metrics = simulate(&scenario, &model, &Progress::new(true))?;
        Ok(Some(Side::simulated(&metrics, &scenario, &model)))
    }
}
