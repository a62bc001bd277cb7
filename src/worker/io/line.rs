//! One connection's way to the kernel.
//!
//! Decides: when a descriptor is closed, because it knows what the kernel still holds of it. Does not: end a connection or
//! free its slot; a handler says so by its `Next`. A line names no other connection, so no handler can touch one.

use std::net::{IpAddr, SocketAddr};

use crate::ring::port::{Fd, Half, IoFault, Kind, Need, Port, Token};
use crate::tick::Tick;

use super::super::tls::channel::{Channel, Tls};
use super::Io;
use super::heard::Heard;
use super::socket::{Side, Socket, Sockets};
use super::unsent::Unsent;

/// The sockets, the deadline and the TLS of one connection.
#[derive(Debug)]
pub(in crate::worker) struct Line<'a, P: Port> {
    pub(in crate::worker) io: &'a mut Io<P>,
    pub(in crate::worker) slot: u32,
    pub(in crate::worker) generation: u32,
    pub(in crate::worker) sockets: &'a mut Sockets,
    pub(in crate::worker) tls: &'a mut Option<Box<Tls>>,
}

impl<P: Port> Line<'_, P> {
    /// The moment of this turn.
    pub(in crate::worker) fn now(&self) -> Tick {
        self.io.now
    }

    /// The name of an operation of this connection.
    pub(in crate::worker) fn token(&self, kind: Kind) -> Token {
        Token { slot: self.slot, generation: self.generation, kind }
    }

    /// A side's descriptor, unless it is closed or being closed.
    pub(in crate::worker) fn fd(&self, side: Side) -> Option<Fd> {
        self.sockets.of(side).fd()
    }

    pub(in crate::worker) fn socket(&mut self, side: Side) -> &mut Socket {
        self.sockets.of_mut(side)
    }

    /// The TLS session of a side.
    pub(in crate::worker) fn channel(&mut self, side: Side) -> Option<&mut Channel> {
        self.tls.as_mut()?.channel(side).as_mut()
    }

    /// Whether bytes of this side go through TLS, if only its handshake.
    pub(in crate::worker) fn is_secured(&self, side: Side) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_on(side))
    }

    /// Forgets the TLS session of a side that is closed.
    pub(in crate::worker) fn forget_tls(&mut self, side: Side) {
        if let Some(tls) = self.tls.as_mut() {
            *tls.channel(side) = None;
        }
    }

    // === Waiting ===

    /// Arms the multishot poll that a socket keeps for its whole life.
    pub(in crate::worker) fn arm_poll(&mut self, side: Side) {
        let token = self.token(side.ready());
        let socket = self.sockets.of_mut(side);
        let Some(fd) = socket.fd() else { return };
        debug_assert!(!socket.polling, "a socket is polled twice");
        socket.polling = true;
        self.io.port.poll(fd, token);
    }

    /// Asks to be told once when a socket takes bytes again.
    pub(in crate::worker) fn await_room(&mut self, side: Side) {
        let token = self.token(side.writable());
        let socket = self.sockets.of_mut(side);
        let Some(fd) = socket.fd() else { return };
        if !std::mem::replace(&mut socket.awaiting_room, true) {
            self.io.port.poll_writable(fd, token);
        }
    }

    /// Reads this side again in this turn or the next: what is there has been told, and will not be told again.
    pub(in crate::worker) fn reread(&mut self, side: Side) {
        let entry = (self.slot, side);
        if !self.io.rereads.contains(&entry) {
            self.io.rereads.push_back(entry);
        }
    }

    pub(in crate::worker) fn set_deadline(&mut self, at: Tick) {
        self.io.timers.set(self.slot, at);
    }

    pub(in crate::worker) fn clear_deadline(&mut self) {
        self.io.timers.clear(self.slot);
    }

    // === Bytes ===

    /// Sends as much as the socket takes.
    pub(in crate::worker) fn send(&mut self, side: Side, bytes: &[u8]) -> Result<usize, IoFault> {
        match self.fd(side) {
            Some(fd) => self.io.port.send(fd, bytes),
            None => Err(IoFault::Reset),
        }
    }

    /// The same, where more follows at once.
    pub(in crate::worker) fn send_more(
        &mut self,
        side: Side,
        bytes: &[u8],
    ) -> Result<usize, IoFault> {
        match self.fd(side) {
            Some(fd) => self.io.port.send_more(fd, bytes),
            None => Err(IoFault::Reset),
        }
    }

    /// Sends bytes as they are, at once or with those of the core's other connections, as `unsent` has it; what the socket does
    /// not take is kept, behind what is kept already.
    pub(in crate::worker) fn send_or_keep(
        &mut self,
        side: Side,
        bytes: &[u8],
        unsent: &mut Unsent,
    ) {
        let mut sent = 0;
        if let (true, Some(fd)) = (unsent.may_send(), self.fd(side)) {
            if unsent.may_batch() && self.io.port.post(fd, self.token(side.send()), bytes) {
                return unsent.give_away(self.io.port.round());
            }
            match self.io.port.send(fd, bytes) {
                Ok(count) => sent = count,
                Err(IoFault::WouldBlock) => {}
                // A broken connection shows at the next read, which also tells how.
                Err(_) => return,
            }
        }
        if let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
            unsent.push(rest);
            self.await_room(side);
        }
    }

    /// The socket takes bytes again: sends what was kept for it.
    pub(in crate::worker) fn send_kept(
        &mut self,
        side: Side,
        unsent: &mut Unsent,
    ) -> Result<(), IoFault> {
        let Some(fd) = self.fd(side).filter(|_| !unsent.is_empty()) else { return Ok(()) };
        if !unsent.is_under_way() {
            match self.io.port.send(fd, unsent.bytes()) {
                Ok(count) => unsent.took(count),
                Err(IoFault::WouldBlock) => {}
                Err(fault) => return Err(fault),
            }
        }
        if !unsent.is_empty() {
            self.await_room(side);
        }
        Ok(())
    }

    /// One read of a side in clear, into `space`.
    pub(in crate::worker) fn read(&mut self, side: Side, space: &mut [u8]) -> Heard {
        if space.is_empty() {
            return self.pause(side);
        }
        let socket = self.sockets.of_mut(side);
        let Some(fd) = socket.fd() else { return Heard::Nothing };
        (socket.paused, socket.drained) = (false, false);
        match self.io.port.recv(fd, space) {
            Ok(0) => Heard::End,
            Ok(count) => {
                // A read that left room found everything; readiness will tell what comes later (K-RING-3).
                let more = socket.is_hung_up() || count == space.len();
                socket.drained = !more;
                Heard::Bytes { count, more }
            }
            Err(IoFault::WouldBlock) => {
                socket.drained = true;
                Heard::Nothing
            }
            Err(fault) => Heard::Broken(fault),
        }
    }

    /// Reading stops, although something may be there. Then no read would tell that a client's connection broke, so this
    /// does (W-PIPE-6); what a broken backend has sent before is still worth reading.
    pub(in crate::worker) fn pause(&mut self, side: Side) -> Heard {
        let socket = self.sockets.of_mut(side);
        if socket.fd().is_none() {
            return Heard::Nothing;
        }
        (socket.paused, socket.drained) = (true, false);
        match side {
            Side::Client if socket.is_broken() => Heard::Broken(IoFault::Reset),
            Side::Client | Side::Backend => Heard::Nothing,
        }
    }

    /// Takes a byte that has come where none may be: in clear, behind a command that begins TLS and before its go-ahead is
    /// sent (W-STLS-1, W-STLS-2). It was on its way while the command was read, so one look at the socket finds it.
    pub(in crate::worker) fn take_injected(&mut self) -> bool {
        self.fd(Side::Client).is_some_and(|fd| matches!(self.io.port.recv(fd, &mut [0]), Ok(1..)))
    }

    // === Beginning and ending ===

    /// Opens a socket towards a backend and asks for its connection.
    pub(in crate::worker) fn connect(
        &mut self,
        to: SocketAddr,
        from: Option<IpAddr>,
    ) -> Result<(), IoFault> {
        debug_assert!(!self.sockets.backend.is_open(), "the former backend is not closed yet");
        let fd = self.io.port.socket(to, from)?;
        self.sockets.backend = Socket::open(fd);
        self.sockets.backend.connecting = true;
        let token = self.token(Kind::Connect);
        self.io.port.connect(fd, to, token);
        Ok(())
    }

    /// From now on probes tell when the backend is dead without a word.
    pub(in crate::worker) fn probe_backend(&mut self) {
        self.sockets.backend.is_probed = true;
        self.prepare_backend(Need::Probes);
    }

    /// Gives the connection to the backend what it needs from now on.
    pub(in crate::worker) fn prepare_backend(&mut self, need: Need) {
        if let Some(fd) = self.fd(Side::Backend) {
            self.io.port.prepare(fd, need);
        }
    }

    /// Closes our half; the peer may still send.
    pub(in crate::worker) fn shutdown(&mut self, side: Side) {
        if let Some(fd) = self.fd(side) {
            self.io.port.shutdown(fd, Half::Write);
        }
    }

    /// The peer is to hear that the connection broke.
    pub(in crate::worker) fn reset_on_close(&mut self, side: Side) {
        if let Some(fd) = self.fd(side) {
            self.io.port.reset_on_close(fd);
        }
    }

    /// Closes a socket: at once when the kernel holds nothing of it, else as soon as everything is returned.
    pub(in crate::worker) fn close(&mut self, side: Side) {
        let socket = self.sockets.of_mut(side);
        if socket.closing || !socket.is_open() {
            return;
        }
        socket.closing = true;
        let armed = [
            (socket.polling, side.ready()),
            (socket.awaiting_room, side.writable()),
            (socket.connecting, Kind::Connect),
        ];
        for (_, kind) in armed.into_iter().filter(|(is_armed, _)| *is_armed) {
            let token = self.token(kind);
            self.io.port.cancel(token);
        }
        self.close_if_returned(side);
    }

    /// Closes a socket whose end was asked for, when the kernel holds nothing of it any more. Whether it is closed.
    pub(in crate::worker) fn close_if_returned(&mut self, side: Side) -> bool {
        let Some(fd) = self.sockets.of_mut(side).take_if_returned() else { return false };
        self.io.port.close(fd);
        true
    }
}
