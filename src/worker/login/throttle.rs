//! Logins of one address prefix take turns, failed ones are held against it, and a user's sessions from one address are
//! counted (R-GUESS-1, SA-12 to SA-14).
//!
//! Decides: whose password question waits. Does not: make the rules (`admission`) or keep the counts
//! (`share::visitors`).

use std::collections::VecDeque;
use std::time::Duration;

use crate::auth::ask::Question;
use crate::event::Event;
use crate::limits;
use crate::share::visitors::{Seat, Visitors};
use crate::tick::Tick;

use super::state::Login;

/// The throttle of a core.
#[derive(Debug)]
pub(in crate::worker) struct Throttle {
    visitors: Visitors,
    /// Logins that wait for their turn, the longest waiting first.
    queue: VecDeque<Queued>,
    /// When they were last looked at.
    looked_at: Tick,
    /// `auth_failure_delay` is zero: no login waits for another.
    is_off: bool,
}

/// A login that waits until others of its prefix are over.
#[derive(Debug)]
pub(in crate::worker) struct Queued {
    pub(in crate::worker) slot: u32,
    pub(in crate::worker) generation: u32,
    pub(super) question: Question,
    until: Tick,
}

/// What becomes of a login that has waited.
pub(super) enum Waited {
    /// Its turn came: this is to be asked.
    Turn(Question),
    /// It has waited long enough.
    TooLong,
    Longer,
}

impl Throttle {
    pub(in crate::worker) fn new(visitors: Visitors, is_off: bool, now: Tick) -> Self {
        Self { visitors, queue: VecDeque::new(), looked_at: now, is_off }
    }

    /// Takes the login's turn, if it has one now. Trusted peers speak for many clients and wait for none of them.
    pub(super) fn take_turn(&self, login: &mut Login, question: &Question, now: Tick) -> bool {
        if self.is_off {
            return true;
        }
        let Some(address) = login.session.visitor() else {
            return true;
        };
        let (user, password) = (&question.user, question.password.expose());
        login.under_way = self.visitors.begin_login(address, user, password, now);
        login.under_way.is_some()
    }

    /// The login waits for its turn.
    pub(super) fn queue(&mut self, slot: u32, generation: u32, question: Question, now: Tick) {
        let until = now.after(limits::THROTTLE_TIMEOUT);
        self.queue.push_back(Queued { slot, generation, question, until });
    }

    /// Looks at a login that has waited.
    pub(super) fn look_again(&mut self, login: &mut Login, queued: Queued, now: Tick) -> Waited {
        if queued.until <= now {
            return Waited::TooLong;
        }
        if self.take_turn(login, &queued.question, now) {
            return Waited::Turn(queued.question);
        }
        self.queue.push_back(queued);
        Waited::Longer
    }

    /// Takes one of the sessions that the user may have from one address. `None`: all are taken.
    pub(super) fn seat(&self, login: &Login, user: &str, most: u32) -> Option<Option<Seat>> {
        if most == 0 {
            return Some(None);
        }
        let Some(address) = login.session.visitor() else {
            return Some(None);
        };
        self.visitors.seat(login.session.protocol(), user, address, most).map(Some)
    }

    /// Remembers how a login ended.
    pub(super) fn judge(&self, login: &Login, event: &Event, now: Tick) {
        match (event, &login.under_way) {
            (Event::LoginFailed { failure, .. }, Some(under_way)) if failure.is_delayed() => {
                under_way.failed(now);
            }
            (Event::LoggedIn { .. }, Some(under_way)) => under_way.succeeded(),
            _ => {}
        }
    }

    /// How many logins are to be looked at now, by [`Self::next`].
    pub(in crate::worker) fn due(&mut self, now: Tick) -> usize {
        if self.queue.is_empty() || self.looked_at.after(LOOK_EVERY) > now {
            return 0;
        }
        self.looked_at = now;
        self.queue.len()
    }

    /// The one that has waited longest.
    pub(in crate::worker) fn next(&mut self) -> Option<Queued> {
        self.queue.pop_front()
    }

    /// How long until they are looked at again.
    pub(in crate::worker) fn wait(&self, now: Tick) -> Option<Duration> {
        (!self.queue.is_empty()).then(|| now.until(self.looked_at.after(LOOK_EVERY)))
    }
}

/// How often waiting logins are looked at. What they wait for takes milliseconds or seconds.
const LOOK_EVERY: Duration = Duration::from_millis(50);
