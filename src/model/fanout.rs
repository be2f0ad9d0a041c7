//! How a message reaches its recipients: how many there are, on how many servers, and what crosses the broker for that.
//!
//! Users are spread over servers independently of whom they talk to, but for shards: a message stays in its sender's shard
//! with the scenario's locality. A room lives in one shard.

use crate::random::{Distribution, Purpose, Stream};
use crate::scenario::{FanOut, Room, Scenario};
use crate::stats::queueing::Moments;

/// One message's way to its recipients, on so many servers, on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Recipients who are users of other connections than the sender's answer: those that cost a delivery.
    pub deliveries: f64,
    /// Chance that any of them is on the sender's own server.
    pub local_jobs: f64,
    /// How many are, if any: moments.
    pub per_local: Moments,
    /// Messages handed to the broker.
    pub publishes: f64,
    /// Copies that the broker hands to servers.
    pub copies: f64,
    /// Of them to servers with a recipient.
    pub addressed: f64,
    /// Recipients behind an addressed copy: moments.
    pub per_copy: Moments,
    /// Share of the deliveries over the broker that go to another shard.
    pub crossing: f64,
    /// By how much the busiest server's deliveries exceed the mean, for hot rooms.
    pub hot_server: f64,
    /// Share of the publishes that go to the busiest channel, which can't be split.
    pub hot_channel: f64,
}

const NOTHING: Moments = Moments { mean: 0.0, square: 0.0 };

impl Spread {
    /// Nothing goes to other users.
    const NONE: Self = Self {
        deliveries: 0.0,
        local_jobs: 0.0,
        per_local: NOTHING,
        publishes: 0.0,
        copies: 0.0,
        addressed: 0.0,
        per_copy: NOTHING,
        crossing: 0.0,
        hot_server: 1.0,
        hot_channel: 0.0,
    };

    /// The spread of this scenario's messages over so many servers, with so many connections on all of them.
    pub fn of(scenario: &Scenario, connections: f64, servers: u64) -> Self {
        let mut spread = Self::NONE;
        let n = servers as f64;
        let (shards, locality) = scenario.sharding.as_ref().map_or((1.0, 1.0), |s| (s.shards as f64, s.locality.get()));
        // Servers of a shard; with fewer servers than shards (before any are counted) one.
        let group = (n / shards).max(1.0);
        match &scenario.workload.fan_out {
            FanOut::Echo | FanOut::None => return spread,
            FanOut::Direct => spread.direct(locality / group),
            FanOut::Room(room) => spread.room(room, connections, group, locality, servers),
            FanOut::Broadcast => spread.broadcast(connections, n),
        }
        let elsewhere =
            if scenario.workload.fan_out == FanOut::Broadcast { 1.0 - 1.0 / shards } else { 1.0 - locality };
        if shards > 1.0 && spread.remote() > 0.0 {
            spread.crossing = (elsewhere * spread.deliveries / spread.remote()).min(1.0);
        }
        if let Some(broker) = &scenario.broker {
            if broker.publishes_for_each() && scenario.workload.fan_out != FanOut::Broadcast {
                spread.publishes = spread.addressed;
            }
            if broker.floods {
                (spread.publishes, spread.copies) = (1.0, n);
            }
            if broker.publishes_for_each()
                && let Some(partitions) = broker.partitions
            {
                // Servers that share a partition all read it.
                spread.copies *= (n / partitions as f64).max(1.0);
            }
        }
        spread
    }

    fn direct(&mut self, local: f64) {
        self.deliveries = 1.0;
        (self.local_jobs, self.per_local) = (local, Moments::constant(1.0));
        self.addressed = 1.0 - local;
        (self.copies, self.publishes) = (self.addressed, self.addressed);
        self.per_copy = Moments::constant(1.0);
    }

