//! Finds the end of a message that arrives in pieces: the line with a single dot.
//!
//! Pure. Driver: the backend's session. Tests: below.

use memchr::memmem;

/// What was seen last of a message.
#[derive(Debug)]
pub(crate) struct MessageEnd {
    tail: Vec<u8>,
}

impl MessageEnd {
    pub(crate) fn new() -> Self {
        // The line end of DATA, so that an empty message ends, too.
        Self { tail: b"\r\n".to_vec() }
    }

    /// How many of the next bytes belong to the message, its end included; `None`: all, and more will come.
    pub(crate) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        let before = self.tail.len();
        self.tail.extend_from_slice(&bytes[..bytes.len().min(END.len() - 1)]);
        if let Some(at) = memmem::find(&self.tail, END) {
            return Some(at + END.len() - before);
        }
        if let Some(at) = memmem::find(bytes, END) {
            return Some(at + END.len());
        }
        if bytes.len() >= END.len() {
            self.tail.clear();
            self.tail.extend_from_slice(&bytes[bytes.len() + 1 - END.len()..]);
        }
        let surplus = self.tail.len().saturating_sub(END.len() - 1);
        self.tail.drain(..surplus);
        None
    }
}

/// RFC 5321, 4.1.1.4.
const END: &[u8] = b"\r\n.\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_however_the_message_is_cut() {
        let text = b"one\r\n..two\r\n.\r\nQUIT\r\n";
        for first in 0..text.len() {
            for second in first..text.len() {
                let mut end = MessageEnd::new();
                let mut from = 0;
                let found = [&text[..first], &text[first..second], &text[second..]]
                    .into_iter()
                    .find_map(|piece| {
                        let here = end.find(piece).map(|length| from + length);
                        from += piece.len();
                        here
                    });
                assert_eq!(found, Some(15), "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn an_empty_message_ends() {
        assert_eq!(MessageEnd::new().find(b".\r\nQ"), Some(3));
    }
}
