//! Does `plan` find the fewest servers, and say why not fewer, and why not other machines?
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "what is no success fails the test, and figures are compared as they are printed"
)]

mod common;

use std::fs;

use common::{folder, run, run_in, scenario};
use plimsoll::stats::queueing::MultiServer;
use serde_json::Value;

/// Plans a scenario of this text on its own machine.
#[track_caller]
fn planned(text: &str, more: &[&str]) -> Value {
    let file = scenario(text);
    let arguments = [&["plan", file.to_str().unwrap(), "--shapes", "none", "--format", "json"], more].concat();
    run(arguments).well().json()
}

#[track_caller]
fn servers(plan: &Value) -> u64 {
    plan["plans"][0]["servers"]["value"].as_f64().unwrap_or_else(|| panic!("no plan: {plan}")) as u64
}

/// Users with one connection each on servers that are M/M/c, with nothing else in the way of a message.
fn staffing(users: u64, rate: f64, cores: u64, service_ms: f64, quantile: &str, limit_ms: f64) -> String {
    format!(
        "users: {users}\n\
         workload: {{message: {{rate: {rate}/s}}, fan_out: none}}\n\
         latency: {{client: 0 s}}\n\
         servers: {{cores: {cores}, network: unlimited, target_utilisation: 100 %, connections: {{comfortable: 1M, limit: 1M}}, \
         cpu: {{per_message: {{exponential: {service_ms} ms}}, per_kb: 0 s, per_wakeup: 0 s, per_heartbeat: 0 s}}}}\n\
         logs: none\n\
         slo: {{latency: {{{quantile}: {limit_ms} ms}}}}\n\
         simulation: {{duration: 20 s, replications: 5, seed: 7}}\n"
    )
}

/// The wait for one of c servers (A. K. Erlang 1917) says how many it takes; the simulation must find as many.
#[test]
fn it_staffs_as_erlang_c_does() {
    for (users, rate, cores, service_ms, quantile, limit_ms) in [
        (800, 10.0, 1, 1.0, "p99", 15.0),
        (1_000, 10.0, 2, 1.0, "p99", 8.0),
        (2_000, 10.0, 4, 1.0, "p99", 6.5),
        (600, 2.0, 1, 10.0, "mean", 28.5),
        (1_200, 5.0, 8, 4.0, "p95", 15.0),
    ] {
        let p = match quantile {
            "p99" => 0.99,
            "p95" => 0.95,
            _ => 0.0,
        };
        let service = service_ms / 1e3;
        let latency_ms = |servers: u64| {
            let arrivals = users as f64 * rate / servers as f64;
            let Ok(station) = MultiServer::new(arrivals, service, cores) else { return f64::INFINITY };
            1e3 * if quantile == "mean" { station.queue().residence } else { station.residence_quantile(p) }
        };
        let right = (1..100).find(|servers| latency_ms(*servers) <= limit_ms).unwrap();
        // Theory must be clear, or chance would decide.
        assert!(latency_ms(right) < 0.96 * limit_ms && latency_ms(right - 1) > 1.04 * limit_ms, "{right}");
        let plan = planned(&staffing(users, rate, cores, service_ms, quantile, limit_ms), &[]);
        assert_eq!(servers(&plan), right, "{users} users on {cores} cores: {}", plan["plans"][0]);
        let few = users as f64 * rate * service / cores as f64;
        assert!(right as f64 > few.ceil(), "the closed form alone would have found {right}");
    }
}

