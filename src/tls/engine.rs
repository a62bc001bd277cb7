//! One TLS connection, either side of it: handshake, records, alerts.
//!
//! The shell reads behind the stash that [`Engine::lay_stash`] puts in front of its buffer, hands the whole to
//! [`Engine::open`], and sends what comes back. Outside of these calls an idle engine holds no buffer.

use std::fmt;
use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;

use super::Asked;
use super::backends::Backends;
use super::fault::Fault;
use super::library::{Act, Library, Next};
use super::records::Records;
use super::secrets::{CHANNEL_BINDING_BYTES, Secrets, caught};
use super::servers::{Servers, asked_for};
use super::trust::{BAD_NAME, NO_TRUST};
use crate::facts::{ClientCertificate, Security};
use crate::limits;
use crate::names::Protocol;
use crate::wire::certificate_name::NameField;

/// One side of one connection.
pub struct Engine {
    layer: Layer,
    /// Of the session, until it leaves the library.
    secrets: Option<Box<Secrets>>,
    /// Bytes of the peer that are no whole record or handshake message yet. Bounded; empty most of the time.
    stash: Vec<u8>,
    /// Bytes of the peer until the handshake was done.
    received: usize,
    /// Until it is told in [`Established`].
    server_name: Option<Box<str>>,
    name_field: NameField,
    /// The last thing that happened was that we sealed something, so that the library has nothing left to say.
    flushed: bool,
    /// The session is to leave the library when it can.
    leaving: bool,
    ended: bool,
    closed: bool,
    failed: bool,
}

/// Who seals and opens records.
enum Layer {
    /// The library: in the handshake, until login, and with TLS 1.2 for ever.
    Library(Box<Library>),
    Ours(Box<Records>),
    /// Neither any more.
    None,
}

/// What is known of a session when its handshake is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Established {
    /// The host name that the client asked for, checked to be one (W-TLS-3).
    pub server_name: Option<Box<str>>,
    /// Whom the client's certificate names, if it showed one.
    pub client_certificate: ClientCertificate,
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: &'static str,
    /// Version and cipher, for logs.
    pub security: Option<Security>,
    /// No certificate was shown: an earlier session goes on.
    pub resumed: bool,
}

impl Engine {
    /// Our side towards a client. `None`: the protocol has no certificate, or certificates are to be asked for and none
    /// would be good, or the library
    /// refuses, which it does only without randomness.
    #[must_use]
    pub fn server(servers: &Servers, protocol: Protocol, asked: Asked) -> Option<Self> {
        let server = servers.of(protocol)?;
        let config = Arc::clone(server.asking(asked)?);
        let engine = Self::new(Library::Server(UnbufferedServerConnection::new(config).ok()?));
        Some(Self { name_field: server.name_field(), ..engine })
    }

    /// Our side towards the backend of this name; its first words are appended to `reply`.
    ///
    /// # Errors
    /// The backend would have to prove itself, and no authority is trusted; or its name is none.
    pub fn client(
        backends: &Backends,
        name: &str,
        any_certificate: bool,
        reply: &mut Vec<u8>,
    ) -> Result<Self, Fault> {
        let config = backends.of(any_certificate).ok_or(NO_TRUST)?;
        let name = ServerName::try_from(name.to_owned()).map_err(|_| BAD_NAME)?;
        let connection = UnbufferedClientConnection::new(Arc::clone(config), name)
            .map_err(|error| Fault::from(&error))?;
        let mut engine = Self::new(Library::Client(connection));
        engine.open(&mut [], &mut Vec::new(), reply)?;
        Ok(engine)
    }

    /// A client that is configured otherwise than ours.
    #[cfg(test)]
    pub(super) fn client_of(config: rustls::ClientConfig, name: &str, reply: &mut Vec<u8>) -> Self {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connection = UnbufferedClientConnection::new(Arc::new(config), name).unwrap();
        let mut engine = Self::new(Library::Client(connection));
        engine.open(&mut [], &mut Vec::new(), reply).unwrap();
        engine
    }

    /// The library's side of new keys, as a client may want them at any time.
    #[cfg(test)]
    pub(super) fn renew_keys(&mut self) {
        let Layer::Library(library) = &mut self.layer else { panic!("it has left the library") };
        library.renew_keys();
    }

    /// What is needed to seal whatever one likes.
    #[cfg(test)]
    pub(super) fn into_secrets(self) -> rustls::ExtractedSecrets {
        let Layer::Library(library) = self.layer else { panic!("it has left the library") };
        library.into_secrets()
    }

