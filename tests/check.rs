//! Somebody's estimate: is a right one called right, and is each slip recognised, but not where it isn't one?
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use common::{Ended, run, run_in, scenario};
use serde_json::Value;

const CHAT: &str = "scenarios/chat-10k.yaml";
const PLAIN: &str = "
users: 10_000
workload: {message: {rate: 1/s, size: 1 KB}}
servers: {connections: {comfortable: 4_000}}
logs: {bytes_per_message: 1 KB}
";

fn check(file: &str, figures: &[&str]) -> Ended {
    run([&["check", file, "--format", "json"], figures].concat())
}

/// `plimsoll check` of one figure in a scenario that has this besides [`PLAIN`].
#[track_caller]
fn verdict(set: &[&str], figure: [&str; 2]) -> Value {
    let file = scenario(PLAIN);
    let set = set.iter().flat_map(|assignment| ["--set", assignment]);
    let all: Vec<&str> =
        ["check", file.to_str().unwrap(), "--format", "json"].into_iter().chain(set).chain(figure).collect();
    let ended = run(all);
    let verdict = ended.json()["verdicts"][0].clone();
    assert_eq!(ended.code, Some(i32::from(verdict["within"] == false)), "{ended:?}");
    verdict
}

/// A wrong figure, and the slip that is named.
#[track_caller]
fn slip(set: &[&str], option: &str, figure: &str) -> Option<String> {
    let verdict = verdict(set, [option, figure]);
    assert_eq!(verdict["within"], false, "{verdict}");
    verdict["likely_slip"].as_str().map(str::to_owned)
}

#[track_caller]
fn is_right(set: &[&str], option: &str, figure: &str) {
    let verdict = verdict(set, [option, figure]);
    assert_eq!((&verdict["within"], &verdict["likely_slip"]), (&true.into(), &Value::Null), "{verdict}");
}

/// A figure of the load as `estimate` has it.
fn load(set: &[&str], name: &str) -> f64 {
    let file = scenario(PLAIN);
    let set = set.iter().flat_map(|assignment| ["--set", assignment]);
    let all: Vec<&str> = ["estimate", file.to_str().unwrap(), "--format", "json"].into_iter().chain(set).collect();
    run(all).well().json()["load"][name]["value"].as_f64().unwrap()
}

#[test]
fn the_worked_example_is_right() {
    let figures = [
        "--servers",
        "3",
        "--bandwidth",
        "10 MB/s",
        "--storage",
        "36 GB/hour",
        "--messages",
        "10_000/s",
        "--connections",
        "10k",
    ];
    let json = check(CHAT, &figures).well().json();
    assert_eq!(json["right"], true);
    let verdicts = json["verdicts"].as_array().unwrap();
    let names: Vec<&str> = verdicts.iter().map(|verdict| verdict["quantity"].as_str().unwrap()).collect();
    assert_eq!(names, ["connections", "servers", "messages", "bandwidth", "storage"]);
    for verdict in verdicts {
        assert_eq!((&verdict["within"], &verdict["likely_slip"]), (&true.into(), &Value::Null), "{verdict}");
    }
    // What it leaves out is pointed out.
    let left: Vec<&str> =
        verdicts[3]["left_out"].as_array().unwrap().iter().map(|left| left["counted"].as_str().unwrap()).collect();
    assert_eq!(left, ["payload_out", "wire_in", "wire_out"]);
    assert_eq!(verdicts[1]["left_out"][0]["counted"], "required_and_spare");
    assert_eq!(verdicts[3]["given"]["value"], 1e7);
    assert_eq!(verdicts[4]["unit"], "bytes_per_second");

    let text = run([&["check", CHAT], &figures[..]].concat()).well().stdout;
    for words in ["3 (2 to 4)", "payload out: 10.0 MB/s", "on the wire in:", "nothing is spare"] {
        assert!(text.contains(words), "no {words:?} in\n{text}");
    }
    assert!(!text.contains("WRONG"), "{text}");
}

#[test]
fn the_models_uncertainty_is_allowed_for() {
    for (servers, code) in [("1", 1), ("2", 0), ("3", 0), ("4", 0), ("5", 1)] {
        assert_eq!(check(CHAT, &["--servers", servers]).code, Some(code), "{servers}");
    }
    // Rounded to two digits, or within 2 %.
    for (bandwidth, code) in [("9.8 MB/s", 0), ("10.2 MB/s", 0), ("9.7 MB/s", 1), ("10.3 MB/s", 1)] {
        assert_eq!(check(CHAT, &["--bandwidth", bandwidth]).code, Some(code), "{bandwidth}");
    }
    is_right(&["users=10_340"], "--messages", "10_000/s");
    let wrong = check(CHAT, &["--servers", "12", "--bandwidth", "10 MB/s"]);
    assert_eq!(wrong.code, Some(1), "one that is wrong makes it all wrong");
    assert_eq!(wrong.json()["right"], false);
}

