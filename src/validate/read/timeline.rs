//! Samples over time, cut into intervals: each whole interval becomes a load point.

use std::collections::BTreeMap;

use super::{Column, LoadPoint};

/// From so many seconds on, intervals are long.
const LONG_RUN: f64 = 30.0;
/// Lengths of intervals, in seconds.
/// Lengths of intervals in short and in long runs, in seconds.
const LENGTHS: (f64, f64) = (1.0, 10.0);

/// What to make of a metric's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// They add up, and are told by the second.
    Counter(Column),
    /// The mean of what was set.
    Gauge(Column),
    /// Latencies, in seconds.
    Latency,
}

/// Samples: when (in seconds), of what, how much.
#[derive(Debug, Default)]
pub(super) struct Timeline(Vec<(f64, Kind, f64)>);

impl Timeline {
    pub fn note(&mut self, at: f64, kind: Kind, value: f64) {
        self.0.push((at, kind, value));
    }

    /// A point for each whole interval. The first and the last second are left out, since the run covers only a part of
    /// them.
    pub fn points(&self) -> Vec<LoadPoint> {
        let moments = || self.0.iter().map(|sample| sample.0.floor());
        let first = moments().fold(f64::INFINITY, f64::min) + 1.0;
        let last = moments().fold(f64::NEG_INFINITY, f64::max);
        let length = if last - first >= LONG_RUN { LENGTHS.1 } else { LENGTHS.0 };
        let whole = ((last - first) / length).floor();
        let mut intervals: BTreeMap<u64, Vec<(Kind, f64)>> = BTreeMap::new();
        for &(at, kind, value) in &self.0 {
            let index = ((at.floor() - first) / length).floor();
            if (0.0..whole).contains(&index) {
                intervals.entry(index as u64).or_default().push((kind, value));
            }
        }
        intervals.into_iter().map(|(index, samples)| point(first + index as f64 * length, length, &samples)).collect()
    }
}

fn point(start: f64, length: f64, samples: &[(Kind, f64)]) -> LoadPoint {
    let mut point = LoadPoint::default().with(Column::Time, start).with(Column::Duration, length);
    let mut gauges: BTreeMap<Column, (f64, f64)> = BTreeMap::new();
    let mut latencies = Vec::new();
    for &(kind, value) in samples {
        match kind {
            Kind::Counter(column) => point.set(column, point.get(column).unwrap_or(0.0) + value / length),
            Kind::Gauge(column) => {
                let sum = gauges.entry(column).or_default();
                *sum = (sum.0 + value, sum.1 + 1.0);
            }
            Kind::Latency => latencies.push(value),
        }
    }
    for (column, (sum, count)) in gauges {
        point.set(column, sum / count);
    }
    latencies.sort_by(f64::total_cmp);
    if !latencies.is_empty() {
        point.set(Column::LatencyMean, latencies.iter().sum::<f64>() / latencies.len() as f64);
        for (column, share) in PERCENTILES {
            // The nearest rank: at least this share is as small.
            let rank = (share * latencies.len() as f64).ceil().max(1.0) as usize;
            point.set(column, latencies[rank - 1]);
        }
    }
    point
}

const PERCENTILES: [(Column, f64); 5] = [
    (Column::LatencyP50, 0.5),
    (Column::LatencyP90, 0.9),
    (Column::LatencyP95, 0.95),
    (Column::LatencyP99, 0.99),
    (Column::LatencyP999, 0.999),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_seconds_count() {
        let mut timeline = Timeline::default();
        for tenth in 5..35 {
            timeline.note(f64::from(tenth) / 10.0, Kind::Counter(Column::Throughput), 1.0);
            timeline.note(f64::from(tenth) / 10.0, Kind::Gauge(Column::Concurrency), 3.0);
            timeline.note(f64::from(tenth) / 10.0, Kind::Latency, f64::from(tenth) / 1e3);
        }
        let points = timeline.points();
        assert_eq!(points.iter().map(|p| p.get(Column::Time).unwrap()).collect::<Vec<_>>(), [1.0, 2.0]);
        for point in &points {
            assert!((point.get(Column::Throughput).unwrap() - 10.0).abs() < 1e-9);
            assert_eq!(point.get(Column::Concurrency), Some(3.0));
        }
        assert_eq!(points[0].get(Column::LatencyP50), Some(0.014));
        assert_eq!(points[0].get(Column::LatencyP99), Some(0.019));
    }

    #[test]
    fn long_runs_have_long_intervals() {
        let mut timeline = Timeline::default();
        for second in 0..56 {
            timeline.note(f64::from(second), Kind::Counter(Column::Throughput), f64::from(second / 10));
        }
        let rates: Vec<f64> = timeline.points().iter().map(|p| p.get(Column::Throughput).unwrap()).collect();
        assert_eq!(rates.len(), 5);
        assert!((rates[0] - 0.1).abs() < 1e-9 && (rates[4] - 4.1).abs() < 1e-9, "{rates:?}");
    }
}
