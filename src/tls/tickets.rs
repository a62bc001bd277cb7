//! Session tickets: the server keeps nothing, the ticket holds the session, sealed with a key that all data cores share.
//!
//! A key serves for `TLS_TICKET_KEYS_EVERY` and is accepted for as long again; then it is forgotten, and with it what
//! could open old tickets. Keys are made and replaced by the control core, never written down.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use rustls::server::ProducesTickets;

use crate::limits;

/// The keys of one period.
#[derive(Clone)]
pub struct TicketKeys {
    current: Arc<Key>,
    previous: Option<Arc<Key>>,
}

struct Key {
    /// Tells a ticket's key without trying.
    name: [u8; NAME_BYTES],
    seal: RandomizedNonceKey,
}

const NAME_BYTES: usize = 8;

impl TicketKeys {
    /// Fresh keys; `None` when the system has no randomness.
    #[must_use]
    pub fn new() -> Option<Self> {
        Some(Self { current: Arc::new(Key::new()?), previous: None })
    }

    /// The keys of the next period: a fresh one, and today's for tickets that are out.
    #[must_use]
    pub fn next(&self) -> Option<Self> {
        Some(Self { current: Arc::new(Key::new()?), previous: Some(Arc::clone(&self.current)) })
    }
}

impl Key {
    fn new() -> Option<Self> {
        let random = SystemRandom::new();
        let (mut name, mut bytes) = ([0; NAME_BYTES], KeyBytes([0; 32]));
        random.fill(&mut name).ok()?;
        random.fill(&mut bytes.0).ok()?;
        Some(Self { name, seal: RandomizedNonceKey::new(&AES_256_GCM, &bytes.0).ok()? })
    }
}

/// Key bytes on their way into the library, which wipes its own copy.
struct KeyBytes([u8; 32]);

impl Drop for KeyBytes {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl ProducesTickets for TicketKeys {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(limits::TLS_TICKET_KEYS_EVERY.as_secs()).unwrap_or(u32::MAX)
    }

    /// ```text
    /// ticket = name nonce sealed(session) tag
    /// ```
    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let Key { name, seal } = &*self.current;
        let mut sealed = plain.to_vec();
        let nonce = seal.seal_in_place_append_tag(Aad::from(name), &mut sealed).ok()?;
        Some([name, nonce.as_ref().as_slice(), &sealed].concat())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (name, rest) = ticket.split_at_checked(NAME_BYTES)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let known = [Some(&self.current), self.previous.as_ref()];
        let key = known.into_iter().flatten().find(|key| key.name == name)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let plain_bytes =
            key.seal.open_in_place(nonce, Aad::from(&key.name), &mut sealed).ok()?.len();
        sealed.truncate(plain_bytes);
        Some(sealed)
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketKeys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tl_18_a_ticket_lives_for_two_periods_and_no_byte_of_it_can_be_changed() {
        let first = TicketKeys::new().unwrap();
        let ticket = first.encrypt(b"session").unwrap();
        assert_eq!(first.decrypt(&ticket).unwrap(), b"session");
        let second = first.next().unwrap();
        assert_eq!(second.decrypt(&ticket).unwrap(), b"session");
        assert_eq!(second.next().unwrap().decrypt(&ticket), None);
        for at in 0..ticket.len() {
            let mut forged = ticket.clone();
            forged[at] ^= 1;
            assert_eq!(second.decrypt(&forged), None, "byte {at}");
            assert_eq!(second.decrypt(&ticket[..at]), None, "cut at {at}");
        }
        assert_ne!(first.encrypt(b"session").unwrap(), ticket, "a nonce was used twice");
    }
}
