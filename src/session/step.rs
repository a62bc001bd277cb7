//! The steps of a login, and what each of them knows.
//!
//! ```text
//! Verdict ─ Waiting ─ Route ─ Connecting ─ SecuringBackend ─ InDialogue ─ logged in
//!    │         │      ▲ │ ▲       │              │            │ │
//!    │         │      │ │ └───────┼── referral ──┼────────────┘ │
//!    │         │   Pausing ◄──────┴──────────────┴──────────────┤
//!    └─────────┴────────┴──────── Refused ◄─────────────────────┘
//! ```
//!
//! A step is consumed into the next ([`Next`]), so that nothing can be asked of it that it does not know: there is no
//! destination before the routing layer has named one, no dialogue before a connection stands, and no password left behind
//! a refusal. Decides: nothing. Driver: `login`; what follows a step is decided in `verdict`, `routing` and `backend`.

use std::borrow::Cow;
use std::sync::Arc;

use super::disclosure;
use super::history::{History, Marks};
use super::input::Destination;
use super::output::{BoundFor, Outbox};
use super::settings::SessionSettings;
use crate::auth::verdict::Grant;
use crate::backend::Dialogue;
use crate::backend::connect::Attempts;
use crate::event::{Details, LoginStep, Subject, escaped};
use crate::fault::Failure;
use crate::front::Front;
use crate::limits;
use crate::names::mechanism::Mechanism;
use crate::preauth;
use crate::secret::Secret;
use crate::tick::Tick;
use crate::wire::inbox::Inbox;
use crate::wire::login_ok::LoginOk;

/// Where a login stands.
#[derive(Debug)]
pub(super) enum Step {
    /// The password databases are asked.
    Verdict(Asked),
    /// Granted, but a password database holds the login back (`delay_until`).
    Waiting(Granted),
    /// The routing layer is asked.
    Route(Routing),
    /// A TCP connection is made.
    Connecting(AtBackend),
    /// In the TLS handshake with the backend.
    SecuringBackend(Securing),
    /// In the backend's dialogue.
    InDialogue(InDialogue),
    /// The client has been sent a challenge.
    Challenged(Leader),
    /// The user's group is being moved: waits to ask the routing layer again.
    Held(Routing),
    /// Between two attempts.
    Pausing(Granted, Tries),
    /// The refusal is held back for the failed-login delay.
    Refused(Named, Refusal),
}

/// Who leads an exchange with the client.
#[derive(Debug)]
pub(super) enum Leader {
    /// The password databases.
    Passdbs(Asked),
    /// The backend; what else it says waits meanwhile.
    Backend(InDialogue),
}

/// What follows a step.
pub(super) enum Next {
    /// The client is sent this challenge.
    Challenge(Leader, Box<[u8]>),
    /// Another one, until then at most.
    Step(Step, Tick),
    /// The same, for as long as it had anyway.
    Stay(Step),
    /// The client is refused.
    Failed(Failed),
    /// The backend said OK.
    LoggedIn(LoggedIn),
}

/// What a login sees of its session.
pub(super) struct Scene<'a> {
    pub(super) now: Tick,
    pub(super) settings: &'a SessionSettings,
    pub(super) front: &'a Front,
    /// The client's side, which has told what it is.
    pub(super) client: &'a preauth::Dialogue,
    pub(super) outbox: &'a mut Outbox,
    /// For the jitter of delays.
    pub(super) seed: &'a mut u64,
    pub(super) history: &'a mut History,
    /// What is known of the login for the log.
    pub(super) marks: Marks,
}

impl Scene<'_> {
    /// What log lines tell beside whom they are about.
    pub(super) fn details(&self) -> Option<Box<Details>> {
        let mut details = self.history.details(self.front, &self.marks, self.now);
        details.local_name.clone_from(&self.front.facts.local_name);
        Some(details)
    }
}

