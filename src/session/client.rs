//! The client's side of a session: from its greeting to a login, and from the login's end back to its commands or on to the
//! relay.
//!
//! Decides: how long a command may take, when commands are left unread, that each login is answered exactly once (W-FAIL-4),
//! what is written before the relay begins (W-REL-1). Does not: read commands or word answers; the dialogue does.
//! Driver: `machine`. Tests: `tests/transcripts/session`, `tests/pure/session`.

use std::sync::Arc;

use super::history::Marks;
use super::input::Input;
use super::login::{Login, Progress};
use super::machine::{Session, Stage, Talking};
use super::output::{Handover, Outbox, Wish};
use super::settings::SessionSettings;
use super::step::{LoggedIn, Refusal, Scene};
use crate::event::{Event, Notice, Took};
use crate::facts::ClientCertificate;
use crate::front::{Arrival, Ending, Front, HeaderRead, Opening, PIPELINED, Start};
use crate::limits;
use crate::preauth::capability::Rules;
use crate::preauth::{CloseReason, Step};
use crate::relay::Watch;
use crate::tick::Tick;

impl Session {
    // === The front ===

    pub(super) fn client_bytes(&mut self, now: Tick, bytes: &[u8], outbox: &mut Outbox) {
        match &mut self.stage {
            Stage::Over => {}
            Stage::Arriving(arrival) => {
                match arrival.read(&mut self.front, &self.settings.trusted, bytes) {
                    HeaderRead::More => {}
                    HeaderRead::Complete(rest) => {
                        self.history.header = Some(Took::new(now.since(self.accepted())));
                        self.start(now, rest, outbox);
                    }
                    HeaderRead::Ended(ending) => self.end(now, ending, outbox),
                }
            }
            Stage::Talking(_) => {
                self.front.keep(bytes);
                self.read_commands(now, outbox);
            }
            Stage::LoggingIn(_) => {
                self.front.keep(bytes);
                self.read_answer(now, outbox);
            }
        }
    }

    /// The connection may speak: with TLS first if that is how it begins. `early`: bytes of it that have been read already.
    pub(super) fn start(&mut self, now: Tick, early: &[u8], outbox: &mut Outbox) {
        match Arrival::start(&mut self.front, now) {
            Start::Shake(arrival) => {
                self.stage = Stage::Arriving(arrival);
                outbox.wish(Wish::SecureClient(early.into()));
            }
            Start::Greet => {
                self.greet(outbox);
                self.front.keep(early);
                self.stage = Stage::Talking(Talking::default());
                self.read_commands(now, outbox);
            }
        }
    }

    fn greet(&mut self, outbox: &mut Outbox) {
        let rules = rules_on(&self.settings, &self.front);
        self.dialogue.greet(rules, &self.front.facts, &mut outbox.to_client);
    }

    /// TLS stands: greet, or forget what was learnt in clear (W-STLS-3).
    pub(super) fn client_secured(
        &mut self,
        server_name: Option<Box<str>>,
        certificate: ClientCertificate,
        outbox: &mut Outbox,
    ) {
        let Stage::Arriving(arrival) = &self.stage else { return };
        let opening = arrival.secured(&mut self.front, server_name, certificate);
        let Some(opening) = opening else { return };
        self.stage = Stage::Talking(Talking::default());
        match opening {
            Opening::First => self.greet(outbox),
            Opening::Starttls => {
                let rules = rules_on(&self.settings, &self.front);
                self.dialogue.secured(rules, &mut outbox.to_client);
            }
        }
    }

    /// No TLS, or no more: there is no way back to clear (W-STLS-7).
    pub(super) fn client_insecure(&mut self, report: Event, outbox: &mut Outbox) {
        if !matches!(self.stage, Stage::Over) {
            self.abort(report, outbox);
        }
    }

    pub(super) fn client_end(&mut self, now: Tick, outbox: &mut Outbox) {
        self.front.has_ended = true;
        match &self.stage {
            Stage::Arriving(arrival) => {
                let ending = arrival.left();
                self.end(now, ending, outbox);
            }
            // What it said before is answered first.
            Stage::Talking(Talking { is_stalled: true, .. }) => {}
            Stage::Talking(_) => self.abort(self.aborted(now, DISCONNECTED), outbox),
            // The login goes on: a client that half-closes still gets its reply (IM-15). If it is gone for good, the
            // reply breaks the connection and everything is freed.
            Stage::LoggingIn(login) if login.is_challenged() => {
                self.abort(self.aborted(now, DISCONNECTED), outbox);
            }
            Stage::LoggingIn(_) | Stage::Over => {}
        }
    }

    /// A connection ends that did not get through the front.
    pub(super) fn end(&mut self, now: Tick, ending: Ending, outbox: &mut Outbox) {
        let report = match ending {
            Ending::Refused { reason, closed } => self.front.refused(reason, closed),
            Ending::Aborted(reason) => self.aborted(now, reason),
        };
        self.abort(report, outbox);
    }

    // === Commands ===

