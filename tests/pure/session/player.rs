//! Plays a transcript against a session. A transcript is a list of lines:
//!
//! ```text
//! C: text            the client says text and CRLF
//! S: text            we say text and CRLF to the client
//! B< text            the backend says text and CRLF
//! B> text            we say text and CRLF to the backend
//! ! order            see `Player::prepare`, `Player::happen`, and `named` for what must have happened
//! # …                comment
//! ```
//!
//! Escapes are those of `dialogues`. Before time passes or anything but bytes comes in, and at the end, everything
//! that happened must have been named: so `! wait 1999` shows that nothing is said before.

use std::collections::VecDeque;

use hale::auth::ask::Proof;
use hale::auth::scram::Derived;
use hale::auth::verdict::{BackendMech, BackendTls, Certificate, Grant};
use hale::event::{Event, Subject};
use hale::facts::ClientCertificate;
use hale::names::Protocol;
use hale::names::mechanism::Mechanism;
use hale::network::Networks;
use hale::secret::Secret;
use hale::session::Session;
use hale::session::input::{Destination, Hop, Input, RouteAnswer};
use hale::session::output::{Outbox, RouteAsk, WISHES_MAX, Wish};
use hale::tick::Tick;

use super::stage::{self, Scene};
use crate::dialogues::{expect, failure_named, learnt, unescaped};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cutting {
    Lines,
    Bytes,
    Glued,
}

pub(super) struct Player {
    scene: Scene,
    session: Option<Session>,
    outbox: Outbox,
    now: Tick,
    to_client: Vec<u8>,
    to_backend: Vec<u8>,
    /// The session is over and bytes only are moved.
    relayed: bool,
    /// What happened and no `!` line has named yet.
    happened: VecDeque<String>,
    /// No report may tell them.
    passwords: Vec<String>,
    not_before: Option<Tick>,
    master: Option<Box<str>>,
    /// Lessons are to be named as everything else.
    shows_lessons: bool,
    /// What the hashing threads have computed.
    derived: Option<Box<Derived>>,
}

impl Player {
    pub(super) fn play(text: &str, cutting: Cutting) -> Result<(), String> {
        let mut player = Self {
            scene: Scene::default(),
            session: None,
            outbox: Outbox::new(),
            now: Tick(0),
            to_client: Vec::new(),
            to_backend: Vec::new(),
            relayed: false,
            happened: VecDeque::new(),
            passwords: Vec::new(),
            not_before: None,
            master: None,
            shows_lessons: false,
            derived: None,
        };
        let mut lines = text
            .lines()
            .enumerate()
            .filter(|(_, l)| !l.is_empty() && !l.starts_with('#'))
            .peekable();
        while let Some((number, line)) = lines.next() {
            let at = |complaint: String| format!("line {}: {line}\n    {complaint}", number + 1);
            let kind = line.get(..2).unwrap_or_default();
            if let Some(order) = line.strip_prefix("! ") {
                player.order(order).map_err(at)?;
                continue;
            }
            let mut bytes = unescaped(line);
            while cutting == Cutting::Glued
                && matches!(kind, "C:" | "B<")
                && lines.peek().is_some_and(|(_, l)| l.starts_with(kind))
            {
                bytes.extend(lines.next().map(|(_, l)| unescaped(l)).unwrap_or_default());
            }
            match kind {
                "C:" | "B<" => player.arrive(kind, &bytes, cutting).map_err(at)?,
                "S:" => expect(&mut player.to_client, &bytes).map_err(at)?,
                "B>" => expect(&mut player.to_backend, &bytes).map_err(at)?,
                _ => return Err(at("not understood".to_owned())),
            }
        }
        player.quiet()
    }

    /// Everything has been named.
    fn quiet(&self) -> Result<(), String> {
        let (client, backend) = (&self.to_client, &self.to_backend);
        if client.is_empty() && backend.is_empty() && self.happened.is_empty() {
            return Ok(());
        }
        let (client, backend) = (client.escape_ascii(), backend.escape_ascii());
        Err(format!("not named: S: {client} | B> {backend} | {:?}", self.happened))
    }

    // === What comes in ===

