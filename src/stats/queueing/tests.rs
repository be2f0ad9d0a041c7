//! Identities between the formulas, published values, and chains solved or simulated independently.

use super::*;
use crate::random::{Purpose, Stream};

const LOADS: [f64; 6] = [0.01, 0.3, 0.5, 0.8, 0.95, 0.999];

#[track_caller]
fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1e-9), "{found}, not {expected}");
}

#[track_caller]
fn little(queue: &Queue) {
    near(queue.queue_length, queue.throughput * queue.wait, 1e-9);
    near(queue.number, queue.throughput * queue.residence, 1e-9);
    assert!(queue.residence >= queue.wait && queue.wait >= 0.0, "{queue:?}");
    assert!((0.0..=1.0 + 1e-12).contains(&queue.utilisation) && (0.0..=1.0).contains(&queue.loss), "{queue:?}");
}

/// Stationary distribution of a chain by Gaussian elimination (Grassmann, Taksar and Heyman 1985), for small ones.
fn stationary(states: usize, rate: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let mut rates: Vec<Vec<f64>> = (0..states).map(|i| (0..states).map(|j| rate(i, j)).collect()).collect();
    for n in (1..states).rev() {
        let out: f64 = rates[n][..n].iter().sum();
        for i in 0..n {
            rates[i][n] /= out;
            for j in 0..n {
                if i != j {
                    rates[i][j] += rates[i][n] * rates[n][j];
                }
            }
        }
    }
    let mut probability = vec![1.0];
    for n in 1..states {
        let inflow: f64 = probability.iter().zip(&rates).map(|(p, row)| p * row[n]).sum();
        probability.push(inflow);
    }
    let total: f64 = probability.iter().sum();
    probability.iter().map(|p| p / total).collect()
}

#[test]
fn erlangs_tables() {
    // Erlang B as tabulated (servers, load, loss).
    for (servers, load, loss) in
        [(1, 1.0, 0.5), (5, 3.0, 0.1101), (10, 4.461, 0.01), (20, 12.03, 0.01), (100, 84.06, 0.01)]
    {
        assert!((erlang_b(servers, load).unwrap() - loss).abs() < 6e-5, "{servers} {load}");
    }
    // At c = a → ∞, B·√a tends to √(2/π) (Jagerman 1974).
    near(erlang_b(1_000_000, 1e6).unwrap() * 1e3, 0.797_885, 1e-3);
    near(erlang_c(1, 0.7).unwrap(), 0.7, 1e-12);
    // Halfin and Whitt's square-root staffing: at β = 1 about 0.2234 wait.
    near(erlang_c(1_001_000, 1e6).unwrap(), 0.2234, 2e-3);
    assert_eq!(erlang_b(0, 3.0), Ok(1.0));
    assert_eq!(erlang_b(3, 0.0), Ok(0.0));
    assert_eq!(erlang_c(3, 3.0), Err(QueueError::Unstable));
}

#[test]
fn figures_that_are_none_are_refused() {
    let none = f64::NAN;
    assert_eq!(erlang_b(1, none), Err(QueueError::Figure));
    assert_eq!(mm1(-1.0, 1.0), Err(QueueError::Figure));
    assert_eq!(mm1(none, 1.0), Err(QueueError::Figure));
    assert_eq!(mm1(1.0, 1.0), Err(QueueError::Unstable));
    assert_eq!(mg1(0.5, Moments { mean: 1.0, square: 0.5 }), Err(QueueError::Figure));
    assert_eq!(MultiServer::new(1.0, 1.0, 0).map(|_| ()), Err(QueueError::Unstable));
    assert_eq!(MultiServer::new(0.0, 1.0, 0).map(|_| ()), Err(QueueError::Figure));
    assert_eq!(mmck(1.0, 1.0, 2, 1), Err(QueueError::Figure));
    assert_eq!(erlang_a(1.0, 1.0, 0, 1.0), Err(QueueError::Figure));
    assert_eq!(dm1(2.0, 1.0), Err(QueueError::Unstable));
    assert_eq!(shortest_of_two(2.0, 1.0), Err(QueueError::Unstable));
    assert_eq!(mm1_breakdowns(0.6, 1.0, 1.0, 1.0), Err(QueueError::Unstable));
    assert_eq!(mxg1(0.1, BatchSize::Geometric { mean: 0.5 }, Moments::constant(1.0)), Err(QueueError::Figure));
    assert_eq!(mg_infinity(f64::INFINITY, 0.0), Err(QueueError::Figure));
}

