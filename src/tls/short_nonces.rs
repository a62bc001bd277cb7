//! Tickets of TLS 1.3 with nonces of eight bytes.
//!
//! The library gives each ticket a nonce of 32 bytes, which RFC 8446 4.6.1 allows, and wolfSSL up to 5.5 has room for eight: such
//! a client ends the connection at its first read (cross-wolfssl-ticket). OpenSSL's have eight, GnuTLS's four. A nonce only has
//! to tell the tickets of one connection apart, and ours gives one.
//!
//! The library has no setting for it, but its suites say who derives keys and who seals. Here both are the library's own, with
//! two looks in between: the message that carries a ticket leaves with the first eight bytes of its nonce, and the ticket's
//! secret is derived from those. Everything else passes as it is. Both looks read what RFC 8446 lays down (4.6.1, 7.1), nothing
//! of the library's. Towards clients only; a session that has left the library gets no ticket any more.
//! Driver: `provider`. Tests: below, `tls::tests`, `tests/appliance/e2e/wolfssl.rs`.

use rustls::crypto::ActiveKeyExchange;
use rustls::crypto::CipherSuiteCommon;
use rustls::crypto::aws_lc_rs::cipher_suite as suite;
use rustls::crypto::cipher::{
    AeadKey, Iv, MessageDecrypter, MessageEncrypter, OutboundChunks, OutboundOpaqueMessage,
    OutboundPlainMessage, Tls13AeadAlgorithm, UnsupportedOperationError,
};
use rustls::crypto::hmac::Tag;
use rustls::crypto::tls13::{Hkdf, HkdfExpander, OkmBlock, OutputLengthError};
use rustls::{
    ConnectionTrafficSecrets, ContentType, Error, SupportedCipherSuite, Tls13CipherSuite,
};

/// What wolfSSL 5.5 has room for.
const NONCE_BYTES: usize = 8;

/// The suite with shorter nonces; one of TLS 1.2 has none.
pub(super) fn with_short_nonces(of: SupportedCipherSuite) -> SupportedCipherSuite {
    let ours = SUITES.iter().find(|ours| ours.common.suite == of.suite());
    ours.map_or(of, SupportedCipherSuite::Tls13)
}

static SUITES: [Tls13CipherSuite; 3] = [of(&AES_128), of(&AES_256), of(&CHACHA20)];

static AES_128: Shortened = Shortened(inner(&suite::TLS13_AES_128_GCM_SHA256));
static AES_256: Shortened = Shortened(inner(&suite::TLS13_AES_256_GCM_SHA384));
static CHACHA20: Shortened = Shortened(inner(&suite::TLS13_CHACHA20_POLY1305_SHA256));

const fn of(ours: &'static Shortened) -> Tls13CipherSuite {
    let CipherSuiteCommon { suite, hash_provider, confidentiality_limit } = ours.0.common;
    let common = CipherSuiteCommon { suite, hash_provider, confidentiality_limit };
    Tls13CipherSuite { common, hkdf_provider: ours, aead_alg: ours, quic: None }
}

const fn inner(suite: &SupportedCipherSuite) -> &'static Tls13CipherSuite {
    match suite {
        SupportedCipherSuite::Tls13(suite) => suite,
        // While the program is built, not while it runs.
        SupportedCipherSuite::Tls12(_) => panic!("a suite of TLS 1.2"),
    }
}

