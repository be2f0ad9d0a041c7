//! What each message, heartbeat and connection needs of the stations, drawn from the scenario's distributions.

use crate::model::backend::lookup_cpu_seconds;
use crate::model::compression::cpu_seconds_per_kb;
use crate::model::resource::RESUMED_SHARE;
use crate::model::wire::{Exchange, Wire};
use crate::random::{Distribution, Purpose, Stream};
use crate::scenario::Scenario;
use crate::units::time::PICOSECONDS;
use crate::units::{BitRate, Span};

/// What one message needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Demand {
    /// Time of the receiving line.
    pub nic_in: Span,
    /// Time of a core.
    pub cpu: Span,
    /// Time of the sending line.
    pub nic_out: Span,
    /// Payload.
    pub bytes: u32,
    /// Reads it makes.
    pub reads: u32,
}

/// What messages of one size need of the lines between servers and to users.
#[derive(Debug, Clone, Copy)]
struct FixedBetween {
    backplane: Span,
    delivery: Span,
    acknowledged: Span,
    bytes: f64,
}

/// The demands of one scenario; shared by all servers.
#[derive(Debug, Clone)]
pub struct Demands {
    wire: Wire,
    network: Option<BitRate>,
    size: Distribution,
    per_message: Distribution,
    /// Seconds of a core that the server program takes for a message on top of that.
    overhead: f64,
    per_kb: Distribution,
    /// Seconds of a core to inflate and deflate a KB.
    compression_per_kb: f64,
    /// What a message needs, but for the CPU, where all are of one size.
    of_one_size: Option<Demand>,
    /// What it needs between servers, where all are of one size.
    fixed_between: Option<FixedBetween>,
    /// What a message needs of the CPU where that is always the same.
    fixed_cpu: Option<Span>,
    /// What a message reads, if it reads.
    reads: Option<Lookups>,
    /// Time of the log's disk that a message needs.
    pub log: Span,
    /// Log bytes of a message, after compression and before replication.
    pub log_bytes: f64,
    /// What a heartbeat needs of the network.
    pub heartbeat: Demand,
    /// What a heartbeat needs of a core.
    pub per_heartbeat: Distribution,
    /// What a connection attempt needs of a core.
    pub per_connect: Attempt,
    /// Mean payload of a message, in bytes.
    pub mean_payload: f64,
    /// Mean time of a core that a message needs, in seconds; cache misses and waking up left out.
    pub mean_cpu: f64,
    /// What waking up costs.
    pub per_wakeup: Distribution,
    /// What a cache miss costs.
    pub per_cache_miss: Distribution,
}

impl Demands {
    /// The demands of this scenario; each server's log goes to its share of this many log nodes' disks.
    pub fn of(scenario: &Scenario, servers: u64, log_nodes: u64) -> Self {
        let cpu = &scenario.servers.cpu;
        let wire = Wire::of(scenario);
        let network = scenario.servers.network;
        let (log, log_bytes) = scenario.logs.map_or((Span::ZERO, 0.0), |logs| {
            let bytes = logs.bytes_per_message.get() / logs.compression;
            let share = logs.disk_write.get() * log_nodes as f64 / servers as f64;
            (Span::from_seconds(bytes * logs.replication as f64 / share), bytes)
        });
        let line = |bytes: f64| network.map_or(Span::ZERO, |n| Span::from_seconds(bytes * 8.0 / n.get()));
        let beat = wire.heartbeat();
        let (mean_payload, compression_per_kb) = (scenario.workload.message_size.mean(), cpu_seconds_per_kb(scenario));
        let mut demands = Self {
            wire,
            network,
            size: scenario.workload.message_size.clone(),
            per_message: cpu.per_message.clone(),
            overhead: cpu.program_seconds(),
            per_kb: cpu.per_kb.clone(),
            compression_per_kb,
            of_one_size: None,
            fixed_between: None,
            fixed_cpu: None,
            reads: Lookups::of(scenario),
            log,
            log_bytes,
            heartbeat: Demand {
                nic_in: line(beat.ingress.bytes),
                nic_out: line(beat.egress.bytes),
                ..Demand::default()
            },
            per_heartbeat: cpu.per_heartbeat.clone(),
            per_connect: Attempt::of(scenario),
            mean_payload,
            mean_cpu: cpu.per_message.mean()
                + cpu.program_seconds()
                + (cpu.per_kb.mean() + compression_per_kb) * mean_payload / 1_000.0
                + lookup_cpu_seconds(scenario),
            per_wakeup: cpu.wakeup(),
            per_cache_miss: cpu.per_cache_miss.clone(),
        };
        demands.fixed_between = demands.size.constant().map(|size| FixedBetween {
            backplane: demands.line(demands.wire.backplane(size).bytes),
            delivery: demands.line(demands.wire.delivery(size).egress.bytes),
            acknowledged: demands.line(demands.wire.delivery(size).ingress.bytes),
            bytes: demands.wire.backplane(size).bytes,
        });
        demands.of_one_size = demands.size.constant().map(|size| demands.of_size(size));
        if let (Some(size), Some(message), Some(kb)) =
            (demands.size.constant(), demands.per_message.constant(), demands.per_kb.constant())
        {
            demands.fixed_cpu =
                Some(Span::from_seconds(message + demands.overhead + (kb + compression_per_kb) * size / 1_000.0));
        }
        demands
    }

