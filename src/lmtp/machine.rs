//! A session as a whole: who is listened to when, how long, and how it ends.

use std::net::SocketAddr;
use std::sync::Arc;

use super::input::{Input, LinkId};
use super::link::{Link, News};
use super::output::{Outbox, Wish};
use super::reply;
use super::settings::LmtpSettings;
use super::transaction::{Stage as Progress, Transaction};
use crate::event::{Event, Subject};
use crate::facts::{ClientFacts, Transport};
use crate::limits::{
    AUTH_TIMEOUT, LMTP_IDLE_TIMEOUT, LMTP_INPUT_BYTES_MAX, PRE_LOGIN_OUTPUT_BYTES_MAX,
    ROUTE_TIMEOUT,
};
use crate::names::Protocol;
use crate::network::canonical;
use crate::proxy_header::{Decoder, Header, Outcome, policy};
use crate::session::ClientTls;
use crate::session::input::RouteAnswer;
use crate::tick::Tick;
use crate::wire::inbox::Inbox;
use crate::wire::smtp::line::Lines;
use crate::wire::smtp::reply::write_line;

/// One client connection and the backend connections it needs.
#[derive(Debug)]
pub struct Lmtp {
    pub(super) settings: Arc<LmtpSettings>,
    pub(super) facts: ClientFacts,
    /// This end of the client's connection, whatever a header or a trusted peer says of it (W-FWD-3).
    pub(super) own: SocketAddr,
    pub(super) stage: Stage,
    pub(super) inbox: Inbox,
    pub(super) lines: Lines,
    pub(super) tls: ClientTls,
    /// Its handshake is the connection's beginning; otherwise it follows STARTTLS.
    pub(super) greet_when_secured: bool,
    /// What the client calls itself.
    pub(super) helo: Option<Box<str>>,
    /// A trusted peer told that name; its own does not replace it.
    pub(super) helo_is_told: bool,
    /// How long the client waits for us, as a trusted peer told (wire.md 11.4).
    pub(super) timeout_s: Option<u64>,
    pub(super) is_greeted: bool,
    pub(super) transaction: Option<Box<Transaction>>,
    pub(super) links: Vec<Option<Box<Slot>>>,
    /// Backend connections made so far: each has its own session id (W-FWD-4).
    pub(super) connections: u32,
    pub(super) finding: Option<Finding>,
    /// A chunk that is read past: bytes to come, and the reply behind it.
    pub(super) skip: Option<(u64, Option<Box<[u8]>>)>,
    pub(super) bad_commands: u8,
    /// When the client did something last.
    pub(super) heard_at: Tick,
    pub(super) header_deadline: Tick,
    /// The client has replies to take before it is given more.
    pub(super) stalled: bool,
    pub(super) client_ended: bool,
    pub(super) client_gone: bool,
    /// Nothing new is begun.
    pub(super) ending: bool,
}

/// Where a session stands.
#[derive(Debug)]
pub(super) enum Stage {
    /// Collecting the PROXY header; nothing is said before it is complete (W-PIPE-2).
    Header(Box<Decoder>),
    Serving,
    /// In the client's TLS handshake, until then at most.
    Securing(Tick),
    Over,
}

/// A backend connection and what it may be used for (W-LMTP-2).
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) link: Link,
    pub(super) is_secretive: bool,
    pub(super) referrals: u8,
    /// On its way out; only its last words are sent.
    pub(super) leaving: bool,
}

/// A question under way about a recipient.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finding {
    pub(super) recipient: usize,
    pub(super) what: Sought,
    pub(super) since: Tick,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sought {
    User,
    Route,
}

/// Whether a refusal is worth a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loudness {
    Quiet,
    Warning,
}

impl Finding {
    pub(super) fn deadline(self) -> Tick {
        let patience = if self.what == Sought::User { AUTH_TIMEOUT } else { ROUTE_TIMEOUT };
        self.since.after(patience)
    }
}

impl Lmtp {
    /// A session on a fresh connection. `header`: a PROXY header comes first.
    #[must_use]
    pub fn new(settings: Arc<LmtpSettings>, facts: ClientFacts, header: bool, now: Tick) -> Self {
        Self {
            header_deadline: now.after(settings.proxy_header_timeout),
            settings,
            own: canonical(facts.local),
            facts,
            stage: if header { Stage::Header(Box::new(Decoder::new())) } else { Stage::Serving },
            inbox: Inbox::new(LMTP_INPUT_BYTES_MAX),
            lines: Lines::default(),
            tls: ClientTls::Clear,
            greet_when_secured: false,
            helo: None,
            helo_is_told: false,
            timeout_s: None,
            is_greeted: false,
            transaction: None,
            links: Vec::new(),
            connections: 0,
            finding: None,
            skip: None,
            bad_commands: 0,
            heard_at: now,
            stalled: false,
            client_ended: false,
            client_gone: false,
            ending: false,
        }
    }

