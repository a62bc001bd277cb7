//! May a login be tried again, and where: reconnects and referral hops of one login (W-FAIL-1, W-REF-1, W-REF-4).
//!
//! Decides: whether and when. Does not: connect, or choose the address; the session asks the routing layer. Driver:
//! `session`. Tests: below.

use std::net::SocketAddr;
use std::time::Duration;

use crate::fault::Failure;
use crate::limits::{
    BACKEND_FULL_LOOKS_MAX, BACKEND_FULL_PAUSE, RECONNECT_PAUSE, RECONNECT_TIME_LEFT_MIN,
    REFERRALS_MAX,
};
use crate::network::canonical;
use crate::tick::Tick;

/// The connection attempts of one login. All of them, referrals included, share one deadline.
#[derive(Debug)]
pub struct Attempts {
    deadline: Tick,
    /// A move has prolonged it; once is enough, or a user who is moved again and again is never answered.
    is_prolonged: bool,
    /// Sites have sent it in a circle, and it was tried again.
    has_circled: bool,
    reconnects_left: u8,
    /// Looks whether a full backend has room again; the login has them once, however many backends are full.
    looks_left: u8,
    /// Where this login has been sent, in order; every address twice at most (W-REF-1).
    path: Vec<SocketAddr>,
}

impl Attempts {
    /// A login that starts `now` at `address`.
    #[must_use]
    pub fn new(now: Tick, timeout: Duration, reconnects_max: u8, address: SocketAddr) -> Self {
        Self {
            deadline: now.after(timeout),
            is_prolonged: false,
            has_circled: false,
            reconnects_left: reconnects_max,
            looks_left: BACKEND_FULL_LOOKS_MAX,
            path: vec![canonical(address)],
        }
    }

    /// After a failure: the moment of the next attempt, or none when the client is to be told.
    ///
    /// The caller has not sent a byte of a success to the client.
    pub fn again(&mut self, now: Tick, failure: Failure) -> Option<Tick> {
        if !failure.is_retried() || now.until(self.deadline) < RECONNECT_TIME_LEFT_MIN {
            return None;
        }
        self.reconnects_left = self.reconnects_left.checked_sub(1)?;
        Some(now.after(RECONNECT_PAUSE))
    }

    /// The backend has as many connections as it may have: when to look again, or none when the client is to be told
    /// (R-LOAD-2).
    pub fn look_again_for_room(&mut self, now: Tick) -> Option<Tick> {
        if now.until(self.deadline) < RECONNECT_TIME_LEFT_MIN {
            return None;
        }
        self.looks_left = self.looks_left.checked_sub(1)?;
        Some(now.after(BACKEND_FULL_PAUSE))
    }

    /// The user is being moved: the backend may hold this login until then, whichever attempt it is (C-MOVE-1).
    pub fn prolong(&mut self, until: Tick) {
        if !std::mem::replace(&mut self.is_prolonged, true) {
            self.deadline = self.deadline.max(until);
        }
    }

    /// After sites have sent the login in a circle: the moment of the next attempt, which begins anew; once (W-REF-7).
    pub fn again_after_circle(&mut self, now: Tick) -> Option<Tick> {
        if now.until(self.deadline) < RECONNECT_TIME_LEFT_MIN
            || std::mem::replace(&mut self.has_circled, true)
        {
            return None;
        }
        self.path.clear();
        Some(now.after(RECONNECT_PAUSE))
    }

    /// No further attempt is worth its time.
    pub fn give_up(&mut self) {
        self.reconnects_left = 0;
    }

    /// The routing layer chose another backend for the next attempt; unlike a referral this may lead back.
    pub fn alternate(&mut self, address: SocketAddr) {
        let address = canonical(address);
        // Where the login is stands last.
        if let Some(at) = self.path.iter().rposition(|visited| *visited == address) {
            self.path.remove(at);
        }
        self.path.push(address);
    }

    /// Follows a referral to `address`, which the routing layer has approved. The hop needs no pause.
    ///
    /// # Errors
    /// The login is there, has been there twice, or has been sent on too often.
    pub fn hop(&mut self, address: SocketAddr) -> Result<(), Circle> {
        let address = canonical(address);
        let visits = self.path.iter().filter(|visited| **visited == address).count();
        if self.path.last() == Some(&address) || visits >= VISITS_MAX {
            return Err(Circle::Loop);
        }
        if self.path.len() > usize::from(REFERRALS_MAX) {
            return Err(Circle::TooFar);
        }
        self.path.push(address);
        Ok(())
    }

    /// When the login fails whatever is under way.
    #[must_use]
    pub const fn deadline(&self) -> Tick {
        self.deadline
    }

    /// Where this login has been sent, in order.
    #[must_use]
    pub fn path(&self) -> &[SocketAddr] {
        &self.path
    }
}

/// Why a referral is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circle {
    /// The login is there, or has been there too often.
    Loop,
    /// It has been sent on too often.
    TooFar,
}

