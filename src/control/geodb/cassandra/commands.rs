//! What operators read and write (the `hale cluster` commands), and what proxies tell each other.

use std::sync::Arc;

use uuid::Uuid;

use super::Cassandra;
use super::cells::{self, Named, clearing, key, ordered};
use super::check;
use super::requests::{Requests, Since, Stamped};
use super::statements::{Statement, StatementKind};
use super::values::{Cell, id, number, parsed, shown, text, time};
use crate::control::geodb::columns::TableRow;
use crate::control::geodb::error::GeoDbError;
use crate::control::geodb::schema::{TableName, TableSchema};
use crate::control::geodb::values::{
    Applied, BackendFigure, BackendUpdate, DestFigure, Dump, Made, OpenMode, SiteUpdate,
};
use crate::control::wall_clock::UnixMillis;
use crate::route::change::GroupCreation;
use crate::route::rows::{
    Backend, GroupSite, Setting, Site, SiteReachability, Tag, User, UserGroup,
};

impl Requests {
    /// Adds a row unless its key exists.
    async fn add<T: TableRow>(&self, row_key: Named, named: Named) -> Result<bool, GeoDbError> {
        if self.find::<T>(row_key).await?.is_some() {
            return Ok(false);
        }
        self.put(T::TABLE, named, None).await?;
        Ok(true)
    }

    /// Changes a row that exists.
    async fn alter<T: TableRow>(&self, row_key: Named, named: Named) -> Result<bool, GeoDbError> {
        let Some(held) = self.find::<T>(row_key.clone()).await? else { return Ok(false) };
        let named = row_key.into_iter().chain(named).collect();
        self.change(T::TABLE, named, held.stamp, Since::Overwritten).await?;
        Ok(true)
    }

    /// Deletes a row that exists: one that never was would leave a tombstone.
    async fn remove<T: TableRow>(&self, row_key: Named) -> Result<bool, GeoDbError> {
        let Some(held) = self.find::<T>(row_key.clone()).await? else { return Ok(false) };
        let statement = Statement::new(StatementKind::Delete, T::TABLE);
        self.write(statement, &key(T::TABLE, row_key), held.stamp).await?;
        Ok(true)
    }

    /// Writes a row, whatever it said before.
    async fn overwrite<T: TableRow>(&self, row_key: Named, named: Named) -> Result<(), GeoDbError> {
        let held = self.find::<T>(row_key).await?;
        self.put(T::TABLE, named, held.and_then(|held| held.stamp)).await
    }

    /// Takes a user's group away, if the user still lives there.
    async fn unassign(
        &self,
        site_id: Uuid,
        username: Box<str>,
        now: UnixMillis,
    ) -> Result<bool, GeoDbError> {
        let Some(Stamped { row, stamp }) = self.user(&username).await? else { return Ok(false) };
        if row.preferred_site_id != Some(site_id) || row.group_name.is_empty() {
            return Ok(false);
        }
        let mut named = cells::user_key(&username);
        named.extend([("group_name", Cell::Set(None)), ("last_update", time(Some(now)))]);
        self.change(TableName::Users, named, stamp, Since::Overwritten).await?;
        Ok(true)
    }
}

fn by_id(row: Uuid) -> Named {
    vec![("id", id(Some(row)))]
}

// === Tags, sites, backends ===

impl Cassandra {
    pub(in super::super) async fn init(&self) -> Result<Vec<Made>, GeoDbError> {
        // Of its own: the session of all other calls is not there before the tables are.
        let shared = &self.requests.link.shared;
        let connected = shared.begin(OpenMode::Create).await?;
        check::init(&connected, shared).await
    }

    pub(in super::super) async fn tags(&self) -> Result<Vec<Tag>, GeoDbError> {
        let mut rows = self.requests.read_table::<Tag>().await?.rows;
        rows.sort_by(|a, b| (&a.tag, a.id).cmp(&(&b.tag, b.id)));
        Ok(rows)
    }

    pub(in super::super) async fn insert_tag(&self, tag: &Tag) -> Result<bool, GeoDbError> {
        self.requests.add::<Tag>(by_id(tag.id), cells::tag(tag)).await
    }

