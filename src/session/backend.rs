//! At a backend: from the connection to its login reply, and what each failure leads to (docs/rules/failures.md).
//!
//! Decides: when TLS begins there, what the backend is told to log in with, when an attempt is repeated, which of its words
//! the client and the log may have. Does not: speak its protocol ([`crate::backend`]), shake hands. Driver: `login`. Tests:
//! `tests/transcripts/session`.

use std::borrow::Cow;
use std::num::NonZero;

use super::input::Hop;
use super::output::{Counted, Lesson, Wish};
use super::routing;
use super::step::{
    AtBackend, InDialogue, Leader, LoggedIn, Next, Refusal, Scene, Securing, Shown, Step,
};
use crate::auth::scram::Derived;
use crate::auth::verdict::{BackendMech, BackendTls, Certificate};
use crate::backend::{self, Dialogue, Login, Proof};
use crate::event::{Event, Notice};
use crate::fault::Failure;
use crate::limits;
use crate::names::Protocol;
use crate::names::mechanism::{Mechanism, Mechanisms};
use crate::secret::Secret;
use crate::tick::Tick;
use crate::wire::inbox::Inbox;
use crate::wire::login_ok::LoginOk;

impl AtBackend {
    /// The connection stands.
    pub(super) fn connected(self, scene: &mut Scene<'_>) -> Next {
        let header = match self.destination.hop {
            Hop::Backend => {
                let settings = scene.settings.of(scene.front.protocol());
                settings.send_header.encode(&scene.front.facts)
            }
            Hop::Site => scene.settings.site_header.encode(&self.destination.host),
        };
        // Before everything else, and in clear; then the backend speaks, or TLS begins (W-PPO-3).
        scene.outbox.to_backend.extend(header);
        match self.tls(scene) {
            BackendTls::Implicit(certificate) => self.secure(None, certificate, scene),
            BackendTls::Starttls(_) => self.begin_dialogue(true, scene),
            BackendTls::Off => self.begin_dialogue(false, scene),
        }
    }

    /// The connection could not be made, or broke before anything was said.
    pub(super) fn unreachable(self, reason: &'static str, scene: &mut Scene<'_>) -> Next {
        self.attempt_failed(Refusal::of(Failure::Connect), reason.into(), scene)
    }

    /// No connection was tried. Queueing for an address that is gone would take as long as finding out took those before.
    pub(super) fn down(mut self, scene: &mut Scene<'_>) -> Next {
        self.tries.attempts.give_up();
        let detail =
            "has been failing for 30 s and more, and another login is trying it: not waited for";
        self.attempt_failed(Refusal::of(Failure::Connect), detail.into(), scene)
    }

    /// Among whose connections this one counts. What another site has there is for its own proxies to bound.
    pub(super) fn counted(&self, scene: &Scene<'_>) -> Counted {
        let connections_max = match self.destination.hop {
            Hop::Backend => {
                let granted = self.granted.grant.backend_connections_max;
                let most = granted.or_else(|| self.destination.connections_max.map(NonZero::get));
                most.unwrap_or(scene.settings.backend_connections_max)
            }
            Hop::Site => 0,
        };
        Counted { host: self.destination.host.clone(), connections_max }
    }

    /// The backend has as many connections as it may have: the login looks again for a while, and the routing layer is asked
    /// each time, because the group may be elsewhere by then. Nothing is learnt of the backend (R-LOAD-2).
    pub(super) fn full(mut self, scene: &Scene<'_>) -> Next {
        if let Some(at) = self.tries.attempts.look_again_for_room(scene.now) {
            return Next::Step(Step::Pausing(self.granted, self.tries), at);
        }
        let Counted { host, connections_max } = self.counted(scene);
        let detail = format!(
            "backend {host} has {connections_max} connections, as many as backend_connections_max or its own --connections-max allows: raise \
             it, or move groups to other backends (hale cluster group move)"
        );
        Next::Failed(self.granted.fails(Failure::Unavailable, detail))
    }

