//! A scenario to start from: what `plimsoll new` writes.
//!
//! It is made from the table of keys, so that it explains every key and never says anything outdated.

use std::fmt::Write as _;

use super::keys::{self, Default, Key, Kind};

/// How much a new scenario explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// The keys that most people change.
    Short,
    /// Every key, with its default.
    Full,
}

/// What a short one has; sections come with their keys.
const SHORT: [&str; 21] = [
    "name",
    "users",
    "workload",
    "workload.message",
    "workload.message.rate",
    "workload.message.size",
    "workload.fan_out",
    "workload.heartbeat",
    "latency",
    "latency.client",
    "servers",
    "servers.count",
    "servers.cores",
    "servers.memory",
    "servers.network",
    "servers.connections",
    "servers.connections.comfortable",
    "servers.connections.limit",
    "simulation",
    "simulation.duration",
    "simulation.seed",
];
/// Column of the comments.
const COMMENT: usize = 44;

/// The text of a new scenario.
pub fn template(kind: Template, name: &str) -> String {
    let mut out = String::from(
        "# A Plimsoll scenario. `plimsoll estimate` and `plimsoll simulate` tell what it takes to carry this load.\n\
         # Every figure has a unit or is a plain number. One you are not sure of is an interval: 3_000..5_000 holds\n\
         # the truth with 90 % probability. A figure that varies is a distribution: {exponential: 20 ms}.\n\n",
    );
    section("", kind, name, 0, &mut out);
    if kind == Template::Short {
        out.push_str("\n# There is more: `plimsoll schema` has every key.\n");
    }
    out
}

fn section(path: &str, kind: Template, name: &str, depth: usize, out: &mut String) {
    for key in keys::children(path) {
        if kind == Template::Short && !SHORT.contains(&key.path) {
            continue;
        }
        let mut line = format!("{:indent$}{}:", "", key.name(), indent = 2 * depth);
        let value = value(key, name);
        let opens = value == "{}" && key.is_section();
        if !opens {
            let _ = write!(line, " {value}");
        }
        // What a file need not say is shown, but not said.
        let silent =
            matches!(key.default, Default::Absent) && key.kind != Kind::Text || key.path == "balancer.virtual_nodes";
        if silent || is_later(key) {
            line = format!("{:indent$}# {}", "", line.trim_start(), indent = 2 * depth);
        }
        let _ = writeln!(out, "{line:COMMENT$}  # {}", comment(key));
        if opens {
            section(key.path, kind, name, depth + 1, out);
        }
    }
}

/// Whether there is nothing to choose yet.
fn is_later(key: &Key) -> bool {
    key.words.len() == 1 && key.later.contains(&"*") && !key.is_section()
}

fn value(key: &Key, name: &str) -> String {
    match (key.path, key.default) {
        ("name", _) => quoted(name),
        // A plain figure where a section would say the same.
        ("workload.heartbeat", _) => "{every: 30 s}".to_owned(),
        ("slo.dropped", _) => "0.1 %".to_owned(),
        ("servers.queue.patience", _) => "{exponential: 1 s}".to_owned(),
        ("sweep", _) => "{users: [100, 10k, 1M, 100M]}".to_owned(),
        ("workload.message.rate", _) => "1/s".to_owned(),
        ("users", _) => "10_000".to_owned(),
        (_, Default::Yaml(text)) => text.to_owned(),
        (_, Default::Absent | Default::Required(_)) => "200 ms".to_owned(),
    }
}

/// A name that YAML would read as something else, or not at all, gets quotes.
fn quoted(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_alphanumeric())
        && name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
    if plain && !matches!(name, "null" | "true" | "false") { name.to_owned() } else { format!("{name:?}") }
}

