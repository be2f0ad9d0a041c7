//! What a run claims, and whether it may: who is left out, whether it is a steady state, how sure its figures are.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "what is no success fails the test, and figures are compared as they are printed"
)]

mod common;

use common::{Ended, run, scenario};
use serde_json::Value;

/// One core at full load with an exponential service of 1 ms, and promises that are easy to keep.
const BUSY: &str = "
users: 1_000
workload: {message: {rate: 1/s, size: 100 B}, fan_out: echo}
latency: {client: 0 s}
servers: {count: 1, cores: 1, network: unlimited, cpu: {per_message: {exponential: 1 ms}, per_kb: 0 us, per_wakeup: 0 us}}
logs: none
slo: {latency: {p99: 1 hour}, dropped: 0.1 %}
simulation: {duration: 5 s, replications: 3, seed: 1}
";

/// Slots for half of the users.
const FULL: &str = "
users: 2_000
workload: {message: {rate: 1/s}, reconnect: {backoff: 1 s}}
servers: {count: 1, connections: {comfortable: 1_000, limit: 1_000}}
slo: {dropped: 0.1 %}
simulation: {duration: 5 s, replications: 3, seed: 1}
";

/// Exponential messages of 10 us on four cores; what they wait is all there is to see.
const CORES: &str = "
users: 1_000
workload: {message: {rate: 200/s, size: 1 KB}, fan_out: echo}
latency: {client: 0 s}
servers:
  count: 1
  cores: 4
  network: unlimited
  memory: 64 GiB
  cpu: {per_message: {exponential: 10 us}, per_kb: 0 us, per_cache_miss: 0 us, per_wakeup: 0 us}
logs: none
simulation: {duration: 1 s, replications: 4, seed: 1}
";

fn go(text: &str, more: &[&str]) -> Ended {
    let file = scenario(text).to_string_lossy().into_owned();
    run([&["simulate", &file, "--quiet"], more].concat())
}

/// The JSON of a scenario with these settings.
#[track_caller]
fn simulated(text: &str, set: &[&str]) -> Value {
    let set: Vec<&str> = set.iter().flat_map(|set| ["--set", set]).collect();
    go(text, &[&["--format", "json"], &set[..]].concat()).well().json()
}

#[track_caller]
fn number(json: &Value, pointer: &str) -> f64 {
    json.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{pointer}: {json}"))
}

#[track_caller]
fn near(found: f64, right: f64, share: f64) {
    assert!((found / right - 1.0).abs() <= share, "{found} is not within {share} of {right}");
}

fn cpu(json: &Value) -> (&Value, &Value) {
    let of = |list: &'static str| {
        let stations = json.pointer(list).and_then(Value::as_array).unwrap();
        stations.iter().find(|station| station["name"] == "server.cpu").unwrap()
    };
    (of("/closed_form/stations"), of("/simulation/stations"))
}

fn reasons(json: &Value) -> Vec<&str> {
    json.pointer("/simulation/unsteady").and_then(Value::as_array).unwrap().iter().filter_map(Value::as_str).collect()
}