    pub(in super::super) async fn rename_tag(
        &self,
        id: Uuid,
        name: &str,
    ) -> Result<bool, GeoDbError> {
        self.requests.alter::<Tag>(by_id(id), vec![("tag", text(Some(name)))]).await
    }

    pub(in super::super) async fn delete_tag(&self, id: Uuid) -> Result<bool, GeoDbError> {
        self.requests.remove::<Tag>(by_id(id)).await
    }

    pub(in super::super) async fn sites(&self) -> Result<Vec<Site>, GeoDbError> {
        let mut rows = self.requests.read_table::<Site>().await?.rows;
        rows.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        Ok(rows)
    }

    pub(in super::super) async fn insert_site(&self, site: &Site) -> Result<bool, GeoDbError> {
        self.requests.add::<Site>(by_id(site.id), cells::site(site)).await
    }

    pub(in super::super) async fn update_site(
        &self,
        id: Uuid,
        update: &SiteUpdate,
    ) -> Result<bool, GeoDbError> {
        let status = update.status.as_ref().map(|status| status.as_str());
        let named = vec![
            ("status", text(status)),
            ("load_balancer", text(update.load_balancer.as_deref())),
        ];
        self.requests.alter::<Site>(by_id(id), named).await
    }

    pub(in super::super) async fn delete_site(&self, id: Uuid) -> Result<bool, GeoDbError> {
        self.requests.remove::<Site>(by_id(id)).await
    }

    pub(in super::super) async fn backends(&self) -> Result<Vec<Backend>, GeoDbError> {
        let mut rows = self.requests.read_table::<Backend>().await?.rows;
        rows.sort_by(|a, b| (&a.host, a.id).cmp(&(&b.host, b.id)));
        Ok(rows)
    }

    pub(in super::super) async fn insert_backend(
        &self,
        backend: &Backend,
    ) -> Result<bool, GeoDbError> {
        let row_key = cells::backend_key(backend.site_id, backend.id);
        self.requests.add::<Backend>(row_key, cells::backend(backend)).await
    }

    pub(in super::super) async fn update_backend(
        &self,
        site_id: Uuid,
        id: Uuid,
        update: &BackendUpdate,
    ) -> Result<Applied, GeoDbError> {
        let mut named = cells::backend_key(site_id, id);
        let held = self.requests.find::<Backend>(named.clone()).await?;
        let as_expected = |held: &Stamped<Backend>| {
            let reason = held.row.status_reason.as_deref().unwrap_or_default();
            update.expected_status.as_ref().is_none_or(|expected| *expected == held.row.status)
                && update.expected_reason.as_deref().is_none_or(|expected| expected == reason)
        };
        let Some(held) = held.filter(as_expected) else { return Ok(Applied::Skipped) };
        if let Some((status, reason)) = &update.status {
            named.push(("status", text(Some(status.as_str()))));
            named.push(("status_reason", text(Some(reason))));
        }
        named.push(("load_factor", number(update.load_factor.map(i64::from))));
        // Probes expect a status; an operator's order holds whatever was there.
        let since = if update.expected_status.is_some() { Since::Kept } else { Since::Overwritten };
        self.requests.change(TableName::Backends, named, held.stamp, since).await?;
        Ok(Applied::Written)
    }

    pub(in super::super) async fn read_backend(
        &self,
        site_id: Uuid,
        id: Uuid,
    ) -> Result<Option<Backend>, GeoDbError> {
        let held = self.requests.find(cells::backend_key(site_id, id)).await?;
        Ok(held.map(|held| held.row))
    }

    pub(in super::super) async fn delete_backend(
        &self,
        site_id: Uuid,
        id: Uuid,
    ) -> Result<bool, GeoDbError> {
        self.requests.remove::<Backend>(cells::backend_key(site_id, id)).await
    }
}

// === Groups and users ===

impl Cassandra {
    pub(in super::super) async fn groups(
        &self,
        site_id: Uuid,
    ) -> Result<Vec<UserGroup>, GeoDbError> {
        Ok(self.read_groups(site_id).await?.rows)
    }

