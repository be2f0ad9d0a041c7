//! c servers and one queue without limit: M/M/c exactly, M/G/c and G/G/c nearly.

use super::{Queue, QueueError, erlang_c, positive, rate};

/// M/M/c, first in, first out, in its steady state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MultiServer {
    servers: f64,
    arrival_rate: f64,
    service_rate: f64,
    /// Erlang C.
    delayed: f64,
}

impl MultiServer {
    /// Arrivals at λ \[1/s\], exponential service of this mean \[s\], c servers.
    ///
    /// # Errors
    /// When a figure is out of range (the service must take time) or λs ≥ c.
    ///
    /// ```
    /// # use plimsoll::stats::queueing::MultiServer;
    /// let station = MultiServer::new(3.2, 1.0, 4)?;
    /// assert!((station.queue().wait - 0.74554).abs() < 5e-6);
    /// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
    /// ```
    pub fn new(arrival_rate: f64, service: f64, servers: u64) -> Result<Self, QueueError> {
        let (lambda, mu) = (rate(arrival_rate)?, positive(1.0 / positive(service)?)?);
        let delayed = erlang_c(servers, lambda * service)?;
        let station = Self { servers: servers as f64, arrival_rate: lambda, service_rate: mu, delayed };
        // Rounding can leave no room where the load is next to c.
        if station.drain() > 0.0 { Ok(station) } else { Err(QueueError::Unstable) }
    }

    /// The mean figures: wait C/(cμ − λ) (A. K. Erlang 1917). Under processor sharing among the servers the mean
    /// residence is the same, as the number in the station is.
    pub fn queue(&self) -> Queue {
        let service = 1.0 / self.service_rate;
        let (wait, lambda) = (self.delayed / self.drain(), self.arrival_rate);
        Queue {
            wait,
            residence: wait + service,
            queue_length: lambda * wait,
            number: lambda * (wait + service),
            utilisation: lambda * service / self.servers,
            loss: 0.0,
            throughput: lambda,
        }
    }

    /// The share of customers that must wait: Erlang C.
    pub const fn delayed(&self) -> f64 {
        self.delayed
    }

    /// P(wait > t) = C·exp(−(cμ − λ)t), t in s.
    pub fn wait_exceeds(&self, time: f64) -> f64 {
        if time < 0.0 { 1.0 } else { self.delayed * (-self.drain() * time).exp() }
    }

    /// The wait that a share p of the customers does not exceed \[s\]; zero where as many don't wait at all, infinite at
    /// p ≥ 1.
    pub fn wait_quantile(&self, p: f64) -> f64 {
        ((self.delayed / (1.0 - p).max(0.0)).ln() / self.drain()).max(0.0)
    }

    /// P(residence > t): the wait is zero with probability 1 − C and exponential at rate δ = cμ − λ otherwise, and
    /// independent of the service. So it is (1 − C)·e^(−μt) + C·(δe^(−μt) − μe^(−δt))/(δ − μ), in the limit
    /// (1 + μt)·e^(−μt) at δ = μ (Gross and Harris, "Fundamentals of Queueing Theory", section 2.3).
    pub fn residence_exceeds(&self, time: f64) -> f64 {
        if time <= 0.0 {
            return 1.0;
        }
        let (mu, drain) = (self.service_rate, self.drain());
        let (slow, fast) = (mu.min(drain), mu.max(drain));
        // The sum of both stages, written so that equal rates divide nothing by zero and long times don't overflow.
        let apart = fast - slow;
        let between = if apart * time < 1e-9 { time } else { -(-apart * time).exp_m1() / apart };
        let both = (-slow * time).exp() * (1.0 + slow * between);
        (1.0 - self.delayed) * (-mu * time).exp() + self.delayed * both
    }

    /// P(residence ≤ t), t in s.
    pub fn residence_at_most(&self, time: f64) -> f64 {
        1.0 - self.residence_exceeds(time)
    }

    /// The residence that a share p of the customers does not exceed \[s\], to 12 digits; infinite at p ≥ 1.
    pub fn residence_quantile(&self, p: f64) -> f64 {
        let tail = 1.0 - p;
        if tail >= 1.0 {
            return 0.0;
        }
        if tail.is_nan() || tail <= 0.0 {
            return f64::INFINITY;
        }
        let (mut low, mut high) = (0.0, 1.0 / self.service_rate);
        while self.residence_exceeds(high) > tail && high < f64::MAX / 2.0 {
            (low, high) = (high, 2.0 * high);
        }
        while high - low > 1e-13 * high {
            let middle = f64::midpoint(low, high);
            if middle <= low || middle >= high {
                break;
            }
            if self.residence_exceeds(middle) > tail {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    /// cμ − λ \[1/s\]: how fast a queue drains while all servers are busy.
    fn drain(&self) -> f64 {
        self.servers * self.service_rate - self.arrival_rate
    }
}

/// M/G/c or G/G/c, nearly: the wait of M/M/c times (cₐ² + cₛ²)/2, with the squared coefficients of variation of the
/// times between arrivals (1 for Poisson) and of the service (Allen and Cunneen; Allen, "Probability, Statistics, and
/// Queueing Theory", 2nd ed., 1990, section 5.3).
///
/// **An approximation**: exact for M/M/c and M/G/1, within some percent for M/G/c of moderate variability, poor for
/// light loads with cₐ² far from 1.
///
/// # Errors
/// When a figure is out of range or λs ≥ c.
///
/// ```
/// # use plimsoll::stats::queueing::mgc_allen_cunneen;
/// // Constant service halves the wait of M/M/4 at 3.2 erlang.
/// assert!((mgc_allen_cunneen(3.2, 1.0, 4, 1.0, 0.0)?.wait - 0.37277).abs() < 5e-6);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn mgc_allen_cunneen(
    arrival_rate: f64,
    service: f64,
    servers: u64,
    arrival_cv2: f64,
    service_cv2: f64,
) -> Result<Queue, QueueError> {
    let variability = f64::midpoint(rate(arrival_cv2)?, rate(service_cv2)?);
    let exponential = MultiServer::new(arrival_rate, service, servers)?.queue();
    Queue::from_wait(arrival_rate, exponential.wait * variability, service, servers as f64)
}
