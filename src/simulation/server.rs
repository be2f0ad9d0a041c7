//! One server: receiving line, cores, sending line and its share of the log's disk, in a row.

use std::sync::Arc;

use super::cell::Setting;
use super::consumers::SlowConsumers;
use super::demand::{Demand, Times};
use super::letter::{ALL, Delivery};
use super::outages::Outage;
use super::outlet::{Between, Outlet};
use super::reads::Ask;
use super::recorder::Recorder;
use crate::engine::{Admission, Cores, Line, Pace, Reorder, Rules, Sharing, Sleep, Slow, Visit};
use crate::metrics::tally::Station;
use crate::random::{Purpose, Stream};
use crate::scenario::{Discipline, Dispatch, FanOut};
use crate::units::{SimTime, Span};

/// The stations of one server and what is on its way between them.
///
/// What each message touches stands together, in this order: of many servers, no cache holds more than that.
#[derive(Debug)]
#[repr(C)]
pub struct Server {
    nic_in: Option<Line>,
    /// Time of the receiving line for acknowledgements of copies, which come in between.
    acknowledged: Span,
    cpu: CpuStation,
    totals: ServerTotals,
    /// Done by the CPU and not yet handed to the sending line, in order of departure: cores overtake each other.
    done: Reorder,
    nic_out: Option<Line>,
    log: Option<Line>,
    log_demand: Span,
    wakeup: Times,
    /// What is done for users of other servers, if anything is.
    outlet: Option<Box<Outlet>>,
    /// Whether all that crosses to other servers does so plainly: it will not stop, no one is turned away, and any core
    /// will do.
    plain: bool,
    echo: bool,
    /// Room or patience to look at, cores with connections of their own, or users on other servers.
    strict: bool,
    /// Its number, where what leaves the cores has reads to make first.
    reads: Option<u32>,
    /// Connections with a slow downlink, if there are any.
    consumers: Option<Box<SlowConsumers>>,
    wakeup_stream: Stream,
    /// Delays of the last way to a user, where they are random.
    downlink: Option<(Times, Stream)>,
    patience: Option<(Times, Stream)>,
    room: u64,
    /// When it will stop, the last first.
    crashes: Vec<Crash>,
    /// After a crash: when it is up again.
    down_until: SimTime,
    /// How its CPU gets on, where it is slow or breaks down at times: then the cores live in operational time.
    pace: Option<Box<Pace>>,
    /// Where users wait only so long or send again: what became of messages since it was last looked at.
    outcomes: Option<Vec<Outcome>>,
}

/// What became of a message at a server whose users wait for it.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// The `origin` of its job: here its number among those waited for.
    pub ticket: u64,
    /// When it left.
    pub at: SimTime,
    /// Its payload.
    pub bytes: u32,
    /// Whether it was served, or turned away or abandoned.
    pub served: bool,
}

/// What one server did in the whole run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerTotals {
    /// Messages that came.
    pub messages: u64,
    /// Time of its cores that was spent, without wake-ups, in picoseconds.
    pub work: u128,
    /// Time spent on wake-ups besides, in picoseconds.
    pub woken: u128,
}

/// A moment at which a server stops, known before. Who comes is told at once whether it will leave in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Crash {
    at: SimTime,
    up_again: SimTime,
    fault: usize,
}

#[derive(Debug, Clone)]
enum CpuStation {
    Fifo(Cores),
    Shared(Sharing<Job>),
}

/// What is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A message of a user.
    Message = 0,
    /// A ping, to be answered.
    Heartbeat = 1,
    /// A connection attempt: CPU only.
    Connect = 2,
    /// A copy to be handed to some users.
    Copy = 3,
}

/// Something to be served.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    /// Its latency is the time from here to its leaving the server. It is when its user sent it, less the time its answer
    /// travels; modulo 2⁶⁴, since that may be before the run began.
    pub origin: u64,
    /// Time of a core that it needs.
    pub cpu: Span,
    /// Time of the sending line that it needs. For a copy, the time between the first of its deliveries and the last; for a
    /// message to other users, whom it is for.
    pub nic_out: Span,
    /// Its payload.
    pub bytes: u32,
    /// Users that a copy is for; of a message that reads, the reads it makes.
    pub recipients: u32,
    /// What it is.
    pub kind: Kind,
    /// Whether it is counted among the messages inside at the end of the run already; what is no message never is, and
    /// has this set from the start.
    pub inside: bool,
}

impl Job {
    /// A message that needs this.
    #[inline(always)]
    pub fn message(origin: u64, demand: &Demand) -> Self {
        let Demand { cpu, nic_out, bytes, reads, .. } = *demand;
        Self { origin, cpu, nic_out, bytes, recipients: reads, kind: Kind::Message, inside: false }
    }
}

impl Job {
    /// A copy for so many users.
    pub fn copy(origin: u64, bytes: u32, recipients: u32) -> Self {
        let recipients = recipients.min(MOST_RECIPIENTS);
        Self { origin, cpu: Span::ZERO, nic_out: Span::ZERO, bytes, recipients, kind: Kind::Copy, inside: true }
    }

