//! Where a running server writes what happens: the current slice in small sums, everything else in the [`Tally`].

use super::letter::Letter;
use super::reads::Ask;
use crate::engine::Visit;
use crate::metrics::Conservation;
use crate::metrics::tally::{Bursts, Flow, LatencySlice, Slices, Station, Tally};
use crate::scenario::FanOut;
use crate::units::{SimTime, Span};

/// Copies that one job hands out are told apart in up to so many groups.
const GROUPS: u64 = 16;

/// Messages still in a server when the run ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Inside {
    /// Waiting at a station.
    pub queued: u64,
    /// In service at a station.
    pub in_service: u64,
}

/// Records one server after the other; each goes through the slices in order.
#[derive(Debug)]
pub struct Recorder {
    tally: Tally,
    slice: usize,
    slice_end: SimTime,
    bursts: Bursts,
    latency_count: u64,
    latency_sum: u128,
    bytes_done: u64,
    /// Whether anybody receives what is published.
    answers: bool,
    /// Whether a message is done with before its copies are delivered.
    crosses: bool,
    /// Messages done with, where that is not the same as delivered.
    handled: u64,
    /// Letters for the broker, by relay.
    pub outbox: Vec<Vec<Letter>>,
    /// What has reads to make, or goes out in order with what has.
    pub asks: Vec<Ask>,
    visits: u64,
    /// What happens in the current slice besides at stations.
    pub flow: Flow,
    /// What is in the servers at the end.
    inside: Inside,
    /// Messages delivered (or, without fan-out, done with) by the end.
    delivered: u64,
    /// Connections open at the end.
    pub open_at_end: u64,
    /// Messages that users still wait for at the end.
    pub pending_at_end: u64,
    /// Messages lost in servers that stopped, by fault.
    pub lost_by_fault: Vec<u64>,
}

impl Recorder {
    /// Nothing recorded yet.
    pub fn new(slices: Slices, fan_out: &FanOut) -> Self {
        Self {
            tally: Tally::new(slices),
            slice: 0,
            slice_end: slices.end_of(0),
            bursts: Bursts::default(),
            latency_count: 0,
            latency_sum: 0,
            bytes_done: 0,
            answers: *fan_out != FanOut::None,
            crosses: fan_out.crosses(),
            handled: 0,
            outbox: Vec::new(),
            asks: Vec::new(),
            visits: 0,
            flow: Flow::default(),
            inside: Inside::default(),
            delivered: 0,
            open_at_end: 0,
            pending_at_end: 0,
            lost_by_fault: Vec::new(),
        }
    }

    /// The same, where some connections are slow: their servers are done with a message before it is delivered.
    #[must_use]
    pub fn with_slow_clients(mut self) -> Self {
        self.crosses = true;
        self.tally.slow = vec![LatencySlice::default(); self.tally.slices.count()];
        self
    }

    /// How the run is cut.
    pub fn slices(&self) -> Slices {
        self.tally.slices
    }

    /// The last moment of the current slice.
    #[inline(always)]
    pub fn slice_end(&self) -> SimTime {
        self.slice_end
    }

    /// Makes `slice` the current one.
    pub fn open(&mut self, slice: usize) {
        self.slice = slice;
        self.slice_end = self.tally.slices.end_of(slice);
    }

    /// Makes `slice` the current one, after the one before it.
    pub fn turn_to(&mut self, slice: usize) {
        if slice > 0 {
            self.close();
        }
        self.open(slice);
    }

    /// Moves the small sums of the stations to the tally, before they can overflow.
    #[inline(never)]
    pub fn take_bursts(&mut self) {
        self.tally.take(self.slice, &mut self.bursts);
    }

    /// Adds the current slice to the tally.
    pub fn close(&mut self) {
        self.take_bursts();
        let latency = &mut self.tally.latency[self.slice];
        let (count, bytes) = (std::mem::take(&mut self.latency_count), std::mem::take(&mut self.bytes_done));
        if !self.crosses {
            self.delivered += count;
        }
        latency.count += count;
        if self.answers {
            self.flow.messages_out += count;
            self.flow.bytes_out += u128::from(bytes);
        }
        latency.sum += std::mem::take(&mut self.latency_sum);
        self.tally.flow[self.slice].merge(&std::mem::take(&mut self.flow));
    }

    /// What became of the messages and connections, as far as it is counted here.
    pub fn conservation(&self) -> Conservation {
        Conservation {
            delivered: self.delivered + self.handled,
            queued: self.inside.queued,
            in_service: self.inside.in_service,
            connections_open: self.open_at_end,
            pending: self.pending_at_end,
            ..Conservation::default()
        }
    }

