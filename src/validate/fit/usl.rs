//! The Universal Scalability Law: throughput against concurrency.

use super::{Axis, Figure, Fit, Row, Unfit, different};
use crate::stats::Estimate;
use crate::stats::regression::{Parameter, Regression, linear, nonlinear, student};
use crate::units::parse::Quantity;
use crate::validate::read::{Column, LoadPoint};

pub(super) const TITLE: &str = "Throughput by the Universal Scalability Law";

const COLUMNS: &str = "`throughput_per_second` and `concurrency`";
/// Three coefficients, and one point more.
const FEWEST: usize = 4;

/// X(N) = λN/(1 + σ(N − 1) + κN(N − 1)), with the throughput X \[1/s\] at concurrency N, that of one, λ \[1/s\], contention σ
/// (what is done one at a time) and coherency κ (what each does with each other) (N. J. Gunther, "Guerrilla Capacity
/// Planning", 2007, 4.5 and 5). Throughput is most at N* = √((1 − σ)/κ).
///
/// Non-linear least squares on X, none of the three below zero, from where the quadratic N/X = (1 + σ(N − 1) + κN(N − 1))/λ
/// begins. The interval of N* is by the delta method on its logarithm, and without upper end where that of κ holds 0: then
/// the data don't show a maximum.
///
/// # Errors
/// When there are fewer than four different concurrencies.
///
/// ```
/// # use plimsoll::validate::{fit, read::{Column, LoadPoint}};
/// // SPEC SDM91 on a SPARCcenter 2000; the R package usl 3.0.4 prints σ = 0.0277285, κ = 0.0001044, λ = 89.9952.
/// let measured = [(1.0, 64.9), (18.0, 995.9), (36.0, 1652.4), (72.0, 1853.2), (108.0, 1828.9), (144.0, 1775.0), (216.0, 1702.2)];
/// let points = measured.map(|(n, x)| LoadPoint::default().with(Column::Concurrency, n).with(Column::Throughput, x));
/// let found = fit::usl(&points)?;
/// let kappa = found.figure("coherency").ok_or("no coherency")?.estimate.value;
/// assert!((kappa - 0.0001044).abs() < 0.00000005);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn usl(points: &[LoadPoint]) -> Result<Fit, Unfit> {
    let pair = |point: &LoadPoint| {
        let (n, x) = (point.get(Column::Concurrency)?, point.get(Column::Throughput)?);
        (n > 0.0 && x > 0.0).then_some((n, x))
    };
    let pairs: Vec<(f64, f64)> = points.iter().filter_map(pair).collect();
    if pairs.is_empty() {
        return Err(Unfit::Missing(COLUMNS));
    }
    let given = different(pairs.iter().map(|pair| pair.0));
    if given < FEWEST {
        return Err(Unfit::TooFew { columns: COLUMNS, needed: FEWEST, given });
    }
    let start = start(&pairs);
    let parameters = [(start[0], start[0]), (start[1], 0.01), (start[2], 1e-4)].map(|(start, size)| Parameter {
        start,
        size,
        least: 0.0,
    });
    let residuals = |b: &[f64]| pairs.iter().map(|(n, x)| x - throughput(b, *n)).collect::<Vec<f64>>();
    let found = nonlinear(&parameters, residuals)?;
    let b: Vec<f64> = found.coefficients.iter().map(|coefficient| coefficient.value).collect();
    let row = |&(n, x): &(f64, f64)| Row { load: n, measured: x, fitted: throughput(&b, n) };
    let mut figures = vec![
        Figure::other("throughput_of_one", Quantity::Rate, found.coefficients[0].clamped(0.0, f64::INFINITY)),
        Figure::other("contention", Quantity::Count, found.coefficients[1].clamped(0.0, f64::INFINITY)),
        Figure::other("coherency", Quantity::Count, found.coefficients[2].clamped(0.0, f64::INFINITY)),
    ];
    let mut notes = Vec::new();
    match peak(&found) {
        Some(peak) => {
            figures.push(Figure::other("peak_concurrency", Quantity::Count, peak));
            figures.push(Figure::other("peak_throughput", Quantity::Rate, peak_throughput(&found, peak.value)));
            if peak.high.is_infinite() {
                notes.push("coherency may be none: the maximum may lie anywhere above".to_owned());
            }
            if pairs.iter().all(|pair| pair.0 < peak.value) {
                notes.push("the maximum lies past what was measured".to_owned());
            }
        }
        None => notes.push("no coherency was found: throughput has no maximum".to_owned()),
    }
    let fit = Fit {
        name: "usl",
        title: TITLE,
        formula: "X(N) = λN/(1 + σ(N − 1) + κN(N − 1))",
        figures,
        load: Axis { name: "concurrency", quantity: Quantity::Count },
        result: Axis { name: "messages/s", quantity: Quantity::Rate },
        rows: pairs.iter().map(row).collect(),
        explained: None,
        typical_error: 0.0,
        notes,
    };
    Ok(fit.judged(found.freedom))
}

