//! One login: verdict, route, backend, and what each failure leads to (wire.md 6).

use super::input::{Destination, RouteAnswer};
use super::machine::{Session, Stage};
use super::output::{Handover, Outbox, RouteAsk, Wish};
use crate::auth::ask::Question;
use crate::auth::delay;
use crate::auth::verdict::{Grant, Verdict};
use crate::backend::connect::{Attempts, Hop};
use crate::backend::{Login, Referral, Step};
use crate::event::{Event, cleaned};
use crate::fault::Failure;
use crate::limits;
use crate::preauth::{Credentials, Step as ClientStep};
use crate::secret::Secret;
use crate::tick::Tick;
use crate::wire::inbox::Inbox;
use crate::wire::login_ok::LoginOk;

/// What is known of a login under way.
#[derive(Debug)]
pub(super) struct Attempt {
    /// When the last byte of the credentials arrived: failures are answered relative to it (W-FAIL-5).
    received: Tick,
    /// As typed at first, normalised once the verdict is there.
    pub(super) user: Box<str>,
    password: Secret,
    grant: Option<Box<Grant>>,
    destination: Option<Destination>,
    attempts: Attempts,
    dialogue: Option<Box<crate::backend::Dialogue>>,
    inbox: Inbox,
    /// A refusal that waits for its time.
    held: Option<(Failure, Option<Box<[u8]>>)>,
}

impl Attempt {
    pub(super) fn backend_room(&self) -> usize {
        self.inbox.room()
    }
}

impl Session {
    pub(super) fn begin_login(&mut self, now: Tick, credentials: Credentials, outbox: &mut Outbox) {
        let Credentials { user, authorize_as, password, .. } = credentials;
        let too_long = password.len() > limits::PASSWORD_BYTES_MAX;
        let question = Question {
            protocol: self.protocol,
            user: user.clone(),
            authorize_as,
            password: password.clone(),
            remote: self.facts.apparent.ip(),
            local: self.facts.local.ip(),
        };
        self.attempt = Some(Box::new(Attempt {
            received: now,
            user,
            password,
            grant: None,
            destination: None,
            attempts: Attempts::new(self.settings.reconnects_max),
            dialogue: None,
            inbox: Inbox::new(limits::BACKEND_INPUT_BYTES_MAX),
            held: None,
        }));
        if too_long {
            return self.fail(now, Failure::Credentials, None, "the password is longer than 1024 bytes", outbox);
        }
        self.enter(Stage::Verdict, now.after(limits::AUTH_TIMEOUT));
        outbox.wish(Wish::Authenticate(Box::new(question)));
    }

    pub(super) fn verdict(&mut self, now: Tick, verdict: Verdict, outbox: &mut Outbox) {
        let (Stage::Verdict, Some(attempt)) = (&self.stage, &mut self.attempt) else { return };
        let grant = match verdict {
            Verdict::Accept(grant) => grant,
            Verdict::Refuse { failure, reason } => {
                let text = reason.map(|reason| reason.into_boxed_bytes());
                return self.fail(now, failure, text, "refused by the password databases", outbox);
            }
        };
        attempt.user = grant.user.clone();
        let ask = match &grant.host {
            Some(host) => RouteAsk::Host { host: host.clone(), hostip: grant.hostip, port: grant.port },
            None => RouteAsk::User(grant.user.clone()),
        };
        let timeout = grant.timeout.unwrap_or(self.settings.login_timeout);
        attempt.attempts.begin(now.after(timeout));
        attempt.grant = Some(grant);
        // A peer that has already come a long way is going round in circles (W-FWD-2).
        if self.facts.ttl <= 1 {
            let detail = "TTL reached zero: proxies appear to be looping";
            return self.fail(now, Failure::InternalConfig, None, detail, outbox);
        }
        self.enter(Stage::Route, now.after(limits::ROUTE_TIMEOUT));
        outbox.wish(Wish::Route(ask));
    }

    pub(super) fn routed(&mut self, now: Tick, answer: RouteAnswer, outbox: &mut Outbox) {
        if !matches!(self.stage, Stage::Route) {
            return;
        }
        match answer {
            RouteAnswer::Go(destination) => {
                if let Some(attempt) = &mut self.attempt {
                    attempt.destination = Some(destination);
                }
                self.connect(now, outbox);
            }
            RouteAnswer::Fail { failure, detail } => self.fail(now, failure, None, &detail, outbox),
        }
    }

