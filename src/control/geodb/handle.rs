//! The handle on a GeoDB: the engine, a deadline for each call, and the announcements of this process.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::calls::{CallTotals, Calls};
use super::cassandra::Cassandra;
use super::error::GeoDbError;
#[cfg(test)]
use super::gate::Gate;
use super::late::{LateWrite, LateWrites};
use super::news::{Announcements, Changed};
use super::schema::TableSchema;
use super::sqlite::Sqlite;
use super::values::{
    Applied, BackendFigure, BackendUpdate, DestFigure, Dump, Made, OpenMode, SiteUpdate,
};
use crate::config::{Cassandra as CassandraSettings, GeoDb as Location};
use crate::control::wall_clock::UnixMillis;
use crate::limits;
use crate::route::change::{GroupChange, GroupCreation};
use crate::route::decide::{UserAssignment, UserMove};
use crate::route::rows::{
    Backend, GroupSite, Places, ReadRows, Rows, Setting, Site, SiteReachability, Tag, User,
    UserGroup,
};

/// The way to the GeoDB. Clones lead to the same one.
#[derive(Clone, Debug)]
pub struct GeoDb {
    engine: Engine,
    deadline: Duration,
    announcements: Announcements,
    late: LateWrites,
    calls: Calls,
    #[cfg(test)]
    gate: Gate,
}

/// Which database it is. Another engine is one more variant, with methods of the same names.
#[derive(Clone, Debug)]
enum Engine {
    /// The embedded one.
    Sqlite(Arc<Sqlite>),
    /// A cluster's.
    Cassandra(Arc<Cassandra>),
}

