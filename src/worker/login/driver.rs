//! Drives one login: what happened goes in, what its session wishes is carried out, and what it is told at once goes in again.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::auth::answer::{Answer as AuthAnswer, Why};
use crate::auth::ask::Question;
use crate::auth::scram::Derivation;
use crate::auth::verdict::Verdict;
use crate::fault::Failure;
use crate::limits;
use crate::ring::port::{self, IoFault, Kind, Port};
use crate::session::PIPELINED;
use crate::session::input::Input;
use crate::session::output::{Outbox, Wish};
use crate::share::messages::Answer;

use super::super::accept::door::Door;
use super::super::accept::pre_login::PreLogin;
use super::super::backends::connect::Backends;
use super::super::backends::endpoints::Try;
use super::super::chance::Chance;
use super::super::io::line::Line;
use super::super::io::socket::Side;
use super::super::io::unsent::wipe;
use super::super::next::Next;
use super::super::report::Reports;
use super::super::settings::WorkerSettings;
use super::super::signal::Signal;
use super::super::tls;
use super::super::tls::channel::CoreTls;
use super::look_ups::{Found, LookUps};
use super::state::{Buffers, CROWDED, Course, LoggedIn, Login, UNREAD};
use super::throttle::{Queued, Throttle, Waited};

/// What a login borrows of its core.
#[derive(Debug)]
pub(in crate::worker) struct Duties<'a> {
    pub(in crate::worker) look_ups: &'a mut LookUps,
    pub(in crate::worker) throttle: &'a mut Throttle,
    pub(in crate::worker) backends: &'a mut Backends,
    pub(in crate::worker) door: &'a Door,
    pub(in crate::worker) pre_login: &'a mut PreLogin,
    pub(in crate::worker) tls: &'a mut CoreTls,
    pub(in crate::worker) chance: &'a mut Chance,
    pub(in crate::worker) buffers: &'a mut Buffers,
    pub(in crate::worker) settings: &'a WorkerSettings,
    pub(in crate::worker) reports: &'a Reports,
}

/// One login, its way to the kernel, and what it borrows.
#[derive(Debug)]
pub(in crate::worker) struct Driver<'a, P: Port> {
    pub(super) login: &'a mut Login,
    pub(super) line: Line<'a, P>,
    pub(super) duties: Duties<'a>,
    /// What is to happen to the connection; once that is said, its session hears nothing more.
    pub(super) next: Next,
}

impl<'a, P: Port> Driver<'a, P> {
    /// Tells a login what happened, and says what is to happen to its connection.
    pub(in crate::worker) fn drive(
        login: &'a mut Login,
        line: Line<'a, P>,
        duties: Duties<'a>,
        signal: Signal,
    ) -> Next {
        if !matches!(signal, Signal::Unsent(_)) {
            // What earlier rounds left is taken back before a connection is told anything else.
            let round = line.io.port.round();
            login.to_client.begin_round(round);
            login.to_backend.begin_round(round);
        }
        let mut driver = Self { login, line, duties, next: Next::Stay };
        match signal {
            Signal::Accepted => driver.input(Input::Begin),
            Signal::Readable(side) => driver.read(side),
            Signal::Writable(side) => driver.writable(side),
            Signal::Unsent(unsent) => driver.take_back(&unsent),
            Signal::Connected(Ok(())) => {
                driver.line.arm_poll(Side::Backend);
                driver.input(Input::Connected);
            }
            Signal::Connected(Err(why)) => driver.input(why.counted(driver.duties.reports).into()),
            Signal::BackendClosed => driver.connect_now(),
            Signal::Deadline => driver.deadline_passed(),
            Signal::Answered(question, answer) => driver.answered(question, answer),
            Signal::Waited(queued) => driver.waited(queued),
            Signal::Crowded(why) => driver.input(Input::Crowded(why)),
            Signal::Kicked if driver.login.is_under_way() => driver.input(Input::Kicked),
            Signal::Rerouted(_) if driver.login.is_under_way() => driver.input(Input::Rerouted),
            Signal::Kicked | Signal::Rerouted(_) => driver.abort("kicked by the operator"),
            Signal::Shutdown => driver.input(Input::Shutdown),
        }
        driver.next
    }

