//! One login: verdict, route, backend, and what each failure leads to (wire.md 6).

use std::net::SocketAddr;
use std::sync::Arc;

use super::claim::Claim;
use super::disclosure;
use super::input::{Destination, RouteAnswer};
use super::machine::{Session, Stage};
use super::output::{Handover, Outbox, RouteAsk, Wish};
use super::referred::Referred;
use crate::auth::answer::Answer;
use crate::auth::ask::Question;
use crate::auth::verdict::{Grant, Verdict};
use crate::backend::connect::Attempts;
use crate::backend::{self, Dialogue, Step};
use crate::event::{Event, Notice};
use crate::fault::Failure;
use crate::limits;
use crate::names::Protocol;
use crate::network::canonical;
use crate::preauth::Credentials;
use crate::preauth::sasl::Unusable;
use crate::relay::Watch;
use crate::secret::Secret;
use crate::tick::Tick;
use crate::wire::inbox::Inbox;
use crate::wire::login_ok::LoginOk;

/// What is known of a login under way.
#[derive(Debug)]
pub(super) struct Attempt {
    /// When the last byte of the credentials arrived: failures are answered relative to it (W-FAIL-5).
    pub(super) received: Tick,
    /// When the client hears next that somebody still works for it (W-PIPE-5).
    pub(super) reassure_at: Tick,
    /// As typed at first, normalised once the verdict is there.
    pub(super) user: Box<str>,
    /// A name that is nobody's, for the log; `user` is empty then.
    unusable: Option<Box<[u8]>>,
    /// Who gave the password, when it was not the user.
    pub(super) master: Option<Box<str>>,
    pub(super) password: Secret,
    pub(super) grant: Option<Box<Grant>>,
    pub(super) destination: Option<Destination>,
    /// Set at the first connect; carries the deadline of the whole login.
    attempts: Option<Attempts>,
    /// Where a backend sent us last. Whoever sent us there has said that the user is not with him, so further attempts
    /// go there, too, and not back to the route (W-FAIL-1, W-REF-1).
    pub(super) referral: Option<Box<Referred>>,
    pub(super) referrals: u8,
    /// `nodelay`: a refusal needs no delay.
    pub(super) nodelay: bool,
    /// Failed logins that are held against the client's address.
    pub(super) earlier_failures: u8,
    /// `delay_until`: whatever follows the verdict, not before.
    pub(super) not_before: Option<Tick>,
    pub(super) dialogue: Option<Box<Dialogue>>,
    inbox: Inbox,
    /// A refusal that waits for its time.
    pub(super) held: Option<(Failure, Option<Box<[u8]>>)>,
}

// Lives as long as a login takes; what is large in it is boxed.
const _: () = assert!(size_of::<Attempt>() <= 304);

impl Attempt {
    fn new(received: Tick, user: Box<str>, password: Secret) -> Self {
        Self {
            received,
            reassure_at: received.after(limits::STILL_WORKING_EVERY),
            user,
            unusable: None,
            master: None,
            password,
            grant: None,
            destination: None,
            attempts: None,
            referral: None,
            referrals: 0,
            nodelay: false,
            earlier_failures: 0,
            not_before: None,
            dialogue: None,
            inbox: Inbox::new(limits::BACKEND_INPUT_BYTES_MAX),
            held: None,
        }
    }

    pub(super) fn backend_room(&self) -> usize {
        self.inbox.room()
    }

    pub(super) fn host(&self) -> Arc<str> {
        self.destination
            .as_ref()
            .map_or_else(|| "".into(), |destination| Arc::clone(&destination.host))
    }

    /// For the log.
    pub(super) fn name(&self) -> &[u8] {
        self.unusable.as_deref().unwrap_or(self.user.as_bytes())
    }

    pub(super) fn forget_backend(&mut self) {
        self.dialogue = None;
        self.inbox = Inbox::new(limits::BACKEND_INPUT_BYTES_MAX);
    }

