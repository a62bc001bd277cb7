//! Modular crypt: `$5$`, `$6$` and `$2…$` values of crypt(3), and the refusal of all its other prefixes.
//!
//! SHA-crypt is computed by the `sha-crypt` crate; only the setting is parsed and the digest encoded here, because the
//! crate takes any number of rounds and libxcrypt, which wrote these values, is stricter about the setting.

use sha_crypt::{Params, sha256_crypt, sha512_crypt};
use subtle::ConstantTimeEq;

use super::bcrypt::Bcrypt;
use super::{Form, SchemeError, Weak, number};
use crate::limits::SHA_CRYPT_ROUNDS_MAX;
use crate::secret::Secret;

/// Goes by the prefix, as crypt(3) does.
pub(super) fn parse(value: &str) -> Result<Form, SchemeError> {
    if let Some(setting) = value.strip_prefix("$5$") {
        return ShaCrypt::parse(Variant::Sha256, setting).map(Form::ShaCrypt);
    }
    if let Some(setting) = value.strip_prefix("$6$") {
        return ShaCrypt::parse(Variant::Sha512, setting).map(Form::ShaCrypt);
    }
    if value.starts_with("$2") {
        return Bcrypt::parse(value).map(Form::Bcrypt);
    }
    if value.starts_with("$1$") {
        return Err(SchemeError::Weak(Weak::Md5Crypt));
    }
    if ["$y$", "$7$", "$gy$"].iter().any(|prefix| value.starts_with(prefix)) {
        return Err(SchemeError::Weak(Weak::Yescrypt));
    }
    // Two characters of salt and eleven of digest, without any mark: the DES of the 1970s.
    if value.len() == 13 && value.bytes().all(is_crypt64) {
        return Err(SchemeError::Weak(Weak::DesCrypt));
    }
    Err(SchemeError::Unknown)
}

/// `$5$[rounds=N$]salt$digest`, `$6$…` likewise.
pub(super) struct ShaCrypt {
    variant: Variant,
    rounds: u32,
    salt: Box<[u8]>,
    /// In crypt's base64; the computed digest is encoded likewise and compared.
    digest: Secret,
}

#[derive(Clone, Copy)]
enum Variant {
    Sha256,
    Sha512,
}

impl ShaCrypt {
    fn parse(variant: Variant, setting: &str) -> Result<Self, SchemeError> {
        let (rounds, rest) = match setting.strip_prefix("rounds=") {
            None => (Params::RECOMMENDED_ROUNDS, setting),
            Some(rest) => {
                let (rounds, rest) = rest.split_once('$').ok_or(SchemeError::Malformed)?;
                (number(rounds)?, rest)
            }
        };
        if rounds > SHA_CRYPT_ROUNDS_MAX {
            return Err(SchemeError::TooCostly);
        }
        let (salt, digest) = rest.split_once('$').ok_or(SchemeError::Malformed)?;
        // An empty salt is what a truncating import leaves behind; libxcrypt would take it.
        let salt_is_legal = (1..=SALT_BYTES_MAX).contains(&salt.len());
        let digest_is_legal =
            digest.len() == variant.encoded_len() && digest.bytes().all(is_crypt64);
        if rounds < Params::ROUNDS_MIN || !salt_is_legal || !digest_is_legal {
            return Err(SchemeError::Malformed);
        }
        Ok(Self { variant, rounds, salt: salt.as_bytes().into(), digest: Secret::from(digest) })
    }

    pub(super) fn verify(&self, password: &[u8]) -> Result<bool, SchemeError> {
        let params = Params::new(self.rounds).map_err(|_| SchemeError::Malformed)?;
        let encoded = match self.variant {
            Variant::Sha256 => encode(&sha256_crypt(password, &self.salt, params), &SHA256_ORDER),
            Variant::Sha512 => encode(&sha512_crypt(password, &self.salt, params), &SHA512_ORDER),
        };
        Ok(encoded.as_slice().ct_eq(self.digest.expose()).into())
    }
}

impl Variant {
    fn encoded_len(self) -> usize {
        match self {
            Self::Sha256 => 43,
            Self::Sha512 => 86,
        }
    }
}

/// Crypt's base64: bytes in a scrambled order, three at a time (the first of them highest), written low six bits first.
fn encode(digest: &[u8], order: &[usize]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(86);
    for group in order.chunks(3) {
        let bytes = group.iter().map(|&at| digest.get(at).copied().unwrap_or_default());
        let mut bits = bytes.fold(0_u32, |bits, byte| bits << 8 | u32::from(byte));
        for _ in 0..=group.len() {
            let character = usize::try_from(bits & 0x3F).ok().and_then(|at| CRYPT64.get(at));
            encoded.extend(character);
            bits >>= 6;
        }
    }
    encoded
}

fn is_crypt64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/'
}

const SALT_BYTES_MAX: usize = 16;

const CRYPT64: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Step 22 of Drepper's SHA-crypt specification. The last two bytes make three characters.
const SHA256_ORDER: [usize; 32] = [
    0, 10, 20, 21, 1, 11, 12, 22, 2, 3, 13, 23, 24, 4, 14, 15, 25, 5, 6, 16, 26, 27, 7, 17, 18, 28,
    8, 9, 19, 29, 31, 30,
];

/// Likewise; the last byte makes two characters.
const SHA512_ORDER: [usize; 64] = [
    0, 21, 42, 22, 43, 1, 44, 2, 23, 3, 24, 45, 25, 46, 4, 47, 5, 26, 6, 27, 48, 28, 49, 7, 50, 8,
    29, 9, 30, 51, 31, 52, 10, 53, 11, 32, 12, 33, 54, 34, 55, 13, 56, 14, 35, 15, 36, 57, 37, 58,
    16, 59, 17, 38, 18, 39, 60, 40, 61, 19, 62, 20, 41, 63,
];
