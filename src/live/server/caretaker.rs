//! The caretaker looks at each connection again and again: who is due for a heartbeat, who is silent, who takes too long
//! with a request or an ending. It also hands gathered records to the log.
//!
//! It goes round the list of connections, each tick a part of it, so that heartbeats are spread over time and no
//! connection needs a timer.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::peer::{self, Peer, Stage};
use super::settings::Settings;
use super::shared::{Shared, now};

/// Time between two ticks.
const TICK: Duration = Duration::from_millis(50);
/// Time in which the whole list is seen at least once.
const ROUND: Duration = Duration::from_secs(2);
/// How long a request may take, and an ending.
const REQUEST: u32 = 10_000;
const ENDING: u32 = 2_000;

/// Looks after the connections, for ever.
pub async fn care(shared: Arc<Shared>) {
    let rounds = Rounds::of(&shared.settings);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut due, mut at) = (0.0, 0);
    loop {
        ticks.tick().await;
        shared.flush_log();
        let members = shared.everyone.members();
        due += members.len() as f64 * TICK.as_secs_f64() / rounds.every.as_secs_f64();
        let now = now();
        let visits = due as usize;
        due -= visits as f64;
        for _ in 0..visits.min(members.len()) {
            at = if at < members.len() { at } else { 0 };
            rounds.visit(&members[at], now);
            at += 1;
        }
    }
}

/// How often connections are looked at, and what for.
#[derive(Debug)]
struct Rounds {
    every: Duration,
    /// A ping each so many visits.
    ping: Option<u32>,
    /// Silence allowed, and silence both ways, in ms.
    silence: u32,
    idle: u32,
}

impl Rounds {
    fn of(settings: &Settings) -> Self {
        let shortest = settings.idle_timeout.map_or(ROUND, |timeout| ROUND.min(timeout / 8)).max(TICK);
        let milliseconds = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let visits = settings.heartbeat.map(|every| every.as_secs_f64() / shortest.as_secs_f64());
        let visits = visits.map(|visits| visits.ceil().max(1.0));
        Self {
            every: settings.heartbeat.zip(visits).map_or(shortest, |(every, visits)| every.div_f64(visits)),
            ping: visits.map(|visits| visits as u32),
            silence: settings.heartbeat.map_or(u32::MAX, |every| milliseconds(every.saturating_mul(2))),
            idle: settings.idle_timeout.map_or(u32::MAX, milliseconds),
        }
    }

    fn visit(&self, peer: &Peer, now: u32) {
        let cut = match peer.stage() {
            Stage::Request => peer.stands_for(now) > REQUEST,
            Stage::Ending => peer.stands_for(now) > ENDING,
            Stage::Open => {
                let visits = peer.visits.fetch_add(1, Relaxed) + 1;
                if self.ping.is_some_and(|ping| visits.is_multiple_of(ping)) {
                    peer.signal(peer::PING);
                }
                peer.silent_for(now) > self.silence || peer.idle_for(now) > self.idle
            }
        };
        if cut {
            peer.signal(peer::SILENT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(heartbeat: Option<u64>, idle: Option<u64>) -> Rounds {
        Rounds {
            every: Duration::ZERO,
            ping: heartbeat.map(|_| 3),
            silence: heartbeat.map_or(u32::MAX, |ms| 2 * ms as u32),
            idle: idle.map_or(u32::MAX, |ms| ms as u32),
        }
    }

    #[test]
    fn every_third_visit_brings_a_ping_and_silence_the_end() {
        let peer = Peer::new(0);
        peer.enter(Stage::Open, 0);
        let rounds = rounds(Some(1_000), None);
        let seen: Vec<u8> = [0, 500, 1_000, 1_500, 2_001]
            .map(|now| {
                rounds.visit(&peer, now);
                peer.signals()
            })
            .into();
        assert_eq!(seen, [0, 0, peer::PING, 0, peer::SILENT]);
    }

    #[test]
    fn words_either_way_keep_an_idle_connection() {
        let peer = Peer::new(0);
        peer.enter(Stage::Open, 0);
        let rounds = rounds(None, Some(1_000));
        peer.spoken(800);
        rounds.visit(&peer, 1_700);
        assert_eq!(peer.signals(), 0);
        rounds.visit(&peer, 1_801);
        assert_eq!(peer.signals(), peer::SILENT);
    }

    #[test]
    fn a_request_that_never_ends_is_cut() {
        let peer = Peer::new(0);
        let rounds = rounds(None, None);
        rounds.visit(&peer, REQUEST);
        assert_eq!(peer.signals(), 0);
        rounds.visit(&peer, REQUEST + 1);
        assert_eq!(peer.signals(), peer::SILENT);
    }

    #[test]
    fn pings_keep_their_interval_however_often_is_looked() {
        let mut settings = Settings::of(
            &crate::scenario::Document::parse("x", b"users: 1\nworkload: {message: {rate: 1/s}}", &|_| unreachable!())
                .unwrap()
                .resolve()
                .unwrap(),
            false,
        );
        for (heartbeat, idle) in [(30.0, None), (0.5, None), (7.0, Some(3.0))] {
            settings.heartbeat = Some(Duration::from_secs_f64(heartbeat));
            settings.idle_timeout = idle.map(Duration::from_secs_f64);
            let rounds = Rounds::of(&settings);
            let interval = rounds.every.as_secs_f64() * f64::from(rounds.ping.unwrap());
            assert!((interval - heartbeat).abs() < 1e-6 && rounds.every <= ROUND, "{rounds:?}");
        }
    }
}
