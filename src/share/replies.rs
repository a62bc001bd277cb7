//! What password databases elsewhere have replied: read by every data core without waiting, written by the control core.
//!
//! A warm login asks nothing and costs what a password file's does; known users log in while their database is dead. Decides:
//! what is kept within the memory of `auth_cache_size`, and how long it counts. Does not: judge passwords; a row holds the
//! stored password, and the chain compares. Good replies and bad ones are kept apart, so that guesses push out nothing but
//! guesses (SA-10). Written by `control::userdbs`, read by `worker::login::look_ups`. Tests: below.

use std::cmp::Ordering as Order;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use papaya::HashMap;

use crate::auth::cache::{CacheRules, Key};
use crate::auth::inquiry::{Reply, Row};
use crate::limits::REPLY_STALE_MAX;
use crate::tick::Tick;

/// Remembered replies. Clones are the same ones.
#[derive(Clone, Debug, Default)]
pub struct Replies(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    good: HashMap<Key, Good>,
    bad: HashMap<Key, Bad>,
    /// Of the good ones.
    bytes: AtomicUsize,
}

#[derive(Debug)]
struct Good {
    row: Arc<Row>,
    /// The database has compared the password, which is part of the key.
    is_verified: bool,
    fresh_until: Tick,
    /// Until then a password that does not fit is wrong: the database has just said so.
    confirmed_until: Tick,
    /// When a login had it last, in seconds.
    used_at: AtomicU32,
}

#[derive(Clone, Copy, Debug)]
struct Bad {
    is_known: bool,
    fresh_until: Tick,
}

/// What was remembered.
#[derive(Clone, Debug)]
pub struct Recalled {
    /// The reply.
    pub reply: Reply,
    /// Whether it counts; otherwise only if the database gives no answer.
    pub is_fresh: bool,
    /// Whether a password that does not fit it is wrong, and need not be asked about.
    pub is_confirmed: bool,
}

impl Replies {
    /// What was replied to this question.
    #[must_use]
    pub fn recall(&self, key: &Key, now: Tick) -> Option<Recalled> {
        let good = self.0.good.pin();
        if let Some(kept) = good.get(key) {
            let is_over = kept.row.valid_until.is_some_and(|end| now >= end);
            if is_over || now >= kept.fresh_until.after(REPLY_STALE_MAX) {
                return None;
            }
            let seconds = seconds(now);
            // Cores that log the same user in do not pass the cache line to and fro.
            if seconds.saturating_sub(kept.used_at.load(Ordering::Relaxed)) >= USE_NOTED_AFTER {
                kept.used_at.store(seconds, Ordering::Relaxed);
            }
            let row = Arc::clone(&kept.row);
            let reply = if kept.is_verified { Reply::Verified(row) } else { Reply::Row(row) };
            let is_fresh = now < kept.fresh_until;
            return Some(Recalled { reply, is_fresh, is_confirmed: now < kept.confirmed_until });
        }
        let bad = *self.0.bad.pin().get(key)?;
        let reply = if bad.is_known { Reply::Mismatch } else { Reply::Unknown };
        (now < bad.fresh_until).then_some(Recalled { reply, is_fresh: true, is_confirmed: true })
    }

