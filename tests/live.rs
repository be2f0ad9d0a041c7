//! Does `validate` really run the scenario's server, and say of each load what it must?
//!
//! Nothing here depends on how fast or how noisy the machine is.
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use common::{folder, run_in};
use serde_json::Value;
use std::fs;

const SCENARIO: &str = "\
users: 1000
workload: {message: {rate: 1/s, size: 1 KB}, fan_out: echo, heartbeat: none}
protocol: {tls: true}
servers: {count: 1, cores: 4, connections: {comfortable: 2000, limit: 5000}, cpu: {per_message: 1 ms}}
logs: {bytes_per_message: 1 KB}
validation: {loads: [40 %], duration: 0.5 s, repeats: 2}
";

const CALIBRATION: &str = "\
plimsoll_calibration: 1
figures:
  servers: {cpu: {per_wakeup: 10 us, overhead: 8 us, per_message: 0 s, per_kb: 0.5 us}, memory_per_connection: 1 KB}
  latency: {client: 2 us}
";

#[test]
fn a_real_server_is_held_against_the_model() {
    let folder = folder();
    fs::write(folder.join("x.yaml"), SCENARIO).unwrap();
    fs::write(folder.join("c.yaml"), CALIBRATION).unwrap();
    let ended = run_in(&folder, ["validate", "x.yaml", "--calibration", "c.yaml", "--format", "json", "--quiet"]);
    // Whether the model holds on this machine at this moment is not asked.
    assert!(matches!(ended.code, Some(0 | 1 | 4)), "{:?} {}", ended.code, ended.stderr);
    let result: Value = serde_json::from_str(&ended.stdout).unwrap();
    let points = result["points"].as_array().unwrap();
    // The load asked for, two past saturation, and one past the limit.
    assert_eq!(points.len(), 4, "{result:#}");
    let metric = |point: &Value, name: &str| {
        let metrics = point["metrics"].as_array().unwrap();
        metrics.iter().find(|metric| metric["name"] == name).cloned().unwrap_or_default()
    };
    let figure = |point: &Value, name: &str, side: &str| metric(point, name)[side]["value"].as_f64().unwrap();
    for point in &points[..3] {
        // Each message takes a millisecond of a core, of which the server has as many as the machine can spare.
        let served = figure(point, "messages_in_per_second", "measured");
        let busy = figure(point, "cpu_busy", "measured");
        assert!(served > 10.0 && (0.0..=1.01).contains(&busy), "{point:#}");
        assert!(figure(point, "log_bytes_per_hour", "measured") > 0.0);
    }
    let per_message = figure(&points[0], "log_bytes_per_hour", "measured") / 3_600.0 / 1_000.0;
    let offered = points[0]["load"]["messages_per_second"].as_f64().unwrap();
    assert!((per_message / offered - 1.0).abs() < 0.05, "a KB is logged of each message: {per_message} of {offered}");
    for side in ["predicted", "measured"] {
        let refused = figure(&points[3], "refused_connections", side);
        assert!((refused - 250.0).abs() < 0.5, "{:#}", points[3]);
    }
    assert!(ended.stdout.contains("left out: TLS"), "{}", ended.stdout);
}
