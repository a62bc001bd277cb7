//! What logins read and write, and what routing is built from.

use uuid::Uuid;

use super::cells::{self, Named, ordered};
use super::requests::{Requests, Since, Stamped};
use super::statements::{Statement, StatementKind};
use super::values::{id, text, time};
use super::{Cassandra, cells::clearing};
use crate::control::geodb::columns::TableRow;
use crate::control::geodb::error::GeoDbError;
use crate::control::geodb::schema::TableName;
use crate::control::geodb::values::Applied;
use crate::control::wall_clock::UnixMillis;
use crate::route::change::{
    ChangeReason, GroupChange, GroupCreation, Placement, is_same_user, time_of_change,
};
use crate::route::decide::{UserAssignment, UserMove};
use crate::route::rows::{
    Backend, GroupSite, Places, ReadRows, Rows, Setting, Site, SiteReachability, Tag, User,
    UserGroup,
};

// === Tables ===

impl Cassandra {
    pub(in super::super) async fn read_all(&self, local_site: &str) -> Result<Rows, GeoDbError> {
        let places = self.read_places().await?;
        let mut groups = ReadRows::default();
        for site in places.sites.iter().filter(|site| *site.name == *local_site) {
            let found = self.read_groups(site.id).await?;
            groups.rows.extend(found.rows);
            groups.unreadable.extend(found.unreadable);
        }
        let group_sites = self.read_group_sites().await?;
        Ok(Rows::joined(places, groups, group_sites))
    }

    pub(in super::super) async fn read_places(&self) -> Result<Places, GeoDbError> {
        let mut places = Places::default();
        let unreadable = &mut places.unreadable;
        places.sites = kept(self.requests.read_table::<Site>().await?, unreadable);
        places.sites.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        places.backends = kept(self.requests.read_table::<Backend>().await?, unreadable);
        places.backends.sort_by(|a, b| (&a.host, a.id).cmp(&(&b.host, b.id)));
        places.site_reachability =
            kept(self.requests.read_table::<SiteReachability>().await?, unreadable);
        places.tags = kept(self.requests.read_table::<Tag>().await?, unreadable);
        places.tags.sort_by(|a, b| (&a.tag, a.id).cmp(&(&b.tag, b.id)));
        for section in Setting::ROUTING_SECTIONS {
            let found = self.requests.read_partition::<Setting>(text(Some(section))).await?;
            places.settings.extend(kept(found, unreadable));
        }
        Ok(places)
    }

    pub(in super::super) async fn read_groups(
        &self,
        site_id: Uuid,
    ) -> Result<ReadRows<UserGroup>, GeoDbError> {
        self.requests.read_partition(id(Some(site_id))).await
    }

    pub(in super::super) async fn read_group_sites(
        &self,
    ) -> Result<ReadRows<GroupSite>, GeoDbError> {
        self.requests.read_table().await
    }
}

fn kept<T>(found: ReadRows<T>, unreadable: &mut Vec<crate::route::problem::Problem>) -> Vec<T> {
    unreadable.extend(found.unreadable);
    found.rows
}

// === Logins ===

impl Cassandra {
    pub(in super::super) async fn read_user(
        &self,
        username: &str,
    ) -> Result<Option<User>, GeoDbError> {
        Ok(self.requests.user(username).await?.map(|found| found.row))
    }

    pub(in super::super) async fn read_group(
        &self,
        site_id: Uuid,
        name: &str,
    ) -> Result<Option<UserGroup>, GeoDbError> {
        Ok(self.requests.group(site_id, name).await?.map(|found| found.row))
    }

    pub(in super::super) async fn assign_user(
        &self,
        assignment: &UserAssignment,
        former: Option<&User>,
        now: UnixMillis,
    ) -> Result<User, GeoDbError> {
        // That there is no row was read a moment ago; to read it twice makes the gap before the write no smaller.
        let held = match former {
            Some(_) => self.requests.user(&assignment.username).await?,
            None => None,
        };
        let (home, group) = held
            .as_ref()
            .map_or((None, ""), |held| (held.row.preferred_site_id, &*held.row.group_name));
        if let Some(held) = &held
            && home.is_some()
            && !group.is_empty()
        {
            return Ok(held.row.clone());
        }
        let mut named = cells::user_key(&assignment.username);
        named.push(("last_update", time(Some(now))));
        if home.is_none() {
            named.push(("preferred_site_id", id(Some(assignment.preferred_site_id))));
        }
        if group.is_empty() {
            named.push(("group_name", text(Some(&assignment.group_name))));
        }
        self.requests.put(TableName::Users, named, held.and_then(|held| held.stamp)).await?;
        // Another proxy may have written at the same moment; what counts is what the row says.
        let row = self.read_user(&assignment.username).await?;
        row.ok_or_else(|| GeoDbError::user_keeps_changing(&assignment.username))
    }

