//! Connections come and go.

use std::collections::VecDeque;
use std::io;
use std::net::Ipv4Addr;

use rustix::io::Errno;

use super::{Phase, Reverse, State, Timer, Worker};
use crate::live::driver::DriveError;
use crate::live::driver::plan::Pace;
use crate::live::driver::socket::{Socket, now};
use crate::live::driver::upgrade::Answer;
use crate::live::frame::{Control, OpCode};
use crate::scenario::Backoff;

const SECOND: f64 = 1e9;
/// A server that went away says so with this (RFC 6455, section 7.4.1), and we say that we are done.
const NORMAL_CLOSURE: [u8; 2] = 1_000_u16.to_be_bytes();

/// Who is to be connected, and how fast.
#[derive(Debug)]
pub struct Dialling {
    queue: VecDeque<u32>,
    /// Attempts under way, oldest first: connection and life.
    under_way: VecDeque<(u32, u32)>,
    in_flight: usize,
    began: u64,
    attempts: u64,
}

impl Dialling {
    /// Everybody is to be connected.
    pub fn new(connections: u32) -> Self {
        Self { queue: (0..connections).collect(), under_way: VecDeque::new(), in_flight: 0, began: 0, attempts: 0 }
    }

    /// From now on.
    pub fn begin(&mut self, now: u64) {
        self.began = now;
    }

    /// One more.
    pub fn enqueue(&mut self, number: u32) {
        self.queue.push_back(number);
    }

    /// Nobody any more.
    pub fn give_up(&mut self) {
        self.queue.clear();
        self.under_way.clear();
    }
}