fn comment(key: &Key) -> String {
    let mut comment = key.doc.to_owned();
    // The words that the line does not mention yet.
    let others: Vec<_> = key
        .words
        .iter()
        .filter(|word| Default::Yaml(word) != key.default && !key.doc.contains(**word))
        .copied()
        .collect();
    if is_later(key) {
        comment.push_str(" Not modelled yet.");
    } else if !others.is_empty() {
        let _ = write!(comment, " Or {}.", others.join(", "));
    }
    if key.source.starts_with("measured") {
        comment.push_str(" Measured; calibrate for yours.");
    } else if key.source.starts_with("assumption") {
        comment.push_str(" Assumed.");
    }
    comment
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Document;

    #[test]
    fn they_resolve() {
        let none = |_: &str| Err(std::io::Error::other("no files"));
        for kind in [Template::Short, Template::Full] {
            for name in ["chat", "a: b \"c\"", "日本", "null", "# x"] {
                let text = template(kind, name);
                let scenario =
                    Document::parse("x.yaml", text.as_bytes(), &none).and_then(|document| document.resolve());
                let scenario = scenario.unwrap_or_else(|e| panic!("{e}\n{text}"));
                assert_eq!(scenario.name, name);
            }
        }
    }

    #[test]
    fn the_full_one_has_every_key() {
        let text = template(Template::Full, "chat");
        for key in keys::KEYS {
            // Keys of variants that are not the default (a ramp, a batch) are in the schema only.
            let variant = key.path.rsplit_once('.').and_then(|(parent, _)| keys::find(parent));
            if variant.is_none_or(|parent| parent.default == Default::Yaml("{}")) {
                assert!(text.contains(&format!("{}:", key.name())), "{}", key.path);
            }
        }
        insta::assert_snapshot!(text, @r"
        # A Plimsoll scenario. `plimsoll estimate` and `plimsoll simulate` tell what it takes to carry this load.
        # Every figure has a unit or is a plain number. One you are not sure of is an interval: 3_000..5_000 holds
        # the truth with 90 % probability. A figure that varies is a distribution: {exponential: 20 ms}.

        name: chat                                    # What the scenario is called.
        users: 10_000                                 # Users online at the same time, at the peak.
        workload:                                     # What the users do.
          connections_per_user: 1                     # Connections each user holds.
          message:                                    # The messages that users send.
            rate: 1/s                                 # Messages a user sends.
            size: 1 KB                                # Payload of a message. Assumed.
            arrivals: poisson                         # How a user's messages come: poisson, periodic, or {batch: {size: 4}}.
          fan_out: echo                               # Who gets a message: its sender (echo), or nobody (none).
          heartbeat: {every: 30 s}                    # Pings that keep a connection open: {every: 30 s}, or none.
          session: none                               # How long connections last: {length: 20 min}; with none, the whole run.
          reconnect:                                  # What a user does whose connection was refused or dropped. Or none.
            backoff:                                  # Wait before trying again: none, a time, or growing as here.
              exponential: 1 s                        # The first wait; each further one is twice as long.
              cap: 30 s                               # The longest wait.
            jitter: full                              # Whether the wait is drawn from zero to the back-off. Or none.
          # timeout: none                             # How long a user waits for an answer. Not modelled yet.
          # profile: steady                           # How the load changes over the day. Not modelled yet.
        protocol:                                     # How messages are framed.
          encoding: json                              # How a message is written.
          # compression: none                         # How frames are compressed. Not modelled yet.
          tls: true                                   # Whether connections are encrypted (TLS 1.3). Or false.
        link:                                         # What a frame costs on the wire.
          kind: ethernet                              # What is below IP. Or loopback.
          mtu: 1500 B                                 # Largest IP packet.
        latency:                                      # One-way delays of the network.
          client: 20 ms                               # Between a user and the service. Assumed.
          server: 250 us                              # Between two machines. Assumed.
        servers:                                      # The server tier.
          count: auto                                 # How many there are; auto: as many as are needed.
          cores: 4                                    # CPU cores of one server. Assumed.
          dispatch: shared                            # One queue for all cores, or each core its own (per-core).
          discipline: fifo                            # First come, first served; or all at once, sharing (ps).
          memory: 8 GiB                               # Memory of one server. Assumed.
          network: 1 Gbit/s                           # Network speed of one server, each way. Or unlimited. Assumed.
          connections:                                # Connections of one server.
            comfortable: 3_000..5_000                 # What to plan for.
            limit: 20_000                             # What the server refuses past. Or unlimited. Assumed.
          cpu:                                        # What things cost the CPU, in time of one core.
            per_wakeup: 44 us                         # On top, for a message that finds its core idle. Measured; calibrate for yours.
            per_message: 9 us                         # For each message. Measured; calibrate for yours.
            per_kb: 1 us                              # For each KB of its payload. Measured; calibrate for yours.
            per_delivery: 12 us                       # For each copy handed to another user. Measured; calibrate for yours.
            per_connect: 50 us                        # For each connection attempt. Measured; calibrate for yours.
            per_heartbeat: 5 us                       # For each heartbeat. Measured; calibrate for yours.
            per_cache_miss: 15 us                     # On top, for a message whose connection is not in the CPU's cache. Assumed.
          queue: unlimited                            # The queue for the CPU; with {limit: 10}, more messages are dropped.
          patience: none                              # How long a message waits for the CPU before it is given up.
          memory_per_connection: 20 KiB               # Memory that an open connection holds. Assumed.
          target_utilisation: 70 %                    # Share of CPU, network and memory to plan for.
          spare: 0                                    # Servers on top of those needed (the k of N+k).
        balancer:                                     # How load is spread over the servers.
          policy: least-connections                   # Which server is next. Or random, round-robin, consistent-hash.
          unit: connection                            # What is spread: each connection, or each message.
          # virtual_nodes: 100                        # Points of a server on the hash ring, for consistent-hash only.
        # sharding: none                              # How users are divided among fleets. Not modelled yet.
        # broker: none                                # What carries messages between servers. Not modelled yet.
        # cache: none                                 # What is kept in memory. Not modelled yet.
        # cdn: none                                   # What serves static files. Not modelled yet.
        # regions: none                               # Where in the world servers are. Not modelled yet.
        # zones: none                                 # Which servers fail together. Not modelled yet.
        logs:                                         # The log store, where messages are logged. Or none.
          bytes_per_message: 1 KB                     # Bytes appended for each message.
          replication: 1                              # Copies kept.
          compression: none                           # How many times smaller logs get: none, or a number such as 4.
          retention: 7 days                           # How long logs are kept. Assumed.
          # tiers: none                               # Where older logs go. Not modelled yet.
          disk_write: 200 MB/s                        # What one disk takes in. Assumed.
          disk: 4 TB                                  # What one disk holds. Assumed.
        slo:                                          # What is promised to users; nothing, where it is empty.
          latency:                                    # Most time from sending a message to receiving it.
            # mean: 200 ms                            # On average.
            # p50: 200 ms                             # For 50 % of messages.
            # p90: 200 ms                             # For 90 % of messages.
            # p95: 200 ms                             # For 95 % of messages.
            # p99: 200 ms                             # For 99 % of messages.
            # p999: 200 ms                            # For 99.9 % of messages.
          # dropped: 0.1 %                            # The largest share of messages that may be lost.
        # faults: none                                # What breaks, and when. Not modelled yet.
        # autoscaler: none                            # What adds and removes servers. Not modelled yet.
        # sweep: {users: [100, 10k, 1M, 100M]}        # What `plimsoll sweep` varies: paths of keys, each with a list of values.
        simulation:                                   # How the simulation is run.
          duration: 60 s                              # Simulated time of one replication, warm-up included.
          warm_up: auto                               # What is left out at the start; auto: found from the run.
          replications: 5                             # Independent repetitions.
          precision: none                             # Repeat until the mean is known this well: none, or 2 %.
          seed: 42                                    # The seed of all random numbers.
          mode: auto                                  # Every message of every server, or some servers in full. Or every-message, sampled.
          start: steady                               # All users connected (steady), nobody (empty), or {ramp: 30 s}.
        ");
    }

    #[test]
    fn the_short_one() {
        insta::assert_snapshot!(template(Template::Short, "chat"), @r"
        # A Plimsoll scenario. `plimsoll estimate` and `plimsoll simulate` tell what it takes to carry this load.
        # Every figure has a unit or is a plain number. One you are not sure of is an interval: 3_000..5_000 holds
        # the truth with 90 % probability. A figure that varies is a distribution: {exponential: 20 ms}.

        name: chat                                    # What the scenario is called.
        users: 10_000                                 # Users online at the same time, at the peak.
        workload:                                     # What the users do.
          message:                                    # The messages that users send.
            rate: 1/s                                 # Messages a user sends.
            size: 1 KB                                # Payload of a message. Assumed.
          fan_out: echo                               # Who gets a message: its sender (echo), or nobody (none).
          heartbeat: {every: 30 s}                    # Pings that keep a connection open: {every: 30 s}, or none.
        latency:                                      # One-way delays of the network.
          client: 20 ms                               # Between a user and the service. Assumed.
        servers:                                      # The server tier.
          count: auto                                 # How many there are; auto: as many as are needed.
          cores: 4                                    # CPU cores of one server. Assumed.
          memory: 8 GiB                               # Memory of one server. Assumed.
          network: 1 Gbit/s                           # Network speed of one server, each way. Or unlimited. Assumed.
          connections:                                # Connections of one server.
            comfortable: 3_000..5_000                 # What to plan for.
            limit: 20_000                             # What the server refuses past. Or unlimited. Assumed.
        simulation:                                   # How the simulation is run.
          duration: 60 s                              # Simulated time of one replication, warm-up included.
          seed: 42                                    # The seed of all random numbers.

        # There is more: `plimsoll schema` has every key.
        ");
    }
}
