//! What a core has forgotten while it had nothing to do.

use crate::units::Span;

/// What waking up takes on top for a core that was idle for long: extra·(1 − e^(−idle/after)).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sleep {
    /// Idle time, in ps, after which 63 % of it is due.
    after: f64,
    /// All of it, in ps.
    extra: f64,
}

impl Sleep {
    /// Nothing on top, however long it was idle.
    pub const NONE: Self = Self { after: 0.0, extra: 0.0 };

    /// At most `extra`, of which 63 % is due after an idle time of `after`; all of it at once where that is nothing.
    pub const fn new(after: Span, extra: Span) -> Self {
        Self { after: after.0 as f64, extra: extra.0 as f64 }
    }

    /// What is due after so long.
    #[inline(always)]
    pub fn after(self, idle: Span) -> Span {
        if self.extra == 0.0 { Span::ZERO } else { self.due(idle) }
    }

    fn due(self, idle: Span) -> Span {
        let share = if self.after == 0.0 { 1.0 } else { -(-(idle.0 as f64) / self.after).exp_m1() };
        Span((self.extra * share) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_with_the_time_and_has_an_end() {
        let sleep = Sleep::new(Span(1_000), Span(100));
        assert_eq!([0, 1_000, 2_000, u64::MAX].map(|idle| sleep.after(Span(idle))), [0, 63, 86, 100].map(Span));
        assert_eq!(Sleep::new(Span::ZERO, Span(7)).after(Span::ZERO), Span(7));
        assert_eq!(Sleep::NONE.after(Span(u64::MAX)), Span::ZERO);
    }
}
