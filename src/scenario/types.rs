//! The resolved scenario: every figure present, in base units, and possible.
//!
//! One value of [`Scenario`] describes one *world*: where the file gave an interval (`3_000..5_000`), a world has one
//! figure out of it. [`Document::resolve`](super::Document::resolve) makes it; nothing else does.

use std::sync::Arc;

use super::autoscaler::Autoscaler;
use super::calibration::Calibration;
use super::faults::{Fault, Zones};
use super::profile::Profile;
use super::validation::Validation;
use crate::random::Distribution;
use crate::stats::cache::LruForm;
use crate::units::{BitRate, ByteRate, Bytes, Rate, Ratio, Seconds};

/// A real-time system and the load on it, as one world of a scenario file has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// What the file calls itself.
    pub name: String,
    /// Users online at the same time, at the peak.
    pub users: u64,
    /// What the users do.
    pub workload: Workload,
    /// How messages are framed.
    pub protocol: Protocol,
    /// What a frame costs on the wire.
    pub link: Link,
    /// One-way delays of the network.
    pub latency: Latency,
    /// The server tier.
    pub servers: Servers,
    /// How connections or messages are spread over the servers.
    pub balancer: Balancer,
    /// How users and servers are divided into groups, if they are.
    pub sharding: Option<Sharding>,
    /// What carries messages between servers, if anything does.
    pub broker: Option<Broker>,
    /// What messages read from, if they read.
    pub backend: Option<Backend>,
    /// Where reads look first.
    pub cache: Option<Cache>,
    /// What serves static files, if any are counted.
    pub cdn: Option<Cdn>,
    /// The zones that servers are dealt out to, if there are several sites.
    pub zones: Option<Zones>,
    /// The log store, if messages are logged.
    pub logs: Option<Logs>,
    /// What is promised to users.
    pub slo: Slo,
    /// What breaks, and when, in the order of the file.
    pub faults: Vec<Fault>,
    /// What adds and removes servers, if anything does.
    pub autoscaler: Option<Autoscaler>,
    /// Where the figures in place of defaults come from, if they were measured.
    pub calibration: Option<Calibration>,
    /// How the simulation is run.
    pub simulation: Simulation,
    /// How the model is held against measurements.
    pub validation: Validation,
}

impl Scenario {
    /// Whether servers cut connections that are too slow.
    pub fn cuts_slow_clients(&self) -> bool {
        self.workload.slow_clients.is_some() && self.servers.slow_consumer == SlowConsumer::Disconnect
    }
}

/// What the users do.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Connections each user holds.
    pub connections_per_user: u64,
    /// Messages a second that one user publishes (spread over the user's connections).
    pub message_rate: Rate,
    /// Payload of a message as it is encoded, in bytes, before compression.
    pub message_size: Distribution,
    /// The rate that the file states, where the arrivals have one of their own.
    pub stated_rate: Option<Rate>,
    /// How one user's messages follow each other.
    pub arrivals: Arrivals,
    /// Who gets a message.
    pub fan_out: FanOut,
    /// Time between two heartbeats (ping and pong) of a connection.
    pub heartbeat: Option<Seconds>,
    /// How long a connection lasts, in seconds. Without it, connections last for the whole run.
    pub session: Option<Distribution>,
    /// What a user does whose connection was refused or dropped. Without it, the user is gone.
    pub reconnect: Option<Reconnect>,
    /// How long a user waits for an answer, from sending. Without it, for ever.
    pub timeout: Option<Seconds>,
    /// How a message that failed is sent again. Without it, it is given up.
    pub retry: Option<Retry>,
    /// How the load moves; without it, it stays at the peak.
    pub profile: Option<Profile>,
    /// How long a user waits for a connection before it gives that attempt up; `None` is for ever.
    pub connect_timeout: Option<Seconds>,
    /// Connections with a slow downlink, if there are any.
    pub slow_clients: Option<SlowClients>,
}

/// Connections with a slow downlink.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlowClients {
    /// Share of all connections; more than nothing.
    pub share: Ratio,
    /// What each of them takes in.
    pub downlink: BitRate,
}

