//! What a server does for users of other servers: it addresses what its users publish, gathers it for the broker, and
//! hands copies to its own users.

use std::collections::VecDeque;
use std::sync::Arc;

use super::cell::Setting;
use super::demand::{Times, to_span};
use super::directory::{Copy, Directory};
use super::letter::{ALL, Address, Letter};
use super::recorder::Recorder;
use crate::engine::Line;
use crate::metrics::tally::Station;
use crate::random::{Distribution, Purpose, Stream};
use crate::scenario::{Broker, FanOut};
use crate::units::time::PICOSECONDS;
use crate::units::{SimTime, Span};

/// Up to so many deliveries of one job have a time of their own each; more are drawn as their sum, which is then nearly
/// normal.
const DRAWN_ONE_BY_ONE: u32 = 32;

/// The outlet of one server.
#[derive(Debug)]
pub struct Outlet {
    setting: Arc<Setting>,
    me: u32,
    recipients: Stream,
    costs: Stream,
    hops: Stream,
    per_publish: Times,
    per_receive: Times,
    per_delivery: Distribution,
    hop: Times,
    far: Option<Times>,
    /// Batches that are being gathered, by when they are sent.
    batches: VecDeque<Batch>,
    spare: Vec<Vec<Letter>>,
    scratch: Vec<Copy>,
    /// Copies that the server has not begun with: when it does, and their bytes.
    unread: VecDeque<(SimTime, u32)>,
    unread_bytes: u64,
    cut_until: SimTime,
    /// What is on its way to the broker.
    pub letters: Vec<Letter>,
    /// What is to be handed to the server's own users, in order of time.
    pub own: VecDeque<Own>,
    /// Open connections of the server.
    pub connections: u64,
}

/// A message for users of the server it came to.
#[derive(Debug, Clone, Copy)]
pub struct Own {
    /// When the server turns to it.
    pub at: SimTime,
    /// As in [`super::server::Job`].
    pub origin: u64,
    /// Its recipients.
    pub recipients: u32,
    /// Payload.
    pub bytes: u32,
}

#[derive(Debug)]
struct Batch {
    due: SimTime,
    /// The node, and in a sample which of those that it stands for.
    node: (u32, u64),
    bytes: u64,
    letters: Vec<Letter>,
}

impl Outlet {
    /// The outlet of server number `me`, where messages go to users of other servers.
    pub fn new(setting: &Arc<Setting>, me: u32) -> Option<Box<Self>> {
        setting.directory.as_ref()?;
        let scenario = &setting.scenario;
        let stream = |purpose| Stream::named(setting.seed, setting.replication, u64::from(me), purpose);
        let cpu = &scenario.servers.cpu;
        Some(Box::new(Self {
            setting: Arc::clone(setting),
            me,
            recipients: stream(Purpose::Recipients),
            costs: stream(Purpose::Backplane),
            hops: stream(Purpose::Hops),
            per_publish: Times::new(&cpu.per_publish),
            per_receive: Times::new(&cpu.per_receive),
            per_delivery: cpu.per_delivery.clone(),
            hop: Times::new(&scenario.latency.server),
            far: scenario.sharding.as_ref().and_then(|s| s.latency.as_ref()).map(Times::new),
            batches: VecDeque::new(),
            spare: Vec::new(),
            scratch: Vec::new(),
            unread: VecDeque::new(),
            unread_bytes: 0,
            cut_until: SimTime::ZERO,
            letters: Vec::new(),
            own: VecDeque::new(),
            connections: 0,
        }))
    }

