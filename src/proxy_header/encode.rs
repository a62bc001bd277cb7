//! Headers that we send, to backends and with probes (W-PPO-1).
//!
//! Decides the bytes. A header never exceeds what the most modest receiver reads (W-PPO-3): an extension that does not
//! fit any more is left out and counted, least important last. Values are copied by length, never as C strings
//! (W-PPO-5).
//!
//! Does not decide whether a header is sent (setting `proxy_send_header`), and does not write. Driven by the backend
//! connection, which sends the bytes in one write before anything else; tests below.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::{crc32c, tlv, v1, v2};
use crate::limits::PROXY_SENT_BYTES_MAX;

/// What to say to the receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// The client and what it connected to; none: a header on our own behalf (LOCAL), as probes send it (W-PPO-1).
    pub endpoints: Option<Endpoints>,
    /// The client's TLS.
    pub ssl: Option<OutgoingSsl<'a>>,
    /// The host name that the client asked for.
    pub authority: Option<&'a str>,
    /// The protocol that the client negotiated.
    pub alpn: Option<&'a [u8]>,
    /// Our id of the connection.
    pub unique_id: Option<&'a [u8]>,
    /// Site-defined types, 0xE0 to 0xEF.
    pub custom: &'a [(u8, &'a [u8])],
    /// Add a checksum.
    pub checksum: bool,
}

/// The apparent client and what it connected to (W-PPO-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The client.
    pub source: SocketAddr,
    /// What it connected to.
    pub destination: SocketAddr,
}

/// The client's TLS, for a client that used it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutgoingSsl<'a> {
    /// Protocol version.
    pub version: Option<&'a str>,
    /// Cipher.
    pub cipher: Option<&'a str>,
    /// Common name of a certificate that was verified.
    pub verified_common_name: Option<&'a str>,
}

/// A header ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Extensions that did not fit.
    pub left_out: usize,
}

/// One line of text. Without endpoints, or with one of each family, it says `UNKNOWN` (W-PPO-2).
#[must_use]
pub fn v1(endpoints: Option<Endpoints>) -> Vec<u8> {
    let (inet, both) = match endpoints {
        Some(both) if both.source.is_ipv4() && both.destination.is_ipv4() => ("TCP4", both),
        Some(both) if both.source.is_ipv6() && both.destination.is_ipv6() => ("TCP6", both),
        _ => return [v1::SIGNATURE, b"UNKNOWN\r\n"].concat(),
    };
    let Endpoints { source, destination } = both;
    let words = format!(
        "{inet} {} {} {} {}\r\n",
        source.ip(),
        destination.ip(),
        source.port(),
        destination.port()
    );
    [v1::SIGNATURE, words.as_bytes()].concat()
}

/// Signature, endpoints and as many extensions as fit. Mixed families travel as IPv6 (W-PPO-2).
#[must_use]
pub fn v2(outgoing: &Outgoing<'_>) -> Encoded {
    let mut bytes = v2::SIGNATURE.to_vec();
    let (command, family) = match outgoing.endpoints {
        None => (0x20, 0x00),
        Some(both) if both.source.is_ipv4() && both.destination.is_ipv4() => (0x21, 0x11),
        Some(_) => (0x21, 0x21),
    };
    bytes.extend([command, family, 0, 0]);
    if let Some(both) = outgoing.endpoints {
        put_addresses(&mut bytes, both);
    }
    let reserved = if outgoing.checksum { CHECKSUM_TLV_BYTES } else { 0 };
    let left_out = put_extensions(&mut bytes, outgoing, reserved);
    if outgoing.checksum {
        put_tlv(&mut bytes, tlv::kind::CRC32C, &[0; 4], 0);
    }
    put_length(&mut bytes);
    if outgoing.checksum {
        let sum = crc32c::checksum(&[&bytes]).to_be_bytes();
        bytes.truncate(bytes.len().saturating_sub(sum.len()));
        bytes.extend(sum);
    }
    Encoded { bytes, left_out }
}

