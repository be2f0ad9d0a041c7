//! Known answers, published ones, and how often intervals hold the truth.

use rand::SeedableRng as _;
use rand_distr::{Distribution as _, Normal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;

fn near(found: f64, right: f64, share: f64) {
    assert!((found / right - 1.0).abs() <= share, "{found} is not within {share} of {right}");
}

/// NIST's Statistical Reference Datasets, Norris: 36 pairs, certified to 15 digits.
#[test]
fn norris_is_as_certified() {
    let pairs = [
        (0.2, 0.1),
        (337.4, 338.8),
        (118.2, 118.1),
        (884.6, 888.0),
        (10.1, 9.2),
        (226.5, 228.1),
        (666.3, 668.5),
        (996.3, 998.5),
        (448.6, 449.1),
        (777.0, 778.9),
        (558.2, 559.2),
        (0.4, 0.3),
        (0.6, 0.1),
        (775.5, 778.1),
        (666.9, 668.8),
        (338.0, 339.3),
        (447.5, 448.9),
        (11.6, 10.8),
        (556.0, 557.7),
        (228.1, 228.3),
        (995.8, 998.0),
        (887.6, 888.8),
        (120.2, 119.6),
        (0.3, 0.3),
        (0.3, 0.6),
        (556.8, 557.6),
        (339.1, 339.3),
        (887.2, 888.0),
        (999.0, 998.5),
        (779.0, 778.9),
        (11.1, 10.2),
        (118.3, 117.6),
        (229.2, 228.9),
        (669.1, 668.4),
        (448.9, 449.2),
        (0.5, 0.2),
    ];
    let rows: Vec<Vec<f64>> = pairs.iter().map(|pair| vec![1.0, pair.0]).collect();
    let measured: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
    let fit = linear(&rows, &measured, &[1.0; 36]).unwrap();
    near(fit.coefficients[0].value, -0.262_323_073_774_029, 1e-10);
    near(fit.coefficients[1].value, 1.002_116_818_020_45, 1e-12);
    near(fit.standard_error(0), 0.232_818_234_301_152, 1e-10);
    near(fit.standard_error(1), 0.429_796_848_199_937e-3, 1e-10);
    near(fit.deviation, 0.884_796_396_144_373, 1e-10);
}

/// NIST's Misra1a: y = b₁(1 − exp(−b₂x)), from the harder of its two starts.
#[test]
fn misra_is_as_certified() {
    let pairs = [
        (77.6, 10.07),
        (114.9, 14.73),
        (141.1, 17.94),
        (190.8, 23.93),
        (239.9, 29.61),
        (289.0, 35.18),
        (332.8, 40.02),
        (378.4, 44.82),
        (434.8, 50.76),
        (477.3, 55.05),
        (536.8, 61.01),
        (593.1, 66.40),
        (689.1, 75.47),
        (760.0, 81.78),
    ];
    let residuals = |b: &[f64]| pairs.iter().map(|(x, y)| y - b[0] * (1.0 - (-b[1] * x).exp())).collect::<Vec<f64>>();
    let parameters =
        [Parameter { start: 500.0, size: 100.0, least: 0.0 }, Parameter { start: 1e-4, size: 1e-4, least: 0.0 }];
    let fit = nonlinear(&parameters, residuals).unwrap();
    near(fit.coefficients[0].value, 238.942_129_18, 1e-7);
    near(fit.coefficients[1].value, 5.501_564_318_1e-4, 1e-7);
    near(fit.standard_error(0), 2.707_007_524_1, 1e-4);
    near(fit.standard_error(1), 7.266_868_832_6e-6, 1e-4);
    near(fit.deviation, 0.101_878_763_30, 1e-6);
}

#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    let mut stream = Xoshiro256PlusPlus::seed_from_u64(3);
    let error = Normal::new(0.0, 0.3).unwrap();
    let rows: Vec<Vec<f64>> = (0..8).map(|x| vec![1.0, f64::from(x)]).collect();
    let (mut held, runs) = (0, 2_000);
    for _ in 0..runs {
        let measured: Vec<f64> = rows.iter().map(|row| 2.0 + 0.5 * row[1] + error.sample(&mut stream)).collect();
        held += i32::from(linear(&rows, &measured, &[1.0; 8]).unwrap().coefficients[1].contains(0.5));
    }
    // 95 % of them, give or take three standard errors.
    assert!((f64::from(held) / f64::from(runs) - 0.95).abs() < 0.015, "{held} of {runs}");
}

#[test]
fn what_cant_be_told_is_said() {
    let rows = vec![vec![1.0, 2.0]; 5];
    assert_eq!(linear(&rows, &[1.0; 5], &[1.0; 5]), Err(RegressionError::Collinear(1)));
    assert_eq!(linear(&rows[..2], &[1.0; 2], &[1.0; 2]), Err(RegressionError::TooFew { needed: 3, given: 2 }));
    assert_eq!(linear(&rows, &[f64::NAN; 5], &[1.0; 5]), Err(RegressionError::Figure));
    let one = Parameter { start: 1.0, size: 1.0, least: 0.0 };
    let same = |b: &[f64]| vec![1.0 - b[0] - b[1]; 4];
    assert_eq!(nonlinear(&[one, one], same), Err(RegressionError::Collinear(1)));
}

#[test]
fn a_coefficient_stays_above_its_least() {
    // The best is −1; the best that is allowed, 0.
    let residuals = |b: &[f64]| (1..6).map(|x| 1.0 - f64::from(x) - b[0] * f64::from(x) - b[1]).collect();
    let fit = nonlinear(
        &[Parameter { start: 2.0, size: 1.0, least: 0.0 }, Parameter { start: 0.0, size: 1.0, least: f64::MIN }],
        residuals,
    )
    .unwrap();
    assert_eq!(fit.coefficients[0].value, 0.0);
    near(fit.coefficients[1].value, -2.0, 1e-6);
}

#[test]
fn the_share_explained() {
    assert_eq!(explained(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]), Some(1.0));
    assert_eq!(explained(&[1.0, 2.0, 3.0], &[2.0, 2.0, 2.0]), Some(0.0));
    assert_eq!(explained(&[1.0, 1.0], &[1.0, 1.0]), None);
}