    fn arrive(&mut self, kind: &str, bytes: &[u8], cutting: Cutting) -> Result<(), String> {
        let piece = if cutting == Cutting::Bytes { 1 } else { bytes.len().max(1) };
        for bytes in bytes.chunks(piece) {
            if self.relayed {
                let there = if kind == "C:" { &mut self.to_backend } else { &mut self.to_client };
                there.extend_from_slice(bytes);
                continue;
            }
            let session = self.session.as_ref().ok_or("not begun")?;
            let room = if kind == "C:" { session.client_room() } else { session.backend_room() };
            // A shell does not read what there is no room for.
            let Some(bytes) = bytes.get(..bytes.len().min(room)).filter(|some| !some.is_empty())
            else {
                return Err(format!("{} bytes and room for {room}", bytes.len()));
            };
            self.input(if kind == "C:" { Input::Client(bytes) } else { Input::Backend(bytes) });
        }
        Ok(())
    }

    fn order(&mut self, order: &str) -> Result<(), String> {
        let (word, rest) = order.split_once(' ').unwrap_or((order, ""));
        if self.session.is_none() {
            return self.prepare(word, rest);
        }
        match word {
            "wait" => {
                self.quiet()?;
                self.wait(rest.parse().unwrap());
                return Ok(());
            }
            // What the next verdict says besides.
            "not-before" => {
                self.not_before = Some(Tick(rest.parse().unwrap()));
                return Ok(());
            }
            "master" => {
                self.master = Some(rest.into());
                return Ok(());
            }
            // By the hashing threads, or not.
            "derived" | "not-derived" => {
                self.quiet()?;
                let derived = self.derived.take().filter(|_| word == "derived");
                self.input(Input::Derived(derived));
                return Ok(());
            }
            "stage" => {
                let stage = self.session.as_ref().unwrap().stage();
                return if stage == rest { Ok(()) } else { Err(format!("stage is {stage}")) };
            }
            _ => {}
        }
        let before = self.quiet();
        if let Some(mut input) = happening(word, rest) {
            before?;
            if let Input::Verdict { answer, .. } = &mut input {
                answer.not_before = self.not_before.take();
                answer.master_user = self.master.take();
            }
            self.input(input);
            return Ok(());
        }
        match self.happened.pop_front() {
            Some(happened) if happened == order => Ok(()),
            Some(happened) => Err(format!("happened `{happened}`")),
            None => Err(format!(
                "did not happen; S: {} B> {}",
                self.to_client.escape_ascii(),
                self.to_backend.escape_ascii()
            )),
        }
    }

    /// What is different this time; `begin` comes last.
    fn prepare(&mut self, word: &str, rest: &str) -> Result<(), String> {
        match word {
            "protocol" => {
                let named = |protocol: &Protocol| protocol.name() == rest;
                self.scene.protocol = Protocol::ALL.into_iter().find(named);
            }
            "header" => self.scene.header = true,
            "learning" => self.shows_lessons = true,
            "trusts" => self.scene.trusted = Networks::parse(rest)?,
            "private-only" => self.scene.private_only = true,
            "private-wanted" => self.scene.private_wanted = true,
            "tls" => self.scene.tls = true,
            "starttls" => self.scene.starttls = true,
            "behind-tls" => self.scene.behind_tls = true,
            "announces" => self.scene.send_header = true,
            "announces-itself" => self.scene.site_header = true,
            "backend-starttls" => self.scene.backend_starttls = true,
            "offers-exchanges" => self.scene.exchanges = true,
            "offers-external" => self.scene.external = true,
            "certificate-required" => self.scene.certificate_required = true,
            "certificate-names" => self.scene.certificate_names = true,
            "header-is-private" => self.scene.header_is_private = true,
            "seed" => self.scene.seed = rest.parse().unwrap(),
            "begin" => {
                self.session = Some(self.scene.session());
                self.input(Input::Begin);
            }
            other => return Err(format!("no such preparation: {other}")),
        }
        Ok(())
    }

    /// Lets time pass; a deadline on the way is told when it passes.
    fn wait(&mut self, ms: u64) {
        let end = Tick(self.now.0 + ms);
        let mut rounds = 0;
        while let Some(due) = self.session.as_ref().unwrap().deadline().filter(|due| *due <= end) {
            rounds += 1;
            assert!(rounds < 100, "a deadline that stays");
            self.now = due.max(self.now);
            self.input(Input::Deadline);
        }
        self.now = end;
    }

    fn input(&mut self, input: Input<'_>) {
        let session = self.session.as_mut().unwrap();
        session.on(self.now, input, &mut self.outbox);
        self.to_client.append(&mut self.outbox.to_client);
        self.to_backend.append(&mut self.outbox.to_backend);
        let wishes: Vec<Wish> = self.outbox.take_wishes().collect();
        assert!(wishes.len() < WISHES_MAX);
        for wish in wishes {
            self.note(&wish);
        }
        // This client reads at once.
        if self.session.as_ref().unwrap().is_stalled() {
            self.input(Input::ClientTook);
        }
    }

