//! Zones and faults: which servers fail together, what breaks, and when.

use super::draft::{Draft, Item, World};
use crate::diagnostic::{Diagnostic, Place, alternatives, nearest, quoted};
use crate::units::Seconds;
use crate::units::display::whole;

/// Sites that servers are dealt out to in turn: server i stands in zone i mod n.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zones {
    /// Their names.
    pub names: Vec<String>,
    /// How many may be lost while the others carry all.
    pub tolerate: u64,
}

/// Something that breaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// When, from the start of the run.
    pub at: Seconds,
    /// For how long; `None` is until the end of the run.
    pub lasts: Option<Seconds>,
    /// What.
    pub kind: FaultKind,
}

/// What breaks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FaultKind {
    /// So many servers, taken at random from those that are up, stop at once with all that is in them.
    Crash {
        /// How many.
        servers: u64,
    },
    /// All servers of a zone stop at once.
    Lose {
        /// Which zone, counted from 0.
        zone: usize,
    },
    /// So many servers, taken at random, are slower.
    Slow {
        /// How many.
        servers: u64,
        /// How many times as long everything takes their CPU.
        factor: f64,
    },
    /// All servers are restarted, one batch after the other.
    Deploy(Deploy),
    /// So many nodes of the broker, taken at random from those that are up, stop at once with all that is in them.
    LoseBroker {
        /// How many.
        nodes: u64,
    },
    /// Each way over a part of the network takes longer.
    Network {
        /// Which ways.
        of: Ways,
        /// How much longer.
        latency: Seconds,
    },
}

/// A part of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ways {
    /// Between users and servers.
    Client,
    /// Between servers and the broker's nodes.
    Server,
}

/// How servers are restarted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deploy {
    /// From the start of one batch to that of the next.
    pub every: Seconds,
    /// Servers of a batch.
    pub batch: u64,
    /// How long a server closes its connections for, taking no new ones.
    pub drain: Seconds,
    /// How long it is down then.
    pub restart: Seconds,
    /// The longest wait before the first attempt of a user whose connection was closed.
    pub jitter: Seconds,
}

impl Zones {
    /// The zone of a server.
    pub const fn of_server(&self, server: usize) -> usize {
        server % self.names.len()
    }

    /// Servers lost with the largest k zones, of `servers` dealt out in turn: with q = ⌊servers/n⌋ and r = servers mod n,
    /// r zones have q + 1 and the others q, so k·q + min(k, r).
    pub fn lost_with_largest(&self, zones: u64, servers: u64) -> u64 {
        let n = self.names.len() as u64;
        zones * (servers / n) + zones.min(servers % n)
    }

    /// Servers on top of `required` so that as many are left whichever zones, of those tolerated, are lost.
    ///
    /// # Panics
    /// When no zone would be left: a bug of ours, since such a scenario is refused.
    pub fn headroom(&self, required: u64) -> u64 {
        if self.tolerate == 0 {
            return 0;
        }
        let n = self.names.len() as u64;
        assert!(self.tolerate < n, "some zones are left");
        // An even spread needs ⌈required·n/(n − k)⌉; what rounding adds is at most a server a zone.
        // A load that no number of servers carries asks for the largest number there is.
        let even = (u128::from(required) * u128::from(n)).div_ceil(u128::from(n - self.tolerate));
        let mut servers = u64::try_from(even).unwrap_or(u64::MAX);
        while servers < u64::MAX && servers - self.lost_with_largest(self.tolerate, servers) < required {
            servers += 1;
        }
        servers - required
    }
}

/// What is asked of zones and faults that can't be.
pub(super) fn contradictions(draft: &Draft, world: &World) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    let zones = zones(world);
    if let Some(zones) = &zones
        && zones.tolerate >= zones.names.len() as u64
    {
        let (k, n) = (whole(zones.tolerate as f64), whole(zones.names.len() as f64));
        let zones = if n == "1" { "there is only one zone".to_owned() } else { format!("there are {n} zones") };
        errors.push(
            at_first(draft, &["zones.tolerate", "zones"], format!("losing {k} can't be tolerated: {zones}"))
                .help("some zone has to be left to carry the load"),
        );
    }
    let items = world.items("faults");
    if !items.is_empty() && world.word("balancer.unit") == Some("message") {
        errors.push(
            at_first(draft, &["balancer.unit", "faults"], "`faults` can't be together with `unit: message`".to_owned())
                .help("faults drop connections, and with `unit: message` no connection belongs to a server"),
        );
    }
    errors.extend(unmodelled_failures(draft, world));
    for item in items {
        errors.extend(wrong_with(item, zones.as_ref(), world));
    }
    errors
}

