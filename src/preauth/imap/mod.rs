//! The IMAP dialogue with a client before login (W-IMAP-1 to W-IMAP-6).
//!
//! Decides: what each command before login does, one command at a time (W-PIPE-4). Does not: verify, delay, or read a
//! byte behind a login command: that stays in the inbox as residue until the login is answered (IM-10, IM-11).
//! Driver: `session`, through [`super::Dialogue`]. Tests: below, `tests/pure/dialogues.rs`,
//! `tests/pure/imap_properties.rs`.
//!
//! Framing comes before grammar: `wire::frame` finds the extent of a command with its literals in the inbox, then
//! `command` reads it at once. A literal's bytes are asked for only when the command before them may have one; a
//! literal that comes unasked is skipped as bytes and never read as a command.

mod command;
mod id;
mod login;
mod reply;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::facts::ClientFacts;
use crate::fault::Failure;
use crate::limits::{
    COMMAND_TIMEOUT, IMAP_BAD_COMMANDS_MAX, IMAP_ID_BYTES_MAX, IMAP_LINE_BYTES_MAX,
    PRE_LOGIN_OUTPUT_BYTES_MAX,
};
use crate::wire::cursor::Cursor;
use crate::wire::frame::{Frame, Framer};
use crate::wire::id::IdPair;
use crate::wire::inbox::Inbox;
use crate::wire::line::Lines;
use crate::wire::login_ok::LoginOk;
use crate::wire::skip::Skip;

use super::capability::Rules;
use super::refusal::{STARTTLS_PIPELINED, TOO_MANY_FAILED_LOGINS};
use super::sasl::{Ending, Exchange, Refused};
use super::{ByeReason, CloseReason, Count, Notes, Step, foreign};

use command::{Head, Name};
pub(super) use reply::bye as write_bye;

/// The client side of one IMAP connection, from greeting to login.
#[derive(Debug, Default)]
pub struct Imap {
    state: State,
    framer: Framer,
    /// The tag of the command in flight; at most `IMAP_TAG_BYTES_MAX` bytes.
    tag: Box<[u8]>,
    client_id: Box<[IdPair]>,
    notes: Notes,
    asked_capability: bool,
    told_facts: bool,
}

#[derive(Debug, Default)]
enum State {
    /// Between commands, or inside one.
    #[default]
    Command,
    /// Reading past a literal that we did not ask for.
    Skip(Skip),
    /// Inside AUTHENTICATE: the next line is a response.
    Sasl(Exchange, Lines),
    /// A login waits for its answer.
    Verdict(Ending),
    /// Logged in: not one byte more is ours (W-REL-2).
    Relayed,
    Closed(CloseReason),
}

const _: () = assert!(size_of::<Imap>() <= 192);