    pub(in super::super) async fn stick_group(
        &self,
        site_id: Uuid,
        name: &str,
        users: Option<bool>,
        backend: Option<bool>,
    ) -> Result<bool, GeoDbError> {
        let named =
            vec![("sticky_users", cells::flag(users)), ("sticky_backend", cells::flag(backend))];
        self.requests.alter::<UserGroup>(cells::group_key(site_id, name), named).await
    }

    pub(in super::super) async fn init_groups(
        &self,
        site_id: Uuid,
        creations: &[GroupCreation],
        anew: bool,
        now: UnixMillis,
    ) -> Result<usize, GeoDbError> {
        if anew {
            let statement = Statement::new(StatementKind::DeletePartition, TableName::UserGroups);
            let named = vec![("site_id", id(Some(site_id)))];
            self.requests.write(statement, &ordered(statement, named), None).await?;
            let users = self.requests.read_table::<User>().await?.rows.into_iter();
            let there = users.filter(|user| {
                user.preferred_site_id == Some(site_id) && !user.group_name.is_empty()
            });
            let work = there.map(|user| {
                let requests = Arc::clone(&self.requests);
                async move { requests.unassign(site_id, user.username, now).await }
            });
            self.many(work).await?;
        }
        let work = creations.iter().cloned().map(|creation| {
            let requests = Arc::clone(&self.requests);
            async move { requests.create_group(&creation, now).await }
        });
        self.many(work).await
    }

    pub(in super::super) async fn users(&self) -> Result<Vec<User>, GeoDbError> {
        let mut rows = self.requests.read_table::<User>().await?.rows;
        rows.sort_by(|a, b| a.username.cmp(&b.username));
        Ok(rows)
    }

    pub(in super::super) async fn delete_user(&self, username: &str) -> Result<bool, GeoDbError> {
        self.requests.remove::<User>(cells::user_key(username)).await
    }
}

// === What proxies tell each other ===

impl Cassandra {
    pub(in super::super) async fn settings(
        &self,
        section: &str,
    ) -> Result<Vec<Setting>, GeoDbError> {
        let mut rows = self.requests.read_partition::<Setting>(text(Some(section))).await?.rows;
        rows.sort_by(|a, b| {
            (a.site_id, a.backend_id, &a.name).cmp(&(b.site_id, b.backend_id, &b.name))
        });
        Ok(rows)
    }

    pub(in super::super) async fn write_setting(
        &self,
        setting: &Setting,
    ) -> Result<(), GeoDbError> {
        let row_key = cells::setting_key(setting);
        self.requests.overwrite::<Setting>(row_key, cells::setting(setting)).await
    }

    pub(in super::super) async fn delete_setting(
        &self,
        setting: &Setting,
    ) -> Result<bool, GeoDbError> {
        self.requests.remove::<Setting>(cells::setting_key(setting)).await
    }

    pub(in super::super) async fn write_reachability(
        &self,
        row: &SiteReachability,
    ) -> Result<bool, GeoDbError> {
        let held: Option<Stamped<SiteReachability>> =
            self.requests.find(cells::reachability_key(row)).await?;
        if held.as_ref().is_some_and(|held| held.row == *row) {
            return Ok(false);
        }
        let stamp = held.and_then(|held| held.stamp);
        self.requests.put(TableName::SiteReachability, cells::reachability(row), stamp).await?;
        Ok(true)
    }

    pub(in super::super) async fn write_dest_figures(
        &self,
        figures: &[DestFigure],
    ) -> Result<(), GeoDbError> {
        self.write_figures(TableName::ProxyDestStats, figures.iter().map(cells::dest_figure)).await
    }

    pub(in super::super) async fn write_backend_figures(
        &self,
        figures: &[BackendFigure],
    ) -> Result<(), GeoDbError> {
        self.write_figures(TableName::BackendStats, figures.iter().map(cells::backend_figure)).await
    }

    /// Over what is there: a row that is deleted and written again would leave a tombstone each time.
    async fn write_figures(
        &self,
        table: TableName,
        rows: impl Iterator<Item = Named>,
    ) -> Result<(), GeoDbError> {
        let work = rows.map(|named| {
            let requests = Arc::clone(&self.requests);
            async move { requests.put(table, named, None).await.map(|()| true) }
        });
        self.many(work).await.map(drop)
    }

