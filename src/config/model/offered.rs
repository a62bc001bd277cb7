//! Which mechanisms a listener offers: those that are listed and that a passdb can serve, as far as settings tell.

use super::{Auth, LdapCompare, Passdb, PassdbDriver, Service};
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
        let is_by_password =
            matches!(mechanism, Mechanism::Plain | Mechanism::Login | Mechanism::External);
        is_asked
            && (is_by_password || !self.asks_with_password())
            && match mechanism {
                Mechanism::Plain | Mechanism::Login | Mechanism::External => true,
                // Rows may have the field, too; the operator says so by naming the mechanism.
                Mechanism::Xoauth2 | Mechanism::OauthBearer => {
                    gives("nopassword") || reads_tokens || self.has_rows_for(mechanism)
                }
                // The backend leads the exchange where nothing is known of the password here.
                Mechanism::ScramSha1 | Mechanism::ScramSha256 => {
                    gives("nopassword") || self.has_passwords()
                }
                Mechanism::ScramSha1Plus
                | Mechanism::ScramSha256Plus
                | Mechanism::CramMd5
                | Mechanism::DigestMd5 => self.has_passwords(),
                Mechanism::Apop => protocol == Protocol::Pop3 && self.has_passwords(),
                Mechanism::Anonymous => match &self.driver {
                    PassdbDriver::PasswdFile { .. } | PassdbDriver::Static { .. } => true,
                    PassdbDriver::Remote(remote) => {
                        !matches!(remote.service, Service::OAuth2(_) | Service::Imapc(_))
                    }
                },
            }
    }

    /// Whether its query has the client's password in it, so that it finds no user without one.
    fn asks_with_password(&self) -> bool {
        let PassdbDriver::Remote(remote) = &self.driver else { return false };
        match &remote.service {
            Service::Sql(sql) => sql.query.variables().any(|name| name == "password"),
            Service::Ldap(_) | Service::Imapc(_) | Service::OAuth2(_) | Service::Http(_) => false,
        }
    }

    /// Whether it is asked for this mechanism by name, and has rows with fields of their own.
    fn has_rows_for(&self, mechanism: Mechanism) -> bool {
        let has_rows = match &self.driver {
            PassdbDriver::Static { .. } => false,
            PassdbDriver::PasswdFile { .. } => true,
            PassdbDriver::Remote(remote) => {
                matches!(remote.service, Service::Sql(_) | Service::Ldap(_) | Service::Http(_))
            }
        };
        has_rows && self.mechanisms.contains(&mechanism)
    }

    /// Whether it may have users' passwords, or keys made of them, to show to an exchange.
    fn has_passwords(&self) -> bool {
        match &self.driver {
            PassdbDriver::Static { password } => {
                let mut fields = self.fields.iter().chain(&self.default_fields);
                password.is_some() || fields.any(|field| field.name == "password")
            }
            PassdbDriver::PasswdFile { .. } => true,
            PassdbDriver::Remote(remote) => match &remote.service {
                Service::Sql(_) => true,
                // A directory that compares passwords itself shows none.
                Service::Ldap(ldap) => ldap.compare == LdapCompare::Here,
                Service::Imapc(_) | Service::OAuth2(_) | Service::Http(_) => false,
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
