//! A cell: one server with the users connected to it, on one time line; or, where messages are balanced one by one, all
//! servers and all users.

use std::iter::Peekable;
use std::sync::Arc;

use super::arrivals::{Messages, Poisson, Shaped};
use super::broken::Broken;
use super::consumers::SlowConsumers;
use super::delays::Delays;
use super::demand::{Attempt, Demand, DemandStreams, Demands, Times, to_span};
use super::letter::Delivery;
use super::modulated::Modulated;
use super::outages::Outage;
use super::outlet::Between;
use super::reads::Ask;
use super::recorder::Recorder;
use super::retry::{Answered, Due, Retries};
use super::ring::Ring;
use super::router::Router;
use super::server::{Job, Kind, Outcome, Server, ServerTotals};
use super::trace::Trace;
use crate::engine::{Calendar, Slow};
use crate::metrics::tally::{Bursts, Slices};
use crate::model::resource::cache_miss_share;
use crate::random::{Purpose, Stream};
use crate::scenario::{Arrivals, BatchSize, Dispatch, FanOut, ProfileOf, Scenario};
use crate::units::time::PICOSECONDS;
use crate::units::{SimTime, Span};

/// What all cells of a run share.
#[derive(Debug)]
pub struct Setting {
    /// What is simulated.
    pub scenario: Scenario,
    /// What things need.
    pub demands: Demands,
    /// How time is cut.
    pub slices: Slices,
    /// The seed of the run.
    pub seed: u64,
    /// Which repetition this is.
    pub replication: u64,
    /// Who is where and what it takes to get there, if messages go to users of other servers.
    pub between: Option<Between>,
    /// Servers of the whole service.
    pub fleet: u64,
    /// When the network is slower.
    pub delays: Delays,
    /// When nodes of the broker are down.
    pub broken: Broken,
}

impl Setting {
    /// Cores of a server that have connections of their own; 1 where any core will do.
    fn cores_apart(&self) -> u32 {
        let servers = &self.scenario.servers;
        if servers.dispatch == Dispatch::PerCore { servers.cores } else { 1 }
    }
}

/// Something that happens to a server's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// One opens.
    Open,
    /// One attempt is refused, at the price of an attempt.
    Refuse,
    /// One attempt is turned away, at no price: no server but the one that counts it heard of it.
    TurnAway,
    /// A handshake is done whose user has given up.
    Waste,
    /// One attempt is given up before any server heard of it.
    GiveUp,
    /// One closes.
    Close,
    /// One is closed by its server, which is going to be restarted, or by the balancer, since it is silent.
    Drain,
    /// The server stops: all connections are dropped, and what is in the server is lost.
    Crash,
}

/// What comes to a server from outside.
#[derive(Debug, Clone, Copy, Default)]
pub struct Coming<'a> {
    /// What happens to its connections, in order of time.
    pub changes: &'a [(SimTime, Change)],
    /// Copies that reach it, in order of time.
    pub copies: &'a [Delivery],
}

/// A server and its users; what each step touches stands together.
#[derive(Debug)]
#[repr(C)]
pub struct Cell {
    servers: Vec<Server>,
    connections: u64,
    /// Up to when the connections were counted into the integral.
    counted: SimTime,
    now: SimTime,
    messages_in: u64,
    /// Whether messages are taken in the common way where they go to users of other servers.
    plain: bool,
    cache: Cache,
    messages: Messages,
    network: Network,
    demand_streams: DemandStreams,
    setting: Arc<Setting>,
    router: Option<Router>,
    heartbeats: Option<(Ring, Times, Stream)>,
    connect: Attempt,
    upkeep: Stream,
    /// Where users wait only so long or send again: the messages they wait for.
    retries: Option<Retries>,
}

/// Which messages find their connection's state in the cache.
#[derive(Debug)]
struct Cache {
    /// Share of misses.
    share: f64,
    hits_left: u64,
    stream: Stream,
}

