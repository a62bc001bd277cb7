//! Whether a peer's words tell a password.
//!
//! Backends echo what they do not understand, `BAD Unknown command LOGIN "tim" "secret"` among it, and their words go to
//! logs (W-FAIL-6). Decides: whether a password can be read out of a text. Driver: `attempt`. Tests: below.

use crate::secret::Secret;
use crate::wire::{self, quoted};

/// Whether `words` hold `password`: as it is, with the escapes of a quoted string, in base64, or the beginning of it at
/// their end, because words for the log are cut.
pub(super) fn repeats(words: &[u8], password: &Secret) -> bool {
    let password = password.expose();
    if password.is_empty() {
        return false;
    }
    let mut escaped = Vec::with_capacity(password.len().saturating_mul(2).saturating_add(2));
    quoted::write(password, &mut escaped);
    let escaped = Secret::new(escaped);
    let within_quotes = escaped.expose().get(1..escaped.len().saturating_sub(1));
    tells(words, password)
        || tells(words, within_quotes.unwrap_or_default())
        || words.split(|byte| !is_base64(*byte)).any(|word| {
            // What was cut off, and the padding, tell nothing more.
            let digits = word.len() - word.len() % 4;
            let message = word.get(..digits).and_then(wire::base64::decode);
            message.is_some_and(|message| tells(message.expose(), password))
        })
}

fn tells(text: &[u8], password: &[u8]) -> bool {
    let cut = (CUT_BYTES_MIN..password.len()).filter_map(|length| password.get(..length));
    // Logs show eight-bit bytes as `?`.
    let shown: Vec<u8> =
        password.iter().map(|&b| if matches!(b, b' '..=b'~') { b } else { b'?' }).collect();
    let shown = Secret::new(shown);
    holds(text, password)
        || holds(text, shown.expose())
        || cut.into_iter().any(|start| text.ends_with(start))
}

/// Both are short: a line for the log, a password.
fn holds(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// A shorter beginning of a password tells nothing worth hiding a line for.
const CUT_BYTES_MIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_fail_6_echoed_passwords_are_found() {
        let found =
            |words: &str, password: &str| repeats(words.as_bytes(), &Secret::from(password));
        assert!(found("BAD Unknown command LOGIN tim hunter2", "hunter2"));
        assert!(found(r#"BAD LOGIN "tim" "p\"w\\""#, "p\"w\\"));
        // NUL "tim" NUL "hunter2", whole and cut.
        assert!(found("BAD AUTHENTICATE PLAIN AHRpbQBodW50ZXIy", "hunter2"));
        assert!(found("BAD AUTHENTICATE PLAIN AHRpbQBodW50ZX", "hunter2"));
        assert!(found("BAD AUTHENTICATE PLAIN AHRpbQBwdw==", "pw"));
        assert!(found("BAD LOGIN tim hunt", "hunter2"));
        assert!(found("BAD LOGIN tim p??ss", "p\u{e4}ss"));
        assert!(!found("NO Authentication failed.", "hunter2"));
        assert!(!found("NO Authentication failed.", ""));
        assert!(!found("NO hun", "hunter2"));
    }
}
