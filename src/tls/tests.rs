//! Both sides of the room against each other, in memory.

mod binding;
mod clients;
mod floods;
mod keys;
mod leaving;
mod makers;
mod second;
mod trust;

use rcgen::{CertificateParams, CertifiedKey, KeyPair, generate_simple_self_signed};

use super::*;
use crate::limits;
use crate::names::Protocol;

/// A day in 2026; the certificates below are valid for centuries.
const NOW: i64 = 1_795_000_000;

struct Stage {
    servers: Servers,
    backends: Backends,
}

/// A server for `names` whose certificate the client trusts.
fn stage(names: &[&str], oldest: Oldest) -> Stage {
    let (identity, pem) = identity(names);
    let mut servers = ServersBuilder::default();
    servers.default_identity(&identity);
    let servers = servers.build(oldest, &TicketKeys::new().unwrap()).unwrap();
    let backends = Backends::new(&Trust::new(pem.as_bytes(), OlderForms::Accepted).unwrap());
    Stage { servers, backends }
}

fn identity(names: &[&str]) -> (Identity, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let (cert, key) = (cert.pem(), signing_key.serialize_pem());
    (Identity::new(cert.as_bytes(), key.as_bytes(), None, NOW).unwrap(), cert)
}

/// A connection between both sides; `[client, server]`.
struct Pair {
    ends: [Engine; 2],
    /// On the way to each end.
    wire: [Vec<u8>; 2],
    plain: [Vec<u8>; 2],
    faults: [Option<Fault>; 2],
}

const CLIENT: usize = 0;
const SERVER: usize = 1;

impl Pair {
    fn new(stage: &Stage, name: &str, any: bool) -> Self {
        let mut hello = Vec::new();
        let client = Engine::client(&stage.backends, name, any, &mut hello).unwrap();
        let server = Engine::server(&stage.servers, Protocol::Imap, Asked::No).unwrap();
        Self {
            ends: [client, server],
            wire: [Vec::new(), hello],
            plain: [Vec::new(), Vec::new()],
            faults: [None, None],
        }
    }

    /// Gives `bytes` to an end the way a core does.
    fn feed(&mut self, end: usize, bytes: &[u8]) {
        let mut buffer = vec![0; limits::TLS_HOT_READ_BYTES + limits::TLS_RECORD_BYTES_MAX];
        let start = self.ends[end].lay_stash(&mut buffer);
        buffer[start..start + bytes.len()].copy_from_slice(bytes);
        let (plain, reply) = (&mut self.plain[end], &mut self.wire[1 - end]);
        let outcome = self.ends[end].open(&mut buffer[..start + bytes.len()], plain, reply);
        self.faults[end] = self.faults[end].take().or_else(|| outcome.err());
    }

    /// Carries everything over, `piece` bytes at a time, until neither says anything more.
    fn carry(&mut self, piece: usize) {
        while self.wire.iter().any(|wire| !wire.is_empty()) {
            for end in [SERVER, CLIENT] {
                let bytes = std::mem::take(&mut self.wire[end]);
                for piece in bytes.chunks(piece) {
                    self.feed(end, piece);
                }
            }
        }
    }

    fn send(&mut self, from: usize, plain: &[u8]) {
        let wire = &mut self.wire[1 - from];
        self.ends[from].seal(plain, wire).unwrap();
    }

    /// Bytes in both directions, short and long, which arrive.
    fn exchange(&mut self, piece: usize) {
        for bytes in [1_usize, 40_000] {
            let text: Vec<u8> = (0..bytes).map(|at| u8::try_from(at % 251).unwrap()).collect();
            for from in [CLIENT, SERVER] {
                self.plain[1 - from].clear();
                self.send(from, &text);
                self.carry(piece);
                assert!(self.plain[1 - from] == text, "{bytes} bytes from {from}");
            }
        }
    }

    fn left(&self) -> [bool; 2] {
        self.ends.each_ref().map(Engine::has_left_the_library)
    }

    fn is_established(&self) -> bool {
        self.ends.iter().all(|end| !end.is_handshaking())
    }
}

