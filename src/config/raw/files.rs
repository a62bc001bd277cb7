//! Finding and decoding files.
//!
//! Duty: include patterns, size, encoding, joining continued lines. Driver: `tree`. Tests: below.

use std::io;
use std::path::{Path, PathBuf};

use super::Source;
use super::line::ends_in_comment;
use crate::wire::wildcard;

/// A line as Dovecot sees it: continued lines joined, without line end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LogicalLine {
    /// The number of the first physical line, from 1.
    pub(super) number: u32,
    pub(super) text: String,
}

/// The files a pattern stands for, in alphabetical order. Only the last part of the path may have wildcards.
pub(super) fn matching(source: &mut impl Source, pattern: &Path) -> io::Result<Vec<PathBuf>> {
    let name = pattern.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !name.contains(['*', '?']) {
        return Ok(vec![pattern.to_path_buf()]);
    }
    let folder = pattern.parent().unwrap_or_else(|| Path::new(""));
    let mut names = source.list(folder)?;
    // As the shell does: hidden files only when asked for.
    names.retain(|candidate| candidate.starts_with('.') == name.starts_with('.'));
    names.retain(|candidate| wildcard::is_match(name.as_bytes(), candidate.as_bytes()));
    names.sort();
    Ok(names.into_iter().map(|found| folder.join(found)).collect())
}

/// Splits a file into logical lines; a line that is not clean text is returned as an error with its number.
pub(super) fn lines(bytes: &[u8]) -> Vec<Result<LogicalLine, (u32, &'static str)>> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut found = Vec::new();
    let mut joined: Option<LogicalLine> = None;
    for (number, line) in (1u32..).zip(bytes.split(|byte| *byte == b'\n')) {
        let line = match clean(line) {
            Ok(line) => line,
            Err(fault) => {
                found.push(Err((number, fault)));
                continue;
            }
        };
        let mut current = joined.take().unwrap_or(LogicalLine { number, text: String::new() });
        // A comment ends with its line: a backslash at its end must not swallow the setting on the next one.
        let is_comment = ends_in_comment(&format!("{}{line}", current.text));
        match line.strip_suffix('\\') {
            Some(continued) if !is_comment => {
                current.text.push_str(continued.trim());
                current.text.push(' ');
                joined = Some(current);
            }
            _ => {
                let text = if current.text.is_empty() { line } else { line.trim_start() };
                current.text.push_str(text);
                found.push(Ok(current));
            }
        }
    }
    found.extend(joined.map(Ok));
    found
}

fn clean(line: &[u8]) -> Result<&str, &'static str> {
    if line.contains(&0) {
        return Err("found a NUL byte, expected text; is this the right file?");
    }
    let Ok(text) = str::from_utf8(line) else {
        return Err("found bytes that are not UTF-8, expected text in UTF-8");
    };
    Ok(text.strip_suffix('\r').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continued_lines_are_joined_and_keep_the_first_number() {
        let found = lines(b"\xEF\xBB\xBFa = b \\\r\n  c\r\n# no \\\nd = e");
        let texts: Vec<(u32, String)> = found
            .into_iter()
            .map(|line| line.unwrap())
            .map(|line| (line.number, line.text))
            .collect();
        assert_eq!(texts, [(1, "a = b c".into()), (3, "# no \\".into()), (4, "d = e".into())]);
    }

    #[test]
    fn a_comment_ends_with_its_line_whatever_stands_at_its_end() {
        for before in [
            "a = b # c \\",
            "a = b \\\n # c \\",
            "p { # c \\",
            "a = b \\\n c # d\\",
            "a = it's # c \\",
        ] {
            let found = lines(format!("{before}\nssl = required").as_bytes());
            let last = found.into_iter().map(|line| line.unwrap().text).next_back();
            assert_eq!(last.as_deref(), Some("ssl = required"), "{before}");
        }
        // Between quotes it is none, even when they close further down.
        for one in ["a = \"b # c \\\n d\"", "a = 'b # c' \\\n d", "a = b#c \\\n d"] {
            assert_eq!(lines(one.as_bytes()).len(), 1, "{one}");
        }
    }

    #[test]
    fn op_01_nul_and_invalid_utf8_name_their_line() {
        let found = lines(b"a = b\nx\0y\n\xFF\nc = d");
        assert!(matches!(found[1], Err((2, text)) if text.contains("NUL")));
        assert!(matches!(found[2], Err((3, text)) if text.contains("UTF-8")));
        assert!(found[3].is_ok());
    }
}
