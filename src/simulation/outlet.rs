//! What a server does for users of other servers: it addresses what its users publish, gathers it for the broker, and
//! hands copies to its own users.

use std::collections::VecDeque;

use super::cell::Setting;
use super::demand::{Times, to_span};
use super::directory::{Copy, Directory};
use super::letter::{ALL, Address, Letter};
use super::recorder::Recorder;
use super::server::Job;
use crate::engine::Line;
use crate::metrics::tally::Station;
use crate::model::compression::delivery_cpu_seconds_per_kb;
use crate::random::{Distribution, Purpose, Stream};
use crate::scenario::{Broker, Dispatch, FanOut, Scenario};
use crate::units::time::PICOSECONDS;
use crate::units::{SimTime, Span};

/// Up to so many deliveries of one job have a time of their own each; more are drawn as their sum, which is then nearly
/// normal.
const DRAWN_ONE_BY_ONE: u32 = 32;

/// What all outlets of a run share: who is where, and what crossing between servers takes.
#[derive(Debug)]
pub struct Between {
    /// Who is where.
    pub directory: Directory,
    fan_out: Way,
    /// Whether there is a broker.
    relayed: bool,
    /// Whether a message is published once for each server.
    each: bool,
    floods: bool,
    per_publish: Times,
    per_receive: Times,
    per_delivery: Distribution,
    /// Seconds of a core to deflate a KB of a copy.
    deflating_per_kb: f64,
    hop: Times,
    far: Option<Times>,
    linger: Span,
    batch: u64,
    /// Letters that a server gathers at a time, about.
    gathered: usize,
    output_buffer: Option<u64>,
    resubscribe: Span,
    /// Cores of a server, where each has connections of its own.
    pub cores: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Direct,
    Room,
    Everyone,
}

impl Between {
    /// What crossing takes in this scenario.
    pub fn new(scenario: &Scenario, directory: Directory) -> Self {
        let cpu = &scenario.servers.cpu;
        let broker = scenario.broker.as_ref();
        let fleet = f64::from(directory.fleet());
        let fan_out = match scenario.workload.fan_out {
            FanOut::Direct => Way::Direct,
            FanOut::Room(_) => Way::Room,
            _ => Way::Everyone,
        };
        Self {
            directory,
            fan_out,
            relayed: broker.is_some(),
            each: broker.is_some_and(Broker::publishes_for_each) && fan_out != Way::Everyone,
            floods: broker.is_some_and(|broker| broker.floods),
            per_publish: Times::new(&cpu.per_publish),
            per_receive: Times::new(&cpu.per_receive),
            per_delivery: cpu.per_delivery.clone(),
            deflating_per_kb: delivery_cpu_seconds_per_kb(scenario),
            hop: Times::new(&scenario.latency.server),
            far: scenario.sharding.as_ref().and_then(|s| s.latency.as_ref()).map(Times::new),
            linger: broker.map_or(Span::ZERO, |broker| Span::from_seconds(broker.linger.get())),
            batch: broker.map_or(1, |broker| broker.batch.get() as u64),
            gathered: broker.map_or(0, |broker| {
                let messages = scenario.users as f64 * scenario.workload.message_rate.get();
                let each = messages * broker.linger.get() / fleet;
                // Half as many again: the next power of two is what a queue takes.
                if each > 0.0 { ((1.5 * each) as usize + 4).min(1_024) } else { 0 }
            }),
            output_buffer: broker.and_then(|broker| broker.output_buffer).map(|bytes| bytes.get() as u64),
            cores: (scenario.servers.dispatch == Dispatch::PerCore).then_some(u64::from(scenario.servers.cores)),
            resubscribe: broker.map_or(Span::ZERO, |broker| Span::from_seconds(broker.resubscribe.get())),
        }
    }
}

impl Between {
    /// Whether the broker cuts off servers that are slow to read.
    pub fn cuts(&self) -> bool {
        self.output_buffer.is_some()
    }
}

