//! What is known of one message on its way: its recipients, and how far each of them has come.

use std::net::SocketAddr;
use std::sync::Arc;

use super::content::{Content, DotReader, Window};
use super::envelope::{Dsn, Forward, Sender};
use super::input::LinkId;
use super::reply::{self, mildest, ours};
use crate::auth::verdict::BackendTls;
use crate::fault::Failure;
use crate::limits::{AUTH_TIMEOUT, ROUTE_TIMEOUT};
use crate::tick::Tick;

/// One recipient.
#[derive(Debug)]
pub(super) struct Recipient {
    /// What stood between the angle brackets.
    pub(super) address: Box<str>,
    /// The user, once it was found.
    pub(super) user: Option<Box<str>>,
    /// The address for the backend, when it is another.
    pub(super) renamed: Option<Box<str>>,
    /// The user's group and what passdb, peer or both want the backend to know.
    pub(super) forward: Forward,
    /// NOTIFY and ORCPT.
    pub(super) dsn: Dsn,
    pub(super) fate: Fate,
    /// A reply that the client was not given yet.
    pub(super) reply: Option<Box<[u8]>>,
    pub(super) link: Option<LinkId>,
    /// The name of its backend.
    pub(super) backend: Option<Arc<str>>,
    /// Where this recipient has been sent, in order; every place once (W-REF-1).
    pub(super) path: Vec<SocketAddr>,
    /// The backend's port, when the passdb names one.
    pub(super) port: Option<u16>,
    /// How many connections its backend may have, when the passdb says it; 0: any number.
    pub(super) connections_max: Option<u32>,
    /// The tag that the user's sites must have.
    pub(super) tag: Option<Box<str>>,
    /// TLS on the way to its backend.
    pub(super) tls: BackendTls,
    /// Facts about the client are not for the backend (`proxy_not_trusted`).
    pub(super) is_secretive: bool,
    /// The route led to a backend that the group's row did not name yet: where that one sends us is no lesson (C-CACHE-5).
    pub(super) is_switching: bool,
    /// A referral that was not followed yet.
    pub(super) referral: Option<Referred>,
}

/// Where a backend sent a recipient.
#[derive(Clone, Debug)]
pub(super) struct Referred {
    pub(super) host: Box<str>,
    pub(super) port: Option<u16>,
}

/// How far a recipient has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// No backend has said yes or no.
    Open,
    /// Not a recipient of this message.
    Refused,
    /// A backend waits for the message.
    Accepted,
    /// The backend has said what became of the message; or never will.
    Over,
}

impl Recipient {
    pub(super) fn new(address: &str) -> Self {
        Self {
            address: address.into(),
            user: None,
            renamed: None,
            forward: Vec::new(),
            dsn: Dsn::default(),
            fate: Fate::Open,
            reply: None,
            link: None,
            backend: None,
            path: Vec::new(),
            port: None,
            connections_max: None,
            tag: None,
            tls: BackendTls::Off,
            is_secretive: false,
            is_switching: false,
            referral: None,
        }
    }

    pub(super) fn refuse(&mut self, reply: Box<[u8]>) {
        self.fate = Fate::Refused;
        self.reply = Some(reply);
        self.forward = Vec::new();
        self.referral = None;
    }
}

/// One message, from MAIL to the last reply.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) sender: Sender,
    pub(super) recipients: Vec<Recipient>,
    /// How many replies to RCPT the client was given.
    pub(super) told: usize,
    /// Recipients beyond the limit, which get their 452 behind the others' replies.
    pub(super) overflow: u32,
    pub(super) stage: Stage,
    pub(super) window: Window,
    /// The message came by BDAT.
    pub(super) by_chunks: bool,
    pub(super) began: Tick,
}

/// A question under way about a recipient.
#[derive(Clone, Copy, Debug)]
pub(super) struct LookUp {
    pub(super) recipient: usize,
    pub(super) what: Sought,
    pub(super) since: Tick,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sought {
    User,
    Route,
}

impl LookUp {
    pub(super) fn deadline(self) -> Tick {
        let timeout = if self.what == Sought::User { AUTH_TIMEOUT } else { ROUTE_TIMEOUT };
        self.since.after(timeout)
    }
}

/// Where a transaction stands.
#[derive(Debug)]
pub(super) enum Stage {
    /// MAIL and RCPT; one recipient at a time is looked up.
    Envelope(Option<LookUp>),
    /// The client said DATA; backends are asked.
    Asked,
    /// The client sends the message behind DATA.
    Content(DotReader),
    /// The client sends a chunk; so many bytes of it are to come.
    Chunk {
        /// Bytes to come.
        left: u64,
        /// Bytes in all.
        size: u64,
        /// No other follows.
        is_last: bool,
    },
    /// Between two chunks.
    Chunks,
    /// The message is here; so many recipients were given their reply to it.
    Replies(usize),
}

impl Transaction {
    /// One that begins: MAIL was said.
    pub(super) fn new(sender: Sender, now: Tick) -> Self {
        Self {
            sender,
            recipients: Vec::new(),
            told: 0,
            overflow: 0,
            stage: Stage::Envelope(None),
            window: Window::default(),
            by_chunks: false,
            began: now,
        }
    }

