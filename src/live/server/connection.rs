//! One connection: a small task that reads what has come, does what the scenario says with each message, and writes what
//! there is to write, all it can each time it is woken.
//!
//! Answers to messages that came together leave together. What the socket doesn't take waits in the connection's queue,
//! behind which everything else for it waits too, so order is kept.

use std::fmt;
use std::io::IoSlice;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::channel::Channel;
use super::core::{self, Core};
use super::delivery::Delivery;
use super::extension;
use super::frame::{self, Fault, Kind};
use super::head::{self, Request, Status, Upgrade};
use super::linked::{Linked, Settled};
use super::peer::{self, Peer, Stage};
use super::reader::{self, Event, Reader};
use super::settings::Reach;
use super::shared::{Shared, now};
use super::transport::Transport;
use crate::live::link::Channel as Address;
use crate::live::payload::Header;

/// Reads in a row before others get their turn.
const READS: usize = 4;
/// Frames written in one system call.
const FRAMES: usize = 64;
/// Gathered answers are written at this size, in bytes.
const GATHERED: usize = 256 << 10;

/// The connection is over; nothing is to be said about it.
#[derive(Debug)]
struct Over;

/// A connection.
#[derive(Debug)]
pub struct Connection {
    transport: Transport,
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    state: State,
    /// The room or user it belongs to.
    group: Option<Arc<Channel>>,
    /// Whether it has one of the places.
    placed: bool,
    /// Whether the socket took less than there was.
    blocked: bool,
    /// Whether the other side was told that nothing more comes.
    shut: bool,
}

#[derive(Debug)]
enum State {
    /// What has come of its request.
    Request(Vec<u8>),
    /// It may enter, once other servers send here what is for it.
    Entering(Box<Entering>),
    Open(Reader),
    /// Nothing it says matters any more.
    Ending,
}

/// A request that is answered later.
struct Entering {
    upgrade: Upgrade,
    settled: Settled,
    /// What has come after the request.
    rest: Vec<u8>,
}

impl fmt::Debug for Entering {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Entering").field("upgrade", &self.upgrade).finish_non_exhaustive()
    }
}

impl Connection {
    /// A connection just accepted.
    pub fn new(transport: Transport, shared: Arc<Shared>) -> Self {
        let peer = Arc::new(Peer::new(now()));
        shared.everyone.join(Arc::clone(&peer));
        let state = State::Request(Vec::new());
        Self { transport, shared, peer, state, group: None, placed: false, blocked: false, shut: false }
    }

    fn step(&mut self, core: &mut Core, context: &mut Context<'_>) -> Result<(), Over> {
        let signals = self.peer.signals();
        if signals != 0 {
            self.heed(signals, core)?;
        }
        self.send(core, context)?;
        if signals & peer::QUEUED != 0 || self.blocked {
            self.drain(core, context)?;
        }
        for _ in 0..READS {
            if matches!(self.state, State::Entering(_)) {
                self.go_on_entering(core, context)?;
                self.send(core, context)?;
                if matches!(self.state, State::Entering(_)) {
                    return Ok(());
                }
            }
            let mut input = mem::take(&mut core.input);
            let read = match self.transport.poll_read(context, &mut input) {
                Poll::Pending => None,
                Poll::Ready(Ok(length)) if length > 0 => Some(self.receive(&mut input[..length], core, context)),
                Poll::Ready(_) => Some(Err(Over)),
            };
            core.input = input;
            let Some(read) = read else { return Ok(()) };
            read?;
            self.send(core, context)?;
        }
        context.waker().wake_by_ref();
        Ok(())
    }

    /// What others told it.
    fn heed(&mut self, signals: u8, core: &mut Core) -> Result<(), Over> {
        if signals & peer::TOO_SLOW != 0 {
            // Counted by whoever found the queue full.
            return Err(Over);
        }
        if signals & peer::SILENT != 0 {
            if matches!(self.state, State::Open(_)) {
                core.counters.silent_cut.add(1);
            }
            return Err(Over);
        }
        if signals & peer::GOING_AWAY != 0 {
            match self.state {
                State::Request(_) | State::Entering(_) => return Err(Over),
                State::Open(_) => self.end(core, Some(1001), "the server is going away"),
                State::Ending => {}
            }
        }
        if signals & peer::PING != 0 && matches!(self.state, State::Open(_)) {
            frame::write_ping(&mut core.output);
            core.counters.pings.add(1);
        }
        Ok(())
    }

