//! Does the what-if page say what the command line says, and to nobody else?
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;
#[path = "explore/site.rs"]
mod site;

use std::fs;
use std::io::Read as _;
use std::net::TcpStream;

use common::{folder, home, run, run_in, scenario, shipped};
use rustix::process::Signal;
use serde_json::{Value, json};
use site::{Reply, Site};

const CHAT: &str = "scenarios/chat-10k.yaml";

/// What the command line prints with these assignments.
fn printed(command: &str, sets: &[&str]) -> Value {
    let mut arguments = vec![command, CHAT, "--format", "json"];
    for set in sets {
        arguments.extend(["--set", set]);
    }
    run(arguments).well().json()
}

const SHORT: [&str; 2] = ["simulation.duration=2 s", "simulation.replications=2"];

#[test]
fn its_figures_are_the_command_lines() {
    let site = Site::start(CHAT, &["--set", SHORT[0], "--set", SHORT[1]]);
    for sets in [
        &[][..],
        &["users=50k", "workload.message.rate=0.03/s", "servers.count=4"],
        &["workload.fan_out={room: 50}", "broker={kind: kafka}", "protocol.compression=deflate", "protocol.tls=false"],
        &["servers.cores=2", "servers.cores=16", "latency.client={exponential: 20 ms}", "simulation.seed=7"],
    ] {
        let all: Vec<&str> = SHORT.iter().chain(sets).copied().collect();
        assert_eq!(site.answer(sets)["result"], printed("estimate", &all), "{sets:?}");
        let (event, data) = site.simulated(sets);
        assert_eq!(event, "result", "{data}");
        assert_eq!(data["result"], printed("simulate", &all), "{sets:?}");
    }
    // And what is shown of them is what the terminal shows.
    let answer = site.answer(&["users=50k"]);
    let terminal = run(["estimate", CHAT, "--users", "50k"]).well().stdout;
    for figure in ["servers", "logs_kept", "logs"] {
        let shown = answer["figures"][figure].as_str().unwrap();
        assert!(terminal.contains(shown), "{figure}: {shown}\n{terminal}");
    }
    assert_eq!(site.end(Signal::TERM), (Some(0), String::new()));
}

#[test]
fn variants_differ_by_what_was_changed() {
    let site = Site::start(CHAT, &[]);
    let request = json!({ "page": "test", "variants": [{ "set": [] }, { "set": ["users=20k"] }] });
    let answer = site.post("/answer", &request).json();
    assert_eq!(answer["variants"].as_array().unwrap().len(), 2);
    let differences = &answer["differences"];
    assert_eq!((&differences["users"], &differences["messages_in"]), (&json!("× 2.0"), &json!("× 2.0")));
    assert_eq!(differences["network"], "same");
    // One that is wrong leaves the other as it is.
    let request = json!({ "page": "test", "variants": [{ "set": ["users=none"] }, { "set": [] }] });
    let answer = site.post("/answer", &request).json();
    assert!(answer["variants"][0]["errors"].is_array() && answer["variants"][1]["errors"].is_null());
    assert_eq!(answer["differences"], json!({}));
}

#[test]
fn a_mistake_is_told_in_the_command_lines_words_at_its_key() {
    let site = Site::start(CHAT, &[]);
    for (set, path) in [
        ("users=abc", json!("users")),
        ("workload.message.size=1 kilo", json!("workload.message.size")),
        ("servers.nothing=1", json!("servers.nothing")),
        ("servers.cores", json!("servers.cores")),
        ("servers={cores: [}", json!("servers")),
        ("workload.fan_out={room: 50}", Value::Null),
    ] {
        let errors = site.answer(&[set])["errors"].clone();
        let refused = run(["estimate", CHAT, "--set", set]);
        let told = errors[0]["text"].as_str().unwrap_or_default();
        assert!(!told.is_empty() && refused.stderr.contains(told), "{set}\n{errors}\n{}", refused.stderr);
        assert_eq!(refused.code, Some(2));
        if !path.is_null() {
            assert_eq!(errors[0]["path"], path, "{errors}");
        }
        let (event, data) = site.simulated(&[set]);
        assert_eq!((event.as_str(), &data["errors"]), ("errors", &errors));
        assert_eq!(site.yaml(&[set])["errors"], errors);
    }
    // A mistake in each of two assignments: both are told.
    assert_eq!(site.answer(&["users=abc", "servers.cores=0"])["errors"].as_array().unwrap().len(), 2);
}

