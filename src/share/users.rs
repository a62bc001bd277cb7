//! The cache of user rows: read by every data core without waiting, written by the control core (DESIGN decision 6).

use std::sync::Arc;
use std::time::Duration;

use papaya::HashMap;

use crate::route::rows::User;
use crate::tick::Tick;

/// User rows by normalised name. Clones are the same cache. The hash is keyed (SipHash), because clients choose the
/// names (RS-15).
#[derive(Clone, Debug, Default)]
pub struct Users(Arc<HashMap<Box<str>, Cached>>);

/// A row and when it was read.
#[derive(Clone, Debug)]
pub struct Cached {
    /// The row.
    pub row: User,
    /// When it was read from the GeoDB.
    pub read_at: Tick,
}

/// Rows older than this are read again, while logins go on with the old one (G20).
pub const FRESH_FOR: Duration = Duration::from_secs(300);
/// Rows kept at most; beyond it the older half goes. A row takes about 300 bytes.
pub const ROWS_MAX: usize = 1 << 20;

impl Users {
    /// Looks a user up and hands the row to `with`.
    pub fn with<T>(&self, user: &str, with: impl FnOnce(Option<&Cached>) -> T) -> T {
        let pinned = self.0.pin();
        with(pinned.get(user))
    }

    /// Remembers a row that was just read or written.
    pub fn remember(&self, row: User, now: Tick) {
        let pinned = self.0.pin();
        if pinned.len() >= ROWS_MAX {
            let oldest = pinned.values().map(|cached| cached.read_at.0).min().unwrap_or(0);
            let middle = oldest + now.0.saturating_sub(oldest) / 2;
            pinned.retain(|_, cached| cached.read_at.0 > middle);
        }
        pinned.insert(row.username.clone(), Cached { row, read_at: now });
    }

    /// Forgets a user, so that the next login reads the row.
    pub fn forget(&self, user: &str) {
        self.0.pin().remove(user);
    }

    /// Forgets everybody.
    pub fn clear(&self) {
        self.0.pin().clear();
    }

    /// How many rows are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.pin().len()
    }

    /// Whether nobody is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_remembered_and_forgotten() {
        let users = Users::default();
        let row =
            User { username: "alice".into(), group_name: "default-1".into(), ..User::default() };
        users.remember(row, Tick(5));
        assert_eq!(
            users.with("alice", |cached| cached.map(|cached| cached.read_at)),
            Some(Tick(5))
        );
        users.forget("alice");
        assert!(users.is_empty());
    }
}
