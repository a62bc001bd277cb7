//! The loop of a data core: wait, take completions, read the mailbox, let deadlines pass, let hot directions advance.
//!
//! Decides: whose turn it is, and, told by a driver's [`Next`], how a connection goes on or ends. Slots are taken and freed
//! here and nowhere else. Does not: read or send; drivers do, each on the line of its own connection.

use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use crate::names::Protocol;
use crate::ring::port::{Completion, Fd, Kind, Outcome, Port, Token};
use crate::ring::slots::Slots;
use crate::session::output::Handover;
use crate::share::backend_loads::Place;
use crate::share::counters::Counter;
use crate::share::mailbox::Mailbox;
use crate::share::messages::{Ticket, ToCore};

use super::accept::listener::Listener;
use super::accept::listeners::{Listeners, Room};
use super::accept::pre_login::PreLogin;
use super::backends::endpoints::Endpoints;
use super::connection::{Connection, Phase};
use super::drain::Drain;
use super::io::Io;
use super::io::line::Line;
use super::io::socket::{Side, Sockets};
use super::io::timers::Timers;
use super::lmtp::driver as lmtp;
use super::lmtp::lines::Lines;
use super::lmtp::state::Client;
use super::login::look_ups::LookUps;
use super::login::state::LoggedIn;
use super::next::Next;
use super::relay::driver::Driver;
use super::relay::label::Label;
use super::relay::state::Relay;
use super::renewal::Renewal;
use super::rooms::Rooms;
use super::sessions::Sessions;
use super::settings::{Links, WorkerSettings};
use super::signal::Signal;

/// A data core. Generic over the kernel alone, so that the simulator can take its place.
pub struct Worker<P: Port> {
    pub(super) io: Io<P>,
    pub(super) slots: Slots<Connection>,
    pub(super) listeners: Listeners,
    pub(super) rooms: Rooms,
    /// What others tell this core.
    mailbox: Arc<Mailbox<ToCore>>,
    pub(super) draining: Option<Drain>,
    /// Where another edition of the configuration is found; none: there is only one.
    renewal: Option<Renewal>,
    completions: Vec<Completion>,
    due: Vec<u32>,
}

impl<P: Port> std::fmt::Debug for Worker<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("live", &self.slots.live())
            .field("relays", &self.rooms.relays.count())
            .finish_non_exhaustive()
    }
}

impl<P: Port> Worker<P> {
    /// A core that serves `listeners`. It accepts from the first turn on. `seed`: for jitter and session ids.
    pub fn new(
        port: P,
        settings: &Arc<WorkerSettings>,
        links: Links,
        listeners: Vec<Listener>,
        look_ups: LookUps,
        seed: u64,
    ) -> Self {
        let bound = settings.connections_max;
        let mut io = Io::new(port, bound);
        Self {
            slots: Slots::new(bound),
            listeners: Listeners::new(listeners, &mut io),
            mailbox: Arc::clone(&links.mail),
            rooms: Rooms::new(settings, links, look_ups, seed, io.now),
            draining: None,
            renewal: None,
            completions: Vec::with_capacity(1024),
            due: Vec::with_capacity(64),
            io,
        }
    }

    /// The same, where the configuration may change.
    #[must_use]
    pub fn renewed_by(self, renewal: Renewal) -> Self {
        let mut worker = Self { renewal: Some(renewal), ..self };
        worker.renew();
        worker
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
        self.rooms.tls.renew_steps();
        self.take_unsent();
        for completion in completions.drain(..) {
            self.completion(completion);
        }
        // Ten thousand sessions may stir at once; the room for that is given back.
        completions.shrink_to(COMPLETIONS_KEPT);
        self.completions = completions;
        self.read_mailbox();
        self.answer_enquiry();
        self.pass_deadlines();
        self.listeners.rearm(&mut self.io);
        self.serve_queue();
        for _ in 0..self.io.rereads.len() {
            if let Some((slot, side)) = self.io.rereads.pop_front() {
                self.tell(slot, Signal::Readable(side));
            }
        }
        self.advance_queued();
        self.drain_step();
        self.look_back();
        if cfg!(debug_assertions) {
            self.check_invariants_sometimes();
        }
    }

    /// What this turn took, and whether the kernel kept up.
    fn look_back(&mut self) {
        if let Some(overflow) = self.io.port.take_overflow() {
            self.rooms.reports.overflowed(overflow);
        }
        let took = self.io.port.now().since(self.io.now);
        if !took.is_zero() {
            self.rooms.reports.took_turn(took);
        }
    }

