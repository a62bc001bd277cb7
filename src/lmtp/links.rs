//! The backend connections of a session, by number.
//!
//! Decides: which of them a recipient can share, which has to go for a new one, and that a number is not used again before its
//! connection is closed. Does not: speak on them; `link` does. Driver: `delivery`. Tests: `tests/transcripts/lmtp`.

use std::sync::Arc;

use super::content::Content;
use super::input::LinkId;
use super::link::{Introduction, Link, Purpose};
use super::output::{Outbox, Wish};
use crate::limits::LMTP_DESTINATIONS_MAX;
use crate::session::output::Counted;
use crate::tick::Tick;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Links {
    all: Vec<Option<Box<Link>>>,
}

impl Links {
    /// A new connection; none: there are too many, and each is needed.
    pub(super) fn connect(
        &mut self,
        now: Tick,
        purpose: Purpose,
        hostname: &str,
        introduction: Option<Introduction>,
        outbox: &mut Outbox,
    ) -> Option<LinkId> {
        if self.live().count() >= LMTP_DESTINATIONS_MAX {
            let (spare, _) = self.live().find(|(_, link)| link.is_spare())?;
            self.drop_link(spare, true, outbox);
        }
        let free = self.all.iter().position(Option::is_none).unwrap_or(self.all.len());
        let id = LinkId(u8::try_from(free).ok()?);
        let Purpose { endpoint: to, connections_max, .. } = purpose;
        let counted = Counted { host: Arc::clone(&purpose.host), connections_max };
        let link = Some(Box::new(Link::new(now, purpose, hostname, introduction)));
        match self.all.get_mut(free) {
            Some(place) => *place = link,
            None => self.all.push(link),
        }
        outbox.wish(Wish::Connect { link: id, to, counted });
        Some(id)
    }

    /// Gives a connection up. `politely`: with a last word, where that cannot be taken for part of a message.
    pub(super) fn drop_link(&mut self, id: LinkId, politely: bool, outbox: &mut Outbox) {
        let Some(link) = self.live_mut(id) else { return };
        link.leave(politely);
        outbox.wish(Wish::Drop(id));
    }

    /// Gives all of them up.
    pub(super) fn drop_all(&mut self, outbox: &mut Outbox) {
        for id in self.live_ids() {
            self.drop_link(id, true, outbox);
        }
    }

    /// A connection is closed; its number may be used again.
    pub(super) fn forget(&mut self, id: LinkId) {
        if let Some(place) = self.all.get_mut(usize::from(id.0)) {
            *place = None;
        }
    }

    /// More of a message comes: where the message is needed first, and each backend's time.
    pub(super) fn least_place(&mut self, now: Tick, content: Content<'_>) -> Option<u64> {
        let links = self.all.iter_mut().flatten().filter(|link| !link.is_leaving);
        let places = links.filter_map(|link| {
            link.restart_clock(now, content);
            link.place()
        });
        places.min()
    }

    pub(super) fn get_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.all.get_mut(usize::from(id.0))?.as_deref_mut()
    }

    /// One that is not on its way out.
    pub(super) fn live_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.get_mut(id).filter(|link| !link.is_leaving)
    }

    pub(super) fn get(&self, id: LinkId) -> Option<&Link> {
        self.all.get(usize::from(id.0))?.as_deref()
    }

    /// One that is not on its way out.
    pub(super) fn live_link(&self, id: LinkId) -> Option<&Link> {
        self.get(id).filter(|link| !link.is_leaving)
    }

    /// Those that exist, even if on their way out.
    pub(super) fn ids(&self) -> impl Iterator<Item = LinkId> {
        let taken = self.all.iter().enumerate().filter(|(_, link)| link.is_some());
        taken.filter_map(|(index, _)| u8::try_from(index).ok().map(LinkId))
    }

    /// Those that are not on their way out.
    pub(super) fn live(&self) -> impl Iterator<Item = (LinkId, &Link)> {
        self.ids().filter_map(|id| Some((id, self.live_link(id)?)))
    }

    pub(super) fn live_ids(&self) -> Vec<LinkId> {
        self.live().map(|(id, _)| id).collect()
    }

    /// One that will do, and in which no message is under way.
    pub(super) fn find(&self, purpose: &Purpose) -> Option<LinkId> {
        let fits = |link: &Link| link.purpose.serves(purpose) && !link.has_content();
        self.live().find(|(_, link)| fits(link)).map(|(id, _)| id)
    }
}
