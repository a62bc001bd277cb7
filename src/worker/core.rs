//! The loop of a data core: wait, take completions, read mail, let deadlines pass, give hot directions their turn.
//!
//! Decides: whose turn it is, and, told by a handler's [`Next`], how a connection goes on or ends. Slots are taken and freed
//! here and nowhere else. Does not: read or send; handlers do, each on the line of its own connection.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::event::EndedBy;
use crate::ring::port::{Completion, IoFault, Kind, Outcome, Port, Token};
use crate::ring::slots::Slots;
use crate::session::output::Outbox;
use crate::share::counters::Counter;
use crate::share::mailbox::Mailbox;
use crate::share::messages::ToCore;
use crate::tick::Tick;

use super::asks::Asks;
use super::backends::connect::Backends;
use super::backends::endpoints::Ended;
use super::connection::{Connection, Phase};
use super::drain::Drain;
use super::drive::SESSION_READ_BYTES;
use super::enquiries::Enquiries;
use super::io::Io;
use super::io::line::Line;
use super::io::socket::Side;
use super::listener::Listener;
use super::newcomers::Newcomers;
use super::next::Next;
use super::relay::driver::Driver;
use super::relay::relays::Relays;
use super::relay::state::Relay;
use super::report::Reports;
use super::sessions::Sessions;
use super::settings::{Links, WorkerSettings};
use super::tls::channel::CoreTls;
use super::visits::Queued;

/// A data core. Generic over the kernel alone, so that the simulator can take its place.
pub struct Worker<P: Port> {
    pub(super) io: Io<P>,
    pub(super) slots: Slots<Connection>,
    pub(super) reports: Reports,
    pub(super) settings: Arc<WorkerSettings>,
    /// What others tell this core.
    pub(super) mailbox: Arc<Mailbox<ToCore>>,
    pub(super) listeners: Vec<Listener>,
    pub(super) asks: Asks,
    pub(super) backends: Backends,
    pub(super) newcomers: Newcomers,
    pub(super) relays: Relays,
    pub(super) sessions: Sessions,
    pub(super) enquiries: Enquiries,
    /// Bytes for sessions pass through here: apart, because a session's last input starts its relay.
    pub(super) session_scratch: Box<[u8]>,
    /// Bytes of LMTP clients pass through here, and from there to LMTP backends: apart from each other and from the rest,
    /// because one leads to the other and to the end of a connection. Made by the first of them.
    pub(super) mail_scratch: Box<[u8]>,
    pub(super) link_scratch: Box<[u8]>,
    pub(super) tls: CoreTls,
    pub(super) outbox: Outbox,
    /// Logins that wait for their address prefix's turn, and when they were last looked at.
    pub(super) queued: VecDeque<Queued>,
    pub(super) queue_served: Tick,
    pub(super) draining: Option<Drain>,
    completions: Vec<Completion>,
    due: Vec<u32>,
}

impl<P: Port> std::fmt::Debug for Worker<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("live", &self.slots.live())
            .field("relays", &self.relays.count())
            .finish_non_exhaustive()
    }
}

impl<P: Port> Worker<P> {
    /// A core that serves `listeners`. It accepts from the first turn on.
    pub fn new(
        port: P,
        settings: Arc<WorkerSettings>,
        links: Links,
        listeners: Vec<Listener>,
        mut asks: Asks,
    ) -> Self {
        let bound = settings.connections_max;
        let Links { mail, pieces, core, log, tls, counters } = links;
        let io = Io::new(port, bound);
        let mut core = Self {
            queue_served: io.now,
            io,
            slots: Slots::new(bound),
            reports: Reports::new(log, counters, settings.log_debug),
            backends: Backends::new(&settings.source_ips, asks.draw()),
            relays: Relays::new(Arc::clone(&settings), asks.draw()),
            sessions: Sessions::new(bound),
            enquiries: Enquiries::new(core, pieces),
            settings,
            mailbox: mail,
            listeners,
            asks,
            newcomers: Newcomers::new(bound),
            session_scratch: vec![0; SESSION_READ_BYTES].into_boxed_slice(),
            mail_scratch: Box::default(),
            link_scratch: Box::default(),
            tls: CoreTls::new(&tls),
            outbox: Outbox::new(),
            queued: VecDeque::new(),
            draining: None,
            completions: Vec::with_capacity(1024),
            due: Vec::with_capacity(64),
        };
        for index in 0..core.listeners.len() {
            core.arm_accept(index);
        }
        core
    }

