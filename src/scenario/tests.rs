//! Scenario files as people write them, right and wrong.
#![allow(clippy::float_cmp, reason = "the figures compared are exact, or the same computation")]

use std::fmt::Write as _;
use std::io;

use super::*;
use crate::diagnostic::Diagnostics;
use crate::random::{Distribution, Purpose, Stream};

fn no_files(_: &str) -> io::Result<String> {
    Err(io::Error::new(io::ErrorKind::NotFound, "no such file"))
}

fn document(yaml: &str) -> Document {
    Document::parse("x.yaml", yaml.as_bytes(), &no_files).unwrap_or_else(|e| panic!("{e}"))
}

fn scenario(yaml: &str) -> Scenario {
    document(yaml).resolve().unwrap_or_else(|e| panic!("{e}"))
}

fn errors(yaml: &str) -> Diagnostics {
    match Document::parse("x.yaml", yaml.as_bytes(), &no_files) {
        Ok(document) => document.resolve().expect_err(yaml),
        Err(errors) => errors,
    }
}

const SHORTEST: &str = "users: 10k\nworkload: {message: {rate: 1/s}}\n";

const FULL: &str = "
name: chat-10k
users: 10_000
workload:
  connections_per_user: 1
  message: {rate: 1/s, size: 1 KB, arrivals: {batch: {size: {geometric: 2}}}}
  fan_out: echo
  heartbeat: {every: 30 s}
  session: {length: {exponential: 20 min}}
  reconnect: {backoff: {exponential: 1 s, cap: 30 s}, jitter: none}
  connect_timeout: none
  timeout: 10 s
  retry: {limit: 5, delay: {exponential: 2 s}, backoff: 2, cap: 60 s}
  profile: {of: users, steps: [{at: 10 s, share: 50 %}, {at: 20 s, share: 100 %}]}
protocol: {encoding: {size: 50 %}, compression: {deflate: {ratio: 2, cpu_per_kb: 80 us, memory_per_connection: 100 KiB, context_takeover: true}}, tls: {handshake_cpu: 200 us, resumption: 50 %}}
link: {kind: loopback, mtu: 64 KiB}
latency: {client: {lognormal: {mean: 20 ms, cv: 0.5}}, server: 0 s}
servers:
  count: 3
  cores: 8
  dispatch: per-core
  discipline: fifo
  memory: 8 GiB
  network: unlimited
  packets: unlimited
  descriptors: 65_536
  connections: {comfortable: 3_000..5_000, limit: unlimited}
  accept: {rate: 500/s, backlog: 128}
  cpu: {per_wakeup: 44 us, per_message: 8..10 us, per_kb: {gamma: {mean: 1 us, cv: 2}}, per_delivery: 12 us, per_connect: 50 us, per_heartbeat: 5 us, per_cache_miss: 0 us}
  queue: {limit: 10, patience: {exponential: 1 s}}
  memory_per_connection: 20 KiB
  target_utilisation: 70 %
  spare: 1
balancer: {policy: consistent-hash, unit: connection, virtual_nodes: 200, count: 2, connections: 500k, network: 25 Gbit/s, handshakes: 10_000/s, ports: 28_000, conntrack: 262_144, idle_timeout: 60 s}
zones: {names: [a, b, c], tolerate: 1}
faults:
  - {at: 1 s, crash: {servers: 1}, for: 5 s}
  - {at: 2 s, lose: b}
  - {at: 3 s, slow: {servers: 2, factor: 1.5}, for: 1 min}
  - {at: 4 s, deploy: {every: 1 min, batch: 2, drain: 10 s, restart: 3 s, jitter: 0 s}}
sharding: {by: region, shards: 3, locality: 90 %, skew: 10 %}
broker: {kind: kafka, nodes: 12, cores: 16, network: 25 Gbit/s, per_publish: 2..3 us, linger: 2 ms, batch: 64 KB, replication: 2, partitions: 900, output_buffer: 8 MB, max_wait: 10 s, subscribers: all}
cdn: {bytes_per_session: 1 MB, hit_ratio: 90 %, origin_network: 1 Gbit/s}
logs: {bytes_per_message: 1 KB, replication: 2, compression: 4, disk_write: 200 MB/s, disk: 4 TB, tiers: {hot: {for: 1 day, replication: 3, compression: none}, warm: {for: 6 days, disk: 8 TB}, archive: {for: 365 days, compression: 10, replication: 1}}}
slo: {latency: {p99: 200 ms, mean: 50 ms}, dropped: 0.1 %}
sweep: {users: [100, 10k, 1M, 100M], latency.client: [{exponential: 5 ms}, 1 ms]}
simulation: {duration: 60 s, warm_up: 5 s, replications: 5, precision: 2 %, seed: 42, mode: every-message, start: {ramp: 30 s}}
";

#[test]
fn the_shortest_scenario_has_all_defaults() {
    insta::assert_debug_snapshot!(scenario(SHORTEST));
}

#[test]
fn every_key_is_read() {
    insta::assert_debug_snapshot!(scenario(FULL));
}

