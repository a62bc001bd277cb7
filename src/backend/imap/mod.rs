//! The IMAP dialogue with a backend (W-IMAP-B11).
//!
//! Decides: order and form of our commands, what each reply means. Does not: send the success to the client in words;
//! `preauth` does (W-IMAP-B6). Driver: `session`, through [`super::Dialogue`]; health probes. Tests: `tests`, and
//! `tests/pure`.
//!
//! Deviation from Dovecot: when the greeting tells no capabilities, CAPABILITY is asked for and its reply awaited
//! before anything else is sent, so that a password never goes to a backend that disables LOGIN.

mod login;
mod reply;
mod response;
#[cfg(test)]
mod tests;

use crate::facts::ClientFacts;
use crate::fault::Failure;
use crate::limits::{BACKEND_LINES_MAX, BACKEND_UNTAGGED_BYTES_MAX, BACKEND_UNTAGGED_LINES_MAX};
use crate::wire::base64;
use crate::wire::inbox::Inbox;
use crate::wire::login_ok::LoginOk;
use crate::wire::resp_text;

use super::credentials::Chunks;
use super::sasl::{self, Exchange, Reaction};
use super::{Login, Step, forward, last_words};
use login::Way;
use reply::{Line, Status, Untagged};
use response::{Next, Responses};

/// One login at one IMAP backend.
#[derive(Debug)]
pub struct Imap {
    stage: Stage,
    responses: Responses,
    /// Until the login command is written.
    login: Option<Box<Login>>,
    /// Known once the capabilities are.
    way: Way,
    chunks: Chunks,
    id_is_pending: bool,
    line_count: u16,
    /// Untagged lines for the client, who hears them when it is clear that this login is the one that counts: those of
    /// an attempt that is repeated, or goes elsewhere, are gone with it (W-IMAP-B8).
    for_client: Vec<u8>,
    for_client_lines: u16,
    /// It said in clear, where TLS begins, what would have reached the client otherwise (W-BTLS-4).
    spoke_in_clear: bool,
    dropped_pairs: u16,
    /// Learnt by greeting or CAPABILITY.
    capabilities: Box<[u8]>,
    /// Learnt untagged once the whole login was written: that of after login (W-IMAP-B6).
    login_capabilities: Box<[u8]>,
    /// An exchange that goes on behind the pieces of the login.
    pub(super) exchange: Option<Exchange>,
    last_line: Box<str>,
}

/// What is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    /// `S`.
    Starttls,
    /// The handshake; not one line is read.
    Securing,
    /// `C`.
    Capability,
    /// `I`, without pipelining.
    Id,
    /// `+` or a refusal of AUTHENTICATE, `A`, which the backend did not announce; and `I` before it with pipelining.
    Probe,
    /// `L`, or `A` behind a probe; and `I` before it with pipelining.
    Login,
    Over,
}

const _: () = assert!(size_of::<Imap>() <= 256);

impl Imap {
    /// A dialogue on a fresh connection.
    #[must_use]
    pub fn new(login: Login) -> Self {
        Self {
            stage: Stage::Greeting,
            responses: Responses::default(),
            login: Some(Box::new(login)),
            way: Way::Command,
            chunks: Chunks::default(),
            id_is_pending: false,
            line_count: 0,
            for_client: Vec::new(),
            for_client_lines: 0,
            spoke_in_clear: false,
            dropped_pairs: 0,
            capabilities: Box::default(),
            login_capabilities: Box::default(),
            exchange: None,
            last_line: Box::default(),
        }
    }

    /// See [`super::Dialogue::read`].
    pub fn read(
        &mut self,
        facts: &ClientFacts,
        inbox: &mut Inbox,
        to_backend: &mut Vec<u8>,
        to_client: &mut Vec<u8>,
    ) -> Step {
        while !matches!(self.stage, Stage::Securing | Stage::Over) {
            let found = self.responses.next(inbox);
            self.line_count = self.line_count.saturating_add(u16::from(found != Next::More));
            if self.line_count > BACKEND_LINES_MAX {
                return self.fail_for(last_words::TOO_MANY_LINES, b"", Failure::Protocol);
            }
            let (text, whole) = match found {
                Next::More => return Step::More,
                Next::Discarded if self.stage != Stage::Greeting => continue,
                Next::Discarded | Next::TooLong => {
                    let line = inbox.bytes().to_vec();
                    return self.fail_for(last_words::TOO_LONG, &line, Failure::Protocol);
                }
                Next::Response { text, whole } => (text, whole),
            };
            let line = inbox.bytes().get(..text).unwrap_or_default();
            let step = self.take(line, facts, to_backend, to_client);
            inbox.consume(whole);
            match step {
                // In clear behind its go-ahead: a host on the way may have added it (W-BTLS-2).
                Some(Step::StartTls) if !inbox.is_empty() => {
                    let words = inbox.bytes().to_vec();
                    let why = last_words::CLEAR_BEHIND_STARTTLS;
                    return self.fail_for(why, &words, Failure::Protocol);
                }
                Some(step) => return step,
                None => {}
            }
        }
        Step::More
    }