    /// How long the core may sleep.
    fn patience(&self) -> Option<Duration> {
        let is_asked = !self.rooms.enquiries.are_answered();
        let has_work = self.rooms.relays.queued() > 0 || !self.io.rereads.is_empty() || is_asked;
        if has_work || !self.mailbox.fall_asleep() {
            return Some(Duration::ZERO);
        }
        let now = self.io.now;
        let deadline = self.io.timers.quiet_for(now);
        let listeners = self.listeners.wait(&self.io);
        let throttle = self.rooms.throttle.wait(now);
        [deadline, listeners, self.drain_wait(), throttle].into_iter().flatten().min()
    }

    // === What happens ===

    fn completion(&mut self, completion: Completion) {
        let Completion { token, outcome, more } = completion;
        let Token { slot, generation, kind } = token;
        let (side, is_ready) = match kind {
            Kind::Accept => return self.accepted(slot, outcome, more),
            Kind::Connect => return self.connected(slot, generation, outcome),
            // The mailbox is read in each turn.
            Kind::Wake | Kind::Cancel | Kind::ClientSend | Kind::BackendSend => return,
            Kind::ClientReady => (Side::Client, true),
            Kind::BackendReady => (Side::Backend, true),
            Kind::ClientWritable => (Side::Client, false),
            Kind::BackendWritable => (Side::Backend, false),
        };
        // What another connection's flush sent and did not get away goes back first.
        self.take_unsent();
        let Some(connection) = self.slots.current(slot, generation) else {
            return self.rooms.reports.count(Counter::StaleCompletion);
        };
        let (mut line, phase) = connection.split(&mut self.io, slot, generation);
        let socket = line.socket(side);
        if is_ready {
            socket.polling &= more;
        } else {
            socket.awaiting_room = false;
        }
        if socket.closing {
            return self.returned(slot, side);
        }
        let signal = if is_ready {
            socket.note(match outcome {
                Outcome::Ready(ready) => Some(ready),
                _ => None,
            });
            if !more {
                // The kernel may end a multishot poll at any time (K-RING-3); what arrived meanwhile is read now.
                line.arm_poll(side);
            }
            Signal::Readable(side)
        } else if outcome == Outcome::Cancelled {
            return;
        } else {
            Signal::Writable(side)
        };
        if matches!(phase, Phase::Lmtp(_) | Phase::Link(_)) {
            return self.tell_lmtp(slot, signal);
        }
        let next = self.rooms.tell(line, phase, signal);
        self.act(slot, next);
    }

    fn connected(&mut self, slot: u32, generation: u32, outcome: Outcome) {
        let Some(connection) = self.slots.current(slot, generation) else {
            return self.rooms.reports.count(Counter::StaleCompletion);
        };
        let socket = &mut connection.sockets.backend;
        socket.connecting = false;
        let is_closing = socket.closing;
        let result = self.rooms.backends.connected(slot, outcome, self.io.now);
        if is_closing {
            return self.returned(slot, Side::Backend);
        }
        self.tell(slot, Signal::Connected(result));
    }

    /// A listener has a connection for us, or cannot accept any.
    fn accepted(&mut self, index: u32, outcome: Outcome, more: bool) {
        let (io, reports) = (&mut self.io, &self.rooms.reports);
        if let Some(accepted) = self.listeners.completed(index, outcome, more, io, reports) {
            self.let_in(accepted);
        }
        self.take_waiting();
    }

    fn let_in(&mut self, accepted: (usize, Fd)) {
        let is_full = self.slots.live() >= self.slots.bound();
        let room = if is_full { Room::None } else { Room::Left };
        let Rooms { door, settings, reports, .. } = &self.rooms;
        let arrival = self.listeners.judge(accepted, room, door, &mut self.io, settings, reports);
        let Some(arrival) = arrival else { return };
        self.make_room();
        let fd = arrival.fd;
        let Rooms { settings, chance, .. } = &mut self.rooms;
        let phase = match arrival.protocol {
            Protocol::Lmtp => {
                Phase::Lmtp(Some(Box::new(Client::new(arrival, settings, chance, self.io.now))))
            }
            _ => Phase::Login(Box::new(arrival.into_login(settings, chance, self.io.now))),
        };
        match self.slots.insert(Connection::new(Sockets::accepted(fd), phase)) {
            Ok((slot, _)) => {
                if let Some((mut line, phase)) = self.line(slot) {
                    line.arm_poll(Side::Client);
                    if let Phase::Lmtp(_) = phase {
                        self.rooms.sessions.enter_nameless(slot);
                    }
                }
                self.tell(slot, Signal::Accepted);
            }
            Err(_) => {
                debug_assert!(false, "a connection was let in although the table is full");
                self.io.port.close(fd);
            }
        }
    }