/// Who a login is about where no grant says so, for the log: as typed, or as granted before it failed.
#[derive(Debug)]
pub(super) struct Named {
    /// Any bytes: it may be no name at all.
    pub(super) name: Box<[u8]>,
    /// Who gave the password, when it was not the user.
    pub(super) master: Option<Box<str>>,
}

/// Credentials that no database has judged yet.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) who: Named,
    pub(super) shown: Shown,
}

/// What of a client's credentials a backend could be shown, too.
#[derive(Debug)]
pub(super) enum Shown {
    Password(Secret),
    Token(Secret),
    /// The first message of an exchange.
    Exchange(Mechanism, Secret),
    /// A certificate is shown to one host only.
    Nothing,
}

impl Shown {
    /// The password; of other credentials an empty one.
    pub(super) fn password(&self) -> Secret {
        match self {
            Self::Password(password) => password.clone(),
            Self::Token(_) | Self::Exchange(..) | Self::Nothing => Secret::default(),
        }
    }

    /// Whether these words tell it.
    fn is_told_by(&self, words: &[u8]) -> bool {
        match self {
            Self::Password(secret) | Self::Token(secret) => disclosure::repeats(words, secret),
            // It is told to every host on the way, and worth nothing by itself.
            Self::Exchange(..) | Self::Nothing => false,
        }
    }
}

/// A user who may log in.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) grant: Box<Grant>,
    /// Who gave the password, when it was not the user.
    pub(super) master: Option<Box<str>>,
    /// The client's.
    pub(super) shown: Shown,
    /// Should the login fail all the same.
    pub(super) delay: Delay,
}

/// What a refusal has to wait for, besides the failed-login delay.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Delay {
    /// Failed logins that are counted against the client's address: a further one is answered later (SA-12).
    pub(super) earlier_failures: u8,
    /// `delay_until`: whatever follows the verdict, not before.
    pub(super) not_before: Option<Tick>,
}

/// What all attempts of a login at its backends have in common.
#[derive(Debug)]
pub(super) struct Tries {
    /// Carries the deadline of the whole login.
    pub(super) attempts: Attempts,
    /// Where a backend sent us last. It has said that the user is not there, so further attempts go to the place that it
    /// named, too, and not back to the route (W-FAIL-1, W-REF-1).
    pub(super) sent_to: Option<Box<Place>>,
    pub(super) referrals: u8,
    /// The route led to a backend that the group's row did not name yet: where that one sent us is no lesson (C-CACHE-5).
    pub(super) is_switching: bool,
    /// The client has been sent a backend's challenge.
    pub(super) is_client_asked: bool,
}

/// The place that a referral names.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) host: Box<str>,
    pub(super) group: Option<Box<str>>,
    pub(super) port: Option<u16>,
}

/// A question to the routing layer, and why it is asked.
#[derive(Debug)]
pub(super) struct Routing {
    pub(super) granted: Granted,
    pub(super) why: Why,
    /// The login is held for a move, until then at most; none: it is not.
    pub(super) held_until: Option<Tick>,
}

/// Why the routing layer is asked.
#[derive(Debug)]
pub(super) enum Why {
    /// For the first attempt.
    First,
    /// For another attempt, because the host may have been marked down meanwhile.
    Again(Tries),
    /// Because this backend has sent us on, to the place in `sent_to`.
    Referral(Tries, Arc<str>),
}

/// A backend that is tried.
#[derive(Debug)]
pub(super) struct AtBackend {
    pub(super) granted: Granted,
    pub(super) tries: Tries,
    pub(super) destination: Destination,
}

/// A handshake with a backend.
#[derive(Debug)]
pub(super) struct Securing {
    pub(super) at: AtBackend,
    /// The dialogue that agreed to it; none: TLS comes first, and the dialogue behind it.
    pub(super) dialogue: Option<Box<Dialogue>>,
}

/// A login at a backend, in its protocol.
#[derive(Debug)]
pub(super) struct InDialogue {
    pub(super) at: AtBackend,
    pub(super) dialogue: Box<Dialogue>,
    pub(super) inbox: Inbox,
}

