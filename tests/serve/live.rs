//! A server under test and its clients.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{self, ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tungstenite::{Message, WebSocket};

use super::common::{now, program, scenario};

/// A client; a read that takes too long fails.
pub type Client = WebSocket<TcpStream>;

/// One whose connection is encrypted.
pub type Encrypted = WebSocket<StreamOwned<ClientConnection, TcpStream>>;

/// How long anything may take: far longer than it should, so that a busy machine doesn't matter.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server.
pub struct Serving {
    process: Option<Child>,
    output: Option<BufReader<ChildStdout>>,
    /// Where it listens, and the processes that serve.
    pub addresses: Vec<String>,
    pub pids: Vec<u64>,
}

impl Serving {
    /// Starts one that prints JSON.
    pub fn start(text: &str, options: &[&str]) -> Self {
        Self::start_as(text, options, "json")
    }

    /// Starts one.
    pub fn start_as(text: &str, options: &[&str], format: &str) -> Self {
        let file = scenario(text);
        let mut process = program()
            .arg("serve")
            .arg(file)
            .args(["--listen", "127.0.0.1:0", "--format", format])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let (urls, pids): (Vec<String>, _) = if format == "json" {
            let ready: Value = serde_json::from_str(&line).unwrap_or_default();
            assert!(ready["pids"][0].is_u64(), "{line}{}", errors(&mut process));
            let list = |key: &str| ready[key].as_array().unwrap().iter();
            let urls = list("listening").map(|url| url.as_str().unwrap().to_owned());
            (urls.collect(), list("pids").map(|pid| pid.as_u64().unwrap()).collect())
        } else {
            (vec![line.trim_end().strip_prefix("listening on ").unwrap_or_default().to_owned()], Vec::new())
        };
        let scheme = if options.contains(&"--tls") { "wss://" } else { "ws://" };
        let addresses = urls.iter().map(|url| url.strip_prefix(scheme).expect("it listens").to_owned()).collect();
        Self { process: Some(process), output: Some(output), addresses, pids }
    }

    /// Connects.
    pub fn client(&self, path: &str) -> Client {
        self.client_of(0, path)
    }

    /// Connects to one of several servers.
    pub fn client_of(&self, server: usize, path: &str) -> Client {
        let stream = connect(&self.addresses[server]);
        let (client, response) = tungstenite::client(format!("ws://{}{path}", self.addresses[server]), stream).unwrap();
        assert_eq!(response.status(), 101);
        client
    }

    /// Connects with encryption, trusting this certificate only.
    pub fn encrypted(&self, trusted: &CertificateDer<'static>) -> Result<Encrypted, String> {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let session = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        let stream = StreamOwned::new(session, connect(&self.addresses[0]));
        let client = tungstenite::client(format!("ws://{}/", self.addresses[0]), stream);
        client.map(|(client, _)| client).map_err(|error| error.to_string())
    }

    /// A WebSocket as its bytes, and the head of the server's answer. The request has these fields besides.
    pub fn raw(&self, path: &str, fields: &str) -> (TcpStream, String) {
        let mut stream = connect(&self.addresses[0]);
        stream.write_all(upgrade(path, fields).as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        (stream, String::from_utf8(head).unwrap())
    }

    /// The answer to a WebSocket handshake that is refused.
    pub fn refused(&self, path: &str) -> String {
        self.request(0, &upgrade(path, ""))
    }

    /// A page.
    pub fn page(&self, path: &str) -> String {
        self.page_of(0, path)
    }

    /// A page of one of several servers.
    pub fn page_of(&self, server: usize, path: &str) -> String {
        let page = self.request(server, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
        page
    }

    fn request(&self, server: usize, request: &str) -> String {
        let mut stream = connect(&self.addresses[server]);
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Waits until `/metrics` has this.
    pub fn eventually(&self, line: &str) {
        self.eventually_of(0, line);
    }

    /// Waits until `/metrics` of one of several servers has this.
    pub fn eventually_of(&self, server: usize, line: &str) {
        let start = now();
        loop {
            let page = self.page_of(server, "/metrics");
            if page.contains(line) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "no {line}\n{page}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A figure of `/metrics`.
    pub fn counted(&self, name: &str) -> u64 {
        let page = self.page("/metrics");
        let line = page.lines().find(|line| {
            line.strip_prefix("plimsoll_")
                .and_then(|line| line.strip_prefix(name))
                .is_some_and(|rest| rest.starts_with(' ') || rest.starts_with("_total "))
        });
        line.unwrap_or_else(|| panic!("no {name}: {page}")).rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        let pid = self.process.as_ref().unwrap().id();
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Waits for its good end: what it printed since it listened, and its standard error.
    pub fn wait(mut self) -> (String, String) {
        let mut stdout = String::new();
        self.output.take().unwrap().read_to_string(&mut stdout).unwrap();
        let mut process = self.process.take().unwrap();
        let stderr = errors(&mut process);
        assert_eq!(process.wait().unwrap().code(), Some(0), "{stdout}{stderr}");
        (stdout, stderr)
    }

    /// Waits for its bad end: the exit code and its standard error.
    pub fn failure(mut self) -> (Option<i32>, String) {
        let mut process = self.process.take().unwrap();
        let stderr = errors(&mut process);
        (process.wait().unwrap().code(), stderr)
    }

    /// Ends it: its totals.
    pub fn end(self) -> Value {
        self.terminate();
        let (stdout, stderr) = self.wait();
        let end: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
        end["totals"].clone()
    }
}

impl Drop for Serving {
    /// A test that failed leaves no server behind.
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn upgrade(path: &str, fields: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}\r\n"
    )
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn errors(process: &mut Child) -> String {
    let mut text = String::new();
    process.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    text
}

/// A text message.
pub fn text(content: &str) -> Message {
    Message::text(content)
}

/// The code with which the server closes.
pub fn closed(client: &mut Client) -> Option<u16> {
    loop {
        match client.read() {
            Ok(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
            Ok(_) => {}
            Err(error) => panic!("no close frame: {error}"),
        }
    }
}
