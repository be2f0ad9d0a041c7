//! The model held against a load history that people already have: rows of a system's own metrics.
//!
//! Rows are gathered into bins of nearly the same load. A bin's figures are the means of its rows, with intervals from
//! their scatter; its load is their mean load. The model is asked for each bin: the scenario at that load, on the fleet
//! that the scenario has (or, where it leaves that open, the one its own load requires), simulated.

use super::compare::{Load, Side, Trial};
use super::metric::Metric;
use super::noise::Noise;
use super::read::{Column, LoadPoint};
use super::repeats;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::metrics::{LatencyMetrics, Observation};
use crate::model::{Fleet, Model, ResourceKind};
use crate::scenario::{Arrivals, Document, Scenario};
use crate::simulation::{SimulationError, Watch, simulate};
use crate::stats::Estimate;

/// Loads in a bin differ by at most this factor, where that doesn't take more than [`MOST_BINS`].
const WITHIN: f64 = 1.1;
/// The most bins: each is a simulation.
const MOST_BINS: f64 = 24.0;
/// How much the connections must vary, largest over smallest, to tell their memory from what the program takes anyway.
const ENOUGH_VARIETY: f64 = 1.5;

/// A row of a history.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Row {
    /// What was seen. Its memory of a connection is filled in by [`bins`], and its refusals by [`Asked::trial`].
    pub seen: Observation,
    /// Users online.
    pub users: Option<f64>,
    /// Servers that shared the load.
    pub servers: Option<f64>,
    /// Memory of all servers, in bytes.
    pub memory_bytes: Option<f64>,
    /// Connections refused a second.
    pub refused_per_second: Option<f64>,
}

impl Row {
    /// Messages offered a second, or else those that got through.
    fn messages(&self) -> Option<f64> {
        self.seen.offered_per_second.or(self.seen.messages_in_per_second).map(|rate| rate.value)
    }

    fn connections(&self) -> Option<f64> {
        self.seen.connections.map(|connections| connections.value)
    }

    /// What a load is told by, where there are no messages.
    fn people(&self) -> Option<f64> {
        self.connections().or(self.users)
    }
}

/// Rows of nearly the same load.
#[derive(Debug, Clone, PartialEq)]
pub struct Bin {
    /// Messages a second, where the history has them.
    pub messages_per_second: Option<f64>,
    /// Connections, where it has those.
    pub connections: Option<f64>,
    /// Users, where it has those.
    pub users: Option<f64>,
    /// Servers, where it has those.
    pub servers: Option<u64>,
    /// Connections refused a second.
    pub refused_per_second: Option<f64>,
    /// The means of its rows.
    pub seen: Observation,
    /// How many rows.
    pub rows: usize,
}

/// A history, by load.
#[derive(Debug, Clone, PartialEq)]
pub struct Bins {
    /// From the least load to the most.
    pub bins: Vec<Bin>,
    /// Rows without a load, or with none but zero.
    pub idle: usize,
    /// Whether the history has memory, but not at connections enough to tell how much is theirs.
    pub memory_left_out: bool,
}

/// The rows of a history's load points.
pub fn rows(points: &[LoadPoint], scenario: &Scenario) -> Vec<Row> {
    points.iter().map(|point| row(point, scenario)).collect()
}

