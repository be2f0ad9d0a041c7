//! When the messages of a server's users arrive at it.

use super::demand::to_span;
use super::modulated::Modulated;
use super::ring::Ring;
use super::trace::Trace;
use crate::random::Stream;
use crate::scenario::{BatchSize, Curve};
use crate::units::SimTime;
use crate::units::time::PICOSECONDS;

/// The messages of all connections of a cell.
#[derive(Debug)]
pub enum Messages {
    /// Of many independent users together: a Poisson process whose rate is proportional to the connections.
    Poisson(Poisson),
    /// The same, of batches of messages.
    Batches(Poisson, BatchSize),
    /// Each connection's at its own phase.
    Periodic(Ring),
    /// Each connection's at the rate of its state.
    Modulated(Modulated),
    /// From a file.
    Trace(Trace),
    /// Others, of which a profile leaves some out.
    Shaped(Box<Shaped>),
}

/// Some messages of one connection.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// When.
    pub at: SimTime,
    /// How many.
    pub count: u64,
    /// The core of the connection.
    pub core: u32,
}

impl Messages {
    /// The number of connections has changed.
    pub fn repopulate(&mut self, now: SimTime, connections: u64) {
        match self {
            Self::Poisson(process) | Self::Batches(process, _) => process.repopulate(now, connections),
            Self::Shaped(shaped) => shaped.of_peak.repopulate(now, connections),
            Self::Modulated(process) => process.repopulate(now, connections),
            Self::Periodic(_) | Self::Trace(_) => {}
        }
    }

    /// When the next are sent, or at the earliest so.
    pub fn next(&self) -> SimTime {
        match self {
            Self::Poisson(process) | Self::Batches(process, _) => process.times[process.used % BLOCK],
            Self::Periodic(ring) => ring.next(),
            Self::Modulated(process) => process.next(),
            Self::Trace(trace) => trace.next(),
            Self::Shaped(shaped) => shaped.of_peak.next(),
        }
    }

    /// Touches what will be needed soon.
    #[inline(always)]
    pub fn glance(&self) -> u64 {
        let Self::Poisson(process) = self else { return 0 };
        process.times[process.used % BLOCK].0 ^ process.times[(process.used + 4) % BLOCK].0
    }

    /// The next messages sent, if not later than `last`.
    pub fn take(&mut self, last: SimTime, cores: u32) -> Option<Sent> {
        match self {
            Self::Poisson(process) => {
                let at = process.take(last)?;
                Some(Sent { at, count: 1, core: process.core(cores) })
            }
            Self::Batches(process, size) => {
                let at = process.take(last)?;
                let core = process.core(cores);
                let count = match size {
                    BatchSize::Fixed(count) => *count,
                    BatchSize::Geometric(mean) => process.stream.geometric(*mean),
                };
                Some(Sent { at, count, core })
            }
            Self::Periodic(ring) => {
                (ring.next() <= last).then(|| ring.fire()).map(|(at, core)| Sent { at, count: 1, core: core as u32 })
            }
            Self::Modulated(process) => process.take(last, cores).map(|(at, core)| Sent { at, count: 1, core }),
            Self::Trace(trace) => trace.take(last, cores).map(|(at, core)| Sent { at, count: 1, core }),
            Self::Shaped(shaped) => shaped.take(last, cores),
        }
    }
}

/// A process whose rate follows a curve: of the arrivals at the peak rate, each stays with the chance that the curve has
/// at its moment (thinning: P. A. W. Lewis and G. S. Shedler, Naval Research Logistics Quarterly 26, 1979).
#[derive(Debug)]
pub struct Shaped {
    of_peak: Messages,
    curve: Curve,
    stream: Stream,
}

impl Shaped {
    /// The process that is `of_peak` where the curve is 1.
    pub fn new(of_peak: Messages, curve: Curve, stream: Stream) -> Self {
        Self { of_peak, curve, stream }
    }

    fn take(&mut self, last: SimTime, cores: u32) -> Option<Sent> {
        loop {
            let sent = self.of_peak.take(last, cores)?;
            if self.stream.unit() < self.curve.share(sent.at.as_seconds()) {
                return Some(sent);
            }
        }
    }
}

/// So many arrivals are drawn at once: in a loop of its own the generator's state stays in registers.
const BLOCK: usize = 32;

/// A Poisson process whose rate is proportional to the connections.
#[derive(Debug)]
pub struct Poisson {
    /// Arrivals to come, those before `used` already taken.
    times: [SimTime; BLOCK],
    used: usize,
    connections: u64,
    /// Mean picoseconds between two arrivals of one connection.
    gap_of_one: f64,
    stream: Stream,
}

impl Poisson {
    /// Nobody is connected yet; each connection will have this rate.
    pub fn new(rate_of_one: f64, stream: Stream) -> Self {
        let gap_of_one = PICOSECONDS / rate_of_one;
        Self { times: [SimTime::NEVER; BLOCK], used: 0, connections: 0, gap_of_one, stream }
    }

    /// The number of connections has changed. The process forgets its past, so what comes after now is drawn anew.
    fn repopulate(&mut self, now: SimTime, connections: u64) {
        self.connections = connections;
        self.draw(now);
    }

    #[inline(never)]
    fn draw(&mut self, now: SimTime) {
        self.used = 0;
        if self.connections == 0 {
            self.times = [SimTime::NEVER; BLOCK];
            return;
        }
        let gap = self.gap_of_one / self.connections as f64;
        let mut at = now;
        for time in &mut self.times {
            // Rates may be so low that the sum of gaps is no time any more: then "never" it is.
            at = SimTime(at.0.saturating_add(to_span(self.stream.exp1() * gap).0));
            *time = at;
        }
    }

    /// The next arrival, if not later than `last`.
    #[inline(always)]
    pub fn take(&mut self, last: SimTime) -> Option<SimTime> {
        let at = self.times[self.used % BLOCK];
        if at > last {
            return None;
        }
        self.used += 1;
        if self.used == BLOCK {
            self.draw(at);
        }
        Some(at)
    }

    /// The core of the connection of the arrival just taken: connections are dealt out to cores in turn.
    pub fn core(&mut self, cores: u32) -> u32 {
        if cores == 1 { 0 } else { (self.stream.below(self.connections) % u64::from(cores)) as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    #[test]
    fn arrivals_have_the_rate_and_the_spread_of_a_poisson_process() {
        let mut process = Poisson::new(2.0, Stream::named(1, 0, 0, Purpose::Arrivals));
        process.repopulate(SimTime::ZERO, 500);
        let counts: Vec<f64> = (1..=2_000)
            .map(|i| std::iter::from_fn(|| process.take(SimTime::from_seconds(f64::from(i) * 0.1))).count() as f64)
            .collect();
        let mean = counts.iter().sum::<f64>() / 2_000.0;
        let variance = counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / 1_999.0;
        assert!((mean - 100.0).abs() < 1.0, "{mean}");
        assert!((variance / mean - 1.0).abs() < 0.13, "{}", variance / mean);
    }

    #[test]
    fn nobody_sends_nothing() {
        let mut process = Poisson::new(2.0, Stream::named(1, 0, 0, Purpose::Arrivals));
        process.repopulate(SimTime::ZERO, 0);
        assert_eq!(process.take(SimTime(u64::MAX - 1)), None);
        let mut rare = Poisson::new(1e-12, Stream::named(1, 0, 0, Purpose::Arrivals));
        rare.repopulate(SimTime::ZERO, 1);
        assert!(rare.take(SimTime::from_seconds(1e6)).is_none());
    }
}
