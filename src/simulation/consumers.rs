//! Connections of a server whose downlink is slow: each is a line of its own with a buffer.
//!
//! Up to 64 of a server's slow connections are simulated. Where there are more, each of these stands for as many as
//! it takes: all deliveries to slow connections look at one of the lines, wait as one would that came to it now, and find
//! its buffer as full; but only as many enter it as one connection gets. For deliveries that come at random, what those
//! see who only look is what the connections that they are for would look like (PASTA: R. W. Wolff, Operations Research
//! 30, 1982). So memory is bounded, and each delivery is counted once, as delivered or as lost.

use std::collections::VecDeque;

use super::cell::Setting;
use super::demand::to_span;
use super::recorder::Recorder;
use crate::model::Load;
use crate::model::slow::SlowForm;
use crate::model::wire::Wire;
use crate::random::{Purpose, Stream};
use crate::scenario::Start;
use crate::units::time::PICOSECONDS;
use crate::units::{SimTime, Span};

/// Slow connections of a server that are simulated at most.
const LINES: u64 = 64;
/// With so many deliveries under way on a line, those that only look arrive with the last one that entered.
const MANY_UNDER_WAY: usize = 64;
/// And with so many, all do.
const MOST_UNDER_WAY: usize = 8_192;

/// The slow connections of a server.
#[derive(Debug)]
pub struct SlowConsumers {
    share: f64,
    /// Connections come in whole numbers: which way a server's share is rounded is drawn once.
    rounding: f64,
    /// Where the run starts in its steady state: what the lines' work is then.
    steady: Option<SlowForm>,
    picoseconds_a_byte: f64,
    wire: Wire,
    /// Mean payload.
    bytes: u32,
    /// Time that a message takes on the downlink, where all are of one size.
    fixed: Option<Span>,
    /// Room for what waits, in time of the downlink.
    room: Span,
    disconnects: bool,
    /// Whether a cut or a crash may take back what is under way.
    remembers: bool,
    stream: Stream,
    lines: Vec<Line>,
    /// What was under way to users who went: it counts as delivered.
    left_behind: Vec<UnderWay>,
    /// Open connections of the server, and how many of them are slow.
    connections: u64,
    slow: u64,
    /// Where answers have reads to make first, they come a window of time later than all else: when the last one did.
    answered: Option<SimTime>,
    /// Connections to be cut that the front door has not heard of.
    cut: f64,
}

/// One slow connection.
#[derive(Debug, Clone, Default)]
struct Line {
    /// When it has sent all that waits.
    free_at: SimTime,
    /// What is under way, in order: what the run began with, and where a cut or a crash may take it back all of it.
    under_way: VecDeque<UnderWay>,
}

/// Deliveries that will arrive at a moment, unless the connection is cut before.
#[derive(Debug, Clone, Copy)]
struct UnderWay {
    at: SimTime,
    latency: u64,
    bytes: u32,
    deliveries: u64,
}

impl SlowConsumers {
    /// Those of server number `server`, if there are any.
    pub fn new(setting: &Setting, server: u64) -> Option<Box<Self>> {
        let scenario = &setting.scenario;
        let slow = scenario.workload.slow_clients?;
        let mut stream = Stream::named(setting.seed, setting.replication, server, Purpose::SlowClients);
        let picoseconds_a_byte = PICOSECONDS / slow.downlink.bytes_per_second().get();
        let steady = scenario.simulation.start == Start::Steady;
        let wire = Wire::of(scenario);
        let time = |size: f64| to_span(wire.delivery(size).egress.bytes * picoseconds_a_byte);
        Some(Box::new(Self {
            share: slow.share.get(),
            rounding: stream.unit(),
            steady: if steady { SlowForm::of(scenario, &Load::of(scenario)) } else { None },
            picoseconds_a_byte,
            wire,
            bytes: scenario.workload.message_size.mean().round() as u32,
            fixed: scenario.workload.message_size.constant().map(time),
            room: to_span(scenario.servers.send_buffer.get() * picoseconds_a_byte),
            disconnects: scenario.cuts_slow_clients(),
            remembers: scenario.cuts_slow_clients() || !scenario.faults.is_empty(),
            stream,
            lines: Vec::new(),
            left_behind: Vec::new(),
            connections: 0,
            slow: 0,
            answered: scenario.backend.as_ref().map(|_| SimTime::ZERO),
            cut: 0.0,
        }))
    }

