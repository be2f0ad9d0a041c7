//! What does each lever give, and what does it take? In the closed form, and in the simulation beside it.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "what is no success fails the test, and figures are compared that no lever may move"
)]

mod common;

use common::outcome::{estimated, named, simulated};
use common::{run, scenario};
use serde_json::Value;

/// Some busy servers, all alike: a second of it is enough to see shares of a percent.
const BUSY: &str = "
users: 4_000
workload: {message: {rate: 5/s, size: 1 KB}}
servers: {count: 2, connections: {comfortable: 5_000}}
logs: {bytes_per_message: 1 KB}
simulation: {duration: 4 s, replications: 2, seed: 1}
";

/// Connections that last four seconds on average.
const CHURN: &str = "
users: 4_000
workload: {message: {rate: 1/s}, session: {length: {exponential: 4 s}}}
servers: {count: 2, connections: {comfortable: 5_000}}
simulation: {duration: 10 s, replications: 4, seed: 1}
";

#[track_caller]
fn load(json: &Value, name: &str) -> f64 {
    json["load"][name]["value"].as_f64().unwrap_or_else(|| panic!("no load.{name}: {}", json["load"]))
}

#[track_caller]
fn found(json: &Value, name: &str) -> f64 {
    json["simulation"][name]["value"].as_f64().unwrap_or_else(|| panic!("no simulation.{name}"))
}

/// Utilisation of a resource in the closed form.
#[track_caller]
fn used(json: &Value, resource: &str) -> f64 {
    named(&json["bottlenecks"], "resource", resource)["utilisation"]["value"].as_f64().unwrap()
}

#[track_caller]
fn units(json: &Value, resource: &str) -> f64 {
    named(&json["required"]["by_resource"], "resource", resource)["units"]["value"].as_f64().unwrap()
}

/// Utilisation of a station in the simulation.
#[track_caller]
fn worked(json: &Value, station: &str) -> f64 {
    named(&json["simulation"]["stations"], "name", station)["utilisation"]["value"].as_f64().unwrap()
}

fn has(json: &Value, resource: &str) -> bool {
    json["bottlenecks"].as_array().unwrap().iter().any(|entry| entry["resource"] == resource)
}

#[track_caller]
fn near(found: f64, right: f64, share: f64) {
    assert!((found - right).abs() <= share * right.abs(), "{found} is not within {share} of {right}");
}

/// The closed form and the simulation say the same of a station.
#[track_caller]
fn agree(json: &Value, station: &str, share: f64) {
    near(worked(json, station), used(json, station), share);
}

#[test]
fn a_binary_encoding_shrinks_payload_and_wire_but_not_logs() {
    let json = simulated(BUSY, &[]);
    let binary = simulated(BUSY, &["protocol.encoding=binary"]);
    for name in ["ingress_bytes_per_second", "egress_bytes_per_second"] {
        near(load(&binary, name), 0.6 * load(&json, name), 1e-12);
        near(found(&binary, name), 0.6 * found(&json, name), 0.01);
    }
    for name in ["ingress_wire_bytes_per_second", "egress_wire_bytes_per_second"] {
        near(load(&json, name) - load(&binary, name), 0.4 * 20e6, 1e-9);
    }
    assert_eq!(load(&binary, "log_bytes_per_hour"), load(&json, "log_bytes_per_hour"));
    near(found(&binary, "log_bytes_per_hour"), found(&json, "log_bytes_per_hour"), 0.01);
    assert!(used(&binary, "server.cpu") < used(&json, "server.cpu"), "fewer KB to work on");
    for station in ["server.nic_in", "server.cpu", "server.nic_out"] {
        agree(&binary, station, 0.02);
    }
    let half = estimated(BUSY, &["protocol.encoding={size: 50 %}"]);
    near(load(&half, "ingress_bytes_per_second"), 10e6, 1e-12);
    let spread = simulated(BUSY, &["protocol.encoding=binary", "workload.message.size={exponential: 1 KB}"]);
    near(found(&spread, "ingress_bytes_per_second"), 12e6, 0.02);
}

