//! Searches, and entries out of the library's trees.
//!
//! Duty: asks for two entries at most and for the attributes that are used; reads an entry without trusting its form. Driver:
//! `super`.

use ldap3::asn1::{PL, StructureTag};
use ldap3::{DerefAliases, Scope, SearchOptions};

use super::connection::Socket;
use crate::auth::inquiry::RemoteTrouble;
use crate::auth::ldap::mapping::{Entry, Mapping};
use crate::config::model::{self, LdapDeref, LdapScope};
use crate::control::userdbs::driver::Fault;

/// What is the same in all searches of a passdb.
#[derive(Clone, Debug)]
pub(super) struct Search {
    scope: Scope,
    deref: DerefAliases,
    attributes: Vec<String>,
}

/// A result's code, the server's text, and what was found.
type Ended = (u32, String, Vec<Entry>);

impl Search {
    pub(super) fn new(settings: &model::Ldap, mapping: &Mapping) -> Self {
        Self {
            scope: match settings.scope {
                LdapScope::Base => Scope::Base,
                LdapScope::OneLevel => Scope::OneLevel,
                LdapScope::Subtree => Scope::Subtree,
            },
            deref: match settings.deref {
                LdapDeref::Never => DerefAliases::Never,
                LdapDeref::Searching => DerefAliases::Searching,
                LdapDeref::Finding => DerefAliases::Finding,
                LdapDeref::Always => DerefAliases::Always,
            },
            attributes: mapping.attributes().into_iter().map(str::to_owned).collect(),
        }
    }

    /// At most two entries: one is the user, two are none (DB-04).
    pub(super) async fn find(
        &self,
        socket: &Socket,
        base: &str,
        filter: &str,
    ) -> Result<Ended, Fault> {
        let options = SearchOptions::new().deref(self.deref).sizelimit(ENTRIES_MAX);
        let (base, filter) = (base.to_owned(), filter.to_owned());
        let Self { scope, attributes, .. } = self.clone();
        let ended = socket.work(|mut ldap| async move {
            let ldap = ldap.with_search_options(options);
            let mut found = ldap.streaming_search(&base, scope, &filter, attributes).await?;
            let mut tags = Vec::new();
            let mut is_cut = false;
            while let Some(item) = found.next().await? {
                // Another server's part of the tree is not looked into (DB-04).
                if item.is_ref() || item.is_intermediate() {
                    continue;
                }
                if tags.len() >= 2 {
                    is_cut = true;
                    break;
                }
                tags.push(item.0);
            }
            let result = found.finish().await;
            Ok((if is_cut { 0 } else { result.rc }, result.text, tags))
        });
        let (code, text, tags) = ended.await?;
        let entries = tags.into_iter().map(entry).collect::<Option<Vec<_>>>();
        let form = || {
            Fault::Answer(RemoteTrouble::Form, "an entry has another form than LDAP's".to_owned())
        };
        Ok((code, text, entries.ok_or_else(form)?))
    }
}

/// The server's own entry, which every server has: it answers, whatever it says.
pub(super) async fn root(socket: &Socket) -> Result<(), Fault> {
    let any = "(objectClass=*)";
    let asked =
        socket.work(|mut ldap| async move { ldap.search("", Scope::Base, any, vec!["1.1"]).await });
    asked.await.map(|_| ())
}

/// `SearchResultEntry ::= [APPLICATION 4] SEQUENCE { objectName, attributes }` (RFC 4511 4.5.2).
fn entry(tag: StructureTag) -> Option<Entry> {
    let mut parts = constructed(tag)?.into_iter();
    let dn = text(parts.next()?)?;
    let list = constructed(parts.next()?)?;
    let attributes = list.into_iter().map(attribute).collect::<Option<Vec<_>>>()?;
    Some(Entry { dn, attributes })
}

fn attribute(tag: StructureTag) -> Option<(String, Vec<Vec<u8>>)> {
    let mut parts = constructed(tag)?.into_iter();
    let name = text(parts.next()?)?;
    let values = constructed(parts.next()?)?.into_iter().map(octets).collect::<Option<Vec<_>>>()?;
    Some((name, values))
}

fn constructed(tag: StructureTag) -> Option<Vec<StructureTag>> {
    match tag.payload {
        PL::C(parts) => Some(parts),
        PL::P(_) => None,
    }
}

fn octets(tag: StructureTag) -> Option<Vec<u8>> {
    match tag.payload {
        PL::P(octets) => Some(octets),
        PL::C(_) => None,
    }
}

fn text(tag: StructureTag) -> Option<String> {
    String::from_utf8(octets(tag)?).ok()
}

/// Enough to know that there is more than one.
const ENTRIES_MAX: i32 = 2;
