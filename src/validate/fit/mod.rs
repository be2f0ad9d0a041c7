//! The figures behind measurements: what a server needs for what it does.
//!
//! [`all`] makes every fit that the load points allow and says why it left the others out. Each is a [`Fit`]: figures
//! with 95 % intervals, measured against fitted at each point, and how well they go together. Formulas, symbols and
//! sources stand with each fit: `cpu` (the utilisation law and the wake-up model), `lines` (memory, log), `usl`
//! (throughput against concurrency).

mod cold;
mod cpu;
mod lines;
mod usl;

pub use cold::cold;
pub use cpu::{Machine, cpu};
pub use lines::{log, memory, utilisation_law};
pub use usl::usl;

use crate::stats::Estimate;
use crate::stats::regression::{RegressionError, explained};
use crate::units::parse::Quantity;

use super::read::{Column, LoadPoint};

/// A figure that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The scenario's key of this meaning, or a name.
    pub name: &'static str,
    /// Whether the name is a scenario's key.
    pub is_key: bool,
    /// What it is a figure of; its unit is the base unit.
    pub quantity: Quantity,
    /// What it is, with its 95 % interval.
    pub estimate: Estimate,
}

impl Figure {
    fn key(name: &'static str, quantity: Quantity, estimate: Estimate) -> Self {
        // A price or a size is not less than nothing, whatever the noise says.
        Self { name, is_key: true, quantity, estimate: estimate.clamped(0.0, f64::INFINITY) }
    }

    fn other(name: &'static str, quantity: Quantity, estimate: Estimate) -> Self {
        Self { name, is_key: false, quantity, estimate }
    }
}

/// One load point: what was measured there, and what the formula says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// The load.
    pub load: f64,
    /// What was measured.
    pub measured: f64,
    /// What the formula says with the figures found.
    pub fitted: f64,
}

impl Row {
    /// How far the formula is off, as a share of what was measured.
    pub fn error(&self) -> f64 {
        if self.measured == 0.0 { 0.0 } else { self.fitted / self.measured - 1.0 }
    }
}

/// A quantity by its name, and its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    /// What it is called.
    pub name: &'static str,
    /// What it is a figure of.
    pub quantity: Quantity,
}

/// One formula, fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// A word for it, which stays the same.
    pub name: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// The formula.
    pub formula: &'static str,
    /// What was found.
    pub figures: Vec<Figure>,
    /// What `load` of the rows is.
    pub load: Axis,
    /// What `measured` and `fitted` of the rows are.
    pub result: Axis,
    /// All points that it was fitted to.
    pub rows: Vec<Row>,
    /// R², the share of the variance that it explains; `None` where there is no variance.
    pub explained: Option<f64>,
    /// Typical error: the root of the mean square of relative errors, with n − p in the mean.
    pub typical_error: f64,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl Fit {
    /// The figure of this name.
    pub fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.name == name)
    }

    fn judged(mut self, freedom: f64) -> Self {
        let (measured, fitted): (Vec<f64>, Vec<f64>) = self.rows.iter().map(|row| (row.measured, row.fitted)).unzip();
        self.explained = explained(&measured, &fitted);
        self.typical_error = (self.rows.iter().map(|row| row.error().powi(2)).sum::<f64>() / freedom).sqrt();
        self
    }
}

/// What was not fitted, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// What it would have been about.
    pub title: &'static str,
    /// What was missing.
    pub reason: String,
}

/// All that the measurements say.
#[derive(Debug, Clone, PartialEq)]
pub struct Fits {
    /// What was fitted.
    pub fits: Vec<Fit>,
    /// What wasn't.
    pub left_out: Vec<LeftOut>,
    /// Where the measurements lie: what the figures may be trusted for.
    pub range: Vec<Range>,
}

/// From where to where something was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// What it is.
    pub name: &'static str,
    /// What it is a figure of.
    pub quantity: Quantity,
    /// The least.
    pub low: f64,
    /// The most.
    pub high: f64,
}

impl Fits {
    /// The fit of this name.
    pub fn fit(&self, name: &str) -> Option<&Fit> {
        self.fits.iter().find(|fit| fit.name == name)
    }

    /// Each figure that a scenario has a key for.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.fits.iter().flat_map(|fit| &fit.figures).filter(|figure| figure.is_key)
    }
}

/// Makes every fit that the points allow.
pub fn all(points: &[LoadPoint], machine: &Machine) -> Fits {
    // Where the application works too, what is measured is not the server's own.
    let has_work = |point: &LoadPoint| point.get(Column::Work).is_some_and(|work| work > 0.0);
    let (working, points): (Vec<LoadPoint>, Vec<LoadPoint>) = points.iter().partition(|point| has_work(point));
    let points = points.as_slice();
    let mut found = Fits { fits: Vec::new(), left_out: Vec::new(), range: ranges(points) };
    let mut take = |title: &'static str, fit: Result<Fit, Unfit>| match fit {
        Ok(fit) => found.fits.push(fit),
        Err(unfit) => found.left_out.push(LeftOut { title, reason: unfit.to_string() }),
    };
    let prices = cpu(points, machine);
    let cold = prices.as_ref().ok().map(|cpu| cold(&working, cpu, machine)).filter(|_| !working.is_empty());
    take(cpu::TITLE, prices);
    if let Some(cold) = cold {
        take(cold::TITLE, cold);
    }
    take(lines::LAW, utilisation_law(points, machine));
    take(lines::MEMORY, memory(points));
    if points.iter().any(|point| point.get(Column::KernelMemory).is_some()) {
        take(lines::KERNEL, lines::kernel_memory(points));
    }
    take(lines::LOG, log(points));
    take(usl::TITLE, usl(points));
    found
}

/// Where the measurements lie, of one server.
fn ranges(points: &[LoadPoint]) -> Vec<Range> {
    [
        ("messages_per_second_per_server", Quantity::Count, Column::Throughput),
        ("connections_per_server", Quantity::Count, Column::Connections),
        ("message_size", Quantity::Bytes, Column::MessageSize),
    ]
    .into_iter()
    .filter_map(|(name, quantity, column)| {
        let values: Vec<f64> = points.iter().filter_map(|point| point.per_server(column)).collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (low <= high).then_some(Range { name, quantity, low, high })
    })
    .collect()
}

/// Why there is no fit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unfit {
    /// Nothing was measured of it.
    #[error("it takes {0}")]
    Missing(&'static str),
    /// Too few points.
    #[error("it takes {needed} different points with {columns}, and there are {given}")]
    TooFew {
        /// What a point must have.
        columns: &'static str,
        /// How many it takes.
        needed: usize,
        /// How many there are.
        given: usize,
    },
    /// Least squares has no answer.
    #[error(transparent)]
    Regression(#[from] RegressionError),
}

/// How many different values there are; nearly the same counts as the same.
fn different(values: impl IntoIterator<Item = f64>) -> usize {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.dedup_by(|a, b| (*a - *b).abs() <= SAME * b.abs());
    values.len()
}

/// A difference by this share is none.
const SAME: f64 = 0.01;

#[cfg(test)]
mod tests;
