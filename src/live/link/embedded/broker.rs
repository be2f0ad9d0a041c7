//! The embedded broker itself: hands each letter to every other client that subscribed to its channel.
//!
//! Each client has a queue of bounded size for what is to be sent to it; a client that takes letters too slowly loses
//! those that don't fit, and slows nobody down. It hears how many it lost with each answer to a ping.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::super::LinkError;
use super::super::address::BrokerAddress;
use super::super::counters::Counter;
use super::super::mailbox::Mailbox;
use super::frame::{self, Foreign, Frame, Write as _};

/// Most bytes that wait for one client.
const QUEUE: usize = 32 << 20;
/// Bytes that are collected before they are written.
const FLUSH: usize = 64 << 10;
/// What to wait when no connection can be accepted, for want of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// A broker that runs until it is dropped.
#[derive(Debug)]
pub struct EmbeddedBroker {
    address: SocketAddr,
    hub: Arc<Hub>,
    task: JoinHandle<()>,
}

/// What a broker had counted at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct BrokerCounters {
    /// Servers that are connected.
    pub servers: u64,
    /// Letters that came.
    pub published: u64,
    /// Letters that went, one for each server they were for.
    pub delivered: u64,
    /// Letters that didn't go, since a server took them too slowly.
    pub dropped: u64,
}

impl EmbeddedBroker {
    /// Listens there (port 0: any free one), and serves on the current tokio runtime.
    ///
    /// # Errors
    /// When it can't listen there.
    pub async fn start(listen: SocketAddr) -> Result<Self, LinkError> {
        let failed = |source| LinkError::Listen { address: listen.to_string(), source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let hub = Arc::new(Hub::default());
        let task = tokio::spawn(accept(listener, Arc::clone(&hub)));
        Ok(Self { address, hub, task })
    }

    /// What servers have to be given to reach it.
    pub fn address(&self) -> BrokerAddress {
        BrokerAddress::plimsoll(self.address)
    }

    /// What was counted so far.
    pub fn counters(&self) -> BrokerCounters {
        BrokerCounters {
            servers: self.hub.lock().peers,
            published: self.hub.published.get(),
            delivered: self.hub.delivered.get(),
            dropped: self.hub.dropped.get(),
        }
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Who wants what.
#[derive(Debug, Default)]
struct Hub {
    table: Mutex<Table>,
    published: Counter,
    delivered: Counter,
    dropped: Counter,
}

#[derive(Debug, Default)]
struct Table {
    /// By the name of the channel.
    subscribers: HashMap<Bytes, Vec<Arc<Peer>>>,
    peers: u64,
}

/// A client, as others see it.
#[derive(Debug)]
struct Peer {
    mailbox: Mailbox<Bytes>,
    dropped: AtomicU64,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subscribe(&self, name: Bytes, peer: &Arc<Peer>) {
        self.lock().subscribers.entry(name).or_default().push(Arc::clone(peer));
    }

    fn unsubscribe(&self, name: &Bytes, peer: &Arc<Peer>) {
        let mut table = self.lock();
        if let Some(peers) = table.subscribers.get_mut(name) {
            peers.retain(|other| !Arc::ptr_eq(other, peer));
            if peers.is_empty() {
                table.subscribers.remove(name);
            }
        }
    }

    /// Hands a letter to everybody who wants it but `from`.
    fn publish(&self, name: &Bytes, whole: &Bytes, from: &Arc<Peer>) {
        let (mut delivered, mut dropped) = (0, 0);
        if let Some(peers) = self.lock().subscribers.get(name) {
            for peer in peers.iter().filter(|peer| !Arc::ptr_eq(peer, from)) {
                if peer.mailbox.put(whole.clone(), whole.len()).is_ok() {
                    delivered += 1;
                } else {
                    peer.dropped.fetch_add(1, Ordering::Relaxed);
                    dropped += 1;
                }
            }
        }
        self.published.add(1);
        self.delivered.add(delivered);
        self.dropped.add(dropped);
    }
}

/// Takes in clients until it is aborted; theirs are then ended too.
async fn accept(listener: TcpListener, hub: Arc<Hub>) {
    let mut clients = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                clients.spawn(serve(stream, Arc::clone(&hub)));
            }
            Err(_) => sleep(PAUSE).await,
        }
        while clients.try_join_next().is_some() {}
    }
}