    /// Of m members on g servers, each anywhere, a server has Binomial(m, 1/g), and g(1 − (1 − 1/g)^m) have one at all.
    fn room(&mut self, room: &Room, connections: f64, group: f64, locality: f64, servers: u64) {
        let p = 1.0 / group;
        let empty = |m: f64| if group > 1.0 { ((1.0 - p).ln() * m).exp() } else { 0.0 };
        let sizes = sizes(&room.size);
        let mean_of = |figure: &dyn Fn(f64) -> f64| sizes.iter().map(|m| figure(*m)).sum::<f64>() / sizes.len() as f64;
        let occupied = mean_of(&|m| 1.0 - empty(m));
        self.deliveries = mean_of(&|m| m);
        let (mean, square) = (self.deliveries * p, mean_of(&|m| m * p * (1.0 - p) + (m * p).powi(2)));
        self.per_copy = Moments { mean: mean / occupied, square: square / occupied };
        (self.local_jobs, self.per_local) = (locality * occupied, self.per_copy);
        // A sender of the room's shard has one server of it; one from elsewhere none.
        self.addressed = locality * (group - 1.0) * occupied + (1.0 - locality) * group * occupied;
        self.copies = self.addressed;
        let nobody_else = locality * mean_of(&|m| if group > 1.0 { p.powf(m) } else { 1.0 });
        self.publishes = if servers > 1 { 1.0 - nobody_else } else { 0.0 };
        let rooms = rooms(room, connections);
        let (all, squares) = harmonics(rooms, room.zipf);
        self.hot_channel = 1.0 / all;
        // A server's share of a room's deliveries is Binomial(m, 1/n)/m: relative variance about n/m. Rooms add up,
        // weighted by the square of their popularity; the largest of n as in `imbalance`.
        let n = servers as f64;
        if n > 1.0 && room.zipf > 0.0 {
            let variance = squares / (all * all) * n / self.deliveries.max(1.0);
            self.hot_server = (1.0 + (variance * 2.0 * n.ln()).sqrt()).min(n);
        }
    }

    fn broadcast(&mut self, connections: f64, n: f64) {
        let each = connections / n;
        self.deliveries = connections;
        (self.local_jobs, self.per_local) = (1.0, Moments::constant(each));
        self.addressed = n - 1.0;
        self.copies = self.addressed;
        self.publishes = if n > 1.0 { 1.0 } else { 0.0 };
        self.per_copy = Moments::constant(each);
        self.hot_channel = 1.0;
    }

    /// Deliveries on the sender's own server.
    pub fn local(&self) -> f64 {
        self.local_jobs * self.per_local.mean
    }

    /// Deliveries that come over the broker.
    pub fn remote(&self) -> f64 {
        self.addressed * self.per_copy.mean
    }
}

/// How many rooms there are, so that each connection is in one.
pub fn rooms(room: &Room, connections: f64) -> f64 {
    (connections / room.size.mean()).round().max(1.0)
}

/// Terms that are added up one by one; past them comes Euler and Maclaurin's formula.
const TERMS: usize = 10;
/// B₂/2!, B₄/4!, … of Euler and Maclaurin's formula.
const COEFFICIENTS: [f64; 6] =
    [1.0 / 12.0, -1.0 / 720.0, 1.0 / 30_240.0, -1.0 / 1_209_600.0, 1.0 / 47_900_160.0, -691.0 / 1_307_674_368_000.0];