/// Passes a call on to the engine, under the deadline.
macro_rules! calls {
    ($($(#[$doc:meta])* pub async fn $name:ident(&self $(, $argument:ident: $type:ty)*) -> $result:ty;)*) => {
        impl GeoDb {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// The GeoDB cannot be read or written, or not in time; the message names the place and the remedy.
                pub async fn $name(&self $(, $argument: $type)*) -> Result<$result, GeoDbError> {
                    self.within(async {
                        #[cfg(test)]
                        self.gate.pass(stringify!($name)).await?;
                        match &self.engine {
                            Engine::Sqlite(engine) => engine.$name($($argument),*).await,
                            // Boxed: what the driver awaits is deep and large.
                            Engine::Cassandra(engine) => Box::pin(engine.$name($($argument),*)).await,
                        }
                    })
                    .await
                }
            )*
        }
    };
}

impl GeoDb {
    /// Opens the GeoDB that the setting `cluster_geodb` names. Waits for no network: a cluster's first call begins to
    /// connect, and calls fail until that is done.
    ///
    /// # Errors
    /// The file cannot be opened, or its tables are missing.
    pub fn open(location: &Location, mode: OpenMode) -> Result<Self, GeoDbError> {
        Ok(Self::of(match location {
            Location::Sqlite(path) => Engine::Sqlite(Arc::new(Sqlite::open(path, mode)?)),
            Location::Cassandra(settings) => Self::cassandra(settings, mode),
        }))
    }

    /// The GeoDB that cannot be opened now: calls fail until it can be.
    ///
    /// # Errors
    /// The system has no threads left.
    pub fn open_later(location: &Location) -> Result<Self, GeoDbError> {
        Ok(Self::of(match location {
            Location::Sqlite(path) => Engine::Sqlite(Arc::new(Sqlite::open_later(path)?)),
            // It never waits.
            Location::Cassandra(settings) => Self::cassandra(settings, OpenMode::Existing),
        }))
    }

    fn of(engine: Engine) -> Self {
        Self {
            engine,
            deadline: limits::GEODB_CALL_TIMEOUT,
            announcements: Announcements::default(),
            late: LateWrites::default(),
            calls: Calls::default(),
            #[cfg(test)]
            gate: Gate::default(),
        }
    }

    fn cassandra(settings: &CassandraSettings, mode: OpenMode) -> Engine {
        Engine::Cassandra(Arc::new(Cassandra::open(settings.clone(), mode)))
    }

    /// What the engine has to tell an operator, from here on: clocks that differ, warnings of nodes. None: it has nothing to
    /// tell.
    #[must_use]
    pub fn remarks(&self) -> Option<Receiver<Arc<str>>> {
        match &self.engine {
            Engine::Sqlite(_) => None,
            Engine::Cassandra(engine) => Some(engine.remarks()),
        }
    }

    /// How the engine does, for operators: what, and its state. A file has nothing to add to whether it answers.
    #[must_use]
    pub fn condition(&self) -> Vec<(&'static str, String)> {
        match &self.engine {
            Engine::Sqlite(_) => Vec::new(),
            Engine::Cassandra(engine) => engine.condition(),
        }
    }

    /// The same GeoDB, with another deadline for each call.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self { deadline, ..self.clone() }
    }

    /// Whether the engine notices by itself that other processes have written.
    #[must_use]
    pub fn notices_writes(&self) -> bool {
        matches!(self.engine, Engine::Sqlite(_))
    }

    /// What each call may take.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Tells all who watch the changes in this process that a command wrote rows. What writes at a login knows what became
    /// of the rows and need not say so.
    pub fn announce(&self, changed: Changed) {
        self.announcements.tell(changed);
    }

    /// Waits until logins of this process go by everything that has been announced so far. Without a task that routes, for ever.
    pub fn taken_up(&self) -> impl Future<Output = ()> + use<> {
        let announcements = self.announcements.clone();
        let number = announcements.made();
        async move { announcements.taken_up(number).await }
    }

    /// How many announcements were made so far.
    pub(super) fn announced(&self) -> u64 {
        self.announcements.made()
    }

    /// Logins go by all announcements up to this number.
    pub(in crate::control) fn take_up(&self, announced: u64) {
        self.announcements.take_up(announced);
    }

    /// Keeps a write that may be late until the GeoDB takes it; of each row the last one.
    ///
    /// # Errors
    /// As many rows wait as may.
    pub fn write_later(&self, write: LateWrite) -> Result<(), GeoDbError> {
        self.late.put(write)
    }

    /// The writes that wait.
    #[must_use]
    pub fn late(&self) -> &LateWrites {
        &self.late
    }

    /// Makes one of them.
    ///
    /// # Errors
    /// As of every call.
    pub async fn write_late(&self, write: &LateWrite) -> Result<Applied, GeoDbError> {
        match write {
            // Where another proxy was faster, the row says what it is to say (C-SITE-9).
            LateWrite::Reachability(row) => {
                self.write_reachability(row).await.map(|_| Applied::Written)
            }
            LateWrite::Backend { site_id, id, update } => {
                self.update_backend(*site_id, *id, update).await
            }
        }
    }

    /// What became of the calls so far.
    pub(in crate::control) fn totals(&self) -> CallTotals {
        self.calls.totals()
    }

    /// Lets calls that were made come to their end, and goes. What is asked afterwards, of any clone, fails.
    pub async fn close(&self) {
        let closing = async {
            match &self.engine {
                Engine::Sqlite(engine) => engine.close().await,
                Engine::Cassandra(engine) => engine.close().await,
            }
        };
        // An engine that hangs is left behind: the process is about to end.
        let _ = timeout(limits::GEODB_CLOSE_TIMEOUT, closing).await;
    }

    /// What is announced from here on.
    pub(super) fn announcements(&self) -> Receiver<Changed> {
        self.announcements.listen()
    }

    /// A number that changes whenever another process has written. None: the engine cannot tell; whole reads find out.
    pub(super) async fn stamp(&self) -> Result<Option<i64>, GeoDbError> {
        self.within(async {
            #[cfg(test)]
            self.gate.pass("stamp").await?;
            match &self.engine {
                Engine::Sqlite(engine) => engine.version().await.map(Some),
                Engine::Cassandra(engine) => Box::pin(engine.is_there()).await.map(|()| None),
            }
        })
        .await
    }

    /// The gate of this handle and all its clones.
    #[cfg(test)]
    pub(in crate::control) fn gate(&self) -> &Gate {
        &self.gate
    }

    async fn within<T>(
        &self,
        call: impl Future<Output = Result<T, GeoDbError>>,
    ) -> Result<T, GeoDbError> {
        let began = Instant::now();
        let result = match timeout(self.deadline, call).await {
            Ok(result) => result,
            Err(_) => Err(GeoDbError::Timeout { after: self.deadline }),
        };
        self.calls.note(&result, began.elapsed());
        result
    }
}

