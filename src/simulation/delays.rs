//! Times in which the network is slower, known before the run begins.

use crate::scenario::{FaultKind, Scenario, Ways};
use crate::units::{SimTime, Span};

/// How much longer each way takes, and when.
#[derive(Debug, Clone, Default)]
pub struct Delays {
    client: Vec<Delay>,
    server: Vec<Delay>,
}

#[derive(Debug, Clone, Copy)]
struct Delay {
    from: SimTime,
    to: SimTime,
    more: Span,
}

impl Delays {
    /// Those of a scenario's faults.
    pub fn of(scenario: &Scenario) -> Self {
        let mut delays = Self::default();
        for fault in &scenario.faults {
            let FaultKind::Network { of, latency } = fault.kind else { continue };
            let from = SimTime::from_seconds(fault.at.get());
            let to = fault.lasts.map_or(SimTime::NEVER, |lasts| SimTime::from_seconds(fault.at.get() + lasts.get()));
            let ways = if of == Ways::Client { &mut delays.client } else { &mut delays.server };
            ways.push(Delay { from, to, more: Span::from_seconds(latency.get()) });
        }
        delays
    }

    /// Whether ways between users and servers are ever longer.
    pub fn reach_clients(&self) -> bool {
        !self.client.is_empty()
    }

    /// How much longer a way between user and server takes that begins now.
    pub fn client(&self, now: SimTime) -> Span {
        sum(&self.client, now)
    }

    /// The same of a way between server and broker.
    pub fn server(&self, now: SimTime) -> Span {
        sum(&self.server, now)
    }
}

/// Faults that overlap add up.
fn sum(delays: &[Delay], now: SimTime) -> Span {
    Span(delays.iter().filter(|delay| delay.from <= now && now < delay.to).map(|delay| delay.more.0).sum())
}