#[test]
fn users_without_a_connection_break_the_promise() {
    let json = simulated(FULL, &[]);
    near(number(&json, "/simulation/unserved_share/value"), 0.5, 1e-9);
    assert_eq!(number(&json, "/simulation/dropped_share/value"), 0.0, "none of the messages sent was lost");
    near(number(&json, "/slo/objectives/0/found/value"), 0.5, 1e-9);
    assert_eq!(json.pointer("/slo/verdict").unwrap(), "not met");
    let ended = go(FULL, &["--fail-on", "slo"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("NOT SERVED"), "{}", ended.stdout);
    assert!(ended.stdout.contains("1,000 of 2,000 connections are open"), "{}", ended.stdout);
    // Nor does it help if they give up, or if they come one by one.
    let gone = simulated(FULL, &["workload.reconnect=none"]);
    near(number(&gone, "/simulation/unserved_share/value"), 0.5, 1e-9);
    let late = simulated(FULL, &["simulation.start={ramp: 1 s}", "simulation.warm_up=2 s"]);
    near(number(&late, "/simulation/unserved_share/value"), 0.5, 1e-9);
}

#[test]
fn nobody_is_missed_where_all_are_there() {
    for set in
        [&[][..], &["simulation.start={ramp: 2 s}", "simulation.warm_up=0 s"], &["workload.session={length: 1 s}"]]
    {
        let json = simulated(FULL, &[&["users=500"], set].concat());
        assert_eq!(number(&json, "/simulation/unserved_share/value"), 0.0, "{set:?}");
        assert_eq!(json.pointer("/slo/met").unwrap(), true, "{set:?}");
    }
}

#[test]
fn of_sessions_the_refused_attempts_count() {
    let json = simulated(FULL, &["workload.session={length: {exponential: 1 s}}", "workload.reconnect=none"]);
    let (refused, accepted) = (
        number(&json, "/simulation/refused_connections/value"),
        number(&json, "/simulation/accepted_connections/value"),
    );
    near(number(&json, "/simulation/unserved_share/value"), refused / (refused + accepted), 1e-6);
    // Erlang's loss formula at 2,000 erlang on 1,000 slots: about one half.
    near(number(&json, "/simulation/unserved_share/value"), 0.5, 0.05);
}

#[test]
fn a_sweep_shows_what_was_carried() {
    let file = scenario(FULL).to_string_lossy().into_owned();
    let sweep = run(["sweep", &file, "--quiet", "--vary", "users=500,2_000"]).well().stdout;
    let row = |users: &str| sweep.lines().find(|line| line.starts_with(users)).unwrap_or_else(|| panic!("{sweep}"));
    assert!(row("500 ").contains(" 500 ") && !row("500 ").contains('*'), "{sweep}");
    assert!(row("2_000").contains(" 1,000* "), "{sweep}");
    assert!(sweep.contains("*: what was carried"), "{sweep}");
}

#[test]
fn a_queue_without_end_meets_nothing() {
    let json = simulated(BUSY, &["users=1_200"]);
    assert_eq!(reasons(&json), ["overloaded"]);
    assert_eq!(json.pointer("/slo/met").unwrap(), false);
    assert_eq!(json.pointer("/slo/verdict").unwrap(), "undecided");
    let ended = go(BUSY, &["--set", "users=1_200", "--fail-on", "slo"]);
    assert_eq!(ended.code, Some(4));
    assert!(ended.stdout.contains("UNDECIDED"), "{}", ended.stdout);
    // What is broken already stays broken.
    let broken = ["--set", "users=1_200", "--set", "slo.latency.p99=1 ms", "--fail-on", "slo"];
    assert_eq!(go(BUSY, &broken).code, Some(1));
}

#[test]
fn a_run_too_short_decides_nothing() {
    // At 99.9 % a queue of 1 ms settles within some thousand seconds, not five.
    assert_eq!(reasons(&simulated(BUSY, &["users=999"])), ["unsettled"]);
    let ramp = simulated(BUSY, &["users=500", "simulation.start={ramp: 10 s}"]);
    assert_eq!(reasons(&ramp), ["ramping"]);
    assert_eq!(ramp.pointer("/slo/verdict").unwrap(), "undecided");
    let steady = simulated(BUSY, &["users=500"]);
    assert!(reasons(&steady).is_empty());
    assert_eq!(steady.pointer("/slo/verdict").unwrap(), "met");
}

#[test]
fn cores_that_share_wake_up_together() {
    for (cores, rate, tolerance) in [(4, 200, 0.05), (4, 360, 0.07), (16, 800, 0.05), (16, 1_440, 0.2)] {
        let set = [
            format!("servers.cores={cores}"),
            format!("workload.message.rate={rate}/s"),
            "servers.cpu.per_message=10 us".to_owned(),
            "servers.cpu.per_wakeup=44 us".to_owned(),
        ];
        let json = simulated(CORES, &set.each_ref().map(String::as_str));
        let (form, found) = cpu(&json);
        near(number(form, "/wait_seconds"), number(found, "/wait_seconds/value"), tolerance);
        near(number(form, "/busy"), number(found, "/busy/value"), 0.02);
    }
}

#[test]
fn sharing_counts_the_wake_up_as_service() {
    let set = ["servers.discipline=ps", "servers.cpu.per_message=10 us", "servers.cpu.per_wakeup=44 us"];
    let json = simulated(CORES, &set);
    let (form, found) = cpu(&json);
    near(number(form, "/residence_seconds"), number(found, "/residence_seconds/value"), 0.15);
}

#[test]
fn a_limit_and_patience_together() {
    let set = ["workload.message.rate=400/s", "servers.queue={limit: 8}", "servers.patience={exponential: 50 us}"];
    let json = simulated(CORES, &set);
    assert_eq!(cpu(&json).0["method"], "M/M/c/K+M");
    near(number(cpu(&json).0, "/loss"), number(&json, "/simulation/dropped_share/value"), 0.02);
    // With wake-ups more is lost, and the closed form knows.
    let woken = simulated(CORES, &[&set[..], &["servers.cpu.per_wakeup=44 us"]].concat());
    assert!(number(cpu(&woken).0, "/loss") > 1.5 * number(cpu(&json).0, "/loss"));
    near(number(cpu(&woken).0, "/loss"), number(&woken, "/simulation/dropped_share/value"), 0.1);
}

#[test]
fn a_limit_and_a_wake_up_on_one_core() {
    let set = ["servers.cores=1", "workload.message.rate=50/s", "servers.queue={limit: 8}"];
    let wakeup = "servers.cpu.per_wakeup={exponential: 44 us}";
    let json = simulated(CORES, &[&set[..], &[wakeup]].concat());
    let (form, found) = cpu(&json);
    near(number(form, "/loss"), number(&json, "/simulation/dropped_share/value"), 0.05);
    near(number(form, "/wait_seconds"), number(found, "/wait_seconds/value"), 0.03);
    near(number(form, "/residence_seconds"), number(found, "/residence_seconds/value"), 0.03);
    near(number(form, "/busy"), number(found, "/busy/value"), 0.01);
}

#[test]
fn who_has_no_patience_never_waits() {
    let json = simulated(CORES, &["servers.patience=0 s"]);
    let (form, found) = cpu(&json);
    assert_eq!((number(form, "/wait_seconds"), number(found, "/wait_seconds/value")), (0.0, 0.0));
    near(number(form, "/loss"), number(&json, "/simulation/dropped_share/value"), 0.03);
}

#[test]
fn a_core_with_a_queue_of_its_own_has_a_limit_of_its_own() {
    let set = ["servers.dispatch=per-core", "servers.queue={limit: 4}", "workload.message.rate=360/s"];
    let json = simulated(CORES, &set);
    let (form, found) = cpu(&json);
    assert_eq!(form["exact"], true);
    near(number(&json, "/simulation/dropped_share/value"), number(form, "/loss"), 0.03);
    near(number(found, "/wait_seconds/value"), number(form, "/wait_seconds"), 0.02);
    // Ten connections are no equal shares for four cores.
    let few = simulated(CORES, &[&set[..2], &["users=10", "workload.message.rate=36_000/s"]].concat());
    assert_eq!(cpu(&few).0["exact"], false);
}

#[test]
fn batches_that_are_pulled_apart_are_none() {
    let batch = ["servers.cores=1", "workload.message.rate=50/s", "workload.message.arrivals={batch: {size: 4}}"];
    let json = simulated(CORES, &batch);
    assert_eq!((&cpu(&json).0["method"], &cpu(&json).0["exact"]), (&Value::from("M^X/G/1"), &Value::from(true)));
    let json = simulated(CORES, &[&batch[..], &["latency.client={exponential: 1 ms}"]].concat());
    let (form, found) = cpu(&json);
    assert_eq!(form["exact"], false);
    near(number(form, "/wait_seconds"), number(found, "/wait_seconds/value"), 0.2);
}

/// Half the width of an interval, over its value.
#[track_caller]
fn width(json: &Value, pointer: &str) -> f64 {
    let end = |name: &str| number(json, &format!("{pointer}/{name}"));
    (end("high") - end("low")) / 2.0 / end("value")
}

#[test]
fn intervals_where_slices_are_alike() {
    // 20 min sessions hardly change within a run: five replications differ by one in a hundred, and so says the interval.
    let long = "
users: 10_000
workload: {message: {rate: 0.01/s}, session: {length: 20 min}}
simulation: {duration: 20 s, replications: 5, seed: 3}
";
    let json = simulated(long, &[]);
    let found = width(&json, "/simulation/connections");
    assert!((0.000_5..0.03).contains(&found), "{found}");
    // Periodic messages repeat their pattern every second: what differs is between replications.
    let set = [
        "simulation.replications=5",
        "users=3_600",
        "workload.message={rate: 100/s, size: 1 KB, arrivals: periodic}",
        "servers.cpu.per_message=10 us",
    ];
    let json = simulated(CORES, &set);
    let found = width(&json, "/simulation/latency_seconds/mean");
    assert!((0.01..0.15).contains(&found), "{found}");
}
