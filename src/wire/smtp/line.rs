//! Where a command line of a client ends: at CRLF and nowhere else.
//!
//! Decides: a bare LF is an illegal byte and ends nothing, because what one program takes for two lines and another for
//! one is how mail is smuggled (W-SUB-7, SU-08, postfix.org/smtp-smuggling.html). The line that holds it, or is too
//! long, is refused at once and read past up to its CRLF (W-SUB-5). Does not: reply. Driver: the dialogues with
//! clients. Tests: below.

use memchr::{memchr, memmem};

use super::super::inbox::Inbox;
use super::super::line::is_flawed;

/// A resumable search for the end of the line that starts at the first waiting byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Bytes that hold no LF for certain.
    scanned: usize,
    /// The rest of a refused line is being read past.
    discarding: bool,
}

/// What [`Lines::next`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// No end yet.
    More,
    /// A line of `text` bytes, `whole` bytes with its CRLF. The caller consumes it.
    Line {
        /// Bytes before CRLF.
        text: usize,
        /// Bytes with CRLF.
        whole: usize,
        /// It holds a bare CR or NUL.
        flawed: bool,
    },
    /// More text than the limit. Reply now; the rest of the line is no command.
    TooLong,
    /// A bare LF. Reply now; the rest of the line is no command.
    BareLf,
}

impl Lines {
    /// Looks for the end of the next line, of which `text_bytes_max` tells how long one that begins so may be.
    pub fn next(&mut self, inbox: &mut Inbox, text_bytes_max: impl Fn(&[u8]) -> usize) -> Found {
        if !self.read_past(inbox) {
            return Found::More;
        }
        let bytes = inbox.bytes();
        let limit = text_bytes_max(bytes);
        let unseen = bytes.get(self.scanned..).unwrap_or_default();
        let end = memchr(b'\n', unseen).map(|found| self.scanned.saturating_add(found));
        let before = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        // A CR at the very end may belong to the line's end.
        let text = before.strip_suffix(b"\r").unwrap_or(before);
        if text.len() > limit {
            return self.refuse(Found::TooLong);
        }
        let Some(end) = end else {
            self.scanned = bytes.len();
            return Found::More;
        };
        if text.len() == before.len() {
            return self.refuse(Found::BareLf);
        }
        *self = Self::default();
        let whole = end.saturating_add(1);
        Found::Line { text: text.len(), whole, flawed: is_flawed(text) }
    }

    /// Consumes what is left of a refused line; whether a line begins behind it, or there was none. Code that looks at
    /// the first byte of a line on its own calls it before.
    pub fn read_past(&mut self, inbox: &mut Inbox) -> bool {
        !self.discarding || self.discard(inbox)
    }

    /// Whether no part of a line has been seen.
    #[must_use]
    pub const fn is_at_start(&self) -> bool {
        self.scanned == 0 && !self.discarding
    }

    fn refuse(&mut self, found: Found) -> Found {
        *self = Self { scanned: 0, discarding: true };
        found
    }

    /// Reads past everything up to the next CRLF; whether it was there.
    fn discard(&mut self, inbox: &mut Inbox) -> bool {
        let bytes = inbox.bytes();
        if let Some(end) = memmem::find(bytes, b"\r\n") {
            inbox.consume(end.saturating_add(2));
            *self = Self::default();
            return true;
        }
        // A CR at the very end may be half of it.
        inbox.consume(bytes.strip_suffix(b"\r").unwrap_or(bytes).len());
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything found in `bytes`, fed in pieces of `size`.
    fn all(bytes: &[u8], size: usize) -> Vec<String> {
        let (mut inbox, mut lines, mut found) = (Inbox::new(64), Lines::default(), Vec::new());
        for piece in bytes.chunks(size) {
            assert_eq!(inbox.append(piece), piece.len());
            loop {
                let limit = |line: &[u8]| if line.starts_with(b"AUTH ") { 12 } else { 6 };
                match lines.next(&mut inbox, limit) {
                    Found::More => break,
                    Found::Line { text, whole, flawed } => {
                        let text = inbox.bytes()[..text].escape_ascii().to_string();
                        found.push(if flawed { format!("flawed {text}") } else { text });
                        inbox.consume(whole);
                    }
                    refused => found.push(format!("{refused:?}")),
                }
            }
        }
        if !lines.is_at_start() {
            found.push("…".to_owned());
        }
        found
    }

    fn alike(bytes: &str) -> Vec<String> {
        let whole = all(bytes.as_bytes(), 64);
        for size in 1..9 {
            assert_eq!(all(bytes.as_bytes(), size), whole, "{bytes:?} in pieces of {size}");
        }
        whole
    }

    #[test]
    fn su_08_only_crlf_ends_a_line() {
        assert_eq!(alike("NOOP\r\nRSET\r\n\r\n"), ["NOOP", "RSET", ""]);
        assert_eq!(alike("NOOP\nQUIT\nX\r\nRSET\r\n"), ["BareLf", "RSET"]);
        assert_eq!(alike("\nQUIT\r\n"), ["BareLf"]);
        assert_eq!(
            alike("A\r\r\nB\0\r\nC\rD\r\n"),
            ["flawed A\\r", "flawed B\\x00", "flawed C\\rD"]
        );
        assert_eq!(alike("NO"), ["…"]);
        assert_eq!(alike("NO\n"), ["BareLf", "…"]);
    }

    #[test]
    fn w_sub_5_long_lines_are_read_past() {
        assert_eq!(alike("123456\r\n1234567\r\nNOOP\r\n"), ["123456", "TooLong", "NOOP"]);
        assert_eq!(alike("AUTH 1234567\r\nAUTH 12345678\r\n"), ["AUTH 1234567", "TooLong"]);
        assert_eq!(alike("1234567\n1234567\rx\r\nNOOP\r\n"), ["TooLong", "NOOP"]);
        assert_eq!(alike("123456\nx\r\nNOOP\r\n"), ["BareLf", "NOOP"]);
        assert_eq!(alike("123456\rx\r\n"), ["TooLong"]);
    }
}
