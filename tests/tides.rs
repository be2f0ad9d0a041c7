//! Load that moves over time: does the simulation follow the curve, and is what it does to users and queues right?
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]
#![allow(clippy::float_cmp, reason = "counts are whole, and the same is the same")]

mod common;

use std::f64::consts::PI;
use std::fmt::Write as _;
use std::fs;

use common::{folder, run_in, scenario};
use serde_json::Value;

/// Simulates a scenario and gives its JSON.
#[track_caller]
fn simulated(text: &str) -> Value {
    let file = scenario(text);
    run_in(file.parent().unwrap(), ["simulate", "x.yaml", "--format=json", "--quiet"]).well().json()
}

/// A figure of each point of the series, with the time at the point's middle.
fn course(result: &Value, name: &str) -> Vec<(f64, f64)> {
    let mut from = 0.0;
    result["simulation"]["series"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| {
            let until = point["until_seconds"].as_f64().unwrap();
            let middle = f64::midpoint(from, until);
            from = until;
            (middle, point[name].as_f64().unwrap_or(f64::NAN))
        })
        .collect()
}

#[track_caller]
fn figure(result: &Value, name: &str) -> f64 {
    result["simulation"][name]["value"].as_f64().unwrap_or_else(|| panic!("no {name}"))
}

fn system(users: u64, rest: &str) -> String {
    format!(
        "users: {users}\nworkload:\n  message: {{rate: 2/s}}\n{rest}\nlatency: {{client: 0 s}}\n\
         servers: {{count: 2}}\nlogs: none\n"
    )
}

/// Where the curve is straight within a point of the series, its mean is the value in the middle.
#[test]
fn messages_follow_each_shape() {
    let folder = folder();
    fs::write(folder.join("day.csv"), "s,%\n0,20\n32,80\n64,0\n").unwrap();
    let cases: [(&str, &dyn Fn(f64) -> f64); 4] = [
        ("{diurnal: {low: 20 %, period: 64 s, peak_at: 16 s}}", &|t| {
            0.2 + 0.8 * (1.0 + (2.0 * PI * (t - 16.0) / 64.0).cos()) / 2.0
        }),
        ("{steps: [{at: 16 s, share: 10 %}, {at: 48 s, share: 50 %}]}", &|t| match t {
            ..16.0 => 1.0,
            ..48.0 => 0.1,
            _ => 0.5,
        }),
        ("{flash: {at: 16 s, from: 10 %, rise: 8 s, hold: 8 s, fall: 16 s}}", &|t| {
            let up = ((t - 16.0) / 8.0).clamp(0.0, 1.0);
            let down = ((t - 32.0) / 16.0).clamp(0.0, 1.0);
            0.1 + 0.9 * (up - down)
        }),
        ("{trace: day.csv}", &|t| if t < 32.0 { 0.2 + 0.6 * t / 32.0 } else { 0.8 - 0.8 * (t - 32.0) / 32.0 }),
    ];
    for (profile, share) in cases {
        let text = system(5_000, &format!("  profile: {profile}\nsimulation: {{duration: 64 s, replications: 4}}"));
        fs::write(folder.join("x.yaml"), &text).unwrap();
        let result = run_in(&folder, ["simulate", "x.yaml", "--format=json", "--quiet"]).well().json();
        let points = course(&result, "messages_in_per_second");
        assert_eq!(points.len(), 64);
        let mut sum = 0.0;
        for &(t, found) in &points {
            let wanted = 10_000.0 * share(t);
            // Of so many messages in the point's second of four runs, five standard deviations.
            assert!((found - wanted).abs() < 5.0 * (wanted / 4.0).sqrt() + 1.0, "{profile} at {t}: {found} {wanted}");
            sum += wanted / 64.0;
        }
        assert_eq!(figure(&result, "dropped_share"), 0.0, "{profile}");
        assert_eq!(result["simulation"]["warm_up_seconds"], 0.0, "the course is not cut");
        let peak_to_mean = result["load"]["peak_to_mean"]["value"].as_f64().unwrap();
        assert!((peak_to_mean - 10_000.0 / sum).abs() < 1e-3 * peak_to_mean, "{profile}: {peak_to_mean}");
    }
}

/// Planned for the peak, whatever the profile.
#[test]
fn the_closed_form_is_of_the_peak() {
    let steady = simulated(&system(5_000, "simulation: {duration: 4 s, replications: 2}"));
    let moved = simulated(&system(
        5_000,
        "  profile: {flash: {at: 1 s, rise: 1 s, hold: 1 s, fall: 1 s}}\nsimulation: {duration: 4 s, replications: 2}",
    ));
    assert_eq!(steady["required"], moved["required"]);
    assert_eq!(steady["bottlenecks"], moved["bottlenecks"]);
    assert_eq!(steady["load"]["peak_to_mean"]["value"], 1.0);
}

