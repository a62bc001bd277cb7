//! What a ManageSieve client says behind its login (RFC 5804): its commands are found, their literals passed over.
//!
//! UNAUTHENTICATE (RFC 5804 2.14.1) would let the client log in as another user, of whom neither the password databases
//! nor the routing layer would ever hear. STARTTLS would hide everything behind it.
//!
//! Servers differ in what they take for a literal when a command is wrong, and a client that knows that could hide a
//! command in what one side takes for text. So a literal is only passed over where every server has to: `{n+}` at the
//! end of a command that has strings, which is well formed up to there. Behind any other announcement every line is
//! looked at, for good: a line of a script that begins like that is not worth the doubt.
//!
//! Driver: `super`. Tests: below; any cut and any command in `tests/pure/relay.rs`.

/// Resumable at any byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Client {
    literal_left: u64,
    place: Place,
    /// The first word of the line, in capitals.
    word: [u8; WORD_BYTES_MAX],
    word_bytes: u8,
    announcement: Announcement,
    /// Inside a quoted string, and behind a backslash there.
    quoted: bool,
    escaped: bool,
    /// Something else than strings and numbers stands behind the word.
    odd: bool,
    behind_cr: bool,
    /// Nothing is passed over any more.
    doubtful: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Nothing of the line yet, or nothing that counts.
    #[default]
    Start,
    Word,
    Rest,
    /// Nothing behind a literal yet. The command goes on; but should a server think that it is over, the next is seen.
    BehindLiteral,
}

/// How much of `{n+}` the line ends in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Announcement {
    #[default]
    None,
    Open,
    Digits(u64),
    Plus(u64),
    /// Without a plus the server is asked, which no ManageSieve client may (RFC 5804 4, literal-c2s).
    Closed {
        bytes: u64,
        asks: bool,
    },
}

const WORD_BYTES_MAX: usize = 16;

/// Commands whose strings may be literals.
const WITH_STRINGS: [&[u8]; 8] = [
    b"PUTSCRIPT",
    b"CHECKSCRIPT",
    b"HAVESPACE",
    b"SETACTIVE",
    b"GETSCRIPT",
    b"DELETESCRIPT",
    b"RENAMESCRIPT",
    b"NOOP",
];

/// What may not be said, and why, for the log.
const FORBIDDEN: [(&[u8], &str); 2] = [
    (b"UNAUTHENTICATE", "UNAUTHENTICATE is not relayed: to be another user, log in anew"),
    (b"STARTTLS", "STARTTLS behind the login is not relayed: nothing behind it could be seen"),
];

/// No script is as large; servers stop reading long before.
const LITERAL_BYTES_MAX: u64 = 0xFFFF_FFFF;

impl Client {
    pub(super) fn look(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        let mut rest = bytes;
        while let Some((&byte, behind)) = rest.split_first() {
            if self.literal_left > 0 {
                let here = usize::try_from(self.literal_left).unwrap_or(usize::MAX).min(rest.len());
                self.literal_left = self.literal_left.saturating_sub(here as u64);
                rest = rest.get(here..).unwrap_or_default();
                continue;
            }
            self.take(byte)?;
            rest = behind;
        }
        Ok(())
    }

