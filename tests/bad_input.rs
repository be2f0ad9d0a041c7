//! What is wrong with a scenario or with the command line is told at once, in full, and without a panic.
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use common::{folder, run_in};

const GOOD: &str = "users: 10k\nworkload:\n  message: {rate: 1/s, size: 1 KB}\n";
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Runs the program on mistakes, checks how it ends, and gives what it says.
fn complaints(folder: &Path, cases: &[(&str, &[&str])]) -> String {
    let mut out = String::new();
    for (what, arguments) in cases {
        let ended = run_in(folder, *arguments);
        assert_eq!(ended.code, Some(2), "{what}: {ended:?}");
        assert_eq!(ended.stdout, "", "{what}");
        assert!(!ended.stderr.contains("panicked"), "{what}: {}", ended.stderr);
        assert!(ended.took < TIME_LIMIT, "{what}: took {:?}", ended.took);
        // Without colours, and nothing that could reach into the terminal.
        assert!(!ended.stderr.contains(|c: char| c.is_control() && c != '\n'), "{what}: {:?}", ended.stderr);
        let _ = writeln!(out, "## {what}\n{}", ended.stderr);
    }
    out
}

/// Holds what was said against the snapshot of this name.
#[track_caller]
fn assert_told(name: &str, said: &str) {
    // The cases stand in the snapshot itself; the expression would only repeat them.
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => true }, {
        insta::assert_snapshot!(name, said);
    });
}

/// Each is a file of its own, simulated.
fn complaints_about(cases: &[(&str, &[u8])]) -> String {
    let folder = folder();
    let mut out = String::new();
    for (what, bytes) in cases {
        fs::write(folder.join("x.yaml"), bytes).unwrap();
        out += &complaints(&folder, &[(what, &["simulate", "x.yaml"])]);
    }
    out
}

#[test]
fn values_of_a_file() {
    let yaml = |users: &str, rest: &str| format!("users: {users}\n{rest}");
    let workload = "workload:\n  message: {rate: 1/s, size: 1 KB}\n";
    let cases = [
        ("unknown key", yaml("10k", "workload:\n  mesage: {rate: 1/s}\n")),
        ("missing unit", yaml("10k", "workload:\n  message: {rate: 1/s, size: 1000}\n")),
        ("wrong unit", yaml("10k", &format!("{workload}servers:\n  memory: 8 Gb\n"))),
        ("negative", yaml("-5", workload)),
        ("negative size", yaml("10k", "workload:\n  message: {rate: 1/s, size: -1 KB}\n")),
        ("NaN", yaml(".nan", workload)),
        ("infinite", yaml(".inf", workload)),
        ("zero rate", yaml("10k", "workload:\n  message: {rate: 0/s}\n")),
        ("1e300 users", yaml("1e300", workload)),
        ("duplicate key", yaml("10k", &format!("{workload}users: 20k\n"))),
        ("three mistakes", yaml("ten", "workload:\n  message: {rate: 1 KB}\n  fanout: echo\nservers:\n  cores: 4\n")),
    ];
    let cases: Vec<(&str, &[u8])> = cases.iter().map(|(what, yaml)| (*what, yaml.as_bytes())).collect();
    assert_told("values_of_a_file", &complaints_about(&cases));
}