/// H(s) and H(2s), where H(s) is 1 + 1/2^s + … + 1/n^s.
///
/// From the a-th term on, Σ k^−s is ∫ x^−s dx + (b^−s − a^−s)/2 and the terms of Euler and Maclaurin with the derivatives at both
/// ends: B₂/2!·s, B₄/4!·s(s + 1)(s + 2), and so on up to B₁₂ (Abramowitz and Stegun 1964, 23.1.30). With a = 10 what is left out is
/// below 1e-13 of the sum for every s ≥ 0. A server's closed form asks for this hundreds of times, and powers are what it costs,
/// so these are taken of primes, and shared by both sums.
pub fn harmonics(n: f64, s: f64) -> (f64, f64) {
    let [two, three, five, seven] = [2.0_f64, 3.0, 5.0, 7.0].map(|prime| prime.powf(-s));
    let powers = [1.0, two, three, two * two, five, two * three, seven, two * two * two, three * three, two * five];
    let last = n.powf(-s);
    (sum_of(n, s, &powers, last), sum_of(n, 2.0 * s, &powers.map(|power| power * power), last * last))
}

/// The sum, from the first terms and the last.
fn sum_of(n: f64, s: f64, powers: &[f64; TERMS], last: f64) -> f64 {
    let first = n.min(TERMS as f64);
    let sum: f64 = powers[..first as usize].iter().rev().sum();
    if n <= first {
        return sum;
    }
    let a = powers[TERMS - 1];
    let log = (n / first).ln();
    // ∫ from a to n is a^(1 − s)·(e^((1 − s)·ln(n/a)) − 1)/(1 − s), which has no cancellation near s = 1.
    let x = (1.0 - s) * log;
    let integral = a * first * log * if x == 0.0 { 1.0 } else { x.exp_m1() / x };
    let mut rising = s;
    let (mut at_first, mut at_last) = (a / first, last / n);
    let mut corrections = 0.0;
    let mut k = 1.0;
    for coefficient in COEFFICIENTS {
        corrections += coefficient * rising * (at_first - at_last);
        rising *= (s + k) * (s + k + 1.0);
        k += 2.0;
        at_first /= first * first;
        at_last /= n * n;
    }
    sum + integral + (last - a) / 2.0 + corrections
}

/// Sizes of rooms that stand for all: of a constant the one there is, else 256 fixed draws.
fn sizes(distribution: &Distribution) -> Vec<f64> {
    let whole = |size: f64| size.round().max(1.0);
    if let Some(constant) = distribution.constant() {
        return vec![whole(constant)];
    }
    let mut stream = Stream::named(0, 0, 0, Purpose::Rooms);
    (0..256).map(|_| whole(distribution.sample(&mut stream))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmonic_sums_are_exact_to_many_digits() {
        let cases = [
            (5_000.0, 1.0),
            (20_000.0, 1.1),
            (20_000.0, 0.0),
            (20_000.0, 0.8),
            (3_000.0, 2.2),
            (3_000.0, 8.0),
            (11.0, 0.9),
            (10.0, 0.9),
            (1.0, 0.9),
            (20_000.0, 1.0 + 1e-9),
        ];
        for (n, s) in cases {
            let direct = |s: f64| -> f64 { (1..=n as u64).rev().map(|k| (k as f64).powf(-s)).sum() };
            let (once, twice) = harmonics(n, s);
            for (found, right) in [(once, direct(s)), (twice, direct(2.0 * s))] {
                assert!((found / right - 1.0).abs() < 1e-13, "{n} {s}: {}", found / right - 1.0);
            }
        }
        // Of a great many terms: ζ(2) less the rest, which is 1/n to the first order.
        let basel = std::f64::consts::PI.powi(2) / 6.0 - 1e-9;
        assert!((harmonics(1e9, 2.0).0 / basel - 1.0).abs() < 1e-13);
    }

    #[test]
    fn everyone_is_reached_once() {
        let mut spread = Spread::NONE;
        spread.room(&Room { size: Distribution::Constant(50.0), zipf: 0.0 }, 1_000.0, 10.0, 1.0, 10);
        assert!((spread.local() + spread.remote() - 50.0).abs() < 1e-9);
        spread.room(&Room { size: Distribution::Constant(50.0), zipf: 0.0 }, 1_000.0, 5.0, 0.8, 10);
        assert!((spread.local() + spread.remote() - 50.0).abs() < 1e-9);
    }
}
