//! Pairs of runs that share their random numbers: how sure a difference between them is.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// The half-width of the 95 % interval of a mean difference, from the differences of pairs that are independent of one
/// another: t₀.₉₇₅,ₙ₋₁ · s/√n (Law, Simulation Modeling and Analysis, 5th ed. 2015, sec. 10.2.1). What both runs of a pair
/// have in common cancels in its difference, so it need not be independent within a pair. Infinite for fewer than two.
///
/// ```
/// # use plimsoll::stats::paired_half_width;
/// // s = 1, and t for two degrees of freedom is 4.3027.
/// assert!((paired_half_width(&[1.0, 2.0, 3.0]) - 4.3027 / 3_f64.sqrt()).abs() < 1e-4);
/// ```
pub fn paired_half_width(differences: &[f64]) -> f64 {
    let n = differences.len() as f64;
    let Ok(student) = StudentsT::new(0.0, 1.0, n - 1.0) else { return f64::INFINITY };
    let mean = differences.iter().sum::<f64>() / n;
    let squares: f64 = differences.iter().map(|difference| (difference - mean).powi(2)).sum();
    let deviation = (squares / (n - 1.0)).sqrt();
    if deviation == 0.0 { 0.0 } else { student.inverse_cdf(0.975) * deviation / n.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pair_says_nothing_and_equal_ones_all() {
        assert!(paired_half_width(&[1.0]).is_infinite() && paired_half_width(&[]).is_infinite());
        assert_eq!(paired_half_width(&[2.0; 4]), 0.0);
    }
}
