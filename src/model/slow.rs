//! Connections with a slow downlink: what waits for them in a server's memory, how late they get it, and what they lose.
//!
//! Each is a queue of its own, with the deliveries to it as arrivals, their bytes on the wire over the downlink's speed as
//! service, and `servers.send_buffer` as room.

use super::Load;
use super::wire::Wire;
use crate::scenario::{Arrivals, Backoff, BatchSize, FanOut, Reconnect, Scenario, SlowConsumer};
use crate::stats::queueing::{BoundedWork, Moments};

/// Loss below this is none.
const NO_LOSS: f64 = 1e-9;

/// The closed form of one slow connection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlowForm {
    /// Share of all connections that are slow.
    pub share: f64,
    /// The formula.
    pub method: &'static str,
    /// Whether it is exact: never, since deliveries are only nearly Poisson.
    pub exact: bool,
    /// What is sent to it over what its downlink takes; more than 1 is too much.
    pub utilisation: f64,
    /// Bytes that wait in its server on average, with what is being sent.
    pub waiting_bytes: f64,
    /// Share of its deliveries that it doesn't get.
    pub dropped_share: f64,
    /// How often it is cut for being slow, a second.
    pub cuts_per_second: f64,
    /// From the server's handing it over until the downlink takes it, in seconds.
    pub wait_seconds: f64,
    /// Its time on the downlink, in seconds.
    pub service_seconds: f64,
    /// The work that waits, in seconds of the downlink.
    work: BoundedWork,
    consumer: SlowConsumer,
}

impl SlowForm {
    /// For the deliveries of this load; nothing where no connection is slow.
    pub fn of(scenario: &Scenario, load: &Load) -> Option<Self> {
        let per_connection = load.messages_out_per_second / load.connections;
        Self::new(scenario, if per_connection.is_finite() { per_connection } else { 0.0 })
    }

    /// For so many deliveries a second to each connection.
    pub fn new(scenario: &Scenario, rate: f64) -> Option<Self> {
        let slow = scenario.workload.slow_clients?;
        let speed = slow.downlink.bytes_per_second().get();
        let service = service(scenario, speed);
        let (together, lot) = lot(scenario, service);
        let buffer = scenario.servers.send_buffer.get() / speed;
        // It holds a message at least, and who comes finds room where his own still fits.
        let work = BoundedWork::new(rate / together.mean, lot, buffer.max(service.mean)).ok()?;
        let room_before = BoundedWork::new(rate / together.mean, lot, (buffer - service.mean).max(1e-3 * service.mean));
        let utilisation = rate * service.mean;
        // In a lot, a message waits for those before it.
        let within = (together.square / together.mean - 1.0) / 2.0 * service.mean;
        let form = Self {
            share: slow.share.get(),
            method: "",
            exact: false,
            utilisation,
            waiting_bytes: 0.0,
            dropped_share: 0.0,
            cuts_per_second: 0.0,
            wait_seconds: 0.0,
            service_seconds: service.mean,
            work,
            consumer: scenario.servers.slow_consumer,
        };
        let before = room_before.unwrap_or(work);
        Some(match scenario.servers.slow_consumer {
            SlowConsumer::Drop => {
                let loss = work.loss();
                Self {
                    method: if loss < NO_LOSS { "M/G/1 (Pollaczek-Khinchine)" } else { "reflected Brownian motion" },
                    waiting_bytes: work.mean() * speed,
                    dropped_share: if loss < NO_LOSS { 0.0 } else { loss },
                    wait_seconds: before.mean() + within,
                    ..form
                }
            }
            SlowConsumer::Disconnect => {
                let fills = work.time_to_fill();
                // What waits when it is cut is lost, and the message that was too much.
                let lost = (buffer / service.mean).max(0.0) + 1.0;
                let share = (lost / (rate * fills)).min(1.0);
                let never = share < NO_LOSS;
                Self {
                    method: if never { "M/G/1 (Pollaczek-Khinchine)" } else { "Brownian motion, from empty to full" },
                    waiting_bytes: work.mean_restarted() * speed,
                    dropped_share: if never { 0.0 } else { share },
                    cuts_per_second: if never { 0.0 } else { 1.0 / (fills + away_seconds(scenario)) },
                    // Where too much comes, only what finds less than 1/utilisation of the room is out before the cut.
                    wait_seconds: before.mean_restarted() / utilisation.max(1.0) + within,
                    ..form
                }
            }
        })
    }

