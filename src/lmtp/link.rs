//! One backend connection: from its greeting to the last reply of a transaction, and on to the next.
//!
//! ```text
//! B: 220 …            F: LHLO us          B: 250-…
//!                    [F: STARTTLS         B: 220 …   the handshake   F: LHLO us   B: 250-…]
//!                    [F: XCLIENT …        B: 220 …   F: LHLO us   B: 250-…]
//! F: MAIL FROM:<…>    F: RCPT TO:<…>      B: 250 …   B: 250 …
//! F: DATA             B: 354 …            F: the message and its dot      or, with CHUNKING, BDAT n and so many bytes
//! B: one reply for each accepted recipient
//!
//!    behind a transaction that did not end behind its message, or not well:
//! F: RSET             B: 250 …            and only then the next MAIL
//! ```
//!
//! Implicit TLS begins before all of it. Decides: what is sent when, and what each reply means (`answers`). DATA never
//! follows before every recipient's reply is known (W-LMTP-11). Does not: know other backends, or tell the client
//! anything; `delivery` takes the [`News`].

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::auth::verdict::{BackendTls, Certificate};
use crate::facts::ClientFacts;
use crate::fault::Failure;
use crate::limits::{
    BACKEND_INPUT_BYTES_MAX, CONNECT_TIMEOUT, LMTP_DATA_TIMEOUT, LMTP_RECIPIENT_TIMEOUT,
    LMTP_REUSE_TIMEOUT, LMTP_STALL_TIMEOUT,
};
use crate::session::input::Hop;
use crate::tick::Tick;
use crate::wire::inbox::Inbox;
use crate::wire::smtp::keywords::{Extension, Keywords};
use crate::wire::smtp::reply::{Replies, Reply};

use super::content::Content;
use super::envelope::{Envelope, Rcpt, Sender};
use super::feed::Feed;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) purpose: Purpose,
    pub(super) is_secured: bool,
    /// On its way out; only its last words are sent.
    pub(super) is_leaving: bool,
    pub(super) stage: Stage,
    pub(super) age: Age,
    /// The session's transaction, as far as it is for this backend; it may begin before the backend knows of it.
    pub(super) envelope: Option<Box<Envelope>>,
    /// What the backend is told about the client; none once it was told, or is not to be.
    pub(super) introduction: Option<Box<Introduction>>,
    pub(super) hello: Box<str>,
    /// Replies that are due, in order.
    pub(super) due: VecDeque<Due>,
    pub(super) commands: Vec<u8>,
    pub(super) inbox: Inbox,
    pub(super) replies: Replies,
    pub(super) keywords: Keywords,
    /// How much was filled last, and where the feed is once all of it is sent.
    pub(super) filled: (usize, Option<Feed>),
    pub(super) deadline: Option<Tick>,
    /// The last time the backend took or said something, or had nothing to do.
    pub(super) moved_at: Tick,
}

/// What a connection may be used for (W-LMTP-2).
#[derive(Clone, Debug)]
pub(super) struct Purpose {
    pub(super) endpoint: SocketAddr,
    /// The backend's name, for logs and for its certificate.
    pub(super) host: Arc<str>,
    /// What the connection has to have before any user's name is told there.
    pub(super) tls: BackendTls,
    /// Facts about the client are not for the backend (`proxy_not_trusted`).
    pub(super) is_secretive: bool,
    /// What stands there.
    pub(super) hop: Hop,
    /// Hops of the recipients on it, which the backend is told.
    pub(super) referrals: u8,
    /// How many connections the host may have for this to be one more; 0: any number.
    pub(super) connections_max: u32,
}

impl Purpose {
    /// Whether a connection for this will do for that.
    pub(super) fn serves(&self, that: &Self) -> bool {
        self.endpoint == that.endpoint
            // Which PROXY header it began with (W-PPO-6).
            && self.hop == that.hop
            && self.tls == that.tls
            // A backend that has proven to have one name has not proven to have another.
            && (self.tls == BackendTls::Off || self.host == that.host)
            && self.is_secretive == that.is_secretive
            && self.referrals == that.referrals
    }
}