    fn route_ask(&self) -> Option<RouteAsk> {
        if let Some(referral) = &self.referral {
            let (host, group) = (referral.host.clone(), referral.group.clone());
            return Some(RouteAsk::Referral { host, group });
        }
        let grant = self.grant.as_ref()?;
        Some(match &grant.host {
            Some(host) => RouteAsk::Host { host: host.clone(), hostip: grant.hostip },
            None => RouteAsk::User(grant.user.clone()),
        })
    }

    /// Whether any backend can be told what the grant and the client say.
    fn is_sendable(&self) -> bool {
        let grant = self.grant.as_ref();
        let destuser = grant.and_then(|grant| grant.destuser.as_deref());
        let password = grant.and_then(|grant| grant.pass.as_ref()).unwrap_or(&self.password);
        let master = grant.and_then(|grant| grant.master.as_deref());
        backend::is_sendable(destuser.unwrap_or(&self.user), password, master)
    }

    /// Whether a backend's words tell the client's password or ours: not for a log.
    pub(super) fn is_betrayed_by(&self, words: &[u8]) -> bool {
        disclosure::repeats(words, &self.password) || self.tells_ours(words)
    }

    /// Whether a backend's words tell a password that the client does not know: not for the client.
    fn tells_ours(&self, words: &[u8]) -> bool {
        let ours = self.grant.as_ref().and_then(|grant| grant.pass.as_ref());
        ours.is_some_and(|ours| disclosure::repeats(words, ours))
    }
}

impl Session {
    pub(super) fn begin_login(&mut self, now: Tick, credentials: Credentials, outbox: &mut Outbox) {
        let claim = self.claim(&credentials);
        let Credentials { user, authorize_as, password, .. } = credentials;
        let (user, proof) = match claim {
            Ok(Claim { name, proof }) => (name.unwrap_or(user), proof),
            Err(detail) => {
                self.attempt = Some(Box::new(Attempt::new(now, user, password)));
                return self.fail(now, Failure::Credentials, None, detail, outbox);
            }
        };
        let question = Question {
            protocol: self.protocol,
            user: user.clone(),
            authorize_as: authorize_as.clone(),
            proof,
            password: password.clone(),
            remote: self.facts.apparent.ip(),
            local: self.facts.local.ip(),
        };
        // For the log, until it is known whether that master may do so.
        let (user, master) = match authorize_as {
            Some(other) if other != user => (other, Some(user)),
            _ => (user, None),
        };
        let attempt = Attempt { master, ..Attempt::new(now, user, password) };
        self.attempt = Some(Box::new(attempt));
        self.enter(Stage::Verdict, now.after(limits::AUTH_TIMEOUT));
        outbox.wish(Wish::Authenticate(Box::new(question)));
    }

    /// Credentials that nobody has to be asked about; the answer takes as long as any other refusal.
    pub(super) fn refuse_unasked(&mut self, now: Tick, unusable: Unusable, outbox: &mut Outbox) {
        let attempt = Attempt::new(now, Box::default(), Secret::default());
        self.attempt = Some(Box::new(Attempt { unusable: Some(unusable.name), ..attempt }));
        self.fail(now, Failure::Credentials, None, unusable.why, outbox);
    }

