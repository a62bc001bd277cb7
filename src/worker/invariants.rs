//! What must hold between two turns of the loop. Looked at after every turn of the simulator, and in debug builds.
//!
//! Decides: nothing. What is known in two places is compared: slots with timers, lists and counts. A difference is a bug of
//! ours, and a core that has one may answer one client with another's bytes, so it stops.

use crate::ring::port::{Fd, Port};

use super::connection::{Connection, Phase};
use super::core::Worker;
use super::io::socket::{Side, Sockets};
use super::relay::state::Relay;

/// What has been counted by walking over the slots.
#[derive(Debug, Default)]
struct Counted {
    relays: usize,
    indexed: usize,
    standing: usize,
    partings: usize,
    watched: usize,
    expiring: usize,
    waiting: usize,
    timers: usize,
}

impl<P: Port> Worker<P> {
    /// Compares what is known in two places.
    ///
    /// # Panics
    /// There is a difference.
    pub fn check_invariants(&self) {
        let mut counted = Counted::default();
        for slot in 0..self.slots.end() {
            match self.slots.get(slot) {
                Some(connection) => self.check_slot(slot, connection, &mut counted),
                None => self.check_free(slot),
            }
        }
        let relays = &self.rooms.relays;
        assert_eq!(relays.count() as usize, counted.relays, "relays are counted otherwise");
        assert_eq!(relays.standing(), counted.standing, "endpoints count other sessions");
        let [of_endpoints, of_slots] = self.rooms.backends.in_flight();
        assert_eq!(of_endpoints, of_slots, "endpoints count other connects");
        assert_eq!(relays.partings(), counted.partings, "a parting without a relay");
        assert_eq!(relays.watched(), counted.watched, "a watch without a relay");
        assert_eq!(relays.expiring(), counted.expiring, "a token's end without a relay");
        assert_eq!(self.rooms.sessions.len(), counted.indexed, "the index names others");
        assert_eq!(self.rooms.pre_login.len(), counted.waiting, "the pre-login list names others");
        assert_eq!(self.io.timers.count(), counted.timers, "a deadline without a connection");
        for (slot, _) in &self.io.rereads {
            assert!(*slot < self.slots.end(), "a reread of a slot that never was");
        }
    }

    /// The same where it is cheap enough to be done between all turns of a debug build.
    pub(super) fn check_invariants_sometimes(&self) {
        if self.slots.end() <= FEW || self.io.now.0.is_multiple_of(SELDOM) {
            self.check_invariants();
        }
    }

    fn check_slot(&self, slot: u32, connection: &Connection, counted: &mut Counted) {
        let Connection { sockets, tls, phase } = connection;
        counted.indexed += usize::from(self.check_index(slot, phase));
        let has_deadline = self.io.timers.is_set(slot);
        let waits = self.rooms.pre_login.has(slot);
        counted.timers += usize::from(has_deadline);
        counted.waiting += usize::from(waits);
        if let Phase::Relay(relay) = phase {
            self.count_relay(slot, relay, counted);
        }
        if let Some(tls) = tls {
            for side in Side::BOTH.into_iter().filter(|side| tls.is_on(*side)) {
                assert!(sockets.of(side).is_open(), "{slot}: TLS without a socket");
            }
        }
        match phase {
            Phase::Login(_) => {
                assert!(has_deadline, "{slot}: a login without a deadline");
                assert!(is_usable(sockets, Side::Client), "{slot}: a login without its client");
            }
            Phase::Relay(relay) => {
                assert!(!waits, "{slot}: a relay on the pre-login list");
                for side in Side::BOTH {
                    assert!(is_usable(sockets, side), "{slot}: a relay without its {side:?}");
                    let is_listed = self.rooms.relays.is_queued(slot, side);
                    assert!(is_listed || !relay.is_queued(side), "{slot}: {side:?} never advances");
                }
            }
            Phase::Lmtp(client) => {
                assert!(!waits, "{slot}: LMTP on the pre-login list");
                let client = client.as_ref();
                let links = client.map(|client| client.slots()).into_iter().flatten();
                for link in links {
                    assert!(self.is_link(link, slot), "{slot}: slot {link} is no link of its");
                }
                assert!(client.is_some(), "{slot}: an LMTP client is lent between two turns");
            }
            Phase::Link(link) => {
                assert!(self.owns(link.client, slot), "{slot}: a link without its client");
                assert!(!has_deadline && !waits, "{slot}: a link has no deadline of its own");
                assert!(!sockets.client.is_open(), "{slot}: a link with a client");
            }
            Phase::Lingering => {
                assert!(has_deadline && !waits, "{slot}: it lingers for ever");
                assert!(is_usable(sockets, Side::Client), "{slot}: it lingers without its client");
                assert!(tls.is_none(), "{slot}: TLS outlives its connection");
            }
            Phase::Closing => {
                assert!(!has_deadline && !waits && tls.is_none(), "{slot}: it is not forgotten");
                assert!(sockets.are_open(), "{slot}: it is closed and not free");
                for side in Side::BOTH {
                    let socket = sockets.of(side);
                    assert!(
                        !socket.is_open() || socket.closing,
                        "{slot}: {side:?} is not being closed"
                    );
                }
            }
        }
        for side in Side::BOTH {
            let socket = sockets.of(side);
            assert!(
                !socket.closing || socket.is_in_flight(),
                "{slot}: {side:?} waits for nothing and is not closed"
            );
        }
    }