#[test]
fn tl_10_a_handshake_and_records_in_pieces_of_any_size() {
    for oldest in [Oldest::Tls13, Oldest::Tls12] {
        let stage = stage(&["mail.example.org"], oldest);
        for piece in [1, 2, 3, 5, 7, 100, 1460, 16_384, 65_536] {
            let mut pair = Pair::new(&stage, "mail.example.org", false);
            pair.carry(piece);
            assert_eq!(pair.faults, [None, None], "{piece}");
            assert!(pair.is_established());
            let told = pair.ends[SERVER].established();
            assert_eq!(told.server_name.as_deref(), Some("mail.example.org"));
            let security = told.security.unwrap();
            assert_eq!((told.version, security.version()), ("TLSv1.3", "TLSv1.3"));
            assert_eq!((security.cipher(), security.key_bits()), ("TLS_AES_128_GCM_SHA256", 128));
            for bytes in [1, 16_384, 16_385, 65_536, 100_000] {
                let text: Vec<u8> = (0..bytes).map(|at| u8::try_from(at % 251).unwrap()).collect();
                for from in [CLIENT, SERVER] {
                    pair.send(from, &text);
                    pair.carry(piece.max(512));
                    assert!(
                        std::mem::take(&mut pair.plain[1 - from]) == text,
                        "{bytes} from {from}"
                    );
                }
            }
            assert!(
                pair.ends.iter().all(|end| end.stash_is_free()),
                "an idle engine keeps a buffer"
            );
        }
    }
}

#[test]
fn tl_13_either_side_says_goodbye_once_and_the_other_may_still_talk() {
    let stage = stage(&["a.test"], Oldest::Tls12);
    let mut pair = Pair::new(&stage, "a.test", false);
    pair.carry(65_536);
    pair.send(CLIENT, b"last words");
    let mut goodbye = Vec::new();
    pair.ends[CLIENT].close(&mut goodbye);
    assert!(!goodbye.is_empty());
    pair.ends[CLIENT].close(&mut goodbye);
    pair.wire[SERVER].extend(goodbye);
    pair.wire[SERVER].extend(b"what follows a goodbye is nobody's");
    pair.carry(65_536);
    assert!(pair.ends[SERVER].has_ended() && pair.ends[CLIENT].is_closed());
    assert_eq!(pair.plain[SERVER], b"last words");
    pair.send(SERVER, b"an answer");
    pair.carry(65_536);
    assert_eq!(
        (pair.plain[CLIENT].as_slice(), pair.faults),
        (b"an answer".as_slice(), [None, None])
    );
}

#[test]
fn tl_14_damage_anywhere_is_an_alert_and_the_end() {
    let stage = stage(&["a.test"], Oldest::Tls12);
    for at in [0, 1, 3, 5, 20, 30] {
        let mut pair = Pair::new(&stage, "a.test", false);
        pair.carry(65_536);
        pair.send(CLIENT, b"a record of thirty-three bytes ...");
        pair.wire[SERVER][at] ^= 0x40;
        pair.carry(65_536);
        let waits = pair.faults[SERVER].is_none() && pair.plain[SERVER].is_empty();
        // A record that claims to be longer is waited for; everything else is seen at once, and told.
        assert!(waits || pair.faults[SERVER].is_some(), "byte {at}");
        if pair.faults[SERVER].is_some() {
            assert!(pair.faults[CLIENT].is_some(), "byte {at}: no alert came");
            assert!(pair.ends[SERVER].seal(b"x", &mut Vec::new()).is_err());
        }
    }
}

#[test]
fn tl_10_what_is_no_handshake_ends_with_an_alert() {
    let stage = stage(&["a.test"], Oldest::Tls12);
    let long = [b"\x16\x03\x01\xff\xff".as_slice(), &[0; 60]].concat();
    let junk: [&[u8]; 5] = [
        b"A1 LOGIN user password\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10",
        &long,
        b"\x17\x03\x03\x00\x10aaaaaaaaaaaaaaaa",
    ];
    for bytes in junk {
        let mut pair = Pair::new(&stage, "a.test", false);
        pair.feed(SERVER, bytes);
        assert!(pair.faults[SERVER].is_some(), "{}", bytes.escape_ascii());
        assert_eq!(pair.wire[CLIENT].first(), Some(&0x15), "no alert for {}", bytes.escape_ascii());
    }
}

#[test]
fn tl_10_a_handshake_without_end_is_ended() {
    let stage = stage(&["a.test"], Oldest::Tls12);
    // A ClientHello that claims 65,535 bytes and comes in records of one byte.
    let mut pair = Pair::new(&stage, "a.test", false);
    let begin = b"\x16\x03\x01\x00\x04\x01\x00\xff\xff".as_slice();
    pair.feed(SERVER, begin);
    let mut fed = begin.len();
    while pair.faults[SERVER].is_none() {
        pair.feed(SERVER, b"\x16\x03\x01\x00\x01\x00");
        fed += 6;
        assert!(fed <= limits::TLS_HANDSHAKE_STASH_BYTES_MAX + 6, "{fed} bytes were kept");
    }
    // Empty records are no way around.
    let mut pair = Pair::new(&stage, "a.test", false);
    for _ in 0..limits::TLS_HANDSHAKE_BYTES_MAX / 5 + 1 {
        pair.feed(SERVER, b"\x16\x03\x01\x00\x00");
    }
    assert!(pair.faults[SERVER].is_some());
}

