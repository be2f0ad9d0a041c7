//! The echo servers that are compared: one thread, and one small task a connection.

use std::error::Error;

use fastwebsockets::{FragmentCollector, OpCode, Role, WebSocket};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// tungstenite with its defaults, with a read buffer of 1 or 4 KiB and all messages that are there answered in one write,
/// with such a buffer but a write a message; the other crates in the one way they have.
pub const NAMES: [&str; 6] =
    ["tungstenite-default", "tungstenite-4k", "tungstenite-1k", "tungstenite-4k-flush-each", "fastwebsockets", "yawc"];

/// Serves until killed.
pub fn run(name: &str) -> Outcome<()> {
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on ws://{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            match name {
                "tungstenite-default" => tokio::spawn(ended(tungstenite(stream, None, true))),
                "tungstenite-4k" => tokio::spawn(ended(tungstenite(stream, Some(4_096), true))),
                "tungstenite-1k" => tokio::spawn(ended(tungstenite(stream, Some(1_024), true))),
                "tungstenite-4k-flush-each" => tokio::spawn(ended(tungstenite(stream, Some(4_096), false))),
                "fastwebsockets" => tokio::spawn(ended(fast(stream))),
                "yawc" => tokio::spawn(ended(yawc(stream))),
                _ => return Err(format!("no server is called {name}").into()),
            };
        }
    })
}

/// A connection that breaks just ends.
async fn ended(connection: impl Future<Output = Outcome<()>>) {
    let _ = connection.await;
}

/// The same handshake for all, so that only the crates' own work differs.
async fn accept(stream: &mut TcpStream) -> Outcome<()> {
    let mut head = Vec::with_capacity(512);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Err("closed".into());
        }
    }
    let head = String::from_utf8(head)?;
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).ok_or("no key")?;
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    stream.write_all(answer.as_bytes()).await?;
    Ok(())
}

async fn tungstenite(mut stream: TcpStream, read_buffer: Option<usize>, together: bool) -> Outcome<()> {
    accept(&mut stream).await?;
    let mut config = WebSocketConfig::default();
    if let Some(size) = read_buffer {
        config = config.read_buffer_size(size);
    }
    let mut socket = WebSocketStream::from_raw_socket(stream, protocol::Role::Server, Some(config)).await;
    while let Some(message) = socket.next().await {
        socket.feed(message?).await?;
        while together && let Some(Some(message)) = socket.next().now_or_never() {
            socket.feed(message?).await?;
        }
        socket.flush().await?;
    }
    Ok(())
}

async fn fast(mut stream: TcpStream) -> Outcome<()> {
    accept(&mut stream).await?;
    let mut socket = FragmentCollector::new(WebSocket::after_handshake(stream, Role::Server));
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            _ => {}
        }
    }
}

async fn yawc(mut stream: TcpStream) -> Outcome<()> {
    accept(&mut stream).await?;
    let options = yawc::Options::default().without_compression();
    let options = options.with_read_buffer_capacity(4_096).with_write_buffer_capacity(4_096);
    let mut socket = yawc::WebSocket::from_stream(stream, yawc::Role::Server, options)?;
    while let Some(frame) = socket.next().await {
        socket.feed(frame).await?;
        while let Some(Some(frame)) = socket.next().now_or_never() {
            socket.feed(frame).await?;
        }
        socket.flush().await?;
    }
    Ok(())
}