    pub(in super::super) async fn read_dest_figures(
        &self,
        proxy_site_id: Uuid,
        dest_host: &str,
    ) -> Result<Vec<DestFigure>, GeoDbError> {
        let slice = [id(Some(proxy_site_id)), text(Some(dest_host))];
        Ok(self.requests.read_slice::<DestFigure>(slice).await?.rows)
    }

    pub(in super::super) async fn read_site_figures(
        &self,
        proxy_site_id: Uuid,
    ) -> Result<Vec<DestFigure>, GeoDbError> {
        Ok(self.requests.read_partition::<DestFigure>(id(Some(proxy_site_id))).await?.rows)
    }

    pub(in super::super) async fn read_group_site(
        &self,
        site_id: Uuid,
        name: &str,
    ) -> Result<Option<GroupSite>, GeoDbError> {
        let held = self.requests.find(cells::group_site_key(site_id, name)).await?;
        Ok(held.map(|held| held.row))
    }

    pub(in super::super) async fn write_group_site(
        &self,
        row: &GroupSite,
    ) -> Result<Applied, GeoDbError> {
        let row_key = cells::group_site_key(row.site_id, &row.group_name);
        let held: Option<Stamped<GroupSite>> = self.requests.find(row_key).await?;
        let named = cells::group_site(row);
        let Some(held) = held else {
            self.requests.put(TableName::GroupSites, named, None).await?;
            return Ok(Applied::Written);
        };
        if held.row.last_update.is_some() && held.row.last_update > row.last_update {
            return Ok(Applied::Skipped);
        }
        let named = clearing(named, &cells::group_site(&held.row));
        self.requests.put(TableName::GroupSites, named, held.stamp).await?;
        Ok(Applied::Written)
    }
}

// === Whole tables as text ===

impl Cassandra {
    pub(in super::super) async fn count(
        &self,
        table: &'static TableSchema,
    ) -> Result<i64, GeoDbError> {
        let mut count = 0;
        if let Some(name) = TableName::of(table) {
            self.requests.scan(name, |_| count += 1).await?;
        }
        Ok(count)
    }

    pub(in super::super) async fn dump(
        &self,
        table: &'static TableSchema,
    ) -> Result<Dump, GeoDbError> {
        let columns: Vec<String> =
            table.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut rows = Vec::new();
        if let Some(name) = TableName::of(table) {
            let shown = |row: scylla::value::Row| {
                row.columns.iter().map(|value| shown(value.as_ref())).collect::<Vec<_>>()
            };
            self.requests.scan(name, |row| rows.push(shown(row))).await?;
        }
        let places: Vec<usize> = table
            .key
            .iter()
            .filter_map(|key| table.columns.iter().position(|(column, _)| column == key))
            .collect();
        rows.sort_by_cached_key(|row: &Vec<Option<String>>| {
            places.iter().map(|at| row.get(*at).cloned().flatten()).collect::<Vec<_>>()
        });
        Ok(Dump { columns, rows })
    }

    pub(in super::super) async fn load(
        &self,
        table: &'static TableSchema,
        rows: &[Vec<Option<String>>],
    ) -> Result<(), GeoDbError> {
        let Some(name) = TableName::of(table) else { return Ok(()) };
        let statement = Statement::new(StatementKind::Insert, name);
        let mut ready = Vec::with_capacity(rows.len());
        for row in rows {
            let mut cells = Vec::with_capacity(row.len());
            for ((column, kind), value) in table.columns.iter().zip(row) {
                let Some(value) = value else {
                    cells.push(Cell::Unset);
                    continue;
                };
                let parsed = parsed(*kind, value).ok_or_else(|| GeoDbError::Failed {
                    place: self.requests.place().into(),
                    doing: "copying",
                    why: format!(
                        "table {}, column {column}: {value:?} is no {}; mend the row where it comes from",
                        table.name,
                        kind.in_cassandra()
                    )
                    .into(),
                })?;
                cells.push(Cell::Set(Some(parsed)));
            }
            ready.push(cells);
        }
        let work = ready.into_iter().map(|cells| {
            let requests = Arc::clone(&self.requests);
            async move { requests.write(statement, &cells, None).await.map(|()| true) }
        });
        self.many(work).await.map(drop)
    }
}
