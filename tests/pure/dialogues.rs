//! Plays `tests/transcripts/PROTOCOL/*.txt` against the two dialogues of a protocol, three times each: line by line, byte
//! by byte, and with everything a peer says in a row glued into one segment. All three must look the same.
//!
//! A transcript is a list of lines:
//!
//! ```text
//! C: text            the client says text and CRLF
//! S: text            we say text and CRLF to the client
//! B< text            the backend says text and CRLF
//! B> text            we say text and CRLF to the backend
//! ! order            see `Player::order`
//! # …                comment
//! ```
//!
//! `\r`, `\n`, `\0`, `\t`, `\\` and `\xHH` are escapes; `\` at the end of a line leaves the CRLF out.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::Path;

use hale::auth::verdict::BackendMech;
use hale::facts::ClientFacts;
use hale::fault::Failure;
use hale::limits::{BACKEND_INPUT_BYTES_MAX, PRE_LOGIN_INPUT_BYTES_MAX};
use hale::names::Protocol;
use hale::preauth::capability::Rules;
use hale::preauth::sasl::{Mechanism, Mechanisms};
use hale::preauth::{self, Credentials};
use hale::secret::Secret;
use hale::session::output::Lesson;
use hale::wire::inbox::Inbox;
use hale::{backend, backend::Login};

use crate::client_facts;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Cutting {
    Lines,
    Bytes,
    Glued,
}

struct Player {
    rules: Rules,
    facts: ClientFacts,
    client: preauth::Dialogue,
    backend: Option<backend::Dialogue>,
    from_client: Inbox,
    from_backend: Inbox,
    to_client: Vec<u8>,
    to_backend: Vec<u8>,
    credentials: Option<Credentials>,
    /// What happened and no `!` line has named yet.
    events: VecDeque<String>,
}

#[test]
fn imap() {
    play_folder("imap", Protocol::Imap, 30);
}

#[test]
fn pop3() {
    play_folder("pop3", Protocol::Pop3, 30);
}

#[test]
fn sieve() {
    play_folder("sieve", Protocol::Sieve, 30);
}

#[test]
fn submission() {
    play_folder("submission", Protocol::Submission, 25);
}

