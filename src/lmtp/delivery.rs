//! The message on its way to every backend, and what each of them says of it (docs/rules/lmtp.md).
//!
//! Every accepted recipient gets one reply, in the order of RCPT, and a 250 only when its own backend said 250. A
//! backend that is lost costs its own recipients a 451, and no other recipient anything.
//!
//! Decides: when backends are asked for the message and when it is given up, what the loss of a backend means to its
//! recipients, which reply is due. Does not: look recipients up (`recipients`), speak to a backend (`link`), read
//! commands. Driver: `machine`, `commands`. Tests: `tests/transcripts/lmtp`, `tests/pure/lmtp`.

use super::content::{Content, DotReader};
use super::hello::Hello;
use super::input::LinkId;
use super::link::{Link, News};
use super::links::Links;
use super::output::{Outbox, Wish};
use super::reply::{self, ours, passed_on};
use super::settings::LmtpSettings;
use super::transaction::{Fate, Recipient, Stage, Transaction};
use crate::backend::referral::Referral;
use crate::event::{Event, cleaned, escaped};
use crate::fault::Failure;
use crate::front::Front;
use crate::limits::{LMTP_MESSAGE_BYTES_MAX, LOGGED_LINE_BYTES_MAX, PRE_LOGIN_OUTPUT_BYTES_MAX};
use crate::tick::Tick;
use crate::wire::smtp::reply::{Class, Reply};

/// The backends' side of a session: the message under way, if there is one, and the connections that it needs, or that
/// are kept for the next.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    pub(super) transaction: Option<Box<Transaction>>,
    pub(super) links: Links,
    /// Backend connections made so far: each has its own session id (W-FWD-4).
    pub(super) connections: u32,
}

/// What the backends' side sees of the client's.
pub(super) struct Scene<'a> {
    pub(super) now: Tick,
    pub(super) settings: &'a LmtpSettings,
    pub(super) front: &'a Front,
    pub(super) hello: &'a Hello,
    pub(super) client: Client,
    /// When the client did something last, or heard something new.
    pub(super) heard_at: &'a mut Tick,
    pub(super) outbox: &'a mut Outbox,
}

/// What becomes of replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// The client takes them.
    Listens,
    /// It has some to take before it is given more.
    Stalled,
    /// Nothing reaches it any more.
    Gone,
}

impl Client {
    /// Whether another reply may be written.
    pub(super) fn has_room(self, outbox: &Outbox) -> bool {
        match self {
            Self::Listens => outbox.to_client.len() < PRE_LOGIN_OUTPUT_BYTES_MAX,
            Self::Stalled => false,
            Self::Gone => true,
        }
    }
}

impl Scene<'_> {
    pub(super) fn report(&mut self, event: Event) {
        self.outbox.wish(Wish::Report(event));
    }

    /// Whether another reply may be written for the client.
    pub(super) fn has_room(&self) -> bool {
        self.client.has_room(self.outbox)
    }

    /// The client heard something: its time begins anew.
    fn restart_clock(&mut self) {
        *self.heard_at = self.now;
    }

    fn reply(&mut self, reply: &[u8]) {
        self.outbox.to_client.extend_from_slice(reply);
    }
}

/// What the size of a message leads to.
pub(super) enum Size {
    Fits,
    /// Its recipients were refused it just now; the rest is read past, which may lead to a reply that is understood.
    GivenUp,
    /// There is no end of it.
    Endless,
}

impl Delivery {
    // === The transaction ===

    /// Ends the transaction without a message, or behind its last reply. A backend in the middle of the message never
    /// sees its end (W-LMTP-12).
    pub(super) fn reset(&mut self, now: Tick, outbox: &mut Outbox) {
        let Some(transaction) = self.transaction.take() else { return };
        if transaction.pending_look_up().is_some() {
            outbox.wish(Wish::DropQuestion);
        }
        for id in self.links.live_ids() {
            let is_clean = self.links.live_mut(id).is_some_and(|link| link.reset(now));
            if !is_clean {
                self.links.drop_link(id, false, outbox);
            }
        }
    }

    /// Ends everything. A backend in the middle of a message never sees its end (W-LMTP-12).
    pub(super) fn close(&mut self, outbox: &mut Outbox) {
        if self
            .transaction
            .take()
            .is_some_and(|transaction| transaction.pending_look_up().is_some())
        {
            outbox.wish(Wish::DropQuestion);
        }
        self.links.drop_all(outbox);
    }

