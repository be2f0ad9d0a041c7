//! What crosses between servers: letters to the relays of the broker, and copies back, in step with the servers.
//!
//! Cells and relays go forward by turns. A letter takes at least `ahead` from the moment its message reaches a server to
//! the node, and a copy as long again to the next server, so for `step`, the whole shortest way from a message to a copy
//! elsewhere, no cell needs to know what the others do meanwhile (a conservative time window: K. M. Chandy, J. Misra, IEEE
//! Trans. Software Engineering 5, 1979). Where there is no such shortest way, or too little happens within it, one thing
//! after the other is done, always the earliest first.

use std::sync::Arc;

use rayon::prelude::*;

use super::cell::{Cell, Change, Setting};
use super::letter::{Delivery, Letter};
use super::recorder::Recorder;
use super::relay::{Relay, RelayTotals};
use crate::metrics::tally::Tally;
use crate::scenario::Scenario;
use crate::units::{SimTime, Span};

/// The nodes of the broker are worked on in up to so many parts.
const RELAYS: u64 = 32;
/// From so many events a step on, several threads are worth waking up.
const PARALLEL_EVENTS: f64 = 4_000.0;
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
        let work = cpu.per_message.least() + cpu.per_kb.least() * scenario.workload.message_size.least() / 1_000.0;
        // A picosecond less than the sum, for what rounding adds.
        let span = |seconds: f64| Span(Span::from_seconds(seconds).0.saturating_sub(1_000));
        let (ahead, step) = (span(hop + work), span(hop + work) + span(hop));
        let events = events_per_second * step.as_seconds();
        let step = if events >= EVENTS_A_CELL * cells as f64 { step } else { Span::ZERO };
        Self { step, ahead, parallel: events >= PARALLEL_EVENTS }
    }
}

/// The relays of one replication, and what is on its way.
#[derive(Debug)]
pub struct Exchange {
    relays: Vec<Relay>,
    /// Which relay a node belongs to.
    relay_of: Vec<u32>,
    /// Which part a server belongs to.
    part_of: Vec<u32>,
    pace: Pace,
    /// Copies for each part, from each relay.
    copies: Vec<Vec<Vec<Delivery>>>,
}

/// Letters of one part's servers, for each relay.
pub type Outbox = Vec<Vec<Letter>>;

impl Exchange {
    /// The exchange between so many nodes and the servers of these parts. `background`: letters a second from servers that
    /// are not simulated, to all of these nodes, and the copies each takes.
    pub fn new(setting: &Arc<Setting>, nodes: u64, parts: &[usize], pace: Pace, background: (f64, f64)) -> Self {
        let count = nodes.min(RELAYS);
        let bounds = |relay: u64| relay * nodes / count;
        let relays: Vec<Relay> = (0..count)
            .map(|relay| {
                let (first, last) = (bounds(relay), bounds(relay + 1));
                let share = (last - first) as f64 / nodes as f64;
                let width = if pace.step > Span::ZERO { pace.step } else { SINGLE_STEP };
                let background = (background.0 * share, background.1);
                Relay::new(setting, first as u32, (last - first) as u32, width, background)
            })
            .collect();
        Self {
            relay_of: relays.iter().enumerate().flat_map(|(i, relay)| vec![i as u32; relay.nodes()]).collect(),
            part_of: parts.iter().enumerate().flat_map(|(i, cells)| vec![i as u32; *cells]).collect(),
            copies: vec![vec![Vec::new(); parts.len()]; relays.len()],
            relays,
            pace,
        }
    }

