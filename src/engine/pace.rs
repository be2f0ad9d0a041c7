//! Operational time: how far a station that at times is slower, or stands still, could have come.
//!
//! op(t) is a piecewise linear map with rate 1 where all is well, 1/factor where the station is slow, and 0 where it
//! stands still. A station whose customers are put into operational time, served there as ever, and put back into real
//! time is exactly one whose interrupted services go on where they stopped (preemptive resume).

use std::collections::VecDeque;

use crate::random::{Distribution, Stream};
use crate::units::{SimTime, Span};

/// A station's map from real to operational time. It is made as far as it is looked at.
#[derive(Debug, Clone)]
pub struct Pace {
    slow: Vec<Slow>,
    breakdowns: Option<Breakdowns>,
    /// Without a gap, in order of time.
    segments: VecDeque<Segment>,
}

/// A time in which all takes `factor` times as long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slow {
    /// When it begins.
    pub from: SimTime,
    /// When it is over.
    pub to: SimTime,
    /// How much longer things take; at least 1.
    pub factor: f64,
}

/// Times at work and times at a standstill, one after the other.
#[derive(Debug, Clone)]
struct Breakdowns {
    working: Distribution,
    standing: Distribution,
    stream: Stream,
    stands: bool,
    until: u64,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    from: u64,
    to: u64,
    op: u64,
    rate: f64,
}

impl Pace {
    /// With these slow times; where they overlap, their factors multiply.
    pub fn new(slow: Vec<Slow>) -> Self {
        Self { slow, breakdowns: None, segments: VecDeque::new() }
    }

    /// With breakdowns as well, in their steady state from the start: it stands with probability
    /// E\[standing\]/(E\[working\] + E\[standing\]), for what is left of such a time at a random moment.
    #[must_use]
    pub fn with_breakdowns(mut self, working: &Distribution, standing: &Distribution, mut stream: Stream) -> Self {
        let stands = stream.unit() * (working.mean() + standing.mean()) < standing.mean();
        let left = if stands { standing } else { working }.sample_residual(&mut stream);
        self.breakdowns = Some(Breakdowns {
            working: working.clone(),
            standing: standing.clone(),
            stream,
            stands,
            until: Span::from_seconds(left).0.max(1),
        });
        self
    }

    /// These slow times as well.
    ///
    /// # Panics
    /// When something was asked before: a bug of ours.
    pub fn slow_down(&mut self, slow: &[Slow]) {
        assert!(self.segments.is_empty(), "the map is not made yet");
        self.slow.extend_from_slice(slow);
    }

    /// The operational time of a moment.
    pub fn op(&mut self, at: SimTime) -> SimTime {
        while self.segments.back().is_none_or(|last| last.to <= at.0 && last.to < u64::MAX) {
            self.extend();
        }
        let here = self.segments.partition_point(|segment| segment.to <= at.0).min(self.segments.len() - 1);
        SimTime(self.segments[here].op_at(at.0))
    }

    /// Forgets what was before a moment; nobody may ask for it any more.
    pub fn forget(&mut self, before: SimTime) {
        while self.segments.len() > 1 && self.segments[0].to <= before.0 {
            self.segments.pop_front();
        }
    }

    /// The first moment with this operational time; of one that has been forgotten, the first that is known.
    pub fn real(&mut self, op: SimTime) -> SimTime {
        while self.segments.back().is_none_or(|last| last.op_at(last.to) < op.0 && last.to < u64::MAX) {
            self.extend();
        }
        let here = self.segments.partition_point(|segment| segment.op_at(segment.to) < op.0);
        let Some(segment) = self.segments.get(here) else { return SimTime::NEVER };
        SimTime(segment.real_of(op.0))
    }

    /// The times at work between two moments that have been looked at.
    pub fn at_work(&self, from: SimTime, to: SimTime) -> impl Iterator<Item = (SimTime, SimTime)> {
        let first = self.segments.partition_point(|segment| segment.to <= from.0);
        self.segments
            .range(first..)
            .take_while(move |segment| segment.from < to.0)
            .filter(|segment| segment.rate > 0.0)
            .map(move |segment| (SimTime(segment.from.max(from.0)), SimTime(segment.to.min(to.0))))
    }

