//! The ManageSieve dialogue with a backend (W-SV-B7).
//!
//! Decides: order and form of our commands, what each reply means. Does not: send the success to the client; `preauth`
//! does. Driver: `session`, through [`super::Dialogue`]; health probes. Tests: `tests`, and `tests/pure`.
//!
//! Strings of a backend may be literals anywhere, so its lines are framed like commands. Replies have no tags: one that
//! is there before its command was written answers nothing (PO-07 for this protocol).

mod reply;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::facts::ClientFacts;
use crate::fault::Failure;
use crate::limits::{BACKEND_LINE_BYTES_MAX, BACKEND_LINES_MAX, SIEVE_UNASKED_TIMEOUT};
use crate::names::mechanism::{Mechanism, Mechanisms};
use crate::secret::Secret;
use crate::wire::base64;
use crate::wire::cursor::Cursor;
use crate::wire::frame::{Frame, Framer};
use crate::wire::inbox::Inbox;
use crate::wire::login_ok::LoginOk;
use crate::wire::sieve::{Response, Status, Writer, string, write_string};

use super::credentials::Chunks;
use super::sasl::{self, Exchange, Reaction};
use super::{Login, Step, credentials, forward, last_words, xclient};
use reply::{Capability, Line};

/// One login at one ManageSieve backend.
#[derive(Debug)]
pub struct Sieve {
    stage: Stage,
    framer: Framer,
    /// Until the login is written.
    login: Option<Box<Login>>,
    /// What LOGIN has still to say.
    chunks: Chunks,
    offer: Offer,
    /// TLS stands and the backend owes its capabilities; it has said nothing yet and was not asked (W-SV-B2).
    is_owed: bool,
    /// The answer to XCLIENT comes before that to the login.
    xclient_is_pending: bool,
    line_count: u16,
    dropped_pairs: u16,
    /// An exchange that goes on behind the pieces of the login.
    pub(super) exchange: Option<Exchange>,
    last_line: Box<str>,
}

/// What is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The capabilities, in clear or behind TLS, up to their OK.
    Greeting,
    Starttls,
    /// The handshake; not one line is read.
    Securing,
    /// The reply to XCLIENT, without pipelining.
    Xclient,
    /// The reply to AUTHENTICATE, and to XCLIENT before it with pipelining.
    Login,
    Over,
}

/// What the capabilities say, as far as it matters here.
#[derive(Clone, Copy, Debug, Default)]
struct Offer {
    starttls: bool,
    sasl: Mechanisms,
    binds: bool,
    xclient: bool,
}

const _: () = assert!(size_of::<Sieve>() <= 128);

impl Sieve {
    /// A dialogue on a fresh connection.
    #[must_use]
    pub fn new(login: Login) -> Self {
        Self {
            stage: Stage::Greeting,
            framer: Framer::default(),
            login: Some(Box::new(login)),
            chunks: Chunks::default(),
            offer: Offer::default(),
            is_owed: false,
            xclient_is_pending: false,
            line_count: 0,
            dropped_pairs: 0,
            exchange: None,
            last_line: Box::default(),
        }
    }

    /// See [`super::Dialogue::read`]. Nothing is for the client before the end.
    pub fn read(
        &mut self,
        facts: &ClientFacts,
        inbox: &mut Inbox,
        to_backend: &mut Vec<u8>,
    ) -> Step {
        self.is_owed &= inbox.is_empty();
        while !matches!(self.stage, Stage::Securing | Stage::Over) {
            let (text, whole, flawed) =
                match self.framer.next(inbox.bytes(), BACKEND_LINE_BYTES_MAX) {
                    Frame::More => return Step::More,
                    Frame::TooLong => return self.fail_for_length(inbox),
                    Frame::Literal { announcement, .. } => {
                        let size = usize::try_from(announcement.bytes).unwrap_or(usize::MAX);
                        let total = self.framer.literal_bytes().saturating_add(size);
                        if total > BACKEND_LINE_BYTES_MAX {
                            return self.fail_for_length(inbox);
                        }
                        self.framer.expect(size);
                        continue;
                    }
                    Frame::Command { text, whole, flawed } => (text, whole, flawed),
                };
            self.framer = Framer::default();
            self.line_count = self.line_count.saturating_add(1);
            let line = inbox.bytes().get(..text).unwrap_or_default();
            let (was_greeting, had_pending) =
                (self.stage == Stage::Greeting, self.xclient_is_pending);
            let step = if flawed {
                Some(self.fail_for(last_words::UNEXPECTED, line, Failure::Protocol))
            } else if self.line_count > BACKEND_LINES_MAX {
                Some(self.fail_for(last_words::TOO_MANY_LINES, line, Failure::Protocol))
            } else {
                self.take(line, facts, to_backend)
            };
            inbox.consume(whole);
            let may_go_on = had_pending || (was_greeting && self.stage == Stage::Greeting);
            match step {
                // In clear behind its go-ahead: a host on the way may have added it (W-BTLS-2).
                Some(Step::StartTls) if !inbox.is_empty() => {
                    let words = inbox.bytes().to_vec();
                    let why = last_words::CLEAR_BEHIND_STARTTLS;
                    return self.fail_for(why, &words, Failure::Protocol);
                }
                Some(step) => return step,
                None if !inbox.is_empty() && !may_go_on => {
                    let line = inbox.bytes().to_vec();
                    return self.fail_for(last_words::ANSWER_TO_NOTHING, &line, Failure::Protocol);
                }
                None => {}
            }
        }
        Step::More
    }

