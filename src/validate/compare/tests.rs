//! Verdicts on made-up figures.

use super::*;
use crate::metrics::LatencyMetrics;
use crate::scenario::Document;

fn allowances() -> Allowances {
    let yaml = b"users: 10\nworkload: {message: {rate: 1/s}}\nservers: {cores: 2}";
    let document = Document::parse("x.yaml", yaml, &|_| Err(std::io::Error::other("none"))).unwrap();
    Allowances::of(&document.resolve().unwrap())
}

fn about(value: f64) -> Estimate {
    Estimate { value, low: value * 0.995, high: value * 1.005 }
}

fn seen(offered: f64, done: f64, busy: f64, millis: f64) -> Observation {
    let latency = |factor: f64| about(millis * 1e-3 * factor);
    Observation {
        seconds: 10.0,
        offered_per_second: Some(about(offered)),
        messages_in_per_second: Some(about(done)),
        messages_out_per_second: Some(about(done)),
        cpu_busy: Some(about(busy)),
        refused_connections: Some(Estimate::exact(0.0)),
        latency: Some(LatencyMetrics {
            mean: latency(1.0),
            p50: latency(0.7),
            p90: latency(2.3),
            p95: latency(3.0),
            p99: latency(4.6),
            p999: latency(6.9),
            max: latency(9.0),
        }),
        ..Observation::default()
    }
}

#[expect(clippy::large_types_passed_by_value, reason = "they are made where it is called")]
fn trial(predicted: Observation, measured: Observation) -> Trial {
    Trial {
        load: Load { messages_per_second: 1_000.0, connections: None, utilisation: None },
        predicted: Side { seen: predicted, saturated: Side::measured(predicted).saturated },
        replayed: None,
        measured: Side::measured(measured),
        noise: Noise::default(),
        calibrated: true,
        samples: 3,
    }
}

fn verdict_of(point: &Point, metric: Metric) -> Option<Verdict> {
    point.metrics.iter().find(|comparison| comparison.metric == metric).map(|comparison| comparison.verdict)
}

#[test]
fn what_agrees_passes_and_what_does_not_fails() {
    let measured = seen(1_000.0, 1_000.0, 0.5, 2.0);
    let good = compare(&[trial(seen(1_000.0, 1_001.0, 0.52, 2.2), measured)], &allowances());
    assert_eq!(good.verdict, Verdict::Pass);
    assert_eq!(verdict_of(&good.points[0], Metric::Refused), None, "nobody was refused");
    assert_eq!(verdict_of(&good.points[0], Metric::Deliveries), None, "as many as messages");
    let bad = compare(&[trial(seen(1_000.0, 1_001.0, 0.52, 3.0), measured)], &allowances());
    assert_eq!(bad.verdict, Verdict::Fail);
    assert_eq!(verdict_of(&bad.points[0], Metric::Cpu), Some(Verdict::Pass));
    assert_eq!(verdict_of(&bad.points[0], Metric::P50), Some(Verdict::Fail));
    let mean = bad.mean_errors.iter().find(|mean| mean.metric == Metric::P50).unwrap();
    assert!((mean.mean_absolute - 0.5).abs() < 1e-9 && mean.points == 1, "{mean:?}");
}

#[test]
fn one_point_of_a_core_is_always_allowed() {
    let with = |predicted: f64| {
        let trial = trial(seen(10.0, 10.0, predicted, 2.0), seen(10.0, 10.0, 0.01, 2.0));
        verdict_of(&compare(&[trial], &allowances()).points[0], Metric::Cpu)
    };
    // Of two cores, half a percent is one point of a core.
    assert_eq!((with(0.014_9), with(0.015_2)), (Some(Verdict::Pass), Some(Verdict::Fail)));
}

#[test]
fn missing_deliveries_are_seen() {
    let rooms = |out: f64| Observation { messages_out_per_second: Some(about(out)), ..seen(100.0, 100.0, 0.5, 2.0) };
    let of = |predicted: f64, measured: f64| {
        verdict_of(&compare(&[trial(rooms(predicted), rooms(measured))], &allowances()).points[0], Metric::Deliveries)
    };
    assert_eq!(of(5_000.0, 5_010.0), Some(Verdict::Pass));
    assert_eq!(of(5_000.0, 4_500.0), Some(Verdict::Fail));
    assert_eq!(of(100.0, 90.0), Some(Verdict::Fail), "one each, and some are missing");
}

#[test]
fn noise_makes_the_whole_point_inconclusive() {
    let measured = seen(1_000.0, 1_000.0, 0.5, 2.0);
    for (predicted, noise) in [
        (measured, Noise { steal_share: Some(0.2), ..Noise::default() }),
        (seen(1_000.0, 1_000.0, 0.9, 9.0), Noise { driver_limited: true, ..Noise::default() }),
    ] {
        let found = compare(&[Trial { noise, ..trial(predicted, measured) }], &allowances());
        assert_eq!(found.verdict, Verdict::Inconclusive);
        assert!(found.points[0].metrics.iter().all(|c| c.verdict == Verdict::Inconclusive), "{found:?}");
        assert_eq!(found.points[0].excesses.len(), 1);
    }
    // One that fails elsewhere still fails.
    let trials = [
        Trial { noise: Noise { driver_limited: true, ..Noise::default() }, ..trial(measured, measured) },
        trial(seen(1_000.0, 1_000.0, 0.9, 2.0), measured),
    ];
    assert_eq!(compare(&trials, &allowances()).verdict, Verdict::Fail);
}

