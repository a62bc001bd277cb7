//! The loop of a data core: wait, take completions, read mail, let deadlines pass, give hot directions their turn.
//!
//! Decides: whose turn it is, and, told by a handler's [`Next`], how a connection goes on or ends. Slots are taken and freed
//! here and nowhere else. Does not: read or send; handlers do, each on the line of its own connection.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::event::EndedBy;
use crate::relay::Watch;
use crate::ring::port::{Completion, IoFault, Kind, Outcome, Port, Token};
use crate::ring::slots::Slots;
use crate::session::output::Outbox;
use crate::share::counters::Counter;
use crate::share::enquiry::Act;
use crate::share::mailbox::Mailbox;
use crate::share::messages::ToCore;
use crate::tick::Tick;

use super::asks::Asks;
use super::connection::{Connection, Phase};
use super::drain::Drain;
use super::drive::SESSION_READ_BYTES;
use super::enquiries::{self, Enquiries};
use super::hosts::{Ended, Hosts};
use super::io::Io;
use super::io::line::Line;
use super::io::socket::Side;
use super::listener::Listener;
use super::newcomers::Newcomers;
use super::next::Next;
use super::report::Reports;
use super::sessions::Sessions;
use super::settings::{Links, WorkerSettings};
use super::sources::Sources;
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
    pub(super) hosts: Hosts,
    pub(super) sources: Sources,
    pub(super) newcomers: Newcomers,
    pub(super) sessions: Sessions,
    pub(super) enquiries: Enquiries,
    /// Directions that have more to move, in the order of their turns.
    pub(super) hot: VecDeque<(u32, Side)>,
    /// What is looked at of the relayed sessions whose bytes are not only moved, by slot.
    pub(super) watches: HashMap<u32, Box<Watch>>,
    /// Relayed bytes pass through here.
    pub(super) scratch: Box<[u8]>,
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
    /// Sessions after login.
    pub(super) relays: u32,
    pub(super) draining: Option<Drain>,
    completions: Vec<Completion>,
    due: Vec<u32>,
}

impl<P: Port> std::fmt::Debug for Worker<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("live", &self.slots.live())
            .field("relays", &self.relays)
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
            sources: Sources::new(&settings.source_ips, asks.draw()),
            settings,
            mailbox: mail,
            listeners,
            asks,
            hosts: Hosts::default(),
            newcomers: Newcomers::new(bound),
            sessions: Sessions::new(bound),
            enquiries: Enquiries::new(core, pieces),
            hot: VecDeque::with_capacity(256),
            watches: HashMap::new(),
            scratch: vec![0; crate::limits::SCRATCH_BYTES].into_boxed_slice(),
            session_scratch: vec![0; SESSION_READ_BYTES].into_boxed_slice(),
            mail_scratch: Box::default(),
            link_scratch: Box::default(),
            tls: CoreTls::new(&tls),
            outbox: Outbox::new(),
            queued: VecDeque::new(),
            relays: 0,
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
        self.pump_hot();
        self.drain_step();
    }

    /// How long the core may sleep.
    fn patience(&self) -> Option<Duration> {
        if !self.hot.is_empty()
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
        if !self.slots.is_current(slot, generation) {
            self.reports.count(Counter::StaleCompletion);
        } else if kind == Kind::Connect {
            self.connect_completion(slot, outcome);
        } else if writable {
            self.writable_completion(slot, side, outcome);
        } else {
            self.ready_completion(slot, side, outcome, more);
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
        self.hosts.end(slot, ended, self.io.now);
        let Some((mut line, _)) = self.line(slot) else { return };
        let socket = line.socket(Side::Backend);
        socket.connecting = false;
        if socket.closing {
            return self.returned(slot, Side::Backend);
        }
        self.connected(slot, result);
    }

    fn ready_completion(&mut self, slot: u32, side: Side, outcome: Outcome, more: bool) {
        let Some((mut line, _)) = self.line(slot) else { return };
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
        self.readable(slot, side);
    }

    /// A side that stopped reading goes on.
    fn reread(&mut self, slot: u32, side: Side) {
        match self.slots.get(slot).map(|connection| &connection.phase) {
            Some(Phase::Lmtp(_)) => self.read_lmtp(slot),
            Some(Phase::Link(_)) => self.read_link(slot),
            _ => self.read_session(slot, side),
        }
    }

    fn readable(&mut self, slot: u32, side: Side) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        match &mut connection.phase {
            Phase::Session(_) => self.read_session(slot, side),
            Phase::Relay(relay) => {
                let direction = relay.direction(side);
                if connection.sockets.client.broken && side == Side::Client && direction.is_deaf() {
                    return self.client_gone(slot);
                }
                // Blocked: the destination's room brings it back. Queued: its turn comes anyway.
                if !direction.is_blocked() && !direction.queued && !direction.shut {
                    self.pump(slot, side);
                }
            }
            Phase::Lmtp(_) => self.read_lmtp(slot),
            Phase::Link(_) => self.read_link(slot),
            Phase::Lingering => self.read_lingering(slot),
            Phase::Closing => {}
        }
    }

    fn writable_completion(&mut self, slot: u32, side: Side, outcome: Outcome) {
        let Some((mut line, phase)) = self.line(slot) else { return };
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
            Phase::Relay(_) => self.pump(slot, side.other()),
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
                Phase::Relay(_) => self.relay_deadline(slot),
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
            Next::Close => self.release(slot),
        }
    }

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
        let Some((mut line, phase)) = self.line(slot) else { return };
        let former = std::mem::replace(phase, Phase::Closing);
        *line.tls = None;
        line.clear_deadline();
        line.close(Side::Client);
        line.close(Side::Backend);
        let is_closed = !line.sockets.are_open();
        self.newcomers.set(slot, false);
        self.forget_relay(slot);
        if !self.watches.is_empty() {
            self.watches.remove(&slot);
        }
        if is_closed {
            self.slots.remove(slot);
        }
        if let Phase::Relay(relay) = &former {
            self.sessions.leave(slot, relay.label.keys());
        }
        if let Phase::Lmtp(mail) = former {
            self.sessions.leave_nameless(slot);
            for child in mail.children() {
                self.release(child);
            }
        }
    }

    /// Answers a piece of one enquiry: the only thing that enquiries cost a turn.
    fn answer_enquiry(&mut self) {
        let Some((enquiry, from)) = self.enquiries.next() else { return };
        let began = self.io.port.micros();
        let mut piece = self.enquiries.piece(&enquiry);
        let meant = enquiries::look(&self.slots, &self.sessions, &enquiry, from, &mut piece);
        if enquiry.act == Act::Kick {
            for slot in meant {
                self.kick(slot);
            }
        }
        piece.took_us = self.io.port.micros().saturating_sub(began);
        self.enquiries.tell(piece);
    }

    /// The operator ends a session. One of LMTP ends when no message of it is under way.
    fn kick(&mut self, slot: u32) {
        match self.slots.get(slot).map(|connection| &connection.phase) {
            Some(Phase::Relay(_)) => self.end_relay(slot, EndedBy::Kick, None),
            Some(Phase::Lmtp(_)) => self.lmtp_input(slot, crate::lmtp::Input::Shutdown),
            _ => {}
        }
    }

    /// The port, for tests that look behind the seam.
    pub fn port_mut(&mut self) -> &mut P {
        &mut self.io.port
    }
}

/// Room for completions that a core keeps, in completions: 100 KB.
const COMPLETIONS_KEPT: usize = 4096;
