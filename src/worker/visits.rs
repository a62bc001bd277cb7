//! Logins of one address prefix take turns, failed ones are held against it, and a user's sessions from one address are
//! counted (reliability.md P12, SA-12 to SA-14). The rules are `admission`'s, the counts `share::visitors`'.

use std::time::Duration;

use crate::auth::answer::{Answer, Why};
use crate::auth::ask::Question;
use crate::auth::verdict::Verdict;
use crate::event::Event;
use crate::fault::Failure;
use crate::limits;
use crate::ring::port::Port;
use crate::session::input::Input;
use crate::tick::Tick;

use super::core::Worker;

/// A login that waits until others of its prefix are over.
#[derive(Debug)]
pub(super) struct Queued {
    slot: u32,
    generation: u32,
    question: Question,
    until: Tick,
}

impl<P: Port> Worker<P> {
    /// Asks the password databases, if it is the login's turn.
    pub(super) fn authenticate(&mut self, slot: u32, question: Question) -> Option<Input<'static>> {
        if self.has_turn(slot, &question) {
            let answer = self.ask_passdbs(slot, question)?;
            return Some(self.verdict(slot, answer));
        }
        let generation = self.slots.generation(slot)?;
        let until = self.io.now.after(limits::TURN_TIMEOUT);
        self.queued.push_back(Queued { slot, generation, question, until });
        None
    }

    /// What the session hears of an answer: the failures that count against its prefix go along, and a user who has too
    /// many sessions is refused after all.
    pub(super) fn verdict(&mut self, slot: u32, mut answer: Box<Answer>) -> Input<'static> {
        let now = self.io.now;
        let mut earlier_failures = 0;
        if let Some(login) = self.login(slot) {
            earlier_failures =
                login.attempt.as_ref().map_or(0, |attempt| attempt.earlier_failures(now));
        }
        if let Verdict::Accept(grant) = &answer.verdict
            && !self.is_seated(slot, &grant.user)
        {
            *answer = Answer::refused(Failure::Limit, Why::NoSeat);
        }
        Input::Verdict { answer, earlier_failures }
    }

    /// Whether the login may go on now. Trusted peers speak for many clients and wait for nobody.
    fn has_turn(&mut self, slot: u32, question: &Question) -> bool {
        // It holds for all protocols.
        let [any, ..] = &self.settings.session;
        if any.failure_delay.is_zero() {
            return true;
        }
        let now = self.io.now;
        let visitors = self.asks.visitors();
        let Some(login) = self.login(slot) else {
            return true;
        };
        let Some(address) = login.session.visitor() else {
            return true;
        };
        login.attempt = visitors.attempt(address, &question.user, question.password.expose(), now);
        login.attempt.is_some()
    }

    /// Takes a seat for one more session of the user from the client's address, where seats are counted.
    fn is_seated(&mut self, slot: u32, user: &str) -> bool {
        let visitors = self.asks.visitors();
        let settings = std::sync::Arc::clone(&self.settings);
        let Some(login) = self.login(slot) else {
            return true;
        };
        let protocol = login.session.protocol();
        let most = settings.seats_max(protocol);
        let Some(address) = login.session.visitor().filter(|_| most > 0) else {
            return true;
        };
        login.held.seat = visitors.seat(protocol, user, address, most);
        login.held.seat.is_some()
    }

    /// Whether the client's address may have this connection, asked once, as soon as the address is known.
    pub(super) fn is_admitted(&mut self, slot: u32) -> bool {
        let rules = self.settings.per_address;
        if rules.is_open() {
            return true;
        }
        let (now, visitors) = (self.io.now, self.asks.visitors());
        let Some(login) = self.login(slot) else {
            return true;
        };
        if login.is_admitted || !login.session.is_identified() {
            return true;
        }
        login.is_admitted = true;
        let Some(address) = login.session.visitor() else {
            return true;
        };
        login.held.address = visitors.enter_from(address, rules, now);
        login.held.address.is_some()
    }

    /// Remembers how a login ended.
    pub(super) fn judge(&mut self, slot: u32, event: &Event) {
        let now = self.io.now;
        let attempt = self.login(slot).and_then(|login| login.attempt.as_ref());
        match (event, attempt) {
            (Event::LoginFailed { failure, .. }, Some(attempt)) if failure.is_delayed() => {
                attempt.failed(now);
            }
            (Event::LoggedIn { .. }, Some(attempt)) => attempt.succeeded(),
            _ => {}
        }
    }

    /// Gives waiting logins their turn, oldest first.
    pub(super) fn serve_queue(&mut self) {
        if self.queued.is_empty() || self.queue_served.after(LOOK_EVERY) > self.io.now {
            return;
        }
        self.queue_served = self.io.now;
        for _ in 0..self.queued.len() {
            let Some(queued) = self.queued.pop_front() else {
                return;
            };
            let slot = queued.slot;
            // The client went away, or its session's own deadline was faster.
            if !self.slots.is_current(slot, queued.generation)
                || self.login(slot).is_none_or(|login| !login.session.is_attempting())
            {
                continue;
            }
            let input =
                if queued.until <= self.io.now {
                    Some(self.verdict(
                        slot,
                        Box::new(Answer::refused(Failure::Unavailable, Why::NoTurn)),
                    ))
                } else if self.has_turn(slot, &queued.question) {
                    self.session_input(slot, Input::TurnCame);
                    let answer = self.ask_passdbs(slot, queued.question);
                    answer.map(|answer| self.verdict(slot, answer))
                } else {
                    self.queued.push_back(queued);
                    None
                };
            if let Some(input) = input {
                self.session_input(slot, input);
            }
        }
    }

    /// How long until somebody looks after the waiting ones again.
    pub(super) fn queue_wait(&self) -> Option<Duration> {
        (!self.queued.is_empty()).then(|| self.io.now.until(self.queue_served.after(LOOK_EVERY)))
    }
}

/// How often waiting logins are looked at. What they wait for takes milliseconds or seconds.
const LOOK_EVERY: Duration = Duration::from_millis(50);
