//! The autoscaler: at each look it compares what servers did since the last one with its target, and asks for more or fewer.
//!
//! It decides as Kubernetes' Horizontal Pod Autoscaler does (its documentation, "Algorithm details"): desired = ⌈current ×
//! measured/target⌉, nothing within the tolerance, servers that are still starting counted as idle, and fewer servers only
//! down to the most that was desired within the cool-down. Connections stay where they are: a new server is empty until
//! users come to it.

use std::collections::VecDeque;

use crate::scenario::{Autoscaler, ScaledBy, Scenario};
use crate::units::time::PICOSECONDS;
use crate::units::{SimTime, Span};

/// A hair below a whole number counts as it.
const ROUNDING: f64 = 1e-9;

/// Decides how many servers there are, and follows them.
#[derive(Debug)]
pub struct Scaler {
    rule: Autoscaler,
    cores: f64,
    comfortable: f64,
    places: Vec<Place>,
    /// Up to when each server's work was looked at, or when it joined; and the work until then.
    looked: Vec<(SimTime, u128)>,
    next_look: SimTime,
    /// What was desired, and when, within the cool-down.
    desired: VecDeque<(SimTime, u64)>,
    course: FleetCourse,
}

/// What a place for a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Empty,
    /// It takes connections from then on.
    Starting(SimTime),
    /// It has taken connections since then.
    Serving(SimTime),
    Draining,
}

/// What the door has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// A server joins at this moment.
    Start {
        /// Which.
        server: usize,
        /// When.
        at: SimTime,
    },
    /// A server closes its connections until then, and is gone.
    Drain {
        /// Which.
        server: usize,
        /// Until when.
        to: SimTime,
    },
}

/// How many servers there were over time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FleetCourse {
    /// From each moment on: servers that are up (those that drain too), and servers that are paid for (those that start
    /// too).
    steps: Vec<(SimTime, u64, u64)>,
    /// Looks that asked for more servers.
    pub scale_outs: u64,
    /// Looks that removed servers.
    pub scale_ins: u64,
}

impl FleetCourse {
    /// Server-time between two moments, of those that are up and of those that are paid for, in picoseconds.
    pub fn between(&self, from: SimTime, to: SimTime) -> (u128, u128) {
        let ends = self.steps.iter().skip(1).map(|step| step.0).chain([SimTime::NEVER]);
        self.steps.iter().zip(ends).fold((0, 0), |(up, paid), (&(begin, serving, billed), end)| {
            let time = u128::from(end.min(to).since(begin.max(from)).0);
            (up + u128::from(serving) * time, paid + u128::from(billed) * time)
        })
    }

    /// The most servers that were up at once.
    pub fn most(&self) -> u64 {
        self.steps.iter().map(|step| step.1).max().unwrap_or(0)
    }
}

impl Scaler {
    /// The autoscaler of a scenario, with places for `places` servers, the first `initial` of them taken.
    pub fn new(rule: Autoscaler, scenario: &Scenario, initial: usize, places: usize) -> Self {
        let place = |server| if server < initial { Place::Serving(SimTime::ZERO) } else { Place::Empty };
        let mut scaler = Self {
            rule,
            cores: f64::from(scenario.servers.cores),
            comfortable: scenario.servers.comfortable_connections,
            places: (0..places).map(place).collect(),
            looked: vec![(SimTime::ZERO, 0); places],
            next_look: SimTime::from_seconds(rule.every.get()),
            desired: VecDeque::from([(SimTime::ZERO, initial as u64)]),
            course: FleetCourse::default(),
        };
        scaler.count(SimTime::ZERO);
        scaler
    }

    /// When it looks next.
    pub fn next_look(&self) -> SimTime {
        self.next_look
    }

    /// Whether a server is up, if only to drain.
    pub fn is_up(&self, server: usize) -> bool {
        matches!(self.places[server], Place::Serving(_) | Place::Draining)
    }

