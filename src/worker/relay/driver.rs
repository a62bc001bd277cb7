//! Drives one relayed session: which direction advances, and what that leads to.
//!
//! A handler moves bytes of its own session and says what happens next; it ends no other session, although a flush that
//! it causes sends bytes of others, too. What comes back of those is taken back by the core's loop, before anything is
//! moved.

use crate::event::{EndedBy, Event, Notice};
use crate::limits;
use crate::names::Protocol;
use crate::preauth::{self, ByeReason};
use crate::relay::Watch;
use crate::ring::port::{IoFault, Need, Port, Unsent};
use crate::share::counters::Counter;
use crate::tick::Tick;

use super::super::io::line::Line;
use super::super::io::socket::Side;
use super::super::next::Next;
use super::super::report::Reports;
use super::super::tls::channel::Buffers;
use super::copy::{self, Advance, End, Ends, Watched};
use super::disconnects::{Disconnect, First, Why};
use super::expiries::Due;
use super::relays::Relays;
use super::sealed::{self, Channels};
use super::state::{Direction, Mode, Relay};
use super::taps::Taps;

/// One relayed session, and what all those of the core share.
pub(in crate::worker) struct Driver<'a, P: Port> {
    pub(in crate::worker) line: Line<'a, P>,
    pub(in crate::worker) relay: &'a mut Relay,
    pub(in crate::worker) relays: &'a mut Relays,
    pub(in crate::worker) buffers: &'a mut Buffers,
    pub(in crate::worker) reports: &'a Reports,
}

