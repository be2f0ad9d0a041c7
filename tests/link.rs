//! Are servers linked as they should be? The same questions to each kind of broker, real ones all.
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;
#[path = "link/brokers.rs"]
mod brokers;
#[path = "link/server.rs"]
mod server;

use std::time::Duration;

use brokers::{BOUND, Broker, Kind, free_port};
use plimsoll::live::link::{Channel, EmbeddedBroker, Link, LinkEvent, LinkOptions, Namespace, Published};
use server::{Server, Setting, USUAL};
use tokio::time::timeout;

/// Each question as a test of each kind of broker.
macro_rules! conformance {
    ($($question:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $question() { super::bounded(super::$question(super::Kind::Embedded)).await; })*
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $question() { super::bounded(super::$question(super::Kind::Redis)).await; })*
        }
        mod nats {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $question() { super::bounded(super::$question(super::Kind::Nats)).await; })*
        }
    };
}

conformance!(
    every_letter_reaches_every_subscribed_server_once,
    who_has_left_gets_nothing,
    letters_arrive_as_they_were_sent,
    a_killed_broker_is_noticed_and_found_again,
    a_broker_that_hangs_is_taken_for_lost,
    what_waits_is_bounded,
    many_channels_are_known_at_once,
    systems_do_not_hear_one_another,
    closing_sends_what_waits,
    a_broker_that_is_not_there_is_named,
);

async fn bounded(question: impl Future<Output = ()>) {
    timeout(4 * BOUND, question).await.expect("the test should have ended long ago");
}

async fn servers(broker: &Broker, count: usize) -> Vec<Server> {
    let mut servers = Vec::new();
    for _ in 0..count {
        servers.push(Server::new(broker.address()).await);
    }
    servers
}

async fn every_letter_reaches_every_subscribed_server_once(kind: Kind) {
    const EACH: usize = 300;
    let broker = Broker::start(kind);
    let servers = servers(&broker, 4).await;
    // Room 1 has members everywhere, room 2 on the first two servers, room 3 on the last, room 4 nowhere.
    let rooms: [&[u64]; 4] = [&[1, 2], &[1, 2], &[1], &[1, 3]];
    for (server, rooms) in servers.iter().zip(rooms) {
        let channels: Vec<Channel> = rooms.iter().map(|room| Channel::Room(*room)).collect();
        server.join(&channels).await;
        server.join(&[Channel::Everyone]).await;
    }
    servers[0].join(&[Channel::User(7)]).await;
    for n in 0..EACH {
        for (at, server) in servers.iter().enumerate() {
            for channel in [Channel::Room(1), Channel::Room(2), Channel::Room(3), Channel::Room(4)] {
                server.publish(channel, &format!("{at} {n}"));
            }
            if n == 0 {
                server.publish(Channel::Everyone, &format!("{at} {n}"));
                server.publish(Channel::User(7), &format!("{at} {n}"));
            }
        }
    }
    for (at, (server, rooms)) in servers.iter().zip(rooms).enumerate() {
        let from_others = rooms.len() * 3 * EACH + 3 + if at == 0 { 3 } else { 0 };
        server.receives(from_others).await;
        for (channel, texts) in server.texts() {
            for other in 0..4 {
                let found: Vec<&str> =
                    texts.iter().filter_map(|text| text.strip_prefix(&format!("{other} "))).collect();
                let sent = if matches!(channel, Channel::Room(_)) { EACH } else { 1 };
                let expected: Vec<String> = (0..if other == at { 0 } else { sent }).map(|n| n.to_string()).collect();
                assert_eq!(found, expected, "{at} from {other} on {channel:?}: all of them, once, in order");
            }
        }
        let counters = server.link.counters();
        assert_eq!((counters.received, counters.published), (from_others as u64, (4 * EACH + 2) as u64));
        assert_eq!((counters.dropped(), counters.unreadable, counters.down), (0, 0, 0), "{counters:?}");
    }
}

