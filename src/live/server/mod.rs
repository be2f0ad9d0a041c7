//! The WebSocket server: one process of it, which does what a scenario says.
//!
//! The way of a message: `connection` reads from its socket into the thread's buffer (`core`), `reader` finds the messages
//! in it (`frame`), the work that the scenario states is done (`work`), the record goes to the `log`, and the message to
//! whom it is for: back, or by `delivery` to the queues (`peer`) of a list of connections (`channel`), and to other servers
//! if there are any (`linked`). The `caretaker` looks after
//! heartbeats and silence; `head` answers HTTP; `counters` is what is known at the end and at `/metrics`.
//!
//! A server of several threads is either one runtime whose threads take from each other (`servers.dispatch: shared`), or
//! a runtime a thread, with connections dealt out in turn (`per-core`).

mod caretaker;
mod channel;
mod connection;
mod core;
mod counters;
mod extension;
mod delivery;
mod frame;
mod head;
mod linked;
mod log;
mod peer;
mod reader;
mod settings;
mod shared;
mod tls;
mod transport;
mod work;

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};

pub use counters::Totals;
pub use log::{Log, LogSettings};
pub use settings::{Reach, Settings};
pub use tls::{Tls, TlsError};

use super::link::{Link, LinkError, LinkOptions};
use connection::Connection;
use linked::Linked;
use shared::Shared;
use transport::Transport;

/// How long connections have to say goodbye.
const FAREWELL: Duration = Duration::from_secs(3);
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long accepting pauses when it fails, such as for want of descriptors.
const PAUSE: Duration = Duration::from_millis(20);

/// What a server is given to work with, where it has any of it.
#[derive(Debug, Default)]
pub struct Means {
    /// Where records of messages go.
    pub log: Option<Log>,
    /// Encryption of connections.
    pub tls: Option<Tls>,
    /// The semaphore that holds the connection limit of several processes.
    pub common: Option<OwnedFd>,
    /// How it is linked to other servers.
    pub link: Option<LinkOptions>,
}

/// Why a server can't be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system gives it no threads, or no event loop.
    #[error("the server can't be started")]
    System(#[from] io::Error),
    /// The broker isn't there.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    /// Accepting goes on until this is true; serving, until it is dropped.
    ending: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    pool: Option<Runtime>,
}

impl Server {
    /// Starts serving on a listening socket.
    ///
    /// # Errors
    /// When threads can't be started, or the broker can't be reached.
    pub fn start(settings: Settings, listener: TcpListener, means: Means) -> Result<Self, StartError> {
        let Means { log, tls, common, link } = means;
        listener.set_nonblocking(true)?;
        let shared = Arc::new(Shared::new(settings, log, tls, common));
        let (ending, end) = watch::channel(false);
        let mut server = Self { shared, ending, threads: Vec::new(), pool: None };
        if server.shared.settings.shared && server.shared.settings.threads > 1 {
            server.start_pool(listener, link, end)?;
        } else {
            server.start_threads(listener, link, &end)?;
        }
        Ok(server)
    }

    /// One runtime for all threads.
    fn start_pool(
        &mut self,
        listener: TcpListener,
        link: Option<LinkOptions>,
        end: watch::Receiver<bool>,
    ) -> Result<(), StartError> {
        let number = AtomicU64::new(0);
        let shared = Arc::clone(&self.shared);
        let pool = Builder::new_multi_thread()
            .worker_threads(shared.settings.threads)
            .thread_name("serve")
            .enable_all()
            .on_thread_start(move || core::enter(&shared, number.fetch_add(1, Ordering::Relaxed)))
            .build()?;
        self.shared.add_runtime(pool.handle().clone());
        self.link(&pool, link)?;
        pool.spawn(caretaker::care(Arc::clone(&self.shared)));
        pool.spawn(accept(listener, Arc::clone(&self.shared), Vec::new(), end));
        self.pool = Some(pool);
        Ok(())
    }