    /// A heartbeat or a connection attempt that needs this.
    pub fn other(kind: Kind, demand: &Demand) -> Self {
        Self { kind, inside: true, ..Self::message(0, demand) }
    }

    /// The reads that it makes, of its packed form.
    pub fn reads_of(words: [u64; 3]) -> u32 {
        let job = Self::unpack(words);
        if job.kind == Kind::Message { job.recipients } else { 0 }
    }

    /// Whether it is a message that is not counted among those inside at the end, of its packed form.
    pub fn is_outside(words: [u64; 3]) -> bool {
        let job = Self::unpack(words);
        job.kind == Kind::Message && !job.inside
    }

    /// What is left to know once the CPU is done, as plain words.
    #[inline(always)]
    fn pack(&self) -> [u64; 3] {
        let flags = (self.kind as u64) << 32 | u64::from(self.inside) << 34 | u64::from(self.recipients) << 35;
        [self.origin, self.nic_out.0, u64::from(self.bytes) | flags]
    }

    #[inline(always)]
    fn unpack([origin, nic_out, rest]: [u64; 3]) -> Self {
        let kind = match (rest >> 32) & 3 {
            0 => Kind::Message,
            1 => Kind::Heartbeat,
            2 => Kind::Connect,
            _ => Kind::Copy,
        };
        let (bytes, inside, recipients) = (rest as u32, (rest >> 34) & 1 != 0, (rest >> 35) as u32);
        Self { origin, cpu: Span::ZERO, nic_out: Span(nic_out), bytes, recipients, kind, inside }
    }
}

/// Most users that one copy can be for: what its packed form has room for.
pub const MOST_RECIPIENTS: u32 = (1 << 29) - 1;

impl Server {
    /// An idle server.
    pub fn new(setting: &Arc<Setting>, server: u64) -> Self {
        let Setting { scenario, demands, seed, replication, .. } = &**setting;
        let (seed, replication) = (*seed, *replication);
        let outlet = Outlet::new(setting, server as u32);
        let consumers = SlowConsumers::new(setting, server);
        let servers = &scenario.servers;
        let bounded = match (servers.queue_limit, servers.dispatch) {
            (None, _) => 0,
            (Some(_), Dispatch::Shared) => 1,
            (Some(_), Dispatch::PerCore) => servers.cores,
        };
        let strict = bounded > 0
            || servers.patience.is_some()
            || servers.dispatch == Dispatch::PerCore
            || servers.discipline == Discipline::ProcessorSharing
            || outlet.is_some()
            || consumers.is_some();
        let [after, extra] =
            [servers.cpu.sleep_after, servers.cpu.per_sleep].map(|time| Span::from_seconds(time.get()));
        let sleep = Sleep::new(after, extra);
        let cpu = match servers.discipline {
            Discipline::Fifo => CpuStation::Fifo(Cores::new(servers.cores, bounded).sleeping(sleep)),
            Discipline::ProcessorSharing => CpuStation::Shared(Sharing::new(servers.cores).sleeping(sleep)),
        };
        let line = servers.network.map(|_| Line::default());
        let pace = servers.failures.as_ref().map(|failures| {
            let stream = Stream::named(seed, replication, server, Purpose::Failures);
            Box::new(Pace::new(Vec::new()).with_breakdowns(&failures.every, &failures.lasts, stream))
        });
        let mut server = Self {
            plain: false,
            nic_in: line.clone(),
            cpu,
            done: Reorder::default(),
            nic_out: line,
            log: scenario.logs.map(|_| Line::default()),
            log_demand: demands.log,
            echo: scenario.workload.fan_out == FanOut::Echo,
            wakeup: Times::new(&demands.per_wakeup),
            wakeup_stream: Stream::named(seed, replication, server, Purpose::Wakeups),
            patience: servers
                .patience
                .as_ref()
                .map(|patience| (Times::new(patience), Stream::named(seed, replication, server, Purpose::Patience))),
            room: servers.queue_limit.unwrap_or(u64::MAX),
            totals: ServerTotals::default(),
            crashes: Vec::new(),
            down_until: SimTime::ZERO,
            pace,
            strict,
            downlink: outlet.as_ref().filter(|_| scenario.latency.client.constant().is_none()).map(|_| {
                (Times::new(&scenario.latency.client), Stream::named(seed, replication, server, Purpose::Downlink))
            }),
            acknowledged: Span::ZERO,
            outlet,
            reads: scenario.backend.as_ref().map(|_| server as u32),
            outcomes: (scenario.workload.timeout.is_some() || scenario.workload.retry.is_some()).then(Vec::new),
            consumers,
        };
        server.plain = server.crosses_plainly(setting);
        server
    }

    /// Whether anything but first come, first served by any core is asked for, or it is going to stop.
    pub fn is_strict(&self) -> bool {
        self.strict || !self.crashes.is_empty() || self.pace.is_some()
    }

