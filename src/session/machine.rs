//! The stages of a session and the client's side of them; the login itself is in `attempt`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::attempt::Attempt;
use super::input::Input;
use super::output::{Outbox, Wish};
use super::refusal::close_reason;
use super::secure::ClientTls;
use super::settings::SessionSettings;
use crate::event::{Event, Subject, escaped};
use crate::facts::ClientFacts;
use crate::fault::Failure;
use crate::limits;
use crate::names::Protocol;
use crate::network::canonical;
use crate::preauth::{ByeReason, Dialogue, Notes, Step};
use crate::proxy_header::{Decoder, Header, Outcome, policy};
use crate::tick::Tick;
use crate::wire::inbox::Inbox;

/// A connection before its login succeeded.
#[derive(Debug)]
pub struct Session {
    pub(super) settings: Arc<SessionSettings>,
    pub(super) protocol: Protocol,
    pub(super) facts: ClientFacts,
    /// This end of the client's connection, whatever a header or a trusted peer says of it (W-FWD-3).
    pub(super) own: SocketAddr,
    /// A PROXY header came first.
    pub(super) behind_header: bool,
    pub(super) tls: ClientTls,
    /// Its handshake is the connection's beginning; otherwise it follows STARTTLS.
    pub(super) greet_when_secured: bool,
    pub(super) dialogue: Dialogue,
    /// What of the dialogue's notes has been reported.
    pub(super) reported: Notes,
    /// Client bytes that nobody has parsed: while a login runs they wait here untouched (W-PIPE-4).
    pub(super) inbox: Inbox,
    pub(super) stage: Stage,
    /// The whole time before login is bounded, whatever the client sends (W-PIPE-3).
    pre_login_deadline: Tick,
    pub(super) stage_deadline: Option<Tick>,
    /// The client sends nothing more; replies still reach it (IM-15).
    pub(super) client_ended: bool,
    /// Commands are left unread until the client has taken the replies to those before them.
    stalled: bool,
    pub(super) seed: u64,
    pub(super) attempt: Option<Box<Attempt>>,
}

// One of these exists for each connection before login, most of them without an attempt.
const _: () = assert!(size_of::<Session>() <= 472);

