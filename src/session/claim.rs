//! Who a login is about and what proves it, as far as a client certificate has a say in it (wire.md 4.2, TL-20).
//!
//! Decides: when a certificate's name takes the place of the typed one, and when nobody has to be asked because there is
//! none. Does not: verify certificates; `tls` does, or the balancer that a PROXY header is believed of. Driver: `attempt`.
//! Tests: transcripts `session/external*`, `session/certificate*`.

use super::machine::Session;
use crate::auth::ask::Proof;
use crate::preauth::Credentials;
use crate::preauth::sasl::Mechanism;

/// What a client claims.
pub(super) struct Claim {
    /// The name in its certificate, where that holds and not the one that was typed.
    pub(super) name: Option<Box<str>>,
    pub(super) proof: Proof,
}

impl Session {
    /// What credentials come to on this connection.
    ///
    /// # Errors
    /// Nobody can log in with them; the text is for the log.
    pub(super) fn claim(&self, credentials: &Credentials) -> Result<Claim, &'static str> {
        let certificate = &self.facts.certificate;
        let settings = &self.settings.certificates;
        if settings.required && !certificate.is_verified() {
            return Err(NO_CERTIFICATE);
        }
        let proof = match credentials.mechanism {
            Mechanism::External => Proof::Certificate,
            Mechanism::Plain | Mechanism::Login
                if settings.name_the_user && certificate.is_verified() =>
            {
                Proof::NamedPassword
            }
            Mechanism::Plain | Mechanism::Login => {
                return Ok(Claim { name: None, proof: Proof::Password });
            }
        };
        // Never the typed name instead (CVE-2019-3814).
        let name = certificate.name().ok_or(NO_NAME)?;
        Ok(Claim { name: Some(name.into()), proof })
    }
}

const NO_CERTIFICATE: &str =
    "the client presented no valid certificate, which auth_ssl_require_client_cert demands";
const NO_NAME: &str = "the client's certificate does not have exactly one acceptable user name \
                       (ssl_server_cert_username_field)";
