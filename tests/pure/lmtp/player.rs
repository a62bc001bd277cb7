//! Plays a transcript against an LMTP session. A transcript is a list of lines:
//!
//! ```text
//! C: text            the client says text and CRLF
//! S: text            we say text and CRLF to the client
//! 0< text            the backend behind connection 0 says text and CRLF
//! 0> text            we say text and CRLF to it
//! ! order            see `Player::prepare`, `happening`, and `named` for what must have happened
//! # …                comment
//! ```
//!
//! Escapes are those of `dialogues`. Users are looked up and routed at once, as the preparation says; whatever else
//! happened has to be named before time passes or anything but bytes comes in.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hale::event::Event;
use hale::lmtp::{Input, Leaving, LinkId, Lmtp, Outbox, Wish};
use hale::network::Networks;
use hale::session::{SendHeader, SiteHeader};
use hale::tick::Tick;
use hale::wire::smtp::keywords::Extension;
use hale::wire::smtp::path::Brackets;

use super::stage::{Scene, tls_named};
use crate::dialogues::{expect, learnt, unescaped};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cutting {
    Lines,
    Bytes,
    Glued,
}

pub(super) struct Player {
    scene: Scene,
    cutting: Cutting,
    session: Option<Lmtp>,
    outbox: Outbox,
    now: Tick,
    to_client: Vec<u8>,
    to_backends: BTreeMap<u8, Vec<u8>>,
    connected: BTreeSet<u8>,
    /// Backends that take nothing.
    stuck: BTreeSet<u8>,
    /// The routing layer does not answer.
    mute: bool,
    /// Lessons are to be named as everything else.
    shows_lessons: bool,
    happened: VecDeque<String>,
}

impl Player {
    pub(super) fn play(text: &str, cutting: Cutting) -> Result<(), String> {
        let mut player = Self {
            scene: Scene::default(),
            cutting,
            session: None,
            outbox: Outbox::new(),
            now: Tick(0),
            to_client: Vec::new(),
            to_backends: BTreeMap::new(),
            connected: BTreeSet::new(),
            stuck: BTreeSet::new(),
            mute: false,
            shows_lessons: false,
            happened: VecDeque::new(),
        };
        let mut lines = text
            .lines()
            .enumerate()
            .filter(|(_, l)| !l.is_empty() && !l.starts_with('#'))
            .peekable();
        while let Some((number, line)) = lines.next() {
            let at = |complaint: String| format!("line {}: {line}\n    {complaint}", number + 1);
            let kind = line.get(..2).unwrap_or_default().to_owned();
            if let Some(order) = line.strip_prefix("! ") {
                player.order(order).map_err(at)?;
                continue;
            }
            let mut bytes = unescaped(line);
            while cutting == Cutting::Glued
                && (kind == "C:" || kind.ends_with('<'))
                && lines.peek().is_some_and(|(_, l)| l.starts_with(&kind))
            {
                bytes.extend(lines.next().map(|(_, l)| unescaped(l)).unwrap_or_default());
            }
            let link: Option<u8> = kind.get(..1).and_then(|digit| digit.parse().ok());
            match (&*kind, link) {
                ("C:", _) => player.client(&bytes).map_err(at)?,
                ("S:", _) => expect(&mut player.to_client, &bytes).map_err(at)?,
                (kind, Some(link)) if kind.ends_with('<') => {
                    player.backend(link, &bytes).map_err(at)?;
                }
                (_, Some(link)) => {
                    let said = player.to_backends.entry(link).or_default();
                    expect(said, &bytes).map_err(at)?;
                }
                _ => return Err(at("not understood".to_owned())),
            }
        }
        player.quiet()
    }

    /// Everything has been named.
    fn quiet(&self) -> Result<(), String> {
        let unsaid: Vec<String> = self
            .to_backends
            .iter()
            .filter(|(_, said)| !said.is_empty())
            .map(|(link, said)| format!("{link}> {}", said.escape_ascii()))
            .collect();
        if self.to_client.is_empty() && unsaid.is_empty() && self.happened.is_empty() {
            return Ok(());
        }
        let client = self.to_client.escape_ascii();
        Err(format!("not named: S: {client} | {unsaid:?} | {:?}", self.happened))
    }

    // === What comes in ===

    fn client(&mut self, bytes: &[u8]) -> Result<(), String> {
        let piece = if self.cutting == Cutting::Bytes { 1 } else { bytes.len() };
        for bytes in bytes.chunks(piece) {
            let room = self.session.as_ref().ok_or("not begun")?.client_room();
            if bytes.len() > room {
                return Err(format!("{} bytes and room for {room}", bytes.len()));
            }
            self.input(Input::Client(bytes));
        }
        Ok(())
    }