fn row(point: &LoadPoint, scenario: &Scenario) -> Row {
    let figure = |column: Column| point.get(column).map(Estimate::unbounded);
    let sum = |one: Column, other: Column| point.get(one).zip(point.get(other)).map(|(one, other)| one + other);
    let cores = point.get(Column::Cores).unwrap_or(f64::from(scenario.servers.cores));
    let servers = point.get(Column::Servers).or(scenario.servers.count.map(|servers| servers as f64));
    let busy = point.get(Column::CoresBusy).zip(servers).map(|(busy, servers)| busy / (cores * servers));
    let quantile = |column: Column| figure(column).unwrap_or(repeats::UNKNOWN);
    let seen = Observation {
        seconds: point.get(Column::Duration).unwrap_or(0.0),
        connections: figure(Column::Connections),
        offered_per_second: figure(Column::Offered),
        messages_in_per_second: figure(Column::Throughput),
        messages_out_per_second: figure(Column::Delivered),
        latency: Some(LatencyMetrics {
            mean: quantile(Column::LatencyMean),
            p50: quantile(Column::LatencyP50),
            p90: quantile(Column::LatencyP90),
            p95: quantile(Column::LatencyP95),
            p99: quantile(Column::LatencyP99),
            p999: quantile(Column::LatencyP999),
            max: repeats::UNKNOWN,
        }),
        cpu_busy: point.get(Column::CpuUtilisation).or(busy).map(Estimate::unbounded),
        memory_per_connection_bytes: None,
        wire_bytes_per_second: sum(Column::WireIn, Column::WireOut).map(Estimate::unbounded),
        log_bytes_per_hour: point.get(Column::Log).map(|rate| Estimate::unbounded(rate * 3_600.0)),
        refused_connections: None,
        dropped_share: None,
    };
    Row {
        seen,
        users: point.get(Column::Users),
        servers: point.get(Column::Servers),
        memory_bytes: point.get(Column::Memory),
        refused_per_second: point.get(Column::Refused),
    }
}

/// Gathers rows by load, and by servers where those change: by messages where any row has them, else by connections or
/// users.
pub fn bins(rows: &[Row]) -> Bins {
    let by_messages = rows.iter().any(|row| row.messages().is_some_and(|rate| rate > 0.0));
    let load = |row: &Row| if by_messages { row.messages() } else { row.people() };
    let mut loaded: Vec<(f64, Row)> =
        rows.iter().filter_map(|row| load(row).filter(|load| *load > 0.0).map(|load| (load, *row))).collect();
    let idle = rows.len() - loaded.len();
    let loads = loaded.iter().map(|(load, _)| *load);
    let (least, most) = loads.fold((f64::INFINITY, 0.0_f64), |(least, most), load| (least.min(load), most.max(load)));
    let factor = (most / least).powf(1.0 / MOST_BINS).max(WITHIN);
    let servers = |row: &Row| row.servers.map(|servers| servers.round() as u64);
    loaded.sort_by(|(a, of_a), (b, of_b)| servers(of_a).cmp(&servers(of_b)).then(a.total_cmp(b)));
    let base = idle_memory(rows);
    for (_, row) in &mut loaded {
        let each = base.zip(row.memory_bytes).zip(row.connections().filter(|connections| *connections > 0.0));
        row.seen.memory_per_connection_bytes =
            each.map(|((base, memory), connections)| Estimate::unbounded((memory - base) / connections));
    }
    let mut groups: Vec<Vec<(f64, Row)>> = Vec::new();
    for (load, row) in loaded {
        match groups.last_mut() {
            Some(group) if servers(&group[0].1) == servers(&row) && load <= group[0].0 * factor * (1.0 + 1e-9) => {
                group.push((load, row));
            }
            _ => groups.push(vec![(load, row)]),
        }
    }
    let memory_left_out = base.is_none() && rows.iter().any(|row| row.memory_bytes.is_some());
    Bins { bins: groups.iter().filter_map(|group| bin(group)).collect(), idle, memory_left_out }
}

fn bin(group: &[(f64, Row)]) -> Option<Bin> {
    let seen: Vec<Observation> = group.iter().map(|(_, row)| row.seen).collect();
    let mean = |figure: fn(&Row) -> Option<f64>| {
        let figures: Option<Vec<f64>> = group.iter().map(|(_, row)| figure(row)).collect();
        figures.map(|figures| figures.iter().sum::<f64>() / figures.len() as f64)
    };
    Some(Bin {
        messages_per_second: mean(Row::messages),
        connections: mean(Row::connections),
        users: mean(|row| row.users),
        servers: mean(|row| row.servers).map(|servers| servers.round().max(1.0) as u64),
        refused_per_second: mean(|row| row.refused_per_second),
        seen: repeats::pooled(&seen)?,
        rows: group.len(),
    })
}

