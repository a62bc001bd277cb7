//! Cuts commands out of a byte stream, for the fake backends: lines, literals, nothing about their meaning.

use memchr::memchr;

/// What the front of a buffer holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    /// A whole command of `length` bytes, and the same without its line end.
    Command { length: usize, whole: &'a [u8] },
    /// Not all of it yet. `literals` counts the synchronising literals announced so far: each wants one `+`.
    Incomplete { literals: u8 },
}

/// Reads the first line of `bytes`.
pub(crate) fn line(bytes: &[u8]) -> Parsed<'_> {
    match memchr(b'\n', bytes) {
        Some(end) => command(bytes, end + 1),
        None => Parsed::Incomplete { literals: 0 },
    }
}

/// Reads the first command of `bytes`, literals included.
pub(crate) fn with_literals(bytes: &[u8]) -> Parsed<'_> {
    let mut from = 0;
    let mut literals = 0;
    loop {
        let Some(line_end) = memchr(b'\n', &bytes[from..]) else {
            return Parsed::Incomplete { literals };
        };
        let end = from + line_end + 1;
        let line = trim_line(&bytes[from..end]);
        let Some((size, synchronising)) = literal(line) else {
            return command(bytes, end);
        };
        if end + size > bytes.len() {
            return Parsed::Incomplete { literals: literals + u8::from(synchronising) };
        }
        literals += u8::from(synchronising);
        from = end + size;
    }
}

fn command(bytes: &[u8], length: usize) -> Parsed<'_> {
    Parsed::Command { length, whole: trim_line(&bytes[..length]) }
}

/// The first word and what stands behind the space after it.
pub(crate) fn split_word(bytes: &[u8]) -> (&[u8], &[u8]) {
    match memchr(b' ', bytes) {
        Some(space) => (&bytes[..space], &bytes[space + 1..]),
        None => (bytes, &[]),
    }
}

/// The size a line announces at its end, `{5}` or `{5+}`, and whether the sender waits for a continuation.
fn literal(line: &[u8]) -> Option<(usize, bool)> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|byte| *byte == b'{')?;
    let digits = &inner[open + 1..];
    let (digits, synchronising) = match digits.strip_suffix(b"+") {
        Some(digits) => (digits, false),
        None => (digits, true),
    };
    let size = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (size <= LITERAL_BYTES_MAX).then_some((size, synchronising))
}

fn trim_line(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Names and passwords only; bulk bytes do not travel as literals here.
const LITERAL_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn first(bytes: &[u8]) -> (usize, String) {
        let Parsed::Command { length, whole } = with_literals(bytes) else {
            panic!("incomplete");
        };
        (length, String::from_utf8_lossy(whole).into_owned())
    }

    #[test]
    fn pipelined_commands_come_one_by_one() {
        let bytes = b"I ID NIL\r\nC CAPABILITY\r\nL LOGIN a b\r\n";
        assert_eq!(first(bytes), (10, "I ID NIL".into()));
        assert_eq!(first(&bytes[10..]), (14, "C CAPABILITY".into()));
        assert_eq!(split_word(b"L LOGIN a b"), (&b"L"[..], &b"LOGIN a b"[..]));
    }

    #[test]
    fn literals_belong_to_the_command() {
        let bytes = b"L LOGIN {5+}\r\nuser1 {3}\r\nabc\r\nrest";
        assert_eq!(first(bytes).0, bytes.len() - 4);
        assert_eq!(with_literals(b"L LOGIN {5+}\r\nuse"), Parsed::Incomplete { literals: 0 });
        assert_eq!(with_literals(b"L LOGIN {5}\r\n"), Parsed::Incomplete { literals: 1 });
        let two = b"L LOGIN {5}\r\nuser1 {3}\r\n";
        assert_eq!(with_literals(two), Parsed::Incomplete { literals: 2 });
    }

    #[test]
    fn half_a_line_waits() {
        assert_eq!(with_literals(b"a NOO"), Parsed::Incomplete { literals: 0 });
        assert_eq!(line(b"NOO"), Parsed::Incomplete { literals: 0 });
    }
}