/// How one user's messages follow each other.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrivals {
    /// Independent of each other: gaps are exponential.
    Poisson,
    /// One every 1/rate seconds, each connection at a phase of its own.
    Periodic,
    /// Batches at the times of a Poisson process; the message rate counts messages, not batches.
    Batch(BatchSize),
    /// A Markov-modulated Poisson process: state i has rates\[i\], and goes over to the next, in a circle, at switch\[i\].
    Mmpp {
        /// Messages a second of a user in each state.
        rates: Vec<f64>,
        /// Changes a second out of each state; as many.
        switch: Vec<f64>,
    },
    /// At these times all users together send a message, in seconds and in order, over and over.
    Trace {
        /// The times of one round; not longer than the period.
        times: Arc<[f64]>,
        /// The length of a round.
        period: f64,
    },
}

/// How many messages come at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BatchSize {
    /// Always this many, at least 1.
    Fixed(u64),
    /// 1, 2, 3, … with this mean, at least 1.
    Geometric(f64),
}

/// Who gets a message.
#[derive(Debug, Clone, PartialEq)]
pub enum FanOut {
    /// The sender, as an answer.
    Echo,
    /// Nobody: the message is taken in and kept.
    None,
    /// One other user, on any server.
    Direct,
    /// All members of a room, the sender too.
    Room(Room),
    /// All users.
    Broadcast,
}

impl FanOut {
    /// Whether a message may have to reach a user of another server.
    pub const fn crosses(&self) -> bool {
        matches!(self, Self::Direct | Self::Room(_) | Self::Broadcast)
    }
}

/// The rooms of a service. There are as many as it takes for each connection to be in one.
#[derive(Debug, Clone, PartialEq)]
pub struct Room {
    /// Members of a room.
    pub size: Distribution,
    /// With s, the k-th most popular room gets messages in proportion to 1/k^s; 0 is evenly.
    pub zipf: f64,
}

/// How users and servers are divided into shards: groups that mostly talk among themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct Sharding {
    /// How many.
    pub shards: u64,
    /// Share of the messages whose recipients are in the sender's shard.
    pub locality: Ratio,
    /// How much more than the mean the largest shard has; the smallest has as much less.
    pub skew: Ratio,
    /// One-way delay between shards, in seconds, where they are regions.
    pub latency: Option<Distribution>,
}

impl Sharding {
    /// The share of all users that each shard has, the largest first: evenly spaced around the mean.
    pub fn shares(&self) -> Vec<f64> {
        let n = self.shards as f64;
        let place = |i: u64| if self.shards == 1 { 0.0 } else { 1.0 - 2.0 * i as f64 / (n - 1.0) };
        (0..self.shards).map(|i| (1.0 + self.skew.get() * place(i)) / n).collect()
    }
}

/// What carries messages from server to server.
#[derive(Debug, Clone, PartialEq)]
pub struct Broker {
    /// Which kind.
    pub kind: BrokerKind,
    /// How many nodes; `None` is `auto`: as many as the closed form asks for.
    pub nodes: Option<u64>,
    /// CPU cores of one node.
    pub cores: u32,
    /// Capacity of one node's network card, each way; `None` is unlimited.
    pub network: Option<BitRate>,
    /// On top, for what finds its core idle, in seconds of one core.
    pub per_wakeup: Distribution,
    /// For each request, of one message or a batch.
    pub per_batch: Distribution,
    /// For each message taken in.
    pub per_publish: Distribution,
    /// For each copy handed to a server.
    pub per_delivery: Distribution,
    /// How long a server gathers messages for a node before it sends them; zero is not at all.
    pub linger: Seconds,
    /// Bytes at which a batch is sent at once.
    pub batch: Bytes,
    /// Nodes that keep each message.
    pub replication: u64,
    /// What one node's disk takes in; `None` is no disk.
    pub disk_write: Option<ByteRate>,
    /// Partitions; `None` is one for each server.
    pub partitions: Option<u64>,
    /// Partitions that a node can have, replicas counted; `None` is unlimited.
    pub partitions_per_node: Option<u64>,
    /// Bytes waiting for a slow server at which it is cut off; `None` is unlimited.
    pub output_buffer: Option<Bytes>,
    /// How long a message may wait for a node before it is lost; `None` is for ever.
    pub max_wait: Option<Seconds>,
    /// How long a server that was cut off gets nothing.
    pub resubscribe: Seconds,
    /// How long until another node leads in place of a lost one, where there are replicas.
    pub failover: Seconds,
    /// Whether every server gets every message, wanted or not.
    pub floods: bool,
}

