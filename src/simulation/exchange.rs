//! What crosses between servers: letters to the relays of the broker, and copies back, in step with the servers.
//!
//! Cells and relays go forward by turns. A letter takes at least `ahead` from the moment its message reaches a server to
//! the node, and a copy as long again to the next server, so for `step`, the whole shortest way from a message to a copy
//! elsewhere, no cell needs to know what the others do meanwhile (a conservative time window: K. M. Chandy, J. Misra, IEEE
//! Trans. Software Engineering 5, 1979). Where there is no such shortest way, or too little happens within it, one thing
//! after the other is done, always the earliest first.

use std::sync::Arc;

use rayon::prelude::*;

use super::cell::{Cell, Change, Coming, Setting};
use super::letter::{Delivery, Letter};
use super::recorder::Recorder;
use super::relay::{Elsewhere, Relay, RelayTotals};
use crate::engine::{Agenda, Calendar};
use crate::metrics::tally::Tally;
use crate::scenario::Scenario;
use crate::units::{SimTime, Span};

/// From so many events a step on, several threads are worth waking up.
const PARALLEL_EVENTS: f64 = 500.0;
/// Where one thing after the other is done, letters are kept in portions of so long.
const SINGLE_STEP: Span = Span(20_000_000);
/// With fewer events than this a cell and step, cells are not all asked in each step.
const EVENTS_A_CELL: f64 = 0.1;

/// How a run's servers and broker go forward together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// How far all may go without asking each other; zero is not at all.
    pub step: Span,
    /// How long a letter takes at least to a node.
    pub ahead: Span,
    /// Whether a step is worth several threads.
    pub parallel: bool,
}

impl Pace {
    /// The pace of this scenario, where so many events happen a second in so many cells.
    pub fn of(scenario: &Scenario, events_per_second: f64, cells: u64) -> Self {
        let near = scenario.latency.server.least();
        let far = scenario.sharding.as_ref().and_then(|s| s.latency.as_ref());
        let hop = far.map_or(near, |far| far.least().min(near));
        let cpu = &scenario.servers.cpu;
        let work = cpu.per_message.least()
            + cpu.overhead.get()
            + cpu.per_kb.least() * scenario.workload.message_size.least() / 1_000.0;
        // A picosecond less than the sum, for what rounding adds.
        let span = |seconds: f64| Span(Span::from_seconds(seconds).0.saturating_sub(1_000));
        // Where there are replicas, a copy waits until the followers have it: two ways more.
        let back = if scenario.broker.as_ref().is_some_and(|broker| broker.replication > 1) { 3.0 } else { 1.0 };
        let (ahead, step) = (span(hop + work), span(hop + work) + span(hop.min(near) * back));
        let events = events_per_second * step.as_seconds();
        let step = if events >= EVENTS_A_CELL * cells as f64 { step } else { Span::ZERO };
        Self { step, ahead, parallel: events >= PARALLEL_EVENTS }
    }
}

/// The relays of one replication.
#[derive(Debug)]
pub struct Exchange {
    relays: Vec<Relay>,
    /// Which part a server belongs to.
    part_of: Vec<u32>,
    pace: Pace,
    /// Copies for each part, from each relay.
    copies: Vec<Vec<Vec<Delivery>>>,
}

/// Copies on their way to the servers of one part.
#[derive(Debug)]
pub struct Inbox {
    first: u32,
    coming: Agenda<Delivery>,
    portion: Vec<(SimTime, Delivery)>,
    /// Those that arrive in the current step: server by server, each's in order of time; and where each server's end.
    sorted: Vec<Delivery>,
    ends: Vec<usize>,
}

impl Inbox {
    /// The inbox of so many servers, the first of which has this number.
    pub fn new(first: usize, servers: usize, pace: Pace) -> Self {
        Self {
            first: first as u32,
            coming: Agenda::new(if pace.step > Span::ZERO { pace.step } else { SINGLE_STEP }),
            portion: Vec::new(),
            sorted: Vec::new(),
            ends: vec![0; servers],
        }
    }

    /// Gets ready what arrives up to this moment.
    fn open(&mut self, until: SimTime) {
        let Self { first, coming, portion, sorted, ends } = self;
        coming.take_unsorted(until, portion);
        // By counting: one pass to see how many each has, one to put them in their places.
        ends.fill(0);
        for (_, copy) in portion.iter() {
            ends[(copy.server - *first) as usize] += 1;
        }
        let mut sum = 0;
        for end in ends.iter_mut() {
            (sum, *end) = (sum + *end, sum);
        }
        if let Some((_, any)) = portion.first() {
            sorted.clear();
            sorted.resize(portion.len(), *any);
        }
        for (_, copy) in portion.iter() {
            let place = &mut ends[(copy.server - *first) as usize];
            sorted[*place] = *copy;
            *place += 1;
        }
        // Each server has a few only.
        let mut start = 0;
        for &end in ends.iter() {
            sorted[start..end].sort_by_key(|copy| copy.at);
            start = end;
        }
    }