/// One-way delays between users and server.
#[derive(Debug)]
struct Network {
    /// Where it is always the same, it is added when results are summed up, and nothing is drawn.
    random: Option<Times>,
    stream: Stream,
    /// Messages under way, where random delays can change their order: they arrive with their origin and core.
    under_way: Option<Calendar<(SimTime, u32)>>,
}

impl Cell {
    /// The cell of server number `server`, with these connections open from the start.
    pub fn of_server(setting: &Arc<Setting>, server: u64, connections: u64) -> Self {
        Self::new(setting, server, 1, connections, None)
    }

    /// The cell of all servers, among which a router spreads the messages of all connections.
    pub fn of_all(setting: &Arc<Setting>, servers: usize, connections: u64) -> Self {
        let router = Router::new(&setting.scenario, servers, setting.seed, setting.replication);
        Self::new(setting, 0, servers, connections, Some(router))
    }

    fn new(setting: &Arc<Setting>, server: u64, servers: usize, connections: u64, router: Option<Router>) -> Self {
        let Setting { scenario, demands, slices, seed, replication, fleet, .. } = &**setting;
        let stream = |purpose| Stream::named(*seed, *replication, server, purpose);
        let workload = &scenario.workload;
        // A ring deals its connections out to cores; or to servers, where there are several.
        let cores = if servers == 1 { scenario.servers.cores } else { servers as u32 };
        let rate = workload.message_rate.get() / workload.connections_per_user as f64;
        let messages = match &workload.arrivals {
            Arrivals::Periodic => {
                let period = Span::from_seconds(1.0 / rate);
                Messages::Periodic(Ring::new(period, slices.end(), connections, cores, stream(Purpose::Arrivals)))
            }
            Arrivals::Poisson => Messages::Poisson(Poisson::new(rate, stream(Purpose::Arrivals))),
            Arrivals::Mmpp { rates, switch } => {
                let rates = rates.iter().map(|rate| rate / workload.connections_per_user as f64).collect();
                Messages::Modulated(Modulated::new(rates, switch.clone(), stream(Purpose::Arrivals)))
            }
            Arrivals::Trace { times, period } => {
                let part = (server, servers as u64, *fleet);
                Messages::Trace(Trace::new(Arc::clone(times), *period, *seed, *replication, part, slices.end()))
            }
            &Arrivals::Batch(size) => {
                let mean = match size {
                    BatchSize::Fixed(n) => n as f64,
                    BatchSize::Geometric(mean) => mean,
                };
                Messages::Batches(Poisson::new(rate / mean, stream(Purpose::Arrivals)), size)
            }
        };
        let shaped = workload.profile.as_ref().filter(|profile| profile.of == ProfileOf::Messages);
        let messages = match shaped {
            Some(profile) => {
                let curve = profile.curve.clone();
                Messages::Shaped(Box::new(Shaped::new(messages, curve, stream(Purpose::Profile))))
            }
            None => messages,
        };
        let random = scenario.latency.client.constant().is_none().then(|| Times::new(&scenario.latency.client));
        // A Poisson process of one rate stays one when its points are moved at random, so only others have to be put in
        // order; and where the network is slower at times, those of before and after.
        let reorders = random.is_some() && (workload.arrivals != Arrivals::Poisson || shaped.is_some())
            || setting.delays.reach_clients();
        let mut cell = Self {
            setting: Arc::clone(setting),
            servers: (0..servers as u64).map(|i| Server::new(setting, server + i)).collect(),
            router,
            demand_streams: DemandStreams::named(*seed, *replication, server),
            connections,
            messages,
            heartbeats: workload.heartbeat.map(|every| {
                let period = Span::from_seconds(every.get());
                let ring = Ring::new(period, slices.end(), connections, cores, stream(Purpose::Heartbeats));
                (ring, Times::new(&demands.per_heartbeat), stream(Purpose::HeartbeatService))
            }),
            connect: demands.per_connect.clone(),
            upkeep: stream(Purpose::ConnectService),
            network: Network { random, stream: stream(Purpose::Latency), under_way: reorders.then(Calendar::default) },
            cache: Cache { share: 0.0, hits_left: u64::MAX, stream: stream(Purpose::Cache) },
            counted: SimTime::ZERO,
            now: SimTime::ZERO,
            messages_in: 0,
            plain: false,
            retries: Retries::of(scenario, *seed, *replication, server),
        };
        cell.plain = servers == 1
            && cell.retries.is_none()
            && cell.network.under_way.is_none()
            && matches!(cell.messages, Messages::Poisson(_));
        cell.populate(SimTime::ZERO, setting);
        cell
    }