impl Imap {
    /// A dialogue that has said nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the greeting.
    pub fn greet(&mut self, rules: &Rules, _facts: &ClientFacts, out: &mut Vec<u8>) {
        reply::greeting(rules, out);
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
                State::Skip(_) => self.read_past(inbox, out),
                State::Sasl(..) => self.read_response(inbox, out),
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
            self.state = State::Sasl(Exchange::Refused(refused), Lines::default());
            return Step::More;
        }
        reply::refusal(&self.tag, failure, text, out);
        self.state = State::Command;
        self.count_failed_login(out).unwrap_or(Step::More)
    }

    /// See [`super::Dialogue::challenge`].
    pub fn challenge(&mut self, message: &[u8], out: &mut Vec<u8>) {
        if matches!(self.state, State::Verdict(_)) {
            reply::challenge(message, out);
            self.state = State::Sasl(Exchange::Led, Lines::default());
        }
    }

    /// See [`super::Dialogue::awaits_answer`].
    #[must_use]
    pub const fn awaits_answer(&self) -> bool {
        matches!(self.state, State::Sasl(Exchange::Led, _))
    }

    /// See [`super::Dialogue::accept`].
    pub fn accept(&mut self, ok: &LoginOk, out: &mut Vec<u8>) {
        if matches!(self.state, State::Verdict(_)) {
            reply::success(&self.tag, ok, self.asked_capability, out);
            self.state = State::Relayed;
        }
    }

    /// See [`super::Dialogue::secured`]. What a trusted peer told of the client stays (W-STLS-4), and so do the
    /// counters.
    pub fn secured(&mut self, _rules: &Rules, _out: &mut Vec<u8>) {
        self.client_id = Box::default();
        self.asked_capability = false;
    }

    /// See [`super::Dialogue::still_working`].
    pub fn still_working(&self, out: &mut Vec<u8>) {
        if matches!(self.state, State::Verdict(_)) {
            reply::untagged("OK Still working on your login.", out);
        }
    }

    /// See [`super::Dialogue::bye`].
    pub fn bye(&mut self, reason: ByeReason, out: &mut Vec<u8>) {
        if !matches!(self.state, State::Closed(_) | State::Relayed) {
            reply::bye(reason, out);
            self.state = State::Closed(CloseReason::Dismissed);
        }
    }

    /// See [`super::Dialogue::client_id`].
    #[must_use]
    pub fn client_id(&self) -> &[IdPair] {
        &self.client_id
    }

    /// See [`super::Dialogue::stage`].
    #[must_use]
    pub const fn stage(&self) -> &'static str {
        match self.state {
            State::Command if self.framer.is_at_start() => "command",
            State::Command => "literal",
            State::Skip(_) => "skipping",
            State::Sasl(..) => "authenticate",
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
            State::Sasl(exchange, _) => exchange.timeout(),
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
        let bytes = inbox.bytes();
        if self.framer.is_at_start() && foreign::is_tls(bytes) {
            return Some(self.close(CloseReason::OtherProtocol));
        }
        match self.framer.next(bytes, self.line_bytes_max(bytes)) {
            Frame::More => Some(Step::More),
            Frame::TooLong => Some(self.line_too_long(out)),
            Frame::Literal { announcement, head } => {
                self.meet_literal(rules, announcement, head, inbox, out)
            }
            Frame::Command { text, whole, flawed } => {
                self.framer = Framer::default();
                let command = bytes.get(..text).unwrap_or_default();
                let step = self.run(rules, facts, command, flawed, out);
                inbox.consume(whole);
                match step {
                    Some(Step::StartTls) => Some(self.start_tls(inbox, out)),
                    other => other,
                }
            }
        }
    }

    /// How long the lines of the command may be that begins so.
    fn line_bytes_max(&self, start: &[u8]) -> usize {
        if start.len() > IMAP_LINE_BYTES_MAX && command::is_id(start) {
            return IMAP_ID_BYTES_MAX.saturating_sub(self.framer.literal_bytes());
        }
        IMAP_LINE_BYTES_MAX
    }

    /// Does what a complete command asks.
    fn run(
        &mut self,
        rules: &Rules,
        facts: &mut ClientFacts,
        command: &[u8],
        flawed: bool,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        let mut cursor = Cursor::new(command);
        let name = match command::head(&mut cursor) {
            Head::Tagged { tag, name } => {
                self.tag = tag.into();
                name
            }
            headless => return self.refuse_headless(headless, out),
        };
        // The strings of an ID hold neither, and what follows them is not looked at; in base64 CR is white space.
        if flawed && !matches!(name, Name::Id | Name::Authenticate) {
            return self.bad("BAD Bare CR or NUL in a command.", out);
        }
        match name {
            Name::Login => self.login(rules, &mut cursor, out),
            Name::Authenticate => self.authenticate(rules, facts, &mut cursor, out),
            Name::Id => self.id(rules, facts, &mut cursor, out),
            // W-STLS-6, W-STLS-5: never without TLS configured, never inside TLS.
            Name::Starttls if !rules.starttls => self.bad("BAD TLS support isn't enabled.", out),
            Name::Unknown => self.bad("BAD Unknown or not allowed before login.", out),
            _ if command::ignored(&mut cursor).is_none() => self.bad("BAD Invalid arguments.", out),
            Name::Starttls => Some(Step::StartTls),
            Name::Enable => {
                reply::untagged("ENABLED", out);
                self.ok("OK Nothing to enable before login.", out)
            }
            Name::Capability => {
                self.asked_capability = true;
                reply::capability(rules, out);
                self.ok("OK Capability completed.", out)
            }
            Name::Noop => self.ok("OK NOOP completed.", out),
            Name::Logout => {
                reply::untagged("BYE Logging out", out);
                self.ok("OK Logout completed.", out);
                Some(self.close(CloseReason::Logout))
            }
        }
    }

    /// W-STLS-1: the go-ahead is given only when nothing came behind the command.
    fn start_tls(&mut self, inbox: &Inbox, out: &mut Vec<u8>) -> Step {
        if inbox.is_empty() {
            reply::tagged(&self.tag, "OK Begin TLS negotiation now.", out);
            return Step::StartTls;
        }
        reply::untagged(&format!("BYE {STARTTLS_PIPELINED}"), out);
        self.close(CloseReason::StarttlsPipelined)
    }

    /// Answers a line that has no legal tag; nothing of it is echoed (IM-08, IM-16).
    fn refuse_headless(&mut self, head: Head<'_>, out: &mut Vec<u8>) -> Option<Step> {
        self.tag = Box::from(&b"*"[..]);
        match head {
            Head::Http => Some(self.close(CloseReason::OtherProtocol)),
            Head::Empty => self.bad("BAD Empty command.", out),
            Head::MissingTag(name) => {
                self.bad(&format!("BAD A tag is missing before {}.", name.text()), out)
            }
            Head::BadTag | Head::Tagged { .. } => self.bad("BAD Invalid tag.", out),
        }
    }

    fn id(
        &mut self,
        rules: &Rules,
        facts: &mut ClientFacts,
        cursor: &mut Cursor<'_>,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        let Some(mut pairs) = id::parse(cursor) else {
            return self.bad("BAD Invalid ID parameters.", out);
        };
        let told = pairs.iter().filter(|pair| id::is_forwarding(pair)).count();
        let believed = facts.trusted && !self.told_facts;
        if believed && id::believe(&pairs, facts).is_none() {
            return self.bad("BAD Invalid value in trusted ID.", out);
        }
        if !facts.trusted {
            self.notes.forged(told);
        }
        // Only the first ID counts.
        self.told_facts = true;
        id::keep_what_a_backend_is_told(&mut pairs);
        self.client_id = pairs.into();
        reply::id(rules, out);
        self.ok(if believed { "OK Trusted ID completed." } else { "OK ID completed." }, out)
    }

    // === Endings ===

    fn ok(&self, status_and_words: &str, out: &mut Vec<u8>) -> Option<Step> {
        reply::tagged(&self.tag, status_and_words, out);
        None
    }

    /// Answers a bad command, or ends the connection at the third (IM-01).
    fn bad(&mut self, status_and_words: &str, out: &mut Vec<u8>) -> Option<Step> {
        if self.notes.count_bad_command(IMAP_BAD_COMMANDS_MAX) == Count::Within {
            reply::tagged(&self.tag, status_and_words, out);
            return None;
        }
        reply::untagged("BYE Too many invalid IMAP commands.", out);
        Some(self.close(CloseReason::BadCommands))
    }

    /// Counts a login that failed; the reply to it has been written.
    fn count_failed_login(&mut self, out: &mut Vec<u8>) -> Option<Step> {
        if self.notes.count_failed_login() == Count::Within {
            return None;
        }
        reply::untagged(&format!("BYE {TOO_MANY_FAILED_LOGINS}"), out);
        Some(self.close(CloseReason::FailedLogins))
    }

    fn close(&mut self, reason: CloseReason) -> Step {
        self.state = State::Closed(reason);
        Step::Close(reason)
    }
}
