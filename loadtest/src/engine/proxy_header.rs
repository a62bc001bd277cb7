//! The PROXY header, version 2, TCP over IPv4, and the clients' addresses in it.
//!
//! Pure. Driver: the client of the swarm. Tests: below.

use std::net::{Ipv4Addr, SocketAddrV4};

/// Whose address stands in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxySource {
    /// The socket's own.
    Socket,
    /// One of this many in 10.0.0.0/8, by the client's number.
    Network { addresses: u32 },
}

impl ProxySource {
    /// The header of the client with this number, whose socket has these ends.
    pub(super) fn header(self, number: u64, socket: SocketAddrV4, target: SocketAddrV4) -> Vec<u8> {
        let source = match self {
            Self::Socket => *socket.ip(),
            Self::Network { addresses } => {
                let number = number % u64::from(addresses.clamp(1, ADDRESSES_MAX));
                // Below 2^24, so nothing is lost, and the network's own address is not used.
                Ipv4Addr::from_bits(NETWORK.to_bits() + 1 + u32::try_from(number).unwrap_or(0))
            }
        };
        let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
        header.extend_from_slice(&source.octets());
        header.extend_from_slice(&target.ip().octets());
        header.extend_from_slice(&socket.port().to_be_bytes());
        header.extend_from_slice(&target.port().to_be_bytes());
        header
    }
}

const NETWORK: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 0);
/// Without the network's first and last address.
pub(crate) const ADDRESSES_MAX: u32 = (1 << 24) - 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_in_turn() {
        let socket = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0x1234);
        let target = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 2), 143);
        let header = |source: ProxySource, number| source.header(number, socket, target);
        let own = header(ProxySource::Socket, 7);
        assert_eq!(&own[..16], b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c");
        assert_eq!(&own[16..], [127, 0, 0, 1, 127, 0, 0, 2, 0x12, 0x34, 0, 143]);
        let network = ProxySource::Network { addresses: 300 };
        assert_eq!(header(network, 0)[16..20], [10, 0, 0, 1]);
        assert_eq!(header(network, 299)[16..20], [10, 0, 1, 44]);
        assert_eq!(header(network, 300), header(network, 0));
        let all = ProxySource::Network { addresses: u32::MAX };
        assert_eq!(header(all, u64::from(ADDRESSES_MAX) - 1)[16..20], [10, 255, 255, 254]);
    }
}