/// No key of the table goes unread, and none is read that is not in it: giving each key another value than its
/// default changes the scenario, and the debug build checks each reading.
#[test]
fn every_key_changes_something() {
    let plain = document(SHORTEST);
    let mut unread = Vec::new();
    for key in keys::KEYS {
        // What is in a list has no path of its own.
        // A calibration is a file, and has a test of its own.
        if key.path.starts_with("faults.") || key.path == "calibration" {
            continue;
        }
        let mut base = plain.clone();
        let needed: &[&str] = match key.path {
            path if path.starts_with("logs.tiers.hot.") => &["logs.tiers={hot: {for: 1 day}}"],
            path if path.starts_with("logs.tiers.warm.") => &["logs.tiers={hot: {for: 1 day}, warm: {for: 1 day}}"],
            path if path.starts_with("logs.tiers.archive.") => {
                &["logs.tiers={hot: {for: 1 day}, archive: {for: 1 day}}"]
            }
            "workload.profile.of" => &["workload.profile={diurnal: {}}"],
            path if path.starts_with("workload.message.arrivals.mmpp.") => {
                &["workload.message.arrivals={mmpp: {rates: [1/s, 2/s], switch: [1/s, 2/s]}}"]
            }
            path if path.starts_with("cdn.") => &["workload.session.length=1 min", "cdn={}"],
            path if path.starts_with("protocol.compression.deflate.") => &["protocol.compression=deflate"],
            "balancer.virtual_nodes" => &["balancer.policy=consistent-hash"],
            path if path.starts_with("workload.fan_out.popularity") => &["broker=nats", "workload.fan_out.room=50"],
            path if path.starts_with("workload.fan_out") => &["broker=nats"],
            "sharding.shards" => &[],
            "sharding.skew" => &["sharding.shards=4", "sharding.locality=50 %"],
            path if path.starts_with("sharding.") => &["sharding.shards=4"],
            "latency.region" => &["regions=2"],
            path if path.starts_with("backend.") => &["backend={}"],
            "cache.memory" => &["backend={}", "cache={objects: 1M, memory: 1 MB}"],
            path if path.starts_with("cache.") => &["backend={}", "cache={objects: 1M, size: 100}"],
            path if path.starts_with("regions.") => &["regions.count=4"],
            "zones.tolerate" => &["zones.names=9"],
            "autoscaler.most" => &[],
            path if path.starts_with("autoscaler.") => &["autoscaler.most=70"],
            "servers.accept.backlog" => &["servers.accept.rate=7/s"],
            "servers.failures.every" => &["servers.failures.for=1 s"],
            "servers.failures.for" => &["servers.failures.every=1 s"],
            _ => &[],
        };
        for assignment in needed {
            base.set(assignment).unwrap_or_else(|e| panic!("{e}"));
        }
        let mut given = base.clone();
        let value = match key.kind {
            _ if matches!(key.path, "servers.connections.limit" | "servers.descriptors") => "7_777",
            keys::Kind::Figure(figure) => match figure.quantity {
                crate::units::parse::Quantity::Count => "7",
                crate::units::parse::Quantity::Time => "7 s",
                crate::units::parse::Quantity::Bytes => "7 KB",
                crate::units::parse::Quantity::BitRate => "7 Mbit/s",
                crate::units::parse::Quantity::ByteRate => "7 MB/s",
                crate::units::parse::Quantity::Rate => "7/s",
                crate::units::parse::Quantity::Ratio => "7 %",
            },
            keys::Kind::Random(crate::units::parse::Quantity::Bytes) => "{exponential: 7 KB}",
            keys::Kind::Random(crate::units::parse::Quantity::Count) => "{exponential: 7}",
            keys::Kind::Random(_) => "{exponential: 7 s}",
            keys::Kind::Text => "seven",
            keys::Kind::Sweep | keys::Kind::Table(_) => continue,
            keys::Kind::Figures(figure, _) if figure.quantity == crate::units::parse::Quantity::Ratio => "[7 %, 8 %]",
            keys::Kind::Figures(..) => "[7/s, 8/s]",
            keys::Kind::Rows(_, example) => example,
            keys::Kind::Names => "3",
            keys::Kind::List => "[{at: 7 s, crash: {servers: 1}, for: 7 s}]",
            keys::Kind::Words => match key.words.iter().find(|word| keys::Default::Yaml(word) != key.default) {
                Some(word) => *word,
                // A section, or a key with one word only.
                None => continue,
            },
        };
        given.set(&format!("{}={value}", key.path)).unwrap_or_else(|e| panic!("{e}"));
        match given.resolve() {
            Ok(scenario) if scenario == base.resolve().unwrap_or_else(|_| plain.resolve().unwrap()) => {
                unread.push(key.path);
            }
            Ok(_) => {}
            Err(e) => panic!("{e}"),
        }
    }
    assert!(unread.is_empty(), "{unread:?}");
}

