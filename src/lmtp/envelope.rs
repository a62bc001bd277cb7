//! What MAIL and RCPT say, as a backend is told it (RFC 5321 2.3.1).
//!
//! Decides: which parameters a backend is told, given what it knows. Does not: know where the backend stands; `link` does.
//! Tests: `tests/transcripts/lmtp`.

use std::collections::VecDeque;

use crate::wire::smtp::keywords::{Extension, Keywords};
use crate::wire::{tab_escaped, xtext};

/// What a transaction wants of a backend. All of it goes when the transaction does, so that none of it can meet the next.
#[derive(Debug)]
pub(super) struct Envelope {
    pub(super) sender: Sender,
    /// Recipients that wait for the connection, or for their turn.
    pub(super) waiting: VecDeque<Rcpt>,
    /// Recipients that the backend accepted, in its order.
    pub(super) accepted: Vec<usize>,
    /// Whether the backend has said yes to every recipient's message so far.
    pub(super) outcome: Outcome,
}

/// What the backend has said of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Good,
    /// Some recipient does not have it.
    Mixed,
}

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

impl Envelope {
    /// One that begins.
    pub(super) fn new(sender: &Sender) -> Self {
        Self {
            sender: sender.clone(),
            waiting: VecDeque::new(),
            accepted: Vec::new(),
            outcome: Outcome::Good,
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

/// A recipient as the backend gets it.
#[derive(Debug)]
pub(super) struct Rcpt {
    /// Its number in the transaction.
    pub(super) number: usize,
    pub(super) address: Box<str>,
    /// The address as the client wrote it, when it is another.
    pub(super) original: Option<Box<str>>,
    pub(super) forward: Forward,
    pub(super) dsn: Dsn,
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
            // Dovecot reads xtext, whatever its manual says of base64 (W-LMTP-6).
            out.extend(b" XRCPTFORWARD=");
            xtext::encode(&joined, out);
        }
        out.extend(b"\r\n");
    }
}