    /// The number of connections has changed.
    fn populate(&mut self, now: SimTime, setting: &Setting) {
        self.messages.repopulate(now, self.connections);
        self.cache.resize(setting, self.connections as f64 / self.servers.len() as f64);
        if let [server] = &mut self.servers[..]
            && let Some(outlet) = server.outlet()
        {
            outlet.connections = self.connections;
        }
        if let [server] = &mut self.servers[..]
            && let Some(consumers) = server.consumers()
        {
            consumers.populate(now, self.connections);
        }
    }

    /// Letters still being gathered for the broker.
    pub fn gathering(&mut self) -> u64 {
        self.servers.iter_mut().filter_map(Server::outlet).map(|outlet| outlet.gathering()).sum()
    }

    /// Messages of this cell's servers, the first of which has this number, have made their reads and go out.
    pub fn answered(&mut self, first: usize, ask: &Ask, recorder: &mut Recorder) {
        self.servers[ask.server as usize - first].answered(ask, recorder);
    }

    /// When the next thing happens here by itself.
    pub fn next_time(&self) -> SimTime {
        let heartbeat = self.heartbeats.as_ref().map_or(SimTime::NEVER, |(ring, ..)| ring.next());
        let under_way = self.network.under_way.as_ref().and_then(Calendar::next_time).unwrap_or(SimTime::NEVER);
        let server = self.servers.iter().map(Server::next_time).min().unwrap_or(SimTime::NEVER);
        self.messages.next().min(heartbeat).min(under_way).min(server)
    }

    /// The server will stop whenever one of these outages begins, and be slow at these times.
    pub fn expect(&mut self, outages: &[Outage], slow: &[Slow]) {
        if let [server] = &mut self.servers[..] {
            server.expect(outages, slow);
        }
    }

    /// Messages taken in so far.
    pub fn messages_in(&self) -> u64 {
        self.messages_in
    }

    /// Messages a second that its users send now.
    pub fn messages_per_second(&self) -> f64 {
        let workload = &self.setting.scenario.workload;
        self.connections as f64 * workload.message_rate.get() / workload.connections_per_user as f64
    }

    /// Servers of this cell.
    pub fn servers(&self) -> usize {
        self.servers.len()
    }

    /// Time that its cores have worked up to now, in picoseconds.
    pub fn busy(&self) -> u128 {
        self.servers.iter().map(|server| server.busy(self.now)).sum()
    }

    /// Connections that have to go before all fits into memory again.
    pub fn excess_connections(&self) -> u64 {
        let servers = &self.setting.scenario.servers;
        let excess = self.memory() - servers.memory.get() * self.servers.len() as f64;
        // With a connection goes what waits for it.
        let waiting = self.waiting_for_slow().0 / (self.connections as f64).max(1.0);
        let each = servers.memory_per_connection.get() + waiting;
        if excess > 0.0 && each > 0.0 { (excess / each).ceil() as u64 } else { 0 }
    }

    /// Stages of [`Self::glance`].
    pub const GLANCES: u32 = 4;

