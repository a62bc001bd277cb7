//! What changed in the GeoDB since the last look.
//!
//! Duty: one answer out of two sources, what the engine knows of other processes and what commands inside this one
//! announced. Non-duty: reading the rows again. Driven by the control core's routing. Tests: `super::tests`.

use std::collections::BTreeSet;

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::broadcast::{Receiver, Sender, channel};

use super::{GeoDb, GeoDbError};
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

    fn add(&mut self, changed: Changed) {
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

/// One reader's view: what comes after it was made.
#[derive(Debug)]
pub struct Changes {
    geodb: GeoDb,
    /// What the engine said at the last look.
    version: Option<i64>,
    announced: Receiver<Changed>,
    /// Announced, and not told by a look yet.
    news: News,
}

impl Changes {
    pub(super) fn new(geodb: GeoDb) -> Self {
        let announced = geodb.announcements.0.subscribe();
        Self { geodb, version: None, announced, news: News::default() }
    }

    /// What changed since the last look. Rows that are read afterwards are as new as that, or newer. The first look begins.
    ///
    /// # Errors
    /// The GeoDB does not answer; the next look tells what this one could not.
    pub async fn look(&mut self) -> Result<News, GeoDbError> {
        let version = self.geodb.version().await?;
        let former = self.version.replace(version);
        if former.is_some_and(|former| former != version) {
            // Another process wrote, and nothing says what.
            self.news.add(Changed::Everything);
        }
        loop {
            match self.announced.try_recv() {
                Ok(changed) => self.news.add(changed),
                Err(TryRecvError::Lagged(_)) => self.news.add(Changed::Everything),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        Ok(std::mem::take(&mut self.news))
    }

    /// Waits until a command of this process announces something, which the next look tells.
    pub async fn announcement(&mut self) {
        let changed = match self.announced.recv().await {
            Ok(changed) => changed,
            Err(RecvError::Lagged(_)) => Changed::Everything,
            // Our own handle keeps it open.
            Err(RecvError::Closed) => std::future::pending().await,
        };
        self.news.add(changed);
    }
}

/// The way to all readers of this process.
#[derive(Clone, Debug)]
pub(super) struct Announcements(Sender<Changed>);

impl Default for Announcements {
    fn default() -> Self {
        Self(channel(limits::GEODB_NEWS_MAX).0)
    }
}

impl Announcements {
    pub(super) fn tell(&self, changed: Changed) {
        if changed != Changed::Nothing {
            // On the command line no task watches.
            let _ = self.0.send(changed);
        }
    }
}
