//! Whoever speaks on a socket: a session before login, an LMTP client, or an LMTP backend. TLS, which stands between them
//! and the socket, need not know which.
//!
//! Decides: who is told, and where bytes wait that a socket does not take. Does not: open, seal, or decide what is said.

use crate::facts::ClientCertificate;
use crate::limits;
use crate::ring::port::{IoFault, Port};
use crate::session::input::Input;
use crate::tls::Fault;

use super::connection::{Connection, Phase};
use super::core::Worker;
use super::drive::SESSION_READ_BYTES;
use super::io::socket::Side;

/// What a side with TLS has to tell.
#[derive(Debug)]
pub(super) enum Heard<'a> {
    /// The handshake is done.
    Secured {
        /// The host name that a client asked for.
        server_name: Option<Box<str>>,
        /// Whom its certificate names, if it showed one.
        client_certificate: ClientCertificate,
    },
    /// It failed, or a record is damaged.
    Insecure(Fault),
    /// Opened bytes, no more than [`Worker::room`].
    Bytes(&'a [u8]),
    /// The peer sends nothing more.
    End,
    /// The connection broke.
    Broken(IoFault),
}

impl<P: Port> Worker<P> {
    pub(super) fn hear(&mut self, slot: u32, side: Side, heard: Heard<'_>) {
        match self.slots.get(slot).map(|connection| &connection.phase) {
            Some(Phase::Session(_)) => self.session_hears(slot, side, heard),
            Some(Phase::Lmtp(_)) => self.mail_hears(slot, heard),
            Some(Phase::Link(link)) => {
                let way = link.way;
                self.link_hears(way, heard);
            }
            Some(Phase::Relay(_) | Phase::Lingering | Phase::Closing) | None => {}
        }
    }

    fn session_hears(&mut self, slot: u32, side: Side, heard: Heard<'_>) {
        let failed;
        let input = match (side, heard) {
            (_, Heard::Broken(fault)) => return self.read_failed(slot, side, fault),
            (Side::Client, Heard::Secured { server_name, client_certificate }) => {
                Input::ClientSecured { server_name, certificate: client_certificate }
            }
            (Side::Client, Heard::Insecure(fault)) if fault.certificate => {
                Input::ClientCertificateRefused(fault.word)
            }
            (Side::Client, Heard::Insecure(fault)) => Input::ClientInsecure(fault.word),
            (Side::Client, Heard::Bytes(bytes)) => Input::Client(bytes),
            (Side::Client, Heard::End) => Input::ClientEnd,
            (Side::Backend, Heard::Secured { .. }) => Input::BackendSecured,
            (Side::Backend, Heard::Insecure(fault)) => {
                failed = fault;
                Input::BackendInsecure { word: failed.detail(), is_lasting: failed.is_lasting() }
            }
            (Side::Backend, Heard::Bytes(bytes)) => Input::Backend(bytes),
            (Side::Backend, Heard::End) => Input::BackendEnd,
        };
        self.session_input(slot, input);
    }

    /// How many opened bytes of a side can be told now.
    pub(super) fn room(&self, slot: u32, side: Side) -> usize {
        match self.slots.get(slot).map(|connection| &connection.phase) {
            Some(Phase::Session(_)) => self.session_room(slot, side),
            Some(Phase::Lmtp(mail)) => mail.room(),
            Some(Phase::Link(link)) => self.link_room(link.way),
            Some(Phase::Relay(_) | Phase::Lingering | Phase::Closing) | None => 0,
        }
    }

    /// Whether a handshake on this slot is still worth going on with.
    pub(super) fn is_wanted(&self, slot: u32) -> bool {
        match self.slots.get(slot).map(|connection| &connection.phase) {
            Some(Phase::Session(login)) => !login.finishing,
            Some(Phase::Lmtp(mail)) => !mail.finishing,
            Some(Phase::Link(_)) => true,
            Some(Phase::Relay(_) | Phase::Lingering | Phase::Closing) | None => false,
        }
    }

    /// Whether passwords travel here, so that nothing may be left of it in any buffer (W-CRED-2).
    pub(super) fn is_secret(&self, slot: u32) -> bool {
        let phase = self.slots.get(slot).map(|connection| &connection.phase);
        !matches!(phase, Some(Phase::Lmtp(_) | Phase::Link(_)))
    }

    /// How much is read at once: little before login, a whole record where messages travel.
    pub(super) fn sealed_read_bytes(&self, slot: u32) -> usize {
        if self.is_secret(slot) { SESSION_READ_BYTES } else { limits::SCRATCH_BYTES }
    }

    /// Bytes that a side's socket did not take.
    pub(super) fn unsent_bytes(&mut self, slot: u32, side: Side) -> usize {
        let unsent = self.slots.get_mut(slot).and_then(|connection| unsent(connection, side));
        unsent.map_or(0, |unsent| unsent.len())
    }

    /// Sends bytes as they are now; what the socket does not take is kept and sent when there is room.
    pub(super) fn send_raw(&mut self, slot: u32, side: Side, bytes: &[u8]) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let fd = connection.sockets.of_mut(side).fd();
        let Some(unsent) = unsent(connection, side) else {
            return;
        };
        let mut sent = 0;
        if let (true, Some(fd)) = (unsent.is_empty(), fd) {
            match self.io.port.send(fd, bytes) {
                Ok(count) => sent = count,
                Err(IoFault::WouldBlock) => {}
                // A broken connection shows at the next read, which also tells how.
                Err(_) => return,
            }
        }
        let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) else {
            return;
        };
        unsent.extend_from_slice(rest);
        if side == Side::Client && self.is_login_unread(slot) {
            return self.login_unread(slot);
        }
        self.await_room(slot, side);
    }
}

/// Where bytes wait for a side's socket. A relay has places of its own.
fn unsent(connection: &mut Connection, side: Side) -> Option<&mut Vec<u8>> {
    match (&mut connection.phase, side) {
        (Phase::Session(login), Side::Client) => Some(&mut login.unsent_client),
        (Phase::Session(login), Side::Backend) => Some(&mut login.unsent_backend),
        (Phase::Lmtp(mail), Side::Client) => Some(&mut mail.unsent),
        (Phase::Link(link), Side::Backend) => Some(&mut link.unsent),
        _ => None,
    }
}
