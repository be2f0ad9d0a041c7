//! When which user sends: drawn before it is time, and never delayed by what the server does.
//!
//! A worker has a stretch of the users. All their messages together are one process, seeded by the run and the worker, so
//! that the same run with the same number of workers has the same schedule.

use std::ops::Range;
use std::sync::Arc;

use super::audience::Audience;
use super::plan::{Pace, Plan};
use crate::random::{Purpose, Stream};
use crate::scenario::{Arrivals, BatchSize, Curve};
use crate::stats::queueing::stationary;

const SECOND: f64 = 1e9;

/// Some messages to send.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Due {
    /// When, in ns from the start.
    pub at: u64,
    /// Whose, counted from the worker's first user.
    pub sender: u32,
    /// How many.
    pub count: u64,
}

/// The messages of a worker's users, in order of time.
#[derive(Debug)]
pub struct Schedule {
    process: Process,
    senders: Senders,
    /// Draws who sends, and with batches how many.
    stream: Stream,
    shape: Option<(Curve, Stream)>,
    /// ns from the start until nothing more is sent.
    end: f64,
}

#[derive(Debug)]
enum Process {
    Poisson { gap: f64, at: f64, draws: Stream },
    Batches { gap: f64, at: f64, draws: Stream, size: BatchSize },
    Periodic { period: f64, phases: Vec<(f64, u32)>, next: usize, round: f64 },
    Modulated(Modulated),
    Trace { trace: Trace, seed: u64, worker: u64, workers: u64 },
    Silent,
}

/// How likely each user is the one who sends.
#[derive(Debug)]
enum Senders {
    /// As likely as any other.
    Alike(u64),
    /// By the popularity of rooms: upper ends of the rooms' shares, and the members that are this worker's.
    ByRoom { ends: Vec<f64>, members: Vec<Range<u32>> },
}

impl Schedule {
    /// The schedule of one of several workers, whose users these are.
    pub fn new(plan: &Plan, audience: &Audience, users: Range<u32>, worker: u64, workers: u64) -> Self {
        let stream = |purpose| Stream::named(plan.seed, 0, worker, purpose);
        let (senders, share) = Senders::new(plan.connections, audience, &users);
        let n = f64::from(plan.connections) * share;
        let draws = stream(Purpose::Arrivals);
        let process = match &plan.pace {
            Pace::Closed { .. } => Process::Silent,
            Pace::Open { rate, .. } if *rate * n == 0.0 => Process::Silent,
            Pace::Open { rate, arrivals } => match arrivals {
                Arrivals::Poisson => Process::Poisson { gap: SECOND / (rate * n), at: 0.0, draws },
                Arrivals::Batch(size) => {
                    let mean = match size {
                        BatchSize::Fixed(count) => *count as f64,
                        BatchSize::Geometric(mean) => *mean,
                    };
                    Process::Batches { gap: mean * SECOND / (rate * n), at: 0.0, draws, size: *size }
                }
                Arrivals::Periodic => Process::periodic(SECOND / rate, users.len() as u32, draws),
                Arrivals::Mmpp { rates, switch } => {
                    Process::Modulated(Modulated::new(rates, switch, users.len() as u32, draws))
                }
                Arrivals::Trace { times, period } => {
                    let trace = Trace { times: Arc::clone(times), period: *period, number: 0 };
                    Process::Trace { trace, seed: plan.seed, worker, workers }
                }
            },
        };
        let shape = plan.profile.clone().map(|curve| (curve, stream(Purpose::Profile)));
        let end = (plan.warm_up + plan.duration) * SECOND;
        Self { process, senders, stream: stream(Purpose::Connections), shape, end }
    }

    /// The next; `None` after the last.
    pub fn next(&mut self) -> Option<Due> {
        loop {
            let (at, sender, count) = self.process.next(&mut self.stream, self.end)?;
            if at >= self.end {
                return None;
            }
            let kept = self.shape.as_mut().is_none_or(|(curve, draws)| draws.unit() < curve.share(at / SECOND));
            if kept {
                let sender = sender.unwrap_or_else(|| self.senders.draw(&mut self.stream));
                return Some(Due { at: at as u64, sender, count });
            }
        }
    }
}

impl Process {
    /// Each user at a phase of its own.
    fn periodic(period: f64, users: u32, mut draws: Stream) -> Self {
        let mut phases: Vec<(f64, u32)> = (0..users).map(|user| (draws.unit() * period, user)).collect();
        phases.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self::Periodic { period, phases, next: 0, round: 0.0 }
    }