#[test]
fn zones_and_faults() {
    let with = |rest: &str| format!("{GOOD}servers: {{count: 6}}\n{rest}\n");
    let zones = |rest: &str| with(&format!("zones: [zone-a, zone-b]\n{rest}"));
    let cases = [
        ("no list of names", with("zones: {a: 1}")),
        ("no number of zones", with("zones: many")),
        ("no zones", with("zones: []")),
        ("27 zones", with("zones: 27")),
        ("the same zone twice", with("zones: [a, b, a]")),
        ("a zone that is a list", with("zones: [[a]]")),
        ("all zones lost", with("zones: {names: [a, b], tolerate: 2}")),
        ("the only zone lost", with("zones: {names: 1, tolerate: 1}")),
        ("a section, no list", with("faults: {at: 30 s, crash: {servers: 1}}")),
        ("words, no sections", with("faults: [crash, [lose]]")),
        ("unknown key", with("faults: [{at: 30 s, crsh: {servers: 1}}]")),
        ("unknown key below", with("faults: [{at: 30 s, crash: {server: 1}}]")),
        ("nothing breaks", with("faults:\n  - {at: 30 s}\n  - {at: 31 s, crash: {servers: 1}}")),
        ("two things break", zones("faults: [{at: 30 s, crash: {servers: 1}, lose: zone-a}]")),
        ("no time", with("faults: [{crash: {servers: 1}}]")),
        ("for no time", with("faults: [{at: 3 s, crash: {servers: 1}, for: 0 s}]")),
        ("uncertain time", with("faults: [{at: 3..5 s, crash: {servers: 1}}]")),
        ("after the end", with("faults: [{at: 60 s, crash: {servers: 1}}]")),
        ("more than there are", with("faults: [{at: 3 s, crash: {servers: 7}}]")),
        ("half a server", with("faults: [{at: 3 s, crash: {servers: 0.5}}]")),
        ("no zones at all", with("faults: [{at: 3 s, lose: zone-a}]")),
        ("unknown zone", zones("faults: [{at: 3 s, lose: zone-c}]")),
        ("another unknown zone", zones("faults: [{at: 3 s, lose: frankfurt}]")),
        ("no factor", with("faults: [{at: 3 s, slow: {servers: 1}}]")),
        ("faster", with("faults: [{at: 3 s, slow: {servers: 1, factor: 0.5}}]")),
        (
            "slow and shared",
            format!("{GOOD}servers: {{discipline: ps}}\nfaults: [{{at: 3 s, slow: {{servers: 1, factor: 2}}}}]\n"),
        ),
        ("a deploy for a time", with("faults: [{at: 3 s, deploy: {every: 1 s}, for: 5 s}]")),
        ("a deploy of nothing", with("faults: [{at: 3 s, deploy: {batch: 0, every: 0 s}}]")),
        ("half the failures", format!("{GOOD}servers: {{failures: {{every: 1 h}}}}\n")),
        ("failures of no length", format!("{GOOD}servers: {{failures: {{every: 1 h, for: 0 s}}}}\n")),
        ("failures and patience", format!("{GOOD}servers: {{failures: {{every: 1 h, for: 1 s}}, patience: 1 s}}\n")),
        ("failures and sharing", format!("{GOOD}servers: {{failures: {{every: 1 h, for: 1 s}}, discipline: ps}}\n")),
        ("no balancer", format!("{GOOD}balancer: {{count: 0, idle_timeout: 0 s, handshakes: 5}}\n")),
        ("by message", zones("balancer: {unit: message}\nfaults: [{at: 3 s, lose: zone-a}]")),
        ("no accept rate", format!("{GOOD}servers: {{accept: {{backlog: 5}}}}\n")),
        ("nothing accepted", format!("{GOOD}servers: {{accept: {{rate: 0/s, backlog: 0}}}}\n")),
    ];
    let cases: Vec<(&str, &[u8])> = cases.iter().map(|(what, yaml)| (*what, yaml.as_bytes())).collect();
    let mut said = complaints_about(&cases);
    let folder = folder();
    fs::write(folder.join("x.yaml"), format!("{GOOD}faults: [{{at: 3 s, crash: {{servers: 1}}}}]\n")).unwrap();
    let options: [(&str, &[&str]); 3] = [
        ("a part of a list", &["simulate", "x.yaml", "--set", "faults.at=5 s"]),
        ("faults in a sample", &["simulate", "x.yaml", "--set", "simulation.mode=sampled"]),
        ("more than are needed", &["simulate", "x.yaml", "--set", "faults=[{at: 1 s, crash: {servers: 9}}]"]),
    ];
    said += &complaints(&folder, &options);
    assert_told("zones_and_faults", &said);
}