#[test]
fn compression_shrinks_the_wire_and_costs_cpu_and_memory() {
    let plain = simulated(BUSY, &[]);
    let kept = simulated(BUSY, &["protocol.compression=deflate"]);
    let alone = simulated(BUSY, &["protocol.compression={deflate: {context_takeover: false}}"]);
    for json in [&kept, &alone] {
        for name in ["ingress_bytes_per_second", "egress_bytes_per_second", "log_bytes_per_hour"] {
            assert_eq!(load(json, name), load(&plain, name), "{name} is not compressed");
        }
        // 85 us for a message of a KB, at 10,000 messages a second on 4 cores.
        near(used(json, "server.cpu") - used(&plain, "server.cpu"), 10_000.0 * 85e-6 / 4.0, 1e-9);
        for station in ["server.nic_in", "server.cpu", "server.nic_out"] {
            agree(json, station, 0.02);
        }
    }
    let saved =
        |json: &Value| load(&plain, "ingress_wire_bytes_per_second") - load(json, "ingress_wire_bytes_per_second");
    near(saved(&alone), 20_000.0 * (1_000.0 - 625.0), 1e-9);
    near(saved(&kept), 20_000.0 * (1_000.0 - 476.0), 1e-9);
    assert_eq!(used(&alone, "server.memory"), used(&plain, "server.memory"));
    near(used(&kept, "server.memory"), used(&plain, "server.memory") * (20.0 + 295.0) / 20.0, 1e-9);
    let memory = |json: &Value| found(json, "memory_utilisation");
    near(memory(&kept), memory(&plain) * (20.0 + 295.0) / 20.0, 0.01);
    near(memory(&alone), memory(&plain), 0.01);
}

/// Where sizes vary, each message has its own ratio, and the closed form the mean.
#[test]
fn compression_of_payloads_of_any_size() {
    for encoding in ["json", "binary"] {
        let changes = [
            "protocol.compression=deflate",
            "workload.message.size={lognormal: {mean: 1 KB, cv: 2}}",
            &format!("protocol.encoding={encoding}"),
        ];
        let json = simulated(BUSY, &changes);
        for station in ["server.nic_in", "server.cpu", "server.nic_out"] {
            agree(&json, station, 0.04);
        }
        assert!(load(&json, "ingress_wire_bytes_per_second") < load(&json, "ingress_bytes_per_second"));
    }
    let small = ["protocol.compression={deflate: {context_takeover: false}}", "workload.message.size=90 B"];
    let wire = |changes: &[&str]| load(&estimated(BUSY, changes), "ingress_wire_bytes_per_second");
    assert_eq!(wire(&small), wire(&small[1..]), "what is small stays as it is");
    let given = ["protocol.compression={deflate: {ratio: 4}}"];
    near(wire(&[]) - wire(&given), 20_000.0 * 750.0, 1e-9);
}

/// A message that nobody gets is inflated and never deflated.
#[test]
fn without_an_answer_nothing_is_deflated() {
    let none = "workload.fan_out=none";
    let (plain, packed) = (simulated(BUSY, &[none]), simulated(BUSY, &[none, "protocol.compression=deflate"]));
    near(used(&packed, "server.cpu") - used(&plain, "server.cpu"), 0.2 * 10_000.0 * 85e-6 / 4.0, 1e-9);
    agree(&packed, "server.cpu", 0.02);
}

