//! Where a line ends, found once however the bytes arrive.
//!
//! Decides: CRLF and bare LF end a line; a line without an end inside the limit is too long. Does not: judge the
//! content beyond [`is_flawed`]. Driver: `frame`, the dialogues. Tests: below.
//!
//! The scanner remembers how far it looked, so that a peer sending single bytes costs one look per byte and not one
//! look per byte and byte before it.

use memchr::{memchr, memchr2};

/// A resumable search for the end of the line that starts at the first byte it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Bytes that hold no LF for certain.
    scanned: usize,
}

/// What [`Lines::next`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// No end yet.
    More,
    /// A line of `text` bytes, `whole` bytes with its end.
    Line {
        /// Bytes before CRLF or LF.
        text: usize,
        /// Bytes with CRLF or LF.
        whole: usize,
    },
    /// More text than the limit, whether or not an end follows.
    TooLong,
}

impl Lines {
    /// Looks for the end of the line in `bytes`, which begin where they began at the last call and may have grown.
    /// After a line or `TooLong` the next call starts afresh.
    pub fn next(&mut self, bytes: &[u8], text_bytes_max: usize) -> Scan {
        let unseen = bytes.get(self.scanned..).unwrap_or_default();
        let Some(found) = memchr(b'\n', unseen) else {
            self.scanned = bytes.len();
            // A CR at the very end may belong to the line's end.
            let text = bytes.strip_suffix(b"\r").unwrap_or(bytes).len();
            if text <= text_bytes_max {
                return Scan::More;
            }
            *self = Self::default();
            return Scan::TooLong;
        };
        let end = self.scanned.saturating_add(found);
        *self = Self::default();
        let before = bytes.get(..end).unwrap_or_default();
        let text = before.strip_suffix(b"\r").unwrap_or(before).len();
        if text > text_bytes_max {
            return Scan::TooLong;
        }
        Scan::Line { text, whole: end.saturating_add(1) }
    }
}

/// Whether a line's text holds what no protocol here allows inside a line: a bare CR or NUL.
#[must_use]
pub fn is_flawed(text: &[u8]) -> bool {
    memchr2(b'\r', 0, text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_crlf_and_bare_lf_at_any_fragmentation() {
        for (whole, text) in [("abc\r\n", 3), ("abc\n", 3), ("\r\n", 0), ("\n", 0), ("a\rb\r\n", 3)]
        {
            let mut lines = Lines::default();
            for upto in 0..whole.len() {
                assert_eq!(lines.next(&whole.as_bytes()[..upto], 10), Scan::More);
            }
            let expected = Scan::Line { text, whole: whole.len() };
            assert_eq!(lines.next(whole.as_bytes(), 10), expected);
            assert_eq!(lines.next(whole.as_bytes(), 10), expected, "starts afresh");
        }
    }

    #[test]
    fn im_02_the_limit_holds_with_and_without_an_end() {
        assert_eq!(Lines::default().next(b"12345\r\n", 5), Scan::Line { text: 5, whole: 7 });
        assert_eq!(Lines::default().next(b"12345\r", 5), Scan::More);
        assert_eq!(Lines::default().next(b"123456", 5), Scan::TooLong);
        assert_eq!(Lines::default().next(b"123456\r\n", 5), Scan::TooLong);
    }

    #[test]
    fn flaws_are_bare_cr_and_nul() {
        assert!(is_flawed(b"a\rb") && is_flawed(b"a\0b") && is_flawed(b"\r"));
        assert!(!is_flawed("tab\tand \u{e9}".as_bytes()));
    }
}
