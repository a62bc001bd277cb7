//! Password databases that are asked elsewhere. Each driver has a file beside this one.
//!
//! Duty: what all of them have. Driver: `passdbs`. Tests: in the drivers' files.

use super::super::positive;
use crate::config::diagnostic::Findings;
use crate::config::model::{Field, RemotePassdb, Service};
use crate::config::sort::Section;

mod imapc;
mod ldap;
mod sql;

/// The drivers of this kind.
pub(super) const DRIVERS: [&str; 3] = ["sql", "ldap", "imap"];

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
