//! What can be known of a load point: one line a column.
//!
//! The names are those of CSV headers and of Prometheus' `__name__`; what a person reads about them in
//! `docs/calibration.md` is held against this table by a test.

use crate::units::parse::Quantity;

/// How the values of several servers at one time become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Together {
    /// They add up.
    Sum,
    /// Their mean.
    Mean,
    /// The largest.
    Most,
}

macro_rules! columns {
    ($($variant:ident, $name:literal, $quantity:ident, $together:ident, $meaning:literal;)*) => {
        /// A column of a load table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Column {
            $(#[doc = $meaning] $variant,)*
        }

        impl Column {
            /// All of them, in the order they are listed.
            pub const ALL: [Self; [$(Self::$variant),*].len()] = [$(Self::$variant),*];

            /// What it is called in files. Its unit stands at the end where it has one.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it is a figure of.
            pub const fn quantity(self) -> Quantity {
                match self { $(Self::$variant => Quantity::$quantity,)* }
            }

            /// How the values of several servers at one time become one.
            pub const fn together(self) -> Together {
                match self { $(Self::$variant => Together::$together,)* }
            }

            /// What it means.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

columns! {
    Time, "time", Time, Most, "when it was measured: seconds since any beginning, or a date such as 2026-11-24T14:00:00Z";
    Duration, "duration_seconds", Time, Most, "how long it was measured";
    Users, "users", Count, Sum, "users online";
    Servers, "servers", Count, Sum, "servers that share the load; 1 where it is not given";
    Cores, "cores", Count, Mean, "cores of one server";
    Connections, "connections", Count, Sum, "open connections";
    Concurrency, "concurrency", Count, Sum, "requests in progress, or virtual users that wait for each answer: N of the Universal Scalability Law";
    Offered, "offered_per_second", Rate, Sum, "messages that were to be sent each second";
    Throughput, "throughput_per_second", Rate, Sum, "messages taken in (and, for an echo, answered) each second";
    Delivered, "delivered_per_second", Rate, Sum, "copies handed to other users each second";
    Connects, "connects_per_second", Rate, Sum, "connection attempts each second";
    Heartbeats, "heartbeats_per_second", Rate, Sum, "heartbeats each second";
    MessageSize, "message_bytes", Bytes, Mean, "mean payload of a message";
    Work, "work_seconds", Time, Mean, "CPU time that the application takes for a message, which `per_message` states: 0 where it is an echo";
    CpuUtilisation, "cpu_utilisation", Ratio, Mean, "share of the servers' cores that was busy: 0.7 or 70 %";
    CoresBusy, "cores_busy", Count, Sum, "cores that were busy: CPU seconds a second";
    Memory, "memory_bytes", Bytes, Sum, "memory the servers held (resident)";
    KernelMemory, "kernel_memory_bytes", Bytes, Sum, "memory the kernel held for the servers' connections";
    Log, "log_bytes_per_second", ByteRate, Sum, "bytes of log written each second";
    WireIn, "ingress_wire_bytes_per_second", ByteRate, Sum, "bytes that came in on the wire each second";
    WireOut, "egress_wire_bytes_per_second", ByteRate, Sum, "bytes that went out on the wire each second";
    Refused, "refused_per_second", Rate, Sum, "connection attempts refused each second";
    Dropped, "dropped_per_second", Rate, Sum, "messages dropped each second";
    LatencyMean, "latency_mean_seconds", Time, Mean, "mean latency";
    LatencyP50, "latency_p50_seconds", Time, Most, "median latency";
    LatencyP90, "latency_p90_seconds", Time, Most, "90th percentile of latency";
    LatencyP95, "latency_p95_seconds", Time, Most, "95th percentile of latency";
    LatencyP99, "latency_p99_seconds", Time, Most, "99th percentile of latency";
    LatencyP999, "latency_p999_seconds", Time, Most, "99.9th percentile of latency";
}

impl Column {
    /// The column of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }
}

/// What was measured at one load; of all servers together, but for shares, sizes and latencies.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LoadPoint([Option<f64>; Column::ALL.len()]);

impl LoadPoint {
    /// A figure in base units, where it was measured.
    pub fn get(&self, column: Column) -> Option<f64> {
        self.0[column as usize]
    }

    /// Notes a figure in base units.
    pub fn set(&mut self, column: Column, value: f64) {
        self.0[column as usize] = Some(value);
    }

    /// The same, with this figure.
    #[must_use]
    pub fn with(mut self, column: Column, value: f64) -> Self {
        self.set(column, value);
        self
    }

    /// Servers that share the load: 1 where it is not said.
    pub fn servers(&self) -> f64 {
        self.get(Column::Servers).unwrap_or(1.0)
    }

    /// A figure of one server, where it is one that adds up over servers.
    pub fn per_server(&self, column: Column) -> Option<f64> {
        let share = if column.together() == Together::Sum { self.servers() } else { 1.0 };
        self.get(column).map(|value| value / share)
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_by_its_name_and_holds_its_own_figure() {
        let mut point = LoadPoint::default();
        assert!(point.is_empty());
        for (index, column) in Column::ALL.into_iter().enumerate() {
            assert_eq!(Column::named(column.name()), Some(column));
            point.set(column, index as f64);
        }
        for (index, column) in Column::ALL.into_iter().enumerate() {
            assert_eq!(point.get(column), Some(index as f64));
        }
    }

    #[test]
    fn only_what_adds_up_is_shared_out() {
        let point = LoadPoint::default()
            .with(Column::Servers, 4.0)
            .with(Column::Throughput, 100.0)
            .with(Column::CpuUtilisation, 0.5);
        assert_eq!(point.per_server(Column::Throughput), Some(25.0));
        assert_eq!(point.per_server(Column::CpuUtilisation), Some(0.5));
        assert_eq!(LoadPoint::default().per_server(Column::Throughput), None);
    }
}
