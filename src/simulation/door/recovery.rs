//! Follows each fault: how many come back how fast, and when nearly all are.

use crate::metrics::recovery::{FaultTally, PEAK_SECONDS};
use crate::scenario::Scenario;
use crate::simulation::outages::Drain;
use crate::units::{SimTime, Span};

/// The share of those dropped that may be missing when a fault counts as over: one in this many.
const MISSING: u64 = 100;

/// Follows all faults of a run.
#[derive(Debug)]
pub struct Recovery {
    faults: Vec<Fault>,
    /// Faults in order of time, and how many of them have begun.
    order: Vec<usize>,
    begun: usize,
    /// Users without a connection who had one, or tried to have one.
    away: u64,
    /// Whether some fault isn't over, so that each return has to be looked at.
    pending: bool,
}

#[derive(Debug)]
struct Fault {
    at: SimTime,
    /// When it drops its last connection.
    last_drop: SimTime,
    away_before: u64,
    /// Since when nearly all are back, if they are.
    back: Option<SimTime>,
    tally: FaultTally,
    /// The current tenth of a second, and what happened in it.
    tenth: u64,
    accepted: u64,
    attempts: u64,
}

impl Recovery {
    /// Follows the faults of a scenario.
    pub fn new(scenario: &Scenario, drains: &[Drain]) -> Self {
        let end = SimTime::from_seconds(scenario.simulation.duration.get());
        let fault = |at: SimTime, last_drop: SimTime| Fault {
            at,
            last_drop,
            back: None,
            away_before: 0,
            tally: FaultTally::default(),
            tenth: 0,
            accepted: 0,
            attempts: 0,
        };
        let faults: Vec<Fault> = scenario
            .faults
            .iter()
            .enumerate()
            .map(|(number, f)| {
                let at = SimTime::from_seconds(f.at.get());
                let drained = drains.iter().filter(|drain| drain.fault == number && drain.from <= end);
                fault(at, drained.map(|drain| drain.to).fold(at, SimTime::max))
            })
            .collect();
        let mut order: Vec<usize> = (0..faults.len()).collect();
        order.sort_by_key(|fault| faults[*fault].at);
        Self { faults, order, begun: 0, away: 0, pending: false }
    }

    /// When the next fault begins.
    pub fn next_time(&self) -> SimTime {
        self.order.get(self.begun).map_or(SimTime::NEVER, |fault| self.faults[*fault].at)
    }

    /// The next fault begins, with so many connections open.
    pub fn begin(&mut self, open: u64) {
        let Some(&number) = self.order.get(self.begun) else { return };
        let fault = &mut self.faults[number];
        fault.tally.before = open;
        fault.away_before = self.away;
        self.begun += 1;
        self.pending = true;
    }

    /// Connections are dropped, by a fault or for another reason; whether or not their users come back.
    pub fn dropped(&mut self, count: u64, fault: Option<usize>) {
        self.away += count;
        if let Some(fault) = fault.and_then(|fault| self.faults.get_mut(fault)) {
            fault.tally.dropped += count;
            // Whether they are back is to be found anew.
            fault.back = None;
        }
    }

    /// An attempt is made.
    pub fn attempt(&mut self, now: SimTime) {
        if let Some(fault) = self.current() {
            fault.go_on(now);
            fault.attempts += 1;
        }
    }

    /// An attempt succeeds.
    pub fn accepted(&mut self, now: SimTime, returning: bool) {
        self.away -= u64::from(returning);
        if let Some(fault) = self.current() {
            fault.go_on(now);
            fault.accepted += 1;
        }
        self.look(now);
    }

    /// An attempt is refused; a newcomer is away from now on.
    pub fn refused(&mut self, returning: bool) {
        self.away += u64::from(!returning);
        if let Some(fault) = self.current() {
            fault.tally.refused += 1;
        }
    }

    /// An attempt will be given up.
    pub fn timed_out(&mut self, returning: bool) {
        self.away += u64::from(!returning);
        if let Some(fault) = self.current() {
            fault.tally.timed_out += 1;
        }
    }

    /// An attempt is cut off while it waits; a newcomer is away from now on.
    pub fn turned_back(&mut self, returning: bool) {
        self.away += u64::from(!returning);
    }

    /// The run is at this moment: faults whose dropped connections are back are over.
    fn look(&mut self, now: SimTime) {
        if !self.pending {
            return;
        }
        self.pending = false;
        for &number in &self.order[..self.begun] {
            let fault = &mut self.faults[number];
            if fault.tally.back_seconds.is_some() {
                continue;
            }
            if now < fault.last_drop || fault.back.is_none() {
                let all = fault.tally.dropped > 0 && self.away <= fault.away_before + fault.tally.dropped / MISSING;
                fault.back = all.then(|| fault.back.unwrap_or(now));
            }
            // Nothing is over that has not come to its last drop.
            match fault.back {
                Some(back) if now >= fault.last_drop => {
                    fault.tally.back_seconds = Some(back.max(fault.last_drop).since(fault.at).as_seconds());
                }
                _ => self.pending = true,
            }
        }
    }

    /// What became of each fault, in the order of the file.
    pub fn finish(&mut self, end: SimTime) -> Vec<FaultTally> {
        self.look(end);
        self.faults.iter_mut().for_each(Fault::close_tenth);
        let all_there = |tally: FaultTally| FaultTally { back_seconds: tally.back_seconds.or(Some(0.0)), ..tally };
        let tallies = self.faults.iter().map(|fault| fault.tally);
        // Where nothing was dropped, nothing has to come back.
        tallies.map(|tally| if tally.dropped == 0 { all_there(tally) } else { tally }).collect()
    }

    fn current(&mut self) -> Option<&mut Fault> {
        let last = self.begun.checked_sub(1)?;
        Some(&mut self.faults[self.order[last]])
    }
}

impl Fault {
    fn go_on(&mut self, now: SimTime) {
        let tenth = now.since(self.at).0 / Span::from_seconds(PEAK_SECONDS).0;
        if tenth != self.tenth {
            self.close_tenth();
            self.tenth = tenth;
        }
    }

    fn close_tenth(&mut self) {
        self.tally.peak_accepted = self.tally.peak_accepted.max(std::mem::take(&mut self.accepted));
        self.tally.peak_attempts = self.tally.peak_attempts.max(std::mem::take(&mut self.attempts));
    }
}