/// Whether a connection was made for this transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// It was: when it fails, the backend does.
    New,
    /// It is left from before: the backend may have had enough of it and be well.
    Kept,
}

/// What a backend is told of the client.
#[derive(Debug)]
pub(super) struct Introduction {
    pub(super) facts: ClientFacts,
    pub(super) hops: u8,
    pub(super) helo: Option<Box<str>>,
    pub(super) timeout_s: Option<u64>,
    /// How IPv6 addresses are written (W-FWD-8).
    pub(super) ipv6_prefix: bool,
}

/// Where a connection stands, and with it whether a transaction is open there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Connecting,
    /// In the TLS handshake. All of the opening has until then.
    Securing(Tick),
    /// Up to the last reply to LHLO.
    Opening,
    /// No transaction is open, for certain: there was none, the last one ended behind its message, or RSET was
    /// answered.
    Idle,
    /// RSET is sent and not answered: whether a transaction is open is not known, and none is begun.
    Closing,
    /// MAIL and RCPT.
    Envelope(MailFrom),
    /// DATA is sent and not answered.
    Asked,
    /// The message is under way, or its replies are.
    Content(Feed),
}

/// What became of the command MAIL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MailFrom {
    /// It was not sent: no transaction is open.
    Unsent,
    /// It is not answered.
    Sent,
    Agreed,
    /// The backend's reply about the sender; it counts for every recipient.
    Refused(Box<Reply>),
}

/// A reply that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Greeting,
    Hello,
    Starttls,
    /// XCLIENT; this many follow.
    Introduced(usize),
    Mail,
    Rcpt(usize),
    Data,
    Chunk,
    Final(usize),
    /// Of a transaction that is no more.
    Forgotten,
    /// RSET behind it.
    Closed,
}

/// What became of something.
#[derive(Debug)]
pub(super) enum News {
    /// It is time for TLS.
    Secure(Certificate),
    /// The backend's reply to a recipient.
    Rcpt(usize, Reply),
    /// The backend can't take this message for this recipient (LM-13).
    Unfit(usize, Extension),
    /// The backend wants the message, or refuses it.
    Data(Result<(), Reply>),
    /// The backend's reply to the message for one recipient.
    Final(usize, Reply),
    /// The connection is of no use any more.
    Failed(Failure, Box<str>),
}

impl Link {
    pub(super) fn new(
        now: Tick,
        purpose: Purpose,
        hostname: &str,
        introduction: Option<Introduction>,
    ) -> Self {
        Self {
            purpose,
            is_secured: false,
            is_leaving: false,
            stage: Stage::Connecting,
            age: Age::New,
            envelope: None,
            introduction: introduction.map(Box::new),
            hello: format!("LHLO {hostname}\r\n").into(),
            due: VecDeque::new(),
            commands: Vec::new(),
            inbox: Inbox::new(BACKEND_INPUT_BYTES_MAX),
            replies: Replies::default(),
            keywords: Keywords::default(),
            filled: (0, None),
            deadline: Some(now.after(CONNECT_TIMEOUT)),
            moved_at: now,
        }
    }

    // === What the session wants ===

    /// Begins a transaction, unless it has begun.
    pub(super) fn begin(&mut self, sender: &Sender) {
        if self.envelope.is_none() {
            self.envelope = Some(Box::new(Envelope::new(sender)));
        }
        if self.stage == Stage::Idle {
            self.stage = Stage::Envelope(MailFrom::Unsent);
            // The time that it was kept for is over.
            self.deadline = None;
        }
    }

    pub(super) fn add(&mut self, now: Tick, rcpt: Rcpt, news: &mut Vec<News>) {
        if let Some(envelope) = &mut self.envelope {
            envelope.waiting.push_back(rcpt);
        }
        self.send_envelope(news);
        if self.is_in_envelope() && self.deadline.is_none() && self.owes_reply() {
            self.deadline = Some(now.after(LMTP_RECIPIENT_TIMEOUT));
        }
    }

