//! What changed in the GeoDB since somebody looked last.
//!
//! Duty: one answer out of two sources, what the engine knows of other processes and what commands inside this one
//! announced. Non-duty: reading the rows again. Driven by the control core's routing. Tests: `super::tests`.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use super::{GeoDb, GeoDbError};

/// What may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Changed {
    /// Nothing.
    Nothing,
    /// Sites, backends or groups: what the routing table is built from.
    Tables,
    /// The rows of users, and perhaps the tables.
    Users,
}

/// One reader's view. Only what comes after it was made counts, beginning with the first look.
#[derive(Debug)]
pub struct Changes {
    geodb: GeoDb,
    /// What the engine said at the last look.
    version: Option<i64>,
    seen: Seen,
}

impl Changes {
    pub(super) fn new(geodb: GeoDb) -> Self {
        let seen = geodb.announced.now();
        Self { geodb, version: None, seen }
    }

    /// What changed since the last look. Rows that are read afterwards are as new as that, or newer.
    ///
    /// # Errors
    /// The GeoDB does not answer; the next look tells what this one could not.
    pub async fn look(&mut self) -> Result<Changed, GeoDbError> {
        let version = self.geodb.version().await?;
        let former = self.version.replace(version);
        let elsewhere = match former {
            Some(former) if former != version => Changed::Users,
            Some(_) | None => Changed::Nothing,
        };
        Ok(elsewhere.max(self.announced()))
    }

    /// Waits until a command of this process announces something.
    pub async fn announcement(&self) {
        let announced = &self.geodb.announced;
        loop {
            let news = announced.news.notified();
            if announced.now() != self.seen {
                return;
            }
            news.await;
        }
    }

    fn announced(&mut self) -> Changed {
        let now = self.geodb.announced.now();
        let before = std::mem::replace(&mut self.seen, now);
        if now.users != before.users {
            Changed::Users
        } else if now.tables != before.tables {
            Changed::Tables
        } else {
            Changed::Nothing
        }
    }
}

/// What commands of this process wrote.
#[derive(Debug, Default)]
pub(super) struct Announced {
    tables: AtomicU64,
    users: AtomicU64,
    news: Notify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    tables: u64,
    users: u64,
}

impl Announced {
    pub(super) fn add(&self, changed: Changed) {
        match changed {
            Changed::Nothing => return,
            Changed::Tables => self.tables.fetch_add(1, Ordering::SeqCst),
            Changed::Users => self.users.fetch_add(1, Ordering::SeqCst),
        };
        self.news.notify_waiters();
    }

    fn now(&self) -> Seen {
        Seen {
            tables: self.tables.load(Ordering::SeqCst),
            users: self.users.load(Ordering::SeqCst),
        }
    }
}
