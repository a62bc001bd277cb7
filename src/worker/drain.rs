//! Stopping gracefully: no new connections, clients before login are told, sessions finish or run out of time
//! (W-PIPE-8, W-REL-7). And some sessions ended at the operator's wish.

use std::time::Duration;

use crate::event::EndedBy;
use crate::limits;
use crate::ring::port::Port;
use crate::session::input::Input;
use crate::share::enquiry::Act;
use crate::tick::Tick;

use super::connection::Phase;
use super::core::Worker;
use super::enquiries;
use super::next::Next;

/// A drain under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drain {
    /// Whoever is left then is closed.
    deadline: Tick,
    /// When to look for idle sessions next.
    next_look: Tick,
}

impl<P: Port> Worker<P> {
    /// Begins to drain; a second order only shortens the time.
    pub(super) fn drain(&mut self, within: Duration) {
        let deadline = self.io.now.after(within);
        if let Some(drain) = &mut self.draining {
            drain.deadline = drain.deadline.min(deadline);
            return;
        }
        self.relays.is_draining = true;
        self.draining = Some(Drain { deadline, next_look: self.io.now });
        self.stop_listening();
        for slot in 0..self.slots.end() {
            let before_login = self
                .slots
                .get(slot)
                .is_some_and(|connection| matches!(connection.phase, Phase::Session(_)));
            if before_login {
                self.session_input(slot, Input::Shutdown);
            } else if self.mail(slot).is_some() {
                self.lmtp_input(slot, crate::lmtp::Input::Shutdown);
            }
        }
    }

    /// Closes relays that are idle, and at the deadline all.
    pub(super) fn drain_step(&mut self) {
        let Some(drain) = self.draining else { return };
        if self.io.now < drain.next_look {
            return;
        }
        if drain.deadline == NEVER {
            return;
        }
        let over = self.io.now >= drain.deadline;
        for slot in 0..self.slots.end() {
            let Some(connection) = self.slots.get(slot) else {
                continue;
            };
            match &connection.phase {
                Phase::Relay(relay) if over || relay.is_idle(self.io.now, limits::DRAIN_IDLE) => {
                    let next = Next::Ended { by: EndedBy::Shutdown, error: None };
                    self.act(slot, next);
                }
                Phase::Session(_) | Phase::Lmtp(_) | Phase::Lingering if over => self.release(slot),
                Phase::Session(_)
                | Phase::Relay(_)
                | Phase::Lmtp(_)
                | Phase::Link(_)
                | Phase::Lingering
                | Phase::Closing => {}
            }
        }
        let next_look = self.io.now.after(LOOK_EVERY);
        if let Some(drain) = &mut self.draining {
            drain.next_look = if over { next_look } else { next_look.min(drain.deadline) };
        }
    }

    pub(super) fn drain_wait(&self) -> Option<Duration> {
        self.draining
            .filter(|drain| drain.deadline != NEVER)
            .map(|drain| self.io.now.until(drain.next_look))
    }

    /// Answers a piece of one enquiry: the only thing that enquiries cost a turn.
    pub(super) fn answer_enquiry(&mut self) {
        let Some((enquiry, from)) = self.enquiries.next() else { return };
        let began = self.io.port.micros();
        let mut piece = self.enquiries.piece(&enquiry);
        let meant = enquiries::look(&self.slots, &self.sessions, &enquiry, from, &mut piece);
        if enquiry.act == Act::Kick {
            for slot in meant {
                self.kick(slot);
            }
        }
        piece.took_us = self.io.port.micros().saturating_sub(began);
        self.enquiries.tell(piece);
    }

    /// The operator ends a session. One of LMTP ends when no message of it is under way.
    fn kick(&mut self, slot: u32) {
        match self.slots.get(slot).map(|connection| &connection.phase) {
            Some(Phase::Relay(_)) => self.act(slot, Next::Ended { by: EndedBy::Kick, error: None }),
            Some(Phase::Lmtp(_)) => self.lmtp_input(slot, crate::lmtp::Input::Shutdown),
            _ => {}
        }
    }

    /// Connections of all phases, for the drain and for tests.
    #[must_use]
    pub fn live(&self) -> u32 {
        self.slots.live()
    }

    /// Whether the index of sessions says what the slots say; for tests.
    #[must_use]
    pub fn is_index_true(&self) -> bool {
        let mut listed = 0;
        for slot in 0..self.slots.end() {
            let is_in = match self.slots.get(slot).map(|connection| &connection.phase) {
                Some(Phase::Relay(relay)) => self.sessions.has(slot, relay.label.keys()),
                Some(Phase::Lmtp(_)) => self.sessions.has_nameless(slot),
                Some(Phase::Session(_) | Phase::Link(_) | Phase::Lingering | Phase::Closing)
                | None => continue,
            };
            if !is_in {
                return false;
            }
            listed += 1;
        }
        self.sessions.len() == listed
    }

    /// Drained: nothing listens and nobody is left.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.draining.is_some() && self.is_deaf() && self.slots.live() == 0
    }
}

/// The deadline of a drain that ends no session (`shutdown_clients = no`).
const NEVER: Tick = Tick(u64::MAX);
const LOOK_EVERY: Duration = Duration::from_millis(250);
