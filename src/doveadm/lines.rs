//! Bytes as they arrive, line by line, and never more of them than a line may have.

use crate::secret::wipe;

/// What arrived and was not taken yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// So many of them were looked at and have no end of a line.
    looked_at: usize,
}

/// A line has more bytes than it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Lines {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next line, without its end, LF or CRLF; none: it has not come whole.
    pub(super) fn next(&mut self, bytes_max: usize) -> Result<Option<Vec<u8>>, TooLong> {
        let rest = self.bytes.get(self.looked_at..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', rest) else {
            self.looked_at = self.bytes.len();
            return if self.bytes.len() > bytes_max { Err(TooLong) } else { Ok(None) };
        };
        let end = self.looked_at.saturating_add(end);
        self.looked_at = 0;
        if end > bytes_max {
            return Err(TooLong);
        }
        let rest = self.bytes.split_off(end.saturating_add(1));
        let mut line = std::mem::replace(&mut self.bytes, rest);
        line.pop();
        line.pop_if(|last| *last == b'\r');
        Ok(Some(line))
    }

    /// Everything that has not been taken.
    pub(super) fn take_all(&mut self) -> Vec<u8> {
        self.looked_at = 0;
        std::mem::take(&mut self.bytes)
    }
}

/// A password may be in it.
impl Drop for Lines {
    fn drop(&mut self) {
        wipe(&mut self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_and_bounded_however_they_are_cut() {
        let text = b"ab\r\n\ncd\n";
        for cut in 0..=text.len() {
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for part in [&text[..cut], &text[cut..]] {
                lines.add(part);
                while let Some(line) = lines.next(4).unwrap() {
                    found.push(line);
                }
            }
            assert_eq!(found, [&b"ab"[..], b"", b"cd"], "{cut}");
            assert!(lines.is_empty());
        }
        let mut long = Lines::default();
        long.add(b"abcde");
        assert_eq!(long.next(4), Err(TooLong));
        let mut ended = Lines::default();
        ended.add(b"abcde\n");
        assert_eq!(ended.next(4), Err(TooLong));
    }
}