/// Spare, egress and the wire may be counted or not.
#[test]
fn what_is_counted_may_differ() {
    let spare = ["servers.spare=2"];
    is_right(&spare, "--servers", "3");
    is_right(&spare, "--servers", "5");
    assert_eq!(slip(&spare, "--servers", "4"), None);
    let wire = load(&[], "ingress_wire_bytes_per_second") / 1e6;
    is_right(&[], "--bandwidth", &format!("{wire:.3} MB/s"));
    is_right(&[], "--bandwidth", "20 MB/s");
    is_right(&[], "--bandwidth", "80 Mbit/s");
    is_right(&["logs.replication=3"], "--storage", "36 GB/hour");
    is_right(&["logs.replication=3"], "--storage", "108 GB/hour");
    is_right(&["logs.replication=3", "logs.retention=10 days"], "--storage", "25.9 TB");
}

const ROOM: [&str; 2] = ["workload.fan_out={room: 50}", "broker=redis"];

#[test]
fn forgotten_fan_out() {
    for (option, figure) in [("--egress", "10 MB/s"), ("--deliveries", "10_000/s")] {
        assert_eq!(slip(&ROOM, option, figure).as_deref(), Some("fan_out_forgotten"), "{option}");
    }
    is_right(&ROOM, "--egress", "500 MB/s");
    is_right(&ROOM, "--bandwidth", "10 MB/s");
    // The same factor where there is no fan-out.
    assert_eq!(slip(&[], "--egress", "200 KB/s"), None);
    assert_eq!(slip(&ROOM, "--deliveries", "20_000/s"), None);
}

#[test]
fn bits_for_bytes() {
    for figure in ["80 MB/s", "10 Mbit/s", "1.25 MB/s"] {
        assert_eq!(slip(&[], "--bandwidth", figure).as_deref(), Some("bits_for_bytes"), "{figure}");
    }
    assert_eq!(slip(&[], "--storage", "288 GB/hour").as_deref(), Some("bits_for_bytes"));
    assert_eq!(slip(&[], "--bandwidth", "70 MB/s"), None);
    // Messages have no bits.
    assert_eq!(slip(&[], "--messages", "80_000/s"), None);
}

#[test]
fn mean_for_peak() {
    let daily = ["workload.profile={diurnal: {low: 20 %}}", "simulation.duration=1 day"];
    let peak = load(&daily, "peak_to_mean");
    assert!(peak > 1.5, "{peak}");
    let mean = format!("{:.1}/s", 10_000.0 / peak);
    assert_eq!(slip(&daily, "--messages", &mean).as_deref(), Some("mean_for_peak"));
    // Without sessions it is messages that come and go, not connections.
    let connections = format!("{:.0}", 10_000.0 / peak);
    assert_eq!(slip(&daily, "--connections", &connections), None);
    let sessions = [daily[0], daily[1], "workload.session={length: 20 min}"];
    assert_eq!(slip(&sessions, "--connections", &connections).as_deref(), Some("mean_for_peak"));
    is_right(&daily, "--messages", "10_000/s");
    assert_eq!(slip(&[], "--messages", &mean), None);
}

#[test]
fn one_direction_and_the_wires_overhead() {
    let (into, out) = (load(&[], "ingress_wire_bytes_per_second"), load(&[], "egress_wire_bytes_per_second"));
    let shown = |bytes: f64| format!("{:.4} MB/s", bytes / 1e6);
    is_right(&[], "--network", &shown(into + out));
    assert_eq!(slip(&[], "--network", &shown(into)).as_deref(), Some("one_direction_only"));
    assert_eq!(slip(&[], "--network", &shown(out)).as_deref(), Some("one_direction_only"));
    assert_eq!(slip(&[], "--network", "10 MB/s").as_deref(), Some("one_direction_only"));
    assert_eq!(slip(&[], "--network", "20 MB/s").as_deref(), Some("wire_overhead_forgotten"));
    // Where nothing goes out but acknowledgements, what comes in is nearly all.
    let none = ["workload.fan_out=none"];
    assert_eq!(slip(&none, "--network", "5 MB/s"), None);
    assert_eq!(slip(&[], "--network", "15 MB/s"), None);
}

/// Two 20 KB messages a second fill networks before connections.
#[test]
fn no_headroom() {
    let heavy = ["workload.message.size=20 KB", "servers.connections={comfortable: 20_000, limit: 50_000}"];
    is_right(&heavy, "--servers", "3");
    assert_eq!(slip(&heavy, "--servers", "2").as_deref(), Some("no_headroom"));
    let full = [heavy[0], heavy[1], "servers.target_utilisation=100 %"];
    is_right(&full, "--servers", "2");
    assert_eq!(slip(&full, "--servers", "3"), None);
}

