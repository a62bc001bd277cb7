//! What operators read and write (the `hale cluster` commands), and the conditional writes of probes and moves.

use rusqlite::{TransactionBehavior, params};
use uuid::Uuid;

use super::file::SqliteFile;
use super::queries::{
    BACKENDS, CREATE_GROUP, GROUPS, SITES, TAGS, creation_params, id_text, text_of,
};
use crate::control::geodb::error::GeoDbError;
use crate::control::geodb::schema::TableSchema;
use crate::control::geodb::values::{Applied, BackendUpdate, Dump, SiteUpdate};
use crate::control::wall_clock::UnixMillis;
use crate::route::change::GroupCreation;
use crate::route::rows::{Backend, Site, Tag, User, UserGroup};

// === Tags and sites ===

impl SqliteFile {
    /// See [`crate::control::geodb::GeoDb::tags`].
    pub(super) fn tags(&mut self) -> Result<Vec<Tag>, GeoDbError> {
        self.read(TAGS, (), &mut Vec::new())
    }

    /// See [`crate::control::geodb::GeoDb::insert_tag`].
    pub(super) fn insert_tag(&mut self, tag: &Tag) -> Result<bool, GeoDbError> {
        let sql = "insert into tags (id, tag) values (?1, ?2) on conflict do nothing";
        self.changes(sql, params![tag.id.to_string(), &*tag.tag])
    }

    /// See [`crate::control::geodb::GeoDb::rename_tag`].
    pub(super) fn rename_tag(&mut self, id: Uuid, name: &str) -> Result<bool, GeoDbError> {
        self.changes("update tags set tag = ?2 where id = ?1", params![id.to_string(), name])
    }

    /// See [`crate::control::geodb::GeoDb::delete_tag`].
    pub(super) fn delete_tag(&mut self, id: Uuid) -> Result<bool, GeoDbError> {
        self.changes("delete from tags where id = ?1", [id.to_string()])
    }

    /// See [`crate::control::geodb::GeoDb::sites`].
    pub(super) fn sites(&mut self) -> Result<Vec<Site>, GeoDbError> {
        self.read(SITES, (), &mut Vec::new())
    }

    /// See [`crate::control::geodb::GeoDb::insert_site`].
    pub(super) fn insert_site(&mut self, site: &Site) -> Result<bool, GeoDbError> {
        let sql = "insert into sites (id, name, tag, load_balancer, status) values (?1, ?2, ?3, ?4, ?5) \
            on conflict do nothing";
        let id = site.id.to_string();
        let status = site.status.as_str();
        self.changes(
            sql,
            params![id, &*site.name, id_text(site.tag), site.load_balancer.as_deref(), status],
        )
    }

    /// See [`crate::control::geodb::GeoDb::update_site`].
    pub(super) fn update_site(
        &mut self,
        id: Uuid,
        update: &SiteUpdate,
    ) -> Result<bool, GeoDbError> {
        let sql = "update sites set status = coalesce(?2, status), load_balancer = coalesce(?3, load_balancer) \
            where id = ?1";
        let status = update.status.as_ref().map(|status| status.as_str());
        self.changes(sql, params![id.to_string(), status, update.load_balancer.as_deref()])
    }

    /// See [`crate::control::geodb::GeoDb::delete_site`].
    pub(super) fn delete_site(&mut self, id: Uuid) -> Result<bool, GeoDbError> {
        self.changes("delete from sites where id = ?1", [id.to_string()])
    }

    fn changes(&mut self, sql: &str, params: impl rusqlite::Params) -> Result<bool, GeoDbError> {
        Ok(self.execute(sql, params)? > 0)
    }
}

// === Backends ===

impl SqliteFile {
    /// See [`crate::control::geodb::GeoDb::backends`].
    pub(super) fn backends(&mut self) -> Result<Vec<Backend>, GeoDbError> {
        self.read(BACKENDS, (), &mut Vec::new())
    }

    /// See [`crate::control::geodb::GeoDb::read_backend`].
    pub(super) fn read_backend(
        &mut self,
        site_id: Uuid,
        id: Uuid,
    ) -> Result<Option<Backend>, GeoDbError> {
        let sql = "select * from backends where site_id = ?1 and id = ?2";
        self.read_one(sql, [site_id.to_string(), id.to_string()])
    }