/// Kinds of brokers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokerKind {
    /// Whatever has these figures.
    Own,
    /// Redis Pub/Sub; with several nodes, sharded channels.
    Redis,
    /// Kafka: a replicated log on disk, read by each server from its own partition.
    Kafka,
    /// NATS.
    Nats,
}

impl Broker {
    /// Whether a message for several servers is published once for each of them, since each reads a partition of its own.
    pub fn publishes_for_each(&self) -> bool {
        self.kind == BrokerKind::Kafka && !self.floods
    }
}

/// When a refused or dropped user tries again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reconnect {
    /// The delay before attempt k.
    pub backoff: Backoff,
    /// Whether the delay is drawn anew, uniformly from zero to the back-off ("full jitter").
    pub jitter: bool,
}

/// How a message is sent again that was turned away, abandoned, or not answered in time.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// How often at most; `None` is without limit.
    pub limit: Option<u64>,
    /// From the failure to the next sending, in seconds.
    pub delay: Distribution,
    /// How many times longer each further delay is, at least 1.
    pub backoff: f64,
    /// The longest delay that growing makes.
    pub cap: Seconds,
}

/// The delay before attempt k = 0, 1, 2, ….
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Backoff {
    /// The same each time.
    Constant(Seconds),
    /// base × 2^k, at most the cap.
    Exponential {
        /// Delay before the first attempt.
        base: Seconds,
        /// The longest delay.
        cap: Seconds,
    },
}

/// How messages are framed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Protocol {
    /// How a message is written.
    pub encoding: Encoding,
    /// How frames are compressed, if they are.
    pub compression: Option<Deflate>,
    /// How connections are encrypted (TLS 1.3), if they are.
    pub tls: Option<Tls>,
}

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Encoding {
    /// As JSON.
    Json,
    /// In a binary form.
    Binary {
        /// What it leaves of the JSON payload; the message size counts it already.
        size: Ratio,
    },
}

/// Compression of each message (permessage-deflate, RFC 7692).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deflate {
    /// How many times smaller payloads get; `None` is by their size.
    pub ratio: Option<f64>,
    /// CPU time to inflate and deflate a KB (1,000 bytes) of payload, together.
    pub cpu_per_kb: Seconds,
    /// Memory of a connection's two contexts; none where they are not kept. `memory_per_connection` counts it already.
    pub memory_per_connection: Bytes,
    /// Whether contexts are kept between messages.
    pub context_takeover: bool,
}

/// Encryption (TLS 1.3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tls {
    /// CPU time of a full handshake.
    pub handshake_cpu: Seconds,
    /// Share of the handshakes that resume a session.
    pub resumption: Ratio,
}

/// What a frame costs on the wire.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// Ethernet or loopback.
    pub kind: LinkKind,
    /// Largest IP packet, in bytes.
    pub mtu: Bytes,
}

/// What is below IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// Header, checksum, preamble and gap: 38 bytes a packet.
    Ethernet,
    /// Nothing.
    Loopback,
}

/// One-way delays of the network, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Latency {
    /// Between a user and the service.
    pub client: Distribution,
    /// Between two machines of the service in one region.
    pub server: Distribution,
}

