//! A session as a whole: which of its stages hears what, and what a shell may ask it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::history::History;
use super::input::Input;
use super::login::Login;
use super::output::{BoundFor, Outbox, Wish};
use super::settings::SessionSettings;
use crate::event::{Details, Event, Subject, Took};
use crate::facts::{ClientFacts, Security, Transport};
use crate::front::{Arrival, Front};
use crate::limits::{self, TLS_HANDSHAKE_TIMEOUT};
use crate::names::{Protocol, SessionId};
use crate::preauth::{ByeReason, Dialogue};
use crate::tick::Tick;

/// A connection before its login succeeded.
#[derive(Debug)]
pub struct Session {
    pub(super) settings: Arc<SessionSettings>,
    pub(super) front: Front,
    pub(super) dialogue: Dialogue,
    pub(super) stage: Stage,
    /// The whole time before login is bounded, whatever the client sends (W-PIPE-3).
    pub(super) pre_login_deadline: Tick,
    /// For log lines.
    pub(super) history: History,
    /// For the jitter of delays.
    pub(super) seed: u64,
}

// One of these exists for each connection before login, most of them without a login under way.
const _: () = assert!(size_of::<Session>() <= 472);

/// Where a session stands.
#[derive(Debug)]
pub(super) enum Stage {
    /// At the front: a PROXY header, a handshake.
    Arriving(Arrival),
    /// Reading commands.
    Talking(Talking),
    /// A client that has presented credentials waits for the answer.
    LoggingIn(Box<Login>),
    /// Closed or handed over.
    Over,
}

/// A client between its commands, or in the middle of one.
#[derive(Debug, Default)]
pub(super) struct Talking {
    /// When the command that has begun has to be complete; none: none has.
    pub(super) command_deadline: Option<Tick>,
    /// Commands are left unread until the client has taken the replies to those before them.
    pub(super) is_stalled: bool,
}

impl Session {
    /// A session on a fresh connection. `header`: a PROXY header comes first. `seed`: for the jitter of delays.
    #[must_use]
    pub fn new(
        settings: Arc<SessionSettings>,
        dialogue: Dialogue,
        facts: ClientFacts,
        header: bool,
        seed: u64,
        now: Tick,
    ) -> Self {
        let input_bytes_max = limits::PRE_LOGIN_INPUT_BYTES_MAX;
        let front = Front::new(dialogue.protocol(), facts, header, input_bytes_max);
        let arrival = Arrival::new(&front, now.after(settings.proxy_header_timeout));
        Self {
            settings,
            front,
            dialogue,
            stage: Stage::Arriving(arrival),
            pre_login_deadline: now.after(limits::PRE_LOGIN_TIMEOUT),
            history: History::default(),
            seed,
        }
    }

    /// The same session on a listener whose connections begin with TLS (W-TLS-1).
    #[must_use]
    pub fn behind_tls(mut self) -> Self {
        self.front.await_tls();
        self
    }

    /// Takes one thing that happened; wishes and bytes go to `outbox`.
    pub fn on(&mut self, now: Tick, input: Input<'_>, outbox: &mut Outbox) {
        match input {
            Input::Begin => {
                if matches!(self.stage, Stage::Arriving(Arrival::Accepted)) {
                    self.start(now, &[], outbox);
                }
            }
            Input::Client(bytes) => self.client_bytes(now, bytes, outbox),
            Input::ClientTook => {
                if self.is_stalled() {
                    self.read_commands(now, outbox);
                }
            }
            Input::ClientEnd => self.client_end(now, outbox),
            Input::ClientSecured { server_name, certificate, security } => {
                self.note_security(now, security);
                self.client_secured(server_name, certificate, outbox);
            }
            Input::ClientInsecure(reason) => {
                self.client_insecure(self.aborted(now, reason), outbox);
            }
            Input::ClientCertificateRefused(reason) => {
                let (subject, details) = (self.subject(), self.details(now));
                let report = Event::CertificateRefused { subject, details, reason };
                self.client_insecure(report, outbox);
            }
            Input::TurnCame
            | Input::Verdict { .. }
            | Input::Challenge(_)
            | Input::Answer(_)
            | Input::Derived(_)
            | Input::Route(_)
            | Input::Connected
            | Input::BackendSecured
            | Input::BackendInsecure { .. }
            | Input::BackendBroken(_)
            | Input::Backend(_)
            | Input::BackendEnd
            | Input::BackendDown
            | Input::BackendFull
            | Input::Rerouted
            | Input::CannotConnect(_) => self.login_input(now, input, outbox),
            Input::Deadline => self.deadline_passed(now, outbox),
            Input::Shutdown => self.dismiss(now, ByeReason::Shutdown, "shutting down", outbox),
            Input::Kicked => self.dismiss(now, ByeReason::Kicked, "kicked by the operator", outbox),
            Input::Crowded(why) => self.dismiss(now, ByeReason::TooManyConnections, why, outbox),
        }
    }