    #[cfg(test)]
    pub(super) fn has_left_the_library(&self) -> bool {
        matches!(self.layer, Layer::Ours(_))
    }

    #[cfg(test)]
    pub(super) fn stash_is_free(&self) -> bool {
        self.stash.capacity() == 0
    }

    fn new(connection: Library) -> Self {
        Self {
            layer: Layer::Library(Box::new(connection)),
            secrets: None,
            stash: Vec::new(),
            received: 0,
            server_name: None,
            name_field: NameField::default(),
            flushed: false,
            leaving: false,
            ended: false,
            closed: false,
            failed: false,
        }
    }

    /// Puts what is left of earlier bytes in front of `buffer` and says how long it is: read behind it.
    pub fn lay_stash(&self, buffer: &mut [u8]) -> usize {
        match buffer.get_mut(..self.stash.len()) {
            Some(front) => {
                front.copy_from_slice(&self.stash);
                self.stash.len()
            }
            None => 0,
        }
    }

    /// Takes `bytes` of the peer: the stash and what was read behind it. Plain bytes are appended to `plain`, what the
    /// peer is owed (handshake, alert) to `reply`; with a fault, too. What is no whole record becomes the stash.
    ///
    /// # Errors
    /// The connection is over; send `reply` and close.
    pub fn open(
        &mut self,
        bytes: &mut [u8],
        plain: &mut Vec<u8>,
        reply: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        if self.failed {
            return Err(FAILED);
        }
        if self.ended && matches!(self.layer, Layer::Ours(_)) {
            // Behind its end nothing of a peer counts; the library knows that by itself.
            return Ok(());
        }
        let was_handshaking = self.is_handshaking();
        if was_handshaking {
            self.received += bytes.len().saturating_sub(self.stash.len());
            if self.received > limits::TLS_HANDSHAKE_BYTES_MAX {
                self.failed = true;
                return Err(Fault::of("a handshake without end"));
            }
        }
        self.flushed = false;
        match &mut self.layer {
            Layer::Ours(records) => {
                let opened = records.open(bytes, plain, reply);
                let opened = opened.inspect_err(|_| self.failed = true)?;
                self.ended |= opened.ended;
                let rest = bytes.get(opened.used..).unwrap_or_default();
                self.keep(rest)
            }
            Layer::Library(_) => {
                let outcome = self.open_with_library(bytes, plain, reply);
                // Whatever came of it: the next connection's must not be taken for this one's.
                let (name, secrets) = (asked_for(), caught());
                if was_handshaking {
                    self.server_name = name.or_else(|| self.server_name.take());
                    self.secrets = secrets.or_else(|| self.secrets.take());
                }
                outcome
            }
            Layer::None => Err(FAILED),
        }
    }

    fn open_with_library(
        &mut self,
        bytes: &mut [u8],
        plain: &mut Vec<u8>,
        reply: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let mut rest = bytes;
        loop {
            let Layer::Library(library) = &mut self.layer else { return Err(FAILED) };
            let (discard, step) = library.step(rest, plain, reply);
            rest = rest.get_mut(discard..).unwrap_or_default();
            match step {
                Next::Again => {}
                Next::Ended => self.ended = true,
                Next::Wait => break,
                Next::Failed(fault) => return Err(self.fail(fault, rest, reply)),
            }
        }
        self.keep(rest)
    }

    fn keep(&mut self, rest: &[u8]) -> Result<(), Fault> {
        // Behind its end nothing of a peer counts.
        let rest = if self.ended { &[] } else { rest };
        let most = match self.is_handshaking() {
            true => limits::TLS_HANDSHAKE_STASH_BYTES_MAX,
            false => limits::TLS_RECORD_BYTES_MAX,
        };
        if rest.len() > most {
            self.failed = true;
            self.stash = Vec::new();
            return Err(Fault::of("a message that is too long"));
        }
        if rest.is_empty() {
            // An idle session owns no buffer.
            self.stash = Vec::new();
        } else {
            self.stash.clear();
            self.stash.extend_from_slice(rest);
        }
        Ok(())
    }

    /// Seals `plain` in as few records as possible; they are appended to `sealed`.
    ///
    /// # Errors
    /// The handshake is not done, or the connection is over.
    pub fn seal(&mut self, plain: &[u8], sealed: &mut Vec<u8>) -> Result<(), Fault> {
        if plain.is_empty() {
            return Ok(());
        }
        if self.failed {
            return Err(FAILED);
        }
        match &mut self.layer {
            Layer::Ours(records) => records.seal(plain, sealed),
            Layer::Library(library) => {
                library.write(Act::Seal(plain), &mut self.stash, sealed).ok_or(FAILED)?;
                self.flushed = true;
                self.leave_library()
            }
            Layer::None => Err(FAILED),
        }
    }

