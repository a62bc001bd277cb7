//! The extensions of version 2: type, length, value (doc/proxy-protocol.txt 2.2; W-TLV-5).
//!
//! Decides which values are facts for us. A value that the client had a hand in (AUTHORITY is its SNI, as it came), or
//! that only a log would show, is left out when it makes no sense; one that the sender answers for (the checksum)
//! refuses the header when it is wrong. A value without bytes counts as absent. When a type stands twice the first one
//! holds, and [`Tlvs::repeated`] says that it happened; a second SSL or CRC32C refuses the header, because a sender
//! that wrote two of those wanted a reader to see the wrong one.
//!
//! Does not decide what the facts are used for. Driven by `v2`; tests below, in `tests.rs`, and in the fuzz target.

use super::{Refusal, crc32c};
use crate::limits::{PROXY_TEXT_BYTES_MAX, PROXY_UNIQUE_ID_BYTES_MAX};
use crate::wire::host_name;

/// TLV types (doc/proxy-protocol.txt 2.2).
pub mod kind {
    /// The protocol negotiated by ALPN.
    pub const ALPN: u8 = 0x01;
    /// The host name that the client asked for.
    pub const AUTHORITY: u8 = 0x02;
    /// CRC-32C over the whole header.
    pub const CRC32C: u8 = 0x03;
    /// Padding.
    pub const NOOP: u8 = 0x04;
    /// The sender's id of the connection.
    pub const UNIQUE_ID: u8 = 0x05;
    /// The client's TLS, with TLVs of its own.
    pub const SSL: u8 = 0x20;
    /// Inside SSL: protocol version.
    pub const SSL_VERSION: u8 = 0x21;
    /// Inside SSL: common name of the client certificate.
    pub const SSL_CN: u8 = 0x22;
    /// Inside SSL: cipher.
    pub const SSL_CIPHER: u8 = 0x23;
    /// Inside SSL: signature algorithm of the sender's certificate.
    pub const SSL_SIG_ALG: u8 = 0x24;
    /// Inside SSL: key algorithm of the sender's certificate.
    pub const SSL_KEY_ALG: u8 = 0x25;
    /// Inside SSL: key exchange group.
    pub const SSL_GROUP: u8 = 0x26;
    /// Inside SSL: signature scheme of the handshake.
    pub const SSL_SIG_SCHEME: u8 = 0x27;
    /// Network namespace at the sender.
    pub const NETNS: u8 = 0x30;
    /// The first type left to sites.
    pub const CUSTOM_FIRST: u8 = 0xE0;
    /// The last type left to sites.
    pub const CUSTOM_LAST: u8 = 0xEF;
}

/// Bits of the first byte of SSL.
pub mod ssl_flag {
    /// The client used TLS to the sender.
    pub const TLS: u8 = 0x01;
    /// It showed a certificate on this connection.
    pub const CERTIFICATE_NOW: u8 = 0x02;
    /// It showed a certificate at least once in the TLS session.
    pub const CERTIFICATE_IN_SESSION: u8 = 0x04;
}

/// The facts in the extensions of one header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tlvs {
    /// The protocol that client and sender agreed on; judge it with [`super::policy::is_alpn_acceptable`].
    pub alpn: Option<Box<[u8]>>,
    /// The host name that the client asked for: a valid DNS name, in the sender's spelling, without a final dot. What
    /// is none is left out, as it is of an SNI that we see ourselves: no certificate depends on it any more.
    pub authority: Option<Box<str>>,
    /// The sender's id of the connection. Opaque, not even text; for logs only, where it has to be escaped.
    pub unique_id: Option<Box<[u8]>>,
    /// The client's TLS, when the sender tells of it.
    pub ssl: Option<Box<SslFacts>>,
    /// Network namespace at the sender, for logs.
    pub netns: Option<Box<str>>,
    /// Site-defined types (0xE0 to 0xEF) in order of arrival, each at most once. Opaque.
    pub custom: Vec<(u8, Box<[u8]>)>,
    /// A type stood more than once; worth a log line about the sender.
    pub repeated: bool,
}

/// What the sender knows of the client's TLS (type SSL).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SslFacts {
    /// The client's bytes were protected up to the sender, who ended its TLS (W-TLV-1).
    pub client_used_tls: bool,
    /// Common name of the client's certificate, present only when the certificate proves it (W-TLV-2): the client used
    /// TLS, showed a certificate on this connection or in its session, the sender verified it, and the name is clean
    /// text that stands once.
    pub verified_common_name: Option<Box<str>>,
    /// Protocol version, such as `TLSv1.3`.
    pub version: Option<Box<str>>,
    /// Cipher.
    pub cipher: Option<Box<str>>,
    /// Signature algorithm of the sender's certificate.
    pub signature_algorithm: Option<Box<str>>,
    /// Key algorithm of the sender's certificate.
    pub key_algorithm: Option<Box<str>>,
    /// Key exchange group.
    pub group: Option<Box<str>>,
    /// Signature scheme of the handshake.
    pub signature_scheme: Option<Box<str>>,
}

