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
use crate::share::guesses::Guesses;
use crate::share::visitors::{LoginUnderWay, Seat, Visitors};
use crate::tick::Tick;

use super::state::Login;

/// The throttle of a core.
#[derive(Debug)]
pub(in crate::worker) struct Throttle {
    visitors: Visitors,
    guesses: Guesses,
    /// Logins that wait for their turn, the longest waiting first.
    queue: VecDeque<Queued>,
    /// When they were all looked at.
    looked_at: Tick,
    /// Turns that this core's logins have given back since.
    given_back: usize,
    look: Look,
    /// `auth_failure_delay` is zero: no login waits for another.
    pub(in crate::worker) is_off: bool,
}

/// How the queue is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// All of it: one that waits on goes behind the others, which keep their order.
    All,
    /// Its first ones, because a turn has come back: one that waits on stays where it is.
    First,
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
    pub(in crate::worker) fn new(
        visitors: Visitors,
        guesses: Guesses,
        is_off: bool,
        now: Tick,
    ) -> Self {
        let queue = VecDeque::new();
        Self { visitors, guesses, queue, looked_at: now, given_back: 0, look: Look::All, is_off }
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
        match self.look {
            Look::All => self.queue.push_back(queued),
            Look::First => self.queue.push_front(queued),
        }
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
        if let (Event::LoginFailed { failure, subject, .. }, Some(address)) =
            (event, login.session.visitor())
            && failure.is_delayed()
        {
            self.guesses.count(address, subject.user.as_deref().unwrap_or_default(), now);
        }
        match (event, &login.under_way) {
            (Event::LoginFailed { failure, .. }, Some(under_way)) if failure.is_delayed() => {
                under_way.failed(now);
            }
            (Event::LoggedIn { .. }, Some(under_way)) => under_way.succeeded(),
            _ => {}
        }
    }

    /// A login is over. If it had a turn, one that waits may be next.
    pub(super) fn give_back(&mut self, turn: &mut Option<LoginUnderWay>) {
        if turn.take().is_some() {
            self.given_back = self.given_back.saturating_add(1);
        }
    }

    /// How many logins are to be looked at now, by [`Self::next`].
    pub(in crate::worker) fn due(&mut self, now: Tick) -> usize {
        let given_back = std::mem::take(&mut self.given_back);
        if !self.queue.is_empty() && self.looked_at.after(LOOK_EVERY) <= now {
            self.looked_at = now;
            self.look = Look::All;
            return self.queue.len();
        }
        self.look = Look::First;
        given_back.min(self.queue.len())
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

/// How often all waiting logins are looked at: turns come back on other cores, too, and the first may wait longer than those
/// behind. An address with more logins than may be under way at once does not wait for this, or so many would be all it
/// gets in that time.
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::ask::Proof;
    use crate::names::Protocol;
    use crate::secret::Secret;

    const ADDRESS: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn question() -> Question {
        Question {
            protocol: Protocol::Imap,
            user: "alice".into(),
            authorize_as: None,
            proof: Proof::Password,
            password: Secret::from("secret"),
            bound_to: Secret::default(),
            remote: ADDRESS,
            local: ADDRESS,
            approach: crate::facts::Approach::default(),
        }
    }

    #[test]
    fn r_guess_1_a_turn_that_comes_back_is_given_on_at_once_and_all_are_looked_at_now_and_then() {
        let visitors = Visitors::default();
        let mut throttle = Throttle::new(visitors.clone(), Guesses::default(), false, Tick(1000));
        for slot in 1..=3 {
            throttle.queue(slot, 0, question(), Tick(1000));
        }
        assert_eq!(throttle.due(Tick(1001)), 0);
        throttle.give_back(&mut None);
        assert_eq!(throttle.due(Tick(1002)), 0, "it had no turn");
        let mut turn = visitors.begin_login(ADDRESS, "bob", b"secret", Tick(1002));
        throttle.give_back(&mut turn);
        assert!(turn.is_none());
        assert_eq!(throttle.due(Tick(1003)), 1);
        assert_eq!(throttle.next().map(|queued| queued.slot), Some(1));
        assert_eq!(throttle.due(Tick(1004)), 0, "each turn is given on once");
        assert_eq!(throttle.due(Tick(1050)), 2);
        assert_eq!(throttle.due(Tick(1051)), 0);
    }
}
