//! The passdb driver `ldap`.

use std::fmt;
use std::path::PathBuf;

use super::Field;
use crate::secret::Secret;
use crate::template::Template;

/// Which servers, and how a user is found there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ldap {
    /// In the order in which they are tried.
    pub servers: Vec<LdapServer>,
    /// TLS by the protocol's command, where it does not begin with it.
    pub has_starttls: bool,
    /// The driver's own file of authorities; none: those of backends.
    pub ca_file: Option<PathBuf>,
    /// Whether a server has to prove itself.
    pub verifies: bool,
    /// Hale's own name there, and its password.
    pub own: Option<(String, Secret)>,
    /// Where the search begins.
    pub base: Template,
    /// How deep it goes.
    pub scope: LdapScope,
    /// What becomes of aliases.
    pub deref: LdapDeref,
    /// What it looks for.
    pub filter: Template,
    /// Who compares passwords.
    pub compare: LdapCompare,
    /// Dovecot 2.3's list of attributes and fields.
    pub pass_attrs: Option<String>,
    /// Dovecot 2.4's fields that are made of attributes.
    pub fields: Vec<Field>,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LdapServer {
    /// By TCP.
    Host {
        /// Name or address.
        name: String,
        /// Its port.
        port: u16,
        /// TLS from the first byte.
        has_tls: bool,
    },
    /// By a socket of this host, whose path is written as in a URI.
    Socket(String),
}

impl LdapServer {
    /// One of `ldap_uris`.
    ///
    /// # Errors
    /// What was expected.
    pub fn of_uri(uri: &str) -> Result<Self, String> {
        let expected = || {
            "`ldap://HOST`, `ldaps://HOST` or `ldapi://%2FPATH`, with `:PORT` behind the host"
                .to_owned()
        };
        let (scheme, rest) = uri.split_once("://").ok_or_else(expected)?;
        let rest = rest.trim_end_matches('/');
        let has_tls = match scheme.to_ascii_lowercase().as_str() {
            "ldap" => false,
            "ldaps" => true,
            "ldapi" if rest.len() > 1 && !rest.contains(['/', ':']) => {
                return Ok(Self::Socket(rest.to_owned()));
            }
            _ => return Err(expected()),
        };
        Self::of_host(rest, has_tls).ok_or_else(expected)
    }

    /// One of Dovecot 2.3's `hosts`: `HOST` or `HOST:PORT`.
    #[must_use]
    pub fn of_host(text: &str, has_tls: bool) -> Option<Self> {
        let usual = if has_tls { 636 } else { 389 };
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (name, port) = rest.split_once(']')?;
                (name, port.strip_prefix(':'))
            }
            None => match text.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            },
        };
        let port = match port {
            Some(text) => text.parse().ok().filter(|port| *port != 0)?,
            None => usual,
        };
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
        let is_name = !name.is_empty() && name.bytes().all(legal);
        is_name.then(|| Self::Host { name: name.to_owned(), port, has_tls })
    }
}

/// As a URI.
impl fmt::Display for LdapServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "ldapi://{path}"),
            Self::Host { name, port, has_tls } => {
                let scheme = if *has_tls { "ldaps" } else { "ldap" };
                match name.contains(':') {
                    true => write!(f, "{scheme}://[{name}]:{port}"),
                    false => write!(f, "{scheme}://{name}:{port}"),
                }
            }
        }
    }
}

/// How deep a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LdapScope {
    /// The base alone.
    Base,
    /// What is right below it.
    OneLevel,
    /// All below it.
    Subtree,
}

/// What becomes of aliases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "LDAP's own words")]
pub enum LdapDeref {
    Never,
    Searching,
    Finding,
    Always,
}

/// Who compares a password with the stored one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LdapCompare {
    /// Hale, with an attribute.
    Here,
    /// The server, by a bind with the name that the search has found.
    BySearch,
    /// The server, by a bind with a name that is made of the user's; nothing is searched.
    ByName(Template),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_and_hosts_are_servers_or_none() {
        for (text, shown) in [
            ("ldap://a.test", "ldap://a.test:389"),
            ("LDAPS://a.test/", "ldaps://a.test:636"),
            ("ldap://127.0.0.1:1389", "ldap://127.0.0.1:1389"),
            ("ldaps://[::1]:1636", "ldaps://[::1]:1636"),
            ("ldapi://%2Frun%2Fslapd", "ldapi://%2Frun%2Fslapd"),
        ] {
            assert_eq!(LdapServer::of_uri(text).unwrap().to_string(), shown);
        }
        for text in [
            "a.test",
            "ldap://",
            "ldap://a:0",
            "ldap://a:x",
            "ldapi:///",
            "http://a",
            "ldap://a b",
            "ldap://a/dc=x",
        ] {
            assert!(LdapServer::of_uri(text).is_err(), "{text}");
        }
        assert_eq!(LdapServer::of_host("a:390", false).unwrap().to_string(), "ldap://a:390");
    }
}
