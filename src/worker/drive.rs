//! Drives sessions: what the kernel and the other threads say goes in, what the session wishes is carried out.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::limits;
use crate::ring::port::{IoFault, Port, ReceiveBuffer};
use crate::session::PIPELINED;
use crate::session::input::Input;
use crate::session::output::{Handover, Wish};
use crate::share::counters::Counter;

use super::backends::connect::NotMade;
use super::backends::endpoints::Try;
use super::connection::{Login, Phase};
use super::core::Worker;
use super::io::socket::Side;
use super::next::Next;
use super::relay::label::Label;

impl<P: Port> Worker<P> {
    /// Gives the session one input, carries out its wishes, and goes on with the answers that were known at once.
    pub(super) fn session_input(&mut self, slot: u32, input: Input<'_>) {
        let mut next = self.one_input(slot, input);
        while let Some(answer) = next {
            next = self.one_input(slot, answer);
        }
        self.after_input(slot);
    }

    fn one_input(&mut self, slot: u32, input: Input<'_>) -> Option<Input<'static>> {
        let now = self.io.now;
        let connection = self.slots.get_mut(slot)?;
        let Phase::Session(login) = &mut connection.phase else {
            return None;
        };
        let outbox = &mut self.outbox;
        // Pure code owns no descriptor, lock or kernel-lent memory, so its state may be dropped half-changed
        // (style.md 9); one crafted line must not take the other sessions of the core along.
        let outcome = catch_unwind(AssertUnwindSafe(|| login.session.on(now, input, outbox)));
        if outcome.is_err() {
            self.outbox = crate::session::output::Outbox::new();
            self.reports.panicked();
            self.release(slot);
            return None;
        }
        self.carry_out(slot)
    }

    /// Sends what the session queued and carries out its wishes, in order.
    fn carry_out(&mut self, slot: u32) -> Option<Input<'static>> {
        let mut outbox = std::mem::take(&mut self.outbox);
        let mut answer = None;
        if !outbox.to_backend.is_empty() {
            self.send_or_keep(slot, Side::Backend, &outbox.to_backend);
            zeroize::Zeroize::zeroize(&mut outbox.to_backend);
        }
        if outbox.begins_tls() && self.is_injected(slot) {
            outbox.discard();
            self.outbox = outbox;
            return Some(Input::ClientInsecure(PIPELINED));
        }
        if !outbox.to_client.is_empty() {
            self.send_or_keep(slot, Side::Client, &outbox.to_client);
            outbox.to_client.clear();
        }
        for wish in outbox.take_wishes() {
            if let Some(known) = self.wish(slot, wish) {
                debug_assert!(answer.is_none(), "two questions answered at once");
                answer = Some(known);
            }
        }
        self.outbox = outbox;
        answer.or_else(|| self.taken(slot))
    }