    /// Something of ours is missing to connect, or to log in. Nothing is learnt of the host, and the next attempt would find the same (W-FAIL-8).
    pub(super) fn end_for_lack(self, what: &'static str, scene: &mut Scene<'_>) -> Next {
        scene.outbox.wish(Wish::DropBackend);
        Next::Failed(self.granted.fails(Failure::Internal, what))
    }

    /// What this login demands of the way to the backend: the grant's word, else the configuration's.
    fn tls(&self, scene: &Scene<'_>) -> BackendTls {
        self.granted.grant.tls.unwrap_or_else(|| scene.settings.of(scene.front.protocol()).tls)
    }

    /// When the login fails whatever is under way.
    fn deadline(&self) -> Tick {
        self.tries.attempts.deadline()
    }

    fn secure(
        self,
        dialogue: Option<Box<Dialogue>>,
        certificate: Certificate,
        scene: &mut Scene<'_>,
    ) -> Next {
        let certificate =
            if scene.settings.verify_backends { certificate } else { Certificate::Any };
        let name = self.destination.host.clone();
        scene.outbox.wish(Wish::SecureBackend { name, certificate });
        let until = self.deadline();
        Next::Step(Step::SecuringBackend(Securing { at: self, dialogue }), until)
    }

    fn begin_dialogue(self, starttls: bool, scene: &Scene<'_>) -> Next {
        let protocol = scene.front.protocol();
        let dialogue = Box::new(Dialogue::new(protocol, self.login(starttls, scene)));
        let until = self.deadline();
        Next::Step(Step::InDialogue(InDialogue::new(self, dialogue)), until)
    }

    /// What a password of ours does not replace is the client's own; `proxy_mech` says what becomes of a password.
    fn proof(&self) -> Proof {
        let grant = &self.granted.grant;
        match (grant.mech, &grant.pass, &self.granted.shown) {
            (BackendMech::Sasl(Mechanism::External), ..) => Proof::Certificate,
            (_, None, Shown::Token(_)) => Proof::Token,
            (_, None, Shown::Exchange(mechanism, _)) => Proof::Led(*mechanism),
            (BackendMech::Sasl(it), ..) if Mechanisms::TOKENS.has(it) => Proof::Token,
            (BackendMech::Sasl(it), ..) => Proof::Scram(it),
            (BackendMech::Auto | BackendMech::Login | BackendMech::Plain, ..) => Proof::Password,
        }
    }

    fn evidence(&self) -> Secret {
        if self.granted.grant.mech == BackendMech::Sasl(Mechanism::External) {
            return Secret::default();
        }
        match (&self.granted.grant.pass, &self.granted.shown) {
            (Some(pass), _) => pass.clone(),
            (None, Shown::Password(it) | Shown::Token(it) | Shown::Exchange(_, it)) => it.clone(),
            (None, Shown::Nothing) => Secret::default(),
        }
    }

    /// Another one for each attempt.
    fn nonce(&self) -> Box<str> {
        match &*self.granted.grant.nonce {
            "" => Box::default(),
            drawn => format!("{drawn}{}", self.tries.attempts.path().len()).into(),
        }
    }

    /// What the backend is told to log in with. All of it is needed again should there be another attempt.
    fn login(&self, starttls: bool, scene: &Scene<'_>) -> Login {
        let protocol = scene.front.protocol();
        let settings = scene.settings.of(protocol);
        let grant = &self.granted.grant;
        let mut forward = grant.forward.clone();
        if let Some(group) = &self.destination.group {
            forward.push(("cl_user_group".into(), group.clone()));
        }
        Login {
            user: grant.destuser.as_ref().unwrap_or(&grant.user).clone(),
            proof: self.proof(),
            password: self.evidence(),
            master: grant.master.clone(),
            mech: grant.mech,
            nonce: self.nonce(),
            nopipelining: grant.nopipelining,
            starttls,
            send_facts: !grant.not_trusted,
            referrals: self.tries.referrals,
            forward,
            client_id: scene.client.client_id().to_vec(),
            noauth: grant.noauth,
            xclient_inherit_ok: settings.xclient_inherit_ok,
            pass_backend_error: settings.pass_backend_error,
            // Only SMTP has an EHLO to say it in.
            own_name: match protocol {
                Protocol::Submission => scene.settings.rules.host.clone(),
                Protocol::Imap | Protocol::Pop3 | Protocol::Sieve | Protocol::Lmtp => {
                    Box::default()
                }
            },
            helo: scene.client.helo().map(Into::into),
        }
    }

