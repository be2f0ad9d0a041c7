//! Which cores the server gets and which the driver.

use anyhow::Context as _;
use rustix::thread::{CpuSet, sched_getaffinity};

use crate::app::Failure;

/// Cores, by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cores {
    /// The server's.
    pub server: Vec<usize>,
    /// The driver's.
    pub driver: usize,
}

impl Cores {
    /// Of those that this process may use: up to `wanted` for the server, and one after them for the driver.
    pub fn shared_out(wanted: u32) -> Result<Self, Failure> {
        let set = sched_getaffinity(None).map_err(std::io::Error::from).context("the cores are not known")?;
        let usable: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect();
        Ok(Self::of(&usable, wanted))
    }

    fn of(usable: &[usize], wanted: u32) -> Self {
        let count = (wanted as usize).clamp(1, usable.len().saturating_sub(1).max(1));
        let server: Vec<usize> = usable.iter().copied().take(count).collect();
        let driver = usable.get(count).or(usable.first()).copied().unwrap_or(0);
        Self { server, driver }
    }

    /// Whether server and driver have to share one.
    pub fn is_cramped(&self) -> bool {
        self.server.contains(&self.driver)
    }

    /// As a list for a command line.
    pub fn list(cores: &[usize]) -> String {
        cores.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_has_a_core_of_its_own_where_there_are_two() {
        let of = |usable: &[usize], wanted| {
            let cores = Cores::of(usable, wanted);
            (Cores::list(&cores.server), cores.driver, cores.is_cramped())
        };
        assert_eq!(of(&[0, 1], 4), ("0".to_owned(), 1, false));
        assert_eq!(of(&[2, 3, 5, 7], 2), ("2,3".to_owned(), 5, false));
        assert_eq!(of(&[0, 1, 2, 3], 4), ("0,1,2".to_owned(), 3, false));
        assert_eq!(of(&[4], 1), ("4".to_owned(), 4, true));
    }
}
