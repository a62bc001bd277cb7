//! SCRAM-SHA-256 (RFC 5802, RFC 7677) as clients of the load speak it, and the keys that a server stores.
//!
//! All users have one salt, so that the password is hashed once and not for each login: what is measured is the proxy. For the same
//! reason the server's proof of itself is not verified. Pure. Driver: the client of the swarm. Tests: `tests`, and every login.

use std::num::NonZeroU32;
use std::sync::OnceLock;

use aws_lc_rs::{digest, hmac, pbkdf2};

use super::group::Credentials;
use super::login::base64;

/// What stands in a password file: `{SCRAM-SHA-256}iterations,salt,stored key,server key`.
pub(crate) fn stored(password: &str) -> String {
    let salted = salted(password);
    let stored = digest::digest(&digest::SHA256, sign(salted, b"Client Key").as_ref());
    let (stored, server) = (base64(stored.as_ref()), sign(salted, b"Server Key"));
    format!("{{SCRAM-SHA-256}}{ITERATIONS},{},{stored},{}", base64(SALT), base64(server.as_ref()))
}

/// The client's first message.
pub(super) fn first(user: &str) -> String {
    format!("n,,{}", first_bare(user))
}

/// The line behind a challenge: the proof, or nothing behind the server's own.
pub(super) fn answer(credentials: &Credentials, number: u64, challenge: &[u8]) -> Option<Vec<u8>> {
    let challenge = String::from_utf8(unbase64(challenge.trim_ascii_end())?).ok()?;
    if challenge.starts_with("v=") {
        return Some(b"\r\n".to_vec());
    }
    let nonce = challenge.strip_prefix("r=")?.split(',').next()?;
    let bare = format!("c=biws,r={nonce}");
    let signed = format!("{},{challenge},{bare}", first_bare(&credentials.user(number)));
    let key = sign(salted(&credentials.password), b"Client Key");
    let stored = digest::digest(&digest::SHA256, key.as_ref());
    let signature = sign(stored.as_ref(), signed.as_bytes());
    let proof: Vec<u8> = key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
    let last = format!("{bare},p={}", base64(&proof));
    Some(format!("{}\r\n", base64(last.as_bytes())).into_bytes())
}

fn first_bare(user: &str) -> String {
    format!("n={user},r=fyko+d2lbbFgONRv9qkxdawL")
}

fn sign(key: &[u8], text: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text)
}

/// One comparison has one password.
fn salted(password: &str) -> &'static [u8; 32] {
    static SALTED: OnceLock<[u8; 32]> = OnceLock::new();
    SALTED.get_or_init(|| {
        let mut salted = [0; 32];
        let iterations = NonZeroU32::new(ITERATIONS).unwrap_or(NonZeroU32::MIN);
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            iterations,
            SALT,
            password.as_bytes(),
            &mut salted,
        );
        salted
    })
}

fn unbase64(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for chunk in text.chunks(4) {
        let mut bits = 0_u32;
        let mut count = 0;
        for letter in chunk.iter().filter(|letter| **letter != b'=') {
            bits = bits << 6 | u32::from(sextet(*letter)?);
            count += 1;
        }
        bits <<= 6 * (4 - count);
        let three = bits.to_be_bytes();
        bytes.extend_from_slice(three.get(1..count)?);
    }
    Some(bytes)
}

fn sextet(letter: u8) -> Option<u8> {
    Some(match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

/// RFC 7677's least.
const ITERATIONS: u32 = 4096;
/// No secret hides behind it.
const SALT: &[u8] = b"hale-load-salt-1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_goes_there_and_back() {
        for text in ["", "a", "ab", "abc", "abcd"] {
            assert_eq!(unbase64(base64(text.as_bytes()).as_bytes()).unwrap(), text.as_bytes());
        }
        assert_eq!(unbase64(b"=?"), None);
    }

    #[test]
    fn the_proof_is_one_that_a_server_takes() {
        let credentials = Credentials {
            user_pattern: "user".to_owned(),
            password: "pencil".to_owned(),
            users: 1,
            ..Credentials::default()
        };
        let challenge = format!("r=fyko+d2lbbFgONRv9qkxdawLrest,s={},i=4096", base64(SALT));
        let answer = answer(&credentials, 0, base64(challenge.as_bytes()).as_bytes()).unwrap();
        let last = String::from_utf8(unbase64(answer.trim_ascii_end()).unwrap()).unwrap();
        let (bare, proof) = last.split_once(",p=").unwrap();
        assert_eq!(bare, "c=biws,r=fyko+d2lbbFgONRv9qkxdawLrest");
        // As a server does: the proof and the signature make the key whose digest is stored.
        let stored = stored("pencil");
        let stored_key = unbase64(stored.split(',').nth(2).unwrap().as_bytes()).unwrap();
        let signed = format!("n=user,r=fyko+d2lbbFgONRv9qkxdawL,{challenge},{bare}");
        let signature = sign(&stored_key, signed.as_bytes());
        let proof = unbase64(proof.as_bytes()).unwrap();
        let key: Vec<u8> = proof.iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        assert_eq!(digest::digest(&digest::SHA256, &key).as_ref(), stored_key);
        assert_eq!(answer_to_proof(&credentials), Some(b"\r\n".to_vec()));
    }

    fn answer_to_proof(credentials: &Credentials) -> Option<Vec<u8>> {
        answer(credentials, 0, base64(b"v=abc").as_bytes())
    }
}