#[test]
#[allow(clippy::too_many_lines, reason = "a list of mistakes, each with its name")]
fn mistakes_are_told_clearly() {
    let mut out = String::new();
    for (what, yaml) in [
        ("nothing", ""),
        ("a list", "[1, 2]"),
        ("no users", "workload: {message: {rate: 1/s}}"),
        ("no rate", "users: 5\nworkload: {message: {size: 1 KB}}"),
        ("no workload", "users: 5"),
        ("unknown key", "user: 5\nworkload: {message: {rate: 1/s}}"),
        ("unknown key below", "users: 5\nworkload:\n  mesage: {rate: 1/s}"),
        ("key elsewhere", "users: 5\nworkload: {rate: 1/s, message: {rate: 1/s}}\ncores: 4"),
        ("no unit", "users: 5\nworkload: {message: {rate: 1}}"),
        ("ambiguous unit", "users: 5\nworkload: {message: {rate: 1/s}}\nservers: {memory: 8 Gb}"),
        ("negative", "users: -5\nworkload: {message: {rate: 1/s}}"),
        ("NaN", "users: .nan\nworkload: {message: {rate: 1/s}}"),
        ("zero rate", "users: 5\nworkload: {message: {rate: 0/s}}"),
        ("huge", "users: 1e300\nworkload: {message: {rate: 1/s}}"),
        ("overflow", "users: 1e999\nworkload: {message: {rate: 1/s}}"),
        ("half a user", "users: 1.5\nworkload: {message: {rate: 1/s}}"),
        ("zero users", "users: 0\nworkload: {message: {rate: 1/s}}"),
        ("nothing given", "users:\nworkload: {message: {rate: 1/s}}"),
        ("a list", "users: [5]\nworkload: {message: {rate: 1/s}}"),
        ("a section", "users: 5\nworkload: {message: {rate: {per: s}}}"),
        ("no section", "users: 5\nworkload: 3"),
        ("a wrong word", "users: 5\nworkload: {message: {rate: 1/s}}\nbalancer: {policy: least_connection}"),
        ("auto misspelt", "users: 5\nworkload: {message: {rate: 1/s}}\nservers: {count: atuo}"),
        ("yes", "users: 5\nworkload: {message: {rate: 1/s}}\nprotocol: {tls: yes}"),
        ("70", "users: 5\nworkload: {message: {rate: 1/s}}\nservers: {target_utilisation: 70}"),
        ("uncertain cores", "users: 5\nworkload: {message: {rate: 1/s}}\nservers: {cores: 2..4}"),
        ("uncertain promise", "users: 5\nworkload: {message: {rate: 1/s}}\nslo: {latency: {p99: 1..2 s}}"),
        (
            "not modelled",
            "users: 5\nworkload: {message: {rate: 1/s}, fan_out: {room: 50}}\nbroker: kafka\nsharding: {by: region}\nfaults: [{at: 30 s}]\n",
        ),
        ("an autoscaler without its section", "users: 5\nworkload: {message: {rate: 1/s}}\nautoscaler: cpu"),
        (
            "fan-out",
            "users: 5\nworkload: {message: {rate: 1/s}, fan_out: direct}\nservers: {discipline: ps}\nbalancer: {unit: message}\nregions: 3\nsharding: {shards: 0, locality: 120 %}",
        ),
        (
            "rooms",
            "users: 5\nworkload: {message: {rate: 1/s}, fan_out: {room: 0.2, popularity: {zipf: -1}}}\nbroker: redis",
        ),
        (
            "brokers",
            "users: 5\nworkload: {message: {rate: 1/s}, fan_out: {rooms: 5}}\nbroker: {kind: kafka, nodes: 2, partitions: 0, linger: 5, network: 10 GB/s, per_publish: {exponential: 0 s}}\nservers: {count: 2}\nregions: {count: 4}",
        ),
        (
            "fan-out together with what can't be",
            "users: 5\nworkload: {message: {rate: 1/s}, fan_out: direct}\nservers: {discipline: ps, count: 2}\nbalancer: {unit: message}\nregions: 3\nsharding: {shards: 4}",
        ),
        (
            "a room for more than there are",
            "users: 5\nworkload: {message: {rate: 1/s}, fan_out: {room: 6}}\nbroker: nats",
        ),
        (
            "more replicas than nodes",
            "users: 5\nworkload: {message: {rate: 1/s}, fan_out: {room: 0.2}}\nbroker: {kind: kafka, nodes: 2}",
        ),
        ("no such broker", "users: 5\nworkload: {message: {rate: 1/s}}\nbroker: rabbit"),
        ("quoted", "users: \"5x\"\nworkload: {message: {rate: '1 s'}}"),
        (
            "distributions",
            "users: 5\nworkload: {message: {rate: 1/s}}\nlatency: {client: {exponentail: 5 ms}, server: {lognormal: {mean: 0 ms, cv: 0.5}}}\nservers: {cpu: {per_kb: {uniform: {low: 5 us, high: 2 us}}, per_message: {erlang: {mean: 9 us, k: 1.5}}, per_wakeup: {gamma: {mean: 4 us, sd: 2}}, per_connect: {}, per_delivery: {hyperexponential: {probabilities: [0.5, 0.4], means: [1 us, 2 us]}}, per_heartbeat: {exponential: 5, empirical: x.csv}, per_cache_miss: {empirical: x.csv}}}",
        ),
        (
            "contradictions",
            "users: 5\nworkload: {message: {rate: 1/s}, reconnect: {backoff: {exponential: 60 s}}}\nservers: {connections: {limit: 2_000}, discipline: ps, patience: 1 s, queue: {patience: 2 s}}\nbalancer: {virtual_nodes: 10}\nsimulation: {warm_up: 2 min}",
        ),
        (
            "protocol",
            "users: 5\nworkload: {message: {rate: 1/s}}\nprotocol: {encoding: msgpack, compression: gzip, tls: {handshake: 1 ms, resumption: 120}}",
        ),
        (
            "compression",
            "users: 5\nworkload: {message: {rate: 1/s}}\nprotocol: {encoding: {size: 0 %}, compression: {deflate: {ratio: 0.5, context_takeover: maybe, memory_per_connection: 3}}}",
        ),
        (
            "contexts",
            "users: 5\nworkload: {message: {rate: 1/s}}\nprotocol:\n  compression: {deflate: {context_takeover: false, memory_per_connection: 1 MB}}",
        ),
        (
            "tiers",
            "users: 5\nworkload: {message: {rate: 1/s}}\nlogs: {tiers: {warm: {for: 7 days}, cold: {for: 1 day}, archive: {replication: 2, disk: 4 TB}}}",
        ),
        (
            "tiers without times",
            "users: 5\nworkload: {message: {rate: 1/s}}\nlogs: {tiers: {warm: {for: 7 days}, archive: {replication: 2}}}",
        ),
        ("tiers that are a list", "users: 5\nworkload: {message: {rate: 1/s}}\nlogs: {tiers: [a]}"),
        (
            "two retentions",
            "users: 5\nworkload: {message: {rate: 1/s}}\nlogs:\n  retention: 30 days\n  tiers: {hot: {for: 1 day}, archive: {for: 365 days}}",
        ),
        ("a CDN without sessions", "users: 5\nworkload: {message: {rate: 1/s}}\ncdn: {hit_ratio: 90 %}"),
        (
            "a CDN",
            "users: 5\nworkload: {message: {rate: 1/s}, session: {length: 1 min}}\ncdn: {hit: 90 %, hit_ratio: 95}",
        ),
        (
            "packets and descriptors",
            "users: 5\nworkload: {message: {rate: 1/s}}\nservers: {packets: 1M, descriptors: 10, network: 1 Gb}",
        ),
        ("a huge message", "users: 5\nworkload:\n  message: {rate: 1/s, size: 5 GB}"),
        ("huge messages", "users: 5\nworkload:\n  message: {rate: 1/s, size: {uniform: {low: 1 B, high: 5 GB}}}"),
        (
            "in a bad sweep",
            "users: 5\nworkload: {message: {rate: 1/s}}\nsweep: {usres: [1], users: 5, name: [a], workload.message.rate: []}",
        ),
        ("dotted key", "users: 5\nworkload: {message: {rate: 1/s}}\nservers.cores: 8"),
        ("three at once", "users: 10,000\nworkload:\n  message: {rate: 1 KB, size: 1 Kb}\nservers:\n  memory: 8\n"),
    ] {
        let _ = writeln!(out, "## {what}\n{}\n", errors(yaml));
    }
    insta::assert_snapshot!(out);
}

