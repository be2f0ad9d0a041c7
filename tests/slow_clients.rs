//! What do users with a slow downlink cost, whom, and is it what queueing theory says?
#![allow(clippy::unwrap_used, clippy::float_cmp, reason = "what is no success fails the test")]

mod common;

use common::{run, scenario};
use plimsoll::stats::queueing::md1;
use serde_json::Value;

/// Answers of 1 KB, 1,116 B on the wire, which nothing delays but the downlink.
const BARE: &str = "
users: 1
workload: {message: {rate: 10/s, size: 1_000 B}}
latency: {client: 0 s}
servers:
  count: 1
  network: unlimited
  cpu: {per_wakeup: 0 s, per_message: 0 s, per_kb: 0 s, per_cache_miss: 0 s}
logs: none
simulation: {duration: 40_000 s, replications: 4, seed: 1, mode: every-message}
";
/// What a downlink takes for such an answer, in bytes.
const WIRE: f64 = 1_116.0;
/// Messages a second to a connection of `BARE`.
const RATE: f64 = 10.0;

/// A service where a fifth of the users take in two thirds of what is sent to them.
const CROWDED: &str = "
users: 6_000
workload:
  message: {rate: 0.02/s, size: 10 KB}
  fan_out: {room: 60}
  slow_clients: {share: 20 %, downlink: 72 kbit/s}
servers: {count: 2, memory: 2 GiB, connections: {comfortable: 5_000}}
broker: redis
logs: none
simulation: {duration: 60 s, replications: 3, seed: 1}
";

fn outcome(command: &str, yaml: &str, changes: &[&str]) -> Value {
    let file = scenario(yaml).to_string_lossy().into_owned();
    let changes = changes.iter().flat_map(|change| ["--set", *change]);
    run([command, &file, "--format", "json"].into_iter().chain(changes)).well().json()
}

#[track_caller]
fn figure(json: &Value, path: &str) -> f64 {
    let found = path.split('.').fold(json, |json, key| &json[key]);
    let number = if found.is_object() { &found["value"] } else { found };
    number.as_f64().unwrap_or_else(|| panic!("no {path}: {found}"))
}

#[track_caller]
fn near(found: f64, right: f64, share: f64) {
    assert!((found - right).abs() <= share * right.abs(), "{found} is not within {share} of {right}");
}

/// Utilisation of a resource in the closed form, and its users at target.
#[track_caller]
fn resource(json: &Value, name: &str) -> (f64, f64) {
    let entry = |list: &Value| list.as_array().unwrap().iter().find(|e| e["resource"] == name).unwrap().clone();
    let target = entry(&json["saturation"]);
    (figure(&entry(&json["bottlenecks"]), "utilisation"), figure(&target, "users_at_target"))
}

/// A downlink that answers to one user of `BARE` load as much.
fn downlink(load: f64) -> String {
    format!("{} bit/s", RATE * WIRE * 8.0 / load)
}

/// Share lost of M/D/1 with room for K, in service and waiting: from the chain at departures, whose shares π make
/// P(lost) = 1 − 1/(π₀ + ρ) (Gross and Harris, "Fundamentals of Queueing Theory", section 5.1.7).
fn md1k_loss(load: f64, room: usize) -> f64 {
    let mut arrivals = vec![(-load).exp()];
    for k in 1..room {
        arrivals.push(arrivals[k - 1] * load / k as f64);
    }
    let mut shares = vec![1.0];
    for i in 0..room - 1 {
        let come: f64 = (1..=i).map(|j| shares[j] * arrivals[i + 1 - j]).sum();
        shares.push((shares[i] - shares[0] * arrivals[i] - come) / arrivals[0]);
    }
    let empty = shares[0] / shares.iter().sum::<f64>();
    1.0 - 1.0 / (empty + load)
}

#[test]
fn theory_of_a_full_buffer() {
    // Room for one: Erlang's loss formula. Room for many, and too much: what is too much.
    near(md1k_loss(0.5, 1), 1.0 / 3.0, 1e-9);
    near(md1k_loss(2.0, 40), 0.5, 1e-6);
}

