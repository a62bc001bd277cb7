//! Certificates of clients: TL-20, TL-18, W-TLS-4.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, SupportedProtocolVersion};

use super::*;
use crate::facts::ClientCertificate;
use crate::tls::backends::any_certificate;
use crate::tls::provider::provider;
use crate::wire::certificate_name::NameField;

/// An authority that issues certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    /// Its own certificate and those above it, without the root's.
    chain: Vec<CertificateDer<'static>>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let (params, key) = (Self::params(name), KeyPair::generate().unwrap());
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem, chain: Vec::new() }
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    }

    /// An authority below this one.
    fn below(&self, name: &str) -> Self {
        let (params, key) = (Self::params(name), KeyPair::generate().unwrap());
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let chain = [vec![certificate.der().clone()], self.chain.clone()].concat();
        Self { issuer: Issuer::new(params, key), pem: self.pem.clone(), chain }
    }

    fn issue(&self, name: &str, edit: impl FnOnce(&mut CertificateParams)) -> Shown {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        edit(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let chain = [vec![certificate.der().clone()], self.chain.clone()].concat();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Shown { chain, key: PrivateKeyDer::Pkcs8(key) }
    }

    /// A list of revoked certificates that ends in this year.
    fn list(&self, revoked: &[u8], until: i32) -> String {
        let revoked_certs = revoked.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&[*serial]),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: revoked_certs.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

/// What a client shows.
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

const BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

fn client(version: &'static SupportedProtocolVersion, shown: Option<&Shown>) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(any_certificate());
    Arc::new(match shown {
        None => config.with_no_client_auth(),
        Some(Shown { chain, key }) => {
            config.with_client_auth_cert(chain.clone(), key.clone_key()).unwrap()
        }
    })
}

fn servers(authorities: &str, lists_required: bool, field: NameField) -> Servers {
    let mut servers = ServersBuilder::default();
    servers.default_identity(&identity(&["a.test"]).0);
    servers.clients(ClientTrust::new(authorities.as_bytes(), lists_required).unwrap(), field);
    servers.build(Oldest::Tls12, &TicketKeys::new().unwrap()).unwrap()
}

fn connect(servers: &Servers, asked: Asked, config: &Arc<ClientConfig>) -> Pair {
    connect_in_pieces(servers, asked, config, 65_536)
}

fn connect_in_pieces(
    servers: &Servers,
    asked: Asked,
    config: &Arc<ClientConfig>,
    piece: usize,
) -> Pair {
    let mut hello = Vec::new();
    let client = Engine::client_of(ClientConfig::clone(config), "a.test", &mut hello);
    let mut pair = Pair {
        ends: [client, Engine::server(servers, Protocol::Imap, asked).unwrap()],
        wire: [Vec::new(), hello],
        plain: [Vec::new(), Vec::new()],
        faults: [None, None],
    };
    pair.carry(piece);
    pair
}

/// Whom the certificate names, or what was wrong with it.
fn outcome(
    servers: &Servers,
    asked: Asked,
    config: &Arc<ClientConfig>,
) -> Result<ClientCertificate, &'static str> {
    let mut pair = connect(servers, asked, config);
    match pair.faults[SERVER].take() {
        None => {
            let found = pair.ends[SERVER].established().client_certificate;
            let whole = found.whole().map(|it| it.to_vec());
            let shown = pair.ends[SERVER].peer_certificates();
            assert_eq!(whole, shown.first().cloned(), "the one that it showed");
            let name = found.name().map(Into::into);
            Ok(if found.is_verified() {
                ClientCertificate::verified(name)
            } else {
                ClientCertificate::NONE
            })
        }
        Some(fault) => {
            assert!(fault.certificate, "{}", fault.word);
            assert!(pair.ends[SERVER].is_handshaking(), "refused when all was over");
            assert!(pair.faults[CLIENT].is_some(), "no alert came");
            assert!(pair.ends[SERVER].seal(b"* OK hi", &mut Vec::new()).is_err());
            Err(fault.word)
        }
    }
}

fn named(name: &str) -> Result<ClientCertificate, &'static str> {
    Ok(ClientCertificate::verified(Some(name.into())))
}

