//! The broker: nodes that take letters in, and hand a copy to each server that has a recipient.
//!
//! A node is a receiving line, cores and a sending line in a row, each first come first served; and a disk, which nobody
//! waits for. Copies of a letter leave one after the other. Letters pass a node in the order in which they came, also where
//! one core overtakes another, as the messages of a channel or a partition do.
//!
//! With replicas, each node follows others as much as it leads: what its followers take of other nodes, it gives to others,
//! so that it is put on its own account.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::broken::Whereto;
use super::cell::Setting;
use super::demand::{Times, to_span};
use super::directory::{Copy, Directory};
use super::letter::{ALL, Address, Delivery, Letter, NOBODY};
use super::recorder::Recorder;
use crate::engine::{Admission, Agenda, Cores, Line, Rules, Visit};
use crate::metrics::tally::Station;
use crate::random::{Distribution, Purpose, Stream};
use crate::scenario::{Broker, FanOut};
use crate::units::time::PICOSECONDS;
use crate::units::{SimTime, Span};

/// Some nodes of the broker, which one thread works on.
#[derive(Debug)]
pub struct Relay {
    setting: Arc<Setting>,
    first: u32,
    nodes: Vec<Node>,
    /// Letters that have not been taken in yet.
    pending: Agenda<Letter>,
    portion: Vec<(SimTime, Letter)>,
    /// Letters that wait for a node, by when they come to it again: at a few moments, and many at each.
    waiting: BTreeMap<SimTime, Vec<Letter>>,
    counts: Vec<u64>,
    scratch: Vec<Copy>,
    background: Option<Background>,
    /// What it did.
    pub recorder: Recorder,
    /// Letters taken in, and copies handed out, in the whole run.
    pub totals: RelayTotals,
    /// Letters lost with nodes, by fault.
    pub lost_by_fault: Vec<u64>,
    /// Up to when letters were taken in.
    now: SimTime,
}

/// What became of letters and copies, in whole numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RelayTotals {
    /// Letters of simulated servers that were relayed.
    pub relayed: u64,
    /// Letters of simulated servers that the broker had no time for.
    pub lost: u64,
    /// Copies handed to simulated servers.
    pub copies: u64,
}

/// What servers that are not simulated send.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Elsewhere {
    /// Batches a second.
    pub batches_per_second: f64,
    /// Letters of a batch, on average.
    pub batch: f64,
    /// Copies that a letter takes.
    pub copies: f64,
}

/// The letters of servers that are not simulated.
#[derive(Debug)]
struct Background {
    stream: Stream,
    gap: f64,
    next: SimTime,
    batch: f64,
    copies: f64,
    bytes: Distribution,
}

#[derive(Debug)]
struct Node {
    nic_in: Option<Line>,
    cpu: Cores,
    nic_out: Option<Line>,
    disk: Option<Line>,
    stream: Stream,
    hops: Stream,
    /// When it came back last, empty.
    back_since: SimTime,
}

/// What a node needs for things, ready for the clock.
struct Costs<'a> {
    broker: &'a Broker,
    picoseconds_a_byte: f64,
    wakeup: Times,
    hop: Times,
    far: Option<Times>,
}

impl Relay {
    /// The nodes from `first` on, so many of them; they will advance by about `step` at a time. `background`: what
    /// servers that are not simulated send to these nodes.
    pub fn new(setting: &Arc<Setting>, first: u32, count: u32, step: Span, background: Elsewhere) -> Self {
        let scenario = &setting.scenario;
        let broker = scenario.broker.as_ref();
        let line = || broker.and_then(|broker| broker.network).map(|_| Line::default());
        let stream = |node: u32, purpose| Stream::named(setting.seed, setting.replication, u64::from(node), purpose);
        let nodes = (first..first + count)
            .map(|node| Node {
                nic_in: line(),
                cpu: Cores::new(broker.map_or(1, |broker| broker.cores), 0),
                nic_out: line(),
                disk: broker.and_then(|broker| broker.disk_write).map(|_| Line::default()),
                stream: stream(node, Purpose::Broker),
                hops: stream(node, Purpose::BrokerHops),
                back_since: SimTime::ZERO,
            })
            .collect();
        let Elsewhere { batches_per_second: rate, batch, copies } = background;
        let background = (rate > 0.0).then(|| {
            let mut stream = stream(first, Purpose::Background);
            let gap = PICOSECONDS / rate;
            let next = SimTime(to_span(stream.exp1() * gap).0);
            Background { stream, gap, next, batch, copies, bytes: scenario.workload.message_size.clone() }
        });
        Self {
            setting: Arc::clone(setting),
            first,
            nodes,
            pending: Agenda::new(step),
            portion: Vec::new(),
            waiting: BTreeMap::new(),
            counts: Vec::new(),
            scratch: Vec::new(),
            background,
            recorder: Recorder::new(setting.slices, &FanOut::None),
            totals: RelayTotals::default(),
            lost_by_fault: Vec::new(),
            now: SimTime::ZERO,
        }
    }