#[test]
fn tl_09_a_backend_proves_itself_or_is_refused() {
    let good = stage(&["be1.test"], Oldest::Tls12);
    let other = stage(&["be1.test"], Oldest::Tls12);
    let talk = |servers: &Servers, backends: &Backends, name: &str, any: bool| {
        let stage = Stage { servers: servers.clone(), backends: Backends::new(&Trust::default()) };
        let mut hello = Vec::new();
        let client = Engine::client(backends, name, any, &mut hello).unwrap();
        let server = Engine::server(&stage.servers, Protocol::Imap, Asked::No).unwrap();
        let mut pair = Pair {
            ends: [client, server],
            wire: [Vec::new(), hello],
            plain: [Vec::new(), Vec::new()],
            faults: [None, None],
        };
        pair.carry(65_536);
        pair.faults[CLIENT].take()
    };
    assert_eq!(talk(&good.servers, &good.backends, "be1.test", false), None);
    for (servers, name) in
        [(&good.servers, "be2.test"), (&other.servers, "be1.test"), (&good.servers, "127.0.0.1")]
    {
        let fault = talk(servers, &good.backends, name, false).unwrap();
        assert!(fault.certificate, "{name}: {}", fault.word);
        assert_eq!(talk(servers, &good.backends, name, true), None, "any-cert takes {name}");
    }
    let trustless = Backends::new(&Trust::default());
    assert!(
        Engine::client(&trustless, "be1.test", false, &mut Vec::new()).unwrap_err().certificate
    );
    assert!(Engine::client(&good.backends, "not a name", true, &mut Vec::new()).is_err());
}

#[test]
fn w_btls_7_a_second_session_with_a_backend_is_resumed_and_tickets_outlive_one_rotation() {
    let mut stage = stage(&["a.test"], Oldest::Tls12);
    let connect = |stage: &Stage| {
        let mut pair = Pair::new(stage, "a.test", false);
        pair.carry(65_536);
        assert!(pair.is_established());
        // The ticket came with or behind the last words.
        pair.send(SERVER, b"x");
        pair.carry(65_536);
        pair.ends.map(|mut end| end.established().resumed)
    };
    assert_eq!(connect(&stage), [false, false]);
    assert_eq!(connect(&stage), [true, true]);
    // TL-18: keys of another process open nothing; the handshake is simply a full one.
    stage.servers = stage.servers.with_tickets(&TicketKeys::new().unwrap());
    assert_eq!(connect(&stage), [false, false]);
}

#[test]
fn tl_16_only_foreign_alpn_names_are_refused() {
    let stage = stage(&["a.test"], Oldest::Tls12);
    for (protocol, names) in [
        (Protocol::Imap, ["imap", "http/1.1", "pop3"]),
        (Protocol::Submission, ["smtp", "imap", "managesieve"]),
    ] {
        let accepted = names.map(|name| offers(&stage.servers, protocol, &[name]));
        assert_eq!(accepted, [true, false, false], "{protocol}");
        assert!(offers(&stage.servers, protocol, &[names[1], names[0]]));
        assert!(offers(&stage.servers, protocol, &[]));
    }
}

/// Whether a client that offers these ALPN names gets through.
fn offers(servers: &Servers, protocol: Protocol, names: &[&str]) -> bool {
    let backends = Backends::new(&Trust::default());
    let mut config = rustls::ClientConfig::clone(backends.of(true).unwrap());
    config.alpn_protocols = names.iter().map(|name| name.as_bytes().to_vec()).collect();
    let mut hello = Vec::new();
    let client = Engine::client_of(config, "a.test", &mut hello);
    let mut pair = Pair {
        ends: [client, Engine::server(servers, protocol, Asked::No).unwrap()],
        wire: [Vec::new(), hello],
        plain: [Vec::new(), Vec::new()],
        faults: [None, None],
    };
    pair.carry(65_536);
    pair.is_established()
}

#[test]
fn w_tls_3_certificates_by_exact_name_then_domain_then_default() {
    let names = ["default.test", "a.test", "*.b.test"];
    let identities = names.map(|name| identity(&[name]));
    let mut servers = ServersBuilder::default();
    servers.default_identity(&identities[0].0);
    servers.named("A.test", &identities[1].0);
    servers.named("*.b.test", &identities[2].0);
    let servers = servers.build(Oldest::Tls12, &TicketKeys::new().unwrap()).unwrap();
    assert_eq!(servers.names(), 2);
    let shown = |name: &str| {
        (0..names.len()).find(|which| {
            let trust = Trust::new(identities[*which].1.as_bytes(), OlderForms::Accepted).unwrap();
            let mut hello = Vec::new();
            let client = Engine::client(&Backends::new(&trust), name, false, &mut hello).unwrap();
            let mut pair = Pair {
                ends: [client, Engine::server(&servers, Protocol::Imap, Asked::No).unwrap()],
                wire: [Vec::new(), hello],
                plain: [Vec::new(), Vec::new()],
                faults: [None, None],
            };
            pair.carry(65_536);
            pair.faults[CLIENT]
                .take()
                .is_none_or(|fault| fault.word == "the certificate is for another name")
        })
    };
    for (name, which) in [
        ("a.test", 1),
        ("x.b.test", 2),
        ("b.test", 0),
        ("y.x.b.test", 0),
        ("other.test", 0),
        ("127.0.0.1", 0),
    ] {
        assert_eq!(shown(name), Some(which), "{name}");
    }
}

