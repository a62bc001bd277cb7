//! The calls of [`GeoDb`](crate::control::geodb::GeoDb): each is made on the thread that is meant for its kind, with copies
//! of its arguments.

use uuid::Uuid;

use super::Sqlite;
use super::cluster_state;
use super::file::SqliteFile;
use crate::control::geodb::error::GeoDbError;
use crate::control::geodb::schema::TableSchema;
use crate::control::geodb::values::{
    Applied, BackendFigure, BackendUpdate, DestFigure, Dump, Made, SiteUpdate,
};
use crate::control::wall_clock::UnixMillis;
use crate::route::change::{GroupChange, GroupCreation};
use crate::route::decide::{UserAssignment, UserMove};
use crate::route::rows::{
    Backend, GroupSite, Places, ReadRows, Rows, Setting, Site, SiteReachability, Tag, User,
    UserGroup,
};

// === Logins ===

impl Sqlite {
    pub(in super::super) async fn init(&self) -> Result<Vec<Made>, GeoDbError> {
        self.writes.call(SqliteFile::init).await
    }

    pub(in super::super) async fn read_all(&self, local_site: &str) -> Result<Rows, GeoDbError> {
        let local_site = local_site.to_owned();
        self.tables.call(move |file| file.read_all(&local_site)).await
    }

    pub(in super::super) async fn read_places(&self) -> Result<Places, GeoDbError> {
        self.tables.call(SqliteFile::read_places_at_once).await
    }

    pub(in super::super) async fn read_groups(
        &self,
        site_id: Uuid,
    ) -> Result<ReadRows<UserGroup>, GeoDbError> {
        self.tables.call(move |file| file.read_groups(site_id)).await
    }

    pub(in super::super) async fn read_group_sites(
        &self,
    ) -> Result<ReadRows<GroupSite>, GeoDbError> {
        self.tables.call(SqliteFile::read_group_sites).await
    }

    pub(in super::super) async fn read_user(
        &self,
        username: &str,
    ) -> Result<Option<User>, GeoDbError> {
        let username = username.to_owned();
        self.rows.call(move |file| file.read_user(&username)).await
    }

    pub(in super::super) async fn read_group(
        &self,
        site_id: Uuid,
        name: &str,
    ) -> Result<Option<UserGroup>, GeoDbError> {
        let name = name.to_owned();
        self.rows.call(move |file| file.read_group(site_id, &name)).await
    }

    pub(in super::super) async fn assign_user(
        &self,
        assignment: &UserAssignment,
        // One statement looks and writes.
        _former: Option<&User>,
        now: UnixMillis,
    ) -> Result<User, GeoDbError> {
        let assignment = assignment.clone();
        self.writes.call(move |file| file.assign_user(&assignment, now)).await
    }

    pub(in super::super) async fn finish_user_move(
        &self,
        finish: &UserMove,
        now: UnixMillis,
    ) -> Result<Applied, GeoDbError> {
        let finish = finish.clone();
        self.writes.call(move |file| file.finish_user_move(&finish, now)).await
    }

    pub(in super::super) async fn create_group(
        &self,
        creation: &GroupCreation,
        now: UnixMillis,
    ) -> Result<UserGroup, GeoDbError> {
        let creation = creation.clone();
        self.writes.call(move |file| file.create_group(&creation, now)).await
    }

    pub(in super::super) async fn apply(
        &self,
        change: &GroupChange,
        now: UnixMillis,
    ) -> Result<Applied, GeoDbError> {
        let change = change.clone();
        self.writes.call(move |file| file.apply(&change, now)).await
    }
}

// === Commands ===

impl Sqlite {
    pub(in super::super) async fn tags(&self) -> Result<Vec<Tag>, GeoDbError> {
        self.tables.call(SqliteFile::tags).await
    }

    pub(in super::super) async fn insert_tag(&self, tag: &Tag) -> Result<bool, GeoDbError> {
        let tag = tag.clone();
        self.writes.call(move |file| file.insert_tag(&tag)).await
    }

    pub(in super::super) async fn rename_tag(
        &self,
        id: Uuid,
        name: &str,
    ) -> Result<bool, GeoDbError> {
        let name = name.to_owned();
        self.writes.call(move |file| file.rename_tag(id, &name)).await
    }

    pub(in super::super) async fn delete_tag(&self, id: Uuid) -> Result<bool, GeoDbError> {
        self.writes.call(move |file| file.delete_tag(id)).await
    }

    pub(in super::super) async fn sites(&self) -> Result<Vec<Site>, GeoDbError> {
        self.tables.call(SqliteFile::sites).await
    }

    pub(in super::super) async fn insert_site(&self, site: &Site) -> Result<bool, GeoDbError> {
        let site = site.clone();
        self.writes.call(move |file| file.insert_site(&site)).await
    }

    pub(in super::super) async fn update_site(
        &self,
        id: Uuid,
        update: &SiteUpdate,
    ) -> Result<bool, GeoDbError> {
        let update = update.clone();
        self.writes.call(move |file| file.update_site(id, &update)).await
    }

    pub(in super::super) async fn delete_site(&self, id: Uuid) -> Result<bool, GeoDbError> {
        self.writes.call(move |file| file.delete_site(id)).await
    }

    pub(in super::super) async fn backends(&self) -> Result<Vec<Backend>, GeoDbError> {
        self.tables.call(SqliteFile::backends).await
    }

    pub(in super::super) async fn insert_backend(
        &self,
        backend: &Backend,
    ) -> Result<bool, GeoDbError> {
        let backend = backend.clone();
        self.writes.call(move |file| file.insert_backend(&backend)).await
    }

