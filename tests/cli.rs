//! The program from outside: what it prints, in which form, and how it ends.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "what is no success fails the test, and figures are compared as they are printed"
)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use common::{Ended, folder, home, now, program, run, run_in, scenario, shipped};
use serde_json::Value;

const CHAT: &str = "scenarios/chat-10k.yaml";

/// Everything at once that makes a run hard to repeat: users come and go, are refused, come back.
const CHURN: &str = "
users: 3_000
workload:
  message: {rate: 2/s, size: {exponential: 1 KB}}
  heartbeat: {every: 5 s}
  session: {length: {exponential: 3 s}}
latency: {client: {lognormal: {mean: 20 ms, cv: 0.5}}}
servers: {count: 4, connections: {comfortable: 500, limit: 700}, cores: 2}
simulation: {duration: 5 s, replications: 2, seed: 1}
";

/// So many servers and messages that only some servers are simulated.
const SAMPLED: &str = "
users: 10_000_000
workload: {message: {rate: 1/s}}
simulation: {duration: 2 s, replications: 2, seed: 1, mode: sampled}
";

/// Messages, not connections, are balanced.
const ROUTED: &str = "
users: 2_000
workload: {message: {rate: 5/s, size: {uniform: {low: 100 B, high: 2 KB}}}}
servers: {count: 3}
balancer: {policy: random, unit: message}
simulation: {duration: 3 s, replications: 3, seed: 1}
";

/// The value at a path such as `load.users.value`.
#[track_caller]
fn at<'a>(json: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(json, |json, name| match name.parse::<usize>() {
        Ok(index) => json.get(index).unwrap_or_else(|| panic!("no {path}: {json}")),
        Err(_) => json.get(name).unwrap_or_else(|| panic!("no {path}: {json}")),
    })
}

#[track_caller]
fn number(json: &Value, path: &str) -> f64 {
    at(json, path).as_f64().unwrap_or_else(|| panic!("{path}: {}", at(json, path)))
}

#[track_caller]
fn text<'a>(json: &'a Value, path: &str) -> &'a str {
    at(json, path).as_str().unwrap_or_else(|| panic!("{path}: {}", at(json, path)))
}

#[track_caller]
fn list<'a>(json: &'a Value, path: &str) -> &'a [Value] {
    at(json, path).as_array().unwrap_or_else(|| panic!("{path}: {}", at(json, path)))
}

/// A figure is an estimate, with its value in its interval.
#[track_caller]
fn is_figure(json: &Value, path: &str) {
    let found = at(json, path);
    let names: Vec<&str> = found.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["value", "low", "high"], "{path}: {found}");
    let (value, low, high) = (number(found, "value"), number(found, "low"), number(found, "high"));
    assert!(low <= value && value <= high, "{path}: {found}");
}

/// A figure, or null where it doesn't exist.
#[track_caller]
fn is_figure_or_null(json: &Value, path: &str) {
    if !at(json, path).is_null() {
        is_figure(json, path);
    }
}

fn simulated(more: &[&str]) -> Value {
    run([&["simulate", CHAT, "--format", "json"], more].concat()).well().json()
}

#[track_caller]
fn near(found: f64, right: f64, share: f64) {
    assert!((found - right).abs() <= share * right, "{found} is not within {share} of {right}");
}

