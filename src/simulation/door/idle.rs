//! Silence: when the balancer cuts a connection that nothing was heard on for too long.

use crate::model::balancer::{Silence, silence};
use crate::random::Stream;
use crate::scenario::Scenario;
use crate::units::Span;

/// Past this many expected messages in a timeout a cut is so rare (one timeout in e⁸ = 2,981) that the time to it is
/// exponential within 0.3 %.
const RARE: f64 = 8.0;

/// Draws when connections are cut.
#[derive(Debug, Clone, Copy)]
pub struct Idle(Silence);

impl Idle {
    /// Where connections can be cut at all.
    pub fn of(scenario: &Scenario) -> Option<Self> {
        silence(scenario).map(Self)
    }

    /// From its opening to its cut, if nothing else ends it before.
    pub fn new_connection(&self, stream: &mut Stream) -> Span {
        Span::from_seconds(match self.0 {
            Silence::Always { timeout } => timeout,
            Silence::Poisson { rate, timeout } if rate * timeout > RARE => {
                stream.exp1() * (rate * timeout).exp_m1() / rate
            }
            Silence::Poisson { rate, timeout } => gaps(rate, timeout, stream),
        })
    }

    /// From a random moment in its life to its cut.
    pub fn old_connection(&self, stream: &mut Stream) -> Span {
        let left = match self.0 {
            Silence::Always { timeout } => timeout * stream.unit(),
            Silence::Poisson { rate, timeout } => {
                // The silence so far is exponential, less than the timeout, and the next message knows nothing of it.
                let silent = -(1.0 - stream.unit() * -(-rate * timeout).exp_m1()).ln() / rate;
                let gap = stream.exp1() / rate;
                if silent + gap > timeout {
                    timeout - silent
                } else {
                    return Span::from_seconds(gap) + self.new_connection(stream);
                }
            }
        };
        Span::from_seconds(left)
    }
}

/// Gaps between messages up to the first that is longer than the timeout, which ends it.
fn gaps(rate: f64, timeout: f64, stream: &mut Stream) -> f64 {
    let mut time = 0.0;
    loop {
        let gap = stream.exp1() / rate;
        if gap > timeout {
            return time + timeout;
        }
        time += gap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::balancer::cuts_per_second;
    use crate::random::Purpose;

    /// Renewal theory: the mean of a new one is the inverse of the rate; of an old one, E[T²]/(2E[T]).
    #[test]
    fn old_connections_are_what_is_left_of_new_ones() {
        let mut stream = Stream::named(1, 0, 0, Purpose::Connections);
        for (rate, timeout) in [(0.5, 1.0), (1.0, 3.0), (2.0, 5.0)] {
            let idle = Idle(Silence::Poisson { rate, timeout });
            let n = 100_000;
            let (mut sum, mut squares, mut old) = (0.0, 0.0, 0.0);
            for _ in 0..n {
                let time = idle.new_connection(&mut stream).as_seconds();
                sum += time;
                squares += time * time;
                old += idle.old_connection(&mut stream).as_seconds();
            }
            let (mean, left) = (sum / f64::from(n), squares / sum / 2.0);
            assert!((mean * cuts_per_second(rate, timeout) - 1.0).abs() < 0.02, "{rate} {timeout}: {mean}");
            assert!((old / f64::from(n) / left - 1.0).abs() < 0.02, "{rate} {timeout}: {old} {left}");
        }
    }
}
