//! Questions of sessions to the rest of the process: passwords and routes.
//!
//! What memory holds is answered at once: password files, the cache of verified passwords, the published table, the
//! cache of users. Only a costly hash goes to the hashing pool, and only a user or group that nobody has seen goes to the
//! control core; their answers come by mail and carry the slot's generation (W-PIPE-6).

use std::time::Duration;

use crate::auth::answer::Answer as AuthAnswer;
use crate::auth::ask::Question;
use crate::auth::cache::{Key, Verifications};
use crate::auth::chain::{Chain, Step};
use crate::auth::passdb::Passdbs;
use crate::auth::scheme::SchemeError;
use crate::fault::Failure;
use crate::names::CoreId;
use crate::ring::port::Port;
use crate::route::decide::{Decision, RouteQuestion, UserKnown, decide};
use crate::route::redirect::follow_referral;
use crate::route::table::Table;
use crate::secret::Secret;
use crate::session::input::{Destination, Input, RouteAnswer};
use crate::session::output::RouteAsk;
use crate::share::exchange::Exchange;
use crate::share::messages::{Answer, HashJob, Ticket, ToControl, ToCore};
use crate::share::snapshot::Reader;
use crate::share::users::FRESH_FOR;
use crate::share::visitors::Visitors;
use crate::tick::Tick;

use super::connection::Phase;
use super::core::Worker;

/// The cache of verified passwords, as configured.
#[derive(Clone, Debug)]
pub struct VerifiedCache {
    /// Keys the cache; drawn at start, never leaves the process.
    pub secret: Secret,
    /// Verified passwords remembered by each core.
    pub entries_max: usize,
    /// For how long.
    pub ttl: Duration,
}

/// One core's way to ask.
#[derive(Debug)]
pub struct Asks {
    core: CoreId,
    passdbs: Reader<Passdbs>,
    table: Reader<Table>,
    exchange: Exchange,
    verified: Verifications,
    verified_secret: Secret,
    /// State of the generator for jitter and session ids; nothing secret hangs on it.
    random: u64,
}

/// A question under way.
#[derive(Debug)]
pub(super) enum Pending {
    /// The chain goes on when its hash is compared.
    Password { chain: Box<Chain>, key: Key },
    /// The decision is made again when the control core has settled the user.
    Route { ask: RouteAsk, rounds: u8 },
}

/// The question of one connection that is under way, and its number.
#[derive(Debug, Default)]
pub(super) struct Asking {
    pending: Option<Box<Pending>>,
    /// The number of the last question asked.
    question: u32,
}

impl Asking {
    /// No answer is wanted any more.
    pub(super) fn forget(&mut self) {
        self.pending = None;
    }
}

impl Asks {
    /// The questions of one core. `seed` must not be zero.
    #[must_use]
    pub fn new(core: CoreId, exchange: Exchange, cache: &VerifiedCache, seed: u64) -> Self {
        Self {
            core,
            passdbs: exchange.passdbs.reader(),
            table: exchange.table.reader(),
            exchange,
            verified: Verifications::new(cache.entries_max, cache.ttl),
            verified_secret: cache.secret.clone(),
            random: seed | 1,
        }
    }

    /// The book of visitors.
    pub(super) fn visitors(&self) -> Visitors {
        self.exchange.visitors.clone()
    }

    /// The next number of xorshift64*; for jitter and ids only.
    pub(super) fn draw(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Sixteen bytes for a session id: when, which core, and chance (W-FWD-4).
    pub(super) fn draw_id(&mut self, now: Tick) -> [u8; 16] {
        let mut id = [0; 16];
        let (high, low) =
            (self.draw(), self.draw() ^ now.0.rotate_left(24) ^ u64::from(self.core.0));
        for (place, byte) in
            id.iter_mut().zip(high.to_be_bytes().into_iter().chain(low.to_be_bytes()))
        {
            *place = byte;
        }
        id
    }

    /// The password databases as they are now.
    pub(super) fn passdbs(&mut self) -> std::sync::Arc<Passdbs> {
        self.passdbs.shared()
    }
}

impl<P: Port> Worker<P> {
    /// Asks the password databases.
    pub(super) fn ask_passdbs(&mut self, slot: u32, question: Question) -> Option<Box<AuthAnswer>> {
        let passdbs = self.asks.passdbs.shared();
        let step = Chain::start(&passdbs, question);
        self.auth_step(slot, step)
    }

