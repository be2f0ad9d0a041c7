//! What do a backend and the caches before it do, in the closed form and in the simulation; what do they give, and take?
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "what is no success fails the test, and figures are compared that nothing may move"
)]

mod common;

use common::{run, scenario};
use serde_json::Value;

/// 10,000 reads a second on two servers.
const READS: &str = "
users: 2_000
workload: {message: {rate: 5/s, size: 1 KB}}
latency: {client: 20 ms, server: 250 us}
servers: {count: 2, connections: {comfortable: 5_000}}
backend: {queries_per_message: 1, per_query: {exponential: 1 ms}, cores: 8, nodes: 2}
logs: none
simulation: {duration: 10 s, replications: 2, seed: 1}
";

const CACHE: &str = "cache={objects: 50k, size: 5k, popularity: {zipf: 0.9}, object_size: 20 KB}";

fn outcome(command: &str, changes: &[&str]) -> Value {
    let file = scenario(READS).to_string_lossy().into_owned();
    let changes = changes.iter().flat_map(|change| ["--set", *change]);
    run([command, &file, "--format", "json"].into_iter().chain(changes)).well().json()
}

fn simulated(changes: &[&str]) -> Value {
    let json = outcome("simulate", changes);
    assert_eq!(json["simulation"]["checks"]["conservation"]["holds"], true);
    json
}

#[track_caller]
fn value(json: &Value) -> f64 {
    json.as_f64().or_else(|| json["value"].as_f64()).unwrap_or_else(|| panic!("no figure: {json}"))
}

#[track_caller]
fn named<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    let all = list.as_array().unwrap();
    all.iter().find(|entry| entry[key] == name).unwrap_or_else(|| panic!("no {name}: {list}"))
}

/// Utilisation of a resource in the closed form.
#[track_caller]
fn used(json: &Value, resource: &str) -> f64 {
    value(&named(&json["bottlenecks"], "resource", resource)["utilisation"])
}

/// The backend as the simulation has it.
fn backend(json: &Value) -> &Value {
    named(&json["simulation"]["stations"], "name", "backend.cpu")
}

#[track_caller]
fn near(found: f64, right: f64, share: f64) {
    assert!((found - right).abs() <= share * right.abs(), "{found} is not within {share} of {right}");
}

#[test]
fn reads_load_the_backend_and_hold_messages_up() {
    let (none, one, three) = (
        simulated(&["backend=none"]),
        simulated(&[]),
        simulated(&["backend.queries_per_message=2.5", "backend.nodes=5"]),
    );
    assert!(none.get("reads").is_none() && none["simulation"].get("cache").is_none());
    assert_eq!(value(&none["required"]["backend_nodes"]), 0.0);
    near(used(&one, "backend.cpu"), 10_000.0 * 1e-3 / 16.0, 1e-12);
    near(value(&backend(&one)["utilisation"]), 0.625, 0.01);
    near(value(&backend(&one)["throughput_per_second"]), 10_000.0, 0.01);
    // 10 cores at 70 % of 8.
    assert_eq!(value(&one["required"]["backend_nodes"]), 2.0);
    assert_eq!(value(&three["required"]["backend_nodes"]), 5.0);
    near(value(&backend(&three)["throughput_per_second"]), 25_000.0, 0.01);
    let mean = |json: &Value| value(&json["simulation"]["latency_seconds"]["mean"]);
    // A round trip of 500 us and a millisecond at the backend, and what little is waited there.
    for (json, reads) in [(&one, 1.0), (&three, 2.5)] {
        let read = 1.5e-3 + value(&backend(json)["wait_seconds"]);
        near(mean(json) - mean(&none), reads * read, 0.01);
        near(mean(json), value(&json["closed_form"]["latency_seconds"]["mean"]), 0.002);
    }
    let auto = outcome("estimate", &["backend.nodes=auto"]);
    assert_eq!(auto["closed_form"]["backend_nodes"], 2);
    assert_eq!(
        outcome("estimate", &["backend.nodes=auto", "servers.target_utilisation=40 %"])["closed_form"]["backend_nodes"],
        4
    );
}

/// What one adds when the backend is full, and what the report says of it.
#[test]
fn a_full_backend_is_the_bottleneck() {
    let json = outcome("simulate", &["backend.nodes=1", "simulation.duration=2 s"]);
    let first = &json["bottlenecks"][0];
    assert_eq!(first["resource"], "backend.cpu");
    assert!(first["solution"].as_str().unwrap().contains("cache") && first["trade_offs"].to_string().contains("stale"));
    let saturation = named(&json["saturation"], "resource", "backend.cpu");
    near(value(&saturation["users_at_limit"]), 1_600.0, 1e-9);
    let warnings = json["simulation"]["warnings"].to_string();
    assert!(warnings.contains("backend.cpu is offered 125 %"), "{warnings}");
    let cold = outcome("simulate", &["backend.nodes=1", CACHE, "cache.start=cold", "simulation.duration=2 s"]);
    let warnings = cold["simulation"]["warnings"].to_string();
    assert!(warnings.contains("offered 125 % of what it can do until they have filled"), "{warnings}");
}

