//! Relayed sessions of a core: when a direction gets a turn, and what its turn leads to.

use std::sync::Arc;

use crate::event::{EndedBy, Event};
use crate::limits;
use crate::relay::Watch;
use crate::ring::port::{IoFault, Kind, Port, ReceiveBuffer, Refused, Token};
use crate::share::counters::Counter;
use crate::tick::Tick;

use super::connection::{Direction, Mode, Phase, Relay};
use super::core::Worker;
use super::io::socket::Side;
use super::pump::{self, End, Ends, Turn, Watched};
use super::report::Reports;
use super::seam::{self, Seam};

impl<P: Port> Worker<P> {
    /// Everything of the login is sent: from here on only bytes move. The session's memory goes here.
    pub(super) fn start_relay(&mut self, slot: u32) {
        let now = self.io.now;
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let Phase::Session(login) = &mut connection.phase else {
            return;
        };
        let Some(label) = login.handed_over.take() else {
            return;
        };
        let unread = [Side::Client, Side::Backend].map(|side| {
            let socket = connection.sockets.of_mut(side);
            socket.paused = false;
            (side, !socket.drained)
        });
        let mode = match Watch::of(label.protocol) {
            Some(_) => Mode::Watched,
            None => Mode::Copy,
        };
        self.sessions.enter(slot, label.keys());
        connection.phase = Phase::Relay(Relay {
            label,
            up: Direction { mode, ..Direction::default() },
            down: Direction { mode, ..Direction::default() },
            moved_at: seconds(now),
            asked_at: low_byte(seconds(now)),
            first_end: None,
        });
        let begun = connection.tls.as_mut().map_or(Ok(()), |tls| tls.begin_relay());
        self.relays += 1;
        self.hosts.relay_begins(slot);
        self.set_relay_timer(slot);
        if let Err((side, fault)) = begun {
            let by = pump::culprit(side == Side::Client, End::Source);
            return self.relay_broken(slot, by, fault.word);
        }
        // What arrived while the session was not reading has been told already: such a side gets a look now.
        for (side, is_unread) in unread {
            if is_unread || self.has_opened(slot, side) {
                self.pump(slot, side);
            }
        }
    }

    /// Gives the direction that reads from `source` one turn.
    pub(super) fn pump(&mut self, slot: u32, source: Side) {
        // A close may have flushed: whatever of this direction came back then goes first.
        self.take_refused();
        if self.hosts.partings.contains_key(&slot) && self.is_parting_kept(slot, source) {
            return;
        }
        let Some(generation) = self.slots.generation(slot) else {
            return;
        };
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let (Some(client), Some(backend)) =
            (connection.sockets.client.fd(), connection.sockets.backend.fd())
        else {
            return;
        };
        let hangup = connection.sockets.of_mut(source).hangup;
        let Phase::Relay(relay) = &mut connection.phase else {
            return;
        };
        let (from, to) = if source == Side::Client { (client, backend) } else { (backend, client) };
        let token = Token { slot, generation, kind: source.other().send() };
        let ends = Ends { source: from, destination: to, hangup, token };
        let [direction, opposite] = relay.both(source);
        if direction.forwarded_in == self.io.port.round() {
            // What was read before is not sent yet, and nothing may overtake it.
            return self.queue(slot, source);
        }
        let was_hot = direction.mode == Mode::Hot;
        let was_proven = direction.delivered >= limits::RELAY_PROVEN_BYTES;
        let mut moved = 0;
        let is_watched = direction.mode == Mode::Watched;
        let watched = is_watched.then(|| Watched { watch: self.watches.get_mut(&slot), source });
        let scratch = &mut self.scratch;
        let turn = match &mut connection.tls {
            None => pump::turn(&mut self.io.port, scratch, direction, ends, watched, &mut moved),
            Some(tls) => {
                let seam = Seam::of(tls, source).watched(watched);
                seam::turn(
                    &mut self.io.port,
                    &mut self.tls.buffers,
                    seam,
                    [&mut *direction, &mut *opposite],
                    ends,
                    &mut moved,
                )
            }
        };
        let is_copied = connection.tls.is_some();
        let answer_waits = is_copied && opposite.rest.is_some();
        let is_proven = direction.delivered >= limits::RELAY_PROVEN_BYTES;
        if is_proven && !was_proven && source == Side::Backend {
            self.io.port.receive_buffer(from, ReceiveBuffer::Whole);
        }
        if direction.mode == Mode::Hot {
            let lacks_pipe = turn == Turn::Again && direction.pipe.is_none() && !is_copied;
            count_heat(&self.reports, was_hot, lacks_pipe);
        }
        if moved > 0 {
            relay.moved_at = seconds(self.io.now);
            if source == Side::Client {
                relay.asked_at = low_byte(relay.moved_at);
            }
        }
        self.after_turn(slot, source, turn);
        if answer_waits {
            self.await_room(slot, source);
        }
    }

