//! Erlang's three formulas: lost, delayed and impatient customers at c servers.

use super::{QueueError, positive, rate, stable};

/// Servers there may be at most: the recursion takes a step for each.
pub const MOST_SERVERS: u64 = 100_000_000;

/// The most that may wait at [`erlang_a`]: further up, floats can't count in ones.
const LONGEST_QUEUE: f64 = 1e15;

/// Erlang B: the share of customers lost at c servers without a queue, for an offered load a \[erlang\].
///
/// B(0) = 1, B(n) = a·B(n − 1)/(n + a·B(n − 1)) (A. K. Erlang 1917; this recursion: Jagerman, Bell System Technical
/// Journal 53, 1974). It only adds and divides positive figures, so it is stable for any c. The distribution of the
/// service doesn't matter.
///
/// # Errors
/// When the load is negative or not finite, or there are more than [`MOST_SERVERS`].
///
/// ```
/// # use plimsoll::stats::queueing::erlang_b;
/// assert!((erlang_b(5, 3.0)? - 0.1101).abs() < 5e-5); // as tabulated
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn erlang_b(servers: u64, load: f64) -> Result<f64, QueueError> {
    rate(load)?;
    if servers > MOST_SERVERS {
        return Err(QueueError::Figure);
    }
    let mut blocked = 1.0;
    let mut n = 0.0;
    for _ in 0..servers {
        n += 1.0;
        let offered = load * blocked;
        blocked = offered / (n + offered);
    }
    Ok(blocked)
}

/// Erlang C: the share of customers that must wait at c servers with a queue, for an offered load a < c \[erlang\].
///
/// C = B/(1 − ρ(1 − B)) with ρ = a/c and B by [`erlang_b`] (A. K. Erlang 1917).
///
/// # Errors
/// [`QueueError::Unstable`] at a ≥ c; otherwise as [`erlang_b`].
///
/// ```
/// # use plimsoll::stats::queueing::erlang_c;
/// let waits = erlang_c(4, 3.2)?;
/// // Mean wait C/(cμ − λ) at μ = 1.
/// assert!((waits / (4.0 - 3.2) - 0.74554).abs() < 5e-6);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn erlang_c(servers: u64, load: f64) -> Result<f64, QueueError> {
    rate(load)?;
    let utilisation = stable(load / servers as f64)?;
    let blocked = erlang_b(servers, load)?;
    Ok(blocked / (1.0 - utilisation * (1.0 - blocked)))
}

/// The figures of a queue whose customers give up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Impatient {
    /// Mean time in queue \[s\], over all customers, served or not: `queue_length = arrival rate × wait`.
    pub wait: f64,
    /// Share of the customers that find all servers busy.
    pub delayed: f64,
    /// Share of the customers that give up.
    pub abandoned: f64,
    /// Share of the customers that find no room.
    pub blocked: f64,
    /// Mean number waiting.
    pub queue_length: f64,
    /// Mean number waiting or in service.
    pub number: f64,
    /// Share of the time that a server is busy.
    pub utilisation: f64,
    /// Customers served per second.
    pub throughput: f64,
}

/// Erlang A (M/M/c+M): customers give up after an exponential time of mean 1/θ in the queue. Any load is stable.
///
/// Above c the steady state is pₙ = pₙ₋₁·λ/(cμ + (n − c)θ), below it is Erlang's; P(abandon) = θ·E\[Q\]/λ (C. Palm 1946;
/// Garnett, Mandelbaum and Reiman, "Designing a call center with impatient customers", Manufacturing & Service
/// Operations Management 4, 2002). The sum is taken outwards from the largest term, so that nothing overflows.
///
/// # Errors
/// When a rate is out of range (θ and μ must be more than zero), there is no server, or the sum has more than 10⁸ terms
/// (about 10·√(λ/θ): patience of almost forever).
pub fn erlang_a(
    arrival_rate: f64,
    service_rate: f64,
    servers: u64,
    abandonment_rate: f64,
) -> Result<Impatient, QueueError> {
    erlang_a_bounded(arrival_rate, service_rate, servers, abandonment_rate, u64::MAX)
}

