//! NATS as the broker.
//!
//! The client would come back by itself when the server is lost, but the link does that for all brokers alike: here a
//! lost connection ends the session. Each channel is a subscription with a task that takes its messages; messages of
//! one channel keep their order, those of two channels may overtake one another. The server does not send a connection
//! what it published itself.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::client::{PublishErrorKind, RequestErrorKind};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::task::JoinHandle;

use super::address::Endpoint;
use super::channel::Channel;
use super::letter::Outgoing;
use super::session::{Line, Reason};

/// A connection.
pub(super) struct Session {
    line: Arc<Line>,
    client: Client,
    subscriptions: HashMap<Channel, JoinHandle<()>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("nats::Session").finish_non_exhaustive()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for task in self.subscriptions.values() {
            task.abort();
        }
    }
}

impl Session {
    pub async fn open(endpoint: &Endpoint, line: &Arc<Line>) -> Result<Self, Reason> {
        let server: ServerAddr = endpoint.url().parse().map_err(|e: std::io::Error| e.to_string())?;
        let events = Arc::clone(line);
        let client = ConnectOptions::new()
            .name("plimsoll")
            .no_echo()
            .max_reconnects(1)
            .reconnect_delay_callback(|_| Duration::ZERO)
            .ignore_discovered_servers()
            .event_callback(move |event| {
                heed(&events, &event);
                std::future::ready(())
            })
            .connect(server)
            .await
            .map_err(|error| match error.kind() {
                ConnectErrorKind::Io => source(&error),
                _ => error.to_string(),
            })?;
        Ok(Self { line: Arc::clone(line), client, subscriptions: HashMap::new() })
    }

    pub async fn subscribe(&mut self, channels: &[Channel]) -> Result<(), Reason> {
        for channel in channels {
            let name = self.line.shared().namespace.name(*channel);
            let subscriber = self.client.subscribe(name).await.map_err(|e| e.to_string())?;
            let task = tokio::spawn(receive(subscriber, Arc::clone(&self.line)));
            self.subscriptions.insert(*channel, task);
        }
        self.ping().await
    }

    pub async fn unsubscribe(&mut self, channels: &[Channel]) -> Result<(), Reason> {
        for channel in channels {
            if let Some(task) = self.subscriptions.remove(channel) {
                // When the task has ended its subscriber was dropped, and the client was told so.
                task.abort();
                let _ = task.await;
            }
        }
        self.ping().await
    }

    pub async fn publish(&mut self, letters: &[Outgoing]) -> Result<usize, Reason> {
        let mut too_large = 0;
        for Outgoing { channel, envelope } in letters {
            let name = self.line.shared().namespace.name(*channel);
            match self.client.publish(name, envelope.clone()).await {
                Ok(()) => {}
                Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => too_large += 1,
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(too_large)
    }

    /// A request that nobody answers: the server says so, after it has done all that came before.
    pub async fn ping(&mut self) -> Result<(), Reason> {
        let name = self.line.shared().namespace.beside("ping");
        match self.client.request(name, Bytes::new()).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == RequestErrorKind::NoResponders => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Takes the messages of one channel.
async fn receive(mut subscriber: Subscriber, line: Arc<Line>) {
    while let Some(message) = subscriber.next().await {
        line.arrive(message.subject.as_bytes(), &message.payload);
    }
}

/// Heeds what the client says about its connection.
fn heed(line: &Line, event: &Event) {
    match event {
        Event::Disconnected | Event::Closed => line.lose("the connection was closed"),
        // A message that its channel's task had no room for.
        Event::SlowConsumer(_) => line.shared().counters.dropped_arriving.add(1),
        Event::ServerError(error) => line.lose(error.to_string()),
        Event::Connected | Event::LameDuckMode | Event::Draining | Event::ClientError(_) => {}
    }
}

/// What lies behind an error.
fn source(error: &(dyn std::error::Error + 'static)) -> Reason {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}
