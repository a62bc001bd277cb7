//! Recipients: each is looked up, routed and offered to its backend on its own (W-LMTP-10).
//!
//! One is looked up at a time, because answers come from memory but for a user that has not been seen before; backends are
//! asked about many at once, and the client gets its replies in the order of its commands.
//!
//! Decides: who a recipient is, which connection it shares, which referrals are followed. Does not: know users or routes.
//! Driver: `machine`, `commands`, `delivery`. Tests: `tests/transcripts/lmtp`.

use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;

use super::delivery::{Delivery, Scene};
use super::envelope::{Forward, Rcpt};
use super::input::LinkId;
use super::link::{Introduction, Purpose};
use super::output::Wish;
use super::parameters;
use super::reply::{self, ours};
use super::settings::LmtpSettings;
use super::transaction::{LookUp, Recipient, Referred, Sought};
use crate::auth::answer::Answer;
use crate::auth::ask::{Proof, Question};
use crate::auth::verdict::{BackendTls, Certificate, Elsewhere, Grant, Verdict};
use crate::backend::forward::hops_left;
use crate::backend::referral::{self, Host, Referral};
use crate::event::{Event, escaped};
use crate::facts::{Approach, Transport};
use crate::fault::Failure;
use crate::limits::{LMTP_PROXY_TTL, REFERRALS_MAX, USER_BYTES_MAX};
use crate::names::{Protocol, SessionId};
use crate::network::canonical;
use crate::secret::Secret;
use crate::session::input::{Destination, Hop, RouteAnswer};
use crate::session::output::{Lesson, RouteAsk};
use crate::wire::smtp::path::{Argument, Mailbox, Rules};

impl Delivery {
    /// A recipient that is written as it should be: who is it?
    pub(super) fn look_up(
        &mut self,
        mailbox: &Mailbox<'_>,
        told: parameters::Recipient,
        scene: &mut Scene<'_>,
    ) {
        let Some(transaction) = &mut self.transaction else { return };
        let question = Question {
            protocol: Protocol::Lmtp,
            user: mailbox.user(&scene.settings.delimiters).into(),
            authorize_as: None,
            proof: Proof::Password,
            password: Secret::default(),
            bound_to: Secret::default(),
            remote: scene.front.facts.apparent.ip(),
            local: scene.front.facts.local.ip(),
            approach: Approach {
                is_secured: scene.front.facts.transport == Transport::Tls,
                security: scene.front.security,
                ..Approach::default()
            },
        };
        let mut recipient = Recipient::new(mailbox.text);
        (recipient.forward, recipient.dsn) = (told.forward, told.dsn);
        transaction.recipients.push(recipient);
        let recipient = transaction.recipients.len().saturating_sub(1);
        transaction.look_up(LookUp { recipient, what: Sought::User, since: scene.now });
        scene.outbox.wish(Wish::Find(Box::new(question)));
    }

    /// The user databases have answered.
    pub(super) fn found(&mut self, answer: Answer, scene: &mut Scene<'_>) {
        let Some(number) = self.take_look_up(Sought::User) else { return };
        let grant = match answer.verdict {
            Verdict::Accept(grant) => *grant,
            Verdict::Elsewhere(place) => return self.sent_away(number, &place, scene),
            Verdict::Refuse { failure, .. } => {
                let detail = match (answer.trouble, answer.why) {
                    (Some(trouble), _) => trouble.to_string(),
                    (None, Some(why)) => why.to_string(),
                    (None, None) => "refused by the user databases".to_owned(),
                };
                return self.not_found(number, failure, &detail, scene);
            }
        };
        let ask = match &grant.host {
            Some(host) => RouteAsk::Host { host: host.clone(), hostip: grant.hostip },
            None => RouteAsk::User {
                user: grant.user.clone(),
                tag: grant.cluster_tag.clone(),
                is_sent_here: scene.front.facts.has_come_from_proxy(LMTP_PROXY_TTL),
            },
        };
        let told = &scene.front.facts.forward;
        if let Some(recipient) = self.recipient(number) {
            recipient.take_over(grant, told, scene.settings);
        }
        self.ask_route(number, ask, scene);
    }

    fn ask_route(&mut self, recipient: usize, ask: RouteAsk, scene: &mut Scene<'_>) {
        let Some(transaction) = &mut self.transaction else { return };
        transaction.look_up(LookUp { recipient, what: Sought::Route, since: scene.now });
        scene.outbox.wish(Wish::Route(ask));
    }