/// The library's suite, with both looks.
struct Shortened(&'static Tls13CipherSuite);

impl Hkdf for Shortened {
    fn extract_from_zero_ikm(&self, salt: Option<&[u8]>) -> Box<dyn HkdfExpander> {
        self.0.hkdf_provider.extract_from_zero_ikm(salt)
    }

    fn extract_from_secret(&self, salt: Option<&[u8]>, secret: &[u8]) -> Box<dyn HkdfExpander> {
        self.0.hkdf_provider.extract_from_secret(salt, secret)
    }

    fn extract_from_kx_shared_secret(
        &self,
        salt: Option<&[u8]>,
        kx: Box<dyn ActiveKeyExchange>,
        peer_pub_key: &[u8],
    ) -> Result<Box<dyn HkdfExpander>, Error> {
        self.0.hkdf_provider.extract_from_kx_shared_secret(salt, kx, peer_pub_key)
    }

    fn expander_for_okm(&self, okm: &OkmBlock) -> Box<dyn HkdfExpander> {
        Box::new(Expander(self.0.hkdf_provider.expander_for_okm(okm)))
    }

    fn hmac_sign(&self, key: &OkmBlock, message: &[u8]) -> Tag {
        self.0.hkdf_provider.hmac_sign(key, message)
    }
}

struct Expander(Box<dyn HkdfExpander>);

impl HkdfExpander for Expander {
    fn expand_slice(&self, info: &[&[u8]], output: &mut [u8]) -> Result<(), OutputLengthError> {
        match short_label(info) {
            Some(info) => self.0.expand_slice(&[&info], output),
            None => self.0.expand_slice(info, output),
        }
    }

    fn expand_block(&self, info: &[&[u8]]) -> OkmBlock {
        match short_label(info) {
            Some(info) => self.0.expand_block(&[&info]),
            None => self.0.expand_block(info),
        }
    }

    fn hash_len(&self) -> usize {
        self.0.hash_len()
    }
}

/// ```text
/// HkdfLabel = length(2) label<7..255> context<0..255>      ; RFC 8446 7.1; a ticket's secret: "tls13 resumption", its nonce
/// ```
/// The label of a ticket's secret with a shorter nonce; none: it is of something else, or short.
fn short_label(info: &[&[u8]]) -> Option<Vec<u8>> {
    if !info.contains(&RESUMPTION) {
        return None;
    }
    let whole = info.concat();
    let (_, rest) = whole.split_at_checked(2)?;
    let (&label, rest) = rest.split_first()?;
    let (label, rest) = rest.split_at_checked(usize::from(label))?;
    let (&length, nonce) = rest.split_first()?;
    let is_ours = label.ends_with(RESUMPTION) && usize::from(length) == nonce.len();
    let (short, _) = nonce.split_at_checked(NONCE_BYTES).filter(|_| is_ours)?;
    let head = whole.get(..whole.len() - nonce.len() - 1)?;
    Some([head, &[SHORT], short].concat())
}

impl Tls13AeadAlgorithm for Shortened {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(Encrypter(self.0.aead_alg.encrypter(key, iv)))
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        self.0.aead_alg.decrypter(key, iv)
    }

    fn key_len(&self) -> usize {
        self.0.aead_alg.key_len()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.0.aead_alg.extract_keys(key, iv)
    }
}

struct Encrypter(Box<dyn MessageEncrypter>);

impl MessageEncrypter for Encrypter {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let OutboundPlainMessage { typ, version, payload } = message;
        let short = match typ {
            ContentType::Handshake => short_tickets(&payload),
            _ => None,
        };
        let payload = short.as_deref().map_or(payload, OutboundChunks::Single);
        self.0.encrypt(OutboundPlainMessage { typ, version, payload }, sequence)
    }

    fn encrypted_payload_len(&self, bytes: usize) -> usize {
        self.0.encrypted_payload_len(bytes)
    }
}

/// A record of tickets with shorter nonces; none: it holds none, or is a part of one.
fn short_tickets(payload: &OutboundChunks<'_>) -> Option<Vec<u8>> {
    let whole;
    let mut rest = match payload {
        OutboundChunks::Single(bytes) => bytes,
        OutboundChunks::Multiple { .. } => {
            whole = payload.to_vec();
            whole.as_slice()
        }
    };
    let mut short = Vec::new();
    while !rest.is_empty() {
        let (ticket, behind) = short_ticket(rest)?;
        short.extend_from_slice(&ticket);
        rest = behind;
    }
    (!short.is_empty()).then_some(short)
}