/// The server tier.
#[derive(Debug, Clone, PartialEq)]
pub struct Servers {
    /// How many there are; `None` is `auto`: as many as the closed form asks for.
    pub count: Option<u64>,
    /// CPU cores of one server.
    pub cores: u32,
    /// Which core serves a message.
    pub dispatch: Dispatch,
    /// In which order a core serves.
    pub discipline: Discipline,
    /// Memory of one server.
    pub memory: Bytes,
    /// Capacity of one server's network card, each way; `None` is unlimited.
    pub network: Option<BitRate>,
    /// Packets that one server takes in and sends out, together; `None` is unlimited.
    pub packets: Option<Rate>,
    /// File descriptors of one server; `None` is unlimited.
    pub descriptors: Option<u64>,
    /// Connections to plan for on one server.
    pub comfortable_connections: f64,
    /// Connections past which a server refuses; `None` is unlimited.
    pub connection_limit: Option<u64>,
    /// How fast a server accepts connections; `None` is as fast as its CPU does.
    pub accept: Option<Accept>,
    /// What things cost the CPU.
    pub cpu: Cpu,
    /// Most messages in the CPU station, waiting and in service; `None` is unlimited.
    pub queue_limit: Option<u64>,
    /// How long a message waits for the CPU before it is abandoned, in seconds; `None` is for ever.
    pub patience: Option<Distribution>,
    /// Breakdowns of a server's CPU.
    pub failures: Option<Failures>,
    /// Memory that one open connection holds, compression's included.
    pub memory_per_connection: Bytes,
    /// What it keeps for one slow connection.
    pub send_buffer: Bytes,
    /// What it does past that.
    pub slow_consumer: SlowConsumer,
    /// Share of CPU, network, memory and log disks to plan for.
    pub target_utilisation: Ratio,
    /// Servers on top of those required (the k of N+k).
    pub spare: u64,
}

/// What a server does with a message for a connection whose buffer is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlowConsumer {
    /// That connection does not get it.
    Drop,
    /// The connection is cut, and what waits for it is lost.
    Disconnect,
}

/// Breakdowns of a server's CPU: it stands still, and then goes on with its work. Connections stay.
#[derive(Debug, Clone, PartialEq)]
pub struct Failures {
    /// How long it works between two of them, in seconds.
    pub every: Distribution,
    /// How long one lasts, in seconds.
    pub lasts: Distribution,
}

impl Failures {
    /// Share of the time that the CPU works: E\[every\]/(E\[every\] + E\[lasts\]) (renewal-reward theorem).
    pub fn availability(&self) -> f64 {
        self.every.mean() / (self.every.mean() + self.lasts.mean())
    }
}

/// How fast a server accepts connections.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accept {
    /// Handshakes that it completes a second, one after the other.
    pub rate: Rate,
    /// Attempts that may wait for theirs; more are refused.
    pub backlog: u64,
}

/// Which core serves a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dispatch {
    /// One queue for all cores.
    Shared,
    /// A queue a core; each core has its own connections.
    PerCore,
}

/// In which order messages are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discipline {
    /// First come, first served.
    Fifo,
    /// All at once, sharing the cores equally.
    ProcessorSharing,
}

/// What things cost the CPU of a server, in seconds of one core.
#[derive(Debug, Clone, PartialEq)]
pub struct Cpu {
    /// On top, for a message that finds its core idle.
    pub per_wakeup: Distribution,
    /// On top of that, at most, where the core was idle for long.
    pub per_sleep: Seconds,
    /// An idle time of this length makes 1 − 1/e of `per_sleep` due.
    pub sleep_after: Seconds,
    /// Connections whose state the cache holds; `None` is the comfortable ones.
    pub cached_connections: Option<f64>,
    /// For each message taken in (and, for an echo, answered).
    pub per_message: Distribution,
    /// What the server program takes for each message on top of that, where a calibration tells the two apart.
    pub overhead: Seconds,
    /// On top of that, at most, where the core has worked for other messages since: its caches are cold.
    pub per_cold: Seconds,
    /// Work of this length makes 1 − 1/e of `per_cold` due.
    pub cold_after: Seconds,
    /// For each KB (1,000 bytes) of its payload.
    pub per_kb: Distribution,
    /// For each copy handed to another user.
    pub per_delivery: Distribution,
    /// For each connection attempt, refused ones too.
    pub per_connect: Distribution,
    /// For each message handed to the broker.
    pub per_publish: Distribution,
    /// For each message taken from the broker.
    pub per_receive: Distribution,
    /// For each heartbeat.
    pub per_heartbeat: Distribution,
    /// On top, for a message whose connection's state is not in the cache. Of C
    /// connections a message finds its own there with probability cached/C.
    pub per_cache_miss: Distribution,
}