#[test]
fn tl_20_the_right_certificate_names_its_user_and_every_wrong_one_is_refused() {
    let (good, other) = (Authority::new("good"), Authority::new("other"));
    let servers = servers(&good.pem, false, NameField::CommonName);
    let right = good.issue("tim", |_| {});
    let expired = good.issue("tim", |params| params.not_after = date_time_ymd(2021, 1, 1));
    let early = good.issue("tim", |params| params.not_before = date_time_ymd(4000, 1, 1));
    let stranger = other.issue("tim", |_| {});
    let server_only = good.issue("tim", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let any_usage = good.issue("tim", |params| params.extended_key_usages = Vec::new());
    let nameless = good.issue("tim", |params| {
        params.distinguished_name.remove(DnType::CommonName);
    });
    for version in BOTH {
        for asked in [Asked::Optional, Asked::Required] {
            let of = |shown| outcome(&servers, asked, &client(version, Some(shown)));
            assert_eq!(of(&right), named("tim"));
            assert_eq!(of(&any_usage), named("tim"), "RFC 5280 4.2.1.12: absent is any");
            assert_eq!(of(&nameless), Ok(ClientCertificate::verified(None)));
            assert_eq!(of(&expired), Err("the certificate has expired"));
            assert_eq!(of(&early), Err("the certificate is not valid yet"));
            assert_eq!(of(&stranger), Err("the certificate's issuer is not trusted"));
            assert_eq!(of(&server_only), Err("the certificate is for another purpose"));
        }
        let without = client(version, None);
        assert_eq!(outcome(&servers, Asked::Optional, &without), Ok(ClientCertificate::NONE));
        let fault = outcome(&servers, Asked::Required, &without);
        assert_eq!(fault, Err("no certificate was shown"));
        // Not asked for, not looked at.
        let unasked = outcome(&servers, Asked::No, &client(version, Some(&stranger)));
        assert_eq!(unasked, Ok(ClientCertificate::NONE));
    }
}

/// A client that makes others by a certificate of its own that stands in the file: two certificates and its PEM.
fn own_and_made(
    edit: impl Fn(&mut CertificateParams),
    by: Option<&Authority>,
) -> (Shown, Shown, String) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "tim");
    edit(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = match by {
        None => params.self_signed(&key).unwrap(),
        Some(by) => params.signed_by(&key, &by.issuer).unwrap(),
    };
    let pem = certificate.pem();
    let own = Shown {
        chain: vec![certificate.der().clone()],
        key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
    };
    let chain = vec![certificate.der().clone()];
    let forger = Authority { issuer: Issuer::new(params, key), pem: pem.clone(), chain };
    let made = forger.issue("root", |_| {});
    (own, made, pem)
}

#[test]
fn tl_20_a_certificate_in_the_file_is_good_for_itself_alone() {
    let good = Authority::new("good");
    let plain = |params: &mut CertificateParams| params.is_ca = IsCa::ExplicitNoCa;
    let unmarked = |_: &mut CertificateParams| {};
    let signs_nothing = |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    };
    let of = |file: &str, shown: &Shown| {
        let servers = servers(file, false, NameField::CommonName);
        outcome(&servers, Asked::Required, &client(&TLS13, Some(shown)))
    };
    let untrusted = Err("the certificate's issuer is not trusted");
    let tried = [
        own_and_made(plain, None),
        own_and_made(unmarked, None),
        own_and_made(signs_nothing, None),
        own_and_made(plain, Some(&good)),
    ];
    for (index, (own, made, pem)) in tried.iter().enumerate() {
        let both = format!("{}{pem}", good.pem);
        assert!(of(pem, made).is_err(), "{index}");
        assert!(of(&both, made).is_err(), "{index}");
        // Itself it is, unless it is marked as an authority, which the library takes for no client's.
        let itself = of(&both, own);
        assert_eq!(itself.is_ok(), index != 2, "{index}: {itself:?}");
        assert_eq!(of(&both, &good.issue("tim", |_| {})), named("tim"));
    }
    let mut late = Authority::params("late");
    late.not_after = date_time_ymd(2021, 1, 1);
    let key = KeyPair::generate().unwrap();
    let pem = late.self_signed(&key).unwrap().pem();
    let late = Authority { issuer: Issuer::new(late, key), pem, chain: Vec::new() };
    assert_eq!(of(&late.pem, &late.issue("tim", |_| {})), untrusted);
    let both = format!("{}{}", late.pem, good.pem);
    assert_eq!(of(&both, &late.issue("tim", |_| {})), untrusted);
    assert_eq!(of(&both, &good.issue("tim", |_| {})), named("tim"));
}

