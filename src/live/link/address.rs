//! Which broker links the servers: what `--broker` takes.

use std::fmt::{self, Display};
use std::str::FromStr;

/// A broker and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerAddress {
    /// One of our own, to be started by whoever needs it.
    Embedded,
    /// One of our own that runs already: `plimsoll://HOST:PORT`.
    Plimsoll(Endpoint),
    /// `redis://[USER:PASSWORD@]HOST:PORT[/DATABASE]`.
    Redis(Endpoint),
    /// `nats://[USER:PASSWORD@]HOST:PORT`.
    Nats(Endpoint),
}

/// A host and a port, and what else the URL says.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    scheme: &'static str,
    login: Option<String>,
    authority: String,
    path: String,
}

/// What is wrong with the text of `--broker`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; a broker is `embedded`, `plimsoll://HOST:PORT`, `redis://HOST:PORT` or `nats://HOST:PORT`")]
pub struct AddressError {
    problem: String,
}

impl Endpoint {
    /// Host and port, an IPv6 host in brackets.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// All of it, name and password too.
    pub(super) fn url(&self) -> String {
        let login = self.login.as_ref().map(|login| format!("{login}@")).unwrap_or_default();
        format!("{}://{login}{}{}", self.scheme, self.authority, self.path)
    }
}

/// Without name and password.
impl Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

/// Without name and password, as the other form.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::Plimsoll(endpoint) | Self::Redis(endpoint) | Self::Nats(endpoint) => endpoint.fmt(f),
        }
    }
}

impl BrokerAddress {
    /// The embedded broker that listens there.
    pub(super) fn plimsoll(address: std::net::SocketAddr) -> Self {
        let authority = address.to_string();
        Self::Plimsoll(Endpoint { scheme: "plimsoll", login: None, authority, path: String::new() })
    }

    /// The text from which this is read again, password and all: for one's own child processes.
    pub fn argument(&self) -> String {
        match self {
            Self::Embedded => self.to_string(),
            Self::Plimsoll(endpoint) | Self::Redis(endpoint) | Self::Nats(endpoint) => endpoint.url(),
        }
    }
}

impl FromStr for BrokerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text == "embedded" {
            return Ok(Self::Embedded);
        }
        let wrong = |problem: String| Err(AddressError { problem });
        let Some((scheme, rest)) = text.split_once("://") else {
            return wrong("this is no URL".to_owned());
        };
        let make = |scheme, port, may_login, may_path| endpoint(scheme, rest, port, may_login, may_path);
        match scheme {
            "plimsoll" => Ok(Self::Plimsoll(make("plimsoll", None, false, false)?)),
            "redis" => Ok(Self::Redis(make("redis", Some(6379), true, true)?)),
            "nats" => Ok(Self::Nats(make("nats", Some(4222), true, false)?)),
            "rediss" | "tls" => wrong("TLS to the broker is not supported".to_owned()),
            _ => wrong(format!("`{}` is no kind of broker known here", scheme.escape_default())),
        }
    }
}

/// What stands after `SCHEME://`.
fn endpoint(
    scheme: &'static str,
    rest: &str,
    port: Option<u16>,
    may_login: bool,
    may_path: bool,
) -> Result<Endpoint, AddressError> {
    let wrong = |problem: String| Err(AddressError { problem });
    if rest.chars().any(|c| c.is_whitespace() || c.is_control() || c == ',') {
        return wrong("there is a space, a comma or a control character in the URL".to_owned());
    }
    let (before, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    let (login, place) = before.rsplit_once('@').map_or((None, before), |(login, place)| (Some(login), place));
    if login.is_some() && !may_login {
        return wrong(format!("`{scheme}` takes no user and password"));
    }
    let is_database = path.strip_prefix('/').is_some_and(|number| number.parse::<u16>().is_ok());
    if !(matches!(path, "" | "/") || (may_path && is_database)) {
        return wrong(format!("`{}` after host and port means nothing to `{scheme}`", path.escape_default()));
    }
    let (host, given) = match place.rfind(':').filter(|at| !place[*at..].contains(']')) {
        Some(at) => (&place[..at], Some(&place[at + 1..])),
        None => (place, None),
    };
    if host.is_empty() || (host.contains(':') && !(host.starts_with('[') && host.ends_with(']'))) {
        return wrong("the URL has no host (an IPv6 address stands in brackets)".to_owned());
    }
    let port = match given {
        None => port,
        Some(digits) => digits.parse().ok().filter(|port| *port > 0),
    };
    let Some(port) = port else {
        return wrong("the URL has no port, a number from 1 to 65535".to_owned());
    };
    Ok(Endpoint {
        scheme,
        login: login.map(str::to_owned),
        authority: format!("{host}:{port}"),
        path: path.strip_suffix('/').unwrap_or(path).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_was_meant() {
        for (text, shown, argument) in [
            ("embedded", "embedded", "embedded"),
            ("plimsoll://127.0.0.1:9000", "plimsoll://127.0.0.1:9000", "plimsoll://127.0.0.1:9000"),
            ("redis://localhost", "redis://localhost:6379", "redis://localhost:6379"),
            ("redis://me:se@cret@[::1]:7000/2", "redis://[::1]:7000/2", "redis://me:se@cret@[::1]:7000/2"),
            ("nats://a.example/", "nats://a.example:4222", "nats://a.example:4222"),
        ] {
            let address: BrokerAddress = text.parse().unwrap();
            assert_eq!((address.to_string().as_str(), address.argument().as_str()), (shown, argument));
            assert_eq!(argument.parse(), Ok(address));
        }
        let address: BrokerAddress = "redis://me:secret@h:1".parse().unwrap();
        assert!(!format!("{address} {address:?}").contains("secret"));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, problem) in [
            ("kafka://h:1", "`kafka` is no kind of broker"),
            ("localhost:6379", "no URL"),
            ("rediss://h:1", "TLS"),
            ("plimsoll://h", "no port"),
            ("plimsoll://u@h:1", "no user"),
            ("redis://h:0", "no port"),
            ("redis://h:99999", "no port"),
            ("redis://:1", "no host"),
            ("redis://::1:6379", "no host"),
            ("redis://h:1/x", "means nothing"),
            ("nats://h:1/2", "means nothing"),
            ("nats://h:1?x", "means nothing"),
            ("nats://h:1,nats://g:1", "comma"),
            ("", "no URL"),
        ] {
            let error = text.parse::<BrokerAddress>().unwrap_err().to_string();
            assert!(error.contains(problem) && error.contains("redis://HOST:PORT"), "{text}: {error}");
        }
    }
}
