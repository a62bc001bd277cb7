//! The cache of user rows: read by every data core without waiting, written by the control core (K-CORE-4).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use papaya::HashMap;
use uuid::Uuid;

use crate::route::rows::User;
use crate::tick::Tick;

/// User rows by normalised name. Clones are the same cache. The hash is keyed (SipHash), because clients choose the
/// names (RS-15).
#[derive(Clone, Debug, Default)]
pub struct Users(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    rows: HashMap<Box<str>, Kept>,
    /// Each home once, however many users live there.
    homes: HashMap<Arc<Home>, ()>,
    /// How often all rows were doubted; a row of an earlier number is doubtful.
    epoch: AtomicU32,
    /// The LocalDB has not been read to its end: more rows may come from there.
    is_loading: AtomicBool,
    /// The GeoDB does not answer.
    is_alone: AtomicBool,
}

/// A group of a site, and what else a row says.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Home {
    site: Uuid,
    group: Box<str>,
    /// The row, if it is not usual: of one user only.
    whole: Option<Box<User>>,
}

/// A row as it is kept: a site has a million users, and nearly all rows say nothing but where the user is at home. With
/// its name's address it takes forty bytes.
#[derive(Debug)]
struct Kept {
    home: Arc<Home>,
    /// In seconds.
    read_at: u32,
    /// When a login asked for it last, in seconds.
    used_at: AtomicU32,
    epoch: u32,
}

/// A row and when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    /// The row.
    pub row: User,
    /// When it was read from the `GeoDB`, to the second.
    pub read_at: Tick,
    /// Whether the row is known to have changed, or may have: the GeoDB is to be asked first, if it answers.
    pub is_doubtful: bool,
}

/// A row as the LocalDB keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The row.
    pub row: User,
    /// When a login asked for it last, to the second.
    pub used_at: Tick,
    /// Whether it is known to have changed.
    pub is_doubtful: bool,
}

/// Rows older than this are read again, while logins go on with the old one (C-CACHE-1).
pub const FRESH_FOR: Duration = Duration::from_secs(300);
/// Rows kept at most; beyond it an eighth goes, the longest unused first. A usual row takes less than 120 bytes beyond the
/// name.
pub const ROWS_MAX: usize = 1 << 21;

impl Users {
    /// What is remembered of a user.
    #[must_use]
    pub fn get(&self, user: &str) -> Option<Cached> {
        Some(self.cached(user, self.0.rows.pin().get(user)?))
    }

    /// What is remembered of a user who logs in.
    #[must_use]
    pub fn at_login(&self, user: &str, now: Tick) -> Option<Cached> {
        let pinned = self.0.rows.pin();
        let kept = pinned.get(user)?;
        let now = seconds(now);
        // Cores that log the same user in do not pass the cache line to and fro.
        if now.saturating_sub(kept.used_at.load(Ordering::Relaxed)) >= USE_NOTED_AFTER {
            kept.used_at.store(now, Ordering::Relaxed);
        }
        Some(self.cached(user, kept))
    }

    /// Remembers a row that was just read or written.
    pub fn remember(&self, row: User, now: Tick) {
        let pinned = self.0.rows.pin();
        if pinned.len() >= ROWS_MAX {
            self.make_room();
        }
        let username = row.username.clone();
        // A row of the LocalDB is of second 0; one that was read is not.
        let (read_at, used_at) = (seconds(now).max(1), AtomicU32::new(seconds(now)));
        let kept = Kept { home: self.home(row), read_at, used_at, epoch: self.epoch() };
        pinned.insert(username, kept);
    }

    /// Takes up what the LocalDB knows, unless there is something newer. It is old, so that the next login has it read
    /// again. False: there is no room left.
    pub fn recall(&self, known: Known, epoch: u32) -> bool {
        let epoch = epoch.wrapping_sub(u32::from(known.is_doubtful));
        let pinned = self.0.rows.pin();
        if pinned.len() >= ROWS_MAX {
            return false;
        }
        let username = known.row.username.clone();
        let used_at = AtomicU32::new(seconds(known.used_at));
        pinned.get_or_insert_with(username, || Kept {
            home: self.home(known.row),
            read_at: 0,
            used_at,
            epoch,
        });
        true
    }