/// Connections that last follow the curve to the user, under each policy and past the servers' slots.
#[test]
fn users_come_and_go_as_the_curve_has_it() {
    for (policy, limit, most) in [("least-connections", "20_000", 4_000.0), ("random", "1_500", 3_000.0)] {
        let text = format!(
            "users: 4_000\nworkload:\n  message: {{rate: 1/s}}\n  heartbeat: {{every: 10 s}}\n  \
             reconnect: {{backoff: 100 ms}}\n  \
             profile: {{of: users, flash: {{at: 16 s, from: 25 %, rise: 8 s, hold: 16 s, fall: 8 s}}}}\n\
             servers: {{count: 2, connections: {{limit: {limit}, comfortable: 1_500}}}}\nlogs: none\n\
             balancer: {{policy: {policy}}}\nsimulation: {{duration: 64 s, replications: 2}}\n"
        );
        let result = simulated(&text);
        for (t, found) in course(&result, "connections") {
            let up = ((t - 16.0) / 8.0).clamp(0.0, 1.0) - ((t - 40.0) / 8.0).clamp(0.0, 1.0);
            let wanted = (1_000.0 + 3_000.0 * up).min(most);
            // Who is refused comes back within 0.1 s; one server may fill before the other.
            let slack = if most < 4_000.0 { 150.0 } else { 1.0 };
            assert!((found - wanted).abs() <= slack, "{policy} at {t}: {found} {wanted}");
        }
        let messages = course(&result, "messages_in_per_second");
        assert!((messages[4].1 - 1_000.0).abs() < 150.0 && messages[60].1 > 800.0, "{messages:?}");
        assert_eq!(result["simulation"]["checks"]["conservation"]["holds"], true);
        if most < 4_000.0 {
            assert!(figure(&result, "refused_connections") > 1_000.0);
        }
    }
}

/// `M_t/M/∞` (S. G. Eick, W. A. Massey and W. Whitt, Management Science 39, 1993): a sinusoidal arrival rate gives a sinusoidal
/// number, its amplitude divided by √(1 + ω²/μ²), and late by arctan(ω/μ)/ω. For sessions that all last D, the number is
/// the arrivals of the last D.
#[test]
fn sessions_lag_behind_their_arrivals() {
    let (users, low, period, peak_at, mean) = (20_000.0, 0.2, 64.0, 20.0, 12.0);
    let omega = 2.0 * PI / period;
    let (middle, amplitude) = (users * (1.0 + low) / 2.0, users * (1.0 - low) / 2.0);
    for length in ["{exponential: 12 s}", "12 s"] {
        let result = simulated(&format!(
            "users: 20_000\nworkload:\n  message: {{rate: 0.01/s}}\n  session: {{length: {length}}}\n  \
             profile: {{diurnal: {{low: 20 %, period: 64 s, peak_at: 20 s}}}}\n\
             servers: {{count: 4}}\nlogs: none\nsimulation: {{duration: 64 s, replications: 8}}\n"
        ));
        let (size, lag) = if length == "12 s" {
            // The mean of a cosine over a window of D: sin(ωD/2)/(ωD/2) of it, D/2 late.
            ((omega * mean / 2.0).sin() / (omega * mean / 2.0), mean / 2.0)
        } else {
            (1.0 / (omega * mean).hypot(1.0), (omega * mean).atan() / omega)
        };
        for (t, found) in course(&result, "connections") {
            let wanted = middle + amplitude * size * (omega * (t - peak_at - lag)).cos();
            // Poisson: a standard deviation of √n, of eight runs.
            let error = (wanted / 8.0).sqrt();
            assert!((found - wanted).abs() < 5.0 * error + 5.0, "{length} at {t}: {found} {wanted}");
        }
    }
}

/// Quiet, then a load that fills the server: the points of the series tell the two apart.
#[test]
fn the_series_shows_what_the_peak_does() {
    let result = simulated(
        "users: 900\nworkload:\n  message: {rate: 1/s}\n  profile: {steps: [{at: 0 s, share: 10 %}, {at: 32 s, share: 100 %}]}\n\
         servers: {count: 1, cores: 1, cpu: {per_message: {exponential: 1 ms}, per_kb: 0 s, per_wakeup: 0 s}}\n\
         logs: none\nlatency: {client: 0 s}\nsimulation: {duration: 64 s, replications: 3}\n",
    );
    let p99 = course(&result, "latency_p99_seconds");
    assert!(p99[10].1 < 8e-3 && p99[50].1 > 16e-3, "{p99:?}");
    let work: Vec<f64> = result["simulation"]["series"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["utilisation"]["server.cpu"].as_f64().unwrap())
        .collect();
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    assert!((mean(&work[..32]) - 0.09).abs() < 0.02 && (mean(&work[32..]) - 0.9).abs() < 0.06, "{work:?}");
}

