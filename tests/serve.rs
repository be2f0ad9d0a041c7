//! Does the server do what the scenario says? Real clients over loopback, each test with a server of its own on a free port.
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;
#[path = "serve/live.rs"]
mod live;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use serde_json::Value;

use common::{folder, run, scenario};
use live::{Client, Serving, closed, text};
use tungstenite::Message;

const ECHO: &str =
    "users: 100\nworkload: {message: {rate: 1/s}, fan_out: echo, heartbeat: none}\nservers: {count: 1, cores: 1}\n";

fn message(user: u32, recipient: u32) -> Message {
    use plimsoll::live::payload::{Form, Header, blank};
    let mut bytes = blank(Form::Binary, 100, u64::from(user));
    Header { sender: user, recipient, ..Header::default() }.write(Form::Binary, &mut bytes);
    Message::binary(bytes)
}

#[test]
fn an_echo_is_what_was_sent_whatever_the_threads() {
    for servers in ["{cores: 1}", "{cores: 2, dispatch: shared}", "{cores: 2, dispatch: per-core}"] {
        let server = Serving::start(&ECHO.replace("{count: 1, cores: 1}", servers), &[]);
        let mut clients = [0; 4].map(|_| server.client("/"));
        for size in [0, 1, 125, 126, 1_000, 65_535, 65_536, 300_000] {
            for client in &mut clients {
                let sent = [Message::text("x".repeat(size)), Message::binary(vec![7; size])];
                for message in &sent {
                    client.write(message.clone()).unwrap();
                }
                client.flush().unwrap();
                for message in &sent {
                    assert!(client.read().unwrap() == *message, "{servers} {size}");
                }
            }
        }
        let totals = server.end();
        assert_eq!((totals["messages_in"].as_u64(), totals["messages_out"].as_u64()), (Some(64), Some(64)));
        assert_eq!((totals["accepted"].as_u64(), totals["connections"].as_u64()), (Some(4), Some(0)), "{totals}");
    }
}

#[test]
fn past_the_limit_the_answer_is_503_and_who_leaves_makes_room() {
    let server = Serving::start(&ECHO.replace("cores: 1", "cores: 1, connections: {comfortable: 2, limit: 2}"), &[]);
    let (first, _second) = (server.client("/"), server.client("/"));
    let refused = server.refused("/");
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(server.page("/healthz").ends_with("ok\n"), "pages don't count");
    drop(first);
    // The server sees the end a moment later.
    server.eventually("plimsoll_connections 1");
    let _third = server.client("/");
    assert_eq!(server.end()["refused"], 1);
}

#[test]
fn a_room_gets_its_messages_once_each_in_order_and_no_other_room_does() {
    let server = Serving::start(
        "users: 9\nworkload: {message: {rate: 1/s}, fan_out: {room: 3}, heartbeat: none}\nservers: {count: 1, cores: 2}\n",
        &[],
    );
    assert!(server.refused("/?user=1").contains("room=NUMBER"));
    let mut rooms: Vec<Vec<Client>> = (0..3)
        .map(|room| (0..3).map(|at| server.client(&format!("/?user={}&room={room}", 3 * room + at))).collect())
        .collect();
    for round in 0..20 {
        for (number, room) in rooms.iter_mut().enumerate() {
            room[round % 3].send(text(&format!("{number}: {round}"))).unwrap();
        }
    }
    for (number, room) in rooms.iter_mut().enumerate() {
        for member in room {
            let mut got: Vec<String> = (0..20).map(|_| member.read().unwrap().to_string()).collect();
            // Senders differ, so messages may come in another order; each sender's own may not.
            for sender in 0..3 {
                let of = |at: &String| at.rsplit(' ').next().unwrap().parse::<usize>().unwrap();
                let own: Vec<usize> = got.iter().map(of).filter(|round| round % 3 == sender).collect();
                assert!(own.is_sorted(), "{own:?}");
            }
            got.sort();
            let mut wanted: Vec<String> = (0..20).map(|round| format!("{number}: {round}")).collect();
            wanted.sort();
            assert_eq!(got, wanted);
        }
    }
    assert_eq!(server.end()["messages_out"], 180);
}

