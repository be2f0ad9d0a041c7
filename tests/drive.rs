//! What does the driver measure, and does it tell the truth about servers that are slow, full, silent, or none?
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]
#![allow(clippy::float_cmp, reason = "counts are whole numbers")]
#![allow(clippy::result_large_err, reason = "tungstenite's own type")]

mod common;

use std::collections::HashMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::{Ended, folder, run, scenario};
use plimsoll::report::drive::DriveReport;
use plimsoll::stats::Estimate;
use serde_json::Value;
use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::{Message, WebSocket};

/// A server to drive, with a thread for each connection.
struct Server {
    address: SocketAddr,
    /// Messages that it got.
    messages: Arc<AtomicU64>,
}

/// What a server does with a message: on which connection (its number, the query of its request), which message of all.
type Behaviour = dyn Fn(&mut Peer<'_>, Message) + Send + Sync;

/// A connection as a server's behaviour sees it.
struct Peer<'a> {
    query: &'a str,
    /// Which of all messages this one is, from 0.
    number: u64,
    socket: &'a mut WebSocket<TcpStream>,
    others: &'a Mutex<HashMap<SocketAddr, (String, TcpStream)>>,
}

impl Server {
    fn new(limit: usize, behaviour: impl Fn(&mut Peer<'_>, Message) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let messages = Arc::new(AtomicU64::new(0));
        let (open, behaviour): (_, Arc<Behaviour>) = (Arc::new(AtomicUsize::new(0)), Arc::new(behaviour));
        let others = Arc::new(Mutex::new(HashMap::new()));
        let counted = Arc::clone(&messages);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (open, behaviour, others) = (Arc::clone(&open), Arc::clone(&behaviour), Arc::clone(&others));
                let counted = Arc::clone(&counted);
                let stream = stream.unwrap();
                thread::spawn(move || {
                    // Counted before it is looked at, so that two at once can't both be the last.
                    let is_full = open.fetch_add(1, Ordering::SeqCst) >= limit;
                    serve(stream, is_full, &counted, &others, behaviour.as_ref());
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, messages }
    }

    /// One that sends back what it gets.
    fn echo() -> Self {
        Self::new(usize::MAX, |peer, message| peer.socket.send(message).unwrap_or_default())
    }

    fn url(&self) -> String {
        format!("ws://{}", self.address)
    }
}

fn serve(
    stream: TcpStream,
    is_full: bool,
    messages: &AtomicU64,
    others: &Mutex<HashMap<SocketAddr, (String, TcpStream)>>,
    behaviour: &Behaviour,
) {
    stream.set_nodelay(true).unwrap();
    let mut query = String::new();
    let (peer, writer) = (stream.peer_addr().unwrap(), stream.try_clone().unwrap());
    let greeted = tungstenite::accept_hdr(stream, |request: &Request, response: Response| {
        request.uri().query().unwrap_or_default().clone_into(&mut query);
        if is_full {
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = "503".parse().unwrap();
            return Err(refusal);
        }
        Ok(response)
    });
    let Ok(mut socket) = greeted else { return };
    others.lock().unwrap().insert(peer, (query.clone(), writer));
    while let Ok(message) = socket.read() {
        if message.is_text() || message.is_binary() {
            let number = messages.fetch_add(1, Ordering::SeqCst);
            behaviour(&mut Peer { query: &query, number, socket: &mut socket, others }, message);
        }
    }
    others.lock().unwrap().remove(&peer);
}

/// Drives for a second, as short as it gets.
fn drive(server: &str, text: &str, more: &[&str]) -> Ended {
    let file = scenario(text);
    let mut arguments = vec!["drive", file.to_str().unwrap(), "--url", server, "--quiet"];
    for (option, short) in [("--duration", "1 s"), ("--warm-up", "200 ms")] {
        if !more.contains(&option) {
            arguments.extend([option, short]);
        }
    }
    arguments.extend(more);
    run(arguments)
}

fn json(server: &str, text: &str, more: &[&str]) -> Value {
    drive(server, text, &[&["--format", "json"], more].concat()).well().json()["live"].take()
}

const CHAT: &str = "users: 20\nworkload: {message: {rate: 10/s}}";

fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{pointer} of {value:#}"))
}

#[test]
fn an_echo_is_measured_and_every_message_accounted_for() {
    let server = Server::echo();
    for encoding in ["json", "binary"] {
        let text = format!("{CHAT}\nprotocol: {{encoding: {encoding}}}");
        let live = json(&server.url(), &text, &[]);
        let messages = |name: &str| number(&live, &format!("/messages/{name}"));
        assert!((120.0..=280.0).contains(&messages("offered")), "{live:#}");
        assert_eq!(messages("offered"), messages("sent"));
        assert_eq!(messages("sent"), messages("answered"));
        for zero in ["unsent", "unanswered", "altered", "unexpected"] {
            assert_eq!(messages(zero), 0.0, "{zero}");
        }
        assert_eq!(number(&live, "/connections/at_start"), 20.0);
        assert_eq!(number(&live, "/connections/at_end"), 20.0);
        assert!(number(&live, "/latency_seconds/p50/value") > 0.0);
        assert!(number(&live, "/latency_seconds/max/value") >= number(&live, "/latency_seconds/p99/value"));
        assert!(number(&live, "/connect_seconds/p99") > 0.0);
    }
    // All that was sent, warm-up included, has arrived.
    assert!(server.messages.load(Ordering::SeqCst) >= 240);
}

#[test]
fn messages_too_small_for_a_header_are_answered_in_order() {
    let server = Server::echo();
    let live = json(
        &server.url(),
        &format!("{CHAT}\nprotocol: {{encoding: binary}}"),
        &["--set", "workload.message.size=5 B"],
    );
    assert_eq!(number(&live, "/messages/answered"), number(&live, "/messages/offered"));
    assert_eq!(number(&live, "/messages/altered"), 0.0);
}

#[test]
fn latency_is_at_least_what_the_server_takes() {
    let server = Server::new(usize::MAX, |peer, message| {
        thread::sleep(Duration::from_millis(5));
        peer.socket.send(message).unwrap_or_default();
    });
    let live = json(&server.url(), CHAT, &[]);
    assert!(number(&live, "/latency_seconds/p50/value") >= 0.005, "{live:#}");
}

/// One connection, 100 messages a second, evenly: a server that stands still for 300 ms once delays 30 messages in 100, by
/// up to 300 ms, evenly. A driver that waited for answers would see one.
#[test]
fn a_server_that_stood_still_shows_in_all_messages_that_were_meant_to_be_sent_then() {
    let server = Server::new(usize::MAX, |peer, message| {
        if peer.number == 60 {
            thread::sleep(Duration::from_millis(300));
        }
        peer.socket.send(message).unwrap_or_default();
    });
    let text = "users: 1\nworkload: {message: {rate: 100/s, arrivals: periodic}}";
    let live = json(&server.url(), text, &[]);
    assert_eq!(number(&live, "/messages/answered"), number(&live, "/messages/offered"));
    assert!(number(&live, "/latency_seconds/p99/value") > 0.25, "{live:#}");
    // The middle of the delayed is at 150 ms: 15 % of all are slower.
    assert!(number(&live, "/latency_seconds/p90/value") > 0.15, "{live:#}");
}

#[test]
fn a_closed_loop_keeps_its_messages_under_way() {
    let server = Server::new(usize::MAX, |peer, message| {
        thread::sleep(Duration::from_millis(10));
        peer.socket.send(message).unwrap_or_default();
    });
    let live = json(&server.url(), CHAT, &["--users", "2", "--in-flight", "3"]);
    // Little's law: 6 messages under way, at most 100/s on each of two connections.
    let (rate, latency) =
        (number(&live, "/messages_out_per_second/value"), number(&live, "/latency_seconds/mean/value"));
    assert!((rate * latency - 6.0).abs() < 1.0, "{live:#}");
    assert!(rate <= 200.0 && latency >= 0.03, "{live:#}");
    assert!(live["driver"]["lateness_seconds"].is_null());
}

#[test]
fn messages_to_rooms_to_one_and_to_all_are_counted() {
    for (fan_out, each) in [("{room: 5}", 5.0), ("direct", 1.0), ("broadcast", 20.0)] {
        let server = Server::new(usize::MAX, deliver);
        for threads in ["1", "3"] {
            let text =
                format!("users: 20\nservers: {{count: 1}}\nworkload: {{message: {{rate: 4/s}}, fan_out: {fan_out}}}");
            let live = json(&server.url(), &text, &["--threads", threads]);
            let deliveries = |name: &str| number(&live, &format!("/deliveries/{name}"));
            assert_eq!(deliveries("expected"), each * number(&live, "/messages/sent"), "{live:#}");
            assert_eq!((deliveries("missing"), deliveries("duplicate")), (0.0, 0.0), "{live:#}");
            assert_eq!(deliveries("received"), deliveries("expected"));
            assert_eq!(number(&live, "/messages/unexpected"), 0.0);
            assert!(number(&live, "/latency_seconds/p50/value") > 0.0);
        }
    }
}

/// A server that leaves out every tenth message and sends every other tenth twice, to one member.
#[test]
fn what_is_missing_and_what_comes_twice_is_counted() {
    let server = Server::new(usize::MAX, |peer, message| match peer.number % 10 {
        3 => {}
        7 => {
            deliver(peer, message.clone());
            peer.socket.send(message).unwrap_or_default();
        }
        _ => deliver(peer, message),
    });
    let text = "users: 20\nservers: {count: 1}\nworkload: {message: {rate: 5/s}, fan_out: {room: 5}}";
    let live = json(&server.url(), text, &["--drain", "1 s"]);
    let deliveries = |name: &str| number(&live, &format!("/deliveries/{name}"));
    let sent = number(&live, "/messages/sent");
    assert!((deliveries("missing") / 5.0 - sent / 10.0).abs() < 2.0, "{live:#}");
    assert!((deliveries("duplicate") - sent / 10.0).abs() < 2.0, "{live:#}");
    assert_eq!(deliveries("received"), deliveries("expected") - deliveries("missing") + deliveries("duplicate"));
}

/// Sends a message to whom it is for, by the queries of the connections.
fn deliver(peer: &mut Peer<'_>, message: Message) {
    let data = message.into_data();
    // The header in hexadecimal, after `{"id":"`: the recipient is its last four bytes, little-endian.
    let digits = std::str::from_utf8(&data[7..55]).unwrap();
    let byte = |at: usize| u32::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap();
    let recipient = (20..24).rev().fold(0, |sum, at| sum << 8 | byte(at));
    let room = peer.query.split_once("&room=").map(|(_, room)| room);
    let mut others = peer.others.lock().unwrap();
    for (query, stream) in others.values_mut() {
        let is_meant = match room {
            Some(room) => query.split_once("&room=").map(|(_, room)| room) == Some(room),
            // Who doesn't say who it is gets everything.
            None => query.is_empty() || *query == format!("user={recipient}"),
        };
        if is_meant {
            let mut frame = vec![0x81, 126];
            frame.extend((data.len() as u16).to_be_bytes());
            frame.extend(&data);
            stream.write_all(&frame).unwrap_or_default();
        }
    }
}

#[test]
fn what_a_full_server_refuses_is_counted() {
    let server = Server::new(5, |peer, message| peer.socket.send(message).unwrap_or_default());
    let live = json(&server.url(), CHAT, &["--users", "8", "--set", "workload.reconnect=none"]);
    assert_eq!(number(&live, "/connections/at_start"), 5.0, "{live:#}");
    assert_eq!(number(&live, "/refused_connections"), 3.0);
    let messages = |name: &str| number(&live, &format!("/messages/{name}"));
    assert_eq!(messages("offered"), messages("sent") + messages("unsent"));
    assert!(messages("unsent") > 0.0 && messages("answered") == messages("sent"), "{live:#}");
    // Those who may come back try again and again.
    let again = "workload.reconnect={backoff: 50 ms, jitter: none}";
    let live = json(&server.url(), CHAT, &["--users", "8", "--set", again]);
    assert!(number(&live, "/refused_connections") > 6.0, "{live:#}");
}

/// A server that closes each connection after ten messages, and lets it come back.
#[test]
fn lost_connections_come_back() {
    let server = Server::new(usize::MAX, |peer, message| {
        peer.socket.send(message).unwrap_or_default();
        if peer.number % 10 == 9 {
            peer.socket.close(None).unwrap_or_default();
        }
    });
    let live = json(&server.url(), CHAT, &["--set", "workload.reconnect={backoff: 10 ms, jitter: none}"]);
    let connections = |name: &str| number(&live, &format!("/connections/{name}"));
    assert!(connections("lost") > 5.0 && connections("opened") > 25.0, "{live:#}");
    assert!(connections("at_end") > 10.0, "{live:#}");
}

#[test]
fn sessions_end_and_others_begin() {
    let server = Server::echo();
    let live = json(&server.url(), CHAT, &["--set", "workload.session.length=300 ms"]);
    let connections = |name: &str| number(&live, &format!("/connections/{name}"));
    assert!(connections("sessions_ended") > 20.0 && connections("opened") > 40.0, "{live:#}");
    assert_eq!(connections("lost"), 0.0, "{live:#}");
}

#[test]
fn the_same_seed_has_the_same_schedule_and_the_record_can_be_replayed() {
    let server = Server::echo();
    let folder = folder();
    let times = |name: &str, more: &[&str]| {
        let file = folder.join(name);
        let record = ["--record", file.to_str().unwrap(), "--warm-up", "0 s"];
        json(&server.url(), CHAT, &[&record, more].concat());
        fs::read_to_string(file).unwrap()
    };
    let first = times("1.csv", &["--seed", "7"]);
    assert!(first.lines().count() > 100);
    assert_eq!(first, times("2.csv", &["--seed", "7"]));
    assert_ne!(first, times("3.csv", &["--seed", "8"]));
    // The simulator takes it as it is, and so does the driver.
    fs::write(folder.join("replay.yaml"), "users: 20\nworkload: {message: {rate: 10/s, arrivals: {trace: 1.csv}}}")
        .unwrap();
    let replay = folder.join("replay.yaml");
    let result = run(["simulate", replay.to_str().unwrap(), "--quiet", "--format", "json"]).well().json();
    assert!(number(&result, "/simulation/messages/value") > 100.0);
    let again = folder.join("4.csv");
    let options = ["drive", replay.to_str().unwrap(), "--url", &server.url(), "--quiet", "--duration", "900 ms"];
    run([&options[..], &["--warm-up", "0 s", "--record", again.to_str().unwrap()]].concat()).well();
    let seconds = |text: &str| {
        let lines = text.lines().skip(2).map(|line| line.parse::<f64>().unwrap());
        lines.filter(|time| *time < 0.9).collect::<Vec<_>>()
    };
    let (wanted, got) = (seconds(&first), seconds(&fs::read_to_string(again).unwrap()));
    assert_eq!(wanted.len(), got.len());
    assert!(wanted.iter().zip(&got).all(|(a, b)| (a - b).abs() < 2e-9));
}

#[test]
fn the_percentile_file_is_as_other_tools_read_it() {
    let server = Server::echo();
    let file = folder().join("out.hgrm");
    let live = json(&server.url(), CHAT, &["--hgrm", file.to_str().unwrap()]);
    let text = fs::read_to_string(&file).unwrap();
    let mut lines = text.lines();
    assert_eq!(
        lines.next().unwrap().split_whitespace().collect::<Vec<_>>(),
        ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
    );
    let rows: Vec<Vec<f64>> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_whitespace().map(|figure| figure.parse().unwrap()).collect())
        .collect();
    assert!(rows.len() > 10 && rows.is_sorted_by(|a, b| a[0] <= b[0] && a[1] <= b[1] && a[2] <= b[2]), "{text}");
    let last = rows.last().unwrap();
    assert_eq!((last[1], last[2]), (1.0, number(&live, "/messages/answered")), "{text}");
    let at = |share: f64| rows.iter().find(|row| row[1] >= share).unwrap()[0] / 1e3;
    let p50 = number(&live, "/latency_seconds/p50/value");
    assert!((at(0.5) / p50 - 1.0).abs() < 0.3, "{} {p50}", at(0.5));
    for mark in ["#[Mean", "#[Max", "#[Buckets"] {
        assert!(text.contains(mark), "{text}");
    }
}

/// The server is a thread of this process, so this process is what is watched. It burns 2 ms for each message.
#[test]
fn the_servers_process_is_watched_over_the_time_measured() {
    let server = Server::new(usize::MAX, |peer, message| {
        let start = common::now();
        while start.elapsed() < Duration::from_millis(2) {}
        peer.socket.send(message).unwrap_or_default();
    });
    let me = std::process::id().to_string();
    let shown = drive(&server.url(), CHAT, &["--watch-pid", &me, "--format", "json"]).well().stdout;
    let report: DriveReport = serde_json::from_str(&shown).unwrap();
    let live = &report.live;
    let watched = live.watched.as_ref().unwrap();
    assert_eq!(watched.pids, [std::process::id()]);
    assert!(watched.duration_seconds > 0.5, "{watched:?}");
    assert!(watched.cpu_seconds > 0.02 && watched.context_switches > 20, "{watched:?}");
    // Each message goes both ways over loopback, with its headers.
    let messages = live.messages.answered.unwrap();
    assert!(watched.loopback_bytes > 2 * 100 * messages && watched.loopback_packets > messages, "{watched:?}");
    assert!((0.0..=1.0).contains(&watched.steal_share));
    // A thread for each of 20 connections takes memory.
    assert!(watched.memory_bytes.connected > 0 && watched.memory_bytes.at_end > 0, "{watched:?}");
    assert!(live.cpu_per_message().unwrap() > 0.0);
    let seen = live.observation(2.0);
    let busy = seen.cpu_busy.unwrap().value;
    assert!((busy - watched.cpu_seconds / watched.duration_seconds / 2.0).abs() < 1e-9, "{busy} {watched:?}");
    assert_eq!(seen.latency, live.latency);
    assert_eq!(seen.connections, Some(Estimate::exact(20.0)));
    assert_eq!(seen.dropped_share, Some(Estimate::exact(0.0)));
    assert!(seen.wire_bytes_per_second.unwrap().value > 0.0 && seen.memory_per_connection_bytes.is_some());
    // What was read is what was written.
    let again: Value = serde_json::to_value(&report).unwrap();
    assert!(alike(&again, &serde_json::from_str(&shown).unwrap()), "{again:#}\n{shown}");
    // Nobody to watch, nothing seen; and somebody who isn't there is told.
    let live = json(&server.url(), CHAT, &[]);
    assert!(live["watched"].is_null());
    let ended = drive(&server.url(), CHAT, &["--watch-pid", "4194305"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("process 4194305 can't be watched"), "{}", ended.stderr);
}

/// Whether two are the same but for the last digit of a figure.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|((key, one), (name, other))| key == name && alike(one, other))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            (one - other).abs() <= 1e-12 * one.abs()
        }
        _ => one == other,
    }
}