/// M/M/c/K+M: Erlang A with room for at most K customers, in service and waiting; the sum ends there, and who finds K is
/// lost (PASTA). `u64::MAX` is room for all.
///
/// # Errors
/// As for [`erlang_a`], and when K < c.
///
/// ```
/// # use plimsoll::stats::queueing::erlang_a_bounded;
/// // One server and one place, all rates 1: weights 1, 1, 1/2.
/// let queue = erlang_a_bounded(1.0, 1.0, 1, 1.0, 2)?;
/// assert!((queue.blocked - 0.2).abs() < 1e-12 && (queue.abandoned - 0.2).abs() < 1e-12);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn erlang_a_bounded(
    arrival_rate: f64,
    service_rate: f64,
    servers: u64,
    abandonment_rate: f64,
    room: u64,
) -> Result<Impatient, QueueError> {
    let (lambda, mu, theta) = (rate(arrival_rate)?, positive(service_rate)?, positive(abandonment_rate)?);
    let c = positive(servers as f64)?;
    let load = rate(lambda / mu)?;
    let places =
        if room == u64::MAX { f64::INFINITY } else { room.checked_sub(servers).ok_or(QueueError::Figure)? as f64 };
    if lambda == 0.0 {
        let (wait, delayed, abandoned, blocked) = (0.0, 0.0, 0.0, 0.0);
        let (queue_length, number, utilisation, throughput) = (0.0, 0.0, 0.0, 0.0);
        return Ok(Impatient { wait, delayed, abandoned, blocked, queue_length, number, utilisation, throughput });
    }
    let leaving = |waiting: f64| c * mu + waiting * theta;
    // The number waiting that is likeliest, given that all servers are busy; its weight is 1.
    let peak = ((lambda - c * mu) / theta).max(0.0).floor().min(places);
    if peak > LONGEST_QUEUE {
        return Err(QueueError::Figure);
    }
    let (mut mass, mut first) = (1.0, peak);
    let (mut term, mut waiting) = (1.0, peak);
    let mut steps = 0_u64;
    while waiting < places && term > mass * 1e-18 {
        waiting += 1.0;
        term *= lambda / leaving(waiting);
        mass += term;
        first += term * waiting;
        steps += 1;
        if steps > MOST_SERVERS {
            return Err(QueueError::Figure);
        }
    }
    let full = if waiting >= places { term } else { 0.0 };
    (term, waiting) = (1.0, peak);
    while waiting > 0.0 && term > 0.0 {
        // The smallest floats round to themselves when multiplied by almost 1: they would never reach zero.
        if term < f64::MIN_POSITIVE {
            term = 0.0;
            break;
        }
        term *= leaving(waiting) / lambda;
        waiting -= 1.0;
        mass += term;
        first += term * waiting;
    }
    // `term` is the weight of "all busy, none waiting", which is B of all states up to there.
    let loss = erlang_b(servers, load)?;
    let below = if term > 0.0 { term * (1.0 - loss) / loss } else { 0.0 };
    // With far more servers than load B may be too small for a float: then nobody waits.
    let share = |weight: f64| if below.is_finite() && loss > 0.0 { weight / (mass + below) } else { 0.0 };
    let (delayed, queue_length, blocked) = (share(mass), share(first), share(full));
    let abandoned = (theta * queue_length / lambda).min(1.0);
    let throughput = lambda * (1.0 - abandoned - blocked).max(0.0);
    let busy = throughput / mu;
    Ok(Impatient {
        wait: queue_length / lambda,
        delayed,
        abandoned,
        blocked,
        queue_length,
        number: queue_length + busy,
        utilisation: busy / c,
        throughput,
    })
}
