//! What a core keeps of one connection, in each phase of its life.
//!
//! An idle relayed session is one [`Connection`] of at most 128 bytes, a link in the timer wheel, and a label with
//! the names for its log line: no buffer, pipe, kernel timer or future (DESIGN decision 9).

use std::net::SocketAddr;
use std::sync::Arc;

use crate::event::Subject;
use crate::facts::ClientFacts;
use crate::names::{Protocol, SessionId};
use crate::ring::port::{PipeId, Port};
use crate::session::Session;
use crate::share::visitors::{Attempt, Pass, Seat};
use crate::tick::Tick;
use crate::tls::Asked;

use super::asks::Asking;
use super::io::Io;
use super::io::line::Line;
use super::io::socket::{Side, Sockets};
use super::lmtp::{Link, Mail};
use super::sessions::{Home, Keys};
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
    /// The session handed over; the relay starts when both sides took what was due to them.
    pub(super) handed_over: Option<Box<Label>>,
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

/// Who is relayed where: for the log line at the end, and for those who ask meanwhile.
#[derive(Debug)]
pub(super) struct Label {
    pub(super) protocol: Protocol,
    pub(super) session: SessionId,
    pub(super) client: SocketAddr,
    pub(super) user: Option<Box<str>>,
    pub(super) home: Arc<Home>,
    pub(super) since: Tick,
    /// What hardly any session has.
    rare: Option<Box<Rare>>,
}

#[derive(Debug)]
struct Rare {
    master: Option<Box<str>>,
    /// What is free again when the session ends.
    _held: Held,
}

impl Label {
    pub(super) fn new(subject: Subject, home: Arc<Home>, since: Tick, held: Held) -> Self {
        let Subject { protocol, session, client, user, master } = subject;
        let rare =
            (master.is_some() || held.counts()).then(|| Box::new(Rare { master, _held: held }));
        Self { protocol, session, client, user, home, since, rare }
    }

    /// What the session is found by.
    pub(super) fn keys(&self) -> Keys<'_> {
        Keys {
            user: self.user.as_deref(),
            client: self.client.ip().to_canonical(),
            home: &self.home,
        }
    }

    /// Who it was about. What the session held is free from here on.
    pub(super) fn into_subject(self) -> Subject {
        let Self { protocol, session, client, user, rare, .. } = self;
        Subject { protocol, session, client, user, master: rare.and_then(|rare| rare.master) }
    }
}

/// Places that a connection takes, where they are counted, for as long as it lives.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Among the user's sessions from one address.
    pub(super) seat: Option<Seat>,
    /// Among the connections of its address prefix.
    pub(super) address: Option<Pass>,
    /// Among those of its listener.
    pub(super) listener: Option<Pass>,
}

impl Held {
    /// Whether any of them is counted.
    fn counts(&self) -> bool {
        let counts = |pass: &Option<Pass>| pass.as_ref().is_some_and(Pass::counts);
        self.seat.is_some() || counts(&self.address) || counts(&self.listener)
    }
}

/// A relayed session.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) label: Box<Label>,
    /// From the client to the backend.
    pub(super) up: Direction,
    /// From the backend to the client.
    pub(super) down: Direction,
    /// The last time a byte moved, in seconds since the start.
    pub(super) moved_at: u32,
    /// The last time one came from the client: the lowest byte of it, there is no room for more.
    pub(super) asked_at: u8,
    /// Which side ended first: it is the one the log names.
    pub(super) first_end: Option<Side>,
}

impl Relay {
    /// The direction that reads from `source`, and the other one.
    pub(super) fn both(&mut self, source: Side) -> [&mut Direction; 2] {
        match source {
            Side::Client => [&mut self.up, &mut self.down],
            Side::Backend => [&mut self.down, &mut self.up],
        }
    }

    /// The direction that reads from `source`.
    pub(super) fn direction(&mut self, source: Side) -> &mut Direction {
        match source {
            Side::Client => &mut self.up,
            Side::Backend => &mut self.down,
        }
    }
}

/// One direction of a relay.
#[derive(Debug, Default)]
pub(super) struct Direction {
    /// Bytes delivered to the destination.
    pub(super) delivered: u64,
    /// Bytes that the destination did not take yet, on the copy path.
    pub(super) rest: Option<Box<Rest>>,
    /// Bytes in the borrowed pipe.
    pub(super) in_pipe: u32,
    /// The round in which bytes were forwarded last ([`Port::round`]): as long as it lasts they are not sent yet.
    pub(super) forwarded_in: u32,
    pub(super) pipe: Option<PipeId>,
    pub(super) mode: Mode,
    /// On the core's round-robin list.
    pub(super) queued: bool,
    /// The source reached its end.
    pub(super) ended: bool,
    /// The destination was told so.
    pub(super) shut: bool,
}

impl Direction {
    /// Whether the source is not read now, so that no read would tell that it broke.
    pub(super) fn is_deaf(&self) -> bool {
        self.is_blocked() || self.shut
    }

    /// Bytes that were on their way wait again, in front of what TLS has said to the destination meanwhile.
    pub(super) fn put_back(&mut self, bytes: Box<[u8]>) {
        let bytes = match self.rest.take() {
            None => bytes,
            Some(rest) => [&bytes, rest.bytes.get(rest.sent..).unwrap_or_default()].concat().into(),
        };
        self.rest = Some(Box::new(Rest { bytes, sent: 0 }));
        self.forwarded_in = 0;
    }

    /// Whether bytes wait for the destination.
    pub(super) fn is_blocked(&self) -> bool {
        self.rest.is_some() || self.in_pipe > 0
    }
}

/// Bytes a destination did not take, and how many of them it has taken since.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) bytes: Box<[u8]>,
    pub(super) sent: usize,
}

/// How a direction moves bytes (uring.md 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// Through the core's scratch.
    #[default]
    Copy,
    /// Through a pooled pipe: the last read filled the scratch.
    Hot,
    /// Through the core's scratch, and looked at there: [`crate::relay::Watch`].
    Watched,
}

const _: () = assert!(size_of::<Connection>() <= 128);
const _: () = assert!(size_of::<Label>() <= 112);
const _: () = assert!(size_of::<Option<ClientFacts>>() <= 512);