    /// The server has this many connections now.
    pub fn populate(&mut self, now: SimTime, connections: u64) {
        let left = self.connections.saturating_sub(connections);
        if left > 0 {
            self.leave(now, left);
        }
        self.connections = connections;
        self.slow = ((connections as f64 * self.share + self.rounding) as u64).min(connections);
        let lines = self.slow.min(LINES) as usize;
        while self.lines.len() > lines {
            self.remove_line();
        }
        while self.lines.len() < lines {
            let line = match &self.steady {
                Some(form) if now == SimTime::ZERO => {
                    let number = self.lines.len() as u64;
                    let stands_for = self.slow * (number + 1) / lines as u64 - self.slow * number / lines as u64;
                    Line::steady(form, self.stream.unit(), (self.bytes, stands_for))
                }
                _ => Line { free_at: now, under_way: VecDeque::new() },
            };
            self.lines.push(line);
        }
    }

    /// So many of the connections go, whichever: what waits for those that are simulated is gone, and in their place will
    /// be others, for whom nothing waits.
    fn leave(&mut self, now: SimTime, left: u64) {
        let share = left as f64 / self.connections as f64;
        for line in &mut self.lines {
            if self.stream.unit() < share {
                line.free_at = line.free_at.min(now);
            }
        }
    }

    /// A connection less: of those that were cut, or for whom least waits, which comes to the same.
    fn remove_line(&mut self) {
        let emptiest = self.lines.iter().enumerate().min_by_key(|(_, line)| line.free_at).map(|(i, _)| i);
        if let Some(i) = emptiest {
            self.left_behind.extend(self.lines.swap_remove(i).under_way);
        }
    }

    /// Of so many recipients, those that are slow.
    pub fn among(&mut self, recipients: u64) -> u64 {
        match recipients {
            _ if self.slow == 0 => 0,
            all if all >= self.connections => self.slow.min(all),
            1 => u64::from(self.stream.below(self.connections) < self.slow),
            some => self.stream.binomial(some, self.slow as f64 / self.connections as f64),
        }
    }

    /// Hands a message to so many slow connections, evenly between two moments; `origin` gives where each one's latency
    /// counts from.
    pub fn hand_out(
        &mut self,
        (first, last): (SimTime, SimTime),
        recipients: u64,
        bytes: u32,
        recorder: &mut Recorder,
        mut origin: impl FnMut() -> u64,
    ) {
        self.deliver_left_behind(recorder);
        let lines = self.lines.len() as u64;
        let looked_at = recipients.min(lines);
        if looked_at == 0 {
            return;
        }
        // Each line gets, on average, what one connection gets.
        let enters = (recipients * lines) as f64 / (looked_at * self.slow) as f64;
        let time = || to_span(self.wire.delivery(f64::from(bytes)).egress.bytes * self.picoseconds_a_byte);
        let service = self.fixed.unwrap_or_else(time);
        // A message reaches a connection once, so no line is looked at twice.
        let start = if looked_at == lines { 0 } else { self.stream.below(lines) };
        let step = last.since(first).0 as f64 / looked_at as f64;
        let mut done = 0;
        for i in 0..looked_at {
            let upto = recipients * (i + 1) / looked_at;
            let at = SimTime(first.0 + (step * (i as f64 + 0.5)) as u64);
            let delivery = UnderWay { at, latency: origin(), bytes, deliveries: upto - done };
            let real = enters >= 1.0 || self.stream.unit() < enters;
            self.offer(((start + i) % lines) as usize, delivery, service, real, recorder);
            done = upto;
        }
    }

    /// Offers a delivery to a line: `at` is when it comes, `latency` where its latency counts from.
    fn offer(&mut self, line: usize, delivery: UnderWay, service: Span, enters: bool, recorder: &mut Recorder) {
        let UnderWay { at: now, latency: origin, bytes, deliveries } = delivery;
        let stands_for = self.slow as f64 / self.lines.len() as f64;
        let line = &mut self.lines[line];
        recorder.flow.slow_deliveries += deliveries;
        recorder.flow.slow_offered += u128::from(service.0) * u128::from(deliveries);
        line.arrived_until(now, recorder);
        let waits = line.free_at.max(now).since(now);
        if (waits + service) > self.room {
            recorder.lost_to_slow(deliveries);
            if self.disconnects && enters {
                let lost = line.cut(now, recorder);
                recorder.lost_to_slow(lost);
                self.cut += stands_for;
            }
            return;
        }
        let at = SimTime(now.0.saturating_add((waits + service).0));
        let arriving = UnderWay { at, latency: at.0.wrapping_sub(origin), bytes, deliveries };
        if self.remembers {
            line.send(arriving, enters);
        } else {
            recorder.delivered_slowly(at, arriving.latency, bytes, deliveries);
        }
        if enters {
            line.free_at = at;
        }
    }

