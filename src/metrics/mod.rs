//! What any run yields, simulated or live: raw sums in a [`tally`], and [`RunMetrics`], the figures with their intervals.

pub mod observed;
pub mod recovery;
pub mod scaling;
pub mod summary;
pub mod tally;

use serde::{Deserialize, Serialize};

use crate::stats::Estimate;
pub use observed::Observation;
pub use recovery::FaultMetrics;
pub use scaling::ScalingMetrics;

/// The figures of a run, with 95 % intervals of sampling.
#[derive(Debug, Clone, PartialEq)]
pub struct RunMetrics {
    /// How the run was made.
    pub setup: Setup,
    /// Messages simulated, in all replications.
    pub messages: u64,
    /// Visits to stations and changes of connections, in all replications.
    pub events: u64,
    /// From the intended publish to the recipient (without fan-out: until the server is done with it), in seconds.
    /// `None` where no message was delivered.
    pub latency: Option<LatencyMetrics>,
    /// The distribution of latency: a share of the messages, and the seconds within which so many were delivered. As far
    /// into the tail as ten messages are beyond.
    pub percentiles: Vec<(f64, f64)>,
    /// In the order in which a message meets them.
    pub stations: Vec<StationMetrics>,
    /// What the caches did, where there are any.
    pub cache: Option<CacheMetrics>,
    /// The whole fleet's flows.
    pub flows: Flows,
    /// Messages turned away by a full queue, abandoned by the impatient, or lost in servers that stopped (where users send
    /// again or wait only so long: given up), per replication, over the time measured.
    pub dropped_messages: Estimate,
    /// Their share of all messages.
    pub dropped_share: Estimate,
    /// Share of the users who should have a connection and have none. Where sessions come and go there is no fixed number
    /// of users: then the share of the connection attempts that was refused.
    pub unserved_share: Estimate,
    /// Messages that their users stopped waiting for, each time they were sent, per replication, over the time measured.
    pub timed_out_messages: Estimate,
    /// Messages sent again, likewise.
    pub retried_messages: Estimate,
    /// Connections with a slow downlink, where there are any.
    pub slow_clients: Option<SlowMetrics>,
    /// Connections: how many are open, come, go, are refused.
    pub connections: ConnectionMetrics,
    /// How differently servers fare.
    pub servers: ServerMetrics,
    /// Every message accounted for, whole runs of all replications together.
    pub conservation: Conservation,
    /// Largest difference, over the stations, between the mean number present and throughput × residence time
    /// (Little's law), as a share; customers who are present when measuring begins or ends make it more than zero.
    pub little_error: f64,
    /// What each fault did, in the order of the file.
    pub recovery: Vec<FaultMetrics>,
    /// What the autoscaler did, if there is one.
    pub scaling: Option<ScalingMetrics>,
    /// The run over time: means over replications.
    pub series: Vec<SeriesPoint>,
    /// Why the figures are not those of a steady state; empty where nothing speaks against it.
    pub unsteady: Vec<Unsteady>,
    /// What the reader should know before relying on the figures.
    pub warnings: Vec<String>,
}

/// How those with a slow downlink fared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlowMetrics {
    /// Their share of all connections.
    pub share: f64,
    /// What is sent to them over what their downlinks take; more than 1 is too much.
    pub utilisation: Estimate,
    /// Bytes that wait for one of them, on average.
    pub waiting_bytes: Estimate,
    /// Bytes that wait for all of a server's, on average.
    pub memory_bytes: Estimate,
    /// Share of the deliveries to them that they didn't get for want of room.
    pub dropped_share: Estimate,
    /// Those deliveries, per replication, over the time measured.
    pub dropped_deliveries: Estimate,
    /// Connections cut for being slow, likewise.
    pub cut: Estimate,
    /// Latency of what they got; `None` where that is nothing.
    pub latency: Option<LatencyMetrics>,
}

impl RunMetrics {
    /// Share of the messages that were lost or, for want of a connection, never sent: 1 − (1 − d)(1 − u), with d the share
    /// lost of those sent and u that of the users without a connection, who would send as much as the others.
    pub fn undelivered_share(&self) -> Estimate {
        let both = |lost: f64, unserved: f64| 1.0 - (1.0 - lost) * (1.0 - unserved);
        let (lost, unserved) = (self.dropped_share, self.unserved_share);
        Estimate {
            value: both(lost.value, unserved.value),
            low: both(lost.low, unserved.low),
            high: both(lost.high, unserved.high),
        }
        .clamped(0.0, 1.0)
    }
}

/// Why a run shows no steady state, so that its figures depend on how long it lasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsteady {
    /// A station is offered at least what it can do, and nothing bounds its queue.
    Overloaded,
    /// It is too short to leave out the time that its stations take to settle.
    Unsettled,
    /// Users were still coming when it ended.
    Ramping,
}

