//! The text part of an IMAP response: an optional code in brackets, then words for humans (RFC 9051 7.1).
//!
//! Decides: where the code ends, what it is called, which bytes of a peer's text may travel on. Does not: act on a code.
//! Driver: `backend` reading, `preauth` writing. Tests: below.

use memchr::{memchr, memchr2_iter};

/// A text taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RespText<'a> {
    /// Name of the code; empty when there is none.
    pub code: &'a [u8],
    /// What stands behind the name and SP, inside the brackets.
    pub argument: &'a [u8],
    /// What follows the brackets and SP.
    pub words: &'a [u8],
}

impl RespText<'_> {
    /// Whether the code has this name, in any case.
    #[must_use]
    pub const fn is(&self, name: &[u8]) -> bool {
        self.code.eq_ignore_ascii_case(name)
    }
}

/// ```text
/// resp-text     = ["[" resp-text-code "]" SP] [text]      ; RFC 9051 9
/// ```
///
/// Quirk: the code may be the whole text (`[UNAVAILABLE]` without words), and SP behind it may be missing.
#[must_use]
pub fn parse(text: &[u8]) -> RespText<'_> {
    let none = RespText { code: b"", argument: b"", words: text };
    let Some(inner) = text.strip_prefix(b"[") else {
        return none;
    };
    let Some(end) = code_end(inner) else {
        return none;
    };
    let Some((code, rest)) = inner.split_at_checked(end) else {
        return none;
    };
    let words = rest.strip_prefix(b"]").unwrap_or(rest);
    let words = words.strip_prefix(b" ").unwrap_or(words);
    let (code, argument) = split_word(code);
    RespText { code, argument, words }
}

/// The first word and what follows the SP behind it.
#[must_use]
pub fn split_word(text: &[u8]) -> (&[u8], &[u8]) {
    match memchr(b' ', text).and_then(|at| text.split_at_checked(at)) {
        Some((word, rest)) => (word, rest.strip_prefix(b" ").unwrap_or(rest)),
        None => (text, b""),
    }
}

/// The words of a capability list.
pub fn words(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b' ').filter(|word| !word.is_empty())
}

/// Whether a capability list holds this word, in any case.
#[must_use]
pub fn has_word(list: &[u8], wanted: &[u8]) -> bool {
    words(list).any(|word| word.eq_ignore_ascii_case(wanted))
}

/// Appends a peer's text with every byte that could end or break a line made harmless (IM-19).
pub fn write_sanitised(text: &[u8], out: &mut Vec<u8>) {
    out.extend(text.iter().map(
        |&byte| {
            if matches!(byte, b'\r' | b'\n' | 0) { b' ' } else { byte }
        },
    ));
}

/// The code ends at the first `]` that does not belong to an IPv6 literal in a referral's URL.
fn code_end(inner: &[u8]) -> Option<usize> {
    let mut in_address = false;
    // A list of capabilities is long, and has no bracket but the last.
    for at in memchr2_iter(b'[', b']', inner) {
        let before = at.checked_sub(1).and_then(|before| inner.get(before));
        match inner.get(at) {
            Some(b'[') if matches!(before, Some(b'@' | b'/')) => in_address = true,
            Some(b']') if in_address => in_address = false,
            Some(b']') => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, String, String) {
        let found = parse(text.as_bytes());
        let own = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (own(found.code), own(found.argument), own(found.words))
    }

    #[test]
    fn codes_and_words() {
        let expect = |code: &str, argument: &str, words: &str| {
            (code.to_owned(), argument.to_owned(), words.to_owned())
        };
        assert_eq!(parts("[ALERT] hi"), expect("ALERT", "", "hi"));
        assert_eq!(parts("[CAPABILITY A B] Logged in"), expect("CAPABILITY", "A B", "Logged in"));
        assert_eq!(parts("no code"), expect("", "", "no code"));
        assert_eq!(parts("[broken"), expect("", "", "[broken"));
        assert_eq!(parts("[LIMIT]"), expect("LIMIT", "", ""));
        assert_eq!(
            parts("[REFERRAL imap://u@[::1]:143/] x"),
            expect("REFERRAL", "imap://u@[::1]:143/", "x")
        );
        assert_eq!(parts("[REFERRAL imap://u@[::1]] x"), expect("REFERRAL", "imap://u@[::1]", "x"));
        assert_eq!(parts(""), expect("", "", ""));
    }

    #[test]
    fn im_19_no_line_end_gets_through() {
        let mut out = Vec::new();
        write_sanitised("a\r\nb\0\u{e9}".as_bytes(), &mut out);
        assert_eq!(out, "a  b \u{e9}".as_bytes());
    }

    #[test]
    fn words_are_found_in_any_case() {
        assert!(has_word(b"IMAP4rev1  sasl-ir", b"SASL-IR"));
        assert!(!has_word(b"IMAP4rev1 SASL-IRX", b"SASL-IR"));
    }
}
