//! One TLS connection, either side of it: handshake, records, alerts.
//!
//! The shell reads behind the stash that [`Engine::lay_stash`] puts in front of its buffer, hands the whole to
//! [`Engine::open`], and sends what comes back. Outside of these calls an idle engine holds no buffer.

#[cfg(test)]
mod hooks;

use std::fmt;
use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};
use rustls::{Error, HandshakeKind, ProtocolVersion};

use super::Asked;
use super::backends::Backends;
use super::fault::Fault;
use super::servers::{Servers, asked_for};
use crate::facts::ClientCertificate;
use crate::limits;
use crate::names::Protocol;
use crate::wire::certificate_name::NameField;

/// One side of one connection.
pub struct Engine {
    connection: Connection,
    /// Bytes of the peer that are no whole record or handshake message yet. Bounded; empty most of the time.
    stash: Vec<u8>,
    /// Bytes of the peer until the handshake was done.
    received: usize,
    /// Until it is told in [`Established`].
    server_name: Option<Box<str>>,
    name_field: NameField,
    ended: bool,
    closed: bool,
    failed: bool,
}

enum Connection {
    Server(Box<UnbufferedServerConnection>),
    Client(Box<UnbufferedClientConnection>),
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
    /// The cipher suite's registered name.
    pub cipher: &'static str,
    /// No certificate was shown: an earlier session goes on.
    pub resumed: bool,
}

impl Engine {
    /// Our side towards a client. `None`: certificates are to be asked for and nobody's would be good, or the library
    /// refuses, which it does only without randomness.
    #[must_use]
    pub fn server(servers: &Servers, protocol: Protocol, asked: Asked) -> Option<Self> {
        let config = Arc::clone(servers.of(protocol, asked)?);
        let connection = UnbufferedServerConnection::new(config).ok()?;
        let engine = Self::new(Connection::Server(Box::new(connection)));
        Some(Self { name_field: servers.name_field(), ..engine })
    }

