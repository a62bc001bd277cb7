//! A checked walk over the bytes of one complete command or line.
//!
//! Decides nothing; grammar functions take a cursor, advance it past what they matched, and leave it somewhere inside
//! otherwise (the caller gives up the whole command then). Tests: below and in every grammar file.

/// What is left to parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Takes exactly `byte`, or nothing.
    pub fn byte(&mut self, byte: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[byte])?;
        Some(())
    }

    /// Takes exactly `count` bytes, or nothing.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// Takes bytes for as long as they are `legal`; may be none.
    pub fn take_while(&mut self, legal: impl Fn(u8) -> bool) -> &'a [u8] {
        let count = self.rest.iter().position(|&byte| !legal(byte)).unwrap_or(self.rest.len());
        self.take(count).unwrap_or_default()
    }

    /// Takes everything.
    pub fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// The next byte, without taking it.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// What is left, without taking it.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Succeeds at the end only, so that `?` rejects trailing bytes.
    #[must_use]
    pub fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_walks_past_the_end() {
        let mut cursor = Cursor::new(b"ab c");
        assert_eq!(cursor.take_while(|b| b != b' '), b"ab");
        assert_eq!(cursor.byte(b'x'), None);
        assert_eq!(cursor.byte(b' '), Some(()));
        assert_eq!(cursor.take(2), None);
        assert_eq!(cursor.peek(), Some(b'c'));
        assert_eq!(cursor.end(), None);
        assert_eq!(cursor.take_rest(), b"c");
        assert_eq!(
            (cursor.end(), cursor.byte(0), cursor.take(0)),
            (Some(()), None, Some(&b""[..]))
        );
    }
}