    /// It will stop whenever one of these outages begins, and be slow at these times.
    pub fn expect(&mut self, outages: &[Outage], slow: &[Slow]) {
        self.plain &= outages.is_empty() && slow.is_empty();
        if !slow.is_empty() {
            self.pace.get_or_insert_with(|| Box::new(Pace::new(Vec::new()))).slow_down(slow);
        }
        self.crashes = outages
            .iter()
            .rev()
            .map(|outage| Crash { at: outage.from, up_again: outage.to, fault: outage.fault })
            .collect();
    }

    /// It stops, as expected: all stations but the log's are empty from now on. `under_way` messages were on their way.
    pub fn crash(&mut self, at: SimTime, under_way: u64, setting: &Setting, recorder: &mut Recorder) {
        self.settle(at, setting, recorder);
        let crash = self.crashes.pop();
        assert!(crash.is_some_and(|crash| crash.at == at), "a crash comes when it is expected");
        let Some(Crash { fault, up_again, .. }) = crash else { return };
        recorder.lost(at, fault, under_way);
        self.down_until = up_again;
        self.acknowledged = Span::ZERO;
        if let Some(outlet) = &mut self.outlet {
            outlet.crash(recorder);
        }
        if let Some(consumers) = &mut self.consumers {
            consumers.crash(at, recorder);
        }
        match &mut self.cpu {
            CpuStation::Shared(station) => {
                recorder.shared_work(station.now(), at, station.busy_cores() as u32);
                for (arrival, job) in station.inside() {
                    recorder.present_at_cpu(arrival, at);
                    recorder.lost(at, fault, u64::from(job.kind == Kind::Message));
                    self.totals.work = self.totals.work.saturating_sub(u128::from(job.cpu.0));
                }
                station.clear(at);
            }
            CpuStation::Fifo(cores) => cores.clear(),
        }
        let idle = self.nic_in.as_ref().map(|_| Line::default());
        self.nic_in.clone_from(&idle);
        self.nic_out = idle;
        self.done = Reorder::default();
    }

    /// The same for a stay at cores that don't always get on: only the time at which they did is service.
    fn uneven_stay(&self, pace: &Pace, visit: Visit, job: &mut Job, recorder: &mut Recorder) -> bool {
        let crash = self.crashes.last().filter(|crash| visit.departure > crash.at);
        let end = crash.map_or(visit.departure, |crash| crash.at);
        let mut service = Span::ZERO;
        for (from, to) in pace.at_work(visit.start, end) {
            recorder.work_at_cpu(from, to);
            service = service + to.since(from);
        }
        recorder.present_at_cpu(visit.arrival, end);
        if let Some(crash) = crash {
            recorder.lost(crash.at, crash.fault, u64::from(job.kind == Kind::Message));
            return false;
        }
        let found = recorder.served_at_cpu(visit, service, job.inside);
        job.inside = found;
        true
    }

    /// Records a stay as far as it goes before the next crash, and says whether it goes to its end.
    #[inline(always)]
    fn stay<const DOOMED: bool>(&self, station: Station, visit: Visit, job: &mut Job, recorder: &mut Recorder) -> bool {
        if DOOMED
            && let Some(crash) = self.crashes.last()
            && visit.departure > crash.at
        {
            recorder.cut(station, visit, crash.at);
            recorder.lost(crash.at, crash.fault, u64::from(job.kind == Kind::Message));
            return false;
        }
        job.inside = recorder.visit(station, visit, job.inside);
        true
    }

    /// Takes in what arrives now, and says when it leaves the CPU (`NEVER`, where that is not known yet); calls must come
    /// in order of time.
    pub fn arrive(
        &mut self,
        arrival: SimTime,
        nic_in: Span,
        core: Option<u32>,
        mut job: Job,
        setting: &Setting,
        recorder: &mut Recorder,
    ) -> SimTime {
        if !self.is_strict() {
            return self.arrive_plainly(arrival, nic_in, job, recorder);
        }
        if let Some(pace) = &mut self.pace {
            // Calls come in order of time; arrivals at the CPU don't, as attempts overtake messages on the line.
            pace.forget(arrival);
        }
        self.take_acknowledgements(recorder);
        let Some(at_cpu) = self.receive::<true>(arrival, nic_in, &mut job, recorder) else { return arrival };
        self.catch_up::<true>(at_cpu, setting, recorder);
        if let (Some(outlet), Some(between), Kind::Message) = (&mut self.outlet, &setting.between, job.kind) {
            outlet.address_job(&mut job, between);
        }
        let wakeup = self.wakeup.draw(&mut self.wakeup_stream);
        self.arrive_strictly(at_cpu, wakeup, core, job, recorder)
    }

    /// Whether all that crosses to other servers does so plainly.
    pub fn is_plain(&self) -> bool {
        self.plain
    }

    fn crosses_plainly(&self, setting: &Setting) -> bool {
        self.outlet.is_some()
            && setting.between.as_ref().is_some_and(|between| between.cores.is_none() && !between.cuts())
            && self.pace.is_none()
            && self.consumers.is_none()
            && self.outcomes.is_none()
            && self.patience.is_none()
            && self.room == u64::MAX
    }

