//! y = Σ bⱼ·xⱼ + error.

use super::qr::{Qr, ROUNDING};
use super::{Regression, RegressionError, finite};

/// Weighted linear least squares: the b that make Σ wᵢ(yᵢ − Σⱼ bⱼxᵢⱼ)² least (C. F. Gauß, 1809), by QR.
///
/// `rows` are the xᵢ (with a 1 where there is to be an intercept), `weights` the wᵢ, inversely proportional to the
/// variance of each error; the residuals are √wᵢ(yᵢ − …).
///
/// # Errors
/// When there are not more rows than coefficients, or columns can't be told apart, or a figure is none.
///
/// ```
/// # use plimsoll::stats::regression::linear;
/// // Four points near 1 + 2x.
/// let rows: Vec<Vec<f64>> = (0..4).map(|x| vec![1.0, f64::from(x)]).collect();
/// let fit = linear(&rows, &[1.1, 2.9, 5.1, 6.9], &[1.0; 4])?;
/// assert!((fit.coefficients[0].value - 1.06).abs() < 1e-9 && (fit.coefficients[1].value - 1.96).abs() < 1e-9);
/// # Ok::<(), plimsoll::stats::regression::RegressionError>(())
/// ```
pub fn linear(rows: &[Vec<f64>], measured: &[f64], weights: &[f64]) -> Result<Regression, RegressionError> {
    let p = rows.first().map_or(0, Vec::len);
    if rows.len() <= p || p == 0 {
        return Err(RegressionError::TooFew { needed: p + 1, given: rows.len() });
    }
    finite(rows.iter().flatten().chain(measured).chain(weights).copied())?;
    let roots: Vec<f64> = weights.iter().map(|weight| weight.sqrt()).collect();
    let columns: Vec<Vec<f64>> =
        (0..p).map(|index| rows.iter().zip(&roots).map(|(row, root)| row[index] * root).collect()).collect();
    let target: Vec<f64> = measured.iter().zip(&roots).map(|(y, root)| y * root).collect();
    let qr = Qr::of(&columns, ROUNDING)?;
    let values = qr.solve(&target);
    let fitted = |row: usize| (0..p).map(|index| values[index] * columns[index][row]).sum::<f64>();
    let residuals = target.iter().enumerate().map(|(row, y)| y - fitted(row)).collect();
    Ok(Regression::new(&values, qr.inverse_of_sums(), residuals))
}
