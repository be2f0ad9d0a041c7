//! Figures that nobody knows: do results vary as the inputs were said to, and is it said which input matters?
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use common::{run, scenario};
use serde_json::Value;

const BASE: &str = "users: 10_000\nworkload: {message: {rate: 1/s, size: 1 KB}}\n";

fn estimate(set: &[&str]) -> Value {
    let file = scenario(BASE);
    let set = set.iter().flat_map(|assignment| ["--set", assignment]);
    let all: Vec<&str> = ["estimate", file.to_str().unwrap(), "--format", "json"].into_iter().chain(set).collect();
    run(all).well().json()
}

fn ends(figure: &Value) -> [f64; 3] {
    ["low", "value", "high"].map(|end| figure[end].as_f64().unwrap())
}

#[track_caller]
fn near(found: [f64; 3], expected: [f64; 3]) {
    for (found, expected) in found.into_iter().zip(expected) {
        assert!((found - expected).abs() < 1e-9 * expected, "{found}, not {expected}");
    }
}

const CERTAIN: &str = "servers.connections.comfortable=4_000";

/// What follows from one input alone has the very quantiles that were asked for.
#[test]
fn the_quantiles_asked_for_are_those_sampled() {
    let slots = |comfortable: &str| {
        let json = estimate(&["servers.count=3", &format!("servers.connections.comfortable={comfortable}")]);
        assert_eq!(json["saturation"][0]["resource"], "server.connections");
        ends(&json["saturation"][0]["users_at_target"])
    };
    near(slots("3_000..5_000"), [9_000.0, 3.0 * 15e6_f64.sqrt(), 15_000.0]);
    near(slots("{uncertain: {uniform: {low: 2_000, high: 4_000}}}"), [6_300.0, 9_000.0, 11_700.0]);
    near(
        slots("{uncertain: {loguniform: {low: 1_000, high: 10_000}}}"),
        [0.05, 0.5, 0.95].map(|q: f64| 3_000.0 * 10_f64.powf(q)),
    );
    near(
        slots("{uncertain: {triangular: {low: 1_000, mode: 2_000, high: 3_000}}}"),
        [3_000.0 + 3_000.0 * 0.1_f64.sqrt(), 6_000.0, 9_000.0 - 3_000.0 * 0.1_f64.sqrt()],
    );
    let rate = estimate(&[CERTAIN, "workload.message.rate=0.5..2/s"]);
    near(ends(&rate["load"]["messages_in_per_second"]), [5_000.0, 10_000.0, 20_000.0]);
}

/// Each input is seeded by its own path.
#[test]
fn adding_an_input_moves_no_other() {
    let one = estimate(&["workload.message.rate=0.5..2/s", CERTAIN]);
    let two = estimate(&["workload.message.rate=0.5..2/s", "servers.connections.comfortable=3_000..5_000"]);
    for name in ["messages_in_per_second", "ingress_wire_bytes_per_second", "log_bytes_per_hour"] {
        assert_eq!(one["load"][name], two["load"][name], "{name}");
    }
    assert_ne!(one["required"]["servers"], two["required"]["servers"]);
    // Two inputs at once: 90 % of the product's own distribution, a lognormal with the root of the sum of both variances.
    let both = estimate(&["workload.message.rate=0.5..2/s", "workload.message.size=0.5..2 KB", CERTAIN]);
    let [low, value, high] = ends(&both["load"]["ingress_bytes_per_second"]);
    assert!((value - 10e6).abs() < 1.0, "{value}");
    let expected = 4_f64.ln() / 2.0 * 2_f64.sqrt();
    for end in [value / low, high / value] {
        assert!((end.ln() / expected - 1.0).abs() < 0.12, "{end}: {} against {expected}", end.ln());
    }
}

#[test]
fn sensitivity_tells_which_input_matters() {
    let json = estimate(&[
        "servers.connections.comfortable=3_000..5_000",
        "latency.client=10..40 ms",
        "logs.bytes_per_message=0.9..1.1 KB",
        "servers.count=3",
    ]);
    let list = json["sensitivity"].as_array().unwrap();
    let paths: Vec<&str> = list.iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["servers.connections.comfortable", "latency.client", "logs.bytes_per_message"]);
    let share = |path: &str, output: &str| {
        list.iter().find(|one| one["path"] == path).unwrap()[output]["share"].as_f64().unwrap()
    };
    assert!(share("servers.connections.comfortable", "servers") > 0.999);
    assert!(share("servers.connections.comfortable", "users_at_target") > 0.999);
    assert!(share("latency.client", "latency_mean_seconds") > 0.99);
    for (path, output) in [
        ("latency.client", "servers"),
        ("logs.bytes_per_message", "users_at_target"),
        ("servers.connections.comfortable", "latency_mean_seconds"),
    ] {
        assert!(share(path, output) < 0.01, "{path} {output}: {}", share(path, output));
    }
    let servers = &list[0]["servers"];
    assert_eq!((&servers["at_low"], &servers["at_high"]), (&4.0.into(), &2.0.into()));
    // What does not vary has no share.
    let latency = estimate(&[CERTAIN, "latency.client=10..40 ms"]);
    assert_eq!(latency["sensitivity"][0]["servers"]["share"], Value::Null);
    assert_eq!(estimate(&[CERTAIN])["sensitivity"], serde_json::json!([]));
}

#[test]
fn sensitivity_is_in_both_reports() {
    for command in ["estimate", "simulate"] {
        let short = ["--set", "simulation.duration=1 s", "--set", "simulation.replications=2"];
        let mut all = vec![command, "scenarios/chat-10k.yaml", "--set", "latency.client=10..40 ms"];
        all.extend(short);
        let text = run(&all).well().stdout;
        assert!(text.contains("what is uncertain moves"), "{text}");
        let row = text.lines().find(|line| line.starts_with("servers.connections.comfortable ") && line.contains(" %"));
        assert!(row.is_some_and(|row| row.contains("100 % (4 to 2)")), "{row:?}");
        all.extend(["--format", "json"]);
        assert_eq!(run(&all).well().json()["sensitivity"].as_array().unwrap().len(), 2);
    }
}

/// A file of any distribution gives the same bytes again, on any number of threads.
#[test]
fn a_named_distribution_is_as_repeatable() {
    let set = "servers.connections.comfortable={uncertain: {uniform: {low: 2_000, high: 4_000}}}";
    assert_eq!(estimate(&[set]), estimate(&[set]));
    assert_eq!(estimate(&[set])["uncertain"][0]["distribution"], "uniform");
    near(ends(&serde_json::json!({ "low": 2_100.0, "value": 3_000.0, "high": 3_900.0 })), {
        let input = &estimate(&[set])["uncertain"][0];
        [input["low"].as_f64().unwrap(), 3_000.0, input["high"].as_f64().unwrap()]
    });
}
