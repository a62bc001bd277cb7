//! What a core answers to the control core's enquiries: who is here, how many, and that some are ended.
//!
//! Decides: which connections are meant, and how many of them are looked at in one turn. Does not: end any; the core does,
//! told which. Nothing is kept between two pieces of an answer but the wish for the next one. Driver: the core's loop, one
//! piece a turn, so that many askers take no longer turns than one. Tests: `tests/appliance/sim/enquiries.rs`.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::limits;
use crate::names::{CoreId, Protocol, SessionId};
use crate::ring::slots::Slots;
use crate::session::output::BoundFor;
use crate::share::enquiry::{Act, Enquiry, Piece, Place, Row, Tally, Whom};
use crate::share::mailbox::Mailbox;
use crate::tick::Tick;

use super::connection::{Connection, Phase};
use super::lmtp::state::{Client, leaving};
use super::login::state::Login;
use super::relay::label::Label;
use super::sessions::{Key, PARTS, Sessions};

/// The enquiries that a core has to answer.
#[derive(Debug)]
pub(super) struct Enquiries {
    core: CoreId,
    pieces: Arc<Mailbox<Piece>>,
    waiting: VecDeque<(Arc<Enquiry>, Place)>,
}

impl Enquiries {
    pub(super) fn new(core: CoreId, pieces: Arc<Mailbox<Piece>>) -> Self {
        Self { core, pieces, waiting: VecDeque::new() }
    }

    /// A piece of an answer is wanted. Askers wait for it before they want the next, so that there are as many as askers.
    pub(super) fn ask(&mut self, enquiry: Arc<Enquiry>, from: Place) {
        self.waiting.push_back((enquiry, from));
    }

    /// What is to be answered in this turn.
    pub(super) fn next(&mut self) -> Option<(Arc<Enquiry>, Place)> {
        self.waiting.pop_front()
    }

    /// Whether none waits.
    pub(super) fn are_answered(&self) -> bool {
        self.waiting.is_empty()
    }

    /// An empty piece of the answer.
    pub(super) fn piece(&self, enquiry: &Enquiry) -> Piece {
        Piece::of(enquiry, self.core)
    }

    pub(super) fn tell(&self, piece: Piece) {
        // An asker that lets the mailbox fill up gets no answer, and tells its client so.
        let _ = self.pieces.send(piece);
    }
}

/// Looks at as many connections as one turn allows, from `from` on, and returns those that are meant.
pub(super) fn look(
    slots: &Slots<Connection>,
    sessions: &Sessions,
    enquiry: &Enquiry,
    from: Place,
    piece: &mut Piece,
) -> Vec<u32> {
    let most = match enquiry.act {
        Act::Count => {
            count(slots, from, piece);
            return Vec::new();
        }
        Act::List => limits::ENQUIRY_ROWS_PER_TURN,
        Act::Kick | Act::Leave | Act::Part => limits::ENQUIRY_KICKS_PER_TURN,
    };
    match key(&enquiry.whom) {
        Some(key) if from.part != LOGINS => {
            let mut found = Vec::new();
            piece.next = sessions.search(key, from, most, &mut found);
            found.retain(|slot| note(slots, *slot, enquiry, piece));
            if piece.next.is_none() && enquiry.act != Act::List {
                // Logins under way are in no index.
                piece.next = Some(Place { part: LOGINS, slot: 0 });
            }
            found
        }
        _ => sweep(slots, enquiry, from, most, piece),
    }
}

/// The key of the index behind which the fewest are that are not meant.
fn key(whom: &Whom) -> Option<Key<'_>> {
    let user = whom.users.as_ref().and_then(|users| users.exact()).map(Key::User);
    let name = || match whom.names.as_ref() {
        Some(names) if names.len() == 1 => names.first().map(|name| Key::User(name)),
        _ => None,
    };
    let client = || whom.clients.as_ref().and_then(|clients| clients.only()).map(Key::Client);
    let group = || match whom.groups.as_ref() {
        Some(groups) if groups.len() == 1 => groups.first().map(|name| Key::Group(name)),
        _ => None,
    };
    let backend = || whom.backend.as_deref().map(Key::Backend);
    user.or_else(name).or_else(client).or_else(group).or_else(backend)
}

/// Walks over the slots; over those of logins alone where the index has told the rest.
fn sweep(
    slots: &Slots<Connection>,
    enquiry: &Enquiry,
    from: Place,
    most: usize,
    piece: &mut Piece,
) -> Vec<u32> {
    let mut found = Vec::new();
    let until = slots.end().min(from.slot.saturating_add(limits::ENQUIRY_SLOTS_PER_TURN));
    for slot in from.slot..until {
        if found.len() == most {
            piece.next = Some(Place { slot, ..from });
            return found;
        }
        // Mail on its way to a backend is in no index either.
        let is_unlisted = || match slots.get(slot).map(|connection| &connection.phase) {
            Some(Phase::Login(_)) => true,
            Some(Phase::Lmtp(_)) => enquiry.act == Act::Leave,
            _ => false,
        };
        if (from.part != LOGINS || is_unlisted()) && note(slots, slot, enquiry, piece) {
            found.push(slot);
        }
    }
    piece.next = (until < slots.end()).then_some(Place { slot: until, ..from });
    found
}

