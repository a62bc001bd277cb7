//! Look-ups: who a user is, and where the user lives.
//!
//! What memory holds is answered at once: password files, the cache of verified passwords, the published table, the
//! cache of users. Only a costly hash goes to the hashing pool, and only a user or group that is not in memory goes to the
//! control core; their answers come by mailbox and carry the slot's generation (W-PIPE-6).
//!
//! Decides: what has to be asked elsewhere. Does not: know whose session it is; an [`Asker`] is one connection's number and
//! its question under way. Driven by the login driver and by LMTP.

use std::sync::Arc;

use crate::auth::answer::Answer as AuthAnswer;
use crate::auth::ask::Question;
use crate::auth::cache::{Key, Verifications};
use crate::auth::chain::{Chain, Step};
use crate::auth::passdb::Passdbs;
use crate::auth::scheme::SchemeError;
use crate::fault::Failure;
use crate::limits;
use crate::names::CoreId;
use crate::route::decide::{self, Decision, Moving, RouteQuestion, UserKnown, Writes, decide};
use crate::route::fault::RouteFault;
use crate::route::redirect::follow_referral;
use crate::route::rows::BackendStatus;
use crate::route::table::{Place, Table};
use crate::secret::Secret;
use crate::session::input::{Destination, Hop, RouteAnswer};
use crate::session::output::RouteAsk;
use crate::share::backend_loads::BackendLoads;
use crate::share::counters::Counter;
use crate::share::evidence::Evidence;
use crate::share::exchange::Exchange;
use crate::share::mailbox::Mailbox;
use crate::share::messages::{Answer, Doubt, HashJob, Ticket, ToControl};
use crate::share::site_attempts::SiteAttempts;
use crate::share::snapshot::Reader;
use crate::share::users::{Cached, FRESH_FOR};
use crate::share::visitors::Visitors;
use crate::tick::Tick;
use crate::worker::settings::VerifiedCache;

use super::held::Held;

/// One core's way to look up.
#[derive(Debug)]
pub struct LookUps {
    core: CoreId,
    passdbs: Reader<Passdbs>,
    table: Reader<Table>,
    exchange: Exchange,
    verified: Verifications,
    verified_secret: Secret,
    held: Held,
}

/// A connection that asks.
#[derive(Debug)]
pub(in crate::worker) struct Asker<'a> {
    pub(in crate::worker) asking: &'a mut Asking,
    pub(in crate::worker) slot: u32,
    pub(in crate::worker) generation: u32,
}

/// The question of one connection that is under way, and its number.
#[derive(Debug, Default)]
pub(in crate::worker) struct Asking {
    pending: Option<Box<Pending>>,
    /// The number of the last question asked.
    question: u32,
}

/// A question under way.
#[derive(Debug)]
enum Pending {
    /// The chain goes on when its hash is compared.
    Password { chain: Box<Chain>, key: Key },
    /// The decision is made again when the control core has looked the user up.
    Route { ask: RouteAsk, rounds: Rounds },
}

/// What came out of a question.
#[derive(Debug)]
pub(in crate::worker) enum Found {
    /// Whether the password is right, and who the user is.
    Verdict(Box<AuthAnswer>),
    /// Where to go.
    Route(RouteAnswer),
}

impl Asking {
    /// No answer is wanted any more.
    pub(in crate::worker) fn forget(&mut self) {
        self.pending = None;
    }
}

impl Asker<'_> {
    /// The ticket of the next question. Answers to earlier ones are worth nothing from here on: the verdict on one login must
    /// never reach another.
    fn ticket(&mut self, core: CoreId) -> Ticket {
        let Self { asking, slot, generation } = self;
        asking.question = asking.question.wrapping_add(1);
        asking.pending = None;
        Ticket { core, slot: *slot, generation: *generation, question: asking.question }
    }

    fn wait_for(&mut self, pending: Pending) {
        self.asking.pending = Some(Box::new(pending));
    }
}

impl LookUps {
    /// The ways of one core.
    #[must_use]
    pub fn new(core: CoreId, exchange: Exchange, cache: &VerifiedCache) -> Self {
        Self {
            core,
            passdbs: exchange.passdbs.reader(),
            table: exchange.table.reader(),
            exchange,
            verified: Verifications::new(&cache.rules),
            verified_secret: cache.secret.clone(),
            held: Held::default(),
        }
    }

    /// Which core asks.
    pub(in crate::worker) fn core(&self) -> CoreId {
        self.core
    }