    /// Every recipient's fate is known and one at least is accepted: asks for the message, or begins to send it.
    pub(super) fn send_content(&mut self, now: Tick) {
        self.moved_at = now;
        if self.is_pipelining() && self.keywords.has(b"CHUNKING") {
            self.stage = Stage::Content(Feed::bdat());
            self.deadline = None;
        } else {
            self.commands.extend(b"DATA\r\n");
            self.due.push_back(Due::Data);
            self.stage = Stage::Asked;
            self.deadline = Some(now.after(LMTP_DATA_TIMEOUT));
        }
    }

    /// Ends the transaction without a message. `false`: the backend has part of one, and only closing ends that.
    pub(super) fn reset(&mut self, now: Tick) -> bool {
        self.envelope = None;
        match self.stage {
            Stage::Asked | Stage::Content(_) => return false,
            Stage::Connecting
            | Stage::Securing(_)
            | Stage::Opening
            | Stage::Idle
            | Stage::Closing => {}
            Stage::Envelope(MailFrom::Unsent) => self.idle(now),
            Stage::Envelope(_) => self.close_transaction(now),
        }
        true
    }

    /// Nothing more is sent but, `politely` and where they can be understood, last words.
    pub(super) fn leave(&mut self, politely: bool) {
        self.is_leaving = true;
        let is_between = matches!(self.stage, Stage::Idle | Stage::Closing | Stage::Envelope(_));
        if politely && is_between {
            self.commands.extend(b"QUIT\r\n");
        } else {
            self.commands.clear();
        }
    }

    /// Nothing is open there any more; the connection is kept for the next message.
    pub(super) fn idle(&mut self, now: Tick) {
        self.envelope = None;
        self.stage = Stage::Idle;
        self.age = Age::Kept;
        self.deadline = Some(now.after(LMTP_REUSE_TIMEOUT));
    }

    /// Something may be open there: RSET, and nothing else before it is answered (RFC 5321 4.1.4). Whatever else is
    /// still answered is about no recipient.
    pub(super) fn close_transaction(&mut self, now: Tick) {
        self.idle(now);
        self.stage = Stage::Closing;
        for due in &mut self.due {
            *due = Due::Forgotten;
        }
        self.commands.extend(b"RSET\r\n");
        self.due.push_back(Due::Closed);
    }

    // === What the session asks ===

    pub(super) fn room(&self) -> usize {
        // Nothing in clear counts any more, and nothing sealed comes before the handshake is done.
        if matches!(self.stage, Stage::Securing(_)) { 0 } else { self.inbox.room() }
    }

    /// Whether the connection is only kept in case of another message.
    pub(super) fn is_spare(&self) -> bool {
        self.envelope.is_none() && matches!(self.stage, Stage::Idle | Stage::Closing)
    }

    /// Whether the transaction has recipients here.
    pub(super) fn is_in_transaction(&self) -> bool {
        self.envelope.is_some()
    }

    /// Whether the backend has agreed to some recipient of the transaction.
    pub(super) fn has_accepted(&self) -> bool {
        self.envelope.as_ref().is_some_and(|envelope| !envelope.accepted.is_empty())
    }

    /// Whether a new connection is worth a try when this one fails: it is left from before, and the backend has not
    /// agreed to anything of this transaction. To put MAIL off is to fail, too.
    pub(super) fn is_replaceable(&self) -> bool {
        self.age == Age::Kept && self.is_in_transaction() && !self.has_accepted()
    }

    /// Whether a reply of the backend's is waited for, or something that waits for its turn.
    pub(super) fn owes_reply(&self) -> bool {
        let is_waiting =
            self.envelope.as_ref().is_some_and(|envelope| !envelope.waiting.is_empty());
        is_waiting || !self.due.is_empty()
    }

