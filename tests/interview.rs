//! An estimate as it is given in conversation: is every part there, in order, and does it hold?
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use common::{run, scenario};

#[test]
fn every_part_in_its_order() {
    let text = run(["estimate", "scenarios/chat-10k.yaml"]).well().stdout;
    let parts = [
        "1. Clarify",
        "2. Arithmetic",
        "3. Bottleneck: server.connections",
        "4. Solution",
        "5. Trade-offs",
        "6. What breaks next",
    ];
    let places: Vec<usize> =
        parts.iter().map(|part| text.find(part).unwrap_or_else(|| panic!("no {part}:\n{text}"))).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(text.contains("x10, 100,000 users: on 3 servers connections at 861 %"), "{text}");
    assert!(text.contains("It takes 26 servers"), "{text}");
}

/// What was given is no assumption, and an assumption has its source.
#[test]
fn assumptions_are_the_defaults_that_matter() {
    let file = scenario("users: 100\nworkload: {message: {rate: 1/s, size: 2 KB}}\nlogs: none\n");
    let json = run(["estimate", file.to_str().unwrap(), "--format", "json"]).well().json();
    let all = json["assumptions"].as_array().unwrap();
    let of = |path: &str| all.iter().find(|assumed| assumed["path"] == path);
    assert_eq!(of("servers.connections.comfortable").unwrap()["value"], "3_000..5_000");
    assert!(of("servers.connections.comfortable").unwrap()["source"].as_str().unwrap().contains("comfortable"));
    for absent in ["workload.message.size", "logs.retention", "users"] {
        assert!(of(absent).is_none(), "{absent}");
    }
}

/// What it takes at ten times the users is what an estimate with ten times the users says.
#[test]
fn growth_is_an_estimate_of_its_own() {
    let required = |users: &str| {
        let json = run(["estimate", "scenarios/chat-10k.yaml", "--users", users, "--format", "json"]).well().json();
        (json["required"]["servers"]["value"].clone(), json["growth"].clone())
    };
    let (_, growth) = required("10k");
    for (i, users) in ["100k", "1M"].into_iter().enumerate() {
        assert_eq!(growth[i]["required"]["servers"]["value"], required(users).0, "{users}");
        assert_eq!(growth[i]["breaks"][0]["resource"], "server.connections");
    }
    assert_eq!((&growth[0]["factor"], &growth[1]["users"]["value"]), (&10.into(), &1e6.into()));
    // A fleet with room to spare breaks nowhere.
    let wide = [
        "estimate",
        "scenarios/chat-10k.yaml",
        "--set",
        "servers.count=10_000",
        "--set",
        "logs=none",
        "--format",
        "json",
    ];
    assert_eq!(run(wide).well().json()["growth"][0]["breaks"], serde_json::json!([]));
}
