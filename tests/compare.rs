//! Does `compare` show what a change does, no more and no less, and how sure that is?
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "what is no success fails the test, and figures are compared as they are printed"
)]

mod common;

use common::{run, scenario};
use serde_json::Value;

/// One M/M/1 server with 1 ms of service and a load of 0.5, and nothing else.
const MM1: &str = "
users: 100
workload: {message: {rate: 5/s}, fan_out: none}
latency: {client: 0 s}
servers: {count: 1, cores: 1, network: unlimited, cpu: {per_message: {exponential: 1 ms}, per_kb: 0 s, per_wakeup: 0 s, per_heartbeat: 0 s}}
logs: none
simulation: {duration: 50 s, replications: 6, seed: 5}
";

#[track_caller]
fn compared(text: &str, more: &[&str]) -> Value {
    let file = scenario(text);
    run([&["compare", file.to_str().unwrap(), "--format", "json"], more].concat()).well().json()
}

#[track_caller]
fn difference<'a>(json: &'a Value, figure: &str) -> &'a Value {
    let all = json["differences"].as_array().unwrap();
    all.iter().find(|one| one["figure"] == figure).unwrap_or_else(|| panic!("no {figure}: {json}"))
}

#[track_caller]
fn number(json: &Value, name: &str) -> f64 {
    json[name].as_f64().unwrap_or_else(|| panic!("no {name}: {json}"))
}

/// Both meet the same users, so what is not changed does not differ, not even by chance.
#[test]
fn nothing_changed_is_no_difference() {
    let json = compared(MM1, &["--with", "users=100"]);
    let all = json["differences"].as_array().unwrap();
    assert!(all.len() > 20, "{json}");
    for one in all {
        for end in ["value", "low", "high"] {
            assert_eq!(one["difference"][end], 0.0, "{one}");
        }
        assert_eq!(one["meaning"], "nothing");
    }
    assert!(json["summary"][0]["sentence"].as_str().unwrap().starts_with("Nothing"), "{json}");
}

/// M/M/1 has a mean latency of s/(1 − ρ): 2 ms at ρ = 0.5, 2.5 ms at 0.6. The interval of the difference holds theirs, in
/// as many seeds as it should, and is narrower than two independent runs would make it.
#[test]
fn the_interval_holds_the_true_difference() {
    let (mut held, mut narrower) = (0, 0);
    let seeds = 12;
    for seed in 0..seeds {
        let seed = seed.to_string();
        let json = compared(MM1, &["--with", "cpu.per_message={exponential: 1.2 ms}", "--seed", &seed]);
        let by = &difference(&json, "latency_seconds.mean")["difference"];
        // ρ = 500/s · 1.2 ms.
        let right = 1.2e-3 / (1.0 - 0.6) - 1e-3 / (1.0 - 0.5);
        held += i32::from(number(by, "low") <= right && right <= number(by, "high"));
        let half = |json: &Value| (number(json, "high") - number(json, "low")) / 2.0;
        let alone = |i: usize| half(&json["variants"][i]["result"]["simulation"]["latency_seconds"]["mean"]);
        narrower += i32::from(half(by) < alone(0).hypot(alone(1)));
        assert_eq!(difference(&json, "latency_seconds.mean")["meaning"], "price");
    }
    assert!(held >= seeds - 3, "{held} of {seeds}");
    assert!(narrower >= seeds - 3, "{narrower} of {seeds}");
}