#[test]
fn a_direct_message_reaches_the_user_it_names_on_each_connection() {
    let server = Serving::start(
        "users: 9\nworkload: {message: {rate: 1/s}, fan_out: direct, heartbeat: none}\nservers: {count: 1, cores: 1}\n",
        &[],
    );
    assert!(server.refused("/").starts_with("HTTP/1.1 400 "));
    let mut one = server.client("/?user=1");
    let mut two = [server.client("/?user=2"), server.client("/?user=2")];
    one.send(message(1, 2)).unwrap();
    one.send(message(1, 1)).unwrap();
    one.send(message(1, 77)).unwrap();
    one.send(text("for nobody")).unwrap();
    two[0].send(message(2, 1)).unwrap();
    for client in &mut two {
        assert_eq!(client.read().unwrap(), message(1, 2));
    }
    assert_eq!((one.read().unwrap(), one.read().unwrap()), (message(1, 1), message(2, 1)));
    server.eventually("plimsoll_messages_undeliverable_total 2");
    assert_eq!(server.end()["messages_out"], 4);
}

#[test]
fn a_broadcast_reaches_all_and_none_reaches_nobody() {
    let server = Serving::start(
        "users: 9\nworkload: {message: {rate: 1/s}, fan_out: broadcast, heartbeat: none}\nservers: {count: 1, cores: 2}\n",
        &[],
    );
    let mut clients = [0; 5].map(|_| server.client("/"));
    clients[3].send(text("hello")).unwrap();
    for client in &mut clients {
        assert_eq!(client.read().unwrap(), text("hello"));
    }
    assert_eq!(server.end()["messages_out"], 5);
    let server = Serving::start(&ECHO.replace("echo", "none"), &[]);
    let mut client = server.client("/");
    client.send(text("hello")).unwrap();
    server.eventually("plimsoll_messages_received_total 1");
    assert_eq!(server.end()["messages_out"], 0);
}

/// A member that reads nothing: what the kernel doesn't take waits, up to the buffer's size.
fn slow_consumer(policy: &str) -> (serde_json::Value, usize, usize) {
    let server = Serving::start(
        &format!(
            "users: 9\nworkload: {{message: {{rate: 1/s}}, fan_out: {{room: 2}}, heartbeat: none}}\n\
             servers: {{count: 1, cores: 1, send_buffer: 200 KB, slow_consumer: {policy}}}\n"
        ),
        &[],
    );
    let mut slow = server.client("/?user=1&room=1");
    let mut fast = server.client("/?user=2&room=1");
    let message = text(&"x".repeat(60_000));
    // Kernel buffers of both ends take some MB first.
    let sent = 400;
    for _ in 0..sent {
        fast.send(message.clone()).unwrap();
        assert_eq!(fast.read().unwrap(), message, "the fast one gets all");
    }
    let mut got = 0;
    let end =
        if policy == "drop" { "plimsoll_deliveries_dropped_total" } else { "plimsoll_slow_consumers_cut_total 1" };
    server.eventually(end);
    while got < sent && slow.read().is_ok_and(|read| read == message) {
        got += 1;
        // Those that were not dropped are all there.
        if policy == "drop" && server.counted("deliveries_dropped") + got as u64 == sent as u64 {
            break;
        }
    }
    (server.end(), sent, got)
}

#[test]
fn a_slow_consumer_loses_messages_but_not_its_connection() {
    let (totals, sent, got) = slow_consumer("drop");
    assert!(got > 0 && got < sent, "{got}");
    assert_eq!(totals["deliveries_dropped"], sent - got);
    assert_eq!((&totals["slow_consumers_cut"], &totals["accepted"]), (&0.into(), &2.into()));
}

#[test]
fn a_slow_consumer_is_cut() {
    let (totals, sent, got) = slow_consumer("disconnect");
    assert!(got < sent, "{got}");
    assert_eq!((&totals["slow_consumers_cut"], &totals["deliveries_dropped"]), (&1.into(), &1.into()));
}

#[test]
fn who_answers_heartbeats_stays_and_who_does_not_is_cut() {
    let server = Serving::start(&ECHO.replace("heartbeat: none", "heartbeat: {every: 300 ms}"), &[]);
    let (mut answers, _silent) = (server.client("/"), server.client("/"));
    let mut pings = 0;
    while pings < 4 {
        // The client answers as it reads.
        if matches!(answers.read().unwrap(), Message::Ping(_)) {
            pings += 1;
        }
    }
    server.eventually("plimsoll_silent_connections_cut_total 1");
    answers.send(text("still here")).unwrap();
    while answers.read().unwrap() != text("still here") {}
    let totals = server.end();
    assert!(totals["pongs"].as_u64().unwrap() >= 3 && totals["silent_cut"] == 1, "{totals}");
}

#[test]
fn a_connection_on_which_nothing_moves_is_cut() {
    let server = Serving::start(&format!("{ECHO}balancer: {{idle_timeout: 400 ms}}\n"), &[]);
    let mut client = server.client("/");
    client.send(text("hello")).unwrap();
    assert_eq!(client.read().unwrap(), text("hello"));
    assert!(client.read().is_err());
    assert_eq!(server.end()["silent_cut"], 1);
}