/// What the client is told at the end of a login that failed.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) failure: Failure,
    /// Words that take the place of ours.
    pub(super) text: Option<Box<[u8]>>,
}

/// A login that failed for good.
pub(super) struct Failed {
    pub(super) who: Named,
    pub(super) refusal: Refusal,
    /// For the operator's log.
    pub(super) detail: Cow<'static, str>,
    /// None: `nodelay`, the refusal is told at once.
    pub(super) delay: Option<Delay>,
}

/// A login that succeeded: what is left to say and to hand over.
pub(super) struct LoggedIn {
    pub(super) subject: Subject,
    /// But for the name that the client asked for.
    pub(super) details: Box<Details>,
    pub(super) backend: Arc<str>,
    pub(super) ok: LoginOk,
    /// What the backend sent behind its OK.
    pub(super) inbox: Inbox,
    /// The backend was not told everything (W-FWD-5).
    pub(super) left_facts_out: bool,
    /// When the client's token ends, where that is known.
    pub(super) valid_until: Option<Tick>,
}

impl Step {
    /// What a login is while one step becomes the next. Should a step ever be left out, the client is refused for it.
    pub(super) fn none() -> Self {
        let refusal = Refusal { failure: Failure::Internal, text: None };
        Self::Refused(Named::of(Box::default()), refusal)
    }

    /// How many bytes of the backend are taken now.
    pub(super) fn backend_room(&self) -> usize {
        match self {
            Self::InDialogue(backend) => backend.inbox.room(),
            Self::Verdict(_)
            | Self::Waiting(_)
            | Self::Held(_)
            | Self::Route(_)
            | Self::Connecting(_)
            | Self::SecuringBackend(_)
            | Self::Pausing(..)
            | Self::Challenged(_)
            | Self::Refused(..) => 0,
        }
    }

    /// Whether there is a connection to a backend, or one on its way.
    pub(super) fn has_backend(&self) -> bool {
        self.at_backend().is_some()
    }

    /// The backend that is tried.
    pub(super) fn at_backend(&self) -> Option<&AtBackend> {
        match self {
            Self::Connecting(at)
            | Self::SecuringBackend(Securing { at, .. })
            | Self::InDialogue(InDialogue { at, .. })
            | Self::Challenged(Leader::Backend(InDialogue { at, .. })) => Some(at),
            Self::Verdict(_)
            | Self::Challenged(Leader::Passdbs(_))
            | Self::Waiting(_)
            | Self::Held(_)
            | Self::Route(_)
            | Self::Pausing(..)
            | Self::Refused(..) => None,
        }
    }

