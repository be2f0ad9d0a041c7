//! c servers that share a queue and sleep when they have nothing to do: who finds one idle pays for waking it up.

use super::erlang::MOST_SERVERS;
use super::{Moments, Queue, QueueError, erlang_c, positive, rate, stable};

/// The figures of such a station.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Woken {
    /// Mean time in queue before service \[s\]; under processor sharing, what the sharing adds.
    pub wait: f64,
    /// Share of the customers that wake a server up.
    pub paid: f64,
    /// Share of the time that a server is busy, waking up included.
    pub busy: f64,
}

/// M/G/c, first in, first out, with wake-ups: `service` of a customer that finds all c servers busy, and `wakeup` on top for
/// one that does not.
///
/// With the share p that pays ([`share_that_pays`]), ρ = λE\[S\]/c, S₀ = S + w, and the mean rests of a service that is met
/// in progress, r = E\[S²\]/(2E\[S\]) and r₀ = E\[S₀²\]/(2E\[S₀\]):
///
/// E\[wait\] = (1 − p)·(r/(c(1 − ρ)) + (r₀ − r)·f)
///
/// The first term is a queue's that drains at c servers; the second, that servers which woke up together are busy for
/// longer together. f, between 0 and 1, is how much they stay together: all of it for one server; for more, those whose
/// wake-up is always the same stay nearly in step, those whose wake-up varies don't. It is fitted to simulations:
/// f = (1 − k)·(1 − (1 − 1/c)(1 − 0.9b²)) + k·c^(0.45ρ − 0.9), with b the share of time that a server is busy and
/// k = v + 0.35(1 − v)u for the squared coefficients of variation v of the wake-up and u of the service, each at most 1.
///
/// Exact for c = 1: it is Welch's formula (Operations Research 12, 1964), rearranged. Without wake-ups r₀ = r and
/// 1 − p is Erlang C: Allen and Cunneen's approximation, and for exponential service M/M/c, exactly.
///
/// # Errors
/// When a figure is out of range or ρ ≥ 1.
///
/// ```
/// # use plimsoll::stats::queueing::{Moments, mg1_exceptional_first, mgc_wakeups};
/// let (service, wakeup) = (Moments::constant(10e-6), Moments::constant(44e-6));
/// let one = mgc_wakeups(50_000.0, service, wakeup, 1)?;
/// let welch = mg1_exceptional_first(50_000.0, service, service.plus(44e-6))?;
/// assert!((one.wait / welch.queue.wait - 1.0).abs() < 1e-9 && (one.paid - welch.idle).abs() < 1e-9);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn mgc_wakeups(arrival_rate: f64, service: Moments, wakeup: Moments, servers: u64) -> Result<Woken, QueueError> {
    woken(arrival_rate, service, wakeup, servers, service.square / 2.0)
}

/// The same under processor sharing, where the queue's part does not depend on the distribution of the service: the first
/// term is that of exponential service, r = E\[S\]. Without wake-ups M/M/c's. An approximation with wake-ups.
///
/// # Errors
/// When a figure is out of range or ρ ≥ 1.
pub fn mgc_wakeups_ps(arrival_rate: f64, service: Moments, wakeup: Moments, servers: u64) -> Result<Woken, QueueError> {
    woken(arrival_rate, service, wakeup, servers, service.mean * service.mean)
}

/// M/M/1/K with an exponential wake-up of this mean on top of the first service of each busy period, and the share of the
/// customers let in that pay it. With no wake-up M/M/1/K, with room for all Welch's formula.
///
/// A chain of n customers, the server waking (W) or serving (S): W(1)(λ + θ) = λ·p₀ and W(n)(λ + θ) = λW(n − 1), but for
/// W(K)θ = λW(K − 1), with θ = 1/w; across the cut from n to n + 1, μS(n + 1) = λ(W(n) + S(n)), with μS(1) = λ·p₀.
///
/// # Errors
/// When a figure is out of range, the service or the wake-up takes no time, or there is room for nobody or for more than 10⁸.
///
/// ```
/// # use plimsoll::stats::queueing::mm1k_wakeup;
/// // Room for one: lost is who comes in a service of 1 and a wake-up of 2, λ(s + w)/(1 + λ(s + w)).
/// assert!((mm1k_wakeup(1.0, 1.0, 2.0, 1)?.0.loss - 0.75).abs() < 1e-12);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn mm1k_wakeup(arrival_rate: f64, service: f64, wakeup: f64, room: u64) -> Result<(Queue, f64), QueueError> {
    let (lambda, service, wakeup) = (rate(arrival_rate)?, positive(service)?, positive(wakeup)?);
    if room == 0 || room > MOST_SERVERS {
        return Err(QueueError::Figure);
    }
    let (load, theta) = (lambda * service, 1.0 / wakeup);
    let (mut waking, mut serving) = (0.0, 0.0);
    let (mut empty, mut mass, mut waiting) = (1.0, 1.0, 0.0);
    for n in 1..=room {
        let before = if n == 1 { empty } else { waking };
        serving = load * if n == 1 { empty } else { waking + serving };
        waking = before * lambda / if n == room { theta } else { lambda + theta };
        mass += waking + serving;
        waiting += (n - 1) as f64 * (waking + serving);
        // Weights only count against each other: none may overflow, and what is far below the sum adds nothing.
        if mass > 1e200 {
            for weight in [&mut waking, &mut serving, &mut empty, &mut mass, &mut waiting] {
                *weight *= 1e-200;
            }
        }
        if n < room && load < 1.0 && waking + serving < 1e-18 * mass {
            (waking, serving) = (0.0, 0.0);
            break;
        }
    }
    let (idle, loss, queue_length) = (empty / mass, (waking + serving) / mass, waiting / mass);
    let throughput = lambda * (1.0 - loss);
    let paid = if loss < 1.0 { (idle / (1.0 - loss)).min(1.0) } else { 0.0 };
    let wait = if throughput > 0.0 { queue_length / throughput } else { 0.0 };
    let (utilisation, number) = (1.0 - idle, queue_length + 1.0 - idle);
    let residence = wait + service + paid * wakeup;
    Ok((Queue { wait, residence, queue_length, number, utilisation, loss, throughput }, paid))
}

