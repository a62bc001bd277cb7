//! Where a backend's response ends: strings in it may be literals (RFC 9051 4.3), and an answer to ID may be longer
//! than anything that is kept.
//!
//! Decides: the extent of a response, before its grammar is looked at; what is thrown away unread. Does not: know the
//! dialogue. Driver: `super`. Tests: below.

use memchr::memchr;

use super::reply;
use crate::limits::{IMAP_ID_ANSWER_BYTES_MAX, IMAP_RESPONSE_BYTES_MAX};
use crate::wire::frame::{Frame, Framer};
use crate::wire::inbox::Inbox;
use crate::wire::literal::announced;

/// A reader of responses.
#[derive(Debug, Default)]
pub(super) struct Responses {
    framer: Framer,
    discard: Option<Discard>,
}

/// What [`Responses::next`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    More,
    /// One of `text` bytes, literals included; `whole` with the line's end.
    Response {
        text: usize,
        whole: usize,
    },
    /// A long answer to ID, gone already: we do not read it (W-IMAP-B4).
    Discarded,
    TooLong,
}

impl Responses {
    pub(super) fn next(&mut self, inbox: &mut Inbox) -> Next {
        if self.discard.is_none() {
            match self.frame(inbox.bytes()) {
                Next::TooLong if reply::is_id(inbox.bytes()) => {
                    self.discard = Some(Discard::default());
                }
                found => return found,
            }
        }
        let found = self.discard.as_mut().map_or(Next::TooLong, |discard| discard.read(inbox));
        if found != Next::More {
            self.discard = None;
        }
        found
    }

    fn frame(&mut self, bytes: &[u8]) -> Next {
        loop {
            let left = IMAP_RESPONSE_BYTES_MAX.saturating_sub(self.framer.literal_bytes());
            let found = match self.framer.next(bytes, left) {
                Frame::More => return Next::More,
                Frame::TooLong => Next::TooLong,
                Frame::Command { text, whole, .. } => Next::Response { text, whole },
                Frame::Literal { head, .. } if !reply::may_hold_literals(bytes) => {
                    let line = bytes.get(..head).unwrap_or_default();
                    let line = line.strip_suffix(b"\n").unwrap_or(line);
                    let text = line.strip_suffix(b"\r").unwrap_or(line).len();
                    Next::Response { text, whole: head }
                }
                Frame::Literal { announcement, head } => {
                    let size = usize::try_from(announcement.bytes).unwrap_or(usize::MAX);
                    if head.saturating_add(size) <= IMAP_RESPONSE_BYTES_MAX {
                        self.framer.expect(size);
                        continue;
                    }
                    Next::TooLong
                }
            };
            self.framer = Framer::default();
            return found;
        }
    }
}

/// Reading past a response without keeping it.
#[derive(Debug)]
struct Discard {
    literal_left: usize,
    allowance: usize,
}

impl Default for Discard {
    fn default() -> Self {
        Self { literal_left: 0, allowance: IMAP_ID_ANSWER_BYTES_MAX }
    }
}

impl Discard {
    fn read(&mut self, inbox: &mut Inbox) -> Next {
        loop {
            let gone = self.literal_left.min(inbox.bytes().len());
            self.consume(gone, inbox);
            self.literal_left = self.literal_left.saturating_sub(gone);
            if self.literal_left > 0 {
                return if self.literal_left > self.allowance { Next::TooLong } else { Next::More };
            }
            let Some(end) = memchr(b'\n', inbox.bytes()) else {
                // The line's last bytes may announce a literal.
                self.consume(inbox.bytes().len().saturating_sub(ANNOUNCEMENT_BYTES_MAX), inbox);
                return if self.allowance == 0 { Next::TooLong } else { Next::More };
            };
            let line = inbox.bytes().get(..end).unwrap_or_default();
            let announcement = announced(line.strip_suffix(b"\r").unwrap_or(line));
            self.consume(end.saturating_add(1), inbox);
            if self.allowance == 0 {
                return Next::TooLong;
            }
            match announcement {
                None => return Next::Discarded,
                Some(literal) => {
                    self.literal_left = usize::try_from(literal.bytes).unwrap_or(usize::MAX);
                }
            }
        }
    }

