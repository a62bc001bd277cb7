//! Failed logins by address prefix and by user, so that an operator sees who guesses, and at whom: one password tried on many users
//! slows no single user's count, and many addresses that try one user slow no single address.
//!
//! Counted by every data core without a lock, forgotten by the control core after an hour without another one. Bounded: a full book
//! counts those that it knows. Does not: slow anything (`visitors`). Tests: below.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use papaya::HashMap;

use crate::admission::prefix::Prefix;
use crate::limits;
use crate::tick::Tick;

/// The book. Clones are the same book.
#[derive(Clone, Debug, Default)]
pub struct Guesses(Arc<Book>);

#[derive(Debug, Default)]
struct Book {
    prefixes: HashMap<Prefix, Arc<Tally>>,
    users: HashMap<Box<str>, Arc<Tally>>,
    hasher: RandomState,
}

/// What is known of one prefix or user.
#[derive(Debug, Default)]
struct Tally {
    failures: AtomicU32,
    /// Of the last one, in seconds.
    last: AtomicU32,
    /// A bit for each of the others: users of a prefix, prefixes of a user.
    others: AtomicU64,
}

/// One line for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guessed<K> {
    /// Who, or at whom.
    pub key: K,
    /// Failed logins since the first that is remembered.
    pub failures: u32,
    /// How many users a prefix has tried, or prefixes a user, at least; counts to 64.
    pub others_min: u32,
    /// When the last one failed.
    pub last_failed_ago: Duration,
}

impl Guesses {
    /// A login has failed for wrong credentials.
    pub fn count(&self, from: IpAddr, user: &str, now: Tick) {
        let prefix = Prefix::of(from);
        let Book { prefixes, users, hasher } = &*self.0;
        let bit = |hash: u64| 1_u64 << (hash % 64);
        let (of_user, of_prefix) = (bit(hasher.hash_one(user)), bit(hasher.hash_one(prefix)));
        let (prefixes, users) = (prefixes.pin(), users.pin());
        if let Some(known) = prefixes.get(&prefix) {
            known.add(of_user, now);
        } else if prefixes.len() < limits::GUESSES_KEPT_MAX {
            prefixes.get_or_insert_with(prefix, Arc::default).add(of_user, now);
        }
        if let Some(known) = users.get(user) {
            known.add(of_prefix, now);
        } else if users.len() < limits::GUESSES_KEPT_MAX && user.len() <= limits::USER_BYTES_MAX {
            users.get_or_insert_with(user.into(), Arc::default).add(of_prefix, now);
        }
    }

    /// Forgets what is long over. The control core does this now and then.
    pub fn sweep(&self, now: Tick) {
        self.0.prefixes.pin().retain(|_, tally| !tally.is_over(now));
        self.0.users.pin().retain(|_, tally| !tally.is_over(now));
    }

    /// The prefixes with most failures, most first.
    #[must_use]
    pub fn top_prefixes(&self, most: usize, now: Tick) -> Vec<Guessed<Prefix>> {
        top(&self.0.prefixes, most, now)
    }

    /// The users with most failures, most first.
    #[must_use]
    pub fn top_users(&self, most: usize, now: Tick) -> Vec<Guessed<Box<str>>> {
        top(&self.0.users, most, now)
    }

    /// How many prefixes and users are in the book.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.0.prefixes.len(), self.0.users.len())
    }
}

impl Tally {
    fn add(&self, other: u64, now: Tick) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.last.store(second(now), Ordering::Relaxed);
        self.others.fetch_or(other, Ordering::Relaxed);
    }

    fn silent(&self, now: Tick) -> Duration {
        Duration::from_secs(second(now).saturating_sub(self.last.load(Ordering::Relaxed)).into())
    }

    fn is_over(&self, now: Tick) -> bool {
        self.silent(now) >= limits::GUESSES_FORGOTTEN_AFTER
    }
}

fn top<K: Clone + Eq + Hash + Ord>(
    book: &HashMap<K, Arc<Tally>>,
    most: usize,
    now: Tick,
) -> Vec<Guessed<K>> {
    let book = book.pin();
    let line = |(key, tally): (&K, &Arc<Tally>)| Guessed {
        key: key.clone(),
        failures: tally.failures.load(Ordering::Relaxed),
        others_min: tally.others.load(Ordering::Relaxed).count_ones(),
        last_failed_ago: tally.silent(now),
    };
    let mut lines: Vec<Guessed<K>> = book.iter().map(line).collect();
    lines.sort_by(|one, other| (other.failures, &one.key).cmp(&(one.failures, &other.key)));
    lines.truncate(most);
    lines
}

fn second(now: Tick) -> u32 {
    u32::try_from(now.0 / 1000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    #[test]
    fn one_address_that_tries_many_users_and_one_user_whom_many_try_stand_first() {
        let guesses = Guesses::default();
        for number in 0..40 {
            guesses.count(address(1), &format!("user{number}"), Tick(1_000));
        }
        for number in 100..130 {
            guesses.count(address(number), "boss", Tick(2_000));
        }
        let [sprayer, second, ..] = &guesses.top_prefixes(3, Tick(5_000))[..] else {
            panic!("three")
        };
        assert_eq!((sprayer.key.to_string(), sprayer.failures), ("192.0.2.1".to_owned(), 40));
        assert!(sprayer.others_min > 20, "{sprayer:?}");
        assert_eq!((second.failures, second.others_min), (1, 1));
        let top = guesses.top_users(1, Tick(5_000));
        assert_eq!(
            (&*top[0].key, top[0].failures, top[0].last_failed_ago.as_secs()),
            ("boss", 30, 3)
        );
        assert!(top[0].others_min > 15, "{top:?}");
        let later = Tick(2_000).after(limits::GUESSES_FORGOTTEN_AFTER);
        guesses.sweep(Tick(later.0 - 1_000));
        assert_eq!(guesses.size(), (30, 1));
        guesses.sweep(later);
        assert_eq!(guesses.size(), (0, 0));
    }

    #[test]
    fn a_full_book_counts_those_that_it_knows() {
        let guesses = Guesses::default();
        for number in 0..limits::GUESSES_KEPT_MAX + 10 {
            guesses.count(address(1), &format!("user{number}"), Tick(0));
        }
        assert_eq!(guesses.size(), (1, limits::GUESSES_KEPT_MAX));
        guesses.count(address(1), "user0", Tick(0));
        assert_eq!(guesses.top_users(1, Tick(0))[0].failures, 2);
    }
}