    pub(in super::super) async fn finish_user_move(
        &self,
        finish: &UserMove,
        now: UnixMillis,
    ) -> Result<Applied, GeoDbError> {
        self.replace_user(Some(&finish.expected), &finish.moved, now).await
    }

    pub(in super::super) async fn replace_user(
        &self,
        expected: Option<&User>,
        row: &User,
        now: UnixMillis,
    ) -> Result<Applied, GeoDbError> {
        match (expected, self.requests.user(&row.username).await?) {
            (None, None) => {
                self.requests.put(TableName::Users, cells::user(row, now), None).await?;
                Ok(Applied::Written)
            }
            (Some(expected), Some(held)) if is_same_user(expected, &held.row) => {
                let now = time_of_change(now, held.row.last_update);
                let named = clearing(cells::user(row, now), &cells::user(&held.row, now));
                self.requests
                    .change(TableName::Users, named, held.stamp, Since::Overwritten)
                    .await?;
                Ok(Applied::Written)
            }
            _ => Ok(Applied::Skipped),
        }
    }

    pub(in super::super) async fn create_group(
        &self,
        creation: &GroupCreation,
        now: UnixMillis,
    ) -> Result<UserGroup, GeoDbError> {
        self.requests.create_group(creation, now).await?;
        let row = self.read_group(creation.site_id, &creation.name).await?;
        row.ok_or_else(|| GeoDbError::group_keeps_changing(&creation.name))
    }

    pub(in super::super) async fn apply(
        &self,
        change: &GroupChange,
        now: UnixMillis,
    ) -> Result<Applied, GeoDbError> {
        let held = self.requests.group(change.site_id, &change.name).await?;
        let Some(held) = held.filter(|held| change.is_expected(&held.row)) else {
            return Ok(Applied::Skipped);
        };
        let now = time_of_change(now, held.row.refresh_after);
        let placed = |placement: &Placement| {
            let mut named = cells::group_key(change.site_id, &change.name);
            named.extend([
                ("backend_id", id(placement.backend_id)),
                ("alt_backend_id", id(placement.alt_backend_id)),
                ("moving", text(Some(&placement.moving))),
                ("refresh_after", time(Some(now))),
            ]);
            named
        };
        let named = clearing(placed(&change.placement), &placed(&change.expected));
        match change.reason {
            // What an operator orders holds.
            ChangeReason::Ordered => {
                self.requests
                    .change(TableName::UserGroups, named, held.stamp, Since::Overwritten)
                    .await?;
            }
            ChangeReason::SwitchToAlternative
            | ChangeReason::SwitchToBest
            | ChangeReason::FinishMove => {
                self.requests.change(TableName::UserGroups, named, held.stamp, Since::Kept).await?;
            }
        }
        Ok(Applied::Written)
    }
}

// === What commands want as well ===

impl Requests {
    pub(super) async fn user(&self, username: &str) -> Result<Option<Stamped<User>>, GeoDbError> {
        self.find(cells::user_key(username)).await
    }

    pub(super) async fn group(
        &self,
        site_id: Uuid,
        name: &str,
    ) -> Result<Option<Stamped<UserGroup>>, GeoDbError> {
        self.find(cells::group_key(site_id, name)).await
    }

    /// A row by its key.
    pub(super) async fn find<T: TableRow>(
        &self,
        key: Named,
    ) -> Result<Option<Stamped<T>>, GeoDbError> {
        self.read_row(&cells::key(T::TABLE, key)).await
    }

    /// Makes a row, or fills one.
    pub(super) async fn put(
        &self,
        table: TableName,
        named: Named,
        read: Option<i64>,
    ) -> Result<(), GeoDbError> {
        let statement = Statement::new(StatementKind::Insert, table);
        self.write(statement, &ordered(statement, named), read).await
    }

    /// Changes a row that is there.
    pub(super) async fn change(
        &self,
        table: TableName,
        named: Named,
        read: Option<i64>,
        since: Since,
    ) -> Result<(), GeoDbError> {
        let statement = Statement::new(StatementKind::Update, table);
        let cells = ordered(statement, named);
        match since {
            Since::Overwritten => self.write(statement, &cells, read).await,
            Since::Kept => self.write_behind(statement, &cells, read).await,
        }
    }

    /// Creates a group's row; false when there is one.
    pub(super) async fn create_group(
        &self,
        creation: &GroupCreation,
        now: UnixMillis,
    ) -> Result<bool, GeoDbError> {
        if self.group(creation.site_id, &creation.name).await?.is_some() {
            return Ok(false);
        }
        let mut named = cells::group_key(creation.site_id, &creation.name);
        named.extend([
            ("backend_id", id(Some(creation.backend_id))),
            ("alt_backend_id", id(creation.alt_backend_id)),
            ("refresh_after", time(Some(now))),
            ("sticky_users", cells::flag(Some(false))),
            ("sticky_backend", cells::flag(Some(false))),
            ("moving", text(Some(""))),
        ]);
        self.put(TableName::UserGroups, named, None).await?;
        Ok(true)
    }
}
