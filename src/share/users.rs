//! The cache of user rows: read by every data core without waiting, written by the control core (K-CORE-4).

use std::sync::Arc;
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
}

/// A group of a site.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Home {
    site: Uuid,
    group: Box<str>,
}

/// A row as it is kept: a site has a million users, and nearly all rows say nothing but where the user is at home.
#[derive(Debug)]
struct Kept {
    row: Row,
    read_at: Tick,
}

#[derive(Debug)]
enum Row {
    AtHome(Arc<Home>),
    Whole(Box<User>),
}

/// A row and when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    /// The row.
    pub row: User,
    /// When it was read from the `GeoDB`.
    pub read_at: Tick,
}

/// Rows older than this are read again, while logins go on with the old one (C-CACHE-1).
pub const FRESH_FOR: Duration = Duration::from_secs(300);
/// Rows kept at most; beyond it the older half goes. A usual row takes about 80 bytes.
pub const ROWS_MAX: usize = 1 << 21;

impl Users {
    /// What is remembered of a user.
    #[must_use]
    pub fn get(&self, user: &str) -> Option<Cached> {
        let pinned = self.0.rows.pin();
        let kept = pinned.get(user)?;
        let row = match &kept.row {
            Row::Whole(row) => (**row).clone(),
            Row::AtHome(home) => User {
                username: user.into(),
                preferred_site_id: Some(home.site),
                group_name: home.group.clone(),
                ..User::default()
            },
        };
        Some(Cached { row, read_at: kept.read_at })
    }

    /// Remembers a row that was just read or written.
    pub fn remember(&self, row: User, now: Tick) {
        let pinned = self.0.rows.pin();
        if pinned.len() >= ROWS_MAX {
            let oldest = pinned.values().map(|kept| kept.read_at.0).min().unwrap_or(0);
            let middle = oldest + now.0.saturating_sub(oldest) / 2;
            pinned.retain(|_, kept| kept.read_at.0 > middle);
        }
        let username = row.username.clone();
        pinned.insert(username, Kept { row: self.kept(row), read_at: now });
    }

    /// Forgets a user, so that the next login reads the row.
    pub fn forget(&self, user: &str) {
        self.0.rows.pin().remove(user);
    }

    /// Forgets every user.
    pub fn clear(&self) {
        self.0.rows.pin().clear();
        self.0.homes.pin().clear();
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

    fn kept(&self, row: User) -> Row {
        // Routing reads neither of these, so a row is usual whatever they say.
        let usual = User {
            username: row.username.clone(),
            preferred_site_id: row.preferred_site_id,
            group_name: row.group_name.clone(),
            metacache_last_host: row.metacache_last_host.clone(),
            last_update: row.last_update,
            ..User::default()
        };
        match row.preferred_site_id {
            Some(site) if usual == row => {
                Row::AtHome(self.home(Home { site, group: row.group_name }))
            }
            _ => Row::Whole(Box::new(row)),
        }
    }

    fn home(&self, home: Home) -> Arc<Home> {
        let pinned = self.0.homes.pin();
        if let Some((known, ())) = pinned.get_key_value(&home) {
            return Arc::clone(known);
        }
        let home = Arc::new(home);
        pinned.insert(Arc::clone(&home), ());
        home
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_remembered_and_forgotten() {
        let users = Users::default();
        let usual = User {
            username: "alice".into(),
            preferred_site_id: Some(Uuid::from_u128(7)),
            group_name: "default-1".into(),
            ..User::default()
        };
        let moving = User {
            username: "bob".into(),
            moving_group_name: Some("default-2".into()),
            ..usual.clone()
        };
        users.remember(usual.clone(), Tick(5));
        users.remember(moving.clone(), Tick(6));
        assert_eq!(users.get("alice"), Some(Cached { row: usual, read_at: Tick(5) }));
        assert_eq!(users.get("bob"), Some(Cached { row: moving, read_at: Tick(6) }));
        users.forget("alice");
        assert_eq!(users.get("alice"), None);
        users.clear();
        assert!(users.is_empty());
    }
}
