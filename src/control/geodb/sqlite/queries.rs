//! What logins read and write.
//!
//! Duty: rows from SQLite's values, lenient with everything but keys (GE-08); writes that are single statements and
//! carry their own condition, so that no newer row is overwritten (GE-07, C-GEO-2). Non-duty: what
//! operators write (`commands`).

use rusqlite::types::ValueRef;
use rusqlite::{Params, Row, params};
use uuid::Uuid;

use super::fault;
use super::file::SqliteFile;
use crate::control::geodb::columns::{Columns, NotAUuid, TableRow};
use crate::control::geodb::error::GeoDbError;
use crate::control::geodb::values::Applied;
use crate::control::wall_clock::UnixMillis;
use crate::route::change::{GroupChange, GroupCreation};
use crate::route::decide::{UserAssignment, UserMove};
use crate::route::problem::{Complaint, Problem};
use crate::route::rows::{GroupSite, Places, ReadRows, Rows, Setting, User, UserGroup};

impl SqliteFile {
    /// See [`crate::control::geodb::GeoDb::read_all`].
    pub(super) fn read_all(&mut self, local_site: &str) -> Result<Rows, GeoDbError> {
        self.at_once(|file| file.read_tables(local_site))
    }

    /// All that is read in one transaction, as of one moment.
    fn at_once<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, GeoDbError>,
    ) -> Result<T, GeoDbError> {
        self.within("reading", |connection| connection.execute_batch("begin"))?;
        let rows = read(self);
        // A read transaction that is rolled back has lost nothing.
        let ended = self.within("reading", |connection| connection.execute_batch("rollback"));
        let rows = rows?;
        ended?;
        Ok(rows)
    }

    fn read_tables(&mut self, local_site: &str) -> Result<Rows, GeoDbError> {
        let places = self.read_places()?;
        let mut groups = ReadRows::default();
        for site in places.sites.iter().filter(|site| *site.name == *local_site) {
            let found = self.read_groups(site.id)?;
            groups.rows.extend(found.rows);
            groups.unreadable.extend(found.unreadable);
        }
        Ok(Rows::joined(places, groups, self.read_group_sites()?))
    }

    /// See [`crate::control::geodb::GeoDb::read_places`]: all tables as of one moment.
    pub(super) fn read_places_at_once(&mut self) -> Result<Places, GeoDbError> {
        self.at_once(Self::read_places)
    }

    fn read_places(&mut self) -> Result<Places, GeoDbError> {
        let mut bad = Vec::new();
        Ok(Places {
            sites: self.read(SITES, (), &mut bad)?,
            backends: self.read(BACKENDS, (), &mut bad)?,
            site_reachability: self.read(REACHABILITY, (), &mut bad)?,
            settings: self.read(&routing_settings(), Setting::ROUTING_SECTIONS, &mut bad)?,
            tags: self.read(TAGS, (), &mut bad)?,
            unreadable: bad,
        })
    }

    /// See [`crate::control::geodb::GeoDb::read_groups`].
    pub(super) fn read_groups(&mut self, site_id: Uuid) -> Result<ReadRows<UserGroup>, GeoDbError> {
        self.read_rows(GROUPS, [site_id.to_string()])
    }

    /// See [`crate::control::geodb::GeoDb::read_group_sites`].
    pub(super) fn read_group_sites(&mut self) -> Result<ReadRows<GroupSite>, GeoDbError> {
        self.read_rows(GROUP_SITES, ())
    }

    /// See [`crate::control::geodb::GeoDb::read_user`].
    pub(super) fn read_user(&mut self, username: &str) -> Result<Option<User>, GeoDbError> {
        self.read_one("select * from users where username = ?1", [username])
    }

    /// See [`crate::control::geodb::GeoDb::read_group`].
    pub(super) fn read_group(
        &mut self,
        site_id: Uuid,
        name: &str,
    ) -> Result<Option<UserGroup>, GeoDbError> {
        let sql = "select * from user_groups where site_id = ?1 and name = ?2";
        self.read_one(sql, params![site_id.to_string(), name])
    }

    /// See [`crate::control::geodb::GeoDb::assign_user`].
    pub(super) fn assign_user(
        &mut self,
        assignment: &UserAssignment,
        now: UnixMillis,
    ) -> Result<User, GeoDbError> {
        let home = assignment.preferred_site_id.to_string();
        let params = params![&*assignment.username, home, &*assignment.group_name, now];
        self.execute(ASSIGN_USER, params)?;
        let row = self.read_user(&assignment.username)?;
        row.ok_or_else(|| GeoDbError::user_keeps_changing(&assignment.username))
    }

    /// See [`crate::control::geodb::GeoDb::finish_user_move`].
    pub(super) fn finish_user_move(
        &mut self,
        finish: &UserMove,
        now: UnixMillis,
    ) -> Result<Applied, GeoDbError> {
        self.replace_user(Some(&finish.expected), &finish.moved, now)
    }

    /// See [`crate::control::geodb::GeoDb::create_group`].
    pub(super) fn create_group(
        &mut self,
        creation: &GroupCreation,
        now: UnixMillis,
    ) -> Result<UserGroup, GeoDbError> {
        self.execute(CREATE_GROUP, creation_params(creation, now))?;
        let row = self.read_group(creation.site_id, &creation.name)?;
        row.ok_or_else(|| GeoDbError::group_keeps_changing(&creation.name))
    }

    /// See [`crate::control::geodb::GeoDb::apply`].
    pub(super) fn apply(
        &mut self,
        change: &GroupChange,
        now: UnixMillis,
    ) -> Result<Applied, GeoDbError> {
        let changed = self.execute(
            APPLY_GROUP_CHANGE,
            params![
                change.site_id.to_string(),
                &*change.name,
                id_text(change.placement.backend_id),
                id_text(change.placement.alt_backend_id),
                &*change.placement.moving,
                now,
                id_text(change.expected.backend_id),
                id_text(change.expected.alt_backend_id),
                &*change.expected.moving,
                change.order,
            ],
        )?;
        Ok(Applied::from_count(changed))
    }

    /// Rows of one table; those that cannot be read are reported instead.
    pub(super) fn read<T: TableRow>(
        &mut self,
        sql: &str,
        params: impl Params,
        bad: &mut Vec<Problem>,
    ) -> Result<Vec<T>, GeoDbError> {
        let found = self.query(sql, params, |row| match T::read(&Fields(row)) {
            Ok(value) => Ok(Ok(value)),
            Err(BadField::Sqlite(error)) => Err(error),
            Err(BadField::NotAUuid(column)) => Ok(Err(Problem {
                table: T::TABLE.schema().name,
                row: key_text(row).into(),
                complaint: Complaint::NotAUuid(column),
            })),
        })?;
        let mut rows = Vec::with_capacity(found.len());
        for row in found {
            match row {
                Ok(value) => rows.push(value),
                Err(problem) => bad.push(problem),
            }
        }
        Ok(rows)
    }

    fn read_rows<T: TableRow>(
        &mut self,
        sql: &str,
        params: impl Params,
    ) -> Result<ReadRows<T>, GeoDbError> {
        let mut unreadable = Vec::new();
        let rows = self.read(sql, params, &mut unreadable)?;
        Ok(ReadRows { rows, unreadable })
    }

    pub(super) fn read_one<T: TableRow>(
        &mut self,
        sql: &str,
        params: impl Params,
    ) -> Result<Option<T>, GeoDbError> {
        let mut bad = Vec::new();
        let rows = self.read(sql, params, &mut bad)?;
        if let Some(problem) = bad.pop() {
            let place = fault::place(self.path());
            return Err(GeoDbError::BadRow { place, problem: Box::new(problem) });
        }
        Ok(rows.into_iter().next())
    }
}