#[test]
fn names_of_the_json() {
    let json = simulated(&[]);
    assert_eq!(number(&json, "schema_version"), 1.0);
    assert_eq!(text(&json, "scenario.name"), "chat-10k");
    assert_eq!(text(&json, "scenario.hash").len(), 16);
    assert_eq!(at(&json, "seed"), 42);
    for name in [
        "users",
        "connections",
        "messages_in_per_second",
        "messages_out_per_second",
        "ingress_bytes_per_second",
        "egress_bytes_per_second",
        "ingress_wire_bytes_per_second",
        "egress_wire_bytes_per_second",
        "heartbeats_per_second",
        "log_bytes_per_hour",
    ] {
        is_figure(&json, &format!("load.{name}"));
    }
    is_figure(&json, "required.servers");
    is_figure(&json, "required.spare");
    let resources = list(&json, "bottlenecks").len();
    assert!(resources >= 5);
    assert_eq!(list(&json, "required.by_resource").len(), resources);
    assert_eq!(list(&json, "saturation").len(), resources);
    let mut names = Vec::new();
    for index in 0..resources {
        text(&json, &format!("required.by_resource.{index}.resource"));
        is_figure(&json, &format!("required.by_resource.{index}.units"));
        let bottleneck = at(&json, &format!("bottlenecks.{index}"));
        names.push(text(bottleneck, "resource"));
        is_figure(bottleneck, "utilisation");
        assert!(!text(bottleneck, "solution").is_empty());
        assert!(list(bottleneck, "trade_offs").iter().all(Value::is_string), "{bottleneck}");
        assert!(!list(bottleneck, "trade_offs").is_empty(), "{bottleneck}");
        let saturation = at(&json, &format!("saturation.{index}"));
        assert_eq!(text(saturation, "resource"), text(bottleneck, "resource"), "both go by what gives way first");
        is_figure_or_null(saturation, "users_at_target");
        is_figure_or_null(saturation, "users_at_limit");
    }
    for name in ["server.connections", "server.memory", "server.cpu", "server.nic_in", "server.nic_out"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let cpu = list(&json, "bottlenecks").iter().find(|bottleneck| bottleneck["resource"] == "server.cpu").unwrap();
    is_figure(cpu, "busy");
    for block in ["load", "required"] {
        assert_eq!(text(&json, &format!("{block}.intervals.kind")), "parameter");
        assert!(number(&json, &format!("{block}.intervals.level")) < 1.0);
    }
    let order: Vec<f64> = (0..resources)
        .filter(|index| !at(&json, &format!("saturation.{index}.users_at_target")).is_null())
        .map(|index| number(&json, &format!("saturation.{index}.users_at_target.value")))
        .collect();
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn names_of_the_simulation() {
    let json = simulated(&[]);
    let simulation = at(&json, "simulation");
    assert_eq!(text(simulation, "intervals.kind"), "sampling");
    assert_eq!(text(simulation, "mode"), "every-message");
    for name in ["messages", "events", "refused_connections", "dropped_connections", "dropped_messages"] {
        is_figure(simulation, name);
    }
    for name in ["mean", "p50", "p90", "p95", "p99", "p999", "max"] {
        is_figure(simulation, &format!("latency_seconds.{name}"));
    }
    let mut names = Vec::new();
    for station in list(simulation, "stations") {
        names.push(text(station, "name"));
        for name in ["utilisation", "busy", "queue_length", "throughput_per_second"] {
            is_figure(station, name);
        }
        is_figure_or_null(station, "wait_seconds");
    }
    for name in ["server.nic_in", "server.cpu", "server.nic_out"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

/// 10,000 users × 1 message/s × 1 KB.
#[test]
fn the_worked_example() {
    let json = simulated(&[]);
    let exact = |path: &str, right: f64| {
        for end in ["value", "low", "high"] {
            near(number(&json, &format!("load.{path}.{end}")), right, 1e-12);
        }
    };
    exact("messages_in_per_second", 10_000.0);
    exact("messages_out_per_second", 10_000.0);
    exact("ingress_bytes_per_second", 10e6);
    exact("egress_bytes_per_second", 10e6);
    exact("log_bytes_per_hour", 36e9);
    exact("heartbeats_per_second", 10_000.0 / 30.0);
    for (name, right) in [
        ("messages_in_per_second", 10_000.0),
        ("messages_out_per_second", 10_000.0),
        ("ingress_bytes_per_second", 10e6),
        ("egress_bytes_per_second", 10e6),
        ("log_bytes_per_hour", 36e9),
    ] {
        near(number(&json, &format!("simulation.{name}.value")), right, 0.01);
    }
    assert_eq!(text(&json, "bottlenecks.0.resource"), "server.connections");
    let servers = |json: &Value| ["value", "low", "high"].map(|end| number(json, &format!("required.servers.{end}")));
    assert_eq!(servers(&json), [3.0, 2.0, 4.0]);
    assert_eq!(number(&json, "required.spare.value"), 0.0);

    let spared = run(["estimate", CHAT, "--format", "json", "--set", "servers.spare=2"]).well().json();
    assert_eq!(servers(&spared), [3.0, 2.0, 4.0], "spare servers stand apart");
    assert_eq!(number(&spared, "required.spare.value"), 2.0);

    let roomy = simulated(&["--set", "servers.connections.comfortable=1_000"]);
    assert_eq!(servers(&roomy), [10.0, 10.0, 10.0]);
}

#[test]
fn an_estimate_has_no_simulation() {
    let json = run(["estimate", CHAT, "--format", "json"]).well().json();
    assert!(json.get("simulation").is_none());
    assert_eq!(at(&json, "load"), at(&simulated(&[]), "load"));
}

#[test]
fn the_command_line_beats_the_file() {
    let json = simulated(&["--seed", "7", "--users", "20k", "--set", "simulation.duration=1 s"]);
    assert_eq!(at(&json, "seed"), 7);
    assert_eq!(number(&json, "load.users.value"), 20_000.0);
    assert_eq!(number(&json, "simulation.duration_seconds"), 1.0);
    let same = simulated(&["--set", "simulation.seed=7", "--set", "users=20k", "--set", "simulation.duration=1 s"]);
    assert_eq!(json, same);
}

#[test]
fn a_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let files = [CHURN, SAMPLED, ROUTED].map(|text| scenario(text).to_string_lossy().into_owned());
    for file in [CHAT].into_iter().chain(files.iter().map(String::as_str)) {
        let with = |more: &[&str]| run([&["simulate", file, "--format", "json"], more].concat()).well();
        let one = with(&["--threads", "1", "--seed", "5"]);
        assert_eq!(one.stdout, with(&["--threads", "2", "--seed", "5"]).stdout, "{file}");
        let other = with(&["--seed", "6"]).json();
        let one = one.json();
        assert_ne!(at(&one, "simulation.messages"), at(&other, "simulation.messages"), "{file}");
        assert_eq!(at(&one, "load"), at(&other, "load"), "{file}");
        assert_eq!(at(&one, "scenario.hash"), at(&other, "scenario.hash"), "{file}: how it is run is no part of it");
    }
}

/// The scenarios above are what they claim to be.
#[test]
fn the_hard_cases_are_hard() {
    let simulate = |text: &str| {
        let file = scenario(text).to_string_lossy().into_owned();
        run(["simulate", &file, "--format", "json"]).well().json()
    };
    let churn = simulate(CHURN);
    assert!(number(&churn, "simulation.refused_connections.value") > 0.0);
    assert!(number(&churn, "simulation.ended_connections.value") > 0.0);
    let sampled = simulate(SAMPLED);
    assert_eq!(text(&sampled, "simulation.mode"), "sampled");
    assert!(number(&sampled, "simulation.servers_simulated") < number(&sampled, "simulation.servers"));
}

#[test]
fn fail_on_slo() {
    let quick = ["simulate", CHAT, "--set", "simulation.duration=2 s", "--fail-on", "slo"];
    run(quick).well();
    let missed = run([&quick[..], &["--set", "slo.latency.p99=1 ms"]].concat());
    assert_eq!(missed.code, Some(1), "{missed:?}");
    assert_eq!(missed.stderr, "");
    assert!(missed.stdout.contains("Servers required"), "the result is shown: {}", missed.stdout);
    // Unmet, and nobody asked.
    run([&quick[..4], &["--set", "slo.latency.p99=1 ms"]].concat()).well();
    let sweep = ["sweep", CHAT, "--set", "simulation.duration=2 s", "--fail-on", "slo", "--vary"];
    run([&sweep[..], &["latency.client=1 ms,20 ms"]].concat()).well();
    assert_eq!(run([&sweep[..], &["latency.client=1 ms,300 ms"]].concat()).code, Some(1));
}

#[test]
fn tables_fit_and_are_plain() {
    let mut outputs = vec![run(["--help"]).well(), run(["simulate", "--help"]).well(), run(["sweep", "--help"]).well()];
    for file in shipped() {
        let quick = ["--set", "simulation.duration=2 s", "--set", "simulation.replications=2"];
        for command in ["estimate", "simulate", "sweep"] {
            if command != "sweep" || fs::read_to_string(home().join(&file)).unwrap().contains("\nsweep:") {
                outputs.push(run([&[command, &file], &quick[..]].concat()).well());
            }
        }
    }
    for Ended { stdout, stderr, .. } in outputs {
        assert_eq!(stderr, "", "no progress bar where nobody sees it");
        assert!(stdout.ends_with('\n'), "{stdout}");
        for line in stdout.lines() {
            assert!(line.chars().count() <= 100, "{} columns: {line}\n{stdout}", line.chars().count());
            assert!(!line.contains(char::is_control), "{line:?}");
        }
    }
}

/// Whoever reads the first lines only (`| head`) is no error.
#[test]
fn a_closed_pipe_is_no_error() {
    let many: Vec<String> = (1..=300).map(|users| users.to_string()).collect();
    let many = format!("users={}", many.join(","));
    for arguments in [
        vec!["simulate", CHAT, "--set", "simulation.duration=1 s"],
        vec!["simulate", CHAT, "--set", "simulation.duration=1 s", "--format", "json"],
        vec!["estimate", CHAT],
        vec!["estimate", CHAT, "--format", "json"],
        vec!["schema"],
        vec!["sweep", CHAT, "--set", "simulation.duration=1 s", "--format", "json", "--vary", &many],
        vec!["--help"],
        vec!["simulate", "--help"],
        vec!["--version"],
    ] {
        let mut child = program()
            .current_dir(home())
            .args(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
    // And one that is closed in the middle: 300 points are far more than a pipe holds.
    let mut child = program()
        .current_dir(home())
        .args(["sweep", CHAT, "--set", "simulation.duration=1 s", "--format", "json", "--vary", &many])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(first, "{\n");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn a_sweep_has_a_row_for_each_point() {
    let points = ["sweep", CHAT, "--set", "simulation.duration=1 s", "--vary", "users=1_000,5k", "--vary"];
    let arguments = [&points[..], &["latency.client=1 ms,{exponential: 5 ms},20 ms"]].concat();
    let json = run([&arguments[..], &["--format", "json"]].concat()).well().json();
    let varied: Vec<&Value> = list(&json, "points").iter().map(|point| &point["vary"]).collect();
    assert_eq!(varied.len(), 6, "{varied:?}");
    assert_eq!(varied[0], &serde_json::json!({ "users": 1_000, "latency.client": "1 ms" }));
    assert_eq!(varied[1], &serde_json::json!({ "users": 1_000, "latency.client": "{exponential: 5 ms}" }));
    assert_eq!(varied[3], &serde_json::json!({ "users": 5_000, "latency.client": "1 ms" }));
    assert_eq!(at(&json, "complete"), true);
    let alone = simulated(&["--users", "5k", "--set", "latency.client=20 ms", "--set", "simulation.duration=1 s"]);
    assert_eq!(at(&json, "points.5.result"), &alone, "a point is what `simulate` says there");

    let shown = run(&arguments).well().stdout;
    let rows = |start: &str| shown.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!((rows("1_000 "), rows("5k ")), (3, 3), "{shown}");
}

#[test]
fn a_sweep_takes_its_points_from_the_file() {
    let json = run(["sweep", "scenarios/ladder.yaml", "--set=simulation.duration=1 s", "--format=json"]).well().json();
    let users: Vec<&Value> = list(&json, "points").iter().map(|point| &point["vary"]["users"]).collect();
    assert_eq!(users, [100, 10_000, 1_000_000, 100_000_000]);
}

/// Some points are done in no time, the others would take minutes: Ctrl-C shows the former.
#[test]
fn ctrl_c_in_a_sweep_keeps_what_is_finished() {
    for format in ["json", "terminal"] {
        let child = program()
            .current_dir(home())
            .args(["sweep", CHAT, "--format", format, "--threads", "2", "--set", "simulation.replications=20"])
            .args(["--set", "simulation.mode=every-message", "--vary", "users=1k,2k,5M,6M"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Time enough for the quick ones, even on a busy machine.
        thread::sleep(Duration::from_secs(3));
        let start = now();
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert!(start.elapsed() < Duration::from_secs(20), "it heeds Ctrl-C");
        let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(130), "{stdout}{stderr}");
        assert_eq!(stderr, "interrupted\n");
        if format == "json" {
            let json: Value = serde_json::from_str(&stdout).unwrap();
            let finished: Vec<&Value> = list(&json, "points").iter().map(|point| &point["vary"]["users"]).collect();
            assert_eq!(finished, [1_000, 2_000]);
            assert_eq!(at(&json, "complete"), false);
        } else {
            let has = |start: &str| stdout.lines().any(|line| line.starts_with(start));
            assert!(has("1k ") && has("2k ") && !has("5M ") && !has("6M "), "{stdout}");
        }
    }
}

#[test]
fn a_new_scenario_works() {
    let folder = folder();
    for arguments in [&["new", "mine"][..], &["new", "all", "--full"], &["new", "named.yaml"]] {
        let ended = run_in(&folder, arguments).well();
        let file = format!("{}.yaml", arguments[1].trim_end_matches(".yaml"));
        assert!(ended.stdout.contains(&format!("plimsoll simulate {file}")), "{}", ended.stdout);
        let before = fs::read_to_string(folder.join(&file)).unwrap();
        let result = run_in(&folder, ["simulate", &file, "--format", "json"]).well().json();
        assert_eq!(text(&result, "scenario.name"), file.trim_end_matches(".yaml"));
        let again = run_in(&folder, arguments);
        assert_eq!(again.code, Some(2), "{again:?}");
        assert!(again.stderr.contains(&format!("already a file `{file}`")), "{}", again.stderr);
        assert_eq!(fs::read_to_string(folder.join(&file)).unwrap(), before);
    }
    assert_eq!(run_in(&folder, ["new", "no/such/folder"]).code, Some(3));
}

/// What an editor's checker makes of a scenario file. In YAML 1.1, which some editors read, `10_000` is a number; in
/// YAML 1.2 it is a text.
#[derive(Debug, Clone, Copy)]
enum Yaml {
    OnePointOne,
    OnePointTwo,
}

fn instance(yaml: &str, version: Yaml) -> Value {
    fn numbers(value: &mut Value) {
        match value {
            Value::String(text) if text.contains('_') => {
                if let Ok(number) = text.replace('_', "").parse::<u64>() {
                    *value = number.into();
                }
            }
            Value::Array(items) => items.iter_mut().for_each(numbers),
            Value::Object(entries) => entries.values_mut().for_each(numbers),
            _ => {}
        }
    }
    let mut value: Value = serde_yaml::from_str(yaml).unwrap();
    if matches!(version, Yaml::OnePointOne) {
        numbers(&mut value);
    }
    value
}

#[test]
fn the_schema_holds_for_the_shipped_scenarios() {
    let schema = run(["schema"]).well().json();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    for file in shipped() {
        let yaml = fs::read_to_string(home().join(&file)).unwrap();
        for version in [Yaml::OnePointOne, Yaml::OnePointTwo] {
            let instance = instance(&yaml, version);
            let errors: Vec<String> = validator.iter_errors(&instance).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{file} in {version:?}: {errors:#?}");
        }
    }
    let chat = fs::read_to_string(home().join(CHAT)).unwrap();
    for (right, wrong) in [
        ("users:", "user:"),
        ("fan_out:", "fanout:"),
        ("rate: 1/s", "rate: 1"),
        ("8 GiB", "8 Gib"),
        ("least-connections", "least-conections"),
    ] {
        assert!(chat.contains(right));
        let instance = instance(&chat.replacen(right, wrong, 1), Yaml::OnePointTwo);
        assert!(!validator.is_valid(&instance), "{wrong}");
    }
}
