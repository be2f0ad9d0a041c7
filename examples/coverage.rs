//! How often the simulation's 95 % intervals hold what queueing theory says, and how wide they are.
//!
//! `cargo run --release --example coverage [-- SEEDS [CASE]]` runs every case of `tests/theory` with so many seeds (400) and
//! prints a table in Markdown: docs/coverage.md is its output.

#[path = "../tests/theory/cases.rs"]
mod cases;

use cases::Outcome;
use rayon::prelude::*;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seeds: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(400);
    let only = arguments.next().unwrap_or_default();
    println!("| system | figure | theory | mean found | off (std. errors) | coverage | half-width / ideal |");
    println!("|---|---|---|---|---|---|---|");
    for case in cases::all().iter().filter(|case| case.name.contains(&only)) {
        let runs: Vec<Vec<Outcome>> = (1..=seeds).into_par_iter().map(|seed| case.run(seed)).collect();
        for (i, figure) in case.figures.iter().enumerate() {
            let outcomes: Vec<Outcome> = runs.iter().map(|run| run[i]).collect();
            let n = outcomes.len() as f64;
            let mean = outcomes.iter().map(|o| o.value).sum::<f64>() / n;
            let deviation = (outcomes.iter().map(|o| (o.value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
            let covered = outcomes.iter().filter(|o| o.covered).count() as f64 / n;
            let width = outcomes.iter().map(|o| o.half_width).sum::<f64>() / n;
            let ideal = figure.asymptotic.unwrap_or(1.96 * deviation);
            println!(
                "| {} | {} | {:.4e} | {mean:.4e} | {:+.1} | {:.1} % | {:.2}{} |",
                case.name,
                figure.name,
                figure.theory,
                (mean - figure.theory) / (deviation / n.sqrt()),
                covered * 100.0,
                width / ideal,
                if figure.asymptotic.is_some() { " (asymptotic)" } else { "" }
            );
        }
    }
}
