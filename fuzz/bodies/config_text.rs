//! Body of the fuzz target `config_text`, replayed on stable by `tests/pure/corpus.rs`.

use std::io;
use std::path::Path;

use hale::config::{Secrets, Show, Source, load, render};

/// Any text, with itself as the only other file: no panic, a configuration exactly when there are no errors, and what is
/// written out is read back as the same settings.
pub(crate) fn run(text: &[u8]) {
    let loaded = load(&mut Only(text), Path::new("/etc/hale/hale.conf"));
    assert_eq!(loaded.config.is_some(), loaded.errors.is_empty());
    let all = render(&loaded.settings, Show::All, Secrets::Hidden);
    assert!(!all.contains('\0'));
    let written = render(&loaded.settings, Show::Changed, Secrets::Shown);
    if loaded.errors.is_empty() {
        let again = load(&mut Only(written.as_bytes()), Path::new("/etc/hale/hale.conf"));
        assert!(again.errors.is_empty(), "{written}\n{:?}", again.errors);
        let twice = render(&again.settings, Show::Changed, Secrets::Shown);
        assert_eq!(twice, written);
    }
}

struct Only<'a>(&'a [u8]);

impl Source for Only<'_> {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        match path.to_str() {
            Some("/etc/hale/hale.conf" | "/etc/hale/other.conf") => Ok(self.0.to_vec()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn list(&mut self, _folder: &Path) -> io::Result<Vec<String>> {
        Ok(vec!["other.conf".to_owned()])
    }

    fn environment(&mut self, name: &str) -> Option<Vec<u8>> {
        // Some are set, some not.
        name.len().is_multiple_of(2).then(|| name.as_bytes().to_vec())
    }
}
