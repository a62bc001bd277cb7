//! Why a backend's login failed, for a log: its words (W-FAIL-6), ours, or both. No failure is without.

use crate::limits::LOGGED_LINE_BYTES_MAX;

/// A backend's line: printable, at most `LOGGED_LINE_BYTES_MAX` bytes.
pub(super) fn of(line: &[u8]) -> Box<str> {
    let shown = line.iter().take(LOGGED_LINE_BYTES_MAX);
    let printable = |&byte: &u8| if matches!(byte, b' '..=b'~') { char::from(byte) } else { '?' };
    shown.map(printable).collect::<String>().into()
}

/// What is wrong with a backend's line, in front of it.
pub(crate) fn with(why: &str, line: &[u8]) -> Box<str> {
    let line = of(line);
    if line.is_empty() { why.into() } else { format!("{why}: {line}").into() }
}

/// The backend closed the connection; `before` what it owed. `last`: what it said that may explain it, if anything.
pub(super) fn closed(before: &str, last: &str) -> Box<str> {
    if last.is_empty() {
        format!("closed the connection before {before}").into()
    } else {
        format!("closed the connection before {before}; its last words: {last}").into()
    }
}

/// Bytes in clear behind the go-ahead for TLS (W-BTLS-2).
pub(super) const CLEAR_BEHIND_STARTTLS: &str = "words in clear behind its answer to STARTTLS, where TLS begins: a host \
                                                on the way may have added them";
/// A referral, or what else a backend tells about a user, before TLS stands (W-BTLS-4).
pub(super) const CLEAR_BEFORE_TLS: &str =
    "words in clear before TLS, which count for nothing: a host on the way may have said them";
pub(super) const STARTTLS_MISSING: &str =
    "it offers no STARTTLS, which this login demands (`starttls`, `ssl`)";
pub(crate) const STARTTLS_REFUSED: &str = "it refused STARTTLS, which this login demands";
pub(super) const NO_GREETING: &str = "its first line is no greeting of this protocol";
pub(crate) const ANSWER_TO_NOTHING: &str = "it answers what was not asked";
pub(super) const TOO_LONG: &str = "its answer has no end within the limit";
pub(super) const TOO_MANY_LINES: &str = "it says more lines than a login takes";
pub(crate) const UNEXPECTED: &str = "not what its protocol allows here";
pub(super) const AGREED_TOO_EARLY: &str = "it agreed before it had the password";
/// See [`super::credentials::check`].
pub(super) const UNSENDABLE: &str = "nothing was sent: the user name or password for the backend holds NUL, CR or LF, or \
                                     the name is empty";
pub(super) const NO_HOPS_LEFT: &str = "TTL reached zero: proxies appear to be looping";
pub(super) const BUG: &str = "a fault of Hale's own: the login was gone before it was written";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_fail_6_words_are_printable_and_cut() {
        assert_eq!(&*of(b"a\x1b[2J\r\0\xFF"), "a?[2J???");
        assert_eq!(of(&[b'x'; 500]).len(), LOGGED_LINE_BYTES_MAX);
        assert_eq!(&*with("why", b""), "why");
        assert_eq!(&*with("why", b"x"), "why: x");
        assert_eq!(&*closed("its greeting", ""), "closed the connection before its greeting");
        assert_eq!(&*closed("x", "* BYE"), "closed the connection before x; its last words: * BYE");
    }
}
