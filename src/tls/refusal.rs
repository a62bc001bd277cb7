//! Why a backend's certificate is refused, where the library has no word for it: each with its remedy.
//!
//! Driver: `trust`. Tests: `tls::tests::trust`, `tls::tests::makers`.

use std::fmt;
use std::sync::Arc;

use rustls::{CertificateError, Error, OtherError};

use super::makers::NoMaker;

/// Why a certificate is refused, where the library has no word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It signs for itself and the operator did not choose it.
    Stranger,
    /// The same, and it is marked as an authority.
    OwnAuthority,
    /// Another authority's.
    Authority,
    /// It is older than version 3, and that is not accepted.
    Version(u8),
    /// The same, and no authority in the file made it.
    VersionOfNobody(u8),
    /// It has no name where one is looked for.
    NoNames,
    /// It has the backend's address, but where names stand.
    AddressAsName,
    /// Who made it stands in the file, but may not.
    NoMaker(NoMaker),
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        CertificateError::Other(OtherError(Arc::new(refusal))).into()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stranger => f.write_str(
                "the certificate's issuer is not trusted: it signs for itself and does not stand in ssl_client_ca_file; put it \
                 there",
            ),
            Self::OwnAuthority => f.write_str(
                "the certificate signs for itself and is marked as an authority, and does not stand in ssl_client_ca_file; put \
                 it there",
            ),
            Self::Authority => f.write_str(
                "the certificate is marked as an authority (CA:TRUE); put it into ssl_client_ca_file itself, or make one with \
                 basicConstraints CA:FALSE",
            ),
            Self::Version(version) => write!(
                f,
                "the certificate is of version {version}; make one of version 3 (an extension file for `openssl x509 -req`), or \
                 write ssl_client_older_certs = yes and name its authority in ssl_client_ca_file"
            ),
            Self::VersionOfNobody(version) => write!(
                f,
                "the certificate is of version {version}, and no authority in ssl_client_ca_file has made it; put its \
                 authority there, or make one of version 3"
            ),
            Self::AddressAsName => f.write_str(
                "the certificate is for another name: the backend's address stands in it as a name (DNS or common name), and \
                 counts only as an address; make one with subjectAltName=IP:ADDRESS, or name the backend by its host name",
            ),
            Self::NoMaker(why) => {
                write!(f, "the certificate's issuer stands in ssl_client_ca_file, but {why}")
            }
            Self::NoNames => write!(
                f,
                "the certificate {NO_NAMES}; make one with it, or write ssl_client_older_certs = yes and name its authority in \
                 ssl_client_ca_file"
            ),
        }
    }
}

pub(super) const NO_NAMES: &str = "has no subjectAltName with a host";
