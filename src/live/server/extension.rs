//! What is agreed on compression when a connection is upgraded (permessage-deflate, RFC 7692, section 7.1).

/// What the answer to an upgrade says.
pub const ACCEPTED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// Whether one of the offers in `Sec-WebSocket-Extensions` can be accepted as [`ACCEPTED`].
pub fn acceptable(offers: &str) -> bool {
    offers.split(',').any(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        parts.next() == Some("permessage-deflate") && parts.all(can_have)
    })
}

/// Whether an offer can have this parameter. A smaller window of the server's can't be had: the compressor has one size.
fn can_have(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    match (name.trim(), value.trim().trim_matches('"')) {
        ("server_no_context_takeover" | "client_no_context_takeover" | "client_max_window_bits", "") => true,
        ("client_max_window_bits", bits) => bits.parse().is_ok_and(|bits: u8| (8..=15).contains(&bits)),
        ("server_max_window_bits", bits) => bits == "15",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_accepted_only_as_it_is_meant() {
        for (offers, wanted) in [
            ("permessage-deflate", true),
            ("permessage-deflate; client_max_window_bits", true),
            ("x, permessage-deflate;server_no_context_takeover; client_max_window_bits=\"10\"", true),
            ("permessage-deflate; server_max_window_bits=10, permessage-deflate", true),
            ("permessage-deflate; server_max_window_bits=10", false),
            ("permessage-deflate; level=9", false),
            ("permessage-bzip2", false),
            ("", false),
        ] {
            assert_eq!(acceptable(offers), wanted, "{offers}");
        }
    }
}