/// What the service takes without connections: the intercept of memory over connections (least squares), at least zero.
/// `None` where there are too few rows, or connections vary too little to tell.
fn idle_memory(rows: &[Row]) -> Option<f64> {
    let points: Vec<(f64, f64)> = rows.iter().filter_map(|row| row.connections().zip(row.memory_bytes)).collect();
    let (least, most) = points.iter().fold((f64::INFINITY, 0.0_f64), |(l, m), (x, _)| (l.min(*x), m.max(*x)));
    if points.len() < 3 || most < ENOUGH_VARIETY * least || most <= 0.0 {
        return None;
    }
    let n = points.len() as f64;
    let (x, y) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let covariance: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let variance: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    Some((y - covariance / variance * x).max(0.0))
}

/// The model at the load of a bin: the scenario there, and its closed form.
#[derive(Debug, Clone)]
pub struct Asked {
    scenario: Scenario,
    model: Model,
}

/// The scenario at the load of a bin, on this fleet.
///
/// # Errors
/// When the scenario can't have such a load.
pub fn at(document: &Document, base: &Scenario, fleet: Fleet, bin: &Bin) -> Result<Asked, Diagnostics> {
    let mut document = document.clone();
    let workload = &base.workload;
    if matches!(workload.arrivals, Arrivals::Trace { .. }) {
        let error = Diagnostic::new("a scenario whose messages come by a `trace` has one load only")
            .help("describe how one user sends (`rate`, and `arrivals: poisson`): the history says how much there is");
        return Err(error.into());
    }
    let own_rate = matches!(workload.arrivals, Arrivals::Mmpp { .. });
    let by_connections = bin.connections.map(|connections| connections / workload.connections_per_user as f64);
    let by_connections = bin.users.or(by_connections);
    let by_messages = bin.messages_per_second.map(|rate| rate / workload.message_rate.get());
    // Users in different states send at rates of their own: then only their number can follow the load.
    let users = if own_rate { by_messages.or(by_connections) } else { by_connections.or(by_messages) };
    let users = users.unwrap_or(1.0).round().max(1.0);
    let mut set = |path: &str, value: &str| document.set_path("--measured", path, value);
    set("users", &format!("{users:.0}"))?;
    if let Some(messages) = bin.messages_per_second
        && !own_rate
    {
        set("workload.message.rate", &format!("{}/s", messages / users))?;
    }
    // Each bin is a load that lasts.
    for (moves, path, value) in [
        (workload.profile.is_some(), "workload.profile", "steady"),
        (!base.faults.is_empty(), "faults", "none"),
        (base.autoscaler.is_some(), "autoscaler", "none"),
    ] {
        if moves {
            set(path, value)?;
        }
    }
    let scenario = document.resolve()?;
    let model = Model::on(&scenario, Fleet { servers: bin.servers.unwrap_or(fleet.servers), ..fleet });
    Ok(Asked { scenario, model })
}

impl Asked {
    /// What the model predicts at a bin, beside what was measured there; and what the simulation warns of.
    ///
    /// # Errors
    /// When it can't be simulated, or was told to stop.
    pub fn trial(&self, bin: &Bin, watch: &dyn Watch) -> Result<(Trial, Vec<String>), SimulationError> {
        let metrics = simulate(&self.scenario, &self.model, watch)?;
        let predicted = Side::simulated(&metrics, &self.scenario, &self.model);
        let mut measured = Side::measured(bin.seen);
        // A load that was taken from what got through agrees with itself. It says something only where the model can't
        // carry it.
        if bin.seen.offered_per_second.is_none() && !predicted.saturated {
            measured.seen.messages_in_per_second = None;
        }
        // A simulation counts refusals over the time it measures.
        measured.seen.refused_connections =
            bin.refused_per_second.map(|rate| Estimate::unbounded(rate * predicted.seen.seconds));
        let load = &self.model.load;
        let trial = Trial {
            load: Load {
                messages_per_second: bin.messages_per_second.unwrap_or(load.messages_in_per_second),
                connections: Some(bin.connections.unwrap_or(load.connections)),
                utilisation: self.model.resource(ResourceKind::Cpu).map(|cpu| cpu.utilisation),
            },
            predicted,
            replayed: None,
            measured,
            noise: Noise::default(),
            calibrated: Trial::is_calibrated(&self.scenario, &self.model),
            samples: bin.rows,
        };
        Ok((trial, metrics.warnings))
    }
}

