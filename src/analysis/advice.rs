//! Bottleneck, solution, trade-offs: what to do when a resource gives way, and what that costs.

use crate::model::ResourceKind;

/// What helps, and its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// What to do.
    pub solution: &'static str,
    /// What it costs.
    pub trade_offs: &'static [&'static str],
}

/// The advice for a resource.
#[allow(clippy::too_many_lines, reason = "a table: each resource and what helps")]
pub const fn advice(kind: ResourceKind) -> Advice {
    match kind {
        ResourceKind::Connections => Advice {
            solution: "more WebSocket servers behind a load balancer: that scales connections and messages together",
            trade_offs: &[
                "each server costs money and is one more thing that fails: plan for N+k",
                "the balancer has limits of its own, and an uneven policy fills one server before the others",
                "users on different servers reach each other only through a broker",
            ],
        },
        ResourceKind::Memory => Advice {
            solution: "smaller buffers per connection, then more memory or more servers",
            trade_offs: &[
                "small buffers mean more system calls for large messages",
                "a server that runs out of memory drops connections, and all their users come back at once",
            ],
        },
        ResourceKind::Cpu => Advice {
            solution: "more cores or more servers; before that, less work per message (batching, binary frames)",
            trade_offs: &[
                "batching adds latency",
                "binary frames are harder to debug, and compression would cost more CPU, not less",
            ],
        },
        ResourceKind::NicIn | ResourceKind::NicOut => Advice {
            solution: "a faster network card or more servers; smaller messages (binary frames, compression)",
            trade_offs: &[
                "compression costs CPU per KB and memory per connection",
                "small messages are mostly headers: fewer, larger ones use the line better, but arrive later",
            ],
        },
        ResourceKind::BrokerCpu => Advice {
            solution: "more broker nodes with sharded channels or partitions; fewer copies: a channel a room, locality, batches",
            trade_offs: &[
                "one channel stays on one node: a hot room is not helped by more of them",
                "batching (linger) adds latency to every message",
                "locality needs users who talk to each other on the same shard, and shards get hot",
            ],
        },
        ResourceKind::BrokerNicIn | ResourceKind::BrokerNicOut => Advice {
            solution: "more broker nodes or faster cards; smaller messages; copies to servers with a recipient only",
            trade_offs: &[
                "with replication each byte crosses the network once more for each replica",
                "servers must subscribe to what their users follow, and do so again after every reconnect",
            ],
        },
        ResourceKind::BrokerDisk => Advice {
            solution: "more broker nodes or faster disks, or fewer replicas",
            trade_offs: &["fewer replicas lose messages when a node dies", "more nodes cost money and rebalancing"],
        },
        ResourceKind::BrokerPartitions => Advice {
            solution: "more broker nodes, or fewer partitions that several servers share",
            trade_offs: &["servers that share a partition read, and throw away, each other's messages"],
        },
        ResourceKind::BackendCpu => Advice {
            solution: "a cache before it, or a larger one; then fewer queries a message, faster ones (indexes), or more nodes (read replicas)",
            trade_offs: &[
                "a cache takes memory, and what it serves may be stale: a short ttl is fresher and misses more",
                "an empty cache sends everything to the backend, so one sized for the misses drowns after a restart",
                "replicas lag behind the node that is written to, and each is written to as well",
            ],
        },
        ResourceKind::Accepts => Advice {
            solution: "more servers, cheaper handshakes (TLS resumption), longer sessions",
            trade_offs: &[
                "a fleet sized for its everyday connects still takes long to get everybody back after a fault",
                "back-off with full jitter spreads a storm, but keeps some users waiting",
            ],
        },
        ResourceKind::BalancerConnections | ResourceKind::BalancerConntrack => Advice {
            solution: "more balancer nodes (DNS or anycast in front of them), or a balancer that answers users directly",
            trade_offs: &[
                "users of a node that fails all reconnect at once",
                "without the balancer in the way back, it can't see or retry what fails",
            ],
        },
        ResourceKind::BalancerNetwork => Advice {
            solution: "more balancer nodes or faster cards; direct server return, where answers bypass the balancer",
            trade_offs: &["direct return works below TLS only: no routing by what is in a request"],
        },
        ResourceKind::BalancerHandshakes => Advice {
            solution: "more balancer nodes; TLS on the servers, or resumed sessions",
            trade_offs: &["a storm after a fault waits here first: back-off with jitter, and room for the peak"],
        },
        ResourceKind::BalancerPorts => Advice {
            solution: "more balancer nodes, more addresses on each, or more servers: a port is taken for each pair of them",
            trade_offs: &["more addresses are more to configure, and every server must know them"],
        },
        ResourceKind::LogWrite => Advice {
            solution: "more log nodes, or fewer bytes: compress, sample, drop fields",
            trade_offs: &["compression costs CPU", "what was not logged can't be looked up"],
        },
        ResourceKind::Packets => Advice {
            solution: "more servers, or fewer packets: batch messages, beat less often",
            trade_offs: &[
                "batching adds latency",
                "rarer heartbeats find dead connections later, and must still beat the balancer's idle timeout",
            ],
        },
        ResourceKind::Descriptors => Advice {
            solution: "a higher limit of open files (fs.nr_open, then the service's own), or more servers",
            trade_offs: &[
                "each open socket takes kernel memory as well",
                "a server that holds more connections drops more at once when it fails",
            ],
        },
        ResourceKind::OriginNicOut => Advice {
            solution: "a higher hit ratio (longer cache lifetimes, files named by their content), or more origins",
            trade_offs: &[
                "what is cached longer is stale longer, unless its name changes with it",
                "after a purge or a release everything misses at once, so origins must stand more than the mean",
            ],
        },
        ResourceKind::LogWarmCapacity => Advice {
            solution: "a shorter stay in the warm tier, more compression, or the archive sooner",
            trade_offs: &["archived logs are slow to read", "compression costs CPU when logs are moved and read"],
        },
        ResourceKind::LogCapacity => Advice {
            solution: "a shorter retention, compression, or cheaper tiers for old logs",
            trade_offs: &["old logs are gone or slow to read", "each replica costs the whole amount again"],
        },
    }
}
