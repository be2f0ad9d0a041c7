//! Raw sums of a run, kept by slices of its time.
//!
//! Everything is a whole number (counts, picoseconds, bytes), so sums don't depend on the order in which servers, threads
//! or replications are added up. What a customer does within one slice goes into the slice's [`Bursts`] by a few additions;
//! a stay that crosses the end of a slice is split exactly.

use crate::engine::Visit;
use crate::stats::Histogram;
use crate::units::{SimTime, Span};

/// A run's time, cut into equal slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slices {
    width: u64,
    count: usize,
    end: SimTime,
}

impl Slices {
    /// So many slices of the time from zero to `end`; fewer where the time is too short for them.
    pub fn new(end: SimTime, count: usize) -> Self {
        let width = end.0.div_ceil(count as u64).max(1);
        Self { width, count: end.0.div_ceil(width).max(1) as usize, end }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// When the run ends.
    pub fn end(&self) -> SimTime {
        self.end
    }

    /// When slice `i` begins.
    pub fn start_of(&self, i: usize) -> SimTime {
        SimTime((i as u64 * self.width).min(self.end.0))
    }

    /// When slice `i` ends; the moment itself still belongs to it.
    pub fn end_of(&self, i: usize) -> SimTime {
        self.start_of(i + 1)
    }

    /// The slice a moment belongs to (the one that it ends, at a border); `None` past the end.
    pub fn slice_of(&self, time: SimTime) -> Option<usize> {
        (time <= self.end).then(|| (time.0.saturating_sub(1) / self.width) as usize)
    }
}

/// What one station did in one slice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StationSlice {
    /// Customers who left in this slice, served.
    pub visits: u64,
    /// Their time at the station.
    pub residence: u128,
    /// Their service, wake-ups included.
    pub service: u128,
    /// Their wake-ups.
    pub wakeup: u128,
    /// Customers present, integrated over the slice.
    pub number: i128,
    /// Servers at work, integrated over the slice.
    pub busy: i128,
}

impl StationSlice {
    /// Adds another slice's sums.
    pub fn add(&mut self, other: &Self) {
        self.visits += other.visits;
        self.residence += other.residence;
        self.service += other.service;
        self.wakeup += other.wakeup;
        self.number += other.number;
        self.busy += other.busy;
    }
}

/// What one station did, slice by slice.
#[derive(Debug, Clone)]
pub struct StationTally {
    slices: Vec<StationSlice>,
    /// How many more (or fewer) customers are present, and served, for the whole of this slice and all later ones than
    /// of the one before.
    whole: Vec<(i64, i64)>,
}

/// Customers whose whole stay lies in the current slice, by [`Station`].
///
/// Its sums are of 64 bits, for speed: take them into the tally after at most [`Bursts::LIMIT`] messages. They stand in
/// columns, since the compiler would else add those of a station in pairs, and spend more on pairing than on adding.
#[derive(Debug, Clone, Default)]
pub struct Bursts {
    visits: [u64; 4],
    residence: [u64; 4],
    service: [u64; 4],
    wakeup: [u64; 4],
}

impl Bursts {
    /// So many messages' stays of up to five hours each fit.
    pub const LIMIT: u64 = 1_024;

    /// Adds a stay, or says (by false) that it goes past the end of the slice and is to be [`split`](StationTally::split).
    #[inline(always)]
    pub fn add(&mut self, station: Station, visit: &Visit, slice_end: SimTime) -> bool {
        if visit.departure > slice_end {
            return false;
        }
        let station = station as usize;
        self.visits[station] += 1;
        self.residence[station] += visit.departure.0 - visit.arrival.0;
        self.service[station] += visit.departure.0 - visit.start.0;
        self.wakeup[station] += visit.wakeup.0;
        true
    }
}

impl Bursts {
    /// Adds work that is nobody's visit, if it lies `within` the slice.
    #[inline(always)]
    pub fn add_work(&mut self, station: Station, work: Span, within: bool) -> bool {
        if within {
            self.residence[station as usize] += work.0;
            self.service[station as usize] += work.0;
        }
        within
    }
}

