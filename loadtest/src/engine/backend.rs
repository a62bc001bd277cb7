//! The fake IMAP backend: accepts every login and does three things fast.
//!
//! `NOOP padding` answers with a line as long as the command, `XDOWN bytes` streams that many bytes before the tagged
//! line, `XUP bytes` swallows that many raw bytes after the command. Commands that arrive together are answered
//! together, as a pipelining proxy expects. It misbehaves never; hostile backends live in the test suites.

use std::os::fd::OwnedFd;

use rustix::event::epoll::EventFlags;

use super::command::{self, Parsed};
use super::payload::Transfer;
use super::{Exchange, Step};
use crate::sockets::{self, Received};

/// One connection to the fake backend.
#[derive(Debug)]
pub(crate) struct BackendSession {
    socket: OwnedFd,
    activity: Activity,
    /// The start of a command whose end has not come.
    residue: Vec<u8>,
    /// A reply the socket did not take at once.
    unsent: Vec<u8>,
    literals_continued: u8,
}

impl BackendSession {
    /// Greets a new connection; `None` if it is gone already.
    pub(crate) fn greet(socket: OwnedFd) -> Option<Self> {
        sockets::send(&socket, GREETING)?;
        Some(Self {
            socket,
            activity: Activity::Commands,
            residue: Vec::new(),
            unsent: Vec::new(),
            literals_continued: 0,
        })
    }