    fn of_size(&self, size: f64) -> Demand {
        let Exchange { ingress, egress } = self.wire.message(size);
        let line = |bytes: f64| self.network.map_or(Span::ZERO, |n| Span::from_seconds(bytes * 8.0 / n.get()));
        Demand {
            nic_in: line(ingress.bytes),
            cpu: Span::ZERO,
            nic_out: line(egress.bytes),
            bytes: size.round() as u32,
            reads: 0,
        }
    }

    fn line(&self, bytes: f64) -> Span {
        self.network.map_or(Span::ZERO, |n| Span::from_seconds(bytes * 8.0 / n.get()))
    }

    /// Time of a server's line for a message to or from the broker.
    #[inline]
    pub fn backplane(&self, bytes: u32) -> Span {
        self.fixed_between
            .map_or_else(|| self.line(self.wire.backplane(f64::from(bytes)).bytes), |fixed| fixed.backplane)
    }

    /// Time of the sending line for a copy handed to a user.
    #[inline]
    pub fn delivery(&self, bytes: u32) -> Span {
        let draw = || self.line(self.wire.delivery(f64::from(bytes)).egress.bytes);
        self.fixed_between.map_or_else(draw, |fixed| fixed.delivery)
    }

    /// Time of the receiving line for the acknowledgement of such a copy.
    #[inline]
    pub fn delivery_acknowledged(&self, bytes: u32) -> Span {
        let draw = || self.line(self.wire.delivery(f64::from(bytes)).ingress.bytes);
        self.fixed_between.map_or_else(draw, |fixed| fixed.acknowledged)
    }

    /// Time of the sending line for what answers a message that is not echoed.
    pub fn acknowledgement(&self, bytes: u32) -> Span {
        self.of_one_size.unwrap_or_else(|| self.of_size(f64::from(bytes))).nic_out
    }

    /// Bytes on the wire of a message to or from the broker.
    #[inline]
    pub fn backplane_bytes(&self, bytes: u32) -> f64 {
        self.fixed_between.map_or_else(|| self.wire.backplane(f64::from(bytes)).bytes, |fixed| fixed.bytes)
    }

    /// What every message needs, where that is always the same.
    pub fn fixed(&self) -> Option<Demand> {
        let plain = Demand { cpu: self.fixed_cpu?, ..self.of_one_size? };
        match &self.reads {
            None => Some(plain),
            Some(lookups) => {
                let (reads, cpu) = lookups.fixed()?;
                Some(Demand { cpu: plain.cpu + cpu, reads, ..plain })
            }
        }
    }

    /// What the next message needs.
    #[inline(always)]
    pub fn draw(&self, streams: &mut DemandStreams) -> Demand {
        let mut demand = match self.of_one_size {
            Some(demand) => demand,
            None => self.of_size(self.size.sample(&mut streams.size)),
        };
        demand.cpu = if let Some(cpu) = self.fixed_cpu {
            cpu
        } else {
            let message = self.per_message.sample(&mut streams.service);
            let kb = self.per_kb.sample(&mut streams.service) + self.compression_per_kb;
            to_span((message + self.overhead + kb * f64::from(demand.bytes) / 1_000.0) * PICOSECONDS)
        };
        if let Some(lookups) = &self.reads {
            let (reads, cpu) = lookups.draw(&mut streams.reads);
            (demand.reads, demand.cpu) = (reads, demand.cpu + cpu);
        }
        demand
    }
}