/// The outlet of one server; what each message touches stands together.
#[derive(Debug)]
#[repr(C)]
pub struct Outlet {
    me: u32,
    /// When the first batch is due, and the first of the own: looked at for all that comes.
    due: SimTime,
    due_own: SimTime,
    recipients: Stream,
    /// Letters that are being gathered, by when they are sent; those of a batch are next to each other, the first one first.
    gathered: VecDeque<Gathered>,
    /// Of each, the name of its batch, and `FIRST` where it begins one. They stand apart, since they are looked through for
    /// each letter.
    names: VecDeque<u32>,
    /// Open connections of the server.
    pub connections: u64,
    costs: Stream,
    hops: Stream,
    /// What is to be handed to the server's own users, in order of time.
    own: VecDeque<Own>,
    scratch: Vec<Copy>,
    cut_until: SimTime,
    /// Copies that the server has not begun with: when it does, and their bytes.
    unread: VecDeque<(SimTime, u32)>,
    unread_bytes: u64,
}

/// A letter that waits for its batch to be sent; kept small, since a server has many of them.
#[derive(Debug, Clone, Copy)]
struct Gathered {
    /// Since when.
    at: SimTime,
    origin: u64,
    to: Address,
    bytes: u32,
}

/// In a batch's name: this letter is its first.
const FIRST: u32 = 1 << 31;

/// A message for users of the server it came to.
#[derive(Debug, Clone, Copy)]
pub struct Own {
    /// When the server turns to it.
    pub at: SimTime,
    /// Its latency counts from here, as in a job of a server.
    pub origin: u64,
    /// Its recipients.
    pub recipients: u32,
    /// Payload.
    pub bytes: u32,
}

impl Outlet {
    /// The outlet of server number `me`, where messages go to users of other servers.
    pub fn new(setting: &Setting, me: u32) -> Option<Box<Self>> {
        let between = setting.between.as_ref()?;
        let stream = |purpose| Stream::named(setting.seed, setting.replication, u64::from(me), purpose);
        Some(Box::new(Self {
            me,
            cut_until: SimTime::ZERO,
            connections: 0,
            recipients: stream(Purpose::Recipients),
            costs: stream(Purpose::Backplane),
            hops: stream(Purpose::Hops),
            gathered: VecDeque::with_capacity(between.gathered),
            names: VecDeque::with_capacity(between.gathered),
            own: VecDeque::new(),
            due: SimTime::NEVER,
            due_own: SimTime::NEVER,
            scratch: Vec::new(),
            unread: VecDeque::new(),
            unread_bytes: 0,
        }))
    }

    /// Addresses a message.
    #[inline(always)]
    pub fn address_job(&mut self, job: &mut Job, between: &Between) {
        let (to, cpu) = self.address(between);
        job.nic_out = Span(u64::from(to));
        job.cpu = job.cpu + cpu;
    }

    /// Decides whom the next message is for (a server, a room; of no meaning for everyone), and what publishing it takes
    /// of the CPU.
    fn address(&mut self, between: &Between) -> (u32, Span) {
        let directory = &between.directory;
        let (to, others) = match between.fan_out {
            Way::Direct => {
                let to = directory.recipient(self.me, &mut self.recipients);
                (to, u64::from(to != self.me))
            }
            Way::Room => {
                let room = directory.room(self.me, &mut self.recipients);
                let own = Self::own_place(directory, self.me, room);
                let copies = directory.copies(room, &mut self.scratch);
                (room as u32, copies.iter().filter(|copy| Some(copy.place) != own).count() as u64)
            }
            Way::Everyone => (0, u64::from(directory.servers()) - 1),
        };
        let publishes = match (between.relayed, between.floods, between.each) {
            (false, ..) => 0,
            (_, true, _) => 1,
            (.., true) => others,
            _ => others.min(1),
        };
        let cpu = match between.per_publish.fixed() {
            Some(each) => Span(each.0 * publishes),
            None => Span((0..publishes).map(|_| between.per_publish.draw(&mut self.costs).0).sum()),
        };
        (to, cpu)
    }

    /// The place in a room's shard that this server has, if it belongs to it.
    fn own_place(directory: &Directory, me: u32, room: u64) -> Option<u32> {
        (directory.home(room) == directory.shard_of(me)).then(|| directory.place_of(me))
    }