    fn receive(&mut self, bytes: &mut [u8], core: &mut Core, context: &mut Context<'_>) -> Result<(), Over> {
        core.counters.bytes_in.add(bytes.len() as u64);
        self.peer.heard(now());
        match &mut self.state {
            State::Request(head) => {
                head.extend_from_slice(bytes);
                let Some((request, length)) = head::read(head) else { return Ok(()) };
                let rest = head.split_off(length);
                self.answer(request, rest, core, context)
            }
            State::Open(_) => self.messages(bytes, core, context),
            // Nothing is read meanwhile.
            State::Entering(_) | State::Ending => Ok(()),
        }
    }

    /// Answers the HTTP request, behind which there is this.
    fn answer(
        &mut self,
        request: Request,
        rest: Vec<u8>,
        core: &mut Core,
        context: &mut Context<'_>,
    ) -> Result<(), Over> {
        const TEXT: &str = "text/plain; charset=utf-8";
        const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        match request {
            Request::Upgrade(upgrade) => match self.enter(&upgrade) {
                Ok(None) => return self.open(&upgrade, rest, core, context),
                Ok(Some(settled)) => {
                    self.state = State::Entering(Box::new(Entering { upgrade, settled, rest }));
                    return Ok(());
                }
                Err(status) => {
                    let counter =
                        if status == Status::FULL { &core.counters.refused } else { &core.counters.bad_requests };
                    counter.add(1);
                    head::write_page(&mut core.output, status.0, TEXT, status.1);
                }
            },
            Request::Metrics => head::write_page(&mut core.output, "200 OK", METRICS, &self.shared.metrics()),
            Request::Health => head::write_page(&mut core.output, "200 OK", TEXT, "ok\n"),
            Request::Refused(status) => {
                core.counters.bad_requests.add(1);
                head::write_page(&mut core.output, status.0, TEXT, status.1);
            }
        }
        self.state = State::Ending;
        self.peer.enter(Stage::Ending, now());
        Ok(())
    }

    /// Takes a place, and its seat in its room. Where servers are linked the others have to know before it may enter.
    fn enter(&mut self, upgrade: &Upgrade) -> Result<Option<Settled>, Status> {
        let number = match self.shared.settings.reach {
            Reach::Room => Some(upgrade.user.and(upgrade.room).ok_or(Status::WHO)?),
            Reach::User => Some(upgrade.user.ok_or(Status::WHO)?),
            _ => None,
        };
        if !self.shared.places.take() {
            return Err(Status::FULL);
        }
        self.placed = true;
        if let Some(number) = number {
            let group = self.shared.groups.open(number);
            group.join(Arc::clone(&self.peer));
            self.group = Some(group);
        }
        let linked = self.linked();
        Ok(linked.map(|(link, address)| {
            link.join(address);
            link.settled()
        }))
    }

    /// The link to other servers and what it belongs to there, if that is anything.
    fn linked(&self) -> Option<(&Linked, Address)> {
        let link = self.shared.link.get()?;
        let address = match self.shared.settings.reach {
            Reach::Nobody | Reach::Sender => return None,
            Reach::Everyone => Address::Everyone,
            Reach::Room | Reach::User => self.group.as_ref()?.address,
        };
        Some((link, address))
    }

    /// Enters, if others know by now.
    fn go_on_entering(&mut self, core: &mut Core, context: &mut Context<'_>) -> Result<(), Over> {
        let State::Entering(entering) = &mut self.state else { return Ok(()) };
        if entering.settled.as_mut().poll(context).is_pending() {
            return Ok(());
        }
        let State::Entering(entering) = mem::replace(&mut self.state, State::Ending) else { return Ok(()) };
        let Entering { upgrade, rest, .. } = *entering;
        self.open(&upgrade, rest, core, context)
    }

    /// Becomes a WebSocket, and takes in what came after the request.
    fn open(
        &mut self,
        upgrade: &Upgrade,
        mut rest: Vec<u8>,
        core: &mut Core,
        context: &mut Context<'_>,
    ) -> Result<(), Over> {
        let offered = upgrade.extensions.as_ref().is_some_and(|offers| extension::acceptable(offers));
        let agreed = offered && core.deflate.is_some();
        if agreed {
            self.peer.agree_on_deflate();
        }
        head::write_upgrade(&mut core.output, &upgrade.key, agreed.then_some(extension::ACCEPTED));
        core.counters.accepted.add(1);
        self.state = State::Open(Reader::new(agreed));
        self.peer.enter(Stage::Open, now());
        if rest.is_empty() { Ok(()) } else { self.messages(&mut rest, core, context) }
    }

