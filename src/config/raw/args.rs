//! The files that passdbs of Dovecot 2.3 name in `args`, for drivers that have their settings there.
//!
//! Duty: which passdb names such a file, and where. Not its duty: what the lines mean (`registry::args_file`), reading (`tree`).
//! Driver: `tree`, behind all other files. Tests: below.

use std::path::{Path, PathBuf};

use super::{Entry, Item, Value};
use crate::config::diagnostic::Place;
use crate::config::registry;

/// Puts what `read` has of each such file into the passdb that names it.
pub(super) fn attach(
    entries: &mut [Entry],
    read: &mut impl FnMut(&Path, &Place, &str) -> Option<Entry>,
) {
    for entry in entries {
        let is_passdb = entry.name == "passdb";
        let Item::Block { label, entries } = &mut entry.item else { continue };
        if !is_passdb {
            attach(entries, read);
            continue;
        }
        let block = label.as_deref().unwrap_or_default();
        let named = value(entries, &["driver", "passdb_driver"]);
        let driver = named.map_or(block, |(_, value)| value.text.as_str()).to_owned();
        if registry::args_file(&driver, "").is_none() {
            continue;
        }
        if let Some((place, path)) = path(entries) {
            entries.extend(read(&path, &place, &driver));
        }
    }
}

fn path(entries: &[Entry]) -> Option<(Place, PathBuf)> {
    let (place, args) = value(entries, &["args", "passdb_args"])?;
    let path = args.text.trim();
    (!path.is_empty()).then(|| (place.clone(), place.resolve(path)))
}

/// The last one counts.
fn value<'a>(entries: &'a [Entry], names: &[&str]) -> Option<(&'a Place, &'a Value)> {
    entries.iter().rev().find_map(|entry| match &entry.item {
        Item::Value(value) if names.contains(&entry.name.as_str()) => Some((&entry.place, value)),
        Item::Value(_) | Item::Block { .. } => None,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::load;
    use crate::config::tests::Files;

    fn errors(files: &[(&str, &str)]) -> Vec<String> {
        let loaded = load(&mut Files::new(files), Path::new("/e/hale.conf"));
        loaded.errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn mistakes_in_such_a_file_are_told_by_its_own_name_and_line() {
        let block = "passdb {\n driver = sql\n args = sql.ext\n}\n";
        let missing = errors(&[("/e/hale.conf", block)]);
        let is_told = |it: &String| it.starts_with("/e/hale.conf:3: cannot read /e/sql.ext");
        assert!(missing.iter().any(is_told), "{missing:?}");
        let text = "driver = sqlite\nconnect = /e/users.db\npasword_query = SELECT 1\nblock {\n}\n";
        let wrong = errors(&[("/e/hale.conf", block), ("/e/sql.ext", text)]);
        let starts = ["/e/sql.ext:3: setting pasword_query", "/e/sql.ext:4: setting block"];
        for start in starts {
            assert!(wrong.iter().any(|error| error.starts_with(start)), "{start}: {wrong:?}");
        }
        let hint = "did you mean `password_query`?";
        assert!(wrong.iter().any(|error| error.ends_with(hint)), "{wrong:?}");
    }

    #[test]
    fn a_passdb_without_such_a_driver_reads_none() {
        let block = "passdb {\n driver = passwd-file\n args = /e/users\n}\n";
        assert_eq!(errors(&[("/e/hale.conf", block), ("/e/users", "not = read {\n")]), [""; 0]);
    }
}