    /// The sums, after the last slice was closed.
    pub fn finish(self) -> Tally {
        self.tally
    }

    /// A stay at a station. `inside` says whether its customer is counted among those inside at the end already (or is no
    /// message, and so never is); the answer says whether it is now.
    #[inline(always)]
    pub fn visit(&mut self, station: Station, visit: Visit, inside: bool) -> bool {
        if self.bursts.add(station, &visit, self.slice_end) {
            return inside;
        }
        // In registers: a struct passed by its address would be written to memory on the common path too.
        let Visit { arrival, start, departure, wakeup } = visit;
        self.split(station, arrival, start, departure, wakeup, inside)
    }

    #[cold]
    #[inline(never)]
    fn split(
        &mut self,
        station: Station,
        arrival: SimTime,
        start: SimTime,
        departure: SimTime,
        wakeup: Span,
        inside: bool,
    ) -> bool {
        let visit = Visit { arrival, start, departure, wakeup };
        self.tally.stations[station as usize].split(self.tally.slices, &visit);
        let end = self.tally.slices.end();
        if !inside && departure > end {
            *(if start > end { &mut self.inside.queued } else { &mut self.inside.in_service }) += 1;
            return true;
        }
        inside
    }

    /// A stay at a station where all are served at once.
    pub fn shared_visit(&mut self, arrival: SimTime, departure: SimTime, service: Span, wakeup: Span) {
        let station = &mut self.tally.stations[Station::Cpu as usize];
        station.served(self.tally.slices, departure, departure.since(arrival), service, wakeup);
        station.present(self.tally.slices, arrival, departure);
    }

    /// A customer who is still at such a station when the run ends.
    pub fn still_shared(&mut self, arrival: SimTime, message: bool) {
        let slices = self.tally.slices;
        self.tally.stations[Station::Cpu as usize].present(slices, arrival, slices.end());
        self.inside.in_service += u64::from(message);
    }

    /// Cores that worked from one moment to another at a station where all are served at once.
    pub fn shared_work(&mut self, from: SimTime, to: SimTime, cores: u32) {
        self.tally.stations[Station::Cpu as usize].work(self.tally.slices, from, to, cores);
    }

    /// A customer who waited and left unserved.
    pub fn abandoned(&mut self, arrival: SimTime, left: SimTime, message: bool) {
        let slices = self.tally.slices;
        self.tally.stations[Station::Cpu as usize].present(slices, arrival, left);
        if !message {
            return;
        }
        match slices.slice_of(left) {
            Some(slice) => self.tally.flow[slice].abandoned += 1,
            None => self.inside.queued += 1,
        }
    }

    /// A message that is done with at this moment, too late for its user.
    pub fn late(&mut self, at: SimTime, bytes: u32) {
        let flow = match self.tally.slices.slice_of(at) {
            _ if at <= self.slice_end => &mut self.flow,
            Some(slice) => &mut self.tally.flow[slice],
            None => return,
        };
        flow.late += 1;
        if self.answers {
            flow.messages_out += 1;
            flow.bytes_out += u128::from(bytes);
        }
    }

    /// A stay that a crash ends: it counts up to then.
    #[cold]
    pub fn cut(&mut self, station: Station, visit: Visit, crash: SimTime) {
        let slices = self.tally.slices;
        let station = &mut self.tally.stations[station as usize];
        station.present(slices, visit.arrival, crash);
        station.work(slices, visit.start, crash, 1);
    }

    /// A customer who was at the CPU from one moment to another, and was not served to the end.
    pub fn present_at_cpu(&mut self, from: SimTime, to: SimTime) {
        self.tally.stations[Station::Cpu as usize].present(self.tally.slices, from, to);
    }

    /// A core that works from one moment to another.
    pub fn work_at_cpu(&mut self, from: SimTime, to: SimTime) {
        self.tally.stations[Station::Cpu as usize].work(self.tally.slices, from, to, 1);
    }

    /// A customer served at the CPU whose work and presence were recorded apart; as for [`Self::visit`], whether it is
    /// counted among those inside at the end.
    pub fn served_at_cpu(&mut self, visit: Visit, service: Span, inside: bool) -> bool {
        let Visit { arrival, start, departure, wakeup } = visit;
        let slices = self.tally.slices;
        self.tally.stations[Station::Cpu as usize].served(slices, departure, departure.since(arrival), service, wakeup);
        if inside || departure <= slices.end() {
            return inside;
        }
        *(if start > slices.end() { &mut self.inside.queued } else { &mut self.inside.in_service }) += 1;
        true
    }

