//! Results as JSON, and what is in them.

use serde_json::Value;

use super::{run, scenario};

/// What a command says of a scenario with changes.
#[track_caller]
pub fn outcome(command: &str, yaml: &str, changes: &[&str]) -> Value {
    let file = scenario(yaml).to_string_lossy().into_owned();
    let changes = changes.iter().flat_map(|change| ["--set", *change]);
    run([command, &file, "--format", "json", "--quiet"].into_iter().chain(changes)).well().json()
}

#[track_caller]
pub fn estimated(yaml: &str, changes: &[&str]) -> Value {
    outcome("estimate", yaml, changes)
}

#[track_caller]
pub fn simulated(yaml: &str, changes: &[&str]) -> Value {
    outcome("simulate", yaml, changes)
}

/// A simulation in which nothing was lost uncounted.
#[track_caller]
pub fn conserved(yaml: &str, changes: &[&str]) -> Value {
    let result = simulated(yaml, changes);
    let checks = &result["simulation"]["checks"]["conservation"];
    assert_eq!(checks["holds"], true, "{checks}");
    result
}

/// A figure's value.
#[track_caller]
pub fn figure(of: &Value, name: &str) -> f64 {
    of[name]["value"].as_f64().unwrap_or_else(|| panic!("{name} is {}", of[name]))
}

/// The entry of a list that has this name.
#[track_caller]
pub fn named<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    let all = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    all.iter().find(|entry| entry[key] == name).unwrap_or_else(|| panic!("no {name}: {list}"))
}

/// The series at this moment.
#[track_caller]
pub fn at(result: &Value, seconds: f64, name: &str) -> f64 {
    let series = result["simulation"]["series"].as_array().unwrap_or_else(|| panic!("no series"));
    let point = series.iter().find(|point| point["until_seconds"].as_f64().is_some_and(|until| until > seconds));
    let found = point.map(|point| &point[name]);
    found.and_then(Value::as_f64).unwrap_or_else(|| panic!("no {name} at {seconds} s"))
}