#[test]
fn a_cache_takes_its_hits_off_the_backend() {
    let bare = simulated(&[]);
    for place in ["server", "shared"] {
        let json = simulated(&[CACHE, &format!("cache.where={place}")]);
        let form = &json["reads"]["cache"];
        let hits = value(&form["hit_ratio"]);
        assert!((0.5..0.75).contains(&hits), "{hits}");
        near(used(&json, "backend.cpu"), used(&bare, "backend.cpu") * (1.0 - hits), 1e-9);
        let found = &json["simulation"]["cache"]["hit_ratio"];
        assert!((value(found) - hits).abs() < 0.01, "{found}, the closed form has {hits}");
        near(value(&backend(&json)["utilisation"]), used(&json, "backend.cpu"), 0.02);
        near(
            value(&json["simulation"]["latency_seconds"]["mean"]),
            value(&json["closed_form"]["latency_seconds"]["mean"]),
            0.002,
        );
    }
    // A larger one, and a more uneven popularity, are hit more; what holds everything always.
    let hits = |change: &str| value(&outcome("estimate", &[CACHE, change])["reads"]["cache"]["hit_ratio"]);
    assert!(hits("cache.size=10k") > hits("cache.size=5k") + 0.05);
    assert!(hits("cache.popularity.zipf=1.2") > hits("cache.size=5k") + 0.1);
    near(hits("cache.popularity=uniform"), 0.1, 1e-6);
    assert_eq!(hits("cache.size=50k"), 1.0);
    assert_eq!(hits("cache.size=1M"), 1.0);
}

/// Memory and CPU of the servers; a round trip for a shared one.
#[test]
fn a_cache_has_its_price() {
    let bare = simulated(&[]);
    let own = simulated(&[CACHE]);
    let shared = simulated(&[CACHE, "cache.where=shared"]);
    // 5,000 x 20 KB of 8 GiB.
    let takes = 100e6 / 8_589_934_592.0;
    near(used(&own, "server.memory") - used(&bare, "server.memory"), takes, 1e-9);
    assert_eq!(used(&shared, "server.memory"), used(&bare, "server.memory"));
    let memory = |json: &Value| value(&json["simulation"]["memory_utilisation"]);
    near(memory(&own) - memory(&bare), takes, 0.001);
    near(memory(&shared), memory(&bare), 0.001);
    assert_eq!(value(&own["reads"]["cache"]["bytes_each"]), 100e6);
    assert_eq!((&own["reads"]["cache"]["caches"], &shared["reads"]["cache"]["caches"]), (&2.into(), &1.into()));
    // 1 us a look, or 10 us, of 5,000 a second on 4 cores.
    for (json, look) in [(&own, 1e-6), (&shared, 10e-6)] {
        near(used(json, "server.cpu") - used(&bare, "server.cpu"), 5_000.0 * look / 4.0, 1e-9);
        let cpu = |json: &Value| value(&named(&json["simulation"]["stations"], "name", "server.cpu")["utilisation"]);
        near(cpu(json) - cpu(&bare), 5_000.0 * look / 4.0, 0.05);
    }
    let network = |json: &Value| value(&json["closed_form"]["network_seconds"]);
    near(network(&shared) - network(&own), 500e-6, 1e-9);
    // What doesn't fit in the memory of a connection's server: slots are fewer by what the cache takes.
    let small = outcome("estimate", &[CACHE, "servers={count: auto, memory: 300 MB, connections: {limit: unlimited}}"]);
    // 2,000 x 20 KiB of the 210 MB to plan for, less 100 MB for the cache.
    assert_eq!(value(&named(&small["required"]["by_resource"], "resource", "server.memory")["units"]), 1.0);
    let smaller =
        outcome("estimate", &[CACHE, "servers={count: auto, memory: 165 MB, connections: {limit: unlimited}}"]);
    // … of 115.5 MB: 40.96 MB / 15.5 MB.
    assert_eq!(value(&named(&smaller["required"]["by_resource"], "resource", "server.memory")["units"]), 3.0);
}

