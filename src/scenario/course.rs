//! Reading of what moves the load over time, and what of it can't be together.

use super::draft::{Draft, World};
use super::profile::{Curve, Profile, ProfileOf};
use super::types::Retry;
use crate::random::Distribution;
use crate::units::Seconds;

/// The shapes a profile may have.
const SHAPES: [&str; 4] =
    ["workload.profile.diurnal", "workload.profile.steps", "workload.profile.flash", "workload.profile.trace"];

/// Retries that follow each other faster than this would take for ever to simulate.
const SHORTEST_RETRY_SECONDS: f64 = 1e-3;

/// Notes what can't be together: where, what, and what to do.
pub(super) fn contradictions(draft: &Draft, world: &World, conflict: &mut impl FnMut(&[&str], String, &str)) {
    waiting(world, conflict);
    if !world.is_section("workload.profile") {
        return;
    }
    let given: Vec<&str> = SHAPES.into_iter().filter(|path| draft.place(path).is_some()).collect();
    if given.is_empty() {
        conflict(
            &["workload.profile"],
            "a `profile` needs a shape".to_owned(),
            "give it one of `diurnal`, `steps`, `flash` and `trace`, or write `profile: steady`",
        );
        return;
    }
    if let [_, second, ..] = given[..] {
        conflict(&[second], "a `profile` has one shape".to_owned(), "keep one of them");
        return;
    }
    let Some(profile) = profile(world) else { return };
    let end = world.figure("simulation.duration").unwrap_or(1.0);
    if profile.curve.mean(end) <= 0.0 {
        conflict(
            &given,
            "this `profile` has no load in the whole run".to_owned(),
            "give it a share of more than zero before the run's end (`simulation.duration`)",
        );
    }
    if profile.of == ProfileOf::Messages && world.word("workload.message.arrivals") == Some("periodic") {
        conflict(
            &["workload.message.arrivals", "workload.profile.of", "workload.profile"],
            "periodic messages can't follow a `profile`: then they would not be periodic".to_owned(),
            "use `arrivals: poisson`, or let the users follow it: `profile: {of: users, …}`",
        );
    }
    let steady = world.word("simulation.start") == Some("steady");
    if profile.of == ProfileOf::Users && !world.is_section("workload.session") && !steady {
        conflict(
            &["simulation.start"],
            "`start` can't be together with a `profile` of users".to_owned(),
            "the profile says how many are connected at the start; leave `start` out",
        );
    }
}

/// What can't be together with users who wait only so long, or send again.
fn waiting(world: &World, conflict: &mut impl FnMut(&[&str], String, &str)) {
    let timeout = world.figure("workload.timeout");
    if timeout.is_some() && world.word("workload.fan_out") == Some("none") {
        conflict(
            &["workload.timeout"],
            "`timeout` can't be together with `fan_out: none`".to_owned(),
            "without fan-out nobody waits for an answer; use `echo`, or leave `timeout` out",
        );
    }
    if retry(world).is_some_and(|retry| retry.delay.mean() < SHORTEST_RETRY_SECONDS) {
        conflict(
            &["workload.retry.delay", "workload.retry"],
            "a retry's `delay` must be at least 1 ms on average".to_owned(),
            "who tries again without a pause does nothing else; `1 s` is usual",
        );
    }
    let delay = world.random("latency.client").and_then(|delay| delay.constant()).unwrap_or(0.0);
    if timeout.is_some_and(|timeout| timeout <= 2.0 * delay) {
        conflict(
            &["workload.timeout", "latency.client"],
            "`timeout` is not longer than the way there and back: no answer would be in time".to_owned(),
            "make it longer than twice `latency.client`",
        );
    }
}

/// How failed messages are sent again, if they are.
pub(super) fn retry(world: &World) -> Option<Retry> {
    if !world.is_section("workload.retry") {
        return None;
    }
    Some(Retry {
        limit: world.figure("workload.retry.limit").map(|limit| limit as u64),
        delay: world.random("workload.retry.delay").unwrap_or(Distribution::ZERO),
        backoff: world.figure("workload.retry.backoff").unwrap_or(1.0),
        cap: Seconds::new(world.figure("workload.retry.cap").unwrap_or(0.0)),
    })
}

/// The profile, if there is one.
pub(super) fn profile(world: &World) -> Option<Profile> {
    if !world.is_section("workload.profile") {
        return None;
    }
    let of = match world.word("workload.profile.of") {
        Some("users") => ProfileOf::Users,
        Some("messages") => ProfileOf::Messages,
        _ if world.is_section("workload.session") => ProfileOf::Users,
        _ => ProfileOf::Messages,
    };
    Some(Profile { curve: curve(world)?, of })
}

fn curve(world: &World) -> Option<Curve> {
    let pairs = |figures: &[f64]| figures.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>();
    if world.is_section("workload.profile.diurnal") {
        return Some(Curve::Diurnal {
            low: world.figure("workload.profile.diurnal.low")?,
            period: world.figure("workload.profile.diurnal.period")?,
            peak_at: world.figure("workload.profile.diurnal.peak_at")?,
        });
    }
    if world.is_section("workload.profile.flash") {
        return Some(Curve::flash(
            world.figure("workload.profile.flash.at")?,
            world.figure("workload.profile.flash.from")?,
            world.figure("workload.profile.flash.rise")?,
            world.figure("workload.profile.flash.hold")?,
            world.figure("workload.profile.flash.fall")?,
        ));
    }
    if let Some(steps) = world.figures("workload.profile.steps") {
        return Some(Curve::steps(&pairs(steps)));
    }
    world.figures("workload.profile.trace").map(|points| Curve::Points(pairs(points)))
}
