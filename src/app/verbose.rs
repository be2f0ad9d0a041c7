//! `--verbose`: what was done, and how long it took, on standard error. Nothing of it is part of a result.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::output;

/// When the program began, and when the part that is being done now did.
struct Clock {
    start: Instant,
    part: Mutex<Instant>,
}

static CLOCK: OnceLock<Clock> = OnceLock::new();

/// Says what is done from now on, if wanted.
pub fn set_up(wanted: bool) {
    if wanted {
        CLOCK.get_or_init(|| Clock { start: now(), part: Mutex::new(now()) });
    }
}

/// A part is done: what it was is made into words only where somebody reads them.
pub fn done(what: impl FnOnce() -> String) {
    let Some(clock) = CLOCK.get() else { return };
    let end = now();
    let mut part = clock.part.lock().unwrap_or_else(PoisonError::into_inner);
    say(end.duration_since(*part), &what());
    *part = end;
}

/// All is done.
pub fn end() {
    if let Some(clock) = CLOCK.get() {
        say(clock.start.elapsed(), "in all");
    }
}

fn say(took: Duration, what: &str) {
    output::complain(&format!("{:>10.3} s  {what}", took.as_secs_f64()));
}

// The program's own clock, not the simulation's.
#[expect(clippy::disallowed_methods, reason = "this is app/, where wall time belongs")]
fn now() -> Instant {
    Instant::now()
}