    fn take(&mut self, byte: u8) -> Result<(), &'static str> {
        if byte == b'\n' {
            self.end_line();
            return Ok(());
        }
        // A backend may take a lone CR for a line's end.
        if std::mem::replace(&mut self.behind_cr, byte == b'\r') {
            self.begin_line();
        }
        match (self.place, byte) {
            (_, b'\r') => {}
            // Some servers pass over what stands in front of a command, or take it in quotes.
            (Place::Start, b' ' | b'\t' | b'"' | 0) => {}
            (Place::Start | Place::Word | Place::BehindLiteral, byte)
                if byte.is_ascii_alphabetic() =>
            {
                if self.place == Place::BehindLiteral {
                    self.word_bytes = 0;
                }
                self.place = Place::Word;
                return self.spell(byte.to_ascii_uppercase());
            }
            _ => {
                self.place = Place::Rest;
                self.take_argument(byte);
            }
        }
        Ok(())
    }

    fn spell(&mut self, letter: u8) -> Result<(), &'static str> {
        if let Some(place) = self.word.get_mut(usize::from(self.word_bytes)) {
            *place = letter;
        }
        self.word_bytes = self.word_bytes.saturating_add(1);
        // The last letter is held back with everything around it: the server never sees the whole word.
        match FORBIDDEN.iter().find(|(word, _)| self.word() == *word) {
            Some((_, why)) => Err(why),
            None => Ok(()),
        }
    }

    /// Empty when it is longer than any that matters.
    fn word(&self) -> &[u8] {
        self.word.get(..usize::from(self.word_bytes)).unwrap_or_default()
    }

    fn take_argument(&mut self, byte: u8) {
        use Announcement::{Closed, Digits, Open, Plus};
        let digit = u64::from(byte.wrapping_sub(b'0'));
        let is_digit = byte.is_ascii_digit();
        let longer = |value: u64| value.saturating_mul(10).saturating_add(digit);
        self.announcement = match (self.announcement, byte) {
            (_, b'{') => Open,
            (Open, _) if is_digit => Digits(digit),
            (Digits(value), _) if is_digit => Digits(longer(value)),
            (Digits(value), b'+') => Plus(value),
            (Plus(bytes), b'}') => Closed { bytes, asks: false },
            (Digits(bytes), b'}') => Closed { bytes, asks: true },
            _ => Announcement::None,
        };
        if self.quoted {
            let ends = byte == b'"' && !self.escaped;
            self.escaped = byte == b'\\' && !self.escaped;
            self.quoted = !ends;
        } else if byte == b'"' {
            self.quoted = true;
        } else {
            self.odd |= !is_digit && !matches!(byte, b' ' | b'\t' | b'{' | b'+' | b'}');
        }
    }

    fn end_line(&mut self) {
        let announcement = std::mem::take(&mut self.announcement);
        let Announcement::Closed { bytes, asks } = announcement else {
            return self.begin_line();
        };
        let is_welcome = WITH_STRINGS.contains(&self.word()) && !self.odd && !self.quoted;
        let is_certain = is_welcome && !asks && bytes <= LITERAL_BYTES_MAX;
        if self.doubtful || !is_certain {
            self.doubtful = true;
            return self.begin_line();
        }
        self.literal_left = bytes;
        self.behind_cr = false;
        self.place = Place::BehindLiteral;
    }

    fn begin_line(&mut self) {
        *self = Self { doubtful: self.doubtful, behind_cr: self.behind_cr, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a client may say this, in one piece and byte by byte.
    fn passes(said: &str) -> bool {
        let whole = Client::default().look(said.as_bytes());
        let mut client = Client::default();
        let cut = said.as_bytes().chunks(1).try_for_each(|byte| client.look(byte));
        assert_eq!(whole, cut, "{said}");
        whole.is_ok()
    }

    #[test]
    fn rfc_5804_2_14_1_nobody_becomes_somebody_else_in_a_relay() {
        for said in [
            "UNAUTHENTICATE\r\n",
            "unauthenticate",
            "NOOP\r\nUnAuthenticate\r\n",
            "NOOP\nUNAUTHENTICATE\n",
            "NOOP\rUNAUTHENTICATE\r",
            " \t\0\"UNAUTHENTICATE\"\r\n",
            "\r\n\r\n UNAUTHENTICATE",
            "PUTSCRIPT \"a\" {3+}\r\nabc\r\nUNAUTHENTICATE\r\n",
            "PUTSCRIPT {1+}\r\na {0+}\r\n\r\nUNAUTHENTICATE\r\n",
            "CHECKSCRIPT {3+}\r\nabcUNAUTHENTICATE\r\n",
            "STARTTLS\r\n",
        ] {
            assert!(!passes(said), "{said:?}");
        }
    }

    #[test]
    fn what_only_looks_like_it_passes() {
        for said in [
            "PUTSCRIPT \"UNAUTHENTICATE\" {18+}\r\n\r\nUNAUTHENTICATE\r\n\r\nLISTSCRIPTS\r\n",
            "PUTSCRIPT {14+}\r\nUNAUTHENTICATE {16+}\r\nUNAUTHENTICATE\r\n\r\nLOGOUT\r\n",
            "checkscript {16+}\r\nUNAUTHENTICATE\r\n\r\nNOOP\r\n",
            "NOOP \"UNAUTHENTICATE\"\r\nSETACTIVE \"\"\r\nHAVESPACE \"x\" 99\r\n",
            "NOOP UNAUTHENTICATE\r\n",
            "XUNAUTHENTICATE\r\nUN AUTHENTICATE\r\nUNAUTHENTICAT\r\nAUTHENTICATE \"PLAIN\"\r\n",
            "PUTSCRIPT \"a\\\"{9+}\" {3+}\r\nabc\r\nGETSCRIPT \"{99+}\"\r\nNOOP\r\n",
            "",
        ] {
            assert!(passes(said), "{said:?}");
        }
    }

    /// Where one server sees text and another a command, it is a command.
    #[test]
    fn nothing_is_hidden_in_a_literal_that_a_server_might_not_take_for_one() {
        let line = "\r\nUNAUTHENTICATE\r\n";
        for doubtful in [
            "PUTSCRIPT \"a\" {16}",
            "FOO {16+}",
            "LOGOUT {16+}",
            "{16+}",
            "PUTSCRIPT FOO {16+}",
            "PUTSCRIPT \"a {16+}",
            "PUTSCRIPT \"a\\\" {16+}",
            "PUTSCRIPT \"a\" {99999999999999999999+}",
            "PUTSCRIPT \"a\" {4294967296+}",
            "PUTSCRIPT \"a\" {16+} ",
            "PUTSCRIPT \"a\" {+16}",
            "PUTSCRIPT \"a\" {}",
            "PUTSCRIPT \"a\" {1 6+}",
            "PUTSCRIPT \"a\" {16+}\r",
            "PUTSCRIPT \"a\" {16++}",
            "CHECKSCRIPT {1+}\r\nxFOO {16+}",
            "PUTSCRIPTPUTSCRIPTS \"a\" {16+}",
        ] {
            assert!(!passes(&format!("{doubtful}{line}")), "{doubtful}");
        }
        let certain = "PUTSCRIPT \"a\" {16+}\r\nUNAUTHENTICATE\r\n\r\n";
        assert!(passes(certain));
        assert!(!passes(&format!("FOO {{1}}\r\n{certain}")), "once in doubt, always");
    }
}
