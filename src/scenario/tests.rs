//! Scenario files as people write them, right and wrong.

use std::fmt::Write as _;
use std::io;

use super::*;
use crate::diagnostic::Diagnostics;
use crate::random::Distribution;

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
  profile: steady
protocol: {encoding: json, compression: none, tls: false}
link: {kind: loopback, mtu: 64 KiB}
latency: {client: {lognormal: {mean: 20 ms, cv: 0.5}}, server: 0 s}
servers:
  count: 3
  cores: 8
  dispatch: per-core
  discipline: fifo
  memory: 8 GiB
  network: unlimited
  connections: {comfortable: 3_000..5_000, limit: unlimited}
  cpu: {per_wakeup: 44 us, per_message: 8..10 us, per_kb: {gamma: {mean: 1 us, cv: 2}}, per_delivery: 12 us, per_connect: 50 us, per_heartbeat: 5 us, per_cache_miss: 0 us}
  queue: {limit: 10, patience: {exponential: 1 s}}
  memory_per_connection: 20 KiB
  target_utilisation: 70 %
  spare: 1
balancer: {policy: consistent-hash, unit: connection, virtual_nodes: 200}
sharding: none
broker: none
logs: {bytes_per_message: 1 KB, replication: 2, compression: 4, retention: 7 days, disk_write: 200 MB/s, disk: 4 TB}
slo: {latency: {p99: 200 ms, mean: 50 ms}, dropped: 0.1 %}
sweep: {users: [100, 10k, 1M, 100M], latency.client: [{exponential: 5 ms}, 1 ms]}
simulation: {duration: 60 s, warm_up: 5 s, replications: 5, precision: 2 %, seed: 42, mode: every-message, start: {ramp: 30 s}}
";

