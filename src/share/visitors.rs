//! Who is here, by address prefix: logins under way, what failed logins cost, sessions of a user from one address.
//!
//! Read and written by every data core without a lock: an entry is a handful of atomics behind an `Arc`. Two cores that
//! count at the same moment may both be right by one less; no bound here is that sharp. The rules are `admission`'s.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use papaya::HashMap;

use crate::admission::door::DoorRules;
use crate::admission::penalty::{Penalty, logins_at_once};
use crate::admission::prefix::Prefix;
use crate::admission::rate::Bucket;
use crate::limits;
use crate::names::Protocol;
use crate::tick::Tick;

/// The book of visitors. Clones are the same book.
#[derive(Clone, Debug, Default)]
pub struct Visitors(Arc<Book>);

#[derive(Debug, Default)]
struct Book {
    prefixes: HashMap<Prefix, Arc<Visitor>>,
    /// Connections by address prefix and by listener, where they are bounded.
    addresses: HashMap<Prefix, Arc<Tally>>,
    listeners: HashMap<u16, Arc<Tally>>,
    /// Sessions by user and address; each protocol has its own count, as with Dovecot.
    seats: HashMap<(Protocol, Box<str>, IpAddr), Arc<AtomicU32>>,
    /// Keys the fingerprints of wrong pairs: they say nothing about a password to a reader of memory.
    fingerprints: RandomState,
}

/// What is known of one prefix.
#[derive(Debug, Default)]
struct Visitor {
    /// Logins under way.
    logins: AtomicU32,
    /// A [`Penalty`], packed.
    penalty: AtomicU64,
    /// Fingerprints of the last wrong pairs; zero is none.
    wrong: [AtomicU32; limits::WRONG_PAIRS_KEPT],
    /// Where the next one goes.
    next_wrong: AtomicU32,
}

impl Visitor {
    fn penalty(&self) -> Penalty {
        Penalty::unpack(self.penalty.load(Ordering::Relaxed))
    }

    fn is_idle(&self, now: Tick) -> bool {
        self.logins.load(Ordering::Relaxed) == 0 && self.penalty().failures(now) == 0
    }

    /// Whether the pair is among the last wrong ones; it is from now on.
    fn knows(&self, fingerprint: u32) -> bool {
        if self.wrong.iter().any(|wrong| wrong.load(Ordering::Relaxed) == fingerprint) {
            return true;
        }
        let next = self.next_wrong.fetch_add(1, Ordering::Relaxed) as usize;
        if let Some(place) = self.wrong.get(next % self.wrong.len()) {
            place.store(fingerprint, Ordering::Relaxed);
        }
        false
    }
}

impl Visitors {
    /// Begins a login from `address`. `None`: too many of this prefix are under way; ask again later (SA-14).
    #[must_use]
    pub fn begin_login(
        &self,
        address: IpAddr,
        user: &str,
        password: &[u8],
        now: Tick,
    ) -> Option<LoginUnderWay> {
        let visitor = self.visitor(Prefix::of(address));
        let under_way = visitor.logins.fetch_add(1, Ordering::Relaxed);
        let hash = self.0.fingerprints.hash_one((user, password));
        let [a, b, c, d, ..] = hash.to_le_bytes();
        let login = LoginUnderWay { visitor, fingerprint: u32::from_le_bytes([a, b, c, d]).max(1) };
        (under_way < logins_at_once(login.earlier_failures(now))).then_some(login)
    }

    /// Takes one of the `most` sessions of a protocol that `user` may have from `address`. `None`: all are taken.
    #[must_use]
    pub fn seat(&self, protocol: Protocol, user: &str, address: IpAddr, most: u32) -> Option<Seat> {
        let seats = self.0.seats.pin();
        let key = (protocol, Box::from(user), address.to_canonical());
        let taken = Arc::clone(seats.get_or_insert_with(key, Arc::default));
        let before = taken.fetch_add(1, Ordering::Relaxed);
        let seat = Seat(taken);
        (before < most).then_some(seat)
    }

    /// Lets a connection from `address` in. `None`: there are too many, or they come too fast.
    #[must_use]
    pub fn enter_from(&self, address: IpAddr, rules: DoorRules, now: Tick) -> Option<Pass> {
        if rules.is_open() {
            return Some(Pass(None));
        }
        let addresses = self.0.addresses.pin();
        let prefix = Prefix::of(address);
        if addresses.len() >= limits::VISITORS_MAX && addresses.get(&prefix).is_none() {
            return Some(Pass(None));
        }
        Tally::enter(addresses.get_or_insert_with(prefix, Arc::default), rules, now)
    }

    /// Lets a connection in through a listener, by its number.
    #[must_use]
    pub fn enter_by(&self, listener: u16, rules: DoorRules, now: Tick) -> Option<Pass> {
        if rules.is_open() {
            return Some(Pass(None));
        }
        Tally::enter(self.0.listeners.pin().get_or_insert_with(listener, Arc::default), rules, now)
    }