    fn consume(&mut self, bytes: usize, inbox: &mut Inbox) {
        inbox.consume(bytes);
        self.allowance = self.allowance.saturating_sub(bytes);
    }
}

/// `{`, a number, `+}`, CR; with room to spare.
const ANNOUNCEMENT_BYTES_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::BACKEND_INPUT_BYTES_MAX;

    /// Every response of a stream, read in pieces of `size`; `None`: thrown away. Ends at what is too long.
    fn of(stream: &[u8], size: usize) -> Vec<Option<Vec<u8>>> {
        let (mut responses, mut inbox) =
            (Responses::default(), Inbox::new(BACKEND_INPUT_BYTES_MAX));
        let mut found = Vec::new();
        for piece in stream.chunks(size) {
            assert_eq!(inbox.append(piece), piece.len(), "no progress");
            loop {
                match responses.next(&mut inbox) {
                    Next::More => break,
                    Next::Discarded => found.push(None),
                    Next::TooLong => return found,
                    Next::Response { text, whole } => {
                        found.push(Some(inbox.bytes()[..text].to_vec()));
                        inbox.consume(whole);
                    }
                }
            }
        }
        found.push(Some(b"open".to_vec()));
        found
    }

    fn kept(texts: &[&str]) -> Vec<Option<Vec<u8>>> {
        texts.iter().map(|text| Some(text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn case_14_literals_in_untagged_answers_and_none_in_texts() {
        let stream = b"* ID (\"name\" {5}\r\nab)\r\n \"v\" {0}\r\n NIL)\r\n* OK {5}\r\nL NO no {7}\r\n+ {3}\r\n\
                       * LIST () \"/\" {3}\r\nfoo\r\n";
        for size in [1, 2, 7, 500] {
            assert_eq!(
                of(stream, size),
                kept(&[
                    "* ID (\"name\" {5}\r\nab)\r\n \"v\" {0}\r\n NIL)",
                    "* OK {5}",
                    "L NO no {7}",
                    "+ {3}",
                    "* LIST () \"/\" {3}\r\nfoo",
                    "open"
                ]),
                "{size}"
            );
        }
    }

    #[test]
    fn case_14_an_endless_literal_is_refused() {
        let longest = IMAP_RESPONSE_BYTES_MAX - b"* LIST {15345}\r\n".len();
        let list = |bytes: usize| {
            [format!("* LIST {{{bytes}}}\r\n").as_bytes(), &vec![b'x'; bytes], b"\r\n"].concat()
        };
        for size in [1000, 1024] {
            assert_eq!(of(&list(longest), size).len(), 2);
            assert_eq!(of(&list(longest + 1), size), []);
            for endless in
                ["* LIST {99999999999}\r\n", "* ID ({4294967295}\r\n", "* STATUS {65536}\r\n"]
            {
                assert_eq!(of(&[endless.as_bytes(), &[b'x'; 500]].concat(), size), [], "{endless}");
            }
        }
        assert_eq!(of(&[b'x'; IMAP_RESPONSE_BYTES_MAX + 2], 1000), []);
        assert_eq!(of(&[&b"* ID ("[..], &[b'x'; 80_000]].concat(), 1000), []);
    }

    #[test]
    fn rfc_2971_the_longest_answer_to_id_and_one_pair_more_are_read_past() {
        let pair = format!("\"{}\" \"{}\" ", "k".repeat(30), "\\\"".repeat(512));
        let literal = format!("\"{}\" {{1024}}\r\n{} ", "k".repeat(30), "v\n".repeat(512));
        for pairs in [30, 31] {
            for pair in [&pair, &literal] {
                let answer = format!("* id ({})\r\n* OK\r\n", pair.repeat(pairs));
                for size in [1, 999, 1024] {
                    let found = of(answer.as_bytes(), size);
                    assert_eq!(
                        found,
                        [None, kept(&["* OK"])[0].clone(), kept(&["open"])[0].clone()]
                    );
                }
            }
        }
    }
}