#[test]
fn one_slow_connection_is_an_md1() {
    let speed = downlink(0.8);
    let slow = format!("workload.slow_clients={{share: 100 %, downlink: {speed}}}");
    let json = outcome("simulate", BARE, &[&slow]);
    let service = 0.8 / RATE;
    let theory = md1(RATE, service).unwrap();
    near(figure(&json, "simulation.latency_seconds.mean"), theory.wait + service, 0.03);
    near(figure(&json, "simulation.slow_clients.latency_seconds.mean"), theory.wait + service, 0.03);
    near(figure(&json, "closed_form.latency_seconds.mean"), theory.wait + service, 1e-6);
    // What waits, at a random moment, is what one who comes then waits for.
    let waiting = theory.wait * RATE * WIRE / 0.8;
    near(figure(&json, "closed_form.slow_clients.waiting_bytes"), waiting, 1e-6);
    near(figure(&json, "simulation.slow_clients.waiting_bytes"), waiting, 0.2);
    near(figure(&json, "simulation.slow_clients.utilisation"), 0.8, 0.02);
    assert_eq!(figure(&json, "simulation.slow_clients.dropped_share"), 0.0);
}

#[test]
fn a_few_lines_stand_for_many_connections() {
    // 500 slow connections on a server, by 64 lines: each as one alone.
    let speed = downlink(0.7);
    let slow = format!("workload.slow_clients={{share: 50 %, downlink: {speed}}}");
    let json = outcome("simulate", BARE, &["users=1_000", "simulation.duration=60 s", &slow]);
    let theory = md1(RATE, 0.7 / RATE).unwrap();
    near(figure(&json, "simulation.slow_clients.latency_seconds.mean"), theory.residence, 0.03);
    near(figure(&json, "simulation.slow_clients.waiting_bytes"), theory.wait * RATE * WIRE / 0.7, 0.06);
    // They are half of all.
    near(figure(&json, "simulation.latency_seconds.mean"), theory.residence / 2.0, 0.03);
    near(figure(&json, "simulation.slow_clients.memory_bytes"), 500.0 * theory.wait * RATE * WIRE / 0.7, 0.06);
}

#[test]
fn a_full_buffer_loses_what_md1k_loses() {
    for (load, room, share) in [(0.9, 5, 0.04), (1.0, 20, 0.06), (1.5, 10, 0.02)] {
        let slow = format!("workload.slow_clients={{share: 100 %, downlink: {}}}", downlink(load));
        // A little more than a whole number of messages, so that no rounding shuts one out.
        let buffer = format!("servers.send_buffer={} B", room as f64 * WIRE + 1.0);
        let json = outcome("simulate", BARE, &[&slow, &buffer]);
        let theory = md1k_loss(load, room);
        near(figure(&json, "simulation.slow_clients.dropped_share"), theory, share);
        near(figure(&json, "simulation.dropped_share"), theory, share);
        near(figure(&json, "closed_form.slow_clients.dropped_share"), theory, 0.16);
    }
}

#[test]
fn what_is_sent_is_delivered_or_lost() {
    let slow = format!("workload.slow_clients={{share: 30 %, downlink: {}}}", downlink(1.4));
    for policy in ["drop", "disconnect"] {
        let policy = format!("servers.slow_consumer={policy}");
        let changes = [
            "users=200",
            "servers.send_buffer=5 KB",
            "simulation.duration=500 s",
            "simulation.warm_up=0 s",
            &policy,
            &slow,
        ];
        let json = outcome("simulate", BARE, &changes);
        assert_eq!(json["simulation"]["checks"]["conservation"]["holds"], true);
        let (came, lost) = (figure(&json, "simulation.messages"), figure(&json, "simulation.dropped_messages") * 4.0);
        let out = figure(&json, "simulation.messages_out_per_second") * 500.0 * 4.0;
        // At each end of a run, up to four messages wait for each of 60 connections.
        assert!((came - lost - out).abs() <= 4.0 * 60.0 * 4.0, "{came} came, {lost} were lost, {out} went out");
        assert!(lost > 0.05 * came, "{lost}");
    }
}