    /// Touches what its next step will need, stage by stage: what is found by what the one before has touched. The number
    /// means nothing.
    #[inline(always)]
    pub fn glance(&self, stage: u32) -> u64 {
        match (stage, self.servers.first()) {
            (0, _) => {
                let heartbeat = self.heartbeats.as_ref().map_or(0, |(ring, ..)| ring.next().0);
                self.counted.0 ^ self.messages.glance() ^ self.cache.hits_left ^ heartbeat
            }
            (1, Some(server)) => server.glance(),
            (2, Some(server)) => server.glance_behind(),
            (_, Some(server)) => server.glance_at_letters(),
            _ => 0,
        }
    }

    /// Open connections.
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// Runs up to and including `until`, which must not lie past the recorder's current slice; `coming` is what comes from
    /// outside until then.
    pub fn advance(&mut self, until: SimTime, coming: Coming<'_>, setting: &Setting, recorder: &mut Recorder) {
        let mut changes = coming.changes.iter().peekable();
        let mut copies = coming.copies.iter().peekable();
        let plain = setting.between.as_ref().filter(|_| self.plain && self.servers[0].is_plain());
        loop {
            let change = changes.peek().map_or(SimTime::NEVER, |change| change.0);
            let heartbeat = self.heartbeats.as_ref().map_or(SimTime::NEVER, |(ring, ..)| ring.next());
            // Where all is plain, copies are taken in with the messages.
            let first = copies.peek().filter(|_| plain.is_none());
            let copy = first.map_or(SimTime::NEVER, |copy| copy.at);
            let bound = change.min(heartbeat).min(copy);
            // Messages before the next of the others; at the same time, the others come first.
            let last = if bound <= until { SimTime(bound.0.saturating_sub(1)) } else { until };
            match plain {
                _ if bound == SimTime::ZERO => {}
                Some(between) => self.crossing_until(last, &mut copies, (setting, between), recorder),
                None => self.messages_until(last, setting, recorder),
            }
            if bound > until {
                break;
            }
            if copy < change.min(heartbeat) {
                if let Some(copy) = copies.next() {
                    self.servers[0].arrive_copy(copy, setting.demands.backplane(copy.bytes), setting, recorder);
                }
            } else if change <= heartbeat {
                if let Some(&(at, change)) = changes.next() {
                    self.apply(at, change, setting, recorder);
                }
            } else {
                self.heartbeat(setting, recorder);
            }
        }
        self.now = until;
        self.servers.iter_mut().for_each(|server| server.settle(until, setting, recorder));
        (0..self.servers.len()).for_each(|server| self.hear(server, setting, recorder));
        self.count_connections(until, recorder);
    }

    fn messages_until(&mut self, last: SimTime, setting: &Setting, recorder: &mut Recorder) {
        if self.retries.is_some() {
            self.messages_and_retries(last, setting, recorder);
        } else if self.network.under_way.is_some() {
            self.messages_via_network(last, setting, recorder);
        } else if self.router.is_none()
            && matches!(self.messages, Messages::Poisson(_))
            && !self.servers.iter().any(Server::is_strict)
        {
            self.messages_fast(last, setting, recorder);
        } else {
            let cores = setting.cores_apart();
            while let Some(sent) = self.messages.take(last, cores) {
                for _ in 0..sent.count {
                    let uplink = self.network.draw();
                    self.message(sent.at, sent.at.0.wrapping_sub(uplink.0), sent.core, None, setting, recorder);
                }
            }
        }
    }