    /// Adds the next segment: up to where something changes.
    fn extend(&mut self) {
        let (from, op) = self.segments.back().map_or((0, 0), |last| (last.to, last.op_at(last.to)));
        let mut to = u64::MAX;
        let mut rate = 1.0;
        for slow in &self.slow {
            if slow.from.0 <= from && from < slow.to.0 {
                rate /= slow.factor;
            }
            to = [slow.from.0, slow.to.0].into_iter().filter(|border| *border > from).fold(to, u64::min);
        }
        if let Some(breakdowns) = &mut self.breakdowns {
            if breakdowns.until <= from {
                breakdowns.turn();
            }
            to = to.min(breakdowns.until);
            if breakdowns.stands {
                rate = 0.0;
            }
        }
        self.segments.push_back(Segment { from, to, op, rate });
    }
}

impl Breakdowns {
    fn turn(&mut self) {
        self.stands = !self.stands;
        let length = if self.stands { &self.standing } else { &self.working };
        let length = Span::from_seconds(length.sample(&mut self.stream)).0.max(1);
        self.until = self.until.saturating_add(length);
    }
}

impl Segment {
    #[expect(clippy::float_cmp, reason = "1 is set, not computed")]
    fn op_at(&self, real: u64) -> u64 {
        debug_assert!(real >= self.from, "what was forgotten can't be asked for");
        let since = real.saturating_sub(self.from);
        self.op.saturating_add(if self.rate == 1.0 { since } else { (since as f64 * self.rate) as u64 })
    }

    #[expect(clippy::float_cmp, reason = "1 is set, not computed")]
    fn real_of(&self, op: u64) -> u64 {
        let since = op.saturating_sub(self.op);
        if since == 0 {
            return self.from;
        }
        let real = if self.rate == 1.0 { since } else { (since as f64 / self.rate).ceil() as u64 };
        self.from.saturating_add(real).min(self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    #[test]
    fn half_speed_takes_twice_as_long() {
        let mut pace = Pace::new(vec![Slow { from: SimTime(100), to: SimTime(200), factor: 2.0 }]);
        assert_eq!([50, 100, 150, 200, 300].map(|t| pace.op(SimTime(t)).0), [50, 100, 125, 150, 250]);
        assert_eq!([50, 100, 125, 150, 250].map(|op| pace.real(SimTime(op)).0), [50, 100, 150, 200, 300]);
        let work: Vec<_> = pace.at_work(SimTime(90), SimTime(210)).collect();
        assert_eq!(work, [(90, 100), (100, 200), (200, 210)].map(|(a, b)| (SimTime(a), SimTime(b))));
    }

    #[test]
    fn slow_times_multiply() {
        let slow = |from, to| Slow { from: SimTime(from), to: SimTime(to), factor: 2.0 };
        let mut pace = Pace::new(vec![slow(0, 300), slow(100, u64::MAX)]);
        assert_eq!([100, 200, 300, 400].map(|t| pace.op(SimTime(t)).0), [50, 75, 100, 150]);
    }

    /// Of a long time, the share at work is that of the means; back and forth is where one was, or the end of a standstill.
    #[test]
    fn breakdowns_take_their_share() {
        let stream = Stream::named(1, 0, 0, Purpose::Failures);
        let (working, standing) = (Distribution::exponential(3.0).unwrap(), Distribution::Constant(1.0));
        let mut pace = Pace::new(Vec::new()).with_breakdowns(&working, &standing, stream);
        let end = SimTime::from_seconds(100_000.0);
        let share = pace.op(end).as_seconds() / 100_000.0;
        assert!((share - 0.75).abs() < 0.01, "{share}");
        let work: u64 = pace.at_work(SimTime::ZERO, end).map(|(from, to)| to.0 - from.0).sum();
        assert_eq!(work, pace.op(end).0);
        for second in 0..1_000 {
            let at = SimTime::from_seconds(f64::from(second));
            let op = pace.op(at);
            let back = pace.real(op);
            assert!(back <= at && pace.op(back) == op, "{second} s");
        }
        pace.forget(end);
        assert!(pace.segments.len() < 3);
    }
}