    /// Our side towards the backend of this name; its first words are appended to `reply`.
    ///
    /// # Errors
    /// The backend would have to prove itself, and nobody is trusted; or its name is none.
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
        let mut engine = Self::new(Connection::Client(Box::new(connection)));
        engine.open(&mut [], &mut Vec::new(), reply)?;
        Ok(engine)
    }

    fn new(connection: Connection) -> Self {
        Self {
            connection,
            stash: Vec::new(),
            received: 0,
            server_name: None,
            name_field: NameField::default(),
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
        let was_handshaking = self.is_handshaking();
        if was_handshaking {
            self.received += bytes.len().saturating_sub(self.stash.len());
            if self.received > limits::TLS_HANDSHAKE_BYTES_MAX {
                self.failed = true;
                return Err(Fault::of("a handshake without end"));
            }
        }
        let mut rest = bytes;
        loop {
            let (discard, step) = self.step(rest, plain, reply);
            rest = rest.get_mut(discard..).unwrap_or_default();
            match step {
                Next::Again => {}
                Next::Ended => self.ended = true,
                Next::Wait => break,
                Next::Failed(fault) => return Err(self.fail(fault, rest, reply)),
            }
        }
        if was_handshaking && let Some(name) = asked_for() {
            self.server_name = Some(name);
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
        self.write(Act::Seal(plain), sealed)
    }

    /// Appends close_notify, once: we send nothing more, and the peer can tell that nothing was cut off.
    pub fn close(&mut self, sealed: &mut Vec<u8>) {
        if self.failed || self.is_handshaking() || std::mem::replace(&mut self.closed, true) {
            return;
        }
        // Without it the peer sees an end without a goodbye, which it has to bear anyway.
        let _ = self.write(Act::Close, sealed);
    }

    /// Whether the handshake is still under way.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        match &self.connection {
            Connection::Server(connection) => connection.is_handshaking(),
            Connection::Client(connection) => connection.is_handshaking(),
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

    /// What is known once the handshake is done.
    #[must_use]
    pub fn established(&mut self) -> Established {
        let (version, suite, kind) = match &self.connection {
            Connection::Server(connection) => (
                connection.protocol_version(),
                connection.negotiated_cipher_suite(),
                connection.handshake_kind(),
            ),
            Connection::Client(connection) => (
                connection.protocol_version(),
                connection.negotiated_cipher_suite(),
                connection.handshake_kind(),
            ),
        };
        Established {
            server_name: self.server_name.take(),
            client_certificate: self.client_certificate(),
            version: match version {
                Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "",
            },
            cipher: suite.and_then(|suite| suite.suite().as_str()).unwrap_or_default(),
            resumed: kind == Some(HandshakeKind::Resumed),
        }
    }

    /// The library keeps a certificate only when it was good, and asks for one only when told to.
    fn client_certificate(&self) -> ClientCertificate {
        let Connection::Server(connection) = &self.connection else {
            return ClientCertificate::NONE;
        };
        match connection.peer_certificates().and_then(<[_]>::first) {
            None => ClientCertificate::NONE,
            Some(own) => ClientCertificate::verified(self.name_field.of(own)),
        }
    }

    fn step(
        &mut self,
        bytes: &mut [u8],
        plain: &mut Vec<u8>,
        reply: &mut Vec<u8>,
    ) -> (usize, Next) {
        match &mut self.connection {
            Connection::Server(connection) => {
                take(connection.process_tls_records(bytes), plain, reply)
            }
            Connection::Client(connection) => {
                take(connection.process_tls_records(bytes), plain, reply)
            }
        }
    }

    /// The connection is over. The alert that says so does not come with the error but with the next calls (tls.md 8.4):
    /// not one more than needed, because it would read the damage again, and with the same bytes, because the library
    /// panics when it does not find a message again that it has seen behind the bad one.
    fn fail(&mut self, fault: Fault, bytes: &mut [u8], reply: &mut Vec<u8>) -> Fault {
        self.failed = true;
        self.stash = Vec::new();
        let mut rest = bytes;
        while self.owes() {
            let discard = self.step(rest, &mut Vec::new(), reply).0;
            rest = rest.get_mut(discard..).unwrap_or_default();
        }
        fault
    }

    /// Whether the library has something to send.
    fn owes(&self) -> bool {
        match &self.connection {
            Connection::Server(connection) => connection.wants_write(),
            Connection::Client(connection) => connection.wants_write(),
        }
    }

    fn write(&mut self, act: Act<'_>, sealed: &mut Vec<u8>) -> Result<(), Fault> {
        if self.failed {
            return Err(FAILED);
        }
        let begin = sealed.len();
        let mut start = begin;
        let mut room = act.room();
        for _ in 0..WRITE_STEPS_MAX {
            sealed.resize(start + room, 0);
            let space = sealed.get_mut(start..).unwrap_or_default();
            // The library may hold parts of a message in the stash, so it has to see it again.
            let written = match &mut self.connection {
                Connection::Server(connection) => {
                    write(connection.process_tls_records(&mut self.stash).state, act, space)
                }
                Connection::Client(connection) => {
                    write(connection.process_tls_records(&mut self.stash).state, act, space)
                }
            };
            match written {
                Written::Done(bytes) => {
                    sealed.truncate(start + bytes);
                    return Ok(());
                }
                Written::First(bytes) => start += bytes,
                Written::Needs(more) => room = more,
                Written::Not => break,
            }
        }
        sealed.truncate(begin);
        Err(FAILED)
    }
}

/// What one call of the library came to.
enum Next {
    Again,
    /// The peer said that it sends nothing more.
    Ended,
    /// Nothing to do before more bytes come.
    Wait,
    Failed(Fault),
}

/// Takes what one call of the library yields; also how many bytes it has used up.
fn take<Data>(
    status: UnbufferedStatus<'_, '_, Data>,
    plain: &mut Vec<u8>,
    reply: &mut Vec<u8>,
) -> (usize, Next) {
    let UnbufferedStatus { mut discard, state } = status;
    let next = match state {
        Ok(ConnectionState::ReadTraffic(mut records)) => {
            let mut next = Next::Again;
            while let Some(record) = records.next_record() {
                match record {
                    Ok(record) => {
                        discard += record.discard;
                        plain.extend_from_slice(record.payload);
                    }
                    Err(error) => next = Next::Failed(Fault::from(&error)),
                }
            }
            next
        }
        Ok(ConnectionState::EncodeTlsData(mut data)) => encode(reply, |space| data.encode(space)),
        Ok(ConnectionState::TransmitTlsData(data)) => {
            data.done();
            Next::Again
        }
        Ok(ConnectionState::PeerClosed) => Next::Ended,
        Ok(
            ConnectionState::WriteTraffic(_)
            | ConnectionState::BlockedHandshake
            | ConnectionState::Closed,
        ) => Next::Wait,
        // Early data is never agreed to, and the library knows no other state.
        Ok(_) => Next::Failed(Fault::of("an internal failure")),
        Err(error) => Next::Failed(Fault::from(&error)),
    };
    (discard, next)
}

fn encode(
    out: &mut Vec<u8>,
    mut encode: impl FnMut(&mut [u8]) -> Result<usize, EncodeError>,
) -> Next {
    let start = out.len();
    let needed = match encode(&mut []) {
        Err(EncodeError::InsufficientSize(size)) => size.required_size,
        Ok(_) => 0,
        Err(EncodeError::AlreadyEncoded) => return Next::Again,
    };
    out.resize(start + needed, 0);
    match encode(out.get_mut(start..).unwrap_or_default()) {
        Ok(_) | Err(EncodeError::AlreadyEncoded) => Next::Again,
        Err(EncodeError::InsufficientSize(_)) => Next::Failed(Fault::of("an internal failure")),
    }
}

/// What is to be written.
#[derive(Clone, Copy)]
enum Act<'a> {
    Seal(&'a [u8]),
    Close,
}

impl Act<'_> {
    /// Room that is enough, unless a message about new keys goes in front.
    fn room(self) -> usize {
        let bytes = match self {
            Self::Seal(plain) => plain.len(),
            Self::Close => 0,
        };
        bytes + (bytes / RECORD_BYTES + 2) * limits::TLS_RECORD_OVERHEAD
    }
}