fn put_addresses(bytes: &mut Vec<u8>, both: Endpoints) {
    let Endpoints { source, destination } = both;
    match (source.ip(), destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            bytes.extend(source.octets());
            bytes.extend(destination.octets());
        }
        (source, destination) => {
            bytes.extend(as_ipv6(source).octets());
            bytes.extend(as_ipv6(destination).octets());
        }
    }
    bytes.extend(source.port().to_be_bytes());
    bytes.extend(destination.port().to_be_bytes());
}

fn as_ipv6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

/// In the order of importance. Returns how many did not fit.
fn put_extensions(bytes: &mut Vec<u8>, outgoing: &Outgoing<'_>, reserved: usize) -> usize {
    let ssl = outgoing.ssl.as_ref().map(ssl_value);
    let known = [
        (tlv::kind::SSL, ssl.as_deref()),
        (tlv::kind::AUTHORITY, outgoing.authority.map(str::as_bytes)),
        (tlv::kind::ALPN, outgoing.alpn),
        (tlv::kind::UNIQUE_ID, outgoing.unique_id),
    ];
    let known = known.into_iter().filter_map(|(kind, value)| Some((kind, value?)));
    let all = known.chain(outgoing.custom.iter().copied());
    all.filter(|(kind, value)| !put_tlv(bytes, *kind, value, reserved)).count()
}

/// Client flags, verify result, and the texts.
fn ssl_value(ssl: &OutgoingSsl<'_>) -> Vec<u8> {
    let mut client = tlv::ssl_flag::TLS;
    // 0 is "verified", which without a certificate means nothing.
    if ssl.verified_common_name.is_some() {
        client |= tlv::ssl_flag::CERTIFICATE_NOW | tlv::ssl_flag::CERTIFICATE_IN_SESSION;
    }
    let verify: u32 = if ssl.verified_common_name.is_some() { 0 } else { 1 };
    let mut value = vec![client];
    value.extend(verify.to_be_bytes());
    for (kind, text) in [
        (tlv::kind::SSL_VERSION, ssl.version),
        (tlv::kind::SSL_CN, ssl.verified_common_name),
        (tlv::kind::SSL_CIPHER, ssl.cipher),
    ] {
        if let Some(text) = text {
            put_tlv(&mut value, kind, text.as_bytes(), 0);
        }
    }
    value
}

/// Appends a TLV unless it would grow `bytes` beyond the limit less `reserved`. Says whether it did.
fn put_tlv(bytes: &mut Vec<u8>, kind: u8, value: &[u8], reserved: usize) -> bool {
    let Ok(length) = u16::try_from(value.len()) else {
        return false;
    };
    let grown = bytes.len().saturating_add(TLV_HEAD_BYTES).saturating_add(value.len());
    if grown.saturating_add(reserved) > PROXY_SENT_BYTES_MAX {
        return false;
    }
    bytes.push(kind);
    bytes.extend(length.to_be_bytes());
    bytes.extend(value);
    true
}

/// Writes the length of the block into bytes 14 and 15.
fn put_length(bytes: &mut [u8]) {
    let block = bytes.len().saturating_sub(v2::HEAD_BYTES);
    let [high, low] = u16::try_from(block).unwrap_or(u16::MAX).to_be_bytes();
    if let Some([.., place_high, place_low]) = bytes.first_chunk_mut::<{ v2::HEAD_BYTES }>() {
        (*place_high, *place_low) = (high, low);
    }
}

/// Type and length.
const TLV_HEAD_BYTES: usize = 3;

/// A whole CRC32C extension.
const CHECKSUM_TLV_BYTES: usize = 7;

