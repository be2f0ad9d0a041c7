//! A tall matrix as Q·R: orthonormal columns times an upper triangle.

use super::RegressionError;

/// What rounding leaves of a column that is a combination of those before it, at most, as a share of it.
pub(super) const ROUNDING: f64 = 1e-9;

pub(super) struct Qr {
    /// Columns.
    q: Vec<Vec<f64>>,
    /// Rows.
    r: Vec<Vec<f64>>,
}

impl Qr {
    /// By modified Gram-Schmidt, each column twice (L. Giraud et al., Numerische Mathematik 101, 2005: that is enough).
    ///
    /// A column of which no more than a share of `nothing` is left without those before it is one of their combinations.
    pub fn of(columns: &[Vec<f64>], nothing: f64) -> Result<Self, RegressionError> {
        let p = columns.len();
        let mut q: Vec<Vec<f64>> = Vec::with_capacity(p);
        let mut r = vec![vec![0.0; p]; p];
        for (index, column) in columns.iter().enumerate() {
            let mut rest = column.clone();
            for _ in 0..2 {
                for (before, unit) in q.iter().enumerate() {
                    let along = dot(unit, &rest);
                    r[before][index] += along;
                    rest.iter_mut().zip(unit).for_each(|(entry, unit)| *entry -= along * unit);
                }
            }
            let length = dot(&rest, &rest).sqrt();
            // NaN is no length either.
            if length.is_nan() || length <= nothing * dot(column, column).sqrt() {
                return Err(RegressionError::Collinear(index));
            }
            r[index][index] = length;
            for entry in &mut rest {
                *entry /= length;
            }
            q.push(rest);
        }
        Ok(Self { q, r })
    }

    /// The combination of the columns that is nearest to `target`.
    pub fn solve(&self, target: &[f64]) -> Vec<f64> {
        let right: Vec<f64> = self.q.iter().map(|unit| dot(unit, target)).collect();
        self.back(right)
    }

    /// (AᵀA)⁻¹ = R⁻¹R⁻ᵀ.
    pub fn inverse_of_sums(&self) -> Vec<Vec<f64>> {
        let p = self.r.len();
        let columns: Vec<Vec<f64>> =
            (0..p).map(|index| self.back((0..p).map(|row| f64::from(row == index)).collect())).collect();
        let entry = |i: usize, j: usize| columns.iter().map(|column| column[i] * column[j]).sum();
        (0..p).map(|i| (0..p).map(|j| entry(i, j)).collect()).collect()
    }

    /// Solves R·x = `right`.
    fn back(&self, mut right: Vec<f64>) -> Vec<f64> {
        for row in (0..right.len()).rev() {
            let known: f64 = (row + 1..right.len()).map(|column| self.r[row][column] * right[column]).sum();
            right[row] = (right[row] - known) / self.r[row][row];
        }
        right
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
