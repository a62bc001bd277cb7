//! The LocalDB: what this host knows of the cluster, in shared memory, so that a Hale that is started while the GeoDB is
//! gone serves the users that it knows (C-LOCAL-1).
//!
//! Duty: an SQLite file with a thread of its own; rows written behind in batches; everything read back at start, the small
//! tables before the first greeting and users while logins go on; bounds, the longest unused users going first. It is a
//! cache: whatever is wrong with the file costs the cache and one line in the log, and no login waits for it. Non-duty:
//! what the rows mean (`route`), when they are read again (`tasks::routing`). Driven by the routing tasks, and by
//! `hale cluster localdb`. Tests: `tests`, on real files.
#![forbid(unsafe_code)]

mod files;
mod handle;
mod offline;
mod rows;
mod store;
mod thread;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use crate::route::chunks::Chunks;
use crate::route::rows::{GroupSite, Places, UserGroup};
use crate::route::table::Addresses;

pub use handle::LocalDb;
pub use offline::LocalFile;
pub use store::{LocalDbError, LocalGroup, LocalUser, Status};

/// Where it is, and how much it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalDbSettings {
    /// `cluster_localdb`.
    pub path: PathBuf,
    /// `cluster_local_site`: rows that another site's proxy saw are worth nothing here.
    pub site: Box<str>,
    /// The user that Hale runs as. What belongs to another is not believed.
    pub owner: u32,
    /// `cluster_localdb_users_max`.
    pub users_max: u64,
    /// `cluster_localdb_size_max`, in bytes.
    pub size_max: u64,
}

/// The rows besides those of users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// Sites, backends, reachability, force-moves.
    pub places: Places,
    /// The local site's groups.
    pub groups: Chunks<UserGroup>,
    /// Groups that failed over.
    pub group_sites: Chunks<GroupSite>,
    /// Where the hosts were that rows name: names may not resolve when Hale starts.
    pub addresses: Arc<Addresses>,
}
