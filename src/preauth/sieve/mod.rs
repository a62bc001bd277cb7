//! The ManageSieve dialogue with a client before login (W-SV-1).
//!
//! Decides: what each command before login does, one command at a time (W-PIPE-4). Does not: verify, delay, or read a
//! byte behind a login command: that stays in the inbox as residue until the login is answered. Driver: `session`,
//! through [`super::Dialogue`]. Tests: `tests`, `tests/pure/dialogues.rs`, `tests/pure/login_properties.rs`.
//!
//! Framing comes before grammar, as in IMAP. A client's literals never wait for consent, so a refused command's literal
//! is always read past.

mod command;
mod login;
mod reply;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::facts::ClientFacts;
use crate::fault::Failure;
use crate::limits::{
    COMMAND_TIMEOUT, PRE_LOGIN_OUTPUT_BYTES_MAX, SASL_LINE_BYTES_MAX, SIEVE_BAD_COMMANDS_MAX,
    SIEVE_LINE_BYTES_MAX, SIEVE_LITERAL_DISCARD_BYTES_MAX, XCLIENT_LINE_BYTES_MAX,
};
use crate::wire::cursor::Cursor;
use crate::wire::frame::{Frame, Framer};
use crate::wire::inbox::Inbox;
use crate::wire::literal::Announcement;
use crate::wire::login_ok::LoginOk;
use crate::wire::sieve::QUOTED_BYTES_MAX;
use crate::wire::skip::{Consent, Skip, Skipped};

use super::capability::Rules;
use super::refusal::{LINE_TOO_LONG, STARTTLS_PIPELINED, TOO_MANY_FAILED_LOGINS};
use super::sasl::{Ending, Exchange, Refused};
use super::{ByeReason, CloseReason, Count, Notes, Step, foreign, forwarded};

use command::{Name, is_bare};
pub(super) use reply::bye as write_bye;

/// The client side of one ManageSieve connection, from greeting to login.
#[derive(Debug, Default)]
pub struct Sieve {
    state: State,
    framer: Framer,
    /// The peer may say who its client is; the capability list tells it so.
    trusted: bool,
    notes: Notes,
}

#[derive(Debug, Default)]
enum State {
    /// Between commands, or inside one.
    #[default]
    Command,
    /// Reading past a literal that we did not ask for.
    Skip(Skip),
    /// Inside AUTHENTICATE: the next string is a response.
    Sasl(Exchange),
    /// A login waits for its answer.
    Verdict(Ending),
    /// Logged in: not one byte more is ours (W-REL-2).
    Relayed,
    Closed(CloseReason),
}

const _: () = assert!(size_of::<Sieve>() <= 192);

impl Sieve {
    /// A dialogue that has said nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the greeting, in one piece, because naive clients read once.
    pub fn greet(&mut self, rules: &Rules, facts: &ClientFacts, out: &mut Vec<u8>) {
        self.trusted = facts.trusted;
        reply::capabilities(rules, self.trusted, &rules.greeting, out);
    }

