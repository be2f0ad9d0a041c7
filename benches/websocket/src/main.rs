//! WebSocket servers as an echo of 1 KB messages, each in a process of its own on core 0, under one load from core 1.
//!
//!     cargo run --release [-- CONNECTIONS SECONDS NAME=COMMAND …]
//!
//! A command is a server that is started besides the built-in ones; it prints `listening on ws://127.0.0.1:PORT`, such
//! as `plimsoll="/path/to/plimsoll serve /path/to/echo.yaml --cpus 0"`.
//!
//! Three figures a server: memory (resident) of an idle connection; its CPU time a message when all connections take
//! turns, 64 messages under way at a time; and messages a second with 16 under way on each of 64 connections.

mod servers;

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Payload of a message, in bytes.
const PAYLOAD: usize = 1_000;
/// Header of a frame with that payload: from a client (with its mask), from a server.
const ASKING: usize = 8;
const ANSWER: usize = 4;
/// Connections with a message under way at a time.
const AT_A_TIME: usize = 64;
/// Messages under way on a connection, in the third figure.
const IN_FLIGHT: usize = 16;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name] = arguments.as_slice()
        && flag == "--server"
    {
        pin(0)?;
        return servers::run(name);
    }
    let number = |at: usize, default| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let connections = usize::try_from(number(0, 10_000)?)?;
    let time = Duration::from_secs(number(1, 4)?);
    let own = std::env::current_exe()?.to_string_lossy().into_owned();
    let mut all: Vec<(String, String)> =
        servers::NAMES.iter().map(|name| ((*name).to_owned(), format!("{own} --server {name}"))).collect();
    for given in arguments.iter().skip(2) {
        let (name, command) = given.split_once('=').ok_or("a server is NAME=COMMAND")?;
        all.push((name.to_owned(), command.to_owned()));
    }
    pin(1)?;
    println!("| server | connected in s | KB a connection | CPU µs a message | messages/s, 16 in flight | CPU µs a message |");
    println!("|---|---|---|---|---|---|");
    for (name, command) in &all {
        println!("| {name} | {} |", measure(command, connections, time)?);
    }
    Ok(())
}

/// Keeps this process on a core, where there is more than one.
fn pin(core: usize) -> Outcome<()> {
    if std::thread::available_parallelism()?.get() > core {
        let mut set = rustix::thread::CpuSet::new();
        set.set(core);
        rustix::thread::sched_setaffinity(None, &set)?;
    }
    Ok(())
}

fn measure(command: &str, connections: usize, time: Duration) -> Outcome<String> {
    let mut server = Server::start(command)?;
    let before = server.memory()?;
    let start = Instant::now();
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(connect(&server.address)?);
    }
    let connecting = start.elapsed().as_secs_f64();
    let memory = (server.memory()? - before) / connections as f64;
    let (_, turns) = server.load(&mut open, 1, time)?;
    open.truncate(AT_A_TIME);
    let (throughput, flights) = server.load(&mut open, IN_FLIGHT, time)?;
    Ok(format!("{connecting:.2} | {:.2} | {turns:.2} | {throughput:.0} | {flights:.2}", memory / 1_000.0))
}

struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(command: &str) -> Outcome<Self> {
        let mut words = command.split_whitespace();
        let mut process =
            Command::new(words.next().ok_or("no command")?).args(words).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ws://").ok_or("the server did not start")?.to_owned();
        Ok(Self { process, address })
    }

    /// User and system time, in seconds.
    fn cpu(&self) -> Outcome<f64> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// Resident bytes.
    fn memory(&self) -> Outcome<f64> {
        let text = fs::read_to_string(format!("/proc/{}/statm", self.process.id()))?;
        let pages: f64 = text.split(' ').nth(1).ok_or("no statm")?.parse()?;
        Ok(pages * rustix::param::page_size() as f64)
    }

    /// Connections take turns, some at a time, with so many messages under way on each: messages a second, and the
    /// server's CPU µs a message.
    fn load(&mut self, open: &mut [TcpStream], in_flight: usize, time: Duration) -> Outcome<(f64, f64)> {
        let asking = [0x82, 0x80 | 126, (PAYLOAD >> 8) as u8, PAYLOAD as u8, 0x12, 0x34, 0x56, 0x78]
            .into_iter()
            .chain((0..PAYLOAD).map(|at| at as u8))
            .collect::<Vec<u8>>()
            .repeat(in_flight);
        assert_eq!(asking.len(), (ASKING + PAYLOAD) * in_flight);
        let mut answers = vec![0; (ANSWER + PAYLOAD) * in_flight];
        let (mut messages, mut from, mut cpu) = (0, Instant::now(), 0.0);
        let mut warm = false;
        loop {
            for some in open.chunks_mut(AT_A_TIME) {
                for stream in some.iter_mut() {
                    stream.write_all(&asking)?;
                }
                for stream in some.iter_mut() {
                    stream.read_exact(&mut answers)?;
                    messages += in_flight;
                }
            }
            if !warm {
                // The first round is for the buffers to get their size.
                (warm, messages, from, cpu) = (true, 0, Instant::now(), self.cpu()?);
            } else if from.elapsed() > time {
                let per_second = messages as f64 / from.elapsed().as_secs_f64();
                return Ok((per_second, (self.cpu()? - cpu) / messages as f64 * 1e6));
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn connect(address: &str) -> Outcome<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut some = [0; 512];
    while !answer.ends_with(b"\r\n\r\n") {
        let length = stream.read(&mut some)?;
        if length == 0 {
            return Err("the server closed the connection".into());
        }
        answer.extend_from_slice(&some[..length]);
    }
    if !answer.starts_with(b"HTTP/1.1 101") {
        return Err(String::from_utf8_lossy(&answer).into());
    }
    Ok(stream)
}