/// Breakdowns are modelled for queues that go on unchanged once the CPU does.
fn unmodelled_failures(draft: &Draft, world: &World) -> Vec<Diagnostic> {
    if !world.is_section("servers.failures") {
        return Vec::new();
    }
    let mut errors = Vec::new();
    if world.word("servers.discipline") == Some("ps") {
        let message = "`failures` can't be together with `discipline: ps`".to_owned();
        errors.push(at_first(draft, &["servers.discipline"], message).help("breakdowns are modelled for `fifo` only"));
    }
    if world.random("servers.patience").is_some() || world.random("servers.queue.patience").is_some() {
        let message = "`failures` can't be together with `patience`".to_owned();
        errors.push(
            at_first(draft, &["servers.patience", "servers.queue.patience"], message)
                .help("who would give up while the CPU stands still is not modelled"),
        );
    }
    for path in ["servers.failures.every", "servers.failures.for"] {
        if world.random(path).is_some_and(|time| time.mean() <= 0.0) {
            let name = path.rsplit('.').next().unwrap_or(path);
            errors.push(at_first(draft, &[path], format!("`{name}` must be more than zero")));
        }
    }
    errors
}

/// What breaks.
const KINDS: [&str; 6] =
    ["faults.crash", "faults.lose", "faults.slow", "faults.deploy", "faults.lose_broker", "faults.network"];

/// What is wrong with one fault.
fn wrong_with(item: &Item, zones: Option<&Zones>, world: &World) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    let draft = &item.draft;
    let fault = World::new(draft, &|_| 0.5);
    let kinds: Vec<&Place> = KINDS.iter().filter_map(|path| draft.place(path)).collect();
    let help = "a fault has one of `crash`, `lose`, `slow`, `deploy`, `lose_broker` and `network`";
    match kinds.as_slice() {
        [] => errors.push(Diagnostic::at(&item.place, "this fault doesn't say what breaks").help(help)),
        [_] => {}
        [_, second, ..] => errors.push(Diagnostic::at(second, "this fault breaks two things").help(help)),
    }
    if let (Some(place), true) = (draft.place("faults.for"), fault.is_section("faults.deploy")) {
        errors.push(
            Diagnostic::at(place, "a deploy has no `for`: it is over when all servers are restarted")
                .help("`every`, `batch`, `drain` and `restart` of `deploy` say how long that takes"),
        );
    }
    if let (Some(place), Some("ps")) = (draft.place("faults.slow"), world.word("servers.discipline")) {
        errors.push(
            Diagnostic::at(place, "`slow` can't be together with `discipline: ps`")
                .help("a slower CPU is modelled for `fifo` only"),
        );
    }
    let crosses =
        world.is_section("workload.fan_out") || matches!(world.word("workload.fan_out"), Some("direct" | "broadcast"));
    if let (Some(place), Some("server"), false) =
        (draft.place("faults.network.of"), fault.word("faults.network.of"), crosses)
    {
        errors.push(Diagnostic::at(place, "nothing goes between servers here: this fault would change nothing").help(
            "messages cross between servers with `fan_out: direct`, `broadcast` or a `room`; or use `of: client`",
        ));
    }
    errors.extend(broker_lost(draft, &fault, world, crosses));
    let duration = world.figure("simulation.duration").unwrap_or(f64::INFINITY);
    if let (Some(at), Some(place)) = (fault.figure("faults.at"), draft.place("faults.at"))
        && at >= duration
    {
        errors.push(
            Diagnostic::at(place, "this fault comes after the end of the run")
                .help("lengthen `simulation.duration`, or let it break earlier"),
        );
    }
    for path in ["faults.crash.servers", "faults.slow.servers"] {
        if let (Some(count), Some(servers), Some(place)) =
            (fault.figure(path), world.figure("servers.count"), draft.place(path))
            && count > servers
        {
            let servers = if servers < 2.0 {
                "is only one server".to_owned()
            } else {
                format!("are only {} servers", whole(servers))
            };
            errors.push(Diagnostic::at(place, format!("there {servers}")).help("no more can break than there are"));
        }
    }
    if let (Some(name), Some(place)) = (fault.text("faults.lose"), draft.place("faults.lose")) {
        errors.extend(unknown_zone(name, place, zones));
    }
    errors
}

/// What is wrong with a fault of the broker.
fn broker_lost(draft: &Draft, fault: &World, world: &World, crosses: bool) -> Option<Diagnostic> {
    let place = draft.place("faults.lose_broker")?;
    if world.word("broker") == Some("none") {
        return Some(
            Diagnostic::at(place, "there is no broker to lose")
                .help("name one, such as `broker: redis`, `kafka` or `nats`"),
        );
    }
    if !crosses {
        return Some(
            Diagnostic::at(place, "no message goes by the broker here: this fault would change nothing")
                .help("messages cross between servers with `fan_out: direct`, `broadcast` or a `room`"),
        );
    }
    let (count, nodes) = (fault.figure("faults.lose_broker.nodes")?, world.figure("broker.nodes")?);
    (count > nodes).then(|| {
        let nodes =
            if nodes < 2.0 { "is only one node".to_owned() } else { format!("are only {} nodes", whole(nodes)) };
        let place = draft.place("faults.lose_broker.nodes").unwrap_or(place);
        Diagnostic::at(place, format!("there {nodes} of the broker")).help("no more can break than there are")
    })
}

