//! Users who leave a backend while a message for them is on its way there (C-MOVE-7).
//!
//! Decides: which messages are not for that backend any more. One that it has in full it may store: the move waits for its
//! answer. Every other one gets 451, and what else goes by the same connection does so too, because a message that has begun
//! cannot be taken back from one of its recipients. Does not: know why users leave. Driver: `machine`. Tests:
//! `tests/transcripts/lmtp/leaves*`.

use std::collections::BTreeSet;

use super::delivery::{Delivery, Scene};
use super::input::{Leaving, LinkId};
use super::link::Link;
use super::reply::{self, ours};
use super::transaction::{Fate, Recipient};
use crate::event::Event;
use crate::fault::Failure;

impl Recipient {
    /// Whether the backend that is left has, or is to have, mail for this one, and has not said what became of it.
    pub(super) fn is_leaving(&self, leaving: &Leaving<'_>) -> bool {
        let Leaving { backend, groups, users } = leaving;
        let there = self.backend.as_ref().filter(|_| self.link.is_some());
        matches!(self.fate, Fate::Open | Fate::Accepted)
            && there.is_some_and(|there| there.eq_ignore_ascii_case(backend))
            && groups.is_none_or(|groups| self.group().is_some_and(|group| groups.contains(&group)))
            && users.is_none_or(|users| self.user.as_ref().is_some_and(|user| users.contains(user)))
    }
}

/// These users leave: what their backend does not have in full it does not get.
pub(super) fn leave(delivery: &mut Delivery, leaving: &Leaving<'_>, scene: &mut Scene<'_>) {
    let Some(transaction) = &delivery.transaction else { return };
    let all = transaction.recipients.iter().enumerate();
    let those = all.filter(|(_, recipient)| recipient.is_leaving(leaving));
    let leaving: Vec<(usize, LinkId)> =
        those.filter_map(|(number, recipient)| Some((number, recipient.link?))).collect();
    let links: BTreeSet<LinkId> = leaving.iter().map(|(_, id)| *id).collect();
    for id in links {
        if delivery.links.live_link(id).is_none_or(Link::has_all) {
            continue;
        }
        let of_link = leaving.iter().filter(|(_, link)| *link == id).map(|(number, _)| *number);
        take_back(delivery, id, &of_link.collect::<Vec<_>>(), scene);
    }
}

fn take_back(delivery: &mut Delivery, id: LinkId, leaving: &[usize], scene: &mut Scene<'_>) {
    let Some(transaction) = &mut delivery.transaction else { return };
    let open = transaction.recipients_of(id, Fate::Open);
    let accepted = transaction.recipients_of(id, Fate::Accepted);
    transaction.lose(&open, &accepted, Failure::Remote);
    for &number in leaving {
        let Some(recipient) = transaction.recipients.get_mut(number) else { continue };
        recipient.reply = Some(ours(reply::MOVING));
        let subject = scene.front.subject(recipient.user.clone(), None);
        let failure = Failure::Unavailable;
        let detail =
            "the user is being moved to another backend: the sender is told to try again".into();
        scene.report(Event::LoginFailed { subject, details: None, failure, detail });
    }
    delivery.links.drop_link(id, false, scene.outbox);
}
