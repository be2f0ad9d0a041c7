//! Does `validate` tell a model that holds from one that doesn't, and say so in every form?
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use common::{Ended, folder, run_in};
use serde_json::{Value, json};

/// A bare echo server of one core: what is paid for waking up is most of it.
const ECHO: &str = "
name: echo
users: 1_000
workload: {message: {rate: 10/s, size: 1 KB}, fan_out: echo}
protocol: {tls: false}
link: {kind: loopback, mtu: 64 KiB}
latency: {client: 20 us}
servers:
  count: 1
  cores: 1
  network: unlimited
  connections: {comfortable: 3_000, limit: 20_000}
  cpu: {per_wakeup: 44 us, per_message: 9 us, per_kb: 0 us}
simulation: {duration: 3 s, replications: 3, seed: 1}
";
/// Messages a second of a user at which it was measured: 9 % to 54 % of what the core can do.
const RATES: [u32; 4] = [10, 20, 40, 60];
/// Rows at each of them.
const ROWS: u64 = 4;
const HEADER: &str = "throughput_per_second,connections,cpu_utilisation,latency_p50_seconds,latency_p90_seconds,\
    latency_p99_seconds,log_bytes_per_second,ingress_wire_bytes_per_second,egress_wire_bytes_per_second";

/// A folder with the scenario and a history of the system that it describes.
fn measured() -> PathBuf {
    let folder = folder();
    fs::write(folder.join("x.yaml"), ECHO).unwrap();
    fs::write(folder.join("measured.csv"), history(&folder, &[])).unwrap();
    folder
}

/// What a system with these figures would have shown: simulations with other seeds, and 2 % of noise on each figure.
fn history(folder: &Path, set: &[&str]) -> String {
    let mut out = format!("{HEADER}\n");
    let mut state = 1_u64;
    let mut noisy = |figure: f64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        figure * (0.98 + 0.04 * (state >> 11) as f64 / 9_007_199_254_740_992.0)
    };
    for rate in RATES {
        for row in 0..ROWS {
            let rate = format!("workload.message.rate={rate}/s");
            let seed = (100 + row).to_string();
            let mut arguments = vec!["simulate", "x.yaml", "--format", "json", "--seed", &seed, "--set", &rate];
            arguments.extend(set.iter().flat_map(|set| ["--set", set]));
            let json = run_in(folder, arguments).well().json();
            let number = |pointer: &str| json.pointer(pointer).and_then(Value::as_f64).unwrap();
            let messages = number("/simulation/messages_in_per_second/value");
            let cpu = json["simulation"]["stations"].as_array().unwrap().iter().find(|s| s["name"] == "server.cpu");
            let _ = write!(out, "{messages},1000,{}", noisy(cpu.unwrap()["busy"]["value"].as_f64().unwrap()));
            for percentile in ["p50", "p90", "p99"] {
                let _ = write!(out, ",{}", noisy(number(&format!("/simulation/latency_seconds/{percentile}/value"))));
            }
            let per_message = |path: &str| number(path) / number("/load/messages_in_per_second/value") * messages;
            let log = per_message("/load/log_bytes_per_hour/value") / 3_600.0;
            let wire =
                ["ingress", "egress"].map(|way| per_message(&format!("/load/{way}_wire_bytes_per_second/value")));
            let _ = writeln!(out, ",{log},{},{}", wire[0], wire[1]);
        }
    }
    out
}

fn validate(folder: &Path, more: &[&str]) -> Ended {
    run_in(folder, [&["validate", "x.yaml", "--measured", "measured.csv"], more].concat())
}

fn verdicts<'a>(json: &'a Value, metric: &str) -> Vec<&'a str> {
    let metrics = json["points"].as_array().unwrap().iter().flat_map(|point| point["metrics"].as_array().unwrap());
    metrics.filter(|found| found["name"] == metric).map(|found| found["verdict"].as_str().unwrap()).collect()
}