    pub(super) fn verdict(
        &mut self,
        now: Tick,
        answer: Answer,
        earlier_failures: u8,
        outbox: &mut Outbox,
    ) {
        let (Stage::Verdict, Some(attempt)) = (&self.stage, &mut self.attempt) else {
            return;
        };
        attempt.earlier_failures = earlier_failures;
        attempt.not_before = answer.not_before.filter(|at| *at > now);
        let grant = match answer.verdict {
            Verdict::Accept(grant) => {
                attempt.master = answer.master_user;
                grant
            }
            Verdict::Elsewhere(place) => {
                attempt.master = answer.master_user.or_else(|| attempt.master.take());
                return self.send_away(now, &place, outbox);
            }
            Verdict::Refuse { failure, reason } => {
                let text = reason.map(|reason| reason.into_boxed_bytes());
                let detail = match (answer.trouble, answer.why) {
                    (Some(trouble), _) => trouble.to_string(),
                    (None, Some(why)) => why.to_string(),
                    (None, None) => "refused by the password databases".to_owned(),
                };
                attempt.nodelay = answer.nodelay;
                attempt.master = answer.master_user.or_else(|| attempt.master.take());
                return self.fail(now, failure, text, &detail, outbox);
            }
        };
        attempt.user = grant.user.clone();
        // Without a password of the client's one of ours has to take its place (wire.md 4.3).
        let has_way_in = !attempt.password.is_empty()
            || grant.pass.is_some()
            || (grant.noauth && self.protocol == Protocol::Submission);
        attempt.grant = Some(grant);
        if !has_way_in {
            let detail = "no passdb gives a password for the backend, which a login by certificate needs: set `pass`, \
                          mostly with `master`, or in Submission `proxy_noauth`";
            return self.fail(now, Failure::InternalConfig, None, detail, outbox);
        }
        if !self.attempt.as_ref().is_some_and(|attempt| attempt.is_sendable()) {
            let detail = "the user name or password for the backend holds NUL, CR or LF: no backend was asked";
            return self.fail(now, Failure::Credentials, None, detail, outbox);
        }
        // A login that has already come a long way is going round in circles (W-FWD-2).
        if self.facts.ttl <= 1 {
            let detail = "TTL reached zero: proxies appear to be looping";
            return self.fail(now, Failure::InternalConfig, None, detail, outbox);
        }
        self.wait_until_allowed(now, outbox);
    }

    pub(super) fn ask_route(&mut self, now: Tick, outbox: &mut Outbox) {
        let Some(ask) = self.attempt.as_ref().and_then(|attempt| attempt.route_ask()) else {
            return;
        };
        self.enter(Stage::Route, now.after(limits::ROUTE_TIMEOUT));
        outbox.wish(Wish::Route(ask));
    }

    pub(super) fn routed(&mut self, now: Tick, answer: RouteAnswer, outbox: &mut Outbox) {
        if !matches!(self.stage, Stage::Route) {
            return;
        }
        match answer {
            RouteAnswer::Go(destination) => self.go(now, destination, outbox),
            RouteAnswer::Fail { failure, detail } => self.fail(now, failure, None, &detail, outbox),
        }
    }

    fn go(&mut self, now: Tick, destination: Destination, outbox: &mut Outbox) {
        let default_port = self.settings.of(self.protocol).port;
        let Some(attempt) = &mut self.attempt else {
            return;
        };
        let granted = attempt.grant.as_ref().and_then(|grant| grant.port);
        let referral = attempt.referral.as_mut();
        let (is_hop, referred) = referral.map_or((false, None), |referral| {
            (std::mem::take(&mut referral.is_hop), referral.port)
        });
        let port = referred.or(granted).unwrap_or(default_port);
        let endpoint = SocketAddr::new(destination.address, port);
        let timeout = attempt
            .grant
            .as_ref()
            .and_then(|grant| grant.timeout)
            .unwrap_or(self.settings.login_timeout);
        let is_moving = destination.is_moving;
        let from = attempt.host();
        attempt.destination = Some(destination);
        let again = attempt.attempts.is_some() && !is_hop;
        match &mut attempt.attempts {
            None => {
                attempt.attempts =
                    Some(Attempts::new(now, timeout, self.settings.reconnects_max, endpoint));
            }
            Some(attempts) if is_hop => {
                attempt.referrals = attempt.referrals.saturating_add(1);
                if attempts.hop(endpoint).is_err() {
                    let detail = "referrals lead in a circle, or too far";
                    return self.fail(now, Failure::RedirectFailed, None, detail, outbox);
                }
                let to = attempt.host();
                outbox.wish(Wish::Report(Event::Referred { subject: self.subject(), from, to }));
            }
            Some(attempts) => attempts.alternate(endpoint),
        }
        // The source of a move holds logins until the user is moved (G25).
        if let Some(attempt) = &mut self.attempt
            && let Some(attempts) = attempt.attempts.as_mut().filter(|_| is_moving)
        {
            attempts.prolong(now.after(self.settings.user_move_timeout + MOVE_GRACE));
        }
        if self.is_own(endpoint) {
            let detail = "proxying loops to itself: the destination is this listener";
            return self.fail(now, Failure::InternalConfig, None, detail, outbox);
        }
        let deadline = self.login_deadline(now).min(now.after(limits::CONNECT_TIMEOUT));
        self.enter(Stage::Connecting, deadline);
        outbox.wish(Wish::Connect { to: endpoint, again });
    }