    /// Takes letters that are on their way.
    ///
    /// # Panics
    /// When one of them comes before the moment up to which the relay has advanced: a bug of ours.
    pub fn expect(&mut self, letters: &[Letter]) {
        for letter in letters {
            assert!(letter.at >= self.now, "a letter comes in the relay's past");
            self.pending.add(letter.at, *letter);
        }
    }

    /// When the next letter comes.
    pub fn next_time(&self) -> SimTime {
        let waiting = self.waiting.keys().next().copied().unwrap_or(SimTime::NEVER);
        let letter = self.pending.next_time().min(waiting);
        self.background.as_ref().map_or(letter, |background| letter.min(background.next))
    }

    /// Letters that have not been taken in.
    pub fn expected(&self) -> u64 {
        self.pending.len() as u64 + self.waiting.values().map(|letters| letters.len() as u64).sum::<u64>()
    }

    /// Takes in all letters that come by this moment, and says by `hand_out` which copies go where.
    pub fn advance(&mut self, until: SimTime, mut hand_out: impl FnMut(Delivery)) {
        // Who waits for a node comes again when it is back or led by another, so nobody later may be taken in before.
        let setting = Arc::clone(&self.setting);
        for moment in setting.broken.moments(self.now, until) {
            self.advance_to(SimTime(moment.0 - 1), &mut hand_out);
        }
        self.advance_to(until, &mut hand_out);
    }

    fn advance_to(&mut self, until: SimTime, hand_out: &mut impl FnMut(Delivery)) {
        self.now = until;
        self.summon(until);
        while let Some(due) = self.waiting.first_entry().filter(|due| *due.key() <= until) {
            due.remove().into_iter().for_each(|letter| self.pending.add(letter.at, letter));
        }
        let mut ready = std::mem::take(&mut self.portion);
        self.pending.take(until, &mut ready);
        let setting = Arc::clone(&self.setting);
        if let (Some(broker), Some(between)) = (&setting.scenario.broker, &setting.between) {
            let directory = &between.directory;
            let costs = Costs {
                broker,
                picoseconds_a_byte: broker.network.map_or(0.0, |n| 8.0 * PICOSECONDS / n.get()),
                wakeup: Times::new(&broker.per_wakeup),
                hop: Times::new(&setting.scenario.latency.server),
                far: setting.scenario.sharding.as_ref().and_then(|s| s.latency.as_ref()).map(Times::new),
            };
            let mut from = 0;
            while from < ready.len() {
                let more = ready[from + 1..].iter().take_while(|(_, letter)| letter.follows).count();
                self.serve(&ready[from..=from + more], &costs, &setting, directory, hand_out);
                from += more + 1;
            }
        }
        self.portion = ready;
    }

    /// Adds the letters of servers that are not simulated.
    fn summon(&mut self, until: SimTime) {
        let nodes = self.nodes.len() as u64;
        let Some(background) = &mut self.background else { return };
        while background.next <= until {
            let node = self.first + background.stream.below(nodes) as u32;
            for follower in 0..=background.stream.poisson(background.batch - 1.0) {
                let whole = background.copies.floor();
                let copies = whole + f64::from(u8::from(background.stream.unit() < background.copies - whole));
                let letter = Letter {
                    at: background.next,
                    origin: 0,
                    node,
                    from: NOBODY,
                    to: Address::Elsewhere(copies as u32),
                    bytes: background.bytes.sample(&mut background.stream).round() as u32,
                    follows: follower > 0,
                };
                self.pending.add(letter.at, letter);
            }
            background.next += to_span(background.stream.exp1() * background.gap);
        }
    }

