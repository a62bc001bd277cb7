//! SQLite's errors as ours. Each message names the remedy.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::control::geodb::error::GeoDbError;

/// Sorts SQLite's error.
pub(super) fn from_sqlite(path: &Path, doing: &'static str, error: &rusqlite::Error) -> GeoDbError {
    let place = place(path);
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            GeoDbError::Unavailable { place, why: "locked by another process; try again".into() }
        }
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => {
            GeoDbError::Unavailable { place, why: "its file system is full or failing".into() }
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => read_only(path),
        Some(ErrorCode::CannotOpen) => {
            let why =
                "cannot be opened; check that its directory exists and belongs to Hale's user";
            GeoDbError::Unusable { place, why: why.into() }
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            let why = "is no SQLite database or damaged; restore a backup, or move it away and run: hale geodb init";
            GeoDbError::Unusable { place, why: why.into() }
        }
        _ => GeoDbError::Failed { place, doing, why: error.to_string().into() },
    }
}

/// The file does not exist.
pub(super) fn missing(path: &Path) -> GeoDbError {
    GeoDbError::Unusable { place: place(path), why: "does not exist; run: hale geodb init".into() }
}

/// The file or its directory is not writable.
pub(super) fn read_only(path: &Path) -> GeoDbError {
    let why = "is read-only; make the file and its directory writable for Hale's user";
    GeoDbError::Denied { place: place(path), why: why.into() }
}

/// The file's tables are not ours.
pub(super) fn schema(path: &Path, why: String) -> GeoDbError {
    GeoDbError::Schema { place: place(path), why: why.into() }
}

/// How messages name the file.
pub(super) fn place(path: &Path) -> Box<str> {
    path.display().to_string().into()
}