/// Serves one client until it goes.
async fn serve(stream: TcpStream, hub: Arc<Hub>) {
    // Without it letters go all the same, only later.
    let _ = stream.set_nodelay(true);
    let (read, write) = stream.into_split();
    let peer = Arc::new(Peer { mailbox: Mailbox::new(QUEUE), dropped: AtomicU64::new(0) });
    let member = Member { peer: Arc::clone(&peer), hub, names: HashSet::new() };
    member.hub.lock().peers += 1;
    tokio::select! {
        () = listen(read, member) => {}
        () = send(write, &peer) => {}
    }
}

/// A client's subscriptions, which end with it.
struct Member {
    peer: Arc<Peer>,
    hub: Arc<Hub>,
    names: HashSet<Bytes>,
}

impl Drop for Member {
    fn drop(&mut self) {
        for name in &self.names {
            self.hub.unsubscribe(name, &self.peer);
        }
        self.hub.lock().peers -= 1;
    }
}

impl Member {
    /// Does what a client says; an error ends the connection.
    fn obey(&mut self, frame: Frame) -> Result<(), Foreign> {
        match frame {
            Frame::Hello => self.answer(BytesMut::welcome),
            Frame::Ping => {
                let dropped = self.peer.dropped.load(Ordering::Relaxed);
                self.answer(|answer| answer.pong(dropped))
            }
            Frame::Subscribe(name) => {
                // Its own memory: else it would hold the whole buffer that it was read into.
                let name = Bytes::copy_from_slice(&name);
                if self.names.insert(name.clone()) {
                    self.hub.subscribe(name, &self.peer);
                }
                Ok(())
            }
            Frame::Unsubscribe(name) => {
                if self.names.remove(&name) {
                    self.hub.unsubscribe(&name, &self.peer);
                }
                Ok(())
            }
            Frame::Letter { name, whole, .. } => {
                self.hub.publish(&name, &whole, &self.peer);
                Ok(())
            }
            Frame::Pong { .. } | Frame::Welcome => Err(Foreign),
        }
    }

    /// An answer takes its turn behind the letters; it always fits, since a client waits for it before it asks again.
    fn answer(&self, write: impl FnOnce(&mut BytesMut)) -> Result<(), Foreign> {
        let mut answer = BytesMut::new();
        write(&mut answer);
        self.peer.mailbox.put_always(answer.freeze()).map_err(|_| Foreign)
    }
}

/// Takes in what a client says until the connection ends.
async fn listen(mut read: OwnedReadHalf, mut member: Member) {
    let mut received = BytesMut::new();
    loop {
        loop {
            match frame::next(&mut received) {
                Ok(Some(frame)) => {
                    if member.obey(frame).is_err() {
                        return;
                    }
                }
                Ok(None) => break,
                Err(Foreign) => return,
            }
        }
        received.reserve(FLUSH);
        match read.read_buf(&mut received).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// Sends a client what waits for it, in as few writes as there are wake-ups.
async fn send(mut write: OwnedWriteHalf, peer: &Peer) {
    let (mut frames, mut buffer) = (Vec::new(), BytesMut::new());
    loop {
        peer.mailbox.filled().await;
        peer.mailbox.take(&mut frames);
        for frame in frames.drain(..) {
            buffer.extend_from_slice(&frame);
            if buffer.len() >= FLUSH && write.write_all_buf(&mut buffer).await.is_err() {
                return;
            }
        }
        if write.write_all_buf(&mut buffer).await.is_err() {
            return;
        }
    }
}
