//! When nodes of the broker are down, known before the run begins, and who leads in their place.

use super::outages::{Outage, merge, some_of};
use crate::random::{Purpose, Stream, mix};
use crate::scenario::{FaultKind, Scenario};
use crate::units::{SimTime, Span};

/// The outages of all nodes.
#[derive(Debug, Clone, Default)]
pub struct Broken {
    by_node: Vec<Vec<Outage>>,
    /// How long the replicas of a lost node take to agree on another; `None` where there are none.
    failover: Option<Span>,
    /// When a node stops, is back, or is led by another, in order.
    moments: Vec<SimTime>,
}

/// Where what is for a node goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whereto {
    /// To this node.
    Node(u32),
    /// Nowhere until then, by the fault of this number; `NEVER` where nobody will ever have it.
    Wait(SimTime, usize),
}

impl Broken {
    /// Those of a replication, with so many nodes.
    pub fn of(scenario: &Scenario, nodes: usize, replication: u64) -> Self {
        let mut by_node: Vec<Vec<Outage>> = vec![Vec::new(); nodes];
        let mut faults: Vec<usize> = (0..scenario.faults.len()).collect();
        faults.sort_by_key(|fault| SimTime::from_seconds(scenario.faults[*fault].at.get()));
        for number in faults {
            let fault = &scenario.faults[number];
            let FaultKind::LoseBroker { nodes: count } = fault.kind else { continue };
            let from = SimTime::from_seconds(fault.at.get());
            let to = fault.lasts.map_or(SimTime::NEVER, |lasts| SimTime::from_seconds(fault.at.get() + lasts.get()));
            let mut stream = Stream::named(scenario.simulation.seed, replication, number as u64, Purpose::Faults);
            let up = (0..nodes).filter(|node| !by_node[*node].iter().any(|outage| outage.holds(from))).collect();
            for node in some_of(up, count, &mut stream) {
                by_node[node].push(Outage { from, to, fault: number });
            }
        }
        by_node.iter_mut().for_each(merge);
        if by_node.iter().all(Vec::is_empty) {
            // Most runs: nothing to look at.
            by_node.clear();
        }
        let broker = scenario.broker.as_ref().filter(|broker| broker.replication > 1);
        let failover = broker.map(|broker| Span::from_seconds(broker.failover.get()));
        let mut moments: Vec<SimTime> = by_node
            .iter()
            .flatten()
            .flat_map(|outage| [outage.from, outage.to, outage.from + failover.unwrap_or(Span::ZERO)])
            .filter(|moment| *moment != SimTime::NEVER)
            .collect();
        moments.sort_unstable();
        moments.dedup();
        Self { by_node, failover, moments }
    }

    /// Moments after `now` and up to `until` at which something changes.
    pub fn moments(&self, now: SimTime, until: SimTime) -> &[SimTime] {
        let first = self.moments.partition_point(|moment| *moment <= now);
        let end = self.moments.partition_point(|moment| *moment <= until);
        &self.moments[first..end.max(first)]
    }

    /// Whether what is lost with a node is kept by others.
    pub fn is_replicated(&self) -> bool {
        self.failover.is_some()
    }

    /// The outage of a node that begins next after `now`.
    pub fn next(&self, node: u32, now: SimTime) -> Option<Outage> {
        self.by_node.get(node as usize)?.iter().find(|outage| outage.from > now).copied()
    }

    /// When a node was last back by `now`; zero if it never was down.
    pub fn back_since(&self, node: u32, now: SimTime) -> SimTime {
        let outages = self.by_node.get(node as usize).map_or(&[][..], Vec::as_slice);
        outages.iter().map(|outage| outage.to).filter(|to| *to <= now).max().unwrap_or(SimTime::ZERO)
    }

    /// Where what this server has for a node goes now. With replicas, one of the nodes that are up leads in its place
    /// once they have agreed: each server's letters go to one of them, all servers' evenly to all.
    pub fn whereto(&self, node: u32, server: u32, now: SimTime) -> Whereto {
        let Some(outage) = self.outage(node, now) else { return Whereto::Node(node) };
        let Some(failover) = self.failover else { return Whereto::Wait(SimTime::NEVER, outage.fault) };
        let agreed = SimTime(outage.from.0.saturating_add(failover.0));
        if now < agreed {
            return Whereto::Wait(agreed.min(outage.to), outage.fault);
        }
        let up: Vec<u32> = (0..self.by_node.len() as u32).filter(|other| self.outage(*other, now).is_none()).collect();
        if up.is_empty() {
            let back = self.by_node.iter().flatten().map(|outage| outage.to).filter(|to| *to > now).min();
            return Whereto::Wait(back.unwrap_or(SimTime::NEVER), outage.fault);
        }
        let which = mix(u64::from(node) << 32 | u64::from(server)) % up.len() as u64;
        Whereto::Node(up[which as usize])
    }

    /// When what was in a node that goes down is taken up again.
    pub fn taken_up(&self, outage: Outage) -> SimTime {
        match self.failover {
            Some(failover) => outage.to.min(SimTime(outage.from.0.saturating_add(failover.0))),
            None => SimTime::NEVER,
        }
    }

    fn outage(&self, node: u32, now: SimTime) -> Option<Outage> {
        self.by_node.get(node as usize)?.iter().find(|outage| outage.holds(now)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(failover: Option<u64>) -> Broken {
        let outage = |from: u64, to: u64| Outage { from: SimTime(from), to: SimTime(to), fault: 0 };
        let by_node = vec![vec![outage(100, 200)], vec![], vec![outage(150, u64::MAX)]];
        Broken { by_node, failover: failover.map(Span), moments: Vec::new() }
    }

    #[test]
    fn without_replicas_nobody_takes_over() {
        let broken = broken(None);
        assert_eq!(broken.whereto(0, 5, SimTime(99)), Whereto::Node(0));
        assert_eq!(broken.whereto(0, 5, SimTime(100)), Whereto::Wait(SimTime::NEVER, 0));
        assert_eq!(broken.whereto(0, 5, SimTime(200)), Whereto::Node(0));
        assert_eq!(broken.back_since(0, SimTime(250)), SimTime(200));
    }

    #[test]
    fn with_replicas_another_leads_once_they_agree() {
        let broken = broken(Some(30));
        assert_eq!(broken.whereto(0, 5, SimTime(110)), Whereto::Wait(SimTime(130), 0));
        assert!(matches!(broken.whereto(0, 5, SimTime(130)), Whereto::Node(1 | 2)));
        // The third node is down as well from 150 on, and for ever.
        assert_eq!(broken.whereto(0, 5, SimTime(160)), Whereto::Node(1));
        assert!(matches!(broken.whereto(2, 5, SimTime(500)), Whereto::Node(0 | 1)));
        assert_eq!(broken.taken_up(broken.next(2, SimTime(0)).unwrap()), SimTime(180));
    }
}