/// ```text
/// NewSessionTicket = 4 length(3) lifetime(4) age_add(4) nonce<0..255> ticket<1..2^16-1> extensions<0..2^16-2>
///                                                          ; RFC 8446 4, 4.6.1
/// ```
fn short_ticket(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let [NEW_SESSION_TICKET, high, middle, low, rest @ ..] = bytes else { return None };
    let length = u32::from_be_bytes([0, *high, *middle, *low]);
    let (body, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let (times, body) = body.split_at_checked(8)?;
    let (&nonce, body) = body.split_first()?;
    let (nonce, ticket) = body.split_at_checked(usize::from(nonce))?;
    let (short, _) = nonce.split_at_checked(NONCE_BYTES)?;
    let bytes = times.len() + 1 + short.len() + ticket.len();
    let [_, length @ ..] = u32::try_from(bytes).ok()?.to_be_bytes();
    Some(([&[NEW_SESSION_TICKET], &length[..], times, &[SHORT], short, ticket].concat(), behind))
}

const NEW_SESSION_TICKET: u8 = 4;
const RESUMPTION: &[u8] = b"resumption";
/// How long a nonce says that it is.
const SHORT: u8 = 8;
const _: () = assert!(SHORT as usize == NONCE_BYTES);

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(nonce: &[u8]) -> Vec<u8> {
        let nonce_bytes = u8::try_from(nonce.len()).unwrap();
        let body = [b"lifeage!", &[nonce_bytes][..], nonce, b"\x00\x03abc\x00\x00"].concat();
        [&[4, 0, 0, u8::try_from(body.len()).unwrap()], &body[..]].concat()
    }

    #[test]
    fn a_ticket_keeps_everything_but_the_rest_of_its_nonce() {
        let long = ticket(b"0123456789abcdef0123456789abcdef");
        let short = ticket(b"01234567");
        let of = |bytes: &[u8]| short_tickets(&OutboundChunks::Single(bytes));
        assert_eq!(of(&long).as_deref(), Some(&short[..]));
        assert_eq!(of(&[&long[..], &long].concat()), Some([&short[..], &short].concat()));
        assert_eq!(of(&short).as_deref(), Some(&short[..]));
        let pieces: [&[u8]; 2] = [&long[..20], &long[20..]];
        assert_eq!(short_tickets(&OutboundChunks::new(&pieces)).as_deref(), Some(&short[..]));
        // Shorter ones, parts, other messages and nothing go as they are.
        assert_eq!(of(&ticket(b"0123")), None);
        assert_eq!(of(b""), None);
        assert_eq!(of(b"\x18\x00\x00\x01\x01"), None);
        for end in 1..long.len() {
            assert_eq!(of(&long[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn only_a_tickets_secret_is_derived_otherwise() {
        let nonce = [7; 32];
        let label: [&[u8]; 6] = [&[0, 32], &[16], b"tls13 ", b"resumption", &[32], &nonce];
        let short = short_label(&label).unwrap();
        assert_eq!(short, [&b"\x00\x20\x10tls13 resumption\x08"[..], &[7; 8]].concat());
        let others: [[&[u8]; 6]; 3] = [
            [&[0, 32], &[16], b"tls13 ", b"res binder", &[32], &nonce],
            [&[0, 32], &[16], b"tls13 ", b"resumption", &[31], &nonce],
            [&[0, 32], &[16], b"tls13 ", b"resumption", &[4], &nonce[..4]],
        ];
        for other in others {
            assert_eq!(short_label(&other), None);
        }
    }

    #[test]
    fn every_suite_of_ours_is_among_them() {
        for suite in &crate::tls::Manner::default().towards_clients().cipher_suites {
            let is_newest = suite.tls13().is_some();
            let ours = SUITES.iter().any(|ours| ours.common.suite == suite.suite());
            assert_eq!(is_newest, ours, "{suite:?}");
        }
    }
}