    /// This listener itself, by its own address or by the one that the client used (W-FWD-3). Another user there is
    /// another login; its hops run out (W-FWD-2).
    fn is_own(&self, endpoint: SocketAddr) -> bool {
        let grant = self.attempt.as_ref().and_then(|attempt| attempt.grant.as_ref());
        let is_same_user = grant.is_none_or(|grant| {
            grant.destuser.as_ref().is_none_or(|destuser| *destuser == grant.user)
        });
        let endpoint = canonical(endpoint);
        is_same_user && (endpoint == self.own || endpoint == canonical(self.facts.local))
    }

    pub(super) fn login_deadline(&self, now: Tick) -> Tick {
        let attempts = self.attempt.as_ref().and_then(|attempt| attempt.attempts.as_ref());
        attempts.map_or_else(|| now.after(self.settings.login_timeout), Attempts::deadline)
    }

    pub(super) fn backend_bytes(&mut self, now: Tick, bytes: &[u8], outbox: &mut Outbox) {
        let (Stage::LoggingIn, Some(attempt)) = (&self.stage, &mut self.attempt) else {
            return;
        };
        let taken = attempt.inbox.append(bytes);
        debug_assert_eq!(taken, bytes.len(), "the shell read more than there was room for");
        let Some(dialogue) = &mut attempt.dialogue else {
            return;
        };
        let told_before = outbox.to_client.len();
        let step = dialogue.read(
            &self.facts,
            &mut attempt.inbox,
            &mut outbox.to_backend,
            &mut outbox.to_client,
        );
        let told = outbox.to_client.get(told_before..).unwrap_or_default();
        if attempt.tells_ours(told) {
            outbox.to_client.truncate(told_before);
        }
        self.backend_step(now, step, outbox);
    }

    pub(super) fn backend_end(&mut self, now: Tick, outbox: &mut Outbox) {
        let (Stage::LoggingIn, Some(attempt)) = (&self.stage, &mut self.attempt) else {
            return;
        };
        let Some(dialogue) = &mut attempt.dialogue else {
            return;
        };
        let step = dialogue.eof();
        self.backend_step(now, step, outbox);
    }

    pub(super) fn backend_broken(&mut self, now: Tick, word: &'static str, outbox: &mut Outbox) {
        let failure = match self.stage {
            Stage::Connecting => Failure::Connect,
            Stage::SecuringBackend | Stage::LoggingIn => Failure::Remote,
            _ => return,
        };
        let detail = self.cut_short(word);
        self.attempt_failed(now, failure, None, &detail, outbox);
    }

    /// Queueing for an address that is gone would take as long as finding out took those before.
    pub(super) fn backend_down(&mut self, now: Tick, outbox: &mut Outbox) {
        let (Stage::Connecting, Some(attempt)) = (&self.stage, &mut self.attempt) else {
            return;
        };
        if let Some(attempts) = &mut attempt.attempts {
            attempts.give_up();
        }
        let detail =
            "has been failing for 30 s and more, and another login is trying it: not waited for";
        self.attempt_failed(now, Failure::Connect, None, detail, outbox);
    }

    pub(super) fn login_timed_out(&mut self, now: Tick, outbox: &mut Outbox) {
        let detail = self.cut_short("no login reply within login_proxy_timeout");
        self.attempt_failed(now, Failure::Connect, None, &detail, outbox);
    }