    /// Messages sent for the first time and again, in order of time; at the same time, the first come first.
    fn messages_and_retries(&mut self, last: SimTime, setting: &Setting, recorder: &mut Recorder) {
        self.send_via_network(last, setting);
        loop {
            let due = self.retries.as_ref().map_or(SimTime::NEVER, Retries::next);
            let bound = due.min(last);
            if let Some(under_way) = &mut self.network.under_way {
                if let Some((at, (sent, core))) = under_way.pop_until(bound) {
                    self.message(at, sent.0, core, None, setting, recorder);
                    continue;
                }
            } else if let Some(sent) = self.messages.take(bound, setting.cores_apart()) {
                for _ in 0..sent.count {
                    let uplink = self.network.draw();
                    self.message(sent.at, sent.at.0.wrapping_sub(uplink.0), sent.core, None, setting, recorder);
                }
                continue;
            }
            if due > last {
                return;
            }
            self.retry(due, setting, recorder);
        }
    }

    /// What is due at this moment of those who wait for an answer.
    fn retry(&mut self, now: SimTime, setting: &Setting, recorder: &mut Recorder) {
        let Some((at, due)) = self.retries.as_mut().and_then(|retries| retries.take(now)) else { return };
        match due {
            Due::TimeOut { slot, stamp, server } => {
                self.servers[server].settle(at, setting, recorder);
                self.hear(server, setting, recorder);
                let Self { retries: Some(retries), network, .. } = self else { return };
                let delays = &setting.delays;
                recorder.flow.unanswered +=
                    u64::from(retries.time_out(slot, stamp, at, || network.draw() + delays.client(at)));
            }
            Due::Again { slot, sent, core } => {
                recorder.flow.retried += 1;
                self.message(at, sent, core, Some(slot), setting, recorder);
            }
            Due::GiveUp => recorder.flow.given_up += 1,
        }
    }

    /// Users hear what became of their messages at a server.
    fn hear(&mut self, server: usize, setting: &Setting, recorder: &mut Recorder) {
        let Self { retries: Some(retries), network, servers, .. } = self else { return };
        let end = recorder.slices().end();
        while let Some(Outcome { ticket, at, bytes, served }) = servers[server].take_outcome() {
            if !served {
                retries.refused(ticket, at, || network.draw() + setting.delays.client(at));
            } else if at <= end {
                match retries.answer(ticket, at) {
                    Answered::InTime(latency) => recorder.delivered(at, latency, bytes),
                    Answered::Late => recorder.late(at, bytes),
                }
            }
        }
    }

    /// Messages that users wait for.
    pub fn pending(&self) -> u64 {
        self.retries.as_ref().map_or(0, Retries::pending)
    }

    /// The common case, in a loop of its own: one server, single messages, in the order in which they were sent.
    fn messages_fast(&mut self, last: SimTime, setting: &Setting, recorder: &mut Recorder) {
        match setting.demands.fixed() {
            Some(fixed) => self.messages_with(last, setting, recorder, |_| fixed),
            None => self.messages_with(last, setting, recorder, |streams| setting.demands.draw(streams)),
        }
    }

    #[inline(always)]
    fn messages_with(
        &mut self,
        last: SimTime,
        setting: &Setting,
        recorder: &mut Recorder,
        draw: impl Fn(&mut DemandStreams) -> Demand,
    ) {
        let (Messages::Poisson(process), [server]) = (&mut self.messages, &mut self.servers[..]) else { return };
        let echo = setting.scenario.workload.fan_out == FanOut::Echo;
        let (mut taken, mut bytes) = (0_u64, 0_u64);
        while let Some(at) = process.take(last) {
            let mut demand = draw(&mut self.demand_streams);
            demand.cpu = demand.cpu + self.cache.pass(setting);
            taken += 1;
            bytes += u64::from(demand.bytes);
            let travel = self.network.draw() + self.network.draw_back(echo);
            let job = Job::message(at.0.wrapping_sub(travel.0), &demand);
            server.arrive_plainly(at, demand.nic_in, job, recorder);
            if taken.is_multiple_of(Bursts::LIMIT) {
                recorder.take_bursts();
            }
        }
        recorder.flow.messages_in += taken;
        recorder.flow.bytes_in += u128::from(bytes);
        self.messages_in += taken;
    }

