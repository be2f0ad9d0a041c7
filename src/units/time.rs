//! The simulation's clock: whole picoseconds in 64 bits (213 days).
//!
//! Picoseconds, not nanoseconds: rounding gaps of 10 ns down to whole nanoseconds would make a rate 5 % high.

use std::ops::{Add, AddAssign, Sub};

/// Picoseconds in a second.
pub const PICOSECONDS: f64 = 1e12;

/// A length of simulated time, in whole picoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Span(pub u64);

/// A moment of simulated time, in whole picoseconds since the run began.
///
/// Sums must stay within 213 days; a scenario's duration is limited to far less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct SimTime(pub u64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// The nearest whole picosecond; what is negative or NaN becomes zero, what is too long the longest span.
    pub fn from_seconds(seconds: f64) -> Self {
        // A float-to-integer cast saturates, which is what is promised.
        Self((seconds * PICOSECONDS).round() as u64)
    }

    /// This span in seconds.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / PICOSECONDS
    }
}

impl SimTime {
    /// The moment a run begins.
    pub const ZERO: Self = Self(0);
    /// Later than anything: "never".
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment this many seconds after the start of the run.
    pub fn from_seconds(seconds: f64) -> Self {
        Self(Span::from_seconds(seconds).0)
    }

    /// Seconds since the start of the run.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / PICOSECONDS
    }

    /// The time from `earlier` to this moment; zero where `earlier` is the later one.
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Span> for SimTime {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0 + span.0)
    }
}

impl AddAssign<Span> for SimTime {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_survive_the_round_trip() {
        assert_eq!(Span::from_seconds(20e-3), Span(20_000_000_000));
        assert!((Span::from_seconds(1.0 / 3.0).as_seconds() - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(Span::from_seconds(f64::NAN), Span::ZERO);
        assert_eq!(Span::from_seconds(1e300), Span(u64::MAX));
    }
}