    /// Reads commands until something else than the client is needed.
    pub(super) fn read_commands(&mut self, now: Tick, outbox: &mut Outbox) {
        // Cheap to look up and the only borrow that outlives it: the rules follow the facts as they are now.
        let settings = Arc::clone(&self.settings);
        let rules = rules_on(&settings, &self.front);
        let (facts, inbox) = (&mut self.front.facts, &mut self.front.inbox);
        let step = self.dialogue.read(rules, facts, inbox, &mut outbox.to_client);
        self.report_notes(now, outbox);
        self.follow(now, step, outbox);
    }

    /// Does what the dialogue needs next.
    fn follow(&mut self, now: Tick, step: Step, outbox: &mut Outbox) {
        match step {
            // No answer is due without a challenge.
            Step::More | Step::Answer(_) => self.await_command(now, outbox),
            Step::Login(credentials) => {
                let begin = |scene: &mut Scene<'_>| Login::begin(credentials, scene);
                self.begin_login(now, begin, outbox);
            }
            Step::Hopeless(unusable) => {
                let begin = |scene: &mut Scene<'_>| Login::begin_unasked(unusable, scene);
                self.begin_login(now, begin, outbox);
            }
            Step::StartTls => {
                self.stage = Stage::Arriving(Arrival::starttls(&mut self.front, now));
                outbox.wish(Wish::SecureClient(Box::default()));
            }
            Step::Close(reason) => self.abort(self.aborted(now, close_reason(reason)), outbox),
        }
    }

    /// Reads the answer to a challenge, if one is due and the login waits for it. A client that gives up has no login under way
    /// any more, and nothing of it is left (W-SASL-5, W-SASL-6).
    fn read_answer(&mut self, now: Tick, outbox: &mut Outbox) {
        if !matches!(&self.stage, Stage::LoggingIn(login) if login.is_challenged()) {
            return;
        }
        let settings = Arc::clone(&self.settings);
        let rules = rules_on(&settings, &self.front);
        let (facts, inbox) = (&mut self.front.facts, &mut self.front.inbox);
        match self.dialogue.read(rules, facts, inbox, &mut outbox.to_client) {
            Step::Answer(message) => self.login_input(now, Input::Answer(message), outbox),
            Step::More if self.dialogue.awaits_answer() => {
                if self.front.has_ended {
                    self.abort(self.aborted(now, DISCONNECTED), outbox);
                }
            }
            step => {
                if matches!(&self.stage, Stage::LoggingIn(login) if login.has_backend()) {
                    outbox.wish(Wish::DropBackend);
                }
                self.stage = Stage::Talking(Talking::default());
                self.follow(now, step, outbox);
            }
        }
    }

    /// Each command, and each answer to an invitation of ours, has its own time; bytes do not prolong it (W-PIPE-3).
    fn await_command(&mut self, now: Tick, outbox: &mut Outbox) {
        let Stage::Talking(talking) = &mut self.stage else { return };
        let waits = self.front.inbox.is_empty();
        talking.is_stalled = outbox.to_client.len() >= limits::PRE_LOGIN_OUTPUT_BYTES_MAX && !waits;
        let is_idle = waits && self.dialogue.awaits_command();
        // Something was completed or invited just now.
        let has_replied = !outbox.to_client.is_empty();
        if is_idle || talking.is_stalled {
            talking.command_deadline = None;
        } else if has_replied || talking.command_deadline.is_none() {
            talking.command_deadline = Some(now.after(self.dialogue.command_timeout()));
        }
        if self.front.has_ended && !talking.is_stalled {
            self.abort(self.aborted(now, DISCONNECTED), outbox);
        }
    }

    /// Reports what is new in the dialogue's notes, each thing once per connection.
    fn report_notes(&mut self, now: Tick, outbox: &mut Outbox) {
        let notes = self.dialogue.notes();
        let (was_exposed, was_forged) =
            (self.history.told_password_exposed, self.history.told_facts_forged);
        self.history.told_password_exposed = notes.password_exposed;
        self.history.told_facts_forged = notes.forged_facts > 0;
        let news = [
            (Notice::PasswordExposed, notes.password_exposed && !was_exposed),
            (Notice::FactsForged, notes.forged_facts > 0 && !was_forged),
        ];
        for (notice, _) in news.into_iter().filter(|(_, is_new)| *is_new) {
            let (subject, details) = (self.subject(), self.details(now));
            outbox.wish(Wish::Report(Event::Noticed { subject, details, notice }));
        }
    }

    // === Logins ===