    fn note(&mut self, wish: &Wish) {
        if let Wish::Authenticate(question) = wish {
            let password = String::from_utf8_lossy(question.password.expose()).into_owned();
            self.passwords.extend(Some(password).filter(|password| password.len() > 3));
        }
        let shown = format!("{wish:?}");
        if self.passwords.iter().any(|password| shown.contains(password)) {
            self.happened.push_back(format!("a password is told: {shown}"));
        }
        self.relayed |= matches!(wish, Wish::Relay(_));
        if let Wish::Derive(derivation) = wish {
            self.derived = Some(Box::new(derivation.run()));
        }
        if self.shows_lessons || !matches!(wish, Wish::Learn(_) | Wish::Doubt { .. }) {
            self.happened.push_back(named(wish));
        }
    }
}

/// What others do.
fn happening(word: &str, rest: &str) -> Option<Input<'static>> {
    let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
    Some(match word {
        "grant" => Input::Verdict { answer: stage::accepted(grant(rest)), earlier_failures: 0 },
        "elsewhere" => Input::Verdict { answer: stage::elsewhere(rest), earlier_failures: 0 },
        "refuse" => {
            let reason = Some(second).filter(|reason| !reason.is_empty());
            Input::Verdict {
                answer: stage::refused(failure_named(first), reason),
                earlier_failures: 0,
            }
        }
        "asks-client" => Input::Challenge(rest.as_bytes().into()),
        "go" => Input::Route(RouteAnswer::Go(destination(rest))),
        "hold" => Input::Route(RouteAnswer::Hold),
        "nowhere" => {
            let failure = failure_named(first);
            Input::Route(RouteAnswer::Fail { failure, detail: second.into() })
        }
        "connected" => Input::Connected,
        "broken" => Input::BackendBroken("connection refused"),
        // `[server name]`, or `certificate [user]`
        "client-secured" if first == "certificate" => Input::ClientSecured {
            server_name: None,
            certificate: ClientCertificate::verified(
                Some(second).filter(|it| !it.is_empty()).map(Into::into),
            ),
            security: None,
        },
        "client-secured" => Input::ClientSecured {
            server_name: Some(rest).filter(|it| !it.is_empty()).map(Into::into),
            certificate: ClientCertificate::NONE,
            security: None,
        },
        "client-certificate-refused" => {
            Input::ClientCertificateRefused("the certificate has expired")
        }
        "client-insecure" => Input::ClientInsecure("no version, cipher or group in common"),
        "backend-secured" => Input::BackendSecured,
        "backend-insecure" => {
            Input::BackendInsecure { word: "what went wrong", is_lasting: rest == "certificate" }
        }
        "client-end" => Input::ClientEnd,
        "backend-end" => Input::BackendEnd,
        "backend-down" => Input::BackendDown,
        "backend-full" => Input::BackendFull,
        "cannot-connect" => Input::CannotConnect("no descriptor is left: raise the limit"),
        "shutdown" => Input::Shutdown,
        "kicked" => Input::Kicked,
        "rerouted" => Input::Rerouted,
        "crowded" => Input::Crowded("made room for newer connections (connections_per_core_max)"),
        "deadline" => Input::Deadline,
        _ => return None,
    })
}

/// `user [key=value …]`
fn grant(text: &str) -> Grant {
    let mut words = text.split(' ');
    let mut grant = Grant::new(words.next().unwrap(), true);
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("destuser", user) => grant.destuser = Some(user.into()),
            ("pass", pass) => grant.pass = Some(Secret::from(pass)),
            ("master", master) => grant.master = Some(master.into()),
            ("host", host) => grant.host = Some(host.into()),
            ("port", port) => grant.port = Some(port.parse().unwrap()),
            ("forward", value) => grant.forward.push(("k".into(), value.into())),
            (name @ "forward-too-long-a-name", value) => {
                grant.forward.push((name.into(), value.into()));
            }
            ("backend_connections_max", count) => {
                grant.backend_connections_max = Some(count.parse().unwrap());
            }
            ("nopassword", _) => grant.verified = false,
            ("plain", _) => grant.mech = BackendMech::Plain,
            ("mech", name) => {
                grant.mech = BackendMech::Sasl(Mechanism::named(name.as_bytes()).unwrap());
            }
            ("nonce", nonce) => grant.nonce = nonce.into(),
            ("noauth", _) => grant.noauth = true,
            ("nopipelining", _) => grant.nopipelining = true,
            ("not_trusted", _) => grant.not_trusted = true,
            ("ssl", _) => grant.tls = Some(BackendTls::Implicit(Certificate::Configured)),
            other => panic!("{other:?}"),
        }
    }
    grant
}