    /// The row has changed: the next login asks the GeoDB first, and has the old row only if it does not answer.
    pub fn doubt(&self, user: &str) {
        let doubted = self.0.epoch.load(Ordering::Acquire).wrapping_sub(1);
        let doubt = |kept: &Kept| Kept {
            home: Arc::clone(&kept.home),
            read_at: kept.read_at,
            used_at: AtomicU32::new(kept.used_at.load(Ordering::Relaxed)),
            epoch: doubted,
        };
        let is_known = self.0.rows.pin().update(user.into(), doubt).is_some();
        if !is_known && self.0.is_loading.load(Ordering::Acquire) {
            // The old row may still come.
            self.doubt_all();
        }
    }

    /// Any row may have changed.
    pub fn doubt_all(&self) {
        self.0.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// Forgets a user, whatever the GeoDB says later.
    pub fn forget(&self, user: &str) {
        self.0.rows.pin().remove(user);
    }

    /// The number of the present age: what is read from now on belongs to it.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.0.epoch.load(Ordering::Acquire)
    }

    /// The LocalDB is being read, or has been.
    pub fn set_loading(&self, is_loading: bool) {
        self.0.is_loading.store(is_loading, Ordering::Release);
    }

    /// The GeoDB does not answer, or does again.
    pub fn set_alone(&self, is_alone: bool) {
        self.0.is_alone.store(is_alone, Ordering::Relaxed);
    }

    /// Whether the GeoDB does not answer: what is remembered is used whatever its age.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.0.is_alone.load(Ordering::Relaxed)
    }

    /// What the LocalDB keeps of a user.
    #[must_use]
    pub fn known(&self, user: &str) -> Option<Known> {
        Some(self.known_of(user, self.0.rows.pin().get(user)?))
    }

    /// Goes through all users, in no order; who comes meanwhile may be missing.
    pub fn for_each(&self, mut act: impl FnMut(Known)) {
        for (user, kept) in &self.0.rows.pin() {
            act(self.known_of(user, kept));
        }
    }

    /// How many rows are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.rows.pin().len()
    }

    /// Whether no user is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn cached(&self, user: &str, kept: &Kept) -> Cached {
        Cached {
            row: kept.home.row(user),
            read_at: Tick(u64::from(kept.read_at) * 1000),
            is_doubtful: kept.epoch != self.epoch(),
        }
    }

    fn known_of(&self, user: &str, kept: &Kept) -> Known {
        let used_at = Tick(u64::from(kept.used_at.load(Ordering::Relaxed)) * 1000);
        let is_doubtful = kept.epoch != self.epoch();
        Known { row: kept.home.row(user), used_at, is_doubtful }
    }

    /// Lets an eighth go, those that were not used for longest.
    fn make_room(&self) {
        let pinned = self.0.rows.pin();
        let mut uses: Vec<u32> =
            pinned.values().map(|kept| kept.used_at.load(Ordering::Relaxed)).collect();
        let share = uses.len() / 8;
        let (earlier, last, _) = uses.select_nth_unstable(share);
        let last = *last;
        // Of those that were used in the same second as the last of them only as many as are needed.
        let mut left = 1 + earlier.iter().filter(|used| **used == last).count();
        pinned.retain(|_, kept| match kept.used_at.load(Ordering::Relaxed).cmp(&last) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal if left > 0 => {
                left -= 1;
                false
            }
            _ => true,
        });
    }

    fn home(&self, row: User) -> Arc<Home> {
        // Routing reads neither of these, so a row is usual whatever they say.
        let usual = User {
            username: row.username.clone(),
            preferred_site_id: row.preferred_site_id,
            group_name: row.group_name.clone(),
            metacache_last_host: row.metacache_last_host.clone(),
            last_update: row.last_update,
            ..User::default()
        };
        let (site, group) = (row.preferred_site_id, row.group_name.clone());
        let home = match site {
            Some(site) if usual == row => Home { site, group, whole: None },
            _ => return Arc::new(Home { site: Uuid::nil(), group, whole: Some(Box::new(row)) }),
        };
        let pinned = self.0.homes.pin();
        if let Some((known, ())) = pinned.get_key_value(&home) {
            return Arc::clone(known);
        }
        let home = Arc::new(home);
        pinned.insert(Arc::clone(&home), ());
        home
    }
}