/// Where a session stands.
#[derive(Debug)]
pub(super) enum Stage {
    /// Collecting the PROXY header; nothing is said before it is complete (W-PIPE-2).
    Header(Box<Decoder>),
    /// In the client's TLS handshake.
    Securing,
    /// Reading commands.
    Talking,
    /// Waiting for the password databases.
    Verdict,
    /// Granted, but a password database holds the login back (`delay_until`).
    Waiting,
    /// Waiting for the routing layer.
    Route,
    /// Waiting for a TCP connection.
    Connecting,
    /// In the TLS handshake with the backend.
    SecuringBackend,
    /// In the backend's dialogue.
    LoggingIn,
    /// Between two attempts.
    Pausing,
    /// A refusal is held back for the failed-login delay.
    Holding,
    /// Closed or handed over.
    Over,
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
        let stage = if header { Stage::Header(Box::new(Decoder::new())) } else { Stage::Talking };
        let stage_deadline = header.then(|| now.after(settings.proxy_header_timeout));
        Self {
            inbox: Inbox::new(limits::PRE_LOGIN_INPUT_BYTES_MAX),
            pre_login_deadline: now.after(limits::PRE_LOGIN_TIMEOUT),
            settings,
            protocol: dialogue.protocol(),
            dialogue,
            reported: Notes::default(),
            own: canonical(facts.local),
            behind_header: header,
            tls: ClientTls::Clear,
            greet_when_secured: false,
            facts,
            stage,
            stage_deadline,
            client_ended: false,
            stalled: false,
            seed,
            attempt: None,
        }
    }

    /// Takes one thing that happened; wishes and bytes go to `outbox`.
    pub fn on(&mut self, now: Tick, input: Input<'_>, outbox: &mut Outbox) {
        match input {
            Input::Begin => {
                if matches!(self.stage, Stage::Talking) {
                    self.open(now, &[], outbox);
                }
            }
            Input::Client(bytes) => self.client_bytes(now, bytes, outbox),
            Input::ClientTook => {
                if self.is_stalled() {
                    self.read_commands(now, outbox);
                }
            }
            Input::ClientEnd => self.client_end(outbox),
            Input::TurnCame => self.turn_came(now),
            Input::Verdict { answer, earlier_failures } => {
                self.verdict(now, *answer, earlier_failures, outbox);
            }
            Input::Route(answer) => self.routed(now, answer, outbox),
            Input::ClientSecured { server_name, certificate } => {
                self.client_secured(server_name, certificate, outbox);
            }
            Input::ClientInsecure(word) => self.client_insecure(self.aborted(word), outbox),
            Input::ClientCertificateRefused(reason) => {
                let report = Event::CertificateRefused { subject: self.subject(), reason };
                self.client_insecure(report, outbox);
            }
            Input::Connected => self.backend_connected(now, outbox),
            Input::BackendSecured => self.backend_secured(now, outbox),
            Input::BackendInsecure { word, is_lasting } => {
                self.backend_insecure(now, word, is_lasting, outbox);
            }
            Input::BackendBroken(word) => self.backend_broken(now, word, outbox),
            Input::Backend(bytes) => self.backend_bytes(now, bytes, outbox),
            Input::BackendEnd => self.backend_end(now, outbox),
            Input::Deadline => self.deadline_passed(now, outbox),
            Input::BackendDown => self.backend_down(now, outbox),
            Input::Shutdown => self.dismiss(ByeReason::Shutdown, "shutting down", outbox),
            Input::Crowded(why) => self.dismiss(ByeReason::TooManyConnections, why, outbox),
        }
    }

    /// How many client bytes the session takes now; none: do not read, so that the client feels it.
    #[must_use]
    pub fn client_room(&self) -> usize {
        match self.stage {
            Stage::Over | Stage::Securing => 0,
            _ if self.client_ended => 0,
            _ => self.inbox.room(),
        }
    }

    /// Whether the session wants to be told that the client took everything: commands wait to be read until then.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.stalled && matches!(self.stage, Stage::Talking)
    }

    /// Whether the session waits for nothing but its client: no login is under way.
    #[must_use]
    pub fn awaits_client(&self) -> bool {
        self.attempt.is_none() && !matches!(self.stage, Stage::Over)
    }

    /// How many backend bytes the session takes now.
    #[must_use]
    pub fn backend_room(&self) -> usize {
        match (&self.stage, &self.attempt) {
            (Stage::LoggingIn, Some(attempt)) => attempt.backend_room(),
            _ => 0,
        }
    }

    /// When the session wants to be told that time passed.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        if matches!(self.stage, Stage::Over) {
            return None;
        }
        let stage = self.stage_deadline.unwrap_or(self.pre_login_deadline);
        // A login under way has deadlines of its own and may outlive the time for getting that far.
        let other =
            self.attempt.as_ref().map_or(self.pre_login_deadline, |attempt| attempt.reassure_at);
        Some(stage.min(other))
    }

    /// The stage's name, for the administrator.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        match self.stage {
            Stage::Header(_) => "proxy-header",
            Stage::Securing => "tls",
            Stage::Talking => "pre-login",
            Stage::Verdict => "auth",
            Stage::Waiting => "delay-until",
            Stage::Route => "route",
            Stage::Connecting => "connect",
            Stage::SecuringBackend => "backend-tls",
            Stage::LoggingIn => "login",
            Stage::Pausing => "retry",
            Stage::Holding => "delay",
            Stage::Over => "over",
        }
    }

    /// Whether it is known who the client is: a PROXY header that had to come has come.
    #[must_use]
    pub fn is_identified(&self) -> bool {
        !matches!(self.stage, Stage::Header(_))
    }

    /// Whose failed logins count (P12): nobody's when a trusted peer speaks for many, or when the address is none.
    #[must_use]
    pub fn visitor(&self) -> Option<IpAddr> {
        let origin = self.facts.origin;
        (!self.facts.trusted && policy::identifies_client(origin)).then(|| origin.ip())
    }

    /// What is spoken.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether a login is under way; a refusal that is held back belongs to it.
    #[must_use]
    pub fn is_attempting(&self) -> bool {
        self.attempt.is_some()
    }

    /// The report of a connection that ends here without a login.
    #[must_use]
    pub fn aborted(&self, reason: &'static str) -> Event {
        // One that failed and waits to be answered is not among the dialogue's yet.
        let is_held = self.attempt.as_ref().is_some_and(|attempt| attempt.held.is_some());
        let attempts = self.dialogue.notes().failed_logins.saturating_add(u8::from(is_held));
        Event::Aborted { subject: self.subject(), reason, attempts }
    }

    pub(super) fn subject(&self) -> Subject {
        Subject {
            protocol: self.protocol,
            session: self.facts.session_id.clone(),
            client: self.facts.apparent,
            user: self.attempt.as_ref().map(|attempt| shown_name(attempt.name())),
            master: self.attempt.as_ref().and_then(|attempt| {
                attempt.master.as_deref().map(|name| shown_name(name.as_bytes()))
            }),
        }
    }

    // === The client's side ===

    pub(super) fn greet(&mut self, outbox: &mut Outbox) {
        let rules = self.settings.rules_for(&self.facts, self.behind_header, self.tls);
        self.dialogue.greet(rules, &self.facts, &mut outbox.to_client);
    }

    fn client_bytes(&mut self, now: Tick, bytes: &[u8], outbox: &mut Outbox) {
        match self.stage {
            // Nothing in clear counts any more, and nothing sealed comes before the handshake is done.
            Stage::Over | Stage::Securing => {}
            Stage::Header(_) => self.read_header(now, bytes, outbox),
            _ => {
                self.keep(bytes);
                if matches!(self.stage, Stage::Talking) {
                    self.read_commands(now, outbox);
                }
            }
        }
    }

    pub(super) fn keep(&mut self, bytes: &[u8]) {
        let taken = self.inbox.append(bytes);
        debug_assert_eq!(taken, bytes.len(), "the shell read more than there was room for");
    }

    fn read_header(&mut self, now: Tick, bytes: &[u8], outbox: &mut Outbox) {
        let Stage::Header(decoder) = &mut self.stage else {
            return;
        };
        match decoder.decode(bytes) {
            Outcome::Incomplete => {}
            Outcome::Done { header, consumed } => {
                if !self.believe(&header) {
                    outbox.wish(Wish::Report(
                        self.refused("the PROXY header's ALPN is not this protocol's", false),
                    ));
                    return self.close(outbox);
                }
                self.stage = Stage::Talking;
                self.stage_deadline = None;
                self.open(now, bytes.get(consumed..).unwrap_or_default(), outbox);
                if matches!(self.stage, Stage::Talking) {
                    self.read_commands(now, outbox);
                }
            }
            Outcome::Refused(refusal) => {
                outbox.wish(Wish::Report(self.refused(refusal.text(), false)));
                self.close(outbox);
            }
        }
    }

    /// The PROXY header names the client; trust is judged by it from now on (W-TRUST-1, PX-19).
    fn believe(&mut self, header: &Header) -> bool {
        let alpn = header.tlvs.alpn.as_deref();
        if alpn.is_some_and(|alpn| !policy::is_alpn_acceptable(self.protocol, alpn)) {
            return false;
        }
        self.facts.origin = policy::origin(self.facts.socket, header);
        self.facts.apparent = self.facts.origin;
        self.facts.local = policy::local(self.facts.local, header);
        // "I do not know" is not an address (W-PP2-4).
        self.facts.trusted = policy::identifies_client(self.facts.origin)
            && self.settings.trusted.contains(self.facts.origin.ip());
        self.believe_tls(header);
        self.facts.local_name = header.tlvs.authority.clone();
        true
    }

    /// Reads commands until somebody else is needed.
    pub(super) fn read_commands(&mut self, now: Tick, outbox: &mut Outbox) {
        // Cheap to look up and the only borrow that outlives it: the rules follow the facts as they are now.
        let settings = Arc::clone(&self.settings);
        let rules = settings.rules_for(&self.facts, self.behind_header, self.tls);
        let step =
            self.dialogue.read(rules, &mut self.facts, &mut self.inbox, &mut outbox.to_client);
        self.report_notes(outbox);
        match step {
            Step::More => {
                self.stalled = outbox.to_client.len() >= limits::PRE_LOGIN_OUTPUT_BYTES_MAX
                    && !self.inbox.is_empty();
                self.time_command(now, !outbox.to_client.is_empty());
                if self.client_ended && !self.stalled {
                    outbox.wish(Wish::Report(self.aborted("client disconnected")));
                    self.close(outbox);
                }
            }
            Step::Login(credentials) => self.begin_login(now, credentials, outbox),
            Step::Hopeless(unusable) => self.refuse_unasked(now, unusable, outbox),
            Step::StartTls => self.secure_client(now, &[], outbox),
            Step::Close(reason) => {
                outbox.wish(Wish::Report(self.aborted(close_reason(reason))));
                self.close(outbox);
            }
        }
    }

    /// Each command, and each answer to an invitation of ours, has its own time; bytes do not prolong it (W-PIPE-3).
    /// `replied`: something was completed or invited just now.
    fn time_command(&mut self, now: Tick, replied: bool) {
        let is_idle = self.inbox.is_empty() && self.dialogue.awaits_command();
        if is_idle || self.stalled {
            self.stage_deadline = None;
        } else if replied || self.stage_deadline.is_none() {
            self.stage_deadline = Some(now.after(limits::COMMAND_TIMEOUT));
        }
    }

    fn client_end(&mut self, outbox: &mut Outbox) {
        self.client_ended = true;
        match self.stage {
            Stage::Header(_) => {
                // A load balancer's check: connects, maybe sends half a header, goes away (W-PRB-5).
                outbox.wish(Wish::Report(
                    self.refused("closed before the PROXY header was complete", true),
                ));
                self.close(outbox);
            }
            Stage::Securing => {
                outbox.wish(Wish::Report(self.aborted("client disconnected in the TLS handshake")));
                self.close(outbox);
            }
            // What it said before is answered first.
            Stage::Talking if self.stalled => {}
            Stage::Talking => {
                outbox.wish(Wish::Report(self.aborted("client disconnected")));
                self.close(outbox);
            }
            // The login goes on: a client that half-closes still gets its reply (IM-15). If it is gone for good, the
            // reply breaks the connection and everything is freed.
            Stage::Verdict
            | Stage::Waiting
            | Stage::Route
            | Stage::Connecting
            | Stage::SecuringBackend
            | Stage::LoggingIn
            | Stage::Pausing
            | Stage::Holding => {}
            Stage::Over => {}
        }
    }

    fn refused(&self, reason: &'static str, quiet: bool) -> Event {
        Event::Refused { protocol: self.protocol, peer: self.facts.socket, reason, quiet }
    }

    fn deadline_passed(&mut self, now: Tick, outbox: &mut Outbox) {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        if let Some(attempt) = &mut self.attempt
            && self.stage_deadline.is_some_and(|deadline| deadline > now)
        {
            // Nothing is over yet; middleboxes between us and the client must not think that it is (W-PIPE-5).
            attempt.reassure_at = now.after(limits::STILL_WORKING_EVERY);
            return self.dialogue.still_working(&mut outbox.to_client);
        }
        match self.stage {
            Stage::Header(_) => {
                outbox.wish(Wish::Report(
                    self.refused("no complete PROXY header within haproxy_timeout", false),
                ));
                self.close(outbox);
            }
            Stage::Securing => {
                let reason = "the TLS handshake was not completed in time";
                outbox.wish(Wish::Report(self.aborted(reason)));
                self.close(outbox);
            }
            Stage::Talking => {
                self.dialogue.bye(ByeReason::Timeout, &mut outbox.to_client);
                let reason = if now >= self.pre_login_deadline {
                    "no login within the time allowed"
                } else {
                    "a command was not completed in time"
                };
                outbox.wish(Wish::Report(self.aborted(reason)));
                self.close(outbox);
            }
            Stage::Verdict => self.fail(
                now,
                Failure::Unavailable,
                None,
                "no answer from the password databases",
                outbox,
            ),
            Stage::Waiting => self.ask_route(now, outbox),
            Stage::Route => self.fail(
                now,
                Failure::Unavailable,
                None,
                "no answer from the routing layer",
                outbox,
            ),
            Stage::Connecting => self.backend_broken(now, "timed out", outbox),
            Stage::SecuringBackend | Stage::LoggingIn => self.login_late(now, outbox),
            Stage::Pausing => self.try_again(now, outbox),
            Stage::Holding => self.answer_held(now, outbox),
            Stage::Over => {}
        }
    }

    fn dismiss(&mut self, why: ByeReason, reason: &'static str, outbox: &mut Outbox) {
        match self.stage {
            Stage::Over => return,
            Stage::Header(_) | Stage::Securing => {}
            _ => self.dialogue.bye(why, &mut outbox.to_client),
        }
        if matches!(self.stage, Stage::Connecting | Stage::SecuringBackend | Stage::LoggingIn) {
            outbox.wish(Wish::DropBackend);
        }
        outbox.wish(Wish::Report(self.aborted(reason)));
        self.close(outbox);
    }

    pub(super) fn close(&mut self, outbox: &mut Outbox) {
        self.stage = Stage::Over;
        self.stage_deadline = None;
        self.attempt = None;
        outbox.wish(Wish::Close);
    }
}

fn shown_name(name: &[u8]) -> Box<str> {
    escaped(name, limits::USER_BYTES_MAX)
}
