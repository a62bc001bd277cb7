//! What a server says that it can do: the lines of its EHLO or LHLO reply (RFC 5321 4.1.1.1).
//!
//! Decides: which keyword a line is and what its parameters are. Does not: know a keyword's meaning. Driver: the
//! dialogues with backends. Tests: below.

use crate::wire::resp_text::{split_word, words};

use super::reply::Reply;

/// A keyword list; nothing is known at first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keywords {
    /// One per line.
    lines: Box<[u8]>,
}

impl Keywords {
    /// Takes the list out of a positive reply.
    ///
    /// ```text
    /// ehlo-ok-rsp   = "250" SP Domain [ SP ehlo-greet ] CRLF / ; RFC 5321 4.1.1.1
    ///                 "250-" Domain [ SP ehlo-greet ] CRLF *( "250-" ehlo-line CRLF ) "250" SP ehlo-line CRLF
    /// ehlo-line     = ehlo-keyword *( SP ehlo-param )
    /// ```
    #[must_use]
    pub fn of(reply: &Reply) -> Self {
        let lines: Vec<&[u8]> = reply.lines().skip(1).collect();
        Self { lines: lines.join(&b'\n').into() }
    }

    /// Whether there is this keyword, in any case.
    #[must_use]
    pub fn has(&self, keyword: &[u8]) -> bool {
        self.parameters(keyword).is_some()
    }

    /// Whether an extension is listed.
    #[must_use]
    pub fn extends(&self, extension: Extension) -> bool {
        self.has(extension.keyword().as_bytes())
    }

    /// What stands behind a keyword, parameters separated by SP; none: it is not there.
    ///
    /// Quirk `auth_equals`: servers older than RFC 2554 write `AUTH=PLAIN`; many write both spellings.
    #[must_use]
    pub fn parameters(&self, keyword: &[u8]) -> Option<&[u8]> {
        let of =
            |line| Some(split_word(line)).filter(|(word, _)| word.eq_ignore_ascii_case(keyword));
        let usual = self.iter().find_map(of).map(|(_, parameters)| parameters);
        let old = || {
            self.iter().find_map(|line| {
                let (word, rest) = line.split_at_checked(keyword.len())?;
                rest.strip_prefix(b"=").filter(|_| word.eq_ignore_ascii_case(keyword))
            })
        };
        usual.or_else(old)
    }

    /// Whether a keyword has this parameter, in any case.
    #[must_use]
    pub fn offers(&self, keyword: &[u8], parameter: &[u8]) -> bool {
        let parameters = self.parameters(keyword).unwrap_or_default();
        words(parameters).any(|word| word.eq_ignore_ascii_case(parameter))
    }

    /// Keywords with their parameters, as they were said.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
    }
}

/// Extensions of MAIL and RCPT that a proxy can only pass on: whether they work is the backends' doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// RFC 6152: `BODY=8BITMIME`.
    EightBitMime,
    /// RFC 6531: `SMTPUTF8`.
    SmtpUtf8,
    /// RFC 3461: `RET`, `ENVID`, `NOTIFY`, `ORCPT`.
    Dsn,
}

impl Extension {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::EightBitMime, Self::SmtpUtf8, Self::Dsn];

    /// How EHLO and LHLO name it.
    #[must_use]
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::EightBitMime => "8BITMIME",
            Self::SmtpUtf8 => "SMTPUTF8",
            Self::Dsn => "DSN",
        }
    }

    /// Which one a keyword is, in any case.
    #[must_use]
    pub fn named(keyword: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.keyword().eq_ignore_ascii_case(keyword))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::inbox::Inbox;
    use crate::wire::smtp::reply::{Next, Replies};

    fn of(text: &str) -> Keywords {
        let mut inbox = Inbox::new(4096);
        inbox.append(text.as_bytes());
        match Replies::default().next(&mut inbox) {
            Next::Reply(reply) => Keywords::of(&reply),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn keywords_and_parameters() {
        let list =
            of("250-mail.example STARTTLS\r\n250-size 1000\r\n250-\r\n250 AUTH PLAIN LOGIN\r\n");
        assert!(!list.has(b"STARTTLS"), "that is the greeting");
        assert_eq!(list.parameters(b"SIZE"), Some(&b"1000"[..]));
        assert_eq!(list.parameters(b"AUTH"), Some(&b"PLAIN LOGIN"[..]));
        assert!(list.offers(b"auth", b"login") && !list.offers(b"AUTH", b"PLAI"));
        assert!(!list.has(b"SIZ") && !list.has(b""));
        assert_eq!(list.iter().count(), 2);
        assert_eq!(of("250 mail.example\r\n"), Keywords::default());
    }

    #[test]
    fn w_sub_b5_the_old_spelling_of_auth() {
        assert!(of("250-x\r\n250 AUTH=PLAIN\r\n").offers(b"AUTH", b"PLAIN"));
        let both = of("250-x\r\n250-AUTH=LOGIN PLAIN\r\n250 AUTH PLAIN\r\n");
        assert_eq!(both.parameters(b"AUTH"), Some(&b"PLAIN"[..]));
    }
}
