//! The driver `ldap`: a search that finds a user, and a bind that tries the password.
//!
//! Duty: which of both is made for a question, and what their ends mean together. A connection is two: one as Hale, for
//! searches, and one that binds as users, since a server gives up what is under way on a connection when a bind arrives
//! (RFC 4511 4.2.1). Non-duty: sockets and servers (`connection`), what entries and codes mean (`auth::ldap`), how many
//! connections there are and when one is given up (`pool`). Tests: `tests`, and with a real server end to end.

mod connection;
mod search;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use super::driver::Fault;
use crate::auth::inquiry::{Gives, Inquiry, RemoteTrouble, Reply, Row, Wants};
use crate::auth::ldap::mapping::{Entry, Mapping};
use crate::auth::ldap::outcome::{self, Bound, Code, Found};
use crate::auth::passdb::Cause;
use crate::config::model::{self, LdapCompare};
use crate::limits::USERDB_ROW_BYTES_MAX;
use crate::secret::Secret;
use crate::share::snapshot::Published;
use crate::template::{Letters, Syntax, Template, Unexpandable};
use crate::tls::Context;
pub(super) use connection::Connection;
use connection::Servers;
use search::Search;

/// Servers, and how a user is found there.
#[derive(Debug)]
pub(super) struct Ldap {
    servers: Servers,
    base: Template,
    filter: Template,
    search: Search,
    compare: LdapCompare,
    mapping: Mapping,
    /// The variables of the mapping, which are those of logins.
    mapped: Template,
}

/// A user's own name and password did not bind for a reason of the server's, or the answer is of no use.
type Asked = Result<Reply, Fault>;

impl Ldap {
    /// # Errors
    /// `pass_attrs` cannot be read, or no password would ever be compared.
    pub(super) fn new(settings: &model::Ldap, tls: &Published<Context>) -> Result<Self, String> {
        let mut mapping = match (&settings.pass_attrs, settings.fields.is_empty()) {
            (Some(text), _) => {
                Mapping::of_pass_attrs(text).map_err(|fault| format!("ldap_pass_attrs: {fault}"))?
            }
            (None, false) => {
                let fields = settings.fields.iter();
                Mapping::of_fields(
                    fields.map(|field| (field.name.as_str().into(), field.value.clone())),
                )
            }
            (None, true) => Mapping::default(),
        };
        match settings.compare {
            LdapCompare::Here if !mapping.has_password() => {
                return Err("no field is the password: write `password = %{ldap:userPassword}` into `fields { … }` \
                            (2.3: `pass_attrs = …,userPassword=password`), or let the server compare: `bind = yes`"
                    .to_owned());
            }
            LdapCompare::Here => {}
            LdapCompare::BySearch | LdapCompare::ByName(_) => mapping = mapping.without_password(),
        }
        let names: String = mapping.other_variables().map(|name| format!("%{{{name}}}")).collect();
        Ok(Self {
            servers: Servers::new(settings, tls.clone()),
            base: settings.base.clone(),
            filter: settings.filter.clone(),
            search: Search::new(settings, &mapping),
            compare: settings.compare.clone(),
            mapped: Template::parse(&names, Letters::Variables)?,
            mapping,
        })
    }

    pub(super) fn gives(&self) -> Gives {
        match self.compare {
            LdapCompare::Here => Gives::Rows,
            LdapCompare::BySearch => Gives::Both,
            LdapCompare::ByName(_) => Gives::Verdicts,
        }
    }

    pub(super) fn templates(&self) -> Vec<&Template> {
        match &self.compare {
            LdapCompare::ByName(name) => vec![name],
            LdapCompare::Here | LdapCompare::BySearch => {
                vec![&self.base, &self.filter, &self.mapped]
            }
        }
    }

    pub(super) fn server(&self) -> String {
        self.servers.names()
    }