#[test]
fn saturated_latency_is_not_judged_but_the_saturation_point_is() {
    let both = trial(seen(2_000.0, 1_050.0, 1.0, 4_000.0), seen(2_000.0, 1_000.0, 1.0, 900.0));
    let found = compare(std::slice::from_ref(&both), &allowances());
    assert!(found.points[0].saturated());
    assert_eq!(verdict_of(&found.points[0], Metric::P99), Some(Verdict::NotJudged));
    assert_eq!(found.mean_errors.iter().find(|mean| mean.metric == Metric::P99), None);
    let saturation = found.saturation.unwrap();
    assert_eq!((saturation.metric, saturation.verdict), (Metric::Saturation, Verdict::Pass));
    assert!((saturation.error.unwrap() - 0.05).abs() < 1e-9);
    // Where only one of them is saturated, there is something to judge, and no saturation point to compare.
    let one = compare(&[trial(seen(2_000.0, 2_000.0, 0.9, 2.0), both.measured.seen)], &allowances());
    assert!(!one.points[0].saturated() && one.points[0].measured_saturated);
    assert_eq!((verdict_of(&one.points[0], Metric::P99), one.saturation), (Some(Verdict::Fail), None));
}

#[test]
fn the_errors_of_service_and_workload_add_up() {
    let measured = seen(1_000.0, 1_000.0, 0.5, 2.0);
    let replayed = seen(1_000.0, 1_000.0, 0.5, 2.2);
    let found = compare(
        &[Trial { replayed: Some(Side::measured(replayed)), ..trial(seen(1_000.0, 1_000.0, 0.5, 1.8), measured) }],
        &allowances(),
    );
    let p50 = found.points[0].metrics.iter().find(|comparison| comparison.metric == Metric::P50).unwrap();
    let (service, workload) = (p50.service_error.unwrap(), p50.workload_error.unwrap());
    assert!((service - 0.1).abs() < 1e-9 && (workload + 0.2).abs() < 1e-9, "{p50:?}");
    assert!((service + workload - p50.error.unwrap()).abs() < 1e-12);
}

#[test]
fn times_that_the_calibration_does_not_reach_are_no_failure() {
    let (predicted, measured) = (seen(1_000.0, 900.0, 0.9, 9.0), seen(1_000.0, 1_000.0, 0.5, 2.0));
    let of = |calibrated: bool, metric: Metric| {
        let found = compare(&[Trial { calibrated, ..trial(predicted, measured) }], &allowances());
        verdict_of(&found.points[0], metric)
    };
    for metric in [Metric::Cpu, Metric::P50, Metric::P99] {
        assert_eq!((of(true, metric), of(false, metric)), (Some(Verdict::Fail), Some(Verdict::Inconclusive)));
    }
    assert_eq!(of(false, Metric::Throughput), Some(Verdict::Fail), "what is counted doesn't come from a calibration");
}

/// Of a server that was always busy the runs differ in what got through, and with that in bytes.
#[test]
fn past_saturation_bytes_are_known_as_well_as_what_gets_through() {
    let with = |done: f64, half: f64, bytes: f64, offered: f64| Observation {
        messages_in_per_second: Some(Estimate { value: done, low: done - half, high: done + half }),
        wire_bytes_per_second: Some(about(bytes)),
        ..seen(offered, done, 1.0, 50.0)
    };
    let of = |half: f64, offered: f64| {
        let trial = trial(with(1_000.0, 0.0, 2e6, offered), with(1_005.0, half, 2.1e6, offered));
        verdict_of(&compare(&[trial], &allowances()).points[0], Metric::WireBytes)
    };
    assert_eq!(of(60.0, 2_000.0), Some(Verdict::Inconclusive));
    assert_eq!(of(1.0, 2_000.0), Some(Verdict::Fail), "what gets through is known");
    assert_eq!(of(60.0, 1_000.0), Some(Verdict::Fail), "with time to spare bytes follow from what is offered");
}

/// Both runs happened to send other numbers of messages than the load says, and logged each of them.
#[test]
fn what_is_counted_is_compared_at_the_same_load() {
    let logged = |offered: f64, half: f64, bytes: f64| {
        let within = |value: f64| Estimate { value, low: value * (1.0 - half), high: value * (1.0 + half) };
        let mut seen = seen(offered, offered, 0.5, 2.0);
        seen.offered_per_second = Some(within(offered));
        seen.messages_in_per_second = Some(within(offered));
        seen.log_bytes_per_hour = Some(within(bytes * offered));
        seen
    };
    let of = |bytes: f64| {
        let mut measured = logged(1_020.0, 0.0, bytes);
        measured.log_bytes_per_hour = measured.log_bytes_per_hour.map(|log| Estimate::exact(log.value));
        let found = compare(&[trial(logged(975.0, 0.03, 7.0), measured)], &allowances());
        found.points[0].metrics.iter().find(|found| found.metric == Metric::LogBytes).copied().unwrap()
    };
    let same = of(7.0);
    assert_eq!(same.verdict, Verdict::Pass, "{same:?}");
    assert!((same.predicted.value - 7_000.0).abs() < 1e-6 && (same.measured.value - 7_000.0).abs() < 1e-6, "{same:?}");
    assert!(same.predicted.half_width() < 1e-6, "{same:?}");
    assert_eq!(of(7.2).verdict, Verdict::Fail, "each message logs more than the model has it");
}

#[test]
fn nothing_compared_is_no_pass() {
    assert_eq!(compare(&[], &allowances()).verdict, Verdict::Inconclusive);
    let blank = trial(Observation::default(), Observation::default());
    assert_eq!(compare(&[blank], &allowances()).verdict, Verdict::Inconclusive);
}