fn unknown_zone(name: &str, place: &Place, zones: Option<&Zones>) -> Option<Diagnostic> {
    let Some(zones) = zones else {
        let error = Diagnostic::at(place, format!("there is no zone {}, since there are no `zones`", quoted(name)));
        return Some(error.help("name them at the top, such as `zones: [zone-a, zone-b, zone-c]`, or `zones: 3`"));
    };
    if zones.names.iter().any(|zone| zone == name) {
        return None;
    }
    let names = || zones.names.iter().map(String::as_str);
    let help = nearest(name, names()).map_or_else(
        || format!("the zones are {}", alternatives(names()).replace(" or ", " and ")),
        |near| format!("did you mean `{near}`?"),
    );
    Some(Diagnostic::at(place, format!("there is no zone {}", quoted(name))).help(help))
}

/// An error at the first of these paths that the file gives.
fn at_first(draft: &Draft, paths: &[&str], message: String) -> Diagnostic {
    match paths.iter().find_map(|path| draft.place(path)) {
        Some(place) => Diagnostic::at(place, message),
        None => Diagnostic::new(message),
    }
}

/// The zones of a world.
pub(super) fn zones(world: &World) -> Option<Zones> {
    let names = world.names("zones").or_else(|| world.is_section("zones").then(|| world.names("zones.names"))?)?;
    let tolerate = if world.is_section("zones") { world.figure("zones.tolerate").unwrap_or(0.0) } else { 0.0 };
    Some(Zones { names: names.to_vec(), tolerate: tolerate as u64 })
}

/// The faults of a world, in the order of the file.
pub(super) fn faults(world: &World) -> Vec<Fault> {
    let zones = zones(world);
    world
        .items("faults")
        .iter()
        .filter_map(|item| {
            let fault = World::new(&item.draft, &|_| 0.5);
            let zone = |name: &str| zones.as_ref().and_then(|zones| zones.names.iter().position(|zone| zone == name));
            let seconds = |path: &str| fault.figure(path).map(Seconds::new);
            let kind = if let Some(name) = fault.text("faults.lose") {
                FaultKind::Lose { zone: zone(name)? }
            } else if fault.is_section("faults.slow") {
                let servers = fault.figure("faults.slow.servers")? as u64;
                FaultKind::Slow { servers, factor: fault.figure("faults.slow.factor")? }
            } else if fault.is_section("faults.deploy") {
                FaultKind::Deploy(Deploy {
                    every: seconds("faults.deploy.every")?,
                    batch: fault.figure("faults.deploy.batch")? as u64,
                    drain: seconds("faults.deploy.drain")?,
                    restart: seconds("faults.deploy.restart")?,
                    jitter: seconds("faults.deploy.jitter")?,
                })
            } else if fault.is_section("faults.lose_broker") {
                FaultKind::LoseBroker { nodes: fault.figure("faults.lose_broker.nodes")? as u64 }
            } else if fault.is_section("faults.network") {
                let of = if fault.word("faults.network.of") == Some("server") { Ways::Server } else { Ways::Client };
                FaultKind::Network { of, latency: seconds("faults.network.latency")? }
            } else {
                FaultKind::Crash { servers: fault.figure("faults.crash.servers")? as u64 }
            };
            Some(Fault {
                at: Seconds::new(fault.figure("faults.at")?),
                lasts: fault.figure("faults.for").map(Seconds::new),
                kind,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against trying out every number of servers.
    #[test]
    fn the_headroom_is_the_least_that_suffices() {
        for (n, k) in [(2, 1), (3, 1), (3, 2), (5, 2), (7, 6)] {
            let zones = Zones { names: (0..n).map(|i| i.to_string()).collect(), tolerate: k };
            for required in 1..200_u64 {
                let left = |servers: u64| {
                    let mut sizes: Vec<u64> =
                        (0..n).map(|z| (0..servers).filter(|i| i % n == z).count() as u64).collect();
                    sizes.sort_unstable();
                    sizes[..(n - k) as usize].iter().sum::<u64>()
                };
                let least = (required..10 * required + 20).find(|servers| left(*servers) >= required).unwrap();
                assert_eq!(zones.headroom(required), least - required, "{required} with {k} of {n} zones lost");
            }
            assert_eq!(zones.headroom(u64::MAX), 0, "no number of servers suffices, and there is none to add");
        }
    }
}