    pub(super) fn backend_step(&mut self, now: Tick, step: Step, outbox: &mut Outbox) {
        match step {
            Step::More => {}
            Step::StartTls => {
                self.report_words_in_clear(outbox);
                self.starttls_agreed(now, outbox);
            }
            Step::Ready(ok) => self.succeed(now, ok, outbox),
            Step::Failed(failure, mut text) => {
                if matches!(self.stage, Stage::LoggingIn) {
                    self.report_words_in_clear(outbox);
                }
                let mut detail: Box<str> = Box::default();
                if let Some(attempt) = &self.attempt {
                    let dialogue = attempt.dialogue.as_ref();
                    let words = dialogue.map_or("", |dialogue| dialogue.last_line());
                    text = text.filter(|text| !attempt.tells_ours(text));
                    let is_harmless = !attempt.is_betrayed_by(words.as_bytes());
                    detail =
                        if is_harmless { words } else { "a reply with the password in it" }.into();
                }
                self.attempt_failed(now, failure, text, &detail, outbox);
            }
            Step::Redirect(referral) => self.redirect(now, referral, outbox),
        }
    }

    /// An attempt failed: try again if the class and the time allow it, else answer the client (W-FAIL-1).
    pub(super) fn attempt_failed(
        &mut self,
        now: Tick,
        failure: Failure,
        text: Option<Box<[u8]>>,
        detail: &str,
        outbox: &mut Outbox,
    ) {
        let Some(attempt) = &mut self.attempt else {
            return;
        };
        let again = attempt.attempts.as_mut().and_then(|attempts| attempts.again(now, failure));
        let backend = attempt.host();
        attempt.forget_backend();
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
            None => {
                let told = match failure.refusal_words() {
                    Some(words) => format!("{words}: {detail}"),
                    None => detail.to_owned(),
                };
                self.fail(now, failure, text, &told, outbox);
            }
        }
    }

    /// The pause is over. The route is asked again, because the host may have been marked down meanwhile.
    pub(super) fn try_again(&mut self, now: Tick, outbox: &mut Outbox) {
        self.ask_route(now, outbox);
    }

    /// The backend said OK: its reply and everything already read go where they belong, then bytes only (W-REL-1).
    fn succeed(&mut self, now: Tick, mut ok: LoginOk, outbox: &mut Outbox) {
        let subject = self.subject();
        let Some(mut attempt) = self.attempt.take() else {
            return;
        };
        let backend = attempt.host();
        if attempt.dialogue.as_ref().is_some_and(|dialogue| dialogue.dropped_pairs() > 0) {
            let (subject, notice) = (subject.clone(), Notice::FactsLeftOut);
            outbox.wish(Wish::Report(Event::Noticed { subject, notice }));
        }
        if attempt.tells_ours(&ok.text) {
            ok.text = Box::default();
        }
        self.dialogue.accept(&ok, &mut outbox.to_client);
        let mut watch = Watch::of(self.protocol).map(Box::new);
        let (mut from_backend, from_client) = (attempt.inbox.take_rest(), self.inbox.take_rest());
        if let Some(watch) = &mut watch {
            let left = watch.from_backend(&mut from_backend);
            from_backend.truncate(left);
            if let Err(why) = watch.from_client(&from_client) {
                // What the client said behind its login is the backend's affair no more.
                outbox.wish(Wish::DropBackend);
                outbox.wish(Wish::Report(Event::Aborted { subject, reason: why, attempts: 0 }));
                return self.close(outbox);
            }
        }
        outbox.to_client.extend_from_slice(&from_backend);
        outbox.to_backend.extend_from_slice(&from_client);
        outbox.wish(Wish::Report(Event::LoggedIn {
            subject: subject.clone(),
            backend: backend.clone(),
            took: now.since(attempt.received),
        }));
        let group = attempt.destination.take().and_then(|destination| destination.group);
        outbox.wish(Wish::Relay(Box::new(Handover { subject, backend, group, watch })));
        self.stage = Stage::Over;
        self.stage_deadline = None;
    }

    pub(super) fn enter(&mut self, stage: Stage, deadline: Tick) {
        self.stage = stage;
        self.stage_deadline = Some(deadline);
    }
}

/// Beyond the move timeout itself, for the login after it.
const MOVE_GRACE: std::time::Duration = std::time::Duration::from_secs(10);