    fn backend(&mut self, link: u8, bytes: &[u8]) -> Result<(), String> {
        let piece = if self.cutting == Cutting::Bytes { 1 } else { bytes.len() };
        for bytes in bytes.chunks(piece) {
            let room = self.session.as_ref().ok_or("not begun")?.link_room(LinkId(link));
            if bytes.len() > room {
                return Err(format!("{} bytes and room for {room}", bytes.len()));
            }
            self.input(Input::Backend(LinkId(link), bytes));
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
            "stage" => {
                let stage = self.session.as_ref().unwrap().stage();
                return if stage == rest { Ok(()) } else { Err(format!("stage is {stage}")) };
            }
            "stuck" => {
                self.stuck.insert(rest.parse().unwrap());
                return Ok(());
            }
            "mute" => {
                self.mute = true;
                return Ok(());
            }
            // `leave HOST USER`: the user leaves the backend; whether there is mail on its way.
            "leave" => {
                self.quiet()?;
                let (backend, user) = rest.split_once(' ').unwrap();
                let users = BTreeSet::from([Box::from(user)]);
                let leaving = Leaving { backend, groups: None, users: Some(&users) };
                if !self.session.as_ref().unwrap().has_mail_for(&leaving) {
                    return Err("no mail is on its way there".to_owned());
                }
                self.input(Input::Leave(leaving));
                return Ok(());
            }
            "no-mail" => {
                let (backend, group) = rest.split_once(' ').unwrap();
                let groups = BTreeSet::from([Box::from(group)]);
                let leaving = Leaving { backend, groups: Some(&groups), users: None };
                let has_mail = self.session.as_ref().unwrap().has_mail_for(&leaving);
                return if has_mail { Err("mail is on its way there".to_owned()) } else { Ok(()) };
            }
            // `send COUNT TEXT`: the client says so much of it.
            "send" => {
                let (count, text) = rest.split_once(' ').unwrap();
                let bytes = unescaped(&format!("C: {text}")).repeat(count.parse().unwrap());
                return self.client(&bytes);
            }
            _ => {}
        }
        let before = self.quiet();
        if let Some(input) = happening(word, rest) {
            before?;
            if let Input::Connected(LinkId(link)) = input {
                self.connected.insert(link);
            }
            self.input(input);
            return Ok(());
        }
        match self.happened.pop_front() {
            Some(happened) if happened == order => Ok(()),
            Some(happened) => Err(format!("happened `{happened}`")),
            None => Err(format!(
                "did not happen; S: {} {:?}",
                self.to_client.escape_ascii(),
                self.to_backends
                    .values()
                    .map(|said| said.escape_ascii().to_string())
                    .collect::<Vec<_>>()
            )),
        }
    }

    /// What is different this time; `begin` comes last.
    fn prepare(&mut self, word: &str, rest: &str) -> Result<(), String> {
        match word {
            "header" => self.scene.header = true,
            "learning" => self.shows_lessons = true,
            "trusts" => self.scene.trusted = Networks::parse(rest)?,
            "starttls" => self.scene.starttls = true,
            "behind-tls" => self.scene.behind_tls = true,
            "announces" => self.scene.send_header = SendHeader::V1,
            "announces-itself" => {
                self.scene.site_header = SiteHeader::new(SendHeader::V1, Box::default());
            }
            "proxy_ssl" => self.scene.tls = tls_named(rest),
            "any-certificate" => self.scene.any_certificate = true,
            "promises" => {
                let named = |word| Extension::named(word).ok_or("no extension");
                self.scene.extensions = rest.split(' ').map(named).collect::<Result<_, _>>()?;
            }
            "unbracketed" => self.scene.brackets = Brackets::Optional,
            "ttl" => self.scene.ttl = Some(rest.parse().unwrap()),
            "user" => self.scene.add_user(rest),
            "host" => {
                let (name, address) = rest.split_once(' ').unwrap();
                self.scene.hosts.insert(name.to_owned(), address.parse().unwrap());
            }
            "begin" => {
                self.session = Some(self.scene.session());
                self.input(Input::Begin);
            }
            other => return Err(format!("no such preparation: {other}")),
        }
        Ok(())
    }

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
        let wishes: Vec<Wish> = self.outbox.take_wishes().collect();
        self.move_bytes();
        let mut next = Vec::new();
        for wish in wishes {
            match &wish {
                Wish::Find(question) => next.push(Input::Found(self.scene.find(&question.user))),
                Wish::Route(ask) if !self.mute => next.push(Input::Route(self.scene.route(ask))),
                Wish::Route(_) | Wish::DropQuestion => {}
                Wish::Drop(link) => {
                    self.session.as_mut().unwrap().forget(*link);
                    self.connected.remove(&link.0);
                    self.happened.push_back(format!("drops {}", link.0));
                }
                Wish::Learn(_) if !self.shows_lessons => {}
                other => self.happened.push_back(named(other)),
            }
        }
        for input in next {
            self.input(input);
        }
        // This client reads at once.
        if self.session.as_ref().unwrap().is_stalled() {
            self.input(Input::ClientTook);
        }
    }

    /// Sends what backends are due, in bits and pieces.
    fn move_bytes(&mut self) {
        let session = self.session.as_mut().unwrap();
        let links: Vec<LinkId> = session.links().collect();
        let mut out = vec![0; if self.cutting == Cutting::Bytes { 3 } else { 4096 }];
        let mut took = false;
        for link in links {
            if !self.connected.contains(&link.0) || self.stuck.contains(&link.0) {
                continue;
            }
            loop {
                let count = session.fill(link, &mut out);
                let sent = if self.cutting == Cutting::Bytes { count.min(2) } else { count };
                session.sent(self.now, link, sent);
                self.to_backends.entry(link.0).or_default().extend(&out[..sent]);
                took |= sent > 0;
                if sent == 0 {
                    break;
                }
            }
        }
        if took {
            self.input(Input::BackendTook);
        }
    }
}

