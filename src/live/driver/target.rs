//! Where to connect to: a `ws://` or `wss://` URL.

use std::net::{SocketAddr, ToSocketAddrs};

use super::DriveError;

/// A server as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether the connection is encrypted.
    pub secure: bool,
    /// Name or address of the host, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Path and query, from the slash on.
    pub path: String,
}

/// A target whose address is known.
#[derive(Debug, Clone)]
pub struct Server {
    /// As it was named.
    pub target: Target,
    /// Where it is.
    pub address: SocketAddr,
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = url.split_once("://").ok_or("it must begin with ws:// or wss://")?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "ws" => false,
            "wss" => true,
            _ => return Err("it must begin with ws:// or wss://"),
        };
        let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        if authority.contains('@') {
            return Err("user names and passwords are not supported");
        }
        if path.contains('#') || url.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
            return Err("a WebSocket URL has no fragment, no spaces, and ASCII characters only");
        }
        let (host, port) = if let Some(inside) = authority.strip_prefix('[') {
            inside.split_once(']').ok_or("the bracket of the address is not closed")?
        } else {
            authority.split_at(authority.find(':').unwrap_or(authority.len()))
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => Ok(if secure { 443 } else { 80 }),
            Some(port) => port.parse().map_err(|_| "the port must be a number up to 65535"),
            None => Err("after the host comes a port or a path"),
        }?;
        if host.is_empty() {
            return Err("it has no host");
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { secure, host: host.to_owned(), port, path })
    }

    /// Host and port as in a URL and in a `Host` field.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Finds the address.
    ///
    /// # Errors
    /// When the name has none.
    pub fn resolve(&self) -> Result<Server, DriveError> {
        let found = (self.host.as_str(), self.port).to_socket_addrs().map(|mut all| all.next());
        match found {
            Ok(Some(address)) => Ok(Server { target: self.clone(), address }),
            Ok(None) => Err(DriveError::Host(self.host.clone(), "it has no address".to_owned())),
            Err(error) => Err(DriveError::Host(self.host.clone(), error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let target = |url: &str| {
            let target = Target::parse(url).unwrap();
            (target.secure, target.authority(), target.path)
        };
        assert_eq!(target("ws://127.0.0.1:9001"), (false, "127.0.0.1:9001".to_owned(), "/".to_owned()));
        assert_eq!(target("WSS://h/a?b=c"), (true, "h:443".to_owned(), "/a?b=c".to_owned()));
        assert_eq!(target("ws://[::1]:80?x"), (false, "[::1]:80".to_owned(), "/?x".to_owned()));
        for wrong in [
            "127.0.0.1:1",
            "http://a",
            "ws://",
            "ws://a:x",
            "ws://a:70000",
            "ws://[::1",
            "ws://u@a",
            "ws://a/#b",
            "ws://a b",
        ] {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
    }
}
