//! Customers who come back after a delay, counted and not listed.
//!
//! All customers of a group have the same delay: a fixed part, and one that is uniform over a window. Time is cut into bins
//! of a 256th of the window. Of a customer whose return falls into a bin that lies wholly inside its window, nothing is
//! known but that: given the bin, the moment is uniform in it, whenever the customer left. So a bin only counts. When
//! its time has come, its n customers are drawn in order: of m uniform points on (u, 1), the smallest is
//! 1 − (1 − u)·V^(1/m) with V uniform (order statistics). Returns in the bins that the edges of a window cut keep their
//! exact times, as do those after a delay without a window; equal times are one entry with a count. This is exact in
//! distribution, and takes memory for bins and not for customers, but for the 128th of them at the edges.

use std::collections::BTreeMap;

use crate::random::Stream;
use crate::units::{SimTime, Span};

/// Bins of a window.
const BINS: u64 = 256;

/// The delay of a group: uniform from `fixed` to `fixed + window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    /// What is always the same.
    pub fixed: Span,
    /// How long the uniform part is at most; zero for none.
    pub window: Span,
}

/// Groups of customers on their way back.
#[derive(Debug, Clone)]
pub struct Cohorts {
    groups: Vec<Group>,
    len: u64,
}

#[derive(Debug, Clone)]
struct Group {
    delay: Delay,
    /// Width of a bin; the bin of number b begins at b widths.
    width: u64,
    /// Customers of the bins to come.
    bins: BTreeMap<u64, u64>,
    /// The bin whose time it is.
    open: Option<Open>,
    /// Customers with a time of their own.
    exact: BTreeMap<SimTime, u64>,
    /// Nothing happens before.
    next: SimTime,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    start: u64,
    left: u64,
    /// Where in the bin, from 0 to 1, the last one drawn lies.
    progress: f64,
    next: SimTime,
}

impl Cohorts {
    /// Empty groups with these delays.
    pub fn new(delays: impl IntoIterator<Item = Delay>) -> Self {
        let group = |delay: Delay| Group {
            delay,
            width: (delay.window.0 / BINS).max(1),
            bins: BTreeMap::new(),
            open: None,
            exact: BTreeMap::new(),
            next: SimTime::NEVER,
        };
        Self { groups: delays.into_iter().map(group).collect(), len: 0 }
    }

    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Customers on their way back.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// So many customers leave at this moment, not before the last one taken out, and will be back after the group's delay.
    pub fn leave(&mut self, now: SimTime, group: usize, count: u64, stream: &mut Stream) {
        let Some(into) = self.groups.get_mut(group) else { return };
        self.len += count;
        let from = now.0.saturating_add(into.delay.fixed.0);
        let window = into.delay.window.0;
        if window == 0 {
            *into.exact.entry(SimTime(from)).or_default() += count;
        } else {
            let to = from.saturating_add(window);
            for _ in 0..count {
                let at = from.saturating_add(stream.below(window));
                let bin = at / into.width;
                let start = bin * into.width;
                if start >= from && start.saturating_add(into.width) <= to {
                    *into.bins.entry(bin).or_default() += 1;
                } else {
                    *into.exact.entry(SimTime(at)).or_default() += 1;
                }
            }
        }
        into.look_ahead();
    }

    /// A customer of this group comes back at just this time.
    pub fn expect(&mut self, at: SimTime, group: usize) {
        let Some(into) = self.groups.get_mut(group) else { return };
        self.len += 1;
        *into.exact.entry(at).or_default() += 1;
        into.look_ahead();
    }

    /// Nobody comes back before this moment.
    pub fn next_time(&self) -> SimTime {
        self.groups.iter().map(|group| group.next).min().unwrap_or(SimTime::NEVER)
    }

    /// The next customer who is back by this moment: when, and of which group.
    pub fn pop_until(&mut self, until: SimTime, stream: &mut Stream) -> Option<(SimTime, usize)> {
        loop {
            let (number, group) = self.groups.iter_mut().enumerate().min_by_key(|(_, group)| group.next)?;
            if group.next > until || group.next == SimTime::NEVER {
                return None;
            }
            if let Some(at) = group.pop(stream) {
                self.len -= 1;
                return Some((at, number));
            }
        }
    }
}

impl Group {
    /// Takes the next customer out, or opens the next bin.
    fn pop(&mut self, stream: &mut Stream) -> Option<SimTime> {
        let at = self.next;
        let mut popped = Some(at);
        if self.first_bin() == at {
            // Whoever leaves from now on is back after the bin's start, so it holds all it ever will.
            assert!(self.open.is_none(), "a bin is empty before the next one opens");
            popped = None;
            if let Some((bin, left)) = self.bins.pop_first() {
                let mut open = Open { start: bin * self.width, left, progress: 0.0, next: at };
                open.draw(self.width, stream);
                self.open = Some(open);
            }
        } else if let Some(open) = self.open.as_mut().filter(|open| open.next == at) {
            open.left -= 1;
            if open.left == 0 {
                self.open = None;
            } else {
                open.draw(self.width, stream);
            }
        } else if let Some(mut first) = self.exact.first_entry() {
            *first.get_mut() -= 1;
            if *first.get() == 0 {
                first.remove();
            }
        }
        self.look_ahead();
        popped
    }

    fn first_bin(&self) -> SimTime {
        self.bins.first_key_value().map_or(SimTime::NEVER, |(bin, _)| SimTime(bin * self.width))
    }