    /// See [`crate::control::geodb::GeoDb::insert_backend`].
    pub(super) fn insert_backend(&mut self, backend: &Backend) -> Result<bool, GeoDbError> {
        let sql = "insert into backends (site_id, id, load_factor, host, status, status_reason) \
            values (?1, ?2, ?3, ?4, ?5, ?6) on conflict do nothing";
        let params = params![
            backend.site_id.to_string(),
            backend.id.to_string(),
            backend.load_factor,
            &*backend.host,
            backend.status.as_str(),
            backend.status_reason.as_deref(),
        ];
        self.changes(sql, params)
    }

    /// See [`crate::control::geodb::GeoDb::update_backend`].
    pub(super) fn update_backend(
        &mut self,
        site_id: Uuid,
        id: Uuid,
        update: &BackendUpdate,
    ) -> Result<Applied, GeoDbError> {
        let sql = "update backends set status = coalesce(?3, status), status_reason = coalesce(?4, status_reason), \
            load_factor = coalesce(?5, load_factor) \
            where site_id = ?1 and id = ?2 and (?6 is null or status is ?6) \
            and (?7 is null or coalesce(status_reason, '') = ?7)";
        let status = update.status.as_ref().map(|(status, _)| status.as_str());
        let reason = update.status.as_ref().map(|(_, reason)| &**reason);
        let expected = update.expected_status.as_ref().map(|status| status.as_str());
        let site_id = site_id.to_string();
        let because = update.expected_reason.as_deref();
        let id = id.to_string();
        let params = params![site_id, id, status, reason, update.load_factor, expected, because];
        Ok(Applied::from_count(self.execute(sql, params)?))
    }

    /// See [`crate::control::geodb::GeoDb::delete_backend`].
    pub(super) fn delete_backend(&mut self, site_id: Uuid, id: Uuid) -> Result<bool, GeoDbError> {
        let sql = "delete from backends where site_id = ?1 and id = ?2";
        self.changes(sql, [site_id.to_string(), id.to_string()])
    }
}

// === Groups ===

impl SqliteFile {
    /// See [`crate::control::geodb::GeoDb::groups`].
    pub(super) fn groups(&mut self, site_id: Uuid) -> Result<Vec<UserGroup>, GeoDbError> {
        self.read(GROUPS, [site_id.to_string()], &mut Vec::new())
    }

    /// See [`crate::control::geodb::GeoDb::stick_group`].
    pub(super) fn stick_group(
        &mut self,
        site_id: Uuid,
        name: &str,
        users: Option<bool>,
        backend: Option<bool>,
    ) -> Result<bool, GeoDbError> {
        let sql = "update user_groups set sticky_users = coalesce(?3, sticky_users), \
            sticky_backend = coalesce(?4, sticky_backend) where site_id = ?1 and name = ?2";
        self.changes(sql, params![site_id.to_string(), name, users, backend])
    }

    /// See [`crate::control::geodb::GeoDb::init_groups`].
    pub(super) fn init_groups(
        &mut self,
        site_id: Uuid,
        creations: &[GroupCreation],
        anew: bool,
        now: UnixMillis,
    ) -> Result<usize, GeoDbError> {
        self.within("creating groups", |connection| {
            let immediate = TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(immediate)?;
            if anew {
                let site_id = site_id.to_string();
                transaction.execute("delete from user_groups where site_id = ?1", [&site_id])?;
                transaction.execute(UNASSIGN_USERS, params![site_id, now])?;
            }
            let mut created = 0;
            for creation in creations {
                created += transaction.execute(CREATE_GROUP, creation_params(creation, now))?;
            }
            transaction.commit()?;
            Ok(created)
        })
    }
}

// === Users ===

impl SqliteFile {
    /// See [`crate::control::geodb::GeoDb::users`].
    pub(super) fn users(&mut self) -> Result<Vec<User>, GeoDbError> {
        self.read("select * from users order by username", (), &mut Vec::new())
    }