impl Cpu {
    /// What a message that finds its core busy takes besides `per_message`, in seconds: `overhead`, and what caches take
    /// that other messages' work S has left cold, `per_cold`·(1 − E\[e^(−S/`cold_after`)\]). A core forgets what it had
    /// cached bit by bit, at a rate that others set; a mean is enough, since the work that came before is independent of
    /// the message's own.
    pub fn program_seconds(&self) -> f64 {
        self.overhead.get() + self.cold_seconds()
    }

    /// Waking up, on top of [`Cpu::program_seconds`]: a core that sleeps has cold caches anyway, and `per_wakeup` has that.
    pub fn wakeup(&self) -> Distribution {
        let (cold, mean) = (self.cold_seconds(), self.per_wakeup.mean());
        if cold == 0.0 || mean == 0.0 {
            self.per_wakeup.clone()
        } else {
            self.per_wakeup.scaled((1.0 - cold / mean).max(0.0))
        }
    }

    fn cold_seconds(&self) -> f64 {
        if self.per_cold.get() == 0.0 {
            return 0.0;
        }
        self.per_cold.get() * (1.0 - self.per_message.laplace(1.0 / self.cold_after.get()))
    }
}

/// How connections or messages are spread over the servers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Balancer {
    /// Who is next.
    pub policy: Policy,
    /// What is spread.
    pub unit: BalancedUnit,
    /// Whether its nodes are planned: where the file says anything of them.
    pub planned: bool,
    /// Nodes there are; `None` is `auto`: as many as the closed form asks for.
    pub count: Option<u64>,
    /// Connections that pass through one node.
    pub connections: u64,
    /// Capacity of one node's network card, each way; `None` is unlimited.
    pub network: Option<BitRate>,
    /// Connection attempts that one node takes in a second; `None` is unlimited.
    pub handshakes: Option<Rate>,
    /// Connections between one node and one server.
    pub ports: u64,
    /// Entries of one node's connection table; `None` is unlimited.
    pub conntrack: Option<u64>,
    /// Silence after which a connection is cut; `None` is for ever.
    pub idle_timeout: Option<Seconds>,
}

/// Who is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Any server, each time anew.
    Random,
    /// One after the other.
    RoundRobin,
    /// The one with the fewest connections (of messages: the fewest messages in it).
    LeastConnections,
    /// The one whose arc of the hash ring the user falls on.
    ConsistentHash {
        /// Points of each server on the ring.
        virtual_nodes: u32,
    },
}

/// What is spread over the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BalancedUnit {
    /// A connection stays where it was opened.
    Connection,
    /// Each message goes its own way.
    Message,
}

/// What messages read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Backend {
    /// Reads of a message, one after the other; a part of one is a chance.
    pub queries_per_message: f64,
    /// Time of a core that a query takes, in seconds.
    pub per_query: Distribution,
    /// Cores of one node.
    pub cores: u32,
    /// How many nodes; `None` is `auto`: as many as the closed form asks for.
    pub nodes: Option<u64>,
    /// One way between a server and it, in seconds.
    pub latency: Distribution,
}

