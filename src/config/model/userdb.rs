//! Password databases that are asked elsewhere: what all of them have, and which driver it is.

use std::path::PathBuf;
use std::time::Duration;

use super::http_auth::HttpAuth;
use super::imapc::Imapc;
use super::ldap::Ldap;
use super::oauth2::OAuth2;
use super::sql::Sql;

/// A password database whose answers come over a connection, or from a thread that may wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemotePassdb {
    /// What is asked, and how.
    pub service: Service,
    /// Questions at the same time, each on a connection of its own.
    pub connections_max: u16,
    /// From the question to the answer, with the connect if one is needed.
    pub answer_timeout: Duration,
    /// Whether its answers are remembered.
    pub use_cache: bool,
    /// Files that its settings were read from; they may hold passwords.
    pub files: Vec<PathBuf>,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Service {
    /// The driver `sql`.
    Sql(Sql),
    /// The driver `ldap`.
    Ldap(Box<Ldap>),
    /// The driver `imap`.
    Imapc(Imapc),
    /// The driver `oauth2`.
    OAuth2(Box<OAuth2>),
    /// The driver `http`.
    Http(HttpAuth),
}

impl Service {
    /// What the driver is called.
    #[must_use]
    pub fn driver(&self) -> &'static str {
        match self {
            Self::Sql(_) => "sql",
            Self::Ldap(_) => "ldap",
            Self::Imapc(_) => "imap",
            Self::OAuth2(_) => "oauth2",
            Self::Http(_) => "http",
        }
    }
}