impl Tlvs {
    /// Reads the TLVs of a complete header that [`verify`] has found sound.
    pub(super) fn read(header: &[u8], tlvs_at: usize) -> Result<Self, Refusal> {
        let mut tlvs = Self::default();
        for tlv in Walk::new(header, tlvs_at) {
            let Tlv { kind, value, .. } = tlv?;
            tlvs.accept(kind, value)?;
        }
        Ok(tlvs)
    }

    fn accept(&mut self, kind: u8, value: &[u8]) -> Result<(), Refusal> {
        let first = match kind {
            kind::SSL => {
                let ssl = SslFacts::read(value)?;
                self.repeated |= ssl.repeated;
                keep(&mut self.ssl, Box::new(ssl.facts))
            }
            // From here on a value without bytes says nothing.
            _ if value.is_empty() => true,
            kind::ALPN => keep(&mut self.alpn, value.into()),
            kind::AUTHORITY => {
                host_name::read(value).is_none_or(|name| keep(&mut self.authority, name.into()))
            }
            kind::UNIQUE_ID if value.len() > PROXY_UNIQUE_ID_BYTES_MAX => {
                return Err(Refusal::UniqueId);
            }
            kind::UNIQUE_ID => keep(&mut self.unique_id, value.into()),
            kind::NETNS => clean_text(value).is_none_or(|text| keep(&mut self.netns, text)),
            kind::CUSTOM_FIRST..=kind::CUSTOM_LAST => self.keep_custom(kind, value),
            // NOOP, the checksum (verified already), experimental, future, and SSL's own types outside SSL (W-TLV-3).
            _ => true,
        };
        self.repeated |= !first;
        Ok(())
    }

    fn keep_custom(&mut self, kind: u8, value: &[u8]) -> bool {
        let first = self.custom.iter().all(|(known, _)| *known != kind);
        if first {
            self.custom.push((kind, value.into()));
        }
        first
    }
}

/// Facts of an SSL value, and whether one of its types stood twice.
struct SslRead {
    facts: SslFacts,
    repeated: bool,
}

impl SslFacts {
    /// ```text
    /// ssl = client(1) verify(4) *sub-tlv        ; verify: 0 means verified, big-endian
    /// ```
    fn read(value: &[u8]) -> Result<SslRead, Refusal> {
        let (&[client, verify @ ..], _) =
            value.split_first_chunk::<SSL_HEAD_BYTES>().ok_or(Refusal::TlvTruncated)?;
        let verified = u32::from_be_bytes(verify) == 0;
        let certificate = ssl_flag::CERTIFICATE_NOW | ssl_flag::CERTIFICATE_IN_SESSION;
        let mut facts = Self { client_used_tls: client & ssl_flag::TLS != 0, ..Self::default() };
        let (mut common_name, mut common_names, mut repeated) = (None, 0_u8, false);
        for sub in Walk::new(value, SSL_HEAD_BYTES) {
            let Tlv { kind, value, .. } = sub?;
            if kind == kind::SSL_CN {
                common_names = common_names.saturating_add(1);
                common_name = clean_text(value);
            }
            if let (Some(place), Some(text)) = (facts.place(kind), clean_text(value)) {
                repeated |= !keep(place, text);
            }
        }
        let proven = facts.client_used_tls && client & certificate != 0 && verified;
        if proven && common_names == 1 {
            facts.verified_common_name = common_name;
        }
        Ok(SslRead { facts, repeated: repeated || common_names > 1 })
    }

    /// Where the plain texts go. The client's whole certificate (0x28) is of no use to us.
    fn place(&mut self, kind: u8) -> Option<&mut Option<Box<str>>> {
        match kind {
            kind::SSL_VERSION => Some(&mut self.version),
            kind::SSL_CIPHER => Some(&mut self.cipher),
            kind::SSL_SIG_ALG => Some(&mut self.signature_algorithm),
            kind::SSL_KEY_ALG => Some(&mut self.key_algorithm),
            kind::SSL_GROUP => Some(&mut self.group),
            kind::SSL_SIG_SCHEME => Some(&mut self.signature_scheme),
            _ => None,
        }
    }
}

