//! Room for so many and no more (M/M/c/K, M/M/c/c), and room for all at once (M/G/∞).

use statrs::function::gamma::checked_gamma_ur;

use super::erlang::MOST_SERVERS;
use super::{Queue, QueueError, erlang_b, positive, rate};

/// M/M/c/K: at most K customers, in service and waiting; who finds K is lost. Any load is stable.
///
/// P(n) is Erlang's up to c, then P(n) = ρ·P(n − 1); loss = P(K), by PASTA; throughput λ(1 − P(K)); wait and residence are those of
/// the customers let in (Gross and Harris, "Fundamentals of Queueing Theory", section 2.4).
///
/// # Errors
/// When a figure is out of range, there is no server, K < c, or there is room for more than 10⁸.
///
/// ```
/// # use plimsoll::stats::queueing::mmck;
/// // M/M/1/2 at ρ = 1: one third of the time full, one third idle.
/// let queue = mmck(1.0, 1.0, 1, 2)?;
/// assert!((queue.loss - 1.0 / 3.0).abs() < 1e-12 && (queue.utilisation - 2.0 / 3.0).abs() < 1e-12);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn mmck(arrival_rate: f64, service: f64, servers: u64, room: u64) -> Result<Queue, QueueError> {
    mmck_delayed(arrival_rate, service, servers, room).map(|(queue, _)| queue)
}

/// The same, and the share of the customers let in that find all servers busy.
///
/// # Errors
/// As for [`mmck`].
pub fn mmck_delayed(arrival_rate: f64, service: f64, servers: u64, room: u64) -> Result<(Queue, f64), QueueError> {
    let (lambda, service, c) = (rate(arrival_rate)?, positive(service)?, positive(servers as f64)?);
    let load = rate(lambda * service)?;
    if room < servers || room - servers > MOST_SERVERS {
        return Err(QueueError::Figure);
    }
    let blocked = erlang_b(servers, load)?;
    let places = (room - servers) as f64;
    let ratio = load / c;
    // Weights of "all busy and j waiting", begun at the heavier end, so that they only fall.
    let (mut mass, mut first) = (0.0, 0.0);
    let (mut term, mut j) = (1.0, 0.0);
    let shrink = if ratio <= 1.0 { ratio } else { 1.0 / ratio };
    while j <= places && term > mass * 1e-19 {
        let waiting = if ratio <= 1.0 { j } else { places - j };
        mass += term;
        first += term * waiting;
        term *= shrink;
        j += 1.0;
    }
    let (none_waiting, full) = if ratio <= 1.0 { (1.0, ratio.powf(places)) } else { (ratio.powf(-places), 1.0) };
    // Erlang B is the share of "none waiting" in all states up to it.
    let below = if none_waiting > 0.0 { none_waiting * (1.0 - blocked) / blocked } else { 0.0 };
    let share = |weight: f64| if below.is_finite() && blocked > 0.0 { weight / (mass + below) } else { 0.0 };
    let (loss, queue_length) = (share(full), share(first));
    let throughput = lambda * (1.0 - loss);
    let wait = if throughput > 0.0 { queue_length / throughput } else { 0.0 };
    let residence = wait + service;
    let (number, utilisation) = (throughput * residence, throughput * service / c);
    let delayed = if loss < 1.0 { ((share(mass) - loss) / (1.0 - loss)).clamp(0.0, 1.0) } else { 1.0 };
    Ok((Queue { wait, residence, queue_length, number, utilisation, loss, throughput }, delayed))
}

/// M/G/c/c: c slots without a queue, each held for a time of this mean, as connections hold theirs; loss by Erlang B,
/// whatever the distribution of the holding time (Sevastyanov 1957).
///
/// # Errors
/// When a figure is out of range or there is no slot.
///
/// ```
/// # use plimsoll::stats::queueing::lost_calls;
/// // 3 erlang on 5 slots.
/// assert!((lost_calls(0.01, 300.0, 5)?.loss - 0.1101).abs() < 5e-5);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn lost_calls(arrival_rate: f64, holding: f64, slots: u64) -> Result<Queue, QueueError> {
    mmck(arrival_rate, holding, slots, slots)
}

/// A number with a Poisson distribution: its variance is its mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoissonNumber {
    /// Mean and variance.
    pub mean: f64,
}

impl PoissonNumber {
    /// The standard deviation.
    pub fn deviation(self) -> f64 {
        self.mean.sqrt()
    }

    /// P(N ≤ n): the regularised upper incomplete gamma function at (n + 1, mean).
    pub fn at_most(self, n: u64) -> f64 {
        if self.mean > 0.0 { checked_gamma_ur(n as f64 + 1.0, self.mean).unwrap_or(1.0).clamp(0.0, 1.0) } else { 1.0 }
    }
}

/// M/G/∞: everyone is served at once; the number in service is Poisson with mean λE\[S\], whatever the distribution of S
/// (Mirasol 1963). So is the number of connections that come at λ and last E\[S\].
///
/// # Errors
/// When a figure is out of range.
///
/// ```
/// # use plimsoll::stats::queueing::mg_infinity;
/// let online = mg_infinity(2.0, 1_200.0)?;
/// assert!((online.mean - 2_400.0).abs() < 1e-9 && (online.deviation() - 48.99).abs() < 0.01);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn mg_infinity(arrival_rate: f64, service: f64) -> Result<PoissonNumber, QueueError> {
    Ok(PoissonNumber { mean: rate(rate(arrival_rate)? * rate(service)?)? })
}
