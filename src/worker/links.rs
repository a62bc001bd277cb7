//! Backend connections of LMTP sessions: made, fed, listened to and ended for the slot that owns them.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::lmtp::{Input, LinkId};
use crate::ring::port::{IoFault, Kind, Port, ReceiveBuffer, Token};
use crate::share::counters::Counter;

use super::connection::{Connection, Phase, Side, Socket};
use super::drive::SESSION_READ_BYTES;
use super::hosts::Ended;
use super::lmtp::{Link, READS_PER_TURN, filled_in};
use super::pump::word;
use super::run::Worker;

impl<P: Port> Worker<P> {
    pub(super) fn connect_link(
        &mut self,
        slot: u32,
        link: LinkId,
        to: SocketAddr,
    ) -> Result<(), &'static str> {
        let connection = Connection {
            client: Socket::default(),
            backend: Socket::default(),
            tls: None,
            phase: Phase::Link(Link { parent: slot, number: link }),
        };
        let Ok((child, generation)) = self.slots.insert(connection) else {
            return Err("connections_per_core_max is reached");
        };
        if !self.hosts.begin(child, to, false, self.now) {
            self.counters.add(Counter::FailedFast, 1);
            self.slots.remove(child);
            return Err("the address has been failing, and another connect to it is under way");
        }
        let from = self.sources.next(to);
        let fd = match self.port.socket(to, from) {
            Ok(fd) => fd,
            Err(fault) => {
                self.hosts.end(child, Ended::Unknown, self.now);
                self.slots.remove(child);
                return Err(word(fault));
            }
        };
        if let Some(connection) = self.slots.get_mut(child) {
            connection.backend = Socket::open(fd);
            connection.backend.connecting = true;
        }
        self.port.connect(fd, to, Token { slot: child, generation, kind: Kind::Connect });
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
            self.hosts.late(child, self.now);
            self.abort(child);
        }
    }

    /// The connect of a link ended, one way or the other.
    pub(super) fn link_connected(&mut self, child: u32, link: Link, result: Result<(), IoFault>) {
        let input = match result {
            Ok(()) => {
                if let Some(fd) = self.slots.get(child).and_then(|kept| kept.backend.fd()) {
                    self.port.receive_buffer(fd, ReceiveBuffer::First);
                }
                self.arm_poll(child, Side::Backend);
                Input::Connected(link.number)
            }
            Err(fault) => Input::Broken(link.number, word(fault)),
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
        let now = self.now;
        let child = self.mail(slot).and_then(|mail| mail.child(link));
        let Some(connection) = child.and_then(|child| self.slots.get(child)) else { return false };
        let socket = &connection.backend;
        let (Some(child), Some(fd)) = (child, socket.fd()) else { return false };
        if socket.connecting || socket.awaiting_room {
            return false;
        }
        let mut scratch = filled_in(std::mem::take(&mut self.link_scratch));
        let mut took = false;
        while let Some(mail) = self.mail(slot) {
            let count = mail.session.fill(link, &mut scratch);
            if count == 0 {
                break;
            }
            let sent = self.port.send(fd, scratch.get(..count).unwrap_or_default());
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
                    next.push_back(Input::Broken(link, word(fault)));
                    break;
                }
            }
        }
        self.link_scratch = scratch;
        took
    }

    /// A backend takes bytes again.
    pub(super) fn link_writable(&mut self, link: Link) {
        self.lmtp_input(link.parent, Input::BackendTook);
    }

    /// Reads what a backend has said.
    pub(super) fn read_link(&mut self, child: u32) {
        let mut scratch = std::mem::take(&mut self.session_scratch);
        let mut reads = 0;
        while reads < READS_PER_TURN && self.read_link_once(child, &mut scratch) {
            reads += 1;
        }
        self.session_scratch = scratch;
        if reads == READS_PER_TURN && !self.rereads.contains(&(child, Side::Backend)) {
            self.rereads.push_back((child, Side::Backend));
        }
    }

    fn read_link_once(&mut self, child: u32, scratch: &mut [u8]) -> bool {
        let Some(connection) = self.slots.get_mut(child) else { return false };
        let Phase::Link(link) = connection.phase else { return false };
        let socket = &mut connection.backend;
        let hangup = socket.hangup;
        let Some(fd) = socket.fd() else { return false };
        let room = self.mail(link.parent).map_or(0, |mail| mail.session.link_room(link.number));
        let Some(space) = scratch.get_mut(..room.min(SESSION_READ_BYTES)) else { return false };
        // A link that takes nothing is about to be dropped: replies are read as they come.
        if space.is_empty() {
            return false;
        }
        let all = space.len();
        let input = match self.port.recv(fd, space) {
            Ok(0) => Input::BackendEnd(link.number),
            Ok(read) => {
                let bytes = scratch.get(..read).unwrap_or_default();
                self.lmtp_input(link.parent, Input::Backend(link.number, bytes));
                return hangup || read == all;
            }
            Err(IoFault::WouldBlock) => return false,
            Err(fault) => Input::Broken(link.number, word(fault)),
        };
        self.lmtp_input(link.parent, input);
        false
    }
}