/// `host address [group=…] [moving] [switching]`
fn destination(text: &str) -> Destination {
    let words: Vec<&str> = text.split(' ').collect();
    Destination {
        host: words[0].into(),
        address: words[1].parse().unwrap(),
        group: words.iter().find_map(|word| word.strip_prefix("group=")).map(Into::into),
        is_moving: words.contains(&"moving"),
        is_switching: words.contains(&"switching"),
        connections_max: None,
        hop: if words.contains(&"site") { Hop::Site } else { Hop::Backend },
    }
}

// === What goes out ===

fn named(wish: &Wish) -> String {
    match wish {
        Wish::Authenticate(question) => {
            let password = String::from_utf8_lossy(question.password.expose());
            let proof = match question.proof {
                Proof::Password => password.into_owned(),
                Proof::NamedPassword => format!("{password} and certificate"),
                Proof::Certificate => format!("{password}certificate"),
                Proof::Token => format!("token {password}"),
                Proof::None => "nothing".to_owned(),
                Proof::Exchange(mechanism) => format!("{} {password}", mechanism.name()),
            };
            let on_behalf = question
                .authorize_as
                .as_ref()
                .map(|user| format!(" for {user}"))
                .unwrap_or_default();
            let (remote, local) = (question.remote, question.local);
            format!("asks {}{on_behalf} {proof} from {remote} at {local}", question.user)
        }
        Wish::Respond(message) => {
            format!("hands on {}", String::from_utf8_lossy(message.expose()))
        }
        Wish::Derive(_) => "derives".to_owned(),
        Wish::Route(RouteAsk::User { user, tag: None, .. }) => format!("routes user {user}"),
        Wish::Route(RouteAsk::User { user, tag: Some(tag), .. }) => {
            format!("routes user {user} of tag {tag}")
        }
        Wish::Route(RouteAsk::Host { host, .. }) => format!("routes host {host}"),
        Wish::Route(RouteAsk::Referral { host, group, .. }) => {
            format!("routes referral {host} {}", group.as_deref().unwrap_or("-"))
        }
        Wish::DropBackend => "drops".to_owned(),
        Wish::Connect { to, .. } => format!("connects {to}"),
        Wish::SecureClient(early) => format!("secures client {}", early.escape_ascii()),
        Wish::SecureBackend { name, certificate } => format!("secures {name} {certificate:?}"),
        Wish::Relay(handover) => {
            format!("relays {} {}", who(&handover.subject), handover.backend)
        }
        Wish::Close => "closes".to_owned(),
        Wish::Report(event) => format!("logs {}", reported(event)),
        Wish::Learn(lesson) => format!("learns {}", learnt(lesson)),
        Wish::Doubt { host, protocol } => format!("doubts {host} {protocol}"),
    }
}

fn who(subject: &Subject) -> String {
    let user = subject.user.as_deref().unwrap_or("-");
    let master = subject.master.as_ref().map(|master| format!(" by {master}"));
    format!("{user}{}", master.unwrap_or_default())
}

fn reported(event: &Event) -> String {
    match event {
        Event::Refused { peer, reason, .. } => {
            format!("refused {peer}{}: {reason}", if event.is_detail() { " quietly" } else { "" })
        }
        Event::Noticed { notice, .. } => format!("noticed {notice:?}"),
        Event::CertificateRefused { reason, .. } => format!("certificate refused: {reason}"),
        Event::Aborted { reason, tries, .. } => format!("aborted after {}: {reason}", tries.count),
        Event::LoginFailed { failure, detail, subject, .. } => {
            format!("failed {} {failure:?}: {detail}", who(subject))
        }
        Event::Referred { from, to, .. } => format!("referred by {from} to {to}"),
        Event::BackendFailed { backend, failure, detail, retried, .. } => {
            let end = if *retried { "again" } else { "enough" };
            format!("backend {backend} {failure:?} {end}: {detail}")
        }
        Event::LoggedIn { backend, took, .. } => format!("in {backend} {}ms", took.as_millis()),
        other => format!("{other:?}"),
    }
}
