//! Which connections have a header, how long it may take, and what it changes.
//!
//! A listener either demands the header or forbids it; nothing is ever guessed, because a listener that guesses lets
//! clients choose their address (W-PP-1). Does not read headers. Driven by the core that accepts connections, and by
//! `session` once the header is there; tests below.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Header;
use crate::names::Protocol;
use crate::network::{self, Networks};
use crate::tick::Tick;

/// What a listener expects in front of a connection (setting `haproxy` of `inet_listener`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeaderRule {
    /// Every connection begins with a header.
    Required,
    /// None does; the bytes of one are protocol bytes (PX-06).
    #[default]
    Forbidden,
}

/// What to do with a connection that was just accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// Read the header first.
    ReadHeader,
    /// Begin at once, with the socket's endpoints.
    Begin,
    /// The peer may not send headers: close before any byte is read or written, log the address, count it (W-PP-2).
    Close,
}

/// Decides at accept, from the listener's rule and the socket's peer.
///
/// `trusted` is `haproxy_trusted_networks`; an empty set trusts no sender.
#[must_use]
pub fn on_accept(rule: HeaderRule, trusted: &Networks, peer: IpAddr) -> Entrance {
    match rule {
        HeaderRule::Forbidden => Entrance::Begin,
        HeaderRule::Required if trusted.contains(peer) => Entrance::ReadHeader,
        HeaderRule::Required => Entrance::Close,
    }
}

/// When a connection without a complete header is closed. Counted from accept: bytes that dribble in do not move it
/// (W-PP-3, W-PIPE-3). `timeout` is `haproxy_timeout`; [`crate::limits::PROXY_HEADER_TIMEOUT`] by default.
#[must_use]
pub fn deadline(accepted: Tick, timeout: Duration) -> Tick {
    accepted.after(timeout)
}

/// The origin (W-ADDR-1): the header's source, else the socket's peer.
///
/// A trusted sender is believed whatever it claims, loopback and `login_trusted_networks` included, and trust is judged
/// by the result like that of any other origin (W-TRUST-1, PX-19). So a balancer must not be reachable by clients who
/// can choose the address it sees.
#[must_use]
pub fn origin(socket_peer: SocketAddr, header: &Header) -> SocketAddr {
    network::canonical(header.source.unwrap_or(socket_peer))
}

/// The address that the client connected to: the header's destination, else the socket's own.
#[must_use]
pub fn local(socket_local: SocketAddr, header: &Header) -> SocketAddr {
    network::canonical(header.destination.unwrap_or(socket_local))
}

/// Whether a claimed source may be used for rate limits and allow-lists. Port 0 or the unspecified address is a
/// sender's way to say "I do not know" (W-PP2-4).
#[must_use]
pub fn identifies_client(source: SocketAddr) -> bool {
    source.port() != 0 && !source.ip().to_canonical().is_unspecified()
}

/// Whether a connection that was negotiated as `alpn` may begin on a listener of `protocol` (W-TLV-6).
///
/// Against cross-protocol attacks: a browser that was led to a mail port asks for `http/1.1`. `imap`, `pop3` and
/// `managesieve` are registered with IANA; nothing is for mail submission and LMTP, where the names in use are
/// accepted.
#[must_use]
pub fn is_alpn_acceptable(protocol: Protocol, alpn: &[u8]) -> bool {
    let names: &[&[u8]] = match protocol {
        Protocol::Imap => &[b"imap"],
        Protocol::Pop3 => &[b"pop3"],
        Protocol::Sieve => &[b"managesieve"],
        Protocol::Submission => &[b"submission", b"smtp", b"esmtp"],
        Protocol::Lmtp => &[b"lmtp"],
    };
    names.contains(&alpn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::PROXY_HEADER_TIMEOUT;
    use crate::proxy_header::{Decoder, Outcome};

    fn header(line: &str) -> Header {
        match Decoder::new().decode(line.as_bytes()) {
            Outcome::Done { header, .. } => header,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn px_01_only_trusted_networks_may_send_a_header() {
        let trusted = Networks::parse("192.168.1.0/24").unwrap();
        let enters = |rule, peer: &str| on_accept(rule, &trusted, peer.parse().unwrap());
        assert_eq!(enters(HeaderRule::Required, "192.168.1.7"), Entrance::ReadHeader);
        assert_eq!(enters(HeaderRule::Required, "::ffff:192.168.1.7"), Entrance::ReadHeader);
        assert_eq!(enters(HeaderRule::Required, "192.168.2.7"), Entrance::Close);
        assert_eq!(enters(HeaderRule::Required, "::1"), Entrance::Close);
        let nobody = Networks::default();
        let entrance = on_accept(HeaderRule::Required, &nobody, "127.0.0.1".parse().unwrap());
        assert_eq!(entrance, Entrance::Close);
    }

    #[test]
    fn px_06_a_listener_without_the_rule_never_reads_a_header() {
        let trusted = Networks::parse("0.0.0.0/0").unwrap();
        let peer = "192.168.1.7".parse().unwrap();
        assert_eq!(on_accept(HeaderRule::Forbidden, &trusted, peer), Entrance::Begin);
        assert_eq!(HeaderRule::default(), HeaderRule::Forbidden);
    }

    #[test]
    fn px_02_px_04_deadline_counts_from_accept() {
        let deadline = deadline(Tick(1_000), PROXY_HEADER_TIMEOUT);
        assert_eq!(deadline, Tick(4_000));
    }

    #[test]
    fn px_13_local_forwards_the_sockets_address() {
        let socket = "[::ffff:10.1.1.1]:4000".parse().unwrap();
        let line = header("PROXY UNKNOWN\r\n");
        assert_eq!(origin(socket, &line), "10.1.1.1:4000".parse().unwrap());
        assert_eq!(local(socket, &line), "10.1.1.1:4000".parse().unwrap());
    }

    #[test]
    fn px_19_a_claimed_loopback_source_is_believed_and_trusted_like_any_origin() {
        let login_trusted = Networks::parse("127.0.0.1").unwrap();
        let balancer = "192.168.1.7:999".parse().unwrap();
        let origin = origin(balancer, &header("PROXY TCP4 127.0.0.1 10.0.0.1 5 143\r\n"));
        assert_eq!(origin, "127.0.0.1:5".parse().unwrap());
        assert!(login_trusted.contains(origin.ip()));
    }

    #[test]
    fn px_20_mapped_sources_are_written_as_ipv4_once() {
        let socket = "192.168.1.7:999".parse().unwrap();
        let header = header("PROXY TCP6 ::ffff:192.0.2.9 ::ffff:10.0.0.1 5 143\r\n");
        assert_eq!(origin(socket, &header), "192.0.2.9:5".parse().unwrap());
        assert_eq!(local(socket, &header), "10.0.0.1:143".parse().unwrap());
    }

    #[test]
    fn w_pp2_4_unknown_sources_identify_nobody() {
        for (source, identifies) in [
            ("192.0.2.1:1", true),
            ("192.0.2.1:0", false),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("[::ffff:0.0.0.0]:1", false),
        ] {
            assert_eq!(identifies_client(source.parse().unwrap()), identifies, "{source}");
        }
    }

    #[test]
    fn alpn_of_another_protocol_is_refused() {
        for protocol in Protocol::ALL {
            assert!(!is_alpn_acceptable(protocol, b"http/1.1"));
            assert!(!is_alpn_acceptable(protocol, b""));
        }
        assert!(is_alpn_acceptable(Protocol::Imap, b"imap"));
        assert!(!is_alpn_acceptable(Protocol::Pop3, b"imap"));
    }
}