    /// The same as [`Self::arrive`] for a message to users of other servers, where those cross plainly.
    #[inline(always)]
    pub fn arrive_crossing(
        &mut self,
        arrival: SimTime,
        nic_in: Span,
        mut job: Job,
        (setting, between): (&Setting, &Between),
        recorder: &mut Recorder,
    ) {
        self.take_acknowledgements(recorder);
        let Some(at_cpu) = self.receive::<false>(arrival, nic_in, &mut job, recorder) else { return };
        self.catch_up_if_due(at_cpu, setting, recorder);
        let (Some(outlet), CpuStation::Fifo(cores)) = (&mut self.outlet, &mut self.cpu) else { return };
        outlet.address_job(&mut job, between);
        let wakeup = self.wakeup.draw(&mut self.wakeup_stream);
        let visit = cores.serve(at_cpu, job.cpu, wakeup);
        self.served::<false>(at_cpu, visit, job, recorder);
    }

    /// The same as [`Self::arrive_copy`], where all cross plainly.
    #[inline(always)]
    pub fn arrive_copy_plainly(
        &mut self,
        delivery: &Delivery,
        nic_in: Span,
        (setting, between): (&Setting, &Between),
        recorder: &mut Recorder,
    ) {
        let Some(outlet) = &self.outlet else { return };
        let recipients = if delivery.recipients == ALL { outlet.connections as u32 } else { delivery.recipients };
        recorder.count_row();
        let mut job = Job::copy(delivery.origin, delivery.bytes, recipients);
        self.take_acknowledgements(recorder);
        let Some(at_cpu) = self.receive::<false>(delivery.at, nic_in, &mut job, recorder) else { return };
        self.catch_up_if_due(at_cpu, setting, recorder);
        let wakeup = self.wakeup.draw(&mut self.wakeup_stream);
        self.serve_copy::<false>((at_cpu, wakeup), true, job, between, recorder);
    }

    #[inline(always)]
    fn catch_up_if_due(&mut self, until: SimTime, setting: &Setting, recorder: &mut Recorder) {
        let outlet = self.outlet.as_ref().map_or(SimTime::NEVER, |outlet| outlet.next_time());
        if self.done.next_time().min(outlet) <= until {
            self.catch_up::<false>(until, setting, recorder);
        }
    }

    /// Takes in a copy from the broker, for so many of its users.
    pub fn arrive_copy(&mut self, delivery: &Delivery, nic_in: Span, setting: &Setting, recorder: &mut Recorder) {
        let (Some(outlet), Some(between)) = (&mut self.outlet, &setting.between) else { return };
        let recipients = if delivery.recipients == ALL { outlet.connections as u32 } else { delivery.recipients };
        if delivery.at < self.down_until || outlet.is_cut(delivery.at, between) {
            recorder.copy_lost(u64::from(recipients), true);
            return;
        }
        recorder.count_row();
        let Delivery { origin, bytes, .. } = *delivery;
        let mut job = Job::copy(origin, bytes, recipients);
        self.take_acknowledgements(recorder);
        let Some(at_cpu) = self.receive::<true>(delivery.at, nic_in, &mut job, recorder) else {
            recorder.copy_lost(u64::from(recipients), true);
            return;
        };
        self.catch_up::<true>(at_cpu, setting, recorder);
        let wakeup = self.wakeup.draw(&mut self.wakeup_stream);
        self.serve_copy::<true>((at_cpu, wakeup), true, job, between, recorder);
    }

    /// Acknowledgements of copies handed out come one by one, and take the line when it is free: what there were of them
    /// since the last arrival is done before the next.
    #[inline(always)]
    fn take_acknowledgements(&mut self, recorder: &mut Recorder) {
        if let Some(line) = &mut self.nic_in
            && self.acknowledged > Span::ZERO
        {
            let from = line.free_at();
            line.serve(from, std::mem::take(&mut self.acknowledged));
            recorder.small_work(Station::NicIn, from, line.free_at());
        }
    }

    #[inline(always)]
    fn serve_copy<const DOOMED: bool>(
        &mut self,
        (at, wakeup): (SimTime, Span),
        from_broker: bool,
        mut job: Job,
        between: &Between,
        recorder: &mut Recorder,
    ) {
        let (Some(outlet), CpuStation::Fifo(cores)) = (&mut self.outlet, &mut self.cpu) else { return };
        (job.cpu, job.nic_out) = outlet.copy_cpu(job.recipients, job.bytes, from_broker, between);
        if !DOOMED {
            recorder.flow.copies += u64::from(from_broker);
            let visit = cores.serve(at, job.cpu, wakeup);
            return self.served::<false>(at, visit, job, recorder);
        }
        // Where cores have connections of their own, a copy is the work of any one: that of its first user.
        let core = between.cores.map(|cores| outlet.any_core(cores));
        let rules = Rules { core, wakeup, room: self.room, patience: Span(u64::MAX) };
        let admission = match &mut self.pace {
            None => cores.admit(at, job.cpu, rules),
            Some(pace) => admit_unevenly(cores, pace, at, job.cpu, rules),
        };
        match admission {
            Admission::Served(visit) => {
                if from_broker {
                    recorder.flow.copies += 1;
                    outlet.will_read(at, visit.start, job.bytes, between);
                }
                self.served::<DOOMED>(at, visit, job, recorder);
            }
            Admission::Full | Admission::Abandoned(_) => recorder.copy_lost(u64::from(job.recipients), from_broker),
        }
    }

