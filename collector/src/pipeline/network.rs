//! The address of a visitor: [`ClientIp`] comes in, and the one way out of it is [`ClientIp::truncate`].
//!
//! Invariant: a full address cannot be printed, copied, serialised or looked up. These do not compile:
//!
//! ```compile_fail,E0277
//! let address = kruimel_collector::pipeline::ClientIp::new("192.0.2.7".parse().unwrap());
//! println!("{address:?}");
//! ```
//! ```compile_fail,E0277
//! let address = kruimel_collector::pipeline::ClientIp::new("192.0.2.7".parse().unwrap());
//! println!("{address}");
//! ```
//! ```compile_fail,E0599
//! let address = kruimel_collector::pipeline::ClientIp::new("192.0.2.7".parse().unwrap());
//! let copy = address.clone();
//! ```
//! ```compile_fail,E0308
//! let address = kruimel_collector::pipeline::ClientIp::new("192.0.2.7".parse().unwrap());
//! fn place(geo: &kruimel_collector::pipeline::Geo, address: kruimel_collector::pipeline::ClientIp) {
//!     geo.locate(address);
//! }
//! ```
//! ```compile_fail,E0616
//! let address = kruimel_collector::pipeline::ClientIp::new("192.0.2.7".parse().unwrap());
//! let full = address.0;
//! ```
//!
//! The honest path does:
//!
//! ```
//! let address = kruimel_collector::pipeline::ClientIp::new("192.0.2.7".parse().unwrap());
//! assert_eq!(address.truncate().to_string(), "192.0.2.0");
//! ```

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bits of an IPv4 address that are kept.
pub(crate) const IPV4_PREFIX_BITS: u32 = 24;
/// Bits of an IPv6 address that are kept.
pub(crate) const IPV6_PREFIX_BITS: u32 = 48;

/// The full address of a request. It can only be truncated.
pub struct ClientIp(IpAddr);

/// What is left of an address: /24 of IPv4, /48 of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TruncatedIp(IpAddr);

impl ClientIp {
    /// Takes an address in.
    pub fn new(address: IpAddr) -> Self {
        ClientIp(address)
    }

    /// Forgets the part that tells one visitor from their neighbours. An IPv4 address that is wrapped in IPv6 (mapped,
    /// 6to4, the well-known NAT64 prefix) is unwrapped first: its last bits would survive a /48 otherwise.
    pub fn truncate(self) -> TruncatedIp {
        match unwrap_ipv4(self.0) {
            IpAddr::V4(address) => {
                let kept = u32::from(address) & (u32::MAX << (32 - IPV4_PREFIX_BITS));
                TruncatedIp(IpAddr::V4(Ipv4Addr::from(kept)))
            }
            IpAddr::V6(address) => {
                let kept = u128::from(address) & (u128::MAX << (128 - IPV6_PREFIX_BITS));
                TruncatedIp(IpAddr::V6(Ipv6Addr::from(kept)))
            }
        }
    }
}

fn unwrap_ipv4(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let octets = v6.octets();
    let at =
        |place: usize| Ipv4Addr::new(octets[place], octets[place + 1], octets[place + 2], octets[place + 3]);
    if let Some(mapped) = v6.to_ipv4_mapped() {
        return mapped.into();
    }
    match octets[..12] {
        // RFC 3056: 2002:V4ADDR::/48.
        [0x20, 0x02, ..] => at(2).into(),
        // RFC 6052: 64:ff9b::/96.
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0] => at(12).into(),
        _ => address,
    }
}

impl TruncatedIp {
    /// The address for a look-up or a limit.
    pub fn address(self) -> IpAddr {
        self.0
    }

    /// The form of the column `ip_truncated`: IPv4 as an IPv4-mapped IPv6 address.
    pub fn to_ipv6(self) -> Ipv6Addr {
        match self.0 {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        }
    }
}

impl fmt::Display for TruncatedIp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(full: &str, expected: &str) {
        assert_eq!(ClientIp::new(full.parse().unwrap()).truncate().to_string(), expected);
    }

    #[test]
    fn an_address_loses_what_tells_neighbours_apart() {
        check("192.0.2.77", "192.0.2.0");
        check("255.255.255.255", "255.255.255.0");
        check("2001:db8:1234:5678:9abc:def0:1234:5678", "2001:db8:1234::");
        check("::ffff:192.0.2.77", "192.0.2.0");
        check("2002:c000:024d::1", "192.0.2.0");
        check("64:ff9b::192.0.2.77", "192.0.2.0");
        check("fe80::1", "fe80::");
    }
}
