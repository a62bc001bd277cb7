//! LOGIN, AUTHENTICATE and their literals and responses (W-IMAP-2, W-IMAP-5).
//!
//! Decides: when a literal is welcome, what is refused before a password is invited. Does not: read behind the login.
//! Driver: `super`. Tests: `super::tests`.

use crate::facts::ClientFacts;
use crate::fault::Failure;
use crate::limits::{
    IMAP_ID_BYTES_MAX, IMAP_LINE_BYTES_MAX, IMAP_LITERAL_BYTES_MAX, IMAP_LITERAL_DISCARD_BYTES_MAX,
    SASL_LINE_BYTES_MAX,
};
use crate::preauth::capability::Rules;
use crate::preauth::refusal::{
    BAD_BASE64, LINE_TOO_LONG, RESPONSE_TOO_LONG, UNSUPPORTED_MECHANISM,
};
use crate::preauth::sasl::{
    self, Beginning, Ending, Mechanism, Outcome, Reaction, Turn, is_mechanism_name, usable,
};
use crate::preauth::{CloseReason, Step};
use crate::wire::cursor::Cursor;
use crate::wire::frame::Framer;
use crate::wire::inbox::Inbox;
use crate::wire::line::{Lines, Scan};
use crate::wire::literal::Announcement;
use crate::wire::skip::{Consent, Skip, Skipped};

use super::command::{self, Head, Name};
use super::{Imap, State, reply};

impl Imap {
    // === Commands ===

