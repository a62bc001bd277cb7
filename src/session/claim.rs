//! Who a login says it is for and what is to prove it, as far as a client certificate has a say in it (docs/rules/sasl.md, TL-20).
//!
//! Decides: when a certificate's name takes the place of the typed one, and when no database has to be asked because there is
//! none. Does not: verify certificates; `tls` does, or the balancer that a PROXY header is believed of. Driver: `verdict`.
//! Tests: transcripts `session/external*`, `session/certificate*`.

use super::settings::CertificateSettings;
use crate::auth::ask::Proof;
use crate::facts::ClientCertificate;
use crate::preauth::sasl::Mechanism;

/// Who a login says it is for, and what is to prove it.
pub(super) struct Claim {
    /// The name in the client's certificate, where that holds and not the one that was typed.
    pub(super) name: Option<Box<str>>,
    pub(super) proof: Proof,
}

impl Claim {
    /// What a mechanism claims on a connection with this certificate.
    ///
    /// # Errors
    /// No login is possible with it; the text is for the log.
    pub(super) fn of(
        mechanism: Mechanism,
        certificate: &ClientCertificate,
        settings: &CertificateSettings,
    ) -> Result<Self, &'static str> {
        if settings.required && !certificate.is_verified() {
            return Err(NO_CERTIFICATE);
        }
        let proof = match mechanism {
            Mechanism::External => Proof::Certificate,
            Mechanism::Xoauth2 | Mechanism::OauthBearer => {
                return Ok(Self { name: None, proof: Proof::Token });
            }
            Mechanism::ScramSha1
            | Mechanism::ScramSha256
            | Mechanism::ScramSha1Plus
            | Mechanism::ScramSha256Plus
            | Mechanism::CramMd5
            | Mechanism::DigestMd5
            | Mechanism::Apop => {
                return Ok(Self { name: None, proof: Proof::Exchange(mechanism) });
            }
            Mechanism::Anonymous => return Ok(Self { name: None, proof: Proof::None }),
            Mechanism::Plain | Mechanism::Login
                if settings.name_the_user && certificate.is_verified() =>
            {
                Proof::NamedPassword
            }
            Mechanism::Plain | Mechanism::Login => {
                return Ok(Self { name: None, proof: Proof::Password });
            }
        };
        // Never the typed name instead (CVE-2019-3814).
        let name = certificate.name().ok_or(NO_NAME)?;
        Ok(Self { name: Some(name.into()), proof })
    }
}

const NO_CERTIFICATE: &str =
    "the client presented no valid certificate, which auth_ssl_require_client_cert demands";
const NO_NAME: &str = "the client's certificate does not have exactly one acceptable user name \
                       (ssl_server_cert_username_field)";