    /// A runtime for each thread. The first accepts, and deals connections out in turn.
    fn start_threads(
        &mut self,
        listener: TcpListener,
        link: Option<LinkOptions>,
        end: &watch::Receiver<bool>,
    ) -> Result<(), StartError> {
        let first = Builder::new_current_thread().enable_all().build()?;
        self.link(&first, link)?;
        let mut others = Vec::new();
        for number in (1..self.shared.settings.threads).rev() {
            let (sender, mut receiver) = mpsc::unbounded_channel::<TcpStream>();
            others.push(sender);
            let shared = Arc::clone(&self.shared);
            let runtime = Builder::new_current_thread().enable_all().build()?;
            self.start_thread(number, runtime, end.clone(), async move {
                while let Some(stream) = receiver.recv().await {
                    if let Ok(stream) = tokio::net::TcpStream::from_std(stream) {
                        welcome(stream, &shared);
                    }
                }
            })?;
        }
        let (shared, ended) = (Arc::clone(&self.shared), end.clone());
        self.start_thread(0, first, end.clone(), async move {
            tokio::spawn(caretaker::care(Arc::clone(&shared)));
            accept(listener, shared, others, ended).await;
        })?;
        Ok(())
    }

    /// Links it to other servers. What they say is handed on by this runtime.
    fn link(&self, runtime: &Runtime, options: Option<LinkOptions>) -> Result<(), LinkError> {
        let Some(options) = options else { return Ok(()) };
        let (link, arrivals) = runtime.block_on(Link::connect(options))?;
        // There is none yet: this is done once.
        let _ = self.shared.link.set(Linked::new(link));
        runtime.spawn(linked::deliver(arrivals, Arc::clone(&self.shared)));
        Ok(())
    }

    fn start_thread(
        &mut self,
        number: usize,
        runtime: Runtime,
        mut end: watch::Receiver<bool>,
        first: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        self.shared.add_runtime(runtime.handle().clone());
        self.threads.push(thread::Builder::new().name(format!("serve {number}")).spawn(move || {
            core::enter(&shared, number as u64);
            runtime.block_on(async move {
                first.await;
                // Until the sender is gone.
                while end.changed().await.is_ok() {}
            });
        })?);
        Ok(())
    }

    /// Takes no more connections, says goodbye to those there are, waits for them a little, and ends.
    pub fn end(self) -> Totals {
        let Self { shared, ending, threads, pool } = self;
        let _ = ending.send(true);
        for step in 0.. {
            let members = shared.everyone.members();
            if members.is_empty() || STEP * step >= FAREWELL {
                break;
            }
            // Again each time: one may have been accepted meanwhile.
            members.iter().for_each(|peer| peer.signal(peer::GOING_AWAY));
            drop(members);
            thread::sleep(STEP);
        }
        shared.close_link(FAREWELL);
        drop(ending);
        for thread in threads {
            let _ = thread.join();
        }
        drop(pool);
        shared.flush_log();
        if let Some(log) = &shared.log {
            log.finish();
        }
        shared.totals()
    }
}

/// How often is looked whether all have gone.
const STEP: Duration = Duration::from_millis(10);

/// Accepts connections and deals them out to this runtime and the other threads in turn, until the end.
async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    others: Vec<mpsc::UnboundedSender<TcpStream>>,
    mut end: watch::Receiver<bool>,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let accepting = async {
        let mut turn = 0;
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                core::with(|core| core.counters.accept_failures.add(1));
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            // A message is sent when it is there, and not held back for more.
            let _ = stream.set_nodelay(true);
            turn = (turn + 1) % (others.len() + 1);
            match others.get(turn) {
                Some(other) => {
                    let _ = stream.into_std().map(|stream| other.send(stream));
                }
                None => welcome(stream, &shared),
            }
        }
    };
    let mut accepting = std::pin::pin!(accepting);
    let mut ending = std::pin::pin!(end.wait_for(|ending| *ending));
    std::future::poll_fn(|context| {
        if ending.as_mut().poll(context).is_ready() {
            return std::task::Poll::Ready(());
        }
        accepting.as_mut().poll(context)
    })
    .await;
}

/// Serves a connection on this runtime from now on.
fn welcome(stream: tokio::net::TcpStream, shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    let Some(tls) = &shared.tls else {
        tokio::spawn(Connection::new(Transport::Plain(stream), shared));
        return;
    };
    let handshake = tokio::time::timeout(HANDSHAKE, tls.acceptor().accept(stream));
    tokio::spawn(async move {
        if let Ok(Ok(stream)) = handshake.await {
            // A task of its own, so that the handshake's is given back.
            tokio::spawn(Connection::new(Transport::Tls(Box::new(stream)), shared));
        } else {
            core::with(|core| core.counters.tls_failures.add(1));
        }
    });
}