    /// A session that stopped reading until the client takes its replies goes on when it has.
    fn taken(&mut self, slot: u32) -> Option<Input<'static>> {
        let login = self.login(slot)?;
        let goes_on = login.session.is_stalled() && login.unsent_client.is_empty();
        goes_on.then_some(Input::ClientTook)
    }

    fn wish(&mut self, slot: u32, wish: Wish) -> Option<Input<'static>> {
        match wish {
            Wish::Authenticate(question) => self.authenticate(slot, *question),
            Wish::Route(ask) => self.route(slot, ask).map(Input::Route),
            Wish::DropBackend => {
                if let Some(login) = self.login(slot) {
                    zeroize::Zeroize::zeroize(&mut login.unsent_backend);
                    login.connect_next = None;
                }
                self.backends.give_up(slot, self.io.now);
                self.forget_tls(slot, Side::Backend);
                self.close_side(slot, Side::Backend);
                None
            }
            Wish::SecureClient(early) => {
                let login = self.login(slot)?;
                let (protocol, asked) = (login.session.protocol(), login.asked);
                self.secure_client(slot, protocol, asked, &early).map(Input::ClientInsecure)
            }
            Wish::SecureBackend { name, certificate } => {
                let fault = self.secure_backend(slot, &name, certificate)?;
                Some(Input::BackendInsecure { word: fault.word, is_lasting: fault.is_lasting() })
            }
            Wish::Connect { to, again } => self.connect(slot, to, again),
            Wish::Relay(handover) => {
                self.hand_over(slot, *handover);
                None
            }
            Wish::Close => {
                self.say_goodbye(slot);
                if let Some(login) = self.login(slot) {
                    login.finishing = true;
                }
                None
            }
            Wish::Report(event) => {
                self.reports.count_event(&event);
                self.judge(slot, &event);
                self.reports.log(event);
                None
            }
        }
    }

    /// What follows every input: start the relay or close when all is sent, keep the deadline, read on.
    fn after_input(&mut self, slot: u32) {
        if !self.is_admitted(slot) {
            let why = "too many connections of its address (connections_per_address_max, connection_rate_per_address)";
            return self.session_input(slot, Input::Crowded(why));
        }
        let Some(login) = self.login(slot) else {
            return;
        };
        if !login.session.is_attempting() {
            (login.attempt, login.held.seat) = (None, None);
        }
        let client_done = login.unsent_client.is_empty();
        let is_going = login.finishing || login.handed_over.is_some();
        let waits = !is_going && login.session.awaits_client();
        self.newcomers.set(slot, waits);
        let Some(login) = self.login(slot) else {
            return;
        };
        if login.handed_over.is_some() {
            if client_done && login.unsent_backend.is_empty() {
                self.act(slot, Next::Relay);
            } else {
                self.limit_last_bytes(slot, limits::STALL_TIMEOUT);
            }
            return;
        }
        if login.finishing {
            if client_done {
                self.linger(slot);
            } else {
                self.limit_last_bytes(slot, limits::HALF_CLOSE_LINGER);
            }
            return;
        }
        match login.session.deadline() {
            Some(deadline) => self.io.timers.set(slot, deadline),
            None => self.io.timers.clear(slot),
        }
        for side in [Side::Client, Side::Backend] {
            let paused = self
                .slots
                .get_mut(slot)
                .is_some_and(|connection| connection.sockets.of_mut(side).paused);
            if paused
                && self.session_room(slot, side) > 0
                && !self.io.rereads.contains(&(slot, side))
            {
                self.io.rereads.push_back((slot, side));
            }
        }
    }

    /// The session is over but for bytes that a socket does not take; that must not last for ever (BE-14).
    fn limit_last_bytes(&mut self, slot: u32, limit: Duration) {
        let at = self.io.now.after(limit);
        let Some(login) = self.login(slot) else {
            return;
        };
        let at = *login.last_bytes_by.get_or_insert(at);
        self.io.timers.set(slot, at);
    }

    /// A session's time is up, or that for its last bytes.
    pub(super) fn session_deadline(&mut self, slot: u32) {
        let now = self.io.now;
        let is_late = self.login(slot).and_then(|login| login.last_bytes_by);
        if is_late.is_some_and(|by| by <= now) {
            return self.login_unread(slot);
        }
        self.session_input(slot, Input::Deadline);
    }

    /// Reads what a socket has for its session.
    pub(super) fn read_session(&mut self, slot: u32, side: Side) {
        let mut scratch = std::mem::take(&mut self.session_scratch);
        // Bounded per turn, so that one client cannot keep the core. What is left then has been told already and will not
        // be told again, so the reread list brings it back.
        let mut reads = 0;
        while reads < READS_PER_TURN && self.read_once(slot, side, &mut scratch) {
            reads += 1;
        }
        if reads == READS_PER_TURN && !self.io.rereads.contains(&(slot, side)) {
            self.io.rereads.push_back((slot, side));
        }
        zeroize::Zeroize::zeroize(&mut *scratch);
        self.session_scratch = scratch;
    }

    /// One read; `true` when another may find more.
    fn read_once(&mut self, slot: u32, side: Side, scratch: &mut [u8]) -> bool {
        if self.is_secured(slot, side) {
            return self.read_sealed(slot, side);
        }
        let room = self.session_room(slot, side).min(SESSION_READ_BYTES);
        let Some(connection) = self.slots.get_mut(slot) else {
            return false;
        };
        let socket = connection.sockets.of_mut(side);
        let Some(fd) = socket.fd() else { return false };
        if room == 0 {
            socket.paused = true;
            socket.drained = false;
            // Nobody reads now, so no read would tell (W-PIPE-6).
            if side == Side::Client && socket.broken {
                self.client_reset(slot);
            }
            return false;
        }
        socket.paused = false;
        socket.drained = false;
        let hangup = socket.hangup;
        let Some(space) = scratch.get_mut(..room) else {
            return false;
        };
        match self.io.port.recv(fd, space) {
            Ok(0) => {
                let input = if side == Side::Client { Input::ClientEnd } else { Input::BackendEnd };
                self.session_input(slot, input);
                false
            }
            Ok(read) => {
                // A read that left room found everything; readiness will tell what comes later (uring.md 8).
                socket.drained = read < room && !hangup;
                let Some(bytes) = scratch.get(..read) else {
                    return false;
                };
                let input =
                    if side == Side::Client { Input::Client(bytes) } else { Input::Backend(bytes) };
                self.session_input(slot, input);
                hangup || read == room
            }
            Err(IoFault::WouldBlock) => {
                socket.drained = true;
                false
            }
            Err(fault) => {
                self.read_failed(slot, side, fault);
                false
            }
        }
    }

    pub(super) fn read_failed(&mut self, slot: u32, side: Side, fault: IoFault) {
        match side {
            Side::Client => self.client_reset(slot),
            Side::Backend => self.session_input(slot, Input::BackendBroken(fault.word())),
        }
    }

    /// The client is gone for good: whatever runs for it is cancelled (W-PIPE-6).
    pub(super) fn client_reset(&mut self, slot: u32) {
        // A session that is over has been reported.
        if self.login(slot).is_some_and(|login| !login.finishing) {
            self.report_aborted(slot, "client reset the connection");
        }
        self.release(slot);
    }

    pub(super) fn session_room(&self, slot: u32, side: Side) -> usize {
        let Some(connection) = self.slots.get(slot) else {
            return 0;
        };
        let Phase::Session(login) = &connection.phase else {
            return 0;
        };
        if login.finishing || login.handed_over.is_some() {
            return 0;
        }
        match side {
            Side::Client => login.session.client_room(),
            Side::Backend => login.session.backend_room(),
        }
    }

    /// Whether a client leaves more untaken than any client may.
    pub(super) fn is_login_unread(&mut self, slot: u32) -> bool {
        self.login(slot).is_some_and(|login| {
            login.handed_over.is_none() && login.unsent_client.len() > LOGIN_OUTPUT_BYTES_MAX
        })
    }

    pub(super) fn login_unread(&mut self, slot: u32) {
        self.report_aborted(slot, "client does not read its replies");
        self.release(slot);
    }

    /// A socket takes bytes again: send what a session kept for it.
    pub(super) fn send_kept(&mut self, slot: u32, side: Side) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let Some(fd) = connection.sockets.of_mut(side).fd() else {
            return;
        };
        let Phase::Session(login) = &mut connection.phase else {
            return;
        };
        let unsent = unsent(login, side);
        match self.io.port.send(fd, unsent) {
            Ok(count) => {
                let rest = unsent.split_off(count.min(unsent.len()));
                // What went to a backend had a password in it (W-CRED-2).
                zeroize::Zeroize::zeroize(unsent);
                *unsent = rest;
            }
            Err(IoFault::WouldBlock) => {}
            // The client is still owed its reply, and another attempt may follow.
            Err(fault) if side == Side::Backend && login.handed_over.is_none() => {
                return self.session_input(slot, Input::BackendBroken(fault.word()));
            }
            Err(_) => {
                self.report_aborted(slot, "connection broke while a reply was under way");
                self.release(slot);
                return;
            }
        }
        if !unsent.is_empty() {
            self.await_room(slot, side);
        }
        match self.taken(slot) {
            Some(input) => self.session_input(slot, input),
            None => self.after_input(slot),
        }
    }

    /// Opens a socket and connects it; a former backend's descriptor is closed first.
    fn connect(&mut self, slot: u32, to: SocketAddr, again: bool) -> Option<Input<'static>> {
        let (generation, connection) = self.slots.named(slot)?;
        let (mut line, phase) = connection.split(&mut self.io, slot, generation);
        let Phase::Session(login) = phase else { return None };
        if line.sockets.backend.is_open() {
            login.connect_next = Some((to, again));
            return None;
        }
        let which = if again { Try::Again } else { Try::First };
        match self.backends.connect(&mut line, to, which) {
            Ok(()) => None,
            Err(NotMade::FailsFast) => {
                self.reports.count(Counter::FailedFast);
                Some(Input::BackendDown)
            }
            Err(NotMade::Fault(fault)) => Some(Input::BackendBroken(fault.word())),
        }
    }

    /// The former backend's descriptor is closed: the connect that waited for it is made.
    pub(super) fn connect_now(&mut self, slot: u32, (to, again): (SocketAddr, bool)) {
        if let Some(failure) = self.connect(slot, to, again) {
            self.session_input(slot, failure);
        }
    }

    /// The connect ended, one way or the other.
    pub(super) fn connected(&mut self, slot: u32, result: Result<(), IoFault>) {
        if let Some(Phase::Link(link)) = self.slots.get(slot).map(|kept| &kept.phase) {
            let way = link.way;
            return self.link_connected(slot, way, result);
        }
        match result {
            Ok(()) => {
                if let Some(fd) = self.slots.get(slot).and_then(|kept| kept.sockets.backend.fd()) {
                    self.io.port.receive_buffer(fd, ReceiveBuffer::First);
                }
                self.arm_poll(slot, Side::Backend);
                self.session_input(slot, Input::Connected);
            }
            Err(fault) => self.session_input(slot, Input::BackendBroken(fault.word())),
        }
    }

    /// Keeps the names for the log and drops the session as soon as its last bytes are sent.
    fn hand_over(&mut self, slot: u32, handover: Handover) {
        let since = self.io.now;
        let Handover { subject, backend, group, watch } = handover;
        let home = self.sessions.home(&backend, group.as_deref());
        let Some(login) = self.login(slot) else {
            return;
        };
        let held = std::mem::take(&mut login.held);
        login.handed_over = Some((Box::new(Label::new(subject, home, since, held)), watch));
    }

    /// The login phase of a slot, if it is in it.
    pub(super) fn login(&mut self, slot: u32) -> Option<&mut Login> {
        match &mut self.slots.get_mut(slot)?.phase {
            Phase::Session(login) => Some(login),
            Phase::Relay(_)
            | Phase::Lmtp(_)
            | Phase::Link(_)
            | Phase::Lingering
            | Phase::Closing => None,
        }
    }

    fn report_aborted(&mut self, slot: u32, reason: &'static str) {
        let Some(login) = self.login(slot) else {
            return;
        };
        let event = login.session.aborted(reason);
        self.reports.log(event);
    }
}

fn unsent(login: &mut Login, side: Side) -> &mut Vec<u8> {
    match side {
        Side::Client => &mut login.unsent_client,
        Side::Backend => &mut login.unsent_backend,
    }
}

/// What a client may leave untaken: its replies, untagged lines of the backend, and what the backend sent behind its OK.
const LOGIN_OUTPUT_BYTES_MAX: usize = limits::PRE_LOGIN_OUTPUT_BYTES_MAX
    + limits::BACKEND_UNTAGGED_BYTES_MAX
    + limits::BACKEND_INPUT_BYTES_MAX
    + limits::BACKEND_LINE_BYTES_MAX;
/// Reads of one session per loop turn.
pub(super) const READS_PER_TURN: usize = 8;
/// At most this much is read for a session at once; also what has to be wiped behind a password.
pub(super) const SESSION_READ_BYTES: usize = 4096;
