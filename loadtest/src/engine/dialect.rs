//! What a fake backend answers: one module for each protocol, commands in, replies out.
//!
//! Every login succeeds. `NOOP padding` is answered with a line as long as the command, `XDOWN bytes` with that many
//! bytes before the reply, `XUP bytes` swallows that many raw bytes first. Nothing here ever misbehaves; hostile
//! backends live in the test suites. Pure. Driver: [`super::backend`]. Tests: below and in the protocols' modules.

mod imap;
mod message;
mod pop3;
mod sieve;
mod smtp;

use super::command::{self, Parsed};
use super::payload::{Outgoing, Payload};
use super::protocol::Protocol;

pub(super) use message::MessageEnd;

/// One session's side of the conversation.
#[derive(Debug)]
pub(super) struct Dialect {
    protocol: Protocol,
    /// Whether STARTTLS is known.
    starttls: bool,
    literals_continued: u8,
    /// Accepted since the last MAIL; LMTP answers a message once for each.
    recipients: usize,
}

/// What a session does after a command, beside answering.
#[derive(Debug)]
pub(super) enum Activity {
    Commands,
    /// Waits for one line, the client's half of a SASL exchange.
    Line {
        closing: Vec<u8>,
    },
    Stream {
        outgoing: Outgoing,
        closing: Vec<u8>,
    },
    Discard {
        remaining: u64,
        closing: Vec<u8>,
    },
    /// Takes lines up to the single dot.
    Message {
        end: MessageEnd,
        closing: Vec<u8>,
    },
    /// Begins TLS once the reply is sent.
    Secure,
    Leaving,
}

impl Dialect {
    pub(super) fn new(protocol: Protocol, starttls: bool) -> Self {
        Self { protocol, starttls, literals_continued: 0, recipients: 0 }
    }

    pub(super) fn greet(&self, reply: &mut Vec<u8>) {
        match self.protocol {
            Protocol::Imap => imap::greet(reply),
            Protocol::Pop3 => reply.extend_from_slice(b"+OK ready\r\n"),
            Protocol::Sieve => sieve::capabilities(reply),
            Protocol::Submission => reply.extend_from_slice(b"220 load.test ESMTP ready\r\n"),
            Protocol::Lmtp => reply.extend_from_slice(b"220 load.test LMTP ready\r\n"),
        }
    }

    /// What is said unasked after STARTTLS.
    pub(super) fn greet_securely(&self, reply: &mut Vec<u8>) {
        // RFC 5804, 2.2.
        if self.protocol == Protocol::Sieve {
            sieve::capabilities(reply);
        }
    }

    /// Answers the first command of `bytes`: its length and what follows from it; `None` if it is not complete.
    pub(super) fn take(&mut self, bytes: &[u8], reply: &mut Vec<u8>) -> Option<(usize, Activity)> {
        match self.cut(bytes) {
            Parsed::Incomplete { literals } => {
                if literals > self.literals_continued {
                    self.literals_continued = literals;
                    reply.extend_from_slice(b"+ OK\r\n");
                }
                None
            }
            Parsed::Command { length, whole } => {
                self.literals_continued = 0;
                let command = Command { whole, length, starttls: self.starttls };
                let activity = match self.protocol {
                    Protocol::Imap => imap::answer(command, reply),
                    Protocol::Pop3 => pop3::answer(command, reply),
                    Protocol::Sieve => sieve::answer(command, reply),
                    Protocol::Submission | Protocol::Lmtp => {
                        smtp::answer(self.protocol, &mut self.recipients, command, reply)
                    }
                };
                Some((length, activity))
            }
        }
    }

    fn cut<'a>(&self, bytes: &'a [u8]) -> Parsed<'a> {
        match self.protocol {
            Protocol::Imap | Protocol::Sieve => command::with_literals(bytes),
            Protocol::Pop3 | Protocol::Submission | Protocol::Lmtp => command::line(bytes),
        }
    }
}

/// A command without its line end, and how long it was with it.
#[derive(Clone, Copy)]
struct Command<'a> {
    whole: &'a [u8],
    length: usize,
    starttls: bool,
}

