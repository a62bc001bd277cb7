//! How connections end: by themselves, one by one, and in a drain: no new connections, clients before login are told,
//! sessions finish or run out of time (W-PIPE-8, W-REL-7).
//!
//! Decides: in which order what a connection had is given back. Does not: decide that it ends; a driver, a deadline or the
//! operator does.

use std::sync::Arc;
use std::time::Duration;

use crate::event::EndedBy;
use crate::limits;
use crate::ring::port::Port;
use crate::share::enquiry::{Act, Enquiry, Piece, Place};
use crate::share::trace::TraceOrder;

use super::connection::Phase;
use super::core::Worker;
use super::drain::{Drain, Look};
use super::enquiries;
use super::io::socket::Side;
use super::linger;
use super::lmtp::state::Client;
use super::next::Next;
use super::sessions::Key;
use super::signal::Signal;

impl<P: Port> Worker<P> {
    /// A relayed session is over.
    pub(super) fn end_relay(&mut self, slot: u32, by: EndedBy, error: Option<&'static str>) {
        if error.is_none() && self.slots.get(slot).is_some_and(|kept| kept.tls.is_some()) {
            // Goodbye comes behind what is on its way. What comes back of that, of any session, is taken back first.
            self.io.port.flush();
            self.take_unsent();
            let Some(mut driver) = self.relay(slot) else { return };
            driver.say_goodbye();
        }
        if let Some(Phase::Relay(relay)) = self.take_out(slot) {
            self.rooms.reports.report(relay.ended(by, error, self.io.now));
        }
    }

    /// The client has its last reply, and a moment to close before we do.
    pub(super) fn linger(&mut self, slot: u32) {
        // What is under way is sent by then, and what comes back of it goes before our end: then it will say so again.
        self.io.port.flush();
        self.take_unsent();
        let Some((generation, connection)) = self.slots.named(slot) else { return };
        match &connection.phase {
            Phase::Login(login) if login.has_unsent() => return,
            Phase::Login(_) | Phase::Lmtp(_) => {}
            Phase::Relay(_) | Phase::Link(_) | Phase::Lingering | Phase::Closing => return,
        }
        let (line, phase) = connection.split(&mut self.io, slot, generation);
        let former = std::mem::replace(phase, Phase::Lingering);
        let next = linger::begin(line, &mut self.rooms.relays.scratch);
        if let Phase::Lmtp(client) = former {
            self.release_links(slot, client);
        }
        self.act(slot, next);
    }

    /// The kernel returned an operation of a socket that is being closed: what waited for that goes on.
    pub(super) fn returned(&mut self, slot: u32, side: Side) {
        let Some((mut line, phase)) = self.line(slot) else { return };
        if !line.close_if_returned(side) {
            return;
        }
        match phase {
            Phase::Closing if !line.sockets.are_open() => drop(self.slots.remove(slot)),
            Phase::Login(_) if side == Side::Backend => self.tell(slot, Signal::BackendClosed),
            _ => {}
        }
    }

    /// Ends a connection: drops what it was in the middle of, takes it off every list, closes both sides, and frees its slot,
    /// which may have to wait until the kernel has returned everything. An LMTP client takes its backends along.
    pub(super) fn release(&mut self, slot: u32) {
        drop(self.take_out(slot));
    }

    /// The same, for what is still to be said of it.
    fn take_out(&mut self, slot: u32) -> Option<Phase> {
        let (mut line, phase) = self.line(slot)?;
        let mut former = std::mem::replace(phase, Phase::Closing);
        *line.tls = None;
        line.clear_deadline();
        line.close(Side::Client);
        line.close(Side::Backend);
        if !line.sockets.are_open() {
            self.slots.remove(slot);
        }
        self.rooms.pre_login.set(slot, false);
        match &mut former {
            Phase::Relay(relay) => {
                self.rooms.relays.leave(slot, relay, &mut self.io.port);
                self.rooms.sessions.leave(slot, relay.label.keys());
            }
            Phase::Lmtp(client) => self.release_links(slot, client.take()),
            Phase::Login(_) | Phase::Link(_) | Phase::Lingering | Phase::Closing => {}
        }
        Some(former)
    }

    /// An LMTP client ends, and its connections to backends with it.
    fn release_links(&mut self, slot: u32, client: Option<Box<Client>>) {
        self.rooms.sessions.leave_nameless(slot);
        debug_assert!(client.is_some(), "an LMTP client ends while its driver has its turn");
        for slot in client.iter().flat_map(|client| client.slots()) {
            self.release(slot);
        }
    }

    // === Enquiries ===

    /// Answers a piece of one enquiry: the only thing that enquiries cost a turn.
    pub(super) fn answer_enquiry(&mut self) {
        let Some((enquiry, from)) = self.rooms.enquiries.next() else { return };
        let began = self.io.port.micros();
        let mut piece = self.rooms.enquiries.piece(&enquiry);
        let sessions = &self.rooms.sessions;
        let meant = enquiries::look(&self.slots, sessions, &enquiry, from, &mut piece);
        match enquiry.act {
            Act::Kick if enquiry.whom.is_whole_backend() => {
                self.part_all(&meant, Parted::Kicked, &enquiry, &mut piece);
            }
            Act::Kick => meant.into_iter().for_each(|slot| self.kick(slot, Signal::Kicked)),
            Act::Leave => {
                for slot in meant {
                    self.kick(slot, Signal::Rerouted(Arc::clone(&enquiry)));
                }
            }
            Act::Part => self.part_all(&meant, Parted::Lost, &enquiry, &mut piece),
            Act::List | Act::Count => {}
        }
        piece.took_us = self.io.port.micros().saturating_sub(began);
        self.rooms.enquiries.tell(piece);
    }

