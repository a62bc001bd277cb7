//! What proxies tell each other: settings of routing, reachability of sites, groups that failed over, figures.

use rusqlite::{Params, TransactionBehavior, params};
use uuid::Uuid;

use super::file::SqliteFile;
use super::queries::id_text;
use crate::control::geodb::error::GeoDbError;
use crate::control::geodb::values::{Applied, BackendFigure, DestFigure};
use crate::route::rows::{GroupSite, Setting, SiteReachability};

/// See [`crate::control::geodb::GeoDb::settings`].
pub(super) fn settings(file: &mut SqliteFile, section: &str) -> Result<Vec<Setting>, GeoDbError> {
    let sql = "select * from cluster_settings where section = ?1 order by site_id, backend_id, setting_name";
    file.read(sql, [section], &mut Vec::new())
}

/// See [`crate::control::geodb::GeoDb::write_setting`].
pub(super) fn write_setting(file: &mut SqliteFile, setting: &Setting) -> Result<(), GeoDbError> {
    let sql = "insert or replace into cluster_settings (section, site_id, backend_id, setting_name, setting_value) \
            values (?1, ?2, ?3, ?4, ?5)";
    let (site_id, backend_id) = (setting.site_id.to_string(), setting.backend_id.to_string());
    let params = params![&*setting.section, site_id, backend_id, &*setting.name, &*setting.value];
    file.execute(sql, params).map(drop)
}

/// See [`crate::control::geodb::GeoDb::delete_setting`].
pub(super) fn delete_setting(file: &mut SqliteFile, setting: &Setting) -> Result<bool, GeoDbError> {
    let sql = "delete from cluster_settings where section = ?1 and site_id = ?2 and backend_id = ?3 and setting_name = ?4";
    let (site_id, backend_id) = (setting.site_id.to_string(), setting.backend_id.to_string());
    let params = params![&*setting.section, site_id, backend_id, &*setting.name];
    Ok(file.execute(sql, params)? > 0)
}

/// See [`crate::control::geodb::GeoDb::write_reachability`].
pub(super) fn write_reachability(
    file: &mut SqliteFile,
    row: &SiteReachability,
) -> Result<bool, GeoDbError> {
    let params = params![row.src_site_id.to_string(), row.dest_site_id.to_string(), row.reachable];
    Ok(file.execute(WRITE_REACHABILITY, params)? > 0)
}

/// See [`crate::control::geodb::GeoDb::read_group_site`].
pub(super) fn read_group_site(
    file: &mut SqliteFile,
    site_id: Uuid,
    name: &str,
) -> Result<Option<GroupSite>, GeoDbError> {
    let sql = "select * from group_sites where group_name = ?1 and site_id = ?2";
    file.read_one(sql, params![name, site_id.to_string()])
}

/// See [`crate::control::geodb::GeoDb::write_group_site`].
pub(super) fn write_group_site(
    file: &mut SqliteFile,
    row: &GroupSite,
) -> Result<Applied, GeoDbError> {
    let params = params![
        &*row.group_name,
        row.site_id.to_string(),
        row.status.as_str(),
        id_text(row.failover_site_id),
        row.last_update,
    ];
    Ok(Applied::from_count(file.execute(WRITE_GROUP_SITE, params)?))
}

/// See [`crate::control::geodb::GeoDb::write_dest_figures`].
pub(super) fn write_dest_figures(
    file: &mut SqliteFile,
    rows: &[DestFigure],
) -> Result<(), GeoDbError> {
    let sql = "insert or replace into proxy_dest_stats (proxy_site_id, dest_host, proxy_host, key, value, type) \
        values (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = rows.iter().map(|row| {
        let site = row.proxy_site_id.to_string();
        (site, &*row.dest_host, &*row.proxy_host, &*row.key, row.value, row.kind.as_str())
    });
    write_all(file, sql, values)
}

/// See [`crate::control::geodb::GeoDb::write_backend_figures`].
pub(super) fn write_backend_figures(
    file: &mut SqliteFile,
    rows: &[BackendFigure],
) -> Result<(), GeoDbError> {
    let sql = "insert or replace into backend_stats (site_id, id, key, value, type) values (?1, ?2, ?3, ?4, ?5)";
    let values = rows.iter().map(|row| {
        let (site, id) = (row.site_id.to_string(), row.id.to_string());
        (site, id, &*row.key, row.value, row.kind.as_str())
    });
    write_all(file, sql, values)
}

/// See [`crate::control::geodb::GeoDb::read_dest_figures`].
pub(super) fn read_dest_figures(
    file: &mut SqliteFile,
    site_id: Uuid,
    dest_host: &str,
) -> Result<Vec<DestFigure>, GeoDbError> {
    let sql = "select * from proxy_dest_stats where proxy_site_id = ?1 and dest_host = ?2";
    file.read(sql, params![site_id.to_string(), dest_host], &mut Vec::new())
}

/// See [`crate::control::geodb::GeoDb::read_site_figures`].
pub(super) fn read_site_figures(
    file: &mut SqliteFile,
    site_id: Uuid,
) -> Result<Vec<DestFigure>, GeoDbError> {
    let sql = "select * from proxy_dest_stats where proxy_site_id = ?1";
    file.read(sql, params![site_id.to_string()], &mut Vec::new())
}

/// One statement for each row, in one transaction.
fn write_all(
    file: &mut SqliteFile,
    sql: &str,
    rows: impl Iterator<Item = impl Params>,
) -> Result<(), GeoDbError> {
    file.within("writing", |connection| {
        let immediate = TransactionBehavior::Immediate;
        let transaction = connection.transaction_with_behavior(immediate)?;
        for row in rows {
            transaction.prepare_cached(sql)?.execute(row)?;
        }
        transaction.commit()
    })
}

const WRITE_REACHABILITY: &str = "insert into site_reachability (src_site_id, dest_site_id, reachable) values (?1, ?2, ?3) \
    on conflict (src_site_id, dest_site_id) do update set reachable = excluded.reachable \
    where reachable is not excluded.reachable";
const WRITE_GROUP_SITE: &str = "insert into group_sites (group_name, site_id, status, failover_site_id, last_update) \
    values (?1, ?2, ?3, ?4, ?5) on conflict (group_name, site_id) do update set status = excluded.status, \
    failover_site_id = excluded.failover_site_id, last_update = excluded.last_update \
    where last_update is null or excluded.last_update >= last_update";
