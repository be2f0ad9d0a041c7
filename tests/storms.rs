//! What happens when servers stop, and how do their users come back?
#![allow(clippy::float_cmp, reason = "counts are exact")]
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use common::outcome::{conserved, figure};
use common::{run, scenario};
use serde_json::Value;

/// A small service in three zones; every server completes ten handshakes a second.
const SERVICE: &str = "
users: 900
workload: {message: {rate: 1/s}, heartbeat: {every: 2 s}}
latency: {client: 20 ms}
servers: {count: 9, connections: {comfortable: 200, limit: 1000}, accept: {rate: 10/s, backlog: 20}}
zones: 3
faults: [{at: 10 s, lose: zone-b, for: 10 s}]
simulation: {duration: 60 s, replications: 3}
";

fn fault(result: &Value) -> &Value {
    &result["simulation"]["recovery"][0]
}

/// A zone of three has a third of the servers and of the users; all of them come back, and the series shows it.
#[test]
fn a_lost_zone_drops_its_users_and_they_return() {
    let result = conserved(SERVICE, &[]);
    let fault = fault(&result);
    assert_eq!((figure(fault, "connections_before"), figure(fault, "dropped_connections")), (900.0, 300.0));
    assert_eq!(fault["fault"], "zone-b is lost");
    // Six servers at 10/s: no faster than 60/s, but for what falls into one tenth of a second.
    assert!(figure(fault, "peak_accepted_per_second") <= 120.0 && figure(fault, "seconds_until_99_percent_back") > 4.9);
    let series = result["simulation"]["series"].as_array().unwrap();
    let at = |seconds: f64| series.iter().find(|point| point["until_seconds"].as_f64().unwrap() > seconds).unwrap();
    assert_eq!(at(5.0)["down_servers"], 0.0);
    assert_eq!(at(14.0)["down_servers"], 3.0);
    assert_eq!(at(25.0)["down_servers"], 0.0);
    assert!(at(11.0)["connections"].as_f64().unwrap() < 700.0);
    assert_eq!(at(58.0)["connections"], 900.0);
    assert!(at(11.0)["accepted_per_second"].as_f64().unwrap() > 30.0);
}

/// No back-off: many refusals. Back-off without jitter: waves, and the longest way back. Full jitter: neither.
#[test]
fn jitter_beats_waves_and_back_off_beats_knocking() {
    let storm = |backoff: &str, jitter: &str| {
        let backoff = format!("workload.reconnect.backoff={backoff}");
        conserved(SERVICE, &[&backoff, &format!("workload.reconnect.jitter={jitter}")])
    };
    let (none, waves, spread) =
        (storm("none", "none"), storm("{exponential: 1 s}", "none"), storm("{exponential: 1 s}", "full"));
    let [none, waves, spread] = [&none, &waves, &spread].map(fault);
    let refused = |fault: &Value| figure(fault, "refused_connections");
    let back = |fault: &Value| figure(fault, "seconds_until_99_percent_back");
    let peak = |fault: &Value| figure(fault, "peak_attempts_per_second");
    assert!(refused(none) > 10.0 * refused(waves), "{none} {waves}");
    assert!(refused(waves) > 1.5 * refused(spread), "{waves} {spread}");
    assert!(back(waves) > 1.2 * back(spread), "{waves} {spread}");
    assert!(peak(waves) > 5.0 * peak(spread), "{waves} {spread}");
}

/// With enough slots for all nobody knocks in vain, so how the refused come back changes nothing about how many servers it
/// takes.
#[test]
fn the_servers_it_takes_are_not_those_for_knocking() {
    let result = |backoff: &str| {
        let file = scenario(
            "users: 1M\nworkload: {message: {rate: 0.03/s}}\n\
             servers: {connections: {comfortable: 4_000, limit: 20_000}, accept: {rate: 300/s, backlog: 512}}\n",
        );
        let backoff = format!("workload.reconnect.backoff={backoff}");
        let file = file.to_str().unwrap();
        run(["estimate", file, "--set", "latency.client=50 ms", "--set", &backoff, "--format=json"]).well().json()
    };
    for backoff in ["none", "{exponential: 1 s}"] {
        assert_eq!(figure(&result(backoff)["required"], "servers"), 250.0, "{backoff}");
    }
}

