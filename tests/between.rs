//! What happens when what is between users and servers fails: the network, nodes of the broker?
#![allow(clippy::float_cmp, reason = "counts are exact")]
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use common::outcome::{at, conserved, figure};
use common::scenario;
use serde_json::Value;

/// Rooms on eight servers, by four nodes of a broker, one of which is lost for 20 s.
const ROOMS: &str = "
users: 400
workload: {message: {rate: 1/s}, fan_out: {room: 8}}
latency: {client: 20 ms, server: 250 us}
servers: {count: 8}
broker: {kind: redis, nodes: 4}
faults: [{at: 10 s, lose_broker: {nodes: 1}, for: 20 s}]
simulation: {duration: 60 s, replications: 2}
";

/// What waits with its server for a node with replicas is told from the rest by its latency.
const KAFKA: [&str; 1] = ["broker.kind=kafka"];

fn counted(result: &Value, name: &str) -> u64 {
    result["simulation"]["checks"]["conservation"][name].as_u64().unwrap()
}

fn slowest(result: &Value) -> f64 {
    figure(&result["simulation"]["latency_seconds"], "max")
}

/// At most once: what is for the lost node is lost, a quarter of all letters for a third of the time, and nothing before
/// or after.
#[test]
fn without_replicas_the_letters_of_a_lost_node_are_lost() {
    let result = conserved(ROOMS, &[]);
    let (published, lost) = (counted(&result, "published") as f64, counted(&result, "relay_lost") as f64);
    let share = lost / published * 4.0 * 3.0;
    assert!((0.8..1.2).contains(&share), "{lost} of {published}");
    let fault = &result["simulation"]["recovery"][0];
    assert_eq!((figure(fault, "lost_messages") * 2.0).round(), lost);
    assert_eq!(fault["fault"], "1 broker node lost");
    let [before, during, after] = [5.0, 20.0, 50.0].map(|moment| at(&result, moment, "goodput_per_second"));
    assert!(during < 0.88 * before && after > 0.94 * before, "{before} {during} {after}");
    // The copies that went missing are lost messages; their own servers served the others.
    assert!(figure(&result["simulation"], "dropped_share") > 0.02, "{}", result["simulation"]["dropped_share"]);
    let forever = conserved(ROOMS, &["faults=[{at: 10 s, lose_broker: {nodes: 1}}]"]);
    assert!(counted(&forever, "relay_lost") as f64 > 2.0 * lost);
    let all = conserved(ROOMS, &["faults=[{at: 10 s, lose_broker: {nodes: 4}, for: 20 s}]"]);
    assert!((counted(&all, "relay_lost") as f64 / counted(&all, "published") as f64 - 1.0 / 3.0).abs() < 0.02);
}

/// With replicas nothing is lost; it waits until another node leads, or until the node is back if that is sooner.
#[test]
fn with_replicas_the_letters_of_a_lost_node_wait() {
    let waits = |set: &[&str]| {
        let result = conserved(ROOMS, &[&KAFKA[..], set].concat());
        assert_eq!(counted(&result, "relay_lost"), 0);
        assert_eq!(figure(&result["simulation"], "dropped_messages"), 0.0);
        slowest(&result)
    };
    let unbroken = waits(&["faults=[]"]);
    assert!(unbroken < 0.5, "{unbroken}");
    for (set, longest) in [
        (&[][..], 9.0),
        (&["broker.failover=2 s"], 2.0),
        (&["faults=[{at: 10 s, lose_broker: {nodes: 1}, for: 3 s}]"], 3.0),
        (&["faults=[{at: 10 s, lose_broker: {nodes: 1}}]"], 9.0),
        (&["faults=[{at: 10 s, lose_broker: {nodes: 4}, for: 15 s}]"], 9.0),
    ] {
        let longest = if set.iter().any(|set| set.contains("nodes: 4")) { 15.0 } else { longest };
        let found = waits(set);
        assert!((longest..longest + 0.5).contains(&found), "{set:?}: {found}");
    }
}

/// The price of carrying on: the other node has the work of both, 60 % instead of 30 %.
#[test]
fn the_others_have_the_work_of_a_lost_node() {
    let direct = "
users: 1000
workload: {message: {rate: 1/s}, fan_out: direct}
latency: {client: 0 s, server: 250 us}
servers: {count: 4}
broker: {kind: own, nodes: 2, replication: 2, per_publish: {exponential: 300 us}, failover: 1 s}
faults: [{at: 20 s, lose_broker: {nodes: 1}, for: 30 s}]
simulation: {duration: 70 s, replications: 4}
";
    let result = conserved(direct, &[]);
    assert_eq!(counted(&result, "relay_lost"), 0);
    let [before, during, after] = [10.0, 40.0, 65.0].map(|moment| at(&result, moment, "latency_mean_seconds"));
    assert!(during > before + 0.2e-3 && (after / before - 1.0).abs() < 0.1, "{before} {during} {after}");
}

