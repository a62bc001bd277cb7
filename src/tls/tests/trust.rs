//! Backends' certificates as sites make them, and what is said of those that won't do
//! (cross-tls-certificates-of-small-sites).

use std::sync::Arc;

use rcgen::{
    BasicConstraints, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyUsagePurpose, NameConstraints, SanType, SigningKey as _, date_time_ymd,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey as Pair13;

use super::*;
use crate::wire::certificate::Certificate;

/// How a certificate is made.
#[derive(Clone)]
pub(super) struct Make {
    pub(super) common: &'static str,
    pub(super) hosts: &'static [&'static str],
    pub(super) authority: bool,
    pub(super) years: [i32; 2],
    pub(super) purposes: Vec<ExtendedKeyUsagePurpose>,
    pub(super) usages: Vec<KeyUsagePurpose>,
    /// How many authorities it allows below itself.
    pub(super) below: Option<u8>,
    pub(super) only_for: Option<&'static str>,
}

impl Make {
    pub(super) fn of(common: &'static str) -> Self {
        let (hosts, years) = (&[][..], [2020, 4000]);
        let (purposes, usages) = (Vec::new(), Vec::new());
        Self {
            common,
            hosts,
            authority: false,
            years,
            purposes,
            usages,
            below: None,
            only_for: None,
        }
    }

    pub(super) fn hosts(self, hosts: &'static [&'static str]) -> Self {
        Self { hosts, ..self }
    }

    pub(super) fn authority(self) -> Self {
        Self { authority: true, ..self }
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, self.common);
        let host = |name: &&str| match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) if name.contains('@') => SanType::Rfc822Name((*name).try_into().unwrap()),
            Err(_) => SanType::DnsName((*name).try_into().unwrap()),
        };
        params.subject_alt_names = self.hosts.iter().map(host).collect();
        params.is_ca = match self.authority {
            true => IsCa::Ca(
                self.below.map_or(BasicConstraints::Unconstrained, BasicConstraints::Constrained),
            ),
            false => IsCa::ExplicitNoCa,
        };
        params.not_before = date_time_ymd(self.years[0], 1, 1);
        params.not_after = date_time_ymd(self.years[1], 1, 1);
        params.extended_key_usages = self.purposes.clone();
        params.key_usages = self.usages.clone();
        params.name_constraints = self.only_for.map(|domain| NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName(domain.to_owned())],
            excluded_subtrees: Vec::new(),
        });
        params
    }

    /// Made by itself.
    pub(super) fn own(&self) -> Made {
        let (params, key) = (self.params(), KeyPair::generate().unwrap());
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Made { der, issuer: Issuer::new(params, key) }
    }

    pub(super) fn by(&self, maker: &Made) -> Made {
        let (params, key) = (self.params(), KeyPair::generate().unwrap());
        let der = params.signed_by(&key, &maker.issuer).unwrap().der().to_vec();
        Made { der, issuer: Issuer::new(params, key) }
    }
}