/// All at once against a queue for all of them: the last waits for everybody's handshake, and those past the patience of
/// their users are in vain.
#[test]
fn who_waits_too_long_gives_up() {
    let patient = ["servers.accept.backlog=1000", "workload.connect_timeout=none", "workload.reconnect.backoff=none"];
    let result = conserved(SERVICE, &patient);
    assert_eq!(figure(fault(&result), "refused_connections"), 0.0);
    assert_eq!(figure(fault(&result), "timed_out_connections"), 0.0);
    // 300 users at six servers of 10/s: the last of them after 5 s and a round trip.
    let back = figure(fault(&result), "seconds_until_99_percent_back");
    assert!((4.9..5.2).contains(&back), "{back}");
    let hasty = ["servers.accept.backlog=1000", "workload.connect_timeout=1 s"];
    let result = conserved(SERVICE, &hasty);
    assert!(figure(fault(&result), "timed_out_connections") > 50.0);
    assert!(figure(fault(&result), "seconds_until_99_percent_back") > back);
}

/// Without anywhere to go, everybody is turned away until a server is up.
#[test]
fn with_all_servers_down_nobody_gets_in() {
    let result =
        conserved(SERVICE, &["faults=[{at: 10 s, crash: {servers: 9}, for: 5 s}]", "servers.accept=unlimited"]);
    assert_eq!(figure(fault(&result), "dropped_connections"), 900.0);
    assert!(figure(fault(&result), "seconds_until_99_percent_back") > 5.0);
    let gone = conserved(SERVICE, &["faults=[{at: 10 s, crash: {servers: 9}}]"]);
    assert_eq!(fault(&gone)["seconds_until_99_percent_back"], Value::Null);
    let away = conserved(SERVICE, &["workload.reconnect=none"]);
    assert_eq!(fault(&away)["seconds_until_99_percent_back"], Value::Null);
}

/// Busy servers of every kind lose what is in them, and nothing is lost count of: λ·(mean time inside) messages of each
/// server that stops, by Little's law.
#[test]
fn what_is_inside_is_lost() {
    let busy = "
users: 400
workload: {message: {rate: 1/s}, heartbeat: {every: 3 s}, reconnect: {backoff: 1 s}}
servers:
  count: 4
  cores: 1
  network: 4 Mbit/s
  cpu: {per_message: {exponential: 8 ms}, per_wakeup: 0 s, per_kb: 0 s}
logs: {bytes_per_message: 1 KB}
faults: [{at: 20 s, crash: {servers: 2}, for: 5 s}, {at: 40 s, crash: {servers: 2}, for: 1 s}]
simulation: {duration: 60 s, replications: 40, mode: every-message}
";
    // A deploy that the run is too short for: servers that would stop later keep what is in them.
    let deploy = "faults=[{at: 30 s, deploy: {every: 15 s, drain: 20 s, restart: 1 s}}]";
    assert_eq!(fault(&conserved(busy, &[deploy]))["seconds_until_99_percent_back"], Value::Null);
    let lost = |set: &[&str]| {
        let result = conserved(busy, set);
        let faults = result["simulation"]["recovery"].as_array().unwrap().iter();
        faults.map(|fault| figure(fault, "lost_messages")).collect::<Vec<f64>>()
    };
    // M/M/1 at ρ = 0.8 has 4 inside on average (deviation √20 each), and the lines have a few more.
    let plain = lost(&[]);
    assert!((5.5..13.0).contains(&plain[0]), "{plain:?}");
    for set in [
        &["servers.discipline=ps"][..],
        &["servers.cores=2", "servers.dispatch=per-core"],
        &["servers.queue.limit=10"],
        &["servers.patience={exponential: 50 ms}"],
        &["workload.message.arrivals=periodic", "latency.client={exponential: 20 ms}"],
        &["workload.message.arrivals={batch: {size: 3}}"],
        &["workload.fan_out=none"],
        &["servers.failures={every: {exponential: 200 ms}, for: {exponential: 10 ms}}"],
        &["servers.network=unlimited", "logs=none"],
        &["workload.session.length={exponential: 10 s}"],
        &["workload.session.length=10 s"],
        &["balancer.policy=consistent-hash"],
        &["balancer.policy=random"],
        &["balancer.policy=round-robin"],
    ] {
        let found = lost(set);
        assert!(found[0] > 0.3 && found[0] < 100.0, "{set:?}: {found:?}");
    }
}