    /// Letters that find their node down, or are in it when it stops, come to it again then; where that is never, they
    /// are lost.
    fn put_off(
        &mut self,
        batch: &[(SimTime, Letter)],
        node: u32,
        (until, fault): (SimTime, usize),
        directory: &Directory,
    ) {
        if until != SimTime::NEVER {
            let again = batch.iter().map(|(_, letter)| Letter { at: until, node, ..*letter });
            self.waiting.entry(until).or_default().extend(again);
            return;
        }
        self.lose(batch, directory);
        self.lost_by_fault.resize(self.lost_by_fault.len().max(fault + 1), 0);
        self.lost_by_fault[fault] += real_letters(batch);
    }

    /// Letters are lost, with all their copies.
    fn lose(&mut self, batch: &[(SimTime, Letter)], directory: &Directory) {
        let real = real_letters(batch);
        self.recorder.flow.relay_lost += real;
        self.totals.lost += real;
        let setting = Arc::clone(&self.setting);
        for (_, letter) in batch {
            let lost = &mut self.recorder.flow.lost_deliveries;
            for_each_copy(letter, &setting, directory, &mut self.scratch, &mut |_, recipients| {
                *lost += counted(recipients);
            });
        }
    }

    /// One letter, or a batch of them.
    fn serve(
        &mut self,
        batch: &[(SimTime, Letter)],
        costs: &Costs<'_>,
        setting: &Setting,
        directory: &Directory,
        hand_out: &mut impl FnMut(Delivery),
    ) {
        let first = &batch[0].1;
        let number = match setting.broken.whereto(first.node, first.from, batch[0].0) {
            Whereto::Node(node) => node,
            Whereto::Wait(until, fault) => return self.put_off(batch, first.node, (until, fault), directory),
        };
        let crash = setting.broken.next(number, batch[0].0);
        let dead_from = crash.map_or(SimTime::NEVER, |crash| crash.from);
        let node = &mut self.nodes[(number - self.first) as usize];
        node.come_back(setting.broken.back_since(number, batch[0].0));
        let recorder = &mut self.recorder;
        let broker = costs.broker;
        let replicas = broker.replication;
        recorder.count_row();
        let wire: f64 = batch.iter().map(|(_, letter)| setting.demands.backplane_bytes(letter.bytes)).sum();
        let mut at = batch[0].0;
        let line_time = |bytes: f64| to_span(bytes * costs.picoseconds_a_byte);
        if let Some(line) = &mut node.nic_in {
            let visit = line.serve(at, line_time(wire * replicas as f64));
            record(recorder, Station::NicIn, visit, dead_from);
            at = visit.departure;
        }
        if let Some(crash) = crash.filter(|_| at > dead_from) {
            return self.put_off(batch, number, (setting.broken.taken_up(crash), crash.fault), directory);
        }
        let real = real_letters(batch);
        self.counts.clear();
        self.counts.extend(batch.iter().map(|(_, letter)| copies_of(letter, setting, directory, &mut self.scratch)));
        let copies: u64 = self.counts.iter().sum();
        let stream = &mut node.stream;
        let mut draw = |times: &Distribution, n: u64| many(times, n, stream);
        let request = draw(&broker.per_batch, 1) + draw(&broker.per_publish, batch.len() as u64 * replicas);
        let handing = draw(&broker.per_delivery, copies);
        let wakeup = costs.wakeup.draw(&mut node.stream);
        let patience = broker.max_wait.map_or(Span(u64::MAX), |wait| Span::from_seconds(wait.get()));
        let rules = Rules { core: None, wakeup, room: u64::MAX, patience };
        let visit = match node.cpu.admit(at, request + handing, rules) {
            Admission::Served(visit) => visit,
            Admission::Full | Admission::Abandoned(_) => return self.lose(batch, directory),
        };
        record(recorder, Station::Cpu, visit, dead_from);
        if let Some(crash) = crash.filter(|_| visit.departure > dead_from) {
            return self.put_off(batch, number, (setting.broken.taken_up(crash), crash.fault), directory);
        }
        if let (Some(disk), Some(rate)) = (&mut node.disk, broker.disk_write) {
            let written = disk.serve(visit.departure, to_span(wire * replicas as f64 / rate.get() * PICOSECONDS));
            record(recorder, Station::Log, written, dead_from);
        }
        self.totals.relayed += real;
        let copied: f64 = batch
            .iter()
            .zip(&self.counts)
            .map(|((_, letter), count)| *count as f64 * setting.demands.backplane_bytes(letter.bytes))
            .sum();
        let each = Span(handing.0 / copies.max(1));
        let begins = SimTime(visit.departure.0 - handing.0);
        let mut out = Sending::begin(
            node,
            recorder,
            (begins, dead_from),
            visit,
            line_time,
            (copied, wire * (replicas - 1) as f64),
        );
        let acknowledged = if replicas > 1 {
            // Readers see what all replicas have: a way to the followers and back.
            let slower = setting.delays.server(visit.departure);
            costs.hop.draw(&mut node.hops) + costs.hop.draw(&mut node.hops) + slower + slower
        } else {
            Span::ZERO
        };
        for (_, letter) in batch {
            let frame = line_time(setting.demands.backplane_bytes(letter.bytes));
            let own_node = number;
            let mut copy = |server: u32, recipients: u32| {
                let hop = match &costs.far {
                    Some(far) if !directory.is_near(server, own_node) => far.draw(&mut node.hops),
                    _ => costs.hop.draw(&mut node.hops),
                };
                let mut left = out.next(each, frame);
                if let Some(crash) = crash.filter(|_| left > dead_from) {
                    // What has not left when the node stops, readers get from its replicas, if it has any.
                    if !setting.broken.is_replicated() {
                        recorder.flow.lost_deliveries += counted(recipients);
                        return;
                    }
                    left = left.max(setting.broken.taken_up(crash));
                }
                let sent = left + acknowledged;
                let at = sent + hop + setting.delays.server(sent);
                self.totals.copies += 1;
                hand_out(Delivery { at, origin: letter.origin, server, recipients, bytes: letter.bytes });
            };
            for_each_copy(letter, setting, directory, &mut self.scratch, &mut copy);
        }
    }
}

