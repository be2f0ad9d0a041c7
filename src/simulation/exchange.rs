//! What crosses between servers: letters to the relays of the broker, and copies back, in step with the servers.
//!
//! Cells and relays go forward by turns. A letter takes at least `ahead` from the moment it leaves a server's cores to
//! the node, and a copy as long again to the next server, so for `step`, the whole shortest way from a message to a copy
//! elsewhere, no cell needs to know what the others do meanwhile (a conservative time window: K. M. Chandy, J. Misra, IEEE
//! Trans. Software Engineering 5, 1979). Where there is no such shortest way, or too little happens within it, one thing
//! after the other is done, always the earliest first.
//!
//! Shards that are far apart make many such steps before they look at each other: as many as fit into the way between
//! them. Each is a site, with its servers and its nodes, which one thread works on while they are in its cache.

use std::ops::Range;
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
    /// How far shards that stand apart may go without each other; zero where they don't.
    pub apart: Span,
}

impl Pace {
    /// The pace of this scenario, where so many events happen a second in so many cells.
    pub fn of(scenario: &Scenario, events_per_second: f64, cells: u64) -> Self {
        let near = scenario.latency.server.least();
        let far = scenario.sharding.as_ref().and_then(|s| s.latency.as_ref());
        let hop = far.map_or(near, |far| far.least().min(near));
        // A nanosecond less than the sum, for what rounding adds.
        let span = |seconds: f64| Span(Span::from_seconds(seconds).0.saturating_sub(1_000));
        // A letter that leaves the cores now has the line and the way before it.
        let size = scenario.workload.message_size.least();
        let line = scenario.servers.network.map_or(0.0, |line| 8.0 * size / line.get());
        let ahead = span(hop + line);
        // At the node it is taken in, and where there are replicas it waits until the followers have it: two ways more.
        let (work, back) = scenario.broker.as_ref().map_or((0.0, 1.0), |broker| {
            let work = broker.per_batch.least() + broker.per_publish.least() * broker.replication as f64;
            (work, if broker.replication > 1 { 3.0 } else { 1.0 })
        });
        let step = ahead + span(hop.min(near) * back + work);
        let events = events_per_second * step.as_seconds();
        let step = if events >= EVENTS_A_CELL * cells as f64 { step } else { Span::ZERO };
        // What goes from one shard to another takes this much longer than `ahead`, and copies that do take longer still.
        let apart = far.filter(|_| step > Span::ZERO).map_or(0.0, |far| far.least() - hop);
        Self { step, ahead, parallel: events >= PARALLEL_EVENTS, apart: span(apart) }
    }

    /// Steps that shards which stand apart make before they look at each other again.
    pub fn steps_apart(&self) -> u64 {
        if self.step == Span::ZERO { 1 } else { (self.apart.0 / self.step.0).max(1) }
    }
}

/// The relays of one replication.
#[derive(Debug)]
pub struct Exchange {
    sites: Vec<Site>,
    pace: Pace,
}

/// Relays and parts of the servers that stand together: shards that are far apart, or all. What goes to another site waits
/// here until all sites have come as far.
#[derive(Debug)]
pub struct Site {
    relays: Vec<Relay>,
    /// The first of its relays, counted over all.
    first: usize,
    /// Its parts of the servers.
    parts: Range<usize>,
    /// Which part a server belongs to.
    part_of: Arc<[u32]>,
    pace: Pace,
    /// Copies for each part, from each of its relays.
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