#[test]
fn slow_clients() {
    let with = |slow: &str, rest: &str| {
        format!("users: 10k\nworkload:\n  message: {{rate: 1/s, size: 1 KB}}\n  slow_clients: {slow}\n{rest}\n")
    };
    let usual = "{share: 5 %, downlink: 256 kbit/s}";
    let cases = [
        ("share above one", with("{share: 120 %}", "")),
        ("a negative share", with("{share: -5 %}", "")),
        ("no downlink", with("{downlink: 0 kbit/s}", "")),
        ("a downlink in bytes of time", with("{downlink: 256 KB}", "")),
        ("a share alone", with("5 %", "")),
        ("unknown key", with("{downlnk: 1 Mbit/s}", "")),
        ("nothing to send", with(usual, "  fan_out: none")),
        ("balanced by message", with(usual, "balancer: {unit: message}")),
        ("a time-out", with(usual, "  timeout: 5 s")),
        ("retries", with(usual, "  retry: {limit: 3}")),
        ("cut for good", with(usual, "  reconnect: none\nservers: {slow_consumer: disconnect}")),
        ("no room for a message", with(usual, "servers: {send_buffer: 500 B}")),
        ("no buffer", with(usual, "servers: {send_buffer: 0 B, slow_consumer: block}")),
    ];
    let cases: Vec<(&str, &[u8])> = cases.iter().map(|(what, yaml)| (*what, yaml.as_bytes())).collect();
    assert_told("slow_clients", &complaints_about(&cases));
}

#[test]
fn files_that_are_no_scenario() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        let _ = writeln!(bomb, "a{level}: &a{level} [{aliases}]");
    }
    let flow = format!("users: {}{}\n", "[".repeat(10_000), "]".repeat(10_000));
    // Indented by one space more each line, 10,000 lines are 50 MB; 1,000 fit into what is read.
    let lines = |deepest: usize| (0..deepest).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "a:\n");
    let (block, huge) = (lines(1_000), lines(10_000));
    let list = format!("users:\n  {}5\n", "- ".repeat(10_000));
    let mut binary = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0".to_vec();
    binary.extend((0..=255).cycle().take(5_000));
    let large = format!("{GOOD}# {}\n", "x".repeat(2 << 20));
    assert_told(
        "files_that_are_no_scenario",
        &complaints_about(&[
            ("empty", b""),
            ("only a comment", b"# users: 10k\n"),
            ("two documents", format!("{GOOD}---\n{GOOD}").as_bytes()),
            ("no YAML", b"users: [10k\n"),
            ("tabs", b"users: 10k\nworkload:\n\tmessage: {rate: 1/s}\n"),
            ("a list", b"- users: 10k\n"),
            ("alias bomb", bomb.as_bytes()),
            ("deep, in brackets", flow.as_bytes()),
            ("deep, in lines", block.as_bytes()),
            ("deeper, in lines", huge.as_bytes()),
            ("deep, in dashes", list.as_bytes()),
            ("binary", &binary),
            ("UTF-16", b"\xff\xfeu\0s\0e\0r\0s\0:\0"),
            ("Latin-1", b"name: caf\xe9\nusers: 10k\n"),
            ("too large", large.as_bytes()),
            ("an escape sequence", b"name: \x1b[31mred\nusers: 10k\n"),
        ]),
    );
}

#[test]
fn paths_that_are_no_file() {
    let folder = folder();
    fs::create_dir(folder.join("scenarios")).unwrap();
    assert_told(
        "paths_that_are_no_file",
        &complaints(
            &folder,
            &[
                ("missing", &["simulate", "no/such.yaml"]),
                ("a folder", &["estimate", "scenarios"]),
                ("nothing on standard input", &["estimate", "-"]),
                (
                    "a data file that is missing",
                    &[
                        "estimate",
                        "-",
                        "--set",
                        "users=5",
                        "--set",
                        "workload.message={rate: 1/s, size: {empirical: no/such.csv}}",
                    ],
                ),
            ],
        ),
    );
}

