//! From credentials to a verdict: what the password databases are asked, and what their answer leads to (docs/rules/sasl.md).
//!
//! Decides: whose name is judged, which grants can be used at all. Does not: know a password; `auth` does. Driver: `login`.
//! Tests: `tests/transcripts/session`.

use super::claim::Claim;
use super::output::Wish;
use super::routing;
use super::step::{
    Asked, Delay, Failed, Granted, Leader, Named, Next, Refusal, Scene, Shown, Step,
};
use crate::auth::answer::Answer;
use crate::auth::ask::{Proof, Question};
use crate::auth::scram::ClientFirst;
use crate::auth::verdict::{BackendMech, Elsewhere, Verdict};
use crate::backend;
use crate::backend::referral;
use crate::facts::{Approach, Transport};
use crate::fault::Failure;
use crate::limits;
use crate::names::Protocol;
use crate::names::mechanism::{Mechanism, Mechanisms};
use crate::preauth::Credentials;
use crate::preauth::sasl::Unusable;

/// A client presents credentials: asks the password databases.
pub(super) fn ask(credentials: Credentials, scene: &mut Scene<'_>) -> Next {
    let Credentials { user, authorize_as, password, challenge, mechanism } = credentials;
    let facts = &scene.front.facts;
    let claim = Claim::of(mechanism, &facts.certificate, &scene.settings.certificates);
    let (user, proof) = match claim {
        Ok(Claim { name, proof }) => (name.unwrap_or(user), proof),
        Err(detail) => {
            let who = Named::of(user.into_boxed_bytes());
            return Next::Failed(who.fails(Failure::Credentials, detail));
        }
    };
    let question = Question {
        protocol: scene.front.protocol(),
        user: user.clone(),
        authorize_as: authorize_as.clone(),
        proof,
        password: password.clone(),
        bound_to: challenge,
        remote: facts.apparent.ip(),
        local: facts.local.ip(),
        approach: approach(scene),
    };
    // For the log, until it is known whether that master may do so.
    let (user, master) = match authorize_as {
        Some(other) if other != user => (other, Some(user)),
        _ => (user, None),
    };
    let who = Named { name: user.into_boxed_bytes(), master };
    scene.outbox.wish(Wish::Authenticate(Box::new(question)));
    let shown = match proof {
        Proof::Password | Proof::NamedPassword => Shown::Password(password),
        Proof::Token => Shown::Token(password),
        Proof::Exchange(mechanism) => Shown::Exchange(mechanism, password),
        Proof::Certificate | Proof::None => Shown::Nothing,
    };
    Next::Step(Step::Verdict(Asked { who, shown }), scene.now.after(limits::AUTH_TIMEOUT))
}

/// How the login comes.
fn approach(scene: &Scene<'_>) -> Approach {
    let front = scene.front;
    Approach {
        failed_before: scene.client.notes().failed_logins,
        is_secured: front.facts.transport == Transport::Tls,
        security: front.security,
        is_certified: front.facts.certificate.is_verified(),
        certificate: front.facts.certificate.whole().cloned(),
    }
}

/// Credentials that no database has to be asked about; the answer takes as long as any other refusal.
pub(super) fn refuse_unasked(unusable: Unusable) -> Next {
    Next::Failed(Named::of(unusable.name).fails(Failure::Credentials, unusable.why))
}

impl Asked {
    /// The password databases have answered.
    pub(super) fn answered(
        self,
        answer: Answer,
        earlier_failures: u8,
        scene: &mut Scene<'_>,
    ) -> Next {
        let not_before = answer.not_before.filter(|at| *at > scene.now);
        let delay = Delay { earlier_failures, not_before };
        match answer.verdict {
            Verdict::Accept(grant) => {
                let (master, shown) = (answer.master_user, self.shown);
                Granted { grant, master, shown, delay }.proceed(scene)
            }
            Verdict::Elsewhere(place) => {
                let who = self.who.by(answer.master_user);
                Next::Failed(sent_away(who, &place, delay, scene))
            }
            Verdict::Refuse { failure, reason } => {
                let detail = match (answer.trouble, answer.why) {
                    (Some(trouble), _) => trouble.to_string(),
                    (None, Some(why)) => why.to_string(),
                    (None, None) => "refused by the password databases".to_owned(),
                };
                Next::Failed(Failed {
                    who: self.who.by(answer.master_user),
                    refusal: Refusal { failure, text: reason.map(|text| text.into_boxed_bytes()) },
                    detail: detail.into(),
                    delay: (!answer.nodelay).then_some(delay),
                })
            }
        }
    }

    /// They want the client to answer this first.
    pub(super) fn challenged(self, message: Box<[u8]>) -> Next {
        Next::Challenge(Leader::Passdbs(self), message)
    }

    /// They have not, and the time for it is over.
    pub(super) fn unanswered(self) -> Next {
        let detail = "no answer from the password databases";
        Next::Failed(self.who.fails(Failure::Unavailable, detail))
    }
}

impl Named {
    /// The databases may know better who gave the password.
    fn by(self, master: Option<Box<str>>) -> Self {
        Self { master: master.or(self.master), ..self }
    }
}

