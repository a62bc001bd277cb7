//! The POP3 dialogue with a client before login (W-POP-1).
//!
//! Decides: what each command before login does, one command at a time (W-PIPE-4). Does not: verify, delay, or read a
//! byte behind a login command: that stays in the inbox as residue until the login is answered (PO-09). Driver:
//! `session`, through [`super::Dialogue`]. Tests: `tests`, `tests/pure/dialogues.rs`, `tests/pure/login_properties.rs`.

mod command;
mod login;
mod reply;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::facts::ClientFacts;
use crate::fault::Failure;
use crate::limits::{
    COMMAND_TIMEOUT, POP3_BAD_COMMANDS_MAX, POP3_LONG_LINE_BYTES_MAX, PRE_LOGIN_OUTPUT_BYTES_MAX,
};
use crate::wire::inbox::Inbox;
use crate::wire::line::{Lines, Scan};
use crate::wire::login_ok::LoginOk;

use super::capability::{Permission, Rules};
use super::refusal::{LINE_TOO_LONG, STARTTLS_PIPELINED};
use super::sasl::{Ending, Exchange, Mechanism, Refused, Turn};
use super::{ByeReason, CloseReason, Count, Notes, Step, foreign, forwarded};

use command::{Command, Name};
pub(super) use reply::bye as write_bye;

/// The client side of one POP3 connection, from greeting to login.
#[derive(Debug, Default)]
pub struct Pop3 {
    state: State,
    lines: Lines,
    /// From USER, for the next PASS and no other.
    user: Option<Box<[u8]>>,
    /// What the greeting has for APOP; none: it is not offered.
    timestamp: Option<Box<[u8]>>,
    notes: Notes,
}

#[derive(Debug, Default)]
enum State {
    /// Between commands, or inside one.
    #[default]
    Command,
    /// Inside AUTH: the next line is a response.
    Sasl(Exchange),
    /// A login waits for its answer.
    Verdict(Ending),
    /// Logged in: not one byte more is ours (W-REL-2).
    Relayed,
    Closed(CloseReason),
}

const _: () = assert!(size_of::<Pop3>() <= 192);

impl Pop3 {
    /// A dialogue that has said nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the greeting.
    pub fn greet(&mut self, rules: &Rules, facts: &ClientFacts, out: &mut Vec<u8>) {
        if rules.permission(Mechanism::Apop) == Permission::Granted {
            let timestamp = Turn::of(facts, self.notes).timestamp(rules);
            self.timestamp = Some(timestamp.into_bytes().into());
        }
        reply::greeting(rules, facts.trusted, self.timestamp.as_deref(), out);
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
                State::Command => self.read_command(rules, facts, inbox, out),
                State::Sasl(_) => self.read_response(inbox, out),
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
        self.count_failed_login().unwrap_or(Step::More)
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

    /// See [`super::Dialogue::secured`]. Nothing is said; a name told in clear is forgotten (W-STLS-3).
    pub fn secured(&mut self) {
        self.user = None;
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
            State::Command if self.user.is_some() => "user",
            State::Command => "command",
            State::Sasl(_) => "authenticate",
            State::Verdict(_) => "verdict",
            State::Relayed => "logged_in",
            State::Closed(_) => "closed",
        }
    }

