//! The grammar of what IMAP clients may say before login (RFC 9051 9, RFC 4959), on complete commands.
//!
//! Decides: what a command's bytes mean. Does not: hold state or reply. Driver: `super`. Tests: below, and beside
//! Dovecot's own answers in `tests/appliance/e2e/oracle`.
//!
//! Quirk `loose_arguments`: where the RFC wants one SP, any number of them may stand, none behind a string that has
//! ended, and some before the line's end; arguments that a command does not take are read past. Dovecot's login takes
//! all that and clients rely on it. Where a command ends was decided before and does not depend on it.

use crate::limits::IMAP_TAG_BYTES_MAX;
use crate::preauth::foreign;
use crate::secret::Secret;
use crate::wire::cursor::Cursor;
use crate::wire::{literal, quoted};

/// Tag and name of a command, as far as they are legal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head<'a> {
    /// A legal tag and a name, known or not.
    Tagged {
        /// May be echoed.
        tag: &'a [u8],
        /// What is asked.
        name: Name,
    },
    /// Nothing on the line.
    Empty,
    /// A command name stands where a tag belongs; it is never echoed, only named by ourselves.
    MissingTag(Name),
    /// No legal tag; nothing may be echoed.
    BadTag,
    /// The first line of an HTTP request.
    Http,
}

/// The commands known before login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Authenticate,
    Capability,
    Enable,
    Id,
    Login,
    Logout,
    Noop,
    Starttls,
    /// Everything else, the commands that need a login included.
    Unknown,
}

impl Name {
    const KNOWN: [(&'static str, Self); 8] = [
        ("AUTHENTICATE", Self::Authenticate),
        ("CAPABILITY", Self::Capability),
        ("ENABLE", Self::Enable),
        ("ID", Self::Id),
        ("LOGIN", Self::Login),
        ("LOGOUT", Self::Logout),
        ("NOOP", Self::Noop),
        ("STARTTLS", Self::Starttls),
    ];

    fn of(word: &[u8]) -> Self {
        let known = |(name, _): &&(&str, Self)| word.eq_ignore_ascii_case(name.as_bytes());
        Self::KNOWN.iter().find(known).map_or(Self::Unknown, |&(_, name)| name)
    }

    pub(super) fn text(self) -> &'static str {
        Self::KNOWN.iter().find(|(_, name)| *name == self).map_or("", |&(text, _)| text)
    }
}

/// Reads tag and name and leaves `cursor` behind the name.
///
/// ```text
/// command       = tag SP (command-any / command-auth / command-nonauth / command-select) CRLF ; RFC 9051 9
/// tag           = 1*<any ASTRING-CHAR except "+">
/// ```
pub(super) fn head<'a>(cursor: &mut Cursor<'a>) -> Head<'a> {
    let line = cursor.rest();
    if line.is_empty() {
        return Head::Empty;
    }
    let tag = cursor.take_while(|byte| byte != b' ');
    let separated = cursor.byte(b' ').is_some();
    if separated && foreign::is_http(line) {
        return Head::Http;
    }
    let legal = |&byte: &u8| is_astring_char(byte) && byte != b'+';
    if !(1..=IMAP_TAG_BYTES_MAX).contains(&tag.len()) || !tag.iter().all(legal) {
        return Head::BadTag;
    }
    let name = Name::of(cursor.take_while(|byte| byte != b' '));
    let first = Name::of(tag);
    if name == Name::Unknown && first != Name::Unknown {
        return Head::MissingTag(first);
    }
    Head::Tagged { tag, name }
}

/// Whether a command that has only begun is an ID, which may be longer than all others.
pub(super) fn is_id(start: &[u8]) -> bool {
    // A tag, the spaces and the name are in here, or it is none of ours.
    let start = start.get(..2 * IMAP_TAG_BYTES_MAX).unwrap_or(start);
    matches!(head(&mut Cursor::new(start)), Head::Tagged { name: Name::Id, .. })
}

/// ```text
/// login         = "LOGIN" SP userid SP password           ; RFC 9051 9
/// userid        = astring
/// password      = astring
/// ```
pub(super) fn login(cursor: &mut Cursor<'_>) -> Option<(Vec<u8>, Secret)> {
    let user = argument(cursor)?;
    let password = Secret::new(argument(cursor)?);
    spaces(cursor);
    cursor.end()?;
    Some((user, password))
}

/// Arguments of AUTHENTICATE: the mechanism and what came with it.
pub(super) struct Authenticate<'a> {
    pub(super) mechanism: &'a [u8],
    /// Still base64; "=" says empty.
    pub(super) initial_response: Option<&'a [u8]>,
}