    fn look_ahead(&mut self) {
        let open = self.open.map_or(SimTime::NEVER, |open| open.next);
        let exact = self.exact.first_key_value().map_or(SimTime::NEVER, |(at, _)| *at);
        self.next = self.first_bin().min(open).min(exact);
    }
}

impl Open {
    fn draw(&mut self, width: u64, stream: &mut Stream) {
        let step = stream.exp1() / self.left as f64;
        self.progress = 1.0 - (1.0 - self.progress) * (-step).exp();
        self.next = SimTime(self.start + ((self.progress * width as f64) as u64).min(width - 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    const FIXED: u64 = 1_000;
    const WINDOW: u64 = 1_000_000;

    fn drain(cohorts: &mut Cohorts, stream: &mut Stream) -> Vec<u64> {
        std::iter::from_fn(|| cohorts.pop_until(SimTime(u64::MAX - 1), stream)).map(|(at, _)| at.0).collect()
    }

    /// Largest distance between the shares of two samples below any value (Kolmogorov and Smirnov).
    fn distance(a: &[u64], b: &[u64]) -> f64 {
        a.iter()
            .map(|x| {
                let share = |of: &[u64]| of.partition_point(|y| y <= x) as f64 / of.len() as f64;
                (share(a) - share(b)).abs()
            })
            .fold(0.0, f64::max)
    }

    /// Departures spread over a window and a half, and returns while others still leave, against a timer a customer.
    #[test]
    fn returns_are_distributed_as_with_a_timer_each() {
        let mut stream = Stream::named(1, 0, 0, Purpose::Connections);
        let n = 40_000_u64;
        let mut cohorts = Cohorts::new([Delay { fixed: Span(FIXED), window: Span(WINDOW) }]);
        let (mut counted, mut timed) = (Vec::new(), Vec::new());
        for i in 0..n {
            let now = i * 3 * WINDOW / 2 / n;
            while let Some((at, _)) = cohorts.pop_until(SimTime(now), &mut stream) {
                counted.push(at.0);
            }
            cohorts.leave(SimTime(now), 0, 1, &mut stream);
            timed.push(now + FIXED + stream.below(WINDOW));
        }
        counted.extend(drain(&mut cohorts, &mut stream));
        assert!(counted.is_sorted() && cohorts.is_empty());
        assert_eq!(counted.len() as u64, n);
        timed.sort_unstable();
        // Passed by chance alone in 999 of 1,000 tests of this size: 1.95·√(2/n).
        let found = distance(&counted, &timed);
        assert!(found < 1.95 * (2.0 / n as f64).sqrt(), "{found}");
    }

    /// All leave at once: within bins as well as between them, returns are uniform and independent (gaps of a Poisson
    /// process, given their number: the variance of counts of small intervals is binomial).
    #[test]
    fn a_crowd_spreads_evenly() {
        let mut stream = Stream::named(2, 0, 0, Purpose::Connections);
        let n = 200_000_u64;
        let mut cohorts = Cohorts::new([Delay { fixed: Span(FIXED), window: Span(WINDOW) }]);
        cohorts.leave(SimTime(77), 0, n, &mut stream);
        let few = cohorts.groups[0].exact.values().sum::<u64>();
        assert!(few < n / 64, "{few} keep times of their own");
        let cells = 1_000;
        let mut counts = vec![0_f64; cells];
        for at in drain(&mut cohorts, &mut stream) {
            counts[((at - 77 - FIXED) * cells as u64 / WINDOW) as usize] += 1.0;
        }
        let expected = n as f64 / cells as f64;
        let chi_square: f64 = counts.iter().map(|count| (count - expected).powi(2) / expected).sum();
        // Mean 999, deviation √(2·999) = 45.
        assert!((chi_square - 999.0).abs() < 4.0 * 45.0, "{chi_square}");
    }

    #[test]
    fn without_a_window_all_are_one_entry() {
        let mut stream = Stream::named(3, 0, 0, Purpose::Connections);
        let constant = |fixed| Delay { fixed: Span(fixed), window: Span::ZERO };
        let mut cohorts = Cohorts::new([constant(10), constant(5)]);
        cohorts.leave(SimTime(0), 0, 1_000_000, &mut stream);
        cohorts.leave(SimTime(1), 1, 2, &mut stream);
        assert_eq!((cohorts.len(), cohorts.groups[0].exact.len()), (1_000_002, 1));
        assert_eq!(cohorts.next_time(), SimTime(6));
        assert_eq!(cohorts.pop_until(SimTime(5), &mut stream), None);
        assert_eq!(cohorts.pop_until(SimTime(6), &mut stream), Some((SimTime(6), 1)));
        assert_eq!(cohorts.pop_until(SimTime(6), &mut stream), Some((SimTime(6), 1)));
        assert_eq!(cohorts.pop_until(SimTime(99), &mut stream), Some((SimTime(10), 0)));
    }

    #[test]
    fn a_delay_past_the_end_of_time_never_ends() {
        let mut stream = Stream::named(4, 0, 0, Purpose::Connections);
        let mut cohorts = Cohorts::new([Delay { fixed: Span(1), window: Span(u64::MAX) }]);
        cohorts.leave(SimTime(u64::MAX / 2), 0, 100, &mut stream);
        while cohorts.pop_until(SimTime(u64::MAX - 1), &mut stream).is_some() {}
        assert!(cohorts.next_time() == SimTime::NEVER);
    }
}
