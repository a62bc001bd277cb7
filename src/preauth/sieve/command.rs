//! The grammar of what ManageSieve clients may say before login (RFC 5804 4), on complete commands.
//!
//! Decides: what a command's bytes mean. Does not: hold state or reply. Driver: `super`. Tests: below, and beside
//! Dovecot's own answers in `tests/appliance/e2e/oracle`.
//!
//! Quirk `loose_arguments`: any number of SP may stand where the RFC wants one, none between two strings, and some before
//! the line's end; what follows the last argument of AUTHENTICATE and of its responses is not looked at. Dovecot's login
//! takes all that. Where a command ends was decided before and does not depend on it.

use crate::wire::cursor::Cursor;
use crate::wire::sieve::{QUOTED_BYTES_MAX, string};

/// The commands known before login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Authenticate,
    Capability,
    Logout,
    Noop,
    Starttls,
    Xclient,
    /// A command that needs a login.
    Later,
    Unknown,
}

impl Name {
    const KNOWN: [(&'static str, Self); 14] = [
        ("AUTHENTICATE", Self::Authenticate),
        ("CAPABILITY", Self::Capability),
        ("LOGOUT", Self::Logout),
        ("NOOP", Self::Noop),
        ("STARTTLS", Self::Starttls),
        ("XCLIENT", Self::Xclient),
        ("CHECKSCRIPT", Self::Later),
        ("DELETESCRIPT", Self::Later),
        ("GETSCRIPT", Self::Later),
        ("HAVESPACE", Self::Later),
        ("LISTSCRIPTS", Self::Later),
        ("PUTSCRIPT", Self::Later),
        ("RENAMESCRIPT", Self::Later),
        ("SETACTIVE", Self::Later),
    ];

    /// Takes the command's name.
    pub(super) fn take(cursor: &mut Cursor<'_>) -> Self {
        let word = cursor.take_while(|byte| byte != b' ');
        let known = |(name, _): &&(&str, Self)| word.eq_ignore_ascii_case(name.as_bytes());
        Self::KNOWN.iter().find(known).map_or(Self::Unknown, |&(_, name)| name)
    }
}

/// Whether nothing but spaces is left.
pub(super) fn is_bare(cursor: Cursor<'_>) -> bool {
    cursor.rest().iter().all(|&byte| byte == b' ')
}

/// Arguments of AUTHENTICATE.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Authenticate {
    pub(super) mechanism: Vec<u8>,
    /// Still base64; empty says empty.
    pub(super) initial_response: Option<Vec<u8>>,
}

/// ```text
/// command-authenticate = "AUTHENTICATE" SP auth-type [SP string] *(CRLF string) ; RFC 5804 4
/// auth-type     = DQUOTE auth-type-name DQUOTE
/// ```
///
/// Quirk: the mechanism may be any string.
pub(super) fn authenticate(cursor: &mut Cursor<'_>) -> Option<Authenticate> {
    cursor.byte(b' ')?;
    let mechanism = argument(cursor)?;
    let initial_response = if is_bare(*cursor) { None } else { Some(argument(cursor)?) };
    Some(Authenticate { mechanism, initial_response })
}

/// ```text
/// command-noop  = "NOOP" [SP string] CRLF                 ; RFC 5804 4
/// ```
#[expect(clippy::option_option, reason = "outside: no match; inside: no tag")]
pub(super) fn noop(cursor: &mut Cursor<'_>) -> Option<Option<Vec<u8>>> {
    if is_bare(*cursor) {
        return Some(None);
    }
    cursor.byte(b' ')?;
    let tag = argument(cursor)?;
    is_bare(*cursor).then_some(Some(tag))
}

/// The line or lines of a SASL response: a string.
pub(super) fn response(line: &[u8]) -> Option<Vec<u8>> {
    argument(&mut Cursor::new(line))
}

