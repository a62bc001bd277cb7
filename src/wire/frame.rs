//! Where a command ends when literals may join several lines to one (IMAP, ManageSieve).
//!
//! Decides: the extent of a command, before any grammar looks at it, so that a literal's bytes are never read as a
//! command (K-CORE-7). Does not: know whether a literal is welcome; it stops at each announcement and the dialogue
//! says [`Framer::expect`] or starts over. Driver: `preauth`. Tests: below.

use super::line::{Lines, Scan, is_flawed};
use super::literal::{Announcement, announced};

/// The resumable search for the end of the command that starts at the first byte it is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Framer {
    lines: Lines,
    /// Where the current line starts; past the bytes at hand while a literal is incomplete.
    line_start: usize,
    /// Bytes of all lines so far, without literals.
    line_bytes: usize,
    /// Bytes of all literals so far.
    literal_bytes: usize,
    flawed: bool,
}

/// What [`Framer::next`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Nothing complete yet.
    More,
    /// A line ends by announcing a literal. Call [`Framer::expect`] to take it as part of the command.
    Literal {
        /// What is announced.
        announcement: Announcement,
        /// Bytes of the command up to and with this line's end.
        head: usize,
    },
    /// The command is complete.
    Command {
        /// Bytes without the last line's end.
        text: usize,
        /// Bytes with it.
        whole: usize,
        /// One of its lines holds a bare CR or a NUL.
        flawed: bool,
    },
    /// The lines together exceed the limit.
    TooLong,
}

impl Framer {
    /// Looks for the end of the command in `bytes`, which begin where they began at the last call.
    pub fn next(&mut self, bytes: &[u8], line_bytes_max: usize) -> Frame {
        // Inside an incomplete literal the line's start lies beyond the bytes.
        let Some(tail) = bytes.get(self.line_start..) else {
            return Frame::More;
        };
        let left = line_bytes_max.saturating_sub(self.line_bytes);
        let (text, whole) = match self.lines.next(tail, left) {
            Scan::More => return Frame::More,
            Scan::TooLong => return Frame::TooLong,
            Scan::Line { text, whole } => (text, whole),
        };
        let line = tail.get(..text).unwrap_or_default();
        self.flawed |= is_flawed(line);
        self.line_bytes = self.line_bytes.saturating_add(whole);
        let start = self.line_start;
        self.line_start = start.saturating_add(whole);
        match announced(line) {
            Some(announcement) => Frame::Literal { announcement, head: self.line_start },
            None => Frame::Command {
                text: start.saturating_add(text),
                whole: self.line_start,
                flawed: self.flawed,
            },
        }
    }

    /// Takes the literal just announced as part of the command.
    pub fn expect(&mut self, literal_bytes: usize) {
        self.line_start = self.line_start.saturating_add(literal_bytes);
        self.literal_bytes = self.literal_bytes.saturating_add(literal_bytes);
    }

    /// Bytes of the command's literals so far.
    #[must_use]
    pub const fn literal_bytes(&self) -> usize {
        self.literal_bytes
    }

    /// Whether it has not yet seen a whole line of the command.
    #[must_use]
    pub const fn is_at_start(&self) -> bool {
        self.line_start == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_lines_by_literals_byte_by_byte() {
        let bytes = b"a LOGIN {3}\r\nx\r\n {1+}\np\r\nb NOOP\r\n";
        let mut framer = Framer::default();
        let mut heads = Vec::new();
        let mut upto = 0;
        loop {
            match framer.next(&bytes[..upto], 100) {
                Frame::More => upto += 1,
                Frame::Literal { announcement, head } => {
                    heads.push(head);
                    framer.expect(usize::try_from(announcement.bytes).unwrap());
                }
                Frame::Command { text, whole, flawed } => {
                    assert_eq!((text, whole, flawed), (23, 25, false));
                    break;
                }
                Frame::TooLong => panic!("too long"),
            }
        }
        assert_eq!((heads, upto, framer.literal_bytes()), (vec![13, 22], 25, 4));
    }

    #[test]
    fn the_limit_counts_all_lines_and_no_literals() {
        let mut framer = Framer::default();
        assert!(matches!(framer.next(b"a {100}\r\n", 12), Frame::Literal { .. }));
        framer.expect(100);
        let mut bytes = b"a {100}\r\n".to_vec();
        bytes.extend([b'\n'; 100]);
        assert_eq!(framer.next(&bytes, 12), Frame::More);
        bytes.extend(b"1234\r\n");
        assert_eq!(framer.next(&bytes, 12), Frame::TooLong);
    }
}