impl Circle {
    /// For the log.
    #[must_use]
    pub fn text(self, address: SocketAddr) -> String {
        match self {
            Self::Loop => format!("proxying loops: already connected to {}", canonical(address)),
            Self::TooFar => format!("proxying loops: more than {REFERRALS_MAX} referrals"),
        }
    }
}

/// A user who is moved back while the login is on its way comes to a host a second time; a third visit is a circle.
const VISITS_MAX: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{LOGIN_PROXY_TIMEOUT, RECONNECTS_MAX};

    fn host(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 143))
    }

    fn attempts() -> Attempts {
        Attempts::new(Tick(0), LOGIN_PROXY_TIMEOUT, RECONNECTS_MAX, host(1))
    }

    #[test]
    fn be_01_three_reconnects_one_second_apart() {
        let mut attempts = attempts();
        let mut now = Tick(10);
        for _ in 0..RECONNECTS_MAX {
            let next = attempts.again(now, Failure::Connect).unwrap();
            assert_eq!(next.since(now), RECONNECT_PAUSE);
            now = next;
        }
        assert_eq!(attempts.again(now, Failure::Connect), None);
    }

    #[test]
    fn w_fail_1_only_while_time_is_left() {
        assert_eq!(attempts().again(Tick(28_900), Failure::Remote), Some(Tick(29_900)));
        assert_eq!(attempts().again(Tick(28_901), Failure::Remote), None);
        assert_eq!(attempts().again(Tick(99_000), Failure::Remote), None);
    }

    #[test]
    fn r_load_2_a_full_backend_is_looked_at_for_five_seconds_and_no_longer_than_the_login_lasts() {
        let mut attempts = attempts();
        let mut now = Tick(0);
        for _ in 0..BACKEND_FULL_LOOKS_MAX {
            let next = attempts.look_again_for_room(now).unwrap();
            assert_eq!(next.since(now), BACKEND_FULL_PAUSE);
            now = next;
        }
        assert_eq!((now, attempts.look_again_for_room(now)), (Tick(5_000), None));
        assert!(attempts.again(now, Failure::Connect).is_some(), "failures are counted apart");
        assert_eq!(self::attempts().look_again_for_room(Tick(28_901)), None);
    }

    #[test]
    fn palomar_g25_a_move_prolongs_the_deadline_once() {
        let mut attempts = attempts();
        attempts.prolong(Tick(20_000));
        assert_eq!(attempts.deadline(), Tick(30_000), "never shortens");
        let mut attempts = self::attempts();
        attempts.prolong(Tick(41_000));
        attempts.prolong(Tick(90_000));
        assert_eq!(attempts.deadline(), Tick(41_000));
    }

    #[test]
    fn be_02_be_03_only_what_may_pass_is_tried_again() {
        for failure in Failure::ALL {
            assert_eq!(
                attempts().again(Tick(0), failure).is_some(),
                failure.is_retried(),
                "{failure:?}"
            );
        }
    }

    #[test]
    fn w_ref_1_an_address_twice_and_six_hops_at_most() {
        let mut attempts = attempts();
        assert_eq!(attempts.hop(host(1)), Err(Circle::Loop), "to itself");
        let mapped = "[::ffff:192.0.2.1]:143".parse().unwrap();
        assert_eq!(attempts.hop(mapped), Err(Circle::Loop));
        assert_eq!(Circle::Loop.text(mapped), "proxying loops: already connected to 192.0.2.1:143");
        for (last, outcome) in
            [(2, Ok(())), (1, Ok(())), (2, Ok(())), (1, Err(Circle::Loop)), (2, Err(Circle::Loop))]
        {
            assert_eq!(attempts.hop(host(last)), outcome);
        }
        assert_eq!([3, 4, 5].map(|last| attempts.hop(host(last))), [Ok(()); 3]);
        assert_eq!(attempts.hop(host(99)), Err(Circle::TooFar), "seven hops");
        assert_eq!(attempts.path().len(), 7);
    }

    #[test]
    fn w_ref_7_a_circle_of_sites_is_tried_again_once_while_time_is_left() {
        let mut attempts = attempts();
        assert_eq!(attempts.hop(host(2)), Ok(()));
        assert_eq!(attempts.again_after_circle(Tick(10)), Some(Tick(1_010)));
        attempts.alternate(host(1));
        assert_eq!(attempts.hop(host(2)), Ok(()), "the way begins anew");
        assert_eq!(attempts.again_after_circle(Tick(1_020)), None);
        assert_eq!(self::attempts().again_after_circle(Tick(28_901)), None);
    }

    #[test]
    fn w_ref_1_another_attempt_is_no_visit() {
        let mut attempts = attempts();
        attempts.alternate(host(2));
        attempts.alternate(host(1));
        assert_eq!(attempts.path(), [host(2), host(1)]);
        assert_eq!(attempts.hop(host(1)), Err(Circle::Loop));
        assert_eq!(attempts.hop(host(2)), Ok(()));
    }
}