    /// Remembers a reply that has just come. `is_recheck`: because an older one did not fit the password. Control core only.
    pub fn remember(
        &self,
        key: Key,
        reply: &Reply,
        is_recheck: bool,
        rules: &CacheRules,
        now: Tick,
    ) {
        let bytes = usize::try_from(rules.bytes).unwrap_or(usize::MAX);
        let for_bad = bytes / BAD_SHARE;
        match reply {
            Reply::Row(row) | Reply::Verified(row) => {
                self.0.bad.pin().remove(&key);
                if rules.ttl.is_zero() {
                    return self.forget(&key);
                }
                let confirmed = if is_recheck { rules.negative_ttl } else { Duration::ZERO };
                let kept = Good {
                    row: Arc::clone(row),
                    is_verified: matches!(reply, Reply::Verified(_)),
                    fresh_until: now.after(rules.ttl),
                    confirmed_until: now.after(confirmed),
                    used_at: AtomicU32::new(seconds(now)),
                };
                self.keep(key, kept, bytes - for_bad);
            }
            Reply::Mismatch | Reply::Unknown => {
                self.forget(&key);
                let bad = self.0.bad.pin();
                if rules.negative_ttl.is_zero() || for_bad < BAD_BYTES {
                    return;
                }
                if bad.len() >= for_bad / BAD_BYTES {
                    bad.retain(|_, kept| now < kept.fresh_until);
                }
                if bad.len() >= for_bad / BAD_BYTES {
                    bad.clear();
                }
                let is_known = matches!(reply, Reply::Mismatch);
                bad.insert(key, Bad { is_known, fresh_until: now.after(rules.negative_ttl) });
            }
            // The account is another thing now than it was.
            Reply::Expired | Reply::Disabled => self.forget(&key),
            // Another guess has to wait, too.
            Reply::MismatchHeld(_) => self.forget(&key),
            Reply::Trouble(_) => {}
        }
    }

    /// How many good replies are remembered, how many bad ones, and the memory of the good ones.
    #[must_use]
    pub fn size(&self) -> (usize, usize, usize) {
        let Inner { good, bad, bytes } = &*self.0;
        (good.pin().len(), bad.pin().len(), bytes.load(Ordering::Relaxed))
    }

    fn keep(&self, key: Key, kept: Good, most: usize) {
        let size = kept.bytes();
        if size > most {
            return self.forget(&key);
        }
        let good = self.0.good.pin();
        if let Some(before) = good.insert(key, kept) {
            self.0.bytes.fetch_sub(before.bytes(), Ordering::Relaxed);
        }
        if self.0.bytes.fetch_add(size, Ordering::Relaxed) + size > most {
            self.make_room();
        }
    }

    fn forget(&self, key: &Key) {
        if let Some(before) = self.0.good.pin().remove(key) {
            self.0.bytes.fetch_sub(before.bytes(), Ordering::Relaxed);
        }
    }

    /// Lets an eighth go, those that were not used for longest.
    fn make_room(&self) {
        let good = self.0.good.pin();
        let mut uses: Vec<u32> =
            good.values().map(|kept| kept.used_at.load(Ordering::Relaxed)).collect();
        let share = uses.len() / 8;
        let (earlier, last, _) = uses.select_nth_unstable(share);
        let last = *last;
        let mut left = 1 + earlier.iter().filter(|used| **used == last).count();
        good.retain(|_, kept| {
            let goes = match kept.used_at.load(Ordering::Relaxed).cmp(&last) {
                Order::Less => true,
                Order::Equal if left > 0 => {
                    left -= 1;
                    true
                }
                Order::Equal | Order::Greater => false,
            };
            if goes {
                self.0.bytes.fetch_sub(kept.bytes(), Ordering::Relaxed);
            }
            !goes
        });
    }
}

impl Good {
    /// With its key and its share of the table.
    fn bytes(&self) -> usize {
        self.row.bytes() + 2 * size_of::<(Key, Self)>()
    }
}

fn seconds(tick: Tick) -> u32 {
    u32::try_from(tick.0 / 1000).unwrap_or(u32::MAX)
}

