//! The visitor's address: the peer's own, or what trusted proxies say in one named header, walked from the right.
//!
//! Invariant: a header is believed only as far as an unbroken chain of trusted proxies vouches for it, so a forged entry
//! on its left has no effect. The result is a [`ClientIp`], which can only be truncated.

use crate::config::ListenOptions;
use crate::pipeline::ClientIp;
use axum::http::HeaderMap;
use std::net::IpAddr;

/// Most entries of the header that are looked at.
const HOPS_MAX: usize = 32;

/// Who sent the request.
pub(crate) fn client_ip(peer: IpAddr, headers: &HeaderMap, listen: &ListenOptions) -> ClientIp {
    let trusted = |address: IpAddr| {
        listen.trusted_proxies.iter().any(|network| network.contains(&address.to_canonical()))
    };
    let mut client = peer;
    if !trusted(peer) {
        return ClientIp::new(client);
    }
    let values: Vec<&str> = headers
        .get_all(listen.client_ip_header.as_str())
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    for hop in values.iter().rev().flat_map(|value| value.rsplit(',')).take(HOPS_MAX) {
        let Some(address) = parse(hop.trim()) else { break };
        client = address;
        if !trusted(address) {
            break;
        }
    }
    ClientIp::new(client)
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
    use axum::http::HeaderValue;

    fn check(peer: &str, header: &[&str], expected: &str) {
        let listen = ListenOptions {
            trusted_proxies: vec!["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()],
            ..ListenOptions::default()
        };
        let mut headers = HeaderMap::new();
        for value in header {
            headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
        }
        let address = client_ip(peer.parse().unwrap(), &headers, &listen);
        assert_eq!(address.truncate().to_string(), expected, "{peer} {header:?}");
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
        check("::ffff:127.0.0.1", &["198.51.100.7"], "198.51.100.0");
        check("127.0.0.1", &[], "127.0.0.0");
    }
}
