//! The Submission dialogue with a client before login (W-SUB-9, RFC 6409, RFC 4954).
//!
//! Decides: what each command before login does, one command at a time (W-PIPE-4). Does not: verify, delay, take mail,
//! or read a byte behind an AUTH that is under way: that stays in the inbox, for the backend if the login succeeds, to
//! be refused here if it fails (W-SUB-3). Driver: `session`, through [`super::Dialogue`]. Tests: `tests`,
//! `tests/pure/dialogues.rs`, `tests/pure/submission_properties.rs`.
//!
//! Clients do not say EHLO again behind AUTH, so what we list has to be true of the backends
//! ([`super::capability::Rules::submission_keywords`]).

mod login;
mod reply;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::facts::{ClientFacts, Transport};
use crate::fault::Failure;
use crate::limits::{
    COMMAND_TIMEOUT, PRE_LOGIN_OUTPUT_BYTES_MAX, SASL_LINE_BYTES_MAX, SMTP_BAD_COMMANDS_MAX,
    SMTP_CHUNK_DISCARD_BYTES_MAX, SMTP_LINE_BYTES_MAX, SMTP_PARAMETERS_LINE_BYTES_MAX,
};
use crate::wire::inbox::Inbox;
use crate::wire::login_ok::LoginOk;
use crate::wire::smtp::command::{self, Command, Verb};
use crate::wire::smtp::line::{Found, Lines};
use crate::wire::smtp::reply::write_line;

use super::capability::Rules;
use super::sasl::{Ending, Exchange, Refused};
use super::{ByeReason, CloseReason, Count, Notes, Step, foreign, forwarded};

use reply::Codes;
pub(super) use reply::bye as write_bye;

/// The client side of one Submission connection, from banner to login.
#[derive(Debug, Default)]
pub struct Submission {
    state: State,
    lines: Lines,
    /// It said EHLO or HELO.
    is_greeted: bool,
    /// What its last EHLO was told.
    codes: Codes,
    /// TLS began by STARTTLS.
    is_secured: bool,
    /// What the client calls itself.
    helo: Option<Box<str>>,
    /// A trusted peer told that name; its own does not replace it.
    helo_is_told: bool,
    notes: Notes,
}

#[derive(Debug, Default)]
enum State {
    /// Between commands, or inside one.
    #[default]
    Command,
    /// Reading past a chunk that we did not ask for; so many bytes are to come.
    Chunk(usize),
    /// Inside AUTH: the next line is a response.
    Sasl(Exchange),
    /// A login waits for its answer.
    Verdict(Ending),
    /// Logged in: not one byte more is ours (W-REL-2).
    Relayed,
    Closed(CloseReason),
}

const _: () = assert!(size_of::<Submission>() <= 192);

impl Submission {
    /// A dialogue that has said nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the banner.
    pub fn greet(&mut self, rules: &Rules, _facts: &ClientFacts, out: &mut Vec<u8>) {
        reply::banner(rules, out);
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
            let step = match &mut self.state {
                State::Command => self.read_command(rules, facts, inbox, out),
                State::Chunk(_) => self.read_past(inbox, out),
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
        reply::refusal(failure, text, self.codes, out);
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
            reply::success(ok, self.codes, out);
            self.state = State::Relayed;
        }
    }

    /// See [`super::Dialogue::secured`]. What a trusted peer told stays (W-STLS-4), and so do the counters.
    pub fn secured(&mut self, _rules: &Rules, _out: &mut Vec<u8>) {
        self.is_greeted = false;
        self.is_secured = true;
        if !self.helo_is_told {
            self.helo = None;
        }
    }

    /// See [`super::Dialogue::bye`].
    pub fn bye(&mut self, reason: ByeReason, out: &mut Vec<u8>) {
        if !matches!(self.state, State::Closed(_) | State::Relayed) {
            reply::bye(reason, out);
            self.state = State::Closed(CloseReason::Dismissed);
        }
    }

    /// See [`super::Dialogue::helo`].
    #[must_use]
    pub fn helo(&self) -> Option<&str> {
        self.helo.as_deref()
    }

