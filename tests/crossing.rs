//! Messages to users of other servers: is what crosses between servers counted right, in the closed form and in the
//! simulation, and what does each broker, shard and room give and take?
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use common::outcome::{estimated, named, simulated};
use common::{run, scenario};
use serde_json::Value;

const DIRECT: &str = "
users: 20_000
workload: {message: {rate: 1/s, size: 1 KB}, fan_out: direct}
servers: {count: 5, connections: {comfortable: 5_000}}
broker: {kind: redis, nodes: 1}
simulation: {duration: 6 s, replications: 4, seed: 1}
";

const ROOMS: &str = "
users: 20_000
workload: {message: {rate: 0.1/s, size: 1 KB}, fan_out: {room: 50}}
servers: {count: 20, connections: {comfortable: 5_000}}
broker: {kind: redis, nodes: 2}
simulation: {duration: 10 s, replications: 4, seed: 1}
";

const EVERYONE: &str = "
users: 5_000
workload: {message: {rate: 0.002/s, size: 200 B}, fan_out: broadcast}
servers: {count: 5, connections: {comfortable: 5_000}}
broker: nats
logs: none
simulation: {duration: 60 s, replications: 4, seed: 1}
";

#[track_caller]
fn value(json: &Value, path: &str) -> f64 {
    let found = path.split('.').fold(json, |json, name| &json[name]);
    found["value"].as_f64().or_else(|| found.as_f64()).unwrap_or_else(|| panic!("no {path}: {found}"))
}

#[track_caller]
fn used(json: &Value, resource: &str) -> f64 {
    value(named(&json["bottlenecks"], "resource", resource), "utilisation")
}

#[track_caller]
fn station(json: &Value, name: &str, figure: &str) -> f64 {
    value(named(&json["simulation"]["stations"], "name", name), figure)
}

#[track_caller]
fn close(found: f64, expected: f64, share: f64, what: &str) {
    assert!((found / expected - 1.0).abs() < share, "{what}: found {found}, expected {expected}");
}

#[test]
fn egress_is_ingress_times_fan_out() {
    for (yaml, fan_out) in [(DIRECT, 1.0), (ROOMS, 50.0), (EVERYONE, 5_000.0)] {
        let json = simulated(yaml, &[]);
        let published = value(&json, "load.messages_in_per_second");
        close(value(&json, "load.messages_out_per_second"), published * fan_out, 1e-9, "closed form");
        let ratio =
            value(&json, "simulation.messages_out_per_second") / value(&json, "simulation.messages_in_per_second");
        close(ratio, fan_out, 0.005, "simulated fan-out");
        let size = value(&json, "load.egress_bytes_per_second") / value(&json, "load.messages_out_per_second");
        close(
            size,
            value(&json, "load.ingress_bytes_per_second") / published,
            1e-9,
            "a copy is as large as the message",
        );
    }
}

/// What crosses, and how busy everything is with it, in both.
#[test]
fn the_closed_form_and_the_simulation_agree() {
    let kafka = ["broker={kind: kafka, nodes: 3}"];
    let own = ["broker={cores: 2, per_publish: 5 us, per_delivery: {exponential: 10 us}, network: 1 Gbit/s}"];
    let cases: [(&str, &[&str]); 8] = [
        (DIRECT, &[]),
        (DIRECT, &kafka),
        (DIRECT, &own),
        (DIRECT, &["sharding={by: region, shards: 5, locality: 60 %}", "broker=nats"]),
        (ROOMS, &[]),
        (ROOMS, &["broker={kind: kafka, nodes: 4}"]),
        (ROOMS, &["workload.fan_out.room={lognormal: {mean: 30, cv: 1}}"]),
        (EVERYONE, &[]),
    ];
    for (yaml, changes) in cases {
        let json = simulated(yaml, changes);
        let close = |found, expected, share, what| close(found, expected, share, &format!("{changes:?}, {what}"));
        for flow in ["published_per_second", "copies_per_second"] {
            let (found, expected) =
                (value(&json, &format!("simulation.{flow}")), value(&json, &format!("load.{flow}")));
            close(found, expected, 0.06, flow);
        }
        for name in ["server.cpu", "server.nic_in", "server.nic_out", "broker.cpu"] {
            let (found, expected) = (station(&json, name, "utilisation"), used(&json, name));
            // Random room sizes are few in one run.
            close(found, expected, 0.08, name);
        }
        let expected = value(&json, "closed_form.latency_seconds.mean");
        close(value(&json, "simulation.latency_seconds.mean"), expected, 0.03, "latency");
    }
}

/// A delay between servers that can be nothing leaves no time in which servers don't depend on each other: then one thing
/// after the other is done. The outcome is the same as with a constant delay.
#[test]
fn windows_and_one_thing_after_the_other_agree() {
    let heavy = [
        "servers.cpu.per_message={exponential: 400 us}",
        "servers.cpu.per_wakeup=0 s",
        "broker.per_publish={exponential: 30 us}",
    ];
    let window = simulated(DIRECT, &heavy);
    let singly = simulated(DIRECT, &[&heavy[..], &["latency.server={uniform: {low: 0 us, high: 500 us}}"]].concat());
    for figure in ["simulation.latency_seconds.mean", "simulation.latency_seconds.p90"] {
        close(value(&singly, figure), value(&window, figure), 0.005, figure);
    }
    for name in ["server.cpu", "broker.cpu"] {
        close(station(&singly, name, "wait_seconds"), station(&window, name, "wait_seconds"), 0.1, name);
        close(station(&singly, name, "utilisation"), station(&window, name, "utilisation"), 0.01, name);
    }
}