async fn who_has_left_gets_nothing(kind: Kind) {
    let broker = Broker::start(kind);
    let servers = servers(&broker, 2).await;
    let (left, other) = (Channel::Room(1), Channel::Room(2));
    // Two members of room 1: when one goes, the other still wants letters.
    servers[0].join(&[left, left, other]).await;
    servers[0].link.leave(left);
    assert!(servers[0].link.settled().await);
    servers[1].publish(left, "one member is left");
    servers[0].receives(1).await;
    servers[0].link.leave(left);
    assert!(servers[0].link.settled().await);
    assert_eq!(servers[0].link.counters().channels, 1);
    for n in 0..100 {
        servers[1].publish(left, "nobody is left");
        servers[1].publish(other, &n.to_string());
    }
    servers[0].receives(101).await;
    assert_eq!(servers[0].texts()[&left].len(), 1);
    // And back again.
    servers[0].join(&[left]).await;
    servers[1].publish(left, "back");
    servers[0].receives(102).await;
    assert_eq!(servers[0].texts()[&left], ["one member is left", "back"]);
}

async fn letters_arrive_as_they_were_sent(kind: Kind) {
    let broker = Broker::start(kind);
    let servers = servers(&broker, 2).await;
    servers[0].join(&[Channel::Everyone]).await;
    let every_byte: Vec<u8> = (0..=u8::MAX).cycle().take(900_000).collect();
    let too_large_for_nats = vec![b'x'; 2 << 20];
    for contents in [&b""[..], b"\r\n+PONG\r\n", "é\0\u{1F6A2}".as_bytes(), &every_byte, &too_large_for_nats, b"last"]
    {
        assert_eq!(servers[1].link.publish(Channel::Everyone, contents), Published::Queued);
    }
    let refused = usize::from(kind == Kind::Nats);
    servers[0].receives(6 - refused).await;
    let letters = servers[0].letters();
    assert_eq!(&letters[0].bytes[..], b"");
    assert_eq!(&letters[1].bytes[..], b"\r\n+PONG\r\n");
    assert_eq!(&letters[2].bytes[..], "é\0\u{1F6A2}".as_bytes());
    assert!(letters[3].bytes == every_byte);
    assert!(refused == 1 || letters[4].bytes == too_large_for_nats);
    assert_eq!(&letters[5 - refused].bytes[..], b"last");
    servers[1].counts(|counters| counters.published == (6 - refused) as u64).await;
    assert_eq!(servers[1].link.counters().dropped_too_large, refused as u64);
    assert_eq!(servers[1].link.counters().down, 0, "a letter too large is no reason to lose the broker");
}

async fn a_killed_broker_is_noticed_and_found_again(kind: Kind) {
    let mut broker = Broker::start(kind);
    let servers = servers(&broker, 3).await;
    let room = Channel::Room(1);
    for server in &servers {
        server.join(&[room, Channel::Everyone]).await;
    }
    servers[0].publish(room, "before");
    servers[1].receives(1).await;
    for lost in 1..=2 {
        broker.kill();
        for server in &servers {
            server.counts(|counters| !counters.up).await;
            assert_eq!(server.link.publish(room, b"nobody hears this"), Published::BrokerAway);
            assert!(!server.link.settled().await, "it says so at once");
        }
        // Members come and go while it is away.
        servers[2].link.leave(room);
        servers[2].link.join(Channel::Room(10 + lost));
        servers[0].counts(|counters| counters.attempts > 0).await;
        broker.restart();
        for server in &servers {
            server.counts(|counters| counters.up).await;
            let counters = server.link.counters();
            assert_eq!((counters.down, counters.dropped_down), (lost, lost), "{counters:?}");
            assert_eq!(server.events().len() as u64, 2 * lost);
            assert!(matches!(server.events()[..], [.., LinkEvent::Lost(_), LinkEvent::Back]));
        }
        let so_far = servers[1].letters().len();
        servers[0].publish(room, "after");
        servers[0].publish(Channel::Room(10 + lost), "new member");
        servers[1].receives(so_far + 1).await;
        servers[2].counts(|counters| counters.received > lost).await;
        assert_eq!(servers[2].texts()[&Channel::Room(10 + lost)], ["new member"]);
        servers[2].join(&[room]).await;
    }
    assert_eq!(servers[1].texts()[&room], ["before", "after", "after"]);
    assert_eq!(servers[2].texts()[&room], ["before"], "it was not in the room");
}

