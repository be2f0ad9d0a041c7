//! y = f(x; b) + error, for any f.

use super::qr::{Qr, ROUNDING};
use super::{Regression, RegressionError, finite};

/// Steps of the search, at most.
const STEPS: usize = 300;
/// The search ends when a step changes no coefficient by more than this share of its size.
const STILL: f64 = 1e-10;
/// A difference quotient's step, as a share of a coefficient's size: about ε^(1/3), for central differences.
const STEP: f64 = 1e-5;
/// What the errors of difference quotients leave of a column that is a combination of others: more than rounding does.
const NOTHING: f64 = 1e-7;

/// A coefficient that is searched for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// Where the search begins.
    pub start: f64,
    /// A size that is typical of it; more than zero.
    pub size: f64,
    /// What it can't be less than.
    pub least: f64,
}

/// Non-linear least squares: the b that make Σ rᵢ(b)² least, by Levenberg and Marquardt's search (D. W. Marquardt, SIAM
/// Journal 11, 1963), which goes from steepest descent to Gauß-Newton as it comes nearer. `residuals` gives measured
/// less fitted (weighted as wanted), always of the same number.
///
/// A coefficient is kept at or above its least; the intervals are those of the formula made straight at the solution, and
/// may reach below it.
///
/// # Errors
/// When there are not more residuals than coefficients, or coefficients can't be told apart, or a figure is none, or
/// the search does not end.
///
/// ```
/// # use plimsoll::stats::regression::{Parameter, nonlinear};
/// // y = exp(−b·x) with b = 0.5.
/// let residuals = |b: &[f64]| (0..5).map(|x| (-0.5 * f64::from(x)).exp() - (-b[0] * f64::from(x)).exp()).collect();
/// let fit = nonlinear(&[Parameter { start: 2.0, size: 1.0, least: 0.0 }], residuals)?;
/// assert!((fit.coefficients[0].value - 0.5).abs() < 1e-8);
/// # Ok::<(), plimsoll::stats::regression::RegressionError>(())
/// ```
pub fn nonlinear(
    parameters: &[Parameter],
    residuals: impl Fn(&[f64]) -> Vec<f64>,
) -> Result<Regression, RegressionError> {
    let search = Search { parameters, residuals };
    let mut values: Vec<f64> = parameters.iter().map(|parameter| parameter.start.max(parameter.least)).collect();
    let mut left = (search.residuals)(&values);
    if left.len() <= values.len() {
        return Err(RegressionError::TooFew { needed: values.len() + 1, given: left.len() });
    }
    finite(left.iter().copied())?;
    let mut damping = 1e-3;
    for _ in 0..STEPS {
        let slopes = search.slopes(&values)?;
        let mut moved = false;
        // Damped until a step makes it better: at the solution none does.
        while damping < 1e12 {
            let next = search.step(&values, &slopes, &left, damping)?;
            let after = (search.residuals)(&next);
            if squares(&after) < squares(&left) {
                moved = search.differ(&values, &next);
                (values, left) = (next, after);
                damping = (damping / 10.0).max(1e-12);
                break;
            }
            damping *= 10.0;
        }
        if !moved {
            let slopes = search.slopes(&values)?;
            let qr = Qr::of(&slopes, NOTHING)?;
            return Ok(Regression::new(&values, qr.inverse_of_sums(), left));
        }
    }
    Err(RegressionError::NoEnd)
}

struct Search<'a, F> {
    parameters: &'a [Parameter],
    residuals: F,
}

impl<F: Fn(&[f64]) -> Vec<f64>> Search<'_, F> {
    /// How the fitted values change with each coefficient: a column a coefficient, by differences.
    fn slopes(&self, values: &[f64]) -> Result<Vec<Vec<f64>>, RegressionError> {
        let column = |index: usize| {
            let (mut below, mut above) = (values.to_vec(), values.to_vec());
            // Of a coefficient near zero too the step is so long that rounding doesn't drown the difference.
            let step = STEP * values[index].abs().max(self.parameters[index].size);
            below[index] -= step;
            above[index] += step;
            let pairs = (self.residuals)(&below).into_iter().zip((self.residuals)(&above));
            let slopes: Vec<f64> = pairs.map(|(below, above)| (below - above) / (2.0 * step)).collect();
            finite(slopes.iter().copied()).map(|()| slopes)
        };
        (0..values.len()).map(column).collect()
    }

    /// Where a damped step leads.
    fn step(
        &self,
        values: &[f64],
        slopes: &[Vec<f64>],
        left: &[f64],
        damping: f64,
    ) -> Result<Vec<f64>, RegressionError> {
        // A coefficient at its bound that would go past it stays out of the step, so that the others are free to move.
        let held = |index: usize| {
            let downhill: f64 = slopes[index].iter().zip(left).map(|(slope, left)| slope * left).sum();
            values[index] <= self.parameters[index].least && downhill <= 0.0
        };
        let free: Vec<usize> = (0..values.len()).filter(|&index| !held(index)).collect();
        let columns: Vec<Vec<f64>> = free
            .iter()
            .enumerate()
            .map(|(at, &index)| {
                let length = squares(&slopes[index]).sqrt();
                let mut column = slopes[index].clone();
                column.extend((0..free.len()).map(|row| if row == at { damping.sqrt() * length } else { 0.0 }));
                column
            })
            .collect();
        let mut target = left.to_vec();
        target.extend(free.iter().map(|_| 0.0));
        let steps = Qr::of(&columns, ROUNDING).map_err(|error| match error {
            RegressionError::Collinear(at) => RegressionError::Collinear(free[at]),
            other => other,
        })?;
        let mut next = values.to_vec();
        for (&index, step) in free.iter().zip(steps.solve(&target)) {
            next[index] = (next[index] + step).max(self.parameters[index].least);
        }
        Ok(next)
    }

    fn differ(&self, before: &[f64], after: &[f64]) -> bool {
        let pairs = before.iter().zip(after).zip(self.parameters);
        pairs
            .into_iter()
            .any(|((before, after), parameter)| (before - after).abs() > STILL * after.abs().max(parameter.size * 1e-6))
    }
}

fn squares(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}