#[test]
fn mistakes_about_when_messages_come_are_told_clearly() {
    let mut out = String::new();
    for (what, yaml) in [
        ("a profile without a shape", "users: 5\nworkload: {message: {rate: 1/s}, profile: {of: users}}"),
        (
            "profiles with mistakes",
            "users: 5\nworkload:\n  message: {rate: 1/s}\n  profile:\n    flash: {at: -3 s, from: 120 %, hold: 5}\n    steps: [{at: 60 s}, {share: 10 %, at: 3, x: 4}, 7, {at: 5 s, share: 0 %}, {at: 4 s, share: 1..2 %}, {at: 4 s, share: 2 %}]\n    trace: {a: b}",
        ),
        (
            "two shapes",
            "users: 5\nworkload: {message: {rate: 1/s}, profile: {diurnal: {}, steps: [{at: 1 s, share: 50 %}]}}",
        ),
        ("no load at all", "users: 5\nworkload: {message: {rate: 1/s}, profile: {steps: [{at: 0 s, share: 0 %}]}}"),
        (
            "a profile and what it can't move",
            "users: 5\nworkload: {message: {rate: 1/s, arrivals: periodic}, profile: {flash: {}}}\nsimulation: {start: empty}",
        ),
        (
            "a profile of users from an empty start",
            "users: 5\nworkload: {message: {rate: 1/s}, profile: {of: users, flash: {}}}\nsimulation: {start: {ramp: 3 s}}",
        ),
        ("an empty list", "users: 5\nworkload: {message: {rate: 1/s}, profile: {steps: []}}"),
        (
            "waiting and sending again",
            "users: 5\nworkload: {message: {rate: 1/s}, timeout: 40 ms, retry: {limit: 0, delay: 0 s, backoff: 0.5, tries: 3}}",
        ),
        (
            "too impatient",
            "users: 5\nworkload: {message: {rate: 1/s}, fan_out: none, timeout: 40 ms, retry: {limit: unlimited, delay: 0 s}}",
        ),
        ("a wave in a word", "users: 5\nworkload: {message: {rate: 1/s}, profile: diurnal}"),
        ("arrivals of no kind", "users: 5\nworkload: {message: {rate: 1/s, arrivals: {}}}"),
        (
            "arrivals of two kinds",
            "users: 5\nworkload: {message: {rate: 1/s, arrivals: {batch: {size: 2}, mmpp: {rates: [1/s, 2/s], switch: [1/s, 1/s]}}}}",
        ),
        (
            "mmpp with mistakes",
            "users: 5\nworkload:\n  message:\n    arrivals: {mmpp: {rates: [1/s, -2/s, 3, 1..2/s], switch: [0/s, {a: b}]}}",
        ),
        ("mmpp without states", "users: 5\nworkload: {message: {arrivals: {mmpp: {rates: [], switch: 1/s}}}}"),
        ("mmpp with one half", "users: 5\nworkload: {message: {arrivals: {mmpp: {rates: [1/s, 2/s]}}}}"),
        (
            "mmpp of unequal lengths",
            "users: 5\nworkload: {message: {arrivals: {mmpp: {rates: [1/s, 2/s, 3/s], switch: [1/s, 1/s]}}}}",
        ),
        ("mmpp of one state", "users: 5\nworkload: {message: {arrivals: {mmpp: {rates: [1/s], switch: [1/s]}}}}"),
        (
            "mmpp of silence",
            "users: 5\nworkload: {message: {arrivals: {mmpp: {rates: [0/s, 0/s], switch: [1/s, 1/s]}}}}",
        ),
        ("a trace that is not there", "users: 5\nworkload: {message: {arrivals: {trace: none.csv}}}"),
    ] {
        let _ = writeln!(out, "## {what}\n{}\n", errors(yaml));
    }
    insta::assert_snapshot!(out);
}

