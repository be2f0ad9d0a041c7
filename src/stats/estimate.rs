//! A figure and the interval it lies in.

use serde::{Deserialize, Serialize};

/// A figure with its interval; what kind of interval (of a parameter or of sampling, and its level) is said by whoever
/// holds it.
///
/// An end that is not known is infinite; JSON has no infinity, so `serde_json` writes `null` there, and `null` is read so.
///
/// ```
/// # use plimsoll::stats::Estimate;
/// let wait = Estimate::new(2.0, 1.5, 3.0).ok_or("not in order")?;
/// assert_eq!(serde_json::to_string(&wait)?, r#"{"value":2.0,"low":1.5,"high":3.0}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Ends")]
pub struct Estimate {
    /// The best single figure.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

/// A figure as it is read.
#[derive(Deserialize)]
struct Ends {
    value: f64,
    low: Option<f64>,
    high: Option<f64>,
}

impl TryFrom<Ends> for Estimate {
    type Error = &'static str;

    fn try_from(read: Ends) -> Result<Self, Self::Error> {
        Self::new(read.value, read.low.unwrap_or(f64::NEG_INFINITY), read.high.unwrap_or(f64::INFINITY))
            .ok_or("a figure that is not within its interval")
    }
}

impl Estimate {
    /// A figure and its interval; `None` unless `low ≤ value ≤ high` (so never with a NaN) and the value is finite.
    pub fn new(value: f64, low: f64, high: f64) -> Option<Self> {
        (value.is_finite() && low <= value && value <= high).then_some(Self { value, low, high })
    }

    /// A figure about which there is no doubt.
    pub const fn exact(value: f64) -> Self {
        Self { value, low: value, high: value }
    }

    /// A figure about which nothing else is known.
    pub const fn unbounded(value: f64) -> Self {
        Self { value, low: f64::NEG_INFINITY, high: f64::INFINITY }
    }

    /// Half the interval's width: infinite where an end is not known.
    pub fn half_width(&self) -> f64 {
        // Halved before the difference, so that it cannot overflow.
        self.high / 2.0 - self.low / 2.0
    }

    /// Half the interval's width as a share of the value; zero for an exact figure, even an exact zero.
    pub fn relative_half_width(&self) -> f64 {
        let half = self.half_width();
        if half == 0.0 { 0.0 } else { half / self.value.abs() }
    }

    /// Whether the interval, its ends included, holds this figure.
    pub fn contains(&self, figure: f64) -> bool {
        self.low <= figure && figure <= self.high
    }

    /// The same in another unit: all three times `factor`, the ends swapped where it is negative.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        if factor == 0.0 {
            // An end that is not known times zero would be no number.
            return Self::exact(0.0);
        }
        let (one, other) = (self.low * factor, self.high * factor);
        Self { value: self.value * factor, low: one.min(other), high: one.max(other) }
    }

    /// The same with both ends and the value brought into `lowest..=highest`: for what cannot be negative, or more
    /// than one.
    #[must_use]
    pub fn clamped(&self, lowest: f64, highest: f64) -> Self {
        let clamp = |figure: f64| figure.max(lowest).min(highest);
        Self { value: clamp(self.value), low: clamp(self.low), high: clamp(self.high) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_order_is_no_estimate() {
        assert!(Estimate::new(1.0, 0.5, 2.0).is_some());
        assert!(Estimate::new(1.0, f64::NEG_INFINITY, f64::INFINITY).is_some());
        for (value, low, high) in [(1.0, 2.0, 3.0), (1.0, 0.0, 0.5), (f64::NAN, 0.0, 1.0), (1.0, f64::NAN, 2.0)] {
            assert!(Estimate::new(value, low, high).is_none(), "{value} in {low}..{high}");
        }
    }

    #[test]
    fn an_unknown_end_is_null_in_json() {
        let json = serde_json::to_string(&Estimate::unbounded(4.0)).unwrap();
        assert_eq!(json, r#"{"value":4.0,"low":null,"high":null}"#);
    }

    #[test]
    fn scaling_keeps_the_order() {
        let estimate = Estimate { value: 2.0, low: 1.0, high: 4.0 };
        assert_eq!(estimate.scaled(-2.0), Estimate { value: -4.0, low: -8.0, high: -2.0 });
        assert_eq!(Estimate::unbounded(2.0).scaled(0.0), Estimate::exact(0.0));
        assert_eq!(estimate.clamped(1.5, 3.0), Estimate { value: 2.0, low: 1.5, high: 3.0 });
        assert!((estimate.relative_half_width() - 0.75).abs() < 1e-12);
        assert!(Estimate::unbounded(2.0).half_width().is_infinite() && !estimate.contains(4.5));
    }
}