    /// What a turn leads to.
    fn after_turn(&mut self, slot: u32, source: Side, turn: Turn) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let Phase::Relay(relay) = &mut connection.phase else {
            return;
        };
        let is_half_closed = relay.up.shut || relay.down.shut;
        match turn {
            // A stall that is over leaves a timer behind that is too long for a half-closed relay.
            Turn::Dry if is_half_closed => self.set_relay_timer(slot),
            Turn::Dry => {}
            Turn::Again => self.queue(slot, source),
            Turn::Blocked if source == Side::Client && connection.sockets.client.broken => {
                self.client_gone(slot);
            }
            Turn::Blocked => {
                self.await_room(slot, source.other());
                self.set_relay_timer(slot);
            }
            Turn::Ended => self.direction_ended(slot, source),
            Turn::Broken(end, fault) => {
                let by = pump::culprit(source == Side::Client, end);
                self.relay_broken(slot, by, pump::word(fault));
            }
            Turn::Insecure(word) | Turn::Refused(word) => {
                let by = pump::culprit(source == Side::Client, End::Source);
                self.relay_broken(slot, by, word);
            }
        }
    }

    /// Puts a direction on the round-robin list of those that have more to move.
    fn queue(&mut self, slot: u32, source: Side) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let Phase::Relay(relay) = &mut connection.phase else {
            return;
        };
        let direction = relay.direction(source);
        if !direction.queued {
            direction.queued = true;
            self.hot.push_back((slot, source));
        }
    }

    /// Takes back what destinations did not take of what was forwarded to them.
    pub(super) fn take_refused(&mut self) {
        while let Some(Refused { token, bytes, fault }) = self.io.port.refused() {
            let Token { slot, generation, kind } = token;
            if !self.slots.is_current(slot, generation) {
                continue;
            }
            let source = if kind == Kind::ClientSend { Side::Backend } else { Side::Client };
            let Some(connection) = self.slots.get_mut(slot) else {
                continue;
            };
            let Phase::Relay(relay) = &mut connection.phase else {
                continue;
            };
            let direction = relay.direction(source);
            if connection.tls.is_none() {
                direction.delivered = direction.delivered.saturating_sub(bytes.len() as u64);
            }
            let turn = match fault {
                IoFault::WouldBlock => {
                    direction.put_back(bytes);
                    Turn::Blocked
                }
                fault => Turn::Broken(End::Destination, fault),
            };
            self.after_turn(slot, source, turn);
        }
    }

    /// Gives every direction on the list one turn, in order.
    pub(super) fn pump_hot(&mut self) {
        if !self.hot.is_empty() {
            self.io.port.flush();
        }
        for _ in 0..self.hot.len() {
            let Some((slot, source)) = self.hot.pop_front() else {
                return;
            };
            let Some(connection) = self.slots.get_mut(slot) else {
                continue;
            };
            let Phase::Relay(relay) = &mut connection.phase else {
                continue;
            };
            let direction = relay.direction(source);
            // The flag also tells a new session in a reused slot from the one that was queued.
            if !std::mem::take(&mut direction.queued) {
                continue;
            }
            self.pump(slot, source);
        }
    }

    /// A source ended and its bytes are delivered: pass the end on (W-REL-5).
    pub(super) fn direction_ended(&mut self, slot: u32, source: Side) {
        if source == Side::Backend && self.is_held(slot, None) {
            return;
        }
        if !self.is_farewell_said(slot, source) {
            return;
        }
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let Some(destination) = connection.sockets.of_mut(source.other()).fd() else {
            return;
        };
        let Phase::Relay(relay) = &mut connection.phase else {
            return;
        };
        let direction = relay.direction(source);
        pump::release_pipe(&mut self.io.port, direction);
        if relay.direction(source.other()).shut {
            // The second end: closing says it better than another shutdown.
            let by = relay.first_end.unwrap_or(source);
            self.end_relay(
                slot,
                if by == Side::Client { EndedBy::Client } else { EndedBy::Backend },
                None,
            );
            return;
        }
        relay.first_end.get_or_insert(source);
        pump::finish(&mut self.io.port, relay.direction(source), destination);
        // The other half may still deliver, for as long as it makes progress.
        self.set_relay_timer(slot);
    }

    /// A destination with TLS hears a goodbye before the end (tls.md 7, *close*). `false`: it has no room for it now, or
    /// is gone.
    fn is_farewell_said(&mut self, slot: u32, source: Side) -> bool {
        let Some(connection) = self.slots.get_mut(slot) else { return false };
        let Some(destination) = connection.sockets.of_mut(source.other()).fd() else {
            return false;
        };
        let Some(tls) = &mut connection.tls else { return true };
        let Phase::Relay(relay) = &mut connection.phase else { return false };
        let (buffers, seam) = (&mut self.tls.buffers, Seam::of(tls, source));
        let direction = relay.direction(source);
        match seam::say_farewell(&mut self.io.port, buffers, seam, direction, destination) {
            Turn::Ended => true,
            turn => {
                self.after_turn(slot, source, turn);
                false
            }
        }
    }

    /// The client is gone while the backend takes nothing, or behind its own end: nobody is left to relay for. A broken
    /// backend is not ended like that; what it sent before is still on its way to a client that reads slowly.
    pub(super) fn client_gone(&mut self, slot: u32) {
        self.relay_broken(slot, EndedBy::Client, pump::word(IoFault::Reset));
    }

    pub(super) fn relay_broken(&mut self, slot: u32, by: EndedBy, word: &'static str) {
        if by == EndedBy::Backend && self.is_held(slot, Some(word)) {
            return;
        }
        // The reset is passed on: the other side must not take a cut stream for a complete one.
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let other = if by == EndedBy::Client { Side::Backend } else { Side::Client };
        if let Some(fd) = connection.sockets.of_mut(other).fd() {
            self.io.port.reset_on_close(fd);
        }
        self.end_relay(slot, by, Some(word));
    }

    /// Reports the end of a relay and closes both sides.
    pub(super) fn end_relay(&mut self, slot: u32, by: EndedBy, error: Option<&'static str>) {
        let now = self.io.now;
        if error.is_none() {
            self.part(slot);
        }
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        if !matches!(connection.phase, Phase::Relay(_)) {
            return;
        }
        let Phase::Relay(mut relay) = std::mem::replace(&mut connection.phase, Phase::Closing)
        else {
            return;
        };
        pump::release_pipe(&mut self.io.port, &mut relay.up);
        pump::release_pipe(&mut self.io.port, &mut relay.down);
        self.sessions.leave(slot, relay.label.keys());
        let (backend, since) = (Arc::clone(&relay.label.home.backend), relay.label.since);
        let event = Event::RelayEnded {
            subject: relay.label.into_subject(),
            backend,
            by,
            bytes_up: relay.up.delivered,
            bytes_down: relay.down.delivered,
            lasted: now.since(since),
            error,
        };
        self.relays -= 1;
        self.reports.count_event(&event);
        self.reports.log(event);
        self.release(slot);
    }

    /// The deadline of a relay passed: end it, or wait for what is left of its time.
    pub(super) fn relay_deadline(&mut self, slot: u32) {
        let now = self.io.now;
        if self.is_parted(slot) {
            return;
        }
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let Phase::Relay(relay) = &mut connection.phase else {
            return;
        };
        let protocol = relay.label.protocol;
        let (limit, by) = relay.patience(self.settings.relay_idle_timeout(protocol));
        if now.0 >= relay.patience_ends(limit).0 {
            self.end_relay(slot, by, None);
        } else {
            self.set_relay_timer(slot);
        }
    }

    fn set_relay_timer(&mut self, slot: u32) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let Phase::Relay(relay) = &mut connection.phase else {
            return;
        };
        let protocol = relay.label.protocol;
        let (limit, _) = relay.patience(self.settings.relay_idle_timeout(protocol));
        let at = relay.patience_ends(limit);
        self.io.timers.set(slot, at);
    }
}

