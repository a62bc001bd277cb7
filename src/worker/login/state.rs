//! What a core keeps of a connection before its login has succeeded.

use std::net::SocketAddr;

use crate::names::{Protocol, SessionId};
use crate::ring::port::Port;
use crate::session::Session;
use crate::session::output::{BoundFor, Handover, Outbox};
use crate::share::visitors::LoginUnderWay;
use crate::tick::Tick;
use crate::tls::Asked;

use super::super::backends::endpoints::Try;
use super::super::io::line::Line;
use super::super::io::socket::Side;
use super::super::io::unsent::Unsent;
use super::super::places::Places;
use super::look_ups::{About, Asker, Asking};

/// Buffers of a core that all its sessions share.
#[derive(Debug)]
pub(in crate::worker) struct Buffers {
    pub(super) outbox: Outbox,
    /// Bytes on their way to a session.
    pub(super) read: Box<[u8]>,
}

impl Buffers {
    pub(in crate::worker) fn new() -> Self {
        Self { outbox: Outbox::new(), read: vec![0; SESSION_READ_BYTES].into_boxed_slice() }
    }
}

/// At most this much is read for a session at once; also what has to be wiped behind a password.
pub(super) const SESSION_READ_BYTES: usize = 4096;

/// Why connections end that their sessions have not ended.
pub(super) const CROWDED: &str = "too many connections of its address (connections_per_address_max, connection_rate_per_address)";
pub(super) const UNREAD: &str = "client does not read its replies";

/// A session, with what only the shell needs.
#[derive(Debug)]
pub(in crate::worker) struct Login {
    pub(super) session: Session,
    pub(super) course: Course,
    /// Whether the client is asked for a certificate when TLS begins.
    pub(super) asked: Asked,
    /// Bytes that a socket did not take.
    pub(super) to_client: Unsent,
    pub(super) to_backend: Unsent,
    /// A question under way at the hashing pool or the control core.
    pub(super) asking: Asking,
    /// A connect that waits until the former backend's descriptor is closed.
    pub(super) connect_next: Option<(SocketAddr, Try)>,
    /// The login's place among those of its address prefix, while one is under way.
    pub(super) under_way: Option<LoginUnderWay>,
    /// What the connection takes of what is counted.
    pub(super) places: Places,
    /// Whether the client's address has been let in; it is known when a PROXY header has been read.
    pub(super) is_admitted: bool,
    /// Until when the client has to take what is left for it: its session has no deadline any more.
    pub(super) last_bytes_by: Option<Tick>,
}

/// What has become of a session.
#[derive(Debug)]
pub(super) enum Course {
    /// It goes on.
    UnderWay,
    /// It is over; the connection ends as soon as everything for the client is sent.
    Over,
    /// It has handed over; the relay starts when both sides took what was due to them.
    LoggedIn(LoggedIn),
}

/// A login that has succeeded.
#[derive(Debug)]
pub(in crate::worker) struct LoggedIn {
    pub(in crate::worker) handover: Box<Handover>,
    pub(in crate::worker) since: Tick,
    /// In which rounds the last bytes for the backend and for the client were given away ([`Unsent::round`]).
    pub(in crate::worker) rounds: [u32; 2],
}

impl Login {
    pub(in crate::worker) fn new(session: Session, asked: Asked, places: Places) -> Self {
        Self {
            session,
            course: Course::UnderWay,
            asked,
            to_client: Unsent::batched(),
            to_backend: Unsent::batched(),
            asking: Asking::default(),
            connect_next: None,
            under_way: None,
            places,
            is_admitted: false,
            last_bytes_by: None,
        }
    }

    /// Whether it has a place among the connections of its backend.
    pub(in crate::worker) fn has_place(&self) -> bool {
        self.places.backend.is_some()
    }

    /// What is spoken.
    pub(in crate::worker) fn protocol(&self) -> Protocol {
        self.session.protocol()
    }

    /// Whether its session is still to be told what happens.
    pub(in crate::worker) fn is_under_way(&self) -> bool {
        matches!(self.course, Course::UnderWay)
    }

    /// How many bytes of a side are taken now.
    pub(super) fn room(&self, side: Side) -> usize {
        match side {
            _ if !self.is_under_way() => 0,
            Side::Client => self.session.client_room(),
            Side::Backend => self.session.backend_room(),
        }
    }

    /// Bytes that wait for a side.
    pub(super) fn unsent(&mut self, side: Side) -> &mut Unsent {
        match side {
            Side::Client => &mut self.to_client,
            Side::Backend => &mut self.to_backend,
        }
    }

    /// Who asks, for the questions of this connection.
    pub(super) fn asker<P: Port>(&mut self, line: &Line<'_, P>) -> Asker<'_> {
        Asker { asking: &mut self.asking, slot: line.slot, generation: line.generation }
    }

    /// What a policy server is told of it.
    pub(super) fn about(&self) -> About {
        let session = &self.session;
        About { session: session.peer().1.clone(), is_secured: session.is_secured() }
    }

    /// Whether bytes wait for its client.
    pub(in crate::worker) fn has_unsent(&self) -> bool {
        !self.to_client.is_empty()
    }

    /// The user who logs in or has just done so, and where; none: no user is known yet, or the session is over.
    pub(in crate::worker) fn bound_for(&self) -> Option<BoundFor<'_>> {
        match &self.course {
            Course::UnderWay => self.session.bound_for(),
            Course::Over => None,
            Course::LoggedIn(LoggedIn { handover, .. }) => Some(BoundFor {
                user: handover.subject.user.as_deref()?,
                backend: Some(&handover.backend),
                group: handover.group.as_deref(),
            }),
        }
    }

    /// The client as far as it is known, and the session's id.
    pub(in crate::worker) fn peer(&self) -> (SocketAddr, &SessionId) {
        self.session.peer()
    }

    /// What the relay goes on with. `None`: no login has succeeded.
    pub(in crate::worker) fn into_relay(self) -> Option<(LoggedIn, Places)> {
        let rounds = [self.to_backend.round(), self.to_client.round()];
        match self.course {
            Course::LoggedIn(logged_in) => Some((LoggedIn { rounds, ..logged_in }, self.places)),
            Course::UnderWay | Course::Over => None,
        }
    }
}
