//! Floods of what a peer may send a few times: TL-12. A forger seals whatever it likes with the keys of a real session.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ConnectionTrafficSecrets, SupportedProtocolVersion};

use super::*;
use crate::tls::backends::any_certificate;
use crate::tls::provider::provider;

/// A client that does not keep to the rules.
struct Forger {
    is_13: bool,
    key: LessSafeKey,
    iv: [u8; 12],
    sequence: u64,
}

const ALERT: u8 = 0x15;
const HANDSHAKE: u8 = 0x16;
const DATA: u8 = 0x17;
/// What TL-12 asks for.
const FLOOD: usize = 10_000;

impl Forger {
    /// `plain` in a record of this kind.
    fn record(&mut self, kind: u8, plain: &[u8]) -> Vec<u8> {
        let sequence = self.sequence.to_be_bytes();
        self.sequence += 1;
        let mut nonce = self.iv;
        if self.is_13 {
            // RFC 8446 5.2 and 5.3.
            for (byte, sequence) in nonce.iter_mut().skip(4).zip(sequence) {
                *byte ^= sequence;
            }
            let mut inner = [plain, &[kind]].concat();
            let length = u16::try_from(inner.len() + 16).unwrap().to_be_bytes();
            let head = [&[DATA, 3, 3][..], &length].concat();
            let nonce = Nonce::assume_unique_for_key(nonce);
            self.key.seal_in_place_append_tag(nonce, Aad::from(&head), &mut inner).unwrap();
            return [head, inner].concat();
        }
        // RFC 5246 6.2.3.3, RFC 5288 3.
        nonce[4..].copy_from_slice(&sequence);
        let length = u16::try_from(plain.len()).unwrap().to_be_bytes();
        let additional = [&sequence[..], &[kind, 3, 3], &length].concat();
        let mut sealed = plain.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(nonce, Aad::from(additional), &mut sealed).unwrap();
        let length = u16::try_from(sealed.len() + 8).unwrap().to_be_bytes();
        [&[kind, 3, 3][..], &length, &sequence, &sealed].concat()
    }
}

fn shake(version: &'static SupportedProtocolVersion) -> Pair {
    let stage = stage(&["a.test"], Oldest::Tls12);
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(any_certificate())
        .with_no_client_auth();
    config.enable_secret_extraction = true;
    let mut hello = Vec::new();
    let client = Engine::client_of(config, "a.test", &mut hello);
    let mut pair = Pair {
        ends: [client, Engine::server(&stage.servers, Protocol::Imap, Asked::No).unwrap()],
        wire: [Vec::new(), hello],
        plain: [Vec::new(), Vec::new()],
        faults: [None, None],
    };
    pair.carry(65_536);
    assert!(pair.is_established());
    pair
}

/// A session with a server, and the forger that has taken it over from its client.
fn taken_over(version: &'static SupportedProtocolVersion) -> (Pair, Forger) {
    let mut pair = shake(version);
    let stand_in = shake(version).ends.into_iter().next().unwrap();
    let client = std::mem::replace(&mut pair.ends[CLIENT], stand_in);
    let (sequence, secrets) = client.into_secrets().tx;
    let ConnectionTrafficSecrets::Aes128Gcm { key, iv } = secrets else { panic!("another cipher") };
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key.as_ref()).unwrap());
    let iv = iv.as_ref().try_into().unwrap();
    (pair, Forger { is_13: version.version == TLS13.version, key, iv, sequence })
}

/// How many of these records the server bears.
fn borne(pair: &mut Pair, mut record: impl FnMut() -> Vec<u8>) -> usize {
    for borne in 0..FLOOD {
        let bytes = record();
        pair.feed(SERVER, &bytes);
        if pair.faults[SERVER].is_some() {
            // Nothing more costs anything.
            assert!(pair.ends[SERVER].stash_is_free());
            let reply = pair.wire[CLIENT].len();
            pair.feed(SERVER, &bytes);
            assert_eq!(pair.wire[CLIENT].len(), reply, "the dead answer");
            assert!(pair.ends[SERVER].seal(b"x", &mut Vec::new()).is_err());
            return borne;
        }
    }
    FLOOD
}