/// Every number of servers is simulated by itself, and the fewest that do are those of the plan.
#[test]
fn it_finds_what_trying_all_finds() {
    let lossy = "users: 400\n\
        workload: {message: {rate: 10/s}, fan_out: none}\n\
        latency: {client: 0 s}\n\
        servers: {cores: 1, network: unlimited, target_utilisation: 100 %, queue: {limit: 4}, \
        cpu: {per_message: {exponential: 1 ms}, per_kb: 0 s, per_wakeup: 0 s, per_heartbeat: 0 s}}\n\
        logs: none\n\
        slo: {dropped: 0.75 %}\n\
        simulation: {duration: 20 s, replications: 5, seed: 3}\n";
    // Each server more is one more that takes a copy of most messages: demand grows with the count.
    let rooms = "users: 1_200\n\
        workload: {message: {rate: 1/s, size: 200 B}, fan_out: {room: 20}}\n\
        latency: {client: 5 ms, server: 250 us}\n\
        servers: {cores: 1, target_utilisation: 100 %, cpu: {per_delivery: {exponential: 150 us}, per_receive: {exponential: 100 us}}}\n\
        broker: redis\n\
        logs: none\n\
        slo: {latency: {p99: 16 ms}}\n\
        simulation: {duration: 10 s, replications: 3, seed: 3}\n";
    for (text, most) in [(lossy, 15), (rooms, 10)] {
        let found = servers(&planned(text, &[]));
        let file = scenario(text);
        let tried = |servers: u64| -> Value {
            let count = format!("servers.count={servers}");
            run(["simulate", file.to_str().unwrap(), "--format", "json", "--set", &count]).well().json()
        };
        let met: Vec<bool> = (1..=most)
            .map(|servers| {
                // What can't be simulated is far too much.
                let count = format!("servers.count={servers}");
                let arguments = ["simulate", file.to_str().unwrap(), "--fail-on", "slo", "--set", &count];
                run(arguments).code == Some(0)
            })
            .collect();
        let fewest = met.iter().position(|met| *met).unwrap() as u64 + 1;
        assert_eq!(found, fewest, "{met:?} {}", tried(fewest)["slo"]);
        assert!(fewest > 2 && fewest < most, "{fewest}: there is nothing to find");
    }
}

#[test]
fn an_uncertain_scenario_says_how_sure_the_edge_is() {
    let plan = run(["plan", "scenarios/chat-10k.yaml", "--format", "json"]).well().json();
    assert_eq!(plan["schema_version"], 1);
    assert_eq!(plan["intervals"]["kind"], "parameter");
    let own = &plan["plans"][0];
    assert!(own["rank"] == 1 && own["shape"].is_null() && own["price_per_hour"].is_null(), "{own}");
    assert_eq!((own["servers"]["value"].as_f64(), own["bottleneck"].as_str()), (Some(3.0), Some("server.connections")));
    // 3,000 to 5,000 comfortable connections at 90 %: 2 servers need 5,000 or more, 3 need 3,334, 4 need 2,500.
    let share = |servers: u64| {
        let edges = own["confidence"].as_array().unwrap();
        let edge = edges.iter().find(|edge| edge["servers"] == servers).unwrap_or_else(|| panic!("{servers}: {own}"));
        edge["share_met"]["value"].as_f64().unwrap()
    };
    // P(X ≥ x) of the lognormal with median 3,873 and σ = ln(5/3)/(2·1.6449).
    assert!((share(2) - 0.05).abs() < 0.03, "{}", share(2));
    assert!((share(3) - 0.833).abs() < 0.05, "{}", share(3));
    assert!(share(4) > 0.97, "{}", share(4));
    let regret = &plan["least_regret"];
    assert_eq!(regret["servers"]["value"], 4.0, "a shortage is dear: {regret}");
    assert!(regret["regret_per_hour"]["value"].as_f64().unwrap() > 0.0);
}