    /// So many messages are lost when a server stops, by this fault.
    pub fn lost(&mut self, at: SimTime, fault: usize, messages: u64) {
        let Some(slice) = self.tally.slices.slice_of(at) else { return };
        self.tally.flow[slice].lost += messages;
        if self.lost_by_fault.len() <= fault {
            self.lost_by_fault.resize(fault + 1, 0);
        }
        self.lost_by_fault[fault] += messages;
    }

    /// A message that is done with at this moment, after this long, with this payload.
    #[inline(always)]
    pub fn delivered(&mut self, at: SimTime, latency: u64, bytes: u32) {
        if at > self.slice_end {
            self.delivered_later(at, latency, bytes);
            return;
        }
        self.latency_count += 1;
        self.latency_sum += u128::from(latency);
        self.bytes_done += u64::from(bytes);
        self.tally.latency[self.slice].histogram.record(latency);
    }

    #[cold]
    fn delivered_later(&mut self, at: SimTime, latency: u64, bytes: u32) {
        if !self.crosses && self.tally.slices.slice_of(at).is_some() {
            self.delivered += 1;
        }
        self.delivered_then(at, latency, bytes, 1);
    }

    /// So many copies delivered at a moment that need not be in the current slice.
    fn delivered_then(&mut self, at: SimTime, latency: u64, bytes: u32, n: u64) {
        let Some(slice) = self.tally.slices.slice_of(at) else { return };
        let flow = &mut self.tally.flow[slice];
        if self.answers {
            flow.messages_out += n;
            flow.bytes_out += u128::from(bytes) * u128::from(n);
        }
        let LatencySlice { count, sum, histogram } = &mut self.tally.latency[slice];
        *count += n;
        *sum += u128::from(latency) * u128::from(n);
        histogram.record_n(latency, n);
    }

    /// So many deliveries to slow connections at a moment that need not be in the current slice.
    pub fn delivered_slowly(&mut self, at: SimTime, latency: u64, bytes: u32, n: u64) {
        self.delivered_then(at, latency, bytes, n);
        let slice = self.tally.slices.slice_of(at);
        if let Some(LatencySlice { count, sum, histogram }) = slice.and_then(|slice| self.tally.slow.get_mut(slice)) {
            *count += n;
            *sum += u128::from(latency) * u128::from(n);
            histogram.record_n(latency, n);
        }
    }

    /// So many deliveries that a slow connection doesn't get.
    pub fn lost_to_slow(&mut self, deliveries: u64) {
        self.flow.lost_deliveries += deliveries;
        self.flow.slow_lost += deliveries;
    }

    /// A copy or a batch passes all stations of its row: every so often the small sums have to be taken.
    pub fn count_row(&mut self) {
        self.visits += 1;
        if self.visits.is_multiple_of(Bursts::LIMIT) {
            self.take_bursts();
        }
    }

    /// Work of a station's one server that is no visit: too small for anybody to wait for.
    pub fn small_work(&mut self, station: Station, from: SimTime, to: SimTime) {
        if self.bursts.add_work(station, to.since(from), to <= self.slice_end) {
            return;
        }
        let station = &mut self.tally.stations[station as usize];
        station.present(self.tally.slices, from, to);
        station.work(self.tally.slices, from, to, 1);
        station.stayed(self.tally.slices, to, to.since(from));
    }

    /// A copy for so many users that is lost; one from the broker is a copy less.
    pub fn copy_lost(&mut self, recipients: u64, from_broker: bool) {
        self.flow.copies_cut += u64::from(from_broker);
        self.flow.lost_deliveries += recipients;
    }

    /// A message that its server is done with at this moment, whose copies are delivered later. What is past the end is
    /// counted among those inside.
    pub fn handled(&mut self, at: SimTime) {
        self.handled += u64::from(at <= self.tally.slices.end());
    }

    /// So many copies delivered evenly between two moments; `origin` gives where each one's latency counts from. Of many,
    /// groups of neighbours are taken as one.
    pub fn delivered_many(
        &mut self,
        (first, last): (SimTime, SimTime),
        recipients: u64,
        bytes: u32,
        mut origin: impl FnMut() -> u64,
    ) {
        let groups = recipients.min(GROUPS);
        let step = last.since(first).0 as f64 / (recipients.max(2) - 1) as f64;
        let mut done = 0;
        for group in 1..=groups {
            let upto = recipients * group / groups;
            let middle = (done + upto - 1) as f64 / 2.0;
            let at = SimTime(first.0 + (step * middle) as u64);
            let latency = at.0.wrapping_sub(origin());
            self.delivered_then(at, latency, bytes, upto - done);
            done = upto;
        }
    }
}