    /// Forgets who left no trace. The control core does this now and then.
    pub fn sweep(&self, now: Tick) {
        // An entry that is being used right now is kept by a guard and not idle; one whose guard comes a moment later
        // lives on in that guard and is counted afresh by the next visitor: off by one, once.
        self.0.prefixes.pin().retain(|_, visitor| !visitor.is_idle(now));
        self.0.addresses.pin().retain(|_, tally| tally.open.load(Ordering::Relaxed) > 0);
        self.0.seats.pin().retain(|_, taken| taken.load(Ordering::Relaxed) > 0);
    }

    /// What counts against prefixes, for operators.
    #[must_use]
    pub fn penalties(&self, now: Tick) -> Vec<Charge> {
        let prefixes = self.0.prefixes.pin();
        let charge = |(prefix, visitor): (&Prefix, &Arc<Visitor>)| {
            let penalty = visitor.penalty();
            let failures = penalty.failures(now);
            let last_failed_ago = penalty.last_failed_ago(now);
            (failures > 0).then_some(Charge { prefix: *prefix, failures, last_failed_ago })
        };
        let mut charges: Vec<Charge> = prefixes.iter().filter_map(charge).collect();
        charges.sort_by_key(|charge| charge.prefix);
        charges
    }

    /// Prefixes in the book.
    #[must_use]
    pub fn prefixes(&self) -> usize {
        self.0.prefixes.len()
    }

    fn visitor(&self, prefix: Prefix) -> Arc<Visitor> {
        let prefixes = self.0.prefixes.pin();
        if let Some(known) = prefixes.get(&prefix) {
            return Arc::clone(known);
        }
        // A full book counts no new visitor: better an uncounted guesser than a mail service that runs out of memory.
        if prefixes.len() >= limits::VISITORS_MAX {
            return Arc::default();
        }
        Arc::clone(prefixes.get_or_insert_with(prefix, Arc::default))
    }
}

/// What counts against a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Whose logins failed.
    pub prefix: Prefix,
    /// How many count.
    pub failures: u8,
    /// When the last one failed.
    pub last_failed_ago: Duration,
}

/// A login under way; its prefix has one more for as long as this lives.
#[derive(Debug)]
pub struct LoginUnderWay {
    visitor: Arc<Visitor>,
    fingerprint: u32,
}

impl LoginUnderWay {
    /// Failed logins that count against the prefix.
    #[must_use]
    pub fn earlier_failures(&self, now: Tick) -> u8 {
        self.visitor.penalty().failures(now)
    }

    /// The credentials were wrong.
    pub fn failed(&self, now: Tick) {
        let repeated = self.visitor.knows(self.fingerprint);
        let next = |word| Some(Penalty::unpack(word).failed(now, repeated).pack());
        let _ = self.visitor.penalty.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    }

    /// The login succeeded: nothing counts against the prefix any more, as Dovecot does it.
    pub fn succeeded(&self) {
        if self.visitor.penalty.load(Ordering::Relaxed) != 0 {
            self.visitor.penalty.store(0, Ordering::Relaxed);
        }
    }
}