    /// Whether it has been said what is to happen to the connection.
    pub(super) fn is_decided(&self) -> bool {
        !matches!(self.next, Next::Stay)
    }

    /// Gives the session one input, carries out its wishes, and goes on with the answers that were known at once.
    pub(super) fn input(&mut self, input: Input<'_>) {
        let mut next = self.one_input(input);
        while let Some(answer) = next {
            next = self.one_input(answer);
        }
        if !self.is_decided() && !self.let_address_in() {
            return self.input(Input::Crowded(CROWDED));
        }
        self.choose_next();
    }

    fn one_input(&mut self, input: Input<'_>) -> Option<Input<'static>> {
        if self.is_decided() {
            return None;
        }
        let now = self.line.now();
        let session = &mut self.login.session;
        let outbox = &mut self.duties.buffers.outbox;
        // Pure code owns no descriptor, lock or kernel-lent memory, so its state may be dropped half-changed
        // (K-CORE-3); one crafted line must not take the other sessions of the core along.
        let outcome = catch_unwind(AssertUnwindSafe(|| session.on(now, input, outbox)));
        if outcome.is_err() {
            *outbox = Outbox::new();
            self.duties.reports.panicked();
            self.next = Next::Close;
            return None;
        }
        self.carry_out()
    }

    /// Sends what the session queued and carries out its wishes, in order.
    fn carry_out(&mut self) -> Option<Input<'static>> {
        let mut outbox = std::mem::take(&mut self.duties.buffers.outbox);
        let answer = self.carry_out_of(&mut outbox);
        outbox.to_client.clear();
        self.duties.buffers.outbox = outbox;
        answer.or_else(|| self.client_took())
    }

