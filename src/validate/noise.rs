//! What disturbed a measurement, and how much of it is too much.

/// Share of the time that the machine may be taken away by its host.
pub const MOST_STEAL: f64 = 0.01;
/// Time that the server may wait for a core which other programs have, as a share of the time measured.
pub const MOST_WAITED: f64 = 0.02;
/// Share of the messages that the driver may send late.
pub const MOST_DRIVER_LATE: f64 = 0.01;
/// How far the repeats at one load may lie apart in CPU time: the largest less the smallest, over their mean.
pub const MOST_REPEAT_SPREAD: f64 = 0.1;

/// What disturbed a measurement. What was not looked at is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Noise {
    /// Share of the time in which the machine was taken away by its host.
    pub steal_share: Option<f64>,
    /// Time that the server's threads waited for a core, as a share of the time measured: other programs had it.
    pub waited_share: Option<f64>,
    /// Share of the messages that the driver sent late.
    pub driver_late_share: Option<f64>,
    /// Whether the driver, not the server, was the limit.
    pub driver_limited: bool,
    /// How far the repeats lie apart in CPU time: the largest less the smallest, over their mean.
    pub repeat_spread: Option<f64>,
}

impl Noise {
    /// What of it is more than may be, in words; nothing where the measurement stands.
    pub fn excesses(&self) -> Vec<String> {
        let shares = [
            ("CPU stolen by the host", self.steal_share, MOST_STEAL),
            ("server kept waiting for a core by other programs", self.waited_share, MOST_WAITED),
            ("messages sent late by the driver", self.driver_late_share, MOST_DRIVER_LATE),
            ("spread of CPU time over the repeats", self.repeat_spread, MOST_REPEAT_SPREAD),
        ];
        let mut excesses: Vec<String> = shares
            .into_iter()
            // A share that is no number is no sign of calm.
            .filter_map(|(what, share, most)| {
                share.filter(|share| share.is_nan() || *share > most).map(|s| (what, s, most))
            })
            .map(|(what, share, most)| format!("{what}: {:.1} % (at most {:.0} %)", share * 100.0, most * 100.0))
            .collect();
        if self.driver_limited {
            excesses.push("the driver was the limit, not the server".to_owned());
        }
        excesses
    }

    /// Both together: of each the worse.
    #[must_use]
    pub fn worse(&self, other: &Self) -> Self {
        let worse = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).max_by(f64::total_cmp);
        Self {
            steal_share: worse(self.steal_share, other.steal_share),
            waited_share: worse(self.waited_share, other.waited_share),
            driver_late_share: worse(self.driver_late_share, other.driver_late_share),
            driver_limited: self.driver_limited || other.driver_limited,
            repeat_spread: worse(self.repeat_spread, other.repeat_spread),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_an_excess_past_its_bound() {
        let calm = Noise {
            waited_share: Some(0.0),
            steal_share: Some(MOST_STEAL),
            driver_late_share: Some(0.0),
            driver_limited: false,
            repeat_spread: Some(MOST_REPEAT_SPREAD),
        };
        assert!(calm.excesses().is_empty() && Noise::default().excesses().is_empty());
        for noisy in [
            Noise { steal_share: Some(0.011), ..calm },
            Noise { driver_late_share: Some(0.02), ..calm },
            Noise { driver_limited: true, ..calm },
            Noise { repeat_spread: Some(0.2), ..calm },
            Noise { repeat_spread: Some(f64::NAN), ..calm },
        ] {
            assert_eq!(noisy.excesses().len(), 1, "{noisy:?}");
            assert_eq!(calm.worse(&noisy).excesses().len(), 1);
        }
    }
}