    /// The way to the control core.
    pub(in crate::worker) fn to_control(&self) -> Arc<Mailbox<ToControl>> {
        Arc::clone(&self.exchange.to_control)
    }

    /// The books of other sites and of backends.
    pub(in crate::worker) fn books(&self) -> (SiteAttempts, Evidence) {
        (self.exchange.site_attempts.clone(), self.exchange.evidence.clone())
    }

    /// How many connections backends have.
    pub(in crate::worker) fn loads(&self) -> BackendLoads {
        self.exchange.loads.clone()
    }

    /// Why no login waits for this backend any more; none: it is not offline.
    pub(in crate::worker) fn given_up(&mut self, host: &str) -> Option<&'static str> {
        let table = self.table.current();
        let Some(Place::Backend(id)) = table.place_by_host(host) else { return None };
        let backend = table.backend(id)?;
        (backend.status == BackendStatus::Offline)
            .then_some("was set offline meanwhile, and is not waited for")
    }

    /// The book of visitors.
    pub(in crate::worker) fn visitors(&self) -> Visitors {
        self.exchange.visitors.clone()
    }

    /// Whom LMTP looks up: compares no password, so that nothing of it takes long.
    pub(in crate::worker) fn find(&mut self, question: Question) -> Option<Box<AuthAnswer>> {
        Chain::look_up(&self.passdbs.shared(), question)
    }

    /// Asks the password databases. `None`: the answer comes later.
    pub(in crate::worker) fn authenticate(
        &mut self,
        asker: Asker<'_>,
        question: Question,
        now: Tick,
    ) -> Option<Box<AuthAnswer>> {
        let step = Chain::start(&self.passdbs.shared(), question);
        self.authenticate_on(asker, step, now)
    }

    fn authenticate_on(
        &mut self,
        mut asker: Asker<'_>,
        mut step: Step,
        now: Tick,
    ) -> Option<Box<AuthAnswer>> {
        loop {
            let (chain, job) = match step {
                Step::Done(answer) => return Some(answer),
                Step::Verify(chain, job) => (chain, job),
            };
            let key = job.key(&self.verified_secret);
            if let Some(is_right) = self.verified.recall(key, now) {
                step = chain.verified(Ok(is_right));
                continue;
            }
            let ticket = asker.ticket(self.core);
            if self.exchange.hashing.push(HashJob { ticket, job }).is_err() {
                // The pool is behind: a temporary failure now is better than a login that times out (SA-18).
                step = chain.verified(Err(SchemeError::Busy));
                continue;
            }
            asker.wait_for(Pending::Password { chain, key });
            return None;
        }
    }

    /// Asks the routing layer. `None`: the answer comes later.
    pub(in crate::worker) fn route(
        &mut self,
        asker: Asker<'_>,
        ask: RouteAsk,
        now: Tick,
    ) -> Option<RouteAnswer> {
        self.route_round(asker, ask, Rounds::default(), now)
    }

    fn route_round(
        &mut self,
        mut asker: Asker<'_>,
        ask: RouteAsk,
        mut rounds: Rounds,
        now: Tick,
    ) -> Option<RouteAnswer> {
        let wanted = match &ask {
            RouteAsk::User { user, tag, is_sent_here } => {
                match self.route_user(user, tag.as_deref(), &rounds, now) {
                    // The sites of a group that just left one of them, or came home, hear of it one after the other.
                    Ok(answer)
                        if *is_sent_here && !rounds.has_read_again && is_elsewhere(&answer) =>
                    {
                        rounds.has_read_again = true;
                        self.read_again(&mut asker, user, None, Doubt::Contradicted)
                    }
                    Ok(answer) => return Some(answer),
                    Err(Unknown::WhetherItLeft) => {
                        rounds.has_read_again = true;
                        self.read_again(&mut asker, user, None, Doubt::HomeAway)
                    }
                    Err(Unknown::Rows) => ToControl::LookUp {
                        ticket: Some(asker.ticket(self.core)),
                        user: user.clone(),
                        tag: tag.clone(),
                    },
                }
            }
            RouteAsk::Referral { host, group, user, tag } => {
                let table = self.table.current();
                match follow_referral(table, host, group.as_deref()) {
                    Ok(destination) if !is_here(table, &destination) => {
                        return Some(RouteAnswer::Go(in_cluster(destination)));
                    }
                    // The user lives here, they say, or where no row knows: the rows may know better by now.
                    Ok(_) | Err(RouteFault::UnknownReferral) if !rounds.has_read_again => {
                        rounds.has_read_again = true;
                        self.read_again(&mut asker, user, group.clone(), Doubt::Contradicted)
                    }
                    Ok(_) | Err(RouteFault::UnknownReferral) => {
                        let (user, tag) = (user.clone(), tag.clone());
                        let ask = RouteAsk::User { user, tag, is_sent_here: false };
                        return self.route_round(asker, ask, rounds, now);
                    }
                    Err(fault) => {
                        let (failure, detail) = (fault.failure(), fault.text().into());
                        return Some(RouteAnswer::Fail { failure, detail });
                    }
                }
            }
            RouteAsk::Host { host, hostip } => {
                let literal = host.parse().ok().or(*hostip);
                if let Some(address) = literal {
                    return Some(RouteAnswer::Go(named(host.clone(), address)));
                }
                ToControl::Resolve { ticket: asker.ticket(self.core), host: host.clone() }
            }
        };
        if self.exchange.to_control.send(wanted).is_err() {
            let detail = "the control core is behind: its mailbox is full".into();
            return Some(RouteAnswer::Fail { failure: Failure::Unavailable, detail });
        }
        asker.wait_for(Pending::Route { ask, rounds });
        None
    }

    fn read_again(
        &self,
        asker: &mut Asker<'_>,
        user: &str,
        group: Option<Box<str>>,
        doubt: fn(Ticket) -> Doubt,
    ) -> ToControl {
        let doubt = doubt(asker.ticket(self.core));
        ToControl::ReadAgain { user: user.into(), group, doubt }
    }

    /// Decides from memory. `Err`: the control core has to read or write first.
    fn route_user(
        &mut self,
        user: &str,
        tag: Option<&str>,
        rounds: &Rounds,
        now: Tick,
    ) -> Result<RouteAnswer, Unknown> {
        let table = self.table.current();
        let users = &self.exchange.users;
        // While the GeoDB does not answer even a row that may have changed is better than none.
        let is_alone = rounds.trouble.is_some() || users.is_alone();
        let cached = users.at_login(user, now).filter(|cached| is_alone || !cached.is_doubtful);
        let stale = cached.as_ref().is_some_and(|cached| is_stale(cached, now));
        let known = match &cached {
            Some(cached) => UserKnown::Row(&cached.row),
            None if rounds.trouble.is_some() => UserKnown::Unreachable,
            None => UserKnown::NotAsked,
        };
        let sent_on = self.exchange.referrals.of(user, now);
        let (writes, sent_on) = (rounds.writes, sent_on.as_ref());
        let question = RouteQuestion { tag, writes, sent_on, ..RouteQuestion::of(user) };
        let decision = decide(table, known, &question);
        if stale && rounds.count == 0 {
            // The login goes on with the old row (DESIGN decision 6). A full mailbox: the next login asks again.
            let tag = tag.map(Into::into);
            let refresh = ToControl::LookUp { ticket: None, user: user.into(), tag };
            let _ = self.exchange.to_control.send(refresh);
        }
        if is_alone && matches!(decision, Decision::Go { .. }) {
            self.exchange.count(self.core, Counter::GeodbStaleRouting);
        }
        match decision {
            Decision::Go { destination, change, homecoming } => {
                if let Some(change) = change {
                    // No login waits for the write; every login of the group repeats it until it is done.
                    let _ = self.exchange.to_control.send(ToControl::Change(change));
                }
                if let Some(change) = homecoming {
                    let _ = self.exchange.to_control.send(ToControl::Homecoming(change));
                }
                // While the GeoDB does not answer no move comes to its end, and the group is where it was.
                if destination.moving == Moving::Held && !is_alone {
                    return Ok(self.held.answer(now));
                }
                Ok(RouteAnswer::Go(in_cluster(destination)))
            }
            // Another proxy may have heard of it earlier, and have let the group leave already (C-SITE-10).
            Decision::Fail { fault, .. }
                if fault.is_home_away()
                    && !rounds.has_read_again
                    && !is_alone
                    && table.sites().len() > 1 =>
            {
                Err(Unknown::WhetherItLeft)
            }
            Decision::Fail { fault, about } => {
                let detail: String = if let (RouteFault::GeoDbUnreachable, Some(trouble)) =
                    (fault, &rounds.trouble)
                {
                    format!("{}: {trouble}", fault.text())
                } else if about.is_empty() {
                    fault.text().into()
                } else {
                    format!("{}: {about}", fault.text())
                };
                Ok(RouteAnswer::Fail { failure: fault.failure(), detail: detail.into() })
            }
            Decision::NeedUser
            | Decision::NeedTable
            | Decision::AssignUser(_)
            | Decision::MoveUser(_)
            | Decision::FailOver(_)
            | Decision::CreateGroup(_)
                if rounds.count < ROUNDS_MAX =>
            {
                Err(Unknown::Rows)
            }
            Decision::NeedUser
            | Decision::NeedTable
            | Decision::AssignUser(_)
            | Decision::MoveUser(_)
            | Decision::FailOver(_)
            | Decision::CreateGroup(_) => Ok(RouteAnswer::Fail {
                failure: Failure::Unavailable,
                detail: "the GeoDB keeps changing under this login".into(),
            }),
        }
    }

    /// The answer to a question came. What it means, unless it is late, or leads to another question.
    pub(in crate::worker) fn answered(
        &mut self,
        mut asker: Asker<'_>,
        question: u32,
        answer: Answer,
        now: Tick,
    ) -> Option<Found> {
        if asker.asking.question != question {
            return None;
        }
        match (*asker.asking.pending.take()?, answer) {
            (Pending::Password { chain, key }, Answer::Verified(result)) => {
                if let Ok(is_right) = result {
                    self.verified.remember(key, is_right, now);
                }
                let step = chain.verified(result);
                self.authenticate_on(asker, step, now).map(Found::Verdict)
            }
            (Pending::Route { ask, rounds }, Answer::LookedUp) => {
                self.route_round(asker, ask, rounds.next(), now).map(Found::Route)
            }
            (Pending::Route { ask, rounds }, Answer::Withheld { trouble }) => {
                let rounds = Rounds { trouble, writes: Writes::Withheld, ..rounds.next() };
                self.route_round(asker, ask, rounds, now).map(Found::Route)
            }
            (Pending::Route { .. }, Answer::Failed { failure, detail }) => {
                Some(Found::Route(RouteAnswer::Fail { failure, detail }))
            }
            (
                Pending::Route { ask: RouteAsk::Host { host, .. }, .. },
                Answer::Resolved(address),
            ) => Some(Found::Route(RouteAnswer::Go(named(host, address)))),
            // An answer of another kind than was asked for: the deadline of the question will pass.
            (pending, _) => {
                asker.wait_for(pending);
                None
            }
        }
    }
}

