//! Cuts IMAP commands out of a byte stream, for the fake backend: lines, literals, nothing about their meaning.

/// What the front of a buffer holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    /// A whole command of `length` bytes.
    Command { length: usize, tag: &'a [u8], verb: &'a [u8], arguments: &'a [u8] },
    /// Not all of it yet. `literals` counts the synchronising literals announced so far: each wants one `+`.
    Incomplete { literals: u8 },
}

/// Reads the first command of `bytes`.
pub(crate) fn parse(bytes: &[u8]) -> Parsed<'_> {
    let mut from = 0;
    let mut literals = 0;
    loop {
        let Some(line_end) = bytes[from..].iter().position(|byte| *byte == b'\n') else {
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
    let whole = trim_line(&bytes[..length]);
    let (tag, rest) = split_word(whole);
    let (verb, arguments) = split_word(rest);
    Parsed::Command { length, tag, verb, arguments }
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

fn split_word(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b' ') {
        Some(space) => (&bytes[..space], &bytes[space + 1..]),
        None => (bytes, &[]),
    }
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

    fn words(bytes: &[u8]) -> (usize, String, String, String) {
        let Parsed::Command { length, tag, verb, arguments } = parse(bytes) else {
            panic!("incomplete");
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (length, text(tag), text(verb), text(arguments))
    }

    #[test]
    fn pipelined_commands_come_one_by_one() {
        let bytes = b"I ID NIL\r\nC CAPABILITY\r\nL LOGIN a b\r\n";
        let first = words(bytes);
        assert_eq!(first, (10, "I".into(), "ID".into(), "NIL".into()));
        assert_eq!(words(&bytes[10..]), (14, "C".into(), "CAPABILITY".into(), String::new()));
    }

    #[test]
    fn literals_belong_to_the_command() {
        let bytes = b"L LOGIN {5+}\r\nuser1 {3}\r\nabc\r\nrest";
        assert_eq!(words(bytes).0, bytes.len() - 4);
        assert_eq!(parse(b"L LOGIN {5+}\r\nuse"), Parsed::Incomplete { literals: 0 });
        assert_eq!(parse(b"L LOGIN {5}\r\n"), Parsed::Incomplete { literals: 1 });
        assert_eq!(parse(b"L LOGIN {5}\r\nuser1 {3}\r\n"), Parsed::Incomplete { literals: 2 });
    }

    #[test]
    fn half_a_line_waits() {
        assert_eq!(parse(b"a NOO"), Parsed::Incomplete { literals: 0 });
    }
}