#[test]
fn a_tls_handshake_costs_cpu_and_bytes_at_each_connect() {
    let bare = simulated(CHURN, &["protocol.tls={handshake_cpu: 0 s}"]);
    let full = simulated(CHURN, &["protocol.tls=true"]);
    let resumed = simulated(CHURN, &["protocol.tls={resumption: 100 %}"]);
    let half = simulated(CHURN, &["protocol.tls={resumption: 50 %}"]);
    // 500 connects a second on each server.
    let price = 500.0 * 300e-6 / 4.0;
    for (json, share) in [(&full, 1.0), (&half, 0.6), (&resumed, 0.2)] {
        near(used(json, "server.cpu") - used(&bare, "server.cpu"), share * price, 1e-9);
        near(worked(json, "server.cpu") - worked(&bare, "server.cpu"), share * price, 0.05);
    }
    assert_eq!(simulated(CHURN, &[]), full, "TLS is what there is by default");
    let open = estimated(CHURN, &["protocol.tls=false"]);
    near(used(&open, "server.cpu"), used(&bare, "server.cpu"), 1e-12);
    // Handshake and records: the former are there without messages, too, but only where connections come and go.
    let wire = |json: &Value| load(json, "ingress_wire_bytes_per_second") + load(json, "egress_wire_bytes_per_second");
    let records = |json: &Value| 2.0 * 22.0 * load(json, "messages_in_per_second");
    let handshakes = |json: &Value| (wire(json) - wire(&open) - records(json)) / 1_000.0;
    assert!((3_500.0..5_000.0).contains(&handshakes(&full)), "{}", handshakes(&full));
    assert!(handshakes(&resumed) < 0.6 * handshakes(&full), "{}", handshakes(&resumed));
    let (lasting, plain) = (estimated(BUSY, &[]), estimated(BUSY, &["protocol.tls=false"]));
    near(wire(&lasting) - wire(&plain), records(&lasting), 1e-9);
}

/// Whoever is refused has shaken hands before, and does so again at each attempt.
#[test]
fn those_who_are_refused_shake_hands_too() {
    let full =
        ["servers.connections={comfortable: 1_000, limit: 1_500}", "workload.reconnect={backoff: 1 s, jitter: none}"];
    let with = |tls| simulated(BUSY, &[&full[..], &[tls]].concat());
    let (bare, handshakes) = (with("protocol.tls={handshake_cpu: 0 s}"), with("protocol.tls={handshake_cpu: 2 ms}"));
    assert!(found(&bare, "refused_connections") > 0.0);
    // 500 a server are left out, each back after a second and a round trip.
    let price = 500.0 / 1.04 * 2e-3 / 4.0;
    near(used(&handshakes, "server.cpu") - used(&bare, "server.cpu"), price, 1e-9);
    near(worked(&handshakes, "server.cpu") - worked(&bare, "server.cpu"), price, 0.05);
}

#[test]
fn a_cdn_serves_static_files_and_spares_the_origin() {
    let none = estimated(CHURN, &[]);
    assert!(none["load"].get("static_bytes_per_second").is_none() && !has(&none, "origin.nic_out"));
    let cdn = simulated(CHURN, &["cdn={}"]);
    near(load(&cdn, "static_bytes_per_second"), 1_000.0 * 2e6, 1e-12);
    near(load(&cdn, "origin_bytes_per_second"), 0.05 * 1_000.0 * 2e6, 1e-9);
    near(used(&cdn, "origin.nic_out"), 0.05 * 2e9 / 1.25e9, 1e-9);
    assert_eq!(units(&cdn, "origin.nic_out"), 1.0);
    let missed = estimated(CHURN, &["cdn={hit_ratio: 0 %, origin_network: 1 Gbit/s}"]);
    assert_eq!(load(&missed, "origin_bytes_per_second"), load(&missed, "static_bytes_per_second"));
    // 2 GB/s over 70 % of 125 MB/s.
    assert_eq!(units(&missed, "origin.nic_out"), 23.0);
    assert_eq!(cdn["required"]["servers"], missed["required"]["servers"], "no origin is a server");
    let perfect = estimated(CHURN, &["cdn={hit_ratio: 100 %}"]);
    assert_eq!(load(&perfect, "origin_bytes_per_second"), 0.0);
    let file = scenario(CHURN).to_string_lossy().into_owned();
    let shown = run(["estimate", &file, "--set", "cdn={}"]).well().stdout;
    assert!(shown.contains("2.00 GB/s, of which the CDN saves the origin 1.90 GB/s"), "{shown}");
}

