//! Lexis of ManageSieve (RFC 5804 4): strings, and the line that ends every answer.
//!
//! Decides: where a response code ends, how a string is written. Does not: know a command or what a code means. Driver:
//! both dialogues. Tests: below.
//!
//! Between `backend` and `preauth` a response travels as one text, `(CODE …) words` or ` words`, see
//! [`Response::text`].

use super::cursor::Cursor;
use super::{literal, quoted};

/// ```text
/// string        = quoted / literal-c2s / literal-s2c      ; RFC 5804 4
/// ```
pub fn string(cursor: &mut Cursor<'_>) -> Option<Vec<u8>> {
    match cursor.peek()? {
        b'"' => quoted::parse(cursor),
        b'{' => literal::parse(cursor).map(<[u8]>::to_vec),
        _ => None,
    }
}

/// Content of a quoted string at most (RFC 5804 4); longer strings are literals.
pub const QUOTED_BYTES_MAX: usize = 1024;

/// Who writes a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// `literal-c2s = "{" number "+}" CRLF *OCTET`.
    Client,
    /// `literal-s2c = "{" number "}" CRLF *OCTET`.
    Server,
}

/// Writes a string, quoted if that can hold it. NUL is left out: no string may hold it.
pub fn write_string(text: &[u8], writer: Writer, out: &mut Vec<u8>) {
    let is_plain = !text.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
    if is_plain && text.len() <= QUOTED_BYTES_MAX {
        return quoted::write(text, out);
    }
    let text: Vec<u8> = text.iter().copied().filter(|&byte| byte != 0).collect();
    let plus = match writer {
        Writer::Client => "+",
        Writer::Server => "",
    };
    out.extend(format!("{{{}{plus}}}\r\n", text.len()).as_bytes());
    out.extend(text);
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok,
    /// Refused.
    No,
    /// Refused, and the connection ends.
    Bye,
}

/// The line that ends an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// Its first word.
    pub status: Status,
    /// What stands between the parentheses; empty: there are none.
    pub code: &'a [u8],
    /// The words for humans.
    pub words: Vec<u8>,
}

impl<'a> Response<'a> {
    /// ```text
    /// response-oknobye = ("OK" / "NO" / "BYE") [SP "(" resp-code ")"] [SP string] CRLF ; RFC 5804 4
    /// ```
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(line);
        let word = cursor.take_while(|byte| byte != b' ');
        let status = match () {
            () if word.eq_ignore_ascii_case(b"OK") => Status::Ok,
            () if word.eq_ignore_ascii_case(b"NO") => Status::No,
            () if word.eq_ignore_ascii_case(b"BYE") => Status::Bye,
            () => return None,
        };
        let (mut code, mut words): (&[u8], _) = (b"", Vec::new());
        while cursor.byte(b' ').is_some() {
            match cursor.peek() {
                Some(b'(') if code.is_empty() && words.is_empty() => {
                    code = in_parentheses(&mut cursor)?;
                }
                // Trailing SP.
                None => break,
                Some(_) => words = string(&mut cursor)?,
            }
        }
        cursor.end()?;
        Some(Self { status, code, words })
    }

    /// Whether the code has this name, in any case; `TRYLATER` is not `TRYLATER/NORETRY`.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        let first = self.code.split(|&byte| byte == b' ').next().unwrap_or_default();
        first.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Code and words as one text, without line ends, for [`write_response`].
    #[must_use]
    pub fn text(&self) -> Box<[u8]> {
        let mut text = Vec::with_capacity(self.code.len().saturating_add(self.words.len()));
        // A code with a literal in it is of no use to a client that reads line by line.
        if !self.code.is_empty() && !self.code.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
            text.push(b'(');
            text.extend(self.code);
            text.push(b')');
        }
        text.push(b' ');
        let line_end = |byte: &u8| if matches!(byte, b'\r' | b'\n' | 0) { b' ' } else { *byte };
        text.extend(self.words.iter().map(line_end));
        text.into()
    }
}

/// Writes a response. `text` is what [`Response::text`] made, or plain words of ours, or those of an operator.
pub fn write_response(status: Status, text: &[u8], out: &mut Vec<u8>) {
    out.extend(match status {
        Status::Ok => &b"OK"[..],
        Status::No => b"NO",
        Status::Bye => b"BYE",
    });
    let mut cursor = Cursor::new(text);
    let code = if text.starts_with(b"(") { in_parentheses(&mut cursor) } else { None };
    // Parentheses without an end are words.
    let words = if code.is_some() { cursor.rest() } else { text };
    if let Some(code) = code {
        out.extend(b" (");
        out.extend(code.iter().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)));
        out.push(b')');
    }
    let words = words.trim_ascii_start();
    if !words.is_empty() {
        out.push(b' ');
        write_string(words, Writer::Server, out);
    }
    out.extend(b"\r\n");
}