#[test]
fn assignments_change_the_file() {
    let changed = |assignments: &[&str]| {
        let mut document = document(FULL);
        for assignment in assignments {
            document.set(assignment).unwrap_or_else(|e| panic!("{e}"));
        }
        document.resolve().unwrap_or_else(|e| panic!("{e}"))
    };
    assert_eq!(changed(&["users=1M"]).users, 1_000_000);
    assert_eq!(changed(&["servers.queue=unlimited", "servers.queue.limit=5"]).servers.queue_limit, Some(5));
    assert_eq!(changed(&["servers.cores=2", "servers.cores=16"]).servers.cores, 16);
    assert_eq!(changed(&["logs=none"]).logs, None);
    assert_eq!(changed(&["latency.client.exponential=5 ms"]).latency.client, Distribution::Exponential { mean: 5e-3 });
    let cv = changed(&["latency.client.lognormal.cv=1"]).latency.client;
    assert!((cv.mean() - 0.02).abs() < 1e-12 && (cv.variance().sqrt() - 0.02).abs() < 1e-12);
    assert_eq!(changed(&["workload.message={rate: 2/s}"]).workload.message_rate.get(), 2.0);
    let mut empty = document("");
    empty.set("workload.message.rate=30/min").unwrap();
    empty.set_path("--users", "users", "5").unwrap();
    assert_eq!(empty.resolve().unwrap().name, "x");
}

#[test]
fn no_section_goes_by_an_empty_value() {
    let mut document = document(SHORTEST);
    let error = document.set("servers=").unwrap_err().to_string();
    assert!(error.contains("`servers` needs a value") && error.contains("servers=null"), "{error}");
    document.set("servers=null").unwrap_or_else(|e| panic!("{e}"));
}

/// A plain value is short for a section with one key, and a key that is set beside it does not take its place.
#[test]
fn what_a_plain_value_stands_for_stays_when_a_key_below_is_set() {
    let same = |short: &str, assignment: &str, long: &str| {
        let users = "users: 100\nservers: {count: 12}\nworkload: {message: {rate: 1/s, size: 1 KB}}\n";
        let mut changed = document(&format!("{users}{short}\n"));
        changed.set(assignment).unwrap_or_else(|e| panic!("{e}"));
        let changed = changed.resolve().unwrap_or_else(|e| panic!("{short} {assignment}\n{e}"));
        assert_eq!(changed, document(&format!("{users}{long}\n")).resolve().unwrap(), "{short} {assignment}");
    };
    same("broker: redis", "broker.nodes=3", "broker: {kind: redis, nodes: 3}");
    same("broker: kafka", "broker.kind=nats", "broker: nats");
    same("broker: none", "broker.nodes=3", "broker: {nodes: 3}");
    same("regions: 3", "regions.locality=60 %", "regions: {count: 3, locality: 60 %}");
    same("zones: 3", "zones.tolerate=1", "zones: {names: 3, tolerate: 1}");
    same("zones: [a, b]", "zones.tolerate=1", "zones: {names: [a, b], tolerate: 1}");
}

