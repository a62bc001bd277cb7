//! Recipients: each is looked up, routed and offered to its backend on its own (wire.md 11.1).
//!
//! One is looked up at a time, because answers come from memory but for a user that nobody has seen; backends are asked
//! about many at once, and the client gets its replies in the order of its commands.

use std::net::SocketAddr;
use std::sync::Arc;

use super::input::LinkId;
use super::link::{Introduction, Link, Rcpt};
use super::machine::{Finding, Lmtp, Slot, Sought};
use super::output::{Outbox, Wish};
use super::parameters;
use super::reply;
use super::transaction::{Fate, Forward, Recipient, Referred, ours};
use crate::auth::answer::Answer;
use crate::auth::ask::{Proof, Question};
use crate::auth::verdict::{BackendTls, Elsewhere, Grant, Verdict};
use crate::backend::forward::hops_left;
use crate::backend::referral::{self, Host, Referral};
use crate::event::Event;
use crate::fault::Failure;
use crate::limits::{LMTP_DESTINATIONS_MAX, REFERRALS_MAX};
use crate::names::{Protocol, SessionId};
use crate::network::canonical;
use crate::secret::Secret;
use crate::session::input::Destination;
use crate::session::output::RouteAsk;
use crate::tick::Tick;
use crate::wire::smtp::path::{Argument, Mailbox, Rules};

impl Lmtp {
    /// A recipient that is written as it should be: who is it?
    pub(super) fn seek(
        &mut self,
        now: Tick,
        mailbox: &Mailbox<'_>,
        told: parameters::Recipient,
        outbox: &mut Outbox,
    ) {
        let user = mailbox.user(&self.settings.delimiters);
        let question = Question {
            protocol: Protocol::Lmtp,
            user: user.into(),
            authorize_as: None,
            proof: Proof::Password,
            password: Secret::default(),
            remote: self.facts.apparent.ip(),
            local: self.facts.local.ip(),
        };
        let Some(transaction) = &mut self.transaction else { return };
        let mut recipient = Recipient::new(mailbox.text);
        (recipient.forward, recipient.dsn) = (told.forward, told.dsn);
        transaction.recipients.push(recipient);
        let recipient = transaction.recipients.len().saturating_sub(1);
        self.finding = Some(Finding { recipient, what: Sought::User, since: now });
        outbox.wish(Wish::Find(Box::new(question)));
    }

    pub(super) fn found(&mut self, now: Tick, answer: Answer, outbox: &mut Outbox) {
        let Some(number) = self.take_finding(Sought::User) else { return };
        let grant = match answer.verdict {
            Verdict::Accept(grant) => *grant,
            Verdict::Elsewhere(place) => return self.sent_away(now, number, &place, outbox),
            Verdict::Refuse { failure, .. } => {
                let detail = match (answer.trouble, answer.why) {
                    (Some(trouble), _) => trouble.to_string(),
                    (None, Some(why)) => why.to_string(),
                    (None, None) => "refused by the user databases".to_owned(),
                };
                return self.not_found(number, failure, &detail, outbox);
            }
        };
        let ask = match &grant.host {
            Some(host) => RouteAsk::Host { host: host.clone(), hostip: grant.hostip },
            None => RouteAsk::User(grant.user.clone()),
        };
        self.take_over(number, grant);
        self.ask_route(now, number, ask, outbox);
    }

    /// What the user databases say of a recipient.
    fn take_over(&mut self, number: usize, grant: Grant) {
        let settings = Arc::clone(&self.settings);
        let told = self.facts.forward.clone();
        let tls = self.backend_tls(grant.tls);
        let Some(recipient) = self.recipient(number) else { return };
        let own = std::mem::take(&mut recipient.forward);
        let mut forward = told;
        for (name, value) in own.into_iter().chain(grant.forward) {
            set(&mut forward, &name, value);
        }
        recipient.forward = forward;
        recipient.port = grant.port;
        recipient.is_secretive = grant.not_trusted;
        recipient.tls = tls;
        if let Some(destuser) = &grant.destuser {
            let rules = Rules { utf8: true, bare_local: true, ..Rules::default() };
            let text = format!("TO:<{}>", recipient.address);
            let argument = Argument::parse(text.as_bytes(), "TO:", rules);
            let mailbox = argument.ok().and_then(|argument| argument.mailbox);
            recipient.renamed = mailbox
                .map(|mailbox| mailbox.renamed(destuser, &settings.delimiters).into())
                .filter(|renamed| *renamed != recipient.address);
        }
        recipient.user = Some(grant.user);
    }

    fn ask_route(&mut self, now: Tick, recipient: usize, ask: RouteAsk, outbox: &mut Outbox) {
        self.finding = Some(Finding { recipient, what: Sought::Route, since: now });
        outbox.wish(Wish::Route(ask));
    }