/// Takes `(…)` and returns what is inside. Strings may hold parentheses; extensions may nest them.
fn in_parentheses<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    cursor.byte(b'(')?;
    let inside = cursor.rest();
    let mut depth = 1_usize;
    loop {
        match cursor.peek()? {
            b'"' | b'{' => {
                string(cursor)?;
                continue;
            }
            b'(' => depth = depth.saturating_add(1),
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            let code = inside.get(..inside.len().checked_sub(cursor.rest().len())?)?;
            cursor.byte(b')')?;
            return Some(code);
        }
        cursor.take(1)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<(Status, String, String)> {
        let response = Response::parse(line.as_bytes())?;
        let own = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some((response.status, own(response.code), own(&response.words)))
    }

    fn expect(status: Status, code: &str, words: &str) -> Option<(Status, String, String)> {
        Some((status, code.to_owned(), words.to_owned()))
    }

    #[test]
    fn w_sv_b1_responses_with_codes_and_strings() {
        assert_eq!(of("OK"), expect(Status::Ok, "", ""));
        assert_eq!(of("ok \"hi\""), expect(Status::Ok, "", "hi"));
        assert_eq!(of("NO (TRYLATER) \"x\""), expect(Status::No, "TRYLATER", "x"));
        assert_eq!(of("BYE (TRYLATER)"), expect(Status::Bye, "TRYLATER", ""));
        assert_eq!(of("OK {3}\r\nabc"), expect(Status::Ok, "", "abc"));
        assert_eq!(
            of("NO (REFERRAL \"sieve://a)b\") \"go (now)\""),
            expect(Status::No, "REFERRAL \"sieve://a)b\"", "go (now)")
        );
        assert_eq!(of("NO (X {2}\r\n)) (Y)) \"z\""), expect(Status::No, "X {2}\r\n)) (Y)", "z"));
        assert_eq!(of("OK "), expect(Status::Ok, "", ""));
        for bad in [
            "",
            "OKAY",
            "\"SASL\" \"PLAIN\"",
            "NO (X",
            "NO \"x",
            "NO x",
            "NO \"x\" (Y)",
            "NO (\"x)",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
        let response = Response::parse(b"NO (trylater/noretry) \"x\"").unwrap();
        assert!(response.is("TRYLATER/NORETRY") && !response.is("TRYLATER"));
    }

    #[test]
    fn a_response_travels_as_one_line() {
        let again = |line: &str| {
            let response = Response::parse(line.as_bytes()).unwrap();
            let mut out = Vec::new();
            write_response(response.status, &response.text(), &mut out);
            String::from_utf8(out).unwrap()
        };
        for same in
            ["OK\r\n", "NO (LIMIT/X) \"a\\\"b\"\r\n", "OK \"(hi) there\"\r\n", "NO (X \"a)\")\r\n"]
        {
            assert_eq!(again(same.trim_ascii_end()), same);
        }
        assert_eq!(again("NO {4}\r\na\r\nb"), "NO \"a  b\"\r\n");
        assert_eq!(again("NO (X {1}\r\nb) \"c\""), "NO \"c\"\r\n");
        let mut out = Vec::new();
        write_response(Status::No, b"(broken \"", &mut out);
        assert_eq!(out, b"NO \"(broken \\\"\"\r\n");
    }

    #[test]
    fn strings_are_quoted_while_they_may_be() {
        let of = |text: &[u8], writer| {
            let mut out = Vec::new();
            write_string(text, writer, &mut out);
            out
        };
        assert_eq!(of(b"", Writer::Server), b"\"\"");
        assert_eq!(of(b"a\\\"b", Writer::Server), b"\"a\\\\\\\"b\"");
        assert_eq!(of(b"a\nb", Writer::Server), b"{3}\r\na\nb");
        let long = [b'x'; QUOTED_BYTES_MAX + 1];
        assert!(of(&long, Writer::Client).starts_with(b"{1025+}\r\nxxx"));
        assert!(of(&long[1..], Writer::Client).starts_with(b"\"xxx"));
    }
}