#[test]
fn values_of_the_command_line() {
    let folder = folder();
    fs::write(folder.join("x.yaml"), GOOD).unwrap();
    let deep = format!("--set=users={}", "[".repeat(10_000));
    let bomb = "--set=users={a: &a [x, x, x, x, x, x, x, x, x, x], b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a], \
        c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b], d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c], \
        e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]}";
    let mut cases: Vec<(String, Vec<&str>)> = Vec::new();
    for arguments in [
        vec!["--set", "workload.mesage.rate=1/s"],
        vec!["--set", "workload.message.size=1000"],
        vec!["--set", "servers.memory=8 Gb"],
        vec!["--set", "users=-5"],
        vec!["--set", "users=.nan"],
        vec!["--set", "workload.message.rate=0/s"],
        vec!["--set", "users=1e300"],
        vec!["--set", "users="],
        vec!["--set", "users"],
        vec!["--set", ""],
        vec!["--set", "=5"],
        vec!["--set", "users=5\n---\nusers: 6"],
        vec!["--set", "servers={cores: 2, cores: 4}"],
        vec!["--set", "servers={cores: 2"],
        vec!["--set", "servers.cores=two", "--set", "servers.memory=8", "--users", "many"],
        vec!["--users", "10 users"],
        vec!["--users=-5"],
        vec!["--users", "NaN"],
        vec!["--users", "0"],
        vec!["--users", "1e300"],
        vec!["--users", ""],
        vec!["--seed", "lucky"],
        vec!["--seed=-1"],
        vec!["--seed", "1.5"],
        vec!["--seed", "1e300"],
    ] {
        cases.push((arguments.join(" "), [vec!["simulate", "x.yaml"], arguments].concat()));
    }
    cases.push(("nested deeply".to_owned(), vec!["simulate", "x.yaml", &deep]));
    cases.push(("alias bomb".to_owned(), vec!["simulate", "x.yaml", bomb]));
    let cases: Vec<(&str, &[&str])> = cases.iter().map(|(what, arguments)| (&**what, &**arguments)).collect();
    assert_told("values_of_the_command_line", &complaints(&folder, &cases));
}

#[test]
fn values_to_vary() {
    let folder = folder();
    fs::write(folder.join("x.yaml"), GOOD).unwrap();
    let mut cases: Vec<(String, Vec<&str>)> = Vec::new();
    for arguments in [
        vec![],
        vec!["--vary", "usres=1,2"],
        vec!["--vary", "users"],
        vec!["--vary", "users="],
        vec!["--vary", "users=1,,2"],
        vec!["--vary", "users=5,-5,.nan"],
        vec!["--vary", "users=0"],
        vec!["--vary", "users=1e300"],
        vec!["--vary", "workload.message.size=1 KB,1000"],
        vec!["--vary", "servers.memory=8 Gb"],
        vec!["--vary", "workload.message.rate=0/s"],
        vec!["--vary", "servers.cores=1,2", "--vary", "users=some,many"],
        vec!["--vary", "name=a,b"],
        vec!["--vary", "users=1,2", "--vary", "users=3,4"],
        vec!["--vary", "users=[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["],
    ] {
        cases.push((arguments.join(" "), [vec!["sweep", "x.yaml"], arguments].concat()));
    }
    let cases: Vec<(&str, &[&str])> = cases.iter().map(|(what, arguments)| (&**what, &**arguments)).collect();
    assert_told("values_to_vary", &complaints(&folder, &cases));
}

/// More points than anybody can mean, and values that a run can't hold.
#[test]
fn too_much_to_do() {
    let folder = folder();
    fs::write(folder.join("x.yaml"), GOOD).unwrap();
    let many = |path: &str| {
        let numbers: Vec<String> = (1..=1_000).map(|number| number.to_string()).collect();
        format!("{path}={}", numbers.join(","))
    };
    assert_told(
        "too_much_to_do",
        &complaints(
            &folder,
            &[
                ("a million points", &["sweep", "x.yaml", "--vary", &many("users"), "--vary", &many("servers.cores")]),
                (
                    "too many messages",
                    &[
                        "simulate",
                        "x.yaml",
                        "--set=users=1e10",
                        "--set=workload.message.rate=1_000/s",
                        "--set=simulation={mode: every-message, duration: 1 day}",
                    ],
                ),
                (
                    "a sample of what can't be sampled",
                    &["simulate", "x.yaml", "--set=simulation.mode=sampled", "--set=balancer.unit=message"],
                ),
            ],
        ),
    );
}