/// Copies that get old are read anew: fewer hits, and the fresher the rest. The less often a cache is asked, the worse.
#[test]
fn a_ttl_trades_hits_for_freshness() {
    let with = |changes: &[&str]| simulated(&[&[CACHE, "cache.writes=0.05/s"], changes].concat());
    let (endless, own) = (with(&[]), with(&["cache.ttl=2 s"]));
    let shared = with(&["cache.ttl=2 s", "cache.where=shared"]);
    let of = |json: &Value, name: &str| value(&json["reads"]["cache"][name]);
    assert!(of(&own, "hit_ratio") < of(&shared, "hit_ratio") && of(&shared, "hit_ratio") < of(&endless, "hit_ratio"));
    assert!(of(&own, "stale_share") < 0.5 * of(&endless, "stale_share"));
    assert!(endless["reads"]["cache"]["mean_age_seconds"].is_null());
    for json in [&own, &shared] {
        let found = |name: &str| value(&json["simulation"]["cache"][name]);
        assert!((found("hit_ratio") - of(json, "hit_ratio")).abs() < 0.015, "{json}");
        near(found("mean_age_seconds"), of(json, "mean_age_seconds"), 0.03);
        near(found("stale_share"), of(json, "stale_share"), 0.05);
        assert!(of(json, "mean_age_seconds") < 1.0, "younger than half the ttl");
    }
    near(value(&endless["simulation"]["cache"]["stale_share"]), of(&endless, "stale_share"), 0.03);
    let never = simulated(&[CACHE, "cache.ttl=2 s"]);
    assert_eq!(value(&never["simulation"]["cache"]["stale_share"]), 0.0);
}

/// Empty caches send everything to the backend, until they have filled.
#[test]
fn a_cold_start_is_a_rush_on_the_backend() {
    let series = |start: &str| {
        let json = simulated(&[CACHE, &format!("cache.start={start}"), "backend.nodes=1", "simulation.warm_up=0 s"]);
        let point = |point: &Value| (value(&point["hit_ratio"]), value(&point["backend_utilisation"]));
        json["simulation"]["series"].as_array().unwrap().iter().map(point).collect::<Vec<_>>()
    };
    let (cold, warm) = (series("cold"), series("warm"));
    // Each replication fills its caches in the same way, so that they agree.
    let whole = simulated(&[CACHE, "cache.start=cold", "backend.nodes=1", "simulation.warm_up=0 s"]);
    let hits = &whole["simulation"]["cache"]["hit_ratio"];
    let width = hits["high"].as_f64().unwrap() - hits["low"].as_f64().unwrap();
    assert!((0.0001..0.06).contains(&width), "{hits}");
    let (first, last) = (cold[0], cold[cold.len() - 1]);
    assert!(first.0 < 0.3 && first.1 > 0.85, "{first:?}");
    assert!(last.0 > 0.5 && last.1 < 0.7, "{last:?}");
    let end = &cold[cold.len() / 2..];
    let mean = |points: &[(f64, f64)]| points.iter().map(|point| point.0).sum::<f64>() / points.len() as f64;
    assert!((mean(end) - mean(&warm)).abs() < 0.02, "it fills up to what a warm one has");
    assert!(warm.iter().all(|point| point.0 > 0.5 && point.1 < 0.8), "a warm one has no rush: {warm:?}");
    let file = "scenarios/cold-cache.yaml";
    let shown = run(["simulate", file, "--set", "simulation.duration=3 s"]).well().stdout;
    assert!(shown.contains("hit ratio") && shown.contains("queries inside"), "{shown}");
    let calm = run(["simulate", file, "--set", "simulation.duration=3 s", "--set", "cache.start=warm"]).well().stdout;
    assert!(!calm.contains("queries inside"), "{calm}");
}

/// Whatever else goes on at the servers, nothing is lost on the way through the backend.
#[test]
fn reads_go_with_everything_else() {
    let cases: [&[&str]; 7] = [
        &["servers.discipline=ps"],
        &["balancer.unit=message"],
        &["workload.heartbeat={every: 1 s}", "workload.session={length: {exponential: 3 s}}"],
        &["servers.dispatch=per-core", "servers.queue={limit: 1}", "servers.cpu={per_message: {exponential: 500 us}}"],
        &["workload.fan_out=none", "latency={client: {exponential: 5 ms}, server: {exponential: 1 ms}}"],
        &["workload.message.arrivals={batch: {size: 4}}", "servers.network=unlimited", "cache.where=shared"],
        &["workload.message.arrivals=periodic", "logs={}", "backend.latency=0 s"],
    ];
    for changes in cases {
        let json = simulated(&[&[CACHE, "simulation.duration=3 s"], changes].concat());
        let checks = &json["simulation"]["checks"]["conservation"];
        assert!(checks["arrived"].as_u64().unwrap() > 50_000, "{changes:?}");
        let form = value(&json["reads"]["cache"]["hit_ratio"]);
        assert!((value(&json["simulation"]["cache"]["hit_ratio"]) - form).abs() < 0.02, "{changes:?}");
    }
    let file = scenario(READS).to_string_lossy().into_owned();
    let with =
        |threads| run(["simulate", &file, "--format", "json", "--set", CACHE, "--threads", threads]).well().stdout;
    assert_eq!(with("1"), with("3"), "the same on any number of threads");
}
