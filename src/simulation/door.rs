//! The front door: users come, are sent to a server by the balancer's policy, are taken in or refused, go, and come back.
//!
//! It is one process for the whole service, since the balancer sees all servers. What it decides reaches the cells as
//! [`Change`]s, in order of time; cells report back only what they had to drop.

use super::cell::Change;
use super::placement::{ring_shares, spread};
use super::tide::Tide;
use crate::engine::{Calendar, LeastLoaded};
use crate::random::{Distribution, Purpose, Stream};
use crate::scenario::{Backoff, Curve, Policy, ProfileOf, Reconnect, SHORTEST_ROUND_TRIP_SECONDS, Scenario, Start};
use crate::units::{SimTime, Span};

/// The process of connections.
#[derive(Debug)]
pub struct Door {
    stream: Stream,
    policy: DoorPolicy,
    index: LeastLoaded,
    limit: u64,
    calendar: Calendar<Event>,
    sessions: Option<Sessions>,
    reconnect: Option<Reconnect>,
    round_trip: f64,
    /// Users who have yet to come for the first time, evenly over (0, ramp).
    newcomers: u64,
    ramp: Span,
    next_newcomer: SimTime,
    progress: f64,
    /// Connections dropped by their server, whose planned end is still in the calendar.
    orphans: Vec<u64>,
    /// How many users there are, where connections last and a profile moves them.
    tide: Option<Tide>,
    /// Users who went while they were between two attempts, which are still in the calendar.
    gone: u64,
}

#[derive(Debug)]
enum DoorPolicy {
    Random,
    RoundRobin(usize),
    Least,
    Hash(Vec<f64>),
}

#[derive(Debug)]
struct Sessions {
    length: Distribution,
    /// New sessions a second, at the peak.
    rate: f64,
    /// The share of the peak at each moment.
    curve: Option<Curve>,
    next_arrival: SimTime,
    /// With exponential lengths: when the next of all open connections ends. Otherwise each has its own time.
    next_end: Option<SimTime>,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Attempt { tries: u32, server: Option<u32> },
    End { server: u32 },
}

impl Door {
    /// The door of `servers` servers that take `limit` connections each, with the users of the start, and how many
    /// connections each server has then. `share` is the share of all users that comes to these servers.
    pub fn new(
        scenario: &Scenario,
        servers: usize,
        limit: u64,
        share: f64,
        seed: u64,
        replication: u64,
    ) -> (Self, Vec<u64>) {
        let population = scenario.users as f64 * scenario.workload.connections_per_user as f64 * share;
        let policy = match scenario.balancer.policy {
            Policy::Random => DoorPolicy::Random,
            Policy::RoundRobin => DoorPolicy::RoundRobin(0),
            Policy::LeastConnections => DoorPolicy::Least,
            Policy::ConsistentHash { virtual_nodes } => {
                let mut sum = 0.0;
                let shares = ring_shares(servers, virtual_nodes, seed).into_iter();
                DoorPolicy::Hash(
                    shares
                        .map(|share| {
                            sum += share;
                            sum
                        })
                        .collect(),
                )
            }
        };
        let mut door = Self {
            stream: Stream::named(seed, replication, 0, Purpose::Connections),
            policy,
            index: LeastLoaded::new(servers),
            limit,
            calendar: Calendar::default(),
            sessions: None,
            reconnect: scenario.workload.reconnect,
            round_trip: (2.0 * scenario.latency.client.mean()).max(SHORTEST_ROUND_TRIP_SECONDS),
            newcomers: 0,
            ramp: Span::ZERO,
            next_newcomer: SimTime::NEVER,
            progress: 0.0,
            orphans: vec![0; servers],
            tide: None,
            gone: 0,
        };
        let curve = scenario.workload.profile.as_ref().filter(|profile| profile.of == ProfileOf::Users);
        let curve = curve.map(|profile| profile.curve.clone());
        if let Some(length) = &scenario.workload.session {
            let rate = population / length.mean();
            let memoryless = matches!(length, Distribution::Exponential { .. });
            door.sessions = Some(Sessions {
                length: length.clone(),
                rate,
                curve: curve.clone(),
                next_arrival: SimTime::ZERO,
                next_end: memoryless.then_some(SimTime::NEVER),
            });
            door.schedule_arrival(SimTime::ZERO);
        }
        let counts = match (scenario.simulation.start, &scenario.workload.session) {
            (Start::Steady, session) => {
                // Sessions that come at random and overlap: the number open is Poisson (M/G/∞).
                let open = match (session, curve) {
                    (Some(length), Some(curve)) => {
                        let most = door.stream.poisson(population);
                        (0..most).filter(|_| door.came(length, &curve).is_some()).count() as u64
                    }
                    (Some(_), None) => door.stream.poisson(population),
                    (None, Some(curve)) => door.tide.insert(Tide::new(curve, population)).level(),
                    (None, None) => population.round() as u64,
                };
                let counts = spread(scenario, open, servers, seed, replication);
                counts.iter().enumerate().map(|(server, &count)| door.settle(server, count)).collect()
            }
            (start, None) => {
                door.newcomers = population.round() as u64;
                if let Start::Ramp(time) = start {
                    door.ramp = Span::from_seconds(time.get());
                }
                door.draw_newcomer();
                vec![0; servers]
            }
            (start, Some(_)) => {
                if let Start::Ramp(time) = start {
                    door.ramp = Span::from_seconds(time.get());
                }
                vec![0; servers]
            }
        };
        door.schedule_end(SimTime::ZERO);
        (door, counts)
    }

