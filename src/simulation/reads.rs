//! What messages read: a cache, and the backend behind it.
//!
//! One process for the whole service, since all servers share the backend. A message that its server's cores are done with
//! comes here with the reads it has left to make; once they are made, one after the other, it goes back to the server, on
//! its way out. Nothing of it comes back to the cores, so cells run ahead up to any moment, this process up to the same, and
//! then what was answered by that moment goes out, in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::cell::Setting;
use super::demand::Times;
use super::recorder::Recorder;
use super::server::Job;
use crate::engine::{Calendar, Lru, Visit};
use crate::metrics::tally::{Station, Tally};
use crate::model::backend::caches;
use crate::random::{Purpose, Stream, Zipf};
use crate::scenario::Cache;
use crate::units::time::PICOSECONDS;
use crate::units::{SimTime, Span};

/// A cache that starts warm is filled by going back in time over so many requests for each object it holds, at the most;
/// what is then missing are objects that next to nobody asks for.
const FILLING: u64 = 32;
/// No copy is older than this at the start: a hundred days.
const OLDEST: f64 = 8.64e6;

/// Something that leaves a server's cores: a message with reads to make, or anything else that goes out in order with them.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// When.
    pub at: SimTime,
    /// The server, counted from the first of all.
    pub server: u32,
    /// What it is, in its packed form.
    pub job: [u64; 3],
}

/// All caches, and the backend.
#[derive(Debug)]
pub struct Reads {
    calendar: Calendar<Event>,
    caches: Vec<Store>,
    shared: bool,
    ttl: i64,
    writes: f64,
    popularity: Option<Zipf>,
    /// Of each server, which objects it reads.
    objects: Vec<Stream>,
    hop: Times,
    way: Times,
    hops: Stream,
    backend: Pool,
    per_query: Times,
    costs: Stream,
    recorder: Recorder,
    slice: usize,
}

/// A cache, and the process of what is written meanwhile.
#[derive(Debug)]
struct Store {
    lru: Lru,
    writes: Stream,
}

/// What happens next to something that came.
#[derive(Debug, Clone, Copy)]
struct Event {
    server: u32,
    /// Reads still to be made.
    left: u32,
    object: u64,
    job: [u64; 3],
    step: Step,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// The server makes its next read, or is done.
    Next,
    /// It has come to the shared cache.
    Look,
    /// The server turns to the backend.
    Miss,
    /// The query has come to the backend.
    Query,
    /// Its answer is back at the server.
    Back,
}

/// Cores that share a queue, where there may be many of them: Kiefer and Wolfowitz's recursion on a heap of those at work.
#[derive(Debug)]
struct Pool {
    cores: usize,
    /// When each core at work will be free.
    busy: BinaryHeap<Reverse<SimTime>>,
}

impl Pool {
    fn serve(&mut self, arrival: SimTime, demand: Span) -> Visit {
        while self.busy.peek().is_some_and(|free| free.0 <= arrival) {
            self.busy.pop();
        }
        let start = if self.busy.len() < self.cores { arrival } else { self.busy.pop().map_or(arrival, |free| free.0) };
        let departure = later(start, demand);
        self.busy.push(Reverse(departure));
        Visit { arrival, start, departure, wakeup: Span::ZERO }
    }
}

