//! Figures that nobody knows: do results vary as the inputs were said to, and is it said which input matters?
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use common::{folder, run, scenario};
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

/// A server that is M/M/1, with nothing else in the way of a message.
const QUEUE: &str = "users: 1_000\n\
    workload: {message: {rate: 0.7/s}, fan_out: none}\n\
    latency: {client: 5 ms}\n\
    servers: {cores: 1, network: unlimited, target_utilisation: 95 %, connections: {comfortable: 1M, limit: 1M}, \
    cpu: {per_message: {exponential: 1 ms}, per_kb: 0 s, per_wakeup: 0 s, per_heartbeat: 0 s}}\n\
    logs: none\n\
    simulation: {duration: 60 s, replications: 5, seed: 7}\n";

fn shapes(price: &str) -> String {
    let file = folder().join("shapes.yaml");
    let text = format!("shapes: [{{name: one, vcpu: 1, memory: 8 GiB, network: 10 Gbit/s, price: {price}}}]\n");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

fn plan(price: &str, set: &[&str]) -> Value {
    let file = scenario(QUEUE);
    let shapes = shapes(price);
    let set = set.iter().flat_map(|assignment| ["--set", assignment]);
    let start = ["plan", file.to_str().unwrap(), "--shapes", &shapes, "--format", "json"];
    run(start.into_iter().chain(set).collect::<Vec<_>>()).well().json()
}

#[track_caller]
fn of<'a>(json: &'a Value, path: &str) -> &'a Value {
    let all = json["sensitivity"].as_array().unwrap();
    all.iter().find(|one| one["path"] == path).unwrap_or_else(|| panic!("no {path} in {all:?}"))
}

const RATE: &str = "workload.message.rate=0.6..0.85/s";

/// p99 of an M/M/1 queue is ln(100)/(μ − λ): the rate moves it far, the network by what it is itself, a price not at all.
#[test]
fn the_tail_and_the_price_each_have_what_moves_them() {
    let json = plan("0.05..0.2", &[RATE, "latency.client=4..6 ms"]);
    let p99 = |path: &str| &of(&json, path)["latency_p99_seconds"];
    let theory = |rate: f64| 0.005 + 100_f64.ln() / (1_000.0 - rate);
    let rate = p99("workload.message.rate");
    assert_eq!(rate["finding"], "moves");
    for (end, arrivals) in [("at_low", 600.0), ("at_high", 850.0)] {
        let found = rate[end]["value"].as_f64().unwrap();
        assert!((found / theory(arrivals) - 1.0).abs() < 0.08, "{end}: {found}, not {}", theory(arrivals));
    }
    let [low, value, high] = ends(&rate["difference"]);
    assert!(low < theory(850.0) - theory(600.0) && theory(850.0) - theory(600.0) < high, "{low} {value} {high}");
    // The same users with the same luck: only the 2 ms are different, to a millionth of a second.
    let client = p99("latency.client");
    assert_eq!(client["finding"], "moves");
    let [low, value, high] = ends(&client["difference"]);
    assert!((value - 0.002).abs() < 1e-4 && high - low < 2e-4, "{low} {value} {high}");
    assert!(rate["share"].as_f64().unwrap() > 0.95);
    // One server suffices in all worlds, so only its price moves the cost, and that nothing else.
    let price = of(&json, "shapes.one.price");
    assert!((price["price_per_hour"]["share"].as_f64().unwrap() - 1.0).abs() < 1e-12);
    near(["at_low", "at_low", "at_high"].map(|end| price["price_per_hour"][end].as_f64().unwrap()), [0.05, 0.05, 0.2]);
    assert_eq!((&price["latency_p99_seconds"]["finding"], &price["servers"]["share"]), (&"none".into(), &Value::Null));
    near(ends(&json["plans"][1]["price_per_hour"]), [0.05, 0.1, 0.2]);
}

/// An input's own figures are the same whatever else is uncertain.
#[test]
fn one_more_input_moves_no_others_figures() {
    let (one, more) = (
        plan("0.1", &[RATE]),
        plan("0.05..0.2", &[RATE, "latency.client={uncertain: {uniform: {low: 4 ms, high: 6 ms}}}"]),
    );
    let [a, b] = [&one, &more].map(|json| of(json, "workload.message.rate"));
    for end in ["at_low", "at_high", "difference", "finding"] {
        assert_eq!(a["latency_p99_seconds"][end], b["latency_p99_seconds"][end], "{end}");
    }
    for end in ["at_low", "at_high"] {
        assert_eq!(a["servers"][end], b["servers"][end], "{end}");
        let price = |one: &Value| one["price_per_hour"][end].as_f64().unwrap();
        assert!((price(a) - price(b)).abs() < 1e-12, "{end}");
    }
    assert_eq!(one["sensitivity"].as_array().unwrap().len(), 1);
    assert_eq!(more["sensitivity"].as_array().unwrap().len(), 3);
}

/// Near saturation one end of an input overloads the fleet; that is said, and no share is made of it.
#[test]
fn an_end_that_overloads_is_said() {
    let json = plan("0.1", &["workload.message.rate=0.5..1.3/s", "latency.client=4..6 ms"]);
    let rate = &of(&json, "workload.message.rate")["latency_p99_seconds"];
    assert_eq!((&rate["finding"], &rate["at_high"]), (&"overloads".into(), &Value::Null));
    let client = &of(&json, "latency.client")["latency_p99_seconds"];
    assert_eq!((&client["finding"], &client["share"]), (&"moves".into(), &Value::Null));
}

#[test]
fn simulate_says_what_moves_the_tail_where_it_is_asked() {
    let file = scenario(QUEUE);
    let path = file.to_str().unwrap();
    let start = ["simulate", path, "--sensitivity"];
    let none = run(start);
    assert_eq!(none.code, Some(2));
    assert!(none.stderr.contains("nothing in the scenario is uncertain"), "{}", none.stderr);
    let all: Vec<&str> = start.into_iter().chain(["--set", RATE, "--format", "json"]).collect();
    let json = run(&all).well().json();
    assert_eq!(of(&json, "workload.message.rate")["latency_p99_seconds"]["finding"], "moves");
    assert_eq!(json, run(all.into_iter().chain(["--threads", "1"])).well().json());
    let plain = run(["simulate", path, "--set", RATE, "--format", "json"]).well().json();
    assert_eq!(plain["simulation"], json["simulation"]);
    assert_eq!(of(&plain, "workload.message.rate").get("latency_p99_seconds"), None);
}

#[test]
fn an_estimate_has_a_price_where_machines_have() {
    let file = scenario(QUEUE);
    let estimate =
        |shapes: &str| run(["estimate", file.to_str().unwrap(), "--shapes", shapes, "--format", "json"]).well().json();
    let json = estimate(&shapes("0.05..0.2"));
    near(ends(&json["price"]["per_hour"]), [0.05, 0.1, 0.2]);
    assert_eq!(json["price"]["shape"], "one");
    assert!((of(&json, "shapes.one.price")["price_per_hour"]["share"].as_f64().unwrap() - 1.0).abs() < 1e-12);
    near(ends(&estimate(&shapes("0.3"))["price"]["per_hour"]), [0.3; 3]);
    assert_eq!(run(["estimate", file.to_str().unwrap(), "--format", "json"]).well().json().get("price"), None);
}