#[test]
fn whatever_goes_in_no_nan_comes_out() {
    let odd = [0.0, 5e-324, 1e-300, 1e-9, 0.5, 0.999_999, 1.0, 2.0, 1e9, 1e300, f64::INFINITY, f64::NAN, -1.0];
    let finite = |found: Result<Queue, QueueError>, what: &str| {
        if let Ok(q) = found {
            let figures = [q.wait, q.residence, q.queue_length, q.number, q.utilisation, q.loss, q.throughput];
            assert!(figures.iter().all(|f| f.is_finite() && *f >= 0.0), "{what}: {q:?}");
        }
    };
    for a in odd {
        for b in odd {
            finite(mm1(a, b), "M/M/1");
            finite(md1(a, b), "M/D/1");
            finite(mg1_ps(a, b), "M/G/1-PS");
            finite(dm1(a, b).map(|found| found.queue), "D/M/1");
            finite(erlang_arrivals(a, b, 7).map(|found| found.queue), "E7/M/1");
            finite(shortest_of_two(a, b), "JSQ");
            finite(lost_calls(a, b, 3), "M/M/3/3");
            finite(mmck(a, b, 3, 5), "M/M/3/5");
            finite(mmck(a, b, 1, 2_000), "M/M/1/2000");
            finite(mgc_allen_cunneen(a, b, 3, 0.5, 2.0), "M/G/3");
            finite(MultiServer::new(a, b, 3).map(|station| station.queue()), "M/M/3");
            assert!(mm1_number_asymptotic_variance(a, b).map_or(true, f64::is_finite));
            for c in odd {
                finite(mg1(a, Moments { mean: b, square: c }), "M/G/1");
                finite(mm1_retrial(a, b, c), "retrial");
                finite(mm1_breakdowns(a, b, c, 1.0), "breakdowns");
                finite(mxg1(a, BatchSize::Geometric { mean: b }, Moments::exponential(c)), "M[X]/M/1");
                let service = Moments::exponential(b);
                finite(mg1_exceptional_first(a, service, service.plus(c)).map(|found| found.queue), "Welch");
                // Patience of almost forever at a load of almost c takes long, by design.
                if c >= 0.5
                    && let Ok(found) = erlang_a(a, b, 3, c)
                {
                    let figures = [found.wait, found.delayed, found.abandoned, found.queue_length, found.number];
                    assert!(figures.iter().all(|f| f.is_finite() && *f >= 0.0), "{a} {b} {c}: {found:?}");
                }
            }
        }
    }
}

#[test]
fn littles_law_holds() {
    for rho in LOADS {
        let service = Moments::with_cv(1.0, 1.7);
        let queues = [
            mm1(rho, 1.0),
            md1(rho, 1.0),
            mg1(rho, service),
            mg1_ps(rho, 1.0),
            mxg1(rho / 4.0, BatchSize::Fixed(4), service),
            mmck(rho * 3.0, 1.0, 3, 7),
            mmck(rho * 30.0, 1.0, 3, 7),
            lost_calls(rho * 10.0, 1.0, 8),
            mgc_allen_cunneen(rho * 4.0, 1.0, 4, 0.5, 2.0),
            mm1_retrial(rho, 1.0, 0.1),
            mm1_breakdowns(rho / 2.0, 1.0, 0.1, 0.1),
            dm1(rho, 1.0).map(|found| found.queue),
            erlang_arrivals(rho, 1.0, 5).map(|found| found.queue),
            mg1_exceptional_first(rho, service, service.plus(3.0)).map(|found| found.queue),
            MultiServer::new(rho * 5.0, 1.0, 5).map(|station| station.queue()),
        ];
        for queue in queues {
            little(&queue.unwrap());
        }
    }
}