/// `met` is the mean rest of a service met in progress, times E\[S\].
fn woken(arrival_rate: f64, service: Moments, wakeup: Moments, servers: u64, met: f64) -> Result<Woken, QueueError> {
    let (lambda, service, wakeup) = (rate(arrival_rate)?, service.checked()?, wakeup.checked()?);
    let c = servers as f64;
    let load = stable(lambda * service.mean / c)?;
    let idle_at = |paid: f64| {
        let offered = lambda * (service.mean + paid * wakeup.mean);
        if offered >= c { 0.0 } else { 1.0 - erlang_c(servers, offered).unwrap_or(1.0) }
    };
    let paid = share_that_pays(idle_at);
    let busy = (lambda * (service.mean + paid * wakeup.mean) / c).min(1.0);
    let rest = |mean: f64, half_square: f64| if mean > 0.0 { half_square / mean } else { 0.0 };
    let (mean, square) =
        (service.mean + wakeup.mean, service.square + 2.0 * service.mean * wakeup.mean + wakeup.square);
    let longer = (rest(mean, square / 2.0) - rest(service.mean, service.square / 2.0)).max(0.0);
    let queue = rest(service.mean, met) / (c * (1.0 - load));
    let together = in_step(service, wakeup, c, busy, load);
    Ok(Woken { wait: (1.0 - paid) * (queue + longer * together), paid, busy })
}

/// How much servers that woke up together stay in step: f of [`mgc_wakeups`].
fn in_step(service: Moments, wakeup: Moments, c: f64, busy: f64, load: f64) -> f64 {
    let variation = |time: Moments| {
        if time.mean > 0.0 { (time.variance() / (time.mean * time.mean)).min(1.0) } else { 0.0 }
    };
    let (v, u) = (variation(wakeup), variation(service));
    let apart = v + 0.35 * (1.0 - v) * u;
    let steady = 1.0 - (1.0 - 1.0 / c) * (1.0 - 0.9 * busy * busy);
    (1.0 - apart) * steady + apart * c.powf(0.45 * load - 0.9)
}

/// The share p of the customers that pay for waking a server up: they find one idle, and the fewer are idle the more pay,
/// since `idle_at(p)` falls; the solution of p = `idle_at(p)`. For one server that is Welch's (1 − ρ)/(1 + λw).
pub fn share_that_pays(idle_at: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..60 {
        let paid = f64::midpoint(low, high);
        if idle_at(paid) > paid {
            low = paid;
        } else {
            high = paid;
        }
    }
    f64::midpoint(low, high)
}

