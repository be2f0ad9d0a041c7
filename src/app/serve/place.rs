//! Where a server runs: address, cores, descriptors.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::os::fd::OwnedFd;

use anyhow::{Context as _, anyhow};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::app::Failure;
use crate::diagnostic::{Diagnostic, Diagnostics, quoted};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4_096;
/// Descriptors besides connections: standard streams, event queues, signals, log files, and requests for `/metrics`.
const OTHERS: u64 = 100;

/// The address that is typed.
pub fn address(text: &str) -> Result<SocketAddr, Failure> {
    let wrong = |why: String| {
        let error = Diagnostic::new(format!("`--listen` {} {why}", quoted(text)))
            .help("write an address and a port, such as `127.0.0.1:8080` or `[::1]:0`");
        Failure::Wrong(Diagnostics::from(error))
    };
    let mut found = text.to_socket_addrs().map_err(|error| wrong(format!("is no address: {error}")))?;
    found.next().ok_or_else(|| wrong("leads nowhere".to_owned()))
}

/// Listens there. Several processes can share the port if each of them says so.
pub fn listen(address: SocketAddr, shared: bool) -> Result<TcpListener, Failure> {
    socket(address, shared)
        .and_then(|socket| rustix::net::listen(&socket, BACKLOG).map(|()| socket))
        .map(TcpListener::from)
        .map_err(|errno| unlistenable(address, errno))
}

/// A socket with this address that doesn't listen.
fn socket(address: SocketAddr, shared: bool) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if shared {
        sockopt::set_socket_reuseport(&socket, true)?;
    }
    rustix::net::bind(&socket, &address)?;
    Ok(socket)
}

/// Holds an address without listening, so that this process's children can share its port: the socket that holds it,
/// and the address, which has a port now.
pub fn hold(address: SocketAddr) -> Result<(OwnedFd, SocketAddr), Failure> {
    // Whoever shares ports would be let in beside a stranger who does so too.
    drop(listen(address, false)?);
    let held = socket(address, true).map_err(|errno| unlistenable(address, errno))?;
    let found = rustix::net::getsockname(&held).map_err(std::io::Error::from).context("the address of the socket")?;
    Ok((held, SocketAddr::try_from(found).map_err(std::io::Error::from).context("the address of the socket")?))
}

fn unlistenable(address: SocketAddr, errno: Errno) -> Failure {
    let help = match errno {
        Errno::ADDRINUSE => "another program listens there; choose another port, or port 0 for any free one",
        Errno::ADDRNOTAVAIL => "this machine has no such address",
        Errno::ACCESS => "ports below 1024 are for the administrator; choose another",
        _ => "",
    };
    let why = if help.is_empty() { std::io::Error::from(errno).to_string() } else { help.to_owned() };
    anyhow!("can't listen on {address}: {why}").into()
}

/// Keeps this process, and those that it starts, on some cores: `0`, `0,2-3`.
pub fn pin(list: &str) -> Result<(), Failure> {
    let mut set = CpuSet::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (first.trim().parse::<usize>(), last.trim().parse::<usize>()) {
            (Ok(first), Ok(last)) if first <= last && last < CpuSet::MAX_CPU => {
                (first..=last).for_each(|core| set.set(core));
            }
            _ => {
                let error = Diagnostic::new(format!("`--cpus` {} is no list of cores", quoted(list)))
                    .help("write their numbers, such as `0` or `0,2-3`");
                return Err(Diagnostics::from(error).into());
            }
        }
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    sched_setaffinity(None, &set)
        .map_err(std::io::Error::from)
        .with_context(|| format!("can't run on the cores {list} (there are {cores}, from 0)"))
        .map_err(Failure::from)
}

/// Descriptors that a process can open: the limit is raised as far as it may be.
pub fn most_descriptors() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok() {
        return maximum.unwrap_or(u64::MAX);
    }
    current.unwrap_or(u64::MAX)
}

/// Processes that so many connections need. The kernel deals connections out at random, so each has some room to spare.
pub fn workers(connections: u64) -> u64 {
    let most = most_descriptors().saturating_sub(OTHERS);
    if connections <= most { 1 } else { connections.div_ceil((most - most / 20).max(1)) }
}

/// Checks that so many connections can be open in so many processes.
pub fn descriptors(connections: u64, workers: u64) -> Result<(), Failure> {
    if workers >= self::workers(connections) {
        return Ok(());
    }
    let (needed, most) = (connections.div_ceil(workers).saturating_add(OTHERS), most_descriptors());
    let each = if workers == 1 { "" } else { " in each process" };
    let enough = self::workers(connections);
    Err(anyhow!(
        "{connections} connections need {needed} file descriptors{each}, and a process can open {most}: raise that \
         (ulimit -n), start with fewer users, or with `--workers {enough}` (or `auto`)"
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_or_no_core_is_told() {
        assert_eq!(address("127.0.0.1:80").unwrap(), SocketAddr::from(([127, 0, 0, 1], 80)));
        for text in ["127.0.0.1", "", "127.0.0.1:70000", "300.0.0.1:1"] {
            assert!(matches!(address(text), Err(Failure::Wrong(_))), "{text}");
        }
        for text in ["", "a", "1-0", "0,", "5000", "-1"] {
            assert!(matches!(pin(text), Err(Failure::Wrong(_))), "{text}");
        }
    }
}
