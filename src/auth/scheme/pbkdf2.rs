//! `{PBKDF2}`: Dovecot's own format `$1$salt$rounds$hex`, PBKDF2-HMAC-SHA1 with the salt's characters as they are.

use sha1::Sha1;
use subtle::ConstantTimeEq;

use super::{SchemeError, from_hex, number};
use crate::limits::PBKDF2_ROUNDS_MAX;

pub(super) struct Pbkdf2 {
    rounds: u32,
    salt: Box<[u8]>,
    digest: [u8; 20],
}

impl Pbkdf2 {
    pub(super) fn parse(value: &str) -> Result<Self, SchemeError> {
        let rest = value.strip_prefix("$1$").ok_or(SchemeError::Malformed)?;
        let mut parts = rest.split('$');
        let mut next = || parts.next().ok_or(SchemeError::Malformed);
        let (salt, rounds, digest) = (next()?, number::<u32>(next()?)?, from_hex(next()?)?);
        if rounds > PBKDF2_ROUNDS_MAX {
            return Err(SchemeError::TooCostly);
        }
        if salt.is_empty() || rounds == 0 || parts.next().is_some() {
            return Err(SchemeError::Malformed);
        }
        let digest = digest.expose().try_into().map_err(|_| SchemeError::Malformed)?;
        Ok(Self { rounds, salt: salt.as_bytes().into(), digest })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let digest = ::pbkdf2::pbkdf2_hmac_array::<Sha1, 20>(password, &self.salt, self.rounds);
        digest.ct_eq(&self.digest).into()
    }
}
