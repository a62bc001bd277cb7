//! From a granted user to a backend's address: what the routing layer is asked, and which answers are followed (docs/rules/failures.md).
//!
//! Decides: which port, when the first connection begins the time of the whole login, which referrals are followed and which
//! lead in a circle. Does not: know where users live; `route` does. Driver: `login`, `verdict`, `backend`. Tests: transcripts
//! `session/referral*`, `session/loops*`, `session/user_is_moving`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::input::{Destination, Hop, RouteAnswer};
use super::output::{Lesson, RouteAsk, Wish};
use super::step::{AtBackend, Failed, Granted, Next, Place, Routing, Scene, Step, Tries, Why};
use crate::backend::connect::Attempts;
use crate::backend::referral::{self, Host, Referral};
use crate::event::Event;
use crate::fault::Failure;
use crate::limits;
use crate::tick::Tick;

/// Asks for the first attempt.
pub(super) fn ask_first(granted: Granted, scene: &mut Scene<'_>) -> Next {
    ask(granted, Why::First, scene)
}

/// The pause between two attempts is over: asks again, because the host may have been marked down meanwhile.
pub(super) fn ask_again(granted: Granted, tries: Tries, scene: &mut Scene<'_>) -> Next {
    ask(granted, Why::Again(tries), scene)
}

/// The group is leaving the backend that is tried: the attempt is none, and the routing layer knows more by now (C-MOVE-4).
pub(super) fn ask_anew(at: AtBackend, scene: &mut Scene<'_>) -> Next {
    scene.outbox.wish(Wish::DropBackend);
    let AtBackend { granted, tries, .. } = at;
    ask(granted, Why::Again(tries.anew()), scene)
}

/// A backend, which is dropped, sent the user elsewhere: only a host that the routing layer knows is followed (W-REF-1),
/// and only as the same user (W-REF-2).
pub(super) fn follow(at: AtBackend, referral: Referral, scene: &mut Scene<'_>) -> Next {
    let AtBackend { granted, mut tries, destination } = at;
    let grant = &granted.grant;
    let is_same = |user: &str| {
        user.eq_ignore_ascii_case(&grant.user) || grant.destuser.as_deref() == Some(user)
    };
    if !referral.user.as_deref().is_none_or(is_same) {
        let detail = "a referral names another user";
        return Next::Failed(granted.fails(Failure::RedirectFailed, detail));
    }
    let host = match referral.host {
        Host::Address(address) => address.to_string().into_boxed_str(),
        Host::Name(name) => name,
    };
    let Destination { host: from, group, .. } = destination;
    tries.sent_to = Some(Box::new(Place { host, group, port: referral.port }));
    ask(granted, Why::Referral(tries, from), scene)
}

fn ask(granted: Granted, why: Why, scene: &mut Scene<'_>) -> Next {
    Routing { granted, why, held_until: None }.ask_on(scene)
}

impl Routing {
    /// Asks, or asks again.
    pub(super) fn ask_on(self, scene: &mut Scene<'_>) -> Next {
        scene.outbox.wish(Wish::Route(self.question(scene)));
        Next::Step(Step::Route(self), scene.now.after(limits::ROUTE_TIMEOUT))
    }

    fn question(&self, scene: &Scene<'_>) -> RouteAsk {
        let Self { granted, why, .. } = self;
        let sent_to = match why {
            Why::First => None,
            Why::Again(tries) | Why::Referral(tries, _) => tries.sent_to.as_ref(),
        };
        let grant = &granted.grant;
        match (sent_to, &grant.host) {
            (Some(place), _) => {
                let (host, group) = (place.host.clone(), place.group.clone());
                RouteAsk::Referral {
                    host,
                    group,
                    user: grant.user.clone(),
                    tag: grant.cluster_tag.clone(),
                }
            }
            (None, Some(host)) => RouteAsk::Host { host: host.clone(), hostip: grant.hostip },
            (None, None) => RouteAsk::User {
                user: grant.user.clone(),
                tag: grant.cluster_tag.clone(),
                is_sent_here: scene.front.facts.has_come_from_proxy(limits::PROXY_TTL),
            },
        }
    }

    /// The routing layer has answered.
    pub(super) fn answered(self, answer: RouteAnswer, scene: &mut Scene<'_>) -> Next {
        match answer {
            RouteAnswer::Go(destination)
                if destination.hop == Hop::Site
                    && scene.front.facts.has_come_from_proxy(limits::PROXY_TTL) =>
            {
                Next::Failed(self.granted.sent_on(&destination, scene))
            }
            RouteAnswer::Go(destination) => {
                self.connect(destination, scene).unwrap_or_else(Next::Failed)
            }
            RouteAnswer::Hold => self.hold(scene),
            RouteAnswer::Fail { failure, detail } => {
                Next::Failed(self.granted.fails(failure, detail.into_string()))
            }
        }
    }

    /// User or group are being moved; the login waits, as long as a source may hold one (C-MOVE-4).
    fn hold(self, scene: &Scene<'_>) -> Next {
        let longest = scene.settings.user_move_timeout + MOVE_GRACE;
        let until = self.held_until.unwrap_or_else(|| scene.now.after(longest));
        if scene.now >= until {
            let seconds = longest.as_secs();
            let detail = format!(
                "the user or the user's group is being moved, and has not been after {seconds} s; see hale status"
            );
            return Next::Failed(self.granted.fails(Failure::Unavailable, detail));
        }
        let at = scene.now.after(limits::HOLD_LOOK_EVERY).min(until);
        Next::Step(Step::Held(Self { held_until: Some(until), ..self }), at)
    }

