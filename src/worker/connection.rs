//! What a core keeps of one connection, in each phase of its life.
//!
//! An idle relayed session is one [`Connection`] of at most 128 bytes, a link in the timer wheel, and a label with
//! the names for its log line: no buffer, pipe, kernel timer or future (DESIGN decision 9).

use std::net::SocketAddr;

use crate::facts::ClientFacts;
use crate::relay::Watch;
use crate::ring::port::Port;
use crate::session::Session;
use crate::share::visitors::{Attempt, Pass};
use crate::tick::Tick;
use crate::tls::Asked;

use super::asks::Asking;
use super::io::Io;
use super::io::line::Line;
use super::io::socket::Sockets;
use super::lmtp::{Link, Mail};
use super::places::Held;
use super::relay::label::Label;
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
}

/// The phases of a connection's life.
#[derive(Debug)]
pub(super) enum Phase {
    /// From accept to the backend's OK.
    Session(Box<Login>),
    /// Bytes only.
    Relay(Relay),
    /// An LMTP client.
    Lmtp(Box<Mail>),
    /// A backend connection of an LMTP client, which has a slot of its own.
    Link(Link),
    /// A last reply was sent and our half closed; what the client still sends is thrown away until it closes too, so
    /// that no reset overtakes the reply.
    Lingering,
    /// Waiting for the kernel to return what it holds.
    Closing,
}

/// A session before its login succeeded, with what only the shell needs.
#[derive(Debug)]
pub(super) struct Login {
    pub(super) session: Session,
    /// Whether the client is asked for a certificate when TLS begins.
    pub(super) asked: Asked,
    /// Bytes that a socket did not take.
    pub(super) unsent_client: Vec<u8>,
    pub(super) unsent_backend: Vec<u8>,
    /// A question under way at the hashing pool or the control core.
    pub(super) asking: Asking,
    /// A connect that waits until the former backend's descriptor is closed.
    pub(super) connect_next: Option<(SocketAddr, bool)>,
    /// Close as soon as everything for the client is sent.
    pub(super) finishing: bool,
    /// The session handed over, with what looks at relayed bytes; the relay starts when both sides took what was due to them.
    pub(super) handed_over: Option<(Box<Label>, Option<Box<Watch>>)>,
    /// The login's place among those of its address prefix, while one is under way.
    pub(super) attempt: Option<Attempt>,
    /// What the session holds of what is counted.
    pub(super) held: Held,
    /// Whether the client's address has been let in; it is known when a PROXY header has been read.
    pub(super) is_admitted: bool,
    /// Until when the client has to take what is left for it: its session has no deadline any more.
    pub(super) last_bytes_by: Option<Tick>,
}

impl Login {
    pub(super) fn new(session: Session, asked: Asked, pass: Pass) -> Self {
        Self {
            session,
            asked,
            unsent_client: Vec::new(),
            unsent_backend: Vec::new(),
            asking: Asking::default(),
            connect_next: None,
            finishing: false,
            handed_over: None,
            attempt: None,
            held: Held { listener: Some(pass), ..Held::default() },
            is_admitted: false,
            last_bytes_by: None,
        }
    }
}

/// What did not get away may hold a password (W-CRED-2).
impl Drop for Login {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.unsent_backend);
    }
}

const _: () = assert!(size_of::<Connection>() <= 128);
const _: () = assert!(size_of::<Option<ClientFacts>>() <= 512);
