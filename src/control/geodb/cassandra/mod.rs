//! The engine over Cassandra, and ScyllaDB, which speaks the same protocol.
//!
//! Duty: the calls of [`GeoDb`](super::GeoDb) with the same meaning as in SQLite. There are no transactions here, and no lightweight
//! ones either: they do not work on rows that are written with client timestamps. Every write reads its row first, decides, and
//! writes all columns of one decision in one statement, later than what it read; what two proxies write at the same time is the
//! same, because decisions are (palomar §1.1, G16, G17). Non-duty: caches, whole-login deadlines. Driven by `handle`.
//! Tests: `super::tests`, on a real node.

use std::sync::Arc;

use tokio::sync::broadcast::Receiver;
use tokio::task::JoinSet;

use self::link::Link;
use self::requests::Requests;
use crate::config::Cassandra as Settings;
use crate::control::geodb::error::GeoDbError;
use crate::control::geodb::values::OpenMode;
use crate::limits;

mod cells;
mod check;
mod commands;
mod fault;
mod health;
mod link;
mod logins;
mod requests;
mod session;
mod stamps;
mod statements;
mod values;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Cassandra {
    requests: Arc<Requests>,
}

impl Cassandra {
    /// Waits for nothing: the first call begins to connect.
    pub(super) fn open(settings: Settings, mode: OpenMode) -> Self {
        Self { requests: Arc::new(Requests::new(Link::new(settings, mode))) }
    }

    pub(super) async fn close(&self) {
        self.requests.link.close();
    }

    /// Whether calls are made at the moment. Nothing tells of others' writes: whole reads find out.
    pub(super) async fn is_there(&self) -> Result<(), GeoDbError> {
        self.requests.link.session().await?;
        self.requests.link.shared.admit()
    }

    /// What an operator has to know, from here on.
    pub(super) fn remarks(&self) -> Receiver<Arc<str>> {
        self.requests.link.shared.remarks.subscribe()
    }

    /// How it does, for operators: what, and its state.
    pub(super) fn condition(&self) -> Vec<(&'static str, String)> {
        let mut found = self.requests.link.shared.condition();
        found.push(("skewed_rows", self.requests.skewed().to_string()));
        found
    }

    /// Does all of it, much at the same time, and counts what came out true. The first error ends it.
    async fn many<F>(&self, work: impl Iterator<Item = F>) -> Result<usize, GeoDbError>
    where
        F: Future<Output = Result<bool, GeoDbError>> + Send + 'static,
    {
        let mut under_way = JoinSet::new();
        let mut count = 0;
        for piece in work {
            if under_way.len() >= limits::CASSANDRA_WRITES_AT_ONCE {
                count += usize::from(self.joined(under_way.join_next().await)?);
            }
            under_way.spawn(piece);
        }
        while let Some(done) = under_way.join_next().await {
            count += usize::from(self.joined(Some(done))?);
        }
        Ok(count)
    }

    fn joined(
        &self,
        done: Option<Result<Result<bool, GeoDbError>, tokio::task::JoinError>>,
    ) -> Result<bool, GeoDbError> {
        match done {
            Some(Ok(result)) => result,
            None => Ok(false),
            Some(Err(error)) => Err(GeoDbError::Failed {
                place: self.requests.place().into(),
                doing: "writing many rows",
                why: error.to_string().into(),
            }),
        }
    }
}