    pub(super) fn remedy(&self) -> &'static str {
        "look whether the servers of ldap_uris run and can be reached from here, whether ldap_auth_dn and its password are good, and \
         for TLS whether the certificate is of an authority in ssl_client_ca_file and for the name in the URI"
    }

    pub(super) async fn connect(&self) -> Result<Connection, Fault> {
        self.servers.connect().await
    }

    pub(super) async fn try_out(&self, connection: &Connection) -> Result<(), Fault> {
        search::root(connection.as_hale()).await
    }

    pub(super) async fn ask(&self, connection: &mut Connection, inquiry: &Inquiry) -> Asked {
        let password = match &inquiry.wants {
            Wants::Verdict(password) => Some(password),
            Wants::Row(_) => None,
            Wants::Token(_) | Wants::Answer(..) => {
                return Ok(Reply::Trouble(RemoteTrouble::Form.into()));
            }
        };
        match (&self.compare, password) {
            (LdapCompare::ByName(name), Some(password)) => {
                let Ok(name) = self.expand(Syntax::LdapDn, name, inquiry) else {
                    return Ok(unexpandable());
                };
                self.bind(connection, &name, password, Row::default()).await
            }
            (LdapCompare::ByName(_), None) => Ok(Reply::Trouble(RemoteTrouble::NoLookUps.into())),
            (LdapCompare::Here | LdapCompare::BySearch, password) => {
                let (Ok(base), Ok(filter)) = (
                    self.expand(Syntax::LdapDn, &self.base, inquiry),
                    self.expand(Syntax::LdapFilter, &self.filter, inquiry),
                ) else {
                    return Ok(unexpandable());
                };
                let entry = match self.find(connection, &base, &filter).await? {
                    Ok(entry) => entry,
                    Err(reply) => return Ok(reply),
                };
                let row = match self.row(&entry, inquiry)? {
                    Ok(row) => row,
                    Err(reply) => return Ok(reply),
                };
                match password {
                    None => Ok(Reply::Row(Arc::new(row))),
                    Some(password) => self.bind(connection, &entry.dn, password, row).await,
                }
            }
        }
    }

    /// The one entry, or the reply that says why there is none.
    async fn find(
        &self,
        connection: &Connection,
        base: &str,
        filter: &str,
    ) -> Result<Result<Entry, Reply>, Fault> {
        let has_variables = self.base.variables().next().is_some();
        let (code, text, mut entries) =
            self.search.find(connection.as_hale(), base, filter).await?;
        let found = outcome::of_search(code, entries.len(), has_variables);
        match (found, entries.pop()) {
            (Found::One, Some(entry)) => Ok(Ok(entry)),
            (Found::One | Found::Unknown, _) => Ok(Err(Reply::Unknown)),
            (Found::Several, _) => {
                let text =
                    "the filter finds more than one entry for a user; narrow it, or the base";
                Err(Fault::Answer(RemoteTrouble::Several, text.to_owned()))
            }
            (Found::Trouble(code), _) => Err(self.trouble("the search", code, &text)),
        }
    }

    fn row(&self, entry: &Entry, inquiry: &Inquiry) -> Result<Result<Row, Reply>, Fault> {
        let values = inquiry.values();
        match self.mapping.row(entry, &|name| values.get(name)) {
            Ok(row) if row.bytes() > USERDB_ROW_BYTES_MAX => {
                let text = format!(
                    "an entry has more than {USERDB_ROW_BYTES_MAX} bytes; map fewer attributes"
                );
                Err(Fault::Answer(RemoteTrouble::TooLarge, text))
            }
            Ok(row) => Ok(Ok(row)),
            Err(crate::auth::ldap::mapping::MappingFault::Template(_)) => Ok(Err(unexpandable())),
            Err(fault) => Err(Fault::Answer(RemoteTrouble::Form, fault.to_string())),
        }
    }

    async fn bind(
        &self,
        connection: &mut Connection,
        name: &str,
        password: &Secret,
        row: Row,
    ) -> Asked {
        // The server would call it good and let in whom it does not know (DB-03, RFC 4513 5.1.2).
        if name.trim().is_empty() || password.is_empty() {
            return Ok(Reply::Mismatch);
        }
        // The library takes text only, and so do servers that go by the RFC.
        if str::from_utf8(password.expose()).is_err() {
            return Ok(Reply::Mismatch);
        }
        let (code, policy, text) = self.servers.bind(connection, name, password).await?;
        match outcome::of_bind(code, policy, &text) {
            Bound::Good => Ok(Reply::Verified(Arc::new(row))),
            Bound::Wrong => Ok(Reply::Mismatch),
            Bound::Unknown => Ok(Reply::Unknown),
            Bound::Expired => Ok(Reply::Expired),
            Bound::Trouble(code) => Err(self.trouble("the bind", code, &text)),
        }
    }

    fn trouble(&self, what: &str, code: Code, said: &str) -> Fault {
        let text = format!("{what} ended with {}: {} (it says: {said})", code.0, code.meaning());
        match code.0 {
            // Another server may be well.
            BUSY | UNAVAILABLE => {
                self.servers.turn_from();
                Fault::Lost(text)
            }
            _ => Fault::Answer(RemoteTrouble::Error, text),
        }
    }

    fn expand(
        &self,
        syntax: Syntax,
        template: &Template,
        inquiry: &Inquiry,
    ) -> Result<String, Unexpandable> {
        let values = inquiry.values();
        template.expand_in(syntax, &|name| -> Option<Cow<'_, str>> { values.get(name) })
    }
}

fn unexpandable() -> Reply {
    Reply::Trouble(Cause::Template(Unexpandable))
}

const BUSY: u32 = 51;
const UNAVAILABLE: u32 = 52;
