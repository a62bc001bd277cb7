//! The IMAP dialogue with a backend (wire.md 7.7).
//!
//! Decides: order and form of our commands, what each reply means. Does not: send the success to the client in words;
//! `preauth` does (W-IMAP-B6). Driver: `session`, through [`super::Dialogue`]; health probes. Tests: `tests`, and
//! `tests/pure`.
//!
//! Deviation from Dovecot: when the greeting tells no capabilities, CAPABILITY is asked for and its reply awaited
//! before anything else is sent, so that a password never goes to a backend that disables LOGIN.

mod login;
mod reply;
#[cfg(test)]
mod tests;

use crate::facts::ClientFacts;
use crate::fault::Failure;
use crate::limits::{
    BACKEND_LINE_BYTES_MAX, BACKEND_LINES_MAX, BACKEND_UNTAGGED_BYTES_MAX,
    BACKEND_UNTAGGED_LINES_MAX,
};
use crate::wire::inbox::Inbox;
use crate::wire::line::{Lines, Scan};
use crate::wire::login_ok::LoginOk;
use crate::wire::resp_text;

use super::credentials::Chunks;
use super::{Login, Step, forward, last_words};
use reply::{Line, Status, Untagged};

/// One login at one IMAP backend.
#[derive(Debug)]
pub struct Imap {
    stage: Stage,
    lines: Lines,
    /// Until the login command is written.
    login: Option<Box<Login>>,
    chunks: Chunks,
    id_is_pending: bool,
    line_count: u16,
    forwarded_lines: u16,
    forwarded_bytes: usize,
    dropped_pairs: u16,
    /// Learnt by greeting or CAPABILITY.
    capabilities: Box<[u8]>,
    /// Learnt untagged while the login was under way.
    login_capabilities: Box<[u8]>,
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
    /// `L`, and `I` before it with pipelining.
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
            lines: Lines::default(),
            login: Some(Box::new(login)),
            chunks: Chunks::default(),
            id_is_pending: false,
            line_count: 0,
            forwarded_lines: 0,
            forwarded_bytes: 0,
            dropped_pairs: 0,
            capabilities: Box::default(),
            login_capabilities: Box::default(),
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
            let (text, whole) = match self.lines.next(inbox.bytes(), BACKEND_LINE_BYTES_MAX) {
                Scan::More => return Step::More,
                Scan::TooLong => return self.fail(Failure::Protocol, None),
                Scan::Line { text, whole } => (text, whole),
            };
            self.line_count = self.line_count.saturating_add(1);
            if self.line_count > BACKEND_LINES_MAX {
                return self.fail(Failure::Protocol, None);
            }
            let line = inbox.bytes().get(..text).unwrap_or_default();
            let step = self.take(line, facts, to_backend, to_client);
            inbox.consume(whole);
            match step {
                // In clear behind its go-ahead: somebody on the way may have added it (W-BTLS-2).
                Some(Step::StartTls) if !inbox.is_empty() => {
                    return self.fail(Failure::Protocol, None);
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
        to_backend.extend(b"C CAPABILITY\r\n");
        self.stage = Stage::Capability;
        Step::More
    }

    /// See [`super::Dialogue::eof`].
    pub fn eof(&mut self) -> Step {
        self.fail(Failure::Remote, None)
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
            Stage::Login => "login",
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
            Line::Untagged(untagged) => self.take_untagged(untagged, line, to_client),
            Line::Continue if self.stage == Stage::Login => match self.chunks.next(to_backend) {
                Some(()) => None,
                None => Some(self.fail_at(line, Failure::Protocol, None)),
            },
            Line::Tagged { tag: b'S', status, .. } if self.stage == Stage::Starttls => match status
            {
                Status::Ok => {
                    self.stage = Stage::Securing;
                    Some(Step::StartTls)
                }
                Status::No | Status::Bad => Some(self.fail_at(line, Failure::RemoteConfig, None)),
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
            Line::Tagged { tag: b'L', status, text } if self.stage == Stage::Login => {
                Some(self.take_login_reply(line, status, text))
            }
            Line::Tagged { .. } | Line::Continue | Line::Garbage => {
                Some(self.fail_at(line, Failure::Protocol, None))
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
            // Logged in as whoever it thinks we are: never (W-BTLS-5).
            Line::Untagged(Untagged::Preauth) => {
                Some(self.fail_at(line, Failure::RemoteConfig, None))
            }
            Line::Untagged(
                Untagged::Capability(_) | Untagged::Id | Untagged::Multiplex | Untagged::Other,
            )
            | Line::Tagged { .. }
            | Line::Continue
            | Line::Garbage => Some(self.fail_at(line, Failure::Protocol, None)),
        }
    }

    /// W-IMAP-B4.
    fn take_untagged(
        &mut self,
        untagged: Untagged<'_>,
        line: &[u8],
        to_client: &mut Vec<u8>,
    ) -> Option<Step> {
        match untagged {
            Untagged::Capability(list) => self.learn(list),
            Untagged::Ok(text) if resp_text::parse(text).is(b"CAPABILITY") => {
                self.learn(resp_text::parse(text).argument);
            }
            // A greeting behind the greeting. Dovecot, just started, says `* OK Waiting for authentication process to
            // respond..` first; the client has had a greeting and no login of its own is under way there yet.
            Untagged::Ok(_) if self.stage != Stage::Login => {}
            Untagged::Id => {}
            Untagged::Bye => self.remember(line),
            // Multiplexing is never asked for; a second PREAUTH is nonsense.
            Untagged::Multiplex | Untagged::Preauth => {
                return Some(self.fail_at(line, Failure::Protocol, None));
            }
            Untagged::Ok(_) | Untagged::Other => {
                self.forwarded_lines = self.forwarded_lines.saturating_add(1);
                self.forwarded_bytes =
                    self.forwarded_bytes.saturating_add(line.len()).saturating_add(2);
                if self.forwarded_lines > BACKEND_UNTAGGED_LINES_MAX
                    || self.forwarded_bytes > BACKEND_UNTAGGED_BYTES_MAX
                    || reply::announces_literal(line)
                {
                    return Some(self.fail_at(line, Failure::Protocol, None));
                }
                resp_text::write_sanitised(line, to_client);
                to_client.extend(b"\r\n");
            }
        }
        None
    }

    /// A list that came untagged, or in the code of an untagged OK.
    fn learn(&mut self, list: &[u8]) {
        if self.stage == Stage::Login && !self.id_is_pending {
            self.login_capabilities = list.into();
        } else {
            self.capabilities = list.into();
        }
    }

    fn take_login_reply(&mut self, line: &[u8], status: Status, text: &[u8]) -> Step {
        match status {
            Status::Ok if self.chunks.is_empty() => {
                self.stage = Stage::Over;
                Step::Ready(LoginOk {
                    capabilities: self.known_capabilities(text),
                    text: text.into(),
                })
            }
            // It agreed before it saw the password.
            Status::Ok => self.fail_at(line, Failure::Protocol, None),
            Status::No => {
                let refusal = reply::refusal(text);
                self.remember(line);
                match refusal {
                    Step::Failed(failure, text) => self.fail(failure, text),
                    other => {
                        self.stage = Stage::Over;
                        other
                    }
                }
            }
            // Our bug or theirs, and it is there at the next attempt, too (W-IMAP-B7).
            Status::Bad => self.fail_at(line, Failure::RemoteConfig, None),
        }
    }

    // === Commands ===

    /// TLS first, before anything about anybody is told (W-BTLS-6). A greeting without capabilities leaves the answer to
    /// the command itself.
    fn ask_for_tls(&mut self, line: &[u8], to_backend: &mut Vec<u8>) -> Option<Step> {
        let offered =
            self.capabilities.is_empty() || resp_text::has_word(&self.capabilities, b"STARTTLS");
        if !offered {
            return Some(self.fail_at(line, Failure::RemoteConfig, None));
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
            return Some(self.fail_at(line, Failure::Protocol, None));
        }
        let Some(login) = &self.login else {
            return Some(self.fail(Failure::Internal, None));
        };
        let Some(hops) = forward::hops_left(facts, login.referrals) else {
            return Some(self.fail(Failure::InternalConfig, None));
        };
        if !login::is_offered(login, &self.capabilities) {
            return Some(self.fail_at(line, Failure::RemoteConfig, None));
        }
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
        let chunks = self.login.take().map(|login| login::chunks(&login, &self.capabilities));
        match chunks {
            Some(Ok(chunks)) => {
                self.chunks = chunks;
                self.chunks.next(to_backend);
                self.stage = Stage::Login;
                None
            }
            Some(Err(failure)) => Some(self.fail(failure, None)),
            None => Some(self.fail(Failure::Internal, None)),
        }
    }

    // === Endings ===

    /// W-IMAP-B6, step 1.
    fn known_capabilities(&mut self, text: &[u8]) -> Box<[u8]> {
        let text = resp_text::parse(text);
        if text.is(b"CAPABILITY") && !text.argument.is_empty() {
            text.argument.into()
        } else if !self.login_capabilities.is_empty() {
            std::mem::take(&mut self.login_capabilities)
        } else {
            self.capabilities.clone()
        }
    }

    fn fail_at(&mut self, line: &[u8], failure: Failure, text: Option<Box<[u8]>>) -> Step {
        self.remember(line);
        self.fail(failure, text)
    }

    /// Ends the dialogue and wipes what was not sent.
    fn fail(&mut self, failure: Failure, text: Option<Box<[u8]>>) -> Step {
        self.stage = Stage::Over;
        self.login = None;
        self.chunks = Chunks::default();
        Step::Failed(failure, text)
    }

    fn remember(&mut self, line: &[u8]) {
        self.last_line = last_words::of(line);
    }
}