    /// The routing layer has answered.
    pub(super) fn routed(&mut self, answer: RouteAnswer, scene: &mut Scene<'_>) {
        let Some(number) = self.take_look_up(Sought::Route) else { return };
        match answer {
            RouteAnswer::Go(destination)
                if destination.hop == Hop::Site
                    && scene.front.facts.has_come_from_proxy(LMTP_PROXY_TTL) =>
            {
                self.sent_on(number, &destination, scene);
            }
            RouteAnswer::Go(destination) => self.go(number, destination, scene),
            RouteAnswer::Hold => {
                // A sender comes again; its other recipients must not wait.
                let detail = "the user or the user's group is being moved";
                self.not_found(number, Failure::Unavailable, detail, scene);
                if let Some(recipient) = self.recipient(number) {
                    recipient.refuse(ours(reply::MOVING));
                }
            }
            RouteAnswer::Fail { failure, detail } => {
                self.not_found(number, failure, &detail, scene);
            }
        }
    }

    /// The recipient whose answer this is; none: it is not wanted any more.
    fn take_look_up(&mut self, what: Sought) -> Option<usize> {
        let look_up = self.transaction.as_mut()?.take_look_up(|look_up| look_up.what == what);
        look_up.map(|look_up| look_up.recipient)
    }

    /// A question that nothing has answered in time is given up.
    pub(super) fn give_up_late_look_up(&mut self, scene: &mut Scene<'_>) {
        let Some(transaction) = &mut self.transaction else { return };
        let late = transaction.take_look_up(|look_up| look_up.deadline() <= scene.now);
        let Some(LookUp { recipient, .. }) = late else { return };
        scene.outbox.wish(Wish::DropQuestion);
        self.not_found(recipient, Failure::Unavailable, "no answer", scene);
    }

    /// There is a backend for this recipient: offer it.
    fn go(&mut self, number: usize, destination: Destination, scene: &mut Scene<'_>) {
        let Some(recipient) = self.recipient(number) else { return };
        let referral = recipient.referral.take();
        let port = match &referral {
            Some(referral) => referral.port.or(recipient.port),
            None => recipient.port,
        };
        let endpoint = SocketAddr::new(destination.address, port.unwrap_or(scene.settings.port));
        let here = canonical(endpoint);
        let hops = recipient.path.len();
        let is_loop = recipient.path.contains(&here) || hops > usize::from(REFERRALS_MAX);
        recipient.path.push(here);
        if referral.is_none() {
            recipient.is_switching = destination.is_switching;
        }
        let lesson = referral.as_ref().filter(|_| !recipient.is_switching);
        let sent_on = lesson.and_then(|_| recipient.user.clone()).map(|user| {
            let (group, to) = (destination.group.clone(), destination.host.clone());
            Lesson::SentOn { user, group, to }
        });
        // Its own, whichever name a connection to that address was made by.
        recipient.backend = Some(Arc::clone(&destination.host));
        if let Some(group) = destination.group {
            set(&mut recipient.forward, "cl_user_group", group);
        }
        let purpose = Purpose {
            endpoint,
            host: destination.host,
            tls: recipient.tls,
            is_secretive: recipient.is_secretive,
            hop: destination.hop,
            referrals: u8::try_from(hops).unwrap_or(u8::MAX),
            connections_max: match destination.hop {
                Hop::Backend => {
                    let most = destination.connections_max.map(NonZero::get);
                    let most = recipient.connections_max.or(most);
                    most.unwrap_or(scene.settings.backend_connections_max)
                }
                Hop::Site => 0,
            },
        };
        let has_hops = hops_left(&scene.front.facts, purpose.referrals).is_some();
        let is_own = scene.front.is_own(endpoint);
        if is_loop || (is_own && referral.is_some()) {
            return self.refuse_circle(number, &purpose, scene);
        }
        if is_own || !has_hops {
            return self.refuse_recipient(number, reply::LOOP, scene);
        }
        if let Some(lesson) = sent_on {
            scene.outbox.wish(Wish::Learn(lesson));
        }
        self.offer(number, purpose, scene);
    }

    /// Offers a recipient on the connection of this transaction to that place, on one that is left from the last
    /// transaction, or on a new one.
    fn offer(&mut self, number: usize, purpose: Purpose, scene: &mut Scene<'_>) {
        let id = match self.links.find(&purpose) {
            Some(id) => Some(id),
            None => {
                let is_secretive = purpose.is_secretive;
                let introduction =
                    if is_secretive { None } else { self.introduction(purpose.referrals, scene) };
                let hostname = &scene.settings.hostname;
                self.links.connect(scene.now, purpose, hostname, introduction, scene.outbox)
            }
        };
        let Some(id) = id else {
            return self.refuse_recipient(number, reply::TOO_MANY_BACKENDS, scene);
        };
        let Some(transaction) = &mut self.transaction else { return };
        let Some(recipient) = transaction.recipients.get_mut(number) else { return };
        recipient.link = Some(id);
        let rcpt = recipient.written(number);
        let (now, sender) = (scene.now, &transaction.sender);
        let mut news = Vec::new();
        if let Some(link) = self.links.live_mut(id) {
            link.begin(sender);
            link.add(now, rcpt, &mut news);
        }
        self.take_news(id, news, scene);
    }

