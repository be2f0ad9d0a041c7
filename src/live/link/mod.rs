//! Links between servers: how a message reaches members who are connected to another server.
//!
//! A server serves its own members itself and publishes each letter once, to the channel of the room or user; a broker
//! hands it to every *other* server that has members there. A broker that sends a publisher its own letters back is no
//! matter: they are known by the publisher's id and skipped. So every member gets a letter once, and members on the
//! publisher's own server don't wait for the broker.
//!
//! Delivery is at most once, as with the brokers themselves: while the broker is away, or takes letters too slowly, they
//! are counted and dropped, never kept in unbounded memory. Letters of one publisher on one channel arrive in order.
//!
//! A [`Link`] may be used from any thread; a task of its own (`supervisor`) owns the connection.

mod address;
mod backoff;
mod channel;
mod counters;
mod embedded;
mod letter;
mod mailbox;
mod nats;
mod redis;
mod registry;
mod session;
mod supervisor;

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

pub use address::{AddressError, BrokerAddress, Endpoint};
pub use channel::{Channel, Namespace};
pub use counters::{LinkCounters, LinkMetric, MetricKind};
pub use embedded::{BrokerCounters, EmbeddedBroker};
pub use letter::Letter;
pub use supervisor::LinkEvent;

use counters::Counters;
use letter::Outgoing;
use mailbox::{Mailbox, Refused};
use registry::Registry;
use supervisor::{Progress, Shared, Supervisor};

/// Why servers can't be linked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No connection at the start.
    #[error("the broker {address} can't be reached: {reason}; {help}")]
    Unreachable {
        /// The broker, without its password.
        address: String,
        /// What happened.
        reason: String,
        /// What can be done.
        help: String,
    },
    /// The embedded broker can't listen.
    #[error("the embedded broker can't listen on {address}: {source}; is the port in use?")]
    Listen {
        /// Where it was to listen.
        address: String,
        /// What happened.
        source: std::io::Error,
    },
}

/// How to link a server.
pub struct LinkOptions {
    /// The broker.
    pub broker: BrokerAddress,
    /// What keeps this system's channels apart from those of others at the same broker.
    pub namespace: Namespace,
    /// Most bytes of letters that wait for the broker, and for the server: what comes past that is dropped.
    pub queue_bytes: usize,
    /// A broker that takes longer than this for an answer is taken for lost.
    pub patience: Duration,
    /// Is told when the broker is lost and when it is back. It must not block.
    pub listener: Option<Box<dyn Fn(LinkEvent) + Send + Sync>>,
}

impl LinkOptions {
    /// A link through this broker, with 32 MiB for what waits and 5 s of patience.
    pub fn new(broker: BrokerAddress, namespace: Namespace) -> Self {
        let (queue_bytes, patience) = (32 << 20, Duration::from_secs(5));
        Self { broker, namespace, queue_bytes, patience, listener: None }
    }
}

impl fmt::Debug for LinkOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkOptions")
            .field("broker", &self.broker)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

/// What became of a letter that was to be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It waits for its turn at the broker.
    Queued,
    /// The broker is not there: dropped.
    BrokerAway,
    /// Too much waits for the broker already: dropped.
    QueueFull,
}

/// A server's way to the others. Its copies are the same link; when the last is dropped, the link is closed.
#[derive(Debug, Clone)]
pub struct Link(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.outgoing.close();
    }
}

/// What other servers published.
#[derive(Debug)]
pub struct Arrivals(Arc<Shared>);

