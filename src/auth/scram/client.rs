//! A client's side, towards backends.

use subtle::ConstantTimeEq;

use super::messages::{ServerFirst, decoded, encoded};
use super::{Algorithm, Derived, Salted};
use crate::auth::saslname;
use crate::limits::PBKDF2_ROUNDS_MAX;
use crate::secret::Secret;

/// A client that has introduced itself.
#[derive(Clone, Debug)]
pub struct Inviting {
    algorithm: Algorithm,
    nonce: Box<str>,
    bare: Box<str>,
    gs2_header: Box<str>,
}

impl Inviting {
    /// Logs in as `user`, on behalf of `authorize_as`. `nonce`: as a server's.
    #[must_use]
    pub fn new(algorithm: Algorithm, user: &str, authorize_as: Option<&str>, nonce: &str) -> Self {
        let acts_for =
            authorize_as.map_or(String::new(), |name| format!("a={}", saslname::written(name)));
        Self {
            algorithm,
            nonce: nonce.into(),
            bare: format!("n={},r={nonce}", saslname::written(user)).into(),
            gs2_header: format!("n,{acts_for},").into(),
        }
    }

    /// The first message.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        [&*self.gs2_header, &*self.bare].concat().into_bytes()
    }

    /// Reads the server's first message: how the keys are to be made. None: it is none, or asks for more work than any
    /// honest server would.
    #[must_use]
    pub fn invited(&self, message: &[u8]) -> Option<Salted> {
        let said = ServerFirst::parse(message)?;
        let is_ours =
            said.nonce.strip_prefix(self.nonce.as_bytes()).is_some_and(|rest| !rest.is_empty());
        (is_ours && said.iterations <= PBKDF2_ROUNDS_MAX)
            .then(|| Salted { salt: said.salt.into(), iterations: said.iterations })
    }

    /// Proves that we have the password. `server_first`: the message that was read.
    #[must_use]
    pub fn prove(&self, server_first: &[u8], derived: &Derived) -> Option<(Secret, Client)> {
        let said = ServerFirst::parse(server_first)?;
        let without_proof =
            [b"c=", encoded(self.gs2_header.as_bytes()).as_bytes(), b",r=", said.nonce].concat();
        let message = [self.bare.as_bytes(), server_first, &without_proof].join(&b","[..]);
        let stored = self.algorithm.hash(derived.client.expose());
        let signature = self.algorithm.hmac(&stored, &message);
        let proof: Vec<u8> =
            derived.client.expose().iter().zip(signature.iter()).map(|(a, b)| a ^ b).collect();
        let last = [&*without_proof, b",p=", encoded(&proof).as_bytes()].concat();
        let expected = self.algorithm.hmac(derived.server.expose(), &message);
        Some((Secret::new(last), Client { expected: Secret::from(expected.as_slice()) }))
    }
}

/// A client that waits for the server's proof.
#[derive(Clone, Debug)]
pub struct Client {
    expected: Secret,
}

impl Client {
    /// Whether the server knows the password, too.
    #[must_use]
    pub fn believes(&self, message: &[u8]) -> bool {
        let proof =
            message.split(|&byte| byte == b',').next().and_then(|it| it.strip_prefix(b"v="));
        let proof = proof.and_then(decoded);
        proof.is_some_and(|proof| proof.ct_eq(self.expected.expose()).into())
    }
}
