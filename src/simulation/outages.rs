//! When each server is down, drained or slow, known before the run begins.

use crate::engine::Slow;
use crate::random::{Purpose, Stream};
use crate::scenario::{Deploy, FaultKind, Scenario};
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

impl Outage {
    /// Whether it lasts at this moment.
    pub fn holds(&self, at: SimTime) -> bool {
        self.from <= at && at < self.to
    }
}

/// A time in which a server closes its connections, evenly, and takes no new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// Which server.
    pub server: usize,
    /// When it begins.
    pub from: SimTime,
    /// When all are closed, and it goes down.
    pub to: SimTime,
    /// Which of the scenario's faults, a deploy, asks for it.
    pub fault: usize,
}

/// The outages of all servers, and what else keeps them from their work.
#[derive(Debug, Clone, Default)]
pub struct Outages {
    by_server: Vec<Vec<Outage>>,
    slow: Vec<Vec<Slow>>,
    drains: Vec<Drain>,
}

impl Outages {
    /// Those of a replication. Where faults overlap, a server is down while any of them holds it down: it stops once, and
    /// comes back when the last one ends.
    pub fn of(scenario: &Scenario, servers: usize, replication: u64) -> Self {
        let mut all =
            Self { by_server: vec![Vec::new(); servers], slow: vec![Vec::new(); servers], drains: Vec::new() };
        let mut faults: Vec<(usize, SimTime)> =
            scenario.faults.iter().map(|fault| SimTime::from_seconds(fault.at.get())).enumerate().collect();
        faults.sort_by_key(|(_, at)| *at);
        for (number, from) in faults {
            let fault = &scenario.faults[number];
            let to = fault.lasts.map_or(SimTime::NEVER, |lasts| SimTime::from_seconds(fault.at.get() + lasts.get()));
            let mut stream = Stream::named(scenario.simulation.seed, replication, number as u64, Purpose::Faults);
            match fault.kind {
                FaultKind::Lose { zone } => {
                    let zones = scenario.zones.as_ref();
                    let hit = (0..servers).filter(|server| zones.is_some_and(|zones| zones.of_server(*server) == zone));
                    hit.for_each(|server| all.by_server[server].push(Outage { from, to, fault: number }));
                }
                FaultKind::Crash { servers: count } => {
                    for server in some_of(all.up(from), count, &mut stream) {
                        all.by_server[server].push(Outage { from, to, fault: number });
                    }
                }
                FaultKind::Slow { servers: count, factor } => {
                    for server in some_of(all.up(from), count, &mut stream) {
                        all.slow[server].push(Slow { from, to, factor });
                    }
                }
                FaultKind::Deploy(deploy) => all.deploy(&deploy, fault.at.get(), number),
                FaultKind::Network { .. } | FaultKind::LoseBroker { .. } => {}
            }
        }
        let end = SimTime::from_seconds(scenario.simulation.duration.get());
        for outages in &mut all.by_server {
            merge(outages);
            // What comes after the end happens to nobody, and what is inside at the end is not lost by it.
            outages.retain(|outage| outage.from <= end);
        }
        all
    }

    /// Servers that no fault so far holds down at this moment.
    fn up(&self, at: SimTime) -> Vec<usize> {
        (0..self.by_server.len()).filter(|server| !is_down(&self.by_server[*server], at)).collect()
    }

    /// Takes out all servers, batch by batch.
    fn deploy(&mut self, deploy: &Deploy, at_seconds: f64, fault: usize) {
        for server in 0..self.by_server.len() {
            let batch = server as u64 / deploy.batch;
            let start = at_seconds + deploy.every.get() * batch as f64;
            let down = start + deploy.drain.get();
            let [from, to, up] = [start, down, down + deploy.restart.get()].map(SimTime::from_seconds);
            self.drains.push(Drain { server, from, to, fault });
            self.by_server[server].push(Outage { from: to, to: up, fault });
        }
    }

    /// The times in which servers close their connections.
    pub fn drains(&self) -> &[Drain] {
        &self.drains
    }

    /// The times in which the CPU of a server is slow.
    pub fn slow(&self, server: usize) -> &[Slow] {
        self.slow.get(server).map_or(&[], Vec::as_slice)
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
    outages.iter().any(|outage| outage.holds(at))
}

/// Up to so many of these servers at random (the first steps of Fisher and Yates's shuffle).
pub fn some_of(mut servers: Vec<usize>, count: u64, stream: &mut Stream) -> Vec<usize> {
    let n = servers.len();
    let count = usize::try_from(count).unwrap_or(n).min(n);
    for i in 0..count {
        servers.swap(i, i + stream.below((n - i) as u64) as usize);
    }
    servers.truncate(count);
    servers
}

/// Outages that meet are one.
pub fn merge(outages: &mut Vec<Outage>) {
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
        let all = Outages { by_server: vec![outages, vec![outage(0, u64::MAX, 0)]], ..Outages::default() };
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