    /// No TLS towards the backend. Where another attempt would meet the same certificate, or the same lack of TLS, there
    /// is none (W-BTLS-3).
    fn insecure(self, reason: &str, is_lasting: bool, scene: &mut Scene<'_>) -> Next {
        let failure = if is_lasting { Failure::RemoteConfig } else { Failure::Remote };
        self.attempt_failed(Refusal::of(failure), reason.to_owned().into(), scene)
    }

    /// The backend, or another site's load balancer, has answered, or has not.
    pub(super) fn teach(&self, failure: Option<Failure>, scene: &mut Scene<'_>) {
        let host = self.destination.host.clone();
        let lesson = match self.destination.hop {
            Hop::Backend => Lesson::Backend { host, protocol: scene.front.protocol(), failure },
            Hop::Site => {
                let Some(&endpoint) = self.tries.attempts.path().last() else { return };
                let is_reached = failure.is_none_or(Failure::is_answered);
                Lesson::Site { host, endpoint, is_reached }
            }
        };
        scene.outbox.wish(Wish::Learn(lesson));
    }

    /// The backend has said nothing for a while. Of another site's load balancer its own rules know more.
    pub(super) fn doubt(&self, scene: &mut Scene<'_>) {
        if self.destination.hop == Hop::Backend {
            let (host, protocol) = (self.destination.host.clone(), scene.front.protocol());
            scene.outbox.wish(Wish::Doubt { host, protocol });
        }
    }

    /// An attempt failed: another one if the class and the time allow it, else the client is answered (W-FAIL-1).
    fn attempt_failed(
        mut self,
        refusal: Refusal,
        detail: Cow<'static, str>,
        scene: &mut Scene<'_>,
    ) -> Next {
        let failure = refusal.failure;
        let again = self.tries.attempts.again(scene.now, failure);
        let details = scene.details();
        scene.outbox.wish(Wish::DropBackend);
        self.teach(Some(failure), scene);
        if failure.is_of_place() {
            scene.outbox.wish(Wish::Learn(Lesson::NotServed {
                user: self.granted.grant.user.clone(),
                group: self.destination.group.clone(),
            }));
        }
        scene.outbox.wish(Wish::Report(Event::BackendFailed {
            subject: self.granted.subject(scene.front),
            details,
            backend: self.destination.host,
            failure,
            detail: (*detail).into(),
            retried: again.is_some(),
        }));
        if let Some(at) = again {
            return Next::Step(Step::Pausing(self.granted, self.tries), at);
        }
        let told = match failure.refusal_words() {
            Some(words) => format!("{words}: {detail}").into(),
            None => detail,
        };
        let mut failed = self.granted.fails(failure, told);
        failed.refusal = refusal;
        Next::Failed(failed)
    }
}

impl Securing {
    /// TLS with the backend stands, and its certificate will do.
    pub(super) fn secured(self, scene: &mut Scene<'_>) -> Next {
        let Self { at, dialogue } = self;
        let Some(mut dialogue) = dialogue else {
            return at.begin_dialogue(false, scene);
        };
        let step = dialogue.secured(&scene.front.facts, &mut scene.outbox.to_backend);
        let (deadline, now) = (at.deadline(), scene.now);
        let patience = dialogue.patience();
        let until = patience.map_or(deadline, |patience| deadline.min(now.after(patience)));
        match InDialogue::new(at, dialogue).take(step, scene) {
            Next::Stay(step) => Next::Step(step, until),
            next => next,
        }
    }

    /// It does not stand.
    pub(super) fn insecure(self, reason: &str, is_lasting: bool, scene: &mut Scene<'_>) -> Next {
        self.at.insecure(reason, is_lasting, scene)
    }

