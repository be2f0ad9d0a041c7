//! Redis (or Valkey) as the broker, by publish/subscribe.
//!
//! One connection does it all: with RESP3 the server pushes messages between its answers. Letters are published in
//! pipelines; the next is sent when the answers of the last are there, and holds all that was published meanwhile.

use std::fmt;
use std::sync::Arc;

use ::redis::aio::MultiplexedConnection;
use ::redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo as _, ProtocolVersion, PushInfo, PushKind, RedisError, Value,
};
use bytes::Bytes;

use super::address::Endpoint;
use super::channel::Channel;
use super::letter::Outgoing;
use super::session::{Line, Reason};

/// A connection.
pub(super) struct Session {
    line: Arc<Line>,
    connection: MultiplexedConnection,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("redis::Session").finish_non_exhaustive()
    }
}

impl Session {
    pub async fn open(endpoint: &Endpoint, line: &Arc<Line>) -> Result<Self, Reason> {
        let info = endpoint.url().into_connection_info().map_err(reason)?;
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        let client = Client::open(info.set_redis_settings(settings).set_tcp_settings(tcp)).map_err(reason)?;
        let pushed = Arc::clone(line);
        // The link has its own limit for how long a broker may take.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_push_sender(move |push: PushInfo| -> Result<(), std::convert::Infallible> {
                receive(&pushed, push);
                Ok(())
            });
        let connection = client.get_multiplexed_async_connection_with_config(&config).await.map_err(reason)?;
        Ok(Self { line: Arc::clone(line), connection })
    }

    pub async fn subscribe(&mut self, channels: &[Channel]) -> Result<(), Reason> {
        self.connection.subscribe(self.names(channels)).await.map_err(reason)
    }

    pub async fn unsubscribe(&mut self, channels: &[Channel]) -> Result<(), Reason> {
        self.connection.unsubscribe(self.names(channels)).await.map_err(reason)
    }

    pub async fn publish(&mut self, letters: &[Outgoing]) -> Result<usize, Reason> {
        let mut pipeline = ::redis::pipe();
        for Outgoing { channel, envelope } in letters {
            let name = self.line.shared().namespace.name(*channel);
            pipeline.cmd("PUBLISH").arg(name).arg(&envelope[..]).ignore();
        }
        pipeline.query_async::<()>(&mut self.connection).await.map_err(reason)?;
        Ok(0)
    }

    pub async fn ping(&mut self) -> Result<(), Reason> {
        ::redis::cmd("PING").query_async(&mut self.connection).await.map_err(reason)
    }

    fn names(&self, channels: &[Channel]) -> Vec<String> {
        channels.iter().map(|channel| self.line.shared().namespace.name(*channel)).collect()
    }
}

/// Takes what the server pushed.
fn receive(line: &Line, push: PushInfo) {
    match push.kind {
        PushKind::Message => {
            let mut data = push.data.into_iter();
            if let (Some(Value::BulkString(name)), Some(Value::BulkString(envelope))) = (data.next(), data.next()) {
                line.arrive(&name, &Bytes::from(envelope));
            }
        }
        PushKind::Disconnection => line.lose("the connection was closed"),
        _ => {}
    }
}

/// What Redis, or the way to it, says.
#[expect(clippy::needless_pass_by_value, reason = "so it can be given to `map_err`")]
fn reason(error: RedisError) -> Reason {
    error.to_string()
}
