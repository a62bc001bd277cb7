//! The grammar of what POP3 clients may say before login (RFC 1939 9, RFC 5034 4), on complete lines.
//!
//! Decides: what a line's bytes mean, and how long it may be. Does not: hold state or reply. Driver: `super`. Tests:
//! below, and beside Dovecot's own answers in `tests/appliance/e2e/oracle`.

use memchr::memchr;

use crate::limits::{POP3_LINE_BYTES_MAX, POP3_LONG_LINE_BYTES_MAX, XCLIENT_LINE_BYTES_MAX};
use crate::wire::cursor::Cursor;
use crate::wire::line::is_flawed;

/// A command and what stands behind its keyword and the SP; none: there is no SP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Command<'a> {
    pub(super) name: Name,
    pub(super) argument: Option<&'a [u8]>,
}

/// The commands known before login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Apop,
    Auth,
    Capa,
    Noop,
    Pass,
    Quit,
    Stls,
    User,
    Xclient,
    /// Zimbra's way to tell the client's address.
    Xoip,
    /// Everything else: the commands that need a login, UTF8 and LANG (W-POP-B7).
    Unknown,
}

impl Name {
    const KNOWN: [(&'static str, Self); 10] = [
        ("APOP", Self::Apop),
        ("AUTH", Self::Auth),
        ("CAPA", Self::Capa),
        ("NOOP", Self::Noop),
        ("PASS", Self::Pass),
        ("QUIT", Self::Quit),
        ("STLS", Self::Stls),
        ("USER", Self::User),
        ("XCLIENT", Self::Xclient),
        ("XOIP", Self::Xoip),
    ];

    /// Quirk: CR is no part of a keyword, as for Dovecot. CR CR LF ends lines of some clients, and LF CR of others.
    fn of(word: &[u8]) -> Self {
        let letters = || word.iter().filter(|&&byte| byte != b'\r');
        let known = |(name, _): &&(&str, Self)| {
            let name = name.as_bytes();
            letters().count() == name.len()
                && letters().zip(name).all(|(one, other)| one.eq_ignore_ascii_case(other))
        };
        Self::KNOWN.iter().find(known).map_or(Self::Unknown, |&(_, name)| name)
    }

    /// Bytes of a line without its end. A password may be as long here as in every other protocol (W-LIM-4), so PASS
    /// is not held to RFC 2449's 255 either.
    pub(super) const fn line_bytes_max(self) -> usize {
        match self {
            Self::Auth | Self::Pass => POP3_LONG_LINE_BYTES_MAX,
            Self::Xclient => XCLIENT_LINE_BYTES_MAX - 2,
            Self::Apop
            | Self::Capa
            | Self::Noop
            | Self::Quit
            | Self::Stls
            | Self::User
            | Self::Xoip
            | Self::Unknown => POP3_LINE_BYTES_MAX,
        }
    }
}

impl<'a> Command<'a> {
    /// ```text
    /// command       = keyword [SP argument] CRLF          ; RFC 1939 3, RFC 2449 4
    /// keyword       = 3*4VCHAR, with extensions longer
    /// ```
    ///
    /// The argument is the rest of the line: a password keeps the spaces around and inside it.
    pub(super) fn parse(line: &'a [u8]) -> Self {
        let mut parts = line.splitn(2, |&byte| byte == b' ');
        let name = Name::of(parts.next().unwrap_or_default());
        Self { name, argument: parts.next() }
    }

    /// Whether nothing but spaces stands behind the keyword.
    pub(super) fn is_bare(&self) -> bool {
        self.argument.is_none_or(|argument| argument.iter().all(|&byte| byte == b' '))
    }

