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
        Reach::on(scenario, servers).spread(connections)
    }

    /// With what goes to other shards, and what the broker makes of it.
    fn carried(mut self, scenario: &Scenario, servers: u64) -> Self {
        let n = servers as f64;
        let (shards, locality) = shards(scenario);
        let elsewhere =
            if scenario.workload.fan_out == FanOut::Broadcast { 1.0 - 1.0 / shards } else { 1.0 - locality };
        if shards > 1.0 && self.remote() > 0.0 {
            self.crossing = (elsewhere * self.deliveries / self.remote()).min(1.0);
        }
        if let Some(broker) = &scenario.broker {
            if broker.publishes_for_each() && scenario.workload.fan_out != FanOut::Broadcast {
                self.publishes = self.addressed;
            }
            if broker.floods {
                (self.publishes, self.copies) = (1.0, n);
            }
            if broker.publishes_for_each()
                && let Some(partitions) = broker.partitions
            {
                // Servers that share a partition all read it.
                self.copies *= (n / partitions as f64).max(1.0);
            }
        }
        self
    }

    fn direct(&mut self, local: f64) {
        self.deliveries = 1.0;
        (self.local_jobs, self.per_local) = (local, Moments::constant(1.0));
        self.addressed = 1.0 - local;
        (self.copies, self.publishes) = (self.addressed, self.addressed);
        self.per_copy = Moments::constant(1.0);
    }

    /// Of m members on g servers, each anywhere, a server has Binomial(m, 1/g), and g(1 − (1 − 1/g)^m) have one at all.
    fn room(&mut self, room: &Room, group: f64, locality: f64, servers: u64) {
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
    }

    /// With so many rooms, of which some are more popular than others.
    fn heated(mut self, rooms: f64, popularity: &Popularity, servers: u64) -> Self {
        let (all, squares) = popularity.harmonics(rooms);
        self.hot_channel = 1.0 / all;
        // A server's share of a room's deliveries is Binomial(m, 1/n)/m: relative variance about n/m. Rooms add up,
        // weighted by the square of their popularity; the largest of n as in `imbalance`.
        let n = servers as f64;
        if n > 1.0 && popularity.once.exponent > 0.0 {
            let variance = squares / (all * all) * n / self.deliveries.max(1.0);
            self.hot_server = (1.0 + (variance * 2.0 * n.ln()).sqrt()).min(n);
        }
        self
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

/// A scenario's messages on so many servers: what of their [`Spread`] is the same for any number of connections.
///
/// Where a resource gives way is searched for over the connections, on one number of servers, so this is worked out once for
/// the whole search.
#[derive(Debug, Clone, Copy)]
pub struct Reach<'a> {
    scenario: &'a Scenario,
    servers: u64,
    /// All of the spread but how hot rooms are; of a broadcast, nothing.
    even: Spread,
    /// Of rooms.
    popularity: Option<Popularity>,
}

impl<'a> Reach<'a> {
    /// On so many servers.
    pub fn on(scenario: &'a Scenario, servers: u64) -> Self {
        let popularity = match &scenario.workload.fan_out {
            FanOut::Room(room) => Some(Popularity::new(room.zipf)),
            _ => None,
        };
        Self { scenario, servers, even: Spread::NONE, popularity }.moved(servers)
    }

    /// The same on another number of servers.
    #[must_use]
    pub fn moved(self, servers: u64) -> Self {
        let scenario = self.scenario;
        let (shards, locality) = shards(scenario);
        // Servers of a shard; with fewer servers than shards (before any are counted) one.
        let group = (servers as f64 / shards).max(1.0);
        let mut even = Spread::NONE;
        match &scenario.workload.fan_out {
            FanOut::Echo | FanOut::None | FanOut::Broadcast => {}
            FanOut::Direct => even.direct(locality / group),
            FanOut::Room(room) => even.room(room, group, locality, servers),
        }
        if scenario.workload.fan_out.crosses() {
            even = even.carried(scenario, servers);
        }
        Self { servers, even, ..self }
    }

    /// With so many connections on all of them.
    pub fn spread(&self, connections: f64) -> Spread {
        match (&self.scenario.workload.fan_out, &self.popularity) {
            (FanOut::Broadcast, _) => {
                let mut spread = Spread::NONE;
                spread.broadcast(connections, self.servers as f64);
                spread.carried(self.scenario, self.servers)
            }
            (FanOut::Room(room), Some(popularity)) => {
                self.even.heated(rooms(room, connections), popularity, self.servers)
            }
            _ => self.even,
        }
    }

