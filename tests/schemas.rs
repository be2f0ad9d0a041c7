//! Is what commands print as JSON what their schemas say, key by key?
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::{folder, home, run, run_in, shipped};
use jsonschema::Validator;
use serde_json::{Value, json};

/// Schemas as the program prints them.
struct Schemas(BTreeMap<&'static str, Validator>);

impl Schemas {
    fn of(names: &[&'static str]) -> Self {
        let validator = |name: &&'static str| {
            let schema = run(["schema", name]).well().json();
            jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
            (*name, jsonschema::draft202012::new(&schema).unwrap())
        };
        Self(names.iter().map(validator).collect())
    }

    #[track_caller]
    fn hold(&self, name: &str, of: &str, value: &Value) {
        let errors: Vec<String> =
            self.0[name].iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{of} is not what `plimsoll schema {name}` says:\n{}", errors.join("\n"));
    }
}

/// Short runs: what matters is which keys there are.
const SHORT: [&str; 7] =
    ["--set", "simulation.duration=1 s", "--set", "simulation.replications=2", "--quiet", "--format", "json"];

fn short<'a>(command: &[&'a str]) -> Vec<&'a str> {
    [command, &SHORT].concat()
}

#[test]
fn every_shipped_scenario_estimated_checked_and_simulated() {
    let schemas = Schemas::of(&["result", "check"]);
    for file in shipped() {
        let estimated = run(["estimate", &file, "--format", "json"]).well().json();
        schemas.hold("result", &file, &estimated);
        let simulated = run(short(&["simulate", &file, "--users", "20k"]));
        // Some sizes don't go with the scenario's own figures; then its own size is simulated.
        let simulated = if simulated.code == Some(2) { run(short(&["simulate", &file])) } else { simulated };
        schemas.hold("result", &file, &simulated.well().json());
        let mut check = vec!["check", &file, "--servers", "3", "--connections", "2M", "--messages", "10/s"];
        check.extend(["--deliveries", "1/s", "--bandwidth", "10 MB/s", "--egress", "1 B/s", "--network", "1 kbit/s"]);
        if estimated.get("log_storage").is_some() {
            check.extend(["--storage", "6 TB"]);
        }
        check.extend(["--format", "json"]);
        schemas.hold("check", &file, &run(check).json());
    }
}

#[test]
fn sweeps_and_their_parts() {
    let schemas = Schemas::of(&["sweep"]);
    let folder = folder();
    let points = folder.join("points.jsonl");
    let points = points.to_str().unwrap();
    let file = "scenarios/chat-10k.yaml";
    let whole = run(short(&[
        "sweep",
        file,
        "--vary",
        "users=1k,2k",
        "--vary",
        "protocol.compression=none,deflate",
        "--out",
        points,
    ]));
    schemas.hold("sweep", "a sweep", &whole.well().json());
    schemas.hold("sweep", "a merged sweep", &run(["merge", points, "--format", "json"]).well().json());
    let part = ["sweep", file, "--vary", "users=1k,2k", "--estimate", "--partition", "3/3", "--format", "json"];
    let part = run(part).well().json();
    assert_eq!(part["points"], json!([]), "this part has no points, and so no head");
    schemas.hold("sweep", "an empty part", &part);
}

#[test]
fn comparisons_plans_and_lines() {
    let schemas = Schemas::of(&["compare", "plan", "line"]);
    let chat = "scenarios/chat-10k.yaml";
    let limits = ["--fail-on", "latency_seconds.p99>10%", "--fail-on", "required.servers>0", "--shapes", "example"];
    let two = ["compare", chat, "--with", "compression=deflate", "--with", "users=1k"];
    schemas.hold("compare", "a comparison", &run(short(&[&two[..], &limits].concat())).json());
    let three = ["compare", "scenarios/ladder.yaml", "--users", "1k", chat, "scenarios/rooms-1m.yaml"];
    schemas.hold("compare", "a comparison of files", &run(short(&three)).well().json());
    for command in [
        &["plan", chat][..],
        &["plan", chat, "--shapes", "none", "--set", "servers.connections.comfortable=3000"],
        &["plan", chat, "--set", "slo.latency.p99=1 ms"],
        &["plan", "scenarios/rooms-1m.yaml", "--users", "10k"],
    ] {
        let planned = run(short(command));
        assert!(matches!(planned.code, Some(0 | 1)), "{}", planned.stderr);
        schemas.hold("plan", &command.join(" "), &planned.json());
    }
    for command in [
        &["line", "scenarios/over-the-line.yaml"][..],
        &["line", chat, "--users", "1k", "--set", "servers.count=1", "--of", "messages"],
        &["line", chat, "--set", "servers.count=1", "--set", "slo.latency.p99=1 ms"],
    ] {
        let found = run(short(command));
        assert!(matches!(found.code, Some(0 | 1)), "{}", found.stderr);
        schemas.hold("line", &command.join(" "), &found.json());
    }
}

