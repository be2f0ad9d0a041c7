//! What a server counts, and how it shows it: as totals when it ends, and as OpenMetrics while it runs.

use std::fmt::Write as _;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use serde::{Deserialize, Serialize};

use crate::live::link::{LinkCounters, MetricKind};

/// A count that one thread adds to and any thread reads.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds. Only one thread may: it costs no locked instruction then.
    pub fn add(&self, amount: u64) {
        self.0.store(self.0.load(Relaxed) + amount, Relaxed);
    }
}

/// The counters, each with its name in OpenMetrics and its meaning.
macro_rules! counters {
    ($($field:ident: $name:literal, $meaning:literal;)*) => {
        /// What one thread of a server has counted.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub struct Counters {
            /// The work that the scenario gives messages, in ns.
            pub work: Counter,
            $(#[doc = $meaning] pub $field: Counter,)*
        }

        /// What a server, or several together, has counted.
        #[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
        pub struct Totals {
            /// Connections that are open now.
            pub connections: u64,
            /// CPU time of the process, in seconds.
            pub cpu_seconds: f64,
            /// The part of it that is the work which the scenario gives messages, in seconds.
            pub work_seconds: f64,
            /// What its links to other servers have counted, if it has any.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub link: Option<LinkCounters>,
            $(#[doc = $meaning] pub $field: u64,)*
        }

        impl Totals {
            /// Adds what a thread has counted.
            pub fn count(&mut self, counters: &Counters) {
                self.work_seconds += counters.work.0.load(Relaxed) as f64 / 1e9;
                $(self.$field += counters.$field.0.load(Relaxed);)*
            }

            /// Adds what another server has counted.
            pub fn add(&mut self, other: &Self) {
                self.connections += other.connections;
                self.cpu_seconds += other.cpu_seconds;
                self.work_seconds += other.work_seconds;
                if let Some(other) = &other.link {
                    self.link = Some(self.link.map_or(*other, |link| link.and(other)));
                }
                $(self.$field += other.$field;)*
            }

            /// Each count: field, name in OpenMetrics, meaning, figure.
            pub fn counts(&self) -> Vec<(&'static str, &'static str, &'static str, u64)> {
                vec![$((stringify!($field), $name, $meaning, self.$field),)*]
            }
        }
    };
}

counters! {
    accepted: "connections_accepted", "Connections that became WebSockets.";
    refused: "connections_refused", "Connections refused with 503 at the limit.";
    closed: "connections_closed", "WebSockets that ended, for whatever reason.";
    messages_in: "messages_received", "Messages taken in.";
    messages_out: "messages_sent", "Messages handed to a connection, once for each recipient.";
    bytes_in: "received_bytes", "Bytes read from sockets (of TLS: what was inside).";
    bytes_out: "sent_bytes", "Bytes written to sockets (of TLS: what went inside).";
    deliveries_dropped: "deliveries_dropped", "Messages that a connection didn't get, since its send buffer was full.";
    slow_consumers_cut: "slow_consumers_cut", "Connections cut, since their send buffer was full.";
    silent_cut: "silent_connections_cut", "Connections cut, since they were silent for too long.";
    undeliverable: "messages_undeliverable", "Direct messages that named no recipient, or one who was not connected (which linked servers can't tell).";
    pings: "heartbeats_sent", "Pings sent.";
    pongs: "heartbeats_answered", "Answers to pings.";
    protocol_errors: "protocol_errors", "Connections closed, since they broke the protocol.";
    bad_requests: "bad_requests", "HTTP requests answered with a status 4xx.";
    tls_failures: "tls_handshakes_failed", "TLS handshakes that failed.";
    accept_failures: "accept_failures", "Times that a connection could not be accepted, for want of descriptors or memory.";
    log_records: "log_records", "Records handed to the log.";
    log_bytes: "log_bytes", "Bytes handed to the log.";
}

/// What is shown besides the counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Gauges {
    /// Which process of a server this is, and of how many.
    pub worker: (u32, u32),
    /// The connection limit.
    pub limit: Option<u64>,
    /// Resident memory of the process.
    pub memory_bytes: Option<u64>,
    /// Time that the event loops were busy, of all threads together.
    pub busy_seconds: f64,
    /// Bytes that are in the log's files, and bytes that could not be written; `None` where no log is written.
    pub log: Option<(u64, u64)>,
}

/// The OpenMetrics text (OpenMetrics 1.0.0).
pub fn open_metrics(totals: &Totals, gauges: &Gauges) -> String {
    let mut text = String::new();
    let (worker, workers) = gauges.worker;
    let labels = if workers > 1 { format!("{{worker=\"{worker}\"}}") } else { String::new() };
    let mut family = |name: &str, kind: &str, meaning: &str, value: &str| {
        let suffix = if kind == "counter" { "_total" } else { "" };
        let unit = ["bytes", "seconds"].into_iter().find(|unit| name.ends_with(unit));
        let _ = writeln!(text, "# TYPE plimsoll_{name} {kind}");
        if let Some(unit) = unit {
            let _ = writeln!(text, "# UNIT plimsoll_{name} {unit}");
        }
        let _ = writeln!(text, "# HELP plimsoll_{name} {meaning}\nplimsoll_{name}{suffix}{labels} {value}");
    };
    family("connections", "gauge", "WebSockets that are open.", &totals.connections.to_string());
    if let Some(limit) = gauges.limit {
        family("connection_limit", "gauge", "Connections past which the server refuses.", &limit.to_string());
    }
    if let Some(memory) = gauges.memory_bytes {
        family(
            "resident_memory_bytes",
            "gauge",
            "Memory of the process that is resident and its own.",
            &memory.to_string(),
        );
    }
    family("cpu_seconds", "counter", "CPU time of the process.", &format!("{:.6}", totals.cpu_seconds));
    family(
        "work_seconds",
        "counter",
        "CPU time of the work that the scenario gives messages.",
        &format!("{:.6}", totals.work_seconds),
    );
    family(
        "loop_busy_seconds",
        "counter",
        "Time that the event loops were not waiting.",
        &format!("{:.6}", gauges.busy_seconds),
    );
    for (_, name, meaning, value) in totals.counts() {
        family(name, "counter", meaning, &value.to_string());
    }
    for metric in totals.link.iter().flat_map(LinkCounters::metrics) {
        let kind = if metric.kind == MetricKind::Counter { "counter" } else { "gauge" };
        family(metric.name, kind, &format!("{}.", metric.help), &metric.value.to_string());
    }
    family("log_enabled", "gauge", "Whether a log is written.", if gauges.log.is_some() { "1" } else { "0" });
    if let Some((written, lost)) = gauges.log {
        family("log_written_bytes", "counter", "Bytes written to the log's files.", &written.to_string());
        family("log_lost_bytes", "counter", "Bytes that could not be written to the log's files.", &lost.to_string());
    }
    text.push_str("# EOF\n");
    text
}
