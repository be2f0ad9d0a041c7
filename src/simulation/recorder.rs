//! Where a running server writes what happens: the current slice in small sums, everything else in the [`Tally`].

use crate::engine::Visit;
use crate::metrics::Conservation;
use crate::metrics::tally::{Bursts, Flow, LatencySlice, Slices, Station, Tally};
use crate::units::{SimTime, Span};

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
    echo: bool,
    /// What happens in the current slice besides at stations.
    pub flow: Flow,
    /// What is in the servers at the end.
    inside: Inside,
    /// Messages delivered (or, without fan-out, done with) by the end.
    delivered: u64,
    /// Connections open at the end.
    pub open_at_end: u64,
    /// Messages lost in servers that stopped, by fault.
    pub lost_by_fault: Vec<u64>,
}

impl Recorder {
    /// Nothing recorded yet.
    pub fn new(slices: Slices, echo: bool) -> Self {
        Self {
            tally: Tally::new(slices),
            slice: 0,
            slice_end: slices.end_of(0),
            bursts: Bursts::default(),
            latency_count: 0,
            latency_sum: 0,
            bytes_done: 0,
            echo,
            flow: Flow::default(),
            inside: Inside::default(),
            delivered: 0,
            open_at_end: 0,
            lost_by_fault: Vec::new(),
        }
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
        self.delivered += count;
        latency.count += count;
        if self.echo {
            self.flow.messages_out += count;
            self.flow.bytes_out += u128::from(bytes);
        }
        latency.sum += std::mem::take(&mut self.latency_sum);
        self.tally.flow[self.slice].merge(&std::mem::take(&mut self.flow));
    }

    /// What became of the messages and connections, as far as it is counted here.
    pub fn conservation(&self) -> Conservation {
        Conservation {
            delivered: self.delivered,
            queued: self.inside.queued,
            in_service: self.inside.in_service,
            connections_open: self.open_at_end,
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
        let Some(slice) = self.tally.slices.slice_of(at) else { return };
        self.delivered += 1;
        let flow = &mut self.tally.flow[slice];
        if self.echo {
            flow.messages_out += 1;
            flow.bytes_out += u128::from(bytes);
        }
        let LatencySlice { count, sum, histogram } = &mut self.tally.latency[slice];
        *count += 1;
        *sum += u128::from(latency);
        histogram.record(latency);
    }
}