/// Plays a folder, which must hold at least `least` transcripts.
fn play_folder(name: &str, protocol: Protocol, least: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(name);
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= least, "transcripts are missing");
    let mut failures = String::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for cutting in [Cutting::Lines, Cutting::Bytes, Cutting::Glued] {
            if let Err(complaint) = Player::new(protocol).play(&text, cutting) {
                writeln!(failures, "{} ({cutting:?}): {complaint}", file.display()).unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

impl Player {
    fn new(protocol: Protocol) -> Self {
        Self {
            rules: Rules::default(),
            facts: client_facts(false),
            client: preauth::Dialogue::new(protocol),
            backend: None,
            from_client: Inbox::new(PRE_LOGIN_INPUT_BYTES_MAX),
            from_backend: Inbox::new(BACKEND_INPUT_BYTES_MAX),
            to_client: Vec::new(),
            to_backend: Vec::new(),
            credentials: None,
            events: VecDeque::new(),
        }
    }

    fn play(&mut self, text: &str, cutting: Cutting) -> Result<(), String> {
        let mut lines = text
            .lines()
            .enumerate()
            .filter(|(_, l)| !l.is_empty() && !l.starts_with('#'))
            .peekable();
        while let Some((number, line)) = lines.next() {
            let at = |complaint: String| format!("line {}: {complaint}", number + 1);
            let kind = line.get(..2).unwrap_or_default();
            let mut bytes = if line == "! order" { Vec::new() } else { unescaped(line) };
            while cutting == Cutting::Glued
                && matches!(kind, "C:" | "B<")
                && lines.peek().is_some_and(|(_, l)| l.starts_with(kind))
            {
                bytes.extend(lines.next().map(|(_, l)| unescaped(l)).unwrap_or_default());
            }
            match kind {
                "C:" | "B<" => {
                    let piece = if cutting == Cutting::Bytes { 1 } else { bytes.len().max(1) };
                    for bytes in bytes.chunks(piece) {
                        self.arrive(kind, bytes).map_err(at)?;
                    }
                }
                "S:" => expect(&mut self.to_client, &bytes).map_err(at)?,
                "B>" => expect(&mut self.to_backend, &bytes).map_err(at)?,
                _ => match line.strip_prefix("! ") {
                    Some(order) => self.order(order).map_err(at)?,
                    None => return Err(at(format!("not understood: {line}"))),
                },
            }
        }
        let left = (&self.to_client, &self.to_backend, &self.events);
        let quiet = left.0.is_empty() && left.1.is_empty() && left.2.is_empty();
        if quiet {
            Ok(())
        } else {
            Err(format!(
                "left over: {} | {} | {:?}",
                left.0.escape_ascii(),
                left.1.escape_ascii(),
                left.2
            ))
        }
    }

    fn arrive(&mut self, kind: &str, bytes: &[u8]) -> Result<(), String> {
        let inbox = if kind == "C:" { &mut self.from_client } else { &mut self.from_backend };
        if inbox.append(bytes) != bytes.len() {
            return Err("the inbox is full".to_owned());
        }
        if kind == "C:" {
            self.read_client();
        } else {
            self.read_backend();
        }
        Ok(())
    }

    fn order(&mut self, order: &str) -> Result<(), String> {
        let (word, rest) = order.split_once(' ').unwrap_or((order, ""));
        match word {
            // What we are like.
            "private-only" => self.rules.plaintext_allowed = false,
            "offers-tokens" => {
                for mechanism in [Mechanism::Xoauth2, Mechanism::OauthBearer] {
                    self.rules.mechanisms = self.rules.mechanisms.with(mechanism);
                }
                self.rules.token_hints.scope = rest.into();
            }
            "offers-scram" => {
                self.rules.mechanisms = self.rules.mechanisms.with(Mechanism::ScramSha256);
            }
            "offers-digests" => {
                self.rules.mechanisms = self.rules.mechanisms.and(Mechanisms::DIGESTS);
            }
            "offers-bound" => {
                self.rules.mechanisms =
                    self.rules.mechanisms.with(Mechanism::ScramSha256).and(Mechanisms::BOUND);
            }
            "offers-anonymous" => {
                self.rules.mechanisms = self.rules.mechanisms.with(Mechanism::Anonymous);
            }
            "offers-external" => {
                self.rules.mechanisms = self.rules.mechanisms.with(Mechanism::External);
            }
            "starttls" => self.rules.starttls = true,
            "trusted" => self.facts.trusted = true,
            "ttl" => self.facts.ttl = rest.parse().unwrap(),
            // What others do.
            "greet" => self.client.greet(&self.rules, &self.facts, &mut self.to_client),
            "accept" => self.accept(rest),
            "refuse" => {
                let (failure, text) = rest.split_once(' ').unwrap_or((rest, ""));
                let text = Some(text.as_bytes()).filter(|text| !text.is_empty());
                self.refuse(failure_named(failure), text);
            }
            "client-secured" => {
                (self.rules.starttls, self.rules.plaintext_allowed) = (false, true);
                self.client.secured(&self.rules, &mut self.to_client);
            }
            "backend-secured" => {
                let backend = self.backend.as_mut().unwrap();
                let step = backend.secured(&self.facts, &mut self.to_backend);
                self.follow(step);
            }
            "eof" => {
                let step = self.backend.as_mut().unwrap().eof();
                self.follow(step);
            }
            "residue" => {
                let (side, text) = rest.split_once(' ').unwrap();
                let inbox =
                    if side == "client" { &mut self.from_client } else { &mut self.from_backend };
                let expected = unescaped(&format!("   {text}\\"));
                expect(&mut inbox.take_rest(), &expected)?;
            }
            "facts" => {
                let facts = &self.facts;
                let shown = format!(
                    "{} {} {} {:?} {:?}",
                    facts.apparent, facts.local, facts.ttl, facts.transport, facts.forward
                );
                return if shown == rest { Ok(()) } else { Err(format!("facts are {shown}")) };
            }
            "notes" => {
                let shown = format!("{:?}", self.client.notes());
                return if shown.contains(rest) { Ok(()) } else { Err(shown) };
            }
            // What must have happened.
            _ => {
                let event = self.events.pop_front().unwrap_or_default();
                return if event == order {
                    Ok(())
                } else {
                    Err(format!("expected `{order}`, happened `{event}`"))
                };
            }
        }
        Ok(())
    }

    fn accept(&mut self, words: &str) {
        let credentials = self.credentials.take().expect("a login is outstanding");
        let mut login = Login {
            user: credentials.user,
            password: credentials.password,
            proof: match credentials.mechanism {
                Mechanism::Xoauth2 | Mechanism::OauthBearer => backend::Proof::Token,
                Mechanism::ScramSha1 | Mechanism::ScramSha256 => {
                    backend::Proof::Led(credentials.mechanism)
                }
                // Of the others nothing is left that a backend could be shown.
                _ => backend::Proof::Password,
            },
            client_id: self.client.client_id().to_vec(),
            own_name: self.rules.host.clone(),
            helo: self.client.helo().map(Into::into),
            ..Login::default()
        };
        for word in words.split(' ').filter(|word| !word.is_empty()) {
            match word.split_once('=').unwrap_or((word, "")) {
                ("user", user) => login.user = user.into(),
                ("pass", pass) => login.password = Secret::from(pass),
                ("master", master) => login.master = Some(master.into()),
                ("forward", value) => login.forward.push(("k".into(), value.into())),
                ("referrals", count) => login.referrals = count.parse().unwrap(),
                ("plain", _) => login.mech = BackendMech::Plain,
                ("scram", nonce) => {
                    login.proof = backend::Proof::Scram(Mechanism::ScramSha256);
                    login.nonce = nonce.into();
                }
                ("certificate", _) => login.proof = backend::Proof::Certificate,
                ("nopipelining", _) => login.nopipelining = true,
                ("facts", _) => login.send_facts = true,
                ("starttls", _) => login.starttls = true,
                ("noauth", _) => login.noauth = true,
                ("inherit_ok", _) => login.xclient_inherit_ok = true,
                ("pass_error", _) => login.pass_backend_error = true,
                other => panic!("{other:?}"),
            }
        }
        self.backend = Some(backend::Dialogue::new(self.client.protocol(), login));
        self.from_backend = Inbox::new(BACKEND_INPUT_BYTES_MAX);
    }

    fn refuse(&mut self, failure: Failure, text: Option<&[u8]>) {
        self.credentials = None;
        match self.client.refuse(failure, text, &mut self.to_client) {
            preauth::Step::Close(reason) => self.events.push_back(format!("close {reason:?}")),
            _ => self.read_client(),
        }
    }

    fn read_client(&mut self) {
        match self.client.read(
            &self.rules,
            &mut self.facts,
            &mut self.from_client,
            &mut self.to_client,
        ) {
            preauth::Step::More => {}
            preauth::Step::Login(credentials) => {
                let password = String::from_utf8_lossy(credentials.password.expose()).into_owned();
                let on_behalf = credentials
                    .authorize_as
                    .as_ref()
                    .map(|user| format!(" for {user}"))
                    .unwrap_or_default();
                self.events.push_back(match credentials.mechanism {
                    Mechanism::External => format!("external{on_behalf}{password}"),
                    _ => format!("login {}{on_behalf} {password}", credentials.user),
                });
                self.credentials = Some(credentials);
            }
            preauth::Step::Hopeless(_) => {
                self.events.push_back("hopeless Credentials".to_owned());
            }
            preauth::Step::Answer(message) => {
                let backend = self.backend.as_mut().expect("a backend has asked");
                backend.answer(&message, &mut self.to_backend);
            }
            preauth::Step::StartTls => self.events.push_back("client-starttls".to_owned()),
            preauth::Step::Close(reason) => {
                let event = format!("close {reason:?}");
                // Bytes behind the end change nothing.
                if self.events.back() != Some(&event) {
                    self.events.push_back(event);
                }
            }
        }
    }

    fn read_backend(&mut self) {
        let Some(backend) = &mut self.backend else {
            return;
        };
        let step = backend.read(
            &self.facts,
            &mut self.from_backend,
            &mut self.to_backend,
            &mut self.to_client,
        );
        self.follow(step);
    }

    fn follow(&mut self, step: backend::Step) {
        match step {
            backend::Step::More => {}
            backend::Step::StartTls => self.events.push_back("backend-starttls".to_owned()),
            backend::Step::Ready(ok) => {
                self.events.push_back("ready".to_owned());
                self.client.accept(&ok, &mut self.to_client);
            }
            backend::Step::Challenge(message) => {
                self.client.challenge(&message, &mut self.to_client);
                self.read_client();
            }
            backend::Step::Derive(derivation) => {
                let backend = self.backend.as_mut().unwrap();
                let step = backend.derived(&derivation.run(), &mut self.to_backend);
                self.follow(step);
            }
            backend::Step::Failed(failure, text) => {
                self.events.push_back(format!("failed {failure:?}"));
                self.refuse(failure, text.as_deref());
            }
            backend::Step::Redirect(to) => {
                self.events
                    .push_back(format!("redirect {:?} {:?} {:?}", to.user, to.host, to.port));
            }
        }
    }
}

pub(crate) fn expect(actual: &mut Vec<u8>, expected: &[u8]) -> Result<(), String> {
    if actual.starts_with(expected) {
        actual.drain(..expected.len());
        return Ok(());
    }
    Err(format!("expected `{}`, have `{}`", expected.escape_ascii(), actual.escape_ascii()))
}

pub(crate) fn unescaped(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.get(3..).unwrap_or_default().chars();
    while let Some(character) = rest.next() {
        match (character, if character == '\\' { rest.next() } else { None }) {
            ('\\', None) => return bytes,
            ('\\', Some('r')) => bytes.push(b'\r'),
            ('\\', Some('n')) => bytes.push(b'\n'),
            ('\\', Some('t')) => bytes.push(b'\t'),
            ('\\', Some('0')) => bytes.push(0),
            ('\\', Some('x')) => {
                let digits: String = rest.by_ref().take(2).collect();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap());
            }
            ('\\', Some(other)) => bytes.extend(other.to_string().bytes()),
            (other, _) => bytes.extend(other.to_string().bytes()),
        }
    }
    bytes.extend(b"\r\n");
    bytes
}

pub(crate) fn failure_named(name: &str) -> Failure {
    let found = Failure::ALL.into_iter().find(|failure| format!("{failure:?}") == name);
    found.unwrap_or_else(|| panic!("no failure {name}"))
}

/// A lesson, as transcripts name it.
pub(crate) fn learnt(lesson: &Lesson) -> String {
    let of = |group: &Option<Box<str>>| group.as_deref().unwrap_or("-").to_owned();
    match lesson {
        Lesson::Site { host, endpoint, is_reached: true } => format!("{host} {endpoint} answers"),
        Lesson::Site { host, endpoint, .. } => format!("{host} {endpoint} does not answer"),
        Lesson::Backend { host, protocol, failure: None } => format!("{host} {protocol} let in"),
        Lesson::Backend { host, protocol, failure: Some(failure) } => {
            format!("{host} {protocol} {failure:?}")
        }
        Lesson::NotServed { user, group } => format!("{user} {} not served", of(group)),
        Lesson::SentOn { user, group, to } => format!("{user} {} sent on to {to}", of(group)),
    }
}