    /// Each backend connection has a session id of its own (W-FWD-4), and waits less long than our client (W-LMTP-15).
    fn introduction(&mut self, referrals: u8, scene: &Scene<'_>) -> Option<Introduction> {
        self.connections = self.connections.saturating_add(1);
        let mut facts = scene.front.facts.clone();
        facts.forward = Vec::new();
        let sub = format!("{}:P{}", facts.session_id, self.connections);
        facts.session_id = SessionId::parse(&sub).unwrap_or(facts.session_id);
        let hops = hops_left(&facts, referrals)?;
        let timeout_s = scene.hello.timeout_s.map(|seconds| seconds.saturating_sub(3).max(1));
        let helo = scene.hello.name().map(Into::into);
        let ipv6_prefix = scene.settings.xclient_ipv6_prefix;
        Some(Introduction { facts, hops, helo, timeout_s, ipv6_prefix })
    }

    /// A connection that is left from before failed at the beginning of this transaction: the backend may be well, and has
    /// agreed to nothing yet. A new one, once; when that fails, the backend does.
    pub(super) fn replace_link(
        &mut self,
        old: LinkId,
        recipients: &[usize],
        scene: &mut Scene<'_>,
    ) {
        let Some(purpose) = self.links.get(old).map(|link| link.purpose.clone()) else { return };
        self.links.drop_link(old, false, scene.outbox);
        for &number in recipients {
            self.offer(number, purpose.clone(), scene);
        }
    }

    /// A backend says that the user is elsewhere (W-LMTP-8): the routing layer is asked whether that place is ours, as
    /// soon as nothing else is asked. Whether there was something to ask.
    pub(super) fn follow_referral(&mut self, scene: &mut Scene<'_>) -> bool {
        let Some(transaction) = &self.transaction else { return false };
        if transaction.pending_look_up().is_some() {
            return false;
        }
        let mut all = transaction.recipients.iter().enumerate();
        let referred = all.find_map(|(number, recipient)| {
            let host = recipient.referral.as_ref()?.host.clone();
            let group = recipient.group();
            // A user without a name has not been granted, and was offered to no backend.
            let user = recipient.user.clone()?;
            Some((number, RouteAsk::Referral { host, group, user, tag: recipient.tag.clone() }))
        });
        let Some((number, ask)) = referred else { return false };
        self.ask_route(number, ask, scene);
        true
    }

    /// Takes a referral in; only as the same user (W-REF-2).
    pub(super) fn refer(&mut self, number: usize, referral: Referral, scene: &mut Scene<'_>) {
        let Some(recipient) = self.recipient(number) else { return };
        recipient.link = None;
        let names = [Some(&recipient.address), recipient.renamed.as_ref(), recipient.user.as_ref()];
        let is_same = referral.user.as_ref().is_none_or(|user| {
            names.into_iter().flatten().any(|name| name.eq_ignore_ascii_case(user))
        });
        if !is_same {
            let detail = "a referral names another user";
            return self.not_found(number, Failure::RedirectFailed, detail, scene);
        }
        let host = match referral.host {
            Host::Address(address) => address.to_string().into_boxed_str(),
            Host::Name(name) => name,
        };
        recipient.referral = Some(Referred { host, port: referral.port });
    }

    /// The recipient's mail is taken elsewhere: another tier of proxies is told where, every other client that the user is
    /// disabled (W-REF-5).
    fn sent_away(&mut self, number: usize, place: &Elsewhere, scene: &mut Scene<'_>) {
        let detail = format!("nologin: the user is served at {}", place.host);
        self.not_found(number, Failure::Disabled, &detail, scene);
        if scene.front.facts.trusted
            && let Some(recipient) = self.recipient(number)
        {
            let Elsewhere { user, host, port, .. } = place;
            let mut reply = referral::written(Protocol::Lmtp, user, host, *port).into_vec();
            reply.extend(b"\r\n");
            recipient.refuse(reply.into());
        }
    }

