//! Look-ups: who a user is, and where the user lives.
//!
//! What memory holds is answered at once: password files, the cache of verified passwords, the published table, the
//! cache of users, what password databases elsewhere have replied. Only a costly hash goes to the hashing pool, and only what
//! is not in memory goes to the control core; their answers come by mailbox and carry the slot's generation (W-PIPE-6).
//!
//! Decides: what has to be asked elsewhere. Does not: know whose session it is; an [`Asker`] is one connection's number and
//! its question under way. Driven by the login driver and by LMTP.

use std::sync::Arc;

use crate::auth::answer::Answer as AuthAnswer;
use crate::auth::ask::Question;
use crate::auth::cache::{CacheRules, Key, Verifications};
use crate::auth::chain::{Chain, Doubt as ReplyDoubt, Step};
use crate::auth::inquiry::{Inquiry, RemoteTrouble, Reply};
use crate::auth::passdb::Passdbs;
use crate::auth::scheme::SchemeError;
use crate::auth::scram::{self, Derivation, Derived};
use crate::auth::verdict::{BackendMech, Verdict};
use crate::names::CoreId;
use crate::names::mechanism::Mechanism;
use crate::route::decide::Writes;
use crate::route::rows::BackendStatus;
use crate::route::table::{Place, Table};
use crate::secret::Secret;
use crate::session::input::{Destination, Hop, RouteAnswer};
use crate::session::output::RouteAsk;
use crate::share::backend_loads::BackendLoads;
use crate::share::counters::Counter;
use crate::share::evidence::Evidence;
use crate::share::exchange::Exchange;
use crate::share::guesses::Guesses;
use crate::share::mailbox::Mailbox;
use crate::share::messages::{Answer, Asked, HashJob, HashTask, Ticket, ToControl};
use crate::share::site_attempts::SiteAttempts;
use crate::share::snapshot::Reader;
use crate::share::visitors::Visitors;
use crate::tick::Tick;
use crate::worker::settings::VerifiedCache;

use super::held::Held;

mod policy;
mod routes;
pub(in crate::worker) mod under_policy;

pub(in crate::worker) use under_policy::About;
use under_policy::{PolicyRules, UnderPolicy};

/// One core's way to look up.
#[derive(Debug)]
pub struct LookUps {
    core: CoreId,
    passdbs: Reader<Passdbs>,
    table: Reader<Table>,
    exchange: Exchange,
    verified: Verifications,
    cache_rules: CacheRules,
    verified_secret: Secret,
    held: Held,
    policy: PolicyRules,
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
    /// What a policy server knows of the login under way.
    policy: Option<Box<UnderPolicy>>,
}

/// A question under way.
#[derive(Debug)]
enum Pending {
    /// The databases are asked when the policy server has ruled.
    Policy(Box<Question>),
    /// The login is answered when the policy server has ruled on it.
    PolicyAfter(Box<AuthAnswer>),
    /// The chain goes on when its hash is compared.
    Password { chain: Box<Chain>, key: Key },
    /// The chain goes on when its keys are derived.
    Keys(Box<Chain>),
    /// The backend's dialogue goes on when this is computed.
    Derivation,
    /// The chain goes on when the client has answered its challenge.
    Client(Box<Chain>),
    /// The chain goes on when the password database has replied.
    Passdb { chain: Box<Chain>, key: Key, is_recheck: bool },
    /// The decision is made again when the control core has looked the user up.
    Route { ask: RouteAsk, rounds: Rounds },
}

/// What came out of a question.
#[derive(Debug)]
pub(in crate::worker) enum Found {
    /// Whether the password is right, and who the user is.
    Verdict(Box<AuthAnswer>),
    /// What the client is to be asked.
    Challenge(Box<[u8]>),
    /// What SCRAM with the backend needs; none: the hashing threads are behind.
    Derived(Option<Box<Derived>>),
    /// Where to go.
    Route(RouteAnswer),
}

impl Asking {
    /// No answer is wanted any more.
    pub(in crate::worker) fn forget(&mut self) {
        self.pending = None;
        self.policy = None;
    }
}

