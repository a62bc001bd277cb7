//! Certificates of clients: who may issue them, and on which listeners they are asked for (W-TLS-4).
//!
//! A session that was begun with a certificate is never resumed, and none is resumed where certificates are asked for: the
//! library would take the chain out of the ticket without looking at its dates and revocation again, and a ticket from
//! another listener would spare its owner the question (TL-18; nginx's CVE-2025-23419 was of that kind). So such listeners
//! give no tickets and read none.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::provider::provider;

/// Whether a listener asks its clients for a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// No.
    #[default]
    No,
    /// Yes, and whoever has none may go on without.
    Optional,
    /// Yes, and whoever has none is sent away.
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
    /// `lists_required`: every certificate of a chain must be covered by a current list (`ssl_server_require_crl`). Otherwise
    /// the lists that are there are still obeyed, whatever their age.
    ///
    /// # Errors
    /// The file is not good. Unlike the system's authorities these were chosen by the operator, so one that can't be read
    /// is a mistake of his and not passed over.
    pub fn new(authorities: &[u8], lists_required: bool) -> Result<Self, ClientTrustFault> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authorities) {
            let certificate = certificate.map_err(|_| ClientTrustFault::Damaged)?;
            roots.add(certificate).map_err(|_| ClientTrustFault::Damaged)?;
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
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
        let builder = builder.with_crls(lists);
        let builder = match lists_required {
            true => builder.enforce_revocation_expiration(),
            false => builder.allow_unknown_revocation_status(),
        };
        let optional = builder.clone().allow_unauthenticated().build();
        let (Ok(optional), Ok(required)) = (optional, builder.build()) else {
            return Err(ClientTrustFault::Damaged);
        };
        Ok(Self { verifiers: [optional, required] })
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
