//! Where a test's rows are, on either engine.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::node;
use crate::config::{Cassandra as Settings, GeoDb as Location};
use crate::control::geodb::{GeoDb, GeoDbError, OpenMode};
use crate::limits;

/// Where a test's rows are.
pub(super) struct Place(pub(super) Where);

pub(super) enum Where {
    Sqlite {
        _directory: TempDir,
        path: PathBuf,
    },
    /// A keyspace of the node that all tests of this process share.
    Cassandra(Box<Settings>),
}

impl Place {
    /// A file.
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("geodb.sqlite");
        Self(Where::Sqlite { _directory: directory, path })
    }

    pub(super) fn path(&self) -> &Path {
        match &self.0 {
            Where::Sqlite { path, .. } => path,
            Where::Cassandra(_) => panic!("a file is wanted"),
        }
    }

    pub(super) fn location(&self) -> Location {
        match &self.0 {
            Where::Sqlite { path, .. } => Location::Sqlite(path.clone()),
            Where::Cassandra(settings) => Location::Cassandra(settings.clone()),
        }
    }

    /// The same rows, seen by another process.
    pub(super) fn open(&self) -> GeoDb {
        patient(GeoDb::open(&self.location(), OpenMode::Existing).unwrap())
    }

    /// With the ten tables.
    pub(super) async fn create(&self) -> GeoDb {
        let geodb = patient(GeoDb::open(&self.location(), OpenMode::Create).unwrap());
        geodb.init().await.unwrap();
        geodb
    }

    pub(super) fn fails(&self) -> GeoDbError {
        GeoDb::open(&self.location(), OpenMode::Existing).unwrap_err()
    }

    pub(super) fn sql(&self, sql: &str) {
        rusqlite::Connection::open(self.path()).unwrap().execute_batch(sql).unwrap();
    }

    /// Writes by hand: SQL, or CQL in which `K` is the keyspace.
    pub(super) async fn write(&self, sql: &str, cql: &str) {
        match &self.0 {
            Where::Sqlite { .. } => self.sql(sql),
            Where::Cassandra(settings) => node::write(settings, cql).await,
        }
    }
}

/// A slow machine is no failure; tests of deadlines have their own.
fn patient(geodb: GeoDb) -> GeoDb {
    geodb.with_deadline(limits::GEODB_TABLE_TIMEOUT)
}

/// The same test on each engine.
macro_rules! on_each_engine {
    ($($name:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::Place::new()).await;
            })*
        }

        mod on_cassandra {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::node::place(stringify!($name)).await).await;
            })*
        }
    };
}
pub(super) use on_each_engine;
