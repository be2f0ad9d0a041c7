//! Users who stop waiting and send again: what becomes of their messages, and of a server that they keep busy.
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]
#![allow(clippy::float_cmp, reason = "counts are whole, and the same is the same")]

mod common;

use common::{run_in, scenario};
use serde_json::Value;

/// Simulates a scenario and gives its JSON.
#[track_caller]
fn simulated(text: &str) -> Value {
    let file = scenario(text);
    let result = run_in(file.parent().unwrap(), ["simulate", "x.yaml", "--format=json", "--quiet"]).well().json();
    let found = &result["simulation"]["checks"]["conservation"];
    let count = |name: &str| found[name].as_u64().unwrap();
    assert_eq!(found["holds"], true);
    let served = count("delivered") + count("late") + count("queued") + count("in_service");
    assert_eq!(count("arrived"), served + count("blocked") + count("abandoned"), "{found}");
    let waited_for = if count("intended") > 0 { count("intended") } else { count("delivered") };
    assert_eq!(waited_for, count("delivered") + count("given_up") + count("pending"), "{found}");
    result
}

#[track_caller]
fn figure(result: &Value, name: &str) -> f64 {
    result["simulation"][name]["value"].as_f64().unwrap_or_else(|| panic!("no {name}"))
}

#[track_caller]
fn near(found: f64, wanted: f64, tolerance: f64, what: &str) {
    assert!((found - wanted).abs() <= tolerance * wanted, "{what}: {found}, not {wanted}");
}

/// One core that takes 1 ms, exponential, 800 messages a second.
fn system(workload: &str, servers: &str, client: &str) -> String {
    format!(
        "users: 800\nworkload: {{message: {{rate: 1/s}}{workload}}}\nlatency: {{client: {client}}}\nlogs: none\n\
         servers: {{count: 1, cores: 1{servers}, \
         cpu: {{per_message: {{exponential: 1 ms}}, per_kb: 0 s, per_wakeup: 0 s}}}}\n\
         simulation: {{duration: 100 s, replications: 4, mode: every-message}}\n"
    )
}

/// Residence in M/M/1 is exponential with rate μ − λ = 200/s, so of all messages e^(−200 T) take longer than T. The
/// server does their work all the same. The line adds 10 µs or less.
#[test]
fn late_answers_are_work_for_nobody() {
    for (servers, client, timeout, left) in [
        (", network: unlimited", "0 s", "10 ms", 0.010),
        (", network: unlimited", "20 ms", "50 ms", 0.010),
        ("", "20 ms", "50 ms", 0.010),
    ] {
        let result = simulated(&system(&format!(", timeout: {timeout}"), servers, client));
        let late = (-200.0_f64 * left).exp();
        let what = format!("{servers} {client}");
        near(figure(&result, "dropped_share"), late, 0.1, &what);
        near(figure(&result, "goodput_per_second"), 800.0 * (1.0 - late), 0.03, &what);
        near(figure(&result, "messages_out_per_second"), 800.0, 0.02, &what);
        assert_eq!(figure(&result, "retried_messages"), 0.0);
        assert_eq!(figure(&result, "timed_out_messages"), figure(&result, "dropped_messages"));
        let longest = result["simulation"]["latency_seconds"]["max"]["value"].as_f64().unwrap();
        let whole: f64 = if timeout == "10 ms" { 0.010 } else { 0.050 };
        assert!(longest <= whole * 1.01 && longest > whole * 0.9, "{what}: {longest}");
    }
}

/// Who only stops waiting changes nothing at the server: with a time-out at the 90th percentile of latency, one message in
/// ten is late; whatever the stations on the way, and though the answer of a server that shares its cores is known only as
/// it leaves.
#[test]
fn a_tenth_is_later_than_the_90th_percentile() {
    for servers in [", network: unlimited, discipline: ps", ", network: 20 Mbit/s", ", network: unlimited"] {
        for client in ["0 s", "5 ms", "{exponential: 2 ms}"] {
            let plain = simulated(&system("", servers, client));
            let p90 = plain["simulation"]["latency_seconds"]["p90"]["value"].as_f64().unwrap();
            let hurried = simulated(&system(&format!(", timeout: {:.6} ms", p90 * 1e3), servers, client));
            near(figure(&hurried, "dropped_share"), 0.1, 0.02, &format!("{servers} {client}"));
            let busy = |result: &Value| result["simulation"]["stations"].clone();
            assert_eq!(busy(&plain), busy(&hurried), "{servers} {client}");
        }
    }
}

/// A server without a queue (M/M/1/1) turns away B = a/(1 + a). Retries after long delays come like others, so that
/// a = λs(1 + B + B² + B³), and B⁴ are given up.
#[test]
fn who_is_turned_away_tries_again_so_often() {
    let workload = ", retry: {limit: 3, delay: {exponential: 1 s}}";
    let result = simulated(&system(workload, ", network: unlimited, queue: {limit: 1}", "0 s"));
    let mut blocked = 0.5;
    for _ in 0..1_000 {
        let offered = 0.8 * (1.0 + blocked + blocked * blocked + blocked * blocked * blocked);
        blocked = offered / (1.0 + offered);
    }
    near(figure(&result, "dropped_share"), f64::powi(blocked, 4), 0.05, "given up");
    let retries = 800.0 * (blocked + blocked.powi(2) + blocked.powi(3));
    let measured = 100.0 - result["simulation"]["warm_up_seconds"].as_f64().unwrap();
    near(figure(&result, "retried_messages"), retries * measured, 0.03, "sent again");
    assert_eq!(figure(&result, "timed_out_messages"), 0.0);
}