const _: () = assert!(PROXY_SENT_BYTES_MAX > v2::HEAD_BYTES + v2::INET6_BYTES + CHECKSUM_TLV_BYTES);
const _: () = assert!(PROXY_SENT_BYTES_MAX <= u16::MAX as usize);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy_header::{Command, Decoder, Header, Outcome};

    fn endpoints(source: &str, destination: &str) -> Option<Endpoints> {
        let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
        Some(Endpoints { source, destination })
    }

    fn decoded(bytes: &[u8]) -> Header {
        match Decoder::new().decode(bytes) {
            Outcome::Done { header, consumed } if consumed == bytes.len() => header,
            other => panic!("{other:?} of {bytes:02X?}"),
        }
    }

    #[test]
    fn v1_lines() {
        let line = v1(endpoints("192.0.2.1:56324", "198.51.100.2:143"));
        assert_eq!(line, b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 143\r\n");
        let line = v1(endpoints("[2001:db8::1]:65535", "[2001:db8::2]:993"));
        assert_eq!(line, b"PROXY TCP6 2001:db8::1 2001:db8::2 65535 993\r\n");
    }

    #[test]
    fn w_ppo_2_mixed_families() {
        let mixed = endpoints("[2001:db8::1]:5", "10.0.0.1:143");
        assert_eq!(v1(mixed), b"PROXY UNKNOWN\r\n");
        assert_eq!(v1(None), b"PROXY UNKNOWN\r\n");
        let header = decoded(&v2(&Outgoing { endpoints: mixed, ..Outgoing::default() }).bytes);
        assert_eq!(header.source, Some("[2001:db8::1]:5".parse().unwrap()));
        assert_eq!(header.destination, Some("10.0.0.1:143".parse().unwrap()));
    }

    #[test]
    fn w_ppo_1_probes_send_local() {
        let encoded = v2(&Outgoing::default());
        assert_eq!(encoded.bytes.len(), 16);
        assert_eq!(decoded(&encoded.bytes).command, Command::Local);
    }

    #[test]
    fn w_ppo_4_extensions_come_back_as_they_were_sent() {
        let outgoing = Outgoing {
            endpoints: endpoints("192.0.2.1:5", "10.0.0.1:143"),
            ssl: Some(OutgoingSsl {
                version: Some("TLSv1.3"),
                cipher: Some("TLS_AES_128_GCM_SHA256"),
                verified_common_name: Some("alice"),
            }),
            authority: Some("mail.example"),
            alpn: Some(b"imap"),
            unique_id: Some(b"a\0b"),
            custom: &[(0xE0, b"x\0y"), (0xEF, b"z")],
            checksum: true,
        };
        let encoded = v2(&outgoing);
        assert_eq!(encoded.left_out, 0);
        let tlvs = decoded(&encoded.bytes).tlvs;
        let ssl = tlvs.ssl.unwrap();
        assert_eq!(ssl.verified_common_name.as_deref(), Some("alice"));
        assert_eq!(ssl.version.as_deref(), Some("TLSv1.3"));
        assert_eq!(tlvs.authority.as_deref(), Some("mail.example"));
        assert_eq!(tlvs.alpn.as_deref(), Some(&b"imap"[..]));
        assert_eq!(tlvs.unique_id.as_deref(), Some(&b"a\0b"[..]));
        assert_eq!(tlvs.custom, [(0xE0, b"x\0y"[..].into()), (0xEF, b"z"[..].into())]);
    }

    #[test]
    fn w_ppo_3_a_header_has_at_most_536_bytes_and_keeps_its_checksum() {
        let name = ["a".repeat(63), "b".repeat(63), "c".repeat(63)].join(".");
        let outgoing = Outgoing {
            endpoints: endpoints("[2001:db8::1]:5", "[2001:db8::2]:143"),
            authority: Some(&name),
            unique_id: Some(&[b'u'; 128]),
            custom: &[(0xE0, &[b'x'; 200]), (0xE1, b"small")],
            checksum: true,
            ..Outgoing::default()
        };
        let encoded = v2(&outgoing);
        assert!(encoded.bytes.len() <= PROXY_SENT_BYTES_MAX);
        assert_eq!(encoded.left_out, 1);
        let tlvs = decoded(&encoded.bytes).tlvs;
        assert_eq!(tlvs.custom, [(0xE1, b"small"[..].into())]);
    }
}
