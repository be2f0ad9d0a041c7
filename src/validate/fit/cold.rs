//! What caches take that other work has left cold.
//!
//! A server that is always busy, each message S seconds of the application's own work: what a message takes besides is
//!
//! CPU of a message − S = p + C·(1 − e^(−S/τ))
//!
//! with what it takes without such work, p, which is known from the [`cpu`](super::cpu()) fit, what cold caches add at most,
//! C (`servers.cpu.per_cold`), and how fast they get cold, τ (`servers.cpu.cold_after`). The form is that of a cache whose
//! lines others take at a constant rate.
//!
//! Linear least squares for C at each of a few τ, with weights 1/(CPU of a message)², since errors grow with it.

use super::{Axis, Figure, Fit, Machine, Row, Unfit, cpu, different};
use crate::stats::Estimate;
use crate::stats::regression::{Regression, linear};
use crate::units::parse::Quantity;
use crate::validate::read::{Column, LoadPoint};

pub(super) const TITLE: &str = "Caches that work leaves cold";

/// How fast caches may get cold, in seconds: the one that fits best is taken.
const COLD_AFTER: [f64; 6] = [50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3];
/// Share of its cores' time from which a server is always busy, and no message wakes it up.
const BUSY: f64 = 0.9;
/// So many different lengths of work tell a form.
const FEWEST: usize = 3;
const COLUMNS: &str = "`work_seconds` of servers that are always busy";

/// One server under full load.
struct Sample {
    work: f64,
    /// CPU time of a message, its work left out.
    besides: f64,
    /// What of that it takes without any work.
    warm: f64,
}

/// Finds what cold caches add, given what a message costs otherwise.
///
/// # Errors
/// When there are too few lengths of work.
pub fn cold(points: &[LoadPoint], cpu: &Fit, machine: &Machine) -> Result<Fit, Unfit> {
    let samples: Vec<Sample> = points.iter().filter_map(|point| sample(point, cpu, machine)).collect();
    if samples.is_empty() {
        return Err(Unfit::Missing(COLUMNS));
    }
    let given = different(samples.iter().map(|sample| sample.work));
    if given < FEWEST {
        return Err(Unfit::TooFew { columns: COLUMNS, needed: FEWEST, given });
    }
    let fits = COLD_AFTER.iter().filter_map(|after| {
        let found = solved(&samples, *after).ok()?;
        let left: f64 = samples.iter().map(|sample| error(sample, *after, found.coefficients[0]).powi(2)).sum();
        Some((left, *after, found))
    });
    let Some((_, after, found)) = fits.min_by(|a, b| a.0.total_cmp(&b.0)) else {
        return Err(Unfit::Missing(COLUMNS));
    };
    let price = found.coefficients[0];
    let row = |sample: &Sample| Row {
        load: sample.work,
        measured: sample.work + sample.besides,
        fitted: sample.work + fitted(sample, after, price),
    };
    let fit = Fit {
        name: "cold",
        title: TITLE,
        formula: "CPU of a message = its work + what it takes otherwise + per_cold × (1 - e^(-work/cold_after))",
        figures: vec![
            Figure::key("servers.cpu.per_cold", Quantity::Time, price),
            Figure::key("servers.cpu.cold_after", Quantity::Time, Estimate::exact(after)),
        ],
        load: Axis { name: "work", quantity: Quantity::Time },
        result: Axis { name: "CPU of a message", quantity: Quantity::Time },
        rows: samples.iter().map(row).collect(),
        explained: None,
        typical_error: 0.0,
        notes: Vec::new(),
    };
    Ok(fit.judged(found.freedom))
}

fn sample(point: &LoadPoint, cpu: &Fit, machine: &Machine) -> Option<Sample> {
    let work = point.get(Column::Work).filter(|work| *work > 0.0)?;
    let messages = point.per_server(Column::Throughput).filter(|messages| *messages > 0.0)?;
    let busy = machine.busy(point).filter(|busy| *busy >= BUSY * machine.cores(point))?;
    Some(Sample { work, besides: busy / messages - work, warm: cpu::price(cpu, point, machine)? })
}

fn solved(samples: &[Sample], after: f64) -> Result<Regression, crate::stats::regression::RegressionError> {
    let rows: Vec<Vec<f64>> = samples.iter().map(|sample| vec![coldness(sample, after)]).collect();
    let added: Vec<f64> = samples.iter().map(|sample| sample.besides - sample.warm).collect();
    let weights: Vec<f64> = samples.iter().map(|sample| (sample.work + sample.besides).powi(-2)).collect();
    linear(&rows, &added, &weights)
}

fn coldness(sample: &Sample, after: f64) -> f64 {
    -(-sample.work / after).exp_m1()
}

fn fitted(sample: &Sample, after: f64, price: Estimate) -> f64 {
    sample.warm + price.value.max(0.0) * coldness(sample, after)
}

fn error(sample: &Sample, after: f64, price: Estimate) -> f64 {
    (sample.besides - fitted(sample, after, price)) / (sample.work + sample.besides)
}