    fn deadline_passed(&mut self, now: Tick, outbox: &mut Outbox) {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        match &mut self.stage {
            Stage::Over => {}
            Stage::Arriving(arrival) => {
                let ending = arrival.late();
                self.end(now, ending, outbox);
            }
            Stage::Talking(_) => self.time_out(now, outbox),
            // Nothing is over yet; middleboxes between us and the client must not think that it is (W-PIPE-5).
            Stage::LoggingIn(login) if login.step_deadline() > now => {
                if login.is_reassurance_due(now) {
                    login.reassured(now);
                    self.dialogue.still_working(&mut outbox.to_client);
                }
                self.doubt_if_silent(now, outbox);
            }
            Stage::LoggingIn(_) => self.login_input(now, Input::Deadline, outbox),
        }
    }

    /// The client takes too long for what it has begun, or was asked for.
    pub(super) fn time_out(&mut self, now: Tick, outbox: &mut Outbox) {
        self.dialogue.bye(ByeReason::Timeout, &mut outbox.to_client);
        let reason = if now >= self.pre_login_deadline {
            "no login within the time allowed"
        } else {
            "a command was not completed in time"
        };
        self.abort(self.aborted(now, reason), outbox);
    }

    fn dismiss(&mut self, now: Tick, why: ByeReason, reason: &'static str, outbox: &mut Outbox) {
        match self.stage {
            Stage::Over => return,
            // Not a word before a PROXY header is complete, nor in clear where TLS has begun.
            Stage::Arriving(_) => {}
            Stage::Talking(_) | Stage::LoggingIn(_) => {
                self.dialogue.bye(why, &mut outbox.to_client);
            }
        }
        self.abort(self.aborted(now, reason), outbox);
    }

    /// Ends the session, and with it what there is towards a backend.
    pub(super) fn abort(&mut self, report: Event, outbox: &mut Outbox) {
        if matches!(&self.stage, Stage::LoggingIn(login) if login.has_backend()) {
            outbox.wish(Wish::DropBackend);
        }
        outbox.wish(Wish::Report(report));
        self.close(outbox);
    }

    pub(super) fn close(&mut self, outbox: &mut Outbox) {
        self.stage = Stage::Over;
        outbox.wish(Wish::Close);
    }

    // === What a shell asks ===

    /// How many client bytes the session takes now; none: do not read, so that the client feels it.
    #[must_use]
    pub fn client_room(&self) -> usize {
        match &self.stage {
            Stage::Over => 0,
            Stage::Arriving(arrival) => arrival.room(&self.front),
            Stage::Talking(_) | Stage::LoggingIn(_) => self.front.room(),
        }
    }

