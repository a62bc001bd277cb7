//! Towards backends: whom we trust, under which name, and sessions to resume (W-BTLS-1).

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::Oldest;
use super::identity::Identity;
#[cfg(test)]
use super::provider::provider;
use super::provider::{Manner, versions};
use super::secrets::Catcher;
use super::trust::{Anchors, Signed, Trust, verify_signature};
use crate::limits;

/// One core's side towards backends. Its store of sessions has a lock inside, which no other core ever takes.
#[derive(Debug)]
pub struct Backends {
    verified: Option<Arc<ClientConfig>>,
    any: Option<Arc<ClientConfig>>,
}

impl Trust {
    /// The same trust, and this manner of speaking.
    #[must_use]
    pub fn speaking(self, manner: Manner) -> Self {
        Self { manner, ..self }
    }

    /// The same trust, and what backends are shown that ask for a certificate.
    #[must_use]
    pub fn showing(self, own: Option<Identity>) -> Self {
        Self { own, ..self }
    }
}

impl Backends {
    /// For one core.
    #[must_use]
    pub fn new(trust: &Trust) -> Self {
        let provider = Arc::clone(&trust.manner.provider);
        let verified = trust.anchors.as_ref().and_then(|anchors| {
            config(
                &provider,
                trust.manner.oldest,
                Verifier::of(&provider, Believes::These(Arc::clone(anchors))),
                trust.own.as_ref(),
            )
        });
        let anybody = Verifier::of(&provider, Believes::Anybody);
        let any = config(&provider, trust.manner.oldest, anybody, trust.own.as_ref());
        Self { verified, any }
    }

    /// With other primitives, and for any certificate.
    #[cfg(test)]
    pub(super) fn with(provider: &Arc<CryptoProvider>) -> Self {
        Self {
            verified: None,
            any: config(
                provider,
                Oldest::default(),
                Verifier::of(provider, Believes::Anybody),
                None,
            ),
        }
    }

    /// The configuration for a backend; `None`: it has to prove itself, and no authority is trusted.
    pub(super) fn of(&self, any_certificate: bool) -> Option<&Arc<ClientConfig>> {
        if any_certificate { self.any.as_ref() } else { self.verified.as_ref() }
    }
}

fn config(
    provider: &Arc<CryptoProvider>,
    oldest: Oldest,
    verifier: Arc<dyn ServerCertVerifier>,
    own: Option<&Identity>,
) -> Option<Arc<ClientConfig>> {
    let config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(versions(oldest))
        .ok()?;
    let config = config.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match own {
        None => config.with_no_client_auth(),
        Some(own) => {
            let shown = SingleCertAndKey::from(Arc::clone(&own.key));
            config.with_client_cert_resolver(Arc::new(shown))
        }
    };
    // Kept by name, which is what the certificate was verified for; a verified session is never resumed for a login
    // that takes any certificate, nor the other way round, since each has a store of its own (W-BTLS-7).
    config.enable_secret_extraction = true;
    config.key_log = Arc::new(Catcher);
    // Servers that ask for certificates may refuse to resume a session (OpenSSL without a session id context), or have
    // forgotten whose it was.
    config.resumption = match own {
        None => Resumption::in_memory_sessions(limits::TLS_BACKEND_SESSIONS_MAX),
        Some(_) => Resumption::disabled(),
    };
    Some(Arc::new(config))
}

/// What a driver on the control core takes, which has sockets and sessions of its own.
pub type DriverConfig = Arc<ClientConfig>;

/// For a driver whose servers have to prove themselves. `None`: no authority is trusted.
#[must_use]
pub fn driver_config(trust: &Trust) -> Option<DriverConfig> {
    driver_config_of(trust, Believes::These(Arc::clone(trust.anchors.as_ref()?)))
}

/// For a driver whose servers may show any certificate.
#[must_use]
pub fn driver_config_for_any(trust: &Trust) -> Option<DriverConfig> {
    driver_config_of(trust, Believes::Anybody)
}

fn driver_config_of(trust: &Trust, believes: Believes) -> Option<DriverConfig> {
    let provider = Arc::clone(&trust.manner.provider);
    let verifier = Verifier::of(&provider, believes);
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions(trust.manner.oldest))
        .ok()?;
    let config = config.dangerous().with_custom_certificate_verifier(verifier);
    Some(Arc::new(config.with_no_client_auth()))
}

/// The name that a driver's server has to show a certificate for; none: it is no name.
#[must_use]
pub fn driver_name(host: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(host.to_owned()).ok()
}

/// Why a handshake of a driver's came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriverFault {
    /// What the server showed is not good.
    Certificate(Box<str>),
    /// What it said is no TLS.
    NotTls,
    /// Another reason.
    Other(Box<str>),
}

/// Of the error that a driver was given for its connection. `None`: TLS had no part in it.
#[must_use]
pub fn driver_fault(error: &std::io::Error) -> Option<DriverFault> {
    let fault = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match fault {
        Error::InvalidCertificate(why) => DriverFault::Certificate(why.to_string().into()),
        Error::InvalidMessage(_) => DriverFault::NotTls,
        other => DriverFault::Other(other.to_string().into()),
    })
}

/// What unit tests take, too.
#[cfg(test)]
pub(super) fn any_certificate() -> Arc<dyn ServerCertVerifier> {
    verifier_of(&Trust::default(), true)
}

#[cfg(test)]
pub(super) fn verifier_of(trust: &Trust, any: bool) -> Arc<dyn ServerCertVerifier> {
    let believes = match &trust.anchors {
        Some(anchors) if !any => Believes::These(Arc::clone(anchors)),
        _ => Believes::Anybody,
    };
    Verifier::of(&provider(), believes)
}

/// Who may answer for a backend. In any case it must have the key that it shows.
#[derive(Debug)]
struct Verifier {
    believes: Believes,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
enum Believes {
    /// `any-cert`: any host that answers will do.
    Anybody,
    These(Arc<Anchors>),
}

impl Verifier {
    fn of(provider: &CryptoProvider, believes: Believes) -> Arc<dyn ServerCertVerifier> {
        let algorithms = provider.signature_verification_algorithms;
        Arc::new(Self { believes, algorithms })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Believes::These(anchors) = &self.believes {
            anchors.verify(end_entity, intermediates, server_name, now)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(Signed::Tls12, message, cert, dss, &self.algorithms)?;
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(Signed::Tls13, message, cert, dss, &self.algorithms)?;
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
