//! The visitor's address: the peer's own, or what trusted proxies say in one named header, walked from the right.
//!
//! Invariant: a header is believed only as far as an unbroken chain of trusted proxies vouches for it, so a forged entry
//! on its left has no effect. The result is a [`ClientIp`], which can only be truncated.

use crate::config::ListenOptions;
use crate::pipeline::ClientIp;
use axum::http::{HeaderMap, HeaderValue, header};
use std::net::IpAddr;

/// Most entries of the header that are looked at.
const HOPS_MAX: usize = 32;

/// Who sent a request.
pub(crate) struct Client {
    pub(crate) address: ClientIp,
    /// Whether the address is a trusted proxy's own, because nobody is named behind it. Only the full address tells.
    pub(crate) is_proxy: bool,
}

/// Who sent the request.
pub(crate) fn client_ip(peer: IpAddr, headers: &HeaderMap, listen: &ListenOptions) -> Client {
    let address = walk(peer, headers, listen);
    Client { is_proxy: listen.trusts(address), address: ClientIp::new(address) }
}

fn walk(peer: IpAddr, headers: &HeaderMap, listen: &ListenOptions) -> IpAddr {
    let mut client = peer;
    if !listen.trusts(peer) {
        return client;
    }
    let is_forwarded = listen.client_ip_header == header::FORWARDED;
    // Bytes, not text: what a stranger wrote on the left must not hide what a proxy wrote on the right.
    let values: Vec<&[u8]> =
        headers.get_all(&listen.client_ip_header).iter().map(HeaderValue::as_bytes).collect();
    let hops = values.iter().rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
    for hop in hops.take(HOPS_MAX) {
        let text = std::str::from_utf8(hop).unwrap_or_default().trim();
        let node = if is_forwarded { forwarded_for(text) } else { Some(text) };
        let Some(address) = node.and_then(parse) else { break };
        client = address;
        if !listen.trusts(address) {
            break;
        }
    }
    client
}

/// The node of `for=` in one element of RFC 7239's header: `for="[2001:db8::1]:4711";proto=https`.
fn forwarded_for(element: &str) -> Option<&str> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    let node = node.trim();
    Some(node.strip_prefix('"').and_then(|node| node.strip_suffix('"')).unwrap_or(node))
}

/// An address, with or without a port, with or without brackets.
fn parse(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Ok(address) = text.parse::<std::net::SocketAddr>() {
        return Some(address.ip());
    }
    text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(name: &str, peer: &str, header: &[&[u8]]) -> String {
        let listen = ListenOptions {
            trusted_proxies: vec!["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()],
            client_ip_header: name.parse().unwrap(),
            ..ListenOptions::default()
        };
        let mut headers = HeaderMap::new();
        for value in header {
            headers.append(&listen.client_ip_header, HeaderValue::from_bytes(value).unwrap());
        }
        client_ip(peer.parse().unwrap(), &headers, &listen).address.truncate().to_string()
    }

    fn check(peer: &str, header: &[&str], expected: &str) {
        let bytes: Vec<&[u8]> = header.iter().map(|value| value.as_bytes()).collect();
        assert_eq!(told("x-forwarded-for", peer, &bytes), expected, "{peer} {header:?}");
    }

    #[test]
    fn a_header_counts_only_as_far_as_trusted_proxies_vouch() {
        check("203.0.113.9", &["198.51.100.7"], "203.0.113.0");
        check("127.0.0.1", &["198.51.100.7"], "198.51.100.0");
        check("127.0.0.1", &["192.0.2.66, 198.51.100.7"], "198.51.100.0");
        check("127.0.0.1", &["192.0.2.66, 198.51.100.7, 10.1.2.3"], "198.51.100.0");
        check("127.0.0.1", &["192.0.2.66", "198.51.100.7:4711"], "198.51.100.0");
        check("127.0.0.1", &["[2001:db8:5::1]"], "2001:db8:5::");
        check("127.0.0.1", &["198.51.100.7, nonsense"], "127.0.0.0");
        check("127.0.0.1", &["é, 198.51.100.7"], "198.51.100.0");
        check("::ffff:127.0.0.1", &["198.51.100.7"], "198.51.100.0");
        check("127.0.0.1", &["::ffff:198.51.100.7"], "198.51.100.0");
        check("127.0.0.1", &[], "127.0.0.0");
    }

    #[test]
    fn the_header_of_rfc_7239_is_read_too() {
        let check = |header: &str, expected: &str| {
            assert_eq!(told("forwarded", "127.0.0.1", &[header.as_bytes()]), expected, "{header}");
        };
        check("for=198.51.100.7", "198.51.100.0");
        check("for=192.0.2.66, proto=https;For=\"198.51.100.7:4711\"; by=10.0.0.1", "198.51.100.0");
        check("for=\"[2001:db8:5::1]:80\", for=10.1.2.3", "2001:db8:5::");
        check("for=\"192.0.2.66, for=198.51.100.7", "198.51.100.0");
        check("for=198.51.100.7, for=_hidden", "127.0.0.0");
        check("for=198.51.100.7, proto=https", "127.0.0.0");
    }

    fn odd_header() -> impl Strategy<Value = Vec<u8>> {
        // Whatever may stand in a header, often with what looks like addresses and trusted ones.
        let byte = prop::sample::select((0x20..=0xff).filter(|byte| *byte != 0x7f).collect::<Vec<u8>>());
        let bytes = prop::collection::vec(byte, 0..40);
        let known =
            prop::sample::select(vec!["10.1.1.1", "192.0.2.66, ", ", ", "for=", "\"", "::1", "[", ":80"]);
        prop::collection::vec(prop_oneof![bytes, known.prop_map(|text| text.as_bytes().to_vec())], 0..40)
            .prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn nothing_that_a_stranger_writes_changes_who_sent_it(
            forged in prop::collection::vec(odd_header(), 0..4),
            hops in 0..8_usize,
            own_line: bool,
            rfc_7239: bool,
        ) {
            let name = if rfc_7239 { "forwarded" } else { "x-forwarded-for" };
            let node = |address: &str| if rfc_7239 { format!("for={address}") } else { address.to_owned() };
            let vouched: Vec<String> = std::iter::once("198.51.100.7").chain(std::iter::repeat_n("10.0.0.2", hops)).map(node).collect();
            let vouched = vouched.join(", ");
            let mut lines: Vec<Vec<u8>> = forged;
            match lines.last_mut() {
                Some(last) if !own_line => last.extend(format!(", {vouched}").bytes()),
                _ => lines.push(vouched.into_bytes()),
            }
            let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(told(name, "127.0.0.1", &lines), "198.51.100.0");
            prop_assert_eq!(told(name, "203.0.113.9", &lines), "203.0.113.0");
        }
    }
}