    /// The connection broke.
    pub(super) fn broken(self, reason: &'static str, scene: &mut Scene<'_>) -> Next {
        self.at.attempt_failed(Refusal::of(Failure::Remote), reason.into(), scene)
    }

    /// The time of the login is over.
    pub(super) fn late(self, scene: &mut Scene<'_>) -> Next {
        self.at.attempt_failed(Refusal::of(Failure::Connect), NO_REPLY.into(), scene)
    }
}

impl Leader {
    /// The client has answered its challenge.
    pub(super) fn hears(self, message: &Secret, scene: &mut Scene<'_>) -> Next {
        match self {
            Self::Backend(at) => at.answer(message, scene),
            Self::Passdbs(asked) => {
                scene.outbox.wish(Wish::Respond(message.clone()));
                Next::Step(Step::Verdict(asked), scene.now.after(limits::AUTH_TIMEOUT))
            }
        }
    }
}

impl InDialogue {
    fn new(at: AtBackend, dialogue: Box<Dialogue>) -> Self {
        Self { at, dialogue, inbox: Inbox::new(limits::BACKEND_INPUT_BYTES_MAX) }
    }

    /// The backend sent something.
    pub(super) fn read(mut self, bytes: &[u8], scene: &mut Scene<'_>) -> Next {
        let taken = self.inbox.append(bytes);
        debug_assert_eq!(taken, bytes.len(), "the shell read more than there was room for");
        let outbox = &mut *scene.outbox;
        let told_before = outbox.to_client.len();
        let facts = &scene.front.facts;
        let (to_backend, to_client) = (&mut outbox.to_backend, &mut outbox.to_client);
        let step = self.dialogue.read(facts, &mut self.inbox, to_backend, to_client);
        let told = to_client.get(told_before..).unwrap_or_default();
        if self.at.granted.is_ours_told_by(told) {
            to_client.truncate(told_before);
        }
        self.take(step, scene)
    }

    /// The client has answered the backend's challenge.
    pub(super) fn answer(mut self, message: &Secret, scene: &mut Scene<'_>) -> Next {
        self.dialogue.answer(message, &mut scene.outbox.to_backend);
        let until = self.at.deadline();
        Next::Step(Step::InDialogue(self), until)
    }

    /// What the backend's challenge needs has been computed.
    pub(super) fn derived(mut self, derived: Option<Box<Derived>>, scene: &mut Scene<'_>) -> Next {
        let Some(derived) = derived else {
            return self.at.end_for_lack(HASHING_BEHIND, scene);
        };
        let step = self.dialogue.derived(&derived, &mut scene.outbox.to_backend);
        self.take(step, scene)
    }

    /// The backend sends nothing more.
    pub(super) fn ended(mut self, scene: &mut Scene<'_>) -> Next {
        let step = self.dialogue.eof();
        self.take(step, scene)
    }

    /// The connection broke.
    pub(super) fn broken(self, reason: &'static str, scene: &mut Scene<'_>) -> Next {
        let detail = self.cut_short(reason);
        self.at.attempt_failed(Refusal::of(Failure::Remote), detail.into(), scene)
    }

    /// A record of the backend's TLS is damaged.
    pub(super) fn insecure(self, reason: &str, is_lasting: bool, scene: &mut Scene<'_>) -> Next {
        self.at.insecure(reason, is_lasting, scene)
    }

    /// The login takes too long; or only the backend's silence does, and a question may end that.
    pub(super) fn late(mut self, scene: &mut Scene<'_>) -> Next {
        let deadline = self.at.deadline();
        if scene.now < deadline {
            self.dialogue.silent(&mut scene.outbox.to_backend);
            return Next::Step(Step::InDialogue(self), deadline);
        }
        let detail = self.cut_short(NO_REPLY);
        self.at.attempt_failed(Refusal::of(Failure::Connect), detail.into(), scene)
    }

