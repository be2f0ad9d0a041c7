//! What compressing messages gives (smaller frames) and takes (CPU; its memory is in `memory_per_connection`).
//!
//! Ratios are those measured on chat text in JSON, with zlib at its default level; between the sizes measured they are
//! interpolated in the logarithm of the size, and a payload of 100 B or less stays as it is:
//!
//! | payload | 256 B | 1 KB | 16 KB and more |
//! |---|---|---|---|
//! | contexts not kept | 1.3 | 1.6 | 2.0 |
//! | contexts kept (`context_takeover`) | 2.0 | 2.1 | 2.3 |
//!
//! Of a binary payload the part of the ratio above 1 is halved. That is an assumption: names and digits, which compress
//! best, are gone from it already.

use crate::scenario::{Deflate, Encoding, FanOut, Scenario};

/// Payload bytes and how many times smaller they get: contexts not kept, and kept.
const RATIOS: [(f64, f64, f64); 4] = [(100.0, 1.0, 1.0), (256.0, 1.3, 2.0), (1_000.0, 1.6, 2.1), (16_000.0, 2.0, 2.3)];
/// Of the CPU time for both, inflating's share. An assumption: zlib inflates several times faster than it deflates.
const INFLATE_SHARE: f64 = 0.2;

/// How the payloads of a scenario are compressed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compression {
    /// The ratio that was asked for, for payloads of any size.
    fixed: Option<f64>,
    kept: bool,
    /// How much of the measured ratio above 1 is left.
    gain: f64,
}

impl Compression {
    /// That of this scenario, if there is one.
    pub fn of(scenario: &Scenario) -> Option<Self> {
        let Deflate { ratio, context_takeover, .. } = scenario.protocol.compression?;
        let gain = match scenario.protocol.encoding {
            Encoding::Json => 1.0,
            Encoding::Binary { .. } => 0.5,
        };
        Some(Self { fixed: ratio, kept: context_takeover, gain })
    }

    /// One of this ratio.
    #[cfg(test)]
    pub const fn of_ratio(ratio: f64) -> Self {
        Self { fixed: Some(ratio), kept: false, gain: 1.0 }
    }

    /// How many times smaller a payload of this size gets, at least 1.
    pub fn ratio(&self, payload: f64) -> f64 {
        self.fixed.unwrap_or_else(|| 1.0 + self.gain * (measured(payload, self.kept) - 1.0))
    }

    /// What is left of a payload, in bytes.
    pub fn compressed(&self, payload: f64) -> f64 {
        payload / self.ratio(payload)
    }
}

fn measured(payload: f64, kept: bool) -> f64 {
    let of = |&(_, alone, kept_ratio): &(f64, f64, f64)| if kept { kept_ratio } else { alone };
    let Some(above) = RATIOS.iter().position(|(size, ..)| payload < *size) else {
        return of(&RATIOS[RATIOS.len() - 1]);
    };
    if above == 0 {
        return of(&RATIOS[0]);
    }
    let (low, high) = (&RATIOS[above - 1], &RATIOS[above]);
    let way = (payload / low.0).ln() / (high.0 / low.0).ln();
    of(low) + way * (of(high) - of(low))
}

/// CPU seconds for each KB (1,000 bytes) of payload: a message is inflated as it comes and, where it is answered,
/// deflated as it goes. Copies for other users are counted one by one, below.
pub fn cpu_seconds_per_kb(scenario: &Scenario) -> f64 {
    let share = if scenario.workload.fan_out == FanOut::Echo { 1.0 } else { INFLATE_SHARE };
    scenario.protocol.compression.map_or(0.0, |deflate| deflate.cpu_per_kb.get() * share)
}

/// CPU seconds for each KB of a copy that is handed to another user: each is deflated for itself, since each connection
/// has a context of its own.
pub fn delivery_cpu_seconds_per_kb(scenario: &Scenario) -> f64 {
    let share = if scenario.workload.fan_out.crosses() { 1.0 - INFLATE_SHARE } else { 0.0 };
    scenario.protocol.compression.map_or(0.0, |deflate| deflate.cpu_per_kb.get() * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_those_measured_and_between() {
        let alone = Compression { fixed: None, kept: false, gain: 1.0 };
        let kept = Compression { kept: true, ..alone };
        for (size, without, with) in
            [(0.0, 1.0, 1.0), (99.0, 1.0, 1.0), (256.0, 1.3, 2.0), (1e3, 1.6, 2.1), (1e6, 2.0, 2.3)]
        {
            assert!((alone.ratio(size) - without).abs() < 1e-12, "{size}");
            assert!((kept.ratio(size) - with).abs() < 1e-12, "{size}");
        }
        // Half way between 1 KB and 16 KB, by the logarithm.
        assert!((alone.ratio(4_000.0) - 1.8).abs() < 1e-12);
        assert!((alone.compressed(1_000.0) - 625.0).abs() < 1e-9);
        let mut last = 1.0;
        for size in 1..20_000 {
            let ratio = alone.ratio(f64::from(size));
            assert!(ratio >= last, "{size}");
            last = ratio;
        }
    }

    #[test]
    fn binary_payloads_gain_half_and_a_ratio_given_is_kept() {
        let binary = Compression { fixed: None, kept: false, gain: 0.5 };
        assert!((binary.ratio(1_000.0) - 1.3).abs() < 1e-12);
        assert_eq!(Compression { fixed: Some(3.0), ..binary }.ratio(10.0), 3.0);
    }
}