/// Checks that the TLVs of a complete header fill their space exactly, that CRC32C and SSL stand at most once, and that
/// the checksum holds when there is one (W-TLV-4).
pub(super) fn verify(header: &[u8], tlvs_at: usize) -> Result<(), Refusal> {
    let (mut sum, mut sums, mut ssls) = (None, 0_usize, 0_usize);
    for tlv in Walk::new(header, tlvs_at) {
        let tlv = tlv?;
        match tlv.kind {
            kind::CRC32C => {
                sums = sums.saturating_add(1);
                sum = Some(tlv);
            }
            kind::SSL => ssls = ssls.saturating_add(1),
            _ => {}
        }
    }
    if sums > 1 || ssls > 1 {
        return Err(Refusal::TlvTwice);
    }
    sum.map_or(Ok(()), |tlv| verify_checksum(header, &tlv))
}

/// The sum was made with four zero bytes in its place.
fn verify_checksum(header: &[u8], tlv: &Tlv<'_>) -> Result<(), Refusal> {
    let (Ok(told), Some((before, from))) =
        (<[u8; 4]>::try_from(tlv.value), header.split_at_checked(tlv.value_at))
    else {
        return Err(Refusal::Checksum);
    };
    let after = from.get(told.len()..).unwrap_or(&[]);
    if crc32c::checksum(&[before, &[0; 4], after]) == u32::from_be_bytes(told) {
        Ok(())
    } else {
        Err(Refusal::Checksum)
    }
}

/// One TLV. `value_at` counts from the start of the slice that is walked.
struct Tlv<'a> {
    kind: u8,
    value: &'a [u8],
    value_at: usize,
}

/// Goes through the TLVs of a slice, from `at` to its end. Every step consumes at least three bytes or is the last.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    fn step(&mut self) -> Option<Tlv<'a>> {
        let rest = self.bytes.get(self.at..)?;
        let (&[kind, high, low], _) = rest.split_first_chunk::<TLV_HEAD_BYTES>()?;
        let value_at = self.at.checked_add(TLV_HEAD_BYTES)?;
        let end = value_at.checked_add(usize::from(u16::from_be_bytes([high, low])))?;
        let value = self.bytes.get(value_at..end)?;
        self.at = end;
        Some(Tlv { kind, value, value_at })
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Result<Tlv<'a>, Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at == self.bytes.len() {
            return None;
        }
        let Some(tlv) = self.step() else {
            self.at = self.bytes.len();
            return Some(Err(Refusal::TlvTruncated));
        };
        Some(Ok(tlv))
    }
}

/// Type and length.
const TLV_HEAD_BYTES: usize = 3;

/// Client flags and verify result of an SSL value.
const SSL_HEAD_BYTES: usize = 5;

/// Fills an empty place; says whether it was empty.
fn keep<T>(place: &mut Option<T>, value: T) -> bool {
    let empty = place.is_none();
    if empty {
        *place = Some(value);
    }
    empty
}