    /// There is a backend for this recipient: offer it.
    pub(super) fn go(
        &mut self,
        now: Tick,
        number: usize,
        destination: Destination,
        outbox: &mut Outbox,
    ) {
        let default_port = self.settings.port;
        let Some(recipient) = self.recipient(number) else { return };
        let referral = recipient.referral.take();
        let port = match &referral {
            Some(referral) => referral.port.or(recipient.port),
            None => recipient.port,
        };
        let endpoint = SocketAddr::new(destination.address, port.unwrap_or(default_port));
        let here = canonical(endpoint);
        let hops = recipient.path.len();
        let is_loop = recipient.path.contains(&here) || hops > usize::from(REFERRALS_MAX);
        recipient.path.push(here);
        // Its own, whichever name a connection to that address was made by.
        recipient.backend = Some(Arc::clone(&destination.host));
        if let Some(group) = &destination.group {
            set(&mut recipient.forward, "cl_user_group", group.clone());
        }
        let referrals = u8::try_from(hops).unwrap_or(u8::MAX);
        // The listener itself, by its own address or by the one that the client used (W-FWD-3).
        let is_own = here == self.own || here == canonical(self.facts.local);
        if is_loop || is_own || hops_left(&self.facts, referrals).is_none() {
            return self.refuse_recipient(number, reply::LOOP, outbox);
        }
        match self.link_for(now, endpoint, number, referrals, &destination.host, outbox) {
            Some(id) => self.offer(now, id, number, outbox),
            None => self.refuse_recipient(number, reply::TOO_MANY_BACKENDS, outbox),
        }
    }

    /// The connection of this transaction to that place, one that is left from the last transaction, or a new one.
    fn link_for(
        &mut self,
        now: Tick,
        endpoint: SocketAddr,
        number: usize,
        referrals: u8,
        host: &Arc<str>,
        outbox: &mut Outbox,
    ) -> Option<LinkId> {
        let &mut Recipient { is_secretive, tls, .. } = self.recipient(number)?;
        let fits = |slot: &Slot| {
            slot.link.endpoint == endpoint
                && slot.link.tls == tls
                // Whoever has proven to have one name has not proven to have another.
                && (tls == BackendTls::Off || slot.link.host == *host)
                && slot.is_secretive == is_secretive
                && slot.referrals == referrals
                && !slot.link.has_content()
        };
        if let Some((id, _)) = self.live_slots().find(|(_, slot)| fits(slot)) {
            return Some(id);
        }
        if self.live_slots().count() >= LMTP_DESTINATIONS_MAX {
            let (spare, _) = self.live_slots().find(|(_, slot)| slot.link.is_spare())?;
            self.drop_link(spare, true, outbox);
        }
        let free = self.links.iter().position(Option::is_none).unwrap_or(self.links.len());
        let id = LinkId(u8::try_from(free).ok()?);
        let host = Arc::clone(host);
        let introduction = if is_secretive { None } else { self.introduction(referrals) };
        let link = Link::new(now, host, endpoint, tls, &self.settings.hostname, introduction);
        let slot = Some(Box::new(Slot { link, is_secretive, referrals, leaving: false }));
        match self.links.get_mut(free) {
            Some(place) => *place = slot,
            None => self.links.push(slot),
        }
        outbox.wish(Wish::Connect(id, endpoint));
        Some(id)
    }

    /// Each backend connection has a session id of its own (W-FWD-4), and waits less long than our client (wire.md 11.4).
    fn introduction(&mut self, referrals: u8) -> Option<Introduction> {
        self.connections = self.connections.saturating_add(1);
        let mut facts = self.facts.clone();
        facts.forward = Vec::new();
        let sub = format!("{}:P{}", facts.session_id, self.connections);
        facts.session_id = SessionId::parse(&sub).unwrap_or(facts.session_id);
        let hops = hops_left(&facts, referrals)?;
        let timeout_s = self.timeout_s.map(|seconds| seconds.saturating_sub(3).max(1));
        let ipv6_prefix = self.settings.xclient_ipv6_prefix;
        Some(Introduction { facts, hops, helo: self.helo.clone(), timeout_s, ipv6_prefix })
    }

    fn offer(&mut self, now: Tick, id: LinkId, number: usize, outbox: &mut Outbox) {
        let Some(transaction) = &mut self.transaction else { return };
        let Some(recipient) = transaction.recipients.get_mut(number) else { return };
        recipient.link = Some(id);
        let rcpt = Rcpt {
            number,
            address: recipient.renamed.clone().unwrap_or_else(|| recipient.address.clone()),
            original: recipient.renamed.is_some().then(|| recipient.address.clone()),
            forward: recipient.forward.clone(),
            dsn: recipient.dsn.clone(),
        };
        let sender = transaction.sender.clone();
        let mut news = Vec::new();
        if let Some(slot) = self.slot_mut(id) {
            slot.link.begin(&sender);
            slot.link.add(now, rcpt, &mut news);
        }
        self.take_news(now, id, news, outbox);
    }

