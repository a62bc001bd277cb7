//! The Submission dialogue with a backend (W-SUB-B12).
//!
//! Decides: order and form of our commands, what each reply means. Does not: send the success to the client; `preauth`
//! does. Driver: `session`, through [`super::Dialogue`]; health probes. Tests: `tests`, and `tests/pure`.
//!
//! Every command waits for its reply: each reply changes what may be said next. Behind the login the backend has heard
//! EHLO, so the client's mail may follow at once (W-SUB-B11).

mod reply;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use crate::auth::verdict::BackendMech;
use crate::facts::ClientFacts;
use crate::fault::Failure;
use crate::limits::SMTP_INITIAL_RESPONSE_LINE_BYTES_MAX;
use crate::names::mechanism::Mechanism;
use crate::secret::Secret;
use crate::wire::base64;
use crate::wire::inbox::Inbox;
use crate::wire::login_ok::LoginOk;
use crate::wire::smtp::keywords::Keywords;
use crate::wire::smtp::reply::{Class, Next, Replies, Reply};

use super::credentials::{Chunks, joined};
use super::sasl::{self, Exchange, Reaction};
use super::{Login, Step, credentials, forward, last_words, xclient};

/// One login at one Submission backend.
#[derive(Debug)]
pub struct Submission {
    stage: Stage,
    replies: Replies,
    /// Until the login command is written.
    login: Option<Box<Login>>,
    /// XCLIENT commands to come.
    xclient: VecDeque<Box<[u8]>>,
    /// XCLIENT is done, or there is none to be said.
    is_introduced: bool,
    is_secured: bool,
    /// The messages of AUTH that the backend has to invite first.
    chunks: Chunks,
    way: Way,
    /// Learnt by the last EHLO.
    keywords: Keywords,
    dropped_pairs: u16,
    /// An exchange that goes on behind the pieces of the login.
    pub(super) exchange: Option<Exchange>,
    last_line: Box<str>,
}

/// Which reply is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Banner,
    Ehlo,
    Starttls,
    /// The handshake; nothing is read.
    Securing,
    Xclient,
    Auth,
    Over,
}

/// How to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Plain,
    /// LOGIN, of which some servers have nothing else.
    Login,
    /// By a mechanism that does not carry a password.
    Sasl(Mechanism),
}

const _: () = assert!(size_of::<Submission>() <= 256);