    /// See [`super::Dialogue::stage`].
    #[must_use]
    pub const fn stage(&self) -> &'static str {
        match self.state {
            State::Command => "command",
            State::Chunk(_) => "skipping",
            State::Sasl(_) => "authenticate",
            State::Verdict(_) => "verdict",
            State::Relayed => "logged_in",
            State::Closed(_) => "closed",
        }
    }

    /// See [`super::Dialogue::awaits_command`].
    #[must_use]
    pub const fn awaits_command(&self) -> bool {
        matches!(self.state, State::Command) && self.lines.is_at_start()
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

    /// Frames the next command. `None`: go on reading.
    fn read_command(
        &mut self,
        rules: &Rules,
        facts: &mut ClientFacts,
        inbox: &mut Inbox,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        if !self.lines.read_past(inbox) {
            return Some(Step::More);
        }
        if self.lines.is_at_start() && foreign::is_tls(inbox.bytes()) {
            return Some(self.close(CloseReason::OtherProtocol));
        }
        let (text, whole, flawed) = match self.lines.next(inbox, line_bytes_max) {
            Found::More => return Some(Step::More),
            // Only an initial response makes a line this long by right (W-SUB-5).
            Found::TooLong if is_auth(inbox.bytes()) => {
                return self.bad("500 5.5.6 Authentication exchange line is too long.", out);
            }
            Found::TooLong => return self.bad("500 5.5.2 Line too long.", out),
            Found::BareLf => return self.bad("500 5.5.2 Lines end in CRLF.", out),
            Found::Line { text, whole, flawed } => (text, whole, flawed),
        };
        let line = inbox.bytes().get(..text).unwrap_or_default();
        let step = if flawed {
            self.bad("500 5.5.2 Bare CR or NUL in a command.", out)
        } else {
            self.run(rules, facts, line, out)
        };
        inbox.consume(whole);
        match step {
            Some(Step::StartTls) => Some(self.start_tls(inbox, out)),
            other => other,
        }
    }

    /// Does what a complete command asks.
    fn run(
        &mut self,
        rules: &Rules,
        facts: &mut ClientFacts,
        line: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        let Command { verb, argument } = command::parse(line);
        match verb {
            Verb::Ehlo | Verb::Helo => self.hello(rules, facts, verb, argument, out),
            Verb::Auth => self.auth(rules, facts, argument, out),
            Verb::Starttls => self.starttls(rules, facts, argument, out),
            Verb::Xclient => self.xclient(rules, facts, argument, out),
            Verb::Noop => say("250 2.0.0 OK", out),
            Verb::Help => say("214 2.0.0 EHLO, STARTTLS, AUTH; the rest after that.", out),
            Verb::Rset | Verb::Quit if !argument.is_empty() => {
                self.bad("501 5.5.4 No arguments allowed.", out)
            }
            Verb::Rset => say("250 2.0.0 OK", out),
            Verb::Quit => {
                say("221 2.0.0 Bye", out);
                Some(self.close(CloseReason::Logout))
            }
            Verb::Bdat => self.chunk(argument, out),
            Verb::Mail | Verb::Rcpt | Verb::Data | Verb::Burl | Verb::Vrfy | Verb::Expn => {
                say(reply::LOGIN_FIRST, out)
            }
            Verb::Unknown if foreign::is_http(line) => Some(self.close(CloseReason::OtherProtocol)),
            Verb::Lhlo | Verb::Unknown => self.bad("500 5.5.1 Unknown command.", out),
        }
    }

    /// W-SUB-1, W-SUB-2.
    fn hello(
        &mut self,
        rules: &Rules,
        facts: &ClientFacts,
        verb: Verb,
        argument: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        if !command::is_helo(argument) {
            return self.bad("501 5.5.4 Invalid name.", out);
        }
        if !self.helo_is_told {
            self.helo = command::helo_name(argument).map(Into::into);
        }
        self.is_greeted = true;
        self.codes = Codes::of(rules, verb);
        if verb == Verb::Ehlo {
            reply::keywords(rules, facts, out);
        } else {
            reply::hello(rules, out);
        }
        None
    }

    /// W-STLS-5, W-STLS-6, W-STLS-8.
    fn starttls(
        &mut self,
        rules: &Rules,
        facts: &ClientFacts,
        argument: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        match () {
            () if !argument.is_empty() => self.bad("501 5.5.4 No arguments allowed.", out),
            () if rules.starttls => Some(Step::StartTls),
            () if self.is_secured || facts.transport == Transport::Tls => {
                self.bad("503 5.5.1 TLS is already active.", out)
            }
            () => self.bad("502 5.5.1 TLS support isn't enabled.", out),
        }
    }

    /// W-STLS-1: the go-ahead is given only when nothing came behind the command.
    fn start_tls(&mut self, inbox: &Inbox, out: &mut Vec<u8>) -> Step {
        if inbox.is_empty() {
            write_line("220 2.0.0 Begin TLS negotiation now.", out);
            return Step::StartTls;
        }
        write_line("554 5.5.0 Commands behind STARTTLS.", out);
        self.close(CloseReason::StarttlsPipelined)
    }

    /// Facts that a trusted peer tells; the dialogue begins anew behind them (postfix.org/XCLIENT_README.html).
    fn xclient(
        &mut self,
        rules: &Rules,
        facts: &mut ClientFacts,
        argument: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        if !facts.trusted {
            self.notes.forged(argument.split(|&byte| byte == b' ').count());
            return say("550 5.7.14 You are not from trusted IP.", out);
        }
        let mut helo = None;
        if forwarded::xclient_smtp(argument, facts, &mut helo).is_none() {
            return self.bad("501 5.5.4 Invalid XCLIENT attribute.", out);
        }
        if helo.is_some() {
            (self.helo, self.helo_is_told) = (helo, true);
        }
        self.is_greeted = false;
        reply::banner(rules, out);
        None
    }

    // === Chunks ===

    /// A chunk's bytes follow its command at once, so they are read past before it is refused (W-SUB-3, SU-01).
    fn chunk(&mut self, argument: &[u8], out: &mut Vec<u8>) -> Option<Step> {
        let size = command::bdat(argument).and_then(|(size, _)| usize::try_from(size).ok());
        match size {
            // Where it ends is unknown, and what follows would be read as commands.
            None => {
                write_line("501 5.5.4 Invalid chunk size.", out);
                Some(self.close(CloseReason::LiteralTooLarge))
            }
            Some(size) if size > SMTP_CHUNK_DISCARD_BYTES_MAX => {
                write_line("421 4.7.0 A chunk too large to read past.", out);
                Some(self.close(CloseReason::LiteralTooLarge))
            }
            Some(size) => {
                self.state = State::Chunk(size);
                None
            }
        }
    }

    fn read_past(&mut self, inbox: &mut Inbox, out: &mut Vec<u8>) -> Option<Step> {
        let State::Chunk(left) = &mut self.state else {
            return None;
        };
        let gone = (*left).min(inbox.bytes().len());
        inbox.consume(gone);
        *left = left.saturating_sub(gone);
        if *left > 0 {
            return Some(Step::More);
        }
        self.state = State::Command;
        say(reply::LOGIN_FIRST, out)
    }

    // === Endings ===

    /// Answers a bad command, or ends the connection at the tenth (W-SUB-6, SU-05).
    fn bad(&mut self, words: &str, out: &mut Vec<u8>) -> Option<Step> {
        if self.notes.count_bad_command(SMTP_BAD_COMMANDS_MAX) == Count::Within {
            return say(words, out);
        }
        write_line("421 4.7.0 Too many invalid commands.", out);
        Some(self.close(CloseReason::BadCommands))
    }

    /// Counts a login that failed; the reply to it has been written.
    fn count_failed_login(&mut self, out: &mut Vec<u8>) -> Option<Step> {
        if self.notes.count_failed_login() == Count::Within {
            return None;
        }
        reply::too_many_failed_logins(out);
        Some(self.close(CloseReason::FailedLogins))
    }

    fn close(&mut self, reason: CloseReason) -> Step {
        self.state = State::Closed(reason);
        Step::Close(reason)
    }
}

/// Replies; the loop of commands goes on.
fn say(words: &str, out: &mut Vec<u8>) -> Option<Step> {
    write_line(words, out);
    None
}

/// How long a line that begins so may be (W-SUB-5).
fn line_bytes_max(start: &[u8]) -> usize {
    let begins =
        |word: &[u8]| start.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    if is_auth(start) {
        SASL_LINE_BYTES_MAX
    } else if begins(b"MAIL ") || begins(b"RCPT ") {
        SMTP_PARAMETERS_LINE_BYTES_MAX
    } else {
        SMTP_LINE_BYTES_MAX
    }
}

fn is_auth(start: &[u8]) -> bool {
    start.get(..5).is_some_and(|begin| begin.eq_ignore_ascii_case(b"AUTH "))
}