impl Home {
    fn row(&self, user: &str) -> User {
        match &self.whole {
            Some(row) => (**row).clone(),
            None => User {
                username: user.into(),
                preferred_site_id: Some(self.site),
                group_name: self.group.clone(),
                ..User::default()
            },
        }
    }
}

fn seconds(tick: Tick) -> u32 {
    u32::try_from(tick.0 / 1000).unwrap_or(u32::MAX)
}

/// In seconds: how exactly is noted when a row was used.
const USE_NOTED_AFTER: u32 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(name: &str) -> User {
        User {
            username: name.into(),
            preferred_site_id: Some(Uuid::from_u128(7)),
            group_name: "default-1".into(),
            ..User::default()
        }
    }

    #[test]
    fn rows_are_remembered_and_forgotten() {
        let users = Users::default();
        let moving = User { moving_group_name: Some("default-2".into()), ..usual("bob") };
        let cached = |row, read_at| Some(Cached { row, read_at, is_doubtful: false });
        users.remember(usual("alice"), Tick(5000));
        users.remember(moving.clone(), Tick(6000));
        assert_eq!(users.get("alice"), cached(usual("alice"), Tick(5000)));
        assert_eq!(users.get("bob"), cached(moving, Tick(6000)));
        users.forget("alice");
        assert_eq!(users.get("alice"), None);
        assert_eq!(users.len(), 1);
    }

    #[test]
    fn a_row_read_in_the_first_second_is_not_taken_for_one_of_the_localdb() {
        let users = Users::default();
        users.remember(usual("alice"), Tick(3));
        let epoch = users.epoch();
        users.recall(Known { row: usual("bob"), used_at: Tick(0), is_doubtful: false }, epoch);
        let read_at = |name| users.get(name).unwrap().read_at;
        assert!(read_at("alice") > read_at("bob"));
        assert_eq!(read_at("bob"), Tick::default());
    }

    #[test]
    fn a_doubted_row_stays_until_a_newer_one_comes() {
        let users = Users::default();
        let is_doubtful = |name| users.get(name).map(|cached| cached.is_doubtful);
        users.remember(usual("alice"), Tick(0));
        users.remember(usual("bob"), Tick(0));
        users.doubt("alice");
        assert_eq!((is_doubtful("alice"), is_doubtful("bob")), (Some(true), Some(false)));
        users.doubt_all();
        users.remember(usual("alice"), Tick(0));
        assert_eq!((is_doubtful("alice"), is_doubtful("bob")), (Some(false), Some(true)));
    }

    #[test]
    fn what_the_localdb_knows_yields_to_what_is_newer_and_to_doubts() {
        let users = Users::default();
        let known = |name: &str, group: &str| {
            let row = User { group_name: group.into(), ..usual(name) };
            Known { row, used_at: Tick(0), is_doubtful: false }
        };
        users.set_loading(true);
        let epoch = users.epoch();
        users.remember(usual("alice"), Tick(9000));
        assert!(
            users.recall(known("alice", "old"), epoch) && users.recall(known("bob", "old"), epoch)
        );
        assert_eq!(users.get("alice").unwrap().row, usual("alice"));
        assert_eq!(
            users.get("bob").map(|bob| (bob.read_at, bob.is_doubtful)),
            Some((Tick(0), false))
        );
        // Changed before it was read: what comes from the file is older.
        users.doubt("carol");
        users.recall(known("carol", "old"), epoch);
        assert!(users.get("carol").unwrap().is_doubtful);
    }

    #[test]
    fn the_longest_unused_go_first() {
        let users = Users::default();
        for number in 0..80 {
            users.remember(usual(&format!("user{number}")), Tick(0));
        }
        for number in 10..80 {
            assert!(users.at_login(&format!("user{number}"), Tick(3_600_000)).is_some());
        }
        users.make_room();
        // An eighth, and the one at its edge: the ten that were not used, and one of the others.
        assert_eq!(users.len(), 69);
        assert!((0..10).all(|number| users.get(&format!("user{number}")).is_none()));
    }
}
