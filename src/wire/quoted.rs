//! Quoted strings of IMAP and ManageSieve, read and written.
//!
//! Decides: escapes. Only a quoted string is ever unescaped: a backslash in an atom or literal is itself (nginx once
//! ate it). Tests: below; "no injection" for any content in `tests/pure/imap_properties.rs`.

use super::cursor::Cursor;

/// ```text
/// quoted        = DQUOTE *QUOTED-CHAR DQUOTE              ; RFC 9051 9
/// QUOTED-CHAR   = <any TEXT-CHAR except quoted-specials> / "\" quoted-specials / UTF8-2 / UTF8-3 / UTF8-4
/// ```
///
/// Quirk: behind `\` any byte of a text stands for itself, because Dovecot takes it and clients escape more than they
/// must. Eight-bit bytes are taken as they are; whether they are UTF-8 is for the code that needs them to be. The
/// result is allocated once at full size, so that no copy of a password is left behind in freed memory.
pub fn parse(cursor: &mut Cursor<'_>) -> Option<Vec<u8>> {
    cursor.byte(b'"')?;
    let mut text = Vec::with_capacity(closing_quote(cursor.rest())?);
    loop {
        match *cursor.take(1)?.first()? {
            b'"' => return Some(text),
            b'\\' => text.push(legal(*cursor.take(1)?.first()?)?),
            plain => text.push(legal(plain)?),
        }
    }
}

/// No line end and no NUL, escaped or not: what follows such a byte is another line to some backend.
fn legal(byte: u8) -> Option<u8> {
    (!matches!(byte, b'\r' | b'\n' | 0)).then_some(byte)
}

/// Whether `text` may be written as a quoted string to a peer of which nothing is known: ASCII without CR, LF, NUL.
#[must_use]
pub fn is_quotable(text: &[u8]) -> bool {
    text.iter().all(|&byte| byte.is_ascii() && !matches!(byte, b'\r' | b'\n' | 0))
}

/// Writes a quoted string. The caller has checked [`is_quotable`]; forbidden bytes would be left out.
pub fn write(text: &[u8], out: &mut Vec<u8>) {
    write_parts(&[text], out);
}

/// The same of a text in parts.
pub fn write_parts(parts: &[&[u8]], out: &mut Vec<u8>) {
    out.push(b'"');
    for part in parts {
        let mut rest = *part;
        // Hardly any text has what needs an escape.
        while let Some(at) = rest.iter().position(|&byte| needs_care(byte)) {
            let Some((plain, [special, behind @ ..])) = rest.split_at_checked(at) else { break };
            out.extend_from_slice(plain);
            if matches!(special, b'"' | b'\\') {
                out.extend([b'\\', *special]);
            }
            rest = behind;
        }
        out.extend_from_slice(rest);
    }
    out.push(b'"');
}

/// Whether a byte cannot stand between quotes as it is.
fn needs_care(byte: u8) -> bool {
    #[expect(clippy::indexing_slicing, reason = "computed by the compiler, which would refuse")]
    const fn table() -> [bool; 256] {
        let mut table = [false; 256];
        table[b'"' as usize] = true;
        table[b'\\' as usize] = true;
        table[b'\r' as usize] = true;
        table[b'\n' as usize] = true;
        table[0] = true;
        table
    }
    static TABLE: [bool; 256] = table();
    TABLE.get(usize::from(byte)).copied().unwrap_or(true)
}

/// Where the string ends, escapes included: an upper bound of its content.
fn closing_quote(bytes: &[u8]) -> Option<usize> {
    let mut escaped = false;
    bytes.iter().position(|&byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Option<Vec<u8>> {
        parse(&mut Cursor::new(text))
    }

    #[test]
    fn im_07_escapes() {
        assert_eq!(read(br#""us\"er\\""#), Some(br#"us"er\"#.to_vec()));
        assert_eq!(read(b"\"\""), Some(Vec::new()));
        assert_eq!(read(br#""\a\ \'""#), Some(b"a '".to_vec()), "what needs no escape");
        assert_eq!(read("\"p\u{e4}ss\"".as_bytes()), Some("p\u{e4}ss".as_bytes().to_vec()));
        for bad in [
            &b"\"abc"[..],
            b"\"abc\\",
            b"\"abc\\\"",
            b"\"\\\r\"",
            b"\"\\\n\"",
            b"\"\\\0\"",
            b"\"a\rb\"",
            b"\"a\nb\"",
            b"\"a\0b\"",
            b"abc",
            b"",
        ] {
            assert_eq!(read(bad), None, "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn writes_what_it_reads() {
        let mut out = Vec::new();
        write(br#"a "b\ c"#, &mut out);
        assert_eq!(out, br#""a \"b\\ c""#);
        assert_eq!(read(&out), Some(br#"a "b\ c"#.to_vec()));
        assert!(
            !is_quotable(b"a\r")
                && !is_quotable(b"\0")
                && !is_quotable(b"\x80")
                && is_quotable(b"\x01\t")
        );
    }
}
