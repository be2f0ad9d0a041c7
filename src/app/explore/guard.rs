//! Who is answered: a browser on this machine, on behalf of our own page.
//!
//! A page from elsewhere can send requests to this machine, and by a name that it makes lead here (DNS rebinding) even
//! read the answers. So the `Host` must be a loopback name with our port, and an `Origin`, which browsers send along and
//! pages can't forge, must be ours.

use std::net::SocketAddr;

use hyper::Request;
use hyper::header::{HOST, HeaderName, ORIGIN};

/// The names that we go by.
#[derive(Debug)]
pub struct Guard {
    hosts: Vec<String>,
}

impl Guard {
    /// Guards what listens here.
    pub fn new(address: SocketAddr) -> Self {
        let port = address.port();
        let mut hosts: Vec<String> = ["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{port}")).into();
        hosts.push(address.to_string());
        if port == 80 {
            // Browsers leave HTTP's own port out.
            let bare: Vec<String> = hosts.iter().map(|host| host.trim_end_matches(":80").to_owned()).collect();
            hosts.extend(bare);
        }
        Self { hosts }
    }

    /// Why the request is refused, if it is.
    pub fn refusal<B>(&self, request: &Request<B>) -> Option<&'static str> {
        match only(request, &HOST) {
            Some(host) if self.is_ours(host) => {}
            _ => return Some("this page is only served under a name of this machine"),
        }
        let ours = |origin: &str| origin.strip_prefix("http://").is_some_and(|host| self.is_ours(host));
        if request.headers().contains_key(ORIGIN) && !only(request, &ORIGIN).is_some_and(ours) {
            return Some("the request comes from another site");
        }
        None
    }

    fn is_ours(&self, host: &str) -> bool {
        self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host))
    }
}

/// The one value of a header.
fn only<'a, B>(request: &'a Request<B>, name: &HeaderName) -> Option<&'a str> {
    let mut values = request.headers().get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() { None } else { first.to_str().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn only_our_own_page_gets_in() {
        let guard = Guard::new("127.0.0.1:8080".parse().unwrap());
        for right in [
            &[("host", "127.0.0.1:8080")][..],
            &[("host", "LocalHost:8080")],
            &[("host", "[::1]:8080"), ("origin", "http://[::1]:8080")],
            &[("host", "localhost:8080"), ("origin", "http://127.0.0.1:8080")],
        ] {
            assert_eq!(guard.refusal(&request(right)), None, "{right:?}");
        }
        for wrong in [
            &[][..],
            &[("host", "")],
            &[("host", "127.0.0.1")],
            &[("host", "127.0.0.1:80")],
            &[("host", "evil.example:8080")],
            &[("host", "localhost.evil.example:8080")],
            &[("host", "127.0.0.1:8080"), ("host", "127.0.0.1:8080")],
            &[("host", "127.0.0.1:8080"), ("origin", "null")],
            &[("host", "127.0.0.1:8080"), ("origin", "https://127.0.0.1:8080")],
            &[("host", "127.0.0.1:8080"), ("origin", "http://evil.example")],
            &[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:9090")],
            &[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080"), ("origin", "http://evil.example")],
        ] {
            assert!(guard.refusal(&request(wrong)).is_some(), "{wrong:?}");
        }
        let on_80 = Guard::new("127.0.0.1:80".parse().unwrap());
        assert_eq!(on_80.refusal(&request(&[("host", "localhost")])), None);
    }
}
