//! What can go wrong with the GeoDB. Each message names the file and the remedy.

use std::path::PathBuf;

use rusqlite::ErrorCode;

use super::schema::SCHEMA_VERSION;
use crate::route::problem::Problem;

/// See the module's documentation.
#[derive(Debug, thiserror::Error)]
pub enum GeoDbError {
    /// The setting `cluster_geodb` is not understood.
    #[error("cluster_geodb = {location}: expected sqlite:/absolute/path")]
    Location {
        /// The setting's value.
        location: String,
    },
    /// The file does not exist.
    #[error("{path}: does not exist; run: hale geodb init")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A table does not exist.
    #[error("{path}: has no table {table}; run: hale geodb init")]
    NotInitialised {
        /// The file.
        path: PathBuf,
        /// The first missing table.
        table: &'static str,
    },
    /// A table has another layout.
    #[error(
        "{path}: table {table} has no column {column}; add it, or move the file away and run: hale geodb init"
    )]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The table.
        table: &'static str,
        /// The first missing column.
        column: &'static str,
    },
    /// The file was made by a later Hale.
    #[error(
        "{path}: has schema version {version}, this Hale knows up to {SCHEMA_VERSION}; upgrade Hale"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version found.
        version: i64,
    },
    /// The file cannot be opened.
    #[error("{path}: cannot be opened; check that its directory exists and belongs to Hale's user")]
    Open {
        /// The file.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// The file or its directory is not writable.
    #[error("{path}: is read-only; make the file and its directory writable for Hale's user")]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// SQLite's reason, if it was asked.
        source: Option<rusqlite::Error>,
    },
    /// The file is something else, or damaged.
    #[error(
        "{path}: is no SQLite database or damaged; restore a backup, or move it away and run: hale geodb init"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// Another process holds the lock.
    #[error("{path}: locked by another process; try again")]
    Busy {
        /// The file.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// No space left.
    #[error("{path}: its file system is full or failing")]
    Full {
        /// The file.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// Anything else.
    #[error("{path}: {doing} failed")]
    Query {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// A row that was asked for holds a value that makes no sense.
    #[error("{path}: {problem}; mend the row")]
    BadRow {
        /// The file.
        path: PathBuf,
        /// Table, row and complaint.
        problem: Problem,
    },
    /// Rows kept changing while they were acted on.
    #[error("the rows of user {username} keep changing; try again")]
    Unsettled {
        /// The user.
        username: String,
    },
}

impl GeoDbError {
    /// Whether the same call may succeed later without anybody doing anything.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::Full { .. } | Self::Query { .. } | Self::Unsettled { .. } => {
                true
            }
            Self::Location { .. }
            | Self::Missing { .. }
            | Self::NotInitialised { .. }
            | Self::MissingColumn { .. }
            | Self::Newer { .. }
            | Self::Open { .. }
            | Self::ReadOnly { .. }
            | Self::Damaged { .. }
            | Self::BadRow { .. } => false,
        }
    }

    /// Sorts SQLite's error into ours.
    pub(super) fn from_sqlite(
        path: &std::path::Path,
        doing: &'static str,
        source: rusqlite::Error,
    ) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Busy { path, source }
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                let source = Some(source);
                Self::ReadOnly { path, source }
            }
            Some(ErrorCode::CannotOpen) => Self::Open { path, source },
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { path, source }
            }
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => Self::Full { path, source },
            _ => Self::Query { path, doing, source },
        }
    }
}
