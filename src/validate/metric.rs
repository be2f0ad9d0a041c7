//! What is compared: each metric's name, its figure in an observation, and how far off it may be.

use crate::metrics::Observation;
use crate::scenario::{Scenario, Tolerances};
use crate::stats::Estimate;

/// What so many cores' time may always be off by: one point of a core.
const CORE_POINT: f64 = 0.01;

/// A figure that a prediction and a measurement both have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Messages that the servers took in and were done with.
    Throughput,
    /// Messages delivered, where that is another number.
    Deliveries,
    /// Cores at work.
    Cpu,
    /// Memory of a connection.
    Memory,
    /// Bytes on the wire, both ways.
    WireBytes,
    /// Bytes logged.
    LogBytes,
    /// Half of all messages are faster.
    P50,
    /// Nine of ten are faster.
    P90,
    /// 99 % are faster.
    P99,
    /// Connections refused.
    Refused,
    /// The most messages that get through.
    Saturation,
}

/// What a metric is a figure of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A second.
    PerSecond,
    /// Share of the cores.
    Share,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
    /// Bytes an hour.
    BytesPerHour,
    /// Seconds.
    Seconds,
    /// A number.
    Count,
}

impl Metric {
    /// Those of one load, in the order in which they are shown.
    pub const ALL: [Self; 10] = [
        Self::Throughput,
        Self::Deliveries,
        Self::Cpu,
        Self::Memory,
        Self::WireBytes,
        Self::LogBytes,
        Self::P50,
        Self::P90,
        Self::P99,
        Self::Refused,
    ];

    /// Its name in JSON, with its unit.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throughput => "messages_in_per_second",
            Self::Deliveries => "messages_out_per_second",
            Self::Cpu => "cpu_busy",
            Self::Memory => "memory_per_connection_bytes",
            Self::WireBytes => "wire_bytes_per_second",
            Self::LogBytes => "log_bytes_per_hour",
            Self::P50 => "latency_p50_seconds",
            Self::P90 => "latency_p90_seconds",
            Self::P99 => "latency_p99_seconds",
            Self::Refused => "refused_connections",
            Self::Saturation => "saturation_messages_per_second",
        }
    }

    /// Its name for people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Deliveries => "deliveries",
            Self::Cpu => "CPU busy",
            Self::Memory => "memory a connection",
            Self::WireBytes => "wire bytes",
            Self::LogBytes => "log bytes",
            Self::P50 => "latency p50",
            Self::P90 => "latency p90",
            Self::P99 => "latency p99",
            Self::Refused => "refused connections",
            Self::Saturation => "saturation point",
        }
    }

    /// The metric of this name in JSON.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().chain([Self::Saturation]).find(|metric| metric.name() == name)
    }

    /// What it is a figure of.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Throughput | Self::Deliveries | Self::Saturation => Unit::PerSecond,
            Self::Cpu => Unit::Share,
            Self::Memory => Unit::Bytes,
            Self::WireBytes => Unit::BytesPerSecond,
            Self::LogBytes => Unit::BytesPerHour,
            Self::P50 | Self::P90 | Self::P99 => Unit::Seconds,
            Self::Refused => Unit::Count,
        }
    }

    /// Whether it is a latency, which has no steady state past saturation.
    pub const fn is_latency(self) -> bool {
        matches!(self, Self::P50 | Self::P90 | Self::P99)
    }

    /// Whether it comes from the times that a calibration measures.
    pub const fn is_time(self) -> bool {
        self.is_latency() || matches!(self, Self::Cpu)
    }

    /// Whether it counts what passes, and so is in proportion to the load.
    pub const fn is_counted(self) -> bool {
        matches!(self, Self::Throughput | Self::Deliveries | Self::WireBytes | Self::LogBytes)
    }

    /// Its figure in an observation, where it has one. The saturation point is no figure of one load.
    pub fn of(self, seen: &Observation) -> Option<Estimate> {
        let latency = seen.latency.as_ref();
        match self {
            Self::Throughput => seen.messages_in_per_second,
            Self::Deliveries => seen.messages_out_per_second,
            Self::Cpu => seen.cpu_busy,
            Self::Memory => seen.memory_per_connection_bytes,
            Self::WireBytes => seen.wire_bytes_per_second,
            Self::LogBytes => seen.log_bytes_per_hour,
            Self::P50 => latency.map(|latency| latency.p50),
            Self::P90 => latency.map(|latency| latency.p90),
            Self::P99 => latency.map(|latency| latency.p99),
            Self::Refused => seen.refused_connections,
            Self::Saturation => None,
        }
        .filter(|figure| figure.value.is_finite())
    }
}

/// How far off each metric may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowances {
    tolerance: Tolerances,
    /// One point of a core as a share of a server's cores.
    cpu_floor: f64,
}

impl Allowances {
    /// Those of a scenario.
    pub fn of(scenario: &Scenario) -> Self {
        Self { tolerance: scenario.validation.tolerance, cpu_floor: CORE_POINT / f64::from(scenario.servers.cores) }
    }

    /// The tolerance of a metric, as a share of what was measured.
    pub fn tolerance(&self, metric: Metric) -> f64 {
        let tolerance = &self.tolerance;
        match metric {
            Metric::Throughput | Metric::Deliveries => tolerance.throughput,
            Metric::Cpu => tolerance.cpu,
            Metric::Memory => tolerance.memory,
            Metric::WireBytes => tolerance.wire_bytes,
            Metric::LogBytes => tolerance.log_bytes,
            Metric::P50 => tolerance.p50,
            Metric::P90 => tolerance.p90,
            Metric::P99 => tolerance.p99,
            Metric::Refused => tolerance.refused,
            Metric::Saturation => tolerance.saturation,
        }
        .get()
    }

    /// How far from this measured figure a prediction may be, in the figure's unit. Of CPU, one point of a core is always
    /// allowed; of refused connections, one.
    pub fn around(&self, metric: Metric, measured: f64) -> f64 {
        let floor = match metric {
            Metric::Cpu => self.cpu_floor,
            Metric::Refused => 1.0,
            _ => 0.0,
        };
        (self.tolerance(metric) * measured.abs()).max(floor)
    }
}