    /// Gets ready what arrives up to this moment, of what was on its way and of these copies.
    fn open<'a>(&mut self, new: impl Iterator<Item = &'a Delivery> + Clone, until: SimTime) {
        let Self { first, coming, portion, sorted, ends } = self;
        let first = *first;
        let server = move |copy: &Delivery| (copy.server - first) as usize;
        coming.take_unsorted(until, portion);
        // By counting: one pass to see how many each has, one to put them in their places. Nearly all that is new arrives
        // within the step, so it is put there directly.
        ends.fill(0);
        for (_, copy) in portion.iter() {
            ends[server(copy)] += 1;
        }
        for copy in new.clone() {
            if copy.at <= until {
                ends[server(copy)] += 1;
            } else {
                coming.add(copy.at, *copy);
            }
        }
        let mut sum = 0;
        for end in ends.iter_mut() {
            (sum, *end) = (sum + *end, sum);
        }
        if sum > sorted.len() {
            sorted.resize(sum, Delivery::default());
        }
        let mut put = |copy: &Delivery| {
            let place = &mut ends[server(copy)];
            sorted[*place] = *copy;
            *place += 1;
        };
        for (_, copy) in portion.iter() {
            put(copy);
        }
        new.filter(|copy| copy.at <= until).for_each(put);
        // Each server has a few only.
        let mut start = 0;
        for &end in ends.iter() {
            if end > start + 1 {
                sorted[start..end].sort_by_key(|copy| copy.at);
            }
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
    /// The exchange between the broker's nodes and the servers of these parts, site by site. `background`: what servers
    /// that are not simulated send to all of these nodes.
    pub fn new(setting: &Arc<Setting>, parts: &[Vec<Range<usize>>], pace: Pace, background: Elsewhere) -> Self {
        let sizes = setting.between.as_ref().map_or_else(Vec::new, |between| between.directory.relay_sizes());
        let nodes: u32 = sizes.iter().sum();
        let width = if pace.step > Span::ZERO { pace.step } else { SINGLE_STEP };
        let mut first = 0;
        let mut relays = sizes.iter().map(|&size| {
            let share = f64::from(size) / f64::from(nodes);
            let background = Elsewhere { batches_per_second: background.batches_per_second * share, ..background };
            let relay = Relay::new(setting, first, size, width, background);
            first += size;
            relay
        });
        let all = parts.iter().flatten();
        let part_of: Arc<[u32]> = all.enumerate().flat_map(|(i, cells)| cells.clone().map(move |_| i as u32)).collect();
        let count: usize = parts.iter().map(Vec::len).sum();
        let relays_a_site = sizes.len() / parts.len();
        let mut first_part = 0;
        let sites = parts.iter().enumerate().map(|(i, parts)| {
            first_part += parts.len();
            Site {
                relays: relays.by_ref().take(relays_a_site).collect(),
                first: i * relays_a_site,
                parts: first_part - parts.len()..first_part,
                part_of: Arc::clone(&part_of),
                pace,
                copies: vec![vec![Vec::new(); count]; relays_a_site],
            }
        });
        Self { sites: sites.collect(), pace }
    }

    /// An empty outbox.
    pub fn outbox(&self) -> Vec<Vec<Letter>> {
        vec![Vec::new(); self.sites.iter().map(|site| site.relays.len()).sum()]
    }

    /// How it goes forward.
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// Its sites; their parts follow one another.
    pub fn sites(&mut self) -> &mut [Site] {
        &mut self.sites
    }

    /// All sites have come as far: what one has for another is handed over.
    pub fn carry(&mut self, parts: &mut [Row<'_>]) {
        if self.sites.len() == 1 {
            return;
        }
        for site in &mut self.sites {
            for (number, row) in parts.iter_mut().enumerate().filter(|(number, _)| !site.parts.contains(number)) {
                for (relay, letters) in site.relays.iter_mut().zip(&mut row.recorder.outbox[site.first..]) {
                    relay.expect(letters);
                    letters.clear();
                }
                for copies in &mut site.copies {
                    copies[number].drain(..).for_each(|copy| row.inbox.coming.add(copy.at, copy));
                }
            }
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
        // There is one site: none is far where nothing is.
        let Some(Site { relays, copies, .. }) = self.sites.first_mut() else { return };
        let places: Vec<(usize, usize)> =
            parts.iter().enumerate().flat_map(|(part, row)| (0..row.cells.len()).map(move |i| (part, i))).collect();
        // What was handed out last and what is left of before, each cell's in order.
        let mut inboxes: Vec<Calendar<Delivery>> = vec![Calendar::default(); places.len()];
        for (part, row) in parts.iter_mut().enumerate() {
            copies.iter_mut().flat_map(|relay| relay[part].drain(..)).for_each(|c| row.inbox.coming.add(c.at, c));
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
                parts[part].cells[i].next_time().min(first_of(&changes[cell], 0, &inboxes[cell]))
            })
            .collect();
        let mut coming: Vec<SimTime> = relays.iter().map(Relay::next_time).collect();
        let (mut handed, mut due) = (Vec::new(), Vec::new());
        loop {
            let (cell, at) = earliest(&next);
            let (relay, letter_at) = earliest(&coming);
            if at.min(letter_at) > until {
                break;
            }
            if letter_at <= at {
                relays[relay].advance(letter_at, |copy| handed.push(copy));
                coming[relay] = relays[relay].next_time();
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
                relays[relay].expect(letters);
                letters.clear();
            }
            next[cell] = cells[i].next_time().min(first_of(&changes[cell], made[cell], &inboxes[cell]));
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
        let copies: usize = self.sites.iter().flat_map(|site| &site.copies).flatten().map(Vec::len).sum();
        let mut end = Ended {
            totals: RelayTotals::default(),
            letters: 0,
            copies: copies as u64,
            tally: None,
            lost_by_fault: Vec::new(),
        };
        for relay in self.sites.into_iter().flat_map(|site| site.relays) {
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

impl Site {
    /// Its parts of the servers.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Makes this slice the current one, after the one before.
    pub fn turn_to(&mut self, slice: usize) {
        self.relays.iter_mut().for_each(|relay| relay.recorder.turn_to(slice));
    }

    /// Adds the last slice to the sums.
    pub fn close(&mut self) {
        self.relays.iter_mut().for_each(|relay| relay.recorder.close());
    }

    /// Gets the inbox of one of its parts ready for the time up to `until`.
    pub fn deliver(&self, part: usize, inbox: &mut Inbox, until: SimTime) {
        let part = self.parts.start + part;
        inbox.open(self.copies.iter().flat_map(|relay| &relay[part]), until);
    }

    /// Lets the relays take in what the parts here have sent up to this moment; with several threads, if it is worth it.
    pub fn advance(&mut self, outboxes: &mut [&mut Vec<Vec<Letter>>], until: SimTime, parallel: bool) {
        let Self { relays, first, parts, part_of, pace, copies } = self;
        let horizon = until + pace.ahead;
        let advance = |(number, (relay, copies)): (usize, (&mut Relay, &mut Vec<Vec<Delivery>>))| {
            for outbox in outboxes.iter() {
                relay.expect(&outbox[*first + number]);
            }
            copies[parts.clone()].iter_mut().for_each(Vec::clear);
            relay.advance(horizon, |copy| copies[part_of[copy.server as usize] as usize].push(copy));
        };
        if parallel {
            relays.par_iter_mut().zip(copies.par_iter_mut()).enumerate().for_each(advance);
        } else {
            relays.iter_mut().zip(copies.iter_mut()).enumerate().for_each(advance);
        }
        for outbox in outboxes {
            outbox[*first..*first + relays.len()].iter_mut().for_each(Vec::clear);
        }
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
