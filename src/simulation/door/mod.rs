//! The front door: users come, are sent to a server by the balancer's policy, are taken in or refused, go, and come back.
//!
//! It is one process for the whole service, since the balancer sees all servers. What it decides reaches the cells as
//! [`Change`]s, in order of time; cells report back only what they had to drop. Servers that fault and come back do so
//! here: the balancer knows at once which are up.

mod accept;
mod choice;
mod idle;
mod recovery;

use super::cell::Change;
use super::outages::Outages;
use super::placement::spread;
use super::tide::Tide;
use crate::engine::{Calendar, Cohorts, Delay};
use crate::metrics::recovery::FaultTally;
use crate::random::{Distribution, Purpose, Stream};
use crate::scenario::{
    Accept, Backoff, Curve, FaultKind, ProfileOf, Reconnect, SHORTEST_ROUND_TRIP_SECONDS, Scenario, Start,
};
use crate::units::{Rate, SimTime, Span};
use accept::{Acceptors, Admission, Waiting};
use choice::Choice;
use idle::Idle;
use recovery::Recovery;

/// The process of connections.
#[derive(Debug)]
pub struct Door {
    stream: Stream,
    choice: Choice,
    limit: u64,
    calendar: Calendar<Event>,
    sessions: Option<Sessions>,
    reconnect: Option<Reconnect>,
    /// Users between two attempts, in groups by how many they have made. With consistent hashing each has a server of its
    /// own, and so an entry of its own in the calendar.
    returning: Cohorts,
    /// The group whose wait is the longest; behind it are those of deploys.
    longest_level: usize,
    round_trip: Span,
    /// Where the balancer takes in attempts at a limited rate: one queue before all servers.
    gate: Option<Acceptors>,
    acceptors: Option<Acceptors>,
    connect_timeout: Span,
    /// Users who have yet to come for the first time, evenly over (0, ramp).
    newcomers: u64,
    ramp: Span,
    next_newcomer: SimTime,
    progress: f64,
    /// Connections dropped by their server, whose planned end is still in the calendar.
    orphans: Vec<u64>,
    /// Where silent connections are cut: when each is, and the connections that ended before, whose cut is still in the
    /// calendar.
    idle: Option<Idle>,
    uncut: Vec<u64>,
    /// Of what each server was sent, what is not open yet: it waits for its handshake.
    opening: Vec<u64>,
    /// The same, of all servers.
    opening_in_all: u64,
    /// How many users there are, where connections last and a profile moves them.
    tide: Option<Tide>,
    /// Users who went while they were between two attempts, which are still to come.
    gone: u64,
    outages: Outages,
    /// How many faults hold each server out: one that any does takes no connections.
    held: Vec<u32>,
    /// Of each deploy, by the fault's number: the group of users whose connections it closed.
    deploys: Vec<Option<usize>>,
    recovery: Recovery,
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
    Attempt(Attempt),
    End {
        server: u32,
    },
    Handshake {
        server: u32,
    },
    /// The balancer passes an attempt on.
    Pass,
    /// A connection has been silent for too long.
    Cut {
        server: u32,
    },
    Down {
        server: u32,
        fault: usize,
    },
    Drain {
        server: u32,
        to: SimTime,
        fault: usize,
    },
    CloseOne {
        server: u32,
        to: SimTime,
        fault: usize,
    },
    /// A fault holds a server out no more.
    Free {
        server: u32,
    },
}

/// A user at the door.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    /// Attempts in vain before this one.
    tries: u32,
    /// Whether it was connected before, or tried to be.
    returning: bool,
    /// The server it always goes to, if there is one.
    home: Option<u32>,
    /// When it began, where that is before now.
    since: Option<SimTime>,
}

/// One that was never here.
const NEWCOMER: Attempt = Attempt { tries: 0, returning: false, home: None, since: None };
/// Attempts in vain of one who finds no slot from the start: as many as make the wait the longest.
const MANY_TRIES: u32 = u32::MAX / 2;

