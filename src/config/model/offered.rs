//! Which mechanisms a listener offers: those that are listed and that a passdb can serve, as far as settings tell.

use super::{Auth, Passdb, PassdbDriver, Service};
use crate::names::Protocol;
use crate::names::mechanism::{Mechanism, Mechanisms};

impl Passdb {
    /// Whether a login by this mechanism may come to something here, as far as settings tell.
    #[must_use]
    pub fn serves(&self, mechanism: Mechanism, protocol: Protocol) -> bool {
        let gives =
            |name: &str| self.fields.iter().chain(&self.default_fields).any(|it| it.name == name);
        let reads_tokens = match &self.driver {
            PassdbDriver::Remote(remote) => {
                // With the grant it takes passwords to the provider, and no tokens.
                matches!(&remote.service, Service::OAuth2(oauth2) if !oauth2.use_grant_password)
            }
            PassdbDriver::PasswdFile { .. } | PassdbDriver::Static { .. } => false,
        };
        let is_asked = !self.deny
            && (self.mechanisms.is_empty() || self.mechanisms.contains(&mechanism))
            && (self.protocols.is_empty() || self.protocols.contains(&protocol));
        is_asked
            && match mechanism {
                Mechanism::Plain | Mechanism::Login | Mechanism::External => true,
                Mechanism::Xoauth2 | Mechanism::OauthBearer => gives("nopassword") || reads_tokens,
                Mechanism::ScramSha1 | Mechanism::ScramSha256 => match &self.driver {
                    PassdbDriver::Static { password } => {
                        password.is_some() || gives("password") || gives("nopassword")
                    }
                    PassdbDriver::PasswdFile { .. } => true,
                    PassdbDriver::Remote(remote) => {
                        matches!(remote.service, Service::Sql(_) | Service::Ldap(_))
                    }
                },
            }
    }
}

impl Auth {
    /// What listeners of a protocol offer: what is listed, and what a passdb can serve.
    #[must_use]
    pub fn offered(&self, protocol: Protocol) -> Mechanisms {
        let is_served = |it: &Mechanism| {
            Mechanisms::PASSWORDS.has(*it)
                || self.passdbs.iter().any(|passdb| passdb.serves(*it, protocol))
        };
        self.mechanisms.iter().copied().filter(is_served).collect()
    }
}