#[test]
fn another_resource_or_the_limit_sized_by() {
    let missed = verdict(&[], ["--servers", "1"]);
    assert_eq!(missed["likely_slip"], "bottleneck_missed");
    let words = missed["explanation"].as_str().unwrap();
    assert!(words.contains("enough for network in, but connections gives way first"), "{words}");
    let small = ["servers.connections={comfortable: 1_000, limit: 2_000}"];
    assert_eq!(slip(&small, "--servers", "5").as_deref(), Some("limit_for_comfortable"));
    assert_eq!(slip(&small, "--servers", "7"), None);
}

#[test]
fn binary_for_decimal() {
    for figure in ["10.24 MB/s", "10 MiB/s", "9.766 MB/s", "9.54 MB/s"] {
        assert_eq!(slip(&[], "--bandwidth", figure).as_deref(), Some("binary_for_decimal"), "{figure}");
    }
    assert_eq!(slip(&[], "--storage", "33.5 GB/hour").as_deref(), Some("binary_for_decimal"));
    assert_eq!(slip(&[], "--bandwidth", "10.35 MB/s"), None);
    assert_eq!(slip(&[], "--messages", "10_240/s"), None);
}

#[test]
fn forgotten_replication() {
    let three = ["logs.replication=3", "logs.retention=10 days"];
    is_right(&three, "--storage", "25.92 TB");
    assert_eq!(slip(&three, "--storage", "8.64 TB").as_deref(), Some("replication_forgotten"));
    let one = ["logs.replication=1", "logs.retention=10 days"];
    is_right(&one, "--storage", "8.64 TB");
    assert_eq!(slip(&one, "--storage", "2.88 TB"), None);
}

#[test]
fn forgotten_heartbeats() {
    let rare = ["workload.message.rate=0.03/s", "workload.heartbeat={every: 30 s}"];
    let wire = |set: &[&str]| load(set, "ingress_wire_bytes_per_second") + load(set, "egress_wire_bytes_per_second");
    let shown = |bytes: f64| format!("{:.3} KB/s", bytes / 1e3);
    let without = shown(wire(&rare[..1]));
    is_right(&rare, "--network", &shown(wire(&rare)));
    assert_eq!(slip(&rare, "--network", &without).as_deref(), Some("heartbeats_forgotten"));
    is_right(&rare[..1], "--network", &without);
    let low = shown(wire(&rare[..1]) * wire(&rare[..1]) / wire(&rare));
    assert_ne!(slip(&rare[..1], "--network", &low).as_deref(), Some("heartbeats_forgotten"));
}

#[test]
fn user_for_connection() {
    let two = ["workload.connections_per_user=2"];
    assert_eq!(slip(&two, "--connections", "10_000").as_deref(), Some("user_for_connection"));
    assert_eq!(slip(&two, "--messages", "20_000/s").as_deref(), Some("user_for_connection"));
    assert_eq!(slip(&two, "--servers", "3").as_deref(), Some("user_for_connection"));
    is_right(&two, "--connections", "20_000");
    assert_eq!(slip(&[], "--connections", "5_000"), None);
    assert_eq!(slip(&[], "--messages", "20_000/s"), None);
}

#[test]
fn times_mixed_up() {
    for (option, figure) in [
        ("--messages", "10_000/hour"),
        ("--messages", "600_000/s"),
        ("--storage", "36 GB/day"),
        ("--storage", "864 GB/hour"),
        ("--storage", "10 MB/hour"),
    ] {
        assert_eq!(slip(&[], option, figure).as_deref(), Some("time_unit"), "{figure}");
    }
    is_right(&[], "--messages", "36M/hour");
    is_right(&[], "--storage", "864 GB/day");
    assert_eq!(slip(&[], "--messages", "300_000/s"), None);
    assert_eq!(slip(&[], "--connections", "600_000"), None);
}

#[test]
fn what_cannot_be_graded_is_said() {
    let file = scenario("users: 100\nworkload: {message: {rate: 1/s}}\nlogs: none\n");
    let folder = file.parent().unwrap();
    for (figures, words) in [
        (vec![], "needs a figure to check"),
        (vec!["--storage", "1 GB/hour"], "the scenario logs nothing"),
        (vec!["--bandwidth", "10 mb/s"], "--bandwidth"),
        (vec!["--servers", "three"], "not a number"),
        (vec!["--servers", "2..4"], "an interval"),
    ] {
        let ended = run_in(folder, [vec!["check", "x.yaml"], figures.clone()].concat());
        assert_eq!(ended.code, Some(2), "{figures:?} {ended:?}");
        assert!(ended.stderr.contains(words), "{figures:?} {}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
    let zero = run_in(folder, ["check", "x.yaml", "--servers", "0", "--messages", "0/s"]);
    assert_eq!(zero.code, Some(1), "{zero:?}");
}
