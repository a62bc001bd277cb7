//! The drivers of password databases that are asked elsewhere, as `pool` sees them: connections, and questions on them.
//!
//! A new driver is a variant here and in [`Connection`], a folder beside `sql`, a variant of the model's `Service`, and its settings in
//! `config` (`registry/userdbs`, `check/passdbs/userdbs`). A connection carries one question at a time; one whose question was given up is
//! dropped by `pool`, never asked again: on some of them every later answer would be the one before.

use crate::auth::inquiry::{APPROACH, Gives, Inquiry, RemoteTrouble, Reply};
use crate::config::model::Service;
use crate::template::Template;

use super::http_auth::HttpAuth;
use super::imapc::{self, Imapc};
use super::ldap::{self, Ldap};
use super::oauth2::{OAuth2, Verifiers};
use super::sql::{self, Sql};
use super::web::Remarks;
use crate::control::resolver::Resolver;
use crate::share::snapshot::Published;
use crate::tls::Context;

/// A driver with its settings.
#[derive(Debug)]
pub(super) enum Driver {
    Sql(Sql),
    OAuth2(OAuth2),
    Http(Box<HttpAuth>),
    Ldap(Box<Ldap>),
    Imapc(Imapc),
    #[cfg(test)]
    Fake(super::tests::Fake),
}

/// A connection that is ready for a question.
#[derive(Debug)]
pub(super) enum Connection {
    Sql(sql::Connection),
    /// The driver's HTTP client keeps the real ones.
    Web,
    Ldap(ldap::Connection),
    Imapc(imapc::Connection),
    #[cfg(test)]
    Fake(super::tests::FakeConnection),
}

/// What drivers are made with besides their settings.
#[derive(Debug, Default)]
pub(super) struct Help {
    pub(super) resolver: Resolver,
    /// Authorities, and how TLS is spoken.
    pub(super) tls: Published<Context>,
    /// None: the driver is made to say what it is like, and asked nothing.
    pub(super) verifiers: Option<Verifiers>,
    pub(super) remarks: Option<Remarks>,
}

/// Why there is no reply. Texts are for the log, and hold no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No connection could be made.
    Connect(String),
    /// The connection was lost with the question on it.
    Lost(String),
    /// The server is well, and its answer cannot be used; the connection can.
    Answer(RemoteTrouble, String),
}

impl Driver {
    /// The driver of a configured service.
    ///
    /// # Errors
    /// A setting that can't be served, as a sentence.
    pub(super) fn new(service: &Service, help: Help) -> Result<Self, String> {
        let Help { resolver, tls, verifiers, remarks } = help;
        match service {
            Service::Sql(settings) => Sql::new(settings, &tls).map(Self::Sql),
            Service::Ldap(settings) => {
                Ldap::new(settings, &tls).map(|ldap| Self::Ldap(Box::new(ldap)))
            }
            Service::Imapc(settings) => Ok(Self::Imapc(Imapc::new(settings, &tls))),
            Service::OAuth2(settings) => {
                OAuth2::new(settings, &resolver, verifiers, remarks).map(Self::OAuth2)
            }
            Service::Http(settings) => {
                HttpAuth::new(settings, &resolver).map(|http| Self::Http(Box::new(http)))
            }
        }
    }