    /// The common case where messages go to users of other servers, in a loop of its own: messages and copies up to and
    /// including `last`, in order of time; at the same time, copies come first.
    fn crossing_until<'a>(
        &mut self,
        last: SimTime,
        copies: &mut Peekable<impl Iterator<Item = &'a Delivery>>,
        (setting, between): (&Setting, &Between),
        recorder: &mut Recorder,
    ) {
        let (Messages::Poisson(process), [server]) = (&mut self.messages, &mut self.servers[..]) else { return };
        let fixed = setting.demands.fixed();
        loop {
            let copy = copies.peek().map_or(SimTime::NEVER, |copy| copy.at);
            if let Some(at) = process.take(last.min(SimTime(copy.0.saturating_sub(1)))) {
                let mut demand = fixed.unwrap_or_else(|| setting.demands.draw(&mut self.demand_streams));
                demand.cpu = demand.cpu + self.cache.pass(setting);
                recorder.flow.messages_in += 1;
                recorder.flow.bytes_in += u128::from(demand.bytes);
                self.messages_in += 1;
                let job = Job::message(at.0.wrapping_sub(self.network.draw().0), &demand);
                server.arrive_crossing(at, demand.nic_in, job, (setting, between), recorder);
                if self.messages_in.is_multiple_of(Bursts::LIMIT) {
                    recorder.take_bursts();
                }
            } else if copy <= last
                && let Some(copy) = copies.next()
            {
                let nic_in = setting.demands.backplane(copy.bytes);
                server.arrive_copy_plainly(copy, nic_in, (setting, between), recorder);
            } else {
                return;
            }
        }
    }

    /// A message arrives that was sent at `origin`; `again`, where that is not the first time.
    fn message(
        &mut self,
        at: SimTime,
        origin: u64,
        core: u32,
        again: Option<u32>,
        setting: &Setting,
        recorder: &mut Recorder,
    ) {
        let sender = core;
        // A ring over several servers deals out servers; which of their cores is then as good as any.
        let core =
            (setting.scenario.servers.dispatch == Dispatch::PerCore).then_some(core % setting.scenario.servers.cores);
        let mut demand = setting.demands.draw(&mut self.demand_streams);
        demand.cpu = demand.cpu + self.cache.pass(setting);
        recorder.flow.messages_in += 1;
        recorder.flow.bytes_in += u128::from(demand.bytes);
        self.messages_in += 1;
        let echo = setting.scenario.workload.fan_out == FanOut::Echo;
        let slower = if echo { setting.delays.client(at) } else { Span::ZERO };
        let way_back = self.network.draw_back(echo) + slower;
        let servers = &mut self.servers;
        let server = self.router.as_mut().map_or(0, |router| {
            router.pick(at, |server| {
                servers[server].settle(at, setting, recorder);
                servers[server].inside()
            })
        });
        let origin = match &mut self.retries {
            None => origin.wrapping_sub(way_back.0),
            Some(retries) => {
                let slot = again.unwrap_or_else(|| retries.begin(origin, sender));
                retries.attempt(slot, at, origin, way_back, server)
            }
        };
        let job = Job::message(origin, &demand);
        let leaves = servers[server].arrive(at, demand.nic_in, core, job, setting, recorder);
        if let Some(router) = &mut self.router {
            router.sent(server, leaves);
        }
        self.hear(server, setting, recorder);
        if self.messages_in.is_multiple_of(Bursts::LIMIT) {
            recorder.take_bursts();
        }
    }

    /// Messages that don't arrive in the order in which they were sent.
    fn messages_via_network(&mut self, last: SimTime, setting: &Setting, recorder: &mut Recorder) {
        self.send_via_network(last, setting);
        while let Some(under_way) = &mut self.network.under_way
            && let Some((at, (sent, core))) = under_way.pop_until(last)
        {
            self.message(at, sent.0, core, None, setting, recorder);
        }
    }

    /// Puts what is sent until then under way.
    fn send_via_network(&mut self, last: SimTime, setting: &Setting) {
        if self.network.under_way.is_none() {
            return;
        }
        while let Some(sent) = self.messages.take(last, setting.cores_apart()) {
            for _ in 0..sent.count {
                let uplink = self.network.draw() + setting.delays.client(sent.at);
                if let Some(under_way) = &mut self.network.under_way {
                    under_way.schedule(sent.at + uplink, (sent.at, sent.core));
                }
            }
        }
    }

    fn heartbeat(&mut self, setting: &Setting, recorder: &mut Recorder) {
        let Some((ring, times, stream)) = &mut self.heartbeats else { return };
        let (at, core) = ring.fire();
        let mut demand = setting.demands.heartbeat;
        demand.cpu = times.draw(stream);
        recorder.flow.heartbeats += 1;
        // Where one cell has all servers, the ring deals connections out to servers, not to cores.
        let core = core as u32;
        let (server, core) =
            if self.servers.len() > 1 { (core as usize, core % setting.scenario.servers.cores) } else { (0, core) };
        let core = (setting.scenario.servers.dispatch == Dispatch::PerCore).then_some(core);
        let job = Job::other(Kind::Heartbeat, &demand);
        self.servers[server].arrive(at, demand.nic_in, core, job, setting, recorder);
    }

    fn apply(&mut self, at: SimTime, change: Change, setting: &Setting, recorder: &mut Recorder) {
        self.count_connections(at, recorder);
        let cores = u64::from(setting.scenario.servers.cores);
        let core = self.upkeep.below(cores) as usize;
        match change {
            Change::Open => {
                self.connections += 1;
                recorder.flow.accepted += 1;
                self.rings().for_each(|ring| ring.join(at, core));
            }
            Change::Refuse | Change::TurnAway => recorder.flow.refused += 1,
            Change::Waste | Change::GiveUp => recorder.flow.timed_out += 1,
            Change::Crash => self.crash(at, setting, recorder),
            Change::Close | Change::Drain => {
                self.connections -= 1;
                let flow = &mut recorder.flow;
                *(if change == Change::Close { &mut flow.ended } else { &mut flow.cut }) += 1;
                self.rings().for_each(Ring::leave);
            }
        }
        if matches!(change, Change::Open | Change::Refuse | Change::Waste) {
            let cpu = self.connect.draw(&mut self.upkeep);
            let demand = Demand { cpu, ..Demand::default() };
            let core = (setting.scenario.servers.dispatch == Dispatch::PerCore).then_some(core as u32);
            let server = self.upkeep.below(self.servers.len() as u64) as usize;
            self.servers[server].arrive(at, Span::ZERO, core, Job::other(Kind::Connect, &demand), setting, recorder);
        }
        if matches!(change, Change::Open | Change::Close | Change::Drain | Change::Crash) {
            self.populate(at, setting);
        }
    }

    /// The server stops. Messages on their way to it are lost with the connections they are on.
    fn crash(&mut self, at: SimTime, setting: &Setting, recorder: &mut Recorder) {
        recorder.flow.cut += self.connections;
        self.connections = 0;
        self.rings().for_each(Ring::clear);
        let mut under_way = 0;
        while let Some(calendar) = &mut self.network.under_way
            && calendar.pop_until(SimTime::NEVER).is_some()
        {
            under_way += 1;
        }
        recorder.flow.messages_in += under_way;
        self.messages_in += under_way;
        for server in &mut self.servers {
            server.crash(at, under_way, setting, recorder);
        }
    }

    fn rings(&mut self) -> impl Iterator<Item = &mut Ring> {
        let messages = match &mut self.messages {
            Messages::Periodic(ring) => Some(ring),
            _ => None,
        };
        messages.into_iter().chain(self.heartbeats.as_mut().map(|(ring, ..)| ring))
    }

    fn count_connections(&mut self, now: SimTime, recorder: &mut Recorder) {
        recorder.flow.connections += u128::from(self.connections) * u128::from(now.since(self.counted).0);
        self.counted = now;
    }

    /// Memory in use, in bytes.
    pub fn memory(&self) -> f64 {
        let scenario = &self.setting.scenario;
        let (size, mean_cpu) = (self.setting.demands.mean_payload, self.setting.demands.mean_cpu);
        let line = scenario.servers.network.map_or(0.0, |line| line.get() / 8.0);
        let queued: f64 = self.servers.iter().map(|s| s.queued_bytes(self.now, mean_cpu, size, line)).sum();
        let caches = scenario.cache.as_ref().map_or(0.0, crate::scenario::Cache::server_bytes);
        self.connections as f64 * scenario.servers.memory_per_connection.get()
            + queued
            + caches * self.servers.len() as f64
    }

    /// Drops up to this many connections at once, for want of memory; says how many.
    pub fn shed(&mut self, count: u64, recorder: &mut Recorder) -> u64 {
        let count = self.drop_connections(count);
        recorder.flow.shed += count;
        count
    }

    fn drop_connections(&mut self, count: u64) -> u64 {
        let count = count.min(self.connections);
        if count == 0 {
            return 0;
        }
        self.connections -= count;
        for _ in 0..count {
            self.rings().for_each(Ring::leave);
        }
        let setting = Arc::clone(&self.setting);
        self.populate(self.now, &setting);
        count
    }

    /// Bytes that wait for slow connections, and how many of those there are.
    pub fn waiting_for_slow(&self) -> (f64, u64) {
        let each = self.servers.iter().map(|server| server.waiting_for_slow(self.now));
        each.fold((0.0, 0), |sum, server| (sum.0 + server.0, sum.1 + server.1))
    }

    /// Cuts the connections that were too slow; says how many.
    pub fn cut_slow(&mut self, recorder: &mut Recorder) -> u64 {
        let cut = self.servers.iter_mut().filter_map(Server::consumers).map(SlowConsumers::take_cut).sum();
        let count = self.drop_connections(cut);
        recorder.flow.cut += count;
        recorder.flow.slow_cut += count;
        count
    }

    /// Ends the run; what each server did is returned.
    pub fn finish(&mut self, recorder: &mut Recorder) -> Vec<ServerTotals> {
        let end = self.setting.slices.end();
        self.servers.iter_mut().map(|server| server.finish(end, recorder)).collect()
    }
}

