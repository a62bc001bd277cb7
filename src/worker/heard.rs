//! Whoever speaks on a socket: a session before login, an LMTP client, or an LMTP backend. TLS, which stands between them
//! and the socket, need not know which.
//!
//! Decides: who is told, and where bytes wait that a socket does not take. Does not: open, seal, or decide what is said.

use crate::ring::port::{IoFault, Port};
use crate::tls::Fault;

use super::connection::{Connection, Phase};
use super::core::Worker;
use super::io::socket::Side;

/// What a side with TLS has to tell.
#[derive(Debug)]
pub(super) enum Heard<'a> {
    /// The handshake is done.
    Secured {
        /// The host name that a client asked for.
        server_name: Option<Box<str>>,
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
    pub(super) fn hear(&mut self, slot: u32, heard: Heard<'_>) {
        match self.slots.get(slot).map(|connection| &connection.phase) {
            Some(Phase::Lmtp(_)) => self.mail_hears(slot, heard),
            Some(Phase::Link(link)) => {
                let way = link.way;
                self.link_hears(way, heard);
            }
            Some(Phase::Login(_) | Phase::Relay(_) | Phase::Lingering | Phase::Closing) | None => {}
        }
    }

    /// How many opened bytes of a side can be told now.
    pub(super) fn room(&self, slot: u32) -> usize {
        match self.slots.get(slot).map(|connection| &connection.phase) {
            Some(Phase::Lmtp(mail)) => mail.room(),
            Some(Phase::Link(link)) => self.link_room(link.way),
            Some(Phase::Login(_) | Phase::Relay(_) | Phase::Lingering | Phase::Closing) | None => 0,
        }
    }

    /// Whether a handshake on this slot is still worth going on with.
    pub(super) fn is_wanted(&self, slot: u32) -> bool {
        match self.slots.get(slot).map(|connection| &connection.phase) {
            Some(Phase::Lmtp(mail)) => !mail.finishing,
            Some(Phase::Link(_)) => true,
            Some(Phase::Login(_) | Phase::Relay(_) | Phase::Lingering | Phase::Closing) | None => {
                false
            }
        }
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
        self.await_room(slot, side);
    }
}

/// Where bytes wait for a side's socket. A relay has places of its own.
fn unsent(connection: &mut Connection, side: Side) -> Option<&mut Vec<u8>> {
    match (&mut connection.phase, side) {
        (Phase::Lmtp(mail), Side::Client) => Some(&mut mail.unsent),
        (Phase::Link(link), Side::Backend) => Some(&mut link.unsent),
        _ => None,
    }
}
