//! The client of the embedded broker.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::super::address::Endpoint;
use super::super::channel::Channel;
use super::super::letter::Outgoing;
use super::super::session::{Line, Reason};
use super::frame::{self, Frame, Write as _};

/// Bytes that are collected before they are written.
const FLUSH: usize = 64 << 10;

/// A connection.
#[derive(Debug)]
pub(in super::super) struct Session {
    line: Arc<Line>,
    write: OwnedWriteHalf,
    buffer: BytesMut,
    pongs: mpsc::Receiver<()>,
    reader: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Session {
    pub async fn open(endpoint: &Endpoint, line: &Arc<Line>) -> Result<Self, Reason> {
        let stream = TcpStream::connect(endpoint.authority()).await.map_err(|e| e.to_string())?;
        stream.set_nodelay(true).map_err(|e| e.to_string())?;
        let (mut read, mut write) = stream.into_split();
        let mut buffer = BytesMut::new();
        buffer.hello();
        write.write_all_buf(&mut buffer).await.map_err(|e| e.to_string())?;
        let mut received = BytesMut::new();
        match next(&mut read, &mut received).await? {
            Frame::Welcome => {}
            _ => return Err(frame::Foreign.to_string()),
        }
        // One ping is on its way at most.
        let (pong, pongs) = mpsc::channel(1);
        let reader = tokio::spawn(receive(read, received, Arc::clone(line), pong));
        Ok(Self { line: Arc::clone(line), write, buffer, pongs, reader })
    }

    pub async fn subscribe(&mut self, channels: &[Channel]) -> Result<(), Reason> {
        for channel in channels {
            self.buffer.subscribe(&self.line.shared().namespace.name(*channel));
        }
        self.ping().await
    }

    pub async fn unsubscribe(&mut self, channels: &[Channel]) -> Result<(), Reason> {
        for channel in channels {
            self.buffer.unsubscribe(&self.line.shared().namespace.name(*channel));
        }
        self.ping().await
    }

    pub async fn publish(&mut self, letters: &[Outgoing]) -> Result<usize, Reason> {
        let mut too_large = 0;
        for Outgoing { channel, envelope } in letters {
            if !self.buffer.letter(&self.line.shared().namespace.name(*channel), envelope) {
                too_large += 1;
            }
            if self.buffer.len() >= FLUSH {
                self.flush().await?;
            }
        }
        self.flush().await?;
        Ok(too_large)
    }

    pub async fn ping(&mut self) -> Result<(), Reason> {
        self.buffer.ping();
        self.flush().await?;
        self.pongs.recv().await.ok_or_else(|| "the connection was closed".to_owned())
    }

    async fn flush(&mut self) -> Result<(), Reason> {
        self.write.write_all_buf(&mut self.buffer).await.map_err(|e| e.to_string())
    }
}

/// Takes in what comes until the connection ends.
async fn receive(mut read: OwnedReadHalf, mut received: BytesMut, line: Arc<Line>, pong: mpsc::Sender<()>) {
    let mut counted = 0;
    loop {
        match next(&mut read, &mut received).await {
            Ok(Frame::Letter { name, envelope, .. }) => line.arrive(&name, &own(&envelope)),
            Ok(Frame::Pong { dropped }) => {
                let more = dropped.saturating_sub(counted);
                line.shared().counters.dropped_by_broker.add(more as usize);
                counted = dropped;
                // Full or closed: nobody waits for this one.
                let _ = pong.try_send(());
            }
            Ok(_) => return line.lose(frame::Foreign.to_string()),
            Err(reason) => return line.lose(reason),
        }
    }
}

/// Short letters would each hold the whole buffer that they were read into.
fn own(envelope: &Bytes) -> Bytes {
    Bytes::copy_from_slice(envelope)
}

/// The next frame.
async fn next(read: &mut OwnedReadHalf, received: &mut BytesMut) -> Result<Frame, Reason> {
    loop {
        if let Some(frame) = frame::next(received).map_err(|e| e.to_string())? {
            return Ok(frame);
        }
        received.reserve(FLUSH);
        match read.read_buf(received).await {
            Ok(0) => return Err("the connection was closed".to_owned()),
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}