    /// What arrives at one of the servers, counted from the first.
    pub fn of(&self, server: usize) -> &[Delivery] {
        let start = if server == 0 { 0 } else { self.ends[server - 1] };
        &self.sorted[start..self.ends[server]]
    }

    /// Copies on their way.
    pub fn coming(&self) -> u64 {
        self.coming.len() as u64
    }
}

impl Exchange {
    /// The exchange between the broker's nodes and the servers of these parts. `background`: what servers that are not
    /// simulated send to all of these nodes.
    pub fn new(setting: &Arc<Setting>, parts: &[usize], pace: Pace, background: Elsewhere) -> Self {
        let sizes = setting.between.as_ref().map_or_else(Vec::new, |between| between.directory.relay_sizes());
        let nodes: u32 = sizes.iter().sum();
        let width = if pace.step > Span::ZERO { pace.step } else { SINGLE_STEP };
        let mut first = 0;
        let relays: Vec<Relay> = sizes
            .iter()
            .map(|&size| {
                let share = f64::from(size) / f64::from(nodes);
                let background = Elsewhere { batches_per_second: background.batches_per_second * share, ..background };
                let relay = Relay::new(setting, first, size, width, background);
                first += size;
                relay
            })
            .collect();
        Self {
            part_of: parts.iter().enumerate().flat_map(|(i, cells)| vec![i as u32; *cells]).collect(),
            copies: vec![vec![Vec::new(); parts.len()]; relays.len()],
            relays,
            pace,
        }
    }

    /// An empty outbox.
    pub fn outbox(&self) -> Vec<Vec<Letter>> {
        vec![Vec::new(); self.relays.len()]
    }

    /// How it goes forward.
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// Makes this slice the current one.
    pub fn open(&mut self, slice: usize) {
        self.relays.iter_mut().for_each(|relay| relay.recorder.open(slice));
    }

    /// Adds the current slice to the sums.
    pub fn close(&mut self) {
        self.relays.iter_mut().for_each(|relay| relay.recorder.close());
    }

    /// Gets a part's inbox ready for the time up to `until`.
    pub fn deliver(&self, part: usize, inbox: &mut Inbox, until: SimTime) {
        for relay in &self.copies {
            relay[part].iter().for_each(|copy| inbox.coming.add(copy.at, *copy));
        }
        inbox.open(until);
    }

    /// Lets the relays take in what all parts have sent up to this moment.
    pub fn advance(&mut self, outboxes: &[&Vec<Vec<Letter>>], until: SimTime) {
        let Self { relays, copies, part_of, pace } = self;
        let horizon = until + pace.ahead;
        let advance = |(number, (relay, copies)): (usize, (&mut Relay, &mut Vec<Vec<Delivery>>))| {
            for outbox in outboxes {
                relay.expect(&outbox[number]);
            }
            copies.iter_mut().for_each(Vec::clear);
            relay.advance(horizon, |copy| copies[part_of[copy.server as usize] as usize].push(copy));
        };
        if pace.parallel {
            relays.par_iter_mut().zip(copies.par_iter_mut()).enumerate().for_each(advance);
        } else {
            relays.iter_mut().zip(copies.iter_mut()).enumerate().for_each(advance);
        }
    }

