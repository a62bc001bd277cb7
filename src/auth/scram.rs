//! SCRAM (RFC 5802, RFC 7677): its messages, its keys, and both sides of an exchange.
//!
//! Decides: what a message says, whether a proof is right. Does not: draw nonces, choose salts, know users, or compute keys on
//! its own account: deriving them costs thousands of hashes, so that callers say where ([`Keys::derive`]). Driven by
//! `auth::chain` towards clients and by `backend` towards backends. Tests: `scram/tests.rs`, with the examples of both RFCs.

mod client;
mod messages;
mod server;
#[cfg(test)]
mod tests;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::limits::SCRAM_ITERATIONS;
use crate::names::mechanism::Mechanism;
use crate::secret::Secret;

pub use client::{Client, Inviting};
pub use messages::{Binding, ClientFirst};
pub use server::{Server, Verdict};

/// The hash that a mechanism is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// SCRAM-SHA-1.
    Sha1,
    /// SCRAM-SHA-256.
    Sha256,
}

impl Algorithm {
    /// That of a mechanism; none: it is no SCRAM.
    #[must_use]
    pub const fn of(mechanism: Mechanism) -> Option<Self> {
        match mechanism {
            Mechanism::ScramSha1 | Mechanism::ScramSha1Plus => Some(Self::Sha1),
            Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => Some(Self::Sha256),
            Mechanism::Plain
            | Mechanism::Login
            | Mechanism::External
            | Mechanism::Xoauth2
            | Mechanism::OauthBearer
            | Mechanism::CramMd5
            | Mechanism::DigestMd5
            | Mechanism::Apop
            | Mechanism::Anonymous => None,
        }
    }

    /// Bytes of its keys.
    #[must_use]
    pub const fn key_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    fn hash(self, bytes: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
        })
    }

    fn hmac(self, key: &[u8], message: &[u8]) -> Zeroizing<Vec<u8>> {
        // HMAC takes keys of every length.
        Zeroizing::new(match self {
            Self::Sha1 => Hmac::<Sha1>::new_from_slice(key).map_or_else(
                |_| Vec::new(),
                |mut mac| {
                    mac.update(message);
                    mac.finalize().into_bytes().to_vec()
                },
            ),
            Self::Sha256 => Hmac::<Sha256>::new_from_slice(key).map_or_else(
                |_| Vec::new(),
                |mut mac| {
                    mac.update(message);
                    mac.finalize().into_bytes().to_vec()
                },
            ),
        })
    }

    /// `Hi()`: the thousands of hashes.
    fn salted(self, password: &[u8], salt: &[u8], iterations: u32) -> Zeroizing<Vec<u8>> {
        let mut key = Zeroizing::new(vec![0; self.key_bytes()]);
        match self {
            Self::Sha1 => ::pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, iterations, &mut key),
            Self::Sha256 => ::pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut key),
        }
        key
    }
}

/// What a client is told of how its keys were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salted {
    /// Any bytes, at least one.
    pub salt: Box<[u8]>,
    /// At least one.
    pub iterations: u32,
}

/// What a server keeps of a password (RFC 5802 3). Prints nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    stored: Secret,
    server: Secret,
}

impl Keys {
    /// Keys as a database has them; none: they are not of this algorithm.
    #[must_use]
    pub fn of(algorithm: Algorithm, stored: Secret, server: Secret) -> Option<Self> {
        let fits = |key: &Secret| key.len() == algorithm.key_bytes();
        (fits(&stored) && fits(&server)).then_some(Self { stored, server })
    }

    /// Computes them: milliseconds, not for a data core.
    #[must_use]
    pub fn derive(algorithm: Algorithm, password: &[u8], salted: &Salted) -> Self {
        Derived::of(algorithm, password, salted).keys(algorithm)
    }

    /// Whether they were made of this password; costs as much as making them.
    #[must_use]
    pub fn are_of(&self, algorithm: Algorithm, password: &[u8], salted: &Salted) -> bool {
        Self::derive(algorithm, password, salted).stored.expose().ct_eq(self.stored.expose()).into()
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// Salt and iterations for a user without keys: the same whenever the name is asked for, and unforeseeable without the secret.
#[must_use]
pub fn steady_salt(secret: &Secret, name: &str) -> Salted {
    let salt = Algorithm::Sha256.hmac(secret.expose(), &[b"SCRAM salt ", name.as_bytes()].concat());
    Salted { salt: salt.get(..16).unwrap_or_default().into(), iterations: SCRAM_ITERATIONS }
}

/// A server's part of a nonce: unforeseeable without the secret, and never twice the same if `unique` is not.
#[must_use]
pub fn nonce(secret: &Secret, unique: &[u8]) -> String {
    let drawn = Algorithm::Sha256.hmac(secret.expose(), &[b"SCRAM nonce ", unique].concat());
    messages::encoded(drawn.get(..18).unwrap_or_default())
}

/// What a password makes with a salt: to be computed where that may take its time. Prints nothing of either.
#[derive(Clone, Debug)]
pub struct Derivation {
    algorithm: Algorithm,
    password: Secret,
    salted: Salted,
}

impl Derivation {
    /// Of this password.
    #[must_use]
    pub fn new(algorithm: Algorithm, password: Secret, salted: Salted) -> Self {
        Self { algorithm, password, salted }
    }

    /// Computes it: milliseconds, not for a data core.
    #[must_use]
    pub fn run(&self) -> Derived {
        Derived::of(self.algorithm, self.password.expose(), &self.salted)
    }
}

/// What a client computes of its password once it knows the salt.
#[derive(Clone, Debug)]
pub struct Derived {
    client: Secret,
    server: Secret,
}

impl Derived {
    /// Computes it: milliseconds, not for a data core.
    #[must_use]
    pub fn of(algorithm: Algorithm, password: &[u8], salted: &Salted) -> Self {
        let key = algorithm.salted(password, &salted.salt, salted.iterations);
        let secret = |name: &[u8]| Secret::from(algorithm.hmac(&key, name).as_slice());
        Self { client: secret(b"Client Key"), server: secret(b"Server Key") }
    }

    /// What a server keeps of the same password.
    #[must_use]
    pub fn keys(self, algorithm: Algorithm) -> Keys {
        let stored = Secret::from(algorithm.hash(self.client.expose()).as_slice());
        Keys { stored, server: self.server }
    }
}
