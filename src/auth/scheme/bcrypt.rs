//! bcrypt: `$2a$`, `$2b$`, `$2y$`, cost, salt and digest.
//!
//! Only the first 72 bytes of a password count, as everywhere (SA-17): a longer one matches any other that begins alike.
//! `$2x$` stands for hashes of a broken implementation and is refused.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use subtle::ConstantTimeEq;

use super::{SchemeError, number};
use crate::limits::BCRYPT_COST_MAX;

pub(super) struct Bcrypt {
    cost: u32,
    salt: [u8; 16],
    digest: [u8; 23],
}

impl Bcrypt {
    /// `$2y$CC$` and then 22 characters of salt and 31 of digest.
    pub(super) fn parse(value: &str) -> Result<Self, SchemeError> {
        let known = ["$2a$", "$2b$", "$2y$"];
        let rest = known
            .iter()
            .find_map(|prefix| value.strip_prefix(prefix))
            .ok_or(SchemeError::Malformed)?;
        let (cost, rest) = rest.split_once('$').ok_or(SchemeError::Malformed)?;
        let cost: u32 = number(cost)?;
        if cost > BCRYPT_COST_MAX {
            return Err(SchemeError::TooCostly);
        }
        let (salt, digest) = rest.split_at_checked(22).ok_or(SchemeError::Malformed)?;
        if cost < COST_MIN {
            return Err(SchemeError::Malformed);
        }
        Ok(Self { cost, salt: decode(salt)?, digest: decode(digest)? })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        // Refuses only costs that `parse` does not let through.
        let Ok(computed) = ::bcrypt::hash_with_salt_bytes(password, self.cost, self.salt) else {
            return false;
        };
        let digest = computed.get(29..).and_then(|digest| BASE64.decode(digest).ok());
        digest.is_some_and(|digest| digest.as_slice().ct_eq(&self.digest).into())
    }
}

fn decode<const N: usize>(text: &str) -> Result<[u8; N], SchemeError> {
    if text.len() != (N * 8).div_ceil(6) {
        return Err(SchemeError::Malformed);
    }
    let bytes = BASE64.decode(text).map_err(|_| SchemeError::Encoding)?;
    bytes.try_into().map_err(|_| SchemeError::Malformed)
}

const COST_MIN: u32 = 4;

/// Some implementations leave noise in the unused low bits of the salt's last character.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::BCRYPT,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);