#[test]
fn calibrations_and_validations() {
    let schemas = Schemas::of(&["calibrate", "validate"]);
    let folder = folder();
    fs::write(folder.join("m.csv"), MEASURED).unwrap();
    let fitted = run_in(&folder, ["calibrate", "--from", "m.csv", "--out", "c.yaml", "--format", "json"]);
    schemas.hold("calibrate", "a calibration", &fitted.well().json());
    let chat = home().join("scenarios/chat-10k.yaml");
    let chat = chat.to_str().unwrap();
    let validate = |more: &[&str]| {
        let command = [&["validate", chat, "--measured", "m.csv", "--quiet", "--format", "json"][..], more].concat();
        let ended = run_in(&folder, command);
        assert!(matches!(ended.code, Some(0 | 1 | 4)), "{}", ended.stderr);
        fs::write(folder.join("earlier.json"), &ended.stdout).unwrap();
        ended.json()
    };
    schemas.hold("validate", "a validation", &validate(&[]));
    let drifted = validate(&["--baseline", "earlier.json"]);
    assert!(drifted["drift"].is_object());
    schemas.hold("validate", "a validation with a baseline", &drifted);
}

/// A history of one server.
const MEASURED: &str = "messages_per_second,connections,cpu_cores,memory_bytes,latency_p99_seconds\n\
    1000,1000,0.052,40000000,0.0412\n2000,1000,0.093,40500000,0.0413\n4000,1500,0.170,51000000,0.0414\n\
    8000,2000,0.310,61000000,0.0415\n12000,2000,0.420,61500000,0.0416\n16000,3000,0.510,82000000,0.0418\n";

#[test]
fn a_run_against_a_real_server() {
    use std::io::{BufRead as _, BufReader};
    let schemas = Schemas::of(&["drive"]);
    let file = home().join("scenarios/chat-10k.yaml");
    let mut server = common::program()
        .args(["serve", file.to_str().unwrap(), "--format", "json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let listening: Value = serde_json::from_str(&line).unwrap();
    let url = listening["listening"][0].as_str().unwrap().to_owned();
    let pid = server.id().to_string();
    let drive = |more: &[&str]| {
        let command = ["drive", file.to_str().unwrap(), "--url", &url, "--users", "20", "--duration", "1 s"];
        run([&command[..], &["--warm-up", "0.2 s", "--quiet", "--format", "json"], more].concat())
    };
    let open = drive(&["--watch-pid", &pid]);
    let closed = drive(&["--in-flight", "2"]);
    let others = drive(&["--set", "workload.fan_out={room: 5}", "--set", "servers.count=1"]);
    server.kill().unwrap();
    server.wait().unwrap();
    schemas.hold("drive", "an open loop", &open.well().json());
    schemas.hold("drive", "a closed loop", &closed.well().json());
    schemas.hold("drive", "rooms", &others.json());
}

/// The test of the tests: a key that goes, comes, or changes its name or type is found, wherever it is.
#[test]
fn a_changed_key_is_found() {
    let schemas = Schemas::of(&["result"]);
    let simulated = run(short(&["simulate", "scenarios/chat-10k.yaml"])).well().json();
    schemas.hold("result", "as printed", &simulated);
    let mut places = Vec::new();
    objects(&simulated, "", &mut places);
    assert!(places.len() > 100, "{}", places.len());
    for place in places {
        let at = |value: &Value| value.pointer(&place).unwrap().as_object().unwrap().keys().next().cloned();
        let Some(key) = at(&simulated) else { continue };
        let by_name = place.ends_with("/utilisation") && place.contains("/series/");
        let change = |how: &dyn Fn(&mut serde_json::Map<String, Value>)| {
            let mut changed = simulated.clone();
            how(changed.pointer_mut(&place).unwrap().as_object_mut().unwrap());
            !schemas.0["result"].is_valid(&changed)
        };
        let mistyped = change(&|object| drop(object.insert(key.clone(), json!([[]]))));
        assert!(mistyped, "{place}: `{key}` has another type");
        if by_name {
            continue;
        }
        assert!(change(&|object| drop(object.insert("added".into(), json!(1)))), "{place}: a key more");
        let may_miss = ["simulation", "slo"].contains(&key.as_str());
        assert!(may_miss || change(&|object| drop(object.shift_remove(&key))), "{place}: `{key}` is missing");
        let renamed = change(&|object| {
            let value = object.shift_remove(&key).unwrap();
            object.insert(format!("{key}_"), value);
        });
        assert!(renamed, "{place}: `{key}` is renamed");
    }
}

/// The places of all objects; of a list, only the first item.
fn objects(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            found.push(place.to_owned());
            // Names with a slash would need to be escaped; none has one.
            object.iter().for_each(|(key, value)| objects(value, &format!("{place}/{key}"), found));
        }
        Value::Array(items) => items.iter().take(1).for_each(|item| objects(item, &format!("{place}/0"), found)),
        _ => {}
    }
}
