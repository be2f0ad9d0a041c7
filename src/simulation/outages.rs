//! When each server is down, known before the run begins.

use crate::random::{Purpose, Stream};
use crate::scenario::{FaultKind, Scenario};
use crate::units::SimTime;

/// A time in which a server is down. It stops at its start, with all that is in it, and comes back empty at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// When it goes down.
    pub from: SimTime,
    /// When it is up again; `NEVER` for not any more.
    pub to: SimTime,
    /// Which of the scenario's faults takes it down.
    pub fault: usize,
}

/// The outages of all servers.
#[derive(Debug, Clone, Default)]
pub struct Outages {
    by_server: Vec<Vec<Outage>>,
}

impl Outages {
    /// Those of a replication. Where faults overlap, a server is down while any of them holds it down: it stops once, and
    /// comes back when the last one ends.
    pub fn of(scenario: &Scenario, servers: usize, replication: u64) -> Self {
        let mut by_server = vec![Vec::new(); servers];
        let mut faults: Vec<(usize, SimTime)> =
            scenario.faults.iter().map(|fault| SimTime::from_seconds(fault.at.get())).enumerate().collect();
        faults.sort_by_key(|(_, at)| *at);
        for (number, from) in faults {
            let fault = &scenario.faults[number];
            let to = fault.lasts.map_or(SimTime::NEVER, |lasts| SimTime::from_seconds(fault.at.get() + lasts.get()));
            let hit: Vec<usize> = match fault.kind {
                FaultKind::Lose { zone } => {
                    let zones = scenario.zones.as_ref();
                    (0..servers).filter(|server| zones.is_some_and(|zones| zones.of_server(*server) == zone)).collect()
                }
                FaultKind::Crash { servers: count } => {
                    let up = (0..servers).filter(|server| !is_down(&by_server[*server], from)).collect();
                    let seed = scenario.simulation.seed;
                    some_of(up, count, &mut Stream::named(seed, replication, number as u64, Purpose::Faults))
                }
            };
            for server in hit {
                by_server[server].push(Outage { from, to, fault: number });
            }
        }
        by_server.iter_mut().for_each(merge);
        Self { by_server }
    }

    /// The outages of a server, in order of time; they don't touch.
    pub fn of_server(&self, server: usize) -> &[Outage] {
        self.by_server.get(server).map_or(&[], Vec::as_slice)
    }

    /// Time that servers are down between two moments, summed over them, in picoseconds.
    pub fn down_between(&self, from: SimTime, to: SimTime) -> u128 {
        let all = self.by_server.iter().flatten();
        all.map(|outage| u128::from(outage.to.min(to).since(outage.from.max(from)).0)).sum()
    }
}

fn is_down(outages: &[Outage], at: SimTime) -> bool {
    outages.iter().any(|outage| outage.from <= at && at < outage.to)
}

/// Up to so many of these servers at random (the first steps of Fisher and Yates's shuffle).
fn some_of(mut servers: Vec<usize>, count: u64, stream: &mut Stream) -> Vec<usize> {
    let n = servers.len();
    let count = usize::try_from(count).unwrap_or(n).min(n);
    for i in 0..count {
        servers.swap(i, i + stream.below((n - i) as u64) as usize);
    }
    servers.truncate(count);
    servers
}

fn merge(outages: &mut Vec<Outage>) {
    outages.sort_by_key(|outage| (outage.from, outage.fault));
    outages.dedup_by(|later, earlier| {
        let together = later.from <= earlier.to;
        if together {
            earlier.to = earlier.to.max(later.to);
        }
        together
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outage(from: u64, to: u64, fault: usize) -> Outage {
        Outage { from: SimTime(from), to: SimTime(to), fault }
    }

    #[test]
    fn outages_that_meet_are_one() {
        let mut outages = vec![outage(50, 60, 2), outage(10, 20, 0), outage(15, 30, 1), outage(30, 40, 3)];
        merge(&mut outages);
        assert_eq!(outages, [outage(10, 40, 0), outage(50, 60, 2)]);
        let all = Outages { by_server: vec![outages, vec![outage(0, u64::MAX, 0)]] };
        assert_eq!(all.down_between(SimTime(35), SimTime(55)), 5 + 5 + 20);
    }

    #[test]
    fn a_crash_takes_that_many() {
        let mut stream = Stream::named(1, 0, 0, Purpose::Faults);
        let mut hit = some_of((0..10).collect(), 4, &mut stream);
        hit.sort_unstable();
        hit.dedup();
        assert_eq!(hit.len(), 4);
        assert_eq!(some_of(vec![3, 5], 9, &mut stream).len(), 2);
    }
}