async fn a_broker_that_hangs_is_taken_for_lost(kind: Kind) {
    let broker = Broker::start(kind);
    let quick = Setting { patience: Duration::from_millis(1_500), ..USUAL };
    let servers = [Server::with(broker.address(), quick).await, Server::with(broker.address(), quick).await];
    for server in &servers {
        server.join(&[Channel::Everyone]).await;
    }
    broker.signal("STOP");
    for server in &servers {
        server.counts(|counters| counters.down == 1 && !counters.up).await;
        let LinkEvent::Lost(reason) = &server.events()[0] else { panic!("{:?}", server.events()) };
        assert_eq!(reason, "no answer within 1.5 s");
    }
    broker.signal("CONT");
    for server in &servers {
        server.counts(|counters| counters.up).await;
        assert!(server.link.settled().await);
    }
    // The connections of before may still be open at the broker: nothing may come by both.
    for n in 0..100 {
        servers[0].publish(Channel::Everyone, &n.to_string());
    }
    servers[1].receives(100).await;
    let expected: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    assert_eq!(servers[1].texts()[&Channel::Everyone], expected);
}

async fn what_waits_is_bounded(kind: Kind) {
    const SIZE: usize = 10_000;
    let broker = Broker::start(kind);
    let small = Setting { queue_bytes: 1 << 20, patience: BOUND, ..USUAL };
    let sender = Server::with(broker.address(), small).await;
    let receiver = Server::with(broker.address(), USUAL).await;
    receiver.join(&[Channel::Everyone]).await;
    broker.signal("STOP");
    let letter = vec![b'x'; SIZE];
    let (mut queued, mut dropped) = (0_u64, 0_u64);
    // Sockets' buffers and the client's own queue take some; then the link's queue fills.
    while dropped < 10 {
        match sender.link.publish(Channel::Everyone, &letter) {
            Published::Queued => queued += 1,
            Published::QueueFull => dropped += 1,
            Published::BrokerAway => panic!("{:?}", sender.events()),
        }
        assert!(queued < 20_000, "200 MB, and no limit");
        if queued % 10 == 0 {
            tokio::task::yield_now().await;
        }
    }
    broker.signal("CONT");
    sender.counts(|counters| counters.published == queued).await;
    let counters = sender.link.counters();
    assert_eq!((counters.dropped_full, counters.dropped(), counters.down), (dropped, dropped, 0), "{counters:?}");
    receiver.receives(queued as usize).await;
}

async fn many_channels_are_known_at_once(kind: Kind) {
    const MANY: u64 = 5_000;
    let broker = Broker::start(kind);
    let servers = servers(&broker, 2).await;
    let users: Vec<Channel> = (0..MANY).map(Channel::User).collect();
    servers[0].join(&users).await;
    assert_eq!(servers[0].link.counters().channels, MANY);
    for user in &users {
        servers[1].publish(*user, "hello");
    }
    servers[0].receives(MANY as usize).await;
    assert_eq!(servers[0].texts().len() as u64, MANY);
    for user in &users {
        servers[0].link.leave(*user);
    }
    assert!(servers[0].link.settled().await);
    servers[0].join(&[Channel::Everyone]).await;
    for user in &users[..100] {
        servers[1].publish(*user, "gone");
    }
    servers[1].publish(Channel::Everyone, "still here");
    servers[0].receives(MANY as usize + 1).await;
}

async fn systems_do_not_hear_one_another(kind: Kind) {
    let broker = Broker::start(kind);
    let here = Server::new(broker.address()).await;
    let there = Server::with(broker.address(), Setting { system: "other", ..USUAL }).await;
    for server in [&here, &there] {
        server.join(&[Channel::Everyone, Channel::Room(1)]).await;
    }
    let sender = Server::new(broker.address()).await;
    sender.publish(Channel::Everyone, "to those of my system");
    sender.publish(Channel::Room(1), "to those of my system");
    here.receives(2).await;
    there.receives(0).await;
}

async fn closing_sends_what_waits(kind: Kind) {
    let broker = Broker::start(kind);
    let servers = servers(&broker, 2).await;
    servers[0].join(&[Channel::Everyone]).await;
    for n in 0..5_000 {
        servers[1].publish(Channel::Everyone, &n.to_string());
    }
    servers[1].link.close().await;
    assert_eq!(servers[1].link.publish(Channel::Everyone, b"too late"), Published::BrokerAway);
    assert!(!servers[1].link.settled().await);
    servers[0].receives(5_000).await;
    assert!(servers[1].events().is_empty(), "taking leave is no loss: {:?}", servers[1].events());
}

