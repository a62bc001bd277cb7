//! LMTP sessions of a core: one client's slot, and a slot for each backend connection that points to it.
//!
//! Backend connections are slots like any other, with a socket on the backend's side only, so that nothing that travels
//! through the ring has to know about them, and connections without LMTP are no larger for it. The client's slot owns
//! them: it makes and ends them, and its session's deadline is the only one.
//!
//! Bytes pass through two scratches of the core: read from the client into the session's window, and from there, as each
//! backend takes them, into its socket. What a socket does not take stays in the window, so no backend has a buffer; but
//! with TLS, where it is sealed and cannot be sealed again, a record of it waits.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::facts::ClientFacts;
use crate::limits;
use crate::lmtp::{Input, LinkId, Lmtp, Outbox, Wish};
use crate::names::Protocol;
use crate::ring::port::{IoFault, Port};
use crate::share::visitors::Pass;
use crate::tick::Tick;
use crate::tls::Asked;

use super::accept::listener::Arrival;
use super::chance::Chance;
use super::connection::Phase;
use super::core::Worker;
use super::heard::Heard;
use super::io::socket::Side;
use super::login::look_ups::{Asker, Asking, Found};
use super::next::Next;
use super::settings::WorkerSettings;
use super::signal::Signal;

/// An LMTP session, with what only the shell needs.
#[derive(Debug)]
pub(super) struct Mail {
    pub(super) session: Lmtp,
    /// Whether the client is asked for a certificate when TLS begins.
    asked: Asked,
    /// Replies that the client's socket did not take; sealed, where TLS stands.
    pub(super) unsent: Vec<u8>,
    /// The slots of the backend connections, by number.
    pub(super) children: Vec<Option<u32>>,
    /// A question under way at the control core.
    pub(super) asking: Asking,
    /// Places among the connections of its listener and of its address prefix, where they are counted.
    _pass: Pass,
    address: Option<Pass>,
    /// Whether the client's address has been let in; it is known when a PROXY header has been read.
    is_admitted: bool,
    /// Close as soon as everything for the client is sent.
    pub(super) finishing: bool,
    /// Until when the client has to take its last replies.
    last_bytes_by: Option<Tick>,
}

/// A backend connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) way: Way,
    /// Of what goes by TLS, and in clear right before it, what the socket did not take: no more than one record, because
    /// nothing is sealed while something is here.
    pub(super) unsent: Vec<u8>,
}

/// A backend connection's way to its session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) parent: u32,
    pub(super) number: LinkId,
}

/// Buffers of a core that bytes of LMTP pass through.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Bytes of clients, made by the first of them, and from there to backends: apart from each other and from the rest,
    /// because one leads to the other and to the end of a connection.
    pub(super) client: Box<[u8]>,
    pub(super) link: Box<[u8]>,
    /// Replies of backends.
    pub(super) replies: Box<[u8]>,
}

impl Mail {
    /// An LMTP connection was accepted.
    pub(super) fn new(
        arrival: Arrival,
        settings: &WorkerSettings,
        chance: &mut Chance,
        now: Tick,
    ) -> Self {
        let facts = arrival.facts(settings, chance, now);
        let facts = ClientFacts { ttl: limits::LMTP_PROXY_TTL, ..facts };
        let Arrival { header, tls, asked, pass, .. } = arrival;
        let session = Lmtp::new(Arc::clone(&settings.lmtp), facts, header, now);
        Self {
            session: if tls { session.behind_tls() } else { session },
            asked,
            unsent: Vec::new(),
            children: Vec::new(),
            asking: Asking::default(),
            _pass: pass,
            address: None,
            is_admitted: false,
            finishing: false,
            last_bytes_by: None,
        }
    }

    pub(super) fn children(&self) -> Vec<u32> {
        self.children.iter().flatten().copied().collect()
    }

    /// How many client bytes are taken now.
    pub(super) fn room(&self) -> usize {
        if self.finishing { 0 } else { self.session.client_room() }
    }

    pub(super) fn child(&self, link: LinkId) -> Option<u32> {
        *self.children.get(usize::from(link.0))?
    }
}

