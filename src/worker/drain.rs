//! Stopping gracefully: no new connections, clients before login are told, sessions finish or run out of time
//! (W-PIPE-8, W-REL-7). And single sessions ended at the operator's wish.

use std::time::Duration;

use crate::event::EndedBy;
use crate::limits;
use crate::ring::port::Port;
use crate::share::enquiry::Act;
use crate::tick::Tick;

use super::connection::Phase;
use super::core::Worker;
use super::enquiries;
use super::next::Next;
use super::signal::Signal;

/// A drain under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drain {
    /// Connections that are left then are closed.
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
        self.draining = Some(Drain { deadline, next_look: self.io.now });
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
        let Some(drain) = self.draining else { return };
        if self.io.now < drain.next_look || drain.deadline == NEVER {
            return;
        }
        let over = self.io.now >= drain.deadline;
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
        let Some((enquiry, from)) = self.rooms.enquiries.next() else { return };
        let began = self.io.port.micros();
        let mut piece = self.rooms.enquiries.piece(&enquiry);
        let sessions = &self.rooms.sessions;
        let meant = enquiries::look(&self.slots, sessions, &enquiry, from, &mut piece);
        if enquiry.act == Act::Kick {
            for slot in meant {
                self.kick(slot);
            }
        }
        piece.took_us = self.io.port.micros().saturating_sub(began);
        self.rooms.enquiries.tell(piece);
    }

    /// The operator ends a session. One of LMTP ends when no message of it is under way.
    fn kick(&mut self, slot: u32) {
        match self.slots.get(slot).map(|connection| &connection.phase) {
            Some(Phase::Relay(_)) => self.act(slot, Next::Ended { by: EndedBy::Kick, error: None }),
            Some(Phase::Lmtp(_)) => self.tell(slot, Signal::Shutdown),
            _ => {}
        }
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

/// The deadline of a drain that ends no session (`shutdown_clients = no`).
const NEVER: Tick = Tick(u64::MAX);
const LOOK_EVERY: Duration = Duration::from_millis(250);