fn count(slots: &Slots<Connection>, from: Place, piece: &mut Piece) {
    let until = slots.end().min(from.slot.saturating_add(limits::ENQUIRY_SLOTS_PER_TURN));
    for connection in (from.slot..until).filter_map(|slot| slots.get(slot)) {
        piece.looked_at += 1;
        let Tally { before_login, after_login, lmtp_backends, ending } = &mut piece.tally;
        let place = match &connection.phase {
            Phase::Login(login) => place(before_login, login.protocol()),
            Phase::Relay(relay) => place(after_login, relay.label.protocol),
            Phase::Lmtp(_) => place(after_login, Protocol::Lmtp),
            Phase::Link(_) => Some(lmtp_backends),
            Phase::Lingering | Phase::Closing => Some(ending),
        };
        if let Some(place) = place {
            *place += 1;
        }
    }
    piece.next = (until < slots.end()).then_some(Place { slot: until, ..from });
}

fn place(counts: &mut [u64; 5], of: Protocol) -> Option<&mut u64> {
    Protocol::ALL.iter().zip(counts).find(|(protocol, _)| **protocol == of).map(|(_, count)| count)
}

/// Looks at a slot. Whether its session is meant; its row is in the piece then.
fn note(slots: &Slots<Connection>, slot: u32, enquiry: &Enquiry, piece: &mut Piece) -> bool {
    let Some(connection) = slots.get(slot) else { return false };
    piece.looked_at += 1;
    let found = match &connection.phase {
        Phase::Relay(relay) => Some(Found::session(&relay.label)),
        Phase::Lmtp(Some(client)) if enquiry.act == Act::Leave => {
            // Its users are those of its messages.
            let has_mail = leaving(&enquiry.whom).is_some_and(|it| client.has_mail_for(&it));
            piece.rows.extend(has_mail.then(|| Found::nameless(client).row()));
            return has_mail;
        }
        Phase::Lmtp(Some(client)) => Some(Found::nameless(client)),
        // A session that is ended before it has begun is no session that is there.
        Phase::Login(login) if enquiry.act != Act::List => Found::login(login),
        // An LMTP client is lent to its driver for a turn, and that is over when the core answers.
        Phase::Lmtp(None)
        | Phase::Login(_)
        | Phase::Link(_)
        | Phase::Lingering
        | Phase::Closing => None,
    };
    let found = found.filter(|found| found.is_meant(&enquiry.whom));
    let is_meant = found.is_some();
    piece.rows.extend(found.map(Found::row));
    is_meant
}

/// A connection that may be meant.
struct Found<'a> {
    protocol: Protocol,
    user: Option<&'a str>,
    client: SocketAddr,
    session: &'a SessionId,
    backend: Option<&'a Arc<str>>,
    group: Option<Group<'a>>,
    since: Option<Tick>,
}

/// As it is at hand: of sessions after login it is shared.
enum Group<'a> {
    Shared(&'a Arc<str>),
    Own(&'a str),
}

impl<'a> Found<'a> {
    fn session(label: &'a Label) -> Self {
        Self {
            protocol: label.protocol,
            user: label.user.as_deref(),
            client: label.client,
            session: &label.session,
            backend: Some(&label.home.backend),
            group: label.home.group.as_ref().map(Group::Shared),
            since: Some(label.since()),
        }
    }

    /// A login whose user is known.
    fn login(login: &'a Login) -> Option<Self> {
        let BoundFor { user, backend, group } = login.bound_for()?;
        let (client, session) = login.peer();
        let (protocol, group) = (login.protocol(), group.map(Group::Own));
        Some(Self { protocol, user: Some(user), client, session, backend, group, since: None })
    }

    fn nameless(client: &'a Client) -> Self {
        let (client, session) = client.peer();
        Self {
            protocol: Protocol::Lmtp,
            user: None,
            client,
            session,
            backend: None,
            group: None,
            since: None,
        }
    }

    fn is_meant(&self, whom: &Whom) -> bool {
        let Whom { users, names, clients, backend, groups, sessions } = whom;
        users.as_ref().is_none_or(|users| self.user.is_some_and(|user| users.matches(user)))
            && names.as_ref().is_none_or(|names| self.user.is_some_and(|user| names.contains(user)))
            && clients.as_ref().is_none_or(|clients| clients.contains(self.client.ip()))
            && backend.as_ref().is_none_or(|backend| {
                self.backend.is_some_and(|own| own.eq_ignore_ascii_case(backend))
            })
            && groups.as_ref().is_none_or(|groups| {
                self.group.as_ref().is_some_and(|own| groups.contains(own.name()))
            })
            && sessions.as_ref().is_none_or(|sessions| sessions.contains(self.session))
    }

    fn row(self) -> Row {
        Row {
            protocol: self.protocol,
            user: self.user.map(Into::into),
            client: self.client,
            session: self.session.clone(),
            backend: self.backend.map(Arc::clone),
            group: self.group.map(Group::shared),
            since: self.since,
        }
    }
}

impl Group<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Shared(name) => name,
            Self::Own(name) => name,
        }
    }

    fn shared(self) -> Arc<str> {
        match self {
            Self::Shared(name) => Arc::clone(name),
            Self::Own(name) => name.into(),
        }
    }
}

/// The part of an answer that walks over the slots for logins under way, behind the index's.
const LOGINS: u32 = PARTS + 1;

#[cfg(test)]
mod tests;
