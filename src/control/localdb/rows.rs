//! Rows to and from the statements of the LocalDB.
//!
//! The file is our own: a value of another kind than we wrote means that it is damaged, and nothing of it is believed.

use std::net::IpAddr;
use std::sync::Arc;

use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::Tables;
use crate::limits;
use crate::route::chunks::Chunks;
use crate::route::rows::{
    Backend, BackendStatus, GroupSite, GroupSiteStatus, Places, Setting, Site, SiteReachability,
    SiteStatus, Tag, User, UserGroup,
};
use crate::route::table::Addresses;

/// All tables. Ids are blobs of sixteen bytes; times are milliseconds since 1970, uses seconds.
pub(super) const SCHEMA: &str = "
create table meta (site text not null) strict;
create table tags (id blob primary key, tag text not null) strict, without rowid;
create table sites (id blob primary key, name text not null, tag blob, load_balancer text, status text not null) strict, without rowid;
create table backends (site_id blob, id blob, load_factor integer, host text not null, status text not null,
    status_reason text, last_moved_from text, last_moved_to text, primary key (site_id, id)) strict, without rowid;
create table reachability (src blob, dest blob, reachable integer, primary key (src, dest)) strict, without rowid;
create table settings (section text, site_id blob, backend_id blob, name text, value text not null,
    primary key (section, site_id, backend_id, name)) strict, without rowid;
create table user_groups (name text, site_id blob, backend_id blob, alt_backend_id blob, sticky_users integer not null,
    moving text not null, refresh_after integer, sticky_backend integer not null, primary key (name, site_id)) strict, without rowid;
create table group_sites (name text, site_id blob, status text not null, failover_site_id blob, last_update integer,
    primary key (name, site_id)) strict, without rowid;
create table addresses (host text, place integer, address text not null, primary key (host, place)) strict, without rowid;
create table users (username text primary key, site_id blob, group_name text not null, failover_group text, metacache text,
    moving_site_id blob, moving_group text, moving_failover_group text, last_update integer, doubtful integer not null,
    used_at integer not null) strict, without rowid;
";

/// A user's row in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UserRow {
    pub(super) row: User,
    pub(super) is_doubtful: bool,
    /// Seconds since 1970.
    pub(super) used_at: i64,
}

pub(super) const USER_COLUMNS: &str = "username, site_id, group_name, failover_group, metacache, moving_site_id, \
    moving_group, moving_failover_group, last_update, doubtful, used_at";

/// A row whose use alone is new is left alone until that is an hour old: a refresh costs the file nothing.
const PUT_USER: &str = "insert into users values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
    on conflict (username) do update set site_id = excluded.site_id, group_name = excluded.group_name, \
    failover_group = excluded.failover_group, metacache = excluded.metacache, moving_site_id = excluded.moving_site_id, \
    moving_group = excluded.moving_group, moving_failover_group = excluded.moving_failover_group, \
    last_update = excluded.last_update, doubtful = excluded.doubtful, used_at = max(used_at, excluded.used_at) \
    where (site_id, group_name, failover_group, metacache, moving_site_id, moving_group, moving_failover_group, last_update, \
    doubtful) is not (excluded.site_id, excluded.group_name, excluded.failover_group, excluded.metacache, \
    excluded.moving_site_id, excluded.moving_group, excluded.moving_failover_group, excluded.last_update, excluded.doubtful) \
    or excluded.used_at > used_at + 3600";

pub(super) fn put_user(connection: &Connection, user: &UserRow) -> rusqlite::Result<()> {
    let User { username, group_name, .. } = &user.row;
    let row = &user.row;
    let params = params![
        &**username,
        id(row.preferred_site_id),
        &**group_name,
        row.failover_site_group_name.as_deref(),
        row.metacache_last_host.as_deref(),
        id(row.moving_preferred_site_id),
        row.moving_group_name.as_deref(),
        row.moving_failover_site_group_name.as_deref(),
        row.last_update,
        user.is_doubtful,
        user.used_at,
    ];
    connection.prepare_cached(PUT_USER)?.execute(params).map(drop)
}