#[test]
fn logs_move_through_tiers() {
    let tiers = "logs={disk: 1 TB, tiers: {hot: {for: 1 day, replication: 3, compression: none}, \
        warm: {for: 6 days, compression: 4, disk: 2 TB}, archive: {for: 365 days, compression: 10, replication: 2}}}";
    let json = simulated(BUSY, &[tiers]);
    // 20,000 messages/s x 1 KB = 1.728 TB a day.
    let day = 20_000.0 * 1_000.0 * 86_400.0;
    let store = &json["log_storage"];
    let right = [("hot", 3.0 * day, Some(6.0)), ("warm", 6.0 * day / 4.0, Some(2.0)), ("archive", 73.0 * day, None)];
    for (name, bytes, nodes) in right {
        let tier = named(&store["tiers"], "tier", name);
        near(tier["bytes"]["value"].as_f64().unwrap(), bytes, 1e-9);
        assert_eq!(tier["nodes"]["value"].as_f64(), nodes.map(|n| if name == "hot" { 8.0 } else { n }), "{name}");
    }
    near(store["bytes"]["value"].as_f64().unwrap(), (3.0 + 1.5 + 73.0) * day, 1e-9);
    assert_eq!(json["required"]["log_nodes"]["value"], 8.0);
    assert_eq!(units(&json, "log_store.capacity"), 8.0);
    assert_eq!(units(&json, "log_store.warm_capacity"), 2.0);
    near(load(&json, "log_bytes_per_hour"), day / 24.0, 1e-9);
    // Three copies are written.
    near(used(&json, "log_store.write"), 3.0 * 20e6 / (8.0 * 200e6), 1e-9);
    agree(&json, "log_store.write", 0.02);

    let plain = estimated(BUSY, &[]);
    assert!(!has(&plain, "log_store.warm_capacity"));
    near(plain["log_storage"]["bytes"]["value"].as_f64().unwrap(), 7.0 * day, 1e-9);
    let same = estimated(BUSY, &["logs.tiers={hot: {for: 7 days}}", "logs.retention=1 week"]);
    assert_eq!(same["log_storage"], plain["log_storage"], "a tier is as the store unless it says so");
    assert!(estimated(BUSY, &["logs=none"]).get("log_storage").is_none());
}

#[test]
fn packets_and_descriptors_run_out() {
    let json = estimated(BUSY, &[]);
    // In, out, and an acknowledgement of the echo, unless a message carries it within 40 ms: 0.8187 at 5 messages/s.
    near(load(&json, "packets_per_second"), 20_000.0 * (2.0 + (-0.2_f64).exp()), 1e-9);
    near(used(&json, "server.packets"), load(&json, "packets_per_second") / 2e6, 1e-9);
    near(used(&json, "server.descriptors"), 4_000.0 / 2.0 / (1_048_576.0 - 64.0), 1e-9);
    let few = estimated(BUSY, &["servers={count: auto, packets: 10_000/s}"]);
    // 56,375/s over 70 % of 10,000/s.
    assert_eq!(units(&few, "server.packets"), 9.0);
    assert_eq!(few["required"]["servers"]["value"], 9.0);
    let unlimited = estimated(BUSY, &["servers={packets: unlimited, descriptors: unlimited}"]);
    assert!(!has(&unlimited, "server.packets") && !has(&unlimited, "server.descriptors"));

    // 1,564 descriptors are 1,500 connections: of 2,000 on a server, 500 are left out.
    let short = simulated(BUSY, &["servers.descriptors=1_564"]);
    assert_eq!(found(&short, "connections"), 3_000.0);
    assert!(found(&short, "refused_connections") > 0.0);
    assert_eq!(found(&simulated(BUSY, &["servers.descriptors=2_064"]), "refused_connections"), 0.0);
    let flooded = simulated(BUSY, &["servers.packets=10_000/s"]);
    let warnings = flooded["simulation"]["warnings"].to_string();
    assert!(warnings.contains("server.packets is offered 282 %"), "{warnings}");
}

