//! Which levers there are, group by group, in the order shown.

use super::{Lever, ON, Turn};
use crate::units::parse::Quantity::{self, Bytes, Count, Rate, Ratio, Time};

/// Levers that belong together.
pub type Group = (&'static str, &'static [Lever]);

const fn range(path: &'static str, label: &'static str, quantity: Quantity, low: f64, high: f64) -> Lever {
    Lever { path, label, turn: Turn::Range { quantity, low, high, before: &[], after: &[] }, needs: None }
}

const fn stops(path: &'static str, label: &'static str, quantity: Quantity, stops: &'static [&'static str]) -> Lever {
    Lever { path, label, turn: Turn::Stops(quantity, stops), needs: None }
}

const fn choice(path: &'static str, label: &'static str, words: &'static [(&'static str, &'static str)]) -> Lever {
    Lever { path, label, turn: Turn::Choice(words), needs: None }
}

impl Lever {
    const fn or(mut self, first: &'static [&'static str], last: &'static [&'static str]) -> Self {
        if let Turn::Range { before, after, .. } = &mut self.turn {
            *before = first;
            *after = last;
        }
        self
    }

    const fn needs(mut self, lever: &'static str, words: &'static [&'static str]) -> Self {
        self.needs = Some((lever, words));
        self
    }
}

const AUTO: &[&str] = &["auto"];
const UNLIMITED: &[&str] = &["unlimited"];
const NONE: &[&str] = &["none"];
const LOCALITY: &[&str] =
    &["auto", "0 %", "10 %", "20 %", "30 %", "40 %", "50 %", "60 %", "70 %", "80 %", "90 %", "95 %", "100 %"];
const PERCENT: &[&str] = &[
    "0 %", "5 %", "10 %", "15 %", "20 %", "25 %", "30 %", "35 %", "40 %", "45 %", "50 %", "55 %", "60 %", "65 %",
    "70 %", "75 %", "80 %", "85 %", "90 %", "95 %", "98 %", "99 %", "100 %",
];