async fn a_broker_that_is_not_there_is_named(kind: Kind) {
    let (scheme, start) = match kind {
        Kind::Embedded => ("plimsoll", "plimsoll broker --listen"),
        Kind::Redis => ("redis", "redis-server"),
        Kind::Nats => ("nats", "nats-server"),
    };
    let login = if kind == Kind::Embedded { "" } else { "me:secret@" };
    let port = free_port();
    let connect = async |port: u16| {
        let mut options =
            LinkOptions::new(format!("{scheme}://{login}127.0.0.1:{port}").parse().unwrap(), Namespace::new("test"));
        options.patience = Duration::from_secs(2);
        Link::connect(options).await.unwrap_err().to_string()
    };
    let error = connect(port).await;
    for part in [&format!("{scheme}://127.0.0.1:{port} can't be reached"), "refused", start, "--broker embedded"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(!error.contains("secret"), "{error}");
    // Another service is there, of a kind that speaks first or doesn't.
    for other in [Kind::Embedded, Kind::Redis, Kind::Nats].into_iter().filter(|other| *other != kind) {
        let broker = Broker::start(other);
        let error = connect(broker.port()).await;
        assert!(error.contains("can't be reached: ") && !error.contains("secret"), "{other:?}: {error}");
    }
}

/// Several links and a broker in one process, as a parent of servers has it.
#[tokio::test]
async fn the_embedded_broker_runs_in_any_process() {
    let broker = EmbeddedBroker::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let servers = [Server::new(broker.address()).await, Server::new(broker.address()).await];
    for server in &servers {
        server.join(&[Channel::Room(1)]).await;
    }
    assert_eq!(broker.counters().servers, 2);
    servers[0].publish(Channel::Room(1), "hello");
    servers[1].receives(1).await;
    let counters = broker.counters();
    assert_eq!((counters.published, counters.delivered, counters.dropped), (1, 1, 0));
    assert_eq!(servers[0].link.counters().own, 0, "it doesn't send them back");
    drop(broker);
    for server in &servers {
        server.counts(|counters| counters.down == 1).await;
    }
}

/// A server that takes nothing from its socket loses letters, and slows nobody else down.
#[tokio::test]
async fn a_slow_server_is_its_own_problem() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let broker = EmbeddedBroker::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = broker.address().to_string();
    let mut slow = tokio::net::TcpStream::connect(address.strip_prefix("plimsoll://").unwrap()).await.unwrap();
    let name = Namespace::new("test").name(Channel::Everyone);
    let mut subscribe = vec![0, 0, 0, 10, 1];
    subscribe.extend_from_slice(b"plimsoll\x01");
    subscribe.extend_from_slice(&(name.len() as u32 + 1).to_be_bytes());
    subscribe.push(2);
    subscribe.extend_from_slice(name.as_bytes());
    slow.write_all(&subscribe).await.unwrap();
    let mut welcome = [0; 14];
    slow.read_exact(&mut welcome).await.unwrap();
    assert_eq!(welcome[4], 7);

    let servers = [Server::new(broker.address()).await, Server::new(broker.address()).await];
    servers[1].join(&[Channel::Everyone]).await;
    let letter = vec![b'x'; 100_000];
    let count = 1_000;
    for sent in 0..count {
        assert_eq!(servers[0].link.publish(Channel::Everyone, &letter), Published::Queued);
        servers[0].counts(|counters| counters.published > sent).await;
    }
    servers[1].receives(count as usize).await;
    let counters = broker.counters();
    assert!(counters.dropped > 0 && counters.dropped < count, "{counters:?}");
    assert_eq!(counters.delivered + counters.dropped, 2 * count);
}

#[test]
fn the_broker_alone_says_where_it_is_and_what_it_did() {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::process::{Command, Stdio};

    for (format, starts, ends) in [
        ("terminal", "listening on plimsoll://127.0.0.1:", "0 letters came, 0 went, 0 were dropped"),
        ("json", r#"{"listening":["plimsoll://127.0.0.1:"#, r#"{"broker":{"servers":0,"published":0,"#),
    ] {
        let mut child = common::program().args(["broker", "--format", format]).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert!(line.starts_with(starts), "{line}");
        assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        assert!(rest.starts_with(ends), "{rest}");
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = common::run(["broker", "--listen", &address]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains(&address) && ended.stderr.contains("is the port in use?"), "{}", ended.stderr);
    assert_eq!(common::run(["broker", "--listen", "nowhere"]).code, Some(2));
}