    /// The step's name, for the administrator.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Verdict(_) => "auth",
            Self::Waiting(_) => "delay-until",
            Self::Route(_) => "route",
            Self::Connecting(_) => "connect",
            Self::SecuringBackend(_) => "backend-tls",
            Self::InDialogue(_) => "login",
            Self::Challenged(_) => "challenged",
            Self::Held(_) => "held",
            Self::Pausing(..) => "retry",
            Self::Refused(..) => "delay",
        }
    }

    /// What it is in the log; none: it waits to be refused.
    pub(super) fn log_step(&self) -> Option<LoginStep> {
        match self {
            Self::Verdict(_) | Self::Challenged(Leader::Passdbs(_)) => Some(LoginStep::Auth),
            Self::Waiting(_) | Self::Held(_) | Self::Pausing(..) => Some(LoginStep::Delay),
            Self::Route(_) => Some(LoginStep::Route),
            Self::Connecting(_) => Some(LoginStep::Connect),
            Self::SecuringBackend(_) => Some(LoginStep::BackendTls),
            Self::InDialogue(_) | Self::Challenged(Leader::Backend(_)) => {
                Some(LoginStep::BackendLogin)
            }
            Self::Refused(..) => None,
        }
    }

    /// The granted user, and where the login goes as far as that is known; none: no user is let in yet.
    pub(super) fn bound_for(&self) -> Option<BoundFor<'_>> {
        let (granted, destination) = match self {
            Self::Verdict(_) | Self::Challenged(Leader::Passdbs(_)) | Self::Refused(..) => {
                return None;
            }
            Self::Waiting(granted)
            | Self::Pausing(granted, _)
            | Self::Held(Routing { granted, .. })
            | Self::Route(Routing { granted, .. }) => (granted, None),
            Self::Connecting(at)
            | Self::SecuringBackend(Securing { at, .. })
            | Self::InDialogue(InDialogue { at, .. })
            | Self::Challenged(Leader::Backend(InDialogue { at, .. })) => {
                (&at.granted, Some(&at.destination))
            }
        };
        Some(BoundFor {
            user: &granted.grant.user,
            backend: destination.map(|destination| &destination.host),
            group: destination.and_then(|destination| destination.group.as_deref()),
        })
    }

    /// Who the login is about.
    pub(super) fn subject(&self, front: &Front) -> Subject {
        match self {
            Self::Verdict(Asked { who, .. })
            | Self::Challenged(Leader::Passdbs(Asked { who, .. }))
            | Self::Refused(who, _) => who.subject(front),
            Self::Waiting(granted)
            | Self::Pausing(granted, _)
            | Self::Held(Routing { granted, .. })
            | Self::Route(Routing { granted, .. }) => granted.subject(front),
            Self::Connecting(at)
            | Self::SecuringBackend(Securing { at, .. })
            | Self::InDialogue(InDialogue { at, .. })
            | Self::Challenged(Leader::Backend(InDialogue { at, .. })) => at.granted.subject(front),
        }
    }
}

impl Named {
    /// A name that no master gave a password for.
    pub(super) fn of(name: Box<[u8]>) -> Self {
        Self { name, master: None }
    }

    pub(super) fn subject(&self, front: &Front) -> Subject {
        front.subject(Some(shown(&self.name)), self.master.as_deref().map(shown_master))
    }

    /// The login fails before it is granted.
    pub(super) fn fails(self, failure: Failure, detail: impl Into<Cow<'static, str>>) -> Failed {
        let delay = Some(Delay::default());
        let refusal = Refusal { failure, text: None };
        Failed { who: self, refusal, detail: detail.into(), delay }
    }
}

impl Granted {
    pub(super) fn subject(&self, front: &Front) -> Subject {
        let user = shown(self.grant.user.as_bytes());
        front.subject(Some(user), self.master.as_deref().map(shown_master))
    }

    /// The login fails although it is granted.
    pub(super) fn fails(self, failure: Failure, detail: impl Into<Cow<'static, str>>) -> Failed {
        let name = self.grant.user.into_boxed_bytes();
        let who = Named { name, master: self.master };
        let refusal = Refusal { failure, text: None };
        Failed { who, refusal, detail: detail.into(), delay: Some(self.delay) }
    }

    /// Whether the backend knows the user by the same name.
    pub(super) fn is_same_user_there(&self) -> bool {
        self.grant.destuser.as_ref().is_none_or(|destuser| *destuser == self.grant.user)
    }

    /// Whether a backend's words tell the client's password or ours: not for a log.
    pub(super) fn is_told_by(&self, words: &[u8]) -> bool {
        self.shown.is_told_by(words) || self.is_ours_told_by(words)
    }

    /// Whether a backend's words tell a password that the client does not know: not for the client.
    pub(super) fn is_ours_told_by(&self, words: &[u8]) -> bool {
        self.grant.pass.as_ref().is_some_and(|ours| disclosure::repeats(words, ours))
    }
}

fn shown(name: &[u8]) -> Box<str> {
    escaped(name, limits::USER_BYTES_MAX)
}

fn shown_master(name: &str) -> Box<str> {
    shown(name.as_bytes())
}
