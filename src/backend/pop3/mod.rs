//! The POP3 dialogue with a backend (W-POP-B10).
//!
//! Decides: order and form of our commands, what each reply means. Does not: send the success to the client; `preauth`
//! does. Driver: `session`, through [`super::Dialogue`]; health probes. Tests: `tests`, and `tests/pure`.
//!
//! POP3's replies have no tags: the n-th line answers the n-th command. A line that is there before its command was
//! written answers nothing; a host on the way, or a confused backend, has sent it (PO-07).

mod login;
mod reply;
#[cfg(test)]
mod tests;

use crate::facts::ClientFacts;
use crate::fault::Failure;
use crate::limits::{BACKEND_LINE_BYTES_MAX, BACKEND_LINES_MAX};
use crate::names::mechanism::Mechanism;
use crate::wire::base64;
use crate::wire::inbox::Inbox;
use crate::wire::line::{Lines, Scan, is_flawed};
use crate::wire::login_ok::LoginOk;
use crate::wire::resp_text;

use super::credentials::Chunks;
use super::sasl::{self, Exchange, Reaction};
use super::{Login, Step, forward, last_words, xclient};
use login::Way;
use reply::{Capabilities, CredentialWords, Line};

/// One login at one POP3 backend.
#[derive(Debug)]
pub struct Pop3 {
    stage: Stage,
    lines: Lines,
    /// Until the login is written, or cannot become another way any more.
    login: Option<Box<Login>>,
    chunks: Chunks,
    /// The pieces of AUTH wait for `+`; USER's password waits for `+OK`.
    way: Way,
    /// USER was refused, with these words, and the backend is asked whether it wants AUTH instead.
    asked: Option<Box<Asked>>,
    credential_words: CredentialWords,
    /// The backend believes what XCLIENT tells; known by the greeting only, which is in clear (W-POP-B2).
    takes_xclient: bool,
    /// The answer to XCLIENT comes before that to the login.
    xclient_is_pending: bool,
    dropped_pairs: u16,
    /// An exchange that goes on behind the pieces of the login.
    pub(super) exchange: Option<Exchange>,
    last_line: Box<str>,
}

/// What is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    Stls,
    /// The handshake; not one line is read.
    Securing,
    /// The reply to XCLIENT, without pipelining.
    Xclient,
    /// The reply to USER or AUTH, and to XCLIENT before it with pipelining.
    Login,
    /// The list of CAPA.
    Capa,
    Over,
}

/// The question behind a refused USER.
#[derive(Debug)]
struct Asked {
    refusal: Box<[u8]>,
    lines: u16,
    offer: Capabilities,
}

const _: () = assert!(size_of::<Pop3>() <= 128);