impl<P: Port> Worker<P> {
    /// Something happened to an LMTP client or to one of its backend connections.
    pub(super) fn tell_lmtp(&mut self, slot: u32, signal: Signal) {
        let link = match self.slots.get(slot).map(|connection| &connection.phase) {
            Some(Phase::Link(link)) => Some(link.way),
            _ => None,
        };
        match (signal, link) {
            (Signal::Accepted, _) => self.lmtp_input(slot, Input::Begin),
            (Signal::Readable(_), None) => self.read_lmtp(slot),
            (Signal::Readable(_), Some(_)) => self.read_link(slot),
            (Signal::Writable(_), None) => self.send_kept_replies(slot),
            (Signal::Writable(_), Some(_)) => self.link_writable(slot),
            (Signal::Connected(result), Some(way)) => self.link_connected(slot, way, result),
            (Signal::Deadline, None) => self.lmtp_deadline(slot),
            (Signal::Answered(question, answer), None) => {
                let (now, generation) = (self.io.now, self.slots.generation(slot).unwrap_or(0));
                let Some(Phase::Lmtp(mail)) =
                    self.slots.get_mut(slot).map(|connection| &mut connection.phase)
                else {
                    return;
                };
                let asker = Asker { asking: &mut mail.asking, slot, generation };
                let found = self.rooms.look_ups.answered(asker, question, answer, now);
                if let Some(Found::Route(answer)) = found {
                    self.lmtp_input(slot, Input::Route(answer));
                }
            }
            (Signal::Shutdown, None) => self.lmtp_input(slot, Input::Shutdown),
            _ => {}
        }
    }

    pub(super) fn arm_poll(&mut self, slot: u32, side: Side) {
        if let Some((mut line, _)) = self.line(slot) {
            line.arm_poll(side);
        }
    }

    pub(super) fn await_room(&mut self, slot: u32, side: Side) {
        if let Some((mut line, _)) = self.line(slot) {
            line.await_room(side);
        }
    }

    pub(super) fn close_side(&mut self, slot: u32, side: Side) {
        if let Some((mut line, _)) = self.line(slot) {
            line.close(side);
        }
    }

    /// Gives the session one input, carries out its wishes, moves bytes, and goes on with what came of that at once.
    pub(super) fn lmtp_input(&mut self, slot: u32, input: Input<'_>) {
        let mut next = VecDeque::new();
        self.one_lmtp_input(slot, input, &mut next);
        while let Some(input) = next.pop_front() {
            self.one_lmtp_input(slot, input, &mut next);
        }
        if !self.is_sender_admitted(slot) {
            self.one_lmtp_input(slot, Input::Crowded, &mut next);
        }
        self.after_lmtp(slot);
    }

    /// Whether the client's address may have this connection, asked once, as soon as the address is known.
    fn is_sender_admitted(&mut self, slot: u32) -> bool {
        let now = self.io.now;
        let Some(Phase::Lmtp(mail)) =
            self.slots.get_mut(slot).map(|connection| &mut connection.phase)
        else {
            return true;
        };
        if mail.is_admitted || !mail.session.is_identified() {
            return true;
        }
        mail.is_admitted = true;
        let Some(address) = mail.session.visitor() else { return true };
        mail.address = self.rooms.door.enter_from(address, now);
        mail.address.is_some()
    }

    fn one_lmtp_input(&mut self, slot: u32, input: Input<'_>, next: &mut VecDeque<Input<'static>>) {
        let now = self.io.now;
        let Some(mail) = self.mail(slot) else { return };
        let mut outbox = Outbox::new();
        let session = &mut mail.session;
        // Pure code owns no descriptor, lock or kernel-lent memory, so its state may be dropped half-changed.
        let outcome = catch_unwind(AssertUnwindSafe(|| session.on(now, input, &mut outbox)));
        if outcome.is_err() {
            self.rooms.reports.panicked();
            return self.release(slot);
        }
        if outbox.gives_go_ahead() && self.is_injected(slot) {
            outbox.withdraw_go_ahead();
            next.push_back(Input::ClientInjected);
        }
        if !outbox.to_client.is_empty() {
            self.send_or_keep(slot, Side::Client, &outbox.to_client);
        }
        for wish in outbox.take_wishes() {
            self.lmtp_wish(slot, wish, next);
        }
        if self.send_to_backends(slot, next) {
            next.push_back(Input::BackendTook);
        }
        self.lmtp_took(slot, next);
    }