pub(super) fn read_user(row: &Row<'_>) -> rusqlite::Result<UserRow> {
    Ok(UserRow {
        row: User {
            username: row.get(0)?,
            preferred_site_id: optional_id(row, 1)?,
            group_name: row.get(2)?,
            failover_site_group_name: row.get(3)?,
            metacache_last_host: row.get(4)?,
            moving_preferred_site_id: optional_id(row, 5)?,
            moving_group_name: row.get(6)?,
            moving_failover_site_group_name: row.get(7)?,
            last_update: row.get(8)?,
        },
        is_doubtful: row.get(9)?,
        used_at: row.get(10)?,
    })
}

// === The small tables ===

/// Replaces sites, backends, reachability and settings.
pub(super) fn put_places(connection: &Connection, places: &Places) -> rusqlite::Result<()> {
    connection.execute_batch(
        "delete from tags; delete from sites; delete from backends; delete from reachability; delete from settings",
    )?;
    for tag in &places.tags {
        let params = params![tag.id.as_bytes(), &*tag.tag];
        connection
            .prepare_cached("insert or replace into tags values (?1, ?2)")?
            .execute(params)?;
    }
    for site in &places.sites {
        let (tag, load_balancer) = (id(site.tag), site.load_balancer.as_deref());
        let params =
            params![site.id.as_bytes(), &*site.name, tag, load_balancer, site.status.as_str()];
        connection
            .prepare_cached("insert or replace into sites values (?1, ?2, ?3, ?4, ?5)")?
            .execute(params)?;
    }
    for backend in &places.backends {
        let params = params![
            backend.site_id.as_bytes(),
            backend.id.as_bytes(),
            backend.load_factor,
            &*backend.host,
            backend.status.as_str(),
            backend.status_reason.as_deref(),
            backend.last_moved_from.as_deref(),
            backend.last_moved_to.as_deref(),
        ];
        let sql = "insert or replace into backends values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        connection.prepare_cached(sql)?.execute(params)?;
    }
    for row in &places.site_reachability {
        let params =
            params![row.src_site_id.as_bytes(), row.dest_site_id.as_bytes(), row.reachable];
        connection
            .prepare_cached("insert or replace into reachability values (?1, ?2, ?3)")?
            .execute(params)?;
    }
    for row in &places.settings {
        let (site, backend) = (row.site_id.as_bytes(), row.backend_id.as_bytes());
        let params = params![&*row.section, site, backend, &*row.name, &*row.value];
        connection
            .prepare_cached("insert or replace into settings values (?1, ?2, ?3, ?4, ?5)")?
            .execute(params)?;
    }
    Ok(())
}

pub(super) fn put_group(connection: &Connection, row: &UserGroup) -> rusqlite::Result<()> {
    let params = params![
        &*row.name,
        row.site_id.as_bytes(),
        id(row.backend_id),
        id(row.alt_backend_id),
        row.sticky_users,
        &*row.moving,
        row.refresh_after,
        row.sticky_backend,
    ];
    let sql = "insert or replace into user_groups values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    connection.prepare_cached(sql)?.execute(params).map(drop)
}

pub(super) fn delete_group(connection: &Connection, row: &UserGroup) -> rusqlite::Result<()> {
    let sql = "delete from user_groups where name = ?1 and site_id = ?2";
    connection.prepare_cached(sql)?.execute(params![&*row.name, row.site_id.as_bytes()]).map(drop)
}

pub(super) fn put_group_site(connection: &Connection, row: &GroupSite) -> rusqlite::Result<()> {
    let (site, to) = (row.site_id.as_bytes(), id(row.failover_site_id));
    let params = params![&*row.group_name, site, row.status.as_str(), to, row.last_update];
    let sql = "insert or replace into group_sites values (?1, ?2, ?3, ?4, ?5)";
    connection.prepare_cached(sql)?.execute(params).map(drop)
}

pub(super) fn delete_group_site(connection: &Connection, row: &GroupSite) -> rusqlite::Result<()> {
    let sql = "delete from group_sites where name = ?1 and site_id = ?2";
    let params = params![&*row.group_name, row.site_id.as_bytes()];
    connection.prepare_cached(sql)?.execute(params).map(drop)
}

/// Replaces the addresses of hosts, as many as are kept.
pub(super) fn put_addresses(connection: &Connection, all: &Addresses) -> rusqlite::Result<()> {
    connection.execute_batch("delete from addresses")?;
    let mut hosts: Vec<(&Box<str>, &Vec<IpAddr>)> = all.iter().collect();
    hosts.sort();
    for (host, addresses) in hosts.into_iter().take(limits::LOCALDB_HOSTS_MAX) {
        let kept = addresses.iter().take(limits::LOCALDB_ADDRESSES_OF_HOST_MAX);
        for (place, address) in (0_i64..).zip(kept) {
            connection
                .prepare_cached("insert into addresses values (?1, ?2, ?3)")?
                .execute(params![&**host, place, address.to_string()])?;
        }
    }
    Ok(())
}