#[test]
fn big_buffers_fill_the_memory() {
    let plain = outcome("simulate", CROWDED, &["workload.slow_clients=none"]);
    let (small, big) = (
        outcome("simulate", CROWDED, &["servers.send_buffer=100 KB"]),
        outcome("simulate", CROWDED, &["servers.send_buffer=2 MB"]),
    );
    let memory = |json: &Value| resource(json, "server.memory");
    let in_use = |json: &Value| figure(json, "simulation.memory_utilisation");
    assert!(memory(&plain).0 < memory(&small).0 && memory(&small).0 < memory(&big).0);
    assert!(memory(&plain).1 > memory(&small).1 && memory(&small).1 > memory(&big).1);
    assert_eq!(plain["bottlenecks"][0]["resource"], "server.connections");
    assert_eq!(big["bottlenecks"][0]["resource"], "server.memory");
    // 600 slow connections a server, each with a full buffer.
    near(memory(&big).0 - memory(&plain).0, 600.0 * 2e6 / (2.0 * 1_073_741_824.0), 0.05);
    for json in [&small, &big] {
        near(in_use(json), memory(json).0, 0.05);
        // Two thirds get through, whatever the buffer.
        near(figure(json, "closed_form.slow_clients.utilisation"), 1.5, 0.1);
        let lost = figure(json, "closed_form.slow_clients.dropped_share");
        near(figure(json, "simulation.slow_clients.dropped_share"), lost, 0.05);
    }
    // The larger the buffer, the later what comes.
    let late = |json: &Value| figure(json, "simulation.slow_clients.latency_seconds.mean");
    assert!(late(&big) > 10.0 * late(&small), "{} {}", late(&big), late(&small));
    // The others don't notice.
    let median = |json: &Value| figure(json, "simulation.latency_seconds.p50");
    near(median(&small), median(&plain), 0.05);
}

#[test]
fn memory_that_fills_costs_connections() {
    let tight = outcome("simulate", CROWDED, &["servers.send_buffer=2 MB", "servers.memory=1 GiB"]);
    let roomy = outcome("simulate", CROWDED, &["servers.send_buffer=2 MB"]);
    assert!(figure(&tight, "simulation.connections") < 0.95 * 6_000.0);
    assert!(figure(&roomy, "simulation.connections") > 0.99 * 6_000.0);
    assert!(figure(&tight, "simulation.memory_utilisation") < 1.05);
}

#[test]
fn those_who_are_cut_come_back() {
    let buffer = "servers.send_buffer=300 KB";
    let dropped = outcome("simulate", CROWDED, &[buffer]);
    let cut = outcome("simulate", CROWDED, &[buffer, "servers.slow_consumer=disconnect"]);
    let measured = figure(&cut, "simulation.duration_seconds") - figure(&cut, "simulation.warm_up_seconds");
    let found = figure(&cut, "simulation.slow_clients.cut_connections");
    near(found, figure(&cut, "closed_form.slow_clients.cuts_per_second") * measured, 0.15);
    near(figure(&cut, "simulation.dropped_connections"), found, 1e-9);
    near(figure(&cut, "simulation.accepted_connections"), found, 0.05);
    assert_eq!(figure(&dropped, "simulation.slow_clients.cut_connections"), 0.0);
    assert_eq!(figure(&dropped, "simulation.accepted_connections"), 0.0);
    // Half as much waits, and handshakes take CPU.
    let waiting = |json: &Value| figure(json, "simulation.slow_clients.waiting_bytes");
    assert!(waiting(&cut) < 0.7 * waiting(&dropped));
    near(waiting(&cut), figure(&cut, "closed_form.slow_clients.waiting_bytes"), 0.1);
    let connects = |json: &Value| resource(json, "server.cpu").0;
    assert!(connects(&cut) > connects(&dropped));
}

#[test]
fn answers_that_have_reads_to_make_wait_as_well() {
    let slow = "workload.slow_clients={share: 10 %, downlink: 30 kbit/s}";
    let file = "scenarios/cold-cache.yaml";
    let arguments = ["simulate", file, "--format", "json", "--set", slow, "--set", "simulation.duration=20 s"];
    let json = run(arguments).well().json();
    let waiting = figure(&json, "closed_form.slow_clients.waiting_bytes");
    near(figure(&json, "simulation.slow_clients.waiting_bytes"), waiting, 0.1);
}

#[test]
fn without_slow_clients_nothing_changes() {
    let without = |changes: &[&str]| {
        let mut json = outcome("simulate", CROWDED, changes);
        json["scenario"]["hash"] = Value::Null;
        json
    };
    let plain = without(&["workload.slow_clients=none"]);
    assert!(plain["simulation"].get("slow_clients").is_none() && plain["closed_form"].get("slow_clients").is_none());
    let set = ["workload.slow_clients=none", "servers.send_buffer=1 KB", "servers.slow_consumer=disconnect"];
    // A buffer for nobody changes nothing, even one that is too small for a message.
    assert_eq!(plain, without(&set));
    assert_eq!(plain, without(&["workload.slow_clients.share=0 %"]));
}

#[test]
fn threads_change_nothing() {
    let file = scenario(CROWDED).to_string_lossy().into_owned();
    let policy = "servers.slow_consumer=disconnect";
    let with = |threads: &str| {
        run(["simulate", &file, "--format", "json", "--threads", threads, "--set", policy]).well().stdout
    };
    assert_eq!(with("1"), with("3"));
}