#[test]
fn the_shortest_scenario_has_all_defaults() {
    insta::assert_debug_snapshot!(scenario(SHORTEST), @r#"
    Scenario {
        name: "x",
        users: 10000,
        workload: Workload {
            connections_per_user: 1,
            message_rate: Rate(
                1.0,
            ),
            message_size: Constant(
                1000.0,
            ),
            arrivals: Poisson,
            fan_out: Echo,
            heartbeat: None,
            session: None,
            reconnect: Some(
                Reconnect {
                    backoff: Exponential {
                        base: Seconds(
                            1.0,
                        ),
                        cap: Seconds(
                            30.0,
                        ),
                    },
                    jitter: true,
                },
            ),
        },
        protocol: Protocol {
            tls: true,
        },
        link: Link {
            kind: Ethernet,
            mtu: Bytes(
                1500.0,
            ),
        },
        latency: Latency {
            client: Constant(
                0.02,
            ),
            server: Constant(
                0.00025,
            ),
        },
        servers: Servers {
            count: None,
            cores: 4,
            dispatch: Shared,
            discipline: Fifo,
            memory: Bytes(
                8589934592.0,
            ),
            network: Some(
                BitRate(
                    1000000000.0,
                ),
            ),
            comfortable_connections: 3872.983346207417,
            connection_limit: Some(
                20000,
            ),
            cpu: Cpu {
                per_wakeup: Constant(
                    4.4e-5,
                ),
                per_message: Constant(
                    9e-6,
                ),
                per_kb: Constant(
                    1e-6,
                ),
                per_delivery: Constant(
                    1.2e-5,
                ),
                per_connect: Constant(
                    5e-5,
                ),
                per_heartbeat: Constant(
                    5e-6,
                ),
                per_cache_miss: Constant(
                    1.5e-5,
                ),
            },
            queue_limit: None,
            patience: None,
            memory_per_connection: Bytes(
                20480.0,
            ),
            target_utilisation: Ratio(
                0.7,
            ),
            spare: 0,
        },
        balancer: Balancer {
            policy: LeastConnections,
            unit: Connection,
        },
        logs: Some(
            Logs {
                bytes_per_message: Bytes(
                    1000.0,
                ),
                replication: 1,
                compression: 1.0,
                retention: Seconds(
                    604800.0,
                ),
                disk_write: ByteRate(
                    200000000.0,
                ),
                disk: Bytes(
                    4000000000000.0,
                ),
            },
        ),
        slo: Slo {
            latency: [],
            dropped: None,
        },
        simulation: Simulation {
            duration: Seconds(
                60.0,
            ),
            warm_up: None,
            replications: 5,
            precision: None,
            seed: 42,
            mode: Auto,
            start: Steady,
        },
    }
    "#);
}

#[test]
fn every_key_is_read() {
    insta::assert_debug_snapshot!(scenario(FULL), @r#"
    Scenario {
        name: "chat-10k",
        users: 10000,
        workload: Workload {
            connections_per_user: 1,
            message_rate: Rate(
                1.0,
            ),
            message_size: Constant(
                1000.0,
            ),
            arrivals: Batch(
                Geometric(
                    2.0,
                ),
            ),
            fan_out: Echo,
            heartbeat: Some(
                Seconds(
                    30.0,
                ),
            ),
            session: Some(
                Exponential {
                    mean: 1200.0,
                },
            ),
            reconnect: Some(
                Reconnect {
                    backoff: Exponential {
                        base: Seconds(
                            1.0,
                        ),
                        cap: Seconds(
                            30.0,
                        ),
                    },
                    jitter: false,
                },
            ),
        },
        protocol: Protocol {
            tls: false,
        },
        link: Link {
            kind: Loopback,
            mtu: Bytes(
                65536.0,
            ),
        },
        latency: Latency {
            client: LogNormal {
                mu: -4.023594781085251,
                sigma: 0.47238072707743883,
            },
            server: Constant(
                0.0,
            ),
        },
        servers: Servers {
            count: Some(
                3,
            ),
            cores: 8,
            dispatch: PerCore,
            discipline: Fifo,
            memory: Bytes(
                8589934592.0,
            ),
            network: None,
            comfortable_connections: 3872.983346207417,
            connection_limit: None,
            cpu: Cpu {
                per_wakeup: Constant(
                    4.4e-5,
                ),
                per_message: Constant(
                    8.94427190999916e-6,
                ),
                per_kb: Gamma {
                    shape: 0.25,
                    scale: 4e-6,
                },
                per_delivery: Constant(
                    1.2e-5,
                ),
                per_connect: Constant(
                    5e-5,
                ),
                per_heartbeat: Constant(
                    5e-6,
                ),
                per_cache_miss: Constant(
                    0.0,
                ),
            },
            queue_limit: Some(
                10,
            ),
            patience: Some(
                Exponential {
                    mean: 1.0,
                },
            ),
            memory_per_connection: Bytes(
                20480.0,
            ),
            target_utilisation: Ratio(
                0.7,
            ),
            spare: 1,
        },
        balancer: Balancer {
            policy: ConsistentHash {
                virtual_nodes: 200,
            },
            unit: Connection,
        },
        logs: Some(
            Logs {
                bytes_per_message: Bytes(
                    1000.0,
                ),
                replication: 2,
                compression: 4.0,
                retention: Seconds(
                    604800.0,
                ),
                disk_write: ByteRate(
                    200000000.0,
                ),
                disk: Bytes(
                    4000000000000.0,
                ),
            },
        ),
        slo: Slo {
            latency: [
                (
                    None,
                    Seconds(
                        0.05,
                    ),
                ),
                (
                    Some(
                        0.99,
                    ),
                    Seconds(
                        0.2,
                    ),
                ),
            ],
            dropped: Some(
                Ratio(
                    0.001,
                ),
            ),
        },
        simulation: Simulation {
            duration: Seconds(
                60.0,
            ),
            warm_up: Some(
                Seconds(
                    5.0,
                ),
            ),
            replications: 5,
            precision: Some(
                Ratio(
                    0.02,
                ),
            ),
            seed: 42,
            mode: EveryMessage,
            start: Ramp(
                Seconds(
                    30.0,
                ),
            ),
        },
    }
    "#);
}

/// No key of the table goes unread, and none is read that is not in it: giving each key another value than its
/// default changes the scenario, and the debug build checks each reading.
#[test]
fn every_key_changes_something() {
    let base = document(SHORTEST);
    let mut unread = Vec::new();
    for key in keys::KEYS {
        let mut given = base.clone();
        let value = match key.kind {
            _ if key.path == "servers.connections.limit" => "7_777",
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
            keys::Kind::Random(_) => "{exponential: 7 s}",
            keys::Kind::Text => "seven",
            keys::Kind::Sweep => continue,
            keys::Kind::Words => match key.words.iter().find(|word| keys::Default::Yaml(word) != key.default) {
                Some(word) => *word,
                // A section, or a key with one word only.
                None => continue,
            },
        };
        if key.path == "balancer.virtual_nodes" {
            given.set("balancer.policy=consistent-hash").unwrap();
        }
        given.set(&format!("{}={value}", key.path)).unwrap_or_else(|e| panic!("{e}"));
        match given.resolve() {
            Ok(scenario) if scenario == base.resolve().unwrap() => unread.push(key.path),
            Ok(_) => {}
            Err(e) => panic!("{e}"),
        }
    }
    assert!(unread.is_empty(), "{unread:?}");
}

#[test]
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
            "users: 5\nworkload: {message: {rate: 1/s, arrivals: {mmpp: {rates: [1/s]}}}, fan_out: {room: 50}, profile: diurnal}\nbroker: kafka\nsharding: {by: region}\nfaults: [{at: 30 s}]\nprotocol: {encoding: binary, compression: deflate}\nlogs: {tiers: [a]}\ncdn: {hit: 90 %}\n",
        ),
        (
            "not modelled either",
            "users: 5\nworkload: {message: {rate: 1/s}, fan_out: broadcast}\nbroker: {kind: redis}\nautoscaler: cpu",
        ),
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
            "in a bad sweep",
            "users: 5\nworkload: {message: {rate: 1/s}}\nsweep: {usres: [1], users: 5, name: [a], workload.message.rate: []}",
        ),
        ("dotted key", "users: 5\nworkload: {message: {rate: 1/s}}\nservers.cores: 8"),
        ("three at once", "users: 10,000\nworkload:\n  message: {rate: 1 KB, size: 1 Kb}\nservers:\n  memory: 8\n"),
    ] {
        let _ = writeln!(out, "## {what}\n{}\n", errors(yaml));
    }
    insta::assert_snapshot!(out, @r#"
    ## nothing
    error: there is nothing in x.yaml
       = help: `plimsoll new NAME` writes a scenario to start from

    ## a list
    error: a scenario is a section: keys and their values
      --> x.yaml:1:1
       |
     1 | [1, 2]
       | ^
       = help: it begins like `users: 10_000`; `plimsoll new NAME` writes one to start from

    ## no users
    error: `users` is missing
      --> x.yaml:1:1
       |
     1 | workload: {message: {rate: 1/s}}
       | ^^^^^^^^
       = help: add it, for example `users: 10_000`

    ## no rate
    error: `workload.message.rate` is missing
      --> x.yaml:2:12
       |
     2 | workload: {message: {size: 1 KB}}
       |            ^^^^^^^
       = help: add it, for example `workload: {message: {rate: 1/s}}`

    ## no workload
    error: `workload.message.rate` is missing
      --> x.yaml:1:1
       |
     1 | users: 5
       | ^^^^^
       = help: add it, for example `workload: {message: {rate: 1/s}}`

    ## unknown key
    error: there is no key `user`
      --> x.yaml:1:1
       |
     1 | user: 5
       | ^^^^
       = help: did you mean `users`?

    ## unknown key below
    error: there is no key `mesage` in `workload`
      --> x.yaml:3:3
       |
     3 |   mesage: {rate: 1/s}
       |   ^^^^^^
       = help: did you mean `message`?

    ## key elsewhere
    error: there is no key `rate` in `workload`
      --> x.yaml:2:12
       |
     2 | workload: {rate: 1/s, message: {rate: 1/s}}
       |            ^^^^
       = help: `rate` belongs in `workload.message`

    error: there is no key `cores`
      --> x.yaml:3:1
       |
     3 | cores: 4
       | ^^^^^
       = help: `cores` belongs in `servers`

    ## no unit
    error: `rate` needs a unit
      --> x.yaml:2:28
       |
     2 | workload: {message: {rate: 1}}
       |                            ^ a plain number
       = help: write a rate, such as `1/s`, `30/min` or `0.03/s`

    ## ambiguous unit
    error: `memory` has an ambiguous unit
      --> x.yaml:3:21
       |
     3 | servers: {memory: 8 Gb}
       |                     ^^ `Gb`
       = help: `Gb` could be gigabits or gigabytes: write `Gbit` or `GB`

    ## negative
    error: `users` can't be negative
      --> x.yaml:1:8
       |
     1 | users: -5
       |        ^^ less than zero
       = help: write a number, such as `10`, `10_000`, `10k` or `1M`

    ## NaN
    error: `users` must be a finite number
      --> x.yaml:1:8
       |
     1 | users: .nan
       |        ^^^^
       = help: write a number, such as `10`, `10_000`, `10k` or `1M`

    ## zero rate
    error: `rate` must be more than zero
      --> x.yaml:2:28
       |
     2 | workload: {message: {rate: 0/s}}
       |                            ^^^

    ## huge
    error: `users` can be at most 10,000,000,000
      --> x.yaml:1:8
       |
     1 | users: 1e300
       |        ^^^^^

    ## overflow
    error: `users` is too large a number
      --> x.yaml:1:8
       |
     1 | users: 1e999
       |        ^^^^^
       = help: write a number, such as `10`, `10_000`, `10k` or `1M`

    ## half a user
    error: `users` must be a whole number
      --> x.yaml:1:8
       |
     1 | users: 1.5
       |        ^^^

    ## zero users
    error: `users` must be at least 1
      --> x.yaml:1:8
       |
     1 | users: 0
       |        ^

    ## nothing given
    error: `users` needs a value
      --> x.yaml:1:1
       |
     1 | users:
       | ^^^^^ nothing follows
       = help: it takes a whole number, such as `10` or `10_000`

    ## a list
    error: `users` can't be a list
      --> x.yaml:1:8
       |
     1 | users: [5]
       |        ^ a list
       = help: it takes a whole number, such as `10` or `10_000`

    ## a section
    error: `rate` can't be a section
      --> x.yaml:2:28
       |
     2 | workload: {message: {rate: {per: s}}}
       |                            ^ a section
       = help: it takes a rate, such as `1/s`, `30/min` or `0.03/s`

    ## no section
    error: `workload` is a section
      --> x.yaml:2:11
       |
     2 | workload: 3
       |           ^ a single value
       = help: it takes a section with `connections_per_user`, `message`, `fan_out`, `heartbeat`,
               `session`, `reconnect`, `timeout` or `profile`

    ## a wrong word
    error: `policy` can't be `least_connection`
      --> x.yaml:3:20
       |
     3 | balancer: {policy: least_connection}
       |                    ^^^^^^^^^^^^^^^^
       = help: did you mean `least-connections`?

    ## auto misspelt
    error: `count` can't be `atuo`
      --> x.yaml:3:18
       |
     3 | servers: {count: atuo}
       |                  ^^^^
       = help: did you mean `auto`?

    ## yes
    error: `tls` can't be `yes`
      --> x.yaml:3:17
       |
     3 | protocol: {tls: yes}
       |                 ^^^
       = help: it takes `true` or `false`

    ## 70
    error: `target_utilisation` can be at most 100 %
      --> x.yaml:3:31
       |
     3 | servers: {target_utilisation: 70}
       |                               ^^ this is 7,000 %
       = help: did you mean `70 %`? A plain number is a share: 1 is all of it

    ## uncertain cores
    error: `cores` can't be uncertain: it is yours to choose
      --> x.yaml:3:18
       |
     3 | servers: {cores: 2..4}
       |                  ^^^^ an interval
       = help: write one figure

    ## uncertain promise
    error: `p99` can't be uncertain: a promise has one figure
      --> x.yaml:3:22
       |
     3 | slo: {latency: {p99: 1..2 s}}
       |                      ^^^^^^ an interval
       = help: write one figure

    ## not modelled
    error: `arrivals: mmpp` is not modelled yet
      --> x.yaml:2:44
       |
     2 | …essage: {rate: 1/s, arrivals: {mmpp: {rates: [1/s]}}}, fan_out: {room: 50}, profile: diurnal…
       |                                 ^^^^
       = help: for now it takes `poisson` or `periodic`, or a section with `batch`

    error: `fan_out: room` is not modelled yet
      --> x.yaml:2:77
       |
     2 | …pp: {rates: [1/s]}}}, fan_out: {room: 50}, profile: diurnal}
       |                                 ^
       = help: for now it takes `echo` or `none`

    error: `profile: diurnal` is not modelled yet
      --> x.yaml:2:98
       |
     2 | … fan_out: {room: 50}, profile: diurnal}
       |                                 ^^^^^^^
       = help: for now it takes `steady`

    error: `broker: kafka` is not modelled yet
      --> x.yaml:3:9
       |
     3 | broker: kafka
       |         ^^^^^
       = help: for now it takes `none`

    error: `sharding` is not modelled yet
      --> x.yaml:4:11
       |
     4 | sharding: {by: region}
       |           ^
       = help: for now it takes `none`

    error: `faults` is not modelled yet
      --> x.yaml:5:9
       |
     5 | faults: [{at: 30 s}]
       |         ^
       = help: for now it takes `none`

    error: `encoding: binary` is not modelled yet
      --> x.yaml:6:22
       |
     6 | protocol: {encoding: binary, compression: deflate}
       |                      ^^^^^^
       = help: for now it takes `json`

    error: `compression: deflate` is not modelled yet
      --> x.yaml:6:43
       |
     6 | protocol: {encoding: binary, compression: deflate}
       |                                           ^^^^^^^
       = help: for now it takes `none`

    error: `logs.tiers` is not modelled yet
      --> x.yaml:7:15
       |
     7 | logs: {tiers: [a]}
       |               ^
       = help: for now it takes `none`

    error: `cdn` is not modelled yet
      --> x.yaml:8:6
       |
     8 | cdn: {hit: 90 %}
       |      ^
       = help: for now it takes `none`

    ## not modelled either
    error: `fan_out: broadcast` is not modelled yet
      --> x.yaml:2:43
       |
     2 | workload: {message: {rate: 1/s}, fan_out: broadcast}
       |                                           ^^^^^^^^^
       = help: for now it takes `echo` or `none`

    error: `broker` is not modelled yet
      --> x.yaml:3:9
       |
     3 | broker: {kind: redis}
       |         ^
       = help: for now it takes `none`

    error: `autoscaler: cpu` is not modelled yet
      --> x.yaml:4:13
       |
     4 | autoscaler: cpu
       |             ^^^
       = help: for now it takes `none`

    ## quoted
    error: `users` has an unknown unit
      --> x.yaml:1:10
       |
     1 | users: "5x"
       |          ^ `x`
       = help: write a number, such as `10`, `10_000`, `10k` or `1M`

    error: `rate` needs a rate, not a time
      --> x.yaml:2:31
       |
     2 | workload: {message: {rate: '1 s'}}
       |                               ^ a time
       = help: once every 1 s is `1/s`

    ## distributions
    error: there is no distribution `exponentail`
      --> x.yaml:3:20
       |
     3 | latency: {client: {exponentail: 5 ms}, server: {lognormal: {mean: 0 ms, cv: 0.5}}}
       |                    ^^^^^^^^^^^
       = help: did you mean `exponential`?

    error: `mean` must be more than zero
      --> x.yaml:3:67
       |
     3 | latency: {client: {exponentail: 5 ms}, server: {lognormal: {mean: 0 ms, cv: 0.5}}}
       |                                                                   ^^^^

    error: `uniform` is no distribution: low must be less than high
      --> x.yaml:4:26
       |
     4 | servers: {cpu: {per_kb: {uniform: {low: 5 us, high: 2 us}}, per_message: {erlang: {mean: 9 u…
       |                          ^^^^^^^
       = help: write it like `{uniform: {low: LOW, high: HIGH}}`

    error: `k` must be a whole number
      --> x.yaml:4:99
       |
     4 | …sage: {erlang: {mean: 9 us, k: 1.5}}, per_wakeup: {gamma: {mean: 4 us, sd: 2}}, per_connect:…
       |                                 ^^^

    error: `gamma` has no `sd`
      --> x.yaml:4:139
       |
     4 | …r_wakeup: {gamma: {mean: 4 us, sd: 2}}, per_connect: {}, per_delivery: {hyperexponential: {p…
       |                                 ^^
       = help: write it like `{gamma: {mean: MEAN, cv: 0.5}}`

    error: `per_connect` needs a distribution
      --> x.yaml:4:161
       |
     4 | …n: 4 us, sd: 2}}, per_connect: {}, per_delivery: {hyperexponential: {probabilities: [0.5, 0.…
       |                                 ^
       = help: write one of `{exponential: MEAN}`, `{lognormal: {mean: MEAN, cv: 0.5}}`, `{gamma: {mean:
               MEAN, cv: 0.5}}`, `{erlang: {mean: MEAN, k: 2}}`, `{uniform: {low: LOW, high: HIGH}}`,
               `{hyperexponential: {probabilities: [0.9, 0.1], means: [MEAN, MEAN]}}` or `{empirical:
               file.csv}`

    error: `hyperexponential` is no distribution: probabilities must lie between 0 and 1 and add up to 1
      --> x.yaml:4:180
       |
     4 | …er_connect: {}, per_delivery: {hyperexponential: {probabilities: [0.5, 0.4], means: [1 us, 2…
       |                                 ^^^^^^^^^^^^^^^^
       = help: write it like `{hyperexponential: {probabilities: [0.9, 0.1], means: [MEAN, MEAN]}}`

    error: `per_heartbeat` can have one distribution only
      --> x.yaml:4:264
       |
     4 | …[1 us, 2 us]}}, per_heartbeat: {exponential: 5, empirical: x.csv}, per_cache_miss: {empirica…
       |                                 ^
       = help: write one of `{exponential: MEAN}`, `{lognormal: {mean: MEAN, cv: 0.5}}`, `{gamma: {mean:
               MEAN, cv: 0.5}}`, `{erlang: {mean: MEAN, k: 2}}`, `{uniform: {low: LOW, high: HIGH}}`,
               `{hyperexponential: {probabilities: [0.9, 0.1], means: [MEAN, MEAN]}}` or `{empirical:
               file.csv}`

    error: `x.csv` can't be read: no such file
      --> x.yaml:4:328
       |
     4 | …}, per_cache_miss: {empirical: x.csv}}}
       |                                 ^^^^^
       = help: a file is looked for beside the scenario

    ## contradictions
    error: `cap` is less than the first wait
      --> x.yaml:2:69
       |
     2 | workload: {message: {rate: 1/s}, reconnect: {backoff: {exponential: 60 s}}}
       |                                                                     ^^^^
       = help: the cap is the longest wait

    error: `limit` (2,000) is less than `comfortable` (3,873)
      --> x.yaml:3:32
       |
     3 | servers: {connections: {limit: 2_000}, discipline: ps, patience: 1 s, queue: {patience: 2 s}}
       |                                ^^^^^
       = help: a server refuses connections past its limit, so it can't be comfortable with more

    error: `discipline: ps` can't be together with `patience`
      --> x.yaml:3:52
       |
     3 | servers: {connections: {limit: 2_000}, discipline: ps, patience: 1 s, queue: {patience: 2 s}}
       |                                                    ^^
       = help: with `ps` every message is served at once, so none waits and gives up; use `fifo`

    error: `patience` is given twice
      --> x.yaml:3:66
       |
     3 | servers: {connections: {limit: 2_000}, discipline: ps, patience: 1 s, queue: {patience: 2 s}}
       |                                                                  ^^^
       = help: keep `servers.patience` only

    error: `virtual_nodes` has no meaning without `policy: consistent-hash`
      --> x.yaml:4:27
       |
     4 | balancer: {virtual_nodes: 10}
       |                           ^^
       = help: leave it out, or set the policy

    error: `warm_up` must be shorter than `duration`
      --> x.yaml:5:23
       |
     5 | simulation: {warm_up: 2 min}
       |                       ^^^^^
       = help: the warm-up is a part of the duration, left out of the results

    ## in a bad sweep
    error: there is no key `usres`
      --> x.yaml:3:9
       |
     3 | sweep: {usres: [1], users: 5, name: [a], workload.message.rate: []}
       |         ^^^^^
       = help: did you mean `users`?

    error: `users` needs a list of values here
      --> x.yaml:3:28
       |
     3 | sweep: {usres: [1], users: 5, name: [a], workload.message.rate: []}
       |                            ^
       = help: write it like `users: [100, 10k, 1M]`

    error: `name` can't be varied
      --> x.yaml:3:31
       |
     3 | sweep: {usres: [1], users: 5, name: [a], workload.message.rate: []}
       |                               ^^^^

    error: `workload.message.rate` needs a list of values here
      --> x.yaml:3:65
       |
     3 | sweep: {usres: [1], users: 5, name: [a], workload.message.rate: []}
       |                                                                 ^
       = help: write it like `workload.message.rate: [100, 10k, 1M]`

    ## dotted key
    error: there is no key `servers.cores`
      --> x.yaml:3:1
       |
     3 | servers.cores: 8
       | ^^^^^^^^^^^^^
       = help: write it in sections: `servers: {cores: …}`

    ## three at once
    error: `users` groups its digits in a way that is not read
      --> x.yaml:1:10
       |
     1 | users: 10,000
       |          ^ a comma
       = help: write `10_000`, or `10k`: a comma separates the items of a list

    error: `rate` needs a rate, not an amount of data
      --> x.yaml:3:21
       |
     3 |   message: {rate: 1 KB, size: 1 Kb}
       |                     ^^ an amount of data
       = help: write a rate, such as `1/s`, `30/min` or `0.03/s`

    error: `size` has an ambiguous unit
      --> x.yaml:3:33
       |
     3 |   message: {rate: 1 KB, size: 1 Kb}
       |                                 ^^ `Kb`
       = help: `Kb` could be kilobits or kilobytes: write `kbit` or `KB`

    error: `memory` needs a unit
      --> x.yaml:5:11
       |
     5 |   memory: 8
       |           ^ a plain number
       = help: write an amount of data, such as `200 B`, `1 KB`, `8 GiB` or `4 TB`
    "#);
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
        "broker=kafka",
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
    insta::assert_snapshot!(out, @r"
    error: `--set` needs a key and a value
      --> the command line
       |
       | --set users
       |       ^^^^^
       = help: write it like `--set workload.message.rate=2/s`

    error: there is no key `usres`
      --> the command line
       |
       | --set usres=5
       |       ^^^^^
       = help: did you mean `users`?

    error: there is no key `mesage` in `workload`
      --> the command line
       |
       | --set workload.mesage.rate=2/s
       |                ^^^^^^
       = help: did you mean `message`?

    error: a name is missing in this path
      --> the command line
       |
       | --set workload..rate=2/s
       |                ^
       = help: a path is like `workload.message.rate`

    error: a name is missing in this path
      --> the command line
       |
       | --set =5
       |       ^
       = help: a path is like `workload.message.rate`

    error: there is no key `x` in `servers.cores`
      --> the command line
       |
       | --set servers.cores.x=5
       |                     ^
       = help: it has no keys of its own

    error: `rate` needs a unit
      --> the command line
       |
       | --set workload.message.rate=2
       |                             ^ a plain number
       = help: write a rate, such as `1/s`, `30/min` or `0.03/s`

    error: `users` needs a value
      --> the command line
       |
       | --set users=
       |       ^^^^^ nothing follows
       = help: it takes a whole number, such as `10` or `10_000`

    error: this is not YAML: unclosed bracket '['
      --> the command line
       |
       | --set users=[
       |             ^

    error: there is no distribution `exponentail`
      --> the command line
       |
       | --set latency.client.exponentail=5 ms
       |                      ^^^^^^^^^^^
       = help: did you mean `exponential`?

    error: `broker: kafka` is not modelled yet
      --> the command line
       |
       | --set broker=kafka
       |              ^^^^^
       = help: for now it takes `none`

    error: there is no key `fan_out`
      --> the command line
       |
       | --set fan_out=echo
       |       ^^^^^^^
       = help: `fan_out` belongs in `workload`

    error: `fan_out: room` is not modelled yet
      --> the command line
       |
       | --set workload.fan_out.room=50
       |                        ^^^^
       = help: for now it takes `echo` or `none`

    error: there is more than one document
      --> the command line
       |
       | 2
       | ^
       = help: keep one scenario to a file, without a `---` line

    error: `users` can't be negative
      --> the command line
       |
       | --users -5
       |         ^^ less than zero
       = help: write a number, such as `10`, `10_000`, `10k` or `1M`

    error: `--vary` needs a key and its values
      --> the command line
       |
       | --vary users
       |        ^^^^^
       = help: write it like `--vary users=100,10k,1M`

    error: there is no key `usres`
      --> the command line
       |
       | --vary usres=1,2
       |        ^^^^^
       = help: did you mean `users`?

    error: a value is missing
      --> the command line
       |
       | --vary users=1,,2
       |                ^
       = help: write it like `--vary users=100,10k,1M`

    error: `sweep` can't be varied
      --> the command line
       |
       | --vary sweep=1
       |        ^^^^^

    error: a value is missing
      --> the command line
       |
       | --vary users=
       |              ^
       = help: write it like `--vary users=100,10k,1M`

    error: `name` can't be varied
      --> the command line
       |
       | --vary name=a,b
       |        ^^^^
    ");
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
    let mut paths: Vec<_> = inputs.iter().map(|input| input.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["servers.connections.comfortable", "servers.cpu.per_message"]);
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
    wide.set("servers.connections.limit=4_500").unwrap();
    for q in [1e-9, 0.01, 0.5, 0.99, 1.0 - 1e-9] {
        let world = wide.resolve_world(&move |path| if path.ends_with("high") { 1.0 - q } else { q }).unwrap();
        assert!(world.users >= 1 && world.servers.target_utilisation.get() <= 1.0);
        assert!(world.servers.comfortable_connections <= 4_500.0);
    }
}

#[test]
fn the_hash_is_of_what_is_said() {
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
