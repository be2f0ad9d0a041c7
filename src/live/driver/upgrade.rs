//! The request that makes a TCP connection a WebSocket connection, and its answer (RFC 6455, section 4).

use data_encoding::BASE64;
use sha1::{Digest as _, Sha1};

use super::target::Target;

/// What the key is followed by before it is hashed (section 1.3).
const SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Fields that an answer may have, and bytes.
const MOST_FIELDS: usize = 64;
const LONGEST: usize = 16 << 10;

/// A key, and what a WebSocket server answers to it.
#[derive(Debug)]
pub struct Key {
    key: String,
    accept: String,
}

/// What a server said.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Not all of it is there.
    Incomplete,
    /// The connection is open. The answer was so long, and the server agreed to compress or not.
    Open { length: usize, deflate: bool },
    /// An HTTP status other than 101.
    Refused(u16),
    /// No WebSocket server's.
    Foreign(&'static str),
}

impl Key {
    /// Of 16 random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        let key = BASE64.encode(&random);
        let accept = BASE64.encode(&Sha1::new().chain_update(key.as_bytes()).chain_update(SUFFIX).finalize());
        Self { key, accept }
    }

    /// The request. `who` is what goes into the query, such as `user=7`.
    pub fn request(&self, target: &Target, who: &str, deflate: bool) -> Vec<u8> {
        let (host, path, key) = (target.authority(), &target.path, &self.key);
        let mark = match (who.is_empty(), path.contains('?')) {
            (true, _) => "",
            (false, true) => "&",
            (false, false) => "?",
        };
        let extension = if deflate {
            "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover\r\n"
        } else {
            ""
        };
        format!(
            "GET {path}{mark}{who} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{extension}\r\n"
        )
        .into_bytes()
    }

    /// What has come as an answer.
    pub fn answer(&self, bytes: &[u8]) -> Answer {
        let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let length = match response.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if bytes.len() < LONGEST => return Answer::Incomplete,
            _ => return Answer::Foreign("its answer is no HTTP"),
        };
        let status = response.code.unwrap_or(0);
        if status != 101 {
            return Answer::Refused(status);
        }
        let field = |name: &str| {
            response.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
        };
        if field("sec-websocket-accept") != Some(self.accept.as_bytes()) {
            return Answer::Foreign("its answer doesn't fit the key (Sec-WebSocket-Accept)");
        }
        let deflate = field("sec-websocket-extensions").is_some_and(|value| value.starts_with(b"permessage-deflate"));
        Answer::Open { length, deflate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 6455, section 1.3.
    #[test]
    fn the_key_of_the_rfc_has_its_answer() {
        let key = Key::new(*b"the sample nonce");
        assert_eq!(key.key, "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(key.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let answer = "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        let open = Answer::Open { length: answer.len(), deflate: false };
        assert_eq!(key.answer(format!("{answer}\u{1}\u{2}").as_bytes()), open);
        assert_eq!(key.answer(&answer.as_bytes()[..40]), Answer::Incomplete);
        assert_eq!(key.answer(b"HTTP/1.1 503 Full\r\n\r\n"), Answer::Refused(503));
        assert!(matches!(key.answer(b"HTTP/1.1 101 OK\r\nsec-websocket-accept: x\r\n\r\n"), Answer::Foreign(_)));
        assert!(matches!(key.answer(b"SSH-2.0-OpenSSH\r\n"), Answer::Foreign(_)));
    }

    #[test]
    fn who_it_is_goes_into_the_query() {
        let key = Key::new([0; 16]);
        let line = |url: &str| {
            let request = key.request(&Target::parse(url).unwrap(), "user=7&room=3", true);
            String::from_utf8(request).unwrap().lines().next().unwrap().to_owned()
        };
        assert_eq!(line("ws://a:1"), "GET /?user=7&room=3 HTTP/1.1");
        assert_eq!(line("ws://a:1/x?y=1"), "GET /x?y=1&user=7&room=3 HTTP/1.1");
    }
}