#[test]
fn mistakes_on_the_command_line_are_shown_there() {
    let mut out = String::new();
    for assignment in [
        "users",
        "usres=5",
        "workload.mesage.rate=2/s",
        "workload..rate=2/s",
        "=5",
        "servers.cores.x=5",
        "workload.message.rate=2",
        "users=",
        "users=[",
        "latency.client.exponentail=5 ms",
        "broker=kafak",
        "fan_out=echo",
        "workload.fan_out.room=50",
        "users=1\n---\n2",
    ] {
        let mut document = document(SHORTEST);
        let result = document.set(assignment).and_then(|()| document.resolve().map(|_| ()));
        let _ = writeln!(out, "{}\n", result.expect_err(assignment));
    }
    let mut document = document(SHORTEST);
    document.set_path("--users", "users", "-5").unwrap();
    let _ = writeln!(out, "{}\n", document.resolve().unwrap_err());
    for vary in ["users", "usres=1,2", "users=1,,2", "sweep=1", "users=", "name=a,b"] {
        let _ = writeln!(out, "{}\n", parse_vary(vary).expect_err(vary));
    }
    insta::assert_snapshot!(out);
}

#[test]
fn worlds_may_be_resolved_in_parallel() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&document(FULL));
}

#[test]
fn what_is_varied() {
    let axes = document(FULL).sweep().unwrap();
    assert_eq!(axes[0], Axis { path: "users".into(), values: ["100", "10k", "1M", "100M"].map(String::from).into() });
    assert_eq!(axes[1].values, ["{exponential: 5 ms}", "1 ms"]);
    let axis = parse_vary("latency.client={uniform: {low: 1 ms, high: 2 ms}}, 5 ms,'a,b'").unwrap();
    assert_eq!(axis.values, ["{uniform: {low: 1 ms, high: 2 ms}}", "5 ms", "'a,b'"]);
    assert_eq!(document(SHORTEST).sweep().unwrap(), []);
}

#[test]
fn an_interval_is_its_5th_to_95th_percentile() {
    let document = document(FULL);
    let inputs = document.uncertain();
    let paths: Vec<_> = inputs.iter().map(|input| input.path.as_str()).collect();
    assert_eq!(paths, ["broker.per_publish", "servers.connections.comfortable", "servers.cpu.per_message"]);
    let at = |q: f64| document.resolve_world(&move |_| q).unwrap();
    assert!((at(0.05).servers.comfortable_connections - 3_000.0).abs() < 1e-6);
    assert!((at(0.95).servers.comfortable_connections - 5_000.0).abs() < 1e-6);
    assert!((at(0.5).servers.comfortable_connections - 15e6_f64.sqrt()).abs() < 1e-9);
    assert!((at(0.95).servers.cpu.per_message.mean() - 10e-6).abs() < 1e-15);
    let one = document.resolve_world(&|path| if path.contains("cpu") { 0.95 } else { 0.5 }).unwrap();
    assert_eq!(one.servers.comfortable_connections, at(0.5).servers.comfortable_connections);
    assert_eq!(one.servers.cpu, at(0.95).servers.cpu);
    // Whole numbers stay whole, and no draw leaves what the key allows.
    let mut wide = document.clone();
    wide.set("users=1..3").unwrap();
    wide.set("servers.target_utilisation=60..95 %").unwrap();
    wide.set("latency.client={uniform: {low: 1..2 ms, high: 2..3 ms}}").unwrap();
    wide.set("servers.connections.limit=5_000").unwrap();
    for q in [1e-9, 0.01, 0.5, 0.99, 1.0 - 1e-9] {
        let world = wide.resolve_world(&move |path| if path.ends_with("high") { 1.0 - q } else { q }).unwrap();
        assert!(world.users >= 1 && world.servers.target_utilisation.get() <= 1.0);
        assert!(world.servers.comfortable_connections <= 5_000.0);
    }
}

