//! Least squares: the coefficients of a formula that come nearest to measurements, and how sure they are.
//!
//! [`linear`] is for what is a weighted sum of known columns, [`nonlinear`] for any other formula. Both give a
//! [`Regression`], whose intervals are Student's, at [`LEVEL`], with n − p degrees of freedom: right for independent errors
//! of equal (weighted) variance, and near enough for a non-linear formula that is nearly straight over its interval (D. M.
//! Bates, D. G. Watts, "Nonlinear Regression Analysis and Its Applications", 1988, 2.3).

mod linear;
mod nonlinear;
mod qr;

use statrs::distribution::{ContinuousCDF as _, StudentsT};

pub use linear::linear;
pub use nonlinear::{Parameter, nonlinear};

use super::Estimate;
pub use super::series::LEVEL;

/// What least squares found.
#[derive(Debug, Clone, PartialEq)]
pub struct Regression {
    /// The coefficients, with their intervals.
    pub coefficients: Vec<Estimate>,
    /// Their covariances.
    pub covariance: Vec<Vec<f64>>,
    /// Measured less fitted, weighted, for each measurement.
    pub residuals: Vec<f64>,
    /// The residuals' standard error, √(Σr²/(n − p)).
    pub deviation: f64,
    /// n − p.
    pub freedom: f64,
}

/// Why there are no coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegressionError {
    /// There must be more measurements than coefficients, or their errors can't be told.
    #[error("{needed} measurements are needed, and there are {given}")]
    TooFew {
        /// How many it takes at least.
        needed: usize,
        /// How many there are.
        given: usize,
    },
    /// The measurements don't tell this coefficient from those before it.
    #[error("coefficient {0} can't be told from the others")]
    Collinear(usize),
    /// A figure that is none, or a formula without value.
    #[error("a figure is out of range")]
    Figure,
    /// The search did not come to an end.
    #[error("the search for the coefficients did not come to an end")]
    NoEnd,
}

impl Regression {
    /// From coefficients, the inverse of the matrix of sums, and residuals.
    fn new(values: &[f64], inverse: Vec<Vec<f64>>, residuals: Vec<f64>) -> Self {
        let freedom = (residuals.len() - values.len()) as f64;
        let variance = residuals.iter().map(|r| r * r).sum::<f64>() / freedom;
        let covariance: Vec<Vec<f64>> =
            inverse.into_iter().map(|row| row.into_iter().map(|entry| entry * variance).collect()).collect();
        let t = student(freedom);
        let coefficients = values
            .iter()
            .enumerate()
            .map(|(index, &value)| {
                let half = t * covariance[index][index].max(0.0).sqrt();
                Estimate::new(value, value - half, value + half).unwrap_or(Estimate::unbounded(value))
            })
            .collect();
        Self { coefficients, covariance, residuals, deviation: variance.sqrt(), freedom }
    }

    /// A coefficient's standard error.
    pub fn standard_error(&self, index: usize) -> f64 {
        self.covariance[index][index].max(0.0).sqrt()
    }
}

/// Student's quantile that an interval of [`LEVEL`] reaches to, in standard errors.
pub fn student(freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |student| student.inverse_cdf(f64::midpoint(1.0, LEVEL)))
}

/// R², the share of the measurements' squared distance from their mean that a fit explains. It can be less than zero for
/// a formula that is worse than that mean; `None` where all measurements are the same.
pub fn explained(measured: &[f64], fitted: &[f64]) -> Option<f64> {
    let mean = measured.iter().sum::<f64>() / measured.len() as f64;
    let total: f64 = measured.iter().map(|y| (y - mean).powi(2)).sum();
    let left: f64 = measured.iter().zip(fitted).map(|(y, f)| (y - f).powi(2)).sum();
    (total > 0.0).then(|| 1.0 - left / total)
}

fn finite(values: impl IntoIterator<Item = f64>) -> Result<(), RegressionError> {
    if values.into_iter().all(f64::is_finite) { Ok(()) } else { Err(RegressionError::Figure) }
}

#[cfg(test)]
mod tests;