enum Written {
    Done(usize),
    /// Something of the library's own went first.
    First(usize),
    Needs(usize),
    Not,
}

fn write<Data>(
    state: Result<ConnectionState<'_, '_, Data>, Error>,
    act: Act<'_>,
    space: &mut [u8],
) -> Written {
    match state {
        Ok(ConnectionState::WriteTraffic(mut traffic)) => {
            let written = match act {
                Act::Seal(plain) => traffic.encrypt(plain, space),
                Act::Close => traffic.queue_close_notify(space),
            };
            match written {
                Ok(bytes) => Written::Done(bytes),
                Err(EncryptError::InsufficientSize(size)) => Written::Needs(size.required_size),
                Err(EncryptError::EncryptExhausted) => Written::Not,
            }
        }
        Ok(ConnectionState::EncodeTlsData(mut data)) => match data.encode(space) {
            Ok(bytes) => Written::First(bytes),
            Err(_) => Written::Not,
        },
        Ok(ConnectionState::TransmitTlsData(data)) => {
            data.done();
            Written::First(0)
        }
        _ => Written::Not,
    }
}

/// Names the state only: a session's keys are nobody's business.
impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("handshaking", &self.is_handshaking())
            .field("stash", &self.stash.len())
            .finish_non_exhaustive()
    }
}

/// Plain bytes of a full record (RFC 8446 5.1).
const RECORD_BYTES: usize = 16_384;
/// New keys, a ticket, the room for them, and the write itself.
const WRITE_STEPS_MAX: u32 = 8;

const FAILED: Fault = Fault::of("the connection is over");
const NO_TRUST: Fault = Fault {
    word: "no authority is trusted: set ssl_client_ca_file, or install ca-certificates",
    certificate: true,
};
const BAD_NAME: Fault = Fault { word: "the backend's name is no host name", certificate: true };