    /// When, who (if the process says so), how many.
    fn next(&mut self, stream: &mut Stream, end: f64) -> Option<(f64, Option<u32>, u64)> {
        match self {
            Self::Poisson { gap, at, draws } => {
                *at += draws.exp1() * *gap;
                Some((*at, None, 1))
            }
            Self::Batches { gap, at, draws, size } => {
                *at += draws.exp1() * *gap;
                let count = match size {
                    BatchSize::Fixed(count) => *count,
                    BatchSize::Geometric(mean) => stream.geometric(*mean),
                };
                Some((*at, None, count))
            }
            Self::Periodic { period, phases, next, round } => {
                if *next == phases.len() {
                    (*next, *round) = (0, *round + 1.0);
                }
                let (phase, user) = *phases.get(*next)?;
                *next += 1;
                Some((*round * *period + phase, Some(user), 1))
            }
            Self::Modulated(process) => process.next(end).map(|(at, user)| (at, Some(user), 1)),
            Self::Trace { trace, seed, worker, workers } => loop {
                // Whose it is depends on its number alone, so that each worker finds its own.
                let (number, at) = trace.next();
                if at >= end {
                    return None;
                }
                if Stream::named(*seed, 0, number, Purpose::Trace).below(*workers) == *worker {
                    return Some((at, None, 1));
                }
            },
            Self::Silent => None,
        }
    }
}

impl Senders {
    /// The senders among these users, and their share of all messages.
    fn new(all: u32, audience: &Audience, users: &Range<u32>) -> (Self, f64) {
        let count = users.len() as u64;
        let alike = (Self::Alike(count), count as f64 / f64::from(all));
        // Every room gets its share, however many members it has.
        let Audience::Rooms(rooms) = audience else { return alike };
        let weight = |room: usize| ((room + 1) as f64).powf(-rooms.zipf);
        let total: f64 = (0..rooms.count()).map(weight).sum();
        let (mut sum, mut ends, mut mine) = (0.0, Vec::new(), Vec::new());
        for room in rooms.of(users.start)..rooms.count() {
            let members = rooms.members(room);
            let here = members.start.max(users.start)..members.end.min(users.end);
            if here.is_empty() {
                break;
            }
            sum += weight(room) / total * here.len() as f64 / members.len() as f64;
            ends.push(sum);
            mine.push(here.start - users.start..here.end - users.start);
        }
        (Self::ByRoom { ends, members: mine }, sum)
    }

    fn draw(&self, stream: &mut Stream) -> u32 {
        match self {
            Self::Alike(count) => stream.below(*count) as u32,
            Self::ByRoom { ends, members } => {
                let point = stream.unit() * ends.last().copied().unwrap_or(0.0);
                let members = &members[ends.partition_point(|end| *end <= point).min(members.len() - 1)];
                members.start + stream.below(members.len() as u64) as u32
            }
        }
    }
}

/// The times of a file, over and over.
#[derive(Debug)]
struct Trace {
    times: Arc<[f64]>,
    period: f64,
    number: u64,
}

impl Trace {
    /// Number and time of the next message of all workers together.
    fn next(&mut self) -> (u64, f64) {
        let number = self.number;
        self.number += 1;
        let (round, place) = (number / self.times.len() as u64, number % self.times.len() as u64);
        (number, (round as f64 * self.period + self.times[place as usize]) * SECOND)
    }
}

/// Users who are each in one of some states with a rate of its own. All their clocks together are one; what rang is drawn
/// in proportion to the rates.
#[derive(Debug)]
struct Modulated {
    rates: Vec<f64>,
    switch: Vec<f64>,
    /// The users in each state.
    present: Vec<Vec<u32>>,
    at: f64,
    draws: Stream,
}

impl Modulated {
    fn new(rates: &[f64], switch: &[f64], users: u32, mut draws: Stream) -> Self {
        let mix = stationary(switch);
        let mut present = vec![Vec::new(); rates.len()];
        for user in 0..users {
            let mut left = draws.unit();
            let state = mix.iter().position(|share| {
                left -= share;
                left < 0.0
            });
            present[state.unwrap_or(rates.len() - 1)].push(user);
        }
        Self { rates: rates.to_vec(), switch: switch.to_vec(), present, at: 0.0, draws }
    }

