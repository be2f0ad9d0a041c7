//! How the load moves over time: the share of the peak at each moment.
//!
//! A [`Curve`] is a cosine or a chain of straight pieces, so its mean and the moment it reaches a level are exact.

use std::f64::consts::PI;

/// The load's course, and what follows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The share of the peak at each moment.
    pub curve: Curve,
    /// What is multiplied by it.
    pub of: ProfileOf,
}

/// What follows the curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileOf {
    /// The number of users (where sessions end: how many begin).
    Users,
    /// Each user's message rate.
    Messages,
}

/// The share of the peak, 0 to 1, at each moment, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub enum Curve {
    /// low + (1 − low)·(1 + cos(2π(t − peak)/period))/2.
    Diurnal {
        /// The least share.
        low: f64,
        /// From peak to peak, in seconds.
        period: f64,
        /// When a peak is, in seconds.
        peak_at: f64,
    },
    /// Straight from point to point (time in seconds, share), in order of time; two points at one time are a jump. Before
    /// the first point it is that one's share, after the last that one's. There is a point at least.
    Points(Vec<(f64, f64)>),
}

/// A part of a curve on which it only rises, only falls, or stays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// Where it begins: time and share.
    pub from: (f64, f64),
    /// Where it ends.
    pub to: (f64, f64),
    /// Half a cosine; otherwise it is straight.
    wave: bool,
}

impl Curve {
    /// Steps: from each time on its share, and before the first all of it.
    pub fn steps(steps: &[(f64, f64)]) -> Self {
        let mut points = Vec::with_capacity(2 * steps.len());
        let mut share = 1.0;
        for &(at, next) in steps {
            points.extend([(at, share), (at, next)]);
            share = next;
        }
        Self::Points(points)
    }

    /// A flash crowd: `from` until it begins at `at`, up to all of it within `rise`, there for `hold`, and back within
    /// `fall`.
    pub fn flash(at: f64, from: f64, rise: f64, hold: f64, fall: f64) -> Self {
        let (up, down) = (at + rise, at + rise + hold);
        Self::Points(vec![(at, from), (up, 1.0), (down, 1.0), (down + fall, from)])
    }

    /// The share at this moment; what came before the run (a negative time) counts too.
    pub fn share(&self, time: f64) -> f64 {
        match self {
            Self::Diurnal { low, period, peak_at } => {
                low + (1.0 - low) * f64::midpoint(1.0, (2.0 * PI * (time - peak_at) / period).cos())
            }
            Self::Points(points) => {
                let next = points.partition_point(|point| point.0 <= time);
                match (next.checked_sub(1).map(|last| points[last]), points.get(next)) {
                    (Some(a), Some(b)) => a.1 + (b.1 - a.1) * (time - a.0) / (b.0 - a.0),
                    (Some(a), None) => a.1,
                    (None, Some(b)) => b.1,
                    (None, None) => 1.0,
                }
            }
        }
    }

    /// The mean share from the start of a run to `end` (seconds, more than zero).
    pub fn mean(&self, end: f64) -> f64 {
        match self {
            Self::Diurnal { low, period, peak_at } => {
                let turn = 2.0 * PI / period;
                let wave = ((turn * (end - peak_at)).sin() + (turn * peak_at).sin()) / turn;
                low + (1.0 - low) * f64::midpoint(1.0, wave / end)
            }
            Self::Points(points) => {
                let inside = |point: &&(f64, f64)| point.0 > 0.0 && point.0 < end;
                let mut last = (0.0, self.share(0.0));
                let mut area = 0.0;
                for &point in points.iter().filter(inside) {
                    area += (point.0 - last.0) * f64::midpoint(last.1, point.1);
                    last = point;
                }
                // Up to a jump at the very end its lower side counts, not what comes after.
                let before = points.iter().find(|point| point.0 >= end).map_or(last.1, |next| {
                    last.1 + (next.1 - last.1) * (end - last.0) / (next.0 - last.0).max(f64::MIN_POSITIVE)
                });
                (area + (end - last.0) * f64::midpoint(last.1, before)) / end
            }
        }
    }

