//! Is the load line where queueing theory has it, and what gives way there what does?
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use common::{run, scenario};
use serde_json::Value;

/// M/M/1 with 1 ms of service. Its p99 latency is s·ln(100)/(1 − ρ), so 20 ms at ρ = 1 − ln(100)/20 = 0.7697: that many
/// thousand messages a second.
const MM1: &str = "
users: 400
workload: {message: {rate: 1/s}, fan_out: none}
latency: {client: 0 s}
servers: {count: 1, cores: 1, network: unlimited, connections: {comfortable: 1M, limit: 1M}, cpu: {per_message: {exponential: 1 ms}, per_kb: 0 s, per_wakeup: 0 s, per_heartbeat: 0 s}}
logs: none
slo: {latency: {p99: 20 ms}}
simulation: {duration: 20 s, replications: 5, seed: 5}
";

#[track_caller]
fn line_of(text: &str, more: &[&str]) -> Value {
    let file = scenario(text);
    run([&["line", file.to_str().unwrap(), "--format", "json"], more].concat()).well().json()
}

#[track_caller]
fn number(json: &Value, name: &str) -> f64 {
    json[name].as_f64().unwrap_or_else(|| panic!("no {name}: {json}"))
}

#[test]
fn it_is_where_theory_has_it() {
    let right = 1_000.0 * (1.0 - 100_f64.ln() / 20.0);
    for more in [&[][..], &["--of", "messages"], &["--of", "messages", "--set", "users=50"]] {
        let json = line_of(MM1, more);
        let line = &json["line"];
        assert!(number(line, "low") <= right && right <= number(line, "high"), "{more:?} {right}: {line}");
        assert!((number(line, "value") / right - 1.0).abs() < 0.03, "{more:?} {right}: {line}");
        assert!(number(line, "high") / number(line, "low") < 1.12, "{more:?}: {line}");
        assert_eq!(
            (json["gives_way"].as_str(), json["fleet"]["servers_from"].as_str()),
            (Some("server.cpu"), Some("scenario"))
        );
    }
}

#[test]
fn the_curve_rises_up_to_it_and_past_it() {
    let json = line_of(MM1, &[]);
    let points = json["points"].as_array().unwrap();
    assert!(points.len() > 8, "{json}");
    let share = |point: &Value| number(point, "share_of_line");
    let p99: Vec<f64> = points
        .iter()
        .filter(|point| share(point) < 0.98)
        .map(|p| number(&p["latency_seconds"]["p99"], "value"))
        .collect();
    assert!(p99.is_sorted(), "{p99:?}");
    for point in points {
        let far = (share(point) - 1.0).abs() > 0.06;
        assert!(!far || point["met"] == (share(point) < 1.0), "{point}");
    }
    // What M/M/1 has at half of the line, 0.385 of the load.
    let half = points.iter().find(|point| (share(point) - 0.5).abs() < 0.01).unwrap();
    let right = 1e-3 * 100_f64.ln() / (1.0 - number(half, "users") * 1e-3);
    assert!((number(&half["latency_seconds"]["p99"], "value") / right - 1.0).abs() < 0.05, "{half} {right}");
}

/// Of 201 users one has no slot: 0.5 %, and 0.1 % may be left out.
#[test]
fn slots_give_way_at_the_last_one() {
    let text = "
users: 100
workload: {message: {rate: 1/s}}
servers: {count: 2, connections: {comfortable: 50, limit: 100}}
slo: {dropped: 0.1 %}
simulation: {duration: 5 s, replications: 2}
";
    let json = line_of(text, &[]);
    assert_eq!(
        (json["line"]["value"].as_f64(), json["gives_way"].as_str()),
        (Some(200.0), Some("server.connections")),
        "{json}"
    );
    assert_eq!(json["closed_form"]["users_at_limit"], 200.0);
    // Four servers carry twice as much.
    let json = line_of(text, &["--set", "servers.count=4"]);
    assert_eq!(json["line"]["value"].as_f64(), Some(400.0));
    // Left open, there are as many as the scenario's own load requires.
    let json = line_of(text, &["--set", "servers.count=auto"]);
    assert_eq!(
        (json["fleet"]["servers"].as_u64(), json["fleet"]["servers_from"].as_str()),
        (Some(2), Some("required"))
    );
    let file = scenario(text);
    let shown = run(["line", file.to_str().unwrap(), "--set", "servers.count=auto"]).well().stdout;
    for words in
        ["Load line           200", "`servers.count` is auto", "Gives way there     server.connections", "50 % of it"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

/// The line is one over what a message takes, which is anything from 80 to 120 us.
#[test]
fn what_is_uncertain_widens_it() {
    let text = "
users: 100
workload: {message: {rate: 200/s}, fan_out: none, heartbeat: none}
latency: {client: 0 s}
servers: {count: 1, cores: 1, network: unlimited, connections: {comfortable: 1M, limit: 1M}, cpu: {per_message: 80 us..120 us, per_kb: 0 s, per_wakeup: 0 s}}
logs: none
slo: {latency: {p99: 50 ms}}
simulation: {duration: 10 s, replications: 3}
";
    let json = line_of(text, &[]);
    assert_eq!(json["intervals"]["kind"], "parameter");
    let line = &json["line"];
    // All but a little of 1/S over 200/s: S of 98 us at the median, 80 and 120 us at the ends.
    for (end, right) in [("value", 51.0), ("low", 41.7), ("high", 62.5)] {
        assert!((number(line, end) / right - 1.0).abs() < 0.08, "{end} {right}: {line}");
    }
}

#[test]
fn a_fleet_that_carries_nothing_is_a_negative_answer() {
    let file = scenario(
        "users: 10\nworkload: {message: {rate: 1/s}}\nlatency: {client: 20 ms}\nslo: {latency: {p99: 30 ms}}\n\
         simulation: {duration: 5 s, replications: 2}\n",
    );
    let ended = run(["line", file.to_str().unwrap()]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("carries not even 1 user:") && ended.stdout.contains("network"), "{}", ended.stdout);
}

#[test]
fn the_same_bytes_on_any_number_of_threads() {
    let file = scenario(MM1);
    let line =
        |threads: &str| run(["line", file.to_str().unwrap(), "--format", "json", "--threads", threads]).well().stdout;
    assert_eq!(line("1"), line("3"));
}