    /// Lets everything happen up to this moment that the server does for users of other servers, in order of time: messages
    /// leave the CPU, batches are sent, own users get their copies.
    #[inline(never)]
    fn catch_up<const DOOMED: bool>(&mut self, until: SimTime, setting: &Setting, recorder: &mut Recorder) {
        while let (Some(outlet), Some(between)) = (&mut self.outlet, &setting.between) {
            let (left, due) = (self.done.next_time(), outlet.next_due());
            let own = outlet.next_own();
            let next = left.min(due).min(own);
            if next > until || next == SimTime::NEVER {
                return;
            }
            if next == left {
                if let Some((at, words)) = self.done.pop_until(next) {
                    self.hand_on::<DOOMED>(at, Job::unpack(words), setting, recorder);
                }
            } else if next == due {
                outlet.flush_next(setting, &mut self.nic_out, recorder);
            } else if let Some(own) = outlet.take_own() {
                let recipients = if own.recipients == ALL { outlet.connections as u32 } else { own.recipients };
                // The core has just done the message: nobody wakes up.
                let job = Job::copy(own.origin, own.bytes, recipients);
                self.serve_copy::<DOOMED>((own.at, Span::ZERO), false, job, between, recorder);
            }
        }
    }

    /// The next moment at which something leaves the server by itself.
    pub fn next_time(&self) -> SimTime {
        let Some(outlet) = &self.outlet else { return SimTime::NEVER };
        self.done.next_time().min(outlet.next_time())
    }

    /// Touches what will be needed soon, so that it is in the cache by then: its own.
    #[inline(always)]
    pub fn glance(&self) -> u64 {
        let cpu = if let CpuStation::Fifo(cores) = &self.cpu { cores.glance() } else { 0 };
        let pointers = u64::from(self.outlet.is_some()) + u64::from(self.consumers.is_some());
        cpu ^ self.acknowledged.0 ^ self.totals.messages ^ self.log_demand.0 ^ self.room ^ pointers
    }

    /// The same of what it points to.
    #[inline(always)]
    pub fn glance_behind(&self) -> u64 {
        self.done.glance() ^ self.outlet.as_ref().map_or(0, |outlet| outlet.glance())
    }

    /// The same of what its outlet points to.
    #[inline(always)]
    pub fn glance_at_letters(&self) -> u64 {
        self.outlet.as_ref().map_or(0, |outlet| outlet.glance_at_letters())
    }

    /// The outlet, where messages go to users of other servers.
    pub fn outlet(&mut self) -> Option<&mut Outlet> {
        self.outlet.as_deref_mut()
    }

    /// Its slow connections, if there are any.
    pub fn consumers(&mut self) -> Option<&mut SlowConsumers> {
        self.consumers.as_deref_mut()
    }

    /// Bytes that wait for its slow connections, and how many of those there are.
    pub fn waiting_for_slow(&self, now: SimTime) -> (f64, u64) {
        self.consumers.as_ref().map_or((0.0, 0), |consumers| (consumers.waiting_bytes(now), consumers.count()))
    }

    /// The same for a server that is not [strict](Self::is_strict).
    #[inline(always)]
    pub fn arrive_plainly(&mut self, arrival: SimTime, nic_in: Span, mut job: Job, recorder: &mut Recorder) -> SimTime {
        let Some(at_cpu) = self.receive::<false>(arrival, nic_in, &mut job, recorder) else { return arrival };
        let wakeup = self.wakeup.draw(&mut self.wakeup_stream);
        let CpuStation::Fifo(cores) = &mut self.cpu else { return SimTime::NEVER };
        let visit = cores.serve(at_cpu, job.cpu, wakeup);
        self.served::<false>(at_cpu, visit, job, recorder);
        visit.departure
    }

    /// Over the receiving line, to the CPU: when it gets there, if it does.
    #[inline(always)]
    fn receive<const DOOMED: bool>(
        &mut self,
        arrival: SimTime,
        nic_in: Span,
        job: &mut Job,
        recorder: &mut Recorder,
    ) -> Option<SimTime> {
        self.totals.messages += u64::from(job.kind == Kind::Message);
        match &mut self.nic_in {
            Some(line) if job.kind != Kind::Connect => {
                let visit = line.serve(arrival, nic_in);
                self.stay::<DOOMED>(Station::NicIn, visit, job, recorder).then_some(visit.departure)
            }
            _ => Some(arrival),
        }
    }