pub(super) struct Made {
    pub(super) der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl Made {
    /// The same as `openssl x509 -req` makes it: without version and extensions.
    pub(super) fn as_version_1(&self, maker: &Self) -> Self {
        let read = Certificate::read(&self.der).unwrap();
        let version = [0xA0, 3, 2, 1, 2];
        let start = read.signed.windows(5).position(|part| part == version).unwrap() + 5;
        let end = read.key.as_ptr() as usize - read.signed.as_ptr() as usize + read.key.len();
        let signed = sequence(&read.signed[start..end]);
        let signature = maker.issuer.key().sign(&signed).unwrap();
        // ecdsa-with-SHA256, and the signature as BIT STRING.
        let algorithm = b"\x30\x0A\x06\x08\x2A\x86\x48\xCE\x3D\x04\x03\x02".as_slice();
        let bits = [&[3, u8::try_from(signature.len() + 1).unwrap(), 0], &signature[..]].concat();
        let der = sequence(&[&signed, algorithm, &bits].concat());
        assert_eq!(Certificate::read(&der).unwrap().version, 1);
        let key = KeyPair::try_from(self.issuer.key().serialize_der()).unwrap();
        Self { der, issuer: Issuer::new(CertificateParams::default(), key) }
    }

    pub(super) fn pem(&self) -> String {
        let mut text = Vec::new();
        crate::wire::base64::encode(&self.der, &mut text);
        let text = String::from_utf8(text).unwrap();
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }
}

fn sequence(content: &[u8]) -> Vec<u8> {
    let bytes = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head: &[u8] = match bytes {
        [0, low @ 0x80..=0xFF] => &[0x30, 0x81, low],
        [0, low] => &[0x30, low],
        [high, low] => &[0x30, 0x82, high, low],
    };
    [head, content].concat()
}

/// What the log says of a backend `be1.example.org` that shows `chain` to who has `file`; empty: it is believed.
pub(super) fn said(file: &[&Made], chain: &[&Made], older: OlderForms) -> String {
    said_of("be1.example.org", file, chain, older)
}

pub(super) fn said_of(name: &str, file: &[&Made], chain: &[&Made], older: OlderForms) -> String {
    let file: String = file.iter().map(|made| made.pem()).collect();
    let chain: Vec<Vec<u8>> = chain.iter().map(|made| made.der.clone()).collect();
    let trust = Trust::new(file.as_bytes(), older).unwrap();
    let fault = trust.judge(&chain, name, u64::try_from(NOW).unwrap()).err();
    assert!(fault.as_ref().is_none_or(|fault| fault.certificate && fault.is_lasting()));
    fault.map(|fault| fault.detail().to_owned()).unwrap_or_default()
}

use OlderForms::{Accepted, Refused};

pub(super) const NAME: &[&str] = &["be1.example.org"];

#[test]
fn w_btls_1_what_stands_in_the_file_needs_nobody_to_vouch_for_it() {
    let stranger = Make::of("somebody").authority().own();
    for older in [Accepted, Refused] {
        for make in [Make::of("x").hosts(NAME), Make::of("x").hosts(NAME).authority()] {
            let own = make.own();
            assert_eq!(said(&[&own], &[&own], older), "");
            assert_eq!(said(&[&stranger, &own], &[&own, &stranger], older), "");
            // It does not matter who made it: the operator chose it.
            let made = make.by(&stranger);
            assert_eq!(said(&[&made], &[&made], older), "");
        }
    }
    let own = Make::of("x").hosts(NAME).authority().own();
    let same_name = Make::of("x").hosts(NAME).authority().own();
    let said_so = said(&[&own], &[&same_name], Accepted);
    assert!(said_so.contains("signs for itself and is marked as an authority"), "{said_so}");
    // Everything else still counts.
    let other = said_of("be2.example.org", &[&own], &[&own], Accepted);
    assert_eq!(
        other,
        "the certificate is for another name: be2.example.org was expected, it is for be1.example.org"
    );
    let with = |years, purposes| Make { years, purposes, ..Make::of("x").hosts(NAME) }.own();
    let late = with([2019, 2021], Vec::new());
    let words = said(&[&late], &[&late], Accepted);
    assert_eq!(words, "the certificate has expired, on 2021-01-01; renew it");
    let early = with([2100, 2101], Vec::new());
    assert!(said(&[&early], &[&early], Accepted).contains("not valid yet, but from 2100-01-01 on"));
    let clients = with([2020, 4000], vec![ExtendedKeyUsagePurpose::ClientAuth]);
    assert!(said(&[&clients], &[&clients], Accepted).contains("for another purpose"));
    let servers = with([2020, 4000], vec![ExtendedKeyUsagePurpose::ServerAuth]);
    assert_eq!(said(&[&servers], &[&servers], Accepted), "");
}

#[test]
fn w_btls_1_strangers_and_authorities_are_told_apart() {
    let authority = Make::of("Our CA").authority().own();
    let stranger = Make::of("x").hosts(NAME).own();
    let words = said(&[&authority], &[&stranger], Accepted);
    assert!(words.contains("issuer is not trusted: it signs for itself"), "{words}");
    let renewed = said(&[&Make::of("x").hosts(NAME).own()], &[&stranger], Accepted);
    assert!(renewed.contains("issuer is not trusted: it signs for itself"), "{renewed}");
    let theirs = Make::of("x").hosts(NAME).by(&Make::of("Their CA").authority().own());
    let words = said(&[&authority], &[&theirs], Accepted);
    assert!(words.contains("leads to no authority in ssl_client_ca_file"), "{words}");
    let below = Make::of("x").hosts(NAME).authority().by(&authority);
    let words = said(&[&authority], &[&below], Accepted);
    assert!(words.contains("marked as an authority (CA:TRUE)"), "{words}");
    let (between, late) = (Make::of("between").authority().by(&authority), [2019, 2021]);
    let good = Make::of("x").hosts(NAME).by(&between);
    assert_eq!(said(&[&authority], &[&good, &between], Refused), "");
    let late = Make { years: late, ..Make::of("x").hosts(NAME) }.by(&authority);
    assert!(said(&[&authority], &[&late], Refused).contains("has expired, on 2021-01-01"));
}

#[test]
fn w_btls_1_a_name_in_the_common_name_only() {
    let authority = Make::of("Our CA").authority().own();
    let made = |common| Make::of(common).by(&authority);
    for common in ["be1.example.org", "BE1.Example.org", "*.example.org"] {
        assert_eq!(said(&[&authority], &[&made(common)], Accepted), "", "{common}");
        let words = said(&[&authority], &[&made(common)], Refused);
        assert!(words.contains("no subjectAltName"), "{words}");
    }
    for common in
        ["be2.example.org", "*", "*.org", "*.be1.example.org", "b*.example.org", "example.org"]
    {
        let words = said(&[&authority], &[&made(common)], Accepted);
        assert!(words.contains(&format!("it is for {common}")), "{words}");
    }
    // Where there are alternative names, nothing else counts; one that is no host is none.
    let other = Make::of("be1.example.org").hosts(&["be2.example.org"]).by(&authority);
    assert!(said(&[&authority], &[&other], Accepted).contains("it is for be2.example.org"));
    let address = Make::of("be1.example.org").hosts(&["127.0.0.1"]).by(&authority);
    assert!(said(&[&authority], &[&address], Accepted).contains("it is for 127.0.0.1"));
    let mail = Make::of("be1.example.org").hosts(&["tim@example.org"]).by(&authority);
    assert_eq!(said(&[&authority], &[&mail], Accepted), "");
    // An address is no common name, and no certificate counts without a path.
    let numbers = made("127.0.0.1");
    let words = said_of("127.0.0.1", &[&authority], &[&numbers], Accepted);
    assert!(words.contains("stands in it as a name") && words.contains("IP:ADDRESS"), "{words}");
    let words = said_of("127.0.0.2", &[&authority], &[&numbers], Accepted);
    assert!(words.ends_with("127.0.0.2 was expected, it is for 127.0.0.1"), "{words}");
    let stranger = Make::of("be1.example.org").by(&Make::of("Their CA").authority().own());
    assert!(said(&[&authority], &[&stranger], Accepted).contains("leads to no authority"));
}

#[test]
fn w_btls_1_an_authority_for_some_names_makes_no_common_names() {
    let authority = Make::of("Our CA").authority().own();
    let limited = Make { only_for: Some("example.net"), ..Make::of("limited").authority() };
    let between = limited.by(&authority);
    let common = Make::of("be1.example.org").by(&between);
    let words = said(&[&authority], &[&common, &between], Accepted);
    assert!(words.contains("no subjectAltName"), "{words}");
    let limited = limited.own();
    let common = Make::of("be1.example.org").by(&limited);
    assert!(said(&[&limited], &[&common], Accepted).contains("no subjectAltName"));
}

#[test]
fn w_btls_1_version_1_is_believed_right_below_the_file_only() {
    let authority = Make::of("Our CA").authority().own();
    let leaf = Make::of("be1.example.org").by(&authority).as_version_1(&authority);
    assert_eq!(said(&[&authority], &[&leaf], Accepted), "");
    let words = said(&[&authority], &[&leaf], Refused);
    assert!(words.contains("is of version 1;") && words.contains("ssl_client_older_certs"));
    // Below an authority that is of version 1 itself.
    let oldest = authority.as_version_1(&authority);
    assert_eq!(said(&[&oldest], &[&leaf], Accepted), "");
    assert_eq!(said(&[&leaf], &[&leaf], Accepted), "", "it stands in the file");
    // Made by an authority of the same name, by no authority, or by one that only the backend knows.
    let forger = Make::of("Our CA").authority().own();
    let forged = Make::of("be1.example.org").by(&forger).as_version_1(&forger);
    for (file, chain) in [(&authority, vec![&forged]), (&authority, vec![&forged, &forger])] {
        let words = said(&[file], &chain, Accepted);
        assert!(words.contains("no authority in ssl_client_ca_file has made it"), "{words}");
    }
    let plain = Make::of("plain").hosts(NAME).own();
    let below = Make::of("be1.example.org").by(&plain).as_version_1(&plain);
    assert!(said(&[&plain], &[&below], Accepted).contains("it is not marked as an authority"));
    let late = Make { years: [2019, 2021], ..Make::of("be1.example.org") };
    let late = late.by(&authority).as_version_1(&authority);
    assert!(said(&[&authority], &[&late], Accepted).contains("has expired"));
    let other = said_of("be2.example.org", &[&authority], &[&leaf], Accepted);
    assert!(other.contains("it is for be1.example.org"), "{other}");
    // One changed byte anywhere, and no authority has made it.
    for at in [20, leaf.der.len() / 2, leaf.der.len() - 3] {
        let mut der = leaf.der.clone();
        der[at] ^= 1;
        let broken = Made { der, issuer: Make::of("x").own().issuer };
        assert_ne!(said(&[&authority], &[&broken], Accepted), "", "byte {at}");
    }
}

#[test]
fn w_btls_1_whoever_shows_an_old_certificate_has_its_key() {
    let authority = Make::of("Our CA").authority().own();
    let leaf = Make::of("be1.example.org").by(&authority).as_version_1(&authority);
    let talk =
        |oldest, versions: &[&'static rustls::SupportedProtocolVersion], key: &KeyPair, any| {
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let key = provider::provider().key_provider.load_private_key(key).unwrap();
            let chain = vec![leaf.der.clone().into()];
            let identity = Identity::of_key(Arc::new(Pair13::new(chain, key)));
            let mut servers = ServersBuilder::default();
            servers.default_identity(&identity);
            let servers = servers.build(oldest, &TicketKeys::new().unwrap()).unwrap();
            let trust = Trust::new(authority.pem().as_bytes(), Accepted).unwrap();
            let config = Backends::new(&trust);
            let config = rustls::ClientConfig::clone(config.of(any).unwrap());
            let config = only(config, versions, &trust, any);
            let mut hello = Vec::new();
            let client = Engine::client_of(config, "be1.example.org", &mut hello);
            let mut pair = Pair {
                ends: [client, Engine::server(&servers, Protocol::Imap, Asked::No).unwrap()],
                wire: [Vec::new(), hello],
                plain: [Vec::new(), Vec::new()],
                faults: [None, None],
            };
            pair.carry(65_536);
            pair.faults[CLIENT].take()
        };
    let thief = KeyPair::generate().unwrap();
    for versions in [&[&rustls::version::TLS12][..], &[&rustls::version::TLS13]] {
        for any in [false, true] {
            assert_eq!(talk(Oldest::Tls12, versions, leaf.issuer.key(), any), None);
            assert!(talk(Oldest::Tls12, versions, &thief, any).is_some(), "{versions:?} {any}");
        }
    }
}

/// The same verifier, with these versions only.
fn only(
    config: rustls::ClientConfig,
    versions: &[&'static rustls::SupportedProtocolVersion],
    trust: &Trust,
    any: bool,
) -> rustls::ClientConfig {
    let verifier = backends::verifier_of(trust, any);
    let made = rustls::ClientConfig::builder_with_provider(Arc::clone(config.crypto_provider()))
        .with_protocol_versions(versions)
        .unwrap();
    made.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
}

#[test]
fn w_btls_1_the_systems_authorities_vouch_for_newer_forms_only() {
    let authority = Make::of("Our CA").authority().own();
    let common = Make::of("be1.example.org").by(&authority);
    let good = Make::of("x").hosts(NAME).by(&authority);
    let trust = Trust::system(authority.pem().as_bytes()).unwrap();
    let now = u64::try_from(NOW).unwrap();
    let judged = |made: &Made| trust.judge(std::slice::from_ref(&made.der), "be1.example.org", now);
    assert_eq!(judged(&good), Ok(()));
    assert!(judged(&common).unwrap_err().detail().contains("no subjectAltName"));
    assert!(judged(&common.as_version_1(&authority)).unwrap_err().detail().contains("version 1"));
    assert!(judged(&authority).is_err(), "an authority of the system is no backend's certificate");
    assert!(trust.judge(&[], "be1.example.org", now).is_err());
    assert!(trust.judge(&[vec![0x30]], "be1.example.org", now).is_err());
    assert!(Trust::default().judge(&[good.der], "be1.example.org", now).is_err());
}

#[test]
fn tl_19_what_is_odd_in_the_file_is_remarked() {
    let remarks = |file: &str, older| remarks_on_trust(file.as_bytes(), older, NOW).join("\n");
    let authority = Make::of("Our CA").authority().own();
    let own = Make::of("be1.example.org").own();
    let late = Make { years: [2019, 2021], ..Make::of("late").authority() }.own();
    assert_eq!(remarks(&(authority.pem() + &own.pem()), Accepted), "");
    let said = remarks(&(authority.pem() + &own.pem()), Refused);
    assert!(said.starts_with("certificate 2 (CN=be1.example.org) has no subjectAltName"), "{said}");
    assert!(remarks(&late.pem(), Accepted).contains("has expired on 2021-01-01"));
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let said = remarks(&(damaged.to_owned() + &authority.pem()), Accepted);
    assert!(said.contains("certificate 1 can't be read and is left out"), "{said}");
    let other = own.pem().replace(" CERTIFICATE", " TRUSTED CERTIFICATE");
    assert!(remarks(&other, Accepted).contains("openssl x509 -in"), "TRUSTED CERTIFICATE");
    let lists = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    assert!(remarks(lists, Accepted).contains("lists of revoked certificates are not looked at"));
    assert_eq!(Trust::new(lists.as_bytes(), Accepted).err(), Some(TrustFault::Empty));
}

/// Cases 1 and W-BTLS-3: how a peer is set up is no accident, and asking again is no use.
#[test]
fn w_btls_3_what_is_set_up_so_is_told_from_accidents() {
    let client = || {
        let (backends, mut hello) = (Backends::new(&Trust::default()), Vec::new());
        Engine::client(&backends, "be1.example.org", true, &mut hello).unwrap()
    };
    let meets = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let outcome = client().open(&mut bytes, &mut Vec::new(), &mut Vec::new());
        let fault = outcome.unwrap_err();
        (fault.is_lasting(), fault.certificate)
    };
    let alert = |number| [0x15, 3, 3, 0, 2, 2, number];
    // handshake_failure, protocol_version, certificate_required, unrecognized_name; a greeting in clear.
    for number in [40, 70, 116, 112] {
        assert_eq!(meets(&alert(number)), (true, false), "{number}");
    }
    assert_eq!(meets(b"* OK I speak first and in clear\r\n"), (true, false));
    // internal_error, user_canceled.
    for number in [80, 90] {
        assert_eq!(meets(&alert(number)), (false, false), "{number}");
    }
    assert!(!Fault::of("closed in the TLS handshake").is_lasting());
}