impl Reads {
    /// The reads of so many servers, with a backend of so many nodes; `None` where nothing is read.
    pub fn new(setting: &Setting, servers: u64, nodes: u64) -> Option<Self> {
        let Setting { scenario, seed, replication, slices, .. } = setting;
        let backend = scenario.backend.as_ref()?;
        let stream = |entity, purpose| Stream::named(*seed, *replication, entity, purpose);
        let cache = scenario.cache.as_ref();
        let rate = setting.scenario.users as f64 * scenario.workload.message_rate.get() * backend.queries_per_message;
        let popularity = cache.map(|cache| Zipf::new(cache.objects as f64, cache.zipf));
        let stores = cache.map_or_else(Vec::new, |cache| {
            let n = caches(scenario, servers);
            let store = |i| {
                let mut objects = stream(u64::from(u32::MAX) + i, Purpose::Objects);
                let mut lru = Lru::new(cache.size.min(cache.objects) as usize);
                if !cache.cold {
                    fill(&mut lru, cache, rate / n as f64, &mut objects);
                }
                Store { lru, writes: stream(u64::from(u32::MAX) + i, Purpose::Reads) }
            };
            (0..n).map(store).collect()
        });
        let ttl = cache.and_then(|cache| cache.ttl).map_or(i64::MAX, |ttl| (ttl.get() * PICOSECONDS) as i64);
        let mut recorder = Recorder::new(*slices, &scenario.workload.fan_out);
        recorder.open(0);
        Some(Self {
            calendar: Calendar::default(),
            caches: stores,
            shared: cache.is_some_and(|cache| cache.shared),
            ttl,
            writes: cache.map_or(0.0, |cache| cache.writes.get()),
            popularity,
            objects: (0..servers).map(|server| stream(server, Purpose::Objects)).collect(),
            hop: Times::new(&scenario.latency.server),
            way: Times::new(&backend.latency),
            hops: stream(0, Purpose::BackendHops),
            backend: Pool { cores: (nodes * u64::from(backend.cores)) as usize, busy: BinaryHeap::new() },
            per_query: Times::new(&backend.per_query),
            costs: stream(0, Purpose::Backend),
            recorder,
            slice: 0,
        })
    }

    /// Takes in what has left the servers' cores.
    pub fn take(&mut self, asks: &mut Vec<Ask>) {
        for Ask { at, server, job } in asks.drain(..) {
            let left = Job::reads_of(job);
            self.calendar.schedule(at, Event { server, left, object: 0, job, step: Step::Next });
        }
    }

    /// Goes forward up to this moment, which must not lie past the next slice; `done` gets what goes out, in order of time.
    pub fn advance(&mut self, until: SimTime, mut done: impl FnMut(Ask)) {
        if until > self.recorder.slice_end() {
            self.recorder.close();
            self.slice += 1;
            self.recorder.open(self.slice);
        }
        while let Some((at, mut event)) = self.calendar.pop_until(until) {
            match event.step {
                Step::Next => {
                    if event.left == 0 {
                        done(Ask { at, server: event.server, job: event.job });
                        continue;
                    }
                    event.left -= 1;
                    self.read(at, event);
                }
                Step::Look => {
                    let found = self.look(at, &event);
                    let back = later(at, self.hop.draw(&mut self.hops));
                    self.calendar.schedule(back, Event { step: if found { Step::Next } else { Step::Miss }, ..event });
                }
                Step::Miss => self.ask_backend(at, event),
                Step::Query => {
                    let demand = self.per_query.draw(&mut self.costs);
                    let visit = self.backend.serve(at, demand);
                    self.recorder.count_row();
                    self.recorder.visit(Station::Cpu, visit, true);
                    let back = later(visit.departure, self.way.draw(&mut self.hops));
                    self.calendar.schedule(back, Event { step: Step::Back, ..event });
                }
                Step::Back => {
                    let place = self.place(event.server);
                    if let Some(store) = self.caches.get_mut(place) {
                        store.lru.put(event.object, at.0.cast_signed());
                    }
                    self.calendar.schedule(at, Event { step: Step::Next, ..event });
                }
            }
        }
    }

    /// The next read of a message.
    fn read(&mut self, at: SimTime, mut event: Event) {
        let Some(popularity) = &self.popularity else { return self.ask_backend(at, event) };
        event.object = popularity.sample(&mut self.objects[event.server as usize]);
        if self.shared {
            let there = later(at, self.hop.draw(&mut self.hops));
            self.calendar.schedule(there, Event { step: Step::Look, ..event });
        } else if self.look(at, &event) {
            self.calendar.schedule(at, Event { step: Step::Next, ..event });
        } else {
            self.ask_backend(at, event);
        }
    }