    #[inline(never)]
    fn arrive_strictly(
        &mut self,
        at_cpu: SimTime,
        wakeup: Span,
        core: Option<u32>,
        job: Job,
        recorder: &mut Recorder,
    ) -> SimTime {
        let is_message = job.kind == Kind::Message;
        match &mut self.cpu {
            CpuStation::Fifo(cores) => {
                let patience = match &mut self.patience {
                    Some((times, stream)) if is_message => times.draw(stream),
                    _ => Span(u64::MAX),
                };
                let room = if is_message { self.room } else { u64::MAX };
                let rules = Rules { core: core.map(|core| core as usize), wakeup, room, patience };
                let admission = match &mut self.pace {
                    None => cores.admit(at_cpu, job.cpu, rules),
                    Some(pace) => admit_unevenly(cores, pace, at_cpu, job.cpu, rules),
                };
                match admission {
                    Admission::Served(visit) => {
                        self.served::<true>(at_cpu, visit, job, recorder);
                        visit.departure
                    }
                    Admission::Full => {
                        // Where the receiving line delivers past the end, the message was found inside there.
                        recorder.flow.blocked += u64::from(is_message && !job.inside);
                        self.refused(at_cpu, &job);
                        at_cpu
                    }
                    Admission::Abandoned(left) if self.crashes.last().is_some_and(|crash| left > crash.at) => {
                        // It waits until the server stops.
                        let visit = Visit { arrival: at_cpu, start: left, departure: left, wakeup: Span::ZERO };
                        let mut job = job;
                        self.stay::<true>(Station::Cpu, visit, &mut job, recorder);
                        left
                    }
                    Admission::Abandoned(left) => {
                        recorder.abandoned(at_cpu, left, is_message && !job.inside);
                        self.refused(left, &job);
                        left
                    }
                }
            }
            CpuStation::Shared(_) => {
                self.drain_shared(at_cpu, recorder);
                let CpuStation::Shared(station) = &mut self.cpu else { return at_cpu };
                if is_message && station.len() as u64 >= self.room {
                    recorder.flow.blocked += u64::from(!job.inside);
                    self.refused(at_cpu, &job);
                    return at_cpu;
                }
                recorder.shared_work(station.now(), at_cpu, station.busy_cores() as u32);
                self.totals.work += u128::from(job.cpu.0);
                station.arrive(at_cpu, job.cpu, wakeup, job);
                SimTime::NEVER
            }
        }
    }

    /// Lets go who leaves a shared station by this moment.
    fn drain_shared(&mut self, until: SimTime, recorder: &mut Recorder) {
        while let CpuStation::Shared(station) = &mut self.cpu
            && let Some(departure) = station.next_departure()
            && departure <= until
        {
            recorder.shared_work(station.now(), departure, station.busy_cores() as u32);
            let Some(left) = station.depart() else { return };
            recorder.shared_visit(left.arrival, left.departure, left.service, left.wakeup);
            self.totals.woken += u128::from(left.wakeup.0);
            self.hand_over::<true>(left.departure, left.cargo, recorder);
        }
    }

    #[inline(always)]
    fn served<const DOOMED: bool>(&mut self, now: SimTime, visit: Visit, mut job: Job, recorder: &mut Recorder) {
        let goes_on = match &self.pace {
            Some(pace) if DOOMED => self.uneven_stay(pace, visit, &mut job, recorder),
            _ => self.stay::<DOOMED>(Station::Cpu, visit, &mut job, recorder),
        };
        if !goes_on {
            let done = self.crashes.last().map_or(Span::ZERO, |crash| crash.at.since(visit.start));
            self.totals.work += u128::from((done - visit.wakeup).0.min(job.cpu.0));
            recorder.copy_lost(u64::from(job.recipients), false);
            return;
        }
        self.totals.work += u128::from(job.cpu.0);
        self.totals.woken += u128::from(visit.wakeup.0);
        if self.outlet.is_some() {
            self.done.push(visit.departure, job.pack());
            return;
        }
        if self.nic_out.is_none() && self.log.is_none() && self.reads.is_none() && self.consumers.is_none() {
            // Nothing behind the CPU has to see departures in order.
            if job.kind != Kind::Connect {
                self.send::<DOOMED>(visit.departure, job, recorder);
            }
            return;
        }
        // All that will be served from now on leaves later than `now`: what left before can go out in order.
        self.release::<DOOMED>(now, recorder);
        self.done.push(visit.departure, job.pack());
    }

    #[inline(always)]
    fn release<const DOOMED: bool>(&mut self, until: SimTime, recorder: &mut Recorder) {
        while let Some((at, words)) = self.done.pop_until(until) {
            self.hand_over::<DOOMED>(at, Job::unpack(words), recorder);
        }
    }

    /// From the CPU to the log and the sending line; in order of time.
    #[inline(always)]
    fn hand_over<const DOOMED: bool>(&mut self, at: SimTime, job: Job, recorder: &mut Recorder) {
        if job.kind == Kind::Connect {
            return;
        }
        if let Some(log) = &mut self.log
            && job.kind == Kind::Message
        {
            // The log store's disks are no part of the server: what has reached them stays.
            let visit = log.serve(at, self.log_demand);
            recorder.visit(Station::Log, visit, true);
        }
        if let Some(server) = self.reads {
            recorder.asks.push(Ask { at, server, job: job.pack() });
            return;
        }
        self.send::<DOOMED>(at, job, recorder);
    }

