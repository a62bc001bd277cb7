//! A certificate with its private key, checked before anybody is shown it.

use std::fmt;
use std::sync::Arc;

use rustls::Error;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::provider::provider;
use crate::wire::certificate::Certificate;

/// What we prove ourselves with.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(super) key: Arc<CertifiedKey>,
    /// First second at which the certificate is not valid any more, since 1970; none: its dates can't be read.
    ends: Option<i64>,
    begins: Option<i64>,
}

/// Why a pair of files is no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityFault {
    /// No certificate in the certificate's file.
    NoCertificate,
    /// No key in the key's file.
    NoKey,
    /// The key is protected by a password.
    EncryptedKey,
    /// A key that can't be used.
    UnusableKey,
    /// Key and certificate are not a pair.
    Mismatch,
    /// The certificate can't be used.
    UnusableCertificate,
    /// The certificate was valid once.
    Expired,
}

impl Identity {
    /// Makes an identity of the contents of both files (PEM). `now`: seconds since 1970.
    ///
    /// # Errors
    /// Why it would fail clients.
    pub fn new(certificates: &[u8], key: &[u8], now: i64) -> Result<Self, IdentityFault> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<_, _>>()
            .map_err(|_| IdentityFault::NoCertificate)?;
        let own = chain.first().ok_or(IdentityFault::NoCertificate)?;
        let dates = Certificate::read(own).and_then(|own| own.validity());
        if key.windows(ENCRYPTED.len()).any(|part| part == ENCRYPTED) {
            return Err(IdentityFault::EncryptedKey);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| IdentityFault::NoKey)?;
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            Error::InconsistentKeys(_) => IdentityFault::Mismatch,
            Error::InvalidCertificate(_) => IdentityFault::UnusableCertificate,
            _ => IdentityFault::UnusableKey,
        })?;
        if dates.is_some_and(|(_, ends)| ends <= now) {
            return Err(IdentityFault::Expired);
        }
        let (begins, ends) = (dates.map(|(begins, _)| begins), dates.map(|(_, ends)| ends));
        Ok(Self { key: Arc::new(key), ends, begins })
    }

    /// One that would not do for clients.
    #[cfg(test)]
    pub(super) fn of_key(key: Arc<CertifiedKey>) -> Self {
        Self { key, ends: None, begins: None }
    }

    /// Seconds until the certificate ends.
    #[must_use]
    pub fn ends_in(&self, now: i64) -> Option<i64> {
        self.ends.map(|ends| ends - now)
    }

    /// Whether the certificate is valid only later.
    #[must_use]
    pub fn is_early(&self, now: i64) -> bool {
        self.begins.is_some_and(|begins| begins > now)
    }
}

/// In the head of PKCS #8's encrypted form, and of the older one with `Proc-Type: 4,ENCRYPTED`.
const ENCRYPTED: &[u8] = b"ENCRYPTED";

impl IdentityFault {
    /// Whether the file with the key has to change, rather than that with the certificate.
    #[must_use]
    pub fn is_of_key(self) -> bool {
        match self {
            Self::NoKey | Self::EncryptedKey | Self::UnusableKey | Self::Mismatch => true,
            Self::NoCertificate | Self::UnusableCertificate | Self::Expired => false,
        }
    }
}

impl fmt::Display for IdentityFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCertificate => "holds no certificate; it must be PEM, our own certificate first",
            Self::NoKey => "holds no private key; it must be PEM",
            Self::EncryptedKey => {
                "the key is protected by a password, which is not supported; write it without one: \
                 `openssl pkey -in OLD -out NEW`, and make NEW readable by hale's user alone"
            }
            Self::UnusableKey => "the key can't be used; make an ECDSA (P-256, P-384), RSA (2048 bits or more) or Ed25519 key",
            Self::Mismatch => "the key is not the certificate's; name the file that was made with it",
            Self::UnusableCertificate => "the certificate can't be used; it must be X.509 version 3",
            Self::Expired => "the certificate has expired; put the renewed one there",
        })
    }
}
