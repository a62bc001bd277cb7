//! `{CRAM-MD5}` and `{DIGEST-MD5}`: what the mechanisms of these names are verified with, worth as much as the password itself.
//!
//! Formats are Dovecot's: 32 bytes, the states of the outer and the inner MD5 of HMAC behind the key; and the digest of user,
//! realm and password, 16 bytes. Both in hexadecimal.

use md5::{Digest, Md5};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Encoding, SchemeError, from_base64, from_hex};
use crate::secret::Secret;

const STATE_BYTES: usize = 16;
const BLOCK_BYTES: usize = 64;

/// HMAC-MD5 with its key taken in (RFC 2104 4).
#[derive(Clone)]
pub struct Contexts(Secret);

impl std::fmt::Debug for Contexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contexts(…)")
    }
}

impl Contexts {
    /// Of a password as it is.
    pub(super) fn of(password: &[u8]) -> Self {
        let mut key = Zeroizing::new([0; BLOCK_BYTES]);
        let digested;
        let bytes = if password.len() > BLOCK_BYTES {
            digested = Zeroizing::new(<[u8; STATE_BYTES]>::from(Md5::digest(password)));
            &digested[..]
        } else {
            password
        };
        for (place, byte) in key.iter_mut().zip(bytes) {
            *place = *byte;
        }
        let half = |pad: u8| {
            let block = Zeroizing::new(key.map(|byte| byte ^ pad));
            let mut state = START;
            md5::block_api::compress(&mut state, &[*block]);
            written(state)
        };
        Self(Secret::new([half(0x5C), half(0x36)].concat()))
    }

    pub(super) fn parse(encoding: Encoding, value: &str) -> Result<Self, SchemeError> {
        bytes(encoding, value, 2 * STATE_BYTES).map(Self)
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        Self::of(password).0 == self.0
    }

    /// The digest of a message.
    #[must_use]
    pub fn digest(&self, message: &[u8]) -> [u8; STATE_BYTES] {
        let (outer, inner) = self.0.expose().split_at(STATE_BYTES.min(self.0.len()));
        continued(outer, &continued(inner, message))
    }
}

/// A digest of user, realm and password (RFC 2831 2.1.2.1), and whose password it is to be compared with.
pub(super) struct Digested {
    digest: Secret,
    user: Box<str>,
}

impl Digested {
    pub(super) fn parse(encoding: Encoding, value: &str) -> Result<Self, SchemeError> {
        let digest = bytes(encoding, value, STATE_BYTES)?;
        Ok(Self { digest, user: Box::default() })
    }

    pub(super) fn owned_by(self, user: &str) -> Self {
        Self { user: user.into(), ..self }
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        // What stands behind the last `@` is the realm, as `doveadm pw -u` has it.
        let (user, realm) = self.user.rsplit_once('@').unwrap_or((&self.user, ""));
        digested(user.as_bytes(), realm.as_bytes(), password) == self.digest
    }

    pub(super) fn into_digest(self) -> Secret {
        self.digest
    }
}

/// Of user, realm and password.
pub(super) fn digested(user: &[u8], realm: &[u8], password: &[u8]) -> Secret {
    let digest = Md5::new()
        .chain_update(user)
        .chain_update(b":")
        .chain_update(realm)
        .chain_update(b":")
        .chain_update(password)
        .finalize();
    Secret::new(digest.to_vec())
}

/// Whether the digest of challenge and password is this one (RFC 1939 7).
pub(super) fn is_apop(password: &[u8], challenge: &[u8], digest: &[u8]) -> bool {
    let own = Md5::new().chain_update(challenge).chain_update(password).finalize();
    own.as_slice().ct_eq(digest).into()
}

fn bytes(encoding: Encoding, value: &str, count: usize) -> Result<Secret, SchemeError> {
    let bytes = match encoding {
        Encoding::Usual if value.len() != 2 * count => from_base64(value)?,
        Encoding::Base64 => from_base64(value)?,
        Encoding::Usual | Encoding::Hex => from_hex(value)?,
    };
    if bytes.len() == count { Ok(bytes) } else { Err(SchemeError::Malformed) }
}

/// Where every MD5 begins (RFC 1321 3.3).
const START: [u32; 4] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476];

/// MD5 from a state that one block has led to, to the end of the message (RFC 1321 3.1, 3.2).
fn continued(state: &[u8], message: &[u8]) -> [u8; STATE_BYTES] {
    let mut words = START;
    for (word, bytes) in words.iter_mut().zip(state.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    let bits = u64::try_from(BLOCK_BYTES + message.len()).unwrap_or(u64::MAX).wrapping_mul(8);
    let mut padded = Zeroizing::new(message.to_vec());
    padded.push(0x80);
    while padded.len() % BLOCK_BYTES != BLOCK_BYTES - size_of::<u64>() {
        padded.push(0);
    }
    padded.extend(bits.to_le_bytes());
    md5::block_api::compress(&mut words, padded.as_chunks::<BLOCK_BYTES>().0);
    written(words)
}

fn written(state: [u32; 4]) -> [u8; STATE_BYTES] {
    let mut bytes = [0; STATE_BYTES];
    for (place, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *place = word.to_le_bytes();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit as _, Mac as _};

    #[test]
    fn contexts_come_to_what_hmac_comes_to() {
        for length in [0, 1, 16, 63, 64, 65, 200] {
            let (key, message) = (vec![b'k'; length], vec![b'm'; 3 * length]);
            let mut mac = Hmac::<Md5>::new_from_slice(&key).unwrap();
            mac.update(&message);
            let expected = <[u8; 16]>::from(mac.finalize().into_bytes());
            assert_eq!(Contexts::of(&key).digest(&message), expected, "{length}");
        }
    }

    #[test]
    fn a_digest_is_of_name_realm_and_password() {
        // RFC 2831 4: user chris, realm elwood.innosoft.com, password secret.
        let stored = digested(b"chris", b"elwood.innosoft.com", b"secret");
        let text: String = stored.expose().iter().map(|byte| format!("{byte:02x}")).collect();
        let parsed = |user| Digested::parse(Encoding::Usual, &text).unwrap().owned_by(user);
        assert!(parsed("chris@elwood.innosoft.com").verify(b"secret"));
        assert!(!parsed("chris@elwood.innosoft.com").verify(b"Secret"));
        assert!(!parsed("chris").verify(b"secret"));
        assert!(!parsed("").verify(b"secret"));
    }
}
