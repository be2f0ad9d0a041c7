//! The server's side of a link: what its members say goes to the members on other servers, and what others say comes to
//! its own.
//!
//! A message is published once, to the address of its room, user or everyone. What arrives is handed to the members here
//! and goes no further. A connection is told that it is a WebSocket when the broker knows that its room is wanted here,
//! so it gets every message that is published from then on.

use std::pin::Pin;
use std::sync::Arc;

use tokio::task::yield_now;

use super::core::{self, Core};
use super::delivery::Delivery;
use super::frame::Kind;
use super::peer::{Peer, Stage};
use super::shared::Shared;
use crate::live::link::{Arrivals, Channel as Address, Letter, Link, LinkCounters};

/// Letters handed on in a row before connections get their turn.
const LETTERS: usize = 64;
/// Room for a letter that a thread keeps, in bytes.
const KEPT: usize = 64 << 10;
/// The first byte of a letter; the rest is the message.
const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// Done once the broker knows.
pub type Settled = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A server's link to others.
#[derive(Debug)]
pub struct Linked(Link);

impl Linked {
    /// By this link.
    pub fn new(link: Link) -> Self {
        Self(link)
    }

    /// A member came.
    pub fn join(&self, address: Address) {
        self.0.join(address);
    }

    /// Waits until the broker knows of all who came; not at all if it is away, since nothing comes through it then.
    pub fn settled(&self) -> Settled {
        let link = self.0.clone();
        Box::pin(async move {
            link.settled().await;
        })
    }

    /// A member went.
    pub fn leave(&self, address: Address) {
        self.0.leave(address);
    }

    /// Sends a message to the members on other servers. What can't be sent is counted by the link.
    pub fn publish(&self, address: Address, kind: Kind, payload: &[u8], core: &mut Core) {
        let letter = &mut core.letter;
        letter.push(match kind {
            Kind::Text => TEXT,
            Kind::Binary => BINARY,
        });
        letter.extend_from_slice(payload);
        self.0.publish(address, letter);
        letter.clear();
        letter.shrink_to(KEPT);
    }

    /// What was counted so far.
    pub fn counters(&self) -> LinkCounters {
        self.0.counters()
    }

    /// Sends what waits, and takes leave of the broker.
    pub fn close(&self) -> impl Future<Output = ()> + Send + 'static {
        let link = self.0.clone();
        async move { link.close().await }
    }
}

/// Hands what arrives to the members here, until the link is closed.
pub async fn deliver(mut arrivals: Arrivals, shared: Arc<Shared>) {
    let mut letters = Vec::new();
    while arrivals.take(&mut letters).await {
        for some in letters.chunks(LETTERS) {
            core::with(|core| some.iter().for_each(|letter| hand_on(letter, &shared, core)));
            yield_now().await;
        }
        letters.clear();
    }
}

fn hand_on(letter: &Letter, shared: &Shared, core: &mut Core) {
    let (kind, payload) = match letter.bytes.split_first() {
        Some((&TEXT, payload)) => (Kind::Text, payload),
        Some((&BINARY, payload)) => (Kind::Binary, payload),
        // Of a version to come, maybe.
        _ => return,
    };
    let mut delivery = Delivery::new(kind, payload);
    let mut hand_to = |members: &[Arc<Peer>]| {
        for member in members.iter().filter(|member| member.stage() == Stage::Open) {
            delivery.offer(member, &shared.settings, core);
        }
    };
    match letter.channel {
        Address::Everyone => hand_to(&shared.everyone.members()),
        Address::Room(number) | Address::User(number) => {
            if let Some(group) = u32::try_from(number).ok().and_then(|number| shared.groups.find(number)) {
                hand_to(&group.members());
            }
        }
    }
}