#[test]
fn each_machine_that_is_not_chosen_has_its_reason() {
    let folder = folder();
    fs::write(
        folder.join("shapes.yaml"),
        "currency: EUR\nsource: my invoice\ndate: 2026-01-01\nshapes:\n\
         - {name: small, vcpu: 4, memory: 8 GiB, network: 1 Gbit/s, price: 0.1}\n\
         - {name: large, vcpu: 8, memory: 16 GiB, network: 1 Gbit/s, price: 0.4, comfortable: 20_000}\n\
         - {name: gold, vcpu: 4, memory: 8 GiB, network: 1 Gbit/s, price: 9}\n\
         - {name: thin, vcpu: 4, memory: 8 GiB, network: 100 kbit/s, price: 0.15}\n\
         - {name: spare, vcpu: 4, memory: 8 GiB, network: 1 Gbit/s, price: 0.2}\n",
    )
    .unwrap();
    let text = "users: 10_000\nworkload: {message: {rate: 1/s}}\nservers: {connections: {comfortable: 4_000}}\n\
        slo: {latency: {p99: 200 ms}}\nsimulation: {duration: 5 s, replications: 3}\n";
    fs::write(folder.join("x.yaml"), text).unwrap();
    let json = run_in(&folder, ["plan", "x.yaml", "--shapes", "shapes.yaml", "--format", "json"]).well().json();
    let plans = json["plans"].as_array().unwrap();
    let shapes: Vec<_> = plans.iter().filter_map(|plan| plan["shape"].as_str()).collect();
    // 3 small ones at 0.1, 1 large one at 0.4, 3 spare ones at 0.2.
    assert_eq!(shapes, ["small", "large", "spare"], "{json}");
    let prices: Vec<_> = plans[1..].iter().map(|plan| plan["price_per_hour"]["value"].as_f64().unwrap()).collect();
    assert!((prices[0] - 0.3).abs() < 1e-9 && (prices[1] - 0.4).abs() < 1e-9, "{prices:?}");
    assert_eq!((plans[1]["currency"].as_str(), plans[1]["source"].as_str()), (Some("EUR"), Some("my invoice")));
    for (shape, words) in [("gold", "price: 3 servers"), ("thin", "server.nic")] {
        let found = json["rejected"].as_array().unwrap().iter().find(|one| one["shape"] == shape);
        let reason = found.unwrap_or_else(|| panic!("{json}"))["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{reason}");
    }
    let shown = run_in(&folder, ["plan", "x.yaml", "--shapes", "shapes.yaml"]).well().stdout;
    for words in ["EUR/hour", "my invoice (2026-01-01)", "not chosen", "gold"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

#[test]
fn no_number_of_servers_beats_the_network() {
    let file = scenario(
        "users: 1_000\nworkload: {message: {rate: 1/s}}\nlatency: {client: 20 ms}\nslo: {latency: {p99: 30 ms}}\n\
         simulation: {duration: 5 s, replications: 2}\n",
    );
    let ended = run(["plan", file.to_str().unwrap(), "--shapes", "none"]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("No number of servers keeps the SLO"), "{}", ended.stdout);
    assert!(ended.stdout.contains("in the way is network"), "{}", ended.stdout);
    let json = run(["plan", file.to_str().unwrap(), "--shapes", "none", "--format", "json"]).json();
    assert!(json["plans"].as_array().unwrap().is_empty());
    assert_eq!(json["rejected"][0]["bottleneck"], "network");
}

#[test]
fn the_same_bytes_on_any_number_of_threads() {
    let plan =
        |threads: &str| run(["plan", "scenarios/chat-10k.yaml", "--format", "json", "--threads", threads]).well();
    assert_eq!(plan("1").stdout, plan("3").stdout);
}

#[test]
fn mistakes_end_with_2() {
    let told = |arguments: &[&str]| {
        let ended = run([&["plan", "scenarios/chat-10k.yaml"], arguments].concat());
        assert_eq!(ended.code, Some(2), "{}{}", ended.stdout, ended.stderr);
        ended.stderr
    };
    assert!(told(&["--shapes", "nowhere.yaml"]).contains("there is no file `nowhere.yaml`"));
    assert!(told(&["--shapes", "scenarios/chat-10k.yaml"]).contains("a catalogue has no `users`"));
    let file = "scenarios/autoscale.yaml";
    let ended = run(["plan", file]);
    assert_eq!(ended.code, Some(2), "{}", ended.stdout);
    assert!(ended.stderr.contains("autoscaler=none"), "{}", ended.stderr);
}
