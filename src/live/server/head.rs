//! The head of a connection's HTTP request: what it asks for, and the answer's bytes (RFC 6455, section 4.2; RFC 9112).

use tungstenite::handshake::derive_accept_key;

/// The longest head taken in, in bytes, and the most fields in it.
pub const LONGEST: usize = 8 << 10;
const FIELDS: usize = 64;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A WebSocket.
    Upgrade(Upgrade),
    /// `GET /metrics`.
    Metrics,
    /// `GET /healthz`.
    Health,
    /// Something that is answered with this status.
    Refused(Status),
}

/// A request for a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// What the other side wants proved.
    pub key: String,
    /// Who it is: `/?user=7`.
    pub user: Option<u32>,
    /// Which room it enters: `/?room=3`.
    pub room: Option<u32>,
    /// The extensions it offers.
    pub extensions: Option<String>,
}

/// A status line and, in a few words, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub &'static str, pub &'static str);

impl Status {
    /// Nothing that HTTP knows, or a WebSocket handshake that isn't one.
    pub const BAD: Self = Self("400 Bad Request", "this is no request that the server understands\n");
    /// Not there.
    pub const NOT_FOUND: Self = Self("404 Not Found", "here are /, /metrics and /healthz\n");
    /// Only `GET`.
    pub const METHOD: Self = Self("405 Method Not Allowed", "only GET is answered\n");
    /// A page was asked for where there are only WebSockets.
    pub const UPGRADE: Self =
        Self("426 Upgrade Required", "this is a WebSocket server; /metrics and /healthz are pages\n");
    /// Longer than [`LONGEST`].
    pub const TOO_LONG: Self = Self("431 Request Header Fields Too Large", "the request's head is too long\n");
    /// The connection limit.
    pub const FULL: Self = Self("503 Service Unavailable", "the server has all the connections that it takes\n");
    /// `user` or `room` is missing or is no number.
    pub const WHO: Self =
        Self("400 Bad Request", "say who you are: /?user=NUMBER, and for rooms /?user=NUMBER&room=NUMBER\n");
}

/// The request at the beginning of some bytes and the bytes it has; `None` while it isn't whole.
pub fn read(bytes: &[u8]) -> Option<(Request, usize)> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => Some((meaning(&request), length)),
        Ok(httparse::Status::Partial) if bytes.len() < LONGEST => None,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            Some((Request::Refused(Status::TOO_LONG), bytes.len()))
        }
        Err(_) => Some((Request::Refused(Status::BAD), bytes.len())),
    }
}

fn meaning(request: &httparse::Request<'_, '_>) -> Request {
    let field = |name: &str| {
        let found = request.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok().map(str::trim)
    };
    let lists = |name: &str, token: &str| {
        field(name).is_some_and(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
    };
    if request.method != Some("GET") {
        return Request::Refused(Status::METHOD);
    }
    let (path, query) =
        request.path.unwrap_or_default().split_once('?').unwrap_or((request.path.unwrap_or_default(), ""));
    if lists("Upgrade", "websocket") {
        let key = field("Sec-WebSocket-Key").filter(|key| key.len() == 24);
        return match key {
            Some(key) if lists("Connection", "upgrade") && field("Sec-WebSocket-Version") == Some("13") => {
                Request::Upgrade(Upgrade {
                    key: key.to_owned(),
                    user: number(query, "user"),
                    room: number(query, "room"),
                    extensions: field("Sec-WebSocket-Extensions").map(str::to_owned),
                })
            }
            _ => Request::Refused(Status::BAD),
        };
    }
    match path {
        "/metrics" => Request::Metrics,
        "/healthz" => Request::Health,
        "/" => Request::Refused(Status::UPGRADE),
        _ => Request::Refused(Status::NOT_FOUND),
    }
}

/// The number that a query gives this name.
fn number(query: &str, name: &str) -> Option<u32> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

/// Appends the answer that makes a connection a WebSocket.
pub fn write_upgrade(out: &mut Vec<u8>, key: &str, extensions: Option<&str>) {
    let accept = derive_accept_key(key.as_bytes());
    out.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
    out.extend_from_slice(format!("Sec-WebSocket-Accept: {accept}\r\n").as_bytes());
    if let Some(extensions) = extensions {
        out.extend_from_slice(format!("Sec-WebSocket-Extensions: {extensions}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a page, after which the connection ends.
pub fn write_page(out: &mut Vec<u8>, status: &str, kind: &str, page: &str) {
    // RFC 9110 asks for these two with the statuses that have them.
    let extra = match status.get(..3) {
        Some("426") => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        Some("405") => "Allow: GET\r\n",
        Some("503") => "Retry-After: 1\r\n",
        _ => "",
    };
    let length = page.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{extra}Connection: close\r\n\r\n"
    );
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(page.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn upgrade(path: &str) -> String {
        format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        )
    }

    #[test]
    fn an_upgrade_says_who_comes() {
        let text = upgrade("/chat?x=1&user=7&room=3");
        for length in 0..text.len() {
            assert_eq!(read(&text.as_bytes()[..length]), None);
        }
        let wanted = Upgrade { key: KEY.to_owned(), user: Some(7), room: Some(3), extensions: None };
        assert_eq!(read(text.as_bytes()), Some((Request::Upgrade(wanted), text.len())));
        for path in ["/", "/?user=-1&room=x", "/?users=7&rooms=3"] {
            let Some((Request::Upgrade(found), _)) = read(upgrade(path).as_bytes()) else { panic!("{path}") };
            assert_eq!((found.user, found.room), (None, None), "{path}");
        }
    }

    /// The example of RFC 6455, section 1.3.
    #[test]
    fn the_answer_proves_that_the_key_was_read() {
        let mut out = Vec::new();
        write_upgrade(&mut out, KEY, None);
        assert!(String::from_utf8(out).unwrap().contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    }

    #[test]
    fn other_requests_have_their_answers() {
        let long = format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(LONGEST));
        for (text, wanted) in [
            ("GET /metrics HTTP/1.1\r\n\r\n", Request::Metrics),
            ("GET /healthz?x HTTP/1.1\r\n\r\n", Request::Health),
            ("GET / HTTP/1.1\r\n\r\n", Request::Refused(Status::UPGRADE)),
            ("GET /x HTTP/1.1\r\n\r\n", Request::Refused(Status::NOT_FOUND)),
            ("POST / HTTP/1.1\r\n\r\n", Request::Refused(Status::METHOD)),
            ("hello\r\n\r\n", Request::Refused(Status::BAD)),
            (&upgrade("/").replace("13", "8"), Request::Refused(Status::BAD)),
            (&upgrade("/").replace(KEY, "short"), Request::Refused(Status::BAD)),
            (&long, Request::Refused(Status::TOO_LONG)),
        ] {
            assert_eq!(read(text.as_bytes()).map(|found| found.0), Some(wanted), "{text}");
        }
    }
}