#[test]
fn one_user_is_a_user() {
    let lone = "users: 1\nworkload: {message: {rate: 1/s}}\nservers: {connections: {comfortable: 1}}\n";
    let file = scenario(lone).to_string_lossy().into_owned();
    let shown = run(["estimate", &file]).well().stdout;
    assert!(shown.starts_with("x: 1 user  "), "{shown}");
    assert!(shown.contains("First to give way  server.connections, at 1 user on 1 server\n"), "{shown}");
    assert!(shown.contains("1 user x 1 "), "{shown}");
    let heavy = run(["estimate", &file, "--set", "servers={cpu: {per_message: 10 s}, count: 1}"]).well().stdout;
    assert!(heavy.contains("First to give way  server.cpu, before the first user is in, on 1 server\n"), "{heavy}");
}

/// A message to a room is inflated once, and deflated for each of its recipients.
#[test]
fn copies_are_deflated_one_by_one() {
    let room = ["workload={message: {rate: 0.5/s}, fan_out: {room: 10}}", "broker=redis"];
    let with = |more: &[&str]| simulated(BUSY, &[&room[..], more].concat());
    let (plain, packed) = (with(&[]), with(&["protocol.compression=deflate"]));
    let deliveries = load(&packed, "messages_out_per_second");
    assert!(deliveries > 5.0 * load(&packed, "messages_in_per_second"));
    // 1,000 messages and their copies a second on 4 cores.
    let price = (0.2 * 1_000.0 + 0.8 * deliveries / 2.0) * 85e-6 / 4.0;
    near(used(&packed, "server.cpu") - used(&plain, "server.cpu"), price, 1e-6);
    agree(&packed, "server.cpu", 0.05);
    let wire = |json: &Value| load(json, "egress_wire_bytes_per_second");
    near(wire(&plain) - wire(&packed), deliveries * (1_000.0 - 476.0), 1e-6);
    near(
        worked(&plain, "server.nic_out") / worked(&packed, "server.nic_out"),
        used(&plain, "server.nic_out") / used(&packed, "server.nic_out"),
        0.05,
    );
}

/// What the server program takes is as good as what the application takes, in both; and a calibration says beyond which
/// loads it knows nothing.
#[test]
fn a_calibration_tells_the_program_from_its_application() {
    let apart = ["servers.cpu.per_message=5 us", "servers.cpu.overhead=4 us"];
    let json = |json: &Value| (json["simulation"].clone(), json["load"].clone(), json["bottlenecks"].clone());
    assert_eq!(json(&simulated(BUSY, &apart)), json(&simulated(BUSY, &[])));
    let file = scenario(&format!("{BUSY}calibration: measured.yaml\n"));
    let measured = "plimsoll_calibration: 1\nfigures: {servers: {cpu: {per_message: 5 us, overhead: 4 us}}}\nrange: {messages_per_second_per_server: [500, 60_000], connections_per_server: [10, 1_000]}\n";
    std::fs::write(file.with_file_name("measured.yaml"), measured).unwrap();
    let shown = run(["simulate", &file.to_string_lossy(), "--format", "json"]).well().json();
    let plain = simulated(BUSY, &[]);
    assert_eq!(shown["simulation"]["latency_seconds"], plain["simulation"]["latency_seconds"]);
    let warnings = shown["simulation"]["warnings"].to_string();
    let expected = "2,000 connections a server are beyond what measured.yaml was calibrated for: 10 to 1,000";
    assert!(warnings.contains(expected) && !warnings.contains("messages/s a server"), "{warnings}");
}
