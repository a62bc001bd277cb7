//! What a ManageSieve backend says behind a login (RFC 5804): UNAUTHENTICATE is taken out of its lists of capabilities.
//!
//! A list of capabilities looks like one of scripts: lines that begin with a string. It is known by its first lines, of which
//! some have two strings (`"IMPLEMENTATION" "…"`); behind a script's name stands ACTIVE or nothing. So a script of that name
//! stays in its list.
//!
//! A line that comes in one piece is taken out as a whole. Of one that was cut, and begun already, a letter is changed: it
//! names nothing any more.
//!
//! Driver: `super`. Tests: below; any cut in `tests/pure/relay.rs`.

/// Resumable at any byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Server {
    literal_left: u64,
    place: Place,
    /// How much of the name the line's first string has matched; none: it is another.
    matched: Option<u8>,
    /// The value of the announcement that the line might end in.
    announced: Option<u64>,
    is_closed: bool,
    /// Something of the line has come.
    is_begun: bool,
    escaped: bool,
    /// A line of two strings has come in this answer.
    is_list: bool,
    /// This line is to be taken out.
    hides: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Start,
    /// In the first string, quoted or a literal.
    Name,
    BehindName,
    /// In the second.
    Value,
    BehindValue,
    /// In the line that ends an answer.
    Status,
}

const NAME: &[u8] = b"UNAUTHENTICATE";

impl Server {
    /// Changes `bytes` in their place and says how many are left.
    pub(super) fn look(&mut self, bytes: &mut [u8]) -> usize {
        let (mut from, mut to) = (0, 0);
        // Where the line begins in what is left; none: its beginning is gone already.
        let mut line = (!self.is_begun).then_some(0);
        while let Some(&byte) = bytes.get(from) {
            let here = self.unread_literal(bytes.len().saturating_sub(from));
            if here > 0 {
                let end = from.saturating_add(here);
                bytes.copy_within(from..end, to);
                (from, to) = (end, to.saturating_add(here));
                self.literal_left = self.literal_left.saturating_sub(here as u64);
                continue;
            }
            let shown = self.take(byte);
            if let Some(place) = bytes.get_mut(to) {
                *place = shown;
            }
            (from, to) = (from.saturating_add(1), to.saturating_add(1));
            if !self.is_begun {
                if let (true, Some(start)) = (std::mem::take(&mut self.hides), line) {
                    to = start;
                }
                line = Some(to);
            }
        }
        to
    }

    /// How many bytes of a literal can be passed over at once: those of a name are looked at.
    fn unread_literal(&self, most: usize) -> usize {
        if self.place == Place::Name {
            return 0;
        }
        usize::try_from(self.literal_left).unwrap_or(usize::MAX).min(most)
    }

    /// What the client is shown of a byte.
    fn take(&mut self, byte: u8) -> u8 {
        if self.literal_left > 0 {
            self.literal_left -= 1;
            let shown = self.spell(byte);
            if self.literal_left == 0 {
                self.place = Place::BehindName;
            }
            return shown;
        }
        self.is_begun = true;
        if byte == b'\n' {
            self.end_line();
            return byte;
        }
        self.take_announcement(byte);
        match (self.place, byte) {
            (Place::Start, b'"') => {
                (self.place, self.matched, self.escaped) = (Place::Name, Some(0), false);
            }
            // A literal is announced, or the line is empty.
            (Place::Start, b'{' | b'\r') => {}
            (Place::Start, b'0'..=b'9' | b'+' | b'}') if self.announced.is_some() => {}
            (Place::Start, _) => self.place = Place::Status,
            (Place::Name, b'"') if !self.escaped => self.place = Place::BehindName,
            (Place::Value, b'"') if !self.escaped => self.place = Place::BehindValue,
            (Place::Name | Place::Value, _) => {
                self.escaped = byte == b'\\' && !self.escaped;
                if self.place == Place::Name {
                    return self.spell(byte);
                }
            }
            (Place::BehindName, b'"' | b'{') => {
                self.is_list = true;
                if byte == b'"' {
                    (self.place, self.escaped) = (Place::Value, false);
                }
            }
            (Place::BehindName | Place::BehindValue | Place::Status, _) => {}
        }
        byte
    }

    /// Compares the next letter of the line's first string. The last one does not get through as it is.
    fn spell(&mut self, byte: u8) -> u8 {
        let Some(matched) = self.matched else {
            return byte;
        };
        let wanted = NAME.get(usize::from(matched));
        let is_next = wanted.is_some_and(|wanted| wanted.eq_ignore_ascii_case(&byte));
        self.matched = is_next.then_some(matched.saturating_add(1));
        if is_next && usize::from(matched).saturating_add(1) == NAME.len() && self.is_list {
            self.hides = true;
            return b'-';
        }
        byte
    }