/// Those who lose patience at the server are heard of as those turned away.
#[test]
fn the_abandoned_are_sent_again() {
    let workload = ", retry: {limit: unlimited, delay: {exponential: 50 ms}}";
    let result = simulated(&system(workload, ", network: unlimited, patience: 5 ms", "0 s"));
    assert!(figure(&result, "retried_messages") > 1_000.0);
    near(figure(&result, "goodput_per_second"), 800.0, 0.02, "all get through in the end");
    assert_eq!(figure(&result, "dropped_messages"), 0.0);
}

/// The delay grows: with a cap far away, four attempts take 1 + 2 + 4 time-outs' pauses longer.
#[test]
fn back_off_spreads_retries() {
    let latency = |backoff: &str| {
        let workload = format!(", retry: {{limit: unlimited, delay: 10 ms{backoff}}}");
        let result = simulated(&system(&workload, ", network: unlimited, queue: {limit: 1}", "0 s"));
        let retried = figure(&result, "retried_messages");
        (retried, result["simulation"]["latency_seconds"]["mean"]["value"].as_f64().unwrap())
    };
    let (plain, grown, capped) = (latency(""), latency(", backoff: 2, cap: 10 s"), latency(", backoff: 2, cap: 10 ms"));
    assert_eq!(plain, capped, "a cap of the first delay leaves no back-off");
    assert!(grown.0 < 0.8 * plain.0 && grown.1 > 1.2 * plain.1, "{plain:?} {grown:?}");
}

/// A short overload whose retries keep the server saturated after the load has gone back (a metastable failure: N.
/// Bronson, A. Aghayev, A. Charapko and T. Zhu, "Metastable failures in distributed systems", 2021); without retries it
/// recovers, and without the overload the retries do no harm.
#[test]
fn retries_keep_an_overloaded_server_down() {
    let run = |retry: &str, peak: &str| {
        simulated(&format!(
            "users: 1_500\nworkload:\n  message: {{rate: 1/s}}\n  timeout: 1 s\n{retry}  \
             profile: {{steps: [{{at: 0 s, share: 40 %}}, {{at: 20 s, share: {peak}}}, {{at: 30 s, share: 40 %}}]}}\n\
             latency: {{client: 10 ms}}\nlogs: none\n\
             servers: {{count: 1, cores: 1, network: unlimited, \
             cpu: {{per_message: {{exponential: 1 ms}}, per_kb: 0 s, per_wakeup: 0 s}}}}\n\
             simulation: {{duration: 90 s, replications: 3, mode: every-message}}\n"
        ))
    };
    // The last fifth of the run: goodput a second, and the CPU's work.
    let end = |result: &Value| {
        let points = result["simulation"]["series"].as_array().unwrap();
        let last = &points[points.len() * 4 / 5..];
        let mean = |read: &dyn Fn(&Value) -> f64| last.iter().map(read).sum::<f64>() / last.len() as f64;
        let goodput = mean(&|point| point["goodput_per_second"].as_f64().unwrap());
        (goodput, mean(&|point| point["utilisation"]["server.cpu"].as_f64().unwrap()))
    };
    let retry = "  retry: {limit: 3, delay: 100 ms}\n";
    let (down, up, calm) = (run(retry, "100 %"), run("", "100 %"), run(retry, "40 %"));
    let (goodput, work) = end(&down);
    assert!(goodput < 60.0 && work > 0.99, "still down: {goodput} {work}");
    for recovered in [&up, &calm] {
        let (goodput, work) = end(recovered);
        near(goodput, 600.0, 0.05, "goodput");
        near(work, 0.6, 0.05, "work");
    }
    assert!(figure(&down, "dropped_share") > 2.0 * figure(&up, "dropped_share"));
    assert_eq!(figure(&calm, "dropped_messages"), 0.0);
}

#[test]
fn retries_are_the_same_on_any_number_of_threads() {
    let text = "users: 4_000\nworkload: {message: {rate: 1/s}, timeout: 45 ms, retry: {delay: {exponential: 30 ms}}, \
                session: {length: {exponential: 1 s}}, profile: {flash: {at: 1 s, rise: 1 s, hold: 3 s, fall: 1 s}}}\n\
                servers: {count: 4, cores: 1, cpu: {per_message: {exponential: 900 us}}, queue: {limit: 9}}\n\
                balancer: {unit: message}\nsimulation: {duration: 6 s, replications: 3}\n";
    for unit in ["message", "connection"] {
        let file = scenario(&text.replace("unit: message", &format!("unit: {unit}")));
        let [one, two, five] = ["1", "2", "5"].map(|threads| {
            let arguments = ["simulate", "x.yaml", "--format=json", "--quiet", "--threads", threads];
            run_in(file.parent().unwrap(), arguments).well().stdout
        });
        assert!(one == two && one == five, "{unit}");
        let result: Value = serde_json::from_str(&one).unwrap();
        assert!(figure(&result, "retried_messages") > 100.0);
    }
}