/// All levers, by group.
pub static GROUPS: [Group; 9] = [
    (
        "Load",
        &[
            range("users", "Users", Count, 10.0, 1e9),
            range("workload.message.rate", "Messages of a user", Rate, 1e-3, 1e3),
            range("workload.message.size", "Message size", Bytes, 10.0, 1e6),
            range("workload.connections_per_user", "Connections of a user", Count, 1.0, 20.0),
            choice(
                "workload.message.arrivals",
                "Arrivals",
                &[
                    ("poisson", "poisson"),
                    ("periodic", "periodic"),
                    ("batch", "{batch: {size: 4}}"),
                    ("mmpp", ""),
                    ("trace", ""),
                ],
            ),
            choice(
                "workload.fan_out",
                "Fan-out",
                &[
                    ("echo", "echo"),
                    ("direct", "direct"),
                    ("room", "{room: 50}"),
                    ("broadcast", "broadcast"),
                    ("none", "none"),
                ],
            ),
            range("workload.fan_out.room", "Members of a room", Count, 2.0, 1e5).needs("workload.fan_out", &["room"]),
            choice("workload.heartbeat", "Heartbeat", &[("none", "none"), (ON, "{every: 30 s}")]),
            range("workload.heartbeat.every", "Every", Time, 1.0, 1_000.0).needs("workload.heartbeat", &[ON]),
            choice("workload.session", "Sessions end", &[("none", "none"), (ON, "{length: 20 min}")]),
            range("workload.session.length", "Session length", Time, 10.0, 86_400.0).needs("workload.session", &[ON]),
        ],
    ),
    (
        "Servers",
        &[
            range("servers.count", "Servers", Count, 1.0, 1e5).or(AUTO, &[]),
            stops("servers.cores", "Cores", Count, &["1", "2", "4", "8", "16", "32", "48", "64", "96", "128", "192"]),
            stops(
                "servers.memory",
                "Memory",
                Bytes,
                &[
                    "1 GiB", "2 GiB", "4 GiB", "8 GiB", "16 GiB", "32 GiB", "64 GiB", "128 GiB", "256 GiB", "512 GiB",
                    "1 TiB",
                ],
            ),
            stops(
                "servers.network",
                "Network",
                Quantity::BitRate,
                &[
                    "100 Mbit/s",
                    "1 Gbit/s",
                    "2.5 Gbit/s",
                    "5 Gbit/s",
                    "10 Gbit/s",
                    "25 Gbit/s",
                    "50 Gbit/s",
                    "100 Gbit/s",
                    "unlimited",
                ],
            ),
            range("servers.connections.comfortable", "Comfortable connections", Count, 500.0, 1e6),
            range("servers.connections.limit", "Connection limit", Count, 1e3, 1e7).or(&[], UNLIMITED),
            stops("servers.target_utilisation", "Target utilisation", Ratio, PERCENT.split_at(1).1),
            stops("servers.spare", "Spare (N+k)", Count, &["0", "1", "2", "3", "4", "5", "6", "8", "10", "15", "20"]),
            choice("servers.dispatch", "Dispatch", &[("shared", "shared"), ("per-core", "per-core")]),
            choice("servers.discipline", "Discipline", &[("fifo", "fifo"), ("ps", "ps")]),
            range("servers.cpu.per_message", "CPU of a message", Time, 1e-6, 0.1),
            range("servers.cpu.per_delivery", "CPU of a delivery", Time, 1e-6, 0.1),
            range("servers.memory_per_connection", "Memory of a connection", Bytes, 1e3, 1e7),
        ],
    ),
    (
        "Protocol and network",
        &[
            choice("protocol.encoding", "Encoding", &[("json", "json"), ("binary", "binary")]),
            choice("protocol.compression", "Compression", &[("none", "none"), ("deflate", "deflate")]),
            choice("protocol.tls", "TLS", &[("true", "true"), ("false", "false")]),
            range("latency.client", "Latency to users, one way", Time, 1e-4, 1.0),
            range("latency.server", "Latency between servers", Time, 1e-5, 0.5),
        ],
    ),
    (
        "Balancer and sharding",
        &[
            choice(
                "balancer.policy",
                "Policy",
                &[
                    ("least-connections", "least-connections"),
                    ("round-robin", "round-robin"),
                    ("random", "random"),
                    ("consistent-hash", "consistent-hash"),
                ],
            ),
            choice("balancer.unit", "Spreads", &[("connection", "connection"), ("message", "message")]),
            choice("sharding", "Sharding", &[("none", "none"), (ON, "{shards: 8}")]),
            range("sharding.shards", "Shards", Count, 1.0, 1e4).needs("sharding", &[ON]),
            choice("sharding.by", "By", &[("user", "user"), ("region", "region")]).needs("sharding", &[ON]),
            stops("sharding.locality", "Locality", Ratio, LOCALITY).needs("sharding", &[ON]),
            stops("sharding.skew", "Skew", Ratio, PERCENT.split_at(20).0).needs("sharding", &[ON]),
            choice("zones", "Zones", &[("none", "none"), (ON, "{names: 3, tolerate: 1}")]),
            stops("zones.tolerate", "Zones that may be lost", Count, &["0", "1", "2"]).needs("zones", &[ON]),
        ],
    ),
    (
        "Broker",
        &[
            choice(
                "broker",
                "Broker",
                &[
                    ("none", "none"),
                    ("redis", "{kind: redis}"),
                    ("kafka", "{kind: kafka}"),
                    ("nats", "{kind: nats}"),
                    ("own", ""),
                ],
            ),
            range("broker.nodes", "Nodes", Count, 1.0, 1e4).or(AUTO, &[]).needs("broker", BROKERS),
            range("broker.linger", "Linger", Time, 1e-4, 1.0).needs("broker", BROKERS),
            stops("broker.replication", "Replication", Count, &["1", "2", "3", "4", "5"]).needs("broker", BROKERS),
            choice("broker.subscribers", "Copies go to", &[("addressed", "addressed"), ("all", "all")])
                .needs("broker", BROKERS),
        ],
    ),
    (
        "Backend and cache",
        &[
            choice("backend", "Backend", &[("none", "none"), (ON, "{per_query: 1 ms}")]),
            range("backend.per_query", "Time of a query", Time, 1e-5, 1.0).needs("backend", &[ON]),
            range("backend.queries_per_message", "Reads of a message", Count, 0.01, 100.0).needs("backend", &[ON]),
            range("backend.nodes", "Nodes", Count, 1.0, 1e4).or(AUTO, &[]).needs("backend", &[ON]),
            choice("cache", "Cache", &[("none", "none"), (ON, "{objects: 1M, size: 100k}")]).needs("backend", &[ON]),
            choice("cache.where", "Where", &[("server", "server"), ("shared", "shared")]).needs("cache", &[ON]),
            range("cache.objects", "Objects", Count, 10.0, 1e9).needs("cache", &[ON]),
            range("cache.size", "Objects that fit", Count, 10.0, 1e9).needs("cache", &[ON]),
            range("cache.ttl", "Copies expire after", Time, 0.1, 86_400.0).or(&[], NONE).needs("cache", &[ON]),
        ],
    ),
    (
        "CDN and logs",
        &[
            choice("cdn", "CDN", &[("none", "none"), (ON, "{hit_ratio: 95 %}")]),
            stops("cdn.hit_ratio", "Hit ratio", Ratio, PERCENT).needs("cdn", &[ON]),
            range("cdn.bytes_per_session", "Static files of a session", Bytes, 1e3, 1e9).needs("cdn", &[ON]),
            choice("logs", "Logs", &[("none", "none"), (ON, "{}")]),
            range("logs.bytes_per_message", "Bytes of a message", Bytes, 10.0, 1e6).needs("logs", &[ON]),
            stops("logs.replication", "Copies", Count, &["1", "2", "3", "4", "5"]).needs("logs", &[ON]),
            stops("logs.compression", "Times smaller", Count, &["none", "2", "3", "4", "5", "6", "8", "10", "20"])
                .needs("logs", &[ON]),
            stops(
                "logs.retention",
                "Kept for",
                Time,
                &[
                    "1 h", "6 h", "1 day", "2 days", "3 days", "7 days", "14 days", "30 days", "90 days", "180 days",
                    "365 days",
                ],
            )
            .needs("logs", &[ON]),
        ],
    ),
    (
        "Promises and autoscaler",
        &[
            range("slo.latency.p99", "p99 at most", Time, 1e-3, 10.0),
            stops(
                "slo.dropped",
                "Lost at most",
                Ratio,
                &["0 %", "0.001 %", "0.01 %", "0.1 %", "0.5 %", "1 %", "2 %", "5 %"],
            ),
            choice("autoscaler", "Autoscaler", &[("none", "none"), (ON, "{most: 100}")]),
            range("autoscaler.most", "Most servers", Count, 1.0, 1e4).needs("autoscaler", &[ON]),
        ],
    ),
    (
        "Simulation",
        &[
            range("simulation.duration", "Duration", Time, 1.0, 1_000.0),
            stops("simulation.replications", "Replications", Count, &["1", "2", "3", "5", "8", "10", "15", "20", "30"]),
            choice(
                "simulation.mode",
                "Mode",
                &[("auto", "auto"), ("every-message", "every-message"), ("sampled", "sampled")],
            ),
            stops("simulation.seed", "Seed", Count, &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "42"]),
        ],
    ),
];

const BROKERS: &[&str] = &["redis", "kafka", "nats", "own"];