    /// See [`super::Dialogue::secured`]. The backend says its capabilities again; those of before are void (W-BTLS-4).
    pub fn secured(&mut self) -> Step {
        self.offer = Offer::default();
        if let Some(login) = &mut self.login {
            login.starttls = false;
        }
        self.stage = Stage::Greeting;
        self.is_owed = true;
        Step::More
    }

    /// See [`super::Dialogue::patience`].
    pub fn patience(&self) -> Option<Duration> {
        self.is_owed.then_some(SIEVE_UNASKED_TIMEOUT)
    }

    /// See [`super::Dialogue::silent`]. Servers older than RFC 5804 say their capabilities only when they are asked.
    pub fn silent(&mut self, to_backend: &mut Vec<u8>) {
        if std::mem::take(&mut self.is_owed) {
            to_backend.extend(b"CAPABILITY\r\n");
        }
    }

    /// See [`super::Dialogue::eof`].
    pub fn eof(&mut self) -> Step {
        let before = match self.stage {
            Stage::Greeting => "the end of its capabilities",
            Stage::Starttls => "its answer to STARTTLS",
            Stage::Securing => "TLS stood",
            Stage::Xclient => "its answer to XCLIENT",
            Stage::Login if self.xclient_is_pending => "its answer to XCLIENT",
            Stage::Login | Stage::Over => "its answer to the login",
        };
        self.last_line = last_words::closed(before, "");
        self.fail(Failure::Remote, None)
    }

