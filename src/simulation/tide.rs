//! The number of users as a curve has it: when the next one comes or goes.

use crate::scenario::Curve;
use crate::units::SimTime;

/// Follows round(peak × share(t)) step by step.
#[derive(Debug)]
pub struct Tide {
    curve: Curve,
    peak: f64,
    piece: i64,
    level: u64,
    /// When the next step is, and whether somebody comes.
    next: Option<(SimTime, bool)>,
}

impl Tide {
    /// The tide of a curve whose share of 1 is so many.
    pub fn new(curve: Curve, peak: f64) -> Self {
        let level = (peak * curve.share(0.0)).round() as u64;
        let mut tide = Self { piece: curve.first_piece(), curve, peak, level, next: None };
        tide.look();
        tide
    }

    /// How many there are now.
    pub fn level(&self) -> u64 {
        self.level
    }

    /// When the next one comes or goes.
    pub fn next(&self) -> SimTime {
        self.next.map_or(SimTime::NEVER, |next| next.0)
    }

    /// Takes the next step; whether somebody comes.
    pub fn step(&mut self) -> bool {
        let comes = self.next.is_some_and(|next| next.1);
        self.level = if comes { self.level + 1 } else { self.level.saturating_sub(1) };
        self.look();
        comes
    }

    /// Finds the next step: where the curve is half a user above or below.
    fn look(&mut self) {
        let (more, less) = ((self.level as f64 + 0.5) / self.peak, (self.level as f64 - 0.5) / self.peak);
        self.next = loop {
            let Some(piece) = self.curve.piece(self.piece) else { break None };
            let (level, comes) = if piece.to.1 >= more && piece.from.1 < piece.to.1 {
                (more, true)
            } else if piece.to.1 < less && piece.from.1 > piece.to.1 {
                (less, false)
            } else if piece.to.0 > LAST_SECOND {
                // A wave goes on for ever, the clock does not.
                break None;
            } else {
                self.piece += 1;
                continue;
            };
            break Some((SimTime::from_seconds(piece.when(level)), comes));
        };
    }
}

/// Later than any run ends.
const LAST_SECOND: f64 = 31.0 * 86_400.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_is_the_curve_rounded() {
        let curves = [
            Curve::Diurnal { low: 0.2, period: 40.0, peak_at: 7.0 },
            Curve::steps(&[(10.0, 0.1), (20.0, 1.0), (30.0, 0.5)]),
            Curve::flash(5.0, 0.1, 2.0, 10.0, 4.0),
            Curve::Points(vec![(0.0, 0.2), (15.0, 0.9), (50.0, 0.4), (60.0, 0.4), (60.0, 0.0)]),
        ];
        for curve in curves {
            let mut tide = Tide::new(curve.clone(), 137.0);
            for i in 0..7_000 {
                let time = f64::from(i) * 0.013;
                while tide.next() <= SimTime::from_seconds(time) {
                    let before = tide.next();
                    tide.step();
                    assert!(tide.next() >= before, "{curve:?}");
                }
                let wanted = 137.0 * curve.share(time);
                assert!(
                    (tide.level() as f64 - wanted).abs() < 0.5001,
                    "{curve:?} at {time}: {} {wanted}",
                    tide.level()
                );
            }
        }
    }
}