/// What others do.
fn happening(word: &str, rest: &str) -> Option<Input<'static>> {
    let link = || LinkId(rest.parse().unwrap());
    Some(match word {
        "connected" => Input::Connected(link()),
        "broken" => Input::Broken(link(), "connection refused"),
        "backend-full" => Input::BackendFull(link()),
        "cannot-connect" => Input::CannotConnect(link(), "no descriptor is left: raise the limit"),
        "backend-end" => Input::BackendEnd(link()),
        "client-end" => Input::ClientEnd,
        "client-gone" => Input::ClientGone,
        "secured" => {
            let server_name = Some(rest.into()).filter(|_| !rest.is_empty());
            Input::ClientSecured { server_name }
        }
        "certificate-refused" => Input::ClientCertificateRefused("the certificate has expired"),
        "insecure" => Input::ClientInsecure("this is not TLS, or it is damaged"),
        "injected" => Input::ClientInjected,
        "backend-secured" => Input::BackendSecured(link()),
        "backend-insecure" => Input::BackendInsecure {
            link: link(),
            word: "a record cannot be decrypted",
            is_lasting: false,
        },
        "backend-is-somebody-else" => Input::BackendInsecure {
            link: link(),
            word: "the certificate is for another name",
            is_lasting: true,
        },
        "crowded" => Input::Crowded,
        "shutdown" => Input::Shutdown,
        _ => return None,
    })
}

fn named(wish: &Wish) -> String {
    match wish {
        Wish::Connect { link, to, .. } => format!("connects {} {to}", link.0),
        Wish::SecureClient(early) if early.is_empty() => "secures the client".to_owned(),
        Wish::SecureClient(early) => format!("secures the client with {}", early.escape_ascii()),
        Wish::SecureBackend { link, name, certificate } => {
            format!("secures {} as {name} {certificate:?}", link.0)
        }
        Wish::Close => "closes".to_owned(),
        Wish::Learn(lesson) => format!("learns {}", learnt(lesson)),
        Wish::Report(event) => format!("logs {}", reported(event)),
        other => format!("{other:?}"),
    }
}

fn reported(event: &Event) -> String {
    match event {
        Event::Refused { peer, reason, .. } => {
            format!("refused {peer}{}: {reason}", if event.is_detail() { " quietly" } else { "" })
        }
        Event::CertificateRefused { reason, .. } => format!("certificate refused: {reason}"),
        Event::Aborted { reason, .. } => format!("aborted: {reason}"),
        Event::LoginFailed { failure, detail, subject, .. } => {
            format!("failed {} {failure:?}: {detail}", subject.user.as_deref().unwrap_or("-"))
        }
        Event::BackendFailed { backend, failure, detail, retried, .. } => {
            let again = if *retried { " (again)" } else { "" };
            format!("backend {backend} {failure:?}{again}: {detail}")
        }
        Event::Delivered { recipient, backend, bytes, reply, accepted, subject, .. } => {
            let word = if *accepted { "delivered" } else { "undelivered" };
            let (user, backend) =
                (subject.user.as_deref().unwrap_or("-"), backend.as_deref().unwrap_or("-"));
            format!("{word} {recipient} of {user} at {backend}, {bytes} bytes: {reply}")
        }
        other => format!("{other:?}"),
    }
}