#[test]
fn tl_20_the_name_is_where_the_operator_says() {
    let good = Authority::new("good");
    let shown = good.issue("tim", |params| {
        let mail = rcgen::string::Ia5String::try_from("tim@example.org").unwrap();
        params.subject_alt_names = vec![rcgen::SanType::Rfc822Name(mail)];
    });
    for (field, expected) in [
        (NameField::CommonName, Some("tim")),
        (NameField::SubjectAltName, Some("tim@example.org")),
        (NameField::UserId, None),
    ] {
        let servers = servers(&good.pem, false, field);
        let found = outcome(&servers, Asked::Optional, &client(&TLS13, Some(&shown)));
        assert_eq!(found, Ok(ClientCertificate::verified(expected.map(Into::into))));
    }
}

#[test]
fn tl_20_chains_may_be_long_but_not_without_end() {
    let mut authority = Authority::new("root");
    let servers = servers(&authority.pem, false, NameField::CommonName);
    for version in BOTH {
        assert_eq!(
            outcome(
                &servers,
                Asked::Required,
                &client(version, Some(&authority.issue("tim", |_| {})))
            ),
            named("tim")
        );
    }
    let mut longest = 0;
    for level in 1..=10 {
        authority = authority.below(&format!("level {level}"));
        let shown = authority.issue("tim", |_| {});
        let outcomes =
            BOTH.map(|version| outcome(&servers, Asked::Required, &client(version, Some(&shown))));
        assert_eq!(outcomes[0], outcomes[1], "{level} levels");
        match &outcomes[0] {
            Ok(_) => longest = level,
            Err(word) => assert_eq!(*word, "the certificate is not valid", "{level} levels"),
        }
    }
    // The library's limit. Dovecot's is 100 (OpenSSL's); no chain in use is that deep.
    assert_eq!(longest, 6);
}

#[test]
fn tl_20_a_huge_certificate_costs_what_a_handshake_may_cost() {
    let good = Authority::new("good");
    let servers = servers(&good.pem, false, NameField::CommonName);
    let large = |bytes: usize| {
        good.issue("tim", |params| {
            let extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1], vec![4; bytes]);
            params.custom_extensions = vec![extension];
        })
    };
    for version in BOTH {
        let fits = outcome(&servers, Asked::Required, &client(version, Some(&large(10_000))));
        assert_eq!(fits, named("tim"));
        for (bytes, piece) in [(20_000, 1460), (60_000, 1460), (60_000, 4096)] {
            let config = client(version, Some(&large(bytes)));
            let pair = connect_in_pieces(&servers, Asked::Required, &config, piece);
            assert!(pair.ends[SERVER].is_handshaking(), "{bytes} bytes");
            assert!(pair.faults[SERVER].is_some() && pair.ends[SERVER].stash_is_free());
        }
    }
}

#[test]
fn tl_20_revoked_certificates_are_refused_and_lists_may_be_demanded() {
    let good = Authority::new("good");
    let serial = |serial: u8| {
        good.issue("tim", move |params| {
            params.serial_number = Some(SerialNumber::from_slice(&[serial]));
        })
    };
    let (revoked, kept) = (serial(7), serial(8));
    let with = |list: &str, required| {
        let servers = servers(&[&good.pem, list].concat(), required, NameField::CommonName);
        [&kept, &revoked]
            .map(|shown| outcome(&servers, Asked::Optional, &client(&TLS13, Some(shown))))
    };
    let revoked_word = Err("the certificate was revoked");
    for required in [false, true] {
        assert_eq!(with(&good.list(&[7], 3000), required), [named("tim"), revoked_word.clone()]);
    }
    // Old lists: obeyed, or not enough.
    assert_eq!(with(&good.list(&[7], 2021), false), [named("tim"), revoked_word]);
    let refused = with(&good.list(&[7], 2021), true);
    assert!(refused.iter().all(Result::is_err), "{refused:?}");
    // Another authority's list says nothing of this one's certificates.
    let other = Authority::new("other");
    let both = [&*other.pem, &other.list(&[], 3000)].concat();
    assert_eq!(with(&both, false), [named("tim"), named("tim")]);
    assert!(with(&both, true).iter().all(Result::is_err));
}

#[test]
fn tl_20_files_of_authorities_that_cannot_be_used_are_named() {
    let good = Authority::new("good");
    let of = |text: &str, required| ClientTrust::new(text.as_bytes(), required).err();
    assert_eq!(of("", false), Some(ClientTrustFault::Empty));
    assert_eq!(of("no PEM at all", false), Some(ClientTrustFault::Empty));
    assert_eq!(of(&good.list(&[], 3000), false), Some(ClientTrustFault::Empty));
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(of(damaged, false), Some(ClientTrustFault::Damaged));
    assert_eq!(of(&[&good.pem, damaged].concat(), false), Some(ClientTrustFault::Damaged));
    let damaged = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    assert_eq!(of(&[&good.pem, damaged].concat(), false), Some(ClientTrustFault::Damaged));
    assert_eq!(of(&good.pem, true), Some(ClientTrustFault::NoLists));
    assert_eq!(of(&good.pem, false), None);
}

