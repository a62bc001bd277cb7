//! The GeoDB: the ten tables of a Palomar cluster (palomar.md 1, DESIGN decision 7).
//!
//! Duty: one enum over the engines, which all give the same rows the same meaning; the writes that routing and the
//! cluster commands make, each of them safe against others who write at the same time (GE-07, palomar.md 2.7).
//! Non-duty: caching, judging rows (`route::build`), deciding (`route::decide`). The API is synchronous and on one
//! connection: the control core owns it on a thread of its own, commands call it directly. Tests: `tests`, on real
//! files.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use uuid::Uuid;

use crate::route::decide::{UserAssignment, UserMove};
use crate::route::group::{GroupChange, GroupCreation};
use crate::route::rows::{Backend, BackendStatus, Rows, Site, SiteStatus, Tag, User, UserGroup};

pub mod admin;
pub mod error;
pub mod lookup;
pub mod queries;
pub mod schema;
pub mod sqlite;

#[cfg(test)]
mod tests;

pub use error::GeoDbError;
use sqlite::Sqlite;

/// An open GeoDB.
#[derive(Debug)]
pub enum GeoDb {
    /// The embedded engine: one file, shared by the processes of one host.
    Sqlite(Sqlite),
}

/// Whether opening may create what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// The tables must exist.
    Existing,
    /// `hale geodb init`: the file and the tables are created.
    Create,
}

/// What became of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The row said what was expected and has been written.
    Written,
    /// The row said something else by now and was left alone. Read it again.
    Skipped,
}

/// A change to a backend's row; none leaves a column alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackendUpdate {
    /// New status, together with its reason.
    pub status: Option<(BackendStatus, Box<str>)>,
    /// New share.
    pub load_factor: Option<u8>,
    /// Write only while the status is still this one: probes must not undo what an operator just did.
    pub expected_status: Option<BackendStatus>,
}

/// A change to a site's row; none leaves a column alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteUpdate {
    /// New status.
    pub status: Option<SiteStatus>,
    /// New load balancer.
    pub load_balancer: Option<Box<str>>,
}

/// A table as text, for `geodb show`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dump {
    /// Column names.
    pub columns: Vec<String>,
    /// Rows by key; NULL is none.
    pub rows: Vec<Vec<Option<String>>>,
}

/// Milliseconds since 1970, passed in by whoever may read a clock.
pub type UnixMillis = i64;

/// Passes a call on to the engine, so that a second engine is one more arm here.
macro_rules! engines {
    ($($(#[$doc:meta])* pub fn $name:ident(&mut self $(, $argument:ident: $type:ty)*) -> $result:ty;)*) => {
        impl GeoDb {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// The GeoDB cannot be read or written; the message names file and remedy.
                pub fn $name(&mut self $(, $argument: $type)*) -> Result<$result, GeoDbError> {
                    match self {
                        Self::Sqlite(engine) => engine.$name($($argument),*),
                    }
                }
            )*
        }
    };
}

impl GeoDb {
    /// Opens the GeoDB that the setting `cluster_geodb` names, such as `sqlite:/var/lib/hale/geodb.sqlite`.
    ///
    /// # Errors
    /// The setting is not understood, the file cannot be opened, or the tables are missing.
    pub fn open(location: &str, mode: OpenMode) -> Result<Self, GeoDbError> {
        match location.split_once(':') {
            Some(("sqlite", path)) if path.starts_with('/') => {
                Ok(Self::Sqlite(Sqlite::open(&PathBuf::from(path), mode)?))
            }
            _ => Err(GeoDbError::Location { location: location.to_owned() }),
        }
    }
}

engines! {
    /// Creates what is missing of the ten tables. Idempotent.
    pub fn init(&mut self) -> ();
    /// A number that changes whenever another process has written.
    pub fn data_version(&mut self) -> i64;
    /// Everything that the routing table of `local_site` is built from, as of one moment.
    pub fn read_all(&mut self, local_site: &str) -> Rows;
    /// A user's row.
    pub fn read_user(&mut self, username: &str) -> Option<User>;
    /// A group's row at one site.
    pub fn read_group(&mut self, site_id: Uuid, name: &str) -> Option<UserGroup>;
    /// Creates the user's row, or fills its empty columns; what others wrote first stays (GE-07). Returns the row.
    pub fn assign_user(&mut self, assignment: &UserAssignment, now: UnixMillis) -> User;
    /// Finishes a user move, unless the row differs by now.
    pub fn finish_user_move(&mut self, finish: &UserMove, now: UnixMillis) -> Applied;
    /// Creates the group's row; what others wrote first stays. Returns the row.
    pub fn create_group(&mut self, creation: &GroupCreation, now: UnixMillis) -> UserGroup;
    /// Changes where a group lives, unless the row differs by now. One statement writes all columns of the decision.
    pub fn apply(&mut self, change: &GroupChange, now: UnixMillis) -> Applied;

    /// All tags, by name.
    pub fn tags(&mut self) -> Vec<Tag>;
    /// Adds a tag; false when the id exists.
    pub fn insert_tag(&mut self, tag: &Tag) -> bool;
    /// Renames a tag; false when it does not exist.
    pub fn rename_tag(&mut self, id: Uuid, name: &str) -> bool;
    /// Deletes a tag, without looking whether it is used; false when it does not exist.
    pub fn delete_tag(&mut self, id: Uuid) -> bool;
    /// All sites, by name.
    pub fn sites(&mut self) -> Vec<Site>;
    /// Adds a site; false when the id exists.
    pub fn insert_site(&mut self, site: &Site) -> bool;
    /// Changes a site; false when it does not exist.
    pub fn update_site(&mut self, id: Uuid, update: &SiteUpdate) -> bool;
    /// Deletes a site, without looking whether it is used; false when it does not exist.
    pub fn delete_site(&mut self, id: Uuid) -> bool;
    /// All backends of all sites, by host.
    pub fn backends(&mut self) -> Vec<Backend>;
    /// Adds a backend; false when the id exists.
    pub fn insert_backend(&mut self, backend: &Backend) -> bool;
    /// Changes a backend; skipped when it does not exist or its status is not the expected one.
    pub fn update_backend(&mut self, site_id: Uuid, id: Uuid, update: &BackendUpdate) -> Applied;
    /// Deletes a backend, without looking whether it is used; false when it does not exist.
    pub fn delete_backend(&mut self, site_id: Uuid, id: Uuid) -> bool;
    /// The groups of one site, by name.
    pub fn groups(&mut self, site_id: Uuid) -> Vec<UserGroup>;
    /// Sets the sticky flags of a group; false when it does not exist.
    pub fn stick_group(&mut self, site_id: Uuid, name: &str, users: Option<bool>, backend: Option<bool>) -> bool;
    /// Creates groups at a site and returns how many are new. With `anew`, all groups of the site are deleted and its
    /// users un-assigned before (`site init --update`).
    pub fn init_groups(&mut self, site_id: Uuid, creations: &[GroupCreation], anew: bool, now: UnixMillis) -> usize;
    /// All users, by name.
    pub fn users(&mut self) -> Vec<User>;
    /// Writes a user's row over `expected` (none: there was no row), unless it differs by now.
    pub fn replace_user(&mut self, expected: Option<&User>, row: &User, now: UnixMillis) -> Applied;
    /// Deletes a user's row; false when it does not exist.
    pub fn delete_user(&mut self, username: &str) -> bool;
    /// How many rows a table has.
    pub fn count(&mut self, table: &schema::TableSchema) -> i64;
    /// The contents of one of the ten tables.
    pub fn dump(&mut self, table: &schema::TableSchema) -> Dump;
}