    /// Something has made its reads and goes out; in order of time.
    pub fn answered(&mut self, ask: &Ask, recorder: &mut Recorder) {
        recorder.count_row();
        // Servers that may stop have no backend.
        if self.consumers.is_some() {
            self.send::<true>(ask.at, Job::unpack(ask.job), recorder);
        } else {
            self.send::<false>(ask.at, Job::unpack(ask.job), recorder);
        }
    }

    #[inline(always)]
    fn send<const DOOMED: bool>(&mut self, at: SimTime, mut job: Job, recorder: &mut Recorder) {
        let mut left = at;
        if let Some(line) = &mut self.nic_out {
            let visit = line.serve(at, job.nic_out);
            if self.echo || job.kind == Kind::Heartbeat {
                if !self.stay::<DOOMED>(Station::NicOut, visit, &mut job, recorder) {
                    return;
                }
                left = visit.departure;
            } else {
                // Only an acknowledgement goes out; the message itself was done with at the CPU.
                let mut acknowledgement = Job { kind: Kind::Heartbeat, inside: true, ..job };
                self.stay::<DOOMED>(Station::NicOut, visit, &mut acknowledgement, recorder);
            }
        }
        if job.kind == Kind::Message {
            if let Some(outcomes) = &mut self.outcomes {
                outcomes.push(Outcome { ticket: job.origin, at: left, bytes: job.bytes, served: true });
                return;
            }
            if DOOMED && self.consumers.is_some() {
                return self.answer(left, job, recorder);
            }
            let latency = left.0.wrapping_sub(job.origin);
            recorder.delivered(left, latency, job.bytes);
        }
    }

    /// An answer that may be for a slow connection: its server is done with it.
    fn answer(&mut self, at: SimTime, job: Job, recorder: &mut Recorder) {
        let Some(consumers) = &mut self.consumers else { return };
        recorder.handled(at);
        consumers.answers(at);
        if consumers.among(1) > 0 {
            consumers.hand_out((at, at), 1, job.bytes, recorder, || job.origin);
        } else {
            recorder.delivered(at, at.0.wrapping_sub(job.origin), job.bytes);
        }
    }

    /// From the CPU to whom it is for, where that is users of other servers; in order of time.
    #[inline(always)]
    fn hand_on<const DOOMED: bool>(&mut self, at: SimTime, job: Job, setting: &Setting, recorder: &mut Recorder) {
        match job.kind {
            Kind::Connect | Kind::Heartbeat => self.hand_over::<DOOMED>(at, job, recorder),
            Kind::Message => {
                if let Some(log) = &mut self.log {
                    recorder.visit(Station::Log, log.serve(at, self.log_demand), true);
                }
                recorder.handled(at);
                if let Some(line) = &mut self.nic_out {
                    let visit = line.serve(at, setting.demands.acknowledgement(job.bytes));
                    recorder.visit(Station::NicOut, visit, true);
                }
                if let Some(outlet) = &mut self.outlet {
                    let message = (job.nic_out.0 as u32, job.origin, job.bytes);
                    outlet.publish(at, message, setting, &mut self.nic_out, recorder);
                }
            }
            Kind::Copy => self.hand_out::<DOOMED>(at, job, setting, recorder),
        }
    }

    /// A copy to its users.
    #[inline(always)]
    fn hand_out<const DOOMED: bool>(&mut self, at: SimTime, job: Job, setting: &Setting, recorder: &mut Recorder) {
        let recipients = u64::from(job.recipients);
        if recipients == 0 {
            return;
        }
        let (mut first, mut last) = (SimTime(at.0 - job.nic_out.0), at);
        if let Some(line) = &mut self.nic_out {
            // Frames go out as the CPU writes them, or as fast as the line can once there is a queue.
            let goes = first.max(line.free_at());
            let frame = setting.demands.delivery(job.bytes);
            let all = Span(frame.0 * recipients);
            let begins = first.max(SimTime((at.0 + frame.0).saturating_sub(all.0)));
            let visit = line.serve(begins, all);
            let mut copy = job;
            if !self.stay::<DOOMED>(Station::NicOut, visit, &mut copy, recorder) {
                recorder.copy_lost(recipients, false);
                return;
            }
            (first, last) = (goes + frame, visit.departure);
            self.acknowledged =
                self.acknowledged + Span(setting.demands.delivery_acknowledged(job.bytes).0 * recipients);
        }
        let slower = setting.delays.client(last).0;
        let job = Job { origin: job.origin.wrapping_sub(slower), ..job };
        let downlink = &mut self.downlink;
        let alone = recipients == 1 && downlink.is_none();
        let mut origin =
            || job.origin.wrapping_sub(downlink.as_mut().map_or(0, |(times, stream)| times.draw(stream).0));
        let mut others = recipients;
        if DOOMED && let Some(consumers) = &mut self.consumers {
            let slow = consumers.among(recipients);
            consumers.hand_out((first.min(last), last), slow, job.bytes, recorder, &mut origin);
            others -= slow;
        }
        match others {
            0 => {}
            1 if alone => recorder.delivered(last, last.0.wrapping_sub(origin()), job.bytes),
            others => recorder.delivered_many((first.min(last), last), others, job.bytes, origin),
        }
    }