#[test]
fn the_table_says_what_was_done() {
    let server = Server::echo();
    let me = std::process::id().to_string();
    let shown = drive(&server.url(), CHAT, &["--seed", "5", "--watch-pid", &me]).well().stdout;
    for word in ["20 of 20 open", "Latency p99.9", "seed 5", "answered", "Server processes", "Driver", "idle"] {
        assert!(shown.contains(word), "{word}:\n{shown}");
    }
}

/// Each mistake has its words and exit code 3.
#[test]
fn servers_that_are_none_are_told() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let web = answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
    let mail = answering("220 mail.example ESMTP\r\n");
    let liar = answering("HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: wrong\r\n\r\n");
    let odd = "HTTP/1.1 101 OK\r\nupgrade: websocket\r\n\r\n";
    for (address, words) in [
        (nobody, "there is no server at 127.0.0.1:"),
        (web, "is no WebSocket server: it answers with HTTP status 200"),
        (mail, "is no WebSocket server: its answer is no HTTP"),
        (liar, "Sec-WebSocket-Accept"),
        (answering(odd), "is no WebSocket server"),
    ] {
        let ended = drive(&format!("ws://{address}"), CHAT, &[]);
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        assert!(ended.stderr.contains(words) && ended.stdout.is_empty(), "{}", ended.stderr);
    }
}

#[test]
fn wrong_usage_is_told() {
    let server = "ws://127.0.0.1:9";
    for (url, more, words) in [
        ("http://127.0.0.1:9", vec![], "it must begin with ws:// or wss://"),
        (server, vec!["--duration", "5"], "`--duration` needs a unit"),
        (server, vec!["--threads", "0"], "out of range"),
        (
            server,
            vec!["--set", "workload.profile={diurnal: {low: 30 %}}", "--set", "workload.profile.of=users"],
            "profile",
        ),
        (server, vec!["--in-flight", "2", "--set", "workload.fan_out=none"], "--in-flight"),
    ] {
        let ended = drive(url, CHAT, &more);
        assert_eq!(ended.code, Some(2), "{more:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{more:?}: {}", ended.stderr);
    }
    let ended = drive(server, "users: 300k\nworkload: {message: {rate: 1/s}}", &["--threads", "1"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("too few file descriptors: 300000 connections"), "{}", ended.stderr);
    let ended = drive("ws://127.0.0.1:9", CHAT, &["--record", "/no/such/folder/x.csv"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("can't be written") && !Path::new("/no/such/folder").exists());
}

/// A server that says this to everybody.
fn answering(text: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1_000];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(text.as_bytes());
        }
    });
    address
}
