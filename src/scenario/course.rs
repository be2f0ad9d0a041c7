//! Reading of what moves the load over time, and what of it can't be together.

use super::draft::{Draft, World};
use super::profile::{Curve, Profile, ProfileOf};
use super::types::{Arrivals, Retry};
use crate::random::Distribution;
use crate::stats::queueing::stationary;
use crate::units::{Rate, Seconds};

/// The shapes a profile may have.
const SHAPES: [&str; 4] =
    ["workload.profile.diurnal", "workload.profile.steps", "workload.profile.flash", "workload.profile.trace"];

/// The kinds of arrivals that are sections or files.
const ARRIVALS: [&str; 3] =
    ["workload.message.arrivals.batch", "workload.message.arrivals.mmpp", "workload.message.arrivals.trace"];
/// More states than this are no model any more.
const MOST_STATES: usize = 16;

/// Retries that follow each other faster than this would take for ever to simulate.
const SHORTEST_RETRY_SECONDS: f64 = 1e-3;

/// Notes what can't be together: where, what, and what to do.
pub(super) fn contradictions(draft: &Draft, world: &World, conflict: &mut impl FnMut(&[&str], String, &str)) {
    waiting(world, conflict);
    of_messages(draft, world, conflict);
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
    let elsewhere = matches!(world.word("workload.fan_out"), Some("direct" | "broadcast"));
    if (timeout.is_some() || world.is_section("workload.retry")) && (elsewhere || world.is_section("workload.fan_out"))
    {
        conflict(
            &["workload.timeout", "workload.retry", "workload.fan_out"],
            "`timeout` and `retry` can't be together with messages to other users".to_owned(),
            "who writes to others waits for no answer; use `fan_out: echo`",
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

/// What can't be in the arrivals.
fn of_messages(draft: &Draft, world: &World, conflict: &mut impl FnMut(&[&str], String, &str)) {
    if !world.is_section("workload.message.arrivals") {
        return;
    }
    let given: Vec<&str> = ARRIVALS.into_iter().filter(|path| draft.place(path).is_some()).collect();
    match given[..] {
        [] => conflict(
            &["workload.message.arrivals"],
            "`arrivals` needs a kind".to_owned(),
            "give it one of `batch`, `mmpp` and `trace`, or write `arrivals: poisson`",
        ),
        [_] => {}
        [_, second, ..] => conflict(&[second], "`arrivals` are of one kind".to_owned(), "keep one of them"),
    }
    match arrivals(world) {
        Some(Arrivals::Mmpp { rates, switch }) => {
            let path = "workload.message.arrivals.mmpp.switch";
            if rates.len() != switch.len() {
                let message = format!("there are {} `rates` but {} of `switch`", rates.len(), switch.len());
                conflict(&[path], message, "each state has a rate, and a rate at which it is left");
            } else if !(2..=MOST_STATES).contains(&rates.len()) {
                let message = format!("`mmpp` takes from 2 to {MOST_STATES} states, not {}", rates.len());
                conflict(&[path], message, "with one state it is `arrivals: poisson`");
            } else if rates.iter().all(|rate| *rate <= 0.0) {
                let message = "no state of `mmpp` has any messages".to_owned();
                conflict(&["workload.message.arrivals.mmpp.rates"], message, "give one a rate of more than zero");
            }
        }
        Some(Arrivals::Trace { times, period }) => {
            let path = "workload.message.arrivals.trace";
            if times.len() < 2 || period <= times[times.len() - 1] {
                let message = "a `trace` of messages needs two different times at least".to_owned();
                conflict(&[path], message, "without them there is no telling when it starts over");
            } else if world.is_section("workload.profile") {
                let message = "a `profile` can't be together with a `trace` of messages".to_owned();
                conflict(&["workload.profile"], message, "the trace says when messages come; leave the profile out");
            }
        }
        _ => {}
    }
}

/// The arrivals that have their own rate, if these have.
pub(super) fn arrivals(world: &World) -> Option<Arrivals> {
    if let Some(times) = world.figures("workload.message.arrivals.trace") {
        let (first, last) = (*times.first()?, *times.last()?);
        let gap = if times.len() < 2 { 0.0 } else { (last - first) / (times.len() - 1) as f64 };
        return Some(Arrivals::Trace { times: times.into(), period: last + gap });
    }
    if !world.is_section("workload.message.arrivals.mmpp") {
        return None;
    }
    Some(Arrivals::Mmpp {
        rates: world.figures("workload.message.arrivals.mmpp.rates")?.to_vec(),
        switch: world.figures("workload.message.arrivals.mmpp.switch")?.to_vec(),
    })
}

/// Messages a second of a user, where the arrivals say it.
pub(super) fn own_rate(arrivals: &Arrivals, users: u64) -> Option<Rate> {
    match arrivals {
        Arrivals::Mmpp { rates, switch } => {
            let mix = stationary(switch);
            Some(Rate::new(rates.iter().zip(mix).map(|(rate, share)| rate * share).sum()))
        }
        Arrivals::Trace { times, period } => Some(Rate::new(times.len() as f64 / period / users as f64)),
        _ => None,
    }
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