    /// Sends out a message that the server is done with: to its own users, and to the broker.
    pub fn publish(
        &mut self,
        at: SimTime,
        (to, origin, bytes): (u32, u64, u32),
        setting: &Setting,
        line: &mut Option<Line>,
        recorder: &mut Recorder,
    ) {
        let Some(between) = &setting.between else { return };
        let Between { directory, each, floods, .. } = between;
        let mine;
        let from = self.me;
        let letter = |node, to| Letter { at, origin, node, from, to, bytes, follows: false };
        match between.fan_out {
            Way::Direct => {
                let shard = directory.shard(directory.shard_of(to));
                mine = u32::from(to == from);
                if mine == 0 || *floods {
                    let channel = if *each { directory.place_of(to) } else { self.recipients.bits() as u32 };
                    let node = shard.first_node + channel % shard.nodes;
                    self.post(letter(node, Address::Server(to, 1)), setting, line, recorder);
                }
            }
            Way::Room => {
                let home = directory.shard(directory.home(u64::from(to)));
                let own = Self::own_place(directory, from, u64::from(to));
                let mut scratch = std::mem::take(&mut self.scratch);
                let copies = directory.copies(u64::from(to), &mut scratch);
                mine = copies.iter().find(|copy| Some(copy.place) == own).map_or(0, |copy| copy.members);
                if *each {
                    for copy in copies.iter().filter(|copy| Some(copy.place) != own) {
                        let server = directory.server_at(home, copy.place);
                        let node = home.first_node + copy.place % home.nodes;
                        let letter = letter(node, Address::Server(server, copy.members));
                        self.post(letter, setting, line, recorder);
                    }
                } else if *floods || copies.len() > usize::from(mine > 0) {
                    let node = home.first_node + (crate::random::mix(u64::from(to)) % u64::from(home.nodes)) as u32;
                    self.post(letter(node, Address::Room(to)), setting, line, recorder);
                }
                self.scratch = scratch;
            }
            Way::Everyone => {
                mine = ALL;
                if directory.servers() > 1 {
                    self.post(letter(0, Address::Everyone), setting, line, recorder);
                }
            }
        }
        if mine > 0 {
            self.due_own = self.due_own.min(at);
            self.own.push_back(Own { at, origin, recipients: mine, bytes });
        }
    }

    /// Puts a letter into its batch, or sends it at once where none are gathered.
    fn post(&mut self, letter: Letter, setting: &Setting, line: &mut Option<Line>, recorder: &mut Recorder) {
        let Some(between) = setting.between.as_ref().filter(|between| between.relayed) else { return };
        recorder.flow.published += 1;
        if between.linger == Span::ZERO {
            self.send(&mut [letter], letter.at, setting, line, recorder);
            return;
        }
        let (now, size) = (letter.at, u64::from(letter.bytes));
        let alike = between.directory.nodes_each_stands_for();
        // In a sample a node stands for several, each of which has a batch of its own.
        let which = if alike > 1.0 { (self.recipients.unit() * alike) as u32 } else { 0 };
        let name = (letter.node + which * between.directory.nodes()) & !FIRST;
        let gathered = Gathered { at: now, origin: letter.origin, to: letter.to, bytes: letter.bytes };
        if let Some(last) = self.last_of(name) {
            let first = (0..=last).rev().find(|i| self.names[*i] & FIRST != 0).unwrap_or(0);
            let bytes: u64 = self.gathered.range(first..=last).map(|letter| u64::from(letter.bytes)).sum();
            if bytes + size <= between.batch {
                self.gathered.insert(last + 1, gathered);
                self.names.insert(last + 1, name);
                if bytes + size == between.batch {
                    self.flush(first..last + 2, now, setting, line, recorder);
                }
                return;
            }
            // What would overfill a batch begins the next one.
            self.flush(first..last + 1, now, setting, line, recorder);
        }
        self.due = self.due.min(now + between.linger);
        self.gathered.push_back(gathered);
        self.names.push_back(name | FIRST);
        if size >= between.batch {
            self.flush(self.names.len() - 1..self.names.len(), now, setting, line, recorder);
        }
    }

    /// The last letter of a batch. Most letters find none of their batch: that is seen by a look at all, with no branch.
    fn last_of(&self, name: u32) -> Option<usize> {
        let (front, back) = self.names.as_slices();
        let among = |names: &[u32]| names.iter().map(|other| u32::from(other & !FIRST == name)).sum::<u32>();
        if among(front) + among(back) == 0 {
            return None;
        }
        self.names.iter().rposition(|other| other & !FIRST == name)
    }

    /// When the next batch is due.
    #[inline(always)]
    pub fn next_due(&self) -> SimTime {
        self.due
    }