calls! {
    /// Creates what is missing of the ten tables, and says what it did. Idempotent.
    pub async fn init(&self) -> Vec<Made>;
    /// Everything that the routing table of `local_site` is built from, as of one moment.
    pub async fn read_all(&self, local_site: &str) -> Rows;
    /// The small tables, whole.
    pub async fn read_places(&self) -> Places;
    /// The rows of all groups at one site. All of them, or an error.
    pub async fn read_groups(&self, site_id: Uuid) -> ReadRows<UserGroup>;
    /// The whole table `group_sites`, or an error.
    pub async fn read_group_sites(&self) -> ReadRows<GroupSite>;
    /// A user's row.
    pub async fn read_user(&self, username: &str) -> Option<User>;
    /// A group's row at one site.
    pub async fn read_group(&self, site_id: Uuid, name: &str) -> Option<UserGroup>;
    /// Creates the user's row, or fills its empty columns; what others wrote first stays (GE-07). `former`: the row that
    /// was just read (none: there was no row), and on which the assignment was decided. Returns the row.
    pub async fn assign_user(&self, assignment: &UserAssignment, former: Option<&User>, now: UnixMillis) -> User;
    /// Finishes a user move, unless the row differs by now.
    pub async fn finish_user_move(&self, finish: &UserMove, now: UnixMillis) -> Applied;
    /// Creates the group's row; what others wrote first stays. Returns the row.
    pub async fn create_group(&self, creation: &GroupCreation, now: UnixMillis) -> UserGroup;
    /// Changes where a group lives, unless the row differs by now. One statement writes all columns of the decision.
    pub async fn apply(&self, change: &GroupChange, now: UnixMillis) -> Applied;

    /// All tags, by name.
    pub async fn tags(&self) -> Vec<Tag>;
    /// Adds a tag; false when the id exists.
    pub async fn insert_tag(&self, tag: &Tag) -> bool;
    /// Renames a tag; false when it does not exist.
    pub async fn rename_tag(&self, id: Uuid, name: &str) -> bool;
    /// Deletes a tag, without looking whether it is used; false when it does not exist.
    pub async fn delete_tag(&self, id: Uuid) -> bool;
    /// All sites, by name.
    pub async fn sites(&self) -> Vec<Site>;
    /// Adds a site; false when the id exists.
    pub async fn insert_site(&self, site: &Site) -> bool;
    /// Changes a site; false when it does not exist.
    pub async fn update_site(&self, id: Uuid, update: &SiteUpdate) -> bool;
    /// Deletes a site, without looking whether it is used; false when it does not exist.
    pub async fn delete_site(&self, id: Uuid) -> bool;
    /// All backends of all sites, by host.
    pub async fn backends(&self) -> Vec<Backend>;
    /// A backend's row.
    pub async fn read_backend(&self, site_id: Uuid, id: Uuid) -> Option<Backend>;
    /// Adds a backend; false when the id exists.
    pub async fn insert_backend(&self, backend: &Backend) -> bool;
    /// Changes a backend; skipped when it does not exist or its status is not the expected one.
    pub async fn update_backend(&self, site_id: Uuid, id: Uuid, update: &BackendUpdate) -> Applied;
    /// Deletes a backend, without looking whether it is used; false when it does not exist.
    pub async fn delete_backend(&self, site_id: Uuid, id: Uuid) -> bool;
    /// The groups of one site, by name.
    pub async fn groups(&self, site_id: Uuid) -> Vec<UserGroup>;
    /// Sets the sticky flags of a group; false when it does not exist.
    pub async fn stick_group(&self, site_id: Uuid, name: &str, users: Option<bool>, backend: Option<bool>) -> bool;
    /// Creates groups at a site and returns how many are new. With `anew`, all groups of the site are deleted and its
    /// users un-assigned before (`site init --update`).
    pub async fn init_groups(&self, site_id: Uuid, creations: &[GroupCreation], anew: bool, now: UnixMillis) -> usize;
    /// All users, by name.
    pub async fn users(&self) -> Vec<User>;
    /// Writes a user's row over `expected` (none: there was no row), unless it differs by now.
    pub async fn replace_user(&self, expected: Option<&User>, row: &User, now: UnixMillis) -> Applied;
    /// Deletes a user's row; false when it does not exist.
    pub async fn delete_user(&self, username: &str) -> bool;
    /// The settings of one section.
    pub async fn settings(&self, section: &str) -> Vec<Setting>;
    /// Writes a setting, whatever it said before.
    pub async fn write_setting(&self, setting: &Setting) -> ();
    /// Deletes a setting by its key; false when it does not exist.
    pub async fn delete_setting(&self, setting: &Setting) -> bool;
    /// Writes what the proxies of one site measured of another; false: the row says so already, and is left as it is.
    pub async fn write_reachability(&self, reachability: &SiteReachability) -> bool;
    /// Writes figures that this proxy has of what it connects to, whatever they were before.
    pub async fn write_dest_figures(&self, figures: &[DestFigure]) -> ();
    /// Writes figures of backends, whatever they were before.
    pub async fn write_backend_figures(&self, figures: &[BackendFigure]) -> ();
    /// The figures that the proxies of one site have of one host.
    pub async fn read_dest_figures(&self, proxy_site_id: Uuid, dest_host: &str) -> Vec<DestFigure>;
    /// The figures that the proxies of one site have of all hosts.
    pub async fn read_site_figures(&self, proxy_site_id: Uuid) -> Vec<DestFigure>;
    /// What a group does at one site.
    pub async fn read_group_site(&self, site_id: Uuid, name: &str) -> Option<GroupSite>;
    /// Writes what a group does at one site, unless the row has a later `last_update` by now.
    pub async fn write_group_site(&self, row: &GroupSite) -> Applied;
    /// How many rows a table has.
    pub async fn count(&self, table: &'static TableSchema) -> i64;
    /// The contents of one of the ten tables.
    pub async fn dump(&self, table: &'static TableSchema) -> Dump;
    /// Writes rows as [`Self::dump`] gives them, over those that are there. Idempotent.
    pub async fn load(&self, table: &'static TableSchema, rows: &[Vec<Option<String>>]) -> ();
}
