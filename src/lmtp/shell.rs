//! What a shell asks a session: how much it may read, what is to be sent, when to come back.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::content::Content;
use super::delivery::Client;
use super::feed::Stretch;
use super::input::{Leaving, LinkId};
use super::link::Link;
use super::machine::{Lmtp, Stage};
#[cfg(doc)]
use super::output::Wish;
use super::transaction::{LookUp, Stage as Progress};
use crate::event::{Event, Outcome, Tries};
use crate::limits::LMTP_INPUT_BYTES_MAX;
use crate::names::SessionId;
use crate::tick::Tick;

impl Lmtp {
    /// How many client bytes the session takes now; none: do not read, so that the client feels it.
    #[must_use]
    pub fn client_room(&self) -> usize {
        match &self.stage {
            Stage::Over => 0,
            Stage::Arriving(arrival) => arrival.room(&self.front).min(LMTP_INPUT_BYTES_MAX),
            Stage::Serving if self.front.has_ended => 0,
            Stage::Serving => {
                let waiting = self.front.inbox.bytes().len();
                let room = LMTP_INPUT_BYTES_MAX.saturating_sub(waiting);
                // A message's end is not known before it is read: should all of it be commands, the inbox takes it.
                if waiting > 0 { room } else { room.max(self.delivery.content_room()) }
            }
        }
    }

    /// How many bytes of a backend the session takes now.
    #[must_use]
    pub fn link_room(&self, id: LinkId) -> usize {
        self.delivery.links.live_link(id).map_or(0, Link::room)
    }

    /// Whether the session wants to be told that the client took everything.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.client == Client::Stalled && !self.is_over()
    }

    /// Backend connections that exist.
    pub fn links(&self) -> impl Iterator<Item = LinkId> {
        self.delivery.links.ids()
    }

    /// Whether a backend is being sent a message.
    #[must_use]
    pub fn is_sending(&self, id: LinkId) -> bool {
        self.delivery.links.get(id).is_some_and(Link::has_content)
    }

    /// Writes what a backend is to get next into `out` and says how much; [`Self::sent`] follows.
    pub fn fill(&mut self, id: LinkId, out: &mut [u8]) -> usize {
        let transaction = self.delivery.transaction.as_ref();
        let content = transaction.map_or(Content::NONE, |transaction| transaction.content());
        self.delivery.links.get_mut(id).map_or(0, |link| link.fill(content, out))
    }

    /// What a backend is to get next, if it is a long piece of a message that may be sent from where it lies;
    /// [`Self::passed`] follows.
    #[must_use]
    pub fn stretch(&self, id: LinkId) -> Option<Stretch<'_>> {
        self.delivery.links.get(id)?.stretch(self.delivery.content())
    }

    /// Whether a stretch follows what was filled last.
    #[must_use]
    pub fn is_followed(&self, id: LinkId) -> bool {
        self.delivery.links.get(id).is_some_and(|link| link.is_followed(self.delivery.content()))
    }

    /// So much of a stretch was sent.
    pub fn passed(&mut self, now: Tick, id: LinkId, count: usize) {
        let transaction = self.delivery.transaction.as_ref();
        let content = transaction.map_or(Content::NONE, |transaction| transaction.content());
        if let Some(link) = self.delivery.links.get_mut(id) {
            link.passed(now, content, count);
        }
    }

    /// So much of what was filled last was sent.
    pub fn sent(&mut self, now: Tick, id: LinkId, count: usize) {
        let transaction = self.delivery.transaction.as_ref();
        let content = transaction.map_or(Content::NONE, |transaction| transaction.content());
        if let Some(link) = self.delivery.links.get_mut(id) {
            link.sent(now, content, count);
        }
    }

    /// A backend's socket took some of what was sealed for it before.
    pub fn moved(&mut self, now: Tick, id: LinkId) {
        if let Some(link) = self.delivery.links.get_mut(id) {
            link.moved_at = now;
        }
    }

    /// The connection of a [`Wish::Drop`] is closed; its number may be used again.
    pub fn forget(&mut self, id: LinkId) {
        self.delivery.links.forget(id);
    }

    /// When the session wants to be told that time passed.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        match &self.stage {
            Stage::Over => return None,
            Stage::Arriving(arrival) => return arrival.deadline(),
            Stage::Serving => {}
        }
        let client = self.awaits_client().then(|| self.client_deadline());
        let look_up = self.delivery.transaction.as_ref().and_then(|open| open.pending_look_up());
        let content = self.delivery.content();
        let links = self.delivery.links.live().filter_map(|(_, link)| link.deadline(content)).min();
        [client, look_up.map(LookUp::deadline), links].into_iter().flatten().min()
    }

    /// The stage's name, for the administrator.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        match (&self.stage, self.delivery.transaction.as_ref().map(|open| &open.stage)) {
            (Stage::Arriving(arrival), _) => arrival.name(),
            (Stage::Over, _) => "over",
            (Stage::Serving, None) => "idle",
            (Stage::Serving, Some(Progress::Envelope(_) | Progress::Asked)) => "envelope",
            (Stage::Serving, Some(Progress::Replies(_))) => "replies",
            (Stage::Serving, Some(_)) => "content",
        }
    }

    /// The report of a connection that ends otherwise than by QUIT.
    #[must_use]
    pub fn aborted(&self, reason: &'static str) -> Event {
        let tries = Tries { count: 0, outcome: Outcome::None, since: Duration::ZERO };
        Event::Aborted { subject: self.front.subject(None, None), details: None, reason, tries }
    }

    /// Whether it is known who the client is: a PROXY header has been read, or none comes.
    #[must_use]
    pub fn is_identified(&self) -> bool {
        !matches!(&self.stage, Stage::Arriving(arrival) if !arrival.is_identified())
    }

    /// The address that the client's connections are counted by; none: a trusted one's, or none.
    #[must_use]
    pub fn visitor(&self) -> Option<IpAddr> {
        self.front.visitor()
    }

    /// The client as far as it is known, and the connection's id.
    #[must_use]
    pub fn peer(&self) -> (SocketAddr, &SessionId) {
        (self.front.facts.apparent, &self.front.facts.session_id)
    }

    /// Whether the backend has, or is to have, mail for users who leave it, and has not said what became of it.
    #[must_use]
    pub fn has_mail_for(&self, leaving: &Leaving<'_>) -> bool {
        let transaction = self.delivery.transaction.as_ref();
        transaction.is_some_and(|it| it.recipients.iter().any(|one| one.is_leaving(leaving)))
    }

    /// Whether the session is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }
}
