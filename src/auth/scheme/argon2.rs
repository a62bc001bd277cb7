//! Argon2: `$argon2id$v=19$m=65536,t=3,p=1$salt$digest`, as libsodium writes it (PHC string format).

use ::argon2::{Algorithm, Argon2, Error, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{SchemeError, number};
use crate::limits::{ARGON2_MEMORY_KIB_MAX, ARGON2_WORK_KIB_MAX};

pub(super) struct Argon {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Box<[u8]>,
    digest: Box<[u8]>,
}

impl Argon {
    pub(super) fn parse(value: &str) -> Result<Self, SchemeError> {
        let mut parts = value.split('$');
        let mut next = || parts.next().ok_or(SchemeError::Malformed);
        let before = next()?;
        let algorithm = match next()? {
            "argon2i" => Algorithm::Argon2i,
            "argon2id" => Algorithm::Argon2id,
            _ => return Err(SchemeError::Unknown),
        };
        let version = match next()? {
            "v=16" => Version::V0x10,
            "v=19" => Version::V0x13,
            _ => return Err(SchemeError::Malformed),
        };
        let costs = next()?;
        let (salt, digest) = (decode(next()?)?, decode(next()?)?);
        if !before.is_empty() || parts.next().is_some() || !DIGEST_BYTES.contains(&digest.len()) {
            return Err(SchemeError::Malformed);
        }
        if salt.len() < ::argon2::MIN_SALT_LEN || salt.len() > SALT_BYTES_MAX {
            return Err(SchemeError::Malformed);
        }
        Ok(Self { algorithm, version, params: params(costs, digest.len())?, salt, digest })
    }

    pub(super) fn memory_kib(&self) -> u32 {
        self.params.m_cost()
    }

    pub(super) fn verify(&self, password: &[u8]) -> Result<bool, SchemeError> {
        let mut digest = Zeroizing::new(vec![0_u8; self.digest.len()]);
        let argon = Argon2::new(self.algorithm, self.version, self.params.clone());
        match argon.hash_password_into(password, &self.salt, &mut digest) {
            Ok(()) => Ok(digest.ct_eq(&self.digest).into()),
            Err(Error::OutOfMemory) => Err(SchemeError::OutOfMemory),
            // Everything else was checked when the value was parsed.
            Err(_) => Err(SchemeError::Malformed),
        }
    }
}

/// `m=KIB,t=PASSES,p=LANES`, in this order as the reference implementation writes and reads them.
fn params(costs: &str, digest_bytes: usize) -> Result<Params, SchemeError> {
    let mut costs = costs.split(',');
    let mut cost = |name: &str| {
        let text =
            costs.next().and_then(|cost| cost.strip_prefix(name)).ok_or(SchemeError::Malformed)?;
        number::<u32>(text)
    };
    let (memory_kib, passes, lanes) = (cost("m=")?, cost("t=")?, cost("p=")?);
    if costs.next().is_some() {
        return Err(SchemeError::Malformed);
    }
    if memory_kib > ARGON2_MEMORY_KIB_MAX
        || u64::from(memory_kib) * u64::from(passes) > ARGON2_WORK_KIB_MAX
    {
        return Err(SchemeError::TooCostly);
    }
    Params::new(memory_kib, passes, lanes, Some(digest_bytes)).map_err(|_| SchemeError::Malformed)
}

fn decode(text: &str) -> Result<Box<[u8]>, SchemeError> {
    STANDARD_NO_PAD.decode(text).map(Vec::into_boxed_slice).map_err(|_| SchemeError::Encoding)
}

/// libsodium writes 32; less than 16 would be guessable, more than 64 no program writes.
const DIGEST_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

const SALT_BYTES_MAX: usize = 64;
