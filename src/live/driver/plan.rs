//! What to drive: the part of a scenario that users do, and what the command line says of how.

use super::target::Target;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::live::payload::Form;
use crate::random::Distribution;
use crate::scenario::{Arrivals, Curve, Encoding, FanOut, ProfileOf, Reconnect, Scenario};
use crate::units::Seconds;

/// A run of the driver.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where to: connections are dealt out to them in turn.
    pub targets: Vec<Target>,
    /// Connections to hold. Each counts as a user of its own.
    pub connections: u32,
    /// When messages are sent.
    pub pace: Pace,
    /// How the rate moves.
    pub profile: Option<Curve>,
    /// Bytes of a message.
    pub size: Distribution,
    /// How messages are framed.
    pub form: Form,
    /// Whether compression is asked for (permessage-deflate).
    pub deflate: bool,
    /// Who gets messages.
    pub fan_out: FanOut,
    /// What happens when a connection is refused or lost.
    pub reconnect: Option<Reconnect>,
    /// How long a connection lasts before another takes its place, in seconds.
    pub session: Option<Distribution>,
    /// Answers that take longer count as timed out, in seconds.
    pub timeout: Option<f64>,
    /// How long an attempt to connect may take, in seconds.
    pub connect_timeout: f64,
    /// The seed of every random stream.
    pub seed: u64,
    /// Seconds of load before what is measured.
    pub warm_up: f64,
    /// Seconds measured.
    pub duration: f64,
    /// Seconds to wait at most for what is still to come.
    pub drain: f64,
    /// Connection attempts a second, at most.
    pub ramp: Option<f64>,
    /// Threads that drive; `None` is as many as the descriptors take.
    pub threads: Option<u32>,
    /// Cores to run on, dealt out to the threads in turn; none is any.
    pub cpus: Vec<usize>,
    /// Local addresses to connect from; `None` is as many as the ports take.
    pub sources: Option<u32>,
    /// Whether certificates are taken on trust, also from other machines.
    pub insecure: bool,
    /// Whether the intended times are kept.
    pub record: bool,
    /// Processes to watch.
    pub watch: Vec<u32>,
}

/// When messages are sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Pace {
    /// At their times, whatever the server does.
    Open {
        /// Messages a second of one connection.
        rate: f64,
        /// How they follow each other.
        arrivals: Arrivals,
    },
    /// As soon as another is answered.
    Closed {
        /// Messages of a connection that are under way at any time.
        in_flight: u32,
    },
}

/// What the command line adds to a scenario.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where to.
    pub urls: Vec<String>,
    /// Seconds measured.
    pub duration: f64,
    /// Seconds of load before that.
    pub warm_up: f64,
    /// Seconds to wait at most for what is still to come.
    pub drain: f64,
    /// Connection attempts a second, at most.
    pub ramp: Option<f64>,
    /// A closed loop with so many messages of a connection under way.
    pub in_flight: Option<u32>,
    /// Threads that drive.
    pub threads: Option<u32>,
    /// Cores to run on.
    pub cpus: Vec<usize>,
    /// Local addresses to connect from.
    pub sources: Option<u32>,
    /// Whether certificates are taken on trust.
    pub insecure: bool,
    /// Whether the intended times are kept.
    pub record: bool,
    /// Processes to watch.
    pub watch: Vec<u32>,
}

/// An attempt to connect takes so long at most, where the scenario says nothing.
const CONNECT_TIMEOUT: f64 = 10.0;