impl StationTally {
    fn new(slices: Slices) -> Self {
        Self { slices: vec![StationSlice::default(); slices.count], whole: vec![(0, 0); slices.count + 1] }
    }

    /// Adds a stay that spans slices, each part to its own; what lies past the end of the run counts nowhere.
    #[cold]
    pub fn split(&mut self, slices: Slices, visit: &Visit) {
        if let Some(slice) = slices.slice_of(visit.departure) {
            let into = &mut self.slices[slice];
            into.visits += 1;
            into.residence += u128::from(visit.departure.since(visit.arrival).0);
            into.service += u128::from(visit.departure.since(visit.start).0);
            into.wakeup += u128::from(visit.wakeup.0);
        }
        self.present(slices, visit.arrival, visit.departure);
        self.integrate(slices, visit.start, visit.departure, false);
    }

    /// Adds the presence of a customer (from, to), without its service.
    pub fn present(&mut self, slices: Slices, from: SimTime, to: SimTime) {
        self.integrate(slices, from, to, true);
    }

    /// Adds the work of `servers` servers over a time.
    pub fn work(&mut self, slices: Slices, from: SimTime, to: SimTime, servers: u32) {
        for _ in 0..servers {
            self.integrate(slices, from, to, false);
        }
    }

    /// Counts a stay that ends now, of nobody who is counted as a customer.
    pub fn stayed(&mut self, slices: Slices, departure: SimTime, stay: Span) {
        if let Some(slice) = slices.slice_of(departure) {
            self.slices[slice].residence += u128::from(stay.0);
            self.slices[slice].service += u128::from(stay.0);
        }
    }

    /// Counts a served customer who leaves now, without any integral.
    pub fn served(&mut self, slices: Slices, departure: SimTime, residence: Span, service: Span, wakeup: Span) {
        if let Some(slice) = slices.slice_of(departure) {
            let into = &mut self.slices[slice];
            into.visits += 1;
            into.residence += u128::from(residence.0);
            into.service += u128::from(service.0);
            into.wakeup += u128::from(wakeup.0);
        }
    }

    fn integrate(&mut self, slices: Slices, from: SimTime, to: SimTime, number: bool) {
        let to = to.min(slices.end);
        if from >= to {
            return;
        }
        // Borders belong to the slice they end, but an interval that begins at a border lies in the next one.
        let first = (from.0 / slices.width) as usize;
        let last = ((to.0 - 1) / slices.width) as usize;
        let mut add = |slice: usize, amount: u64| {
            let into = &mut self.slices[slice];
            *(if number { &mut into.number } else { &mut into.busy }) += i128::from(amount);
        };
        if first == last {
            add(first, to.0 - from.0);
            return;
        }
        add(first, (first as u64 + 1) * slices.width - from.0);
        add(last, to.0 - last as u64 * slices.width);
        let (begin, end) = (first + 1, last);
        if begin < end {
            let mark = |whole: &mut (i64, i64), by: i64| *(if number { &mut whole.0 } else { &mut whole.1 }) += by;
            mark(&mut self.whole[begin], 1);
            mark(&mut self.whole[end], -1);
        }
    }

    fn merge(&mut self, other: &Self) {
        for (into, from) in self.slices.iter_mut().zip(&other.slices) {
            into.add(from);
        }
        for (into, from) in self.whole.iter_mut().zip(&other.whole) {
            into.0 += from.0;
            into.1 += from.1;
        }
    }

    /// The sums of each slice.
    pub fn slices(&self, slices: Slices) -> Vec<StationSlice> {
        let (mut number, mut busy) = (0_i128, 0_i128);
        let width = i128::from(slices.width);
        let mut sums = self.slices.clone();
        for (sum, whole) in sums.iter_mut().zip(&self.whole) {
            number += i128::from(whole.0);
            busy += i128::from(whole.1);
            sum.number += number * width;
            sum.busy += busy * width;
        }
        sums
    }
}

/// Latencies of the messages delivered in one slice.
#[derive(Debug, Clone, Default)]
pub struct LatencySlice {
    /// Their number.
    pub count: u64,
    /// Their sum.
    pub sum: u128,
    /// All of them.
    pub histogram: Histogram,
}