    /// Decides whom the next message is for (a server, a room; of no meaning for everyone), and what publishing it takes
    /// of the CPU.
    pub fn address(&mut self) -> (u32, Span) {
        let Self { setting, me, recipients, scratch, .. } = self;
        let Some(directory) = &setting.directory else { return (0, Span::ZERO) };
        let broker = setting.scenario.broker.as_ref();
        let (to, others) = match setting.scenario.workload.fan_out {
            FanOut::Direct => {
                let to = directory.recipient(*me, recipients);
                (to, u64::from(to != *me))
            }
            FanOut::Room(_) => {
                let room = directory.room(*me, recipients);
                let own = Self::own_place(directory, *me, room);
                let copies = directory.copies(room, scratch);
                (room as u32, copies.iter().filter(|copy| Some(copy.place) != own).count() as u64)
            }
            _ => (0, u64::from(directory.servers()) - 1),
        };
        let publishes = match broker {
            None => 0,
            Some(broker) if broker.floods => 1,
            Some(broker) if broker.publishes_for_each() && setting.scenario.workload.fan_out != FanOut::Broadcast => {
                others
            }
            Some(_) => others.min(1),
        };
        let cpu = match self.per_publish.fixed() {
            Some(each) => Span(each.0 * publishes),
            None => Span((0..publishes).map(|_| self.per_publish.draw(&mut self.costs).0).sum()),
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
        to: u32,
        origin: u64,
        bytes: u32,
        line: &mut Option<Line>,
        recorder: &mut Recorder,
    ) {
        let setting = Arc::clone(&self.setting);
        let Some(directory) = &setting.directory else { return };
        let broker = setting.scenario.broker.as_ref();
        let floods = broker.is_some_and(|broker| broker.floods);
        let mut mine = 0;
        let letter = |node, to| Letter { at, origin, node, from: self.me, to, bytes, follows: false };
        match setting.scenario.workload.fan_out {
            FanOut::Direct => {
                let shard = directory.shard(directory.shard_of(to));
                let local = to == self.me;
                mine = u32::from(local);
                if !local || floods {
                    let place = directory.place_of(to);
                    let channel =
                        if broker.is_some_and(Broker::publishes_for_each) { place } else { self.recipients.bits() as u32 };
                    let letter = letter(shard.first_node + channel % shard.nodes, Address::Server(to, 1));
                    self.post(letter, line, recorder);
                }
            }
            FanOut::Room(_) => {
                let home = directory.shard(directory.home(u64::from(to)));
                let own = Self::own_place(directory, self.me, u64::from(to));
                let mut scratch = std::mem::take(&mut self.scratch);
                let copies = directory.copies(u64::from(to), &mut scratch);
                mine = copies.iter().find(|copy| Some(copy.place) == own).map_or(0, |copy| copy.members);
                if broker.is_some_and(Broker::publishes_for_each) {
                    let each: Vec<Letter> = copies
                        .iter()
                        .filter(|copy| Some(copy.place) != own)
                        .map(|copy| {
                            let server = directory.server_at(home, copy.place);
                            letter(home.first_node + copy.place % home.nodes, Address::Server(server, copy.members))
                        })
                        .collect();
                    each.into_iter().for_each(|letter| self.post(letter, line, recorder));
                } else if floods || copies.len() > usize::from(mine > 0) {
                    let node = home.first_node + (crate::random::mix(u64::from(to)) % u64::from(home.nodes)) as u32;
                    self.post(letter(node, Address::Room(to)), line, recorder);
                }
                self.scratch = scratch;
            }
            FanOut::Broadcast => {
                mine = ALL;
                if directory.servers() > 1 {
                    self.post(letter(0, Address::Everyone), line, recorder);
                }
            }
            FanOut::Echo | FanOut::None => {}
        }
        if mine > 0 {
            self.own.push_back(Own { at, origin, recipients: mine, bytes });
        }
    }

    /// Puts a letter into its batch, or sends it at once where none are gathered.
    fn post(&mut self, letter: Letter, line: &mut Option<Line>, recorder: &mut Recorder) {
        recorder.flow.published += 1;
        let Some(broker) = &self.setting.scenario.broker else { return };
        let (linger, most) = (Span::from_seconds(broker.linger.get()), broker.batch.get() as u64);
        if linger == Span::ZERO {
            self.send(letter.at, &mut [letter], line, recorder);
            return;
        }
        let (now, size) = (letter.at, u64::from(letter.bytes));
        let alike = self.setting.directory.as_ref().map_or(1, Directory::nodes_each_stands_for);
        let node = (letter.node, if alike > 1 { self.recipients.below(alike) } else { 0 });
        let found = self.batches.iter().rposition(|batch| batch.node == node);
        // What would overfill a batch begins the next one.
        let full = found.filter(|&i| self.batches[i].bytes + size > most);
        if let Some(i) = full {
            self.flush(i, now, line, recorder);
        }
        let i = match found.filter(|_| full.is_none()) {
            Some(i) => i,
            None => {
                let letters = self.spare.pop().unwrap_or_default();
                self.batches.push_back(Batch { due: now + linger, node, bytes: 0, letters });
                self.batches.len() - 1
            }
        };
        let batch = &mut self.batches[i];
        batch.bytes += size;
        batch.letters.push(letter);
        if batch.bytes >= most {
            self.flush(i, now, line, recorder);
        }
    }

    /// When the next batch is due.
    pub fn next_due(&self) -> SimTime {
        self.batches.front().map_or(SimTime::NEVER, |batch| batch.due)
    }

    /// Sends the batch that is due next.
    pub fn flush_next(&mut self, line: &mut Option<Line>, recorder: &mut Recorder) {
        self.flush(0, self.next_due(), line, recorder);
    }

    fn flush(&mut self, i: usize, at: SimTime, line: &mut Option<Line>, recorder: &mut Recorder) {
        let Some(Batch { mut letters, .. }) = self.batches.remove(i) else { return };
        for letter in &letters {
            recorder.flow.lingered += 1;
            recorder.flow.linger_time += u128::from(at.since(letter.at).0);
        }
        self.send(at, &mut letters, line, recorder);
        letters.clear();
        self.spare.push(letters);
    }

    /// Sends a batch over the line and on its way.
    fn send(&mut self, at: SimTime, batch: &mut [Letter], line: &mut Option<Line>, recorder: &mut Recorder) {
        let setting = &self.setting;
        let Some((directory, first)) = setting.directory.as_ref().zip(batch.first()) else { return };
        let mut left = at;
        if let Some(line) = line {
            let time: u64 = batch.iter().map(|letter| setting.demands.backplane(letter.bytes).0).sum();
            let visit = line.serve(at, Span(time));
            recorder.visit(Station::NicOut, visit, true);
            left = visit.departure;
        }
        let home = directory.shard(directory.shard_of(self.me));
        let near = first.node >= home.first_node && first.node < home.first_node + home.nodes;
        let hop = match &self.far {
            Some(far) if !near => far.draw(&mut self.hops),
            _ => self.hop.draw(&mut self.hops),
        };
        for (i, letter) in batch.iter_mut().enumerate() {
            (letter.at, letter.follows) = (left + hop, i > 0);
        }
        self.letters.extend_from_slice(batch);
    }

    /// CPU time of a copy: taking it from the broker (unless it never was there), handing it to so many users; and the time
    /// from the first of them to the last.
    pub fn copy_cpu(&mut self, recipients: u32, bytes: u32, from_broker: bool) -> (Span, Span) {
        let base = if from_broker { self.per_receive.draw(&mut self.costs) } else { Span::ZERO };
        let k = f64::from(recipients);
        let all = match self.per_delivery.constant() {
            Some(each) => each * k,
            None if recipients <= DRAWN_ONE_BY_ONE => {
                (0..recipients).map(|_| self.per_delivery.sample(&mut self.costs)).sum()
            }
            None => {
                let spread = (k * self.per_delivery.variance()).sqrt() * self.costs.normal();
                (k * self.per_delivery.mean() + spread).max(0.0)
            }
        };
        // Each is deflated for itself.
        let all = all + k * self.setting.demands.deflating_per_kb * f64::from(bytes) / 1_000.0;
        let all = to_span(all * PICOSECONDS);
        (base + all, Span(if recipients > 1 { all.0 / u64::from(recipients) * u64::from(recipients - 1) } else { 0 }))
    }

    /// Whether the broker has cut this server off at this moment, for being slow: too many bytes wait for it to read them.
    pub fn is_cut(&mut self, now: SimTime) -> bool {
        let Some(broker) = &self.setting.scenario.broker else { return false };
        let Some(most) = broker.output_buffer else { return false };
        if now < self.cut_until {
            return true;
        }
        while let Some((start, bytes)) = self.unread.front()
            && *start <= now
        {
            self.unread_bytes -= u64::from(*bytes);
            self.unread.pop_front();
        }
        if self.unread_bytes as f64 <= most.get() {
            return false;
        }
        self.cut_until = now + Span::from_seconds(broker.resubscribe.get());
        true
    }

    /// A copy of this size is read then.
    pub fn will_read(&mut self, now: SimTime, start: SimTime, bytes: u32) {
        if start > now && self.setting.scenario.broker.as_ref().is_some_and(|broker| broker.output_buffer.is_some()) {
            self.unread.push_back((start, bytes));
            self.unread_bytes += u64::from(bytes);
        }
    }

    /// Time of the sending line for a copy handed to one user.
    pub fn frame(&self, bytes: u32) -> Span {
        self.setting.demands.delivery(bytes)
    }

    /// Time of the sending line for the acknowledgement of a message.
    pub fn acknowledgement(&self, bytes: u32) -> Span {
        self.setting.demands.acknowledgement(bytes)
    }

    /// When the first of the messages being gathered, or still to be handed to own users, is due.
    pub fn next_time(&self) -> SimTime {
        self.own.front().map_or(SimTime::NEVER, |own| own.at).min(self.next_due())
    }

    /// Letters still being gathered.
    pub fn gathering(&self) -> u64 {
        self.batches.iter().map(|batch| batch.letters.len() as u64).sum()
    }
}
