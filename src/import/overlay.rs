//! A text in place of a file, and all other files as they are. Tests: `tests/pure/import.rs`.

use std::io;
use std::path::Path;

use crate::config::Source;

/// What is read at `path` is the text.
pub(super) struct Overlay<'a, S> {
    pub(super) source: &'a mut S,
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl<S: Source> Source for Overlay<'_, S> {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        if path == self.path { Ok(self.text.into()) } else { self.source.read(path) }
    }

    fn list(&mut self, folder: &Path) -> io::Result<Vec<String>> {
        self.source.list(folder)
    }

    fn environment(&mut self, name: &str) -> Option<Vec<u8>> {
        self.source.environment(name)
    }
}