#[test]
fn an_uncertain_figure_can_have_another_distribution() {
    let quantiles = |set: &str, of: &dyn Fn(&Scenario) -> f64| {
        let mut document = document(SHORTEST);
        document.set(set).unwrap();
        [0.05, 0.5, 0.95].map(|q| of(&document.resolve_world(&move |_| q).unwrap()))
    };
    let near = |found: [f64; 3], expected: [f64; 3]| {
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9 * expected, "{found}, not {expected}");
        }
    };
    let target = |scenario: &Scenario| scenario.servers.target_utilisation.get();
    near(
        quantiles("servers.target_utilisation={uncertain: {uniform: {low: 50 %, high: 90 %}}}", &target),
        [0.52, 0.7, 0.88],
    );
    let client = |scenario: &Scenario| scenario.latency.client.mean();
    near(quantiles("latency.client={uncertain: {lognormal: {low: 1 ms, high: 4 ms}}}", &client), [1e-3, 2e-3, 4e-3]);
    near(
        quantiles("latency.client={exponential: {uncertain: {loguniform: {low: 1 ms, high: 100 ms}}}}", &client),
        [1.258_925_411_794_167_2e-3, 10e-3, 79.432_823_472_428_15e-3],
    );
    for (wrong, says) in [
        (
            "servers.cores={uncertain: {uniform: {low: 1, high: 4}}}",
            "`cores` can't be uncertain: it is yours to choose",
        ),
        ("slo.latency.p99={uncertain: {uniform: {low: 1 ms, high: 4 ms}}}", "a promise has one figure"),
        ("latency.client={uncertain: {unifrom: {low: 1 ms, high: 4 ms}}}", "did you mean `uniform`?"),
        ("latency.client={uncertain: {uniform: {low: 4 ms, high: 1 ms}}}", "its figures must rise"),
        ("latency.client={uncertain: {lognormal: {low: 0 s, high: 1 ms}}}", "`low` must be more than zero"),
        ("latency.client={uncertain: {triangular: {low: 1 ms, high: 4 ms}}}", "`triangular` needs `mode`"),
        ("latency.client={uncertain: {uniform: {low: 1..2 ms, high: 4 ms}}}", "can't be uncertain"),
        ("latency.client={uncertain: 5 ms}", "`uncertain` needs a distribution"),
        ("latency.client={uncertain: {uniform: {low: 1 ms, high: 4 ms}}, exponential: 1 ms}", "one distribution only"),
        ("servers.target_utilisation={uncertain: {uniform: {low: 50 %, high: 120 %}}}", "can be at most"),
        ("servers.connections={comfortable: 3_000..5_000, limit: 4_500}", "less than `comfortable` (5,000)"),
    ] {
        let mut document = document(SHORTEST);
        document.set(wrong).unwrap();
        let errors = document.resolve().expect_err(wrong).to_string();
        assert!(errors.contains(says), "{wrong}: {errors}");
    }
    // Another distribution is another scenario.
    let hash = |set: &str| {
        let mut document = document(SHORTEST);
        document.set(set).unwrap();
        document.hash()
    };
    let uniform = hash("latency.client={uncertain: {uniform: {low: 1 ms, high: 4 ms}}}");
    assert_ne!(uniform, hash("latency.client={uncertain: {loguniform: {low: 1 ms, high: 4 ms}}}"));
    assert_eq!(
        hash("latency.client=1..4 ms"),
        hash("latency.client={uncertain: {lognormal: {low: 1 ms, high: 4 ms}}}")
    );
}

#[test]
fn the_hash_is_of_what_is_said() {
    assert!(document(SHORTEST).is_given("users") && !document(SHORTEST).is_given("servers.cores"));
    let base = document(SHORTEST).hash();
    assert_eq!(base.len(), 16);
    let same = "workload:\n  message:\n    rate: 60/min   # comment\nname: other\nsimulation: {seed: 7}\nusers: 10_000\nservers: {cores: 4}\nsweep: {users: [1]}";
    assert_eq!(document(same).hash(), base);
    for different in
        ["users=10_001", "servers.cores=5", "latency.client={exponential: 20 ms}", "servers.cpu.per_kb=1..2 us"]
    {
        let mut changed = document(SHORTEST);
        changed.set(different).unwrap();
        assert_ne!(changed.hash(), base, "{different}");
    }
}