    /// See [`crate::control::geodb::GeoDb::replace_user`].
    pub(super) fn replace_user(
        &mut self,
        expected: Option<&User>,
        row: &User,
        now: UnixMillis,
    ) -> Result<Applied, GeoDbError> {
        let home = id_text(row.preferred_site_id);
        let next_home = id_text(row.moving_preferred_site_id);
        let failover = row.failover_site_group_name.as_deref();
        let next_group = row.moving_group_name.as_deref();
        let next_failover = row.moving_failover_site_group_name.as_deref();
        let (name, group) = (&*row.username, &*row.group_name);
        let Some(expected) = expected else {
            let params =
                params![name, home, group, failover, next_home, next_group, next_failover, now];
            return Ok(Applied::from_count(self.execute(INSERT_USER, params)?));
        };
        let params = params![
            name,
            home,
            group,
            failover,
            next_home,
            next_group,
            next_failover,
            now,
            id_text(expected.preferred_site_id),
            &*expected.group_name,
            expected.failover_site_group_name.as_deref(),
            id_text(expected.moving_preferred_site_id),
            expected.moving_group_name.as_deref(),
            expected.moving_failover_site_group_name.as_deref(),
            expected.last_update.filter(|_| expected.is_moving()),
        ];
        Ok(Applied::from_count(self.execute(REPLACE_USER, params)?))
    }

    /// See [`crate::control::geodb::GeoDb::delete_user`].
    pub(super) fn delete_user(&mut self, username: &str) -> Result<bool, GeoDbError> {
        self.changes("delete from users where username = ?1", [username])
    }

    /// See [`crate::control::geodb::GeoDb::count`].
    pub(super) fn count(&mut self, table: &TableSchema) -> Result<i64, GeoDbError> {
        let sql = format!("select count(*) from {}", table.name);
        self.within("counting", |connection| connection.query_row(&sql, (), |row| row.get(0)))
    }

    /// See [`crate::control::geodb::GeoDb::dump`].
    pub(super) fn dump(&mut self, table: &TableSchema) -> Result<Dump, GeoDbError> {
        let columns: Vec<String> =
            table.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        let sql = format!(
            "select {} from {} order by {}",
            columns.join(", "),
            table.name,
            table.key.join(", ")
        );
        let rows = self.query(&sql, (), |row| {
            (0..columns.len())
                .map(|at| row.get_ref(at).map(text_of))
                .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        Ok(Dump { columns, rows })
    }

    /// See [`crate::control::geodb::GeoDb::load`].
    pub(super) fn load(
        &mut self,
        table: &TableSchema,
        rows: &[Vec<Option<String>>],
    ) -> Result<(), GeoDbError> {
        let columns: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let sql = format!(
            "insert or replace into {} ({}) values ({})",
            table.name,
            columns.join(", "),
            vec!["?"; columns.len()].join(", ")
        );
        self.within("copying", |connection| {
            let immediate = TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(immediate)?;
            for row in rows {
                // Text that is a number becomes one: the columns' types say so.
                transaction.prepare_cached(&sql)?.execute(rusqlite::params_from_iter(row))?;
            }
            transaction.commit()
        })
    }
}

// === Statements ===

const UNASSIGN_USERS: &str = "update users set group_name = null, last_update = ?2 where preferred_site_id = ?1 and group_name is not null";

const INSERT_USER: &str = "insert into users (username, preferred_site_id, group_name, failover_site_group_name, \
    moving_preferred_site_id, moving_group_name, moving_failover_site_group_name, last_update) \
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) on conflict do nothing";

/// `metacache_last_host` is the backends' column and stays as it is (C-GEO-1).
const REPLACE_USER: &str = "update users set preferred_site_id = ?2, group_name = ?3, failover_site_group_name = ?4, \
    moving_preferred_site_id = ?5, moving_group_name = ?6, moving_failover_site_group_name = ?7, \
    last_update = max(?8, coalesce(last_update + 1, ?8)) \
    where username = ?1 and preferred_site_id is ?9 and coalesce(group_name, '') = ?10 \
    and failover_site_group_name is ?11 and moving_preferred_site_id is ?12 and moving_group_name is ?13 \
    and moving_failover_site_group_name is ?14 and (?15 is null or last_update is ?15)";
