//! What is known of one message on its way: sender, recipients, and how far each of them has come.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::auth::verdict::BackendTls;
use crate::limits::LMTP_REPLY_BYTES_MAX;
use crate::tick::Tick;
use crate::wire::smtp::keywords::{Extension, Keywords};
use crate::wire::smtp::reply::Reply;
use crate::wire::{tab_escaped, xtext};

use super::content::{DotReader, Window};
use super::input::LinkId;
use super::link::Rcpt;

/// Forward variables: name and value.
pub(super) type Forward = Vec<(Box<str>, Box<str>)>;

/// What MAIL said.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    /// What stood between the angle brackets; empty for bounces.
    pub(super) path: Box<str>,
    pub(super) terms: Terms,
}

/// The parameters of MAIL.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    /// SIZE.
    pub(super) size: Option<u64>,
    /// What the message cannot do without.
    pub(super) needs: Vec<Extension>,
    /// RET and ENVID, as they stood.
    pub(super) dsn: Dsn,
}

/// Parameters of DSN as they stood; a keyword once.
#[derive(Clone, Debug, Default)]
pub(super) struct Dsn(pub(super) Vec<(&'static str, Box<str>)>);

impl Dsn {
    /// Sets a parameter; the last one of equal names counts.
    pub(super) fn set(&mut self, name: &'static str, value: &str) {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value.into()));
    }

    fn write(&self, out: &mut Vec<u8>) {
        for (name, value) in &self.0 {
            out.extend(format!(" {name}={value}").as_bytes());
        }
    }
}

impl Sender {
    /// What the message needs and the backend lacks.
    pub(super) fn misses(&self, keywords: &Keywords) -> Option<Extension> {
        self.terms.needs.iter().copied().find(|need| !keywords.extends(*need))
    }

    pub(super) fn is_utf8(&self) -> bool {
        self.terms.needs.contains(&Extension::SmtpUtf8)
    }

    /// Appends MAIL with those parameters that the backend knows; without the others the message is the same.
    pub(super) fn write(&self, keywords: &Keywords, out: &mut Vec<u8>) {
        out.extend(format!("MAIL FROM:<{}>", self.path).as_bytes());
        let Terms { size, needs, dsn } = &self.terms;
        if let Some(size) = size.filter(|_| keywords.has(b"SIZE")) {
            out.extend(format!(" SIZE={size}").as_bytes());
        }
        for need in needs {
            out.extend(match need {
                Extension::EightBitMime => b" BODY=8BITMIME".as_slice(),
                Extension::SmtpUtf8 => b" SMTPUTF8",
                Extension::Dsn => b"",
            });
        }
        if keywords.extends(Extension::Dsn) {
            dsn.write(out);
        }
        out.extend(b"\r\n");
    }
}

impl Rcpt {
    /// Appends RCPT.
    pub(super) fn write(&self, keywords: &Keywords, out: &mut Vec<u8>) {
        out.extend(format!("RCPT TO:<{}>", self.address).as_bytes());
        if keywords.extends(Extension::Dsn) {
            self.dsn.write(out);
            let is_told = self.dsn.0.iter().any(|(name, _)| *name == "ORCPT");
            // RFC 3461 4.2 has no form for anything but ASCII.
            if let Some(original) =
                self.original.as_ref().filter(|original| !is_told && original.is_ascii())
            {
                out.extend(b" ORCPT=rfc822;");
                xtext::encode(original.as_bytes(), out);
            }
        }
        if !self.forward.is_empty() && keywords.has(b"XRCPTFORWARD") {
            let mut joined = Vec::new();
            for (name, value) in &self.forward {
                tab_escaped::append_field(format!("{name}={value}").as_bytes(), &mut joined);
            }
            // Dovecot reads xtext, whatever its manual says of base64 (palomar.md 8.4).
            out.extend(b" XRCPTFORWARD=");
            xtext::encode(&joined, out);
        }
        out.extend(b"\r\n");
    }
}

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
    /// TLS on the way to its backend.
    pub(super) tls: BackendTls,
    /// Facts about the client are not for the backend (`proxy_not_trusted`).
    pub(super) is_secretive: bool,
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
    /// Nobody has said yes or no.
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
            tls: BackendTls::Off,
            is_secretive: false,
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

/// Where a transaction stands.
#[derive(Debug)]
pub(super) enum Stage {
    /// MAIL and RCPT.
    Envelope,
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
    pub(super) fn new(sender: Sender, now: Tick) -> Self {
        Self {
            sender,
            recipients: Vec::new(),
            told: 0,
            overflow: 0,
            stage: Stage::Envelope,
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

    /// The client was told that there are recipients, and sends or has sent the message.
    pub(super) fn has_content(&self) -> bool {
        !matches!(self.stage, Stage::Envelope | Stage::Asked)
    }

    /// Recipients that some backend accepted and none has lost since.
    pub(super) fn has_accepted(&self) -> bool {
        self.recipients.iter().any(|recipient| recipient.fate == Fate::Accepted)
    }

    /// All recipients that were accepted are lost: the client waits for their replies, and nobody for the message.
    pub(super) fn is_lost(&self) -> bool {
        let is_over = |recipient: &Recipient| recipient.fate == Fate::Over;
        !self.has_accepted() && self.recipients.iter().any(is_over)
    }

    /// Whether the client was told of this recipient's acceptance.
    pub(super) fn was_told(&self, number: usize) -> bool {
        number < self.told
    }
}

/// A backend's reply as the client is given it, in one line where it would be too long. `enhanced`: for replies without
/// an enhanced code of their own (W-LMTP-4).
pub(super) fn passed_on(reply: &Reply) -> Box<[u8]> {
    let enhanced = match reply.code {
        ..400 => "2.1.0",
        400..500 => "4.0.0",
        500.. => "5.0.0",
    };
    let mut bytes = Vec::new();
    reply.write(enhanced, &mut bytes);
    if bytes.len() > LMTP_REPLY_BYTES_MAX {
        let own = reply.enhanced().and_then(|code| std::str::from_utf8(code).ok());
        let enhanced = own.unwrap_or(enhanced);
        bytes = format!("{} {enhanced} The backend's words are too many.\r\n", reply.code).into();
    }
    bytes.into()
}

/// A reply of ours.
pub(super) fn ours(words: &str) -> Box<[u8]> {
    let mut line = words.as_bytes().to_vec();
    line.extend(b"\r\n");
    line.into()
}

/// The mildest of several refusals: who may try again is told so (wire.md 11.2).
pub(super) fn mildest<'a>(replies: impl Iterator<Item = &'a [u8]>) -> Option<Box<[u8]>> {
    replies.min_by_key(|reply| reply.first().copied()).map(Into::into)
}
