//! `{SCRAM-SHA-1}` and `{SCRAM-SHA-256}`: Dovecot's `iterations,salt,stored key,server key`, the last three in base64.

use super::{SchemeError, from_base64, number};
use crate::auth::scram::{Algorithm, Keys, Salted};
use crate::limits::PBKDF2_ROUNDS_MAX;

pub(super) struct Scram {
    pub(super) algorithm: Algorithm,
    pub(super) salted: Salted,
    pub(super) keys: Keys,
}

impl Scram {
    pub(super) fn parse(algorithm: Algorithm, value: &str) -> Result<Self, SchemeError> {
        let mut parts = value.split(',');
        let mut next = || parts.next().ok_or(SchemeError::Malformed);
        let (iterations, salt) = (number::<u32>(next()?)?, from_base64(next()?)?);
        let (stored, server) = (from_base64(next()?)?, from_base64(next()?)?);
        if iterations > PBKDF2_ROUNDS_MAX {
            return Err(SchemeError::TooCostly);
        }
        if iterations == 0 || salt.is_empty() || parts.next().is_some() {
            return Err(SchemeError::Malformed);
        }
        let keys = Keys::of(algorithm, stored, server).ok_or(SchemeError::Malformed)?;
        Ok(Self { algorithm, salted: Salted { salt: salt.expose().into(), iterations }, keys })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        self.keys.are_of(self.algorithm, password, &self.salted)
    }
}