#[test]
fn a_sample_shows_what_all_servers_show() {
    let big = [
        "users=3M",
        "servers.count=auto",
        "sharding={by: region, shards: 4, locality: 80 %}",
        "simulation.duration=1 s",
        "simulation.replications=1",
        "simulation.warm_up=200 ms",
    ];
    for broker in ["broker=kafka", "broker=nats"] {
        let all = simulated(DIRECT, &[&big[..], &[broker, "simulation.mode=every-message"]].concat());
        let some = simulated(DIRECT, &[&big[..], &[broker, "simulation.mode=sampled"]].concat());
        assert!(value(&some, "simulation.servers_simulated") < value(&all, "simulation.servers_simulated"));
        for figure in ["latency_seconds.mean", "latency_seconds.p50", "messages_out_per_second", "copies_per_second"] {
            let path = format!("simulation.{figure}");
            close(value(&some, &path), value(&all, &path), 0.01, &format!("{broker} {figure}"));
        }
        for name in ["server.cpu", "broker.cpu"] {
            close(station(&some, name, "utilisation"), station(&all, name, "utilisation"), 0.03, name);
        }
    }
}

#[test]
fn the_same_bytes_on_any_number_of_threads() {
    let changing = ["workload.session.length={exponential: 5 s}", "simulation.duration=2 s"];
    for (yaml, changes) in
        [(DIRECT, &changing[..]), (ROOMS, &[]), (DIRECT, &["latency.server=0 s", "simulation.duration=1 s"])]
    {
        let file = scenario(yaml).to_string_lossy().into_owned();
        let on = |threads: &str| {
            let changes = changes.iter().flat_map(|change| ["--set", *change]);
            run(["simulate", &file, "--format", "json", "--threads", threads].into_iter().chain(changes)).well().stdout
        };
        assert!(on("1") == on("2"), "{changes:?}");
    }
}

#[test]
fn a_full_broker_holds_everybody_up() {
    let slow = "broker.per_publish={exponential: 100 us}";
    let full = simulated(DIRECT, &[slow]);
    assert!(used(&full, "broker.cpu") > 1.0);
    assert_eq!(full["bottlenecks"][0]["resource"], "broker.cpu");
    assert!(value(&full, "simulation.latency_seconds.p50") > 0.5, "its queue is in everybody's way");
    assert!(full["simulation"]["warnings"].to_string().contains("broker.cpu is offered"));
    // Servers that give up after a while lose what the broker can't take, and the rest waits that long at the most.
    let given_up = simulated(DIRECT, &[slow, "broker.max_wait=50 ms"]);
    let lost = value(&given_up, "simulation.dropped_share");
    let offered = used(&given_up, "broker.cpu");
    close(lost, 0.8 * (1.0 - 1.0 / offered), 0.1, "share lost: what crosses, four of five, past the broker's capacity");
    assert!(value(&given_up, "simulation.latency_seconds.max") < 0.2);
    // A second node takes half of it.
    let two = estimated(DIRECT, &[slow, "broker.nodes=2"]);
    close(used(&two, "broker.cpu"), used(&full, "broker.cpu") / 2.0, 0.01, "two nodes");
}

#[test]
fn a_slow_server_is_cut_off() {
    let slow =
        ["servers.cpu.per_receive={exponential: 1 ms}", "servers.cores=1", "users=8_000", "broker.resubscribe=500 ms"];
    let patient = simulated(DIRECT, &[&slow[..], &["broker.output_buffer=unlimited"]].concat());
    assert!(value(&patient, "simulation.dropped_messages") <= 0.0);
    let cut = simulated(DIRECT, &[&slow[..], &["broker.output_buffer=100 KB"]].concat());
    assert!(value(&cut, "simulation.dropped_share") > 0.1, "copies are lost while it is without the broker");
    let latency = "simulation.latency_seconds.p90";
    assert!(value(&cut, latency) < value(&patient, latency), "and what is not lost waits less");
}

/// One channel stays on one node, so the most popular room decides.
#[test]
fn a_hot_room_is_of_one_node() {
    let even = estimated(ROOMS, &["broker.nodes=8"]);
    let hot = simulated(ROOMS, &["broker.nodes=8", "workload.fan_out.popularity={zipf: 1.5}"]);
    assert!(used(&hot, "broker.cpu") > 2.0 * used(&even, "broker.cpu"), "the busiest node");
    assert!(
        used(&hot, "server.cpu") > 1.5 * used(&even, "server.cpu"),
        "the busiest server has members of the hot rooms"
    );
    close(
        value(&hot, "simulation.copies_per_second"),
        value(&hot, "load.copies_per_second"),
        0.1,
        "copies are as many",
    );
}