/// A string within the limit of its form and without NUL (MS-02), behind any number of SP.
fn argument(cursor: &mut Cursor<'_>) -> Option<Vec<u8>> {
    cursor.take_while(|byte| byte == b' ');
    let is_quoted = cursor.peek() == Some(b'"');
    let text = string(cursor)?;
    let fits = !is_quoted || text.len() <= QUOTED_BYTES_MAX;
    (fits && !text.contains(&0)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_case() {
        let of = |line: &str| Name::take(&mut Cursor::new(line.as_bytes()));
        assert_eq!(of("noop \"x\""), Name::Noop);
        assert_eq!(of("PUTSCRIPT \"x\" {1+}"), Name::Later);
        assert_eq!(of("UNAUTHENTICATE"), Name::Unknown);
        assert_eq!(of(""), Name::Unknown);
        assert_eq!(of("NOOP\"x\""), Name::Unknown);
    }

    #[test]
    fn w_sasl_8_authenticate_arguments() {
        let of = |text: &str| {
            let found = authenticate(&mut Cursor::new(text.as_bytes()))?;
            let own = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            Some((own(found.mechanism), found.initial_response.map(own)))
        };
        let expect = |mechanism: &str, initial: Option<&str>| {
            Some((mechanism.to_owned(), initial.map(str::to_owned)))
        };
        assert_eq!(of(" \"PLAIN\""), expect("PLAIN", None));
        assert_eq!(of(" \"PLAIN\" "), expect("PLAIN", None));
        assert_eq!(of(" \"PLAIN\" \"\""), expect("PLAIN", Some("")));
        assert_eq!(of(" {5+}\r\nPLAIN {4+}\r\ndGlt"), expect("PLAIN", Some("dGlt")));
        for bad in ["", " ", " PLAIN", " \"PLAIN\" dGlt", " \"PLAIN", "\"PLAIN\"", "\t\"PLAIN\""] {
            assert_eq!(of(bad), None, "{bad}");
        }
        for loose in [
            "  \"PLAIN\"  \"dGlt\"  ",
            " \"PLAIN\"\"dGlt\"",
            " \"PLAIN\"{4+}\r\ndGlt",
            " {5}\r\nPLAIN {4}\r\ndGlt ",
            " \"PLAIN\" \"dGlt\" \"x\" y",
        ] {
            assert_eq!(of(loose), expect("PLAIN", Some("dGlt")), "{loose}");
        }
    }

    #[test]
    fn loose_arguments_of_noop() {
        let of = |text: &str| noop(&mut Cursor::new(text.as_bytes()));
        assert_eq!(of(""), Some(None));
        assert_eq!(of("   "), Some(None));
        assert_eq!(of("   \"a\"  "), Some(Some(b"a".to_vec())));
        for bad in ["\"a\"", " a", " \"a\" \"b\"", " \"a\"x", " \"a", "\t\"a\""] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn ms_02_strings_at_their_limits() {
        let quoted = |bytes: usize| format!("\"{}\"", "x".repeat(bytes)).into_bytes();
        assert!(response(&quoted(QUOTED_BYTES_MAX)).is_some());
        assert!(response(&quoted(QUOTED_BYTES_MAX + 1)).is_none());
        assert!(response(b"{2000+}\r\n").is_none());
        for loose in [&b"\"a\""[..], b"  \"a\"  ", b"\"a\" \"b\"", b" {1}\r\na "] {
            assert_eq!(response(loose).as_deref(), Some(&b"a"[..]), "{}", loose.escape_ascii());
        }
        for bad in
            [&b"\"a\0b\""[..], b"{1+}\r\n\0", b"\"a", b"\"a\\\0\"", b"*", b" ", b"\t\"a\"", b""]
        {
            assert!(response(bad).is_none(), "{}", bad.escape_ascii());
        }
        assert_eq!(response(b"{1+}\r\n*").as_deref(), Some(&b"*"[..]));
    }
}
