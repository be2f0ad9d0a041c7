//! How long to wait before the next attempt to reach a broker.
//!
//! The wait doubles up to a limit, and a random half of it is left out: servers that lost the same broker at the same
//! moment shall not all come back at the same moment.

use std::time::Duration;

use crate::random::{Purpose, Stream};

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// The waits of one link.
#[derive(Debug)]
pub(super) struct Backoff {
    attempts: u32,
    random: Stream,
}

impl Backoff {
    /// The waits of the server with this id, which no other server has.
    pub fn new(server: u64) -> Self {
        Self { attempts: 0, random: Stream::named(server, 0, 0, Purpose::Retries) }
    }

    /// The next wait.
    pub fn wait(&mut self) -> Duration {
        let full = FIRST.saturating_mul(1 << self.attempts.min(16)).min(LONGEST);
        self.attempts += 1;
        full.mul_f64(0.5 + 0.5 * self.random.unit())
    }

    /// It worked: start anew the next time.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_differ_between_servers() {
        let mut backoff = Backoff::new(1);
        let mut other = Backoff::new(2);
        for full in [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0] {
            let (wait, others) = (backoff.wait().as_secs_f64(), other.wait().as_secs_f64());
            assert!((0.5 * full..=full).contains(&wait), "{wait} of {full}");
            assert_ne!(wait, others);
        }
        for _ in 0..100 {
            assert!(backoff.wait() <= LONGEST);
        }
        backoff.reset();
        assert!(backoff.wait() <= FIRST);
    }
}