impl Link {
    /// Connects to the broker, and starts the link's task on the current tokio runtime. The embedded broker must run
    /// already: its address is [`EmbeddedBroker::address`].
    ///
    /// # Errors
    /// When the broker can't be reached. Once it was, the link comes back by itself.
    pub async fn connect(options: LinkOptions) -> Result<(Self, Arrivals), LinkError> {
        let shared = Arc::new(Shared {
            server: random_id(),
            namespace: options.namespace,
            registry: Registry::default(),
            outgoing: Mailbox::new(options.queue_bytes),
            arriving: Mailbox::new(options.queue_bytes),
            counters: Counters::default(),
            progress: watch::Sender::new(Progress::Knows(0)),
        });
        let supervisor = Supervisor {
            shared: Arc::clone(&shared),
            address: options.broker,
            patience: options.patience,
            listener: options.listener,
        };
        let (session, line) = match supervisor.connect().await {
            Ok(connected) => connected,
            Err(reason) => return Err(unreachable(&supervisor.address, reason)),
        };
        shared.counters.set_up(true);
        tokio::spawn(supervisor.run(session, line));
        Ok((Self(Arc::new(Handle { shared: Arc::clone(&shared) })), Arrivals(shared)))
    }

    /// A member of the channel came. Its letters are wanted as long as there are members; [`settled`](Self::settled)
    /// tells when the broker knows.
    pub fn join(&self, channel: Channel) {
        if self.0.shared.registry.join(channel) {
            self.0.shared.outgoing.wake();
        }
    }

    /// A member of the channel went.
    pub fn leave(&self, channel: Channel) {
        if self.0.shared.registry.leave(channel) {
            self.0.shared.outgoing.wake();
        }
    }

    /// Waits until the broker knows of all members who came and went before; false, at once, if it is not there.
    pub async fn settled(&self) -> bool {
        let target = self.0.shared.registry.generation();
        let mut progress = self.0.shared.progress.subscribe();
        let settled = progress.wait_for(|progress| match progress {
            Progress::Away | Progress::Closed => true,
            Progress::Knows(generation) => *generation >= target,
        });
        settled.await.is_ok_and(|progress| matches!(*progress, Progress::Knows(_)))
    }

    /// Sends a letter to the channel's members on other servers. It never waits: what can't be sent is counted and
    /// dropped.
    pub fn publish(&self, channel: Channel, contents: &[u8]) -> Published {
        let shared = &self.0.shared;
        if !shared.counters.is_up() {
            shared.counters.dropped_down.add(1);
            return Published::BrokerAway;
        }
        let envelope = letter::envelope(shared.server, contents);
        let size = envelope.len();
        match shared.outgoing.put(Outgoing { channel, envelope }, size) {
            Ok(()) => Published::Queued,
            Err(Refused::Full) => {
                shared.counters.dropped_full.add(1);
                Published::QueueFull
            }
            Err(Refused::Closed) => {
                shared.counters.dropped_down.add(1);
                Published::BrokerAway
            }
        }
    }

    /// What was counted so far.
    pub fn counters(&self) -> LinkCounters {
        self.0.shared.counters.read(self.0.shared.registry.wanted())
    }

    /// Sends what waits, then takes leave of the broker. Nothing is published any more, on any copy of the link.
    pub async fn close(&self) {
        self.0.shared.outgoing.close();
        let mut progress = self.0.shared.progress.subscribe();
        // An error would mean that all senders are gone, and `self` holds one.
        let _ = progress.wait_for(|progress| *progress == Progress::Closed).await;
    }
}

impl Arrivals {
    /// Waits for letters and moves all there are to `letters`, which must be empty; false when the link was closed and
    /// none will come any more.
    pub async fn take(&mut self, letters: &mut Vec<Letter>) -> bool {
        loop {
            let open = self.0.arriving.take(letters);
            if !letters.is_empty() {
                return true;
            }
            if !open {
                return false;
            }
            self.0.arriving.filled().await;
        }
    }
}

fn unreachable(address: &BrokerAddress, reason: String) -> LinkError {
    let start = match address {
        BrokerAddress::Embedded | BrokerAddress::Plimsoll(_) => "start it with `plimsoll broker --listen HOST:PORT`",
        BrokerAddress::Redis(_) => "start it with `redis-server --port PORT`",
        BrokerAddress::Nats(_) => "start it with `nats-server --port PORT`",
    };
    let help = format!("{start}, or do without one of your own by `--broker embedded`");
    LinkError::Unreachable { address: address.to_string(), reason, help }
}

/// A number that no other server has: random keys of the standard library's hash tables, which the system provides.
fn random_id() -> u64 {
    RandomState::new().hash_one(std::process::id())
}