    /// Appends close_notify, once: we send nothing more, and the peer can tell that nothing was cut off.
    pub fn close(&mut self, sealed: &mut Vec<u8>) {
        if self.failed || self.is_handshaking() || std::mem::replace(&mut self.closed, true) {
            return;
        }
        match &mut self.layer {
            Layer::Ours(records) => records.close(sealed),
            // Without it the peer sees an end without a goodbye, which it has to bear anyway.
            Layer::Library(library) => {
                let _ = library.write(Act::Close, &mut self.stash, sealed);
            }
            Layer::None => {}
        }
    }

    /// The dialogue is over and a relay begins: from now on, and as soon as nothing is half said, a session with TLS
    /// 1.3 is sealed and opened by our own record layer, which copies less and takes a quarter of the memory.
    ///
    /// # Errors
    /// The session can't go on.
    pub fn begin_relay(&mut self) -> Result<(), Fault> {
        self.leaving = true;
        self.leave_library()
    }

    /// Only right behind a seal: an answer to a KeyUpdate waits in the library for the next one, and nothing shows it.
    fn leave_library(&mut self) -> Result<(), Fault> {
        let can = self.leaving && self.flushed && self.stash.is_empty() && !self.failed;
        if !can || self.ended || self.closed {
            return Ok(());
        }
        let Layer::Library(library) = &self.layer else { return Ok(()) };
        let (Some(suite), Some(secrets)) = (library.suite_to_leave_with(), self.secrets.take())
        else {
            return Ok(());
        };
        if let Layer::Library(library) = std::mem::replace(&mut self.layer, Layer::None) {
            let records = library.leave(suite, &secrets);
            self.failed = records.is_none();
            let records = records.ok_or(Fault::of("the TLS library comes to other keys"))?;
            self.layer = Layer::Ours(Box::new(records));
        }
        Ok(())
    }

    /// What a login can be bound to (`tls-exporter`, RFC 9266): with TLS 1.3, and before the session leaves the library, which is when
    /// the secret for it goes.
    #[must_use]
    pub fn channel_binding(&self) -> Option<[u8; CHANNEL_BINDING_BYTES]> {
        let (Layer::Library(library), Some(secrets)) = (&self.layer, &self.secrets) else {
            return None;
        };
        secrets.exporter.channel_binding(library.newest_suite()?)
    }

    /// The certificates that the peer showed, its own first (DER), while the library has them.
    #[must_use]
    pub fn peer_certificates(&self) -> Vec<Vec<u8>> {
        match &self.layer {
            Layer::Library(library) => library.peer_certificates(),
            Layer::Ours(_) | Layer::None => Vec::new(),
        }
    }

    /// Whether the handshake is still under way.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        match &self.layer {
            Layer::Library(library) => library.is_handshaking(),
            Layer::Ours(_) | Layer::None => false,
        }
    }

    /// Whether the peer said that it sends nothing more.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether close_notify was sealed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// What is known once the handshake is done: ask then, and once.
    #[must_use]
    pub fn established(&mut self) -> Established {
        let server_name = self.server_name.take();
        match &self.layer {
            Layer::Library(library) => library.established(server_name, self.name_field),
            Layer::Ours(_) | Layer::None => Established {
                server_name,
                client_certificate: ClientCertificate::NONE,
                version: "TLSv1.3",
                security: None,
                resumed: false,
            },
        }
    }

    /// The connection is over. The alert that says so does not come with the error but with the next calls (K-TLS-9):
    /// not one more than needed, because it would read the damage again, and with the same bytes, because the library
    /// panics when it does not find a message again that it has seen behind the bad one.
    fn fail(&mut self, fault: Fault, bytes: &mut [u8], reply: &mut Vec<u8>) -> Fault {
        self.failed = true;
        self.stash = Vec::new();
        let mut rest = bytes;
        if let Layer::Library(library) = &mut self.layer {
            while library.owes() {
                let discard = library.step(rest, &mut Vec::new(), reply).0;
                rest = rest.get_mut(discard..).unwrap_or_default();
            }
        }
        fault
    }
}

/// Names the state only: a session's keys are not for printing.
impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("handshaking", &self.is_handshaking())
            .field("stash", &self.stash.len())
            .finish_non_exhaustive()
    }
}

const FAILED: Fault = Fault::of("the connection is over");
