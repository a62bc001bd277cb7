//! Credentials out of what is shown of a session (`hale trace`).
//!
//! Behind a login there should be none, and a client that says one all the same has it hidden: a command that shows a password or begins
//! SASL is shown without what follows it, and so is every further line of the client until the backend has answered for good. It
//! hides too much rather than too little. Bytes come as they are read, however they are cut.

/// One session's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redactor {
    client: Line,
    backend: Line,
    /// The client is in the middle of a login.
    is_secret: bool,
}

/// The line that a side is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Line {
    /// How it began.
    head: Vec<u8>,
    /// What follows is not shown.
    is_hidden: bool,
}

impl Redactor {
    /// Bytes of the client, as they may be shown.
    pub fn client(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for &byte in bytes {
            if byte == b'\n' {
                let begins_login = self.client.is_hidden && !self.is_secret;
                self.is_secret |= begins_login;
                self.client = Line { is_hidden: self.is_secret, ..Line::default() };
                out.push(b'\n');
                if self.is_secret {
                    out.extend_from_slice(HIDDEN);
                }
                continue;
            }
            if self.client.is_hidden {
                continue;
            }
            out.push(byte);
            self.client.keep(byte);
            if byte == b' ' && self.client.shows_credentials() {
                self.client.is_hidden = true;
                out.extend_from_slice(HIDDEN);
            }
        }
    }

    /// Bytes of the backend: all of them may be shown.
    pub fn backend(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(bytes);
        for &byte in bytes {
            if byte != b'\n' {
                self.backend.keep(byte);
                continue;
            }
            if self.is_secret && !self.backend.asks_on() {
                self.is_secret = false;
                self.client.is_hidden = false;
            }
            self.backend = Line::default();
        }
    }
}

impl Line {
    fn keep(&mut self, byte: u8) {
        if self.head.len() < HEAD_BYTES {
            self.head.push(byte);
        }
    }

    /// Whether its words so far are a command that has a password, or a part of one, behind it. IMAP has a tag in front.
    fn shows_credentials(&self) -> bool {
        let mut words = self.head.split(|byte| *byte == b' ');
        let is_one_of = |word: Option<&[u8]>, names: &[&str]| {
            word.is_some_and(|word| {
                names.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
            })
        };
        let (first, second) = (words.next(), words.next());
        is_one_of(first, &["AUTH", "AUTHENTICATE", "PASS", "APOP", "LOGIN"])
            || is_one_of(second, &["LOGIN", "AUTHENTICATE"])
    }

    /// Whether a login goes on behind this line of a backend: `+ …`, `334 …`, and ManageSieve's strings.
    fn asks_on(&self) -> bool {
        [&b"+"[..], b"334", b"\"", b"{"].iter().any(|start| self.head.starts_with(start))
    }
}

const HIDDEN: &[u8] = b"[not shown]";
/// A tag and the longest command's name.
const HEAD_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is shown of a conversation, cut into pieces of so many bytes.
    fn shown(talk: &[(bool, &str)], piece: usize) -> String {
        let (mut redactor, mut out) = (Redactor::default(), Vec::new());
        for (is_client, text) in talk {
            for bytes in text.as_bytes().chunks(piece) {
                match is_client {
                    true => redactor.client(bytes, &mut out),
                    false => redactor.backend(bytes, &mut out),
                }
            }
        }
        String::from_utf8(out).unwrap()
    }

    const TALK: [(bool, &str); 10] = [
        (true, "a1 SELECT INBOX\r\n"),
        (false, "* 3 EXISTS\r\na1 OK done\r\n"),
        (true, "a2 login tim \"s3cret\"\r\na3 NOOP\r\n"),
        (false, "a2 BAD no\r\n"),
        (true, "a4 AUTHENTICATE PLAIN\r\n"),
        (false, "+ \r\n"),
        (true, "czNjcmV0\r\n"),
        (false, "a4 NO\r\n"),
        (true, "a5 FETCH 1 (FLAGS)\r\n"),
        (false, "* 1 FETCH ()\r\n"),
    ];

    #[test]
    fn what_proves_a_user_is_hidden_and_the_rest_is_shown() {
        let told = shown(&TALK, 1000);
        assert!(!told.contains("s3cret") && !told.contains("czNjcmV0"), "{told}");
        for words in [
            "a1 SELECT INBOX",
            "a2 login [not shown]",
            "a2 BAD no",
            "a5 FETCH 1 (FLAGS)\r\n",
            "* 1 FETCH",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        let literal = [
            (true, "a LOGIN {3}\r\n"),
            (false, "+ go\r\n"),
            (true, "tim {6}\r\n"),
            (false, "+ go\r\n"),
            (true, "s3cret\r\n"),
        ];
        assert!(!shown(&literal, 4).contains("s3cret"));
        for line in [
            "AUTH PLAIN AHMzY3JldA==\r\n",
            "PASS s3cret\r\n",
            "authenticate \"PLAIN\" \"s3cret\"\r\n",
        ] {
            let told = shown(&[(true, line)], 3);
            assert!(!told.contains("s3cret") && !told.contains("AHMz"), "{told}");
        }
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(piece in 1_usize..40) {
            prop_assert_eq!(shown(&TALK, piece), shown(&TALK, 1000));
        }
    }
}