impl Submission {
    /// A dialogue on a fresh connection.
    #[must_use]
    pub fn new(login: Login) -> Self {
        Self {
            stage: Stage::Banner,
            replies: Replies::default(),
            login: Some(Box::new(login)),
            xclient: VecDeque::new(),
            is_introduced: false,
            is_secured: false,
            chunks: Chunks::default(),
            way: Way::Plain,
            keywords: Keywords::default(),
            dropped_pairs: 0,
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
    ) -> Step {
        while !matches!(self.stage, Stage::Securing | Stage::Over) {
            let reply = match self.replies.next(inbox) {
                Next::More => return Step::More,
                Next::Broken(line) => {
                    return self.fail_for(last_words::UNEXPECTED, &line, Failure::Protocol);
                }
                Next::Reply(reply) => reply,
            };
            match self.take(&reply, facts, to_backend) {
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
        self.is_secured = true;
        self.keywords = Keywords::default();
        self.write_ehlo(to_backend);
        Step::More
    }

    /// See [`super::Dialogue::eof`].
    pub fn eof(&mut self) -> Step {
        let before = match self.stage {
            Stage::Banner => "its greeting",
            Stage::Ehlo => "its answer to EHLO",
            Stage::Starttls => "its answer to STARTTLS",
            Stage::Securing => "TLS stood",
            Stage::Xclient => "its answer to XCLIENT",
            Stage::Auth | Stage::Over => "its answer to the login",
        };
        self.last_line = last_words::closed(before, "");
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
            Stage::Banner => "banner",
            Stage::Ehlo => "ehlo",
            Stage::Starttls => "starttls",
            Stage::Securing => "tls",
            Stage::Xclient => "xclient",
            Stage::Auth => "auth",
            Stage::Over => "over",
        }
    }

    /// See [`super::Dialogue::dropped_pairs`].
    #[must_use]
    pub const fn dropped_pairs(&self) -> u16 {
        self.dropped_pairs
    }

    /// What the backend said that it can do (W-PRB-6).
    #[must_use]
    pub const fn keywords(&self) -> &Keywords {
        &self.keywords
    }

    // === Replies ===

    /// Acts on one reply. `None`: go on reading.
    fn take(
        &mut self,
        reply: &Reply,
        facts: &ClientFacts,
        to_backend: &mut Vec<u8>,
    ) -> Option<Step> {
        if self.stage == Stage::Auth {
            return self.take_auth_reply(reply, to_backend);
        }
        match (self.stage, reply.class()) {
            (Stage::Banner, Class::Done) if reply.code == 220 => {
                self.write_ehlo(to_backend);
                None
            }
            (Stage::Ehlo, Class::Done) => {
                self.keywords = Keywords::of(reply);
                self.go_on(reply, facts, to_backend)
            }
            (Stage::Starttls, Class::Done) if reply.code == 220 => {
                self.stage = Stage::Securing;
                Some(Step::StartTls)
            }
            (Stage::Xclient, Class::Done) => {
                self.next_xclient(to_backend);
                None
            }
            // Not now, in the banner also never: another time it may.
            (_, Class::NotNow) | (Stage::Banner, Class::No) => {
                Some(self.fail_at(reply, Failure::Remote, None))
            }
            (Stage::Starttls, Class::No) => {
                let why = last_words::STARTTLS_REFUSED;
                Some(self.fail_for(why, &reply.joined(), Failure::RemoteConfig))
            }
            // W-SUB-B1, W-SUB-B4.
            (_, Class::No) => Some(self.fail_at(reply, Failure::RemoteConfig, None)),
            (_, Class::Done | Class::GoOn) => {
                Some(self.fail_for(last_words::UNEXPECTED, &reply.joined(), Failure::Protocol))
            }
        }
    }

    /// The keywords are known: TLS, then who the client is, then the login; EHLO in between (W-BTLS-6, W-SUB-B4).
    fn go_on(
        &mut self,
        reply: &Reply,
        facts: &ClientFacts,
        to_backend: &mut Vec<u8>,
    ) -> Option<Step> {
        let Some(login) = &self.login else {
            return Some(self.fail_for(last_words::BUG, b"", Failure::Internal));
        };
        if login.starttls && !self.is_secured {
            if !self.keywords.has(b"STARTTLS") {
                let why = last_words::STARTTLS_MISSING;
                return Some(self.fail_for(why, &reply.joined(), Failure::RemoteConfig));
            }
            to_backend.extend(b"STARTTLS\r\n");
            self.stage = Stage::Starttls;
            return None;
        }
        if self.is_introduced {
            // It said XCLIENT again behind ours.
            if !login.xclient_inherit_ok && is_inheritable(&self.keywords) {
                return Some(self.fail_for(INHERITABLE, b"", Failure::RemoteConfig));
            }
            return self.log_in(reply, to_backend);
        }
        self.is_introduced = true;
        let Some(hops) = forward::hops_left(facts, login.referrals) else {
            return Some(self.fail_for(last_words::NO_HOPS_LEFT, b"", Failure::InternalConfig));
        };
        if login.noauth && !self.keywords.offers(b"XCLIENT", b"LOGIN") {
            let why = "it offers no XCLIENT LOGIN, which proxy_noauth demands";
            return Some(self.fail_for(why, &reply.joined(), Failure::RemoteConfig));
        }
        if !login.send_facts && !login.noauth {
            return self.log_in(reply, to_backend);
        }
        let commands = commands(facts, login, hops, &self.keywords);
        self.dropped_pairs = commands.left_out;
        self.xclient = commands.lines.into();
        if self.xclient.is_empty() {
            return self.log_in(reply, to_backend);
        }
        self.next_xclient(to_backend);
        None
    }

    /// The next of several XCLIENT commands; EHLO behind the last.
    fn next_xclient(&mut self, to_backend: &mut Vec<u8>) {
        match self.xclient.pop_front() {
            Some(line) => {
                to_backend.extend(&line);
                self.stage = Stage::Xclient;
            }
            None => self.write_ehlo(to_backend),
        }
    }

    fn write_ehlo(&mut self, to_backend: &mut Vec<u8>) {
        let name = self.login.as_ref().map_or("", |login| &*login.own_name);
        to_backend.extend(b"EHLO ");
        // A name of ours that the operator did not configure; an empty argument would be a syntax error.
        to_backend.extend(if name.is_empty() { b"localhost" } else { name.as_bytes() });
        to_backend.extend(b"\r\n");
        self.stage = Stage::Ehlo;
    }

    // === Login ===

    fn log_in(&mut self, reply: &Reply, to_backend: &mut Vec<u8>) -> Option<Step> {
        let Some(login) = self.login.take() else {
            return Some(self.fail_for(last_words::BUG, b"", Failure::Internal));
        };
        if login.noauth {
            self.stage = Stage::Over;
            return Some(Step::Ready(LoginOk::default()));
        }
        // Postfix hides AUTH from addresses in `smtpd_sasl_exceptions_networks`, others until there is TLS (W-SUB-B5).
        let Some(way) = self.way(&login) else {
            let why = match sasl::wanted(&login) {
                [] => {
                    "it offers no AUTH that will do (PLAIN); it may want TLS, or hide AUTH from our address"
                }
                _ => sasl::lack(&login),
            };
            return Some(self.fail_for(why, &reply.joined(), Failure::RemoteConfig));
        };
        if let Err(failure) = credentials::check(&login) {
            return Some(self.fail_for(last_words::UNSENDABLE, b"", failure));
        }
        if sasl::says_not_offered(&login) && self.offers_binding() {
            return Some(self.fail_for(sasl::BINDING_OFFERED, b"", Failure::RemoteConfig));
        }
        self.way = way;
        self.stage = Stage::Auth;
        match way {
            Way::Plain => {
                self.write_auth("PLAIN", &credentials::plain_response(&login), to_backend);
            }
            Way::Sasl(mechanism) => {
                self.exchange = Exchange::begun(&login, mechanism);
                let response = sasl::response(&sasl::first_message(&login, mechanism));
                self.write_auth(mechanism.name(), &response, to_backend);
            }
            Way::Login => {
                to_backend.extend(b"AUTH LOGIN\r\n");
                let lines = [login.user.as_bytes(), login.password.expose()];
                self.chunks = lines
                    .map(|text| joined(&[credentials::login_response(text).expose(), b"\r\n"]))
                    .into();
            }
        }
        None
    }

    /// PLAIN, unless there is LOGIN only, or the operator wants that one (`proxy_mech`).
    fn way(&self, login: &Login) -> Option<Way> {
        let wanted = sasl::wanted(login);
        if !wanted.is_empty() {
            let is_offered = |it: &&Mechanism| self.keywords.offers(b"AUTH", it.name().as_bytes());
            return wanted.iter().find(is_offered).copied().map(Way::Sasl);
        }
        let has_plain = self.keywords.offers(b"AUTH", b"PLAIN");
        let takes_login = self.keywords.offers(b"AUTH", b"LOGIN") && !login.needs_plain();
        match () {
            () if takes_login && (!has_plain || login.mech == BackendMech::Login) => {
                Some(Way::Login)
            }
            () if has_plain => Some(Way::Plain),
            () => None,
        }
    }

    /// Whether it would bind SCRAM to its TLS.
    fn offers_binding(&self) -> bool {
        [&b"SCRAM-SHA-1-PLUS"[..], b"SCRAM-SHA-256-PLUS"]
            .iter()
            .any(|it| self.keywords.offers(b"AUTH", it))
    }

    fn write_auth(&mut self, name: &str, response: &Secret, to_backend: &mut Vec<u8>) {
        let command = [b"AUTH ", name.as_bytes()].concat();
        to_backend.extend(&command);
        let whole = command.len().saturating_add(response.len()).saturating_add(1);
        // W-SUB-B6, SU-02.
        if whole <= SMTP_INITIAL_RESPONSE_LINE_BYTES_MAX {
            to_backend.push(b' ');
            to_backend.extend(response.expose());
        } else {
            self.chunks.push(joined(&[response.expose(), b"\r\n"]));
        }
        to_backend.extend(b"\r\n");
    }

    fn take_auth_reply(&mut self, reply: &Reply, to_backend: &mut Vec<u8>) -> Option<Step> {
        // An invitation to say something else than what PLAIN says first is none (W-SUB-B6); LOGIN asks in words.
        let invites = reply.code == 334 && (reply.text.is_empty() || self.way == Way::Login);
        match reply.class() {
            Class::GoOn if invites && self.chunks.next(to_backend).is_some() => None,
            Class::GoOn if reply.code == 334 && self.chunks.is_empty() => {
                self.challenged(&reply.text, reply, to_backend)
            }
            Class::Done if self.chunks.is_empty() => {
                if let Some(why) = Exchange::distrusts(self.exchange.as_ref()) {
                    return Some(self.fail_for(why, &reply.joined(), Failure::RemoteConfig));
                }
                self.stage = Stage::Over;
                Some(Step::Ready(LoginOk { text: reply.text.clone(), ..LoginOk::default() }))
            }
            Class::Done => {
                let why = last_words::AGREED_TOO_EARLY;
                Some(self.fail_for(why, &reply.joined(), Failure::Protocol))
            }
            // It asked for what it has, or for something else.
            Class::GoOn => {
                Some(self.fail_for(last_words::UNEXPECTED, &reply.joined(), Failure::Protocol))
            }
            Class::NotNow | Class::No => {
                self.last_line = last_words::of(&reply.joined());
                Some(match reply::refusal(reply) {
                    Step::Failed(failure, text) => self.fail(failure, text),
                    other => {
                        self.stage = Stage::Over;
                        other
                    }
                })
            }
        }
    }

    /// A challenge behind the pieces of the login.
    fn challenged(&mut self, text: &[u8], reply: &Reply, to_backend: &mut Vec<u8>) -> Option<Step> {
        let challenge = base64::decode(text);
        let (Some(exchange), Some(challenge)) = (self.exchange.take(), challenge) else {
            return Some(self.fail_for(last_words::UNEXPECTED, &reply.joined(), Failure::Protocol));
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
            Reaction::Distrust(why) => {
                Some(self.fail_for(why, &reply.joined(), Failure::RemoteConfig))
            }
        }
    }

    // === Endings ===

    fn fail_at(&mut self, reply: &Reply, failure: Failure, text: Option<Box<[u8]>>) -> Step {
        self.last_line = last_words::of(&reply.joined());
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

/// Whether the client, once it is relayed, could say in our stead who it is (W-FWD-10). Dovecot still lists XCLIENT
/// behind ours, but takes none behind a login; no other server has these attributes.
fn is_inheritable(keywords: &Keywords) -> bool {
    let is_dovecot = [&b"SESSION"[..], b"TTL"].iter().all(|it| keywords.offers(b"XCLIENT", it));
    keywords.has(b"XCLIENT") && !is_dovecot
}

/// For the operator.
const INHERITABLE: &str = "the backend would take XCLIENT from our clients, too: drop their right to it there, use \
                           proxy_send_header, or set xclient_inherit_ok";

/// What this backend may be told (W-SUB-B3).
fn commands(
    facts: &ClientFacts,
    login: &Login,
    hops: u8,
    keywords: &Keywords,
) -> xclient::Commands {
    let smtp = xclient::Smtp {
        offered: keywords.parameters(b"XCLIENT").unwrap_or_default(),
        helo: login.helo.as_deref(),
        proto: "ESMTP",
        login: login.noauth.then_some(&*login.user),
        timeout_s: None,
        ipv6_prefix: true,
    };
    xclient::smtp_commands(facts, login, hops, &smtp)
}