impl Asker<'_> {
    /// The same, lent.
    fn again(&mut self) -> Asker<'_> {
        let Self { asking, slot, generation } = self;
        Asker { asking, slot: *slot, generation: *generation }
    }

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
            cache_rules: cache.rules,
            verified_secret: cache.secret.clone(),
            held: Held::default(),
            policy: PolicyRules::default(),
        }
    }

    /// Other rules for what is remembered, which is then as good as forgotten, and for when the policy server is asked. The
    /// tables are looked at, so that former ones are not kept for the sake of a core without logins.
    pub(in crate::worker) fn renew(&mut self, cache: &VerifiedCache, policy: PolicyRules) {
        if self.cache_rules != cache.rules {
            self.verified = Verifications::new(&cache.rules);
            self.cache_rules = cache.rules;
        }
        self.policy = policy;
        self.passdbs.current();
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

    /// The book of failed logins.
    pub(in crate::worker) fn guesses(&self) -> Guesses {
        self.exchange.guesses.clone()
    }

    /// The book of visitors.
    pub(in crate::worker) fn visitors(&self) -> Visitors {
        self.exchange.visitors.clone()
    }

    /// Whom LMTP looks up: no password is compared. `None`: the answer comes later.
    pub(in crate::worker) fn find(
        &mut self,
        asker: Asker<'_>,
        question: Question,
        now: Tick,
    ) -> Option<Box<AuthAnswer>> {
        let step = Chain::look_up(&self.passdbs.shared(), question);
        match self.authenticate_on(asker, step, now)? {
            Found::Verdict(answer) => Some(answer),
            // No client is there to be asked.
            Found::Challenge(_) | Found::Derived(_) | Found::Route(_) => None,
        }
    }

    fn authenticate_on(
        &mut self,
        mut asker: Asker<'_>,
        mut step: Step,
        now: Tick,
    ) -> Option<Found> {
        loop {
            step = match step {
                Step::Done(mut answer) => {
                    self.draw_for_backend(&mut asker, &mut answer, now);
                    return Some(Found::Verdict(answer));
                }
                Step::Draw(chain) => chain.drawn(&self.draw(&mut asker, now)),
                Step::Challenge(chain, message) => {
                    asker.wait_for(Pending::Client(chain));
                    return Some(Found::Challenge(message));
                }
                Step::Derive(chain, derivation) => {
                    let ticket = asker.ticket(self.core);
                    let task = HashTask::Derive(derivation);
                    if self.exchange.hashing.push(HashJob { ticket, task }).is_ok() {
                        asker.wait_for(Pending::Keys(chain));
                        return None;
                    }
                    chain.derived(Err(SchemeError::Busy))
                }
                Step::Verify(chain, job) => {
                    let key = job.key(&self.verified_secret);
                    if let Some(is_right) = self.verified.recall(key, now) {
                        step = chain.verified(Ok(is_right));
                        continue;
                    }
                    let ticket = asker.ticket(self.core);
                    if self
                        .exchange
                        .hashing
                        .push(HashJob { ticket, task: HashTask::Compare(job) })
                        .is_ok()
                    {
                        asker.wait_for(Pending::Password { chain, key });
                        return None;
                    }
                    // The pool is behind: a temporary failure now is better than a login that times out (SA-18).
                    chain.verified(Err(SchemeError::Busy))
                }
                Step::Ask(chain, inquiry) => self.inquire(&mut asker, chain, inquiry, now)?,
            };
        }
    }

    /// A nonce that no peer can foresee, and that is no other question's.
    fn draw(&self, asker: &mut Asker<'_>, now: Tick) -> String {
        let unique = format!("{:?} {now:?}", asker.ticket(self.core));
        scram::nonce(&self.verified_secret, unique.as_bytes())
    }

    /// Draws what SCRAM with a backend begins with, if there will be one.
    fn draw_for_backend(&self, asker: &mut Asker<'_>, answer: &mut AuthAnswer, now: Tick) {
        if let Verdict::Accept(grant) = &mut answer.verdict
            && let BackendMech::Sasl(mechanism) = grant.mech
            && matches!(mechanism, Mechanism::ScramSha1 | Mechanism::ScramSha256)
        {
            grant.nonce = self.draw(asker, now).into();
        }
    }

    /// Has the hashing threads compute what SCRAM with the backend needs. `None`: it comes later.
    pub(in crate::worker) fn derive(
        &self,
        mut asker: Asker<'_>,
        derivation: Derivation,
    ) -> Option<Found> {
        let ticket = asker.ticket(self.core);
        let task = HashTask::Derive(derivation);
        if self.exchange.hashing.push(HashJob { ticket, task }).is_err() {
            return Some(Found::Derived(None));
        }
        asker.wait_for(Pending::Derivation);
        None
    }

    /// Asks a password database elsewhere, unless it is remembered what that says. `None`: the reply comes later.
    fn inquire(
        &self,
        asker: &mut Asker<'_>,
        chain: Box<Chain>,
        inquiry: Box<Inquiry>,
        now: Tick,
    ) -> Option<Step> {
        let key = inquiry.key(&self.verified_secret);
        let is_recheck = inquiry.is_recheck;
        let recalled = match inquiry.is_cached {
            true => self.exchange.replies.recall(&key, now),
            false => None,
        };
        if let Some(recalled) = recalled.filter(|it| it.is_fresh && !is_recheck) {
            let doubt = match recalled.is_confirmed {
                true => ReplyDoubt::None,
                false => ReplyDoubt::Recheck(inquiry),
            };
            return Some(chain.recalled(recalled.reply, doubt));
        }
        let ticket = asker.ticket(self.core);
        if self.exchange.inquiries.send(Asked { ticket, inquiry }).is_ok() {
            asker.wait_for(Pending::Passdb { chain, key, is_recheck });
            return None;
        }
        let trouble = Reply::Trouble(RemoteTrouble::Behind.into());
        Some(self.replied(chain, &key, is_recheck, trouble, now))
    }

    /// A reply has come. In place of none there is what the database said before, as long as that fits the password.
    fn replied(
        &self,
        chain: Box<Chain>,
        key: &Key,
        is_recheck: bool,
        reply: Reply,
        now: Tick,
    ) -> Step {
        if let Reply::Trouble(cause) = reply
            && !is_recheck
            && let Some(recalled) = self.exchange.replies.recall(key, now)
        {
            self.exchange.count(self.core, Counter::PassdbStaleReplies);
            return chain.recalled(recalled.reply, ReplyDoubt::Trouble(cause));
        }
        chain.answered(reply)
    }

    /// The client has answered the challenge of its login's password databases. `None`: what follows comes later.
    pub(in crate::worker) fn responded(
        &mut self,
        mut asker: Asker<'_>,
        message: &Secret,
        now: Tick,
    ) -> Option<Found> {
        match *asker.asking.pending.take()? {
            Pending::Client(chain) => {
                let found = self.authenticate_on(asker.again(), chain.responded(message), now)?;
                self.judged(asker, found)
            }
            other => {
                asker.asking.pending = Some(Box::new(other));
                None
            }
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
                let found = self.authenticate_on(asker.again(), step, now)?;
                self.judged(asker, found)
            }
            (Pending::Derivation, Answer::Derived(derived)) => {
                Some(Found::Derived(Some(Box::new(derived))))
            }
            (Pending::Keys(chain), Answer::Derived(derived)) => {
                let step = chain.derived(Ok(derived));
                let found = self.authenticate_on(asker.again(), step, now)?;
                self.judged(asker, found)
            }
            (Pending::Passdb { chain, key, is_recheck }, Answer::Replied(reply)) => {
                let step = self.replied(chain, &key, is_recheck, reply, now);
                let found = self.authenticate_on(asker.again(), step, now)?;
                self.judged(asker, found)
            }
            (Pending::Policy(question), Answer::Ruled(ruled)) => {
                self.ruled(asker, *question, ruled, now)
            }
            (Pending::PolicyAfter(answer), Answer::Ruled(ruled)) => {
                Some(Found::Verdict(self.ruled_after(asker, answer, ruled, now)))
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

#[cfg(test)]
mod tests;