    fn messages(&mut self, bytes: &mut [u8], core: &mut Core, context: &mut Context<'_>) -> Result<(), Over> {
        // Only for as long as the reader is at work.
        let State::Open(mut reader) = mem::replace(&mut self.state, State::Ending) else { return Ok(()) };
        let mut over = false;
        let mut closing = None;
        let fed = reader.feed(bytes, &mut |event| {
            match event {
                Event::Message(kind, false, payload) => over = self.message(kind, payload, core, context).is_err(),
                Event::Message(kind, true, packed) => over = self.unpack(kind, packed, core, context)?.is_err(),
                Event::Ping(payload) => frame::write_pong(&mut core.output, payload),
                Event::Pong => core.counters.pongs.add(1),
                Event::Close(code) => closing = Some(code),
            }
            Ok(!over && closing.is_none())
        });
        if over {
            return Err(Over);
        }
        match (fed, closing) {
            (Err(Fault { code, reason }), _) => {
                core.counters.protocol_errors.add(1);
                self.end(core, Some(code), reason);
            }
            (Ok(()), Some(code)) => self.end(core, code, ""),
            (Ok(()), None) => self.state = State::Open(reader),
        }
        Ok(())
    }

    /// Takes in a compressed message.
    fn unpack(
        &mut self,
        kind: Kind,
        packed: &[u8],
        core: &mut Core,
        context: &mut Context<'_>,
    ) -> Result<Result<(), Over>, Fault> {
        let Some(deflate) = &mut core.deflate else { return Err(Fault::protocol("a reserved bit")) };
        deflate.unpack(packed, reader::LARGEST_MESSAGE).map_err(Fault::unpackable)?;
        if kind == Kind::Text && str::from_utf8(&deflate.plain).is_err() {
            return Err(reader::NOT_UTF8);
        }
        let plain = mem::take(&mut deflate.plain);
        let done = self.message(kind, &plain, core, context);
        if let Some(deflate) = &mut core.deflate {
            deflate.plain = plain;
            deflate.shrink();
        }
        Ok(done)
    }

    /// Does what the scenario says with a message.
    fn message(&mut self, kind: Kind, payload: &[u8], core: &mut Core, context: &mut Context<'_>) -> Result<(), Over> {
        core.counters.messages_in.add(1);
        if core.work.is_some() {
            // Earlier answers needn't wait for this message's work.
            self.send(core, context)?;
        }
        if let Some(work) = &mut core.work {
            core.counters.work.add(work.spend().as_nanos() as u64);
        }
        if let Some(batch) = &core.batch {
            core.counters.log_bytes.add(batch.add(u64::from(now()), payload));
            core.counters.log_records.add(1);
        }
        let shared = Arc::clone(&self.shared);
        match shared.settings.reach {
            Reach::Nobody => {}
            Reach::Sender => self.echo(kind, payload, core, context)?,
            Reach::Everyone => self.publish(&shared.everyone, kind, payload, core),
            Reach::Room => {
                if let Some(room) = self.group.clone() {
                    self.publish(&room, kind, payload, core);
                }
            }
            Reach::User => match Header::read(payload) {
                Some(header) => self.tell(header.recipient, kind, payload, core),
                None => core.counters.undeliverable.add(1),
            },
        }
        Ok(())
    }

    /// Hands a message to a user's connections, wherever they are.
    fn tell(&mut self, recipient: u32, kind: Kind, payload: &[u8], core: &mut Core) {
        let shared = Arc::clone(&self.shared);
        let user = shared.groups.find(recipient).filter(|user| !user.members().is_empty());
        match (user, shared.link.get()) {
            (Some(user), _) => self.publish(&user, kind, payload, core),
            (None, Some(link)) => link.publish(Address::User(u64::from(recipient)), kind, payload, core),
            (None, None) => core.counters.undeliverable.add(1),
        }
    }

    fn echo(&mut self, kind: Kind, payload: &[u8], core: &mut Core, context: &mut Context<'_>) -> Result<(), Over> {
        if self.blocked {
            Delivery::new(kind, payload).offer(&self.peer, &self.shared.settings, core);
            return Ok(());
        }
        match &mut core.deflate {
            Some(deflate) if self.peer.deflates() => {
                deflate.pack(payload);
                frame::write_message(&mut core.output, kind, true, &deflate.packed);
            }
            _ => frame::write_message(&mut core.output, kind, false, payload),
        }
        core.counters.messages_out.add(1);
        if core.output.len() >= GATHERED { self.send(core, context) } else { Ok(()) }
    }