    /// What Dovecot calls it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Sql(_) => "sql",
            Self::OAuth2(_) => "oauth2",
            Self::Http(_) => "http",
            Self::Ldap(_) => "ldap",
            Self::Imapc(_) => "imap",
            #[cfg(test)]
            Self::Fake(_) => "fake",
        }
    }

    /// What it can be asked for.
    pub(super) fn gives(&self) -> Gives {
        match self {
            Self::Sql(_) => Gives::Rows,
            Self::OAuth2(oauth2) => oauth2.gives(),
            Self::Http(http) => http.gives(),
            Self::Ldap(ldap) => ldap.gives(),
            Self::Imapc(_) => Gives::Verdicts,
            #[cfg(test)]
            Self::Fake(_) => Gives::Both,
        }
    }

    /// Whether what it says may be remembered at all.
    pub(super) fn may_be_remembered(&self) -> bool {
        match self {
            Self::OAuth2(oauth2) => oauth2.may_be_remembered(),
            Self::Sql(_) | Self::Ldap(_) | Self::Imapc(_) | Self::Http(_) => true,
            #[cfg(test)]
            Self::Fake(_) => true,
        }
    }

    /// Everything that a question is made of.
    pub(super) fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Sql(sql) => sql.templates(),
            Self::Ldap(ldap) => ldap.templates(),
            Self::Imapc(imapc) => imapc.templates(),
            Self::OAuth2(_) | Self::Http(_) => Vec::new(),
            #[cfg(test)]
            Self::Fake(_) => Vec::new(),
        }
    }

    /// What its answers depend on besides templates and the password or token: nothing that is remembered for one value of these may
    /// reach another (SA-09).
    pub(super) fn variables(&self) -> Vec<Box<str>> {
        match self {
            Self::OAuth2(oauth2) => oauth2.variables(),
            Self::Http(_) => ["user", "protocol", "remote_ip", APPROACH].map(Into::into).into(),
            Self::Sql(_) | Self::Ldap(_) | Self::Imapc(_) => Vec::new(),
            #[cfg(test)]
            Self::Fake(_) => Vec::new(),
        }
    }

    /// Its server, for the log: no secret in it.
    pub(super) fn server(&self) -> String {
        match self {
            Self::Sql(sql) => sql.server(),
            Self::OAuth2(oauth2) => oauth2.server(),
            Self::Http(http) => http.server(),
            Self::Ldap(ldap) => ldap.server(),
            Self::Imapc(imapc) => imapc.server(),
            #[cfg(test)]
            Self::Fake(_) => "fake".to_owned(),
        }
    }

    /// What an operator does about a server that does not answer.
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Self::Sql(sql) => sql.remedy(),
            Self::OAuth2(_) => {
                "look whether the provider runs and can be reached from here, and at the oauth2_… addresses and oauth2_ca_file"
            }
            Self::Http(_) => {
                "look whether the service runs and can be reached from here, and at http_auth_url"
            }
            Self::Ldap(ldap) => ldap.remedy(),
            Self::Imapc(imapc) => imapc.remedy(),
            #[cfg(test)]
            Self::Fake(_) => "start it",
        }
    }

    /// A new connection.
    pub(super) async fn connect(&self) -> Result<Connection, Fault> {
        match self {
            Self::Sql(sql) => sql.connect().await.map(Connection::Sql),
            Self::OAuth2(oauth2) => oauth2.reach().await.map(|()| Connection::Web),
            Self::Http(http) => http.reach().await.map(|()| Connection::Web),
            Self::Ldap(ldap) => ldap.connect().await.map(Connection::Ldap),
            Self::Imapc(_) => Ok(Connection::Imapc(imapc::Connection::default())),
            #[cfg(test)]
            Self::Fake(fake) => fake.connect().await.map(Connection::Fake),
        }
    }

    /// A question got no answer in time: where there are several servers, another one is connected next.
    pub(super) fn pass_on(&self) {
        match self {
            Self::Sql(sql) => sql.pass_on(),
            Self::OAuth2(_) | Self::Http(_) | Self::Ldap(_) | Self::Imapc(_) => {}
            #[cfg(test)]
            Self::Fake(_) => {}
        }
    }

    /// One question on a connection of this driver.
    pub(super) async fn ask(
        &self,
        connection: &mut Connection,
        inquiry: &Inquiry,
    ) -> Result<Reply, Fault> {
        match (self, connection) {
            (Self::Sql(sql), Connection::Sql(connection)) => sql.ask(connection, inquiry).await,
            (Self::OAuth2(oauth2), Connection::Web) => oauth2.ask(inquiry).await,
            (Self::Http(http), Connection::Web) => http.ask(inquiry).await,
            (Self::Ldap(ldap), Connection::Ldap(connection)) => ldap.ask(connection, inquiry).await,
            (Self::Imapc(imapc), Connection::Imapc(connection)) => {
                imapc.ask(connection, inquiry).await
            }
            #[cfg(test)]
            (Self::Fake(fake), Connection::Fake(connection)) => fake.ask(connection, inquiry).await,
            _ => Err(Fault::Lost("a connection of another driver".to_owned())),
        }
    }

    /// Whether the server answers on this connection at all.
    pub(super) async fn try_out(&self, connection: &mut Connection) -> Result<(), Fault> {
        match (self, connection) {
            (Self::Sql(sql), Connection::Sql(connection)) => sql.try_out(connection).await,
            (Self::OAuth2(oauth2), Connection::Web) => oauth2.try_out().await,
            (Self::Http(http), Connection::Web) => http.try_out().await,
            (Self::Ldap(ldap), Connection::Ldap(connection)) => ldap.try_out(connection).await,
            (Self::Imapc(imapc), Connection::Imapc(_)) => imapc.try_out().await,
            #[cfg(test)]
            (Self::Fake(fake), Connection::Fake(connection)) => fake.try_out(connection).await,
            _ => Err(Fault::Lost("a connection of another driver".to_owned())),
        }
    }
}

impl Connection {
    /// Whether it is known to be no good any more.
    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Sql(connection) => connection.is_closed(),
            Self::Web => false,
            Self::Ldap(connection) => connection.is_closed(),
            Self::Imapc(connection) => connection.is_closed(),
            #[cfg(test)]
            Self::Fake(connection) => connection.is_closed(),
        }
    }
}
