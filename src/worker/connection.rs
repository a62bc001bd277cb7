//! What a core keeps of one connection, in each phase of its life.
//!
//! An idle relayed session is one [`Connection`] of at most 112 bytes, a link in the timer wheel, and a label with
//! the names for its log line: no buffer, pipe, kernel timer or future (DESIGN decision 9).

use crate::facts::ClientFacts;
use crate::ring::port::Port;

use super::io::Io;
use super::io::line::Line;
use super::io::socket::Sockets;
use super::lmtp::state::{Client, Link};
use super::login::state::Login;
use super::relay::state::Relay;
use super::tls::channel::Tls;

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sockets: Sockets,
    /// TLS on either side; none, and no memory for it, when both are in clear.
    pub(super) tls: Option<Box<Tls>>,
    pub(super) phase: Phase,
}

impl Connection {
    pub(super) fn new(sockets: Sockets, phase: Phase) -> Self {
        Self { sockets, tls: None, phase }
    }

    /// Its way to the kernel, and what it is in the middle of: apart, so that a handler may have both.
    pub(super) fn split<'a, P: Port>(
        &'a mut self,
        io: &'a mut Io<P>,
        slot: u32,
        generation: u32,
    ) -> (Line<'a, P>, &'a mut Phase) {
        let Self { sockets, tls, phase } = self;
        (Line { io, slot, generation, sockets, tls }, phase)
    }

    /// Lends an LMTP client to its driver. `None`: it is none, or lent already.
    pub(super) fn lend_client(&mut self) -> Option<Box<Client>> {
        match &mut self.phase {
            Phase::Lmtp(client) => client.take(),
            _ => None,
        }
    }

    /// The driver's turn is over.
    pub(super) fn give_back(&mut self, client: Box<Client>) {
        debug_assert!(matches!(self.phase, Phase::Lmtp(None)), "another client was lent");
        self.phase = Phase::Lmtp(Some(client));
    }
}

/// The phases of a connection's life.
#[derive(Debug)]
pub(super) enum Phase {
    /// From accept to the backend's OK.
    Login(Box<Login>),
    /// Bytes only.
    Relay(Relay),
    /// An LMTP client. `None`: lent to its driver, for its turn.
    Lmtp(Option<Box<Client>>),
    /// A backend connection of an LMTP client, which has a slot of its own.
    Link(Link),
    /// A last reply was sent and our half closed; what the client still sends is thrown away until it closes too, so
    /// that no reset overtakes the reply.
    Lingering,
    /// Waiting for the kernel to return what it holds.
    Closing,
}

const _: () = assert!(size_of::<Connection>() <= 112);
const _: () = assert!(size_of::<Option<ClientFacts>>() <= 512);