    pub(in super::super) async fn update_backend(
        &self,
        site_id: Uuid,
        id: Uuid,
        update: &BackendUpdate,
    ) -> Result<Applied, GeoDbError> {
        let update = update.clone();
        self.writes.call(move |file| file.update_backend(site_id, id, &update)).await
    }

    pub(in super::super) async fn delete_backend(
        &self,
        site_id: Uuid,
        id: Uuid,
    ) -> Result<bool, GeoDbError> {
        self.writes.call(move |file| file.delete_backend(site_id, id)).await
    }

    pub(in super::super) async fn groups(
        &self,
        site_id: Uuid,
    ) -> Result<Vec<UserGroup>, GeoDbError> {
        self.tables.call(move |file| file.groups(site_id)).await
    }

    pub(in super::super) async fn stick_group(
        &self,
        site_id: Uuid,
        name: &str,
        users: Option<bool>,
        backend: Option<bool>,
    ) -> Result<bool, GeoDbError> {
        let name = name.to_owned();
        self.writes.call(move |file| file.stick_group(site_id, &name, users, backend)).await
    }

    pub(in super::super) async fn init_groups(
        &self,
        site_id: Uuid,
        creations: &[GroupCreation],
        anew: bool,
        now: UnixMillis,
    ) -> Result<usize, GeoDbError> {
        let creations = creations.to_vec();
        self.writes.call(move |file| file.init_groups(site_id, &creations, anew, now)).await
    }

    pub(in super::super) async fn users(&self) -> Result<Vec<User>, GeoDbError> {
        self.tables.call(SqliteFile::users).await
    }

    pub(in super::super) async fn replace_user(
        &self,
        expected: Option<&User>,
        row: &User,
        now: UnixMillis,
    ) -> Result<Applied, GeoDbError> {
        let expected = expected.cloned();
        let row = row.clone();
        self.writes.call(move |file| file.replace_user(expected.as_ref(), &row, now)).await
    }

    pub(in super::super) async fn delete_user(&self, username: &str) -> Result<bool, GeoDbError> {
        let username = username.to_owned();
        self.writes.call(move |file| file.delete_user(&username)).await
    }

    pub(in super::super) async fn settings(
        &self,
        section: &str,
    ) -> Result<Vec<Setting>, GeoDbError> {
        let section = section.to_owned();
        self.tables.call(move |file| cluster_state::settings(file, &section)).await
    }

    pub(in super::super) async fn write_setting(
        &self,
        setting: &Setting,
    ) -> Result<(), GeoDbError> {
        let setting = setting.clone();
        self.writes.call(move |file| cluster_state::write_setting(file, &setting)).await
    }

    pub(in super::super) async fn delete_setting(
        &self,
        setting: &Setting,
    ) -> Result<bool, GeoDbError> {
        let setting = setting.clone();
        self.writes.call(move |file| cluster_state::delete_setting(file, &setting)).await
    }

    pub(in super::super) async fn write_reachability(
        &self,
        reachability: &SiteReachability,
    ) -> Result<bool, GeoDbError> {
        let reachability = *reachability;
        self.writes.call(move |file| cluster_state::write_reachability(file, &reachability)).await
    }

    pub(in super::super) async fn read_backend(
        &self,
        site_id: Uuid,
        id: Uuid,
    ) -> Result<Option<Backend>, GeoDbError> {
        self.rows.call(move |file| file.read_backend(site_id, id)).await
    }

    pub(in super::super) async fn write_dest_figures(
        &self,
        figures: &[DestFigure],
    ) -> Result<(), GeoDbError> {
        let rows = figures.to_vec();
        self.writes.call(move |file| cluster_state::write_dest_figures(file, &rows)).await
    }

    pub(in super::super) async fn write_backend_figures(
        &self,
        figures: &[BackendFigure],
    ) -> Result<(), GeoDbError> {
        let rows = figures.to_vec();
        self.writes.call(move |file| cluster_state::write_backend_figures(file, &rows)).await
    }

    pub(in super::super) async fn read_dest_figures(
        &self,
        proxy_site_id: Uuid,
        dest_host: &str,
    ) -> Result<Vec<DestFigure>, GeoDbError> {
        let host = dest_host.to_owned();
        let read = move |file: &mut SqliteFile| {
            cluster_state::read_dest_figures(file, proxy_site_id, &host)
        };
        self.rows.call(read).await
    }

    pub(in super::super) async fn read_site_figures(
        &self,
        proxy_site_id: Uuid,
    ) -> Result<Vec<DestFigure>, GeoDbError> {
        self.tables.call(move |file| cluster_state::read_site_figures(file, proxy_site_id)).await
    }

    pub(in super::super) async fn read_group_site(
        &self,
        site_id: Uuid,
        name: &str,
    ) -> Result<Option<GroupSite>, GeoDbError> {
        let name = name.to_owned();
        self.rows.call(move |file| cluster_state::read_group_site(file, site_id, &name)).await
    }

    pub(in super::super) async fn write_group_site(
        &self,
        row: &GroupSite,
    ) -> Result<Applied, GeoDbError> {
        let row = row.clone();
        self.writes.call(move |file| cluster_state::write_group_site(file, &row)).await
    }

    pub(in super::super) async fn count(
        &self,
        table: &'static TableSchema,
    ) -> Result<i64, GeoDbError> {
        self.tables.call(move |file| file.count(table)).await
    }

    pub(in super::super) async fn dump(
        &self,
        table: &'static TableSchema,
    ) -> Result<Dump, GeoDbError> {
        self.tables.call(move |file| file.dump(table)).await
    }

    pub(in super::super) async fn load(
        &self,
        table: &'static TableSchema,
        rows: &[Vec<Option<String>>],
    ) -> Result<(), GeoDbError> {
        let rows = rows.to_vec();
        self.writes.call(move |file| file.load(table, &rows)).await
    }
}