/// What happened in one slice, besides at stations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flow {
    /// Messages that reached their server.
    pub messages_in: u64,
    /// Messages handed out.
    pub messages_out: u64,
    /// Heartbeats that reached their server.
    pub heartbeats: u64,
    /// Messages handed to the broker.
    pub published: u64,
    /// Of them, those that waited for a batch to fill, and how long.
    pub lingered: u64,
    /// In picoseconds.
    pub linger_time: u128,
    /// Copies that reached a server.
    pub copies: u64,
    /// Copies lost to a slow server.
    pub copies_cut: u64,
    /// Messages that the broker had no time for.
    pub relay_lost: u64,
    /// Deliveries lost with either.
    pub lost_deliveries: u64,
    /// Deliveries handed to slow connections, lost or not.
    pub slow_deliveries: u64,
    /// Of the deliveries lost, those that slow connections had no room for.
    pub slow_lost: u64,
    /// Time on their downlinks that is asked for by what is sent to slow connections (picoseconds).
    pub slow_offered: u128,
    /// Slow connections cut.
    pub slow_cut: u64,
    /// Bytes that wait for slow connections, summed over samples.
    pub slow_waiting: u128,
    /// Slow connections, summed over samples.
    pub slow_samples: u64,
    /// Looks into a cache.
    pub looks: u64,
    /// Those that found a copy young enough.
    pub hits: u64,
    /// Those whose copy was out of date.
    pub stale: u64,
    /// Ages of the copies found, in picoseconds.
    pub hit_age: u128,
    /// Payload in.
    pub bytes_in: u128,
    /// Payload out.
    pub bytes_out: u128,
    /// Messages turned away by a full queue.
    pub blocked: u64,
    /// Messages abandoned by the impatient.
    pub abandoned: u64,
    /// Messages answered too late, or once more: work for nobody.
    pub late: u64,
    /// Messages that were not answered in time.
    pub unanswered: u64,
    /// Messages sent again.
    pub retried: u64,
    /// Messages given up by users who wait only so long or send again.
    pub given_up: u64,
    /// Messages lost in servers that stopped.
    pub lost: u64,
    /// Connections opened.
    pub accepted: u64,
    /// Connection attempts refused.
    pub refused: u64,
    /// Attempts given up before their handshake was done.
    pub timed_out: u64,
    /// Connections dropped by a fault, or cut by the balancer or for being slow.
    pub cut: u64,
    /// Time that servers were down, summed over them (picoseconds).
    pub down: u128,
    /// Time that servers were up, summed over them (picoseconds), where an autoscaler changes their number; 0 elsewhere.
    pub up: u128,
    /// The same of servers that are paid for: those that start too.
    pub paid: u128,
    /// Connections closed by their users.
    pub ended: u64,
    /// Connections dropped by a server out of memory.
    pub shed: u64,
    /// Open connections, integrated over the slice (connection-picoseconds).
    pub connections: u128,
    /// Memory in use, summed over samples (bytes).
    pub memory: u128,
    /// How many samples there were.
    pub memory_samples: u64,
}

impl Flow {
    /// Adds another part's.
    pub fn merge(&mut self, other: &Self) {
        self.messages_in += other.messages_in;
        self.messages_out += other.messages_out;
        self.heartbeats += other.heartbeats;
        self.published += other.published;
        self.lingered += other.lingered;
        self.linger_time += other.linger_time;
        self.copies += other.copies;
        self.copies_cut += other.copies_cut;
        self.relay_lost += other.relay_lost;
        self.lost_deliveries += other.lost_deliveries;
        self.slow_deliveries += other.slow_deliveries;
        self.slow_lost += other.slow_lost;
        self.slow_offered += other.slow_offered;
        self.slow_cut += other.slow_cut;
        self.slow_waiting += other.slow_waiting;
        self.slow_samples += other.slow_samples;
        self.looks += other.looks;
        self.hits += other.hits;
        self.stale += other.stale;
        self.hit_age += other.hit_age;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.blocked += other.blocked;
        self.abandoned += other.abandoned;
        self.late += other.late;
        self.unanswered += other.unanswered;
        self.retried += other.retried;
        self.given_up += other.given_up;
        self.lost += other.lost;
        self.timed_out += other.timed_out;
        self.cut += other.cut;
        self.down += other.down;
        self.up += other.up;
        self.paid += other.paid;
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.ended += other.ended;
        self.shed += other.shed;
        self.connections += other.connections;
        self.memory += other.memory;
        self.memory_samples += other.memory_samples;
    }
}

