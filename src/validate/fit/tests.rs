//! Known figures are found again, as surely as the intervals say; published ones are the same here.

use rand::SeedableRng as _;
use rand_distr::{Distribution as _, Normal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;
use crate::stats::queueing::{Moments, mg1_exceptional_first};

const ONE_CORE: Machine = Machine { cores: 1.0, shared: true, comfortable: 1_000.0 };

/// Measurements are off by a factor of about one.
struct Noise {
    stream: Xoshiro256PlusPlus,
    error: Normal<f64>,
}

impl Noise {
    fn new(seed: u64, share: f64) -> Self {
        Self { stream: Xoshiro256PlusPlus::seed_from_u64(seed), error: Normal::new(0.0, share).unwrap() }
    }

    fn on(&mut self, value: f64) -> f64 {
        value * self.error.sample(&mut self.stream).exp()
    }
}

/// One core that wakes up for `wakeup`: by Welch's formula as the crate has it, not by what is fitted.
fn welch(jobs: f64, load: f64, wakeup: f64) -> f64 {
    let service = Moments::constant(load / jobs);
    mg1_exceptional_first(jobs, service, service.plus(wakeup)).unwrap().queue.utilisation
}

fn loads(noise: &mut Noise) -> Vec<LoadPoint> {
    [500.0, 1e3, 2e3, 5e3, 1e4, 2e4, 4e4, 6e4, 8e4, 1e5]
        .into_iter()
        .map(|rate| {
            LoadPoint::default()
                .with(Column::Throughput, rate)
                .with(Column::CpuUtilisation, noise.on(welch(rate, rate * 9e-6, 44e-6)))
        })
        .collect()
}

#[track_caller]
fn estimate(fit: &Fit, name: &str) -> Estimate {
    fit.figure(name).unwrap_or_else(|| panic!("{name}: {fit:?}")).estimate
}

#[track_caller]
fn near(found: f64, right: f64, share: f64) {
    assert!((found / right - 1.0).abs() <= share, "{found} is not within {share} of {right}");
}

#[test]
fn exact_measurements_give_exact_prices() {
    let fit = cpu(&loads(&mut Noise::new(1, 0.0)), &ONE_CORE).unwrap();
    near(estimate(&fit, "servers.cpu.per_wakeup").value, 44e-6, 1e-6);
    near(estimate(&fit, "servers.cpu.overhead").value, 9e-6, 1e-6);
    assert_eq!(estimate(&fit, "servers.cpu.per_message").value, 0.0);
    assert!(fit.explained.unwrap() > 0.999_999 && fit.typical_error < 1e-6);
}

/// Of 400 calibrations with 3 % noise, as many hold the truth as they say: 95 %, give or take three standard errors.
#[test]
fn intervals_of_prices_hold_the_truth() {
    let (mut wakeups, mut messages, runs) = (0, 0, 400);
    for seed in 0..runs {
        let fit = cpu(&loads(&mut Noise::new(seed, 0.03)), &ONE_CORE).unwrap();
        wakeups += i32::from(estimate(&fit, "servers.cpu.per_wakeup").contains(44e-6));
        messages += i32::from(estimate(&fit, "servers.cpu.overhead").contains(9e-6));
    }
    for held in [wakeups, messages] {
        assert!((f64::from(held) / runs as f64 - 0.95).abs() < 0.033, "{held} of {runs}");
    }
}

/// Everything at once: sizes, copies, attempts, heartbeats and connections past the cache.
#[test]
fn each_price_is_found_among_the_others() {
    let mut noise = Noise::new(7, 0.01);
    let mut points = Vec::new();
    for (index, rate) in [500.0, 2e3, 5e3, 1e4, 1.5e4, 2e4].into_iter().enumerate() {
        for (size, copies, connects, heartbeats, connections) in [
            (64.0, 0.0, 0.0, 0.0, 100.0),
            (1e3, 0.0, 0.0, 0.0, 100.0),
            (16e3, 0.0, 0.0, 0.0, 100.0),
            (1e3, 1.0, 0.0, 0.0, 100.0),
            (1e3, 0.0, 2_000.0, 0.0, 100.0),
            (1e3, 0.0, 0.0, 3_000.0, 100.0),
            (1e3, 0.0, 0.0, 0.0, 5e3 + 1e3 * index as f64),
        ] {
            let jobs = rate + connects + heartbeats;
            let miss = 1.0 - 1e3 / f64::max(connections, 1e3);
            let each = 8e-6 + 1.1e-6 * size / 1e3 + 12e-6 * copies + 14e-6 * miss;
            let load = rate * each + connects * 50e-6 + heartbeats * 4e-6;
            let point = LoadPoint::default()
                .with(Column::Throughput, rate)
                .with(Column::MessageSize, size)
                .with(Column::Delivered, rate * copies)
                .with(Column::Connects, connects)
                .with(Column::Heartbeats, heartbeats)
                .with(Column::Connections, connections)
                .with(Column::CpuUtilisation, noise.on(welch(jobs, load, 40e-6)));
            points.push(point);
        }
    }
    let fit = cpu(&points, &ONE_CORE).unwrap();
    for (name, right) in [
        ("per_wakeup", 40e-6),
        ("overhead", 8e-6),
        ("per_kb", 1.1e-6),
        ("per_delivery", 12e-6),
        ("per_connect", 50e-6),
        ("per_heartbeat", 4e-6),
        ("per_cache_miss", 14e-6),
    ] {
        let found = estimate(&fit, &format!("servers.cpu.{name}"));
        assert!(found.contains(right) || (found.value / right - 1.0).abs() < 0.05, "{name}: {found:?}, not {right}");
        assert!(found.relative_half_width() < 0.5, "{name}: {found:?}");
    }
    assert!(fit.typical_error < 0.015 && fit.notes.is_empty(), "{fit:?}");
}

/// One core that is always busy, with work of several lengths: what cold caches add is told from what a message costs.
#[test]
fn what_cold_caches_add_is_found_beside_the_price_of_a_message() {
    let mut points = loads(&mut Noise::new(1, 0.0));
    let mut noise = Noise::new(3, 0.001);
    for work in [50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3] {
        let each = work + 9e-6 + 8e-6 * (1.0 - f64::exp(-work / 500e-6));
        let point = LoadPoint::default()
            .with(Column::Throughput, 0.99 / noise.on(each))
            .with(Column::Work, work)
            .with(Column::CoresBusy, 0.99);
        points.push(point);
    }
    let fits = all(&points, &ONE_CORE);
    near(estimate(fits.fit("cpu").unwrap(), "servers.cpu.overhead").value, 9e-6, 1e-3);
    let cold = fits.fit("cold").unwrap();
    assert_eq!(estimate(cold, "servers.cpu.cold_after").value, 500e-6);
    let price = estimate(cold, "servers.cpu.per_cold");
    assert!(price.contains(8e-6) && price.relative_half_width() < 0.3, "{price:?}");
    // One that is not always busy says nothing of it, and two lengths are too few.
    let idle: Vec<LoadPoint> = points.iter().map(|point| point.with(Column::CoresBusy, 0.5)).collect();
    assert!(all(&idle, &ONE_CORE).fit("cold").is_none());
    assert!(all(&points[..12], &ONE_CORE).fit("cold").is_none());
}

#[test]
fn cores_that_share_a_queue_have_a_formula_of_their_own() {
    let service = Moments::constant(9e-6);
    let point = |rate: f64| {
        let woken = crate::stats::queueing::mgc_wakeups(rate, service, Moments::constant(44e-6), 4).unwrap();
        LoadPoint::default().with(Column::Throughput, rate).with(Column::CoresBusy, 4.0 * woken.busy)
    };
    let points = [2e3, 1e4, 4e4, 1e5, 2e5, 3e5, 4e5].map(point);
    let four = Machine { cores: 4.0, ..ONE_CORE };
    let fit = cpu(&points, &four).unwrap();
    near(estimate(&fit, "servers.cpu.per_wakeup").value, 44e-6, 1e-3);
    near(estimate(&fit, "servers.cpu.overhead").value, 9e-6, 1e-3);
    // Cores with connections of their own are four times one core.
    let alone = loads(&mut Noise::new(1, 0.0)).into_iter().map(|point| {
        let rate = 4.0 * point.get(Column::Throughput).unwrap();
        point.with(Column::Throughput, rate)
    });
    let fit = cpu(&alone.collect::<Vec<_>>(), &Machine { shared: false, ..four }).unwrap();
    near(estimate(&fit, "servers.cpu.per_wakeup").value, 44e-6, 1e-6);
    // Two servers share what is measured of both.
    let both = points.map(|point| {
        let double = |column| 2.0 * point.get(column).unwrap();
        let point = point.with(Column::Throughput, double(Column::Throughput)).with(Column::Servers, 2.0);
        point.with(
            Column::CoresBusy,
            2.0 * points
                .iter()
                .find(|p| 2.0 * p.get(Column::Throughput).unwrap() == point.get(Column::Throughput).unwrap())
                .unwrap()
                .get(Column::CoresBusy)
                .unwrap(),
        )
    });
    near(estimate(&cpu(&both, &four).unwrap(), "servers.cpu.overhead").value, 9e-6, 1e-3);
}

#[test]
fn what_cant_be_told_apart_is_said_and_counted_once() {
    let points: Vec<LoadPoint> = loads(&mut Noise::new(2, 0.01))
        .into_iter()
        .map(|point| point.with(Column::MessageSize, 1e3).with(Column::Connections, 5e3))
        .collect();
    let fit = cpu(&points, &ONE_CORE).unwrap();
    assert_eq!(estimate(&fit, "servers.cpu.per_kb"), Estimate::exact(0.0));
    assert_eq!(estimate(&fit, "servers.cpu.per_cache_miss"), Estimate::exact(0.0));
    assert!(fit.notes.iter().any(|note| note.contains("includes `servers.cpu.per_kb`")), "{:?}", fit.notes);
    // Size and copies always change together.
    let points: Vec<LoadPoint> = points
        .into_iter()
        .enumerate()
        .map(|(index, point)| {
            let (odd, rate) = ((index % 2) as f64, point.get(Column::Throughput).unwrap());
            point.with(Column::MessageSize, 1e3 * odd).with(Column::Delivered, rate * odd)
        })
        .collect();
    let fit = cpu(&points, &ONE_CORE).unwrap();
    assert!(fit.notes.iter().any(|note| note.contains("can't be told")), "{:?}", fit.notes);
    assert_eq!(estimate(&fit, "servers.cpu.per_delivery"), Estimate::exact(0.0));
}

/// A server that never sleeps has no wake-ups; that is said, and is no failure.
#[test]
fn no_wakeup_is_found_where_there_is_none() {
    let mut noise = Noise::new(3, 0.02);
    let points: Vec<LoadPoint> = [1e3, 5e3, 1e4, 3e4, 6e4, 8e4]
        .into_iter()
        .map(|rate| {
            let busy = noise.on(rate * 10e-6);
            LoadPoint::default().with(Column::Throughput, rate).with(Column::CpuUtilisation, busy)
        })
        .collect();
    let fit = cpu(&points, &ONE_CORE).unwrap();
    let wakeup = estimate(&fit, "servers.cpu.per_wakeup");
    assert!(wakeup.low == 0.0 && wakeup.value < 1e-6, "{wakeup:?}");
    near(estimate(&fit, "servers.cpu.overhead").value, 10e-6, 0.05);
    assert!(fit.notes.iter().any(|note| note.contains("don't show that a wake-up costs")), "{:?}", fit.notes);
    let law = utilisation_law(&points, &ONE_CORE).unwrap();
    near(estimate(&law, "service_demand").value, 10e-6, 0.05);
}

#[test]
fn too_few_points_are_told_so() {
    let points = loads(&mut Noise::new(1, 0.0));
    assert_eq!(
        cpu(&points[..2], &ONE_CORE).unwrap_err().to_string(),
        "it takes 3 different points with `throughput_per_second` and `cpu_utilisation` (or `cores_busy`), and there are 2"
    );
    let same = [points[0]; 9];
    assert!(matches!(cpu(&same, &ONE_CORE), Err(Unfit::TooFew { given: 1, .. })));
    assert!(matches!(memory(&points), Err(Unfit::Missing(_))));
    assert!(matches!(usl(&points), Err(Unfit::Missing(_))));
    let fits = all(&points, &ONE_CORE);
    assert_eq!((fits.fits.len(), fits.left_out.len(), fits.range.len()), (2, 3, 1));
}

#[test]
fn memory_and_log_are_lines() {
    let mut noise = Noise::new(5, 0.005);
    let points: Vec<LoadPoint> = [10.0, 100.0, 1e3, 3e3, 1e4]
        .into_iter()
        .map(|n| {
            LoadPoint::default()
                .with(Column::Connections, n)
                .with(Column::Memory, noise.on(8e6 + 3_210.0 * n))
                .with(Column::Throughput, 2.0 * n)
                .with(Column::Log, 1_024.0 * 2.0 * n)
        })
        .collect();
    let fit = memory(&points).unwrap();
    near(estimate(&fit, "servers.memory_per_connection").value, 3_210.0, 0.03);
    assert!(estimate(&fit, "servers.memory_per_connection").contains(3_210.0));
    near(estimate(&fit, "memory_without_connections").value, 8e6, 0.05);
    near(estimate(&log(&points).unwrap(), "logs.bytes_per_message").value, 1_024.0, 1e-9);
}

/// SPEC SDM91 on a `SPARCcenter` 2000, in the R package usl 3.0.4 (README on CRAN: coefficients, standard errors, residuals).
#[test]
fn scalability_is_as_published() {
    let table = crate::validate::read::read("x", include_str!("../../../tests/data/specsdm91.csv"), None).unwrap();
    let fit = usl(&table.points).unwrap();
    let t = crate::stats::regression::student(4.0);
    for (name, value, error) in [
        ("contention", 0.027_728_5, 0.009_121_7),
        ("coherency", 0.000_104_4, 0.000_019_9),
        ("throughput_of_one", 89.995_233_0, 14.213_489_4),
    ] {
        let found = estimate(&fit, name);
        near(found.value, value, 6e-4);
        near((found.high - found.value) / t, error, 3e-3);
    }
    let mut residuals: Vec<f64> = fit.rows.iter().map(|row| row.measured - row.fitted).collect();
    residuals.sort_by(f64::total_cmp);
    let (least, most) = (residuals[0], residuals[6]);
    assert!((least + 81.7).abs() < 0.05 && (most - 111.1).abs() < 0.05, "{residuals:?}");
    let deviation = (residuals.iter().map(|r| r * r).sum::<f64>() / 4.0).sqrt();
    assert!((deviation - 82.8).abs() < 0.05, "{deviation}");
    // √((1 − σ)/κ) of those figures.
    near(estimate(&fit, "peak_concurrency").value, 96.5, 1e-3);
}

#[test]
fn intervals_of_scalability_hold_the_truth() {
    let (sigma, kappa, lambda) = (0.03, 2e-4, 100.0);
    let truth = |n: f64| lambda * n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0));
    let peak = f64::sqrt((1.0 - sigma) / kappa);
    let (mut held, runs) = ([0; 4], 400_u32);
    for seed in 0..runs {
        // Errors of the same size at all loads, as the fit takes them to be.
        let mut noise = Noise::new(u64::from(seed), 30.0);
        let points = [1.0, 4.0, 8.0, 16.0, 32.0, 48.0, 64.0, 96.0, 128.0, 192.0].map(|n| {
            let error = noise.error.sample(&mut noise.stream);
            LoadPoint::default().with(Column::Concurrency, n).with(Column::Throughput, truth(n) + error)
        });
        let fit = usl(&points).unwrap();
        let figures =
            [("contention", sigma), ("coherency", kappa), ("peak_concurrency", peak), ("peak_throughput", truth(peak))];
        for (held, (name, right)) in held.iter_mut().zip(figures) {
            *held += u32::from(estimate(&fit, name).contains(right));
        }
    }
    for held in held {
        assert!((f64::from(held) / f64::from(runs) - 0.95).abs() < 0.033, "{held} of {runs}");
    }
}

#[test]
fn throughput_that_only_grows_has_no_peak() {
    let points = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0].map(|n: f64| {
        let x = 100.0 * n / (1.0 + 0.05 * (n - 1.0));
        // A little more at the end than contention alone allows, so that coherency would come out below zero.
        LoadPoint::default().with(Column::Concurrency, n).with(Column::Throughput, x * (1.0 + 1e-4 * n))
    });
    let fit = usl(&points).unwrap();
    assert!(fit.figure("peak_concurrency").is_none() && estimate(&fit, "coherency").value == 0.0, "{fit:?}");
    near(estimate(&fit, "contention").value, 0.05, 0.1);
    assert!(fit.notes.iter().any(|note| note.contains("no maximum")));
}
