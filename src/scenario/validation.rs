//! Reading of how the model is to be held against measurements.

use super::draft::World;
use crate::units::{Ratio, Seconds};

/// How the model is held against measurements.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// Utilisations of the servers' cores at which the system is measured, as the model has them.
    pub loads: Vec<Ratio>,
    /// How long each measurement takes.
    pub duration: Seconds,
    /// How often each is made.
    pub repeats: u64,
    /// How far off the model may be.
    pub tolerance: Tolerances,
}

/// How far a prediction may be off, as a share of what was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerances {
    /// Messages a second that get through.
    pub throughput: Ratio,
    /// Bytes on the wire.
    pub wire_bytes: Ratio,
    /// Bytes logged.
    pub log_bytes: Ratio,
    /// Memory of a connection.
    pub memory: Ratio,
    /// CPU time.
    pub cpu: Ratio,
    /// The most messages a second.
    pub saturation: Ratio,
    /// Connections refused.
    pub refused: Ratio,
    /// The median of latency.
    pub p50: Ratio,
    /// Its 90th percentile.
    pub p90: Ratio,
    /// Its 99th percentile.
    pub p99: Ratio,
}

/// The section, as a world has it.
pub(super) fn validation(world: &World) -> Validation {
    let figure = |path: &str| world.figure(path).unwrap_or(0.0);
    let tolerance = |name: &str| Ratio::new(figure(&format!("validation.tolerance.{name}")));
    Validation {
        loads: world.figures("validation.loads").unwrap_or_default().iter().map(|load| Ratio::new(*load)).collect(),
        duration: Seconds::new(figure("validation.duration")),
        repeats: figure("validation.repeats") as u64,
        tolerance: Tolerances {
            throughput: tolerance("throughput"),
            wire_bytes: tolerance("wire_bytes"),
            log_bytes: tolerance("log_bytes"),
            memory: tolerance("memory"),
            cpu: tolerance("cpu"),
            saturation: tolerance("saturation"),
            refused: tolerance("refused"),
            p50: tolerance("p50"),
            p90: tolerance("p90"),
            p99: tolerance("p99"),
        },
    }
}
