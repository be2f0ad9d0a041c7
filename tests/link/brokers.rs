//! Real brokers, started on free ports, killed and started again.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use plimsoll::live::link::BrokerAddress;

use crate::common;

/// How long anything may take on a busy machine.
pub const BOUND: Duration = Duration::from_secs(30);

/// The kinds of brokers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Embedded,
    Redis,
    Nats,
}

/// A broker in a process of its own, which ends with this value.
#[derive(Debug)]
pub struct Broker {
    pub kind: Kind,
    port: u16,
    folder: PathBuf,
    process: Child,
}

impl Broker {
    /// Starts one on a free port.
    pub fn start(kind: Kind) -> Self {
        let folder = common::folder();
        for _ in 0..20 {
            let port = free_port();
            if let Some(process) = launch(kind, port, &folder) {
                return Self { kind, port, folder, process };
            }
        }
        panic!("{kind:?} doesn't start");
    }

    /// What `--broker` would be given.
    pub fn url(&self) -> String {
        let scheme = match self.kind {
            Kind::Embedded => "plimsoll",
            Kind::Redis => "redis",
            Kind::Nats => "nats",
        };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    pub fn address(&self) -> BrokerAddress {
        self.url().parse().unwrap()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again where it was.
    pub fn restart(&mut self) {
        let start = common::now();
        self.process = loop {
            if let Some(process) = launch(self.kind, self.port, &self.folder) {
                break process;
            }
            assert!(start.elapsed() < BOUND, "{:?} doesn't start again", self.kind);
            std::thread::sleep(Duration::from_millis(50));
        };
    }

    /// Halts the process (`STOP`) or lets it go on (`CONT`).
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args([format!("-{name}"), self.process.id().to_string()]).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A port that nobody listens on. Not one of those that the system gives to connections: else a client that tries a
/// broker that is away might take the port that the broker is to come back to.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let port = 20_000 + (std::process::id() % 10_000) as u16 + NEXT.fetch_add(1, Ordering::Relaxed) % 2_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Starts a process and waits until it listens; none if it ended before, since the port was taken meanwhile.
fn launch(kind: Kind, port: u16, folder: &PathBuf) -> Option<Child> {
    let (mut command, package) = match kind {
        Kind::Embedded => {
            let mut command = common::program();
            command.args(["broker", "--listen", &format!("127.0.0.1:{port}")]);
            (command, "")
        }
        Kind::Redis => {
            let mut command = Command::new("redis-server");
            command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string()]);
            (command, "redis-server")
        }
        Kind::Nats => {
            // Debian puts it where only administrators look.
            let mut command = Command::new("nats-server");
            command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
            command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
            (command, "nats-server")
        }
    };
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process =
        command.spawn().unwrap_or_else(|e| panic!("{kind:?}: {e}; install it: apt-get install {package}"));
    let start = common::now();
    loop {
        if process.try_wait().unwrap().is_some() {
            return None;
        }
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some(process);
        }
        if start.elapsed() > BOUND {
            let _ = process.kill();
            let _ = process.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