    pub(crate) fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// Goes on after an event, or after a turn that ended early.
    pub(crate) fn advance(&mut self, events: EventFlags, exchange: &mut Exchange) -> Step {
        if !self.unsent.is_empty() {
            exchange.reply.append(&mut self.unsent);
            if self.flush(exchange).is_none() {
                return Step::Close;
            }
        }
        loop {
            let step = match &mut self.activity {
                Activity::Stream { remaining, .. } => {
                    exchange.payload.source(&self.socket, remaining)
                }
                Activity::Discard { remaining, .. } => {
                    exchange.payload.sink(&self.socket, remaining)
                }
                Activity::Commands | Activity::Sasl { .. } => {
                    match self.read_commands(events, exchange) {
                        Reading::Done => return Step::Wait,
                        Reading::Closed => return Step::Close,
                        Reading::Bulk => continue,
                    }
                }
                Activity::Leaving => return Step::Close,
            };
            match step {
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

    fn read_commands(&mut self, events: EventFlags, exchange: &mut Exchange) -> Reading {
        // What was pipelined behind a bulk command comes before new bytes.
        if !self.residue.is_empty() {
            let residue = std::mem::take(&mut self.residue);
            let used = self.answer(&residue, &mut exchange.reply);
            self.residue.extend_from_slice(&residue[used..]);
            if self.flush(exchange).is_none() || matches!(self.activity, Activity::Leaving) {
                return Reading::Closed;
            }
            if self.is_bulk() {
                return Reading::Bulk;
            }
        }
        loop {
            let size = match sockets::receive(&self.socket, &mut exchange.scratch) {
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
                let residue = std::mem::take(&mut self.residue);
                let used = self.answer(&residue, &mut exchange.reply);
                self.residue.extend_from_slice(&residue[used..]);
            }
            if self.flush(exchange).is_none() || matches!(self.activity, Activity::Leaving) {
                return Reading::Closed;
            }
            if self.is_bulk() {
                return Reading::Bulk;
            }
            // A short read emptied the queue, so the next byte raises a new edge; a hang-up does not.
            let more_certain = size == exchange.scratch.len();
            if !more_certain && !events.intersects(HANG_UP) {
                return Reading::Done;
            }
        }
    }

    /// Answers the whole commands at the front of `bytes`; how many bytes they were.
    fn answer(&mut self, bytes: &[u8], reply: &mut Vec<u8>) -> usize {
        let mut used = 0;
        loop {
            match &mut self.activity {
                Activity::Commands => {}
                Activity::Sasl { tag } => {
                    let Some(end) = bytes[used..].iter().position(|byte| *byte == b'\n') else {
                        return used;
                    };
                    used += end + 1;
                    tagged(reply, tag, LOGGED_IN);
                    self.activity = Activity::Commands;
                    continue;
                }
                Activity::Discard { remaining, .. } => {
                    let here =
                        (bytes.len() - used).min(usize::try_from(*remaining).unwrap_or(usize::MAX));
                    *remaining -= here as u64;
                    return used + here;
                }
                Activity::Stream { .. } | Activity::Leaving => return used,
            }
            match command::parse(&bytes[used..]) {
                Parsed::Incomplete { literals } => {
                    if literals > self.literals_continued {
                        self.literals_continued = literals;
                        reply.extend_from_slice(b"+ OK\r\n");
                    }
                    return used;
                }
                Parsed::Command { length, tag, verb, arguments } => {
                    used += length;
                    self.literals_continued = 0;
                    self.execute(length, tag, verb, arguments, reply);
                }
            }
        }
    }

    fn execute(
        &mut self,
        length: usize,
        tag: &[u8],
        verb: &[u8],
        arguments: &[u8],
        reply: &mut Vec<u8>,
    ) {
        if verb.eq_ignore_ascii_case(b"NOOP") {
            let from = reply.len();
            tagged(reply, tag, b"OK NOOP completed");
            pad_to(reply, from, if arguments.is_empty() { 0 } else { length });
        } else if verb.eq_ignore_ascii_case(b"XDOWN") {
            self.activity = Activity::Stream { tag: tag.to_vec(), remaining: number(arguments) };
        } else if verb.eq_ignore_ascii_case(b"XUP") {
            self.activity = Activity::Discard { tag: tag.to_vec(), remaining: number(arguments) };
        } else if verb.eq_ignore_ascii_case(b"LOGIN") {
            tagged(reply, tag, LOGGED_IN);
        } else if verb.eq_ignore_ascii_case(b"AUTHENTICATE") {
            // With an initial response there is a second word.
            if arguments.contains(&b' ') {
                tagged(reply, tag, LOGGED_IN);
            } else {
                reply.extend_from_slice(b"+ \r\n");
                self.activity = Activity::Sasl { tag: tag.to_vec() };
            }
        } else if verb.eq_ignore_ascii_case(b"CAPABILITY") {
            reply.extend_from_slice(b"* CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=PLAIN\r\n");
            tagged(reply, tag, b"OK CAPABILITY completed");
        } else if verb.eq_ignore_ascii_case(b"ID") {
            reply.extend_from_slice(b"* ID NIL\r\n");
            tagged(reply, tag, b"OK ID completed");
        } else if verb.eq_ignore_ascii_case(b"LOGOUT") {
            reply.extend_from_slice(b"* BYE logging out\r\n");
            tagged(reply, tag, b"OK LOGOUT completed");
            self.activity = Activity::Leaving;
        } else {
            tagged(reply, tag, b"BAD unknown command");
        }
    }

    fn finish_bulk(&mut self, exchange: &mut Exchange) {
        match std::mem::replace(&mut self.activity, Activity::Commands) {
            Activity::Stream { tag, .. } => {
                exchange.reply.extend_from_slice(b"\r\n");
                tagged(&mut exchange.reply, &tag, b"OK XDOWN completed");
            }
            Activity::Discard { tag, .. } => tagged(&mut exchange.reply, &tag, b"OK XUP completed"),
            other => self.activity = other,
        }
    }

    /// Sends the collected reply; what does not fit waits for the socket. `None` when the peer is gone.
    fn flush(&mut self, exchange: &mut Exchange) -> Option<()> {
        if exchange.reply.is_empty() {
            return Some(());
        }
        let sent = sockets::send(&self.socket, &exchange.reply);
        if let Some(size) = sent {
            self.unsent.extend_from_slice(&exchange.reply[size..]);
        }
        exchange.reply.clear();
        sent.map(|_| ())
    }

    fn is_bulk(&self) -> bool {
        matches!(self.activity, Activity::Stream { .. } | Activity::Discard { .. })
    }
}

/// What the session does now.
#[derive(Debug)]
enum Activity {
    Commands,
    /// Waits for the client's line of an `AUTHENTICATE` without initial response.
    Sasl {
        tag: Vec<u8>,
    },
    Stream {
        tag: Vec<u8>,
        remaining: u64,
    },
    Discard {
        tag: Vec<u8>,
        remaining: u64,
    },
    Leaving,
}

enum Reading {
    Done,
    Closed,
    Bulk,
}

fn tagged(reply: &mut Vec<u8>, tag: &[u8], text: &[u8]) {
    reply.extend_from_slice(tag);
    reply.push(b' ');
    reply.extend_from_slice(text);
    reply.extend_from_slice(b"\r\n");
}

/// Lengthens the line that starts at `from` to `length` bytes.
fn pad_to(reply: &mut Vec<u8>, from: usize, length: usize) {
    if reply.len() - from < length {
        reply.truncate(reply.len() - 2);
        reply.push(b' ');
        reply.resize(from + length - 2, b'x');
        reply.extend_from_slice(b"\r\n");
    }
}

fn number(arguments: &[u8]) -> u64 {
    std::str::from_utf8(arguments).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

pub(super) const HANG_UP: EventFlags =
    EventFlags::RDHUP.union(EventFlags::HUP).union(EventFlags::ERR);
const GREETING: &[u8] = b"* OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=PLAIN] ready\r\n";
const LOGGED_IN: &[u8] = b"OK [CAPABILITY IMAP4rev1 LITERAL+ ID] Logged in";