    /// Serves until a drain is over.
    pub fn run(&mut self) {
        while !self.is_finished() {
            self.turn();
        }
    }

    /// One turn of the loop.
    pub fn turn(&mut self) {
        let timeout = self.patience();
        let mut completions = std::mem::take(&mut self.completions);
        self.io.port.wait(timeout, &mut completions);
        self.mailbox.wake_up();
        self.io.now = self.io.port.now();
        self.renew_handshake_steps();
        self.take_refused();
        for completion in completions.drain(..) {
            self.completion(completion);
        }
        // Ten thousand sessions may stir at once; the room for that is given back.
        completions.shrink_to(COMPLETIONS_KEPT);
        self.completions = completions;
        self.read_mail();
        self.answer_enquiry();
        self.pass_deadlines();
        self.rearm_listeners();
        self.serve_queue();
        for _ in 0..self.io.rereads.len() {
            if let Some((slot, side)) = self.io.rereads.pop_front() {
                self.reread(slot, side);
            }
        }
        self.step_queued();
        self.drain_step();
    }

    /// How long the core may sleep.
    fn patience(&self) -> Option<Duration> {
        if self.relays.queued() > 0
            || !self.io.rereads.is_empty()
            || !self.enquiries.is_idle()
            || !self.mailbox.fall_asleep()
        {
            return Some(Duration::ZERO);
        }
        let deadline = self.io.timers.quiet_for(self.io.now);
        let listeners = self.listeners_wait();
        let drain = self.drain_wait();
        let queue = self.queue_wait();
        [deadline, listeners, drain, queue].into_iter().flatten().min()
    }

    fn completion(&mut self, completion: Completion) {
        let Completion { token, outcome, more } = completion;
        let Token { slot, generation, kind } = token;
        let (side, writable) = match kind {
            Kind::Accept => return self.accept_completion(slot, outcome, more),
            Kind::Wake => return self.io.port.wake_seen(),
            Kind::Cancel | Kind::ClientSend | Kind::BackendSend => return,
            Kind::Connect => (Side::Backend, false),
            Kind::ClientReady => (Side::Client, false),
            Kind::BackendReady => (Side::Backend, false),
            Kind::ClientWritable => (Side::Client, true),
            Kind::BackendWritable => (Side::Backend, true),
        };
        // What another connection's flush sent and did not get away goes back first.
        self.take_refused();
        match kind {
            Kind::Connect if self.slots.is_current(slot, generation) => {
                self.connect_completion(slot, outcome);
            }
            Kind::Connect => self.reports.count(Counter::StaleCompletion),
            _ if writable => self.writable_completion(slot, generation, side, outcome),
            _ => self.ready_completion(slot, generation, side, outcome, more),
        }
    }

    fn connect_completion(&mut self, slot: u32, outcome: Outcome) {
        let (ended, result) = match outcome {
            Outcome::Connected => (Ended::Well, Ok(())),
            // Ours, not the backend's.
            Outcome::Failed(fault @ (IoFault::Descriptors | IoFault::Memory)) => {
                (Ended::Unknown, Err(fault))
            }
            Outcome::Failed(fault) => (Ended::Badly, Err(fault)),
            Outcome::Accepted(_) | Outcome::Ready(_) | Outcome::Cancelled => {
                (Ended::Unknown, Err(IoFault::Reset))
            }
        };
        self.backends.connected(slot, ended, self.io.now);
        let Some((mut line, _)) = self.line(slot) else { return };
        let socket = line.socket(Side::Backend);
        socket.connecting = false;
        if socket.closing {
            return self.returned(slot, Side::Backend);
        }
        self.connected(slot, result);
    }

    fn ready_completion(
        &mut self,
        slot: u32,
        generation: u32,
        side: Side,
        outcome: Outcome,
        more: bool,
    ) {
        let Some(connection) = self.slots.current(slot, generation) else {
            return self.reports.count(Counter::StaleCompletion);
        };
        let (mut line, phase) = connection.split(&mut self.io, slot, generation);
        let socket = line.socket(side);
        socket.polling &= more;
        if socket.closing {
            return self.returned(slot, side);
        }
        socket.note(match outcome {
            Outcome::Ready(ready) => Some(ready),
            Outcome::Cancelled | Outcome::Failed(_) | Outcome::Accepted(_) | Outcome::Connected => {
                None
            }
        });
        if !more {
            // The kernel may end a multishot poll at any time (uring.md 8); what arrived meanwhile is read now.
            line.arm_poll(side);
        }
        match phase {
            Phase::Session(_) => self.read_session(slot, side),
            Phase::Relay(relay) => {
                let (relays, buffers) = (&mut self.relays, &mut self.tls.buffers);
                let reports = &self.reports;
                let next = Driver { line, relay, relays, buffers, reports }.readable(side);
                self.act(slot, next);
            }
            Phase::Lmtp(_) => self.read_lmtp(slot),
            Phase::Link(_) => self.read_link(slot),
            Phase::Lingering => self.read_lingering(slot),
            Phase::Closing => {}
        }
    }