    /// The peak over the mean: of a whole period, or of a run that lasts until `end`.
    pub fn peak_to_mean(&self, end: f64) -> f64 {
        match self {
            Self::Diurnal { low, .. } => 1.0 / f64::midpoint(1.0, *low),
            Self::Points(_) => 1.0 / self.mean(end),
        }
    }

    /// The number of the piece in which time zero lies (or of the first one after it).
    pub fn first_piece(&self) -> i64 {
        match self {
            Self::Diurnal { period, peak_at, .. } => (-peak_at / (period / 2.0)).floor() as i64,
            Self::Points(_) => 0,
        }
    }

    /// The piece of this number; `None` past the end, from where on nothing changes.
    pub fn piece(&self, number: i64) -> Option<Piece> {
        match self {
            Self::Diurnal { low, period, peak_at } => {
                let at = |number: i64| {
                    let share = if number.rem_euclid(2) == 0 { 1.0 } else { *low };
                    (peak_at + number as f64 * period / 2.0, share)
                };
                Some(Piece { from: at(number), to: at(number + 1), wave: true })
            }
            Self::Points(points) => {
                let first = usize::try_from(number).ok()?;
                Some(Piece { from: *points.get(first)?, to: *points.get(first + 1)?, wave: false })
            }
        }
    }
}

impl Piece {
    /// When it reaches this share, which must lie between its ends.
    pub fn when(&self, share: f64) -> f64 {
        let (from, to) = (self.from, self.to);
        let way = ((share - from.1) / (to.1 - from.1)).clamp(0.0, 1.0);
        // Of a falling or rising half of a cosine, (1 − cos πx)/2 of the way is done at x.
        let x = if self.wave { (1.0 - 2.0 * way).acos() / PI } else { way };
        from.0 + x * (to.0 - from.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curves() -> [Curve; 4] {
        [
            Curve::Diurnal { low: 0.3, period: 40.0, peak_at: 7.0 },
            Curve::steps(&[(10.0, 0.1), (20.0, 1.0), (30.0, 0.5)]),
            Curve::flash(5.0, 0.1, 2.0, 10.0, 4.0),
            Curve::Points(vec![(0.0, 0.2), (15.0, 0.9), (50.0, 0.4)]),
        ]
    }

    #[test]
    fn the_mean_is_that_of_many_moments() {
        for curve in curves() {
            for end in [4.0, 20.0, 33.0, 90.0] {
                let n = 200_000;
                let sum: f64 = (0..n).map(|i| curve.share((f64::from(i) + 0.5) / f64::from(n) * end)).sum();
                let found = curve.mean(end);
                assert!(
                    (found - sum / f64::from(n)).abs() < 1e-4,
                    "{curve:?} to {end}: {found} {}",
                    sum / f64::from(n)
                );
            }
        }
    }

    #[test]
    fn a_piece_reaches_a_level_where_the_curve_has_it() {
        for curve in curves() {
            for number in curve.first_piece()..curve.first_piece() + 5 {
                let Some(piece) = curve.piece(number) else { continue };
                if piece.from.0 == piece.to.0 {
                    continue;
                }
                for way in [0.01, 0.3, 0.99] {
                    let share = piece.from.1 + way * (piece.to.1 - piece.from.1);
                    if piece.from.1 != piece.to.1 {
                        assert!((curve.share(piece.when(share)) - share).abs() < 1e-9, "{curve:?} {piece:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn steps_jump_and_stay() {
        let curve = Curve::steps(&[(10.0, 0.1), (20.0, 1.0)]);
        assert_eq!([-5.0, 9.9, 10.0, 19.9, 20.0, 99.0].map(|t| curve.share(t)), [1.0, 1.0, 0.1, 0.1, 1.0, 1.0]);
        assert!((curve.peak_to_mean(20.0) - 1.0 / 0.55).abs() < 1e-12);
    }
}
