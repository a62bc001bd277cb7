//! Password databases that are asked elsewhere. Each driver has a file beside this one.
//!
//! Duty: what all of them have. Driver: `passdbs`. Tests: in the drivers' files.

use std::path::PathBuf;

use super::super::positive;
use crate::config::diagnostic::Findings;
use crate::config::model::{Authorities, Field, RemotePassdb, Service};
use crate::config::sort::Section;

mod http_auth;
mod imapc;
mod ldap;
mod oauth2;
mod sql;

/// The drivers of this kind.
pub(super) const DRIVERS: [&str; 5] = ["sql", "ldap", "imap", "oauth2", "http"];

/// The passdb of `section`, of one of [`DRIVERS`]; `root`: the settings outside of all blocks; `fields`: those that are made of
/// its answer. `None`: it cannot be asked, which was told.
pub(super) fn remote(
    driver: &str,
    section: &Section,
    root: &Section,
    fields: Vec<Field>,
    findings: &mut Findings,
) -> Option<RemotePassdb> {
    let service = match driver {
        "sql" => sql::sql(&Around { section, root }, findings).map(Service::Sql),
        "oauth2" => oauth2::oauth2(&Around { section, root }, findings)
            .map(|it| Service::OAuth2(Box::new(it))),
        "http" => http_auth::http(&Around { section, root }, findings).map(Service::Http),
        "ldap" => ldap::ldap(&Around { section, root }, fields, findings)
            .map(|ldap| Service::Ldap(Box::new(ldap))),
        "imap" => imapc::imapc(&Around { section, root }, findings).map(Service::Imapc),
        _ => None,
    };
    Some(RemotePassdb {
        service: service?,
        connections_max: section.small("connections_max"),
        answer_timeout: positive(section, "answer_timeout", findings),
        use_cache: section.flag("use_cache"),
        files: section.files.clone(),
    })
}

/// What stands outside of all blocks and may not be read by any passdb makes sense all the same.
pub(super) fn look_at_root(root: &Section, findings: &mut Findings) {
    oauth2::look_at_pairs(root, findings);
}

/// A passdb's block, and what is around it: some settings may stand in either.
struct Around<'a> {
    section: &'a Section,
    root: &'a Section,
}

impl<'a> Around<'a> {
    /// Where the setting of this name counts.
    fn at(&self, name: &str) -> &'a Section {
        if self.section.found(name).is_some() { self.section } else { self.root }
    }
}

/// The file of authorities for a service: its own, or that for backends.
fn authorities(section: &Section, root: &Section, name: &'static str) -> Authorities {
    let written = |section: &Section, name| -> Option<PathBuf> {
        section.path(name).filter(|path| !path.as_os_str().is_empty())
    };
    let ca_file = written(section, name).or_else(|| written(root, "ssl_client_ca_file"));
    Authorities { ca_file }
}