impl Door {
    /// The door of `servers` servers that take `limit` connections each, with the users of the start, and how many
    /// connections each server has then. `share` is the share of all users that comes to these servers, through as large a
    /// share of the balancer's nodes.
    pub fn new(
        scenario: &Scenario,
        servers: usize,
        limit: u64,
        share: f64,
        balancers: u64,
        outages: Outages,
        replication: u64,
    ) -> (Self, Vec<u64>) {
        let population = scenario.users as f64 * scenario.workload.connections_per_user as f64 * share;
        let seed = scenario.simulation.seed;
        let balancers = balancers as f64;
        let round_trip = Span::from_seconds((2.0 * scenario.latency.client.mean()).max(SHORTEST_ROUND_TRIP_SECONDS));
        let levels: Vec<Delay> =
            scenario.workload.reconnect.iter().flat_map(|reconnect| delays(reconnect, round_trip)).collect();
        let longest_level = levels.len().saturating_sub(1);
        let mut groups = levels.len()..;
        let deploys: Vec<Option<(usize, Delay)>> = scenario
            .faults
            .iter()
            .map(|fault| match fault.kind {
                FaultKind::Deploy(deploy) if !levels.is_empty() => {
                    let window = Span::from_seconds(deploy.jitter.get());
                    groups.next().map(|group| (group, Delay { fixed: round_trip, window }))
                }
                _ => None,
            })
            .collect();
        let mut door = Self {
            stream: Stream::named(seed, replication, 0, Purpose::Connections),
            choice: Choice::new(scenario.balancer.policy, servers, seed),
            limit,
            calendar: Calendar::default(),
            sessions: None,
            reconnect: scenario.workload.reconnect,
            returning: Cohorts::new(levels.into_iter().chain(deploys.iter().flatten().map(|(_, delay)| *delay))),
            longest_level,
            round_trip,
            gate: scenario.balancer.handshakes.map(|rate| {
                let rate = Rate::new(rate.get() * balancers * share);
                Acceptors::new(Accept { rate, backlog: u64::MAX }, 1)
            }),
            acceptors: scenario.servers.accept.map(|accept| Acceptors::new(accept, servers)),
            connect_timeout: scenario
                .workload
                .connect_timeout
                .map_or(Span(u64::MAX), |timeout| Span::from_seconds(timeout.get())),
            newcomers: 0,
            ramp: Span::ZERO,
            next_newcomer: SimTime::NEVER,
            progress: 0.0,
            orphans: vec![0; servers],
            idle: Idle::of(scenario),
            uncut: vec![0; servers],
            opening: vec![0; servers],
            opening_in_all: 0,
            held: vec![0; servers],
            deploys: deploys.iter().map(|deploy| deploy.as_ref().map(|(group, _)| *group)).collect(),
            recovery: Recovery::new(scenario, outages.drains()),
            tide: None,
            gone: 0,
            outages,
        };
        door.schedule_outages();
        door.schedule_drains();
        let curve = curve_of_users(scenario);
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

    fn schedule_outages(&mut self) {
        for server in 0..self.choice.servers() {
            for outage in self.outages.of_server(server) {
                let server = server as u32;
                self.calendar.schedule(outage.from, Event::Down { server, fault: outage.fault });
                if outage.to != SimTime::NEVER {
                    self.calendar.schedule(outage.to, Event::Free { server });
                }
            }
        }
    }

    fn schedule_drains(&mut self) {
        for drain in self.outages.drains() {
            let server = drain.server as u32;
            self.calendar.schedule(drain.from, Event::Drain { server, to: drain.to, fault: drain.fault });
            // After the server went down, so that it is out all the time.
            self.calendar.schedule(drain.to, Event::Free { server });
        }
    }

    /// Opens a server's connections of the start; who finds no slot is between two attempts.
    fn settle(&mut self, server: usize, count: u64) -> u64 {
        let open = count.min(self.limit);
        for _ in 0..open {
            self.choice.add(server);
        }
        if let Some(idle) = self.idle {
            for _ in 0..open {
                let at = SimTime(idle.old_connection(&mut self.stream).0);
                self.calendar.schedule(at, Event::Cut { server: server as u32 });
            }
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
        self.recovery.dropped(count - open, None);
        if let Some(reconnect) = self.reconnect {
            let longest = reconnect.backoff.longest().get();
            for _ in open..count {
                // What is left, at a random moment, of a delay that is uniform (with jitter) or always the same.
                let u = self.stream.unit();
                let left = longest * if reconnect.jitter { 1.0 - u.sqrt() } else { u };
                let at = SimTime::from_seconds(left);
                if self.choice.is_by_user() {
                    let home = Some(server as u32);
                    let attempt = Attempt { tries: MANY_TRIES, returning: true, home, since: None };
                    self.calendar.schedule(at, Event::Attempt(attempt));
                } else {
                    self.returning.expect(at, self.longest_level);
                }
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
            // Who comes back does so before all else happens; at the same time, the others come first.
            let before = SimTime(now.0.saturating_sub(1)).min(until);
            if self.returning.next_time() <= before {
                let Some((at, group)) = self.returning.pop_until(before, &mut self.stream) else { continue };
                self.begin_faults(at);
                if self.is_gone() {
                    continue;
                }
                // Who was asked to go elsewhere has not tried in vain yet.
                let tries = if group > self.longest_level { 0 } else { group as u32 + 1 };
                let attempt = Attempt { tries, returning: true, home: None, since: None };
                self.attempt(at, attempt, &mut report);
                continue;
            }
            if now > until || now == SimTime::NEVER {
                return;
            }
            self.begin_faults(now);
            if now == planned {
                let Some((_, event)) = self.calendar.pop_until(now) else { return };
                self.happen(now, event, &mut report);
            } else if now == end {
                let server = self.any_open();
                self.choice.remove(server);
                self.leave_uncut(server, 1);
                report(server, now, Change::Close);
                self.schedule_end(now);
            } else if now == tide {
                if self.tide.as_mut().is_some_and(Tide::step) {
                    self.attempt(now, NEWCOMER, &mut report);
                } else {
                    self.go_away(now, &mut report);
                }
            } else if now == self.next_newcomer {
                self.newcomers -= 1;
                self.draw_newcomer();
                self.attempt(now, NEWCOMER, &mut report);
            } else {
                let ramped = self.ramp > Span::ZERO && now.0 < self.ramp.0;
                // A rate that rises from zero: of the arrivals at the full rate, that share comes (thinning).
                let mut comes = !ramped || self.stream.unit() * (self.ramp.0 as f64) < now.0 as f64;
                if let Some(Sessions { curve: Some(curve), .. }) = &self.sessions {
                    comes &= self.stream.unit() < curve.share(now.as_seconds());
                }
                self.schedule_arrival(now);
                if comes {
                    self.attempt(now, NEWCOMER, &mut report);
                }
            }
        }
    }

    fn happen(&mut self, now: SimTime, event: Event, report: &mut impl FnMut(usize, SimTime, Change)) {
        match event {
            Event::Attempt(_) if self.is_gone() => {}
            Event::Attempt(attempt) => self.attempt(now, attempt, report),
            Event::End { server } => self.end(now, server as usize, report),
            Event::Pass => self.pass(now, report),
            Event::Cut { server } => self.cut(now, server as usize, report),
            Event::Handshake { server } => self.shake_hands(now, server as usize, report),
            Event::Down { server, fault } => self.go_down(now, server as usize, fault, report),
            Event::Drain { server, to, fault } => {
                self.hold(server as usize);
                self.close_next(now, server, to, fault);
            }
            Event::CloseOne { server, to, fault } => self.close_one(now, server, to, fault, report),
            Event::Free { server } => self.free(server as usize),
        }
    }

    fn begin_faults(&mut self, now: SimTime) {
        while self.recovery.next_time() <= now {
            let open = self.open();
            self.recovery.begin(open);
        }
    }

    /// Connections open now.
    fn open(&self) -> u64 {
        self.choice.total() - self.opening_in_all
    }

    fn attempt(&mut self, now: SimTime, attempt: Attempt, report: &mut impl FnMut(usize, SimTime, Change)) {
        self.recovery.attempt(now);
        let Some(gate) = &mut self.gate else { return self.reach(now, attempt, report) };
        let Admission::At(done) = gate.admits(0, now) else { return };
        let wasted = done.since(now) > self.connect_timeout;
        let Attempt { tries, returning, home, .. } = attempt;
        if let Some(first) = gate.enter(0, now, Waiting { tries, returning, home, since: now, wasted }) {
            self.calendar.schedule(first, Event::Pass);
        }
        if wasted {
            self.recovery.timed_out(returning);
            self.come_back(now + self.connect_timeout, tries, home, 1);
        }
    }

    /// The balancer is done with an attempt.
    fn pass(&mut self, now: SimTime, report: &mut impl FnMut(usize, SimTime, Change)) {
        let Some((waiting, next)) = self.gate.as_mut().and_then(|gate| gate.done(0, now)) else { return };
        if let Some(next) = next {
            self.calendar.schedule(next, Event::Pass);
        }
        let Waiting { tries, returning, home, since, wasted } = waiting;
        if wasted {
            // No server heard of it; some cell has to count it.
            report(0, now, Change::GiveUp);
        } else {
            self.reach(now, Attempt { tries, returning, home, since: Some(since) }, report);
        }
    }

    /// An attempt is sent to a server.
    fn reach(&mut self, now: SimTime, attempt: Attempt, report: &mut impl FnMut(usize, SimTime, Change)) {
        let Some(server) = self.choice.pick(attempt.home, &mut self.stream) else {
            // Nobody is there to refuse it; some cell has to count it.
            return self.refuse(now, 0, attempt, Change::TurnAway, report);
        };
        let home = self.choice.is_by_user().then_some(attempt.home.unwrap_or(server as u32));
        let attempt = Attempt { home, ..attempt };
        if self.choice.count(server) >= self.limit {
            return self.refuse(now, server, attempt, Change::Refuse, report);
        }
        let Some(acceptors) = &mut self.acceptors else {
            self.choice.add(server);
            return self.take_in(now, server, attempt.returning, report);
        };
        let Admission::At(done) = acceptors.admits(server, now) else {
            return self.refuse(now, server, attempt, Change::TurnAway, report);
        };
        let Attempt { tries, returning, home, since } = attempt;
        let since = since.unwrap_or(now);
        let wasted = done.since(since) > self.connect_timeout;
        if let Some(first) = acceptors.enter(server, now, Waiting { tries, returning, home, since, wasted }) {
            self.calendar.schedule(first, Event::Handshake { server: server as u32 });
        }
        if wasted {
            self.recovery.timed_out(returning);
            self.come_back(since + self.connect_timeout, tries, home, 1);
        } else {
            self.choice.add(server);
            self.opening[server] += 1;
            self.opening_in_all += 1;
        }
    }

    fn refuse(
        &mut self,
        now: SimTime,
        server: usize,
        attempt: Attempt,
        change: Change,
        report: &mut impl FnMut(usize, SimTime, Change),
    ) {
        report(server, now, change);
        self.recovery.refused(attempt.returning);
        self.come_back(now, attempt.tries, attempt.home, 1);
    }

    /// A server is done with a handshake.
    fn shake_hands(&mut self, now: SimTime, server: usize, report: &mut impl FnMut(usize, SimTime, Change)) {
        let Some(acceptors) = &mut self.acceptors else { return };
        let Some((waiting, next)) = acceptors.done(server, now) else { return };
        if let Some(next) = next {
            self.calendar.schedule(next, Event::Handshake { server: server as u32 });
        }
        if waiting.wasted {
            report(server, now, Change::Waste);
        } else {
            self.opening[server] -= 1;
            self.opening_in_all -= 1;
            self.take_in(now, server, waiting.returning, report);
        }
    }

    /// A connection opens at a server that counts it already.
    fn take_in(
        &mut self,
        now: SimTime,
        server: usize,
        returning: bool,
        report: &mut impl FnMut(usize, SimTime, Change),
    ) {
        report(server, now, Change::Open);
        self.recovery.accepted(now, returning);
        if let Some(Sessions { length, next_end: None, .. }) = &self.sessions {
            let length = length.sample(&mut self.stream);
            self.calendar.schedule(now + Span::from_seconds(length), Event::End { server: server as u32 });
        }
        if let Some(idle) = &self.idle {
            let at = now.0.saturating_add(idle.new_connection(&mut self.stream).0);
            self.calendar.schedule(SimTime(at), Event::Cut { server: server as u32 });
        }
        self.schedule_end(now);
    }

    /// A connection was silent for too long: its user comes back as one whose connection was dropped.
    fn cut(&mut self, now: SimTime, server: usize, report: &mut impl FnMut(usize, SimTime, Change)) {
        let open = self.choice.count(server) - self.opening[server];
        if self.stream.below(open + self.uncut[server]) < self.uncut[server] {
            // Of one that ended before.
            self.uncut[server] -= 1;
            return;
        }
        report(server, now, Change::Drain);
        self.drop_open(server, 1, None, now);
        // The cut that was in the calendar was its own.
        self.uncut[server] -= 1;
        self.schedule_end(now);
    }

    /// Connections of a server ended before they were cut.
    fn leave_uncut(&mut self, server: usize, count: u64) {
        if self.idle.is_some() {
            self.uncut[server] += count;
        }
    }

    /// So many users whose last attempt was in vain at this moment, or whose connections were dropped (then without any
    /// tries), will try again.
    fn come_back(&mut self, now: SimTime, tries: u32, home: Option<u32>, count: u64) {
        let Some(reconnect) = &self.reconnect else { return };
        let group = (tries as usize).min(self.longest_level);
        if home.is_none() {
            self.returning.leave(now, group, count, &mut self.stream);
            return;
        }
        let longest = longest_delay(&reconnect.backoff, group as u32);
        let attempt = Attempt { tries: tries.saturating_add(1), returning: true, home, since: None };
        for _ in 0..count {
            let delay = longest * if reconnect.jitter { self.stream.unit() } else { 1.0 };
            let delay = self.round_trip.0.saturating_add(Span::from_seconds(delay).0);
            self.calendar.schedule(SimTime(now.0.saturating_add(delay)), Event::Attempt(attempt));
        }
    }

    fn end(&mut self, now: SimTime, server: usize, report: &mut impl FnMut(usize, SimTime, Change)) {
        let open = self.choice.count(server) - self.opening[server];
        if self.stream.below(open + self.orphans[server]) < self.orphans[server] {
            // The end of one that was dropped before.
            self.orphans[server] -= 1;
            return;
        }
        self.choice.remove(server);
        self.leave_uncut(server, 1);
        report(server, now, Change::Close);
    }

    /// One user leaves, any with equal chance: a connection closes, or an attempt will not be made.
    fn go_away(&mut self, now: SimTime, report: &mut impl FnMut(usize, SimTime, Change)) {
        let (open, waiting) = (self.open(), self.waiting() - self.gone);
        if open + waiting == 0 {
            // Refused for good, and gone already.
            return;
        }
        if self.stream.below(open + waiting) < open {
            let server = self.any_open();
            self.choice.remove(server);
            self.leave_uncut(server, 1);
            report(server, now, Change::Close);
        } else {
            self.gone += 1;
        }
    }

    /// Users between two attempts, those who are gone too.
    fn waiting(&self) -> u64 {
        // Where users have servers of their own, they wait in the calendar, which has little else in it.
        self.returning.len() + if self.choice.is_by_user() { self.calendar.len() as u64 } else { 0 }
    }

    /// Whether the attempt just taken was of one who left since.
    fn is_gone(&mut self) -> bool {
        let gone = self.gone > 0 && self.stream.below(self.waiting() + 1) < self.gone;
        self.gone -= u64::from(gone);
        gone
    }

    /// A server ran out of memory and dropped this many of its connections; their users come back as the scenario has it.
    pub fn shed(&mut self, server: usize, count: u64, now: SimTime) {
        self.drop_open(server, count, None, now);
        self.schedule_end(now);
    }

    fn drop_open(&mut self, server: usize, count: u64, fault: Option<usize>, now: SimTime) {
        for _ in 0..count {
            self.choice.remove(server);
        }
        self.leave_uncut(server, count);
        self.recovery.dropped(count, fault);
        let home = self.choice.is_by_user().then_some(server as u32);
        self.come_back(now, 0, home, count);
        if self.sessions.as_ref().is_some_and(|sessions| sessions.next_end.is_none()) {
            self.orphans[server] += count;
        }
    }

    /// A server stops, with all that is in it.
    fn go_down(&mut self, now: SimTime, server: usize, fault: usize, report: &mut impl FnMut(usize, SimTime, Change)) {
        self.hold(server);
        report(server, now, Change::Crash);
        let open = self.choice.count(server) - self.opening[server];
        self.drop_open(server, open, Some(fault), now);
        // Who waits for a handshake sees the connection break. Who will give up anyway comes back when it would have.
        let waiting = self.acceptors.as_mut().map(|acceptors| acceptors.clear(server)).unwrap_or_default();
        for Waiting { tries, returning, home, .. } in waiting.into_iter().filter(|waiting| !waiting.wasted) {
            self.choice.remove(server);
            self.recovery.turned_back(returning);
            self.come_back(now, tries, home, 1);
        }
        self.opening_in_all -= std::mem::take(&mut self.opening[server]);
        self.schedule_end(now);
    }

    fn hold(&mut self, server: usize) {
        self.held[server] += 1;
        self.choice.retire(server);
    }

    fn free(&mut self, server: usize) {
        self.held[server] -= 1;
        if self.held[server] == 0 {
            self.choice.restore(server);
        }
    }

    /// Of n connections left, the next is closed after 1/(n + 1) of the time left: so they go evenly, and what the last
    /// one sent has time to get done.
    fn close_next(&mut self, now: SimTime, server: u32, to: SimTime, fault: usize) {
        let open = self.choice.count(server as usize) - self.opening[server as usize];
        let next = now + Span(to.since(now).0 / (open + 1));
        if open > 0 && next < to {
            self.calendar.schedule(next, Event::CloseOne { server, to, fault });
        }
    }

    fn close_one(
        &mut self,
        now: SimTime,
        server: u32,
        to: SimTime,
        fault: usize,
        report: &mut impl FnMut(usize, SimTime, Change),
    ) {
        let place = server as usize;
        // Another fault, or their users, may have been faster.
        if self.choice.count(place) > self.opening[place] {
            report(place, now, Change::Drain);
            self.choice.remove(place);
            self.leave_uncut(place, 1);
            self.recovery.dropped(1, Some(fault));
            if self.sessions.as_ref().is_some_and(|sessions| sessions.next_end.is_none()) {
                self.orphans[place] += 1;
            }
            match self.deploys.get(fault).copied().flatten() {
                Some(group) if !self.choice.is_by_user() => self.returning.leave(now, group, 1, &mut self.stream),
                _ => self.come_back(now, 0, self.choice.is_by_user().then_some(server), 1),
            }
            self.schedule_end(now);
        }
        self.close_next(now, server, to, fault);
    }

    /// What each fault did, at the end of the run.
    pub fn finish(mut self, end: SimTime) -> Vec<FaultTally> {
        self.begin_faults(end);
        self.recovery.finish(end)
    }

    /// An open connection chosen at random: the server it is on. A server is taken with a chance proportional to its
    /// connections by rejection from the largest
    /// count there has been.
    fn any_open(&mut self) -> usize {
        let servers = self.choice.servers();
        let most = self.choice.most().max(1);
        loop {
            let server = self.stream.below(servers as u64) as usize;
            if self.stream.below(most) < self.choice.count(server) - self.opening[server] {
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
        let open = self.open();
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

/// The share of the peak's users at each moment, where a profile moves them.
fn curve_of_users(scenario: &Scenario) -> Option<Curve> {
    let profile = scenario.workload.profile.as_ref().filter(|profile| profile.of == ProfileOf::Users)?;
    Some(profile.curve.clone())
}

/// The delay of each group of users: that before attempt k, for k up to the first that is the longest. A user hears of a
/// refusal a round trip after its attempt.
fn delays(reconnect: &Reconnect, round_trip: Span) -> Vec<Delay> {
    let longest = reconnect.backoff.longest().get();
    let mut delays = Vec::new();
    for tries in 0.. {
        let seconds = longest_delay(&reconnect.backoff, tries);
        let window = Span::from_seconds(seconds);
        delays.push(if reconnect.jitter {
            Delay { fixed: round_trip, window }
        } else {
            Delay { fixed: Span(round_trip.0.saturating_add(window.0)), window: Span::ZERO }
        });
        if seconds >= longest {
            break;
        }
    }
    delays
}

/// The longest wait, in seconds, before the next attempt after so many in vain.
fn longest_delay(backoff: &Backoff, tries: u32) -> f64 {
    match backoff {
        Backoff::Constant(time) => time.get(),
        Backoff::Exponential { base, cap } => (base.get() * 2_f64.powi(tries.min(1_000).cast_signed())).min(cap.get()),
    }
}