    pub(super) fn login(
        &mut self,
        rules: &Rules,
        cursor: &mut Cursor<'_>,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        if !rules.plaintext_allowed {
            self.notes.password_exposed = true;
            return self.refuse_in_clear(out);
        }
        match command::login(cursor) {
            None => self.bad("BAD LOGIN takes a user name and a password.", out),
            Some((user, password)) => {
                self.go_on(usable(&user, b"", password, Mechanism::Plain).into(), out)
            }
        }
    }

    pub(super) fn authenticate(
        &mut self,
        rules: &Rules,
        facts: &ClientFacts,
        cursor: &mut Cursor<'_>,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        let arguments =
            command::authenticate(cursor).filter(|found| is_mechanism_name(found.mechanism));
        let Some(arguments) = arguments else {
            return self.bad("BAD Invalid AUTHENTICATE arguments.", out);
        };
        // `=` is the empty initial response (RFC 4959 3).
        let initial = arguments.initial_response.map(|text| if text == b"=" { b"" } else { text });
        let turn = Turn::of(facts, self.notes);
        match sasl::begin(rules, turn, arguments.mechanism, initial) {
            Beginning::Outcome(outcome) => self.go_on(outcome, out),
            Beginning::NeedsPrivacy => {
                self.notes.password_exposed |= initial.is_some();
                self.refuse_in_clear(out)
            }
            // Clients try one mechanism after the other; W-LIM-1 bounds how many.
            Beginning::Unknown | Beginning::Off => {
                self.failed(&format!("NO {UNSUPPORTED_MECHANISM}"), out)
            }
            Beginning::BadBase64 => self.failed(&format!("BAD {BAD_BASE64}"), out),
        }
    }

    /// Refuses before anything is invited (W-SASL-4).
    fn refuse_in_clear(&mut self, out: &mut Vec<u8>) -> Option<Step> {
        reply::refusal(&self.tag, Failure::Privacy, None, out);
        self.count_failed_login(out)
    }

    // === SASL responses ===

    /// Reads one response line of AUTHENTICATE. `None`: go on reading.
    pub(super) fn read_response(&mut self, inbox: &mut Inbox, out: &mut Vec<u8>) -> Option<Step> {
        let State::Sasl(_, lines) = &mut self.state else {
            return None;
        };
        let (text, whole) = match lines.next(inbox.bytes(), SASL_LINE_BYTES_MAX) {
            Scan::More => return Some(Step::More),
            Scan::TooLong => {
                reply::tagged(&self.tag, &format!("BAD {RESPONSE_TOO_LONG}"), out);
                return Some(self.line_too_long(out));
            }
            Scan::Line { text, whole } => (text, whole),
        };
        let State::Sasl(exchange, _) = std::mem::take(&mut self.state) else {
            return None;
        };
        let response = inbox.bytes().get(..text).unwrap_or_default();
        let reaction = sasl::react(exchange, response);
        inbox.consume(whole);
        match reaction {
            Reaction::Outcome(outcome) => self.go_on(outcome, out),
            Reaction::Cancelled => self.failed("BAD Authentication aborted", out),
            Reaction::BadBase64 => self.failed(&format!("BAD {BAD_BASE64}"), out),
        }
    }

    /// Answers an exchange that came to nothing and counts it (W-SASL-6).
    fn failed(&mut self, status_and_words: &str, out: &mut Vec<u8>) -> Option<Step> {
        reply::tagged(&self.tag, status_and_words, out);
        self.count_failed_login(out)
    }

    fn go_on(&mut self, outcome: Outcome, out: &mut Vec<u8>) -> Option<Step> {
        match outcome {
            Outcome::Challenge(message, exchange) => {
                reply::challenge(&message, out);
                self.state = State::Sasl(exchange, Lines::default());
                None
            }
            Outcome::Complete(credentials, ending) => {
                self.state = State::Verdict(ending);
                Some(Step::Login(credentials))
            }
            Outcome::Hopeless(unusable) => {
                self.state = State::Verdict(Ending::Reply);
                Some(Step::Hopeless(unusable))
            }
            Outcome::Answer(message) => {
                self.state = State::Verdict(Ending::Reply);
                Some(Step::Answer(message))
            }
            Outcome::Refuse(refused) => {
                reply::refusal(&self.tag, refused.failure, refused.text.as_deref(), out);
                self.count_failed_login(out)
            }
        }
    }

    // === Literals ===

    /// Welcomes or refuses a literal, knowing the command only as far as the announcement.
    pub(super) fn meet_literal(
        &mut self,
        rules: &Rules,
        announcement: Announcement,
        head: usize,
        inbox: &mut Inbox,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        let line = inbox.bytes().get(..head).unwrap_or_default();
        let mut cursor = Cursor::new(line);
        let name = match command::head(&mut cursor) {
            Head::Tagged { tag, name } => {
                self.tag = tag.into();
                name
            }
            headless => {
                let step = self.refuse_headless(headless, out);
                return self.skip_literal(step, announcement, head, inbox, out);
            }
        };
        let size = usize::try_from(announcement.bytes).unwrap_or(usize::MAX);
        let fits = if name == Name::Id {
            head.saturating_add(size) <= IMAP_ID_BYTES_MAX
        } else {
            self.framer.literal_bytes().saturating_add(size) <= IMAP_LITERAL_BYTES_MAX
        };
        let step = match name {
            Name::Login if !rules.plaintext_allowed => {
                self.notes.password_exposed |= !announcement.synchronising;
                self.refuse_in_clear(out)
            }
            // Behind STARTTLS no byte in clear may follow (W-STLS-1), and AUTHENTICATE takes words only.
            Name::Authenticate | Name::Starttls | Name::Unknown => {
                self.bad("BAD Unknown command or no literal allowed.", out)
            }
            _ if !announcement.well_placed => {
                self.bad("BAD Invalid argument before a literal.", out)
            }
            _ if !fits => self.bad("BAD Literal too large.", out),
            Name::Login
            | Name::Id
            | Name::Capability
            | Name::Enable
            | Name::Logout
            | Name::Noop => {
                self.framer.expect(size);
                if announcement.synchronising {
                    out.extend(reply::CONTINUE);
                }
                return None;
            }
        };
        self.skip_literal(step, announcement, head, inbox, out)
    }

    /// The command was refused at its literal: drop it, and read past what comes all the same.
    fn skip_literal(
        &mut self,
        step: Option<Step>,
        announcement: Announcement,
        head: usize,
        inbox: &mut Inbox,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        self.framer = Framer::default();
        inbox.consume(head);
        if step.is_some() || announcement.synchronising {
            return step;
        }
        match Skip::new(announcement, IMAP_LITERAL_DISCARD_BYTES_MAX) {
            Some(skip) => {
                self.state = State::Skip(skip);
                None
            }
            None => Some(self.literal_too_large(out)),
        }
    }

    /// Reads past a literal and the rest of its command. `None`: go on reading.
    pub(super) fn read_past(&mut self, inbox: &mut Inbox, out: &mut Vec<u8>) -> Option<Step> {
        let State::Skip(skip) = &mut self.state else {
            return None;
        };
        match skip.read(inbox, IMAP_LINE_BYTES_MAX, Consent::Awaited) {
            Skipped::More => Some(Step::More),
            Skipped::LineTooLong => Some(self.line_too_long(out)),
            Skipped::LiteralTooLarge => Some(self.literal_too_large(out)),
            Skipped::Done => {
                self.state = State::Command;
                None
            }
        }
    }

    fn literal_too_large(&mut self, out: &mut Vec<u8>) -> Step {
        reply::untagged("BYE Literal too large.", out);
        self.close(CloseReason::LiteralTooLarge)
    }

    pub(super) fn line_too_long(&mut self, out: &mut Vec<u8>) -> Step {
        reply::untagged(&format!("BYE {LINE_TOO_LONG}"), out);
        self.close(CloseReason::LineTooLong)
    }
}
