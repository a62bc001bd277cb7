//! Sessions over TLS: handshakes, and sealed bytes on their way to and from whoever speaks there (`heard`). A relay has
//! its own way (`relay::sealed`).

use std::sync::Arc;

use crate::auth::verdict::Certificate;
use crate::limits;
use crate::names::Protocol;
use crate::ring::port::{IoFault, Port};
use crate::share::counters::Counter;
use crate::tls::{Asked, Engine, Established, Fault};

use super::core::Worker;
use super::heard::Heard;
use super::io::socket::Side;
use super::tls::channel::{Channel, PANICKED, lent};
use super::tls::read::UNREAD;

impl<P: Port> Worker<P> {
    pub(super) fn channel(&mut self, slot: u32, side: Side) -> Option<&mut Channel> {
        self.slots.get_mut(slot)?.tls.as_mut()?.channel(side).as_mut()
    }

    /// Whether bytes of this side go through TLS, if only its handshake.
    pub(super) fn is_secured(&mut self, slot: u32, side: Side) -> bool {
        self.channel(slot, side).is_some()
    }

    fn install(&mut self, slot: u32, side: Side, channel: Channel) {
        if let Some(connection) = self.slots.get_mut(slot) {
            *connection.tls.get_or_insert_default().channel(side) = Some(channel);
        }
    }

    /// Forgets the TLS session of a side that is closed.
    pub(super) fn forget_tls(&mut self, slot: u32, side: Side) {
        if let Some(tls) = self.slots.get_mut(slot).and_then(|connection| connection.tls.as_mut()) {
            *tls.channel(side) = None;
        }
    }

    // === Beginning ===

    /// Whether a client's bytes came in clear where none may: behind a command that begins TLS, before its go-ahead is sent
    /// (W-STLS-1, W-STLS-2). They were on their way while the command was read, so one look at the socket finds them.
    pub(super) fn is_injected(&mut self, slot: u32) -> bool {
        let Some(fd) =
            self.slots.get_mut(slot).and_then(|kept| kept.sockets.of_mut(Side::Client).fd())
        else {
            return false;
        };
        matches!(self.io.port.recv(fd, &mut [0]), Ok(1..))
    }