/// Counts directions that become hot, and turns of hot ones that would have liked a pipe.
fn count_heat(reports: &Reports, was_hot: bool, lacks_pipe: bool) {
    if !was_hot {
        reports.count(Counter::Hot);
    } else if lacks_pipe {
        reports.count(Counter::PipeMissing);
    }
}

impl Relay {
    /// How long nothing may move in the present state, and what it is called when it lasts longer.
    fn patience(&self, idle_timeout: std::time::Duration) -> (std::time::Duration, EndedBy) {
        let blocked = self.up.is_blocked() || self.down.is_blocked();
        let half_closed = self.up.shut || self.down.shut;
        if half_closed && !blocked {
            (limits::HALF_CLOSE_LINGER, EndedBy::HalfCloseTimeout)
        } else if blocked {
            (limits::STALL_TIMEOUT.min(idle_timeout), EndedBy::StallTimeout)
        } else {
            (idle_timeout, EndedBy::IdleTimeout)
        }
    }

    /// The last movement is kept in whole seconds, so a second is added rather than lost.
    fn patience_ends(&self, limit: std::time::Duration) -> Tick {
        Tick(u64::from(self.moved_at) * 1000 + 1000).after(limit)
    }

    /// Whether no byte moved for `quiet` and none waits: somebody in the middle of a transfer is not idle.
    pub(super) fn is_idle(&self, now: Tick, quiet: std::time::Duration) -> bool {
        let blocked = self.up.is_blocked() || self.down.is_blocked();
        !blocked && now.0 >= self.patience_ends(quiet).0
    }
}

pub(super) fn low_byte(seconds: u32) -> u8 {
    let [low, ..] = seconds.to_le_bytes();
    low
}

pub(super) fn seconds(now: Tick) -> u32 {
    u32::try_from(now.0 / 1000).unwrap_or(u32::MAX)
}
