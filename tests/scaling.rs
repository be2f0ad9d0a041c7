//! What does an autoscaler give, and what does it take?
#![allow(clippy::float_cmp, reason = "counts are exact")]
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use common::outcome::{at, conserved, figure};
use common::scenario;
use serde_json::Value;

/// At the peak 540 messages/s of 5 ms: 2.7 cores' work on servers of one core. It begins with a third of that.
const SERVICE: &str = "
users: 600
workload:
  message: {rate: 0.9/s}
  session: {length: {exponential: 10 s}}
  profile: {of: users, flash: {at: 20 s, from: 33 %, rise: 10 s, hold: 90 s, fall: 10 s}}
servers: {count: 2, cores: 1, connections: {comfortable: 200}, cpu: {per_message: {exponential: 5 ms}, per_wakeup: 0 s, per_kb: 0 s, per_heartbeat: 0 s, per_connect: 0 s, per_cache_miss: 0 s}}
autoscaler: {target: 60 %, every: 5 s, delay: 10 s, step: 2, cool_down: 20 s, drain: 5 s, least: 2, most: 9}
simulation: {duration: 200 s, replications: 4}
";

fn scaling(result: &Value) -> &Value {
    &result["simulation"]["autoscaler"]
}

fn p99(result: &Value) -> f64 {
    figure(&result["simulation"]["latency_seconds"], "p99")
}

/// It follows the load up and down again, for less server-time than a fleet that is always there for the peak, and for a
/// latency between that of the fixed small fleet and that of the fixed large one.
#[test]
fn it_follows_the_load_at_a_price_in_latency() {
    let scaled = conserved(SERVICE, &[]);
    let found = scaling(&scaled);
    // 2.7 cores' work at 60 % is 4.5 servers, so five.
    assert_eq!(scaled["required"]["servers_scaled_to"], 5);
    assert_eq!((at(&scaled, 18.0, "servers"), at(&scaled, 195.0, "servers")), (2.0, 2.0));
    let peak = at(&scaled, 100.0, "servers");
    assert!((5.0..7.5).contains(&peak), "{peak}");
    assert!(figure(found, "scale_outs") >= 2.0 && figure(found, "scale_ins") >= 1.0, "{found}");
    let [small, large] =
        [2, 6].map(|count| conserved(SERVICE, &["autoscaler=none", &format!("servers.count={count}")]));
    assert_eq!(scaling(&large), &Value::Null);
    assert!(
        p99(&large) < p99(&scaled) && p99(&scaled) < 0.7 * p99(&small),
        "{} {} {}",
        p99(&large),
        p99(&scaled),
        p99(&small)
    );
    let fixed = found["fixed_server_seconds"].as_f64().unwrap();
    assert_eq!(fixed, found["fixed_servers"].as_f64().unwrap() * 200.0);
    // The series has servers that are up; those that start are paid for too.
    let series = scaled["simulation"]["series"].as_array().unwrap();
    let up: f64 = series.iter().map(|point| point["servers"].as_f64().unwrap()).sum::<f64>() / series.len() as f64;
    let paid = figure(found, "server_seconds");
    assert!(200.0 * up < paid && paid < 200.0 * up + 9.0 * 10.0 * figure(found, "scale_outs"), "{up} {paid}");
}

/// What is late costs: the longer servers take to start, the longer the queues before they are there.
#[test]
fn late_servers_cost_latency_and_early_ones_money() {
    let delayed = |delay: &str| conserved(SERVICE, &[&format!("autoscaler.delay={delay}")]);
    let (early, late) = (delayed("1 s"), delayed("60 s"));
    assert!(p99(&late) > 2.0 * p99(&early), "{} {}", p99(&early), p99(&late));
    let aimed = |target: &str| conserved(SERVICE, &[&format!("autoscaler.target={target}")]);
    let (generous, tight) = (aimed("40 %"), aimed("80 %"));
    let paid = |result: &Value| figure(scaling(result), "server_seconds");
    assert!(paid(&generous) > 1.3 * paid(&tight), "{} {}", paid(&generous), paid(&tight));
    assert!(p99(&generous) < p99(&tight), "{} {}", p99(&generous), p99(&tight));
}