    /// As much of the message as is here.
    pub(super) fn content(&self) -> Content<'_> {
        self.transaction.as_ref().map_or(Content::NONE, |transaction| transaction.content())
    }

    pub(super) fn recipient(&mut self, number: usize) -> Option<&mut Recipient> {
        self.transaction.as_mut()?.recipients.get_mut(number)
    }

    // === From the client ===

    /// Takes what belongs to the message, as far as there is room for it; how much that was.
    pub(super) fn take_content(&mut self, now: Tick, bytes: &[u8]) -> usize {
        let Some(transaction) = &mut self.transaction else { return 0 };
        if bytes.is_empty() || !transaction.is_coming() {
            return 0;
        }
        let needed = self.links.least_place(now, transaction.content());
        transaction.take(needed, bytes)
    }

    /// How much more of the message there is room for, once what all its destinations have is let go.
    pub(super) fn content_room(&self) -> usize {
        let coming = self.transaction.as_ref().filter(|transaction| transaction.is_coming());
        let needed = || self.links.live().filter_map(|(_, link)| link.place()).min();
        coming.map_or(0, |transaction| transaction.room_behind(needed()))
    }

    /// Too much of a message: no backend sees its end (W-LMTP-12).
    pub(super) fn judge_size(&mut self, outbox: &mut Outbox) -> Size {
        let Some(transaction) = &mut self.transaction else { return Size::Fits };
        if transaction.window.end() <= LMTP_MESSAGE_BYTES_MAX {
            return Size::Fits;
        }
        if transaction.window.end() > LMTP_MESSAGE_BYTES_MAX.saturating_mul(2) {
            return Size::Endless;
        }
        if !transaction.has_accepted() {
            return Size::Fits;
        }
        for recipient in &mut transaction.recipients {
            if recipient.fate == Fate::Accepted {
                recipient.fate = Fate::Over;
                recipient.reply = Some(ours(reply::TOO_LARGE));
            }
        }
        for id in self.links.live_ids() {
            if self.links.get(id).is_some_and(Link::is_in_transaction) {
                self.links.drop_link(id, false, outbox);
            }
        }
        Size::GivenUp
    }

    // === To the backends ===

    /// Every RCPT is answered and some backend wants the message: ask them for theirs.
    pub(super) fn ask_for_content(&mut self, now: Tick, outbox: &mut Outbox) {
        for id in self.links.live_ids() {
            let Some(link) = self.links.live_mut(id) else { continue };
            if !link.is_in_transaction() {
                continue;
            }
            if link.has_accepted() {
                link.send_content(now);
            } else if !link.reset(now) {
                self.links.drop_link(id, false, outbox);
            }
        }
    }

    // === From the backends ===

    /// A connection stands.
    pub(super) fn link_connected(&mut self, id: LinkId, scene: &mut Scene<'_>) {
        let purpose = self.links.get(id).map(|link| &link.purpose);
        let facts = &scene.front.facts;
        let header = purpose.map(|it| scene.settings.header(it.hop, &it.host, facts));
        let header = header.unwrap_or_default();
        let now = scene.now;
        self.tell_link(id, |link, news| link.connected(now, &header, news), scene);
    }

    /// Something happened on a connection.
    pub(super) fn tell_link(
        &mut self,
        id: LinkId,
        act: impl FnOnce(&mut Link, &mut Vec<News>),
        scene: &mut Scene<'_>,
    ) {
        let mut news = Vec::new();
        if let Some(link) = self.links.live_mut(id) {
            act(link, &mut news);
        }
        self.take_news(id, news, scene);
    }

    pub(super) fn take_news(&mut self, id: LinkId, news: Vec<News>, scene: &mut Scene<'_>) {
        for news in news {
            match news {
                News::Rcpt(number, reply) => {
                    self.learn_of_reply(id, &reply, scene);
                    self.recipient_answered(number, &reply, scene);
                }
                News::Unfit(number, missing) => {
                    let words = ours(reply::of_missing(missing));
                    if let Some(recipient) = self.recipient(number) {
                        recipient.refuse(words.clone());
                        self.report_result(number, &words, scene);
                    }
                }
                News::Data(Ok(())) => {}
                News::Secure(certificate) => {
                    let name = self.links.get(id).map(|link| link.purpose.host.clone());
                    let name = name.unwrap_or_default();
                    scene.outbox.wish(Wish::SecureBackend { link: id, name, certificate });
                }
                News::Data(Err(reply)) => self.data_refused(id, &reply),
                News::Final(number, reply) => {
                    if let Some(recipient) = self.recipient(number) {
                        recipient.fate = Fate::Over;
                        recipient.reply = Some(passed_on(&reply));
                    }
                }
                News::Failed(failure, detail) => {
                    return self.link_failed(id, failure, &detail, scene);
                }
            }
        }
    }

    fn recipient_answered(&mut self, number: usize, reply: &Reply, scene: &mut Scene<'_>) {
        if reply.code == 550
            && let Some(referral) = Referral::from_smtp(reply.first_line())
        {
            return self.refer(number, referral, scene);
        }
        let Some(recipient) = self.recipient(number) else { return };
        if reply.class() == Class::Done {
            recipient.fate = Fate::Accepted;
            recipient.reply = Some(passed_on(reply));
        } else {
            let words = passed_on(reply);
            recipient.refuse(words.clone());
            self.report_result(number, &words, scene);
        }
    }

    /// A backend does not want the message although it wanted the recipients.
    fn data_refused(&mut self, id: LinkId, reply: &Reply) {
        let Some(transaction) = &mut self.transaction else { return };
        for number in transaction.recipients_of(id, Fate::Accepted) {
            if let Some(recipient) = transaction.recipients.get_mut(number) {
                recipient.fate = Fate::Over;
                recipient.reply = Some(passed_on(reply));
            }
        }
    }

    /// A connection could not be made, or broke, or was closed.
    pub(super) fn link_broken(&mut self, id: LinkId, reason: &'static str, scene: &mut Scene<'_>) {
        let Some(link) = self.links.live_link(id) else { return };
        let failure = if link.is_connecting() { Failure::Connect } else { Failure::Remote };
        let detail = match link.owed() {
            Some(owed) => format!("{reason} before {owed}"),
            None => reason.to_owned(),
        };
        self.link_failed(id, failure, &detail, scene);
    }

    /// No TLS towards a backend: its recipients may be tried again another time, when it is mended (W-LMTP-1).
    pub(super) fn link_insecure(
        &mut self,
        id: LinkId,
        reason: &str,
        is_lasting: bool,
        scene: &mut Scene<'_>,
    ) {
        let failure = if is_lasting { Failure::RemoteConfig } else { Failure::Remote };
        self.link_failed(id, failure, reason, scene);
    }

    /// Some backends' time may be up: that of one which is only kept for the next message passes quietly.
    pub(super) fn drop_late_links(&mut self, scene: &mut Scene<'_>) {
        let is_late = |link: &Link| {
            link.deadline(self.content()).is_some_and(|deadline| deadline <= scene.now)
        };
        let late = self.links.live().filter(|(_, link)| is_late(link)).map(|(id, _)| id);
        for id in late.collect::<Vec<LinkId>>() {
            let Some(link) = self.links.live_link(id) else { continue };
            if link.is_spare() {
                self.links.drop_link(id, true, scene.outbox);
                continue;
            }
            let (failure, detail) = link.failure_of_deadline();
            self.link_failed(id, failure, detail, scene);
        }
    }

    /// A backend is lost: its recipients are told to try again, and no other one's notice.
    pub(super) fn link_failed(
        &mut self,
        id: LinkId,
        failure: Failure,
        detail: &str,
        scene: &mut Scene<'_>,
    ) {
        let Some(link) = self.links.live_link(id) else { return };
        let backend = link.purpose.host.clone();
        // The one that was kept in case of another message may go whenever it likes.
        let is_missed = link.is_in_transaction();
        let is_ambiguous = link.has_all();
        let is_replaceable = link.is_replaceable();
        let of = |fate| {
            let transaction = self.transaction.as_ref();
            transaction.map_or_else(Vec::new, |transaction| transaction.recipients_of(id, fate))
        };
        let (open, accepted) = (of(Fate::Open), of(Fate::Accepted));
        let retried = is_replaceable && !open.is_empty();
        if is_missed {
            // A connection that was left from before says nothing of the backend.
            if !is_replaceable {
                self.learn_of_host(id, Some(failure), scene);
            }
            self.learn_not_served(open.iter().chain(&accepted), scene);
            let detail: Box<str> = if is_ambiguous {
                // The sender tries again, and may deliver twice: that cannot be known here (W-LMTP-13).
                format!("{detail}; lmtp_ambiguous: the message was sent in full").into()
            } else {
                detail.into()
            };
            let subject = scene.front.subject(None, None);
            scene.report(Event::BackendFailed {
                subject,
                details: None,
                backend,
                failure,
                detail,
                retried,
            });
        }
        if retried {
            return self.replace_link(id, &open, scene);
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.lose(&open, &accepted, failure);
        }
        self.links.drop_link(id, false, scene.outbox);
    }

    // === To the client ===

    /// Behind DATA: one go-ahead is enough, and without any there is one refusal. Whether there was something to say.
    pub(super) fn answer_data(&mut self, scene: &mut Scene<'_>) -> bool {
        let Some(transaction) = &mut self.transaction else { return false };
        let waits = self.links.live().any(|(_, link)| link.is_asked());
        if waits || !scene.has_room() || !matches!(transaction.stage, Stage::Asked) {
            return false;
        }
        if transaction.has_accepted() {
            transaction.stage = Stage::Content(DotReader::default());
            scene.reply(b"354 OK\r\n");
            return true;
        }
        let refusal = transaction.refusal_of_lost();
        scene.reply(&refusal.unwrap_or_else(|| ours(reply::NO_RECIPIENTS)));
        self.reset(scene.now, scene.outbox);
        true
    }

    /// Replies to RCPT, in order, as soon as all earlier ones are known. Whether there was something to say.
    pub(super) fn answer_recipient(&mut self, scene: &mut Scene<'_>) -> bool {
        if scene.client == Client::Gone || !scene.has_room() {
            return false;
        }
        let Some(transaction) = &mut self.transaction else { return false };
        let told = transaction.told;
        let Some(recipient) = transaction.recipients.get_mut(told) else {
            if transaction.overflow == 0 {
                return false;
            }
            transaction.overflow = transaction.overflow.saturating_sub(1);
            scene.reply(&ours(reply::TOO_MANY));
            scene.restart_clock();
            return true;
        };
        if recipient.fate == Fate::Open {
            return false;
        }
        let Some(reply) = recipient.reply.take() else { return false };
        transaction.told = told.saturating_add(1);
        scene.reply(&reply);
        scene.restart_clock();
        true
    }

    /// Replies to the message, one for each accepted recipient, in order. A client that has gone gets none, but the log
    /// says what became of its message (LM-08). Whether there was something to say.
    pub(super) fn answer_message(&mut self, scene: &mut Scene<'_>) -> bool {
        if !scene.has_room() {
            return false;
        }
        let Some(transaction) = &mut self.transaction else { return false };
        let Stage::Replies(given) = &mut transaction.stage else { return false };
        let number = *given;
        let Some(recipient) = transaction.recipients.get_mut(number) else {
            self.reset(scene.now, scene.outbox);
            scene.restart_clock();
            return true;
        };
        if recipient.fate == Fate::Accepted {
            return false;
        }
        *given = number.saturating_add(1);
        if recipient.fate != Fate::Over {
            return true;
        }
        let Some(reply) = recipient.reply.take() else { return true };
        scene.reply(&reply);
        self.report_result(number, &reply, scene);
        true
    }

    /// A chunk is here in full: the last one ends the message, any other gets a reply. Whether one was.
    pub(super) fn answer_chunk(&mut self, scene: &mut Scene<'_>) -> bool {
        let Some(transaction) = &mut self.transaction else { return false };
        let Stage::Chunk { left: 0, size, is_last } = transaction.stage else { return false };
        if is_last {
            transaction.stage = Stage::Replies(0);
            return true;
        }
        // The reply to a chunk says that the message goes on: not while the client cannot take it.
        if !scene.has_room() {
            return false;
        }
        transaction.stage = Stage::Chunks;
        if transaction.has_accepted() {
            scene.reply(&ours(&format!("250 2.0.0 {size} octets received")));
            return true;
        }
        scene.reply(&transaction.refusal_of_lost().unwrap_or_else(|| ours(reply::LOST)));
        true
    }

    fn report_result(&self, number: usize, reply: &[u8], scene: &mut Scene<'_>) {
        let Some(transaction) = &self.transaction else { return };
        let Some(recipient) = transaction.recipients.get(number) else { return };
        let line = reply.split(|&byte| byte == b'\r').next().unwrap_or_default();
        scene.report(Event::Delivered {
            subject: scene.front.subject(recipient.user.clone(), None),
            recipient: escaped(recipient.address.as_bytes(), LOGGED_LINE_BYTES_MAX),
            backend: recipient.backend.clone(),
            bytes: transaction.window.end(),
            reply: cleaned(line, LOGGED_LINE_BYTES_MAX),
            accepted: reply.first() == Some(&b'2'),
            took: scene.now.since(transaction.began),
        });
    }
}