    fn count_relay(&self, slot: u32, relay: &Relay, counted: &mut Counted) {
        let relays = &self.rooms.relays;
        counted.relays += 1;
        counted.standing += usize::from(relay.is_counted());
        counted.partings += usize::from(relays.is_parting(slot));
        counted.watched += usize::from(relays.is_watched(slot));
        counted.expiring += usize::from(relays.is_expiring(slot));
    }

    /// Whether a slot holds a connection to a backend of that client.
    fn is_link(&self, slot: u32, client: u32) -> bool {
        let phase = self.slots.get(slot).map(|connection| &connection.phase);
        matches!(phase, Some(Phase::Link(link)) if link.client == client)
    }

    /// Whether an LMTP client has a connection in that slot.
    fn owns(&self, client: u32, link: u32) -> bool {
        match self.slots.get(client).map(|connection| &connection.phase) {
            Some(Phase::Lmtp(Some(client))) => client.slots().any(|slot| slot == link),
            _ => false,
        }
    }

    /// Sessions are in the index; whether this is one.
    fn check_index(&self, slot: u32, phase: &Phase) -> bool {
        let is_indexed = match phase {
            Phase::Relay(relay) => self.rooms.sessions.has(slot, relay.label.keys()),
            Phase::Lmtp(_) => self.rooms.sessions.has_nameless(slot),
            Phase::Login(_) | Phase::Link(_) | Phase::Lingering | Phase::Closing => return false,
        };
        assert!(is_indexed, "{slot}: the index does not find the session");
        true
    }

    fn check_free(&self, slot: u32) {
        assert!(!self.io.timers.is_set(slot), "free slot {slot} has a deadline");
        assert!(!self.rooms.pre_login.has(slot), "free slot {slot} is on the pre-login list");
    }

    /// The connections to backends that the core has, for tests that know how many are counted (R-LOAD-1): one place each.
    pub fn backend_connections(&self) -> usize {
        let slots = (0..self.slots.end()).filter_map(|slot| self.slots.get(slot));
        let has_place = |connection: &&Connection| match &connection.phase {
            Phase::Login(login) => login.has_place(),
            Phase::Relay(_) | Phase::Link(_) => true,
            Phase::Lmtp(_) | Phase::Lingering | Phase::Closing => false,
        };
        slots.filter(has_place).count()
    }

    /// Every descriptor that the core owns, for tests that know which there are.
    pub fn descriptors(&self) -> Vec<Fd> {
        let slots = (0..self.slots.end()).filter_map(|slot| self.slots.get(slot));
        let sockets = slots.flat_map(|connection| {
            Side::BOTH.into_iter().filter_map(|side| connection.sockets.of(side).held())
        });
        sockets.chain(self.listeners.descriptors()).collect()
    }
}

/// A socket that is open, and whose end has not been asked for.
fn is_usable(sockets: &Sockets, side: Side) -> bool {
    sockets.of(side).fd().is_some()
}

/// So few slots are walked over after each turn.
const FEW: u32 = 64;
/// With more of them, in the turns of every such millisecond.
const SELDOM: u64 = 64;
