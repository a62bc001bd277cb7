//! What a core answers to the control core's enquiries: who is here, how many, and that some are ended.
//!
//! Decides: which connections are meant, and how many of them are looked at in one turn. Does not: end any; the core does,
//! told which. Nothing is kept between two pieces of an answer but the wish for the next one. Driver: the core's loop, one
//! piece a turn, so that many askers take no longer turns than one. Tests: `tests/appliance/sim/enquiries.rs`.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::limits;
use crate::names::{CoreId, Protocol};
use crate::ring::slots::Slots;
use crate::share::enquiry::{Act, Enquiry, Piece, Place, Row, Tally, Whom};
use crate::share::mailbox::Mailbox;

use super::connection::{Connection, Phase};
use super::lmtp::state::Client;
use super::relay::label::Label;
use super::sessions::{Key, Sessions};

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
        Act::Kick => limits::ENQUIRY_KICKS_PER_TURN,
    };
    match key(&enquiry.whom) {
        Some(key) => {
            let mut found = Vec::new();
            piece.next = sessions.search(key, from, most, &mut found);
            found.retain(|slot| note(slots, *slot, &enquiry.whom, piece));
            found
        }
        None => sweep(slots, &enquiry.whom, from, most, piece),
    }
}

/// The key of the index behind which the fewest are that are not meant.
fn key(whom: &Whom) -> Option<Key<'_>> {
    let user = whom.users.as_ref().and_then(|users| users.exact()).map(Key::User);
    let client = || whom.clients.as_ref().and_then(|clients| clients.only()).map(Key::Client);
    let group = || whom.group.as_deref().map(Key::Group);
    let backend = || whom.backend.as_deref().map(Key::Backend);
    user.or_else(client).or_else(group).or_else(backend)
}

/// Walks over the slots.
fn sweep(
    slots: &Slots<Connection>,
    whom: &Whom,
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
        if note(slots, slot, whom, piece) {
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
fn note(slots: &Slots<Connection>, slot: u32, whom: &Whom, piece: &mut Piece) -> bool {
    let Some(connection) = slots.get(slot) else { return false };
    piece.looked_at += 1;
    let row = match &connection.phase {
        Phase::Relay(relay) => named_row(&relay.label, whom),
        Phase::Lmtp(Some(client)) => nameless_row(client, whom),
        // An LMTP client is lent to its driver for a turn, and that is over when the core answers.
        Phase::Lmtp(None)
        | Phase::Login(_)
        | Phase::Link(_)
        | Phase::Lingering
        | Phase::Closing => None,
    };
    let is_meant = row.is_some();
    piece.rows.extend(row);
    is_meant
}

fn named_row(label: &Label, whom: &Whom) -> Option<Row> {
    let Whom { users, clients, backend, group, sessions } = whom;
    let home = &label.home;
    let is_meant = users
        .as_ref()
        .is_none_or(|users| label.user.as_deref().is_some_and(|user| users.matches(user)))
        && clients.as_ref().is_none_or(|clients| clients.contains(label.client.ip()))
        && backend.as_ref().is_none_or(|backend| home.backend.eq_ignore_ascii_case(backend))
        && group.as_ref().is_none_or(|group| home.group.as_deref() == Some(group))
        && sessions.as_ref().is_none_or(|sessions| sessions.contains(&label.session));
    is_meant.then(|| Row {
        protocol: label.protocol,
        user: label.user.clone(),
        client: label.client,
        session: label.session.clone(),
        backend: Some(Arc::clone(&home.backend)),
        group: home.group.clone(),
        since: Some(label.since()),
    })
}

fn nameless_row(client: &Client, whom: &Whom) -> Option<Row> {
    let Whom { users, clients, backend, group, sessions } = whom;
    let (client, session) = client.peer();
    let is_meant = users.is_none()
        && backend.is_none()
        && group.is_none()
        && clients.as_ref().is_none_or(|clients| clients.contains(client.ip()))
        && sessions.as_ref().is_none_or(|sessions| sessions.contains(session));
    is_meant.then(|| Row {
        protocol: Protocol::Lmtp,
        user: None,
        client,
        session: session.clone(),
        backend: None,
        group: None,
        since: None,
    })
}

#[cfg(test)]
mod tests;
