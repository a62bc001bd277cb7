//! Names inside messages of the GS2 family: SCRAM and OAUTHBEARER (RFC 5801 4, RFC 5802 7).

/// ```text
/// saslname      = 1*(value-safe-char / "=2C" / "=3D")
/// ```
#[must_use]
pub fn read(text: &[u8]) -> Option<Box<[u8]>> {
    let mut pieces = text.split(|&byte| byte == b'=');
    let mut name = pieces.next()?.to_vec();
    for piece in pieces {
        let (code, rest) = piece.split_at_checked(2)?;
        name.push(match code {
            b"2C" => b',',
            b"3D" => b'=',
            _ => return None,
        });
        name.extend(rest);
    }
    (!name.is_empty()).then(|| name.into())
}

/// A name as a message spells it.
#[must_use]
pub fn written(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}