    fn connect(&mut self, now: Tick, outbox: &mut Outbox) {
        let port = self.settings.port(self.protocol);
        let own = self.facts.local;
        let Some(attempt) = &mut self.attempt else { return };
        let Some(destination) = &attempt.destination else { return };
        let grant_port = attempt.grant.as_ref().and_then(|grant| grant.port);
        let endpoint = destination.endpoint(grant_port.unwrap_or(port));
        let hop = attempt.attempts.hop(endpoint, self.facts.ttl);
        if endpoint == own || hop != Hop::Allowed {
            let detail = "proxying loops: the destination is this proxy or was tried already";
            return self.fail(now, Failure::InternalConfig, None, detail, outbox);
        }
        let deadline = attempt.attempts.deadline().min(now.after(limits::CONNECT_TIMEOUT));
        self.enter(Stage::Connecting, deadline);
        outbox.wish(Wish::Connect(endpoint));
    }

    pub(super) fn backend_connected(&mut self, _now: Tick, outbox: &mut Outbox) {
        let (Stage::Connecting, Some(attempt)) = (&self.stage, &mut self.attempt) else { return };
        let Some(grant) = &attempt.grant else { return };
        let group = attempt.destination.as_ref().and_then(|destination| destination.group.as_deref());
        let login = Login::new(grant, &attempt.password, group, self.dialogue.forwarding());
        attempt.dialogue = Some(Box::new(crate::backend::Dialogue::new(self.protocol, login)));
        let deadline = attempt.attempts.deadline();
        self.enter(Stage::LoggingIn, deadline);
        let _ = outbox;
    }

    pub(super) fn backend_bytes(&mut self, now: Tick, bytes: &[u8], outbox: &mut Outbox) {
        let (Stage::LoggingIn, Some(attempt)) = (&self.stage, &mut self.attempt) else { return };
        let taken = attempt.inbox.append(bytes);
        debug_assert_eq!(taken, bytes.len(), "the shell read more than there was room for");
        let Some(dialogue) = &mut attempt.dialogue else { return };
        let hops = attempt.attempts.hops();
        let step = dialogue.read(&self.facts, hops, &mut attempt.inbox, &mut outbox.to_backend, &mut outbox.to_client);
        self.backend_step(now, step, outbox);
    }

    pub(super) fn backend_end(&mut self, now: Tick, outbox: &mut Outbox) {
        let (Stage::LoggingIn, Some(attempt)) = (&self.stage, &mut self.attempt) else { return };
        let Some(dialogue) = &mut attempt.dialogue else { return };
        let step = dialogue.eof();
        self.backend_step(now, step, outbox);
    }

    pub(super) fn backend_broken(&mut self, now: Tick, word: &'static str, outbox: &mut Outbox) {
        let failure = match self.stage {
            Stage::Connecting => Failure::Connect,
            Stage::LoggingIn => Failure::Remote,
            _ => return,
        };
        self.attempt_failed(now, failure, None, word, outbox);
    }

    pub(super) fn login_timed_out(&mut self, now: Tick, outbox: &mut Outbox) {
        self.attempt_failed(now, Failure::Connect, None, "no login reply within login_proxy_timeout", outbox);
    }

    fn backend_step(&mut self, now: Tick, step: Step, outbox: &mut Outbox) {
        match step {
            Step::More => {}
            Step::Ready(ok) => self.succeed(now, &ok, outbox),
            Step::Failed { failure, line } => {
                let detail = line.as_deref().map_or("".into(), |line| cleaned(line, limits::LOGGED_LINE_BYTES_MAX));
                self.attempt_failed(now, failure, line, &detail, outbox);
            }
            Step::Redirect(referral) => self.redirect(now, &referral, outbox),
        }
    }

    /// An attempt failed: try again if the class and the time allow it, else answer the client (W-FAIL-1).
    fn attempt_failed(
        &mut self,
        now: Tick,
        failure: Failure,
        line: Option<Box<[u8]>>,
        detail: &str,
        outbox: &mut Outbox,
    ) {
        let Some(attempt) = &mut self.attempt else { return };
        let again = if failure.is_retried() { attempt.attempts.again(now) } else { None };
        let backend = attempt.destination.as_ref().map_or("".into(), |destination| destination.host.clone());
        attempt.dialogue = None;
        attempt.inbox = Inbox::new(limits::BACKEND_INPUT_BYTES_MAX);
        outbox.wish(Wish::DropBackend);
        outbox.wish(Wish::Report(Event::BackendFailed {
            subject: self.subject(),
            backend,
            failure,
            detail: detail.into(),
            retried: again.is_some(),
        }));
        match again {
            Some(at) => self.enter(Stage::Pausing, at),
            None => self.fail(now, failure, line, detail, outbox),
        }
    }