/// A trace of messages: each is sent once, when the file says, whatever servers there are; after its end it starts over.
#[test]
fn a_trace_is_sent_to_the_message() {
    let folder = folder();
    fs::write(folder.join("messages.csv"), "# four messages\n s \n0.1\n0.1\n0.2\n\n0.9\n").unwrap();
    // The period: the last time and the mean gap.
    let period = 0.9 + 0.8 / 3.0;
    let seconds = 64.0;
    let expected = (0..1_000_u32)
        .map(|number| f64::from(number / 4) * period + [0.1, 0.1, 0.2, 0.9][number as usize % 4])
        .take_while(|time| *time <= seconds)
        .count() as u64;
    for servers in ["count: 1", "count: 3", "count: 3, dispatch: per-core"] {
        for balancer in ["{policy: random}", "{unit: message}"] {
            let text = format!(
                "users: 10\nworkload: {{message: {{arrivals: {{trace: messages.csv}}}}}}\nservers: {{{servers}}}\n\
                 balancer: {balancer}\nsimulation: {{duration: 64 s, replications: 3, warm_up: 0 s}}\n"
            );
            fs::write(folder.join("x.yaml"), &text).unwrap();
            let result = run_in(&folder, ["simulate", "x.yaml", "--format=json", "--quiet"]).well().json();
            let arrived = result["simulation"]["checks"]["conservation"]["arrived"].as_u64().unwrap();
            assert_eq!(arrived, 3 * expected, "{servers}, {balancer}");
            let load = result["load"]["messages_in_per_second"]["value"].as_f64().unwrap();
            assert!((load - 4.0 / period).abs() < 1e-9, "{load}");
            // In the first second, and so in the first point of the series, all but those of the next round.
            assert!((course(&result, "messages_in_per_second")[0].1 - 4.0).abs() < 1e-9);
        }
    }
}

#[test]
fn a_trace_that_is_wrong_is_shown() {
    let folder = folder();
    let cases = [
        ("backwards", "0.1 s\n0.3 s\n0.2 s\n"),
        ("without units", "0.1\n0.3\n"),
        ("of two columns", "1 s, 2 s\n"),
        ("of one time", "1 s\n1 s\n"),
        ("empty", "# nothing\n"),
    ];
    let mut out = String::new();
    for (what, csv) in cases {
        fs::write(folder.join("t.csv"), csv).unwrap();
        fs::write(folder.join("x.yaml"), "users: 5\nworkload: {message: {arrivals: {trace: t.csv}}}\n").unwrap();
        let ended = run_in(&folder, ["simulate", "x.yaml"]);
        assert_eq!(ended.code, Some(2), "{what}: {ended:?}");
        let _ = writeln!(out, "## {what}\n{}", ended.stderr);
    }
    for (what, csv) in [("a share too large", "0 s, 10 %\n5 s, 120 %\n"), ("backwards", "5 s, 1 %\n1 s, 2 %\n")] {
        fs::write(folder.join("t.csv"), csv).unwrap();
        let text = "users: 5\nworkload: {message: {rate: 1/s}, profile: {trace: t.csv}}\n";
        fs::write(folder.join("x.yaml"), text).unwrap();
        let ended = run_in(&folder, ["simulate", "x.yaml"]);
        assert_eq!(ended.code, Some(2), "{what}: {ended:?}");
        let _ = writeln!(out, "## a profile: {what}\n{}", ended.stderr);
    }
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!(out);
    });
}

/// Users in two states: as many messages as the mix has, and a stated rate that differs is told, not taken.
#[test]
fn the_rate_of_an_mmpp_is_that_of_its_mix() {
    let run = |rate: &str| {
        simulated(&format!(
            "users: 2_000\nworkload: {{message: {{{rate}arrivals: {{mmpp: {{rates: [0.2/s, 1.4/s], switch: [1/s, 3/s]}}}}}}}}\n\
             logs: none\nsimulation: {{duration: 64 s, replications: 4}}\n"
        ))
    };
    let result = run("");
    // Three times as long in the first state as in the second.
    assert!((result["load"]["messages_in_per_second"]["value"].as_f64().unwrap() - 1_000.0).abs() < 1e-9);
    assert!((figure(&result, "messages_in_per_second") - 1_000.0).abs() < 20.0);
    let warnings = |result: &Value| result["simulation"]["warnings"].to_string();
    assert!(!warnings(&run("rate: 0.502/s, ")).contains("message.rate"));
    let warned = run("rate: 0.6/s, ");
    assert!(warnings(&warned).contains("message.rate"), "{}", warnings(&warned));
    assert_eq!(warned["simulation"]["latency_seconds"], result["simulation"]["latency_seconds"]);
}
