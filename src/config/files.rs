//! Files and folders that the configuration names: what a sandbox has to leave within reach.
//!
//! Duty: finding them, wherever they stand and whatever their setting is called. Not its duty: whether they are there. Driven by
//! `load`; read by `boot::sandbox`. Tests: below.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::raw::{Entry, Item};
use super::registry::{self, Kind, Scope};
use super::sort::{Section, Settings};

/// Every file and folder that a setting names, and the files of the configuration itself; sorted, each once.
pub(super) fn named(settings: &Settings, entries: &[Entry]) -> Vec<PathBuf> {
    let mut found = BTreeSet::new();
    of_entries(entries, &mut found);
    of_section(&settings.root, &mut found);
    let unwritten = registry::settings().filter(|setting| {
        setting.scope == Scope::Global && settings.root.found(setting.name).is_none()
    });
    let defaults = unwritten.filter_map(|it| path(it.kind, it.name, it.default));
    found.extend(defaults.map(PathBuf::from));
    found.into_iter().collect()
}

fn of_entries(entries: &[Entry], found: &mut BTreeSet<PathBuf>) {
    for entry in entries {
        found.insert(entry.place.file().to_owned());
        if let Item::Block { entries, .. } = &entry.item {
            of_entries(entries, found);
        }
    }
}

fn of_section(section: &Section, found: &mut BTreeSet<PathBuf>) {
    found.extend(section.files.iter().cloned());
    found.extend(section.fields.iter().filter_map(|field| field.file.clone()));
    for (name, value) in &section.values {
        found.extend(value.file.clone());
        let kind = registry::exact(section.scope, name).map(|setting| setting.kind);
        if let Some(path) = kind.and_then(|kind| path(kind, name, &value.text)) {
            found.insert(value.place.resolve(path));
        }
    }
    for child in &section.children {
        of_section(child, found);
    }
}

/// The path within a value; of a text with variables, the folder that is the same for all logins.
fn path<'a>(kind: Kind, name: &str, text: &'a str) -> Option<&'a str> {
    let path = match (kind, name) {
        (Kind::Path, _) => Some(text),
        (Kind::GeoDb | Kind::LocalDb, _) => text.strip_prefix("sqlite:"),
        (_, "passwd_file_path") => Some(match text.find('%') {
            Some(variable) => text.get(..variable)?.rsplit_once('/')?.0,
            None => text,
        }),
        // `args = scheme=CRYPT /etc/dovecot/users`, as 2.3 has it.
        (_, "args") => {
            let path = text.split_ascii_whitespace().rfind(|word| word.starts_with('/'))?;
            Some(
                path.find('%')
                    .map_or(Some(path), |at| path.get(..at)?.rsplit_once('/').map(|it| it.0))?,
            )
        }
        (_, "oauth2_key_set") => Some(text).filter(|text| !text.contains("://")),
        (_, "oauth2_local_validation_key_dict") => text.strip_prefix("fs:posix:prefix="),
        _ => None,
    };
    // Standard output and the like are open already.
    path.filter(|path| !path.is_empty() && !path.starts_with("/dev/std"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::tests::loaded;

    #[test]
    fn every_file_that_a_setting_names_is_found() {
        let config = loaded(
            "cluster_geodb = sqlite:db/geodb\nssl_client_ca_file = /a/ca.pem\nlog_path = /var/log/hale/hale.log\n\
             passdb one {\n  driver = passwd-file\n  passwd_file_path = /p/%{protocol}/users\n}\n\
             passdb two {\n  driver = passwd-file\n  passwd_file_path = users\n}\n\
             passdb {\n  driver = passwd-file\n  args = scheme=PLAIN /old/users\n}\n",
        );
        let files: Vec<&Path> = config.files.iter().map(AsRef::as_ref).collect();
        for expected in [
            "/e/t.conf",
            "/e/db/geodb",
            "/a/ca.pem",
            "/var/log/hale/hale.log",
            "/p",
            "/e/users",
            "/old/users",
        ] {
            assert!(files.contains(&Path::new(expected)), "{expected} is missing in {files:?}");
        }
    }
}