/// Text without control characters, so that nothing it is shown in can break.
fn clean_text(value: &[u8]) -> Option<Box<str>> {
    let text = str::from_utf8(value).ok()?;
    let clean = !text.is_empty() && text.len() <= PROXY_TEXT_BYTES_MAX;
    (clean && !text.chars().any(char::is_control)).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len()).unwrap().to_be_bytes();
        [&[kind][..], &length, value].concat()
    }

    fn read(tlvs: &[Vec<u8>]) -> Result<Tlvs, Refusal> {
        let block = tlvs.concat();
        verify(&block, 0)?;
        Tlvs::read(&block, 0)
    }

    fn ssl(client: u8, verify: u32, subs: &[Vec<u8>]) -> Vec<u8> {
        tlv(kind::SSL, &[&[client][..], &verify.to_be_bytes(), &subs.concat()].concat())
    }

    #[test]
    fn first_of_a_repeated_type_holds() {
        let tlvs = read(&[tlv(kind::AUTHORITY, b"a.example"), tlv(kind::AUTHORITY, b"b.example")]);
        let tlvs = tlvs.unwrap();
        assert_eq!(tlvs.authority.as_deref(), Some("a.example"));
        assert!(tlvs.repeated);
        let tlvs = read(&[tlv(0xE4, b"1"), tlv(0xE5, b"2"), tlv(0xE4, b"3")]).unwrap();
        assert_eq!(tlvs.custom, [(0xE4, b"1"[..].into()), (0xE5, b"2"[..].into())]);
        assert!(tlvs.repeated);
    }

    #[test]
    fn px_09_values_without_bytes_are_legal_and_absent() {
        let tlvs = read(&[
            tlv(kind::AUTHORITY, b""),
            tlv(kind::NOOP, b""),
            tlv(kind::UNIQUE_ID, b""),
            tlv(kind::AUTHORITY, b"mail.example"),
        ]);
        let tlvs = tlvs.unwrap();
        assert_eq!(tlvs.authority.as_deref(), Some("mail.example"));
        assert_eq!((tlvs.unique_id, tlvs.repeated), (None, false));
    }

    /// Case `cross-authority-literal`: hitch and HAProxy pass on whatever a client sent as SNI.
    #[test]
    fn authority_that_is_no_host_name_is_left_out() {
        let values: [&[u8]; 7] = [
            b"::1",
            b"192.0.2.1",
            "bücher.example".as_bytes(),
            b"*.a",
            b"a b",
            b"a\r\n",
            &[0xFF; 300],
        ];
        for value in values {
            let tlvs = read(&[tlv(kind::AUTHORITY, value), tlv(kind::UNIQUE_ID, b"id")]).unwrap();
            let expected = Tlvs { unique_id: Some(b"id"[..].into()), ..Tlvs::default() };
            assert_eq!(tlvs, expected, "{}", value.escape_ascii());
        }
        let tlvs = read(&[tlv(kind::AUTHORITY, b"MAIL.Example.")]).unwrap();
        assert_eq!(tlvs.authority.as_deref(), Some("MAIL.Example"));
    }

    #[test]
    fn authority_that_is_no_host_name_takes_nobodys_place() {
        let tlvs = read(&[tlv(kind::AUTHORITY, b"::1"), tlv(kind::AUTHORITY, b"mail.example")]);
        let tlvs = tlvs.unwrap();
        assert_eq!((tlvs.authority.as_deref(), tlvs.repeated), (Some("mail.example"), false));
        let tlvs = read(&[tlv(kind::AUTHORITY, b"mail.example"), tlv(kind::AUTHORITY, b"::1")]);
        assert_eq!(tlvs.unwrap().authority.as_deref(), Some("mail.example"));
    }

    #[test]
    fn unique_id_has_at_most_128_bytes_of_anything() {
        let tlvs = read(&[tlv(kind::UNIQUE_ID, &[0xFF; 128])]).unwrap();
        assert_eq!(tlvs.unique_id.as_deref(), Some(&[0xFF; 128][..]));
        assert_eq!(read(&[tlv(kind::UNIQUE_ID, &[0; 129])]), Err(Refusal::UniqueId));
    }

    #[test]
    fn w_tlv_2_common_name_counts_only_with_certificate_and_verify_zero() {
        let cn = tlv(kind::SSL_CN, b"alice");
        let name = |client, verify| {
            let tlvs = read(&[ssl(client, verify, std::slice::from_ref(&cn))]).unwrap();
            tlvs.ssl.unwrap().verified_common_name
        };
        assert_eq!(name(0x03, 0).as_deref(), Some("alice"));
        assert_eq!(name(0x05, 0).as_deref(), Some("alice"));
        assert_eq!(name(0x01, 0), None);
        // A verify result whose lowest or highest byte is zero: byte order must not matter.
        for verify in [1, 0x0100_0000, 0x0000_0100, u32::MAX] {
            assert_eq!(name(0x07, verify), None, "{verify:#010X}");
        }
        // A certificate without TLS contradicts itself.
        assert_eq!(name(0x06, 0), None);
    }

    #[test]
    fn px_17_common_name_with_a_control_or_a_double_is_no_identity() {
        for cn in [&b"alice\0.evil"[..], b"alice\r\n", b"\xFFalice", b"", b"al\x7Fice"] {
            let tlvs = read(&[ssl(0x07, 0, &[tlv(kind::SSL_CN, cn)])]).unwrap();
            assert_eq!(tlvs.ssl.unwrap().verified_common_name, None);
        }
        let two = [tlv(kind::SSL_CN, b"alice"), tlv(kind::SSL_CN, b"bob")];
        let tlvs = read(&[ssl(0x07, 0, &two)]).unwrap();
        assert!(tlvs.repeated);
        assert_eq!(tlvs.ssl.unwrap().verified_common_name, None);
    }

    #[test]
    fn w_tlv_3_sub_types_count_only_inside_ssl() {
        let tlvs = read(&[tlv(kind::SSL_CN, b"alice"), ssl(1, 0, &[])]).unwrap();
        let facts = SslFacts { client_used_tls: true, ..SslFacts::default() };
        assert_eq!(tlvs.ssl.as_deref(), Some(&facts));
        assert_eq!(read(&[tlv(kind::SSL, &[1, 0, 0, 0])]), Err(Refusal::TlvTruncated));
        assert_eq!(read(&[tlv(kind::SSL, b"")]), Err(Refusal::TlvTruncated));
    }

    #[test]
    fn ssl_twice_is_refused() {
        assert_eq!(read(&[ssl(1, 0, &[]), ssl(1, 0, &[])]), Err(Refusal::TlvTwice));
    }
}