/// Connections stay where they are: without churn, new servers are left with those who come after them, and with nobody
/// where all have come already.
#[test]
fn a_new_server_is_empty_until_somebody_connects() {
    let steady = ["workload.profile=steady", "workload.session=none", "autoscaler.least=2"];
    let result = conserved(SERVICE, &steady);
    assert!(at(&result, 100.0, "servers") >= 4.0);
    // Two servers have all the work, more than they can do; those that are new have none.
    assert!(p99(&result) > 5.0, "{}", p99(&result));
    let churn = conserved(SERVICE, &["workload.profile=steady"]);
    assert!(p99(&churn) < p99(&result) / 2.0, "{}", p99(&churn));
}

/// By connections: 600 of 200 comfortable ones at 60 % are five servers; a step of one takes a look for each.
#[test]
fn by_connections_step_by_step() {
    let set = ["autoscaler.of=connections", "autoscaler.step=1", "autoscaler.delay=0 s", "autoscaler.tolerance=0 %"];
    let steady = ["workload.profile=steady", "workload.session=none", "autoscaler.drain=1 s"];
    let result = conserved(SERVICE, &[&set[..], &steady[..]].concat());
    assert_eq!(result["required"]["servers_scaled_to"], 5);
    let found = scaling(&result);
    assert_eq!((figure(found, "scale_outs"), figure(found, "scale_ins")), (3.0, 0.0));
    assert_eq!(figure(found, "most_servers"), 5.0);
    // Up at 5, 10 and 15 s.
    assert_eq!(figure(found, "server_seconds"), 5.0 * 2.0 + 5.0 * 3.0 + 5.0 * 4.0 + 185.0 * 5.0);
}

/// Users of a removed server are moved, none of them lost, whatever the policy and however sessions end.
#[test]
fn removed_servers_drain() {
    let shrinking = ["workload.profile=steady", "users=60", "servers.count=5", "autoscaler.cool_down=10 s"];
    for policy in ["least-connections", "round-robin", "random", "consistent-hash"] {
        for session in ["none", "{length: {exponential: 10 s}}", "{length: 10 s}"] {
            let more = [format!("balancer.policy={policy}"), format!("workload.session={session}")];
            let more: Vec<&str> = more.iter().map(String::as_str).collect();
            let result = conserved(SERVICE, &[&shrinking[..], &more[..]].concat());
            assert_eq!(at(&result, 190.0, "servers"), 2.0, "{more:?}");
            let simulation = &result["simulation"];
            assert!(figure(simulation, "dropped_connections") > 0.0, "{more:?}");
            assert_eq!(figure(simulation, "dropped_messages"), 0.0, "{more:?}");
            if session == "none" {
                assert_eq!(at(&result, 190.0, "connections"), 60.0, "{more:?}");
            }
        }
    }
    // Also of servers that still shake hands as they drain.
    let slow = ["servers.accept={rate: 2/s, backlog: 100}", "workload.session={length: {exponential: 5 s}}"];
    let result = conserved(SERVICE, &[&shrinking[..], &slow[..]].concat());
    assert_eq!(at(&result, 190.0, "servers"), 2.0);
}

/// The same bytes at any number of threads.
#[test]
fn the_same_at_any_number_of_threads() {
    let file = scenario(SERVICE);
    let once = |threads: &str| {
        let output = common::program()
            .args(["simulate", file.to_str().unwrap(), "--format=json", "--quiet"])
            .env("RAYON_NUM_THREADS", threads)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let one = once("1");
    assert!(one.contains("server_seconds"));
    assert_eq!(one, once("3"));
}

/// A run too short for the first look says so, and nothing moves.
#[test]
fn a_run_too_short_to_look_says_so() {
    let result = conserved(SERVICE, &["autoscaler.every=300 s"]);
    assert_eq!(figure(scaling(&result), "scale_outs"), 0.0);
    let warnings = result["simulation"]["warnings"].to_string();
    assert!(warnings.contains("never changes"), "{warnings}");
}
