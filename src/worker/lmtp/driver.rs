//! Drives one LMTP session: what happened goes in, what it wishes is carried out, bytes are moved, and what came of that at
//! once goes in again, until there is nothing more to say.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::auth::verdict::Certificate;
use crate::limits;
use crate::lmtp::{Input, LinkId, Outbox, Wish};
use crate::names::Protocol;
use crate::ring::port::{Need, Port};
use crate::session::output::Counted;
use crate::share::backend_loads::Place;
use crate::share::messages::Answer;

use super::super::accept::door::Door;
use super::super::backends::connect::{Backends, NotConnected};
use super::super::backends::endpoints::Try;
use super::super::io::socket::Side;
use super::super::login::look_ups::{Found, LookUps};
use super::super::next::Next;
use super::super::report::Reports;
use super::super::signal::Signal;
use super::super::tls;
use super::super::tls::channel::CoreTls;
use super::lines::Lines;
use super::state::{Client, leaving};

/// What an LMTP session borrows of its core.
#[derive(Debug)]
pub(in crate::worker) struct Duties<'a> {
    pub(in crate::worker) look_ups: &'a mut LookUps,
    pub(in crate::worker) backends: &'a mut Backends,
    pub(in crate::worker) door: &'a Door,
    pub(in crate::worker) tls: &'a mut CoreTls,
    pub(in crate::worker) buffers: &'a mut Buffers,
    pub(in crate::worker) reports: &'a Reports,
}

/// Buffers of a core that all its LMTP sessions share; made by the first of them. They are apart from each other, because
/// what one brings leads to another being filled.
#[derive(Debug, Default)]
pub(in crate::worker) struct Buffers {
    pub(super) outbox: Outbox,
    /// Bytes on their way from a client to its session.
    pub(super) from_client: Box<[u8]>,
    /// Bytes on their way from a session's window to a backend.
    pub(super) to_backend: Box<[u8]>,
    /// A backend's replies on their way to a session.
    pub(super) from_backend: Box<[u8]>,
}

/// One LMTP session, the lines of its client, and what it borrows.
#[derive(Debug)]
pub(in crate::worker) struct Driver<'a, P: Port> {
    pub(super) client: &'a mut Client,
    pub(super) lines: Lines<'a, P>,
    pub(super) duties: Duties<'a>,
    /// What is to happen to the client's connection; once that is said, its session hears nothing more.
    pub(super) next: Next,
}

/// What the session is told next.
pub(super) type Inputs = VecDeque<Input<'static>>;

impl<'a, P: Port> Driver<'a, P> {
    /// Tells a session what happened to its client, or to the connection `link` of its, and says what is to happen to it.
    pub(in crate::worker) fn drive(
        client: &'a mut Client,
        lines: Lines<'a, P>,
        duties: Duties<'a>,
        link: Option<LinkId>,
        signal: Signal,
    ) -> Next {
        let mut driver = Self { client, lines, duties, next: Next::Stay };
        match (link, signal) {
            (None, Signal::Accepted) => driver.input(Input::Begin),
            (None, Signal::Readable(_)) => driver.read_client(),
            (None, Signal::Writable(_)) => driver.client_takes_more(),
            (None, Signal::Deadline) => driver.deadline_passed(),
            (None, Signal::Answered(question, answer)) => driver.answered(question, answer),
            (None, Signal::Crowded(_)) => driver.input(Input::Crowded),
            (None, Signal::Kicked | Signal::Shutdown) => driver.input(Input::Shutdown),
            (None, Signal::Rerouted(enquiry)) => {
                if let Some(leaving) = leaving(&enquiry.whom) {
                    driver.input(Input::Leave(leaving));
                }
            }
            (Some(link), Signal::Connected(result)) => driver.connected(link, result),
            (Some(link), Signal::Readable(_)) => driver.read_link(link),
            (Some(link), Signal::Writable(_)) => driver.link_takes_more(link),
            (link, signal) => debug_assert!(false, "{signal:?} at {link:?} of an LMTP client"),
        }
        driver.next
    }

    /// Whether it has been said what is to happen to the connection.
    pub(super) fn is_decided(&self) -> bool {
        self.next != Next::Stay
    }

    /// Gives the session one input, carries out its wishes, and goes on with what came of that at once.
    pub(super) fn input(&mut self, input: Input<'_>) {
        let mut more = Inputs::new();
        self.one_input(input, &mut more);
        loop {
            while let Some(input) = more.pop_front() {
                self.one_input(input, &mut more);
            }
            if self.is_decided() || self.let_address_in() {
                break;
            }
            more.push_back(Input::Crowded);
        }
        self.choose_next();
    }