impl<'a> Command<'a> {
    /// The verb in capitals, written into `room`, and what stands behind it. One too long to be known comes out empty.
    fn split(self, room: &mut [u8; VERB_BYTES_MAX]) -> (&[u8], &'a [u8]) {
        let (verb, arguments) = command::split_word(self.whole);
        let capitals = room.get_mut(..verb.len()).unwrap_or_default();
        capitals.copy_from_slice(&verb[..capitals.len()]);
        capitals.make_ascii_uppercase();
        (capitals, arguments)
    }

    /// What our own two commands ask for; the reply to both is the same.
    fn bulk(verb: &[u8], arguments: &[u8], closing: &[u8]) -> Option<Activity> {
        match verb {
            b"XDOWN" => {
                let outgoing = Payload::stream(number(arguments));
                Some(Activity::Stream { outgoing, closing: [b"\r\n", closing].concat() })
            }
            b"XUP" => {
                Some(Activity::Discard { remaining: number(arguments), closing: closing.to_vec() })
            }
            _ => None,
        }
    }
}

/// Lengthens the reply that starts at `from` to `length` bytes.
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

/// No verb that is known has more.
const VERB_BYTES_MAX: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    /// The greeting and the replies to commands that arrive together.
    fn dialogue(protocol: Protocol, commands: &str) -> String {
        let mut dialect = Dialect::new(protocol, false);
        let mut reply = Vec::new();
        dialect.greet(&mut reply);
        let mut bytes = commands.as_bytes();
        while let Some((length, activity)) = dialect.take(bytes, &mut reply) {
            bytes = &bytes[length..];
            if let Activity::Line { closing } | Activity::Message { closing, .. } = activity {
                reply.extend_from_slice(&closing);
            }
        }
        String::from_utf8(reply).unwrap().replace("\r\n", "|")
    }

    #[test]
    fn every_protocol_answers() {
        let imap =
            dialogue(Protocol::Imap, "a LOGIN {1}\r\nb {1+}\r\nc\r\nb AUTHENTICATE PLAIN\r\n");
        assert!(imap.ends_with("Logged in|+ |b OK [CAPABILITY IMAP4rev1 LITERAL+ ID] Logged in|"));
        assert_eq!(
            dialogue(Protocol::Pop3, "user a\r\nPASS b\r\nAUTH PLAIN\r\nXYZ\r\n"),
            "+OK ready|+OK|+OK Logged in|+ |+OK Logged in|-ERR unknown command|"
        );
        let sieve = dialogue(
            Protocol::Sieve,
            "AUTHENTICATE \"PLAIN\" {4+}\r\nAAAA\r\nAUTHENTICATE \"PLAIN\"\r\nLOGOUT\r\n",
        );
        assert!(
            sieve.ends_with("|OK \"ready\"|OK \"Logged in\"|\"\"|OK \"Logged in\"|OK \"bye\"|")
        );
        let submission = dialogue(Protocol::Submission, "EHLO x\r\nAUTH PLAIN AAAA\r\nNOOP\r\n");
        assert!(submission.ends_with("|250 AUTH PLAIN|235 2.7.0 Logged in|250 2.0.0 OK|"));
        assert_eq!(
            dialogue(
                Protocol::Lmtp,
                "MAIL FROM:<>\r\nRCPT TO:<a>\r\nRCPT TO:<b>\r\nDATA\r\nLHLO x\r\n"
            ),
            "220 load.test LMTP ready|250 2.1.0 OK|250 2.1.5 OK|250 2.1.5 OK|354 go on|250 2.0.0 OK|250 2.0.0 OK|\
             250-load.test|250-PIPELINING|250-ENHANCEDSTATUSCODES|250 8BITMIME|"
        );
    }

    #[test]
    fn a_ping_is_answered_with_as_many_bytes() {
        for protocol in
            [Protocol::Imap, Protocol::Pop3, Protocol::Sieve, Protocol::Submission, Protocol::Lmtp]
        {
            let (mut dialect, mut reply) = (Dialect::new(protocol, false), Vec::new());
            let ping = protocol.ping();
            assert!(dialect.take(ping, &mut reply).is_some());
            assert_eq!(reply.len(), ping.len(), "{protocol:?}");
        }
    }
}