    /// An answer leaves the server, for whomever.
    pub fn answers(&mut self, at: SimTime) {
        if let Some(answered) = &mut self.answered {
            *answered = at;
        }
    }

    /// Whole connections that were cut since this was last asked. Their lines have started anew already, so they are no
    /// longer counted among those that may [leave](Self::populate).
    pub fn take_cut(&mut self) -> u64 {
        let whole = self.cut.floor();
        self.cut -= whole;
        self.connections = self.connections.saturating_sub(whole as u64);
        whole as u64
    }

    /// Bytes that wait for all slow connections now; where answers are behind, when the last one came.
    pub fn waiting_bytes(&self, now: SimTime) -> f64 {
        let now = self.answered.map_or(now, |last| last.min(now));
        if self.lines.is_empty() {
            return 0.0;
        }
        let all: f64 = self.lines.iter().map(|line| line.free_at.max(now).since(now).0 as f64).sum();
        all / self.picoseconds_a_byte * self.slow as f64 / self.lines.len() as f64
    }

    /// How many connections are slow.
    pub fn count(&self) -> u64 {
        self.slow
    }

    /// The server stops: what waits is lost.
    pub fn crash(&mut self, now: SimTime, recorder: &mut Recorder) {
        for line in &mut self.lines {
            recorder.flow.lost_deliveries += line.cut(now, recorder);
        }
    }

    fn deliver_left_behind(&mut self, recorder: &mut Recorder) {
        for UnderWay { at, latency, bytes, deliveries } in self.left_behind.drain(..) {
            recorder.delivered_slowly(at, latency, bytes, deliveries);
        }
    }

    /// The run is over: records what is under way and arrives in time.
    pub fn finish(&mut self, end: SimTime, recorder: &mut Recorder) {
        self.deliver_left_behind(recorder);
        self.lines.iter_mut().for_each(|line| line.arrived_until(end, recorder));
    }
}

impl Line {
    /// A line with as much work as is not exceeded with this chance; of messages of so many bytes, each for as many
    /// connections. What waits came, as far as can be told, when as much was waiting.
    fn steady(form: &SlowForm, p: f64, (bytes, deliveries): (u32, u64)) -> Self {
        let work = form.work_quantile(p);
        let messages = (work / form.service_seconds).round() as u64;
        let first = work - (messages as f64 - 1.0) * form.service_seconds;
        let under_way = (0..messages.min(MOST_UNDER_WAY as u64)).map(|i| UnderWay {
            at: SimTime::from_seconds(first + i as f64 * form.service_seconds),
            latency: Span::from_seconds(work).0,
            bytes,
            deliveries,
        });
        Self { free_at: SimTime::from_seconds(work), under_way: under_way.collect() }
    }

    /// Records what has arrived by this moment.
    fn arrived_until(&mut self, now: SimTime, recorder: &mut Recorder) {
        while let Some(UnderWay { at, latency, bytes, deliveries }) = self.under_way.front().copied()
            && at <= now
        {
            recorder.delivered_slowly(at, latency, bytes, deliveries);
            self.under_way.pop_front();
        }
    }

    fn send(&mut self, arriving: UnderWay, enters: bool) {
        let most = if enters { MOST_UNDER_WAY } else { MANY_UNDER_WAY };
        let full = self.under_way.len() >= most;
        match self.under_way.back_mut() {
            Some(last) if full => last.deliveries += arriving.deliveries,
            _ => self.under_way.push_back(arriving),
        }
    }

    /// The connection is cut, and whoever has its place from now on starts anew; gives how many deliveries are lost.
    fn cut(&mut self, now: SimTime, recorder: &mut Recorder) -> u64 {
        self.arrived_until(now, recorder);
        self.free_at = now;
        self.under_way.drain(..).map(|under_way| under_way.deliveries).sum()
    }
}
