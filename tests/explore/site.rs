//! `plimsoll explore` running, and requests to it as a browser sends them.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::common::{home, program};

/// A request may take so long on a busy machine; none takes nearly so long by itself.
const PATIENCE: Duration = Duration::from_secs(120);

/// The page's server.
pub struct Site {
    child: Child,
    /// `127.0.0.1:PORT`
    pub address: String,
    /// The line it began with.
    pub line: String,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    /// The rest of what comes, after these bytes.
    pub fn read(mut stream: TcpStream, mut bytes: Vec<u8>) -> Self {
        stream.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let head = head.to_lowercase();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{text}"));
        let body = if head.contains("transfer-encoding: chunked") { whole(body) } else { body.to_owned() };
        Self { status, head, body }
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }

    /// The events of a stream.
    pub fn events(&self) -> Vec<(String, Value)> {
        self.body
            .split("\n\n")
            .filter(|event| !event.is_empty())
            .map(|event| {
                let (name, data) = event.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
                (name.to_owned(), serde_json::from_str(data).unwrap())
            })
            .collect()
    }
}

impl Site {
    /// Starts it with a scenario, and what else is to be said.
    pub fn start(scenario: &str, more: &[&str]) -> Self {
        let mut child = program()
            .current_dir(home())
            .args(["explore", scenario])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit_once("http://").map(|(_, rest)| rest.trim_end_matches('/').to_owned());
        let Some(address) = address else {
            let mut stderr = String::new();
            child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
            panic!("{line}{stderr}");
        };
        Self { child, address, line: line.trim().to_owned() }
    }

    /// Sends a request with just these headers.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        Reply::read(self.begin(method, path, headers, body), Vec::new())
    }

    /// Sends a request whose answer is read elsewhere, if at all.
    pub fn begin(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        // A refused body may never be read, and the connection be gone before all of it is written.
        let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
        stream
    }

    /// How many of its threads stand back, of all that it has.
    pub fn standing_back(&self) -> (usize, usize) {
        let tasks = format!("/proc/{}/task", self.child.id());
        let niceness = |task: std::fs::DirEntry| {
            let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
            // After the name, which is in brackets, the niceness is the 17th field.
            stat.rsplit_once(") ")?.1.split(' ').nth(16)?.parse::<i32>().ok()
        };
        let all: Vec<i32> = std::fs::read_dir(tasks).unwrap().filter_map(|task| niceness(task.unwrap())).collect();
        (all.iter().filter(|nice| **nice == 19).count(), all.len())
    }

    /// As our own page does.
    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[("Host", &self.address)], "")
    }

    /// As our own page does.
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        let origin = format!("http://{}", self.address);
        let headers = [("Host", self.address.as_str()), ("Origin", &origin), ("Content-Type", "application/json")];
        self.send("POST", path, &headers, &body.to_string())
    }

    /// The closed form with these assignments.
    pub fn answer(&self, sets: &[&str]) -> Value {
        let answer = self.post("/answer", &json!({ "page": "test", "variants": [{ "set": sets }] })).json();
        answer["variants"][0].clone()
    }

    /// How the simulation with these assignments ends.
    pub fn simulated(&self, sets: &[&str]) -> (String, Value) {
        let reply = self.post("/simulate", &json!({ "page": "test", "variant": 0, "set": sets }));
        assert!(reply.head.contains("content-type: text/event-stream"), "{reply:?}");
        reply.events().pop().unwrap()
    }

    /// The file with these assignments.
    pub fn yaml(&self, sets: &[&str]) -> Value {
        self.post("/yaml", &json!({ "page": "test", "set": sets })).json()
    }

    /// Ends it by this signal: its exit code, and what it said on standard error.
    pub fn end(mut self, signal: Signal) -> (Option<i32>, String) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code(), stderr)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A body in chunks, put together.
fn whole(mut chunks: &str) -> String {
    let mut out = String::new();
    while let Some((length, rest)) = chunks.split_once("\r\n") {
        let length = usize::from_str_radix(length.trim(), 16).unwrap();
        if length == 0 {
            break;
        }
        out += &rest[..length];
        chunks = &rest[length + 2..];
    }
    out
}
