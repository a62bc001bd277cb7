//! Reading past a literal that comes unasked, and past the rest of its command (W-IMAP-2).
//!
//! Decides: where the refused command ends, and that there is an end to patience. Does not: reply. Driver: the dialogues
//! of `preauth` whose commands may hold literals. Tests: with the drivers.

use super::inbox::Inbox;
use super::line::{Lines, Scan};
use super::literal::{Announcement, announced};

/// Whether a sender waits for our consent behind `{n}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// IMAP: behind a refusal it begins another command.
    Awaited,
    /// ManageSieve: it has no such thing (RFC 5804 4), and the bytes come, with `+` or without.
    Unknown,
}

/// A refused command whose bytes still arrive.
#[derive(Clone, Copy, Debug)]
pub struct Skip {
    /// Bytes of the literal still to come.
    literal_left: usize,
    /// Bytes of literals that may still be announced.
    allowance: usize,
    lines: Lines,
}

/// How far [`Skip::read`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// Not to the end; more bytes are needed.
    More,
    /// Behind the command.
    Done,
    /// A line without an end inside the limit.
    LineTooLong,
    /// Another literal, beyond the allowance.
    LiteralTooLarge,
}

impl Skip {
    /// Begins at the first byte of the announced literal; none: it is larger than the allowance.
    #[must_use]
    pub fn new(announcement: Announcement, allowance: usize) -> Option<Self> {
        let literal_left = usize::try_from(announcement.bytes).unwrap_or(usize::MAX);
        let allowance = allowance.checked_sub(literal_left)?;
        Some(Self { literal_left, allowance, lines: Lines::default() })
    }

    /// Consumes what belongs to the command.
    pub fn read(&mut self, inbox: &mut Inbox, line_bytes_max: usize, consent: Consent) -> Skipped {
        loop {
            let gone = self.literal_left.min(inbox.bytes().len());
            inbox.consume(gone);
            self.literal_left = self.literal_left.saturating_sub(gone);
            if self.literal_left > 0 {
                return Skipped::More;
            }
            let (text, whole) = match self.lines.next(inbox.bytes(), line_bytes_max) {
                Scan::More => return Skipped::More,
                Scan::TooLong => return Skipped::LineTooLong,
                Scan::Line { text, whole } => (text, whole),
            };
            let next = announced(inbox.bytes().get(..text).unwrap_or_default());
            inbox.consume(whole);
            match next {
                Some(next) if !next.synchronising || consent == Consent::Unknown => {
                    match Self::new(next, self.allowance) {
                        Some(next) => *self = next,
                        None => return Skipped::LiteralTooLarge,
                    }
                }
                _ => return Skipped::Done,
            }
        }
    }
}