/// Where reads look before they go to the backend.
#[derive(Debug, Clone, PartialEq)]
pub struct Cache {
    /// Whether all servers share one.
    pub shared: bool,
    /// Different objects that are read.
    pub objects: u64,
    /// Objects that fit into one cache.
    pub size: u64,
    /// What an object takes.
    pub object_size: Bytes,
    /// With s, the k-th most popular object is read in proportion to 1/k^s; 0 is evenly.
    pub zipf: f64,
    /// How old a copy may get; `None` is as old as it likes.
    pub ttl: Option<Seconds>,
    /// Writes a second of each object.
    pub writes: Rate,
    /// Whether it is empty as a run begins.
    pub cold: bool,
    /// CPU time of a server for a look, in seconds.
    pub lookup_cpu: Distribution,
    /// Its closed form.
    pub form: LruForm,
}

impl Cache {
    /// What one cache takes when it is full.
    pub fn bytes(&self) -> Bytes {
        Bytes::new(self.size.min(self.objects) as f64 * self.object_size.get())
    }

    /// What of a server's memory it takes.
    pub fn server_bytes(&self) -> f64 {
        if self.shared { 0.0 } else { self.bytes().get() }
    }
}

/// What serves static files.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cdn {
    /// Static files that a session loads as it begins.
    pub bytes_per_session: Bytes,
    /// Share of their bytes that the CDN has.
    pub hit_ratio: Ratio,
    /// Capacity of one origin's network card.
    pub origin_network: BitRate,
}

/// The log store. Logs are written to its hot tier, and may move on to others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Logs {
    /// Bytes appended for each message taken in.
    pub bytes_per_message: Bytes,
    /// Copies kept in the hot tier.
    pub replication: u64,
    /// How many times smaller compression makes a log in the hot tier; 1 is none.
    pub compression: f64,
    /// How long logs are kept, in all tiers together.
    pub retention: Seconds,
    /// How long logs stay in the hot tier: without tiers, all the time.
    pub hot: Seconds,
    /// The tier after the hot one, on nodes of its own.
    pub warm: Option<LogTier>,
    /// The last tier, object storage.
    pub archive: Option<LogTier>,
    /// What one hot node's disk takes in.
    pub disk_write: ByteRate,
    /// What one hot node's disk holds.
    pub disk: Bytes,
}

/// Where logs go after the hot tier.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogTier {
    /// How long they stay.
    pub keep: Seconds,
    /// Copies kept.
    pub replication: u64,
    /// How many times smaller than the messages' log bytes they are; 1 is none.
    pub compression: f64,
    /// What one node's disk holds; of object storage this is not asked.
    pub disk: Bytes,
}

/// What is promised to users. An empty one promises nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Slo {
    /// Latency objectives: percentile (0 to 1; `None` is the mean) and the most seconds.
    pub latency: Vec<(Option<f64>, Seconds)>,
    /// The largest share of messages that may be lost.
    pub dropped: Option<Ratio>,
}

/// How the simulation is run.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// Simulated time of one replication, warm-up included.
    pub duration: Seconds,
    /// What is left out at the start; `None` is until the queues have settled.
    pub warm_up: Option<Seconds>,
    /// Independent repetitions; with a precision, the fewest.
    pub replications: u64,
    /// Repeat until the mean time at the stations is known to this relative half-width.
    pub precision: Option<Ratio>,
    /// The seed of every random stream.
    pub seed: u64,
    /// How much is simulated.
    pub mode: Mode,
    /// The state a run starts from.
    pub start: Start,
}

/// How much is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Chosen by cost.
    Auto,
    /// Every message of every server.
    EveryMessage,
    /// Some servers in full; the rest is statistically the same.
    Sampled,
}

/// The state a run starts from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// All users connected, as in the steady state.
    Steady,
    /// Nobody connected; users come as their process has them (all at once where connections last).
    Empty,
    /// Nobody connected; users come one by one, evenly over this time.
    Ramp(Seconds),
}

/// A user whose attempt is refused hears of it one round trip later at best; where the scenario has no latency, after
/// this long.
pub const SHORTEST_ROUND_TRIP_SECONDS: f64 = 1e-3;

impl Backoff {
    /// The longest delay there is.
    pub const fn longest(&self) -> Seconds {
        match self {
            Self::Constant(time) => *time,
            Self::Exponential { cap, .. } => *cap,
        }
    }
}