    /// Whether the session wants to be told that the client took everything: commands wait to be read until then.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        matches!(&self.stage, Stage::Talking(talking) if talking.is_stalled)
    }

    /// Whether the session waits for nothing but its client: no login is under way.
    #[must_use]
    pub fn awaits_client(&self) -> bool {
        match &self.stage {
            Stage::Arriving(_) | Stage::Talking(_) => true,
            Stage::LoggingIn(login) => login.is_challenged(),
            Stage::Over => false,
        }
    }

    /// How many backend bytes the session takes now.
    #[must_use]
    pub fn backend_room(&self) -> usize {
        match &self.stage {
            Stage::LoggingIn(login) => login.backend_room(),
            Stage::Arriving(_) | Stage::Talking(_) | Stage::Over => 0,
        }
    }

    /// When the session wants to be told that time passed.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        let at_most = |deadline: Option<Tick>| {
            deadline.map_or(self.pre_login_deadline, |at| at.min(self.pre_login_deadline))
        };
        match &self.stage {
            Stage::Over => None,
            Stage::Arriving(arrival) => Some(at_most(arrival.deadline())),
            Stage::Talking(talking) => Some(at_most(talking.command_deadline)),
            // It has deadlines of its own and may outlive the time for getting that far.
            Stage::LoggingIn(login) => Some(login.deadline()),
        }
    }

    /// The stage's name, for the administrator.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        match &self.stage {
            Stage::Arriving(arrival) => arrival.name(),
            Stage::Talking(_) => "pre-login",
            Stage::LoggingIn(login) => login.step_name(),
            Stage::Over => "over",
        }
    }

    /// Whether it is known who the client is: a PROXY header that had to come has come.
    #[must_use]
    pub fn is_identified(&self) -> bool {
        !matches!(&self.stage, Stage::Arriving(arrival) if !arrival.is_identified())
    }

    /// Whose connections and failed logins are counted (P12): of no client when a trusted peer speaks for many, or when
    /// the address is none.
    #[must_use]
    pub fn visitor(&self) -> Option<IpAddr> {
        self.front.visitor()
    }

    /// What is spoken.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.front.protocol()
    }

    /// The granted user whose login is under way, and where it goes; none: no user is known yet.
    #[must_use]
    pub fn bound_for(&self) -> Option<BoundFor<'_>> {
        match &self.stage {
            Stage::LoggingIn(login) => login.bound_for(),
            Stage::Arriving(_) | Stage::Talking(_) | Stage::Over => None,
        }
    }

    /// The client as far as it is known, and the session's id.
    #[must_use]
    pub fn peer(&self) -> (SocketAddr, &SessionId) {
        (self.front.facts.apparent, &self.front.facts.session_id)
    }

    /// Whether the client came by TLS, as far as we or a balancer in front know.
    #[must_use]
    pub fn is_secured(&self) -> bool {
        self.front.facts.transport != Transport::Insecure
    }

    /// Whether a login is under way; a refusal that is held back belongs to it.
    #[must_use]
    pub fn is_attempting(&self) -> bool {
        matches!(self.stage, Stage::LoggingIn(_))
    }

    /// The report of a connection that ends here without a login.
    #[must_use]
    pub fn aborted(&self, now: Tick, reason: &'static str) -> Event {
        let subject = match &self.stage {
            Stage::LoggingIn(login) => login.subject(&self.front),
            Stage::Arriving(_) | Stage::Talking(_) | Stage::Over => {
                self.history.last_subject(&self.front)
            }
        };
        // One that failed and waits to be answered is not among the dialogue's yet.
        let is_refused = matches!(&self.stage, Stage::LoggingIn(login) if login.is_refused());
        let notes = self.dialogue.notes();
        let count = notes.failed_logins.saturating_add(u8::from(is_refused));
        let tries = self.history.tries(self.accepted(), now, notes, count);
        Event::Aborted { subject, details: self.details(now), reason, tries }
    }

    /// What log lines tell of it now, beside whom they are about.
    pub(super) fn details(&self, now: Tick) -> Option<Box<Details>> {
        let marks = match &self.stage {
            Stage::LoggingIn(login) => *login.marks(),
            Stage::Arriving(_) | Stage::Talking(_) | Stage::Over => self.history.last_marks(),
        };
        let mut details = self.history.details(&self.front, &marks, now);
        details.local_name.clone_from(&self.front.facts.local_name);
        Some(details)
    }

    /// When the connection was accepted.
    pub(super) fn accepted(&self) -> Tick {
        let since = self.pre_login_deadline.since(Tick::default().after(limits::PRE_LOGIN_TIMEOUT));
        Tick::default().after(since)
    }

    /// The handshake is done.
    fn note_security(&mut self, now: Tick, security: Option<Security>) {
        if let Stage::Arriving(Arrival::Handshake(_, deadline)) = &self.stage {
            let left = deadline.since(now);
            self.history.tls = Some(Took::new(TLS_HANDSHAKE_TIMEOUT.saturating_sub(left)));
            self.front.security = security;
        }
    }

    pub(super) fn subject(&self) -> Subject {
        match &self.stage {
            Stage::LoggingIn(login) => login.subject(&self.front),
            Stage::Arriving(_) | Stage::Talking(_) | Stage::Over => self.front.subject(None, None),
        }
    }
}
