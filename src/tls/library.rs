//! The library's connection, step by step: what it takes, what it wants to say, and how a session leaves it.

use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};
use rustls::{Error, ExtractedSecrets, HandshakeKind, ProtocolVersion};

use super::engine::Established;
use super::fault::Fault;
use super::provider;
use super::records::{Peer, Records};
use super::secrets::{Secret, Secrets, Suite};
use crate::facts::ClientCertificate;
use crate::limits;
use crate::wire::certificate_name::NameField;

/// A connection in the library's hands.
pub(super) enum Library {
    Server(UnbufferedServerConnection),
    Client(UnbufferedClientConnection),
}

impl Library {
    pub(super) fn is_handshaking(&self) -> bool {
        match self {
            Self::Server(connection) => connection.is_handshaking(),
            Self::Client(connection) => connection.is_handshaking(),
        }
    }

    /// One call of the library; also how many bytes it has used up.
    pub(super) fn step(
        &mut self,
        bytes: &mut [u8],
        plain: &mut Vec<u8>,
        reply: &mut Vec<u8>,
    ) -> (usize, Next) {
        match self {
            Self::Server(connection) => take(connection.process_tls_records(bytes), plain, reply),
            Self::Client(connection) => take(connection.process_tls_records(bytes), plain, reply),
        }
    }

    /// Whether the library has something to send.
    pub(super) fn owes(&self) -> bool {
        match self {
            Self::Server(connection) => connection.wants_write(),
            Self::Client(connection) => connection.wants_write(),
        }
    }

    /// Appends what `act` comes to, and what the library has to say before it. The library may hold parts of a message
    /// in the stash, so it has to see it again.
    pub(super) fn write(
        &mut self,
        act: Act<'_>,
        stash: &mut [u8],
        sealed: &mut Vec<u8>,
    ) -> Option<()> {
        let begin = sealed.len();
        let mut start = begin;
        let mut room = act.room();
        for _ in 0..WRITE_STEPS_MAX {
            sealed.resize(start + room, 0);
            let space = sealed.get_mut(start..).unwrap_or_default();
            let written = match self {
                Self::Server(connection) => {
                    write(connection.process_tls_records(stash).state, act, space)
                }
                Self::Client(connection) => {
                    write(connection.process_tls_records(stash).state, act, space)
                }
            };
            match written {
                Written::Done(bytes) => {
                    sealed.truncate(start + bytes);
                    return Some(());
                }
                Written::First(bytes) => start += bytes,
                Written::Needs(more) => room = more,
                Written::Not => break,
            }
        }
        sealed.truncate(begin);
        None
    }

    #[cfg(test)]
    pub(super) fn renew_keys(&mut self) {
        let Self::Client(connection) = self else { panic!("only clients do so here") };
        match connection.process_tls_records(&mut []).state {
            Ok(ConnectionState::WriteTraffic(traffic)) => traffic.refresh_traffic_keys().unwrap(),
            _ => panic!("the handshake is not done"),
        }
    }

    #[cfg(test)]
    pub(super) fn into_secrets(self) -> ExtractedSecrets {
        let Self::Client(connection) = self else { panic!("only clients do so here") };
        connection.dangerous_into_kernel_connection().unwrap().0
    }

    /// The library keeps a certificate only when it was good, and asks for one only when told to. It keeps the whole
    /// chain as long as it has the session.
    fn client_certificate(&self, name_field: NameField) -> ClientCertificate {
        let Self::Server(connection) = self else {
            return ClientCertificate::NONE;
        };
        match connection.peer_certificates().and_then(<[_]>::first) {
            None => ClientCertificate::NONE,
            Some(own) => ClientCertificate::verified(name_field.of(own)).with_whole(own),
        }
    }

    pub(super) fn peer_certificates(&self) -> Vec<Vec<u8>> {
        let shown = match self {
            Self::Server(connection) => connection.peer_certificates(),
            Self::Client(connection) => connection.peer_certificates(),
        };
        shown.unwrap_or_default().iter().map(|shown| shown.to_vec()).collect()
    }

    pub(super) fn established(
        &self,
        server_name: Option<Box<str>>,
        name_field: NameField,
    ) -> Established {
        let (version, suite, kind) = match self {
            Self::Server(connection) => (
                connection.protocol_version(),
                connection.negotiated_cipher_suite(),
                connection.handshake_kind(),
            ),
            Self::Client(connection) => (
                connection.protocol_version(),
                connection.negotiated_cipher_suite(),
                connection.handshake_kind(),
            ),
        };
        Established {
            server_name,
            client_certificate: self.client_certificate(name_field),
            version: match version {
                Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "",
            },
            security: suite.and_then(|suite| provider::security(suite.suite())),
            resumed: kind == Some(HandshakeKind::Resumed),
        }
    }

    /// The suite, if the session may leave the library: established, with TLS 1.3, and nothing left to say.
    pub(super) fn suite_to_leave_with(&self) -> Option<Suite> {
        self.newest_suite().filter(|_| !self.owes())
    }

    /// The suite of a session with TLS 1.3 that is established.
    pub(super) fn newest_suite(&self) -> Option<Suite> {
        let (version, suite) = match self {
            Self::Server(connection) => {
                (connection.protocol_version(), connection.negotiated_cipher_suite())
            }
            Self::Client(connection) => {
                (connection.protocol_version(), connection.negotiated_cipher_suite())
            }
        };
        let is_newest = version == Some(ProtocolVersion::TLSv1_3);
        if !is_newest || self.is_handshaking() {
            return None;
        }
        Suite::numbered(suite?.suite().into())
    }

    /// Takes the session over. `None`: the library comes to other keys than we do, and the session can't go on.
    pub(super) fn leave(self, suite: Suite, secrets: &Secrets) -> Option<Records> {
        let (theirs, peer): (ExtractedSecrets, Peer) = match self {
            Self::Server(connection) => {
                (connection.dangerous_into_kernel_connection().ok()?.0, Peer::Client)
            }
            Self::Client(connection) => {
                (connection.dangerous_into_kernel_connection().ok()?.0, Peer::Server)
            }
        };
        let (read, write) = match peer {
            Peer::Client => (&secrets.client, &secrets.server),
            Peer::Server => (&secrets.server, &secrets.client),
        };
        let current = |first: &Secret, theirs| {
            let mut secret = first.clone();
            // Each KeyUpdate so far has brought the next one.
            for _ in 0..UPDATES_BEFORE_LEAVING_MAX {
                if secret.keys(suite)?.are(suite, theirs) {
                    return Some(secret);
                }
                secret = secret.next(suite)?;
            }
            None
        };
        let secrets = [current(read, &theirs.rx.1)?, current(write, &theirs.tx.1)?];
        Records::new(suite, peer, secrets, [theirs.rx.0, theirs.tx.0])
    }
}

/// What one call of the library came to.
pub(super) enum Next {
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
pub(super) enum Act<'a> {
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

/// Plain bytes of a full record (RFC 8446 5.1).
const RECORD_BYTES: usize = 16_384;
/// New keys, a ticket, the room for them, and the write itself.
const WRITE_STEPS_MAX: u32 = 8;
/// Before login no peer has a reason for more than one.
const UPDATES_BEFORE_LEAVING_MAX: u32 = 64;