/// Letters of a batch, unless servers that are not simulated sent it.
fn real_letters(batch: &[(SimTime, Letter)]) -> u64 {
    u64::from(batch[0].1.from != NOBODY) * batch.len() as u64
}

/// Recipients that are counted where a copy is lost: of one for all users of a server nobody knows how many.
fn counted(recipients: u32) -> u64 {
    if recipients == ALL { 0 } else { u64::from(recipients) }
}

impl Node {
    /// After an outage that ended then, all stations are empty.
    fn come_back(&mut self, since: SimTime) {
        if since == self.back_since {
            return;
        }
        self.back_since = since;
        self.cpu.clear();
        for line in [&mut self.nic_in, &mut self.nic_out, &mut self.disk] {
            *line = line.as_ref().map(|_| Line::default());
        }
    }
}

/// A stay at a station of a node that stops then.
fn record(recorder: &mut Recorder, station: Station, visit: Visit, dead_from: SimTime) {
    if visit.departure > dead_from {
        if visit.arrival < dead_from {
            recorder.cut(station, visit, dead_from);
        }
    } else {
        recorder.visit(station, visit, true);
    }
}

/// Copies that leave a node one after the other.
struct Sending {
    written: SimTime,
    line: Option<SimTime>,
}

impl Sending {
    /// The first copy is written after `begins`; (`copies`, `replicas`) are the bytes of both.
    fn begin(
        node: &mut Node,
        recorder: &mut Recorder,
        (begins, dead_from): (SimTime, SimTime),
        visit: Visit,
        line_time: impl Fn(f64) -> Span,
        (copies, replicas): (f64, f64),
    ) -> Self {
        let line = node.nic_out.as_mut().map(|line| {
            let all = line_time(copies + replicas);
            // As much as can be is sent while the CPU still writes.
            let earliest = begins.max(SimTime(visit.departure.0.saturating_sub(all.0)));
            let sent = line.serve(earliest, all);
            record(recorder, Station::NicOut, sent, dead_from);
            sent.start + line_time(replicas)
        });
        Self { written: begins, line }
    }

