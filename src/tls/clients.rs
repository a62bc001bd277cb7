//! Certificates of clients: who may issue them, and on which listeners they are asked for (W-TLS-4).
//!
//! A session that was begun with a certificate is never resumed, and none is resumed where certificates are asked for:
//! the library would take the chain out of the ticket without looking at its dates and revocation again, and a ticket
//! from another listener would spare its owner the question (TL-18; nginx's CVE-2025-23419 was of that kind). So such
//! listeners give no tickets and read none.
//!
//! A certificate in the file that is no authority is good for itself, and for no other that it made: its owner would
//! else make himself one of every user's (`makers`).

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};

use super::makers::{is_within, unmarked};
use super::provider::provider;
use crate::wire::certificate::Certificate;

/// Whether a listener asks its clients for a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// No.
    #[default]
    No,
    /// Yes, and a client that has none may go on without.
    Optional,
    /// Yes, and a client that has none is sent away.
    Required,
}

/// Whose certificates of clients are good.
#[derive(Clone)]
pub struct ClientTrust {
    /// For [`Asked::Optional`] and [`Asked::Required`].
    pub(super) verifiers: [Arc<dyn ClientCertVerifier>; 2],
}

/// Why a file of authorities for clients can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientTrustFault {
    /// Not one certificate in it.
    Empty,
    /// A certificate or a list that is damaged.
    Damaged,
    /// Lists of revoked certificates are demanded, and there are none.
    NoLists,
}

impl ClientTrust {
    /// Trusts the authorities in the contents of a file (PEM), which may also hold their lists of revoked certificates.
    ///
    /// `lists_required`: every certificate of a chain must be covered by a current list (`ssl_server_require_crl`).
    /// Otherwise the lists that are there are still obeyed, whatever their age.
    ///
    /// # Errors
    /// The file is not good. Unlike the system's authorities these were chosen by the operator, so one that can't be
    /// read is a mistake of his and not passed over.
    pub fn new(authorities: &[u8], lists_required: bool) -> Result<Self, ClientTrustFault> {
        let (mut roots, mut makers) = (RootCertStore::empty(), RootCertStore::empty());
        let mut own = HashSet::new();
        for certificate in CertificateDer::pem_slice_iter(authorities) {
            let certificate = certificate.map_err(|_| ClientTrustFault::Damaged)?;
            roots.add(certificate.clone()).map_err(|_| ClientTrustFault::Damaged)?;
            let read = Certificate::read(&certificate).ok_or(ClientTrustFault::Damaged)?;
            if unmarked(&read).is_none() {
                makers.add(certificate.clone()).map_err(|_| ClientTrustFault::Damaged)?;
            }
            own.insert(certificate);
        }
        if roots.is_empty() {
            return Err(ClientTrustFault::Empty);
        }
        let lists: Vec<CertificateRevocationListDer<'static>> =
            CertificateRevocationListDer::pem_slice_iter(authorities)
                .collect::<Result<_, _>>()
                .map_err(|_| ClientTrustFault::Damaged)?;
        if lists_required && lists.is_empty() {
            return Err(ClientTrustFault::NoLists);
        }
        let all = verifiers(roots, &lists, lists_required)?;
        let of_makers = match makers.is_empty() {
            true => None,
            false => Some(verifiers(makers, &lists, lists_required)?),
        };
        let own = Arc::new(own);
        let [optional, required] = [0, 1].map(|index| -> Arc<dyn ClientCertVerifier> {
            let by_makers = of_makers.as_ref().map(|both| Arc::clone(&both[index]));
            Arc::new(Verifier { own: Arc::clone(&own), by_all: Arc::clone(&all[index]), by_makers })
        });
        Ok(Self { verifiers: [optional, required] })
    }
}

/// For [`Asked::Optional`] and [`Asked::Required`].
fn verifiers(
    roots: RootCertStore,
    lists: &[CertificateRevocationListDer<'static>],
    lists_required: bool,
) -> Result<[Arc<dyn ClientCertVerifier>; 2], ClientTrustFault> {
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let builder = builder.with_crls(lists.iter().cloned());
    let builder = match lists_required {
        true => builder.enforce_revocation_expiration(),
        false => builder.allow_unknown_revocation_status(),
    };
    let optional = builder.clone().allow_unauthenticated().build();
    match (optional, builder.build()) {
        (Ok(optional), Ok(required)) => Ok([optional, required]),
        _ => Err(ClientTrustFault::Damaged),
    }
}

/// The library's, of which those in the file that make no others have no say about others.
#[derive(Debug)]
struct Verifier {
    /// What stands in the file.
    own: Arc<HashSet<CertificateDer<'static>>>,
    /// For what stands in the file itself.
    by_all: Arc<dyn ClientCertVerifier>,
    /// For all others; none: no authority makes any.
    by_makers: Option<Arc<dyn ClientCertVerifier>>,
}

impl Verifier {
    /// Whether each that is shown and was made by an authority in the file was made by one that is still valid: the
    /// library keeps no dates of those.
    fn has_valid_makers(&self, shown: &[&CertificateDer<'_>], now: UnixTime) -> bool {
        let is_valid = |issuer: &[u8]| {
            let own = self.own.iter().filter_map(|own| Certificate::read(own));
            let makers: Vec<_> = own.filter(|own| own.subject == issuer).collect();
            let dates = |maker: &Certificate<'_>| maker.validity();
            makers.is_empty() || makers.iter().filter_map(dates).any(|dates| is_within(dates, now))
        };
        shown.iter().all(|der| Certificate::read(der).is_some_and(|shown| is_valid(shown.issuer)))
    }
}

impl ClientCertVerifier for Verifier {
    fn offer_client_auth(&self) -> bool {
        self.by_all.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.by_all.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.by_all.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let by = match self.own.contains(end_entity) {
            true => Some(&self.by_all),
            false => self.by_makers.as_ref(),
        };
        let by = by.ok_or(CertificateError::UnknownIssuer)?;
        let verified = by.verify_client_cert(end_entity, intermediates, now)?;
        let shown: Vec<_> = std::iter::once(end_entity).chain(intermediates).collect();
        match self.has_valid_makers(&shown, now) {
            true => Ok(verified),
            false => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_all.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_all.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_all.supported_verify_schemes()
    }
}

impl fmt::Debug for ClientTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientTrust")
    }
}

impl fmt::Display for ClientTrustFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => {
                "holds no certificate of an authority; put the authorities that issue your clients' certificates there (PEM)"
            }
            Self::Damaged => {
                "holds a certificate or a list of revoked certificates that can't be read; look at it with `openssl x509` \
                 or `openssl crl`"
            }
            Self::NoLists => {
                "holds no list of revoked certificates; append the authorities' lists (PEM), or write \
                 `ssl_server_require_crl = no` if revoked certificates are acceptable"
            }
        })
    }
}