    fn auth_step(&mut self, slot: u32, mut step: Step) -> Option<Box<AuthAnswer>> {
        loop {
            let (chain, job) = match step {
                Step::Done(mut answer) => {
                    answer.not_before = answer.delay_until.map(|delay| {
                        delay.at(self.io.now, self.io.port.unix_ms(), self.asks.draw())
                    });
                    return Some(answer);
                }
                Step::Verify(chain, job) => (chain, job),
            };
            let key = job.key(&self.asks.verified_secret);
            if self.asks.verified.contains(key, self.io.now) {
                step = chain.verified(Ok(true));
                continue;
            }
            let ticket = self.ticket(slot)?;
            if self.asks.exchange.hashing.push(HashJob { ticket, job }).is_err() {
                // The pool is behind: a temporary failure now is better than a login that times out (SA-18).
                step = chain.verified(Err(SchemeError::Busy));
                continue;
            }
            if let Some(asking) = self.asking(slot) {
                asking.pending = Some(Box::new(Pending::Password { chain, key }));
            }
            return None;
        }
    }

    /// Asks the routing layer.
    pub(super) fn route(&mut self, slot: u32, ask: RouteAsk) -> Option<RouteAnswer> {
        self.route_round(slot, ask, 0)
    }

    fn route_round(&mut self, slot: u32, ask: RouteAsk, rounds: u8) -> Option<RouteAnswer> {
        let wanted = match &ask {
            RouteAsk::User(user) => match self.route_user(user, rounds) {
                Ok(answer) => return Some(answer),
                Err(()) => {
                    ToControl::Settle { ticket: Some(self.ticket(slot)?), user: user.clone() }
                }
            },
            RouteAsk::Referral { host, group } => {
                let found = follow_referral(self.asks.table.current(), host, group.as_deref());
                return Some(match found {
                    Ok(destination) => RouteAnswer::Go(in_cluster(destination)),
                    Err(fault) => {
                        RouteAnswer::Fail { failure: fault.failure(), detail: fault.text().into() }
                    }
                });
            }
            RouteAsk::Host { host, hostip } => {
                let literal = host.parse().ok().or(*hostip);
                if let Some(address) = literal {
                    return Some(RouteAnswer::Go(named(host.clone(), address)));
                }
                ToControl::Resolve { ticket: self.ticket(slot)?, host: host.clone() }
            }
        };
        if self.asks.exchange.to_control.send(wanted).is_err() {
            let detail = "the control core is behind: its mailbox is full";
            return Some(RouteAnswer::Fail {
                failure: Failure::Unavailable,
                detail: detail.into(),
            });
        }
        if let Some(asking) = self.asking(slot) {
            asking.pending = Some(Box::new(Pending::Route { ask, rounds }));
        }
        None
    }

    /// Decides from memory. `Err`: the control core has to read or write first.
    fn route_user(&mut self, user: &str, rounds: u8) -> Result<RouteAnswer, ()> {
        let table = self.asks.table.current();
        let now = self.io.now;
        let cached = self.asks.exchange.users.get(user);
        let stale = cached.as_ref().is_some_and(|cached| now.since(cached.read_at) > FRESH_FOR);
        let known = match &cached {
            Some(cached) => UserKnown::Row(&cached.row),
            None => UserKnown::NotAsked,
        };
        let decision = decide(table, known, &RouteQuestion::of(user));
        if stale {
            // The login goes on with the old row (DESIGN decision 6). A full mailbox: the next login asks again.
            let _ = self
                .asks
                .exchange
                .to_control
                .send(ToControl::Settle { ticket: None, user: user.into() });
        }
        match decision {
            Decision::Go { destination, change } => {
                if let Some(change) = change {
                    // Nobody waits for the write; every login of the group repeats it until it is done.
                    let _ = self.asks.exchange.to_control.send(ToControl::Change(change));
                }
                Ok(RouteAnswer::Go(in_cluster(destination)))
            }
            Decision::Fail { fault, about } => {
                let detail = if about.is_empty() {
                    fault.text().into()
                } else {
                    format!("{}: {about}", fault.text())
                };
                Ok(RouteAnswer::Fail { failure: fault.failure(), detail: detail.into_boxed_str() })
            }
            Decision::NeedUser
            | Decision::NeedTable
            | Decision::AssignUser(_)
            | Decision::FinishUserMove(_)
            | Decision::CreateGroup(_)
                if rounds < ROUNDS_MAX =>
            {
                Err(())
            }
            Decision::NeedUser
            | Decision::NeedTable
            | Decision::AssignUser(_)
            | Decision::FinishUserMove(_)
            | Decision::CreateGroup(_) => Ok(RouteAnswer::Fail {
                failure: Failure::Unavailable,
                detail: "the GeoDB keeps changing under this login".into(),
            }),
        }
    }

