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

    /// Forgets the part that tells one visitor from their neighbours. An IPv4 address that is wrapped in IPv6 is
    /// unwrapped first: what tells it apart would be kept or lost otherwise, depending on where it stands.
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

/// The IPv4 address that an IPv6 address stands for, if it does.
fn unwrap_ipv4(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let octets = v6.octets();
    let at =
        |place: usize| Ipv4Addr::new(octets[place], octets[place + 1], octets[place + 2], octets[place + 3]);
    match octets {
        // RFC 4291, section 2.5.5.2: IPv4-mapped, ::ffff:0:0/96.
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ..] => at(12).into(),
        // Section 2.5.5.1: IPv4-compatible, ::/96; `::`, `::1` and the like are not of that kind.
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, first, ..] if first != 0 => at(12).into(),
        // RFC 3056: 6to4, 2002:V4ADDR::/48.
        [0x20, 0x02, ..] => at(2).into(),
        // RFC 4380: Teredo, 2001::/32, with the client's address inverted.
        [0x20, 0x01, 0, 0, ..] => Ipv4Addr::from(!u32::from(at(12))).into(),
        // RFC 6052: NAT64, 64:ff9b::/96.
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, ..] => at(12).into(),
        // RFC 8215: NAT64 with a prefix of one's own, 64:ff9b:1::/96. Where the translator uses another part of that
        // /48 nothing tells where the IPv4 address stands, and /48 keeps none of it.
        [0, 0x64, 0xff, 0x9b, 0, 1, 0, 0, 0, 0, 0, 0, ..] => at(12).into(),
        _ => address,
    }
}

impl TruncatedIp {
    /// The address for a look-up or a limit.
    pub fn address(self) -> IpAddr {
        self.0
    }

    /// Whether it is left of an address that only this machine reaches.
    pub(crate) fn is_of_this_machine(self) -> bool {
        self.0.is_loopback() || self.0.is_unspecified()
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
    use proptest::prelude::*;

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
        check("64:ff9b:1::192.0.2.77", "192.0.2.0");
        check("64:ff9b:1:c000:2:4d00::", "64:ff9b:1::");
        check("::192.0.2.77", "192.0.2.0");
        check("2001:0:4136:e378:8000:63bf:3fff:fdb2", "192.0.2.0");
        check("2001:4:112::1", "2001:4:112::");
        check("fe80::1", "fe80::");
        check("::1", "::");
        check("::", "::");
    }

    proptest! {
        #[test]
        fn no_bit_after_the_prefix_survives(bits: u128, v4: u32) {
            let truncated = |address: IpAddr| ClientIp::new(address).truncate().address();
            for address in [IpAddr::V6(bits.into()), IpAddr::V4(v4.into())] {
                match truncated(address) {
                    IpAddr::V4(kept) => prop_assert_eq!(u32::from(kept) << IPV4_PREFIX_BITS, 0),
                    IpAddr::V6(kept) => prop_assert_eq!(u128::from(kept) << IPV6_PREFIX_BITS, 0),
                }
            }
        }

        #[test]
        fn neighbours_are_one_and_so_is_whoever_wraps_them(v4: u32, neighbour: u8, server: u32, port: u16) {
            // Addresses that begin with 0 are nobody's.
            let v4 = v4 | 1 << 24;
            let (v4, other) = (u128::from(v4), u128::from(v4 & 0xffff_ff00 | u32::from(neighbour)));
            let truncated = |bits: u128| ClientIp::new(Ipv6Addr::from(bits).into()).truncate();
            let expected = ClientIp::new(Ipv4Addr::from(v4 as u32).into()).truncate();
            let teredo = 0x2001_u128 << 112 | u128::from(server) << 64 | u128::from(port) << 32;
            for v4 in [v4, other] {
                for wrapped in [
                    v4,
                    0xffff << 32 | v4,
                    0x2002 << 112 | v4 << 80 | u128::from(port),
                    0x64_ff9b << 96 | v4,
                    0x64_ff9b_0001 << 80 | v4,
                    teredo | u128::from(!(v4 as u32)),
                ] {
                    prop_assert_eq!(truncated(wrapped), expected, "{:032x}", wrapped);
                }
            }
        }
    }
}