    /// What the dialogue came to.
    fn take(self, step: backend::Step, scene: &mut Scene<'_>) -> Next {
        match step {
            backend::Step::More => Next::Stay(Step::InDialogue(self)),
            backend::Step::StartTls => {
                self.report_words_in_clear(scene);
                let Self { at, dialogue, .. } = self;
                let certificate = match at.tls(scene) {
                    BackendTls::Starttls(certificate) | BackendTls::Implicit(certificate) => {
                        certificate
                    }
                    BackendTls::Off => Certificate::Configured,
                };
                at.secure(Some(dialogue), certificate, scene)
            }
            backend::Step::Ready(ok) => {
                self.at.teach(None, scene);
                Next::LoggedIn(self.logged_in(ok, scene))
            }
            backend::Step::Failed(failure, text) => {
                self.report_words_in_clear(scene);
                let Self { at, dialogue, .. } = self;
                let text = text.filter(|text| !at.granted.is_ours_told_by(text));
                let words = dialogue.last_line();
                let is_harmless = !at.granted.is_told_by(words.as_bytes());
                let detail = if is_harmless { words } else { "a reply with the password in it" };
                at.attempt_failed(Refusal { failure, text }, detail.to_owned().into(), scene)
            }
            backend::Step::Derive(derivation) => {
                scene.outbox.wish(Wish::Derive(derivation));
                Next::Stay(Step::InDialogue(self))
            }
            backend::Step::Challenge(message) => {
                let Self { mut at, dialogue, inbox } = self;
                // What the client says belongs to this exchange: another attempt would have to begin with another.
                at.tries.attempts.give_up();
                at.tries.is_client_asked = true;
                Next::Challenge(Leader::Backend(Self { at, dialogue, inbox }), message)
            }
            backend::Step::Redirect(_) if self.at.tries.is_client_asked => {
                let detail = "a referral behind an exchange that the backend led, which cannot be repeated elsewhere";
                self.at.attempt_failed(Refusal::of(Failure::RedirectFailed), detail.into(), scene)
            }
            backend::Step::Redirect(referral) => {
                scene.outbox.wish(Wish::DropBackend);
                self.at.teach(Some(Failure::Referred), scene);
                routing::follow(self.at, referral, scene)
            }
        }
    }

    /// The backend said OK.
    fn logged_in(self, mut ok: LoginOk, scene: &Scene<'_>) -> LoggedIn {
        let Self { at: AtBackend { granted, destination, .. }, dialogue, inbox } = self;
        if granted.is_ours_told_by(&ok.text) {
            ok.text = Box::default();
        }
        let mut details = scene.history.details(scene.front, &scene.marks, scene.now);
        details.group = destination.group;
        LoggedIn {
            subject: granted.subject(scene.front),
            details,
            backend: destination.host,
            ok,
            inbox,
            left_facts_out: dialogue.dropped_pairs() > 0,
            valid_until: granted.grant.valid_until,
        }
    }

    /// What became of a dialogue that is cut short, for the log: where it stood, and what the backend said last.
    fn cut_short(&self, reason: &str) -> String {
        let (stage, words) = (self.dialogue.stage(), self.dialogue.last_line());
        if words.is_empty() || self.at.granted.is_told_by(words.as_bytes()) {
            format!("{reason} (at {stage})")
        } else {
            format!("{reason} (at {stage}); its last words: {words}")
        }
    }

    /// A backend said something where TLS begins that counts for nothing (W-BTLS-4): the log tells it, once per attempt.
    fn report_words_in_clear(&self, scene: &mut Scene<'_>) {
        if self.dialogue.spoke_in_clear() {
            let subject = self.at.granted.subject(scene.front);
            let (details, notice) = (scene.details(), Notice::WordsInClear);
            scene.outbox.wish(Wish::Report(Event::Noticed { subject, details, notice }));
        }
    }
}

impl Refusal {
    /// In our own words.
    fn of(failure: Failure) -> Self {
        Self { failure, text: None }
    }
}

const HASHING_BEHIND: &str =
    "SCRAM with the backend needs a hashing thread, and they are behind (auth_hash_threads)";
const NO_REPLY: &str = "no login reply within login_proxy_timeout";
