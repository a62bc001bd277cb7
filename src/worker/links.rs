//! Backend connections of LMTP sessions: made, fed, listened to and ended for the slot that owns them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::auth::verdict::Certificate;
use crate::lmtp::{Input, LinkId};
use crate::ring::port::{IoFault, Port, ReceiveBuffer};
use crate::share::counters::Counter;
use crate::tls::Fault;

use super::backends::connect::NotMade;
use super::backends::endpoints::Try;
use super::connection::{Connection, Phase};
use super::core::Worker;
use super::heard::Heard;
use super::io::socket::{Side, Sockets};
use super::lmtp::{Link, READS_PER_TURN, Way, filled_in};
use super::tls::channel::lent;

impl<P: Port> Worker<P> {
    pub(super) fn connect_link(
        &mut self,
        slot: u32,
        link: LinkId,
        to: SocketAddr,
    ) -> Result<(), &'static str> {
        let way = Way { parent: slot, number: link };
        let phase = Phase::Link(Link { way, unsent: Vec::new() });
        let connection = Connection::new(Sockets::default(), phase);
        let Ok((child, generation)) = self.slots.insert(connection) else {
            return Err("connections_per_core_max is reached");
        };
        let connection = self.slots.get_mut(child).ok_or("its slot is gone")?;
        let (mut line, _) = connection.split(&mut self.io, child, generation);
        if let Err(why) = self.rooms.backends.connect(&mut line, to, Try::First) {
            self.slots.remove(child);
            return Err(match why {
                NotMade::FailsFast => {
                    self.rooms.reports.count(Counter::FailedFast);
                    "the address has been failing, and another connect to it is under way"
                }
                NotMade::Fault(fault) => fault.word(),
            });
        }
        if let Some(mail) = self.mail(slot) {
            let at = usize::from(link.0);
            if at >= mail.children.len() {
                mail.children.resize(at.saturating_add(1), None);
            }
            if let Some(place) = mail.children.get_mut(at) {
                *place = Some(child);
            }
        }
        Ok(())
    }

    /// Last words, as far as they go now, and the end.
    pub(super) fn drop_link(&mut self, slot: u32, link: LinkId) {
        // Nobody is left to be told if they do not arrive.
        self.send_to_backend(slot, link, &mut VecDeque::new());
        let Some(mail) = self.mail(slot) else { return };
        mail.session.forget(link);
        let place = mail.children.get_mut(usize::from(link.0));
        if let Some(child) = place.and_then(Option::take) {
            self.rooms.backends.give_up(child, self.io.now);
            self.part_link(child);
            self.release(child);
        }
    }

    /// The connect of a link ended, one way or the other.
    pub(super) fn link_connected(&mut self, child: u32, link: Way, result: Result<(), IoFault>) {
        let input = match result {
            Ok(()) => {
                if let Some(fd) = self.slots.get(child).and_then(|kept| kept.sockets.backend.fd()) {
                    self.io.port.receive_buffer(fd, ReceiveBuffer::First);
                }
                self.arm_poll(child, Side::Backend);
                Input::Connected(link.number)
            }
            Err(fault) => Input::Broken(link.number, fault.word()),
        };
        self.lmtp_input(link.parent, input);
    }

    /// Sends every backend what it is due; whether any of them took something.
    pub(super) fn send_to_backends(
        &mut self,
        slot: u32,
        next: &mut VecDeque<Input<'static>>,
    ) -> bool {
        let Some(mail) = self.mail(slot) else { return false };
        let links: Vec<LinkId> = mail.session.links().collect();
        let mut took = false;
        for link in links {
            took |= self.send_to_backend(slot, link, next);
        }
        took
    }

    fn send_to_backend(
        &mut self,
        slot: u32,
        link: LinkId,
        next: &mut VecDeque<Input<'static>>,
    ) -> bool {
        let now = self.io.now;
        let child = self.mail(slot).and_then(|mail| mail.child(link));
        let Some(connection) = child.and_then(|child| self.slots.get(child)) else { return false };
        let socket = &connection.sockets.backend;
        let (Some(child), Some(fd)) = (child, socket.fd()) else { return false };
        if socket.connecting || socket.awaiting_room {
            return false;
        }
        if self.is_secured(child, Side::Backend) {
            return self.seal_to_backend(slot, link, child, next);
        }
        let mut scratch = filled_in(std::mem::take(&mut self.rooms.lmtp.link));
        let mut took = false;
        while let Some(mail) = self.mail(slot) {
            let count = mail.session.fill(link, &mut scratch);
            if count == 0 {
                break;
            }
            let sent = self.io.port.send(fd, scratch.get(..count).unwrap_or_default());
            let taken = *sent.as_ref().unwrap_or(&0);
            if let Some(mail) = self.mail(slot) {
                mail.session.sent(now, link, taken);
            }
            took |= taken > 0;
            match sent {
                Ok(taken) if taken == count => {}
                Ok(_) | Err(IoFault::WouldBlock) => {
                    self.await_room(child, Side::Backend);
                    break;
                }
                Err(fault) => {
                    next.push_back(Input::Broken(link, fault.word()));
                    break;
                }
            }
        }
        self.rooms.lmtp.link = scratch;
        took
    }

    /// A backend takes bytes again.
    pub(super) fn link_writable(&mut self, child: u32) {
        let Some(connection) = self.slots.get_mut(child) else { return };
        let fd = connection.sockets.backend.fd();
        let Phase::Link(link) = &mut connection.phase else { return };
        let way = link.way;
        if let Some(fd) = fd.filter(|_| !link.unsent.is_empty()) {
            match self.io.port.send(fd, &link.unsent) {
                Ok(sent) => link.unsent = link.unsent.split_off(sent.min(link.unsent.len())),
                Err(IoFault::WouldBlock) => {}
                Err(fault) => {
                    return self.lmtp_input(way.parent, Input::Broken(way.number, fault.word()));
                }
            }
            let is_left = !link.unsent.is_empty();
            let now = self.io.now;
            if let Some(mail) = self.mail(way.parent) {
                mail.session.moved(now, way.number);
            }
            if is_left {
                return self.await_room(child, Side::Backend);
            }
        }
        self.lmtp_input(way.parent, Input::BackendTook);
    }

    /// Reads what a backend has said.
    pub(super) fn read_link(&mut self, child: u32) {
        let mut scratch = filled_in(std::mem::take(&mut self.rooms.lmtp.replies));
        let mut reads = 0;
        while reads < READS_PER_TURN && self.read_link_once(child, &mut scratch) {
            reads += 1;
        }
        self.rooms.lmtp.replies = scratch;
        if reads == READS_PER_TURN && !self.io.rereads.contains(&(child, Side::Backend)) {
            self.io.rereads.push_back((child, Side::Backend));
        }
    }

    fn read_link_once(&mut self, child: u32, scratch: &mut [u8]) -> bool {
        if self.is_secured(child, Side::Backend) {
            return self.read_sealed(child, Side::Backend);
        }
        let Some(connection) = self.slots.get_mut(child) else { return false };
        let Phase::Link(Link { way: link, .. }) = connection.phase else { return false };
        let socket = &mut connection.sockets.backend;
        let hangup = socket.hangup;
        let Some(fd) = socket.fd() else { return false };
        let room = self.link_room(link);
        let Some(space) = scratch.get_mut(..room.min(LINK_READ_BYTES)) else { return false };
        // A link that takes nothing is about to be dropped: replies are read as they come.
        if space.is_empty() {
            return false;
        }
        let all = space.len();
        let input = match self.io.port.recv(fd, space) {
            Ok(0) => Input::BackendEnd(link.number),
            Ok(read) => {
                let bytes = scratch.get(..read).unwrap_or_default();
                self.lmtp_input(link.parent, Input::Backend(link.number, bytes));
                return hangup || read == all;
            }
            Err(IoFault::WouldBlock) => return false,
            Err(fault) => Input::Broken(link.number, fault.word()),
        };
        self.lmtp_input(link.parent, input);
        false
    }

    /// How many bytes of a backend its session takes now.
    pub(super) fn link_room(&self, link: Way) -> usize {
        match self.slots.get(link.parent).map(|connection| &connection.phase) {
            Some(Phase::Lmtp(mail)) => mail.session.link_room(link.number),
            _ => 0,
        }
    }

    // === TLS ===

    /// Begins TLS behind what is due in clear: a PROXY header, or the command for it (W-PPO-3).
    pub(super) fn secure_link(
        &mut self,
        slot: u32,
        link: LinkId,
        name: &Arc<str>,
        certificate: Certificate,
    ) -> Option<Input<'static>> {
        let now = self.io.now;
        let child = self.mail(slot)?.child(link)?;
        let mut clear = [0; CLEAR_BYTES];
        loop {
            let count = self.mail(slot)?.session.fill(link, &mut clear);
            if count == 0 {
                break;
            }
            self.send_raw(child, Side::Backend, clear.get(..count)?);
            self.mail(slot)?.session.sent(now, link, count);
        }
        let fault = self.secure_backend(child, name, certificate)?;
        let (word, is_lasting) = (fault.word, fault.is_lasting());
        Some(Input::BackendInsecure { link, word, is_lasting })
    }

    /// What a backend says by TLS.
    pub(super) fn link_hears(&mut self, way: Way, heard: Heard<'_>) {
        let link = way.number;
        let failed;
        let input = match heard {
            Heard::Secured { .. } => Input::BackendSecured(link),
            Heard::Insecure(fault) => {
                failed = fault;
                let (word, is_lasting) = (failed.detail(), failed.is_lasting());
                Input::BackendInsecure { link, word, is_lasting }
            }
            Heard::Bytes(bytes) => Input::Backend(link, bytes),
            Heard::End => Input::BackendEnd(link),
            Heard::Broken(fault) => Input::Broken(link, fault.word()),
        };
        self.lmtp_input(way.parent, input);
    }

    /// As [`Self::send_to_backend`] by TLS, a record at a time. What is sealed has left the window, whether or not the
    /// socket has taken it; the next record waits for that.
    fn seal_to_backend(
        &mut self,
        slot: u32,
        link: LinkId,
        child: u32,
        next: &mut VecDeque<Input<'static>>,
    ) -> bool {
        let mut scratch = filled_in(std::mem::take(&mut self.rooms.lmtp.link));
        let mut sealed = lent(&mut self.rooms.tls.buffers.sealed);
        let mut took = false;
        while let Some(outcome) = self.seal_once(slot, link, child, &mut scratch, &mut sealed) {
            let count = match outcome {
                Ok(count) => count,
                Err(fault) => {
                    let (word, is_lasting) = (fault.word, fault.is_lasting());
                    next.push_back(Input::BackendInsecure { link, word, is_lasting });
                    break;
                }
            };
            took |= count > 0;
            let fd = self.slots.get(child).and_then(|connection| connection.sockets.backend.fd());
            let Some(fd) = fd.filter(|_| count > 0) else { break };
            let sent = match self.io.port.send(fd, &sealed) {
                Ok(sent) => sent,
                Err(IoFault::WouldBlock) => 0,
                Err(fault) => {
                    next.push_back(Input::Broken(link, fault.word()));
                    break;
                }
            };
            let rest = sealed.get(sent..).unwrap_or_default();
            if !rest.is_empty() {
                if let Some(Phase::Link(kept)) =
                    self.slots.get_mut(child).map(|connection| &mut connection.phase)
                {
                    kept.unsent.extend_from_slice(rest);
                }
                self.await_room(child, Side::Backend);
                break;
            }
        }
        sealed.clear();
        self.rooms.tls.buffers.sealed = sealed;
        self.rooms.lmtp.link = scratch;
        took
    }

    /// Seals what a backend is due next; how much of it that was. None: there is no session, or no TLS yet or any more.
    fn seal_once(
        &mut self,
        slot: u32,
        link: LinkId,
        child: u32,
        scratch: &mut [u8],
        sealed: &mut Vec<u8>,
    ) -> Option<Result<usize, Fault>> {
        let now = self.io.now;
        if self.channel(child, Side::Backend)?.engine.is_handshaking() {
            return None;
        }
        let is_message = self.mail(slot)?.session.is_sending(link);
        let count = self.mail(slot)?.session.fill(link, scratch);
        sealed.clear();
        let bytes = scratch.get(..count)?;
        let engine = &mut self.channel(child, Side::Backend)?.engine;
        // The library stays until a message comes: by then the backend's tickets are here.
        let left = if is_message { engine.begin_relay() } else { Ok(()) };
        if let Err(fault) = left.and_then(|()| engine.seal(bytes, sealed)) {
            return Some(Err(fault));
        }
        self.mail(slot)?.session.sent(now, link, count);
        Some(Ok(count))
    }

    /// The end of a backend connection with TLS: it can tell that nothing was cut off, unless something is.
    fn part_link(&mut self, child: u32) {
        if self.unsent_bytes(child, Side::Backend) > 0 {
            return;
        }
        let fd = self.slots.get(child).and_then(|connection| connection.sockets.backend.fd());
        let mut sealed = Vec::new();
        if let Some(channel) = self.channel(child, Side::Backend) {
            channel.engine.close(&mut sealed);
        }
        if let (Some(fd), false) = (fd, sealed.is_empty()) {
            // What it does not take now it never gets.
            let _ = self.io.port.send(fd, &sealed);
        }
    }
}

/// Room for what stands before TLS: a PROXY header is no longer than 536 bytes (W-PPO-3).
const CLEAR_BYTES: usize = 1024;
/// At most this much of a backend's replies is read at once.
const LINK_READ_BYTES: usize = 4096;