/// What is queued in a node dies with it: of M/M/1 at ρ = 0.9, nine on average, and what comes in the millisecond that it
/// is away.
#[test]
fn what_is_queued_in_a_node_dies_with_it() {
    let busy = "
users: 900
workload: {message: {rate: 1/s}, fan_out: direct}
servers: {count: 50}
broker: {kind: own, nodes: 1, per_publish: {exponential: 1.1 ms}}
faults: [{at: 30 s, lose_broker: {nodes: 1}, for: 1 ms}]
simulation: {duration: 40 s, replications: 40}
";
    let result = conserved(busy, &[]);
    let fault = &result["simulation"]["recovery"][0];
    // ρ = 900 × 0.98 (the rest stays on its own server) × 1.1 ms = 0.97: 32 inside, of a deviation as large, over √40.
    let lost = figure(fault, "lost_messages");
    assert!((12.0..60.0).contains(&lost), "{lost}");
}

/// Each way takes longer: two of them between users, and of a message that crosses by a broker two more, or four where
/// followers have to answer first.
#[test]
fn a_slower_network_is_slower_each_way() {
    let slower = |set: &[&str]| {
        let result = conserved(ROOMS, set);
        assert_eq!(counted(&result, "relay_lost"), 0);
        let [before, during, after] = [5.0, 20.0, 50.0].map(|moment| at(&result, moment, "latency_p99_seconds"));
        assert!((after - before).abs() < 2e-3, "{before} {after}");
        during - before
    };
    let client = "faults=[{at: 10 s, network: {latency: 50 ms}, for: 20 s}]";
    let server = "faults=[{at: 10 s, network: {latency: 50 ms, of: server}, for: 20 s}]";
    for (set, more) in [
        (&[client][..], 0.1),
        (&[server], 0.1),
        (&[server, KAFKA[0]], 0.2),
        (&["workload.fan_out=echo", "broker=none", client], 0.1),
    ] {
        let found = slower(set);
        assert!((found - more).abs() < 3e-3, "{set:?}: {found}");
    }
    // Faults that overlap add up.
    let both =
        "faults=[{at: 10 s, network: {latency: 50 ms}, for: 20 s}, {at: 15 s, network: {latency: 20 ms}, for: 10 s}]";
    assert!((slower(&[both]) - 0.14).abs() < 3e-3);
}

/// Answers that come too late because of the network are timed out, and sent again.
#[test]
fn a_slow_network_times_messages_out() {
    let echo =
        ["workload.fan_out=echo", "broker=none", "workload.timeout=100 ms", "workload.retry={limit: 1, delay: 1 s}"];
    let slow = "faults=[{at: 10 s, network: {latency: 60 ms}, for: 20 s}]";
    let result = conserved(ROOMS, &[&echo[..], &[slow]].concat());
    let timed_out = figure(&result["simulation"], "timed_out_messages");
    // 400/s for 20 s, nearly all of them twice.
    assert!((13_000.0..16_500.0).contains(&timed_out), "{timed_out}");
    let result =
        conserved(ROOMS, &[&echo[..], &["faults=[{at: 10 s, network: {latency: 20 ms}, for: 20 s}]"]].concat());
    assert_eq!(figure(&result["simulation"], "timed_out_messages"), 0.0);
}

/// Nothing is lost count of, however brokers are described and faults meet; and the bytes are the same at any number of
/// threads.
#[test]
fn everything_is_accounted_for() {
    let meeting = "faults=[{at: 5 s, lose_broker: {nodes: 2}, for: 5 s}, {at: 8 s, lose_broker: {nodes: 2}, for: 4 s}, \
        {at: 9 s, crash: {servers: 2}, for: 3 s}, {at: 9 s, network: {latency: 1 s, of: server}, for: 2 s}]";
    for set in [
        &["broker.kind=redis"][..],
        &["broker.kind=nats", "workload.fan_out=direct"],
        &["broker.kind=kafka", "broker.failover=1 s"],
        &["broker.kind=kafka", "broker.failover=0 s", "workload.fan_out=direct"],
        &["broker.kind=kafka", "workload.fan_out=broadcast", "workload.message.rate=0.1/s"],
        &["broker.kind=kafka", "latency.server=0 s"],
        &["broker.kind=redis", "latency.server=0 s"],
        &["broker.kind=kafka", "sharding={by: region, shards: 2}", "broker.subscribers=all"],
    ] {
        let short = ["simulation.duration=20 s", "simulation.replications=2", meeting];
        conserved(ROOMS, &[&short[..], set].concat());
    }
    let file = scenario(ROOMS);
    let once = |threads: &str| {
        let output = common::program()
            .args(["simulate", file.to_str().unwrap(), "--format=json", "--quiet", "--set=broker.kind=kafka"])
            .env("RAYON_NUM_THREADS", threads)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let one = once("1");
    assert!(one.contains("relay_lost"));
    assert_eq!(one, once("3"));
}