#[test]
fn special_cases_meet() {
    for rho in LOADS {
        let one = mm1(rho, 1.0).unwrap();
        near(MultiServer::new(rho, 1.0, 1).unwrap().queue().wait, one.wait, 1e-9);
        near(erlang_arrivals(rho, 1.0, 1).unwrap().queue.wait, one.wait, 1e-9);
        near(erlang_arrivals(rho, 1.0, 1_000_000).unwrap().queue.wait, dm1(rho, 1.0).unwrap().queue.wait, 1e-4);
        near(md1(rho, 1.0).unwrap().wait, one.wait / 2.0, 1e-12);
        near(mg1_ps(rho, 1.0).unwrap().residence, one.residence, 1e-12);
        near(mxg1(rho, BatchSize::Fixed(1), Moments::exponential(1.0)).unwrap().wait, one.wait, 1e-12);
        near(
            mxg1(rho, BatchSize::Geometric { mean: 1.0 }, Moments::constant(1.0)).unwrap().wait,
            one.wait / 2.0,
            1e-12,
        );
        near(mm1_breakdowns(rho, 1.0, 0.0, 3.0).unwrap().number, one.number, 1e-9);
        near(mm1_retrial(rho, 1.0, 1e12).unwrap().number, one.number, 1e-9);
        let service = Moments::with_cv(1.0, 0.6);
        let welch = mg1_exceptional_first(rho, service, service).unwrap();
        near(welch.queue.wait, mg1(rho, service).unwrap().wait, 1e-12);
        near(welch.idle, 1.0 - rho, 1e-9);
        near(mgc_allen_cunneen(rho, 1.0, 1, 1.0, 0.36).unwrap().wait, welch.queue.wait, 1e-9);
        // Room without end.
        for servers in [1, 4] {
            let open = MultiServer::new(rho * servers as f64, 1.0, servers).unwrap().queue();
            let roomy = mmck(rho * servers as f64, 1.0, servers, servers + 60_000).unwrap();
            near(roomy.wait, open.wait, 1e-8);
            near(roomy.number, open.number, 1e-8);
        }
    }
    // Many breakdowns that are short only slow the server down.
    near(mm1_breakdowns(0.4, 1.0, 1e7, 1e7).unwrap().number, mm1(0.4, 2.0).unwrap().number, 1e-5);
}

#[test]
fn finite_room_at_full_load_is_symmetric() {
    // M/M/1/K at ρ = 1: uniform over 0..=K; at ρ and 1/ρ mirror images.
    near(mmck(1.0, 1.0, 1, 9).unwrap().loss, 0.1, 1e-12);
    near(mmck(1.0, 1.0, 1, 9).unwrap().number, 4.5, 1e-12);
    let (light, heavy) = (mmck(0.5, 1.0, 1, 9).unwrap(), mmck(2.0, 1.0, 1, 9).unwrap());
    near(heavy.number, 9.0 - light.number, 1e-9);
    // M/M/c/K and Erlang A where nearly nobody waits: the weights of waiting are next to nothing.
    near(mmck(1.0, 1.0, 400, 500).unwrap().residence, 1.0, 1e-12);
    near(erlang_a(1.0, 1.0, 400, 1.0).unwrap().number, 1.0, 1e-12);
    // Far too much load: all but c per service is lost.
    near(mmck(1e6, 1.0, 4, 1_000).unwrap().throughput, 4.0, 1e-9);
}

#[test]
fn impatience_between_its_limits() {
    let (lambda, mu) = (8.5, 1.0);
    // Patience without end is Erlang C.
    let open = MultiServer::new(lambda, mu, 10).unwrap();
    let patient = erlang_a(lambda, mu, 10, 1e-9).unwrap();
    near(patient.wait, open.queue().wait, 1e-6);
    near(patient.delayed, open.delayed(), 1e-6);
    // Giving up as fast as being served: M/M/∞.
    for lambda in [3.0, 8.5, 40.0, 5_000.0] {
        near(erlang_a(lambda, mu, 10, mu).unwrap().number, lambda, 1e-9);
    }
    // No patience at all: Erlang B.
    near(erlang_a(lambda, mu, 10, 1e9).unwrap().abandoned, erlang_b(10, lambda).unwrap(), 1e-6);
    // Overload: what is too much gives up.
    near(erlang_a(2e6, mu, 1_000_000, 0.01).unwrap().abandoned, 0.5, 1e-6);
    // Against its chain, λ = 3, μ = 1, c = 2, θ = 0.5.
    let chain = stationary(60, |from, to| match (from, to) {
        (n, m) if m == n + 1 => 3.0,
        (n, m) if n == m + 1 => n.min(2) as f64 + n.saturating_sub(2) as f64 * 0.5,
        _ => 0.0,
    });
    let found = erlang_a(3.0, 1.0, 2, 0.5).unwrap();
    near(found.number, chain.iter().enumerate().map(|(n, p)| n as f64 * p).sum(), 1e-9);
    near(found.delayed, 1.0 - chain[0] - chain[1], 1e-9);
    near(found.queue_length, 3.0 * found.wait, 1e-12);
}