#[test]
fn values_come_from_files() {
    let load = |name: &str| match name {
        "units.csv" => Ok("# measured\n1 ms\n\n2 ms\n  3 ms  \n".to_owned()),
        "plain.csv" => Ok("ms\n1\n2\n3\n".to_owned()),
        "wrong.csv" => Ok("1 ms\n2 KB\n-3 ms\n4\n".to_owned()),
        "odd.csv" => Ok("size\n1\n".to_owned()),
        "empty.csv" => Ok("# nothing\n".to_owned()),
        _ => no_files(name),
    };
    let with = |file: &str| {
        let yaml = format!("{SHORTEST}latency: {{client: {{empirical: {file}}}}}\n");
        Document::parse("x.yaml", yaml.as_bytes(), &load).unwrap().resolve()
    };
    let values = Distribution::empirical(vec![1e-3, 2e-3, 3e-3]).unwrap();
    assert_eq!(with("units.csv").unwrap().latency.client, values);
    assert_eq!(with("plain.csv").unwrap().latency.client.mean(), values.mean());
    let mut out = String::new();
    for file in ["wrong.csv", "odd.csv", "empty.csv", "none.csv"] {
        let _ = writeln!(out, "{}\n", with(file).unwrap_err());
    }
    insta::assert_snapshot!(out, @r"
    error: the value needs a time, not an amount of data
      --> wrong.csv:2:3
       |
     2 | 2 KB
       |   ^^ an amount of data
       = help: write a time, such as `250 us`, `20 ms`, `30 s`, `20 min` or `7 days`

    error: the value can't be negative
      --> wrong.csv:3:1
       |
     3 | -3 ms
       | ^^ less than zero
       = help: write a time, such as `250 us`, `20 ms`, `30 s`, `20 min` or `7 days`

    error: the value needs a unit
      --> wrong.csv:4:1
       |
     4 | 4
       | ^ a plain number
       = help: write a time, such as `250 us`, `20 ms`, `30 s`, `20 min` or `7 days`

    error: the value is not a number
      --> odd.csv:1:1
       |
     1 | size
       | ^^^^ not a number
       = help: write a time, such as `250 us`, `20 ms`, `30 s`, `20 min` or `7 days`

    error: the value needs a unit
      --> odd.csv:2:1
       |
     2 | 1
       | ^ a plain number
       = help: write a time, such as `250 us`, `20 ms`, `30 s`, `20 min` or `7 days`

    error: empty.csv has no values
       = help: write one value a line, such as `1.2 ms`

    error: `none.csv` can't be read: no such file
      --> x.yaml:3:31
       |
     3 | latency: {client: {empirical: none.csv}}
       |                               ^^^^^^^^
       = help: a file is looked for beside the scenario
    ");
}

/// Files with a few bytes changed are right or wrong, but never make the program stop.
#[test]
fn no_file_makes_it_panic() {
    let load = |_: &str| Ok("1 ms\n2 ms\n".to_owned());
    let scraps = [
        "{", "}", "[", "]", ":", ": ", "\n", "  ", "- ", "..", "1e308", "&a ", "*a", "'", "\"", "|", "é", "\0", "<<: ",
        "%", "-",
    ];
    let mut stream = Stream::named(1, 0, 0, Purpose::Worlds);
    for _ in 0..300 {
        let mut bytes = FULL.replace("{exponential: 20 min}", "{empirical: x.csv}").into_bytes();
        for _ in 0..=stream.below(3) {
            let from = stream.below(bytes.len() as u64) as usize;
            let to = (from + stream.below(8) as usize).min(bytes.len());
            let scrap = scraps[stream.below(scraps.len() as u64) as usize];
            bytes.splice(from..to, scrap.bytes());
        }
        let result = Document::parse("x.yaml", &bytes, &load).and_then(|document| document.resolve());
        if let Err(e) = result {
            assert!(e.count() > 0 && e.to_string().starts_with("error: "));
        }
    }
}

const CALIBRATION: &str = "plimsoll_calibration: 1
made: {date: 2026-01-01}
figures: {servers: {cpu: {per_wakeup: 40 us, per_message: 0 s, overhead: 8 us}, memory_per_connection: 3 KB}, logs: {bytes_per_message: 2 KB}}
range: {messages_per_second_per_server: [500, 60_000], message_size: [64 B, 16 KB]}
";

fn calibrated(scenario: &str, calibration: &str) -> Result<Scenario, Diagnostics> {
    let load = |name: &str| match name {
        "here.yaml" => Ok(calibration.to_owned()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    };
    Document::parse("test.yaml", scenario.as_bytes(), &load)?.resolve()
}

#[test]
fn measured_figures_take_the_place_of_defaults_and_of_nothing_else() {
    let scenario = calibrated(
        "users: 10\nworkload: {message: {rate: 1/s}}\nservers: {cpu: {per_wakeup: 20 us}}\ncalibration: here.yaml\n",
        CALIBRATION,
    )
    .unwrap();
    let cpu = &scenario.servers.cpu;
    assert_eq!((cpu.per_wakeup.mean(), cpu.per_message.mean(), cpu.overhead.get()), (20e-6, 0.0, 8e-6));
    assert_eq!(scenario.servers.memory_per_connection.get(), 3_000.0);
    assert!(scenario.logs.is_none_or(|logs| logs.bytes_per_message.get() == 1_000.0));
    let calibration = scenario.calibration.unwrap();
    assert_eq!(calibration.messages_per_second, Some((500.0, 60_000.0)));
    assert_eq!((calibration.connections, calibration.message_size), (None, Some((64.0, 16_000.0))));
    let stated = "users: 10\nworkload: {message: {rate: 1/s}}\nlogs: {retention: 1 day}\ncalibration: here.yaml\nservers: {cpu: {per_message: {exponential: 500 us}}}\n";
    let scenario = calibrated(stated, CALIBRATION).unwrap();
    assert!((scenario.servers.cpu.per_message.mean() - 500e-6).abs() < 1e-12);
    assert_eq!(scenario.servers.cpu.overhead.get(), 8e-6);
    assert_eq!(scenario.logs.unwrap().bytes_per_message.get(), 2_000.0);
}

#[test]
fn a_wrong_calibration_is_shown_where_it_is_wrong() {
    let scenario = "users: 10\nworkload: {message: {rate: 1/s}}\ncalibration: here.yaml\n";
    let wrong = [
        ("users: 10\n".to_owned(), "plimsoll_calibration: 1"),
        (CALIBRATION.replace("range", "rang"), "did you mean `range`?"),
        (CALIBRATION.replace("[500, 60_000]", "[500]"), "a range is two figures"),
        (CALIBRATION.replace("64 B", "64"), "64"),
        (CALIBRATION.replace("40 us", "-40 us"), "-40 us"),
        (CALIBRATION.replace("overhead", "overhaed"), "did you mean `overhead`?"),
        (CALIBRATION.replace("logs:", "users:"), "`figures` has no"),
    ];
    for (text, expected) in wrong {
        let error = calibrated(scenario, &text).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("here.yaml:"), "{expected}: {error}");
    }
    let error = calibrated(&scenario.replace("here", "nowhere"), CALIBRATION).unwrap_err().to_string();
    assert!(error.contains("`nowhere.yaml` can't be read") && error.contains("test.yaml:3"), "{error}");
}
