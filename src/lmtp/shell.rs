//! What a shell asks a session: how much it may read, what is to be sent, when to come back.

use std::net::{IpAddr, SocketAddr};

use super::content::Window;
use super::input::LinkId;
use super::machine::{Finding, Lmtp, Stage};
#[cfg(doc)]
use super::output::Wish;
use super::transaction::Stage as Progress;
use crate::event::Event;
use crate::names::SessionId;
use crate::proxy_header::policy;
use crate::tick::Tick;

impl Lmtp {
    /// How many client bytes the session takes now; none: do not read, so that the client feels it.
    #[must_use]
    pub fn client_room(&self) -> usize {
        if self.client_ended || matches!(self.stage, Stage::Over | Stage::Securing(_)) {
            return 0;
        }
        self.inbox.room()
    }

    /// How many bytes of a backend the session takes now.
    #[must_use]
    pub fn link_room(&self, id: LinkId) -> usize {
        self.slot(id).filter(|slot| !slot.leaving).map_or(0, |slot| slot.link.room())
    }

    /// Whether the session wants to be told that the client took everything.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.stalled && !self.is_over()
    }

    /// Backend connections that exist.
    pub fn links(&self) -> impl Iterator<Item = LinkId> {
        let taken = self.links.iter().enumerate().filter(|(_, slot)| slot.is_some());
        taken.filter_map(|(index, _)| u8::try_from(index).ok().map(LinkId))
    }

    /// Whether a backend is being sent a message.
    #[must_use]
    pub fn is_sending(&self, id: LinkId) -> bool {
        self.slot(id).is_some_and(|slot| slot.link.has_content())
    }

    /// Writes what a backend is to get next into `out` and says how much; [`Self::sent`] follows.
    pub fn fill(&mut self, id: LinkId, out: &mut [u8]) -> usize {
        let Some(slot) = self.links.get_mut(usize::from(id.0)).and_then(Option::as_mut) else {
            return 0;
        };
        match &self.transaction {
            Some(transaction) => {
                slot.link.fill(&transaction.window, transaction.is_complete(), out)
            }
            None => slot.link.fill(&Window::default(), false, out),
        }
    }

    /// So much of what was filled last was sent.
    pub fn sent(&mut self, now: Tick, id: LinkId, count: usize) {
        let Some(slot) = self.links.get_mut(usize::from(id.0)).and_then(Option::as_mut) else {
            return;
        };
        let link = &mut slot.link;
        match &mut self.transaction {
            Some(transaction) => {
                let ended = transaction.is_complete();
                link.sent(now, &transaction.window, ended, count);
            }
            None => link.sent(now, &Window::default(), false, count),
        }
    }

    /// A backend's socket took some of what was sealed for it before.
    pub fn moved(&mut self, now: Tick, id: LinkId) {
        if let Some(slot) = self.slot_mut(id) {
            slot.link.moved_at = now;
        }
    }

    /// The connection of a [`Wish::Drop`] is closed; its number may be used again.
    pub fn forget(&mut self, id: LinkId) {
        if let Some(slot) = self.links.get_mut(usize::from(id.0)) {
            *slot = None;
        }
    }

    /// When the session wants to be told that time passed.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        match self.stage {
            Stage::Over => return None,
            Stage::Header(_) => return Some(self.header_deadline),
            Stage::Securing(until) => return Some(until),
            Stage::Serving => {}
        }
        let client = self.awaits_client().then(|| self.client_deadline());
        let finding = self.finding.map(Finding::deadline);
        let links = self.live_slots().filter_map(|(_, slot)| self.link_deadline(slot)).min();
        [client, finding, links].into_iter().flatten().min()
    }

    /// The stage's name, for the administrator.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        match (&self.stage, self.transaction.as_ref().map(|transaction| &transaction.stage)) {
            (Stage::Header(_), _) => "proxy-header",
            (Stage::Securing(_), _) => "tls",
            (Stage::Over, _) => "over",
            (Stage::Serving, None) => "idle",
            (Stage::Serving, Some(Progress::Envelope | Progress::Asked)) => "envelope",
            (Stage::Serving, Some(Progress::Replies(_))) => "replies",
            (Stage::Serving, Some(_)) => "content",
        }
    }

    /// The report of a connection that ends otherwise than by QUIT.
    #[must_use]
    pub fn aborted(&self, reason: &'static str) -> Event {
        Event::Aborted { subject: self.subject(None), reason, attempts: 0 }
    }

    /// Whether it is known who the client is: a PROXY header has been read, or none comes.
    #[must_use]
    pub fn is_identified(&self) -> bool {
        !matches!(self.stage, Stage::Header(_))
    }

    /// The address that the client's connections are counted by; none: a trusted one's, or none.
    #[must_use]
    pub fn visitor(&self) -> Option<IpAddr> {
        let origin = self.facts.origin;
        let is_counted = !self.facts.trusted && policy::identifies_client(origin);
        is_counted.then(|| origin.ip())
    }

    /// The client as far as anybody knows, and the connection's id.
    #[must_use]
    pub fn peer(&self) -> (SocketAddr, &SessionId) {
        (self.facts.apparent, &self.facts.session_id)
    }

    /// Whether the session is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }
}