impl Applied {
    /// From the number of rows that a conditional statement changed.
    pub(super) fn from_count(changed: usize) -> Self {
        if changed == 0 { Self::Skipped } else { Self::Written }
    }
}

// === Rows ===

/// A row's columns by name.
pub(super) struct Fields<'r>(&'r Row<'r>);

/// Why a row cannot be read.
pub(super) enum BadField {
    Sqlite(rusqlite::Error),
    NotAUuid(&'static str),
}

impl From<rusqlite::Error> for BadField {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<NotAUuid> for BadField {
    fn from(NotAUuid(column): NotAUuid) -> Self {
        Self::NotAUuid(column)
    }
}

impl Columns for Fields<'_> {
    type Error = BadField;

    fn text(&self, column: &'static str) -> Result<Option<Box<str>>, BadField> {
        Ok(text_of(self.0.get_ref(column)?).map(String::into_boxed_str))
    }

    fn number(&self, column: &'static str) -> Result<Option<i64>, BadField> {
        Ok(match self.0.get_ref(column)? {
            ValueRef::Integer(value) => Some(value),
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => None,
        })
    }

    fn real(&self, column: &'static str) -> Result<Option<f64>, BadField> {
        Ok(match self.0.get_ref(column)? {
            ValueRef::Real(value) => Some(value),
            ValueRef::Integer(_) | ValueRef::Null | ValueRef::Text(_) | ValueRef::Blob(_) => None,
        })
    }