/// What waking up takes on top after a sleep of length I, A(1 − e^(−I/τ)), where a Poisson arrival at rate λ wakes of c idle
/// servers the one that has slept for longest: I is Erlang's with c stages, so E\[e^(−kI/τ)\] = (λτ/(λτ + k))^c.
///
/// ```
/// # use plimsoll::stats::queueing::sleep;
/// // One server, as long asleep on average as it takes: half of it is due.
/// let found = sleep(100.0, 1, 10e-3, 60e-6);
/// assert!((found.mean - 30e-6).abs() < 1e-12);
/// ```
pub fn sleep(arrival_rate: f64, servers: u64, after: f64, extra: f64) -> Moments {
    let awake = |k: f64| (arrival_rate * after / (arrival_rate * after + k)).powf(servers as f64);
    let (once, twice) = (awake(1.0), awake(2.0));
    Moments { mean: extra * (1.0 - once), square: extra * extra * (1.0 - 2.0 * once + twice) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::queueing::{MultiServer, mg1_exceptional_first, mgc_allen_cunneen, mmck};

    const NONE: Moments = Moments::constant(0.0);

    fn near(found: f64, right: f64, share: f64) {
        assert!((found / right - 1.0).abs() <= share, "{found} is not within {share} of {right}");
    }

    #[test]
    fn one_server_is_welchs() {
        for load in [0.05, 0.5, 0.95] {
            for (service, wakeup) in [
                (Moments::constant(1.0), Moments::constant(4.4)),
                (Moments::exponential(1.0), Moments::constant(0.5)),
                (Moments::with_cv(1.0, 2.0), Moments::exponential(3.0)),
            ] {
                let first = Moments {
                    mean: service.mean + wakeup.mean,
                    square: service.square + 2.0 * service.mean * wakeup.mean + wakeup.square,
                };
                let right = mg1_exceptional_first(load, service, first).unwrap();
                let found = mgc_wakeups(load, service, wakeup, 1).unwrap();
                near(found.wait, right.queue.wait, 1e-9);
                near(found.paid, right.idle, 1e-9);
                near(found.busy, right.queue.utilisation, 1e-9);
            }
        }
    }

    #[test]
    fn without_wakeups_it_is_what_is_known() {
        for c in [1, 4, 16] {
            let lambda = 0.8 * c as f64;
            let exponential = Moments::exponential(1.0);
            let right = MultiServer::new(lambda, 1.0, c).unwrap().queue();
            near(mgc_wakeups(lambda, exponential, NONE, c).unwrap().wait, right.wait, 1e-9);
            near(mgc_wakeups_ps(lambda, Moments::constant(1.0), NONE, c).unwrap().wait, right.wait, 1e-9);
            let right = mgc_allen_cunneen(lambda, 1.0, c, 1.0, 0.0).unwrap();
            near(mgc_wakeups(lambda, Moments::constant(1.0), NONE, c).unwrap().wait, right.wait, 1e-9);
        }
    }

    /// Mean times in the station, simulated with the crate's own cores: 10 µs of service, 44 µs to wake up.
    #[test]
    fn it_is_near_what_is_simulated() {
        let (service, wakeup) = (Moments::constant(10.0), Moments::constant(44.0));
        for (c, load, wait, paid, tolerance) in [
            (4, 0.1, 1.61, 0.866, 0.03),
            (4, 0.5, 16.95, 0.188, 0.03),
            (4, 0.9, 30.24, 0.023, 0.05),
            (16, 0.1, 0.05, 0.988, 0.02),
            (16, 0.5, 15.66, 0.199, 0.03),
            (16, 0.9, 19.41, 0.024, 0.12),
        ] {
            let found = mgc_wakeups(load * f64::from(c) / 10.0, service, wakeup, u64::from(c as u8)).unwrap();
            near(found.wait + 10.0 + 44.0 * found.paid, wait + 10.0 + 44.0 * paid, tolerance);
        }
    }

    #[test]
    fn a_limit_and_a_wake_up() {
        let exponential = Moments::exponential(1.0);
        let first = Moments { mean: 5.0, square: 2.0 + 2.0 * 4.0 + 2.0 * 16.0 };
        let right = mg1_exceptional_first(0.6, exponential, first).unwrap();
        let (found, paid) = mm1k_wakeup(0.6, 1.0, 4.0, 10_000).unwrap();
        near(found.wait, right.queue.wait, 1e-9);
        near(found.utilisation, right.queue.utilisation, 1e-9);
        near(paid, right.idle, 1e-9);
        for room in [1, 2, 8, 5_000] {
            for rate in [0.5, 1.0, 3.0] {
                let (found, _) = mm1k_wakeup(rate, 1.0, 1e-9, room).unwrap();
                let right = mmck(rate, 1.0, 1, room).unwrap();
                assert!((found.loss - right.loss).abs() < 1e-6, "{room} {rate}: {found:?} {right:?}");
                near(found.number, right.number, 1e-6);
                // What is let in is what is served, and Little's law holds.
                let (found, paid) = mm1k_wakeup(rate, 1.0, 4.0, room).unwrap();
                near(found.utilisation, found.throughput * (1.0 + 4.0 * paid), 1e-9);
                near(found.number, found.throughput * found.residence, 1e-9);
            }
        }
        assert_eq!(mm1k_wakeup(1.0, 1.0, 1.0, 0), Err(QueueError::Figure));
    }

    #[test]
    fn what_is_no_queue_is_told() {
        let one = Moments::constant(1.0);
        assert_eq!(mgc_wakeups(4.0, one, one, 4), Err(QueueError::Unstable));
        assert_eq!(mgc_wakeups(f64::NAN, one, one, 4), Err(QueueError::Figure));
        let nobody = mgc_wakeups(0.0, one, one, 4).unwrap();
        assert!(nobody.wait == 0.0 && (nobody.paid - 1.0).abs() < 1e-9 && nobody.busy == 0.0);
    }
}