    fn begin_login(
        &mut self,
        now: Tick,
        begin: impl FnOnce(&mut Scene<'_>) -> (Login, Progress),
        outbox: &mut Outbox,
    ) {
        let (login, progress) = begin(&mut self.scene(now, outbox));
        self.stage = Stage::LoggingIn(Box::new(login));
        self.go_on(now, progress, outbox);
    }

    /// Something happened that is the login's business, if there is one.
    pub(super) fn login_input(&mut self, now: Tick, input: Input<'_>, outbox: &mut Outbox) {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::LoggingIn(mut login) => {
                let progress = login.on(input, &mut self.scene(now, outbox));
                self.stage = Stage::LoggingIn(login);
                self.go_on(now, progress, outbox);
            }
            other => self.stage = other,
        }
    }

    /// Time has passed while a login waits for its backend.
    pub(super) fn doubt_if_silent(&mut self, now: Tick, outbox: &mut Outbox) {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::LoggingIn(mut login) => {
                login.doubt_if_silent(&mut self.scene(now, outbox));
                self.stage = Stage::LoggingIn(login);
            }
            other => self.stage = other,
        }
    }

    /// What a login may look at and change of the session it belongs to.
    fn scene<'a>(&'a mut self, now: Tick, outbox: &'a mut Outbox) -> Scene<'a> {
        Scene {
            now,
            settings: &self.settings,
            front: &self.front,
            client: &self.dialogue,
            outbox,
            seed: &mut self.seed,
            history: &mut self.history,
            marks: Marks::default(),
        }
    }

    fn go_on(&mut self, now: Tick, progress: Progress, outbox: &mut Outbox) {
        match progress {
            Progress::UnderWay => {}
            Progress::Challenged(message) => {
                self.dialogue.challenge(&message, &mut outbox.to_client);
                self.read_answer(now, outbox);
            }
            Progress::Unanswered => self.time_out(now, outbox),
            Progress::Refused(refusal) => self.refuse(now, &refusal, outbox),
            Progress::LoggedIn(logged_in, since) => {
                self.hand_over(now, logged_in, since, outbox);
            }
        }
    }

    /// Gives the one reply that the client is owed and listens to it again (W-FAIL-3, W-FAIL-4).
    fn refuse(&mut self, now: Tick, refusal: &Refusal, outbox: &mut Outbox) {
        self.stage = Stage::Talking(Talking::default());
        let Refusal { failure, text } = refusal;
        match self.dialogue.refuse(*failure, text.as_deref(), &mut outbox.to_client) {
            Step::Close(reason) => self.abort(self.aborted(now, close_reason(reason)), outbox),
            Step::More | Step::Login(_) | Step::Hopeless(_) | Step::Answer(_) | Step::StartTls => {
                self.read_commands(now, outbox);
            }
        }
    }

    /// The backend said OK: its reply and everything already read go where they belong, then bytes only (W-REL-1).
    fn hand_over(&mut self, now: Tick, logged_in: LoggedIn, since: Tick, outbox: &mut Outbox) {
        let LoggedIn { subject, mut details, backend, ok, mut inbox, left_facts_out, valid_until } =
            logged_in;
        // Nothing else asks for it any more.
        details.local_name = self.front.facts.local_name.take();
        self.stage = Stage::Over;
        if left_facts_out {
            let (subject, details) = (subject.clone(), Some(details.clone()));
            let notice = Notice::FactsLeftOut;
            outbox.wish(Wish::Report(Event::Noticed { subject, details, notice }));
        }
        self.dialogue.accept(&ok, &mut outbox.to_client);
        let mut watch = Watch::of(self.front.protocol()).map(Box::new);
        let (mut from_backend, from_client) = (inbox.take_rest(), self.front.inbox.take_rest());
        if let Some(watch) = &mut watch {
            let left = watch.from_backend(&mut from_backend);
            from_backend.truncate(left);
            if let Err(reason) = watch.from_client(&from_client) {
                // What the client said behind its login is the backend's affair no more.
                outbox.wish(Wish::DropBackend);
                let notes = self.dialogue.notes();
                let tries = self.history.tries(self.accepted(), now, notes, notes.failed_logins);
                let details = Some(details);
                outbox.wish(Wish::Report(Event::Aborted { subject, details, reason, tries }));
                return self.close(outbox);
            }
        }
        outbox.to_client.extend_from_slice(&from_backend);
        outbox.to_backend.extend_from_slice(&from_client);
        let group = details.group.clone();
        outbox.wish(Wish::Report(Event::LoggedIn {
            subject: subject.clone(),
            details,
            backend: backend.clone(),
            took: now.since(since),
        }));
        let handover = Handover { subject, backend, group, watch, valid_until };
        outbox.wish(Wish::Relay(Box::new(handover)));
    }
}

/// What holds for commands on the client's connection as it is now.
fn rules_on<'a>(settings: &'a SessionSettings, front: &Front) -> &'a Rules {
    settings.rules_for(&front.facts, front.is_behind_header(), front.tls(), front.binding())
}

fn close_reason(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Logout => "client logged out",
        CloseReason::BadCommands => "too many invalid commands",
        CloseReason::FailedLogins => "too many failed logins",
        CloseReason::LineTooLong => "a line without end",
        CloseReason::LiteralTooLarge => "a literal too large to read past",
        CloseReason::StarttlsPipelined => PIPELINED,
        CloseReason::OtherProtocol => "HTTP or TLS on a port for neither",
        CloseReason::Dismissed => "dismissed",
    }
}

const DISCONNECTED: &str = "client disconnected";
