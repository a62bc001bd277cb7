//! The tree as text: which files there are, and code without its comments and strings.

use std::fs;
use std::path::{Path, PathBuf};

use super::Finding;

/// A Rust file.
pub(crate) struct SourceFile {
    /// Relative to the repository, with slashes.
    pub(crate) path: String,
    /// As it stands in the file.
    pub(crate) text: String,
    /// The same with comments, strings and characters blanked out; every line keeps its place.
    pub(crate) code: String,
}

impl SourceFile {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), code: blanked(text) }
    }

    /// The line of a byte, counted from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.code.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    pub(crate) fn finding(&self, at: usize, rule: impl Into<String>) -> Finding {
        Finding { file: self.path.clone(), line: self.line(at), rule: rule.into() }
    }

    /// The identifiers and keywords of the code, with their places.
    pub(crate) fn words(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut rest = 0;
        std::iter::from_fn(move || {
            let bytes = self.code.as_bytes();
            let start = (rest..bytes.len()).find(|&at| is_word(bytes[at]))?;
            let end = (start..bytes.len()).find(|&at| !is_word(bytes[at])).unwrap_or(bytes.len());
            rest = end;
            Some((start, &self.code[start..end]))
        })
    }

    /// What stands in the string literals up to `end`, as it is written, with the places.
    pub(crate) fn strings(&self, end: usize) -> Vec<(usize, &str)> {
        let bytes = &self.text.as_bytes()[..end];
        let (mut at, mut found) = (0, Vec::new());
        while at < bytes.len() {
            let before = at.checked_sub(1).map(|before| bytes[before]);
            let length = literal_or_comment(&bytes[at..], before);
            if bytes[at] == b'"' && length > 1 {
                found.push((at, &self.text[at + 1..at + length - 1]));
            }
            at += length.max(1);
        }
        found
    }

    /// The code behind a place, without leading white space.
    pub(crate) fn behind(&self, at: usize) -> &str {
        self.code[at..].trim_start()
    }

    /// Where the unit tests begin: they may use what the code may not.
    pub(crate) fn tests_from(&self) -> usize {
        if self.path.ends_with("/tests.rs") || self.path.contains("/tests/") {
            return 0;
        }
        // `mod tests;` has them in a file of its own, and code behind it.
        let is_here = |at: &usize| {
            let next = self.code[*at..].find(['{', ';']);
            next.is_some_and(|next| self.code[*at + next..].starts_with('{'))
        };
        let mut marks = self.code.match_indices("#[cfg(test)]").map(|(at, _)| at);
        marks.find(is_here).unwrap_or(self.code.len())
    }
}

pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below these folders.
pub(crate) fn rust_files(folders: &[&str]) -> Vec<SourceFile> {
    let mut paths = Vec::new();
    for folder in folders {
        walk(&root().join(folder), &mut paths);
    }
    let rust = paths.iter().filter(|path| path.extension().is_some_and(|name| name == "rs"));
    rust.map(|path| SourceFile::new(&relative(path), &fs::read_to_string(path).unwrap())).collect()
}

/// Every file of the repository that is text, with its path.
pub(crate) fn text_files() -> Vec<(String, String)> {
    let mut paths = Vec::new();
    walk(root(), &mut paths);
    let texts =
        paths.iter().filter_map(|path| Some((relative(path), fs::read_to_string(path).ok()?)));
    texts.collect()
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/")
}

/// What git ignores is not ours: build output and fuzzer findings. In a work tree `.git` is a file.
fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let foreign = ["target", ".git", "artifacts", "coverage", "__pycache__"].contains(&name);
        if path.is_dir() && !foreign {
            walk(&path, paths);
        } else if path.is_file() && !foreign {
            paths.push(path);
        }
    }
    paths.sort();
}

/// Replaces what is not code by spaces.
fn blanked(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let length =
            literal_or_comment(&bytes[at..], at.checked_sub(1).map(|before| bytes[before]));
        for byte in &mut code[at..at + length] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at += length.max(1);
    }
    String::from_utf8(code).unwrap()
}

/// How many bytes at the start of `rest` are a comment, a string or a character; 0: none, this is code.
fn literal_or_comment(rest: &[u8], before: Option<u8>) -> usize {
    if rest.starts_with(b"//") {
        return rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }
    if rest.starts_with(b"/*") {
        return block_comment(rest);
    }
    let prefixed = before.is_some_and(|byte| is_word(byte) && byte != b'b' && byte != b'c');
    match rest {
        [b'"', ..] => string(rest),
        [b'r', b'"' | b'#', ..] if !prefixed => raw_string(rest),
        // A character, not a lifetime: escaped, or closed one character further on.
        [b'\'', b'\\', ..] => 2 + end_of(&rest[2..], b"'", 1),
        [b'\'', first, ..] => {
            let width = match first {
                0..=0x7F => 1,
                0x80..=0xDF => 2,
                0xE0..=0xEF => 3,
                _ => 4,
            };
            if rest.get(1 + width) == Some(&b'\'') { width + 2 } else { 0 }
        }
        _ => 0,
    }
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn raw_string(rest: &[u8]) -> usize {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return 0; // A raw identifier.
    }
    let end = [&b"\""[..], &b"#".repeat(hashes)].concat();
    2 + hashes + end_of(&rest[2 + hashes..], &end, 0)
}

/// Bytes up to and including `end`, of which the first `skipped` can't be its start.
fn end_of(rest: &[u8], end: &[u8], skipped: usize) -> usize {
    let found = (skipped..rest.len()).find(|&at| rest[at..].starts_with(end));
    found.map_or(rest.len(), |at| at + end.len())
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

#[test]
fn tests_begin_where_they_stand_and_not_where_another_file_is_named() {
    let text = "#[cfg(test)]\nmod tests;\nfn f() {}\n#[cfg(test)]\nmod more {\n}\n";
    let file = SourceFile::new("src/x/mod.rs", text);
    assert_eq!(file.tests_from(), text.rfind("#[cfg(test)]").unwrap());
    assert_eq!(SourceFile::new("src/x.rs", "#[cfg(test)]\nmod tests;\n").tests_from(), 24);
    assert_eq!(SourceFile::new("src/x/tests.rs", text).tests_from(), 0);
}

#[test]
fn comments_and_literals_are_blanked() {
    let text = concat!(
        "a /* b /* c */ d */ e // f\n",
        "g(\"h \\\" i\", r#\"j \" k\"#, b\"l\", 'm', '\\'', '\\u{6E}', 'ä') o::<'p>()\n",
        "br\"q\" r#fn s // \"t\n",
        "u",
    );
    let code = blanked(text);
    assert_eq!(code.len(), text.len());
    let file = SourceFile::new("x.rs", text);
    let words: Vec<&str> = file.words().map(|(_, word)| word).collect();
    assert_eq!(words, ["a", "e", "g", "b", "o", "p", "b", "r", "fn", "s", "u"]);
    assert_eq!(file.line(code.find('s').unwrap()), 3);
    let strings: Vec<&str> = file.strings(text.len()).into_iter().map(|(_, text)| text).collect();
    assert_eq!(strings, ["h \\\" i", "l"]);
}