    /// Looks at the servers: `busy` is the time that the cores of each have worked in all, `open` its connections.
    pub fn look(&mut self, now: SimTime, busy: &[u128], open: impl Fn(usize) -> u64) -> Vec<Order> {
        self.next_look = now + Span::from_seconds(self.rule.every.get());
        let mut utilisation = 0.0;
        for (server, place) in self.places.iter().enumerate() {
            let (since, before) = self.looked[server];
            if let Place::Serving(_) = place {
                utilisation += match self.rule.of {
                    ScaledBy::Connections => open(server) as f64 / self.comfortable,
                    ScaledBy::Cpu if now == since => 0.0,
                    ScaledBy::Cpu => {
                        let time = now.since(since).as_seconds() * self.cores;
                        busy[server].saturating_sub(before) as f64 / PICOSECONDS / time
                    }
                };
            }
            self.looked[server] = (now, busy[server]);
        }
        let current = self.current();
        let desired = self.desire(current, utilisation);
        self.desired.push_back((now, desired));
        let cool_down = Span::from_seconds(self.rule.cool_down.get());
        self.desired.retain(|(at, _)| now.since(*at) <= cool_down);
        let floor = self.desired.iter().map(|(_, servers)| *servers).max().unwrap_or(desired);
        let step = self.rule.step.of(current);
        let orders = if desired > current {
            self.add((desired - current).min(step), now)
        } else if floor < current {
            self.remove((current - floor).min(step), now)
        } else {
            Vec::new()
        };
        self.count(now);
        orders
    }

    /// ⌈current × measured/target⌉, where `utilisation` is the sum over all of them.
    fn desire(&self, current: u64, utilisation: f64) -> u64 {
        let target = self.rule.target.get();
        let ratio = utilisation / (target * current as f64);
        let desired = if (ratio - 1.0).abs() <= self.rule.tolerance.get() {
            current
        } else {
            (utilisation / target - ROUNDING).ceil().max(0.0) as u64
        };
        desired.clamp(self.rule.least, self.rule.most)
    }

    /// Servers that serve or start.
    fn current(&self) -> u64 {
        self.places.iter().filter(|place| matches!(place, Place::Serving(_) | Place::Starting(_))).count() as u64
    }

    /// Asks for so many servers, as far as there are places: one that drains keeps its own until it is gone.
    fn add(&mut self, count: u64, now: SimTime) -> Vec<Order> {
        let at = now + Span::from_seconds(self.rule.delay.get());
        let empty = self.places.iter_mut().enumerate().filter(|(_, place)| **place == Place::Empty);
        let mut orders = Vec::new();
        for (server, place) in empty.take(count as usize) {
            *place = Place::Starting(at);
            orders.push(Order::Start { server, at });
        }
        self.course.scale_outs += u64::from(!orders.is_empty());
        orders
    }

    /// Removes so many servers, those that start before the others and the newest first, as Kubernetes does.
    fn remove(&mut self, count: u64, now: SimTime) -> Vec<Order> {
        let to = now + Span::from_seconds(self.rule.drain.get());
        let mut newest: Vec<(bool, SimTime, usize)> = self
            .places
            .iter()
            .enumerate()
            .filter_map(|(server, place)| match *place {
                Place::Starting(at) => Some((true, at, server)),
                Place::Serving(since) => Some((false, since, server)),
                Place::Empty | Place::Draining => None,
            })
            .collect();
        newest.sort_unstable();
        let mut orders = Vec::new();
        for (starting, _, server) in newest.into_iter().rev().take(count as usize) {
            if starting {
                self.places[server] = Place::Empty;
            } else {
                self.places[server] = Place::Draining;
                orders.push(Order::Drain { server, to });
            }
        }
        self.course.scale_ins += 1;
        orders
    }

    /// A server is to join now; whether it does, since it may not be wanted any more.
    pub fn join(&mut self, server: usize, now: SimTime) -> bool {
        let joins = self.places[server] == Place::Starting(now);
        if joins {
            self.places[server] = Place::Serving(now);
            self.looked[server].0 = now;
            self.count(now);
        }
        joins
    }

    /// A server that drained is gone.
    pub fn leave(&mut self, server: usize, now: SimTime) {
        self.places[server] = Place::Empty;
        self.count(now);
    }