    /// Looks at one who would be here at the start if all had come: `None` where the curve kept them away when they would
    /// have come, or else how long they stay.
    fn came(&mut self, length: &Distribution, curve: &Curve) -> Option<f64> {
        let (age, rest) = length.sample_age_and_rest(&mut self.stream);
        (self.stream.unit() < curve.share(-age)).then_some(rest)
    }

    /// Opens a server's connections of the start; who finds no slot is between two attempts.
    fn settle(&mut self, server: usize, count: u64) -> u64 {
        let open = count.min(self.limit);
        for _ in 0..open {
            self.index.add(server);
        }
        if let Some(sessions) = &self.sessions {
            if sessions.next_end.is_none() {
                let (length, curve) = (sessions.length.clone(), sessions.curve.clone());
                for _ in 0..open {
                    let left = match &curve {
                        // Somebody did come: look until it is somebody.
                        Some(curve) => loop {
                            if let Some(left) = self.came(&length, curve) {
                                break left;
                            }
                        },
                        None => length.sample_residual(&mut self.stream),
                    };
                    self.calendar.schedule(SimTime::from_seconds(left), Event::End { server: server as u32 });
                }
            }
            return open;
        }
        if let Some(reconnect) = self.reconnect {
            let longest = reconnect.backoff.longest().get();
            for _ in open..count {
                // What is left, at a random moment, of a delay that is uniform (with jitter) or always the same.
                let u = self.stream.unit();
                let left = longest * if reconnect.jitter { 1.0 - u.sqrt() } else { u };
                let tries = u32::MAX / 2;
                let bound = matches!(self.policy, DoorPolicy::Hash(_)).then_some(server as u32);
                self.calendar.schedule(SimTime::from_seconds(left), Event::Attempt { tries, server: bound });
            }
        }
        open
    }

    /// Lets everything happen up to and including `until`; `report(server, time, change)` hears of it in order of time.
    pub fn advance(&mut self, until: SimTime, mut report: impl FnMut(usize, SimTime, Change)) {
        loop {
            let arrival = self.sessions.as_ref().map_or(SimTime::NEVER, |s| s.next_arrival).min(self.next_newcomer);
            let end = self.sessions.as_ref().and_then(|s| s.next_end).unwrap_or(SimTime::NEVER);
            let planned = self.calendar.next_time().unwrap_or(SimTime::NEVER);
            let tide = self.tide.as_ref().map_or(SimTime::NEVER, Tide::next);
            let now = arrival.min(end).min(planned).min(tide);
            if now > until || now == SimTime::NEVER {
                return;
            }
            if now == planned {
                let Some((_, event)) = self.calendar.pop_until(now) else { return };
                match event {
                    Event::Attempt { .. } if self.is_gone() => {}
                    Event::Attempt { tries, server } => {
                        self.attempt(now, tries, server, &mut report);
                    }
                    Event::End { server } => self.end(now, server as usize, &mut report),
                }
            } else if now == end {
                let server = self.any_open();
                self.index.remove(server);
                report(server, now, Change::Close);
                self.schedule_end(now);
            } else if now == tide {
                if self.tide.as_mut().is_some_and(Tide::step) {
                    self.attempt(now, 0, None, &mut report);
                } else {
                    self.leave(now, &mut report);
                }
            } else if now == self.next_newcomer {
                self.newcomers -= 1;
                self.draw_newcomer();
                self.attempt(now, 0, None, &mut report);
            } else {
                let ramped = self.ramp > Span::ZERO && now.0 < self.ramp.0;
                // A rate that rises from zero: of the arrivals at the full rate, that share comes (thinning).
                let mut comes = !ramped || self.stream.unit() * (self.ramp.0 as f64) < now.0 as f64;
                if let Some(Sessions { curve: Some(curve), .. }) = &self.sessions {
                    comes &= self.stream.unit() < curve.share(now.as_seconds());
                }
                self.schedule_arrival(now);
                if comes {
                    self.attempt(now, 0, None, &mut report);
                }
            }
        }
    }

