//! One connection to a fake backend: reads commands, lets the protocol's dialect answer them, moves bulk bytes.
//!
//! Commands that arrive together are answered together, as a pipelining proxy expects.

use std::os::fd::OwnedFd;

use rustix::event::epoll::EventFlags;

use super::channel::Channel;
use super::command::{self, Parsed};
use super::dialect::{Activity, Dialect};
use super::payload::Transfer;
use super::protocol::Protocol;
use super::tls::{TlsBackends, TlsMode};
use super::{Exchange, Step};
use crate::sockets::Received;

/// One connection to the fake backend.
#[derive(Debug)]
pub(crate) struct BackendSession {
    channel: Channel,
    dialect: Dialect,
    activity: Activity,
    /// The start of a command whose end has not come.
    residue: Vec<u8>,
    tls: Option<TlsBackends>,
}

impl BackendSession {
    /// Greets a new connection; `None` if it is gone already.
    pub(super) fn greet(
        socket: OwnedFd,
        protocol: Protocol,
        tls: Option<TlsBackends>,
        exchange: &mut Exchange,
    ) -> Option<Self> {
        let mode = tls.as_ref().map(|tls| tls.mode);
        let mut session = Self {
            channel: Channel::new(socket),
            dialect: Dialect::new(protocol, mode == Some(TlsMode::Starttls)),
            activity: Activity::Commands,
            residue: Vec::new(),
            tls,
        };
        if mode == Some(TlsMode::Implicit) {
            session.secure()?;
        }
        session.dialect.greet(&mut exchange.reply);
        session.flush(exchange)?;
        Some(session)
    }

    /// Goes on after an event, or after a turn that ended early.
    pub(super) fn advance(&mut self, events: EventFlags, exchange: &mut Exchange) -> Step {
        if self.channel.flush() == Transfer::Broken {
            return Step::Close;
        }
        loop {
            let transfer = match &mut self.activity {
                Activity::Stream { outgoing, .. } => {
                    self.channel.source(&mut exchange.payload, outgoing)
                }
                Activity::Discard { remaining, .. } if !self.channel.is_secure() => {
                    self.channel.sink(&mut exchange.payload, remaining)
                }
                Activity::Leaving => return Step::Close,
                _ => match self.read(events, exchange) {
                    Reading::Done => return Step::Wait,
                    Reading::Again => return Step::Again,
                    Reading::Closed => return Step::Close,
                    Reading::Bulk => continue,
                },
            };
            match transfer {
                Transfer::Done => self.finish_bulk(exchange),
                Transfer::Blocked => return Step::Wait,
                Transfer::More => return Step::Again,
                Transfer::Broken => return Step::Close,
            }
            if self.flush(exchange).is_none() {
                return Step::Close;
            }
        }
    }

    pub(super) fn socket(&self) -> &OwnedFd {
        self.channel.socket()
    }

    fn read(&mut self, events: EventFlags, exchange: &mut Exchange) -> Reading {
        // What was pipelined behind a bulk command comes before new bytes.
        if !self.residue.is_empty() {
            self.answer_residue(exchange);
            if let Some(reading) = self.after_answer(exchange) {
                return reading;
            }
        }
        for _ in 0..READS_PER_TURN {
            let size = match self.channel.receive(&mut exchange.scratch, &mut exchange.wire) {
                Received::Bytes(size) => size,
                Received::Empty => return Reading::Done,
                Received::Closed => return Reading::Closed,
            };
            if self.residue.is_empty() {
                let bytes = &exchange.scratch[..size];
                let used = self.answer(bytes, &mut exchange.reply);
                self.residue.extend_from_slice(&bytes[used..]);
            } else {
                self.residue.extend_from_slice(&exchange.scratch[..size]);
                self.answer_residue(exchange);
            }
            if let Some(reading) = self.after_answer(exchange) {
                return reading;
            }
            let may_have_more = self.channel.may_have_more(size, exchange.scratch.len());
            if !may_have_more && !events.intersects(HANG_UP) {
                return Reading::Done;
            }
        }
        Reading::Again
    }