    fn count(&mut self, now: SimTime) {
        let up = (0..self.places.len()).filter(|server| self.is_up(*server)).count() as u64;
        let starting = self.places.iter().filter(|place| matches!(place, Place::Starting(_))).count() as u64;
        self.course.steps.push((now, up, up + starting));
    }

    /// How many servers there were over time.
    pub fn finish(self) -> FleetCourse {
        self.course
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Step;
    use crate::units::{Ratio, Seconds};

    const SECOND: u128 = 1_000_000_000_000;

    fn scaler(initial: usize, places: usize, cool_down: f64) -> Scaler {
        let rule = Autoscaler {
            target: Ratio::new(0.5),
            of: ScaledBy::Cpu,
            every: Seconds::new(10.0),
            tolerance: Ratio::new(0.1),
            delay: Seconds::new(15.0),
            step: Step::Servers(2),
            cool_down: Seconds::new(cool_down),
            drain: Seconds::new(5.0),
            least: 1,
            most: places as u64,
        };
        let mut scaler = Scaler {
            rule,
            cores: 1.0,
            comfortable: 100.0,
            places: (0..places)
                .map(|s| if s < initial { Place::Serving(SimTime::ZERO) } else { Place::Empty })
                .collect(),
            looked: vec![(SimTime::ZERO, 0); places],
            next_look: SimTime::from_seconds(10.0),
            desired: VecDeque::from([(SimTime::ZERO, initial as u64)]),
            course: FleetCourse::default(),
        };
        scaler.count(SimTime::ZERO);
        scaler
    }

    fn at(seconds: f64) -> SimTime {
        SimTime::from_seconds(seconds)
    }

    /// Two servers at 90 % and a target of 50 %: ⌈2 × 0.9/0.5⌉ = 4. While the two new ones start they count as idle, so
    /// the same load asks for no more.
    #[test]
    fn it_asks_for_what_is_missing_and_only_once() {
        let mut scaler = scaler(2, 8, 0.0);
        let busy = |seconds: u128| [9 * SECOND * seconds / 10, 9 * SECOND * seconds / 10, 0, 0, 0, 0, 0, 0];
        let orders = scaler.look(at(10.0), &busy(10), |_| 0);
        assert_eq!(orders, [2, 3].map(|server| Order::Start { server, at: at(25.0) }));
        assert_eq!(scaler.look(at(20.0), &busy(20), |_| 0), []);
        assert!(scaler.join(2, at(25.0)) && !scaler.join(3, at(26.0)));
        assert_eq!(scaler.course.between(at(10.0), at(30.0)), (2 * 20 * SECOND + 5 * SECOND, 4 * 20 * SECOND));
        assert_eq!((scaler.course.scale_outs, scaler.course.scale_ins, scaler.course.most()), (1, 0, 3));
    }

    /// A load of 25 % on four servers wants two; the newest go, and only when nothing within the cool-down wanted more.
    #[test]
    fn it_removes_the_newest_after_the_cool_down() {
        let mut scaler = scaler(4, 4, 25.0);
        let busy = |seconds: u128| [SECOND * seconds / 4; 4];
        assert_eq!(scaler.look(at(10.0), &busy(10), |_| 0), []);
        assert_eq!(scaler.look(at(20.0), &busy(20), |_| 0), []);
        let orders = scaler.look(at(30.0), &busy(30), |_| 0);
        assert_eq!(orders, [3, 2].map(|server| Order::Drain { server, to: at(35.0) }));
        scaler.leave(3, at(35.0));
        assert_eq!(scaler.course.between(at(30.0), at(40.0)).0, 4 * 5 * SECOND + 3 * 5 * SECOND);
    }

    /// 52 % is near enough to 50 %, though ⌈2 × 0.52/0.5⌉ = 3.
    #[test]
    fn near_enough_is_left_alone() {
        let mut scaler = scaler(2, 8, 0.0);
        let busy = |share: u128| [share * SECOND / 10, share * SECOND / 10, 0, 0, 0, 0, 0, 0];
        assert_eq!(scaler.look(at(10.0), &busy(52), |_| 0), []);
        assert_eq!(scaler.look(at(20.0), &busy(52 + 56), |_| 0).len(), 1);
    }
}