/// The warm-up never reaches into a fault, however the run looks.
#[test]
fn the_warm_up_ends_before_the_first_fault() {
    let result = conserved(SERVICE, &["faults=[{at: 1 s, lose: zone-a}]"]);
    assert!(result["simulation"]["warm_up_seconds"].as_f64().unwrap() <= 1.0);
    assert_eq!(figure(&result["simulation"], "dropped_connections").round(), 300.0);
}

/// As many servers are left as are required, whichever zone is lost.
#[test]
fn headroom_for_a_zone() {
    let file = scenario(&SERVICE.replace("zones: 3", "zones: {names: 3, tolerate: 1}").replace("count: 9", "spare: 2"));
    let result = run(["estimate", file.to_str().unwrap(), "--format=json"]).well().json();
    let required = &result["required"];
    let [servers, spare, zones] = ["servers", "spare", "zone_spare"].map(|name| figure(required, name));
    assert_eq!((servers, zones, spare), (5.0, 3.0, 5.0));
    assert_eq!(result["closed_form"]["servers"], 8);
}

/// A deploy restarts every server once: nobody is refused, nothing is lost, and all are back soon after the last drain.
#[test]
fn a_rolling_deploy_drops_gently() {
    let deploy = "faults=[{at: 2 s, deploy: {every: 4 s, drain: 4 s, batch: 2, restart: 2 s, jitter: 1 s}}]";
    let result = conserved(SERVICE, &[deploy, "servers.accept=unlimited"]);
    let fault = fault(&result);
    // Each server's connections at least once, and some of them twice, as they move on to servers still to be restarted.
    assert!((900.0..2_700.0).contains(&figure(fault, "dropped_connections")), "{fault}");
    assert_eq!((figure(fault, "refused_connections"), figure(fault, "lost_messages")), (0.0, 0.0));
    // Five batches, the last of them drained from 18 to 22 s.
    let back = figure(fault, "seconds_until_99_percent_back");
    assert!((20.0..21.5).contains(&back), "{back}");
    let series = result["simulation"]["series"].as_array().unwrap();
    let down: f64 =
        series.iter().map(|point| point["down_servers"].as_f64().unwrap() * 60.0 / series.len() as f64).sum();
    assert!((down - 9.0 * 2.0).abs() < 0.5, "{down} server-seconds");
    assert_eq!(series[series.len() - 1]["connections"], 900.0);
    for policy in ["consistent-hash", "random", "round-robin"] {
        for session in ["none", "{length: {exponential: 10 s}}", "{length: 10 s}"] {
            let policy = format!("balancer.policy={policy}");
            let result = conserved(SERVICE, &[deploy, &policy, &format!("workload.session={session}")]);
            assert!(figure(self::fault(&result), "dropped_connections") > 500.0);
        }
    }
}