    fn one_input(&mut self, input: Input<'_>, more: &mut Inputs) {
        if self.is_decided() {
            return;
        }
        let now = self.lines.now();
        let mut outbox = std::mem::take(&mut self.duties.buffers.outbox);
        let session = &mut self.client.session;
        // Pure code owns no descriptor, lock or kernel-lent memory, so its state may be dropped half-changed
        // (K-CORE-3); one crafted line must not take the other sessions of the core along.
        let outcome = catch_unwind(AssertUnwindSafe(|| session.on(now, input, &mut outbox)));
        if outcome.is_err() {
            self.duties.reports.panicked();
            self.next = Next::Close;
            return;
        }
        if outbox.gives_go_ahead() && self.take_injected() {
            outbox.withdraw_go_ahead();
            more.push_back(Input::ClientInjected);
        }
        if !outbox.to_client.is_empty() {
            self.send_to_client(&outbox.to_client);
            outbox.to_client.clear();
        }
        for wish in outbox.take_wishes() {
            self.wish(wish, more);
        }
        self.duties.buffers.outbox = outbox;
        if self.send_to_backends(more) {
            more.push_back(Input::BackendTook);
        }
        let is_stalled = self.client.session.is_stalled() && self.client.to_client.is_empty();
        if more.is_empty() && is_stalled {
            more.push_back(Input::ClientTook);
        }
    }

    /// Whether a client's bytes came in clear where none may; they are read, and lost.
    fn take_injected(&mut self) -> bool {
        self.lines.client().is_some_and(|mut line| line.take_injected())
    }

    fn wish(&mut self, wish: Wish, more: &mut Inputs) {
        match wish {
            Wish::Find(question) => {
                let Some(line) = self.lines.client() else { return };
                let (asker, now) = (self.client.asker(&line), line.now());
                more.extend(self.duties.look_ups.find(asker, *question, now).map(Input::Found));
            }
            Wish::Route(ask) => {
                let Some(line) = self.lines.client() else { return };
                let (asker, now) = (self.client.asker(&line), line.now());
                more.extend(self.duties.look_ups.route(asker, ask, now).map(Input::Route));
            }
            Wish::DropQuestion => self.client.asking.forget(),
            Wish::Connect { link, to, counted } => match self.take_place(&counted) {
                None => more.push_back(Input::BackendFull(link)),
                Some(place) => {
                    if let Err(why) = self.connect(link, to, place) {
                        more.push_back(self.not_connected(link, why));
                    }
                }
            },
            Wish::Drop(link) => self.drop_link(link),
            Wish::SecureClient(early) => {
                more.extend(self.secure_client(&early).err().map(Input::ClientInsecure));
            }
            Wish::SecureBackend { link, name, certificate } => {
                more.extend(self.secure_link(link, &name, certificate));
            }
            Wish::Close => self.close(),
            Wish::Report(event) => self.duties.reports.report(event),
            Wish::Learn(lesson) => {
                let now = self.lines.now();
                self.duties.reports.learn(lesson, now);
            }
        }
    }

    /// The session is over. The client's connection ends as soon as everything for it is sent.
    fn close(&mut self) {
        self.client.over_by = Some(self.lines.now().after(limits::HALF_CLOSE_LINGER));
        let Some(mut line) = self.lines.client() else { return };
        if line.is_secured(Side::Client) {
            let unsent = &mut self.client.to_client;
            tls::send::say_goodbye(&mut line, self.duties.tls, Side::Client, unsent);
        }
    }

    /// What follows every input: end when all is sent, keep the deadline, read on.
    pub(super) fn choose_next(&mut self) {
        if self.is_decided() {
            return;
        }
        let Some(mut line) = self.lines.client() else { return };
        if let Some(by) = self.client.over_by {
            if self.client.to_client.is_empty() {
                self.next = Next::Linger;
            } else {
                line.set_deadline(by);
            }
            return;
        }
        match self.client.session.deadline() {
            Some(deadline) => line.set_deadline(deadline),
            None => line.clear_deadline(),
        }
        if line.sockets.client.paused && self.client.room() > 0 {
            line.reread(Side::Client);
        }
    }

    fn deadline_passed(&mut self) {
        if self.client.over_by.is_some_and(|by| by <= self.lines.now()) {
            self.next = Next::Close;
            return;
        }
        self.input(Input::Deadline);
    }

    fn answered(&mut self, question: u32, answer: Answer) {
        let Some(line) = self.lines.client() else { return };
        let (asker, now) = (self.client.asker(&line), line.now());
        match self.duties.look_ups.answered(asker, question, answer, now) {
            Some(Found::Route(answer)) => self.input(Input::Route(answer)),
            Some(Found::Verdict(answer)) => self.input(Input::Found(answer)),
            // No client of this protocol is asked for anything.
            Some(Found::Challenge(_) | Found::Derived(_)) | None => {}
        }
    }