#[test]
fn what_brokers_cost() {
    let redis = estimated(DIRECT, &[]);
    // Every replica takes each byte once more, in, out and on disk.
    let one = estimated(DIRECT, &["broker={kind: kafka, nodes: 3, replication: 1}"]);
    let three = estimated(DIRECT, &["broker={kind: kafka, nodes: 3, replication: 3}"]);
    for (resource, factor) in [("broker.nic_in", 3.0), ("broker.nic_out", 3.0), ("broker.disk", 3.0)] {
        close(used(&three, resource), factor * used(&one, resource), 1e-9, resource);
    }
    // Batches cost latency and save CPU.
    let latency = |json: &Value| value(json, "closed_form.latency_seconds.mean");
    let at_once = estimated(DIRECT, &["broker={kind: kafka, nodes: 3, linger: 0 s}"]);
    assert!(latency(&three) > latency(&at_once) + 2e-3);
    assert!(used(&three, "broker.cpu") < 0.5 * used(&at_once, "broker.cpu"));
    assert!(latency(&at_once) > latency(&redis), "replicas are waited for");
    // A broker that gives every server everything.
    let flood = simulated(DIRECT, &["broker.subscribers=all"]);
    close(value(&flood, "load.copies_per_second"), 5.0 * value(&flood, "load.messages_in_per_second"), 1e-9, "flood");
    close(value(&flood, "simulation.copies_per_second"), value(&flood, "load.copies_per_second"), 0.01, "flood");
    close(value(&flood, "simulation.messages_out_per_second"), 20_000.0, 0.01, "nobody gets a message twice");
    // Partitions that servers share are read by all of them.
    let shared = ["broker={kind: kafka, nodes: 3, partitions: 1}", "simulation.duration=2 s"];
    let shared = simulated(DIRECT, &shared);
    close(value(&shared, "simulation.copies_per_second"), value(&shared, "load.copies_per_second"), 0.02, "shared");
    assert!(value(&shared, "load.copies_per_second") > 3.9 * value(&redis, "load.copies_per_second"));
}

#[test]
fn shards_keep_messages_near_and_get_hot() {
    let shards = "sharding={by: region, shards: 4, locality: 90 %}";
    let open = ["users=200k", "servers.count=auto", "broker=nats", "simulation.duration=1 s"];
    let near = simulated(DIRECT, &[&open[..], &[shards]].concat());
    let far = simulated(DIRECT, &[&open[..], &["sharding={by: region, shards: 4, locality: 10 %}"]].concat());
    // 80 % more of the messages take 40 ms instead of 250 us once.
    let (latency, between) = ("simulation.latency_seconds.mean", 0.8 * (40e-3 - 250e-6));
    close(value(&far, latency) - value(&near, latency), between, 0.05, "locality");
    // Spare servers can't help another shard, so each has its own.
    let spare = |changes: &[&str]| {
        value(&estimated(DIRECT, &[&open[..], &["servers.spare=2"], changes].concat()), "required.spare")
    };
    assert_eq!((spare(&[]), spare(&[shards])), (2.0, 8.0));
    // A fixed fleet is dealt out evenly, and the largest shard is the first to be full.
    let skewed = "sharding={shards: 5, skew: 40 %}";
    let hot = estimated(DIRECT, &[skewed]);
    close(used(&hot, "server.connections"), 1.4 * used(&estimated(DIRECT, &[]), "server.connections"), 1e-9, "skew");
    let simulated = simulated(DIRECT, &[skewed]);
    close(
        value(&simulated, "simulation.servers_compared.worst_cpu_utilisation"),
        used(&hot, "server.cpu"),
        0.1,
        "worst",
    );
}

/// Nothing is lost or made up when servers stop in the middle of it, whatever is between them.
#[test]
fn everything_is_accounted_for_when_servers_stop() {
    let faults =
        "faults=[{at: 1 s, crash: {servers: 2}, for: 1 s}, {at: 3 s, slow: {servers: 1, factor: 20}, for: 1 s}]";
    let cases: [(&str, &[&str]); 4] = [
        (DIRECT, &[]),
        (DIRECT, &["broker={kind: kafka, nodes: 3}", "latency.client={exponential: 20 ms}"]),
        (ROOMS, &["latency.server={uniform: {low: 0 us, high: 500 us}}"]),
        (EVERYONE, &["workload.message.rate=0.01/s"]),
    ];
    for (yaml, changes) in cases {
        let common = [faults, "simulation.duration=5 s", "simulation.replications=2"];
        let json = simulated(yaml, &[&common[..], changes].concat());
        let check = &json["simulation"]["checks"]["conservation"];
        assert_eq!(check["holds"], true, "{changes:?}");
        let count = |name: &str| check[name].as_u64().unwrap();
        assert!(count("copies_lost") > 0, "{changes:?}: copies for a server that is down are lost");
        assert_eq!(count("published"), count("relayed") + count("relay_lost") + count("in_post"));
        assert_eq!(count("handed_out"), count("received") + count("copies_lost") + count("copies_on_the_way"));
        assert!(value(&json, "simulation.dropped_share") > 0.0);
    }
}