    /// Takes one thing that happened; wishes and replies go to `outbox`.
    pub fn on(&mut self, now: Tick, input: Input<'_>, outbox: &mut Outbox) {
        if self.is_over() {
            return;
        }
        match input {
            Input::Begin => {
                if matches!(self.stage, Stage::Serving) {
                    self.open(now, &[], outbox);
                }
            }
            Input::Client(bytes) => self.client_bytes(now, bytes, outbox),
            Input::ClientTook => {
                self.stalled = false;
                self.heard_at = now;
            }
            // A load balancer's check: connects, maybe sends half a header, goes away (W-PRB-5).
            Input::ClientEnd | Input::ClientGone if matches!(self.stage, Stage::Header(_)) => {
                self.refuse("closed before the PROXY header was complete", Loudness::Quiet, outbox);
            }
            Input::ClientEnd => self.client_ended = true,
            Input::ClientGone => self.client_is_gone(),
            Input::ClientSecured { server_name } => self.client_secured(now, server_name, outbox),
            Input::ClientInsecure(word) => self.client_insecure(self.aborted(word), outbox),
            Input::ClientCertificateRefused(reason) => {
                let report = Event::CertificateRefused { subject: self.subject(None), reason };
                self.client_insecure(report, outbox);
            }
            Input::ClientInjected => self.client_injected(outbox),
            Input::Found(answer) => self.found(now, *answer, outbox),
            Input::Route(answer) => self.routed(now, answer, outbox),
            Input::Connected(id) => {
                let header = self.settings.send_header.encode(&self.facts);
                self.tell_link(now, id, |link, news| link.connected(now, &header, news), outbox);
            }
            Input::Backend(id, bytes) => {
                self.tell_link(now, id, |link, news| link.read(now, bytes, news), outbox);
            }
            Input::Broken(id, word) => self.link_broken(now, id, word, outbox),
            Input::BackendEnd(id) => self.link_broken(now, id, "closed the connection", outbox),
            Input::BackendSecured(id) => {
                self.tell_link(now, id, |link, _| link.secured(now), outbox);
            }
            Input::BackendInsecure { link, word, is_lasting } => {
                self.backend_insecure(now, link, word, is_lasting, outbox);
            }
            Input::BackendTook => {}
            Input::Deadline => self.deadline_passed(now, outbox),
            Input::Crowded => {
                return self.close_with(reply::CROWDED, "too many connections", outbox);
            }
            Input::Shutdown => self.ending = true,
        }
        self.settle(now, outbox);
    }

    // === Inside ===

    pub(super) fn subject(&self, user: Option<&str>) -> Subject {
        Subject {
            protocol: Protocol::Lmtp,
            session: self.facts.session_id.clone(),
            client: self.facts.apparent,
            user: user.map(Into::into),
            master: None,
        }
    }

    pub(super) fn slot(&self, id: LinkId) -> Option<&Slot> {
        self.links.get(usize::from(id.0))?.as_deref()
    }

    pub(super) fn slot_mut(&mut self, id: LinkId) -> Option<&mut Slot> {
        self.links.get_mut(usize::from(id.0))?.as_deref_mut()
    }

    pub(super) fn live_slots(&self) -> impl Iterator<Item = (LinkId, &Slot)> {
        self.links().filter_map(|id| Some((id, self.slot(id)?))).filter(|(_, slot)| !slot.leaving)
    }

    /// Whether another reply may be written for the client.
    pub(super) fn may_speak(&self, outbox: &Outbox) -> bool {
        let has_room = !self.stalled && outbox.to_client.len() < PRE_LOGIN_OUTPUT_BYTES_MAX;
        has_room || self.client_gone
    }

    pub(super) fn heard(&mut self, now: Tick) {
        self.heard_at = now;
    }

    pub(super) fn client_deadline(&self) -> Tick {
        self.heard_at.after(LMTP_IDLE_TIMEOUT)
    }

    /// Whether it is the client's turn.
    pub(super) fn awaits_client(&self) -> bool {
        if self.client_gone {
            return false;
        }
        if self.stalled || self.skip.is_some() {
            return true;
        }
        match self.transaction.as_ref().map(|transaction| (&transaction.stage, transaction)) {
            None | Some((Progress::Chunks, _)) => true,
            Some((Progress::Envelope, transaction)) => {
                self.finding.is_none() && transaction.is_told()
            }
            Some((Progress::Content(_) | Progress::Chunk { .. }, transaction)) => {
                transaction.window.room() >= 2
            }
            Some((Progress::Asked | Progress::Replies(_), _)) => false,
        }
    }

