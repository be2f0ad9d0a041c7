//! A progress bar on standard error, for anything longer than a second; only on a terminal.

use std::io::{IsTerminal, stderr};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{interrupt, verbose};
use crate::simulation::Watch;
use crate::units::display::whole;

/// Shows how far a simulation is, and passes Ctrl-C on to it.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    since: Instant,
    wanted: bool,
    shown: OnceLock<()>,
    work: Work,
    /// Points begun, and done; how often messages were expected, and how many.
    begun: AtomicU64,
    done: AtomicU64,
    steps: AtomicU64,
    expected: AtomicU64,
}

/// What is known beforehand of the work.
#[derive(Debug, Clone, Copy)]
enum Work {
    /// All of it.
    Simulation,
    /// How many points it has; those not begun are taken to be as large as the others.
    Points(u64),
    /// Nothing: each simulation decides what comes next, so there is no saying how long it takes.
    Search,
}

impl Work {
    const fn template(self) -> &'static str {
        match self {
            Self::Simulation => "{wide_bar} {percent:>3} %  {human_pos} messages  {eta} left",
            Self::Points(_) => "{wide_bar} {percent:>3} %  {msg}  about {eta} left",
            Self::Search => "{spinner} {msg}  {human_pos} messages  {elapsed}",
        }
    }
}

impl Progress {
    /// A bar that counts messages.
    pub fn new(quiet: bool) -> Self {
        Self::of(Work::Simulation, quiet)
    }

    /// A bar for so many points.
    pub fn of_points(points: usize, quiet: bool) -> Self {
        Self::of(Work::Points(points as u64), quiet)
    }

    /// A line for a search.
    pub fn of_search(quiet: bool) -> Self {
        Self::of(Work::Search, quiet)
    }

    fn of(work: Work, quiet: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template(work.template()) {
            bar.set_style(style);
        }
        // The program's own clock, not the simulation's.
        #[expect(clippy::disallowed_methods, reason = "this is app/, where wall time belongs")]
        let since = Instant::now();
        Self {
            bar,
            since,
            wanted: !quiet && stderr().is_terminal(),
            shown: OnceLock::new(),
            work,
            begun: AtomicU64::new(0),
            done: AtomicU64::new(0),
            steps: AtomicU64::new(0),
            expected: AtomicU64::new(0),
        }
    }

    /// A point is begun.
    pub fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// A point is done.
    pub fn end(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Work::Points(points) = self.work {
            self.bar.set_message(format!("{done} of {points} points"));
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
        verbose::done(|| format!("simulated {} messages", whole(self.bar.position() as f64)));
    }
}

impl Watch for Progress {
    fn expect(&self, messages: u64) {
        let step = self.steps.fetch_add(1, Ordering::Relaxed) + 1;
        let expected = self.expected.fetch_add(messages, Ordering::Relaxed) + messages;
        match self.work {
            Work::Simulation => self.bar.set_length(expected),
            Work::Points(points) => {
                let begun = self.begun.load(Ordering::Relaxed).max(1);
                self.bar.set_length((expected as f64 * points as f64 / begun as f64) as u64);
            }
            Work::Search => self.bar.set_message(format!("step {step}")),
        }
    }

    fn did(&self, messages: u64) {
        self.bar.inc(messages);
        if self.wanted && self.shown.get().is_none() && self.since.elapsed() > Duration::from_secs(1) {
            self.shown.get_or_init(|| self.bar.set_draw_target(ProgressDrawTarget::stderr()));
        }
    }

    fn stop(&self) -> bool {
        interrupt::asked()
    }
}
