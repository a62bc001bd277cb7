//! What an attempt at a backend has shown, for the deliveries and logins that follow.
//!
//! Decides: of what to speak. Does not: remember anything. Driver: `delivery`, `recipients`. Tests: `tests/transcripts/lmtp`.

use super::delivery::{Delivery, Scene};
use super::input::LinkId;
use super::link::{Link, Purpose};
use super::output::Wish;
use super::transaction::Fate;
use crate::event::Event;
use crate::fault::Failure;
use crate::names::Protocol;
use crate::session::input::Hop;
use crate::session::output::Lesson;
use crate::wire::smtp::reply::{Class, Reply};

impl Delivery {
    /// The host of a connection has let a user in, or has failed: a backend (R-PROBE-3), or another site's load balancer (C-SITE-9).
    pub(super) fn learn_of_host(
        &self,
        id: LinkId,
        failure: Option<Failure>,
        scene: &mut Scene<'_>,
    ) {
        let Some(link) = self.links.get(id) else { return };
        let (host, endpoint) = (link.purpose.host.clone(), link.purpose.endpoint);
        let lesson = match link.purpose.hop {
            Hop::Backend => Lesson::Backend { host, protocol: Protocol::Lmtp, failure },
            Hop::Site => {
                let is_reached = failure.is_none_or(Failure::is_answered);
                Lesson::Site { host, endpoint, is_reached }
            }
        };
        scene.outbox.wish(Wish::Learn(lesson));
    }

    /// It has answered for a recipient. What a backend refuses may be that recipient's matter and says nothing of it.
    pub(super) fn learn_of_reply(&self, id: LinkId, reply: &Reply, scene: &mut Scene<'_>) {
        let is_backend = self.links.get(id).is_some_and(|link| link.purpose.hop == Hop::Backend);
        if !is_backend || reply.class() == Class::Done {
            self.learn_of_host(id, None, scene);
        }
    }

    /// These recipients were not served where routing sent them.
    pub(super) fn learn_not_served<'a>(
        &self,
        numbers: impl Iterator<Item = &'a usize>,
        scene: &mut Scene<'_>,
    ) {
        let Some(transaction) = &self.transaction else { return };
        for recipient in numbers.filter_map(|number| transaction.recipients.get(*number)) {
            if let Some(user) = recipient.user.clone() {
                let group = recipient.group();
                scene.outbox.wish(Wish::Learn(Lesson::NotServed { user, group }));
            }
        }
    }

    /// Something of ours is missing. Nothing is learnt of the host (W-FAIL-8).
    pub(super) fn cannot_connect(&mut self, id: LinkId, what: &str, scene: &mut Scene<'_>) {
        self.give_link_up(id, Failure::Internal, what, scene);
    }

    /// The backend has as many connections as it may have. A sender comes again; its other recipients must not wait (R-LOAD-2).
    pub(super) fn backend_full(&mut self, id: LinkId, scene: &mut Scene<'_>) {
        let Some(link) = self.links.get(id) else { return };
        let Purpose { host, connections_max, .. } = &link.purpose;
        let detail = format!(
            "backend {host} has {connections_max} connections, as many as backend_connections_max or its own --connections-max allows: raise \
             it, or move groups to other backends (hale cluster group move)"
        );
        self.give_link_up(id, Failure::Unavailable, &detail, scene);
    }

    fn give_link_up(&mut self, id: LinkId, failure: Failure, what: &str, scene: &mut Scene<'_>) {
        if !self.links.live_link(id).is_some_and(Link::is_connecting) {
            return;
        }
        let Some(transaction) = &mut self.transaction else { return };
        let open = transaction.recipients_of(id, Fate::Open);
        for &number in &open {
            let user = transaction.recipients.get(number).and_then(|it| it.user.clone());
            let subject = scene.front.subject(user, None);
            let detail = what.into();
            scene.report(Event::LoginFailed { subject, details: None, failure, detail });
        }
        transaction.lose(&open, &[], failure);
        self.links.drop_link(id, false, scene.outbox);
    }
}