/// Levers that need something else, or can't be with it.
#[test]
fn levers_that_cant_be_pulled() {
    let folder = folder();
    fs::write(folder.join("x.yaml"), GOOD).unwrap();
    let cases: [(&str, &[&str]); 9] = [
        ("too large a message", &["--set=workload.message.size=5 GB"]),
        ("messages too large on average", &["--set=workload.message.size={exponential: 5 GB}"]),
        ("static files without sessions", &["--set=cdn={}"]),
        ("two retentions", &["--set=logs={retention: 30 days, tiers: {hot: {for: 1 day}, archive: {for: 365 days}}}"]),
        ("a tier without a time", &["--set=logs.tiers={hot: {replication: 3}}"]),
        ("no hot tier", &["--set=logs.tiers={archive: {for: 1 day}}"]),
        (
            "memory of contexts that are not kept",
            &["--set=protocol.compression={deflate: {context_takeover: false, memory_per_connection: 1 MB}}"],
        ),
        ("an encoding that grows", &["--set=protocol.encoding={size: 120 %}"]),
        ("an ambiguous line", &["--set=servers.network=1 Gb", "--set=cdn.origin_network=10 Gbps"]),
    ];
    let mut said = String::new();
    for (what, changes) in cases {
        said += &complaints(&folder, &[(what, &[&["estimate", "x.yaml"], changes].concat())]);
    }
    assert_told("levers_that_cant_be_pulled", &said);
}

/// Backends and caches that can't be.
#[test]
fn reads_that_cant_be_made() {
    let folder = folder();
    fs::write(folder.join("x.yaml"), GOOD.to_owned() + "backend: {}\n").unwrap();
    let cases: [(&str, &[&str]); 18] = [
        ("no objects", &["--set=cache={size: 10}"]),
        ("no size", &["--set=cache={objects: 100}"]),
        ("two sizes", &["--set=cache={objects: 1M, size: 10, memory: 1 GB}"]),
        ("room for none", &["--set=cache={objects: 1M, memory: 10 B}"]),
        ("an empty cache", &["--set=cache={objects: 1M, size: 0}"]),
        ("a negative exponent", &["--set=cache={objects: 1M, size: 10k, popularity: {zipf: -1}}"]),
        ("no time to live", &["--set=cache={objects: 1M, size: 10k, ttl: 0 s}"]),
        ("half an object", &["--set=cache={objects: 0.5, size: 1}"]),
        ("a place that is none", &["--set=cache={objects: 1M, size: 10k, where: client}"]),
        ("all of the memory", &["--set=cache={objects: 1M, size: 1M, object_size: 8 KB}"]),
        ("a cache of nothing", &["--set=backend=none", "--set=cache={objects: 1M, size: 10k}"]),
        ("no queries", &["--set=backend.queries_per_message=0"]),
        ("a time without unit", &["--set=backend.per_query=1"]),
        ("half a node", &["--set=backend.nodes=0.5"]),
        ("reads for who does not wait", &["--set=workload.timeout=1 s"]),
        ("reads at servers that crash", &["--set=faults=[{at: 5 s, crash: {servers: 1}}]"]),
        ("reads for a room", &["--set=workload.fan_out={room: 5}", "--set=broker=redis"]),
        ("an unknown store", &["--set=backend=postgres"]),
    ];
    let mut said = String::new();
    for (what, changes) in cases {
        said += &complaints(&folder, &[(what, &[&["estimate", "x.yaml"], changes].concat())]);
    }
    for (what, change) in [
        ("caches too large to simulate", "--set=cache={objects: 100M, size: 50M, where: shared}"),
        ("a sample behind one backend", "--set=simulation.mode=sampled"),
    ] {
        said += &complaints(&folder, &[(what, &["simulate", "x.yaml", change])]);
    }
    assert_told("reads_that_cant_be_made", &said);
}

/// Faults of what there isn't.
#[test]
fn faults_of_what_is_between() {
    let folder = folder();
    fs::write(folder.join("x.yaml"), GOOD).unwrap();
    let rooms = "--set=workload.fan_out={room: 5}";
    let lose = "--set=faults=[{at: 5 s, lose_broker: {nodes: 3}}]";
    let cases: [(&str, &[&str]); 8] = [
        ("no broker", &[lose]),
        ("nothing that goes by it", &[lose, "--set=broker=redis"]),
        ("more nodes than there are", &[lose, rooms, "--set=broker={kind: redis, nodes: 2}"]),
        ("more nodes than are needed", &[lose, rooms, "--set=broker=redis"]),
        ("no number of nodes", &["--set=faults=[{at: 5 s, lose_broker: {}}]", rooms, "--set=broker=redis"]),
        ("no latency", &["--set=faults=[{at: 5 s, network: {of: broker}}]"]),
        ("nothing between servers", &["--set=faults=[{at: 5 s, network: {latency: 5 ms, of: server}}]"]),
        ("two things", &["--set=faults=[{at: 5 s, network: {latency: 5 ms}, lose_broker: {nodes: 1}}]"]),
    ];
    let mut said = String::new();
    for (what, changes) in cases {
        said += &complaints(&folder, &[(what, &[&["simulate", "x.yaml"], changes].concat())]);
    }
    assert_told("faults_of_what_is_between", &said);
}