    /// `{n}`, which may stand at a line's end.
    fn take_announcement(&mut self, byte: u8) {
        let digit = u64::from(byte.wrapping_sub(b'0'));
        (self.announced, self.is_closed) = match (self.announced, byte) {
            (_, b'{') => (Some(0), false),
            (Some(value), b'0'..=b'9') if !self.is_closed => {
                (Some(value.saturating_mul(10).saturating_add(digit)), false)
            }
            (Some(value), b'+') if !self.is_closed => (Some(value), false),
            (Some(value), b'}') if !self.is_closed => (Some(value), true),
            (Some(value), b'\r') => (Some(value), self.is_closed),
            _ => (None, false),
        };
    }

    fn end_line(&mut self) {
        let announced = self.announced.take().filter(|_| self.is_closed);
        self.is_closed = false;
        match announced {
            Some(bytes) if !matches!(self.place, Place::Name | Place::Value) => {
                self.literal_left = bytes;
                match self.place {
                    Place::Start if bytes == NAME.len() as u64 => {
                        (self.place, self.matched) = (Place::Name, Some(0));
                    }
                    // Another name, or a script.
                    Place::Start => self.place = Place::BehindName,
                    _ => {}
                }
            }
            _ => {
                // The end of an answer; what comes next is another.
                self.is_list &= self.place != Place::Status;
                (self.place, self.is_begun) = (Place::Start, false);
                self.matched = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(said: &str, size: usize) -> String {
        let mut server = Server::default();
        let mut shown = Vec::new();
        for piece in said.as_bytes().chunks(size) {
            let mut piece = piece.to_vec();
            let left = server.look(&mut piece);
            shown.extend(&piece[..left]);
        }
        String::from_utf8(shown).unwrap()
    }

    const BEFORE: &str =
        "\"IMPLEMENTATION\" \"Cyrus timsieved v3.6\"\r\n\"SIEVE\" {8}\r\nfileinto\r\n";
    const BEHIND: &str = "\"OWNER\" \"tim\"\r\nOK {2}\r\nin\r\n";

    #[test]
    fn rfc_5804_2_14_1_unauthenticate_is_not_offered() {
        for line in [
            "\"UNAUTHENTICATE\"\r\n",
            "\"unauthenticate\"\n",
            "{14}\r\nUNAUTHENTICATE\r\n",
            "\"UNAUTHENTICATE\" \"\"\r\n",
        ] {
            let said = format!("{BEFORE}{line}{BEHIND}OK\r\n{BEFORE}{BEHIND}");
            let without = format!("{BEFORE}{BEHIND}OK\r\n{BEFORE}{BEHIND}");
            assert_eq!(shown(&said, 1000), without);
            for size in 1..40 {
                let shown = shown(&said, size);
                assert!(!shown.to_ascii_uppercase().contains("UNAUTHENTICATE"), "{size} {shown}");
                let end = format!("{BEHIND}OK\r\n{BEFORE}{BEHIND}");
                assert!(shown.ends_with(&end), "{size} {shown}");
                assert!(shown.starts_with(BEFORE), "{size} {shown}");
            }
        }
    }

    #[test]
    fn everything_else_passes_as_it_is() {
        for said in [
            "\"UNAUTHENTICATE\"\r\n\"x\" ACTIVE\r\nOK\r\n",
            "\"UNAUTHENTICATE\" ACTIVE\r\n\"UNAUTHENTICATE\"\r\nOK\r\n",
            "{40}\r\n\"A\" \"B\"\r\n\"UNAUTHENTICATE\"\r\n\"UNAUTHEN\r\nOK\r\n",
            "OK \"UNAUTHENTICATE\"\r\nNO (UNAUTHENTICATE) \"UNAUTHENTICATE\"\r\n",
            "\"A\" \"B\"\r\nOK\r\n\"UNAUTHENTICATE\"\r\nOK\r\n",
            "\"A\" \"B\"\r\n\"XUNAUTHENTICATE\"\r\n\"UN\\\\AUTHENTICATE\"\r\n\"X\" \"UNAUTHENTICATE\"\r\nOK\r\n",
            "\r\n{x}\r\n}\r\n{5\r\nOK\r\n",
        ] {
            for size in [1, 2, 3, 5, 7, 1000] {
                assert_eq!(shown(said, size), said, "{size}");
            }
        }
    }
}