    /// The recipient of another site's proxy belongs to a third site: that proxy is told to go there itself (W-REF-6).
    fn sent_on(&mut self, number: usize, destination: &Destination, scene: &mut Scene<'_>) {
        let Some(recipient) = self.recipient(number) else { return };
        let port = recipient.port.unwrap_or(scene.settings.port);
        // As the peer knows it.
        let user = recipient.address.clone();
        let mut reply =
            referral::written(Protocol::Lmtp, &user, &destination.host, Some(port)).into_vec();
        reply.extend(b"\r\n");
        let detail =
            format!("the user is served at another site: referred to {}", destination.host);
        self.not_found(number, Failure::Referred, &detail, scene);
        if let Some(recipient) = self.recipient(number) {
            recipient.refuse(reply.into());
        }
    }

    /// No backend could be asked about this recipient.
    fn not_found(&mut self, number: usize, failure: Failure, detail: &str, scene: &mut Scene<'_>) {
        let Some(recipient) = self.recipient(number) else { return };
        let name = recipient.user.as_ref().unwrap_or(&recipient.address);
        let user = escaped(name.as_bytes(), USER_BYTES_MAX);
        let subject = scene.front.subject(Some(user), None);
        recipient.refuse(ours(reply::of_failure(failure)));
        scene.report(Event::LoginFailed { subject, details: None, failure, detail: detail.into() });
    }

    /// Backends or sites send the recipient to each other. Which is right is in rows that change, and mail must not bounce
    /// meanwhile (W-LMTP-1).
    fn refuse_circle(&mut self, number: usize, purpose: &Purpose, scene: &mut Scene<'_>) {
        let Purpose { host, endpoint, .. } = purpose;
        let detail = format!(
            "proxying loops: referred to {host} ({endpoint}) again; do the sites agree where the user is?"
        );
        self.not_found(number, Failure::RedirectFailed, &detail, scene);
        if let Some(recipient) = self.recipient(number) {
            recipient.refuse(ours(reply::CIRCLE));
        }
    }

    fn refuse_recipient(&mut self, number: usize, words: &'static str, scene: &mut Scene<'_>) {
        let Some(recipient) = self.recipient(number) else { return };
        recipient.refuse(ours(words));
        let subject = scene.front.subject(recipient.user.clone(), None);
        let failure = Failure::InternalConfig;
        scene.report(Event::LoginFailed { subject, details: None, failure, detail: words.into() });
    }
}

impl Recipient {
    /// As routing found it.
    pub(super) fn group(&self) -> Option<Box<str>> {
        let known = self.forward.iter().find(|(name, _)| &**name == "cl_user_group");
        known.map(|(_, group)| group.clone())
    }

    /// What the user databases say of it. `told`: what a trusted peer told of all of them.
    fn take_over(&mut self, grant: Grant, told: &Forward, settings: &LmtpSettings) {
        let own = std::mem::take(&mut self.forward);
        self.forward.clone_from(told);
        for (name, value) in own.into_iter().chain(grant.forward) {
            set(&mut self.forward, &name, value);
        }
        self.port = grant.port;
        self.connections_max = grant.backend_connections_max;
        self.tag.clone_from(&grant.cluster_tag);
        self.is_secretive = grant.not_trusted;
        self.tls = backend_tls(grant.tls, settings);
        if let Some(destuser) = &grant.destuser {
            let rules = Rules { utf8: true, bare_local: true, ..Rules::default() };
            let text = format!("TO:<{}>", self.address);
            let argument = Argument::parse(text.as_bytes(), "TO:", rules);
            let mailbox = argument.ok().and_then(|argument| argument.mailbox);
            self.renamed = mailbox
                .map(|mailbox| mailbox.renamed(destuser, &settings.delimiters).into())
                .filter(|renamed| *renamed != self.address);
        }
        self.user = Some(grant.user);
    }

    /// As a backend gets it.
    fn written(&self, number: usize) -> Rcpt {
        Rcpt {
            number,
            address: self.renamed.clone().unwrap_or_else(|| self.address.clone()),
            original: self.renamed.is_some().then(|| self.address.clone()),
            forward: self.forward.clone(),
            dsn: self.dsn.clone(),
        }
    }
}

/// What a recipient demands of the way to its backend: the user database's word, else the configuration's.
fn backend_tls(granted: Option<BackendTls>, settings: &LmtpSettings) -> BackendTls {
    match granted.unwrap_or(settings.tls) {
        BackendTls::Starttls(_) if !settings.verify_backends => {
            BackendTls::Starttls(Certificate::Any)
        }
        BackendTls::Implicit(_) if !settings.verify_backends => {
            BackendTls::Implicit(Certificate::Any)
        }
        tls => tls,
    }
}

/// Sets a forward variable; the last one of equal names counts.
fn set(forward: &mut Forward, name: &str, value: Box<str>) {
    forward.retain(|(known, _)| &**known != name);
    forward.push((name.into(), value));
}
