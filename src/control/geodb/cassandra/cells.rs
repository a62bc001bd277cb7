//! Rows of the ten tables as values of their columns.
//!
//! A row gives its columns by name; a statement wants them in its own order, and leaves alone what has no name here.

use scylla::value::CqlValue;
use uuid::Uuid;

use super::statements::{Statement, StatementKind};
use super::values::{Cell, id, number, real, text, time};
use crate::control::geodb::schema::TableName;
use crate::control::geodb::values::{BackendFigure, DestFigure};
use crate::route::rows::{Backend, GroupSite, Setting, Site, SiteReachability, Tag, User};

/// Columns with their values.
pub(super) type Named = Vec<(&'static str, Cell)>;

/// In the order of a statement's marks.
pub(super) fn ordered(statement: Statement, named: Named) -> Vec<Cell> {
    let schema = statement.table.schema();
    let others =
        schema.columns.iter().map(|(column, _)| *column).filter(|column| !schema.is_key(column));
    let columns: Vec<&str> = match statement.kind {
        StatementKind::Insert => schema.columns.iter().map(|(column, _)| *column).collect(),
        StatementKind::Update => others.chain(schema.key.iter().copied()).collect(),
        StatementKind::ReadRow | StatementKind::Delete => schema.key.to_vec(),
        StatementKind::ReadPartition | StatementKind::DeletePartition => {
            schema.key.iter().copied().take(1).collect()
        }
        StatementKind::ReadSlice => schema.key.iter().copied().take(2).collect(),
        StatementKind::ReadRange => Vec::new(),
    };
    let mut named: Vec<(&str, Option<Cell>)> =
        named.into_iter().map(|(column, cell)| (column, Some(cell))).collect();
    let mut take = |column: &str| {
        let found = named.iter_mut().find(|(name, _)| *name == column);
        found.and_then(|(_, cell)| cell.take()).unwrap_or(Cell::Unset)
    };
    columns.into_iter().map(&mut take).collect()
}

/// The key of a row, for reading and deleting it.
pub(super) fn key(table: TableName, named: Named) -> Vec<Cell> {
    ordered(Statement::new(StatementKind::ReadRow, table), named)
}

pub(super) fn tag(row: &Tag) -> Named {
    vec![("id", id(Some(row.id))), ("tag", text(Some(&row.tag)))]
}

pub(super) fn site(row: &Site) -> Named {
    vec![
        ("id", id(Some(row.id))),
        ("name", text(Some(&row.name))),
        ("tag", id(row.tag)),
        ("load_balancer", text(row.load_balancer.as_deref())),
        ("status", text(Some(row.status.as_str()))),
    ]
}

pub(super) fn backend(row: &Backend) -> Named {
    let mut named = backend_key(row.site_id, row.id);
    named.extend([
        ("load_factor", number(row.load_factor)),
        ("host", text(Some(&row.host))),
        ("status", text(Some(row.status.as_str()))),
        ("status_reason", text(row.status_reason.as_deref())),
    ]);
    named
}

pub(super) fn backend_key(site_id: Uuid, backend: Uuid) -> Named {
    vec![("site_id", id(Some(site_id))), ("id", id(Some(backend)))]
}

pub(super) fn group_key(site_id: Uuid, name: &str) -> Named {
    vec![("site_id", id(Some(site_id))), ("name", text(Some(name)))]
}

/// `metacache_last_host` is the backends' column and stays as it is (C-GEO-1).
pub(super) fn user(row: &User, now: i64) -> Named {
    vec![
        ("username", text(Some(&row.username))),
        ("preferred_site_id", id(row.preferred_site_id)),
        ("group_name", text(Some(&row.group_name))),
        ("failover_site_group_name", text(row.failover_site_group_name.as_deref())),
        ("moving_preferred_site_id", id(row.moving_preferred_site_id)),
        ("moving_group_name", text(row.moving_group_name.as_deref())),
        ("moving_failover_site_group_name", text(row.moving_failover_site_group_name.as_deref())),
        ("last_update", time(Some(now))),
    ]
}

pub(super) fn user_key(username: &str) -> Named {
    vec![("username", text(Some(username)))]
}

pub(super) fn setting_key(row: &Setting) -> Named {
    vec![
        ("section", text(Some(&row.section))),
        ("site_id", id(Some(row.site_id))),
        ("backend_id", id(Some(row.backend_id))),
        ("setting_name", text(Some(&row.name))),
    ]
}

pub(super) fn setting(row: &Setting) -> Named {
    let mut named = setting_key(row);
    named.push(("setting_value", text(Some(&row.value))));
    named
}

pub(super) fn reachability_key(row: &SiteReachability) -> Named {
    vec![("src_site_id", id(Some(row.src_site_id))), ("dest_site_id", id(Some(row.dest_site_id)))]
}

pub(super) fn reachability(row: &SiteReachability) -> Named {
    let mut named = reachability_key(row);
    named.push(("reachable", number(row.reachable)));
    named
}

pub(super) fn dest_figure(row: &DestFigure) -> Named {
    vec![
        ("proxy_site_id", id(Some(row.proxy_site_id))),
        ("dest_host", text(Some(&row.dest_host))),
        ("proxy_host", text(Some(&row.proxy_host))),
        ("key", text(Some(&row.key))),
        ("value", real(row.value)),
        ("type", text(Some(row.kind.as_str()))),
    ]
}

pub(super) fn backend_figure(row: &BackendFigure) -> Named {
    vec![
        ("site_id", id(Some(row.site_id))),
        ("id", id(Some(row.id))),
        ("key", text(Some(&row.key))),
        ("value", real(row.value)),
        ("type", text(Some(row.kind.as_str()))),
    ]
}

pub(super) fn group_site_key(site_id: Uuid, name: &str) -> Named {
    vec![("group_name", text(Some(name))), ("site_id", id(Some(site_id)))]
}

pub(super) fn group_site(row: &GroupSite) -> Named {
    let mut named = group_site_key(row.site_id, &row.group_name);
    named.extend([
        ("status", text(Some(row.status.as_str()))),
        ("failover_site_id", id(row.failover_site_id)),
        ("last_update", time(row.last_update)),
    ]);
    named
}

/// Columns that had a value and have none now are emptied; all others of these names are left alone where they have no value.
pub(super) fn clearing(named: Named, had: &Named) -> Named {
    let is_set = |cell: &Cell| matches!(cell, Cell::Set(Some(_)));
    let had_it = |column: &str| had.iter().any(|(name, cell)| *name == column && is_set(cell));
    named
        .into_iter()
        .map(|(column, cell)| {
            let cell = super::values::or_cleared(cell, had_it(column));
            (column, cell)
        })
        .collect()
}

/// Yes or no, as Palomar writes them.
pub(super) fn flag(flag: Option<bool>) -> Cell {
    flag.map_or(Cell::Unset, |flag| Cell::Set(Some(CqlValue::Int(i32::from(flag)))))
}
