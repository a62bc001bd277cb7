//! A backend sends the user elsewhere: whether that is followed (wire.md 6).

use super::machine::{Session, Stage};
use super::output::{Outbox, RouteAsk, Wish};
use crate::backend::referral::{Host, Referral};
use crate::fault::Failure;
use crate::limits;
use crate::tick::Tick;

/// The place that a referral names.
#[derive(Debug)]
pub(super) struct Referred {
    pub(super) host: Box<str>,
    pub(super) group: Option<Box<str>>,
    pub(super) port: Option<u16>,
    /// The next connect is the hop itself, not a further attempt at its end.
    pub(super) is_hop: bool,
}

impl Session {
    /// A backend sent the user elsewhere: only a host that the routing layer knows is followed (W-REF-1), and only as
    /// the same user (W-REF-2).
    pub(super) fn redirect(&mut self, now: Tick, referral: Referral, outbox: &mut Outbox) {
        let Some(attempt) = &mut self.attempt else {
            return;
        };
        attempt.forget_backend();
        outbox.wish(Wish::DropBackend);
        let destuser = attempt.grant.as_ref().and_then(|grant| grant.destuser.as_deref());
        let is_same =
            |user: &str| user.eq_ignore_ascii_case(&attempt.user) || destuser == Some(user);
        if !referral.user.as_deref().is_none_or(is_same) {
            return self.fail(
                now,
                Failure::RedirectFailed,
                None,
                "a referral names another user",
                outbox,
            );
        }
        let host = match referral.host {
            Host::Address(address) => address.to_string().into_boxed_str(),
            Host::Name(name) => name,
        };
        let group = attempt.destination.as_ref().and_then(|destination| destination.group.clone());
        attempt.referral = Some(Box::new(Referred {
            host: host.clone(),
            group: group.clone(),
            port: referral.port,
            is_hop: true,
        }));
        self.enter(Stage::Route, now.after(limits::ROUTE_TIMEOUT));
        outbox.wish(Wish::Route(RouteAsk::Referral { host, group }));
    }
}