impl Pop3 {
    /// A dialogue on a fresh connection.
    #[must_use]
    pub fn new(login: Login) -> Self {
        let way = login::way(&login);
        let credential_words = match login.pass_backend_error {
            true => CredentialWords::Theirs,
            false => CredentialWords::Ours,
        };
        Self {
            stage: Stage::Greeting,
            lines: Lines::default(),
            login: Some(Box::new(login)),
            chunks: Chunks::default(),
            way,
            asked: None,
            credential_words,
            takes_xclient: false,
            xclient_is_pending: false,
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
        while !matches!(self.stage, Stage::Securing | Stage::Over) {
            let (text, whole) = match self.lines.next(inbox.bytes(), BACKEND_LINE_BYTES_MAX) {
                Scan::More => return Step::More,
                Scan::TooLong => {
                    let line = inbox.bytes().to_vec();
                    return self.fail_for(last_words::TOO_LONG, &line, Failure::Protocol);
                }
                Scan::Line { text, whole } => (text, whole),
            };
            let line = inbox.bytes().get(..text).unwrap_or_default();
            let had_pending = self.xclient_is_pending;
            let step = self.take(line, facts, to_backend);
            inbox.consume(whole);
            match step {
                // In clear behind its go-ahead: a host on the way may have added it (W-BTLS-2).
                Some(Step::StartTls) if !inbox.is_empty() => {
                    let words = inbox.bytes().to_vec();
                    let why = last_words::CLEAR_BEHIND_STARTTLS;
                    return self.fail_for(why, &words, Failure::Protocol);
                }
                Some(step) => return step,
                // Only the reply to XCLIENT may have another right behind it, and a line of a list.
                None if !inbox.is_empty() && !had_pending && self.stage != Stage::Capa => {
                    let line = inbox.bytes().to_vec();
                    return self.fail_for(last_words::ANSWER_TO_NOTHING, &line, Failure::Protocol);
                }
                None => {}
            }
        }
        Step::More
    }

    /// See [`super::Dialogue::secured`]. No second greeting comes.
    pub fn secured(&mut self, facts: &ClientFacts, to_backend: &mut Vec<u8>) -> Step {
        self.log_in(facts, to_backend).unwrap_or(Step::More)
    }

    /// See [`super::Dialogue::eof`].
    pub fn eof(&mut self) -> Step {
        // A backend that closes behind a refusal has refused.
        if let Some(asked) = self.asked.take_if(|_| self.stage == Stage::Capa) {
            return self.end(&asked.refusal);
        }
        let before = match self.stage {
            Stage::Greeting => "its greeting",
            Stage::Stls => "its answer to STLS",
            Stage::Securing => "TLS stood",
            Stage::Xclient => "its answer to XCLIENT",
            Stage::Login if self.xclient_is_pending => "its answer to XCLIENT",
            Stage::Login | Stage::Capa | Stage::Over => "its answer to the login",
        };
        self.last_line = last_words::closed(before, "");
        self.fail(Failure::Remote, None)
    }

    /// See [`super::Dialogue::stage`].
    #[must_use]
    pub const fn stage(&self) -> &'static str {
        match self.stage {
            Stage::Greeting => "greeting",
            Stage::Stls => "starttls",
            Stage::Securing => "tls",
            Stage::Xclient => "xclient",
            Stage::Login | Stage::Capa => "login",
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
        if is_flawed(line) {
            return Some(self.fail_for(last_words::UNEXPECTED, line, Failure::Protocol));
        }
        if self.stage == Stage::Capa {
            return self.take_capability(line, to_backend);
        }
        let reply = reply::classify(line);
        match (self.stage, reply) {
            (Stage::Greeting, Line::Ok(text)) => {
                self.takes_xclient = reply::has_xclient(text);
                self.greeted(facts, to_backend)
            }
            // Too busy, or going down.
            (Stage::Greeting, Line::Err(_)) => Some(self.fail_at(line, Failure::Remote, None)),
            (Stage::Stls, Line::Ok(_)) => {
                self.stage = Stage::Securing;
                Some(Step::StartTls)
            }
            (Stage::Stls, Line::Err(_)) => {
                Some(self.fail_for(last_words::STARTTLS_REFUSED, line, Failure::RemoteConfig))
            }
            (Stage::Xclient, Line::Ok(_)) => self.write_login(to_backend),
            (Stage::Login, Line::Ok(_)) if self.xclient_is_pending => {
                self.xclient_is_pending = false;
                None
            }
            // It is there at the next attempt, too (W-POP-B3).
            (Stage::Xclient, Line::Err(_)) => Some(self.fail_at(line, Failure::RemoteConfig, None)),
            (Stage::Login, Line::Err(_)) if self.xclient_is_pending => {
                Some(self.fail_at(line, Failure::RemoteConfig, None))
            }
            (Stage::Login, Line::Ok(text)) => self.agreed(line, text, to_backend),
            (Stage::Login, Line::Continue(text)) => self.invited(line, text, to_backend),
            (Stage::Login, Line::Err(text)) => self.refused(line, text, to_backend),
            (_, Line::Ok(_) | Line::Err(_) | Line::Continue(_) | Line::Garbage) => {
                Some(self.fail_for(last_words::UNEXPECTED, line, Failure::Protocol))
            }
        }
    }

    fn greeted(&mut self, facts: &ClientFacts, to_backend: &mut Vec<u8>) -> Option<Step> {
        if self.login.as_ref().is_some_and(|login| login.starttls) {
            to_backend.extend(b"STLS\r\n");
            self.stage = Stage::Stls;
            return None;
        }
        self.log_in(facts, to_backend)
    }

    /// Tells the facts and writes the login behind them, unless replies are waited for.
    fn log_in(&mut self, facts: &ClientFacts, to_backend: &mut Vec<u8>) -> Option<Step> {
        let Some(login) = &self.login else {
            return Some(self.fail_for(last_words::BUG, b"", Failure::Internal));
        };
        let Some(hops) = forward::hops_left(facts, login.referrals) else {
            return Some(self.fail_for(last_words::NO_HOPS_LEFT, b"", Failure::InternalConfig));
        };
        if !login.send_facts || !self.takes_xclient {
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

    fn write_login(&mut self, to_backend: &mut Vec<u8>) -> Option<Step> {
        let Some(login) = self.login.take() else {
            return Some(self.fail_for(last_words::BUG, b"", Failure::Internal));
        };
        match login::chunks(&login, self.way) {
            Ok(chunks) => {
                self.chunks = chunks;
                self.chunks.next(to_backend);
                self.stage = Stage::Login;
                if let Way::Sasl(mechanism) = self.way {
                    self.exchange = Exchange::begun(&login, mechanism);
                }
                // Before a password or token is out the way may still change.
                if login.may_change(self.way) {
                    self.login = Some(login);
                }
                None
            }
            Err(failure) => Some(self.fail_for(last_words::UNSENDABLE, b"", failure)),
        }
    }

    /// `+OK` to USER invites the password (W-POP-B4); to PASS or AUTH it is the success.
    fn agreed(&mut self, line: &[u8], text: &[u8], to_backend: &mut Vec<u8>) -> Option<Step> {
        if self.chunks.is_empty() {
            if let Some(why) = Exchange::distrusts(self.exchange.as_ref()) {
                return Some(self.fail_for(why, line, Failure::RemoteConfig));
            }
            self.stage = Stage::Over;
            return Some(Step::Ready(LoginOk { capabilities: Box::default(), text: text.into() }));
        }
        if self.way != Way::User {
            return Some(self.fail_for(last_words::AGREED_TOO_EARLY, line, Failure::Protocol));
        }
        self.login = None;
        self.chunks.next(to_backend);
        None
    }

    fn invited(&mut self, line: &[u8], text: &[u8], to_backend: &mut Vec<u8>) -> Option<Step> {
        self.login = None;
        // Not before XCLIENT is answered, not to USER or PASS, and not twice.
        let is_due = !self.xclient_is_pending && self.way != Way::User;
        if is_due && self.chunks.next(to_backend).is_some() {
            return None;
        }
        if !is_due {
            self.exchange = None;
        }
        self.challenged(text, line, to_backend)
    }

    /// A challenge behind the pieces of the login.
    fn challenged(&mut self, text: &[u8], line: &[u8], to_backend: &mut Vec<u8>) -> Option<Step> {
        let challenge = base64::decode(text);
        let (Some(exchange), Some(challenge)) = (self.exchange.take(), challenge) else {
            return Some(self.fail_for(last_words::UNEXPECTED, line, Failure::Protocol));
        };
        let (reaction, exchange) = exchange.challenged(&challenge);
        self.exchange = exchange;
        match reaction {
            Reaction::Say(message) => {
                sasl::write_line(&message, to_backend);
                None
            }
            Reaction::AskClient(challenge) => Some(Step::Challenge(challenge)),
            Reaction::Derive(derivation) => Some(Step::Derive(Box::new(derivation))),
            Reaction::Distrust(why) => Some(self.fail_for(why, line, Failure::RemoteConfig)),
        }
    }

    /// A refusal of what came before the password may only mean that this backend wants it in another way.
    fn refused(&mut self, line: &[u8], text: &[u8], to_backend: &mut Vec<u8>) -> Option<Step> {
        match self.way {
            Way::Probe if self.login.is_some() => {
                self.way = Way::User;
                self.write_login(to_backend)
            }
            // No list was asked for: the other form of a token, which the backend may have instead.
            Way::Sasl(Mechanism::OauthBearer) if self.login.is_some() => {
                self.way = Way::Sasl(Mechanism::Xoauth2);
                self.write_login(to_backend)
            }
            Way::User if self.login.is_some() && self.asked.is_none() && !says_why(text) => {
                self.last_line = last_words::of(line);
                let refusal = text.into();
                let offer = Capabilities::default();
                self.asked = Some(Box::new(Asked { refusal, lines: 0, offer }));
                to_backend.extend(b"CAPA\r\n");
                self.stage = Stage::Capa;
                None
            }
            _ => {
                self.last_line = last_words::of(line);
                Some(self.end(text))
            }
        }
    }

    /// ```text
    /// capa-resp     = "+OK" [SP text] CRLF *(capa-tag *(SP capa-param) CRLF) "." CRLF ; RFC 2449 3
    /// ```
    fn take_capability(&mut self, line: &[u8], to_backend: &mut Vec<u8>) -> Option<Step> {
        let Some(asked) = &mut self.asked else {
            return Some(self.fail_for(last_words::BUG, b"", Failure::Internal));
        };
        asked.lines = asked.lines.saturating_add(1);
        if asked.lines > BACKEND_LINES_MAX {
            return Some(self.fail_for(last_words::TOO_MANY_LINES, line, Failure::Protocol));
        }
        let is_list = asked.lines > 1 || matches!(reply::classify(line), Line::Ok(_));
        if is_list && line != b"." {
            asked.offer.learn(line);
            return None;
        }
        let offer = std::mem::take(&mut asked.offer);
        self.way = match () {
            () if offer.user => Way::User,
            () if offer.plain => Way::Plain,
            () if offer.login => Way::SaslLogin,
            () => Way::User,
        };
        if self.way == Way::User {
            let refusal = std::mem::take(&mut asked.refusal);
            return Some(self.end(&refusal));
        }
        self.write_login(to_backend)
    }

    fn end(&mut self, refusal: &[u8]) -> Step {
        match reply::refusal(refusal, self.credential_words) {
            Step::Failed(failure, text) => self.fail(failure, text),
            other => {
                self.stage = Stage::Over;
                other
            }
        }
    }

    // === Endings ===

    fn fail_at(&mut self, line: &[u8], failure: Failure, text: Option<Box<[u8]>>) -> Step {
        self.last_line = last_words::of(line);
        self.fail(failure, text)
    }

    /// Fails, and the log says why in words of ours, with the line that led to it.
    fn fail_for(&mut self, why: &str, line: &[u8], failure: Failure) -> Step {
        self.last_line = last_words::with(why, line);
        self.fail(failure, None)
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

/// Whether a refusal says what it is for (RFC 2449 8): then it is for that, and not for want of another way. `[AUTH]`
/// says no more than that this did not do (RFC 3206 4).
fn says_why(text: &[u8]) -> bool {
    let text = resp_text::parse(text);
    !text.code.is_empty() && !text.is(b"AUTH")
}
