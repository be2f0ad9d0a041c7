//! Messages go out and come in.

use std::io::{self, Read as _, Write as _};

use super::{Phase, State, Worker};
use crate::live::driver::DriveError;
use crate::live::driver::audience::{Audience, mark};
use crate::live::driver::frame;
use crate::live::driver::ledger::Ledger;
use crate::live::driver::plan::Pace;
use crate::live::driver::socket::now;
use crate::live::driver::tally::LATE;
use crate::live::frame::{Control, Data, OpCode};
use crate::live::payload::Header;

/// Messages that are sent together at most, so that the clock is looked at in between.
const BATCH: usize = 32;
/// Batches sent before what came in is looked at.
const BATCHES: usize = 8;
/// Bytes that wait for the kernel at most; messages past that are not sent.
const MOST_BACKLOG: usize = 256 << 20;
/// Buffers that are kept for reuse, and up to which size.
const SPARES: usize = 256;
const LARGEST_SPARE: usize = 64 << 10;
const SECOND: f64 = 1e9;

impl Worker<'_> {
    /// Whether a message is due.
    #[inline]
    pub(super) fn is_due(&self, now: u64) -> bool {
        self.next.is_some_and(|due| self.times.start + due.at <= now)
    }

    /// Sends what is due.
    pub(super) fn send_due(&mut self, mut now: u64) -> Result<bool, DriveError> {
        let mut any = false;
        for _ in 0..BATCHES {
            if !self.is_due(now) {
                break;
            }
            any = true;
            while let Some(due) = self.next
                && self.times.start + due.at <= now
                && self.batch.len() < BATCH
            {
                let intended = self.times.start + due.at;
                self.batch.extend((0..due.count).map(|_| (due.sender, intended)));
                self.next = self.schedule.next();
            }
            now = self.flush_batch()?;
        }
        Ok(any)
    }

    /// Writes the messages of the batch and hands them to the kernel, one system call for each connection; the moment
    /// when that was done.
    pub(super) fn flush_batch(&mut self) -> Result<u64, DriveError> {
        let mut batch = std::mem::take(&mut self.batch);
        batch.retain(|(number, intended)| self.write(*number, *intended));
        let mut moment = now();
        for (number, intended) in batch.drain(..) {
            self.count_sent(intended, moment);
            let connection = &self.connections[number as usize];
            if !connection.out.is_empty() && !connection.blocked {
                self.flush(number)?;
                moment = now();
            }
        }
        self.batch = batch;
        Ok(moment)
    }

    /// Puts a message into its connection's buffer; `false` where there is no connection, or no room.
    fn write(&mut self, number: u32, intended: u64) -> bool {
        let slice = self.times.slice(intended);
        if let Some(slice) = slice {
            self.outcome.tally.slices[slice].offered += 1;
            if self.shared.plan.record {
                self.outcome.tally.times.push((intended - self.times.from) as f64 / SECOND);
            }
        }
        let sender = self.users.start + number;
        let recipient = match self.shared.audience {
            Audience::Direct => self.another(sender),
            _ => sender,
        };
        let connection = &mut self.connections[number as usize];
        let due = u64::from(self.shared.audience_of(sender));
        let fits = self.backlog < MOST_BACKLOG && connection.state == State::Open;
        let counted = |ledger: &Ledger| ledger.open(self.number as usize, self.written, due);
        if !fits || !self.shared.ledger.as_ref().is_none_or(counted) {
            self.outcome.tally.unsent += u64::from(slice.is_some());
            return false;
        }
        let sequence = if self.shared.ledger.is_some() { self.written } else { connection.sequence };
        if self.shared.ledger.is_some() {
            if slice.is_some() {
                if self.outcome.sent.1.is_empty() {
                    self.outcome.sent.0 = self.written;
                }
                self.outcome.sent.1.push((sender, recipient));
            }
            self.written += 1;
        }
        if connection.out.capacity() == 0 {
            connection.out = self.spare.pop().unwrap_or_default();
        }
        let before = connection.out.len();
        let header = Header { intended_ns: intended, sender, sequence, recipient };
        let bytes = self.letters.write(&mut connection.out, header, connection.deflate.then_some(&mut self.deflate));
        self.backlog += connection.out.len() - before;
        connection.sequence = connection.sequence.wrapping_add(1);
        if self.shared.audience == Audience::Echo {
            connection.waiting.push_back(intended);
            self.outstanding += 1;
        }
        if slice.is_some() {
            self.outcome.tally.bytes.0 += bytes as u64;
        }
        true
    }

    /// Any other user.
    fn another(&mut self, sender: u32) -> u32 {
        let others = u64::from(self.shared.plan.connections.max(2) - 1);
        let draw = self.draws.below(others) as u32;
        if draw < sender { draw } else { (draw + 1).min(self.shared.plan.connections - 1) }
    }

    fn count_sent(&mut self, intended: u64, moment: u64) {
        self.sent += 1;
        self.recent.lateness = self.recent.lateness.max(moment.saturating_sub(intended));
        if let Some(slice) = self.times.slice(moment) {
            self.outcome.tally.slices[slice].sent += 1;
        }
        if self.times.slice(intended).is_some() {
            let lateness = moment.saturating_sub(intended);
            self.outcome.tally.lateness.record(lateness);
            self.outcome.tally.late += u64::from(lateness > LATE);
        }
    }

    /// Sends a frame that is no message.
    pub(super) fn send_control(&mut self, number: u32, opcode: OpCode, payload: &[u8]) -> Result<(), DriveError> {
        let key = self.letters.key();
        let out = &mut self.connections[number as usize].out;
        let before = out.len();
        frame::write(out, opcode, key, payload);
        self.backlog += out.len() - before;
        self.flush(number)
    }

    /// Hands a connection's bytes to the kernel, as many as it takes.
    pub(super) fn flush(&mut self, number: u32) -> Result<(), DriveError> {
        let connection = &mut self.connections[number as usize];
        let Some(socket) = &mut connection.socket else { return Ok(()) };
        let mut sent = 0;
        let mut broken = false;
        while sent < connection.out.len() {
            match socket.write(&connection.out[sent..]) {
                Ok(0) => broken = true,
                Ok(count) => {
                    sent += count;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => broken = !Self::is_pause(&error),
            }
            break;
        }
        if !broken && socket.wants_write() {
            broken = socket.flush().is_err_and(|error| !Self::is_pause(&error));
        }
        self.backlog -= sent;
        if broken {
            return self.lost(number);
        }
        let rest = connection.out.len() - sent;
        if rest > 0 {
            connection.out.drain(..sent);
        } else {
            let mut buffer = std::mem::take(&mut connection.out);
            buffer.clear();
            if buffer.capacity() > 0 && buffer.capacity() <= LARGEST_SPARE && self.spare.len() < SPARES {
                self.spare.push(buffer);
            }
        }
        // TLS may wait for the server's part of the handshake rather than for room.
        let blocked = if socket.holds_back() { socket.wants_write() } else { rest > 0 };
        if blocked != connection.blocked {
            connection.blocked = blocked;
            self.poller.change(socket, number, blocked).map_err(DriveError::Poll)?;
        }
        Ok(())
    }

    /// Takes in what has come; the moment of the last of it.
    pub(super) fn receive(&mut self, number: u32) -> Result<u64, DriveError> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut moment = 0;
        let done = loop {
            let connection = &mut self.connections[number as usize];
            let Some(socket) = &mut connection.socket else { break Ok(()) };
            match socket.read(&mut scratch) {
                Ok(0) => break self.lost(number),
                Ok(count) => {
                    moment = now();
                    let more = socket.holds_back() || count == scratch.len();
                    let taken = self.take_in(number, &scratch[..count], moment);
                    if taken.is_err() || !more {
                        break taken;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // With TLS there may be something to send now, or to send at last.
                Err(error) if Self::is_pause(&error) => {
                    break if socket.holds_back() { self.flush(number) } else { Ok(()) };
                }
                Err(_) => break self.lost(number),
            }
        };
        self.scratch = scratch;
        done?;
        Ok(if moment == 0 { now() } else { moment })
    }

    fn take_in(&mut self, number: u32, bytes: &[u8], moment: u64) -> Result<(), DriveError> {
        match self.connections[number as usize].state {
            State::Upgrading => self.upgrade(number, bytes, moment)?,
            State::Open | State::Closing => self.take_frames(number, bytes, moment)?,
            State::Away | State::Connecting => {}
        }
        if !self.batch.is_empty() {
            // The next messages of a closed loop.
            self.flush_batch()?;
        }
        Ok(())
    }

    pub(super) fn take_frames(&mut self, number: u32, bytes: &[u8], moment: u64) -> Result<(), DriveError> {
        let mut partial = std::mem::take(&mut self.connections[number as usize].partial);
        if !partial.is_empty() {
            partial.extend_from_slice(bytes);
        }
        let all: &[u8] = if partial.is_empty() { bytes } else { &partial };
        let mut at = 0;
        while let Some(frame) = frame::read(&all[at..])? {
            let (start, end) = (at + frame.header, at + frame.header + frame.length);
            if end > all.len() {
                break;
            }
            self.take_frame(number, frame, &all[start..end], moment)?;
            at = end;
            if self.connections[number as usize].socket.is_none() {
                return Ok(());
            }
        }
        let rest = if partial.is_empty() { &bytes[at..] } else { &[] };
        if at == all.len() {
            // A buffer that held a large message is given back.
            return Ok(());
        }
        if rest.is_empty() {
            partial.drain(..at);
        } else {
            partial.extend_from_slice(rest);
        }
        self.connections[number as usize].partial = partial;
        Ok(())
    }

    fn take_frame(&mut self, number: u32, frame: frame::Frame, payload: &[u8], moment: u64) -> Result<(), DriveError> {
        let connection = &mut self.connections[number as usize];
        match frame.opcode {
            OpCode::Control(Control::Ping) => {
                self.outcome.tally.pings += 1;
                self.send_control(number, OpCode::Control(Control::Pong), payload)
            }
            OpCode::Control(Control::Pong) => Ok(()),
            // What the server closed is lost; what we closed is now closed on both sides.
            OpCode::Control(Control::Close) if connection.state == State::Open => {
                self.send_control(number, OpCode::Control(Control::Close), payload.get(..2).unwrap_or_default())?;
                self.lost(number)
            }
            OpCode::Control(Control::Close) => {
                self.drop_connection(number);
                Ok(())
            }
            OpCode::Data(Data::Continue) => {
                let Some(mut parts) = connection.fragments.take() else {
                    return Err(DriveError::Protocol("it went on with a message that it had not begun"));
                };
                parts.2.extend_from_slice(payload);
                if frame.last {
                    return self.message(number, &parts.2, parts.1, moment);
                }
                connection.fragments = Some(parts);
                Ok(())
            }
            OpCode::Data(Data::Text | Data::Binary) if frame.last => {
                self.message(number, payload, frame.compressed, moment)
            }
            OpCode::Data(Data::Text | Data::Binary) => {
                connection.fragments = Some(Box::new((frame.opcode, frame.compressed, payload.to_vec())));
                Ok(())
            }
            OpCode::Data(Data::Reserved(_)) | OpCode::Control(Control::Reserved(_)) => Err(frame::WRONG),
        }
    }

    fn message(&mut self, number: u32, payload: &[u8], compressed: bool, moment: u64) -> Result<(), DriveError> {
        if !compressed {
            self.count_received(number, payload, moment);
            return Ok(());
        }
        if !self.shared.plan.deflate {
            return Err(DriveError::Protocol("it compressed a message though that was not agreed"));
        }
        self.deflate
            .unpack(payload, frame::LARGEST)
            .map_err(|_| DriveError::Protocol("it sent a message that can't be decompressed"))?;
        let plain = std::mem::take(&mut self.deflate.plain);
        self.count_received(number, &plain, moment);
        self.deflate.plain = plain;
        Ok(())
    }

    fn count_received(&mut self, number: u32, payload: &[u8], moment: u64) {
        self.last_receipt = moment;
        self.received += 1;
        if let Some(slice) = self.times.slice(moment) {
            self.outcome.tally.slices[slice].received += 1;
            self.outcome.tally.bytes.1 += payload.len() as u64;
        }
        match self.shared.audience {
            Audience::Echo => self.answer(number, payload, moment),
            Audience::Nobody => self.outcome.tally.unexpected += 1,
            Audience::Direct | Audience::Rooms(_) | Audience::Everybody => self.delivery(number, payload, moment),
        }
    }

    fn answer(&mut self, number: u32, payload: &[u8], moment: u64) {
        let user = self.users.start + number;
        let header = Header::read(payload).filter(|header| header.sender == user);
        let connection = &mut self.connections[number as usize];
        let tally = &mut self.outcome.tally;
        let Some((intended, skipped)) = connection.answered(header.map(|header| header.sequence)) else {
            tally.unexpected += 1;
            return;
        };
        self.outstanding -= 1 + skipped;
        if header.map_or(payload.len() >= self.shared.plan.form.least(), |header| header.intended_ns != intended) {
            tally.altered += 1;
        }
        let latency = moment.saturating_sub(intended);
        self.recent.latency.record(latency);
        if let Some(slice) = self.times.slice(intended) {
            tally.answered += 1;
            tally.deliver(slice, latency);
            let too_late = |timeout: f64| latency as f64 > timeout * SECOND;
            tally.timed_out += u64::from(self.shared.plan.timeout.is_some_and(too_late));
        }
        if matches!(self.shared.plan.pace, Pace::Closed { .. })
            && matches!(self.phase, Phase::Running | Phase::Measuring)
            && moment < self.times.until
        {
            self.batch.push((number, moment));
        }
    }

    fn delivery(&mut self, number: u32, payload: &[u8], moment: u64) {
        let user = self.users.start + number;
        let Some(header) = Header::read(payload) else {
            self.outcome.tally.unexpected += 1;
            return;
        };
        let shared = self.shared;
        let is_meant = match &shared.audience {
            Audience::Direct => header.recipient == user,
            Audience::Rooms(rooms) => {
                rooms.members(self.connections[number as usize].room as usize).contains(&header.sender)
            }
            _ => header.sender < shared.plan.connections,
        };
        let ledger = shared.ledger.as_ref();
        if !is_meant || !ledger.is_some_and(|l| l.add(shared.worker_of(header.sender), header.sequence, mark(user))) {
            self.outcome.tally.unexpected += 1;
            return;
        }
        let latency = moment.saturating_sub(header.intended_ns);
        self.recent.latency.record(latency);
        if let Some(slice) = self.times.slice(header.intended_ns) {
            self.outcome.tally.deliver(slice, latency);
        }
    }
}