impl<P: Port> Driver<'_, P> {
    /// Everything of the login is sent: from here on only bytes move.
    pub(in crate::worker) fn begin(&mut self) -> Next {
        for side in Side::BOTH {
            self.line.socket(side).paused = false;
        }
        self.set_deadline();
        let begun = self.line.tls.as_mut().map_or(Ok(()), |tls| tls.begin_relay());
        match begun {
            Ok(()) => Next::Stay,
            Err((side, fault)) => self.broken(copy::culprit(side, End::Source), fault.word),
        }
    }

    /// Whether a side has bytes that were told, or opened, before the relay began.
    pub(in crate::worker) fn has_unread(&self, side: Side) -> bool {
        let channel = self.line.tls.as_ref().and_then(|tls| tls.of(side));
        !self.line.sockets.of(side).drained
            || channel
                .is_some_and(|channel| !channel.opened.is_empty() || channel.engine.has_ended())
    }

    /// A side has bytes, or its end.
    pub(in crate::worker) fn readable(&mut self, side: Side) -> Next {
        let direction = self.relay.direction(side);
        if side == Side::Client && self.line.sockets.client.is_broken() && direction.is_deaf() {
            return self.client_gone();
        }
        // Blocked: the destination's room brings it back. Queued: it advances anyway.
        if direction.is_blocked() || direction.queued || direction.shut {
            return Next::Stay;
        }
        self.advance(side)
    }

    /// A direction of the list of those that have more to move.
    pub(in crate::worker) fn advance_queued(&mut self, source: Side) -> Next {
        // The flag also tells a new session in a reused slot from the one that was queued.
        if !std::mem::take(&mut self.relay.direction(source).queued) {
            return Next::Stay;
        }
        self.advance(source)
    }

    /// Lets the direction that reads from `source` advance once.
    pub(in crate::worker) fn advance(&mut self, source: Side) -> Next {
        if self.relays.disconnects.has_lost_backend(self.line.slot) {
            match self.advance_parting(source) {
                Ok(()) => {}
                Err(next) => return next,
            }
        }
        let (Some(from), Some(to)) = (self.line.fd(source), self.line.fd(source.other())) else {
            debug_assert!(false, "a relay has both its sockets");
            return Next::Stay;
        };
        let token = self.line.token(source.other().send());
        let socket = self.line.sockets.of(source);
        let (hangup, broken, complete) =
            (socket.is_hung_up(), socket.is_broken(), socket.is_complete());
        let ends = Ends { source: from, destination: to, hangup, broken, complete, token };
        let (protocol, now) = (self.relay.label.protocol, self.line.io.now);
        let port = &mut self.line.io.port;
        let [direction, opposite] = self.relay.both(source);
        if direction.forwarded_in == port.round() {
            // What was read before is not sent yet, and nothing may overtake it.
            return self.queue(source);
        }
        if direction.mode == Mode::Watched || self.relays.taps.are_on() {
            follow_tap(&mut self.relays.taps, direction, self.line.slot, (protocol, now), port);
        }
        let was_hot = direction.mode == Mode::Hot;
        let delivered = direction.delivered;
        let mut moved = 0;
        let watched = (direction.mode == Mode::Watched).then(|| Watched {
            watch: self.relays.watches.get_mut(&self.line.slot),
            is_watch_due: Watch::is_due(protocol),
            tap: self.relays.taps.tap(self.line.slot),
            source,
            now,
        });
        let is_copied = self.line.tls.is_some();
        let advance = match &mut self.line.tls {
            None => {
                copy::advance(port, &mut self.relays.scratch, direction, ends, watched, &mut moved)
            }
            Some(tls) => {
                let channels = Channels::of(tls, source).watched(watched);
                let directions = [&mut *direction, &mut *opposite];
                sealed::advance(port, self.buffers, channels, directions, ends, &mut moved)
            }
        };
        if let Some(need) = need(source, delivered, direction.delivered) {
            let backend = if source == Side::Backend { from } else { to };
            port.prepare(backend, need);
        }
        if direction.mode == Mode::Hot {
            let lacks_pipe = advance == Advance::Again && direction.pipe.is_none() && !is_copied;
            count_heat(self.reports, was_hot, lacks_pipe);
        }
        if is_copied && opposite.rest.is_some() {
            // What TLS has to answer waits there.
            self.line.await_room(source);
        }
        if moved > 0 {
            self.relay.note_progress(source, self.line.io.now);
        }
        self.after(source, advance)
    }

    /// What an advance leads to.
    fn after(&mut self, source: Side, advance: Advance) -> Next {
        match advance {
            Advance::Dry => {
                // A stall that is over leaves a deadline behind that is too late for a half-closed relay.
                if self.relay.is_half_closed() {
                    self.set_deadline();
                }
                Next::Stay
            }
            Advance::Again => self.queue(source),
            Advance::Blocked if source == Side::Client && self.line.sockets.client.is_broken() => {
                self.client_gone()
            }
            Advance::Blocked => {
                self.reports.count(Counter::RelayStalled);
                self.line.await_room(source.other());
                self.set_deadline();
                Next::Stay
            }
            Advance::Ended => self.source_ended(source),
            Advance::Broken(end, fault) => self.broken(copy::culprit(source, end), fault.reason()),
            Advance::Insecure(reason) | Advance::Forbidden(reason) => {
                self.broken(copy::culprit(source, End::Source), reason)
            }
        }
    }

    /// Puts a direction on the list of those that have more to move.
    fn queue(&mut self, source: Side) -> Next {
        let direction = self.relay.direction(source);
        if !std::mem::replace(&mut direction.queued, true) {
            self.relays.hot.push_back((self.line.slot, source));
        }
        Next::Stay
    }

    /// Takes back what a destination did not take of what was forwarded to it.
    pub(in crate::worker) fn take_back(&mut self, unsent: Unsent) -> Next {
        let Unsent { token, bytes, fault } = unsent;
        let source = if token.kind == Side::Client.send() { Side::Backend } else { Side::Client };
        let is_copied = self.line.tls.is_some();
        let direction = self.relay.direction(source);
        if !is_copied {
            direction.delivered = direction.delivered.saturating_sub(bytes.len() as u64);
        }
        match fault {
            IoFault::WouldBlock => {
                direction.put_back(bytes);
                self.after(source, Advance::Blocked)
            }
            fault => self.after(source, Advance::Broken(End::Destination, fault)),
        }
    }

    /// The deadline passed: the session ends, or waits for what is left of its time.
    pub(in crate::worker) fn deadline(&mut self) -> Next {
        let now = self.line.now();
        if let Some(at) = self.relays.disconnects.parting_at(self.line.slot) {
            if now < at {
                self.line.set_deadline(at);
                return Next::Stay;
            }
            let parting = self.relays.disconnects.take(self.line.slot);
            return match parting.map(|parting| parting.why) {
                Some(Why::Broke(reason)) => self.broken(EndedBy::Backend, reason),
                Some(Why::Kicked) => Next::Ended { by: EndedBy::Kick, error: None },
                // It has been silent, and is not there to hear the rest of it.
                Some(Why::Ended) | None => Next::Ended { by: EndedBy::Backend, error: None },
            };
        }
        if !self.line.sockets.backend.is_probed && now >= self.probed_from() {
            self.line.probe_backend();
        }
        if let Some(next) = self.look_at_token() {
            return next;
        }
        let (limit, by) = self.relay.patience(self.idle_timeout());
        if now >= self.relay.patience_ends(limit) {
            return Next::Ended { by, error: None };
        }
        self.set_deadline();
        Next::Stay
    }

    fn set_deadline(&mut self) {
        if let Some(at) = self.relays.disconnects.parting_at(self.line.slot) {
            return self.line.set_deadline(at);
        }
        let (limit, _) = self.relay.patience(self.idle_timeout());
        let mut at = self.relay.patience_ends(limit);
        if !self.line.sockets.backend.is_probed {
            at = at.min(self.probed_from());
        }
        if let Some(look_at) = self.relays.expiries.look_at(self.line.slot, self.line.now()) {
            at = at.min(look_at);
        }
        self.line.set_deadline(at);
    }

    /// What the end of the session's token leads to; none: nothing yet, or no more than a line in the log.
    fn look_at_token(&mut self) -> Option<Next> {
        let (slot, now) = (self.line.slot, self.line.now());
        let is_quiet = self.relay.is_idle(now, limits::TOKEN_EXPIRED_QUIET);
        match self.relays.expiries.due(slot, is_quiet, now) {
            Due::Nothing => return None,
            Due::Note => {
                self.relays.expiries.end(slot);
                let (subject, notice) = (self.relay.label.subject(), Notice::TokenExpired);
                self.reports.report(Event::Noticed { subject, details: None, notice });
                return None;
            }
            Due::Goodbye => self.say_bye(ByeReason::TokenExpired),
            Due::End => {}
        }
        Some(Next::Ended { by: EndedBy::TokenExpiry, error: None })
    }

    /// Says the protocol's own goodbye to a client that has been quiet: what it was told before has reached it whole.
    fn say_bye(&mut self, why: ByeReason) {
        let mut bye = Vec::new();
        preauth::write_bye(self.relay.label.protocol, why, &mut bye);
        let Some(fd) = self.line.sockets.client.fd() else { return };
        let channel = self.line.tls.as_mut().and_then(|tls| tls.client.as_mut());
        if let Some(channel) = channel {
            self.buffers.sealed.clear();
            if channel.engine.seal(&bye, &mut self.buffers.sealed).is_err() {
                return;
            }
            bye.clone_from(&self.buffers.sealed);
            self.buffers.clear();
        }
        // What it does not take now it never gets.
        let _ = self.line.io.port.send(fd, &bye);
    }

    /// When a session has lived long enough for probes to be worth their calls.
    fn probed_from(&self) -> Tick {
        self.relay.label.since().after(limits::PROBED_FROM)
    }

    fn idle_timeout(&self) -> std::time::Duration {
        self.relays.settings.relay_idle_timeout(self.relay.label.protocol)
    }

    // === Ends ===

    /// A source ended and its bytes are delivered: pass the end on (W-REL-5).
    fn source_ended(&mut self, source: Side) -> Next {
        if source == Side::Backend && self.delay(Why::Ended) {
            return Next::Stay;
        }
        let Some(destination) = self.line.fd(source.other()) else {
            debug_assert!(false, "a relay has both its sockets");
            return Next::Stay;
        };
        let port = &mut self.line.io.port;
        if let Some(tls) = &mut self.line.tls {
            // A destination with TLS hears a goodbye before the end (K-TLS-8).
            let (channels, direction) = (Channels::of(tls, source), self.relay.direction(source));
            let advance =
                sealed::say_farewell(port, self.buffers, channels, direction, destination);
            if advance != Advance::Ended {
                return self.after(source, advance);
            }
        }
        let [direction, opposite] = self.relay.both(source);
        copy::release_pipe(port, direction);
        if opposite.shut {
            // The second end: closing says it better than another shutdown.
            let by = match self.relay.first_end.unwrap_or(source) {
                Side::Client => EndedBy::Client,
                Side::Backend => EndedBy::Backend,
            };
            return Next::Ended { by, error: None };
        }
        copy::finish(port, direction, destination);
        self.relay.first_end.get_or_insert(source);
        // The other half may still deliver, for as long as it makes progress.
        self.set_deadline();
        Next::Stay
    }

    /// The client is gone while the backend takes nothing, or behind its own end: there is no one left to relay for. A
    /// broken backend is not ended like that; what it sent before is still on its way to a client that reads slowly.
    fn client_gone(&mut self) -> Next {
        self.broken(EndedBy::Client, IoFault::Reset.reason())
    }

    /// The backend is lost, and its connection does not say so: what would follow if it did.
    pub(in crate::worker) fn lose_backend(&mut self) -> Next {
        self.broken(EndedBy::Backend, "the backend is down")
    }

    /// One side broke: the other must not take a cut stream for a complete one, so it hears of a reset.
    fn broken(&mut self, by: EndedBy, reason: &'static str) -> Next {
        if by == EndedBy::Backend && self.delay(Why::Broke(reason)) {
            return Next::Stay;
        }
        let other = if by == EndedBy::Client { Side::Backend } else { Side::Client };
        self.line.reset_on_close(other);
        Next::Ended { by, error: Some(reason) }
    }

    /// The session ends by our will, or well: where there is TLS it can tell that nothing was cut off, unless something
    /// is. What was forwarded is sent, and what came back of it taken back, before.
    pub(in crate::worker) fn say_goodbye(&mut self) {
        let Some(tls) = &mut self.line.tls else { return };
        for side in Side::BOTH {
            if self.relay.direction(side.other()).is_blocked() {
                continue;
            }
            let Some(channel) = tls.channel(side) else { continue };
            self.buffers.sealed.clear();
            channel.engine.close(&mut self.buffers.sealed);
            if let (Some(fd), false) =
                (self.line.sockets.of(side).fd(), self.buffers.sealed.is_empty())
            {
                // What it does not take now it never gets.
                let _ = self.line.io.port.send(fd, &self.buffers.sealed);
            }
        }
    }

    // === Parting disconnects ===

    /// The operator ends all sessions of its backend: over time, as if that had gone.
    pub(in crate::worker) fn kick_with_others(&mut self) -> Next {
        match self.wait(Why::Kicked) {
            true => Next::Stay,
            false => Next::Ended { by: EndedBy::Kick, error: None },
        }
    }

    /// The backend went. Whether the client is told later.
    fn delay(&mut self, why: Why) -> bool {
        if self.relay.first_end.is_some() || self.relays.disconnects.over().is_zero() {
            return false;
        }
        self.relay.first_end = Some(Side::Backend);
        !self.relay.is_talking(self.line.now()) && self.wait(why)
    }

    /// Lets the session's end wait until its turn among those of its backend has come. Whether it has not come yet.
    fn wait(&mut self, why: Why) -> bool {
        let (now, over) = (self.line.now(), self.relays.disconnects.over());
        if self.relays.is_draining || over.is_zero() {
            return false;
        }
        let Some(endpoint) = self.relay.endpoint.take() else { return false };
        let Disconnect::Later(at, first) =
            self.relays.disconnects.lose(self.line.slot, endpoint, why, now)
        else {
            return false;
        };
        self.line.set_deadline(at);
        self.reports.count(Counter::EndsSpread);
        if first == First::Yes {
            let (backend, seconds) = (&self.relay.label.home.backend, over.as_secs_f64());
            self.reports.warn(format!(
                "many sessions of backend {backend} end at once: their clients are told over {seconds} seconds \
                 (login_proxy_max_disconnect_delay), those that send something to one that is gone at once"
            ));
        }
        true
    }

    /// A direction of a session whose client is to be told later is about to move. `Err`: it does not.
    fn advance_parting(&mut self, source: Side) -> Result<(), Next> {
        let is_blocked = self.relay.down.is_blocked();
        if source == Side::Backend && !is_blocked {
            return Err(Next::Stay);
        }
        let parting = self.relays.disconnects.take(self.line.slot);
        let next = match parting.map(|parting| parting.why) {
            // The client has something to say: what happened to its backend happens now.
            Some(Why::Broke(reason)) if source == Side::Client => {
                self.broken(EndedBy::Backend, reason)
            }
            // Last bytes came back, and wait for the client to read: the end goes behind them.
            _ if is_blocked => Next::Stay,
            _ => self.source_ended(Side::Backend),
        };
        if next == Next::Stay { Ok(()) } else { Err(next) }
    }
}