impl Granted {
    /// Goes on, at once unless a password database wants the login held back, and if there is anything to go on with.
    fn proceed(self, scene: &mut Scene<'_>) -> Next {
        let grant = &self.grant;
        // Without a password of the client's one of ours has to take its place (W-CRED-5).
        let has_proof = match &self.shown {
            Shown::Password(_) | Shown::Token(_) => true,
            // The backend leads an exchange only where no database did (W-CRED-1).
            Shown::Exchange(..) => !grant.verified,
            Shown::Nothing => false,
        };
        let has_password = has_proof || grant.pass.is_some();
        let is_certified = grant.mech == BackendMech::Sasl(Mechanism::External);
        let is_trusted_there =
            is_certified || (grant.noauth && scene.front.protocol() == Protocol::Submission);
        if !has_password && !is_trusted_there {
            return Next::Failed(self.fails(Failure::InternalConfig, NO_PASSWORD));
        }
        // Without anything verified a password of ours would let in every client that names a user.
        if !grant.verified && grant.pass.is_some() && !matches!(self.shown, Shown::Password(_)) {
            return Next::Failed(self.fails(Failure::InternalConfig, UNVERIFIED));
        }
        if !grant.verified && is_certified {
            return Next::Failed(self.fails(Failure::InternalConfig, UNVERIFIED_CERTIFIED));
        }
        if matches!(self.shown, Shown::Exchange(..)) && !grant.verified && !self.is_relayable() {
            return Next::Failed(self.fails(Failure::InternalConfig, NOT_RELAYABLE));
        }
        let user = grant.destuser.as_deref().unwrap_or(&grant.user);
        let password = grant.pass.clone().unwrap_or_else(|| self.shown.password());
        if !backend::is_sendable(user, &password, grant.master.as_deref()) {
            return Next::Failed(self.fails(Failure::Credentials, UNSENDABLE));
        }
        // A login that has already come a long way is going round in circles (W-FWD-2).
        if scene.front.facts.ttl <= 1 {
            let detail = "TTL reached zero: proxies appear to be looping";
            return Next::Failed(self.fails(Failure::InternalConfig, detail));
        }
        match self.delay.not_before {
            None => routing::ask_first(self, scene),
            Some(at) if at.since(scene.now) <= limits::DELAY_UNTIL_MAX => {
                Next::Step(Step::Waiting(self), at)
            }
            Some(_) => Next::Failed(self.fails(Failure::Unavailable, TOO_FAR_AHEAD)),
        }
    }
}

impl Granted {
    /// Whether a backend that leads the exchange hears of the user whom the grant names: the client's messages cannot be changed
    /// (W-CRED-1).
    fn is_relayable(&self) -> bool {
        let is_named = match &self.shown {
            // Bound to our TLS with the client, it is worth nothing in ours with the backend.
            Shown::Exchange(mechanism, _) if Mechanisms::BOUND.has(*mechanism) => false,
            Shown::Exchange(_, first) => ClientFirst::parse(first.expose())
                .is_some_and(|first| first.user.eq_ignore_ascii_case(self.grant.user.as_bytes())),
            Shown::Password(_) | Shown::Token(_) | Shown::Nothing => false,
        };
        is_named && self.is_same_user_there() && self.grant.master.is_none()
    }
}

/// The user logs in elsewhere. Another tier of proxies is told where, at once; every other client hears what it hears when
/// a user may not log in at all (W-REF-5).
fn sent_away(who: Named, place: &Elsewhere, delay: Delay, scene: &Scene<'_>) -> Failed {
    let detail = format!("nologin: the user logs in at {}", place.host);
    let (text, delay) = if scene.front.facts.trusted {
        let protocol = scene.front.protocol();
        (Some(referral::written(protocol, &place.user, &place.host, place.port)), None)
    } else {
        (place.reason.as_ref().map(|reason| reason.as_bytes().into()), Some(delay))
    };
    Failed {
        who,
        refusal: Refusal { failure: Failure::Disabled, text },
        detail: detail.into(),
        delay,
    }
}

const NO_PASSWORD: &str = "no passdb gives a password for the backend, which a login by certificate or SCRAM needs: set `pass`, \
                           mostly with `master`, or `proxy_mech = EXTERNAL`, or in Submission `proxy_noauth`";
const UNVERIFIED: &str = "the passdb has `nopassword` and `pass`: with a token or an exchange of messages that would let in every \
                          client; leave out `pass`, or let a passdb verify";
const UNVERIFIED_CERTIFIED: &str = "the passdb has `nopassword` and `proxy_mech = EXTERNAL`: Hale's certificate would let in every \
                                    client that names a user; let a passdb verify";
const NOT_RELAYABLE: &str = "the backend leads the exchange (`nopassword`), which names the user as the client does: `destuser` and \
                             `master` cannot hold; leave them out, or give a passdb the user's secret";
const UNSENDABLE: &str =
    "the user name or password for the backend holds NUL, CR or LF: no backend was asked";
const TOO_FAR_AHEAD: &str = "delay_until of the password database is more than 300 s ahead";
