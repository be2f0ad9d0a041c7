//! The autoscaler: what it looks at, and how many servers it asks for.

use super::draft::{Draft, World};
use crate::units::display::whole;
use crate::units::{Ratio, Seconds};

/// What adds and removes servers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Autoscaler {
    /// The utilisation it steers for.
    pub target: Ratio,
    /// Of what.
    pub of: ScaledBy,
    /// Time between two looks.
    pub every: Seconds,
    /// How far off the target, as a share of it, is near enough.
    pub tolerance: Ratio,
    /// From asking for a server until it takes connections.
    pub delay: Seconds,
    /// The most servers that one look adds or removes.
    pub step: Step,
    /// Servers are removed only down to the most that was asked for within this time.
    pub cool_down: Seconds,
    /// How long a removed server closes its connections for.
    pub drain: Seconds,
    /// The fewest servers.
    pub least: u64,
    /// The most servers.
    pub most: u64,
}

/// What an autoscaler looks at, on average over the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScaledBy {
    /// Share of the time since the last look that cores were at work, wake-ups included.
    Cpu,
    /// Open connections over comfortable ones.
    Connections,
}

/// The most servers that one look adds or removes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// So many.
    Servers(u64),
    /// This share of those there are, rounded up.
    Share(Ratio),
}

impl Step {
    /// The most servers, where there are so many.
    pub fn of(self, servers: u64) -> u64 {
        match self {
            Self::Servers(count) => count,
            Self::Share(share) => (servers as f64 * share.get()).ceil().max(1.0) as u64,
        }
    }
}

/// Faults that stop or slow servers.
const SERVER_FAULTS: [&str; 4] = ["faults.crash", "faults.lose", "faults.slow", "faults.deploy"];

/// What is asked of an autoscaler that can't be.
pub(super) fn contradictions(draft: &Draft, world: &World, conflict: &mut dyn FnMut(&[&str], String, &str)) {
    let Some(Autoscaler { least, most, .. }) = autoscaler(world) else { return };
    if least > most {
        conflict(
            &["autoscaler.least", "autoscaler.most"],
            format!("`least` ({}) is more than `most` ({})", whole(least as f64), whole(most as f64)),
            "the number of servers stays between the two",
        );
    } else if let Some(count) = world.figure("servers.count")
        && !(least as f64..=most as f64).contains(&count)
    {
        conflict(
            &["servers.count", "autoscaler.most"],
            format!(
                "the autoscaler keeps {} to {} servers, and the run would begin with {}",
                whole(least as f64),
                whole(most as f64),
                whole(count)
            ),
            "`servers.count` is how many there are at the start: choose one between `least` and `most`",
        );
    }
    if world.word("balancer.unit") == Some("message") {
        conflict(
            &["balancer.unit", "autoscaler"],
            "`autoscaler` can't be together with `unit: message`".to_owned(),
            "servers that come and go are modelled with connections that stay where they are: use `unit: connection`",
        );
    }
    let elsewhere = matches!(world.word("workload.fan_out"), Some("direct" | "broadcast"));
    if elsewhere || world.is_section("workload.fan_out") {
        conflict(
            &["workload.fan_out", "autoscaler"],
            "`autoscaler` can't be together with messages to other users".to_owned(),
            "where recipients are is not followed from server to server; use `fan_out: echo` or `none`",
        );
    }
    if world.is_section("sharding") || world.word("regions") != Some("none") {
        conflict(
            &["autoscaler", "sharding", "regions"],
            "`autoscaler` can't be together with shards or regions".to_owned(),
            "each of them would scale by itself: describe one of them, with its users, as a scenario of its own",
        );
    }
    if world.is_section("backend") {
        conflict(
            &["autoscaler", "backend"],
            "`autoscaler` can't be together with a `backend`".to_owned(),
            "leave one of them out: how a new server's cache fills is not modelled",
        );
    }
    let broken =
        world.items("faults").iter().any(|item| SERVER_FAULTS.iter().any(|kind| item.draft.place(kind).is_some()));
    if broken && draft.place("autoscaler").is_some() {
        conflict(
            &["faults", "autoscaler"],
            "`autoscaler` can't be together with faults of servers".to_owned(),
            "which servers there are to break is known only in the run; leave one of them out",
        );
    }
}

/// The autoscaler of a world, if it has one.
pub(super) fn autoscaler(world: &World) -> Option<Autoscaler> {
    if !world.is_section("autoscaler") {
        return None;
    }
    let seconds = |path: &str| world.figure(path).map(Seconds::new);
    let ratio = |path: &str| world.figure(path).map(Ratio::new);
    let step = if world.is_section("autoscaler.step") {
        Step::Share(ratio("autoscaler.step.share")?)
    } else {
        Step::Servers(world.figure("autoscaler.step")? as u64)
    };
    Some(Autoscaler {
        target: ratio("autoscaler.target")?,
        of: match world.word("autoscaler.of") {
            Some("connections") => ScaledBy::Connections,
            _ => ScaledBy::Cpu,
        },
        every: seconds("autoscaler.every")?,
        tolerance: ratio("autoscaler.tolerance")?,
        delay: seconds("autoscaler.delay")?,
        step,
        cool_down: seconds("autoscaler.cool_down")?,
        drain: seconds("autoscaler.drain")?,
        least: world.figure("autoscaler.least")? as u64,
        most: world.figure("autoscaler.most")? as u64,
    })
}