    /// See [`super::Dialogue::stage`].
    #[must_use]
    pub const fn stage(&self) -> &'static str {
        match self.stage {
            Stage::Greeting => "greeting",
            Stage::Starttls => "starttls",
            Stage::Securing => "tls",
            Stage::Xclient => "xclient",
            Stage::Login => "login",
            Stage::Over => "over",
        }
    }

    /// See [`super::Dialogue::last_line`].
    #[must_use]
    pub fn last_line(&self) -> &str {
        &self.last_line
    }

    /// See [`super::Dialogue::dropped_pairs`].
    #[must_use]
    pub const fn dropped_pairs(&self) -> u16 {
        self.dropped_pairs
    }

    // === Lines ===

    /// Acts on one line. `None`: go on reading.
    fn take(&mut self, line: &[u8], facts: &ClientFacts, to_backend: &mut Vec<u8>) -> Option<Step> {
        match (self.stage, reply::classify(line)) {
            (Stage::Greeting, Line::Capability(capability)) => {
                match capability {
                    Capability::Sasl { offered, binds } => {
                        (self.offer.sasl, self.offer.binds) = (offered, binds);
                    }
                    Capability::Starttls => self.offer.starttls = true,
                    Capability::Xclient => self.offer.xclient = true,
                    Capability::Other { .. } => {}
                }
                None
            }
            (_, Line::End(response)) => match (self.stage, response.status) {
                (_, Status::Bye) => Some(self.dismissed(line, &response)),
                (Stage::Greeting, Status::Ok) => self.greeted(line, facts, to_backend),
                (Stage::Greeting, Status::No) => Some(self.fail_at(line, Failure::Remote, None)),
                (Stage::Starttls, Status::Ok) => {
                    self.stage = Stage::Securing;
                    Some(Step::StartTls)
                }
                (Stage::Xclient, Status::Ok) => self.write_login(to_backend),
                (Stage::Login, Status::Ok) if self.xclient_is_pending => {
                    self.xclient_is_pending = false;
                    None
                }
                (Stage::Login, Status::Ok) if !self.chunks.is_empty() => {
                    Some(self.fail_for(last_words::AGREED_TOO_EARLY, line, Failure::Protocol))
                }
                (Stage::Login, Status::Ok) => Some(self.agreed(line, &response)),
                (Stage::Login, Status::No) if !self.xclient_is_pending => {
                    Some(self.refused(line, &response))
                }
                (Stage::Starttls, Status::No) => {
                    Some(self.fail_for(last_words::STARTTLS_REFUSED, line, Failure::RemoteConfig))
                }
                // XCLIENT: it is there at the next attempt, too (W-POP-B3).
                (Stage::Xclient | Stage::Login, Status::No) => {
                    Some(self.fail_at(line, Failure::RemoteConfig, None))
                }
                (Stage::Securing | Stage::Over, _) => {
                    Some(self.fail_for(last_words::UNEXPECTED, line, Failure::Protocol))
                }
            },
            // LOGIN asks for the name and the password. PLAIN has no challenge.
            (Stage::Login, Line::Capability(Capability::Other { is_alone: true }))
                if !self.xclient_is_pending =>
            {
                match self.chunks.next(to_backend) {
                    Some(()) => None,
                    None => self.challenged(line, to_backend),
                }
            }
            (_, Line::Capability(_) | Line::Garbage) => {
                Some(self.fail_for(last_words::UNEXPECTED, line, Failure::Protocol))
            }
        }
    }

    /// A challenge behind the pieces of the login.
    fn challenged(&mut self, line: &[u8], to_backend: &mut Vec<u8>) -> Option<Step> {
        let challenge = string(&mut Cursor::new(line)).and_then(|text| base64::decode(&text));
        let (Some(exchange), Some(challenge)) = (self.exchange.take(), challenge) else {
            return Some(self.fail_for(last_words::UNEXPECTED, line, Failure::Protocol));
        };
        let (reaction, exchange) = exchange.challenged(&challenge);
        self.exchange = exchange;
        match reaction {
            Reaction::Say(message) => {
                write_message(&message, to_backend);
                None
            }
            Reaction::AskClient(challenge) => Some(Step::Challenge(challenge)),
            Reaction::Derive(derivation) => Some(Step::Derive(Box::new(derivation))),
            Reaction::Distrust(why) => Some(self.fail_for(why, line, Failure::RemoteConfig)),
        }
    }

    /// The backend says OK to the login.
    fn agreed(&mut self, line: &[u8], response: &Response<'_>) -> Step {
        self.conclude(response);
        if let Some(why) = Exchange::distrusts(self.exchange.as_ref()) {
            return self.fail_for(why, line, Failure::RemoteConfig);
        }
        self.stage = Stage::Over;
        // SASL data belongs to our exchange with the backend; the client has had its own, unless the backend led that, too.
        let is_ours = !matches!(self.exchange, Some(Exchange::Led));
        let code = if is_ours && response.is("SASL") { &b""[..] } else { response.code };
        let words = response.words.clone();
        let text = Response { status: response.status, code, words }.text();
        Step::Ready(LoginOk { capabilities: Box::default(), text })
    }

    /// The end of an exchange of ours may come with the success (RFC 5804 2.1).
    fn conclude(&mut self, response: &Response<'_>) {
        let code = response.code.split_at_checked(SASL.len());
        let data = code
            .filter(|_| response.is("SASL"))
            .and_then(|(_, argument)| string(&mut Cursor::new(argument.trim_ascii())))
            .and_then(|text| base64::decode(&text));
        if let (Some(data), Some(exchange)) = (data, &mut self.exchange) {
            exchange.concluded(&data);
        }
    }

    fn greeted(
        &mut self,
        line: &[u8],
        facts: &ClientFacts,
        to_backend: &mut Vec<u8>,
    ) -> Option<Step> {
        let Some(login) = &self.login else {
            return Some(self.fail_for(last_words::BUG, b"", Failure::Internal));
        };
        if login.starttls {
            if !self.offer.starttls {
                let why = last_words::STARTTLS_MISSING;
                return Some(self.fail_for(why, line, Failure::RemoteConfig));
            }
            to_backend.extend(b"STARTTLS\r\n");
            self.stage = Stage::Starttls;
            return None;
        }
        let Some(hops) = forward::hops_left(facts, login.referrals) else {
            return Some(self.fail_for(last_words::NO_HOPS_LEFT, b"", Failure::InternalConfig));
        };
        // No mechanism, or none of ours: it may want TLS first (W-SV-B2).
        if self.way(login).is_none() {
            let why = match sasl::wanted(login) {
                [] => {
                    "its capabilities name no SASL mechanism that will do (PLAIN); TLS may be needed"
                }
                _ => sasl::lack(login),
            };
            return Some(self.fail_for(why, b"", Failure::RemoteConfig));
        }
        if sasl::says_not_offered(login) && self.offer.binds {
            return Some(self.fail_for(sasl::BINDING_OFFERED, b"", Failure::RemoteConfig));
        }
        if !login.send_facts || !self.offer.xclient {
            return self.write_login(to_backend);
        }
        self.dropped_pairs = xclient::write_line(facts, login, hops, to_backend);
        if login.nopipelining {
            self.stage = Stage::Xclient;
            return None;
        }
        self.xclient_is_pending = true;
        self.write_login(to_backend)
    }

    /// LOGIN only where there is no PLAIN.
    fn way(&self, login: &Login) -> Option<Mechanism> {
        let mut suitable = match sasl::wanted(login) {
            [] if login.needs_plain() => &[Mechanism::Plain][..],
            [] => &[Mechanism::Plain, Mechanism::Login],
            wanted => wanted,
        }
        .iter();
        suitable.find(|it| self.offer.sasl.has(**it)).copied()
    }

    /// ```text
    /// command-authenticate = "AUTHENTICATE" SP auth-type [SP string] *(CRLF string) ; RFC 5804 4
    /// ```
    fn write_login(&mut self, to_backend: &mut Vec<u8>) -> Option<Step> {
        let Some(login) = self.login.take() else {
            return Some(self.fail_for(last_words::BUG, b"", Failure::Internal));
        };
        if let Err(failure) = credentials::check(&login) {
            return Some(self.fail_for(last_words::UNSENDABLE, b"", failure));
        }
        self.stage = Stage::Login;
        let Some(mechanism) = self.way(&login) else {
            return Some(self.fail_for(last_words::BUG, b"", Failure::Internal));
        };
        let response = match mechanism {
            Mechanism::Plain => credentials::plain_response(&login),
            Mechanism::Login => {
                to_backend.extend(b"AUTHENTICATE \"LOGIN\"\r\n");
                self.chunks = [login.user.as_bytes(), login.password.expose()].map(line_of).into();
                return None;
            }
            _ => {
                self.exchange = Exchange::begun(&login, mechanism);
                sasl::response(&sasl::first_message(&login, mechanism))
            }
        };
        // The caller wipes what it has sent; a buffer that grew would leave a copy behind.
        to_backend.reserve(response.len().saturating_add(64));
        to_backend.extend(format!("AUTHENTICATE \"{}\" ", mechanism.name()).as_bytes());
        write_string(response.expose(), Writer::Client, to_backend);
        to_backend.extend(b"\r\n");
        None
    }

    // === Endings ===

    fn refused(&mut self, line: &[u8], response: &Response<'_>) -> Step {
        self.last_line = last_words::of(line);
        self.end(reply::refusal(response))
    }

    fn dismissed(&mut self, line: &[u8], response: &Response<'_>) -> Step {
        // No login is referred by words in clear where TLS was demanded (W-BTLS-4).
        if self.login.as_ref().is_some_and(|login| login.starttls) {
            return self.fail_for(last_words::CLEAR_BEFORE_TLS, line, Failure::Remote);
        }
        self.last_line = last_words::of(line);
        self.end(reply::dismissal(response))
    }

    fn end(&mut self, step: Step) -> Step {
        match step {
            Step::Failed(failure, text) => self.fail(failure, text),
            other => {
                self.stage = Stage::Over;
                other
            }
        }
    }

    fn fail_at(&mut self, line: &[u8], failure: Failure, text: Option<Box<[u8]>>) -> Step {
        self.last_line = last_words::of(line);
        self.fail(failure, text)
    }

    /// Fails, and the log says why in words of ours, with the line that led to it.
    fn fail_for(&mut self, why: &str, line: &[u8], failure: Failure) -> Step {
        self.last_line = last_words::with(why, line);
        self.fail(failure, None)
    }

    fn fail_for_length(&mut self, inbox: &Inbox) -> Step {
        self.fail_for(last_words::TOO_LONG, inbox.bytes(), Failure::Protocol)
    }

    /// Ends the dialogue and wipes what was not sent.
    fn fail(&mut self, failure: Failure, text: Option<Box<[u8]>>) -> Step {
        self.stage = Stage::Over;
        self.login = None;
        self.exchange = None;
        self.chunks = Chunks::default();
        Step::Failed(failure, text)
    }
}

/// The code that carries the end of an exchange.
const SASL: &[u8] = b"SASL";

/// A message in base64 as a string on a line of its own.
pub(super) fn write_message(message: &Secret, to_backend: &mut Vec<u8>) {
    let line = line_of(message.expose());
    to_backend.reserve(line.len());
    to_backend.extend(line.expose());
}

/// A message of SASL LOGIN as a string on a line of its own.
fn line_of(text: &[u8]) -> Secret {
    let response = credentials::login_response(text);
    let mut line = Vec::with_capacity(response.len().saturating_add(32));
    write_string(response.expose(), Writer::Client, &mut line);
    line.extend(b"\r\n");
    Secret::new(line)
}
