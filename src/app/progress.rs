//! A progress bar on standard error, for anything longer than a second; only on a terminal.

use std::io::{IsTerminal, stderr};
use std::sync::OnceLock;
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
}

impl Progress {
    /// A bar that counts messages.
    pub fn new(quiet: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {human_pos} messages  {eta} left") {
            bar.set_style(style);
        }
        // The program's own clock, not the simulation's.
        #[expect(clippy::disallowed_methods, reason = "this is app/, where wall time belongs")]
        let since = Instant::now();
        Self { bar, since, wanted: !quiet && stderr().is_terminal(), shown: OnceLock::new() }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
        verbose::done(|| format!("simulated {} messages", whole(self.bar.position() as f64)));
    }
}

impl Watch for Progress {
    fn expect(&self, messages: u64) {
        self.bar.inc_length(messages);
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