/// The gate on the gate: the right figures pass; each of the wrong ones is found out.
#[test]
fn a_wrong_model_fails_and_the_right_one_passes() {
    let folder = measured();
    let right = validate(&folder, &["--format", "json"]);
    assert_eq!(right.code, Some(0), "{}{}", right.stdout, right.stderr);
    let json = right.json();
    assert_eq!(json["verdict"], "pass");
    let points = json["points"].as_array().unwrap();
    assert_eq!(points.len(), RATES.len());
    for point in points {
        let names: Vec<&str> =
            point["metrics"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect();
        assert_eq!(
            names,
            [
                "cpu_busy",
                "wire_bytes_per_second",
                "log_bytes_per_hour",
                "latency_p50_seconds",
                "latency_p90_seconds",
                "latency_p99_seconds"
            ]
        );
        assert_eq!(point["samples"], ROWS);
    }
    for (metric, error) in json["mean_absolute_percentage_error"].as_object().unwrap() {
        assert!(error.as_f64().unwrap() < 5.0, "{metric}: {error}");
    }

    let half_more: &[&str] = &["servers.cpu.per_message=13.5 us", "servers.cpu.per_wakeup=66 us"];
    let no_wakeup: &[&str] = &["servers.cpu.per_wakeup=0 us"];
    for set in [half_more, no_wakeup] {
        let set: Vec<&str> = set.iter().flat_map(|set| ["--set", set]).collect();
        let wrong = validate(&folder, &[&["--format", "json"], &set[..]].concat());
        assert_eq!(wrong.code, Some(1), "{set:?}: {}{}", wrong.stdout, wrong.stderr);
        let json = wrong.json();
        assert_eq!(json["verdict"], "fail");
        for metric in ["cpu_busy", "latency_p50_seconds"] {
            assert!(verdicts(&json, metric).contains(&"fail"), "{set:?}: {json}");
        }
        // Bytes don't change with CPU figures.
        assert!(verdicts(&json, "wire_bytes_per_second").iter().all(|verdict| *verdict == "pass"), "{json}");
    }
}

/// The same of a profile: of all its demands by a half, of a wake-up that costs nothing. Of loads that the profile wasn't made
/// for its figures are neither right nor wrong.
#[test]
fn a_wrong_profile_fails_at_the_loads_that_it_was_made_for() {
    let folder = measured();
    let own = "  cpu: {per_wakeup: 44 us, per_message: 9 us, per_kb: 0 us}\n";
    assert!(ECHO.contains(own));
    fs::write(folder.join("x.yaml"), format!("{}calibration: profile.yaml\n", ECHO.replace(own, ""))).unwrap();
    let code = |wakeup: f64, overhead: f64, most: u32| {
        let profile = format!(
            "plimsoll_calibration: 1\nfigures:\n  servers:\n    cpu: {{per_wakeup: {wakeup} us, overhead: {overhead} us, \
             per_message: 0 s, per_kb: 0 us}}\nrange:\n  messages_per_second_per_server: [100, {most}]\n"
        );
        fs::write(folder.join("profile.yaml"), profile).unwrap();
        validate(&folder, &["--format", "json"]).code
    };
    assert_eq!(code(44.0, 9.0, 100_000), Some(0));
    assert_eq!((code(66.0, 13.5, 100_000), code(0.0, 9.0, 100_000)), (Some(1), Some(1)));
    assert_eq!((code(44.0, 9.0, 1_000), code(66.0, 13.5, 1_000)), (Some(0), Some(4)));
}

#[test]
fn wrong_bytes_and_tolerances_are_seen() {
    let folder = measured();
    let json = validate(&folder, &["--format", "json", "--set", "logs.bytes_per_message=1_030 B"]);
    assert_eq!(json.code, Some(1));
    assert!(verdicts(&json.json(), "log_bytes_per_hour").iter().all(|verdict| *verdict == "fail"));
    // As much as one is ready to be off.
    let wide = ["--set", "logs.bytes_per_message=1_030 B", "--set", "validation.tolerance.log_bytes=5 %"];
    validate(&folder, &wide).well();
    // Less than the rows differ among themselves: the model may be right, but this can't show it.
    let narrow = validate(&folder, &["--set", "validation.tolerance.p50=0.5 %"]);
    assert_eq!(narrow.code, Some(4), "{}", narrow.stdout);
    assert!(narrow.stdout.contains("latency p50: the measurements differ by more than the tolerance"));
    assert!(narrow.stdout.contains("Verdict: INCONCLUSIVE"), "{}", narrow.stdout);
}

/// Twice what the core can do: the model says so, and its latency is not judged.
#[test]
fn a_saturated_load_is_marked_apart() {
    let folder = measured();
    let header = "offered_per_second,throughput_per_second,connections,cpu_utilisation,latency_p99_seconds";
    let rows = ["160000,110000,1000,1,9", "160000,110500,1000,1,5", "160000,109500,1000,1,7"].join("\n");
    fs::write(folder.join("measured.csv"), format!("{header}\n{rows}\n")).unwrap();
    let set = ["--set", "simulation.duration=500 ms", "--format", "json"];
    let ended = validate(&folder, &set);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let json = ended.json();
    assert_eq!(json["points"][0]["saturated"], true);
    assert_eq!(verdicts(&json, "latency_p99_seconds"), ["not judged"]);
    assert_eq!(verdicts(&json, "messages_in_per_second"), ["pass"]);
    assert_eq!(json["saturation"]["name"], "saturation_messages_per_second");
    // 1/9 us.
    let predicted = json["saturation"]["predicted"]["value"].as_f64().unwrap();
    assert!((predicted / 111_111.0 - 1.0).abs() < 0.01, "{predicted}");
    assert_eq!(json["saturation"]["verdict"], "pass");
    // A model of a faster server sees another line.
    let faster = validate(&folder, &[&set[..], &["--set", "servers.cpu.per_message=7 us"]].concat());
    assert_eq!((faster.code, faster.json()["saturation"]["verdict"].as_str()), (Some(1), Some("fail")));
}

#[test]
fn it_is_shown_in_every_form() {
    let folder = measured();
    let set = ["--set", "servers.cpu.per_wakeup=20 us", "--set", "name=a|b <&>"];
    let files = ["--json", "r.json", "--markdown", "r.md", "--junit", "r.xml"];
    let terminal = validate(&folder, &[&set[..], &files[..]].concat());
    assert_eq!(terminal.code, Some(1), "{}", terminal.stderr);
    for says in
        ["metric", "predicted", "measured", "error", "tolerance", "verdict", "CPU busy", "FAIL", "Over all loads"]
    {
        assert!(terminal.stdout.contains(says), "{says}: {}", terminal.stdout);
    }
    assert!(terminal.stdout.lines().all(|line| line.chars().count() <= 100), "{}", terminal.stdout);
    // What goes to a file is what goes to standard output.
    for (format, file) in [("json", "r.json"), ("markdown", "r.md"), ("junit", "r.xml")] {
        let printed = validate(&folder, &[&set[..], &["--format", format]].concat());
        assert_eq!(printed.stdout, fs::read_to_string(folder.join(file)).unwrap(), "{format}");
    }
    let markdown = fs::read_to_string(folder.join("r.md")).unwrap();
    assert!(markdown.contains("| metric | predicted | measured | error | tolerance | verdict |"), "{markdown}");
    assert!(markdown.contains(r"a\|b &lt;&amp;&gt;"), "{markdown}");
    let xml = fs::read_to_string(folder.join("r.xml")).unwrap();
    let json: Value = serde_json::from_str(&fs::read_to_string(folder.join("r.json")).unwrap()).unwrap();
    let failures = json["points"].as_array().unwrap().iter().flat_map(|p| p["metrics"].as_array().unwrap());
    let failures = failures.filter(|metric| metric["verdict"] == "fail").count();
    assert!(xml.contains("name=\"plimsoll validate a|b &lt;&amp;&gt;\""), "{xml}");
    assert!(xml.contains(&format!("failures=\"{failures}\" errors=\"0\"")), "{failures}: {xml}");
    assert_eq!(xml.matches("<failure ").count(), failures);
    assert_eq!(xml.matches("<testcase ").count(), xml.matches("</testcase>").count());
}

/// A history that says the same twice gives the same result, whatever the threads.
#[test]
fn the_same_input_gives_the_same_result() {
    let folder = measured();
    let one = validate(&folder, &["--format", "json", "--threads", "1"]).well();
    let two = validate(&folder, &["--format", "json", "--threads", "2"]).well();
    assert_eq!(one.stdout, two.stdout);
}

#[test]
fn drift_is_told_from_an_earlier_result() {
    let folder = measured();
    validate(&folder, &["--json", "earlier.json"]).well();
    let same = validate(&folder, &["--baseline", "earlier.json"]).well();
    assert!(same.stdout.contains("Against the earlier result, 5.0 % allowed: pass"), "{}", same.stdout);
    // The server has become slower by a tenth, which the tolerances of the model don't see.
    let slower = ["servers.cpu.per_message=9.9 us", "servers.cpu.per_wakeup=48.4 us"];
    fs::write(folder.join("measured.csv"), history(&folder, &slower)).unwrap();
    let wide = ["--set", "validation.tolerance.cpu=20 %", "--set", "validation.tolerance.p99=50 %"];
    let drifted = validate(&folder, &[&["--baseline", "earlier.json", "--format", "json"], &wide[..]].concat());
    assert_eq!(drifted.code, Some(1), "{}{}", drifted.stdout, drifted.stderr);
    let json = drifted.json();
    assert_eq!((json["drift"]["verdict"].as_str(), json["verdict"].as_str()), (Some("fail"), Some("fail")));
    let points = json["points"].as_array().unwrap();
    assert!(points.iter().all(|point| point["verdict"] == "pass"), "the model itself is within its tolerances");
    let allowed = validate(&folder, &[&["--baseline", "earlier.json", "--drift", "20 %"], &wide[..]].concat());
    assert_eq!(allowed.code, Some(0), "{}", allowed.stdout);
}

/// A range query of Prometheus, whose series don't say what they are.
#[test]
fn a_range_query_is_a_history_too() {
    let folder = measured();
    let csv = fs::read_to_string(folder.join("measured.csv")).unwrap();
    let column = |index: usize| {
        let cell = |line: &str| line.split(',').nth(index).unwrap().to_owned();
        let values: Vec<Value> = csv.lines().skip(1).enumerate().map(|(i, line)| json!([60 * i, cell(line)])).collect();
        let result = json!([{"metric": {"job": "chat"}, "values": values}]);
        json!({"status": "success", "data": {"resultType": "matrix", "result": result}}).to_string()
    };
    fs::write(folder.join("rate.json"), column(0)).unwrap();
    // Without it, more messages would be more connections, past what the cache holds.
    fs::write(folder.join("connections.json"), column(1)).unwrap();
    fs::write(folder.join("cpu.json"), column(2)).unwrap();
    let files = ["throughput_per_second=rate.json", "connections=connections.json", "cpu_utilisation=cpu.json"];
    let files = files.map(|file| ["--measured", file]).concat();
    let json = run_in(&folder, [&["validate", "x.yaml", "--format", "json"], &files[..]].concat()).well().json();
    assert_eq!(verdicts(&json, "cpu_busy"), ["pass"; RATES.len()]);
}

#[test]
fn what_can_not_be_compared_is_told() {
    let folder = measured();
    fs::write(folder.join("load.csv"), "throughput_per_second\n100\n").unwrap();
    fs::write(folder.join("cpu.csv"), "cpu_utilisation\n0.5\n").unwrap();
    fs::write(folder.join("idle.csv"), "throughput_per_second,cpu_utilisation\n0,0\n").unwrap();
    fs::write(folder.join("other.json"), "{\"a\": 1}").unwrap();
    fs::write(folder.join("t.csv"), "1 s\n2 s\n").unwrap();
    fs::write(
        folder.join("far.json"),
        json!({"points": [{"load": {"messages_per_second": 1}, "metrics": []}]}).to_string(),
    )
    .unwrap();
    let measured = ["--measured", "measured.csv"];
    let cases: [(&[&str], i32, &str); 12] = [
        (&["--calibration", "nope.yaml"], 3, "the calibration `nope.yaml` can't be read"),
        (&["--measured", "nope.csv"], 2, "there is no file `nope.csv`"),
        (&["--measured", "load.csv"], 2, "nothing to hold the model against"),
        (&["--measured", "cpu.csv"], 2, "has a load"),
        (&["--measured", "idle.csv"], 2, "has a load"),
        (&["--measured", "other.json"], 2, "no format that is understood"),
        (&[measured[0], measured[1], "--baseline", "nope.json"], 2, "there is no file `nope.json`"),
        (&[measured[0], measured[1], "--baseline", "other.json"], 2, "no result of `plimsoll validate"),
        (&[measured[0], measured[1], "--baseline", "far.json"], 2, "within 10 %"),
        (&[measured[0], measured[1], "--baseline", "far.json", "--drift", "much"], 2, "--drift much"),
        (&[measured[0], measured[1], "--junit", "no/such/r.xml"], 3, "`no/such/r.xml` can't be written"),
        (
            &[measured[0], measured[1], "--set", "workload.message={size: 1 KB, arrivals: {trace: t.csv}}"],
            2,
            "has one load only",
        ),
    ];
    for (more, code, says) in cases {
        let ended = run_in(&folder, [&["validate", "x.yaml"], more].concat());
        assert_eq!(ended.code, Some(code), "{more:?}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains(says), "{more:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{more:?}");
    }
}