    /// While few places are left, each newcomer takes that of the client that has waited longest without logging in
    /// (W-PIPE-7). A client with a login, or in the middle of one, never has to go.
    fn make_room(&mut self) {
        let bound = self.slots.bound();
        if self.slots.live() < bound - limits::CONNECTIONS_SPARE.min(bound / 8) {
            return;
        }
        let Some(oldest) = self.rooms.pre_login.oldest() else {
            return;
        };
        self.rooms.reports.count(Counter::CrowdedOut);
        self.rooms.reports.complain(
            self.io.now,
            "connections_per_core_max is nearly reached: the oldest connections without a login are closed to make \
             room; find out who connects without logging in (log_debug = yes names them), or raise it",
        );
        self.tell(
            oldest,
            Signal::Crowded("made room for newer connections (connections_per_core_max)"),
        );
        // Its place is needed now: no waiting for its end.
        self.act(oldest, Next::Close);
    }

    /// Takes what other threads sent.
    fn read_mailbox(&mut self) {
        while let Some(message) = self.mailbox.take() {
            match message {
                ToCore::Answer { ticket, answer } => {
                    let Ticket { slot, generation, question, .. } = ticket;
                    // A slot that is used anew: its former session's answer (W-PIPE-6).
                    if self.slots.is_current(slot, generation) {
                        self.tell(slot, Signal::Answered(question, answer));
                    }
                }
                ToCore::Enquire(enquiry, from) => self.rooms.enquiries.ask(enquiry, from),
                ToCore::Trace(order) => self.trace(order),
                ToCore::Beat(number) => self.rooms.reports.answer_beat(number),
                ToCore::Drain(within) => self.drain(within),
                ToCore::Renew => self.renew(),
            }
        }
    }

    /// The edition of the configuration that is published now holds for connections that come from here on.
    fn renew(&mut self) {
        let Some(renewal) = &mut self.renewal else { return };
        let news = renewal.look();
        if let Some((settings, cache)) = news.settings {
            self.rooms.renew(&settings, &cache);
        }
        let passed = self.io.port.take_passed();
        self.listeners.renew(&news.open, news.next_socket, passed, &mut self.io);
        self.rooms.reports.listen(self.listeners.descriptors().count());
        self.take_waiting();
        self.rooms.reports.go_by(news.serial);
    }

    /// Lets those in who wait at listeners that close.
    fn take_waiting(&mut self) {
        if !self.listeners.are_emptying() {
            return;
        }
        while let Some(accepted) = self.listeners.take_waiting(&mut self.io) {
            self.let_in(accepted);
        }
        self.rooms.reports.listen(self.listeners.descriptors().count());
    }

    fn pass_deadlines(&mut self) {
        let mut due = std::mem::take(&mut self.due);
        self.io.timers.expire(self.io.now, &mut due);
        for slot in due.drain(..) {
            self.tell(slot, Signal::Deadline);
        }
        self.due = due;
    }

    /// Gives logins that wait for their address prefix's turn another look, the longest waiting first.
    fn serve_queue(&mut self) {
        for _ in 0..self.rooms.throttle.due(self.io.now) {
            let Some(queued) = self.rooms.throttle.next() else { return };
            // Otherwise the client went away.
            if self.slots.is_current(queued.slot, queued.generation) {
                self.tell(queued.slot, Signal::Waited(queued));
            }
        }
    }

    // === How a connection goes on ===

    /// A connection's way to the kernel, and what it is in the middle of.
    pub(super) fn line(&mut self, slot: u32) -> Option<(Line<'_, P>, &mut Phase)> {
        let (generation, connection) = self.slots.named(slot)?;
        Some(connection.split(&mut self.io, slot, generation))
    }

    /// Tells a connection what happened to it, and does what it says.
    pub(super) fn tell(&mut self, slot: u32, signal: Signal) {
        // What another connection's flush sent and did not get away goes back first.
        self.take_unsent();
        self.tell_now(slot, signal);
    }

    fn tell_now(&mut self, slot: u32, signal: Signal) {
        let Some((generation, connection)) = self.slots.named(slot) else { return };
        let (line, phase) = connection.split(&mut self.io, slot, generation);
        if matches!(phase, Phase::Lmtp(_) | Phase::Link(_)) {
            return self.tell_lmtp(slot, signal);
        }
        let next = self.rooms.tell(line, phase, signal);
        self.act(slot, next);
    }

    /// Does what a driver has said about its connection.
    pub(super) fn act(&mut self, slot: u32, next: Next) {
        match next {
            Next::Stay => {}
            Next::Relay => self.start_relay(slot),
            Next::Linger => self.linger(slot),
            Next::Ended { by, error } => self.end_relay(slot, by, error),
            Next::Close => self.release(slot),
        }
    }