#[test]
fn tl_19_what_is_no_pair_is_named() {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["a".to_owned()]).unwrap();
    let (cert, key) = (cert.pem(), signing_key.serialize_pem());
    let other = KeyPair::generate().unwrap().serialize_pem();
    let of = |cert: &str, key: &str, now| {
        Identity::new(cert.as_bytes(), key.as_bytes(), None, now).err()
    };
    assert_eq!(of(&cert, &key, NOW), None);
    assert_eq!(of(&cert, &other, NOW), Some(IdentityFault::Mismatch));
    assert_eq!(of("", &key, NOW), Some(IdentityFault::NoCertificate));
    assert_eq!(of(&cert, "", NOW), Some(IdentityFault::NoKey));
    assert_eq!(of(&cert, &cert, NOW), Some(IdentityFault::NoKey));
    let sealed =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    assert_eq!(of(&cert, sealed, NOW), Some(IdentityFault::EncryptedKey));
    let mut short = CertificateParams::new(["a".to_owned()]).unwrap();
    short.not_before = rcgen::date_time_ymd(2020, 1, 1);
    short.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let short = short.self_signed(&signing_key).unwrap().pem();
    assert_eq!(of(&short, &key, NOW), Some(IdentityFault::Expired));
    let then = Identity::new(short.as_bytes(), key.as_bytes(), None, 1_609_000_000).unwrap();
    assert_eq!(then.ends_in(1_609_000_000), Some(1_609_459_200 - 1_609_000_000));
    assert!(!then.is_early(1_609_000_000) && then.is_early(1_500_000_000));
}

#[test]
fn w_tls_resumed_finished_and_data_in_one_piece() {
    let stage = stage(&["a.test"], Oldest::Tls12);
    for round in 0..3 {
        let mut pair = Pair::new(&stage, "a.test", false);
        let hello = std::mem::take(&mut pair.wire[SERVER]);
        pair.feed(SERVER, &hello);
        let flight = std::mem::take(&mut pair.wire[CLIENT]);
        pair.feed(CLIENT, &flight);
        pair.send(CLIENT, b"LOGIN");
        pair.carry(65_536);
        assert_eq!(pair.faults, [None, None], "{round}");
        pair.send(SERVER, b"OK");
        pair.carry(65_536);
        assert_eq!(
            (pair.plain[SERVER].as_slice(), pair.plain[CLIENT].as_slice()),
            (b"LOGIN".as_slice(), b"OK".as_slice())
        );
        assert_eq!(pair.ends[SERVER].established().resumed, round > 0);
    }
}

/// Addresses as SNI are left out; what is neither host name nor address is a gap, and said to be the client's.
#[test]
fn w_tls_3_a_server_name_that_is_none() {
    let stage = stage(&["ab.test"], Oldest::Tls12);
    let said = |name: &str| {
        // A name of the same length, so that only its bytes change.
        let ours = format!("{:a<1$}", "", name.len());
        let mut hello = Vec::new();
        let _client = Engine::client(&stage.backends, &ours, true, &mut hello).unwrap();
        let at = hello.windows(ours.len()).position(|part| part == ours.as_bytes()).unwrap();
        hello[at..at + name.len()].copy_from_slice(name.as_bytes());
        let mut server = Engine::server(&stage.servers, Protocol::Imap, Asked::No).unwrap();
        let outcome = server.open(&mut hello, &mut Vec::new(), &mut Vec::new());
        outcome.map(|()| server.established().server_name).map_err(|fault| fault.word)
    };
    assert_eq!(said("Ab.Test."), Ok(Some("ab.test".into())));
    for address in ["127.0.0.1", "::1", "2001:db8::7"] {
        assert_eq!(said(address), Ok(None), "{address}");
    }
    for odd in ["a b", "a..b", "m\u{fc}n.test", "*.a.test", "a.test:993", "[::1]", "-a.test"] {
        assert!(said(odd).is_err_and(|word| word.contains("(SNI)")), "{odd}");
    }
}
