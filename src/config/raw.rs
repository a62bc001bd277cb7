//! Dovecot's syntax: text to entries, each with file and line.
//!
//! Duty: files, includes, lines, quotes, comments, blocks, values taken from files. Not its duty: what a name means.
//! Driver: [`super::load`]. Tests: below, in the parts, and a property over arbitrary bytes.

mod args;
mod files;
mod line;
mod tree;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::diagnostic::{Findings, Place};
use super::environment::Environment;

/// Where files come from. The shell reads the file system, tests read a map.
pub trait Source {
    /// The bytes of a file. May stop reading at [`FILE_BYTES_MAX`] + 1: such a file is refused anyway.
    ///
    /// # Errors
    /// Whatever the file system says.
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>>;

    /// The names (without folder) of the entries of a folder, for include patterns; in any order.
    ///
    /// # Errors
    /// Whatever the file system says.
    fn list(&mut self, folder: &Path) -> io::Result<Vec<String>>;

    /// The value of an environment variable; none: it is not set.
    fn environment(&mut self, name: &str) -> Option<Vec<u8>>;
}

/// A file larger than this is not a configuration: the wrong one was named (OP-01).
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// All files of one configuration together.
pub const ALL_BYTES_MAX: usize = 1 << 23;
/// Includes inside includes. Loops are found by name before; this catches loops through symbolic links.
pub const INCLUDE_DEPTH_MAX: usize = 16;
/// Blocks inside blocks; Dovecot needs three.
pub const BLOCK_DEPTH_MAX: usize = 16;

/// What a block is called that holds the lines of a file that a passdb names in `args`; none can be written so. Its label is the
/// passdb's driver.
pub(crate) const ARGS_FILE: &str = "args file";

/// One setting or block as written.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where its first line stands.
    pub place: Place,
    /// The word in front of `=` or `{`; groups keep their `@`.
    pub name: String,
    /// What follows.
    pub item: Item,
}

/// What a name is given.
#[derive(Clone, Debug)]
pub enum Item {
    /// `name = value`
    Value(Value),
    /// `name label { … }`
    Block {
        /// The words between name and brace, joined with one space.
        label: Option<String>,
        /// What stands between the braces.
        entries: Vec<Entry>,
    },
}

/// The right-hand side of a setting. Never printed: it may be a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Value {
    /// The text, unquoted; for `<file` the file's content.
    pub text: String,
    /// The file the text was taken from.
    pub file: Option<PathBuf>,
    /// Whether it stood between quotes, where `$name` is nothing but itself.
    pub is_quoted: bool,
    /// Why that file could not be read. It is of no interest when the value is not wanted.
    pub fault: Option<String>,
    /// There is a remark in its place: it was a secret when this was printed.
    pub hidden: bool,
}

impl Value {
    /// A text without quotes.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Reads `path` and what it includes. Mistakes go to `findings`; what could be understood is returned, with the environment
/// variables that it mentions.
pub(crate) fn read(
    source: &mut impl Source,
    path: &Path,
    findings: &mut Findings,
) -> (Vec<Entry>, Environment) {
    tree::Reader::new(source, findings).read(path)
}
