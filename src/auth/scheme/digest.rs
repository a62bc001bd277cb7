//! `{SHA}` and relatives: one pass of a digest over password and, if salted, salt. Cheap, and therefore weak at rest.

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::{Encoding, SchemeError, from_base64, from_hex};
use crate::secret::Secret;

/// digest ‖ salt, as all of these schemes store it.
pub(super) struct Salted {
    hash: Hash,
    digest: Secret,
    salt: Secret,
}

#[derive(Clone, Copy)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Salt {
    None,
    Appended,
}

impl Salted {
    pub(super) fn parse(
        hash: Hash,
        salt: Salt,
        encoding: Encoding,
        value: &str,
    ) -> Result<Self, SchemeError> {
        let salted = salt == Salt::Appended;
        let bytes = match encoding {
            Encoding::Hex => from_hex(value)?,
            Encoding::Base64 => from_base64(value)?,
            // Dovecot guesses by the length, which it knows for unsalted digests only.
            Encoding::Usual if !salted && value.len() == hash.len() * 2 => from_hex(value)?,
            Encoding::Usual => from_base64(value)?,
        };
        let (digest, salt) =
            bytes.expose().split_at_checked(hash.len()).ok_or(SchemeError::Malformed)?;
        if salt.is_empty() == salted {
            return Err(SchemeError::Malformed);
        }
        Ok(Self { hash, digest: Secret::from(digest), salt: Secret::from(salt) })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let salt = self.salt.expose();
        match self.hash {
            Hash::Sha1 => matches::<Sha1>(password, salt, self.digest.expose()),
            Hash::Sha256 => matches::<Sha256>(password, salt, self.digest.expose()),
            Hash::Sha512 => matches::<Sha512>(password, salt, self.digest.expose()),
        }
    }
}

impl Hash {
    fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

fn matches<D: Digest>(password: &[u8], salt: &[u8], stored: &[u8]) -> bool {
    let digest = D::new().chain_update(password).chain_update(salt).finalize();
    digest.as_slice().ct_eq(stored).into()
}