    /// The next message before the end: when and whose.
    fn next(&mut self, end: f64) -> Option<(f64, u32)> {
        while self.at < end {
            let weight = |state: usize| self.present[state].len() as f64 * (self.rates[state] + self.switch[state]);
            let total: f64 = (0..self.rates.len()).map(weight).sum();
            self.at += self.draws.exp1() * SECOND / total;
            let mut left = self.draws.unit() * total;
            let mut state = 0;
            while state + 1 < self.rates.len() && left >= weight(state) {
                left -= weight(state);
                state += 1;
            }
            let count = self.present[state].len() as u64;
            if count == 0 {
                // Rounding went past the last one: nothing happens.
                continue;
            }
            let place = self.draws.below(count) as usize;
            if left < count as f64 * self.rates[state] {
                return Some((self.at, self.present[state][place]));
            }
            let user = self.present[state].swap_remove(place);
            let next = (state + 1) % self.rates.len();
            self.present[next].push(user);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::driver::plan::tests::plan;
    use crate::random::Distribution;
    use crate::scenario::{FanOut, Room};

    fn all(plan: &Plan, fan_out: &FanOut, workers: u32) -> Vec<Vec<Due>> {
        let audience = Audience::of(fan_out, plan.connections, plan.seed);
        (0..workers)
            .map(|worker| {
                let users = plan.connections * worker / workers..plan.connections * (worker + 1) / workers;
                let mut schedule = Schedule::new(plan, &audience, users, u64::from(worker), u64::from(workers));
                std::iter::from_fn(|| schedule.next()).collect()
            })
            .collect()
    }

    fn open(arrivals: Arrivals) -> Plan {
        Plan { pace: Pace::Open { rate: 2.0, arrivals }, connections: 50, warm_up: 10.0, duration: 90.0, ..plan() }
    }

    /// Each process has its rate, is in order of time, the same for the same seed, another for another.
    #[test]
    fn every_process_has_its_rate_and_is_repeatable() {
        let mmpp = Arrivals::Mmpp { rates: vec![0.5, 3.5], switch: vec![2.0, 2.0] };
        let trace = Arrivals::Trace { times: Arc::new([0.0, 0.005, 0.02]), period: 0.03 };
        for arrivals in [
            Arrivals::Poisson,
            Arrivals::Periodic,
            Arrivals::Batch(BatchSize::Fixed(4)),
            Arrivals::Batch(BatchSize::Geometric(3.0)),
            mmpp,
            trace,
        ] {
            let plan = open(arrivals.clone());
            let found = all(&plan, &FanOut::Echo, 3);
            let messages: u64 = found.iter().flatten().map(|due| due.count).sum();
            assert!((messages as f64 / 10_000.0 - 1.0).abs() < 0.06, "{arrivals:?}: {messages}");
            for worker in &found {
                assert!(
                    worker.is_sorted_by_key(|due| due.at) && worker.iter().all(|due| due.sender < 17),
                    "{arrivals:?}"
                );
            }
            assert_eq!(found, all(&plan, &FanOut::Echo, 3), "{arrivals:?}");
            if !matches!(arrivals, Arrivals::Trace { .. }) {
                assert_ne!(found, all(&Plan { seed: 2, ..plan }, &FanOut::Echo, 3), "{arrivals:?}");
            }
        }
    }

    /// A trace comes out as it went in, whoever sends.
    #[test]
    fn a_trace_is_replayed() {
        let times = [0.001, 0.002, 0.004];
        let plan = open(Arrivals::Trace { times: Arc::new(times), period: 1_000.0 });
        let mut found: Vec<u64> = all(&plan, &FanOut::Echo, 4).into_iter().flatten().map(|due| due.at).collect();
        found.sort_unstable();
        assert_eq!(found, [1_000_000, 2_000_000, 4_000_000]);
    }

    /// With s = 1 the first of five rooms gets 60/137 of the messages, on however many workers.
    #[test]
    fn rooms_get_messages_by_their_popularity() {
        let rooms = FanOut::Room(Room { size: Distribution::Constant(10.0), zipf: 1.0 });
        let plan = open(Arrivals::Poisson);
        for workers in [1, 3] {
            let found = all(&plan, &rooms, workers);
            let offset = |worker: usize| plan.connections * worker as u32 / workers;
            let users: Vec<u32> = (0..workers as usize)
                .flat_map(|worker| found[worker].iter().map(move |due| due.sender + offset(worker)))
                .collect();
            let first = users.iter().filter(|user| **user < 10).count() as f64 / users.len() as f64;
            assert!((first - 60.0 / 137.0).abs() < 0.02, "{first}");
            assert!((users.len() as f64 / 10_000.0 - 1.0).abs() < 0.04, "{}", users.len());
        }
    }

    /// A profile that is at half for the second half leaves three quarters.
    #[test]
    fn a_profile_thins() {
        let plan = Plan { profile: Some(Curve::steps(&[(50.0, 0.5)])), ..open(Arrivals::Poisson) };
        let count = all(&plan, &FanOut::Echo, 1)[0].len() as f64;
        assert!((count / 7_500.0 - 1.0).abs() < 0.05, "{count}");
    }
}
