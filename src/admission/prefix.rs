//! Which addresses count as one visitor.

use std::net::IpAddr;

use ipnet::IpNet;

/// An address prefix that is counted as one: its owner has all of its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix(IpNet);

/// One IPv4 address. Behind it may be a whole office, yet nothing larger is sure to be one owner.
const IPV4_BITS: u8 = 32;
/// What a provider gives to one customer (R-GUESS-1).
const IPV6_BITS: u8 = 48;

impl Prefix {
    /// The prefix of an address; IPv4-mapped addresses are IPv4 (PX-20).
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let bits = if address.is_ipv4() { IPV4_BITS } else { IPV6_BITS };
        Self(IpNet::new(address, bits).map_or_else(|_| IpNet::from(address), |net| net.trunc()))
    }

    /// Its first address.
    #[must_use]
    pub fn address(self) -> IpAddr {
        self.0.addr()
    }
}

impl std::fmt::Display for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            write!(f, "{}", self.0.addr())
        } else {
            write!(f, "{}", self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Prefix {
        Prefix::of(address.parse().unwrap())
    }

    #[test]
    fn sa_12_ipv6_counts_by_48_bits_and_ipv4_by_address() {
        assert_eq!(of("2001:db8:1::1"), of("2001:db8:1:ffff::2"));
        assert_ne!(of("2001:db8:1::1"), of("2001:db8:2::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("2001:db8:1::1").to_string(), "2001:db8:1::/48");
        assert_eq!(of("192.0.2.1").to_string(), "192.0.2.1");
    }

    #[test]
    fn px_20_a_mapped_address_is_the_same_visitor() {
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
