//! Every shipped scenario runs, and loses nothing on the way.
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use std::fs;

use common::{home, run, shipped};
use serde_json::Value;

const SHORT: [&str; 4] =
    ["--set=simulation.duration=2 s", "--set=simulation.replications=2", "--format=json", "--quiet"];

#[track_caller]
fn is_sound(file: &str, result: &Value) {
    let simulation = &result["simulation"];
    assert_eq!(simulation["checks"]["conservation"]["holds"], true, "{file}: {}", simulation["checks"]);
    let count = |name: &str| {
        let found = &simulation["checks"]["conservation"][name];
        found.as_u64().unwrap_or_else(|| panic!("{file}: {name} is {found}"))
    };
    assert!(count("arrived") > 0, "{file}");
    let accounted: u64 =
        ["delivered", "late", "queued", "in_service", "blocked", "abandoned", "lost"].map(count).iter().sum();
    assert_eq!(count("arrived"), accounted, "{file}");
    assert_eq!(count("connections_opened"), count("connections_closed") + count("connections_open"), "{file}");
    for station in simulation["stations"].as_array().unwrap() {
        let busy = station["busy"]["value"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&busy), "{file}: {station}");
    }
}

#[test]
fn each_estimates_and_simulates() {
    for file in shipped() {
        run(["estimate", &file]).well();
        let result = run([&["simulate", &file], &SHORT[..]].concat()).well().json();
        is_sound(&file, &result);
        let stem = file.trim_start_matches("scenarios/").trim_end_matches(".yaml");
        assert_eq!(result["scenario"]["name"], stem, "a scenario is called as its file");
    }
}

#[test]
fn each_sweeps_that_has_a_sweep() {
    let mut swept = 0;
    for file in shipped() {
        let text = fs::read_to_string(home().join(&file)).unwrap();
        if !text.lines().any(|line| line.starts_with("sweep:")) {
            continue;
        }
        let sweep = run([&["sweep", &file], &SHORT[..]].concat()).well().json();
        let points = sweep["points"].as_array().unwrap();
        assert!(points.len() > 1, "{file}");
        assert_eq!(sweep["complete"], true, "{file}");
        for point in points {
            is_sound(&file, &point["result"]);
        }
        swept += 1;
    }
    assert!(swept > 0);
}
