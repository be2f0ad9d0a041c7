//! Does the simulation agree with queueing theory, within its own intervals and at the rate they promise?
//!
//! This is the quick part, over a few fixed seeds; `cargo run --release --example coverage` is the whole.

#[path = "theory/cases.rs"]
mod cases;

use cases::Outcome;

const SEEDS: u64 = 24;

#[test]
fn every_case_agrees_with_theory() {
    let mut wrong = Vec::new();
    for case in cases::all() {
        let runs: Vec<Vec<Outcome>> = (1..=SEEDS).map(|seed| case.run(seed)).collect();
        for (i, figure) in case.figures.iter().enumerate() {
            let outcomes: Vec<Outcome> = runs.iter().map(|run| run[i]).collect();
            let n = outcomes.len() as f64;
            let mean = outcomes.iter().map(|o| o.value).sum::<f64>() / n;
            let deviation = (outcomes.iter().map(|o| (o.value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
            let off = (mean - figure.theory) / (deviation / n.sqrt());
            let covered = outcomes.iter().filter(|o| o.covered).count();
            let width = outcomes.iter().map(|o| o.half_width).sum::<f64>() / n;
            let ideal = figure.asymptotic.unwrap_or(1.96 * deviation);
            // Of 24 intervals at 95 %, fewer than 19 cover in 1 of 1,000 cases; the deviation of 24 runs is itself known
            // to some 15 %.
            let limit = if figure.asymptotic.is_some() { 1.3 } else { 1.3 * 1.4 };
            if off.abs() > 4.0 || covered < 19 || width > limit * ideal {
                wrong.push(format!(
                    "{}, {}: found {mean:.6e}, theory {:.6e} ({off:+.1} standard errors); {covered} of {n} intervals \
                     hold it; mean half-width {:.2} of the ideal",
                    case.name,
                    figure.name,
                    figure.theory,
                    width / ideal
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
