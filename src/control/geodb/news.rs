//! What changed in the GeoDB, and word of it inside this process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::broadcast::{Receiver, Sender, channel};
use tokio::sync::watch;

use crate::limits;

/// What one command may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Nothing.
    Nothing,
    /// Sites, backends or groups: what the routing table is built from.
    Tables,
    /// The row of one user.
    User(Box<str>),
    /// Whatever there is.
    Everything,
}

/// What all together may have changed since the last look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// What the routing table is built from.
    pub tables: bool,
    /// Rows of users.
    pub users: ChangedUsers,
}

/// Whose rows may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangedUsers {
    /// Those of these users.
    These(BTreeSet<Box<str>>),
    /// Those of any user.
    All,
}

impl Default for ChangedUsers {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

impl News {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn add(&mut self, changed: Changed) {
        match (changed, &mut self.users) {
            (Changed::Nothing, _) => {}
            (Changed::Tables, _) => self.tables = true,
            (Changed::User(user), ChangedUsers::These(users))
                if users.len() < limits::GEODB_NEWS_MAX =>
            {
                users.insert(user);
            }
            (Changed::User(_), users) => *users = ChangedUsers::All,
            (Changed::Everything, users) => {
                self.tables = true;
                *users = ChangedUsers::All;
            }
        }
    }
}

/// The way to all readers of this process, and back: how far the one that routes by the rows has taken up what was announced.
#[derive(Clone, Debug)]
pub(super) struct Announcements {
    ways: Sender<Changed>,
    /// How many were made.
    made: Arc<AtomicU64>,
    /// How many of them the logins here go by.
    taken_up: watch::Sender<u64>,
}

impl Default for Announcements {
    fn default() -> Self {
        Self {
            ways: channel(limits::GEODB_NEWS_MAX).0,
            made: Arc::default(),
            taken_up: watch::Sender::new(0),
        }
    }
}

impl Announcements {
    pub(super) fn listen(&self) -> Receiver<Changed> {
        self.ways.subscribe()
    }

    pub(super) fn tell(&self, changed: Changed) {
        if changed != Changed::Nothing {
            // On the command line no task watches.
            let _ = self.ways.send(changed);
            // Behind it: a reader that knows the number finds everything up to it.
            self.made.fetch_add(1, Ordering::Release);
        }
    }

    pub(super) fn made(&self) -> u64 {
        self.made.load(Ordering::Acquire)
    }

    pub(super) fn take_up(&self, number: u64) {
        self.taken_up.send_if_modified(|known| {
            let is_news = *known < number;
            *known = number.max(*known);
            is_news
        });
    }

    pub(super) async fn taken_up(&self, number: u64) {
        // The sender is `self`.
        let _ = self.taken_up.subscribe().wait_for(|known| *known >= number).await;
    }
}