/// Whether a history has anything that a model could be held against, besides its load.
pub fn has_figures(rows: &[Row]) -> bool {
    let seen = |metric: Metric| rows.iter().any(|row| metric.of(&row.seen).is_some());
    let compared = Metric::ALL.into_iter().filter(|metric| *metric != Metric::Throughput);
    let others = |row: &Row| row.memory_bytes.is_some() || row.refused_per_second.is_some() || carried(row);
    compared.into_iter().any(seen) || rows.iter().any(others)
}

/// Whether a row has both what was offered and what got through.
fn carried(row: &Row) -> bool {
    row.seen.offered_per_second.is_some() && row.seen.messages_in_per_second.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(messages: f64, busy: f64) -> Row {
        let seen = Observation {
            messages_in_per_second: Some(Estimate::unbounded(messages)),
            cpu_busy: Some(Estimate::unbounded(busy)),
            ..Observation::default()
        };
        Row { seen, ..Row::default() }
    }

    #[test]
    fn rows_of_nearly_the_same_load_are_one_bin() {
        let rows = [row(100.0, 0.1), row(1_000.0, 0.4), row(105.0, 0.12), row(1_050.0, 0.5), row(0.0, 0.0)];
        let found = bins(&rows);
        assert_eq!((found.bins.len(), found.idle), (2, 1));
        let first = &found.bins[0];
        assert_eq!((first.rows, first.messages_per_second), (2, Some(102.5)));
        let busy = first.seen.cpu_busy.unwrap();
        assert!((busy.value - 0.11).abs() < 1e-12 && busy.half_width().is_finite(), "{busy:?}");
        // Nor are rows of fleets of different size.
        let on = |servers: f64| Row { servers: Some(servers), ..row(100.0, 0.1) };
        let found = bins(&[on(2.0), on(1.0), on(2.0)]);
        let fleets: Vec<_> = found.bins.iter().map(|bin| (bin.servers, bin.rows)).collect();
        assert_eq!(fleets, [(Some(1), 1), (Some(2), 2)]);
        // However wide the history, the bins stay few.
        let wide: Vec<Row> = (0..10_000).map(|i| row(1.01_f64.powi(i / 5), 0.1)).collect();
        let found = bins(&wide);
        assert!((20..=25).contains(&found.bins.len()), "{}", found.bins.len());
        assert_eq!(found.bins.iter().map(|bin| bin.rows).sum::<usize>(), 10_000);
    }

    #[test]
    fn a_connections_memory_is_told_from_the_rest() {
        let with = |connections: f64| {
            let mut row = row(100.0, 0.1);
            row.seen.connections = Some(Estimate::unbounded(connections));
            row.memory_bytes = Some(5e6 + 2_000.0 * connections);
            row
        };
        let found = bins(&[with(1_000.0), with(2_000.0), with(4_000.0)]);
        let each = found.bins[0].seen.memory_per_connection_bytes.unwrap();
        assert!((each.value - 2_000.0).abs() < 1e-6, "{each:?}");
        let alike = bins(&[with(1_000.0), with(1_010.0), with(1_020.0)]);
        assert_eq!((alike.bins[0].seen.memory_per_connection_bytes, alike.memory_left_out), (None, true));
    }

    #[test]
    fn only_a_load_is_no_figure() {
        let mut load = row(100.0, 0.1);
        load.seen.cpu_busy = None;
        assert!(!has_figures(&[load]) && has_figures(&[row(100.0, 0.1)]));
        load.seen.offered_per_second = load.seen.messages_in_per_second;
        assert!(has_figures(&[load]));
    }
}