    fn lmtp_took(&mut self, slot: u32, next: &mut VecDeque<Input<'static>>) {
        let Some(mail) = self.mail(slot) else { return };
        if next.is_empty() && mail.session.is_stalled() && mail.unsent.is_empty() {
            next.push_back(Input::ClientTook);
        }
    }

    fn lmtp_wish(&mut self, slot: u32, wish: Wish, next: &mut VecDeque<Input<'static>>) {
        match wish {
            Wish::Find(question) => {
                next.extend(self.rooms.look_ups.find(*question).map(Input::Found));
            }
            Wish::Route(ask) => {
                let (now, generation) = (self.io.now, self.slots.generation(slot).unwrap_or(0));
                if let Some(Phase::Lmtp(mail)) =
                    self.slots.get_mut(slot).map(|connection| &mut connection.phase)
                {
                    let asker = Asker { asking: &mut mail.asking, slot, generation };
                    next.extend(self.rooms.look_ups.route(asker, ask, now).map(Input::Route));
                }
            }
            Wish::DropQuestion => {
                if let Some(mail) = self.mail(slot) {
                    mail.asking.forget();
                }
            }
            Wish::Connect(link, to) => {
                if let Err(why) = self.connect_link(slot, link, to) {
                    next.push_back(Input::Broken(link, why));
                }
            }
            Wish::Drop(link) => self.drop_link(slot, link),
            Wish::SecureClient(early) => {
                let asked = self.mail(slot).map_or(Asked::No, |mail| mail.asked);
                let fault = self.secure_client(slot, Protocol::Lmtp, asked, &early);
                next.extend(fault.map(Input::ClientInsecure));
            }
            Wish::SecureBackend { link, name, certificate } => {
                next.extend(self.secure_link(slot, link, &name, certificate));
            }
            Wish::Close => {
                self.say_goodbye(slot);
                if let Some(mail) = self.mail(slot) {
                    mail.finishing = true;
                }
            }
            Wish::Report(event) => {
                self.rooms.reports.count_event(&event);
                self.rooms.reports.log(event);
            }
        }
    }

    /// What follows every input: close when all is sent, keep the deadline, read on.
    fn after_lmtp(&mut self, slot: u32) {
        let now = self.io.now;
        let Some(mail) = self.mail(slot) else { return };
        if mail.finishing {
            if mail.unsent.is_empty() {
                return self.act(slot, Next::Linger);
            }
            let by = now.after(limits::HALF_CLOSE_LINGER);
            let by = *mail.last_bytes_by.get_or_insert(by);
            return self.io.timers.set(slot, by);
        }
        let (deadline, room) = (mail.session.deadline(), mail.session.client_room());
        match deadline {
            Some(deadline) => self.io.timers.set(slot, deadline),
            None => self.io.timers.clear(slot),
        }
        let paused =
            self.slots.get(slot).is_some_and(|connection| connection.sockets.client.paused);
        if paused && room > 0 && !self.io.rereads.contains(&(slot, Side::Client)) {
            self.io.rereads.push_back((slot, Side::Client));
        }
    }

    pub(super) fn lmtp_deadline(&mut self, slot: u32) {
        let now = self.io.now;
        let Some(mail) = self.mail(slot) else { return };
        if mail.last_bytes_by.is_some_and(|by| by <= now) {
            return self.release(slot);
        }
        self.lmtp_input(slot, Input::Deadline);
    }

    // === The client ===

    /// Reads what the client has sent. Bounded per turn, so that one client cannot keep the core.
    pub(super) fn read_lmtp(&mut self, slot: u32) {
        let mut scratch = filled_in(std::mem::take(&mut self.rooms.lmtp.client));
        let mut reads = 0;
        while reads < READS_PER_TURN && self.read_lmtp_once(slot, &mut scratch) {
            reads += 1;
        }
        self.rooms.lmtp.client = scratch;
        if reads == READS_PER_TURN && !self.io.rereads.contains(&(slot, Side::Client)) {
            self.io.rereads.push_back((slot, Side::Client));
        }
    }