#[test]
fn a_lever_says_where_it_stands() {
    let site = Site::start(CHAT, &[]);
    let table = site.get("/levers").json();
    let lever = |path: &str| {
        let groups = table["groups"].as_array().unwrap();
        let levers = groups.iter().flat_map(|group| group["levers"].as_array().unwrap());
        levers.clone().find(|lever| lever["path"] == path).unwrap().clone()
    };
    let states = |sets: &[&str]| site.answer(sets)["levers"].as_array().unwrap().clone();
    let state = |states: &[Value], path: &str| states.iter().find(|state| state["path"] == path).unwrap().clone();
    let at_first = states(&[]);
    let users = state(&at_first, "users");
    assert_eq!(
        (&users["text"], &lever("users")["stops"][users["at"].as_u64().unwrap() as usize]),
        (&json!("10_000"), &json!("10k"))
    );
    assert_eq!(state(&at_first, "broker")["word"], "none");
    assert_eq!(state(&states(&["broker=redis"]), "broker")["word"], "redis");
    // It stands there even while something is wrong.
    assert_eq!(state(&states(&["broker=redis", "users=abc"]), "users")["text"], "abc");
    assert!(table["keys"].as_array().unwrap().iter().any(|key| key["path"] == "servers.cpu.per_kb"));
}

#[test]
fn nobody_else_is_answered() {
    let site = Site::start(CHAT, &[]);
    let (address, origin) = (site.address.clone(), format!("http://{}", site.address));
    let port = address.rsplit_once(':').unwrap().1;
    let json = ("Content-Type", "application/json");
    let body = r#"{"page":"x","variants":[{"set":[]}]}"#;
    let rebound = format!("rebound.example:{port}");
    for host in ["evil.example", &rebound, "127.0.0.1", ""] {
        assert_eq!(site.send("GET", "/", &[("Host", host)], "").status, 403, "{host}");
        assert_eq!(site.send("POST", "/answer", &[("Host", host), json], body).status, 403, "{host}");
    }
    assert_eq!(site.send("GET", "/", &[], "").status, 403);
    for foreign in ["http://evil.example", "null", "http://127.0.0.1:1", &format!("https://{address}")] {
        let reply = site.send("POST", "/answer", &[("Host", &address), ("Origin", foreign), json], body);
        assert_eq!(reply.status, 403, "{foreign}");
        assert!(!reply.head.contains("access-control"), "{reply:?}");
    }
    let ours = [("Host", address.as_str()), ("Origin", origin.as_str())];
    let post = |headers: &[(&str, &str)], path: &str, body: &str| {
        site.send("POST", path, &[&ours[..], headers].concat(), body).status
    };
    assert_eq!(post(&[json], "/answer", body), 200);
    assert_eq!(post(&[("Content-Type", "text/plain")], "/answer", body), 415);
    assert_eq!(post(&[json], "/answer", &format!("{{\"x\": \"{}\"}}", "x".repeat(300 << 10))), 413);
    for wrong in ["", "{", "[]", "{}", r#"{"page":"x","variants":[]}"#, r#"{"page":"x","variants":[{"set":[1]}]}"#] {
        assert_eq!(post(&[json], "/answer", wrong), 400, "{wrong}");
    }
    assert_eq!(post(&[json], "/simulate", r#"{"page":"x","variant":2,"set":[]}"#), 400);
    assert_eq!(post(&[json], "/", ""), 405);
    assert_eq!(site.send("GET", "/answer", &ours, "").status, 405);
    for method in ["PUT", "DELETE", "OPTIONS", "HEAD"] {
        assert_eq!(site.send(method, "/", &ours, "").status, 405, "{method}");
    }
    for path in ["/nothing", "/../Cargo.toml", "//", "/explore.js/"] {
        assert_eq!(site.send("GET", path, &ours, "").status, 404, "{path}");
    }
    let localhost = format!("localhost:{port}");
    let page = site.send("GET", "/", &[("Host", &localhost)], "");
    assert_eq!(page.status, 200);
    for header in
        ["content-security-policy: default-src 'none'", "x-content-type-options: nosniff", "cache-control: no-store"]
    {
        assert!(page.head.contains(header), "{}", page.head);
    }
    // Nothing is loaded from elsewhere: no address of another site is in any of the page's files.
    for file in ["/", "/style.css", "/explore.css", "/explore.js"] {
        let text = site.get(file).body;
        assert!(
            !text.is_empty() && !text.contains("http://") && !text.contains("https://") && !text.contains("@import"),
            "{file}"
        );
    }
}

#[test]
fn a_saved_scenario_gives_the_same_result() {
    for sets in [&["users=20k", "workload.message.rate=0.5..2/s", "simulation.seed=9"][..], &[]] {
        let site = Site::start(CHAT, &["--set", SHORT[0], "--set", SHORT[1]]);
        let saved = site.yaml(sets);
        assert_eq!(saved["file"], "chat-10k.yaml");
        let folder = folder();
        fs::write(folder.join("saved.yaml"), saved["text"].as_str().unwrap()).unwrap();
        let all: Vec<&str> = SHORT.iter().chain(sets).copied().collect();
        let again = run_in(&folder, ["simulate", "saved.yaml", "--format", "json"]).well().json();
        assert_eq!(again, printed("simulate", &all));
    }
}

/// Every shipped scenario can be explored and saved; what is saved says the same.
#[test]
fn every_shipped_scenario_can_be_saved() {
    for file in shipped() {
        let site = Site::start(&file, &[]);
        let saved = site.yaml(&[]);
        // Data files are found from the scenario's folder.
        let folder = folder();
        fs::create_dir(folder.join("scenarios")).unwrap();
        for entry in fs::read_dir(home().join("scenarios")).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), folder.join("scenarios").join(entry.file_name())).unwrap();
            }
        }
        fs::write(folder.join("scenarios/saved.yaml"), saved["text"].as_str().unwrap()).unwrap();
        let again = run_in(&folder, ["estimate", "scenarios/saved.yaml", "--format", "json"]).well().json();
        assert_eq!(again, run(["estimate", &file, "--format", "json"]).well().json(), "{file}");
    }
}

