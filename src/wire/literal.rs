//! Literals: strings announced by their length at the end of a line (RFC 3501 4.3, RFC 7888).
//!
//! Decides: what announces a literal and how long it claims to be. Does not: allocate from the number, or decide
//! whether it is welcome. Driver: `frame` while bytes arrive, the grammar once a command is complete. Tests: below.

use super::cursor::Cursor;

/// The announcement at the end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// How many bytes follow the line's end; `u64::MAX` when the number has more digits than any legal one.
    pub bytes: u64,
    /// The sender waits for our consent before it sends them.
    pub synchronising: bool,
    /// Whether a literal may stand here at all: behind SP, `(`, or a string that has ended, and not the `~{` of
    /// literal8.
    pub well_placed: bool,
}

const DIGITS_MAX: usize = 10;

/// Finds the announcement that ends `line`, which comes without its line end.
///
/// ```text
/// literal       = "{" number64 ["+"] "}" CRLF *CHAR8      ; RFC 9051 9; RFC 7888 4
/// ```
///
/// Anything else at the end of a line (`{}`, `{-1}`, `{5 }`, `{5+`) announces nothing. A number of more than ten digits
/// announces a literal too large for any limit: its sender may well send that many bytes.
#[must_use]
pub fn announced(line: &[u8]) -> Option<Announcement> {
    let inner = line.strip_suffix(b"}")?;
    let (inner, synchronising) = match inner.strip_suffix(b"+") {
        Some(inner) => (inner, false),
        None => (inner, true),
    };
    let digits = inner.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (before, number) = inner.split_at_checked(inner.len().checked_sub(digits)?)?;
    let before = before.strip_suffix(b"{")?;
    if number.is_empty() {
        return None;
    }
    let bytes = if number.len() > DIGITS_MAX { u64::MAX } else { value(number)? };
    // With nothing before it, the literal stands directly behind another, or where no command begins with one.
    let well_placed = matches!(before.last(), None | Some(b' ' | b'(' | b'"'));
    Some(Announcement { bytes, synchronising, well_placed })
}

/// Takes an announcement, its line end and the announced bytes out of a complete command.
pub fn parse<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    cursor.byte(b'{')?;
    let number = cursor.take_while(|byte| byte.is_ascii_digit());
    if number.is_empty() || number.len() > DIGITS_MAX {
        return None;
    }
    if cursor.peek() == Some(b'+') {
        cursor.byte(b'+')?;
    }
    cursor.byte(b'}')?;
    if cursor.peek() == Some(b'\r') {
        cursor.byte(b'\r')?;
    }
    cursor.byte(b'\n')?;
    cursor.take(usize::try_from(value(number)?).ok()?)
}

/// At most ten digits, so nothing overflows; checked all the same.
fn value(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |sum, &digit| {
        sum.checked_mul(10)?.checked_add(u64::from(digit.checked_sub(b'0')?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<(u64, bool)> {
        announced(line.as_bytes()).map(|found| (found.bytes, found.synchronising))
    }

    #[test]
    fn im_04_announcements_and_what_only_looks_like_one() {
        assert_eq!(of("a LOGIN {5}"), Some((5, true)));
        assert_eq!(of("a LOGIN {5+}"), Some((5, false)));
        assert_eq!(of("a LOGIN {0}"), Some((0, true)));
        assert_eq!(of("a LOGIN {01}"), Some((1, true)));
        assert_eq!(of("a LOGIN {4294967296}"), Some((4_294_967_296, true)));
        assert_eq!(of("a LOGIN {18446744073709551616+}"), Some((u64::MAX, false)));
        for none in
            ["{}", "{-1}", "{+}", "{5+", "{1+ }", "{5 }", "5}", "{5}x", "", "}", "{5++}", "{5-}"]
        {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn placement_is_told() {
        for (line, expected) in [
            ("x {1}", true),
            ("x ({1}", true),
            ("x \"y\"{1}", true),
            ("{1}", true),
            ("x ~{1}", false),
            ("x{1}", false),
        ] {
            assert_eq!(announced(line.as_bytes()).unwrap().well_placed, expected, "{line}");
        }
    }

    #[test]
    fn takes_exactly_the_announced_bytes() {
        let mut cursor = Cursor::new(b"{3}\r\n}\r\n x");
        assert_eq!(parse(&mut cursor), Some(&b"}\r\n"[..]));
        assert_eq!(cursor.rest(), b" x");
        assert_eq!(parse(&mut Cursor::new(b"{0+}\n")), Some(&b""[..]));
        assert_eq!(parse(&mut Cursor::new(b"{4}\r\nabc")), None);
        assert_eq!(parse(&mut Cursor::new(b"{99999999999}\r\nabc")), None);
    }
}
