//! Where backends have sent users on to: written by the control core, read by data cores (C-CACHE-5).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use papaya::HashMap;

use crate::limits;
use crate::route::sent_on::SentOn;
use crate::tick::Tick;

/// Referrals that were followed, by user. Clones are the same book. It is empty unless groups are being moved.
#[derive(Clone, Debug, Default)]
pub struct Referrals(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    users: HashMap<Box<str>, (SentOn, Tick)>,
    /// So that a login that finds none does not even hash.
    count: AtomicUsize,
}

impl Referrals {
    /// Where this user was sent on to.
    #[must_use]
    pub fn of(&self, user: &str, now: Tick) -> Option<SentOn> {
        if self.0.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let pinned = self.0.users.pin();
        let (sent_on, at) = pinned.get(user)?;
        (now.since(*at) < limits::REFERRAL_KEPT_FOR).then(|| sent_on.clone())
    }

    /// A backend has sent the user on. With too many, it is not remembered: the next login is sent on again.
    pub fn remember(&self, user: &str, sent_on: SentOn, now: Tick) {
        let pinned = self.0.users.pin();
        if pinned.len() >= limits::REFERRALS_KEPT_MAX && pinned.get(user).is_none() {
            return;
        }
        pinned.insert(user.into(), (sent_on, now));
        self.0.count.store(pinned.len(), Ordering::Relaxed);
    }

    /// That did not work, or is not so any more.
    pub fn forget(&self, user: &str) {
        if self.0.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let pinned = self.0.users.pin();
        pinned.remove(user);
        self.0.count.store(pinned.len(), Ordering::Relaxed);
    }

    /// Lets go of what is old, and of what `is_good` denies.
    pub fn sweep(&self, now: Tick, is_good: impl Fn(&SentOn) -> bool) {
        if self.0.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let pinned = self.0.users.pin();
        pinned.retain(|_, (sent_on, at)| {
            now.since(*at) < limits::REFERRAL_KEPT_FOR && is_good(sent_on)
        });
        self.0.count.store(pinned.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::change::Placement;
    use uuid::Uuid;

    fn sent_on(group: &str) -> SentOn {
        let placement = Placement { backend_id: Some(Uuid::from_u128(1)), ..Placement::default() };
        SentOn { to: Uuid::from_u128(2), group: group.into(), placement }
    }

    #[test]
    fn c_cache_5_a_referral_is_kept_for_an_hour_at_most() {
        let (book, hour) = (Referrals::default(), 3_600_000);
        book.remember("alice", sent_on("vip"), Tick(5));
        assert_eq!(book.of("alice", Tick(hour + 4)), Some(sent_on("vip")));
        assert_eq!((book.of("alice", Tick(hour + 5)), book.of("bob", Tick(5))), (None, None));
        book.forget("alice");
        assert_eq!(book.of("alice", Tick(6)), None);
        for user in ["alice", "bob"] {
            book.remember(user, sent_on(user), Tick(7));
        }
        book.sweep(Tick(8), |sent_on| &*sent_on.group != "bob");
        assert_eq!((book.of("alice", Tick(8)).is_some(), book.of("bob", Tick(8))), (true, None));
        book.sweep(Tick(hour + 7), |_| true);
        assert_eq!(book.0.users.pin().len(), 0);
    }

    #[test]
    fn c_cache_5_so_many_are_kept_and_known_ones_are_renewed() {
        let book = Referrals::default();
        for number in 0..=limits::REFERRALS_KEPT_MAX {
            book.remember(&format!("user{number}"), sent_on("vip"), Tick(0));
        }
        let last = format!("user{}", limits::REFERRALS_KEPT_MAX);
        assert_eq!(book.of(&last, Tick(0)), None);
        book.remember("user0", sent_on("other"), Tick(0));
        assert_eq!(book.of("user0", Tick(0)), Some(sent_on("other")));
    }
}