    /// Takes what other threads sent.
    pub(super) fn read_mail(&mut self) {
        while let Some(message) = self.mailbox.take() {
            match message {
                ToCore::Answer { ticket, answer } => self.answered(ticket, answer),
                ToCore::Drain(within) => self.drain(within),
                ToCore::Enquire(enquiry, from) => self.enquiries.ask(enquiry, from),
            }
        }
    }

    fn answered(&mut self, ticket: Ticket, answer: Answer) {
        if !self.slots.is_current(ticket.slot, ticket.generation) {
            return;
        }
        let slot = ticket.slot;
        let asked = self.asking(slot).filter(|asking| asking.question == ticket.question);
        let Some(pending) = asked.and_then(|asking| asking.pending.take()) else {
            return;
        };
        let input = match (*pending, answer) {
            (Pending::Password { chain, key }, Answer::Verified(result)) => {
                if result == Ok(true) {
                    self.asks.verified.insert(key, self.io.now);
                }
                let step = chain.verified(result);
                self.auth_step(slot, step).map(|answer| self.verdict(slot, answer))
            }
            (Pending::Route { ask, rounds }, Answer::Settled) => {
                self.route_round(slot, ask, rounds + 1).map(Input::Route)
            }
            (Pending::Route { .. }, Answer::Unsettled { failure, detail }) => {
                Some(Input::Route(RouteAnswer::Fail { failure, detail }))
            }
            (
                Pending::Route { ask: RouteAsk::Host { host, .. }, .. },
                Answer::Resolved(address),
            ) => Some(Input::Route(RouteAnswer::Go(named(host, address)))),
            // An answer of another kind than was asked for: the deadline of the question will pass.
            (pending, _) => {
                if let Some(asking) = self.asking(slot) {
                    asking.pending = Some(Box::new(pending));
                }
                None
            }
        };
        match input {
            Some(Input::Route(answer)) if self.mail(slot).is_some() => {
                self.lmtp_input(slot, crate::lmtp::Input::Route(answer));
            }
            Some(input) => self.session_input(slot, input),
            None => {}
        }
    }

    /// The question of a connection, whichever protocol asks.
    fn asking(&mut self, slot: u32) -> Option<&mut Asking> {
        match &mut self.slots.get_mut(slot)?.phase {
            Phase::Session(login) => Some(&mut login.asking),
            Phase::Lmtp(mail) => Some(&mut mail.asking),
            Phase::Relay(_) | Phase::Link(_) | Phase::Lingering | Phase::Closing => None,
        }
    }

    /// The ticket of the session's next question. Answers to earlier ones are worth nothing from here on: the verdict
    /// on one login must never reach another.
    fn ticket(&mut self, slot: u32) -> Option<Ticket> {
        let generation = self.slots.generation(slot)?;
        let core = self.asks.core;
        let asking = self.asking(slot)?;
        asking.question = asking.question.wrapping_add(1);
        asking.pending = None;
        Some(Ticket { core, slot, generation, question: asking.question })
    }
}

fn in_cluster(destination: crate::route::decide::Destination) -> Destination {
    Destination {
        host: destination.host,
        address: destination.address,
        group: destination.group,
        is_moving: destination.is_moving,
    }
}

fn named(host: Box<str>, address: std::net::IpAddr) -> Destination {
    Destination { host: host.into(), address, group: None, is_moving: false }
}

/// Reading the user, creating the group, finishing a move: more rounds than that mean somebody writes against us.
const ROUNDS_MAX: u8 = 4;