/// How often one question has been decided, and what was learnt from the control core.
#[derive(Debug, Default)]
struct Rounds {
    count: u8,
    writes: Writes,
    /// The rows were read again for this login.
    has_read_again: bool,
    /// The GeoDB's.
    trouble: Option<Box<str>>,
}

impl Rounds {
    fn next(self) -> Self {
        Self { count: self.count + 1, ..self }
    }
}

/// What memory does not hold.
enum Unknown {
    /// Rows that the decision needs.
    Rows,
    /// Whether the user's group has left a home that is away.
    WhetherItLeft,
}

/// Another site serves the user.
fn is_elsewhere(answer: &RouteAnswer) -> bool {
    matches!(answer, RouteAnswer::Go(Destination { hop: Hop::Site, .. }))
}

/// Whether the row is to be read again, while the login goes on with this one.
fn is_stale(cached: &Cached, now: Tick) -> bool {
    let fresh_for = if cached.row.is_moving() { limits::MOVING_ROW_FRESH_FOR } else { FRESH_FOR };
    now.since(cached.read_at) > fresh_for
}

/// The local site's own proxies.
fn is_here(table: &Table, destination: &decide::Destination) -> bool {
    let local = table.local_site();
    matches!(destination.hop, decide::Hop::Site(id) if local.is_some_and(|site| site.id == id))
}

fn in_cluster(destination: decide::Destination) -> Destination {
    Destination {
        host: destination.host,
        address: destination.address,
        group: destination.group,
        is_moving: destination.moving != Moving::No,
        is_switching: destination.is_switching,
        connections_max: destination.connections_max,
        hop: match destination.hop {
            decide::Hop::Backend(_) => Hop::Backend,
            decide::Hop::Site(_) => Hop::Site,
        },
    }
}

fn named(host: Box<str>, address: std::net::IpAddr) -> Destination {
    Destination {
        host: host.into(),
        address,
        group: None,
        is_moving: false,
        is_switching: false,
        connections_max: None,
        hop: Hop::Backend,
    }
}

/// Reading the user, creating the group, finishing a move: more rounds than that mean that another writer works
/// against us.
const ROUNDS_MAX: u8 = 4;

#[cfg(test)]
mod tests;