/// Three times slower from the middle on: CPU time grows as it should, and only there.
#[test]
fn slow_servers_work_longer() {
    let yaml = "
users: 100
workload: {message: {rate: 10/s}, fan_out: none}
servers: {count: 2, cores: 1, network: unlimited, cpu: {per_message: 400 us, per_kb: 0 s, per_wakeup: 0 s}}
logs: none
faults: [{at: 30 s, slow: {servers: 2, factor: 3}}, {at: 45 s, slow: {servers: 1, factor: 1}}]
simulation: {duration: 60 s, mode: every-message}
";
    let result = conserved(yaml, &[]);
    let series = result["simulation"]["series"].as_array().unwrap();
    let busy = |from: f64, to: f64| {
        let points = series.iter().filter(|p| (from..to).contains(&p["until_seconds"].as_f64().unwrap()));
        let busy: Vec<f64> = points.map(|point| point["cpu_busy"].as_f64().unwrap()).collect();
        busy.iter().sum::<f64>() / busy.len() as f64
    };
    // 500 messages/s a server.
    assert!((busy(2.0, 29.0) - 0.2).abs() < 0.005 && (busy(32.0, 61.0) - 0.6).abs() < 0.01, "{series:?}");
    let crashed = "faults=[{at: 10 s, slow: {servers: 2, factor: 3}}, {at: 20 s, crash: {servers: 1}, for: 5 s}]";
    let failures = "servers.failures={every: {exponential: 1 s}, for: {exponential: 300 ms}}";
    let result = conserved(yaml, &[crashed, failures]);
    assert!(figure(&result["simulation"]["recovery"][1], "lost_messages") > 0.0);
}

/// Breakdowns take a share of the CPU: more servers are needed, and the closed form agrees with the simulation.
#[test]
fn breakdowns_have_their_price() {
    let yaml = "
users: 99
workload: {message: {rate: 10/s}, fan_out: none}
latency: {client: 0 s}
servers: {cores: 1, network: unlimited, cpu: {per_message: {exponential: 1 ms}, per_kb: 0 s, per_wakeup: 0 s}}
logs: none
simulation: {duration: 60 s, mode: every-message}
";
    // Short ones, so that a run has thousands of them.
    let failures = ["servers.failures={every: {exponential: 50 ms}, for: {exponential: 50 ms}}"];
    let required = |set: &[&str]| figure(&conserved(yaml, set)["required"], "servers");
    assert_eq!((required(&[]), required(&failures)), (2.0, 3.0));
    let result = conserved(yaml, &failures);
    let form = &result["closed_form"]["stations"][0];
    assert_eq!((&form["name"], &form["exact"]), (&Value::from("server.cpu"), &Value::from(true)));
    let wait = result["simulation"]["stations"][0]["wait_seconds"]["value"].as_f64().unwrap();
    let theory = form["wait_seconds"].as_f64().unwrap();
    assert!((wait / theory - 1.0).abs() < 0.15, "{wait} s, in theory {theory} s");
    let result = conserved(yaml, &["servers.failures={every: 100 ms, for: 50 ms}", "servers.count=3"]);
    let form = &result["closed_form"]["stations"][0];
    assert_eq!(form["exact"], false);
    let wait = result["simulation"]["stations"][0]["wait_seconds"]["value"].as_f64().unwrap();
    let theory = form["wait_seconds"].as_f64().unwrap();
    assert!((wait / theory - 1.0).abs() < 0.2, "{wait} s, in theory {theory} s");
}

/// The balancer takes attempts in one after the other, before any server sees them.
#[test]
fn the_balancer_takes_in_at_its_rate() {
    let set = ["faults=none", "servers.accept=unlimited", "simulation.start=empty", "balancer.handshakes=100/s"];
    let result = conserved(SERVICE, &set);
    let series = result["simulation"]["series"].as_array().unwrap();
    let at = |seconds: f64| series.iter().find(|point| point["until_seconds"].as_f64().unwrap() > seconds).unwrap();
    let accepted = at(4.0)["accepted_per_second"].as_f64().unwrap();
    assert!((accepted - 100.0).abs() < 2.0, "{accepted}");
    assert_eq!(at(9.5)["connections"], 900.0);
    let two = conserved(SERVICE, &[&set[..], &["balancer.count=2"]].concat());
    let accepted = &two["simulation"]["series"][1]["accepted_per_second"];
    assert!((accepted.as_f64().unwrap() - 200.0).abs() < 3.0, "{accepted}");
    let hasty = conserved(SERVICE, &[&set[..], &["workload.connect_timeout=2 s"]].concat());
    let timed_out = figure(&hasty["simulation"], "timed_out_connections");
    assert!(timed_out > 600.0, "{timed_out}");
    // And faults behind it.
    let stormy = conserved(SERVICE, &["balancer.handshakes=20/s"]);
    assert!(figure(fault(&stormy), "seconds_until_99_percent_back") > 14.0);
}