    pub(super) fn link_deadline(&self, slot: &Slot) -> Option<Tick> {
        match &self.transaction {
            Some(transaction) => slot.link.deadline(&transaction.window, transaction.is_complete()),
            None => slot.link.deadline(&super::content::Window::default(), false),
        }
    }

    /// Nothing reaches the client, and nothing of it counts any more.
    pub(super) fn client_is_gone(&mut self) {
        (self.client_ended, self.client_gone, self.stalled) = (true, true, false);
        self.inbox.consume(usize::MAX);
    }

    fn client_bytes(&mut self, now: Tick, bytes: &[u8], outbox: &mut Outbox) {
        match self.stage {
            Stage::Header(_) => return self.read_header(now, bytes, outbox),
            // Nothing in clear counts any more, and nothing sealed comes before the handshake is done.
            Stage::Securing(_) | Stage::Over => return,
            Stage::Serving => {}
        }
        // A message goes straight into the window; what does not fit there waits with the commands behind it.
        let direct = if self.inbox.is_empty() { self.read_content(now, bytes) } else { 0 };
        let rest = bytes.get(direct..).unwrap_or_default();
        let taken = self.inbox.append(rest);
        debug_assert_eq!(taken, rest.len(), "the shell read more than there was room for");
    }

    fn read_header(&mut self, now: Tick, bytes: &[u8], outbox: &mut Outbox) {
        let Stage::Header(decoder) = &mut self.stage else { return };
        match decoder.decode(bytes) {
            Outcome::Incomplete => {}
            Outcome::Done { header, consumed } => {
                if !self.believe(&header) {
                    let reason = "the PROXY header's ALPN is not this protocol's";
                    return self.refuse(reason, Loudness::Warning, outbox);
                }
                self.stage = Stage::Serving;
                self.open(now, bytes.get(consumed..).unwrap_or_default(), outbox);
            }
            Outcome::Refused(refusal) => self.refuse(refusal.text(), Loudness::Warning, outbox),
        }
    }

    /// The PROXY header names the client; trust is judged by it from now on (W-TRUST-1, PX-19).
    fn believe(&mut self, header: &Header) -> bool {
        let alpn = header.tlvs.alpn.as_deref();
        if alpn.is_some_and(|alpn| !policy::is_alpn_acceptable(Protocol::Lmtp, alpn)) {
            return false;
        }
        let facts = &mut self.facts;
        facts.origin = policy::origin(facts.socket, header);
        facts.apparent = facts.origin;
        facts.local = policy::local(facts.local, header);
        // "I do not know" is not an address (W-PP2-4).
        facts.trusted = policy::identifies_client(facts.origin)
            && self.settings.trusted.contains(facts.origin.ip());
        if header.transport() == Transport::Tls {
            facts.transport = Transport::Tls;
            if self.tls == ClientTls::Clear {
                self.tls = ClientTls::InFront;
            }
        }
        facts.local_name.clone_from(&header.tlvs.authority);
        true
    }

    fn refuse(&mut self, reason: &'static str, loudness: Loudness, outbox: &mut Outbox) {
        let (peer, quiet) = (self.facts.socket, loudness == Loudness::Quiet);
        let event = Event::Refused { protocol: Protocol::Lmtp, peer, reason, quiet };
        outbox.wish(Wish::Report(event));
        self.close(outbox);
    }

    fn tell_link(
        &mut self,
        now: Tick,
        id: LinkId,
        act: impl FnOnce(&mut Link, &mut Vec<News>),
        outbox: &mut Outbox,
    ) {
        let mut news = Vec::new();
        if let Some(slot) = self.slot_mut(id).filter(|slot| !slot.leaving) {
            act(&mut slot.link, &mut news);
        }
        self.take_news(now, id, news, outbox);
    }

    /// Does everything that can be done now.
    fn settle(&mut self, now: Tick, outbox: &mut Outbox) {
        loop {
            match self.stage {
                Stage::Serving => {}
                // Not a word in clear from here on.
                Stage::Securing(_) if self.client_ended || self.ending => {
                    outbox.wish(Wish::Report(self.aborted("ended in the TLS handshake")));
                    self.close(outbox);
                    break;
                }
                Stage::Header(_) | Stage::Securing(_) | Stage::Over => break,
            }
            let moved = self.read_inbox(now)
                || self.tell_recipients(now, outbox)
                || self.follow_referral(now, outbox)
                || self.decide_data(now, outbox)
                || self.tell_results(now, outbox)
                || self.read_command(now, outbox);
            if !moved {
                self.end_if_due(outbox);
                break;
            }
        }
        if self.client_gone {
            outbox.to_client.clear();
        }
        self.stalled |= !outbox.to_client.is_empty();
    }