    /// Whether the line holds what would mean something else to the backend that reads it next: NUL anywhere, CR in an
    /// argument.
    pub(super) fn is_flawed(&self, line: &[u8]) -> bool {
        match self.name {
            Name::Apop | Name::Pass | Name::User | Name::Xclient | Name::Xoip => {
                memchr(0, line).is_some() || is_flawed(self.argument.unwrap_or_default())
            }
            // Their arguments are read past; in base64 CR is white space.
            Name::Auth | Name::Capa | Name::Noop | Name::Quit | Name::Stls => {
                memchr(0, line).is_some()
            }
            Name::Unknown => is_flawed(line),
        }
    }
}

/// Arguments of AUTH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Auth<'a> {
    pub(super) mechanism: &'a [u8],
    /// Still base64; "=" says empty.
    pub(super) initial_response: Option<&'a [u8]>,
}

/// ```text
/// auth-command  = "AUTH" SP mechanism [SP initial-response] *(CRLF [base64]) [CRLF cancel-response] ; RFC 5034 7
/// initial-response = base64 / "="
/// ```
///
/// Any number of SP may stand around either word.
pub(super) fn auth(argument: &[u8]) -> Auth<'_> {
    let mut cursor = Cursor::new(argument);
    let is_space = |byte: u8| byte == b' ';
    cursor.take_while(is_space);
    let mechanism = cursor.take_while(|byte| !is_space(byte));
    cursor.take_while(is_space);
    let rest = cursor.rest();
    let end =
        rest.iter().rposition(|&byte| !is_space(byte)).map_or(0, |last| last.saturating_add(1));
    let initial_response = rest.get(..end).filter(|text| !text.is_empty());
    Auth { mechanism, initial_response }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> (Name, Option<&str>) {
        let command = Command::parse(line.as_bytes());
        (command.name, command.argument.map(|text| std::str::from_utf8(text).unwrap()))
    }

    #[test]
    fn po_02_the_argument_is_the_rest_of_the_line() {
        assert_eq!(of("PASS  a b "), (Name::Pass, Some(" a b ")));
        assert_eq!(of("pass"), (Name::Pass, None));
        assert_eq!(of("PASS "), (Name::Pass, Some("")));
        assert_eq!(of("USER tim"), (Name::User, Some("tim")));
        assert_eq!(of(""), (Name::Unknown, None));
        assert_eq!(of(" USER tim"), (Name::Unknown, Some("USER tim")));
        assert_eq!(of("USER\ttim"), (Name::Unknown, None));
        assert_eq!(of("USERS"), (Name::Unknown, None));
        assert!(Command::parse(b"QUIT  ").is_bare() && Command::parse(b"QUIT").is_bare());
        assert!(!Command::parse(b"QUIT x").is_bare());
    }

    #[test]
    fn po_03_auth_arguments() {
        let of = |text: &'static str| {
            let auth = auth(text.as_bytes());
            (auth.mechanism, auth.initial_response)
        };
        assert_eq!(of("PLAIN"), (&b"PLAIN"[..], None));
        assert_eq!(of("PLAIN "), (&b"PLAIN"[..], None));
        assert_eq!(of("PLAIN ="), (&b"PLAIN"[..], Some(&b"="[..])));
        assert_eq!(of("  PLAIN   =  "), (&b"PLAIN"[..], Some(&b"="[..])));
        assert_eq!(of("PLAIN a b "), (&b"PLAIN"[..], Some(&b"a b"[..])));
        assert_eq!(of("  "), (&b""[..], None));
    }

    #[test]
    fn cr_is_no_part_of_a_keyword_and_stays_in_arguments() {
        let of = |line: &str| {
            let command = Command::parse(line.as_bytes());
            (command.name, command.is_flawed(line.as_bytes()))
        };
        for quit in ["QUIT\r", "\rQUIT", "\r\rqu\rit\r\r", "QUIT\r \r", "QUIT x\ry"] {
            assert_eq!(of(quit), (Name::Quit, false), "{quit:?}");
        }
        assert_eq!(of("\rUSER tim"), (Name::User, false));
        assert_eq!(of("USER tim\r"), (Name::User, true));
        assert_eq!(of("USER ti\rm"), (Name::User, true));
        assert_eq!(of("\rXYZZY"), (Name::Unknown, true));
        for nul in ["CAPA\0", "CAPA x\0", "USER\0", "PASS x\0", "\0QUIT"] {
            assert!(of(nul).1, "{nul:?}");
        }
    }
}
