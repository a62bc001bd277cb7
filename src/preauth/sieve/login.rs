//! AUTHENTICATE and its responses (W-SV-1, W-SASL-8).
//!
//! Decides: what is refused before a password is invited. Does not: read behind the login. Driver: `super`. Tests:
//! `super::tests`, transcripts.

use crate::facts::ClientFacts;
use crate::fault::Failure;
use crate::limits::SASL_LINE_BYTES_MAX;
use crate::preauth::capability::Rules;
use crate::preauth::refusal::{BAD_BASE64, RESPONSE_TOO_LONG, UNSUPPORTED_MECHANISM};
use crate::preauth::sasl::{self, Beginning, Ending, Outcome, Reaction, Turn, is_mechanism_name};
use crate::preauth::{CloseReason, Step};
use crate::secret::Secret;
use crate::wire::cursor::Cursor;
use crate::wire::inbox::Inbox;
use crate::wire::literal::Announcement;

use super::command;
use super::{Sieve, State, reply};

impl Sieve {
    pub(super) fn authenticate(
        &mut self,
        rules: &Rules,
        facts: &ClientFacts,
        cursor: &mut Cursor<'_>,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        let arguments =
            command::authenticate(cursor).filter(|found| is_mechanism_name(&found.mechanism));
        let Some(arguments) = arguments else {
            return self.bad("Invalid AUTHENTICATE arguments.", out);
        };
        // `=` is no base64 here; clients that know it from the other protocols mean the empty response.
        let initial = arguments
            .initial_response
            .map(|text| if text == b"=" { Secret::default() } else { Secret::new(text) });
        let turn = Turn::of(facts, self.notes);
        match sasl::begin(rules, turn, &arguments.mechanism, initial.as_ref().map(Secret::expose)) {
            Beginning::Outcome(outcome) => self.go_on(outcome, out),
            Beginning::NeedsPrivacy => {
                self.notes.password_exposed |= initial.is_some();
                // Refused before anything is invited (W-SASL-4).
                reply::refusal(Failure::Privacy, None, out);
                self.count_failed_login(out)
            }
            Beginning::Unknown => self.failed(UNSUPPORTED_MECHANISM, out),
            Beginning::Off => self.failed(TOO_WEAK, out),
            Beginning::BadBase64 => self.failed(BAD_BASE64, out),
        }
    }

    /// Takes a literal that may be the response. It stands alone on its line.
    pub(super) fn meet_literal_response(
        &mut self,
        announcement: Announcement,
        inbox: &Inbox,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        let first = inbox.bytes().iter().find(|&&byte| byte != b' ');
        let is_alone = first == Some(&b'{') && self.framer.literal_bytes() == 0;
        let size = usize::try_from(announcement.bytes).unwrap_or(usize::MAX);
        if is_alone && size <= SASL_LINE_BYTES_MAX {
            self.framer.expect(size);
            return None;
        }
        // Whatever it is, no command begins behind it.
        reply::bye_with(RESPONSE_TOO_LONG, out);
        Some(self.close(CloseReason::LiteralTooLarge))
    }

    /// Takes a complete response. `None`: go on reading.
    pub(super) fn take_response(&mut self, line: &[u8], out: &mut Vec<u8>) -> Option<Step> {
        let State::Sasl(exchange) = std::mem::take(&mut self.state) else {
            return None;
        };
        let response = command::response(line).map(Secret::new);
        let Some(response) = response else {
            return self.failed("Invalid authentication response.", out);
        };
        match sasl::react(exchange, response.expose()) {
            Reaction::Outcome(outcome) => self.go_on(outcome, out),
            Reaction::Cancelled => self.failed("Authentication aborted.", out),
            Reaction::BadBase64 => self.failed(BAD_BASE64, out),
        }
    }

    /// Answers an exchange that came to nothing and counts it (W-SASL-6).
    fn failed(&mut self, text: &str, out: &mut Vec<u8>) -> Option<Step> {
        reply::no(text, out);
        self.count_failed_login(out)
    }

    fn go_on(&mut self, outcome: Outcome, out: &mut Vec<u8>) -> Option<Step> {
        match outcome {
            Outcome::Challenge(message, exchange) => {
                reply::challenge(&message, out);
                self.state = State::Sasl(exchange);
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
                reply::refusal(refused.failure, refused.text.as_deref(), out);
                self.count_failed_login(out)
            }
        }
    }
}

/// The operator turned the mechanism off (RFC 5804 1.3).
const TOO_WEAK: &str = "(AUTH-TOO-WEAK) Authentication mechanism is not allowed here.";