    fn answer_residue(&mut self, exchange: &mut Exchange) {
        let residue = std::mem::take(&mut self.residue);
        let used = self.answer(&residue, &mut exchange.reply);
        self.residue.extend_from_slice(&residue[used..]);
    }

    /// Sends the replies; what ends the reading, if anything does.
    fn after_answer(&mut self, exchange: &mut Exchange) -> Option<Reading> {
        if self.flush(exchange).is_none() {
            return Some(Reading::Closed);
        }
        match self.activity {
            Activity::Leaving => Some(Reading::Closed),
            Activity::Secure => {
                let greeted = self.begin_tls(exchange);
                greeted.is_none().then_some(Reading::Closed)
            }
            Activity::Stream { .. } => Some(Reading::Bulk),
            Activity::Discard { .. } if !self.channel.is_secure() => Some(Reading::Bulk),
            _ => None,
        }
    }

    /// Answers what is whole at the front of `bytes`; how many bytes that were.
    fn answer(&mut self, bytes: &[u8], reply: &mut Vec<u8>) -> usize {
        let mut used = 0;
        loop {
            let rest = &bytes[used..];
            let closing = match &mut self.activity {
                Activity::Commands => match self.dialect.take(rest, reply) {
                    Some((length, activity)) => {
                        used += length;
                        self.activity = activity;
                        continue;
                    }
                    None => return used,
                },
                Activity::Line { closing } => match command::with_literals(rest) {
                    Parsed::Command { length, .. } => {
                        used += length;
                        closing
                    }
                    Parsed::Incomplete { .. } => return used,
                },
                Activity::Discard { remaining, closing } => {
                    let here = rest.len().min(usize::try_from(*remaining).unwrap_or(usize::MAX));
                    *remaining -= here as u64;
                    used += here;
                    if *remaining > 0 {
                        return used;
                    }
                    closing
                }
                Activity::Message { end, closing } => match end.find(rest) {
                    Some(length) => {
                        used += length;
                        closing
                    }
                    None => return bytes.len(),
                },
                Activity::Stream { .. } | Activity::Secure | Activity::Leaving => return used,
            };
            reply.append(closing);
            self.activity = Activity::Commands;
        }
    }

    /// The reply to STARTTLS is sent.
    fn begin_tls(&mut self, exchange: &mut Exchange) -> Option<()> {
        self.activity = Activity::Commands;
        // Commands behind STARTTLS would be taken for encrypted ones (RFC 3207, 4.2).
        if !self.residue.is_empty() {
            return None;
        }
        self.secure()?;
        self.dialect.greet_securely(&mut exchange.reply);
        self.flush(exchange)
    }

    fn secure(&mut self) -> Option<()> {
        let connection = self.tls.as_ref()?.connection().ok()?;
        self.channel.secure(connection)
    }

    fn finish_bulk(&mut self, exchange: &mut Exchange) {
        if let Activity::Stream { closing, .. } | Activity::Discard { closing, .. } =
            &mut self.activity
        {
            exchange.reply.append(closing);
            self.activity = Activity::Commands;
        }
    }

    /// Sends the collected reply. `None` when the peer is gone.
    fn flush(&mut self, exchange: &mut Exchange) -> Option<()> {
        if exchange.reply.is_empty() {
            return Some(());
        }
        let sent = self.channel.send(&exchange.reply);
        exchange.reply.clear();
        sent
    }
}

enum Reading {
    Done,
    Again,
    Closed,
    Bulk,
}

pub(super) const HANG_UP: EventFlags =
    EventFlags::RDHUP.union(EventFlags::HUP).union(EventFlags::ERR);
/// One turn takes at most 1 MiB of messages, so interactive sessions of the same engine keep their pace.
const READS_PER_TURN: u32 = 16;