    /// Lets the client's address in, once, as soon as it is known. `false`: it has too many connections.
    fn let_address_in(&mut self) -> bool {
        let client = &mut *self.client;
        if client.is_admitted || !client.session.is_identified() {
            return true;
        }
        client.is_admitted = true;
        let Some(address) = client.session.visitor() else { return true };
        client.places.address = self.duties.door.enter_from(address, self.lines.now());
        client.places.address.is_some()
    }

    // === Connections to backends ===

    fn take_place(&self, counted: &Counted) -> Option<Place> {
        self.duties.backends.take_place(counted, self.duties.reports)
    }

    fn connect(&mut self, id: LinkId, to: SocketAddr, place: Place) -> Result<(), NotConnected> {
        let slot = self.lines.open(id, place).ok_or(NotConnected::Shortage(NO_SLOT))?;
        let (mut line, _) = self.lines.link(slot).ok_or(NotConnected::Shortage(NO_SLOT))?;
        let Err(why) = self.duties.backends.connect(&mut line, to, Try::First) else {
            self.client.put_link(id, slot);
            return Ok(());
        };
        self.client.give_up(slot);
        Err(why)
    }

    fn not_connected(&self, id: LinkId, why: NotConnected) -> Input<'static> {
        match why.counted(self.duties.reports) {
            NotConnected::FailsFast => Input::Broken(id, FAILS_FAST),
            NotConnected::Shortage(what) => Input::CannotConnect(id, what),
            NotConnected::Fault(fault) => Input::Broken(id, fault.reason()),
        }
    }

    fn connected(&mut self, id: LinkId, result: Result<(), NotConnected>) {
        let Some((mut line, _)) = self.client.link(id).and_then(|slot| self.lines.link(slot))
        else {
            return;
        };
        match result {
            Ok(()) => {
                // It carries messages, and may be silent between them for as long as its client likes.
                line.probe_backend();
                line.prepare_backend(Need::UnsentBound);
                line.prepare_backend(Need::FirstReceiveBuffer);
                line.arm_poll(Side::Backend);
                self.input(Input::Connected(id));
            }
            Err(why) => self.input(self.not_connected(id, why)),
        }
    }

    /// Last words, as far as they go now, and the end.
    fn drop_link(&mut self, id: LinkId) {
        // The session does not want to be told if they do not arrive.
        self.send_to_backend(id, &mut Inputs::new());
        self.client.session.forget(id);
        let Some(slot) = self.client.take_link(id) else { return };
        self.client.give_up(slot);
        self.duties.backends.give_up(slot, self.lines.now());
        let Some((mut line, unsent)) = self.lines.link(slot) else { return };
        // TLS can tell that nothing was cut off, unless something is.
        if line.is_secured(Side::Backend) && unsent.is_empty() {
            tls::send::say_goodbye(&mut line, self.duties.tls, Side::Backend, unsent);
        }
    }

    // === TLS ===

    fn secure_client(&mut self, early: &[u8]) -> Result<(), &'static str> {
        let Some(mut line) = self.lines.client() else { return Ok(()) };
        let with = (Protocol::Lmtp, self.client.asked);
        let unsent = &mut self.client.to_client;
        tls::begin::secure_client(&mut line, self.duties.tls, with, early, unsent)
    }

    /// Begins TLS behind what is due in clear: a PROXY header, or the command for it (W-PPO-3).
    fn secure_link(
        &mut self,
        id: LinkId,
        name: &Arc<str>,
        certificate: Certificate,
    ) -> Option<Input<'static>> {
        let now = self.lines.now();
        let (mut line, unsent) = self.lines.link(self.client.link(id)?)?;
        let mut clear = [0; CLEAR_BYTES];
        loop {
            let count = self.client.session.fill(id, &mut clear);
            if count == 0 {
                break;
            }
            line.send_or_keep(Side::Backend, clear.get(..count)?, unsent);
            self.client.session.sent(now, id, count);
        }
        let begun =
            tls::begin::secure_backend(&mut line, self.duties.tls, name, certificate, unsent);
        let fault = begun.err()?;
        let (word, is_lasting) = (fault.word, fault.is_lasting());
        Some(Input::BackendInsecure { link: id, word, is_lasting })
    }
}

/// Room for what stands before TLS: a PROXY header is no longer than 536 bytes (W-PPO-3).
const CLEAR_BYTES: usize = 1024;
/// For the log, where no connect was worth its time (W-FAIL-2).
const FAILS_FAST: &str = "the address has been failing, and another connect to it is under way";
/// For the log, where the core has no slot for another connection (W-FAIL-8).
const NO_SLOT: &str =
    "connections_per_core_max is reached, and backends' connections count: raise it";
