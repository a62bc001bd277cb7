//! What the other side logs while it carries out our command: a byte for the level, text, LF (W-DOV-2).

use super::frame::Level;
use crate::event::cleaned;
use crate::limits;

/// Log lines as they arrive.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    /// Of the line under way; none: it begins.
    level: Option<Level>,
    text: Vec<u8>,
    /// As many as a piece of the reply had.
    whole: Vec<(Level, String)>,
    /// The last one that says what went wrong.
    trouble: String,
}

impl Remarks {
    pub(super) fn add(&mut self, piece: &[u8]) {
        for byte in piece {
            let level = match self.level {
                Some(level) => level,
                None => {
                    let level = Level::of_byte(*byte);
                    self.level = Some(level.unwrap_or(Level::Error));
                    if level.is_some() {
                        continue;
                    }
                    Level::Error
                }
            };
            if *byte == b'\n' {
                self.end(level);
            } else if self.text.len() < limits::LOGGED_LINE_BYTES_MAX {
                self.text.push(*byte);
            }
        }
    }

    /// The lines that have come since they were taken.
    pub(super) fn take(&mut self) -> Vec<(Level, String)> {
        std::mem::take(&mut self.whole)
    }

    /// The last one that says what went wrong.
    pub(super) fn trouble(&self) -> &str {
        &self.trouble
    }

    fn end(&mut self, level: Level) {
        let text = String::from_utf8_lossy(&self.text).into_owned();
        if level >= Level::Error {
            self.trouble = cleaned(text.as_bytes(), limits::LOGGED_LINE_BYTES_MAX).into();
        }
        self.whole.push((level, text));
        self.level = None;
        self.text.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_dov_2_log_lines_come_whole_however_they_are_cut() {
        let bytes = b"\x01why\n\x04Mailbox x: \xC3\xA4\n\x02done\nno level\n\x06\n";
        let mut expected = vec![
            (Level::Debug, "why".to_owned()),
            (Level::Error, "Mailbox x: ä".to_owned()),
            (Level::Info, "done".to_owned()),
            (Level::Error, "no level".to_owned()),
            (Level::Panic, String::new()),
        ];
        for cut in 0..=bytes.len() {
            let mut remarks = Remarks::default();
            let (first, rest) = bytes.split_at(cut);
            remarks.add(first);
            let mut taken = remarks.take();
            remarks.add(rest);
            taken.extend(remarks.take());
            assert_eq!(taken, expected, "{cut}");
            assert!(remarks.take().is_empty());
        }
        let mut remarks = Remarks::default();
        remarks.add(&bytes[..bytes.len() - 2]);
        assert_eq!(remarks.trouble(), "no level");
        remarks.add(&[b'x'; 100_000]);
        remarks.add(b"\n");
        expected.truncate(4);
        assert_eq!(&remarks.take()[..4], expected);
        assert_eq!(remarks.trouble().len(), limits::LOGGED_LINE_BYTES_MAX);
    }
}