fn throughput(b: &[f64], n: f64) -> f64 {
    b[0] * n / (1.0 + b[1] * (n - 1.0) + b[2] * n * (n - 1.0))
}

/// Where the search begins: λ, σ, κ of the quadratic N/X = 1/λ + σ/λ·(N − 1) + κ/λ·N(N − 1), or of what is nearly linear.
fn start(pairs: &[(f64, f64)]) -> [f64; 3] {
    let rows: Vec<Vec<f64>> = pairs.iter().map(|(n, _)| vec![1.0, n - 1.0, n * (n - 1.0)]).collect();
    let inverse: Vec<f64> = pairs.iter().map(|(n, x)| n / x).collect();
    let best = pairs.iter().map(|(n, x)| x / n).fold(0.0, f64::max);
    match linear(&rows, &inverse, &vec![1.0; pairs.len()]).map(|found| found.coefficients) {
        Ok(c) if c[0].value > 0.0 => {
            [1.0 / c[0].value, (c[1].value / c[0].value).max(0.0), (c[2].value / c[0].value).max(0.0)]
        }
        _ => [best, 0.01, 1e-6],
    }
}

/// N* = √((1 − σ)/κ); d ln N*/dσ = −1/(2(1 − σ)), d ln N*/dκ = −1/(2κ).
fn peak(found: &Regression) -> Option<Estimate> {
    let (sigma, kappa) = (found.coefficients[1], found.coefficients[2]);
    if kappa.value <= 0.0 || sigma.value >= 1.0 {
        return None;
    }
    let value = ((1.0 - sigma.value) / kappa.value).sqrt();
    let slopes = [0.0, -0.5 / (1.0 - sigma.value), -0.5 / kappa.value];
    let half = student(found.freedom) * deviation(found, &slopes);
    let high = if kappa.low <= 0.0 { f64::INFINITY } else { value * half.exp() };
    Estimate::new(value, value * (-half).exp(), high)
}

/// X(N*), whose derivative by N is 0, so that the uncertainty of N* adds nothing.
fn peak_throughput(found: &Regression, n: f64) -> Estimate {
    let b: Vec<f64> = found.coefficients.iter().map(|coefficient| coefficient.value).collect();
    let (value, below) = (throughput(&b, n), 1.0 + b[1] * (n - 1.0) + b[2] * n * (n - 1.0));
    let slopes = [value / b[0], -value * (n - 1.0) / below, -value * n * (n - 1.0) / below];
    let half = student(found.freedom) * deviation(found, &slopes);
    Estimate::new(value, (value - half).max(0.0), value + half).unwrap_or(Estimate::unbounded(value))
}

/// The standard error of what has these slopes by the coefficients.
fn deviation(found: &Regression, slopes: &[f64]) -> f64 {
    let pairs = slopes.iter().zip(&found.covariance);
    let variance: f64 = pairs.map(|(a, row)| a * row.iter().zip(slopes).map(|(entry, b)| entry * b).sum::<f64>()).sum();
    variance.max(0.0).sqrt()
}
