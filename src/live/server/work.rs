//! The work that a scenario gives each message: CPU time that is really spent.
//!
//! It counts on the thread's own CPU clock, so that a thread that is preempted meanwhile spends no less. That clock is a
//! system call (some 0.2 µs), so most of the time is spent looking at the monotonic clock, which is none; what is over
//! or under at the end is one look at either.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::random::{Distribution, Stream};

/// Work of a random length.
#[derive(Debug)]
pub struct Work {
    seconds: Distribution,
    stream: Stream,
}

impl Work {
    /// Lengths in seconds, and where their randomness comes from.
    pub fn new(seconds: Distribution, stream: Stream) -> Self {
        Self { seconds, stream }
    }

    /// Spends the next length, and says how long it is.
    pub fn spend(&mut self) -> Duration {
        let seconds = self.seconds.sample(&mut self.stream);
        let time = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        spend(time);
        time
    }
}

fn spend(time: Duration) {
    let end = cpu_time() + time;
    loop {
        let left = end.saturating_sub(cpu_time());
        if left.is_zero() {
            return;
        }
        let from = now();
        while from.elapsed() < left {
            std::hint::spin_loop();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the live mode is about real time")]
fn now() -> Instant {
    Instant::now()
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    /// CPU time, so no other load on the machine matters.
    #[test]
    fn what_is_asked_for_is_spent() {
        let mut work = Work::new(Distribution::Constant(0.002), Stream::named(1, 0, 0, Purpose::Service));
        let before = cpu_time();
        let asked: Duration = (0..10).map(|_| work.spend()).sum();
        let spent = cpu_time().saturating_sub(before).as_secs_f64();
        assert!((0.02..0.022).contains(&spent) && asked == Duration::from_millis(20), "{spent}");
    }
}
