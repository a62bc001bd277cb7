//! Mechanisms that answer a challenge of ours by MD5 of it and the password: CRAM-MD5, DIGEST-MD5, APOP.
//!
//! Decides: what a challenge looks like, and whether an answer is right. Does not: know users, or keep challenges; none is used for
//! two exchanges, which is the dialogue's to see to (SA-05). Driven by `preauth`, which asks, and by `auth::chain`, which judges. Tests:
//! below, with the examples of the RFCs.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::digest_md5;
use super::scheme::Stored;
use crate::names::mechanism::Mechanism;
use crate::secret::Secret;

/// What an answer is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is right.
    Right,
    /// It is right, and the client wants to hear this, which proves that we know the password, too.
    Proved(Box<[u8]>),
    /// It is wrong.
    Wrong,
}

/// What no client can foresee without the secret, in hexadecimal. `unique`: never twice the same.
#[must_use]
pub fn nonce(secret: &Secret, unique: &str) -> String {
    // HMAC takes keys of every length.
    let drawn = Hmac::<Sha256>::new_from_slice(secret.expose()).map_or_else(
        |_| Vec::new(),
        |mut mac| {
            mac.update(b"challenge ");
            mac.update(unique.as_bytes());
            mac.finalize().into_bytes().to_vec()
        },
    );
    hex(drawn.get(..NONCE_BYTES).unwrap_or_default())
}

/// ```text
/// challenge     = "<" nonce "@" host ">"       ; a msg-id of RFC 822, by RFC 2195 2 and RFC 1939 7
/// ```
#[must_use]
pub fn timestamp(nonce: &str, host: &str) -> String {
    format!("<{nonce}@{host}>")
}

/// Judges an answer by what a database has of the password. `challenge`: ours; of DIGEST-MD5 its nonce. None: what is stored does not
/// serve the mechanism.
#[must_use]
pub fn judge(
    mechanism: Mechanism,
    stored: Stored,
    challenge: &[u8],
    answer: &[u8],
) -> Option<Verdict> {
    let verdict = |is_right| if is_right { Verdict::Right } else { Verdict::Wrong };
    match mechanism {
        Mechanism::CramMd5 => {
            let digest = stored.cram_md5()?.digest(challenge);
            Some(verdict(from_hex(answer).is_some_and(|answer| answer.ct_eq(&digest).into())))
        }
        Mechanism::Apop => {
            let answer = from_hex(answer).unwrap_or_default();
            stored.is_apop(challenge, &answer).map(verdict)
        }
        Mechanism::DigestMd5 => {
            let Some(response) = digest_md5::Response::parse(answer) else {
                return Some(Verdict::Wrong);
            };
            let digest = stored.digest_md5(&response.user, &response.realm)?;
            Some(response.judge(digest.expose(), challenge))
        }
        _ => None,
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// 16 bytes, in letters of either case.
fn from_hex(text: &[u8]) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
    for (place, [high, low]) in bytes.iter_mut().zip(pairs) {
        *place = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

const NONCE_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::scheme::Scheme;

    fn judged(
        mechanism: Mechanism,
        stored: &str,
        challenge: &str,
        answer: &str,
    ) -> Option<Verdict> {
        let stored = Stored::parse(stored, Scheme::Plain).unwrap();
        judge(mechanism, stored, challenge.as_bytes(), answer.as_bytes())
    }

    #[test]
    fn sa_05_cram_md5_and_apop_as_their_rfcs_have_them() {
        // RFC 2195 2.
        let (challenge, secret) =
            ("<1896.697170952@postoffice.reston.mci.net>", "tanstaaftanstaaf");
        let right = "b913a602c7eda7a495b4e6e7334d3890";
        let cram =
            |stored: &str, answer: &str| judged(Mechanism::CramMd5, stored, challenge, answer);
        assert_eq!(cram(secret, right), Some(Verdict::Right));
        assert_eq!(cram(secret, &right.to_ascii_uppercase()), Some(Verdict::Right));
        assert_eq!(cram("another", right), Some(Verdict::Wrong));
        for wrong in
            ["", "b9", "b913a602c7eda7a495b4e6e7334d3891", "x913a602c7eda7a495b4e6e7334d3890"]
        {
            assert_eq!(cram(secret, wrong), Some(Verdict::Wrong), "{wrong}");
        }
        let old =
            judged(Mechanism::CramMd5, secret, "<1897.697170952@postoffice.reston.mci.net>", right);
        assert_eq!(old, Some(Verdict::Wrong), "an answer to another challenge");
        assert_eq!(cram("{SSHA}O5hhXC5dYGx7yj8Q0RSyiKBcHLXL3I2r", right), None);
        // RFC 1939 7.
        let apop = |stored: &str, answer: &str| {
            judged(Mechanism::Apop, stored, "<1896.697170952@dbc.mtview.ca.us>", answer)
        };
        assert_eq!(apop("tanstaaf", "c4c9334bac560ecc979e58001b3e22fb"), Some(Verdict::Right));
        assert_eq!(apop("tanstaaf", ""), Some(Verdict::Wrong));
        assert_eq!(apop(&format!("{{CRAM-MD5}}{}", "00".repeat(32)), ""), None);
    }

    #[test]
    fn sa_05_a_nonce_follows_from_all_that_makes_it_unique() {
        let of = |secret: &str, unique| nonce(&Secret::from(secret), unique);
        assert_eq!(of("a", "1"), of("a", "1"));
        assert_ne!(of("a", "1"), of("a", "2"));
        assert_ne!(of("a", "1"), of("b", "1"));
        assert_eq!(of("", "1").len(), 32);
        assert_eq!(timestamp("ab", "h"), "<ab@h>");
    }
}
