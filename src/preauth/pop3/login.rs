//! USER, PASS and AUTH with its responses (W-POP-1, W-SASL-8).
//!
//! Decides: what is refused before a password is invited. Does not: read behind the login. Driver: `super`. Tests:
//! `super::tests`, transcripts.

use crate::facts::ClientFacts;
use crate::fault::Failure;
use crate::limits::SASL_LINE_BYTES_MAX;
use crate::preauth::capability::Rules;
use crate::preauth::refusal::{BAD_BASE64, RESPONSE_TOO_LONG, UNSUPPORTED_MECHANISM};
use crate::preauth::sasl::{
    self, Beginning, Ending, Mechanism, Outcome, Reaction, Turn, is_mechanism_name, usable,
};
use crate::preauth::{CloseReason, Step};
use crate::secret::Secret;
use crate::wire::inbox::Inbox;
use crate::wire::line::Scan;

use super::command;
use super::{Pop3, State, reply};

impl Pop3 {
    /// Any name is welcome, none as well, so that no client learns which users exist.
    pub(super) fn user(&mut self, rules: &Rules, name: &[u8], out: &mut Vec<u8>) -> Option<Step> {
        self.user = None;
        if !rules.plaintext_allowed {
            return self.refuse_in_clear(out);
        }
        self.user = Some(name.into());
        reply::ok("Send your password.", out);
        None
    }

    /// Consumes the name: another try begins with USER again (PO-02).
    pub(super) fn pass(
        &mut self,
        rules: &Rules,
        password: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        self.notes.password_exposed |= !rules.plaintext_allowed;
        let Some(user) = self.user.take() else {
            return self.bad("No username given.", out);
        };
        let password = Secret::from(password);
        self.go_on(usable(&user, b"", password, Mechanism::Plain).into(), out)
    }

    /// ```text
    /// apop          = "APOP" SP name SP digest            ; RFC 1939 7
    /// ```
    pub(super) fn apop(&mut self, argument: &[u8], out: &mut Vec<u8>) -> Option<Step> {
        self.user = None;
        let Some(timestamp) = &self.timestamp else {
            return self.bad("APOP not enabled.", out);
        };
        let mut parts = argument.splitn(2, |&byte| byte == b' ');
        match (parts.next(), parts.next()) {
            (Some(user), Some(digest)) if !user.is_empty() && digest.len() == APOP_DIGEST_BYTES => {
                let credentials = sasl::answer(Mechanism::Apop, user, digest, timestamp);
                self.go_on(credentials.into(), out)
            }
            _ => self.bad("Invalid parameters.", out),
        }
    }

    pub(super) fn auth(
        &mut self,
        rules: &Rules,
        facts: &ClientFacts,
        argument: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        self.user = None;
        let arguments = command::auth(argument);
        if !is_mechanism_name(arguments.mechanism) {
            return self.bad("Invalid AUTH arguments.", out);
        }
        // `=` is the empty initial response (RFC 5034 4).
        let initial = arguments.initial_response.map(|text| if text == b"=" { b"" } else { text });
        let turn = Turn::of(facts, self.notes);
        match sasl::begin(rules, turn, arguments.mechanism, initial) {
            Beginning::Outcome(outcome) => self.go_on(outcome, out),
            Beginning::NeedsPrivacy => {
                self.notes.password_exposed |= initial.is_some();
                self.refuse_in_clear(out)
            }
            Beginning::Unknown | Beginning::Off => self.failed(UNSUPPORTED_MECHANISM, out),
            Beginning::BadBase64 => self.failed(BAD_BASE64, out),
        }
    }

    /// Refuses before anything is invited (W-SASL-4).
    fn refuse_in_clear(&mut self, out: &mut Vec<u8>) -> Option<Step> {
        reply::refusal(Failure::Privacy, None, out);
        self.count_failed_login()
    }

    /// Reads one response line of AUTH. `None`: go on reading.
    pub(super) fn read_response(&mut self, inbox: &mut Inbox, out: &mut Vec<u8>) -> Option<Step> {
        let (text, whole) = match self.lines.next(inbox.bytes(), SASL_LINE_BYTES_MAX) {
            Scan::More => return Some(Step::More),
            Scan::TooLong => {
                reply::err(RESPONSE_TOO_LONG, out);
                return Some(self.close(CloseReason::LineTooLong));
            }
            Scan::Line { text, whole } => (text, whole),
        };
        let State::Sasl(exchange) = std::mem::take(&mut self.state) else {
            return None;
        };
        let response = inbox.bytes().get(..text).unwrap_or_default();
        let reaction = sasl::react(exchange, response);
        inbox.consume(whole);
        match reaction {
            Reaction::Outcome(outcome) => self.go_on(outcome, out),
            Reaction::Cancelled => self.failed("Authentication aborted.", out),
            Reaction::BadBase64 => self.failed(BAD_BASE64, out),
        }
    }

    /// Answers an exchange that came to nothing and counts it (W-SASL-6).
    fn failed(&mut self, words: &str, out: &mut Vec<u8>) -> Option<Step> {
        reply::err(words, out);
        self.count_failed_login()
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
                self.count_failed_login()
            }
        }
    }
}

/// MD5 in hexadecimal.
const APOP_DIGEST_BYTES: usize = 32;