    fn attempt(
        &mut self,
        now: SimTime,
        tries: u32,
        bound: Option<u32>,
        report: &mut impl FnMut(usize, SimTime, Change),
    ) {
        let servers = self.orphans.len();
        let server = bound.map_or_else(
            || match &mut self.policy {
                DoorPolicy::Random => self.stream.below(servers as u64) as usize,
                DoorPolicy::RoundRobin(next) => {
                    let server = *next;
                    *next = (server + 1) % servers;
                    server
                }
                DoorPolicy::Least => self.index.least(|n| self.stream.below(n)),
                DoorPolicy::Hash(ends) => {
                    let draw = self.stream.unit();
                    ends.partition_point(|end| *end <= draw).min(servers - 1)
                }
            },
            |server| server as usize,
        );
        if u64::from(self.index.count(server)) < self.limit {
            self.index.add(server);
            report(server, now, Change::Open);
            if let Some(Sessions { length, next_end: None, .. }) = &self.sessions {
                let length = length.sample(&mut self.stream);
                self.calendar.schedule(now + Span::from_seconds(length), Event::End { server: server as u32 });
            }
            self.schedule_end(now);
        } else {
            report(server, now, Change::Refuse);
            let bound = matches!(self.policy, DoorPolicy::Hash(_)).then_some(server as u32);
            self.come_back(now, tries, bound);
        }
    }

    fn come_back(&mut self, now: SimTime, tries: u32, server: Option<u32>) {
        let Some(Reconnect { backoff, jitter }) = self.reconnect else { return };
        let longest = match backoff {
            Backoff::Constant(time) => time.get(),
            Backoff::Exponential { base, cap } => (base.get() * 2_f64.powi(tries.min(64).cast_signed())).min(cap.get()),
        };
        let delay = longest * if jitter { self.stream.unit() } else { 1.0 };
        let at = now + Span::from_seconds(self.round_trip + delay);
        self.calendar.schedule(at, Event::Attempt { tries: tries.saturating_add(1), server });
    }

    fn end(&mut self, now: SimTime, server: usize, report: &mut impl FnMut(usize, SimTime, Change)) {
        let open = u64::from(self.index.count(server));
        if self.stream.below(open + self.orphans[server]) < self.orphans[server] {
            // The end of one that was dropped before.
            self.orphans[server] -= 1;
            return;
        }
        self.index.remove(server);
        report(server, now, Change::Close);
    }

    /// One user leaves, any with equal chance: a connection closes, or an attempt will not be made.
    fn leave(&mut self, now: SimTime, report: &mut impl FnMut(usize, SimTime, Change)) {
        let open: u64 = self.index.total();
        let waiting = self.calendar.len() as u64 - self.gone;
        if open + waiting == 0 {
            // Refused for good, and gone already.
            return;
        }
        if self.stream.below(open + waiting) < open {
            let server = self.any_open();
            self.index.remove(server);
            report(server, now, Change::Close);
        } else {
            self.gone += 1;
        }
    }

    /// Whether the attempt just taken from the calendar was of one who left since.
    fn is_gone(&mut self) -> bool {
        let gone = self.gone > 0 && self.stream.below(self.calendar.len() as u64 + 1) < self.gone;
        self.gone -= u64::from(gone);
        gone
    }

    /// A server dropped this many of its connections; their users come back as the scenario has it.
    pub fn shed(&mut self, server: usize, count: u64, now: SimTime) {
        for _ in 0..count {
            self.index.remove(server);
            let bound = matches!(self.policy, DoorPolicy::Hash(_)).then_some(server as u32);
            self.come_back(now, 0, bound);
        }
        if self.sessions.as_ref().is_some_and(|sessions| sessions.next_end.is_none()) {
            self.orphans[server] += count;
        }
        self.schedule_end(now);
    }

    /// An open connection chosen at random: the server it is on. A server is taken with a chance proportional to its
    /// connections by rejection from the largest
    /// count there has been.
    fn any_open(&mut self) -> usize {
        let servers = self.orphans.len();
        let most = u64::from(self.index.most()).max(1);
        loop {
            let server = self.stream.below(servers as u64) as usize;
            if self.stream.below(most) < u64::from(self.index.count(server)) {
                return server;
            }
        }
    }

    fn schedule_arrival(&mut self, now: SimTime) {
        if let Some(sessions) = &mut self.sessions {
            sessions.next_arrival = now + Span::from_seconds(self.stream.exp1() / sessions.rate);
        }
    }

    /// With memoryless sessions the next end is drawn anew whenever the number open changes.
    fn schedule_end(&mut self, now: SimTime) {
        let open: u64 = self.index.total();
        if let Some(Sessions { length, next_end: Some(next), .. }) = &mut self.sessions {
            *next = match open {
                0 => SimTime::NEVER,
                n => now + Span::from_seconds(self.stream.exp1() * length.mean() / n as f64),
            };
        }
    }

    /// The first of n uniform moments that are still to come, as in [`super::ring`].
    fn draw_newcomer(&mut self) {
        self.next_newcomer = if self.newcomers == 0 {
            SimTime::NEVER
        } else {
            let step = self.stream.exp1() / self.newcomers as f64;
            self.progress = 1.0 - (1.0 - self.progress) * (-step).exp();
            SimTime((self.progress * self.ramp.0 as f64) as u64)
        };
    }
}