impl Unsteady {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::Unsettled => "unsettled",
            Self::Ramping => "ramping",
        }
    }
}

/// How a run was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// `every-message` or `sampled`.
    pub mode: &'static str,
    /// Why that mode.
    pub reason: String,
    /// Servers of the fleet.
    pub servers: u64,
    /// Servers simulated.
    pub servers_simulated: u64,
    /// Independent repetitions.
    pub replications: u64,
    /// Simulated time of each, in seconds.
    pub duration_seconds: f64,
    /// Left out at the start of each, in seconds.
    pub warm_up_seconds: f64,
}

/// Latency, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatencyMetrics {
    /// Mean.
    pub mean: Estimate,
    /// Half of all messages are faster.
    pub p50: Estimate,
    /// Nine of ten are faster.
    pub p90: Estimate,
    /// 95 % are faster.
    pub p95: Estimate,
    /// 99 % are faster.
    pub p99: Estimate,
    /// 99.9 % are faster.
    pub p999: Estimate,
    /// The slowest seen.
    pub max: Estimate,
}

/// What one kind of station did. Visits of all servers are pooled: the queue and the throughput are the fleet's.
#[derive(Debug, Clone, PartialEq)]
pub struct StationMetrics {
    /// `server.cpu` and so on.
    pub name: &'static str,
    /// Share of capacity that the work takes, wake-ups left out (they vanish under load).
    pub utilisation: Estimate,
    /// Share of time that it is at work, wake-ups included.
    pub busy: Estimate,
    /// Mean time in the queue before service (where all share the cores: time lost to sharing).
    pub wait_seconds: Option<Estimate>,
    /// Mean time from arrival to departure.
    pub residence_seconds: Option<Estimate>,
    /// Mean number waiting, at all servers together.
    pub queue_length: Estimate,
    /// Mean number waiting or in service, at all servers together.
    pub number: Estimate,
    /// Served a second, at all servers together.
    pub throughput_per_second: Estimate,
}

/// What the caches did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CacheMetrics {
    /// Share of the reads that they answered.
    pub hit_ratio: Estimate,
    /// Share of the reads that they answered with what had been written since.
    pub stale_share: Estimate,
    /// Mean age of what they served, where it has a bound.
    pub mean_age_seconds: Option<Estimate>,
}

/// Flows of the whole fleet, a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flows {
    /// Messages published.
    pub messages_in: Estimate,
    /// Messages delivered.
    pub messages_out: Estimate,
    /// Messages answered once and in time (without time-outs: all that were done with).
    pub goodput: Estimate,
    /// Payload published, in bytes.
    pub ingress_bytes: Estimate,
    /// Payload delivered, in bytes.
    pub egress_bytes: Estimate,
    /// Messages handed to the broker.
    pub published: Estimate,
    /// Copies that reached a server from it.
    pub copies: Estimate,
    /// Heartbeats.
    pub heartbeats: Estimate,
    /// Log bytes an hour, after compression and before replication.
    pub log_bytes_per_hour: Estimate,
}

/// Connections of the whole fleet. Counts are per replication, over the time measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConnectionMetrics {
    /// Open, on average.
    pub open: Estimate,
    /// Attempts that got a slot.
    pub accepted: Estimate,
    /// Attempts refused.
    pub refused: Estimate,
    /// Attempts given up before their handshake was done.
    pub timed_out: Estimate,
    /// Dropped by their server, for whatever reason.
    pub dropped: Estimate,
    /// Of these, dropped by a fault, cut by the balancer or for being slow (the others: for want of memory).
    pub cut: Estimate,
    /// Closed by their users.
    pub ended: Estimate,
    /// Memory in use on the servers, as a share of what there is.
    pub memory_utilisation: Estimate,
}

/// How differently servers fare, in the last replication's whole time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServerMetrics {
    /// Messages of a server, on average.
    pub messages_mean: f64,
    /// Variance over mean of the servers' message counts: 1 for Poisson counts; `None` for fewer than two servers.
    pub messages_variance_over_mean: Option<f64>,
    /// The server with the most CPU work.
    pub worst: u64,
    /// Its CPU utilisation, wake-ups left out.
    pub worst_cpu_utilisation: f64,
}

