//! A server's side: from the client's first message to the word on its proof.

use subtle::ConstantTimeEq;

use super::messages::{Binding, ClientFinal, ClientFirst, encoded};
use super::{Algorithm, Keys, Salted};

/// An exchange in which the client has been told salt and nonce. Holds no secret.
#[derive(Clone, Debug)]
pub struct Server {
    algorithm: Algorithm,
    first: ClientFirst,
    server_first: Box<str>,
    nonce: Box<[u8]>,
}

/// What came of a client's last message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right; the client is told this, which proves that we know it, too.
    Right(Box<[u8]>),
    /// It is wrong, or the message is.
    Wrong,
}

impl Server {
    /// Answers the client's first message. `nonce`: printable characters without a comma that no client can foresee.
    #[must_use]
    pub fn new(algorithm: Algorithm, first: ClientFirst, nonce: &str, salted: &Salted) -> Self {
        let nonce = [&first.nonce, nonce.as_bytes()].concat();
        let server_first = format!(
            "r={},s={},i={}",
            String::from_utf8_lossy(&nonce),
            encoded(&salted.salt),
            salted.iterations
        );
        Self { algorithm, first, server_first: server_first.into(), nonce: nonce.into() }
    }

    /// The server's first message.
    #[must_use]
    pub fn challenge(&self) -> &str {
        &self.server_first
    }

    /// Judges the client's last message. `exported`: what TLS with the client exports for channel binding (RFC 9266).
    #[must_use]
    pub fn judge(&self, keys: &Keys, message: &[u8], exported: Option<&[u8]>) -> Verdict {
        let Some(said) = ClientFinal::parse(message) else { return Verdict::Wrong };
        let mut bound = self.first.gs2_header.to_vec();
        match (self.first.binding, exported) {
            (Binding::Unsupported | Binding::NotOffered, _) => {}
            (Binding::TlsExporter, Some(exported)) => bound.extend(exported),
            (Binding::TlsExporter, None) | (Binding::Other, _) => return Verdict::Wrong,
        }
        let is_same = bound.ct_eq(&said.binding) & self.nonce.ct_eq(said.nonce);
        let message = [&*self.first.bare, self.server_first.as_bytes(), said.without_proof];
        let message = message.join(&b","[..]);
        let signature = self.algorithm.hmac(keys.stored.expose(), &message);
        if said.proof.len() != signature.len() {
            return Verdict::Wrong;
        }
        let key: Vec<u8> = said.proof.iter().zip(signature.iter()).map(|(a, b)| a ^ b).collect();
        let is_right = self.algorithm.hash(&key).ct_eq(keys.stored.expose());
        if bool::from(is_same & is_right) {
            let proof = self.algorithm.hmac(keys.server.expose(), &message);
            Verdict::Right(format!("v={}", encoded(&proof)).into_bytes().into())
        } else {
            Verdict::Wrong
        }
    }
}