    fn ask_backend(&mut self, at: SimTime, event: Event) {
        let there = later(at, self.way.draw(&mut self.hops));
        self.calendar.schedule(there, Event { step: Step::Query, ..event });
    }

    /// Which cache a server looks into.
    fn place(&self, server: u32) -> usize {
        if self.shared { 0 } else { server as usize }
    }

    /// Whether the cache has a copy of the object that is young enough.
    fn look(&mut self, now: SimTime, event: &Event) -> bool {
        let place = self.place(event.server);
        let Self { caches, ttl, writes, recorder, .. } = self;
        let Some(store) = caches.get_mut(place) else { return false };
        recorder.flow.looks += 1;
        let Some(age) = store.lru.get(event.object).map(|stamp| now.0.cast_signed() - stamp) else { return false };
        if age > *ttl {
            return false;
        }
        recorder.flow.hits += 1;
        recorder.flow.hit_age += u128::from(age.cast_unsigned());
        if *writes > 0.0 {
            // The first write after it was fetched is exponential.
            let written = store.writes.exp1() / *writes < age as f64 / PICOSECONDS;
            recorder.flow.stale += u64::from(written);
        }
        true
    }

    /// Ends the run: the sums of the backend and the caches, and how many messages are still making their reads.
    pub fn finish(self) -> (Tally, u64) {
        let mut pending = 0;
        let Self { mut calendar, mut recorder, .. } = self;
        recorder.close();
        while let Some((_, event)) = calendar.pop_until(SimTime::NEVER) {
            pending += u64::from(Job::is_outside(event.job));
        }
        (recorder.finish(), pending)
    }
}

/// A time from this moment on; what is past the clock's end is never.
fn later(at: SimTime, span: Span) -> SimTime {
    SimTime(at.0.saturating_add(span.0))
}

/// Fills a cache with what would be in it in the long run: going back in time from the start, the objects met first are
/// those asked for last. How old a copy is: that long, and where the request found a copy already, as old as that was: up
/// to its ttl, each age alike; without one exponential, with the mean time until a copy leaves.
fn fill(lru: &mut Lru, cache: &Cache, rate: f64, stream: &mut Stream) {
    let size = cache.size.min(cache.objects);
    let ttl = cache.ttl.map(crate::units::Seconds::get);
    let mut found = Vec::with_capacity(size as usize);
    // Where nearly everything fits, going back takes longer than drawing when each object was last asked for.
    let nearly_all = cache.form.characteristic_requests() > 2.0 * cache.objects as f64;
    if nearly_all && cache.objects <= size.saturating_mul(4) {
        let last = |object| (object, stream.exp1() / cache.form.rate_of(object as f64, rate));
        found.extend((1..=cache.objects).map(last));
        found.sort_by(|a, b| a.1.total_cmp(&b.1));
        found.truncate(size as usize);
    } else {
        let zipf = Zipf::new(cache.objects as f64, cache.zipf);
        let (mut seen, mut ago) = (Lru::new(size as usize), 0.0);
        for _ in 0..size.saturating_mul(FILLING) {
            if found.len() as u64 == size {
                break;
            }
            ago += stream.exp1() / rate;
            let object = zipf.sample(stream);
            if seen.get(object).is_none() {
                seen.put(object, 0);
                found.push((object, ago));
            }
        }
    }
    for (object, ago) in found.into_iter().rev() {
        let each = cache.form.rate_of(object as f64, rate);
        let before = match ttl {
            _ if stream.unit() >= cache.form.hit_ratio_of(each, rate, ttl) => 0.0,
            Some(ttl) => stream.unit() * ttl,
            None => stream.exp1() * (each / rate * cache.form.characteristic_requests()).exp_m1() / each,
        };
        lru.put(object, -(((ago + before).min(OLDEST) * PICOSECONDS) as i64));
    }
}