    /// When the server turns to the next message for its own users.
    #[inline(always)]
    pub fn next_own(&self) -> SimTime {
        self.due_own
    }

    /// The next message for the server's own users.
    pub fn take_own(&mut self) -> Option<Own> {
        let own = self.own.pop_front();
        self.due_own = self.own.front().map_or(SimTime::NEVER, |own| own.at);
        own
    }

    /// Sends the batch that is due next.
    pub fn flush_next(&mut self, setting: &Setting, line: &mut Option<Line>, recorder: &mut Recorder) {
        let count = 1 + self.names.iter().skip(1).take_while(|name| **name & FIRST == 0).count();
        self.flush(0..count, self.due, setting, line, recorder);
    }

    /// Sends the batch of these letters.
    fn flush(
        &mut self,
        batch: std::ops::Range<usize>,
        at: SimTime,
        setting: &Setting,
        line: &mut Option<Line>,
        recorder: &mut Recorder,
    ) {
        let (Some(between), Some(name)) = (&setting.between, self.names.get(batch.start)) else { return };
        let (from, name) = (self.me, name & !FIRST);
        let nodes = between.directory.nodes();
        // Only in a sample a name is more than the node's number.
        let node = if name < nodes { name } else { name % nodes };
        let letter = |gathered: Gathered| {
            let Gathered { origin, to, bytes, .. } = gathered;
            Letter { at, origin, node, from, to, bytes, follows: false }
        };
        if batch == (0..1) {
            // Most are alone, and their time has come.
            self.names.pop_front();
            let gathered = self.gathered.pop_front();
            self.first_is_due(between);
            if let Some(gathered) = gathered {
                recorder.flow.lingered += 1;
                recorder.flow.linger_time += u128::from(at.since(gathered.at).0);
                self.send_alone((gathered, node), at, (setting, between), line, recorder);
            }
            return;
        }
        for letter in self.gathered.range(batch.clone()) {
            recorder.flow.lingered += 1;
            recorder.flow.linger_time += u128::from(at.since(letter.at).0);
        }
        self.names.drain(batch.clone());
        let mut letters: Vec<Letter> = self.gathered.drain(batch).map(letter).collect();
        self.first_is_due(between);
        self.send(&mut letters, at, setting, line, recorder);
    }

    fn first_is_due(&mut self, between: &Between) {
        self.due = self.gathered.front().map_or(SimTime::NEVER, |letter| letter.at + between.linger);
    }

    /// Sends a batch over the line and on its way.
    fn send(
        &mut self,
        batch: &mut [Letter],
        at: SimTime,
        setting: &Setting,
        line: &mut Option<Line>,
        recorder: &mut Recorder,
    ) {
        let (Some(between), Some(first)) = (&setting.between, batch.first()) else { return };
        let node = first.node;
        let time = batch.iter().map(|letter| setting.demands.backplane(letter.bytes).0).sum();
        let arrives = self.on_its_way(at, Span(time), node, (setting, between), line, recorder);
        for (i, letter) in batch.iter_mut().enumerate() {
            (letter.at, letter.follows) = (arrives, i > 0);
        }
        recorder.outbox[between.directory.relay_of(node)].extend_from_slice(batch);
    }

    /// The same for a letter that is alone, as most are: it is made where it goes.
    #[inline(always)]
    fn send_alone(
        &mut self,
        (gathered, node): (Gathered, u32),
        at: SimTime,
        (setting, between): (&Setting, &Between),
        line: &mut Option<Line>,
        recorder: &mut Recorder,
    ) {
        let Gathered { origin, to, bytes, .. } = gathered;
        let time = setting.demands.backplane(bytes);
        let at = self.on_its_way(at, time, node, (setting, between), line, recorder);
        let letter = Letter { at, origin, node, from: self.me, to, bytes, follows: false };
        recorder.outbox[between.directory.relay_of(node)].push(letter);
    }

    /// When a batch that takes the line so long reaches its node.
    #[inline(always)]
    fn on_its_way(
        &mut self,
        at: SimTime,
        time: Span,
        node: u32,
        (setting, between): (&Setting, &Between),
        line: &mut Option<Line>,
        recorder: &mut Recorder,
    ) -> SimTime {
        let mut left = at;
        if let Some(line) = line {
            let visit = line.serve(at, time);
            recorder.visit(Station::NicOut, visit, true);
            left = visit.departure;
        }
        let hop = match &between.far {
            Some(far) if !between.directory.is_near(self.me, node) => far.draw(&mut self.hops),
            _ => between.hop.draw(&mut self.hops),
        };
        left + hop + setting.delays.server(left)
    }