/// arrived = delivered + late + queued + in service + blocked + abandoned + lost, where what is sent again arrives again;
/// intended = delivered + given up + pending, where users wait only so long or send again; and the same of what is handed
/// to the broker, of copies and of connections. Where messages go to other users, `delivered` is those that their own
/// server is done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Conservation {
    /// Messages that reached a server.
    pub arrived: u64,
    /// Messages done with.
    pub delivered: u64,
    /// Waiting when the run ended.
    pub queued: u64,
    /// In service when the run ended.
    pub in_service: u64,
    /// Turned away by a full queue.
    pub blocked: u64,
    /// Left, out of patience.
    pub abandoned: u64,
    /// Messages handed to the broker.
    pub published: u64,
    /// Relayed by it.
    pub relayed: u64,
    /// Lost for want of the broker's time.
    pub relay_lost: u64,
    /// On their way to it, or gathered for it, when the run ended.
    pub in_post: u64,
    /// Copies that the broker handed out.
    pub handed_out: u64,
    /// Copies that reached their servers.
    pub received: u64,
    /// Copies lost to slow servers.
    pub copies_lost: u64,
    /// Copies on their way when the run ended.
    pub copies_on_the_way: u64,
    /// Answered too late.
    pub late: u64,
    /// Messages that users wanted answered: those that arrived, without retries. 0 where users wait for ever.
    pub intended: u64,
    /// Those of them that were given up.
    pub given_up: u64,
    /// Those of them that were neither answered nor given up when the run ended.
    pub pending: u64,
    /// Lost in servers that stopped.
    pub lost: u64,
    /// Connections open at the start or accepted since.
    pub connections_opened: u64,
    /// Connections ended or dropped.
    pub connections_closed: u64,
    /// Connections open when the run ended.
    pub connections_open: u64,
}

impl Conservation {
    /// Whether nothing was lost or made up.
    pub const fn holds(&self) -> bool {
        let ended = self.delivered + self.late + self.blocked + self.abandoned + self.lost;
        self.arrived == ended + self.queued + self.in_service
            && (self.intended == 0 || self.intended == self.delivered + self.given_up + self.pending)
            && self.published == self.relayed + self.relay_lost + self.in_post
            && self.handed_out == self.received + self.copies_lost + self.copies_on_the_way
            && self.connections_opened == self.connections_closed + self.connections_open
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            arrived: self.arrived + other.arrived,
            delivered: self.delivered + other.delivered,
            queued: self.queued + other.queued,
            in_service: self.in_service + other.in_service,
            blocked: self.blocked + other.blocked,
            abandoned: self.abandoned + other.abandoned,
            published: self.published + other.published,
            relayed: self.relayed + other.relayed,
            relay_lost: self.relay_lost + other.relay_lost,
            in_post: self.in_post + other.in_post,
            handed_out: self.handed_out + other.handed_out,
            received: self.received + other.received,
            copies_lost: self.copies_lost + other.copies_lost,
            copies_on_the_way: self.copies_on_the_way + other.copies_on_the_way,
            late: self.late + other.late,
            intended: self.intended + other.intended,
            given_up: self.given_up + other.given_up,
            pending: self.pending + other.pending,
            lost: self.lost + other.lost,
            connections_opened: self.connections_opened + other.connections_opened,
            connections_closed: self.connections_closed + other.connections_closed,
            connections_open: self.connections_open + other.connections_open,
        }
    }
}

/// One slice of the run's time, on average over replications, for the whole fleet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeriesPoint {
    /// When the slice ends, in seconds.
    pub until_seconds: f64,
    /// Open connections.
    pub connections: f64,
    /// Messages a second that come in.
    pub messages_in: f64,
    /// CPU at work, wake-ups included, as a share.
    pub cpu_busy: f64,
    /// Mean latency of the messages delivered, in seconds; `None` where there were none.
    pub latency: Option<f64>,
    /// 99 % of those were faster, in seconds.
    pub latency_p99: Option<f64>,
    /// Work as a share of capacity, wake-ups left out, of each kind of station that there is, in the order of
    /// [`summary::STATION_NAMES`].
    pub utilisation: [Option<f64>; 4],
    /// Messages in the servers.
    pub inside: f64,
    /// Connections accepted a second.
    pub accepted: f64,
    /// Connection attempts a second: accepted, refused or given up.
    pub attempts: f64,
    /// Connection attempts refused a second.
    pub refused: f64,
    /// Messages answered once and in time a second.
    pub goodput: f64,
    /// Messages sent again a second.
    pub retried: f64,
    /// Servers that there are, on average: with an autoscaler those that are up, else all, those that are down too.
    pub servers: f64,
    /// Servers that are down, on average.
    pub down_servers: f64,
    /// Messages lost a second.
    pub dropped: f64,
    /// Memory in use, as a share.
    pub memory: f64,
    /// Backend and caches, where messages read.
    pub backend: Option<BackendPoint>,
}

/// Backend and caches in one slice of a run's time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BackendPoint {
    /// Cores of the backend at work, as a share.
    pub utilisation: f64,
    /// Queries that it answers a second.
    pub queries: f64,
    /// Queries at it, waiting or in service.
    pub inside: f64,
    /// Share of the looks that found a copy; `None` where there were none.
    pub hit_ratio: Option<f64>,
}
