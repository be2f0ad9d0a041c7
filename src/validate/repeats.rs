//! Several runs at the same load, as one observation.
//!
//! Each figure is the mean of the runs' values with a 95 % interval from their scatter (Student's t on n − 1 degrees of
//! freedom): mean ± t·s/√n. One run says nothing about its scatter: then the run's own intervals stay.
//!
//! What is counted varies with the messages that happened to be offered. Its scatter is that of its ratio to those, where
//! that is smaller.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::noise::Noise;
use crate::metrics::{LatencyMetrics, Observation};
use crate::stats::Estimate;

/// One observation of all runs; `None` without a run.
pub fn pooled(runs: &[Observation]) -> Option<Observation> {
    let [first, rest @ ..] = runs else { return None };
    if rest.is_empty() {
        return Some(*first);
    }
    let figure = |pick: fn(&Observation) -> Option<Estimate>| mean_of(runs.iter().map(pick));
    Some(Observation {
        seconds: runs.iter().map(|run| run.seconds).sum(),
        connections: figure(|run| run.connections),
        offered_per_second: figure(|run| run.offered_per_second),
        messages_in_per_second: counted(runs, |run| run.messages_in_per_second),
        messages_out_per_second: counted(runs, |run| run.messages_out_per_second),
        latency: latency(runs),
        cpu_busy: figure(|run| run.cpu_busy),
        memory_per_connection_bytes: figure(|run| run.memory_per_connection_bytes),
        wire_bytes_per_second: counted(runs, |run| run.wire_bytes_per_second),
        log_bytes_per_hour: counted(runs, |run| run.log_bytes_per_hour),
        refused_connections: figure(|run| run.refused_connections),
        dropped_share: figure(|run| run.dropped_share),
    })
}

/// The mean of what is counted.
fn counted(runs: &[Observation], pick: fn(&Observation) -> Option<Estimate>) -> Option<Estimate> {
    let plain = mean_of(runs.iter().map(pick))?;
    let offered = |run: &Observation| run.offered_per_second.or(run.messages_in_per_second);
    let ratios: Option<Vec<f64>> = runs
        .iter()
        .map(|run| pick(run).zip(offered(run)).map(|(figure, offered)| figure.value / offered.value))
        .collect();
    let by_ratio = ratios.and_then(|ratios| mean(&ratios)).map(|ratio| ratio.relative_half_width() * plain.value.abs());
    let half = by_ratio.map_or(plain.half_width(), |half| half.min(plain.half_width()));
    Estimate::new(plain.value, plain.value - half, plain.value + half)
}

/// How far the runs lie apart in CPU time; nothing where that was not measured in at least two.
pub fn noise(runs: &[Observation]) -> Noise {
    let busy: Vec<f64> = runs.iter().filter_map(|run| run.cpu_busy).map(|busy| busy.value).collect();
    // A point of the cores is within what is allowed anyway, however little they do.
    let (low, high) = ends(&busy);
    let repeat_spread = spread(&busy).map(|spread| if high - low <= POINT { 0.0 } else { spread });
    Noise { repeat_spread, ..Noise::default() }
}

/// A difference in CPU time that doesn't count, as a share of the cores.
const POINT: f64 = 0.01;

/// The smallest and the largest.
fn ends(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)))
}

/// (largest − smallest)/mean.
fn spread(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let (low, high) = ends(values);
    Some(if high > low { (high - low) / mean } else { 0.0 })
}

/// A figure that was not measured, where there is a place for one.
pub const UNKNOWN: Estimate = Estimate { value: f64::NAN, low: f64::NAN, high: f64::NAN };

fn latency(runs: &[Observation]) -> Option<LatencyMetrics> {
    if runs.iter().any(|run| run.latency.is_none()) {
        return None;
    }
    let figure = |pick: fn(&LatencyMetrics) -> Estimate| {
        mean_of(runs.iter().map(|run| run.latency.as_ref().map(pick))).unwrap_or(UNKNOWN)
    };
    Some(LatencyMetrics {
        mean: figure(|latency| latency.mean),
        p50: figure(|latency| latency.p50),
        p90: figure(|latency| latency.p90),
        p95: figure(|latency| latency.p95),
        p99: figure(|latency| latency.p99),
        p999: figure(|latency| latency.p999),
        max: figure(|latency| latency.max),
    })
}

/// The mean of what the runs have, where all have it: one without would make it another thing's mean.
fn mean_of(figures: impl Iterator<Item = Option<Estimate>>) -> Option<Estimate> {
    let values: Option<Vec<f64>> = figures.map(|figure| figure.map(|figure| figure.value)).collect();
    mean(&values?)
}

/// The mean of independent values and its 95 % interval; with one value, the interval is not known.
pub fn mean(values: &[f64]) -> Option<Estimate> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if !mean.is_finite() {
        return None;
    }
    if values.len() == 1 {
        return Some(Estimate::unbounded(mean));
    }
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let t = StudentsT::new(0.0, 1.0, n - 1.0).map_or(f64::INFINITY, |t| t.inverse_cdf(0.975));
    let half = t * (variance / n).sqrt();
    Estimate::new(mean, mean - half, mean + half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_arrivals_are_no_scatter_of_what_is_counted() {
        let run = |offered: f64, bytes: f64| Observation {
            offered_per_second: Some(Estimate::exact(offered)),
            log_bytes_per_hour: Some(Estimate::exact(bytes)),
            ..Observation::default()
        };
        let exact = pooled(&[run(90.0, 900.0), run(110.0, 1_100.0), run(100.0, 1_000.0)]).unwrap();
        let bytes = exact.log_bytes_per_hour.unwrap();
        assert!(bytes.half_width() < 1e-9 && (bytes.value - 1_000.0).abs() < 1e-9, "{bytes:?}");
        // What stays the same whatever is offered doesn't scatter either.
        let flat = pooled(&[run(90.0, 500.0), run(110.0, 500.0)]).unwrap().log_bytes_per_hour.unwrap();
        assert!(flat.half_width() < 1e-9, "{flat:?}");
        let lossy = pooled(&[run(100.0, 1_000.0), run(100.0, 900.0)]).unwrap().log_bytes_per_hour.unwrap();
        assert!(lossy.half_width() > 100.0, "{lossy:?}");
    }

    /// By hand: 9, 10, 11 have mean 10 and deviation 1; t(0.975, 2) = 4.3027, so ± 4.3027/√3 = 2.4842.
    #[test]
    fn three_runs_have_a_mean_and_an_interval() {
        let run =
            |busy: f64| Observation { seconds: 5.0, cpu_busy: Some(Estimate::exact(busy)), ..Observation::default() };
        let runs = [run(9.0), run(10.0), run(11.0)];
        let all = pooled(&runs).unwrap();
        let busy = all.cpu_busy.unwrap();
        assert!((busy.value - 10.0).abs() < 1e-12 && (busy.half_width() - 2.484_2).abs() < 1e-3, "{busy:?}");
        assert_eq!((all.seconds, all.latency, all.connections), (15.0, None, None));
        assert!((noise(&runs).repeat_spread.unwrap() - 0.2).abs() < 1e-12);
        let partly = [run(9.0), Observation::default()];
        assert_eq!(pooled(&partly).unwrap().cpu_busy, None);
        assert_eq!((pooled(&[]), pooled(&runs[..1])), (None, Some(runs[0])));
        assert_eq!(noise(&runs[..1]).repeat_spread, None);
    }
}
