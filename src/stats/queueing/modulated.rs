//! One exponential server whose arrivals come at a rate that changes at random.

use super::{Queue, QueueError, positive, rate, stable};

/// Square matrices of few rows.
type Matrix = Vec<Vec<f64>>;

/// Steps of the iteration at most; heavy traffic takes many.
const MOST_STEPS: usize = 1_000_000;

/// MMPP/M/1: arrivals at rate λᵢ while in state i, which goes over to the next (after the last, to the first) at rate σᵢ.
///
/// A quasi-birth-and-death process (M. F. Neuts, "Matrix-Geometric Solutions in Stochastic Models", 1981, ch. 3): with Λ =
/// diag(λᵢ) and Q the generator of the states, R is the least solution of Λ + R(Q − Λ − μI) + μR² = 0, found by
/// repeating R ← (Λ + μR²)(μI + Λ − Q)⁻¹ from 0. With θ the states' stationary distribution, n customers are there with
/// chances θ(I − R)Rⁿ, so on average θR(I − R)⁻¹1 are.
///
/// # Errors
/// When a figure is out of range, there are fewer than two states or unequal numbers of rates, or λs ≥ 1.
///
/// ```
/// # use plimsoll::stats::queueing::mmpp_m1;
/// // States that are alike make M/M/1.
/// assert!((mmpp_m1(&[0.8, 0.8], &[0.1, 0.3], 1.0)?.number - 4.0).abs() < 1e-9);
/// # Ok::<(), plimsoll::stats::queueing::QueueError>(())
/// ```
pub fn mmpp_m1(rates: &[f64], switch: &[f64], service: f64) -> Result<Queue, QueueError> {
    let (n, service) = (rates.len(), positive(service)?);
    if n < 2 || switch.len() != n {
        return Err(QueueError::Figure);
    }
    for (arrivals, switching) in rates.iter().zip(switch) {
        rate(*arrivals)?;
        positive(*switching)?;
    }
    let stationary = stationary(switch);
    let mean: f64 = rates.iter().zip(&stationary).map(|(rate, share)| rate * share).sum();
    let (mean, mu) = (positive(mean)?, 1.0 / service);
    stable(mean * service)?;
    let mut leaving = vec![vec![0.0; n]; n];
    for i in 0..n {
        leaving[i][i] += mu + rates[i] + switch[i];
        leaving[i][(i + 1) % n] -= switch[i];
    }
    let leaving = inverse(leaving)?;
    let mut r: Matrix = vec![vec![0.0; n]; n];
    for _ in 0..MOST_STEPS {
        let mut up = product(&r, &r);
        for (i, row) in up.iter_mut().enumerate() {
            for entry in row.iter_mut() {
                *entry *= mu;
            }
            row[i] += rates[i];
        }
        let next = product(&up, &leaving);
        let step = next.iter().flatten().zip(r.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        r = next;
        if step < 1e-15 {
            break;
        }
    }
    let rest: Matrix = (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j)) - r[i][j]).collect()).collect();
    let after = product(&r, &inverse(rest)?);
    let number: f64 = after.iter().zip(&stationary).map(|(row, share)| share * row.iter().sum::<f64>()).sum();
    Queue::from_wait(mean, (number / mean - service).max(0.0), service, 1.0)
}

/// The share of time in each state of a cycle that is left at these rates: in proportion to the time in it, 1/σᵢ.
pub fn stationary(switch: &[f64]) -> Vec<f64> {
    let total: f64 = switch.iter().map(|rate| 1.0 / rate).sum();
    switch.iter().map(|rate| 1.0 / rate / total).collect()
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    let n = a.len();
    a.iter().map(|row| (0..n).map(|j| (0..n).map(|k| row[k] * b[k][j]).sum()).collect()).collect()
}

/// Gauss and Jordan's elimination, with the largest pivot of each column.
fn inverse(mut a: Matrix) -> Result<Matrix, QueueError> {
    let n = a.len();
    for (i, row) in a.iter_mut().enumerate() {
        row.extend((0..n).map(|j| f64::from(u8::from(i == j))));
    }
    for column in 0..n {
        let pivot = (column..n).max_by(|&i, &j| a[i][column].abs().total_cmp(&a[j][column].abs())).unwrap_or(column);
        a.swap(column, pivot);
        let scale = a[column][column];
        if scale == 0.0 || !scale.is_finite() {
            return Err(QueueError::Figure);
        }
        a[column].iter_mut().for_each(|entry| *entry /= scale);
        let pivot = a[column].clone();
        for (i, row) in a.iter_mut().enumerate() {
            let factor = row[column];
            if i != column {
                row.iter_mut().zip(&pivot).for_each(|(entry, p)| *entry -= factor * p);
            }
        }
    }
    Ok(a.into_iter().map(|row| row[n..].to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::super::gm1;
    use super::*;

    /// With no arrivals in one state, times between arrivals are independent (interrupted Poisson: Kuczura 1973), with
    /// A*(θ) = λ(θ + b)/((θ + λ + a)(θ + b) − ab).
    #[test]
    fn an_interrupted_process_is_a_renewal_one() {
        for (lambda, a, b) in [(0.9, 0.1, 0.3), (2.0, 0.02, 0.01), (1.5, 3.0, 2.0)] {
            let found = mmpp_m1(&[lambda, 0.0], &[a, b], 1.0).unwrap();
            let theory = gm1(lambda * b / (a + b), 1.0, |theta| {
                1.0 - lambda * (theta + b) / ((theta + lambda + a) * (theta + b) - a * b)
            })
            .unwrap();
            assert!((found.wait - theory.queue.wait).abs() < 1e-7 * theory.queue.wait, "{found:?} {theory:?}");
        }
    }

    /// Slow switching is a mixture of M/M/1 queues, fast switching one M/M/1.
    #[test]
    fn the_ends_are_known() {
        let slow = mmpp_m1(&[0.2, 0.6], &[1e-7, 1e-7], 1.0).unwrap();
        assert!((slow.number - f64::midpoint(0.25, 1.5)).abs() < 1e-4, "{slow:?}");
        let fast = mmpp_m1(&[0.2, 0.6, 0.4], &[1e5, 1e5, 1e5], 1.0).unwrap();
        assert!((fast.number - 0.4 / 0.6).abs() < 1e-4, "{fast:?}");
        assert!(mmpp_m1(&[1.4, 0.8], &[1.0, 1.0], 1.0).is_err());
        assert!(mmpp_m1(&[1.4], &[1.0, 1.0], 1.0).is_err());
    }
}