impl Worker<'_> {
    /// Begins as many attempts as may be under way.
    pub(super) fn dial(&mut self, now: u64) -> Result<bool, DriveError> {
        self.expire(now)?;
        let mut any = false;
        while self.dialling.in_flight < self.shared.handshakes && self.may_dial(now) {
            let Some(number) = self.dialling.queue.pop_front() else { break };
            any = true;
            self.dialling.attempts += 1;
            self.attempt(number, now)?;
        }
        Ok(any)
    }

    /// Whether the ramp allows another attempt. Its pace is the system's: a worker has its share of it.
    fn may_dial(&self, now: u64) -> bool {
        self.shared.plan.ramp.is_none_or(|ramp| {
            let share = self.connections.len() as f64 / f64::from(self.shared.plan.connections);
            let allowed = (now - self.dialling.began) as f64 / SECOND * ramp * share;
            (self.dialling.attempts as f64) < allowed.max(1.0)
        })
    }

    fn attempt(&mut self, number: u32, now: u64) -> Result<(), DriveError> {
        let user = self.users.start + number;
        let server = self.shared.server(user);
        let source: Option<Ipv4Addr> = self.shared.source(user);
        self.outcome.tally.connections.attempts += 1;
        let connection = &mut self.connections[number as usize];
        connection.since = now;
        match Socket::connect(server, source, self.shared.tls.as_ref()) {
            Ok(socket) => {
                self.poller.add(&socket, number).map_err(DriveError::Poll)?;
                connection.socket = Some(socket);
                connection.state = State::Connecting;
                self.dialling.in_flight += 1;
                self.dialling.under_way.push_back((number, connection.life));
                Ok(())
            }
            Err(error) => self.failed(number, &error, false),
        }
    }

    /// Gives up the attempts that have taken too long.
    fn expire(&mut self, now: u64) -> Result<(), DriveError> {
        let patience = (self.shared.plan.connect_timeout * SECOND) as u64;
        while let Some(&(number, life)) = self.dialling.under_way.front() {
            let connection = &self.connections[number as usize];
            let under_way = connection.life == life && matches!(connection.state, State::Connecting | State::Upgrading);
            if under_way && now < connection.since + patience {
                break;
            }
            self.dialling.under_way.pop_front();
            if under_way {
                self.failed(number, &io::ErrorKind::TimedOut.into(), true)?;
            }
        }
        Ok(())
    }

    /// TCP is connected, or isn't: ask for the upgrade.
    pub(super) fn connected(&mut self, number: u32) -> Result<(), DriveError> {
        let user = self.users.start + number;
        let connection = &mut self.connections[number as usize];
        let Some(socket) = &connection.socket else { return Ok(()) };
        if let Some(error) = socket.error() {
            return self.failed(number, &error, true);
        }
        connection.state = State::Upgrading;
        let who = self.shared.audience.introduce(user);
        let target = &self.shared.server(user).target;
        connection.out = self.key.request(target, &who, self.shared.plan.deflate);
        self.backlog += connection.out.len();
        // With TLS the first bytes have still to come both ways.
        self.poller.change(socket, number, socket.holds_back()).map_err(DriveError::Poll)?;
        connection.blocked = socket.holds_back();
        self.flush(number)
    }

    /// What the server says to the upgrade; the bytes after it are frames.
    pub(super) fn upgrade(&mut self, number: u32, bytes: &[u8], moment: u64) -> Result<(), DriveError> {
        let user = self.users.start + number;
        let mut heard = std::mem::take(&mut self.connections[number as usize].partial);
        heard.extend_from_slice(bytes);
        match self.key.answer(&heard) {
            Answer::Incomplete => self.connections[number as usize].partial = heard,
            Answer::Open { length, deflate } => {
                self.opened(number, deflate, moment);
                if heard.len() > length {
                    self.take_frames(number, &heard[length..], moment)?;
                }
            }
            Answer::Refused(503) => {
                self.shared.reach();
                self.outcome.tally.connections.refused += 1;
                self.gone(number, true);
            }
            Answer::Refused(_) if !self.shared.has_nobody() => {
                self.outcome.tally.connections.failed += 1;
                self.gone(number, true);
            }
            Answer::Refused(status) => {
                let url = self.shared.server(user).target.authority();
                return Err(DriveError::NotWebSocket(url, format!("it answers with HTTP status {status}")));
            }
            Answer::Foreign(reason) => {
                let url = self.shared.server(user).target.authority();
                return Err(DriveError::NotWebSocket(url, reason.to_owned()));
            }
        }
        Ok(())
    }

    fn opened(&mut self, number: u32, deflate: bool, moment: u64) {
        self.shared.reach();
        self.dialling.in_flight -= 1;
        self.open += 1;
        let first = !self.connections[number as usize].settled;
        self.settle(number);
        let connection = &mut self.connections[number as usize];
        connection.state = State::Open;
        connection.deflate = deflate;
        connection.attempts = 0;
        connection.ended = false;
        self.outcome.tally.connections.opened += 1;
        self.outcome.tally.connect.record(moment - connection.since);
        if let Some(session) = &self.shared.plan.session {
            // Those of the beginning are met somewhere in their sessions.
            let length = if first { session.sample_residual(&mut self.draws) } else { session.sample(&mut self.draws) };
            let end = moment.saturating_add((length * SECOND) as u64);
            self.timers.push(Reverse((end, number, connection.life, Timer::EndSession)));
        }
        if self.phase != Phase::Connecting && self.phase != Phase::Waiting {
            self.outcome.steady = false;
        }
        if let (Pace::Closed { in_flight }, Phase::Running | Phase::Measuring) = (&self.shared.plan.pace, self.phase) {
            self.batch.extend((0..*in_flight).map(|_| (number, moment)));
        }
    }

    /// An attempt came to nothing. Some reasons won't go away: those are errors.
    fn failed(&mut self, number: u32, error: &io::Error, under_way: bool) -> Result<(), DriveError> {
        let user = self.users.start + number;
        let server = self.shared.server(user);
        match Errno::from_io_error(error) {
            Some(Errno::MFILE | Errno::NFILE) => return Err(self.shared.too_few_descriptors()),
            Some(Errno::ADDRNOTAVAIL) => return Err(DriveError::Ports(server.target.authority())),
            _ => {}
        }
        if self.shared.has_nobody() && !self.connections[number as usize].settled {
            let address = server.target.authority();
            return Err(DriveError::Unreachable(address, error.to_string()));
        }
        self.outcome.tally.connections.failed += 1;
        self.gone(number, under_way);
        Ok(())
    }

    /// An open connection came to its end without us: it broke, or the server closed it.
    pub(super) fn lost(&mut self, number: u32) -> Result<(), DriveError> {
        match self.connections[number as usize].state {
            State::Away => Ok(()),
            State::Connecting | State::Upgrading => self.failed(number, &io::ErrorKind::ConnectionReset.into(), true),
            State::Open => {
                self.open -= 1;
                self.outcome.tally.connections.lost += 1;
                self.outcome.steady &= !matches!(self.phase, Phase::Running | Phase::Measuring | Phase::Draining);
                self.gone(number, false);
                Ok(())
            }
            State::Closing => {
                self.drop_connection(number);
                Ok(())
            }
        }
    }

    /// It is away; whether its user comes back is the scenario's matter.
    fn gone(&mut self, number: u32, under_way: bool) {
        if under_way {
            self.dialling.in_flight -= 1;
        }
        self.settle(number);
        self.release(number);
        if self.phase == Phase::Closing {
            return;
        }
        let Some(reconnect) = self.shared.plan.reconnect else { return };
        let connection = &mut self.connections[number as usize];
        let delay = match reconnect.backoff {
            Backoff::Constant(time) => time.get(),
            Backoff::Exponential { base, cap } => {
                (base.get() * 2_f64.powi(connection.attempts.min(60).cast_signed())).min(cap.get())
            }
        };
        connection.attempts += 1;
        let delay = if reconnect.jitter { delay * self.draws.unit() } else { delay };
        let at = now() + (delay * SECOND) as u64;
        self.timers.push(Reverse((at, number, connection.life, Timer::Dial)));
    }

    /// Sends a close frame; the server's answer ends the connection.
    pub(super) fn say_goodbye(&mut self, number: u32) -> Result<(), DriveError> {
        self.connections[number as usize].state = State::Closing;
        self.send_control(number, OpCode::Control(Control::Close), &NORMAL_CLOSURE)
    }

    /// Ends a connection that is closed on both sides, or whose attempt is given up.
    pub(super) fn drop_connection(&mut self, number: u32) {
        let connection = &mut self.connections[number as usize];
        let another = std::mem::take(&mut connection.ended);
        match connection.state {
            State::Connecting | State::Upgrading => self.dialling.in_flight -= 1,
            // At the end, `open` counts those that have not answered yet.
            State::Closing if self.phase == Phase::Closing && self.open > 0 => self.open -= 1,
            _ => {}
        }
        self.release(number);
        if another && self.phase != Phase::Closing {
            self.dialling.enqueue(number);
        }
    }

    fn release(&mut self, number: u32) {
        let connection = &mut self.connections[number as usize];
        self.backlog -= connection.out.len();
        self.outstanding -= connection.close();
    }

    fn settle(&mut self, number: u32) {
        let settled = &mut self.connections[number as usize].settled;
        self.unsettled -= usize::from(!std::mem::replace(settled, true));
    }
}
