//! Body of the fuzz target `import`, replayed on stable by `tests/pure/corpus.rs`.

use std::io;
use std::path::{Path, PathBuf};

use hale::config::{Source, load};
use hale::import::import;

/// Any text as HAProxy's file, and what stands behind a NUL as Dovecot's: no panic, and what is written is a configuration unless the operator is
/// told that something is left to decide.
pub(crate) fn run(text: &[u8]) {
    let mut parts = text.splitn(2, |byte| *byte == 0);
    let (balancer, dovecot) = (parts.next().unwrap_or_default(), parts.next());
    let mut files = Two { balancer, dovecot: dovecot.unwrap_or_default(), new: None };
    let mut paths = vec![PathBuf::from(BALANCER)];
    paths.extend(dovecot.map(|_| PathBuf::from(DOVECOT)));
    let Ok(imported) = import(&mut files, &paths) else { return };
    let is_incomplete = imported.is_incomplete();
    files.new = Some(imported.text);
    let loaded = load(&mut files, Path::new(NEW));
    assert!(loaded.config.is_some() || is_incomplete, "{:?}\n{:?}", loaded.errors, files.new);
}

const BALANCER: &str = "/etc/haproxy/haproxy.cfg";
const DOVECOT: &str = "/etc/dovecot/dovecot.conf";
const NEW: &str = "/etc/hale/hale.conf";

struct Two<'a> {
    balancer: &'a [u8],
    dovecot: &'a [u8],
    new: Option<String>,
}

impl Source for Two<'_> {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        match (path.to_str(), &self.new) {
            (Some(BALANCER), _) => Ok(self.balancer.to_vec()),
            (Some(DOVECOT), _) => Ok(self.dovecot.to_vec()),
            (Some(NEW), Some(text)) => Ok(text.clone().into_bytes()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn list(&mut self, folder: &Path) -> io::Result<Vec<String>> {
        // Some folders have files.
        let names = if folder.ends_with("certificates") { &["a.pem", "b.pem"][..] } else { &[] };
        Ok(names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn environment(&mut self, name: &str) -> Option<Vec<u8>> {
        name.len().is_multiple_of(2).then(|| name.as_bytes().to_vec())
    }
}