#[test]
fn the_log_has_exactly_its_bytes_and_is_rotated() {
    let logs = folder();
    let folder = logs.to_str().unwrap();
    let options = ["--log-dir", folder, "--log-rotate", "10 KB", "--log-keep", "3"];
    let server = Serving::start(&format!("{ECHO}logs: {{bytes_per_message: 500 B}}\n"), &options);
    let mut client = server.client("/");
    for at in 0..100 {
        client.send(text(&format!("message {at}"))).unwrap();
        client.read().unwrap();
    }
    let totals = server.end();
    assert_eq!((&totals["log_records"], &totals["log_bytes"]), (&100.into(), &50_000.into()));
    let mut files: Vec<_> = fs::read_dir(&logs).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    // 10,000 bytes each: the last of five is full, so a sixth has begun.
    let sizes: Vec<u64> = files.iter().map(|file| fs::metadata(file).unwrap().len()).collect();
    assert_eq!(sizes, [10_000, 10_000, 0], "{files:?}");
    let last = fs::read_to_string(&files[1]).unwrap();
    assert!(last.lines().count() == 20 && last.lines().last().unwrap().contains(" message 99 "), "{last}");
}

#[test]
fn without_a_folder_no_log_is_written_and_metrics_say_so() {
    let server = Serving::start(ECHO, &[]);
    let mut client = server.client("/");
    client.send(text("hello")).unwrap();
    client.read().unwrap();
    let metrics = server.page("/metrics");
    let (head, body) = metrics.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(body.ends_with("\n# EOF\n"), "{body}");
    let mut families = Vec::new();
    for line in body.lines().filter(|line| *line != "# EOF") {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.split_once(' ').unwrap();
            families.push((name.to_owned(), kind.to_owned()));
        } else if let Some(meta) = line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# UNIT ")) {
            assert_eq!(meta.split(' ').next(), families.last().map(|family| family.0.as_str()), "{line}");
        } else {
            let (name, value) = line.split_once(' ').unwrap();
            let (family, kind) = families.last().unwrap();
            assert_eq!(name, format!("{family}{}", if kind == "counter" { "_total" } else { "" }));
            assert!(value.parse::<f64>().is_ok_and(|value| value >= 0.0), "{line}");
        }
    }
    for line in ["plimsoll_connections 1\n", "plimsoll_messages_received_total 1\n", "plimsoll_log_enabled 0\n"] {
        assert!(body.contains(line), "{line}{body}");
    }
    assert!(server.counted("sent_bytes") > 7 && server.counted("resident_memory_bytes") > 100_000);
    server.end();
}

#[test]
fn work_that_the_scenario_states_takes_cpu_time() {
    let server = Serving::start(&ECHO.replace("cores: 1", "cores: 1, cpu: {per_message: 2 ms}"), &[]);
    let mut client = server.client("/");
    for _ in 0..50 {
        client.send(text("hello")).unwrap();
        client.read().unwrap();
    }
    let cpu = server.end()["cpu_seconds"].as_f64().unwrap();
    assert!(cpu >= 0.1, "{cpu}");
}

#[test]
fn sigterm_closes_with_1001_and_exit_0() {
    for format in ["terminal", "json"] {
        let server = Serving::start_as(ECHO, &[], format);
        let mut client = server.client("/");
        client.send(text("hello")).unwrap();
        client.read().unwrap();
        server.terminate();
        assert_eq!(closed(&mut client), Some(1001));
        let (stdout, stderr) = server.wait();
        assert!(stderr.is_empty(), "{stderr}");
        let wanted = if format == "json" { "\"messages_in\":1," } else { "1  Messages taken in.\n" };
        assert!(stdout.contains(wanted), "{stdout}");
    }
}

#[test]
fn a_client_that_closes_gets_its_code_back_and_one_that_errs_the_right_one() {
    use tungstenite::protocol::CloseFrame;
    use tungstenite::protocol::frame::coding::CloseCode;
    let server = Serving::start(ECHO, &[]);
    let mut client = server.client("/");
    client.close(Some(CloseFrame { code: CloseCode::Library(4_000), reason: "done".into() })).unwrap();
    assert_eq!(closed(&mut client), Some(4_000));
    let mut client = server.client("/");
    // A text frame, masked with zeros, that isn't UTF-8.
    client.get_mut().write_all(&[0x81, 0x81, 0, 0, 0, 0, 0xff]).unwrap();
    assert_eq!(closed(&mut client), Some(1007));
    assert_eq!(server.end()["protocol_errors"], 1);
}

