//! The loop of a data core: wait, take completions, read mail, let deadlines pass, give hot directions their turn.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::relay::Watch;
use crate::ring::port::{Completion, IoFault, Kind, Outcome, Port, Token};
use crate::ring::slots::Slots;
use crate::session::output::Outbox;
use crate::share::counters::{Counter, Counters};
use crate::tick::Tick;

use super::asks::Asks;
use super::channel::CoreTls;
use super::connection::{Connection, Phase, Side};
use super::drain::Drain;
use super::drive::SESSION_READ_BYTES;
use super::hosts::{Ended, Hosts};
use super::listener::Listener;
use super::newcomers::Newcomers;
use super::sessions::Sessions;
use super::settings::{Links, WorkerSettings};
use super::sources::Sources;
use super::visits::Queued;
use super::wheel::Wheel;

/// A data core. Generic over the kernel alone, so that the simulator can take its place.
pub struct Worker<P: Port> {
    pub(super) port: P,
    pub(super) settings: Arc<WorkerSettings>,
    pub(super) links: Links,
    pub(super) counters: Arc<Counters>,
    pub(super) listeners: Vec<Listener>,
    pub(super) slots: Slots<Connection>,
    pub(super) wheel: Wheel,
    pub(super) asks: Asks,
    pub(super) hosts: Hosts,
    pub(super) sources: Sources,
    pub(super) newcomers: Newcomers,
    pub(super) sessions: Sessions,
    /// Directions that have more to move, in the order of their turns.
    pub(super) hot: VecDeque<(u32, Side)>,
    /// What is looked at of the relayed sessions whose bytes are not only moved, by slot.
    pub(super) watches: HashMap<u32, Box<Watch>>,
    /// Sessions that stopped reading and may go on.
    pub(super) rereads: VecDeque<(u32, Side)>,
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
    pub(super) now: Tick,
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
        mut port: P,
        settings: Arc<WorkerSettings>,
        links: Links,
        listeners: Vec<Listener>,
        asks: Asks,
    ) -> Self {
        let now = port.now();
        let bound = settings.connections_max;
        let mut wheel = Wheel::new(bound);
        wheel.expire(now, &mut Vec::new());
        let tls = CoreTls::new(&links.tls);
        let mut asks = asks;
        let sources = Sources::new(&settings.source_ips, asks.draw());
        let mut core = Self {
            port,
            counters: Arc::clone(&links.counters),
            settings,
            links,
            listeners,
            slots: Slots::new(bound),
            wheel,
            asks,
            hosts: Hosts::default(),
            sources,
            newcomers: Newcomers::new(bound),
            sessions: Sessions::new(bound),
            hot: VecDeque::with_capacity(256),
            watches: HashMap::new(),
            rereads: VecDeque::with_capacity(64),
            scratch: vec![0; crate::limits::SCRATCH_BYTES].into_boxed_slice(),
            session_scratch: vec![0; SESSION_READ_BYTES].into_boxed_slice(),
            mail_scratch: Box::default(),
            link_scratch: Box::default(),
            tls,
            outbox: Outbox::new(),
            queued: VecDeque::new(),
            queue_served: now,
            now,
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
        self.port.wait(timeout, &mut completions);
        self.links.mail.wake_up();
        self.now = self.port.now();
        self.renew_handshake_steps();
        self.take_refused();
        for completion in completions.drain(..) {
            self.completion(completion);
        }
        // Ten thousand sessions may stir at once; the room for that is given back.
        completions.shrink_to(COMPLETIONS_KEPT);
        self.completions = completions;
        self.read_mail();
        self.pass_deadlines();
        self.rearm_listeners();
        self.serve_queue();
        for _ in 0..self.rereads.len() {
            if let Some((slot, side)) = self.rereads.pop_front() {
                self.reread(slot, side);
            }
        }
        self.pump_hot();
        self.drain_step();
    }

    /// How long the core may sleep.
    fn patience(&self) -> Option<Duration> {
        if !self.hot.is_empty() || !self.rereads.is_empty() || !self.links.mail.fall_asleep() {
            return Some(Duration::ZERO);
        }
        let deadline = self.wheel.quiet_for(self.now);
        let listeners = self.listeners_wait();
        let drain = self.drain_wait();
        let queue = self.queue_wait();
        [deadline, listeners, drain, queue].into_iter().flatten().min()
    }

    fn completion(&mut self, completion: Completion) {
        let Completion { token, outcome, more } = completion;
        let Token { slot, generation, kind } = token;
        match kind {
            Kind::Accept => return self.accept_completion(slot, outcome, more),
            Kind::Wake => return self.port.wake_seen(),
            Kind::Cancel | Kind::ClientSend | Kind::BackendSend => return,
            Kind::Connect
            | Kind::ClientReady
            | Kind::BackendReady
            | Kind::ClientWritable
            | Kind::BackendWritable => {}
        }
        if !self.slots.is_current(slot, generation) {
            self.counters.add(Counter::StaleCompletion, 1);
            return;
        }
        match kind {
            Kind::Connect => self.connect_completion(slot, outcome),
            Kind::ClientReady => self.ready_completion(slot, Side::Client, outcome, more),
            Kind::BackendReady => self.ready_completion(slot, Side::Backend, outcome, more),
            Kind::ClientWritable => self.writable_completion(slot, Side::Client, outcome),
            Kind::BackendWritable => self.writable_completion(slot, Side::Backend, outcome),
            Kind::Accept | Kind::Wake | Kind::Cancel | Kind::ClientSend | Kind::BackendSend => {}
        }
    }

    fn connect_completion(&mut self, slot: u32, outcome: Outcome) {
        let ended = match outcome {
            Outcome::Connected => Ended::Well,
            // Ours, not the backend's.
            Outcome::Failed(IoFault::Descriptors | IoFault::Memory) => Ended::Unknown,
            Outcome::Failed(_) => Ended::Badly,
            Outcome::Accepted(_) | Outcome::Ready(_) | Outcome::Cancelled => Ended::Unknown,
        };
        self.hosts.end(slot, ended, self.now);
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        connection.backend.connecting = false;
        if connection.backend.closing {
            return self.returned(slot, Side::Backend);
        }
        match outcome {
            Outcome::Connected => self.connected(slot, Ok(())),
            Outcome::Failed(fault) => self.connected(slot, Err(fault)),
            Outcome::Accepted(_) | Outcome::Ready(_) | Outcome::Cancelled => {
                self.connected(slot, Err(IoFault::Reset));
            }
        }
    }

    fn ready_completion(&mut self, slot: u32, side: Side, outcome: Outcome, more: bool) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let socket = connection.socket(side);
        if !more {
            socket.polling = false;
        }
        if socket.closing {
            return self.returned(slot, side);
        }
        match outcome {
            Outcome::Ready(ready) => {
                socket.hangup |= ready.hangup;
                socket.broken |= ready.broken;
            }
            // Our own cancel always sets `closing` first; whatever else ends a poll, reading will tell what it was.
            Outcome::Cancelled | Outcome::Failed(_) | Outcome::Accepted(_) | Outcome::Connected => {
                socket.hangup = true;
            }
        }
        if !more {
            // The kernel may end a multishot poll at any time (uring.md 8); what arrived meanwhile is read now.
            self.arm_poll(slot, side);
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
                if connection.client.broken && side == Side::Client && direction.is_deaf() {
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
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let socket = connection.socket(side);
        socket.awaiting_room = false;
        if socket.closing {
            return self.returned(slot, side);
        }
        if outcome == Outcome::Cancelled {
            return;
        }
        match &connection.phase {
            Phase::Session(_) => self.send_kept(slot, side),
            Phase::Relay(_) => self.pump(slot, side.other()),
            Phase::Lmtp(_) => self.send_kept_replies(slot),
            Phase::Link(_) => self.link_writable(slot),
            Phase::Lingering | Phase::Closing => {}
        }
    }

    fn pass_deadlines(&mut self) {
        let mut due = std::mem::take(&mut self.due);
        self.wheel.expire(self.now, &mut due);
        for slot in due.drain(..) {
            let Some(connection) = self.slots.get(slot) else {
                continue;
            };
            match &connection.phase {
                Phase::Session(_) => self.session_deadline(slot),
                Phase::Relay(_) => self.relay_deadline(slot),
                Phase::Lmtp(_) => self.lmtp_deadline(slot),
                Phase::Lingering => self.abort(slot),
                Phase::Link(_) | Phase::Closing => {}
            }
        }
        self.due = due;
    }

    // === Descriptors and what the kernel holds of them ===

    /// Arms the multishot poll that a socket keeps for its whole life.
    pub(super) fn arm_poll(&mut self, slot: u32, side: Side) {
        let Some(generation) = self.slots.generation(slot) else {
            return;
        };
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let socket = connection.socket(side);
        let Some(fd) = socket.fd() else { return };
        debug_assert!(!socket.polling, "a socket is polled twice");
        socket.polling = true;
        self.port.poll(fd, Token { slot, generation, kind: side.ready() });
    }

    /// Asks to be told once when a socket takes bytes again.
    pub(super) fn await_room(&mut self, slot: u32, side: Side) {
        let Some(generation) = self.slots.generation(slot) else {
            return;
        };
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let socket = connection.socket(side);
        let Some(fd) = socket.fd() else { return };
        if !socket.awaiting_room {
            socket.awaiting_room = true;
            self.port.poll_writable(fd, Token { slot, generation, kind: side.writable() });
        }
    }

    /// Closes a socket: at once when the kernel holds nothing of it, else as soon as everything is returned.
    pub(super) fn close_side(&mut self, slot: u32, side: Side) {
        let Some(generation) = self.slots.generation(slot) else {
            return;
        };
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let socket = connection.socket(side);
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
            self.port.cancel(Token { slot, generation, kind });
        }
        self.returned(slot, side);
    }

    /// The kernel returned an operation of a socket that is being closed: close it when that was the last one, and
    /// free the slot when both sockets are closed.
    fn returned(&mut self, slot: u32, side: Side) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let Some(fd) = connection.socket(side).take_if_returned() else {
            return;
        };
        self.port.close(fd);
        self.release_or_connect(slot, side);
    }

    fn release_or_connect(&mut self, slot: u32, side: Side) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        match &mut connection.phase {
            Phase::Closing if !connection.client.is_open() && !connection.backend.is_open() => {
                self.slots.remove(slot);
                self.wheel.clear(slot);
                if !self.watches.is_empty() {
                    self.watches.remove(&slot);
                }
            }
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

    /// Ends a connection: drops its state and closes both sockets.
    pub(super) fn abort(&mut self, slot: u32) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let former = std::mem::replace(&mut connection.phase, Phase::Closing);
        connection.tls = None;
        let open = connection.client.is_open() || connection.backend.is_open();
        self.wheel.clear(slot);
        self.newcomers.set(slot, false);
        self.forget_relay(slot);
        self.close_side(slot, Side::Client);
        self.close_side(slot, Side::Backend);
        if !open {
            self.release_or_connect(slot, Side::Client);
        }
        if let Phase::Relay(relay) = &former {
            self.sessions.leave(slot, relay.label.keys());
        }
        if let Phase::Lmtp(mail) = former {
            self.sessions.leave_nameless(slot);
            for child in mail.children() {
                self.abort(child);
            }
        }
    }

    /// The port, for tests that look behind the seam.
    pub fn port_mut(&mut self) -> &mut P {
        &mut self.port
    }
}

/// Room for completions that a core keeps, in completions: 100 KB.
const COMPLETIONS_KEPT: usize = 4096;