/// One client's configuration keeps its sessions, so that a second connection resumes the first one's if it can.
#[test]
fn tl_18_no_identity_is_resumed_and_none_is_spared_the_question() {
    let good = Authority::new("good");
    let servers = servers(&good.pem, false, NameField::CommonName);
    let shown = good.issue("tim", |_| {});
    for version in BOTH {
        let connect = |config: &Arc<ClientConfig>, asked| {
            let mut pair = connect(&servers, asked, config);
            assert_eq!(pair.faults, [None, None]);
            // Tickets come with or behind the last words.
            pair.send(SERVER, b"x");
            pair.carry(65_536);
            let established = pair.ends[SERVER].established();
            let certificate = established.client_certificate;
            (established.resumed, certificate.name().map(str::to_owned))
        };
        let tim = Some("tim".to_owned());
        let config = client(version, Some(&shown));
        // A ticket of a listener that does not ask is worth nothing where a listener asks.
        assert_eq!(connect(&config, Asked::No), (false, None));
        assert_eq!(connect(&config, Asked::No), (true, None));
        for asked in [Asked::Optional, Asked::Required, Asked::Optional] {
            assert_eq!(connect(&config, asked), (false, tim.clone()));
        }
        // And a listener that does not ask gives no client a name.
        assert_eq!(connect(&config, Asked::No).1, None);
    }
}

/// The greeting is said when `is_handshaking` is over, and that is when the client's Finished has been checked.
#[test]
fn w_tls_4_the_handshake_is_not_done_before_the_clients_last_words() {
    let good = Authority::new("good");
    let servers = servers(&good.pem, false, NameField::CommonName);
    let config = client(&TLS13, Some(&good.issue("tim", |_| {})));
    let mut hello = Vec::new();
    let client = Engine::client_of(ClientConfig::clone(&config), "a.test", &mut hello);
    let mut pair = Pair {
        ends: [client, Engine::server(&servers, Protocol::Imap, Asked::Optional).unwrap()],
        wire: [Vec::new(), Vec::new()],
        plain: [Vec::new(), Vec::new()],
        faults: [None, None],
    };
    pair.feed(SERVER, &hello);
    let flight = std::mem::take(&mut pair.wire[CLIENT]);
    pair.feed(CLIENT, &flight);
    let last_words = std::mem::take(&mut pair.wire[SERVER]);
    let (last, rest) = last_words.split_last().unwrap();
    for byte in rest {
        pair.feed(SERVER, &[*byte]);
        assert!(pair.ends[SERVER].is_handshaking() && pair.wire[CLIENT].is_empty());
        assert!(pair.ends[SERVER].seal(b"* OK hi", &mut Vec::new()).is_err());
    }
    pair.feed(SERVER, &[*last]);
    assert!(!pair.ends[SERVER].is_handshaking());
}

#[test]
fn listeners_that_ask_are_closed_while_nobody_is_trusted() {
    let stage = stage(&["a.test"], Oldest::Tls12);
    for asked in [Asked::Optional, Asked::Required] {
        assert!(Engine::server(&stage.servers, Protocol::Imap, asked).is_none());
    }
}

/// The library keeps the chain as long as it keeps the session; a session with TLS 1.3 leaves it when login is done.
#[test]
fn tl_20_an_idle_session_keeps_no_chain() {
    let good = Authority::new("good");
    let servers = servers(&good.pem, false, NameField::CommonName);
    let shown = good.below("between").issue("tim", |_| {});
    for (version, leaves) in [(&TLS13, true), (&TLS12, false)] {
        let mut pair = connect(&servers, Asked::Required, &client(version, Some(&shown)));
        assert!(pair.ends[SERVER].established().client_certificate.is_verified());
        pair.send(SERVER, b"OK logged in");
        pair.ends[SERVER].begin_relay().unwrap();
        assert_eq!(pair.ends[SERVER].has_left_the_library(), leaves);
        pair.carry(65_536);
        pair.send(CLIENT, b"NOOP");
        pair.carry(65_536);
        assert_eq!((pair.plain[SERVER].as_slice(), pair.faults), (&b"NOOP"[..], [None, None]));
    }
}