#[test]
fn encryption_is_the_given_certificates_or_one_made_for_the_occasion() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let files = folder();
    let (certificate, key) = (files.join("certificate.pem"), files.join("key.pem"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let given = ["--tls", "--cert", certificate.to_str().unwrap(), "--key", key.to_str().unwrap()];
    let server = Serving::start(ECHO, &given);
    let mut client = server.encrypted(made.cert.der()).unwrap();
    for size in [0, 1_000, 300_000] {
        let message = Message::binary(vec![3; size]);
        client.send(message.clone()).unwrap();
        assert!(client.read().unwrap() == message, "{size}");
    }
    server.terminate();
    assert!(matches!(client.read().unwrap(), Message::Close(Some(frame)) if u16::from(frame.code) == 1001));
    drop(client);
    let totals: Value = serde_json::from_str(&server.wait().0).unwrap();
    assert_eq!((&totals["totals"]["messages_out"], &totals["totals"]["tls_failures"]), (&3.into(), &0.into()));

    let server = Serving::start(ECHO, &["--tls"]);
    let refused = server.encrypted(made.cert.der()).map(drop).unwrap_err();
    assert!(refused.contains("certificate"), "{refused}");
    // It learns of the refusal after the client does.
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(server.end()["tls_failures"], 1);
}

/// The driver against this server, encrypted, compressed, and both: everything comes back.
#[test]
fn the_driver_speaks_all_that_the_server_does() {
    let drive = |compression: &str, tls: bool| {
        let text = format!(
            "users: 20\nworkload: {{message: {{rate: 20/s, size: 4 KB}}, fan_out: echo, heartbeat: none}}\n\
             protocol: {{compression: {compression}}}\nservers: {{count: 1, cores: 1}}\n"
        );
        let server = Serving::start(&text, if tls { &["--tls"] } else { &[] });
        let url = format!("{}://{}", if tls { "wss" } else { "ws" }, server.addresses[0]);
        let file = scenario(&text);
        let options = ["--duration=0.5s", "--warm-up=0.1s", "--quiet", "--format=json"];
        let arguments = ["drive", file.to_str().unwrap(), "--url", &url].into_iter().chain(options);
        let result = run(arguments).well().json()["live"].take();
        let (messages, totals) = (&result["messages"], server.end());
        assert_eq!((&messages["answered"], &totals["protocol_errors"]), (&messages["sent"], &0.into()), "{messages}");
        assert!(messages["answered"].as_f64().unwrap() > 50.0, "{messages}");
        totals["bytes_in"].as_f64().unwrap() / totals["messages_in"].as_f64().unwrap()
    };
    let plain = drive("none", false);
    for tls in [false, true] {
        let packed = drive("deflate", tls);
        assert!(packed < 0.8 * plain, "{packed} of {plain} bytes a message");
    }
    drive("none", true);
}

/// A client that compresses and one that doesn't, in one room, each as itself.
#[test]
fn messages_are_compressed_with_who_offers_it() {
    const ROOM: &str = "users: 9\nworkload: {message: {rate: 1/s}, fan_out: {room: 2}, heartbeat: none}\nservers: {count: 1, cores: 1}\n";
    // "Hello", by RFC 7692, section 7.2.3.1, in a frame masked with zeros.
    const HELLO: [u8; 13] = [0xc1, 0x87, 0, 0, 0, 0, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let server = Serving::start(&format!("{ROOM}protocol: {{compression: deflate}}\n"), &[]);
    let mut plain = server.client("/?user=1&room=1");
    let (mut packed, head) = server.raw("/?user=2&room=1", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    assert!(head.contains("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover"), "{head}");
    packed.write_all(&HELLO).unwrap();
    assert_eq!(plain.read().unwrap(), text("Hello"));
    plain.send(text("Hello")).unwrap();
    assert_eq!(plain.read().unwrap(), text("Hello"));
    for _ in 0..2 {
        let mut start = [0; 2];
        packed.read_exact(&mut start).unwrap();
        assert_eq!(start[0], 0xc1, "text, whole, compressed");
        let mut payload = vec![0; usize::from(start[1])];
        packed.read_exact(&mut payload).unwrap();
        payload.extend([0, 0, 0xff, 0xff]);
        let mut message = Vec::with_capacity(100);
        flate2::Decompress::new(false).decompress_vec(&payload, &mut message, flate2::FlushDecompress::Sync).unwrap();
        assert_eq!(message, b"Hello");
    }
    assert_eq!(server.end()["messages_out"], 4);
    let server = Serving::start(ROOM, &[]);
    let (mut packed, head) = server.raw("/?user=2&room=1", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    assert!(!head.contains("Extensions"), "the scenario doesn't say so: {head}");
    packed.write_all(&HELLO).unwrap();
    let mut answer = [0; 4];
    packed.read_exact(&mut answer).unwrap();
    assert_eq!((answer[0], u16::from_be_bytes([answer[2], answer[3]])), (0x88, 1002));
    server.end();
}

#[test]
fn workers_share_a_port_and_a_limit_and_their_totals_are_added_up() {
    let limited = ECHO.replace("cores: 1", "cores: 2, connections: {comfortable: 20, limit: 20}");
    let server = Serving::start(&limited, &["--workers", "2"]);
    assert_eq!((server.addresses.len(), server.pids.len()), (1, 2));
    let mut clients: Vec<Client> = (0..20).map(|_| server.client("/")).collect();
    assert!(server.refused("/").starts_with("HTTP/1.1 503 "));
    for client in &mut clients {
        client.send(text("hello")).unwrap();
        assert_eq!(client.read().unwrap(), text("hello"));
    }
    server.terminate();
    assert!(clients.iter_mut().all(|client| closed(client) == Some(1001)));
    let totals: Value = serde_json::from_str(&server.wait().0).unwrap();
    let count = |name: &str| totals["totals"][name].as_u64().unwrap();
    assert_eq!((count("accepted"), count("refused"), count("messages_out")), (20, 1, 20), "{totals}");
}

#[test]
fn servers_have_a_port_and_a_limit_each() {
    let limited = ECHO.replace("cores: 1", "cores: 1, connections: {comfortable: 1, limit: 1}");
    let server = Serving::start(&limited, &["--servers", "3"]);
    assert_eq!((server.addresses.len(), server.pids.len()), (3, 3));
    for number in 0..3 {
        let mut client = server.client_of(number, "/");
        client.send(text("hello")).unwrap();
        assert_eq!(client.read().unwrap(), text("hello"));
    }
    assert_eq!(server.end()["messages_out"], 3);
}

#[test]
fn a_process_that_ends_by_itself_ends_them_all() {
    let server = Serving::start(ECHO, &["--workers", "2"]);
    let pid = rustix::process::Pid::from_raw(i32::try_from(server.pids[0]).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let (code, stderr) = server.failure();
    assert_eq!(code, Some(3));
    assert!(stderr.contains("a serving process ended by itself"), "{stderr}");
}

#[test]
fn what_cannot_work_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let echo = scenario(ECHO);
    let echo = echo.to_str().unwrap();
    let logs = folder().join("file");
    fs::write(&logs, "").unwrap();
    let logged = scenario(&format!("{ECHO}logs: {{}}\n"));
    let cases = [
        (vec![echo, "--listen", &address], 3, "another program listens there"),
        (vec![echo, "--listen", "localhost"], 2, "`--listen` `localhost` is no address"),
        (vec![echo, "--cpus", "x"], 2, "`--cpus` `x` is no list of cores"),
        (vec![echo, "--cpus", "900"], 3, "can't run on the cores 900"),
        (
            vec![echo, "--users", "100M", "--set", "servers.connections.limit=200M"],
            3,
            "100000000 connections need 100000100 file descriptors",
        ),
        (vec![logged.to_str().unwrap(), "--log-dir", logs.to_str().unwrap()], 3, "the log can't be written to"),
        (vec![logged.to_str().unwrap(), "--log-dir", "x", "--log-rotate", "10"], 2, "`--log-rotate`"),
        (vec![echo, "--tls", "--cert", "absent.pem", "--key", "absent.pem"], 3, "`absent.pem` can't be read"),
        (vec![echo, "--tls", "--cert", echo, "--key", echo], 3, "the certificate can't be read"),
        (vec![echo, "--cert", echo, "--key", echo], 2, "--tls"),
        (vec![echo, "--workers", "0"], 2, "write a number from 1 to 1000, or auto"),
        (vec![echo, "--broker", "kafka://127.0.0.1:1"], 2, "`kafka` is no kind of broker known here"),
        (vec![echo, "--listen", &address, "--workers", "2"], 3, "another program listens there"),
        (vec![echo, "--set", "logs=none", "--log-dir", "x"], 2, "`--log-dir` needs `logs` in the scenario"),
    ];
    for (arguments, code, message) in cases {
        let ended = run(["serve"].iter().chain(&arguments));
        assert_eq!(ended.code, Some(code), "{arguments:?} {}", ended.stderr);
        assert!(ended.stderr.contains(message) && ended.stdout.is_empty(), "{arguments:?}\n{}", ended.stderr);
        assert!(ended.took < Duration::from_secs(20));
    }
}
