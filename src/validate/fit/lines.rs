//! What grows in a straight line: CPU time by the utilisation law, memory with connections, log with messages.
//!
//! Ordinary least squares (see [`linear`]); the intercept is what is there without load.

use super::{Axis, Figure, Fit, Machine, Row, Unfit, different};
use crate::stats::regression::linear;
use crate::units::parse::Quantity;
use crate::validate::read::{Column, LoadPoint};

pub(super) const LAW: &str = "CPU by the utilisation law";
pub(super) const MEMORY: &str = "Memory";
pub(super) const KERNEL: &str = "Memory of the kernel";
pub(super) const LOG: &str = "Log";

/// Lines need so many different loads.
const FEWEST: usize = 3;

/// Utilisation law: the cores that are busy, U = X·D + U₀, with the throughput X \[1/s\], the service demand D \[s\] and
/// what is busy without load, U₀ (P. J. Denning, J. P. Buzen, "The operational analysis of queueing network models", ACM
/// Computing Surveys 10, 1978).
///
/// The errors are taken to grow with the load: each point weighs 1/U². Where a server sleeps between messages, D is
/// more at low loads than at high ones, and the wake-up model ([`cpu`](super::cpu())) is the better one.
///
/// # Errors
/// When there are too few points.
pub fn utilisation_law(points: &[LoadPoint], machine: &Machine) -> Result<Fit, Unfit> {
    let pairs = |point: &LoadPoint| {
        let busy = machine.busy(point).filter(|busy| *busy > 0.0)?;
        Some((point.per_server(Column::Throughput)?, busy))
    };
    line(
        points.iter().filter_map(pairs),
        &|busy| busy.powi(-2),
        &Line {
            name: "utilisation_law",
            title: LAW,
            formula: "cores busy = messages/s × D + U0",
            slope: |d| Figure::other("service_demand", Quantity::Time, d),
            intercept: |base| Figure::other("busy_without_load", Quantity::Count, base),
            load: Axis { name: "messages/s", quantity: Quantity::Rate },
            result: Axis { name: "cores busy", quantity: Quantity::Count },
            columns: "`throughput_per_second` and `cpu_utilisation` (or `cores_busy`)",
        },
    )
}

/// Memory of a server = base + connections × `memory_per_connection`.
///
/// # Errors
/// When there are too few points.
pub fn memory(points: &[LoadPoint]) -> Result<Fit, Unfit> {
    let pairs = |point: &LoadPoint| Some((point.per_server(Column::Connections)?, point.per_server(Column::Memory)?));
    line(
        points.iter().filter_map(pairs),
        &|_| 1.0,
        &Line {
            name: "memory",
            title: MEMORY,
            formula: "memory = base + connections × per connection",
            slope: |each| Figure::key("servers.memory_per_connection", Quantity::Bytes, each),
            intercept: |base| Figure::other("memory_without_connections", Quantity::Bytes, base),
            load: Axis { name: "connections", quantity: Quantity::Count },
            result: Axis { name: "memory", quantity: Quantity::Bytes },
            columns: "`connections` and `memory_bytes`",
        },
    )
}

/// Memory of the kernel for a server's connections = base + connections × each.
///
/// # Errors
/// When there are too few points.
pub(super) fn kernel_memory(points: &[LoadPoint]) -> Result<Fit, Unfit> {
    let pairs =
        |point: &LoadPoint| Some((point.per_server(Column::Connections)?, point.per_server(Column::KernelMemory)?));
    line(
        points.iter().filter_map(pairs),
        &|_| 1.0,
        &Line {
            name: "kernel_memory",
            title: KERNEL,
            formula: "kernel's memory = base + connections × per connection",
            slope: |each| Figure::other("kernel_memory_per_connection", Quantity::Bytes, each),
            intercept: |base| Figure::other("kernel_memory_without_connections", Quantity::Bytes, base),
            load: Axis { name: "connections", quantity: Quantity::Count },
            result: Axis { name: "memory", quantity: Quantity::Bytes },
            columns: "`connections` and `kernel_memory_bytes`",
        },
    )
}

/// Log of a server = base + messages × `bytes_per_message`.
///
/// # Errors
/// When there are too few points.
pub fn log(points: &[LoadPoint]) -> Result<Fit, Unfit> {
    let pairs = |point: &LoadPoint| Some((point.per_server(Column::Throughput)?, point.per_server(Column::Log)?));
    line(
        points.iter().filter_map(pairs),
        &|_| 1.0,
        &Line {
            name: "log",
            title: LOG,
            formula: "log/s = base + messages/s × per message",
            slope: |each| Figure::key("logs.bytes_per_message", Quantity::Bytes, each),
            intercept: |base| Figure::other("log_without_messages", Quantity::ByteRate, base),
            load: Axis { name: "messages/s", quantity: Quantity::Rate },
            result: Axis { name: "log", quantity: Quantity::ByteRate },
            columns: "`throughput_per_second` and `log_bytes_per_second`",
        },
    )
}

struct Line {
    name: &'static str,
    title: &'static str,
    formula: &'static str,
    slope: fn(crate::stats::Estimate) -> Figure,
    intercept: fn(crate::stats::Estimate) -> Figure,
    load: Axis,
    result: Axis,
    columns: &'static str,
}

fn line(pairs: impl Iterator<Item = (f64, f64)>, weight: &dyn Fn(f64) -> f64, line: &Line) -> Result<Fit, Unfit> {
    let pairs: Vec<(f64, f64)> = pairs.collect();
    let given = different(pairs.iter().map(|pair| pair.0));
    if pairs.is_empty() {
        return Err(Unfit::Missing(line.columns));
    }
    if given < FEWEST {
        return Err(Unfit::TooFew { columns: line.columns, needed: FEWEST, given });
    }
    let rows: Vec<Vec<f64>> = pairs.iter().map(|pair| vec![1.0, pair.0]).collect();
    let (measured, weights): (Vec<f64>, Vec<f64>) = pairs.iter().map(|pair| (pair.1, weight(pair.1))).unzip();
    let found = linear(&rows, &measured, &weights)?;
    let (base, each) = (found.coefficients[0], found.coefficients[1]);
    let row = |&(load, measured): &(f64, f64)| Row { load, measured, fitted: base.value + each.value * load };
    let fit = Fit {
        name: line.name,
        title: line.title,
        formula: line.formula,
        figures: vec![(line.slope)(each), (line.intercept)(base)],
        load: line.load,
        result: line.result,
        rows: pairs.iter().map(row).collect(),
        explained: None,
        typical_error: 0.0,
        notes: Vec::new(),
    };
    Ok(fit.judged(found.freedom))
}