    fn read_inbox(&mut self, now: Tick) -> bool {
        let mut inbox = std::mem::replace(&mut self.inbox, Inbox::new(0));
        let read = self.read_content(now, inbox.bytes());
        inbox.consume(read);
        self.inbox = inbox;
        read > 0
    }

    /// Whether something is under way that ends without the client.
    fn is_busy(&self) -> bool {
        let Some(transaction) = &self.transaction else { return false };
        match transaction.stage {
            Progress::Asked => !self.client_gone,
            Progress::Replies(_) => true,
            Progress::Envelope => {
                !self.client_gone && (self.finding.is_some() || !transaction.is_told())
            }
            Progress::Content(_) | Progress::Chunk { .. } => {
                !self.inbox.is_empty() && transaction.window.room() < 2
            }
            Progress::Chunks => false,
        }
    }

    fn end_if_due(&mut self, outbox: &mut Outbox) {
        if self.is_busy() || (self.stalled && !self.client_gone) {
            return;
        }
        if self.client_ended {
            if self.transaction.is_some() {
                outbox.wish(Wish::Report(self.aborted("client disconnected in a transaction")));
            }
            return self.close(outbox);
        }
        let receives =
            self.transaction.as_ref().is_some_and(|transaction| transaction.has_content());
        if self.ending && !receives {
            self.close_with(reply::SHUTDOWN, "shutting down", outbox);
        }
    }

    fn deadline_passed(&mut self, now: Tick, outbox: &mut Outbox) {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        if matches!(self.stage, Stage::Header(_)) {
            let reason = "no complete PROXY header within haproxy_timeout";
            return self.refuse(reason, Loudness::Warning, outbox);
        }
        if matches!(self.stage, Stage::Securing(_)) {
            return self.handshake_timed_out(outbox);
        }
        if self.awaits_client() && self.client_deadline() <= now {
            return self.close_with("421 4.4.2 Timeout", "client is idle", outbox);
        }
        if let Some(finding) = self.finding.filter(|finding| finding.deadline() <= now) {
            outbox.wish(Wish::DropQuestion);
            self.not_found(
                finding.recipient,
                crate::fault::Failure::Unavailable,
                "no answer",
                outbox,
            );
        }
        let late: Vec<LinkId> = self
            .live_slots()
            .filter(|(_, slot)| self.link_deadline(slot).is_some_and(|deadline| deadline <= now))
            .map(|(id, _)| id)
            .collect();
        for id in late {
            self.link_late(now, id, outbox);
        }
    }

    pub(super) fn close_with(&mut self, words: &str, reason: &'static str, outbox: &mut Outbox) {
        // Not a word before a PROXY header (W-PIPE-2), nor in clear where TLS is awaited.
        if matches!(self.stage, Stage::Serving) {
            write_line(words, &mut outbox.to_client);
        }
        outbox.wish(Wish::Report(self.aborted(reason)));
        self.close(outbox);
    }

    /// Ends everything. A backend in the middle of a message never sees its end (wire.md 11.2).
    pub(super) fn close(&mut self, outbox: &mut Outbox) {
        if self.finding.take().is_some() {
            outbox.wish(Wish::DropQuestion);
        }
        let ids: Vec<LinkId> = self.live_slots().map(|(id, _)| id).collect();
        for id in ids {
            self.drop_link(id, true, outbox);
        }
        self.transaction = None;
        self.stage = Stage::Over;
        outbox.wish(Wish::Close);
    }

    /// Whether the routing layer's answer is still wanted.
    pub(super) fn take_finding(&mut self, what: Sought) -> Option<usize> {
        self.finding.take_if(|finding| finding.what == what).map(|finding| finding.recipient)
    }

    fn routed(&mut self, now: Tick, answer: RouteAnswer, outbox: &mut Outbox) {
        let Some(recipient) = self.take_finding(Sought::Route) else { return };
        match answer {
            RouteAnswer::Go(destination) => self.go(now, recipient, destination, outbox),
            RouteAnswer::Fail { failure, detail } => {
                self.not_found(recipient, failure, &detail, outbox);
            }
        }
    }
}