/// What the connection to the backend needs, now that so much of a direction is delivered.
fn need(source: Side, before: u64, now: u64) -> Option<Need> {
    let passed = |mark| (before..now).contains(&(mark - 1));
    match source {
        Side::Client => passed(limits::RELAY_BOUNDED_BYTES).then_some(Need::UnsentBound),
        Side::Backend if passed(limits::RELAY_PROVEN_BYTES) => Some(Need::WholeReceiveBuffer),
        Side::Backend => passed(limits::RELAY_BOUNDED_BYTES).then_some(Need::FirstReceiveBuffer),
    }
}

/// Counts directions that become hot, and advances of hot ones that would have liked a pipe.
fn count_heat(reports: &Reports, was_hot: bool, lacks_pipe: bool) {
    if !was_hot {
        reports.count(Counter::Hot);
    } else if lacks_pipe {
        reports.count(Counter::PipeMissing);
    }
}

/// A session of which an operator is told is read through the scratch, and moved as before when that is over. What is in a pipe
/// goes on first.
fn follow_tap<P: Port>(
    taps: &mut Taps,
    direction: &mut Direction,
    slot: u32,
    (protocol, now): (Protocol, Tick),
    port: &mut P,
) {
    if taps.are_on() {
        taps.drop_those_over(now);
    }
    let is_looked_at = taps.is_on(slot) || Watch::is_due(protocol);
    match (is_looked_at, direction.mode) {
        (true, Mode::Copy | Mode::Hot) if direction.in_pipe == 0 => {
            copy::release_pipe(port, direction);
            direction.mode = Mode::Watched;
        }
        (false, Mode::Watched) => direction.mode = Mode::Copy,
        (true, _) | (false, Mode::Copy | Mode::Hot) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_stall_1_what_a_backend_may_hold_is_bounded_before_much_is_moved_and_once() {
        const BOUNDED: u64 = limits::RELAY_BOUNDED_BYTES;
        const PROVEN: u64 = limits::RELAY_PROVEN_BYTES;
        for (source, before, now, needed) in [
            (Side::Backend, 0, BOUNDED - 1, None),
            (Side::Backend, BOUNDED - 1, BOUNDED, Some(Need::FirstReceiveBuffer)),
            (Side::Backend, BOUNDED, PROVEN - 1, None),
            (Side::Backend, PROVEN - 1, PROVEN, Some(Need::WholeReceiveBuffer)),
            (Side::Backend, 0, 2 * PROVEN, Some(Need::WholeReceiveBuffer)),
            (Side::Backend, PROVEN, 2 * PROVEN, None),
            (Side::Client, 0, BOUNDED, Some(Need::UnsentBound)),
            (Side::Client, BOUNDED, 2 * PROVEN, None),
            (Side::Client, 5, 5, None),
        ] {
            assert_eq!(need(source, before, now), needed, "{source:?} {before} {now}");
        }
    }
}
