//! A certificate with its private key, checked before a peer is shown it.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{Error, InconsistentKeys, SignatureAlgorithm};

use super::key_file::{self, KeyFile};
use super::provider::provider;
use crate::secret::Secret;
use crate::wire::certificate::Certificate;

/// What we prove ourselves with.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(super) key: Arc<CertifiedKey>,
    /// Another, for clients that want one of its kind.
    pub(super) alternative: Option<Arc<CertifiedKey>>,
    /// First second at which the certificate is not valid any more, since 1970; none: its dates can't be read.
    ends: Option<i64>,
    begins: Option<i64>,
    kind: Option<Kind>,
    had_password: bool,
}

/// A kind of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RFC 8017.
    Rsa,
    /// On a NIST curve.
    Ecdsa,
    /// RFC 8032.
    EdDsa,
}

impl Kind {
    pub(super) fn of_certificate(certificate: &[u8]) -> Option<Self> {
        let key = Certificate::read(certificate)?.public_key()?;
        let is = |kind: &[u8]| key.algorithm.starts_with(kind);
        match () {
            () if is(RSA) => Some(Self::Rsa),
            () if is(ECDSA) => Some(Self::Ecdsa),
            () if is(ED25519) => Some(Self::EdDsa),
            () => None,
        }
    }

    fn of_key(key: &dyn SigningKey) -> Option<Self> {
        match key.algorithm() {
            SignatureAlgorithm::RSA => Some(Self::Rsa),
            SignatureAlgorithm::ECDSA => Some(Self::Ecdsa),
            SignatureAlgorithm::ED25519 => Some(Self::EdDsa),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::Ecdsa => "ECDSA",
            Self::EdDsa => "Ed25519",
        }
    }
}

/// rsaEncryption (RFC 3279 2.3.1), id-ecPublicKey (2.3.5), id-Ed25519 (RFC 8410 3), as OBJECT IDENTIFIERs.
const RSA: &[u8] = b"\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01";
const ECDSA: &[u8] = b"\x06\x07\x2A\x86\x48\xCE\x3D\x02\x01";
const ED25519: &[u8] = b"\x06\x03\x2B\x65\x70";

/// Why a pair of files is no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityFault {
    /// No certificate in the certificate's file.
    NoCertificate,
    /// No key in the key's file.
    NoKey,
    /// The key is protected by a password, and none was given.
    EncryptedKey,
    /// The password does not open the key.
    WrongPassword,
    /// The key is protected in a way that we don't know.
    UnknownProtection,
    /// What stands there for a key can't be read.
    DamagedKey,
    /// A key that can't be used.
    UnusableKey,
    /// Key and certificate are not a pair.
    Mismatch,
    /// They can't be one.
    OtherKind {
        /// The certificate's key.
        certificate: Kind,
        /// The key.
        key: Kind,
    },
    /// The certificate can't be used.
    UnusableCertificate,
    /// The certificate was valid once.
    Expired,
}

impl Identity {
    /// Makes an identity of the contents of both files (PEM). `password`: the key's, if it has one. `now`: seconds
    /// since 1970.
    ///
    /// # Errors
    /// Why it would fail clients.
    pub fn new(
        certificates: &[u8],
        key: &[u8],
        password: Option<&Secret>,
        now: i64,
    ) -> Result<Self, IdentityFault> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<_, _>>()
            .map_err(|_| IdentityFault::NoCertificate)?;
        let own = chain.first().ok_or(IdentityFault::NoCertificate)?;
        let dates = Certificate::read(own).and_then(|own| own.validity());
        let KeyFile { key, had_password } = key_file::read(key, password)?;
        let kind = Kind::of_certificate(own);
        let key = provider()
            .key_provider
            .load_private_key(key)
            .map_err(|_| IdentityFault::UnusableKey)?;
        let of_key = Kind::of_key(key.as_ref());
        let key = CertifiedKey::new(chain, key);
        key.keys_match().or_else(|error| match error {
            // The library can't tell, and the first handshake would.
            Error::InconsistentKeys(InconsistentKeys::Unknown) => Ok(()),
            Error::InconsistentKeys(_) => Err(match (kind, of_key) {
                (Some(certificate), Some(key)) if certificate != key => {
                    IdentityFault::OtherKind { certificate, key }
                }
                _ => IdentityFault::Mismatch,
            }),
            _ => Err(IdentityFault::UnusableCertificate),
        })?;
        if dates.is_some_and(|(_, ends)| ends <= now) {
            return Err(IdentityFault::Expired);
        }
        let (begins, ends) = (dates.map(|(begins, _)| begins), dates.map(|(_, ends)| ends));
        Ok(Self { key: Arc::new(key), alternative: None, ends, begins, kind, had_password })
    }

    /// The same for clients that know its kind of keys; `other` for those that want that one's.
    #[must_use]
    pub fn with_alternative(self, other: &Self) -> Self {
        Self { alternative: Some(Arc::clone(&other.key)), ..self }
    }

    /// One that would not do for clients.
    #[cfg(test)]
    pub(super) fn of_key(key: Arc<CertifiedKey>) -> Self {
        let (alternative, ends, begins, kind) = (None, None, None, None);
        Self { key, alternative, ends, begins, kind, had_password: false }
    }

    /// What kind its key is of.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// Whether the key's password was needed.
    #[must_use]
    pub fn had_password(&self) -> bool {
        self.had_password
    }

    /// Host names in the certificate.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        let own = self.key.cert.first().and_then(|own| Certificate::read(own));
        own.map(|own| own.hosts()).unwrap_or_default()
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

impl IdentityFault {
    /// Whether the file with the key has to change, rather than that with the certificate.
    #[must_use]
    pub fn is_of_key(self) -> bool {
        match self {
            Self::NoKey
            | Self::EncryptedKey
            | Self::WrongPassword
            | Self::UnknownProtection
            | Self::DamagedKey
            | Self::UnusableKey
            | Self::Mismatch
            | Self::OtherKind { .. } => true,
            Self::NoCertificate | Self::UnusableCertificate | Self::Expired => false,
        }
    }
}

impl fmt::Display for IdentityFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::OtherKind { certificate, key } = self {
            let (certificate, key) = (certificate.word(), key.word());
            return write!(
                f,
                "the key is of another kind ({key}) than the certificate ({certificate}); name the {certificate} key that it was \
                 made with"
            );
        }
        f.write_str(match self {
            Self::NoCertificate => "holds no certificate; it must be PEM, our own certificate first",
            Self::NoKey => "holds no private key; it must be PEM",
            Self::EncryptedKey => {
                "the key is protected by a password; write that as ssl_server_key_password (a file is best: \
                 `ssl_server_key_password = </etc/hale/key.password`)"
            }
            Self::WrongPassword => "ssl_server_key_password does not open the key; it is another key's, or mistyped",
            Self::UnknownProtection => {
                "the key is protected by a password in a form that is not known here; write it anew: `openssl pkey -in OLD \
                 -aes-256-cbc -out NEW`, and make NEW readable by hale's user alone"
            }
            Self::DamagedKey => "the private key is damaged; copy the file again",
            Self::UnusableKey => "the key can't be used; make an ECDSA (P-256, P-384), RSA (2048 bits or more) or Ed25519 key",
            Self::Mismatch | Self::OtherKind { .. } => "the key is not the certificate's; name the file that was made with it",
            Self::UnusableCertificate => "the certificate can't be used; it must be X.509 version 3",
            Self::Expired => "the certificate has expired; put the renewed one there",
        })
    }
}
