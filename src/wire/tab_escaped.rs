//! Fields joined by TAB, Dovecot's way: the plaintext of XCLIENT's FORWARD (W-FWD-6).
//!
//! Decides: escapes. Tests: below.

const ESCAPE: u8 = 0x01;
const ESCAPES: [(u8, u8); 5] =
    [(ESCAPE, b'1'), (0, b'0'), (b'\t', b't'), (b'\n', b'n'), (b'\r', b'r')];

/// Appends one field, behind a TAB when there is one before it.
pub fn append_field(field: &[u8], out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b'\t');
    }
    for &byte in field {
        match ESCAPES.iter().find(|(plain, _)| *plain == byte) {
            Some(&(_, letter)) => out.extend([ESCAPE, letter]),
            None => out.push(byte),
        }
    }
}

/// The fields of a text, unescaped. An unknown escape stands for its second byte.
pub fn fields(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    text.split(|&byte| byte == b'\t').map(unescaped)
}

fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut bytes = field.iter();
    while let Some(&byte) = bytes.next() {
        if byte != ESCAPE {
            plain.push(byte);
            continue;
        }
        let Some(&letter) = bytes.next() else { break };
        let known = ESCAPES.iter().find(|(_, known)| *known == letter);
        plain.push(known.map_or(letter, |&(byte, _)| byte));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_fwd_6_fields_come_back_as_they_were() {
        let known: [&[u8]; 3] = [b"k=v", b"a\tb\nc\rd\x00e\x01f", b""];
        let mut text = Vec::new();
        for field in known {
            append_field(field, &mut text);
        }
        assert_eq!(text, b"k=v\ta\x01tb\x01nc\x01rd\x010e\x011f\t");
        assert_eq!(fields(&text).collect::<Vec<_>>(), known);
        assert_eq!(fields(b"a\x01xb\x01").collect::<Vec<_>>(), [b"axb"]);
    }
}