    /// An operator wants to see what passes in a user's sessions, those that are there and those that come.
    pub(super) fn trace(&mut self, order: Arc<TraceOrder>) {
        let (now, mut found) = (self.io.now, Vec::new());
        let most = limits::TRACE_SESSIONS_MAX;
        let key = Key::User(&order.user);
        let _ = self.rooms.sessions.search(key, Place::default(), most, &mut found);
        self.rooms.relays.taps.take_order(order, now);
        for slot in found {
            if let Some(Phase::Relay(relay)) = self.slots.get(slot).map(|it| &it.phase) {
                self.rooms.relays.taps.begin(slot, &relay.label, now);
            }
        }
    }

    /// The operator ends a session, or a login that is about to become one. One of LMTP ends when no message of it is
    /// under way.
    fn kick(&mut self, slot: u32, signal: Signal) {
        match self.slots.get(slot).map(|connection| &connection.phase) {
            Some(Phase::Relay(_)) => self.act(slot, Next::Ended { by: EndedBy::Kick, error: None }),
            Some(Phase::Lmtp(_) | Phase::Login(_)) => self.tell(slot, signal),
            _ => {}
        }
    }

    /// All that there is of a backend ends, as far as the piece goes; its rows are those to whom that is new.
    fn part_all(
        &mut self,
        meant: &[u32],
        parted: Parted,
        enquiry: &Arc<Enquiry>,
        piece: &mut Piece,
    ) {
        let is_new: Vec<bool> =
            meant.iter().map(|slot| self.part(*slot, parted, enquiry)).collect();
        let mut is_new = is_new.into_iter();
        piece.rows.retain(|_| is_new.next().unwrap_or(false));
    }

    /// A session ends together with the others of its backend, over time; a login that is about to become one at once. Whether
    /// that is new.
    fn part(&mut self, slot: u32, parted: Parted, enquiry: &Arc<Enquiry>) -> bool {
        let is_parting = self.rooms.relays.is_parting(slot);
        match self.slots.get(slot).map(|connection| &connection.phase) {
            Some(Phase::Relay(_)) if !is_parting => {
                self.take_unsent();
                self.tell_relay(slot, |driver| match parted {
                    Parted::Lost => driver.lose_backend(),
                    Parted::Kicked => driver.kick_with_others(),
                });
                true
            }
            Some(Phase::Login(login)) if login.is_under_way() => {
                self.tell(
                    slot,
                    match parted {
                        Parted::Lost => Signal::Rerouted(Arc::clone(enquiry)),
                        Parted::Kicked => Signal::Kicked,
                    },
                );
                true
            }
            _ => false,
        }
    }

    // === Draining ===

    /// Begins to drain; a second order only shortens the time.
    pub(super) fn drain(&mut self, within: Duration) {
        if let Some(drain) = &mut self.draining {
            return drain.shorten(within, self.io.now);
        }
        self.draining = Some(Drain::new(within, self.io.now));
        self.rooms.relays.is_draining = true;
        self.listeners.stop(&mut self.io);
        for slot in 0..self.slots.end() {
            let before_login = self.slots.get(slot).is_some_and(|connection| {
                matches!(connection.phase, Phase::Login(_) | Phase::Lmtp(_))
            });
            if before_login {
                self.tell(slot, Signal::Shutdown);
            }
        }
    }

    /// Closes relays that are idle, and at the deadline all.
    pub(super) fn drain_step(&mut self) {
        let Some(look) = self.draining.as_mut().and_then(|drain| drain.look(self.io.now)) else {
            return;
        };
        let over = look == Look::Over;
        for slot in 0..self.slots.end() {
            let Some(connection) = self.slots.get(slot) else {
                continue;
            };
            let next = match &connection.phase {
                Phase::Relay(relay) if over || relay.is_idle(self.io.now, limits::DRAIN_IDLE) => {
                    Next::Ended { by: EndedBy::Shutdown, error: None }
                }
                Phase::Login(_) | Phase::Lmtp(_) | Phase::Lingering if over => Next::Close,
                // A link goes with its client.
                Phase::Login(_)
                | Phase::Relay(_)
                | Phase::Lmtp(_)
                | Phase::Link(_)
                | Phase::Lingering
                | Phase::Closing => Next::Stay,
            };
            self.act(slot, next);
        }
    }

    pub(super) fn drain_wait(&self) -> Option<Duration> {
        self.draining.as_ref().and_then(|drain| drain.wait(self.io.now))
    }

    /// Connections of all phases, for the drain and for tests.
    #[must_use]
    pub fn live(&self) -> u32 {
        self.slots.live()
    }

    /// Drained: nothing listens and no connection is left.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.draining.is_some() && self.listeners.are_closed() && self.slots.live() == 0
    }
}

/// Why all sessions of a backend end.
#[derive(Clone, Copy, Debug)]
enum Parted {
    /// It is lost, although no connection says so (R-PROBE-9).
    Lost,
    /// The operator says so.
    Kicked,
}