    pub(super) fn is_in_envelope(&self) -> bool {
        matches!(self.stage, Stage::Envelope(_))
    }

    /// Whether the backend was asked for the message and has not answered.
    pub(super) fn is_asked(&self) -> bool {
        self.stage == Stage::Asked
    }

    /// The first byte of the message that this backend still needs; none: it needs none.
    pub(super) fn place(&self) -> Option<u64> {
        if self.stage == Stage::Asked {
            return Some(0);
        }
        self.feed().filter(|feed| !feed.is_over()).map(|feed| feed.place)
    }

    /// Whether the message is here in full, so that the backend stores it or has stored it.
    pub(super) fn has_all(&self) -> bool {
        self.has_content() && self.place().is_none()
    }

    /// When the backend has taken too long.
    pub(super) fn deadline(&self, content: Content<'_>) -> Option<Tick> {
        if !self.has_content() {
            return self.deadline;
        }
        let is_waited_for = !self.due.is_empty() || self.has_output(content);
        is_waited_for.then(|| self.moved_at.after(LMTP_STALL_TIMEOUT))
    }

    /// More of the message comes. Where nothing was expected of the backend until now, its time begins anew.
    pub(super) fn restart_clock(&mut self, now: Tick, content: Content<'_>) {
        if self.due.is_empty() && !self.has_output(content) {
            self.moved_at = now;
        }
    }

    /// What it means that the deadline passed.
    pub(super) fn failure_of_deadline(&self) -> (Failure, &'static str) {
        match self.stage {
            Stage::Connecting => (Failure::Connect, "connect timed out"),
            Stage::Securing(_) => (Failure::Remote, "the TLS handshake was not completed in time"),
            Stage::Opening => (Failure::Connect, "no answer within the time for a recipient"),
            Stage::Idle | Stage::Envelope(_) => {
                (Failure::Remote, "no reply to a recipient in time")
            }
            Stage::Closing => (Failure::Remote, "no reply to RSET in time"),
            Stage::Asked => (Failure::Remote, "no reply to DATA in time"),
            Stage::Content(_) => (Failure::Remote, "no progress within the time for a message"),
        }
    }

    pub(super) fn is_connecting(&self) -> bool {
        self.stage == Stage::Connecting
    }

    pub(super) fn has_content(&self) -> bool {
        matches!(self.stage, Stage::Content(_))
    }

    /// How far the message has come here; none: nothing of it is due.
    pub(super) fn feed(&self) -> Option<Feed> {
        match self.stage {
            Stage::Content(feed) if !self.is_leaving => Some(feed),
            _ => None,
        }
    }

    pub(super) fn is_pipelining(&self) -> bool {
        self.keywords.has(b"PIPELINING")
    }

    /// MAIL and the recipients that may be sent now.
    pub(super) fn send_envelope(&mut self, news: &mut Vec<News>) {
        let is_pipelining = self.is_pipelining();
        let (Stage::Envelope(mail), Some(envelope)) = (&mut self.stage, &mut self.envelope) else {
            return;
        };
        let Envelope { sender, waiting, .. } = &mut **envelope;
        if *mail == MailFrom::Unsent {
            if let Some(missed) = sender.misses(&self.keywords) {
                let unfit = |rcpt: Rcpt| News::Unfit(rcpt.number, missed);
                return news.extend(waiting.drain(..).map(unfit));
            }
            *mail = MailFrom::Sent;
            sender.write(&self.keywords, &mut self.commands);
            self.due.push_back(Due::Mail);
        }
        while is_pipelining || self.due.is_empty() {
            let Some(rcpt) = waiting.pop_front() else { return };
            if let MailFrom::Refused(refusal) = mail {
                news.push(News::Rcpt(rcpt.number, Reply::clone(refusal)));
                continue;
            }
            rcpt.write(&self.keywords, &mut self.commands);
            self.due.push_back(Due::Rcpt(rcpt.number));
        }
    }
}