    /// It has not, and the time for it is over.
    pub(super) fn unanswered(self) -> Next {
        let detail = "no answer from the routing layer";
        Next::Failed(self.granted.fails(Failure::Unavailable, detail))
    }

    fn connect(self, destination: Destination, scene: &mut Scene<'_>) -> Result<Next, Failed> {
        let Self { granted, why, held_until } = self;
        let endpoint = SocketAddr::new(destination.address, port(&granted, &why, scene));
        let again = matches!(why, Why::Again(_));
        let mut tries = match why {
            Why::First => first_try(&granted, endpoint, scene),
            Why::Again(mut tries) => {
                tries.attempts.alternate(endpoint);
                tries
            }
            Why::Referral(mut tries, from) => {
                tries.referrals = tries.referrals.saturating_add(1);
                if let Err(circle) = tries.attempts.hop(endpoint) {
                    let detail = circle.text(endpoint);
                    if destination.hop == Hop::Site
                        && let Some(at) = tries.attempts.again_after_circle(scene.now)
                    {
                        return Ok(granted.circled(tries.anew(), at, from, detail, scene));
                    }
                    return Err(granted.fails(Failure::RedirectFailed, detail));
                }
                let to = Arc::clone(&destination.host);
                if !tries.is_switching {
                    let (user, group) = (granted.grant.user.clone(), destination.group.clone());
                    scene.outbox.wish(Wish::Learn(Lesson::SentOn { user, group, to: to.clone() }));
                }
                let (subject, details) = (granted.subject(scene.front), scene.details());
                scene.outbox.wish(Wish::Report(Event::Referred { subject, details, from, to }));
                tries
            }
        };
        if tries.sent_to.is_none() {
            tries.is_switching = destination.is_switching;
        }
        // The source of a move holds logins until the user is moved (G25); here it was the move that took the time.
        if destination.is_moving || held_until.is_some() {
            let until = scene.now.after(scene.settings.user_move_timeout + MOVE_GRACE);
            tries.attempts.prolong(until);
        }
        // Another user there is another login; its hops run out (W-FWD-2).
        if scene.front.is_own(endpoint) && granted.is_same_user_there() {
            let detail = "proxying loops to itself: the destination is this listener";
            return Err(granted.fails(Failure::InternalConfig, detail));
        }
        let until = tries.attempts.deadline().min(scene.now.after(limits::CONNECT_TIMEOUT));
        let at = AtBackend { granted, tries, destination };
        let counted = at.counted(scene);
        scene.outbox.wish(Wish::Connect { to: endpoint, again, counted });
        Ok(Next::Step(Step::Connecting(at), until))
    }
}

impl Granted {
    /// Two sites disagree. The row that decides may have been written and not have reached one of them: the login is worth
    /// another attempt (W-REF-7).
    fn circled(
        self,
        tries: Tries,
        at: Tick,
        backend: Arc<str>,
        detail: String,
        scene: &mut Scene<'_>,
    ) -> Next {
        scene.outbox.wish(Wish::Report(Event::BackendFailed {
            subject: self.subject(scene.front),
            details: scene.details(),
            backend,
            failure: Failure::RedirectFailed,
            detail: detail.into(),
            retried: true,
        }));
        Next::Step(Step::Pausing(self, tries), at)
    }

    /// The user of another site's proxy belongs to a third site: that proxy is told to go there itself, instead of through
    /// here (W-REF-6).
    fn sent_on(self, destination: &Destination, scene: &Scene<'_>) -> Failed {
        let protocol = scene.front.protocol();
        let port = self.grant.port.unwrap_or_else(|| scene.settings.of(protocol).port);
        let text = referral::written(protocol, &self.grant.user, &destination.host, Some(port));
        let detail =
            format!("the user is served at another site: referred to {}", destination.host);
        let mut failed = self.fails(Failure::Referred, detail);
        failed.refusal.text = Some(text);
        failed
    }
}

impl Tries {
    /// What was said of where the user is counts no more.
    fn anew(self) -> Self {
        Self { sent_to: None, referrals: 0, ..self }
    }
}

/// The referral's port, the grant's, or the protocol's.
fn port(granted: &Granted, why: &Why, scene: &Scene<'_>) -> u16 {
    let referred = match why {
        Why::First => None,
        Why::Again(tries) | Why::Referral(tries, _) => {
            tries.sent_to.as_ref().and_then(|place| place.port)
        }
    };
    let configured = || scene.settings.of(scene.front.protocol()).port;
    referred.or(granted.grant.port).unwrap_or_else(configured)
}

/// The time of the whole login begins.
fn first_try(granted: &Granted, endpoint: SocketAddr, scene: &Scene<'_>) -> Tries {
    let timeout = granted.grant.timeout.unwrap_or(scene.settings.login_timeout);
    let reconnects_max = scene.settings.reconnects_max;
    let attempts = Attempts::new(scene.now, timeout, reconnects_max, endpoint);
    Tries { attempts, sent_to: None, referrals: 0, is_switching: false, is_client_asked: false }
}

/// Beyond the move timeout itself, for the login after it.
const MOVE_GRACE: Duration = Duration::from_secs(10);