#[test]
fn residence_has_the_mean_its_distribution_says() {
    // Servers and loads with the drain rate below, at and above the service rate.
    for (servers, load) in [(1, 0.8), (2, 1.0), (4, 3.2), (4, 3.0), (8, 1.0)] {
        let station = MultiServer::new(load, 1.0, servers).unwrap();
        let step = 0.001;
        let integral: f64 = (0..200_000).map(|i| station.residence_exceeds((f64::from(i) + 0.5) * step) * step).sum();
        near(integral, station.queue().residence, 1e-6);
        for p in [0.0, 0.1, 0.5, 0.99, 0.999_999] {
            assert!((station.residence_at_most(station.residence_quantile(p)) - p).abs() < 1e-9);
        }
        let median = station.wait_quantile(0.9);
        assert!(station.wait_exceeds(median) <= 0.1 + 1e-12 && station.residence_quantile(1.0).is_infinite());
        assert!(station.residence_exceeds(1e6) >= 0.0 && station.residence_exceeds(1e6) < 1e-9);
    }
    // Of M/M/1 it is exponential with rate μ − λ.
    near(MultiServer::new(0.8, 1.0, 1).unwrap().residence_quantile(0.99), 100_f64.ln() / 0.2, 1e-9);
    near(MultiServer::new(0.8e6, 1e-6, 1).unwrap().residence_quantile(0.99), 100_f64.ln() / 0.2e6, 1e-9);
}

#[test]
fn more_servers_and_less_load_never_wait_longer() {
    for servers in 1..40_u64 {
        let mut last = 0.0;
        for percent in 1..100 {
            let load = servers as f64 * f64::from(percent) / 100.0;
            let wait = MultiServer::new(load, 1.0, servers).unwrap().queue().wait;
            assert!(wait >= last);
            assert!(MultiServer::new(load, 1.0, servers + 1).unwrap().queue().wait < wait);
            last = wait;
        }
    }
}

#[test]
fn cpu_per_message_falls_with_the_rate_as_messages_share_wake_ups() {
    let service = Moments::constant(9e-6);
    let expected = [51, 43, 37, 28, 19, 15, 12];
    for (rate, micros) in [1e3, 5e3, 1e4, 2e4, 4e4, 6e4, 8e4].into_iter().zip(expected) {
        let found = mg1_exceptional_first(rate, service, service.plus(44e-6)).unwrap();
        assert_eq!((found.service * 1e6).round() as i32, micros, "at {rate}/s");
        near(found.queue.utilisation, 1.0 - found.idle, 1e-12);
    }
}

#[test]
fn the_shortest_queue_lies_between_random_choice_and_one_common_queue() {
    for rho in [0.05, 0.3, 0.6, 0.9, 0.98] {
        let found = shortest_of_two(2.0 * rho, 1.0).unwrap();
        little(&found);
        let common = MultiServer::new(2.0 * rho, 1.0, 2).unwrap().queue();
        let random = mm1(rho, 1.0).unwrap();
        assert!(found.wait > common.wait && found.wait < random.wait, "{rho}: {found:?}");
        near(shortest_of_two(2e6 * rho, 1e-6).unwrap().wait, found.wait * 1e-6, 1e-9);
    }
    // Hardly any load: both are busy with probability (λs)²/2, and then one service is waited for.
    near(shortest_of_two(2e-6, 1.0).unwrap().wait, 2e-12, 1e-5);
    near(shortest_of_two(0.0, 1.0).unwrap().residence, 1.0, 1e-12);
    // Close to saturation it does as well as one queue (heavy traffic: Foschini and Salz 1978).
    near(shortest_of_two(1.98, 1.0).unwrap().number, MultiServer::new(1.98, 1.0, 2).unwrap().queue().number, 0.01);
}