/// All tables but that of the users.
pub(super) fn read_tables(connection: &Connection) -> rusqlite::Result<Tables> {
    let places = Places {
        tags: all(connection, "select * from tags", |row| {
            Ok(Tag { id: needed_id(row, 0)?, tag: row.get(1)? })
        })?,
        sites: all(connection, "select * from sites", |row| {
            Ok(Site {
                id: needed_id(row, 0)?,
                name: row.get(1)?,
                tag: optional_id(row, 2)?,
                load_balancer: row.get(3)?,
                status: SiteStatus::parse(&row.get::<_, Box<str>>(4)?),
            })
        })?,
        backends: all(connection, "select * from backends", |row| {
            Ok(Backend {
                site_id: needed_id(row, 0)?,
                id: needed_id(row, 1)?,
                load_factor: row.get(2)?,
                host: row.get(3)?,
                status: BackendStatus::parse(&row.get::<_, Box<str>>(4)?),
                status_reason: row.get(5)?,
                last_moved_from: row.get(6)?,
                last_moved_to: row.get(7)?,
            })
        })?,
        site_reachability: all(connection, "select * from reachability", |row| {
            Ok(SiteReachability {
                src_site_id: needed_id(row, 0)?,
                dest_site_id: needed_id(row, 1)?,
                reachable: row.get(2)?,
            })
        })?,
        settings: all(connection, "select * from settings", |row| {
            Ok(Setting {
                section: row.get(0)?,
                site_id: needed_id(row, 1)?,
                backend_id: needed_id(row, 2)?,
                name: row.get(3)?,
                value: row.get(4)?,
            })
        })?,
        unreadable: Vec::new(),
    };
    let groups = all(connection, "select * from user_groups order by name", read_group)?;
    let group_sites = all(connection, "select * from group_sites order by name", |row| {
        Ok(GroupSite {
            group_name: row.get(0)?,
            site_id: needed_id(row, 1)?,
            status: GroupSiteStatus::parse(&row.get::<_, Box<str>>(2)?),
            failover_site_id: optional_id(row, 3)?,
            last_update: row.get(4)?,
        })
    })?;
    Ok(Tables {
        places,
        groups: Chunks::of(groups),
        group_sites: Chunks::of(group_sites),
        addresses: Arc::new(read_addresses(connection)?),
    })
}

fn read_addresses(connection: &Connection) -> rusqlite::Result<Addresses> {
    let mut addresses = Addresses::new();
    let sql = "select host, address from addresses order by host, place";
    for (host, address) in all(connection, sql, |row| {
        let text: Box<str> = row.get(1)?;
        let bad = |_| rusqlite::Error::InvalidColumnType(1, "address".to_owned(), Type::Text);
        Ok((row.get::<_, Box<str>>(0)?, text.parse::<IpAddr>().map_err(bad)?))
    })? {
        addresses.entry(host).or_default().push(address);
    }
    Ok(addresses)
}

fn read_group(row: &Row<'_>) -> rusqlite::Result<UserGroup> {
    Ok(UserGroup {
        name: row.get(0)?,
        site_id: needed_id(row, 1)?,
        backend_id: optional_id(row, 2)?,
        alt_backend_id: optional_id(row, 3)?,
        sticky_users: row.get(4)?,
        moving: row.get(5)?,
        refresh_after: row.get(6)?,
        sticky_backend: row.get(7)?,
    })
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(sql)?.query_map((), read)?.collect()
}

fn id(id: Option<Uuid>) -> Option<[u8; 16]> {
    id.map(Uuid::into_bytes)
}

fn needed_id(row: &Row<'_>, at: usize) -> rusqlite::Result<Uuid> {
    let missing = || rusqlite::Error::InvalidColumnType(at, "id".to_owned(), Type::Null);
    optional_id(row, at)?.ok_or_else(missing)
}

fn optional_id(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Uuid>> {
    Ok(row.get::<_, Option<[u8; 16]>>(at)?.map(Uuid::from_bytes))
}