impl Plan {
    /// The plan for a scenario.
    ///
    /// # Errors
    /// What the driver can't do, or a URL that is none.
    pub fn of(scenario: &Scenario, options: &Options) -> Result<Self, Diagnostics> {
        let workload = &scenario.workload;
        let mut errors = unsupported(scenario, options);
        let mut targets = Vec::new();
        for url in &options.urls {
            match Target::parse(url) {
                Ok(target) => targets.push(target),
                Err(problem) => errors.push(
                    Diagnostic::new(format!("`--url {url}` is no WebSocket URL: {problem}"))
                        .help("write it like `--url ws://127.0.0.1:9001`"),
                ),
            }
        }
        if targets.is_empty() && errors.is_empty() {
            errors.push(
                Diagnostic::new("there is no server to drive").help("name one, such as `--url ws://127.0.0.1:9001`"),
            );
        }
        if !errors.is_empty() {
            return Err(Diagnostics::new(errors));
        }
        let each = workload.connections_per_user as f64;
        let per_connection = |rates: &[f64]| rates.iter().map(|rate| rate / each).collect();
        let pace = match options.in_flight {
            Some(in_flight) => Pace::Closed { in_flight },
            None => Pace::Open {
                rate: workload.message_rate.get() / each,
                arrivals: match &workload.arrivals {
                    Arrivals::Mmpp { rates, switch } => {
                        Arrivals::Mmpp { rates: per_connection(rates), switch: switch.clone() }
                    }
                    other => other.clone(),
                },
            },
        };
        Ok(Self {
            targets,
            connections: (scenario.users * workload.connections_per_user) as u32,
            pace,
            profile: workload.profile.as_ref().map(|profile| profile.curve.clone()),
            size: workload.message_size.clone(),
            form: match scenario.protocol.encoding {
                Encoding::Json => Form::Text,
                Encoding::Binary { .. } => Form::Binary,
            },
            deflate: scenario.protocol.compression.is_some(),
            fan_out: workload.fan_out.clone(),
            reconnect: workload.reconnect,
            session: workload.session.clone(),
            timeout: workload.timeout.map(Seconds::get),
            connect_timeout: workload.connect_timeout.map_or(CONNECT_TIMEOUT, Seconds::get),
            seed: scenario.simulation.seed,
            warm_up: options.warm_up,
            duration: options.duration,
            drain: options.drain,
            ramp: options.ramp,
            threads: options.threads,
            cpus: options.cpus.clone(),
            sources: options.sources,
            insecure: options.insecure,
            record: options.record,
            watch: options.watch.clone(),
        })
    }

    /// From when until when it is measured, if sending begins then; in ns.
    pub fn window(&self, start: u64) -> (u64, u64) {
        let from = start + (self.warm_up * 1e9) as u64;
        (from, from + (self.duration * 1e9) as u64)
    }
}

/// Connections that can be numbered in a message's header.
const MOST_CONNECTIONS: u64 = 1 << 30;

/// What of the scenario the driver can't do.
fn unsupported(scenario: &Scenario, options: &Options) -> Vec<Diagnostic> {
    let workload = &scenario.workload;
    let uneven = matches!(&workload.fan_out, FanOut::Room(room) if room.zipf > 0.0);
    let closed = options.in_flight.is_some();
    let checks = [
        (
            scenario.users.saturating_mul(workload.connections_per_user) > MOST_CONNECTIONS,
            "a driver holds at most 1,073,741,824 connections",
            "drive fewer `--users`",
        ),
        (
            workload.retry.is_some(),
            "`drive` doesn't send messages again (`workload.retry`)",
            "leave it out: `--set workload.retry=none`",
        ),
        (
            workload.slow_clients.is_some(),
            "`drive` has no slow clients (`workload.slow_clients`)",
            "leave it out: `--set workload.slow_clients=none`",
        ),
        (
            workload.profile.as_ref().is_some_and(|profile| profile.of == ProfileOf::Users),
            "`drive` holds its connections: it can't follow a profile of users",
            "let the profile be of messages: `--set workload.profile.of=messages`",
        ),
        (
            uneven && matches!(workload.arrivals, Arrivals::Periodic | Arrivals::Mmpp { .. }),
            "with `arrivals: periodic` or `mmpp` each user has a rate, so rooms can't have a popularity",
            "leave out `popularity`, or take `arrivals: poisson`",
        ),
        (
            closed && workload.fan_out != FanOut::Echo,
            "`--in-flight` waits for answers, which only `fan_out: echo` has",
            "leave it out, or add `--set workload.fan_out=echo`",
        ),
    ];
    checks
        .into_iter()
        .filter(|(wrong, ..)| *wrong)
        .map(|(_, message, help)| Diagnostic::new(message).help(help))
        .collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A plan to change.
    pub fn plan() -> Plan {
        Plan {
            targets: vec![Target::parse("ws://127.0.0.1:1").unwrap()],
            connections: 10,
            pace: Pace::Open { rate: 1.0, arrivals: Arrivals::Poisson },
            profile: None,
            size: Distribution::Constant(100.0),
            form: Form::Text,
            deflate: false,
            fan_out: FanOut::Echo,
            reconnect: None,
            session: None,
            timeout: None,
            connect_timeout: 1.0,
            seed: 1,
            warm_up: 0.0,
            duration: 1.0,
            drain: 1.0,
            ramp: None,
            threads: Some(1),
            cpus: Vec::new(),
            sources: None,
            insecure: false,
            record: false,
            watch: Vec::new(),
        }
    }
}