    /// CPU time of a copy: taking it from the broker (unless it never was there), handing it to so many users; and the time
    /// from the first of them to the last.
    #[inline]
    pub fn copy_cpu(&mut self, recipients: u32, bytes: u32, from_broker: bool, between: &Between) -> (Span, Span) {
        let base = if from_broker { between.per_receive.draw(&mut self.costs) } else { Span::ZERO };
        let k = f64::from(recipients);
        let all = match between.per_delivery.constant() {
            Some(each) => each * k,
            None if recipients <= DRAWN_ONE_BY_ONE => {
                (0..recipients).map(|_| between.per_delivery.sample(&mut self.costs)).sum()
            }
            None => {
                let spread = (k * between.per_delivery.variance()).sqrt() * self.costs.normal();
                (k * between.per_delivery.mean() + spread).max(0.0)
            }
        };
        // Each is deflated for itself.
        let all = all + k * between.deflating_per_kb * f64::from(bytes) / 1_000.0;
        let all = to_span(all * PICOSECONDS);
        (base + all, Span(if recipients > 1 { all.0 / u64::from(recipients) * u64::from(recipients - 1) } else { 0 }))
    }

    /// One of so many cores.
    pub fn any_core(&mut self, cores: u64) -> usize {
        self.costs.below(cores) as usize
    }

    /// Whether the broker has cut this server off at this moment, for being slow: too many bytes wait for it to read them.
    pub fn is_cut(&mut self, now: SimTime, between: &Between) -> bool {
        let Some(most) = between.output_buffer else { return false };
        if now < self.cut_until {
            return true;
        }
        while let Some((start, bytes)) = self.unread.front()
            && *start <= now
        {
            self.unread_bytes -= u64::from(*bytes);
            self.unread.pop_front();
        }
        if self.unread_bytes <= most {
            return false;
        }
        self.cut_until = now + between.resubscribe;
        true
    }

    /// A copy of this size is read then.
    pub fn will_read(&mut self, now: SimTime, start: SimTime, bytes: u32, between: &Between) {
        if start > now && between.output_buffer.is_some() {
            self.unread.push_back((start, bytes));
            self.unread_bytes += u64::from(bytes);
        }
    }

    /// The server stops: what it has gathered, and its own users' copies, are lost.
    pub fn crash(&mut self, recorder: &mut Recorder) {
        recorder.flow.relay_lost += self.gathered.len() as u64;
        recorder.flow.lost_deliveries += self
            .own
            .iter()
            .map(|own| if own.recipients == ALL { self.connections } else { u64::from(own.recipients) })
            .sum::<u64>();
        self.gathered.clear();
        self.names.clear();
        self.own.clear();
        (self.due, self.due_own) = (SimTime::NEVER, SimTime::NEVER);
        self.unread.clear();
        self.unread_bytes = 0;
    }

    /// When the first of the messages being gathered, or still to be handed to own users, is due.
    #[inline(always)]
    pub fn next_time(&self) -> SimTime {
        self.due_own.min(self.due)
    }

    /// Touches what will be needed soon.
    #[inline(always)]
    pub fn glance(&self) -> u64 {
        let lengths = self.gathered.len() ^ self.names.len() ^ self.own.len();
        self.due.0 ^ self.connections ^ lengths as u64
    }

    /// The same of the letters.
    #[inline(always)]
    pub fn glance_at_letters(&self) -> u64 {
        let name = |name: Option<&u32>| name.map_or(0, |name| u64::from(*name));
        let letter = |letter: Option<&Gathered>| letter.map_or(0, |letter| letter.at.0);
        let (letters, names) = (&self.gathered, &self.names);
        let due = letter(letters.front()) ^ letter(letters.get(2)) ^ letter(letters.get(4)) ^ letter(letters.get(6));
        due ^ letter(letters.back()) ^ name(names.front()) ^ name(names.get(names.len() / 2)) ^ name(names.back())
    }

    /// Letters still being gathered.
    pub fn gathering(&self) -> u64 {
        self.gathered.len() as u64
    }
}