/// Autoscalers that contradict themselves or the rest.
#[test]
fn autoscalers_that_cant_be() {
    let folder = folder();
    fs::write(folder.join("x.yaml"), GOOD).unwrap();
    let cases: [(&str, &[&str]); 9] = [
        ("no most", &["--set=autoscaler={target: 60 %}"]),
        ("least above most", &["--set=autoscaler={least: 5, most: 3}"]),
        ("more to begin with", &["--set=autoscaler={least: 2, most: 3}", "--set=servers.count=4"]),
        ("a share where a number is asked", &["--set=autoscaler={most: 3, step: 10 %}"]),
        ("no target", &["--set=autoscaler={most: 3, target: 0 %, of: memory, every: 0 s}"]),
        ("messages one by one", &["--set=autoscaler={most: 9}", "--set=balancer.unit=message"]),
        (
            "what doesn't scale as one",
            &[
                "--set=autoscaler={most: 9}",
                "--set=workload.fan_out={room: 5}",
                "--set=broker=redis",
                "--set=regions=3",
            ],
        ),
        ("faults of servers", &["--set=autoscaler={most: 9}", "--set=faults=[{at: 5 s, crash: {servers: 1}}]"]),
        ("a sample", &["--set=autoscaler={most: 9}", "--set=simulation.mode=sampled"]),
    ];
    let mut said = String::new();
    for (what, changes) in cases {
        said += &complaints(&folder, &[(what, &[&["simulate", "x.yaml"], changes].concat())]);
    }
    assert_told("autoscalers_that_cant_be", &said);
}

#[test]
fn validations_that_cant_be() {
    let with = |rest: &str| format!("{GOOD}validation: {rest}\n");
    let cases = [
        ("no loads", with("{loads: []}")),
        ("a load, no list", with("{loads: 50 %}")),
        ("no load at all", with("{loads: [0 %]}")),
        ("per cent without a unit", with("{loads: [30, 50]}")),
        ("an uncertain load", with("{loads: [30..50 %]}")),
        ("no time", with("{duration: 0 s}")),
        ("never", with("{repeats: 0}")),
        ("half a repeat", with("{repeats: 2.5}")),
        ("no tolerance", with("{tolerance: {cpu: 0 %}}")),
        ("an unknown metric", with("{tolerance: {p95: 10 %, memroy: 10 %}}")),
        ("one for all", with("{tolerance: 10 %}")),
    ];
    let cases: Vec<(&str, &[u8])> = cases.iter().map(|(what, yaml)| (*what, yaml.as_bytes())).collect();
    assert_told("validations_that_cant_be", &complaints_about(&cases));
}

#[test]
fn usage() {
    let folder = folder();
    fs::write(folder.join("x.yaml"), GOOD).unwrap();
    fs::write(folder.join("taken.yaml"), "").unwrap();
    assert_told(
        "usage",
        &complaints(
            &folder,
            &[
                ("unknown subcommand", &["simulat", "x.yaml"]),
                ("no scenario", &["simulate"]),
                ("unknown option", &["simulate", "x.yaml", "--user", "5"]),
                ("unknown format", &["simulate", "x.yaml", "--format", "yaml"]),
                ("no threads", &["simulate", "x.yaml", "--threads", "0"]),
                ("unknown promise", &["simulate", "x.yaml", "--fail-on", "load"]),
                ("a promise that isn't made", &["simulate", "x.yaml", "--fail-on", "slo"]),
                ("measured and calibrated", &["validate", "x.yaml", "--measured", "m.csv", "--calibration", "c.yaml"]),
                ("a file that is there", &["new", "taken"]),
                ("a name that is none", &["new", ""]),
            ],
        ),
    );
}