    /// See [`super::Dialogue::read`].
    pub fn read(
        &mut self,
        rules: &Rules,
        facts: &mut ClientFacts,
        inbox: &mut Inbox,
        out: &mut Vec<u8>,
    ) -> Step {
        loop {
            if out.len() >= PRE_LOGIN_OUTPUT_BYTES_MAX {
                return Step::More;
            }
            let step = match &self.state {
                State::Command | State::Sasl(_) => self.read_frame(rules, facts, inbox, out),
                State::Skip(_) => self.read_past(inbox, out),
                State::Verdict(_) | State::Relayed => Some(Step::More),
                State::Closed(reason) => Some(Step::Close(*reason)),
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    /// See [`super::Dialogue::refuse`].
    pub fn refuse(&mut self, failure: Failure, text: Option<&[u8]>, out: &mut Vec<u8>) -> Step {
        let State::Verdict(ending) = &mut self.state else {
            return Step::More;
        };
        if let Some(error) = ending.challenge(failure) {
            reply::challenge(&error, out);
            let refused = Box::new(Refused { failure, text: text.map(Into::into) });
            self.state = State::Sasl(Exchange::Refused(refused));
            return Step::More;
        }
        reply::refusal(failure, text, out);
        self.state = State::Command;
        self.count_failed_login(out).unwrap_or(Step::More)
    }

    /// See [`super::Dialogue::challenge`].
    pub fn challenge(&mut self, message: &[u8], out: &mut Vec<u8>) {
        if matches!(self.state, State::Verdict(_)) {
            reply::challenge(message, out);
            self.state = State::Sasl(Exchange::Led);
        }
    }

    /// See [`super::Dialogue::awaits_answer`].
    #[must_use]
    pub const fn awaits_answer(&self) -> bool {
        matches!(self.state, State::Sasl(Exchange::Led))
    }

    /// See [`super::Dialogue::accept`].
    pub fn accept(&mut self, ok: &LoginOk, out: &mut Vec<u8>) {
        if matches!(self.state, State::Verdict(_)) {
            reply::success(ok, out);
            self.state = State::Relayed;
        }
    }

    /// See [`super::Dialogue::secured`]. The capabilities are said again, unasked (RFC 5804 2.2).
    pub fn secured(&mut self, rules: &Rules, out: &mut Vec<u8>) {
        reply::capabilities(rules, self.trusted, "TLS negotiation successful.", out);
    }

    /// See [`super::Dialogue::bye`].
    pub fn bye(&mut self, reason: ByeReason, out: &mut Vec<u8>) {
        if !matches!(self.state, State::Closed(_) | State::Relayed) {
            reply::bye(reason, out);
            self.state = State::Closed(CloseReason::Dismissed);
        }
    }

    /// See [`super::Dialogue::stage`].
    #[must_use]
    pub const fn stage(&self) -> &'static str {
        match self.state {
            State::Command if self.framer.is_at_start() => "command",
            State::Command => "literal",
            State::Skip(_) => "skipping",
            State::Sasl(_) => "authenticate",
            State::Verdict(_) => "verdict",
            State::Relayed => "logged_in",
            State::Closed(_) => "closed",
        }
    }

    /// See [`super::Dialogue::awaits_command`].
    #[must_use]
    pub const fn awaits_command(&self) -> bool {
        matches!(self.state, State::Command) && self.framer.is_at_start()
    }

    /// See [`super::Dialogue::command_timeout`].
    #[must_use]
    pub const fn command_timeout(&self) -> Duration {
        match &self.state {
            State::Sasl(exchange) => exchange.timeout(),
            _ => COMMAND_TIMEOUT,
        }
    }

    /// See [`super::Dialogue::notes`].
    #[must_use]
    pub const fn notes(&self) -> Notes {
        self.notes
    }

    // === One command, or one response ===

    /// Frames the next command or response. `None`: go on reading.
    fn read_frame(
        &mut self,
        rules: &Rules,
        facts: &mut ClientFacts,
        inbox: &mut Inbox,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        let bytes = inbox.bytes();
        let is_response = matches!(self.state, State::Sasl(_));
        if !is_response && self.framer.is_at_start() && foreign::is_tls(bytes) {
            return Some(self.close(CloseReason::OtherProtocol));
        }
        match self.framer.next(bytes, SIEVE_LINE_BYTES_MAX) {
            Frame::More => Some(Step::More),
            Frame::TooLong => Some(self.line_too_long(out)),
            Frame::Literal { announcement, .. } if is_response => {
                self.meet_literal_response(announcement, inbox, out)
            }
            Frame::Literal { announcement, head } => {
                self.meet_literal(announcement, head, inbox, out)
            }
            Frame::Command { text, whole, flawed } => {
                self.framer = Framer::default();
                let line = bytes.get(..text).unwrap_or_default();
                let step = if is_response {
                    self.take_response(line, out)
                } else {
                    self.run(rules, facts, line, flawed, out)
                };
                inbox.consume(whole);
                match step {
                    Some(Step::StartTls) => Some(self.start_tls(inbox, out)),
                    other => other,
                }
            }
        }
    }

    /// Does what a complete command asks.
    fn run(
        &mut self,
        rules: &Rules,
        facts: &mut ClientFacts,
        line: &[u8],
        flawed: bool,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        if foreign::is_http(line) {
            return Some(self.close(CloseReason::OtherProtocol));
        }
        let mut cursor = Cursor::new(line);
        match Name::take(&mut cursor) {
            // A mechanism or base64 holds neither, and what follows them is not looked at.
            name if flawed && name != Name::Authenticate => {
                self.bad("Bare CR or NUL in a command.", out)
            }
            Name::Authenticate => self.authenticate(rules, facts, &mut cursor, out),
            Name::Noop => match command::noop(&mut cursor) {
                Some(tag) => {
                    reply::noop(tag.as_deref(), out);
                    None
                }
                None => self.bad("Invalid arguments.", out),
            },
            Name::Xclient => self.xclient(facts, cursor.rest(), out),
            Name::Capability if is_bare(cursor) => {
                reply::capabilities(rules, self.trusted, "Capability completed.", out);
                None
            }
            Name::Logout if is_bare(cursor) => {
                reply::ok("Logout completed.", out);
                Some(self.close(CloseReason::Logout))
            }
            Name::Starttls if rules.starttls && is_bare(cursor) => Some(Step::StartTls),
            // W-STLS-6, W-STLS-5: never without TLS configured, never inside TLS.
            Name::Starttls if !rules.starttls => self.bad("TLS support isn't enabled.", out),
            Name::Capability | Name::Logout | Name::Starttls => self.bad("Invalid arguments.", out),
            Name::Later => self.bad(LOG_IN_FIRST, out),
            Name::Unknown => self.bad("Unknown command.", out),
        }
    }

    /// W-STLS-1: the go-ahead is given only when nothing came behind the command.
    fn start_tls(&mut self, inbox: &Inbox, out: &mut Vec<u8>) -> Step {
        if inbox.is_empty() {
            reply::ok("Begin TLS negotiation now.", out);
            return Step::StartTls;
        }
        reply::bye_with(STARTTLS_PIPELINED, out);
        self.close(CloseReason::StarttlsPipelined)
    }

    fn xclient(
        &mut self,
        facts: &mut ClientFacts,
        arguments: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        if !facts.trusted {
            self.notes.forged(1);
            reply::no("You are not from trusted IP", out);
        } else if arguments.len() > XCLIENT_LINE_BYTES_MAX - "XCLIENT\r\n".len() {
            return self.bad("Line too long.", out);
        } else if forwarded::xclient(arguments, facts).is_none() {
            return self.bad("Invalid parameters.", out);
        } else {
            reply::ok("Updated", out);
        }
        None
    }

    // === Literals ===

    /// Takes a literal or refuses its command, knowing the command only as far as the announcement.
    ///
    /// `{n}` is as good as `{n+}`: nothing here ever consents, and clients that write it go on at once, as they may
    /// with Dovecot. Reading it as IMAP's would make commands of their literals.
    fn meet_literal(
        &mut self,
        announcement: Announcement,
        head: usize,
        inbox: &mut Inbox,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        let line = inbox.bytes().get(..head).unwrap_or_default();
        let name = Name::take(&mut Cursor::new(line));
        let limit = match name {
            Name::Authenticate => SASL_LINE_BYTES_MAX,
            // Its tag is sent back.
            Name::Noop => QUOTED_BYTES_MAX,
            Name::Capability
            | Name::Logout
            | Name::Starttls
            | Name::Xclient
            | Name::Later
            | Name::Unknown => 0,
        };
        let size = usize::try_from(announcement.bytes).unwrap_or(usize::MAX);
        let fits = self.framer.literal_bytes().saturating_add(size) <= limit;
        if fits && limit > 0 && announcement.well_placed {
            self.framer.expect(size);
            return None;
        }
        self.framer = Framer::default();
        inbox.consume(head);
        let step = match name {
            Name::Later => self.bad(LOG_IN_FIRST, out),
            Name::Unknown => self.bad("Unknown command.", out),
            _ if !fits && limit > 0 => self.bad("Literal too large.", out),
            _ => self.bad("Invalid arguments.", out),
        };
        if step.is_some() {
            return step;
        }
        match Skip::new(announcement, SIEVE_LITERAL_DISCARD_BYTES_MAX) {
            Some(skip) => {
                self.state = State::Skip(skip);
                None
            }
            None => Some(self.literal_too_large(out)),
        }
    }

    /// Reads past a literal and the rest of its command. `None`: go on reading.
    fn read_past(&mut self, inbox: &mut Inbox, out: &mut Vec<u8>) -> Option<Step> {
        let State::Skip(skip) = &mut self.state else {
            return None;
        };
        match skip.read(inbox, SIEVE_LINE_BYTES_MAX, Consent::Unknown) {
            Skipped::More => Some(Step::More),
            Skipped::LineTooLong => Some(self.line_too_long(out)),
            Skipped::LiteralTooLarge => Some(self.literal_too_large(out)),
            Skipped::Done => {
                self.state = State::Command;
                None
            }
        }
    }

    // === Endings ===

    /// Answers a bad command, or ends the connection at the third.
    fn bad(&mut self, words: &str, out: &mut Vec<u8>) -> Option<Step> {
        if self.notes.count_bad_command(SIEVE_BAD_COMMANDS_MAX) == Count::Within {
            reply::no(words, out);
            return None;
        }
        reply::bye_with("Too many invalid MANAGESIEVE commands.", out);
        Some(self.close(CloseReason::BadCommands))
    }

    /// Counts a login that failed; the reply to it has been written.
    fn count_failed_login(&mut self, out: &mut Vec<u8>) -> Option<Step> {
        if self.notes.count_failed_login() == Count::Within {
            return None;
        }
        reply::bye_with(TOO_MANY_FAILED_LOGINS, out);
        Some(self.close(CloseReason::FailedLogins))
    }

    fn line_too_long(&mut self, out: &mut Vec<u8>) -> Step {
        reply::bye_with(LINE_TOO_LONG, out);
        self.close(CloseReason::LineTooLong)
    }

    fn literal_too_large(&mut self, out: &mut Vec<u8>) -> Step {
        reply::bye_with("Literal too large.", out);
        self.close(CloseReason::LiteralTooLarge)
    }

    fn close(&mut self, reason: CloseReason) -> Step {
        self.state = State::Closed(reason);
        Step::Close(reason)
    }
}

const LOG_IN_FIRST: &str = "Authenticate first.";
