//! A command line taken apart: verb and argument (RFC 5321 4.1.1), and the few arguments that Submission and LMTP
//! share.
//!
//! Decides: which word a verb is, what a client may call itself. Does not: know when a command is allowed. Driver: the
//! dialogues with clients. Tests: below.

use crate::limits::SMTP_HELO_BYTES_MAX;
use crate::wire::resp_text::split_word;

/// One command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'a> {
    /// What is to be done.
    pub verb: Verb,
    /// What stands behind the verb and one SP, without trailing white space; empty when there is nothing.
    pub argument: &'a [u8],
}

macro_rules! verbs {
    ($($verb:ident $text:literal $doc:literal,)+) => {
        /// The first word of a command.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Verb {
            $(#[doc = $doc] $verb,)+
            /// Any other.
            Unknown,
        }

        impl Verb {
            const NAMES: &'static [(Self, &'static str)] = &[$((Self::$verb, $text),)+];
        }
    };
}

verbs! {
    Auth "AUTH" "RFC 4954.",
    Bdat "BDAT" "RFC 3030.",
    Burl "BURL" "RFC 4468.",
    Data "DATA" "RFC 5321.",
    Ehlo "EHLO" "RFC 5321.",
    Expn "EXPN" "RFC 5321.",
    Helo "HELO" "RFC 5321.",
    Help "HELP" "RFC 5321.",
    Lhlo "LHLO" "RFC 2033.",
    Mail "MAIL" "RFC 5321.",
    Noop "NOOP" "RFC 5321.",
    Quit "QUIT" "RFC 5321.",
    Rcpt "RCPT" "RFC 5321.",
    Rset "RSET" "RFC 5321.",
    Starttls "STARTTLS" "RFC 3207.",
    Vrfy "VRFY" "RFC 5321.",
    Xclient "XCLIENT" "postfix.org/XCLIENT_README.html.",
}

/// ```text
/// command       = verb [SP argument] *SP CRLF             ; RFC 5321 4.1.1
/// verb          = 1*ALPHA
/// ```
///
/// In any case. White space before CRLF is tolerated, as RFC 5321 4.1.1 recommends (W-SUB-7); elsewhere only SP is SP.
#[must_use]
pub fn parse(line: &[u8]) -> Command<'_> {
    let (word, argument) = split_word(without_white_end(line));
    let known = Verb::NAMES.iter().find(|(_, name)| word.eq_ignore_ascii_case(name.as_bytes()));
    Command { verb: known.map_or(Verb::Unknown, |&(verb, _)| verb), argument }
}

/// A line without the SP and TAB before its end.
#[must_use]
pub fn without_white_end(line: &[u8]) -> &[u8] {
    let is_white = |byte: &u8| matches!(byte, b' ' | b'\t');
    let end =
        line.iter().rposition(|byte| !is_white(byte)).map_or(0, |last| last.saturating_add(1));
    line.get(..end).unwrap_or_default()
}

/// What a client calls itself in EHLO, HELO or LHLO.
///
/// ```text
/// ehlo          = "EHLO" SP ( Domain / address-literal ) CRLF ; RFC 5321 4.1.1.1
/// ```
///
/// Quirk `lenient_helo`: clients send host names with underscores, bare words and worse, so only what no client could
/// quote is refused: nothing, control bytes, not UTF-8, more than 255 bytes (W-SUB-2).
#[must_use]
pub fn helo_name(argument: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(argument).ok()?;
    let legal = (1..=SMTP_HELO_BYTES_MAX).contains(&name.len())
        && !name.bytes().any(|byte| byte.is_ascii_control());
    legal.then_some(name)
}

/// Whether a greeting with this argument is answered, as Dovecot does, though the name cannot be kept because it is too
/// long.
#[must_use]
pub fn is_helo(argument: &[u8]) -> bool {
    let Ok(name) = std::str::from_utf8(argument) else {
        return false;
    };
    !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_control())
}

/// A chunk's announcement.
///
/// ```text
/// bdat-cmd      = "BDAT" SP chunk-size [ SP end-marker ] CRLF ; RFC 3030 2
/// chunk-size    = 1*DIGIT
/// end-marker    = "LAST"
/// ```
///
/// A number that fits nothing is none: that many bytes could not be read past.
#[must_use]
pub fn bdat(argument: &[u8]) -> Option<(u64, IsLast)> {
    let (digits, rest) = split_word(argument);
    // `parse` would take a sign, too.
    let is_number = digits.iter().all(u8::is_ascii_digit);
    let size = std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()?;
    match rest {
        b"" if !argument.ends_with(b" ") => Some((size, IsLast::No)),
        word if word.eq_ignore_ascii_case(b"LAST") => Some((size, IsLast::Yes)),
        _ => None,
    }
}

/// Whether a chunk ends the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsLast {
    /// `LAST`.
    Yes,
    /// More chunks follow.
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> (Verb, &str) {
        let command = parse(line.as_bytes());
        (command.verb, std::str::from_utf8(command.argument).unwrap())
    }

    #[test]
    fn w_sub_7_verbs_in_any_case_and_trailing_spaces() {
        assert_eq!(of("quit"), (Verb::Quit, ""));
        assert_eq!(of("StartTLS  "), (Verb::Starttls, ""));
        assert_eq!(of("MAIL FROM:<a@b> SIZE=1 "), (Verb::Mail, "FROM:<a@b> SIZE=1"));
        assert_eq!(of("AUTH  PLAIN"), (Verb::Auth, " PLAIN"));
        assert_eq!(of("RSET\t"), (Verb::Rset, ""));
        assert_eq!(of("AUTH PLAIN =\t \t"), (Verb::Auth, "PLAIN ="));
        for unknown in ["", " ", "\t", "NOOPX", "NOO", " NOOP", "NOOP\tx", "GET / HTTP/1.1"] {
            assert_eq!(of(unknown).0, Verb::Unknown, "{unknown:?}");
        }
        for (verb, name) in Verb::NAMES {
            assert_eq!(of(name), (*verb, ""));
        }
    }

    #[test]
    fn w_sub_2_su_03_names_of_clients() {
        for good in ["a", "my_host", "[192.0.2.1]", "[IPv6:::1]", "b\u{fc}ro pc", &"x".repeat(255)]
        {
            assert_eq!(helo_name(good.as_bytes()), Some(good));
        }
        for bad in ["", "a\tb", "a\x7f", &"x".repeat(256)] {
            assert_eq!(helo_name(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(helo_name(b"\xff"), None);
        assert!(is_helo(&[b'x'; 900]) && is_helo(b"a"));
        assert!(!is_helo(b"\xff") && !is_helo(b"") && !is_helo(b"a\tb"));
    }

    #[test]
    fn lm_07_chunks() {
        assert_eq!(bdat(b"0"), Some((0, IsLast::No)));
        assert_eq!(bdat(b"86400 last"), Some((86_400, IsLast::Yes)));
        assert_eq!(bdat(b"18446744073709551615"), Some((u64::MAX, IsLast::No)));
        for bad in
            ["", "-1", "+1", "1 ", "1  LAST", "LAST", "1 LAST x", "1x", "18446744073709551616"]
        {
            assert_eq!(bdat(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