    /// Everything of a login is sent: from here on only bytes move. The session's memory goes here.
    fn start_relay(&mut self, slot: u32) {
        let now = self.io.now;
        let endpoint = self.rooms.backends.endpoint(slot);
        let Some(Connection { phase, .. }) = self.slots.get_mut(slot) else { return };
        let logged_in = match std::mem::replace(phase, Phase::Closing) {
            Phase::Login(login) => login.into_relay(),
            _ => None,
        };
        let Some((LoggedIn { handover, since, rounds }, mut places)) = logged_in else {
            debug_assert!(false, "a relay begins behind a login that has succeeded");
            return self.release(slot);
        };
        let Handover { subject, backend, group, watch, valid_until } = *handover;
        let place = places.backend.take();
        let load = place.as_ref().and_then(Place::load);
        let home = self.rooms.sessions.home(&backend, group.as_deref(), load);
        let label = Box::new(Label::new(subject, home, since, places));
        self.rooms.sessions.enter(slot, label.keys());
        // The session counts among the backend's connections now, in place of the login.
        drop(place);
        self.rooms.relays.taps.begin(slot, &label, now);
        *phase = Phase::Relay(Relay::new(label, endpoint, rounds, now));
        self.rooms.relays.enter(slot, endpoint, watch, valid_until);
        self.tell_relay(slot, |driver| driver.begin());
        // What arrived while the session was not reading has been told already: such a side gets a look now.
        for side in Side::BOTH {
            if self.relay(slot).is_some_and(|driver| driver.has_unread(side)) {
                self.take_unsent();
                self.tell_relay(slot, |driver| driver.advance(side));
            }
        }
    }

    /// A relayed session and what drives it. `None`: the slot has none, or none any more.
    pub(super) fn relay(&mut self, slot: u32) -> Option<Driver<'_, P>> {
        let (generation, connection) = self.slots.named(slot)?;
        let (line, phase) = connection.split(&mut self.io, slot, generation);
        let Phase::Relay(relay) = phase else { return None };
        Some(self.rooms.relay(line, relay))
    }

    pub(super) fn tell_relay(&mut self, slot: u32, what: impl FnOnce(&mut Driver<'_, P>) -> Next) {
        if let Some(mut driver) = self.relay(slot) {
            let next = what(&mut driver);
            self.act(slot, next);
        }
    }

    /// Takes back what peers did not take of what was sent to them with the bytes of others.
    pub(super) fn take_unsent(&mut self) {
        while let Some(unsent) = self.io.port.take_unsent() {
            let Token { slot, generation, .. } = unsent.token;
            if self.slots.is_current(slot, generation) {
                self.tell_now(slot, Signal::Unsent(unsent));
            }
        }
    }

    /// Lets every direction on the list of those that have more to move advance once, in order.
    fn advance_queued(&mut self) {
        let count = self.rooms.relays.queued();
        if count > 0 {
            self.io.port.flush();
        }
        for _ in 0..count {
            let Some((slot, side)) = self.rooms.relays.next_queued() else { return };
            self.take_unsent();
            self.tell_relay(slot, |driver| driver.advance_queued(side));
        }
    }

    // === LMTP ===

    /// Tells an LMTP client what happened to it, or to one of its connections to backends, and does what it says.
    fn tell_lmtp(&mut self, slot: u32, signal: Signal) {
        let (client_slot, link) = match self.slots.get(slot).map(|connection| &connection.phase) {
            Some(Phase::Link(link)) => (link.client, Some(link.id)),
            _ => (slot, None),
        };
        let connection = self.slots.get_mut(client_slot);
        let Some(mut client) = connection.and_then(Connection::lend_client) else {
            debug_assert!(false, "a connection to an LMTP backend without its client");
            return;
        };
        let lines = Lines::new(&mut self.io, &mut self.slots, client_slot);
        let next = lmtp::Driver::drive(&mut client, lines, self.rooms.lmtp(), link, signal);
        let given_up = client.take_given_up();
        if let Some(connection) = self.slots.get_mut(client_slot) {
            connection.give_back(client);
        }
        for slot in given_up {
            self.release(slot);
        }
        self.act(client_slot, next);
    }

    /// The port, for tests that look behind the seam.
    pub fn port_mut(&mut self) -> &mut P {
        &mut self.io.port
    }
}

/// Room for completions that a core keeps, in completions: 100 KB.
const COMPLETIONS_KEPT: usize = 4096;

/// What an idle relayed session takes, the user's name and its share of the index's heads aside: its place in each table
/// that has one for every slot, and its label (K-CORE-1).
const IDLE_SESSION_BYTES: usize = Slots::<Connection>::SLOT_BYTES
    + Timers::SLOT_BYTES
    + PreLogin::SLOT_BYTES
    + Endpoints::SLOT_BYTES
    + Sessions::SLOT_BYTES
    + size_of::<Label>();

const _: () = assert!(IDLE_SESSION_BYTES <= 256);