    /// Hands a message to all on a list, and to those on other servers. The sender's own copy leaves with its answers, if it can.
    fn publish(&mut self, channel: &Channel, kind: Kind, payload: &[u8], core: &mut Core) {
        let mut delivery = Delivery::new(kind, payload);
        for member in channel.members().iter() {
            if !self.blocked && Arc::ptr_eq(member, &self.peer) {
                let frame = delivery.frame(member, core).clone();
                core.output.extend_from_slice(&frame);
                core.counters.messages_out.add(1);
            } else if member.stage() == Stage::Open {
                delivery.offer(member, &self.shared.settings, core);
            }
        }
        if let Some(link) = self.shared.link.get() {
            link.publish(channel.address, kind, payload, core);
        }
    }

    /// Says goodbye; what comes from now on doesn't matter.
    fn end(&mut self, core: &mut Core, code: Option<u16>, reason: &str) {
        frame::write_close(&mut core.output, code, reason);
        self.state = State::Ending;
        self.peer.enter(Stage::Ending, now());
    }

    /// Writes what was gathered.
    fn send(&mut self, core: &mut Core, context: &mut Context<'_>) -> Result<(), Over> {
        if !core.output.is_empty() {
            let done = self.send_gathered(core, context);
            core.output.clear();
            done?;
        }
        if self.peer.stage() == Stage::Ending && !self.blocked && !self.shut {
            self.shut = match self.transport.poll_shutdown(context) {
                Poll::Pending => false,
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(_)) => return Err(Over),
            };
        }
        Ok(())
    }

    fn send_gathered(&mut self, core: &mut Core, context: &mut Context<'_>) -> Result<(), Over> {
        let mut at = 0;
        while at < core.output.len() && !self.blocked {
            match self.transport.poll_write(context, &[IoSlice::new(&core.output[at..])]) {
                Poll::Pending => self.blocked = true,
                Poll::Ready(Ok(length)) if length > 0 => at += length,
                Poll::Ready(_) => return Err(Over),
            }
        }
        if at > 0 {
            self.wrote(at, core, context)?;
        }
        if at < core.output.len() {
            // Nothing that waits already may be overtaken, unless it came after the bytes just written.
            self.peer.keep(Bytes::copy_from_slice(&core.output[at..]), at > 0);
        }
        Ok(())
    }

    /// Writes what waits in the queue.
    fn drain(&mut self, core: &mut Core, context: &mut Context<'_>) -> Result<(), Over> {
        loop {
            let frames = self.peer.take();
            if frames.is_empty() {
                self.blocked = match self.transport.poll_flush(context) {
                    Poll::Ready(Ok(())) => false,
                    Poll::Ready(Err(_)) => return Err(Over),
                    Poll::Pending => true,
                };
                // What waited may have been the last.
                return self.send(core, context);
            }
            let written = {
                let mut slices = [IoSlice::new(&[]); FRAMES];
                let mut count = 0;
                for (slice, frame) in slices.iter_mut().zip(&frames) {
                    *slice = IoSlice::new(frame);
                    count += 1;
                }
                self.transport.poll_write(context, &slices[..count])
            };
            match written {
                Poll::Pending => {
                    self.peer.written(0, frames);
                    self.blocked = true;
                    return Ok(());
                }
                Poll::Ready(Ok(length)) if length > 0 => {
                    self.peer.written(length, frames);
                    self.wrote(length, core, context)?;
                }
                Poll::Ready(_) => return Err(Over),
            }
        }
    }

    fn wrote(&mut self, bytes: usize, core: &Core, context: &mut Context<'_>) -> Result<(), Over> {
        core.counters.bytes_out.add(bytes as u64);
        if self.shared.settings.idle_timeout.is_some() {
            self.peer.spoken(now());
        }
        match self.transport.poll_flush(context) {
            Poll::Ready(Err(_)) => return Err(Over),
            Poll::Ready(Ok(())) => {}
            Poll::Pending => self.blocked = true,
        }
        Ok(())
    }
}

impl Future for Connection {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let connection = self.get_mut();
        connection.peer.watch(context.waker());
        core::with(|core| {
            if connection.step(core, context).is_ok() {
                return Poll::Pending;
            }
            core.output.clear();
            if connection.placed {
                core.counters.closed.add(1);
            }
            Poll::Ready(())
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.peer.close();
        self.shared.everyone.leave(&self.peer);
        if let Some(group) = &self.group {
            group.leave(&self.peer);
        }
        if self.placed {
            if let Some((link, address)) = self.linked() {
                link.leave(address);
            }
            self.shared.places.give_back();
        }
    }
}