    /// A connection that is left from before failed at the beginning of this transaction: the backend may be well, and has
    /// agreed to nothing yet. A new one, once; when that fails, the backend does.
    pub(super) fn replace_link(
        &mut self,
        now: Tick,
        old: LinkId,
        recipients: &[usize],
        outbox: &mut Outbox,
    ) {
        let Some(slot) = self.slot(old) else { return };
        let (host, endpoint) = (Arc::clone(&slot.link.host), slot.link.endpoint);
        let referrals = slot.referrals;
        self.drop_link(old, false, outbox);
        for &number in recipients {
            match self.link_for(now, endpoint, number, referrals, &host, outbox) {
                Some(id) => self.offer(now, id, number, outbox),
                None => self.refuse_recipient(number, reply::TOO_MANY_BACKENDS, outbox),
            }
        }
    }

    /// A backend says that the user is elsewhere (W-LMTP-8): the routing layer is asked whether that place is ours, as
    /// soon as nothing else is asked.
    pub(super) fn follow_referral(&mut self, now: Tick, outbox: &mut Outbox) -> bool {
        if self.finding.is_some() {
            return false;
        }
        let Some(transaction) = &self.transaction else { return false };
        let is_referred = |recipient: &Recipient| recipient.referral.is_some();
        let Some(number) = transaction.recipients.iter().position(is_referred) else {
            return false;
        };
        let Some(recipient) = self.recipient(number) else { return false };
        let Some(Referred { host, .. }) = recipient.referral.clone() else { return false };
        let known = recipient.forward.iter().find(|(name, _)| &**name == "cl_user_group");
        let group = known.map(|(_, group)| group.clone());
        self.ask_route(now, number, RouteAsk::Referral { host, group }, outbox);
        true
    }

    /// Takes a referral in; only as the same user (W-REF-2).
    pub(super) fn refer(&mut self, number: usize, referral: Referral, outbox: &mut Outbox) {
        let Some(recipient) = self.recipient(number) else { return };
        recipient.link = None;
        let names = [Some(&recipient.address), recipient.renamed.as_ref(), recipient.user.as_ref()];
        let is_same = referral.user.as_ref().is_none_or(|user| {
            names.into_iter().flatten().any(|name| name.eq_ignore_ascii_case(user))
        });
        if !is_same {
            let detail = "a referral names another user";
            return self.not_found(number, Failure::RedirectFailed, detail, outbox);
        }
        let host = match referral.host {
            Host::Address(address) => address.to_string().into_boxed_str(),
            Host::Name(name) => name,
        };
        recipient.referral = Some(Referred { host, port: referral.port });
    }

    /// The recipient's mail is taken elsewhere: another tier of proxies is told where, everybody else that the user is
    /// disabled (W-REF-5).
    fn sent_away(&mut self, now: Tick, number: usize, place: &Elsewhere, outbox: &mut Outbox) {
        let detail = format!("nologin: the user is served at {}", place.host);
        self.not_found(number, Failure::Disabled, &detail, outbox);
        if self.facts.trusted
            && let Some(recipient) = self.recipient(number)
        {
            let Elsewhere { user, host, port, .. } = place;
            let mut reply = referral::written(Protocol::Lmtp, user, host, *port).into_vec();
            reply.extend(b"\r\n");
            recipient.refuse(reply.into());
        }
        self.heard(now);
    }

    /// No backend could be asked about this recipient.
    pub(super) fn not_found(
        &mut self,
        number: usize,
        failure: Failure,
        detail: &str,
        outbox: &mut Outbox,
    ) {
        self.finding.take_if(|finding| finding.recipient == number);
        let Some(recipient) = self.recipient(number) else { return };
        let name = recipient.user.as_ref().unwrap_or(&recipient.address);
        let user = crate::event::escaped(name.as_bytes(), crate::limits::USER_BYTES_MAX);
        let subject = self.subject(Some(&user));
        outbox.wish(Wish::Report(Event::LoginFailed { subject, failure, detail: detail.into() }));
        if let Some(recipient) = self.recipient(number) {
            recipient.refuse(ours(reply::of_failure(failure)));
        }
    }

    fn refuse_recipient(&mut self, number: usize, words: &'static str, outbox: &mut Outbox) {
        let Some(recipient) = self.recipient(number) else { return };
        let user = recipient.user.clone();
        recipient.refuse(ours(words));
        let subject = self.subject(user.as_deref());
        let failure = Failure::InternalConfig;
        outbox.wish(Wish::Report(Event::LoginFailed { subject, failure, detail: words.into() }));
    }

    pub(super) fn recipient(&mut self, number: usize) -> Option<&mut Recipient> {
        self.transaction.as_mut()?.recipients.get_mut(number)
    }

    /// Recipients on a backend connection, of a transaction.
    pub(super) fn recipients_of(&self, id: LinkId, fate: Fate) -> Vec<usize> {
        let Some(transaction) = &self.transaction else { return Vec::new() };
        let all = transaction.recipients.iter().enumerate();
        let here =
            all.filter(|(_, recipient)| recipient.link == Some(id) && recipient.fate == fate);
        here.map(|(number, _)| number).collect()
    }
}

/// Sets a forward variable; the last one of equal names counts.
fn set(forward: &mut Forward, name: &str, value: Box<str>) {
    forward.retain(|(known, _)| &**known != name);
    forward.push((name.into(), value));
}