    /// Every RCPT was answered.
    pub(super) fn is_told(&self) -> bool {
        self.told == self.recipients.len() && self.overflow == 0
    }

    /// The window holds the message's end.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self.stage, Stage::Replies(_))
    }

    /// As much of the message as is here.
    pub(super) fn content(&self) -> Content<'_> {
        Content { window: &self.window, is_complete: self.is_complete() }
    }

    /// The client sends the message now.
    pub(super) fn is_coming(&self) -> bool {
        matches!(self.stage, Stage::Content(_) | Stage::Chunk { .. })
    }

    /// How many bytes of the message there is room for when those before `needed` are let go; none: no backend needs any.
    pub(super) fn room_behind(&self, needed: Option<u64>) -> usize {
        self.window.room_behind(needed.unwrap_or(u64::MAX))
    }

    /// Takes what belongs to the message of what the client has sent, as far as there is room behind `needed`; how much that was.
    pub(super) fn take(&mut self, needed: Option<u64>, bytes: &[u8]) -> usize {
        self.window.release(needed.unwrap_or(u64::MAX));
        match &mut self.stage {
            Stage::Content(reader) => {
                let read = reader.read(bytes, &mut self.window);
                if read.ended {
                    self.stage = Stage::Replies(0);
                }
                read.consumed
            }
            Stage::Chunk { left, .. } => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                let count = bytes.len().min(most).min(self.window.room());
                self.window.push(bytes.get(..count).unwrap_or_default());
                *left = left.saturating_sub(count as u64);
                count
            }
            _ => 0,
        }
    }

    /// Looks a recipient up.
    pub(super) fn look_up(&mut self, look_up: LookUp) {
        // Recipients come before the message, and wait for their answer there.
        debug_assert!(matches!(self.stage, Stage::Envelope(None)), "one look-up at a time");
        if let Stage::Envelope(place) = &mut self.stage {
            *place = Some(look_up);
        }
    }

    /// The look-up that is under way, if it is of this kind, and is none any more.
    pub(super) fn take_look_up(&mut self, accept: impl FnOnce(&LookUp) -> bool) -> Option<LookUp> {
        match &mut self.stage {
            Stage::Envelope(look_up) => look_up.take_if(|look_up| accept(look_up)),
            _ => None,
        }
    }

    /// The look-up that is under way.
    pub(super) fn pending_look_up(&self) -> Option<LookUp> {
        match self.stage {
            Stage::Envelope(look_up) => look_up,
            _ => None,
        }
    }

    /// Recipients on a backend connection, of one fate.
    pub(super) fn recipients_of(&self, id: LinkId, fate: Fate) -> Vec<usize> {
        let all = self.recipients.iter().enumerate();
        let here =
            all.filter(|(_, recipient)| recipient.link == Some(id) && recipient.fate == fate);
        here.map(|(number, _)| number).collect()
    }

    /// These recipients' backend is lost. Those that the client was told of get a reply to the message, the others one to
    /// RCPT.
    pub(super) fn lose(&mut self, open: &[usize], accepted: &[usize], failure: Failure) {
        let refusal = || ours(reply::of_failure(failure));
        let lost = if self.has_content() { ours(reply::LOST) } else { refusal() };
        let told = self.told;
        for &number in open.iter().chain(accepted) {
            let is_promised = number < told && accepted.contains(&number);
            let Some(recipient) = self.recipients.get_mut(number) else { continue };
            if is_promised {
                recipient.fate = Fate::Over;
                recipient.reply = Some(lost.clone());
            } else {
                recipient.refuse(refusal());
            }
        }
    }

    /// The mildest refusal of recipients that were accepted and then lost; none: there are none.
    pub(super) fn refusal_of_lost(&self) -> Option<Box<[u8]>> {
        let lost = self.recipients.iter().filter(|recipient| recipient.fate == Fate::Over);
        mildest(lost.filter_map(|recipient| recipient.reply.as_deref()))
    }

    /// The client was told that there are recipients, and sends or has sent the message.
    pub(super) fn has_content(&self) -> bool {
        !matches!(self.stage, Stage::Envelope(_) | Stage::Asked)
    }

    /// Recipients that some backend accepted and none has lost since.
    pub(super) fn has_accepted(&self) -> bool {
        self.recipients.iter().any(|recipient| recipient.fate == Fate::Accepted)
    }

    /// All recipients that were accepted are lost: the client waits for their replies, and no backend for the message.
    pub(super) fn is_lost(&self) -> bool {
        let is_over = |recipient: &Recipient| recipient.fate == Fate::Over;
        !self.has_accepted() && self.recipients.iter().any(is_over)
    }
}