    /// Mean time of a delivery from the server's handing it over to its end, in seconds.
    pub fn residence_seconds(&self) -> f64 {
        self.wait_seconds + self.service_seconds
    }

    /// Of the deliveries that arrive, the share that goes to slow connections.
    pub fn share_of_delivered(&self) -> f64 {
        self.share * (1.0 - self.dropped_share) / (1.0 - self.share * self.dropped_share).max(f64::MIN_POSITIVE)
    }

    /// What an average connection, slow or not, adds to its server's memory, in bytes.
    pub fn memory_per_connection(&self) -> f64 {
        self.share * self.waiting_bytes
    }

    /// The work, in seconds of the downlink, that a connection's is at most with this chance at a random moment.
    pub fn work_quantile(&self, p: f64) -> f64 {
        match self.consumer {
            SlowConsumer::Drop => self.work.quantile(p),
            SlowConsumer::Disconnect => self.work.quantile_restarted(p),
        }
    }
}

/// What slow clients add to the memory of a connection on average, in bytes, at the scenario's own load.
pub fn memory_per_connection(scenario: &Scenario) -> f64 {
    if scenario.workload.slow_clients.is_none() {
        return 0.0;
    }
    SlowForm::of(scenario, &Load::of(scenario)).map_or(0.0, |form| form.memory_per_connection())
}

/// Moments of a delivery's time on the downlink, in seconds: the bytes vary as the payload does, what comes on top hardly.
fn service(scenario: &Scenario, bytes_per_second: f64) -> Moments {
    let (wire, size) = (Wire::of(scenario), &scenario.workload.message_size);
    let mean = wire.mean_delivery(size).egress.bytes;
    let carried = wire.mean_carried(size);
    let cv2 = if size.mean() > 0.0 { size.variance() / size.mean().powi(2) } else { 0.0 };
    Moments {
        mean: mean / bytes_per_second,
        square: (mean * mean + cv2 * carried * carried) / (bytes_per_second * bytes_per_second),
    }
}

/// How many deliveries reach a connection at once (moments), and the work they bring: batches, where all users get what
/// one sends; otherwise one at a time.
fn lot(scenario: &Scenario, service: Moments) -> (Moments, Moments) {
    let together = match (&scenario.workload.fan_out, &scenario.workload.arrivals) {
        (FanOut::Broadcast, Arrivals::Batch(BatchSize::Fixed(n))) => Moments::constant(*n as f64),
        (FanOut::Broadcast, Arrivals::Batch(BatchSize::Geometric(mean))) => {
            Moments { mean: *mean, square: mean * (2.0 * mean - 1.0) }
        }
        _ => return (Moments::constant(1.0), service),
    };
    let variance = service.square - service.mean * service.mean;
    let square = together.mean * variance + together.square * service.mean * service.mean;
    (together, Moments { mean: together.mean * service.mean, square })
}

/// How long a user who was cut is away: the first wait, and a way there and back.
fn away_seconds(scenario: &Scenario) -> f64 {
    let Some(Reconnect { backoff, jitter }) = scenario.workload.reconnect else { return 0.0 };
    let first = match backoff {
        Backoff::Constant(time) => time.get(),
        Backoff::Exponential { base, .. } => base.get(),
    };
    let round_trip = (2.0 * scenario.latency.client.mean()).max(crate::scenario::SHORTEST_ROUND_TRIP_SECONDS);
    first * if jitter { 0.5 } else { 1.0 } + round_trip
}