    /// One read; `true` when another may find more.
    fn read_lmtp_once(&mut self, slot: u32, scratch: &mut [u8]) -> bool {
        if self.is_secured(slot, Side::Client) {
            return self.read_sealed(slot, Side::Client);
        }
        let Some(connection) = self.slots.get_mut(slot) else { return false };
        let Phase::Lmtp(mail) = &connection.phase else { return false };
        let room = mail.room().min(scratch.len());
        let socket = &mut connection.sockets.client;
        let Some(fd) = socket.fd() else { return false };
        let (hangup, broken) = (socket.hangup, socket.broken);
        (socket.paused, socket.drained) = (room == 0, false);
        if room == 0 {
            // Nobody reads now, so no read would tell.
            if broken {
                self.lmtp_client_gone(slot);
            }
            return false;
        }
        let Some(space) = scratch.get_mut(..room) else { return false };
        match self.io.port.recv(fd, space) {
            Ok(0) => {
                self.lmtp_input(slot, Input::ClientEnd);
                false
            }
            Ok(read) => {
                socket.drained = read < room && !hangup;
                self.lmtp_input(slot, Input::Client(scratch.get(..read).unwrap_or_default()));
                hangup || read == room
            }
            Err(IoFault::WouldBlock) => {
                socket.drained = true;
                false
            }
            Err(_) => {
                self.lmtp_client_gone(slot);
                false
            }
        }
    }

    /// The client broke off. What backends have in full they may still say something about, and the log wants to know.
    fn lmtp_client_gone(&mut self, slot: u32) {
        let Some(mail) = self.mail(slot) else { return };
        mail.unsent.clear();
        if mail.finishing {
            return self.release(slot);
        }
        self.forget_tls(slot, Side::Client);
        self.close_side(slot, Side::Client);
        self.lmtp_input(slot, Input::ClientGone);
    }

    /// What a client says by TLS.
    pub(super) fn mail_hears(&mut self, slot: u32, heard: Heard<'_>) {
        match heard {
            // Nobody logs in here, so that nobody's name is wanted.
            Heard::Secured { server_name, .. } => {
                self.lmtp_input(slot, Input::ClientSecured { server_name });
                // Its ticket is on the way, and nothing that the library alone knows follows.
                let left = self.channel(slot, Side::Client).map(|end| end.engine.begin_relay());
                if let Some(Err(fault)) = left {
                    self.mail_hears(slot, Heard::Insecure(fault));
                }
            }
            Heard::Insecure(fault) => {
                let input = match fault.certificate {
                    true => Input::ClientCertificateRefused(fault.word),
                    false => Input::ClientInsecure(fault.word),
                };
                self.lmtp_input(slot, input);
                // Who goes on for the sake of its log does so without the client.
                if self.mail(slot).is_some_and(|mail| !mail.finishing) {
                    self.forget_tls(slot, Side::Client);
                    self.close_side(slot, Side::Client);
                }
            }
            Heard::Bytes(bytes) => self.lmtp_input(slot, Input::Client(bytes)),
            Heard::End => self.lmtp_input(slot, Input::ClientEnd),
            Heard::Broken(_) => self.lmtp_client_gone(slot),
        }
    }

    /// The client takes bytes again.
    pub(super) fn send_kept_replies(&mut self, slot: u32) {
        let Some(connection) = self.slots.get_mut(slot) else { return };
        let Some(fd) = connection.sockets.client.fd() else { return };
        let Phase::Lmtp(mail) = &mut connection.phase else { return };
        match self.io.port.send(fd, &mail.unsent) {
            Ok(count) => drop(mail.unsent.drain(..count.min(mail.unsent.len()))),
            Err(IoFault::WouldBlock) => {}
            Err(_) => return self.lmtp_client_gone(slot),
        }
        if !mail.unsent.is_empty() {
            return self.await_room(slot, Side::Client);
        }
        if mail.session.is_stalled() {
            self.lmtp_input(slot, Input::ClientTook);
        } else {
            self.after_lmtp(slot);
        }
    }

    /// The LMTP session of a slot, if it has one.
    pub(super) fn mail(&mut self, slot: u32) -> Option<&mut Mail> {
        match &mut self.slots.get_mut(slot)?.phase {
            Phase::Lmtp(mail) => Some(mail),
            _ => None,
        }
    }
}

/// A scratch that is there, whether or not it was used before.
pub(super) fn filled_in(scratch: Box<[u8]>) -> Box<[u8]> {
    if scratch.is_empty() { vec![0; limits::SCRATCH_BYTES].into_boxed_slice() } else { scratch }
}

/// Reads of one connection per loop turn.
pub(super) const READS_PER_TURN: usize = 8;
