//! Messages of users who are each in one of some states, with a rate of its own: a Markov-modulated Poisson process.
//!
//! Users in the same state are alike, so counts of them are all there is to keep. All their exponential clocks together are
//! one, and what rang it is then drawn in proportion to the rates: exact, whatever the number of users.

use super::demand::to_span;
use crate::random::Stream;
use crate::stats::queueing::stationary;
use crate::units::SimTime;
use crate::units::time::PICOSECONDS;

/// The messages of a cell's connections.
#[derive(Debug)]
pub struct Modulated {
    /// Messages a second of a connection in each state.
    rates: Vec<f64>,
    /// Changes a second out of each state, to the next.
    switch: Vec<f64>,
    /// The share of connections in each state in the long run.
    mix: Vec<f64>,
    /// Connections in each state.
    counts: Vec<u64>,
    /// When the next message is sent or the next state changes.
    next: SimTime,
    stream: Stream,
}

impl Modulated {
    /// Nobody is connected yet.
    pub fn new(rates: Vec<f64>, switch: Vec<f64>, stream: Stream) -> Self {
        Self { mix: stationary(&switch), counts: vec![0; rates.len()], rates, switch, next: SimTime::NEVER, stream }
    }

    /// The number of connections has changed: new ones are in any state, as in the long run; those who go are any.
    pub fn repopulate(&mut self, now: SimTime, connections: u64) {
        let present: u64 = self.counts.iter().sum();
        if connections > present {
            self.join(connections - present);
        }
        for left in (connections + 1..=present).rev() {
            let mut chosen = self.stream.below(left);
            for count in &mut self.counts {
                if chosen < *count {
                    *count -= 1;
                    break;
                }
                chosen -= *count;
            }
        }
        self.draw(now);
    }

    /// A multinomial draw, state by state.
    fn join(&mut self, mut newcomers: u64) {
        let mut rest = 1.0;
        for (count, share) in self.counts.iter_mut().zip(&self.mix) {
            let joined = self.stream.binomial(newcomers, (share / rest).clamp(0.0, 1.0));
            *count += joined;
            newcomers -= joined;
            rest = (rest - share).max(f64::MIN_POSITIVE);
        }
        // What rounding left over.
        if let Some(last) = self.counts.last_mut() {
            *last += newcomers;
        }
    }

    fn total(&self) -> f64 {
        self.counts
            .iter()
            .zip(&self.rates)
            .zip(&self.switch)
            .map(|((n, rate), switch)| *n as f64 * (rate + switch))
            .sum()
    }

    fn draw(&mut self, now: SimTime) {
        let total = self.total();
        self.next = if total > 0.0 {
            SimTime(now.0.saturating_add(to_span(self.stream.exp1() * PICOSECONDS / total).0))
        } else {
            SimTime::NEVER
        };
    }

    /// When the next message is sent, or at the earliest so: something else may happen then.
    pub fn next(&self) -> SimTime {
        self.next
    }

    /// The next message, if not later than `last`: when, and the core of its connection.
    pub fn take(&mut self, last: SimTime, cores: u32) -> Option<(SimTime, u32)> {
        while self.next <= last && self.next != SimTime::NEVER {
            let at = self.next;
            let sent = self.ring();
            self.draw(at);
            if sent {
                let connections: u64 = self.counts.iter().sum();
                let core = if cores == 1 { 0 } else { (self.stream.below(connections) % u64::from(cores)) as u32 };
                return Some((at, core));
            }
        }
        None
    }

    /// What the clock rang for: whether it is a message.
    fn ring(&mut self) -> bool {
        let mut left = self.stream.unit() * self.total();
        for i in 0..self.counts.len() {
            let here = self.counts[i] as f64;
            if left < here * self.rates[i] {
                return true;
            }
            left -= here * self.rates[i];
            if left < here * self.switch[i] {
                let next = (i + 1) % self.counts.len();
                self.counts[i] -= 1;
                self.counts[next] += 1;
                return false;
            }
            left -= here * self.switch[i];
        }
        // Rounding went past the last one: nothing happens.
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    /// Of N users, counts over T vary as N λ̄T, and by the states: with two of equal switching σ and rates λ̄ ± d, by
    /// N d²(T/σ − (1 − e^(−2σT))/(2σ²)) more (the integral of the covariance d² e^(−2σ|t|)).
    #[test]
    fn counts_have_the_mean_and_variance_of_the_process() {
        let (users, mean, d, sigma, span) = (50, 4.0, 3.0, 0.5, 2.0_f64);
        let stream = Stream::named(7, 0, 0, Purpose::Arrivals);
        let mut process = Modulated::new(vec![mean - d, mean + d], vec![sigma, sigma], stream);
        process.repopulate(SimTime::ZERO, 80);
        process.repopulate(SimTime::ZERO, users);
        let n = 20_000;
        let counts: Vec<f64> = (1..=n)
            .map(|i| {
                let until = SimTime::from_seconds(f64::from(i) * span);
                std::iter::from_fn(|| process.take(until, 1)).count() as f64
            })
            .collect();
        let found = counts.iter().sum::<f64>() / f64::from(n);
        let variance = counts.iter().map(|c| (c - found).powi(2)).sum::<f64>() / f64::from(n - 1);
        let users = users as f64;
        let wanted = users * mean * span;
        let extra = span / sigma - (1.0 - (-2.0 * sigma * span).exp()) / (2.0 * sigma * sigma);
        assert!((found / wanted - 1.0).abs() < 0.01, "{found} {wanted}");
        let theory = wanted + users * d * d * extra;
        assert!((variance / theory - 1.0).abs() < 0.06, "{variance} {theory}");
    }

    #[test]
    fn nobody_sends_nothing() {
        let mut process = Modulated::new(vec![1.0, 0.0], vec![1.0, 1.0], Stream::named(7, 0, 0, Purpose::Arrivals));
        process.repopulate(SimTime::ZERO, 0);
        assert_eq!(process.take(SimTime::from_seconds(1e6), 1), None);
    }
}