/// ```text
/// authenticate  = "AUTHENTICATE" SP auth-type [SP initial-resp] *(CRLF base64) ; RFC 9051 9
/// initial-resp  = (base64 / "=")                          ; RFC 4959 7
/// ```
pub(super) fn authenticate<'a>(cursor: &mut Cursor<'a>) -> Option<Authenticate<'a>> {
    let [mechanism, response] = [(); 2].map(|()| {
        spaces(cursor);
        cursor.take_while(|byte| byte != b' ')
    });
    spaces(cursor);
    cursor.end()?;
    let initial_response = Some(response).filter(|text| !text.is_empty());
    Some(Authenticate { mechanism, initial_response })
}

/// Reads past arguments that mean nothing to us.
///
/// ```text
/// arguments     = *(SP / astring / "(" *(SP / astring) ")")
/// ```
pub(super) fn ignored(cursor: &mut Cursor<'_>) -> Option<()> {
    let mut is_open = false;
    loop {
        spaces(cursor);
        match cursor.peek() {
            None => return (!is_open).then_some(()),
            Some(b'(' | b')') if (cursor.peek() == Some(b')')) != is_open => return None,
            Some(parenthesis @ (b'(' | b')')) => {
                cursor.byte(parenthesis)?;
                is_open = !is_open;
            }
            Some(_) => {
                argument(cursor)?;
            }
        }
    }
}

/// ```text
/// astring       = 1*ASTRING-CHAR / string                 ; RFC 9051 9
/// ```
///
/// Quirk `lenient_atom`: besides ASTRING-CHAR, an atom here may hold `%`, `*`, `\`, `{`, `}` behind its first byte and
/// any eight-bit byte, because Dovecot takes most of them and clients send such passwords bare.
fn argument(cursor: &mut Cursor<'_>) -> Option<Vec<u8>> {
    spaces(cursor);
    if let Some(b'"' | b'{') = cursor.peek() {
        return string(cursor);
    }
    let legal = |byte: u8| byte > b' ' && byte != 0x7F && !matches!(byte, b'(' | b')' | b'"');
    let atom = cursor.take_while(legal);
    let ends = matches!(cursor.peek(), None | Some(b' ' | b'(' | b')'));
    (ends && !atom.is_empty()).then(|| atom.to_vec())
}

/// Takes any number of SP.
pub(super) fn spaces(cursor: &mut Cursor<'_>) {
    cursor.take_while(|byte| byte == b' ');
}

/// ```text
/// string        = quoted / literal                        ; RFC 9051 9
/// ```
pub(super) fn string(cursor: &mut Cursor<'_>) -> Option<Vec<u8>> {
    match cursor.peek()? {
        b'"' => quoted::parse(cursor),
        b'{' => literal::parse(cursor).map(<[u8]>::to_vec),
        _ => None,
    }
}

/// ```text
/// nstring       = string / nil                            ; RFC 9051 9
/// ```
#[expect(clippy::option_option, reason = "outside: no match; inside: NIL")]
pub(super) fn nstring(cursor: &mut Cursor<'_>) -> Option<Option<Vec<u8>>> {
    match cursor.peek()? {
        b'"' | b'{' => string(cursor).map(Some),
        _ => nil(cursor).map(|()| None),
    }
}

/// ```text
/// nil           = "NIL"                                   ; RFC 9051 9
/// ```
pub(super) fn nil(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.take(3)?.eq_ignore_ascii_case(b"NIL").then_some(())
}