#[test]
fn a_lever_shows_its_benefit_and_its_price() {
    let arguments =
        ["compare", "scenarios/chat-10k.yaml", "--with", "compression=deflate", "--set", "simulation.duration=5 s"];
    let json = run([&arguments[..], &["--format", "json"]].concat()).well().json();
    assert_eq!(json["variants"][0]["name"], "scenarios/chat-10k.yaml");
    assert_eq!(json["variants"][1]["name"], "compression=deflate");
    let out = difference(&json, "load.egress_wire_bytes_per_second");
    assert_eq!(out["meaning"], "benefit", "{out}");
    assert!(number(&out["difference"], "value") < 0.0 && number(&out["relative"], "value") < -0.3, "{out}");
    let cpu = difference(&json, "utilisation.server.cpu");
    assert_eq!(cpu["meaning"], "price", "{cpu}");
    let from = number(&json["variants"][0]["result"]["load"]["egress_wire_bytes_per_second"], "value");
    assert_eq!(number(&out["from"], "value"), from, "it is the result's own figure");
    let shown = run(arguments).well().stdout;
    for words in ["against scenarios/chat-10k.yaml", "Benefit: traffic", "Price: ", "servers required"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

/// Comfortable connections of 3,000..5,000 are the same in each world of both: half as many users need half the servers in
/// each, and the interval is that of the difference, not of both together.
#[test]
fn worlds_are_paired() {
    let arguments = ["--set", "simulation.duration=1 s", "--format", "json", "--with", "servers.connections.limit=30k"];
    let json = run([&["compare", "scenarios/chat-10k.yaml"], &arguments[..]].concat()).well().json();
    let servers = difference(&json, "required.servers");
    assert!(number(&servers["from"], "low") < number(&servers["from"], "high"), "{servers}");
    assert_eq!(
        (number(&servers["difference"], "low"), number(&servers["difference"], "high")),
        (0.0, 0.0),
        "{servers}"
    );
    assert_eq!(servers["intervals"]["kind"], "parameter");
}

#[test]
fn files_and_prices_are_compared_too() {
    let other = "scenarios/qps-10x.yaml";
    let short = ["--set", "simulation.duration=1 s", "--shapes", "example", "--format", "json"];
    let json = run([&["compare", "scenarios/qps-10x-same-users.yaml", other], &short[..]].concat()).well().json();
    assert_eq!(json["variants"][1]["name"], other);
    assert_eq!(json["variants"][1]["result"]["seed"], json["seed"]);
    let price = difference(&json, "price_per_hour");
    assert!(number(&price["from"], "value") > 0.0, "{price}");
    assert_eq!(json["catalogue"]["currency"], "USD");
}

#[test]
fn thresholds_decide_the_exit_code() {
    let file = scenario(MM1);
    let ended = |limits: &[&str]| {
        let with = ["compare", file.to_str().unwrap(), "--with", "cpu.per_message={exponential: 1.4 ms}"];
        let limits = limits.iter().flat_map(|limit| ["--fail-on", *limit]);
        let ended = run(with.into_iter().chain(limits));
        (ended.code.unwrap(), ended.stdout + &ended.stderr)
    };
    // 4.67 ms against 2 ms.
    let (code, shown) = ended(&["latency_seconds.mean>10%"]);
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("is beyond it"), "{shown}");
    assert_eq!(ended(&["latency_seconds.mean>1 s", "required.servers>0"]).0, 0);
    assert_eq!(ended(&["latency_seconds.mean>133.33%"]).0, 4, "its limit is the true difference");
    assert_eq!(ended(&["required.servers>0", "latency_seconds.p99>10%"]).0, 1, "one is enough");
    for (wrong, words) in [
        ("latency_seconds.p9>1%", "did you mean"),
        ("latency_seconds.p99", "needs a figure"),
        ("price_per_hour>0", "--shapes"),
    ] {
        let (code, shown) = ended(&[wrong]);
        assert!(code == 2 && shown.contains(words), "{wrong}: {shown}");
    }
}

#[test]
fn mistakes_are_told_before_anything_runs() {
    for (arguments, words) in [
        (&[][..], "there is nothing to compare with"),
        (&["--with", "brokers=kafka"], "did you mean `broker`"),
        (&["--with", "broker"], "needs a key and a value"),
        (&["--with", "broker=rabbit"], "--with broker=rabbit"),
        (&["nowhere.yaml"], "there is no file `nowhere.yaml`"),
    ] {
        let ended = run([&["compare", "scenarios/chat-10k.yaml"], arguments].concat());
        assert_eq!(ended.code, Some(2), "{arguments:?} {}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
}

#[test]
fn the_same_bytes_on_any_number_of_threads() {
    let file = scenario(MM1);
    let compare = |threads: &str| {
        let arguments = ["compare", file.to_str().unwrap(), "--with", "users=120", "--format", "json"];
        run([&arguments[..], &["--threads", threads]].concat()).well().stdout
    };
    assert_eq!(compare("1"), compare("3"));
}