    /// A side that stopped reading goes on.
    fn reread(&mut self, slot: u32, side: Side) {
        match self.slots.get(slot).map(|connection| &connection.phase) {
            Some(Phase::Lmtp(_)) => self.read_lmtp(slot),
            Some(Phase::Link(_)) => self.read_link(slot),
            _ => self.read_session(slot, side),
        }
    }

    fn writable_completion(&mut self, slot: u32, generation: u32, side: Side, outcome: Outcome) {
        let Some(connection) = self.slots.current(slot, generation) else {
            return self.reports.count(Counter::StaleCompletion);
        };
        let (mut line, phase) = connection.split(&mut self.io, slot, generation);
        let socket = line.socket(side);
        socket.awaiting_room = false;
        if socket.closing {
            return self.returned(slot, side);
        }
        if outcome == Outcome::Cancelled {
            return;
        }
        match phase {
            Phase::Session(_) => self.send_kept(slot, side),
            Phase::Relay(relay) => {
                let (relays, buffers) = (&mut self.relays, &mut self.tls.buffers);
                let reports = &self.reports;
                let next = Driver { line, relay, relays, buffers, reports }.step(side.other());
                self.act(slot, next);
            }
            Phase::Lmtp(_) => self.send_kept_replies(slot),
            Phase::Link(_) => self.link_writable(slot),
            Phase::Lingering | Phase::Closing => {}
        }
    }

    fn pass_deadlines(&mut self) {
        let mut due = std::mem::take(&mut self.due);
        self.io.timers.expire(self.io.now, &mut due);
        for slot in due.drain(..) {
            let Some(connection) = self.slots.get(slot) else {
                continue;
            };
            match &connection.phase {
                Phase::Session(_) => self.session_deadline(slot),
                Phase::Relay(_) => self.drive_relay(slot, |driver| driver.deadline()),
                Phase::Lmtp(_) => self.lmtp_deadline(slot),
                Phase::Lingering => self.act(slot, Next::Close),
                Phase::Link(_) | Phase::Closing => {}
            }
        }
        self.due = due;
    }

    // === How a connection goes on ===

    /// A connection's way to the kernel, and what it is in the middle of.
    pub(super) fn line(&mut self, slot: u32) -> Option<(Line<'_, P>, &mut Phase)> {
        let (generation, connection) = self.slots.named(slot)?;
        Some(connection.split(&mut self.io, slot, generation))
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

    /// Does what a handler has said about its connection.
    pub(super) fn act(&mut self, slot: u32, next: Next) {
        match next {
            Next::Stay => {}
            Next::Relay => self.start_relay(slot),
            Next::Linger => self.linger(slot),
            Next::Ended { by, error } => self.end_relay(slot, by, error),
            Next::Close => self.release(slot),
        }
    }

    // === Relays ===

    /// A relayed session and what drives it. None: the slot has none, or none any more.
    fn relay(&mut self, slot: u32) -> Option<Driver<'_, P>> {
        let (generation, connection) = self.slots.named(slot)?;
        let (line, phase) = connection.split(&mut self.io, slot, generation);
        let Phase::Relay(relay) = phase else { return None };
        let (relays, buffers, reports) = (&mut self.relays, &mut self.tls.buffers, &self.reports);
        Some(Driver { line, relay, relays, buffers, reports })
    }

