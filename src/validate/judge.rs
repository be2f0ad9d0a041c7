//! One prediction, one measurement, one verdict.

use crate::stats::Estimate;

/// Whether a prediction holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is not asked.
    NotJudged,
    /// It does, within the tolerance.
    Pass,
    /// What was measured can't tell.
    Inconclusive,
    /// It does not.
    Fail,
}

impl Verdict {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
            Self::NotJudged => "not judged",
        }
    }

    /// What all of them say together: a failure if there is one, else inconclusive if one is. Nothing judged is
    /// inconclusive too: it is no success.
    pub fn overall(all: impl IntoIterator<Item = Self>) -> Self {
        match all.into_iter().max() {
            None | Some(Self::NotJudged) => Self::Inconclusive,
            Some(worst) => worst,
        }
    }
}

/// Why a verdict is not simply that of the error against its tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The measurements differ among themselves by more than the tolerance.
    Scatter,
    /// The prediction is known less well than the tolerance.
    ShortSimulation,
    /// The machine was too noisy, or the driver too late.
    Noise,
    /// Other programs had the server's core for so long that it explains the difference.
    Waited,
    /// The calibration was made for other loads.
    Uncalibrated,
    /// Past saturation there is no steady state to compare.
    Saturated,
}

impl Reason {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Scatter => "the measurements differ by more than the tolerance",
            Self::ShortSimulation => "the prediction's interval is wider than the tolerance: simulate for longer",
            Self::Noise => "the measurement was disturbed",
            Self::Waited => "larger than predicted, but other programs had the server's core for a part of the time",
            Self::Uncalibrated => "the calibration was not made for such a load",
            Self::Saturated => "saturated: no steady state",
        }
    }
}

/// The verdict on a prediction that may be `allowance` off.
///
/// With p the prediction, m the measurement and a the allowance, it fails where |p − m| > a, and passes elsewhere, as long
/// as half of each interval is at most a. Where one is wider, the figures can't tell, unless the intervals are further
/// than a from each other: that no noise explains. An interval with an end that is not known says nothing, so then the
/// values alone are judged.
pub fn judge(predicted: &Estimate, measured: &Estimate, allowance: f64) -> (Verdict, Option<Reason>) {
    let wide = |figure: &Estimate| figure.half_width().is_finite() && figure.half_width() > allowance;
    let known = |end: f64, value: f64| if end.is_finite() { end } else { value };
    let low = |figure: &Estimate| known(figure.low, figure.value);
    let high = |figure: &Estimate| known(figure.high, figure.value);
    let off = (predicted.value - measured.value).abs() > allowance;
    let gap = (low(predicted) - high(measured)).max(low(measured) - high(predicted));
    if off && gap > allowance {
        return (Verdict::Fail, None);
    }
    match (wide(measured), wide(predicted)) {
        (true, _) => (Verdict::Inconclusive, Some(Reason::Scatter)),
        (false, true) => (Verdict::Inconclusive, Some(Reason::ShortSimulation)),
        _ if off => (Verdict::Fail, None),
        _ => (Verdict::Pass, None),
    }
}

/// (p − m)/m: how far a prediction is off, with its sign. `None` where nothing was measured but something predicted, for
/// that is no share of anything.
pub fn signed_error(predicted: f64, measured: f64) -> Option<f64> {
    let off = predicted - measured;
    // Nothing of nothing is no error.
    let error = if off.abs() <= 0.0 { 0.0 } else { off / measured.abs() };
    error.is_finite().then_some(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(value: f64, half: f64) -> Estimate {
        Estimate { value, low: value - half, high: value + half }
    }

    #[test]
    fn the_error_decides_where_the_figures_are_known() {
        let measured = within(100.0, 3.0);
        assert_eq!(judge(&within(108.0, 1.0), &measured, 10.0), (Verdict::Pass, None));
        assert_eq!(judge(&within(110.0, 0.0), &measured, 10.0), (Verdict::Pass, None), "the end counts as within");
        assert_eq!(judge(&within(111.0, 1.0), &measured, 10.0), (Verdict::Fail, None));
        assert_eq!(judge(&within(89.0, 1.0), &measured, 10.0), (Verdict::Fail, None));
    }

    #[test]
    fn noise_is_never_a_pass() {
        let noisy = within(100.0, 12.0);
        for predicted in [100.0, 105.0, 111.0, 121.0] {
            let (verdict, reason) = judge(&within(predicted, 0.0), &noisy, 10.0);
            assert_eq!((verdict, reason), (Verdict::Inconclusive, Some(Reason::Scatter)), "{predicted}");
        }
        // Further off than all that was measured and the tolerance on top.
        assert_eq!(judge(&within(123.0, 0.0), &noisy, 10.0).0, Verdict::Fail);
        assert_eq!(judge(&within(77.0, 0.0), &noisy, 10.0).0, Verdict::Fail);
        let short = judge(&within(100.0, 15.0), &within(100.0, 1.0), 10.0);
        assert_eq!(short, (Verdict::Inconclusive, Some(Reason::ShortSimulation)));
    }

    #[test]
    fn without_an_interval_the_value_is_judged() {
        assert_eq!(judge(&Estimate::unbounded(105.0), &Estimate::unbounded(100.0), 10.0).0, Verdict::Pass);
        assert_eq!(judge(&Estimate::unbounded(115.0), &Estimate::unbounded(100.0), 10.0).0, Verdict::Fail);
    }

    #[test]
    fn errors_have_a_sign() {
        assert_eq!(signed_error(110.0, 100.0), Some(0.1));
        assert_eq!(signed_error(90.0, 100.0), Some(-0.1));
        assert_eq!(signed_error(0.0, 0.0), Some(0.0));
        assert_eq!(signed_error(1.0, 0.0), None);
    }

    #[test]
    fn the_worst_speaks_for_all() {
        use Verdict::{Fail, Inconclusive, NotJudged, Pass};
        assert_eq!(Verdict::overall([Pass, NotJudged, Pass]), Pass);
        assert_eq!(Verdict::overall([Pass, Inconclusive]), Inconclusive);
        assert_eq!(Verdict::overall([Fail, Inconclusive, Pass]), Fail);
        assert_eq!(Verdict::overall([NotJudged]), Inconclusive);
        assert_eq!(Verdict::overall([]), Inconclusive);
    }
}
