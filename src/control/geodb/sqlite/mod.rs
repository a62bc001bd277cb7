//! The embedded engine: one SQLite file, shared by the processes of one host.
//!
//! Duty: making SQLite's blocking calls on threads of their own, so that none waits behind another that has nothing to do
//! with it: rows that a login reads, whole tables, and writes, which may have to wait for another process's lock. Not its
//! duty: deadlines, which are [`GeoDb`](super::GeoDb)'s. Tests: `super::tests`, on real files.

use std::path::Path;

use crate::control::geodb::error::GeoDbError;
use crate::control::geodb::values::OpenMode;
use file::SqliteFile;
use lane::Lane;

mod calls;
mod cluster_state;
mod commands;
mod fault;
mod file;
mod lane;
mod queries;

/// The engine: three connections on three threads.
#[derive(Debug)]
pub(super) struct Sqlite {
    /// Single rows, as logins read them.
    rows: Lane,
    /// Whole tables.
    tables: Lane,
    /// Writes, and whether others wrote: SQLite tells a connection of all writes but its own.
    writes: Lane,
}

impl Sqlite {
    /// Opens the file and checks the tables.
    pub(super) fn open(path: &Path, mode: OpenMode) -> Result<Self, GeoDbError> {
        let start = |name: &str, mode| Lane::start(name, path, Some(SqliteFile::open(path, mode)?));
        Ok(Self {
            writes: start("hale-geodb-w", mode)?,
            rows: start("hale-geodb-r", OpenMode::Existing)?,
            tables: start("hale-geodb-t", OpenMode::Existing)?,
        })
    }

    /// The file cannot be opened now: each call tries again.
    pub(super) fn open_later(path: &Path) -> Result<Self, GeoDbError> {
        let start = |name: &str| Lane::start(name, path, None);
        Ok(Self {
            writes: start("hale-geodb-w")?,
            rows: start("hale-geodb-r")?,
            tables: start("hale-geodb-t")?,
        })
    }

    /// Closes all connections; the last one leaves nothing beside the file.
    pub(super) async fn close(&self) {
        self.rows.close().await;
        self.tables.close().await;
        self.writes.close().await;
    }

    /// A number that changes whenever others wrote.
    pub(super) async fn version(&self) -> Result<i64, GeoDbError> {
        self.writes.call(SqliteFile::data_version).await
    }
}