    fn drive_relay(&mut self, slot: u32, turn: impl FnOnce(&mut Driver<'_, P>) -> Next) {
        if let Some(mut driver) = self.relay(slot) {
            let next = turn(&mut driver);
            self.act(slot, next);
        }
    }

    /// Everything of a login is sent: from here on only bytes move. The session's memory goes here.
    fn start_relay(&mut self, slot: u32) {
        let (now, endpoint) = (self.io.now, self.backends.endpoint(slot));
        let Some(connection) = self.slots.get_mut(slot) else { return };
        let Phase::Session(login) = &mut connection.phase else {
            debug_assert!(false, "a relay begins behind a login");
            return;
        };
        let Some((label, watch)) = login.handed_over.take() else {
            debug_assert!(false, "a relay begins with what a session hands over");
            return;
        };
        let relay = Relay::new(label, endpoint, now);
        self.sessions.enter(slot, relay.label.keys());
        connection.phase = Phase::Relay(relay);
        self.relays.enter(slot, endpoint, watch);
        self.drive_relay(slot, |driver| driver.begin());
        // What arrived while the session was not reading has been told already: such a side gets a look now.
        for side in Side::BOTH {
            if self.relay(slot).is_some_and(|driver| driver.has_unread(side)) {
                self.take_refused();
                self.drive_relay(slot, |driver| driver.step(side));
            }
        }
    }

    /// Takes back what destinations did not take of what was forwarded to them.
    fn take_refused(&mut self) {
        while let Some(refused) = self.io.port.refused() {
            let Token { slot, generation, .. } = refused.token;
            if self.slots.is_current(slot, generation) {
                self.drive_relay(slot, |driver| driver.take_back(refused));
            }
        }
    }

    /// Gives every direction on the list of those that have more to move one step, in order.
    fn step_queued(&mut self) {
        let count = self.relays.queued();
        if count > 0 {
            self.io.port.flush();
        }
        for _ in 0..count {
            let Some((slot, side)) = self.relays.next_queued() else { return };
            self.take_refused();
            self.drive_relay(slot, |driver| driver.step_queued(side));
        }
    }

    /// A relayed session is over.
    fn end_relay(&mut self, slot: u32, by: EndedBy, error: Option<&'static str>) {
        if error.is_none() && self.slots.get(slot).is_some_and(|kept| kept.tls.is_some()) {
            // Goodbye comes behind what is on its way. What comes back of that, of any session, is taken back first.
            self.io.port.flush();
            self.take_refused();
            let Some(mut driver) = self.relay(slot) else { return };
            driver.say_goodbye();
        }
        if let Some(Phase::Relay(relay)) = self.take_out(slot) {
            self.reports.report(relay.ended(by, error, self.io.now));
        }
    }

    // === Ends ===

    /// The kernel returned an operation of a socket that is being closed: what waited for that goes on.
    fn returned(&mut self, slot: u32, side: Side) {
        let Some((mut line, phase)) = self.line(slot) else { return };
        if !line.close_if_returned(side) {
            return;
        }
        match phase {
            Phase::Closing if !line.sockets.are_open() => drop(self.slots.remove(slot)),
            Phase::Session(login) if side == Side::Backend => {
                if let Some(to) = login.connect_next.take() {
                    self.connect_now(slot, to);
                }
            }
            Phase::Session(_)
            | Phase::Relay(_)
            | Phase::Lmtp(_)
            | Phase::Link(_)
            | Phase::Lingering
            | Phase::Closing => {}
        }
    }

    /// Ends a connection: drops what it was in the middle of, takes it off every list, closes both sides, and frees its slot,
    /// which may have to wait until the kernel has returned everything. An LMTP client takes its backends along.
    pub(super) fn release(&mut self, slot: u32) {
        drop(self.take_out(slot));
    }

    /// The same, for what is still to be said of it.
    fn take_out(&mut self, slot: u32) -> Option<Phase> {
        let (mut line, phase) = self.line(slot)?;
        let former = std::mem::replace(phase, Phase::Closing);
        *line.tls = None;
        line.clear_deadline();
        line.close(Side::Client);
        line.close(Side::Backend);
        let is_closed = !line.sockets.are_open();
        self.newcomers.set(slot, false);
        let mut former = former;
        if let Phase::Relay(relay) = &mut former {
            self.relays.leave(slot, relay, &mut self.io.port);
            self.sessions.leave(slot, relay.label.keys());
        }
        if is_closed {
            self.slots.remove(slot);
        }
        if let Phase::Lmtp(mail) = &former {
            self.sessions.leave_nameless(slot);
            for child in mail.children() {
                self.release(child);
            }
        }
        Some(former)
    }

    /// The port, for tests that look behind the seam.
    pub fn port_mut(&mut self) -> &mut P {
        &mut self.io.port
    }
}

/// Room for completions that a core keeps, in completions: 100 KB.
const COMPLETIONS_KEPT: usize = 4096;
