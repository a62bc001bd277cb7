//! A distinguished name as text (RFC 2253), for services that want to read whose certificate it is.
//!
//! As OpenSSL writes it with `-nameopt RFC2253`, and so nginx: the last part first, everything that is no visible ASCII as `\XX` of its
//! UTF-8. Reads DER that an authority has signed, and still never trusts a length. Driver: `webauth`. Tests: below.

use std::fmt::Write as _;

use super::der::{SEQUENCE, element, split};

/// ```text
/// RDNSequence = *RelativeDistinguishedName               ; RFC 5280 4.1.2.4
/// RelativeDistinguishedName = SET { 1*SEQUENCE { type OBJECT IDENTIFIER, value } }
/// ```
///
/// The content of a name; `None`: it can't be read.
#[must_use]
pub fn text(mut name: &[u8]) -> Option<String> {
    let mut parts = Vec::new();
    while !name.is_empty() {
        let (mut set, rest) = element(name, SET)?;
        name = rest;
        let mut part = String::new();
        while !set.is_empty() {
            let (attribute, rest) = element(set, SEQUENCE)?;
            set = rest;
            if !part.is_empty() {
                part.push('+');
            }
            self::attribute(attribute, &mut part)?;
        }
        parts.push(part);
    }
    parts.reverse();
    Some(parts.join(","))
}

fn attribute(attribute: &[u8], out: &mut String) -> Option<()> {
    let (kind, value) = element(attribute, OBJECT_IDENTIFIER)?;
    let tag = *value.first()?;
    let (content, _) = element(value, tag)?;
    match NAMES.iter().find(|(known, _)| *known == kind) {
        Some((_, name)) => {
            out.push_str(name);
            out.push('=');
            match decoded(tag, content) {
                Some(text) => escape(&text, out),
                None => dump(split(value, tag)?.0, out),
            }
        }
        None => {
            dotted(kind, out);
            out.push('=');
            dump(split(value, tag)?.0, out);
        }
    }
    Some(())
}

/// The kinds of text that a name may have; others are none.
fn decoded(tag: u8, content: &[u8]) -> Option<String> {
    match tag {
        UTF8_STRING | PRINTABLE_STRING | IA5_STRING => {
            str::from_utf8(content).ok().map(str::to_owned)
        }
        T61_STRING => Some(content.iter().map(|byte| char::from(*byte)).collect()),
        BMP_STRING => {
            let (pairs, rest) = content.as_chunks::<2>();
            let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            String::from_utf16(&units).ok().filter(|_| rest.is_empty())
        }
        _ => None,
    }
}

/// ```text
/// string = *( stringchar / "\" special / "\" 2HEXDIG )   ; RFC 2253 3; no "#" or " " at the start, no " " at the end
/// ```
fn escape(text: &str, out: &mut String) {
    let last = text.len().saturating_sub(1);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => out.extend(['\\', char::from(byte)]),
            b'#' if at == 0 => out.push_str("\\#"),
            b' ' if at == 0 || at == last => out.push_str("\\ "),
            b' '..=b'~' => out.push(char::from(byte)),
            // Writing to a text cannot fail.
            _ => drop(write!(out, "\\{byte:02X}")),
        }
    }
}

fn dump(bytes: &[u8], out: &mut String) {
    out.push('#');
    for byte in bytes {
        let _ = write!(out, "{byte:02X}");
    }
}

/// X.690 8.19: groups of seven bits, the first two numbers in one.
fn dotted(identifier: &[u8], out: &mut String) {
    let mut number = 0_u64;
    let mut is_first = true;
    for byte in identifier {
        number = number.checked_shl(7).unwrap_or(0) | u64::from(byte & 0x7F);
        if byte & 0x80 != 0 {
            continue;
        }
        if is_first {
            let root = (number / 40).min(2);
            let _ = write!(out, "{root}.{}", number - root * 40);
            is_first = false;
        } else {
            let _ = write!(out, ".{number}");
        }
        number = 0;
    }
}

/// Attributes that have a name (RFC 2253 2.3, RFC 4519), as OpenSSL calls them.
const NAMES: &[(&[u8], &str)] = &[
    (&[0x55, 0x04, 0x03], "CN"),
    (&[0x55, 0x04, 0x04], "SN"),
    (&[0x55, 0x04, 0x05], "serialNumber"),
    (&[0x55, 0x04, 0x06], "C"),
    (&[0x55, 0x04, 0x07], "L"),
    (&[0x55, 0x04, 0x08], "ST"),
    (&[0x55, 0x04, 0x09], "street"),
    (&[0x55, 0x04, 0x0A], "O"),
    (&[0x55, 0x04, 0x0B], "OU"),
    (&[0x55, 0x04, 0x0C], "title"),
    (&[0x55, 0x04, 0x2A], "GN"),
    (&[0x55, 0x04, 0x2D], "x500UniqueIdentifier"),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x01], "emailAddress"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 0x01, 0x01], "UID"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 0x01, 0x19], "DC"),
];

const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0C;
const PRINTABLE_STRING: u8 = 0x13;
const T61_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;
const BMP_STRING: u8 = 0x1E;
const SET: u8 = 0x31;

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
    }

    fn attribute(kind: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        let both = [wrapped(OBJECT_IDENTIFIER, kind), wrapped(tag, value)].concat();
        wrapped(SEQUENCE, &both)
    }

    fn name(parts: &[Vec<u8>]) -> Option<String> {
        let sets: Vec<Vec<u8>> = parts.iter().map(|part| wrapped(SET, part)).collect();
        text(&sets.concat())
    }

    const CN: &[u8] = &[0x55, 0x04, 0x03];
    const O: &[u8] = &[0x55, 0x04, 0x0A];

    /// What `openssl x509 -nameopt RFC2253 -subject` prints of the same names.
    #[test]
    fn names_are_written_as_openssl_writes_them() {
        let country = attribute(&[0x55, 0x04, 0x06], PRINTABLE_STRING, b"DE");
        let both = [attribute(CN, UTF8_STRING, b"tim"), attribute(O, UTF8_STRING, b"x")].concat();
        assert_eq!(
            name(&[country, attribute(O, UTF8_STRING, "Müller, Söhne".as_bytes()), both]).unwrap(),
            r"CN=tim+O=x,O=M\C3\BCller\, S\C3\B6hne,C=DE"
        );
        for (value, expected) in [
            (" a b ", r"CN=\ a b\ "),
            ("#a#", r"CN=\#a#"),
            ("a\"b\\c<d>e;f+g", r#"CN=a\"b\\c\<d\>e\;f\+g"#),
            ("a\nb\x7f", r"CN=a\0Ab\7F"),
            ("", "CN="),
        ] {
            assert_eq!(name(&[attribute(CN, UTF8_STRING, value.as_bytes())]).unwrap(), expected);
        }
        assert_eq!(name(&[attribute(CN, BMP_STRING, b"\0t\x20\xac")]).unwrap(), r"CN=t\E2\82\AC");
        assert_eq!(name(&[attribute(CN, T61_STRING, b"\xf6")]).unwrap(), r"CN=\C3\B6");
        let odd = attribute(&[0x2A, 0x03, 0x04], UTF8_STRING, b"x");
        assert_eq!(name(&[odd]).unwrap(), "1.2.3.4=#0C0178");
        assert_eq!(name(&[]).unwrap(), "");
    }

    #[test]
    fn what_is_cut_off_is_no_name() {
        let whole = wrapped(SET, &attribute(CN, UTF8_STRING, b"tim"));
        for end in 1..whole.len() {
            assert_eq!(text(&whole[..end]), None, "{end}");
        }
    }
}
