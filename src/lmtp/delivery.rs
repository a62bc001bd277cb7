//! The message on its way to every backend, and what each of them says of it (wire.md 11.2).
//!
//! Every accepted recipient gets one reply, in the order of RCPT, and a 250 only when its own backend said 250. A
//! backend that is lost costs its own recipients a 451 and nobody else anything.

use super::content::DotReader;
use super::input::LinkId;
use super::link::News;
use super::machine::Lmtp;
use super::output::{Outbox, Wish};
use super::reply;
use super::transaction::{Fate, Stage, mildest, ours, passed_on};
use crate::backend::referral::Referral;
use crate::event::{Event, cleaned, escaped};
use crate::fault::Failure;
use crate::limits::{LMTP_MESSAGE_BYTES_MAX, LOGGED_LINE_BYTES_MAX};
use crate::tick::Tick;
use crate::wire::smtp::reply::{Class, Reply};

impl Lmtp {
    // === From the client ===

    /// Takes what belongs to the message, as far as there is room for it; how much that was.
    pub(super) fn read_content(&mut self, now: Tick, bytes: &[u8]) -> usize {
        if let Some((left, _)) = &mut self.skip {
            let gone = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
            *left = left.saturating_sub(gone as u64);
            return gone;
        }
        let Some(transaction) = &mut self.transaction else { return 0 };
        if bytes.is_empty() || !matches!(transaction.stage, Stage::Content(_) | Stage::Chunk { .. })
        {
            return 0;
        }
        let slots = self.links.iter_mut().flatten().filter(|slot| !slot.leaving);
        let mut least = None::<u64>;
        for slot in slots {
            slot.link.rests(now, &transaction.window, false);
            let place = slot.link.place();
            least = match (least, place) {
                (Some(least), Some(place)) => Some(least.min(place)),
                (least, place) => least.or(place),
            };
        }
        transaction.window.release(least.unwrap_or(u64::MAX));
        let read = match &mut transaction.stage {
            Stage::Content(reader) => {
                let read = reader.read(bytes, &mut transaction.window);
                if read.ended {
                    transaction.stage = Stage::Replies(0);
                }
                read.consumed
            }
            Stage::Chunk { left, .. } => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                let count = bytes.len().min(most).min(transaction.window.room());
                transaction.window.push(bytes.get(..count).unwrap_or_default());
                *left = left.saturating_sub(count as u64);
                count
            }
            _ => 0,
        };
        if read > 0 {
            self.heard(now);
        }
        read
    }

    /// Too much of a message: no backend sees its end (wire.md 11.2, 6).
    fn give_up_too_large(&mut self, outbox: &mut Outbox) -> bool {
        let Some(transaction) = &mut self.transaction else { return false };
        if transaction.window.end() <= LMTP_MESSAGE_BYTES_MAX {
            return false;
        }
        // Read past for as long as that may lead to a reply that is understood.
        if transaction.window.end() > LMTP_MESSAGE_BYTES_MAX.saturating_mul(2) {
            self.close_with(reply::TOO_LARGE, "a message without end", outbox);
            return true;
        }
        if !transaction.has_accepted() {
            return false;
        }
        for recipient in &mut transaction.recipients {
            if recipient.fate == Fate::Accepted {
                recipient.fate = Fate::Over;
                recipient.reply = Some(ours(reply::TOO_LARGE));
            }
        }
        let busy: Vec<LinkId> = self
            .live_slots()
            .filter(|(_, slot)| slot.link.is_in_transaction())
            .map(|(id, _)| id)
            .collect();
        for id in busy {
            self.drop_link(id, false, outbox);
        }
        true
    }

    // === To the backends ===

    /// Every RCPT is answered and somebody wants the message: ask the backends for theirs.
    pub(super) fn ask_for_content(&mut self, now: Tick, outbox: &mut Outbox) {
        let ids: Vec<LinkId> = self.live_slots().map(|(id, _)| id).collect();
        for id in ids {
            let Some(slot) = self.slot_mut(id) else { continue };
            if !slot.link.is_in_transaction() {
                continue;
            }
            if slot.link.has_accepted() {
                slot.link.send_content(now);
            } else if !slot.link.reset(now) {
                self.drop_link(id, false, outbox);
            }
        }
    }

    /// Behind DATA: one go-ahead is enough, and without any there is one refusal.
    pub(super) fn decide_data(&mut self, now: Tick, outbox: &mut Outbox) -> bool {
        if self.give_up_too_large(outbox) {
            return true;
        }
        let is_asked = |transaction: &super::transaction::Transaction| {
            matches!(transaction.stage, Stage::Asked)
        };
        let waits = self.live_slots().any(|(_, slot)| slot.link.is_asked());
        if waits || !self.may_speak(outbox) || !self.transaction.as_deref().is_some_and(is_asked) {
            return false;
        }
        let Some(transaction) = &mut self.transaction else { return false };
        if transaction.has_accepted() {
            transaction.stage = Stage::Content(DotReader::default());
            outbox.to_client.extend(b"354 OK\r\n");
            return true;
        }
        let over = transaction.recipients.iter().filter(|recipient| recipient.fate == Fate::Over);
        let refusals = over.filter_map(|recipient| recipient.reply.as_deref());
        let refusal = mildest(refusals).unwrap_or_else(|| ours(reply::NO_RECIPIENTS));
        outbox.to_client.extend_from_slice(&refusal);
        self.abort_transaction(now, outbox);
        true
    }

    // === From the backends ===

    pub(super) fn take_news(
        &mut self,
        now: Tick,
        id: LinkId,
        news: Vec<News>,
        outbox: &mut Outbox,
    ) {
        for news in news {
            match news {
                News::Rcpt(number, reply) => self.recipient_answered(now, number, &reply, outbox),
                News::Unfit(number, missing) => {
                    let words = ours(reply::of_missing(missing));
                    if let Some(recipient) = self.recipient(number) {
                        recipient.refuse(words.clone());
                        self.report_result(now, number, &words, outbox);
                    }
                }
                News::Data(Ok(())) => {}
                News::Secure(certificate) => {
                    let name = self.slot(id).map(|slot| slot.link.host.clone());
                    outbox.wish(Wish::SecureBackend {
                        link: id,
                        name: name.unwrap_or_default(),
                        certificate,
                    });
                }
                News::Data(Err(reply)) => self.data_refused(id, &reply),
                News::Final(number, reply) => {
                    if let Some(recipient) = self.recipient(number) {
                        recipient.fate = Fate::Over;
                        recipient.reply = Some(passed_on(&reply));
                    }
                }
                News::Failed(failure, detail) => {
                    return self.link_failed(now, id, failure, &detail, outbox);
                }
            }
        }
    }

    fn recipient_answered(&mut self, now: Tick, number: usize, reply: &Reply, outbox: &mut Outbox) {
        if reply.code == 550
            && let Some(referral) = Referral::from_smtp(reply.first_line())
        {
            return self.refer(number, referral, outbox);
        }
        let Some(recipient) = self.recipient(number) else { return };
        if reply.class() == Class::Done {
            recipient.fate = Fate::Accepted;
            recipient.reply = Some(passed_on(reply));
        } else {
            let words = passed_on(reply);
            recipient.refuse(words.clone());
            self.report_result(now, number, &words, outbox);
        }
    }

    /// A backend does not want the message although it wanted the recipients.
    fn data_refused(&mut self, id: LinkId, reply: &Reply) {
        for number in self.recipients_of(id, Fate::Accepted) {
            if let Some(recipient) = self.recipient(number) {
                recipient.fate = Fate::Over;
                recipient.reply = Some(passed_on(reply));
            }
        }
    }

    pub(super) fn link_broken(
        &mut self,
        now: Tick,
        id: LinkId,
        word: &'static str,
        outbox: &mut Outbox,
    ) {
        let Some(slot) = self.slot(id).filter(|slot| !slot.leaving) else { return };
        let is_connecting = slot.link.stage_is_connecting();
        let failure = if is_connecting { Failure::Connect } else { Failure::Remote };
        let detail = match slot.link.owed() {
            Some(owed) => format!("{word} before {owed}"),
            None => word.to_owned(),
        };
        self.link_failed(now, id, failure, &detail, outbox);
    }

    /// A backend's time is up: that of one which is only kept for the next message passes quietly.
    pub(super) fn link_late(&mut self, now: Tick, id: LinkId, outbox: &mut Outbox) {
        let Some(slot) = self.slot(id) else { return };
        if slot.link.is_spare() {
            return self.drop_link(id, true, outbox);
        }
        let (failure, detail) = slot.link.failure_of_deadline();
        self.link_failed(now, id, failure, detail, outbox);
    }

    /// A backend is lost: its recipients are told to try again, nobody else notices.
    pub(super) fn link_failed(
        &mut self,
        now: Tick,
        id: LinkId,
        failure: Failure,
        detail: &str,
        outbox: &mut Outbox,
    ) {
        let Some(slot) = self.slot(id).filter(|slot| !slot.leaving) else { return };
        let backend = slot.link.host.clone();
        // The one that was kept in case of another message may go whenever it likes.
        let is_missed = slot.link.is_in_transaction();
        let is_ambiguous = slot.link.has_content() && slot.link.place().is_none();
        let open = self.recipients_of(id, Fate::Open);
        let retried = slot.link.is_replaceable() && !open.is_empty();
        if is_missed {
            let detail: Box<str> = if is_ambiguous {
                // The sender tries again, and may deliver twice: that cannot be known here (wire.md 11.2, 8).
                format!("{detail}; lmtp_ambiguous: the message was sent in full").into()
            } else {
                detail.into()
            };
            let subject = self.subject(None);
            let event = Event::BackendFailed { subject, backend, failure, detail, retried };
            outbox.wish(Wish::Report(event));
        }
        if retried {
            return self.replace_link(now, id, &open, outbox);
        }
        let has_content =
            self.transaction.as_ref().is_some_and(|transaction| transaction.has_content());
        let lost = if has_content { reply::LOST } else { reply::of_failure(failure) };
        for number in open {
            if let Some(recipient) = self.recipient(number) {
                recipient.refuse(ours(reply::of_failure(failure)));
            }
        }
        for number in self.recipients_of(id, Fate::Accepted) {
            let was_told =
                self.transaction.as_ref().is_some_and(|transaction| transaction.was_told(number));
            let Some(recipient) = self.recipient(number) else { continue };
            if was_told {
                recipient.fate = Fate::Over;
                recipient.reply = Some(ours(lost));
            } else {
                recipient.refuse(ours(reply::of_failure(failure)));
            }
        }
        self.drop_link(id, false, outbox);
    }

    /// Gives a backend connection up. `politely`: with a last word, where that cannot be taken for part of a message.
    pub(super) fn drop_link(&mut self, id: LinkId, politely: bool, outbox: &mut Outbox) {
        let Some(slot) = self.slot_mut(id).filter(|slot| !slot.leaving) else { return };
        slot.leaving = true;
        slot.link.leave(politely);
        outbox.wish(Wish::Drop(id));
    }

    // === To the client ===

    /// Replies to RCPT, in order, as soon as all earlier ones are known.
    pub(super) fn tell_recipients(&mut self, now: Tick, outbox: &mut Outbox) -> bool {
        if self.client_gone || !self.may_speak(outbox) {
            return false;
        }
        let Some(transaction) = &mut self.transaction else { return false };
        let told = transaction.told;
        let Some(recipient) = transaction.recipients.get_mut(told) else {
            if transaction.overflow == 0 {
                return false;
            }
            transaction.overflow = transaction.overflow.saturating_sub(1);
            outbox.to_client.extend_from_slice(&ours(reply::TOO_MANY));
            self.heard(now);
            return true;
        };
        if recipient.fate == Fate::Open {
            return false;
        }
        let Some(reply) = recipient.reply.take() else { return false };
        outbox.to_client.extend_from_slice(&reply);
        transaction.told = told.saturating_add(1);
        self.heard(now);
        true
    }

    /// Replies to the message, one for each accepted recipient, in order. A client that has gone gets none, but the log
    /// says what became of its message (LM-08).
    pub(super) fn tell_results(&mut self, now: Tick, outbox: &mut Outbox) -> bool {
        if self.end_chunk(outbox) {
            return true;
        }
        if !self.may_speak(outbox) {
            return false;
        }
        let Some(transaction) = &mut self.transaction else { return false };
        let Stage::Replies(given) = &mut transaction.stage else { return false };
        let number = *given;
        let Some(recipient) = transaction.recipients.get_mut(number) else {
            self.abort_transaction(now, outbox);
            self.heard(now);
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
        outbox.to_client.extend_from_slice(&reply);
        self.report_result(now, number, &reply, outbox);
        true
    }

    fn report_result(&self, now: Tick, number: usize, reply: &[u8], outbox: &mut Outbox) {
        let Some(transaction) = &self.transaction else { return };
        let Some(recipient) = transaction.recipients.get(number) else { return };
        let line = reply.split(|&byte| byte == b'\r').next().unwrap_or_default();
        let event = Event::Delivered {
            subject: self.subject(recipient.user.as_deref()),
            recipient: escaped(recipient.address.as_bytes(), LOGGED_LINE_BYTES_MAX),
            backend: recipient.backend.clone(),
            bytes: transaction.window.end(),
            reply: cleaned(line, LOGGED_LINE_BYTES_MAX),
            accepted: reply.first() == Some(&b'2'),
            took: now.since(transaction.began),
        };
        outbox.wish(Wish::Report(event));
    }

    /// A chunk is here in full: the last one ends the message, any other gets a reply.
    fn end_chunk(&mut self, outbox: &mut Outbox) -> bool {
        if let Some((0, _)) = self.skip
            && self.may_speak(outbox)
            && let Some((_, reply)) = self.skip.take()
        {
            outbox.to_client.extend_from_slice(&reply.unwrap_or_default());
            return true;
        }
        let may_speak = self.may_speak(outbox);
        let Some(transaction) = &mut self.transaction else { return false };
        let Stage::Chunk { left: 0, size, is_last } = transaction.stage else { return false };
        if is_last {
            transaction.stage = Stage::Replies(0);
            return true;
        }
        // The reply to a chunk says that the message goes on: not when nobody waits for it any more.
        if !may_speak {
            return false;
        }
        transaction.stage = Stage::Chunks;
        if transaction.has_accepted() {
            let words = format!("250 2.0.0 {size} octets received");
            outbox.to_client.extend_from_slice(&ours(&words));
            return true;
        }
        let over = transaction.recipients.iter().filter(|recipient| recipient.fate == Fate::Over);
        let refusal = mildest(over.filter_map(|recipient| recipient.reply.as_deref()));
        outbox.to_client.extend_from_slice(&refusal.unwrap_or_else(|| ours(reply::LOST)));
        true
    }
}
