//! Sockets that never wait, plain or encrypted, and what the kernel says of them.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use rustix::time::{ClockId, Timespec, clock_gettime};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::target::Server;

/// A connection to a server.
#[derive(Debug)]
pub enum Socket {
    /// As it is.
    Plain(TcpStream),
    /// With TLS.
    Secure(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Socket {
    /// Begins to connect, from this local address if there is one.
    ///
    /// # Errors
    /// When there is no descriptor, no port, or nobody there.
    pub fn connect(server: &Server, source: Option<Ipv4Addr>, tls: Option<&Arc<ClientConfig>>) -> io::Result<Self> {
        let family = if server.address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        // A connection that is dropped leaves nothing behind that would hold its port.
        sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
        if let Some(source) = source {
            // The port is chosen as the connection is made: then only all four of addresses and ports must differ.
            nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::IpBindAddressNoPort, &true)?;
            rustix::net::bind(&socket, &SocketAddr::new(IpAddr::V4(source), 0))?;
        }
        match rustix::net::connect(&socket, &server.address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let stream = TcpStream::from(socket);
        let Some(tls) = tls.filter(|_| server.target.secure) else { return Ok(Self::Plain(stream)) };
        let name = ServerName::try_from(server.target.host.clone()).map_err(io::Error::other)?;
        let session = ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
        Ok(Self::Secure(Box::new(StreamOwned::new(session, stream))))
    }

    /// What went wrong with the attempt to connect, if something did.
    pub fn error(&self) -> Option<io::Error> {
        match self.tcp().take_error() {
            Ok(error) => error,
            Err(error) => Some(error),
        }
    }

    /// Whether reading has to go on until nothing comes, since not all that has come is with the kernel.
    pub fn holds_back(&self) -> bool {
        matches!(self, Self::Secure(_))
    }

    /// Whether there is something to write that was taken already.
    pub fn wants_write(&self) -> bool {
        matches!(self, Self::Secure(stream) if stream.conn.wants_write())
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Secure(stream) => &stream.sock,
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Secure(stream) => stream.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Secure(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Secure(stream) => stream.flush(),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tcp().as_fd()
    }
}

/// Says which sockets are ready.
pub struct Poller {
    epoll: OwnedFd,
    events: Vec<Event>,
}

/// A socket that is ready.
#[derive(Debug, Clone, Copy)]
pub struct Ready {
    /// The number it was added with.
    pub number: u32,
    /// Something has come, or the connection is over.
    pub read: bool,
    /// There is room to write.
    pub write: bool,
}

const MOST_EVENTS: usize = 512;

impl Poller {
    /// One without sockets.
    ///
    /// # Errors
    /// When there is no descriptor.
    pub fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)?, events: Vec::with_capacity(MOST_EVENTS) })
    }

    /// Watches a socket that is being connected.
    ///
    /// # Errors
    /// When the kernel has no room.
    pub fn add(&self, socket: &Socket, number: u32) -> io::Result<()> {
        epoll::add(&self.epoll, socket, EventData::new_u64(u64::from(number)), EventFlags::IN | EventFlags::OUT)?;
        Ok(())
    }

    /// Watches for what comes, and with `write` for room to write.
    ///
    /// # Errors
    /// When the socket was not added.
    pub fn change(&self, socket: &Socket, number: u32, write: bool) -> io::Result<()> {
        let flags = if write { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
        epoll::modify(&self.epoll, socket, EventData::new_u64(u64::from(number)), flags)?;
        Ok(())
    }

    /// Puts what is ready into `ready`, after at most so many ns.
    ///
    /// # Errors
    /// When the kernel doesn't answer.
    pub fn wait(&mut self, wait: u64, ready: &mut Vec<Ready>) -> io::Result<()> {
        let timeout =
            Timespec { tv_sec: (wait / 1_000_000_000).cast_signed(), tv_nsec: (wait % 1_000_000_000).cast_signed() };
        self.events.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        ready.extend(self.events.iter().map(|event| {
            let (data, flags) = (event.data, event.flags);
            let over = flags.intersects(EventFlags::HUP | EventFlags::ERR);
            Ready {
                number: data.u64() as u32,
                read: over || flags.contains(EventFlags::IN),
                write: over || flags.contains(EventFlags::OUT),
            }
        }));
        Ok(())
    }
}

/// The local address of the n-th of several sources: all of 127.0.0.0/8 is this machine.
pub fn source(number: u32) -> Ipv4Addr {
    Ipv4Addr::new(127, 1, (number / 250) as u8, (number % 250) as u8 + 1)
}

/// Most sources that [`source`] tells apart.
pub const MOST_SOURCES: u32 = 250 * 250;

/// ns on the clock that nobody sets.
#[inline]
pub fn now() -> u64 {
    nanoseconds(clock_gettime(ClockId::Monotonic))
}

/// ns that this thread has run.
pub fn thread_cpu() -> u64 {
    nanoseconds(clock_gettime(ClockId::ThreadCPUTime))
}

fn nanoseconds(time: Timespec) -> u64 {
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
