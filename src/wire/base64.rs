//! Base64 as SASL demands it: the standard alphabet, padding exactly right, nothing else (W-SASL-1).
//!
//! Decides: legal or not, per line, with no state between lines. Tests: below.
//!
//! Quirk: bits that the last character has to spare may be set. Some encoders leave them to chance, and Dovecot does not
//! look at them.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use crate::secret::Secret;

/// Decodes one response; most of them hold a password, so the result is a secret.
#[must_use]
pub fn decode(text: &[u8]) -> Option<Secret> {
    let mut bytes = vec![0; text.len().div_ceil(4).saturating_mul(3)];
    let outcome = SPARE_BITS_IGNORED.decode_slice(text, &mut bytes).ok();
    bytes.truncate(outcome.unwrap_or(0));
    // A secret also when it was decoded in part only: that part is wiped.
    let decoded = Secret::new(bytes);
    outcome.map(|_| decoded)
}

/// The same for an initial response, whose white space does not matter.
///
/// Quirk: Dovecot skips it there, wherever it stands, and not in a response on a line of its own.
#[must_use]
pub fn decode_initial(text: &[u8]) -> Option<Secret> {
    if !text.iter().any(u8::is_ascii_whitespace) {
        return decode(text);
    }
    let mut solid = Vec::with_capacity(text.len());
    solid.extend(text.iter().filter(|byte| !byte.is_ascii_whitespace()));
    decode(Secret::new(solid).expose())
}

/// Appends the base64 form of `bytes`.
pub fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let size = bytes.len().div_ceil(3).saturating_mul(4);
    out.resize(start.saturating_add(size), b'=');
    let written = out.get_mut(start..).map(|place| STANDARD.encode_slice(bytes, place));
    debug_assert!(matches!(written, Some(Ok(count)) if count == size));
}

const SPARE_BITS_IGNORED: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Option<Vec<u8>> {
        decode(text.as_bytes()).map(|secret| secret.expose().to_vec())
    }

    #[test]
    fn known_answers() {
        assert_eq!(plain("dGVzdAB0ZXN0ADEyMzQ=").unwrap(), b"test\0test\x001234");
        assert_eq!(plain("AHRpbQB0YW5zdGFhZnRhbnN0YWFm").unwrap(), b"\0tim\0tanstaaftanstaaf");
        assert_eq!(plain("").unwrap(), b"");
        assert_eq!(plain("dGVzdB==").unwrap(), b"test", "spare bits");
        assert_eq!(plain("dGVzdH1=").unwrap(), b"test}", "spare bits");
        let mut out = b"+ ".to_vec();
        encode(b"Username:", &mut out);
        assert_eq!(out, b"+ VXNlcm5hbWU6");
    }

    #[test]
    fn white_space_in_an_initial_response() {
        let of = |text: &[u8]| decode_initial(text).map(|secret| secret.expose().to_vec());
        for loose in [&b"dGVzdA=="[..], b" dGVzdA==\t", b"dG Vz\tdA=\r=\r", b"dGVz\r\ndA=="] {
            assert_eq!(of(loose), Some(b"test".to_vec()), "{}", loose.escape_ascii());
            assert_eq!(decode(loose).is_some(), loose == b"dGVzdA==", "of no other response");
        }
        assert_eq!(of(b"  "), Some(Vec::new()));
        for bad in [&b"dGVzdA= x="[..], b"dGVz dA", b"dGVz\0dA==", b"* "] {
            assert_eq!(of(bad), None, "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn w_sasl_1_anything_else_is_bad() {
        let bad = [
            "=",
            "==",
            "dGVzdA",
            "dGVzdA=",
            "dGVzdA===",
            "dGV zdA==",
            "dGVzdA==\t",
            "d-_z",
            "*",
            "\u{feff}dGVz",
            "dA==dA==",
        ];
        for text in bad {
            assert!(plain(text).is_none(), "{text}");
        }
    }
}