/// What a message reads, and what looking it up in a cache takes of a core.
#[derive(Debug, Clone)]
struct Lookups {
    /// Reads that each message makes.
    each: u32,
    /// The chance of one more.
    more: f64,
    look: Times,
}

impl Lookups {
    fn of(scenario: &Scenario) -> Option<Self> {
        let per_message = scenario.backend.as_ref()?.queries_per_message;
        let look = scenario.cache.as_ref().map_or(Distribution::ZERO, |cache| cache.lookup_cpu.clone());
        Some(Self { each: per_message as u32, more: per_message.fract(), look: Times::new(&look) })
    }

    fn fixed(&self) -> Option<(u32, Span)> {
        let look = self.look.fixed().filter(|_| self.more == 0.0)?;
        Some((self.each, Span(look.0.saturating_mul(u64::from(self.each)))))
    }

    fn draw(&self, stream: &mut Stream) -> (u32, Span) {
        let reads = self.each + u32::from(self.more > 0.0 && stream.unit() < self.more);
        (reads, Span((0..reads).fold(0, |sum: u64, _| sum.saturating_add(self.look.draw(stream).0))))
    }
}

/// What connection attempts need of a core: the upgrade and, with TLS, a handshake, full or resumed.
#[derive(Debug, Clone)]
pub struct Attempt {
    upgrade: Times,
    full: Span,
    resumed: Span,
    resumption: f64,
}

impl Attempt {
    fn of(scenario: &Scenario) -> Self {
        let (full, resumption) =
            scenario.protocol.tls.map_or((0.0, 0.0), |tls| (tls.handshake_cpu.get(), tls.resumption.get()));
        Self {
            upgrade: Times::new(&scenario.servers.cpu.per_connect),
            full: Span::from_seconds(full),
            resumed: Span::from_seconds(full * RESUMED_SHARE),
            resumption,
        }
    }

    /// Draws what the next one needs.
    pub fn draw(&self, stream: &mut Stream) -> Span {
        let resumes = self.resumption > 0.0 && stream.unit() < self.resumption;
        self.upgrade.draw(stream) + if resumes { self.resumed } else { self.full }
    }
}

/// The random streams behind one server's demands.
#[derive(Debug, Clone)]
pub struct DemandStreams {
    service: Stream,
    size: Stream,
    reads: Stream,
}

impl DemandStreams {
    /// The streams of this server.
    pub fn named(seed: u64, replication: u64, server: u64) -> Self {
        Self {
            service: Stream::named(seed, replication, server, Purpose::Service),
            size: Stream::named(seed, replication, server, Purpose::Size),
            reads: Stream::named(seed, replication, server, Purpose::Reads),
        }
    }
}

/// A distribution of times, ready for the clock.
#[derive(Debug, Clone)]
pub struct Times {
    fixed: Option<Span>,
    distribution: Distribution,
}

impl Times {
    /// The times that this distribution, in seconds, gives.
    pub fn new(distribution: &Distribution) -> Self {
        Self { fixed: distribution.constant().map(Span::from_seconds), distribution: distribution.clone() }
    }

    /// Always the same, if it is.
    pub fn fixed(&self) -> Option<Span> {
        self.fixed
    }

    /// Draws one.
    #[inline(always)]
    pub fn draw(&self, stream: &mut Stream) -> Span {
        match self.fixed {
            Some(span) => span,
            None => to_span(self.distribution.sample(stream) * PICOSECONDS),
        }
    }
}

/// Picoseconds, rounded to whole ones. (Adding a half and cutting off is much faster here than `round`, and a signed
/// conversion faster than an unsigned one.)
#[inline(always)]
pub fn to_span(picoseconds: f64) -> Span {
    Span(((picoseconds + 0.5) as i64).cast_unsigned())
}