    /// Only the form that we write: look-ups compare text, so another spelling would be found by no statement.
    fn optional_id(&self, column: &'static str) -> Result<Option<Uuid>, BadField> {
        let Some(text) = self.text(column)?.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let id = Uuid::try_parse(&text).ok().filter(|id| id.to_string() == *text);
        id.map(Some).ok_or(BadField::NotAUuid(column))
    }
}

/// Whatever the column holds, as text; NULL is none.
pub(super) fn text_of(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(value) => Some(value.to_string()),
        ValueRef::Real(value) => Some(value.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
    }
}

/// How an optional id is written.
pub(super) fn id_text(id: Option<Uuid>) -> Option<String> {
    id.map(|id| id.to_string())
}

/// The parameters of [`CREATE_GROUP`].
pub(super) fn creation_params(creation: &GroupCreation, now: UnixMillis) -> impl Params {
    (
        creation.site_id.to_string(),
        creation.name.to_string(),
        creation.backend_id.to_string(),
        id_text(creation.alt_backend_id),
        now,
    )
}

/// The first columns of a row, so that an operator finds it.
fn key_text(row: &Row<'_>) -> String {
    let columns = (0..KEY_COLUMNS_SHOWN).map_while(|at| row.get_ref(at).ok());
    columns.filter_map(text_of).collect::<Vec<String>>().join(" ")
}

const KEY_COLUMNS_SHOWN: usize = 2;

// === Statements ===

/// However many sections routing rests on.
fn routing_settings() -> String {
    let marks = vec!["?"; Setting::ROUTING_SECTIONS.len()].join(", ");
    format!("select * from cluster_settings where section in ({marks})")
}

pub(super) const SITES: &str = "select * from sites order by name, id";
pub(super) const BACKENDS: &str = "select * from backends order by host, id";
pub(super) const TAGS: &str = "select * from tags order by tag, id";
const REACHABILITY: &str = "select * from site_reachability";
const GROUP_SITES: &str = "select * from group_sites";
/// By name.
pub(super) const GROUPS: &str = "select * from user_groups where site_id = ?1 order by name";

const ASSIGN_USER: &str = "insert into users (username, preferred_site_id, group_name, last_update) \
    values (?1, ?2, ?3, ?4) on conflict (username) do update set \
    preferred_site_id = coalesce(preferred_site_id, excluded.preferred_site_id), \
    group_name = coalesce(nullif(group_name, ''), excluded.group_name), \
    last_update = excluded.last_update \
    where preferred_site_id is null or coalesce(group_name, '') = ''";

pub(super) const CREATE_GROUP: &str = "insert into user_groups \
    (site_id, name, backend_id, alt_backend_id, refresh_after, sticky_users, sticky_backend, moving) \
    values (?1, ?2, ?3, ?4, ?5, 0, 0, '') on conflict (site_id, name) do nothing";

const APPLY_GROUP_CHANGE: &str = "update user_groups set \
    backend_id = ?3, alt_backend_id = ?4, moving = ?5, refresh_after = max(?6, coalesce(refresh_after + 1, ?6)) \
    where site_id = ?1 and name = ?2 and backend_id is ?7 and alt_backend_id is ?8 \
    and coalesce(moving, '') = ?9 and (?10 is null or refresh_after is ?10)";
