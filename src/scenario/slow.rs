//! Reading of slow clients, and what can't be together with them.

use super::draft::{Draft, World};
use super::types::{SlowClients, SlowConsumer};
use crate::units::{BitRate, Ratio};

/// The section.
const SLOW: &str = "workload.slow_clients";

/// The slow clients of a world, if there are any.
pub(super) fn slow_clients(world: &World) -> Option<SlowClients> {
    if !world.is_section(SLOW) {
        return None;
    }
    let share = world.figure("workload.slow_clients.share").filter(|share| *share > 0.0)?;
    let downlink = world.figure("workload.slow_clients.downlink")?;
    Some(SlowClients { share: Ratio::new(share), downlink: BitRate::new(downlink) })
}

/// What a server does past its buffer.
pub(super) fn slow_consumer(world: &World) -> SlowConsumer {
    match world.word("servers.slow_consumer") {
        Some("disconnect") => SlowConsumer::Disconnect,
        _ => SlowConsumer::Drop,
    }
}

/// Notes what can't be together: where, what, and what to do.
pub(super) fn contradictions(draft: &Draft, world: &World, conflict: &mut impl FnMut(&[&str], String, &str)) {
    if slow_clients(world).is_none() {
        return;
    }
    if world.word("workload.fan_out") == Some("none") {
        conflict(
            &[SLOW],
            "`slow_clients` can't be together with `fan_out: none`".to_owned(),
            "without fan-out nothing is sent to users, so none is slow to take it in; use `echo`, or leave `slow_clients` out",
        );
    }
    if world.word("balancer.unit") == Some("message") {
        conflict(
            &["balancer.unit"],
            "`unit: message` can't be together with `slow_clients`".to_owned(),
            "what waits for a user is in the server of the user's connection: use `unit: connection`",
        );
    }
    for key in ["workload.timeout", "workload.retry"] {
        if world.figure(key).is_some() || world.is_section(key) {
            let name = key.trim_start_matches("workload.");
            conflict(&[key], format!("`{name}` together with `slow_clients` is not modelled"), "leave one of them out");
        }
    }
    if slow_consumer(world) == SlowConsumer::Disconnect && !world.is_section("workload.reconnect") {
        conflict(
            &["workload.reconnect", "servers.slow_consumer"],
            "`slow_consumer: disconnect` can't be together with `reconnect: none`".to_owned(),
            "one after the other all slow users would be gone for good: let them come back, or use `slow_consumer: drop`",
        );
    }
    let (buffer, size) = (world.figure("servers.send_buffer"), world.random("workload.message.size"));
    if let (Some(buffer), Some(size)) = (buffer, size)
        && size.mean() > buffer
    {
        let from = ["servers.send_buffer", "workload.message.size"];
        let given = from.iter().any(|path| draft.place(path).is_some());
        conflict(
            if given { &from } else { &[SLOW] },
            "a message does not fit into the `send_buffer` of a slow connection".to_owned(),
            "give it room for some messages at least",
        );
    }
}