    fn carry_out_of(&mut self, outbox: &mut Outbox) -> Option<Input<'static>> {
        if !outbox.to_backend.is_empty() {
            self.send(Side::Backend, &outbox.to_backend);
            wipe(&mut outbox.to_backend);
        }
        if outbox.begins_tls() && self.line.take_injected() {
            outbox.discard();
            return Some(Input::ClientInsecure(PIPELINED));
        }
        if !outbox.to_client.is_empty() {
            self.send(Side::Client, &outbox.to_client);
        }
        let mut answer = None;
        for wish in outbox.take_wishes() {
            // What is to be reported has happened, whatever becomes of the connection.
            if self.is_decided() && !matches!(wish, Wish::Report(_) | Wish::Learn(_)) {
                continue;
            }
            if let Some(known) = self.wish(wish) {
                debug_assert!(answer.is_none(), "two questions answered at once");
                answer = Some(known);
            }
        }
        answer
    }

    /// A session that stopped reading until the client takes its replies goes on when it has.
    fn client_took(&self) -> Option<Input<'static>> {
        let goes_on = self.login.session.is_stalled() && self.login.to_client.is_empty();
        goes_on.then_some(Input::ClientTook)
    }

    fn wish(&mut self, wish: Wish) -> Option<Input<'static>> {
        match wish {
            Wish::Authenticate(question) => self.authenticate(*question),
            Wish::Respond(message) => {
                let (asker, now) = (self.login.asker(&self.line), self.line.now());
                let found = self.duties.look_ups.responded(asker, &message, now)?;
                Some(self.found(found))
            }
            Wish::Derive(derivation) => self.derive(*derivation),
            Wish::Route(ask) => {
                let asker = self.login.asker(&self.line);
                self.duties.look_ups.route(asker, ask, self.line.now()).map(Input::Route)
            }
            Wish::DropBackend => {
                self.drop_backend();
                None
            }
            Wish::SecureClient(early) => {
                let with = (self.login.session.protocol(), self.login.asked);
                let (line, unsent) = (&mut self.line, &mut self.login.to_client);
                let begun = tls::begin::secure_client(line, self.duties.tls, with, &early, unsent);
                begun.err().map(Input::ClientInsecure)
            }
            Wish::SecureBackend { name, certificate } => {
                let (line, unsent) = (&mut self.line, &mut self.login.to_backend);
                let tls = &mut *self.duties.tls;
                let fault =
                    tls::begin::secure_backend(line, tls, &name, certificate, unsent).err()?;
                Some(Input::BackendInsecure { word: fault.word, is_lasting: fault.is_lasting() })
            }
            Wish::Connect { to, again, counted } => {
                self.login.places.backend = None;
                let place = self.duties.backends.take_place(&counted, self.duties.reports);
                if place.is_none() {
                    return Some(Input::BackendFull);
                }
                self.login.places.backend = place;
                self.connect(to, if again { Try::Again } else { Try::First })
            }
            Wish::Relay(handover) => {
                let since = self.line.now();
                self.login.course = Course::LoggedIn(LoggedIn { handover, since, rounds: [0; 2] });
                None
            }
            Wish::Close => {
                if self.line.is_secured(Side::Client) {
                    let (line, unsent) = (&mut self.line, &mut self.login.to_client);
                    tls::send::say_goodbye(line, self.duties.tls, Side::Client, unsent);
                }
                self.login.course = Course::Over;
                None
            }
            Wish::Report(event) => {
                self.duties.reports.count_event(&event);
                self.duties.throttle.judge(self.login, &event, self.line.now());
                self.duties.reports.log(event);
                None
            }
            Wish::Learn(lesson) => {
                self.duties.reports.learn(lesson, self.line.now());
                None
            }
            Wish::Doubt { host, protocol } => {
                self.duties.reports.doubt(&host, protocol, self.line.now());
                self.duties.look_ups.given_up(&host).map(Input::BackendBroken)
            }
        }
    }

    /// What follows every input: start the relay or end when all is sent, keep the deadline, read on.
    fn choose_next(&mut self) {
        if self.is_decided() {
            return;
        }
        let login = &mut *self.login;
        if !login.session.is_attempting() {
            self.duties.throttle.give_back(&mut login.under_way);
            login.asking.forget();
            if !matches!(login.course, Course::LoggedIn(_)) {
                login.places.seat = None;
            }
        }
        let waits = login.is_under_way() && login.session.awaits_client();
        self.duties.pre_login.set(self.line.slot, waits);
        let client_done = login.to_client.is_empty();
        match login.course {
            Course::LoggedIn(_) if client_done && login.to_backend.is_empty() => {
                self.next = Next::Relay;
            }
            Course::LoggedIn(_) => self.limit_last_bytes(limits::STALL_TIMEOUT),
            Course::Over if client_done => self.next = Next::Linger,
            Course::Over => self.limit_last_bytes(limits::HALF_CLOSE_LINGER),
            Course::UnderWay => self.go_on(),
        }
    }

    /// Keeps the session's deadline, and reads on where there was no room before.
    fn go_on(&mut self) {
        match self.login.session.deadline() {
            Some(deadline) => self.line.set_deadline(deadline),
            None => self.line.clear_deadline(),
        }
        for side in Side::BOTH {
            if self.line.sockets.of(side).paused && self.login.room(side) > 0 {
                self.line.reread(side);
            }
        }
    }

    /// The session is over but for bytes that a socket does not take; that must not last for ever (BE-14).
    fn limit_last_bytes(&mut self, limit: Duration) {
        let at = self.line.now().after(limit);
        let at = *self.login.last_bytes_by.get_or_insert(at);
        self.line.set_deadline(at);
    }

    /// The session's time is up, or that for its last bytes.
    fn deadline_passed(&mut self) {
        if self.login.last_bytes_by.is_some_and(|by| by <= self.line.now()) {
            return self.abort(UNREAD);
        }
        self.input(Input::Deadline);
    }

    /// Ends the connection without another word to either side.
    pub(super) fn abort(&mut self, reason: &'static str) {
        let now = self.line.now();
        self.duties.reports.log(self.login.session.aborted(now, reason));
        self.next = Next::Close;
    }

    // === Questions ===

    /// Asks the password databases, if it is the login's turn.
    fn authenticate(&mut self, question: Question) -> Option<Input<'static>> {
        let now = self.line.now();
        if !self.duties.throttle.take_turn(self.login, &question, now) {
            let (slot, generation) = (self.line.slot, self.line.generation);
            self.duties.throttle.queue(slot, generation, question, now);
            return None;
        }
        self.ask(question)
    }

    fn ask(&mut self, mut question: Question) -> Option<Input<'static>> {
        if question.proof.is_bound() {
            question.bound_to = tls::begin::exported(&mut self.line);
        }
        let (about, asker) = (self.login.about(), self.login.asker(&self.line));
        let found = self.duties.look_ups.authenticate(asker, question, about, self.line.now())?;
        Some(self.found(found))
    }

    fn derive(&mut self, derivation: Derivation) -> Option<Input<'static>> {
        let asker = self.login.asker(&self.line);
        let found = self.duties.look_ups.derive(asker, derivation)?;
        Some(self.found(found))
    }

    fn found(&mut self, found: Found) -> Input<'static> {
        match found {
            Found::Verdict(answer) => self.verdict(answer),
            Found::Challenge(message) => Input::Challenge(message),
            Found::Derived(derived) => Input::Derived(derived),
            Found::Route(answer) => Input::Route(answer),
        }
    }

    /// A login that waited for others of its prefix.
    fn waited(&mut self, queued: Queued) {
        // Its session's own deadline was faster.
        if !self.login.session.is_attempting() {
            return;
        }
        match self.duties.throttle.look_again(self.login, queued, self.line.now()) {
            Waited::Longer => {}
            Waited::TooLong => {
                let refused = AuthAnswer::refused(Failure::Unavailable, Why::NoTurn);
                let verdict = self.verdict(Box::new(refused));
                self.input(verdict);
            }
            Waited::Turn(question) => {
                self.input(Input::TurnCame);
                if let (false, Some(verdict)) = (self.is_decided(), self.ask(question)) {
                    self.input(verdict);
                }
            }
        }
    }

    /// What the session hears of an answer: when it takes effect, the failures that count against its prefix, and a
    /// user who has too many sessions is refused after all.
    fn verdict(&mut self, mut answer: Box<AuthAnswer>) -> Input<'static> {
        let now = self.line.now();
        if let Some(delay) = &answer.delay_until {
            let at = delay.at(now, self.line.io.port.unix_ms(), self.duties.chance.draw());
            answer.not_before = answer.not_before.max(Some(at));
        }
        let under_way = self.login.under_way.as_ref();
        let earlier_failures = under_way.map_or(0, |login| login.earlier_failures(now));
        if let Verdict::Accept(grant) = &answer.verdict {
            let most = self.duties.settings.seats_max(self.login.session.protocol());
            match self.duties.throttle.seat(self.login, &grant.user, most) {
                Some(seat) => self.login.places.seat = seat,
                None => *answer = AuthAnswer::refused(Failure::Limit, Why::NoSeat),
            }
        }
        Input::Verdict { answer, earlier_failures }
    }

    fn answered(&mut self, question: u32, answer: Answer) {
        let (asker, now) = (self.login.asker(&self.line), self.line.now());
        if let Some(found) = self.duties.look_ups.answered(asker, question, answer, now) {
            let input = self.found(found);
            self.input(input);
        }
    }

    /// Asks once, as soon as the client's address is known, whether it may have this connection.
    fn let_address_in(&mut self) -> bool {
        let session = &self.login.session;
        if self.login.is_admitted || !session.is_identified() {
            return true;
        }
        self.login.is_admitted = true;
        let Some(address) = session.visitor() else {
            return true;
        };
        let pass = self.duties.door.enter_from(address, self.line.now());
        let is_let_in = pass.is_some();
        self.login.places.address = pass;
        is_let_in
    }

    // === The backend ===

    fn drop_backend(&mut self) {
        self.login.to_backend.forget();
        self.login.connect_next = None;
        self.login.places.backend = None;
        self.duties.backends.give_up(self.line.slot, self.line.now());
        self.line.forget_tls(Side::Backend);
        self.line.close(Side::Backend);
    }

    /// Connects; a former backend's descriptor is closed first.
    fn connect(&mut self, to: SocketAddr, which: Try) -> Option<Input<'static>> {
        if self.line.sockets.backend.is_open() {
            self.login.connect_next = Some((to, which));
            return None;
        }
        let connected = self.duties.backends.connect(&mut self.line, to, which);
        connected.err().map(|why| why.counted(self.duties.reports).into())
    }

    /// The former backend's descriptor is closed: the connect that waited for it is made.
    fn connect_now(&mut self) {
        if let Some((to, which)) = self.login.connect_next.take()
            && let Some(failure) = self.connect(to, which)
        {
            self.input(failure);
        }
    }

    // === Sending ===

    /// Sends bytes, sealed if their side has TLS; what the socket does not take is kept.
    fn send(&mut self, side: Side, bytes: &[u8]) {
        let (line, unsent) = (&mut self.line, self.login.unsent(side));
        if line.is_secured(side) {
            tls::send::send_or_keep(line, self.duties.tls, side, bytes, unsent);
        } else {
            line.send_or_keep(side, bytes, unsent);
        }
        self.check_unread();
    }

    /// A client may not leave more untaken than any client may.
    pub(super) fn check_unread(&mut self) {
        let is_handed_over = matches!(self.login.course, Course::LoggedIn(_));
        if !is_handed_over && self.login.to_client.len() > limits::LOGIN_OUTPUT_BYTES_MAX {
            self.abort(UNREAD);
        }
    }

    /// A side takes bytes again: sends what was kept for it.
    fn writable(&mut self, side: Side) {
        match self.line.send_kept(side, self.login.unsent(side)) {
            Ok(()) => {}
            // The client is still owed its reply, and another attempt may follow.
            Err(fault)
                if side == Side::Backend && !matches!(self.login.course, Course::LoggedIn(_)) =>
            {
                return self.input(Input::BackendBroken(fault.reason()));
            }
            Err(_) => return self.abort("connection broke while a reply was under way"),
        }
        match self.client_took() {
            Some(input) => self.input(input),
            None => self.choose_next(),
        }
    }

    /// A side did not take all of what was sent with others' bytes. The next read shows whether its connection broke, and how.
    fn take_back(&mut self, unsent: &port::Unsent) {
        let side = if unsent.token.kind == Kind::ClientSend { Side::Client } else { Side::Backend };
        if unsent.fault == IoFault::WouldBlock {
            self.login.unsent(side).put_back(&unsent.bytes);
            self.line.await_room(side);
            self.check_unread();
            self.choose_next();
        }
    }

    /// A side broke while it was read.
    pub(super) fn broken(&mut self, side: Side, fault: IoFault) {
        match side {
            Side::Backend => self.input(Input::BackendBroken(fault.reason())),
            // All that runs for it is cancelled (W-PIPE-6). A session that is over has been reported.
            Side::Client if matches!(self.login.course, Course::Over) => self.next = Next::Close,
            Side::Client => self.abort("client reset the connection"),
        }
    }
}