#[test]
fn the_shortest_queue_solved_another_way() {
    // Both queues up to 15 each, ρ = 0.5, as a plain chain.
    let most = 15;
    let side = most + 1;
    let chain = stationary(side * side, |from, to| {
        let ((a, b), (x, y)) = ((from / side, from % side), (to / side, to % side));
        let joins = |own: usize, other: usize| match own.cmp(&other) {
            std::cmp::Ordering::Less => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Greater => 0.0,
        };
        if (x, y) == (a + 1, b) {
            joins(a, b)
        } else if (x, y) == (a, b + 1) {
            joins(b, a)
        } else if (x + 1, y) == (a, b) || (x, y + 1) == (a, b) {
            1.0
        } else {
            0.0
        }
    });
    let number: f64 = chain.iter().enumerate().map(|(state, p)| (state / side + state % side) as f64 * p).sum();
    near(shortest_of_two(1.0, 1.0).unwrap().number, number, 1e-7);
}

#[test]
fn breakdowns_and_retrials_solved_another_way() {
    // States (number, up or down), 0 to 79: λ = 0.4, μ = 1, α = 0.2, β = 0.5.
    let chain = stationary(160, |from, to| match ((from / 2, from % 2), (to / 2, to % 2)) {
        ((n, up), (m, same)) if m == n + 1 && same == up => 0.4,
        ((n, 0), (m, 0)) if n == m + 1 => 1.0,
        ((n, 0), (m, 1)) if n == m => 0.2,
        ((n, 1), (m, 0)) if n == m => 0.5,
        _ => 0.0,
    });
    let mean =
        |probability: &[f64]| probability.iter().enumerate().map(|(state, p)| (state / 2) as f64 * p).sum::<f64>();
    near(mm1_breakdowns(0.4, 1.0, 0.2, 0.5).unwrap().number, mean(&chain), 1e-6);
    // States (in orbit, server idle or busy), 0 to 79: λ = 0.4, μ = 1, θ = 0.5.
    let chain = stationary(160, |from, to| match ((from / 2, from % 2), (to / 2, to % 2)) {
        ((n, 0), (m, 1)) if n == m => 0.4,
        ((n, 1), (m, 1)) if m == n + 1 => 0.4,
        ((n, 1), (m, 0)) if n == m => 1.0,
        ((n, 0), (m, 1)) if n == m + 1 => n as f64 * 0.5,
        _ => 0.0,
    });
    near(mm1_retrial(0.4, 1.0, 0.5).unwrap().queue_length, mean(&chain), 1e-6);
}

#[test]
fn the_number_at_infinitely_many_servers_is_poisson() {
    let number = mg_infinity(3.0, 2.0).unwrap();
    // P(N ≤ 4) at mean 6, as tabulated.
    near(number.at_most(4), 0.2851, 1e-3);
    near(mg_infinity(0.0, 2.0).unwrap().at_most(0), 1.0, 1e-12);
}

/// Batches and the wake-up against Lindley's recursion, within four standard errors of means over independent stretches.
#[test]
fn waits_as_simulated() {
    let cases = [(1.0, 0.0), (3.0, 0.0), (1.0, 2.0)];
    for (batch, wake_up) in cases {
        let rho = 0.6;
        let mut means = Vec::new();
        for replication in 0..40 {
            let mut stream = Stream::named(11, replication, 0, Purpose::Service);
            let (mut backlog, mut sum) = (0.0_f64, 0.0);
            for customer in 0..2_500 {
                if customer == 500 {
                    sum = 0.0;
                }
                for _ in 0..batch as usize {
                    sum += backlog;
                    backlog += stream.exp1() + if backlog == 0.0 { wake_up } else { 0.0 };
                }
                backlog = (backlog - stream.exp1() * batch / rho).max(0.0);
            }
            means.push(sum / (2_000.0 * batch));
        }
        let service = Moments::exponential(1.0);
        let expected = if wake_up > 0.0 {
            mg1_exceptional_first(rho, service, service.plus(wake_up)).unwrap().queue.wait
        } else {
            mxg1(rho / batch, BatchSize::Fixed(batch as u64), service).unwrap().wait
        };
        let n = means.len() as f64;
        let mean = means.iter().sum::<f64>() / n;
        let variance = means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / (n - 1.0);
        assert!((mean - expected).abs() < 4.0 * (variance / n).sqrt(), "{batch}, {wake_up}: {mean}, not {expected}");
    }
}
