//! Do messages reach members who are connected to other servers, and other processes of theirs? Real clients, real brokers.
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;
#[allow(dead_code, reason = "the links' own tests use all of it")]
#[path = "link/brokers.rs"]
mod brokers;
#[path = "serve/live.rs"]
mod live;

use std::time::Duration;

use brokers::{Broker, Kind, free_port};
use common::{run, scenario};
use live::{Client, Serving, text};
use plimsoll::live::payload::{Form, Header, blank};
use tungstenite::Message;

/// Each question as a test of each kind of broker.
macro_rules! each_broker {
    ($($question:ident),* $(,)?) => {
        mod embedded { $(#[test] fn $question() { super::$question(super::Kind::Embedded); })* }
        mod redis { $(#[test] fn $question() { super::$question(super::Kind::Redis); })* }
        mod nats { $(#[test] fn $question() { super::$question(super::Kind::Nats); })* }
    };
}

each_broker!(
    messages_reach_all_wherever_they_are_once,
    who_has_entered_misses_nothing,
    a_broker_that_is_killed_is_missed_and_found_again,
);

fn messages_reach_all_wherever_they_are_once(kind: Kind) {
    let broker = Broker::start(kind);
    everywhere(&["--servers", "2", "--broker", &broker.url()]);
    everywhere(&["--workers", "2", "--broker", &broker.url()]);
}

#[test]
fn several_processes_have_a_broker_of_their_own() {
    everywhere(&["--servers", "2", "--workers", "2"]);
    everywhere(&["--workers", "3", "--broker", "embedded"]);
}

/// Rooms, direct messages and broadcasts.
fn everywhere(options: &[&str]) {
    rooms(options);
    direct(options);
    broadcast(options);
}

fn serving(fan_out: &str, options: &[&str]) -> Serving {
    let servers = "{count: 1, cores: 2}";
    let workload = format!("{{message: {{rate: 1/s}}, fan_out: {fan_out}, heartbeat: none}}");
    Serving::start(&format!("users: 100\nworkload: {workload}\nservers: {servers}\n"), options)
}

/// A client of each number, dealt out to the servers in turn; the kernel deals those of a server out to its workers.
fn clients(server: &Serving, count: usize, path: impl Fn(usize) -> String) -> Vec<Client> {
    (0..count).map(|at| server.client_of(at % server.addresses.len(), &path(at))).collect()
}

/// The next so many messages, sorted.
fn read(client: &mut Client, count: usize) -> Vec<String> {
    let mut got: Vec<String> = (0..count).map(|_| client.read().unwrap().to_string()).collect();
    got.sort();
    got
}

/// Nothing more has come to any of them; how many messages all servers handed out, and what their links counted.
fn end(server: Serving, clients: Vec<Client>) -> (u64, serde_json::Value) {
    server.terminate();
    for mut client in clients {
        let last = client.read().unwrap();
        assert!(matches!(&last, Message::Close(_)), "one too many: {last}");
    }
    let (stdout, stderr) = server.wait();
    assert!(stderr.is_empty(), "{stderr}");
    let end: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let link = &end["totals"]["link"];
    for dropped in ["dropped_down", "dropped_full", "dropped_arriving", "dropped_by_broker", "down", "unreadable"] {
        assert_eq!(link[dropped], 0, "{dropped} {link}");
    }
    (end["totals"]["messages_out"].as_u64().unwrap(), link.clone())
}

fn rooms(options: &[&str]) {
    const MEMBERS: usize = 8;
    const EACH: usize = 5;
    let server = serving("{room: 8}", options);
    let mut clients = clients(&server, 2 * MEMBERS, |at| format!("/?user={at}&room={}", at / MEMBERS));
    for round in 0..EACH {
        for (at, client) in clients.iter_mut().enumerate() {
            client.send(text(&format!("{at:02} {round}"))).unwrap();
        }
    }
    for (at, client) in clients.iter_mut().enumerate() {
        let first = at / MEMBERS * MEMBERS;
        let wanted: Vec<String> = (first..first + MEMBERS)
            .flat_map(|sender| (0..EACH).map(move |round| format!("{sender:02} {round}")))
            .collect();
        assert_eq!(read(client, MEMBERS * EACH), wanted, "{at} {options:?}");
    }
    let (sent, link) = end(server, clients);
    assert_eq!(sent as usize, 2 * MEMBERS * MEMBERS * EACH);
    assert_eq!(link["published"], 2 * MEMBERS * EACH, "each message once: {link}");
}

fn direct(options: &[&str]) {
    const USERS: usize = 6;
    let server = serving("direct", options);
    let message = |sender: usize, recipient: usize| {
        let mut bytes = blank(Form::Binary, 100, sender as u64);
        let header = Header { sender: sender as u32, recipient: recipient as u32, ..Header::default() };
        header.write(Form::Binary, &mut bytes);
        Message::binary(bytes)
    };
    // The last has two more connections, on other servers or processes if chance has it so.
    let mut clients = clients(&server, USERS + 2, |at| format!("/?user={}", at.min(USERS - 1)));
    for (sender, client) in clients.iter_mut().enumerate().take(USERS) {
        for recipient in 0..=USERS {
            client.send(message(sender, recipient)).unwrap();
        }
    }
    for (at, client) in clients.iter_mut().enumerate() {
        let wanted = (0..USERS).map(|sender| message(sender, at.min(USERS - 1)).to_string());
        assert_eq!(read(client, USERS), sorted(wanted), "{at} {options:?}");
    }
    let (sent, _) = end(server, clients);
    assert_eq!(sent as usize, USERS * (USERS + 2));
}

fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    texts
}

fn broadcast(options: &[&str]) {
    const CLIENTS: usize = 6;
    let server = serving("broadcast", options);
    let mut clients = clients(&server, CLIENTS, |_| "/".to_owned());
    for (at, client) in clients.iter_mut().enumerate() {
        client.send(text(&at.to_string())).unwrap();
    }
    for client in &mut clients {
        assert_eq!(read(client, CLIENTS), sorted((0..CLIENTS).map(|at| at.to_string())), "{options:?}");
    }
    assert_eq!(end(server, clients).0 as usize, CLIENTS * CLIENTS);
}

/// The room is new to the newcomer's server each time, and the message is on its way as soon as the newcomer is in.
fn who_has_entered_misses_nothing(kind: Kind) {
    let broker = Broker::start(kind);
    let server = serving("{room: 2}", &["--servers", "2", "--broker", &broker.url()]);
    let mut clients = Vec::new();
    for room in 0..50 {
        let mut host = server.client_of(0, &format!("/?user={}&room={room}", 2 * room));
        let mut newcomer = server.client_of(1, &format!("/?user={}&room={room}", 2 * room + 1));
        host.send(text("welcome")).unwrap();
        assert_eq!(newcomer.read().unwrap(), text("welcome"), "{room}");
        assert_eq!(host.read().unwrap(), text("welcome"));
        clients.extend([host, newcomer]);
    }
    assert_eq!(end(server, clients).0, 100);
}

fn a_broker_that_is_killed_is_missed_and_found_again(kind: Kind) {
    let mut broker = Broker::start(kind);
    let url = broker.url();
    let server = serving("{room: 2}", &["--servers", "2", "--broker", &url]);
    missed_and_found_again(&mut broker, &[(&server, 0), (&server, 1)]);
    server.terminate();
    let (stdout, stderr) = server.wait();
    assert_told(&stderr);
    let end: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let link = &end["totals"]["link"];
    assert_eq!((&link["down"], &link["dropped_down"]), (&2.into(), &1.into()), "{link}");
}

/// The same with each server a command of its own, as on several machines.
#[test]
fn servers_of_several_commands_are_linked_by_a_broker() {
    let mut broker = Broker::start(Kind::Embedded);
    let url = broker.url();
    let servers = [0; 2].map(|_| serving("{room: 2}", &["--broker", &url]));
    missed_and_found_again(&mut broker, &[(&servers[0], 0), (&servers[1], 0)]);
    for server in servers {
        server.terminate();
        assert_told(&server.wait().1);
    }
}

/// Once each.
fn assert_told(stderr: &str) {
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{stderr}");
    assert!(lines[0].contains("the broker is lost, servers are on their own: "), "{stderr}");
    assert_eq!(lines[1], "the broker is back");
}

fn missed_and_found_again(broker: &mut Broker, servers: &[(&Serving, usize); 2]) {
    let enter = |at: usize, user: u32, room: u32| {
        let (server, number) = servers[at];
        server.client_of(number, &format!("/?user={user}&room={room}"))
    };
    let eventually = |line: &str| servers.iter().for_each(|(server, number)| server.eventually_of(*number, line));
    let (mut here, mut there) = (enter(0, 1, 1), enter(1, 2, 1));
    here.send(text("before")).unwrap();
    assert_eq!((here.read().unwrap(), there.read().unwrap()), (text("before"), text("before")));
    eventually("plimsoll_link_up 1\n");
    // What the broker took in but didn't confirm before its end counts as dropped.
    servers[0].0.eventually_of(servers[0].1, "plimsoll_link_published_total 1\n");

    broker.kill();
    eventually("plimsoll_link_up 0\n");
    eventually("plimsoll_link_down_total 1\n");
    // Members here are served, and who comes is let in.
    here.send(text("meanwhile")).unwrap();
    assert_eq!(here.read().unwrap(), text("meanwhile"));
    servers[0].0.eventually_of(servers[0].1, "plimsoll_link_dropped_down_total 1\n");
    let (mut new_here, mut new_there) = (enter(0, 3, 2), enter(1, 4, 2));

    broker.restart();
    eventually("plimsoll_link_up 1\n");
    for (sender, recipient) in [(&mut here, &mut there), (&mut new_here, &mut new_there)] {
        sender.send(text("after")).unwrap();
        assert_eq!((sender.read().unwrap(), recipient.read().unwrap()), (text("after"), text("after")));
        recipient.send(text("back")).unwrap();
        assert_eq!((sender.read().unwrap(), recipient.read().unwrap()), (text("back"), text("back")));
    }
}

#[test]
fn a_broker_that_is_not_there_is_named_once() {
    let file = scenario("users: 10\nworkload: {message: {rate: 1/s}, fan_out: broadcast}\nservers: {count: 1}\n");
    let file = file.to_str().unwrap();
    for scheme in ["redis", "nats", "plimsoll"] {
        let broker = format!("{scheme}://127.0.0.1:{}", free_port());
        for servers in ["1", "2"] {
            let ended = run(["serve", file, "--servers", servers, "--broker", &broker]);
            assert_eq!(ended.code, Some(3), "{}", ended.stderr);
            let wanted = format!("error: the broker {broker} can't be reached: ");
            assert!(ended.stderr.starts_with(&wanted) && ended.stderr.contains("start it with"), "{}", ended.stderr);
            assert_eq!((ended.stderr.lines().count(), ended.stdout.as_str()), (1, ""), "{}", ended.stderr);
            assert!(ended.took < Duration::from_secs(30));
        }
    }
}