impl Cache {
    /// The server's connections have changed in number.
    fn resize(&mut self, setting: &Setting, connections: f64) {
        self.share = cache_miss_share(&setting.scenario, connections);
        self.draw();
    }

    /// Hits until the next miss: geometric, so that a hit costs no random number.
    fn draw(&mut self) {
        self.hits_left = if self.share > 0.0 { self.stream.geometric(1.0 / self.share) - 1 } else { u64::MAX };
    }

    /// What a message pays on top: nothing, where it finds its connection's state in the cache.
    #[inline(always)]
    fn pass(&mut self, setting: &Setting) -> Span {
        if self.hits_left == 0 {
            return self.miss(setting);
        }
        self.hits_left -= 1;
        Span::ZERO
    }

    #[inline(never)]
    fn miss(&mut self, setting: &Setting) -> Span {
        let price = setting.demands.per_cache_miss.sample(&mut self.stream);
        self.draw();
        to_span(price * PICOSECONDS)
    }
}

impl Network {
    /// The way back, where anything goes back.
    #[inline(always)]
    fn draw_back(&mut self, echo: bool) -> Span {
        if echo { self.draw() } else { Span::ZERO }
    }

    #[inline(always)]
    fn draw(&mut self) -> Span {
        match &self.random {
            None => Span::ZERO,
            Some(times) => times.draw(&mut self.stream),
        }
    }
}
