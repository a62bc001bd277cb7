//! What an LMTP session stands on in these tests: settings, a client, users and where they live.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hale::auth::answer::Answer;
use hale::auth::verdict::{BackendTls, Certificate, Elsewhere, Grant, Verdict};
use hale::fault::Failure;
use hale::limits;
use hale::lmtp::{Lmtp, LmtpSettings};
use hale::network::Networks;
use hale::session::input::{Destination, Hop, RouteAnswer};
use hale::session::output::RouteAsk;
use hale::session::{SendHeader, SiteHeader};
use hale::tick::Tick;
use hale::wire::smtp::keywords::Extension;
use hale::wire::smtp::path::Brackets;

use crate::client_facts;

/// A user: what the databases and the routing layer say of him.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) grant: Grant,
    pub(super) refusal: Option<Failure>,
    pub(super) route: Result<Destination, Failure>,
    /// The group is being moved.
    pub(super) is_held: bool,
}

/// What is different in one test.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) header: bool,
    pub(super) trusted: Networks,
    pub(super) starttls: bool,
    /// The listener's connections begin with TLS.
    pub(super) behind_tls: bool,
    pub(super) send_header: SendHeader,
    pub(super) site_header: SiteHeader,
    pub(super) tls: BackendTls,
    pub(super) any_certificate: bool,
    pub(super) ttl: Option<u8>,
    /// What clients are promised in the backends' name.
    pub(super) extensions: Vec<Extension>,
    pub(super) brackets: Brackets,
    pub(super) users: BTreeMap<String, User>,
    /// Hosts that referrals may name.
    pub(super) hosts: BTreeMap<String, IpAddr>,
}

/// `no`, `starttls` or `yes`; with `:any` behind it, any certificate will do.
pub(super) fn tls_named(text: &str) -> BackendTls {
    let (mode, certificate) = match text.split_once(':') {
        Some((mode, _)) => (mode, Certificate::Any),
        None => (text, Certificate::Configured),
    };
    match mode {
        "no" => BackendTls::Off,
        "starttls" => BackendTls::Starttls(certificate),
        "yes" => BackendTls::Implicit(certificate),
        other => panic!("{other}"),
    }
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            header: false,
            trusted: Networks::default(),
            starttls: false,
            behind_tls: false,
            send_header: SendHeader::No,
            site_header: SiteHeader::default(),
            tls: BackendTls::Off,
            any_certificate: false,
            ttl: None,
            extensions: vec![Extension::EightBitMime],
            brackets: Brackets::Needed,
            users: BTreeMap::new(),
            hosts: BTreeMap::new(),
        }
    }
}

impl Scene {
    pub(super) fn session(&self) -> Lmtp {
        let settings = LmtpSettings {
            hostname: "hale.example".into(),
            greeting: "ready".into(),
            trusted: self.trusted.clone(),
            proxy_header_timeout: limits::PROXY_HEADER_TIMEOUT,
            port: 24,
            send_header: self.send_header,
            site_header: self.site_header.clone(),
            tls: self.tls,
            extensions: self.extensions.as_slice().into(),
            brackets: self.brackets,
            verify_backends: !self.any_certificate,
            backend_connections_max: 0,
            xclient_ipv6_prefix: false,
            delimiters: "+".into(),
            starttls: self.starttls,
        };
        let mut facts = client_facts(false);
        facts.ttl = self.ttl.unwrap_or(limits::LMTP_PROXY_TTL);
        facts.local = SocketAddr::from(([198, 51, 100, 1], 24));
        if self.header {
            facts.socket = SocketAddr::from(([10, 0, 0, 2], 5000));
            (facts.origin, facts.apparent) = (facts.socket, facts.socket);
        }
        facts.trusted = self.trusted.contains(facts.origin.ip());
        let session = Lmtp::new(Arc::new(settings), facts, self.header, Tick(0));
        if self.behind_tls { session.behind_tls() } else { session }
    }

    /// `name host address [group=…] [destuser=…] [forward=…] [port=…] [host=…] [tls=…] [secret] [site] [switching] [refused=…] [nowhere=…] [held]`
    pub(super) fn add_user(&mut self, text: &str) {
        let words: Vec<&str> = text.split(' ').collect();
        let mut user = User {
            grant: Grant::new(words[0], false),
            refusal: None,
            route: Ok(Destination {
                host: words[1].into(),
                address: words[2].parse().unwrap(),
                group: None,
                is_moving: false,
                is_switching: false,
                connections_max: None,
                hop: Hop::Backend,
            }),
            is_held: false,
        };
        for word in &words[3..] {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let failure = || crate::dialogues::failure_named(value);
            match name {
                "group" => user.route.as_mut().unwrap().group = Some(value.into()),
                "destuser" => user.grant.destuser = Some(value.into()),
                "forward" => user.grant.forward.push(("k".into(), value.into())),
                "port" => user.grant.port = Some(value.parse().unwrap()),
                "host" => user.grant.host = Some(value.into()),
                "tls" => user.grant.tls = Some(tls_named(value)),
                "secret" => user.grant.not_trusted = true,
                "switching" => user.route.as_mut().unwrap().is_switching = true,
                "site" => user.route.as_mut().unwrap().hop = Hop::Site,
                "refused" => user.refusal = Some(failure()),
                "nowhere" => user.route = Err(failure()),
                "held" => user.is_held = true,
                other => panic!("{other}"),
            }
        }
        self.users.insert(words[0].to_owned(), user);
    }

    pub(super) fn find(&self, name: &str) -> Box<Answer> {
        let name = name.to_ascii_lowercase();
        let user = self.users.get(&name);
        let refused = |failure| Verdict::Refuse { failure, reason: None };
        let verdict = match user {
            None => refused(Failure::Credentials),
            // `nologin` and `host`.
            Some(User { refusal: Some(Failure::Disabled), grant, .. }) if grant.host.is_some() => {
                let (user, host) = (grant.user.clone(), grant.host.clone().unwrap());
                let elsewhere = Elsewhere { user, host, port: grant.port, reason: None };
                Verdict::Elsewhere(Box::new(elsewhere))
            }
            Some(User { refusal: Some(failure), .. }) => refused(*failure),
            Some(user) => Verdict::Accept(Box::new(user.grant.clone())),
        };
        Box::new(Answer {
            verdict,
            master_user: None,
            nodelay: false,
            delay_until: None,
            not_before: None,
            why: None,
            trouble: None,
        })
    }

    pub(super) fn route(&self, ask: &RouteAsk) -> RouteAnswer {
        let known = match ask {
            RouteAsk::User { user, .. } if self.users[&**user].is_held => return RouteAnswer::Hold,
            RouteAsk::User { user, .. } => self.users[&**user].route.clone(),
            RouteAsk::Host { host, .. } | RouteAsk::Referral { host, .. } => {
                let literal = host.parse().ok();
                let known = self.hosts.get(&**host).copied().or(literal);
                known
                    .map(|address| Destination {
                        host: (&**host).into(),
                        address,
                        group: None,
                        is_moving: false,
                        is_switching: false,
                        connections_max: None,
                        hop: Hop::Backend,
                    })
                    .ok_or(Failure::RedirectFailed)
            }
        };
        match known {
            Ok(destination) => RouteAnswer::Go(destination),
            Err(failure) => RouteAnswer::Fail { failure, detail: "nowhere".into() },
        }
    }
}
