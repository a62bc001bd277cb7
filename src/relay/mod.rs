//! The rules of the byte pump, as far as bytes are looked at: who passes the relay is who Hale let in.
//!
//! Decides: what a ManageSieve session may not say behind its login, and what its backend may not offer it. Does not: move
//! bytes, or look at any other protocol's. IMAP has UNAUTHENTICATE, too (RFC 8437), and is not watched: few backends have
//! it, and every IMAP session would pay for the watch; [`crate::preauth`] leaves it out of the list that it tells. Driver:
//! `worker::relay`; `session` for what was read beyond the login. Tests: at the end of each file, `tests/pure/relay.rs`.
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

mod redactor;
mod sieve_client;
mod sieve_server;

use crate::names::Protocol;

pub use redactor::Redactor;

use sieve_client::Client;
use sieve_server::Server;

/// What is watched of a relayed session; none for protocols whose bytes are only moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    client: Client,
    server: Server,
}

impl Watch {
    /// The watch of a protocol, from the end of the reply to the login on.
    #[must_use]
    pub fn of(protocol: Protocol) -> Option<Self> {
        match protocol {
            Protocol::Sieve => Some(Self::default()),
            Protocol::Imap | Protocol::Pop3 | Protocol::Submission | Protocol::Lmtp => None,
        }
    }

    /// Whether sessions of a protocol have one.
    #[must_use]
    pub fn is_due(protocol: Protocol) -> bool {
        protocol == Protocol::Sieve
    }

    /// Looks at bytes on their way from the client.
    ///
    /// # Errors
    /// The session has to end, for the reason given, and the backend gets none of these bytes.
    pub fn from_client(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        self.client.look(bytes)
    }

    /// Looks at bytes on their way from the backend, takes out what the client is not offered, and says how many are left.
    pub fn from_backend(&mut self, bytes: &mut [u8]) -> usize {
        self.server.look(bytes)
    }
}

// One for each relayed ManageSieve session, beside its connection.
const _: () = assert!(size_of::<Watch>() <= 96);
