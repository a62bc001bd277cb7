//! xtext: values of SMTP parameters and of XCLIENT in Submission and LMTP (RFC 3461 4, W-FWD-7).
//!
//! Decides: what is escaped and what an escape is. Tests: below.

use std::io::Write as _;

/// ```text
/// xtext         = *( xchar / hexchar )                    ; RFC 3461 4
/// xchar         = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "="
/// hexchar       = ASCII "+" immediately followed by two upper case hexadecimal digits
/// ```
pub fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        if is_xchar(byte) {
            out.push(byte);
        } else {
            // Writing to memory does not fail.
            let _ = write!(out, "+{byte:02X}");
        }
    }
}

/// Takes lower case digits, too.
#[must_use]
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'+' => {
                let high = char::from(*bytes.next()?).to_digit(16)?;
                let low = char::from(*bytes.next()?).to_digit(16)?;
                decoded.push(u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?);
            }
            plain if is_xchar(plain) => decoded.push(plain),
            _ => return None,
        }
    }
    Some(decoded)
}

fn is_xchar(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'+' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_fwd_7_what_could_end_a_value_is_escaped() {
        let of = |text: &[u8]| {
            let mut out = Vec::new();
            encode(text, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(of(b"a+b=c d\r\n\x7f\xe9~!"), "a+2Bb+3Dc+20d+0D+0A+7F+E9~!");
        for bytes in [&b""[..], b"x", &[0, 9, 10, 13, 43, 61, 127, 255]] {
            assert_eq!(decode(of(bytes).as_bytes()).as_deref(), Some(bytes));
        }
        assert_eq!(decode(b"+2b").as_deref(), Some(&b"+"[..]));
        for bad in ["+", "+2", "+GG", "a b", "a=b", "\u{e9}"] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
    }
}