    /// The same but for [`Spread::hot_server`], which the broker does not see.
    pub fn over_broker(&self, connections: f64) -> Spread {
        match (&self.scenario.workload.fan_out, &self.popularity) {
            (FanOut::Room(room), Some(popularity)) => {
                Spread { hot_channel: 1.0 / popularity.harmonic(rooms(room, connections)), ..self.even }
            }
            _ => self.spread(connections),
        }
    }
}

/// How many shards there are, and the share of the messages that stay in their sender's.
fn shards(scenario: &Scenario) -> (f64, f64) {
    scenario.sharding.as_ref().map_or((1.0, 1.0), |s| (s.shards as f64, s.locality.get()))
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
pub fn harmonics(n: f64, s: f64) -> (f64, f64) {
    Popularity::new(s).harmonics(n)
}

/// How popular rooms are by Zipf's law with exponent s: the k-th as 1/k^s. It knows the sums of popularities and of their
/// squares, which are H(s) and H(2s), where H(s) is 1 + 1/2^s + … + 1/n^s.
///
/// From the a-th term on, Σ k^−s is ∫ x^−s dx + (b^−s − a^−s)/2 and the terms of Euler and Maclaurin with the derivatives at both
/// ends: B₂/2!·s, B₄/4!·s(s + 1)(s + 2), and so on up to B₁₂ (Abramowitz and Stegun 1964, 23.1.30). With a = 10 what is left out is
/// below 1e-13 of the sum for every s ≥ 0. A server's closed form asks for this hundreds of times with one s, and powers are what
/// it costs, so those of the first terms are kept, taken of primes, and shared by both sums.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Popularity {
    once: Series,
    twice: Series,
}

impl Popularity {
    fn new(s: f64) -> Self {
        let [two, three, five, seven] = [2.0_f64, 3.0, 5.0, 7.0].map(|prime| prime.powf(-s));
        let powers = [1.0, two, three, two * two, five, two * three, seven, two * two * two, three * three, two * five];
        Self { once: Series::new(s, powers), twice: Series::new(2.0 * s, powers.map(|power| power * power)) }
    }

    /// H(s) of n terms.
    fn harmonic(&self, n: f64) -> f64 {
        self.once.sum(n, (n / TERMS as f64).ln(), n.powf(-self.once.exponent))
    }

    /// H(s) and H(2s) of n terms.
    fn harmonics(&self, n: f64) -> (f64, f64) {
        let log = (n / TERMS as f64).ln();
        let last = n.powf(-self.once.exponent);
        (self.once.sum(n, log, last), self.twice.sum(n, log, last * last))
    }
}

/// 1 + 1/2^s + 1/3^s + …
#[derive(Debug, Clone, Copy, PartialEq)]
struct Series {
    exponent: f64,
    /// Its first terms.
    terms: [f64; TERMS],
    /// Their sum.
    first: f64,
    /// Of Euler and Maclaurin's terms: coefficients with the rising products of the exponent, and what the derivative at the
    /// first end has besides.
    corrections: [(f64, f64); COEFFICIENTS.len()],
}

impl Series {
    fn new(s: f64, terms: [f64; TERMS]) -> Self {
        let mut rising = s;
        let mut k = 1.0;
        let first = TERMS as f64;
        let mut at_first = terms[TERMS - 1] / first;
        let corrections = COEFFICIENTS.map(|coefficient| {
            let correction = (coefficient * rising, at_first);
            rising *= (s + k) * (s + k + 1.0);
            k += 2.0;
            at_first /= first * first;
            correction
        });
        Self { exponent: s, terms, first: terms.iter().rev().sum(), corrections }
    }

    /// The sum of n terms, from the logarithm of n over [`TERMS`], and the last term.
    fn sum(&self, n: f64, log: f64, last: f64) -> f64 {
        let first = TERMS as f64;
        if n <= first {
            return self.terms[..n as usize].iter().rev().sum();
        }
        let a = self.terms[TERMS - 1];
        // ∫ from a to n is a^(1 − s)·(e^((1 − s)·ln(n/a)) − 1)/(1 − s), which has no cancellation near s = 1.
        let x = (1.0 - self.exponent) * log;
        let integral = a * first * log * if x == 0.0 { 1.0 } else { x.exp_m1() / x };
        let mut at_last = last / n;
        let mut corrections = 0.0;
        for (correction, at_first) in self.corrections {
            corrections += correction * (at_first - at_last);
            at_last /= n * n;
        }
        self.first + integral + (last - a) / 2.0 + corrections
    }
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
        spread.room(&Room { size: Distribution::Constant(50.0), zipf: 0.0 }, 10.0, 1.0, 10);
        assert!((spread.local() + spread.remote() - 50.0).abs() < 1e-9);
        spread.room(&Room { size: Distribution::Constant(50.0), zipf: 0.0 }, 5.0, 0.8, 10);
        assert!((spread.local() + spread.remote() - 50.0).abs() < 1e-9);
    }
}