    /// See [`super::Dialogue::secured`].
    pub fn secured(&mut self, _facts: &ClientFacts, to_backend: &mut Vec<u8>) -> Step {
        self.capabilities = Box::default();
        self.last_line = Box::default();
        self.spoke_in_clear = false;
        to_backend.extend(b"C CAPABILITY\r\n");
        self.stage = Stage::Capability;
        Step::More
    }

    /// See [`super::Dialogue::eof`].
    pub fn eof(&mut self) -> Step {
        let before = match self.stage {
            Stage::Greeting => "its greeting",
            Stage::Starttls => "its answer to STARTTLS",
            Stage::Securing => "TLS stood",
            Stage::Capability => "its answer to CAPABILITY",
            Stage::Id => "its answer to ID",
            Stage::Probe | Stage::Login | Stage::Over => "its answer to the login",
        };
        self.last_line = last_words::closed(before, &self.last_line);
        self.fail(Failure::Remote, None)
    }

    /// See [`super::Dialogue::spoke_in_clear`].
    #[must_use]
    pub const fn spoke_in_clear(&self) -> bool {
        self.spoke_in_clear
    }

    /// See [`super::Dialogue::last_line`].
    #[must_use]
    pub fn last_line(&self) -> &str {
        &self.last_line
    }

    /// See [`super::Dialogue::stage`].
    #[must_use]
    pub const fn stage(&self) -> &'static str {
        match self.stage {
            Stage::Greeting => "greeting",
            Stage::Starttls => "starttls",
            Stage::Securing => "tls",
            Stage::Capability => "capability",
            Stage::Id => "id",
            Stage::Probe | Stage::Login => "login",
            Stage::Over => "over",
        }
    }

    /// See [`super::Dialogue::dropped_pairs`].
    #[must_use]
    pub const fn dropped_pairs(&self) -> u16 {
        self.dropped_pairs
    }

    /// The backend's capabilities as it told them before login; empty: it did not (W-PRB-6).
    #[must_use]
    pub fn capabilities(&self) -> &[u8] {
        &self.capabilities
    }

    // === Lines ===

    /// Acts on one line. `None`: go on reading.
    fn take(
        &mut self,
        line: &[u8],
        facts: &ClientFacts,
        to_backend: &mut Vec<u8>,
        to_client: &mut Vec<u8>,
    ) -> Option<Step> {
        if self.stage == Stage::Greeting {
            return self.take_greeting(line, facts, to_backend);
        }
        match reply::classify(line) {
            Line::Untagged(untagged) => self.take_untagged(untagged, line),
            Line::Continue(text) if matches!(self.stage, Stage::Probe | Stage::Login) => {
                self.login = None;
                self.stage = Stage::Login;
                match self.chunks.next(to_backend) {
                    Some(()) => None,
                    None => self.challenged(text, line, to_backend),
                }
            }
            Line::Tagged { tag: b'S', status, .. } if self.stage == Stage::Starttls => match status
            {
                Status::Ok => {
                    self.stage = Stage::Securing;
                    Some(Step::StartTls)
                }
                Status::No | Status::Bad => {
                    let why = last_words::STARTTLS_REFUSED;
                    Some(self.fail_for(why, line, Failure::RemoteConfig))
                }
            },
            Line::Tagged { tag: b'C', .. } if self.stage == Stage::Capability => {
                self.log_in(line, facts, to_backend)
            }
            Line::Tagged { tag: b'I', status, text }
                if self.stage == Stage::Id || self.id_is_pending =>
            {
                self.id_is_pending = false;
                // Any other refusal of ID costs nothing but facts (W-IMAP-B5).
                if status == Status::No && resp_text::parse(text).is(b"SERVERBUG") {
                    return Some(self.fail_at(line, Failure::RemoteConfig, None));
                }
                if self.stage == Stage::Id {
                    return self.write_login(to_backend);
                }
                None
            }
            Line::Tagged { tag: b'A', status: Status::No | Status::Bad, .. }
                if self.stage == Stage::Probe =>
            {
                self.way = Way::Command;
                self.write_login(to_backend)
            }
            Line::Tagged { tag, status, text }
                if self.stage == Stage::Login && tag == self.way.tag() =>
            {
                Some(self.take_login_reply(line, status, text, to_client))
            }
            Line::Tagged { .. } | Line::Continue(_) | Line::Garbage => {
                Some(self.fail_for(last_words::UNEXPECTED, line, Failure::Protocol))
            }
        }
    }

    /// W-IMAP-B1.
    fn take_greeting(
        &mut self,
        line: &[u8],
        facts: &ClientFacts,
        to_backend: &mut Vec<u8>,
    ) -> Option<Step> {
        match reply::classify(line) {
            Line::Untagged(Untagged::Ok(text)) => {
                let text = resp_text::parse(text);
                if text.is(b"CAPABILITY") {
                    self.capabilities = text.argument.into();
                }
                if self.login.as_ref().is_some_and(|login| login.starttls) {
                    return self.ask_for_tls(line, to_backend);
                }
                if !self.capabilities.is_empty() {
                    return self.log_in(line, facts, to_backend);
                }
                to_backend.extend(b"C CAPABILITY\r\n");
                self.stage = Stage::Capability;
                None
            }
            Line::Untagged(Untagged::Bye) => Some(self.fail_at(line, Failure::Remote, None)),
            // Logged in as the user it takes us for: never (W-BTLS-5).
            Line::Untagged(Untagged::Preauth) => {
                let why = "it takes us for a client that is logged in";
                Some(self.fail_for(why, line, Failure::RemoteConfig))
            }
            Line::Untagged(
                Untagged::Capability(_) | Untagged::Id | Untagged::Multiplex | Untagged::Other,
            )
            | Line::Tagged { .. }
            | Line::Continue(_)
            | Line::Garbage => {
                Some(self.fail_for(last_words::NO_GREETING, line, Failure::Protocol))
            }
        }
    }

    /// W-IMAP-B4. Before TLS nothing of it counts; a host on the way may have said it (W-BTLS-4).
    fn take_untagged(&mut self, untagged: Untagged<'_>, line: &[u8]) -> Option<Step> {
        let is_void = self.stage == Stage::Starttls;
        match untagged {
            Untagged::Bye => self.remember(line),
            // Multiplexing is never asked for; a second PREAUTH is nonsense.
            Untagged::Multiplex | Untagged::Preauth => {
                return Some(self.fail_for(last_words::UNEXPECTED, line, Failure::Protocol));
            }
            Untagged::Capability(_) | Untagged::Ok(_) if is_void => {}
            Untagged::Capability(list) => self.learn(list),
            Untagged::Ok(text) if resp_text::parse(text).is(b"CAPABILITY") => {
                self.learn(resp_text::parse(text).argument);
            }
            // A greeting behind the greeting. Dovecot, just started, says `* OK Waiting for authentication process to
            // respond..` first; the client has had a greeting and no login of its own is under way there yet.
            Untagged::Ok(_) if !matches!(self.stage, Stage::Probe | Stage::Login) => {}
            Untagged::Id => {}
            Untagged::Other if is_void => self.spoke_in_clear = true,
            Untagged::Ok(_) | Untagged::Other => return self.keep_for_client(line),
        }
        None
    }

    fn keep_for_client(&mut self, line: &[u8]) -> Option<Step> {
        self.for_client_lines = self.for_client_lines.saturating_add(1);
        let bytes = self.for_client.len().saturating_add(line.len()).saturating_add(2);
        if self.for_client_lines > BACKEND_UNTAGGED_LINES_MAX || bytes > BACKEND_UNTAGGED_BYTES_MAX
        {
            return Some(self.fail_for(last_words::TOO_MANY_LINES, line, Failure::Protocol));
        }
        reply::write_untagged(line, &mut self.for_client);
        None
    }

    /// A list that came untagged, or in the code of an untagged OK.
    fn learn(&mut self, list: &[u8]) {
        if self.stage == Stage::Login && !self.id_is_pending && self.chunks.is_empty() {
            self.login_capabilities = list.into();
        } else {
            self.capabilities = list.into();
        }
    }

    /// A challenge behind the pieces of the login.
    fn challenged(&mut self, text: &[u8], line: &[u8], to_backend: &mut Vec<u8>) -> Option<Step> {
        let challenge = base64::decode(text);
        let (Some(exchange), Some(challenge)) = (self.exchange.take(), challenge) else {
            return Some(self.fail_at(line, Failure::Protocol, None));
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

    fn take_login_reply(
        &mut self,
        line: &[u8],
        status: Status,
        text: &[u8],
        to_client: &mut Vec<u8>,
    ) -> Step {
        match status {
            Status::Ok if self.chunks.is_empty() => {
                if let Some(why) = Exchange::distrusts(self.exchange.as_ref()) {
                    return self.fail_for(why, line, Failure::RemoteConfig);
                }
                self.stage = Stage::Over;
                to_client.append(&mut self.for_client);
                Step::Ready(LoginOk { capabilities: self.list_of_after(text), text: text.into() })
            }
            Status::Ok => self.fail_for(last_words::AGREED_TOO_EARLY, line, Failure::Protocol),
            Status::No => {
                let refusal = reply::refusal(text);
                self.remember(line);
                match refusal {
                    Step::Failed(failure, text) => {
                        // A client that hears the backend's refusal also hears what it said about it.
                        if text.is_some() && !failure.is_retried() {
                            to_client.append(&mut self.for_client);
                        }
                        self.fail(failure, text)
                    }
                    other => {
                        self.stage = Stage::Over;
                        other
                    }
                }
            }
            // Our bug or theirs, and it is there at the next attempt, too (W-IMAP-B7).
            Status::Bad => {
                self.fail_for("it did not understand the login", line, Failure::RemoteConfig)
            }
        }
    }

    // === Commands ===

    /// TLS first, before anything about a client is told (W-BTLS-6). A greeting without capabilities leaves the answer
    /// to the command itself.
    fn ask_for_tls(&mut self, line: &[u8], to_backend: &mut Vec<u8>) -> Option<Step> {
        let offered =
            self.capabilities.is_empty() || resp_text::has_word(&self.capabilities, b"STARTTLS");
        if !offered {
            return Some(self.fail_for(last_words::STARTTLS_MISSING, line, Failure::RemoteConfig));
        }
        to_backend.extend(b"S STARTTLS\r\n");
        self.stage = Stage::Starttls;
        None
    }

    /// Capabilities are known: tells who the client is, and logs in.
    fn log_in(
        &mut self,
        line: &[u8],
        facts: &ClientFacts,
        to_backend: &mut Vec<u8>,
    ) -> Option<Step> {
        let has = |word: &[u8]| resp_text::has_word(&self.capabilities, word);
        if !has(b"IMAP4rev1") && !has(b"IMAP4rev2") {
            let why = "its capabilities hold no IMAP4rev1";
            return Some(self.fail_for(why, line, Failure::Protocol));
        }
        let Some(login) = &self.login else {
            return Some(self.fail_for(last_words::BUG, b"", Failure::Internal));
        };
        let Some(hops) = forward::hops_left(facts, login.referrals) else {
            return Some(self.fail_for(last_words::NO_HOPS_LEFT, b"", Failure::InternalConfig));
        };
        let Some(way) = login::way(login, &self.capabilities) else {
            let why = match login.needs_plain() {
                _ if !sasl::wanted(login).is_empty() => sasl::lack(login),
                true => "it offers no AUTH=PLAIN, which a master user or proxy_mech demands",
                false => {
                    "it takes no LOGIN (LOGINDISABLED) and offers no AUTH=PLAIN; TLS may be needed"
                }
            };
            let list = self.capabilities.clone();
            return Some(self.fail_for(why, &list, Failure::RemoteConfig));
        };
        if sasl::says_not_offered(login) && login::offers_binding(&self.capabilities) {
            return Some(self.fail_for(sasl::BINDING_OFFERED, b"", Failure::RemoteConfig));
        }
        self.way = way;
        if !login.send_facts || !has(b"ID") {
            return self.write_login(to_backend);
        }
        let literals = login::literals(&self.capabilities);
        let dropped = forward::write_imap_id(facts, login, hops, literals, to_backend);
        self.dropped_pairs = dropped;
        if login.nopipelining {
            self.stage = Stage::Id;
            return None;
        }
        self.id_is_pending = true;
        self.write_login(to_backend)
    }

    fn write_login(&mut self, to_backend: &mut Vec<u8>) -> Option<Step> {
        let Some(login) = self.login.take() else {
            return Some(self.fail_for(last_words::BUG, b"", Failure::Internal));
        };
        match login::chunks(&login, self.way, &self.capabilities) {
            Ok(chunks) => {
                self.chunks = chunks;
                self.chunks.next(to_backend);
                self.stage = Stage::Login;
                if let Way::Sasl(mechanism) = self.way {
                    self.exchange = Exchange::begun(&login, mechanism);
                }
                if self.way == Way::Probe {
                    self.stage = Stage::Probe;
                    self.login = Some(login);
                }
                None
            }
            Err(failure) => Some(self.fail_for(last_words::UNSENDABLE, b"", failure)),
        }
    }

    // === Endings ===

    /// The capabilities of after login (W-IMAP-B6, step 1). Those of before say nothing about them: the client asks.
    fn list_of_after(&mut self, text: &[u8]) -> Box<[u8]> {
        let text = resp_text::parse(text);
        if text.is(b"CAPABILITY") && !text.argument.is_empty() {
            text.argument.into()
        } else {
            std::mem::take(&mut self.login_capabilities)
        }
    }

    fn fail_at(&mut self, line: &[u8], failure: Failure, text: Option<Box<[u8]>>) -> Step {
        self.remember(line);
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

    fn remember(&mut self, line: &[u8]) {
        self.last_line = last_words::of(line);
    }
}
