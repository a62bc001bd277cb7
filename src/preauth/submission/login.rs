//! AUTH and its responses (RFC 4954, W-SASL-8).
//!
//! Decides: what is refused before a password is invited, and the code of each refusal. Does not: know mechanisms, see
//! [`crate::preauth::sasl`]. Driver: `super`. Tests: `super::tests`.

use crate::facts::ClientFacts;
use crate::limits::SASL_LINE_BYTES_MAX;
use crate::preauth::Step;
use crate::preauth::capability::Rules;
use crate::preauth::refusal::{BAD_BASE64, UNSUPPORTED_MECHANISM};
use crate::preauth::sasl::{self, Beginning, Ending, Outcome, Reaction, Turn, is_mechanism_name};
use crate::wire::inbox::Inbox;
use crate::wire::resp_text::split_word;
use crate::wire::smtp::command::without_white_end;
use crate::wire::smtp::line::Found;
use crate::wire::smtp::reply::write_line;

use super::{State, Submission, reply};

impl Submission {
    /// ```text
    /// auth-command  = "AUTH" SP sasl-mech [initial-response] *(CRLF [base64]) [CRLF cancel-response] CRLF ; RFC 4954 8
    /// initial-response = SP (base64 / "=")
    /// ```
    ///
    /// Any white space may stand before either word.
    pub(super) fn auth(
        &mut self,
        rules: &Rules,
        facts: &ClientFacts,
        argument: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        let (mechanism, rest) = split_word(argument.trim_ascii_start());
        let rest = rest.trim_ascii_start();
        if !is_mechanism_name(mechanism) {
            return self.bad("501 5.5.4 Invalid AUTH arguments.", out);
        }
        if !self.is_greeted {
            return self.bad("503 5.5.1 EHLO first.", out);
        }
        let initial = Some(rest).filter(|text| !text.is_empty());
        match sasl::begin(
            rules,
            Turn::of(facts, self.notes),
            mechanism,
            initial.map(|text| if text == b"=" { b"" } else { text }),
        ) {
            Beginning::Outcome(outcome) => self.go_on(outcome, out),
            Beginning::NeedsPrivacy => {
                self.notes.password_exposed |= initial.is_some();
                reply::refuse_in_clear(rules, out);
                self.count_failed_login(out)
            }
            Beginning::Unknown | Beginning::Off => {
                self.failed(&format!("504 5.5.4 {UNSUPPORTED_MECHANISM}"), out)
            }
            Beginning::BadBase64 => self.failed(&format!("501 5.5.2 {BAD_BASE64}"), out),
        }
    }

    /// Reads one response line of AUTH. `None`: go on reading.
    pub(super) fn read_response(&mut self, inbox: &mut Inbox, out: &mut Vec<u8>) -> Option<Step> {
        let found = self.lines.next(inbox, |_| SASL_LINE_BYTES_MAX);
        if found == Found::More {
            return Some(Step::More);
        }
        let State::Sasl(exchange) = std::mem::take(&mut self.state) else {
            return None;
        };
        let (text, whole) = match found {
            Found::TooLong => {
                return self.failed("500 5.5.6 Authentication exchange line is too long.", out);
            }
            Found::BareLf => return self.failed("500 5.5.2 Lines end in CRLF.", out),
            Found::Line { text, whole, .. } => (text, whole),
            Found::More => return None,
        };
        let response = without_white_end(inbox.bytes().get(..text).unwrap_or_default());
        let reaction = sasl::react(exchange, response);
        inbox.consume(whole);
        match reaction {
            Reaction::Outcome(outcome) => self.go_on(outcome, out),
            Reaction::Cancelled => self.failed("501 5.7.0 Authentication aborted.", out),
            Reaction::BadBase64 => self.failed(&format!("501 5.5.2 {BAD_BASE64}"), out),
        }
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
                reply::refusal(refused.failure, refused.text.as_deref(), self.codes, out);
                self.count_failed_login(out)
            }
        }
    }

    /// Ends an AUTH that no passdb has to be asked about; the loop of commands goes on clean (W-SASL-5).
    fn failed(&mut self, words: &str, out: &mut Vec<u8>) -> Option<Step> {
        write_line(words, out);
        self.count_failed_login(out)
    }
}