    /// The pause is over. The route is asked again, because the host may have been marked down meanwhile.
    pub(super) fn try_again(&mut self, now: Tick, outbox: &mut Outbox) {
        let Some(grant) = self.attempt.as_ref().and_then(|attempt| attempt.grant.as_ref()) else { return };
        let ask = match &grant.host {
            Some(host) => RouteAsk::Host { host: host.clone(), hostip: grant.hostip, port: grant.port },
            None => RouteAsk::User(grant.user.clone()),
        };
        self.enter(Stage::Route, now.after(limits::ROUTE_TIMEOUT));
        outbox.wish(Wish::Route(ask));
    }

    /// A backend sent the user elsewhere: only a host that the routing layer knows is followed (W-REF-1).
    fn redirect(&mut self, now: Tick, referral: &Referral, outbox: &mut Outbox) {
        let Some(attempt) = &mut self.attempt else { return };
        attempt.dialogue = None;
        attempt.inbox = Inbox::new(limits::BACKEND_INPUT_BYTES_MAX);
        outbox.wish(Wish::DropBackend);
        let same_user = referral.user.as_deref().is_none_or(|user| user.eq_ignore_ascii_case(&attempt.user));
        if !same_user || !attempt.attempts.follow() {
            let detail = "a referral names another user, or there were too many";
            return self.fail(now, Failure::RedirectFailed, None, detail, outbox);
        }
        let ask = RouteAsk::Referral { host: referral.host.clone(), port: referral.port };
        self.enter(Stage::Route, now.after(limits::ROUTE_TIMEOUT));
        outbox.wish(Wish::Route(ask));
    }

    /// The backend said OK: its reply and everything already read go where they belong, then bytes only (W-REL-1).
    fn succeed(&mut self, now: Tick, ok: &LoginOk, outbox: &mut Outbox) {
        let subject = self.subject();
        let Some(mut attempt) = self.attempt.take() else { return };
        let backend = attempt.destination.as_ref().map_or("".into(), |destination| destination.host.clone());
        self.dialogue.accept(ok, &mut outbox.to_client);
        outbox.to_client.extend_from_slice(&attempt.inbox.take_rest());
        outbox.to_backend.extend_from_slice(&self.inbox.take_rest());
        outbox.wish(Wish::Report(Event::LoggedIn {
            subject: subject.clone(),
            backend: backend.clone(),
            took: now.since(attempt.received),
        }));
        outbox.wish(Wish::Relay(Box::new(Handover { subject, backend })));
        self.stage = Stage::Over;
        self.stage_deadline = None;
    }

    /// The login failed for good. Refused credentials are answered late, everything else at once.
    pub(super) fn fail(
        &mut self,
        now: Tick,
        failure: Failure,
        line: Option<Box<[u8]>>,
        detail: &str,
        outbox: &mut Outbox,
    ) {
        outbox.wish(Wish::Report(Event::LoginFailed { subject: self.subject(), failure, detail: detail.into() }));
        let failures = self.failed_logins;
        self.failed_logins = self.failed_logins.saturating_add(1);
        let Some(attempt) = &mut self.attempt else { return };
        attempt.held = Some((failure, line));
        if failure.is_delayed() {
            let at = delay::reply_at(attempt.received, self.settings.failure_delay, failures, self.seed);
            self.enter(Stage::Holding, at);
        } else {
            self.answer_held(now, outbox);
        }
    }

    /// Gives the one reply the client is owed and listens to it again (W-FAIL-3, W-FAIL-4).
    pub(super) fn answer_held(&mut self, now: Tick, outbox: &mut Outbox) {
        let Some(attempt) = self.attempt.take() else { return };
        let Some((failure, line)) = attempt.held else { return };
        self.stage = Stage::Talking;
        self.stage_deadline = None;
        match self.dialogue.refuse(failure, line.as_deref(), &mut outbox.to_client) {
            ClientStep::Close(reason) => {
                outbox.wish(Wish::Report(self.aborted(reason.text())));
                self.close(outbox);
            }
            ClientStep::More | ClientStep::Login(_) => self.read_commands(now, outbox),
        }
    }

    fn enter(&mut self, stage: Stage, deadline: Tick) {
        self.stage = stage;
        self.stage_deadline = Some(deadline);
    }
}