    /// Begins our side of a client's handshake; the word for the log when that is no use. `early`: its first bytes.
    pub(super) fn secure_client(
        &mut self,
        slot: u32,
        protocol: Protocol,
        asked: Asked,
        early: &[u8],
    ) -> Option<&'static str> {
        let servers = self.rooms.tls.context().servers.as_ref();
        let engine = servers.and_then(|servers| Engine::server(servers, protocol, asked));
        let Some(engine) = engine else {
            return Some("no certificate to show");
        };
        self.install(slot, Side::Client, Channel::new(engine));
        if early.is_empty() {
            return None;
        }
        let mut early = early.to_vec();
        self.open(slot, Side::Client, &mut early).map(|fault| fault.word)
    }

    /// Begins our side of the handshake with a backend; the fault when that is no use. What waits in the kernel already, behind
    /// a go-ahead or before any word of ours, goes to the engine like all that comes, and is no TLS (W-BTLS-2, W-BTLS-3).
    pub(super) fn secure_backend(
        &mut self,
        slot: u32,
        name: &Arc<str>,
        certificate: Certificate,
    ) -> Option<Fault> {
        let mut hello = lent(&mut self.rooms.tls.buffers.reply);
        let any = certificate == Certificate::Any;
        let engine = Engine::client(self.rooms.tls.backends(), name, any, &mut hello);
        let outcome = match engine {
            Ok(engine) => {
                self.send_raw(slot, Side::Backend, &hello);
                self.install(slot, Side::Backend, Channel::new(engine));
                None
            }
            Err(fault) => Some(fault),
        };
        hello.clear();
        self.rooms.tls.buffers.reply = hello;
        outcome
    }

    // === Reading ===

    /// One read of a side with TLS; `true` when another may find more.
    pub(super) fn read_sealed(&mut self, slot: u32, side: Side) -> bool {
        if let Some(again) = self.deliver_opened(slot, side) {
            return again;
        }
        if !self.may_read_sealed(slot, side) {
            return false;
        }
        let mut buffer = std::mem::take(&mut self.rooms.tls.buffers.read);
        let found = self.read_and_open(slot, side, &mut buffer);
        // Back before anybody hears of it: the session's answer may start the relay, which needs it.
        self.rooms.tls.buffers.read = buffer;
        match found {
            Found::Nothing => return false,
            Found::End => self.sealed_end(slot, side),
            Found::Broken(fault) => self.hear(slot, Heard::Broken(fault)),
            Found::Opened { fault, again } => {
                self.opened(slot, side, fault);
                // What came may have filled the room, or be the last.
                return self.deliver_opened(slot, side).unwrap_or(again);
            }
        }
        false
    }

    /// Tells opened bytes that wait to be told, then their end. `None`: it has everything.
    fn deliver_opened(&mut self, slot: u32, side: Side) -> Option<bool> {
        let room = self.room(slot);
        let channel = self.channel(slot, side)?;
        if channel.opened.is_empty() {
            if !channel.engine.has_ended() || std::mem::replace(&mut channel.end_told, true) {
                return None;
            }
            self.hear(slot, Heard::End);
            return Some(false);
        }
        if room == 0 {
            self.pause(slot, side);
            return Some(false);
        }
        let mut piece = lent(&mut self.rooms.tls.buffers.piece);
        if let Some(channel) = self.channel(slot, side) {
            channel.take_opened(room, false, &mut piece);
        }
        self.hear(slot, Heard::Bytes(&piece));
        self.rooms.tls.buffers.piece = piece;
        Some(true)
    }

    /// Handshakes need no room, but time: relays wait behind them.
    fn may_read_sealed(&mut self, slot: u32, side: Side) -> bool {
        let room = self.room(slot);
        let Some(channel) = self.channel(slot, side) else {
            return false;
        };
        if channel.engine.is_handshaking() {
            if !self.is_wanted(slot) {
                return false;
            }
            if self.rooms.tls.steps == 0 {
                if !self.io.rereads.contains(&(slot, side)) {
                    self.io.rereads.push_back((slot, side));
                }
                return false;
            }
            self.rooms.tls.steps -= 1;
            return true;
        }
        if room == 0 {
            self.pause(slot, side);
        }
        room > 0
    }

    fn read_and_open(&mut self, slot: u32, side: Side, buffer: &mut [u8]) -> Found {
        let most = limits::SCRATCH_BYTES;
        let Some(channel) = self.channel(slot, side) else {
            return Found::Nothing;
        };
        let start = channel.engine.lay_stash(buffer);
        let Some(connection) = self.slots.get_mut(slot) else {
            return Found::Nothing;
        };
        let socket = connection.sockets.of_mut(side);
        socket.paused = false;
        socket.drained = false;
        let hangup = socket.hangup;
        let space = buffer.get_mut(start..start + most);
        let (Some(fd), Some(space)) = (socket.fd(), space) else {
            return Found::Nothing;
        };
        match self.io.port.recv(fd, space) {
            Ok(0) => Found::End,
            Ok(read) => {
                socket.drained = read < most && !hangup;
                let bytes = buffer.get_mut(..start + read).unwrap_or_default();
                let fault = self.open(slot, side, bytes);
                Found::Opened { fault, again: hangup || read == most }
            }
            Err(IoFault::WouldBlock) => {
                socket.drained = true;
                Found::Nothing
            }
            Err(fault) => Found::Broken(fault),
        }
    }

    /// The socket's end: with a goodbye before it, without one (W-TLS-6), or in the middle of a handshake.
    fn sealed_end(&mut self, slot: u32, side: Side) {
        let Some(channel) = self.channel(slot, side) else {
            return;
        };
        let is_handshaking = channel.engine.is_handshaking();
        if std::mem::replace(&mut channel.end_told, true) {
            return;
        }
        let heard = if side == Side::Backend && is_handshaking {
            Heard::Insecure(Fault::of("closed in the TLS handshake"))
        } else {
            Heard::End
        };
        self.hear(slot, heard);
    }

    /// Opens what a peer sent: plain bytes wait in its channel, what TLS has to answer is sent.
    fn open(&mut self, slot: u32, side: Side, bytes: &mut [u8]) -> Option<Fault> {
        let mut reply = lent(&mut self.rooms.tls.buffers.reply);
        let mut plain = lent(&mut self.rooms.tls.buffers.plain);
        let outcome = self.channel(slot, side).map(|channel| {
            let outcome = channel.open(bytes, &mut plain, &mut reply);
            channel.opened.extend_from_slice(&plain);
            outcome
        });
        let is_answer = !reply.is_empty();
        if is_answer {
            self.send_raw(slot, side, &reply);
            reply.clear();
        }
        plain.clear();
        self.rooms.tls.buffers.reply = reply;
        self.rooms.tls.buffers.plain = plain;
        if is_answer && self.unsent_bytes(slot, side) > limits::TLS_UNSENT_BYTES_MAX {
            return Some(Fault::of(UNREAD));
        }
        outcome?.err()
    }

    /// Tells what opening a peer's bytes changed; the bytes themselves follow.
    fn opened(&mut self, slot: u32, side: Side, fault: Option<Fault>) {
        if let Some(fault) = fault {
            self.rooms.reports.count(Counter::TlsFailed);
            self.rooms.reports.add(Counter::Panicked, u64::from(fault.word == PANICKED));
            return self.hear(slot, Heard::Insecure(fault));
        }
        let Some(channel) = self.channel(slot, side) else {
            return;
        };
        if channel.engine.is_handshaking() || std::mem::replace(&mut channel.told, true) {
            return;
        }
        let established = channel.engine.established();
        self.rooms.reports.count(Counter::TlsHandshakes);
        self.rooms.reports.add(Counter::TlsResumed, u64::from(established.resumed));
        let Established { server_name, .. } = established;
        self.hear(slot, Heard::Secured { server_name });
    }

    // === Sending ===

    /// Sends bytes, sealed if their side has TLS. While a handshake is under way nothing may go in clear, and
    /// there is nothing else to send.
    pub(super) fn send_or_keep(&mut self, slot: u32, side: Side, bytes: &[u8]) {
        if !self.is_secured(slot, side) {
            return self.send_raw(slot, side, bytes);
        }
        self.seal_and_send(slot, side, |channel, sealed| {
            channel.engine.seal(bytes, sealed).is_ok()
        });
    }

    /// The session is over: what follows its last bytes is the end and nothing else.
    pub(super) fn say_goodbye(&mut self, slot: u32) {
        self.seal_and_send(slot, Side::Client, |channel, sealed| {
            channel.engine.close(sealed);
            !sealed.is_empty()
        });
    }

    fn seal_and_send(
        &mut self,
        slot: u32,
        side: Side,
        seal: impl FnOnce(&mut Channel, &mut Vec<u8>) -> bool,
    ) {
        let mut sealed = lent(&mut self.rooms.tls.buffers.sealed);
        if self.channel(slot, side).is_some_and(|channel| seal(channel, &mut sealed)) {
            self.send_raw(slot, side, &sealed);
        }
        sealed.clear();
        self.rooms.tls.buffers.sealed = sealed;
    }

    fn pause(&mut self, slot: u32, side: Side) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let socket = connection.sockets.of_mut(side);
        socket.paused = true;
        socket.drained = false;
        // Nobody reads now, so no read would tell (W-PIPE-6).
        if side == Side::Client && socket.broken {
            self.hear(slot, Heard::Broken(IoFault::Reset));
        }
    }
}

/// What a read of sealed bytes came to.
enum Found {
    Nothing,
    End,
    Broken(IoFault),
    Opened { fault: Option<Fault>, again: bool },
}