    /// When the next copy has left, which takes the CPU and the line so long.
    fn next(&mut self, each: Span, frame: Span) -> SimTime {
        self.written += each;
        match &mut self.line {
            Some(line) => {
                *line = (*line).max(self.written) + frame;
                *line
            }
            None => self.written,
        }
    }
}

/// The time of n things that take so long each.
#[inline(always)]
fn many(times: &Distribution, n: u64, stream: &mut Stream) -> Span {
    if let Some(each) = times.constant() {
        return to_span(each * n as f64 * PICOSECONDS);
    }
    many_drawn(times, n, stream)
}

#[inline(never)]
fn many_drawn(times: &Distribution, n: u64, stream: &mut Stream) -> Span {
    let total = match times.constant() {
        Some(each) => each * n as f64,
        None if n <= 32 => (0..n).map(|_| times.sample(stream)).sum(),
        // A sum of many is nearly normal.
        None => n as f64 * times.mean() + (n as f64 * times.variance()).sqrt() * stream.normal(),
    };
    to_span(total.max(0.0) * PICOSECONDS)
}

fn copies_of(letter: &Letter, setting: &Setting, directory: &Directory, scratch: &mut Vec<Copy>) -> u64 {
    if let Address::Elsewhere(copies) = letter.to {
        return u64::from(copies);
    }
    let mut copies = 0;
    for_each_copy(letter, setting, directory, scratch, &mut |_, _| copies += 1);
    copies
}

/// The servers that get a copy of a letter, with their recipients.
fn for_each_copy(
    letter: &Letter,
    setting: &Setting,
    directory: &Directory,
    scratch: &mut Vec<Copy>,
    copy: &mut impl FnMut(u32, u32),
) {
    let Some(broker) = &setting.scenario.broker else { return };
    if broker.floods {
        return flood(letter, directory, scratch, copy);
    }
    match letter.to {
        Address::Server(server, recipients) => {
            let shard = directory.shard(directory.shard_of(server));
            let place = directory.place_of(server);
            match broker.partitions.filter(|_| broker.publishes_for_each()) {
                // Servers that share the partition read it all.
                Some(partitions) if partitions < u64::from(directory.servers()) => {
                    let shared = (partitions as u32 / directory.shards()).max(1);
                    for other in (place % shared..shard.servers).step_by(shared as usize) {
                        copy(shard.first + other, if other == place { recipients } else { 0 });
                    }
                }
                _ => copy(server, recipients),
            }
        }
        Address::Room(room) => {
            let number = directory.home(u64::from(room));
            let shard = directory.shard(number);
            let own = (directory.shard_of(letter.from) == number).then(|| directory.place_of(letter.from));
            for members in
                directory.copies(u64::from(room), scratch).iter().filter(|members| Some(members.place) != own)
            {
                copy(directory.server_at(shard, members.place), members.members);
            }
        }
        Address::Everyone => {
            for server in (0..directory.servers()).filter(|server| *server != letter.from) {
                copy(server, ALL);
            }
        }
        Address::Elsewhere(_) => {}
    }
}

/// A copy to every server, wanted or not; the sender has served its own users.
fn flood(letter: &Letter, directory: &Directory, scratch: &mut Vec<Copy>, copy: &mut impl FnMut(u32, u32)) {
    let mut wanted: Vec<(u32, u32)> = match letter.to {
        Address::Server(server, recipients) => vec![(server, recipients)],
        Address::Room(room) => {
            let shard = *directory.shard(directory.home(u64::from(room)));
            let copies = directory.copies(u64::from(room), scratch);
            copies.iter().map(|copy| (directory.server_at(&shard, copy.place), copy.members)).collect()
        }
        Address::Everyone | Address::Elsewhere(_) => Vec::new(),
    };
    wanted.sort_unstable();
    let everyone = letter.to == Address::Everyone;
    let mut wanted = wanted.into_iter().peekable();
    for server in 0..directory.servers() {
        let recipients = wanted.next_if(|(wants, _)| *wants == server).map_or(0, |(_, members)| members);
        copy(
            server,
            if server == letter.from {
                0
            } else if everyone {
                ALL
            } else {
                recipients
            },
        );
    }
}
