//! What changed in the GeoDB since the last look.
//!
//! Duty: one answer out of two sources, what the engine knows of other processes and what commands inside this one
//! announced. Non-duty: reading the rows again. Driven by the control core's routing. Tests: `super::tests`.

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::error::GeoDbError;
use super::handle::GeoDb;
use super::news::{Changed, News};

/// One reader's view: what comes after it was made.
#[derive(Debug)]
pub struct Changes {
    geodb: GeoDb,
    /// What the engine said at the last look.
    stamp: Option<i64>,
    announced: Receiver<Changed>,
    /// Announced, and not told by a look yet.
    news: News,
    /// How many announcements the last look has told.
    told: u64,
}

impl Changes {
    /// Of this GeoDB, from here on.
    #[must_use]
    pub fn of(geodb: &GeoDb) -> Self {
        let announced = geodb.announcements();
        Self { geodb: geodb.clone(), stamp: None, announced, news: News::default(), told: 0 }
    }

    /// What changed since the last look. Rows that are read afterwards are as new as that, or newer. The first look begins.
    ///
    /// # Errors
    /// The GeoDB does not answer; the next look tells what this one could not.
    pub async fn look(&mut self) -> Result<News, GeoDbError> {
        let stamp = self.geodb.stamp().await?;
        let former = std::mem::replace(&mut self.stamp, stamp);
        if former.is_some() && former != stamp {
            // Another process wrote, and nothing says what.
            self.news.add(Changed::Everything);
        }
        let told = self.geodb.announced();
        loop {
            match self.announced.try_recv() {
                Ok(changed) => self.news.add(changed),
                Err(TryRecvError::Lagged(_)) => self.news.add(Changed::Everything),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        self.told = told;
        Ok(std::mem::take(&mut self.news))
    }

    /// How many announcements the looks so far have told, of all that were ever made.
    #[must_use]
    pub fn told(&self) -> u64 {
        self.told
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
