//! Towards backends: whom we trust, under which name, and sessions to resume (wire.md 3.3).

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::Oldest;
use super::provider::{provider, versions};
use super::secrets::Catcher;
use crate::limits;

/// Whose certificates are good. Shared by all cores.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// None: nobody's, so that only a backend whose certificate does not matter can be reached.
    verifier: Option<Arc<WebPkiServerVerifier>>,
    /// Oldest version spoken to backends, whatever their certificates.
    oldest: Oldest,
}

/// Why a file of authorities can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustFault {
    /// Not one usable certificate in it.
    Empty,
}

impl fmt::Display for TrustFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("holds no certificate of an authority; it must be PEM"),
        }
    }
}

impl Trust {
    /// Whether it is the same trust, and not only an equal one.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let is_one = match (&self.verifier, &other.verifier) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            (None, None) => true,
            _ => false,
        };
        is_one && self.oldest == other.oldest
    }

    /// The same trust, with no version older than this one.
    #[must_use]
    pub fn speaking(self, oldest: Oldest) -> Self {
        Self { oldest, ..self }
    }

    /// Trusts the authorities in the contents of a file (PEM).
    ///
    /// # Errors
    /// There are none in it.
    pub fn new(authorities: &[u8]) -> Result<Self, TrustFault> {
        let mut roots = RootCertStore::empty();
        // One authority that makes no sense must not cost us all others: the system's list is not ours to mend.
        let readable = CertificateDer::pem_slice_iter(authorities).filter_map(Result::ok);
        roots.add_parsable_certificates(readable);
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
        let verifier = verifier.build().map_err(|_| TrustFault::Empty)?;
        Ok(Self { verifier: Some(verifier), oldest: Oldest::default() })
    }
}

/// One core's side towards backends. Its store of sessions has a lock inside, which nobody else ever takes.
#[derive(Debug)]
pub struct Backends {
    verified: Option<Arc<ClientConfig>>,
    any: Option<Arc<ClientConfig>>,
}

impl Backends {
    /// For one core.
    #[must_use]
    pub fn new(trust: &Trust) -> Self {
        let provider = provider();
        let any = Arc::new(AnyCertificate(Arc::clone(&provider)));
        let verifier = trust.verifier.clone();
        let verified = verifier.and_then(|verifier| config(&provider, trust.oldest, verifier));
        Self { verified, any: config(&provider, trust.oldest, any) }
    }

    /// With other primitives, and for any certificate.
    #[cfg(test)]
    pub(super) fn with(provider: &Arc<CryptoProvider>) -> Self {
        let any = Arc::new(AnyCertificate(Arc::clone(provider)));
        Self { verified: None, any: config(provider, Oldest::default(), any) }
    }

    /// The configuration for a backend; `None`: it has to prove itself, and nobody is trusted.
    pub(super) fn of(&self, any_certificate: bool) -> Option<&Arc<ClientConfig>> {
        if any_certificate { self.any.as_ref() } else { self.verified.as_ref() }
    }
}

fn config(
    provider: &Arc<CryptoProvider>,
    oldest: Oldest,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Option<Arc<ClientConfig>> {
    let config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(versions(oldest))
        .ok()?;
    let mut config =
        config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    // Kept by name, which is what the certificate was verified for; a verified session is never resumed for anybody who
    // takes any certificate, nor the other way round, since each has a store of its own (W-BTLS-7).
    config.enable_secret_extraction = true;
    config.key_log = Arc::new(Catcher);
    config.resumption = Resumption::in_memory_sessions(limits::TLS_BACKEND_SESSIONS_MAX);
    Some(Arc::new(config))
}

/// What unit tests take, too.
#[cfg(test)]
pub(super) fn any_certificate() -> Arc<dyn ServerCertVerifier> {
    Arc::new(AnyCertificate(provider()))
}

/// `any-cert`: whoever answers will do, but it must have the key that it shows.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