impl Drop for LoginUnderWay {
    fn drop(&mut self) {
        self.visitor.logins.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Connections that came in and have not left.
#[derive(Debug, Default)]
struct Tally {
    open: AtomicU32,
    /// A [`Bucket`], packed.
    arrivals: AtomicU64,
}

impl Tally {
    fn enter(this: &Arc<Self>, rules: DoorRules, now: Tick) -> Option<Pass> {
        let before = this.open.fetch_add(1, Ordering::Relaxed);
        let pass = Pass(Some(Arc::clone(this)));
        if rules.at_once > 0 && before >= rules.at_once {
            return None;
        }
        let take = |word| Some(Bucket::unpack(word).take(now, rules.each_second)?.pack());
        let taken = this.arrivals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.is_ok().then_some(pass)
    }
}

/// One connection that came in, for as long as this lives.
#[derive(Debug)]
pub struct Pass(Option<Arc<Tally>>);

impl Pass {
    /// Whether this is counted; where nothing is bounded it is not.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.0.is_some()
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(tally) = &self.0 {
            tally.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// One of a user's sessions from one address, for as long as this lives.
#[derive(Debug)]
pub struct Seat(Arc<AtomicU32>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn fail(visitors: &Visitors, from: &str, password: &str, now: Tick) -> u8 {
        let login = visitors.begin_login(address(from), "u", password.as_bytes(), now).unwrap();
        let before = login.earlier_failures(now);
        login.failed(now);
        before
    }

    #[test]
    fn sa_12_a_48_is_one_visitor_and_its_neighbour_another() {
        let visitors = Visitors::default();
        let tries: Vec<u8> = (0..9)
            .map(|n| fail(&visitors, &format!("2001:db8:1:{n}::1"), &format!("p{n}"), Tick(n)))
            .collect();
        assert_eq!(tries, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(fail(&visitors, "2001:db8:2::1", "p", Tick(9)), 0);
    }

    #[test]
    fn sa_13_one_wrong_pair_fifty_times_is_one_failure() {
        let visitors = Visitors::default();
        let tries: Vec<u8> =
            (0..50).map(|n| fail(&visitors, "192.0.2.1", "old", Tick(n))).collect();
        assert_eq!(tries.last(), Some(&1));
        // Eleven other pairs push it out; a guesser is counted each time.
        for n in 0..11 {
            let before = fail(&visitors, "192.0.2.1", &format!("p{n}"), Tick(u64::from(n)));
            assert_eq!(before, n + 1);
        }
        assert_eq!(fail(&visitors, "192.0.2.1", "old", Tick(99)), 12);
    }

    #[test]
    fn sa_14_attempts_of_one_prefix_are_bounded_and_give_their_place_back() {
        let visitors = Visitors::default();
        let from = address("192.0.2.1");
        let begin = || visitors.begin_login(from, "u", b"p", Tick(0));
        let held: Vec<LoginUnderWay> = std::iter::from_fn(begin).take(500).collect();
        assert_eq!(held.len(), 128);
        assert!(visitors.begin_login(address("192.0.2.2"), "u", b"p", Tick(0)).is_some());
        drop(held);
        for n in 0..4 {
            fail(&visitors, "192.0.2.1", &n.to_string(), Tick(0));
        }
        let only = begin().unwrap();
        assert!(begin().is_none(), "R-GUESS-1: one guess at a time after the fourth");
        only.succeeded();
        drop(only);
        assert_eq!(std::iter::from_fn(begin).take(500).count(), 500, "each was dropped at once");
        assert_eq!(begin().unwrap().earlier_failures(Tick(0)), 0);
    }

    #[test]
    fn an_operator_sees_what_counts_against_whom() {
        let visitors = Visitors::default();
        fail(&visitors, "192.0.2.9", "a", Tick(1_000));
        fail(&visitors, "192.0.2.1", "a", Tick(1_000));
        fail(&visitors, "192.0.2.1", "b", Tick(3_000));
        drop(visitors.begin_login(address("192.0.2.2"), "u", b"p", Tick(0)));
        let seen: Vec<(String, u8, u64)> = visitors
            .penalties(Tick(5_000))
            .into_iter()
            .map(|it| (it.prefix.to_string(), it.failures, it.last_failed_ago.as_secs()))
            .collect();
        assert_eq!(seen, [("192.0.2.1".to_owned(), 2, 2), ("192.0.2.9".to_owned(), 1, 4)]);
    }

    #[test]
    fn sessions_of_a_user_from_an_address_are_bounded() {
        let visitors = Visitors::default();
        let here = address("192.0.2.1");
        let seats: Vec<Seat> =
            (0..3).map(|_| visitors.seat(Protocol::Imap, "u", here, 3).unwrap()).collect();
        assert!(visitors.seat(Protocol::Imap, "u", here, 3).is_none());
        assert!(visitors.seat(Protocol::Imap, "v", here, 3).is_some());
        assert!(visitors.seat(Protocol::Pop3, "u", here, 3).is_some());
        assert!(visitors.seat(Protocol::Imap, "u", address("192.0.2.2"), 3).is_some());
        assert!(visitors.seat(Protocol::Imap, "u", address("::ffff:192.0.2.1"), 3).is_none());
        drop(seats);
        assert!(visitors.seat(Protocol::Imap, "u", here, 3).is_some());
    }

    #[test]
    fn connections_are_bounded_in_number_and_rate_and_their_places_come_back() {
        let visitors = Visitors::default();
        let from = address("2001:db8:1::1");
        let few = DoorRules { at_once: 2, each_second: 0 };
        let first = visitors.enter_from(from, few, Tick(0)).unwrap();
        let _second = visitors.enter_from(address("2001:db8:1::2"), few, Tick(0)).unwrap();
        assert!(visitors.enter_from(from, few, Tick(0)).is_none());
        assert!(visitors.enter_from(address("2001:db8:2::1"), few, Tick(0)).is_some());
        drop(first);
        assert!(visitors.enter_from(from, few, Tick(0)).is_some());
        let slow = DoorRules { at_once: 0, each_second: 3 };
        let come =
            |now| (0..10).filter(|_| visitors.enter_by(143, slow, Tick(now)).is_some()).count();
        assert_eq!((come(100_000), come(100_500), come(200_000)), (3, 1, 3));
        let open = DoorRules::default();
        assert_eq!((0..99).filter(|_| visitors.enter_by(24, open, Tick(0)).is_some()).count(), 99);
    }

    #[test]
    fn the_book_forgets_who_left_no_trace() {
        let visitors = Visitors::default();
        fail(&visitors, "192.0.2.1", "p", Tick(0));
        drop(visitors.begin_login(address("192.0.2.2"), "u", b"p", Tick(0)));
        let under_way = visitors.begin_login(address("192.0.2.3"), "u", b"p", Tick(0)).unwrap();
        assert_eq!(visitors.prefixes(), 3);
        visitors.sweep(Tick(1_000));
        assert_eq!(visitors.prefixes(), 2);
        drop(under_way);
        visitors.sweep(Tick(0).after(limits::PENALTY_FORGOTTEN_AFTER));
        assert_eq!(visitors.prefixes(), 0);
    }
}