    /// See [`super::Dialogue::awaits_command`].
    #[must_use]
    pub const fn awaits_command(&self) -> bool {
        matches!(self.state, State::Command)
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

    // === One command ===

    /// Reads the next line. `None`: go on reading.
    fn read_command(
        &mut self,
        rules: &Rules,
        facts: &mut ClientFacts,
        inbox: &mut Inbox,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        let bytes = inbox.bytes();
        if foreign::is_tls(bytes) {
            return Some(self.close(CloseReason::OtherProtocol));
        }
        let (text, whole) = match self.lines.next(bytes, POP3_LONG_LINE_BYTES_MAX) {
            Scan::More => return Some(Step::More),
            Scan::TooLong => return Some(self.line_too_long(out)),
            Scan::Line { text, whole } => (text, whole),
        };
        let line = bytes.get(..text).unwrap_or_default();
        let step = self.run(rules, facts, line, out);
        inbox.consume(whole);
        match step {
            Some(Step::StartTls) => Some(self.start_tls(inbox, out)),
            other => other,
        }
    }

    /// Does what a complete line asks.
    fn run(
        &mut self,
        rules: &Rules,
        facts: &mut ClientFacts,
        line: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        if foreign::is_http(line) {
            return Some(self.close(CloseReason::OtherProtocol));
        }
        let command = Command::parse(line);
        if line.len() > command.name.line_bytes_max() {
            return self.bad("Line too long.", out);
        }
        if command.is_flawed(line) {
            return self.bad("Bare CR or NUL in a command.", out);
        }
        let argument = command.argument.unwrap_or_default();
        match command.name {
            Name::Apop => self.apop(argument, out),
            Name::User => self.user(rules, argument, out),
            Name::Pass => self.pass(rules, argument, out),
            Name::Auth if command.is_bare() => {
                reply::mechanisms(rules, out);
                None
            }
            Name::Auth => self.auth(rules, facts, argument, out),
            Name::Xclient => self.told(facts, |facts| forwarded::xclient(argument, facts), out),
            Name::Xoip => self.told(facts, |facts| forwarded::client_ip(argument, facts), out),
            // Words behind these are read past, as by Dovecot.
            Name::Capa => {
                reply::capabilities(rules, out);
                None
            }
            Name::Noop => {
                reply::ok("NOOP completed.", out);
                None
            }
            Name::Quit => {
                reply::ok("Logging out", out);
                Some(self.close(CloseReason::Logout))
            }
            Name::Stls if rules.starttls => Some(Step::StartTls),
            // W-STLS-6, W-STLS-5: never without TLS configured, never inside TLS.
            Name::Stls => self.bad("TLS support isn't enabled.", out),
            Name::Unknown => self.bad("Unknown command.", out),
        }
    }

    /// W-STLS-1: the go-ahead is given only when nothing came behind the command.
    fn start_tls(&mut self, inbox: &Inbox, out: &mut Vec<u8>) -> Step {
        if inbox.is_empty() {
            reply::ok("Begin TLS negotiation now.", out);
            return Step::StartTls;
        }
        reply::err(STARTTLS_PIPELINED, out);
        self.close(CloseReason::StarttlsPipelined)
    }

    /// A peer that says who its client is.
    fn told(
        &mut self,
        facts: &mut ClientFacts,
        believe: impl FnOnce(&mut ClientFacts) -> Option<()>,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        if !facts.trusted {
            self.notes.forged(1);
            reply::err("You are not from trusted IP", out);
        } else if believe(facts).is_none() {
            return self.bad("Invalid parameters.", out);
        } else {
            reply::ok("Updated", out);
        }
        None
    }

    // === Endings ===

    /// Answers a bad command, or ends the connection at the third (PO-05).
    fn bad(&mut self, words: &str, out: &mut Vec<u8>) -> Option<Step> {
        if self.notes.count_bad_command(POP3_BAD_COMMANDS_MAX) == Count::Within {
            reply::err(words, out);
            return None;
        }
        reply::err("Too many invalid POP3 commands.", out);
        Some(self.close(CloseReason::BadCommands))
    }

    /// Counts a login that failed. The reply to it has been written; a second one would be taken for the next
    /// command's, because the protocol has no farewell.
    fn count_failed_login(&mut self) -> Option<Step> {
        (self.notes.count_failed_login() == Count::Last)
            .then(|| self.close(CloseReason::FailedLogins))
    }

    fn line_too_long(&mut self, out: &mut Vec<u8>) -> Step {
        reply::err(LINE_TOO_LONG, out);
        self.close(CloseReason::LineTooLong)
    }

    fn close(&mut self, reason: CloseReason) -> Step {
        self.state = State::Closed(reason);
        Step::Close(reason)
    }
}