/// The stations of a server, in the order in which a message meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Station {
    /// The network card, receiving.
    NicIn = 0,
    /// The cores.
    Cpu = 1,
    /// The network card, sending.
    NicOut = 2,
    /// The server's share of the log store's disks.
    Log = 3,
}

impl Station {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::NicIn, Self::Cpu, Self::NicOut, Self::Log];
}

/// All sums of a part of a run.
#[derive(Debug, Clone)]
pub struct Tally {
    /// How its time is cut.
    pub slices: Slices,
    /// By [`Station`].
    pub stations: [StationTally; 4],
    /// By slice.
    pub latency: Vec<LatencySlice>,
    /// Of those, to slow connections; empty where there are none.
    pub slow: Vec<LatencySlice>,
    /// By slice.
    pub flow: Vec<Flow>,
}

impl Tally {
    /// Nothing yet.
    pub fn new(slices: Slices) -> Self {
        Self {
            slices,
            stations: std::array::from_fn(|_| StationTally::new(slices)),
            latency: vec![LatencySlice::default(); slices.count],
            slow: Vec::new(),
            flow: vec![Flow::default(); slices.count],
        }
    }

    /// Moves what happened within a slice into it.
    pub fn take(&mut self, slice: usize, bursts: &mut Bursts) {
        let Bursts { visits, residence, service, wakeup } = std::mem::take(bursts);
        for (i, station) in self.stations.iter_mut().enumerate() {
            let into = &mut station.slices[slice];
            into.visits += visits[i];
            into.residence += u128::from(residence[i]);
            into.service += u128::from(service[i]);
            into.wakeup += u128::from(wakeup[i]);
            into.number += i128::from(residence[i]);
            into.busy += i128::from(service[i]);
        }
    }

    /// Adds the sums of another part of the same run.
    pub fn merge(&mut self, other: &Self) {
        for (into, from) in self.stations.iter_mut().zip(&other.stations) {
            into.merge(from);
        }
        let slow = self.slow.iter_mut().zip(&other.slow);
        for (into, from) in self.latency.iter_mut().zip(&other.latency).chain(slow) {
            into.count += from.count;
            into.sum += from.sum;
            into.histogram.merge(&from.histogram);
        }
        for (into, from) in self.flow.iter_mut().zip(&other.flow) {
            into.merge(from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stay_is_split_over_its_slices() {
        let slices = Slices::new(SimTime(100), 10);
        let mut tally = StationTally::new(slices);
        let visit = Visit { arrival: SimTime(5), start: SimTime(25), departure: SimTime(97), wakeup: Span::ZERO };
        tally.split(slices, &visit);
        let sums = tally.slices(slices);
        let numbers: Vec<i128> = sums.iter().map(|s| s.number).collect();
        let busy: Vec<i128> = sums.iter().map(|s| s.busy).collect();
        assert_eq!(numbers, [5, 10, 10, 10, 10, 10, 10, 10, 10, 7]);
        assert_eq!(busy, [0, 0, 5, 10, 10, 10, 10, 10, 10, 7]);
        assert_eq!((sums[9].visits, sums[9].residence, sums[9].service), (1, 92, 72));
    }

    #[test]
    fn what_lies_past_the_end_counts_nowhere() {
        let slices = Slices::new(SimTime(100), 10);
        let mut tally = StationTally::new(slices);
        let visit = Visit { arrival: SimTime(95), start: SimTime(99), departure: SimTime(140), wakeup: Span::ZERO };
        tally.split(slices, &visit);
        let sums = tally.slices(slices);
        assert_eq!((sums[9].number, sums[9].busy, sums[9].visits), (5, 1, 0));
        assert_eq!(slices.slice_of(SimTime(100)), Some(9));
        assert_eq!(slices.slice_of(SimTime(101)), None);
    }
}
