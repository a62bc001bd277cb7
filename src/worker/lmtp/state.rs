//! What a core keeps of an LMTP client, and of each connection to a backend of its.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::facts::ClientFacts;
use crate::limits;
use crate::lmtp::{Leaving, LinkId, Lmtp};
use crate::names::SessionId;
use crate::ring::port::Port;
use crate::share::backend_loads::Place;
use crate::share::enquiry::Whom;
use crate::tick::Tick;
use crate::tls::Asked;

use super::super::accept::listener::Arrival;
use super::super::chance::Chance;
use super::super::io::line::Line;
use super::super::io::unsent::Unsent;
use super::super::login::look_ups::{Asker, Asking};
use super::super::places::Places;
use super::super::settings::WorkerSettings;

/// An LMTP client's session, with what only the shell needs.
#[derive(Debug)]
pub(in crate::worker) struct Client {
    pub(super) session: Lmtp,
    /// Whether the client is asked for a certificate when TLS begins.
    pub(super) asked: Asked,
    /// Replies that the client's socket did not take; sealed, where TLS stands.
    pub(super) to_client: Unsent,
    /// The slots of the connections to backends, by number.
    links: Vec<Option<u32>>,
    /// Slots of connections that were given up: the core releases them when the driver's turn is over.
    given_up: Vec<u32>,
    /// A question under way at the control core.
    pub(super) asking: Asking,
    pub(super) places: Places,
    /// Whether the client's address has been let in; it is known when a PROXY header has been read.
    pub(super) is_admitted: bool,
    /// The session is over; until when the client has to take its last replies.
    pub(super) over_by: Option<Tick>,
}

impl Client {
    pub(in crate::worker) fn new(
        arrival: Arrival,
        settings: &WorkerSettings,
        chance: &mut Chance,
        now: Tick,
    ) -> Self {
        let facts = arrival.facts(settings, chance, now);
        let facts = ClientFacts { ttl: limits::LMTP_PROXY_TTL, ..facts };
        let session = Lmtp::new(Arc::clone(&settings.lmtp), facts, arrival.header, now);
        Self {
            session: if arrival.tls { session.behind_tls() } else { session },
            asked: arrival.asked,
            to_client: Unsent::default(),
            links: Vec::new(),
            given_up: Vec::new(),
            asking: Asking::default(),
            places: Places { listener: Some(arrival.pass), ..Places::default() },
            is_admitted: false,
            over_by: None,
        }
    }

    /// The client as far as it is known, and the connection's id.
    pub(in crate::worker) fn peer(&self) -> (SocketAddr, &SessionId) {
        self.session.peer()
    }

    /// Whether a backend has, or is to have, mail for users who leave it.
    pub(in crate::worker) fn has_mail_for(&self, leaving: &Leaving<'_>) -> bool {
        self.session.has_mail_for(leaving)
    }

    /// How many client bytes are taken now.
    pub(super) fn room(&self) -> usize {
        if self.over_by.is_some() { 0 } else { self.session.client_room() }
    }

    /// Who asks, for the questions of this connection.
    pub(super) fn asker<P: Port>(&mut self, line: &Line<'_, P>) -> Asker<'_> {
        Asker { asking: &mut self.asking, slot: line.slot, generation: line.generation }
    }

    // === Its connections to backends ===

    /// The slot of a connection.
    pub(super) fn link(&self, id: LinkId) -> Option<u32> {
        *self.links.get(usize::from(id.0))?
    }

    /// The numbers that were ever used.
    pub(super) fn link_ids(&self) -> impl Iterator<Item = LinkId> + use<> {
        let used = u8::try_from(self.links.len()).unwrap_or(u8::MAX);
        (0..used).map(LinkId)
    }

    /// A connection is under way.
    pub(super) fn put_link(&mut self, id: LinkId, slot: u32) {
        let at = usize::from(id.0);
        if at >= self.links.len() {
            self.links.resize(at.saturating_add(1), None);
        }
        if let Some(place) = self.links.get_mut(at) {
            debug_assert!(place.is_none(), "a number is used again before it was forgotten");
            *place = Some(slot);
        }
    }

    /// Forgets a connection, and says which slot it had.
    pub(super) fn take_link(&mut self, id: LinkId) -> Option<u32> {
        self.links.get_mut(usize::from(id.0)).and_then(Option::take)
    }

    /// A slot is not wanted any more.
    pub(super) fn give_up(&mut self, slot: u32) {
        self.given_up.push(slot);
    }

    /// The slots to be released now.
    pub(in crate::worker) fn take_given_up(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.given_up)
    }

    /// The slots of all its connections, for its end.
    pub(in crate::worker) fn slots(&self) -> impl Iterator<Item = u32> {
        self.links.iter().flatten().chain(&self.given_up).copied()
    }
}

/// Who leaves a backend; none: it is about no backend.
pub(in crate::worker) fn leaving(whom: &Whom) -> Option<Leaving<'_>> {
    let (groups, users) = (whom.groups.as_ref(), whom.names.as_ref());
    Some(Leaving { backend: whom.backend.as_deref()?, groups, users })
}

/// A connection to a backend, in a slot of its own.
#[derive(Debug)]
pub(in crate::worker) struct Link {
    /// The slot of its client.
    pub(in crate::worker) client: u32,
    /// Which of its client's connections it is.
    pub(in crate::worker) id: LinkId,
    /// Of what goes by TLS, and in clear right before it, what the socket did not take: no more than one record, because
    /// nothing is sealed while something is here.
    pub(super) unsent: Unsent,
    /// Among the connections of its backend.
    _place: Place,
}

impl Link {
    pub(super) fn new(client: u32, id: LinkId, place: Place) -> Self {
        Self { client, id, unsent: Unsent::default(), _place: place }
    }
}
