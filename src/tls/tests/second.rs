//! Two certificates of two kinds for one name (K-TLS-11).

use std::sync::Arc;

use rcgen::PKCS_RSA_SHA256;
use rustls::crypto::aws_lc_rs::cipher_suite as suite;
use rustls::{SignatureScheme, SupportedCipherSuite};

use super::*;

/// A certificate of each kind for a name.
struct Two {
    rsa: Identity,
    ecdsa: Identity,
}

impl Two {
    fn new(name: &str) -> Self {
        let rsa = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
        let of = |key: &KeyPair| {
            let params = CertificateParams::new([name.to_owned()]).unwrap();
            let (cert, key) = (params.self_signed(key).unwrap().pem(), key.serialize_pem());
            Identity::new(cert.as_bytes(), key.as_bytes(), None, NOW).unwrap()
        };
        Self { rsa: of(&rsa), ecdsa: of(&KeyPair::generate().unwrap()) }
    }
}

/// What a client is shown that has these suites and accepts these signatures; none: no handshake.
fn shown(
    servers: &Servers,
    name: &str,
    suites: &[SupportedCipherSuite],
    accepts: &[SignatureScheme],
) -> Option<Kind> {
    let ours = provider::provider();
    let provider = Arc::new(rustls::crypto::CryptoProvider {
        cipher_suites: suites.to_vec(),
        ..rustls::crypto::CryptoProvider::clone(&ours)
    });
    let verifier = Arc::new(Accepts(accepts.to_vec(), backends::any_certificate()));
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let mut hello = Vec::new();
    let client = Engine::client_of(config, name, &mut hello);
    let mut pair = Pair {
        ends: [client, Engine::server(servers, Protocol::Imap, Asked::No).unwrap()],
        wire: [Vec::new(), hello],
        plain: [Vec::new(), Vec::new()],
        faults: [None, None],
    };
    pair.carry(65_536);
    let chain = pair.ends[CLIENT].peer_certificates();
    pair.is_established().then(|| Kind::of_certificate(chain.first().unwrap()).unwrap())
}

/// A verifier that names these signatures.
#[derive(Debug)]
struct Accepts(Vec<SignatureScheme>, Arc<dyn rustls::client::danger::ServerCertVerifier>);

impl rustls::client::danger::ServerCertVerifier for Accepts {
    fn verify_server_cert(
        &self,
        own: &rustls::pki_types::CertificateDer<'_>,
        between: &[rustls::pki_types::CertificateDer<'_>],
        name: &rustls::pki_types::ServerName<'_>,
        ocsp: &[u8],
        now: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        self.1.verify_server_cert(own, between, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &rustls::pki_types::CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        self.1.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &rustls::pki_types::CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        self.1.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}

const ECDSA: SignatureScheme = SignatureScheme::ECDSA_NISTP256_SHA256;
const PSS: SignatureScheme = SignatureScheme::RSA_PSS_SHA256;
const PKCS1: SignatureScheme = SignatureScheme::RSA_PKCS1_SHA256;

#[test]
fn case_18_each_client_is_shown_the_kind_that_it_knows() {
    let newest = [suite::TLS13_AES_128_GCM_SHA256];
    let older_ecdsa = suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    let older_rsa = suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
    let (two, named) = (Two::new("a.test"), Two::new("b.test"));
    for (first, second) in [(&two.rsa, &two.ecdsa), (&two.ecdsa, &two.rsa)] {
        let mut servers = ServersBuilder::default();
        servers.default_identity(&first.clone().with_alternative(second));
        servers.named("b.test", &named.ecdsa.clone().with_alternative(&named.rsa));
        let servers = servers.build(Oldest::Tls12, &TicketKeys::new().unwrap()).unwrap();
        for name in ["a.test", "b.test"] {
            let of = |suites: &[SupportedCipherSuite], accepts: &[SignatureScheme]| {
                shown(&servers, name, suites, accepts)
            };
            // TLS 1.3: by signatures alone, in the client's order; PKCS #1 is none there.
            assert_eq!(of(&newest, &[ECDSA]), Some(Kind::Ecdsa));
            assert_eq!(of(&newest, &[PSS]), Some(Kind::Rsa));
            assert_eq!(of(&newest, &[ECDSA, PSS]), Some(Kind::Ecdsa));
            assert_eq!(of(&newest, &[PSS, ECDSA]), Some(Kind::Rsa));
            assert_eq!(of(&newest, &[PKCS1, ECDSA]), Some(Kind::Ecdsa));
            // TLS 1.2: the suites decide, whatever signatures are named besides.
            let both = [ECDSA, PSS, PKCS1];
            assert_eq!(of(&[older_ecdsa], &both), Some(Kind::Ecdsa));
            assert_eq!(of(&[older_rsa], &both), Some(Kind::Rsa));
            assert_eq!(of(&[older_rsa], &[PKCS1]), Some(Kind::Rsa));
            assert_eq!(of(&[older_rsa, older_ecdsa], &[PKCS1, ECDSA]), Some(Kind::Ecdsa));
            assert_eq!(of(&[older_rsa], &[ECDSA]), None);
        }
    }
}