    /// Lets cells and relays go forward up to this moment one thing after the other. Of each cell's `changes`, those that
    /// are made are taken away.
    pub fn advance_singly(
        &mut self,
        parts: &mut [Row<'_>],
        changes: &mut [Vec<(SimTime, Change)>],
        setting: &Setting,
        until: SimTime,
    ) {
        let places: Vec<(usize, usize)> =
            parts.iter().enumerate().flat_map(|(part, row)| (0..row.cells.len()).map(move |i| (part, i))).collect();
        // What was handed out last and what is left of before, each cell's in order.
        let mut inboxes: Vec<Calendar<Delivery>> = vec![Calendar::default(); places.len()];
        for (part, row) in parts.iter_mut().enumerate() {
            self.copies.iter_mut().flat_map(|relay| relay[part].drain(..)).for_each(|c| row.inbox.coming.add(c.at, c));
            row.inbox.coming.take(until, &mut row.inbox.portion);
            row.inbox.portion.drain(..).for_each(|(at, copy)| inboxes[copy.server as usize].schedule(at, copy));
        }
        let mut made = vec![0; places.len()];
        let first_of = |changes: &[(SimTime, Change)], made: usize, inbox: &Calendar<Delivery>| {
            let change = changes.get(made).map_or(SimTime::NEVER, |change| change.0);
            change.min(inbox.next_time().unwrap_or(SimTime::NEVER))
        };
        let mut next: Vec<SimTime> = (0..places.len())
            .map(|cell| {
                let (part, i) = places[cell];
                parts[part].cells[i].next_time(setting).min(first_of(&changes[cell], 0, &inboxes[cell]))
            })
            .collect();
        let mut coming: Vec<SimTime> = self.relays.iter().map(Relay::next_time).collect();
        let (mut handed, mut due) = (Vec::new(), Vec::new());
        loop {
            let (cell, at) = earliest(&next);
            let (relay, letter_at) = earliest(&coming);
            if at.min(letter_at) > until {
                break;
            }
            if letter_at <= at {
                self.relays[relay].advance(letter_at, |copy| handed.push(copy));
                coming[relay] = self.relays[relay].next_time();
                for copy in handed.drain(..) {
                    let to = copy.server as usize;
                    inboxes[to].schedule(copy.at, copy);
                    next[to] = next[to].min(copy.at);
                }
                continue;
            }
            let (part, i) = places[cell];
            let Row { cells, recorder, .. } = &mut parts[part];
            let from = made[cell];
            made[cell] += changes[cell][from..].iter().take_while(|change| change.0 <= at).count();
            due.clear();
            while let Some((_, copy)) = inboxes[cell].pop_until(at) {
                due.push(copy);
            }
            let arriving = Coming { changes: &changes[cell][from..made[cell]], copies: &due };
            cells[i].advance(at, arriving, setting, recorder);
            for (relay, letters) in recorder.outbox.iter_mut().enumerate() {
                coming[relay] = letters.iter().map(|letter| letter.at).fold(coming[relay], SimTime::min);
                self.relays[relay].expect(letters);
                letters.clear();
            }
            next[cell] = cells[i].next_time(setting).min(first_of(&changes[cell], made[cell], &inboxes[cell]));
        }
        for (changes, made) in changes.iter_mut().zip(made) {
            changes.drain(..made);
        }
        for (cell, inbox) in inboxes.iter_mut().enumerate() {
            while let Some((at, copy)) = inbox.pop_until(SimTime(u64::MAX - 1)) {
                parts[places[cell].0].inbox.coming.add(at, copy);
            }
        }
    }

    /// Ends the run.
    pub fn finish(self) -> Ended {
        let copies: usize = self.copies.iter().flatten().map(Vec::len).sum();
        let mut end = Ended {
            totals: RelayTotals::default(),
            letters: 0,
            copies: copies as u64,
            tally: None,
            lost_by_fault: Vec::new(),
        };
        for relay in self.relays {
            end.letters += relay.expected();
            end.totals.relayed += relay.totals.relayed;
            end.totals.lost += relay.totals.lost;
            end.totals.copies += relay.totals.copies;
            end.lost_by_fault.resize(end.lost_by_fault.len().max(relay.lost_by_fault.len()), 0);
            end.lost_by_fault.iter_mut().zip(&relay.lost_by_fault).for_each(|(sum, lost)| *sum += lost);
            let sums = relay.recorder.finish();
            match &mut end.tally {
                Some(tally) => tally.merge(&sums),
                None => end.tally = Some(sums),
            }
        }
        end
    }
}

/// A part of the servers: their cells, what records them, what is on its way to them.
#[derive(Debug)]
pub struct Row<'a> {
    /// Its cells.
    pub cells: &'a mut [Cell],
    /// Their recorder.
    pub recorder: &'a mut Recorder,
    /// Their inbox.
    pub inbox: &'a mut Inbox,
}

/// What became of all letters and copies.
#[derive(Debug)]
pub struct Ended {
    /// What the relays did.
    pub totals: RelayTotals,
    /// Letters on their way.
    pub letters: u64,
    /// Copies on their way that no inbox has been told of.
    pub copies: u64,
    /// Letters lost with nodes of the broker, by fault.
    pub lost_by_fault: Vec<u64>,
    /// The relays' sums.
    pub tally: Option<Tally>,
}

/// The first of the earliest.
fn earliest(times: &[SimTime]) -> (usize, SimTime) {
    times.iter().copied().enumerate().fold(
        (0, SimTime::NEVER),
        |(i, best), (k, time)| {
            if time < best { (k, time) } else { (i, best) }
        },
    )
}