#[test]
fn a_file_without_a_name_keeps_the_one_it_goes_by() {
    let file = scenario("users: 1k\nworkload: {message: {rate: 1/s}}\n");
    let site = Site::start(file.to_str().unwrap(), &[]);
    assert_eq!(site.line, format!("exploring x on http://{}/", site.address));
    let text = site.yaml(&["users=2k"])["text"].as_str().unwrap().to_owned();
    assert_eq!(text, "users: 2k\nworkload:\n  message:\n    rate: 1/s\nname: \"x\"\n");
}

#[test]
fn files_outside_the_scenarios_folder_stay_unread() {
    let outside = folder();
    fs::write(outside.join("secret.csv"), "1 s\n2 s\n").unwrap();
    let file = scenario("users: 1k\nworkload: {message: {rate: 1/s}}\n");
    fs::write(file.parent().unwrap().join("near.csv"), "1 s\n2 s\n").unwrap();
    let site = Site::start(file.to_str().unwrap(), &[]);
    let near = site.answer(&["workload.message.arrivals={trace: near.csv}"]);
    assert!(near["errors"].is_null(), "{}", near["errors"]);
    for path in
        [outside.join("secret.csv").to_string_lossy().into_owned(), "../secret.csv".into(), "/etc/passwd".into()]
    {
        let errors = site.answer(&[&format!("workload.message.arrivals={{trace: {path}}}")])["errors"].to_string();
        assert!(
            errors.contains("can't be read") || errors.contains("no file") || errors.contains("folder"),
            "{errors}"
        );
        assert!(!errors.contains("root:"), "{errors}");
    }
}

/// Begins a simulation that won't be over before the test is. Once its answer begins, it has its turn.
fn begin_long(site: &Site, page: &str) -> (TcpStream, Vec<u8>) {
    let origin = format!("http://{}", site.address);
    let headers = [("Host", site.address.as_str()), ("Origin", &origin), ("Content-Type", "application/json")];
    let body =
        json!({ "page": page, "variant": 0, "set": ["simulation.duration=24 h", "simulation.mode=every-message"] });
    let mut stream = site.begin("POST", "/simulate", &headers, &body.to_string());
    let mut first = vec![0];
    stream.read_exact(&mut first).unwrap();
    (stream, first)
}

#[test]
fn a_simulation_ends_when_a_later_one_takes_its_place_or_nobody_waits() {
    let site = Site::start(CHAT, &[]);
    let (first, begun) = begin_long(&site, "test");
    assert_eq!(site.simulated(&SHORT).0, "result");
    let events = Reply::read(first, begun).events();
    assert_eq!(events.last().unwrap().0, "overtaken", "{events:?}");
    // More of them than run at once: if they went on when nobody listens, the next would wait for ever.
    for page in ["one", "two", "three", "four"] {
        drop(begin_long(&site, page));
    }
    assert_eq!(site.simulated(&SHORT).0, "result");
    // And one that still runs doesn't keep the program.
    let running = begin_long(&site, "five");
    assert_eq!(site.end(Signal::INT), (Some(0), String::new()));
    drop(running);
}

/// A closed form is answered while simulations have all cores, since their threads stand back.
#[test]
fn simulations_make_way_for_answers() {
    let site = Site::start("scenarios/chat-10k.yaml", &[]);
    let simulated = site.simulated(&["simulation.duration=1 s"]);
    assert_eq!(simulated.0, "result", "{}", simulated.1);
    let (back, all) = site.standing_back();
    let cores = std::thread::available_parallelism().unwrap().get();
    assert!(back == cores && back < all, "{back} of {all} threads, on {cores} cores");
}

#[test]
fn only_this_machine_can_be_listened_on() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080"] {
        let refused = run(["explore", CHAT, "--listen", address]);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains("can be reached from other machines") && refused.stdout.is_empty());
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = run(["explore", CHAT, "--listen", &address]);
    assert_eq!(refused.code, Some(3));
    assert!(refused.stderr.contains("another program listens there"), "{}", refused.stderr);
    let wrong = run(["explore", CHAT, "--set", "users=abc"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("users=abc"), "{}", wrong.stderr);
}