/// Silence costs connections, and heartbeats keep them.
#[test]
fn silent_connections_are_cut() {
    let quiet =
        ["faults=none", "servers.accept=unlimited", "workload.message.rate=0.1/s", "balancer.idle_timeout=20 s"];
    let beating = conserved(SERVICE, &quiet);
    assert_eq!(figure(&beating["simulation"], "dropped_connections"), 0.0);
    for session in ["none", "{length: {exponential: 30 s}}", "{length: 30 s}"] {
        let session = format!("workload.session={session}");
        let silent = [&quiet[..], &["workload.heartbeat=none", &session]].concat();
        let result = conserved(SERVICE, &silent);
        let seconds = result["simulation"]["duration_seconds"].as_f64().unwrap();
        let measured = seconds - result["simulation"]["warm_up_seconds"].as_f64().unwrap();
        let cuts = figure(&result["simulation"], "dropped_connections") / measured;
        // (e² − 1)·10 s = 63.9 s between two cuts of a connection; new ones are not cut before 20 s.
        let most = 900.0 / 63.9;
        assert!(cuts < 1.1 * most && cuts > 0.2 * most, "{session}: {cuts}/s");
        if session.ends_with("none") {
            assert!((cuts / most - 1.0).abs() < 0.1, "{cuts}/s, not {most}/s");
        }
    }
    let rare = conserved(SERVICE, &[&quiet[..], &["workload.heartbeat.every=30 s"]].concat());
    assert!(rare["simulation"]["warnings"][0].as_str().unwrap().contains("idle timeout"));
    let periodic = [&quiet[..], &["workload.heartbeat=none", "workload.message.arrivals=periodic"]].concat();
    assert_eq!(figure(&conserved(SERVICE, &periodic)["simulation"], "dropped_connections"), 0.0);
    let slower = [&periodic[..], &["balancer.idle_timeout=5 s"]].concat();
    assert!(figure(&conserved(SERVICE, &slower)["simulation"], "dropped_connections") > 5_000.0);
}

/// Nodes of the balancer, by whatever runs out first.
#[test]
fn balancers_are_counted() {
    let yaml = "
users: 1_000_000
workload: {message: {rate: 0.03/s}, session: {length: 1000 s}}
servers: {connections: {comfortable: 50_000, limit: 60_000}, memory_per_connection: 1 KB}
";
    let nodes = |set: &str| {
        let file = scenario(yaml);
        let set = format!("--set={set}");
        let result = run(["estimate", file.to_str().unwrap(), "--format=json", &set]).well().json();
        let by_resource = result["required"]["by_resource"].as_array().unwrap().clone();
        let of = move |name: &str| {
            let found = by_resource.iter().find(|entry| entry["resource"] == name);
            figure(found.unwrap_or_else(|| panic!("no {name}")), "units")
        };
        (figure(&result["required"], "balancers"), of)
    };
    let (all, of) = nodes("balancer.count=auto");
    // 1 M connections on nodes of 700,000; 50,000 a server over 44,800 ports.
    assert_eq!((all, of("balancer.connections"), of("balancer.ports"), of("balancer.network")), (2.0, 2.0, 2.0, 1.0));
    let (all, of) = nodes("balancer.handshakes=100/s");
    assert_eq!((all, of("balancer.handshakes")), (15.0, 15.0));
    let (all, of) = nodes("balancer.conntrack=262_144");
    assert_eq!((all, of("balancer.conntrack")), (6.0, 6.0));
    let (all, of) = nodes("balancer.network=100 Mbit/s");
    // 30,000 messages a second of 1,210 B in and 1,116 B out, and 1,000 TLS handshakes of 4,310 B, on cards of 12.5 MB/s
    // at 70 %.
    assert_eq!((all, of("balancer.network")), (9.0, 9.0));
    let (all, of) = nodes("balancer.ports=10_000");
    assert_eq!((all, of("balancer.ports")), (8.0, 8.0));
}