#[test]
fn tl_12_the_forger_is_believed_as_long_as_it_keeps_to_the_rules() {
    for version in [&TLS13, &TLS12] {
        let (mut pair, mut forger) = taken_over(version);
        for word in [&b"a NOOP\r\n"[..], b"", b"b NOOP\r\n"] {
            let record = forger.record(DATA, word);
            pair.feed(SERVER, &record);
        }
        assert_eq!(pair.faults[SERVER], None);
        assert_eq!(pair.plain[SERVER], b"a NOOP\r\nb NOOP\r\n");
    }
}

#[test]
fn tl_12_empty_records_are_borne_a_few_times_in_a_row() {
    for version in [&TLS13, &TLS12] {
        let (mut pair, mut forger) = taken_over(version);
        assert_eq!(borne(&mut pair, || forger.record(DATA, b"")), 32);
        // In between others they are only useless.
        let (mut pair, mut forger) = taken_over(version);
        for _ in 0..100 {
            for word in [&b""[..], b"x"] {
                let record = forger.record(DATA, word);
                pair.feed(SERVER, &record);
            }
        }
        assert_eq!((pair.faults[SERVER].as_ref(), pair.plain[SERVER].len()), (None, 100));
    }
}

#[test]
fn tl_12_all_at_once_is_no_way_around() {
    for (version, kind, plain) in [
        (&TLS13, DATA, &b""[..]),
        (&TLS12, DATA, b""),
        (&TLS13, ALERT, USER_CANCELED),
        (&TLS12, ALERT, USER_CANCELED),
    ] {
        let (mut pair, mut forger) = taken_over(version);
        let flood: Vec<u8> = (0..1000).flat_map(|_| forger.record(kind, plain)).collect();
        pair.feed(SERVER, &flood);
        assert!(pair.faults[SERVER].is_some());
    }
}

#[test]
fn tl_12_warnings_are_borne_a_few_times() {
    for version in [&TLS13, &TLS12] {
        let (mut pair, mut forger) = taken_over(version);
        let borne = borne(&mut pair, || forger.record(ALERT, USER_CANCELED));
        assert!((1..=4).contains(&borne), "{borne}");
    }
}

/// Level warning, description 90: the only warning that TLS 1.3 knows besides the end.
const USER_CANCELED: &[u8] = &[1, 90];

#[test]
fn tl_12_keys_are_renewed_32_times_without_data_and_not_once_more() {
    let mut pair = shake(&TLS13);
    let mut renewed = 0;
    while pair.faults[SERVER].is_none() && renewed < FLOOD {
        pair.ends[CLIENT].renew_keys();
        // The message about new keys goes out with the next call of the library; no data comes with it.
        let mut words = Vec::new();
        pair.ends[CLIENT].open(&mut [], &mut Vec::new(), &mut words).unwrap();
        pair.feed(SERVER, &words);
        renewed += 1;
        // The answers are left unread: they must not pile up.
        assert!(pair.wire[CLIENT].len() <= 64 * renewed);
    }
    assert_eq!(renewed, 33);
    // With data in between keys may be renewed for ever, and both sides still understand each other.
    let mut pair = shake(&TLS13);
    for _ in 0..200 {
        pair.ends[CLIENT].renew_keys();
        pair.send(CLIENT, b"x");
        pair.carry(65_536);
        pair.send(SERVER, b"y");
        pair.carry(65_536);
    }
    assert_eq!(
        (pair.faults, pair.plain[SERVER].len(), pair.plain[CLIENT].len()),
        ([None, None], 200, 200)
    );
}

/// W-TLS-5. A ClientHello within a session: TLS 1.2 is told once that it is not wanted, TLS 1.3 has no such thing.
#[test]
fn tl_12_renegotiation_is_refused() {
    let mut hello = Vec::new();
    let stage = stage(&["a.test"], Oldest::Tls12);
    Engine::client(&stage.backends, "a.test", true, &mut hello).unwrap();
    let hello = hello.get(5..).unwrap();
    let (mut pair, mut forger) = taken_over(&TLS12);
    let record = forger.record(HANDSHAKE, hello);
    pair.feed(SERVER, &record);
    assert_eq!(pair.faults[SERVER], None);
    assert_eq!(pair.wire[CLIENT].first(), Some(&ALERT), "no_renegotiation");
    assert_eq!(borne(&mut pair, || forger.record(HANDSHAKE, hello)), 0);
    let (mut pair, mut forger) = taken_over(&TLS13);
    assert_eq!(borne(&mut pair, || forger.record(HANDSHAKE, hello)), 0);
}