    /// A message was turned away or abandoned.
    fn refused(&mut self, at: SimTime, job: &Job) {
        if let Some(outcomes) = &mut self.outcomes
            && job.kind == Kind::Message
        {
            outcomes.push(Outcome { ticket: job.origin, at, bytes: job.bytes, served: false });
        }
    }

    /// What became of messages since this was last asked.
    pub fn take_outcome(&mut self) -> Option<Outcome> {
        self.outcomes.as_mut()?.pop()
    }

    /// Brings all stations up to this moment; everything that arrives later comes after it.
    pub fn settle(&mut self, until: SimTime, setting: &Setting, recorder: &mut Recorder) {
        self.drain_shared(until, recorder);
        if self.plain {
            self.catch_up_if_due(until, setting, recorder);
            return;
        }
        self.catch_up::<true>(until, setting, recorder);
        if self.crashes.is_empty() && self.consumers.is_none() {
            self.release::<false>(until, recorder);
        } else {
            self.release::<true>(until, recorder);
        }
    }

    /// Ends the run: counts what is still at a shared station, and says what the server did; call it once, after the last
    /// [`Self::settle`].
    pub fn finish(&mut self, end: SimTime, recorder: &mut Recorder) -> ServerTotals {
        if let Some(consumers) = &mut self.consumers {
            consumers.finish(end, recorder);
        }
        let ahead = match &self.cpu {
            CpuStation::Shared(station) => {
                recorder.shared_work(station.now(), end, station.busy_cores() as u32);
                let mut unserved = 0;
                for (arrival, job) in station.inside() {
                    recorder.still_shared(arrival, job.kind == Kind::Message && !job.inside);
                    unserved += u128::from(job.cpu.0);
                }
                unserved
            }
            CpuStation::Fifo(cores) => {
                let now = self.pace.as_mut().map_or(end, |pace| pace.op(end));
                u128::from(cores.backlog(now).0)
            }
        };
        ServerTotals { work: self.totals.work.saturating_sub(ahead), ..self.totals }
    }

    /// Time that its cores have worked up to now, wake-ups included, in picoseconds.
    pub fn busy(&self, now: SimTime) -> u128 {
        let ahead: u128 = match &self.cpu {
            CpuStation::Shared(station) => station.inside().map(|(_, job)| u128::from(job.cpu.0)).sum(),
            // Looking ahead makes more of the map, so a copy looks.
            CpuStation::Fifo(cores) => {
                u128::from(cores.backlog(self.pace.clone().map_or(now, |mut pace| pace.op(now))).0)
            }
        };
        (self.totals.work + self.totals.woken).saturating_sub(ahead)
    }

    /// Messages and others at a station where all are served at once.
    pub fn inside(&self) -> usize {
        match &self.cpu {
            CpuStation::Shared(station) => station.len(),
            CpuStation::Fifo(_) => 0,
        }
    }

    /// Bytes that wait in this server: what the cores and the sending line have not done yet.
    pub fn queued_bytes(&self, now: SimTime, mean_cpu: f64, mean_payload: f64, out_bytes_per_second: f64) -> f64 {
        // Looking ahead makes more of the map, so a copy looks.
        let at_cpu = self.pace.clone().map_or(now, |mut pace| pace.op(now));
        let waiting = match &self.cpu {
            CpuStation::Fifo(cores) if mean_cpu > 0.0 => cores.backlog(at_cpu).as_seconds() / mean_cpu,
            CpuStation::Fifo(_) => 0.0,
            CpuStation::Shared(station) => station.len() as f64,
        };
        let sending = self.nic_out.as_ref().map_or(0.0, |line| line.backlog(now).as_seconds());
        waiting * mean_payload + sending * out_bytes_per_second + self.waiting_for_slow(now).0
    }
}

/// Admission at cores in operational time, put back into real time.
fn admit_unevenly(cores: &mut Cores, pace: &mut Pace, arrival: SimTime, demand: Span, rules: Rules) -> Admission {
    let at = pace.op(arrival);
    let patience = match rules.patience {
        Span(u64::MAX) => rules.patience,
        patience => pace.op(SimTime(arrival.0.saturating_add(patience.0))).since(at),
    };
    match cores.admit(at, demand, Rules { patience, ..rules }) {
        Admission::Served(visit) => {
            let start = pace.real(visit.start).max(arrival);
            let departure = pace.real(visit.departure).max(start);
            Admission::Served(Visit { arrival, start, departure, wakeup: visit.wakeup })
        }
        Admission::Full => Admission::Full,
        Admission::Abandoned(_) => Admission::Abandoned(SimTime(arrival.0.saturating_add(rules.patience.0))),
    }
}