/// ```text
/// ASTRING-CHAR  = ATOM-CHAR / resp-specials               ; RFC 9051 9
/// ATOM-CHAR     = <any CHAR except atom-specials>
/// atom-specials = "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials / resp-specials
/// ```
fn is_astring_char(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head_of(line: &str) -> Head<'_> {
        head(&mut Cursor::new(line.as_bytes()))
    }

    #[test]
    fn im_08_tags() {
        let tagged = |tag: &'static str, name| Head::Tagged { tag: tag.as_bytes(), name };
        assert_eq!(head_of("a] noop"), tagged("a]", Name::Noop));
        assert_eq!(head_of("a"), tagged("a", Name::Unknown));
        assert_eq!(head_of("a SELECT x"), tagged("a", Name::Unknown));
        assert_eq!(head_of(""), Head::Empty);
        let longest = "x".repeat(IMAP_TAG_BYTES_MAX);
        assert!(matches!(head_of(&format!("{longest} NOOP")), Head::Tagged { .. }));
        assert_eq!(head_of(&format!("{longest}x NOOP")), Head::BadTag);
        for bad in [
            "+ NOOP",
            "a+ NOOP",
            "* NOOP",
            "a) NOOP",
            " NOOP",
            "\u{e9} NOOP",
            "a\t NOOP",
            "a\\ NOOP",
        ] {
            assert_eq!(head_of(bad), Head::BadTag, "{bad}");
        }
        assert_eq!(head_of("LOGIN foo bar"), Head::MissingTag(Name::Login));
        assert_eq!(head_of("login LOGIN foo bar"), tagged("login", Name::Login));
    }

    #[test]
    fn im_16_http_is_no_tag() {
        assert_eq!(head_of("GET / HTTP/1.1"), Head::Http);
        assert!(matches!(head_of("GET LOGIN a b"), Head::Tagged { .. }));
    }

    #[test]
    fn im_07_login_arguments() {
        let of = |text: &str| {
            login(&mut Cursor::new(text.as_bytes())).map(|(u, p)| (u, p.expose().to_vec()))
        };
        let pair = |user: &str, password: &str| {
            Some((user.as_bytes().to_vec(), password.as_bytes().to_vec()))
        };
        assert_eq!(of(" u p"), pair("u", "p"));
        assert_eq!(of(r#" "us\"er" "p w""#), pair("us\"er", "p w"));
        assert_eq!(of(" {2}\r\nus {3+}\r\np\"\\"), pair("us", "p\"\\"));
        assert_eq!(of(r" u p\a*%{"), pair("u", r"p\a*%{"));
        assert_eq!(of(" \"\" \"\""), pair("", ""));
        for bad in [
            "",
            " u",
            " u ",
            " u p x",
            " u p \"\"",
            " u\"p\"",
            " u p)",
            " u \"p",
            " {1}\r\nuX p",
            " u\tp",
            " (u) p",
            " u ~{1}\r\np ",
        ] {
            assert_eq!(of(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn loose_arguments_of_login() {
        let of = |text: &str| {
            login(&mut Cursor::new(text.as_bytes())).map(|(u, p)| (u, p.expose().to_vec()))
        };
        for loose in [
            " u p ",
            " u p   ",
            "  u p",
            " u   p",
            " \"u\"\"p\"",
            " \"u\"p",
            " \"u\"  \"p\" ",
            " {1}\r\nu  p ",
            " {1+}\r\nu\"p\"",
            " {1+}\r\nu{1+}\r\np ",
            " \"u\"{1+}\r\np",
            r#" "\u" "\p""#,
        ] {
            assert_eq!(of(loose), Some((b"u".to_vec(), b"p".to_vec())), "{loose:?}");
        }
    }

    #[test]
    fn im_09_authenticate_arguments() {
        let of = |text: &'static str| {
            authenticate(&mut Cursor::new(text.as_bytes()))
                .map(|a| (a.mechanism, a.initial_response))
        };
        assert_eq!(of(" PLAIN"), Some((&b"PLAIN"[..], None)));
        assert_eq!(of(" PLAIN ="), Some((&b"PLAIN"[..], Some(&b"="[..]))));
        assert_eq!(of("  PLAIN  =  "), Some((&b"PLAIN"[..], Some(&b"="[..]))));
        assert_eq!(of(" PLAIN  "), Some((&b"PLAIN"[..], None)));
        assert_eq!(of(""), Some((&b""[..], None)));
        assert_eq!(of(" PLAIN = ="), None);
    }

    #[test]
    fn im_17_loose_arguments_where_none_count() {
        let of = |text: &str| ignored(&mut Cursor::new(text.as_bytes())).is_some();
        for taken in [
            "",
            "  ",
            " CONDSTORE",
            " A  B ",
            " (A)",
            " () (A \"b\")x",
            " \"a\"\"b\"",
            " {3+}\r\na\r\n{1+}\r\n) x",
            " ({1}\r\nx)",
        ] {
            assert!(of(taken), "{taken:?}");
        }
        let deep = "(".repeat(8000);
        for bad in
            [" \"a", " (", " )", " ((a))", " a) b", " a\"b\"", " a\tb", " {5+}\r\nabc", &deep]
        {
            assert!(!of(bad), "{bad:?}");
        }
    }

    #[test]
    fn im_12_only_an_id_is_an_id() {
        let long = "x".repeat(9000);
        for (line, expected) in [
            (format!("a ID (\"k\" \"{long}"), true),
            (format!("{} id (", &long[..IMAP_TAG_BYTES_MAX]), true),
            (format!("a IDLE {long}"), false),
            (format!("a NOOP ID {long}"), false),
            (format!("{long} ID ("), false),
            (format!("+ ID ({long}"), false),
        ] {
            assert_eq!(is_id(line.as_bytes()), expected, "{}", line.get(..20).unwrap());
        }
    }
}