/// A bad reply is worth less memory than a good one: a fourth of all.
const BAD_SHARE: usize = 4;
/// What a bad reply takes, with its share of the table.
const BAD_BYTES: usize = 2 * size_of::<(Key, Bad)>();
/// In seconds: how exactly is noted when a reply was used.
const USE_NOTED_AFTER: u32 = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    const NOW: Tick = Tick(1_000_000);
    const RULES: CacheRules = CacheRules {
        bytes: 1 << 20,
        ttl: Duration::from_secs(3600),
        negative_ttl: Duration::from_secs(60),
    };

    fn key(number: usize) -> Key {
        Key::new(&Secret::from("process"), &number.to_be_bytes(), b"")
    }

    fn row(password: &str) -> Reply {
        let mut row = Row::default();
        row.put("password", password);
        Reply::Row(Arc::new(row))
    }

    fn remember(replies: &Replies, number: usize, reply: &Reply, is_recheck: bool) {
        replies.remember(key(number), reply, is_recheck, &RULES, NOW);
    }

    #[test]
    fn a_reply_counts_for_its_time_and_then_only_without_the_database() {
        let replies = Replies::default();
        remember(&replies, 1, &row("a"), false);
        let at = |after: Duration| {
            replies.recall(&key(1), NOW.after(after)).map(|it| (it.is_fresh, it.is_confirmed))
        };
        assert_eq!(at(Duration::ZERO), Some((true, false)));
        assert_eq!(at(RULES.ttl), Some((false, false)));
        assert_eq!(at(RULES.ttl + REPLY_STALE_MAX), None);
        remember(&replies, 1, &row("a"), true);
        assert_eq!(at(Duration::ZERO), Some((true, true)));
        assert_eq!(at(RULES.negative_ttl), Some((true, false)));
    }

    #[test]
    fn sa_10_bad_replies_have_their_own_room_and_their_own_time() {
        let replies = Replies::default();
        remember(&replies, 1, &row("a"), false);
        for number in 2..50_000 {
            remember(&replies, number, &Reply::Unknown, false);
        }
        assert!(replies.recall(&key(1), NOW).is_some());
        let last = replies.recall(&key(49_999), NOW).unwrap();
        assert!(matches!(last.reply, Reply::Unknown) && last.is_confirmed);
        assert!(replies.recall(&key(49_999), NOW.after(RULES.negative_ttl)).is_none());
        let most = (1 << 20) / BAD_SHARE / BAD_BYTES;
        assert!(replies.size().1 <= most, "{:?}", replies.size());
        // A user who is there now is no unknown one any more, and the other way round.
        remember(&replies, 49_999, &row("b"), false);
        remember(&replies, 1, &Reply::Unknown, false);
        assert!(matches!(replies.recall(&key(49_999), NOW).unwrap().reply, Reply::Row(_)));
        assert!(matches!(replies.recall(&key(1), NOW).unwrap().reply, Reply::Unknown));
    }

    #[test]
    fn memory_is_bounded_and_the_longest_unused_go_first() {
        let replies = Replies::default();
        remember(&replies, 0, &row("first"), false);
        for number in 1..20_000 {
            let later = NOW.after(Duration::from_secs(100 + number as u64));
            assert!(replies.recall(&key(0), later).is_some(), "it is used all the time");
            replies.remember(key(number), &row("pass word"), false, &RULES, later);
            assert!(replies.size().2 <= 1 << 20);
        }
        assert!(replies.recall(&key(1), NOW).is_none());
        let (good, _, bytes) = replies.size();
        assert!(good > 1000 && bytes > 1 << 19, "{good} {bytes}");
    }

    #[test]
    fn without_times_nothing_is_remembered_and_troubles_change_nothing() {
        let replies = Replies::default();
        let rules = CacheRules { ttl: Duration::ZERO, negative_ttl: Duration::ZERO, ..RULES };
        for reply in [row("a"), Reply::Unknown, Reply::Mismatch] {
            replies.remember(key(1), &reply, false, &rules, NOW);
            assert!(replies.recall(&key(1), NOW).is_none());
        }
        remember(&replies, 1, &row("a"), false);
        let trouble = crate::auth::inquiry::RemoteTrouble::TimedOut;
        remember(&replies, 1, &Reply::Trouble(trouble.into()), false);
        assert!(replies.recall(&key(1), NOW).is_some());
        remember(&replies, 1, &Reply::Expired, false);
        assert_eq!(replies.size(), (0, 0, 0));
    }
}