    /// An empty outbox.
    pub fn outbox(&self) -> Outbox {
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

    /// Puts what a cell has for the broker into its part's outbox.
    pub fn collect(&self, cell: &mut Cell, outbox: &mut Outbox) {
        if let Some(letters) = cell.letters() {
            for letter in letters.drain(..) {
                outbox[self.relay_of[letter.node as usize] as usize].push(letter);
            }
        }
    }

    /// Gives a part's cells, the first of which has the number `first`, the copies that are on their way to them.
    pub fn distribute(&self, part: usize, first: usize, cells: &mut [Cell]) {
        for relay in &self.copies {
            for delivery in &relay[part] {
                cells[delivery.server as usize - first].expect(*delivery);
            }
        }
    }

    /// Lets the relays take in what all cells have sent up to this moment.
    pub fn advance(&mut self, outboxes: &[&Outbox], until: SimTime) {
        let Self { relays, copies, part_of, pace, .. } = self;
        let horizon = until + pace.ahead;
        let advance = |(number, (relay, copies)): (usize, (&mut Relay, &mut Vec<Vec<Delivery>>))| {
            outboxes.iter().for_each(|outbox| relay.expect(&outbox[number]));
            copies.iter_mut().for_each(Vec::clear);
            relay.advance(horizon, |delivery| copies[part_of[delivery.server as usize] as usize].push(delivery));
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
        parts: &mut [(&mut [Cell], &mut Recorder)],
        changes: &mut [Vec<(SimTime, Change)>],
        until: SimTime,
    ) {
        for (part, (cells, _)) in parts.iter_mut().enumerate() {
            for relay in &mut self.copies {
                for delivery in relay[part].drain(..) {
                    let first = self.part_of.partition_point(|other| (*other as usize) < part);
                    cells[delivery.server as usize - first].expect(delivery);
                }
            }
        }
        let places: Vec<(usize, usize)> =
            parts.iter().enumerate().flat_map(|(part, (cells, _))| (0..cells.len()).map(move |i| (part, i))).collect();
        let mut made = vec![0; places.len()];
        let change = |changes: &[(SimTime, Change)], made: usize| changes.get(made).map_or(SimTime::NEVER, |c| c.0);
        let mut next: Vec<SimTime> = places
            .iter()
            .zip(&*changes)
            .map(|(&(part, i), changes)| parts[part].0[i].next_time().min(change(changes, 0)))
            .collect();
        let mut coming: Vec<SimTime> = self.relays.iter().map(Relay::next_time).collect();
        let mut copies = Vec::new();
        loop {
            let (cell, at) = earliest(&next);
            let (relay, letter_at) = earliest(&coming);
            if at.min(letter_at) > until {
                break;
            }
            if letter_at <= at {
                copies.clear();
                self.relays[relay].advance(letter_at, |delivery| copies.push(delivery));
                coming[relay] = self.relays[relay].next_time();
                for delivery in &copies {
                    let (part, i) = places[delivery.server as usize];
                    parts[part].0[i].expect(*delivery);
                    let next = &mut next[delivery.server as usize];
                    *next = (*next).min(delivery.at);
                }
                continue;
            }
            let (part, i) = places[cell];
            let (cells, recorder) = &mut parts[part];
            let from = made[cell];
            made[cell] += changes[cell][from..].iter().take_while(|change| change.0 <= at).count();
            cells[i].advance(at, &changes[cell][from..made[cell]], recorder);
            if let Some(letters) = cells[i].letters() {
                for letter in letters.drain(..) {
                    let relay = self.relay_of[letter.node as usize] as usize;
                    self.relays[relay].expect(&[letter]);
                    coming[relay] = coming[relay].min(letter.at);
                }
            }
            next[cell] = cells[i].next_time().min(change(&changes[cell], made[cell]));
        }
        for (changes, made) in changes.iter_mut().zip(made) {
            changes.drain(..made);
        }
    }

    /// Ends the run.
    pub fn finish(self) -> Ended {
        let copies: usize = self.copies.iter().flatten().map(Vec::len).sum();
        let mut end = Ended { totals: RelayTotals::default(), letters: 0, copies: copies as u64, tally: None };
        for relay in self.relays {
            end.letters += relay.expected();
            end.totals.relayed += relay.totals.relayed;
            end.totals.lost += relay.totals.lost;
            end.totals.copies += relay.totals.copies;
            let sums = relay.recorder.finish();
            match &mut end.tally {
                Some(tally) => tally.merge(&sums),
                None => end.tally = Some(sums),
            }
        }
        end
    }
}

/// What became of all letters and copies.
#[derive(Debug)]
pub struct Ended {
    /// What the relays did.
    pub totals: RelayTotals,
    /// Letters on their way.
    pub letters: u64,
    /// Copies on their way that no cell has been told of.
    pub copies: u64,
    /// The relays' sums.
    pub tally: Option<Tally>,
}

/// The first of the earliest.
fn earliest(times: &[SimTime]) -> (usize, SimTime) {
    times.iter().copied().enumerate().fold((0, SimTime::NEVER), |(i, best), (k, time)| {
        if time < best { (k, time) } else { (i, best) }
    })
}
